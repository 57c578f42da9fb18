/*
 * audit/witness.h - a witness: one who has seen the log of somebody else grow, and signs each
 * newer checkpoint that follows from what it has seen, and nothing else.
 *
 * Requests and answers are those of c2sp.org/tlog-witness, signatures those of
 * c2sp.org/tlog-cosignature, so that either side can be another program. What carries them is
 * the caller's: files, pipes, ssh, HTTP.
 *
 * A witness is a folder: "witness.key" (its secret key), "witness.key.pub", "lock", and for
 * each log that it knows a file NAME.seen: the log's key, and the newest checkpoint that it has
 * signed. That file is safe on the disk before a signature leaves: whatever happens, a
 * signature speaks of nothing that the witness would not remember. One that is damaged is
 * never taken for one that has seen nothing.
 */
#ifndef CORDON_AUDIT_WITNESS_H
#define CORDON_AUDIT_WITNESS_H

#include "audit/checkpoint.h"
#include "audit/files.h"

/* --- requests --- */

/* "old N", the digests of a consistency proof (RFC 6962, 2.1.2), an empty line, a checkpoint.
 */
struct audit_request {
    uint64_t old; /* blocks that the witness is said to have seen */
    unsigned count;
    uint8_t proof[AUDIT_REQUEST_PROOF_MAX][DIGEST_OCTETS];
    const char *note; /* borrowed from the text */
    size_t note_len;
};

/* 0; CORDON_E_FORMAT; CORDON_E_TOO_LARGE: above AUDIT_REQUEST_MAX. */
int audit_request_parse(const char *text, size_t len, struct audit_request *out);

/*
 * Made by the log's side, of the newest checkpoint in the folder's head, for a witness that has
 * seen `old` blocks of it. text is the caller's to free. 0; -ENOENT: there is no checkpoint;
 * -ERANGE: it has fewer blocks than the witness has seen; the codes of trust_note_verify;
 * CORDON_E_CORRUPT: the blocks are not those of the checkpoint; -errno.
 */
int audit_request_make(const struct audit_files *files, const struct trust_note_key *key,
                       uint64_t old, char **text, size_t *len);

/* --- the witness --- */

struct audit_witness; /* opaque */

/*
 * Opens the folder and waits for its lock, which is held until it is closed. name: makes folder
 * and key where there are none (*made); NULL: they are there (-ENOENT). A name that is not that
 * of the key is CORDON_E_UNTRUSTED. 0; -errno; the codes of audit_key_open_as.
 */
int audit_witness_open(const char *folder, const char *name, struct audit_witness **witness,
                       bool *made);
void audit_witness_close(struct audit_witness *witness); /* NULL is fine */
const struct trust_note_key *audit_witness_key(const struct audit_witness *witness);

/* From now on it signs for this log, from its beginning. 0; -EEXIST: it knows it; -errno;
 * CORDON_E_UNTRUSTED: it knows a log of that origin by another key. */
int audit_witness_add(struct audit_witness *witness, const struct trust_note_key *log);

/* What it has seen of a log. */
struct audit_seen {
    struct trust_note_key log;
    struct audit_checkpoint checkpoint; /* the newest that it has signed; size 0: none */
    uint64_t signed_s;
    size_t note_len;                     /* 0: none */
    char note[AUDIT_CHECKPOINT_MAX + 1]; /* with the log's signature and its own */
};
/* 0; -ENOENT: an origin that it does not know; CORDON_E_CORRUPT; -errno. */
int audit_witness_seen(const struct audit_witness *witness, const char *origin,
                       struct audit_seen *out);
/* Each log, in no order; false ends it. A file that cannot be read is told by its name and
 * error, with seen NULL. 0 or -errno. */
int audit_witness_each(const struct audit_witness *witness,
                       bool (*each)(void *context, const char *file, int error,
                                    const struct audit_seen *seen),
                       void *context);

enum audit_answer {
    AUDIT_COSIGNED,         /* 200 */
    AUDIT_ANSWER_MALFORMED, /* 400: no request; or it says that more was seen than there is */
    AUDIT_ANSWER_UNTRUSTED, /* 403: not signed by the key of that origin */
    AUDIT_ANSWER_UNKNOWN,   /* 404: an origin that it does not know */
    AUDIT_ANSWER_CONFLICT,  /* 409: it has seen another number of blocks: size says how many */
    AUDIT_ANSWER_ROLLBACK,  /* 409, too: the checkpoint has fewer than it has seen */
    AUDIT_ANSWER_FORK,      /* 409, too: as many blocks, but others */
    AUDIT_ANSWER_INCONSISTENT /* 422: it does not follow from what was seen */
};
const char *audit_answer_word(enum audit_answer answer); /* "rollback" */
unsigned audit_answer_status(enum audit_answer answer);  /* of HTTP */

struct audit_reply {
    enum audit_answer answer;
    uint64_t size; /* blocks that it has seen, of a known origin */
    char origin[TRUST_NOTE_NAME_MAX];
    char line[TRUST_NOTE_LINE_MAX]; /* the signature, with its newline; "" */
};

/*
 * Looks at a request and, if the checkpoint follows from what was seen, remembers it, and only
 * then signs. now_s: seconds since 1970. 0 and *out, which says why not; -errno, or
 * CORDON_E_CORRUPT for what it remembers of that log: nothing was signed. Of a fork the
 * request, which proves that the log's owner has signed two histories, is kept in NAME.fork.
 */
int audit_witness_take(struct audit_witness *witness, const char *text, size_t len,
                       uint64_t now_s, struct audit_reply *out);

#endif
