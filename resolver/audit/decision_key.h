/*
 * audit/decision_key.h - what many decisions are alike in: the rule's row, what is done, and
 * how it was asked and answered. What is put together once for all of them is found by it:
 * columns (event_kits.h) and lines (stencil.h).
 *
 * Of one policy. The name of a view is not of the policy alone, and is looked at besides.
 */
#ifndef CORDON_AUDIT_DECISION_KEY_H
#define CORDON_AUDIT_DECISION_KEY_H

#include "audit/event.h"

#include <string.h>

/* Compared as octets: no padding. */
struct audit_decision_key {
    uint32_t set;
    uint16_t row;
    uint8_t list, mode, action, kind, trial, view, transport, rcode, cached, flags;
};
_Static_assert(sizeof(struct audit_decision_key) == 16, "no padding");

/* Of a decision by a rule of this policy. */
static inline struct audit_decision_key audit_decision_key_of(const struct audit_event *event,
                                                              const struct policy *policy)
{
    const struct policy_hit *hit = &event->hit;
    const bool paused = policy_hit_is_paused(policy, event->view, hit);

    return (struct audit_decision_key){
        .set = hit->set,
        .row = hit->row,
        .list = hit->list,
        .mode = hit->mode,
        .action = hit->action,
        .kind = hit->kind,
        .trial = hit->trial,
        .view = event->view,
        .transport = event->transport,
        .rcode = event->rcode,
        .cached = event->cached,
        .flags = (uint8_t)((event->applied ? 1 : 0) | (paused ? 2 : 0)),
    };
}

/* Where to look for it; more: what there is beside it, or 0. */
static inline uint32_t audit_decision_key_hash(const struct audit_decision_key *key,
                                               uint64_t more)
{
    uint64_t words[2];

    memcpy(words, key, sizeof(words));
    uint64_t mixed = words[0] ^ words[1] * UINT64_C(0x9e3779b97f4a7c15) ^
                     more * UINT64_C(0xc2b2ae3d27d4eb4f);
    mixed ^= mixed >> 32; /* a product's upper octets say nothing to its lower ones */
    mixed *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(mixed >> 32);
}

#endif
