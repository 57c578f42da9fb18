/*
 * Feeds arbitrary octets to cache_load(), as they are and summed up, so that rows are read.
 * What is refused leaves nothing; what is taken can be looked up under its key, holds no longer
 * than it may, and can be saved and loaded again.
 */
#include "require.h"

#include "cache/saved.h"
#include "wire/message.h"

#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define WALL   (UINT64_C(4000000000) * SECOND)
#define FIXED  56u /* before the first row */
#define TAIL   (9u + DIGEST_OCTETS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct again {
    uint8_t *octets;
    size_t len, room;
    uint64_t seen;
    struct cache *cache;
};

static int keep(void *context, const void *octets, size_t len)
{
    struct again *again = context;

    require(len <= again->room - again->len);
    memcpy(again->octets + again->len, octets, len);
    again->len += len;
    return 0;
}

static bool see(void *context, const struct cache_seen *seen)
{
    static uint8_t octets[65536];
    struct again *again = context;
    const struct cache_key key = {.name = &seen->name,
                                  .type = seen->type,
                                  .context = seen->context,
                                  .dnssec_ok = seen->dnssec_ok,
                                  .checking_disabled = seen->checking_disabled};
    struct wire_message message;
    struct cache_entry entry;

    again->seen++;
    require(seen->entry.ttl_s <= 86400 && seen->entry.kind == CACHE_ANSWER);
    require(cache_get(again->cache, &key, 0, octets, sizeof(octets), &entry));
    require(wire_message_open(octets, entry.len, &message) == WIRE_OK);
    require(wire_name_equal(&message.name, &seen->name) && message.type == seen->type);
    return true;
}

static void check(const uint8_t *octets, size_t len)
{
    static const uint8_t key[16] = "fuzz";
    static const struct wire_name root = {.len = 1};
    const struct cache_filter all = {.name = &root, .below = true, .any_type = true};
    uint8_t meaning[DIGEST_OCTETS] = {0};
    struct cache *cache = cache_create(CACHE_SIZE_MIN, key);
    struct cache_stats stats;
    struct cache_loaded loaded;

    require(cache != NULL);
    if (len >= FIXED) {
        memcpy(meaning, octets + 24, sizeof(meaning));
    }
    struct cache_loading loading = {.now = {0, WALL}, .meaning = meaning, .ttl_max_s = 86400};
    const enum cache_load_result result = cache_load(cache, octets, len, &loading, &loaded);
    cache_stats(cache, &stats);
    require(result == CACHE_LOAD_OK || stats.entries == 0);
    require(stats.entries <= loaded.stored && stats.octets <= stats.limit);
    struct again again = {.cache = cache, .room = 4 * CACHE_SIZE_MIN};
    again.octets = malloc(again.room);
    require(again.octets != NULL);
    cache_show(cache, &all, 0, see, &again);
    require(again.seen == stats.entries);
    const struct cache_saving saving = {.now = loading.now,
                                        .meaning = meaning,
                                        .octets_max = again.room,
                                        .write = keep,
                                        .context = &again};
    struct cache_saved saved;
    require(cache_save(cache, &saving, &saved) == 0 && saved.answers == stats.entries);
    cache_flush(cache);
    loading.forgets = cache_forgets(cache);
    require(cache_load(cache, again.octets, again.len, &loading, &loaded) == CACHE_LOAD_OK);
    require(loaded.stored + loaded.passed == saved.answers);
    free(again.octets);
    cache_destroy(cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    if (size >= FIXED + TAIL && size < CACHE_SIZE_MIN) {
        uint8_t *summed = malloc(size);

        require(summed != NULL);
        memcpy(summed, data, size);
        digest_of(summed, size - DIGEST_OCTETS, NULL, summed + size - DIGEST_OCTETS);
        check(summed, size);
        free(summed);
    }
    return 0;
}
