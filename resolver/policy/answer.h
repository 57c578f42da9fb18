/*
 * policy/answer.h - the policy on a whole answer: hops, targets and addresses.
 *
 * Walks the CNAME/DNAME chain from the asked name through a message (an upstream's or the
 * cache's, in any order of records) and decides each trigger in the order of enum
 * policy_trigger. The first enforced block ends the walk.
 */
#ifndef CORDON_POLICY_ANSWER_H
#define CORDON_POLICY_ANSWER_H

#include "policy/policy.h"
#include "wire/message.h"

/* The chain of an answer: names[0] is the asked name, names[i] the target of hop i. */
struct policy_chain {
    struct wire_name names[POLICY_HOPS_MAX + 1];
    uint8_t count; /* names in use, at least 1 */
};

enum policy_chain_result {
    POLICY_CHAIN_OK = 0,
    POLICY_CHAIN_TOO_LONG, /* over POLICY_HOPS_MAX, or a loop */
    POLICY_CHAIN_MALFORMED
};

/*
 * Follows the chain, whatever the order of the records. A DNAME counts as a hop by way of the
 * CNAME that it implies (synthesised if the message has none). A CNAME is followed even where
 * it must not stand (beside other data), so that no target goes unseen; asked for itself (or
 * with ANY), an alias is one hop and followed no further. Two different targets for one name
 * are malformed, and so is a fault in any section.
 */
enum policy_chain_result policy_chain_follow(const struct wire_message *message,
                                             struct policy_chain *chain);

/* True if the owner is on the chain, so that its records belong to the answer. */
bool policy_chain_has(const struct policy_chain *chain, const struct wire_name *name);

/*
 * Decides what is known before any question leaves: the client, then the name that it asks.
 * aim: of policy_image_take_aim() for this name and the policy's image, or NULL. Adds to *hits,
 * which policy_hits_start has begun. True and *block set if the question is blocked.
 */
bool policy_decide_asked(const struct policy *policy, unsigned view,
                         const struct address *client, const struct wire_name *name,
                         struct policy_image_aim *aim, struct policy_hits *hits,
                         uint8_t *block);

/*
 * Decides hops, then SVCB targets, then those of MX, SRV, NS and PTR records, then addresses,
 * after policy_decide_asked, of which *hits are: a pass with chain scope there counts here. Of
 * the answer section, records that are owned by a name of the chain count; of the additional
 * section, those of SVCB targets too. Adds log hits, and the enforced block if there is one (as
 * the last), to *hits.
 * True if the answer must be replaced: then *block is the index of the hit in hits.
 */
bool policy_decide_answer(const struct policy *policy, unsigned view,
                          const struct wire_message *message, const struct policy_chain *chain,
                          struct policy_hits *hits, uint8_t *block);

/* What a walk over an answer comes by: a name, or an address and who owns it. */
struct policy_seen {
    enum policy_trigger trigger;
    uint8_t hop;
    const struct wire_name *name;
    const struct address *address; /* NULL: it is the name */
};
/* True ends the walk. */
typedef bool policy_see(void *context, const struct policy_seen *seen);

/* The walk of policy_decide_answer(), which decides at each step: hops, SVCB targets,
 * addresses. The same name or address may be seen more than once. True if see() ended it. */
bool policy_answer_walk(const struct wire_message *message, const struct policy_chain *chain,
                        policy_see *see, void *context);

/*
 * True if no rule of any list speaks of anything in the answer: whatever view, pauses,
 * exceptions or schedules, policy_decide_answer() finds nothing for as long as the image is
 * this one.
 */
bool policy_answer_is_untouched(const struct policy_image *image,
                                const struct wire_message *message,
                                const struct policy_chain *chain);

/* Adds the outcome of one trigger, each rule once a trigger; a hit that finds no place sets
 * hits->more, but a block always finds one. Hits that let through by `pass` are not kept,
 * unless by an exception; one with chain scope sets hits->passed, and of what follows only hits
 * of lists in log mode count. True and *block set if it blocks. */
bool policy_hits_add(struct policy_hits *hits, const struct policy_outcome *outcome,
                     uint8_t *block);

#endif
