/* cache/evict: what goes when room is needed, and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "cache/cache.h"
#include "wire/writer.h"

#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

enum {
    SIZE = 2 << 20, /* some 5,000 of the answers below */
    POPULAR = 1000,
    AGAIN = 300
};

static const uint8_t hash_key[16] = "not a secret key";

static struct cache *make(void)
{
    struct cache *cache = cache_create(SIZE, hash_key);

    assert_non_null(cache);
    return cache;
}

static struct wire_name name_of(const char *zone, unsigned number)
{
    struct wire_name name;
    char text[64];
    const int len = snprintf(text, sizeof(text), "n%u.%s.example", number, zone);

    assert_int_equal(wire_name_from_text(text, (size_t)len, &name), WIRE_TEXT_OK);
    return name;
}

static void put(struct cache *cache, const char *zone, unsigned number, uint64_t now_us,
                uint32_t ttl_s)
{
    const struct wire_name name = name_of(zone, number);
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = ttl_s, .ede = WIRE_EDE_NONE};
    const uint8_t rdata[200] = {199};
    struct wire_writer writer;
    uint8_t raw[WIRE_NAME_MAX + 4];
    uint8_t octets[512];

    memcpy(raw, name.octets, name.len);
    wire_put16(raw + name.len, WIRE_TXT);
    wire_put16(raw + name.len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, sizeof(octets), raw, name.len + 4u);
    wire_write_record(&writer, WIRE_ANSWER, &name, WIRE_TXT, ttl_s, rdata, sizeof(rdata));
    entry.len = wire_writer_end(&writer, 0, WIRE_FLAG_QR);
    assert_true(entry.len > 0);
    cache_put(cache, &key, now_us, octets, &entry);
}

static bool get(struct cache *cache, const char *zone, unsigned number, uint64_t now_us)
{
    const struct wire_name name = name_of(zone, number);
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_entry entry;
    uint8_t octets[512];

    return cache_get(cache, &key, now_us, octets, sizeof(octets), &entry);
}

static unsigned present(struct cache *cache, const char *zone, unsigned count, uint64_t now_us)
{
    unsigned found = 0;

    for (unsigned i = 0; i < count; i++) {
        found += get(cache, zone, i, now_us) ? 1 : 0;
    }
    return found;
}

/* Names that nobody asks for again, number many from first on. */
static void flood(struct cache *cache, unsigned first, unsigned number, uint64_t now_us)
{
    for (unsigned i = first; i < first + number; i++) {
        put(cache, "flood", i, now_us, 3600);
    }
}

static void names_that_are_asked_for_outlive_a_flood_of_others(void **state)
{
    struct cache *cache = make();
    struct cache_stats stats;

    (void)state;
    for (unsigned i = 0; i < POPULAR; i++) {
        put(cache, "popular", i, SECOND, 3600);
    }
    assert_int_equal(present(cache, "popular", POPULAR, SECOND), POPULAR);
    flood(cache, 0, 20000, 2 * SECOND); /* four times the cache, and nobody asks meanwhile */
    cache_stats(cache, &stats);
    assert_true(stats.evictions > 14000);
    assert_true(present(cache, "popular", POPULAR, 3 * SECOND) > POPULAR * 95 / 100);
    cache_destroy(cache);
}

static void who_was_popular_goes_when_others_are(void **state)
{
    struct cache *cache = make();

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4000; i++) {
            put(cache, "before", i, SECOND, 3600);
        }
        (void)present(cache, "before", 4000, SECOND);
    }
    for (unsigned round = 0; round < 20; round++) { /* four thousand others, again and again */
        for (unsigned i = 0; i < 4000; i++) {
            if (!get(cache, "after", i, 2 * SECOND)) {
                put(cache, "after", i, 2 * SECOND, 3600);
            }
        }
    }
    assert_true(present(cache, "after", 4000, 3 * SECOND) > 3600);
    assert_true(present(cache, "before", 4000, 3 * SECOND) < 1900);
    cache_destroy(cache);
}

static void what_is_past_its_time_goes_first(void **state)
{
    struct cache *cache = make();

    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        if (i % 5 == 0) {
            put(cache, "long", i / 5, SECOND, 3600);
        } else {
            put(cache, "short", i, SECOND, 10);
        }
    }
    for (unsigned i = 0; i < 4000; i++) {
        put(cache, "new", i, 20 * SECOND, 3600);
    }
    assert_true(present(cache, "long", 800, 21 * SECOND) > 800 * 8 / 10);
    cache_destroy(cache);
}

static void a_name_that_comes_again_soon_is_proven(void **state)
{
    struct cache *cache = make();

    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        put(cache, "popular", i, SECOND, 3600);
    }
    (void)present(cache, "popular", 4000, SECOND);
    flood(cache, 0, 3000, SECOND);
    for (unsigned i = 0; i < AGAIN; i++) {
        put(cache, "again", i, SECOND, 3600);
    }
    flood(cache, 10000, 2000, SECOND);
    assert_true(present(cache, "again", AGAIN, SECOND) < AGAIN / 4);
    for (unsigned i = 0; i < AGAIN; i++) {
        put(cache, "again", i, SECOND, 3600); /* it missed: so somebody asks for it again */
    }
    flood(cache, 20000, 10000, SECOND);
    assert_true(present(cache, "again", AGAIN, SECOND) > AGAIN * 8 / 10);
    cache_destroy(cache);
}

/* Popular names come anew each time that they are past their time. */
static void a_new_answer_has_the_standing_of_the_one_before(void **state)
{
    struct cache *cache = make();

    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        const uint64_t now_us = (1 + 60 * round) * SECOND;

        for (unsigned i = 0; i < POPULAR; i++) {
            put(cache, "popular", i, now_us, 60);
        }
        if (round == 0) {
            (void)present(cache, "popular", POPULAR, now_us);
        }
        flood(cache, 100000 * round, 8000, now_us);
        assert_true(present(cache, "popular", POPULAR, now_us) > POPULAR * 9 / 10);
    }
    cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_asked_for_outlive_a_flood_of_others),
        cmocka_unit_test(who_was_popular_goes_when_others_are),
        cmocka_unit_test(what_is_past_its_time_goes_first),
        cmocka_unit_test(a_name_that_comes_again_soon_is_proven),
        cmocka_unit_test(a_new_answer_has_the_standing_of_the_one_before),
    };

    return random_library_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
