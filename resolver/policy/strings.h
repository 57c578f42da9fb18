/*
 * policy/strings.h - strings that are kept once, however often they come. Cold: lists repeat
 * the same evidence and category on thousands of rules.
 */
#ifndef CORDON_POLICY_STRINGS_H
#define CORDON_POLICY_STRINGS_H

#include <stddef.h>
#include <stdint.h>

struct policy_strings; /* opaque; one thread */

/* key: for the table, so that no author of strings can make them collide. NULL: no memory. */
struct policy_strings *policy_strings_create(const uint8_t key[16]);
void policy_strings_destroy(struct policy_strings *strings); /* NULL is fine */

/* The kept copy of len octets, with a zero octet after them; it lives as long as strings does
 * and never moves. Equal octets give the same pointer. NULL if out of memory. */
char *policy_strings_keep(struct policy_strings *strings, const char *octets, size_t len);

#endif
