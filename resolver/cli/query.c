/* cordon query: a small dig on our own view of messages, which says policy answers in words. */
#include "cli/query.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/exchange.h"
#include "cli/names.h"
#include "wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cordon query [@SERVER[@PORT]] NAME [TYPE] [OPTION...]\n"
    "\n"
    "Asks a resolver (default 127.0.0.1@5300) and shows the answer; if a policy made it, says "
    "so.\n"
    "  --tcp          ask over TCP\n"
    "  --no-edns      without EDNS, and so without Extended DNS Errors\n"
    "  --dnssec       with the DO bit\n"
    "  --timeout S    seconds to wait (default 5)\n"
    "  --json         one JSON document\n"
    "Exit status: 0 an answer came, whatever it says; 2 wrong usage; 3 none came.\n";

struct ask {
    struct cli_exchange exchange;
    bool json;
};

static int parse_arguments(int argc, char **argv, struct ask *ask)
{
    bool have_name = false;

    for (int i = optind; i < argc; i++) {
        const char *word = argv[i];

        if (word[0] == '@') {
            if (address_parse(word + 1, strlen(word + 1), 53, &ask->exchange.server) != 0) {
                return cli_usage("query", "'%s' is no address: @192.0.2.1 or @192.0.2.1@5300",
                                 word);
            }
        } else if (!have_name) {
            const enum wire_text_result result = cli_name_read(word, &ask->exchange.name);
            if (result != WIRE_TEXT_OK) {
                return cli_usage("query", "'%s' is no name: %s", word,
                                 wire_text_result_words(result));
            }
            have_name = true;
        } else if (!wire_type_parse(word, strlen(word), &ask->exchange.type)) {
            return cli_usage("query", "'%s' is no record type", word);
        }
    }
    return have_name ? CLI_OK : cli_usage("query", "name what to ask for");
}

static int ask_and_print(struct ask *ask)
{
    uint8_t *octets = malloc(WIRE_MESSAGE_MAX);
    size_t len = 0;
    char server[ADDRESS_TEXT_MAX];

    if (octets == NULL) {
        return CLI_REFUSED;
    }
    const uint64_t from = clock_read().mono_us;
    int rc = cli_exchange(&ask->exchange, octets, &len);
    if (rc == 0 && !ask->exchange.tcp && (wire_get16(octets + 2) & WIRE_FLAG_TC) != 0) {
        if (!ask->json) {
            printf("The answer was truncated; asking again over TCP.\n");
        }
        ask->exchange.tcp = true;
        rc = cli_exchange(&ask->exchange, octets, &len);
    }
    const uint64_t took_us = clock_read().mono_us - from;
    address_format(&ask->exchange.server, true, server);
    if (rc != 0) {
        fprintf(stderr, "cordon query: no answer from %s: %s\n", server, cordon_strerror(rc));
        free(octets);
        return CLI_UNREACHABLE;
    }
    cli_print_answer(octets, len, server, ask->exchange.tcp, took_us, ask->json);
    free(octets);
    return CLI_OK;
}

int cli_query(int argc, char **argv)
{
    struct ask ask = {
        .exchange = {.type = WIRE_A, .class = WIRE_IN, .edns = true, .timeout_ms = 5000}};
    const char *timeout = NULL;
    bool no_edns = false;
    const struct cli_option options[] = {{"tcp", 0, NULL, &ask.exchange.tcp},
                                         {"no-edns", 0, NULL, &no_edns},
                                         {"dnssec", 0, NULL, &ask.exchange.dnssec},
                                         {"timeout", 0, &timeout, NULL},
                                         {"json", 0, NULL, &ask.json}};
    int code = cli_options(argc, argv, "query", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (timeout != NULL && !cli_number(timeout, 1, 600, &ask.exchange.timeout_ms)) {
        return cli_usage("query", "--timeout is from 1 to 600 seconds");
    }
    ask.exchange.timeout_ms *= timeout != NULL ? 1000 : 1;
    ask.exchange.edns = !no_edns;
    (void)address_parse("127.0.0.1@5300", 14, 0, &ask.exchange.server);
    code = parse_arguments(argc, argv, &ask);
    return code != CLI_OK ? code : ask_and_print(&ask);
}
