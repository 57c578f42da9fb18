/* Workers as threads with real sockets: answers, snapshots swapped under them, reports, the
 * end. Meant for ThreadSanitizer as much as for the assertions. */
#include "base/clock.h"
#include "base/random.h"
#include "daemon/start.h"
#include "daemon/worker.h"
#include "wire/message.h"
#include "wire/writer.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/lists.h"

#define WORKERS 2u

struct crew {
    struct fixture *lists;
    struct worker *workers[WORKERS];
    struct cache *cache;
    struct upstream_conditions *conditions;
    struct policy_slot *slot;
    struct address address;
    uv_loop_t loop;
    uv_async_t reported;
    int silent; /* an upstream that says nothing */
};

static void on_reported(uv_async_t *handle)
{
    (void)handle;
}

/* A socket that takes questions and never answers. */
static int silent_upstream(struct address *address)
{
    struct sockaddr_storage bound;
    socklen_t len = 0;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_int_equal(address_parse("127.0.0.1", 9, 0, address), 0);
    len = address_to_sockaddr(address, &bound);
    assert_int_equal(bind(fd, (const struct sockaddr *)&bound, len), 0);
    len = sizeof(bound);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    assert_true(address_from_sockaddr((const struct sockaddr *)&bound, address));
    return fd;
}

/* A snapshot that blocks one more name or not; its upstream is the silent one, for which
 * questions wait for a minute: longer than a machine that is busy holds anything up. */
static struct setup_snapshot *snapshot_of(struct crew *crew, const char *use)
{
    struct fixture *lists = crew->lists;
    struct address upstream;

    load_well(lists, use, "", CREATED_S);
    struct setup_snapshot *snapshot = lists->snapshot;
    lists->snapshot = NULL;
    config_free(lists->config);
    lists->config = NULL;
    snapshot->settings.deadline_ms = 60000;
    if (crew->silent < 0) {
        crew->silent = silent_upstream(&upstream);
        snapshot->upstreams.servers[0].address = upstream;
    } else {
        snapshot->upstreams =
            ((struct setup_snapshot *)policy_slot_current(crew->slot))->upstreams;
    }
    return snapshot;
}

static int crew_open(void **state)
{
    struct crew *crew = calloc(1, sizeof(*crew));
    struct config listen = {.listen_count = 1};
    struct activation passed = {0};
    struct start_sockets sockets;
    static const uint8_t key[16] = {1};

    assert_non_null(crew);
    setup(state);
    crew->lists = *state;
    crew->silent = -1;
    write_list(crew->lists, "first", RULE("suffix first.example"), 2);
    write_list(crew->lists, "second", RULE("suffix second.example"), 2);
    assert_int_equal(uv_loop_init(&crew->loop), 0);
    assert_int_equal(uv_async_init(&crew->loop, &crew->reported, on_reported), 0);
    crew->cache = cache_create(CACHE_SIZE_MIN, key);
    crew->conditions = upstream_conditions_create();
    assert_non_null(crew->cache);
    crew->slot = policy_slot_create(WORKERS, snapshot_of(crew, "    first: enforce\n"),
                                    setup_snapshot_free);
    assert_non_null(crew->slot);
    assert_int_equal(address_parse("127.0.0.1", 9, 0, &listen.listen[0]), 0);
    assert_int_equal(start_sockets_open(&listen, WORKERS, &passed, &sockets), 0);
    crew->address = sockets.listen[0];
    for (unsigned w = 0; w < WORKERS; w++) {
        const struct worker_setup worker = {
            .index = w,
            .cache = crew->cache,
            .conditions = crew->conditions,
            .slot = crew->slot,
            .sockets = &sockets.pairs[w],
            .addresses = sockets.listen,
            .count = 1,
            .ring_octets = 1u << 20,
            .reported = &crew->reported,
        };
        assert_int_equal(worker_create(&worker, &crew->workers[w]), 0);
    }
    start_sockets_close(&sockets, WORKERS);
    *state = crew;
    return 0;
}

static void crew_start(struct crew *crew)
{
    for (unsigned w = 0; w < WORKERS; w++) {
        assert_int_equal(worker_start(crew->workers[w]), 0);
    }
}

static int crew_close(void **state)
{
    struct crew *crew = *state;
    void *lists = crew->lists;

    for (unsigned w = 0; w < WORKERS; w++) {
        worker_stop(crew->workers[w]);
    }
    for (unsigned w = 0; w < WORKERS; w++) {
        worker_join(crew->workers[w]);
        worker_destroy(crew->workers[w]);
    }
    uv_close((uv_handle_t *)&crew->reported, NULL);
    uv_run(&crew->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&crew->loop), 0);
    policy_slot_destroy(crew->slot);
    cache_destroy(crew->cache);
    upstream_conditions_destroy(crew->conditions);
    if (crew->silent >= 0) {
        close(crew->silent);
    }
    free(crew);
    return teardown(&lists);
}

static int client_of(const struct crew *crew)
{
    struct sockaddr_storage to;
    const socklen_t len = address_to_sockaddr(&crew->address, &to);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, len), 0);
    return fd;
}

static void send_question(int fd, uint16_t id, const char *text)
{
    struct wire_name name;
    uint8_t octets[512];

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    const size_t len = wire_question_write(octets, sizeof(octets), id, WIRE_FLAG_RD,
                                           name.octets, name.len, WIRE_A, WIRE_IN, 1232, false);
    assert_int_equal(send(fd, octets, len, 0), len);
}

