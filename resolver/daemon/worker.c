/*
 * daemon/worker.c - the glue of one worker: libuv on one side, the pure engine on the other.
 *
 * Happy path: poll -> net reads a batch -> engine -> net_send queues -> prepare flushes ->
 * poll. Adoption, reports and the end come as flags with one uv_async, hence between two
 * questions. The end: no new snapshot; questions in flight are answered or given up after a
 * second; then sockets and upstreams close, and the loop ends when their callbacks have run.
 */
#include "daemon/worker.h"

#include "base/invariant.h"
#include "base/log.h"
#include "daemon/given.h"
#include "daemon/limits.h"
#include "setup/setup.h"
#include "upstream/transport.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define WORKER_MAGIC 0x776f726bu

/* How often a stopping worker looks whether its questions are answered. */
#define DRAIN_STEP_MS 5

/* Each may hold one timer: questions, answers that wait for an event, fetches (held ones
 * another), tries, client connections (three deadlines each), connections to upstreams; and
 * some for what is one of a kind. */
#define TIMERS_MAX                                                                 \
    (QUERY_SLOTS + QUERY_LATE_MAX + 2 * QUERY_FETCHES + 2 * UPSTREAM_SOCKETS_MAX + \
     3 * NET_TCP_CONNECTIONS_MAX + 4 * UPSTREAM_SERVERS_MAX + 64)

enum wish { /* flags from the main thread */
    WISH_ADOPT = 1,
    WISH_REPORT = 2,
    WISH_STOP = 4,
    WISH_TURN = 8, /* a sign of life: see watchdog.h */
    WISH_LEAVE = 16,
    WISH_GIVEN = 32, /* a connection */
    WISH_TRACE = 64
};

struct worker {
    uint32_t magic;
    unsigned index;
    uv_thread_t thread;
    bool started;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t clock; /* armed for the earliest of timers */
    uv_timer_t drain;
    uv_timer_t trim;  /* runs from when there is much to do until there is little */
    uint64_t written; /* octets of events, when that was looked at last */
    uv_prepare_t prepare;
    uint64_t clock_at_us; /* what clock is armed for; 0: nothing */
    uint64_t drain_until_us;
    bool stopping, leaving, closed;

    struct timers *timers;
    struct random random;
    struct worker_records records;
    struct query_engine *engine;
    struct upstream *upstream;
    struct upstream_transport *transport;
    struct net *net;
    struct policy_slot *slot;

    _Atomic unsigned wishes;
    _Atomic bool turned; /* since worker_ask_turn() */
    uint64_t asked;      /* main thread: number of the report asked for last */
    uv_async_t *reported;
    _Atomic uint64_t wanted; /* = asked, as the worker sees it */
    _Atomic bool tops_wanted;
    pthread_mutex_t report_mutex; /* covers report and tops */
    struct worker_report report;
    struct query_tops *tops; /* a copy */
    struct tracer tracer;

    struct worker_leave leave; /* written before the wish */
    struct given given;
};

/* What the engine wishes from the world. */

static uint8_t *io_reserve(void *context, struct query *q, size_t *size)
{
    const struct worker *worker = context;

    return net_reserve(worker->net, q, size);
}

static void io_send(void *context, struct query *q, size_t len)
{
    const struct worker *worker = context;

    net_send(worker->net, q, len);
}

static void io_release(void *context, struct query *q)
{
    const struct worker *worker = context;

    net_release(worker->net, q);
}

static int io_ask(void *context, struct query_fetch *fetch)
{
    const struct worker *worker = context;

    return upstream_ask(worker->upstream, fetch);
}

static void io_cancel(void *context, struct query_fetch *fetch)
{
    const struct worker *worker = context;

    upstream_cancel(worker->upstream, fetch);
}

static const struct query_io worker_io = {
    .reserve = io_reserve,
    .send = io_send,
    .release = io_release,
    .ask = io_ask,
    .cancel = io_cancel,
};

/* Tells the time on, before any batch of work. */
static struct clock_now tell_time(struct worker *worker)
{
    const struct clock_now now = clock_read();

