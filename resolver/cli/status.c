/* cordon status and cordon reload: what the daemon answers on its control socket. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/safe.h"
#include "cli/status_attention.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char status_help[] =
    "usage: cordon status [-c CONFIG | --socket PATH] [--fingerprint] [--json]\n"
    "\n"
    "Shows the running daemon: lists, upstreams, questions, events and what was lost.\n"
    "  --fingerprint  the hashes over everything that decides, and nothing else\n"
    "Exit status: 0 all is well, 1 something needs attention (it is named), 2 wrong usage,\n"
    "3 no daemon answers.\n";

static const char reload_help[] =
    "usage: cordon reload [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Makes the daemon load its configuration and lists anew and waits for the outcome. "
    "Anything\n"
    "wrong: the daemon keeps what it had, and the faults are printed; of one publisher, its "
    "lists.\n"
    "Exit status: 0 the new ones are in force, 1 refused, 2 wrong usage, 3 no daemon answers, "
    "4 all\n"
    "but those of a publisher whose folder is broken.\n";

struct request {
    struct cli_daemon daemon;
    bool json, fingerprint;
};

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, const char *command, const char *help,
                 struct request *request)
{
    const struct cli_option options[] = {{"json", 0, NULL, &request->json},
                                         CLI_DAEMON_OPTIONS(&request->daemon)};
    const int code = cli_options(argc, argv, command, help, options, CLI_COUNT(options));

    return code == CLI_GO_ON ? cli_words(argc, argv, command, NULL, 0) : code;
}

static int parse_status(int argc, char **argv, struct request *request)
{
    const struct cli_option options[] = {{"json", 0, NULL, &request->json},
                                         {"fingerprint", 0, NULL, &request->fingerprint},
                                         CLI_DAEMON_OPTIONS(&request->daemon)};
    const int code =
        cli_options(argc, argv, "status", status_help, options, CLI_COUNT(options));

    return code == CLI_GO_ON ? cli_words(argc, argv, "status", NULL, 0) : code;
}

static void print_strings(const json_t *array, const char *between)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *text = json_string_value(json_array_get(array, i));

        printf("%s%s", i > 0 ? between : "", text != NULL ? text : "");
    }
}

/* By somebody's decision an older version counts. */
static void print_held(const json_t *held, const char *list)
{
    for (size_t i = 0; i < json_array_size(held); i++) {
        const json_t *hold = json_array_get(held, i);
        const bool counts = strcmp(cli_string_of(hold, "state"), "held") == 0;
        const uint64_t newer = cli_number_of(hold, "newer");

        if (counts && strcmp(cli_string_of(hold, "list"), list) == 0) {
            printf("  %-24s held at serial %" PRIu64 " since %s (%s)", "",
                   cli_number_of(hold, "serial"), cli_string_of(hold, "since"),
                   cli_string_of(hold, "reason"));
            if (newer > 0) {
                printf("; serial %" PRIu64 " waits", newer);
            }
            printf(": `cordon list release %s` ends it\n", list);
        }
    }
}

/* A newer version is brought in. */
static void print_stage(const json_t *stages, const char *list)
{
    for (size_t i = 0; i < json_array_size(stages); i++) {
        const json_t *one = json_array_get(stages, i);
        const char *until = cli_string_of(one, "until");
        const bool waits = json_is_true(json_object_get(one, "waits"));

        if (strcmp(cli_string_of(one, "list"), list) == 0) {
            printf("  %-24s serial %" PRIu64 " is brought in, at stage %" PRIu64 " of %" PRIu64
                   ": %s%s%s\n",
                   "", cli_number_of(one, "newer"), cli_number_of(one, "stage"),
                   cli_number_of(one, "stages"),
                   waits ? "it waits for its publisher's folder" : cli_string_of(one, "what"),
                   until[0] != '\0' ? ", until " : "", until);
        }
    }
}

