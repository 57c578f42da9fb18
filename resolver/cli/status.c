/* cordon status and cordon reload: what the daemon answers on its control socket. */
#include "cli/cli.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char status_help[] =
    "usage: cordon status [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Shows the running daemon: lists, upstreams, questions, events and what was lost.\n"
    "Exit status: 0 all is well, 1 something needs attention (it is named), 2 wrong usage,\n"
    "3 no daemon answers.\n";

static const char reload_help[] =
    "usage: cordon reload [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Makes the daemon load its configuration and lists anew and waits for the outcome. "
    "Anything\n"
    "wrong: the daemon keeps what it had, and the faults are printed.\n"
    "Exit status: 0 the new ones are in force, 1 refused, 2 wrong usage, 3 no daemon "
    "answers.\n";

struct request {
    const char *config, *socket;
    bool json;
};

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, const char *command, const char *help,
                 struct request *request)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"socket", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            request->config = optarg;
            break;
        case 's':
            request->socket = optarg;
            break;
        case 'j':
            request->json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return CLI_OK;
        default:
            return cli_usage(command, "wrong option");
        }
    }
    return optind == argc ? -1 : cli_usage(command, "'%s' is one word too many", argv[optind]);
}

/* Asks and decodes; NULL after a message, and *code says which kind. */
static json_t *ask(const struct request *request, const char *command, int *code)
{
    char path[4096];
    char *reply = NULL;
    size_t len = 0;
    json_error_t error;

    if (!cli_socket_path(request->socket, request->config, path, sizeof(path))) {
        *code = CLI_REFUSED;
        return NULL;
    }
    *code = cli_ask_daemon(path, command, &reply, &len);
    if (*code != CLI_OK) {
        return NULL;
    }
    json_t *document = json_loadb(reply, len, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        fprintf(stderr, "cordon %s: the daemon's reply is no JSON: %s\n", command, error.text);
        *code = CLI_UNREACHABLE;
    }
    free(reply);
    return document;
}

static void print_document(const json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    printf("\n");
}
