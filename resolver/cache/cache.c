/*
 * The shards of the cache: which entry is where. Which one goes when room is needed: evict.c;
 * what is past its time: stale.c.
 *
 * An entry in its chain of blocks: struct cache_head (inside.h), the name of the key unless
 * the message's question has it, the message, and the offsets of the message's TTLs, so that
 * ageing them needs no walk over the records.
 */
#include "cache/cache.h"

#include "base/invariant.h"
#include "base/pages.h"
#include "base/siphash.h"
#include "cache/inside.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <string.h>

static uint8_t flags_of(const struct cache_key *key)
{
    return (uint8_t)((key->dnssec_ok ? CACHE_HEAD_DNSSEC_OK : 0) |
                     (key->checking_disabled ? CACHE_HEAD_CHECKING_DISABLED : 0));
}

/* hot */
uint64_t cache_name_hash(const struct cache *cache, const struct wire_name *name)
{
    return siphash13(name->octets, name->len, cache->hash_key);
}

/* hot. What else the key says is mixed in by the last steps of MurmurHash3, which change half
 * of the bits for each that differs; who does not know the name's hash cannot choose where keys
 * fall. */
uint64_t cache_hash_of(uint64_t name_hash, const struct cache_key *key)
{
    uint64_t hash =
        name_hash ^ ((uint64_t)key->type << 32 | (uint64_t)key->context << 8 | flags_of(key));

    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

uint64_t cache_hash(const struct cache *cache, const struct cache_key *key)
{
    return cache_hash_of(cache_name_hash(cache, key->name), key);
}

_Static_assert(CACHE_SHARDS == 256, "the top octet of the hash chooses the shard");

static struct cache_shard *shard_of(struct cache *cache, const struct cache_key *key,
                                    uint32_t *hash)
{
    const uint64_t full = key->hash != 0 ? key->hash : cache_hash(cache, key);

    *hash = (uint32_t)full;
    return &cache->shards[full >> 56];
}

/* Buckets are written with the lock held, and read without it by cache_expect_entry() alone. */
static uint32_t bucket_get(const _Atomic uint32_t *bucket)
{
    return atomic_load_explicit(bucket, memory_order_relaxed);
}

static void bucket_set(_Atomic uint32_t *bucket, uint32_t index)
{
    atomic_store_explicit(bucket, index, memory_order_relaxed);
}

void cache_expect(const struct cache *cache, uint64_t hash)
{
    const struct cache_shard *shard = &cache->shards[hash >> 56];

    __builtin_prefetch(&shard->lock, 1);
    __builtin_prefetch(&shard->hits, 1);
    __builtin_prefetch(&shard->buckets[(uint32_t)hash & shard->bucket_mask]);
}

bool cache_expect_entry(const struct cache *cache, uint64_t hash)
{
    const struct cache_shard *shard = &cache->shards[hash >> 56];
    const uint32_t index = bucket_get(&shard->buckets[(uint32_t)hash & shard->bucket_mask]);

    if (index == CACHE_NO_BLOCK) {
        return false;
    }
    const uint8_t *block = (const uint8_t *)&shard->blocks.at[index];

    __builtin_prefetch(block);
    __builtin_prefetch(block + 64);
    if (index > 0) { /* where the next block of most entries is: cache_blocks_take() */
        __builtin_prefetch(block - sizeof(struct cache_block));
    }
    __builtin_prefetch(&shard->blocks.marks[index], 1);
    return true;
}

/* Shares size among the shards: a block costs its octets, a mark, and half of a bucket and of
 * its ghosts. */
static uint32_t blocks_per_shard(size_t size)
{
    const size_t each = (size - sizeof(struct cache)) / CACHE_SHARDS;
    const size_t count = each / (CACHE_BLOCK_OCTETS + 1 + sizeof(uint32_t));

    return count < UINT32_MAX / 2 ? (uint32_t)count : UINT32_MAX / 2;
}

static void cache_shard_clear(struct cache_shard *shard)
{
    memset(shard->blocks.marks, CACHE_MARK_NONE, shard->blocks.count);
    for (uint32_t i = 0; i <= shard->bucket_mask; i++) {
        bucket_set(&shard->buckets[i], CACHE_NO_BLOCK);
    }
    memset(shard->ghosts, 0, (shard->bucket_mask + 1) * sizeof(*shard->ghosts));
    shard->blocks.fresh = 0;
    shard->blocks.free = CACHE_NO_BLOCK;
    shard->blocks.in_use = 0;
    shard->proven = 0;
    shard->entries = 0;
}

struct cache *cache_create(size_t size, const uint8_t hash_key[16])
{
    if (size < CACHE_SIZE_MIN || size < sizeof(struct cache)) {
        return NULL;
    }
    /* One piece: what is promised is what is taken. Pages of blocks that were never used are
     * never touched, so a large idle cache costs address space only. */
    struct cache *cache = pages_take(size);
    if (cache == NULL) {
        return NULL;
    }
    const uint32_t count = blocks_per_shard(size & ~(size_t)63);
    uint32_t buckets = 1;
    while (buckets <= count / 4) {
        buckets *= 2;
    }
    uint8_t *at = (uint8_t *)(cache + 1);
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        struct cache_shard *shard = &cache->shards[i];

        memset(shard, 0, sizeof(*shard));
        invariant(pthread_mutex_init(&shard->lock, NULL) == 0);
        shard->blocks.at = (struct cache_block *)(void *)at;
        shard->blocks.count = count;
        shard->blocks.usable = count;
        at += (size_t)count * sizeof(struct cache_block);
        shard->bucket_mask = buckets - 1;
    }
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        cache->shards[i].buckets = (_Atomic uint32_t *)(void *)at;
        at += buckets * sizeof(uint32_t);
    }
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        cache->shards[i].ghosts = (uint32_t *)(void *)at;
        at += buckets * sizeof(uint32_t);
    }
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        cache->shards[i].blocks.marks = at;
        at += count;
        cache_shard_clear(&cache->shards[i]);
    }
    invariant((size_t)(at - (uint8_t *)cache) <= size);
    cache->size = size;
    cache->limit = size;
    cache->stale_us = 0;
    cache->forgets = 0;
    cache->fixed = (size_t)(at - (uint8_t *)cache) -
                   (size_t)CACHE_SHARDS * count * sizeof(struct cache_block);
    memcpy(cache->hash_key, hash_key, sizeof(cache->hash_key));
    return cache;
}

