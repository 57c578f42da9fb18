/* cordon list stages and advance: how far newer versions of lists are that come by stages. */
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char stages_help[] =
    "usage: cordon list stages [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Shows the lists of which a newer version is brought in by stages (lists.stages of\n"
    "cordon.yaml): which version counts for all, which one comes, at which stage it is, for\n"
    "whom it counts there, and until when.\n"
    "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon answers.\n";

static const char advance_help[] =
    "usage: cordon list advance LIST --reason TEXT [--all] [-c CONFIG | --socket PATH] "
    "[--json]\n"
    "\n"
    "Ends the stage at which the newer version of LIST is, before its time: the next one\n"
    "begins, or with --all the newer version counts for all at once, as after the last.\n"
    "In force when every worker has it; recorded as an event with who did it.\n"
    "To go back instead: `cordon list rollback`.\n"
    "Exit status: 0 done, 1 refused, 2 wrong usage, 3 no daemon answers.\n";

struct stages_options {
    struct cli_daemon daemon;
    const char *reason;
    bool json, all;
};

static void print_stages(const json_t *reply)
{
    const json_t *stages = json_object_get(reply, "stages");

    if (json_array_size(stages) == 0) {
        puts(cli_number_of(reply, "configured") > 0
                 ? "No newer version is being brought in: what is in force counts for all."
                 : "There are no stages (lists.stages): newer versions count at once for all.");
    }
    for (size_t i = 0; i < json_array_size(stages); i++) {
        const json_t *one = json_array_get(stages, i);
        const char *until = cli_string_of(one, "until");

        printf("%s: serial %" PRIu64 " is in force", cli_string_of(one, "list"),
               cli_number_of(one, "serial"));
        if (json_is_true(json_object_get(one, "waits"))) {
            printf(" for all; serial %" PRIu64 ", at stage %" PRIu64 " of %" PRIu64
                   " since %s, waits: the folder of its publisher is broken, and no copy of it "
                   "can be had (`cordon status`)\n",
                   cli_number_of(one, "newer"), cli_number_of(one, "stage"),
                   cli_number_of(one, "stages"), cli_string_of(one, "since"));
            continue;
        }
        printf("; serial %" PRIu64 " is at stage %" PRIu64 " of %" PRIu64
               ", %s, since %s%s%s\n",
               cli_number_of(one, "newer"), cli_number_of(one, "stage"),
               cli_number_of(one, "stages"), cli_string_of(one, "what"),
               cli_string_of(one, "since"), until[0] != '\0' ? " until " : "", until);
    }
}

/* What has become of the command; CLI_OK if it was done. */
static int print_outcome(const char *name, const json_t *reply)
{
    static const struct {
        const char *outcome, *words;
    } refusals[] = {
        {"rolled-back", "an older version of it is held meanwhile"},
        {"replaced", "meanwhile another version is brought in, or it was taken back"},
        {"unused", "the list is not in use any more"},
    };
    const json_t *advanced = json_object_get(reply, "advanced");
    const char *outcome = cli_string_of(advanced, "outcome");
    const char *list = cli_string_of(advanced, "list");
    const uint64_t newer = cli_number_of(advanced, "newer");
    const uint64_t generation = cli_number_of(reply, "generation");

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(outcome, refusals[i].outcome) == 0) {
            fprintf(stderr, "cordon %s: serial %" PRIu64 " of %s was not advanced: %s\n", name,
                    newer, list, refusals[i].words);
            return CLI_REFUSED;
        }
    }
    if (strcmp(outcome, "all") == 0) {
        printf("%s: serial %" PRIu64 " counts for all, generation %" PRIu64 "\n", list, newer,
               generation);
    } else {
        printf("%s: serial %" PRIu64 " is at stage %" PRIu64 " of %" PRIu64
               ", %s, generation %" PRIu64 "\n",
               list, newer, cli_number_of(advanced, "stage"), cli_number_of(advanced, "stages"),
               cli_string_of(advanced, "what"), generation);
    }
    return CLI_OK;
}

int cli_list_stages(int argc, char **argv)
{
    static const char name[] = "list stages";
    struct stages_options options = {.json = false};
    const struct cli_option table[] = {
        {"json", 0, NULL, &options.json},
        CLI_DAEMON_OPTIONS(&options.daemon),
    };
    int code = cli_options(argc, argv, name, stages_help, table, CLI_COUNT(table));

    code = code == CLI_GO_ON ? cli_words(argc, argv, name, NULL, 0) : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    json_t *reply = cli_ask(&options.daemon, "list-stages", NULL, &code);
    if (reply == NULL) {
        return code;
    }
    code = cli_refusal(name, reply);
    if (options.json) {
        cli_print_document(reply);
    } else if (code == CLI_OK) {
        print_stages(reply);
    }
    json_decref(reply);
    return code;
}

int cli_list_advance(int argc, char **argv)
{
    static const char name[] = "list advance";
    struct stages_options options = {.json = false};
    const struct cli_option table[] = {
        {"reason", 0, &options.reason, NULL},
        {"all", 0, NULL, &options.all},
        {"json", 0, NULL, &options.json},
        CLI_DAEMON_OPTIONS(&options.daemon),
    };
    const char *list = NULL;
    int code = cli_options(argc, argv, name, advance_help, table, CLI_COUNT(table));

    code = code == CLI_GO_ON ? cli_words(argc, argv, name, &list, 1) : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    if (list == NULL || options.reason == NULL) {
        return cli_usage(name, list == NULL ? "name the list" : "say why: --reason TEXT");
    }
    json_t *arguments = json_object();
    if (!cli_add_string(arguments, "list", list) ||
        !cli_add_string(arguments, "reason", options.reason) ||
        json_object_set_new(arguments, "all", json_boolean(options.all)) != 0) {
        json_decref(arguments);
        return cli_usage(name, "LIST and TEXT are in UTF-8");
    }
    json_t *reply = cli_ask(&options.daemon, "list-advance", arguments, &code);
    if (reply == NULL) {
        return code;
    }
    code = cli_refusal(name, reply);
    if (options.json) {
        cli_print_document(reply);
    } else if (code == CLI_OK) {
        code = print_outcome(name, reply);
    }
    json_decref(reply);
    return code;
}
