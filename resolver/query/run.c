/*
 * The life of a question: which state follows which, and the loop that moves it.
 */
#include "query/engine.h"

#include "base/invariant.h"
#include "policy/views.h"

#include <string.h>

#define TO(state) (1u << QUERY_##state)

struct query_step {
    const char *name;
    enum query_state (*run)(struct query_engine *engine, struct query *q);
    uint32_t next; /* states that may follow */
};

/* A row per state. The order is the order of life. SEND is always possible before the answer
 * is sent, and RECORD where there is nowhere to write one: those two are not repeated. */
#define END (TO(SEND) | TO(RECORD))

static const struct query_step steps[QUERY_STATES] = {
    [QUERY_PARSE] = {"parse", step_parse, TO(CLIENT) | TO(FREE)},
    [QUERY_CLIENT] = {"client", step_client, TO(LOCAL) | TO(FREE) | END},
    [QUERY_LOCAL] = {"local", step_local, TO(DECIDE) | END},
    [QUERY_DECIDE] = {"decide", step_decide, TO(LOOKUP) | END},
    [QUERY_LOOKUP] = {"lookup", step_lookup, TO(RECHECK) | TO(JOIN) | END},
    [QUERY_JOIN] = {"join", step_join, TO(ASK) | TO(RECHECK) | END},
    [QUERY_ASK] = {"ask", step_ask, TO(RECHECK) | END},
    [QUERY_ACCEPT] = {"accept", step_accept, TO(STORE)},
    [QUERY_STORE] = {"store", step_store, TO(RECHECK)},
    [QUERY_RECHECK] = {"recheck", step_recheck, TO(LOOKUP) | TO(SERVERS) | END},
    [QUERY_SERVERS] = {"servers", step_servers, TO(LOOKUP) | END},
    [QUERY_SEND] = {"send", step_send, TO(RECORD)},
    [QUERY_RECORD] = {"record", step_record, TO(FREE)},
    [QUERY_FREE] = {"free", step_free, 0},
};

/* Which states may wait for something from outside. */
#define MAY_WAIT (TO(LOOKUP) | TO(JOIN) | TO(ASK) | TO(SERVERS) | TO(FREE))

/* A debug build stops at a move that the table does not have; a release goes on, since an
 * answer is better than none. */
static void check_move(enum query_state from, enum query_state to)
{
#ifndef NDEBUG
    if (to == QUERY_WAIT) {
        invariant((1u << from & MAY_WAIT) != 0);
    } else {
        invariant((steps[from].next & 1u << to) != 0);
    }
#else
    (void)from;
    (void)to;
#endif
}

static __attribute__((cold)) enum query_state stop(struct query_engine *engine, struct query *q)
{
    engine->counters.steps_exceeded++;
    return respond_empty(engine, q, WIRE_SERVFAIL, 0, WIRE_EDE_OTHER,
                         "the question took too many steps");
}

/* hot. The state that is run, which is the one that was named unless that was one too many. */
static inline enum query_state enter(struct query_engine *engine, struct query *q,
                                     enum query_state state)
{
    if (state < QUERY_SEND && q->steps++ >= QUERY_STEPS_MAX) {
        state = stop(engine, q);
    }
    q->state = state;
    return state;
}

/* Who watches does so from the beginning to the end. */
static __attribute__((cold)) void drive_watched(struct query_engine *engine, struct query *q,
                                                enum query_state state)
{
    while (state != QUERY_WAIT) {
        const enum query_state now = enter(engine, q, state);

        state = query_trace_step(engine, q, now, steps[now].run);
        check_move(now, state); /* after FREE q is gone */
    }
}

/* hot */
void query_drive(struct query_engine *engine, struct query *q, enum query_state state)
{
    if (q->trace != NULL) {
        drive_watched(engine, q, state);
        return;
    }
    while (state != QUERY_WAIT) {
        const enum query_state now = enter(engine, q, state);

        state = steps[now].run(engine, q);
        check_move(now, state); /* after FREE q is gone */
    }
}

const char *query_state_name(unsigned state)
{
    return state < QUERY_STATES ? steps[state].name : "";
}

#define LINE 64u

_Static_assert(offsetof(struct query, hits) + LINE <= sizeof(struct query), "as it is cleared");

struct query *query_take(struct query_engine *engine)
{
    struct query *q = pool_take(engine->queries);

