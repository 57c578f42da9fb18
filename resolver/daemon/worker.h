/*
 * daemon/worker.h - one thread that answers: a loop, its sockets, its engine, its upstreams.
 *
 * Made and destroyed by the main thread, which talks to it through flags and one uv_async;
 * nothing else of it is touched from outside while it runs. The cache and the policy slot are
 * shared with the other workers.
 */
#ifndef CORDON_DAEMON_WORKER_H
#define CORDON_DAEMON_WORKER_H

#include "cache/cache.h"
#include "daemon/tracer.h"
#include "net/net.h"
#include "policy/slot.h"
#include "query/query.h"
#include "upstream/forward.h"

#include <stdatomic.h>

struct worker; /* opaque */

struct worker_setup {
    unsigned index; /* its number as a reader of the slot */
    struct cache *cache;
    struct upstream_conditions *conditions; /* of upstreams; shared, like the cache */
    struct policy_slot *slot;
    const struct net_sockets *sockets; /* one pair per address */
    const struct address *addresses;   /* copied */
    size_t count;
    unsigned tcp_clients;      /* connections at a time; 0: all that there may be */
    unsigned upstream_sockets; /* the same */
    struct query_rate *rate;   /* shared, borrowed until destroy */
    struct query_loop *loop;   /* the same */
    uint8_t cookie_key[QUERY_COOKIE_KEY_OCTETS]; /* secret, and the same for all workers */
    uint8_t tops_key[16];                        /* secret, and the same for all workers */
    bool questions;                              /* every one is recorded */
    size_t ring_octets;                          /* of each ring of events */
    bool refuse_decisions, refuse_questions;     /* those that cannot be recorded */
    uv_async_t *reported; /* sent when a report that was asked for is there, or at the end */
};

/* What a worker has counted: a copy, made by the worker itself. */
struct worker_report {
    uint64_t number; /* of this report, from 1; 0: none was made yet */
    unsigned in_use; /* questions in flight */
    struct query_counters query;
    struct query_latency latency;
    struct net_counters net;
    struct upstream_server_status upstreams[UPSTREAM_SERVERS_MAX];
    size_t upstream_count;
    struct upstream_counters seconds; /* second questions */
    uint64_t lacks; /* sockets to upstreams for which there was no descriptor */
};

/* Takes over the sockets, also on failure. The slot must hold a snapshot: it is adopted at
 * once. 0 or -errno. */
int worker_create(const struct worker_setup *setup, struct worker **worker);

/* Starts the thread. 0 or -errno: then the worker is as before. */
int worker_start(struct worker *worker);

/* Any of these: main thread, at any time between create and destroy. */
void worker_adopt(struct worker *worker); /* a new snapshot is in the slot */
/* Asks for a report and returns the number that it will have at least. */
uint64_t worker_ask_report(struct worker *worker);
/* The next report that is made has a new copy of the worker's tops. */
void worker_want_tops(struct worker *worker);
/* Gives it a question to watch. False: it has not begun the one before. */
bool worker_trace(struct worker *worker, struct tracer_job *job);
/* Has it turned its loop since it was last asked to? */
void worker_ask_turn(struct worker *worker);
bool worker_has_turned(struct worker *worker);
void worker_read_report(struct worker *worker, struct worker_report *out);
void worker_read_tops(struct worker *worker, struct query_tops *out);
uint64_t worker_report_number(struct worker *worker); /* of it alone */
/* Answers what is in flight for at most DAEMON_DRAIN_MS, then ends the thread. */
void worker_stop(struct worker *worker);

/* Somebody else holds the sockets and reads from them, now or soon. */
struct worker_leave {
    void (*handed)(void *context, int fd); /* on the worker's thread; owns fd from then on */
    void *context;
    unsigned most_ms; /* what takes longer is given up */
};

/* The same as worker_stop(), but reads nothing from here on, and gives the connections of
 * clients away (net_leave()). leave is copied. */
void worker_leave(struct worker *worker, const struct worker_leave *leave);

/* A connection that a predecessor has given: taken over, also on failure. False: too many wait
 * already, it is closed. */
bool worker_give(struct worker *worker, int fd);

/* Waits for the end of the thread; fine if it never started. */
void worker_join(struct worker *worker);
/* After worker_join. The ring is gone with it. NULL is fine. */
void worker_destroy(struct worker *worker);

/* For the writer of events, which is the consumer of the rings: of decisions and, where every
 * question is recorded (else NULL), of questions; with what found them full, and what was
 * refused for that reason. */
struct worker_records {
    struct ring *ring, *questions;
    _Atomic uint64_t lost, questions_lost, refused, questions_refused;
};
struct worker_records *worker_records(struct worker *worker);

#endif
