/* cache/cache: what is past its time, and who is told to fetch an entry anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/invariant.h"
#include "cache/cache.h"
#include "wire/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000)

static const uint8_t hash_key[16] = "not a secret key";

struct stage {
    struct cache *cache;
    struct wire_name name;
    struct cache_key key;
    uint8_t octets[512];
    struct cache_entry answer, failure, got;
};

/* An address with a TTL of 60 s, and OPT. Stale for 100 s. */
static void begin(struct stage *stage)
{
    const struct wire_opt opt = {.udp_size = 1232, .ede = WIRE_EDE_NONE, .keepalive_100ms = -1};
    static const uint8_t addresses[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};
    uint8_t raw[WIRE_NAME_MAX + 4];
    struct wire_writer writer;

    memset(stage, 0, sizeof(*stage));
    stage->cache = cache_create(CACHE_SIZE_MIN, hash_key);
    assert_non_null(stage->cache);
    cache_keep_stale(stage->cache, 100);
    assert_int_equal(wire_name_from_text("www.example.com", 15, &stage->name), WIRE_TEXT_OK);
    stage->key = (struct cache_key){.name = &stage->name, .type = WIRE_A};
    memcpy(raw, stage->name.octets, stage->name.len);
    wire_put16(raw + stage->name.len, WIRE_A);
    wire_put16(raw + stage->name.len + 2, WIRE_IN);
    wire_writer_begin(&writer, stage->octets, sizeof(stage->octets), raw, stage->name.len + 4u);
    wire_write_record(&writer, WIRE_ANSWER, &stage->name, WIRE_A, 60, addresses[0], 4);
    wire_write_record(&writer, WIRE_ANSWER, &stage->name, WIRE_A, 90, addresses[1], 4);
    wire_write_opt(&writer, &opt);
    stage->answer = (struct cache_entry){
        .kind = CACHE_ANSWER, .ttl_s = 60, .len = wire_writer_end(&writer, 0, WIRE_FLAG_QR)};
    stage->failure = (struct cache_entry){
        .kind = CACHE_FAILURE, .ttl_s = 5, .retry_s = 30, .ede = WIRE_EDE_NO_REACHABLE};
}

/* Returns for how long it holds. */
static uint32_t put(struct stage *stage, uint64_t at_s, const struct cache_entry *entry)
{
    return cache_put(stage->cache, &stage->key, at_s * SECOND, stage->octets, entry);
}

static bool get(struct stage *stage, uint64_t at_us)
{
    uint8_t out[512];

    return cache_get(stage->cache, &stage->key, at_us, out, sizeof(out), &stage->got);
}

static bool get_stale(struct stage *stage, uint64_t at_us, uint32_t *ttl_s)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct cache_entry seen;
    uint8_t out[512];

    *ttl_s = UINT32_MAX;
    const bool has = cache_has_stale(stage->cache, &stage->key, at_us, &seen);
    const bool got =
        cache_get_stale(stage->cache, &stage->key, at_us, 30, out, sizeof(out), &stage->got);
    assert_int_equal(has, got);
    if (!got) {
        return false;
    }
    assert_true(seen.len == stage->got.len && seen.stale == stage->got.stale &&
                seen.failed == stage->got.failed && seen.version == stage->got.version);
    assert_int_equal(stage->got.len, stage->answer.len);
    assert_int_equal(wire_message_open(out, stage->got.len, &message), WIRE_OK);
    wire_cursor_start(&cursor, &message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        if (record.type == WIRE_OPT) { /* is no time */
            assert_int_equal(record.ttl, 0);
        } else if (*ttl_s > record.ttl) {
            *ttl_s = record.ttl;
        }
    }
    return true;
}

static void an_answer_past_its_time_is_there_for_who_asks_for_it(void **state)
{
    struct stage stage;
    uint32_t ttl_s;

    (void)state;
    begin(&stage);
    put(&stage, 0, &stage.answer);
    assert_true(get(&stage, 59 * SECOND));
    assert_false(stage.got.stale || stage.got.failed);
    /* One that holds is as ever. */
    assert_true(get_stale(&stage, 50 * SECOND, &ttl_s));
    assert_int_equal(ttl_s, 10);
    assert_false(stage.got.stale);

    assert_false(get(&stage, 60 * SECOND));
    assert_true(stage.got.stale && !stage.got.failed);
    assert_true(get_stale(&stage, 60 * SECOND, &ttl_s));
    assert_int_equal(ttl_s, 30);
    assert_true(stage.got.stale);
    assert_int_equal(stage.got.ttl_s, 0);
    assert_int_equal(stage.got.age_s, 60);
    assert_true(get_stale(&stage, 160 * SECOND - 1, &ttl_s));
    assert_false(get_stale(&stage, 160 * SECOND, &ttl_s));
    assert_false(get(&stage, 160 * SECOND));
    assert_false(stage.got.stale);
    cache_destroy(stage.cache);
}

