#include "daemon/metrics_inside.h"

#include "base/clock.h"
#include "daemon/state.h"
#include "setup/views.h"

#include <inttypes.h>

#define MICROSECONDS 1000000u

/* Of each list: a family is a row, a line a list. */

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

static void write_loaded(struct text *out, const struct setup_snapshot *snapshot)
{
    const uint64_t now_s = clock_read().wall_us / MICROSECONDS;
    const struct policy_image *image = policy_image_of(snapshot->policy);
    struct policy_image_list known;

    for (size_t r = 0; r < sizeof(list_rows) / sizeof(list_rows[0]); r++) {
        const struct list_row *row = &list_rows[r];
        metrics_family(out, row->name, METRICS_GAUGE, row->help);
        for (size_t i = 0; i < snapshot->list_count; i++) {
            metrics_line(out, row->name, "list", snapshot->lists[i].id,
                         row->value(&snapshot->lists[i], now_s));
        }
    }
    metrics_family(out, "cordon_list_mode", METRICS_GAUGE,
                   "The list's mode, as a label; always 1.");
    for (size_t i = 0; i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, &known) &&
            policy_list_version(snapshot->policy, i) != POLICY_VERSION_NEWER) {
            text_printf(out, "cordon_list_mode{list=\"%s\",mode=\"%s\"} 1\n", known.id,
                        policy_mode_name(setup_list_mode(snapshot, 0, known.id)));
        }
    }
}

static void write_held(struct text *out, const struct daemon *daemon)
{
    const size_t lost = holding_lost(daemon);

    metrics_family(
        out, "cordon_lists_held", METRICS_GAUGE,
        "Lists that were rolled back; lost: the version cannot be had, the newest counts.");
    metrics_line(out, "cordon_lists_held", "state", "held", daemon->holding.set.count - lost);
    metrics_line(out, "cordon_lists_held", "state", "lost", lost);
}

static void write_stages(struct text *out, const struct daemon *daemon,
                         const struct query_counters *query)
{
    const struct setup_stages *stages = &daemon->staging.stages;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    metrics_family(
        out, "cordon_list_stage", METRICS_GAUGE,
        "The stage, from 1, of a newer version of the list; 0: one version counts for all.");
    for (size_t i = 0; i < stages->count; i++) {
        const struct setup_stages_of *of = &stages->at[i];

        if (!of->away) {
            metrics_line(out, "cordon_list_stage", "list", of->id,
                         of->newer != 0 ? of->stage + 1u : 0);
        }
    }
    metrics_family(out, "cordon_list_staged_serial", METRICS_GAUGE,
                   "Serial of the newer version that is brought in by stages; 0: none is.");
    for (size_t i = 0; i < stages->count; i++) {
        const struct setup_stages_of *of = &stages->at[i];

        if (!of->away) {
            metrics_line(out, "cordon_list_staged_serial", "list", of->id, of->newer);
        }
    }
    metrics_family(out, "cordon_list_share_ratio", METRICS_GAUGE,
                   "The share of the clients for which the newer version counts.");
    for (size_t i = 0; i < snapshot->newer_count; i++) {
        const struct setup_staged *staged = &snapshot->staged[i];

        text_printf(out, "cordon_list_share_ratio{list=\"%s\"} 0.%03u\n", staged->id,
                    staged->share);
    }
    metrics_family(out, "cordon_trial_hits_total", METRICS_COUNTER,
                   "What newer versions on trial would have done, beside those that count.");
    metrics_line(out, "cordon_trial_hits_total", "blocks", "both",
                 query->trials[POLICY_TRIAL_BOTH]);
    metrics_line(out, "cordon_trial_hits_total", "blocks", "newer",
                 query->trials[POLICY_TRIAL_NEWER]);
    metrics_line(out, "cordon_trial_hits_total", "blocks", "held",
                 query->trials[POLICY_TRIAL_HELD]);
}

void metrics_write_lists(struct text *out, const struct daemon *daemon,
                         const struct totals *totals)
{
    write_loaded(out, daemon_snapshot(daemon));
    write_held(out, daemon);
    write_stages(out, daemon, &totals->sum.query);
}
