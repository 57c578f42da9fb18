/* audit/search: finds what a look at each event finds, and looks at little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/logs.h"
#include "audit/search.h"

static struct maker maker;
static struct disk disk;
static struct audit_files files;

#define EVENTS 2000u

static int setup_all(void **state)
{
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    uint64_t now = T0;

    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    maker_init(&maker, LOG_NAME);
    maker.settings.file_octets = 30000;
    files = disk_files(&disk);
    assert_int_equal(audit_log_open(&files, &maker.settings, now, 1, &log, &opened), 0);
    for (unsigned i = 0; i < EVENTS; i++) {
        now += 10000;
        assert_int_equal(add_numbered(log, AUDIT_DECISIONS, i, now), 0);
        if (i % 3 == 0) {
            assert_int_equal(add_numbered(log, AUDIT_QUERIES, i / 3, now), 0);
        }
        if (i == 1000) { /* a rare name, in one block */
            struct row_store store;
            struct audit_row row;

            decision_row(&store, now, 9999, "one.rare.example.org", "three", &row);
            assert_int_equal(audit_log_add(log, AUDIT_DECISIONS, &row, now), 0);
        }
        assert_int_equal(audit_log_tick(log, NULL, now), 0);
    }
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    disk_free(&disk);
    return 0;
}

struct hits {
    uint64_t count, sum, most;
};

static bool count_hit(void *context, const struct audit_header *header,
                      struct audit_block *block, uint32_t i)
{
    struct hits *hits = context;
    struct audit_value value;

    (void)header;
    hits->count++;
    if (audit_block_load(block, UINT64_MAX) == 0 &&
        audit_block_value(block, AUDIT_GENERATION, i, &value)) {
        hits->sum += value.number;
    }
    return hits->most == 0 || hits->count < hits->most;
}

static struct audit_search_stats stats;

static struct hits search(const struct audit_query *query, uint64_t most)
{
    struct hits hits = {0, 0, most};

    assert_int_equal(audit_search(&files, query, count_hit, &hits, &stats), 0);
    assert_int_equal(stats.found, hits.count);
    assert_int_equal(stats.damaged, 0);
    return hits;
}

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static void everything_is_found_without_a_condition(void **state)
{
    (void)state;
    assert_int_equal(search(&(struct audit_query){.streams = 0}, 0).count,
                     EVENTS + 1 + (EVENTS + 2) / 3);
    assert_int_equal(search(&(struct audit_query){.streams = 1u << AUDIT_DECISIONS}, 0).count,
                     EVENTS + 1);
    assert_int_equal(search(&(struct audit_query){.streams = 1u << AUDIT_CHANGES}, 0).count, 0);
    assert_int_equal(search(&(struct audit_query){.streams = 0}, 5).count, 5);
}

static void names_and_suffixes_are_found(void **state)
{
    const struct wire_name zone = name_of("zone3.example");
    const struct wire_name host = name_of("host3.zone3.example");
    const struct wire_name top = name_of("example");
    const struct wire_name rare = name_of("rare.example.org");
    const struct wire_name part = name_of("one3.example");
    const struct wire_name none = name_of("not.there.invalid");
    struct audit_query query = {.streams = 1u << AUDIT_DECISIONS};
    uint64_t zones = 0;
    uint64_t hosts = 0;

    (void)state;
    for (unsigned i = 0; i < EVENTS; i++) {
        zones += i % 7 == 3;
        hosts += i % 7 == 3 && i % 50 == 3;
    }
    query.suffix = &zone;
    assert_int_equal(search(&query, 0).count, zones);
    query.suffix = &host;
    assert_int_equal(search(&query, 0).count, hosts);
    query.suffix = &top;
    assert_int_equal(search(&query, 0).count, EVENTS);
    query.suffix = &rare;
    assert_int_equal(search(&query, 0).count, 1);
    assert_true(stats.opened <= stats.blocks / 3);
    query.suffix = &part; /* octets that agree, but no border of labels */
    assert_int_equal(search(&query, 0).count, 0);
    query.suffix = &none;
    assert_int_equal(search(&query, 0).count, 0);
    assert_true(stats.opened <= stats.blocks / 3);
    query.suffix = NULL;
    query.name = &host;
    assert_int_equal(search(&query, 0).count, hosts);
    query.name = &zone;
    assert_int_equal(search(&query, 0).count, 0);
}

