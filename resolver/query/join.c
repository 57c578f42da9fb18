/*
 * JOIN and ASK: fetches in flight, and the questions that wait for them.
 *
 * A fetch is known by name, type, DO, CD and context. Each question that waits keeps its own
 * view, decision and deadline; when the fetch ends, all go on one after another.
 */
#include "query/engine.h"

#include "base/invariant.h"

#include <string.h>

static uint32_t hash_of(const struct query_engine *engine, const struct cache_key *key)
{
    uint8_t octets[WIRE_NAME_MAX + 5];
    uint8_t *at = octets + key->name->len;

    memcpy(octets, key->name->octets, key->name->len);
    wire_put16(at, key->type);
    wire_put16(at + 2, key->context);
    at[4] = (uint8_t)((key->dnssec_ok ? 1 : 0) | (key->checking_disabled ? 2 : 0));
    return (uint32_t)siphash13(octets, key->name->len + 5u, engine->table_key);
}

static struct query_fetch *find_fetch(const struct query_engine *engine,
                                      const struct cache_key *key, uint32_t hash)
{
    struct query_fetch *fetch = engine->table[hash & engine->table_mask];

    while (fetch != NULL &&
           (fetch->hash != hash || fetch->type != key->type || fetch->context != key->context ||
            fetch->dnssec_ok != key->dnssec_ok ||
            fetch->checking_disabled != key->checking_disabled ||
            !wire_name_equal(&fetch->name, key->name))) {
        fetch = fetch->next_same_hash;
    }
    return fetch;
}

static struct query_fetch *add_fetch(struct query_engine *engine, const struct cache_key *key)
{
    struct query_fetch *fetch = pool_take(engine->fetches);

    if (fetch == NULL) {
        return NULL;
    }
    const uint32_t hash = hash_of(engine, key);
    struct query_fetch **bucket = &engine->table[hash & engine->table_mask];

    *fetch = (struct query_fetch){.name = *key->name,
                                  .type = key->type,
                                  .context = key->context,
                                  .dnssec_ok = key->dnssec_ok,
                                  .checking_disabled = key->checking_disabled,
                                  .hash = hash,
                                  .next_same_hash = *bucket,
                                  .next = engine->all};
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
    struct query_fetch **link = &engine->table[fetch->hash & engine->table_mask];

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

static void drop_fetch(struct query_engine *engine, struct query_fetch *fetch)
{
    unlink_fetch(engine, fetch);
    pool_give_back(engine->fetches, fetch);
}

/* Half of the places are anybody's; of the others no client gets more than its share. The last
 * slots are kept for questions that need not wait. */
static enum query_state take_place(struct query_engine *engine, struct query *q)
{
    const unsigned slots = (unsigned)pool_size(engine->queries);
    const unsigned places = engine->places < slots ? engine->places : slots;
    const bool scarce = engine->waiting >= places / QUERY_FREE_PART;
    const unsigned most_address = scarce ? places / QUERY_ADDRESS_PART : slots;
    const unsigned most_network = scarce ? places / QUERY_NETWORK_PART : slots;

