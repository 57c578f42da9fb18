/*
 * daemon/why.c - `why` and `explain`: what becomes of a name now, by the snapshot in force and
 * what the cache has of it, with what people have changed (docs/control.md, docs/explain.md).
 * Nothing is asked of anybody.
 */
#include "daemon/state.h"
#include "setup/explain.h"
#include "wire/type.h"

#include <stdlib.h>
#include <string.h>

#define DNS_PORT 53

/* The address that a client of this family most likely asks: the first that we listen on. */
static struct address asked_at(const struct daemon *daemon, const struct address *client)
{
    struct address at = {.family = ADDRESS_NONE};

    for (size_t i = 0; i < daemon->listen_count; i++) {
        const struct address *listen = &daemon->listen[i];

        if (at.family == ADDRESS_NONE ||
            (at.family != client->family && listen->family == client->family)) {
            at = *listen;
        }
    }
    return at;
}

/* The name, or where everything is wanted an address. */
static void read_subject(struct request *request, bool everything, struct setup_why *why)
{
    const char *name = request_text(request, "name", WIRE_NAME_TEXT_MAX - 1, true);

    if (name == NULL) {
        return;
    }
    why->is_address =
        everything && address_parse_client(name, strlen(name), &why->address) == 0;
    const enum wire_text_result result =
        why->is_address ? wire_name_from_text(".", 1, &why->name)
                        : wire_name_from_text(name, strlen(name), &why->name);
    if (result != WIRE_TEXT_OK) {
        request_refuse(request, "name", "no domain name: %s", wire_text_result_words(result));
    }
}

/* Reads the arguments. False after a fault. */
static bool read_request(struct daemon *daemon, struct request *request, bool everything,
                         struct setup_why *why)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const char *type = request_text(request, "type", WIRE_TYPE_TEXT_MAX - 1, false);
    const char *client = request_text(request, "client", ADDRESS_TEXT_MAX - 1, false);
    const char *view = request_text(request, "view", OVERRIDES_ID_MAX, false);
    const char *listener =
        everything ? request_text(request, "listener", ADDRESS_TEXT_MAX - 1, false) : NULL;
    struct address address;
    struct address at = {.family = ADDRESS_NONE};

    read_subject(request, everything, why);
    if (listener != NULL &&
        (client == NULL || address_parse(listener, strlen(listener), DNS_PORT, &at) != 0)) {
        request_refuse(request, "listener",
                       client == NULL ? "only with a client" : "no ADDRESS or ADDRESS@PORT");
    }
    why->type = WIRE_A;
    if (type != NULL && !wire_type_parse(type, strlen(type), &why->type)) {
        request_refuse(request, "type", "no record type");
    }
    if (client != NULL && view != NULL) {
        request_refuse(request, "view", "name a client or a view");
    } else if (client != NULL && address_parse_client(client, strlen(client), &address) != 0) {
        request_refuse(request, "client", "no IP address");
    } else if (client != NULL) {
        at = listener != NULL ? at : asked_at(daemon, &address);
        why->view = setup_why_view(snapshot, &address, &at);
        why->client_known = true;
        why->client = address;
        why->client_allowed = query_settings_admit(&snapshot->settings, &address);
    } else if (view != NULL && !setup_why_view_named(snapshot, view, &why->view)) {
        request_refuse(request, "view", "there is no such view");
    }
    return request_end(request);
}

/* What the cache has for the name, with or without DNSSEC records; past its time, if there is
 * nothing else. */
static void find_answer(struct daemon *daemon, struct setup_why *why, uint8_t *octets)
{
    const uint64_t now_us = clock_read().mono_us;

    for (unsigned i = 0; i < 4 && why->answer_len == 0; i++) {
        const struct cache_key key = {.name = &why->name,
                                      .type = why->type,
                                      .context = why->context,
                                      .dnssec_ok = i % 2 == 1};
        struct cache_entry entry;

        if (why_find(daemon, &key, now_us, i >= 2, octets, &entry)) {
            why->answer = octets;
            why->answer_len = entry.len;
            why->answer_stale = i >= 2;
        }
    }
}

