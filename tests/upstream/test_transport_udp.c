/* upstream/transport over UDP: real sockets on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "upstream/worker.h"

#include <sys/resource.h>

static void a_question_goes_out_and_its_answer_comes_in(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.53", "::1"};

    (void)state;
    for (size_t i = 0; i < ITEMS(addresses); i++) {
        struct query_fetch fetch;
        uint8_t octets[512];
        struct server server;
        struct worker worker;

        server_init(&server, addresses[i]);
        worker_init(&worker, &server.at, 1);
        ask(&worker, &fetch, "www.example.test");
        const size_t len = take_udp(&server, octets);
        assert_true(len > 12);
        answer_udp(&server, octets, len, 0);
        worker.turns = 0;
        settle(&worker);
        assert_true(worker.turns > 0);
        assert_int_equal(worker.done, 1);
        assert_int_equal(worker.status, QUERY_FETCH_ANSWER);
        assert_ptr_equal(worker.last, &fetch);
        worker_deinit(&worker);
        server_deinit(&server);
    }
}

static void an_answer_from_elsewhere_does_not_arrive(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct server forger; /* the same address, another port */
    struct server stranger;
    struct worker worker;

    (void)state;
    server_init(&server, "127.0.0.1");
    server_init(&forger, "127.0.0.1");
    server_init(&stranger, "127.0.0.2");
    worker_init(&worker, &server.at, 1);
    ask(&worker, &fetch, "www.example.test");
    const size_t len = take_udp(&server, octets);
    forger.from = stranger.from = server.from;
    forger.from_len = stranger.from_len = server.from_len;
    answer_udp(&forger, octets, len, 0);
    answer_udp(&stranger, octets, len, 0);
    settle(&worker);
    assert_int_equal(worker.done, 0);
    answer_udp(&server, octets, len, 0);
    settle(&worker);
    assert_int_equal(worker.done, 1);
    upstream_status(worker.upstream, status);
    assert_int_equal(status[0].wrong, 0); /* the kernel has dropped them */
    end(&worker, &server);
    server_deinit(&forger);
    server_deinit(&stranger);
}

static void wrong_answers_are_read_past(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    ask(&worker, &fetch, "www.example.test");
    const size_t len = take_udp(&server, octets);
    sendto(server.udp, octets, 0, 0, (struct sockaddr *)&server.from, server.from_len);
    for (unsigned i = 0; i < 5; i++) {
        octets[0]++;
        answer_udp(&server, octets, len, 0);
    }
    octets[0] = (uint8_t)(octets[0] - 5);
    answer_udp(&server, octets, len, 0);
    settle(&worker);
    assert_int_equal(worker.done, 1);
    assert_int_equal(worker.status, QUERY_FETCH_ANSWER);
    upstream_status(worker.upstream, status);
    assert_int_equal(status[0].wrong, 6);
    end(&worker, &server);
}

static void a_closed_port_is_told_at_once(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "::1"};

    (void)state;
    for (size_t i = 0; i < ITEMS(addresses); i++) {
        struct query_fetch fetch;
        struct server server;
        struct worker worker;

        server_init(&server, addresses[i]);
        worker_init(&worker, &server.at, 1);
        server_deinit(&server);
        ask(&worker, &fetch, "www.example.test");
        settle(&worker);
        assert_int_equal(worker.done, 1);
        assert_int_equal(worker.status, QUERY_FETCH_UNREACHABLE);
        worker_deinit(&worker);
    }
}

