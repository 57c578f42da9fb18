/*
 * Random operations on a cache that is too small, beside a model that only remembers what was
 * put last: the cache may have lost any of it, but may never give anything else. Build with
 * -fsanitize=thread as well as with -fsanitize=address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "cache/cache.h"
#include "cache/inside.h"
#include "wire/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

/* A key for each name with each of these, so that many differ in one thing only. */
static const struct cache_key variants[] = {
    {.type = WIRE_TXT},
    {.type = WIRE_A},
    {.type = WIRE_TXT, .context = 1},
    {.type = WIRE_TXT, .dnssec_ok = true},
    {.type = WIRE_TXT, .checking_disabled = true},
    {.type = WIRE_A, .context = 1, .dnssec_ok = true, .checking_disabled = true},
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

enum {
    NAMES = 600,
    KEYS = NAMES * VARIANTS,
    OPERATIONS = 100000,
    RDATA_MAX = 1500
};

struct known {
    bool present; /* put, and not removed by an operation; the cache may have lost it since */
    bool failure;
    uint32_t serial, ttl_s;
    uint64_t stored_us, expires_us, stamp;
};

struct model {
    struct wire_name names[NAMES];
    struct known known[KEYS];
    struct random random;
    struct cache *cache;
    uint64_t now_us, empty;
    uint32_t serial;
    unsigned hits, stamped, live_removed;
};

static const uint8_t hash_key[16] = "not a secret key";

/* Instead of the one of base/: of each shard's keys one in eight has the same hash, among them
 * those that differ in their last octets only. Without that no two keys here would meet. */
uint64_t siphash13(const void *data, size_t len, const uint8_t key[SIPHASH_KEY_OCTETS])
{
    const uint8_t *octets = data;
    uint64_t hash = key[0];

    for (size_t i = 0; i + 5 < len; i++) { /* the name */
        hash = (hash ^ octets[i]) * UINT64_C(1099511628211);
    }
    hash ^= hash >> 32;
    return (hash & 0xff) << 56 | (hash >> 8 & 7);
}

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

/* Names of two zones; some are above others. */
static void make_names(struct wire_name names[NAMES])
{
    for (unsigned i = 0; i < NAMES; i++) {
        const unsigned base = i % 5 == 4 ? i - 1 : i;
        char text[128];

        snprintf(text, sizeof(text), "%sn%u.%s.example", i % 5 == 4 ? "a-longer-label." : "",
                 base, base % 2 == 0 ? "even" : "odd");
        names[i] = name_of(text);
    }
}

static struct cache_key key_of(const struct wire_name *names, unsigned number)
{
    struct cache_key key = variants[number % VARIANTS];

    key.name = &names[number / VARIANTS];
    return key;
}

/* What the answer to a key is follows from the number of the put: so whoever gets it sees
 * whose it is, and whether all of it is of one put. */
static size_t answer_of(const struct cache_key *key, unsigned number, uint32_t serial,
                        uint32_t ttl_s, uint8_t *octets, size_t room)
{
    struct wire_writer writer;
    uint8_t raw[WIRE_NAME_MAX + 4];
    uint8_t rdata[RDATA_MAX];
    const size_t size = 8 + serial * 7919u % (serial % 16 == 0 ? RDATA_MAX - 8 : 150);

    memset(rdata, (int)(serial & 0xff), sizeof(rdata));
    wire_put32(rdata, number);
    wire_put32(rdata + 4, serial);
    memcpy(raw, key->name->octets, key->name->len);
    raw[key->name->len - 2] ^= serial % 5 == 0 ? 0x20 : 0; /* not octet by octet the key's */
    wire_put16(raw + key->name->len, key->type);
    wire_put16(raw + key->name->len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, room, raw, key->name->len + 4u);
    for (unsigned i = 0; i < 1 + serial % 3; i++) {
        wire_write_record(&writer, WIRE_ANSWER, key->name, WIRE_TXT, ttl_s, rdata, size);
    }
    const size_t len = wire_writer_end(&writer, 0, WIRE_FLAG_QR);
    assert_true(len > 0);
    return len;
}

/* All that a shard says of itself agrees. */
static void check_shard(struct cache_shard *shard)
{
    uint32_t heads = 0, proven = 0, used = 0, free_blocks = 0, chained = 0;

    assert_true(shard->blocks.fresh <= shard->blocks.usable);
    for (uint32_t i = 0; i < shard->blocks.count; i++) {
        if (shard->blocks.marks[i] == CACHE_MARK_NONE) {
            continue;
        }
        heads++;
        for (uint32_t at = i; at != CACHE_NO_BLOCK; at = shard->blocks.at[at].next) {
            assert_true(at < shard->blocks.fresh);
            used++;
            proven += (shard->blocks.marks[i] & CACHE_MARK_PROVEN) != 0 ? 1 : 0;
        }
    }
    for (uint32_t at = shard->blocks.free; at != CACHE_NO_BLOCK;
         at = shard->blocks.at[at].next) {
        assert_int_equal(shard->blocks.marks[at], CACHE_MARK_NONE);
        free_blocks++;
    }
    for (uint32_t i = 0; i <= shard->bucket_mask; i++) {
        struct cache_head head;

        for (uint32_t at = shard->buckets[i]; at != CACHE_NO_BLOCK; at = head.next) {
            assert_true((shard->blocks.marks[at] & CACHE_MARK_HEAD) != 0);
            cache_head_read(shard, at, &head);
            assert_int_equal(head.hash & shard->bucket_mask, i);
            chained++;
        }
    }
    assert_int_equal(heads, shard->entries);
    assert_int_equal(chained, shard->entries);
    assert_int_equal(used, shard->blocks.in_use);
    assert_int_equal(proven, shard->proven);
    assert_int_equal(used + free_blocks, shard->blocks.fresh);
}

static void check(struct model *model)
{
    struct cache_stats stats;

    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        check_shard(&model->cache->shards[i]);
    }
    cache_stats(model->cache, &stats);
    assert_true(stats.octets <= stats.limit || stats.entries == 0);
    assert_true(stats.entries <= KEYS);
}

