/*
 * Who waits for name servers: questions, for a bounded time, and events of answers that are
 * sent.
 *
 * Fetches run side by side; whoever waits does so for one of them at a time, and looks again
 * when it has ended.
 */
#include "query/learn.h"

#include "base/invariant.h"
#include "query/engine.h"

#include <string.h>

/* For this question, which has none. NULL: there is no room. */
static struct query_learning *take(struct query_engine *engine, struct query *q,
                                   const struct query_origins *origins,
                                   struct query_servers_wanted wanted)
{
    struct query_learning *learning = pool_take(engine->learnings);

    if (learning == NULL) {
        return NULL;
    }
    memset(learning, 0, offsetof(struct query_learning, origins));
    learning->engine = engine;
    learning->q = q;
    learning->view = q->view;
    learning->stale = engine->answer.stale;
    learning->asked = q->lessons;
    learning->next_of_all = engine->all_learnings;
    if (engine->all_learnings != NULL) {
        engine->all_learnings->prev_of_all = learning;
    }
    engine->all_learnings = learning;
    learning->wanted = wanted;
    learning->origins = *origins;
    learning->truncate_passes = q->hits.truncate_passes;
    q->learning = learning;
    return learning;
}

static void leave_fetch(struct query_learning *learning)
{
    if (learning->fetch == NULL) {
        return;
    }
    if (learning->prev != NULL) {
        learning->prev->next = learning->next;
    } else {
        learning->fetch->learners = learning->next;
    }
    if (learning->next != NULL) {
        learning->next->prev = learning->prev;
    }
    learning->fetch = NULL;
    learning->next = learning->prev = NULL;
}

static void wait_for(struct query_learning *learning, struct query_fetch *fetch)
{
    learning->fetch = fetch;
    learning->prev = NULL;
    learning->next = fetch->learners;
    if (fetch->learners != NULL) {
        fetch->learners->prev = learning;
    }
    fetch->learners = learning;
}

/* It waits for nothing more. */
static void stop_waiting(struct query_engine *engine, struct query_learning *learning)
{
    timers_disarm(engine->timers, &learning->patience);
    leave_fetch(learning);
    if (learning->placed) {
        query_give_back_place(engine, learning->q);
        learning->placed = false;
    }
}

static void give_back(struct query_engine *engine, struct query_learning *learning)
{
    stop_waiting(engine, learning);
    engine->late -= learning->q == NULL ? 1 : 0;
    if (learning->prev_of_all != NULL) {
        learning->prev_of_all->next_of_all = learning->next_of_all;
    } else {
        engine->all_learnings = learning->next_of_all;
    }
    if (learning->next_of_all != NULL) {
        learning->next_of_all->prev_of_all = learning->prev_of_all;
    }
    pool_give_back(engine->learnings, learning);
}

void query_learn_forget(struct query_engine *engine, struct query *q)
{
    if (q->learning != NULL) {
        give_back(engine, q->learning);
        q->learning = NULL;
    }
}

/* Looks at what it wants. True if the policy blocks; what is lacking is in engine->lacks. */
static bool look_again(struct query_engine *engine, const struct query_learning *learning,
                       struct policy_hits *hits, uint8_t *block, bool *unknown)
{
    struct query_look look = {.view = learning->view,
                              .asked = learning->q != NULL ? &learning->q->question.name
                                                           : &learning->name,
                              .origins = &learning->origins,
                              .stale = learning->stale,
                              .hits = hits,
                              .block = block};
    const bool wanted[] = {learning->wanted.names, learning->wanted.addresses};
    bool blocked = false;

    memset(hits, 0, sizeof(*hits));
    hits->truncate_passes = learning->truncate_passes;
    engine->lack_count = 0;
    for (unsigned i = 0; i < 2 && !blocked; i++) {
        look.addresses = i == 1;
        if (wanted[i]) {
            blocked = query_look_at_servers(engine, &look);
            *unknown = *unknown || look.unknown;
        }
    }
    return blocked;
}

static void note_asked(const struct query_learning *learning, const struct query_lack *lack)
{
    char name[WIRE_NAME_TEXT_MAX];
    char type[WIRE_TYPE_TEXT_MAX];

    if (learning->q != NULL && learning->q->trace != NULL) {
        wire_name_to_text(&lack->name, name);
        wire_type_format(lack->type, type);
        query_note(learning->q, "asks the upstreams for %.120s %s", name, type);
    }
}

/* No question waits for what has kept others waiting for as long as one may. */
static bool is_worth_waiting(const struct query_engine *engine,
                             const struct query_learning *learning,
                             const struct query_fetch *fetch)
{
    return learning->late || engine->now.mono_us - fetch->held_us <
                                 engine->settings->name_server_wait_ms * UINT64_C(1000);
}

/* True if it waits for something; else all is known that will be. */
static bool go_on(struct query_engine *engine, struct query_learning *learning)
{
    const bool traced = learning->q != NULL && learning->q->trace != NULL;
    bool unknown = false;
    uint8_t block = 0;

    if (look_again(engine, learning, &engine->spare_hits, &block, &unknown)) {
        return false;
    }
    for (unsigned i = 0; i < engine->lack_count; i++) {
        bool started = false;

        if (learning->asked == QUERY_LESSONS_PER_QUERY_MAX) {
            break;
        }
        struct query_fetch *fetch =
            query_hold_fetch(engine, &engine->lacks[i], traced, &started);
        if (fetch == NULL) {
            break;
        }
        if (started) {
            learning->asked++;
            if (learning->q != NULL) {
                learning->q->lessons = learning->asked;
            }
            note_asked(learning, &engine->lacks[i]);
        }
        if (learning->fetch == NULL && is_worth_waiting(engine, learning, fetch)) {
            wait_for(learning, fetch);
        }
    }
    return learning->fetch != NULL;
}

