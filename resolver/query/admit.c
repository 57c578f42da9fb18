/*
 * CLIENT's first half, once for each question: what its cookie proves, and whether its sender
 * asks too often.
 *
 * Whoever is over its allowance over UDP gets nothing, but now and then a short answer that
 * says how to go on: BADCOOKIE with a cookie for one that sent half of one, else TC=1. Both
 * lead to a proven address, which has an allowance of its own. None is longer than its
 * question by more than a cookie and OPT, so nobody is worth forging for it.
 */
#include "query/engine.h"

static enum query_state refuse_too_many(struct query_engine *engine, struct query *q,
                                        enum query_rate_verdict verdict)
{
    engine->counters.rate_limited++;
    if (q->client.transport == QUERY_TCP) {
        return respond_empty(engine, q, WIRE_REFUSED, 0, WIRE_EDE_OTHER,
                             "this client asks too often (access.rate)");
    }
    if (verdict == QUERY_RATE_SILENT || !q->question.has_question) {
        engine->counters.dropped++;
        return QUERY_FREE;
    }
    engine->counters.rate_slipped++;
    if (q->cookie_verdict == QUERY_COOKIE_NEW || q->cookie_verdict == QUERY_COOKIE_INVALID) {
        return respond_empty(engine, q, WIRE_BADCOOKIE, 0, WIRE_EDE_NONE, NULL);
    }
    return respond_empty(engine, q, WIRE_NOERROR, WIRE_FLAG_TC, WIRE_EDE_NONE, NULL);
}

enum query_state query_admit(struct query_engine *engine, struct query *q)
{
    const struct query_settings *settings = engine->settings;
    const struct wire_question *question = &q->question;

    if (q->admitted || q->trace != NULL) {
        return QUERY_CLIENT; /* decided anew by a reload, or the operator asks */
    }
    q->admitted = true;
    if (question->cookie_len > 0) {
        q->cookie_verdict =
            (uint8_t)query_cookies_check(&engine->cookies, &q->client.from, question->cookie,
                                         question->cookie_len, engine->now.wall_us, q->cookie);
        engine->counters.cookies[q->cookie_verdict]++;
    }
    if (engine->rate == NULL || settings->rate_per_s == 0 ||
        address_is_loopback(&q->client.from)) {
        return QUERY_CLIENT;
    }
    const bool proven =
        q->client.transport == QUERY_TCP || q->cookie_verdict == QUERY_COOKIE_VALID;
    const enum query_rate_verdict verdict =
        query_rate_take(engine->rate, &q->client.from, proven, settings->rate_per_s,
                        settings->rate_slip, engine->now.mono_us);

    return verdict == QUERY_RATE_FREE ? QUERY_CLIENT : refuse_too_many(engine, q, verdict);
}
