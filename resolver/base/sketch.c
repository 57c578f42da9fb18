#include "base/sketch.h"

#include "base/copy.h"
#include "base/invariant.h"
#include "base/same.h"
#include "base/siphash.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What is looked at for each addition comes first and fills one line. */
struct sketch_set {
    uint32_t tag[SKETCH_WAYS]; /* of the key's hash; meaningless where count is 0 */
    uint64_t count[SKETCH_WAYS];
    uint64_t error[SKETCH_WAYS];
    uint16_t len[SKETCH_WAYS];
    uint64_t floor; /* a key that is not here came at most so often */
};

struct sketch {
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
    size_t octets; /* of all this */
    size_t key_octets;
    uint32_t set_mask;
    uint64_t total;
    struct sketch_set sets[]; /* and after them the keys, way by way */
};

static size_t key_offset(const struct sketch *sketch, size_t set, size_t way)
{
    return ((size_t)sketch->set_mask + 1) * sizeof(struct sketch_set) +
           (set * SKETCH_WAYS + way) * sketch->key_octets;
}

static const uint8_t *key_at(const struct sketch *sketch, size_t set, size_t way)
{
    return (const uint8_t *)sketch->sets + key_offset(sketch, set, way);
}

static void set_key(struct sketch *sketch, size_t set, size_t way, const void *key, size_t len)
{
    copy_octets((uint8_t *)sketch->sets + key_offset(sketch, set, way), key, len);
}

struct sketch *sketch_create(unsigned slots, size_t key_octets, const uint8_t hash_key[16])
{
    const unsigned sets = slots / SKETCH_WAYS;

    invariant(sets > 0 && (sets & (sets - 1)) == 0 && sets * SKETCH_WAYS == slots);
    invariant(key_octets > 0 && key_octets <= UINT16_MAX);
    const size_t octets =
        sizeof(struct sketch) + sets * sizeof(struct sketch_set) + (size_t)slots * key_octets;
    struct sketch *sketch = calloc(1, octets);

    if (sketch != NULL) {
        memcpy(sketch->hash_key, hash_key, sizeof(sketch->hash_key));
        sketch->octets = octets;
        sketch->key_octets = key_octets;
        sketch->set_mask = sets - 1;
    }
    return sketch;
}

void sketch_destroy(struct sketch *sketch)
{
    free(sketch);
}

struct sketch *sketch_clone(const struct sketch *sketch)
{
    struct sketch *clone = malloc(sketch->octets);

    if (clone != NULL) {
        memcpy(clone, sketch, sketch->octets);
    }
    return clone;
}

void sketch_clear(struct sketch *sketch)
{
    memset(sketch->sets, 0, ((size_t)sketch->set_mask + 1) * sizeof(sketch->sets[0]));
    sketch->total = 0;
}

/* hot */
uint64_t sketch_hash(const struct sketch *sketch, const void *key, size_t len)
{
    return siphash13(key, len, sketch->hash_key);
}

/* hot. The way of a key in its set, or SKETCH_WAYS. */
static size_t find(const struct sketch *sketch, size_t set, uint32_t tag, const void *key,
                   size_t len)
{
    const struct sketch_set *in = &sketch->sets[set];
    size_t way = 0;

    while (way < SKETCH_WAYS &&
           (in->tag[way] != tag || in->count[way] == 0 || in->len[way] != len ||
            !same_octets(key_at(sketch, set, way), key, len))) {
        way++;
    }
    return way;
}

/* hot. The way that the fewest came to; a free one, if there is one. */
static size_t rarest(const struct sketch_set *set)
{
    size_t least = 0;

    for (size_t way = 1; way < SKETCH_WAYS; way++) {
        if (set->count[way] < set->count[least]) {
            least = way;
        }
    }
    return least;
}

/* hot */
void sketch_add(struct sketch *sketch, const void *key, size_t len, uint64_t hash,
                uint64_t times)
{
    const size_t index = (size_t)(hash >> 32) & sketch->set_mask;
    const uint32_t tag = (uint32_t)hash;
    struct sketch_set *set = &sketch->sets[index];
    size_t way;

    if (times == 0) {
        return;
    }
    way = find(sketch, index, tag, key, len);
    if (way == SKETCH_WAYS) {
        invariant(len <= sketch->key_octets);
        way = rarest(set);
        if (set->count[way] > set->floor) {
            set->floor = set->count[way];
        }
        set->tag[way] = tag;
        set->len[way] = (uint16_t)len;
        set->count[way] = set->floor;
        set->error[way] = set->floor;
        set_key(sketch, index, way, key, len);
    }
    set->count[way] += times;
    sketch->total += times;
}

