/*
 * DECIDE and RECHECK: the policy on the asked name, and on what the answer would show.
 */
#include "query/engine.h"

struct query_mark query_mark_hits(const struct query *q)
{
    return (struct query_mark){q->hits.count, q->hits.more, q->hits.passed};
}

void query_reset_hits(struct query *q, const struct query_mark *mark)
{
    q->hits.count = mark->count;
    q->hits.more = mark->more;
    q->hits.passed = mark->passed;
}

enum query_state step_decide(struct query_engine *engine, struct query *q)
{
    policy_hits_start(&q->hits, q->client.transport == QUERY_TCP);
    q->blocked = false;
    q->cached = false;
    if (!query_settings_exempt(engine->settings, q->context) &&
        policy_decide_asked(engine->policy, q->view, &q->client.from, &q->question.name,
                            &q->hits, &q->block)) {
        return query_block(engine, q);
    }
    q->asked = query_mark_hits(q);
    if (q->question.type == WIRE_ANY) {
        return respond_any(engine, q);
    }
    return QUERY_LOOKUP;
}

enum query_state step_recheck(struct query_engine *engine, struct query *q)
{
    const struct query_answer *answer = &engine->answer;
    struct wire_message message;

    if (q->learning == NULL) { /* else it is the same once more */
        q->cached = answer->cached;
    }
    if (answer->kind == CACHE_FAILURE) {
        return respond_fetch_failure(engine, q, answer->ede, answer->why);
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
    if (!query_settings_exempt(engine->settings, q->context) &&
        policy_decide_answer(engine->policy, q->view, &message, &engine->chain, &q->hits,
                             &q->block)) {
        return query_block(engine, q);
    }
    if (query_is_rebinding(engine, q, &message)) {
        return respond_rebinding(engine, q);
    }
    if (engine->learns && query_wants_servers(engine, q)) {
        return QUERY_SERVERS;
    }
    return respond_message(engine, q, &message);
}
