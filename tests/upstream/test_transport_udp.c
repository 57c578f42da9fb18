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
    CROWD = UPSTREAM_UDP_CHOICE_MIN
};

static size_t choices(const struct worker *worker)
{
    return worker->transport->choices[0].count;
}

/* The next question, and where it came from. */
static size_t take_from(struct server *server, uint8_t octets[512], uint16_t *port)
{
    struct address from;
    const size_t len = take_udp(server, octets);

    assert_true(len > 0);
    assert_true(address_from_sockaddr((struct sockaddr *)&server->from, &from));
    *port = from.port;
    return len;
}

/* A question and its answer. Returns the port that it came from. */
static uint16_t exchange_one(struct worker *worker, struct server *server)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    uint16_t port;

    ask(worker, &fetch, "www.example.test");
    settle(worker);
    const size_t len = take_from(server, octets, &port);
    answer_udp(server, octets, len, 0);
    settle(worker);
    assert_int_equal(worker->status, QUERY_FETCH_ANSWER);
    return port;
}

/* As many questions at once as are asked by sockets of their own, all answered: there is a
 * choice of sockets. froms: where they are, if wanted. */
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
    assert_int_equal(choices(worker), CROWD);
}

/* Questions of one turn, as the server has them. */
struct burst {
    struct query_fetch fetches[UPSTREAM_UDP_BURST_MAX];
    uint8_t octets[UPSTREAM_UDP_BURST_MAX][512];
    size_t lens[UPSTREAM_UDP_BURST_MAX];
    uint16_t ports[UPSTREAM_UDP_BURST_MAX];
    struct server from[UPSTREAM_UDP_BURST_MAX]; /* answers go back by it */
};

static void take_burst(struct server *server, struct burst *burst, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        burst->lens[i] = take_from(server, burst->octets[i], &burst->ports[i]);
        burst->from[i] = *server;
    }
}

static void ask_burst(struct worker *worker, struct server *server, struct burst *burst,
                      unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ask(worker, &burst->fetches[i], "www.example.test");
    }
    settle(worker);
    take_burst(server, burst, count);
}

static void answer_of(struct burst *burst, unsigned i)
{
    uint8_t octets[512];

    memcpy(octets, burst->octets[i], burst->lens[i]);
    answer_udp(&burst->from[i], octets, burst->lens[i], 0);
}

static void a_slow_resolver_has_a_new_port_for_each_question(void **state)
{
    uint16_t ports[UPSTREAM_UDP_CHOICE_MIN];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    for (unsigned i = 0; i < UPSTREAM_UDP_CHOICE_MIN; i++) {
        ports[i] = exchange_one(&worker, &server);
        for (unsigned k = 0; k < i; k++) {
            assert_int_not_equal(ports[i], ports[k]);
        }
    }
    end(&worker, &server);
}

static void under_load_a_socket_is_drawn_by_chance(void **state)
{
    struct address froms[CROWD];
    unsigned uses[CROWD] = {0}, others = 0;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, froms);
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
        used += uses[k] > 0;
    }
    assert_int_equal(others, 0);
    assert_true(used > 18); /* by chance 30, and less than 19 once in 10^6 times */
    end(&worker, &server);
}

static void questions_of_one_turn_leave_together_and_are_told_apart(void **state)
{
    struct burst burst;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    worker.done = 0;
    ask_burst(&worker, &server, &burst, UPSTREAM_UDP_BURST_MAX);
    for (unsigned i = 0; i < UPSTREAM_UDP_BURST_MAX; i++) {
        assert_int_equal(burst.ports[i], burst.ports[0]);
        for (unsigned k = 0; k < i; k++) {
            assert_memory_not_equal(burst.octets[i], burst.octets[k], 2);
        }
    }
    for (unsigned i = UPSTREAM_UDP_BURST_MAX; i > 0; i--) {
        answer_of(&burst, i - 1);
        settle(&worker);
        assert_int_equal(worker.done, UPSTREAM_UDP_BURST_MAX - i + 1);
        assert_ptr_equal(worker.last, &burst.fetches[i - 1]);
    }
    assert_int_equal(choices(&worker), CROWD);
    end(&worker, &server);
}

