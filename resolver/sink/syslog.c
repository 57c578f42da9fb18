/*
 * sink/syslog.c - an event as a syslog message (RFC 5424): what most look for as structured
 * data, and the line of docs/events.md as the message, where there is room for it.
 *
 * The structured data is "cordon@NUMBER": the enterprise number makes the name the property of
 * whoever has it (RFC 5424, 6.3.2).
 */
#include "sink/event.h"

#include "audit/shown.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "sink/limits.h"

#include <stdio.h>
#include <string.h>

#define DATA_END 1u /* the octet that closes it */
#define FACILITY 8u /* of a priority, its lowest three bits are the severity */
#define HOST_MAX 255u
#define WORD_MAX 32u /* of MSGID */

/* RFC 5424, 6.2.1 */
enum severity {
    SEVERITY_WARNING = 4,
    SEVERITY_NOTICE = 5,
    SEVERITY_INFO = 6
};

static enum severity severity_of(const struct sink_event *event)
{
    const struct audit_row *row = event->row;

    if (event->stream == AUDIT_CHANGES) {
        return audit_row_says(row, AUDIT_WHAT, "gap") ? SEVERITY_WARNING : SEVERITY_NOTICE;
    }
    return audit_row_get(row, AUDIT_APPLIED) != 0 ? SEVERITY_NOTICE : SEVERITY_INFO;
}

/* A field of the header: printable ASCII without spaces, "-" if there is none. */
static void add_field(struct text *text, const char *octets, size_t len, size_t max)
{
    const size_t before = text->len;

    for (size_t i = 0; i < len && i < max; i++) {
        if (octets[i] > ' ' && octets[i] < 0x7f) {
            text_add_octets(text, octets + i, 1);
        }
    }
    if (text->len == before) {
        text_add(text, "-");
    }
}

/* --- structured data --- */

/* ' NAME="VALUE"', if it fits whole: three octets are escaped; controls, and what is no UTF-8,
 * are left out (RFC 5424, 6.3.3). */
static void add_param(struct text *text, const char *name, const char *value, size_t len)
{
    const struct text before = *text;
    uint32_t point = 0;
    size_t put = 0;
    size_t size = 0;

    text_add(text, " ");
    text_add(text, name);
    text_add(text, "=\"");
    for (size_t at = 0; at < len; at += size) {
        size = utf8_point((const uint8_t *)value + at, len - at, &point);
        if (size == 0 || point < ' ' || point == 0x7f) {
            size = size == 0 ? 1 : size;
            continue;
        }
        put += size;
        if (put > SINK_SYSLOG_VALUE_MAX) {
            break;
        }
        if (point == '"' || point == '\\' || point == ']') {
            text_add(text, "\\");
        }
        text_add_octets(text, value + at, size);
    }
    text_add(text, "\"");
    if (text->overflow) {
        *text = before;
        text->at[text->len] = '\0';
    }
}

/* A column in the words of docs/events.md. */
static void add_column(struct text *text, const char *key, const struct audit_row *row,
                       enum audit_column column)
{
    char words[AUDIT_TEXT_MAX + 1];

    if (audit_row_has(row, column)) {
        add_param(text, key, words, audit_row_words(row, column, words));
    }
}

/* On what ground: the words that are never blurred (docs/events.md). */
static void add_basis(struct text *text, const struct audit_row *row)
{
    static const struct {
        const char *key;
        enum audit_basis_word place;
    } words[] = {{"list", AUDIT_BASIS_LIST},
                 {"provider", AUDIT_BASIS_PROVIDER},
                 {"status_class", AUDIT_BASIS_STATUS_CLASS},
                 {"status_entity", AUDIT_BASIS_STATUS_ENTITY},
                 {"status_authority", AUDIT_BASIS_STATUS_AUTHORITY}};
    struct audit_basis_view basis;
    char serial[24];

    if (!audit_row_basis(row, &basis)) {
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct audit_value *word = &basis.word[words[i].place];

        if (word->octets != NULL) {
            add_param(text, words[i].key, (const char *)word->octets, word->number);
        }
    }
    const int len = snprintf(serial, sizeof(serial), "%llu", (unsigned long long)basis.serial);
    add_param(text, "serial", serial, len > 0 ? (size_t)len : 0);
}

/* The most important first: what does not fit is left out. */
static void add_data(struct text *text, const struct sink_event *event, unsigned enterprise)
{
    static const enum audit_column first[] = {AUDIT_CLIENT, AUDIT_NAME,   AUDIT_TYPE,
                                              AUDIT_RCODE,  AUDIT_VIEW,   AUDIT_ACTION,
                                              AUDIT_MODE,   AUDIT_APPLIED};
    static const enum audit_column then[] = {AUDIT_RULE, AUDIT_TRIGGER, AUDIT_MATCHED,
                                             AUDIT_WHAT, AUDIT_USER,    AUDIT_SUBJECT};
    const struct audit_row *row = event->row;

    text_printf(text, "[cordon@%u", enterprise);
    add_param(text, "id", event->id, strlen(event->id));
    if (event->log != NULL) {
        add_param(text, "log", event->log, strlen(event->log));
    }
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        add_column(text, audit_column_word(first[i]), row, first[i]);
    }
    add_basis(text, row);
    for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
        add_column(text, audit_column_word(then[i]), row, then[i]);
    }
}

size_t sink_syslog(const struct sink_event *event, const struct sink_self *self, char *out,
                   size_t size)
{
    static const struct audit_value none = {.octets = NULL};
    const struct audit_row *row = event->row;
    const size_t most = self->most < size ? self->most : size;
    const struct audit_value *word =
        audit_row_has(row, AUDIT_EVENT) ? &row->at[AUDIT_EVENT] : &none;
    char line[SINK_MESSAGE_MAX];
    char time[CLOCK_TEXT_MAX];
    struct text text;

    text_init(&text, out, most - DATA_END);
    text_printf(&text, "<%u>1 ", self->facility * FACILITY + (unsigned)severity_of(event));
    text_add_octets(&text, time, clock_format(row->at[AUDIT_TIME].number, time));
    text_add(&text, " ");
    add_field(&text, self->host, strlen(self->host), HOST_MAX);
    text_printf(&text, " cordond %ld ", self->pid);
    add_field(&text, (const char *)word->octets, word->number, WORD_MAX);
    text_add(&text, " ");
    add_data(&text, event, self->enterprise);
    text.size = most;
    text_add(&text, "]");
    const size_t len = sink_json(event, self, line, sizeof(line));
    if (len > 1 && text.len + len < most) { /* a space for its newline */
        text_add(&text, " ");
        text_add_octets(&text, line, len - 1);
    }
    return text.overflow ? 0 : text.len;
}
