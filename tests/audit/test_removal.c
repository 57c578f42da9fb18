/* audit/removal: what is removed is gone and nothing else is, the log verifies before, between
 * and after, whenever the process ends, and without a record it is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/logs.h"
#include "audit/removal.h"
#include "audit/search.h"

#define SECOND UINT64_C(1000000)

static struct disk disk;
static struct audit_files files;
static struct maker maker;
static const struct audit_actor actor = {.by = "control",
                                         .uid = 1000,
                                         .user = "alice",
                                         .pid = 4711,
                                         .reason = "asked for by the client"};

static int setup_all(void **state)
{
    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    maker_init(&maker, LOG_NAME);
    maker.settings.file_octets = 4000;
    maker.settings.checkpoint_blocks = 4;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    disk_free(&disk);
    files = disk_files(&disk);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(disk.open_files, 0);
    disk_free(&disk);
    return 0;
}

static struct audit_log *open_log(uint64_t now)
{
    struct audit_log_opened opened;
    struct audit_log *log = NULL;

    assert_int_equal(audit_log_open(&files, &maker.settings, now, now, &log, &opened), 0);
    return log;
}

/* Blocks of a second each, both streams in turn. */
static void write_from(unsigned first, unsigned seconds)
{
    struct audit_log *log = open_log(T0 + first * SECOND);

    for (unsigned i = first; i < seconds; i++) {
        const uint64_t now = T0 + i * SECOND;

        for (unsigned j = 0; j < 4; j++) {
            assert_int_equal(add_numbered(log, AUDIT_QUERIES, 4 * i + j, now), 0);
        }
        assert_int_equal(add_numbered(log, AUDIT_DECISIONS, i, now), 0);
        assert_int_equal(audit_log_tick(log, NULL, now), 0);
    }
    assert_int_equal(add_numbered(log, AUDIT_CHANGES, 0, T0 + seconds * SECOND), 0);
    assert_int_equal(audit_log_close(log, NULL, T0 + seconds * SECOND), 0);
    disk.locked = false;
}

static void write_some(unsigned seconds)
{
    write_from(0, seconds);
}

static void expect(enum audit_fault integrity, enum audit_fault completeness)
{
    struct audit_verdict verdict;

    verify_log(&files, &maker.key, &verdict);
    if (verdict.integrity.fault != integrity || verdict.completeness.fault != completeness) {
        fail_msg("%s; %s", verdict.integrity.text, verdict.completeness.text);
    }
}

static void count_left(uint64_t events[AUDIT_STREAMS + 1])
{
    struct audit_plan plan;
    const struct audit_bound none[AUDIT_STREAMS + 1] = {{.before_us = 0}};

    assert_int_equal(audit_removal_plan(&files, NULL, none, NULL, &plan), 0);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        assert_int_equal(plan.runs[stream].blocks, 0);
        events[stream] = plan.holdings[stream].events;
    }
}

static void plan_before(uint64_t us, unsigned streams, struct audit_plan *plan)
{
    struct audit_bound bounds[AUDIT_STREAMS + 1] = {{.before_us = 0}};

    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        bounds[stream].before_us = (streams >> stream & 1) != 0 ? us : 0;
        bounds[stream].forget = true;
    }
    assert_int_equal(audit_removal_plan(&files, NULL, bounds, NULL, plan), 0);
}

/* On the record, and safe. False: the disk has stopped. */
static bool record(const struct audit_plan *plan, uint64_t now)
{
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct audit_row row;

    if (audit_log_open(&files, &maker.settings, now, now, &log, &opened) != 0) {
        disk.locked = false;
        return false;
    }
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        if (plan->runs[stream].blocks > 0) {
            audit_removal_row(&plan->runs[stream], &actor, now, &row);
            (void)audit_log_add(log, AUDIT_CHANGES, &row, now);
        }
    }
    const int result = audit_log_close(log, NULL, now);
    disk.locked = false;
    return result == 0;
}

static int apply(const struct audit_plan *plan, uint64_t *freed)
{
    return audit_removal_apply(&files, UINT32_MAX, plan->runs + 1, AUDIT_STREAMS, NULL, freed);
}

