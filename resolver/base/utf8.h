/*
 * base/utf8.h - the characters of texts that people read and others wrote.
 */
#ifndef CORDON_BASE_UTF8_H
#define CORDON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code point at the start and the octets that it takes; 0 if there is no well-formed one
 * (Unicode, table 3-7: no overlong form, no surrogate, nothing above U+10FFFF). len is not 0.
 */
size_t utf8_point(const uint8_t *at, size_t len, uint32_t *point);

/* Characters that nobody sees, or that move what is seen: what people read would not be what
 * the text says. Line and paragraph separators are among them; controls are not. */
bool utf8_is_hidden(uint32_t point);

#endif