static bool holds(const struct model *model, const struct known *known)
{
    return known->present && model->now_us < known->expires_us;
}

/* What came is what was put last, as old as it is. */
static void compare(const struct model *model, unsigned number, const uint8_t *octets,
                    const struct cache_entry *got)
{
    const struct cache_key key = key_of(model->names, number);
    const struct known *known = &model->known[number];
    uint8_t expected[8192];

    assert_true(holds(model, known));
    const uint32_t age_s = (uint32_t)((model->now_us - known->stored_us) / SECOND);
    assert_int_equal(got->age_s, age_s);
    assert_true(got->ttl_s >= 1 && got->ttl_s <= known->ttl_s - age_s);
    assert_true(got->stamp == known->stamp);
    assert_int_equal(got->kind, known->failure ? CACHE_FAILURE : CACHE_ANSWER);
    if (known->failure) {
        assert_int_equal(got->len, 0);
        assert_int_equal(got->ede, (int16_t)(known->serial % 20));
        return;
    }
    const size_t len = answer_of(&key, number, known->serial, known->ttl_s - age_s, expected,
                                 sizeof(expected));
    assert_int_equal(got->len, len);
    assert_memory_equal(octets, expected, len);
}

static bool get(struct model *model, unsigned number, struct cache_entry *got)
{
    const struct cache_key key = key_of(model->names, number);
    uint8_t octets[8192];

    if (!cache_get(model->cache, &key, model->now_us, octets, sizeof(octets), got)) {
        model->known[number].present = false; /* gone for good */
        return false;
    }
    model->hits++;
    compare(model, number, octets, got);
    return true;
}

/* By what was said of it, and by nothing else. */
static void get_stamped(struct model *model, unsigned number)
{
    const struct cache_key key = key_of(model->names, number);
    struct known *known = &model->known[number];
    const uint64_t hash = cache_hash(model->cache, &key);
    struct cache_stats before, after;
    struct cache_entry got;
    uint8_t octets[8192];

    cache_stats(model->cache, &before);
    assert_false(cache_get_stamped(model->cache, &key, known->stamp + 1, model->now_us, octets,
                                   sizeof(octets), &got));
    cache_stats(model->cache, &after);
    assert_memory_equal(&before, &after, sizeof(before)); /* as if nobody had asked */
    if (known->stamp == 0) {
        return;
    }
    if (!cache_get_stamped(model->cache, &key, known->stamp, model->now_us, octets,
                           sizeof(octets), &got)) {
        assert_false(get(model, number, &got));
        return;
    }
    assert_true(cache_expect_entry(model->cache, hash));
    cache_stats(model->cache, &after);
    assert_true(after.hits == before.hits + 1 && after.misses == before.misses);
    model->stamped++;
    compare(model, number, octets, &got);
}

