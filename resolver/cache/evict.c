/*
 * What goes when room is needed: first what is past its time, then what nobody asked for again.
 *
 * A new entry is on trial. When trials hold more than their part of the shard, the oldest is
 * looked at: asked for meanwhile, it is proven; else it goes, and leaves a ghost, some bits of
 * its hash, by which it is proven at once when it comes again soon. Else a proven entry goes
 * that was not asked for of late. So names that are asked for once, however many, take the
 * place of trials only. That is S3-FIFO with hands over the blocks instead of its two queues:
 * an entry needs no links, a hit moves nothing, and the marks of many blocks lie side by side.
 */
#include "cache/inside.h"
#include "cache/limits.h"

/* What is remembered of a name that was let go; never 0, which is an empty place. */
static uint16_t ghost_of(uint32_t hash)
{
    return (uint16_t)(hash >> 16 | 1);
}

/* A bucket remembers two, the newer one in the lower half. */
static void remember(struct cache_shard *shard, uint32_t hash)
{
    uint32_t *ghosts = &shard->ghosts[hash & shard->bucket_mask];

    *ghosts = *ghosts << 16 | ghost_of(hash);
}

static bool remembers(const struct cache_shard *shard, uint32_t hash)
{
    const uint32_t ghosts = shard->ghosts[hash & shard->bucket_mask];

    return (ghosts & 0xffff) == ghost_of(hash) || ghosts >> 16 == ghost_of(hash);
}

/* The entry that the hand meets next, of those whose mark says wanted. There is one. */
static uint32_t next_entry(const struct cache_shard *shard, uint32_t *hand, uint8_t wanted)
{
    const uint8_t *marks = shard->blocks.marks;
    uint32_t index;

    do {
        if (*hand >= shard->blocks.fresh) {
            *hand = 0;
        }
        index = (*hand)++;
    } while ((marks[index] & (CACHE_MARK_HEAD | CACHE_MARK_PROVEN)) != wanted);
    return index;
}

/* One that was asked for is proven, or stays so. */
static void spare(struct cache_shard *shard, uint32_t index, const struct cache_head *head)
{
    uint8_t *mark = &shard->blocks.marks[index];

    if ((*mark & CACHE_MARK_PROVEN) != 0) {
        *mark = (uint8_t)(*mark - CACHE_MARK_USE);
    } else {
        *mark = CACHE_MARK_HEAD | CACHE_MARK_PROVEN;
        shard->proven += cache_head_blocks(head);
    }
}

/* Removes one entry; there is one. */
static void evict(struct cache_shard *shard, uint64_t now_us)
{
    for (unsigned spared = 0;; spared++) {
        const uint32_t trials = shard->blocks.in_use - shard->proven;
        const bool trial =
            trials > shard->blocks.usable / CACHE_TRIAL_PART || shard->proven == 0;
        const uint32_t index =
            trial ? next_entry(shard, &shard->trial_at, CACHE_MARK_HEAD)
                  : next_entry(shard, &shard->proven_at, CACHE_MARK_HEAD | CACHE_MARK_PROVEN);
        struct cache_head head;

        cache_head_read(shard, index, &head);
        if ((shard->blocks.marks[index] & CACHE_MARK_USES) != 0 && now_us < head.expires_us &&
            spared < CACHE_SPARED_MAX) {
            spare(shard, index, &head);
            continue;
        }
        if (trial) {
            remember(shard, head.hash);
        }
        cache_shard_remove(shard, index);
        shard->evictions++;
        return;
    }
}

/* Removes what is past its time from the blocks that are looked at next. A stale answer of a
 * name that is asked for may be of use yet: it stays while it may, and goes when its turn
 * comes. */
static void sweep(const struct cache *cache, struct cache_shard *shard, uint64_t now_us)
{
    for (unsigned n = 0; n < CACHE_SWEEP_BLOCKS; n++) {
        if (shard->sweep_at >= shard->blocks.fresh) {
            shard->sweep_at = 0;
        }
        const uint32_t index = shard->sweep_at++;
        struct cache_head head;

        if (shard->blocks.marks[index] == CACHE_MARK_NONE) {
            continue;
        }
        const bool proven = (shard->blocks.marks[index] & CACHE_MARK_PROVEN) != 0;
        cache_head_read(shard, index, &head);
        if (now_us >= (proven ? cache_gone_us(cache, &head) : head.expires_us)) {
            if (proven) {
                remember(shard, head.hash); /* what is asked for often comes again */
            }
            cache_shard_remove(shard, index);
            shard->evictions++;
        }
    }
}

void cache_shard_make_room(const struct cache *cache, struct cache_shard *shard,
                           uint32_t blocks, uint64_t now_us)
{
    if (shard->blocks.usable - shard->blocks.in_use < blocks) {
        sweep(cache, shard, now_us);
    }
    while (shard->blocks.usable - shard->blocks.in_use < blocks) {
        evict(shard, now_us);
    }
}

void cache_shard_admit(struct cache_shard *shard, uint32_t index, uint32_t hash,
                       uint32_t blocks, uint8_t before)
{
    uint8_t mark = CACHE_MARK_HEAD;

    if (before != CACHE_MARK_NONE) { /* asked for again, when it was past its time */
        mark = before;
        cache_mark_use(&mark);
    } else if (remembers(shard, hash)) {
        mark |= CACHE_MARK_PROVEN;
    }
    shard->blocks.marks[index] = mark;
    shard->proven += (mark & CACHE_MARK_PROVEN) != 0 ? blocks : 0;
}
