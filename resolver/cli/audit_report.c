/* cordon audit report: what the audit log says, counted, for people and programs. */
#include "cli/audit_report.h"

#include "audit/checkpoint.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/audit.h"
#include "cli/audit_filter.h"
#include "cli/output.h"
#include "dossier/render.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon audit report exposure|blocks|exceptions|evidence [OPTION...]\n"
    "\n"
    "Counts what the audit log has.\n"
    "  exposure    who depends on which provider, directly or through which names and\n"
    "              addresses, since when, how much; also what was only recorded\n"
    "  blocks      what was blocked, for whom, by which list and rule\n"
    "  exceptions  which exceptions there were, by whose word, and what they let through\n"
    "  evidence    whether the log holds, lists in force by time, time without a valid\n"
    "              policy, exceptions with approval, gaps, changes; with --output and without\n"
    "              --format a folder (or NAME.tar) with all of that, signed\n"
    "Options:\n"
    "  --provider ID    decisions about this provider alone\n" CLI_AUDIT_TIMES_HELP
    "  --from, --to TIME  the same, but a date is its beginning (UTC); not said: all\n"
    "  --format FORMAT  table (default), csv, json, html\n"
    "  --table KEY      of csv: which table of the report\n"
    "  --output PATH    a file, written at once or not at all\n"
    "  --log DIR        the folder of the log; not said: that of the configuration\n"
    "  --config FILE    the configuration that says where the log is\n"
    "Of evidence:\n"
    "  --verify-key KEY  what `cordon audit key` shows, or a file with it; not said: that of\n"
    "                   this machine\n"
    "  --key FILE       the secret key that signs the pack; not said: that of the log\n"
    "  --password-fd FD  where its password is read\n"
    "  --unsigned       the pack is not signed\n"
    "Exit status: 0 done; 1 it cannot be read or written, or evidence found that the log does\n"
    "not hold.\n";

#define COMMAND "audit report"

void audit_report_close(struct audit_report_logs *logs)
{
    for (size_t i = 0; i < logs->count; i++) {
        cli_audit_close(logs->at[i]);
        free(logs->at[i]);
    }
    free(logs->at);
    free(logs->sources);
    memset(logs, 0, sizeof(*logs));
}

/* The name that the log's newest checkpoint gives it; nobody has verified that. */
static void find_name(const struct audit_files *files, struct trust_note_key *key)
{
    char head[AUDIT_CHECKPOINT_MAX];
    struct audit_checkpoint checkpoint;
    struct trust_note note;
    size_t len = 0;

    snprintf(key->name, sizeof(key->name), "unknown");
    if (files->read_head(files->context, head, sizeof(head), &len) == 0 &&
        trust_note_parse(head, len, &note) == 0 &&
        audit_checkpoint_parse(&note, &checkpoint) == 0) {
        memcpy(key->name, checkpoint.origin, sizeof(key->name));
    }
}

int audit_report_open(const char *folder, struct audit_report_logs *logs)
{
    int rc = 0;

    memset(logs, 0, sizeof(*logs));
    logs->at = calloc(AUDIT_LOGS_MAX, sizeof(struct cli_audit_log *));
    logs->sources = calloc(AUDIT_LOGS_MAX, sizeof(logs->sources[0]));
    rc = logs->at == NULL || logs->sources == NULL ? -ENOMEM : 0;
    const unsigned newest = audit_log_newest(folder);
    struct cli_audit_copies copies;

    cli_audit_find_copies(folder, newest, &copies);
    for (unsigned number = 1; rc == 0 && number <= newest; number++) {
        if (cli_audit_is_copy(COMMAND, folder, &copies, number)) {
            continue;
        }
        struct cli_audit_log *log = calloc(1, sizeof(*log));

        rc = log == NULL ? -ENOMEM : cli_audit_open(folder, number, log);
        if (rc == -ENOENT && logs->count > 0) {
            fprintf(stderr,
                    "cordon " COMMAND ": %s is missing, and a later log is there: a report of "
                    "what is left would say too little. Put it back\n",
                    log->folder);
            free(log);
            audit_report_close(logs);
            return CLI_REFUSED;
        }
        if (rc != 0) {
            free(log);
            break;
        }
        find_name(&log->files, &logs->sources[logs->count].key);
        logs->sources[logs->count].files = &log->files;
        logs->at[logs->count++] = log;
    }
    if (rc == 0) {
        return CLI_GO_ON;
    }
    audit_report_close(logs);
    return cli_audit_failed(COMMAND, folder, rc);
}

