/*
 * JOIN and ASK: fetches in flight, and the questions that wait for them.
 *
 * A fetch is known by name, type, DO, CD and context. Each question that waits keeps its own
 * view, decision and deadline; when the fetch ends, all go on one after another.
 */
#include "query/engine.h"

#include "base/invariant.h"

#include <string.h>

/* The cache's hash tells fetches apart as well: it is keyed, and of the same. */
static uint64_t hash_of(const struct query_engine *engine, const struct cache_key *key)
{
    return key->hash != 0 ? key->hash : cache_hash(engine->cache, key);
}

static struct query_fetch **bucket_of(const struct query_engine *engine, uint64_t hash)
{
    return &engine->table[(uint32_t)hash & engine->table_mask];
}

struct query_fetch *query_find_fetch(const struct query_engine *engine,
                                     const struct cache_key *key)
{
    const uint64_t hash = hash_of(engine, key);
    struct query_fetch *fetch = *bucket_of(engine, hash);

    while (fetch != NULL &&
           (fetch->hash != hash || fetch->type != key->type || fetch->context != key->context ||
            fetch->dnssec_ok != key->dnssec_ok ||
            fetch->checking_disabled != key->checking_disabled ||
            !wire_name_equal(&fetch->name, key->name))) {
        fetch = fetch->next_same_hash;
    }
    return fetch;
}

struct query_fetch *query_add_fetch(struct query_engine *engine, const struct cache_key *key)
{
    struct query_fetch *fetch = pool_take(engine->fetches);

    if (fetch == NULL) {
        return NULL;
    }
    const uint64_t hash = hash_of(engine, key);
    struct query_fetch **bucket = bucket_of(engine, hash);

    wire_name_copy(&fetch->name, key->name);
    memset((uint8_t *)fetch + sizeof(fetch->name), 0, sizeof(*fetch) - sizeof(fetch->name));
    fetch->type = key->type;
    fetch->context = key->context;
    fetch->dnssec_ok = key->dnssec_ok;
    fetch->checking_disabled = key->checking_disabled;
    fetch->hash = hash;
    fetch->next_same_hash = *bucket;
    fetch->next = engine->all;
    *bucket = fetch;
    if (engine->all != NULL) {
        engine->all->prev = fetch;
    }
    engine->all = fetch;
    return fetch;
}

/* Takes a fetch out of the table and the list; nobody can join it any more. */
static void unlink_fetch(struct query_engine *engine, struct query_fetch *fetch)
{
    struct query_fetch **link = bucket_of(engine, fetch->hash);

    while (*link != fetch) {
        invariant(*link != NULL);
        link = &(*link)->next_same_hash;
    }
    *link = fetch->next_same_hash;
    if (fetch->prev != NULL) {
        fetch->prev->next = fetch->next;
    } else {
        engine->all = fetch->next;
    }
    if (fetch->next != NULL) {
        fetch->next->prev = fetch->prev;
    }
}

void query_drop_fetch(struct query_engine *engine, struct query_fetch *fetch)
{
    invariant(fetch->learners == NULL);
    query_let_go(engine, fetch);
    unlink_fetch(engine, fetch);
    pool_give_back(engine->fetches, fetch);
}

/* The last slots are kept for questions that need not wait. */
static bool is_full(const struct query_engine *engine)
{
    const unsigned slots = (unsigned)pool_size(engine->queries);

    return engine->waiting >= slots - slots / QUERY_KEPT_PART;
}

/* Half of the places are anybody's; of the others no client gets more than its share. */
bool query_take_place(struct query_engine *engine, struct query *q)
{
    const unsigned slots = (unsigned)pool_size(engine->queries);
    const unsigned places = engine->places < slots ? engine->places : slots;
    const bool scarce = engine->waiting >= places / QUERY_FREE_PART;
    const unsigned most_address = scarce ? places / QUERY_ADDRESS_PART : slots;
    const unsigned most_network = scarce ? places / QUERY_NETWORK_PART : slots;

    if (is_full(engine) || !query_share_take(engine->shares, &q->client.from, most_address,
                                             most_network, &q->held)) {
        return false;
    }
    engine->waiting++;
    return true;
}

/* Nobody can be asked, or waited for: what is past its time is better than nothing. */
static enum query_state give_up(struct query_engine *engine, struct query *q, int ede,
                                const char *words)
{
    return query_find_stale(engine, q) ? QUERY_RECHECK
                                       : respond_fetch_failure(engine, q, ede, words);
}

static enum query_state take_place(struct query_engine *engine, struct query *q)
{
    if (query_take_place(engine, q)) {
        return QUERY_WAIT;
    }
    if (is_full(engine)) {
        engine->counters.waits_refused++;
        return give_up(engine, q, WIRE_EDE_NOT_READY, "too many questions wait");
    }
    engine->counters.share_refused++;
    return give_up(engine, q, WIRE_EDE_NOT_READY, "too many questions of this client wait");
}

void query_give_back_place(struct query_engine *engine, struct query *q)
{
    query_share_give_back(engine->shares, &q->held);
    engine->waiting--;
}

