/*
 * upstream/forward.h - from a fetch to an answer: which server, how long, what is believed.
 *
 * No socket and no clock of its own: octets leave and arrive through struct upstream_io, which
 * upstream/udp.c and upstream/tcp.c fill with libuv and tests with a script. One per worker.
 *
 * Happy path: pick a server, make id, source port and letter case at random, send over UDP; the
 * answer that comes from the address asked with this id, port, question and case ends it. TC=1
 * repeats the question over TCP.
 * Failures: an answer that is late -> a second question to another server, for a bounded share
 * of questions, and the first useful answer counts; no answer in the server's time -> next
 * server, the first socket stays open for a late answer; ICMP error -> next server at once;
 * SERVFAIL/REFUSED/garbage -> next server, the last one stands if all fail; wrong answers are
 * counted and waited past; an upstream that loses the letter case of questions is noticed,
 * reported, and asked in lower case from then on.
 */
#ifndef CORDON_UPSTREAM_FORWARD_H
#define CORDON_UPSTREAM_FORWARD_H

#include "base/endpoint.h"
#include "base/random.h"
#include "base/timers.h"
#include "query/query.h"
#include "tls/trust.h"
#include "upstream/limits.h"

struct upstream;            /* opaque */
struct upstream_conditions; /* opaque */

enum upstream_case { /* 0x20: random letter case in questions */
    UPSTREAM_CASE_RANDOM,
    UPSTREAM_CASE_PLAIN
};

enum upstream_choose { /* which server of several is asked first */
    UPSTREAM_FASTEST,  /* by measured round-trip time */
    UPSTREAM_ORDERED,  /* as they are listed */
    UPSTREAM_HASHED    /* by a keyed hash of name and server: each has its own names */
};

/* Who is asked for fetches of one context: a bit for each of the settings' servers. */
struct upstream_group {
    uint16_t context;
    enum upstream_choose choose;
    uint32_t servers;
    uint8_t place[UPSTREAM_SERVERS_MAX]; /* of each of them in the operator's order */
    struct wire_name zone; /* whose SOA a server is asked for that only such groups have */
};

struct upstream_settings {
    struct endpoint servers[UPSTREAM_SERVERS_MAX];
    size_t count;
    uint32_t apart; /* a bit for each server that only groups ask: the others are asked for
                       fetches of context 0, and for no other */
    enum upstream_choose choose; /* among these, which stand in the operator's order */
    struct upstream_group groups[UPSTREAM_GROUPS_MAX];
    size_t group_count;
    unsigned hedge_percent; /* of questions, asked a second time when the answer is late */
    enum upstream_case letter_case;
    uint16_t udp_size; /* advertised to upstreams: 1232 */
    struct tls_trust
        *trust; /* for servers over TLS; NULL: there is none. Held, not taken over */
};

/* One try of one fetch at one server: what the io works on. */
struct upstream_try {
    const struct endpoint *server;
    struct tls_trust *trust; /* for a server over TLS; borrowed for the call that sends */
    unsigned carries;        /* questions that a connection to it may carry; 0: any number */
    const uint8_t *octets;   /* the message to send, borrowed until the try is closed */
    size_t len;
    void *handle;  /* the io's own; NULL: nothing is open */
    uint8_t place; /* the io's own, too */
    bool in_line;  /* the io's word when it fails: the connection has answered others before */
    /* upstream's own */
    struct upstream_exchange *exchange;
    uint16_t id;
    bool tcp;
    uint64_t sent_us;
    uint64_t written_us; /* later, over a connection that had to be made; 0: not yet */
    uint32_t wrong;
    uint8_t server_index;
};

struct upstream_io {
    /* Opens a socket from a random source port, connected to the server, and sends. 0;
     * -errno (-ENETUNREACH, -ECONNREFUSED, -EMFILE ...): nothing is open. */
    int (*udp_send)(void *context, struct upstream_try *t);
    /* Sends over a connection to the server, new or kept: TCP, or TLS if that is how it is
     * reached. 0 or -errno; -EBUSY: all connections to this server that there may be are in
     * use. */
    int (*tcp_send)(void *context, struct upstream_try *t);
    /* Ends the try; no call for it comes afterwards. */
    void (*close)(void *context, struct upstream_try *t);
};

/* What is known about upstreams, for all workers of a process. NULL if out of memory. Destroyed
 * after the last upstream that has it. */
struct upstream_conditions *upstream_conditions_create(void);
void upstream_conditions_destroy(struct upstream_conditions *conditions); /* NULL is fine */

