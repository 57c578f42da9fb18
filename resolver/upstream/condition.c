#include "upstream/condition.h"

#include "base/invariant.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_MS UINT64_C(1000)

/* All of them are counters and moments that stand for themselves: no other memory hangs on
 * their order. */
#define LOAD(member) atomic_load_explicit(&condition->member, memory_order_relaxed)
#define STORE(member, value) \
    atomic_store_explicit(&condition->member, (value), memory_order_relaxed)
#define ADD(member, value) \
    (atomic_fetch_add_explicit(&condition->member, (value), memory_order_relaxed) + (value))

/* ---- the table ---- */

struct upstream_conditions *upstream_conditions_create(void)
{
    struct upstream_conditions *conditions =
        aligned_alloc(alignof(struct upstream_conditions), sizeof(struct upstream_conditions));

    if (conditions == NULL) {
        return NULL;
    }
    memset(conditions, 0, sizeof(*conditions));
    pthread_mutex_init(&conditions->mutex, NULL);
    for (size_t i = 0; i < UPSTREAM_CONDITIONS_MAX; i++) {
        pthread_mutex_init(&conditions->entries[i].mutex, NULL);
    }
    return conditions;
}

void upstream_conditions_destroy(struct upstream_conditions *conditions)
{
    if (conditions == NULL) {
        return;
    }
    for (size_t i = 0; i < UPSTREAM_CONDITIONS_MAX; i++) {
        invariant(conditions->entries[i].users == 0);
        pthread_mutex_destroy(&conditions->entries[i].mutex);
    }
    pthread_mutex_destroy(&conditions->mutex);
    free(conditions);
}

static void reset(struct upstream_condition *condition, const struct endpoint *endpoint)
{
    condition->endpoint = *endpoint;
    STORE(heard_us, 0);
    STORE(rtt, 0);
    STORE(measured_us, 0);
    STORE(penalty_us, 0);
    STORE(suspect_us, 0);
    STORE(tls_told_us, 0);
    STORE(failure, 0);
    STORE(probe_us, 0);
    STORE(lates, 0);
    STORE(misses, 0);
    STORE(blame, 0);
    STORE(down, false);
    STORE(doubted, false);
    STORE(doubts, 0);
    STORE(doubt_again_us, 0);
    STORE(timely_us, 0);
    condition->doubt_us = 0;
    condition->reason = UPSTREAM_REASON_NONE;
    condition->goods = 0;
    condition->flaps = 0;
    condition->pause_ms = UPSTREAM_PAUSE_MIN_MS;
    condition->up_us = 0;
    condition->down_us = 0;
    condition->down_wall_us = 0;
    condition->hold_us = 0;
    condition->good_us = 0;
    condition->downs = 0;
    condition->probes = 0;
    condition->probes_good = 0;
}

struct upstream_condition *upstream_condition_take(struct upstream_conditions *conditions,
                                                   const struct endpoint *endpoint)
{
    struct upstream_condition *found = NULL;

    pthread_mutex_lock(&conditions->mutex);
    for (size_t i = 0; i < UPSTREAM_CONDITIONS_MAX; i++) {
        struct upstream_condition *condition = &conditions->entries[i];
        if (condition->users > 0 && endpoint_equal(&condition->endpoint, endpoint)) {
            found = condition;
            break;
        }
        if (condition->users == 0 && found == NULL) {
            found = condition;
        }
    }
    invariant(found != NULL);
    if (found->users++ == 0) {
        reset(found, endpoint);
    }
    pthread_mutex_unlock(&conditions->mutex);
    return found;
}

void upstream_condition_give_back(struct upstream_conditions *conditions,
                                  struct upstream_condition *condition)
{
    pthread_mutex_lock(&conditions->mutex);
    invariant(condition->users > 0);
    condition->users--;
    pthread_mutex_unlock(&conditions->mutex);
}

/* ---- up and down ---- */

/* What happened, and what to do. */
static const char *const told[UPSTREAM_REASONS] = {
    [UPSTREAM_REASON_NONE] = "",
    [UPSTREAM_REASON_SILENT] =
        "questions get no answer in time: see whether it runs, and whether a firewall or the "
        "path to it drops them",
    [UPSTREAM_REASON_UNREACHABLE] =
        "it cannot be reached: see whether it runs, listens on this address and port, and "
        "whether there is a route",
    [UPSTREAM_REASON_WRONG] =
        "what comes from it answers other questions than were asked: see whether it is a DNS "
        "server, and whether something on the path forges answers",
    [UPSTREAM_REASON_UNPROVED] =
        "it cannot prove over TLS who it is: see to its certificate, to the name or pins here, "
        "and to upstreams.tls-ca",
    [UPSTREAM_REASON_GARBAGE] =
        "its answers are malformed: see whether it is a DNS server, and what changes them on "
        "their way",
    [UPSTREAM_REASON_TRUNCATED] =
        "its answers are truncated and asking again over TCP does not help: let TCP through to "
        "its port",
    [UPSTREAM_REASON_USELESS] =
        "it refuses or fails what other upstreams answer: see whether it serves this machine, "
        "and its own log",
};