static void source_ports_are_uniform(void **state)
{
    enum {
        QUESTIONS = 20000,
        PORTS = 65536 - UPSTREAM_PORT_MIN
    };
    static unsigned count[PORTS];
    unsigned distinct = 0;
    double square = 0;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        struct query_fetch fetch;
        struct address from;
        uint8_t octets[512];

        ask(&worker, &fetch, "www.example.test");
        assert_true(take_udp(&server, octets) > 0);
        assert_true(address_from_sockaddr((struct sockaddr *)&server.from, &from));
        assert_true(from.port >= UPSTREAM_PORT_MIN);
        distinct += count[from.port - UPSTREAM_PORT_MIN]++ == 0;
        upstream_cancel(worker.upstream, &fetch);
    }
    for (unsigned i = 0; i < PORTS; i++) {
        const double expected = (double)QUESTIONS / PORTS;
        square += (count[i] - expected) * (count[i] - expected) / expected;
    }
    print_message("  %u distinct ports, chi-square %.0f for %d degrees of freedom\n", distinct,
                  square, PORTS - 1);
    assert_true(distinct >= 10000);
    /* Mean n, variance 2n: six deviations. */
    const double off = square - (PORTS - 1);
    assert_true(off * off < 36.0 * 2 * (PORTS - 1));
    assert_int_equal(pool_in_use(worker.transport->udp), 0);
    end(&worker, &server);
}

static void without_descriptors_it_asks_a_little_later(void **state)
{
    struct rlimit limit;
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const int next = dup(0);
    const struct rlimit none = {(rlim_t)next, limit.rlim_max};
    close(next);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    ask(&worker, &fetch, "www.example.test");
    settle(&worker);
    assert_int_equal(take_udp(&server, octets), 0);
    assert_int_equal(worker.done, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    pass(&worker, UPSTREAM_TRY_MIN_MS + 50);
    const size_t len = take_udp(&server, octets);
    assert_true(len > 0);
    answer_udp(&server, octets, len, 0);
    settle(&worker);
    assert_int_equal(worker.status, QUERY_FETCH_ANSWER);
    end(&worker, &server);
}

/* ---- sockets that carry several questions ---- */

enum {
    CROWD = 100 /* above UPSTREAM_UDP_WAITING_MIN */
};

static size_t waiting(const struct worker *worker)
{
    return worker->transport->udp_waiting[0].count;
}

/* A question and its answer. Returns the port that it came from. */
static uint16_t exchange_one(struct worker *worker, struct server *server)
{
    struct query_fetch fetch;
    struct address from;
    uint8_t octets[512];

    ask(worker, &fetch, "www.example.test");
    const size_t len = take_udp(server, octets);
    assert_true(len > 0);
    assert_true(address_from_sockaddr((struct sockaddr *)&server->from, &from));
    answer_udp(server, octets, len, 0);
    settle(worker);
    assert_int_equal(worker->status, QUERY_FETCH_ANSWER);
    return from.port;
}

/* Many questions at once, all answered: their sockets wait. ports: where they are, if wanted.
 */
static void crowd(struct worker *worker, struct server *server, struct address *froms)
{
    static struct query_fetch fetches[CROWD];
    uint8_t octets[512];

    for (unsigned i = 0; i < CROWD; i++) {
        ask(worker, &fetches[i], "www.example.test");
    }
    for (unsigned i = 0; i < CROWD; i++) {
        const size_t len = take_udp(server, octets);

        assert_true(len > 0);
        if (froms != NULL) {
            assert_true(address_from_sockaddr((struct sockaddr *)&server->from, &froms[i]));
        }
        answer_udp(server, octets, len, 0);
    }
    settle(worker);
}

static void a_slow_resolver_has_a_new_port_for_each_question(void **state)
{
    uint16_t ports[UPSTREAM_UDP_WAITING_MIN];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    for (unsigned i = 0; i < UPSTREAM_UDP_WAITING_MIN; i++) {
        ports[i] = exchange_one(&worker, &server);
        for (unsigned k = 0; k < i; k++) {
            assert_int_not_equal(ports[i], ports[k]);
        }
    }
    end(&worker, &server);
}

static void under_load_sockets_carry_some_questions_each(void **state)
{
    struct address froms[CROWD];
    unsigned uses[CROWD] = {0}, others = 0;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, froms);
    const uint64_t began_ms = uv_now(&worker.loop);
    assert_int_equal(waiting(&worker), CROWD);
    for (unsigned i = 0; i < 40; i++) {
        const uint16_t port = exchange_one(&worker, &server);
        unsigned k = 0;

        for (; k < CROWD && froms[k].port != port; k++) {
        }
        if (k < CROWD) {
            uses[k]++;
        } else {
            others++;
        }
    }
    unsigned used = 0;
    for (unsigned k = 0; k < CROWD; k++) {
        assert_true(uses[k] < UPSTREAM_UDP_QUESTIONS_MAX);
        used += uses[k] > 0;
    }
    /* Where the machine stood still meanwhile they were too old. */
    if (uv_now(&worker.loop) - began_ms < UPSTREAM_UDP_KEPT_MS / 2) {
        assert_int_equal(others, 0);
        assert_true(used > 20); /* by chance 32, and less than 20 once in 10^9 times */
    }
    end(&worker, &server);
}