static void how_long_may_change_and_is_not_at_all_at_first(void **state)
{
    struct stage stage;
    uint32_t ttl_s;

    (void)state;
    begin(&stage);
    put(&stage, 0, &stage.answer);
    cache_keep_stale(stage.cache, 10);
    assert_true(get_stale(&stage, 69 * SECOND, &ttl_s));
    assert_false(get_stale(&stage, 70 * SECOND, &ttl_s));
    cache_keep_stale(stage.cache, 0);
    assert_false(get_stale(&stage, 60 * SECOND, &ttl_s));
    assert_false(get(&stage, 60 * SECOND));
    assert_false(stage.got.stale);
    cache_destroy(stage.cache);

    stage.cache = cache_create(CACHE_SIZE_MIN, hash_key);
    put(&stage, 0, &stage.answer);
    assert_false(get_stale(&stage, 60 * SECOND, &ttl_s));
    cache_destroy(stage.cache);
}

static void a_failure_is_noted_at_a_stale_answer(void **state)
{
    struct stage stage;
    uint32_t ttl_s;

    (void)state;
    begin(&stage);
    assert_int_equal(put(&stage, 0, &stage.answer), 60);
    assert_int_equal(put(&stage, 59, &stage.failure), 0); /* the answer holds */
    assert_false(get(&stage, 61 * SECOND));
    assert_true(stage.got.stale && !stage.got.failed);
    assert_int_equal(put(&stage, 70, &stage.failure), 30);
    assert_false(get(&stage, 99 * SECOND));
    assert_true(stage.got.stale && stage.got.failed);
    assert_true(get_stale(&stage, 99 * SECOND, &ttl_s));
    assert_false(get(&stage, 100 * SECOND));
    assert_true(stage.got.stale && !stage.got.failed);
    /* Once that is over, it is a failure like any other. */
    assert_int_equal(put(&stage, 160, &stage.failure), 5);
    assert_true(get(&stage, 161 * SECOND));
    assert_int_equal(stage.got.kind, CACHE_FAILURE);
    assert_false(get_stale(&stage, 161 * SECOND, &ttl_s));
    /* And never stale. */
    assert_false(get(&stage, 165 * SECOND));
    assert_false(stage.got.stale);
    assert_false(get_stale(&stage, 165 * SECOND, &ttl_s));
    cache_destroy(stage.cache);
}

static void a_newer_answer_takes_its_place(void **state)
{
    struct stage stage;
    uint32_t ttl_s;

    (void)state;
    begin(&stage);
    put(&stage, 0, &stage.answer);
    put(&stage, 70, &stage.failure);
    put(&stage, 80, &stage.answer);
    assert_true(get(&stage, 81 * SECOND));
    assert_int_equal(stage.got.ttl_s, 59);
    /* One that may not be kept ends it, and leaves alone what holds. */
    stage.answer.ttl_s = 0;
    put(&stage, 100, &stage.answer);
    assert_true(get(&stage, 101 * SECOND));
    put(&stage, 141, &stage.answer);
    assert_false(get(&stage, 142 * SECOND));
    assert_false(stage.got.stale);
    assert_false(get_stale(&stage, 142 * SECOND, &ttl_s));
    cache_destroy(stage.cache);
}

static void it_makes_room(void **state)
{
    struct stage stage;
    struct cache_stats stats;
    uint32_t ttl_s;

    (void)state;
    begin(&stage);
    cache_keep_stale(stage.cache, 86400);
    put(&stage, 0, &stage.answer);
    const struct wire_name first = stage.name;
    for (unsigned i = 0; i < 20000; i++) {
        char text[32];

        snprintf(text, sizeof(text), "n%u.example.com", i);
        assert_int_equal(wire_name_from_text(text, strlen(text), &stage.name), WIRE_TEXT_OK);
        put(&stage, 100, &stage.failure);
    }
    cache_stats(stage.cache, &stats);
    assert_true(stats.octets <= stats.size);
    assert_true(stats.evictions > 1000);
    stage.name = first;
    assert_false(get_stale(&stage, 100 * SECOND, &ttl_s));
    cache_destroy(stage.cache);
}

