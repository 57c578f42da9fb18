/* Who asks most and what is blocked most: windows, merging, and what the engine counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/bench.h"

#define SECOND UINT64_C(1000000)
#define START  (1000 * SECOND)

#define RULES                                                                          \
    "block suffix bad.example category=a scope=cloud confidence=high evidence=\"x\"\n" \
    "block suffix seen.example category=a scope=cloud confidence=high action=log "     \
    "evidence=\"x\"\n"

static const uint8_t key[16] = "sixteen octets..";

static struct address client(uint8_t last)
{
    return (struct address){
        .family = ADDRESS_V4, .octets = {192, 0, 2, last}, .port = (uint16_t)(1000 + last)};
}

static struct query_tops *make(void)
{
    struct query_tops *tops = query_tops_create(key);

    assert_non_null(tops);
    return tops;
}

static void ask(struct query_tops *tops, uint64_t now_us, uint8_t last, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        const struct address from = client(last);

        query_tops_client(tops, now_us, &from, query_tops_hash(tops, &from), 1, 0);
    }
}

/* "2:30 1:10" of a copy: the last octet of each client, and how often. */
static const char *read_at(struct query_tops *tops, uint64_t now_us, bool recent)
{
    static char words[256];
    struct query_top_entry entries[QUERY_TOP_READ_MAX];
    struct query_tops *copy = make();
    size_t len = 0;

    query_tops_copy(copy, tops, now_us);
    const size_t count = query_tops_read(copy, QUERY_TOP_CLIENTS, recent, entries, 64);
    words[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].client.port, 0);
        assert_int_equal(entries[i].error, 0);
        len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%u:%u", i > 0 ? " " : "",
                                entries[i].client.octets[3], (unsigned)entries[i].count);
    }
    query_tops_destroy(copy);
    return words;
}

static void the_last_minutes_are_two_windows(void **state)
{
    struct query_tops *tops = make();

    (void)state;
    assert_int_equal(query_tops_recent_us(tops, START), 0);
    ask(tops, START, 1, 3);
    ask(tops, START + 59 * SECOND, 2, 5);
    assert_string_equal(read_at(tops, START + 59 * SECOND, true), "2:5 1:3");
    assert_int_equal(query_tops_recent_us(tops, START + 59 * SECOND), 59 * SECOND);
    ask(tops, START + 60 * SECOND, 1, 1); /* the second window */
    assert_string_equal(read_at(tops, START + 60 * SECOND, true), "2:5 1:4");
    assert_int_equal(query_tops_recent_us(tops, START + 60 * SECOND), 60 * SECOND);
    assert_string_equal(read_at(tops, START + 119 * SECOND, true), "2:5 1:4");
    assert_int_equal(query_tops_recent_us(tops, START + 119 * SECOND), 119 * SECOND);
    assert_string_equal(read_at(tops, START + 120 * SECOND, true),
                        "1:1"); /* the first is gone */
    assert_int_equal(query_tops_recent_us(tops, START + 120 * SECOND), 60 * SECOND);
    assert_string_equal(read_at(tops, START + 180 * SECOND, true), "");
    assert_string_equal(read_at(tops, START + 180 * SECOND, false), "2:5 1:4");
    query_tops_destroy(tops);
}

static void a_long_silence_empties_both_windows_at_once(void **state)
{
    struct query_tops *tops = make();

    (void)state;
    ask(tops, START, 1, 3);
    ask(tops, START + 70 * SECOND, 1, 3);
    ask(tops, START + 5000 * SECOND, 2, 1);
    assert_string_equal(read_at(tops, START + 5000 * SECOND, true), "2:1");
    assert_string_equal(read_at(tops, START + 5000 * SECOND, false), "1:6 2:1");
    /* Windows go on in step with the first. */
    assert_true(query_tops_recent_us(tops, START + 5000 * SECOND) < 120 * SECOND);
    query_tops_destroy(tops);
}

/* All octets of an address count, and come back. */
static void addresses_of_both_families_come_back(void **state)
{
    static const struct address addresses[] = {
        {.family = ADDRESS_V6,
         .octets = {0x20, 1, 0xd, 0xb8, 4, 5, 6, 0x87, 0x98, 9, 10, 11, 12, 13, 14, 0xff}},
        {.family = ADDRESS_V6,
         .octets = {0x20, 1, 0xd, 0xb8, 4, 5, 6, 0x88, 0x98, 9, 10, 11, 12, 13, 14, 0xff}},
        {.family = ADDRESS_V6,
         .octets = {0x20, 1, 0xd, 0xb8, 4, 5, 6, 0x87, 0x98, 9, 10, 11, 12, 13, 14, 0xfe}},
        {.family = ADDRESS_V4, .octets = {0x20, 1, 0xd, 0xb8}},
    };
    const size_t number = sizeof(addresses) / sizeof(addresses[0]);
    struct query_top_entry entries[QUERY_TOP_READ_MAX];
    struct query_tops *tops = make();

    (void)state;
    for (size_t i = 0; i < number; i++) { /* the first most often */
        const struct address *from = &addresses[i];

        for (size_t times = i; times < number; times++) {
            query_tops_client(tops, START, from, query_tops_hash(tops, from), 1, 0);
        }
    }
    assert_int_equal(query_tops_read(tops, QUERY_TOP_CLIENTS, true, entries, 64), number);
    for (size_t i = 0; i < number; i++) {
        assert_int_equal(entries[i].count, number - i);
        assert_true(address_equal(&entries[i].client, &addresses[i]));
    }
    query_tops_destroy(tops);
}

