/*
 * daemon/worker_ask.c - what the main thread says to a worker, and reads of it: flags with one
 * uv_async, and a report under a mutex.
 */
#include "daemon/worker_inside.h"

#include <signal.h>

void worker_wish(struct worker *worker, enum worker_wish what)
{
    atomic_fetch_or(&worker->wishes, (unsigned)what);
    uv_async_send(&worker->wake);
}

static void thread_main(void *context)
{
    struct worker *worker = context;

    (void)uv_run(&worker->loop, UV_RUN_DEFAULT); /* until worker_close_all() leaves nothing */
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
    worker_wish(worker, WORKER_WISH_ADOPT);
}

uint64_t worker_ask_report(struct worker *worker)
{
    worker->asked++;
    atomic_store(&worker->wanted, worker->asked);
    worker_wish(worker, WORKER_WISH_REPORT);
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
        worker_wish(worker, WORKER_WISH_TRACE);
    }
    return asked;
}

void worker_ask_turn(struct worker *worker)
{
    atomic_store(&worker->turned, false);
    worker_wish(worker, WORKER_WISH_TURN);
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
        worker_wish(worker, WORKER_WISH_STOP);
    }
}

void worker_leave(struct worker *worker, const struct worker_leave *leave)
{
    worker->leave = *leave;
    if (worker->started) {
        worker_wish(worker, WORKER_WISH_LEAVE);
    }
}

bool worker_give(struct worker *worker, int fd)
{
    const bool room = given_put(&worker->given, fd);

    if (room) {
        worker_wish(worker, WORKER_WISH_GIVEN);
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

struct worker_records *worker_records(struct worker *worker)
{
    return &worker->records;
}
