/*
 * trust/keyring.h - the keys that an installation trusts, and how many must have signed.
 */
#ifndef CORDON_TRUST_KEYRING_H
#define CORDON_TRUST_KEYRING_H

#include "base/report.h"
#include "trust/minisign.h"

#define TRUST_KEYS_MAX       32 /* in one keyring */
#define TRUST_SIGNATURES_MAX 32 /* .minisig files of other names looked at beside a list */

struct trust_keyring {
    struct trust_public_key keys[TRUST_KEYS_MAX];
    size_t count;
    unsigned threshold; /* distinct keys that must have signed; at least 1 */
};

/* Adds (copies) a key read from a .pub file or given as its base64 line. 0; -EEXIST if a key
 * with this id or these octets is there already (one key is never counted twice); -ENOSPC; or
 * the codes of trust_public_key_parse. */
int trust_keyring_add(struct trust_keyring *keyring, const struct trust_public_key *key);

/* Reads a .pub file and adds its key. 0; the codes of file_read, trust_public_key_parse and
 * trust_keyring_add, reported as an error that names the file and says what to do. */
int trust_keyring_add_file(struct trust_keyring *keyring, const char *path,
                           struct report *report);

struct trust_verdict {
    uint8_t ids[TRUST_KEYS_MAX][TRUST_KEY_ID_OCTETS]; /* distinct keys that verified */
    size_t count;
    char trusted_comment[TRUST_COMMENT_MAX]; /* of the first that verified */
    uint8_t hash[TRUST_HASH_OCTETS];         /* of the data that was verified */
};

/*
 * Verifies data against the files path.*.minisig beside it (any names of this form; the file's
 * contents say whose they are). Every fault of a signature file is reported as a warning with
 * its path; a file of an untrusted key counts for nothing. Files that are named after a trusted
 * key (path.KEYID.minisig, with or without leading zeros) are looked at first, and always;
 * then, in the order of their names, the first TRUST_SIGNATURES_MAX of the others. 0 and
 * *verdict if at least keyring->threshold distinct keys verified; CORDON_E_THRESHOLD (reported
 * as an error that says how many did, how many are needed and what to do) otherwise; -errno.
 */
int trust_verify_beside(const struct trust_keyring *keyring, const char *path,
                        const uint8_t *data, size_t len, struct report *report,
                        struct trust_verdict *verdict);

/*
 * The same of data of which trust_hash() is known: it is what prehashed signatures cover. data
 * NULL: only its hash is known, so that signatures in the old form, over the data itself, count
 * for nothing. A verdict is then about the hash alone: whether a file has it is still to be
 * seen.
 */
int trust_verify_beside_hashed(const struct trust_keyring *keyring, const char *path,
                               const uint8_t *data, size_t len,
                               const uint8_t hash[TRUST_HASH_OCTETS], struct report *report,
                               struct trust_verdict *verdict);

/* The number of files path.*.minisig, whoever has signed: for a file that may do without. 0 or
 * -errno. */
int trust_signatures_beside(const char *path, size_t *count);

#endif
