/* cordon list gate: what a folder of lists must stand before it is put in force, without the
 * updater. Nothing is written. */
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "gate/gate.h"
#include "trust/ratchet.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cordon list gate [-c CONFIG] [--publisher ID] [--in-force FOLDER] [--oldest "
    "FOLDER]\n"
    "                        [--log FOLDER] [--override CHECK[,CHECK...] --reason TEXT] "
    "[--json]\n"
    "                        FOLDER\n"
    "\n"
    "Says what the lists of FOLDER, as a publisher ships them, would change for you if they "
    "came\n"
    "in force, and whether they may: signatures and what was accepted before, sizes, public\n"
    "suffixes, names that must resolve, own addresses, and the questions that were recorded.\n"
    "  --publisher ID      of trust.publishers, whose folder it is; else that of "
    "lists.directory\n"
    "  --in-force FOLDER   what is in force, if not the folder that the configuration names\n"
    "  --oldest FOLDER     an old version, from which slow growth is measured\n"
    "  --log FOLDER        the audit log, if not the one of the configuration\n"
    "  --override CHECK    what this check refuses is taken upon oneself; the reason is "
    "recorded\n"
    "Exit status 0: it may; 1: it is refused.\n";

struct named {
    const char *config, *overrides, *reason;
    bool json;
};

/* "size,replay". CLI_GO_ON, else the exit code. */
static int take_overrides(const struct named *named, struct gate_request *request, char *words)
{
    char *rest = words;
    const char *word;

    if (named->overrides == NULL) {
        return named->reason == NULL
                   ? CLI_GO_ON
                   : cli_usage("list gate", "--reason is for --override: name a check");
    }
    while ((word = strsep(&rest, ",")) != NULL) {
        struct gate_override *override = &request->overrides[request->override_count];

        if (request->override_count == GATE_CHECKS ||
            !gate_check_parse(word, &override->check)) {
            return cli_usage("list gate", "there is no check '%.64s'", word);
        }
        override->reason = named->reason;
        const char *fault = gate_override_fault(override);
        if (fault != NULL) {
            return cli_usage("list gate", "--override %s: %s", word, fault);
        }
        request->override_count++;
    }
    return CLI_GO_ON;
}

/* What the daemon has accepted, where whoever asks may look at it. */
static const char *find_ratchet(const struct config *config)
{
    char path[PATH_MAX];

    return config->state_directory != NULL &&
                   (size_t)snprintf(path, sizeof(path), "%s/%s", config->state_directory,
                                    TRUST_RATCHET_FILE) < sizeof(path) &&
                   access(path, R_OK) == 0
               ? config->state_directory
               : NULL;
}

static int print(const struct gate_outcome *outcome, bool json)
{
    if (!json) {
        gate_print(outcome, stdout);
        return CLI_OK;
    }
    char *buffer = malloc(GATE_DOCUMENT_MAX);
    struct text out;

    if (buffer == NULL) {
        fputs("cordon list gate: out of memory\n", stderr);
        return CLI_REFUSED;
    }
    text_init(&out, buffer, GATE_DOCUMENT_MAX);
    gate_write(&out, NULL, outcome);
    puts(out.at);
    free(buffer);
    return out.overflow ? CLI_REFUSED : CLI_OK;
}

static int run(const struct gate_request *request, bool json)
{
    struct gate_outcome *outcome = NULL;
    struct cli_progress progress;
    struct report report;
    int code = CLI_REFUSED;

    report_init(&report);
    cli_progress_start(&progress, false);
    cli_progress_watch(&progress, &report);
    const int rc = gate_run(request, &report, &outcome);
    cli_progress_end(&progress);
    if (rc == 0) {
        code = print(outcome, json);
        code = outcome->verdict == GATE_REFUSE ? CLI_REFUSED : code;
    } else {
        report_print(&report, stderr);
        if (report.errors == 0) {
            fprintf(stderr, "cordon list gate: %s\n", cordon_strerror(rc));
        }
        code = rc == -EINVAL ? CLI_USAGE : CLI_REFUSED;
    }
    gate_outcome_free(outcome);
    report_deinit(&report);
    return code;
}

int cli_list_gate(int argc, char **argv)
{
    struct named named = {.json = false};
    struct gate_request request = {.now_s = clock_read().wall_us / 1000000};
    const struct cli_option options[] = {
        {"config", 'c', &named.config, NULL},     {"publisher", 0, &request.publisher, NULL},
        {"in-force", 0, &request.in_force, NULL}, {"oldest", 0, &request.oldest, NULL},
        {"log", 0, &request.log, NULL},           {"override", 0, &named.overrides, NULL},
        {"reason", 0, &named.reason, NULL},       {"json", 0, NULL, &named.json}};
    int code = cli_options(argc, argv, "list gate", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (argc - optind != 1) {
        return cli_usage("list gate", "name one folder");
    }
    char *words = strdup(named.overrides != NULL ? named.overrides : "");
    struct config *config = NULL;
    code = words != NULL ? take_overrides(&named, &request, words) : CLI_REFUSED;
    if (code == CLI_GO_ON) {
        request.config = cli_config_path(named.config);
        request.candidate = argv[optind];
        config = cli_config(named.config);
        code = config != NULL ? CLI_GO_ON : CLI_REFUSED;
    }
    if (code == CLI_GO_ON) {
        request.ratchet = find_ratchet(config);
        code = run(&request, named.json);
    }
    config_free(config);
    free(words);
    return code;
}
