/*
 * audit/recorder.h - the audit log of a daemon that runs: opens it when it can, keeps what
 * comes while it cannot, and never lets a fault of the disk reach an answer.
 *
 * It is the writer's (audit/writer.h): all but create, destroy and stats are called on its
 * thread. What is done with files is done on another (audit/aside.h), so that a disk that hangs
 * holds up neither a reload nor, for longer than it is told to wait, the end.
 *
 * Well: key read or made -> folder locked, log opened -> rows are added, sealed, synced.
 * Not: another process has the log (a predecessor that ends), or the folder cannot be written:
 * rows wait in memory, up to AUDIT_BACKLOG_MAX, and it is tried again each second. The log is
 * damaged or another's: it is left as it is, and another is begun in a folder "log-2" (3, ...)
 * of it. Disk full, or the log as large as it may be: events are lost, counted, and a gap says
 * so; or are refused, which has the workers refuse questions.
 */
#ifndef CORDON_AUDIT_RECORDER_H
#define CORDON_AUDIT_RECORDER_H

#include "audit/keeper.h"
#include "audit/log.h"
#include "audit/removal.h"
#include "audit/taken.h"
#include "base/clock.h"

struct audit_recorder; /* opaque */
struct audit_days;

struct audit_recorder_settings {
    const char *folder; /* of the log; it exists, or can be made; copied, as are all of these */
    const char *key_file; /* of the secret key; FILE.pub is its public half */
    const char *origin;   /* NULL: that of FILE.pub, or made of the name of this machine */
    bool takes[AUDIT_STREAMS + 1];             /* changes: always */
    bool refuse[AUDIT_STREAMS + 1];            /* when-full: refuse */
    uint64_t most_octets;                      /* all files together; 0: no bound */
    uint64_t keep_us[AUDIT_STREAMS + 1];       /* events are removed then; 0: never */
    uint64_t stream_octets[AUDIT_STREAMS + 1]; /* the oldest above this, too; 0: no bound */
    uint64_t file_octets, block_us, checkpoint_us, checkpoint_events;
    struct audit_tap tap; /* told of each event, as it gets its number or none */
    unsigned end_ms;      /* audit_recorder_end waits for the disk so long; 0: AUDIT_END_MS */
    /* Tests: puts functions of its own in the place of those of the folder. NULL: none. */
    void (*watch_files)(void *context, struct audit_files *files);
    void *watch_context;
};

/* Reads or makes the key, and tries to open the log: what fails is said in the log of the
 * daemon, and tried again. NULL if out of memory. */
struct audit_recorder *audit_recorder_create(const struct audit_recorder_settings *settings);
/* NULL is fine. Without audit_recorder_end before: as if the process had been killed. One whose
 * disk hangs is not freed: the call that hangs uses it. */
void audit_recorder_destroy(struct audit_recorder *recorder);

bool audit_recorder_takes(const struct audit_recorder *recorder, enum audit_stream stream);

/* kit: of the row (audit/kit.h); NULL: it has none. True: the event is taken, or lost and
 * counted. False: its stream is one that refuses, and there is no room: the caller keeps it and
 * comes again. */
bool audit_recorder_add(struct audit_recorder *recorder, enum audit_stream stream,
                        const struct audit_row *row, const struct audit_kit *kit,
                        struct clock_now now);
/* One that repeats another (audit_builder_add_again). False: it is to be added the general way,
 * nothing was added. */
bool audit_recorder_add_again(struct audit_recorder *recorder, enum audit_stream stream,
                              const struct audit_row *row, const struct audit_kit *kit,
                              struct audit_numbers *numbers);
/* A name that an event will have soon (audit_builder_expect). */
void audit_recorder_expect(struct audit_recorder *recorder, enum audit_stream stream,
                           const uint8_t *octets, size_t len);
/* For one that cannot be kept any longer: it waits in memory while there is room for that. */
void audit_recorder_keep(struct audit_recorder *recorder, enum audit_stream stream,
                         const struct audit_row *row, struct clock_now now);
/* Events that never came this far; a gap says so within a second or so. cause is a literal. */
void audit_recorder_lost(struct audit_recorder *recorder, enum audit_stream stream,
                         uint64_t count, const char *cause, struct clock_now now);

/* Keys of pseudonyms that are about to be destroyed: on the record. wish NULL: they are over by
 * their age. Returns what audit_recorder_has asks for. */
uint64_t audit_recorder_keys(struct audit_recorder *recorder, const struct audit_days *days,
                             const struct audit_wish *wish, struct clock_now now);
/* Whether that record is safe. */
bool audit_recorder_has(const struct audit_recorder *recorder, uint64_t number);