/* q waits no longer, whatever becomes of the fetch. */
static void unlink_waiting(struct query_engine *engine, struct query *q)
{
    struct query_fetch *fetch = q->fetch;

    timers_disarm(engine->timers, &q->deadline);
    q->packets += fetch->packets;
    query_give_back_place(engine, q);
    if (q->wait_prev != NULL) {
        q->wait_prev->wait_next = q->wait_next;
    } else {
        fetch->waiting = q->wait_next;
    }
    if (q->wait_next != NULL) {
        q->wait_next->wait_prev = q->wait_prev;
    }
    q->wait_next = NULL;
    q->wait_prev = NULL;
    q->fetch = NULL;
}

void query_cancel_if_idle(struct query_engine *engine, struct query_fetch *fetch)
{
    if (fetch->waiting == NULL && !fetch->held && !engine->adopting) {
        engine->io->cancel(engine->io_context, fetch);
        query_drop_fetch(engine, fetch);
    }
}

void query_leave_fetch(struct query_engine *engine, struct query *q)
{
    struct query_fetch *fetch = q->fetch;

    if (fetch != NULL) {
        unlink_waiting(engine, q);
        query_cancel_if_idle(engine, fetch);
    }
}

void query_cancel_idle_fetches(struct query_engine *engine)
{
    struct query_fetch *next;

    for (struct query_fetch *fetch = engine->all; fetch != NULL; fetch = next) {
        next = fetch->next;
        query_cancel_if_idle(engine, fetch);
    }
}

/* The last one that waits gives up: that is a failure of the upstreams like any other, and is
 * kept as one (RFC 9520, 3.2), or each client would start it all over again. */
void query_keep_timeout(struct query_engine *engine, const struct query_fetch *fetch)
{
    const struct cache_key key = query_key_of_fetch(fetch);
    const struct cache_entry entry = {.kind = CACHE_FAILURE,
                                      .ttl_s = query_failure_ttl_s(engine, &key),
                                      .ede = WIRE_EDE_NO_REACHABLE,
                                      .retry_s = engine->settings->stale_retry_s};

    engine->counters.fetch_failures++;
    cache_put(engine->cache, &key, engine->now.mono_us, NULL, &entry);
}

static uint64_t deadline_us(const struct query_engine *engine, const struct query *q)
{
    return q->received_us + engine->settings->deadline_ms * UINT64_C(1000);
}

/* So long it waits for its fetch; a stale answer is told sooner (RFC 8767, 5). */
static uint64_t patience_us(const struct query_engine *engine, const struct query *q)
{
    const uint64_t stale_us = q->received_us + engine->settings->stale_wait_ms * UINT64_C(1000);
    const uint64_t at_us = deadline_us(engine, q);

    if (!q->stale || stale_us >= at_us) {
        return at_us;
    }
    return stale_us > engine->now.mono_us ? stale_us : engine->now.mono_us + 1;
}

/* q is told what is past its time, and its fetch goes on. If it cannot, or its time is over as
 * well, that is a failure, after which nobody asks for a while. */
static bool tell_stale(struct query_engine *engine, struct query *q)
{
    struct query_fetch *fetch = q->fetch;

    if (!query_find_stale(engine, q)) {
        return false;
    }
    const bool goes_on = query_may_hold(engine, QUERY_HELD_STALE) &&
                         query_hold(engine, fetch, QUERY_HELD_STALE, fetch->deadline_us);
    if (!goes_on && !fetch->held && fetch->waiting == q && q->wait_next == NULL) {
        query_keep_timeout(engine, fetch);
    }
    query_leave_fetch(engine, q);
    query_drive(engine, q, QUERY_RECHECK);
    return true;
}

static void deadline_passed(struct timer *timer, void *context)
{
    struct query *q = context;
    struct query_engine *engine = q->engine;

    (void)timer;
    invariant(q->fetch != NULL);
    if (q->stale && tell_stale(engine, q)) {
        return;
    }
    q->stale = false; /* it has gone meanwhile */
    if (engine->now.mono_us < deadline_us(engine, q)) {
        /* Its place in the heap has just become free. */
        invariant(timers_arm(engine->timers, &q->deadline, deadline_us(engine, q)) == 0);
        return;
    }
    if (q->trace != NULL) {
        query_note(q, "its time is over: no upstream has answered");
    }
    if (q->fetch->waiting == q && q->wait_next == NULL && !q->fetch->held) {
        query_keep_timeout(engine, q->fetch);
    }
    query_leave_fetch(engine, q);
    query_drive(engine, q,
                respond_fetch_failure(engine, q, WIRE_EDE_NO_REACHABLE,
                                      "no upstream answered in time"));
}

/* QUERY_WAIT; else it cannot wait, and has an answer that says so. */
static enum query_state start_waiting(struct query_engine *engine, struct query *q,
                                      struct query_fetch *fetch)
{
    const enum query_state place = take_place(engine, q);
    const uint64_t at_us = deadline_us(engine, q);

