#include "daemon/totals.h"

#include "base/invariant.h"
#include "daemon/state.h"

#include <string.h>

static void add_query(struct query_counters *to, const struct query_counters *from)
{
    to->questions += from->questions;
    for (size_t i = 0; i < sizeof(to->answered) / sizeof(to->answered[0]); i++) {
        to->answered[i] += from->answered[i];
    }
    to->dropped += from->dropped;
    to->no_slot += from->no_slot;
    to->refused_clients += from->refused_clients;
    for (size_t i = 0; i < sizeof(to->cookies) / sizeof(to->cookies[0]); i++) {
        to->cookies[i] += from->cookies[i];
    }
    to->waits_refused += from->waits_refused;
    to->share_refused += from->share_refused;
    to->rate_limited += from->rate_limited;
    to->rate_slipped += from->rate_slipped;
    to->blocked += from->blocked;
    to->denied += from->denied;
    to->logged += from->logged;
    to->excepted += from->excepted;
    for (size_t i = 0; i < sizeof(to->trials) / sizeof(to->trials[0]); i++) {
        to->trials[i] += from->trials[i];
    }
    to->cache_hits += from->cache_hits;
    to->cache_misses += from->cache_misses;
    to->joined += from->joined;
    to->fetches += from->fetches;
    to->fetch_failures += from->fetch_failures;
    to->stale += from->stale;
    to->prefetches += from->prefetches;
    to->prefetches_refused += from->prefetches_refused;
    to->lessons += from->lessons;
    to->lessons_refused += from->lessons_refused;
    to->servers_unknown += from->servers_unknown;
    to->truncated += from->truncated;
    to->local += from->local;
    to->rebinding += from->rebinding;
    to->told += from->told;
    to->unrecorded += from->unrecorded;
    to->steps_exceeded += from->steps_exceeded;
    to->packets_exceeded += from->packets_exceeded;
    to->chains_too_long += from->chains_too_long;
    to->reruns += from->reruns;
}

static void add_net(struct net_counters *to, const struct net_counters *from)
{
    to->udp_received += from->udp_received;
    to->udp_sent += from->udp_sent;
    to->udp_send_failed += from->udp_send_failed;
    to->udp_kernel_drops += from->udp_kernel_drops;
    to->tcp_accepted += from->tcp_accepted;
    to->tcp_refused += from->tcp_refused;
    to->tcp_refused_client += from->tcp_refused_client;
    to->tcp_closed_idle += from->tcp_closed_idle;
    to->tcp_closed_slow += from->tcp_closed_slow;
    to->tcp_questions += from->tcp_questions;
    to->udp_ignored += from->udp_ignored;
    to->tcp_malformed += from->tcp_malformed;
    to->tcp_open += from->tcp_open;
}

/* Workers share what they know about an upstream, so that a copy which is new enough says it
 * all; what they have asked is each one's own. */
static void add_upstream(struct worker_report *sum, const struct upstream_server_status *from,
                         bool is_new)
{
    size_t at = 0;

    while (at < sum->upstream_count &&
           !endpoint_equal(&sum->upstreams[at].endpoint, &from->endpoint)) {
        at++;
    }
    if (at == UPSTREAM_SERVERS_MAX) {
        return;
    }
    struct upstream_server_status *to = &sum->upstreams[at];
    if (at == sum->upstream_count) {
        memset(to, 0, sizeof(*to));
        to->endpoint = from->endpoint;
        sum->upstream_count++;
        is_new = true; /* better than none */
    }
    if (is_new) {
        to->health = from->health;
        to->reason = from->reason;
        to->failure = from->failure;
        to->failure_error = from->failure_error;
        to->down_since_us = from->down_since_us;
        to->downs = from->downs;
        to->probes = from->probes;
        to->probes_good = from->probes_good;
        to->rtt_us = from->rtt_us;
    }
    to->questions += from->questions;
    to->answers += from->answers;
    to->timeouts += from->timeouts;
    to->wrong += from->wrong;
    to->failures += from->failures;
    to->tcp += from->tcp;
    to->late += from->late;
    to->seconds += from->seconds;
    to->case_lost = to->case_lost || from->case_lost;
    to->tls.handshakes += from->tls.handshakes;
    to->tls.resumed += from->tls.resumed;
    to->tls.failures += from->tls.failures;
    if (from->tls.error[0] != '\0') {
        memcpy(to->tls.error, from->tls.error, sizeof(to->tls.error));
    }
}

static void add_seconds(struct upstream_counters *to, const struct upstream_counters *from)
{
    to->hedges += from->hedges;
    to->hedges_won += from->hedges_won;
    to->hedges_denied += from->hedges_denied;
    to->explored += from->explored;
}

static void add_worker(struct totals *totals, struct worker *worker, uint64_t number)
{
    struct worker_report report;

    worker_read_report(worker, &report);
    totals->up[totals->workers] = report.number >= number;
    totals->reported += totals->up[totals->workers] ? 1 : 0;
    totals->workers++;
    totals->sum.in_use += report.in_use;
    totals->sum.lacks += report.lacks;
    add_query(&totals->sum.query, &report.query);
    for (size_t i = 0; i < QUERY_PATHS; i++) {
        histogram_merge(&totals->sum.latency.by[i], &report.latency.by[i]);
    }
    add_seconds(&totals->sum.seconds, &report.seconds);
    add_net(&totals->sum.net, &report.net);
    for (size_t i = 0; i < report.upstream_count; i++) {
        add_upstream(&totals->sum, &report.upstreams[i], totals->up[totals->workers - 1]);
    }
}