    query_engine_time(worker->engine, now);
    upstream_time(worker->upstream, now);
    return now;
}

static void on_turn(void *context)
{
    struct worker *worker = context;

    invariant(worker->magic == WORKER_MAGIC);
    (void)tell_time(worker);
}

static void on_clock(uv_timer_t *handle)
{
    struct worker *worker = handle->data;
    const struct clock_now now = tell_time(worker);

    worker->clock_at_us = 0;
    (void)timers_run(worker->timers, now.mono_us);
}

/* Whether there is more to do than a worker that is idle has. */
static bool is_loaded(const struct worker *worker, uint64_t written)
{
    return written - worker->written > DAEMON_TRIM_OCTETS ||
           query_engine_in_use(worker->engine) > DAEMON_TRIM_QUESTIONS;
}

static uint64_t written(const struct worker *worker)
{
    const struct ring *questions = worker->records.questions;

    return ring_written(worker->records.ring) +
           (questions != NULL ? ring_written(questions) : 0);
}

/* The load has fallen: what it took goes back to the system, heaps of all threads included. */
static void on_trim(uv_timer_t *handle)
{
    struct worker *worker = handle->data;
    const uint64_t now = written(worker);
    const bool loaded = is_loaded(worker, now);

    worker->written = now;
    if (loaded || worker->closed) {
        return;
    }
    uv_timer_stop(handle);
    ring_trim(worker->records.ring);
    if (worker->records.questions != NULL) {
        ring_trim(worker->records.questions);
    }
    query_engine_trim(worker->engine);
    upstream_trim(worker->upstream);
    upstream_transport_trim(worker->transport);
    (void)malloc_trim(0);
}

/* Right before the loop sleeps: what was queued leaves, and the loop is told when to wake up.
 * Callbacks of sockets, timers and adoption all end up here before the next poll. */
static void on_prepare(uv_prepare_t *handle)
{
    struct worker *worker = handle->data;
    uint64_t at_us = 0;

    net_flush(worker->net);
    if (is_loaded(worker, written(worker)) && !uv_is_active((uv_handle_t *)&worker->trim)) {
        uv_timer_start(&worker->trim, on_trim, DAEMON_TRIM_MS, DAEMON_TRIM_MS);
    }
    if (query_engine_is_untimed(worker->engine)) {
        (void)tell_time(worker);
    }
    if (!timers_next(worker->timers, &at_us)) {
        uv_timer_stop(&worker->clock);
        worker->clock_at_us = 0;
    } else if (at_us != worker->clock_at_us) {
        const uint64_t now_us = clock_read().mono_us;
        const uint64_t wait_ms = at_us > now_us ? (at_us - now_us + 999) / 1000 : 0;
        uv_timer_start(&worker->clock, on_clock, wait_ms, 0);
        worker->clock_at_us = at_us;
    }
}

/* The upstreams first: what the engine asks for anew is then asked of the new servers. It calls
 * nobody and sends nothing, so the old policy, which may be freed from here on, is not looked
 * at before the engine has the new one. */
static void adopt(struct worker *worker)
{
    const struct setup_snapshot *snapshot = policy_slot_adopt(worker->slot, worker->index);

    upstream_configure(worker->upstream, &snapshot->upstreams);
    query_engine_adopt(worker->engine, snapshot->policy, &snapshot->settings);
}

/* With the mutex held. */
static void fill_report(struct worker *worker, uint64_t number)
{
    struct worker_report *report = &worker->report;

    report->number = number;
    report->in_use = query_engine_in_use(worker->engine);
    report->query = *query_engine_counters(worker->engine);
    report->latency = *query_engine_latency(worker->engine);
    report->net = *net_counters(worker->net);
    report->lacks = upstream_lacks(worker->upstream);
    report->seconds = *upstream_counters(worker->upstream);
    report->upstream_count = upstream_status(worker->upstream, report->upstreams);
    if (atomic_exchange(&worker->tops_wanted, false)) {
        query_tops_copy(worker->tops, query_engine_tops(worker->engine), clock_read().mono_us);
    }
}

