/*
 * query/query.h - one question of a client, from its octets to its answer and its event.
 *
 * This is the first door to open. A question is a struct that query_run() moves through the
 * states of the table in query/run.c:
 *
 *   PARSE -> CLIENT -> LOCAL -> DECIDE -> LOOKUP -> JOIN -> ASK ~ wait ~ ACCEPT -> STORE
 *              |         |        |         |                                       |
 *    refused,  |    known|        |         +------- cache hit, joined ----------> RECHECK
 *    malformed |     here| blocked|         +<------ redirected to a name ---------+|  |
 *              |         |        |         +<~ wait ~ name servers not known ~ SERVERS|
 *              v         v        v                                                 |  |
 *             SEND -> RECORD -> FREE  <-------------- answered, blocked ------------+--+
 *
 * What a client can rely on, beside the policy: AA and AD are never set; ANY is answered with
 * one HINFO record without asking (RFC 8482, 4.2); a question without RD gets what policy and
 * cache have, else REFUSED; whoever is outside the access networks learns nothing else than
 * that. LOCAL comes before DECIDE: names of this place (local/local.h) never leave, so policy
 * has nothing to say about them. STORE comes before RECHECK: the cache has what came, whoever
 * asked for it. SERVERS is entered only where a view has rules about name servers
 * (query/learn.h).
 *
 * There is no socket, clock or chance in here: octets, time and wishes go through struct
 * query_io, which daemon/worker.c fills with libuv and tests fill with an array and a virtual
 * clock. One engine per worker thread; nothing is shared but the cache.
 */
#ifndef CORDON_QUERY_QUERY_H
#define CORDON_QUERY_QUERY_H

#include "audit/event.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/random.h"
#include "base/ring.h"
#include "base/timers.h"
#include "cache/cache.h"
#include "policy/answer.h"
#include "policy/policy.h"
#include "query/cookie.h"
#include "query/limits.h"
#include "query/loop.h"
#include "query/rate.h"
#include "query/settings.h"
#include "query/tops.h"
#include "wire/question.h"

struct query_engine; /* opaque */
struct query_fetch;
struct query_learning;

enum query_transport {
    QUERY_UDP = AUDIT_UDP,
    QUERY_TCP = AUDIT_TCP
};

/* Who asks and how: filled by net/ before query_run(). */
struct query_client {
    struct address from;  /* the client */
    struct address local; /* the address that it asked */
    uint8_t transport;    /* enum query_transport */
    void *owner;          /* net's: the socket or connection */
    int keepalive_100ms;  /* TCP: idle time to announce (RFC 7828); below 0: none */
    void *link[2];        /* net's: list links of a TCP connection's questions */
};

enum query_state {
    QUERY_PARSE,
    QUERY_CLIENT,
    QUERY_LOCAL,
    QUERY_DECIDE,
    QUERY_LOOKUP,
    QUERY_JOIN,
    QUERY_ASK,
    QUERY_ACCEPT,
    QUERY_RECHECK,
    QUERY_SERVERS,
    QUERY_STORE,
    QUERY_SEND,
    QUERY_RECORD,
    QUERY_FREE,
    QUERY_STATES,
    QUERY_WAIT = QUERY_STATES /* a step's way of saying: nothing more until something comes */
};

/* How a fetch ended. */
enum query_fetch_status {
    QUERY_FETCH_ANSWER,       /* octets are a well-formed answer to exactly this question */
    QUERY_FETCH_TIMEOUT,      /* no usable answer in time */
    QUERY_FETCH_UNREACHABLE,  /* every upstream refused the packets or cannot be routed to */
    QUERY_FETCH_REJECTED,     /* upstreams answered, but none usefully (REFUSED, garbage) */
    QUERY_FETCH_UNPROVED,     /* none could be reached, one as it could not prove who it is */
    QUERY_FETCH_UNMATCHED,    /* every socket was flooded with answers to other questions */
    QUERY_FETCH_NO_DESCRIPTOR /* this process may not open another socket */
};

struct query_fetch_result {
    enum query_fetch_status status;
    const uint8_t *octets; /* borrowed for the call */
    size_t len;
    struct address upstream; /* that answered or was asked last; family 0: none */
};

/* One question to the upstreams, for one or more queries that wait for it. Owned by the
 * engine; the fields above the line are read by upstream/, the pointer is upstream's own. */