static void clients_and_networks_are_found(void **state)
{
    struct audit_client client = {.kind = AUDIT_CLIENT_ADDRESS};
    struct audit_query query = {.streams = 1u << AUDIT_DECISIONS, .client = &client};

    (void)state;
    client.address = (struct address){.family = ADDRESS_V4, .octets = {10, 0, 0, 7}};
    assert_int_equal(search(&query, 0).count, EVENTS / 40);
    client.address.octets[2] = 9999 >> 8;
    client.address.octets[3] = 9999 & 0xff;
    assert_int_equal(search(&query, 0).count, 1);
    assert_true(stats.opened <= stats.blocks / 3);
    client.address.octets[0] = 11;
    assert_int_equal(search(&query, 0).count, 0);
    client = (struct audit_client){
        .kind = AUDIT_CLIENT_PREFIX,
        .prefix = {.family = ADDRESS_V4, .bits = 29, .octets = {10, 0, 0, 8}}};
    assert_int_equal(search(&query, 0).count, 8 * EVENTS / 40);
    client.prefix.octets[0] = 11;
    assert_int_equal(search(&query, 0).count, 0);
}

static void providers_words_numbers_and_times_are_found(void **state)
{
    struct audit_query query = {.provider = "one"};
    uint64_t sum = 0;

    (void)state;
    assert_int_equal(search(&query, 0).count, EVENTS / 2);
    query.list = "two"; /* no event has both */
    assert_int_equal(search(&query, 0).count, 0);
    query = (struct audit_query){.streams = 1u << AUDIT_DECISIONS, .provider = "three"};
    assert_int_equal(search(&query, 0).count, 1);
    assert_true(stats.opened <= stats.blocks / 3);
    query = (struct audit_query){.words = {{AUDIT_ACTION, "sinkhole"}, {AUDIT_MODE, "enforce"}},
                                 .word_count = 2};
    assert_int_equal(search(&query, 0).count, EVENTS + 1);
    query.words[1].word = "log";
    assert_int_equal(search(&query, 0).count, 0);
    query = (struct audit_query){.numbers = {{AUDIT_GENERATION, 1500}}, .number_count = 1};
    assert_int_equal(search(&query, 0).count, 1);
    query = (struct audit_query){.streams = 1u << AUDIT_DECISIONS,
                                 .from_us = T0 + 10000 * 501,
                                 .to_us = T0 + 10000 * 600};
    for (unsigned i = 500; i < 600; i++) {
        sum += i;
    }
    const struct hits hits = search(&query, 0);
    assert_int_equal(hits.count, 100);
    assert_int_equal(hits.sum, sum);
    assert_true(stats.blocks <= 3);
}

static void damage_is_passed_over_and_counted(void **state)
{
    static struct disk whole;
    const struct audit_query query = {.streams = 0};
    struct hits hits = {0, 0, 0};

    (void)state;
    disk_copy(&disk, &whole);
    memset(disk.files[1].data + disk.files[1].size / 2, 0xff, 2000);
    disk.files[2].data[disk.files[2].size / 3] ^= 0xff;
    disk.files[3].size /= 2;
    assert_int_equal(audit_search(&files, &query, count_hit, &hits, &stats), 0);
    assert_true(stats.damaged >= 1);
    assert_true(hits.count > 0);
    disk_copy(&whole, &disk);
    disk_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_found_without_a_condition),
        cmocka_unit_test(names_and_suffixes_are_found),
        cmocka_unit_test(clients_and_networks_are_found),
        cmocka_unit_test(providers_words_numbers_and_times_are_found),
        cmocka_unit_test(damage_is_passed_over_and_counted),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