/* Response code and number of answer records (rcode << 8 | count), or -1 after wait_ms. */
static int receive_answer(int fd, uint16_t id, int wait_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    struct wire_message message;
    uint8_t octets[1500];

    if (poll(&ready, 1, wait_ms) != 1) {
        return -1;
    }
    const ssize_t got = recv(fd, octets, sizeof(octets), 0);
    assert_true(got > 0);
    assert_int_equal(wire_message_open(octets, (size_t)got, &message), WIRE_OK);
    assert_int_equal(message.id, id);
    return (int)((message.flags & WIRE_RCODE_MASK) << 8 | message.counts[WIRE_ANSWER]);
}

#define BLOCKED (WIRE_NOERROR << 8 | 1)

/* Publishes and waits until every worker has taken it. */
static void swap(struct crew *crew, struct setup_snapshot *snapshot)
{
    const uint64_t until_us = clock_read().mono_us + 20000000;

    while (policy_slot_publish(crew->slot, snapshot) != 0) {
        assert_true(clock_read().mono_us < until_us);
        usleep(100);
    }
    const uint64_t number = policy_slot_number(crew->slot);
    for (unsigned w = 0; w < WORKERS; w++) {
        worker_adopt(crew->workers[w]);
    }
    while (!policy_slot_adopted(crew->slot, WORKERS, number)) {
        assert_true(clock_read().mono_us < until_us);
        usleep(100);
    }
}

static struct query_counters totals(struct crew *crew, unsigned *in_use)
{
    const uint64_t until_us = clock_read().mono_us + 20000000;
    struct query_counters sum = {0};
    struct worker_report report;

    *in_use = 0;
    for (unsigned w = 0; w < WORKERS; w++) {
        const uint64_t number = worker_ask_report(crew->workers[w]);
        do {
            assert_true(clock_read().mono_us < until_us);
            usleep(100);
            worker_read_report(crew->workers[w], &report);
        } while (report.number < number);
        sum.questions += report.query.questions;
        sum.blocked += report.query.blocked;
        sum.reruns += report.query.reruns;
        *in_use += report.in_use;
    }
    return sum;
}

static void answers_by_the_snapshot_that_every_worker_has_taken(void **state)
{
    struct crew *crew = *state;
    const int fd = client_of(crew);
    unsigned in_use = 0;
    uint16_t id = 0;

    crew_start(crew);
    for (unsigned i = 0; i < 30; i++) {
        const bool both = i % 2 == 1;
        swap(crew, snapshot_of(crew, both ? "    first: enforce\n    second: enforce\n"
                                          : "    second: enforce\n"));
        send_question(fd, ++id, "a.second.example");
        assert_int_equal(receive_answer(fd, id, 20000), BLOCKED);
        if (both) {
            send_question(fd, ++id, "a.first.example");
            assert_int_equal(receive_answer(fd, id, 20000), BLOCKED);
        }
    }
    const struct query_counters counters = totals(crew, &in_use);
    assert_int_equal(counters.questions, id);
    assert_int_equal(counters.blocked, id);
    assert_int_equal(in_use, 0);
    close(fd);
}

static void answers_while_snapshots_change_as_fast_as_they_can(void **state)
{
    struct crew *crew = *state;
    int fds[8];

    crew_start(crew);
    for (size_t i = 0; i < 8; i++) { /* different ports: both workers get some */
        fds[i] = client_of(crew);
    }
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < 8; i++) {
            send_question(fds[i], (uint16_t)round, "a.first.example");
        }
        swap(crew, snapshot_of(crew, "    first: enforce\n"));
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(receive_answer(fds[i], (uint16_t)round, 20000), BLOCKED);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        close(fds[i]);
    }
}

static void decides_a_waiting_question_anew(void **state)
{
    struct crew *crew = *state;
    const int fd = client_of(crew);
    unsigned in_use = 0;

    crew_start(crew);
    send_question(fd, 7, "a.second.example"); /* free for now: it waits for the silent one */
    while (totals(crew, &in_use).questions == 0) {
    }
    assert_int_equal(receive_answer(fd, 7, 50), -1);
    swap(crew, snapshot_of(crew, "    first: enforce\n    second: enforce\n"));
    assert_int_equal(receive_answer(fd, 7, 20000), BLOCKED);
    assert_int_equal(totals(crew, &in_use).reruns, 1);
    assert_int_equal(in_use, 0);
    close(fd);
}

static void gives_up_at_the_end_what_nobody_answers(void **state)
{
    struct crew *crew = *state;
    const int fd = client_of(crew);
    unsigned in_use = 0;

    crew_start(crew);
    for (uint16_t i = 0; i < 50; i++) {
        send_question(fd, i, "www.example");
    }
    while (totals(crew, &in_use).questions < 50) {
    }
    assert_int_equal(in_use, 50);
    const uint64_t began_us = clock_read().mono_us;
    for (unsigned w = 0; w < WORKERS; w++) {
        worker_stop(crew->workers[w]);
    }
    for (unsigned w = 0; w < WORKERS; w++) {
        worker_join(crew->workers[w]);
    }
    assert_in_range(clock_read().mono_us - began_us, 900000,
                    30000000); /* a second, not a minute */
    close(fd);
}

static void ends_without_having_run(void **state)
{
    (void)state; /* teardown does it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_by_the_snapshot_that_every_worker_has_taken,
                                        crew_open, crew_close),
        cmocka_unit_test_setup_teardown(answers_while_snapshots_change_as_fast_as_they_can,
                                        crew_open, crew_close),
        cmocka_unit_test_setup_teardown(decides_a_waiting_question_anew, crew_open, crew_close),
        cmocka_unit_test_setup_teardown(gives_up_at_the_end_what_nobody_answers, crew_open,
                                        crew_close),
        cmocka_unit_test_setup_teardown(ends_without_having_run, crew_open, crew_close),
    };

    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    if (random_library_init() != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
