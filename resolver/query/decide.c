/*
 * DECIDE and RECHECK: the policy on the asked name, and on what the answer would show.
 */
#include "query/engine.h"

#include "base/invariant.h"
#include "local/rebinding.h"

/*
 * What was found out about an entry of the cache, once for each image. Its lowest bit says that
 * nothing in the answer is any rule's business, in no view and whatever people change for a
 * while, nor leads inside; the next one that the asked name is none, either. The others say by
 * which image.
 */
#define STAMP_UNTOUCHED UINT64_C(1)
#define STAMP_UNLISTED  UINT64_C(2)
#define STAMP_BITS      2

static uint64_t stamp_of(const struct query_engine *engine)
{
    return policy_root_generation(engine->policy) << STAMP_BITS;
}

/* True if the answer needs no second look. Whoever watches sees the first one. */
static bool is_known(const struct query_engine *engine, const struct query *q)
{
    return (engine->answer.stamp & ~STAMP_UNLISTED) == (stamp_of(engine) | STAMP_UNTOUCHED) &&
           q->trace == NULL && q->redirect == NULL && !engine->learns;
}

/* The message is as it was when it was walked: its header and its length are all that is
 * needed to send it. */
static enum query_state respond_known(struct query_engine *engine, struct query *q)
{
    const struct query_answer *answer = &engine->answer;
    struct wire_message message;

    if (query_ready_cached(engine, q)) {
        return QUERY_SEND;
    }
    wire_message_header(answer->octets, answer->len, &message);
    message.body += q->question.raw_len; /* of the same name */
    invariant(message.body <= message.len);
    return respond_message(engine, q, &message);
}

/* After a whole look at what the cache gave, the chain followed. */
static void remember(const struct query_engine *engine, const struct query *q,
                     const struct wire_message *message)
{
    const struct query_answer *answer = &engine->answer;
    const struct policy_image *image = policy_image_of(engine->policy);
    const uint64_t stamp = stamp_of(engine);
    struct policy_matches matches;
    struct cache_key key;

    if (!answer->cached || answer->without_cd ||
        answer->stamp >> STAMP_BITS == stamp >> STAMP_BITS) {
        return;
    }
    const bool untouched = policy_answer_is_untouched(image, message, &engine->chain) &&
                           (q->context != 0 || !local_leads_inside(message));
    policy_image_find_name(image, &q->question.name, &matches);
    query_key_of(q, &key);
    cache_stamp(engine->cache, &key, answer->version,
                stamp | (untouched ? STAMP_UNTOUCHED : 0) |
                    (matches.count == 0 ? STAMP_UNLISTED : 0));
}

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

/* hot. What is known of the name, or else what is found out. */
static bool is_blocked(struct query_engine *engine, struct query *q)
{
    const struct wire_name *name = &q->question.name;

    if (q->remembered) {
        q->known =
            (uint16_t)query_memo_find(engine->memo, q->name_hash, q->view, name, &q->hits);
        if (q->known != 0) {
            q->block = 0;
            return true;
        }
    }
    if (!policy_decide_asked(engine->policy, q->view, &q->client.from, name,
                             q->aimed ? &q->aim : NULL, &q->hits, &q->block)) {
        return false;
    }
    if (q->name_hash != 0) {
        query_memo_keep(engine->memo, q->name_hash, engine->policy, q->view, name, &q->hits,
                        q->block);
    }
    return true;
}

/* hot. Most answers: one from the cache, where neither it nor the name that was asked is any
 * rule's business, in a view that lets through what no rule speaks of. False: none of this was
 * found, and nothing has happened. */
static bool find_known(struct query_engine *engine, struct query *q)
{
    struct cache_key key;

    if (engine->learns || !policy_view_is_open(engine->policy, q->view)) {
        return false;
    }
    query_key_of(q, &key);
    return query_find_stamped(engine, q, &key,
                              stamp_of(engine) | STAMP_UNTOUCHED | STAMP_UNLISTED);
}

enum query_state step_decide(struct query_engine *engine, struct query *q)
{
    policy_hits_start(&q->hits, q->client.transport == QUERY_TCP);
    q->blocked = false;
    q->known = 0;
    if (q->likely && find_known(engine, q)) {
        q->cached = AUDIT_CACHED_FRESH;
        return respond_known(engine, q);
    }
    q->likely = false;
    q->cached = AUDIT_CACHED_NOT;
    const bool blocked =
        !query_settings_exempt(engine->settings, q->context) && is_blocked(engine, q);
    q->aimed = q->remembered = false; /* whatever decides anew may do so by another policy */
    if (blocked) {
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

    const bool failed = answer->kind == CACHE_FAILURE && !query_find_stale(engine, q);
    if (q->learning == NULL) { /* else it is the same once more */
        q->cached = answer->stale    ? AUDIT_CACHED_STALE
                    : answer->cached ? AUDIT_CACHED_FRESH
                                     : AUDIT_CACHED_NOT;
    }
    if (failed) {
        return respond_fetch_failure(engine, q, answer->ede, answer->why);
    }
    if (is_known(engine, q)) {
        return respond_known(engine, q);
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
    remember(engine, q, &message);
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
