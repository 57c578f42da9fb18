/*
 * daemon/history.h - which set of lists came into force when, why and by whose word: a line
 * each in STATE/history.jsonl (docs/updates.md, History).
 *
 * At DAEMON_HISTORY_OCTETS the file becomes history.jsonl.1, in place of the one before. A line
 * that was cut off by a crash costs itself alone. What cannot be written is a warning.
 */
#ifndef CORDON_DAEMON_HISTORY_H
#define CORDON_DAEMON_HISTORY_H

#include "base/text.h"
#include "setup/setup.h"

#define HISTORY_FILE    "history.jsonl"
#define HISTORY_BEFORE  "history.jsonl.1"
#define HISTORY_VERSION 1

/* Why a set came into force, and who wanted it. */
struct history_cause {
    const char *word;   /* "start", "files", "reload", "rollback", "release", ... */
    const char *list;   /* that it is about; NULL: no single one */
    const char *reason; /* NULL: none was given */
    bool by_person;     /* else the daemon: uid, user and pid mean nothing */
    uint32_t uid;
    const char *user; /* NULL: unknown */
    int32_t pid;
};

/* The line, with its newline. Modes by view are left out where the line would be too long. */
void history_format(struct text *out, const struct setup_snapshot *snapshot,
                    const struct history_cause *cause, uint64_t wall_us);

/* Adds it. state: the folder; NULL: nothing is kept. 0 or -errno. */
int history_add(const char *state, const struct setup_snapshot *snapshot,
                const struct history_cause *cause, uint64_t wall_us);

/*
 * All lines that there are, the oldest first, from the given one on: strings of an open array,
 * as many as there is room for. *next: the number of the first that was left out; 0: none was.
 * 0 or -errno.
 */
int history_write(struct text *out, const char *state, uint64_t from, uint64_t *next);

#endif