static void put(struct model *model, unsigned number)
{
    const struct cache_key key = key_of(model->names, number);
    struct known *known = &model->known[number];
    struct cache_entry entry = {.kind = CACHE_ANSWER};
    struct cache_entry got;
    uint8_t octets[8192];

    const bool failure = random_below(&model->random, 8) == 0;
    entry.ttl_s = random_below(&model->random, 40);
    if (failure) {
        entry.kind = CACHE_FAILURE;
        entry.ede = (int16_t)((model->serial + 1) % 20);
        if (holds(model, known) && get(model, number, &got) && got.kind == CACHE_ANSWER) {
            entry.ttl_s = 30; /* must not take the answer's place */
            cache_put(model->cache, &key, model->now_us, NULL, &entry);
            assert_true(get(model, number, &got));
            return;
        }
    }
    model->serial++;
    if (!failure) {
        entry.len = answer_of(&key, number, model->serial, entry.ttl_s, octets, sizeof(octets));
    }
    cache_put(model->cache, &key, model->now_us, octets, &entry);
    if (entry.ttl_s > 0) {
        *known = (struct known){.present = true,
                                .failure = failure,
                                .serial = model->serial,
                                .ttl_s = entry.ttl_s,
                                .stored_us = model->now_us,
                                .expires_us = model->now_us + entry.ttl_s * SECOND};
    }
}

static void stamp(struct model *model, unsigned number)
{
    const struct cache_key key = key_of(model->names, number);
    struct cache_entry got;

    if (get(model, number, &got)) {
        const uint64_t word = random_u64(&model->random);

        cache_stamp(model->cache, &key, got.version, word);
        cache_stamp(model->cache, &key, got.version + 1, word + 1); /* of another message */
        model->known[number].stamp = word;
        get_stamped(model, number);
        assert_true(get(model, number, &got));
    }
}

/* A name or a zone, all types or one. */
static struct cache_filter some(struct model *model, struct wire_name *zone)
{
    static const char *const zones[] = {".", "example", "even.example", "odd.example"};
    struct cache_filter filter = {.name = &model->names[random_below(&model->random, NAMES)],
                                  .below = random_below(&model->random, 2) == 0,
                                  .any_type = random_below(&model->random, 2) == 0,
                                  .type = WIRE_TXT};

    if (random_below(&model->random, 16) == 0) {
        *zone = name_of(zones[random_below(&model->random, 4)]);
        filter.name = zone;
    }
    return filter;
}

static bool is_meant(const struct model *model, const struct cache_filter *filter,
                     unsigned number)
{
    const struct cache_key key = key_of(model->names, number);

    return (filter->any_type || filter->type == key.type) &&
           (filter->below ? wire_name_is_within(key.name, filter->name)
                          : wire_name_equal(key.name, filter->name));
}

static void forget(struct model *model)
{
    struct wire_name zone;
    const struct cache_filter filter = some(model, &zone);
    uint64_t most = 0;

    for (unsigned i = 0; i < KEYS; i++) {
        if (is_meant(model, &filter, i)) {
            most += holds(model, &model->known[i]) ? 1 : 0;
            model->known[i].present = false;
        }
    }
    const uint64_t count = cache_forget(model->cache, &filter, model->now_us);
    assert_true(count <= most);
    model->live_removed += (unsigned)count;
}

struct shown {
    const struct model *model;
    const struct cache_filter *filter;
    unsigned number; /* where looking for the key goes on */
    unsigned count;
};

static bool see(void *context, const struct cache_seen *seen)
{
    struct shown *shown = context;

    for (unsigned i = 0; i < KEYS; i++) {
        const struct cache_key key = key_of(shown->model->names, i);

        if (key.type == seen->type && key.context == seen->context &&
            key.dnssec_ok == seen->dnssec_ok &&
            key.checking_disabled == seen->checking_disabled &&
            wire_name_equal(key.name, &seen->name)) {
            assert_true(is_meant(shown->model, shown->filter, i));
            compare(shown->model, i, seen->octets, &seen->entry);
            shown->count++;
            return shown->count < 50;
        }
    }
    fail_msg("an entry of a key that was never put");
    return false;
}

static void show(struct model *model)
{
    struct wire_name zone;
    const struct cache_filter filter = some(model, &zone);
    struct shown shown = {.model = model, .filter = &filter};

    cache_show(model->cache, &filter, model->now_us, see, &shown);
}

