/* cache/cache: build with -fsanitize=thread as well as with -fsanitize=address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "cache/cache.h"
#include "wire/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000)

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

/* An answer with count TXT records of size octets each, TTLs ttl, ttl + 1, ..., and an OPT. */
static size_t answer_of(const struct wire_name *name, unsigned count, size_t size, uint32_t ttl,
                        uint8_t *octets, size_t room)
{
    struct wire_writer writer;
    uint8_t raw[WIRE_NAME_MAX + 4];
    uint8_t rdata[256];
    const struct wire_opt opt = {.udp_size = 1232, .ede = WIRE_EDE_NONE, .keepalive_100ms = -1};

    memset(rdata, (int)(size & 0xff), sizeof(rdata));
    rdata[0] = (uint8_t)(size - 1);
    memcpy(raw, name->octets, name->len);
    wire_put16(raw + name->len, WIRE_TXT);
    wire_put16(raw + name->len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, room, raw, name->len + 4u);
    for (unsigned i = 0; i < count; i++) {
        wire_write_record(&writer, WIRE_ANSWER, name, WIRE_TXT, ttl + i, rdata, size);
    }
    wire_write_opt(&writer, &opt);
    const size_t len = wire_writer_end(&writer, 0, WIRE_FLAG_QR);
    assert_true(len > 0);
    return len;
}

/* The TTL of record number index, OPT included. */
static uint32_t ttl_at(const uint8_t *octets, size_t len, unsigned index)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;

    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    wire_cursor_start(&cursor, &message);
    for (unsigned i = 0; i <= index; i++) {
        assert_int_equal(wire_cursor_next(&cursor, &record), 1);
    }
    return wire_get32(octets + record.ttl_at);
}

static void a_size_below_the_least_is_refused(void **state)
{
    (void)state;
    assert_null(cache_create(0, hash_key));
    assert_null(cache_create(CACHE_SIZE_MIN - 1, hash_key));
    cache_destroy(NULL);
}

static void gives_back_what_was_stored_with_aged_ttls(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("www.example.com");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 300, .ede = WIRE_EDE_NONE};
    uint8_t octets[1024];
    uint8_t out[1024];

    (void)state;
    entry.len = answer_of(&name, 3, 40, 300, octets, sizeof(octets));
    cache_put(cache, &key, 5 * SECOND, octets, &entry);
    memset(&entry, 0, sizeof(entry));
    assert_true(cache_get(cache, &key, 5 * SECOND, out, sizeof(out), &entry));
    assert_int_equal(entry.age_s, 0);
    assert_int_equal(entry.ttl_s, 300);
    assert_memory_equal(out, octets, entry.len);

    /* 100.9 s later: whole seconds of age. */
    assert_true(cache_get(cache, &key, 105 * SECOND + 900000, out, sizeof(out), &entry));
    assert_int_equal(entry.kind, CACHE_ANSWER);
    assert_int_equal(entry.age_s, 100);
    assert_int_equal(entry.ttl_s, 200);
    assert_int_equal(ttl_at(out, entry.len, 0), 200);
    assert_int_equal(ttl_at(out, entry.len, 2), 202);
    assert_int_equal(ttl_at(out, entry.len, 3), ttl_at(octets, entry.len, 3)); /* OPT */

    /* The last moment, and the one after. */
    assert_true(cache_get(cache, &key, 305 * SECOND - 1, out, sizeof(out), &entry));
    assert_int_equal(entry.ttl_s, 1);
    assert_int_equal(ttl_at(out, entry.len, 0), 1);
    assert_false(cache_get(cache, &key, 305 * SECOND, out, sizeof(out), &entry));
    cache_destroy(cache);
}

/* Where the message ends, its offsets begin: wherever the end of a block cuts them. */
static void ttls_age_wherever_a_block_ends(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("ends.example");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    uint8_t octets[1024], out[1024];

    (void)state;
    for (unsigned size = 2; size < 200; size++) {
        struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 300, .ede = WIRE_EDE_NONE};

        entry.len = answer_of(&name, 3, size, 300, octets, sizeof(octets));
        cache_put(cache, &key, 0, octets, &entry);
        assert_true(cache_get(cache, &key, 7 * SECOND, out, sizeof(out), &entry));
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(ttl_at(out, entry.len, i), 293 + i);
        }
        assert_int_equal(ttl_at(out, entry.len, 3), ttl_at(octets, entry.len, 3)); /* OPT */
    }
    cache_destroy(cache);
}

