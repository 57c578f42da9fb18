#include "daemon/metrics_inside.h"
#include "daemon/state.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define MICROSECONDS 1000000u

/* Upstreams: a family is a row, a line an upstream. */

#define OF(member) offsetof(struct upstream_server_status, member)

static const struct upstream_row {
    const char *name;
    const char *help;
    size_t at; /* of a uint64_t that grows */
} upstream_rows[] = {
    {"cordon_upstream_questions_total", "Questions sent to it.", OF(questions)},
    {"cordon_upstream_answers_total", "Answers that were taken.", OF(answers)},
    {"cordon_upstream_timeouts_total", "Questions without an answer in time.", OF(timeouts)},
    {"cordon_upstream_wrong_total", "Answers that were not taken: wrong in some way.",
     OF(wrong)},
    {"cordon_upstream_failures_total", "Questions that it refused or failed on.", OF(failures)},
    {"cordon_upstream_tcp_questions_total", "Questions sent to it over TCP or TLS.", OF(tcp)},
    {"cordon_upstream_late_total", "Questions whose answer was not there when nearly all are.",
     OF(late)},
    {"cordon_upstream_downs_total", "How often it has gone down.", OF(downs)},
    {"cordon_upstream_probes_total", "Questions to see whether it is back.", OF(probes)},
    {"cordon_upstream_tls_handshakes_total", "Whole TLS handshakes with it.",
     OF(tls.handshakes)},
    {"cordon_upstream_tls_resumed_total",
     "TLS connections to it that went on with an earlier session.", OF(tls.resumed)},
    {"cordon_upstream_tls_failures_total",
     "TLS connections to it that proved nothing, or broke.", OF(tls.failures)},
};

/* To another server, while a first is waited for. */
static void write_second_questions(struct text *out, const struct upstream_counters *seconds)
{
    metrics_family(
        out, "cordon_second_questions_total", METRICS_COUNTER,
        "Questions to a second server. late: as the first was late; explored: to measure.");
    metrics_line(out, "cordon_second_questions_total", "reason", "late", seconds->hedges);
    metrics_line(out, "cordon_second_questions_total", "reason", "explored", seconds->explored);
    metrics_single(out, "cordon_second_questions_won_total", METRICS_COUNTER,
                   "Of those for lateness, the ones that brought the answer.",
                   seconds->hedges_won);
    metrics_single(out, "cordon_second_questions_denied_total", METRICS_COUNTER,
                   "Not asked, as the share of upstreams.hedge was used up.",
                   seconds->hedges_denied);
}

static void write_servers(struct text *out, const struct daemon *daemon,
                          const struct totals *totals)
{
    const struct upstream_server_status *servers = totals->sum.upstreams;
    const size_t count = totals->sum.upstream_count;
    char address[ENDPOINT_TEXT_MAX];

    metrics_single(out, "cordon_upstreams", METRICS_GAUGE, "Upstreams to ask.",
                   daemon_snapshot(daemon)->upstreams.count);
    metrics_family(out, "cordon_upstream_up", METRICS_GAUGE,
                   "1 if it is up, 0 if it is down and asked last; none: not asked yet.");
    for (size_t i = 0; i < count; i++) {
        if (servers[i].health != UPSTREAM_UNTRIED) {
            endpoint_format(&servers[i].endpoint, address);
            metrics_line(out, "cordon_upstream_up", "upstream", address,
                         servers[i].health == UPSTREAM_UP);
        }
    }
    for (size_t r = 0; r < sizeof(upstream_rows) / sizeof(upstream_rows[0]); r++) {
        const struct upstream_row *row = &upstream_rows[r];
        metrics_family(out, row->name, METRICS_COUNTER, row->help);
        for (size_t i = 0; i < count; i++) {
            uint64_t value;

            memcpy(&value, (const uint8_t *)&servers[i] + row->at, sizeof(value));
            endpoint_format(&servers[i].endpoint, address);
            metrics_line(out, row->name, "upstream", address, value);
        }
    }
    metrics_family(out, "cordon_upstream_rtt_seconds", METRICS_GAUGE,
                   "Its smoothed round-trip time.");
    for (size_t i = 0; i < count; i++) {
        if (servers[i].rtt_us > 0) {
            endpoint_format(&servers[i].endpoint, address);
            text_printf(out, "cordon_upstream_rtt_seconds{upstream=\"%s\"} %u.%06u\n", address,
                        servers[i].rtt_us / MICROSECONDS, servers[i].rtt_us % MICROSECONDS);
        }
    }
}

void metrics_write_upstreams(struct text *out, const struct daemon *daemon,
                             const struct totals *totals)
{
    write_servers(out, daemon, totals);
    write_second_questions(out, &totals->sum.seconds);
}
