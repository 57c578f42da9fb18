/* cache/walk: build with -fsanitize=thread as well as with -fsanitize=address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "cache/cache.h"
#include "wire/writer.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define START  (1000 * SECOND)

static const uint8_t hash_key[16] = "not a secret key";

static struct cache *make(size_t size)
{
    struct cache *cache = cache_create(size, hash_key);

    assert_non_null(cache);
    return cache;
}

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

/* An answer with count TXT records of 200 octets. */
static size_t answer_of(const struct wire_name *name, unsigned count, uint32_t ttl,
                        uint8_t *octets, size_t room)
{
    struct wire_writer writer;
    uint8_t raw[WIRE_NAME_MAX + 4];
    const uint8_t rdata[200] = {199};

    memcpy(raw, name->octets, name->len);
    wire_put16(raw + name->len, WIRE_TXT);
    wire_put16(raw + name->len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, room, raw, name->len + 4u);
    for (unsigned i = 0; i < count; i++) {
        wire_write_record(&writer, WIRE_ANSWER, name, WIRE_TXT, ttl, rdata, sizeof(rdata));
    }
    const size_t len = wire_writer_end(&writer, 0, WIRE_FLAG_QR);
    assert_true(len > 0);
    return len;
}

static void put_with(struct cache *cache, struct cache_key key, const char *text,
                     unsigned count, uint32_t ttl)
{
    uint8_t octets[32768];
    const struct wire_name name = name_of(text);
    const size_t len = answer_of(&name, count, ttl, octets, sizeof(octets));
    const struct cache_entry entry = {
        .kind = CACHE_ANSWER, .ttl_s = ttl, .ede = WIRE_EDE_NONE, .len = len};

    key.name = &name;
    cache_put(cache, &key, START, octets, &entry);
}

static void put(struct cache *cache, const char *text, uint16_t type)
{
    put_with(cache, (struct cache_key){.type = type}, text, 1, 60);
}

static bool has(struct cache *cache, const char *text, uint16_t type)
{
    uint8_t octets[32768];
    struct cache_entry entry;
    const struct wire_name name = name_of(text);
    const struct cache_key key = {.name = &name, .type = type};

    return cache_get(cache, &key, START, octets, sizeof(octets), &entry);
}

static uint64_t entries(struct cache *cache)
{
    struct cache_stats stats;

    cache_stats(cache, &stats);
    return stats.entries;
}

struct looked {
    unsigned count, most;
    struct cache_seen last;
    uint8_t octets[32768];
};

static bool look(void *context, const struct cache_seen *seen)
{
    struct looked *looked = context;

    looked->count++;
    looked->last = *seen;
    assert_true(seen->entry.len <= sizeof(looked->octets));
    memcpy(looked->octets, seen->octets, seen->entry.len);
    return looked->count != looked->most;
}

static unsigned show(struct cache *cache, const char *text, struct cache_filter filter,
                     uint64_t now_us, struct looked *looked)
{
    const struct wire_name name = name_of(text);

    filter.name = &name;
    *looked = (struct looked){.most = looked->most};
    cache_show(cache, &filter, now_us, look, looked);
    return looked->count;
}

static uint64_t forget(struct cache *cache, const char *text, struct cache_filter filter)
{
    const struct wire_name name = name_of(text);

    filter.name = &name;
    return cache_forget(cache, &filter, START);
}

#define ALL_TYPES         \
    (struct cache_filter) \
    {                     \
        .any_type = true  \
    }
#define ALL_BELOW                       \
    (struct cache_filter)               \
    {                                   \
        .any_type = true, .below = true \
    }

static void shows_every_variant_of_a_name_and_no_other(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN * 4);
    static struct looked looked;

    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        put_with(cache,
                 (struct cache_key){.type = WIRE_TXT,
                                    .dnssec_ok = (bits & 1) != 0,
                                    .checking_disabled = (bits & 2) != 0,
                                    .context = bits & 4},
                 "www.example.com", 1, 60);
    }
    put(cache, "www.example.com", WIRE_AAAA);
    put(cache, "www.example.net", WIRE_TXT);
    put(cache, "xww.example.com", WIRE_TXT);
    put(cache, "a.www.example.com", WIRE_TXT);
    put(cache, "example.com", WIRE_TXT);
    put(cache, "x\\002ww.example.com",
        WIRE_TXT); /* its octets end like those of ww.example.com */
    assert_int_equal(show(cache, "www.example.com", ALL_TYPES, START, &looked), 9);
    assert_int_equal(
        show(cache, "www.example.com", (struct cache_filter){.type = WIRE_TXT}, START, &looked),
        8);
    assert_int_equal(
        show(cache, "www.example.com", (struct cache_filter){.type = WIRE_A}, START, &looked),
        0);
    assert_int_equal(show(cache, "com", ALL_TYPES, START, &looked), 0);
    assert_int_equal(show(cache, "com", ALL_BELOW, START, &looked), 13);
    assert_int_equal(show(cache, ".", ALL_BELOW, START, &looked), 14);
    assert_int_equal(show(cache, "ww.example.com", ALL_BELOW, START, &looked), 0);
    looked.most = 3;
    assert_int_equal(show(cache, ".", ALL_BELOW, START, &looked), 3);
    assert_int_equal(entries(cache), 14); /* looking changes nothing */
    cache_destroy(cache);
}

