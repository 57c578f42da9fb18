/*
 * cli/progress.h - how far a long job is, for whoever waits at a terminal: one line on standard
 * error that is written over and gone at the end. Nothing is written into a file or a pipe.
 */
#ifndef CORDON_CLI_PROGRESS_H
#define CORDON_CLI_PROGRESS_H

#include "base/report.h"

#include <stdbool.h>
#include <stdint.h>

struct cli_progress {
    bool on;
    bool drawn; /* a line stands there */
    uint64_t next_us;
};

/* On if standard error is a terminal, and not quiet. */
void cli_progress_start(struct cli_progress *progress, bool quiet);
/* Has the report tell this one. */
void cli_progress_watch(struct cli_progress *progress, struct report *report);
/* Removes the line, so that other output may follow. */
void cli_progress_end(struct cli_progress *progress);

/* The line for a stage, at most size octets: "compiling  40 %". Returns out. */
const char *cli_progress_line(const char *stage, uint64_t done, uint64_t all, char *out,
                              size_t size);

#endif
