#include "daemon/metrics.h"

#include "base/clock.h"
#include "daemon/state.h"
#include "setup/views.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MICROSECONDS 1000000u

enum kind {
    COUNTER,
    GAUGE,
    HISTOGRAM
};

/* The head of a family, before its lines. help: no backslash, no newline. */
static void family(struct text *out, const char *name, enum kind kind, const char *help)
{
    static const char *const words[] = {
        [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};

    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, words[kind]);
}

/* A family of one line. */
static void single(struct text *out, const char *name, enum kind kind, const char *help,
                   uint64_t value)
{
    family(out, name, kind, help);
    text_printf(out, "%s %" PRIu64 "\n", name, value);
}

/* A line of a family. Label values are words, ids and addresses: nothing to escape. */
static void line(struct text *out, const char *name, const char *label, const char *of,
                 uint64_t value)
{
    text_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, of, value);
}

static void write_process(struct text *out, const struct daemon *daemon,
                          const struct totals *totals)
{
    char number[16];
    char total[SETUP_FINGERPRINT_TEXT];

    family(out, "cordon_build_info", GAUGE, "The version, as a label; always 1.");
    line(out, "cordon_build_info", "version", CORDON_VERSION, 1);
    family(out, "cordon_start_time_seconds", GAUGE, "When the process started, Unix time.");
    text_printf(out, "cordon_start_time_seconds %" PRIu64 ".%06u\n",
                daemon->started_at.wall_us / MICROSECONDS,
                (unsigned)(daemon->started_at.wall_us % MICROSECONDS));
    family(out, "cordon_worker_up", GAUGE,
           "1 if the worker gave its counters in time for this page; its last ones count.");
    for (unsigned w = 0; w < totals->workers; w++) {
        snprintf(number, sizeof(number), "%u", w);
        line(out, "cordon_worker_up", "worker", number, totals->up[w] ? 1 : 0);
    }
    single(out, "cordon_policy_generation", GAUGE,
           "The policy in force: one more for each reload that succeeded.",
           policy_generation(daemon_snapshot(daemon)->policy));
    digest_hex(daemon_snapshot(daemon)->fingerprint->total, DIGEST_OCTETS, total);
    family(out, "cordon_policy_fingerprint_info", GAUGE,
           "The hash over everything that decides, as a label; always 1.");
    line(out, "cordon_policy_fingerprint_info", "fingerprint", total, 1);
    single(out, "cordon_policy_log_only", GAUGE,
           "1 if nothing is blocked anywhere, only recorded.",
           setup_views_log_only(daemon_snapshot(daemon)));
    single(out, "cordon_last_reload_successful", GAUGE,
           "1 if the last reload succeeded, or there was none.", daemon->reload.rc == 0);
}

/* However many there are, the lines are the same. */
static void write_exceptions(struct text *out, const struct daemon *daemon)
{
    const struct changes_counts counts = changes_count(daemon, clock_read());

    family(out, "cordon_exceptions", GAUGE,
           "What is let through for a while, by what it is at the moment.");
    line(out, "cordon_exceptions", "state", "in-force", counts.in_force);
    line(out, "cordon_exceptions", "state", "waiting", counts.waiting);
    line(out, "cordon_exceptions", "state", "over", counts.over);
    line(out, "cordon_exceptions", "state", "rule-gone", counts.rule_gone);
    line(out, "cordon_exceptions", "state", "without-effect", counts.without_effect);
    single(out, "cordon_exceptions_ending", GAUGE,
           "Of those in force, those that end within exceptions.warn.", counts.ending);
    single(out, "cordon_exception_files_refused", GAUGE,
           "Files of exceptions that were refused: what was in force from them goes on.",
           counts.refused);
}

static void write_alarms(struct text *out, const struct daemon *daemon)
{
    const struct setup_memory *memory = &daemon->accepted;

    family(out, "cordon_publisher_broken", GAUGE,
           "1 for a publisher whose folder is broken; its lists are as-before, or left-out.");
    for (size_t i = 0; i < daemon->broken_count; i++) {
        const struct setup_broken *broken = &daemon->broken[i];

        text_printf(out, "cordon_publisher_broken{publisher=\"%s\",lists=\"%s\"} 1\n",
                    broken->publisher[0] != '\0' ? broken->publisher : "lists.directory",
                    broken->left_out ? "left-out" : "as-before");
    }
    family(out, "cordon_trust_alarm", GAUGE,
           "1 if the memory of what was accepted was lost, or could not be written, and nobody "
           "has acknowledged it.");
    line(out, "cordon_trust_alarm", "reason", "lost", memory->alarm.lost_s != 0);
    line(out, "cordon_trust_alarm", "reason", "unwritten",
         memory->unwritten || memory->alarm.unwritten_s != 0);
}

