/* dossier: what reports count is what a naive count of the same events counts; legal kinds are
 * never added to one another; what is not known is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dossier/office.h"
#include "dossier/reports.h"
#include "trust/workshop.h"

#define EVENTS 3000u

static struct office office;
static struct office_event events[EVENTS];
static struct dossier_source source;
static uint64_t end_us;

static int setup_all(void **state)
{
    if (random_library_init() != 0 || workshop_open(state) != 0) {
        return -1;
    }
    end_us = office_weeks(&office, "log", EVENTS, events);
    source.key = office.maker.key;
    source.files = &office.files;
    return audit_folder_open("log", &office.folder, &office.files);
}

static int teardown_all(void **state)
{
    audit_folder_close(&office.folder);
    return workshop_close(state);
}

static struct dossier *report(enum dossier_report what, struct dossier_request request)
{
    static const struct audit_verdict verdict = {.stopped = false};
    struct dossier *dossier = NULL;

    request.sources = &source;
    request.source_count = 1;
    assert_int_equal(dossier_make(what, &request, &verdict, &dossier), 0);
    return dossier;
}

static const struct dossier_table *table_of(const struct dossier *dossier, const char *key)
{
    const struct dossier_table *table = dossier_find(dossier, key);

    assert_non_null(table);
    return table;
}

static size_t column_of(const struct dossier_table *table, const char *key)
{
    size_t i = 0;

    while (i < table->column_count && strcmp(table->columns[i].key, key) != 0) {
        i++;
    }
    assert_true(i < table->column_count);
    return i;
}

static uint64_t number(const struct dossier_table *table, size_t row, const char *key)
{
    return dossier_cell(table, row, column_of(table, key))->number;
}

static bool text_is(const struct dossier_table *table, size_t row, const char *key,
                    const char *text)
{
    const struct dossier_cell *cell = dossier_cell(table, row, column_of(table, key));

    return cell->present && cell->number == strlen(text) &&
           memcmp(cell->text, text, cell->number) == 0;
}

static uint64_t sum(const struct dossier_table *table, const char *key)
{
    uint64_t all = 0;

    for (size_t row = 0; row < dossier_rows(table); row++) {
        all += number(table, row, key);
    }
    return all;
}

static size_t row_of(const struct dossier_table *table, const char *key, const char *text)
{
    size_t row = 0;

    while (row < dossier_rows(table) && !text_is(table, row, key, text)) {
        row++;
    }
    assert_true(row < dossier_rows(table));
    return row;
}

static const char *provider_of(unsigned i)
{
    return office_lists[events[i].list].basis.provider;
}

/* --- exposure --- */

static void a_provider_has_the_decisions_that_a_naive_count_finds(void **state)
{
    struct dossier *dossier = report(DOSSIER_EXPOSURE, (struct dossier_request){.most = 0});
    const struct dossier_table *table = table_of(dossier, "providers");

    (void)state;
    assert_int_equal(dossier_rows(table), 5); /* nimbus has two lists */
    assert_int_equal(sum(table, "decisions"), EVENTS);
    for (size_t row = 0; row < dossier_rows(table); row++) {
        static const char *const effects[] = {"blocked", "would_block", "excepted", "paused"};
        uint64_t all = 0, direct = 0, first = UINT64_MAX, last = 0, of[4] = {0};
        bool clients[64] = {false};
        bool names[2 * OFFICE_SITES * OFFICE_LISTS] = {false};
        size_t client_count = 0, name_count = 0;

        for (unsigned i = 0; i < EVENTS; i++) {
            if (!text_is(table, row, "provider", provider_of(i))) {
                continue;
            }
            /* A name of others is the same whatever it leads to. */
            const size_t name = events[i].direct
                                    ? OFFICE_SITES * (events[i].list + 1) + events[i].site
                                    : events[i].site;

            all++;
            direct += events[i].direct;
            of[events[i].effect]++;
            first = events[i].time_us < first ? events[i].time_us : first;
            last = events[i].time_us > last ? events[i].time_us : last;
            client_count += !clients[events[i].client];
            clients[events[i].client] = true;
            name_count += !names[name];
            names[name] = true;
        }
        assert_int_equal(number(table, row, "decisions"), all);
        assert_int_equal(number(table, row, "direct"), direct);
        assert_int_equal(number(table, row, "through"), all - direct);
        assert_int_equal(number(table, row, "clients"), client_count);
        assert_int_equal(number(table, row, "names"), name_count);
        assert_int_equal(number(table, row, "first"), first);
        assert_int_equal(number(table, row, "last"), last);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(number(table, row, effects[i]), of[i]);
        }
    }
    dossier_destroy(dossier);
}

