/* cordon check: the configuration, the keys and every list that it names, as the daemon would
 * load them, without a daemon and without changing anything. */
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/cli.h"
#include "setup/schedules.h"
#include "setup/views.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon check [--json] [--print] CONFIG\n"
    "       cordon check --example | --manual\n"
    "\n"
    "Checks the configuration, the trusted keys, and the signatures and text of every list "
    "that\n"
    "it names, as the daemon would load them. Nothing is changed.\n"
    "  --json    the result as one JSON document\n"
    "  --print   the configuration as it was understood, defaults included\n"
    "  --example an example configuration: every option with its default\n"
    "  --manual  the options as cordon.yaml(5) lists them, in scdoc\n"
    "Exit status: 0 all is well (warnings included), 1 refused, 2 wrong usage.\n";

/* Room for REPORT_ENTRIES_MAX messages, escaped, and for lists and views. */
#define JSON_OCTETS ((size_t)4 * REPORT_ENTRIES_MAX * REPORT_TEXT_MAX + (4u << 20))

static const char *const kinds[] = {"error", "warning", "note"};

static void print_json(const struct report *report, const struct setup_snapshot *snapshot)
{
    char *buffer = malloc(JSON_OCTETS);
    struct text out;

    if (buffer == NULL) {
        return;
    }
    text_init(&out, buffer, JSON_OCTETS);
    json_object_begin(&out, NULL);
    json_bool(&out, "ok", snapshot != NULL && report->errors == 0);
    json_uint(&out, "errors", report->errors);
    json_uint(&out, "warnings", report->warnings);
    json_array_begin(&out, "messages");
    for (size_t i = 0; i < report->count; i++) {
        json_object_begin(&out, NULL);
        json_string(&out, "kind", kinds[report->entries[i].kind]);
        json_string(&out, "text", report->entries[i].text);
        json_object_end(&out);
    }
    json_array_end(&out);
    json_array_begin(&out, "lists");
    for (size_t i = 0; snapshot != NULL && i < snapshot->list_count; i++) {
        json_object_begin(&out, NULL);
        json_string(&out, "list", snapshot->lists[i].id);
        json_uint(&out, "serial", snapshot->lists[i].serial);
        json_uint(&out, "rules", snapshot->lists[i].rules);
        json_uint(&out, "signatures", snapshot->lists[i].verdict.count);
        json_object_end(&out);
    }
    json_array_end(&out);
    if (snapshot != NULL) {
        setup_views_show(&out, snapshot);
        setup_schedules_show(&out, snapshot, clock_read().wall_us / 1000000);
    }
    json_object_end(&out);
    printf("%s\n", buffer);
    free(buffer);
}

static void print_lists(const struct setup_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->list_count; i++) {
        const struct policy_loaded_list *list = &snapshot->lists[i];
        char expires[CLOCK_TEXT_MAX];

        clock_format_s(list->expires_s, expires);
        printf("  %-24s serial %" PRIu32 ", %zu rules, %zu signatures, expires %.10s\n",
               list->id, list->serial, list->rules, list->verdict.count, expires);
    }
}

/* Where there is more to say than that all clients are in one view. */
static void print_views(const struct setup_snapshot *snapshot)
{
    for (size_t i = 0; setup_views_differ(snapshot) && i < snapshot->view_count; i++) {
        char line[2048];
        struct text text;

        text_init(&text, line, sizeof(line));
        setup_views_say(&text, snapshot, i);
        printf("  view %s\n", line);
    }
}

static void print_schedules(const struct setup_snapshot *snapshot)
{
    const struct setup_schedules *schedules = snapshot->schedules;

    for (size_t i = 0; schedules != NULL && i < schedules->count; i++) {
        char line[256];
        struct text text;

        text_init(&text, line, sizeof(line));
        setup_schedules_say(&text, schedules, i, clock_read().wall_us / 1000000);
        printf("  schedule %s\n", line);
    }
}

int cli_check(int argc, char **argv)
{
    bool json = false;
    bool print = false;
    bool example = false;
    bool manual = false;
    const struct cli_option options[] = {{"json", 0, NULL, &json},
                                         {"print", 0, NULL, &print},
                                         {"example", 0, NULL, &example},
                                         {"manual", 0, NULL, &manual}};
    const int code = cli_options(argc, argv, "check", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (example || manual) {
        (example ? config_print_example : config_print_manual)(stdout);
        return CLI_OK;
    }
    if (argc - optind != 1) {
        return cli_usage("check", "name one configuration file");
    }

    struct report report;
    struct config *config = NULL;
    struct setup_snapshot *snapshot = NULL;

    report_init(&report);
    int rc = config_read(argv[optind], &report, &config);
    if (rc == 0 && print) {
        config_print(config, stdout);
    }
    if (rc == 0) {
        char *state = config->state_directory;
        const struct setup_request request = {
            .generation = 1, .now_s = clock_read().wall_us / 1000000, .looks_in = state};

        config->state_directory = NULL; /* nothing is written */
        rc = setup_snapshot_make_for(config, &request, &report, &snapshot);
        if (rc == 0) {
            cli_tell_older(state, snapshot, &report);
        }
        free(state);
        if (rc != 0) {
            config_free(config);
        }
    }
    if (rc == 0 && report.errors > 0) { /* a file of exceptions, which alone stops no daemon */
        rc = CORDON_E_REFUSED;
    }
    if (json) {
        print_json(&report, snapshot);
    } else {
        report_print(&report, stderr);
        if (rc == 0 && !print) {
            printf("%s: well-formed, and its lists verify\n", argv[optind]);
            print_lists(snapshot);
            print_views(snapshot);
            print_schedules(snapshot);
        } else if (rc != 0) {
            fprintf(stderr, "%s: refused\n", argv[optind]);
        }
    }
    report_deinit(&report);
    setup_snapshot_free(snapshot);
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}
