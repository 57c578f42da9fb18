/* cache/saved: what comes back is what was there, as old as it is; what is not whole stays out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "cache/saved.h"
#include "wire/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define MONO   (5000 * SECOND)
#define WALL   (UINT64_C(1790000000) * SECOND)

static const uint8_t hash_key[16] = "not a secret key";
static const uint8_t other_key[16] = "another one, too";
static const uint8_t meaning[DIGEST_OCTETS] = "these upstreams";
static const uint8_t other_meaning[DIGEST_OCTETS] = "other upstreams";

struct file {
    uint8_t octets[1 << 20];
    size_t len;
    size_t most; /* then writing fails */
};

static struct file file; /* of the test that runs */

static int write_file(void *context, const void *octets, size_t len)
{
    struct file *out = context;

    if (out->len + len > out->most) {
        return -ENOSPC;
    }
    memcpy(out->octets + out->len, octets, len);
    out->len += len;
    return 0;
}

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static struct cache *make(const uint8_t key[16])
{
    struct cache *cache = cache_create(CACHE_SIZE_MIN * 8, key);

    assert_non_null(cache);
    return cache;
}

/* An answer with two TXT records of size octets, and an OPT. */
static size_t answer_of(const struct wire_name *name, uint16_t type, size_t size, uint32_t ttl,
                        uint8_t *octets, size_t room)
{
    static const uint8_t rdata[20000];
    const struct wire_opt opt = {.udp_size = 1232, .ede = WIRE_EDE_NONE, .keepalive_100ms = -1};
    struct wire_writer writer;
    uint8_t raw[WIRE_NAME_MAX + 4];

    memcpy(raw, name->octets, name->len);
    wire_put16(raw + name->len, type);
    wire_put16(raw + name->len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, room, raw, name->len + 4u);
    wire_write_record(&writer, WIRE_ANSWER, name, WIRE_TXT, ttl, rdata, size);
    wire_write_record(&writer, WIRE_ANSWER, name, WIRE_TXT, ttl + 100, rdata, 1);
    wire_write_opt(&writer, &opt);
    const size_t len = wire_writer_end(&writer, 0, WIRE_FLAG_QR);
    assert_true(len > 0);
    return len;
}

static void put(struct cache *cache, struct cache_key key, const char *text, size_t size,
                uint32_t ttl)
{
    uint8_t octets[32768];
    const struct wire_name name = name_of(text);
    const struct cache_entry entry = {
        .kind = CACHE_ANSWER,
        .ttl_s = ttl,
        .ede = WIRE_EDE_NONE,
        .len = answer_of(&name, key.type, size, ttl, octets, sizeof(octets))};

    key.name = &name;
    cache_put(cache, &key, MONO, octets, &entry);
}

static bool get(struct cache *cache, struct cache_key key, const char *text, uint64_t mono_us,
                uint8_t *octets, size_t size, struct cache_entry *entry)
{
    const struct wire_name name = name_of(text);

    key.name = &name;
    return cache_get(cache, &key, mono_us, octets, size, entry);
}

static bool has(struct cache *cache, const char *text, uint64_t mono_us)
{
    static uint8_t octets[32768];
    struct cache_entry entry;

    return get(cache, (struct cache_key){.type = WIRE_TXT}, text, mono_us, octets,
               sizeof(octets), &entry);
}

static void save(struct cache *cache, uint64_t after_us, struct cache_saved *saved)
{
    const struct cache_saving saving = {.now = {MONO + after_us, WALL + after_us},
                                        .meaning = meaning,
                                        .octets_max = sizeof(file.octets),
                                        .write = write_file,
                                        .context = &file};

    file.len = 0;
    file.most = sizeof(file.octets);
    assert_int_equal(cache_save(cache, &saving, saved), 0);
    assert_int_equal(saved->octets, file.len);
}

/* In a process whose monotonic clock begins anew. */
static enum cache_load_result load(struct cache *cache, uint64_t after_us,
                                   struct cache_loaded *loaded)
{
    const struct cache_loading loading = {.now = {1 * SECOND, WALL + after_us},
                                          .meaning = meaning,
                                          .ttl_max_s = 86400,
                                          .forgets = cache_forgets(cache)};

    return cache_load(cache, file.octets, file.len, &loading, loaded);
}

static uint64_t entries(struct cache *cache)
{
    struct cache_stats stats;

    cache_stats(cache, &stats);
    return stats.entries;
}

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

