/*
 * daemon/worker.c - the glue of one worker: libuv on one side, the pure engine on the other.
 *
 * Happy path: poll -> net reads a batch -> engine -> net_send queues -> prepare flushes ->
 * poll. Adoption, reports and the end come as flags with one uv_async, hence between two
 * questions. The end: no new snapshot; questions in flight are answered or given up after a
 * second; then sockets and upstreams close, and the loop ends when their callbacks have run.
 */
#include "base/invariant.h"
#include "daemon/limits.h"
#include "daemon/worker_inside.h"
#include "setup/setup.h"

#include <malloc.h>

/* How often a stopping worker looks whether its questions are answered. */
#define DRAIN_STEP_MS 5

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

const struct query_io worker_io = {
    .reserve = io_reserve,
    .send = io_send,
    .release = io_release,
    .ask = io_ask,
    .cancel = io_cancel,
};

/* Tells the time on, before any batch of work. */
struct clock_now worker_tell_time(struct worker *worker)
{
    const struct clock_now now = clock_read();

    query_engine_time(worker->engine, now);
    upstream_time(worker->upstream, now);
    return now;
}

void worker_on_turn(void *context)
{
    struct worker *worker = context;

    invariant(worker->magic == WORKER_MAGIC);
    (void)worker_tell_time(worker);
}

static void on_clock(uv_timer_t *handle)
{
    struct worker *worker = handle->data;
    const struct clock_now now = worker_tell_time(worker);

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
void worker_on_prepare(uv_prepare_t *handle)
{
    struct worker *worker = handle->data;
    uint64_t at_us = 0;

    net_flush(worker->net);
    if (is_loaded(worker, written(worker)) && !uv_is_active((uv_handle_t *)&worker->trim)) {
        uv_timer_start(&worker->trim, on_trim, DAEMON_TRIM_MS, DAEMON_TRIM_MS);
    }
    if (query_engine_is_untimed(worker->engine)) {
        (void)worker_tell_time(worker);
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
void worker_take_snapshot(struct worker *worker)
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
    net_count_drops(worker->net);
    report->net = *net_counters(worker->net);
    report->lacks = upstream_lacks(worker->upstream);
    report->seconds = *upstream_counters(worker->upstream);
    report->upstream_count = upstream_status(worker->upstream, report->upstreams);
    if (atomic_exchange(&worker->tops_wanted, false)) {
        query_tops_copy(worker->tops, query_engine_tops(worker->engine), clock_read().mono_us);
    }
}

/* A report that somebody is just reading is made a turn later: nobody is waited for. */
static void make_report(struct worker *worker)
{
    const uint64_t number = atomic_load(&worker->wanted);

    if (pthread_mutex_trylock(&worker->report_mutex) != 0) {
        worker_wish(worker, WORKER_WISH_REPORT);
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

void worker_close_handles(struct worker *worker)
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
void worker_close_all(struct worker *worker)
{
    make_last_report(worker);
    given_close(&worker->given);
    net_flush(worker->net);
    net_close(worker->net);
    tracer_end(&worker->tracer);
    upstream_destroy(worker->upstream);
    upstream_transport_close(worker->transport);
    worker->closed = true;
    worker_close_handles(worker);
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
        worker_close_all(worker);
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

void worker_on_wake(uv_async_t *handle)
{
    struct worker *worker = handle->data;
    const unsigned wishes = atomic_exchange(&worker->wishes, 0);

    invariant(worker->magic == WORKER_MAGIC);
    if ((wishes & WORKER_WISH_TURN) != 0) {
        atomic_store(&worker->turned, true);
    }
    if (worker->closed) {
        return;
    }
    const struct clock_now now = worker_tell_time(worker);
    if ((wishes & WORKER_WISH_ADOPT) != 0) {
        worker_take_snapshot(worker);
    }
    if ((wishes & WORKER_WISH_REPORT) != 0) {
        make_report(worker);
    }
    if ((wishes & WORKER_WISH_TRACE) != 0) {
        tracer_begin(&worker->tracer);
    }
    if ((wishes & WORKER_WISH_GIVEN) != 0) {
        take_given(worker);
    }
    if ((wishes & (WORKER_WISH_STOP | WORKER_WISH_LEAVE)) != 0) {
        begin_stop(worker, now.mono_us, (wishes & WORKER_WISH_LEAVE) != 0);
    }
}
