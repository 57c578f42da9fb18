/* cordon list rollback and release: which version of a list counts, by a local decision. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char rollback_help[] =
    "usage: cordon list rollback LIST --to SERIAL --reason TEXT [-c CONFIG | --socket PATH]\n"
    "                            [--json]\n"
    "\n"
    "Puts a version of LIST back that was in force here and is kept (`cordon list history\n"
    "LIST`), and holds it until `cordon list release LIST`: newer versions are accepted and\n"
    "remembered meanwhile, and wait. Its signatures are verified again. What was accepted\n"
    "once stays remembered: the publisher's files cannot go back. In force when every worker\n"
    "has it, kept over a restart, recorded as an event and in the history with who did it.\n"
    "A daemon must be running: without one there is nothing in force to be put back; start "
    "it,\n"
    "or take the list out of lists.use.\n"
    "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon answers.\n";

static const char release_help[] =
    "usage: cordon list release LIST --reason TEXT [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Ends what `cordon list rollback` began: the newest version that was accepted counts "
    "again.\n"
    "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon answers.\n";

struct hold_options {
    struct cli_daemon daemon;
    const char *to, *reason;
    bool json;
};

static void print_done(const json_t *reply, bool release)
{
    const json_t *hold = json_object_get(reply, release ? "released" : "held");
    const uint64_t newer = cli_number_of(reply, "newer");

    printf("%s: serial %" PRIu64 " is in force, %s (it was %" PRIu64 ")\n",
           cli_string_of(hold, "list"), cli_number_of(reply, "in_force"),
           release ? "and held no more" : "and held until `cordon list release`",
           cli_number_of(hold, "from"));
    if (!release && newer > 0) {
        printf("serial %" PRIu64 " waits\n", newer);
    }
}

/* Sends the command and tells how it went. */
static int run(const struct hold_options *options, const char *name, const char *command,
               json_t *arguments, bool release)
{
    int code = CLI_OK;
    json_t *reply = cli_ask(&options->daemon, command, arguments, &code);

    if (reply == NULL) {
        if (code == CLI_UNREACHABLE) {
            fprintf(stderr,
                    "cordon %s: versions are held by the daemon, which is not running: "
                    "start it and repeat this\n",
                    name);
        }
        return code;
    }
    code = cli_refusal(name, reply);
    if (options->json) {
        cli_print_document(reply);
    } else if (code == CLI_OK) {
        print_done(reply, release);
    }
    json_decref(reply);
    return code;
}

/* The list and the reason. CLI_GO_ON with *arguments, or the exit code. */
static int read_command(int argc, char **argv, const char *name, const char *help, bool release,
                        struct hold_options *options, json_t **arguments)
{
    const struct cli_option table[] = {
        {"reason", 0, &options->reason, NULL},
        {"json", 0, NULL, &options->json},
        CLI_DAEMON_OPTIONS(&options->daemon),
        {"to", 0, &options->to, NULL}, /* of a rollback alone */
    };
    const char *list = NULL;
    int code = cli_options(argc, argv, name, help, table, CLI_COUNT(table) - (release ? 1 : 0));

    code = code == CLI_GO_ON ? cli_words(argc, argv, name, &list, 1) : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    if (list == NULL || options->reason == NULL) {
        return cli_usage(name, list == NULL ? "name the list" : "say why: --reason TEXT");
    }
    *arguments = json_object();
    if (!cli_add_string(*arguments, "list", list) ||
        !cli_add_string(*arguments, "reason", options->reason)) {
        json_decref(*arguments);
        return cli_usage(name, "LIST and TEXT are in UTF-8");
    }
    return CLI_GO_ON;
}

int cli_list_rollback(int argc, char **argv)
{
    static const char name[] = "list rollback";
    struct hold_options options = {.json = false};
    json_t *arguments = NULL;
    unsigned serial = 0;
    const int code = read_command(argc, argv, name, rollback_help, false, &options, &arguments);

    if (code != CLI_GO_ON) {
        return code;
    }
    if (options.to == NULL || !cli_number(options.to, 0, UINT32_MAX, &serial)) {
        json_decref(arguments);
        return cli_usage(name, "say to which version: --to SERIAL");
    }
    json_object_set_new(arguments, "serial", json_integer(serial));
    return run(&options, name, "list-rollback", arguments, false);
}

int cli_list_release(int argc, char **argv)
{
    static const char name[] = "list release";
    struct hold_options options = {.json = false};
    json_t *arguments = NULL;
    const int code = read_command(argc, argv, name, release_help, true, &options, &arguments);

    return code != CLI_GO_ON ? code : run(&options, name, "list-release", arguments, true);
}
