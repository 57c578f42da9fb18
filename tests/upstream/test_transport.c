/* upstream/transport over TCP: real sockets on loopback, against a server that the test plays
 * itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "upstream/limits.h"
#include "upstream/worker.h"

static void sockets_are_bounded_over_udp_and_tcp(void **state)
{
    struct query_fetch fetches[4];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    upstream_transport_limit(worker.transport, 2);
    ask(&worker, &fetches[0], "one.example.test");
    truncate_udp(&worker, &server);
    const int connection = take_tcp(&server);
    assert_true(connection >= 0);
    ask(&worker, &fetches[1], "two.example.test");
    assert_int_equal(pool_in_use(worker.transport->udp), 1);
    assert_int_equal(upstream_lacks(worker.upstream), 0);
    ask(&worker, &fetches[2], "three.example.test");
    ask(&worker, &fetches[3], "four.example.test");
    assert_int_equal(pool_in_use(worker.transport->udp), 1);
    assert_int_equal(upstream_lacks(worker.upstream), 2);
    truncate_udp(&worker, &server); /* room for one; a rider needs none */
    assert_int_equal(upstream_lacks(worker.upstream), 2);
    pass(&worker, UPSTREAM_TRY_MIN_MS + 20);
    assert_int_equal(pool_in_use(worker.transport->udp), 1);
    assert_true(upstream_lacks(worker.upstream) >= 3);
    close(connection);
    end(&worker, &server);
}

/* ---- TCP ---- */

static void a_truncated_answer_is_fetched_over_a_kept_connection(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "::1"};

    (void)state;
    for (size_t i = 0; i < ITEMS(addresses); i++) {
        struct query_fetch fetch;
        uint8_t octets[512];
        int connection = -1;
        struct server server;
        struct worker worker;

        server_init(&server, addresses[i]);
        worker_init(&worker, &server.at, 1);
        for (unsigned round = 0; round < 3; round++) {
            ask(&worker, &fetch, "www.example.test");
            truncate_udp(&worker, &server);
            if (round == 0) {
                connection = take_tcp(&server);
                assert_true(connection >= 0);
            }
            assert_int_equal(take_tcp(&server), -1); /* no second one */
            const int len = read_tcp(connection, octets);
            assert_true(len > 0);
            answer_tcp(connection, octets, len);
            settle(&worker);
            assert_int_equal(worker.done, round + 1);
            assert_int_equal(worker.status, QUERY_FETCH_ANSWER);
        }
        assert_int_equal(pool_in_use(worker.transport->riders), 0);
        worker_deinit(&worker);
        assert_int_equal(read_tcp(connection, octets), -1);
        close(connection);
        server_deinit(&server);
    }
}

static void questions_share_a_connection_and_are_answered_in_any_order(void **state)
{
    enum {
        MANY = 40
    };
    static struct query_fetch fetches[MANY];
    static uint8_t octets[MANY][512];
    int lens[MANY];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    for (size_t i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%zu.example.test", i);
        ask(&worker, &fetches[i], name);
        truncate_udp(&worker, &server);
    }
    const int connection = take_tcp(&server);
    assert_int_equal(take_tcp(&server), -1);
    for (size_t i = 0; i < MANY; i++) {
        lens[i] = read_tcp(connection, octets[i]);
        assert_true(lens[i] > 0);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(wire_get16(octets[i]), wire_get16(octets[j]));
        }
    }
    for (size_t i = MANY; i-- > 0;) {
        answer_tcp(connection, octets[i], lens[i]);
        settle(&worker);
        assert_int_equal(worker.done, MANY - i);
        assert_int_equal(worker.status, QUERY_FETCH_ANSWER);
        assert_ptr_equal(worker.last, &fetches[i]);
    }
    close(connection);
    end(&worker, &server);
}