/* Beside those that wait for their answers already, and with an id that waits. */
static void a_socket_takes_no_more_than_it_has_places_for(void **state)
{
    static struct query_fetch fetches[3 * UPSTREAM_UDP_BURST_MAX];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    ask(&worker, &fetches[0], "www.example.test");
    const struct upstream_udp *udp = worker.transport->choices[0].burst;
    assert_non_null(udp);
    const struct upstream_try same = *udp->tries[__builtin_ctz(udp->used)];
    for (unsigned i = 0; i < 50; i++) {
        assert_ptr_not_equal(upstream_choice_draw(worker.transport, &same), udp);
    }
    for (unsigned i = 1; i < ITEMS(fetches); i++) {
        ask(&worker, &fetches[i], "www.example.test");
        const struct upstream_udp *by = worker.transport->choices[0].burst;
        assert_true(by == NULL ||
                    (unsigned)__builtin_popcount(by->unsent) <= UPSTREAM_UDP_BURST_MAX);
    }
    end(&worker, &server);
}

static void a_socket_carries_so_many_questions_and_no_more(void **state)
{
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    for (unsigned i = 0; i < CROWD; i++) {
        struct upstream_udp *udp = worker.transport->choices[0].at[i];

        assert_int_equal(udp->questions, 1);
        udp->questions = UPSTREAM_UDP_QUESTIONS_MAX - 1;
    }
    exchange_one(&worker, &server);
    assert_int_equal(choices(&worker), CROWD - 1);
    assert_int_equal(pool_in_use(worker.transport->udp), CROWD - 1);
    end(&worker, &server);
}

static void sockets_wait_for_a_second(void **state)
{
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    pass(&worker, UPSTREAM_UDP_KEPT_MS + 3 * UPSTREAM_LOOK_MS);
    assert_int_equal(choices(&worker), 0);
    assert_int_equal(pool_in_use(worker.transport->udp), 0);
    assert_at_rest(&worker);
    end(&worker, &server);
}

/* One that is busy takes no more questions after that either, and goes with its last. */
static void a_port_is_retired_while_its_questions_wait(void **state)
{
    struct burst burst;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    worker.done = 0;
    ask_burst(&worker, &server, &burst, 4);
    loop_ms += UPSTREAM_UDP_KEPT_MS;
    assert_false(upstream_choice_look_after(worker.transport));
    assert_int_equal(choices(&worker), 0);
    assert_int_equal(pool_in_use(worker.transport->udp), 1);
    for (unsigned i = 0; i < 4; i++) {
        answer_of(&burst, i);
    }
    settle(&worker);
    assert_int_equal(worker.done, 4);
    assert_int_equal(pool_in_use(worker.transport->udp), 0);
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
    assert_int_equal(choices(&worker), CROWD - 10);
    assert_int_equal(pool_in_use(worker.transport->udp), CROWD - 10);
    end(&worker, &server);
}

/* Whoever has found a port that questions share has one of them to guess at; the others are
 * asked by ports that nobody knows, and what comes to the old one for them is not believed. */
