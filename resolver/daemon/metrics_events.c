#include "daemon/metrics_inside.h"
#include "daemon/state.h"

#include <inttypes.h>
#include <stdlib.h>

static void write_lines(struct text *out, const struct audit_writer_stats *events)
{
    metrics_single(out, "cordon_events_written_total", METRICS_COUNTER, "Events written.",
                   events->written);
    metrics_family(
        out, "cordon_events_lost_total", METRICS_COUNTER,
        "Events lost. ring: they came faster than they could be written; output: it failed.");
    metrics_line(out, "cordon_events_lost_total", "where", "ring", events->lost_ring);
    metrics_line(out, "cordon_events_lost_total", "where", "output", events->lost_output);
    metrics_single(out, "cordon_events_output_failing", METRICS_GAUGE,
                   "1 if the output of events fails or accepts nothing.",
                   events->last_error != 0 || events->stalled);
}

static void write_audit(struct text *out, const struct daemon *daemon)
{
    struct audit_recorder_stats *stats =
        daemon->recording.recorder != NULL ? malloc(sizeof(*stats)) : NULL;

    metrics_single(out, "cordon_audit_on", METRICS_GAUGE, "1 if there is an audit log.",
                   stats != NULL);
    if (stats == NULL) {
        return;
    }
    audit_recorder_stats(daemon->recording.recorder, stats);
    metrics_family(out, "cordon_audit_events_total", METRICS_COUNTER,
                   "Events in the audit log, or on the way there.");
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        metrics_line(out, "cordon_audit_events_total", "stream", audit_stream_word(stream),
                     stats->log.taken[stream]);
    }
    metrics_family(
        out, "cordon_audit_lost_total", METRICS_COUNTER,
        "Events that are missing in the audit log, and questions that were refused for the "
        "lack of a place there.");
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        metrics_line(out, "cordon_audit_lost_total", "stream", audit_stream_word(stream),
                     stats->lost[stream]);
    }
    metrics_single(out, "cordon_audit_failing", METRICS_GAUGE,
                   "1 if the audit log cannot be written, or is as large as it may be.",
                   stats->state != AUDIT_RECORDING);
    metrics_single(out, "cordon_audit_bytes", METRICS_GAUGE, "Size of the audit log.",
                   stats->octets);
    metrics_single(out, "cordon_audit_checkpoint_timestamp_seconds", METRICS_GAUGE,
                   "When the newest checkpoint was made; 0: none was since the start.",
                   stats->checkpoint_us / 1000000);
    free(stats);
}

/* Sinks: a family of each number, a line of each sink. */

static void sink_family(struct text *out, const struct daemon *daemon, const char *name,
                        enum metrics_kind kind, const char *help,
                        uint64_t (*of)(const struct sink_stats *))
{
    struct sink_stats stats;

    metrics_family(out, name, kind, help);
    for (size_t i = 0; i < sink_hub_count(daemon->sending.hub); i++) {
        sink_hub_stats(daemon->sending.hub, i, &stats);
        metrics_line(out, name, "sink", stats.name, of(&stats));
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
    sink_family(out, daemon, "cordon_sink_up", METRICS_GAUGE,
                "1 if the sink is connected and takes what is sent.", sink_works);
    sink_family(out, daemon, "cordon_sink_sent_total", METRICS_COUNTER,
                "Events that were handed over to the sink.", sink_sent);
    sink_family(out, daemon, "cordon_sink_queued_bytes", METRICS_GAUGE,
                "Memory in use for events that wait for the sink.", sink_queued);
    metrics_family(out, "cordon_sink_lost_total", METRICS_COUNTER,
                   "Events that found no room in the queue of the sink.");
    for (size_t i = 0; i < sink_hub_count(daemon->sending.hub); i++) {
        sink_hub_stats(daemon->sending.hub, i, &stats);
        for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
            text_printf(out, "cordon_sink_lost_total{sink=\"%s\",stream=\"%s\"} %" PRIu64 "\n",
                        stats.name, audit_stream_word(stream), stats.dropped[stream]);
        }
    }
}

void metrics_write_events(struct text *out, const struct daemon *daemon,
                          const struct totals *totals)
{
    write_lines(out, &totals->events);
    write_audit(out, daemon);
    write_sinks(out, daemon);
}
