/*
 * Walking over all entries, for people: what is kept for a name, and forgetting it.
 *
 * A walk goes over the blocks of a shard by their number, a few hundred in a step. Between two
 * steps the shard goes on as ever; an entry that is moved by nobody stays at its number until
 * it is removed, so none that was there before is missed.
 */
#include "cache/inside.h"
#include "cache/limits.h"

#include "base/invariant.h"
#include "wire/limits.h"

#include <string.h>

struct place {
    const struct cache *cache;
    struct cache_shard *shard;
    uint32_t block;
};

/* The entry's name, read from its stream. */
static bool name_matches(const struct cache_filter *filter, const struct cache_head *head,
                         struct cache_stream *stream, struct wire_name *name)
{
    uint8_t octets[WIRE_NAME_MAX];
    size_t at = 0;

    if (filter->below ? head->name_len < filter->name->len
                      : head->name_len != filter->name->len) {
        return false;
    }
    cache_stream_read(stream, octets, head->name_len);
    const size_t front = (size_t)head->name_len - filter->name->len;
    if (memcmp(octets + front, filter->name->octets, filter->name->len) != 0) {
        return false;
    }
    invariant(wire_name_read(octets, head->name_len, &at, name) == WIRE_OK);
    return wire_name_is_within(name, filter->name);
}

static bool matches(const struct cache_filter *filter, struct cache_shard *shard,
                    uint32_t block, struct cache_head *head, struct cache_stream *stream,
                    struct wire_name *name)
{
    if (shard->blocks.marks[block] == CACHE_MARK_NONE) {
        return false;
    }
    cache_head_read(shard, block, head);
    if (!filter->any_type && head->type != filter->type) {
        return false;
    }
    cache_stream_to_name(stream, &shard->blocks, block, head);
    if (!name_matches(filter, head, stream, name)) {
        return false;
    }
    cache_stream_to_message(stream, block, head);
    return true;
}

/* Copies the next entry that matches and is not gone. False: a step is over without one. */
static bool see_next(struct place *place, const struct cache_filter *filter, uint64_t now_us,
                     struct cache_seen *seen, uint8_t octets[WIRE_MESSAGE_MAX])
{
    struct cache_shard *shard = place->shard;
    struct cache_stream stream;
    struct cache_head head;
    bool found = false;

    pthread_mutex_lock(&shard->lock);
    for (uint32_t n = 0; n < CACHE_STEP_BLOCKS && place->block < shard->blocks.fresh && !found;
         n++) {
        found = matches(filter, shard, place->block++, &head, &stream, &seen->name) &&
                now_us < cache_gone_us(place->cache, &head);
    }
    if (found) {
        seen->type = head.type;
        seen->context = head.context;
        seen->dnssec_ok = (head.flags & CACHE_HEAD_DNSSEC_OK) != 0;
        seen->checking_disabled = (head.flags & CACHE_HEAD_CHECKING_DISABLED) != 0;
        seen->proven = (shard->blocks.marks[place->block - 1] & CACHE_MARK_PROVEN) != 0;
        seen->octets = octets;
        cache_entry_fill(&head, now_us, &seen->entry);
        if (now_us >= head.expires_us) {
            cache_entry_late(&head, now_us, &seen->entry);
        }
        cache_stream_read(&stream, octets, head.message_len);
        cache_age_ttls(&stream, &head, seen->entry.age_s, octets);
    } else if (place->block >= shard->blocks.fresh) {
        place->block = UINT32_MAX; /* the shard is done */
    }
    pthread_mutex_unlock(&shard->lock);
    return found;
}

void cache_show(struct cache *cache, const struct cache_filter *filter, uint64_t now_us,
                bool (*see)(void *context, const struct cache_seen *seen), void *context)
{
    uint8_t octets[WIRE_MESSAGE_MAX];
    struct cache_seen seen;

    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        struct place place = {.cache = cache, .shard = &cache->shards[i]};

        while (place.block != UINT32_MAX) {
            if (see_next(&place, filter, now_us, &seen, octets) && !see(context, &seen)) {
                return;
            }
        }
    }
}

/* Removes what matches in one step; returns how many that were not gone. */
static uint64_t forget_some(struct place *place, const struct cache_filter *filter,
                            uint64_t now_us)
{
    struct cache_shard *shard = place->shard;
    uint64_t count = 0;
    size_t work = 0;

    pthread_mutex_lock(&shard->lock);
    while (work < CACHE_STEP_BLOCKS && place->block < shard->blocks.fresh) {
        const uint32_t block = place->block++;
        struct cache_stream stream;
        struct cache_head head;
        struct wire_name name;

        work++;
        if (matches(filter, shard, block, &head, &stream, &name)) {
            work += head.message_len / CACHE_BLOCK_DATA;
            count += now_us < cache_gone_us(place->cache, &head) ? 1 : 0;
            cache_shard_remove(shard, block);
        }
    }
    if (place->block >= shard->blocks.fresh) {
        place->block = UINT32_MAX;
    }
    pthread_mutex_unlock(&shard->lock);
    return count;
}

uint32_t cache_forgets(const struct cache *cache)
{
    return atomic_load(&cache->forgets);
}

uint64_t cache_forget(struct cache *cache, const struct cache_filter *filter, uint64_t now_us)
{
    uint64_t count = 0;

    atomic_fetch_add(&cache->forgets, 1);
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        struct place place = {.cache = cache, .shard = &cache->shards[i]};

        while (place.block != UINT32_MAX) {
            count += forget_some(&place, filter, now_us);
        }
    }
    return count;
}
