#include "cli/audit_scan.h"

#include "base/clock.h"
#include "cli/audit_open.h"
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* A search that takes no longer needs no progress. */
#define PROGRESS_AFTER_US 500000u

/* How often a log that is followed is looked at: soon enough for whoever looks on. */
#define FOLLOW_EVERY_NS 200000000L

/* Events that are shown before signals are looked at again. */
#define SIGNALS_EVERY 256u

void cli_audit_scan_begin(struct cli_audit_scan *scan, bool quiet)
{
    static const int read_ones[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    struct cli_progress *progress = &scan->progress;
    sigset_t mask;

    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof(read_ones) / sizeof(read_ones[0]); i++) {
        sigaddset(&mask, read_ones[i]);
    }
    sigprocmask(SIG_BLOCK, &mask, &scan->before);
    cli_progress_start(progress, quiet);
    progress->next_us = clock_read().mono_us + PROGRESS_AFTER_US;
}

void cli_audit_scan_end(struct cli_audit_scan *scan)
{
    cli_progress_end(&scan->progress);
    if (scan->signal != 0) {
        fflush(stdout);
        raise(scan->signal);
    }
    sigprocmask(SIG_SETMASK, &scan->before, NULL); /* SIGPIPE, if it came, comes now */
}

void cli_audit_scan_hide(struct cli_audit_scan *scan)
{
    const bool was_on = scan->progress.on;

    cli_progress_end(&scan->progress);
    scan->progress.on = was_on;
}

/* The signals that somebody ends it by. */
static void ends_of(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGHUP);
    sigaddset(ends, SIGQUIT);
}

/* Whether somebody wants an end: a signal, or nobody reads any more. */
static bool is_over(struct cli_audit_scan *scan)
{
    const struct timespec now = {0, 0};
    sigset_t ends;

    ends_of(&ends);
    if (scan->signal == 0) {
        const int got = sigtimedwait(&ends, NULL, &now);

        scan->signal = got > 0 ? got : 0;
    }
    scan->ended = scan->ended || scan->signal != 0 || ferror(stdout) != 0;
    return scan->ended;
}

static bool on_progress(void *context, uint64_t done, uint64_t all)
{
    struct cli_audit_scan *scan = context;
    struct report report = {.progress = NULL};

    if (scan->progress.on) {
        cli_progress_watch(&scan->progress, &report);
        report_progress(&report, scan->doing != NULL ? scan->doing : "searching", done, all);
    }
    return !is_over(scan);
}

static bool on_found(void *context, const struct audit_header *header,
                     struct audit_block *block, uint32_t i)
{
    struct cli_audit_scan *scan = context;

    scan->count++;
    if (!scan->found(scan->context, scan->log, header, block, i)) {
        scan->ended = true;
    }
    return !scan->ended && (++scan->checked % SIGNALS_EVERY != 0 || !is_over(scan));
}

static bool on_wants(void *context, const struct audit_header *header, bool removed)
{
    struct cli_audit_scan *scan = context;

    return scan->wants(scan->context, scan->log, header, removed);
}

static void on_shown(void *context, const struct audit_header *header,
                     struct audit_block *block)
{
    struct cli_audit_scan *scan = context;

    (void)header;
    if (scan->shown != NULL) {
        scan->shown(scan->context, block);
    }
}

static void tell_damage(struct cli_audit_scan *scan, const char *folder,
                        const struct audit_search_stats *stats)
{
    scan->damaged += stats->damaged;
    scan->removed += stats->removed;
    if (stats->damaged > 0) {
        cli_audit_scan_hide(scan);
        fprintf(stderr,
                "cordon %s: %s: %" PRIu64
                " %s of the log %s damaged or missing, and passed over: "
                "cordon audit verify\n",
                scan->command, folder, stats->damaged, stats->damaged == 1 ? "part" : "parts",
                stats->damaged == 1 ? "is" : "are");
        if (stats->version != 0) {
            fprintf(stderr,
                    "cordon %s: a file is of version %u of the format, and this program knows "
                    "version %u\n",
                    scan->command, stats->version, AUDIT_FORMAT);
        }
    }
}

static unsigned threads_for_it(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);

    return processors < 2                             ? 0
           : processors > (long)CLI_AUDIT_THREADS_MAX ? CLI_AUDIT_THREADS_MAX
                                                      : (unsigned)processors;
}

/* Waits for the log to grow, or for an end. A pipe that nobody reads is one. */
static bool wait_a_while(struct cli_audit_scan *scan)
{
    const struct timespec span = {0, FOLLOW_EVERY_NS};
    struct pollfd out = {.fd = STDOUT_FILENO};

    scan->ended = scan->ended || (poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0);
    if (!is_over(scan)) {
        sigset_t ends;

        ends_of(&ends);
        sigaddset(&ends, SIGPIPE);
        const int got = sigtimedwait(&ends, NULL, &span);
        scan->signal = got > 0 ? got : 0;
        scan->ended = scan->signal != 0;
    }
    return !scan->ended;
}