static void print_lists(const json_t *status)
{
    const json_t *lists = json_object_get(status, "lists");
    const json_t *held = json_object_get(status, "held");

    printf("\nlists\n");
    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);
        char age[32];

        printf("  %-24s %-8s serial %" PRIu64 ", %s old, %" PRIu64
               " rules, %s, expires %.10s\n",
               cli_string_of(list, "id"), cli_string_of(list, "mode"),
               cli_number_of(list, "serial"), cli_span(cli_number_of(list, "age_s"), age),
               cli_number_of(list, "rules"), cli_string_of(list, "freshness"),
               cli_string_of(list, "expires"));
        printf("  %-24s signed by ", "");
        print_strings(json_object_get(list, "keys"), " ");
        printf("\n");
        print_held(held, cli_string_of(list, "id"));
        print_stage(json_object_get(status, "stages"), cli_string_of(list, "id"));
    }
    for (size_t i = 0; i < json_array_size(held); i++) {
        const json_t *hold = json_array_get(held, i);

        if (strcmp(cli_string_of(hold, "state"), "unused") == 0) {
            printf("  %-24s not in use; held at serial %" PRIu64 " once it is\n",
                   cli_string_of(hold, "list"), cli_number_of(hold, "serial"));
        }
    }
}

static void print_conditions(const json_t *view, size_t number)
{
    const json_t *clients = json_object_get(view, "clients");
    const json_t *listen = json_object_get(view, "listen");

    if (number == 0) {
        printf("all others");
        return;
    }
    printf("%s", json_array_size(clients) > 0 ? "" : "all clients");
    print_strings(clients, " ");
    printf("%s", json_array_size(listen) > 0 ? " at " : "");
    print_strings(listen, " ");
}

static bool has_caps(const json_t *view)
{
    return json_object_size(json_object_get(view, "categories")) > 0 ||
           json_object_size(json_object_get(view, "scopes")) > 0 ||
           strcmp(cli_string_of(json_object_get(view, "confidence"), "apply"), "low") != 0;
}

static const char *print_words(const json_t *words, const char *before, const char *what)
{
    const char *word;
    const json_t *mode;

    json_object_foreach((json_t *)(uintptr_t)words, word, mode)
    {
        char shown[64];

        printf("%s%s %s %.8s", before, what, cli_safe(word, shown, sizeof(shown)),
               json_is_string(mode) ? json_string_value(mode) : "");
        before = ", ";
    }
    return before;
}

/* What rules do at most, by what their lists say of them. */
static void print_caps(const json_t *view)
{
    const json_t *confidence = json_object_get(view, "confidence");
    char line[64];

    if (has_caps(view)) {
        snprintf(line, sizeof(line), "  %-24s at most: ", "");
        const char *before = print_words(json_object_get(view, "categories"), line, "category");
        before = print_words(json_object_get(view, "scopes"), before, "scope");
        if (strcmp(cli_string_of(confidence, "apply"), "low") != 0) {
            printf("%sconfidence below %s log, below %s off", before,
                   cli_string_of(confidence, "apply"), cli_string_of(confidence, "log"));
        }
        printf("\n");
    }
}

/* The first of them is what is said outside of views; alone it needs no words. */
static void print_views(const json_t *views)
{
    const json_t *first = json_array_get(views, 0);

    if (json_array_size(views) < 2 && strcmp(cli_string_of(first, "default"), "deny") != 0 &&
        json_array_size(json_object_get(first, "when")) == 0 && !has_caps(first)) {
        return;
    }
    printf("\nviews\n");
    for (size_t i = 0; i < json_array_size(views); i++) {
        const json_t *view = json_array_get(views, i);
        const json_t *lists = json_object_get(view, "lists");
        const bool paused = json_is_true(json_object_get(view, "default_paused"));

        printf("  %-24s ", cli_string_of(view, "name"));
        print_conditions(view, i);
        printf("\n  %-24s mode %s, action %s, default %s", "", cli_string_of(view, "mode"),
               cli_string_of(view, "action"), cli_string_of(view, "default"));
        if (strcmp(cli_string_of(view, "default"), "deny") == 0) {
            printf(" but for %" PRIu64 " names%s", cli_number_of(view, "allowed"),
                   paused ? ", paused" : "");
        }
        printf("; lists:");
        for (size_t l = 0; l < json_array_size(lists); l++) {
            const json_t *list = json_array_get(lists, l);

            printf("%s %s %s", l > 0 ? "," : "", cli_string_of(list, "id"),
                   cli_string_of(list, "mode"));
        }
        printf("%s\n", json_array_size(lists) == 0 ? " none" : "");
        print_caps(view);
        if (json_array_size(json_object_get(view, "when")) > 0) {
            const char *schedule = cli_string_of(view, "schedule");

            printf("  %-24s now by schedule: %s\n", "",
                   schedule[0] != '\0' ? schedule : "none");
        }
    }
}

