/*
 * audit/writer.h - the thread that takes records from the workers' rings, and what people have
 * changed from the main thread's, to the event stream.
 *
 * It never holds up an answer: a blocked pipe or a full disk stops this thread's output only;
 * rings fill, workers count what they lose, and the writer says so once it can again. A file is
 * rotated by size: FILE, FILE.1 ... FILE.keep.
 *
 * Beside that, the audit log (audit/recorder.h), fed by the same records: there a blocked
 * output of lines keeps nothing waiting, lines that find no room are lost and counted.
 */
#ifndef CORDON_AUDIT_WRITER_H
#define CORDON_AUDIT_WRITER_H

#include "audit/privacy.h"
#include "audit/recorder.h"
#include "base/ring.h"
#include "policy/policy.h"
#include "policy/slot.h"

#include <stdatomic.h>

struct audit_writer; /* opaque */

struct audit_writer_settings {
    bool none;              /* no lines at all: for the log and what is sent alone */
    const char *path;       /* NULL: standard output */
    uint64_t rotate_octets; /* a file larger than this is rotated; 0: never */
    unsigned keep;          /* rotated files kept, 1 to 100 */
    bool joins; /* another process writes to it still: what looks like half a line is none */
};

struct audit_writer_inputs {
    struct ring *const *rings;     /* one per worker; the writer is their consumer */
    _Atomic uint64_t *const *lost; /* one per worker: events that found the ring full */
    unsigned workers;
    /* Of questions (event.h), one per worker, and what found them full; NULL: there are none.
     */
    struct ring *const *questions;
    _Atomic uint64_t *const *questions_lost;
    /* Questions that were refused rather than not recorded, for the lack of a place for their
     * decisions, or for themselves; one per worker; NULL: there are none. */
    _Atomic uint64_t *const *refused;
    _Atomic uint64_t *const *questions_refused;
    bool publish_events, publish_syslog; /* its checkpoints are told there, too; the first
                                            needs lines */
    struct audit_recorder *recorder;     /* borrowed until stop; NULL: there is no log */
    struct audit_privacy *privacy;       /* likewise; NULL: clients and names as they are */
    struct audit_tap
        tap; /* told of what the recorder is not given; it has the same for the rest */
    struct ring *changes; /* of the main thread (audit/change.h); NULL: there are none */
    _Atomic uint64_t *changes_lost;
    struct policy_slot *slot; /* the writer is its reader number `reader` */
    unsigned reader;
    /* The policy of a snapshot, and the name of a view (NULL if there is none of that number).
     */
    const struct policy *(*policy_of)(const void *snapshot);
    const char *(*view_name)(const void *snapshot, unsigned view);
};

struct audit_writer_stats {
    uint64_t written;     /* lines */
    uint64_t lost_ring;   /* sum of the workers' counts, and changes */
    uint64_t lost_output; /* given up on the way out: broken pipe, an output that held up a
                             reload or the end */
    int last_error;       /* negative errno of the newest output failure; 0: the output works */
    bool stalled;         /* the output accepts nothing at the moment */
};

/* Opens the file (append, mode 0640) and starts the thread. The slot must exist, and nothing is
 * published to it during the call. Each ring has at least AUDIT_RING_MIN octets (event.h). 0,
 * -errno. */
int audit_writer_start(const struct audit_writer_settings *settings,
                       const struct audit_writer_inputs *inputs, struct audit_writer **writer);

/* The change that tells of a configuration: its digest is part of checkpoints. */
#define AUDIT_CONFIGURATION "configuration"

/* Writes what the rings still hold (until the output has taken nothing for 2 s), then the end
 * of the log, then ends and frees the writer. The workers have stopped. reason: a literal, for
 * the log; NULL: none. */
void audit_writer_stop(struct audit_writer *writer, const char *reason);

/* Wakes it, so that it adopts a newly published snapshot at once. Any thread. */
void audit_writer_wake(struct audit_writer *writer);

void audit_writer_stats(const struct audit_writer *writer, struct audit_writer_stats *out);

#endif
