#include "policy/list_parser.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* FORMAT.md: octets of header values and of fact values. */
#define ID_MAX           64u
#define HEADER_VALUE_MAX 200u
#define FACT_VALUE_MAX   500u

static const char *const classes[] = {
    [POLICY_CLASS_DESIGNATED] = "designated",
    [POLICY_CLASS_PARENT_DESIGNATED] = "parent-designated",
    [POLICY_CLASS_LIST_MENTION] = "list-mention",
    [POLICY_CLASS_NAMED_URGED] = "named-urged",
    [POLICY_CLASS_NAMED_NO_DESIGNATION_FOUND] = "named-no-designation-found",
    [POLICY_CLASS_CHANGED] = "changed",
    [POLICY_CLASS_REMOVED] = "removed",
    [POLICY_CLASS_NONE_FOUND] = "none-found",
};

static const char *const states[] = {"in-force", "suspended", "contested",
                                     "removed",  "request",   "unverified"};

enum header_key {
    HEADER_ID,
    HEADER_TITLE,
    HEADER_PROVIDER,
    HEADER_PARENT,
    HEADER_SERIAL,
    HEADER_CREATED,
    HEADER_EXPIRES,
    HEADER_LEGAL,
    HEADER_KEYS
};

static const struct {
    const char *name;
    bool needed;
    const char *form; /* what to write */
} headers[HEADER_KEYS] = {
    [HEADER_ID] = {"id", true, "id NAME"},
    [HEADER_TITLE] = {"title", true, "title TEXT"},
    [HEADER_PROVIDER] = {"provider", true, "provider ID NAME IN WORDS"},
    [HEADER_PARENT] = {"parent", false, "parent ID NAME IN WORDS"},
    [HEADER_SERIAL] = {"serial", true, "serial NUMBER"},
    [HEADER_CREATED] = {"created", true, "created YYYY-MM-DDTHH:MM:SSZ"},
    [HEADER_EXPIRES] = {"expires", true, "expires YYYY-MM-DDTHH:MM:SSZ"},
    [HEADER_LEGAL] = {"legal-requirement", false, "legal-requirement TEXT"},
};

enum fact_key {
    FACT_ENTITY,
    FACT_AUTHORITY,
    FACT_INSTRUMENT,
    FACT_CITATION,
    FACT_EFFECTIVE,
    FACT_PUBLISHED,
    FACT_STATE,
    FACT_CHECKED,
    FACT_EFFECT,
    FACT_NOTE,
    FACT_KEYS
};

static const struct {
    const char *name;
    bool needed, date;
    size_t member; /* offset in struct policy_fact */
} fact_keys[FACT_KEYS] = {
    [FACT_ENTITY] = {"entity", true, false, offsetof(struct policy_fact, entity)},
    [FACT_AUTHORITY] = {"authority", true, false, offsetof(struct policy_fact, authority)},
    [FACT_INSTRUMENT] = {"instrument", false, false, offsetof(struct policy_fact, instrument)},
    [FACT_CITATION] = {"citation", false, false, offsetof(struct policy_fact, citation)},
    [FACT_EFFECTIVE] = {"effective", false, true, offsetof(struct policy_fact, effective)},
    [FACT_PUBLISHED] = {"published", false, true, offsetof(struct policy_fact, published)},
    [FACT_STATE] = {"state", true, false, offsetof(struct policy_fact, state)},
    [FACT_CHECKED] = {"checked", true, true, offsetof(struct policy_fact, checked)},
    [FACT_EFFECT] = {"effect", false, false, offsetof(struct policy_fact, effect)},
    [FACT_NOTE] = {"note", false, false, offsetof(struct policy_fact, note)},
};

enum phase {
    PHASE_HEADER,
    PHASE_FACTS,
    PHASE_RULES,
    PHASE_END
};