static void legal_kinds_are_counted_apart(void **state)
{
    static const struct {
        const char *provider, *kind;
        unsigned lists[2]; /* SIZE: none */
    } rows[] = {
        {"cirrus-cloud", "parent", {0, 99}},  {"nimbus", "listed", {1, 99}},
        {"nimbus", "listed_unsure", {2, 99}}, {"altocloud", "urged", {3, 99}},
        {"haze", "none_found", {4, 99}},      {"fog", "unstated", {5, 99}},
    };
    struct dossier *dossier = report(DOSSIER_EXPOSURE, (struct dossier_request){.most = 0});
    const struct dossier_table *table = table_of(dossier, "providers");
    uint64_t all = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t count = 0;

        for (unsigned k = 0; k < EVENTS; k++) {
            count += events[k].list == rows[i].lists[0];
        }
        assert_int_equal(
            number(table, row_of(table, "provider", rows[i].provider), rows[i].kind), count);
        assert_int_equal(sum(table, rows[i].kind), count);
        all += count;
    }
    assert_int_equal(all, EVENTS); /* each decision has one kind */
    assert_int_equal(sum(table, "mention") + sum(table, "ended") + sum(table, "operator"), 0);
    dossier_destroy(dossier);
}

static void the_ground_is_told_as_it_was_recorded(void **state)
{
    struct dossier *dossier = report(DOSSIER_EXPOSURE, (struct dossier_request){.most = 0});
    const struct dossier_table *table = table_of(dossier, "basis");
    const size_t haze = row_of(table, "list", "haze");
    const size_t cirrus = row_of(table, "list", "cirrus-cloud");

    (void)state;
    assert_int_equal(dossier_rows(table), OFFICE_LISTS);
    assert_int_equal(number(table, haze, "status"), DOSSIER_NONE_FOUND);
    assert_true(
        text_is(table, haze, "statement",
                "No listing of Haze GmbH found as of 2026-08-22. Searched: List A, List "
                "B"));
    assert_int_equal(number(table, cirrus, "status"), DOSSIER_PARENT);
    assert_true(text_is(table, cirrus, "statement",
                        "Stratus Holdings Co., Ltd., which owns Cirrus Cloud, is designated by "
                        "Authority of Examples (1 Ex. Reg. 23); the status is the owner's, not "
                        "that of Cirrus Cloud"));
    assert_int_equal(number(table, cirrus, "serial"), 2026112201);
    dossier_destroy(dossier);
}

static void who_and_through_what(void **state)
{
    struct dossier *dossier =
        report(DOSSIER_EXPOSURE, (struct dossier_request){.provider = "altocloud"});
    const struct dossier_table *clients = table_of(dossier, "clients");
    const struct dossier_table *through = table_of(dossier, "through");
    uint64_t all = 0, led = 0;

    (void)state;
    for (unsigned i = 0; i < EVENTS; i++) {
        all += events[i].list == 3;
        led += events[i].list == 3 && !events[i].direct;
    }
    assert_true(led > 0 && led < all);
    assert_int_equal(dossier_rows(table_of(dossier, "providers")), 1);
    assert_int_equal(sum(clients, "decisions"), all);
    assert_int_equal(sum(through, "decisions"), led);
    assert_int_equal(sum(table_of(dossier, "direct"), "decisions"), all - led);
    assert_int_equal(sum(table_of(dossier, "times"), "decisions"), all);
    assert_int_equal(dossier_rows(table_of(dossier, "targets")), 1);
    assert_true(text_is(through, row_of(through, "name", "www.shop.example.org"), "chain",
                        "www.shop.example.org > shop.cdn.example.net > "
                        "files.altocloud.example"));
    dossier_destroy(dossier);
}