static void write_held(struct text *out, const struct daemon *daemon)
{
    const size_t lost = holding_lost(daemon);

    family(out, "cordon_lists_held", GAUGE,
           "Lists that were rolled back; lost: the version cannot be had, the newest counts.");
    line(out, "cordon_lists_held", "state", "held", daemon->holding.set.count - lost);
    line(out, "cordon_lists_held", "state", "lost", lost);
}

static void write_stages(struct text *out, const struct daemon *daemon,
                         const struct query_counters *query)
{
    const struct setup_stages *stages = &daemon->staging.stages;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    family(out, "cordon_list_stage", GAUGE,
           "The stage, from 1, of a newer version of the list; 0: one version counts for all.");
    for (size_t i = 0; i < stages->count; i++) {
        const struct setup_stages_of *of = &stages->at[i];

        if (!of->away) {
            line(out, "cordon_list_stage", "list", of->id, of->newer != 0 ? of->stage + 1u : 0);
        }
    }
    family(out, "cordon_list_staged_serial", GAUGE,
           "Serial of the newer version that is brought in by stages; 0: none is.");
    for (size_t i = 0; i < stages->count; i++) {
        const struct setup_stages_of *of = &stages->at[i];

        if (!of->away) {
            line(out, "cordon_list_staged_serial", "list", of->id, of->newer);
        }
    }
    family(out, "cordon_list_share_ratio", GAUGE,
           "The share of the clients for which the newer version counts.");
    for (size_t i = 0; i < snapshot->newer_count; i++) {
        const struct setup_staged *staged = &snapshot->staged[i];

        text_printf(out, "cordon_list_share_ratio{list=\"%s\"} 0.%03u\n", staged->id,
                    staged->share);
    }
    family(out, "cordon_trial_hits_total", COUNTER,
           "What newer versions on trial would have done, beside those that count.");
    line(out, "cordon_trial_hits_total", "blocks", "both", query->trials[POLICY_TRIAL_BOTH]);
    line(out, "cordon_trial_hits_total", "blocks", "newer", query->trials[POLICY_TRIAL_NEWER]);
    line(out, "cordon_trial_hits_total", "blocks", "held", query->trials[POLICY_TRIAL_HELD]);
}

static void write_answers(struct text *out, const struct query_counters *query)
{
    char code[WIRE_TYPE_TEXT_MAX];

    single(out, "cordon_questions_total", COUNTER, "Questions taken.", query->questions);
    family(out, "cordon_answers_total", COUNTER, "Answers sent, by response code.");
    for (unsigned i = 0; i < sizeof(query->answered) / sizeof(query->answered[0]); i++) {
        /* The common ones from the start, so that a rate can be made of their first. */
        if (query->answered[i] > 0 || i <= 5) {
            wire_rcode_format(i, code);
            line(out, "cordon_answers_total", "rcode", code, query->answered[i]);
        }
    }
    family(out, "cordon_unanswered_total", COUNTER,
           "Questions that got no answer. dropped: on purpose; no_slot: every slot in use.");
    line(out, "cordon_unanswered_total", "reason", "dropped", query->dropped);
    line(out, "cordon_unanswered_total", "reason", "no_slot", query->no_slot);
    single(out, "cordon_answers_truncated_total", COUNTER,
           "Answers too large for UDP, to be asked for again over TCP.", query->truncated);
    single(out, "cordon_clients_refused_total", COUNTER,
           "Questions of clients that may not ask.", query->refused_clients);
}

