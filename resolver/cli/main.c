/* cordon(1): the one tool for people, with subcommands. */
#include "base/random.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"audit", cli_audit, "the audit log: search, explain, prove, report, verify"},
    {"cache", cli_cache, "show what is kept for a name, and forget it: show, flush"},
    {"catalogue", cli_catalogue, "what a publisher has: make, sign, verify"},
    {"check", cli_check, "check a configuration and the lists that it names"},
    {"clients", cli_clients, "show who asks most, and whose questions are blocked"},
    {"compare", cli_compare, "say where two resolvers decide otherwise"},
    {"exception", cli_exception,
     "let a name through for a while: add, list, remove; check, sign"},
    {"explain", cli_explain, "say what would be decided about a name, and why"},
    {"key", cli_key, "make, show and replace signing keys: generate, show, rotate"},
    {"list", cli_list, "work on block lists: build, sign, verify, show"},
    {"lists", cli_lists, "show the lists that are in force"},
    {"pause", cli_pause, "let lists only record for a while: LIST or all; list, end"},
    {"query", cli_query, "ask a resolver, with policy answers in words"},
    {"reload", cli_reload, "make the daemon load its configuration and lists anew"},
    {"root", cli_root, "whose keys count: make, show, sign, rotate, verify"},
    {"status", cli_status, "show what the daemon does"},
    {"top", cli_top, "show live what the daemon does"},
    {"trace", cli_trace, "show one question on its way through the daemon"},
    {"trust", cli_trust, "end an alarm about what was accepted: acknowledge"},
    {"update", cli_update, "fetch lists, have them judged, put them in force: status, history"},
    {"upstreams", cli_upstreams, "show the servers that are asked"},
    {"why", cli_why, "say in plain words why a name is blocked, and whom to ask"},
};

static void print_help(FILE *out)
{
    fprintf(out, "usage: cordon COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out,
            "\n`cordon COMMAND --help` tells more; so does cordon(1).\n"
            "Exit status: 0 done or yes, 1 refused or no, 2 wrong usage, 3 nobody answers,\n"
            "4 done in part.\n");
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("cordon %s\n", CORDON_VERSION);
        return CLI_OK;
    }
    if (random_library_init() != 0) {
        fprintf(stderr, "cordon: libsodium cannot be initialised\n");
        return CLI_REFUSED;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "cordon: there is no command '%s'\n\n", argv[1]);
    print_help(stderr);
    return CLI_USAGE;
}

/* What could not be written was not said. Standard output that was never open is no fault
 * unless there is something to say. */
static int end_output(int code)
{
    const bool before = ferror(stdout) != 0;
    const bool now = fflush(stdout) != 0;
    const int error = errno;

    if (!before && !now && (fclose(stdout) == 0 || errno == EBADF)) {
        return code;
    }
    fprintf(stderr, "cordon: standard output cannot be written: %s\n",
            now      ? strerror(error)
            : before ? strerror(EIO)
                     : strerror(errno));
    return code == CLI_OK || code == CLI_PARTLY ? CLI_REFUSED : code;
}

int main(int argc, char **argv)
{
    return end_output(run(argc, argv));
}
