#include "base/text.h"

#include "base/invariant.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char hex[16] = "0123456789abcdef";

void text_init(struct text *text, char *buffer, size_t size)
{
    invariant(size > 0);
    *text = (struct text){.at = buffer, .size = size};
    buffer[0] = '\0';
}

void text_add_octets(struct text *text, const char *octets, size_t len)
{
    if (text->overflow || len >= text->size - text->len) {
        text->overflow = true;
        return;
    }
    if (len > 0) {
        memcpy(text->at + text->len, octets, len);
        text->len += len;
        text->at[text->len] = '\0';
    }
}

void text_add(struct text *text, const char *string)
{
    text_add_octets(text, string, strlen(string));
}

void text_vprintf(struct text *text, const char *format, va_list arguments)
{
    if (text->overflow) {
        return;
    }
    const size_t room = text->size - text->len;
    const int len = vsnprintf(text->at + text->len, room, format, arguments);
    if (len < 0 || (size_t)len >= room) {
        text->at[text->len] = '\0'; /* what came half is taken back */
        text->overflow = true;
        return;
    }
    text->len += (size_t)len;
}

void text_add_uint(struct text *text, uint64_t value)
{
    char digits[20]; /* of 2^64 - 1 */
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_add_octets(text, digits + first, sizeof(digits) - first);
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text_vprintf(text, format, arguments);
    va_end(arguments);
}

void text_add_printable(struct text *text, const char *octets, size_t len)
{
    for (size_t i = 0; i < len && !text->overflow; i++) {
        const uint8_t octet = (uint8_t)octets[i];
        if (octet >= 0x20 && octet < 0x7f) {
            text_add_octets(text, octets + i, 1);
        } else {
            const char escape[4] = {'\\', 'x', hex[octet >> 4], hex[octet & 15]};
            text_add_octets(text, escape, sizeof(escape));
        }
    }
}

/* Whether a finished value is what was written last: then a comma stands before the next. */
static bool needs_comma(const struct text *text)
{
    const char last = text->len > 0 ? text->at[text->len - 1] : '\0';

    return last == '"' || last == '}' || last == ']' || (last >= '0' && last <= '9') ||
           (last >= 'a' && last <= 'z');
}

/* The comma and the key, in one piece: there are forty in the line of an event. */
static void begin(struct text *text, const char *key)
{
    const bool comma = needs_comma(text);
    const size_t key_len = key != NULL ? strlen(key) : 0;
    const size_t len = (comma ? 1u : 0u) + (key != NULL ? key_len + 3 : 0);

    if (text->overflow || len >= text->size - text->len) {
        text->overflow = true;
        return;
    }
    char *at = text->at + text->len;
    if (comma) {
        *at++ = ',';
    }
    if (key != NULL) {
        *at++ = '"';
        memcpy(at, key, key_len);
        at += key_len;
        *at++ = '"';
        *at++ = ':';
    }
    *at = '\0';
    text->len += len;
}

void json_object_begin(struct text *text, const char *key)
{
    begin(text, key);
    text_add_octets(text, "{", 1);
}

void json_object_end(struct text *text)
{
    text_add_octets(text, "}", 1);
}

void json_array_begin(struct text *text, const char *key)
{
    begin(text, key);
    text_add_octets(text, "[", 1);
}

void json_array_end(struct text *text)
{
    text_add_octets(text, "]", 1);
}

static void add_escape(struct text *text, uint8_t code)
{
    switch (code) {
    case '"':
        text_add_octets(text, "\\\"", 2);
        break;
    case '\\':
        text_add_octets(text, "\\\\", 2);
        break;
    case '\n':
        text_add_octets(text, "\\n", 2);
        break;
    case '\r':
        text_add_octets(text, "\\r", 2);
        break;
    case '\t':
        text_add_octets(text, "\\t", 2);
        break;
    default: {
        const char escape[6] = {'\\', 'u', '0', '0', hex[code >> 4], hex[code & 15]};
        text_add_octets(text, escape, sizeof(escape));
    }
    }
}

/* Octets of a string that stand for themselves. */
static bool is_plain(uint8_t octet)
{
    return octet >= 0x20 && octet < 0x7f && octet != '"' && octet != '\\';
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Whether an octet of the word is zero; a borrow only ever comes from one that is. */
static uint64_t has_zero(uint64_t word)
{
    return (word - EACH(1)) & ~word;
}

/* How many octets from the start are plain: eight at a time, as nearly all of them are. */
static size_t count_plain(const uint8_t *octets, size_t len)
{
    size_t at = 0;

    for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, octets + at, sizeof(word));
        const uint64_t other = word | (word - EACH(0x20)) | has_zero(word ^ EACH('"')) |
                               has_zero(word ^ EACH('\\')) | has_zero(word ^ EACH(0x7f));
        if ((other & EACH(0x80)) != 0) {
            break;
        }
    }
    while (at < len && is_plain(octets[at])) {
        at++;
    }
    return at;
}

void json_string_n(struct text *text, const char *key, const char *value, size_t len)
{
    const uint8_t *octets = (const uint8_t *)value;
    size_t at = 0;

    begin(text, key);
    text_add_octets(text, "\"", 1);
    while (at < len && !text->overflow) {
        const size_t plain = count_plain(octets + at, len - at);
        if (plain > 0) {
            text_add_octets(text, value + at, plain);
            at += plain;
            continue;
        }
        uint32_t point;
        const size_t used = utf8_point(octets + at, len - at, &point);
        if (used == 0) {
            text_add_octets(text, "\xef\xbf\xbd", 3); /* U+FFFD */
            at++;
            continue;
        }
        if (used == 2 && octets[at] == 0xc2 && octets[at + 1] < 0xa0) {
            add_escape(text, octets[at + 1]); /* U+0080 to U+009F drive some terminals */
        } else if (octets[at] < 0x20 || octets[at] == '"' || octets[at] == '\\' ||
                   octets[at] == 0x7f) {
            add_escape(text, octets[at]);
        } else {
            text_add_octets(text, value + at, used);
        }
        at += used;
    }
    text_add_octets(text, "\"", 1);
}

void json_string(struct text *text, const char *key, const char *value)
{
    if (value == NULL) {
        begin(text, key);
        text_add_octets(text, "null", 4);
    } else {
        json_string_n(text, key, value, strlen(value));
    }
}

void json_octets(struct text *text, const char *key, const uint8_t *octets, size_t len)
{
    begin(text, key);
    text_add_octets(text, "\"", 1);
    for (size_t i = 0; i < len && !text->overflow; i++) {
        const char digits[2] = {hex[octets[i] >> 4], hex[octets[i] & 15]};
        text_add_octets(text, digits, sizeof(digits));
    }
    text_add_octets(text, "\"", 1);
}

void json_uint(struct text *text, const char *key, uint64_t value)
{
    begin(text, key);
    text_add_uint(text, value);
}

void json_int(struct text *text, const char *key, int64_t value)
{
    begin(text, key);
    text_printf(text, "%" PRId64, value);
}

void json_bool(struct text *text, const char *key, bool value)
{
    begin(text, key);
    text_add(text, value ? "true" : "false");
}
