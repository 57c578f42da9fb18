/*
 * cache/cache.h - answers as they were received (before policy), shared by all workers.
 *
 * 256 shards with a mutex each; a shard holds at most its part of the bound, in octets, keys
 * and bookkeeping included. What was asked for again is kept before what was not (evict.c); a
 * hit counts to three and moves nothing. The only ways in and out copy, so no lock is held
 * while a caller works. All memory is taken by cache_create, in one piece, and touched when it
 * is first used.
 */
#ifndef CORDON_CACHE_CACHE_H
#define CORDON_CACHE_CACHE_H

#include "wire/name.h"
#include "wire/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_SHARDS   256u
#define CACHE_SIZE_MIN (1u << 20) /* octets: 4 KiB a shard still holds answers */

struct cache; /* opaque */

struct cache_key {
    const struct wire_name *name; /* borrowed for the call */
    uint16_t type;
    uint16_t context;       /* which upstream group or zone would be asked; 0 for now */
    bool dnssec_ok;         /* DO */
    bool checking_disabled; /* CD */
    uint64_t hash;          /* of cache_hash() for all of the above; 0: not known */
};

enum cache_kind {
    CACHE_ANSWER, /* a message, positive or negative */
    CACHE_FAILURE /* no usable answer came (RFC 9520); the message is empty */
};

struct cache_entry {
    enum cache_kind kind;
    uint32_t ttl_s;  /* put: how long it may be used; get: what is left, at least 1 */
    uint32_t age_s;  /* get: since it was stored */
    int16_t ede;     /* of a failure: enum wire_ede */
    size_t len;      /* octets of the message */
    uint32_t late_s; /* put, of an answer: of its time, the last part; 0: none */
    bool ending; /* get: that has begun, it was asked for before, and nobody has claimed it */
    bool stale;  /* get, also one that finds nothing: there is an answer past its time */
    bool failed; /* get, of a stale one: asking anew has failed, at most retry_s ago */
    uint32_t retry_s; /* put, of a failure: for how long a stale answer is said to be failed */
    /* get: what a caller has said of this very message with cache_stamp(); 0: nothing. */
    uint64_t stamp;
    uint32_t version; /* get: for cache_stamp() */
};

/* size: bound in octets over everything it holds. hash_key: 16 random octets. NULL if out of
 * memory or size is below CACHE_SIZE_MIN. */
struct cache *cache_create(size_t size, const uint8_t hash_key[16]);
void cache_destroy(struct cache *cache);

/* How long answers stay past their time; 0, as at the start: not at all. It holds for those
 * that are there already. Any thread. */
void cache_keep_stale(struct cache *cache, uint32_t seconds);

/* hot. Where an entry with this key is looked for. Any thread. */
uint64_t cache_hash(const struct cache *cache, const struct cache_key *key);
/* hot. The same in two steps: the name's by the cache's secret key, of use for other tables as
 * well; and that of a key with this name. */
uint64_t cache_name_hash(const struct cache *cache, const struct wire_name *name);
uint64_t cache_hash_of(uint64_t name_hash, const struct cache_key *key);
/* hot. The memory in which an entry with this hash would be begins to come: first what says
 * where it is; then, called after other work, the entry. False: there was none a moment ago.
 * Both change nothing. Any thread. */
void cache_expect(const struct cache *cache, uint64_t hash);
bool cache_expect_entry(const struct cache *cache, uint64_t hash);

/*
 * hot. Copies the message (at most size octets) into octets, its TTLs lowered by the age (to
 * no less than 0) - those of OPT excepted. False: not there, past its time, or larger than
 * size; then entry->stale and failed are set all the same. Any thread.
 */
bool cache_get(struct cache *cache, const struct cache_key *key, uint64_t now_us,
               uint8_t *octets, size_t size, struct cache_entry *entry);

/* hot. The same, but only of an entry of which cache_stamp() has said this very stamp, not 0:
 * else it is as if nobody had asked, and of *entry nothing is set. Any thread. */