static void only_the_times_that_were_asked_for_count(void **state)
{
    const uint64_t from = events[100].time_us;
    const uint64_t to = events[200].time_us;
    struct dossier *dossier =
        report(DOSSIER_EXPOSURE, (struct dossier_request){.from_us = from, .to_us = to});

    (void)state;
    assert_int_equal(sum(table_of(dossier, "providers"), "decisions"), 101);
    dossier_destroy(dossier);
    dossier = report(DOSSIER_EXPOSURE,
                     (struct dossier_request){.from_us = end_us + 1, .to_us = end_us + 2});
    assert_int_equal(dossier_rows(table_of(dossier, "providers")), 0);
    dossier_destroy(dossier);
    /* Before the log there is nothing, and that is said. */
    dossier = report(DOSSIER_EXPOSURE, (struct dossier_request){.from_us = OFFICE_T0 / 2});
    bool said = false;
    for (size_t i = 0; i < dossier->notice_count; i++) {
        said = said || memmem(dossier->notices[i].text, dossier->notices[i].len,
                              "The log begins at", 17) != NULL;
    }
    assert_true(said);
    dossier_destroy(dossier);
}

/* Above the bound nothing exact becomes an estimate, and no estimate looks exact. */
static void above_the_bound_rows_are_exact_and_the_rest_is_estimated(void **state)
{
    struct dossier *dossier = report(DOSSIER_EXPOSURE, (struct dossier_request){.most = 8});
    struct dossier *whole = report(DOSSIER_EXPOSURE, (struct dossier_request){.most = 0});
    const struct dossier_table *table = table_of(dossier, "clients");
    const struct dossier_table *all = table_of(whole, "clients");
    const struct dossier_table *estimates = table_of(dossier, "clients_estimated");
    uint64_t estimated = 0;

    (void)state;
    assert_int_equal(dossier_rows(table), 8);
    assert_null(dossier_find(whole, "clients_estimated"));
    for (size_t row = 0; row < 8; row++) {
        size_t same = 0;

        while (same < dossier_rows(all) &&
               (number(all, same, "decisions") != number(table, row, "decisions") ||
                number(all, same, "first") != number(table, row, "first") ||
                number(all, same, "last") != number(table, row, "last"))) {
            same++;
        }
        assert_true(same < dossier_rows(all));
    }
    for (size_t row = 0; row < dossier_rows(estimates); row++) {
        assert_true(number(estimates, row, "at_least") <= number(estimates, row, "at_most"));
        estimated += number(estimates, row, "at_least");
    }
    assert_true(estimated > 0 && estimated + sum(table, "decisions") <= EVENTS);
    assert_true(dossier->notice_count > whole->notice_count);
    /* The greatest of the others is told. */
    assert_true(number(estimates, 0, "at_most") >= number(estimates, 1, "at_most"));
    dossier_destroy(dossier);
    dossier_destroy(whole);
}

/* --- blocks --- */

