#include "base/tally.h"

#include "base/random.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    size_t at; /* of its octets */
    uint32_t len;
    uint32_t hash; /* a part of it, for a look before the octets */
};

struct tally {
    uint8_t key[SIPHASH_KEY_OCTETS];
    struct entry *entries;
    size_t count, room, max;
    uint32_t *slots;   /* number + 1; 0: free */
    size_t slot_count; /* a power of two, twice the room at least */
    uint8_t *octets;
    size_t octets_len, octets_room;
    bool full;
};

struct tally *tally_create(size_t max)
{
    struct tally *tally = calloc(1, sizeof(*tally));

    if (tally != NULL) {
        random_system(tally->key, sizeof(tally->key));
        tally->max = max;
    }
    return tally;
}

void tally_destroy(struct tally *tally)
{
    if (tally != NULL) {
        free(tally->entries);
        free(tally->slots);
        free(tally->octets);
        free(tally);
    }
}

/* The slot of the key, or the free one where it belongs. */
static size_t find_slot(const struct tally *tally, const void *key, size_t len, uint64_t hash)
{
    size_t slot = (size_t)hash & (tally->slot_count - 1);

    while (tally->slots[slot] != 0) {
        const struct entry *entry = &tally->entries[tally->slots[slot] - 1];

        if (entry->hash == (uint32_t)(hash >> 32) && entry->len == len &&
            memcmp(tally->octets + entry->at, key, len) == 0) {
            break;
        }
        slot = (slot + 1) & (tally->slot_count - 1);
    }
    return slot;
}

/* Twice the room. */
static bool grow(struct tally *tally)
{
    const size_t room = tally->room == 0 ? 64 : 2 * tally->room;
    struct entry *entries = realloc(tally->entries, room * sizeof(entries[0]));

    if (entries == NULL) {
        return false;
    }
    tally->entries = entries;
    uint32_t *slots = calloc(2 * room, sizeof(slots[0]));
    if (slots == NULL) {
        return false;
    }
    free(tally->slots);
    tally->slots = slots;
    tally->slot_count = 2 * room;
    tally->room = room;
    for (size_t i = 0; i < tally->count; i++) {
        const struct entry *entry = &entries[i];
        const uint8_t *key = tally->octets + entry->at;

        slots[find_slot(tally, key, entry->len, siphash13(key, entry->len, tally->key))] =
            (uint32_t)i + 1;
    }
    return true;
}

static bool keep_octets(struct tally *tally, const void *key, size_t len)
{
    if (tally->octets_len + len > tally->octets_room) {
        const size_t room = 2 * (tally->octets_room + len + 512);
        uint8_t *octets = realloc(tally->octets, room);

        if (octets == NULL) {
            return false;
        }
        tally->octets = octets;
        tally->octets_room = room;
    }
    memcpy(tally->octets + tally->octets_len, key, len);
    tally->octets_len += len;
    return true;
}

size_t tally_add(struct tally *tally, const void *key, size_t len, bool *is_new,
                 bool *no_memory)
{
    const uint64_t hash = siphash13(key, len, tally->key);

    *is_new = false;
    if (tally->room == 0 && !grow(tally)) {
        *no_memory = true;
        return TALLY_NONE;
    }
    size_t slot = find_slot(tally, key, len, hash);
    if (tally->slots[slot] != 0) {
        return tally->slots[slot] - 1;
    }
    if (tally->count == tally->max) {
        tally->full = true;
        return TALLY_NONE;
    }
    if (tally->count == tally->room) {
        if (!grow(tally)) {
            *no_memory = true;
            return TALLY_NONE;
        }
        slot = find_slot(tally, key, len, hash);
    }
    const size_t at = tally->octets_len;
    if (!keep_octets(tally, key, len)) {
        *no_memory = true;
        return TALLY_NONE;
    }
    tally->entries[tally->count] = (struct entry){at, (uint32_t)len, (uint32_t)(hash >> 32)};
    tally->slots[slot] = (uint32_t)++tally->count;
    *is_new = true;
    return tally->count - 1;
}

size_t tally_count(const struct tally *tally)
{
    return tally->count;
}

bool tally_is_full(const struct tally *tally)
{
    return tally->full;
}

const void *tally_key(const struct tally *tally, size_t number, size_t *len)
{
    *len = tally->entries[number].len;
    return tally->octets + tally->entries[number].at;
}
