/* cordon trace: one question through every state of the daemon. */
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

static const char help[] =
    "usage: cordon trace NAME [TYPE] [--client IP] [--view VIEW] [--tcp] [--dnssec]\n"
    "                    [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Has the running daemon answer one question as if a client had asked it, and shows every\n"
    "state that it went through, when, and what came of it: policy, cache, each upstream. The\n"
    "answer comes here and to nobody else, and nothing is recorded; what is blocked does not\n"
    "leave. --client: as if this address had asked (127.0.0.1); --view: in this view instead\n"
    "of the client's; --tcp, --dnssec: asked so.\n"
    "Exit status: 0 traced, whatever the answer is, 1 refused, 2 wrong usage, 3 no daemon\n"
    "answers.\n";

struct wanted {
    struct cli_daemon daemon;
    const char *name, *type, *client, *view;
    bool tcp, dnssec, json;
};

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, struct wanted *wanted)
{
    const struct cli_option options[] = {
        {"client", 0, &wanted->client, NULL}, {"view", 0, &wanted->view, NULL},
        {"tcp", 0, NULL, &wanted->tcp},       {"dnssec", 0, NULL, &wanted->dnssec},
        {"json", 0, NULL, &wanted->json},     CLI_DAEMON_OPTIONS(&wanted->daemon)};
    const char *words[2];
    int code = cli_options(argc, argv, "trace", help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "trace", words, 2);
    }
    if (code != CLI_GO_ON) {
        return code;
    }
    wanted->name = words[0];
    wanted->type = words[1];
    return wanted->name != NULL ? CLI_GO_ON : cli_usage("trace", "a name is needed");
}

/* NULL after a message; then *code is set. */
static json_t *ask(const struct wanted *wanted, int *code)
{
    json_t *arguments = json_object();
    char ascii[WIRE_NAME_TEXT_MAX];
    const char *name = wanted->name == NULL ? NULL : cli_name_shown(wanted->name, ascii);

    if (arguments == NULL || !cli_add_string(arguments, "name", name) ||
        !cli_add_string(arguments, "type", wanted->type) ||
        !cli_add_string(arguments, "client", wanted->client) ||
        !cli_add_string(arguments, "view", wanted->view) ||
        (wanted->tcp && json_object_set_new(arguments, "tcp", json_true()) != 0) ||
        (wanted->dnssec && json_object_set_new(arguments, "dnssec", json_true()) != 0)) {
        json_decref(arguments);
        fprintf(stderr, "cordon trace: names and words in UTF-8 are needed\n");
        *code = CLI_REFUSED;
        return NULL;
    }
    return cli_ask(&wanted->daemon, "trace", arguments, code);
}

static void print_lines(const json_t *lines)
{
    char words[1000];

    printf("%10s  %-8s %8s\n", "AT us", "STATE", "TOOK us");
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);

        cli_safe(cli_string_of(line, "words"), words, sizeof(words));
        if (json_object_get(line, "took_us") != NULL) {
            printf("%10" PRIu64 "  %-8.8s %8" PRIu64 "  %s\n", cli_number_of(line, "at_us"),
                   cli_string_of(line, "state"), cli_number_of(line, "took_us"), words);
        } else {
            printf("%10" PRIu64 "  %-8s %8s    %s\n", cli_number_of(line, "at_us"), "", "",
                   words);
        }
    }
}

static void print_trace(const json_t *trace)
{
    const char *upstream = cli_string_of(trace, "upstream");
    uint8_t octets[WIRE_MESSAGE_MAX];
    char client[64];
    char view[80];
    char server[100];
    char took[24];

    print_lines(json_object_get(trace, "lines"));
    if (json_is_true(json_object_get(trace, "cut"))) {
        printf("%10s  and more than are kept\n", "");
    }
    printf("\n%s in %s, as if asked by %s over %s, view %s, generation %" PRIu64
           ", worker %" PRIu64 "%s%s\n",
           json_is_true(json_object_get(trace, "answered")) ? cli_string_of(trace, "rcode")
                                                            : "no answer",
           cli_micros(cli_number_of(trace, "microseconds"), took),
           cli_safe(cli_string_of(trace, "client"), client, sizeof(client)),
           strcmp(cli_string_of(trace, "transport"), "tcp") == 0 ? "TCP" : "UDP",
           cli_safe(cli_string_of(trace, "view"), view, sizeof(view)),
           cli_number_of(trace, "generation"), cli_number_of(trace, "worker"),
           upstream[0] != '\0' ? ", answered by " : "",
           cli_safe(upstream, server, sizeof(server)));
    const size_t len = cli_octets(cli_string_of(trace, "message"), octets, sizeof(octets));
    if (len > 0) {
        cli_print_message(octets, len);
    }
}

int cli_trace(int argc, char **argv)
{
    struct wanted wanted = {0};
    int code = parse(argc, argv, &wanted);

    if (code >= 0) {
        return code;
    }
    json_t *document = ask(&wanted, &code);
    if (document == NULL) {
        return code;
    }
    if (wanted.json) {
        cli_print_document(document);
        code = json_is_true(json_object_get(document, "ok")) ? CLI_OK : CLI_REFUSED;
    } else {
        code = cli_refusal("trace", document);
        if (code == CLI_OK) {
            print_trace(document);
        }
    }
    json_decref(document);
    return code;
}
