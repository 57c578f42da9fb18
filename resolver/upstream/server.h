/*
 * upstream/server.h - one upstream as a worker sees it, and which one to ask next. Private to
 * the room.
 *
 * Pure: time and chance are arguments. How fast it is and whether it is up is known to all
 * workers together (condition.h); what it cannot do, and what was asked, to each alone.
 */
#ifndef CORDON_UPSTREAM_SERVER_H
#define CORDON_UPSTREAM_SERVER_H

#include "upstream/condition.h"

struct upstream_server {
    struct endpoint endpoint;
    struct upstream_condition *condition; /* the table's; taken and given back by settings.c */
    uint64_t salt;                        /* of its endpoint, for UPSTREAM_HASHED */
    uint64_t case_again_us;               /* when a lost ability is tried again */
    uint64_t edns_again_us;
    uint64_t carries_until_us; /* what is known of carries counts until then */
    unsigned carries;          /* questions that one of its connections takes; 0: any number */
    uint64_t open_us; /* over TLS: when something was last written to an open connection */
    uint64_t questions, answers, timeouts, wrong, failures, tcp, late, seconds;
    struct upstream_tls_status tls;
    bool case_lost;
    bool case_told; /* the operator has been told */
    bool edns_lost;
};

void upstream_server_init(struct upstream_server *server, const struct endpoint *endpoint,
                          struct upstream_condition *condition);

/* Round trips that an answer takes: more than one if a connection must probably be made. */
unsigned upstream_server_trips(const struct upstream_server *server, bool tcp, uint64_t now_us);

/* Questions that a connection to it may carry; 0: any number. */
static inline unsigned upstream_server_carries(const struct upstream_server *server,
                                               uint64_t now_us)
{
    return now_us < server->carries_until_us ? server->carries : 0;
}

/* How long to wait for an answer, microseconds, doubled so many times. */
uint64_t upstream_server_wait_us(const struct upstream_server *server, unsigned doublings,
                                 uint64_t now_us);

/* After how long an answer over UDP is late: nearly all have come by then. Not above the wait.
 */
uint64_t upstream_server_late_us(const struct upstream_server *server, uint64_t now_us);

/* For whom a server is wanted. */
struct upstream_wish {
    const struct upstream_group *group;
    const uint8_t *asked; /* how often the question has gone to each already */
    uint32_t excluded;    /* a bit for each that must not be asked */
    uint64_t hash;        /* of the name, for UPSTREAM_HASHED */
};

/*
 * The server to ask next: least asked before all, then up before suspect before down, then by
 * the policy of the group; of those that are down the one that was heard last. -1 if all are
 * excluded, and only then.
 */
int upstream_server_choose(const struct upstream_server *servers, size_t count,
                           const struct upstream_wish *wish, struct random *random,
                           uint64_t now_us);

/* Whether it is neither down nor suspect: worth a second question. */
bool upstream_server_is_well(const struct upstream_server *server, uint64_t now_us);

/* The server that is well and was measured longest ago, or never (*never), -1: none. */
int upstream_server_least_known(const struct upstream_server *servers, size_t count,
                                uint32_t excluded, uint64_t now_us, bool *never);

/* Whether to use random letter case, or EDNS, for the next question. A lost ability is tried
 * again with one question per UPSTREAM_RELEARN_MS. */
bool upstream_server_case(struct upstream_server *server, uint64_t now_us);
bool upstream_server_edns(struct upstream_server *server, uint64_t now_us);

/* The server answers rightly, but not in the letter case of the question. */
void upstream_server_lost_case(struct upstream_server *server, uint64_t now_us);
/* The server answers only questions without EDNS. */
void upstream_server_lost_edns(struct upstream_server *server, uint64_t now_us);

#endif