/* --- output --- */

static int find_table(const struct audit_report_options *options, const struct dossier *dossier,
                      const struct dossier_table **table)
{
    if (options->table == NULL) {
        *table = &dossier->tables[0];
        return CLI_GO_ON;
    }
    *table = dossier_find(dossier, options->table);
    if (*table != NULL) {
        return CLI_GO_ON;
    }
    fprintf(stderr, "cordon " COMMAND ": there is no table '%s' in this report; there are",
            options->table);
    for (size_t i = 0; i < dossier->table_count; i++) {
        fprintf(stderr, " %s", dossier->tables[i].key);
    }
    fputc('\n', stderr);
    return CLI_USAGE;
}

static int render(const struct audit_report_options *options, const struct dossier *dossier,
                  FILE *out)
{
    const struct dossier_table *table = NULL;
    int code = CLI_GO_ON;

    if (options->format == NULL || strcmp(options->format, "table") == 0) {
        dossier_render_text(dossier, out);
    } else if (strcmp(options->format, "json") == 0) {
        dossier_render_json(dossier, out);
    } else if (strcmp(options->format, "html") == 0) {
        dossier_render_html(dossier, out);
    } else {
        code = find_table(options, dossier, &table);
        if (code == CLI_GO_ON) {
            dossier_render_csv(table, out);
        }
    }
    return code;
}

int audit_report_give(const struct audit_report_options *options, const struct dossier *dossier)
{
    char *text = NULL;
    size_t len = 0;
    int code = CLI_OK;
    FILE *memory = open_memstream(&text, &len);

    if (memory == NULL) {
        return cli_audit_failed(COMMAND, "the report", -ENOMEM);
    }
    code = render(options, dossier, memory);
    const bool good = ferror(memory) == 0;
    if (fclose(memory) != 0 || !good) {
        code = cli_audit_failed(COMMAND, "the report", -ENOMEM);
    }
    if (code == CLI_GO_ON && options->output != NULL) {
        code = cli_output(COMMAND, options->output, text, len);
    } else if (code == CLI_GO_ON) {
        code = fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0
                   ? CLI_OK
                   : cli_audit_failed(COMMAND, "standard output", -errno);
    }
    free(text);
    return code;
}

static int make(const struct audit_report_options *options)
{
    struct audit_report_logs logs;
    struct cli_progress progress;
    struct report report;
    struct dossier *dossier = NULL;
    char folder[AUDIT_PATH_MAX];
    int code = cli_audit_folder(COMMAND, options->config, options->folder, folder);

    code = code == CLI_GO_ON ? audit_report_open(folder, &logs) : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    report_init(&report);
    cli_progress_start(&progress, false);
    cli_progress_watch(&progress, &report);
    const struct dossier_request request = {.sources = logs.sources,
                                            .source_count = logs.count,
                                            .from_us = options->from_us,
                                            .to_us = options->to_us,
                                            .provider = options->provider,
                                            .report = &report};
    const int rc = dossier_make(options->report, &request, NULL, &dossier);
    cli_progress_end(&progress);
    code =
        rc == 0 ? audit_report_give(options, dossier) : cli_audit_failed(COMMAND, folder, rc);
    dossier_destroy(dossier);
    report_deinit(&report);
    audit_report_close(&logs);
    return code;
}