static void who_finds_a_port_that_questions_share_parts_them(void **state)
{
    enum {
        COUNT = 8
    };
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct burst burst, again;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    worker.done = 0;
    ask_burst(&worker, &server, &burst, COUNT);
    sendto(server.udp, "?", 1, 0, (struct sockaddr *)&server.from, server.from_len);
    settle(&worker);
    assert_int_equal(choices(&worker), CROWD - 1);
    take_burst(&server, &again, COUNT - 1);
    for (unsigned i = 0; i < COUNT - 1; i++) {
        assert_int_not_equal(again.ports[i], burst.ports[0]);
        for (unsigned k = 0; k < i; k++) {
            assert_int_not_equal(again.ports[i], again.ports[k]);
        }
    }
    for (unsigned i = 0; i < COUNT; i++) {
        answer_of(&burst, i);
    }
    settle(&worker);
    assert_int_equal(worker.done, 1);
    upstream_status(worker.upstream, status);
    assert_int_equal(status[0].wrong, 1);
    for (unsigned i = 0; i < COUNT - 1; i++) {
        answer_of(&again, i);
    }
    settle(&worker);
    assert_int_equal(worker.done, COUNT);
    assert_int_equal(pool_in_use(worker.transport->udp), CROWD - 1);
    end(&worker, &server);
}

/* The right id, but another name. */
static void an_answer_to_something_else_parts_them_too(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct burst burst, again;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    worker.done = 0;
    ask_burst(&worker, &server, &burst, 3);
    burst.octets[1][13] ^= 1;
    answer_of(&burst, 1);
    settle(&worker);
    take_burst(&server, &again, 2);
    assert_int_not_equal(again.ports[0], burst.ports[0]);
    assert_int_not_equal(again.ports[1], burst.ports[0]);
    burst.octets[1][13] ^= 1;
    for (unsigned i = 0; i < 3; i++) {
        answer_of(&burst, i);
    }
    settle(&worker);
    assert_int_equal(worker.done, 1);
    assert_ptr_equal(worker.last, &burst.fetches[1]);
    upstream_status(worker.upstream, status);
    assert_int_equal(status[0].wrong, 1);
    end(&worker, &server);
}

/* One question pays for it, so that who finds a port cannot have the server taken for dead. */
static void a_flood_on_a_shared_port_is_charged_to_one_question(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct burst burst;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    worker.done = 0;
    ask_burst(&worker, &server, &burst, 8);
    for (unsigned i = 0; i < 2 * UPSTREAM_WRONG_MAX; i++) {
        sendto(server.udp, "?", 1, 0, (struct sockaddr *)&server.from, server.from_len);
    }
    settle(&worker);
    assert_int_equal(worker.done, 0);
    upstream_status(worker.upstream, status);
    assert_int_equal(status[0].wrong, UPSTREAM_WRONG_MAX);
    assert_int_equal(status[0].health, UPSTREAM_UP);
    take_burst(&server, &burst, 8);
    for (unsigned i = 0; i < 8; i++) {
        answer_of(&burst, i);
    }
    settle(&worker);
    assert_int_equal(worker.done, 8);
    end(&worker, &server);
}

static void a_late_answer_on_a_shared_port_is_no_strangers(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct burst burst;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    worker.done = 0;
    ask_burst(&worker, &server, &burst, 3);
    upstream_cancel(worker.upstream, &burst.fetches[1]);
    answer_of(&burst, 1);
    settle(&worker);
    assert_int_equal(worker.done, 0);
    assert_int_equal(take_udp(&server, octets), 0);
    answer_of(&burst, 0);
    answer_of(&burst, 2);
    settle(&worker);
    assert_int_equal(worker.done, 2);
    upstream_status(worker.upstream, status);
    assert_int_equal(status[0].wrong, 0);
    assert_int_equal(choices(&worker), CROWD - 1);
    end(&worker, &server);
}

/* Some networks bring a datagram twice, and some that forge answers let the true one follow. */
static void an_answer_that_comes_twice_parts_nobody(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct burst burst;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    worker.done = 0;
    ask_burst(&worker, &server, &burst, 4);
    for (unsigned i = 0; i < 3; i++) {
        answer_of(&burst, 0);
        settle(&worker);
    }
    assert_int_equal(worker.done, 1);
    assert_int_equal(take_udp(&server, octets), 0);
    for (unsigned i = 1; i < 4; i++) {
        answer_of(&burst, i);
    }
    answer_of(&burst, 1);
    settle(&worker);
    assert_int_equal(worker.done, 4);
    upstream_status(worker.upstream, status);
    assert_int_equal(status[0].wrong, 0);
    assert_int_equal(choices(&worker), CROWD);
    end(&worker, &server);
}