static void write_questions(struct text *out, const struct totals *totals)
{
    const struct query_counters *query = &totals->sum.query;

    write_answers(out, query);
    family(out, "cordon_policy_decisions_total", COUNTER,
           "Questions on which policy decided. enforce: blocked; log: would have been.");
    line(out, "cordon_policy_decisions_total", "mode", "enforce", query->blocked);
    line(out, "cordon_policy_decisions_total", "mode", "log", query->logged);
    single(out, "cordon_policy_denied_total", COUNTER,
           "Questions blocked by a view's default to deny, not by a list.", query->denied);
    single(out, "cordon_local_answers_total", COUNTER, "Answers from what is known here.",
           query->local);
    single(out, "cordon_rebinding_answers_total", COUNTER,
           "Answers from outside that led inside, replaced.", query->rebinding);
    single(out, "cordon_told_total", COUNTER,
           "Pages of the policy's fingerprint that operators asked for over DNS.", query->told);
    family(out, "cordon_cache_lookups_total", COUNTER, "Questions looked up in the cache.");
    line(out, "cordon_cache_lookups_total", "result", "hit", query->cache_hits);
    line(out, "cordon_cache_lookups_total", "result", "miss", query->cache_misses);
    single(out, "cordon_joined_total", COUNTER,
           "Questions that waited for the same one that was already asked.", query->joined);
    single(out, "cordon_fetches_total", COUNTER, "Questions for which upstreams were asked.",
           query->fetches);
    single(out, "cordon_fetch_failures_total", COUNTER,
           "Of these, those that got no usable answer.", query->fetch_failures);
    single(out, "cordon_name_server_questions_total", COUNTER,
           "Of the questions to upstreams, those about name servers, for rules about them.",
           query->lessons);
    single(out, "cordon_name_server_questions_refused_total", COUNTER,
           "Such questions that were not asked: there was no budget or place for them.",
           query->lessons_refused);
    single(out, "cordon_name_servers_unknown_total", COUNTER,
           "Questions let through as their zone's name servers were not known in time.",
           query->servers_unknown);
    single(out, "cordon_redecided_total", COUNTER,
           "Waiting questions that were decided anew after a reload.", query->reruns);
    single(out, "cordon_steps_exceeded_total", COUNTER,
           "Questions given up for taking too many steps: a fault of this program.",
           query->steps_exceeded);
    single(out, "cordon_in_flight", GAUGE, "Questions that wait.", totals->sum.in_use);
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

    family(out, "cordon_answer_seconds", HISTOGRAM,
           "From a question to its answer. hit: from the cache; miss: an upstream was asked.");
    for (unsigned i = 0; i < QUERY_PATHS; i++) {
        write_path(out, &latency->by[i], paths[i]);
    }
}

static void write_net(struct text *out, const struct net_counters *net)
{
    single(out, "cordon_udp_received_total", COUNTER, "Packets of clients.", net->udp_received);
    single(out, "cordon_udp_sent_total", COUNTER, "Packets to clients.", net->udp_sent);
    single(out, "cordon_udp_send_failures_total", COUNTER, "Answers that could not be sent.",
           net->udp_send_failed);
    single(out, "cordon_udp_kernel_drops_total", COUNTER,
           "Packets of clients that the kernel dropped: its buffer was full.",
           net->udp_kernel_drops);
    single(out, "cordon_udp_ignored_total", COUNTER,
           "Packets that cannot be answered: cut, to many, or from port 0.", net->udp_ignored);
    family(out, "cordon_tcp_connections_total", COUNTER, "Connections of clients.");
    line(out, "cordon_tcp_connections_total", "result", "accepted", net->tcp_accepted);
    line(out, "cordon_tcp_connections_total", "result", "refused", net->tcp_refused);
    family(out, "cordon_tcp_closed_total", COUNTER, "Connections closed by us.");
    line(out, "cordon_tcp_closed_total", "reason", "idle", net->tcp_closed_idle);
    line(out, "cordon_tcp_closed_total", "reason", "slow", net->tcp_closed_slow);
    line(out, "cordon_tcp_closed_total", "reason", "malformed", net->tcp_malformed);
    single(out, "cordon_tcp_questions_total", COUNTER, "Questions over TCP.",
           net->tcp_questions);
    single(out, "cordon_tcp_open", GAUGE, "Connections of clients that are open.",
           net->tcp_open);
}

static void write_cache(struct text *out, const struct cache_stats *cache)
{
    single(out, "cordon_cache_entries", GAUGE, "Answers in the cache.", cache->entries);
    single(out, "cordon_cache_bytes", GAUGE, "Memory in use for answers.", cache->octets);
    single(out, "cordon_cache_size_bytes", GAUGE, "Memory that there is for answers.",
           cache->size);
    single(out, "cordon_cache_stores_total", COUNTER, "Answers put into the cache.",
           cache->stores);
    single(out, "cordon_cache_evictions_total", COUNTER,
           "Answers that made room before their time was over.", cache->evictions);
}

