/*
 * upstream/condition.h - what all workers know together about each upstream: how fast it is,
 * and whether it is worth asking. Private to the room; the daemon makes the table (forward.h).
 *
 * One entry for each endpoint that any worker has, so that three questions in vain are three
 * for all, one probe is enough for all, and a worker that has not asked yet knows what the
 * others do. What every answer touches is atomic and unlocked: an update that is lost to a race
 * costs a sample. Changes between up and down are made under the entry's mutex, which is held
 * for a few stores.
 *
 * Up: a miss is a question without any answer in its server's time, though none to another
 * question came since; UPSTREAM_DOWN_AFTER of them in a row, or blame of UPSTREAM_BLAME_MAX,
 * and it is down; if all that is wrong is silence it is in doubt, others are asked, and a probe
 * at once decides: some names get no answer from good servers. Before that,
 * UPSTREAM_SUSPECT_AFTER late questions in a row make it suspect for a moment: others are
 * asked, and nothing is said.
 *
 * Down: probes (probe.c), or after the first pause answers to questions that had nowhere else
 * to go, bring it up: UPSTREAM_UP_AFTER good ones in a row, UPSTREAM_PROBE_AGAIN_MS apart (and
 * twice as many each time that it has flapped). The pause before a probe doubles
 * with each one in vain, and begins longer for a server that came up and went down again within
 * UPSTREAM_STEADY_MS.
 *
 * Time is an argument.
 */
#ifndef CORDON_UPSTREAM_CONDITION_H
#define CORDON_UPSTREAM_CONDITION_H

#include "upstream/forward.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

struct upstream_condition {
    struct endpoint endpoint;
    unsigned users; /* workers that have it; under the table's mutex; 0: free */
    alignas(64) _Atomic uint64_t heard_us; /* last answer of any kind; 0: never */
    _Atomic uint64_t rtt; /* smoothed << 32 | variation, in us; 0: not measured */
    _Atomic uint64_t measured_us;
    _Atomic uint32_t penalty_us;  /* for questions in vain: who loses packets is not fast */
    _Atomic uint64_t suspect_us;  /* suspect until then */
    _Atomic uint64_t tls_told_us; /* a failure of TLS was logged; 0: never */
    _Atomic uint64_t failure;     /* since it was heard: reason << 32 | errno; 0: none */
    _Atomic uint64_t probe_us;    /* down: when to look */
    _Atomic uint32_t lates, misses, blame; /* in a row */
    _Atomic uint32_t
        doubts; /* that a probe has ended, since a client's question was answered */
    _Atomic uint64_t doubt_again_us; /* not in doubt before */
    _Atomic uint64_t timely_us;      /* the last answer that was not late */
    _Atomic bool down, doubted;
    pthread_mutex_t mutex; /* covers what follows */
    enum upstream_reason reason;
    unsigned goods, flaps;
    uint32_t pause_ms;
    uint64_t up_us;        /* when it last came up from down; 0: never */
    uint64_t down_us;      /* when it last went down */
    uint64_t down_wall_us; /* the same, by the calendar */
    uint64_t hold_us;      /* real answers do not bring it up before */
    uint64_t doubt_us;     /* since when it is in doubt */
    uint64_t good_us;      /* nor does any before: the next good sign that counts */
    uint64_t downs;        /* ever */
    uint64_t probes, probes_good;
};

struct upstream_conditions {
    pthread_mutex_t mutex;
    struct upstream_condition entries[UPSTREAM_CONDITIONS_MAX];
};

/* The entry of this endpoint, shared with every worker that has taken it. Never NULL: each
 * worker has as many as it has servers, and the workers know two configurations at most. */
struct upstream_condition *upstream_condition_take(struct upstream_conditions *conditions,
                                                   const struct endpoint *endpoint);
void upstream_condition_give_back(struct upstream_conditions *conditions,
                                  struct upstream_condition *condition);

/* A useful answer, to a question sent at sent_us. measure: it tells the round-trip time. */
void upstream_condition_good(struct upstream_condition *condition, uint64_t sent_us,
                             struct clock_now now, bool measure);
/* An answer that tells that it is there, and no more. */
void upstream_condition_alive(struct upstream_condition *condition, uint64_t sent_us,
                              struct clock_now now, bool measure);

/* The following may make it down; true: it is, or is in doubt, and is to be probed. Blame is
 * for answers that were no help where another server was one. */
bool upstream_condition_blamed(struct upstream_condition *condition,
                               enum upstream_reason reason, struct clock_now now);
bool upstream_condition_missed(struct upstream_condition *condition, uint64_t sent_us,
                               enum upstream_reason reason, struct clock_now now);

/* A question sent at sent_us had no answer; error: of the network, negative, or 0. Told in its
 * status until something is heard, and not at all if something was heard since. */
void upstream_condition_failed(struct upstream_condition *condition, uint64_t sent_us,
                               enum upstream_reason reason, int error);

/* No answer yet at the time at which nearly all come. */
void upstream_condition_late(struct upstream_condition *condition, uint64_t sent_us,
                             uint64_t now_us);

/* True for one caller each UPSTREAM_TLS_TELL_MS: that TLS failed is to be logged. */
bool upstream_condition_may_tell(struct upstream_condition *condition, uint64_t now_us);

/* True for one caller when a server that is down or in doubt is to be looked at: until the
 * result, or the pause is over, nobody else is. */
bool upstream_condition_claim(struct upstream_condition *condition, uint64_t now_us);
void upstream_condition_probed(struct upstream_condition *condition, bool good,
                               uint64_t sent_us, struct clock_now now);

static inline bool upstream_condition_is_down(const struct upstream_condition *condition)
{
    return atomic_load_explicit(&condition->down, memory_order_relaxed);
}

static inline bool upstream_condition_is_doubted(const struct upstream_condition *condition)
{
    return atomic_load_explicit(&condition->doubted, memory_order_relaxed);
}

static inline bool upstream_condition_is_suspect(const struct upstream_condition *condition,
                                                 uint64_t now_us)
{
    return now_us < atomic_load_explicit(&condition->suspect_us, memory_order_relaxed);
}

/* How it ranks among the fastest, in microseconds; UINT32_MAX: not measured. */
uint32_t upstream_condition_cost(const struct upstream_condition *condition);

/* Microseconds; 0: not measured. */
static inline uint32_t upstream_condition_rtt(const struct upstream_condition *condition,
                                              uint32_t *variation_us)
{
    const uint64_t rtt = atomic_load_explicit(&condition->rtt, memory_order_relaxed);

    if (variation_us != NULL) {
        *variation_us = (uint32_t)rtt;
    }
    return (uint32_t)(rtt >> 32);
}

void upstream_condition_set_rtt(struct upstream_condition *condition, uint32_t smoothed_us,
                                uint32_t variation_us, uint64_t now_us);

/* What of it is in a server's status. */
void upstream_condition_status(struct upstream_condition *condition,
                               struct upstream_server_status *out);

#endif
