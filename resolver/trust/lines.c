#include "trust/lines.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "trust/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define KEY_LINE_OCTETS 56u /* base64 of a public key of minisign */

bool lines_fault(struct lines *lines, const char *format, ...)
{
    char message[REPORT_TEXT_MAX];
    va_list arguments;

    if (lines->rc == 0) {
        va_start(arguments, format);
        vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);
        report_add(lines->report, REPORT_ERROR, lines->file, lines->number, 0, "%s", message);
        lines->rc = CORDON_E_REFUSED;
    }
    return false;
}

/* Characters that a reader sees as they are. */
static bool is_plain(const char *at, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t point = 0;
        const size_t size = utf8_point((const uint8_t *)at + i, len - i, &point);

        if (size == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0) ||
            utf8_is_hidden(point)) {
            return false;
        }
        i += size;
    }
    return true;
}

/* Makes the next line the current one. */
static void advance(struct lines *lines)
{
    lines->at = NULL;
    lines->len = 0;
    if (lines->rc != 0 || lines->left == 0) {
        return;
    }
    lines->number++;
    const size_t most = lines->left < TRUST_LINE_MAX + 1 ? lines->left : TRUST_LINE_MAX + 1;
    const char *end = memchr(lines->next, '\n', most);
    if (end == NULL) {
        lines_fault(lines, "the line is cut, or longer than the %u octets that there are",
                    TRUST_LINE_MAX);
        return;
    }
    const size_t len = (size_t)(end - lines->next);
    if (!is_plain(lines->next, len)) {
        lines_fault(lines, "the line has a character that is not printable UTF-8");
        return;
    }
    lines->at = lines->next;
    lines->len = len;
    lines->next += len + 1;
    lines->left -= len + 1;
}

void lines_open(struct lines *lines, const char *text, size_t len, const char *file,
                struct report *report)
{
    *lines = (struct lines){.next = text, .left = len, .file = file, .report = report};
    advance(lines);
    if (lines->at == NULL) {
        lines_fault(lines, "the file is empty");
    }
}

bool lines_first(struct lines *lines, const char *what)
{
    uint32_t version = 0;

    return lines_version(lines, what, 1, &version);
}

bool lines_version(struct lines *lines, const char *what, uint32_t most, uint32_t *out)
{
    const size_t len = strlen(what);
    uint64_t version = 0;

    if (lines->rc != 0) {
        return false;
    }
    if (lines->len < len + 2 || memcmp(lines->at, what, len) != 0 || lines->at[len] != ' ' ||
        !lines_parse_number(lines->at + len + 1, lines->len - len - 1, UINT32_MAX, &version)) {
        return lines_fault(lines,
                           "the first line is not \"%s %" PRIu32 "\": this is another file",
                           what, most);
    }
    if (version > most) {
        lines_fault(lines, "version %" PRIu64 " of this format is not known: update cordon",
                    version);
        lines->rc = CORDON_E_VERSION;
        return false;
    }
    *out = (uint32_t)version;
    advance(lines);
    return true;
}

bool lines_is(const struct lines *lines, const char *key)
{
    const size_t len = strlen(key);

    return lines->rc == 0 && lines->at != NULL && lines->len > len &&
           memcmp(lines->at, key, len) == 0 && lines->at[len] == ' ';
}

bool lines_value(struct lines *lines, const char *key, char *out, size_t size)
{
    const size_t key_len = strlen(key) + 1;

    if (lines->rc != 0) {
        return false;
    }
    if (!lines_is(lines, key)) {
        return lines_fault(lines, "a line \"%s ...\" is expected here%s", key,
                           lines->at == NULL ? ", where the file ends: it was cut" : "");
    }
    const char *value = lines->at + key_len;
    const size_t len = lines->len - key_len;
    if (len == 0 || len >= size) {
        return lines_fault(lines, "the value of %s has 1 to %zu octets, not %zu", key, size - 1,
                           len);
    }
    if (value[0] == ' ' || value[len - 1] == ' ') {
        return lines_fault(lines, "one space stands before the value, and none behind it");
    }
    memcpy(out, value, len);
    out[len] = '\0';
    advance(lines);
    return lines->rc == 0;
}

bool lines_is_id(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const bool good = (text[i] >= 'a' && text[i] <= 'z') ||
                          (text[i] >= '0' && text[i] <= '9') || text[i] == '-';
        if (!good) {
            return false;
        }
    }
    return len >= 1 && len <= LINES_ID_MAX && text[0] != '-';
}