bool cache_get_stamped(struct cache *cache, const struct cache_key *key, uint64_t stamp,
                       uint64_t now_us, uint8_t *octets, size_t size,
                       struct cache_entry *entry);

/* For want of anything better (RFC 8767): an answer that is past its time, no longer than it
 * may stay, all its TTLs as said. One that holds after all is as from cache_get(). Never a
 * failure. Any thread. */
bool cache_get_stale(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                     uint32_t ttl_s, uint8_t *octets, size_t size, struct cache_entry *entry);

/* Whether it would find something that fits; entry as from it. Any thread. */
bool cache_has_stale(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                     struct cache_entry *entry);

/*
 * Stores a copy; an entry with this key is replaced, unless that is an answer which still holds
 * and this is a failure. A failure does not replace a stale answer either: it is noted there.
 * entry->kind, ttl_s, ede, len, late_s and retry_s are read; ttl_s 0, a message that is
 * malformed: nothing is stored, but an answer of ttl_s 0 ends a stale one; larger than a shard:
 * neither, and the one before goes. Returns for how many seconds it holds: ttl_s; retry_s of a
 * failure that was noted; 0: it was not needed or is not there. Allocates nothing. Any thread.
 */
uint32_t cache_put(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                   const uint8_t *octets, const struct cache_entry *entry);

/* hot. Has every later cache_get of this entry tell the number, until it is replaced. Nothing
 * if it has been since the cache_get that told version. Any thread. */
void cache_stamp(struct cache *cache, const struct cache_key *key, uint32_t version,
                 uint64_t stamp);

/* True for the first caller since the entry of this version was put: it, and nobody else, is to
 * fetch it anew. Any thread. */
bool cache_claim(struct cache *cache, const struct cache_key *key, uint32_t version);

/* Removes everything, shard by shard; returns how many entries that were. Any thread. */
uint64_t cache_flush(struct cache *cache);

/*
 * Holds at most so many octets from here on, its own bookkeeping included (which stays), up to
 * the size that it was made with: what lies behind is forgotten, and the memory goes back to
 * the system. Looks at each entry, shard after shard. One thread at a time, any.
 */
void cache_limit(struct cache *cache, size_t octets);

/* Some of the entries: those of a name, or also those below it. */
struct cache_filter {
    const struct wire_name *name; /* lower case, borrowed for the call */
    bool below;
    bool any_type;
    uint16_t type; /* unless any_type */
};

/* One of them: a copy. */
struct cache_seen {
    struct wire_name name;
    uint16_t type, context;
    bool dnssec_ok, checking_disabled;
    bool proven; /* it was asked for again, and so is kept before others */
    struct cache_entry entry;
    const uint8_t *octets; /* of the message, TTLs lowered by the age; borrowed for the call */
};

/*
 * Both look at every entry, in steps: each holds one shard's lock for a few hundred blocks, so
 * that no worker waits long. For people, not for questions. What is stored while they walk may
 * be met or not; what was there before and matches is.
 *
 * cache_show tells of each entry that holds or is stale, without a lock held, in no order,
 * until see returns false; it takes 64 KiB of stack. cache_forget removes them and returns how
 * many.
 */
void cache_show(struct cache *cache, const struct cache_filter *filter, uint64_t now_us,
                bool (*see)(void *context, const struct cache_seen *seen), void *context);
uint64_t cache_forget(struct cache *cache, const struct cache_filter *filter, uint64_t now_us);

/* How often somebody has begun to flush or forget: 0 in a new one. Any thread. */
uint32_t cache_forgets(const struct cache *cache);

struct cache_stats {
    uint64_t entries, octets, size; /* now; size: as it was made */
    uint64_t limit;                 /* see cache_limit(); else size */
    uint64_t hits, misses, stores, evictions;
};
void cache_stats(struct cache *cache, struct cache_stats *out);

#endif
