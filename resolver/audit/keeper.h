/*
 * audit/keeper.h - keeps a log within its bounds while it is written: events that are over by
 * their age, above a bound in octets, or to be forgotten by somebody's wish are removed.
 *
 * On the writer's thread, but for the long part: all headers are looked at, and files written
 * anew, by a job on a thread of its own at a low priority, one at a time.
 *
 * Well: due -> a job looks (removal.h, plan) -> what it found is on the record, and safe; the
 * file at hand is ended if it has some of it -> a job removes -> it looks again. Not: the disk
 * refuses: what is recorded and was not done is done later; the process ends: the job is told,
 * and takes no file's place any more, since the lock is about to be another's.
 */
#ifndef CORDON_AUDIT_KEEPER_H
#define CORDON_AUDIT_KEEPER_H

#include "audit/log.h"
#include "audit/removal.h"
#include "base/clock.h"

struct audit_keeper; /* opaque */

struct audit_keeper_settings {
    const char *folder; /* of the log; copied */
    dev_t device;       /* which that is: another is not touched */
    ino_t inode;
    const struct audit_files *files; /* not NULL: jobs are done at once on these, for tests */
    uint64_t keep_us[AUDIT_STREAMS + 1]; /* 0: for ever */
    uint64_t octets[AUDIT_STREAMS + 1];  /* of bodies; 0: no bound */
    uint64_t newest_us; /* when the newest block of the log was closed; 0: there is none */
};

/* What somebody wants to be forgotten. */
struct audit_wish {
    uint64_t before_us;   /* events; 0: none */
    unsigned streams;     /* bit n: stream n; of decisions and queries */
    uint32_t keys_before; /* keys of pseudonyms of days before; 0: none */
    uint32_t uid;
    int32_t pid;
    char user[33]; /* "": the system has no name for it */
    char reason[513];
};
/* Of a wish: "control" asked for it; borrowed. */
void audit_wish_actor(const struct audit_wish *wish, struct audit_actor *out);

struct audit_keeper_stats {
    uint64_t events[AUDIT_STREAMS + 1]; /* removed since it was created */
    uint64_t octets;                    /* of files that have become shorter */
    bool working;
    int error; /* of the newest job; 0: none */
    /* Of the wish. */
    bool wish_done;
    uint64_t wish_events[AUDIT_STREAMS + 1];
    int wish_error;
};

/* NULL: out of memory. */
struct audit_keeper *audit_keeper_create(const struct audit_keeper_settings *settings);
/* No file is replaced after it. NULL is fine. */
void audit_keeper_destroy(struct audit_keeper *keeper);

/* Begins a wish (copied); the one before is done. */
void audit_keeper_wish(struct audit_keeper *keeper, const struct audit_wish *wish);

/* What is due; many times a second is fine. */
void audit_keeper_tick(struct audit_keeper *keeper, struct audit_log *log,
                       const struct audit_in_force *in_force, struct clock_now now);

void audit_keeper_stats(const struct audit_keeper *keeper, struct audit_keeper_stats *out);

#endif