static void what_was_there_is_back_and_older(void **state)
{
    static const struct cache_key keys[] = {
        {.type = WIRE_TXT},
        {.type = WIRE_A},
        {.type = WIRE_TXT, .dnssec_ok = true},
        {.type = WIRE_TXT, .checking_disabled = true, .context = 7},
    };
    struct cache *before = make(hash_key);
    struct cache *after = make(other_key);
    struct cache_saved saved;
    struct cache_loaded loaded;
    struct cache_entry entry;
    static uint8_t octets[32768];
    static uint8_t was[32768];

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        put(before, keys[i], "www.example.com", 20 + i, 300);
    }
    put(before, keys[0], "large.example", 9000, 3600);
    put(before, keys[0], ".", 5, 300);
    save(before, 40 * SECOND, &saved);
    assert_int_equal(saved.answers, 6);
    assert_int_equal(load(after, 100 * SECOND, &loaded), CACHE_LOAD_OK);
    assert_int_equal(loaded.stored, 6);
    assert_int_equal(loaded.passed, 0);
    assert_true(loaded.age_s >= 60 && loaded.age_s <= 62);
    assert_int_equal(entries(after), 6);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_true(
            get(after, keys[i], "www.example.com", 1 * SECOND, octets, sizeof(octets), &entry));
        /* 100 s old: never fresher than that, and not much older. */
        assert_true(entry.ttl_s <= 200 && entry.ttl_s >= 197);
        assert_int_equal(ttl_at(octets, entry.len, 0), entry.ttl_s);
        assert_int_equal(ttl_at(octets, entry.len, 1), entry.ttl_s + 100);
        const size_t len = entry.len;
        const uint32_t ttl_s = entry.ttl_s;
        assert_true(get(before, keys[i], "www.example.com", MONO + (300 - ttl_s) * SECOND, was,
                        sizeof(was), &entry));
        assert_int_equal(entry.len, len);
        assert_memory_equal(octets, was, len);
    }
    assert_true(has(after, "large.example", 1 * SECOND));
    assert_true(has(after, ".", 1 * SECOND));
    assert_false(has(after, "example.com", 1 * SECOND));
    cache_destroy(before);
    cache_destroy(after);
}

/* Whatever parts of seconds the clocks are at: nothing is kept longer than its owner allows. */
static void nothing_outlives_its_time(void **state)
{
    (void)state;
    for (uint64_t saved_us = 0; saved_us < 2 * SECOND; saved_us += 333333) {
        for (uint64_t away_us = 0; away_us < 3 * SECOND; away_us += 333333) {
            struct cache *before = make(hash_key);
            struct cache *after = make(hash_key);
            struct cache_saved saved;
            struct cache_loaded loaded;

            put(before, (struct cache_key){.type = WIRE_TXT}, "a.example", 5, 10);
            save(before, saved_us, &saved);
            assert_int_equal(load(after, saved_us + away_us, &loaded), CACHE_LOAD_OK);
            /* 10 s after it was put, in the time of the other process. */
            assert_false(
                has(after, "a.example", 1 * SECOND + 10 * SECOND - saved_us - away_us));
            assert_true(has(after, "a.example", 1 * SECOND + SECOND));
            cache_destroy(before);
            cache_destroy(after);
        }
    }
}

static void what_does_not_hold_stays_out(void **state)
{
    const struct wire_name down = name_of("down.example");
    const struct cache_key failed = {.name = &down, .type = WIRE_TXT};
    const struct cache_entry failure = {
        .kind = CACHE_FAILURE, .ttl_s = 30, .ede = WIRE_EDE_NETWORK_ERROR};
    struct cache *before = make(hash_key);
    struct cache *after = make(hash_key);
    struct cache_saved saved;
    struct cache_loaded loaded;

    (void)state;
    put(before, (struct cache_key){.type = WIRE_TXT}, "old.example", 5, 10);
    put(before, (struct cache_key){.type = WIRE_TXT}, "soon.example", 5, 60);
    put(before, (struct cache_key){.type = WIRE_TXT}, "fresh.example", 5, 1000);
    cache_put(before, &failed, MONO, NULL, &failure);
    save(before, 20 * SECOND, &saved);
    assert_int_equal(saved.answers, 2);
    assert_int_equal(load(after, 70 * SECOND, &loaded), CACHE_LOAD_OK);
    assert_int_equal(loaded.stored, 1);
    assert_int_equal(loaded.passed, 1);
    assert_true(has(after, "fresh.example", 1 * SECOND));
    assert_int_equal(entries(after), 1);
    cache_destroy(before);
    cache_destroy(after);
}

