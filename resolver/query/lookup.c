/*
 * LOOKUP, ACCEPT and STORE: the cache, before and after a fetch.
 */
#include "query/engine.h"

/* The name that is resolved for q: the asked one, or the target of its redirect. DO and CD are
 * those of the question; a redirected answer carries no signatures, so none are asked for. */
void query_key_of(const struct query *q, struct cache_key *key)
{
    const bool redirected = q->redirect != NULL;

    key->name = redirected ? &q->redirect->target : &q->question.name;
    key->type = q->question.type;
    key->context = redirected ? q->redirect->context : q->context;
    key->dnssec_ok = q->question.dnssec_ok && !redirected;
    key->checking_disabled = (q->question.flags & WIRE_FLAG_CD) != 0 && !redirected;
    key->hash = !redirected && q->hash_context == q->context ? q->hash : 0;
}

struct cache_key query_key_of_fetch(const struct query_fetch *fetch)
{
    return (struct cache_key){.name = &fetch->name,
                              .type = fetch->type,
                              .context = fetch->context,
                              .dnssec_ok = fetch->dnssec_ok,
                              .checking_disabled = fetch->checking_disabled,
                              .hash = fetch->hash};
}

static void take_answer(struct query_engine *engine, const struct cache_entry *entry)
{
    engine->answer = (struct query_answer){.kind = entry->kind,
                                           .octets = engine->cached_octets,
                                           .len = entry->len,
                                           .ede = entry->ede,
                                           .cached = true,
                                           .stale = entry->stale,
                                           .stamp = entry->stamp,
                                           .version = entry->version};
}

/*
 * While upstreams fail, who sets CD may also be told what came without it: CD takes what no
 * upstream has validated (RFC 4035, 3.2.2), and this has been through whatever they validate.
 * Never the other way round. False if the key is not one with CD; else it is one without.
 */
static bool drop_cd(struct cache_key *key)
{
    const bool had = key->checking_disabled;

    key->checking_disabled = false;
    key->hash = had ? 0 : key->hash;
    return had;
}

/* Is there something that came without CD for who sets it? *entry: about it. */
static bool has_without_cd(struct query_engine *engine, struct cache_key key,
                           struct cache_entry *entry)
{
    return key.checking_disabled && engine->settings->stale_max_s > 0 && drop_cd(&key) &&
           cache_has_stale(engine->cache, &key, engine->now.mono_us, entry);
}

uint32_t query_failure_ttl_s(struct query_engine *engine, const struct cache_key *key)
{
    const struct query_settings *settings = engine->settings;
    struct cache_entry entry;

    return has_without_cd(engine, *key, &entry) &&
                   settings->stale_retry_s > settings->failure_ttl_s
               ? settings->stale_retry_s
               : settings->failure_ttl_s;
}

static bool get_stale(struct query_engine *engine, const struct cache_key *key,
                      struct cache_entry *entry)
{
    return cache_get_stale(engine->cache, key, engine->now.mono_us,
                           engine->settings->stale_ttl_s, engine->cached_octets,
                           sizeof(engine->cached_octets), entry);
}

bool query_find_stale(struct query_engine *engine, struct query *q)
{
    struct cache_key key;
    struct cache_entry entry;

    query_key_of(q, &key);
    if (!q->stale) {
        return false;
    }
    const bool own = get_stale(engine, &key, &entry);
    if (!own && !(drop_cd(&key) && get_stale(engine, &key, &entry))) {
        return false;
    }
    take_answer(engine, &entry);
    engine->answer.without_cd = !own;
    q->stale_due = true;
    q->upstream = (struct address){0};
    if (q->trace != NULL && entry.stale) {
        query_note(q, "told from the cache, past its time");
    }
    return true;
}

/* Nobody is asked on the word of a question without RD, now or later. */
static bool wants_anew(const struct query *q, const struct cache_entry *entry)
{
    return entry->ending && q->redirect == NULL && q->trace == NULL &&
           (q->question.flags & WIRE_FLAG_RD) != 0;
}

/* hot */
bool query_find_stamped(struct query_engine *engine, struct query *q,
                        const struct cache_key *key, uint64_t stamp)
{
    struct cache_entry entry;

    if (!cache_get_stamped(engine->cache, key, stamp, engine->now.mono_us,
                           engine->cached_octets, sizeof(engine->cached_octets), &entry)) {
        return false;
    }
    engine->counters.cache_hits++;
    take_answer(engine, &entry);
    q->prefetch = wants_anew(q, &entry);
    q->version = entry.version;
    return true;
}