const char *upstream_reason_advice(enum upstream_reason reason)
{
    return told[reason];
}

const char *upstream_reason_word(enum upstream_reason reason)
{
    static const char *const words[UPSTREAM_REASONS] = {
        [UPSTREAM_REASON_NONE] = "none",
        [UPSTREAM_REASON_SILENT] = "silent",
        [UPSTREAM_REASON_UNREACHABLE] = "unreachable",
        [UPSTREAM_REASON_WRONG] = "wrong",
        [UPSTREAM_REASON_UNPROVED] = "unproved",
        [UPSTREAM_REASON_GARBAGE] = "garbage",
        [UPSTREAM_REASON_TRUNCATED] = "truncated",
        [UPSTREAM_REASON_USELESS] = "useless",
    };

    return words[reason];
}

static void tell_down(const struct upstream_condition *condition, enum upstream_reason reason)
{
    char text[ENDPOINT_TEXT_MAX];

    endpoint_format(&condition->endpoint, text);
    log_write(LOG_LEVEL_WARNING, "upstream %s is down and asked last: %s", text, told[reason]);
}

static void mark_down(struct upstream_condition *condition, enum upstream_reason reason,
                      struct clock_now now)
{
    bool changed = false;

    pthread_mutex_lock(&condition->mutex);
    if (!LOAD(down)) {
        const bool flaps = condition->up_us != 0 &&
                           now.mono_us - condition->up_us < UPSTREAM_STEADY_MS * US_PER_MS;

        changed = true;
        STORE(doubted, false);
        condition->flaps = !flaps                                  ? 0
                           : condition->flaps < UPSTREAM_FLAPS_MAX ? condition->flaps + 1
                                                                   : condition->flaps;
        condition->pause_ms = UPSTREAM_PAUSE_MIN_MS << (2 * condition->flaps);
        if (condition->pause_ms > UPSTREAM_PAUSE_MAX_MS) {
            condition->pause_ms = UPSTREAM_PAUSE_MAX_MS;
        }
        condition->reason = reason;
        condition->goods = 0;
        condition->good_us = 0;
        condition->downs++;
        condition->down_us = now.mono_us;
        condition->down_wall_us = now.wall_us;
        condition->hold_us = now.mono_us + condition->pause_ms * US_PER_MS;
        STORE(probe_us, condition->hold_us);
        STORE(down, true);
    }
    pthread_mutex_unlock(&condition->mutex);
    if (changed) {
        tell_down(condition, reason);
    }
}

/* Nothing has been heard of it for a while. One that nobody has probed meanwhile is down. */
static void doubt(struct upstream_condition *condition, struct clock_now now)
{
    bool over = false;

    pthread_mutex_lock(&condition->mutex);
    if (LOAD(doubted)) {
        over = now.mono_us >= condition->doubt_us + UPSTREAM_DOUBT_MS * US_PER_MS;
    } else if (!LOAD(down) && now.mono_us >= LOAD(doubt_again_us)) {
        condition->doubt_us = now.mono_us;
        STORE(probe_us, now.mono_us);
        STORE(suspect_us, now.mono_us + UPSTREAM_DOUBT_MS * US_PER_MS);
        STORE(doubted, true);
    }
    pthread_mutex_unlock(&condition->mutex);
    if (over) {
        mark_down(condition, UPSTREAM_REASON_SILENT, now);
    }
}

/* The probe of one that is in doubt, or a client's question meanwhile, was answered or not. */
static void settle_doubt(struct upstream_condition *condition, bool good, uint64_t sent_us,
                         struct clock_now now)
{
    const bool served = LOAD(timely_us) > sent_us;

    if (!good && !served) {
        mark_down(condition, UPSTREAM_REASON_SILENT, now);
        return;
    }
    if (good) {
        upstream_condition_alive(condition, sent_us, now, true);
    }
    pthread_mutex_lock(&condition->mutex);
    if (LOAD(doubted)) {
        const uint32_t doubts = served ? 0 : LOAD(doubts);

        STORE(doubted, false);
        STORE(misses, 0);
        STORE(doubt_again_us, now.mono_us + UPSTREAM_PROBE_AGAIN_MS * US_PER_MS);
        STORE(doubts, doubts < UPSTREAM_DOUBTS_DOUBLED ? doubts + 1 : doubts);
        STORE(suspect_us,
              served ? 0 : now.mono_us + ((uint64_t)UPSTREAM_SUSPECT_MS << doubts) * US_PER_MS);
    }
    pthread_mutex_unlock(&condition->mutex);
}

