/*
 * DECIDE and RECHECK: the policy on the asked name, and on what the answer would show.
 */
#include "query/engine.h"

enum query_state step_decide(struct query_engine *engine, struct query *q)
{
    struct policy_outcome outcome;

    q->hits.count = 0;
    q->hits.more = false;
    q->blocked = false;
    q->cached = false;
    policy_decide_name(engine->policy, q->view, POLICY_TRIGGER_QNAME, 0, &q->question.name,
                       &outcome);
    if (policy_hits_add(&q->hits, &outcome, &q->block) &&
        query_hit_applies(q, &q->hits.at[q->block])) {
        return query_block(engine, q);
    }
    if (q->question.type == WIRE_ANY) {
        return respond_any(engine, q);
    }
    return QUERY_LOOKUP;
}

/* Behind a hop whose action is `truncate`, over TCP: the rest of the chain is decided as if it
 * began there, so that no later hop or address goes unseen. Counts hops on from the hit. */
static void rest_of_chain(const struct policy_chain *chain, uint8_t from,
                          struct policy_chain *rest)
{
    rest->count = 0;
    for (uint8_t i = from; i < chain->count; i++) {
        rest->names[rest->count++] = chain->names[i];
    }
}

/* True if the answer is replaced: q->block is the hit. */
static bool is_blocked(struct query_engine *engine, struct query *q,
                       const struct wire_message *message)
{
    const struct policy_chain *chain = &engine->chain;
    uint8_t passed = 0; /* hops that are decided */

    for (;;) {
        const uint8_t before = q->hits.count;
        const bool hit =
            policy_decide_answer(engine->policy, q->view, message, chain, &q->hits, &q->block);

        for (uint8_t i = before; i < q->hits.count; i++) {
            q->hits.at[i].hop = (uint8_t)(q->hits.at[i].hop + passed);
        }
        if (hit && q->block < before) { /* it took the place of the one before */
            q->hits.at[q->block].hop = (uint8_t)(q->hits.at[q->block].hop + passed);
        }
        if (!hit) {
            return false;
        }
        const struct policy_hit *block = &q->hits.at[q->block];
        if (query_hit_applies(q, block)) {
            return true;
        }
        if (block->trigger != POLICY_TRIGGER_HOP || block->hop <= passed) {
            return false; /* the last triggers: nothing is behind them */
        }
        passed = block->hop;
        rest_of_chain(&engine->chain, passed, &engine->chain_rest);
        chain = &engine->chain_rest;
    }
}

enum query_state step_recheck(struct query_engine *engine, struct query *q)
{
    const struct query_answer *answer = &engine->answer;
    struct wire_message message;

    q->cached = answer->cached;
    if (answer->kind == CACHE_FAILURE) {
        return respond_failure(engine, q, answer->ede, answer->why);
    }
    if (wire_message_open(answer->octets, answer->len, &message) != WIRE_OK ||
        message.counts[0] != 1) {
        return respond_failure(engine, q, WIRE_EDE_INVALID_DATA, "the answer is malformed");
    }
    if (q->redirect != NULL) {
        return redirect_finish(engine, q, &message);
    }
    if (policy_chain_follow(&message, &engine->chain) != POLICY_CHAIN_OK) {
        return respond_failure(engine, q, WIRE_EDE_INVALID_DATA, "the answer is malformed");
    }
    if (is_blocked(engine, q, &message)) {
        return query_block(engine, q);
    }
    return respond_message(engine, q, &message);
}