/* Whether a pause or exception has to do with what was found. */
static bool concerns(const struct override *override, const struct setup_why *why)
{
    const struct wire_name *name = &override->exception.name;

    if (override->kind == OVERRIDE_PAUSE) {
        return true; /* few, and the reader knows the list */
    }
    if (override->exception.is_rule && override->exception.match == POLICY_MATCH_PREFIX) {
        return false; /* a hit names the one that counts */
    }
    for (unsigned i = 0; i <= why->chain.count; i++) {
        const struct wire_name *here = i == 0 ? &why->name : &why->chain.names[i - 1];

        if (override->exception.exact ? wire_name_equal(here, name)
                                      : wire_name_is_within(here, name)) {
            return true;
        }
    }
    return false;
}

static void write_changes(struct text *out, const struct daemon *daemon,
                          const struct setup_why *why)
{
    static const char *const keys[] = {
        [OVERRIDE_PAUSE] = "pauses", [OVERRIDE_EXCEPTION] = "exceptions"};
    const struct clock_now now = clock_read();

    for (unsigned kind = OVERRIDE_PAUSE; kind <= OVERRIDE_EXCEPTION; kind++) {
        json_array_begin(out, keys[kind]);
        const struct override *override = changes_at(&daemon->changes, 0);
        for (size_t i = 0; override != NULL; override = changes_at(&daemon->changes, ++i)) {
            if (override->kind == (enum override_kind)kind && !override->over &&
                concerns(override, why)) {
                override_write(out, override, now, changes_state(daemon, override, now));
            }
        }
        json_array_end(out);
    }
}

/* What the daemon has beside its snapshot. */
static void write_place(struct text *out, const struct daemon *daemon)
{
    char address[ADDRESS_TEXT_MAX];

    json_string(out, "contact", daemon->config->contact);
    json_array_begin(out, "listen");
    for (size_t i = 0; i < daemon->listen_count; i++) {
        address_format(&daemon->listen[i], true, address);
        json_string(out, NULL, address);
    }
    json_array_end(out);
}

static bool answer(struct daemon *daemon, struct request *request, bool everything,
                   struct text *out)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const struct setup_asked asked = {.of = "daemon",
                                      .path = daemon->config_path,
                                      .time_s = clock_read().wall_us / 1000000,
                                      .verified = true,
                                      .changes = true};
    struct setup_why *why = calloc(1, sizeof(*why));
    uint8_t *octets = malloc(WIRE_MESSAGE_MAX);
    struct setup_why_server *servers = calloc(SETUP_WHY_SERVERS_MAX, sizeof(servers[0]));

    if (why == NULL || octets == NULL || servers == NULL) {
        free(why);
        free(octets);
        free(servers);
        return control_refuse(out, "out of memory");
    }
    if (!read_request(daemon, request, everything, why)) {
        control_refuse(out, request_fault(request));
    } else {
        if (!why->is_address) {
            setup_why_place(snapshot, why);
            find_answer(daemon, why, octets);
            why_find_servers(daemon, why, servers);
        }
        setup_why_decide(snapshot, why);
        json_object_begin(out, NULL);
        json_bool(out, "ok", true);
        if (everything) {
            setup_explain_write(out, snapshot, why, &asked);
        } else {
            setup_why_write(out, snapshot, why);
        }
        write_changes(out, daemon, why);
        write_place(out, daemon);
        json_object_end(out);
    }
    free(why);
    free(octets);
    free(servers);
    return true;
}

bool why_command(struct daemon *daemon, struct request *request, struct control_client *client,
                 struct text *out)
{
    (void)client;
    return answer(daemon, request, false, out);
}

bool explain_command(struct daemon *daemon, struct request *request,
                     struct control_client *client, struct text *out)
{
    (void)client;
    return answer(daemon, request, true, out);
}
