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
    maker.settings.file_octets = 12000;
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

static void what_a_list_says_and_rules_are_found(void **state)
{
    struct audit_query query = {.status_class = "parent-designated"};

    (void)state;
    assert_int_equal(search(&query, 0).count, EVENTS + 1);
    query.status_class = "designated"; /* whose parent is, is not */
    assert_int_equal(search(&query, 0).count, 0);
    query = (struct audit_query){.authority = "authority OF"};
    assert_int_equal(search(&query, 0).count, EVENTS + 1);
    query.authority = "Authority of Examples and more";
    assert_int_equal(search(&query, 0).count, 0);
    static const struct {
        const char *rule;
        bool is_there;
    } rows[] = {
        {"block suffix cloud.example", true},
        {"cloud.example", true},
        {"block suffix cloud", false},
        {"cloud", false},
        {"block suffix", false},
        {"suffix", false},
        {"block suffix cloud.example ", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        query = (struct audit_query){.rule = rows[i].rule};
        assert_int_equal(search(&query, 0).count, rows[i].is_there ? EVENTS + 1 : 0);
    }
}

/* Events in the order in which they come, as stream and number. */
struct order {
    uint64_t at[2 * EVENTS];
    size_t count, most;
};

static bool note_order(void *context, const struct audit_header *header,
                       struct audit_block *block, uint32_t i)
{
    struct order *order = context;

    (void)block;
    order->at[order->count++] = (uint64_t)header->stream << 32 | (header->first_event + i);
    return order->most == 0 || order->count < order->most;
}

static struct order order_of(const struct audit_query *query, struct audit_search_way way,
                             size_t most)
{
    static struct order order;
    struct audit_query with = *query;

    with.way = &way;
    order = (struct order){.count = 0, .most = most};
    assert_int_equal(audit_search(&files, &with, note_order, &order, &stats), 0);
    assert_int_equal(stats.found, order.count);
    return order;
}

static void assert_same_order(const struct order *a, const struct order *b, bool reverse)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        if (a->at[i] != b->at[reverse ? b->count - 1 - i : i]) {
            fail_msg("event %zu of %zu is another one", i, a->count);
        }
    }
}

static void threads_and_direction_change_nothing_but_the_order(void **state)
{
    const struct wire_name zone = name_of("zone3.example");
    const struct audit_query queries[] = {{.streams = 0}, {.suffix = &zone}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct order one = order_of(&queries[i], (struct audit_search_way){0}, 0);
        assert_true(one.count > 200);
        for (unsigned threads = 1; threads <= 3; threads++) {
            struct order more =
                order_of(&queries[i], (struct audit_search_way){.threads = threads}, 0);
            assert_same_order(&one, &more, false);
            more = order_of(&queries[i],
                            (struct audit_search_way){.threads = threads, .newest_first = true},
                            0);
            assert_same_order(&one, &more, true);
            more = order_of(&queries[i], (struct audit_search_way){.threads = threads}, 7);
            assert_int_equal(more.count, 7);
            assert_int_equal(more.at[6], one.at[6]);
        }
        const struct order back =
            order_of(&queries[i], (struct audit_search_way){.newest_first = true}, 0);
        assert_same_order(&one, &back, true);
    }
    assert_int_equal(order_of(&queries[0], (struct audit_search_way){.threads = 1000}, 3).count,
                     3);
}

static void pages_follow_on_without_a_gap(void **state)
{
    const struct audit_query query = {.streams = 0};

    (void)state;
    for (unsigned backwards = 0; backwards < 2; backwards++) {
        struct audit_search_way way = {.newest_first = backwards != 0};
        const struct order all = order_of(&query, way, 0);
        struct order pages = {.count = 0};

        while (pages.count < all.count) {
            const struct order page = order_of(&query, way, 333);

            assert_true(page.count > 0);
            memcpy(pages.at + pages.count, page.at, page.count * sizeof(page.at[0]));
            pages.count += page.count;
            way.has_after = true;
            way.after_stream = (enum audit_stream)(page.at[page.count - 1] >> 32);
            way.after = page.at[page.count - 1] & UINT32_MAX;
        }
        assert_same_order(&pages, &all, false);
        assert_int_equal(order_of(&query, way, 0).count, 0); /* behind the last */
        assert_true(stats.passed);
    }
    const struct audit_search_way none = {
        .has_after = true, .after_stream = AUDIT_DECISIONS, .after = 1000000};
    assert_int_equal(order_of(&query, none, 0).count, 0);
    assert_false(stats.passed);
}