static void write_events(struct text *out, const struct audit_writer_stats *events)
{
    single(out, "cordon_events_written_total", COUNTER, "Events written.", events->written);
    family(
        out, "cordon_events_lost_total", COUNTER,
        "Events lost. ring: they came faster than they could be written; output: it failed.");
    line(out, "cordon_events_lost_total", "where", "ring", events->lost_ring);
    line(out, "cordon_events_lost_total", "where", "output", events->lost_output);
    single(out, "cordon_events_output_failing", GAUGE,
           "1 if the output of events fails or accepts nothing.",
           events->last_error != 0 || events->stalled);
}

static void write_audit(struct text *out, const struct daemon *daemon)
{
    struct audit_recorder_stats *stats =
        daemon->recording.recorder != NULL ? malloc(sizeof(*stats)) : NULL;

    single(out, "cordon_audit_on", GAUGE, "1 if there is an audit log.", stats != NULL);
    if (stats == NULL) {
        return;
    }
    audit_recorder_stats(daemon->recording.recorder, stats);
    family(out, "cordon_audit_events_total", COUNTER,
           "Events in the audit log, or on the way there.");
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        line(out, "cordon_audit_events_total", "stream", audit_stream_word(stream),
             stats->log.taken[stream]);
    }
    family(out, "cordon_audit_lost_total", COUNTER,
           "Events that are missing in the audit log, and questions that were refused for the "
           "lack of a place there.");
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        line(out, "cordon_audit_lost_total", "stream", audit_stream_word(stream),
             stats->lost[stream]);
    }
    single(out, "cordon_audit_failing", GAUGE,
           "1 if the audit log cannot be written, or is as large as it may be.",
           stats->state != AUDIT_RECORDING);
    single(out, "cordon_audit_bytes", GAUGE, "Size of the audit log.", stats->octets);
    single(out, "cordon_audit_checkpoint_timestamp_seconds", GAUGE,
           "When the newest checkpoint was made; 0: none was since the start.",
           stats->checkpoint_us / 1000000);
    free(stats);
}

/* Sinks: likewise, as below. */

static void sink_family(struct text *out, const struct daemon *daemon, const char *name,
                        enum kind kind, const char *help,
                        uint64_t (*of)(const struct sink_stats *))
{
    struct sink_stats stats;

    family(out, name, kind, help);
    for (size_t i = 0; i < sink_hub_count(daemon->sending.hub); i++) {
        sink_hub_stats(daemon->sending.hub, i, &stats);
        line(out, name, "sink", stats.name, of(&stats));
    }
}

static uint64_t sink_works(const struct sink_stats *stats)
{
    return stats->state == SINK_SENDING;
}

static uint64_t sink_sent(const struct sink_stats *stats)
{
    return stats->sent;
}

static uint64_t sink_queued(const struct sink_stats *stats)
{
    return stats->queued;
}

static void write_sinks(struct text *out, const struct daemon *daemon)
{
    struct sink_stats stats;

    if (sink_hub_count(daemon->sending.hub) == 0) {
        return;
    }
    sink_family(out, daemon, "cordon_sink_up", GAUGE,
                "1 if the sink is connected and takes what is sent.", sink_works);
    sink_family(out, daemon, "cordon_sink_sent_total", COUNTER,
                "Events that were handed over to the sink.", sink_sent);
    sink_family(out, daemon, "cordon_sink_queued_bytes", GAUGE,
                "Memory in use for events that wait for the sink.", sink_queued);
    family(out, "cordon_sink_lost_total", COUNTER,
           "Events that found no room in the queue of the sink.");
    for (size_t i = 0; i < sink_hub_count(daemon->sending.hub); i++) {
        sink_hub_stats(daemon->sending.hub, i, &stats);
        for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
            text_printf(out, "cordon_sink_lost_total{sink=\"%s\",stream=\"%s\"} %" PRIu64 "\n",
                        stats.name, audit_stream_word(stream), stats.dropped[stream]);
        }
    }
}

/* Upstreams: a family is a row, a line an upstream. */

static uint64_t up_of(const struct upstream_server_status *server)
{
    return server->health == UPSTREAM_UP;
}

static uint64_t questions_of(const struct upstream_server_status *server)
{
    return server->questions;
}

static uint64_t answers_of(const struct upstream_server_status *server)
{
    return server->answers;
}

static uint64_t timeouts_of(const struct upstream_server_status *server)
{
    return server->timeouts;
}

static uint64_t wrong_of(const struct upstream_server_status *server)
{
    return server->wrong;
}

