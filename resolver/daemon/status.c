/*
 * daemon/status.c - the documents that say how it goes (docs/control.md).
 *
 * `status` and `upstreams` answer when every worker has made a copy of its counters (totals.h).
 */
#include "base/error.h"
#include "base/invariant.h"
#include "daemon/state.h"
#include "daemon/totals.h"
#include "setup/schedules.h"
#include "setup/views.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct setup_snapshot *daemon_snapshot(const struct daemon *daemon)
{
    return policy_slot_current(daemon->slot);
}

/* The image's number of a list in this version, or SIZE_MAX. */
static size_t image_index(const struct policy_image *image, const char *id, uint32_t serial,
                          struct policy_image_list *out)
{
    for (size_t i = 0; i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, out) && strcmp(out->id, id) == 0 &&
            out->serial == serial) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void add_list(struct text *out, const struct setup_snapshot *snapshot,
                     const struct policy_loaded_list *list, enum config_dead dead,
                     uint64_t now_s)
{
    char when[CLOCK_TEXT_MAX];
    char key[TRUST_KEY_ID_TEXT];
    struct policy_image_list known;
    const size_t index =
        image_index(policy_image_of(snapshot->policy), list->id, list->serial, &known);
    const struct setup_staged *staged = setup_staged_find(snapshot, list->id);

    json_object_begin(out, NULL);
    json_string(out, "id", list->id);
    if (index != SIZE_MAX) {
        json_string(out, "title", known.title);
        json_string(out, "provider", known.provider);
        json_string(out, "mode", policy_mode_name(setup_list_mode(snapshot, 0, list->id)));
        json_bool(out, "paused", policy_list_is_paused(snapshot->policy, 0, index));
    }
    json_uint(out, "serial", list->serial);
    clock_format_s(list->created_s, when);
    json_string(out, "created", when);
    clock_format_s(list->expires_s, when);
    json_string(out, "expires", when);
    json_uint(out, "age_s", now_s > list->created_s ? now_s - list->created_s : 0);
    const enum policy_freshness freshness = policy_freshness_of(list, now_s);
    json_string(out, "freshness", policy_freshness_word(freshness));
    if (freshness == POLICY_DEAD) {
        json_string(out, "dead", config_dead_word(dead));
    }
    clock_format_s(list->due_s, when);
    json_string(out, "due", when);
    json_string(out, "trust", list->publisher[0] != '\0' ? "root" : "keys");
    if (list->publisher[0] != '\0') {
        json_string(out, "publisher", list->publisher);
        json_uint(out, "root", list->root_version);
        json_uint(out, "catalogue", list->catalogue_serial);
    }
    json_array_begin(out, "keys");
    for (size_t i = 0; i < list->verdict.count; i++) {
        trust_key_id_format(list->verdict.ids[i], key);
        json_string(out, NULL, key);
    }
    json_array_end(out);
    json_string(out, "text", list->unread ? "unread" : "verified");
    json_uint(out, "rules", list->rules);
    json_uint(out, "staged", staged != NULL ? staged->newer : 0);
    json_bool(out, "held", list->held);
    if (list->held) {
        json_uint(out, "newer", list->newer_serial);
    }
    json_object_end(out);
}

void status_lists(struct text *out, const struct setup_snapshot *snapshot,
                  enum config_dead dead, uint64_t now_s)
{
    uint64_t rules = 0;

    json_array_begin(out, "lists");
    for (size_t i = 0; i < snapshot->list_count; i++) {
        add_list(out, snapshot, &snapshot->lists[i], dead, now_s);
        rules += snapshot->lists[i].rules;
    }
    json_array_end(out);
    json_uint(out, "rules", rules);
}

static void write_failure(struct text *out, const struct upstream_server_status *server)
{
    char words[128];
    const bool named = server->failure_error != 0 &&
                       server->failure != UPSTREAM_REASON_UNPROVED; /* tls_error says more */

    snprintf(words, sizeof(words), "%s%s%s", upstream_reason_word(server->failure),
             named ? ": " : "", named ? cordon_strerror(server->failure_error) : "");
    json_string(out, "last_failure", server->failure != UPSTREAM_REASON_NONE ? words : NULL);
}

static void write_down(struct text *out, const struct upstream_server_status *server)
{
    const bool down = server->health == UPSTREAM_DOWN;
    const bool vain =
        server->health == UPSTREAM_UNTRIED && server->failure != UPSTREAM_REASON_NONE;
    char since[CLOCK_TEXT_MAX];

    clock_format_s(server->down_since_us / 1000000, since);
    json_string(out, "down_since", down ? since : NULL);
    json_string(out, "down_reason", down ? upstream_reason_word(server->reason) : NULL);
    json_string(out, "advice",
                down || vain ? upstream_reason_advice(down ? server->reason : server->failure)
                             : NULL);
    write_failure(out, server);
    json_uint(out, "downs", server->downs);
    json_uint(out, "probes", server->probes);
    json_uint(out, "probes_good", server->probes_good);
}