static void a_ttl_below_the_age_becomes_zero_and_not_huge(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("short.example");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 60, .ede = WIRE_EDE_NONE};
    uint8_t octets[512];

    (void)state;
    entry.len = answer_of(&name, 1, 10, 5, octets, sizeof(octets));
    cache_put(cache, &key, 0, octets, &entry);
    assert_true(cache_get(cache, &key, 30 * SECOND, octets, sizeof(octets), &entry));
    assert_int_equal(ttl_at(octets, entry.len, 0), 0);
    cache_destroy(cache);
}

static void a_clock_behind_that_of_the_writer_gives_age_zero(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("a.example");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 60, .ede = WIRE_EDE_NONE};
    uint8_t octets[512];

    (void)state;
    entry.len = answer_of(&name, 1, 10, 60, octets, sizeof(octets));
    cache_put(cache, &key, 10 * SECOND, octets, &entry);
    assert_true(cache_get(cache, &key, 9 * SECOND, octets, sizeof(octets), &entry));
    assert_int_equal(entry.age_s, 0);
    assert_int_equal(ttl_at(octets, entry.len, 0), 60);
    cache_destroy(cache);
}

static void each_part_of_the_key_keeps_answers_apart(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("www.example.com");
    const struct wire_name other = name_of("www.example.org");
    /* The same octets in other labels: "ww.w" is not "www". */
    const struct wire_name cut = name_of("ww.w.example.com");
    const struct cache_key stored = {.name = &name, .type = WIRE_TXT};
    const struct cache_key others[] = {
        {.name = &other, .type = WIRE_TXT},
        {.name = &cut, .type = WIRE_TXT},
        {.name = &name, .type = WIRE_A},
        {.name = &name, .type = WIRE_TXT, .context = 1},
        {.name = &name, .type = WIRE_TXT, .dnssec_ok = true},
        {.name = &name, .type = WIRE_TXT, .checking_disabled = true},
        {.name = &name, .type = WIRE_TXT, .dnssec_ok = true, .checking_disabled = true},
    };
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 60, .ede = WIRE_EDE_NONE};
    uint8_t octets[512];

    (void)state;
    entry.len = answer_of(&name, 1, 10, 60, octets, sizeof(octets));
    cache_put(cache, &stored, 0, octets, &entry);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(cache_get(cache, &others[i], 0, octets, sizeof(octets), &entry));
    }
    assert_true(cache_get(cache, &stored, 0, octets, sizeof(octets), &entry));
    cache_destroy(cache);
}

static void what_must_not_be_stored_is_not(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("www.example.com");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 0, .ede = WIRE_EDE_NONE};
    struct cache_entry got;
    static uint8_t octets[WIRE_MESSAGE_MAX];
    static uint8_t out[WIRE_MESSAGE_MAX];

    (void)state;
    /* No time to live. */
    entry.len = answer_of(&name, 1, 10, 60, octets, sizeof(octets));
    cache_put(cache, &key, 0, octets, &entry);
    assert_false(cache_get(cache, &key, 0, out, sizeof(out), &got));
    /* Cut inside the last record, and inside the header. */
    entry.ttl_s = 60;
    entry.len -= 3;
    cache_put(cache, &key, 0, octets, &entry);
    entry.len = 11;
    cache_put(cache, &key, 0, octets, &entry);
    assert_false(cache_get(cache, &key, 0, out, sizeof(out), &got));
    /* An answer without octets. */
    entry.len = 0;
    cache_put(cache, &key, 0, octets, &entry);
    assert_false(cache_get(cache, &key, 0, out, sizeof(out), &got));
    /* Larger than a shard of this cache. */
    entry.len = answer_of(&name, 60, 200, 60, octets, sizeof(octets));
    cache_put(cache, &key, 0, octets, &entry);
    assert_false(cache_get(cache, &key, 0, out, sizeof(out), &got));
    cache_destroy(cache);

    /* The same fits into a larger one, but not into a small buffer. */
    cache = make(64u << 20);
    cache_put(cache, &key, 0, octets, &entry);
    assert_false(cache_get(cache, &key, 0, out, entry.len - 1, &got));
    assert_true(cache_get(cache, &key, 0, out, entry.len, &got));
    assert_memory_equal(out, octets, entry.len);
    cache_destroy(cache);
}

