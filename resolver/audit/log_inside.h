/*
 * audit/log_inside.h - what log.c and log_open.c share.
 */
#ifndef CORDON_AUDIT_LOG_INSIDE_H
#define CORDON_AUDIT_LOG_INSIDE_H

#include "audit/log.h"
#include "audit/turn.h"

struct audit_gap {
    uint64_t count, from_us, to_us;
    const char *cause;
    int error;
};

/* Causes of gaps that are told apart in a stream; further ones are told as the last. */
#define AUDIT_GAP_CAUSES 8u

struct audit_log {
    const struct audit_files *files;
    struct audit_log_settings settings;
    struct trust_secret_key secret;
    uint8_t id[AUDIT_LOG_ID_OCTETS];
    uint64_t session;

    struct audit_builder *builders[AUDIT_STREAMS + 1];
    uint64_t begun_us[AUDIT_STREAMS + 1]; /* when the first event of the block came */
    struct audit_gap gaps[AUDIT_STREAMS + 1][AUDIT_GAP_CAUSES]; /* count 0: none */

    struct audit_state state; /* of all that is sealed, safe or not */
    uint32_t file;            /* number of the file that is sealed for */
    uint64_t file_octets;     /* of it, once all that is sealed is written */
    bool ends_file;           /* the next block begins another */
    uint32_t end_file;        /* where the newest safe turn has ended */
    uint64_t end_at;
    bool begins_file; /* what is pending is its first: it gets this head */
    uint8_t head[AUDIT_FILE_HEAD_MAX];
    size_t head_len;

    uint8_t *pending; /* sealed, not handed to the disk yet */
    size_t pending_len, pending_size;
    bool has_grown[AUDIT_STREAMS + 1]; /* a block had many events */
    bool trims;                        /* memory goes back when the disk has everything */
    struct audit_turn turn;            /* what the disk has or had last */
    bool is_writing;                   /* the turn is under way, on another thread */
    bool has_note;                     /* its note is a checkpoint that was never safe before */
    uint64_t turn_events[AUDIT_STREAMS + 1]; /* safe when it is */
    uint64_t note_events[AUDIT_STREAMS + 1]; /* signed when it is, with its note */
    uint64_t retry_at_us;

    uint32_t since_checkpoint; /* blocks */
    uint64_t events_since_checkpoint;
    uint64_t checkpoint_us;
    uint64_t checkpoint_number;
    char checkpoint[AUDIT_CHECKPOINT_MAX]; /* the newest that is safe */
    size_t checkpoint_len;
    char next[AUDIT_CHECKPOINT_MAX]; /* the newest that is pending */
    size_t next_len;
    uint64_t next_events[AUDIT_STREAMS + 1]; /* that it covers */
    bool head_is_old;                        /* the folder's head is older than `checkpoint` */

    struct audit_log_stats stats;
};

/* Nothing is pending. The file is made when something is written. */
void audit_log_begin_file(struct audit_log *log);

#endif
