/*
 * audit/cosigned.h - checkpoints that witnesses have signed beside the log: kept in the folder
 * "cosigned" of the log, one file each, and counted.
 *
 * A name is the number of blocks and the time of the checkpoint (microseconds), twenty digits
 * each: "00000000000000000042-00001790000000000000.checkpoint". Nothing there is trusted but by
 * its signatures.
 */
#ifndef CORDON_AUDIT_COSIGNED_H
#define CORDON_AUDIT_COSIGNED_H

#include "audit/checkpoint.h"

/*
 * Adds what a witness has answered (signature lines; those of other keys are left out) to the
 * checkpoint that it was asked to sign. folder: of the log. 0 and *time_s, when it signed;
 * CORDON_E_FORMAT; CORDON_E_UNTRUSTED: no line is of this witness, or the checkpoint is not of
 * this log; CORDON_E_SIGNATURE: one does not verify; CORDON_E_LIMIT; -errno.
 */
int audit_cosigned_add(const char *folder, const struct trust_note_key *log,
                       const struct trust_note_key *witness, const char *note, size_t note_len,
                       const char *lines, size_t lines_len, uint64_t *time_s);

/* The kept ones, the newest first, at most AUDIT_COSIGNED_LOOK_MAX; false ends it. Files that
 * cannot be read are passed over. 0 (also if there is none), or -errno. */
int audit_cosigned_each(const char *folder,
                        bool (*each)(void *context, const char *note, size_t len),
                        void *context);

/* What one witness has signed. */
struct audit_cosigner {
    struct trust_note_key key; /* kind COSIGNATURE */
    bool bad;                  /* a line of it does not verify */
    uint64_t size;             /* blocks of the newest that it has signed; 0: none */
    uint64_t time_s;           /* when it did */
};

/* Looks at one note: what is not signed by the log is no checkpoint of it. True if it is newer
 * than what was known of one of them at least. */
bool audit_cosigners_look(struct audit_cosigner *cosigners, size_t count,
                          const struct trust_note_key *log, const char *note, size_t len);

/* So many blocks have been seen by `quorum` of them or more: 0 if fewer have signed. */
uint64_t audit_cosigners_blocks(const struct audit_cosigner *cosigners, size_t count,
                                size_t quorum);

#endif