static void print_upstreams(const json_t *upstreams)
{
    printf("\nupstreams\n");
    for (size_t i = 0; i < json_array_size(upstreams); i++) {
        const json_t *server = json_array_get(upstreams, i);
        char name[512];

        cli_status_upstream(server, name, sizeof(name));
        printf("  %-32s %-8s %" PRIu64 ".%" PRIu64 " ms, %" PRIu64 " asked, %" PRIu64
               " answered, %" PRIu64 " timed out, %" PRIu64 " wrong, %" PRIu64 " failed%s\n",
               name, cli_string_of(server, "health"), cli_number_of(server, "rtt_us") / 1000,
               cli_number_of(server, "rtt_us") / 100 % 10, cli_number_of(server, "questions"),
               cli_number_of(server, "answers"), cli_number_of(server, "timeouts"),
               cli_number_of(server, "wrong"), cli_number_of(server, "failures"),
               json_is_true(json_object_get(server, "case_lost")) ? ", loses letter case" : "");
        if (json_is_string(json_object_get(server, "last_failure"))) {
            printf("  %-32s the last question was in vain: %s\n", "",
                   cli_string_of(server, "last_failure"));
        }
        if (strcmp(cli_string_of(server, "transport"), "tls") == 0) {
            printf("  %-32s TLS: %" PRIu64 " handshakes, %" PRIu64 " resumed, %" PRIu64
                   " failed%s%s\n",
                   "", cli_number_of(server, "tls_handshakes"),
                   cli_number_of(server, "tls_resumed"), cli_number_of(server, "tls_failures"),
                   json_is_string(json_object_get(server, "tls_error")) ? ": " : "",
                   cli_string_of(server, "tls_error"));
        }
    }
    if (json_array_size(upstreams) == 0) {
        printf("  none\n");
    }
}

static void print_questions(const json_t *status)
{
    const json_t *questions = json_object_get(status, "questions");
    const json_t *cache = json_object_get(status, "cache");
    const json_t *net = json_object_get(status, "net");
    const uint64_t hits = cli_number_of(questions, "cache_hits");
    const uint64_t misses = cli_number_of(questions, "cache_misses");
    json_t *count;
    const char *code;

    printf("\nquestions\n  %" PRIu64 " taken, %" PRIu64 " in flight;",
           cli_number_of(questions, "taken"), cli_number_of(status, "in_flight"));
    json_object_foreach(json_object_get(questions, "answered"), code, count)
    {
        printf(" %s %" PRIu64, code, (uint64_t)json_integer_value(count));
    }
    printf("\n  %" PRIu64 " blocked (%" PRIu64 " by default), %" PRIu64 " logged, %" PRIu64
           " clients refused, %" PRIu64 " dropped on purpose\n",
           cli_number_of(questions, "blocked"), cli_number_of(questions, "denied"),
           cli_number_of(questions, "logged"), cli_number_of(questions, "refused_clients"),
           cli_number_of(questions, "dropped"));
    printf("  cache: %" PRIu64 " of %" PRIu64 " hits (%" PRIu64 " %%), %" PRIu64
           " entries, %" PRIu64 " of %" PRIu64 " KiB\n",
           hits, hits + misses, hits + misses > 0 ? 100 * hits / (hits + misses) : 0,
           cli_number_of(cache, "entries"), cli_number_of(cache, "octets") / 1024,
           cli_number_of(cache, "size") / 1024);
    if (cli_number_of(questions, "stale") + cli_number_of(questions, "prefetches") > 0) {
        printf("  past their time told: %" PRIu64 ", fetched before it: %" PRIu64 "\n",
               cli_number_of(questions, "stale"), cli_number_of(questions, "prefetches"));
    }
    printf("  TCP: %" PRIu64 " open, %" PRIu64 " accepted, %" PRIu64 " refused\n",
           cli_number_of(net, "tcp_open"), cli_number_of(net, "tcp_accepted"),
           cli_number_of(net, "tcp_refused"));
}