/* What belongs to lines, header and facts alone. */
struct list_reader {
    struct list_parser parser;
    enum phase phase;
    uint32_t header_lines[HEADER_KEYS]; /* 0: not seen */
    uint32_t fact_lines[FACT_KEYS];     /* of the fact that is open */
    uint32_t fact_line;
};

bool list_fault(struct list_parser *parser, size_t column, const char *format, ...)
{
    char message[REPORT_TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    parser->faults++;
    report_add(parser->report, REPORT_ERROR, parser->file, parser->line.number, column, "%s",
               message);
    return false;
}

char *list_keep(struct list_parser *parser, const char *octets, size_t len)
{
    char *kept = policy_strings_keep(parser->strings, octets, len);

    if (kept == NULL) {
        parser->rc = -ENOMEM;
    }
    return kept;
}

bool list_is_word(const char *text, size_t len, size_t max)
{
    for (size_t i = 0; i < len; i++) {
        const bool good = (text[i] >= 'a' && text[i] <= 'z') ||
                          (text[i] >= '0' && text[i] <= '9') || text[i] == '-';
        if (!good) {
            return false;
        }
    }
    return len >= 1 && len <= max;
}

/* The length of the UTF-8 sequence at text (RFC 3629), 0 if it is not one. */
static size_t utf8_sequence(const uint8_t *text, size_t len)
{
    const uint8_t first = text[0];
    const size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

    if (size == 1) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4 || len < size || text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

/* Length and characters of the line. */
static bool check_octets(struct list_parser *parser)
{
    const uint8_t *text = (const uint8_t *)parser->line.at;
    const size_t len = parser->line.len;

    if (len > POLICY_LIST_LINE_MAX) {
        return list_fault(parser, 0, "the line has %zu octets: split it, at most %u are read",
                          len, POLICY_LIST_LINE_MAX);
    }
    for (size_t i = 0; i < len;) {
        const size_t size = utf8_sequence(text + i, len - i);

        if (text[i] == '\r') {
            return list_fault(parser, i + 1, "carriage return: lines end with LF alone");
        }
        if (text[i] == '\t') {
            return list_fault(parser, i + 1, "tab: write one space");
        }
        if (text[i] < 0x20 || text[i] == 0x7f ||
            (size == 2 && text[i] == 0xc2 && text[i + 1] < 0xa0)) {
            return list_fault(parser, i + 1, "control character 0x%02x: remove it",
                              size == 2 ? text[i + 1] : text[i]);
        }
        if (size == 0) {
            return list_fault(parser, i + 1,
                              "octet 0x%02x is not UTF-8: save the list as UTF-8", text[i]);
        }
        i += size;
    }
    return true;
}

/* Splits "KEY VALUE". False after a fault. */
static bool split(struct list_parser *parser, size_t *key_len, const char **value,
                  size_t *value_len)
{
    const struct list_line *line = &parser->line;
    const char *space = memchr(line->at, ' ', line->len);

    *key_len = space == NULL ? line->len : (size_t)(space - line->at);
    if (*key_len == 0) {
        return list_fault(parser, 1, "a line does not begin with a space: remove it");
    }
    if (space == NULL || *key_len + 1 == line->len) {
        return list_fault(parser, line->len + 1,
                          "\"%.*s\" has no value: write one after a space",
                          (int)(*key_len < 40 ? *key_len : 40), line->at);
    }
    *value = space + 1;
    *value_len = line->len - *key_len - 1;
    if ((*value)[0] == ' ') {
        return list_fault(parser, *key_len + 2,
                          "more than one space before the value: write one");
    }
    if ((*value)[*value_len - 1] == ' ') {
        return list_fault(parser, line->len, "a space at the end of the line: remove it");
    }
    return true;
}

static bool read_owner(struct list_parser *parser, size_t column, const char *value, size_t len,
                       char **id, char **name)
{
    const char *space = memchr(value, ' ', len);
    const size_t id_len = space == NULL ? len : (size_t)(space - value);

    if (!list_is_word(value, id_len, ID_MAX) || value[0] == '-') {
        return list_fault(parser, column,
                          "the id has 1 to %u of a-z, 0-9 and '-' and does not begin with '-'",
                          ID_MAX);
    }
    if (space == NULL || id_len + 1 == len || space[1] == ' ') {
        return list_fault(parser, column + id_len,
                          "after the id comes one space and the name in words");
    }
    *id = list_keep(parser, value, id_len);
    *name = list_keep(parser, space + 1, len - id_len - 1);
    return *id != NULL && *name != NULL;
}

static bool read_serial(struct list_parser *parser, size_t column, const char *value,
                        size_t len, uint32_t *out)
{
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9' || i >= 10) {
            return list_fault(parser, column + i,
                              "the serial is a decimal number from 1 to 4294967295");
        }
        number = number * 10 + (uint64_t)(value[i] - '0');
    }
    if (number == 0 || number > UINT32_MAX || value[0] == '0') {
        return list_fault(parser, column,
                          "the serial is a decimal number from 1 to 4294967295, without "
                          "leading zeros");
    }
    *out = (uint32_t)number;
    return true;
}

