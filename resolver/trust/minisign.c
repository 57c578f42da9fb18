#include "trust/minisign.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define UNTRUSTED_PREFIX "untrusted comment: "
#define TRUSTED_PREFIX   "trusted comment: "
#define ALGORITHM_OCTETS 2

/* Base64 of each binary part, with its padding and a terminator. */
#define BASE64_SIZE(octets) sodium_base64_ENCODED_LEN(octets, sodium_base64_VARIANT_ORIGINAL)

/* Binary parts: offsets of their fields, in the order of the format. */
enum {
    PUBLIC_ID = ALGORITHM_OCTETS,
    PUBLIC_KEY = PUBLIC_ID + TRUST_KEY_ID_OCTETS,
    PUBLIC_OCTETS = PUBLIC_KEY + 32,

    SIGNATURE_ID = ALGORITHM_OCTETS,
    SIGNATURE_VALUE = SIGNATURE_ID + TRUST_KEY_ID_OCTETS,
    SIGNATURE_OCTETS = SIGNATURE_VALUE + 64,

    SECRET_KDF = ALGORITHM_OCTETS,
    SECRET_CHECK = SECRET_KDF + ALGORITHM_OCTETS,
    SECRET_SALT = SECRET_CHECK + ALGORITHM_OCTETS,
    SECRET_OPS = SECRET_SALT + 32,
    SECRET_MEM = SECRET_OPS + 8,
    SECRET_ID = SECRET_MEM + 8, /* from here on masked by the password's key stream */
    SECRET_KEY = SECRET_ID + TRUST_KEY_ID_OCTETS,
    SECRET_SUM = SECRET_KEY + 64,
    SECRET_OCTETS = SECRET_SUM + 32,
    SECRET_MASKED = SECRET_OCTETS - SECRET_ID
};

/* scrypt's cost, as minisign writes it. A file that asks for more is refused: 1 GiB is what
 * its own keys cost, and a file must not choose how much memory reading it takes. */
#define OPS_MAX crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE
#define MEM_MAX crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE
#define MEM_MIN crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_INTERACTIVE

_Static_assert(crypto_pwhash_scryptsalsa208sha256_SALTBYTES == SECRET_OPS - SECRET_SALT,
               "the salt is scrypt's");
_Static_assert(crypto_sign_BYTES == 64 && crypto_sign_PUBLICKEYBYTES == 32 &&
                   crypto_sign_SECRETKEYBYTES == 64,
               "the lengths are those of Ed25519");

struct line {
    const char *at;
    size_t len; /* without the newline */
};

/* Takes the next line off the front of the text. False if there is no text left. */
static bool next_line(struct line *text, struct line *line)
{
    if (text->len == 0) {
        return false;
    }
    const char *end = memchr(text->at, '\n', text->len);
    *line = (struct line){text->at, end != NULL ? (size_t)(end - text->at) : text->len};
    const size_t used = line->len + (end != NULL ? 1 : 0);
    text->at += used;
    text->len -= used;
    return true;
}

/* One line of a comment: tabs, but no other control characters, which would let a comment
 * draw on the reader's terminal, and no carriage return, which would be signed unseen. */
static bool is_comment(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const unsigned char octet = (unsigned char)at[i];
        if ((octet < 0x20 && octet != '\t') || octet == 0x7f) {
            return false;
        }
    }
    return len < TRUST_COMMENT_MAX;
}

/* Takes a comment line of this kind and leaves the comment itself in *line. */
static bool next_comment(struct line *text, const char *prefix, struct line *line)
{
    const size_t len = strlen(prefix);

    if (!next_line(text, line) || line->len < len || memcmp(line->at, prefix, len) != 0) {
        return false;
    }
    line->at += len;
    line->len -= len;
    return is_comment(line->at, line->len);
}

static void encode(const uint8_t *data, size_t len, char out[BASE64_SIZE(SECRET_OCTETS)])
{
    sodium_bin2base64(out, BASE64_SIZE(SECRET_OCTETS), data, len,
                      sodium_base64_VARIANT_ORIGINAL);
}