static void answers_may_be_cut_and_glued(void **state)
{
    struct query_fetch fetches[3];
    uint8_t frames[3 * 514];
    size_t len = 0;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    for (size_t i = 0; i < 3; i++) {
        ask(&worker, &fetches[i], "www.example.test");
        truncate_udp(&worker, &server);
    }
    const int connection = take_tcp(&server);
    for (size_t i = 0; i < 3; i++) {
        uint8_t octets[512];
        const int got = read_tcp(connection, octets);
        assert_true(got > 0);
        len += frame_answer(frames + len, octets, (size_t)got);
    }
    const size_t one = len / 3;
    for (size_t i = 0; i < one; i++) {
        assert_int_equal(worker.done, 0);
        assert_int_equal(send(connection, frames + i, 1, MSG_NOSIGNAL), 1);
        settle(&worker);
    }
    assert_int_equal(worker.done, 1);
    assert_int_equal(send(connection, frames + one, 2 * one, MSG_NOSIGNAL), (ssize_t)(2 * one));
    settle(&worker);
    assert_int_equal(worker.done, 3);
    close(connection);
    end(&worker, &server);
}

static void a_connection_that_closes_early_is_opened_once_more(void **state)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    ask(&worker, &fetch, "www.example.test");
    truncate_udp(&worker, &server);
    int connection = take_tcp(&server);
    assert_true(read_tcp(connection, octets) > 0);
    close(connection);
    settle(&worker);
    assert_int_equal(worker.done, 0);
    connection = take_tcp(&server);
    const int len = read_tcp(connection, octets);
    assert_true(len > 0);
    answer_tcp(connection, octets, len);
    settle(&worker);
    assert_int_equal(worker.status, QUERY_FETCH_ANSWER);

    /* One that is closed while nobody uses it is forgotten, and the next is new. */
    close(connection);
    settle(&worker);
    assert_int_equal(pool_in_use(worker.transport->connections), 0);
    ask(&worker, &fetch, "www.example.test");
    truncate_udp(&worker, &server);
    connection = take_tcp(&server);
    assert_true(read_tcp(connection, octets) > 0);
    close(connection);
    settle(&worker);
    connection = take_tcp(&server);
    assert_true(read_tcp(connection, octets) > 0);
    close(connection); /* twice is too often */
    settle(&worker);
    assert_int_equal(worker.done, 2);
    assert_int_equal(worker.status, QUERY_FETCH_TIMEOUT);
    end(&worker, &server);
}

/* It carries one question each time, and closes too late for that to be learned: as long as
 * each connection has an answer for somebody, the others are asked again. */
static void who_only_waited_on_a_connection_that_closes_is_asked_again(void **state)
{
    struct query_fetch fetches[4];
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    for (size_t i = 0; i < 4; i++) {
        ask(&worker, &fetches[i], "www.example.test");
        truncate_udp(&worker, &server);
    }
    for (unsigned i = 1; i <= 4; i++) {
        const int connection = take_tcp(&server);

        assert_true(connection >= 0);
        const int len = read_tcp(connection, octets);
        assert_true(len > 0);
        answer_tcp(connection, octets, len);
        pass(&worker, UPSTREAM_TCP_CUT_SOON_MS + 50);
        assert_int_equal(worker.done, i);
        assert_int_equal(worker.status, QUERY_FETCH_ANSWER);
        close(connection);
        settle(&worker);
        assert_int_equal(worker.done, i);
    }
    end(&worker, &server);
}

static void broken_framing_fails_everybody_on_the_connection(void **state)
{
    static const uint8_t broken[] = {0, 5, 1, 2, 3, 4, 5};
    struct query_fetch fetches[3];
    uint8_t octets[512];
    struct server servers[2];
    struct address addresses[2];
    struct worker worker;
    size_t moved = 0;

    (void)state;
    server_init(&servers[0], "127.0.0.1");
    server_init(&servers[1], "127.0.0.2");
    addresses[0] = servers[0].at;
    addresses[1] = servers[1].at;
    worker_init(&worker, addresses, 2);
    const uint64_t now_us = worker.now.mono_us;
    upstream_condition_set_rtt(worker.upstream->servers[0].condition, 1000, 0, now_us); /* so
                                                                that it is asked first */
    upstream_condition_set_rtt(worker.upstream->servers[1].condition, 500000, 0, now_us);
    for (size_t i = 0; i < 3; i++) {
        ask(&worker, &fetches[i], "www.example.test");
        truncate_udp(&worker, &servers[0]);
    }
    const int connection = take_tcp(&servers[0]);
    assert_true(connection >= 0);
    assert_int_equal(send(connection, broken, sizeof(broken), MSG_NOSIGNAL), sizeof(broken));
    settle(&worker);
    for (size_t len; (len = take_udp(&servers[1], octets)) > 0; moved++) {
        answer_udp(&servers[1], octets, len, 0);
    }
    settle(&worker);
    assert_int_equal(moved, 3);
    assert_int_equal(worker.done, 3);
    assert_int_equal(worker.status, QUERY_FETCH_ANSWER);
    assert_int_equal(pool_in_use(worker.transport->connections), 0);
    worker_deinit(&worker);
    close(connection);
    server_deinit(&servers[0]);
    server_deinit(&servers[1]);
}