void cache_destroy(struct cache *cache)
{
    if (cache != NULL) {
        for (unsigned i = 0; i < CACHE_SHARDS; i++) {
            pthread_mutex_destroy(&cache->shards[i].lock);
        }
        pages_release(cache, cache->size);
    }
}

void cache_head_read(struct cache_shard *shard, uint32_t index, struct cache_head *head)
{
    memcpy(head, shard->blocks.at[index].octets, sizeof(*head));
}

static void head_set_next(struct cache_shard *shard, uint32_t index, uint32_t next)
{
    memcpy(shard->blocks.at[index].octets + offsetof(struct cache_head, next), &next,
           sizeof(next));
}

void cache_shard_remove(struct cache_shard *shard, uint32_t index)
{
    struct cache_head head;
    _Atomic uint32_t *bucket;
    uint32_t before = CACHE_NO_BLOCK;

    cache_head_read(shard, index, &head);
    bucket = &shard->buckets[head.hash & shard->bucket_mask];
    for (uint32_t at = bucket_get(bucket); at != index;) {
        struct cache_head other;

        invariant(at != CACHE_NO_BLOCK);
        cache_head_read(shard, at, &other);
        before = at;
        at = other.next;
    }
    if (before == CACHE_NO_BLOCK) {
        bucket_set(bucket, head.next);
    } else {
        head_set_next(shard, before, head.next);
    }
    const bool proven = (shard->blocks.marks[index] & CACHE_MARK_PROVEN) != 0;
    const uint32_t blocks = cache_blocks_give_back(&shard->blocks, index);
    shard->proven -= proven ? blocks : 0;
    shard->entries--;
}

/* An entry that is asked for becomes the first of its bucket, where cache_expect_entry() looks
 * for it: those of a full cache have others in front of it, each in a place of its own. */
static void bring_forward(struct cache_shard *shard, _Atomic uint32_t *bucket, uint32_t before,
                          uint32_t index, struct cache_head *head)
{
    head_set_next(shard, before, head->next);
    head->next = bucket_get(bucket);
    head_set_next(shard, index, head->next);
    bucket_set(bucket, index);
}

/* The first block of the entry with this key, or CACHE_NO_BLOCK. On success the stream stands
 * at the message. */