/* Takes a line that is the base64 of exactly len octets, in the one spelling that encoding
 * gives: libsodium's decoder takes some octets above 0x7f for digits. */
static bool next_base64(struct line *text, uint8_t *out, size_t len)
{
    char again[BASE64_SIZE(SECRET_OCTETS)];
    struct line line;
    size_t got = 0;

    if (!next_line(text, &line) ||
        sodium_base642bin(out, len, line.at, line.len, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        got != len) {
        return false;
    }
    encode(out, len, again);
    const bool same = strlen(again) == line.len && memcmp(again, line.at, line.len) == 0;
    sodium_memzero(again, sizeof(again)); /* it may be a secret key */
    return same;
}

static void add_base64(struct text *text, const uint8_t *data, size_t len)
{
    char line[BASE64_SIZE(SECRET_OCTETS)];

    encode(data, len, line);
    text_add(text, line);
    text_add(text, "\n");
    sodium_memzero(line, sizeof(line)); /* here too */
}

void trust_key_id_format(const uint8_t id[TRUST_KEY_ID_OCTETS], char out[TRUST_KEY_ID_TEXT])
{
    for (size_t i = 0; i < TRUST_KEY_ID_OCTETS; i++) {
        snprintf(out + 2 * i, 3, "%02X", (unsigned)id[TRUST_KEY_ID_OCTETS - 1 - i]);
    }
}

int trust_public_key_parse(const char *text, size_t len, struct trust_public_key *out)
{
    struct line rest = {text, len};
    struct line comment;
    uint8_t octets[PUBLIC_OCTETS];

    if (len > TRUST_KEY_FILE_MAX) {
        return CORDON_E_TOO_LARGE;
    }
    if (memchr(text, ' ', len) != NULL && !next_comment(&rest, UNTRUSTED_PREFIX, &comment)) {
        return CORDON_E_FORMAT;
    }
    if (!next_base64(&rest, octets, sizeof(octets)) || rest.len > 0) {
        return CORDON_E_FORMAT;
    }
    if (memcmp(octets, "Ed", ALGORITHM_OCTETS) != 0) {
        return CORDON_E_VERSION;
    }
    /* A key that is no point of the main subgroup would never verify: say so now. */
    if (crypto_core_ed25519_is_valid_point(octets + PUBLIC_KEY) != 1) {
        return CORDON_E_FORMAT;
    }
    memcpy(out->id, octets + PUBLIC_ID, sizeof(out->id));
    memcpy(out->key, octets + PUBLIC_KEY, sizeof(out->key));
    return 0;
}

int trust_signature_parse(const char *text, size_t len, struct trust_signature *out)
{
    struct line rest = {text, len};
    struct line untrusted;
    struct line trusted;
    uint8_t octets[SIGNATURE_OCTETS];
    uint8_t global_signature[sizeof(out->global_signature)];

    if (len > TRUST_SIGNATURE_FILE_MAX) {
        return CORDON_E_TOO_LARGE;
    }
    if (!next_comment(&rest, UNTRUSTED_PREFIX, &untrusted) ||
        !next_base64(&rest, octets, sizeof(octets)) ||
        !next_comment(&rest, TRUSTED_PREFIX, &trusted) ||
        !next_base64(&rest, global_signature, sizeof(global_signature)) || rest.len > 0) {
        return CORDON_E_FORMAT;
    }
    const bool prehashed = memcmp(octets, "ED", ALGORITHM_OCTETS) == 0;
    if (!prehashed && memcmp(octets, "Ed", ALGORITHM_OCTETS) != 0) {
        return CORDON_E_VERSION;
    }
    memset(out, 0, sizeof(*out));
    out->prehashed = prehashed ? 1 : 0;
    memcpy(out->id, octets + SIGNATURE_ID, sizeof(out->id));
    memcpy(out->signature, octets + SIGNATURE_VALUE, sizeof(out->signature));
    memcpy(out->global_signature, global_signature, sizeof(out->global_signature));
    memcpy(out->trusted_comment, trusted.at, trusted.len);
    return 0;
}

void trust_hash(const void *data, size_t len, uint8_t out[TRUST_HASH_OCTETS])
{
    struct digest digest;

    digest_init(&digest, NULL, TRUST_HASH_OCTETS);
    digest_add(&digest, data, len);
    digest_end(&digest, out, TRUST_HASH_OCTETS);
}

/* What the global signature covers. Returns its length. */
static size_t global_message(const uint8_t signature[64], const char *trusted_comment,
                             uint8_t out[64 + TRUST_COMMENT_MAX])
{
    const size_t len = strlen(trusted_comment);

    memcpy(out, signature, 64);
    memcpy(out + 64, trusted_comment, len);
    return 64 + len;
}

int trust_verify(const struct trust_public_key *key, const struct trust_signature *signature,
                 const uint8_t *data, size_t len)
{
    return trust_verify_hashed(key, signature, data, len, NULL);
}

int trust_verify_hashed(const struct trust_public_key *key,
                        const struct trust_signature *signature, const uint8_t *data,
                        size_t len, const uint8_t *known)
{
    uint8_t hashed[TRUST_HASH_OCTETS];
    uint8_t global[64 + TRUST_COMMENT_MAX];

    if (memcmp(key->id, signature->id, sizeof(key->id)) != 0) {
        return CORDON_E_UNTRUSTED;
    }
    /* The comment first: it costs nothing, while the data may be large. */
    const size_t global_len =
        global_message(signature->signature, signature->trusted_comment, global);
    if (crypto_sign_verify_detached(signature->global_signature, global, global_len,
                                    key->key) != 0) {
        return CORDON_E_SIGNATURE;
    }
    if (signature->prehashed) {
        if (known == NULL) {
            trust_hash(data, len, hashed);
            known = hashed;
        }
        data = known;
        len = sizeof(hashed);
    }
    return crypto_sign_verify_detached(signature->signature, data, len, key->key) == 0
               ? 0
               : CORDON_E_SIGNATURE;
}

/* The key stream that masks the id, the key and the checksum. 0 or -ENOMEM. */
static int derive(const char *password, const uint8_t octets[SECRET_OCTETS], uint64_t ops,
                  uint64_t mem, uint8_t stream[SECRET_MASKED])
{
    return crypto_pwhash_scryptsalsa208sha256(stream, SECRET_MASKED, password, strlen(password),
                                              octets + SECRET_SALT, ops, (size_t)mem) == 0
               ? 0
               : -ENOMEM;
}

static void mask(uint8_t octets[SECRET_OCTETS], const uint8_t stream[SECRET_MASKED])
{
    for (size_t i = 0; i < SECRET_MASKED; i++) {
        octets[SECRET_ID + i] ^= stream[i];
    }
}

/* The checksum by which a wrong password is seen: over the algorithm, the id and the key. */
static void checksum(const uint8_t octets[SECRET_OCTETS], uint8_t out[DIGEST_OCTETS])
{
    struct digest digest;

    digest_init(&digest, NULL, DIGEST_OCTETS);
    digest_add(&digest, octets, ALGORITHM_OCTETS);
    digest_add(&digest, octets + SECRET_ID, SECRET_SUM - SECRET_ID);
    digest_end(&digest, out, DIGEST_OCTETS);
    sodium_memzero(&digest, sizeof(digest));
}

static uint64_t load_u64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

static void store_u64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
}