bool lines_id(struct lines *lines, const char *key, char out[LINES_ID_MAX + 1])
{
    char value[TRUST_LINE_MAX];
    struct lines before = *lines;

    if (!lines_value(lines, key, value, sizeof(value))) {
        return false;
    }
    if (!lines_is_id(value, strlen(value))) {
        *lines = before;
        return lines_fault(lines, "%s is 1 to %u of a-z, 0-9 and '-', not '-' first", key,
                           LINES_ID_MAX);
    }
    memcpy(out, value, strlen(value) + 1);
    return true;
}

bool lines_parse_number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (len < 1 || len > 19 || text[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return value <= max;
}

bool lines_number(struct lines *lines, const char *key, uint32_t *out)
{
    char value[TRUST_LINE_MAX];
    struct lines before = *lines;
    uint64_t number = 0;

    if (!lines_value(lines, key, value, sizeof(value))) {
        return false;
    }
    if (!lines_parse_number(value, strlen(value), UINT32_MAX, &number)) {
        *lines = before;
        return lines_fault(lines, "%s is a number from 1 to %" PRIu32 ", without leading zeros",
                           key, UINT32_MAX);
    }
    *out = (uint32_t)number;
    return true;
}

bool lines_time(struct lines *lines, const char *key, uint64_t *out_s)
{
    char value[TRUST_LINE_MAX];
    char again[CLOCK_TEXT_MAX];
    struct lines before = *lines;

    if (!lines_value(lines, key, value, sizeof(value))) {
        return false;
    }
    if (clock_parse(value, strlen(value), out_s) != 0 ||
        clock_format_s(*out_s, again) != strlen(value) || strcmp(again, value) != 0) {
        *lines = before;
        return lines_fault(lines, "%s is a time like 2026-11-22T09:30:00Z", key);
    }
    return true;
}

bool lines_key(struct lines *lines, const char *key, struct trust_public_key *out)
{
    char value[TRUST_LINE_MAX];
    struct lines before = *lines;

    if (!lines_value(lines, key, value, sizeof(value))) {
        return false;
    }
    if (strlen(value) != KEY_LINE_OCTETS ||
        trust_public_key_parse(value, KEY_LINE_OCTETS, out) != 0) {
        *lines = before;
        return lines_fault(lines, "this is no public key of minisign: the second line of a "
                                  ".pub file is meant");
    }
    return true;
}

bool lines_end(struct lines *lines)
{
    if (lines->rc != 0) {
        return false;
    }
    if (lines->at == NULL) {
        return lines_fault(lines, "the last line is \"end\", but the file ends before: it was "
                                  "cut");
    }
    if (lines->len != 3 || memcmp(lines->at, "end", 3) != 0) {
        return lines_fault(lines, "this line is not expected here: its order is fixed, and "
                                  "the last line is \"end\"");
    }
    if (lines->left != 0) {
        lines->number++;
        return lines_fault(lines, "something follows the line \"end\"");
    }
    return true;
}

bool lines_is_name(const char *text, size_t len)
{
    size_t label = 0;
    size_t labels = 1;

    if (len < 3 || len > LINES_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
            labels++;
            continue;
        }
        const bool good = (text[i] >= 'a' && text[i] <= 'z') ||
                          (text[i] >= '0' && text[i] <= '9') || text[i] == '-' ||
                          text[i] == '_';
        if (!good || ++label > 63) {
            return false;
        }
    }
    return label > 0 && labels >= 2;
}

bool lines_parse_hex(const char *text, size_t text_len, uint8_t *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    if (text_len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const char *high = memchr(digits, text[2 * i], 16);
        const char *low = memchr(digits, text[2 * i + 1], 16);

        if (high == NULL || low == NULL) {
            return false;
        }
        out[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

void lines_put_time(struct text *text, const char *key, uint64_t at_s)
{
    char time[CLOCK_TEXT_MAX];

    clock_format_s(at_s, time);
    text_printf(text, "%s %s\n", key, time);
}

void lines_put_key(struct text *text, const char *key, const struct trust_public_key *value)
{
    char file[512];

    if (trust_public_key_format(value, file, sizeof(file)) == 0) {
        text->overflow = true;
        return;
    }
    const char *line = strchr(file, '\n'); /* the first line is a comment */
    text_printf(text, "%s %.*s\n", key, (int)KEY_LINE_OCTETS, line != NULL ? line + 1 : "");
}

void lines_put_hex(struct text *text, const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        text_printf(text, "%02x", octets[i]);
    }
}