static void an_entry_replaces_the_one_with_its_key(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("www.example.com");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 60, .ede = WIRE_EDE_NONE};
    struct cache_stats stats;
    uint8_t octets[1024];

    (void)state;
    for (unsigned round = 1; round < 200; round++) {
        entry.len = answer_of(&name, 1 + round % 3, 10 + round, 60, octets, sizeof(octets));
        cache_put(cache, &key, round, octets, &entry);
    }
    cache_stats(cache, &stats);
    assert_int_equal(stats.entries, 1);
    assert_int_equal(stats.stores, 199);
    assert_int_equal(stats.evictions, 0);
    cache_flush(cache);
    cache_stats(cache, &stats);
    assert_int_equal(stats.entries, 0);
    assert_false(cache_get(cache, &key, 300, octets, sizeof(octets), &entry));
    cache_destroy(cache);
}

static void a_stamp_belongs_to_the_message_that_was_seen(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("www.example.com"), other = name_of("other.example");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    const struct cache_key elsewhere = {.name = &other, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 60, .ede = WIRE_EDE_NONE};
    struct cache_entry first, second;
    uint8_t octets[1024];

    (void)state;
    entry.len = answer_of(&name, 1, 10, 60, octets, sizeof(octets));
    entry.stamp = 99; /* not taken from a caller who stores */
    cache_put(cache, &key, 1, octets, &entry);
    assert_true(cache_get(cache, &key, 2, octets, sizeof(octets), &first));
    assert_int_equal(first.stamp, 0);
    cache_stamp(cache, &elsewhere, first.version, 5); /* there is none */
    cache_stamp(cache, &key, first.version, UINT64_MAX);
    assert_true(cache_get(cache, &key, 3, octets, sizeof(octets), &second));
    assert_true(second.stamp == UINT64_MAX);
    assert_int_equal(second.version, first.version);

    /* Another worker stores a new answer between the look and the word about it. */
    cache_put(cache, &key, 4, octets, &entry);
    cache_stamp(cache, &key, first.version, 7);
    assert_true(cache_get(cache, &key, 5, octets, sizeof(octets), &second));
    assert_int_equal(second.stamp, 0);
    assert_int_not_equal(second.version, first.version);
    cache_flush(cache);
    cache_stamp(cache, &key, second.version, 8);
    assert_false(cache_get(cache, &key, 6, octets, sizeof(octets), &second));
    cache_destroy(cache);
}

/* The name of the question is kept once, unless it is written in another way. */
static void an_answer_with_one_address_takes_one_block(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("www.example.com");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 60};
    struct cache_stats before, after;
    uint8_t octets[512], out[512];

    (void)state;
    for (unsigned blocks = 1; blocks <= 2; blocks++) {
        cache_flush(cache);
        cache_stats(cache, &before);
        entry.len = answer_of(&name, 1, 4, 60, octets, sizeof(octets));
        octets[WIRE_HEADER_OCTETS + 1] ^= blocks == 2 ? 0x20 : 0; /* wWw */
        cache_put(cache, &key, 1, octets, &entry);
        cache_stats(cache, &after);
        assert_int_equal(after.octets - before.octets, blocks * 128);
        assert_true(cache_get(cache, &key, 2, out, sizeof(out), &entry));
        assert_memory_equal(out, octets, entry.len);
    }
    cache_destroy(cache);
}

static bool get_stamped(struct cache *cache, const struct cache_key *key, uint64_t stamp,
                        uint64_t now_us, size_t size, struct cache_entry *entry)
{
    uint8_t octets[1024];

    memset(entry, 0xaa, sizeof(*entry));
    return cache_get_stamped(cache, key, stamp, now_us, octets, size, entry);
}

