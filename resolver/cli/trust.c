/* cordon trust: what the running daemon says about its memory of what was accepted. */
#include "cli/ask.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: cordon trust acknowledge --reason TEXT [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Ends the alarm that what was accepted before was lost, or could not be written down "
    "(`cordon\n"
    "status`). Say so when you know that the lists in force are no older than those of before: "
    "compare\n"
    "the serials of `cordon lists` with what the publishers say by another way. It is recorded "
    "as an\n"
    "event with who did it. Files that were damaged are kept beside trust.ratchet in "
    "state.directory.\n"
    "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon answers.\n";

struct options {
    struct cli_daemon daemon;
    bool json;
    const char *reason;
};

static int acknowledge(const struct options *options)
{
    json_t *arguments = json_object();
    int code = CLI_OK;

    if (!cli_add_string(arguments, "reason", options->reason)) {
        json_decref(arguments);
        return cli_usage("trust", "reason is not in UTF-8");
    }
    json_t *reply = cli_ask(&options->daemon, "trust-acknowledge", arguments, &code);
    if (reply == NULL) {
        return code;
    }
    code = cli_refusal("trust", reply);
    if (options->json) {
        cli_print_document(reply);
    } else if (code == CLI_OK) {
        printf("acknowledged: the alarm is over\n");
    }
    json_decref(reply);
    return code;
}

int cli_trust(int argc, char **argv)
{
    struct options options = {.json = false};
    const struct cli_option table[] = {
        {"reason", 0, &options.reason, NULL},
        {"json", 0, NULL, &options.json},
        CLI_DAEMON_OPTIONS(&options.daemon),
    };
    const int code = cli_options(argc, argv, "trust", help, table, CLI_COUNT(table));

    if (code >= 0) {
        return code;
    }
    if (argc - optind != 1 || strcmp(argv[optind], "acknowledge") != 0) {
        return cli_usage("trust", "say what: acknowledge");
    }
    if (options.reason == NULL) {
        return cli_usage("trust", "say why: --reason TEXT");
    }
    return acknowledge(&options);
}