struct query_fetch {
    struct wire_name name; /* lower case */
    uint16_t type;
    uint16_t context;
    bool dnssec_ok;
    bool checking_disabled;
    uint64_t deadline_us;            /* of the query that waits longest */
    uint32_t packets;                /* that have left: upstream/ counts them */
    bool traced;                     /* somebody who waits is watched: see query_fetch_note() */
    void *upstream;                  /* NULL, or the exchange that works on it */
    struct query *waiting;           /* engine's own from here on */
    struct query_learning *learners; /* that wait for it beside them */
    struct query_engine *engine;     /* while it is held */
    bool held;                       /* it goes on although nobody waits */
    uint8_t holder;                  /* why: enum query_holder */
    uint32_t held_packets;           /* so many may leave for that */
    uint64_t held_us;                /* since when */
    bool learned;                    /* about name servers, at a time */
    struct timer patience;           /* of whoever holds it */
    struct query_fetch *next_same_hash;
    struct query_fetch *next, *prev;
    uint64_t hash; /* the cache's */
};

struct query_io {
    /* Where to write the answer of q: at least 512 octets; *size says how many. Valid until
     * the matching send; NULL: no answer can be sent (the connection is gone). */
    uint8_t *(*reserve)(void *context, struct query *q, size_t *size);
    /* Sends (or queues) the len octets written there. Must not call back into the engine. */
    void (*send)(void *context, struct query *q, size_t len);
    /* The question ends without an answer; also called after send: q is no longer net's. */
    void (*release)(void *context, struct query *q);
    /* Asks the upstreams. 0: query_fetch_done() will be called, never from within this call.
     * Negative: nothing was started. */
    int (*ask)(void *context, struct query_fetch *fetch);
    /* Nobody waits any more: forget the fetch, do not call query_fetch_done(). */
    void (*cancel)(void *context, struct query_fetch *fetch);
};

/* What made an answer, for its latency. */
enum query_path {
    QUERY_PATH_HIT,     /* from the cache */
    QUERY_PATH_MISS,    /* it waited for an upstream */
    QUERY_PATH_BLOCKED, /* replaced by policy, whichever way it took before */
    QUERY_PATH_OTHER,   /* known here, ANY, refused, malformed */
    QUERY_PATHS
};

/* Microseconds from reading the question's batch to handing the answer over, per answer sent.
 * What is answered in the batch that it came with is counted when the time is told next. */
struct query_latency {
    struct histogram by[QUERY_PATHS];
};

struct query_counters {
    uint64_t questions;    /* taken */
    uint64_t answered[24]; /* by response code */
    uint64_t dropped;      /* not answered on purpose: malformed, silent refusal, action drop */
    uint64_t no_slot;      /* not taken: every slot in use */
    uint64_t refused_clients;
    uint64_t waits_refused; /* SERVFAIL: no more questions may wait */
    uint64_t share_refused; /* SERVFAIL: no more of this client, where places are scarce */
    uint64_t cookies[4];    /* by enum query_cookie_verdict; those without are not counted */
    uint64_t rate_limited;  /* of clients that ask too often */
    uint64_t rate_slipped;  /* of these, told so over UDP */
    uint64_t local;         /* answered by what is known here */
    uint64_t rebinding;     /* answers from outside that led inside: replaced */
    uint64_t told;          /* pages that operators were given (told.h) */
    uint64_t blocked;       /* answers replaced by policy */
    uint64_t denied;        /* those of them that no rule, but a view's own word replaced */
    uint64_t logged;        /* would-have-blocked events */
    uint64_t excepted;      /* blocks that an exception let through */
    uint64_t trials[POLICY_TRIALS]; /* hits of newer versions on trial, by what they say */
    uint64_t cache_hits, cache_misses, joined;
    uint64_t fetches, fetch_failures;
    uint64_t stale;              /* answers past their time that were given */
    uint64_t prefetches;         /* fetches of answers whose time was nearly over */
    uint64_t prefetches_refused; /* that were not begun: no place */
    uint64_t lessons;            /* fetches about name servers, for the policy */
    uint64_t lessons_refused;    /* that were not begun: no budget, no place */
    uint64_t
        servers_unknown; /* questions whose name servers could not be judged: let through */
    uint64_t truncated;
    uint64_t unrecorded; /* SERVFAIL: they could not be recorded */
    uint64_t steps_exceeded;
    uint64_t packets_exceeded; /* failed after QUERY_PACKETS_MAX packets to upstreams */
    uint64_t chains_too_long;  /* answers with more than POLICY_HOPS_MAX hops, or a loop */
    uint64_t reruns;           /* waiting questions decided anew after a reload */
};