static uint32_t shard_find(struct cache_shard *shard, const struct cache_key *key,
                           uint32_t hash, struct cache_head *head, struct cache_stream *stream)
{
    const uint8_t flags = flags_of(key);
    _Atomic uint32_t *const bucket = &shard->buckets[hash & shard->bucket_mask];
    uint32_t before = CACHE_NO_BLOCK;
    uint32_t index = bucket_get(bucket);

    for (; index != CACHE_NO_BLOCK; before = index, index = head->next) {
        cache_head_read(shard, index, head);
        if (head->hash != hash || head->type != key->type || head->context != key->context ||
            (head->flags & CACHE_HEAD_KEY) != flags || head->name_len != key->name->len) {
            continue;
        }
        cache_stream_to_name(stream, &shard->blocks, index, head);
        if (cache_stream_equals(stream, key->name->octets, key->name->len)) {
            cache_stream_to_message(stream, index, head);
            break;
        }
    }
    if (index != CACHE_NO_BLOCK && before != CACHE_NO_BLOCK) {
        bring_forward(shard, bucket, before, index, head);
    }
    return index;
}

void cache_find(struct cache *cache, const struct cache_key *key, struct cache_found *found)
{
    uint32_t hash;

    found->shard = shard_of(cache, key, &hash);
    pthread_mutex_lock(&found->shard->lock);
    found->index = shard_find(found->shard, key, hash, &found->head, &found->stream);
}

void cache_let_go(struct cache_found *found)
{
    pthread_mutex_unlock(&found->shard->lock);
}

/* hot. In nearly all entries it is not cut by the end of a block. */
static inline uint16_t read_offset(struct cache_stream *stream)
{
    uint16_t offset;

    if (stream->at <= CACHE_BLOCK_DATA - sizeof(offset)) {
        memcpy(&offset, stream->blocks->at[stream->block].octets + stream->at, sizeof(offset));
        stream->at += sizeof(offset);
    } else {
        cache_stream_read(stream, &offset, sizeof(offset));
    }
    return offset;
}

void cache_age_ttls(struct cache_stream *stream, const struct cache_head *head, uint32_t age_s,
                    uint8_t *octets)
{
    for (unsigned left = head->ttl_count; left > 0; left--) {
        const uint16_t offset = read_offset(stream);

        const uint32_t ttl = wire_get32(octets + offset);
        wire_put32(octets + offset, ttl > age_s ? ttl - age_s : 0);
    }
}

void cache_entry_fill(const struct cache_head *head, uint64_t now_us, struct cache_entry *entry)
{
    /* Another thread's clock may be a moment ahead of ours. */
    const uint64_t age_us = now_us > head->stored_us ? now_us - head->stored_us : 0;

    entry->kind = (head->flags & CACHE_HEAD_FAILURE) != 0 ? CACHE_FAILURE : CACHE_ANSWER;
    entry->age_s = (uint32_t)(age_us / CACHE_SECOND_US);
    entry->ttl_s =
        (uint32_t)((head->expires_us - now_us + CACHE_SECOND_US - 1) / CACHE_SECOND_US);
    entry->ending = entry->stale = entry->failed = false;
    entry->ede = head->ede;
    entry->len = head->message_len;
    entry->stamp = head->stamp;
    entry->version = head->version;
}

static void set_flag(const struct cache_found *found, uint8_t flag)
{
    found->shard->blocks.at[found->index].octets[offsetof(struct cache_head, flags)] |= flag;
}

/* Of an answer that holds. */
static bool note_asked(const struct cache_found *found, uint64_t now_us)
{
    const struct cache_head *head = &found->head;

    cache_mark_use(&found->shard->blocks.marks[found->index]);
    if ((head->flags & CACHE_HEAD_ASKED) == 0) {
        set_flag(found, CACHE_HEAD_ASKED);
        return false;
    }
    return now_us >= head->then_us &&
           (head->flags & (CACHE_HEAD_CLAIMED | CACHE_HEAD_FAILURE)) == 0;
}

/* A hit: of what was found, and holds, and fits. */
static void take(struct cache_found *found, uint64_t now_us, uint8_t *octets,
                 struct cache_entry *entry)
{
    cache_entry_fill(&found->head, now_us, entry);
    cache_stream_read(&found->stream, octets, found->head.message_len);
    cache_age_ttls(&found->stream, &found->head, entry->age_s, octets);
    entry->ending = note_asked(found, now_us);
    found->shard->hits++;
}

bool cache_get_stamped(struct cache *cache, const struct cache_key *key, uint64_t stamp,
                       uint64_t now_us, uint8_t *octets, size_t size, struct cache_entry *entry)
{
    struct cache_found found;

    cache_find(cache, key, &found);
    const bool got = found.index != CACHE_NO_BLOCK && found.head.stamp == stamp &&
                     now_us < found.head.expires_us && found.head.message_len <= size;
    if (got) {
        take(&found, now_us, octets, entry);
    }
    cache_let_go(&found);
    return got;
}

