/* cordon audit index: the audit log as an SQLite data base, for questions in SQL. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/audit.h"
#include "cli/audit_open.h"
#include "cli/audit_scan.h"
#include "index/index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: cordon audit index --to FILE [--rebuild] [--json] [--quiet] [-c CONFIG] [DIR]\n"
    "\n"
    "Puts the events of the audit log in DIR into an SQLite data base, for questions in SQL;\n"
    "or, if FILE has them up to some time already, what has been written since. What was\n"
    "removed from the log is removed there, too. The schema is in docs/audit.md.\n"
    "  DIR, --log DIR     the folder of the log; not said: that of the configuration\n"
    "  --to FILE          the data base; it is made if there is none\n"
    "  --rebuild          make it anew, beside, and put it in the place of the old one\n"
    "  --json             what was done, as a JSON document\n"
    "  --quiet            no progress\n"
    "An index lags, and proves nothing: the log is the record, and `cordon audit verify` says\n"
    "whether it is sound.\n"
    "Exit status: 0 the index has what the log has; 1 it was refused, or a part of the log is\n"
    "damaged or missing, and was passed over; 2 wrong usage.\n";

/* Octets of the summary: a path, escaped at worst, and numbers. */
#define LINE_MAX_OCTETS (6u * AUDIT_PATH_MAX + 1024u)

struct job {
    struct cli_audit_scan scan;
    struct index *index;
    enum index_result result;
    const char *to;
    bool rebuild, json, quiet;
};

static bool on_wants(void *context, unsigned log, const struct audit_header *header,
                     bool removed)
{
    struct job *job = context;
    bool wanted = false;

    if (job->result == INDEX_OK) {
        job->result = index_meet(job->index, log, header, removed, &wanted);
    }
    job->scan.ended = job->scan.ended || job->result != INDEX_OK;
    return wanted;
}

/* Of the events of a block, which are all found, the first stands for it. */
static bool on_found(void *context, unsigned log, const struct audit_header *header,
                     struct audit_block *block, uint32_t i)
{
    struct job *job = context;
    bool bad = false;

    if (i == 0 && job->result == INDEX_OK) {
        job->result = index_add(job->index, log, header, block, &bad);
        job->scan.spoilt += bad ? 1 : 0;
    }
    return job->result == INDEX_OK;
}

static void print_json(const struct job *job, const struct index_stats *stats)
{
    char line[LINE_MAX_OCTETS];
    char time[CLOCK_TEXT_MAX];
    struct text text;

    text_init(&text, line, sizeof(line));
    json_object_begin(&text, NULL);
    json_string(&text, "index", job->to);
    json_uint(&text, "logs", stats->logs);
    json_uint(&text, "blocks", stats->blocks);
    json_object_begin(&text, "events");
    for (unsigned i = 1; i <= AUDIT_STREAMS; i++) {
        json_uint(&text, audit_stream_word(i), stats->events[i]);
    }
    json_object_end(&text);
    json_object_begin(&text, "added");
    for (unsigned i = 1; i <= AUDIT_STREAMS; i++) {
        json_uint(&text, audit_stream_word(i), stats->added[i]);
    }
    json_object_end(&text);
    json_uint(&text, "removed", stats->removed);
    json_uint(&text, "damaged", job->scan.damaged);
    if (stats->last_us != 0) {
        json_string_n(&text, "until", time, clock_format(stats->last_us, time));
    } else {
        json_string(&text, "until", NULL);
    }
    json_uint(&text, "octets", stats->octets);
    json_object_end(&text);
    printf("%s\n", line);
}

static void print_words(const struct job *job, const struct index_stats *stats)
{
    char time[CLOCK_TEXT_MAX];

    printf("%s: %" PRIu64 " decisions, %" PRIu64 " queries and %" PRIu64 " changes, in %" PRIu64
           " blocks; %" PRIu64 " octets\n",
           job->to, stats->events[AUDIT_DECISIONS], stats->events[AUDIT_QUERIES],
           stats->events[AUDIT_CHANGES], stats->blocks, stats->octets);
    printf("  added now: %" PRIu64 " decisions, %" PRIu64 " queries and %" PRIu64 " changes\n",
           stats->added[AUDIT_DECISIONS], stats->added[AUDIT_QUERIES],
           stats->added[AUDIT_CHANGES]);
    if (stats->removed > 0) {
        printf("  removed now, since the log has: %" PRIu64 " events\n", stats->removed);
    }
    if (stats->last_us != 0) {
        clock_format(stats->last_us, time);
        printf("  the newest event is of %s: what was written since is not in it\n", time);
    }
}