/* What was asked in this turn and given up in it does not leave. */
static void what_is_given_up_before_the_turn_ends_is_not_sent(void **state)
{
    struct query_fetch fetches[3];
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    for (unsigned i = 0; i < 3; i++) {
        ask(&worker, &fetches[i], "www.example.test");
    }
    for (unsigned i = 0; i < 3; i++) {
        upstream_cancel(worker.upstream, &fetches[i]);
    }
    settle(&worker);
    assert_int_equal(take_udp(&server, octets), 0);
    assert_int_equal(choices(&worker), CROWD);
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
    struct query_fetch fetches[5];
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    crowd(&worker, &server, NULL);
    server_deinit(&server);
    worker.done = 0;
    for (unsigned i = 0; i < ITEMS(fetches); i++) {
        ask(&worker, &fetches[i], "www.example.test");
    }
    settle(&worker);
    assert_int_equal(worker.done, ITEMS(fetches));
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
    for (size_t i = 0; i < choices(&worker); i++) {
        send(worker.transport->choices[0].at[i]->socket.fd, "?", 1, 0);
    }
    server.udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(server.udp, (struct sockaddr *)&storage, len), 0);
    ask(&worker, &fetch, "www.example.test");
    settle(&worker);
    assert_true(take_udp(&server, octets) > 12);
    end(&worker, &server);
}

static void waiting_sockets_make_room_for_others(void **state)
{
    struct query_fetch fetch;
    struct server server;
    struct worker worker;

    (void)state;
    begin(&worker, &server);
    upstream_transport_limit(worker.transport, CROWD);
    crowd(&worker, &server, NULL);
    ask(&worker, &fetch, "www.example.test");
    truncate_udp(&worker, &server);
    assert_int_equal(upstream_lacks(worker.upstream), 0);
    assert_int_equal(pool_in_use(worker.transport->connections), 1);
    assert_int_equal(choices(&worker), CROWD - 1);
    assert_int_equal(pool_in_use(worker.transport->udp), CROWD - 1);
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
        cmocka_unit_test(under_load_a_socket_is_drawn_by_chance),
        cmocka_unit_test(questions_of_one_turn_leave_together_and_are_told_apart),
        cmocka_unit_test(a_socket_takes_no_more_than_it_has_places_for),
        cmocka_unit_test(a_socket_carries_so_many_questions_and_no_more),
        cmocka_unit_test(sockets_wait_for_a_second),
        cmocka_unit_test(a_port_is_retired_while_its_questions_wait),
        cmocka_unit_test(who_finds_the_port_of_a_waiting_socket_closes_it),
        cmocka_unit_test(who_finds_a_port_that_questions_share_parts_them),
        cmocka_unit_test(an_answer_to_something_else_parts_them_too),
        cmocka_unit_test(a_flood_on_a_shared_port_is_charged_to_one_question),
        cmocka_unit_test(a_late_answer_on_a_shared_port_is_no_strangers),
        cmocka_unit_test(an_answer_that_comes_twice_parts_nobody),
        cmocka_unit_test(what_is_given_up_before_the_turn_ends_is_not_sent),
        cmocka_unit_test(a_socket_that_heard_a_stranger_carries_nothing_more),
        cmocka_unit_test(a_socket_without_an_answer_carries_nothing_more),
        cmocka_unit_test(waiting_sockets_lead_to_their_own_server_alone),
        cmocka_unit_test(a_closed_port_is_told_to_whoever_gets_a_kept_socket),
        cmocka_unit_test(an_old_error_of_a_kept_socket_is_not_the_next_questions),
        cmocka_unit_test(waiting_sockets_make_room_for_others),
    };
    return cmocka_run_group_tests_name("upstream/transport, UDP", tests, NULL, NULL);
}
