/*
 * base/sketch.h - which keys come most often, of unboundedly many, in bounded memory.
 *
 * Space-saving (Metwally, Agrawal, El Abbadi, 2005) in sets of eight ways, as a processor's
 * cache is built: a key belongs to one set, so adding looks at eight tags and, for a key that
 * is not there, replaces the rarest of the eight. What is told of a key: it came at most
 * `count` times and at least `count - error`. A key that is not there came at most as often as
 * the floor of its set says, so whatever makes up more than an eighth of its set's additions is
 * there.
 *
 * The hash key is secret, or a stranger could make keys for one set. One thread at a time; a
 * sketch is one piece of memory and can be copied for others.
 */
#ifndef CORDON_BASE_SKETCH_H
#define CORDON_BASE_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#define SKETCH_WAYS 8u

struct sketch; /* opaque */

/* slots: SKETCH_WAYS times a power of two. key_octets: of the longest key, at most 65535.
 * hash_key: 16 octets, the same for sketches that are to be merged. NULL if out of memory. */
struct sketch *sketch_create(unsigned slots, size_t key_octets, const uint8_t hash_key[16]);
void sketch_destroy(struct sketch *sketch); /* NULL is fine */

/* A copy of its own. NULL if out of memory. */
struct sketch *sketch_clone(const struct sketch *sketch);

void sketch_clear(struct sketch *sketch);

/* Hashes once what is added to several sketches with one hash key. hot */
uint64_t sketch_hash(const struct sketch *sketch, const void *key, size_t len);

/* hot. Adds a key (copied; len at most key_octets) so many times. No allocation, a bounded
 * number of steps. */
void sketch_add(struct sketch *sketch, const void *key, size_t len, uint64_t hash,
                uint64_t times);

/* Both of one shape: the same arguments to sketch_create(). */
void sketch_copy(struct sketch *to, const struct sketch *from);
/* As if all additions had been to one sketch, but for larger errors. */
void sketch_merge(struct sketch *to, const struct sketch *from);

struct sketch_entry {
    const void *key; /* borrowed until the sketch changes */
    size_t len;
    uint64_t count; /* at most so often */
    uint64_t error; /* and at least count - error times */
};

/* The keys with the highest counts, highest first; returns how many, at most max. */
size_t sketch_top(const struct sketch *sketch, struct sketch_entry *out, size_t max);

/* All keys, in no order; returns how many, at most max. */
size_t sketch_entries(const struct sketch *sketch, struct sketch_entry *out, size_t max);

/* Of all keys together: how often something was added. */
uint64_t sketch_total(const struct sketch *sketch);

#endif
