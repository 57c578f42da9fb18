/*
 * audit/proof.h - that one event is in the log, for somebody who has the public key and nothing
 * else: a text in the format c2sp.org/tlog-proof, whose leaf is the header of a block.
 *
 * Its "extra" has the header and the way from the event to the tree in it: a version (1), the
 * header, the leaf's number (32 bits), the place of the event in the leaf (8), how many digests
 * follow (16), these, and the octets of the leaf.
 */
#ifndef CORDON_AUDIT_PROOF_H
#define CORDON_AUDIT_PROOF_H

#include "audit/checkpoint.h"
#include "audit/frame.h"

/*
 * The proof of an event of a stream, by its number, under a checkpoint: that of `under` (one
 * that witnesses have signed; NULL: none) if it covers the event, else the newest of the log.
 * text is the caller's to free. 0; -ENOENT: there is no such event; -ENODATA: its block has
 * been removed; -EAGAIN: no checkpoint covers it yet; CORDON_E_CORRUPT: the log is damaged, and
 * nothing can be proven; -errno.
 */
int audit_prove(const struct audit_files *files, const struct trust_note_key *key,
                enum audit_stream stream, uint64_t event, const char *under, size_t under_len,
                char **text, size_t *len);

struct audit_proven {
    struct audit_checkpoint checkpoint;
    struct trust_note_key key; /* that has signed it */
    unsigned log;              /* 1, or the number of a later log of the folder */
    const char *note;          /* the checkpoint as it was signed; in the text */
    size_t note_len;
    struct audit_header header;
    uint64_t event;       /* number in its stream */
    struct audit_row row; /* borrows from octets */
    uint8_t *octets;
};

/* key: of the log, or of the first log of its folder (audit_key_of_origin). 0 and *out, which
 * audit_proven_free gives back; CORDON_E_FORMAT; the codes of trust_note_verify;
 * CORDON_E_CORRUPT: it proves nothing; CORDON_E_TOO_LARGE; -ENOMEM. */
int audit_proof_verify(const char *text, size_t len, const struct trust_note_key *key,
                       struct audit_proven *out);
void audit_proven_free(struct audit_proven *proven);

#endif
