/* Header lines and facts of a list. */
#include "policy/list_parser.h"

#include "base/clock.h"

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
    HEADER_KEYS = LIST_HEADER_KEYS
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
    FACT_KEYS = LIST_FACT_KEYS
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

bool list_split(struct list_parser *parser, size_t *key_len, const char **value,
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

bool list_read_serial(struct list_parser *parser, size_t column, const char *value, size_t len,
                      uint32_t *out)
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

bool list_read_time(struct list_parser *parser, size_t column, const char *value, size_t len,
                    uint64_t *out)
{
    if (len != strlen("YYYY-MM-DDTHH:MM:SSZ") || clock_parse(value, len, out) != 0) {
        return list_fault(parser, column, "not a time: write YYYY-MM-DDTHH:MM:SSZ");
    }
    return true;
}

bool list_header_read(struct list_parser *parser)
{
    struct policy_list *list = parser->list;
    size_t key_len = 0, len = 0, key = 0;
    const char *value = "";

    if (!list_split(parser, &key_len, &value, &len)) {
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
    if (parser->header_lines[key] != 0) {
        return list_fault(parser, 1, "\"%s\" stands in line %u already: keep one",
                          headers[key].name, parser->header_lines[key]);
    }
    parser->header_lines[key] = parser->line.number;
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
        return list_read_serial(parser, column, value, len, &list->serial);
    case HEADER_CREATED:
        return list_read_time(parser, column, value, len, &list->created_s);
    case HEADER_EXPIRES:
        return list_read_time(parser, column, value, len, &list->expires_s);
    case HEADER_LEGAL:
        list->legal_requirement = list_keep(parser, value, len);
        return list->legal_requirement != NULL;
    case HEADER_KEYS:
        break;
    }
    return false;
}

void list_header_close(struct list_parser *parser)
{
    const struct policy_list *list = parser->list;

    for (size_t key = 0; key < HEADER_KEYS; key++) {
        if (headers[key].needed && parser->header_lines[key] == 0) {
            list_fault(parser, 0, "the header line \"%s\" is missing: add it above this line",
                       headers[key].form);
        }
    }
    if (list->created_s != 0 && list->expires_s != 0 && list->expires_s <= list->created_s) {
        const struct list_line here = parser->line;

        parser->line.number = parser->header_lines[HEADER_EXPIRES];
        list_fault(parser, 0,
                   "\"expires\" is not later than \"created\" in line %u: correct one",
                   parser->header_lines[HEADER_CREATED]);
        parser->line = here;
    }
}

bool list_fact_open(struct list_parser *parser, const char *class, size_t len)
{
    struct policy_list *list = parser->list;
    size_t found = 0;

    parser->fact_line = parser->line.number;
    memset(parser->fact_lines, 0, sizeof(parser->fact_lines));
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

void list_fact_close(struct list_parser *parser)
{
    const struct list_line here = parser->line;

    parser->line.number = parser->fact_line;
    for (size_t key = 0; key < FACT_KEYS; key++) {
        if (fact_keys[key].needed && parser->fact_lines[key] == 0) {
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

bool list_fact_read(struct list_parser *parser)
{
    struct policy_list *list = parser->list;
    size_t key_len = 0, len = 0, key = 0;
    const char *value = "";
    uint64_t day = 0;

    if (!list_split(parser, &key_len, &value, &len)) {
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
    if (parser->fact_lines[key] != 0) {
        return list_fault(parser, 1,
                          "\"%s\" stands in line %u of this fact already: keep one, or begin "
                          "another fact",
                          fact_keys[key].name, parser->fact_lines[key]);
    }
    parser->fact_lines[key] = parser->line.number;
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