/* Removes the mask, if there is one, and checks the checksum. */
static int unlock(uint8_t octets[SECRET_OCTETS], const char *password)
{
    static const uint8_t none[DIGEST_OCTETS] = {0};
    const uint64_t ops = load_u64(octets + SECRET_OPS);
    const uint64_t mem = load_u64(octets + SECRET_MEM);
    uint8_t stream[SECRET_MASKED];
    uint8_t sum[DIGEST_OCTETS];

    if (memcmp(octets + SECRET_KDF, "\0\0", ALGORITHM_OCTETS) == 0) {
        checksum(octets, sum);
        /* minisign leaves the checksum of an open key empty; we fill it in, for the id. */
        return digest_equal(octets + SECRET_SUM, none) || digest_equal(octets + SECRET_SUM, sum)
                   ? 0
                   : CORDON_E_CORRUPT;
    }
    if (memcmp(octets + SECRET_KDF, "Sc", ALGORITHM_OCTETS) != 0) {
        return CORDON_E_VERSION;
    }
    if (ops > OPS_MAX || mem > MEM_MAX) {
        return CORDON_E_LIMIT;
    }
    if (password == NULL) {
        return CORDON_E_PASSWORD;
    }
    const int rc = derive(password, octets, ops, mem, stream);
    if (rc != 0) {
        return rc;
    }
    mask(octets, stream);
    checksum(octets, sum);
    sodium_memzero(stream, sizeof(stream));
    return digest_equal(octets + SECRET_SUM, sum) ? 0 : CORDON_E_PASSWORD;
}

