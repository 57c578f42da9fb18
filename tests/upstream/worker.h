/*
 * A worker's transport with its loop and timers, and a server on loopback that the test plays
 * itself. It also stands in for the engine. The sockets are real, the time is the test's: it
 * passes by pass() alone, so that a machine that stands still meanwhile changes nothing.
 */
#ifndef CORDON_TESTS_UPSTREAM_WORKER_H
#define CORDON_TESTS_UPSTREAM_WORKER_H

#include "base/clock.h"
#include "upstream/exchange.h"
#include "upstream/sockets.h"
#include "upstream/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* ---- time ---- */

static uint64_t
    loop_ms; /* of loops: as far as the transport sees, theirs passes with the test's */

uint64_t uv_now(const uv_loop_t *loop)
{
    (void)loop;
    return loop_ms;
}

/* ---- a worker, and the engine's two functions ---- */

struct worker {
    uv_loop_t loop;
    struct timers *timers;
    struct clock_now now;
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

static inline void turn(void *context)
{
    struct worker *worker = context;

    worker->turns++;
    upstream_time(worker->upstream, worker->now);
}

static inline void worker_init(struct worker *worker, const struct address *servers,
                               size_t count)
{
    const uint8_t seed[RANDOM_SEED_OCTETS] = {42};
    struct upstream_settings settings = {
        .count = count, .letter_case = UPSTREAM_CASE_RANDOM, .udp_size = 1232};

    memset(worker, 0, sizeof(*worker));
    worker->now = clock_read();
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

static inline void worker_deinit(struct worker *worker)
{
    upstream_destroy(worker->upstream);
    upstream_conditions_destroy(worker->conditions);
    upstream_transport_close(worker->transport);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&worker->loop), 0);
    timers_destroy(worker->timers);
}

/* Turns the loop and the timers until nothing has happened for a moment. */
static inline void settle(struct worker *worker)
{
    for (unsigned idle = 0; idle < 3; idle++) {
        struct pollfd ready = {uv_backend_fd(&worker->loop), POLLIN, 0};
        if (poll(&ready, 1, 2) > 0) {
            idle = 0;
        }
        uv_run(&worker->loop, UV_RUN_NOWAIT);
        turn(worker);
        timers_run(worker->timers, worker->now.mono_us);
    }
}

/* The same while so much time passes; what the transport does now and then is done, too. */
static inline void pass(struct worker *worker, unsigned ms)
{
    enum {
        STEP_MS = 10
    };

    while (ms > 0) {
        const unsigned step = ms < STEP_MS ? ms : STEP_MS;
        ms -= step;
        worker->now.mono_us += step * UINT64_C(1000);
        worker->now.wall_us += step * UINT64_C(1000);
        loop_ms += step;
        turn(worker);
        timers_run(worker->timers, worker->now.mono_us);
        uv_run(&worker->loop, UV_RUN_NOWAIT);
        upstream_tcp_look_after(worker->transport);
        (void)upstream_choice_look_after(worker->transport);
    }
    settle(worker);
}

/* Nothing is left that the transport must look after: its timer, which goes by the real clock,
 * ends. */
static inline void assert_at_rest(struct worker *worker)
{
    const uint64_t until_us = clock_read().mono_us + UINT64_C(20000000);

    while (uv_is_active((uv_handle_t *)&worker->transport->timer)) {
        assert_true(clock_read().mono_us < until_us);
        settle(worker);
    }
}

static inline struct query_fetch fetch_of(const struct worker *worker, const char *name)
{
    struct query_fetch fetch = {.type = WIRE_A, .deadline_us = worker->now.mono_us + 4000000};

    assert_int_equal(wire_name_from_text(name, strlen(name), &fetch.name), WIRE_TEXT_OK);
    return fetch;
}

static inline void ask(struct worker *worker, struct query_fetch *fetch, const char *name)
{
    *fetch = fetch_of(worker, name);
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

static inline void server_init(struct server *server, const char *address)
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

static inline void server_deinit(struct server *server)
{
    close(server->udp);
    close(server->tcp);
}

/* A worker that has this server alone. */
static inline void begin(struct worker *worker, struct server *server)
{
    server_init(server, "127.0.0.1");
    worker_init(worker, &server->at, 1);
}

static inline void end(struct worker *worker, struct server *server)
{
    worker_deinit(worker);
    server_deinit(server);
}

/* The next question over UDP; 0: none. */
static inline size_t take_udp(struct server *server, uint8_t octets[512])
{
    server->from_len = sizeof(server->from);
    const ssize_t got = recvfrom(server->udp, octets, 512, 0, (struct sockaddr *)&server->from,
                                 &server->from_len);

    return got > 0 ? (size_t)got : 0;
}

/* Makes the question an answer; its OPT record goes. */
static inline size_t turn_into_answer(uint8_t *octets, size_t len, uint16_t flags)
{
    struct wire_message message;

    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    wire_put16(octets + 2, (uint16_t)(WIRE_FLAG_QR | WIRE_FLAG_RA | flags));
    wire_put16(octets + 10, 0);
    return message.body;
}

static inline void answer_udp(struct server *server, uint8_t *octets, size_t len,
                              uint16_t flags)
{
    len = turn_into_answer(octets, len, flags);
    assert_int_equal(
        sendto(server->udp, octets, len, 0, (struct sockaddr *)&server->from, server->from_len),
        (ssize_t)len);
}

/* Takes a question over UDP and says that TCP must be used. */
static inline void truncate_udp(struct worker *worker, struct server *server)
{
    uint8_t octets[512];

    settle(worker);
    const size_t len = take_udp(server, octets);
    assert_true(len > 0);
    answer_udp(server, octets, len, WIRE_FLAG_TC);
    settle(worker);
}

/* The next connection; -1: none. */
static inline int take_tcp(struct server *server)
{
    return accept4(server->tcp, NULL, NULL, SOCK_NONBLOCK);
}

/* The next question on it; 0: none, -1: closed. */
static inline int read_tcp(int fd, uint8_t octets[512])
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

static inline size_t frame_answer(uint8_t *frame, const uint8_t *question, size_t len)
{
    memcpy(frame + 2, question, len);
    len = turn_into_answer(frame + 2, len, 0);
    wire_put16(frame, (uint16_t)len);
    return 2 + len;
}

static inline void answer_tcp(int fd, const uint8_t *question, int len)
{
    uint8_t frame[514];
    const size_t whole = frame_answer(frame, question, (size_t)len);

    assert_int_equal(send(fd, frame, whole, MSG_NOSIGNAL), (ssize_t)whole);
}

#endif
