/* cordon lists, upstreams and clients: tables of what the daemon tells. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/safe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CLIENTS_SHOWN     10u
#define CLIENTS_SHOWN_MAX 64u /* that the daemon tells */

static const char lists_help[] =
    "usage: cordon lists [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "The lists that the running daemon has in force: mode, serial, rules, age and signers.\n"
    "Exit status: 0 told, 2 wrong usage, 3 no daemon answers.\n";

static const char upstreams_help[] =
    "usage: cordon upstreams [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "The servers that the running daemon asks: health, time and what became of questions.\n"
    "Exit status: 0 told, 2 wrong usage, 3 no daemon answers.\n";

static const char clients_help[] =
    "usage: cordon clients [--count N] [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Who asks most, and whose questions are blocked most: over the last minute or two, and\n"
    "since the daemon's start. --count: so many of each (10, at most 64). The counting takes\n"
    "bounded memory; where a number may be too high, it is told by how much.\n"
    "This shows addresses: whoever may use the control socket may see them.\n"
    "Exit status: 0 told, 2 wrong usage, 3 no daemon answers.\n";

struct show {
    struct cli_daemon daemon;
    bool json;
    unsigned count;
};

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, const char *help, bool counted, struct show *show)
{
    const char *number = NULL;
    const struct cli_option options[] = {CLI_DAEMON_OPTIONS(&show->daemon),
                                         {"json", 0, NULL, &show->json},
                                         {"count", 0, &number, NULL}};
    const int code =
        cli_options(argc, argv, argv[0], help, options, CLI_COUNT(options) - (counted ? 0 : 1));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (number != NULL && !cli_number(number, 1, CLIENTS_SHOWN_MAX, &show->count)) {
        return cli_usage(argv[0], "--count takes a number from 1 to 64");
    }
    return cli_words(argc, argv, argv[0], NULL, 0);
}

/* Asks for the document, and prints it by print, or as it is. */
static int show_with(const char *command, const struct show *show,
                     void (*print)(const struct show *show, const json_t *document))
{
    int code = CLI_OK;
    json_t *document = cli_ask(&show->daemon, command, NULL, &code);

    if (document == NULL) {
        return code;
    }
    if (show->json) {
        cli_print_document(document);
        code = json_is_true(json_object_get(document, "ok")) ? CLI_OK : CLI_REFUSED;
    } else {
        code = cli_refusal(command, document);
        if (code == CLI_OK) {
            print(show, document);
        }
    }
    json_decref(document);
    return code;
}

void cli_print_schedules(const json_t *schedules)
{
    for (size_t i = 0; i < json_array_size(schedules); i++) {
        const json_t *schedule = json_array_get(schedules, i);
        const bool holds = json_is_true(json_object_get(schedule, "holds"));
        const char *changes = cli_string_of(schedule, "changes");
        char name[32];

        printf("%s  %-24s %s%s%s (%s)\n", i == 0 ? "\nschedules\n" : "",
               cli_safe(cli_string_of(schedule, "name"), name, sizeof(name)),
               holds ? "holds" : "does not hold",
               changes[0] == '\0' ? ", and that does not change"
               : holds            ? " until "
                                  : ", next from ",
               changes, cli_string_of(schedule, "zone"));
    }
}

static void print_lists(const struct show *show, const json_t *document)
{
    const json_t *lists = json_object_get(document, "lists");

    (void)show;
    printf("%-24s %-16s %-8s %8s %10s %9s %-10s %s\n", "LIST", "PROVIDER", "MODE", "SERIAL",
           "RULES", "AGE", "EXPIRES", "SIGNED BY");
    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);
        const json_t *keys = json_object_get(list, "keys");
        const char *freshness = cli_string_of(list, "freshness");
        char id[25];
        char provider[17];
        char age[32];

        printf("%-24s %-16s %-8.8s %8" PRIu64 " %10" PRIu64 " %9s %-10.10s",
               cli_safe(cli_string_of(list, "id"), id, sizeof(id)),
               cli_safe(cli_string_of(list, "provider"), provider, sizeof(provider)),
               cli_string_of(list, "mode"), cli_number_of(list, "serial"),
               cli_number_of(list, "rules"), cli_span(cli_number_of(list, "age_s"), age),
               cli_string_of(list, "expires"));
        for (size_t k = 0; k < json_array_size(keys); k++) {
            const char *key = json_string_value(json_array_get(keys, k));

            printf(" %.16s", key != NULL ? key : "");
        }
        if (json_is_true(json_object_get(list, "held"))) {
            const uint64_t newer = cli_number_of(list, "newer");

            printf("  held");
            if (newer > 0) {
                printf(", %" PRIu64 " waits", newer);
            }
        }
        printf("%s%.16s\n", strcmp(freshness, "fresh") == 0 ? "" : "  ",
               strcmp(freshness, "fresh") == 0 ? "" : freshness);
    }
    printf("%zu lists, %" PRIu64 " rules, generation %" PRIu64 "%s\n", json_array_size(lists),
           cli_number_of(document, "rules"), cli_number_of(document, "generation"),
           json_is_true(json_object_get(document, "log_only"))
               ? "; policy.mode is log: nothing is blocked"
               : "");
    cli_print_schedules(json_object_get(document, "schedules"));
}

