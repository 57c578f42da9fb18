/*
 * audit/log.h - the writer of the audit log: takes events, seals blocks, keeps them safe.
 *
 * No loop, no clock: time is an argument, files are a table of functions. Nothing here ever
 * loses a block that is safe, and what cannot be kept is counted and recorded as a gap. What is
 * done with files after the opening is one turn (audit/turn.h) after the other: in the call, or
 * by a thread of the caller's while the log goes on taking events.
 *
 * Well: add -> block full or its time has come -> sealed (header, leaf of the tree) -> written
 * and synced in one go -> safe; now and then a signed checkpoint. Not: a failed write or sync
 * takes nothing back: what is sealed stays in memory, the file is cut to what was safe, and it
 * is tried again; above AUDIT_PENDING_MAX events are refused and counted.
 */
#ifndef CORDON_AUDIT_LOG_H
#define CORDON_AUDIT_LOG_H

#include "audit/checkpoint.h"
#include "audit/frame.h"

struct audit_log; /* opaque */

/* Who runs turns. begin: one, none being under way; is_done: none is. */
struct audit_log_runner {
    void *context;
    void (*begin)(void *context, void (*run)(void *argument), void *argument);
    bool (*is_done)(void *context);
};

struct audit_log_settings {
    struct trust_note_key key;             /* kind ED25519; its name is the origin of the log */
    const struct trust_secret_key *secret; /* copied */
    uint64_t file_octets;                  /* a file that has more is followed by another */
    uint64_t seal_us[AUDIT_STREAMS + 1]; /* by stream: an event waits no longer for its block */
    uint32_t checkpoint_blocks;          /* a checkpoint after so many */
    uint64_t checkpoint_events;          /* or after blocks of so many events; 0: no bound */
    uint64_t checkpoint_us;              /* and after so long, also if nothing happened */
    uint64_t retry_us;                   /* after a failure of the disk */
    /* Told of each event that the log has or will have, with its number in its stream, as it is
     * added: gaps, too. NULL: nobody wants to know. */
    void (*added)(void *context, enum audit_stream stream, uint64_t number,
                  const struct audit_row *row);
    void *added_context;
    int level; /* of zstd */
    bool sync; /* false: a power failure may cost what the system had not written, and the log
                  may then have to be begun anew */
    struct audit_log_runner runner; /* begin NULL: turns are run in the call */
};

/* What opening found. */
struct audit_log_opened {
    bool is_new;
    uint64_t cut_octets; /* of an unfinished end: cut, and recorded as a gap */
};

/*
 * Goes on with the log in the folder, or begins one. Locks the folder. session: random. 0;
 * -EBUSY: another writer; -errno; CORDON_E_CORRUPT: the log is damaged before its end, or has
 * less than its newest checkpoint says: it must be kept as it is and another begun;
 * CORDON_E_UNTRUSTED: it is that of another key or origin; CORDON_E_VERSION: of another version
 * of the format. files is borrowed until audit_log_close.
 */
int audit_log_open(const struct audit_files *files, const struct audit_log_settings *settings,
                   uint64_t now_us, uint64_t session, struct audit_log **log,
                   struct audit_log_opened *opened);

/* Seals what there is, makes a checkpoint, writes; then frees. 0, or why it is not all safe.
 * Not with a runner. */
int audit_log_close(struct audit_log *log, const struct audit_in_force *in_force,
                    uint64_t now_us);
/* Frees without writing anything, as if the process had been killed. No turn is under way. */
void audit_log_abandon(struct audit_log *log);

/* Takes one event (copied). 0; -EINVAL: it cannot be written; -ENOBUFS or -ENOMEM: it is lost
 * and counted for a gap. */
int audit_log_add(struct audit_log *log, enum audit_stream stream, const struct audit_row *row,
                  uint64_t now_us);
/* The same of a row that has the columns of a kit; NULL: of none (block.h). */
int audit_log_add_kit(struct audit_log *log, enum audit_stream stream,
                      const struct audit_row *row, const struct audit_kit *kit,
                      uint64_t now_us);
/* The same of one that repeats another (audit_builder_add_again). -EAGAIN: nothing was added.
 * settings.added is not told, who would want all of the row. */
int audit_log_add_again(struct audit_log *log, enum audit_stream stream,
                        const struct audit_row *row, const struct audit_kit *kit,
                        struct audit_numbers *numbers);

/* A name that an event will have soon (audit_builder_expect). */
void audit_log_expect(struct audit_log *log, enum audit_stream stream, const uint8_t *octets,
                      size_t len);

/* True if so much waits for the disk that an event may find no room. */
bool audit_log_is_full(const struct audit_log *log);
/* A turn was begun, and the log has not seen its end. */
bool audit_log_is_writing(const struct audit_log *log);

/* Events that never came this far. cause is a literal ("ring"). */
void audit_log_lost(struct audit_log *log, enum audit_stream stream, uint64_t count,
                    const char *cause, uint64_t from_us, uint64_t to_us);

/* What is due: seals, gaps, a checkpoint, writing. To be called once a second or so. in_force
 * (may be NULL) is for a checkpoint. 0, or the error of the disk, of the newest turn that has
 * ended. */
int audit_log_tick(struct audit_log *log, const struct audit_in_force *in_force,
                   uint64_t now_us);
/* All at once: what is asked of it before this call is safe if it returns 0. -EINPROGRESS: not
 * yet, a turn is under way; to be called again. */
int audit_log_flush(struct audit_log *log, const struct audit_in_force *in_force,
                    uint64_t now_us);

struct audit_log_stats {
    uint64_t taken[AUDIT_STREAMS + 1];   /* events that the log has or will have, by stream */
    uint64_t safe[AUDIT_STREAMS + 1];    /* of these, on the disk */
    uint64_t signed_[AUDIT_STREAMS + 1]; /* of these, before the newest checkpoint made since it
                                            was opened */
    uint64_t lost[AUDIT_STREAMS + 1];    /* refused here since it was opened */
    uint64_t untold[AUDIT_STREAMS + 1];  /* lost, here or before, and in no gap yet */
    uint64_t bodies[AUDIT_STREAMS + 1];  /* octets of them, sealed since it was opened */
    uint64_t blocks, octets;             /* since it was opened; octets of files */
    uint64_t sealed_us; /* when the newest block was closed; 0: there is none */
    uint32_t file;
    int error;  /* of the newest try to write; 0: it works */
    bool moved; /* it works, and the folder is not where it was */
};
uint64_t audit_log_octets(const struct audit_log *log); /* as there; cheap */
void audit_log_stats(const struct audit_log *log, struct audit_log_stats *out);

/* Where the log ended when a turn was safe last: what lies before does not change any more by
 * itself. file 0: nothing is safe yet. */
void audit_log_end(const struct audit_log *log, uint32_t *file, uint64_t *at);
/* The file that a turn writes to, or will: those before it are done with. 0: none yet. */
uint32_t audit_log_at_file(const struct audit_log *log);
/* What is sealed from now on goes to another file, as soon as that can be. */
void audit_log_end_file(struct audit_log *log);

/* The newest checkpoint that is safe; "" if there is none yet. *number grows with each. */
const char *audit_log_checkpoint(const struct audit_log *log, uint64_t *number);

#endif
