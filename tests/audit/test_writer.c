/* audit/writer: which policy explains a record. Build with -fsanitize=thread as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/writing.h"

#include <errno.h>
#include <pthread.h>

static void publish(struct fixture *f, unsigned generation)
{
    assert_int_equal(policy_slot_publish(f->slot, make_snapshot(f, generation)), 0);
    audit_writer_wake(f->writer);
}

static void a_record_is_explained_by_the_policy_that_decided(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put(&f, 0);
    publish(&f, 2);
    adopt(&f, 0);
    put(&f, 0); /* of 2: must wait, since worker 1 still decides by 1 */
    pause_ms(300);
    assert_true(stats_of(&f).written == 1);
    assert_false(policy_slot_reclaim(f.slot));
    put(&f, 1);
    wait_until(stats_of(&f).written == 2);
    pause_ms(100);
    assert_false(policy_slot_reclaim(f.slot));
    assert_int_equal(f.released, 0);
    put(&f, 1); /* the last of 1 */
    adopt(&f, 1);
    put(&f, 1);
    wait_until(stats_of(&f).written == 5);
    wait_until(policy_slot_reclaim(f.slot));
    assert_int_equal(f.released, 1);
    assert_true(stats_of(&f).lost_output == 0);
    audit_writer_stop(f.writer, NULL);

    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 5);
    static const char *const want[] = {"g1", "g1", "g1", "g2", "g2"};
    const char *at = f.text;
    for (size_t i = 0; i < ITEMS(want); i++) {
        char part[64];
        snprintf(part, sizeof(part), "\"rule\":\"block suffix %s.example\",\"category\":\"%s\"",
                 want[i], want[i]);
        const char *next = strchr(at, '\n') + 1;
        const char *found = strstr(at, part);
        assert_true(found != NULL && found < next);
        at = next;
    }
    tear_down(&f);
}

static void an_idle_writer_adopts_when_it_is_woken(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    for (unsigned generation = 2; generation < 6; generation++) {
        publish(&f, generation);
        adopt(&f, 0);
        adopt(&f, 1);
        wait_until(policy_slot_reclaim(f.slot));
    }
    audit_writer_stop(f.writer, NULL);
    tear_down(&f);
}

static void at_the_end_both_generations_are_written(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    publish(&f, 2);
    adopt(&f, 0);
    put(&f, 0);
    put(&f, 1); /* this worker stops before it adopts */
    audit_writer_stop(f.writer, NULL);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 2);
    assert_non_null(strstr(f.text, "\"category\":\"g1\""));
    assert_non_null(strstr(f.text, "\"category\":\"g2\""));
    tear_down(&f);
}

static void a_blocked_output_does_not_hold_up_a_reload(void **state)
{
    struct fixture f;
    int ends[2];
    char path[32];

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    open_pipe(ends, path);
    assert_int_equal(start_on(&f, path, 0, 1), 0);
    fill(&f);
    publish(&f, 2);
    adopt(&f, 0);
    adopt(&f, 1);
    wait_until(policy_slot_reclaim(f.slot));
    assert_true(stats_of(&f).lost_output > 0); /* what was in the ring */
    assert_int_equal(f.released, 1);
    assert_true(put(&f, 0)); /* which has room again */
    audit_writer_stop(f.writer, NULL);
    close(ends[0]);
    close(ends[1]);
    tear_down(&f);
}

static void records_that_nothing_explains_are_counted_and_passed_over(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    put_as(&f, 0, f.policies[0], 77); /* of a generation that never was */
    put(&f, 0);
    wait_until(stats_of(&f).lost_output == 1 && stats_of(&f).written >= 1);

    /* The right generation, but no record behind it. */
    void *room = ring_reserve(f.rings[0], 200);
    assert_non_null(room);
    memset(room, 0xff, 200);
    const uint64_t generation = 1;
    memcpy(room, &generation, sizeof(generation));
    ring_commit(f.rings[0], 200);
    /* Too short for anything. */
    room = ring_reserve(f.rings[0], 3);
    assert_non_null(room);
    memset(room, 0, 3);
    ring_commit(f.rings[0], 3);
    put(&f, 0);
    wait_until(stats_of(&f).lost_output == 3);
    audit_writer_stop(f.writer, NULL);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 2);
    assert_true(tally.lost == 3);
    tear_down(&f);
}

static void put_at(struct fixture *f, unsigned worker, uint64_t wall_us, uint32_t latency_us,
                   unsigned port)
{
    const struct policy *policy = f->policies[worker];
    const struct wire_name name = make_name("a.g1.example");
    const struct policy_hit hit = make_hit(policy, "a.g1.example", 0, POLICY_TRIGGER_QNAME);
    struct audit_decision decision = {
        .wall_us = 1795339800000000 + wall_us,
        .latency_us = latency_us,
        .generation = policy_generation(policy),
        .client = make_address("192.0.2.1@4000"),
        .name = &name,
        .type = 1,
        .hit = &hit,
    };

    decision.client.port = (uint16_t)port;
    assert_true(audit_event_put(f->rings[worker], &decision));
}