struct query_engine_setup {
    const struct query_io *io;
    void *io_context;
    struct cache *cache;
    struct ring *events; /* decisions go here */
    _Atomic uint64_t *events_lost;
    /* NULL: a decision that finds no room there is lost. Else it is not: the question is
     * refused, and counted here. */
    _Atomic uint64_t *events_refused;
    struct ring *questions; /* every question goes here; NULL: none does */
    _Atomic uint64_t *questions_lost, *questions_refused;
    struct timers *timers;
    struct random *random;     /* borrowed until destroy */
    struct query_rate *rate;   /* borrowed until destroy, and shared; NULL: none is limited */
    const uint8_t *cookie_key; /* QUERY_COOKIE_KEY_OCTETS secret octets that workers share;
                                  NULL: its own */
    const uint8_t *tops_key;   /* 16 secret octets that workers share; NULL: its own */
    unsigned slots;            /* 0: QUERY_SLOTS */
    unsigned places;           /* sockets to upstreams, if fewer than slots; 0: not fewer */
    struct query_loop *loop; /* borrowed until destroy, and shared; NULL: none is looked for */
};

/* NULL if out of memory. A policy and settings must be adopted before the first question. */
struct query_engine *query_engine_create(const struct query_engine_setup *setup);
/* Questions that still wait are forgotten: no function of io is called, and the timers must
 * not run any more. NULL is fine. */
void query_engine_destroy(struct query_engine *engine);

/* The caller tells the time at least once per turn of its loop, before anything else, and
 * before each batch of questions; and after a batch, before the loop waits, if there are
 * answers whose latency is not counted yet. */
void query_engine_time(struct query_engine *engine, struct clock_now now);
bool query_engine_is_untimed(const struct query_engine *engine);

/*
 * Takes over a new policy and settings (borrowed until the next call). Questions that wait are
 * decided anew by them: one that is now blocked is answered so and its fetch ends, so that no
 * further packet about it leaves; none sees a mix of old and new.
 */
void query_engine_adopt(struct query_engine *engine, const struct policy *policy,
                        const struct query_settings *settings);

/* A slot for a question, or NULL (all in use: counted). The caller fills query_client_of(). */
struct query *query_take(struct query_engine *engine);
struct query_client *query_client_of(struct query *q);
const struct wire_question *query_question_of(const struct query *q);

/* Starts the question in msg (borrowed for the call). q is the engine's from here on. */
void query_run(struct query_engine *engine, struct query *q, const uint8_t *msg, size_t len);

/*
 * hot. The same in four steps, for questions that came together: query_read() and then
 * query_expect() of each, then query_go_near() and query_go_on() with some of them at a time,
 * in this order. Others may take a step in between; nothing else is asked of the engine before
 * all have gone on. Memory that a question needs comes while others take theirs: in the lists,
 * in the cache. What is answered is the same.
 */
void query_read(struct query_engine *engine, struct query *q, const uint8_t *msg, size_t len);
void query_expect(struct query_engine *engine, struct query *q);
void query_go_near(struct query_engine *engine, struct query *const *batch, size_t count);
void query_go_on(struct query_engine *engine, struct query *const *batch, size_t count);

/* The client is gone: the question ends unanswered, without io->release; what policy found is
 * recorded. Also for a slot that was taken and never run. Not from within a function of io. */
void query_abandon(struct query_engine *engine, struct query *q);

/* A fetch has ended: everything that waits for it goes on. The fetch is the engine's again. */
void query_fetch_done(struct query_engine *engine, struct query_fetch *fetch,
                      const struct query_fetch_result *result);

/* Whether a packet about this fetch may leave now: false if every query that waits for it is,
 * by the policy in force, blocked by its own name, or has had QUERY_PACKETS_MAX of them. Asked
 * before each send and retry. */
bool query_fetch_may_ask(const struct query_engine *engine, const struct query_fetch *fetch);

/* What an upstream is asked and says, for the traces of those who wait. Only worth its while if
 * fetch->traced. */
void query_fetch_note(const struct query_fetch *fetch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Gives memory that questions no longer use back to the system. */
void query_engine_trim(struct query_engine *engine);

const struct query_counters *query_engine_counters(const struct query_engine *engine);
const struct query_latency *query_engine_latency(const struct query_engine *engine);
/* Who asks most and what is blocked most; the engine goes on counting. */
struct query_tops *query_engine_tops(struct query_engine *engine);
unsigned query_engine_in_use(const struct query_engine *engine);

#endif
