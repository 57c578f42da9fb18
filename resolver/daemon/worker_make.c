/*
 * daemon/worker_make.c - a worker is made, lowest room first, and taken down.
 */
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/limits.h"
#include "daemon/worker_inside.h"

#include <errno.h>
#include <stdlib.h>

/* Each may hold one timer: questions, answers that wait for an event, fetches (held ones
 * another), tries, client connections (three deadlines each), connections to upstreams; and
 * some for what is one of a kind. */
#define TIMERS_MAX                                                                 \
    (QUERY_SLOTS + QUERY_LATE_MAX + 2 * QUERY_FETCHES + 2 * UPSTREAM_SOCKETS_MAX + \
     3 * NET_TCP_CONNECTIONS_MAX + 4 * UPSTREAM_SERVERS_MAX + 64)

/* The loop's own handles. Those that need no descriptor cannot fail. */
static int open_loop(struct worker *worker)
{
    int rc = uv_loop_init(&worker->loop);

    if (rc != 0) {
        return rc;
    }
    rc = uv_async_init(&worker->loop, &worker->wake, worker_on_wake);
    if (rc != 0) {
        (void)uv_loop_close(&worker->loop);
        return rc;
    }
    uv_timer_init(&worker->loop, &worker->clock);
    uv_timer_init(&worker->loop, &worker->drain);
    uv_timer_init(&worker->loop, &worker->trim);
    uv_prepare_init(&worker->loop, &worker->prepare);
    worker->wake.data = worker;
    worker->clock.data = worker;
    worker->drain.data = worker;
    worker->trim.data = worker;
    worker->prepare.data = worker;
    return 0;
}

/* The rooms below net, lowest first. False if out of memory: what exists is left for undo(). */
static bool open_rooms(struct worker *worker, const struct worker_setup *setup)
{
    const struct query_engine_setup engine = {
        .io = &worker_io,
        .io_context = worker,
        .cache = setup->cache,
        .events = worker->records.ring,
        .events_lost = &worker->records.lost,
        .events_refused = setup->refuse_decisions ? &worker->records.refused : NULL,
        .questions = worker->records.questions,
        .questions_lost = &worker->records.questions_lost,
        .questions_refused = setup->questions && setup->refuse_questions
                                 ? &worker->records.questions_refused
                                 : NULL,
        .timers = worker->timers,
        .random = &worker->random,
        .rate = setup->rate,
        .places = setup->upstream_sockets,
        .loop = setup->loop,
        .cookie_key = setup->cookie_key,
        .tops_key = setup->tops_key,
    };

    worker->tops = query_tops_create(setup->tops_key);
    worker->engine = query_engine_create(&engine);
    if (worker->tops == NULL || worker->engine == NULL) {
        return false;
    }
    worker->tracer.engine = worker->engine;
    worker->tracer.reported = setup->reported;
    worker->transport = upstream_transport_create(&worker->loop, &worker->random);
    if (worker->transport == NULL) {
        return false;
    }
    worker->upstream =
        upstream_create(&upstream_transport_io, worker->transport, worker->engine,
                        worker->timers, &worker->random, setup->conditions, QUERY_FETCHES);
    if (worker->upstream == NULL) {
        return false;
    }
    upstream_transport_attach(worker->transport, worker->upstream);
    upstream_transport_on_turn(worker->transport, worker_on_turn, worker);
    return true;
}

/* Takes back a half-made worker whose net does not exist. */
static void undo(struct worker *worker)
{
    if (worker->upstream != NULL) {
        upstream_destroy(worker->upstream);
    }
    if (worker->transport != NULL) {
        upstream_transport_close(worker->transport);
    }
    worker->closed = true;
    worker_close_handles(worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    worker_destroy(worker);
}

static bool make_rings(struct worker *worker, const struct worker_setup *setup)
{
    struct worker_records *records = &worker->records;

    records->ring = ring_create(setup->ring_octets);
    records->questions = setup->questions ? ring_create(setup->ring_octets) : NULL;
    return records->ring != NULL && (records->questions != NULL || !setup->questions);
}

static void close_sockets(const struct worker_setup *setup)
{
    for (size_t i = 0; i < setup->count; i++) {
        struct net_sockets pair = setup->sockets[i];
        net_sockets_close(&pair);
    }
}

int worker_create(const struct worker_setup *setup, struct worker **out)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (worker == NULL) {
        close_sockets(setup);
        return -ENOMEM;
    }
    const int rc = open_loop(worker);
    if (rc != 0) {
        close_sockets(setup);
        free(worker);
        return rc;
    }
    worker->magic = WORKER_MAGIC;
    worker->index = setup->index;
    worker->slot = setup->slot;
    worker->reported = setup->reported;
    pthread_mutex_init(&worker->report_mutex, NULL);
    given_init(&worker->given);
    random_init(&worker->random);
    worker->timers = timers_create(TIMERS_MAX);
    if (worker->timers == NULL || !make_rings(worker, setup) || !open_rooms(worker, setup)) {
        close_sockets(setup);
        undo(worker);
        return -ENOMEM;
    }
    worker->net = net_create(&worker->loop, worker->engine, worker->timers, setup->sockets,
                             setup->count, setup->addresses, worker_on_turn, worker);
    if (worker->net == NULL) {
        undo(worker);
        return -ENOMEM;
    }
    if (setup->tcp_clients > 0) {
        net_limit_tcp(worker->net, setup->tcp_clients);
    }
    if (setup->upstream_sockets > 0) {
        upstream_transport_limit(worker->transport, setup->upstream_sockets);
    }
    (void)worker_tell_time(worker);
    worker_take_snapshot(worker);
    uv_prepare_start(&worker->prepare, worker_on_prepare);
    *out = worker;
    return 0;
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    invariant(worker->magic == WORKER_MAGIC && !worker->started);
    if (!worker->closed) { /* it never ran */
        worker_close_all(worker);
        uv_run(&worker->loop, UV_RUN_DEFAULT);
    }
    const int rc = uv_loop_close(&worker->loop);
    if (rc != 0) {
        log_write(LOG_LEVEL_WARNING, "worker %u left something open", worker->index);
    }
    query_engine_destroy(worker->engine);
    query_tops_destroy(worker->tops);
    timers_destroy(worker->timers);
    ring_destroy(worker->records.ring);
    ring_destroy(worker->records.questions);
    pthread_mutex_destroy(&worker->report_mutex);
    given_deinit(&worker->given);
    worker->magic = 0;
    free(worker);
}
