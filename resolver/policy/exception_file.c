#include "policy/exception_file.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/siphash.h"
#include "policy/list_parser.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum header_key {
    HEADER_ID,
    HEADER_SERIAL,
    HEADER_CREATED,
    HEADER_EXPIRES,
    HEADER_KEYS
};

static const char *const headers[HEADER_KEYS] = {"id", "serial", "created", "expires"};

enum entry_key {
    ENTRY_NAME,
    ENTRY_RULE,
    ENTRY_MATCH,
    ENTRY_SCOPE,
    ENTRY_VIEW,
    ENTRY_TICKET,
    ENTRY_LICENCE,
    ENTRY_APPROVER,
    ENTRY_FROM,
    ENTRY_UNTIL,
    ENTRY_REASON,
    ENTRY_PUBLIC_SUFFIX,
    ENTRY_KEYS
};

/* Octets of the value; 0: it has a form of its own. */
static const struct {
    const char *name;
    size_t max;
} keys[ENTRY_KEYS] = {
    [ENTRY_NAME] = {"name", 0},
    [ENTRY_RULE] = {"rule", 0},
    [ENTRY_MATCH] = {"match", 0},
    [ENTRY_SCOPE] = {"scope", 0},
    [ENTRY_VIEW] = {"view", POLICY_VIEW_NAME_MAX},
    [ENTRY_TICKET] = {"ticket", POLICY_TICKET_MAX},
    [ENTRY_LICENCE] = {"licence", POLICY_TICKET_MAX},
    [ENTRY_APPROVER] = {"approver", POLICY_APPROVER_MAX},
    [ENTRY_FROM] = {"from", 0},
    [ENTRY_UNTIL] = {"until", 0},
    [ENTRY_REASON] = {"reason", POLICY_REASON_MAX},
    [ENTRY_PUBLIC_SUFFIX] = {"public-suffix", POLICY_REASON_MAX},
};

/* The current line as it was split. */
struct field {
    const char *key, *value;
    size_t key_len, len;
    size_t column; /* of the value */
};

struct reader {
    struct list_parser parser; /* file, report, line and faults of it */
    struct policy_exception_file *file;
    size_t room;
    uint32_t header_lines[HEADER_KEYS]; /* where each was seen; 0: not yet */
    uint32_t lines[ENTRY_KEYS];         /* the same for the exception that is open */
    bool open;                          /* there is one, the last of the file */
    bool ended;
};