static bool read_time(struct list_parser *parser, size_t column, const char *value, size_t len,
                      uint64_t *out)
{
    if (len != strlen("YYYY-MM-DDTHH:MM:SSZ") || clock_parse(value, len, out) != 0) {
        return list_fault(parser, column, "not a time: write YYYY-MM-DDTHH:MM:SSZ");
    }
    return true;
}

static bool read_header(struct list_reader *reader)
{
    struct list_parser *parser = &reader->parser;
    struct policy_list *list = parser->list;
    size_t key_len = 0, len = 0, key = 0;
    const char *value = NULL;

    if (!split(parser, &key_len, &value, &len)) {
        return false;
    }
    while (key < HEADER_KEYS && (strlen(headers[key].name) != key_len ||
                                 memcmp(headers[key].name, parser->line.at, key_len) != 0)) {
        key++;
    }
    if (key == HEADER_KEYS) {
        return list_fault(parser, 1,
                          "\"%.*s\" is no header line: id, title, provider, parent, serial, "
                          "created, expires, legal-requirement, then \"fact\" or \"rules\"",
                          (int)(key_len < 40 ? key_len : 40), parser->line.at);
    }
    if (reader->header_lines[key] != 0) {
        return list_fault(parser, 1, "\"%s\" stands in line %u already: keep one",
                          headers[key].name, reader->header_lines[key]);
    }
    reader->header_lines[key] = parser->line.number;
    const size_t column = key_len + 2;
    if (key != HEADER_ID && len > HEADER_VALUE_MAX) {
        return list_fault(parser, column + HEADER_VALUE_MAX,
                          "the value has %zu octets: at most %u are allowed", len,
                          HEADER_VALUE_MAX);
    }
    switch ((enum header_key)key) {
    case HEADER_ID:
        if (!list_is_word(value, len, ID_MAX) || value[0] == '-') {
            return list_fault(parser, column,
                              "the id has 1 to %u of a-z, 0-9 and '-' and does not begin with "
                              "'-'; the file is named after it",
                              ID_MAX);
        }
        list->id = list_keep(parser, value, len);
        return list->id != NULL;
    case HEADER_TITLE:
        list->title = list_keep(parser, value, len);
        return list->title != NULL;
    case HEADER_PROVIDER:
        return read_owner(parser, column, value, len, &list->provider, &list->provider_name);
    case HEADER_PARENT:
        return read_owner(parser, column, value, len, &list->parent, &list->parent_name);
    case HEADER_SERIAL:
        return read_serial(parser, column, value, len, &list->serial);
    case HEADER_CREATED:
        return read_time(parser, column, value, len, &list->created_s);
    case HEADER_EXPIRES:
        return read_time(parser, column, value, len, &list->expires_s);
    case HEADER_LEGAL:
        list->legal_requirement = list_keep(parser, value, len);
        return list->legal_requirement != NULL;
    case HEADER_KEYS:
        break;
    }
    return false;
}