static void the_ceiling_of_now_counts(void **state)
{
    const struct cache_loading low = {
        .now = {1 * SECOND, WALL}, .meaning = meaning, .ttl_max_s = 30};
    struct cache *before = make(hash_key);
    struct cache *after = make(hash_key);
    struct cache_saved saved;
    struct cache_loaded loaded;
    struct cache_entry entry;
    uint8_t octets[1024];

    (void)state;
    put(before, (struct cache_key){.type = WIRE_TXT}, "a.example", 5, 1000);
    save(before, 0, &saved);
    assert_int_equal(cache_load(after, file.octets, file.len, &low, &loaded), CACHE_LOAD_OK);
    assert_true(has(after, "a.example", 25 * SECOND));
    assert_false(has(after, "a.example", 31 * SECOND));
    assert_true(get(after, (struct cache_key){.type = WIRE_TXT}, "a.example", 1 * SECOND,
                    octets, sizeof(octets), &entry));
    assert_int_equal(ttl_at(octets, entry.len, 0), 30); /* clients are told no more either */
    assert_int_equal(ttl_at(octets, entry.len, 1), 30);
    cache_destroy(before);
    cache_destroy(after);
}

/* Somebody flushes while a file is waited for or read: what he had forgotten stays so. */
static void what_was_forgotten_meanwhile_does_not_come_back(void **state)
{
    const struct wire_name name = name_of("a.example");
    const struct cache_filter filter = {.name = &name, .any_type = true};
    struct cache *before = make(hash_key);
    struct cache_saved saved;
    struct cache_loaded loaded;

    (void)state;
    put(before, (struct cache_key){.type = WIRE_TXT}, "a.example", 5, 1000);
    put(before, (struct cache_key){.type = WIRE_TXT}, "b.example", 5, 1000);
    save(before, 0, &saved);
    for (unsigned all = 0; all < 2; all++) {
        struct cache *after = make(hash_key);
        const struct cache_loading since_it_was_made = {.now = {1 * SECOND, WALL},
                                                        .meaning = meaning,
                                                        .ttl_max_s = 86400,
                                                        .forgets = cache_forgets(after)};

        if (all == 1) {
            cache_flush(after);
        } else {
            cache_forget(after, &filter, 1 * SECOND);
        }
        assert_int_equal(cache_load(after, file.octets, file.len, &since_it_was_made, &loaded),
                         CACHE_LOAD_OK);
        assert_int_equal(loaded.stored, 0);
        assert_int_equal(loaded.passed, 2);
        assert_int_equal(entries(after), 0);
        cache_destroy(after);
    }
    cache_destroy(before);
}

static void what_is_there_is_not_replaced_and_nothing_makes_way(void **state)
{
    struct cache *before = make(hash_key);
    struct cache *after = make(hash_key);
    struct cache *small = cache_create(CACHE_SIZE_MIN, hash_key);
    struct cache_stats stats;
    struct cache_saved saved;
    struct cache_loaded loaded;
    struct cache_entry entry;
    uint8_t octets[1024];

    (void)state;
    assert_non_null(small);
    put(before, (struct cache_key){.type = WIRE_TXT}, "a.example", 5, 1000);
    put(before, (struct cache_key){.type = WIRE_TXT}, "b.example", 5, 1000);
    save(before, 0, &saved);
    put(after, (struct cache_key){.type = WIRE_TXT}, "a.example", 77, 50);
    assert_int_equal(load(after, 10 * SECOND, &loaded), CACHE_LOAD_OK);
    assert_int_equal(loaded.stored, 1);
    assert_true(get(after, (struct cache_key){.type = WIRE_TXT}, "a.example", MONO, octets,
                    sizeof(octets), &entry));
    assert_int_equal(entry.ttl_s, 50);
    cache_destroy(after);

    /* More than a smaller one can hold. */
    for (unsigned i = 0; i < 6000; i++) {
        char text[32];

        snprintf(text, sizeof(text), "n%u.example", i);
        put(before, (struct cache_key){.type = WIRE_TXT}, text, 20, 1000);
    }
    save(before, 0, &saved);
    assert_int_equal(load(small, 10 * SECOND, &loaded), CACHE_LOAD_OK);
    assert_true(loaded.stored > 1000 && loaded.passed > 1000);
    assert_int_equal(loaded.stored + loaded.passed, saved.answers);
    cache_stats(small, &stats);
    assert_int_equal(stats.evictions, 0);
    assert_int_equal(stats.entries, loaded.stored);
    assert_true(stats.octets <= stats.limit);
    cache_destroy(before);
    cache_destroy(small);
}

