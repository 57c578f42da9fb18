#include "daemon/metrics_inside.h"

#include "base/histogram.h"

#include <inttypes.h>

#define MICROSECONDS 1000000u

static void write_answers(struct text *out, const struct query_counters *query)
{
    char code[WIRE_TYPE_TEXT_MAX];

    metrics_single(out, "cordon_questions_total", METRICS_COUNTER, "Questions taken.",
                   query->questions);
    metrics_family(out, "cordon_answers_total", METRICS_COUNTER,
                   "Answers sent, by response code.");
    for (unsigned i = 0; i < sizeof(query->answered) / sizeof(query->answered[0]); i++) {
        /* The common ones from the start, so that a rate can be made of their first. */
        if (query->answered[i] > 0 || i <= 5) {
            wire_rcode_format(i, code);
            metrics_line(out, "cordon_answers_total", "rcode", code, query->answered[i]);
        }
    }
    metrics_family(
        out, "cordon_unanswered_total", METRICS_COUNTER,
        "Questions that got no answer. dropped: on purpose; no_slot: every slot in use.");
    metrics_line(out, "cordon_unanswered_total", "reason", "dropped", query->dropped);
    metrics_line(out, "cordon_unanswered_total", "reason", "no_slot", query->no_slot);
    metrics_single(out, "cordon_answers_truncated_total", METRICS_COUNTER,
                   "Answers too large for UDP, to be asked for again over TCP.",
                   query->truncated);
    metrics_single(out, "cordon_clients_refused_total", METRICS_COUNTER,
                   "Questions of clients that may not ask.", query->refused_clients);
}

static void write_decided(struct text *out, const struct totals *totals)
{
    const struct query_counters *query = &totals->sum.query;

    write_answers(out, query);
    metrics_family(
        out, "cordon_policy_decisions_total", METRICS_COUNTER,
        "Questions on which policy decided. enforce: blocked; log: would have been.");
    metrics_line(out, "cordon_policy_decisions_total", "mode", "enforce", query->blocked);
    metrics_line(out, "cordon_policy_decisions_total", "mode", "log", query->logged);
    metrics_single(out, "cordon_policy_denied_total", METRICS_COUNTER,
                   "Questions blocked by a view's default to deny, not by a list.",
                   query->denied);
    metrics_single(out, "cordon_local_answers_total", METRICS_COUNTER,
                   "Answers from what is known here.", query->local);
    metrics_single(out, "cordon_rebinding_answers_total", METRICS_COUNTER,
                   "Answers from outside that led inside, replaced.", query->rebinding);
    metrics_single(out, "cordon_told_total", METRICS_COUNTER,
                   "Pages of the policy's fingerprint that operators asked for over DNS.",
                   query->told);
    metrics_family(out, "cordon_cache_lookups_total", METRICS_COUNTER,
                   "Questions looked up in the cache.");
    metrics_line(out, "cordon_cache_lookups_total", "result", "hit", query->cache_hits);
    metrics_line(out, "cordon_cache_lookups_total", "result", "miss", query->cache_misses);
    metrics_single(out, "cordon_joined_total", METRICS_COUNTER,
                   "Questions that waited for the same one that was already asked.",
                   query->joined);
    metrics_single(out, "cordon_fetches_total", METRICS_COUNTER,
                   "Questions for which upstreams were asked.", query->fetches);
    metrics_single(out, "cordon_fetch_failures_total", METRICS_COUNTER,
                   "Of these, those that got no usable answer.", query->fetch_failures);
    metrics_single(
        out, "cordon_stale_answers_total", METRICS_COUNTER,
        "Answers past their time that were given, as upstreams had failed or were slow.",
        query->stale);
    metrics_family(
        out, "cordon_prefetches_total", METRICS_COUNTER,
        "Answers that were fetched anew before their time was over, or were not for lack of a "
        "place.");
    metrics_line(out, "cordon_prefetches_total", "result", "asked", query->prefetches);
    metrics_line(out, "cordon_prefetches_total", "result", "refused",
                 query->prefetches_refused);
    metrics_single(
        out, "cordon_name_server_questions_total", METRICS_COUNTER,
        "Of the questions to upstreams, those about name servers, for rules about them.",
        query->lessons);
    metrics_single(out, "cordon_name_server_questions_refused_total", METRICS_COUNTER,
                   "Such questions that were not asked: there was no budget or place for them.",
                   query->lessons_refused);
    metrics_single(out, "cordon_name_servers_unknown_total", METRICS_COUNTER,
                   "Questions let through as their zone's name servers were not known in time.",
                   query->servers_unknown);
    metrics_single(out, "cordon_redecided_total", METRICS_COUNTER,
                   "Waiting questions that were decided anew after a reload.", query->reruns);
    metrics_single(out, "cordon_steps_exceeded_total", METRICS_COUNTER,
                   "Questions given up for taking too many steps: a fault of this program.",
                   query->steps_exceeded);
    metrics_single(out, "cordon_in_flight", METRICS_GAUGE, "Questions that wait.",
                   totals->sum.in_use);
}

