/*
 * daemon/commands.c - which command of the control socket is answered by whom
 * (docs/control.md).
 */
#include "base/invariant.h"
#include "daemon/state.h"

#include <string.h>

static bool reload_command(struct daemon *daemon, struct request *request,
                           struct control_client *client, struct text *out)
{
    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    return reload_request(daemon, RELOAD_ASKED, client)
               ? false
               : control_refuse(out, "too many wait for a reload already");
}

static bool version_command(struct daemon *daemon, struct request *request,
                            struct control_client *client, struct text *out)
{
    (void)daemon;
    (void)client;
    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    json_string(out, "version", CORDON_VERSION);
    json_object_end(out);
    return true;
}

/* Each reads its arguments from the request and ends it (request.h), then writes its document
 * and returns true, or keeps the client for control_reply() and returns false. */
static const struct {
    const char *name;
    bool (*run)(struct daemon *daemon, struct request *request, struct control_client *client,
                struct text *out);
} commands[] = {
    {"audit-forget", recording_forget_command},
    {"cache-flush", cached_flush_command},
    {"cache-show", cached_show_command},
    {"changes", changes_list_command},
    {"clients", top_clients_command},
    {"exception-add", changes_exception_add_command},
    {"exception-remove", changes_exception_remove_command},
    {"explain", explain_command},
    {"fingerprint", status_fingerprint_command},
    {"list-advance", staging_advance_command},
    {"list-history", holding_history_command},
    {"list-release", holding_release_command},
    {"list-rollback", holding_rollback_command},
    {"list-stages", staging_list_command},
    {"lists", status_lists_command},
    {"pause", changes_pause_command},
    {"pause-end", changes_pause_end_command},
    {"reload", reload_command},
    {"status", status_command},
    {"takeover", successor_command},
    {"top", top_command},
    {"trace", trace_command},
    {"trust-acknowledge", alarm_acknowledge_command},
    {"upstreams", status_upstreams_command},
    {"version", version_command},
    {"why", why_command},
};

static bool refuse_unknown(struct text *out)
{
    char words[512];
    struct text known;

    text_init(&known, words, sizeof(words));
    text_add(&known, "unknown command; known: ");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        text_add(&known, i > 0 ? ", " : "");
        text_add(&known, commands[i].name);
    }
    return control_refuse(out, known.at);
}

/* What is kept, and what a successor that is starting has read already. */
static bool changes_something(const char *command)
{
    return strncmp(command, "exception-", 10) == 0 || strncmp(command, "pause", 5) == 0 ||
           strncmp(command, "trust-", 6) == 0 || strcmp(command, "audit-forget") == 0 ||
           strcmp(command, "list-advance") == 0 || strcmp(command, "list-rollback") == 0 ||
           strcmp(command, "list-release") == 0;
}

bool commands_refuse_for_now(struct text *out, const char *words)
{
    json_object_begin(out, NULL);
    json_bool(out, "ok", false);
    json_string(out, "error", words);
    json_bool(out, "again", true);
    json_object_end(out);
    return true;
}

bool commands_run(void *context, struct request *request, struct control_client *client,
                  struct text *out)
{
    struct daemon *daemon = context;

    invariant(daemon->magic == DAEMON_MAGIC);
    if (daemon->successor.is_ready) {
        return commands_refuse_for_now(out, "another cordond has taken over: try again");
    }
    if (daemon->stopping) {
        return control_refuse(out, "the daemon is stopping");
    }
    if (daemon->successor.channel >= 0 && changes_something(request_command(request))) {
        return commands_refuse_for_now(out, "another cordond is about to take over: try again");
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, request_command(request)) == 0) {
            return commands[i].run(daemon, request, client, out);
        }
    }
    return refuse_unknown(out);
}