/* An event for each rule that would have had a word: the answer is sent. */
static void record_late(struct query_engine *engine, struct query_learning *learning)
{
    bool unknown = false;
    uint8_t block = 0;

    look_again(engine, learning, &engine->spare_hits, &block, &unknown);
    engine->counters.servers_unknown += unknown || engine->lack_count > 0 ? 1 : 0;
    learning->decision.name = &learning->name;
    query_put_events(engine, &engine->spare_hits, -1, &learning->decision, &learning->chain);
    if (engine->spare_hits.count > 0 && !learning->recorded) {
        query_count_list(engine, &engine->spare_hits.at[0], false);
        query_count_name(engine, &learning->name,
                         cache_name_hash(engine->cache, &learning->name), false, 1);
    }
}

static void finish(struct query_engine *engine, struct query_learning *learning)
{
    struct query *q = learning->q;

    stop_waiting(engine, learning);
    if (q == NULL) {
        record_late(engine, learning);
        give_back(engine, learning);
        return;
    }
    q->steps = 0;
    query_drive(engine, q, QUERY_LOOKUP);
}

void query_learn_wake(struct query_engine *engine, struct query_learning *learning)
{
    leave_fetch(learning);
    if (!go_on(engine, learning)) {
        finish(engine, learning);
    }
}

void query_learn_give_up(struct query_engine *engine, struct query_learning *learning)
{
    finish(engine, learning);
}

static void patience_ended(struct timer *timer, void *context)
{
    struct query_learning *learning = context;

    (void)timer;
    if (learning->q != NULL && learning->q->trace != NULL) {
        query_note(learning->q, "its time for name servers is over");
    }
    finish(learning->engine, learning);
}

static bool arm(struct query_engine *engine, struct query_learning *learning, uint64_t at_us)
{
    learning->patience.fire = patience_ended;
    learning->patience.context = learning;
    return at_us > engine->now.mono_us &&
           timers_arm(engine->timers, &learning->patience, at_us) == 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool query_learn_wait(struct query_engine *engine, struct query *q,
                      const struct query_origins *origins, struct query_servers_wanted wanted)
{
    const struct query_settings *settings = engine->settings;

    if (q->learning != NULL) {
        return false; /* it has waited */
    }
    if (q->servers_until_us == 0) {
        q->servers_until_us =
            least(engine->now.mono_us + settings->name_server_wait_ms * UINT64_C(1000),
                  q->received_us + settings->deadline_ms * UINT64_C(1000));
    }
    const bool waits = q->servers_until_us > engine->now.mono_us;
    if (!waits && settings->name_server_wait_ms > 0) {
        return false; /* by now, others have asked, too */
    }
    struct query_learning *learning = take(engine, q, origins, wanted);
    if (learning == NULL) {
        return false;
    }
    learning->placed = waits && query_take_place(engine, q);
    if (!waits) {
        (void)go_on(engine,
                    learning); /* asks for those who come later: nothing is waited for */
    } else if (learning->placed && arm(engine, learning, q->servers_until_us) &&
               go_on(engine, learning)) {
        q->waited = true;
        return true;
    }
    query_learn_forget(engine, q);
    return false;
}

bool query_learn_prepare(struct query_engine *engine, struct query *q,
                         const struct query_origins *origins,
                         struct query_servers_wanted wanted)
{
    const unsigned most = (unsigned)(pool_size(engine->learnings) - pool_size(engine->queries));

    query_learn_forget(engine, q);
    if (engine->late >= most) {
        return false;
    }
    struct query_learning *learning = take(engine, q, origins, wanted);
    if (learning == NULL) {
        return false;
    }
    learning->chain = engine->chain;
    learning->late = true;
    return true;
}

struct query_learning *query_learn_leave(struct query_engine *engine, struct query *q)
{
    struct query_learning *learning = q->learning;

    if (learning == NULL || !learning->late || q->abandoned) {
        query_learn_forget(engine, q);
        return NULL;
    }
    learning->name = q->question.name;
    learning->recorded = q->hits.count > 0;
    query_decision_of(engine, q, &learning->decision);
    learning->q = NULL;
    q->learning = NULL;
    engine->late++;
    return learning;
}

void query_learn_late(struct query_engine *engine, struct query_learning *learning)
{
    const uint64_t patience_us = engine->settings->deadline_ms * UINT64_C(1000);

    if (learning != NULL && (!arm(engine, learning, engine->now.mono_us + patience_us) ||
                             !go_on(engine, learning))) {
        finish(engine, learning);
    }
}

void query_learn_reset(struct query_engine *engine)
{
    struct query_learning *next;

    for (struct query_learning *l = engine->all_learnings; l != NULL; l = next) {
        next = l->next_of_all;
        if (l->q == NULL) {
            engine->counters.servers_unknown++;
            give_back(engine, l);
        } else {
            leave_fetch(l);
        }
    }
    query_let_go_of_fetches(engine);
}
