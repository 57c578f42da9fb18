/* Answers past their time (RFC 8767): how long they stay, and when they are given after all. */
#include "cache/inside.h"

#include "wire/type.h"

uint64_t cache_gone_us(const struct cache *cache, const struct cache_head *head)
{
    return (head->flags & CACHE_HEAD_FAILURE) != 0
               ? head->expires_us
               : head->expires_us +
                     atomic_load_explicit(&cache->stale_us, memory_order_relaxed);
}

void cache_keep_stale(struct cache *cache, uint32_t seconds)
{
    atomic_store_explicit(&cache->stale_us, (uint64_t)seconds * CACHE_SECOND_US,
                          memory_order_relaxed);
}

void cache_entry_late(const struct cache_head *head, uint64_t now_us, struct cache_entry *entry)
{
    entry->ttl_s = 0;
    entry->stale = true;
    entry->failed = now_us < head->then_us;
}

void cache_note_stale(const struct cache *cache, const struct cache_head *head, uint64_t now_us,
                      struct cache_entry *entry)
{
    entry->stale = entry->failed = false;
    if (now_us < cache_gone_us(cache, head)) {
        cache_entry_late(head, now_us, entry);
    }
}

static void set_ttls(struct cache_stream *stream, const struct cache_head *head, uint32_t ttl_s,
                     uint8_t *octets)
{
    for (uint16_t i = 0; i < head->ttl_count; i++) {
        uint16_t at;

        cache_stream_read(stream, &at, sizeof(at));
        wire_put32(octets + at, ttl_s);
    }
}

/* With the shard's lock held, which the caller lets go. */
static bool find_stale(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                       struct cache_found *found, struct cache_entry *entry)
{
    const struct cache_head *head = &found->head;

    cache_find(cache, key, found);
    if (found->index == CACHE_NO_BLOCK || (head->flags & CACHE_HEAD_FAILURE) != 0 ||
        now_us >= cache_gone_us(cache, head)) {
        return false;
    }
    cache_entry_fill(head, now_us, entry);
    if (now_us >= head->expires_us) {
        cache_entry_late(head, now_us, entry);
    }
    return true;
}

bool cache_has_stale(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                     struct cache_entry *entry)
{
    struct cache_found found;
    const bool has = find_stale(cache, key, now_us, &found, entry);

    cache_let_go(&found);
    return has;
}

bool cache_get_stale(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                     uint32_t ttl_s, uint8_t *octets, size_t size, struct cache_entry *entry)
{
    struct cache_found found;
    const struct cache_head *head = &found.head;
    const bool got = find_stale(cache, key, now_us, &found, entry) && head->message_len <= size;

    if (got) {
        cache_stream_read(&found.stream, octets, head->message_len);
        if (entry->stale) {
            set_ttls(&found.stream, head, ttl_s, octets);
        } else {
            cache_age_ttls(&found.stream, head, entry->age_s, octets);
        }
        cache_mark_use(&found.shard->blocks.marks[found.index]);
    }
    cache_let_go(&found);
    return got;
}

void cache_drop_stale(struct cache *cache, const struct cache_key *key, uint64_t now_us)
{
    struct cache_found found;

    cache_find(cache, key, &found);
    if (found.index != CACHE_NO_BLOCK && now_us >= found.head.expires_us) {
        cache_shard_remove(found.shard, found.index);
    }
    cache_let_go(&found);
}
