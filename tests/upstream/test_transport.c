/* upstream/transport: real sockets on loopback, against a server that the test plays itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "upstream/exchange.h"
#include "upstream/sockets.h"
#include "upstream/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* ---- a worker, and the engine's two functions ---- */

struct worker {
    uv_loop_t loop;
    struct timers *timers;
    struct random random;
    struct upstream_transport *transport;
    struct upstream *upstream;
    struct upstream_conditions *conditions;
    size_t done, turns;
    enum query_fetch_status status;
    size_t len;
    struct query_fetch *last; /* that was done */
};

void query_fetch_done(struct query_engine *engine, struct query_fetch *fetch,
                      const struct query_fetch_result *result)
{
    struct worker *worker = (struct worker *)(void *)engine;

    worker->done++;
    worker->status = result->status;
    worker->len = result->len;
    worker->last = fetch;
}

bool query_fetch_may_ask(const struct query_engine *engine, const struct query_fetch *fetch)
{
    (void)engine;
    (void)fetch;
    return true;
}

/* Nobody watches. */
void query_fetch_note(const struct query_fetch *fetch, const char *format, ...)
{
    (void)fetch;
    (void)format;
}

static void turn(void *context)
{
    struct worker *worker = context;

    worker->turns++;
    upstream_time(worker->upstream, clock_read());
}

static void worker_init(struct worker *worker, const struct address *servers, size_t count)
{
    const uint8_t seed[RANDOM_SEED_OCTETS] = {42};
    struct upstream_settings settings = {
        .count = count, .letter_case = UPSTREAM_CASE_RANDOM, .udp_size = 1232};

    memset(worker, 0, sizeof(*worker));
    for (size_t i = 0; i < count; i++) {
        settings.servers[i].address = servers[i];
    }
    random_init_seed(&worker->random, seed);
    assert_int_equal(uv_loop_init(&worker->loop), 0);
    worker->timers = timers_create(256);
    worker->transport = upstream_transport_create(&worker->loop, &worker->random);
    assert_non_null(worker->transport);
    worker->conditions = upstream_conditions_create();
    worker->upstream = upstream_create(&upstream_transport_io, worker->transport,
                                       (struct query_engine *)(void *)worker, worker->timers,
                                       &worker->random, worker->conditions, 128);
    upstream_transport_attach(worker->transport, worker->upstream);
    upstream_transport_on_turn(worker->transport, turn, worker);
    upstream_configure(worker->upstream, &settings);
    turn(worker);
}

static void worker_deinit(struct worker *worker)
{
    upstream_destroy(worker->upstream);
    upstream_conditions_destroy(worker->conditions);
    upstream_transport_close(worker->transport);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&worker->loop), 0);
    timers_destroy(worker->timers);
}

/* Turns the loop and the timers until nothing has happened for a moment. */
static void settle(struct worker *worker)
{
    for (unsigned idle = 0; idle < 3; idle++) {
        struct pollfd ready = {uv_backend_fd(&worker->loop), POLLIN, 0};
        if (poll(&ready, 1, 2) > 0) {
            idle = 0;
        }
        uv_run(&worker->loop, UV_RUN_NOWAIT);
        turn(worker);
        timers_run(worker->timers, clock_read().mono_us);
    }
}

/* The same for a real length of time. */
static void pass(struct worker *worker, unsigned ms)
{
    const uint64_t end = clock_read().mono_us + ms * UINT64_C(1000);

    while (clock_read().mono_us < end) {
        settle(worker);
    }
}

static struct query_fetch fetch_of(const char *name)
{
    struct query_fetch fetch = {.type = WIRE_A, .deadline_us = clock_read().mono_us + 4000000};

    assert_int_equal(wire_name_from_text(name, strlen(name), &fetch.name), WIRE_TEXT_OK);
    return fetch;
}

static void ask(struct worker *worker, struct query_fetch *fetch, const char *name)
{
    *fetch = fetch_of(name);
    turn(worker);
    assert_int_equal(upstream_ask(worker->upstream, fetch), 0);
}

/* ---- the server ---- */

struct server {
    struct address at;
    int udp, tcp;
    struct sockaddr_storage from; /* of the last question over UDP */
    socklen_t from_len;
};

static void server_init(struct server *server, const char *address)
{
    struct sockaddr_storage storage;

    assert_int_equal(address_parse(address, strlen(address), 0, &server->at), 0);
    for (unsigned i = 0; i < 20; i++) {
        server->at.port = 0;
        socklen_t len = address_to_sockaddr(&server->at, &storage);
        server->udp = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        server->tcp = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(server->udp, (struct sockaddr *)&storage, len), 0);
        assert_int_equal(getsockname(server->udp, (struct sockaddr *)&storage, &len), 0);
        assert_true(address_from_sockaddr((struct sockaddr *)&storage, &server->at));
        if (bind(server->tcp, (struct sockaddr *)&storage, len) == 0) {
            break;
        }
        close(server->udp);
        close(server->tcp);
    }
    assert_int_equal(listen(server->tcp, 16), 0);
}

static void server_deinit(struct server *server)
{
    close(server->udp);
    close(server->tcp);
}