static void show_failures(const json_t *server)
{
    const char *failure = cli_string_of(server, "last_failure");
    const char *tls = cli_string_of(server, "tls_error");
    char words[400];

    if (failure[0] != '\0') {
        printf("  the last question was in vain: %s\n",
               cli_safe(failure, words, sizeof(words)));
    }
    if (tls[0] != '\0') {
        printf("  TLS: %s\n", cli_safe(tls, words, sizeof(words)));
    }
}

static void print_upstreams(const struct show *show, const json_t *document)
{
    const json_t *servers = json_object_get(document, "upstreams");

    (void)show;
    printf("%-40s %-8s %9s %10s %10s %9s %8s %8s\n", "SERVER", "HEALTH", "TIME", "ASKED",
           "ANSWERED", "TIMED OUT", "WRONG", "FAILED");
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        const bool tls = strcmp(cli_string_of(server, "transport"), "tls") == 0;
        const char *advice = cli_string_of(server, "advice");
        const uint64_t rtt_us = cli_number_of(server, "rtt_us");
        char name[41];
        char where[160];
        char time[24];
        char words[400];

        snprintf(where, sizeof(where), "%s%.80s%s%.70s", tls ? "tls://" : "",
                 cli_string_of(server, "address"),
                 cli_string_of(server, "tls_name")[0] != '\0' ? "#" : "",
                 cli_string_of(server, "tls_name"));
        printf("%-40s %-8.8s %9s %10" PRIu64 " %10" PRIu64 " %9" PRIu64 " %8" PRIu64
               " %8" PRIu64 "%s\n",
               cli_safe(where, name, sizeof(name)), cli_string_of(server, "health"),
               rtt_us > 0 ? cli_micros(rtt_us, time) : "-", cli_number_of(server, "questions"),
               cli_number_of(server, "answers"), cli_number_of(server, "timeouts"),
               cli_number_of(server, "wrong"), cli_number_of(server, "failures"),
               json_is_true(json_object_get(server, "case_lost")) ? "  loses letter case" : "");
        if (advice[0] != '\0') {
            printf("  %s\n", cli_safe(advice, words, sizeof(words)));
        }
        show_failures(server);
    }
    if (json_array_size(servers) == 0) {
        printf("none: only listed names and those of the place are answered\n");
    }
}

static void print_counted(const char *head, const json_t *entries, unsigned count)
{
    printf("  %s\n", head);
    for (size_t i = 0; i < json_array_size(entries) && i < count; i++) {
        const json_t *entry = json_array_get(entries, i);
        const uint64_t error = cli_number_of(entry, "error");
        char address[64];

        printf("  %12" PRIu64 "  %s", cli_number_of(entry, "count"),
               cli_safe(cli_string_of(entry, "address"), address, sizeof(address)));
        if (error > 0) {
            printf("  (or up to %" PRIu64 " fewer)", error);
        }
        printf("\n");
    }
    if (json_array_size(entries) == 0) {
        printf("  %12s  nobody\n", "-");
    }
}

static void print_window(const json_t *window, const char *words, unsigned count)
{
    char span[32];

    printf("%s %s\n", words, cli_span(cli_number_of(window, "seconds"), span));
    print_counted("questions", json_object_get(window, "clients"), count);
    print_counted("blocked questions", json_object_get(window, "clients_blocked"), count);
}

static void print_clients(const struct show *show, const json_t *document)
{
    const uint64_t workers = cli_number_of(document, "workers");
    const uint64_t reported = cli_number_of(document, "workers_reported");

    print_window(json_object_get(document, "recent"), "over the last", show->count);
    print_window(json_object_get(document, "all"), "since the start, for", show->count);
    if (reported < workers) {
        printf("%" PRIu64 " of %" PRIu64 " workers did not report in time: their older counts "
               "are shown\n",
               workers - reported, workers);
    }
}

int cli_lists(int argc, char **argv)
{
    struct show show = {0};
    const int code = parse(argc, argv, lists_help, false, &show);

    return code >= 0 ? code : show_with("lists", &show, print_lists);
}

int cli_upstreams(int argc, char **argv)
{
    struct show show = {0};
    const int code = parse(argc, argv, upstreams_help, false, &show);

    return code >= 0 ? code : show_with("upstreams", &show, print_upstreams);
}

int cli_clients(int argc, char **argv)
{
    struct show show = {.count = CLIENTS_SHOWN};
    const int code = parse(argc, argv, clients_help, true, &show);

    return code >= 0 ? code : show_with("clients", &show, print_clients);
}
