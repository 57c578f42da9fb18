/*
 * daemon/totals.h - what all workers have counted, in one struct: the numbers that the control
 * socket and /metrics show.
 *
 * Main thread. Whoever wants them asks, and is called back when every worker has made a copy of
 * its counters, or when patience ends with the copies that are there: no worker is waited for
 * beyond that, and none waits for anybody.
 */
#ifndef CORDON_DAEMON_TOTALS_H
#define CORDON_DAEMON_TOTALS_H

#include "audit/writer.h"
#include "cache/cache.h"
#include "daemon/limits.h"
#include "daemon/worker.h"

#include <uv.h>

struct daemon;

struct totals {
    struct worker_report
        sum; /* of an upstream: counters; what all workers know, from the latest */
    unsigned workers;
    unsigned reported;           /* workers whose copy is as new as was asked for */
    bool up[DAEMON_WORKERS_MAX]; /* which of them */
    struct cache_stats cache;
    struct audit_writer_stats events;
    struct query_tops *tops; /* if they were asked for and there was memory, else NULL */
};

/* One that waits. ready may ask again; the totals are borrowed for the call. */
struct totals_waiter {
    void (*ready)(struct daemon *daemon, void *context, const struct totals *totals);
    void *context;
    bool tops;
    uint64_t number;   /* that a report must have to be new enough */
    uint64_t until_us; /* monotonic */
};

/* False: too many wait already. */
bool totals_ask(struct daemon *daemon,
                void (*ready)(struct daemon *daemon, void *context,
                              const struct totals *totals),
                void *context);
/* The same with tops: larger copies, for people who look. */
/* With another patience than DAEMON_REPORT_MS. */
bool totals_ask_for(struct daemon *daemon, unsigned patience_ms,
                    void (*ready)(struct daemon *daemon, void *context,
                                  const struct totals *totals),
                    void *context);
bool totals_ask_tops(struct daemon *daemon,
                     void (*ready)(struct daemon *daemon, void *context,
                                   const struct totals *totals),
                     void *context);
/* Nobody is called back any more. */
void totals_forget(struct daemon *daemon);

/* Callbacks of the loop: some worker has made a report; patience has ended. */
void totals_on_reported(uv_async_t *handle);
void totals_on_patience(uv_timer_t *handle);

#endif
