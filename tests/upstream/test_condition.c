/* upstream/condition: when a server is suspect, down, probed and up again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "upstream/condition.h"

#define MS UINT64_C(1000)

static const struct endpoint somewhere = {
    .address = {.octets = {192, 0, 2, 1}, .port = 53, .family = ADDRESS_V4}};

struct fixture {
    struct upstream_conditions *conditions;
    struct upstream_condition *c;
    struct clock_now now;
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture.conditions = upstream_conditions_create();
    fixture.c = upstream_condition_take(fixture.conditions, &somewhere);
    fixture.now = (struct clock_now){UINT64_C(1000000000), UINT64_C(1700000000000000)};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    upstream_condition_give_back(f->conditions, f->c);
    upstream_conditions_destroy(f->conditions);
    return 0;
}

static void pass(struct fixture *f, uint64_t ms)
{
    f->now.mono_us += ms * MS;
    f->now.wall_us += ms * MS;
}

/* A question now, in vain after 150 ms. */
static bool miss(struct fixture *f, enum upstream_reason reason)
{
    const uint64_t sent_us = f->now.mono_us;

    pass(f, 150);
    return upstream_condition_missed(f->c, sent_us, reason, f->now);
}

static void answer(struct fixture *f)
{
    const uint64_t sent_us = f->now.mono_us;

    pass(f, 20);
    upstream_condition_good(f->c, sent_us, f->now, true);
}

static void go_down(struct fixture *f)
{
    for (unsigned i = 0; i < UPSTREAM_DOWN_AFTER; i++) {
        miss(f, UPSTREAM_REASON_SILENT);
    }
    assert_false(upstream_condition_is_down(f->c));
    assert_true(upstream_condition_is_suspect(f->c, f->now.mono_us));
    assert_true(upstream_condition_claim(f->c, f->now.mono_us)); /* a probe decides */
    upstream_condition_probed(f->c, false, f->now.mono_us, f->now);
    assert_true(upstream_condition_is_down(f->c));
}

/* Lets time pass until a probe is due, and says after how many ms (at most 100 s). */
static uint64_t until_probe(struct fixture *f)
{
    uint64_t ms = 0;

    while (!upstream_condition_claim(f->c, f->now.mono_us)) {
        pass(f, 1);
        assert_true(++ms < 100000);
    }
    /* Nobody else gets it. */
    assert_false(upstream_condition_claim(f->c, f->now.mono_us));
    return ms;
}

static void probed(struct fixture *f, bool good)
{
    const uint64_t sent_us = f->now.mono_us;

    pass(f, 20);
    upstream_condition_probed(f->c, good, sent_us, f->now);
}

static void one_entry_serves_all_workers(void **state)
{
    struct fixture *f = *state;
    struct endpoint other = somewhere;

    assert_ptr_equal(upstream_condition_take(f->conditions, &somewhere), f->c);
    other.address.port = 54;
    struct upstream_condition *second = upstream_condition_take(f->conditions, &other);
    assert_ptr_not_equal(second, f->c);
    upstream_condition_give_back(f->conditions, second);
    upstream_condition_give_back(f->conditions, f->c);

    /* What was known goes with the last one who has it. */
    go_down(f);
    assert_ptr_equal(upstream_condition_take(f->conditions, &somewhere), f->c);
    assert_true(upstream_condition_is_down(f->c));
    upstream_condition_give_back(f->conditions, f->c);
    upstream_condition_give_back(f->conditions, f->c);
    f->c = upstream_condition_take(f->conditions, &somewhere);
    assert_false(upstream_condition_is_down(f->c));
    assert_int_equal(upstream_condition_rtt(f->c, NULL), 0);
}

static void there_is_room_for_two_configurations(void **state)
{
    struct fixture *f = *state;
    struct upstream_condition *taken[UPSTREAM_CONDITIONS_MAX - 1];
    struct endpoint other = somewhere;

    for (unsigned i = 0; i < UPSTREAM_CONDITIONS_MAX - 1; i++) {
        other.address.port = (uint16_t)(1000 + i);
        taken[i] = upstream_condition_take(f->conditions, &other);
    }
    for (unsigned i = 0; i < UPSTREAM_CONDITIONS_MAX - 1; i++) {
        upstream_condition_give_back(f->conditions, taken[i]);
    }
}