static void writing_stops_at_its_bound_and_at_a_fault(void **state)
{
    struct cache *cache = make(hash_key);
    struct cache_saved saved;
    struct cache_loaded loaded;
    struct cache_saving saving = {.now = {MONO, WALL},
                                  .meaning = meaning,
                                  .octets_max = 4000,
                                  .write = write_file,
                                  .context = &file};

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        char text[32];

        snprintf(text, sizeof(text), "n%u.example", i);
        put(cache, (struct cache_key){.type = WIRE_TXT}, text, 100, 1000);
    }
    file.len = 0;
    file.most = sizeof(file.octets);
    assert_int_equal(cache_save(cache, &saving, &saved), 0);
    assert_true(file.len <= 4000 && file.len > 3500 && saved.answers < 100);
    for (size_t most = 0; most < 1000; most += 50) {
        file.len = 0;
        file.most = most;
        assert_int_equal(cache_save(cache, &saving, &saved), -ENOSPC);
    }
    file.len = 0;
    file.most = sizeof(file.octets);
    assert_int_equal(cache_save(cache, &saving, &saved), 0);
    cache_flush(cache);
    assert_int_equal(load(cache, 0, &loaded), CACHE_LOAD_OK);
    assert_int_equal(loaded.stored, saved.answers);
    cache_destroy(cache);
}

/* Those of before are of others. A second that is not whole is left out. */
static void what_was_stored_before_is_left_out(void **state)
{
    struct cache *cache = make(hash_key);
    struct cache_saved saved;
    struct cache_saving saving = {.now = {MONO + 10 * SECOND, WALL},
                                  .meaning = meaning,
                                  .octets_max = sizeof(file.octets),
                                  .write = write_file,
                                  .context = &file};
    static const struct {
        uint64_t since_us, answers;
    } rows[] = {{0, 1},    {MONO - SECOND, 1},      {MONO - 1, 0},
                {MONO, 0}, {MONO + 10 * SECOND, 0}, {MONO + 20 * SECOND, 0}};

    (void)state;
    put(cache, (struct cache_key){.type = WIRE_TXT}, "a.example", 5, 1000);
    file.most = sizeof(file.octets);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        file.len = 0;
        saving.since_us = rows[i].since_us;
        assert_int_equal(cache_save(cache, &saving, &saved), 0);
        assert_int_equal(saved.answers, rows[i].answers);
    }
    cache_destroy(cache);
}

static void sign_again(void)
{
    digest_of(file.octets, file.len - DIGEST_OCTETS, NULL,
              file.octets + file.len - DIGEST_OCTETS);
}

static void refuses_whole_files(void **state)
{
    struct cache *before = make(hash_key);
    struct cache *after = make(hash_key);
    struct cache_saved saved;
    struct cache_loaded loaded;
    static struct file good;
    struct cache_loading other = {
        .now = {1 * SECOND, WALL}, .meaning = other_meaning, .ttl_max_s = 86400};

    (void)state;
    put(before, (struct cache_key){.type = WIRE_TXT}, "a.example", 5, 1000);
    put(before, (struct cache_key){.type = WIRE_TXT}, "b.example", 5, 1000);
    save(before, 0, &saved);
    good = file;
    for (file.len = 0; file.len < good.len; file.len++) { /* cut */
        assert_int_equal(load(after, 0, &loaded),
                         file.len < 16 ? CACHE_LOAD_FOREIGN : CACHE_LOAD_DAMAGED);
    }
    for (size_t i = 0; i < good.len; i++) { /* one octet is another */
        file = good;
        file.octets[i] = (uint8_t)(file.octets[i] ^ 1u << i % 8);
        const enum cache_load_result result = load(after, 0, &loaded);
        assert_int_equal(result, i < 13   ? CACHE_LOAD_FOREIGN
                                 : i < 16 ? CACHE_LOAD_NEWER
                                          : CACHE_LOAD_DAMAGED);
    }
    file = good;
    file.octets[file.len++] = 0; /* and one more */
    assert_int_equal(load(after, 0, &loaded), CACHE_LOAD_DAMAGED);
    file = good;
    assert_int_equal(cache_load(after, file.octets, file.len, &other, &loaded),
                     CACHE_LOAD_OTHER);
    other.now.wall_us = WALL - SECOND;
    assert_int_equal(cache_load(after, file.octets, file.len, &other, &loaded),
                     CACHE_LOAD_CLOCK);
    assert_int_equal(entries(after), 0);
    assert_int_equal(load(after, 0, &loaded), CACHE_LOAD_OK); /* it was good, after all */
    assert_int_equal(entries(after), 2);
    cache_destroy(before);
    cache_destroy(after);
}