static void only_what_is_older_goes_and_the_log_verifies(void **state)
{
    struct audit_plan plan;
    struct audit_verdict verdict;
    struct reading reading;
    uint64_t left[AUDIT_STREAMS + 1];
    uint64_t freed = 0;

    (void)state;
    write_some(60);
    const size_t before = disk_used(&disk);
    plan_before(T0 + 40 * SECOND, 1u << AUDIT_QUERIES, &plan);
    assert_int_equal(plan.runs[AUDIT_QUERIES].events, 160);
    assert_int_equal(plan.runs[AUDIT_DECISIONS].blocks, 0);
    assert_true(record(&plan, T0 + 100 * SECOND));
    const size_t recorded = disk_used(&disk);
    assert_true(recorded > before);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    assert_int_equal(apply(&plan, &freed), 0);
    assert_true(freed > 0);
    assert_int_equal(disk_used(&disk), recorded - freed);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    count_left(left);
    assert_int_equal(left[AUDIT_QUERIES], 80);
    assert_int_equal(left[AUDIT_DECISIONS], 60);
    verify_log(&files, &maker.key, &verdict);
    assert_int_equal(verdict.events[AUDIT_QUERIES], 240); /* their headers are there */
    assert_int_equal(verdict.removed, plan.runs[AUDIT_QUERIES].blocks);
    assert_int_equal(verdict.told[AUDIT_QUERIES][AUDIT_REMOVED_FORGET].events, 160);
    assert_int_equal(verdict.told[AUDIT_QUERIES][AUDIT_REMOVED_FORGET].acts, 1);
    assert_int_equal(verdict.act_count, 1);
    assert_string_equal(verdict.acts[0].user, "alice");
    assert_string_equal(verdict.acts[0].reason, actor.reason);
    /* What is left is as it was: decisions are numbered without a gap. */
    read_log(&files, &reading);
    assert_int_equal(reading.events[AUDIT_DECISIONS], 60);
    /* And it is gone on with. */
    struct audit_log *log = open_log(T0 + 200 * SECOND);
    assert_int_equal(add_numbered(log, AUDIT_DECISIONS, 60, T0 + 200 * SECOND), 0);
    assert_int_equal(audit_log_close(log, NULL, T0 + 200 * SECOND), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
}

static void files_whose_events_are_all_gone_shrink_to_headers(void **state)
{
    struct audit_plan plan;
    uint64_t freed = 0;
    uint64_t left[AUDIT_STREAMS + 1];

    (void)state;
    write_some(60);
    const size_t before = disk.files[1].size;
    plan_before(T0 + 1000 * SECOND, 6, &plan);
    assert_int_equal(plan.runs[AUDIT_CHANGES].blocks, 0); /* never */
    assert_true(record(&plan, T0 + 100 * SECOND));
    assert_int_equal(apply(&plan, &freed), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    assert_true(disk.files[1].size < before);
    count_left(left);
    assert_int_equal(left[AUDIT_QUERIES], 0);
    assert_int_equal(left[AUDIT_DECISIONS], 0);
    assert_int_equal(left[AUDIT_CHANGES], 3);
    /* Nothing more to do. */
    plan_before(T0 + 1000 * SECOND, 6, &plan);
    assert_int_equal(plan.runs[AUDIT_QUERIES].blocks + plan.runs[AUDIT_DECISIONS].blocks, 0);
    assert_int_equal(apply(&plan, &freed), 0);
    assert_int_equal(freed, 0);
}

static void one_stream_above_its_bound_costs_the_other_nothing(void **state)
{
    struct audit_bound bounds[AUDIT_STREAMS + 1] = {{.before_us = 0}};
    struct audit_plan plan;
    uint64_t freed = 0;

    (void)state;
    write_some(60);
    assert_int_equal(audit_removal_plan(&files, NULL, bounds, NULL, &plan), 0);
    const struct audit_holding held = plan.holdings[AUDIT_QUERIES];
    const struct audit_holding others = plan.holdings[AUDIT_DECISIONS];
    /* At the bound is not above it. */
    bounds[AUDIT_QUERIES] = (struct audit_bound){.octets = held.octets, .target = 1};
    assert_int_equal(audit_removal_plan(&files, NULL, bounds, NULL, &plan), 0);
    assert_int_equal(plan.runs[AUDIT_QUERIES].blocks, 0);
    bounds[AUDIT_QUERIES].octets = held.octets - 1;
    bounds[AUDIT_QUERIES].target = held.octets / 2;
    assert_int_equal(audit_removal_plan(&files, NULL, bounds, NULL, &plan), 0);
    assert_int_equal(plan.runs[AUDIT_QUERIES].cause, AUDIT_REMOVED_OCTETS);
    assert_int_equal(plan.runs[AUDIT_DECISIONS].blocks, 0);
    assert_true(record(&plan, T0 + 100 * SECOND));
    assert_int_equal(apply(&plan, &freed), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    assert_int_equal(audit_removal_plan(&files, NULL, bounds, NULL, &plan), 0);
    assert_true(plan.holdings[AUDIT_QUERIES].octets <= held.octets / 2);
    assert_true(plan.holdings[AUDIT_QUERIES].octets > held.octets / 2 - held.octets / 8);
    assert_int_equal(plan.holdings[AUDIT_DECISIONS].octets, others.octets);
    /* Age comes first, and what it removes is not counted again. */
    bounds[AUDIT_QUERIES].before_us = T0 + 55 * SECOND;
    bounds[AUDIT_QUERIES].octets = 1;
    assert_int_equal(audit_removal_plan(&files, NULL, bounds, NULL, &plan), 0);
    assert_int_equal(plan.runs[AUDIT_QUERIES].cause, AUDIT_REMOVED_AGE);
}

static void a_plan_ends_where_the_log_is_being_written(void **state)
{
    struct audit_bound bounds[AUDIT_STREAMS + 1] = {{.before_us = 0}};
    struct audit_plan plan;
    atomic_bool stop = true;

    (void)state;
    write_some(60);
    bounds[AUDIT_QUERIES].before_us = UINT64_MAX;
    assert_int_equal(audit_removal_plan(&files,
                                        &(struct audit_limit){2, disk.files[2].size / 2},
                                        bounds, NULL, &plan),
                     0);
    assert_int_equal(plan.runs[AUDIT_QUERIES].last_file, 2);
    assert_true(plan.runs[AUDIT_QUERIES].events < 200);
    assert_int_equal(audit_removal_plan(&files, NULL, bounds, &stop, &plan), -ECANCELED);
}

/* Decisions come in their order. */
static bool follow(void *context, const struct audit_header *header, struct audit_block *block,
                   uint32_t i)
{
    uint64_t *count = context;

    (void)block;
    assert_int_equal(header->first_event + i, *count);
    ++*count;
    return true;
}

static void who_follows_sees_each_event_once_wherever_it_stands_by_now(void **state)
{
    (void)state;
    for (unsigned met = 1; met < 60; met++) {
        struct audit_search_way way = {.growing = true};
        const struct audit_query query = {.streams = 1u << AUDIT_DECISIONS, .way = &way};
        struct audit_search_stats stats;
        struct audit_plan plan;
        uint64_t count = 0;
        uint64_t freed = 0;

        disk_free(&disk);
        write_from(0, met);
        assert_int_equal(audit_search(&files, &query, follow, &count, &stats), 0);
        assert_int_equal(count, met);
        way.from = stats.end;
        write_from(met, 60);
        plan_before(T0 + 40 * SECOND, 1u << AUDIT_QUERIES, &plan);
        assert_true(record(&plan, T0 + 100 * SECOND));
        assert_int_equal(apply(&plan, &freed), 0);
        assert_int_equal(audit_search(&files, &query, follow, &count, &stats), 0);
        assert_int_equal(count, 60);
        assert_int_equal(stats.damaged, 0);
    }
}

/* In any order, the middle first: one record each, and they fit together. */
static void removals_in_any_order_are_all_on_the_record(void **state)
{
    static const unsigned ends[] = {10, 30, 20, 31, 45};
    struct audit_plan plan;
    uint64_t freed = 0;

    (void)state;
    write_some(60);
    for (unsigned i = 0; i < 5; i++) {
        plan_before(T0 + ends[i] * SECOND, i % 2 == 0 ? 1u << AUDIT_QUERIES : 6, &plan);
        assert_true(record(&plan, T0 + (100 + i) * SECOND));
        assert_int_equal(apply(&plan, &freed), 0);
        expect(AUDIT_SOUND, AUDIT_SOUND);
    }
}

static void a_removal_that_is_not_recorded_is_found(void **state)
{
    struct audit_plan plan;
    struct audit_plan more;
    uint64_t freed = 0;

    (void)state;
    write_some(60);
    plan_before(T0 + 40 * SECOND, 1u << AUDIT_QUERIES, &plan);
    assert_int_equal(apply(&plan, &freed), 0);
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
    /* A record of the other stream says nothing about it. */
    more = plan;
    more.runs[AUDIT_QUERIES].stream = AUDIT_DECISIONS;
    assert_true(record(&more, T0 + 100 * SECOND));
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
    /* One that is a block too short, either way. */
    more = plan;
    more.runs[AUDIT_QUERIES].to--;
    assert_true(record(&more, T0 + 101 * SECOND));
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
    more = plan;
    more.runs[AUDIT_QUERIES].from++;
    more.runs[AUDIT_QUERIES].to--;
    assert_true(record(&more, T0 + 102 * SECOND));
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
    assert_true(record(&plan, T0 + 103 * SECOND));
    expect(AUDIT_SOUND, AUDIT_SOUND);
}

/* Whoever would like to have a free hand later. */
static void a_record_says_nothing_of_blocks_to_come(void **state)
{
    struct audit_plan plan;
    struct audit_plan all = {.runs = {{.stream = AUDIT_DECISIONS}}};
    uint64_t freed = 0;

    (void)state;
    write_some(3);
    all.runs[AUDIT_QUERIES] =
        (struct audit_run){.stream = AUDIT_QUERIES, .to = UINT64_C(1) << 62, .blocks = 1};
    assert_true(record(&all, T0 + 10 * SECOND));
    struct audit_log *log = open_log(T0 + 20 * SECOND);
    assert_int_equal(add_numbered(log, AUDIT_QUERIES, 12, T0 + 20 * SECOND), 0);
    assert_int_equal(audit_log_close(log, NULL, T0 + 20 * SECOND), 0);
    disk.locked = false;
    plan_before(T0 + 10 * SECOND, 6, &plan);
    plan.runs[AUDIT_DECISIONS].blocks = 0;
    assert_int_equal(apply(&plan, &freed), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    plan_before(T0 + 30 * SECOND, 1u << AUDIT_QUERIES, &plan);
    assert_int_equal(plan.runs[AUDIT_QUERIES].events, 1);
    assert_int_equal(apply(&plan, &freed), 0);
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
}

static void changes_that_are_gone_are_a_fault(void **state)
{
    struct audit_plan plan = {.runs = {{.stream = AUDIT_DECISIONS}}};
    uint64_t freed = 0;

    (void)state;
    write_some(3);
    plan.runs[AUDIT_CHANGES] =
        (struct audit_run){.stream = AUDIT_CHANGES, .to = 1000, .blocks = 1};
    assert_int_equal(apply(&plan, &freed), 0);
    expect(AUDIT_SOUND, AUDIT_FAULT_REMOVED);
}

/* The whole of it, ended at each call that changes something: what verifies before and after.
 */
static void stop_at_each_call(bool power)
{
    struct random random;
    struct disk whole = {.head_len = 0};
    unsigned stops = 0;

    chance_init(&random, 5);
    write_some(24);
    disk_copy(&disk, &whole);
    for (unsigned stop = 1;; stop++) {
        struct audit_plan plan;
        uint64_t left[AUDIT_STREAMS + 1];
        uint64_t freed = 0;

        disk_copy(&whole, &disk);
        for (unsigned i = 0; i < DISK_FILES; i++) { /* it was all safe */
            struct disk_file *file = &disk.files[i];

            file->is_known = file->exists;
            file->safe = malloc(file->size + 1);
            assert_non_null(file->safe);
            if (file->size > 0) {
                memcpy(file->safe, file->data, file->size);
            }
            file->safe_size = file->size;
        }
        disk.most = 700; /* more calls */
        disk.stop_at = stop;
        plan_before(T0 + 12 * SECOND, 6, &plan);
        if (record(&plan, T0 + 100 * SECOND)) {
            (void)apply(&plan, &freed);
        }
        if (!disk.stopped) {
            break;
        }
        stops++;
        disk_start(&disk, power, &random);
        disk.most = 0;
        /* As it is found: an end may be unfinished, but nothing is gone without a record. */
        struct audit_verdict verdict;
        verify_log(&files, &maker.key, &verdict);
        assert_true(verdict.completeness.fault == AUDIT_SOUND ||
                    verdict.completeness.fault == AUDIT_FAULT_UNFINISHED);
        /* It is done again, and then it is done. */
        plan_before(T0 + 12 * SECOND, 6, &plan);
        assert_true(record(&plan, T0 + 200 * SECOND));
        assert_int_equal(apply(&plan, &freed), 0);
        expect(AUDIT_SOUND, AUDIT_SOUND);
        count_left(left);
        assert_int_equal(left[AUDIT_QUERIES], 48);
        assert_int_equal(left[AUDIT_DECISIONS], 12);
    }
    assert_true(stops > 15);
    disk_free(&whole);
}

static void a_kill_at_any_call_leaves_a_log_that_verifies(void **state)
{
    (void)state;
    stop_at_each_call(false);
}

static void a_power_failure_at_any_call_leaves_a_log_that_verifies(void **state)
{
    (void)state;
    stop_at_each_call(true);
}

static void a_disk_that_fails_leaves_it_as_it_was(void **state)
{
    struct audit_plan plan;
    uint64_t freed = 0;
    uint64_t left[AUDIT_STREAMS + 1];

    (void)state;
    write_some(24);
    plan_before(T0 + 12 * SECOND, 6, &plan);
    assert_true(record(&plan, T0 + 100 * SECOND));
    disk.fail_write = ENOSPC;
    assert_int_equal(apply(&plan, &freed), -ENOSPC);
    disk.fail_write = 0;
    disk.fail_sync = EIO;
    assert_int_equal(apply(&plan, &freed), -EIO);
    disk.fail_sync = 0;
    count_left(left);
    assert_int_equal(left[AUDIT_QUERIES], 96);
    for (unsigned i = 0; i < DISK_FILES; i++) {
        assert_false(disk.beside[i].exists); /* a full disk is not left fuller */
    }
    expect(AUDIT_SOUND, AUDIT_SOUND);
    disk.most = 100; /* short writes */
    assert_int_equal(apply(&plan, &freed), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
}

static bool not_any_more(void *context)
{
    unsigned *left = context;

    return (*left)-- > 0;
}

static void who_may_not_any_more_leaves_the_rest(void **state)
{
    unsigned allowed = 1;
    const struct audit_removal_hooks hooks = {.context = &allowed, .commit = not_any_more};
    struct audit_plan plan;
    uint64_t freed = 0;

    (void)state;
    write_some(60);
    plan_before(T0 + 50 * SECOND, 6, &plan);
    assert_true(record(&plan, T0 + 100 * SECOND));
    assert_int_equal(
        audit_removal_apply(&files, UINT32_MAX, plan.runs + 1, AUDIT_STREAMS, &hooks, &freed),
        -ECANCELED);
    expect(AUDIT_SOUND, AUDIT_SOUND);
    assert_int_equal(apply(&plan, &freed), 0);
    expect(AUDIT_SOUND, AUDIT_SOUND);
}

/* Who reads while a file is replaced reads on in the old one. */
static void damage_is_left_as_it_is(void **state)
{
    struct audit_plan plan;
    uint64_t freed = 0;

    (void)state;
    write_some(60);
    plan_before(T0 + 50 * SECOND, 6, &plan);
    assert_true(record(&plan, T0 + 100 * SECOND));
    disk.files[2].data[disk.files[2].size / 2] ^= 1;
    uint8_t end[64];
    memcpy(end, disk.files[2].data + disk.files[2].size - sizeof(end), sizeof(end));
    assert_int_equal(apply(&plan, &freed), 0);
    struct audit_verdict verdict;
    verify_log(&files, &maker.key, &verdict);
    assert_true(verdict.integrity.fault != AUDIT_SOUND || disk.files[2].size < 4000);
}

/* Nobody who is to be forgotten is found in what lies behind damage. */
static void what_lies_behind_damage_goes_too(void **state)
{
    static struct disk before;
    struct audit_plan plan;
    uint64_t left[AUDIT_STREAMS + 1];
    uint64_t freed = 0;
    size_t damage = 0;

    (void)state;
    write_some(60);
    assert_true(disk.files[2].exists);
    plan_before(T0 + 1000 * SECOND, 6, &plan);
    const uint64_t blocks = plan.runs[AUDIT_DECISIONS].blocks + plan.runs[AUDIT_QUERIES].blocks;
    for (unsigned round = 0; round < 2; round++) {
        /* The head of file 1; then the frame of a block in the middle of it. */
        const size_t at = round == 0 ? 40 : 2000;
        uint8_t *const data = disk.files[1].data;
        uint8_t *const magic =
            round == 0 ? data + at : memmem(data + at, disk.files[1].size - at, "CRDK", 4);

        assert_non_null(magic);
        *magic ^= 1;
        damage = (size_t)(magic - data);
    }
    disk_copy(&disk, &before);
    plan_before(T0 + 1000 * SECOND, 6, &plan);
    assert_int_equal(plan.damaged, 2);
    assert_int_equal(plan.runs[AUDIT_DECISIONS].blocks + plan.runs[AUDIT_QUERIES].blocks,
                     blocks - 1);
    assert_true(record(&plan, T0 + 100 * SECOND));
    assert_int_equal(apply(&plan, &freed), 0);
    count_left(left);
    assert_int_equal(left[AUDIT_QUERIES], 0);
    assert_int_equal(left[AUDIT_DECISIONS], 0);
    assert_int_equal(left[AUDIT_CHANGES], 3);
    /* Damage is left as it is, and so is the head of the file. */
    assert_memory_equal(disk.files[1].data, before.files[1].data, 136);
    assert_non_null(
        memmem(disk.files[1].data, disk.files[1].size, before.files[1].data + damage, 200));
    /* At the limit nothing is damage: it is being written. */
    disk_copy(&before, &disk);
    struct audit_bound none[AUDIT_STREAMS + 1] = {{.before_us = 0}};
    assert_int_equal(
        audit_removal_plan(&files, &(struct audit_limit){1, damage}, none, NULL, &plan), 0);
    assert_int_equal(plan.damaged, 1);
    disk_free(&before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_what_is_older_goes_and_the_log_verifies),
        TEST(files_whose_events_are_all_gone_shrink_to_headers),
        TEST(one_stream_above_its_bound_costs_the_other_nothing),
        TEST(a_plan_ends_where_the_log_is_being_written),
        TEST(who_follows_sees_each_event_once_wherever_it_stands_by_now),
        TEST(removals_in_any_order_are_all_on_the_record),
        TEST(a_removal_that_is_not_recorded_is_found),
        TEST(a_record_says_nothing_of_blocks_to_come),
        TEST(changes_that_are_gone_are_a_fault),
        TEST(a_kill_at_any_call_leaves_a_log_that_verifies),
        TEST(a_power_failure_at_any_call_leaves_a_log_that_verifies),
        TEST(a_disk_that_fails_leaves_it_as_it_was),
        TEST(who_may_not_any_more_leaves_the_rest),
        TEST(damage_is_left_as_it_is),
        TEST(what_lies_behind_damage_goes_too),
    };

    return cmocka_run_group_tests(tests, setup_all, NULL);
}
