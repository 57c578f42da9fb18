#include "base/pool.h"

#include "base/invariant.h"
#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>

#define ALIGNMENT 64 /* a cache line: neighbours in the pool do not share one */

struct pool {
    uint8_t *slots;
    size_t slot_size; /* a multiple of ALIGNMENT: an odd number shifted */
    unsigned shift;
    uint64_t inverse; /* of that odd number, modulo 2^64 */
    size_t count;
    size_t fresh;    /* slots from here on were never taken, nor their memory touched */
    size_t returned; /* entries of stack[] */
    uint32_t *stack; /* slots given back: the last one, still warm, is taken first */
    uint8_t *taken;  /* 1: taken; catches what is given back twice */
};

/* Each step doubles the bits that are right; of an odd number three are from the beginning. */
static uint64_t inverse_of(uint64_t odd)
{
    uint64_t inverse = odd;

    for (unsigned bits = 3; bits < 64; bits *= 2) {
        inverse *= 2 - odd * inverse;
    }
    return inverse;
}

struct pool *pool_create(size_t size, size_t count)
{
    size_t octets = 0;

    if (size == 0 || size > SIZE_MAX - ALIGNMENT || count == 0 || count > UINT32_MAX) {
        return NULL;
    }
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (__builtin_mul_overflow(size, count, &octets)) {
        return NULL;
    }
    struct pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return NULL;
    }
    pool->slot_size = size;
    pool->shift = (unsigned)__builtin_ctzl(size);
    pool->inverse = inverse_of(size >> pool->shift);
    pool->count = count;
    pool->slots = aligned_alloc(ALIGNMENT, octets);
    pool->stack = calloc(count, sizeof(*pool->stack));
    pool->taken = calloc(count, sizeof(*pool->taken));
    if (pool->slots == NULL || pool->stack == NULL || pool->taken == NULL) {
        pool_destroy(pool);
        return NULL;
    }
    return pool;
}

void pool_destroy(struct pool *pool)
{
    if (pool != NULL) {
        free(pool->slots);
        free(pool->stack);
        free(pool->taken);
        free(pool);
    }
}

void *pool_take(struct pool *pool)
{
    size_t index;

    if (pool->returned > 0) {
        index = pool->stack[--pool->returned];
    } else if (pool->fresh < pool->count) {
        index = pool->fresh++;
    } else {
        return NULL;
    }
    pool->taken[index] = 1;
    return pool->slots + index * pool->slot_size;
}

void pool_give_back(struct pool *pool, void *slot)
{
    const size_t index = pool_index(pool, slot);

    invariant(pool->taken[index] == 1);
    pool->taken[index] = 0;
    pool->stack[pool->returned++] = (uint32_t)index;
}

void pool_trim(struct pool *pool)
{
    size_t last = pool->fresh, kept = 0;

    while (last > 0 && pool->taken[last - 1] == 0) {
        last--;
    }
    if (last == pool->fresh) {
        return;
    }
    for (size_t i = 0; i < pool->returned; i++) {
        if (pool->stack[i] < last) {
            pool->stack[kept++] = pool->stack[i];
        }
    }
    pages_give_back(pool->slots + last * pool->slot_size,
                    (pool->fresh - last) * pool->slot_size);
    pool->returned = kept;
    pool->fresh = last;
}

size_t pool_in_use(const struct pool *pool)
{
    return pool->fresh - pool->returned;
}

size_t pool_size(const struct pool *pool)
{
    return pool->count;
}

size_t pool_index(const struct pool *pool, const void *slot)
{
    const uint64_t product = ((uintptr_t)slot - (uintptr_t)pool->slots) * pool->inverse;
    const size_t index = product >> pool->shift | product << (64 - pool->shift);

    /* The offset divided by the size, without a division, which would take its time. Of one
     * that is no multiple, or lies before the pool, it is no quotient that a size of this
     * makes: more than all (Granlund and Montgomery, 1994, 9). */
    invariant(index < pool->count);
    return index;
}

void *pool_slot(const struct pool *pool, size_t index)
{
    invariant(index < pool->count);
    return pool->slots + index * pool->slot_size;
}
