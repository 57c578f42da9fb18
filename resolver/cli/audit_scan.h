/*
 * cli/audit_scan.h - a search through all logs of a folder for somebody who waits: progress on
 * a terminal, an end by a signal or by a reader who leaves, and a word about damage.
 *
 * Signals are read, not caught: ^C ends the search between two lines, what was found is written
 * whole, and then the process ends by that signal as if it had not been read.
 */
#ifndef CORDON_CLI_AUDIT_SCAN_H
#define CORDON_CLI_AUDIT_SCAN_H

#include "audit/id.h"
#include "audit/search.h"
#include "cli/progress.h"

#include <signal.h>

/* Threads that unpack blocks: one for each processor but for one, at most so many. */
#define CLI_AUDIT_THREADS_MAX 4u

struct cli_audit_scan {
    const char *command; /* for messages */
    const char *doing;   /* for progress; NULL: "searching" */
    const char *folder;
    const struct audit_query *query; /* its way is not looked at */
    const struct audit_id *after;    /* NULL: from the beginning */
    bool newest_first;
    bool follow; /* goes on with what is written, until it is ended */
    /* Event i of the block; columns are loaded by audit_block_load. False ends the search. */
    bool (*found)(void *context, unsigned log, const struct audit_header *header,
                  struct audit_block *block, uint32_t i);
    /* As that of struct audit_search_way. NULL: all are wanted. */
    bool (*wants)(void *context, unsigned log, const struct audit_header *header, bool removed);
    /* After the events of one block. NULL: nothing. */
    void (*shown)(void *context, struct audit_block *block);
    /* When all that there was was shown: before waiting for more (follow). NULL: nothing. */
    void (*caught_up)(void *context);
    void *context;

    /* What came of it. */
    uint64_t count, damaged, removed;
    uint64_t spoilt; /* events, or blocks, that were found and `found` could not read: it counts
                        them, and they are told, and part of damaged, at the end */
    bool ended;      /* by `found`, a signal or a reader who left */
    int error;       /* that a log could not be read by; 0: none */

    /* Inside. */
    struct cli_progress progress;
    sigset_t before;
    int signal;       /* that was read; 0: none */
    unsigned log;     /* at hand */
    unsigned checked; /* events since signals were looked at */
};

/* Reads signals from here on, until cli_audit_scan_end. */
void cli_audit_scan_begin(struct cli_audit_scan *scan, bool quiet);
/* Searches. CLI_OK: events were found; CLI_REFUSED: none, or a part of the log is damaged or
 * could not be read, after a message. */
int cli_audit_scan(struct cli_audit_scan *scan);
/* Gives signals back; if one was read, or the reader has left, the process may end here. */
void cli_audit_scan_end(struct cli_audit_scan *scan);

/* Removes the progress line, if one is drawn: before anything is written to a terminal. */
void cli_audit_scan_hide(struct cli_audit_scan *scan);

/* The row of an event, of all its columns, borrowed until the next block. 0 or a code. */
int cli_audit_row(struct audit_block *block, uint32_t i, struct audit_row *row);
struct audit_id cli_audit_id(unsigned log, const struct audit_header *header, uint32_t i);

#endif