static void print_rights(const json_t *rights)
{
    const json_t *step;
    const char *name;

    printf("\nrights\n  user %s", cli_string_of(rights, "user"));
    for (void *at = json_object_iter((json_t *)rights); at != NULL;
         at = json_object_iter_next((json_t *)rights, at)) {
        name = json_object_iter_key(at);
        step = json_object_iter_value(at);
        if (json_is_object(step)) {
            const char *detail = cli_string_of(step, "detail");

            printf("; %s %s%s%s%s", name, cli_string_of(step, "state"),
                   detail[0] != '\0' ? " (" : "", detail, detail[0] != '\0' ? ")" : "");
        }
    }
    printf("\n");
}

static void print_exceptions(const json_t *changes)
{
    const uint64_t exceptions = cli_number_of(changes, "exceptions");
    const uint64_t ending = cli_number_of(changes, "exceptions_ending");
    const uint64_t waiting = cli_number_of(changes, "exceptions_waiting");

    if (exceptions + waiting > 0) {
        printf("  exceptions in force: %" PRIu64, exceptions);
        if (ending > 0) {
            printf(", of which %" PRIu64 " end soon", ending);
        }
        if (waiting > 0) {
            printf("; %" PRIu64 " not yet", waiting);
        }
        printf(" (`cordon exception list`)\n");
    }
}

static void print_audit(const json_t *audit)
{
    const char *state = cli_string_of(audit, "state");

    if (strcmp(state, "off") == 0) {
        printf("\naudit log\n  off\n");
        return;
    }
    printf("\naudit log\n  %s to %s, %" PRIu64 " MiB; %" PRIu64 " decisions, %" PRIu64
           " queries, %" PRIu64 " changes\n",
           state, cli_string_of(audit, "directory"), cli_number_of(audit, "octets") >> 20,
           cli_number_of(json_object_get(audit, "decisions"), "recorded"),
           cli_number_of(json_object_get(audit, "queries"), "recorded"),
           cli_number_of(json_object_get(audit, "changes"), "recorded"));
}

static void print_sinks(const json_t *sinks)
{
    if (json_array_size(sinks) > 0) {
        printf("\nsinks\n");
    }
    for (size_t i = 0; i < json_array_size(sinks); i++) {
        const json_t *sink = json_array_get(sinks, i);

        printf("  %s: %s to %s: %s, %" PRIu64 " sent, %" PRIu64 " lost, %" PRIu64
               " KiB waiting\n",
               cli_string_of(sink, "name"), cli_string_of(sink, "format"),
               cli_string_of(sink, "to"), cli_string_of(sink, "state"),
               cli_number_of(sink, "sent"), cli_status_sink_lost(sink),
               cli_number_of(sink, "queued_octets") >> 10);
    }
}

static unsigned print_status(const json_t *status)
{
    const json_t *events = json_object_get(status, "events");
    char up[32];

    printf("cordond %s, process %" PRIu64 ", up %s, %" PRIu64 " workers, generation %" PRIu64
           "\n",
           cli_string_of(status, "version"), cli_number_of(status, "pid"),
           cli_span(cli_number_of(status, "uptime_s"), up), cli_number_of(status, "workers"),
           cli_number_of(status, "generation"));
    printf("  configuration %s\n", cli_string_of(status, "config"));
    printf("  fingerprint %s\n  listens on ",
           cli_string_of(json_object_get(status, "fingerprint"), "total"));
    print_strings(json_object_get(status, "listen"), ", ");
    printf("\n");
    if (json_is_true(json_object_get(status, "log_only"))) {
        printf("  policy.mode is log: nothing is blocked, everything is recorded\n");
    }
    print_exceptions(json_object_get(status, "changes"));
    print_lists(status);
    print_views(json_object_get(status, "views"));
    cli_print_schedules(json_object_get(status, "schedules"));
    print_upstreams(json_object_get(status, "upstreams"));
    print_questions(status);
    printf("\nevents\n  to %s, %" PRIu64 " written\n", cli_string_of(events, "to"),
           cli_number_of(events, "written"));
    print_audit(json_object_get(status, "audit"));
    print_sinks(json_object_get(status, "sinks"));
    print_rights(json_object_get(status, "rights"));
    return cli_status_attention(status);
}