static void blocks_know_the_operators_word_from_that_of_a_list(void **state)
{
    struct dossier *dossier = report(DOSSIER_BLOCKS, (struct dossier_request){.most = 0});
    const struct dossier_table *table = table_of(dossier, "totals");
    const size_t denied = row_of(table, "ground", "default-deny");
    uint64_t blocked = 0;

    (void)state;
    for (unsigned i = 0; i < EVENTS; i++) {
        blocked += events[i].effect == 0;
    }
    assert_int_equal(number(table, denied, "blocked"), (EVENTS + 96) / 97);
    assert_int_equal(number(table, denied, "operator"), (EVENTS + 96) / 97);
    assert_int_equal(sum(table, "operator"), (EVENTS + 96) / 97);
    assert_int_equal(sum(table, "blocked"), blocked + (EVENTS + 96) / 97);
    assert_int_equal(sum(table_of(dossier, "lists"), "blocked"), blocked);
    assert_int_equal(sum(table_of(dossier, "names"), "excepted"), 0);
    for (size_t row = 1; row < dossier_rows(table_of(dossier, "rules")); row++) {
        assert_true(number(table_of(dossier, "rules"), row - 1, "blocked") >=
                    number(table_of(dossier, "rules"), row, "blocked"));
    }
    dossier_destroy(dossier);
}

/* --- exceptions --- */

static void exceptions_are_told_with_who_and_how_often(void **state)
{
    struct dossier *dossier = report(DOSSIER_EXCEPTIONS, (struct dossier_request){.most = 0});
    const struct dossier_table *used = table_of(dossier, "used");
    const struct dossier_table *record = table_of(dossier, "exceptions");
    uint64_t uses = 0;

    (void)state;
    for (unsigned i = 0; i < EVENTS; i++) {
        uses += events[i].effect == 2;
    }
    assert_int_equal(dossier_rows(used), 1);
    assert_int_equal(number(used, 0, "decisions"), uses);
    assert_true(text_is(used, 0, "approver", "B. Lind"));
    assert_int_equal(dossier_rows(record), 1);
    assert_int_equal(number(record, 0, "uses"), uses);
    assert_true(text_is(record, 0, "user", "alice"));
    assert_true(text_is(record, 0, "ticket", "HD-1234"));
    assert_true(text_is(record, 0, "ended", "goes on")); /* it is kept over restarts */
    dossier_destroy(dossier);
}

/* --- evidence --- */

static void time_without_a_policy_is_found(void **state)
{
    struct dossier *dossier = report(DOSSIER_EVIDENCE, (struct dossier_request){.most = 0});
    const struct dossier_table *table = table_of(dossier, "outage_totals");
    const uint64_t step = 28 * OFFICE_DAY / EVENTS;
    const uint64_t stale = number(table, row_of(table, "kind", "list-stale"), "duration");
    const uint64_t paused = number(table, row_of(table, "kind", "paused"), "duration");
    const uint64_t killed = number(table, row_of(table, "kind", "no-sign-of-life"), "duration");

    (void)state;
    assert_int_equal(number(table, row_of(table, "kind", "not-running"), "duration"),
                     20 * OFFICE_MIN);
    assert_true(stale + step >= 2 * OFFICE_DAY && stale <= 2 * OFFICE_DAY + step);
    assert_true(paused + step >= 2 * OFFICE_HOUR && paused <= 2 * OFFICE_HOUR + step);
    assert_int_equal(killed, 3 * OFFICE_HOUR);
    assert_int_equal(number(table, row_of(table, "kind", "list-dead"), "duration"), 0);
    assert_int_equal(number(table, row_of(table, "kind", "no-lists"), "duration"), 0);
    assert_int_equal(number(table, row_of(table, "kind", "not-running"), "minutes"), 20);
    dossier_destroy(dossier);
}

