/*
 * audit/recorder_inside.h - what recorder.c and recorder_open.c share: the recorder.
 */
#ifndef CORDON_AUDIT_RECORDER_INSIDE_H
#define CORDON_AUDIT_RECORDER_INSIDE_H

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
    CAUSE_OTHER,
    CAUSES
};

struct audit_recorder {
    struct audit_recorder_settings settings;
    char *folder, *key_file, *origin;
    bool has_key;
    struct trust_secret_key secret;
    struct trust_note_key key;
    unsigned number; /* of the log below the folder, from 1 */
    bool refused_log;

    struct audit_folder at;
    struct audit_files files;
    struct audit_log *log;  /* NULL: not open */
    uint64_t octets_before; /* of files that were there */
    int error;
    uint64_t next_try_us, since_us; /* monotonic; since it is not open */
    uint64_t sign_at_us; /* monotonic: what a run begins with is signed then; 0: it is */
    bool said_waiting, said_failing, said_bound;

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

    pthread_mutex_t mutex; /* of stats alone */
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

/* recorder_open.c */

/* Tries to open the newest log, unless it is open or was tried a moment ago. What is wrong is
 * in recorder->error, and said once. */
void recorder_try_open(struct audit_recorder *recorder, struct clock_now now);

#endif
