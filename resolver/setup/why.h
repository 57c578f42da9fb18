/*
 * setup/why.h - what becomes of a name, and on what ground, as one document: for the help desk.
 *
 * The daemon answers it with its own snapshot and what its cache has of the name, the tool with
 * a snapshot that it made itself. The policy is asked as for a real question; nothing is sent.
 */
#ifndef CORDON_SETUP_WHY_H
#define CORDON_SETUP_WHY_H

#include "base/text.h"
#include "policy/answer.h"
#include "query/limits.h"
#include "setup/limits.h"
#include "setup/setup.h"

/* As many as a question looks at (query/limits.h). */
#define SETUP_WHY_SERVERS_MAX (QUERY_ORIGINS_MAX * QUERY_HOSTS_MAX)

/* A name server of a zone that has answered. */
struct setup_why_server {
    struct wire_name name;
    uint8_t hop; /* the first name of the chain that the zone answered for */
    uint8_t address_count;
    struct address addresses[SETUP_WHY_ADDRESSES_MAX];
};

struct setup_why {
    struct wire_name name; /* the root if it is about an address */
    bool is_address;       /* of some answer, whatever leads to it */
    struct address address;
    uint16_t type;
    unsigned view;
    bool client_known;     /* it was asked for a client */
    struct address client; /* that; family 0 if it was not */
    bool client_allowed;
    /* Known, or the length is 0: the answer to this question, before policy. Borrowed. */
    const uint8_t *answer;
    size_t answer_len;
    bool answer_stale; /* past its time: told while upstreams fail or are slow */
    /* What is known of the name servers behind the answer. Borrowed. */
    const struct setup_why_server *servers;
    size_t server_count;
    bool servers_unknown; /* some are wanted that nobody knows */
    /* Filled in by setup_why_decide(). */
    bool local, exempt, answer_seen;
    uint16_t context; /* of the cache, for the name */
    bool blocked;
    uint8_t block; /* the hit that blocks */
    bool passed;   /* a rule lets it through */
    struct policy_hits hits;
    struct policy_chain chain; /* of the answer; count 0: unknown */
};

/* The view of a client that asks at this address. */
unsigned setup_why_view(const struct setup_snapshot *snapshot, const struct address *client,
                        const struct address *at);
/* The number of a view; false: there is none of that name. */
bool setup_why_view_named(const struct setup_snapshot *snapshot, const char *name,
                          unsigned *view);

/* The name's place in the cache, before there is an answer: sets local, exempt and context. */
void setup_why_place(const struct setup_snapshot *snapshot, struct setup_why *why);
/* False if the name is known here, or policy has no say about it; *context: of the cache. */
bool setup_why_outside(const struct setup_snapshot *snapshot, const struct wire_name *name,
                       uint16_t type, uint16_t *context);
/* Decides the name, and the answer if it is known. */
void setup_why_decide(const struct setup_snapshot *snapshot, struct setup_why *why);

/* The one word that says it; docs/control.md has what each means. */
enum setup_why_verdict {
    SETUP_WHY_LOCAL,
    SETUP_WHY_EXEMPT,
    SETUP_WHY_BLOCKED,
    SETUP_WHY_EXCEPTION,
    SETUP_WHY_PAUSED,
    SETUP_WHY_RECORDED,
    SETUP_WHY_PASSED,
    SETUP_WHY_FREE
};
enum setup_why_verdict setup_why_verdict(const struct setup_snapshot *snapshot,
                                         const struct setup_why *why);

/* The fields of docs/control.md, "why", into an open object. */
void setup_why_write(struct text *out, const struct setup_snapshot *snapshot,
                     const struct setup_why *why);

#endif