/* A good sign from a server that is down. What is half broken would go up and down with every
 * few questions if real answers always counted. */
static void note_good(struct upstream_condition *condition, bool probe, struct clock_now now)
{
    uint64_t passed_us = 0;
    bool changed = false;

    pthread_mutex_lock(&condition->mutex);
    if (LOAD(down) && now.mono_us >= condition->good_us &&
        (probe || now.mono_us >= condition->hold_us)) {
        condition->good_us = now.mono_us + UPSTREAM_PROBE_AGAIN_MS * US_PER_MS;
        if (++condition->goods >= UPSTREAM_UP_AFTER << condition->flaps) {
            changed = true;
            passed_us = now.mono_us - condition->down_us;
            condition->up_us = now.mono_us;
            STORE(lates, 0);
            STORE(misses, 0);
            STORE(blame, 0);
            STORE(penalty_us, 0);
            STORE(suspect_us, 0);
            STORE(down, false);
        } else {
            STORE(probe_us, condition->good_us);
        }
    }
    pthread_mutex_unlock(&condition->mutex);
    if (changed) {
        char text[ENDPOINT_TEXT_MAX];

        endpoint_format(&condition->endpoint, text);
        log_write(LOG_LEVEL_INFO, "upstream %s is up again after %" PRIu64 " s", text,
                  (passed_us + 500000) / 1000000);
    }
}

/* ---- what comes from it, and what does not ---- */

void upstream_condition_set_rtt(struct upstream_condition *condition, uint32_t smoothed_us,
                                uint32_t variation_us, uint64_t now_us)
{
    STORE(rtt, (uint64_t)(smoothed_us > 0 ? smoothed_us : 1) << 32 | variation_us);
    STORE(measured_us, now_us);
}

/* RFC 6298, 2. */
static void measure_rtt(struct upstream_condition *condition, uint64_t sent_us, uint64_t now_us)
{
    const uint64_t passed = now_us > sent_us ? now_us - sent_us : 1;
    const uint32_t rtt = passed < UPSTREAM_RTT_MAX_US ? (uint32_t)passed : UPSTREAM_RTT_MAX_US;
    uint32_t variation;
    uint32_t smoothed = upstream_condition_rtt(condition, &variation);

    if (smoothed == 0) {
        smoothed = rtt;
        variation = rtt / 2;
    } else {
        const uint32_t off = rtt > smoothed ? rtt - smoothed : smoothed - rtt;
        variation = variation - variation / 4 + off / 4;
        smoothed = smoothed - smoothed / 8 + rtt / 8;
    }
    upstream_condition_set_rtt(condition, smoothed, variation, now_us);
}

void upstream_condition_alive(struct upstream_condition *condition, uint64_t sent_us,
                              struct clock_now now, bool measure)
{
    STORE(heard_us, now.mono_us > 0 ? now.mono_us : 1);
    if (LOAD(failure) != 0) {
        STORE(failure, 0);
    }
    if (LOAD(misses) != 0) {
        STORE(misses, 0);
    }
    if (LOAD(lates) != 0) {
        STORE(lates, 0);
        STORE(suspect_us, 0);
    }
    if (LOAD(penalty_us) != 0) {
        STORE(penalty_us, LOAD(penalty_us) - (LOAD(penalty_us) + 7) / 8);
    }
    if (measure) {
        measure_rtt(condition, sent_us, now.mono_us);
    }
}

uint32_t upstream_condition_cost(const struct upstream_condition *condition)
{
    const uint32_t smoothed = upstream_condition_rtt(condition, NULL);

    return smoothed == 0 ? UINT32_MAX : smoothed + LOAD(penalty_us);
}

void upstream_condition_good(struct upstream_condition *condition, uint64_t sent_us,
                             struct clock_now now, bool measure)
{
    upstream_condition_alive(condition, sent_us, now, measure);
    if (now.mono_us < sent_us + UPSTREAM_TRY_MS * US_PER_MS) {
        STORE(timely_us, now.mono_us);
        if (LOAD(doubts) != 0) {
            STORE(doubts, 0);
            STORE(suspect_us, 0);
        }
    }
    if (LOAD(blame) != 0) {
        STORE(blame, 0);
    }
    if (LOAD(down)) {
        note_good(condition, false, now);
    }
}

bool upstream_condition_blamed(struct upstream_condition *condition,
                               enum upstream_reason reason, struct clock_now now)
{
    const uint32_t weight = reason == UPSTREAM_REASON_USELESS ? 1 : UPSTREAM_BLAME_HEAVY;