/* Of two workers: in the order of answers, and of each in the order in which it handed over. */
static void events_of_all_workers_are_in_the_order_of_their_answers(void **state)
{
    struct fixture f;
    const char *at = NULL;

    (void)state;
    set_up(&f, AUDIT_RING_MIN);
    put_at(&f, 0, 10, 0, 1);
    put_at(&f, 0, 15, 15, 3);
    put_at(&f, 0, 50, 0, 5);
    put_at(&f, 0, 45, 0, 6); /* behind its predecessor, whatever it says */
    put_at(&f, 1, 0, 20, 2);
    put_at(&f, 1, 40, 0, 4);
    put_at(&f, 1, 52, 8, 7);
    put_at(&f, 1, 60, 0, 8);
    assert_int_equal(start_on(&f, f.path, 0, 1), 0);
    wait_until(stats_of(&f).written == 8);
    audit_writer_stop(f.writer, NULL);
    const struct tally tally = tally_of(&f, f.path);
    assert_all_there(&tally, 8);
    at = f.text;
    for (unsigned i = 1; i <= 8; i++) {
        at = strstr(at, "\"client_port\":");
        assert_non_null(at);
        at += strlen("\"client_port\":");
        assert_int_equal(strtoul(at, NULL, 10), i);
    }
    tear_down(&f);
}

enum {
    RELOADS = 30,
    EVENTS_PER_ROUND = 5
};

struct worker {
    struct fixture *f;
    unsigned index;
    atomic_bool *stop;
    unsigned asked;
};

static void *work(void *argument)
{
    struct worker *self = argument;

    while (!atomic_load(self->stop)) {
        adopt(self->f, self->index);
        if (ring_used(self->f->rings[self->index]) > 16u << 10) {
            pause_ms(1); /* sanitizers make the writer slow: what counts is the reloads */
            continue;
        }
        for (unsigned i = 0; i < EVENTS_PER_ROUND; i++) {
            put(self->f, self->index);
            self->asked++;
        }
        pause_ms(1);
    }
    return NULL;
}

static void reloads_under_load_lose_and_mix_nothing(void **state)
{
    struct fixture f;
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    atomic_bool stop = false;
    unsigned asked = 0;

    (void)state;
    set_up(&f, 1u << 20);
    assert_int_equal(start_on(&f, f.path, 4u << 20, 100), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){&f, i, &stop, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned generation = 2; generation < 2 + RELOADS; generation++) {
        struct snapshot *snapshot = make_snapshot(&f, generation);
        while (policy_slot_publish(f.slot, snapshot) == -EBUSY) {
            pause_ms(1);
        }
        audit_writer_wake(f.writer);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        asked += workers[i].asked;
    }
    audit_writer_stop(f.writer, NULL);
    assert_true(f.lost[0] + f.lost[1] == 0);

    struct tally tally = {0};
    unsigned files = 0;
    char path[80];
    snprintf(path, sizeof(path), "%s.1", f.path);
    while (access(path, F_OK) == 0) {
        snprintf(path, sizeof(path), "%s.%u", f.path, ++files + 1);
    }
    for (unsigned i = files + 1; i-- > 0;) {
        snprintf(path, sizeof(path), i > 0 ? "%s.%u" : "%s", f.path, i);
        read_file(&f, path);
        add_lines(&tally, f.text);
        for (const char *at = f.text; (at = strstr(at, "\"name\":\"a.g")) != NULL; at++) {
            const char *category = strstr(at, "\"category\":\"g");
            assert_non_null(category);
            assert_int_equal(strtoul(at + 11, NULL, 10), strtoul(category + 13, NULL, 10));
        }
    }
    assert_all_there(&tally, asked);
    print_message("%u events, %u reloads, %u files\n", asked, RELOADS, files + 1);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_explained_by_the_policy_that_decided),
        cmocka_unit_test(an_idle_writer_adopts_when_it_is_woken),
        cmocka_unit_test(at_the_end_both_generations_are_written),
        cmocka_unit_test(a_blocked_output_does_not_hold_up_a_reload),
        cmocka_unit_test(records_that_nothing_explains_are_counted_and_passed_over),
        cmocka_unit_test(events_of_all_workers_are_in_the_order_of_their_answers),
        cmocka_unit_test(reloads_under_load_lose_and_mix_nothing),
    };
    return cmocka_run_group_tests_name("audit/writer", tests, NULL, NULL);
}
