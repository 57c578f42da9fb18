/*
 * What the cache holds and has done, summed up over its shards.
 */
#include "cache/inside.h"

#include <string.h>

void cache_stats(struct cache *cache, struct cache_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->size = cache->size;
    out->limit = cache->limit;
    out->octets = cache->fixed;
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        struct cache_shard *shard = &cache->shards[i];

        pthread_mutex_lock(&shard->lock);
        out->entries += shard->entries;
        out->octets += (uint64_t)shard->blocks.in_use * CACHE_BLOCK_OCTETS;
        out->hits += shard->hits;
        out->misses += shard->misses;
        out->stores += shard->stores;
        out->evictions += shard->evictions;
        pthread_mutex_unlock(&shard->lock);
    }
}