static void lists_in_force_have_a_beginning_and_an_end(void **state)
{
    struct dossier *dossier = report(DOSSIER_EVIDENCE, (struct dossier_request){.most = 0});
    const struct dossier_table *table = table_of(dossier, "lists");
    size_t newer = 0, stopped = 0, killed = 0, on = 0;

    (void)state;
    assert_int_equal(dossier_rows(table), 3 * OFFICE_LISTS + 1);
    for (size_t row = 0; row < dossier_rows(table); row++) {
        newer += text_is(table, row, "ended", "newer");
        stopped += text_is(table, row, "ended", "stopped");
        killed += text_is(table, row, "ended", "killed");
        on += text_is(table, row, "ended", "goes on");
    }
    assert_int_equal(newer, 1);
    assert_int_equal(stopped, OFFICE_LISTS);
    assert_int_equal(killed, OFFICE_LISTS);
    assert_int_equal(on, OFFICE_LISTS);
    assert_int_equal(sum(table_of(dossier, "gaps"), "count"), 42);
    dossier_destroy(dossier);
    /* In the first days only those of the first run are told, and they go on. */
    dossier =
        report(DOSSIER_EVIDENCE,
               (struct dossier_request){.from_us = OFFICE_T0, .to_us = OFFICE_T0 + OFFICE_DAY});
    table = table_of(dossier, "lists");
    assert_int_equal(dossier_rows(table), OFFICE_LISTS);
    for (size_t row = 0; row < dossier_rows(table); row++) {
        assert_true(text_is(table, row, "ended", "goes on"));
    }
    dossier_destroy(dossier);
}

/* --- what is wrong --- */

/* One disk, one log with what add() puts in; the report of it. */
static struct dossier *of_disk(struct disk *disk, enum dossier_report what,
                               void (*add)(struct audit_log *log, uint64_t now_us))
{
    static const struct audit_verdict verdict = {.stopped = false};
    static struct audit_files files;
    const struct dossier_source lone = {.files = &files, .key = office.maker.key};
    const struct dossier_request request = {.sources = &lone, .source_count = 1};
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct dossier *dossier = NULL;

    memset(disk, 0, sizeof(*disk));
    files = disk_files(disk);
    office.maker.settings.file_octets = 64u << 20;
    assert_int_equal(
        audit_log_open(&files, &office.maker.settings, OFFICE_T0, 7, &log, &opened), 0);
    add(log, OFFICE_T0 + 1);
    assert_int_equal(audit_log_close(log, NULL, OFFICE_T0 + 2), 0);
    assert_int_equal(dossier_make(what, &request, &verdict, &dossier), 0);
    return dossier;
}

static void add_pairs(struct audit_log *log, uint64_t now_us)
{
    static struct row_store store;
    struct audit_row row;
    char name[64];

    for (unsigned i = 0; i < DOSSIER_PAIRS_MAX + 100; i++) {
        snprintf(name, sizeof(name), "n%u.example", i);
        decision_row(&store, now_us, 1, name, "one", &row);
        assert_int_equal(audit_log_add(log, AUDIT_DECISIONS, &row, now_us), 0);
        if (i % 1000 == 0) {
            assert_int_equal(audit_log_flush(log, NULL, now_us), 0);
        }
    }
}

static void pairs_above_the_bound_are_at_least(void **state)
{
    struct disk disk;
    struct dossier *dossier = of_disk(&disk, DOSSIER_EXPOSURE, add_pairs);
    const struct dossier_table *table = table_of(dossier, "providers");

    (void)state;
    assert_int_equal(number(table, 0, "decisions"), DOSSIER_PAIRS_MAX + 100);
    assert_int_equal(number(table, 0, "names"), DOSSIER_PAIRS_MAX);
    assert_true(dossier_cell(table, 0, column_of(table, "names"))->more);
    assert_int_equal(number(table, 0, "clients"), 1);
    /* And of the names themselves so many are exact. */
    table = table_of(dossier, "direct");
    assert_int_equal(dossier_rows(table), DOSSIER_KEYS_MAX);
    assert_true(dossier_rows(table_of(dossier, "direct_estimated")) > 0);
    dossier_destroy(dossier);
    disk_free(&disk);
}

