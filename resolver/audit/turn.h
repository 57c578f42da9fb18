/*
 * audit/turn.h - one turn of a log at its disk: all the calls by which what is sealed becomes
 * safe, in their order, and none of them elsewhere. A turn can be run on another thread than
 * the log's: it knows nothing but itself.
 *
 *   close the file before -> open -> its head, synced -> frames, synced -> the folder's head
 *
 * A turn that failed is run again as it is: what was safe before is not written once more, what
 * was not is cut off and written anew.
 */
#ifndef CORDON_AUDIT_TURN_H
#define CORDON_AUDIT_TURN_H

#include "audit/files.h"
#include "audit/frame.h"
#include "audit/limits.h"

struct audit_turn {
    const struct audit_files *files;
    bool sync;

    /* Where: kept from turn to turn. */
    uint32_t file;
    int handle;       /* -1: to be opened */
    int before;       /* handle of another file, to be closed; -1: none */
    bool has_head;    /* the file has its head, safe */
    uint64_t safe_at; /* octets of the file that are safe */
    uint8_t head[AUDIT_FILE_HEAD_MAX];
    size_t head_len;

    /* What. */
    uint8_t *data; /* frames */
    size_t len, size;
    char note[AUDIT_CHECKPOINT_MAX]; /* the folder's new head, when all that is safe */
    size_t note_len;                 /* 0: none */

    /* What came of it: 0 or the error; frames can be safe and the note not. */
    int result;
    bool is_safe;
    bool is_moved;   /* the folder is not where it was */
    uint64_t octets; /* that the files have grown by */
};

/* argument: a struct audit_turn. */
void audit_turn_run(void *argument);

#endif