static bool note(void *context, const struct cache_seen *seen)
{
    unsigned *count = context;

    assert_true(seen->entry.stale);
    assert_int_equal(seen->entry.ttl_s, 0);
    (*count)++;
    return true;
}

static void people_see_and_forget_it(void **state)
{
    struct stage stage;
    const struct cache_filter filter = {.name = &stage.name, .any_type = true};
    unsigned count = 0;

    (void)state;
    begin(&stage);
    put(&stage, 0, &stage.answer);
    cache_show(stage.cache, &filter, 100 * SECOND, note, &count);
    assert_int_equal(count, 1);
    cache_show(stage.cache, &filter, 160 * SECOND, note, &count);
    assert_int_equal(count, 1);
    assert_int_equal(cache_forget(stage.cache, &filter, 100 * SECOND), 1);
    assert_int_equal(cache_forget(stage.cache, &filter, 100 * SECOND), 0);
    cache_destroy(stage.cache);
}

static void who_fetches_anew_is_one(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    stage.answer.late_s = 6;
    put(&stage, 0, &stage.answer);
    assert_true(get(&stage, 55 * SECOND));
    assert_false(stage.got.ending); /* nobody has asked for it before */
    assert_true(get(&stage, 54 * SECOND - 1));
    assert_false(stage.got.ending);
    assert_true(get(&stage, 54 * SECOND));
    assert_true(stage.got.ending);
    const uint32_t version = stage.got.version;
    assert_true(cache_claim(stage.cache, &stage.key, version));
    assert_false(cache_claim(stage.cache, &stage.key, version));
    assert_true(get(&stage, 59 * SECOND));
    assert_false(stage.got.ending);
    /* Past its time that says nothing about a failure. */
    assert_false(get(&stage, 60 * SECOND));
    assert_true(stage.got.stale && !stage.got.failed);
    /* Another entry, and another one's; and one that has no last part. */
    stage.answer.late_s = 0;
    put(&stage, 100, &stage.answer);
    assert_false(cache_claim(stage.cache, &stage.key, version));
    for (unsigned i = 0; i < 3; i++) {
        assert_true(get(&stage, 160 * SECOND - 1));
        assert_false(stage.got.ending);
    }
    stage.key.dnssec_ok = true;
    assert_false(cache_claim(stage.cache, &stage.key, stage.got.version));
    stage.key.dnssec_ok = false;
    assert_true(cache_claim(stage.cache, &stage.key, stage.got.version));
    cache_destroy(stage.cache);
}

#define CLAIMERS 4u

static void *claim(void *context)
{
    struct stage *stage = context;

    return cache_claim(stage->cache, &stage->key, stage->got.version) ? context : NULL;
}

static void of_many_threads_one_fetches_anew(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage);
    for (unsigned round = 0; round < 200; round++) {
        pthread_t threads[CLAIMERS];
        unsigned claimed = 0;

        put(&stage, round, &stage.answer);
        assert_true(get(&stage, round * SECOND));
        for (unsigned i = 0; i < CLAIMERS; i++) {
            invariant(pthread_create(&threads[i], NULL, claim, &stage) == 0);
        }
        for (unsigned i = 0; i < CLAIMERS; i++) {
            void *result;

            pthread_join(threads[i], &result);
            claimed += result != NULL;
        }
        assert_int_equal(claimed, 1);
    }
    cache_destroy(stage.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_past_its_time_is_there_for_who_asks_for_it),
        cmocka_unit_test(how_long_may_change_and_is_not_at_all_at_first),
        cmocka_unit_test(a_failure_is_noted_at_a_stale_answer),
        cmocka_unit_test(a_newer_answer_takes_its_place),
        cmocka_unit_test(it_makes_room),
        cmocka_unit_test(people_see_and_forget_it),
        cmocka_unit_test(who_fetches_anew_is_one),
        cmocka_unit_test(of_many_threads_one_fetches_anew),
    };

    return cmocka_run_group_tests_name("cache/stale", tests, NULL, NULL);
}
