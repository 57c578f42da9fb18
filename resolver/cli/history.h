/*
 * cli/history.h - which set of lists was in force when, as the daemon has written it down: from
 * the daemon, or from the files of its state directory.
 */
#ifndef CORDON_CLI_HISTORY_H
#define CORDON_CLI_HISTORY_H

#include "cli/ask.h"

#include <stddef.h>

struct cli_history {
    /* Sets as they were written (docs/updates.md, History), the oldest first. Each has "time",
     * "generation", "cause" and "lists", and each of these "id", "serial" and "hash". */
    json_t *sets;
    unsigned damaged; /* lines that are none */
};

/* Adds the lines of a file; those that are no sets are counted. 0 or -ENOMEM. */
int cli_history_parse(const char *text, size_t len, struct cli_history *history);
/* The files of a state directory. 0, also if there are none; -errno. */
int cli_history_read(const char *state, struct cli_history *history);
void cli_history_free(struct cli_history *history);

/* The set in force at that time (wall clock, seconds); NULL: there was none, or nothing is
 * known. Borrowed. *next: the one that followed; NULL: it still is in force. */
const json_t *cli_history_at(const struct cli_history *history, uint64_t wall_s,
                             const json_t **next);

/* The list of a set; NULL: it was not in force. */
const json_t *cli_history_list(const json_t *set, const char *id);

#endif