/* NULL if out of memory. The conditions are borrowed until it is destroyed. */
struct upstream *upstream_create(const struct upstream_io *io, void *io_context,
                                 struct query_engine *engine, struct timers *timers,
                                 struct random *random, struct upstream_conditions *conditions,
                                 unsigned exchanges);
void upstream_destroy(struct upstream *upstream);

/* Gives memory that questions no longer use back to the system. */
void upstream_trim(struct upstream *upstream);

/* Takes over new settings (copies). Fetches in flight at servers that are gone move on. */
void upstream_configure(struct upstream *upstream, const struct upstream_settings *settings);

void upstream_time(struct upstream *upstream, struct clock_now now);

/* query_io.ask and .cancel. */
int upstream_ask(struct upstream *upstream, struct query_fetch *fetch);
void upstream_cancel(struct upstream *upstream, struct query_fetch *fetch);

/* From the io: octets arrived on the try's socket (from the address asked, as the socket is
 * connected), or it failed with a negative errno. Either may close the try. */
void upstream_received(struct upstream *upstream, struct upstream_try *t, const uint8_t *octets,
                       size_t len);
void upstream_failed(struct upstream *upstream, struct upstream_try *t, int error);

/* The try's question has been written to an open connection. */
void upstream_written(struct upstream *upstream, struct upstream_try *t);

/* The server has closed a connection right after so many answers, under further questions. */
void upstream_tcp_carries(struct upstream *upstream, const struct endpoint *endpoint,
                          unsigned answered);

/* A connection to the server has proved over TLS who it leads to, with a whole handshake or
 * going on with an earlier session; or has failed to, and why in words. */
void upstream_tls_opened(struct upstream *upstream, const struct endpoint *endpoint,
                         bool resumed);
void upstream_tls_failed(struct upstream *upstream, const struct endpoint *endpoint,
                         const char *why);

enum upstream_health {
    UPSTREAM_UNTRIED,
    UPSTREAM_UP,
    UPSTREAM_DOWN
};

enum upstream_reason { /* why a server is down */
    UPSTREAM_REASON_NONE,
    UPSTREAM_REASON_SILENT,      /* no answer in time */
    UPSTREAM_REASON_UNREACHABLE, /* errors of the network */
    UPSTREAM_REASON_WRONG,       /* answers to other questions, other ids */
    UPSTREAM_REASON_UNPROVED,    /* it could not prove over TLS who it is */
    UPSTREAM_REASON_GARBAGE,     /* malformed answers */
    UPSTREAM_REASON_TRUNCATED,   /* TC=1, and nothing useful over TCP */
    UPSTREAM_REASON_USELESS,     /* refuses or fails what others answer */
    UPSTREAM_REASONS
};

/* A word for programs, and what happened and what to do, for people; static. */
const char *upstream_reason_word(enum upstream_reason reason);
const char *upstream_reason_advice(enum upstream_reason reason);

struct upstream_tls_status {
    uint64_t handshakes;                /* whole ones */
    uint64_t resumed;                   /* that went on with an earlier session */
    uint64_t failures;                  /* connections that proved nothing, or broke */
    char error[UPSTREAM_TLS_ERROR_MAX]; /* the last failure, "" once one has worked */
};

/* What all workers know together, and what the worker has asked. */
struct upstream_server_status {
    struct endpoint endpoint;
    enum upstream_health health;
    enum upstream_reason reason;  /* NONE unless it is down */
    enum upstream_reason failure; /* why the last question had no answer; NONE: it was heard */
    int failure_error;            /* of the network, negative; 0: none */
    uint64_t down_since_us;       /* by the calendar; 0: it is not */
    uint64_t downs;               /* how often it has gone down */
    uint64_t probes, probes_good;
    uint32_t rtt_us; /* smoothed; 0: not measured */
    uint64_t questions, answers, timeouts, wrong, failures, tcp;
    uint64_t late;    /* questions whose answer was not there when nearly all are */
    uint64_t seconds; /* of questions: asked because another server was late, or to measure */
    bool case_lost;   /* it does not keep the letter case */
    struct upstream_tls_status tls;
};

struct upstream_counters {
    uint64_t hedges;        /* second questions because the first answer was late */
    uint64_t hedges_won;    /* that brought the answer */
    uint64_t hedges_denied; /* not asked, as the share was used up */
    uint64_t explored;      /* second questions to measure another server */
};
const struct upstream_counters *upstream_counters(const struct upstream *upstream);

/* Sockets for which there was no descriptor, ever. */
uint64_t upstream_lacks(const struct upstream *upstream);
size_t upstream_status(const struct upstream *upstream,
                       struct upstream_server_status out[UPSTREAM_SERVERS_MAX]);

#endif
