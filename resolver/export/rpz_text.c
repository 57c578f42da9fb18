#include "export/rpz_zone.h"

#include "export/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int rpz_text_init(struct rpz_text *text, const char *octets, size_t len, const char *file,
                  struct report *report)
{
    *text = (struct rpz_text){
        .at = octets, .end = octets + len, .file = file, .report = report, .line = 1};
    text->record = malloc(EXPORT_RPZ_RECORD_MAX + 1);
    return text->record == NULL ? -ENOMEM : 0;
}

void rpz_text_deinit(struct rpz_text *text)
{
    free(text->record);
}

static enum rpz_text_result fault(struct rpz_text *text, const char *words)
{
    report_add(text->report, REPORT_ERROR, text->file, text->line, 0, "%s", words);
    while (text->at < text->end && *text->at != '\n') {
        text->at++;
    }
    return RPZ_TEXT_FAULT;
}

/* A quoted string and an escaped octet stay as they are: ldns reads them. */
struct reading {
    unsigned depth; /* of parentheses */
    bool quoted, blank;
};

/* Takes one octet that is neither a comment nor the end of a line. NULL, or what is wrong. */
static const char *take(struct rpz_text *text, struct reading *reading)
{
    char c = *text->at;
    const bool escaped = c == '\\';

    if ((c < 0x20 || c > 0x7e) && c != '\t') {
        return "an octet that is not printable ASCII: write it as \\DDD";
    }
    if (escaped && (text->at + 1 == text->end || text->at[1] < 0x20 || text->at[1] > 0x7e)) {
        return "nothing follows the backslash";
    }
    if (c == '"') {
        reading->quoted = !reading->quoted;
    } else if (!reading->quoted && !escaped && (c == '(' || c == ')')) {
        if (c == ')' && reading->depth == 0) {
            return "a parenthesis is closed that was not opened";
        }
        reading->depth += c == '(' ? 1u : -1u;
        if (reading->depth > 1) {
            return "parentheses within parentheses";
        }
        c = ' ';
    }
    if (text->len + 2 > EXPORT_RPZ_RECORD_MAX) {
        return "the record is too long";
    }
    text->record[text->len++] = c == '\t' ? ' ' : c;
    if (escaped) {
        text->at++;
        text->record[text->len++] = *text->at;
    }
    reading->blank = reading->blank && (c == ' ' || c == '\t');
    text->at++;
    return NULL;
}

enum rpz_text_result rpz_text_next(struct rpz_text *text)
{
    struct reading reading = {.blank = true};

    text->len = 0;
    text->from_line = text->line;
    while (text->at < text->end) {
        const char c = *text->at;

        if (c == ';' && !reading.quoted) {
            while (text->at < text->end && *text->at != '\n') {
                text->at++;
            }
        } else if (c == '\r' && text->at + 1 < text->end && text->at[1] == '\n') {
            text->at++;
        } else if (c == '\n') {
            if (reading.quoted) {
                const enum rpz_text_result result =
                    fault(text, "a quoted string does not end on its line");

                text->line++;
                text->at++;
                return result;
            }
            text->at++;
            text->line++;
            if (reading.depth == 0 && !reading.blank) {
                text->record[text->len] = '\0';
                return RPZ_TEXT_RECORD;
            }
            if (reading.depth == 0) {
                text->len = 0;
                text->from_line = text->line;
            }
        } else {
            const char *words = take(text, &reading);

            if (words != NULL) {
                return fault(text, words);
            }
        }
    }
    if (reading.quoted || reading.depth > 0) {
        return fault(text, "the text ends within a record");
    }
    text->record[text->len] = '\0';
    return reading.blank ? RPZ_TEXT_END : RPZ_TEXT_RECORD;
}
