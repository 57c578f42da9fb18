#include "daemon/totals.h"

#include "base/invariant.h"
#include "daemon/state.h"

#include <string.h>

/* While they are made. */
struct sums {
    struct totals totals;
    uint64_t rtt_count[UPSTREAM_SERVERS_MAX];
    uint64_t rtt_sum_us[UPSTREAM_SERVERS_MAX];
};

static void add_query(struct query_counters *to, const struct query_counters *from)
{
    to->questions += from->questions;
    for (size_t i = 0; i < sizeof(to->answered) / sizeof(to->answered[0]); i++) {
        to->answered[i] += from->answered[i];
    }
    to->dropped += from->dropped;
    to->no_slot += from->no_slot;
    to->refused_clients += from->refused_clients;
    to->blocked += from->blocked;
    to->logged += from->logged;
    to->excepted += from->excepted;
    to->cache_hits += from->cache_hits;
    to->cache_misses += from->cache_misses;
    to->joined += from->joined;
    to->fetches += from->fetches;
    to->fetch_failures += from->fetch_failures;
    to->truncated += from->truncated;
    to->local += from->local;
    to->rebinding += from->rebinding;
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
    to->tcp_closed_idle += from->tcp_closed_idle;
    to->tcp_closed_slow += from->tcp_closed_slow;
    to->tcp_questions += from->tcp_questions;
    to->udp_ignored += from->udp_ignored;
    to->tcp_malformed += from->tcp_malformed;
    to->tcp_open += from->tcp_open;
}

/* An upstream is up if any worker found it so: a worker that asked nothing knows nothing. */
static void add_upstream(struct sums *sums, const struct upstream_server_status *from)
{
    struct worker_report *sum = &sums->totals.sum;
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
        *to = (struct upstream_server_status){.endpoint = from->endpoint};
        sum->upstream_count++;
    }
    if (to->health != UPSTREAM_UP && from->health != UPSTREAM_UNTRIED) {
        to->health = from->health;
    }
    sums->rtt_sum_us[at] += from->rtt_us;
    sums->rtt_count[at] += from->rtt_us != 0 ? 1 : 0;
    to->questions += from->questions;
    to->answers += from->answers;
    to->timeouts += from->timeouts;
    to->wrong += from->wrong;
    to->failures += from->failures;
    to->tcp += from->tcp;
    to->case_lost = to->case_lost || from->case_lost;
}

static void add_worker(struct sums *sums, struct worker *worker, uint64_t number)
{
    struct totals *totals = &sums->totals;
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
    add_net(&totals->sum.net, &report.net);
    for (size_t i = 0; i < report.upstream_count; i++) {
        add_upstream(sums, &report.upstreams[i]);
    }
}

static void add_up(const struct daemon *daemon, uint64_t number, struct sums *sums)
{
    struct totals *totals = &sums->totals;

    memset(sums, 0, sizeof(*sums));
    for (unsigned w = 0; w < daemon->worker_count; w++) {
        add_worker(sums, daemon->workers[w], number);
    }
    for (size_t i = 0; i < totals->sum.upstream_count; i++) {
        if (sums->rtt_count[i] > 0) {
            totals->sum.upstreams[i].rtt_us =
                (uint32_t)(sums->rtt_sum_us[i] / sums->rtt_count[i]);
        }
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

/* Answers those who have what they wait for, or have waited long enough, oldest first; then the
 * timer is for the oldest that is left. */
static void answer(struct daemon *daemon)
{
    const uint64_t now_us = clock_read().mono_us;
    struct totals_waiter *waiting = daemon->totals_waiting;

    while (daemon->totals_waiting_count > 0) {
        const struct totals_waiter first = waiting[0];
        struct sums sums;

        if (now_us < first.until_us && !all_have(daemon, first.number)) {
            uv_timer_start(&daemon->report_patience, totals_on_patience,
                           (first.until_us - now_us + 999) / 1000, 0);
            return;
        }
        daemon->totals_waiting_count--;
        memmove(waiting, waiting + 1, daemon->totals_waiting_count * sizeof(waiting[0]));
        add_up(daemon, first.number, &sums);
        sums.totals.tops = first.tops ? merge_tops(daemon) : NULL;
        first.ready(daemon, first.context, &sums.totals);
        query_tops_destroy(sums.totals.tops);
    }
    uv_timer_stop(&daemon->report_patience);
}

static bool ask(struct daemon *daemon,
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
        .until_us = clock_read().mono_us + DAEMON_REPORT_MS * 1000ull,
    };
    if (uv_is_active((const uv_handle_t *)&daemon->report_patience) == 0) {
        uv_timer_start(&daemon->report_patience, totals_on_patience, DAEMON_REPORT_MS, 0);
    }
    return true;
}

bool totals_ask(struct daemon *daemon,
                void (*ready)(struct daemon *daemon, void *context,
                              const struct totals *totals),
                void *context)
{
    return ask(daemon, ready, context, false);
}

bool totals_ask_tops(struct daemon *daemon,
                     void (*ready)(struct daemon *daemon, void *context,
                                   const struct totals *totals),
                     void *context)
{
    return ask(daemon, ready, context, true);
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
