/*
 * upstream/exchange.h - the inside of a worker's upstream and of one fetch's exchange. Private
 * to the room: forward.c moves exchanges, heard.c takes what comes back, try.c sends,
 * settings.c makes and configures.
 */
#ifndef CORDON_UPSTREAM_EXCHANGE_H
#define CORDON_UPSTREAM_EXCHANGE_H

#include "base/pool.h"
#include "upstream/forward.h"
#include "upstream/server.h"

#define UPSTREAM_US_PER_MS UINT64_C(1000)

#define UPSTREAM_EXCHANGE_MAGIC 0x65786368u

/* A try, its message, and what is expected of it. The try is the first member: the io hands
 * back its address. */
struct upstream_slot {
    struct upstream_try t;
    bool open;
    bool edns;
    bool random_case;
    bool case_seen;      /* one answer in the wrong case has come already */
    bool second;         /* to another server, while a first is waited for */
    bool hedge;          /* a second one, as the first was late */
    bool late;           /* nearly all answers are there sooner */
    bool overdue;        /* its server's time is over; open for a late answer */
    uint64_t late_us;    /* when it is */
    uint64_t overdue_us; /* when it is */
    uint8_t octets[UPSTREAM_QUESTION_MAX];
};

struct upstream_exchange {
    uint32_t magic;
    struct upstream *upstream;
    struct query_fetch
        *fetch;         /* NULL: it has its answer, and other servers' tries are watched */
    struct timer timer; /* armed from the first to the last moment */
    const struct upstream_group *group;
    uint64_t hash; /* of the name, for UPSTREAM_HASHED */
    struct upstream_exchange *next, *prev;
    unsigned started, repeats;
    uint32_t excluded;   /* servers not asked again, a bit each */
    uint32_t case_wrong; /* servers that have answered in the wrong case */
    uint32_t no_edns;    /* servers that have refused EDNS */
    uint32_t truncated;  /* servers that have answered with TC=1 */
    uint32_t busy;       /* servers that take no further connection, until it goes on */
    uint32_t reset_seen; /* servers that have closed a TCP connection under a question */
    bool answered;       /* by some server, but not usefully */
    bool waited;         /* something else than a socket error has gone wrong */
    bool flooded;        /* a socket was closed for its wrong answers */
    bool unproved;       /* a server could not prove over TLS who it is */
    bool lacking;        /* there was no descriptor for a socket */
    bool hedged;         /* or could not be */
    bool over;           /* found out within upstream_ask: told by the timer */
    uint64_t retry_us;   /* after a lack of our own (sockets): not before; 0: none */
    struct address last; /* server asked last */
    uint16_t rejected_len;
    uint8_t asked[UPSTREAM_SERVERS_MAX];
    uint8_t blame[UPSTREAM_SERVERS_MAX];     /* enum upstream_reason: if another server helps */
    uint8_t rejected[UPSTREAM_REJECTED_MAX]; /* an answer that is no help */
    struct upstream_slot slots[UPSTREAM_TRIES_MAX];
};

/* A question of our own to a server that is down: `. NS`, or the SOA of its zone. */
struct upstream_probe {
    struct upstream_try t; /* of no exchange */
    bool open;
    enum upstream_reason reason; /* for which the server is down */
    uint16_t type;
    uint64_t until_us;
    struct wire_name name;
    uint8_t octets[UPSTREAM_QUESTION_MAX];
};

struct upstream {
    const struct upstream_io *io;
    void *io_context;
    struct query_engine *engine;
    struct timers *timers;
    struct random *random;
    struct pool *exchanges;
    size_t fetches_max;              /* exchanges with a fetch */
    struct upstream_exchange *first; /* of those in use */
    struct clock_now now;
    struct upstream_group groups[UPSTREAM_GROUPS_MAX + 1]; /* the first: context 0 */
    size_t group_count;
    struct upstream_conditions *conditions;
    unsigned hedge_permille; /* of questions */
    unsigned hedge_credit;   /* in thousandths of a second question */
    unsigned watched;        /* exchanges without a fetch */
    struct upstream_counters counters;
    enum upstream_case letter_case;
    uint16_t udp_size;
    struct tls_trust *trust; /* held; NULL: none */
    uint64_t lacks;          /* sockets for which there was no descriptor */
    uint64_t lack_told_us;   /* when that was logged last; 0: never */
    size_t count;
    struct upstream_server servers[UPSTREAM_SERVERS_MAX];
    struct upstream_probe probes[UPSTREAM_SERVERS_MAX];
    struct timer probe_timer; /* armed while a server is down, as far as is known here */
};

