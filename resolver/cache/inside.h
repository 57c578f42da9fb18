/*
 * cache/inside.h - the inside of a shard, for those who look up (cache.c, stale.c) and those
 * who walk (walk.c). Private to the room.
 */
#ifndef CORDON_CACHE_INSIDE_H
#define CORDON_CACHE_INSIDE_H

#include "base/siphash.h"
#include "cache/block.h"
#include "cache/cache.h"
#include "wire/limits.h"

#include <pthread.h>
#include <stdatomic.h>

#define CACHE_SECOND_US 1000000u

enum cache_head_flag {
    CACHE_HEAD_DNSSEC_OK = 1,
    CACHE_HEAD_CHECKING_DISABLED = 2,
    CACHE_HEAD_KEY = 3, /* both of them: part of the key */
    CACHE_HEAD_FAILURE = 4,
    CACHE_HEAD_ASKED = 8,
    CACHE_HEAD_CLAIMED = 16,
    CACHE_HEAD_NAMED =
        32 /* the name is that of the message's question: it stands there alone */
};

struct cache_head {
    uint32_t hash;
    uint32_t next; /* entry in the same bucket, by its first block */
    uint64_t stored_us;
    uint64_t expires_us;
    uint64_t stamp;
    /* Of an answer that holds: when its last part begins. Of one past its time: until when
     * asking anew is said to have failed, if that is still to come. */
    uint64_t then_us;
    uint32_t version; /* of this shard's stores: no two entries share one for as long as it
                         takes to look at an answer */
    uint16_t type, context;
    uint16_t message_len, ttl_count;
    int16_t ede;
    uint8_t name_len;
    uint8_t flags;
};

_Static_assert(sizeof(struct cache_head) + WIRE_HEADER_OCTETS < CACHE_BLOCK_DATA,
               "a head is read from one block, and the name begins there");

/* Octets of a name that stands beside the message, in front of it. */
static inline size_t cache_head_beside(const struct cache_head *head)
{
    return (head->flags & CACHE_HEAD_NAMED) != 0 ? 0 : head->name_len;
}

/* Blocks that the entry takes. */
static inline uint32_t cache_head_blocks(const struct cache_head *head)
{
    const size_t octets = sizeof(*head) + cache_head_beside(head) + head->message_len +
                          head->ttl_count * sizeof(uint16_t);

    return (uint32_t)((octets + CACHE_BLOCK_DATA - 1) / CACHE_BLOCK_DATA);
}

/* hot, both. Has the stream stand at the name of the entry in this block; then, once the name
 * was read, at the message. */
static inline void cache_stream_to_name(struct cache_stream *stream,
                                        struct cache_blocks *blocks, uint32_t index,
                                        const struct cache_head *head)
{
    cache_stream_start(stream, blocks, index);
    stream->at =
        sizeof(*head) + ((head->flags & CACHE_HEAD_NAMED) != 0 ? WIRE_HEADER_OCTETS : 0);
}

static inline void cache_stream_to_message(struct cache_stream *stream, uint32_t index,
                                           const struct cache_head *head)
{
    if ((head->flags & CACHE_HEAD_NAMED) != 0) {
        cache_stream_start(stream, stream->blocks, index);
        stream->at = sizeof(*head);
    }
}

/* Cache lines of its own, so that locks of neighbours do not share one. What a hit touches
 * stands in the first two, and what says where an entry is in the first. */
struct cache_shard {
    _Alignas(64) pthread_mutex_t lock;
    _Atomic uint32_t *buckets; /* first block of the first entry, or CACHE_NO_BLOCK */
    uint32_t bucket_mask;
    uint32_t proven; /* blocks of entries that are marked so */
    struct cache_blocks blocks;
    uint64_t hits, misses;
    uint32_t *ghosts;   /* of each bucket: two that were let go unproven (evict.c) */
    uint32_t trial_at;  /* the blocks that are looked at next, for eviction from those on */
    uint32_t proven_at; /* trial and from the proven ones, */
    uint32_t sweep_at;  /* and for entries past their time */
    uint64_t entries, stores, evictions;
};

struct cache {
    struct cache_shard shards[CACHE_SHARDS];
    size_t size;
    size_t fixed;         /* octets that no block takes */
    _Atomic size_t limit; /* at most size */
    _Atomic uint64_t stale_us;
    _Atomic uint32_t forgets;
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
};

/* An entry that was looked for: its shard's lock is held from cache_find() to cache_let_go().
 * hot, both. */
struct cache_found {
    struct cache_shard *shard;
    uint32_t index; /* CACHE_NO_BLOCK: there is none, and nothing below is said */
    struct cache_head head;
    struct cache_stream stream; /* stands at the message */
};

void cache_find(struct cache *cache, const struct cache_key *key, struct cache_found *found);
void cache_let_go(struct cache_found *found);

/* With the shard's lock held. */
void cache_head_read(struct cache_shard *shard, uint32_t index, struct cache_head *head);
/* Counts a hit. Of what is asked for often nothing is written. */
static inline void cache_mark_use(uint8_t *mark)
{
    if ((*mark & CACHE_MARK_USES) != CACHE_MARK_USES) {
        *mark = (uint8_t)(*mark + CACHE_MARK_USE);
    }
}
/* Takes an entry out of its bucket and gives its blocks back. */
void cache_shard_remove(struct cache_shard *shard, uint32_t index);
/* Removes entries until so many blocks are free; at most blocks.usable can be asked for. */
void cache_shard_make_room(const struct cache *cache, struct cache_shard *shard,
                           uint32_t blocks, uint64_t now_us);
/* Marks a new entry of so many blocks. before: the mark of the one with the same key that it
 * replaces, or CACHE_MARK_NONE. */
void cache_shard_admit(struct cache_shard *shard, uint32_t index, uint32_t hash,
                       uint32_t blocks, uint8_t before);
/* Lowers the TTLs of a message that was read from the stream, which stands behind it. */
void cache_age_ttls(struct cache_stream *stream, const struct cache_head *head, uint32_t age_s,
                    uint8_t *octets);

/* When an entry is gone for good. */
uint64_t cache_gone_us(const struct cache *cache, const struct cache_head *head);

/* As cache_put(), but only where nothing that holds has the key, there is room, and forgets is
 * still what cache_forgets() says. proven: as it was before. Takes the lock itself. */
bool cache_offer(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                 const uint8_t *octets, const struct cache_entry *entry, bool proven,
                 uint32_t forgets);

/* What a caller is told of an entry that holds; and then of one that is past its time. */
void cache_entry_fill(const struct cache_head *head, uint64_t now_us,
                      struct cache_entry *entry);
void cache_entry_late(const struct cache_head *head, uint64_t now_us,
                      struct cache_entry *entry);
/* Whether one past its time is of use yet. One that is gone stays till it is replaced, which
 * tells that it was asked for again, or till room is needed. */
void cache_note_stale(const struct cache *cache, const struct cache_head *head, uint64_t now_us,
                      struct cache_entry *entry);
/* A newer answer has come, which may not be kept: removes what is past its time. */
void cache_drop_stale(struct cache *cache, const struct cache_key *key, uint64_t now_us);

#endif
