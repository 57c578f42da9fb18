/*
 * base/text.h - bounded text output, with the escapes of JSON.
 */
#ifndef CORDON_BASE_TEXT_H
#define CORDON_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text in a caller's buffer. Once something does not fit, overflow is set and nothing more is
 * added; at[] stays terminated with a zero octet. */
struct text {
    char *at;
    size_t size; /* octets of the buffer, at least 1 */
    size_t len;  /* without the terminator */
    bool overflow;
};

void text_init(struct text *text, char *buffer, size_t size);
void text_add(struct text *text, const char *string);
void text_add_octets(struct text *text, const char *octets, size_t len);
void text_add_uint(struct text *text, uint64_t value); /* in decimal */
void text_printf(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* As text_add_octets, but octets outside printable ASCII become "\xNN": for messages that
 * quote strangers. What does not fit is cut between two characters. */
void text_add_printable(struct text *text, const char *octets, size_t len);

/*
 * JSON (RFC 8259). Keys are our own literals and are not escaped; strings are: control
 * characters (those of C1 and DEL too), quote, backslash; octets that are not valid UTF-8
 * become U+FFFD. Commas are placed by the functions: a value after another value or a closed
 * container gets one, one at the start of the text or after a newline does not. key NULL: an
 * element of an array, or the outermost value.
 */
void json_object_begin(struct text *text, const char *key);
void json_object_end(struct text *text);
void json_array_begin(struct text *text, const char *key);
void json_array_end(struct text *text);
void json_string(struct text *text, const char *key, const char *value); /* NULL: null */
void json_string_n(struct text *text, const char *key, const char *value, size_t len);
/* A string of hexadecimal digits, two for each octet. */
void json_octets(struct text *text, const char *key, const uint8_t *octets, size_t len);
void json_uint(struct text *text, const char *key, uint64_t value);
void json_int(struct text *text, const char *key, int64_t value);
void json_bool(struct text *text, const char *key, bool value);

#endif