static void an_unwritten_question_of_a_cancelled_fetch_is_never_written(void **state)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    ask(&worker, &fetch, "www.example.test");
    size_t len = take_udp(&server, octets);
    answer_udp(&server, octets, len, WIRE_FLAG_TC);
    while (worker.transport->first == NULL) {
        uv_run(&worker.loop, UV_RUN_NOWAIT);
    }
    upstream_cancel(worker.upstream, &fetch); /* connecting has only begun */
    settle(&worker);
    const int connection = take_tcp(&server);
    assert_true(connection >= 0);
    assert_int_equal(read_tcp(connection, octets), 0);
    assert_int_equal(pool_in_use(worker.transport->riders), 0);

    /* The connection is as good as new. */
    ask(&worker, &fetch, "other.example.test");
    truncate_udp(&worker, &server);
    const int got = read_tcp(connection, octets);
    assert_true(got > 0);
    answer_tcp(connection, octets, got);
    settle(&worker);
    assert_int_equal(worker.done, 1);
    close(connection);
    end(&worker, &server);
}

static void idle_connections_are_closed(void **state)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    upstream_transport_patience(worker.transport, 1000, 600);
    ask(&worker, &fetch, "www.example.test");
    truncate_udp(&worker, &server);
    const int connection = take_tcp(&server);
    const int len = read_tcp(connection, octets);
    pass(&worker, 800);
    assert_int_equal(read_tcp(connection, octets), 0); /* a question waits on it */
    answer_tcp(connection, octets, len);
    pass(&worker, 100);
    assert_int_equal(read_tcp(connection, octets), 0);
    pass(&worker, 900);
    assert_int_equal(read_tcp(connection, octets), -1);
    assert_int_equal(pool_in_use(worker.transport->connections), 0);
    assert_at_rest(&worker);
    close(connection);
    end(&worker, &server);
}

static void connecting_has_an_end(void **state)
{
    struct sockaddr_storage storage;
    struct query_fetch fetch;
    int fill[8];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    upstream_transport_patience(worker.transport, 800, 1000);
    assert_int_equal(listen(server.tcp, 0), 0);
    const socklen_t len = address_to_sockaddr(&server.at, &storage);
    for (size_t i = 0; i < ITEMS(fill); i++) { /* nobody accepts: the rest must wait */
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&storage, len);
    }
    ask(&worker, &fetch, "www.example.test");
    truncate_udp(&worker, &server);
    pass(&worker, 150);
    assert_int_equal(worker.done, 0);
    pass(&worker, 1000);
    assert_int_equal(worker.done, 1);
    assert_int_equal(worker.status, QUERY_FETCH_TIMEOUT);
    assert_int_equal(pool_in_use(worker.transport->connections), 0);
    worker_deinit(&worker);
    for (size_t i = 0; i < ITEMS(fill); i++) {
        close(fill[i]);
    }
    server_deinit(&server);
}

static void a_connection_that_answers_nobody_gets_no_more_questions(void **state)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    upstream_transport_patience(worker.transport, 200, 100000);
    ask(&worker, &fetch, "www.example.test");
    truncate_udp(&worker, &server);
    const int silent = take_tcp(&server);
    assert_true(read_tcp(silent, octets) > 0);
    pass(&worker, 250);
    upstream_cancel(worker.upstream, &fetch);
    ask(&worker, &fetch, "www.example.test");
    truncate_udp(&worker, &server);
    const int fresh = take_tcp(&server);
    const int len = read_tcp(fresh, octets);
    assert_true(len > 0);
    answer_tcp(fresh, octets, len);
    pass(&worker, 200);
    assert_int_equal(worker.done, 1);
    assert_int_equal(read_tcp(silent, octets), -1);
    assert_int_equal(read_tcp(fresh, octets), 0);
    worker_deinit(&worker);
    close(silent);
    close(fresh);
    server_deinit(&server);
}

