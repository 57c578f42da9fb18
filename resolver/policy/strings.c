#include "policy/strings.h"

#include "base/siphash.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_OCTETS (64u << 10)
#define SLOTS_FIRST  256u /* a power of two */

struct chunk {
    struct chunk *next;
    size_t used, size;
    char octets[];
};

/* Strings may hold zero octets, so the length is kept beside the pointer. */
struct kept {
    char *octets; /* NULL: a free slot */
    size_t len;
    uint64_t hash;
};

struct policy_strings {
    uint8_t key[16];
    struct chunk *chunks;
    struct kept *slots;
    size_t slot_count, count;
};

struct policy_strings *policy_strings_create(const uint8_t key[16])
{
    struct policy_strings *strings = calloc(1, sizeof(*strings));

    if (strings == NULL) {
        return NULL;
    }
    memcpy(strings->key, key, sizeof(strings->key));
    strings->slot_count = SLOTS_FIRST;
    strings->slots = calloc(SLOTS_FIRST, sizeof(strings->slots[0]));
    if (strings->slots == NULL) {
        free(strings);
        return NULL;
    }
    return strings;
}

void policy_strings_destroy(struct policy_strings *strings)
{
    if (strings == NULL) {
        return;
    }
    while (strings->chunks != NULL) {
        struct chunk *next = strings->chunks->next;

        free(strings->chunks);
        strings->chunks = next;
    }
    free(strings->slots);
    free(strings);
}

static char *store(struct policy_strings *strings, const char *octets, size_t len)
{
    struct chunk *chunk = strings->chunks;

    if (chunk == NULL || chunk->size - chunk->used < len + 1) {
        const size_t size = len + 1 > CHUNK_OCTETS ? len + 1 : CHUNK_OCTETS;

        chunk = malloc(sizeof(*chunk) + size);
        if (chunk == NULL) {
            return NULL;
        }
        *chunk = (struct chunk){.next = strings->chunks, .used = 0, .size = size};
        strings->chunks = chunk;
    }
    char *at = chunk->octets + chunk->used;
    if (len > 0) {
        memcpy(at, octets, len);
    }
    at[len] = '\0';
    chunk->used += len + 1;
    return at;
}

static bool grow(struct policy_strings *strings)
{
    const size_t count = strings->slot_count * 2;
    struct kept *slots = calloc(count, sizeof(slots[0]));

    if (slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < strings->slot_count; i++) {
        const struct kept *kept = &strings->slots[i];

        if (kept->octets != NULL) {
            size_t at = kept->hash & (count - 1);
            while (slots[at].octets != NULL) {
                at = (at + 1) & (count - 1);
            }
            slots[at] = *kept;
        }
    }
    free(strings->slots);
    strings->slots = slots;
    strings->slot_count = count;
    return true;
}

char *policy_strings_keep(struct policy_strings *strings, const char *octets, size_t len)
{
    const uint64_t hash = siphash13(octets, len, strings->key);

    if (strings->count * 2 >= strings->slot_count && !grow(strings)) {
        return NULL;
    }
    size_t at = hash & (strings->slot_count - 1);
    while (strings->slots[at].octets != NULL) {
        const struct kept *kept = &strings->slots[at];

        if (kept->hash == hash && kept->len == len &&
            (len == 0 || memcmp(kept->octets, octets, len) == 0)) {
            return kept->octets;
        }
        at = (at + 1) & (strings->slot_count - 1);
    }
    char *copy = store(strings, octets, len);
    if (copy != NULL) {
        strings->slots[at] = (struct kept){.octets = copy, .len = len, .hash = hash};
        strings->count++;
    }
    return copy;
}