/* The stored public half must be that of the seed: signing with another one would give
 * signatures from which the key can be computed. */
static bool halves_agree(const uint8_t secret[64])
{
    uint8_t public_key[32];
    uint8_t again[64];

    crypto_sign_seed_keypair(public_key, again, secret);
    const bool agree = sodium_memcmp(again, secret, sizeof(again)) == 0;
    sodium_memzero(again, sizeof(again));
    return agree;
}

int trust_secret_key_parse(const char *text, size_t len, const char *password,
                           struct trust_secret_key *out)
{
    struct line rest = {text, len};
    struct line comment;
    uint8_t octets[SECRET_OCTETS];
    int rc = CORDON_E_FORMAT;

    if (len > TRUST_KEY_FILE_MAX) {
        return CORDON_E_TOO_LARGE;
    }
    if (!next_comment(&rest, UNTRUSTED_PREFIX, &comment) ||
        !next_base64(&rest, octets, sizeof(octets)) || rest.len > 0) {
        goto done;
    }
    if (memcmp(octets, "Ed", ALGORITHM_OCTETS) != 0 ||
        memcmp(octets + SECRET_CHECK, "B2", ALGORITHM_OCTETS) != 0) {
        rc = CORDON_E_VERSION;
        goto done;
    }
    rc = unlock(octets, password);
    if (rc == 0 && !halves_agree(octets + SECRET_KEY)) {
        rc = CORDON_E_CORRUPT;
    }
    if (rc == 0) {
        memcpy(out->id, octets + SECRET_ID, sizeof(out->id));
        memcpy(out->secret, octets + SECRET_KEY, sizeof(out->secret));
    }
done:
    sodium_memzero(octets, sizeof(octets));
    return rc;
}

void trust_secret_key_wipe(struct trust_secret_key *key)
{
    sodium_memzero(key, sizeof(*key));
}

void trust_key_generate(struct trust_secret_key *secret, struct trust_public_key *public_key)
{
    crypto_sign_keypair(public_key->key, secret->secret);
    random_system(public_key->id, sizeof(public_key->id));
    memcpy(secret->id, public_key->id, sizeof(secret->id));
}

void trust_public_key_of(const struct trust_secret_key *secret,
                         struct trust_public_key *public_key)
{
    memcpy(public_key->id, secret->id, sizeof(public_key->id));
    memcpy(public_key->key, secret->secret + 32, sizeof(public_key->key));
}

size_t trust_public_key_format(const struct trust_public_key *key, char *out, size_t size)
{
    char id[TRUST_KEY_ID_TEXT];
    uint8_t octets[PUBLIC_OCTETS] = {'E', 'd'};
    struct text text;

    if (size == 0) {
        return 0;
    }
    memcpy(octets + PUBLIC_ID, key->id, sizeof(key->id));
    memcpy(octets + PUBLIC_KEY, key->key, sizeof(key->key));
    trust_key_id_format(key->id, id);
    text_init(&text, out, size);
    text_printf(&text, UNTRUSTED_PREFIX "minisign public key %s\n", id);
    add_base64(&text, octets, sizeof(octets));
    return text.overflow ? 0 : text.len;
}

