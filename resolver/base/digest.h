/*
 * base/digest.h - BLAKE2b (RFC 7693), whole or in pieces, keyed or not; and SHA-256 (FIPS
 * 180-4) where a format of others asks for it. Wraps libsodium.
 */
#ifndef CORDON_BASE_DIGEST_H
#define CORDON_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_OCTETS     32 /* BLAKE2b-256, used for files and sections */
#define DIGEST_KEY_OCTETS 32
#define DIGEST_STATE_MAX  448 /* checked against libsodium's state at compile time */

struct digest {
    _Alignas(64) uint8_t state[DIGEST_STATE_MAX];
};

/* key NULL: unkeyed; otherwise DIGEST_KEY_OCTETS octets. out_len 16 to 64 octets. */
void digest_init(struct digest *digest, const uint8_t *key, size_t out_len);
void digest_add(struct digest *digest, const void *data, size_t len);
void digest_end(struct digest *digest, uint8_t *out, size_t out_len);

/* BLAKE2b-256 of one buffer. key may be NULL. */
void digest_of(const void *data, size_t len, const uint8_t *key, uint8_t out[DIGEST_OCTETS]);

/* BLAKE2b-256 of up to 64 buffers, four or eight at a time side by side: short ones in half or
 * a third of the time, if as many blocks of 128 octets as others. No `out` lies in a buffer's
 * octets. Not for what is secret: it stays behind in memory. */
#define DIGEST_MANY_MAX 64u
struct digest_buffer {
    const uint8_t *data;
    size_t len;
    uint8_t *out; /* DIGEST_OCTETS */
};
void digest_of_many(const struct digest_buffer *buffers, size_t count);

/* The same of long buffers: some at a time side by side, as long as the longest of them goes
 * on. So neighbours had better be about as long. */
void digest_of_uneven(const struct digest_buffer *buffers, size_t count);

/* The same by one of the ways that the processor has, which all give the same: for tests. */
enum digest_way {
    DIGEST_PLAIN,
    DIGEST_AVX2,
    DIGEST_AVX512
};
bool digest_has_way(enum digest_way way);
void digest_of_many_by(enum digest_way way, const struct digest_buffer *buffers, size_t count);
void digest_of_uneven_by(enum digest_way way, const struct digest_buffer *buffers,
                         size_t count);

/* BLAKE2b-512 and BLAKE2b-256 of one buffer, which are two passes: of a large one on two
 * threads at once. The other one has the caller's priority, no signals, and ends with the call;
 * where there can be none, the caller does both. */
#define DIGEST_WIDE_OCTETS 64
void digest_of_both(const void *data, size_t len, uint8_t wide[DIGEST_WIDE_OCTETS],
                    uint8_t out[DIGEST_OCTETS]);

/* SHA-256 of one buffer: for transparency logs. BLAKE2b is four times as fast. */
void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_OCTETS]);

/* Equal, in time that does not depend on the contents. */
bool digest_equal(const uint8_t a[DIGEST_OCTETS], const uint8_t b[DIGEST_OCTETS]);

/* Lower-case hexadecimal; out holds 2 * len + 1 octets. */
void digest_hex(const uint8_t *data, size_t len, char *out);
/* Reads 2 * len such digits. False if others are among them: out is then indeterminate. */
bool digest_unhex(const char *digits, size_t len, uint8_t *out);

#endif