/* Somebody's wish (copied): begun by the next tick; *number is its own. -EBUSY: another is not
 * done yet. Any thread. */
int audit_recorder_forget(struct audit_recorder *recorder, const struct audit_wish *wish,
                          uint64_t *number);
/* A wish that has to do with keys, once; what has come of it is told by the second. */
bool audit_recorder_wants_keys(struct audit_recorder *recorder, struct audit_wish *wish);
void audit_recorder_keys_gone(struct audit_recorder *recorder, unsigned count, int error);

/* What is due; many times a second is fine. in_force may be NULL. */
void audit_recorder_tick(struct audit_recorder *recorder, const struct audit_in_force *in_force,
                         struct clock_now now);

/* The newest checkpoint if it is newer than *number, which it then is; else NULL. */
const char *audit_recorder_checkpoint(const struct audit_recorder *recorder, uint64_t *number);

/* The last record, "stop", then all of it onto the disk, as far as that takes it in end_ms;
 * what it did not take is counted in the log of the daemon. */
void audit_recorder_end(struct audit_recorder *recorder, const char *reason,
                        const struct audit_in_force *in_force, struct clock_now now);

enum audit_recorder_state {
    AUDIT_RECORDING,
    AUDIT_WAITING, /* the log is not open: error says why */
    AUDIT_FAILING, /* the disk does not take what is sealed */
    AUDIT_BOUND    /* the log is as large as it may be: only changes are recorded */
};
const char *audit_recorder_word(enum audit_recorder_state state); /* "recording" */
/* Why it waits or fails, in words. */
const char *audit_recorder_fault(int error);

/* Octets of the path of the log's folder. */
#define AUDIT_PATH_MAX 4096

/* The newest wish. */
struct audit_forgotten {
    uint64_t asked, done; /* numbers: it is done if they are equal */
    uint64_t events[AUDIT_STREAMS + 1];
    unsigned keys;
    int error; /* 0: none */
};

struct audit_recorder_stats {
    enum audit_recorder_state state;
    int error; /* negative errno or code of ours; 0: none; -ETIMEDOUT: the disk hangs */
    struct audit_log_stats log;
    uint64_t lost[AUDIT_STREAMS + 1];    /* all of them, those in rings too */
    uint64_t octets;                     /* of all files */
    size_t waiting;                      /* octets in memory that wait for the log */
    uint64_t removed[AUDIT_STREAMS + 1]; /* events, by age, octets and wishes; of this run */
    struct audit_forgotten forgotten;
    uint64_t checkpoint_us;            /* when the newest was seen to be safe; 0: none */
    bool refused_log;                  /* it could not go on with the log that was there */
    char folder[AUDIT_PATH_MAX];       /* that is written to */
    char key[TRUST_NOTE_KEY_TEXT_MAX]; /* public; "": not known yet */
};
/* Any thread. */
void audit_recorder_stats(struct audit_recorder *recorder, struct audit_recorder_stats *out);

/* audit/key.c: the key of a log, as a file of minisign's (mode 0600, no password), and
 * its public half, one line as verifiers of signed notes take it, in FILE.pub (0644). Reads
 * both, or makes them; origin as above. *made: it is new. 0; -errno; CORDON_E_FORMAT. */
int audit_key_open(const char *file, const char *origin, struct trust_secret_key *secret,
                   struct trust_note_key *key, bool *made);
/* The same of another kind: a witness's. named NULL: as above. */
int audit_key_open_as(const char *file, enum trust_note_kind kind, const char *named,
                      struct trust_secret_key *secret, struct trust_note_key *key, bool *made);
/* Reads FILE.pub alone, or another file with such a line: of a log, of a witness. */
int audit_key_read(const char *file, struct trust_note_key *key);
int audit_witness_key_read(const char *file, struct trust_note_key *key);
/* The key under which log `number` (from 1) of a folder is signed: the same, with a name of its
 * own. 0 or CORDON_E_FORMAT. */
int audit_key_of_log(const struct trust_note_key *key, unsigned number,
                     struct trust_note_key *out);
/* The same by the origin of one of these logs. CORDON_E_UNTRUSTED: it is none of them. */
int audit_key_of_origin(const struct trust_note_key *key, const char *origin,
                        struct trust_note_key *out, unsigned *number);
/* The folder of log `number`. False if it does not fit. */
bool audit_log_folder(const char *folder, unsigned number, char out[AUDIT_PATH_MAX]);
/* The highest number of a log in the folder, 1 if it has none of its own for another. Of those
 * before it one may be missing: somebody has taken it away. */
unsigned audit_log_newest(const char *folder);

#endif
