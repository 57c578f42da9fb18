/* Open files are shared out: upstreams first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/descriptors.h"
#include "daemon/limits.h"
#include "net/limits.h"
#include "upstream/limits.h"

#include <errno.h>
#include <sys/resource.h>

#define UPSTREAM_ALL (UPSTREAM_SOCKETS_MAX + UPSTREAM_TCP_CONNECTIONS_MAX)
#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static void too_few_are_told_enough_change_nothing(void **state)
{
    static const struct {
        uint64_t limit;
        unsigned workers;
        size_t addresses;
        bool starts, reduced;
        unsigned tcp_clients, upstream_sockets; /* 0: whatever */
    } rows[] = {
        /* unlimited, and what systemd gives */
        {RLIM_INFINITY, DAEMON_WORKERS_MAX, NET_LISTEN_MAX, true, false, 0, 0},
        {524288, 64, 4, true, false, 0, 0},
        /* exactly all, and one less */
        {64 + 2 * (8 + 4 + 512 + UPSTREAM_ALL), 2, 2, true, false, 0, 0},
        {64 + 2 * (8 + 4 + 512 + UPSTREAM_ALL) - 1, 2, 2, true, true, 512, 4159},
        /* an old shell: (1024 - 64) / 2 - 12 are 468 */
        {1024, 2, 2, true, true, 97, 371},
        {4096, 8, 2, true, true, 103, 389},
        /* exactly the least, and one less */
        {64 + 2 * (8 + 4 + 16 + 128), 2, 2, true, true, 16, 128},
        {64 + 2 * (8 + 4 + 16 + 128) - 1, 2, 2, false, false, 0, 0},
        /* too many workers for it */
        {1024, 64, 1, false, false, 0, 0},
        {0, 1, 1, false, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct descriptors plan;

        print_message("  %zu\n", i);
        assert_int_equal(
            descriptors_share(rows[i].limit, rows[i].workers, rows[i].addresses, &plan),
            rows[i].starts);
        assert_int_equal(plan.reduced, rows[i].reduced);
        if (!rows[i].starts) {
            assert_true(plan.least > rows[i].limit && plan.all > plan.least);
        } else if (!rows[i].reduced) {
            assert_int_equal(plan.tcp_clients, NET_TCP_CONNECTIONS_MAX);
            assert_int_equal(plan.upstream_sockets, UPSTREAM_ALL);
        } else {
            assert_int_equal(plan.tcp_clients, rows[i].tcp_clients);
            assert_int_equal(plan.upstream_sockets, rows[i].upstream_sockets);
        }
    }
}

static void no_share_is_too_small_or_too_large(void **state)
{
    (void)state;
    for (uint64_t limit = 0; limit < 12000; limit += 7) {
        for (unsigned workers = 1; workers <= 32; workers *= 2) {
            struct descriptors plan;

            if (!descriptors_share(limit, workers, 3, &plan)) {
                continue;
            }
            assert_in_range(plan.tcp_clients, DAEMON_FILES_CLIENTS_MIN,
                            NET_TCP_CONNECTIONS_MAX);
            assert_in_range(plan.upstream_sockets, DAEMON_FILES_UPSTREAM_MIN, UPSTREAM_ALL);
            assert_true(DAEMON_FILES_OF_PROCESS +
                            workers * (DAEMON_FILES_OF_WORKER + 6 + plan.tcp_clients +
                                       plan.upstream_sockets) <=
                        limit);
        }
    }
}

static void the_limit_in_force_is_the_one_that_counts(void **state)
{
    struct rlimit before;
    struct descriptors plan;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {100, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(descriptors_plan(2, 2, &plan), -EMFILE);
    assert_int_equal(plan.limit, 100);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_are_told_enough_change_nothing),
        cmocka_unit_test(no_share_is_too_small_or_too_large),
        cmocka_unit_test(the_limit_in_force_is_the_one_that_counts),
    };
    return cmocka_run_group_tests_name("daemon/descriptors", tests, NULL, NULL);
}