static uint64_t failures_of(const struct upstream_server_status *server)
{
    return server->failures;
}

static uint64_t tcp_of(const struct upstream_server_status *server)
{
    return server->tcp;
}

static uint64_t late_of(const struct upstream_server_status *server)
{
    return server->late;
}

static uint64_t downs_of(const struct upstream_server_status *server)
{
    return server->downs;
}

static uint64_t probes_of(const struct upstream_server_status *server)
{
    return server->probes;
}

static uint64_t handshakes_of(const struct upstream_server_status *server)
{
    return server->tls.handshakes;
}

static uint64_t resumed_of(const struct upstream_server_status *server)
{
    return server->tls.resumed;
}

static uint64_t tls_failures_of(const struct upstream_server_status *server)
{
    return server->tls.failures;
}

static const struct upstream_row {
    const char *name;
    enum kind kind;
    const char *help;
    uint64_t (*value)(const struct upstream_server_status *server);
    bool only_tried; /* no line for one that was not asked yet: nothing is known */
} upstream_rows[] = {
    {"cordon_upstream_up", GAUGE,
     "1 if it is up, 0 if it is down and asked last; none: not asked yet.", up_of, true},
    {"cordon_upstream_questions_total", COUNTER, "Questions sent to it.", questions_of, false},
    {"cordon_upstream_answers_total", COUNTER, "Answers that were taken.", answers_of, false},
    {"cordon_upstream_timeouts_total", COUNTER, "Questions without an answer in time.",
     timeouts_of, false},
    {"cordon_upstream_wrong_total", COUNTER, "Answers that were not taken: wrong in some way.",
     wrong_of, false},
    {"cordon_upstream_failures_total", COUNTER, "Questions that it refused or failed on.",
     failures_of, false},
    {"cordon_upstream_tcp_questions_total", COUNTER, "Questions sent to it over TCP or TLS.",
     tcp_of, false},
    {"cordon_upstream_late_total", COUNTER,
     "Questions whose answer was not there when nearly all are.", late_of, false},
    {"cordon_upstream_downs_total", COUNTER, "How often it has gone down.", downs_of, false},
    {"cordon_upstream_probes_total", COUNTER, "Questions to see whether it is back.", probes_of,
     false},
    {"cordon_upstream_tls_handshakes_total", COUNTER, "Whole TLS handshakes with it.",
     handshakes_of, false},
    {"cordon_upstream_tls_resumed_total", COUNTER,
     "TLS connections to it that went on with an earlier session.", resumed_of, false},
    {"cordon_upstream_tls_failures_total", COUNTER,
     "TLS connections to it that proved nothing, or broke.", tls_failures_of, false},
};

/* To another server, while a first is waited for. */
static void write_second_questions(struct text *out, const struct upstream_counters *seconds)
{
    family(out, "cordon_second_questions_total", COUNTER,
           "Questions to a second server. late: as the first was late; explored: to measure.");
    line(out, "cordon_second_questions_total", "reason", "late", seconds->hedges);
    line(out, "cordon_second_questions_total", "reason", "explored", seconds->explored);
    single(out, "cordon_second_questions_won_total", COUNTER,
           "Of those for lateness, the ones that brought the answer.", seconds->hedges_won);
    single(out, "cordon_second_questions_denied_total", COUNTER,
           "Not asked, as the share of upstreams.hedge was used up.", seconds->hedges_denied);
}

static void write_upstreams(struct text *out, const struct daemon *daemon,
                            const struct totals *totals)
{
    const struct upstream_server_status *servers = totals->sum.upstreams;
    const size_t count = totals->sum.upstream_count;
    char address[ENDPOINT_TEXT_MAX];

    single(out, "cordon_upstreams", GAUGE, "Upstreams to ask.",
           daemon_snapshot(daemon)->upstreams.count);
    for (size_t r = 0; r < sizeof(upstream_rows) / sizeof(upstream_rows[0]); r++) {
        const struct upstream_row *row = &upstream_rows[r];
        family(out, row->name, row->kind, row->help);
        for (size_t i = 0; i < count; i++) {
            if (!row->only_tried || servers[i].health != UPSTREAM_UNTRIED) {
                endpoint_format(&servers[i].endpoint, address);
                line(out, row->name, "upstream", address, row->value(&servers[i]));
            }
        }
    }
    family(out, "cordon_upstream_rtt_seconds", GAUGE, "Its smoothed round-trip time.");
    for (size_t i = 0; i < count; i++) {
        if (servers[i].rtt_us > 0) {
            endpoint_format(&servers[i].endpoint, address);
            text_printf(out, "cordon_upstream_rtt_seconds{upstream=\"%s\"} %u.%06u\n", address,
                        servers[i].rtt_us / MICROSECONDS, servers[i].rtt_us % MICROSECONDS);
        }
    }
}