static void the_last_failure_is_known_until_it_is_heard(void **state)
{
    struct fixture *f = *state;
    struct upstream_server_status status;

    const uint64_t sent_us = f->now.mono_us;
    upstream_condition_failed(f->c, sent_us, UPSTREAM_REASON_UNREACHABLE, -111);
    upstream_condition_status(f->c, &status);
    assert_int_equal(status.health, UPSTREAM_UNTRIED);
    assert_int_equal(status.failure, UPSTREAM_REASON_UNREACHABLE);
    assert_int_equal(status.failure_error, -111);
    answer(f);
    upstream_condition_status(f->c, &status);
    assert_int_equal(status.failure, UPSTREAM_REASON_NONE);
    assert_int_equal(status.failure_error, 0);
    /* It answers others: the question had no answer, the server is well. */
    upstream_condition_failed(f->c, sent_us, UPSTREAM_REASON_SILENT, 0);
    upstream_condition_status(f->c, &status);
    assert_int_equal(status.failure, UPSTREAM_REASON_NONE);
}

static void the_round_trip_time_is_smoothed(void **state)
{
    struct fixture *f = *state;
    const struct clock_now at = f->now;
    uint32_t variation;

    upstream_condition_good(f->c, at.mono_us - 80 * MS, at,
                            false); /* over TCP: tells nothing */
    assert_int_equal(upstream_condition_rtt(f->c, NULL), 0);
    upstream_condition_good(f->c, at.mono_us - 80 * MS, at, true);
    assert_int_equal(upstream_condition_rtt(f->c, &variation), 80000);
    assert_int_equal(variation, 40000);
    upstream_condition_good(f->c, at.mono_us - 160 * MS, at, true);
    assert_int_equal(upstream_condition_rtt(f->c, &variation), 90000);
    assert_int_equal(variation, 50000);
    for (unsigned i = 0; i < 100; i++) { /* answered within the clock's step */
        upstream_condition_good(f->c, at.mono_us, at, true);
    }
    /* Measured, though it is next to nothing. */
    assert_in_range(upstream_condition_rtt(f->c, NULL), 1, 100);
}

static void only_misses_in_a_row_count(void **state)
{
    struct fixture *f = *state;

    for (unsigned round = 0; round < 10; round++) {
        assert_false(miss(f, UPSTREAM_REASON_SILENT));
        assert_false(miss(f, UPSTREAM_REASON_SILENT));
        answer(f);
    }
    /* A question sent before the last answer came: the server was alive after it. */
    for (uint64_t i = 1; i < 20; i++) {
        assert_false(upstream_condition_missed(f->c, f->now.mono_us - i, UPSTREAM_REASON_SILENT,
                                               f->now));
    }
    pass(f, 1);
    assert_false(miss(f, UPSTREAM_REASON_SILENT));
    assert_false(miss(f, UPSTREAM_REASON_WRONG));
    assert_true(miss(f, UPSTREAM_REASON_SILENT));
}

static void a_sign_of_life_is_no_help_and_no_miss(void **state)
{
    struct fixture *f = *state;

    miss(f, UPSTREAM_REASON_SILENT);
    miss(f, UPSTREAM_REASON_SILENT);
    upstream_condition_alive(f->c, f->now.mono_us, f->now, false);
    pass(f, 1);
    assert_false(miss(f, UPSTREAM_REASON_SILENT));

    /* Blame is not forgiven for it, */
    for (unsigned i = 0; i < UPSTREAM_BLAME_MAX - 1; i++) {
        assert_false(upstream_condition_blamed(f->c, UPSTREAM_REASON_USELESS, f->now));
        upstream_condition_alive(f->c, f->now.mono_us, f->now, false);
    }
    assert_true(upstream_condition_blamed(f->c, UPSTREAM_REASON_USELESS, f->now));
}