static void write_seconds(struct text *out, const struct upstream_counters *seconds)
{
    json_object_begin(out, "second_questions");
    json_uint(out, "hedges", seconds->hedges);
    json_uint(out, "hedges_won", seconds->hedges_won);
    json_uint(out, "hedges_denied", seconds->hedges_denied);
    json_uint(out, "explored", seconds->explored);
    json_object_end(out);
}

void status_write_upstreams(struct text *out, const struct totals *totals)
{
    static const char *const words[] = {
        [UPSTREAM_UNTRIED] = "untried", [UPSTREAM_UP] = "up", [UPSTREAM_DOWN] = "down"};
    char address[ADDRESS_TEXT_MAX];

    json_array_begin(out, "upstreams");
    for (size_t i = 0; i < totals->sum.upstream_count; i++) {
        const struct upstream_server_status *server = &totals->sum.upstreams[i];
        address_format(&server->endpoint.address, true, address);
        json_object_begin(out, NULL);
        json_string(out, "address", address);
        json_string(out, "transport",
                    server->endpoint.transport == ENDPOINT_TLS ? "tls" : "do53");
        json_string(out, "tls_name",
                    server->endpoint.name[0] != '\0' ? server->endpoint.name : NULL);
        json_string(out, "health", words[server->health]);
        write_down(out, server);
        json_uint(out, "rtt_us", server->rtt_us);
        json_uint(out, "questions", server->questions);
        json_uint(out, "answers", server->answers);
        json_uint(out, "timeouts", server->timeouts);
        json_uint(out, "wrong", server->wrong);
        json_uint(out, "failures", server->failures);
        json_uint(out, "tcp", server->tcp);
        json_uint(out, "late", server->late);
        json_uint(out, "seconds", server->seconds);
        json_bool(out, "case_lost", server->case_lost);
        json_uint(out, "tls_handshakes", server->tls.handshakes);
        json_uint(out, "tls_resumed", server->tls.resumed);
        json_uint(out, "tls_failures", server->tls.failures);
        json_string(out, "tls_error", server->tls.error[0] != '\0' ? server->tls.error : NULL);
        json_object_end(out);
    }
    json_array_end(out);
    write_seconds(out, &totals->sum.seconds);
}

void status_write_questions(struct text *out, const struct query_counters *query)
{
    char code[WIRE_TYPE_TEXT_MAX];

    json_object_begin(out, "questions");
    json_uint(out, "taken", query->questions);
    json_object_begin(out, "answered");
    for (unsigned i = 0; i < sizeof(query->answered) / sizeof(query->answered[0]); i++) {
        if (query->answered[i] > 0) {
            wire_rcode_format(i, code);
            json_uint(out, code, query->answered[i]);
        }
    }
    json_object_end(out);
    json_uint(out, "blocked", query->blocked);
    json_uint(out, "denied", query->denied);
    json_uint(out, "logged", query->logged);
    json_uint(out, "excepted", query->excepted);
    json_uint(out, "dropped", query->dropped);
    json_uint(out, "no_slot", query->no_slot);
    json_uint(out, "refused_clients", query->refused_clients);
    json_uint(out, "waits_refused", query->waits_refused);
    json_uint(out, "share_refused", query->share_refused);
    json_uint(out, "rate_limited", query->rate_limited);
    json_uint(out, "rate_slipped", query->rate_slipped);
    json_uint(out, "cookies_new", query->cookies[QUERY_COOKIE_NEW]);
    json_uint(out, "cookies_valid", query->cookies[QUERY_COOKIE_VALID]);
    json_uint(out, "cookies_invalid", query->cookies[QUERY_COOKIE_INVALID]);
    json_uint(out, "local", query->local);
    json_uint(out, "rebinding", query->rebinding);
    json_uint(out, "told", query->told);
    json_uint(out, "cache_hits", query->cache_hits);
    json_uint(out, "cache_misses", query->cache_misses);
    json_uint(out, "joined", query->joined);
    json_uint(out, "fetches", query->fetches);
    json_uint(out, "fetch_failures", query->fetch_failures);
    json_uint(out, "stale", query->stale);
    json_uint(out, "prefetches", query->prefetches);
    json_uint(out, "prefetches_refused", query->prefetches_refused);
    json_uint(out, "name_server_questions", query->lessons);
    json_uint(out, "name_server_questions_refused", query->lessons_refused);
    json_uint(out, "name_servers_unknown", query->servers_unknown);
    json_uint(out, "truncated", query->truncated);
    json_uint(out, "unrecorded", query->unrecorded);
    json_uint(out, "steps_exceeded", query->steps_exceeded);
    json_uint(out, "packets_exceeded", query->packets_exceeded);
    json_uint(out, "chains_too_long", query->chains_too_long);
    json_uint(out, "reruns", query->reruns);
    json_object_end(out);
}