static void fault_at(struct reader *reader, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A fault of the exception as a whole, at one of its lines. */
static void fault_at(struct reader *reader, uint32_t line, const char *format, ...)
{
    const uint32_t here = reader->parser.line.number;
    char words[REPORT_TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    reader->parser.line.number = line;
    list_fault(&reader->parser, 0, "%s", words);
    reader->parser.line.number = here;
}

static bool is_key(const struct field *field, const char *word)
{
    return field->key_len == strlen(word) && memcmp(field->key, word, field->key_len) == 0;
}

/* --- header --- */

static void read_header(struct reader *reader, const struct field *field)
{
    struct list_parser *parser = &reader->parser;
    struct policy_exception_file *file = reader->file;
    size_t key = 0;

    while (key < HEADER_KEYS && !is_key(field, headers[key])) {
        key++;
    }
    if (key == HEADER_KEYS) {
        list_fault(parser, 1,
                   "\"%.*s\" is no header line: id, serial, created, expires, then \"exception "
                   "ID\"",
                   (int)(field->key_len < 40 ? field->key_len : 40), field->key);
        return;
    }
    if (reader->header_lines[key] != 0) {
        list_fault(parser, 1, "\"%s\" stands in line %u already: keep one", headers[key],
                   reader->header_lines[key]);
        return;
    }
    reader->header_lines[key] = parser->line.number;
    switch ((enum header_key)key) {
    case HEADER_ID:
        if (!list_is_word(field->value, field->len, POLICY_LIST_ID_MAX) ||
            field->value[0] == '-') {
            list_fault(parser, field->column,
                       "the id has 1 to %u of a-z, 0-9 and '-' and does not begin with '-'",
                       POLICY_LIST_ID_MAX);
            return;
        }
        memcpy(file->id, field->value, field->len);
        break;
    case HEADER_SERIAL:
        (void)list_read_serial(parser, field->column, field->value, field->len, &file->serial);
        break;
    case HEADER_CREATED:
        (void)list_read_time(parser, field->column, field->value, field->len, &file->created_s);
        break;
    case HEADER_EXPIRES:
    case HEADER_KEYS:
        (void)list_read_time(parser, field->column, field->value, field->len, &file->expires_s);
        break;
    }
}

static void close_header(struct reader *reader)
{
    const struct policy_exception_file *file = reader->file;

    for (size_t i = 0; i < HEADER_KEYS; i++) {
        if (reader->header_lines[i] == 0) {
            list_fault(&reader->parser, 0, "the header has no \"%s\": add it above this line",
                       headers[i]);
        }
    }
    if (file->created_s != 0 && file->expires_s != 0 && file->expires_s <= file->created_s) {
        fault_at(reader, reader->header_lines[HEADER_EXPIRES],
                 "it expires before it was created (line %u)",
                 reader->header_lines[HEADER_CREATED]);
    }
}

/* --- one exception --- */

static struct policy_exception_entry *entry_of(struct reader *reader)
{
    return &reader->file->entries[reader->file->count - 1];
}

/* What it lacks, and what of it does not go together. */
static void close_entry(struct reader *reader)
{
    const struct policy_exception_entry *entry = entry_of(reader);
    const uint32_t *lines = reader->lines;
    const uint64_t begin_s =
        entry->from_s != 0 ? entry->from_s : reader->file->created_s; /* 0: it has a fault */

    if (!reader->open) {
        return;
    }
    reader->open = false;
    if (lines[ENTRY_NAME] == 0 && lines[ENTRY_RULE] == 0) {
        fault_at(reader, entry->line,
                 "this exception has no name and no rule: add one of them");
    }
    if (lines[ENTRY_NAME] != 0 && lines[ENTRY_RULE] != 0) {
        fault_at(reader, lines[ENTRY_RULE],
                 "there is a name in line %u: an exception is for a name or for a rule",
                 lines[ENTRY_NAME]);
    }
    if (lines[ENTRY_RULE] != 0 && lines[ENTRY_MATCH] != 0) {
        fault_at(reader, lines[ENTRY_MATCH],
                 "the rule in line %u has its own match: remove this line", lines[ENTRY_RULE]);
    }
    if (lines[ENTRY_TICKET] == 0 && lines[ENTRY_LICENCE] == 0) {
        fault_at(reader, entry->line,
                 "this exception has no ticket and no licence: add one of them");
    }
    if (lines[ENTRY_APPROVER] == 0) {
        fault_at(reader, entry->line, "this exception has no approver: say who");
    }
    if (lines[ENTRY_REASON] == 0) {
        fault_at(reader, entry->line, "this exception has no reason: say why");
    }
    if (lines[ENTRY_UNTIL] == 0) {
        fault_at(reader, entry->line, "this exception has no end: add \"until\"");
    } else if (entry->until_s != 0 && begin_s != 0 && entry->until_s <= begin_s) {
        fault_at(reader, lines[ENTRY_UNTIL], "this is not after its beginning");
    } else if (entry->until_s != 0 && begin_s != 0 &&
               entry->until_s - begin_s > POLICY_EXCEPTION_S_MAX) {
        fault_at(reader, lines[ENTRY_UNTIL],
                 "it would last for more than 366 days: for more, change the list");
    }
}

static void open_entry(struct reader *reader, const struct field *field)
{
    struct policy_exception_file *file = reader->file;
    struct list_parser *parser = &reader->parser;

    if (file->count == POLICY_EXCEPTIONS_MAX) {
        list_fault(parser, 0, "more than %u exceptions: put names that stay into a list",
                   POLICY_EXCEPTIONS_MAX);
        parser->rc = CORDON_E_REFUSED;
        return;
    }
    if (file->count == reader->room) {
        const size_t room = reader->room == 0 ? 16 : 2 * reader->room;
        struct policy_exception_entry *larger =
            realloc(file->entries, room * sizeof(larger[0]));

        if (larger == NULL) {
            parser->rc = -ENOMEM;
            return;
        }
        file->entries = larger;
        reader->room = room;
    }
    file->entries[file->count++] = (struct policy_exception_entry){
        .exception = {.view = POLICY_ANY_VIEW}, .line = parser->line.number};
    memset(reader->lines, 0, sizeof(reader->lines));
    reader->open = true;
    if (!policy_exception_id_is_good(field->value, field->len)) {
        list_fault(parser, field->column,
                   "the id has 1 to %u of a-z, 0-9 and '-' and does not begin with '-'",
                   POLICY_EXCEPTION_ID_MAX);
        return;
    }
    memcpy(entry_of(reader)->exception.id, field->value, field->len);
}

static void read_name(struct reader *reader, const struct field *field)
{
    struct policy_exception_entry *entry = entry_of(reader);
    uint8_t octets[WIRE_NAME_MAX];
    struct address address;
    uint8_t len = 0;
    size_t pos = 0;

    entry->name_line = reader->parser.line.number;
    if (address_parse(field->value, field->len, 0, &address) == 0) {
        list_fault(&reader->parser, field->column,
                   "an address is no name: name what is asked for, with scope chain where its "
                   "addresses are blocked, or a rule with its prefix");
    } else if (list_name_read(&reader->parser, field->column, field->value, field->len, octets,
                              &len) &&
               wire_name_read(octets, len, &pos, &entry->exception.name) != WIRE_OK) {
        list_fault(&reader->parser, field->column, "no domain name");
    }
}

/* A rule has one spelling, or a reader would not find it in the list. */
static void read_rule(struct reader *reader, const struct field *field)
{
    struct policy_exception_entry *entry = entry_of(reader);
    char written[POLICY_SUBJECT_MAX];
    const char *words = policy_exception_read_rule(field->value, field->len, &entry->exception);

    entry->name_line = reader->parser.line.number;
    if (words != NULL) {
        list_fault(&reader->parser, field->column, "%s", words);
        entry->exception.is_rule = false;
        return;
    }
    const size_t len = policy_exception_subject(&entry->exception, written);
    if (len != field->len || memcmp(written, field->value, len) != 0) {
        list_fault(&reader->parser, field->column, "write it as the list has it: %s", written);
    }
}

/* One of two words: true for the second. */
static bool second_word(struct reader *reader, const struct field *field, const char *first,
                        const char *second)
{
    const bool is_second =
        field->len == strlen(second) && memcmp(field->value, second, field->len) == 0;

    if (!is_second &&
        (field->len != strlen(first) || memcmp(field->value, first, field->len) != 0)) {
        list_fault(&reader->parser, field->column, "expected %s or %s", first, second);
    }
    return is_second;
}

static void read_value(struct reader *reader, enum entry_key key, const struct field *field)
{
    struct list_parser *parser = &reader->parser;
    struct policy_exception_entry *entry = entry_of(reader);
    struct policy_exception *exception = &entry->exception;
    char *const texts[ENTRY_KEYS] = {[ENTRY_VIEW] = entry->view,
                                     [ENTRY_TICKET] = exception->ticket,
                                     [ENTRY_LICENCE] = exception->licence,
                                     [ENTRY_APPROVER] = exception->approver,
                                     [ENTRY_REASON] = entry->reason};

    if (keys[key].max != 0 && field->len > keys[key].max) {
        list_fault(parser, field->column + keys[key].max,
                   "the value has %zu octets: at most %zu are allowed", field->len,
                   keys[key].max);
        return;
    }
    if (texts[key] != NULL) {
        memcpy(texts[key], field->value, field->len);
        return;
    }
    if (key == ENTRY_NAME) {
        read_name(reader, field);
    } else if (key == ENTRY_RULE) {
        read_rule(reader, field);
    } else if (key == ENTRY_MATCH) {
        exception->exact = second_word(reader, field, "suffix", "exact");
    } else if (key == ENTRY_SCOPE) {
        exception->chain = second_word(reader, field, "own", "chain");
    } else if (key == ENTRY_FROM) {
        (void)list_read_time(parser, field->column, field->value, field->len, &entry->from_s);
    } else if (key == ENTRY_UNTIL) {
        (void)list_read_time(parser, field->column, field->value, field->len, &entry->until_s);
    } else {
        entry->public_suffix = true; /* its text is for people */
    }
}

static void read_field(struct reader *reader, const struct field *field)
{
    struct list_parser *parser = &reader->parser;
    size_t key = 0;

    while (key < ENTRY_KEYS && !is_key(field, keys[key].name)) {
        key++;
    }
    if (key == ENTRY_KEYS) {
        list_fault(parser, 1,
                   "\"%.*s\" is no line of an exception: name or rule, match, scope, view, "
                   "ticket, licence, approver, from, until, reason, public-suffix",
                   (int)(field->key_len < 40 ? field->key_len : 40), field->key);
    } else if (reader->lines[key] != 0) {
        list_fault(parser, 1, "\"%s\" stands in line %u already: keep one", keys[key].name,
                   reader->lines[key]);
    } else {
        reader->lines[key] = parser->line.number;
        read_value(reader, (enum entry_key)key, field);
    }
}

/* --- all of them --- */

/* A place in the table of those that were seen: a hash finds one that may be the same. */
struct seen {
    uint32_t *table; /* numbers, from 1 */
    size_t mask;
    uint8_t key[SIPHASH_KEY_OCTETS];
};

static bool is_same(const struct policy_exception_entry *a,
                    const struct policy_exception_entry *b, bool by_id)
{
    return by_id ? strcmp(a->exception.id, b->exception.id) == 0
                 : strcmp(a->view, b->view) == 0 &&
                       policy_exception_same_subject(&a->exception, &b->exception);
}

/* The earlier one with the same id, or about the same; NULL: none, and this one is entered. */
static const struct policy_exception_entry *enter(const struct policy_exception_file *file,
                                                  struct seen *seen, size_t index, bool by_id)
{
    const struct policy_exception_entry *entry = &file->entries[index];
    char what[POLICY_SUBJECT_MAX + POLICY_VIEW_NAME_MAX + 8];
    char subject[POLICY_SUBJECT_MAX];

    (void)policy_exception_subject(&entry->exception, subject);
    const int len = by_id ? snprintf(what, sizeof(what), "%s", entry->exception.id)
                          : snprintf(what, sizeof(what), "%s %s", entry->view, subject);
    size_t at = (size_t)siphash13(what, (size_t)len, seen->key) & seen->mask;
    for (; seen->table[at] != 0; at = (at + 1) & seen->mask) {
        const struct policy_exception_entry *other = &file->entries[seen->table[at] - 1];

        if (is_same(entry, other, by_id)) {
            return other;
        }
    }
    seen->table[at] = (uint32_t)index + 1;
    return NULL;
}

/* Two for the same would be a contradiction, or one of them says nothing. */
static void check_twice(struct reader *reader, bool by_id)
{
    const struct policy_exception_file *file = reader->file;
    struct seen seen = {.mask = 4 * POLICY_EXCEPTIONS_MAX - 1};

    seen.table = calloc(seen.mask + 1, sizeof(seen.table[0]));
    if (seen.table == NULL) {
        reader->parser.rc = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        const struct policy_exception_entry *entry = &file->entries[i];
        const struct policy_exception_entry *other = enter(file, &seen, i, by_id);

        if (other != NULL) {
            fault_at(reader, by_id ? entry->line : entry->name_line,
                     "the exception in line %u %s", other->line,
                     by_id ? "has this id: choose another"
                           : "is for the same: keep one of them");
        }
    }
    free(seen.table);
}

static void read_line(struct reader *reader)
{
    struct list_parser *parser = &reader->parser;
    struct field field = {.key = parser->line.at};

    if (parser->line.len == 3 && memcmp(parser->line.at, "end", 3) == 0) {
        if (reader->file->count == 0) {
            close_header(reader);
        } else {
            close_entry(reader);
        }
        reader->ended = true;
        return;
    }
    if (!list_split(parser, &field.key_len, &field.value, &field.len)) {
        return;
    }
    field.column = field.key_len + 2;
    if (is_key(&field, "exception")) {
        if (reader->file->count == 0) {
            close_header(reader);
        } else {
            close_entry(reader);
        }
        open_entry(reader, &field);
    } else if (reader->file->count == 0) {
        read_header(reader, &field);
    } else {
        read_field(reader, &field);
    }
}

static void read_version(struct list_parser *parser)
{
    static const char magic[] = "cordon-exceptions ";
    const size_t len = sizeof(magic) - 1;
    const struct list_line *line = &parser->line;

    if (line->len == len + 1 && memcmp(line->at, "cordon-exceptions 1", len + 1) == 0) {
        return;
    }
    parser->rc = CORDON_E_REFUSED;
    if (line->len > len && memcmp(line->at, magic, len) == 0 && line->at[len] >= '1' &&
        line->at[len] <= '9' && line->at[line->len - 1] != '\r') {
        list_fault(parser, len + 1, "this version of the format is newer than this program");
        parser->rc = CORDON_E_VERSION;
        return;
    }
    list_fault(parser, 1,
               "the first line is not \"cordon-exceptions 1\": this is no file of exceptions");
}

static void read_lines(struct reader *reader, const char *text, size_t len)
{
    struct list_parser *parser = &reader->parser;

    for (size_t at = 0; at < len && parser->rc == 0;) {
        const char *lf = memchr(text + at, '\n', len - at);
        const size_t line_len = lf == NULL ? len - at : (size_t)(lf - (text + at));

        parser->line = (struct list_line){text + at, line_len, parser->line.number + 1};
        at += line_len + 1;
        if (reader->ended) {
            list_fault(parser, 1, "something follows \"end\": remove it");
            return;
        }
        if (lf == NULL) {
            list_fault(parser, line_len + 1,
                       "the line does not end with LF: the file was cut, fetch it again");
            return;
        }
        if (parser->line.number == 1) {
            read_version(parser);
        } else if (list_check_octets(parser) && line_len > 0 && parser->line.at[0] != '#') {
            read_line(reader);
        }
    }
    if (parser->rc == 0 && !reader->ended) {
        parser->line.number++;
        list_fault(parser, 0, "the last line is not \"end\": the file was cut, fetch it again");
    }
}

int policy_exception_file_parse(const char *text, size_t len, const char *file,
                                struct report *report, struct policy_exception_file **out)
{
    struct reader reader = {.parser = {.file = file, .report = report}};
    struct list_parser *parser = &reader.parser;

    if (len > POLICY_EXCEPTION_FILE_OCTETS_MAX) {
        report_add(report, REPORT_ERROR, file, 0, 0,
                   "the file has %zu octets, at most %u are read", len,
                   POLICY_EXCEPTION_FILE_OCTETS_MAX);
        return CORDON_E_TOO_LARGE;
    }
    reader.file = calloc(1, sizeof(*reader.file));
    if (reader.file == NULL) {
        return -ENOMEM;
    }
    digest_of(text, len, NULL, reader.file->digest);
    read_lines(&reader, text, len);
    for (unsigned i = 0; i < 2 && parser->rc == 0 && parser->faults == 0; i++) {
        check_twice(&reader, i == 0);
    }
    const int rc = parser->rc != 0 ? parser->rc : parser->faults != 0 ? CORDON_E_REFUSED : 0;
    if (rc == 0) {
        *out = reader.file;
    } else {
        policy_exception_file_free(reader.file);
    }
    return rc;
}

void policy_exception_file_free(struct policy_exception_file *file)
{
    if (file != NULL) {
        free(file->entries);
        free(file);
    }
}