static void a_socket_carries_so_many_questions_and_no_more(void **state)
{
    struct upstream_udp *udp;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    for (unsigned i = 0; i < CROWD; i++) {
        udp = worker.transport->udp_waiting[0].at[i];
        assert_int_equal(udp->questions, 1);
        udp->questions = UPSTREAM_UDP_QUESTIONS_MAX - 1;
    }
    const size_t before = waiting(&worker);
    exchange_one(&worker, &server);
    assert_true(waiting(&worker) < before);
    end(&worker, &server);
}

static void sockets_wait_for_a_second(void **state)
{
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    assert_true(pool_in_use(worker.transport->udp) > 0);
    pass(&worker, UPSTREAM_UDP_KEPT_MS + 3 * UPSTREAM_LOOK_MS);
    assert_int_equal(waiting(&worker), 0);
    assert_int_equal(pool_in_use(worker.transport->udp), 0);
    assert_at_rest(&worker);
    end(&worker, &server);
}

static void who_finds_the_port_of_a_waiting_socket_closes_it(void **state)
{
    struct address froms[CROWD];
    struct sockaddr_storage storage;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, froms);
    for (unsigned i = 0; i < 10; i++) {
        const socklen_t len = address_to_sockaddr(&froms[i], &storage);

        assert_int_equal(sendto(server.udp, "?", 1, 0, (struct sockaddr *)&storage, len), 1);
    }
    settle(&worker);
    assert_int_equal(waiting(&worker), CROWD - 10);
    assert_int_equal(pool_in_use(worker.transport->udp), CROWD - 10);
    end(&worker, &server);
}

/* Once something else than the answer has come, somebody may know the port. */
static void a_socket_that_heard_a_stranger_carries_nothing_more(void **state)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    ask(&worker, &fetch, "www.example.test");
    const size_t len = take_udp(&server, octets);
    octets[0]++;
    answer_udp(&server, octets, len, 0);
    octets[0]--;
    answer_udp(&server, octets, len, 0);
    settle(&worker);
    assert_int_equal(worker.done, 1);
    assert_int_equal(pool_in_use(worker.transport->udp), 0);
    end(&worker, &server);
}

/* Nor one whose question was given up: the answer may still come. */
static void a_socket_without_an_answer_carries_nothing_more(void **state)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    ask(&worker, &fetch, "www.example.test");
    upstream_cancel(worker.upstream, &fetch);
    assert_int_equal(pool_in_use(worker.transport->udp), 0);
    ask(&worker, &fetch, "www.example.test");
    assert_true(take_udp(&server, octets) > 0);
    const size_t len = take_udp(&server, octets);
    octets[0]++;
    answer_udp(&server, octets, len, 0); /* to another question */
    settle(&worker);
    assert_int_equal(pool_in_use(worker.transport->udp), 1);
    upstream_cancel(worker.upstream, &fetch);
    assert_int_equal(pool_in_use(worker.transport->udp), 0);
    end(&worker, &server);
}

