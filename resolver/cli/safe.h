/*
 * cli/safe.h - what comes from the network, before it reaches a terminal; and a table of it.
 *
 * Names are made by strangers: an escape sequence in one must not move the cursor, change the
 * title or answer for the one who looks.
 */
#ifndef CORDON_CLI_SAFE_H
#define CORDON_CLI_SAFE_H

#include <stddef.h>
#include <stdint.h>

struct text; /* base/text.h */

/* The text with every octet outside printable ASCII as "\xNN", cut to what fits into size
 * octets, terminator included. Returns out. */
const char *cli_safe(const char *text, char *out, size_t size);

/* The same for texts in whatever language, appended: well-formed UTF-8 stays; controls and what
 * nobody sees (base/utf8.h) become "\u001b", octets that are no UTF-8 "\x9b". */
void cli_safe_words(struct text *out, const char *octets, size_t len);

/* "1.2 ms", "345 us", "3.1 s". Returns out. */
const char *cli_micros(uint64_t us, char out[24]);

/* Decodes hexadecimal digits; the number of octets, 0 if they are none or too many. */
size_t cli_octets(const char *digits, uint8_t *out, size_t size);

#endif