/* Whoever can write the file can sum it up. Nothing is taken that was not checked, and the good
 * row before the bad one is not either. */
static void refuses_rows_that_lie(void **state)
{
    enum {
        HEAD = 16 + 8 + DIGEST_OCTETS,
        NAME = HEAD + 13,
        NAME_LEN = 11, /* of a.example */
        MESSAGE = NAME + NAME_LEN
    };
    static const struct {
        const char *what;
        size_t at;
        uint8_t to;
    } rows[] = {
        {"neither a row nor the end", HEAD, 2},
        {"the end, and more behind it", HEAD, 0},
        {"a flag that there is not", HEAD + 1, 8},
        {"another type than that of the question", HEAD + 3, WIRE_A},
        {"another name than that of the question", NAME + 1, 'b'},
        {"an upper-case name", NAME + 1, 'A'},
        {"a name with a pointer", NAME, 0xc0},
        {"a name that is longer", HEAD + 10, NAME_LEN + 1},
        {"a name that is shorter", HEAD + 10, NAME_LEN - 1},
        {"a name without octets", HEAD + 10, 0},
        {"a message that is longer than the file", HEAD + 11, 0xff},
        {"a message that is shorter", HEAD + 12, 40},
        {"a message without octets", HEAD + 12, 0},
        {"a question, not an answer", MESSAGE + 2, 0},
        {"no question in it", MESSAGE + 5, 0},
        {"two questions in it", MESSAGE + 5, 2},
        {"more records than there are", MESSAGE + 7, 9},
        {"fewer records than there are", MESSAGE + 7, 1},
        {"another name in the question", MESSAGE + 13, 'b'},
        {"another class in the question", MESSAGE + 12 + NAME_LEN + 3, 3},
    };
    struct cache *before = make(hash_key);
    struct cache *after = make(hash_key);
    struct cache_saved saved;
    struct cache_loaded loaded;
    static struct file good;

    (void)state;
    put(before, (struct cache_key){.type = WIRE_TXT}, "a.example", 5, 1000);
    save(before, 0, &saved);
    good = file;
    assert_int_equal(file.octets[HEAD + 10], NAME_LEN);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        file = good;
        file.octets[rows[i].at] = rows[i].to;
        sign_again();
        if (load(after, 0, &loaded) != CACHE_LOAD_DAMAGED) {
            fail_msg("%s: it was taken", rows[i].what);
        }
    }
    file = good; /* no time left: never written */
    memset(file.octets + HEAD + 6, 0, 4);
    sign_again();
    assert_int_equal(load(after, 0, &loaded), CACHE_LOAD_DAMAGED);
    file = good; /* another number of them */
    file.octets[file.len - DIGEST_OCTETS - 1] = 2;
    sign_again();
    assert_int_equal(load(after, 0, &loaded), CACHE_LOAD_DAMAGED);
    file = good; /* for ever */
    memset(file.octets + HEAD + 6, 0xff, 4);
    sign_again();
    assert_int_equal(entries(after), 0);
    assert_int_equal(load(after, 0, &loaded), CACHE_LOAD_OK);
    assert_false(has(after, "a.example", (1 + 86400) * SECOND));
    cache_destroy(before);
    cache_destroy(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_there_is_back_and_older),
        cmocka_unit_test(nothing_outlives_its_time),
        cmocka_unit_test(what_does_not_hold_stays_out),
        cmocka_unit_test(the_ceiling_of_now_counts),
        cmocka_unit_test(what_was_forgotten_meanwhile_does_not_come_back),
        cmocka_unit_test(what_is_there_is_not_replaced_and_nothing_makes_way),
        cmocka_unit_test(writing_stops_at_its_bound_and_at_a_fault),
        cmocka_unit_test(what_was_stored_before_is_left_out),
        cmocka_unit_test(refuses_whole_files),
        cmocka_unit_test(refuses_rows_that_lie),
    };

    return random_library_init() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
