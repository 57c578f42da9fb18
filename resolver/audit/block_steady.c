/*
 * audit/block_steady.c - the steady parts of a block's events (steady.h): each is made once,
 * and each event has the number of its own.
 *
 * Events that have each steady column alike have one steady part. They are found column by
 * column: whoever was alike so far, and has the same number in the next column, stays so. A
 * table with a place for each pair says it, without a hash and without a guess; where it would
 * be too large, which no block of ours comes near to, each event is looked at alone.
 */
#include "audit/block_open.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Pairs that a table can have: 4 MiB. */
#define PAIRS_MAX (1u << 20)

/* Octets of steady columns that wait to be hashed together: one event more goes behind. */
#define WAITING_OCTETS 32768u

struct finding {
    uint32_t *first; /* of those that are alike: the first event */
    uint32_t *table; /* of pairs: plus one; 0: not met yet */
    size_t pairs;    /* it has room for */
    uint32_t events;
};

/* Numbers from the least to the greatest that a column has. */
static void bounds_of(const struct column *column, uint32_t events, uint64_t *least,
                      uint64_t *most)
{
    *least = UINT64_MAX;
    *most = 0;
    for (uint32_t i = 0; i < events; i++) {
        const uint64_t number = column->numbers[i];

        *least = number < *least ? number : *least;
        *most = number > *most ? number : *most;
    }
}

/* One column more. 0; -ENOMEM; -E2BIG: there are too many pairs. */
static int divide(struct finding *finding, const struct column *column,
                  struct audit_steady_parts *parts)
{
    const uint64_t *const numbers = column->numbers;
    uint64_t least = 0;
    uint64_t most = 0;
    uint32_t count = 0;

    invariant(parts->count > 0);
    bounds_of(column, finding->events, &least, &most);
    if (most - least >= PAIRS_MAX / parts->count) {
        return -E2BIG;
    }
    const size_t each = (size_t)(most - least) + 1;
    const size_t pairs = each * parts->count;
    if (pairs > finding->pairs) {
        void *more = realloc(finding->table, pairs * sizeof(*finding->table));

        if (more == NULL) {
            return -ENOMEM;
        }
        finding->table = more;
        finding->pairs = pairs;
    }
    memset(finding->table, 0, pairs * sizeof(*finding->table));
    for (uint32_t i = 0; i < finding->events; i++) {
        uint32_t *const pair = &finding->table[parts->of[i] * each + (numbers[i] - least)];

        if (*pair == 0) {
            finding->first[count] = i;
            *pair = ++count;
        }
        parts->of[i] = *pair - 1;
    }
    parts->count = count;
    return 0;
}

static int find_parts(const struct audit_block *block, struct finding *finding,
                      struct audit_steady_parts *parts)
{
    int result = 0;

    parts->count = 1;
    memset(parts->of, 0, finding->events * sizeof(*parts->of));
    finding->first[0] = 0;
    for (uint64_t rest = block->present & ~AUDIT_OWN; rest != 0 && result == 0;
         rest &= rest - 1) {
        const struct column *column = &block->columns[__builtin_ctzll(rest)];

        if (column->loaded && !column->constant) {
            result = divide(finding, column, parts);
        }
    }
    return result;
}

/* Puts them together; those that are long are hashed many at once. False: one is too long. */
static bool make_parts(const struct audit_block *block, const uint32_t *first, uint8_t *waiting,
                       struct audit_steady_parts *parts)
{
    struct digest_buffer buffers[DIGEST_MANY_MAX];
    size_t count = 0;
    size_t used = 0;
    uint32_t len = 0; /* of all parts */

    for (uint32_t i = 0; i < parts->count; i++) {
        uint8_t *const begin = waiting + used;
        uint8_t *const out = parts->octets + len;
        size_t size = 0;
        const uint8_t *const end =
            audit_block_form(block, first[i], ~AUDIT_OWN, &size, begin + 1);

        if (end == NULL) {
            return false;
        }
        const size_t octets = (size_t)(end - begin) - 1;
        uint8_t *at = audit_varint_add(out, octets);
        if (octets <= AUDIT_STEADY_WHOLE) {
            memcpy(at, begin + 1, octets);
            at += octets;
        } else {
            begin[0] = AUDIT_STEADY_MARK;
            buffers[count++] = (struct digest_buffer){begin, 1 + octets, at};
            used += 1 + octets;
            at += DIGEST_OCTETS;
        }
        parts->entries[i] = (struct entry){len, (uint32_t)(at - out)};
        len += parts->entries[i].whole;
        if (count == DIGEST_MANY_MAX || used >= WAITING_OCTETS || i + 1 == parts->count) {
            digest_of_many(buffers, count);
            count = 0;
            used = 0;
        }
    }
    return true;
}

int audit_block_steady(const struct audit_block *block, struct audit_steady_parts *parts)
{
    const uint32_t events = block->header.events;
    struct finding finding = {.first = malloc(events * sizeof(*finding.first)),
                              .events = events};
    uint8_t *waiting = malloc(WAITING_OCTETS + 1 + AUDIT_EVENT_MAX);
    int result = -ENOMEM;

    *parts = (struct audit_steady_parts){.of = malloc(events * sizeof(*parts->of))};
    if (finding.first != NULL && waiting != NULL && parts->of != NULL) {
        result = find_parts(block, &finding, parts);
    }
    if (result == 0) {
        invariant(parts->count > 0); /* no header has no events */
        parts->entries = malloc(parts->count * sizeof(*parts->entries));
        parts->octets = calloc(1, (size_t)parts->count * AUDIT_STEADY_MAX + AUDIT_OVERRUN);
        result = parts->entries == NULL || parts->octets == NULL ? -ENOMEM : 0;
    }
    if (result == 0 && !make_parts(block, finding.first, waiting, parts)) {
        result = -E2BIG;
    }
    free(finding.first);
    free(finding.table);
    free(waiting);
    return result;
}

void audit_steady_parts_free(struct audit_steady_parts *parts)
{
    free(parts->of);
    free(parts->entries);
    free(parts->octets);
}
