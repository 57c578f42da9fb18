/*
 * Fetches that go on although no question waits: for the policy, about name servers; for those
 * who come later, after a stale answer was given or before an answer's time is over.
 *
 * Each kind has its part of the places, its packets, and a deadline like that of a question. A
 * reload ends them all, so none is asked on the word of a policy that is no longer in force.
 */
#include "query/engine.h"

void query_let_go(struct query_engine *engine, struct query_fetch *fetch)
{
    if (fetch->held) {
        timers_disarm(engine->timers, &fetch->patience);
        fetch->held = false;
        engine->held[fetch->holder]--;
    }
}

/* Its time is over. Everybody who waits for it alone is told. */
static void hold_ended(struct timer *timer, void *context)
{
    struct query_fetch *fetch = context;
    struct query_engine *engine = fetch->engine;

    (void)timer;
    query_let_go(engine, fetch);
    if (fetch->waiting == NULL) {
        query_keep_timeout(engine, fetch);
    }
    while (fetch->learners != NULL) {
        query_learn_give_up(engine, fetch->learners);
    }
    query_cancel_if_idle(engine, fetch);
}

/* How many fetches may be held so at a time, and packets leave for one. */
static const struct {
    unsigned part;
    uint32_t packets;
} holders[QUERY_HOLDERS] = {
    [QUERY_HELD_LESSON] = {QUERY_LESSONS_PART, QUERY_LESSON_PACKETS_MAX},
    [QUERY_HELD_STALE] = {QUERY_STALE_PART, QUERY_PACKETS_MAX}, /* of who has asked */
    [QUERY_HELD_PREFETCH] = {QUERY_PREFETCH_PART, QUERY_PREFETCH_PACKETS_MAX},
};

bool query_may_hold(const struct query_engine *engine, enum query_holder holder)
{
    const unsigned slots = (unsigned)pool_size(engine->fetches);
    const unsigned places = engine->places < slots ? engine->places : slots;
    const unsigned part = holders[holder].part;

    return engine->held[holder] < (places + part - 1) / part;
}

bool query_hold(struct query_engine *engine, struct query_fetch *fetch,
                enum query_holder holder, uint64_t until_us)
{
    if (fetch->held_packets < holders[holder].packets) {
        fetch->held_packets = holders[holder].packets;
    }
    if (fetch->held) {
        return true;
    }
    fetch->engine = engine;
    fetch->patience.fire = hold_ended;
    fetch->patience.context = fetch;
    if (until_us <= engine->now.mono_us ||
        timers_arm(engine->timers, &fetch->patience, until_us) != 0) {
        return false;
    }
    fetch->held = true;
    fetch->holder = (uint8_t)holder;
    fetch->held_us = engine->now.mono_us;
    engine->held[holder]++;
    if (until_us > fetch->deadline_us) {
        fetch->deadline_us = until_us;
    }
    return true;
}

/* As long as a question would wait. */
static bool hold_new(struct query_engine *engine, struct query_fetch *fetch,
                     enum query_holder holder)
{
    return query_hold(engine, fetch, holder,
                      engine->now.mono_us + engine->settings->deadline_ms * UINT64_C(1000));
}

static bool take_credit(struct query_engine *engine)
{
    struct query_budget *budget = &engine->budget;
    const uint64_t most = QUERY_LESSONS_BURST * UINT64_C(1000000);
    const uint64_t us = engine->now.mono_us - budget->at_us;
    const uint64_t earned = us < most ? us * QUERY_LESSONS_PER_S : most;

    budget->at_us = engine->now.mono_us;
    budget->credit = budget->credit + earned < most ? budget->credit + earned : most;
    if (budget->credit < 1000000) {
        return false;
    }
    budget->credit -= 1000000;
    return true;
}

/* A fetch that nobody waits for. NULL: it cannot be asked. */
static struct query_fetch *begin_held(struct query_engine *engine, const struct cache_key *key,
                                      enum query_holder holder)
{
    struct query_fetch *fetch =
        query_may_hold(engine, holder) ? query_add_fetch(engine, key) : NULL;

    if (fetch != NULL &&
        (!hold_new(engine, fetch, holder) || engine->io->ask(engine->io_context, fetch) != 0)) {
        query_drop_fetch(engine, fetch);
        fetch = NULL;
    }
    engine->counters.fetches += fetch != NULL ? 1 : 0;
    return fetch;
}

/* As above. */
static struct query_fetch *begin_lesson(struct query_engine *engine,
                                        const struct cache_key *key)
{
    struct query_fetch *fetch = query_may_hold(engine, QUERY_HELD_LESSON) && take_credit(engine)
                                    ? begin_held(engine, key, QUERY_HELD_LESSON)
                                    : NULL;

    if (fetch == NULL) {
        engine->counters.lessons_refused++;
        return NULL;
    }
    engine->counters.lessons++;
    return fetch;
}

struct query_fetch *query_hold_fetch(struct query_engine *engine, const struct query_lack *lack,
                                     bool traced, bool *started)
{
    const struct cache_key key = {
        .name = &lack->name, .type = lack->type, .context = lack->context};
    struct query_fetch *fetch = query_find_fetch(engine, &key);

    *started = fetch == NULL;
    if (fetch == NULL) {
        fetch = begin_lesson(engine, &key);
    } else if (!hold_new(engine, fetch, QUERY_HELD_LESSON)) {
        fetch = NULL;
    }
    if (fetch != NULL) {
        fetch->learned = true;
        fetch->traced = fetch->traced || traced;
    }
    return fetch;
}

/* At most once in the life of what is in the cache. The name was let through a moment ago, by
 * the policy in force; a reload ends it. */
void query_prefetch(struct query_engine *engine, const struct query *q)
{
    struct cache_key key;

    query_key_of(q, &key);
    if (!cache_claim(engine->cache, &key, q->version) ||
        query_find_fetch(engine, &key) != NULL) {
        return;
    }
    if (begin_held(engine, &key, QUERY_HELD_PREFETCH) != NULL) {
        engine->counters.prefetches++;
    } else {
        engine->counters.prefetches_refused++;
    }
}

void query_let_go_of_fetches(struct query_engine *engine)
{
    for (struct query_fetch *fetch = engine->all; fetch != NULL; fetch = fetch->next) {
        query_let_go(engine, fetch);
    }
}