    if (q == NULL) {
        engine->counters.no_slot++;
        return NULL;
    }
    /* The large parts at the end are written before they are read. By lines: of all at once the
     * compiler makes an instruction that takes its time to begin. */
    for (size_t i = 0; i < offsetof(struct query, hits); i += LINE) {
        memset((uint8_t *)q + i, 0, LINE);
    }
    q->engine = engine;
    q->client.keepalive_100ms = -1;
    q->hits.count = 0;
    q->hits.more = false;
    return q;
}

struct query_client *query_client_of(struct query *q)
{
    return &q->client;
}

const struct wire_question *query_question_of(const struct query *q)
{
    return &q->question;
}

/* hot. What says where in the cache the answer is begins to come. */
static void expect_answer(struct query_engine *engine, struct query *q)
{
    const struct query_zone *zone = query_settings_zone(engine->settings, &q->question.name);
    struct cache_key key;

    q->context = zone != NULL ? zone->context : 0;
    query_key_of(q, &key);
    q->hash = cache_hash_of(q->name_hash, &key);
    q->hash_context = q->context;
    cache_expect(engine->cache, q->hash);
}

/* hot. The answer begins to come; where there is none, what the lists say of the name. */
static void approach(struct query_engine *engine, struct query *q)
{
    q->likely = cache_expect_entry(engine->cache, q->hash) && q->trace == NULL;
    if (!q->likely) {
        policy_image_take_aim(policy_image_of(engine->policy), &q->question.name, &q->aim);
        q->aimed = true;
    }
}

/* hot. Whether the memo may have been of another view, now that its entry is there. */
static bool is_of_other_view(struct query_engine *engine, const struct query *q)
{
    const struct query_settings *settings = engine->settings;

    return settings->choice != NULL &&
           !query_memo_has(
               engine->memo, q->name_hash,
               policy_views_choose(settings->choice, &q->client.from, &q->client.local),
               &q->question.name);
}

/* hot */
void query_read(struct query_engine *engine, struct query *q, const uint8_t *msg, size_t len)
{
    invariant(engine->policy != NULL && engine->settings != NULL);
    engine->counters.questions += q->trace == NULL ? 1 : 0;
    q->received_us = engine->now.mono_us;
    q->wall_us = engine->now.wall_us;
    q->parsed = wire_question_read(msg, len, &q->question);
    if (q->parsed == WIRE_QUESTION_OK) {
        q->name_hash = cache_name_hash(engine->cache, &q->question.name);
        query_memo_approach(engine->memo, q->name_hash);
    }
}

/* hot. What the memo has begins to come, where it may know the name: then nothing else is
 * needed. Who watches sees the first look. */
void query_expect(struct query_engine *engine, struct query *q)
{
    if (q->parsed != WIRE_QUESTION_OK) {
        return;
    }
    q->remembered = query_memo_expect(engine->memo, q->name_hash) && q->trace == NULL;
    if (!q->remembered) {
        expect_answer(engine, q);
    }
}

/* hot */
void query_go_near(struct query_engine *engine, struct query *const *batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct query *q = batch[i];

        if (q->remembered && is_of_other_view(engine, q)) {
            q->remembered = false;
            expect_answer(engine, q);
        }
        if (q->parsed == WIRE_QUESTION_OK && !q->remembered) {
            approach(engine, q);
        }
    }
}

/* hot. Where a name may be listed with so many labels, or one more. */
static void go_nearer(struct query_engine *engine, struct query *const *batch, size_t count,
                      enum policy_image_stage stage)
{
    const struct policy_image *image = policy_image_of(engine->policy);

    for (size_t i = 0; i < count; i++) {
        struct query *q = batch[i];

        if (q->aimed && q->aim.stage == stage) {
            policy_image_go_near(image, &q->question.name, &q->aim);
        }
    }
}

/* hot */
void query_go_on(struct query_engine *engine, struct query *const *batch, size_t count)
{
    go_nearer(engine, batch, count, POLICY_IMAGE_AIMED);
    go_nearer(engine, batch, count, POLICY_IMAGE_NEAR);
    for (size_t i = 0; i < count; i++) {
        query_drive(engine, batch[i], QUERY_PARSE);
    }
}

void query_run(struct query_engine *engine, struct query *q, const uint8_t *msg, size_t len)
{
    query_read(engine, q, msg, len);
    query_expect(engine, q);
    query_go_near(engine, &q, 1);
    query_drive(engine, q, QUERY_PARSE);
}

void query_abandon(struct query_engine *engine, struct query *q)
{
    q->abandoned = true;
    q->rcode = WIRE_SERVFAIL;
    query_drive(engine, q, QUERY_RECORD);
}