enum query_state step_lookup(struct query_engine *engine, struct query *q)
{
    struct cache_key key;
    struct cache_entry entry;

    const bool recurse = (q->question.flags & WIRE_FLAG_RD) != 0;
    const unsigned counts = q->learning == NULL ? 1 : 0; /* else it is looked up again */
    query_key_of(q, &key);
    if (q->fetch != NULL && q->fetch->context == key.context) {
        return QUERY_WAIT; /* decided anew by a reload: its fetch goes on */
    }
    if (q->fetch != NULL) {
        query_leave_fetch(engine, q); /* other servers are to be asked now */
    }
    q->stale = false;
    if (cache_get(engine->cache, &key, engine->now.mono_us, engine->cached_octets,
                  sizeof(engine->cached_octets), &entry)) {
        struct cache_entry other;

        engine->counters.cache_hits += counts;
        take_answer(engine, &entry);
        q->stale =
            entry.kind == CACHE_FAILURE && recurse && has_without_cd(engine, key, &other);
        q->prefetch = wants_anew(q, &entry);
        q->version = entry.version;
        return QUERY_RECHECK;
    }
    engine->counters.cache_misses += counts;
    if (!recurse) {
        if (q->redirect != NULL) {
            return block_sinkhole(engine, q);
        }
        /* Without RD only what is at hand may be told (RFC 1034, 4.3.1); we have nothing. */
        return respond_empty(engine, q, WIRE_REFUSED, 0, WIRE_EDE_OTHER,
                             "recursion was not asked for");
    }
    q->stale = entry.stale || has_without_cd(engine, key, &entry);
    if (q->stale && (entry.failed || q->stale_due) && query_find_stale(engine, q)) {
        return QUERY_RECHECK;
    }
    return QUERY_JOIN;
}

/* The first of those that wait accepts and stores for all; the others go on at RECHECK. q is
 * NULL if only name servers were asked for. */
enum query_state step_accept(struct query_engine *engine, struct query *q)
{
    (void)q;
    query_accept(engine, engine->done, engine->result, &engine->accepted);
    if (engine->accepted.kind == CACHE_FAILURE) {
        engine->counters.fetch_failures++;
    }
    return QUERY_STORE;
}

/* Beside the answer that may not be kept as long: for the policy alone. */
static void keep_learned(struct query_engine *engine, struct cache_key key,
                         struct cache_entry entry)
{
    if (entry.kind == CACHE_ANSWER && entry.ttl_s < QUERY_LEARNED_TTL_MIN_S) {
        key.context = QUERY_CONTEXT_LEARNED;
        key.hash = 0;
        entry.ttl_s = QUERY_LEARNED_TTL_MIN_S;
        cache_put(engine->cache, &key, engine->now.mono_us, engine->accepted.octets, &entry);
    }
}

/* Of an answer's time, in which who asks for it has it fetched anew. */
static uint32_t late_s(uint32_t ttl_s)
{
    return ttl_s >= QUERY_PREFETCH_LIFE_MIN_S ? ttl_s / QUERY_PREFETCH_WINDOW : 0;
}

enum query_state step_store(struct query_engine *engine, struct query *q)
{
    const struct query_fetch *fetch = engine->done;
    const struct query_answer *answer = &engine->accepted;
    const struct cache_key key = query_key_of_fetch(fetch);
    const struct cache_entry entry = {.kind = answer->kind,
                                      .ttl_s = answer->kind == CACHE_FAILURE
                                                   ? query_failure_ttl_s(engine, &key)
                                                   : answer->ttl_s,
                                      .ede = (int16_t)answer->ede,
                                      .len = answer->len,
                                      .late_s = late_s(answer->ttl_s),
                                      .retry_s = engine->settings->stale_retry_s};

    (void)q;
    engine->kept_s =
        cache_put(engine->cache, &key, engine->now.mono_us, answer->octets, &entry);
    if (fetch->learned) {
        keep_learned(engine, key, entry);
    }
    engine->answer = *answer;
    return QUERY_RECHECK;
}