bool cache_get(struct cache *cache, const struct cache_key *key, uint64_t now_us,
               uint8_t *octets, size_t size, struct cache_entry *entry)
{
    struct cache_found found;
    bool got = false;

    cache_find(cache, key, &found);
    if (found.index != CACHE_NO_BLOCK && now_us >= found.head.expires_us) {
        cache_note_stale(cache, &found.head, now_us, entry);
    } else if (found.index != CACHE_NO_BLOCK && found.head.message_len <= size) {
        take(&found, now_us, octets, entry);
        got = true;
    } else {
        entry->stale = entry->failed = false;
    }
    found.shard->misses += got ? 0 : 1;
    cache_let_go(&found);
    return got;
}

bool cache_claim(struct cache *cache, const struct cache_key *key, uint32_t version)
{
    struct cache_found found;

    cache_find(cache, key, &found);
    const bool first = found.index != CACHE_NO_BLOCK && found.head.version == version &&
                       (found.head.flags & CACHE_HEAD_CLAIMED) == 0;
    if (first) {
        set_flag(&found, CACHE_HEAD_CLAIMED);
    }
    cache_let_go(&found);
    return first;
}

void cache_stamp(struct cache *cache, const struct cache_key *key, uint32_t version,
                 uint64_t stamp)
{
    struct cache_found found;

    cache_find(cache, key, &found);
    if (found.index != CACHE_NO_BLOCK && found.head.version == version) {
        memcpy(found.shard->blocks.at[found.index].octets + offsetof(struct cache_head, stamp),
               &stamp, sizeof(stamp));
    }
    cache_let_go(&found);
}

/* The offsets of the TTLs that age: all but that of OPT, which is no time. False: malformed. */
static bool find_ttls(const uint8_t *octets, size_t len, uint16_t *offsets, uint16_t *count)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    int more;

    *count = 0;
    if (len == 0) {
        return true; /* a failure has no message */
    }
    if (len > WIRE_MESSAGE_MAX || wire_message_open(octets, len, &message) != WIRE_OK) {
        return false;
    }
    wire_cursor_start(&cursor, &message);
    while ((more = wire_cursor_next(&cursor, &record)) > 0) {
        if (record.type == WIRE_OPT) {
            continue;
        }
        if (*count == WIRE_RECORDS_MAX) {
            return false;
        }
        offsets[(*count)++] = (uint16_t)record.ttl_at;
    }
    return more == 0;
}

/* Whether the message begins with a question of this name, as all that is asked for does. */
static bool is_named(const struct wire_name *name, const uint8_t *octets, size_t len)
{
    return len >= WIRE_HEADER_OCTETS + (size_t)name->len &&
           memcmp(octets + WIRE_HEADER_OCTETS, name->octets, name->len) == 0;
}

/* What is to be stored, ready to be written. */
struct incoming {
    const struct cache_key *key;
    struct cache_head head;
    const uint8_t *octets;
    uint16_t ttls[WIRE_RECORDS_MAX];
    size_t blocks;
    uint32_t noted_s; /* a failure that was only noted holds for so long */
};

/* False: it may not be stored. */
static bool prepare(const struct cache_key *key, uint64_t now_us, const uint8_t *octets,
                    const struct cache_entry *entry, struct incoming *in)
{
    in->key = key;
    in->octets = octets;
    in->head =
        (struct cache_head){.stored_us = now_us,
                            .expires_us = now_us + (uint64_t)entry->ttl_s * CACHE_SECOND_US,
                            .type = key->type,
                            .context = key->context,
                            .ede = entry->ede};
    if (entry->ttl_s == 0 || (entry->kind == CACHE_ANSWER && entry->len == 0) ||
        !find_ttls(octets, entry->len, in->ttls, &in->head.ttl_count)) {
        return false;
    }
    in->head.message_len = (uint16_t)entry->len;
    in->head.name_len = key->name->len;
    in->head.flags =
        (uint8_t)(flags_of(key) | (entry->kind == CACHE_FAILURE ? CACHE_HEAD_FAILURE : 0) |
                  (is_named(key->name, octets, entry->len) ? CACHE_HEAD_NAMED : 0));
    in->head.then_us = entry->kind == CACHE_FAILURE
                           ? now_us + (uint64_t)entry->retry_s * CACHE_SECOND_US
                           : in->head.expires_us - (uint64_t)entry->late_s * CACHE_SECOND_US;
    in->blocks = cache_head_blocks(&in->head);
    in->noted_s = 0;
    return true;
}

/* With the lock held: removes what has the key, whose mark is told. False: it must stay. What
 * is only offered takes the place of nothing that is of use. */