static void write_limited(struct text *out, struct daemon *daemon)
{
    struct query_rate_report report;
    char text[ADDRESS_TEXT_MAX];

    query_rate_read(daemon->rate, clock_read().mono_us, false, &report);
    address_prefix_format(&report.worst, text);
    json_object_begin(out, "limited");
    json_uint(out, "clients", report.limited);
    json_string(out, "worst", report.most > 0 ? text : NULL);
    json_uint(out, "questions", report.most);
    json_object_end(out);
}

void status_write_net(struct text *out, const struct net_counters *net)
{
    json_object_begin(out, "net");
    json_uint(out, "udp_received", net->udp_received);
    json_uint(out, "udp_sent", net->udp_sent);
    json_uint(out, "udp_send_failed", net->udp_send_failed);
    json_uint(out, "udp_kernel_drops", net->udp_kernel_drops);
    json_uint(out, "udp_ignored", net->udp_ignored);
    json_uint(out, "tcp_accepted", net->tcp_accepted);
    json_uint(out, "tcp_refused", net->tcp_refused);
    json_uint(out, "tcp_refused_client", net->tcp_refused_client);
    json_uint(out, "tcp_open", net->tcp_open);
    json_uint(out, "tcp_closed_idle", net->tcp_closed_idle);
    json_uint(out, "tcp_closed_slow", net->tcp_closed_slow);
    json_uint(out, "tcp_questions", net->tcp_questions);
    json_uint(out, "tcp_malformed", net->tcp_malformed);
    json_object_end(out);
}

static void write_descriptors(struct text *out, const struct descriptors *plan, uint64_t lacks)
{
    json_object_begin(out, "descriptors");
    json_uint(out, "limit", plan->limit);
    json_uint(out, "wanted", plan->all);
    json_bool(out, "reduced", plan->reduced);
    json_uint(out, "tcp_clients", plan->tcp_clients);
    json_uint(out, "upstream_sockets", plan->upstream_sockets);
    json_uint(out, "lacked", lacks);
    json_object_end(out);
}

void status_write_cache(struct text *out, const struct cache_stats *stats)
{
    json_object_begin(out, "cache");
    json_uint(out, "entries", stats->entries);
    json_uint(out, "octets", stats->octets);
    json_uint(out, "size", stats->size);
    json_uint(out, "limit", stats->limit);
    json_uint(out, "hits", stats->hits);
    json_uint(out, "misses", stats->misses);
    json_uint(out, "stores", stats->stores);
    json_uint(out, "evictions", stats->evictions);
    json_object_end(out);
}

void status_write_events(struct text *out, const struct daemon *daemon,
                         const struct audit_writer_stats *stats)
{
    json_object_begin(out, "events");
    json_string(out, "to", daemon->started->events_to);
    json_uint(out, "written", stats->written);
    json_uint(out, "lost_ring", stats->lost_ring);
    json_uint(out, "lost_output", stats->lost_output);
    json_bool(out, "stalled", stats->stalled);
    json_string(out, "last_error",
                stats->last_error == 0 ? NULL : cordon_strerror(stats->last_error));
    json_object_end(out);
}

static void write_identity(struct text *out, const struct daemon *daemon, struct clock_now now)
{
    char text[ADDRESS_TEXT_MAX];
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    json_string(out, "version", CORDON_VERSION);
    json_int(out, "pid", getpid());
    json_uint(out, "uptime_s", (now.mono_us - daemon->started_at.mono_us) / 1000000);
    clock_format(daemon->started_at.wall_us, text);
    json_string(out, "started", text);
    json_string(out, "config", daemon->config_path);
    json_uint(out, "generation", policy_generation(snapshot->policy));
    setup_fingerprint_show(out, snapshot->fingerprint, false);
    json_uint(out, "workers", daemon->worker_count);
    json_array_begin(out, "listen");
    for (size_t i = 0; i < daemon->listen_count; i++) {
        address_format(&daemon->listen[i], true, text);
        json_string(out, NULL, text);
    }
    json_array_end(out);
}

static void write_memory(struct text *out, struct memory *memory)
{
    json_object_begin(out, "memory");
    if (memory_look(memory)) {
        json_uint(out, "limit", memory->limit);
        json_uint(out, "used", memory->used);
    }
    json_object_end(out);
}

