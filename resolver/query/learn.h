/*
 * query/learn.h - inside the room: the name servers of the zones that an answer comes from.
 *
 * The last triggers of the policy: asked only about answers that all others let through, and
 * only where a view has such a rule. All that is known is in the cache, as answers to questions
 * like any other's: NS of the zone, and A and AAAA of its servers where a rule is about
 * addresses. What is lacking is asked for, once for all who wait, within a budget.
 *
 *   SERVERS  everything known ---------------------------------------> the answer, or a block
 *      |     lacking, and a rule is enforced: the question waits, a bounded time
 *      |        ... the answer is taken from the cache again: LOOKUP -> RECHECK -> SERVERS
 *      |     lacking, and rules only record: the answer is sent at once; what a rule would have
 *      |        done is recorded when the servers are known (struct query_learning, without q)
 *      |
 *      `---- not to be known (no budget, no upstream, no time): the answer is sent, and counted
 *
 * A fetch that is held goes on whether or not a question waits for it, so that what it brings
 * is there for the next.
 */
#ifndef CORDON_QUERY_LEARN_H
#define CORDON_QUERY_LEARN_H

#include "audit/event.h"
#include "base/timers.h"
#include "query/origin.h"

#include <stdbool.h>
#include <stdint.h>

struct query;
struct query_engine;
struct query_fetch;

/* Something that must be asked for. */
struct query_lack {
    struct wire_name name;
    uint16_t type;
    uint16_t context;
};

/* Allowance for such questions: a bucket. */
struct query_budget {
    uint64_t at_us;  /* when it was looked at */
    uint64_t credit; /* in millionths of a question */
};

/* Which of the two triggers. */
struct query_servers_wanted {
    bool names, addresses;
};

/* What waits for name servers. From a pool. */
struct query_learning {
    struct query *q; /* NULL: its answer is sent */
    struct query_engine *engine;
    struct query_fetch *fetch;          /* waited for, or NULL */
    struct query_learning *next, *prev; /* of those that wait for it */
    struct query_learning *next_of_all, *prev_of_all;
    struct timer patience;
    struct query_servers_wanted wanted;
    uint8_t asked; /* questions that it, or its q, gave rise to */
    bool late;     /* for an event alone: the answer does not wait */
    bool stale;    /* the answer is */
    bool placed;   /* q has a place to wait in */
    uint8_t view;
    bool recorded; /* the question is in an event already */
    struct query_origins origins;
    /* Where q is NULL: for the event. Its pointers are set when it is used. */
    struct audit_decision decision;
    struct wire_name name;
    bool truncate_passes;
    struct policy_chain chain;
};

/* One look at one of the triggers, by what is in the cache. */
struct query_look {
    unsigned view;
    const struct wire_name *asked;
    const struct query_origins *origins;
    bool addresses;           /* NAMESERVER_ADDRESS; else NAMESERVER */
    bool stale;               /* the answer is: so may be what is known */
    struct policy_hits *hits; /* added to */
    uint8_t *block;
    bool unknown; /* found: something is not known, and cannot be asked for */
};

/* servers.c: true if the policy blocks: then *look->block is the hit. What is lacking is added
 * to engine->lacks; it has room for it. */
bool query_look_at_servers(struct query_engine *engine, struct query_look *look);

/* learn.c: q waits for what it wants of these zones. False: nothing can be asked or waited for.
 */
bool query_learn_wait(struct query_engine *engine, struct query *q,
                      const struct query_origins *origins, struct query_servers_wanted wanted);
/* The same for an answer that is sent now: called before, goes on with query_learn_late(). */
bool query_learn_prepare(struct query_engine *engine, struct query *q,
                         const struct query_origins *origins,
                         struct query_servers_wanted wanted);
/* q is over: takes what is needed for the event from it, or forgets what it waited for. */
struct query_learning *query_learn_leave(struct query_engine *engine, struct query *q);
/* The answer is on its way, and q is no more. NULL is fine. */
void query_learn_late(struct query_engine *engine, struct query_learning *learning);
void query_learn_forget(struct query_engine *engine, struct query *q);
/* Before another policy is adopted: no fetch is held, no late event awaited. */
void query_learn_reset(struct query_engine *engine);
/* A fetch that it waited for has ended; it waits for none now. */
void query_learn_wake(struct query_engine *engine, struct query_learning *learning);
/* The time of a fetch that it waited for is over. */
void query_learn_give_up(struct query_engine *engine, struct query_learning *learning);

/* join.c: the fetch in flight, or a new one within the budget and the places, which then goes
 * on although nobody waits for it. NULL: it cannot be asked now. *started: it is new. */
struct query_fetch *query_hold_fetch(struct query_engine *engine, const struct query_lack *lack,
                                     bool traced, bool *started);
void query_let_go_of_fetches(struct query_engine *engine);

#endif
