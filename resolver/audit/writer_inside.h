/*
 * audit/writer_inside.h - what writer.c, writer_collect.c and writer_lines.c share: the
 * writer, and its buffer of lines.
 */
#ifndef CORDON_AUDIT_WRITER_INSIDE_H
#define CORDON_AUDIT_WRITER_INSIDE_H

#include "audit/event_kits.h"
#include "audit/list_words.h"
#include "audit/output.h"
#include "audit/repeat.h"
#include "audit/stencil.h"
#include "audit/writer.h"

#include <pthread.h>

/* Of the buffer: some hundred lines of usual length; beside an audit log, whose records do not
 * wait in the rings for a reader of lines, as many as two rings. */
#define WRITER_BUFFER_OCTETS (4 * AUDIT_LINE_MAX)
#define WRITER_QUEUE_OCTETS  (128 * AUDIT_LINE_MAX)

enum next_record {
    NEXT_NONE,
    NEXT_OURS,  /* the record is of the adopted policy */
    NEXT_NEWER, /* it waits */
    NEXT_STRAY  /* of a policy that is neither in force nor to come */
};

/* The oldest record of a ring, while the rings of a stream are emptied together. */
struct writer_head {
    unsigned worker; /* its number */
    enum next_record next;
    const void *record;
    size_t len;
    uint64_t answered_us;
    const void *ahead; /* the record that was looked at ahead of time last; NULL: none */
    uint32_t guess;    /* of audit_event_guess() of it */
    bool late;         /* its lines stand back */
};

enum writer_loss {
    WRITER_LOST,
    WRITER_REFUSED,
    WRITER_LOSSES
};

struct audit_writer {
    struct audit_writer_inputs inputs;
    struct audit_output *output; /* NULL: there are no lines */
    pthread_t thread;
    int wake;  /* eventfd: for the thread */
    int ended; /* eventfd: the thread has nothing more to do */
    atomic_bool stop;
    _Atomic uint64_t written, lost_output;
    _Atomic int last_error;
    atomic_bool stalled;

    /* The thread's own from here on. */
    const void *snapshot; /* adopted */
    uint64_t number;      /* of the slot, when it was adopted */
    uint64_t generation;  /* of its policy */
    uint64_t sequence;
    char *buffer; /* lines from start to end wait for the output */
    size_t start, end, size;
    uint64_t waiting; /* so many */
    size_t most;      /* octets of it that were in use since it went back to the system */
    bool full;        /* a record found no room in the buffer */
    bool more;        /* a ring has more than was taken in a round */
    bool has_notice;  /* the line at start 0 tells of lost events */
    size_t notice_len;
    uint64_t notice_ring, notice_output; /* as many as it says */
    uint64_t told_ring, told_output;     /* by all such lines */
    uint64_t next_notice_us;
    uint64_t next_try_us;  /* after an error */
    uint64_t stalled_us;   /* since when; 0: it is not */
    uint64_t switching_us; /* since when a switch waits for the output; 0: none does */
    bool stall_logged, error_logged, damage_logged;
    uint64_t lost_at_log;
    struct audit_event event; /* scratch */
    struct audit_event_words words;
    struct audit_list_words *list_words;
    struct audit_stencils *stencils;
    struct audit_event_kits *kits;
    struct audit_repeats *repeats;
    struct writer_head *heads; /* one per worker */

    /* The audit log. */
    struct clock_now now; /* of this round */
    struct audit_in_force in_force;
    struct audit_checkpoint_list lists[POLICY_LISTS_MAX];
    uint8_t config[DIGEST_OCTETS];
    uint64_t told[AUDIT_STREAMS + 1][WRITER_LOSSES]; /* of what workers have counted */
    uint64_t published;           /* number of the checkpoint that was told last */
    bool syslog_logged;           /* that nobody takes it */
    struct audit_wish keys_wish;  /* of somebody, */
    bool keys_wished;             /* while its keys are looked for */
    uint32_t keys_before;         /* of days before are to be destroyed; 0: none */
    uint64_t keys_number;         /* when this is safe, */
    uint64_t keys_since_us;       /* or so long after */
    _Atomic(const char *) reason; /* of the stop; a literal */
    bool log_ended;
    atomic_bool ends_log; /* it waits for the disk, and knows for how long */
};

/* writer_collect.c */

/* That is adopted. */
const struct policy *writer_policy(const struct audit_writer *writer);
/* Takes from the rings what has room. True if there was any. */
bool writer_collect(struct audit_writer *writer);
/* Whether no ring begins with a record that the adopted policy explains. */
bool writer_is_drained(struct audit_writer *writer);
/* Gives up the records that the adopted policy explains (or all of them). */
void writer_drop_records(struct audit_writer *writer, bool all);

/* writer_keys.c */

/* Keys of pseudonyms that are over, or that somebody wants to be: destroyed when that is on the
 * record. */
void writer_end_keys(struct audit_writer *writer);

/* writer_lines.c */

uint64_t writer_lost_ring(const struct audit_writer *writer);
uint64_t writer_lost_output(const struct audit_writer *writer);
/* Whether there are any. */
bool writer_has_lines(const struct audit_writer *writer);
/* Counts lines that nobody will read; none where there are none. */
void writer_give_up(struct audit_writer *writer, uint64_t count);
/* One of `used` octets was written behind the others. */
void writer_took_line(struct audit_writer *writer, size_t used);
/* Room for a line. */
bool writer_has_room(const struct audit_writer *writer);
/* Whether the output takes nothing at the moment. */
bool writer_is_blocked(const struct audit_writer *writer);
/* Tells of lost events, in a line of its own before all others. */
void writer_add_notice(struct audit_writer *writer, uint64_t now_us);
/* Buffer to output. at_once: although it has just failed. */
void writer_flush(struct audit_writer *writer, uint64_t now_us, bool at_once);
/* There is nothing to do: memory of many lines goes back to the system. */
void writer_rest(struct audit_writer *writer);
/* What waits will never be taken. */
void writer_discard(struct audit_writer *writer);

#endif