static void write_status(struct daemon *daemon, const struct totals *totals, struct text *out)
{
    const struct clock_now now = clock_read();

    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    write_identity(out, daemon, now);
    sandbox_write(&daemon->sandbox, out);
    json_bool(out, "log_only", setup_views_log_only(daemon_snapshot(daemon)));
    json_bool(out, "from_cache", daemon_snapshot(daemon)->from_cache);
    json_bool(out, "shipped", daemon_snapshot(daemon)->shipped);
    status_lists(out, daemon_snapshot(daemon), daemon->config->dead, now.wall_us / 1000000);
    setup_views_show(out, daemon_snapshot(daemon));
    setup_schedules_show(out, daemon_snapshot(daemon), now.wall_us / 1000000);
    status_write_upstreams(out, totals);
    json_uint(out, "in_flight", totals->sum.in_use);
    status_write_questions(out, &totals->sum.query);
    write_limited(out, daemon);
    status_write_net(out, &totals->sum.net);
    write_descriptors(out, &daemon->descriptors, totals->sum.lacks);
    status_write_cache(out, &totals->cache);
    write_memory(out, &daemon->memory);
    status_write_events(out, daemon, &totals->events);
    recording_write(daemon, out);
    sending_write(daemon, out);
    monitor_write(daemon, out);
    changes_write(out, daemon);
    alarm_write(out, daemon);
    holding_write(out, daemon);
    staging_write(out, daemon);
    gateway_write(&daemon->gateway, out);
    follow_write(daemon, out);
    loops_write(&daemon->loops, out);
    json_uint(out, "workers_reported", totals->reported);
    text_add(out, ",\"reload\":"); /* a document already */
    text_add(out, daemon->reload.last == NULL ? "null" : daemon->reload.last);
    json_object_end(out);
}

void status_reply(struct control_client *client, struct daemon *daemon,
                  const struct totals *totals,
                  void (*write)(struct daemon *daemon, const struct totals *totals,
                                struct text *out))
{
    static const char failed[] = "{\"ok\":false,\"error\":\"out of memory\"}";
    char *memory = malloc(CONTROL_REPLY_MAX);
    struct text out;

    if (memory == NULL) {
        control_reply(client, failed, sizeof(failed) - 1);
        return;
    }
    text_init(&out, memory, CONTROL_REPLY_MAX);
    write(daemon, totals, &out);
    if (out.overflow) {
        text_init(&out, memory, CONTROL_REPLY_MAX);
        control_refuse(&out, "the reply is larger than the limit");
    }
    control_reply(client, out.at, out.len);
    free(memory);
}

static void reply_status(struct daemon *daemon, void *client, const struct totals *totals)
{
    status_reply(client, daemon, totals, write_status);
}

static void write_upstreams_only(struct daemon *daemon, const struct totals *totals,
                                 struct text *out)
{
    (void)daemon;
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    status_write_upstreams(out, totals);
    json_object_end(out);
}

static void reply_upstreams(struct daemon *daemon, void *client, const struct totals *totals)
{
    status_reply(client, daemon, totals, write_upstreams_only);
}

bool status_later(bool asked, struct text *out)
{
    return asked ? false : control_refuse(out, "too many wait for an answer already");
}

bool status_command(struct daemon *daemon, struct request *request,
                    struct control_client *client, struct text *out)
{
    return request_end(request) ? status_later(totals_ask(daemon, reply_status, client), out)
                                : control_refuse(out, request_fault(request));
}

bool status_upstreams_command(struct daemon *daemon, struct request *request,
                              struct control_client *client, struct text *out)
{
    return request_end(request) ? status_later(totals_ask(daemon, reply_upstreams, client), out)
                                : control_refuse(out, request_fault(request));
}

bool status_fingerprint_command(struct daemon *daemon, struct request *request,
                                struct control_client *client, struct text *out)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    (void)client;
    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    json_string(out, "version", CORDON_VERSION);
    json_uint(out, "generation", policy_generation(snapshot->policy));
    setup_fingerprint_show(out, snapshot->fingerprint, true);
    json_object_end(out);
    return true;
}

bool status_lists_command(struct daemon *daemon, struct request *request,
                          struct control_client *client, struct text *out)
{
    (void)client;
    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    json_uint(out, "generation", policy_generation(daemon_snapshot(daemon)->policy));
    json_bool(out, "log_only", setup_views_log_only(daemon_snapshot(daemon)));
    status_lists(out, daemon_snapshot(daemon), daemon->config->dead,
                 clock_read().wall_us / 1000000);
    setup_schedules_show(out, daemon_snapshot(daemon), clock_read().wall_us / 1000000);
    json_object_end(out);
    return true;
}