    if (engine->waiting >= slots - slots / QUERY_KEPT_PART) {
        engine->counters.waits_refused++;
        return respond_failure(engine, q, WIRE_EDE_NOT_READY, "too many questions wait");
    }
    if (!query_share_take(engine->shares, &q->client.from, most_address, most_network,
                          &q->held)) {
        engine->counters.share_refused++;
        return respond_failure(engine, q, WIRE_EDE_NOT_READY,
                               "too many questions of this client wait");
    }
    engine->waiting++;
    return QUERY_WAIT;
}

static void give_back_place(struct query_engine *engine, struct query *q)
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
    give_back_place(engine, q);
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

static void cancel_if_idle(struct query_engine *engine, struct query_fetch *fetch)
{
    if (fetch->waiting == NULL && !engine->adopting) {
        engine->io->cancel(engine->io_context, fetch);
        drop_fetch(engine, fetch);
    }
}

void query_leave_fetch(struct query_engine *engine, struct query *q)
{
    struct query_fetch *fetch = q->fetch;

    if (fetch != NULL) {
        unlink_waiting(engine, q);
        cancel_if_idle(engine, fetch);
    }
}

void query_cancel_idle_fetches(struct query_engine *engine)
{
    struct query_fetch *next;

    for (struct query_fetch *fetch = engine->all; fetch != NULL; fetch = next) {
        next = fetch->next;
        cancel_if_idle(engine, fetch);
    }
}

/* The last one that waits gives up: that is a failure of the upstreams like any other, and is
 * kept as one (RFC 9520, 3.2), or each client would start it all over again. */
static void keep_timeout(struct query_engine *engine, const struct query *q)
{
    struct cache_key key;
    const struct cache_entry entry = {.kind = CACHE_FAILURE,
                                      .ttl_s = engine->settings->failure_ttl_s,
                                      .ede = WIRE_EDE_NO_REACHABLE};

    query_key_of(q, &key);
    engine->counters.fetch_failures++;
    cache_put(engine->cache, &key, engine->now.mono_us, NULL, &entry);
}

static void deadline_passed(struct timer *timer, void *context)
{
    struct query *q = context;
    struct query_engine *engine = q->engine;

    (void)timer;
    invariant(q->fetch != NULL);
    if (q->trace != NULL) {
        query_note(q, "its time is over: no upstream has answered");
    }
    if (q->fetch->waiting == q && q->wait_next == NULL) {
        keep_timeout(engine, q);
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
    const uint64_t at_us = q->received_us + (uint64_t)engine->settings->deadline_ms * 1000;

    q->deadline.fire = deadline_passed;
    q->deadline.context = q;
    if (place != QUERY_WAIT) {
        return place;
    }
    if (at_us <= engine->now.mono_us || timers_arm(engine->timers, &q->deadline, at_us) != 0) {
        give_back_place(engine, q);
        return respond_failure(engine, q, WIRE_EDE_NO_REACHABLE, "no time is left");
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
    struct query_fetch *fetch = find_fetch(engine, &key, hash_of(engine, &key));
    if (fetch == NULL) {
        return QUERY_ASK;
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
        return respond_failure(engine, q, WIRE_EDE_NO_REACHABLE, "no upstream is configured");
    }
    if (q->fetches == QUERY_FETCHES_PER_QUERY_MAX) {
        return respond_failure(engine, q, WIRE_EDE_OTHER, "the question took too many fetches");
    }
    if (q->packets >= QUERY_PACKETS_MAX) {
        return respond_fetch_failure(engine, q, WIRE_EDE_OTHER, NULL);
    }
    struct query_fetch *fetch = add_fetch(engine, &key);
    if (fetch == NULL) {
        return respond_failure(engine, q, WIRE_EDE_NOT_READY, "too many questions in flight");
    }
    const enum query_state state = start_waiting(engine, q, fetch);
    if (state != QUERY_WAIT) {
        drop_fetch(engine, fetch);
        return state;
    }
    if (engine->io->ask(engine->io_context, fetch) != 0) {
        unlink_waiting(engine, q);
        drop_fetch(engine, fetch);
        engine->counters.fetch_failures++;
        return respond_failure(engine, q, WIRE_EDE_NOT_READY, "no upstream can be asked now");
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
    engine->done = fetch;
    engine->result = result;
    while (fetch->waiting != NULL) {
        struct query *q = fetch->waiting;

        unlink_waiting(engine, q);
        q->upstream = result->upstream;
        q->steps = 0;
        engine->answer = engine->accepted;
        query_drive(engine, q, from);
        from = QUERY_RECHECK;
    }
    engine->done = NULL;
    engine->result = NULL;
    pool_give_back(engine->fetches, fetch);
}

bool query_fetch_may_ask(const struct query_engine *engine, const struct query_fetch *fetch)
{
    const bool exempt = query_settings_exempt(engine->settings, fetch->context);

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
        if (!policy_decide_asked(engine->policy, q->view, &q->client.from, &fetch->name, &hits,
                                 &block)) {
            return true;
        }
    }
    return false;
}