/* Lists, in the same way. */

static uint64_t rules_of(const struct policy_loaded_list *list, uint64_t now_s)
{
    (void)now_s;
    return list->rules;
}

static uint64_t serial_of(const struct policy_loaded_list *list, uint64_t now_s)
{
    (void)now_s;
    return list->serial;
}

static uint64_t created_of(const struct policy_loaded_list *list, uint64_t now_s)
{
    (void)now_s;
    return list->created_s;
}

static uint64_t expires_of(const struct policy_loaded_list *list, uint64_t now_s)
{
    (void)now_s;
    return list->due_s;
}

static uint64_t stale_of(const struct policy_loaded_list *list, uint64_t now_s)
{
    const enum policy_freshness freshness = policy_freshness_of(list, now_s);

    return freshness == POLICY_STALE || freshness == POLICY_DEAD;
}

static uint64_t dead_of(const struct policy_loaded_list *list, uint64_t now_s)
{
    return policy_freshness_of(list, now_s) == POLICY_DEAD;
}

static uint64_t untrusted_of(const struct policy_loaded_list *list, uint64_t now_s)
{
    return policy_freshness_of(list, now_s) == POLICY_CLOCK_UNTRUSTED;
}

static const struct list_row {
    const char *name;
    const char *help;
    uint64_t (*value)(const struct policy_loaded_list *list, uint64_t now_s);
} list_rows[] = {
    {"cordon_list_rules", "Rules of the list.", rules_of},
    {"cordon_list_serial", "Serial of the list.", serial_of},
    {"cordon_list_created_timestamp_seconds", "When the list was made, Unix time.", created_of},
    {"cordon_list_expires_timestamp_seconds", "When a newer list is due, Unix time.",
     expires_of},
    {"cordon_list_stale", "1 if a newer list is overdue; it stays in force.", stale_of},
    {"cordon_list_dead", "1 if it has been stale for longer than trust.dead-after.", dead_of},
    {"cordon_list_clock_untrusted", "1 if this machine's clock is before the list's making.",
     untrusted_of},
};

static void write_lists(struct text *out, const struct setup_snapshot *snapshot)
{
    const uint64_t now_s = clock_read().wall_us / MICROSECONDS;
    const struct policy_image *image = policy_image_of(snapshot->policy);
    struct policy_image_list known;

    for (size_t r = 0; r < sizeof(list_rows) / sizeof(list_rows[0]); r++) {
        const struct list_row *row = &list_rows[r];
        family(out, row->name, GAUGE, row->help);
        for (size_t i = 0; i < snapshot->list_count; i++) {
            line(out, row->name, "list", snapshot->lists[i].id,
                 row->value(&snapshot->lists[i], now_s));
        }
    }
    family(out, "cordon_list_mode", GAUGE, "The list's mode, as a label; always 1.");
    for (size_t i = 0; i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, &known) &&
            policy_list_version(snapshot->policy, i) != POLICY_VERSION_NEWER) {
            text_printf(out, "cordon_list_mode{list=\"%s\",mode=\"%s\"} 1\n", known.id,
                        policy_mode_name(setup_list_mode(snapshot, 0, known.id)));
        }
    }
}

void metrics_write(const struct daemon *daemon, const struct totals *totals, struct text *out)
{
    write_process(out, daemon, totals);
    write_exceptions(out, daemon);
    write_alarms(out, daemon);
    write_held(out, daemon);
    write_questions(out, totals);
    write_latency(out, &totals->sum.latency);
    write_net(out, &totals->sum.net);
    single(out, "cordon_descriptors_lacked_total", COUNTER,
           "Sockets to upstreams for which this process had no file descriptor.",
           totals->sum.lacks);
    write_cache(out, &totals->cache);
    write_events(out, &totals->events);
    write_audit(out, daemon);
    write_sinks(out, daemon);
    write_upstreams(out, daemon, totals);
    write_second_questions(out, &totals->sum.seconds);
    write_lists(out, daemon_snapshot(daemon));
    write_stages(out, daemon, &totals->sum.query);
}