static void add_gaps(struct audit_log *log, uint64_t now_us)
{
    for (unsigned i = 0; i < DOSSIER_HISTORY_MAX + 5; i++) {
        struct audit_row row = office_change(now_us, "change", "gap");

        audit_row_number(&row, AUDIT_STREAM, AUDIT_DECISIONS);
        audit_row_number(&row, AUDIT_COUNT, 1);
        assert_int_equal(audit_log_add(log, AUDIT_CHANGES, &row, now_us), 0);
    }
}

static void a_long_history_is_cut_and_says_so(void **state)
{
    struct disk disk;
    struct dossier *dossier = of_disk(&disk, DOSSIER_EVIDENCE, add_gaps);
    const struct dossier_table *table = table_of(dossier, "gaps");

    (void)state;
    assert_int_equal(dossier_rows(table), DOSSIER_HISTORY_MAX);
    assert_int_equal(table->left_out, 5);
    dossier_destroy(dossier);
    disk_free(&disk);
}

static void an_empty_log_makes_an_empty_report(void **state)
{
    struct disk disk = {.calls = 0};
    const struct audit_files files = disk_files(&disk);
    const struct dossier_source empty = {.files = &files, .key = office.maker.key};
    const struct dossier_request request = {.sources = &empty, .source_count = 1};
    static const struct audit_verdict verdict = {.stopped = false};
    struct dossier *dossier = NULL;

    (void)state;
    for (unsigned i = 0; i < DOSSIER_REPORTS; i++) {
        assert_int_equal(dossier_make((enum dossier_report)i, &request, &verdict, &dossier), 0);
        assert_true(dossier->notice_count > 0);
        dossier_destroy(dossier);
    }
    disk_free(&disk);
}

/* Octets of a file changed anywhere: a report is made or refused, and says that it is not whole
 * where it has lost a block. */
static void damage_is_told_and_never_more(void **state)
{
    size_t len = 0;
    uint8_t *octets = NULL;
    struct random random;
    unsigned told = 0;

    (void)state;
    assert_int_equal(file_read("log/0000000001.cordon", 64u << 20, &octets, &len), 0);
    chance_init(&random, 3);
    for (unsigned turn = 0; turn < 40; turn++) {
        const size_t at = random_below(&random, (uint32_t)len);
        struct dossier *dossier = NULL;
        const struct dossier_request request = {.sources = &source, .source_count = 1};

        octets[at] ^= (uint8_t)(1 + random_below(&random, 255));
        workshop_write("log/0000000001.cordon", octets, len);
        if (dossier_make(DOSSIER_EXPOSURE, &request, NULL, &dossier) == 0) {
            for (size_t i = 0; i < dossier->notice_count; i++) {
                told += memmem(dossier->notices[i].text, dossier->notices[i].len, "damaged",
                               7) != NULL;
            }
        }
        dossier_destroy(dossier);
    }
    assert_true(told > 0);
    free(octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provider_has_the_decisions_that_a_naive_count_finds),
        cmocka_unit_test(legal_kinds_are_counted_apart),
        cmocka_unit_test(the_ground_is_told_as_it_was_recorded),
        cmocka_unit_test(who_and_through_what),
        cmocka_unit_test(only_the_times_that_were_asked_for_count),
        cmocka_unit_test(above_the_bound_rows_are_exact_and_the_rest_is_estimated),
        cmocka_unit_test(blocks_know_the_operators_word_from_that_of_a_list),
        cmocka_unit_test(exceptions_are_told_with_who_and_how_often),
        cmocka_unit_test(time_without_a_policy_is_found),
        cmocka_unit_test(lists_in_force_have_a_beginning_and_an_end),
        cmocka_unit_test(pairs_above_the_bound_are_at_least),
        cmocka_unit_test(a_long_history_is_cut_and_says_so),
        cmocka_unit_test(an_empty_log_makes_an_empty_report),
        cmocka_unit_test(damage_is_told_and_never_more), /* the last: the log is spoiled */
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