/* One octet of an answer now and then keeps nobody waiting but those who wait already. */
static void a_connection_that_dribbles_gets_no_more_questions(void **state)
{
    struct query_fetch fetches[2];
    uint8_t frame[514];
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    upstream_transport_patience(worker.transport, 200, 100000);
    ask(&worker, &fetches[0], "www.example.test");
    truncate_udp(&worker, &server);
    const int slow = take_tcp(&server);
    int len = read_tcp(slow, octets);
    assert_true(len > 0);
    assert_true(frame_answer(frame, octets, (size_t)len) > 12);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(send(slow, frame + i, 1, MSG_NOSIGNAL), 1);
        pass(&worker, 50);
    }
    ask(&worker, &fetches[1], "www.example.test");
    truncate_udp(&worker, &server);
    const int fresh = take_tcp(&server);
    assert_true(fresh >= 0);
    len = read_tcp(fresh, octets);
    assert_true(len > 0);
    answer_tcp(fresh, octets, len);
    settle(&worker);
    assert_int_equal(worker.done, 1);
    assert_ptr_equal(worker.last, &fetches[1]);
    assert_int_equal(send(slow, frame + 6, 1, MSG_NOSIGNAL), 1);
    upstream_cancel(worker.upstream, &fetches[0]); /* nobody waits on it any more */
    pass(&worker, 200);
    assert_int_equal(read_tcp(slow, octets), -1);
    assert_int_equal(read_tcp(fresh, octets), 0);
    worker_deinit(&worker);
    close(slow);
    close(fresh);
    server_deinit(&server);
}