static bool same_shape(const struct sketch *a, const struct sketch *b)
{
    return a->octets == b->octets && a->key_octets == b->key_octets &&
           a->set_mask == b->set_mask &&
           memcmp(a->hash_key, b->hash_key, sizeof(a->hash_key)) == 0;
}

void sketch_copy(struct sketch *to, const struct sketch *from)
{
    invariant(same_shape(to, from));
    memcpy(to, from, from->octets);
}

/* Puts a way of another sketch into a set in which its key is not, with `more` to its count and
 * error: where the rarest is rarer, in its place. Whatever stays outside is below the floor. */
static void put(struct sketch *to, size_t index, const struct sketch *from, size_t way,
                uint64_t more)
{
    struct sketch_set *set = &to->sets[index];
    const struct sketch_set *other = &from->sets[index];
    const uint64_t count = other->count[way] + more;
    const size_t place = rarest(set);
    const uint64_t rarer = set->count[place] < count ? set->count[place] : count;

    if (rarer > set->floor) {
        set->floor = rarer;
    }
    if (set->count[place] < count) {
        set->tag[place] = other->tag[way];
        set->len[place] = other->len[way];
        set->count[place] = count;
        set->error[place] = other->error[way] + more;
        set_key(to, index, place, key_at(from, index, way), other->len[way]);
    }
}

/* Each key counts in both: where it is not, as often as it may have been. */
static void merge_set(struct sketch *to, const struct sketch *from, size_t index)
{
    struct sketch_set *set = &to->sets[index];
    const struct sketch_set *other = &from->sets[index];
    const uint64_t floor = set->floor;
    bool in_both[SKETCH_WAYS + 1] = {false}; /* the last: not found */

    for (size_t way = 0; way < SKETCH_WAYS; way++) {
        if (set->count[way] > 0) {
            const size_t same =
                find(from, index, set->tag[way], key_at(to, index, way), set->len[way]);

            in_both[same] = true;
            set->count[way] += same < SKETCH_WAYS ? other->count[same] : other->floor;
            set->error[way] += same < SKETCH_WAYS ? other->error[same] : other->floor;
        }
    }
    set->floor += other->floor;
    for (size_t way = 0; way < SKETCH_WAYS; way++) {
        if (other->count[way] > 0 && !in_both[way]) {
            put(to, index, from, way, floor);
        }
    }
}

void sketch_merge(struct sketch *to, const struct sketch *from)
{
    invariant(same_shape(to, from));
    for (size_t index = 0; index <= to->set_mask; index++) {
        merge_set(to, from, index);
    }
    to->total += from->total;
}

size_t sketch_top(const struct sketch *sketch, struct sketch_entry *out, size_t max)
{
    size_t count = 0;

    for (size_t index = 0; index <= sketch->set_mask; index++) {
        const struct sketch_set *set = &sketch->sets[index];

        for (size_t way = 0; way < SKETCH_WAYS; way++) {
            size_t at = count < max ? count : max;

            while (at > 0 && out[at - 1].count < set->count[way]) {
                at--;
            }
            if (set->count[way] == 0 || at == max) {
                continue;
            }
            count += count < max ? 1 : 0;
            memmove(&out[at + 1], &out[at], (count - at - 1) * sizeof(out[0]));
            out[at] = (struct sketch_entry){.key = key_at(sketch, index, way),
                                            .len = set->len[way],
                                            .count = set->count[way],
                                            .error = set->error[way]};
        }
    }
    return count;
}

size_t sketch_entries(const struct sketch *sketch, struct sketch_entry *out, size_t max)
{
    size_t count = 0;

    for (size_t index = 0; index <= sketch->set_mask; index++) {
        const struct sketch_set *set = &sketch->sets[index];

        for (size_t way = 0; way < SKETCH_WAYS && count < max; way++) {
            if (set->count[way] > 0) {
                out[count++] = (struct sketch_entry){.key = key_at(sketch, index, way),
                                                     .len = set->len[way],
                                                     .count = set->count[way],
                                                     .error = set->error[way]};
            }
        }
    }
    return count;
}

uint64_t sketch_total(const struct sketch *sketch)
{
    return sketch->total;
}