static void blame_is_forgiven_for_help(void **state)
{
    struct fixture *f = *state;

    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < UPSTREAM_BLAME_MAX - 1; i++) {
            assert_false(upstream_condition_blamed(f->c, UPSTREAM_REASON_USELESS, f->now));
        }
        answer(f);
    }
    /* What nobody could use counts more. */
    assert_false(upstream_condition_blamed(f->c, UPSTREAM_REASON_GARBAGE, f->now));
    assert_false(upstream_condition_blamed(f->c, UPSTREAM_REASON_TRUNCATED, f->now));
    assert_true(upstream_condition_blamed(f->c, UPSTREAM_REASON_GARBAGE, f->now));
}

static void late_answers_in_a_row_make_it_suspect_for_a_moment(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < UPSTREAM_SUSPECT_AFTER; i++) {
        assert_false(upstream_condition_is_suspect(f->c, f->now.mono_us));
        upstream_condition_late(f->c, f->now.mono_us, f->now.mono_us);
    }
    assert_true(upstream_condition_is_suspect(f->c, f->now.mono_us));
    assert_false(upstream_condition_is_down(f->c));
    /* It answers: all is well; */
    upstream_condition_alive(f->c, f->now.mono_us, f->now, true);
    assert_false(upstream_condition_is_suspect(f->c, f->now.mono_us));
    /* what was asked before is late for nobody. */
    for (unsigned i = 0; i < 10; i++) {
        upstream_condition_late(f->c, f->now.mono_us - 1, f->now.mono_us);
    }
    assert_false(upstream_condition_is_suspect(f->c, f->now.mono_us));
    /* Or time passes without a word. */
    for (unsigned i = 0; i < UPSTREAM_SUSPECT_AFTER; i++) {
        upstream_condition_late(f->c, f->now.mono_us, f->now.mono_us);
    }
    pass(f, UPSTREAM_SUSPECT_MS - 1);
    assert_true(upstream_condition_is_suspect(f->c, f->now.mono_us));
    pass(f, 1);
    assert_false(upstream_condition_is_suspect(f->c, f->now.mono_us));
}

static void the_pause_between_probes_grows_to_a_limit(void **state)
{
    struct fixture *f = *state;
    uint64_t pause = UPSTREAM_PAUSE_MIN_MS;

    assert_false(upstream_condition_claim(f->c, f->now.mono_us)); /* it is up */
    go_down(f);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(until_probe(f), pause);
        probed(f, false);
        pause = 2 * pause < UPSTREAM_PAUSE_MAX_MS ? 2 * pause : UPSTREAM_PAUSE_MAX_MS;
    }
    assert_int_equal(pause, UPSTREAM_PAUSE_MAX_MS);
    /* A worker that ends with its probe takes none with it. */
    assert_int_equal(until_probe(f), pause);
    assert_int_equal(until_probe(f), pause + UPSTREAM_PROBE_MS);
}

static void good_probes_in_a_row_bring_it_up(void **state)
{
    struct fixture *f = *state;
    struct upstream_server_status status = {0};

    go_down(f);
    const uint64_t down_wall_us = f->now.wall_us;
    until_probe(f);
    probed(f, true);
    assert_int_equal(until_probe(f), UPSTREAM_PROBE_AGAIN_MS);
    probed(f, false); /* not in a row */
    for (unsigned i = 0; i < UPSTREAM_UP_AFTER; i++) {
        upstream_condition_status(f->c, &status);
        assert_int_equal(status.health, UPSTREAM_DOWN);
        assert_int_equal(status.reason, UPSTREAM_REASON_SILENT);
        assert_true(status.down_since_us == down_wall_us);
        until_probe(f);
        probed(f, true);
    }
    upstream_condition_status(f->c, &status);
    assert_int_equal(status.health, UPSTREAM_UP);
    assert_int_equal(status.reason, UPSTREAM_REASON_NONE);
    assert_true(status.down_since_us == 0);
    assert_int_equal(status.downs, 1);
    assert_int_equal(status.probes, UPSTREAM_UP_AFTER + 3); /* the first decided */
    assert_int_equal(status.probes_good, UPSTREAM_UP_AFTER + 1);
    assert_int_equal(upstream_condition_rtt(f->c, NULL), 20000); /* measured anew */
}