static void damage_costs_no_more_than_its_block(void **state)
{
    static struct disk whole;
    const struct audit_query query = {.streams = 0};
    const struct order all = order_of(&query, (struct audit_search_way){0}, 0);

    (void)state;
    disk_copy(&disk, &whole);
    memset(disk.files[1].data + disk.files[1].size / 2, 0xff, 40); /* in a body, or a frame */
    for (size_t at = 400; at < disk.files[2].size; at++) {         /* the magic of one frame */
        if (memcmp(disk.files[2].data + at, "CRDK", 4) == 0) {
            disk.files[2].data[at] = 'x';
            break;
        }
    }
    const struct order forwards = order_of(&query, (struct audit_search_way){0}, 0);
    assert_in_range(stats.damaged, 1, 2);
    assert_true(forwards.count < all.count);
    assert_true(forwards.count > all.count - 600); /* two blocks, and no file */
    const struct order back =
        order_of(&query, (struct audit_search_way){.newest_first = true}, 0);
    assert_same_order(&forwards, &back, true);
    const uint64_t damaged = stats.damaged;
    memset(disk.files[1].data, 0, 50); /* the head of a file */
    assert_int_equal(order_of(&query, (struct audit_search_way){0}, 0).count, forwards.count);
    assert_int_equal(stats.damaged, damaged + 1);
    disk_copy(&whole, &disk);
    disk_free(&whole);
}

static void both_ways(size_t count, bool damaged)
{
    const struct audit_query query = {.streams = 0};

    for (unsigned backwards = 0; backwards < 2; backwards++) {
        const struct order order =
            order_of(&query, (struct audit_search_way){.newest_first = backwards != 0}, 0);

        if (order.count != count || (stats.damaged > 0) != damaged) {
            fail_msg("%u: %zu events and %u damaged, not %zu", backwards, order.count,
                     (unsigned)stats.damaged, count);
        }
    }
}

/* What was taken away, and what was put in its place, is neither passed over in silence nor
 * counted twice. */
static void files_that_are_gone_or_another_are_damage(void **state)
{
    static struct disk untouched;
    const struct audit_query query = {.streams = 0};
    const size_t all = order_of(&query, (struct audit_search_way){0}, 0).count;
    size_t without[8];
    uint32_t last = 0;

    (void)state;
    disk_copy(&disk, &untouched);
    assert_int_equal(disk_last(&disk, &last), 0);
    assert_true(last > 3 && last < 8);
    for (unsigned number = 1; number < last; number++) {
        disk.files[number].exists = false;
        without[number] = order_of(&query, (struct audit_search_way){0}, 0).count;
        assert_true(without[number] < all && without[number] > 0);
        both_ways(without[number], true);
        disk_copy(&untouched, &disk);
    }
    /* The last once more behind itself; one in the place of another; two that changed places.
     */
    disk.files[last + 1] = disk.files[last];
    both_ways(all, true);
    disk.files[last + 1] = (struct disk_file){.exists = false};
    const struct disk_file one = disk.files[1];
    const struct disk_file two = disk.files[2];
    disk.files[2] = one;
    both_ways(without[2], true);
    disk.files[1] = two;
    both_ways(without[1] + without[2] - all, true);
    disk.files[1] = one;
    disk.files[2] = two;
    both_ways(all, false);
    disk_free(&untouched);
}