/* Whether log `number` + 1 has been begun meanwhile. */
static bool is_followed(const struct cli_audit_scan *scan, unsigned number)
{
    struct cli_audit_log log;

    if (cli_audit_open(scan->folder, number + 1, &log) != 0) {
        return false;
    }
    cli_audit_close(&log);
    return true;
}

/* One log, to its end, or to where the next one was begun. 0 or a code. */
static int scan_log(struct cli_audit_scan *scan, const struct cli_audit_log *log)
{
    struct audit_query query = *scan->query;
    struct audit_search_way way = {.threads = threads_for_it(),
                                   .newest_first = scan->newest_first,
                                   .growing = scan->follow,
                                   .wants = scan->wants != NULL ? on_wants : NULL,
                                   .shown = on_shown,
                                   .progress = on_progress,
                                   .context = scan};
    struct audit_search_stats stats = {.blocks = 0};
    bool last = false;
    int rc = 0;

    query.way = &way;
    if (scan->after != NULL && scan->after->log == log->number) {
        way.has_after = true;
        way.after_stream = scan->after->stream;
        way.after = scan->after->event;
    }
    scan->log = log->number;
    do {
        last = !scan->follow || is_followed(scan, log->number);
        rc = audit_search(&log->files, &query, on_found, scan, &stats);
        tell_damage(scan, log->folder, &stats);
        way.from = stats.end;
        way.has_after = way.has_after && !stats.passed;
        if (scan->follow && !scan->ended && rc == 0) {
            scan->progress.on = false; /* from now on it is waited */
            way.threads = 0;
            if (scan->caught_up != NULL) {
                scan->caught_up(scan->context);
            }
        }
    } while (rc == 0 && !last && !scan->ended && wait_a_while(scan));
    if (rc == 0 && way.has_after && !scan->follow && !scan->ended) {
        char text[AUDIT_ID_TEXT_MAX];

        audit_id_format(scan->after, text);
        cli_audit_scan_hide(scan);
        fprintf(stderr, "cordon %s: there is no event %s in this log\n", scan->command, text);
    }
    return rc;
}

/* A log between others, which only somebody can have taken away. */
static void tell_missing(struct cli_audit_scan *scan, const char *folder)
{
    scan->damaged++;
    cli_audit_scan_hide(scan);
    fprintf(stderr,
            "cordon %s: %s: this log is missing, and a later one is there: cordon audit "
            "verify\n",
            scan->command, folder);
}

/* Where what was looked for could be read, and not what is to be shown. */
static void tell_spoilt(struct cli_audit_scan *scan)
{
    if (scan->spoilt > 0) {
        scan->damaged += scan->spoilt;
        fprintf(stderr,
                "cordon %s: %s: what was found in damaged parts of the log was passed over: "
                "cordon audit verify\n",
                scan->command, scan->folder);
    }
}

int cli_audit_scan(struct cli_audit_scan *scan)
{
    struct cli_audit_copies copies;
    struct cli_audit_log log;
    int rc = 0;
    unsigned last = audit_log_newest(scan->folder);
    const unsigned skip = scan->after != NULL ? scan->after->log : 0;

    cli_audit_find_copies(scan->folder, last, &copies);
    for (unsigned i = 1; i <= last && rc == 0 && !scan->ended; i++) {
        const unsigned number = scan->newest_first ? last + 1 - i : i;

        if (skip != 0 && (scan->newest_first ? number > skip : number < skip)) {
            continue;
        }
        if (cli_audit_is_copy(scan->command, scan->folder, &copies, number)) {
            continue;
        }
        rc = cli_audit_open(scan->folder, number, &log);
        if (rc == 0) {
            rc = scan_log(scan, &log);
            cli_audit_close(&log);
        } else if (rc == -ENOENT && number > 1) {
            tell_missing(scan, log.folder);
            rc = 0;
        }
        if (rc == 0 && scan->follow && i == last && is_followed(scan, last)) {
            last++;
        }
    }
    cli_audit_scan_hide(scan);
    scan->error = rc;
    if (rc != 0) {
        return cli_audit_failed(scan->command, scan->folder, rc);
    }
    tell_spoilt(scan);
    if (scan->removed > 0) {
        fprintf(stderr,
                "cordon %s: the events of %" PRIu64
                " %s of that time were removed; `cordon audit verify` says whether that is "
                "recorded\n",
                scan->command, scan->removed, scan->removed == 1 ? "block" : "blocks");
    }
    return scan->count > 0 && scan->damaged == 0 ? CLI_OK : CLI_REFUSED;
}

int cli_audit_row(struct audit_block *block, uint32_t i, struct audit_row *row)
{
    const int rc = audit_block_load(block, UINT64_MAX);

    if (rc == 0) {
        audit_block_row(block, i, row);
    }
    return rc;
}

struct audit_id cli_audit_id(unsigned log, const struct audit_header *header, uint32_t i)
{
    return (struct audit_id){log, (enum audit_stream)header->stream, header->first_event + i};
}
