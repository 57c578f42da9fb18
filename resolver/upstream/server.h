/*
 * upstream/server.h - what is known about one upstream, and which one to ask next. Private to
 * the room.
 *
 * Pure: time and chance are arguments. A server is down after UPSTREAM_DOWN_AFTER misses or
 * UPSTREAM_REJECTS_MAX useless answers in a row; it is then asked last, and once per (growing)
 * pause a real question goes to it first, so that it is found again. There is no state in which
 * no server is asked.
 */
#ifndef CORDON_UPSTREAM_SERVER_H
#define CORDON_UPSTREAM_SERVER_H

#include "upstream/forward.h"

struct upstream_server {
    struct endpoint endpoint;
    uint64_t salt;               /* of its address, for UPSTREAM_HASHED */
    uint32_t srtt_us, rttvar_us; /* RFC 6298, 2; 0: not measured */
    uint64_t measured_us;        /* when last */
    uint64_t heard_us;           /* last answer of any kind; 0: never */
    uint32_t misses;             /* in a row */
    uint32_t rejects;            /* in a row: answers that are no help */
    uint32_t pause_ms;           /* until the next probe of a server that is down */
    uint64_t probe_us;
    uint64_t case_again_us; /* when a lost ability is tried again */
    uint64_t edns_again_us;
    uint64_t questions, answers, timeouts, wrong, failures, tcp;
    bool down;
    bool case_lost;
    bool case_told; /* the operator has been told */
    bool edns_lost;
};

void upstream_server_init(struct upstream_server *server, const struct endpoint *endpoint);

/* A useful answer came from it, asked at sent_us. measure: over UDP, so it tells the
 * round-trip time. */
void upstream_server_heard(struct upstream_server *server, uint64_t sent_us, uint64_t now_us,
                           bool measure);

/* It answered, but with SERVFAIL, REFUSED or garbage. */
void upstream_server_rejected(struct upstream_server *server, uint64_t sent_us, uint64_t now_us,
                              bool measure);

/* A question sent at sent_us got no answer in time, or an ICMP error. Not held against a
 * server that has answered another question since then. */
void upstream_server_missed(struct upstream_server *server, uint64_t sent_us, uint64_t now_us);

/* How long to wait for an answer, microseconds, doubled so many times. */
uint64_t upstream_server_wait_us(const struct upstream_server *server, unsigned doublings,
                                 uint64_t now_us);

/* For whom a server is wanted. */
struct upstream_wish {
    const struct upstream_group *group;
    const uint8_t *asked; /* how often the question has gone to each already */
    uint32_t excluded;    /* a bit for each that must not be asked */
    uint64_t hash;        /* of the name, for UPSTREAM_HASHED */
};

/*
 * The server to ask next: least asked before all, then up before down, then by the policy of
 * the group. -1 if all are excluded, and only then. *probe: the server is down and only looked
 * after: do not wait long for it.
 */
int upstream_server_choose(struct upstream_server *servers, size_t count,
                           const struct upstream_wish *wish, struct random *random,
                           uint64_t now_us, bool *probe);

/* Whether to use random letter case, or EDNS, for the next question. A lost ability is tried
 * again with one question per UPSTREAM_RELEARN_MS. */
bool upstream_server_case(struct upstream_server *server, uint64_t now_us);
bool upstream_server_edns(struct upstream_server *server, uint64_t now_us);

/* The server answers rightly, but not in the letter case of the question. */
void upstream_server_lost_case(struct upstream_server *server, uint64_t now_us);
/* The server answers only questions without EDNS. */
void upstream_server_lost_edns(struct upstream_server *server, uint64_t now_us);

#endif