/* The next question over UDP; 0: none. */
static size_t take_udp(struct server *server, uint8_t octets[512])
{
    server->from_len = sizeof(server->from);
    const ssize_t got = recvfrom(server->udp, octets, 512, 0, (struct sockaddr *)&server->from,
                                 &server->from_len);

    return got > 0 ? (size_t)got : 0;
}

/* Makes the question an answer; its OPT record goes. */
static size_t turn_into_answer(uint8_t *octets, size_t len, uint16_t flags)
{
    struct wire_message message;

    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    wire_put16(octets + 2, (uint16_t)(WIRE_FLAG_QR | WIRE_FLAG_RA | flags));
    wire_put16(octets + 10, 0);
    return message.body;
}

static void answer_udp(struct server *server, uint8_t *octets, size_t len, uint16_t flags)
{
    len = turn_into_answer(octets, len, flags);
    assert_int_equal(
        sendto(server->udp, octets, len, 0, (struct sockaddr *)&server->from, server->from_len),
        (ssize_t)len);
}

/* Takes a question over UDP and says that TCP must be used. */
static void truncate_udp(struct worker *worker, struct server *server)
{
    uint8_t octets[512];

    settle(worker);
    const size_t len = take_udp(server, octets);
    assert_true(len > 0);
    answer_udp(server, octets, len, WIRE_FLAG_TC);
    settle(worker);
}

/* The next connection; -1: none. */
static int take_tcp(struct server *server)
{
    return accept4(server->tcp, NULL, NULL, SOCK_NONBLOCK);
}

/* The next question on it; 0: none, -1: closed. */
static int read_tcp(int fd, uint8_t octets[512])
{
    uint8_t length[2];
    const ssize_t got = recv(fd, length, 2, 0);

    if (got <= 0) {
        return got == 0 || errno == ECONNRESET ? -1 : 0;
    }
    assert_int_equal(got, 2);
    const size_t len = wire_get16(length);
    assert_in_range(len, 12, 512);
    assert_int_equal(recv(fd, octets, len, 0), (ssize_t)len);
    return (int)len;
}

static size_t frame_answer(uint8_t *frame, const uint8_t *question, size_t len)
{
    memcpy(frame + 2, question, len);
    len = turn_into_answer(frame + 2, len, 0);
    wire_put16(frame, (uint16_t)len);
    return 2 + len;
}

static void answer_tcp(int fd, const uint8_t *question, int len)
{
    uint8_t frame[514];
    const size_t whole = frame_answer(frame, question, (size_t)len);

    assert_int_equal(send(fd, frame, whole, MSG_NOSIGNAL), (ssize_t)whole);
}

/* ---- UDP ---- */

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
        assert_int_equal(pool_in_use(worker.transport->udp), 0);
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
    worker_deinit(&worker);
    server_deinit(&server);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    server_deinit(&server);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    server_deinit(&server);
}

static void without_descriptors_it_asks_a_little_later(void **state)
{
    struct rlimit limit;
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    server_deinit(&server);
}

static void sockets_are_bounded_over_udp_and_tcp(void **state)
{
    struct query_fetch fetches[4];
    struct server server;
    struct worker worker;

    (void)state;
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    close(connection);
    server_deinit(&server);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    close(connection);
    server_deinit(&server);
}

static void answers_may_be_cut_and_glued(void **state)
{
    struct query_fetch fetches[3];
    uint8_t frames[3 * 514];
    size_t len = 0;
    struct server server;
    struct worker worker;

    (void)state;
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    close(connection);
    server_deinit(&server);
}

static void a_connection_that_closes_early_is_opened_once_more(void **state)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    server_deinit(&server);
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
    const uint64_t now_us = clock_read().mono_us;
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    close(connection);
    server_deinit(&server);
}

static void idle_connections_are_closed(void **state)
{
    struct query_fetch fetch;
    uint8_t octets[512];
    struct server server;
    struct worker worker;

    (void)state;
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    assert_false(uv_is_active((uv_handle_t *)&worker.transport->timer));
    worker_deinit(&worker);
    close(connection);
    server_deinit(&server);
}

static void connecting_has_an_end(void **state)
{
    struct sockaddr_storage storage;
    struct query_fetch fetch;
    int fill[8];
    struct server server;
    struct worker worker;

    (void)state;
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    worker_deinit(&worker);
    close(connection);
    server_deinit(&server);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
    server_init(&server, "127.0.0.1");
    worker_init(&worker, &server.at, 1);
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
        cmocka_unit_test(a_question_goes_out_and_its_answer_comes_in),
        cmocka_unit_test(an_answer_from_elsewhere_does_not_arrive),
        cmocka_unit_test(wrong_answers_are_read_past),
        cmocka_unit_test(a_closed_port_is_told_at_once),
        cmocka_unit_test(source_ports_are_uniform),
        cmocka_unit_test(without_descriptors_it_asks_a_little_later),
        cmocka_unit_test(sockets_are_bounded_over_udp_and_tcp),
        cmocka_unit_test(a_truncated_answer_is_fetched_over_a_kept_connection),
        cmocka_unit_test(questions_share_a_connection_and_are_answered_in_any_order),
        cmocka_unit_test(answers_may_be_cut_and_glued),
        cmocka_unit_test(a_connection_that_closes_early_is_opened_once_more),
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