/* Real questions, which are asked when there is nobody better, count too: one each second. */
static void so_do_good_answers(void **state)
{
    struct fixture *f = *state;

    go_down(f);
    for (unsigned i = 0; i < 20; i++) { /* too soon: it may be half broken */
        answer(f);
    }
    pass(f, UPSTREAM_PAUSE_MIN_MS);
    const uint64_t since_us = f->now.mono_us;
    while (upstream_condition_is_down(f->c)) {
        answer(f);
    }
    const uint64_t least_us = (UPSTREAM_UP_AFTER - 1) * UPSTREAM_PROBE_AGAIN_MS * MS;
    assert_in_range(f->now.mono_us - since_us, least_us, least_us + 100 * MS);
}

/* Ends when it is up; how many good probes that took. */
static unsigned come_up(struct fixture *f)
{
    unsigned goods = 0;

    while (upstream_condition_is_down(f->c)) {
        until_probe(f);
        probed(f, true);
        goods++;
    }
    return goods;
}

static void a_server_that_flaps_is_believed_later_each_time(void **state)
{
    static const struct {
        uint64_t pause;
        unsigned goods;
    } rows[] = {{1000, 4}, {4000, 8}, {16000, 16}, {30000, 32}, {30000, 32}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        go_down(f);
        assert_int_equal(until_probe(f), rows[i].pause);
        probed(f, true);
        assert_int_equal(come_up(f) + 1, rows[i].goods);
        pass(f, UPSTREAM_STEADY_MS / 2);
    }
    /* Once it has been steady for a while it is as good as any. */
    pass(f, UPSTREAM_STEADY_MS);
    go_down(f);
    assert_int_equal(until_probe(f), UPSTREAM_PAUSE_MIN_MS);
    probed(f, true);
    assert_int_equal(come_up(f) + 1, UPSTREAM_UP_AFTER);
}

/* Among the fastest it counts what a server takes, and what it loses. */
static void losses_cost_it_its_rank(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(upstream_condition_cost(f->c), UINT32_MAX);
    answer(f);
    assert_int_equal(upstream_condition_cost(f->c), 20000);
    for (unsigned i = 0; i < 200; i++) { /* one in ten is lost */
        if (i % 10 == 9) {
            miss(f, UPSTREAM_REASON_SILENT);
        }
        answer(f);
    }
    assert_false(upstream_condition_is_down(f->c));
    assert_int_equal(upstream_condition_rtt(f->c, NULL), 20000);
    const uint32_t cost = upstream_condition_cost(f->c);
    assert_in_range(cost, 23000, 60000);
    for (unsigned i = 0; i < 100; i++) {
        answer(f);
    }
    assert_int_equal(upstream_condition_cost(f->c), 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_entry_serves_all_workers, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_room_for_two_configurations, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_failure_is_known_until_it_is_heard, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_round_trip_time_is_smoothed, setup, teardown),
        cmocka_unit_test_setup_teardown(only_misses_in_a_row_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sign_of_life_is_no_help_and_no_miss, setup, teardown),
        cmocka_unit_test_setup_teardown(blame_is_forgiven_for_help, setup, teardown),
        cmocka_unit_test_setup_teardown(late_answers_in_a_row_make_it_suspect_for_a_moment,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_pause_between_probes_grows_to_a_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(good_probes_in_a_row_bring_it_up, setup, teardown),
        cmocka_unit_test_setup_teardown(so_do_good_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_flaps_is_believed_later_each_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(losses_cost_it_its_rank, setup, teardown),
    };
    return cmocka_run_group_tests_name("upstream/condition", tests, NULL, NULL);
}
