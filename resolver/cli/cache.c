/* cordon cache show and cordon cache flush. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "cli/query.h"
#include "cli/safe.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char show_help[] =
    "usage: cordon cache show NAME [TYPE] [--under] [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "What the running daemon keeps for a name: each type, with DO and CD or without, what is\n"
    "left of its time, its age, and its records. --under: of the names below it, too.\n"
    "Exit status: 0 something is kept, 1 nothing is, or refused, 2 wrong usage, 3 no daemon\n"
    "answers.\n";

static const char flush_help[] =
    "usage: cordon cache flush (NAME [TYPE] [--under] | --all) [-c CONFIG | --socket PATH]\n"
    "                          [--json]\n"
    "\n"
    "Makes the running daemon forget what it keeps for a name (--under: and for the names "
    "below\n"
    "it), or everything. The next question asks an upstream again.\n"
    "Exit status: 0 done, also if nothing was there, 1 refused, 2 wrong usage, 3 no daemon\n"
    "answers.\n";

struct wanted {
    struct cli_daemon daemon;
    const char *name, *type;
    bool under, all, json;
};

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, const char *command, const char *help,
                 struct wanted *wanted)
{
    const struct cli_option options[] = {{"json", 0, NULL, &wanted->json},
                                         {"under", 0, NULL, &wanted->under},
                                         {"all", 0, NULL, &wanted->all},
                                         CLI_DAEMON_OPTIONS(&wanted->daemon)};
    const char *words[2];
    int code = cli_options(argc, argv, command, help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, command, words, 2);
    }
    if (code == CLI_GO_ON) {
        wanted->name = words[0];
        wanted->type = words[1];
    }
    return code;
}

/* NULL after a message; then *code is set. */
static json_t *ask(const struct wanted *wanted, const char *command, int *code)
{
    json_t *arguments = json_object();
    char ascii[WIRE_NAME_TEXT_MAX];
    const char *name = wanted->name == NULL ? NULL : cli_name_shown(wanted->name, ascii);

    if (arguments == NULL || !cli_add_string(arguments, "name", name) ||
        !cli_add_string(arguments, "type", wanted->type) ||
        (wanted->under && json_object_set_new(arguments, "under", json_true()) != 0) ||
        (wanted->all && json_object_set_new(arguments, "all", json_true()) != 0)) {
        json_decref(arguments);
        fprintf(stderr, "cordon cache: a name in UTF-8 is needed\n");
        *code = CLI_REFUSED;
        return NULL;
    }
    return cli_ask(&wanted->daemon, command, arguments, code);
}

static void print_entry(const json_t *entry)
{
    const json_t *zone = json_object_get(entry, "zone");
    uint8_t octets[WIRE_MESSAGE_MAX];
    char name[1100];
    char words[200];

    printf("%s. %.15s %.15s, ", cli_safe(cli_string_of(entry, "name"), name, sizeof(name)),
           cli_string_of(entry, "type"), cli_string_of(entry, "kind"));
    if (json_is_true(json_object_get(entry, "stale"))) {
        printf("past its time");
    } else {
        printf("%" PRIu64 " s left", cli_number_of(entry, "ttl_s"));
    }
    printf(", %" PRIu64 " s old%s%s%s", cli_number_of(entry, "age_s"),
           json_is_true(json_object_get(entry, "dnssec_ok")) ? ", DO" : "",
           json_is_true(json_object_get(entry, "checking_disabled")) ? ", CD" : "",
           json_is_true(json_object_get(entry, "policy_only")) ? ", for the policy alone" : "");
    if (zone != NULL) {
        printf(", zone %s", json_is_null(zone)
                                ? "that is no more"
                                : cli_safe(cli_string_of(entry, "zone"), name, sizeof(name)));
    }
    if (cli_string_of(entry, "why")[0] != '\0') {
        printf(": %s", cli_safe(cli_string_of(entry, "why"), words, sizeof(words)));
    }
    printf("\n");
    const size_t len = cli_octets(cli_string_of(entry, "message"), octets, sizeof(octets));
    if (len > 0) {
        cli_print_message(octets, len);
    }
}

static int show(int argc, char **argv)
{
    struct wanted wanted = {0};
    int code = parse(argc, argv, "cache show", show_help, &wanted);

    if (code >= 0) {
        return code;
    }
    if (wanted.name == NULL || wanted.all) {
        return cli_usage("cache show", "a name is needed");
    }
    json_t *document = ask(&wanted, "cache-show", &code);
    if (document == NULL) {
        return code;
    }
    const json_t *entries = json_object_get(document, "entries");
    if (wanted.json) {
        cli_print_document(document);
    } else if (cli_refusal("cache show", document) == CLI_OK) {
        for (size_t i = 0; i < json_array_size(entries); i++) {
            print_entry(json_array_get(entries, i));
        }
        if (json_array_size(entries) == 0) {
            printf("nothing is kept\n");
        }
        if (json_is_true(json_object_get(document, "more"))) {
            printf("and more: name a type, or leave out --under\n");
        }
    }
    code = json_array_size(entries) > 0 ? CLI_OK : CLI_REFUSED;
    json_decref(document);
    return code;
}

static int flush(int argc, char **argv)
{
    struct wanted wanted = {0};
    int code = parse(argc, argv, "cache flush", flush_help, &wanted);

    if (code >= 0) {
        return code;
    }
    if (wanted.all ? wanted.name != NULL || wanted.under : wanted.name == NULL) {
        return cli_usage("cache flush", "either a name or --all alone is needed");
    }
    json_t *document = ask(&wanted, "cache-flush", &code);
    if (document == NULL) {
        return code;
    }
    if (wanted.json) {
        cli_print_document(document);
        code = json_is_true(json_object_get(document, "ok")) ? CLI_OK : CLI_REFUSED;
    } else {
        code = cli_refusal("cache flush", document);
        if (code == CLI_OK) {
            const uint64_t removed = cli_number_of(document, "removed");

            printf("%" PRIu64 " %s forgotten\n", removed, removed == 1 ? "entry" : "entries");
        }
    }
    json_decref(document);
    return code;
}

int cli_cache(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"flush", flush, "flush (NAME [TYPE] [--under] | --all) [-c CONFIG] [--json]"},
        {"show", show, "show NAME [TYPE] [--under] [-c CONFIG] [--json]"},
    };

    return cli_dispatch("cache", verbs, CLI_COUNT(verbs), argc, argv);
}
