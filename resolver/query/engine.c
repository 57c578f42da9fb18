/*
 * The engine: what one worker's questions share, and the change of policy under them.
 */
#include "query/engine.h"

#include <stdlib.h>

/* What the memo has counted: blocked, every one. */
static void count_known(void *context, const struct wire_name *name, uint64_t times)
{
    struct query_engine *engine = context;

    query_count_name(engine, name, cache_name_hash(engine->cache, name), true, times);
}

struct query_engine *query_engine_create(const struct query_engine_setup *setup)
{
    const unsigned slots = setup->slots != 0 ? setup->slots : QUERY_SLOTS;
    uint8_t own_key[SIPHASH_KEY_OCTETS];
    uint8_t cookie_key[QUERY_COOKIE_KEY_OCTETS];
    uint32_t buckets = 1;
    struct query_engine *engine = calloc(1, sizeof(*engine));

    if (engine == NULL) {
        return NULL;
    }
    while (buckets < slots) {
        buckets *= 2;
    }
    engine->io = setup->io;
    engine->io_context = setup->io_context;
    engine->cache = setup->cache;
    engine->events = setup->events;
    engine->events_lost = setup->events_lost;
    engine->events_refused = setup->events_refused;
    engine->questions = setup->questions;
    engine->questions_lost = setup->questions_lost;
    engine->questions_refused = setup->questions_refused;
    engine->timers = setup->timers;
    engine->queries = pool_create(sizeof(struct query), slots);
    engine->fetches =
        pool_create(sizeof(struct query_fetch), slots < QUERY_FETCHES ? slots : QUERY_FETCHES);
    engine->redirects = pool_create(sizeof(struct query_redirect), slots);
    engine->learnings = pool_create(sizeof(struct query_learning),
                                    slots + (slots < QUERY_LATE_MAX ? slots : QUERY_LATE_MAX));
    engine->budget.credit = QUERY_LESSONS_BURST * UINT64_C(1000000);
    engine->table = calloc(buckets, sizeof(struct query_fetch *));
    engine->table_mask = buckets - 1;
    random_fill(setup->random, engine->table_key, sizeof(engine->table_key));
    random_fill(setup->random, own_key, sizeof(own_key));
    random_fill(setup->random, cookie_key, sizeof(cookie_key));
    query_cookies_init(&engine->cookies,
                       setup->cookie_key != NULL ? setup->cookie_key : cookie_key);
    engine->rate = setup->rate;
    engine->places = setup->places != 0 ? setup->places : slots;
    engine->loop = setup->loop;
    engine->random = setup->random;
    engine->tops = query_tops_create(setup->tops_key != NULL ? setup->tops_key : own_key);
    engine->memo = query_memo_create(count_known, engine);
    engine->shares = query_shares_create(slots, engine->table_key);
    if (engine->tops == NULL || engine->memo == NULL || engine->shares == NULL ||
        engine->queries == NULL || engine->fetches == NULL || engine->redirects == NULL ||
        engine->learnings == NULL || engine->table == NULL) {
        query_engine_destroy(engine);
        return NULL;
    }
    return engine;
}

void query_engine_destroy(struct query_engine *engine)
{
    if (engine != NULL) {
        query_tops_destroy(engine->tops);
        query_memo_destroy(engine->memo);
        query_shares_destroy(engine->shares);
        pool_destroy(engine->queries);
        pool_destroy(engine->fetches);
        pool_destroy(engine->redirects);
        pool_destroy(engine->learnings);
        free(engine->table);
        free(engine);
    }
}

/* hot. One reading of the clock serves a whole batch: none of its answers left before now. */
void query_engine_time(struct query_engine *engine, struct clock_now now)
{
    const uint64_t took_us =
        now.mono_us > engine->now.mono_us ? now.mono_us - engine->now.mono_us : 0;

    for (size_t i = 0; i < QUERY_PATHS; i++) {
        if (engine->untimed[i] > 0) {
            histogram_add(&engine->latency.by[i], took_us, engine->untimed[i]);
            engine->untimed[i] = 0;
        }
    }
    query_clients_settle(&engine->clients, engine->tops, engine->now.mono_us);
    if (query_tops_is_over(engine->tops, now.mono_us)) {
        query_memo_settle(engine->memo); /* it was counted before */
    }
    engine->now = now;
}