/* Who is asked in this context; for one that there is none for (any more): nobody. */
const struct upstream_group *upstream_group_of(const struct upstream *upstream,
                                               uint16_t context);

/* Closes what is open and gives the exchange back; the fetch is free of it. */
void upstream_exchange_end(struct upstream_exchange *exchange);

/* When its question left: later than it was asked if a connection had to be made first. */
uint64_t upstream_asked_us(const struct upstream_try *t);

/* Over TLS only the length of a question could tell what is asked (RFC 7830; RFC 8467, 4.1):
 * pads one that ends with a bare OPT record. Returns the new length. */
size_t upstream_hide_length(uint8_t octets[UPSTREAM_QUESTION_MAX], size_t len);

/* Closes one try, if it is open. */
void upstream_slot_close(struct upstream *upstream, struct upstream_slot *slot);

/* How a question is to be asked. */
struct upstream_manner {
    bool tcp;
    bool plain_case;
    bool plain_dns; /* without EDNS */
    bool allowed;   /* query_fetch_may_ask() has just said so */
    bool second, hedge;
    uint64_t wait_us;
};

/*
 * Sends the question to one server. 0; -ECANCELED: it may not be asked any more; -ENOBUFS: all
 * slots are in use; other: what the io says, and nothing is open.
 */
int upstream_slot_send(struct upstream_exchange *exchange, size_t index,
                       struct upstream_manner manner);

/* Notes an error of sending to a server, or of its socket. True if the next server may be
 * asked at once. */
bool upstream_note_error(struct upstream_exchange *exchange, size_t index, bool tcp, int error);

/* Whether an error of sending is the server's or the path's, not a lack of this machine. */
bool upstream_is_of_server(int error);

/* The time of the try's server is over, or its socket has had enough wrong answers. */
void upstream_note_miss(struct upstream_exchange *exchange, const struct upstream_slot *slot);

/* Whether silence of this try tells that the server is not there, and its answer how fast it
 * is: over TCP in clear neither, as a firewall may be in the way, and connecting takes time. */
bool upstream_tells(const struct upstream *upstream, const struct upstream_slot *slot);

/* second.c: second questions, and what becomes of the other when one is answered. */

/* In fastest: for a small share of questions, also asks a server that is not well known. */
void upstream_explore(struct upstream_exchange *exchange);
/* Marks tries that are late; then asks another server, if the share allows. */
void upstream_hedge(struct upstream_exchange *exchange);
/* The fetch is free of the exchange, which lives on while tries beside this slot are worth
 * watching. */
void upstream_exchange_leave(struct upstream_exchange *exchange, struct upstream_slot *slot);
/* For an exchange without a fetch. */
void upstream_watched_received(struct upstream_exchange *exchange, struct upstream_slot *slot,
                               const uint8_t *octets, size_t len);
void upstream_watched_failed(struct upstream_exchange *exchange, struct upstream_slot *slot);
void upstream_watched_timer(struct upstream_exchange *exchange);

/* forward.c: arms the timer for the next moment at which something is to be done. */
void upstream_schedule(struct upstream_exchange *exchange);
/* A try is open whose server's time is not over. */
bool upstream_is_waiting(const struct upstream_exchange *exchange);
/* The slot has brought a useful answer. The fetch is told, the exchange may be gone. */
void upstream_finish_with(struct upstream_exchange *exchange, struct upstream_slot *slot,
                          const uint8_t *octets, size_t len);
/* Asks the same server once more, in another manner; if that is not possible, the next one. */
void upstream_repeat(struct upstream_exchange *exchange, size_t index,
                     struct upstream_manner manner);
/* Waits for what is open, or asks the next server first; if there is neither, the fetch is told
 * that it has no answer, and the exchange is gone. */
void upstream_schedule_or_finish(struct upstream_exchange *exchange);
void upstream_advance_or_finish(struct upstream_exchange *exchange);

/* probe.c: servers that are down are looked after until they are up. */
void upstream_probe_arm(struct upstream *upstream);
void upstream_probe_close_all(struct upstream *upstream);
void upstream_probe_received(struct upstream *upstream, struct upstream_try *t,
                             const uint8_t *octets, size_t len);
void upstream_probe_failed(struct upstream *upstream, struct upstream_try *t);

#endif