/* A log that is written while it is searched: each event once, whatever was there when. */
static void a_log_that_grows_is_gone_on_with(void **state)
{
    static struct disk own;
    const struct audit_files own_files = disk_files(&own);
    struct audit_search_way way = {.growing = true};
    const struct audit_query query = {.streams = 1u << AUDIT_DECISIONS, .way = &way};
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct maker writer = maker;
    struct order order = {.count = 0};
    uint64_t now = T0;
    unsigned written = 0;

    (void)state;
    writer.settings.file_octets = 9000; /* some blocks a file */
    assert_int_equal(audit_log_open(&own_files, &writer.settings, now, 1, &log, &opened), 0);
    for (unsigned turn = 0; turn < 120; turn++) {
        for (unsigned i = 0; i < turn % 7; i++) {
            assert_int_equal(add_numbered(log, AUDIT_DECISIONS, written++, now), 0);
            assert_int_equal(add_numbered(log, AUDIT_QUERIES, i, now), 0);
        }
        now += 2000000;
        assert_int_equal(audit_log_tick(log, NULL, now), 0);
        const uint64_t cut = turn % 5 == 0 ? 1 + turn % 300 : 0; /* its end is not there yet */
        uint32_t number = 0;
        assert_int_equal(disk_last(&own, &number), 0);
        struct disk_file *last = &own.files[number];
        const size_t size = last->size;

        last->size -= cut < size ? cut : 0;
        assert_int_equal(audit_search(&own_files, &query, note_order, &order, &stats), 0);
        last->size = size;
        assert_int_equal(stats.damaged, 0);
        way.from = stats.end;
    }
    assert_int_equal(audit_log_close(log, NULL, now), 0);
    assert_int_equal(audit_search(&own_files, &query, note_order, &order, &stats), 0);
    assert_int_equal(order.count, written);
    for (unsigned i = 0; i < written; i++) {
        assert_int_equal(order.at[i], (uint64_t)AUDIT_DECISIONS << 32 | i);
    }
    assert_true(own.files[4].exists);
    disk_free(&own);
}

static bool end_soon(void *context, uint64_t done, uint64_t all)
{
    unsigned *told = context;

    assert_true(done <= all);
    return ++*told < 5;
}

static void whoever_waits_is_told_and_can_end_it(void **state)
{
    unsigned told = 0;
    const struct audit_search_way way = {.progress = end_soon, .context = &told};

    (void)state;
    assert_true(order_of(&(struct audit_query){.streams = 0}, way, 0).count < EVENTS / 2);
    assert_int_equal(told, 5);
}

static bool wants_decisions(void *context, const struct audit_header *header, bool removed)
{
    unsigned *asked = context;

    (*asked)++;
    assert_false(removed);
    return header->stream == AUDIT_DECISIONS;
}

static void blocks_that_are_not_wanted_are_passed_over(void **state)
{
    unsigned asked = 0;
    struct audit_search_way way = {.wants = wants_decisions, .context = &asked};
    const struct audit_query query = {.way = &way};

    (void)state;
    for (way.threads = 0; way.threads <= 2; way.threads += 2) {
        asked = 0;
        assert_int_equal(search(&query, 0).count, EVENTS + 1);
        assert_true(asked > stats.blocks && stats.blocks == stats.opened);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_found_without_a_condition),
        cmocka_unit_test(names_and_suffixes_are_found),
        cmocka_unit_test(clients_and_networks_are_found),
        cmocka_unit_test(providers_words_numbers_and_times_are_found),
        cmocka_unit_test(damage_is_passed_over_and_counted),
        cmocka_unit_test(what_a_list_says_and_rules_are_found),
        cmocka_unit_test(threads_and_direction_change_nothing_but_the_order),
        cmocka_unit_test(pages_follow_on_without_a_gap),
        cmocka_unit_test(damage_costs_no_more_than_its_block),
        cmocka_unit_test(files_that_are_gone_or_another_are_damage),
        cmocka_unit_test(a_log_that_grows_is_gone_on_with),
        cmocka_unit_test(whoever_waits_is_told_and_can_end_it),
        cmocka_unit_test(blocks_that_are_not_wanted_are_passed_over),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