static void shows_what_a_question_would_get(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    static struct looked looked;
    uint8_t octets[4096];
    struct cache_entry entry;
    const struct wire_name name = name_of("www.example.com");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT, .context = 7};
    const struct cache_entry failure = {
        .kind = CACHE_FAILURE, .ttl_s = 5, .ede = WIRE_EDE_NETWORK_ERROR};
    const struct cache_key failed = {.name = &name, .type = WIRE_MX};
    const uint64_t later = START + 21 * SECOND + 5;

    (void)state;
    put_with(cache, key, "www.example.com", 3, 60);
    cache_put(cache, &failed, later, NULL, &failure);
    assert_int_equal(
        show(cache, "www.example.com", (struct cache_filter){.type = WIRE_TXT}, later, &looked),
        1);
    assert_true(cache_get(cache, &key, later, octets, sizeof(octets), &entry));
    assert_int_equal(looked.last.entry.age_s, 21);
    assert_int_equal(looked.last.entry.ttl_s, 39);
    assert_int_equal(looked.last.context, 7);
    assert_true(wire_name_equal(&looked.last.name, &name));
    assert_int_equal(looked.last.entry.len, entry.len);
    assert_memory_equal(looked.octets, octets, entry.len);
    assert_int_equal(
        show(cache, "www.example.com", (struct cache_filter){.type = WIRE_MX}, later, &looked),
        1);
    assert_int_equal(looked.last.entry.kind, CACHE_FAILURE);
    assert_int_equal(looked.last.entry.ede, WIRE_EDE_NETWORK_ERROR);
    assert_int_equal(looked.last.entry.len, 0);
    /* What has run out is not shown. */
    assert_int_equal(show(cache, "www.example.com", ALL_TYPES, START + 60 * SECOND, &looked),
                     0);
    cache_destroy(cache);
}

static void forgets_a_name_and_nothing_else(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN * 4);

    (void)state;
    put(cache, "www.example.com", WIRE_TXT);
    put(cache, "www.example.com", WIRE_A);
    put(cache, "a.www.example.com", WIRE_TXT);
    put(cache, "b.a.www.example.com", WIRE_TXT);
    put(cache, "xwww.example.com", WIRE_TXT);
    put(cache, "example.com", WIRE_TXT);
    assert_int_equal(forget(cache, "www.example.com", (struct cache_filter){.type = WIRE_AAAA}),
                     0);
    assert_int_equal(forget(cache, "www.example.com", (struct cache_filter){.type = WIRE_A}),
                     1);
    assert_true(has(cache, "www.example.com", WIRE_TXT));
    assert_int_equal(forget(cache, "www.example.com", ALL_TYPES), 1);
    assert_false(has(cache, "www.example.com", WIRE_TXT));
    assert_true(has(cache, "a.www.example.com", WIRE_TXT));
    assert_int_equal(forget(cache, "www.example.com", ALL_BELOW), 2);
    assert_true(has(cache, "xwww.example.com", WIRE_TXT));
    assert_true(has(cache, "example.com", WIRE_TXT));
    assert_int_equal(forget(cache, "www.example.com", ALL_BELOW), 0);
    assert_int_equal(entries(cache), 2);
    assert_int_equal(forget(cache, ".", ALL_BELOW), 2);
    assert_int_equal(entries(cache), 0);
    cache_destroy(cache);
}

