/*
 * daemon/worker_inside.h - what the three files of a worker share: worker.c is what runs in its
 * loop, worker_make.c makes it and takes it down, worker_ask.c is what the main thread says to
 * it.
 */
#ifndef CORDON_DAEMON_WORKER_INSIDE_H
#define CORDON_DAEMON_WORKER_INSIDE_H

#include "daemon/given.h"
#include "daemon/worker.h"
#include "upstream/transport.h"

#include <pthread.h>

#define WORKER_MAGIC 0x776f726bu

enum worker_wish { /* flags from the main thread */
    WORKER_WISH_ADOPT = 1,
    WORKER_WISH_REPORT = 2,
    WORKER_WISH_STOP = 4,
    WORKER_WISH_TURN = 8, /* a sign of life: see watchdog.h */
    WORKER_WISH_LEAVE = 16,
    WORKER_WISH_GIVEN = 32, /* a connection */
    WORKER_WISH_TRACE = 64
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

/* Any thread. */
void worker_wish(struct worker *worker, enum worker_wish what);

/* The rest: on the worker's thread, or on the main thread while that does not run. */
extern const struct query_io worker_io;

/* Tells the time on, before any batch of work. */
struct clock_now worker_tell_time(struct worker *worker);
/* The same, for net and transport: context is the worker. */
void worker_on_turn(void *context);
void worker_take_snapshot(struct worker *worker);

void worker_on_wake(uv_async_t *handle);
void worker_on_prepare(uv_prepare_t *handle);

/* What the loop ends with: callbacks run in it until nothing is left. */
void worker_close_handles(struct worker *worker);
void worker_close_all(struct worker *worker);

#endif
