/* cordon audit search: events of the audit log, as a table, JSON or CSV. */
#include "audit/shown.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/audit.h"
#include "cli/audit_filter.h"
#include "cli/audit_open.h"
#include "cli/audit_scan.h"
#include "cli/audit_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cordon audit search [FILTER]... [--json | --csv] [--newest] [--limit N]\n"
    "                           [--after ID] [--follow] [--quiet] [--log DIR | -c CONFIG]\n"
    "\n"
    "Shows the events of the audit log for which all that is named holds, in the order in "
    "which\n"
    "they were written.\n" CLI_AUDIT_FILTER_HELP "  --newest           the newest first\n"
    "  --limit N          at most so many; then the id is named to go on with\n"
    "  --after ID         go on behind this event (d17)\n"
    "  --follow           go on with what is written, until it is ended\n"
    "  --json             a line of JSON each, as in docs/events.md\n"
    "  --csv              comma-separated values, with a line of heads\n"
    "  --quiet            no progress, no advice\n"
    "Exit status: 0 something was found; 1 nothing was, or a part of the log is damaged or\n"
    "missing, and was passed over; 2 wrong usage.\n";

/* Octets of the buffer of standard output: lines leave in larger pieces. */
#define OUT_OCTETS 65536u

#define LIMIT_MAX 1000000000u

struct job {
    struct cli_audit_filter filter;
    struct cli_audit_scan scan;
    struct cli_audit_table table;
    struct audit_id after, last;
    unsigned limit; /* 0: none */
    bool json, csv, newest, follow, quiet;
    bool more;      /* than the limit */
    bool on_screen; /* standard output is a terminal */
    char *line;
};

static bool show_json(struct job *job, const struct audit_row *row, const struct audit_id *id)
{
    struct text text;

    text_init(&text, job->line, AUDIT_JSON_MAX);
    audit_row_json(row, id, &text);
    if (text.overflow) {
        return false;
    }
    text_add(&text, "\n");
    fwrite(text.at, 1, text.len, stdout);
    return true;
}

static bool on_found(void *context, unsigned log, const struct audit_header *header,
                     struct audit_block *block, uint32_t i)
{
    struct job *job = context;
    struct audit_row row;

    if (job->limit != 0 && job->scan.count > job->limit) {
        job->more = true;
        job->scan.count--;
        return false;
    }
    const struct audit_id id = cli_audit_id(log, header, i);
    if (cli_audit_row(block, i, &row) != 0) {
        job->scan.count--;
        job->scan.spoilt++;
        return true;
    }
    if (job->on_screen) {
        cli_audit_scan_hide(&job->scan);
    }
    if (job->csv) {
        cli_audit_csv_row(&row, &id, stdout);
    } else if (!job->json) {
        cli_audit_table_row(&job->table, &row, &id, stdout);
    } else if (!show_json(job, &row, &id)) {
        job->scan.count--;
        job->scan.spoilt++;
    }
    job->last = id;
    return true;
}

static void on_caught_up(void *context)
{
    (void)context;
    fflush(stdout);
}

/* Advice for people, who may have looked too soon: right after a block there is no record of it
 * in the log. */
static void tell_what_else(const struct job *job)
{
    char id[AUDIT_ID_TEXT_MAX];

    if (job->quiet) {
        return;
    }
    if (job->more) {
        audit_id_format(&job->last, id);
        fprintf(stderr, "cordon audit search: there is more: --after %s\n", id);
    } else if (job->scan.count == 0 && job->scan.error == 0 && job->scan.spoilt == 0 &&
               !job->scan.ended) {
        fprintf(stderr,
                "cordon audit search: nothing was found; what is younger than "
                "audit.block-time (10s unless it says otherwise) may not be in the log yet\n");
    }
}

static int run(struct job *job)
{
    char folder[AUDIT_PATH_MAX];
    int code = cli_audit_folder("audit search", job->filter.config, job->filter.log, folder);

    if (code != CLI_GO_ON) {
        return code;
    }
    job->line = malloc(AUDIT_JSON_MAX);
    if (job->line == NULL) {
        return cli_audit_failed("audit search", folder, -ENOMEM);
    }
    setvbuf(stdout, NULL, _IOFBF, OUT_OCTETS);
    job->on_screen = isatty(STDOUT_FILENO) == 1;
    cli_audit_table_init(&job->table);
    if (job->csv) {
        cli_audit_csv_head(stdout);
    }
    job->scan.command = "audit search";
    job->scan.folder = folder;
    job->scan.query = &job->filter.query;
    job->scan.newest_first = job->newest;
    job->scan.follow = job->follow;
    job->scan.found = on_found;
    job->scan.caught_up = on_caught_up;
    job->scan.context = job;
    cli_audit_scan_begin(&job->scan, job->quiet);
    code = cli_audit_scan(&job->scan);
    fflush(stdout);
    cli_audit_scan_end(&job->scan);
    free(job->line);
    tell_what_else(job);
    return code;
}

int cli_audit_search(int argc, char **argv)
{
    const char *limit = NULL;
    const char *after = NULL;
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return cli_audit_failed("audit search", "audit log", -ENOMEM);
    }
    const struct cli_option options[] = {
        CLI_AUDIT_FILTER_OPTIONS(&job->filter),
        {"limit", 'n', &limit, NULL},
        {"after", 0, &after, NULL},
        {"newest", 0, NULL, &job->newest},
        {"follow", 'f', NULL, &job->follow},
        {"json", 0, NULL, &job->json},
        {"csv", 0, NULL, &job->csv},
        {"quiet", 'q', NULL, &job->quiet},
    };
    int code = cli_options(argc, argv, "audit search", help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "audit search", NULL, 0);
    }
    if (code == CLI_GO_ON && job->json && job->csv) {
        code = cli_usage("audit search", "--json or --csv, not both");
    }
    if (code == CLI_GO_ON && job->newest && job->follow) {
        code = cli_usage("audit search", "--follow goes forwards, --newest backwards");
    }
    if (code == CLI_GO_ON && limit != NULL && !cli_number(limit, 1, LIMIT_MAX, &job->limit)) {
        code = cli_usage("audit search", "--limit %s: a number from 1 on", limit);
    }
    if (code == CLI_GO_ON && after != NULL) {
        if (audit_id_parse(after, strlen(after), &job->after)) {
            job->scan.after = &job->after;
        } else {
            code = cli_usage("audit search", "--after '%s' is no id of an event: d17", after);
        }
    }
    if (code == CLI_GO_ON) {
        code = cli_audit_filter_read("audit search", &job->filter, clock_read().wall_us);
    }
    if (code == CLI_GO_ON) {
        code = run(job);
    }
    cli_audit_filter_free(&job->filter);
    free(job);
    return code;
}