/* Masks with a fresh salt. Where memory is short, the cost is halved until it fits, as minisign
 * does, but never below what a login would cost. False if not even that fits. */
static bool lock(uint8_t octets[SECRET_OCTETS], const char *password)
{
    uint64_t ops = OPS_MAX;
    uint64_t mem = MEM_MAX;
    uint8_t stream[SECRET_MASKED];

    memcpy(octets + SECRET_KDF, "Sc", ALGORITHM_OCTETS);
    random_system(octets + SECRET_SALT, SECRET_OPS - SECRET_SALT);
    while (derive(password, octets, ops, mem, stream) != 0) {
        ops /= 2;
        mem /= 2;
        if (mem < MEM_MIN) {
            return false;
        }
    }
    store_u64(octets + SECRET_OPS, ops);
    store_u64(octets + SECRET_MEM, mem);
    mask(octets, stream);
    sodium_memzero(stream, sizeof(stream));
    return true;
}

size_t trust_secret_key_format(const struct trust_secret_key *key, const char *password,
                               char *out, size_t size)
{
    uint8_t octets[SECRET_OCTETS] = {'E', 'd'};
    struct text text;
    size_t len = 0;

    if (size == 0) {
        return 0;
    }
    memcpy(octets + SECRET_CHECK, "B2", ALGORITHM_OCTETS);
    memcpy(octets + SECRET_ID, key->id, sizeof(key->id));
    memcpy(octets + SECRET_KEY, key->secret, sizeof(key->secret));
    checksum(octets, octets + SECRET_SUM);
    if (password == NULL || lock(octets, password)) {
        text_init(&text, out, size);
        text_printf(&text, UNTRUSTED_PREFIX "minisign %s secret key\n",
                    password != NULL ? "encrypted" : "unencrypted");
        add_base64(&text, octets, sizeof(octets));
        len = text.overflow ? 0 : text.len;
    }
    sodium_memzero(octets, sizeof(octets));
    return len;
}

int trust_sign(const struct trust_secret_key *key, const uint8_t *data, size_t data_len,
               const char *trusted_comment, char *out, size_t size, size_t *len)
{
    char id[TRUST_KEY_ID_TEXT];
    uint8_t hashed[TRUST_HASH_OCTETS];
    uint8_t octets[SIGNATURE_OCTETS] = {'E', 'D'};
    uint8_t message[64 + TRUST_COMMENT_MAX];
    uint8_t global_signature[64];
    struct text text;

    if (!is_comment(trusted_comment, strlen(trusted_comment))) {
        return CORDON_E_FORMAT;
    }
    if (size == 0) {
        return -ENOSPC;
    }
    trust_hash(data, data_len, hashed);
    memcpy(octets + SIGNATURE_ID, key->id, sizeof(key->id));
    crypto_sign_detached(octets + SIGNATURE_VALUE, NULL, hashed, sizeof(hashed), key->secret);
    const size_t message_len =
        global_message(octets + SIGNATURE_VALUE, trusted_comment, message);
    crypto_sign_detached(global_signature, NULL, message, message_len, key->secret);

    trust_key_id_format(key->id, id);
    text_init(&text, out, size);
    text_printf(&text, UNTRUSTED_PREFIX "signature by the key %s\n", id);
    add_base64(&text, octets, sizeof(octets));
    text_add(&text, TRUSTED_PREFIX);
    text_add(&text, trusted_comment);
    text_add(&text, "\n");
    add_base64(&text, global_signature, sizeof(global_signature));
    if (text.overflow) {
        return -ENOSPC;
    }
    *len = text.len;
    return 0;
}