    if (LOAD(blame) < UPSTREAM_BLAME_MAX && ADD(blame, weight) >= UPSTREAM_BLAME_MAX) {
        mark_down(condition, reason, now);
    }
    return LOAD(down);
}

bool upstream_condition_missed(struct upstream_condition *condition, uint64_t sent_us,
                               enum upstream_reason reason, struct clock_now now)
{
    const uint32_t penalty = LOAD(penalty_us);

    if (penalty < UPSTREAM_TRY_MS * US_PER_MS) {
        STORE(penalty_us, penalty + penalty / 2 + upstream_condition_rtt(condition, NULL) / 2);
    }
    if (LOAD(heard_us) <= sent_us && !LOAD(down) && ADD(misses, 1) >= UPSTREAM_DOWN_AFTER) {
        if (reason == UPSTREAM_REASON_SILENT) {
            doubt(condition, now);
        } else {
            mark_down(condition, reason, now);
        }
    }
    return LOAD(down) || LOAD(doubted);
}

void upstream_condition_failed(struct upstream_condition *condition, uint64_t sent_us,
                               enum upstream_reason reason, int error)
{
    if (LOAD(heard_us) <= sent_us) {
        STORE(failure, (uint64_t)reason << 32 | (uint32_t)-error);
    }
}

void upstream_condition_late(struct upstream_condition *condition, uint64_t sent_us,
                             uint64_t now_us)
{
    if (LOAD(heard_us) <= sent_us && ADD(lates, 1) >= UPSTREAM_SUSPECT_AFTER) {
        STORE(suspect_us, now_us + UPSTREAM_SUSPECT_MS * US_PER_MS);
    }
}

bool upstream_condition_may_tell(struct upstream_condition *condition, uint64_t now_us)
{
    uint64_t told_us = LOAD(tls_told_us);

    return (told_us == 0 || now_us - told_us >= UPSTREAM_TLS_TELL_MS * US_PER_MS) &&
           atomic_compare_exchange_strong_explicit(&condition->tls_told_us, &told_us,
                                                   now_us > 0 ? now_us : 1,
                                                   memory_order_relaxed, memory_order_relaxed);
}

/* ---- probes ---- */

bool upstream_condition_claim(struct upstream_condition *condition, uint64_t now_us)
{
    bool claimed = false;

    if ((!LOAD(down) && !LOAD(doubted)) || now_us < LOAD(probe_us)) {
        return false;
    }
    pthread_mutex_lock(&condition->mutex);
    if ((LOAD(down) || LOAD(doubted)) && now_us >= LOAD(probe_us)) {
        claimed = true;
        condition->probes++;
        STORE(probe_us, now_us + (LOAD(down) ? UPSTREAM_PROBE_MS + condition->pause_ms
                                             : UPSTREAM_DOUBT_MS) *
                                     US_PER_MS);
    }
    pthread_mutex_unlock(&condition->mutex);
    return claimed;
}

void upstream_condition_probed(struct upstream_condition *condition, bool good,
                               uint64_t sent_us, struct clock_now now)
{
    const bool doubted = LOAD(doubted);

    pthread_mutex_lock(&condition->mutex);
    if (good) {
        condition->probes_good++;
    } else if (LOAD(down)) {
        condition->goods = 0;
        condition->pause_ms = condition->pause_ms < UPSTREAM_PAUSE_MAX_MS / 2
                                  ? 2 * condition->pause_ms
                                  : UPSTREAM_PAUSE_MAX_MS;
        STORE(probe_us, now.mono_us + condition->pause_ms * US_PER_MS);
    }
    pthread_mutex_unlock(&condition->mutex);
    if (doubted) {
        settle_doubt(condition, good, sent_us, now);
    } else if (good) {
        STORE(rtt, 0); /* what it took before it was down says nothing now */
        upstream_condition_alive(condition, sent_us, now, true);
        note_good(condition, true, now);
    }
}

void upstream_condition_status(struct upstream_condition *condition,
                               struct upstream_server_status *out)
{
    pthread_mutex_lock(&condition->mutex);
    const bool down = LOAD(down);
    const bool heard = LOAD(heard_us) != 0;
    const uint64_t failure = LOAD(failure);

    out->health = down ? UPSTREAM_DOWN : heard ? UPSTREAM_UP : UPSTREAM_UNTRIED;
    out->rtt_us = upstream_condition_rtt(condition, NULL);
    out->reason = down ? condition->reason : UPSTREAM_REASON_NONE;
    out->failure = (enum upstream_reason)(failure >> 32);
    out->failure_error = -(int)(uint32_t)failure;
    out->down_since_us = down ? condition->down_wall_us : 0;
    out->downs = condition->downs;
    out->probes = condition->probes;
    out->probes_good = condition->probes_good;
    pthread_mutex_unlock(&condition->mutex);
}
