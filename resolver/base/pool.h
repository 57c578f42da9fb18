/*
 * base/pool.h - slots of one size, made at start, taken and given back in O(1).
 *
 * One thread. Memory is reserved but only touched when a slot is first taken, so that a large
 * idle pool costs address space, not memory.
 */
#ifndef CORDON_BASE_POOL_H
#define CORDON_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool; /* opaque */

/* count slots (1 to 2^32 - 1) of size octets, aligned to 64. NULL if out of memory. */
struct pool *pool_create(size_t size, size_t count);
void pool_destroy(struct pool *pool); /* NULL is fine */

/* A slot with indeterminate contents, or NULL if all are taken. */
void *pool_take(struct pool *pool);
void pool_give_back(struct pool *pool, void *slot);

/* Gives the memory behind the last slot in use back to the system, until it is needed again:
 * for when much was in use and little is. A slot there that is looked at holds zeros. */
void pool_trim(struct pool *pool);

size_t pool_in_use(const struct pool *pool);
size_t pool_size(const struct pool *pool);

/* The slot's number, 0 to count - 1; and the slot of a number (taken or not). */
size_t pool_index(const struct pool *pool, const void *slot);
void *pool_slot(const struct pool *pool, size_t index);

#endif