/* The number of a server may have become that of another. */
static void waiting_sockets_lead_to_their_own_server_alone(void **state)
{
    struct upstream_settings settings = {
        .count = 1, .letter_case = UPSTREAM_CASE_RANDOM, .udp_size = 1232};
    uint8_t octets[512];
    struct server first, second;
    struct worker worker;

    (void)state;
    server_init(&first, "127.0.0.1");
    server_init(&second, "127.0.0.1");
    worker_init(&worker, &first.at, 1);
    crowd(&worker, &first, NULL);
    settings.servers[0].address = second.at;
    upstream_configure(worker.upstream, &settings);
    exchange_one(&worker, &second);
    assert_int_equal(take_udp(&first, octets), 0);
    worker_deinit(&worker);
    server_deinit(&first);
    server_deinit(&second);
}

static void a_closed_port_is_told_to_whoever_gets_a_kept_socket(void **state)
{
    struct query_fetch fetch;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    server_deinit(&server);
    worker.done = 0;
    ask(&worker, &fetch, "www.example.test");
    settle(&worker);
    assert_int_equal(worker.done, 1);
    assert_int_equal(worker.status, QUERY_FETCH_UNREACHABLE);
    worker_deinit(&worker);
}

/* What was wrong with the path while a socket waited is no answer to the next question. */
static void an_old_error_of_a_kept_socket_is_not_the_next_questions(void **state)
{
    struct sockaddr_storage storage;
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    const socklen_t len = address_to_sockaddr(&server.at, &storage);
    close(server.udp);
    for (size_t i = 0; i < waiting(&worker); i++) {
        send(worker.transport->udp_waiting[0].at[i]->socket.fd, "?", 1, 0);
    }
    server.udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(server.udp, (struct sockaddr *)&storage, len), 0);
    ask(&worker, &fetch, "www.example.test");
    assert_true(take_udp(&server, octets) > 12);
    end(&worker, &server);
}

static void waiting_sockets_make_room_for_others(void **state)
{
    struct query_fetch fetches[CROWD];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    upstream_transport_limit(worker.transport, CROWD);
    crowd(&worker, &server, NULL);
    for (unsigned i = 0; i < CROWD; i++) {
        ask(&worker, &fetches[i], "www.example.test");
    }
    assert_int_equal(upstream_lacks(worker.upstream), 0);
    assert_int_equal(waiting(&worker), 0);
    assert_int_equal(pool_in_use(worker.transport->udp), CROWD);
    end(&worker, &server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_goes_out_and_its_answer_comes_in),
        cmocka_unit_test(an_answer_from_elsewhere_does_not_arrive),
        cmocka_unit_test(wrong_answers_are_read_past),
        cmocka_unit_test(a_closed_port_is_told_at_once),
        cmocka_unit_test(source_ports_are_uniform),
        cmocka_unit_test(without_descriptors_it_asks_a_little_later),
        cmocka_unit_test(a_slow_resolver_has_a_new_port_for_each_question),
        cmocka_unit_test(under_load_sockets_carry_some_questions_each),
        cmocka_unit_test(a_socket_carries_so_many_questions_and_no_more),
        cmocka_unit_test(sockets_wait_for_a_second),
        cmocka_unit_test(who_finds_the_port_of_a_waiting_socket_closes_it),
        cmocka_unit_test(a_socket_that_heard_a_stranger_carries_nothing_more),
        cmocka_unit_test(a_socket_without_an_answer_carries_nothing_more),
        cmocka_unit_test(waiting_sockets_lead_to_their_own_server_alone),
        cmocka_unit_test(a_closed_port_is_told_to_whoever_gets_a_kept_socket),
        cmocka_unit_test(an_old_error_of_a_kept_socket_is_not_the_next_questions),
        cmocka_unit_test(waiting_sockets_make_room_for_others),
    };
    return cmocka_run_group_tests_name("upstream/transport, UDP", tests, NULL, NULL);
}
