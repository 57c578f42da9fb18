#include "policy/list_parser.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whoever waits is told so often: every few hundredths of a second. */
#define TELL_LINES 65536u

/* Where a list is: header, facts and rules come in this order. */
enum phase {
    PHASE_HEADER,
    PHASE_FACTS,
    PHASE_RULES,
    PHASE_END
};

struct list_reader {
    struct list_parser parser;
    enum phase phase;
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

/* How many octets at the start, at most seven less, are ASCII without control characters:
 * nearly all lines are nothing else. Eight at a time: an octet with its top bit set, below 0x20
 * or 0x7f makes a top bit in one of the three words. */
static size_t plain_octets(const uint8_t *text, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t at = 0;

    for (; len - at >= 8; at += 8) {
        uint64_t word;

        memcpy(&word, text + at, sizeof(word));
        if (((word | (word - 0x20 * ones) | (word + ones)) & 0x80 * ones) != 0) {
            break;
        }
    }
    return at;
}

bool list_check_octets(struct list_parser *parser)
{
    const uint8_t *text = (const uint8_t *)parser->line.at;
    const size_t len = parser->line.len;

    if (len > POLICY_LIST_LINE_MAX) {
        return list_fault(parser, 0, "the line has %zu octets: split it, at most %u are read",
                          len, POLICY_LIST_LINE_MAX);
    }
    for (size_t i = plain_octets(text, len); i < len;) {
        uint32_t point = text[i];
        const size_t size = point < 0x80 ? 1 : utf8_point(text + i, len - i, &point);

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
        if (size > 1 && utf8_is_hidden(point)) {
            return list_fault(
                parser, i + 1,
                "character U+%04" PRIX32
                ", which is invisible or changes the direction of text: remove it",
                point);
        }
        i += size;
    }
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
            list_header_close(parser);
        } else {
            list_fact_close(parser);
        }
        reader->phase = fact ? PHASE_FACTS : PHASE_RULES;
        if (fact) {
            list_fact_open(parser, line->at + 5, line->len - 5);
        }
    } else if (reader->phase == PHASE_FACTS) {
        list_fact_read(parser);
    } else {
        list_header_read(parser);
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
    if (line->len > 0 && line->at[line->len - 1] == '\r') {
        list_fault(parser, line->len,
                   "the line ends with CR LF: lists use LF alone, fetch or save it again");
        parser->rc = CORDON_E_REFUSED;
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
        if (parser->line.number % TELL_LINES == 0) {
            report_progress(parser->report, "reading", at, len);
        }
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
        } else if (list_check_octets(parser) && line_len > 0 && parser->line.at[0] != '#') {
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
    parser->empty = empty;
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
        list_twice_check(parser);
        rc = parser->rc != 0 ? parser->rc : parser->faults != 0 ? CORDON_E_REFUSED : 0;
    }
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
        free(list->prefixes);
        free(list->forced);
        free(list);
    }
}