/* --- the command line --- */

/* --since and --until as all commands about the log take them; --from and --to are the same,
 * but that a date after --to is its beginning. */
static int read_times(const char *command, struct audit_report_options *options)
{
    const uint64_t now_us = clock_read().wall_us;
    int code = CLI_GO_ON;

    if ((options->since != NULL && options->from != NULL) ||
        (options->until != NULL && options->to != NULL)) {
        return cli_usage(command, "say --since or --from, and --until or --to");
    }
    code = cli_audit_time(command, "from", options->from, false, now_us, &options->from_us);
    code = code == CLI_GO_ON
               ? cli_audit_time(command, "to", options->to, false, now_us, &options->to_us)
               : code;
    code = code == CLI_GO_ON ? cli_audit_times(command, options->since, options->until, now_us,
                                               &options->from_us, &options->to_us)
                             : code;
    if (code == CLI_GO_ON && options->to_us != 0 && options->from_us > options->to_us) {
        code = cli_usage(command, "--from is later than --to");
    }
    return code;
}

static int read_format(const char *command, const struct audit_report_options *options)
{
    static const char *const formats[] = {"table", "csv", "json", "html"};
    size_t i = 0;

    while (options->format != NULL && i < CLI_COUNT(formats) &&
           strcmp(options->format, formats[i]) != 0) {
        i++;
    }
    if (i == CLI_COUNT(formats)) {
        return cli_usage(command, "--format is table, csv, json or html");
    }
    if (options->table != NULL &&
        (options->format == NULL || strcmp(options->format, "csv") != 0)) {
        return cli_usage(command, "--table is for --format csv: the others have all tables");
    }
    return CLI_GO_ON;
}

int audit_report_check(const char *command, struct audit_report_options *options)
{
    const int code = read_format(command, options);

    return code == CLI_GO_ON ? read_times(command, options) : code;
}

static int check(const struct audit_report_options *options)
{
    const bool evidence = options->report == DOSSIER_EVIDENCE;

    if (!evidence && (options->key != NULL || options->sign != NULL || options->no_signature ||
                      options->password_fd != NULL)) {
        return cli_usage(COMMAND, "keys are for evidence");
    }
    if (evidence && options->provider != NULL) {
        return cli_usage(COMMAND, "evidence is about every provider");
    }
    return CLI_GO_ON;
}

int cli_audit_report(int argc, char **argv)
{
    struct audit_report_options named = {.no_signature = false};
    const char *word = NULL;
    const struct cli_option options[] = {{"config", 'c', &named.config, NULL},
                                         {"log", 0, &named.folder, NULL},
                                         {"provider", 0, &named.provider, NULL},
                                         {"since", 0, &named.since, NULL},
                                         {"until", 0, &named.until, NULL},
                                         {"from", 0, &named.from, NULL},
                                         {"to", 0, &named.to, NULL},
                                         {"format", 0, &named.format, NULL},
                                         {"table", 0, &named.table, NULL},
                                         {"output", 'o', &named.output, NULL},
                                         {"verify-key", 0, &named.key, NULL},
                                         {"key", 'k', &named.sign, NULL},
                                         {"password-fd", 0, &named.password_fd, NULL},
                                         {"unsigned", 0, NULL, &named.no_signature}};
    int code = cli_options(argc, argv, COMMAND, help, options, CLI_COUNT(options));

    code = code == CLI_GO_ON ? cli_words(argc, argv, COMMAND, &word, 1) : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    if (word == NULL || !dossier_report_parse(word, &named.report)) {
        return cli_usage(COMMAND, "name a report: exposure, blocks, exceptions or evidence");
    }
    code = check(&named);
    code = code == CLI_GO_ON ? audit_report_check(COMMAND, &named) : code;
    if (code != CLI_GO_ON) {
        return code;
    }
    return named.report == DOSSIER_EVIDENCE ? audit_report_evidence(&named) : make(&named);
}
