/*
 * daemon/top.c - `top` and `clients`: rates to be made, latency, and what comes most often.
 *
 * Everything is a count since the start or over the last minute or two; whoever wants a rate
 * asks twice. The daemon remembers nothing about who asked.
 */
#include "daemon/state.h"

#include <string.h>
#include <unistd.h>

static void write_histogram(struct text *out, const char *key,
                            const struct histogram *histogram)
{
    json_object_begin(out, key);
    json_uint(out, "count", histogram_total(histogram));
    json_uint(out, "sum_us", histogram->sum);
    json_uint(out, "p50_us", histogram_quantile(histogram, 500));
    json_uint(out, "p95_us", histogram_quantile(histogram, 950));
    json_uint(out, "p99_us", histogram_quantile(histogram, 990));
    json_array_begin(out, "buckets"); /* pairs: at most so many microseconds, so many */
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->count[i] > 0) {
            json_array_begin(out, NULL);
            json_uint(out, NULL, histogram_upper(i));
            json_uint(out, NULL, histogram->count[i]);
            json_array_end(out);
        }
    }
    json_array_end(out);
    json_object_end(out);
}

static void write_latency(struct text *out, const struct query_latency *latency)
{
    static const char *const names[QUERY_PATHS] = {[QUERY_PATH_HIT] = "hit",
                                                   [QUERY_PATH_MISS] = "miss",
                                                   [QUERY_PATH_BLOCKED] = "blocked",
                                                   [QUERY_PATH_OTHER] = "other"};
    struct histogram all = {0};

    json_object_begin(out, "latency");
    for (size_t i = 0; i < QUERY_PATHS; i++) {
        histogram_merge(&all, &latency->by[i]);
        write_histogram(out, names[i], &latency->by[i]);
    }
    write_histogram(out, "all", &all);
    json_object_end(out);
}

static void write_entry(struct text *out, enum query_top which,
                        const struct query_top_entry *entry)
{
    char address[ADDRESS_TEXT_MAX];
    char name[WIRE_NAME_TEXT_MAX];

    json_object_begin(out, NULL);
    switch (which) {
    case QUERY_TOP_CLIENTS:
    case QUERY_TOP_CLIENTS_BLOCKED:
        address_format(&entry->client, false, address);
        json_string(out, "address", address);
        break;
    case QUERY_TOP_NAMES:
        wire_name_to_text(&entry->name, name);
        json_string(out, "name", name);
        json_bool(out, "blocked", entry->blocked);
        break;
    case QUERY_TOP_PROVIDERS:
        json_string(out, "provider", entry->provider);
        json_bool(out, "blocked", entry->blocked);
        break;
    case QUERY_TOPS:
        break;
    }
    json_uint(out, "count", entry->count);
    json_uint(out, "error", entry->error);
    json_object_end(out);
}

static void write_kind(struct text *out, const char *key, const struct query_tops *tops,
                       enum query_top which, bool recent)
{
    struct query_top_entry entries[QUERY_TOP_READ_MAX];
    const size_t count = query_tops_read(tops, which, recent, entries, QUERY_TOP_READ_MAX);

    json_array_begin(out, key);
    for (size_t i = 0; i < count; i++) {
        write_entry(out, which, &entries[i]);
    }
    json_array_end(out);
}

static void write_window(struct text *out, const char *key, const struct totals *totals,
                         uint64_t us, bool recent, bool clients_only)
{
    json_object_begin(out, key);
    json_uint(out, "seconds", us / 1000000);
    write_kind(out, "clients", totals->tops, QUERY_TOP_CLIENTS, recent);
    write_kind(out, "clients_blocked", totals->tops, QUERY_TOP_CLIENTS_BLOCKED, recent);
    if (!clients_only) {
        write_kind(out, "names", totals->tops, QUERY_TOP_NAMES, recent);
        write_kind(out, "providers", totals->tops, QUERY_TOP_PROVIDERS, recent);
    }
    json_object_end(out);
}

static void write_head(struct text *out, const struct daemon *daemon,
                       const struct totals *totals, uint64_t uptime_us)
{
    json_bool(out, "ok", true);
    json_string(out, "version", CORDON_VERSION);
    json_int(out, "pid", getpid());
    json_uint(out, "uptime_ms", uptime_us / 1000);
    json_uint(out, "workers", daemon->worker_count);
    json_uint(out, "workers_reported", totals->reported);
}

static void write_tops(struct daemon *daemon, const struct totals *totals, struct text *out,
                       bool clients_only)
{
    const uint64_t now_us = clock_read().mono_us;
    const uint64_t uptime_us = now_us - daemon->started_at.mono_us;

    if (totals->tops == NULL) {
        control_refuse(out, "out of memory");
        return;
    }
    json_object_begin(out, NULL);
    write_head(out, daemon, totals, uptime_us);
    if (!clients_only) {
        json_uint(out, "in_flight", totals->sum.in_use);
        status_write_questions(out, &totals->sum.query);
        write_latency(out, &totals->sum.latency);
        status_write_upstreams(out, totals);
        status_write_net(out, &totals->sum.net);
        status_write_cache(out, &totals->cache);
        status_write_events(out, daemon, &totals->events);
    }
    write_window(out, "all", totals, uptime_us, false, clients_only);
    write_window(out, "recent", totals, query_tops_recent_us(totals->tops, now_us), true,
                 clients_only);
    json_object_end(out);
}

static void write_top(struct daemon *daemon, const struct totals *totals, struct text *out)
{
    write_tops(daemon, totals, out, false);
}

static void write_clients(struct daemon *daemon, const struct totals *totals, struct text *out)
{
    write_tops(daemon, totals, out, true);
}

static void reply_top(struct daemon *daemon, void *client, const struct totals *totals)
{
    status_reply(client, daemon, totals, write_top);
}

static void reply_clients(struct daemon *daemon, void *client, const struct totals *totals)
{
    status_reply(client, daemon, totals, write_clients);
}

bool top_command(struct daemon *daemon, struct request *request, struct control_client *client,
                 struct text *out)
{
    return request_end(request) ? status_later(totals_ask_tops(daemon, reply_top, client), out)
                                : control_refuse(out, request_fault(request));
}

bool top_clients_command(struct daemon *daemon, struct request *request,
                         struct control_client *client, struct text *out)
{
    return request_end(request)
               ? status_later(totals_ask_tops(daemon, reply_clients, client), out)
               : control_refuse(out, request_fault(request));
}