static void a_stamp_finds_what_it_was_said_of_and_nothing_else(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("www.example.com"), other = name_of("other.example");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    struct cache_key elsewhere = {.name = &other, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 60, .late_s = 6};
    struct cache_entry got, untold;
    struct cache_stats before, after;
    uint8_t octets[1024];

    (void)state;
    memset(&untold, 0xaa, sizeof(untold));
    entry.len = answer_of(&name, 1, 10, 60, octets, sizeof(octets));
    cache_put(cache, &key, 1, octets, &entry);
    assert_false(get_stamped(cache, &key, 5, 2, sizeof(octets), &got)); /* nothing was said */
    assert_true(cache_get(cache, &key, 2, octets, sizeof(octets), &got));
    cache_stamp(cache, &key, got.version, 5);
    cache_stats(cache, &before);
    assert_false(get_stamped(cache, &key, 4, 3, sizeof(octets), &got));
    assert_false(get_stamped(cache, &key, UINT64_MAX, 3, sizeof(octets), &got));
    assert_false(get_stamped(cache, &elsewhere, 5, 3, sizeof(octets), &got));
    elsewhere = key;
    elsewhere.type = WIRE_A;
    assert_false(get_stamped(cache, &elsewhere, 5, 3, sizeof(octets), &got));
    elsewhere = key;
    elsewhere.context = 1;
    assert_false(get_stamped(cache, &elsewhere, 5, 3, sizeof(octets), &got));
    elsewhere = key;
    elsewhere.dnssec_ok = true;
    assert_false(get_stamped(cache, &elsewhere, 5, 3, sizeof(octets), &got));
    elsewhere = key;
    elsewhere.checking_disabled = true;
    assert_false(get_stamped(cache, &elsewhere, 5, 3, sizeof(octets), &got));
    assert_false(get_stamped(cache, &key, 5, 3, entry.len - 1, &got));
    assert_false(get_stamped(cache, &key, 5, 60 * SECOND + 1, sizeof(octets), &got)); /* over */
    assert_memory_equal(&got, &untold, sizeof(got));
    cache_stats(cache, &after);
    assert_memory_equal(&before, &after, sizeof(before));

    /* As cache_get(): its age, and that it was asked for before and is nearly over. */
    assert_true(
        cache_get_stamped(cache, &key, 5, 20 * SECOND + 1, octets, sizeof(octets), &got));
    assert_true(got.kind == CACHE_ANSWER && got.age_s == 20 && got.ttl_s == 40 && !got.ending &&
                !got.stale && got.len == entry.len && got.stamp == 5);
    uint8_t expected[1024];
    const size_t len = answer_of(&name, 1, 10, 40, expected, sizeof(expected));
    assert_int_equal(len, got.len);
    assert_memory_equal(octets, expected, len);
    assert_true(cache_get_stamped(cache, &key, 5, 55 * SECOND, octets, sizeof(octets), &got));
    assert_true(got.ending);
    cache_stats(cache, &after);
    assert_true(after.hits == before.hits + 2 && after.misses == before.misses);
    cache_put(cache, &key, 56 * SECOND, octets, &entry);
    assert_false(get_stamped(cache, &key, 5, 56 * SECOND, sizeof(octets), &got));
    cache_destroy(cache);
}

static void a_failure_is_kept_but_never_in_place_of_a_live_answer(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name name = name_of("down.example");
    const struct cache_key key = {.name = &name, .type = WIRE_TXT};
    const struct cache_entry failure = {
        .kind = CACHE_FAILURE, .ttl_s = 5, .ede = WIRE_EDE_NO_REACHABLE};
    struct cache_entry answer = {.kind = CACHE_ANSWER, .ttl_s = 60, .ede = WIRE_EDE_NONE};
    struct cache_entry got;
    uint8_t octets[512];

    (void)state;
    cache_put(cache, &key, 0, octets, &failure);
    assert_true(cache_get(cache, &key, 4 * SECOND, octets, sizeof(octets), &got));
    assert_int_equal(got.kind, CACHE_FAILURE);
    assert_int_equal(got.ede, WIRE_EDE_NO_REACHABLE);
    assert_int_equal(got.len, 0);
    assert_false(cache_get(cache, &key, 5 * SECOND, octets, sizeof(octets), &got));

    cache_put(cache, &key, 10 * SECOND, octets, &failure);
    answer.len = answer_of(&name, 1, 10, 60, octets, sizeof(octets));
    cache_put(cache, &key, 10 * SECOND, octets, &answer);
    cache_put(cache, &key, 11 * SECOND, octets, &failure);
    assert_true(cache_get(cache, &key, 11 * SECOND, octets, sizeof(octets), &got));
    assert_int_equal(got.kind, CACHE_ANSWER);
    /* Once the answer is past its time, a failure may take its place. */
    cache_put(cache, &key, 70 * SECOND, octets, &failure);
    assert_true(cache_get(cache, &key, 71 * SECOND, octets, sizeof(octets), &got));
    assert_int_equal(got.kind, CACHE_FAILURE);
    cache_destroy(cache);
}