/* The total, and a line for each part. */
static void print_fingerprint(const json_t *fingerprint)
{
    const json_t *parts = json_object_get(fingerprint, "parts");

    printf("%s\n", cli_string_of(fingerprint, "total"));
    for (void *at = json_object_iter((json_t *)parts); at != NULL;
         at = json_object_iter_next((json_t *)parts, at)) {
        printf("  %-10s %s\n", json_object_iter_key(at),
               cli_string_of(json_object_iter_value(at), "hash"));
    }
}

/* The whole fingerprint, with its lines; NULL after a message. */
static json_t *ask_fingerprint(const struct request *request, int *code)
{
    json_t *reply = cli_ask(&request->daemon, "fingerprint", NULL, code);

    if (reply != NULL && cli_refusal("status", reply) != CLI_OK) {
        *code = CLI_REFUSED;
        json_decref(reply);
        reply = NULL;
    }
    return reply;
}

static int status_fingerprint(const struct request *request)
{
    int code = CLI_OK;
    json_t *reply = ask_fingerprint(request, &code);

    if (reply != NULL && request->json) {
        cli_print_document(reply);
    } else if (reply != NULL) {
        print_fingerprint(json_object_get(reply, "fingerprint"));
    }
    json_decref(reply);
    return code;
}

int cli_status(int argc, char **argv)
{
    struct request request = {0};
    int code = parse_status(argc, argv, &request);

    if (code >= 0) {
        return code;
    }
    if (request.fingerprint) {
        return status_fingerprint(&request);
    }
    json_t *status = cli_ask(&request.daemon, "status", NULL, &code);
    if (status == NULL) {
        return code;
    }
    if (request.json && json_is_true(json_object_get(status, "ok"))) {
        /* With its lines it can be compared, also when the daemon is gone. */
        json_t *reply = ask_fingerprint(&request, &code);

        if (reply == NULL) {
            json_decref(status);
            return code;
        }
        json_object_set(status, "fingerprint", json_object_get(reply, "fingerprint"));
        json_decref(reply);
    }
    if (request.json) {
        cli_print_document(status);
    } else {
        code = cli_refusal("status", status);
        if (code == CLI_OK && print_status(status) > 0) {
            code = CLI_REFUSED;
        }
    }
    json_decref(status);
    return code;
}

static void print_messages(const json_t *result, const char *key, const char *kind)
{
    const json_t *messages = json_object_get(result, key);

    for (size_t i = 0; i < json_array_size(messages); i++) {
        const char *text = json_string_value(json_array_get(messages, i));

        fprintf(stderr, "%s: %s\n", kind, text != NULL ? text : "");
    }
}

int cli_reload(int argc, char **argv)
{
    struct request request = {0};
    int code = parse(argc, argv, "reload", reload_help, &request);

    if (code >= 0) {
        return code;
    }
    json_t *result = cli_ask(&request.daemon, "reload", NULL, &code);
    if (result == NULL) {
        return code;
    }
    const bool ok = json_is_true(json_object_get(result, "ok"));
    const bool partly = json_is_true(json_object_get(result, "partly"));
    if (request.json) {
        cli_print_document(result);
    } else {
        print_messages(result, "errors", "error");
        print_messages(result, "warnings", "warning");
        if (ok) {
            printf("%sin force: generation %" PRIu64 ", %" PRIu64 " rules, %" PRIu64 " ms\n",
                   partly ? "partly " : "", cli_number_of(result, "generation"),
                   cli_number_of(result, "rules"), cli_number_of(result, "milliseconds"));
        } else {
            fprintf(stderr, "refused: %s; the daemon keeps what it had\n",
                    cli_string_of(result, "error"));
        }
    }
    json_decref(result);
    return !ok ? CLI_REFUSED : partly ? CLI_PARTLY : CLI_OK;
}
