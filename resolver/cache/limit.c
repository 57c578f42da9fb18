/* Holding less than what the cache was made for, and more again. */
#include "cache/inside.h"

/* With the lock held: a microsecond or so for 1 MiB of the cache's size. */
static void shard_limit(struct cache_shard *shard, uint32_t usable)
{
    const uint32_t before = shard->blocks.usable;

    for (uint32_t index = 0; usable < before && index < before; index++) {
        if (shard->blocks.marks[index] != CACHE_MARK_NONE &&
            cache_blocks_reach(&shard->blocks, index, usable)) {
            cache_shard_remove(shard, index);
            shard->evictions++;
        }
    }
    cache_blocks_limit(&shard->blocks, usable);
}

void cache_limit(struct cache *cache, size_t octets)
{
    const size_t limit = octets < cache->size ? octets : cache->size;
    const size_t blocks = limit > cache->fixed ? limit - cache->fixed : 0;
    const size_t each = blocks / CACHE_SHARDS / sizeof(struct cache_block);

    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        struct cache_shard *shard = &cache->shards[i];

        pthread_mutex_lock(&shard->lock);
        shard_limit(shard, each < shard->blocks.count ? (uint32_t)each : shard->blocks.count);
        pthread_mutex_unlock(&shard->lock);
    }
    cache->limit = limit;
}