static void what_is_asked_for_stays_when_room_is_needed(void **state)
{
    struct cache *cache = make(CACHE_SIZE_MIN);
    const struct wire_name hot = name_of("hot.example");
    const struct cache_key hot_key = {.name = &hot, .type = WIRE_TXT};
    struct cache_entry entry = {.kind = CACHE_ANSWER, .ttl_s = 600, .ede = WIRE_EDE_NONE};
    struct cache_entry got;
    struct cache_stats stats;
    uint8_t octets[512];
    unsigned lost = 0;

    (void)state;
    entry.len = answer_of(&hot, 1, 20, 600, octets, sizeof(octets));
    cache_put(cache, &hot_key, 0, octets, &entry);
    for (unsigned i = 0; i < 10000; i++) {
        char text[64];

        snprintf(text, sizeof(text), "cold-%u.example", i);
        const struct wire_name cold = name_of(text);
        const struct cache_key key = {.name = &cold, .type = WIRE_TXT};
        entry.len = answer_of(&cold, 1, 20, 600, octets, sizeof(octets));
        cache_put(cache, &key, i, octets, &entry);
        if (!cache_get(cache, &hot_key, i, octets, sizeof(octets), &got)) {
            lost++;
        }
    }
    cache_stats(cache, &stats);
    assert_int_equal(lost, 0);
    assert_true(stats.evictions > 6000);
    assert_true(stats.octets <= stats.size);
    assert_true(stats.octets > stats.size * 9 / 10); /* full, and it says so */
    cache_destroy(cache);
}

/* Of this process, in octets. */
static size_t resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Stores names first to last - 1, each with about 1,400 octets. */
static void fill(struct cache *cache, unsigned first, unsigned last)
{
    for (unsigned i = first; i < last; i++) {
        struct cache_entry put = {.kind = CACHE_ANSWER, .ttl_s = 300, .ede = WIRE_EDE_NONE};
        uint8_t octets[2048];
        char text[64];

        snprintf(text, sizeof(text), "f%u.example", i);
        const struct wire_name name = name_of(text);
        const struct cache_key key = {.name = &name, .type = WIRE_TXT};
        put.len = answer_of(&name, 6, 200, 300, octets, sizeof(octets));
        cache_put(cache, &key, SECOND, octets, &put);
    }
}

static void a_limit_gives_memory_back_and_keeps_what_fits(void **state)
{
    enum {
        SIZE = 16 << 20,
        SMALL = 2 << 20,
        NAMES = 20000
    };
    struct cache *cache = make(SIZE);
    struct cache_stats stats;

    (void)state;
    fill(cache, 0, NAMES);
    cache_stats(cache, &stats);
    const uint64_t entries = stats.entries;
    assert_true(stats.octets > SIZE * 9u / 10 && stats.evictions > 0);
    const size_t before = resident();
    cache_limit(cache, SMALL);
    cache_stats(cache, &stats);
    assert_int_equal(stats.limit, SMALL);
    assert_int_equal(stats.size, SIZE);
    assert_true(stats.octets <= SMALL && stats.octets > SMALL / 2);
    assert_true(stats.entries > 0 && stats.entries < entries / 4);
    assert_true(resident() + (SIZE - SMALL) * 3u / 4 < before);
    fill(cache, 0, NAMES); /* it works on in the smaller bound, */
    cache_stats(cache, &stats);
    assert_true(stats.octets <= SMALL && stats.octets > SMALL * 9u / 10);
    cache_limit(cache, 2 * (size_t)SIZE); /* and grows again: not above what it was made with */
    fill(cache, 0, NAMES);
    cache_stats(cache, &stats);
    assert_int_equal(stats.limit, SIZE);
    assert_int_equal(stats.entries, entries);
    cache_limit(cache, 0); /* nothing is held, nothing breaks */
    fill(cache, 0, 1000);
    cache_stats(cache, &stats);
    assert_int_equal(stats.entries, 0);
    cache_limit(cache, SIZE);
    fill(cache, 0, 1000);
    cache_stats(cache, &stats);
    assert_int_equal(stats.entries, 1000);
    cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_below_the_least_is_refused),
        cmocka_unit_test(gives_back_what_was_stored_with_aged_ttls),
        cmocka_unit_test(ttls_age_wherever_a_block_ends),
        cmocka_unit_test(a_ttl_below_the_age_becomes_zero_and_not_huge),
        cmocka_unit_test(a_clock_behind_that_of_the_writer_gives_age_zero),
        cmocka_unit_test(each_part_of_the_key_keeps_answers_apart),
        cmocka_unit_test(what_must_not_be_stored_is_not),
        cmocka_unit_test(an_entry_replaces_the_one_with_its_key),
        cmocka_unit_test(a_stamp_belongs_to_the_message_that_was_seen),
        cmocka_unit_test(a_stamp_finds_what_it_was_said_of_and_nothing_else),
        cmocka_unit_test(an_answer_with_one_address_takes_one_block),
        cmocka_unit_test(a_failure_is_kept_but_never_in_place_of_a_live_answer),
        cmocka_unit_test(what_is_asked_for_stays_when_room_is_needed),
        cmocka_unit_test(a_limit_gives_memory_back_and_keeps_what_fits),
    };

    return random_library_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