static int refuse(struct job *job, enum index_result result)
{
    const char *error = job->index != NULL ? index_error(job->index) : "";

    cli_audit_scan_hide(&job->scan);
    fprintf(stderr, "cordon audit index: %s: %s%s%s%s\n", job->to, index_result_words(result),
            *error != '\0' ? " (" : "", error, *error != '\0' ? ")" : "");
    return CLI_REFUSED;
}

/* From the logs into the index that is open. */
static int fill(struct job *job)
{
    static const struct audit_query all = {.streams = 0, .checked = true};
    struct index_stats stats = {.logs = 0};

    job->scan.query = &all;
    job->scan.doing = "indexing";
    job->scan.wants = on_wants;
    job->scan.found = on_found;
    job->scan.context = job;
    (void)cli_audit_scan(&job->scan); /* that nothing was found is well here */
    const bool whole = !job->scan.ended && job->scan.error == 0;
    if (job->result == INDEX_OK) {
        job->result = index_finish(job->index, whole);
    }
    if (job->result == INDEX_OK) {
        job->result = index_stats(job->index, &stats);
    }
    if (job->result != INDEX_OK) {
        return refuse(job, job->result);
    }
    if (job->rebuild && !whole) {
        fprintf(stderr,
                "cordon audit index: %s: the log was not read to its end; what was "
                "there stays\n",
                job->to);
        return CLI_REFUSED;
    }
    (job->json ? print_json : print_words)(job, &stats);
    return whole && job->scan.damaged == 0 ? CLI_OK : CLI_REFUSED;
}

/* Before anything is made: whether there is a log at all. False after a message. */
static bool has_log(const char *folder)
{
    struct cli_audit_log log;
    uint32_t last = 0;
    int rc = cli_audit_open(folder, 1, &log);

    if (rc == 0) {
        rc = log.files.last(log.files.context, &last);
        cli_audit_close(&log);
    }
    if (rc == 0 && last == 0 && audit_log_newest(folder) == 1) {
        fprintf(stderr, "cordon audit index: %s: there is no audit log here\n", folder);
        return false;
    }
    if (rc != 0) {
        (void)cli_audit_failed("audit index", folder, rc);
    }
    return rc == 0;
}

static int run(struct job *job, const char *folder)
{
    int code = CLI_REFUSED;

    job->scan.command = "audit index";
    job->scan.folder = folder;
    if (!has_log(folder)) {
        return CLI_REFUSED;
    }
    cli_audit_scan_begin(&job->scan, job->quiet);
    job->result = index_open(job->to, job->rebuild, &job->index);
    code = job->result == INDEX_OK ? fill(job) : refuse(job, job->result);
    const bool keep = job->result == INDEX_OK && !job->scan.ended && job->scan.error == 0;
    const enum index_result closed = index_close(job->index, keep);
    job->index = NULL;
    if (closed != INDEX_OK) {
        code = refuse(job, closed);
    }
    cli_audit_scan_end(&job->scan);
    return code;
}

int cli_audit_index(int argc, char **argv)
{
    struct job job = {.result = INDEX_OK};
    const char *config = NULL;
    const char *log = NULL;
    const char *word = NULL;
    char folder[AUDIT_PATH_MAX];
    const struct cli_option options[] = {
        {"config", 'c', &config, NULL}, {"log", 0, &log, NULL},
        {"to", 0, &job.to, NULL},       {"rebuild", 0, NULL, &job.rebuild},
        {"json", 0, NULL, &job.json},   {"quiet", 'q', NULL, &job.quiet},
    };
    int code = cli_options(argc, argv, "audit index", help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "audit index", &word, 1);
    }
    if (code == CLI_GO_ON && word != NULL && log != NULL) {
        code = cli_usage("audit index", "the folder once: DIR or --log DIR");
    }
    if (code == CLI_GO_ON && (job.to == NULL || *job.to == '\0')) {
        code = cli_usage("audit index", "--to FILE is needed: the data base");
    }
    if (code == CLI_GO_ON) {
        code = cli_audit_folder("audit index", config, word != NULL ? word : log, folder);
    }
    return code == CLI_GO_ON ? run(&job, folder) : code;
}