static void close_header(struct list_reader *reader)
{
    struct list_parser *parser = &reader->parser;
    const struct policy_list *list = parser->list;

    for (size_t key = 0; key < HEADER_KEYS; key++) {
        if (headers[key].needed && reader->header_lines[key] == 0) {
            list_fault(parser, 0, "the header line \"%s\" is missing: add it above this line",
                       headers[key].form);
        }
    }
    if (list->created_s != 0 && list->expires_s != 0 && list->expires_s <= list->created_s) {
        const struct list_line here = parser->line;

        parser->line.number = reader->header_lines[HEADER_EXPIRES];
        list_fault(parser, 0,
                   "\"expires\" is not later than \"created\" in line %u: correct one",
                   reader->header_lines[HEADER_CREATED]);
        parser->line = here;
    }
}

static bool open_fact(struct list_reader *reader, const char *class, size_t len)
{
    struct list_parser *parser = &reader->parser;
    struct policy_list *list = parser->list;
    size_t found = 0;

    reader->fact_line = parser->line.number;
    memset(reader->fact_lines, 0, sizeof(reader->fact_lines));
    while (found < ITEMS(classes) &&
           (strlen(classes[found]) != len || memcmp(classes[found], class, len) != 0)) {
        found++;
    }
    if (list->fact_count == POLICY_LIST_FACTS_MAX) {
        return list_fault(parser, 1, "more than %u facts: remove some", POLICY_LIST_FACTS_MAX);
    }
    char *empty = list_keep(parser, "", 0);
    if (empty == NULL) {
        return false;
    }
    list->facts[list->fact_count++] =
        (struct policy_fact){.class = (enum policy_class)(found % ITEMS(classes)),
                             .entity = empty,
                             .authority = empty,
                             .instrument = empty,
                             .citation = empty,
                             .effective = empty,
                             .published = empty,
                             .state = empty,
                             .checked = empty,
                             .effect = empty,
                             .note = empty};
    if (found == ITEMS(classes)) {
        return list_fault(
            parser, 6,
            "\"%.*s\" is no class: designated, parent-designated, list-mention, "
            "named-urged, named-no-designation-found, changed, removed, none-found",
            (int)(len < 40 ? len : 40), class);
    }
    return true;
}

static void close_fact(struct list_reader *reader)
{
    struct list_parser *parser = &reader->parser;
    const struct list_line here = parser->line;

    parser->line.number = reader->fact_line;
    for (size_t key = 0; key < FACT_KEYS; key++) {
        if (fact_keys[key].needed && reader->fact_lines[key] == 0) {
            list_fault(parser, 0, "this fact has no \"%s\" line: add one", fact_keys[key].name);
        }
    }
    parser->line = here;
}

