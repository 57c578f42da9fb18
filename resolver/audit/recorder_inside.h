/*
 * audit/recorder_inside.h - what recorder.c, recorder_open.c and recorder_disk.c share: the
 * recorder.
 */
#ifndef CORDON_AUDIT_RECORDER_INSIDE_H
#define CORDON_AUDIT_RECORDER_INSIDE_H

#include "audit/aside.h"
#include "audit/recorder.h"

#include <pthread.h>

/* Losses that no gap speaks of yet. */
struct loss {
    uint64_t count, from_us, to_us;
};

enum cause {
    CAUSE_RING,
    CAUSE_REFUSED,
    CAUSE_WAITING,
    CAUSE_BOUND,
    CAUSE_GONE,
    CAUSE_OTHER,
    CAUSES
};

/* The log as another thread opens it. */
struct opening {
    struct audit_recorder *recorder;
    struct clock_now now;
    struct audit_log *log;
    struct audit_log_opened opened;
    int refused; /* why the log that was there is left; 0: it is not */
    int result;
};

struct audit_recorder {
    struct audit_recorder_settings settings;
    char *folder, *key_file, *origin;
    bool has_key;
    struct trust_secret_key secret;
    struct trust_note_key key;
    unsigned number; /* of the log below the folder, from 1 */
    bool refused_log;

    /* What may hang is done aside: the opening, then turns of the log. Until the opening is
     * done, key, folder and files are its own. */
    struct audit_aside *aside;
    struct opening opening;
    bool is_opening;
    bool gave_up_log;             /* one, since it was open last */
    uint64_t gone_us;             /* monotonic: since when its file is gone; 0: it is not */
    struct audit_log_stats given; /* of the log that was given up */
    uint64_t jobs, seen_jobs;     /* begun; when the time was noted last */
    uint64_t busy_us;             /* monotonic: since when the same one is under way */
    bool hangs, gave_up;          /* at the end */

    struct audit_folder at;
    struct audit_files files;
    struct audit_log *log;  /* NULL: not open */
    uint64_t octets_before; /* of files that were there */
    int error;
    uint64_t next_try_us, since_us; /* monotonic; since it is not open */
    uint64_t sign_at_us; /* monotonic: what a run begins with is signed then; 0: it is */
    bool said_waiting, said_failing, said_bound, said_moved;

    struct audit_keeper *keeper;                /* of the log that is open */
    struct audit_wish wish;                     /* mutex: until it is taken */
    uint64_t taken;                             /* number of the wish that was */
    bool events_wanted, keys_wanted, keys_told; /* of it, and not done yet */
    uint64_t freed;                             /* octets, by the keeper */

    uint8_t *backlog; /* from start to len */
    size_t backlog_start, backlog_len, backlog_size;
    bool backlog_told; /* nobody waits for the log's numbers any more */
    bool quiet;        /* what is added is known already */
    struct loss losses[AUDIT_STREAMS + 1][CAUSES];
    uint64_t lost[AUDIT_STREAMS + 1];
    uint64_t next_gap_us;

    bool has_offset;
    int64_t offset_us; /* wall clock less monotonic */
    uint64_t checkpoint_number, checkpoint_us;

    pthread_mutex_t mutex; /* of stats and a wish that was not taken */
    struct audit_recorder_stats stats;
};

/* A row of the changes stream, by the daemon itself. */
void recorder_begin_change(struct audit_row *row, const char *what, uint64_t wall_us);

/* For another process that has the log: then its silence is news, and nobody waits for numbers.
 */
#define RECORDER_PATIENCE_US UINT64_C(10000000)

/* Of the log: this is its event so and so. context: the recorder. */
void recorder_on_added(void *context, enum audit_stream stream, uint64_t number,
                       const struct audit_row *row);

/* audit.octets are there. */
bool recorder_is_at_bound(const struct audit_recorder *recorder);

/* recorder_keep.c */

/* The log was opened, in this folder. */
void recorder_begin_keeping(struct audit_recorder *recorder, const char *folder);
void recorder_end_keeping(struct audit_recorder *recorder);
void recorder_keep_tick(struct audit_recorder *recorder, const struct audit_in_force *in_force,
                        struct clock_now now);

/* recorder_open.c */

/* Tries to open the newest log, unless it is open or was tried a moment ago; what came of it is
 * seen in a later call. What is wrong is in recorder->error, and said once. */
void recorder_try_open(struct audit_recorder *recorder, struct clock_now now);
/* The same, in the call. */
void recorder_open_now(struct audit_recorder *recorder, struct clock_now now);
/* The same, waiting for the disk until then (monotonic). */
void recorder_open_until(struct audit_recorder *recorder, struct clock_now now,
                         uint64_t until_us);

/* Where the log's file is gone for some time: what is left of the log is opened anew. */
void recorder_watch_file(struct audit_recorder *recorder, int error, struct clock_now now);

/* recorder_disk.c */

/* Of log.h's runner; context: the recorder. */
void recorder_begin_job(void *context, audit_aside_job *job, void *argument);
bool recorder_is_idle(void *context);
/* What the disk says of the log, which is open: once, and that it is over. */
void recorder_say_disk(struct audit_recorder *recorder, int error);
/* Notes whether a job does not end. */
void recorder_watch_disk(struct audit_recorder *recorder, struct clock_now now);
/* What becomes of events when memory is full. */
const char *recorder_what_then(const struct audit_recorder *recorder);
/* Moments of the monotonic clock, for the next two: so many milliseconds from now. */
uint64_t recorder_until(unsigned ms);
/* No job is under way; waits for it until then. */
bool recorder_wait(struct audit_recorder *recorder, uint64_t until_us);
/* Closes the log as it is, and ends the thread aside. False: a job hangs. */
bool recorder_leave_disk(struct audit_recorder *recorder);
/* Writes all that there is, until then at most. 0, the error of the disk, or -ETIMEDOUT. */
int recorder_flush(struct audit_recorder *recorder, const struct audit_in_force *in_force,
                   struct clock_now now, uint64_t until_us);

#endif