/* Bounds of the buckets shown: one below a power of two, where the histogram is exact. From
 * 63 microseconds to 8 seconds. */
#define LATENCY_FIRST 6u
#define LATENCY_LAST  23u

static void write_path(struct text *out, const struct histogram *histogram, const char *path)
{
    const uint64_t all = histogram_total(histogram);

    for (unsigned power = LATENCY_FIRST; power <= LATENCY_LAST; power++) {
        const unsigned us = (1u << power) - 1;
        text_printf(
            out, "cordon_answer_seconds_bucket{path=\"%s\",le=\"%u.%06u\"} %" PRIu64 "\n", path,
            us / MICROSECONDS, us % MICROSECONDS, histogram_at_most(histogram, us));
    }
    text_printf(out,
                "cordon_answer_seconds_bucket{path=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
                "cordon_answer_seconds_sum{path=\"%s\"} %" PRIu64 ".%06u\n"
                "cordon_answer_seconds_count{path=\"%s\"} %" PRIu64 "\n",
                path, all, path, histogram->sum / MICROSECONDS,
                (unsigned)(histogram->sum % MICROSECONDS), path, all);
}

static void write_latency(struct text *out, const struct query_latency *latency)
{
    static const char *const paths[QUERY_PATHS] = {[QUERY_PATH_HIT] = "hit",
                                                   [QUERY_PATH_MISS] = "miss",
                                                   [QUERY_PATH_BLOCKED] = "blocked",
                                                   [QUERY_PATH_OTHER] = "other"};

    metrics_family(
        out, "cordon_answer_seconds", METRICS_HISTOGRAM,
        "From a question to its answer. hit: from the cache; miss: an upstream was asked.");
    for (unsigned i = 0; i < QUERY_PATHS; i++) {
        write_path(out, &latency->by[i], paths[i]);
    }
}

static void write_net(struct text *out, const struct net_counters *net)
{
    metrics_single(out, "cordon_udp_received_total", METRICS_COUNTER, "Packets of clients.",
                   net->udp_received);
    metrics_single(out, "cordon_udp_sent_total", METRICS_COUNTER, "Packets to clients.",
                   net->udp_sent);
    metrics_single(out, "cordon_udp_send_failures_total", METRICS_COUNTER,
                   "Answers that could not be sent.", net->udp_send_failed);
    metrics_single(out, "cordon_udp_kernel_drops_total", METRICS_COUNTER,
                   "Packets of clients that the kernel dropped: its buffer was full.",
                   net->udp_kernel_drops);
    metrics_single(out, "cordon_udp_ignored_total", METRICS_COUNTER,
                   "Packets that cannot be answered: cut, to many, or from port 0.",
                   net->udp_ignored);
    metrics_family(out, "cordon_tcp_connections_total", METRICS_COUNTER,
                   "Connections of clients.");
    metrics_line(out, "cordon_tcp_connections_total", "result", "accepted", net->tcp_accepted);
    metrics_line(out, "cordon_tcp_connections_total", "result", "refused", net->tcp_refused);
    metrics_family(out, "cordon_tcp_closed_total", METRICS_COUNTER,
                   "Connections closed by us.");
    metrics_line(out, "cordon_tcp_closed_total", "reason", "idle", net->tcp_closed_idle);
    metrics_line(out, "cordon_tcp_closed_total", "reason", "slow", net->tcp_closed_slow);
    metrics_line(out, "cordon_tcp_closed_total", "reason", "malformed", net->tcp_malformed);
    metrics_single(out, "cordon_tcp_questions_total", METRICS_COUNTER, "Questions over TCP.",
                   net->tcp_questions);
    metrics_single(out, "cordon_tcp_open", METRICS_GAUGE,
                   "Connections of clients that are open.", net->tcp_open);
}

static void write_cache(struct text *out, const struct cache_stats *cache)
{
    metrics_single(out, "cordon_cache_entries", METRICS_GAUGE, "Answers in the cache.",
                   cache->entries);
    metrics_single(out, "cordon_cache_bytes", METRICS_GAUGE, "Memory in use for answers.",
                   cache->octets);
    metrics_single(out, "cordon_cache_size_bytes", METRICS_GAUGE,
                   "Memory that there is for answers.", cache->size);
    metrics_single(out, "cordon_cache_stores_total", METRICS_COUNTER,
                   "Answers put into the cache.", cache->stores);
    metrics_single(out, "cordon_cache_evictions_total", METRICS_COUNTER,
                   "Answers that made room before their time was over.", cache->evictions);
}

void metrics_write_questions(struct text *out, const struct totals *totals)
{
    write_decided(out, totals);
    write_latency(out, &totals->sum.latency);
    write_net(out, &totals->sum.net);
    write_cache(out, &totals->cache);
}
