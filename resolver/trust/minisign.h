/*
 * trust/minisign.h - minisign's keys and detached signatures, so that `minisign -V` checks our
 * lists and we check what `minisign -S` signs.
 *
 * Format (github.com/jedisct1/minisign, version 0.11): base64 lines between comment lines. A
 * signature is "ED" (over the BLAKE2b-512 of the file) or, in the legacy form, "Ed" (over the
 * file itself), the key id and 64 octets of Ed25519; a second ("global") signature covers the
 * first and the trusted comment. The untrusted comment is covered by nothing.
 *
 * Read strictly: lines end with a newline alone (the last one may lack it), comments hold no
 * control characters but tabs, base64 is canonical, nothing follows. random_library_init()
 * has been called before.
 */
#ifndef CORDON_TRUST_MINISIGN_H
#define CORDON_TRUST_MINISIGN_H

#include <stddef.h>
#include <stdint.h>

#define TRUST_KEY_ID_OCTETS      8
#define TRUST_KEY_ID_TEXT        17   /* 16 upper-case digits, and a zero */
#define TRUST_SIGNATURE_FILE_MAX 8192 /* octets of a .minisig: far above any real one */
#define TRUST_KEY_FILE_MAX       4096
#define TRUST_COMMENT_MAX        1024 /* octets of a trusted comment, the zero included */
#define TRUST_HASH_OCTETS        64   /* BLAKE2b-512 */

/* The hash of trust files and lists, as b2sum(1) prints it. */
void trust_hash(const void *data, size_t len, uint8_t out[TRUST_HASH_OCTETS]);

struct trust_public_key {
    uint8_t id[TRUST_KEY_ID_OCTETS]; /* as stored: least significant octet first */
    uint8_t key[32];
};

struct trust_secret_key {
    uint8_t id[TRUST_KEY_ID_OCTETS];
    uint8_t secret[64]; /* Ed25519 seed and public key, as libsodium has them */
};

struct trust_signature {
    uint8_t id[TRUST_KEY_ID_OCTETS];
    int prehashed; /* 1: "ED", 0: legacy "Ed" */
    uint8_t signature[64];
    uint8_t global_signature[64];
    char trusted_comment[TRUST_COMMENT_MAX];
};

void trust_key_id_format(const uint8_t id[TRUST_KEY_ID_OCTETS], char out[TRUST_KEY_ID_TEXT]);

/*
 * Reads a public key: a whole .pub file, or the one base64 line of it. 0, CORDON_E_FORMAT,
 * CORDON_E_VERSION (an algorithm that is not Ed25519), CORDON_E_TOO_LARGE.
 */
int trust_public_key_parse(const char *text, size_t len, struct trust_public_key *out);

/* Reads a .minisig file; does not verify. 0, CORDON_E_FORMAT, CORDON_E_VERSION,
 * CORDON_E_TOO_LARGE. Refuses anything after the fourth line but one newline. */
int trust_signature_parse(const char *text, size_t len, struct trust_signature *out);

/*
 * Verifies data, and the trusted comment, with the key. 0; CORDON_E_UNTRUSTED if the signature
 * is another key's; CORDON_E_SIGNATURE if it does not verify.
 */
int trust_verify(const struct trust_public_key *key, const struct trust_signature *signature,
                 const uint8_t *data, size_t len);
/* The same where trust_hash() of data is known: it is what a prehashed signature covers.
 * known NULL: it is not. */
int trust_verify_hashed(const struct trust_public_key *key,
                        const struct trust_signature *signature, const uint8_t *data,
                        size_t len, const uint8_t *known);

/*
 * Reads a secret key file; password NULL for a key without one (such a key needs none and
 * ignores it). 0, CORDON_E_FORMAT, CORDON_E_VERSION, CORDON_E_TOO_LARGE, CORDON_E_PASSWORD
 * (wrong, or needed and NULL), CORDON_E_CORRUPT (the two halves of the key, or its checksum, do
 * not agree), CORDON_E_LIMIT (scrypt's cost is above minisign's own), -ENOMEM (scrypt needs up
 * to 1 GiB for keys made by minisign). The caller wipes *out with trust_secret_key_wipe.
 */
int trust_secret_key_parse(const char *text, size_t len, const char *password,
                           struct trust_secret_key *out);
void trust_secret_key_wipe(struct trust_secret_key *key);

void trust_key_generate(struct trust_secret_key *secret, struct trust_public_key *public_key);

/* The public half of a secret key. */
void trust_public_key_of(const struct trust_secret_key *secret,
                         struct trust_public_key *public_key);

/* File contents as minisign writes them. Return the length, or 0 if size is too small (512
 * octets always do). password NULL: the key is stored in clear, as `minisign -G -W` does (but
 * with its checksum); else scrypt takes seconds and 1 GiB, or less memory where it cannot be
 * had (0 if not even 16 MiB can). The caller wipes out. */
size_t trust_public_key_format(const struct trust_public_key *key, char *out, size_t size);
size_t trust_secret_key_format(const struct trust_secret_key *key, const char *password,
                               char *out, size_t size);

/*
 * Signs (prehashed) and writes a whole .minisig file into out. trusted_comment: one line, at
 * most TRUST_COMMENT_MAX - 1 octets. *len is the length. 0, -ENOSPC, or CORDON_E_FORMAT for a
 * comment that is longer or has a newline or another control character that is no tab.
 * TRUST_SIGNATURE_FILE_MAX octets always do.
 */
int trust_sign(const struct trust_secret_key *key, const uint8_t *data, size_t data_len,
               const char *trusted_comment, char *out, size_t size, size_t *len);

#endif