static void flush(struct model *model)
{
    struct cache_stats stats;

    for (unsigned i = 0; i < KEYS; i++) {
        model->known[i].present = false;
    }
    cache_flush(model->cache);
    cache_stats(model->cache, &stats);
    assert_true(stats.entries == 0 && stats.octets == model->empty);
}

/* Popular ones and others. */
static unsigned any_key(struct model *model)
{
    return random_below(&model->random,
                        random_below(&model->random, 2) == 0 ? KEYS / 20 : KEYS);
}

static void step(struct model *model)
{
    const unsigned what = random_below(&model->random, 1000);
    struct cache_entry got;

    model->now_us += random_below(&model->random, 2000);
    if (what < 600) {
        get(model, any_key(model), &got);
    } else if (what < 960) {
        put(model, any_key(model));
    } else if (what < 975) {
        stamp(model, any_key(model));
    } else if (what < 985) {
        get_stamped(model, any_key(model));
    } else if (what < 988) {
        forget(model);
    } else if (what < 990) {
        show(model);
    } else if (what < 991) {
        cache_limit(model->cache,
                    CACHE_SIZE_MIN / 4 + random_below(&model->random, CACHE_SIZE_MIN));
    } else if (random_below(&model->random, 40) == 0) {
        flush(model);
    } else {
        model->now_us += random_below(&model->random, 2) * SECOND;
    }
}

static void random_operations_never_give_anything_but_the_last_put(void **state)
{
    static struct model model;
    struct cache_stats stats;
    uint8_t seed[RANDOM_SEED_OCTETS] = "cache model";

    (void)state;
    random_init_seed(&model.random, seed);
    make_names(model.names);
    model.cache = cache_create(CACHE_SIZE_MIN, hash_key);
    assert_non_null(model.cache);
    cache_stats(model.cache, &stats);
    model.empty = stats.octets;
    for (unsigned i = 0; i < OPERATIONS; i++) {
        step(&model);
        if (i % 500 == 0) {
            check(&model);
        }
    }
    cache_stats(model.cache, &stats);
    print_message("%u hits, %u stamped, %llu evictions, %u forgotten\n", model.hits,
                  model.stamped, (unsigned long long)stats.evictions, model.live_removed);
    assert_true(model.hits > OPERATIONS / 20 && stats.evictions > OPERATIONS / 20);
    assert_true(model.live_removed > 100);
    cache_destroy(model.cache);
}

/* Of those that share a bucket the one that was asked for last is looked at first. */
static void what_is_asked_for_is_the_first_of_its_bucket(void **state)
{
    static struct model model;
    uint8_t seed[RANDOM_SEED_OCTETS] = "cache bucket";
    unsigned behind = 0;

    (void)state;
    random_init_seed(&model.random, seed);
    make_names(model.names);
    model.cache = cache_create(CACHE_SIZE_MIN, hash_key);
    assert_non_null(model.cache);
    for (unsigned number = 0; number < KEYS; number++) {
        put(&model, number);
    }
    for (unsigned number = 0; number < KEYS; number++) {
        const struct cache_key key = key_of(model.names, number);
        struct cache_found found;

        cache_find(model.cache, &key, &found);
        if (found.index != CACHE_NO_BLOCK) {
            const uint32_t bucket = found.head.hash & found.shard->bucket_mask;

            behind += found.head.next != CACHE_NO_BLOCK ? 1 : 0;
            assert_int_equal(found.shard->buckets[bucket], found.index);
            check_shard(found.shard);
        }
        cache_let_go(&found);
    }
    assert_true(behind > 100); /* others are in most buckets */
    cache_destroy(model.cache);
}

/* Threads: what a key holds tells of itself. */
enum {
    THREADS = 4,
    THREAD_OPERATIONS = 15000
};

struct work {
    struct cache *cache;
    const struct wire_name *names;
    unsigned index, hits;
    const char *wrong;
};

/* The time is the same for all threads: the number of the turn, which they take about together.
 * So a put may be of a later one than the get that sees it, by a second at most. */