static void workers_are_added_up(void **state)
{
    struct query_tops *one = make();
    struct query_tops *other = make();
    struct query_tops *sum = make();

    (void)state;
    ask(one, START, 1, 3);
    ask(other, START + 30 * SECOND, 1, 4);
    ask(other, START + 30 * SECOND, 2, 5);
    query_tops_merge(sum, one);
    query_tops_merge(sum, other);
    assert_string_equal(read_at(sum, START + 31 * SECOND, false), "1:7 2:5");
    assert_string_equal(read_at(sum, START + 31 * SECOND, true), "1:7 2:5");
    assert_int_equal(query_tops_recent_us(sum, START + 31 * SECOND), 31 * SECOND);
    query_tops_destroy(one);
    query_tops_destroy(other);
    query_tops_destroy(sum);
}

static const struct address decider = {.family = ADDRESS_V6, .octets = {0x20, 1, 0xd, 0xb8}};

#define NO_LIST (-1)

static void decide(struct query_tops *tops, uint64_t now_us, int list,
                   const struct wire_name *name, bool blocked)
{
    query_tops_client(tops, now_us, &decider, query_tops_hash(tops, &decider), 0,
                      blocked ? 1 : 0);
    query_tops_name(tops, now_us, name, siphash13(name->octets, name->len, key), blocked, 1);
    if (list != NO_LIST) {
        query_tops_list(tops, now_us, (uint8_t)list, blocked);
    }
}

/* "blocked one 3": the providers of a copy, most frequent first. */
static const char *providers(struct query_tops *tops, uint64_t now_us, bool recent)
{
    static char words[256];
    struct query_top_entry entries[8];
    struct query_tops *copy = make();
    size_t len = 0;

    query_tops_copy(copy, tops, now_us);
    const size_t count = query_tops_read(copy, QUERY_TOP_PROVIDERS, recent, entries, 8);
    words[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].error, 0);
        len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s%s %u",
                                i > 0 ? ", " : "", entries[i].blocked ? "blocked " : "",
                                entries[i].provider, (unsigned)entries[i].count);
    }
    query_tops_destroy(copy);
    return words;
}

/* Lists are counted by number: two of one provider together, and each in its own window. */
static void a_list_counts_for_the_provider_that_it_has_then(void **state)
{
    struct query_tops *tops = make();
    struct wire_name name;

    (void)state;
    assert_int_equal(wire_name_from_text("x.example", 9, &name), WIRE_TEXT_OK);
    query_tops_provider(tops, 0, "one");
    query_tops_provider(tops, 1, "one");
    query_tops_provider(tops, 2, "two");
    for (unsigned i = 0; i < 4; i++) {
        decide(tops, START, (int)(i % 2), &name, true);
    }
    decide(tops, START, 2, &name, false);
    decide(tops, START, 3, &name, true); /* not known */
    decide(tops, START, NO_LIST, &name, true);
    assert_string_equal(providers(tops, START, true), "blocked one 4, two 1");
    query_tops_provider(tops, 0, "three"); /* another policy */
    decide(tops, START + SECOND, 0, &name, true);
    decide(tops, START + SECOND, 0, &name, true);
    assert_string_equal(providers(tops, START, true), "blocked one 4, blocked three 2, two 1");
    /* These windows are over. */
    decide(tops, START + 200 * SECOND, 2, &name, true);
    assert_string_equal(providers(tops, START + 200 * SECOND, true), "blocked two 1");
    decide(tops, START + 200 * SECOND, 2, &name, true);
    decide(tops, START + 200 * SECOND, 2, &name, true);
    decide(tops, START + 200 * SECOND, 2, &name, true);
    decide(tops, START + 200 * SECOND, 1, &name, true);
    assert_string_equal(providers(tops, START + 200 * SECOND, false),
                        "blocked one 5, blocked two 4, blocked three 2, two 1");
    query_tops_destroy(tops);
}

