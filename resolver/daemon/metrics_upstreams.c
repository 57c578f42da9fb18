#include "daemon/metrics_inside.h"
#include "daemon/state.h"

#include <inttypes.h>

#define MICROSECONDS 1000000u

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
    enum metrics_kind kind;
    const char *help;
    uint64_t (*value)(const struct upstream_server_status *server);
    bool only_tried; /* no line for one that was not asked yet: nothing is known */
} upstream_rows[] = {
    {"cordon_upstream_up", METRICS_GAUGE,
     "1 if it is up, 0 if it is down and asked last; none: not asked yet.", up_of, true},
    {"cordon_upstream_questions_total", METRICS_COUNTER, "Questions sent to it.", questions_of,
     false},
    {"cordon_upstream_answers_total", METRICS_COUNTER, "Answers that were taken.", answers_of,
     false},
    {"cordon_upstream_timeouts_total", METRICS_COUNTER, "Questions without an answer in time.",
     timeouts_of, false},
    {"cordon_upstream_wrong_total", METRICS_COUNTER,
     "Answers that were not taken: wrong in some way.", wrong_of, false},
    {"cordon_upstream_failures_total", METRICS_COUNTER,
     "Questions that it refused or failed on.", failures_of, false},
    {"cordon_upstream_tcp_questions_total", METRICS_COUNTER,
     "Questions sent to it over TCP or TLS.", tcp_of, false},
    {"cordon_upstream_late_total", METRICS_COUNTER,
     "Questions whose answer was not there when nearly all are.", late_of, false},
    {"cordon_upstream_downs_total", METRICS_COUNTER, "How often it has gone down.", downs_of,
     false},
    {"cordon_upstream_probes_total", METRICS_COUNTER, "Questions to see whether it is back.",
     probes_of, false},
    {"cordon_upstream_tls_handshakes_total", METRICS_COUNTER, "Whole TLS handshakes with it.",
     handshakes_of, false},
    {"cordon_upstream_tls_resumed_total", METRICS_COUNTER,
     "TLS connections to it that went on with an earlier session.", resumed_of, false},
    {"cordon_upstream_tls_failures_total", METRICS_COUNTER,
     "TLS connections to it that proved nothing, or broke.", tls_failures_of, false},
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
    for (size_t r = 0; r < sizeof(upstream_rows) / sizeof(upstream_rows[0]); r++) {
        const struct upstream_row *row = &upstream_rows[r];
        metrics_family(out, row->name, row->kind, row->help);
        for (size_t i = 0; i < count; i++) {
            if (!row->only_tried || servers[i].health != UPSTREAM_UNTRIED) {
                endpoint_format(&servers[i].endpoint, address);
                metrics_line(out, row->name, "upstream", address, row->value(&servers[i]));
            }
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
