/* audit/keeper: what is over by age, above a bound or to be forgotten goes, on the record, by a
 * virtual clock; nothing else does, and a disk that refuses only puts it off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/keeper.h"
#include "audit/logs.h"

#define SECOND UINT64_C(1000000)
#define DAY    (86400 * SECOND)

static struct disk disk;
static struct audit_files files;
static struct maker maker;
static struct clock_now now;

static int setup_all(void **state)
{
    (void)state;
    if (random_library_init() != 0) {
        return -1;
    }
    maker_init(&maker, LOG_NAME);
    maker.settings.file_octets = 20000;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    disk_free(&disk);
    files = disk_files(&disk);
    now = (struct clock_now){.mono_us = SECOND, .wall_us = T0 - T0 % DAY + DAY / 2};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(disk.open_files, 0);
    disk_free(&disk);
    return 0;
}

static struct audit_log *open_log(void)
{
    struct audit_log_opened opened;
    struct audit_log *log = NULL;

    assert_int_equal(
        audit_log_open(&files, &maker.settings, now.wall_us, now.wall_us, &log, &opened), 0);
    return log;
}

static struct audit_keeper *make_keeper(uint64_t keep_us, uint64_t octets, uint64_t newest_us)
{
    const struct audit_keeper_settings settings = {.folder = "log",
                                                   .files = &files,
                                                   .keep_us = {0, 0, keep_us, 0},
                                                   .octets = {0, 0, octets, 0},
                                                   .newest_us = newest_us};
    struct audit_keeper *keeper = audit_keeper_create(&settings);

    assert_non_null(keeper);
    return keeper;
}

static void pass(uint64_t us)
{
    now.mono_us += us;
    now.wall_us += us;
}

/* A block of each stream, and what is due. */
static void live(struct audit_log *log, struct audit_keeper *keeper, unsigned times,
                 uint64_t step_us)
{
    static uint64_t number; /* of no meaning here */

    for (unsigned i = 0; i < times; i++) {
        pass(step_us);
        for (unsigned j = 0; j < 5; j++) {
            assert_int_equal(add_numbered(log, AUDIT_QUERIES, number++, now.wall_us), 0);
        }
        assert_int_equal(add_numbered(log, AUDIT_DECISIONS, number++, now.wall_us), 0);
        (void)audit_log_flush(log, NULL, now.wall_us);
        for (unsigned j = 0; j < 8; j++) {
            (void)audit_log_tick(log, NULL, now.wall_us);
            audit_keeper_tick(keeper, log, NULL, now);
        }
    }
}

static void hold(struct audit_plan *plan)
{
    const struct audit_bound none[AUDIT_STREAMS + 1] = {{.before_us = 0}};

    assert_int_equal(audit_removal_plan(&files, NULL, none, NULL, plan), 0);
}

static void expect_sound(struct audit_verdict *verdict)
{
    verify_log(&files, &maker.key, verdict);
    if (!is_sound(verdict)) {
        fail_msg("%s; %s", verdict->integrity.text, verdict->completeness.text);
    }
}

static void events_go_when_their_days_are_over(void **state)
{
    struct audit_log *log = open_log();
    struct audit_keeper *keeper = make_keeper(7 * DAY, 0, 0);
    struct audit_verdict verdict;
    struct audit_plan plan;

    (void)state;
    live(log, keeper, 6 * 24, 3600 * SECOND);
    hold(&plan);
    assert_int_equal(plan.holdings[AUDIT_QUERIES].blocks, 6 * 24);
    live(log, keeper, 20 * 24, 3600 * SECOND);
    hold(&plan);
    /* Those of seven days, and up to one more. */
    assert_in_range(plan.holdings[AUDIT_QUERIES].blocks, 7 * 24, 8 * 24);
    assert_in_range(plan.holdings[AUDIT_QUERIES].oldest_us, now.wall_us - 8 * DAY,
                    now.wall_us - 7 * DAY);
    assert_int_equal(plan.holdings[AUDIT_DECISIONS].blocks, 26 * 24); /* kept for ever */
    expect_sound(&verdict);
    /* A day at a time, not an hour. */
    assert_in_range(verdict.told[AUDIT_QUERIES][AUDIT_REMOVED_AGE].acts, 17, 20);
    assert_int_equal(verdict.told[AUDIT_DECISIONS][AUDIT_REMOVED_AGE].acts, 0);
    assert_int_equal(verdict.told[AUDIT_QUERIES][AUDIT_REMOVED_AGE].events,
                     5 * verdict.removed);
    audit_keeper_destroy(keeper);
    assert_int_equal(audit_log_close(log, NULL, now.wall_us), 0);
    expect_sound(&verdict);
}

