#include "daemon/metrics.h"

#include "base/clock.h"
#include "daemon/metrics_inside.h"
#include "daemon/state.h"
#include "setup/views.h"

#include <inttypes.h>
#include <stdio.h>

#define MICROSECONDS 1000000u

void metrics_family(struct text *out, const char *name, enum metrics_kind kind,
                    const char *help)
{
    static const char *const words[] = {[METRICS_COUNTER] = "counter",
                                        [METRICS_GAUGE] = "gauge",
                                        [METRICS_HISTOGRAM] = "histogram"};

    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, words[kind]);
}

void metrics_single(struct text *out, const char *name, enum metrics_kind kind,
                    const char *help, uint64_t value)
{
    metrics_family(out, name, kind, help);
    text_printf(out, "%s %" PRIu64 "\n", name, value);
}

void metrics_line(struct text *out, const char *name, const char *label, const char *of,
                  uint64_t value)
{
    text_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, of, value);
}

static void write_process(struct text *out, const struct daemon *daemon,
                          const struct totals *totals)
{
    char number[16];
    char total[SETUP_FINGERPRINT_TEXT];

    metrics_family(out, "cordon_build_info", METRICS_GAUGE,
                   "The version, as a label; always 1.");
    metrics_line(out, "cordon_build_info", "version", CORDON_VERSION, 1);
    metrics_family(out, "cordon_start_time_seconds", METRICS_GAUGE,
                   "When the process started, Unix time.");
    text_printf(out, "cordon_start_time_seconds %" PRIu64 ".%06u\n",
                daemon->started_at.wall_us / MICROSECONDS,
                (unsigned)(daemon->started_at.wall_us % MICROSECONDS));
    metrics_family(
        out, "cordon_worker_up", METRICS_GAUGE,
        "1 if the worker gave its counters in time for this page; its last ones count.");
    for (unsigned w = 0; w < totals->workers; w++) {
        snprintf(number, sizeof(number), "%u", w);
        metrics_line(out, "cordon_worker_up", "worker", number, totals->up[w] ? 1 : 0);
    }
    metrics_single(out, "cordon_policy_generation", METRICS_GAUGE,
                   "The policy in force: one more for each reload that succeeded.",
                   policy_generation(daemon_snapshot(daemon)->policy));
    digest_hex(daemon_snapshot(daemon)->fingerprint->total, DIGEST_OCTETS, total);
    metrics_family(out, "cordon_policy_fingerprint_info", METRICS_GAUGE,
                   "The hash over everything that decides, as a label; always 1.");
    metrics_line(out, "cordon_policy_fingerprint_info", "fingerprint", total, 1);
    metrics_single(out, "cordon_policy_log_only", METRICS_GAUGE,
                   "1 if nothing is blocked anywhere, only recorded.",
                   setup_views_log_only(daemon_snapshot(daemon)));
    metrics_single(out, "cordon_last_reload_successful", METRICS_GAUGE,
                   "1 if the last reload succeeded, or there was none.",
                   daemon->reload.rc == 0);
}

/* However many there are, the lines are the same. */
static void write_exceptions(struct text *out, const struct daemon *daemon)
{
    const struct changes_counts counts = changes_count(daemon, clock_read());

    metrics_family(out, "cordon_exceptions", METRICS_GAUGE,
                   "What is let through for a while, by what it is at the moment.");
    metrics_line(out, "cordon_exceptions", "state", "in-force", counts.in_force);
    metrics_line(out, "cordon_exceptions", "state", "waiting", counts.waiting);
    metrics_line(out, "cordon_exceptions", "state", "over", counts.over);
    metrics_line(out, "cordon_exceptions", "state", "rule-gone", counts.rule_gone);
    metrics_line(out, "cordon_exceptions", "state", "without-effect", counts.without_effect);
    metrics_single(out, "cordon_exceptions_ending", METRICS_GAUGE,
                   "Of those in force, those that end within exceptions.warn.", counts.ending);
    metrics_single(
        out, "cordon_exception_files_refused", METRICS_GAUGE,
        "Files of exceptions that were refused: what was in force from them goes on.",
        counts.refused);
}

static void write_alarms(struct text *out, const struct daemon *daemon)
{
    const struct setup_memory *memory = &daemon->accepted;

    metrics_family(
        out, "cordon_publisher_broken", METRICS_GAUGE,
        "1 for a publisher whose folder is broken; its lists are as-before, or left-out.");
    for (size_t i = 0; i < daemon->broken_count; i++) {
        const struct setup_broken *broken = &daemon->broken[i];

        text_printf(out, "cordon_publisher_broken{publisher=\"%s\",lists=\"%s\"} 1\n",
                    broken->publisher[0] != '\0' ? broken->publisher : "lists.directory",
                    broken->left_out ? "left-out" : "as-before");
    }
    metrics_family(
        out, "cordon_trust_alarm", METRICS_GAUGE,
        "1 if the memory of what was accepted was lost, or could not be written, and nobody "
        "has acknowledged it.");
    metrics_line(out, "cordon_trust_alarm", "reason", "lost", memory->alarm.lost_s != 0);
    metrics_line(out, "cordon_trust_alarm", "reason", "unwritten",
                 memory->unwritten || memory->alarm.unwritten_s != 0);
}

void metrics_write(const struct daemon *daemon, const struct totals *totals, struct text *out)
{
    write_process(out, daemon, totals);
    write_exceptions(out, daemon);
    write_alarms(out, daemon);
    metrics_write_questions(out, totals);
    metrics_single(out, "cordon_descriptors_lacked_total", METRICS_COUNTER,
                   "Sockets to upstreams for which this process had no file descriptor.",
                   totals->sum.lacks);
    metrics_write_events(out, daemon, totals);
    metrics_write_upstreams(out, daemon, totals);
    metrics_write_lists(out, daemon, totals);
}
