/*
 * PARSE and CLIENT: what is asked (query_read() has read it), to which view whoever asks
 * belongs, and whether he is answered at all.
 */
#include "query/engine.h"

#include "base/invariant.h"

enum query_state step_parse(struct query_engine *engine, struct query *q)
{
    if (q->parsed == WIRE_QUESTION_DROP) {
        engine->counters.dropped++;
        return QUERY_FREE;
    }
    return QUERY_CLIENT;
}

/* Access comes before complaints about the question: a stranger learns nothing from us that
 * he does not learn from any question. */
enum query_state step_client(struct query_engine *engine, struct query *q)
{
    const struct query_known_client *known =
        query_clients_know(&engine->clients, engine->settings, engine->tops,
                           engine->now.mono_us, &q->client.from, &q->client.local);
    invariant(known->view < policy_view_count(engine->policy));
    q->view = known->view;
    if (q->trace != NULL && q->trace->view >= 0 &&
        (unsigned)q->trace->view < policy_view_count(engine->policy)) {
        q->view = (uint8_t)q->trace->view;
    }
    const enum query_state admitted = query_admit(engine, q);

    if (admitted != QUERY_CLIENT) {
        return admitted;
    }
    if (!known->admitted) {
        engine->counters.refused_clients += q->trace == NULL ? 1 : 0;
        if (engine->settings->refuse_silently) {
            engine->counters.dropped++;
            return QUERY_FREE;
        }
        return respond_empty(engine, q, WIRE_REFUSED, 0, WIRE_EDE_PROHIBITED,
                             "this client is not in an access network");
    }
    if (!q->counted && q->trace == NULL) { /* not yet: a reload brings it here again */
        q->counted = true;
        q->client_hash = known->hash;
        query_clients_count(&engine->clients, engine->tops, engine->now.mono_us, known);
    }
    switch (q->parsed) {
    case WIRE_QUESTION_OK:
        return QUERY_LOCAL;
    case WIRE_QUESTION_DROP:
        return QUERY_FREE;
    case WIRE_QUESTION_COOKIE: /* RFC 7873, 5.4 */
        return respond_empty(engine, q,
                             q->cookie_verdict == QUERY_COOKIE_INVALID ? WIRE_BADCOOKIE
                                                                       : WIRE_NOERROR,
                             0, WIRE_EDE_NONE, NULL);
    case WIRE_QUESTION_FORMERR:
        return respond_empty(engine, q, WIRE_FORMERR, 0, WIRE_EDE_NONE, NULL);
    case WIRE_QUESTION_NOTIMP:
        return respond_empty(engine, q, WIRE_NOTIMP, 0, WIRE_EDE_NONE, NULL);
    case WIRE_QUESTION_REFUSED:
        return respond_empty(engine, q, WIRE_REFUSED, 0, WIRE_EDE_NONE, NULL);
    case WIRE_QUESTION_CHAOS:
        return query_tell(engine, q);
    case WIRE_QUESTION_BADVERS:
        return respond_empty(engine, q, WIRE_BADVERS, 0, WIRE_EDE_NONE, NULL);
    }
    return QUERY_FREE;
}
