/*
 * audit/block_numbers.c - the numbers of a column, made from their octets, and looked at:
 * without comparing any, for most blocks have none that is not sound.
 */
#include "audit/block_open.h"

#include "base/little.h"

/* The compiler makes of these what the processor has. */
#define INLINED static inline __attribute__((always_inline))

INLINED bool is_zero(const uint8_t *octets, uint32_t count)
{
    uint64_t any = 0;
    uint32_t i = 0;

    for (; i + 8 <= count; i += 8) {
        any |= little_get64(octets + i);
    }
    for (; i < count; i++) {
        any |= octets[i];
    }
    return any == 0;
}

/* Those of `count` events, from their octets in each plane; the next plane has its own `events`
 * octets further on. */
INLINED void merge(const uint8_t *octets, unsigned width, uint32_t events, uint32_t count,
                   uint64_t *restrict out)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = octets[i];
    }
    for (unsigned plane = 1; plane < width; plane++) {
        const uint8_t *const at = octets + (size_t)plane * events;

        if (plane > 1 && is_zero(at, count)) { /* as most of times are: the first is long */
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            out[i] |= (uint64_t)at[i] << 8 * plane;
        }
    }
}

/* False if a sum, which goes on from *sum, is no number of the format. */
INLINED bool add_up(uint64_t *numbers, uint32_t count, uint64_t *sum)
{
    uint64_t at = *sum;
    uint64_t all = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint64_t half = numbers[i] >> 1;

        at += (numbers[i] & 1) != 0 ? ~half : half;
        all |= at;
        numbers[i] = at + 1;
    }
    *sum = at;
    return all >> 63 == 0;
}

INLINED void look_at(const uint64_t *numbers, uint32_t count, uint64_t most,
                     struct audit_making *making)
{
    struct audit_making all = *making;

    for (uint32_t i = 0; i < count; i++) {
        const uint64_t number = numbers[i];

        all.bits |= number;
        all.none |= ~number & (number - 1);
        all.large |= number & (number - 1);
        all.over |= most - number;
    }
    *making = all;
}

/* No number above the most that there can be; every event has a time. */
INLINED bool is_sound(const struct column *column, unsigned number,
                      const struct audit_making *making)
{
    return making->large >> 63 == 0 && !(column->is_text && making->over >> 63 != 0) &&
           !(number == AUDIT_TIME && making->none >> 63 != 0);
}

INLINED bool make(const struct audit_block *block, unsigned column, uint32_t from,
                  uint32_t count, struct audit_making *making, uint64_t *out)
{
    const struct column *const at = &block->columns[column];

    merge(at->planes + from, at->width, block->header.events, count, out);
    if (at->deltas && !add_up(out, count, &making->sum)) {
        return false;
    }
    look_at(out, count, at->count, making);
    return is_sound(at, column, making);
}

static bool make_plain(const struct audit_block *block, unsigned column, uint32_t from,
                       uint32_t count, struct audit_making *making, uint64_t *out)
{
    return make(block, column, from, count, making, out);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static bool
make_avx2(const struct audit_block *block, unsigned column, uint32_t from, uint32_t count,
          struct audit_making *making, uint64_t *out)
{
    return make(block, column, from, count, making, out);
}
#endif

bool audit_block_numbers(const struct audit_block *block, unsigned column, uint32_t from,
                         uint32_t count, struct audit_making *making, uint64_t *out)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") != 0) {
        return make_avx2(block, column, from, count, making, out);
    }
#endif
    return make_plain(block, column, from, count, making, out);
}

bool audit_block_is_constant(struct column *column, unsigned number)
{
    struct audit_making making = {0};

    look_at(&column->value, 1, column->count, &making);
    column->bits = making.bits;
    return is_sound(column, number, &making);
}
