/*
 * base/ring.h - records of variable length from one thread to another, without locks.
 *
 * One producer, one consumer. A record is reserved, filled in place and committed; the
 * consumer peeks, uses in place and releases. A full ring refuses; the caller counts.
 */
#ifndef CORDON_BASE_RING_H
#define CORDON_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring; /* opaque */

/* size: octets, rounded up to a power of two, at least 4096. NULL if out of memory. */
struct ring *ring_create(size_t size);
void ring_destroy(struct ring *ring); /* NULL is fine; both sides have stopped */

/* Producer. Room for len contiguous octets, aligned to 8, or NULL (full, or len greater than
 * a quarter of the ring). Nothing is seen by the consumer before ring_commit. At most one
 * reservation at a time; committing fewer octets than reserved is fine. */
void *ring_reserve(struct ring *ring, size_t len);
void ring_commit(struct ring *ring, size_t len);

/* Producer. True if records of at most len octets each, so many of them, are sure to find room
 * now. */
bool ring_has_room(struct ring *ring, size_t len, unsigned count);

/* Producer. Octets that were ever committed; and gives memory in which there is no record back
 * to the system, until it is needed again. */
uint64_t ring_written(const struct ring *ring);
void ring_trim(struct ring *ring);

/* Consumer. The oldest record, borrowed until ring_release; NULL if there is none. */
const void *ring_peek(struct ring *ring, size_t *len);
/* Consumer. The record behind one that ring_peek or this returned and that is not yet released,
 * borrowed as that one; NULL if ring_peek has not seen one there. */
const void *ring_peek_behind(const struct ring *ring, const void *record, size_t *len);
void ring_release(struct ring *ring);

/* Octets in use, as seen by the caller's thread; and all that it has. */
size_t ring_used(const struct ring *ring);
size_t ring_size(const struct ring *ring);

#endif