static void wish(struct worker *worker, enum wish what)
{
    atomic_fetch_or(&worker->wishes, (unsigned)what);
    uv_async_send(&worker->wake);
}

/* A report that somebody is just reading is made a turn later: nobody is waited for. */
static void make_report(struct worker *worker)
{
    const uint64_t number = atomic_load(&worker->wanted);

    if (pthread_mutex_trylock(&worker->report_mutex) != 0) {
        wish(worker, WISH_REPORT);
        return;
    }
    fill_report(worker, number);
    pthread_mutex_unlock(&worker->report_mutex);
    uv_async_send(worker->reported);
}

/* The last one: here there are no questions left to wait. */
static void make_last_report(struct worker *worker)
{
    pthread_mutex_lock(&worker->report_mutex);
    fill_report(worker, atomic_load(&worker->wanted));
    pthread_mutex_unlock(&worker->report_mutex);
    uv_async_send(worker->reported);
}

static void take_given(struct worker *worker)
{
    for (int fd = given_take(&worker->given); fd >= 0; fd = given_take(&worker->given)) {
        net_adopt(worker->net, fd);
    }
}

static void close_handles(struct worker *worker)
{
    uv_close((uv_handle_t *)&worker->wake, NULL);
    uv_close((uv_handle_t *)&worker->clock, NULL);
    uv_close((uv_handle_t *)&worker->drain, NULL);
    uv_close((uv_handle_t *)&worker->trim, NULL);
    uv_close((uv_handle_t *)&worker->prepare, NULL);
}

/* Ends everything that holds the loop. net goes first, as it gives up its questions to the
 * engine, which then cancels fetches; upstream next. The engine stays to the last, since its
 * questions have timers beside those of the others. */
static void close_all(struct worker *worker)
{
    make_last_report(worker);
    given_close(&worker->given);
    net_flush(worker->net);
    net_close(worker->net);
    tracer_end(&worker->tracer);
    upstream_destroy(worker->upstream);
    upstream_transport_close(worker->transport);
    worker->closed = true;
    close_handles(worker);
}

/* Without a successor new questions are still taken while others wait: their clients would have
 * to time out otherwise, and a second is not long. */
static void on_drain(uv_timer_t *handle)
{
    struct worker *worker = handle->data;
    const bool owes_nobody = query_engine_in_use(worker->engine) == 0 &&
                             (!worker->leaving || net_counters(worker->net)->tcp_open == 0);

    if (owes_nobody || clock_read().mono_us >= worker->drain_until_us) {
        uv_timer_stop(handle);
        close_all(worker);
    }
}

static void begin_stop(struct worker *worker, uint64_t now_us, bool leave)
{
    if (!worker->stopping) {
        const unsigned most_ms = leave ? worker->leave.most_ms : DAEMON_DRAIN_MS;

        worker->stopping = true;
        worker->leaving = leave;
        worker->drain_until_us = now_us + most_ms * UINT64_C(1000);
        if (leave) {
            take_given(worker); /* they go on with the others */
            net_leave(worker->net, worker->leave.handed, worker->leave.context);
        }
        uv_timer_start(&worker->drain, on_drain, 0, DRAIN_STEP_MS);
    }
}

static void on_wake(uv_async_t *handle)
{
    struct worker *worker = handle->data;
    const unsigned wishes = atomic_exchange(&worker->wishes, 0);

    invariant(worker->magic == WORKER_MAGIC);
    if ((wishes & WISH_TURN) != 0) {
        atomic_store(&worker->turned, true);
    }
    if (worker->closed) {
        return;
    }
    const struct clock_now now = tell_time(worker);
    if ((wishes & WISH_ADOPT) != 0) {
        adopt(worker);
    }
    if ((wishes & WISH_REPORT) != 0) {
        make_report(worker);
    }
    if ((wishes & WISH_TRACE) != 0) {
        tracer_begin(&worker->tracer);
    }
    if ((wishes & WISH_GIVEN) != 0) {
        take_given(worker);
    }
    if ((wishes & (WISH_STOP | WISH_LEAVE)) != 0) {
        begin_stop(worker, now.mono_us, (wishes & WISH_LEAVE) != 0);
    }
}