static void the_file_at_hand_is_ended_for_what_it_has(void **state)
{
    struct audit_log *log = open_log();
    struct audit_keeper *keeper = make_keeper(DAY, 0, 0);
    struct audit_verdict verdict;
    struct audit_plan plan;

    (void)state;
    live(log, keeper, 3, 60 * SECOND);
    assert_false(disk.files[2].exists);
    live(log, keeper, 1, 2 * DAY); /* nothing but one more event, much later */
    for (unsigned i = 0; i < 20; i++) {
        pass(15 * SECOND);
        (void)audit_log_tick(log, NULL, now.wall_us);
        audit_keeper_tick(keeper, log, NULL, now);
    }
    assert_true(disk.files[2].exists);
    hold(&plan);
    assert_int_equal(plan.holdings[AUDIT_QUERIES].blocks, 1);
    audit_keeper_destroy(keeper);
    assert_int_equal(audit_log_close(log, NULL, now.wall_us), 0);
    expect_sound(&verdict);
    assert_int_equal(verdict.removed, 3);
}

static void questions_above_their_bound_cost_no_decision(void **state)
{
    struct audit_log *log = open_log();
    struct audit_keeper *keeper = make_keeper(0, 30000, 0);
    struct audit_verdict verdict;
    struct audit_plan plan;

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        live(log, keeper, 10, 20 * SECOND);
        hold(&plan);
        assert_true(plan.holdings[AUDIT_QUERIES].octets < 40000);
    }
    assert_true(plan.holdings[AUDIT_QUERIES].octets > 20000);
    assert_int_equal(plan.holdings[AUDIT_DECISIONS].events, 400);
    expect_sound(&verdict);
    assert_true(verdict.told[AUDIT_QUERIES][AUDIT_REMOVED_OCTETS].acts > 1);
    assert_int_equal(verdict.told[AUDIT_QUERIES][AUDIT_REMOVED_AGE].acts, 0);
    audit_keeper_destroy(keeper);
    assert_int_equal(audit_log_close(log, NULL, now.wall_us), 0);
}

static void a_wish_is_done_at_once_and_says_who(void **state)
{
    const struct audit_wish wish = {.before_us = UINT64_MAX >> 1,
                                    .streams = 1u << AUDIT_DECISIONS,
                                    .uid = 1000,
                                    .pid = 12,
                                    .user = "alice",
                                    .reason = "a person wants to be forgotten"};
    struct audit_log *log = open_log();
    struct audit_keeper *keeper = make_keeper(0, 0, 0);
    struct audit_keeper_stats stats;
    struct audit_verdict verdict;
    struct audit_plan plan;

    (void)state;
    live(log, keeper, 10, 60 * SECOND);
    /* And one that is in no block yet. */
    assert_int_equal(add_numbered(log, AUDIT_DECISIONS, 0, now.wall_us), 0);
    audit_keeper_wish(keeper, &wish);
    audit_keeper_stats(keeper, &stats);
    assert_false(stats.wish_done);
    for (unsigned i = 0; i < 12; i++) {
        audit_keeper_tick(keeper, log, NULL, now);
        (void)audit_log_tick(log, NULL, now.wall_us);
    }
    audit_keeper_stats(keeper, &stats);
    assert_true(stats.wish_done);
    assert_int_equal(stats.wish_error, 0);
    assert_int_equal(stats.wish_events[AUDIT_DECISIONS], 11);
    assert_int_equal(stats.wish_events[AUDIT_QUERIES], 0);
    hold(&plan);
    assert_int_equal(plan.holdings[AUDIT_DECISIONS].blocks, 0);
    assert_int_equal(plan.holdings[AUDIT_QUERIES].blocks, 10);
    expect_sound(&verdict);
    assert_int_equal(verdict.act_count, 1);
    assert_string_equal(verdict.acts[0].user, "alice");
    assert_string_equal(verdict.acts[0].reason, wish.reason);
    assert_int_equal(verdict.acts[0].stream, AUDIT_DECISIONS);
    audit_keeper_destroy(keeper);
    assert_int_equal(audit_log_close(log, NULL, now.wall_us), 0);
}