static bool is_state(const char *value, size_t len)
{
    for (size_t i = 0; i < ITEMS(states); i++) {
        if (strlen(states[i]) == len && memcmp(states[i], value, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_fact_line(struct list_reader *reader)
{
    struct list_parser *parser = &reader->parser;
    struct policy_list *list = parser->list;
    size_t key_len = 0, len = 0, key = 0;
    const char *value = NULL;
    uint64_t day = 0;

    if (!split(parser, &key_len, &value, &len)) {
        return false;
    }
    while (key < FACT_KEYS && (strlen(fact_keys[key].name) != key_len ||
                               memcmp(fact_keys[key].name, parser->line.at, key_len) != 0)) {
        key++;
    }
    if (key == FACT_KEYS) {
        return list_fault(parser, 1,
                          "\"%.*s\" is no line of a fact: header lines stand above the first "
                          "fact; after the facts comes \"rules\"",
                          (int)(key_len < 40 ? key_len : 40), parser->line.at);
    }
    if (reader->fact_lines[key] != 0) {
        return list_fault(parser, 1,
                          "\"%s\" stands in line %u of this fact already: keep one, or begin "
                          "another fact",
                          fact_keys[key].name, reader->fact_lines[key]);
    }
    reader->fact_lines[key] = parser->line.number;
    if (len > FACT_VALUE_MAX) {
        return list_fault(parser, key_len + 2 + FACT_VALUE_MAX,
                          "the value has %zu octets: at most %u are allowed", len,
                          FACT_VALUE_MAX);
    }
    if (fact_keys[key].date &&
        (len != strlen("YYYY-MM-DD") || clock_parse(value, len, &day) != 0)) {
        return list_fault(parser, key_len + 2, "not a date: write YYYY-MM-DD");
    }
    if (key == FACT_STATE && !is_state(value, len)) {
        return list_fault(parser, key_len + 2,
                          "\"%.*s\" is no state: in-force, suspended, contested, removed, "
                          "request, unverified",
                          (int)(len < 40 ? len : 40), value);
    }
    const char *kept = list_keep(parser, value, len);
    if (kept == NULL) {
        return false;
    }
    memcpy((char *)&list->facts[list->fact_count - 1] + fact_keys[key].member, &kept,
           sizeof(kept));
    return true;
}

static bool line_is(const struct list_line *line, const char *word)
{
    return line->len == strlen(word) && memcmp(line->at, word, line->len) == 0;
}

/* The line is whole, has no bad octets, is neither empty nor a comment. */
static void read_line(struct list_reader *reader)
{
    struct list_parser *parser = &reader->parser;
    const struct list_line *line = &parser->line;
    const bool fact = line->len > 5 && memcmp(line->at, "fact ", 5) == 0;

    if (line_is(line, "end")) {
        if (reader->phase != PHASE_RULES) {
            list_fault(parser, 1, "\"end\" without \"rules\": add a line \"rules\" above it");
        }
        reader->phase = PHASE_END;
    } else if (reader->phase == PHASE_RULES) {
        list_rule_read(parser);
    } else if (fact || line_is(line, "rules")) {
        if (reader->phase == PHASE_HEADER) {
            close_header(reader);
        } else {
            close_fact(reader);
        }
        reader->phase = fact ? PHASE_FACTS : PHASE_RULES;
        if (fact) {
            open_fact(reader, line->at + 5, line->len - 5);
        }
    } else if (reader->phase == PHASE_FACTS) {
        read_fact_line(reader);
    } else {
        read_header(reader);
    }
}

/* The first line: "cordon-list 1". */
static void read_version(struct list_parser *parser)
{
    static const char magic[] = "cordon-list ";
    const size_t magic_len = sizeof(magic) - 1;
    const struct list_line *line = &parser->line;

    if (line_is(line, "cordon-list 1")) {
        return;
    }
    if (line->len > magic_len && memcmp(line->at, magic, magic_len) == 0 &&
        line->at[magic_len] >= '1' && line->at[magic_len] <= '9') {
        list_fault(parser, magic_len + 1,
                   "list format version %.*s is newer than this program: update cordon",
                   (int)(line->len - magic_len < 20 ? line->len - magic_len : 20),
                   line->at + magic_len);
        parser->rc = CORDON_E_VERSION;
        return;
    }
    list_fault(parser, 1, "the first line is not \"cordon-list 1\": this is not a cordon list");
    parser->rc = CORDON_E_REFUSED;
}

static void read_lines(struct list_reader *reader, const char *text, size_t len)
{
    struct list_parser *parser = &reader->parser;

    for (size_t at = 0; at < len && parser->rc == 0;) {
        const char *lf = memchr(text + at, '\n', len - at);
        const size_t line_len = lf == NULL ? len - at : (size_t)(lf - (text + at));

        parser->line = (struct list_line){text + at, line_len, parser->line.number + 1};
        at += line_len + 1;
        if (reader->phase == PHASE_END) {
            list_fault(parser, 1, "something follows \"end\": remove it");
            return;
        }
        if (lf == NULL) {
            list_fault(parser, line_len + 1,
                       "the line does not end with LF: the list was cut, fetch it again");
            return;
        }
        if (parser->line.number == 1) {
            read_version(parser);
        } else if (check_octets(parser) && line_len > 0 && parser->line.at[0] != '#') {
            read_line(reader);
        }
    }
    if (parser->rc == 0 && reader->phase != PHASE_END) {
        parser->line.number++;
        list_fault(parser, 0, "the last line is not \"end\": the list was cut, fetch it again");
    }
}

static int prepare(struct list_parser *parser, const char *text, size_t len)
{
    struct policy_list *list = calloc(1, sizeof(*list));

    if (list == NULL) {
        return -ENOMEM;
    }
    parser->list = list;
    digest_of(text, len, NULL, list->digest);
    /* Whoever writes a list cannot choose this key without choosing another list. */
    parser->strings = policy_strings_create(list->digest);
    list->storage = parser->strings;
    list->facts = calloc(POLICY_LIST_FACTS_MAX, sizeof(list->facts[0]));
    if (parser->strings == NULL || list->facts == NULL) {
        return -ENOMEM;
    }
    char *empty = list_keep(parser, "", 0);
    list->id = list->title = list->provider = list->provider_name = empty;
    list->parent = list->parent_name = list->legal_requirement = empty;
    return parser->rc;
}

int policy_list_parse(const char *text, size_t len, const char *file, struct report *report,
                      struct policy_list **list)
{
    struct list_reader reader = {.parser = {.file = file, .report = report}};
    struct list_parser *parser = &reader.parser;

    if (len > POLICY_LIST_OCTETS_MAX) {
        report_add(report, REPORT_ERROR, file, 0, 0,
                   "the list has %zu octets, at most %u are read: split it", len,
                   POLICY_LIST_OCTETS_MAX);
        return CORDON_E_TOO_LARGE;
    }
    int rc = prepare(parser, text, len);
    if (rc == 0) {
        read_lines(&reader, text, len);
        rc = parser->rc != 0 ? parser->rc : parser->faults != 0 ? CORDON_E_REFUSED : 0;
    }
    free(parser->table);
    if (rc == 0) {
        *list = parser->list;
    } else {
        policy_list_free(parser->list);
    }
    return rc;
}

void policy_list_free(struct policy_list *list)
{
    if (list != NULL) {
        policy_strings_destroy(list->storage);
        free(list->facts);
        free(list->rules);
        free(list->names);
        free(list);
    }
}

/* How far a fact's state lets it hold: 2 yes, 1 if nothing better does, 0 no. */
static int fact_holds(const struct policy_fact *fact)
{
    const bool ended =
        strcmp(fact->state, "removed") == 0 || strcmp(fact->state, "suspended") == 0;
    const bool says_ended = fact->class == POLICY_CLASS_CHANGED ||
                            fact->class == POLICY_CLASS_REMOVED ||
                            fact->class == POLICY_CLASS_NONE_FOUND;

    if (ended && !says_ended) {
        return 0;
    }
    return strcmp(fact->state, "unverified") == 0 ? 1 : 2;
}

const struct policy_fact *policy_list_status(const struct policy_list *list)
{
    const struct policy_fact *best = NULL;
    int best_holds = 1;

    for (size_t i = 0; i < list->fact_count; i++) {
        const struct policy_fact *fact = &list->facts[i];
        const int holds = fact_holds(fact);

        if (holds > best_holds ||
            (holds == best_holds && (best == NULL || fact->class < best->class))) {
            best = fact;
            best_holds = holds;
        }
    }
    return best;
}

const char *policy_class_name(enum policy_class class)
{
    return (unsigned)class < ITEMS(classes) ? classes[class] : NULL;
}
