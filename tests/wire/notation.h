/*
 * Octets of a message written so that a row of a table can be read:
 *   12ab       hexadecimal octets; spaces and "|" are for the eye
 *   'text'     octets of the text
 *   <a.b>      a name, uncompressed, in the case given; <> is the root
 *   {n:xx}     n times the octet xx, n decimal
 */
#ifndef CORDON_TESTS_WIRE_NOTATION_H
#define CORDON_TESTS_WIRE_NOTATION_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct octets {
    size_t len;
    uint8_t at[70000];
};

static inline const char *notation_name(const char *text, struct octets *out)
{
    while (*text != '>') {
        const size_t len = strcspn(text, ".>");

        out->at[out->len++] = (uint8_t)len;
        memcpy(out->at + out->len, text, len);
        out->len += len;
        text += len + (text[len] == '.');
    }
    out->at[out->len++] = 0;
    return text + 1;
}

static inline const char *notation_repeat(const char *text, struct octets *out)
{
    char *colon;
    const unsigned long count = strtoul(text, &colon, 10);
    char *close;
    const unsigned long value = strtoul(colon + 1, &close, 16);

    memset(out->at + out->len, (int)value, count);
    out->len += count;
    return close + 1;
}

/* Adds to out. A mistake in the notation ends the program: it is the test's own. */
static inline void notation_add(const char *text, struct octets *out)
{
    while (*text != '\0') {
        if (*text == ' ' || *text == '|') {
            text++;
        } else if (*text == '\'') {
            const size_t len = strcspn(text + 1, "'");
            memcpy(out->at + out->len, text + 1, len);
            out->len += len;
            text += len + 2;
        } else if (*text == '<') {
            text = notation_name(text + 1, out);
        } else if (*text == '{') {
            text = notation_repeat(text + 1, out);
        } else if (isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1])) {
            const char pair[3] = {text[0], text[1], '\0'};
            out->at[out->len++] = (uint8_t)strtoul(pair, NULL, 16);
            text += 2;
        } else {
            fprintf(stderr, "notation: what is \"%s\"?\n", text);
            abort();
        }
    }
}

/* On the heap at its exact size, so that the sanitizer sees one octet too many. */
static inline uint8_t *notation_exact(const struct octets *from)
{
    uint8_t *copy = malloc(from->len > 0 ? from->len : 1);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, from->at, from->len);
    return copy;
}

static inline uint8_t *notation(const char *text, size_t *len)
{
    static struct octets all;

    all.len = 0;
    notation_add(text, &all);
    *len = all.len;
    return notation_exact(&all);
}

#endif
