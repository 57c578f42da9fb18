/*
 * The action `redirect`: CNAME to the operator's name, which is then resolved like any other.
 *
 * A target that is known here is answered here. Another one's own name is decided first, so
 * that nothing blocked is asked for or shown as a target; its chain is the operator's choice
 * and is not decided again. Whatever goes wrong (no target, a blocked one, a loop, no answer)
 * ends in the sinkhole: blocked stays blocked.
 */
#include "query/engine.h"

void redirect_forget(struct query_engine *engine, struct query *q)
{
    if (q->redirect != NULL) {
        pool_give_back(engine->redirects, q->redirect);
        q->redirect = NULL;
    }
}

static enum query_state cname_only(struct query_engine *engine, struct query *q,
                                   const struct wire_name *target)
{
    struct wire_writer writer;
    char text[BLOCK_TEXT_SIZE];

    if (!respond_begin(engine, q, &writer)) {
        return QUERY_RECORD;
    }
    wire_write_cname(&writer, &q->question.name, target, engine->settings->block_ttl_s);
    const int ede = block_ede(engine, q, true, text);
    return respond_end(engine, q, &writer, WIRE_NOERROR, ede, text);
}

/* The target is known here: nobody is asked. */
static enum query_state finish_local(struct query_engine *engine, struct query *q,
                                     const struct wire_name *target,
                                     const struct local_answer *answer)
{
    struct wire_writer writer;
    char text[BLOCK_TEXT_SIZE];

    if (!respond_begin(engine, q, &writer)) {
        return QUERY_RECORD;
    }
    wire_write_cname(&writer, &q->question.name, target, engine->settings->block_ttl_s);
    const unsigned rcode = query_write_local(&writer, target, q->question.type, answer);
    const int ede = block_ede(engine, q, true, text);
    return respond_end(engine, q, &writer, rcode, ede, text);
}

enum query_state redirect_start(struct query_engine *engine, struct query *q)
{
    const struct policy_hit *hit = &q->hits.at[q->block];
    struct policy_outcome outcome;
    struct local_answer local;
    struct wire_name target;

    if (!policy_hit_redirect(engine->policy, q->view, hit, &q->question.name, &target) ||
        wire_name_equal(&target, &q->question.name)) {
        return block_sinkhole(engine, q);
    }
    const uint16_t context = query_find_local(engine, &target, q->question.type, &local);
    if (local.kind == LOCAL_NOT && !query_settings_exempt(engine->settings, context)) {
        policy_decide_name(engine->policy, q->view, POLICY_TRIGGER_QNAME, 0, &target, &outcome);
        if (policy_outcome_blocks(&outcome)) {
            return block_sinkhole(engine, q);
        }
    }
    if (q->question.type == WIRE_CNAME || q->question.type == WIRE_ANY) {
        return cname_only(engine, q, &target);
    }
    if (local.kind != LOCAL_NOT) {
        return finish_local(engine, q, &target, &local);
    }
    q->redirect = pool_take(engine->redirects);
    if (q->redirect == NULL) {
        return block_sinkhole(engine, q);
    }
    q->redirect->target = target;
    q->redirect->context = context;
    q->redirect->chain.count = 0;
    if (hit->hop > 0) {
        q->redirect->chain = engine->chain;
    }
    return QUERY_LOOKUP;
}

/* Signatures and proofs are left out: they would not cover what we have put before. */
static bool is_shown(const struct wire_record *record)
{
    return record->section != WIRE_ADDITIONAL && record->type != WIRE_RRSIG &&
           record->type != WIRE_NSEC && record->type != WIRE_NSEC3;
}

/* False if the message is malformed. */
static bool copy_answer(struct wire_writer *writer, const struct wire_message *message)
{
    struct wire_cursor cursor;
    struct wire_record record;
    int more;

    wire_cursor_start(&cursor, message);
    while ((more = wire_cursor_next(&cursor, &record)) > 0) {
        if (is_shown(&record) &&
            wire_copy_record(writer, record.section, message, &record, record.ttl) != 0) {
            return false;
        }
    }
    return more == 0;
}

enum query_state redirect_finish(struct query_engine *engine, struct query *q,
                                 const struct wire_message *message)
{
    struct policy_chain *chain =
        &engine->chain_rest; /* engine->chain may belong to the event */
    struct wire_writer writer;
    char text[BLOCK_TEXT_SIZE];

    if (policy_chain_follow(message, chain) != POLICY_CHAIN_OK ||
        policy_chain_has(chain, &q->question.name)) {
        return block_sinkhole(engine, q);
    }
    if (!respond_begin(engine, q, &writer)) {
        return QUERY_RECORD;
    }
    wire_write_cname(&writer, &q->question.name, &q->redirect->target,
                     engine->settings->block_ttl_s);
    if (!copy_answer(&writer, message)) {
        return block_sinkhole(engine, q);
    }
    const int ede = block_ede(engine, q, true, text);
    return respond_end(engine, q, &writer, message->flags & WIRE_RCODE_MASK, ede, text);
}