static void a_disk_that_refuses_puts_it_off(void **state)
{
    const struct audit_wish wish = {.before_us = UINT64_MAX >> 1, .streams = 6, .reason = "x"};
    struct audit_log *log = open_log();
    struct audit_keeper *keeper = make_keeper(0, 0, 0);
    struct audit_keeper_stats stats;
    struct audit_verdict verdict;
    struct audit_plan plan;

    (void)state;
    live(log, keeper, 3, 60 * SECOND);
    disk.fail_write = ENOSPC;
    audit_keeper_wish(keeper, &wish);
    assert_int_equal(add_numbered(log, AUDIT_DECISIONS, 0, now.wall_us), 0);
    for (unsigned i = 0; i < 8; i++) {
        pass(10 * SECOND);
        audit_keeper_tick(keeper, log, NULL, now);
        (void)audit_log_tick(log, NULL, now.wall_us);
    }
    audit_keeper_stats(keeper, &stats);
    assert_true(stats.wish_done); /* it is told, not kept waiting for ever */
    assert_int_equal(stats.wish_error, -ETIMEDOUT);
    disk.fail_write = 0;
    hold(&plan);
    assert_int_equal(plan.holdings[AUDIT_QUERIES].blocks, 3); /* nothing without a record */
    pass(10 * SECOND);
    audit_keeper_wish(keeper, &wish);
    for (unsigned i = 0; i < 12; i++) {
        pass(2 * SECOND);
        audit_keeper_tick(keeper, log, NULL, now);
        (void)audit_log_tick(log, NULL, now.wall_us);
    }
    audit_keeper_stats(keeper, &stats);
    assert_true(stats.wish_done);
    assert_int_equal(stats.wish_error, 0);
    assert_int_equal(stats.wish_events[AUDIT_DECISIONS], 4);
    audit_keeper_destroy(keeper);
    assert_int_equal(audit_log_close(log, NULL, now.wall_us), 0);
    expect_sound(&verdict);
}

static void nothing_is_removed_without_a_bound(void **state)
{
    struct audit_log *log = open_log();
    struct audit_keeper *keeper = make_keeper(0, 0, 0);
    struct audit_verdict verdict;

    (void)state;
    live(log, keeper, 20, 400 * DAY);
    expect_sound(&verdict);
    assert_int_equal(verdict.removed, 0);
    audit_keeper_destroy(keeper);
    assert_int_equal(audit_log_close(log, NULL, now.wall_us), 0);
}

/* What a wrong clock makes old would be gone for ever. */
static void a_clock_that_leaps_ahead_removes_nothing(void **state)
{
    struct audit_log *log = open_log();
    struct audit_keeper *keeper = make_keeper(7 * DAY, 0, 0);
    struct audit_verdict verdict;
    struct audit_plan plan;

    (void)state;
    live(log, keeper, 5, 3600 * SECOND);
    now.wall_us += 400 * DAY; /* by hand, or by a server of time that lies */
    live(log, keeper, 5, 600 * SECOND);
    hold(&plan);
    assert_int_equal(plan.holdings[AUDIT_QUERIES].blocks, 10);
    now.wall_us -= 400 * DAY; /* and back; then there and back again, a little at a time */
    live(log, keeper, 5, 600 * SECOND);
    for (unsigned i = 0; i < 800; i++) {
        now.wall_us += DAY / 2;
        live(log, keeper, 1, SECOND);
    }
    now.wall_us -= 400 * DAY;
    live(log, keeper, 5, 600 * SECOND);
    hold(&plan);
    assert_int_equal(plan.holdings[AUDIT_QUERIES].blocks, 820);
    /* A process that begins with a wrong clock. */
    audit_keeper_destroy(keeper);
    keeper = make_keeper(7 * DAY, 0, now.wall_us);
    now.wall_us += 400 * DAY;
    live(log, keeper, 5, 600 * SECOND);
    hold(&plan);
    assert_int_equal(plan.holdings[AUDIT_QUERIES].blocks, 825);
    /* It was right, after all. */
    live(log, keeper, 5, 3600 * SECOND);
    hold(&plan);
    assert_true(plan.holdings[AUDIT_QUERIES].blocks < 425);
    audit_keeper_destroy(keeper);
    assert_int_equal(audit_log_close(log, NULL, now.wall_us), 0);
    expect_sound(&verdict);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_go_when_their_days_are_over),
        TEST(the_file_at_hand_is_ended_for_what_it_has),
        TEST(questions_above_their_bound_cost_no_decision),
        TEST(a_wish_is_done_at_once_and_says_who),
        TEST(a_disk_that_refuses_puts_it_off),
        TEST(nothing_is_removed_without_a_bound),
        TEST(a_clock_that_leaps_ahead_removes_nothing),
    };

    return cmocka_run_group_tests(tests, setup_all, NULL);
}