/* Nor do whole answers from before, or to others, as long as the latest is long ago. */
static void a_connection_that_stops_halfway_gets_no_more_questions(void **state)
{
    struct query_fetch fetches[3];
    uint8_t octets[2][512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    /* Far apart: a busy machine may hold this test up for some 100 ms. */
    upstream_transport_patience(worker.transport, 800, 100000);
    ask(&worker, &fetches[0], "one.example.test");
    truncate_udp(&worker, &server);
    ask(&worker, &fetches[1], "two.example.test");
    truncate_udp(&worker, &server);
    const int connection = take_tcp(&server);
    const int lens[] = {read_tcp(connection, octets[0]), read_tcp(connection, octets[1])};
    assert_true(lens[0] > 0 && lens[1] > 0);
    pass(&worker, 200);
    answer_tcp(connection, octets[1], lens[1]);
    pass(&worker, 300);
    assert_int_equal(worker.done, 1);
    ask(&worker, &fetches[2], "three.example.test"); /* 300 ms after a whole answer */
    truncate_udp(&worker, &server);
    assert_int_equal(take_tcp(&server), -1);
    assert_true(read_tcp(connection, octets[1]) > 0);
    upstream_cancel(worker.upstream, &fetches[2]);
    pass(&worker, 600);
    ask(&worker, &fetches[2], "three.example.test"); /* 900 ms after */
    truncate_udp(&worker, &server);
    const int fresh = take_tcp(&server);
    assert_true(fresh >= 0);
    worker_deinit(&worker);
    close(connection);
    close(fresh);
    server_deinit(&server);
}

/* However many of them stall. */
static void connections_to_a_server_are_bounded(void **state)
{
    enum {
        MANY = UPSTREAM_TCP_PER_SERVER_MAX + 1
    };
    static struct query_fetch fetches[MANY];
    int connections[MANY];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    upstream_transport_patience(worker.transport, 30, 100000);
    for (size_t i = 0; i < MANY; i++) {
        ask(&worker, &fetches[i], "www.example.test");
        truncate_udp(&worker, &server);
        connections[i] = take_tcp(&server);
        assert_int_equal(connections[i] >= 0, i < UPSTREAM_TCP_PER_SERVER_MAX);
        pass(&worker, 35);
    }
    assert_int_equal(pool_in_use(worker.transport->connections), UPSTREAM_TCP_PER_SERVER_MAX);
    upstream_cancel(worker.upstream, &fetches[0]); /* its connection makes room */
    ask(&worker, &fetches[0], "www.example.test");
    truncate_udp(&worker, &server);
    const int fresh = take_tcp(&server);
    assert_true(fresh >= 0);
    worker_deinit(&worker);
    close(fresh);
    for (size_t i = 0; i < UPSTREAM_TCP_PER_SERVER_MAX; i++) {
        close(connections[i]);
    }
    server_deinit(&server);
}

static void a_late_answer_to_a_cancelled_question_harms_nobody(void **state)
{
    struct query_fetch first;
    struct query_fetch second;
    uint8_t octets[2][512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    ask(&worker, &first, "one.example.test");
    truncate_udp(&worker, &server);
    ask(&worker, &second, "two.example.test");
    truncate_udp(&worker, &server);
    const int connection = take_tcp(&server);
    const int lens[] = {read_tcp(connection, octets[0]), read_tcp(connection, octets[1])};
    upstream_cancel(worker.upstream, &first);
    answer_tcp(connection, octets[0], lens[0]);
    settle(&worker);
    assert_int_equal(worker.done, 0);
    answer_tcp(connection, octets[1], lens[1]);
    settle(&worker);
    assert_int_equal(worker.done, 1);
    assert_ptr_equal(worker.last, &second);
    close(connection);
    end(&worker, &server);
}

static void full_connections_are_followed_by_another(void **state)
{
    enum {
        MANY = UPSTREAM_TCP_PIPELINE_MAX + 1
    };
    static struct query_fetch fetches[MANY];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    for (size_t i = 0; i < MANY; i++) {
        ask(&worker, &fetches[i], "www.example.test");
        truncate_udp(&worker, &server);
    }
    const int first = take_tcp(&server);
    const int second = take_tcp(&server);
    assert_true(first >= 0 && second >= 0);
    worker_deinit(&worker); /* with all of them in flight */
    close(first);
    close(second);
    server_deinit(&server);
}

static void everything_may_close_in_either_order(void **state)
{
    struct query_fetch fetches[2];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    ask(&worker, &fetches[0], "www.example.test");
    truncate_udp(&worker, &server);
    ask(&worker, &fetches[1], "www.example.test");
    upstream_transport_close(worker.transport); /* first, and its handles close */
    uv_run(&worker.loop, UV_RUN_DEFAULT);
    upstream_destroy(worker.upstream);
    upstream_conditions_destroy(worker.conditions);
    assert_int_equal(worker.done, 0);
    assert_int_equal(uv_loop_close(&worker.loop), 0);
    timers_destroy(worker.timers);
    server_deinit(&server);
    upstream_transport_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_are_bounded_over_udp_and_tcp),
        cmocka_unit_test(a_truncated_answer_is_fetched_over_a_kept_connection),
        cmocka_unit_test(questions_share_a_connection_and_are_answered_in_any_order),
        cmocka_unit_test(answers_may_be_cut_and_glued),
        cmocka_unit_test(a_connection_that_closes_early_is_opened_once_more),
        cmocka_unit_test(who_only_waited_on_a_connection_that_closes_is_asked_again),
        cmocka_unit_test(broken_framing_fails_everybody_on_the_connection),
        cmocka_unit_test(an_unwritten_question_of_a_cancelled_fetch_is_never_written),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(connecting_has_an_end),
        cmocka_unit_test(a_connection_that_answers_nobody_gets_no_more_questions),
        cmocka_unit_test(a_connection_that_dribbles_gets_no_more_questions),
        cmocka_unit_test(a_connection_that_stops_halfway_gets_no_more_questions),
        cmocka_unit_test(connections_to_a_server_are_bounded),
        cmocka_unit_test(a_late_answer_to_a_cancelled_question_harms_nobody),
        cmocka_unit_test(full_connections_are_followed_by_another),
        cmocka_unit_test(everything_may_close_in_either_order),
    };
    return cmocka_run_group_tests_name("upstream/transport", tests, NULL, NULL);
}