static void names_of_every_length_come_back(void **state)
{
    struct query_tops *tops = make();
    struct query_top_entry entry;
    char provider[200];
    struct wire_name name = {.len = WIRE_NAME_MAX, .labels = 127};

    (void)state;
    for (size_t i = 0; i < 127; i++) {
        name.octets[2 * i] = 1;
        name.octets[2 * i + 1] = 'x';
        name.at[i] = (uint8_t)(2 * i);
    }
    name.at[127] = 254;
    memset(provider, 'p', sizeof(provider) - 1);
    provider[sizeof(provider) - 1] = '\0';
    query_tops_provider(tops, 255, provider);
    decide(tops, START, 255, &name, true);
    query_tops_settle(tops);
    assert_int_equal(query_tops_read(tops, QUERY_TOP_NAMES, false, &entry, 1), 1);
    assert_true(entry.blocked && wire_name_equal(&entry.name, &name));
    assert_int_equal(query_tops_read(tops, QUERY_TOP_PROVIDERS, true, &entry, 1), 1);
    assert_int_equal(strlen(entry.provider), 62);
    assert_int_equal(query_tops_read(tops, QUERY_TOP_CLIENTS_BLOCKED, true, &entry, 1), 1);
    assert_true(address_same_host(&entry.client, &decider));
    assert_int_equal(query_tops_read(tops, QUERY_TOP_CLIENTS, true, &entry, 1), 0);
    query_tops_destroy(tops);
}

/* The engine's own words: kind, what was done, name, count. */
static void expect_name(const struct query_top_entry *entry, const char *text, bool blocked,
                        unsigned count)
{
    char name[WIRE_NAME_TEXT_MAX];

    wire_name_to_text(&entry->name, name);
    assert_string_equal(name, text);
    assert_int_equal(entry->blocked, blocked);
    assert_int_equal(entry->count, count);
}

static void the_engine_counts_each_question_once(void **state)
{
    struct bench *bench = bench_create(16, 64);
    struct query_tops *tops = query_engine_tops(bench->engine);
    struct query_top_entry entries[4];

    (void)state;
    bench_adopt(bench, RULES);
    for (unsigned i = 0; i < 3; i++) {
        bench_question(bench, "a.bad.example", false);
    }
    bench_question(bench, "seen.example", false); /* logged, and waits */
    bench_question(bench, "other.example", false);
    bench_adopt(bench, RULES); /* what waits is decided anew: not counted anew */
    bench_done(bench, 0, QUERY_FETCH_TIMEOUT, NULL, 0);
    bench_done(bench, 1, QUERY_FETCH_TIMEOUT, NULL, 0);
    query_tops_settle(tops);
    assert_int_equal(query_tops_read(tops, QUERY_TOP_CLIENTS, false, entries, 4), 1);
    assert_int_equal(entries[0].count, 5);
    assert_int_equal(query_tops_read(tops, QUERY_TOP_CLIENTS_BLOCKED, false, entries, 4), 1);
    assert_int_equal(entries[0].count, 3);
    assert_int_equal(query_tops_read(tops, QUERY_TOP_NAMES, false, entries, 4), 2);
    expect_name(&entries[0], "a.bad.example", true, 3);
    expect_name(&entries[1], "seen.example", false, 1);
    assert_int_equal(query_tops_read(tops, QUERY_TOP_PROVIDERS, false, entries, 4), 2);
    assert_string_equal(entries[0].provider, "p");
    assert_true(entries[0].blocked);
    assert_int_equal(entries[0].count, 3);
    assert_string_equal(entries[1].provider, "p");
    assert_false(entries[1].blocked);
    bench_destroy(bench);
}

static void who_may_not_ask_is_not_counted(void **state)
{
    uint8_t octets[512];
    struct bench *bench = bench_create(8, 16);
    struct query *q = query_take(bench->engine);
    struct query_top_entry entry;
    struct wire_name name;

    (void)state;
    assert_int_equal(wire_name_from_text("www.example", 11, &name), WIRE_TEXT_OK);
    const size_t len = wire_question_write(octets, sizeof(octets), 7, 0, name.octets, name.len,
                                           WIRE_A, WIRE_IN, 0, false);
    query_client_of(q)->from = client(9);
    query_run(bench->engine, q, octets, len);
    assert_int_equal(bench->sent, 1);
    assert_int_equal(
        query_tops_read(query_engine_tops(bench->engine), QUERY_TOP_CLIENTS, false, &entry, 1),
        0);
    bench_destroy(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_counts_for_the_provider_that_it_has_then),
        cmocka_unit_test(the_last_minutes_are_two_windows),
        cmocka_unit_test(a_long_silence_empties_both_windows_at_once),
        cmocka_unit_test(addresses_of_both_families_come_back),
        cmocka_unit_test(workers_are_added_up),
        cmocka_unit_test(names_of_every_length_come_back),
        cmocka_unit_test(the_engine_counts_each_question_once),
        cmocka_unit_test(who_may_not_ask_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