bool query_engine_is_untimed(const struct query_engine *engine)
{
    for (size_t i = 0; i < QUERY_PATHS; i++) {
        if (engine->untimed[i] > 0) {
            return true;
        }
    }
    return false;
}

/* Every question that waits, in a list of its own: deciding one anew may end fetches. */
static struct query *list_waiting(struct query_engine *engine)
{
    struct query *list = NULL;

    for (struct query_fetch *fetch = engine->all; fetch != NULL; fetch = fetch->next) {
        for (struct query *q = fetch->waiting; q != NULL; q = q->wait_next) {
            q->redo_next = list;
            list = q;
        }
    }
    for (struct query_learning *l = engine->all_learnings; l != NULL; l = l->next_of_all) {
        if (l->q->fetch == NULL) {
            l->q->redo_next = list;
            list = l->q;
        }
    }
    return list;
}

/* From the start, as if it came now: access, name, and what follows. One that is still let
 * through stays with its fetch (step_lookup); one that was redirected looks for its target
 * again. Fetches are cancelled at the end, so that whoever needs one finds it. */
static void decide_anew(struct query_engine *engine, struct query *q)
{
    if (q->redirect != NULL) {
        redirect_forget(engine, q);
        query_leave_fetch(engine, q);
    }
    query_learn_forget(engine, q);
    q->steps = 0;
    q->aimed = q->remembered = false;
    q->hits.count = 0; /* found by rules that are no more */
    q->hits.more = false;
    q->blocked = false;
    engine->counters.reruns++;
    query_drive(engine, q, QUERY_CLIENT);
}

/* A list that the policy knows no words of has none to be counted for. */
static void name_providers(struct query_engine *engine)
{
    for (unsigned i = 0; i < POLICY_LISTS_MAX; i++) {
        const struct policy_hit hit = {.ground = POLICY_GROUND_RULE, .list = (uint8_t)i};
        const struct policy_said *said = policy_hit_said(engine->policy, &hit);

        if (said == NULL) {
            break;
        }
        query_tops_provider(engine->tops, hit.list, said->provider);
    }
}

static bool uses_servers(const struct policy *policy)
{
    for (unsigned view = 0; view < policy_view_count(policy); view++) {
        const struct policy_name_server_use use = policy_name_server_use(policy, view);

        if (use.names != POLICY_MODE_OFF || use.addresses != POLICY_MODE_OFF) {
            return true;
        }
    }
    return false;
}

void query_engine_adopt(struct query_engine *engine, const struct policy *policy,
                        const struct query_settings *settings)
{
    struct query *next;

    query_learn_reset(engine);
    query_clients_forget(&engine->clients, engine->tops, engine->now.mono_us);
    engine->policy = policy;
    engine->settings = settings;
    engine->learns = uses_servers(policy);
    name_providers(engine);
    query_ready_make(&engine->ready, policy, settings);
    query_memo_clear(engine->memo);
    cache_keep_stale(engine->cache, settings->stale_max_s);
    engine->adopting = true;
    for (struct query *q = list_waiting(engine); q != NULL; q = next) {
        next = q->redo_next;
        decide_anew(engine, q);
    }
    engine->adopting = false;
    query_cancel_idle_fetches(engine);
}

void query_engine_trim(struct query_engine *engine)
{
    pool_trim(engine->queries);
    pool_trim(engine->fetches);
    pool_trim(engine->redirects);
    pool_trim(engine->learnings);
    query_memo_trim(engine->memo);
}

const struct query_counters *query_engine_counters(const struct query_engine *engine)
{
    return &engine->counters;
}

const struct query_latency *query_engine_latency(const struct query_engine *engine)
{
    return &engine->latency;
}

struct query_tops *query_engine_tops(struct query_engine *engine)
{
    query_clients_settle(&engine->clients, engine->tops, engine->now.mono_us);
    query_memo_settle(engine->memo);
    query_tops_settle(engine->tops);
    return engine->tops;
}

unsigned query_engine_in_use(const struct query_engine *engine)
{
    return (unsigned)pool_in_use(engine->queries);
}
