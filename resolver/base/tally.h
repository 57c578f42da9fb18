/*
 * base/tally.h - which keys have come, each once, up to a bound: for names and clients of a
 * log.
 *
 * Keys are strangers' and hashed under a secret. A key that comes when there is no room is
 * counted as one more, and nothing else is known of it.
 */
#ifndef CORDON_BASE_TALLY_H
#define CORDON_BASE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally; /* opaque */

/* max: keys that are kept. NULL: no memory. */
struct tally *tally_create(size_t max);
void tally_destroy(struct tally *tally); /* NULL is fine */

#define TALLY_NONE SIZE_MAX

/* The number of the key, from 0 in the order in which they came; *is_new says if it just did.
 * TALLY_NONE: there is no room, or (*no_memory) no memory. */
size_t tally_add(struct tally *tally, const void *key, size_t len, bool *is_new,
                 bool *no_memory);
size_t tally_count(const struct tally *tally);
bool tally_is_full(const struct tally *tally); /* some had no room */
/* Borrowed until the next one is added. */
const void *tally_key(const struct tally *tally, size_t number, size_t *len);

#endif