static void add_up(const struct daemon *daemon, uint64_t number, struct totals *totals)
{
    memset(totals, 0, sizeof(*totals));
    for (unsigned w = 0; w < daemon->worker_count; w++) {
        add_worker(totals, daemon->workers[w], number);
    }
    cache_stats(daemon->cache, &totals->cache);
    audit_writer_stats(daemon->writer, &totals->events);
}

/* What all workers count most, in one. NULL if out of memory. */
static struct query_tops *merge_tops(const struct daemon *daemon)
{
    struct query_tops *sum = query_tops_create(daemon->tops_key);
    struct query_tops *one = query_tops_create(daemon->tops_key);

    for (unsigned w = 0; sum != NULL && one != NULL && w < daemon->worker_count; w++) {
        worker_read_tops(daemon->workers[w], one);
        query_tops_merge(sum, one);
    }
    if (one == NULL) {
        query_tops_destroy(sum);
        sum = NULL;
    }
    query_tops_destroy(one);
    return sum;
}

/* Is every worker's copy as new as that? */
static bool all_have(const struct daemon *daemon, uint64_t number)
{
    for (unsigned w = 0; w < daemon->worker_count; w++) {
        if (worker_report_number(daemon->workers[w]) < number) {
            return false;
        }
    }
    return true;
}

static bool is_over(const struct daemon *daemon, const struct totals_waiter *waiter,
                    uint64_t now_us)
{
    return now_us >= waiter->until_us || all_have(daemon, waiter->number);
}

/* The timer is for the one whose patience ends first. */
static void set_timer(struct daemon *daemon, uint64_t now_us)
{
    uint64_t first_us = UINT64_MAX;

    for (size_t i = 0; i < daemon->totals_waiting_count; i++) {
        const uint64_t until_us = daemon->totals_waiting[i].until_us;
        first_us = until_us < first_us ? until_us : first_us;
    }
    if (daemon->totals_waiting_count == 0) {
        uv_timer_stop(&daemon->report_patience);
    } else {
        uv_timer_start(&daemon->report_patience, totals_on_patience,
                       first_us > now_us ? (first_us - now_us + 999) / 1000 : 0, 0);
    }
}

/* Answers those who have what they wait for, or have waited long enough. Whoever is answered
 * may ask anew, which adds to the end. */
static void answer(struct daemon *daemon)
{
    const uint64_t now_us = clock_read().mono_us;
    struct totals_waiter *waiting = daemon->totals_waiting;
    size_t at = 0;

    while (at < daemon->totals_waiting_count) {
        const struct totals_waiter one = waiting[at];
        struct totals totals;

        if (!is_over(daemon, &one, now_us)) {
            at++;
            continue;
        }
        daemon->totals_waiting_count--;
        memmove(waiting + at, waiting + at + 1,
                (daemon->totals_waiting_count - at) * sizeof(waiting[0]));
        add_up(daemon, one.number, &totals);
        totals.tops = one.tops ? merge_tops(daemon) : NULL;
        one.ready(daemon, one.context, &totals);
        query_tops_destroy(totals.tops);
    }
    set_timer(daemon, now_us);
}

static bool ask(struct daemon *daemon, unsigned patience_ms,
                void (*ready)(struct daemon *daemon, void *context,
                              const struct totals *totals),
                void *context, bool tops)
{
    uint64_t number = 0;

    if (daemon->totals_waiting_count == DAEMON_TOTALS_WAITING_MAX) {
        return false;
    }
    for (unsigned w = 0; w < daemon->worker_count; w++) {
        if (tops) {
            worker_want_tops(daemon->workers[w]);
        }
        number = worker_ask_report(daemon->workers[w]); /* the same of all: asked together */
    }
    daemon->totals_waiting[daemon->totals_waiting_count++] = (struct totals_waiter){
        .ready = ready,
        .context = context,
        .tops = tops,
        .number = number,
        .until_us = clock_read().mono_us + patience_ms * 1000ull,
    };
    set_timer(daemon, clock_read().mono_us);
    return true;
}

bool totals_ask(struct daemon *daemon,
                void (*ready)(struct daemon *daemon, void *context,
                              const struct totals *totals),
                void *context)
{
    return ask(daemon, DAEMON_REPORT_MS, ready, context, false);
}

bool totals_ask_for(struct daemon *daemon, unsigned patience_ms,
                    void (*ready)(struct daemon *daemon, void *context,
                                  const struct totals *totals),
                    void *context)
{
    return ask(daemon, patience_ms, ready, context, false);
}

bool totals_ask_tops(struct daemon *daemon,
                     void (*ready)(struct daemon *daemon, void *context,
                                   const struct totals *totals),
                     void *context)
{
    return ask(daemon, DAEMON_REPORT_MS, ready, context, true);
}

void totals_forget(struct daemon *daemon)
{
    daemon->totals_waiting_count = 0;
    uv_timer_stop(&daemon->report_patience);
}

void totals_on_reported(uv_async_t *handle)
{
    struct daemon *daemon = handle->data;

    invariant(daemon->magic == DAEMON_MAGIC);
    if (!daemon->stopping) {
        answer(daemon);
    }
}

void totals_on_patience(uv_timer_t *handle)
{
    struct daemon *daemon = handle->data;

    invariant(daemon->magic == DAEMON_MAGIC);
    if (!daemon->stopping) {
        answer(daemon);
    }
}