/* Blocks come back: the cache can be filled and emptied for ever. */
static void what_is_forgotten_gives_its_room_back(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN * 4);
    struct cache_stats stats;
    char text[64];

    (void)state;
    cache_stats(cache, &stats);
    const uint64_t empty = stats.octets;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 60; i++) {
            snprintf(text, sizeof(text), "n%u.r%u.example", i, round);
            put_with(cache, (struct cache_key){.type = WIRE_TXT}, text, 1 + i, 60);
        }
        const uint64_t before = entries(cache);
        assert_true(before > 0);
        assert_int_equal(forget(cache, "example", ALL_BELOW), before);
        cache_stats(cache, &stats);
        assert_int_equal(stats.octets, empty);
    }
    put(cache, "a.example", WIRE_TXT);
    put(cache, "b.example", WIRE_TXT);
    assert_int_equal(cache_flush(cache), 2);
    assert_int_equal(cache_flush(cache), 0);
    cache_destroy(cache);
}

static void what_has_run_out_is_removed_and_not_counted(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name root = name_of(".");
    const struct cache_filter filter = {.name = &root, .below = true, .any_type = true};

    (void)state;
    put_with(cache, (struct cache_key){.type = WIRE_TXT}, "old.example", 1, 10);
    put_with(cache, (struct cache_key){.type = WIRE_TXT}, "new.example", 1, 100);
    assert_int_equal(cache_forget(cache, &filter, START + 10 * SECOND), 1);
    assert_int_equal(entries(cache), 0);
    cache_destroy(cache);
}

enum {
    NAMES = 4000,
    THREADS = 3
};

struct work {
    struct cache *cache;
    unsigned index;
    _Atomic bool *over;
    _Atomic unsigned long turns;
};

/* Asks and stores names of two zones all the time. */
static void *use(void *context)
{
    struct work *work = context;
    struct random random;
    uint8_t seed[RANDOM_SEED_OCTETS] = {(uint8_t)(work->index + 1)};

    random_init_seed(&random, seed);
    while (!atomic_load(work->over)) {
        const unsigned number = random_below(&random, NAMES);
        char text[64];
        uint8_t octets[4096];
        struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 60, .ede = WIRE_EDE_NONE};
        struct wire_name name;

        const int len = snprintf(text, sizeof(text), "n%u.%s.example", number,
                                 number % 2 == 0 ? "even" : "odd");
        wire_name_from_text(text, (size_t)len, &name);
        const struct cache_key key = {.name = &name, .type = WIRE_TXT};
        if (!cache_get(work->cache, &key, START, octets, sizeof(octets), &entry)) {
            entry.len = answer_of(&name, 1 + number % 9, 60, octets, sizeof(octets));
            cache_put(work->cache, &key, START, octets, &entry);
        }
        atomic_fetch_add(&work->turns, 1);
    }
    return NULL;
}

static bool is_even(void *context, const struct cache_seen *seen)
{
    const struct wire_name even = name_of("even.example");

    *(unsigned *)context += 1;
    assert_true(wire_name_is_within(&seen->name, &even));
    return true;
}

static void walks_beside_threads_that_use_it(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN * 2);
    const struct wire_name even = name_of("even.example");
    const struct cache_filter filter = {.name = &even, .below = true, .any_type = true};
    _Atomic bool over = false;
    struct work work[THREADS];
    pthread_t threads[THREADS];
    unsigned seen = 0;
    uint64_t forgotten = 0;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        work[i].cache = cache;
        work[i].index = i;
        work[i].over = &over;
        atomic_init(&work[i].turns, 0);
        assert_int_equal(pthread_create(&threads[i], NULL, use, &work[i]), 0);
    }
    for (unsigned round = 0; round < 200 || ((seen == 0 || forgotten == 0) && round < 100000);
         round++) {
        cache_show(cache, &filter, START, is_even, &seen);
        forgotten += cache_forget(cache, &filter, START);
        forgotten += round % 50 == 49 ? cache_flush(cache) : 0;
    }
    assert_true(seen > 0 && forgotten > 0);
    for (unsigned i = 0; i < THREADS; i++) { /* on a busy machine one may not have begun */
        while (atomic_load(&work[i].turns) == 0) {
            sched_yield();
        }
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    (void)cache_forget(cache, &filter, START);
    seen = 0;
    cache_show(cache, &filter, START, is_even, &seen);
    assert_int_equal(seen, 0);
    cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_every_variant_of_a_name_and_no_other),
        cmocka_unit_test(shows_what_a_question_would_get),
        cmocka_unit_test(forgets_a_name_and_nothing_else),
        cmocka_unit_test(what_is_forgotten_gives_its_room_back),
        cmocka_unit_test(what_has_run_out_is_removed_and_not_counted),
        cmocka_unit_test(walks_beside_threads_that_use_it),
    };

    return random_library_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