    q->deadline.fire = deadline_passed;
    q->deadline.context = q;
    if (place != QUERY_WAIT) {
        return place;
    }
    if (at_us <= engine->now.mono_us ||
        timers_arm(engine->timers, &q->deadline, patience_us(engine, q)) != 0) {
        query_give_back_place(engine, q);
        return give_up(engine, q, WIRE_EDE_NO_REACHABLE, "no time is left");
    }
    q->fetch = fetch;
    q->packets -= fetch->packets; /* modulo 2^32: those before it came are not for it */
    q->waited = true;
    fetch->traced = fetch->traced || q->trace != NULL;
    q->wait_prev = NULL;
    q->wait_next = fetch->waiting;
    if (fetch->waiting != NULL) {
        fetch->waiting->wait_prev = q;
    }
    fetch->waiting = q;
    if (at_us > fetch->deadline_us) {
        fetch->deadline_us = at_us;
    }
    return QUERY_WAIT;
}

enum query_state step_join(struct query_engine *engine, struct query *q)
{
    struct cache_key key;

    query_key_of(q, &key);
    struct query_fetch *fetch = query_find_fetch(engine, &key);
    if (fetch == NULL) {
        return QUERY_ASK;
    }
    /* It has kept others waiting for as long as one may. */
    if (fetch->held && fetch->holder == QUERY_HELD_STALE && query_find_stale(engine, q)) {
        return QUERY_RECHECK;
    }
    const enum query_state state = start_waiting(engine, q, fetch);
    engine->counters.joined += state == QUERY_WAIT ? 1 : 0;
    return state;
}

enum query_state step_ask(struct query_engine *engine, struct query *q)
{
    struct cache_key key;

    query_key_of(q, &key);
    if (!engine->settings->have_upstreams && key.context == 0) {
        return give_up(engine, q, WIRE_EDE_NO_REACHABLE, "no upstream is configured");
    }
    if (q->fetches == QUERY_FETCHES_PER_QUERY_MAX) {
        return give_up(engine, q, WIRE_EDE_OTHER, "the question took too many fetches");
    }
    if (q->packets >= QUERY_PACKETS_MAX) {
        return give_up(engine, q, WIRE_EDE_OTHER, NULL);
    }
    struct query_fetch *fetch = query_add_fetch(engine, &key);
    if (fetch == NULL) {
        return give_up(engine, q, WIRE_EDE_NOT_READY, "too many questions in flight");
    }
    const enum query_state state = start_waiting(engine, q, fetch);
    if (state != QUERY_WAIT) {
        query_drop_fetch(engine, fetch);
        return state;
    }
    if (engine->io->ask(engine->io_context, fetch) != 0) {
        unlink_waiting(engine, q);
        query_drop_fetch(engine, fetch);
        engine->counters.fetch_failures++;
        return give_up(engine, q, WIRE_EDE_NOT_READY, "no upstream can be asked now");
    }
    q->fetches++;
    engine->counters.fetches++;
    return QUERY_WAIT;
}

void query_fetch_done(struct query_engine *engine, struct query_fetch *fetch,
                      const struct query_fetch_result *result)
{
    enum query_state from = QUERY_ACCEPT;

    unlink_fetch(engine, fetch); /* what comes from now on asks anew */
    query_let_go(engine, fetch);
    engine->done = fetch;
    engine->result = result;
    if (fetch->waiting == NULL) { /* name servers alone were asked for */
        step_accept(engine, NULL);
        step_store(engine, NULL);
    }
    while (fetch->waiting != NULL) {
        struct query *q = fetch->waiting;

        unlink_waiting(engine, q);
        q->upstream = result->upstream;
        q->steps = 0;
        engine->answer = engine->accepted;
        query_drive(engine, q, from);
        from = QUERY_RECHECK;
    }
    while (fetch->learners != NULL) {
        query_learn_wake(engine, fetch->learners);
    }
    engine->done = NULL;
    engine->result = NULL;
    pool_give_back(engine->fetches, fetch);
}

bool query_fetch_may_ask(const struct query_engine *engine, const struct query_fetch *fetch)
{
    const bool exempt = query_settings_exempt(engine->settings, fetch->context);

    /* Whether it may be held was decided by the policy in force. */
    if (fetch->held && fetch->packets < fetch->held_packets) {
        return true;
    }
    for (const struct query *q = fetch->waiting; q != NULL; q = q->wait_next) {
        struct policy_outcome outcome;
        struct policy_hits hits;
        uint8_t block = 0;

        if (q->packets + fetch->packets >= QUERY_PACKETS_MAX) {
            continue;
        }
        if (exempt) {
            return true;
        }
        /* As redirect_start: a target may not be blocked by any rule. */
        if (q->redirect != NULL) {
            policy_decide_name(engine->policy, q->view, POLICY_TRIGGER_QNAME, 0, &fetch->name,
                               &outcome);
            if (!policy_outcome_blocks(&outcome)) {
                return true;
            }
            continue;
        }
        policy_hits_start(&hits, q->client.transport == QUERY_TCP);
        if (!policy_decide_asked(engine->policy, q->view, &q->client.from, &fetch->name, NULL,
                                 &hits, &block)) {
            return true;
        }
    }
    return false;
}