static bool make_way(const struct cache *cache, struct cache_shard *shard, struct incoming *in,
                     bool offered, uint8_t *before)
{
    struct cache_stream stream;
    struct cache_head old;
    const uint32_t index = shard_find(shard, in->key, in->head.hash, &old, &stream);

    *before = CACHE_MARK_NONE;
    if (index == CACHE_NO_BLOCK) {
        return true;
    }
    if (offered && in->head.stored_us < old.expires_us) {
        return false;
    }
    /* An answer is worth more than a failure: another worker was luckier, or it is stale. */
    if ((in->head.flags & CACHE_HEAD_FAILURE) != 0 && (old.flags & CACHE_HEAD_FAILURE) == 0 &&
        in->head.stored_us < cache_gone_us(cache, &old)) {
        if (in->head.stored_us >= old.expires_us) {
            memcpy(shard->blocks.at[index].octets + offsetof(struct cache_head, then_us),
                   &in->head.then_us, sizeof(in->head.then_us));
            in->noted_s = (uint32_t)((in->head.then_us - in->head.stored_us) / CACHE_SECOND_US);
        }
        return false;
    }
    *before = shard->blocks.marks[index];
    cache_shard_remove(shard, index);
    return true;
}

/* There is room. */
static void shard_store(struct cache_shard *shard, struct incoming *in, uint8_t before)
{
    struct cache_stream stream;
    _Atomic uint32_t *bucket = &shard->buckets[in->head.hash & shard->bucket_mask];
    const uint32_t index = cache_blocks_take(&shard->blocks, (uint32_t)in->blocks);

    cache_shard_admit(shard, index, in->head.hash, (uint32_t)in->blocks, before);
    in->head.next = bucket_get(bucket);
    in->head.version = (uint32_t)shard->stores;
    bucket_set(bucket, index);
    cache_stream_start(&stream, &shard->blocks, index);
    cache_stream_write(&stream, &in->head, sizeof(in->head));
    cache_stream_write(&stream, in->key->name->octets, cache_head_beside(&in->head));
    cache_stream_write(&stream, in->octets, in->head.message_len);
    cache_stream_write(&stream, in->ttls, in->head.ttl_count * sizeof(*in->ttls));
    shard->entries++;
    shard->stores++;
}

uint32_t cache_put(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                   const uint8_t *octets, const struct cache_entry *entry)
{
    struct incoming in;
    uint8_t before;

    if (entry->ttl_s == 0 && entry->kind == CACHE_ANSWER) {
        cache_drop_stale(cache, key, now_us);
        return 0;
    }
    if (!prepare(key, now_us, octets, entry, &in)) {
        return 0;
    }
    struct cache_shard *shard = shard_of(cache, key, &in.head.hash);
    pthread_mutex_lock(&shard->lock);
    const bool stored =
        make_way(cache, shard, &in, false, &before) && in.blocks <= shard->blocks.usable;
    if (stored) {
        cache_shard_make_room(cache, shard, (uint32_t)in.blocks, now_us);
        shard_store(shard, &in, before);
    }
    pthread_mutex_unlock(&shard->lock);
    return stored ? entry->ttl_s : in.noted_s;
}

bool cache_offer(struct cache *cache, const struct cache_key *key, uint64_t now_us,
                 const uint8_t *octets, const struct cache_entry *entry, bool proven,
                 uint32_t forgets)
{
    struct incoming in;
    uint8_t before;
    bool stored = false;

    if (!prepare(key, now_us, octets, entry, &in)) {
        return false;
    }
    struct cache_shard *shard = shard_of(cache, key, &in.head.hash);
    pthread_mutex_lock(&shard->lock);
    /* With the lock: whoever forgets has counted before it comes to this shard. */
    if (cache_forgets(cache) == forgets &&
        in.blocks <= shard->blocks.usable - shard->blocks.in_use &&
        make_way(cache, shard, &in, true, &before)) {
        shard_store(shard, &in, proven ? CACHE_MARK_HEAD | CACHE_MARK_PROVEN : before);
        stored = true;
    }
    pthread_mutex_unlock(&shard->lock);
    return stored;
}

uint64_t cache_flush(struct cache *cache)
{
    uint64_t count = 0;

    atomic_fetch_add(&cache->forgets, 1);
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        struct cache_shard *shard = &cache->shards[i];

        pthread_mutex_lock(&shard->lock);
        count += shard->entries;
        cache_shard_clear(shard);
        pthread_mutex_unlock(&shard->lock);
    }
    return count;
}
