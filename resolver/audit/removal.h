/*
 * audit/removal.h - taking events out of a log without taking away its proof.
 *
 * Of a block that is removed its header stays, so the tree, the checkpoints and the numbers
 * stay, too (a frame of kind 3); the events are gone. What is removed is chosen (a plan), then
 * put on the record (a row of the stream of changes, which must be safe), and only then taken
 * out: each file is written anew beside the old one and takes its place in one step. Who has
 * the old one open goes on reading that.
 *
 * No thread and no clock here. docs/audit-log.md, "Removing".
 */
#ifndef CORDON_AUDIT_REMOVAL_H
#define CORDON_AUDIT_REMOVAL_H

#include "audit/frame.h"

#include <stdatomic.h>

enum audit_removal_cause {
    AUDIT_REMOVED_AGE,
    AUDIT_REMOVED_OCTETS,
    AUDIT_REMOVED_FORGET
};
#define AUDIT_REMOVED_CAUSES 3
const char *audit_removal_word(enum audit_removal_cause cause); /* "age" */

/* Of one stream. */
struct audit_bound {
    uint64_t before_us; /* blocks whose newest event is older go; 0: none do */
    uint64_t octets;    /* bodies above this go, the oldest first; 0: no bound */
    uint64_t target;    /* until there are at most so many */
    bool forget;        /* before_us is somebody's wish, not an age */
};

/* Blocks of a stream, `from` to `to` with all others in between: one act. */
struct audit_run {
    enum audit_stream stream;
    enum audit_removal_cause cause;
    uint64_t from, to;
    uint64_t blocks, events, octets; /* that are still there */
    uint64_t first_us, last_us;      /* least and most time of these events */
    uint32_t last_file;              /* that has one */
};

/* What a log has of a stream. */
struct audit_holding {
    uint64_t blocks, events, octets; /* bodies */
    uint64_t oldest_us;              /* the least time of a block's newest event; UINT64_MAX */
};

struct audit_plan {
    struct audit_run runs[AUDIT_STREAMS + 1];         /* blocks 0: nothing is to be removed */
    struct audit_holding holdings[AUDIT_STREAMS + 1]; /* as it is found */
    uint64_t damaged; /* parts that are no blocks: what events they had cannot be known */
};

/* Where to end: what is behind `at` in file `file` may be being written. */
struct audit_limit {
    uint32_t file;
    uint64_t at;
};

/* Of each stream at most one run; again, for what is left. Changes are never removed. Damage is
 * gone on behind, as a search does, so that nothing is found that should be gone. limit NULL:
 * to the end. stop (may be NULL): it ends with -ECANCELED. 0, -errno. */
int audit_removal_plan(const struct audit_files *files, const struct audit_limit *limit,
                       const struct audit_bound bounds[AUDIT_STREAMS + 1],
                       const atomic_bool *stop, struct audit_plan *out);

/* The change that tells of destroyed keys of pseudonyms. */
#define AUDIT_KEYS_DESTROYED "keys-destroyed"

/* Who wants it; texts are borrowed. */
struct audit_actor {
    const char *by; /* "cordond", "control"; "cordon": the tool, without a daemon */
    uint32_t uid;   /* of those who asked: not of "cordond" */
    const char *user;
    int32_t pid;
    const char *reason; /* NULL: none */
};
/* The record of a run; it borrows from the actor. */
void audit_removal_row(const struct audit_run *run, const struct audit_actor *actor,
                       uint64_t now_us, struct audit_row *row);
/* That of keys: how many, of the days first to last; cause: age or forget. */
struct audit_days;
void audit_removal_keys_row(const struct audit_days *days, enum audit_removal_cause cause,
                            const struct audit_actor *actor, uint64_t now_us,
                            struct audit_row *row);

/*
 * Takes the runs out of the files up to last_file. commit (may be NULL) is asked before a file
 * takes the place of the old one: false ends it with -ECANCELED; after it has said true,
 * committed follows. *freed: octets, also after a failure. 0; -errno: files that were done are,
 * others are as they were.
 */
struct audit_removal_hooks {
    void *context;
    bool (*commit)(void *context);
    void (*committed)(void *context);
    const atomic_bool *stop; /* NULL: it is not stopped */
};
int audit_removal_apply(const struct audit_files *files, uint32_t last_file,
                        const struct audit_run *runs, unsigned count,
                        const struct audit_removal_hooks *hooks, uint64_t *freed);

#endif