/* The loop's own handles. Those that need no descriptor cannot fail. */
static int open_loop(struct worker *worker)
{
    int rc = uv_loop_init(&worker->loop);

    if (rc != 0) {
        return rc;
    }
    rc = uv_async_init(&worker->loop, &worker->wake, on_wake);
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
    upstream_transport_on_turn(worker->transport, on_turn, worker);
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
    close_handles(worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    worker_destroy(worker);
}

static bool make_rings(struct worker *worker, const struct worker_setup *setup)
{
    struct worker_records *records = &worker->records;

    records->ring = ring_create(DAEMON_RING_OCTETS);
    records->questions = setup->questions ? ring_create(DAEMON_QUESTIONS_OCTETS) : NULL;
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
                             setup->count, setup->addresses, on_turn, worker);
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
    (void)tell_time(worker);
    adopt(worker);
    uv_prepare_start(&worker->prepare, on_prepare);
    *out = worker;
    return 0;
}

static void thread_main(void *context)
{
    struct worker *worker = context;

    (void)uv_run(&worker->loop, UV_RUN_DEFAULT); /* until close_all() leaves nothing */
}

int worker_start(struct worker *worker)
{
    sigset_t all;
    sigset_t before;

    /* Signals are the main thread's: a worker must not be interrupted in a batch. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int rc = uv_thread_create(&worker->thread, thread_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    worker->started = rc == 0;
    return rc;
}

void worker_adopt(struct worker *worker)
{
    wish(worker, WISH_ADOPT);
}

uint64_t worker_ask_report(struct worker *worker)
{
    worker->asked++;
    atomic_store(&worker->wanted, worker->asked);
    wish(worker, WISH_REPORT);
    return worker->asked;
}

void worker_want_tops(struct worker *worker)
{
    atomic_store(&worker->tops_wanted, true);
}

bool worker_trace(struct worker *worker, struct tracer_job *job)
{
    const bool asked = tracer_ask(&worker->tracer, job);

    if (asked) {
        wish(worker, WISH_TRACE);
    }
    return asked;
}

void worker_ask_turn(struct worker *worker)
{
    atomic_store(&worker->turned, false);
    wish(worker, WISH_TURN);
}

bool worker_has_turned(struct worker *worker)
{
    return atomic_load(&worker->turned);
}

void worker_read_report(struct worker *worker, struct worker_report *out)
{
    pthread_mutex_lock(&worker->report_mutex);
    *out = worker->report;
    pthread_mutex_unlock(&worker->report_mutex);
}

void worker_read_tops(struct worker *worker, struct query_tops *out)
{
    pthread_mutex_lock(&worker->report_mutex);
    query_tops_copy(out, worker->tops, 0);
    pthread_mutex_unlock(&worker->report_mutex);
}

uint64_t worker_report_number(struct worker *worker)
{
    pthread_mutex_lock(&worker->report_mutex);
    const uint64_t number = worker->report.number;
    pthread_mutex_unlock(&worker->report_mutex);
    return number;
}

void worker_stop(struct worker *worker)
{
    if (worker->started) {
        wish(worker, WISH_STOP);
    }
}

void worker_leave(struct worker *worker, const struct worker_leave *leave)
{
    worker->leave = *leave;
    if (worker->started) {
        wish(worker, WISH_LEAVE);
    }
}

bool worker_give(struct worker *worker, int fd)
{
    const bool room = given_put(&worker->given, fd);

    if (room) {
        wish(worker, WISH_GIVEN);
    }
    return room;
}

void worker_join(struct worker *worker)
{
    if (worker->started) {
        uv_thread_join(&worker->thread);
        worker->started = false;
    }
}

void worker_destroy(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    invariant(worker->magic == WORKER_MAGIC && !worker->started);
    if (!worker->closed) { /* it never ran */
        close_all(worker);
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

struct worker_records *worker_records(struct worker *worker)
{
    return &worker->records;
}