static void thread_compare(struct work *work, const struct cache_key *key, unsigned number,
                           const uint8_t *octets, const struct cache_entry *got)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    uint8_t expected[8192];

    work->hits++;
    if (got->kind == CACHE_FAILURE) {
        work->wrong = got->len != 0 || number % 7 != 0 ? "a failure of another" : work->wrong;
        return;
    }
    if (wire_message_open(octets, got->len, &message) != WIRE_OK ||
        !wire_name_equal(&message.name, key->name)) {
        work->wrong = "an answer of another name";
        return;
    }
    wire_cursor_start(&cursor, &message);
    if (wire_cursor_next(&cursor, &record) != 1 || record.rdata_len < 8) {
        work->wrong = "an answer without records";
        return;
    }
    const uint8_t *rdata = octets + record.rdata;
    if (wire_get32(rdata) != number) {
        work->wrong = "an answer of another key";
        return;
    }
    const size_t len =
        answer_of(key, number, wire_get32(rdata + 4), wire_get32(octets + record.ttl_at),
                  expected, sizeof(expected));
    if (len != got->len || memcmp(expected, octets, len) != 0) {
        work->wrong = "an answer that was mixed";
    }
}

static void thread_step(struct work *work, struct random *random, unsigned turn)
{
    const unsigned number =
        random_below(random, random_below(random, 2) == 0 ? KEYS / 20 : KEYS);
    struct cache_key key = key_of(work->names, number);
    const uint64_t now_us = turn * UINT64_C(2000);
    const uint64_t hash = cache_hash(work->cache, &key);
    struct cache_entry entry;
    uint8_t octets[8192];

    key.hash = number % 2 != 0 ? hash : 0; /* known, or not */
    cache_expect(work->cache, hash);
    cache_expect_entry(work->cache, hash);
    if (number > 0 &&
        cache_get_stamped(work->cache, &key, number, now_us, octets, sizeof(octets), &entry)) {
        thread_compare(work, &key, number, octets, &entry);
        return;
    }
    if (cache_get(work->cache, &key, now_us, octets, sizeof(octets), &entry)) {
        thread_compare(work, &key, number, octets, &entry);
        cache_stamp(work->cache, &key, entry.version, number);
        return;
    }
    entry = (struct cache_entry){.kind = CACHE_ANSWER, .ttl_s = 1 + number % 20};
    if (number % 7 == 0 && turn % 2 == 0) {
        entry.kind = CACHE_FAILURE;
    } else {
        entry.len = answer_of(&key, number, turn * THREADS + work->index, entry.ttl_s, octets,
                              sizeof(octets));
    }
    cache_put(work->cache, &key, now_us, octets, &entry);
}

static void *thread_run(void *arg)
{
    struct work *work = arg;
    struct random random;
    uint8_t seed[RANDOM_SEED_OCTETS] = {(uint8_t)(work->index + 1)};

    random_init_seed(&random, seed);
    for (unsigned turn = 0; turn < THREAD_OPERATIONS && work->wrong == NULL; turn++) {
        struct cache_stats stats;

        thread_step(work, &random, turn);
        if (turn % 512 == 0) {
            cache_stats(work->cache, &stats);
            work->wrong = stats.octets > stats.size ? "more octets than allowed" : work->wrong;
        }
        if (turn % 1000 == 999 && work->index == 0) {
            const struct cache_filter filter = {
                .name = &work->names[turn / 1000 % NAMES], .below = true, .any_type = true};
            (void)cache_forget(work->cache, &filter, turn * UINT64_C(2000));
        }
        if (turn % 1000 == 999 && work->index == 1) {
            cache_limit(work->cache, turn % 2000 == 999 ? CACHE_SIZE_MIN / 2 : CACHE_SIZE_MIN);
        }
        if (turn % 5000 == 4999 && work->index == 2) {
            cache_flush(work->cache);
        }
    }
    return NULL;
}

static void threads_share_it_without_mixing_entries(void **state)
{
    static struct wire_name names[NAMES];
    struct work work[THREADS];
    pthread_t threads[THREADS];
    struct cache *cache = cache_create(CACHE_SIZE_MIN, hash_key);

    (void)state;
    assert_non_null(cache);
    make_names(names);
    for (unsigned i = 0; i < THREADS; i++) {
        work[i] = (struct work){.cache = cache, .names = names, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, thread_run, &work[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (work[i].wrong != NULL) {
            fail_msg("%s", work[i].wrong);
        }
        assert_true(work[i].hits > 0);
    }
    for (unsigned i = 0; i < CACHE_SHARDS; i++) {
        check_shard(&cache->shards[i]);
    }
    cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_never_give_anything_but_the_last_put),
        cmocka_unit_test(what_is_asked_for_is_the_first_of_its_bucket),
        cmocka_unit_test(threads_share_it_without_mixing_entries),
    };

    return random_library_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
