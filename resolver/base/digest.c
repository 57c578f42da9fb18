#include "base/digest.h"

#include "base/invariant.h"
#include "base/thread.h"

#include <sodium.h>

/* A thread costs some 30 us to make and to end: as much as hashing 30 KiB. */
#define PARALLEL_OCTETS_MIN ((size_t)1 << 20)

_Static_assert(sizeof(crypto_generichash_state) <= DIGEST_STATE_MAX, "the state has room");
_Static_assert(_Alignof(crypto_generichash_state) <= _Alignof(struct digest),
               "the state is aligned");
_Static_assert(DIGEST_OCTETS >= crypto_generichash_BYTES_MIN &&
                   DIGEST_OCTETS <= crypto_generichash_BYTES_MAX,
               "a length that BLAKE2b has");
_Static_assert(DIGEST_KEY_OCTETS >= crypto_generichash_KEYBYTES_MIN &&
                   DIGEST_KEY_OCTETS <= crypto_generichash_KEYBYTES_MAX,
               "a key length that BLAKE2b has");
_Static_assert(crypto_hash_sha256_BYTES == DIGEST_OCTETS, "a digest is a digest");

static crypto_generichash_state *state_of(struct digest *digest)
{
    return (crypto_generichash_state *)(void *)digest->state;
}

void digest_init(struct digest *digest, const uint8_t *key, size_t out_len)
{
    invariant(out_len >= crypto_generichash_BYTES_MIN &&
              out_len <= crypto_generichash_BYTES_MAX);
    invariant(crypto_generichash_init(state_of(digest), key,
                                      key != NULL ? DIGEST_KEY_OCTETS : 0, out_len) == 0);
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
    /* libsodium copies from data even when there is nothing to copy. */
    if (len > 0) {
        invariant(crypto_generichash_update(state_of(digest), data, len) == 0);
    }
}

void digest_end(struct digest *digest, uint8_t *out, size_t out_len)
{
    invariant(crypto_generichash_final(state_of(digest), out, out_len) == 0);
}

void digest_of(const void *data, size_t len, const uint8_t *key, uint8_t out[DIGEST_OCTETS])
{
    struct digest digest;

    digest_init(&digest, key, DIGEST_OCTETS);
    digest_add(&digest, data, len);
    digest_end(&digest, out, DIGEST_OCTETS);
    sodium_memzero(&digest, sizeof(digest)); /* it may hold a key */
}

struct wide_job {
    const void *data;
    size_t len;
    uint8_t *out; /* DIGEST_WIDE_OCTETS */
};

static void *run_wide(void *context)
{
    const struct wide_job *job = context;
    struct digest digest;

    digest_init(&digest, NULL, DIGEST_WIDE_OCTETS);
    digest_add(&digest, job->data, job->len);
    digest_end(&digest, job->out, DIGEST_WIDE_OCTETS);
    return NULL;
}

void digest_of_both(const void *data, size_t len, uint8_t wide[DIGEST_WIDE_OCTETS],
                    uint8_t out[DIGEST_OCTETS])
{
    struct wide_job job = {.data = data, .len = len, .out = wide};
    pthread_t thread;
    const bool apart =
        len >= PARALLEL_OCTETS_MIN && thread_start(&thread, NULL, run_wide, &job) == 0;

    digest_of(data, len, NULL, out);
    if (apart) {
        invariant(pthread_join(thread, NULL) == 0);
    } else {
        (void)run_wide(&job);
    }
}

void digest_sha256(const void *data, size_t len, uint8_t out[DIGEST_OCTETS])
{
    invariant(crypto_hash_sha256(out, data, len) == 0);
}

bool digest_equal(const uint8_t a[DIGEST_OCTETS], const uint8_t b[DIGEST_OCTETS])
{
    return sodium_memcmp(a, b, DIGEST_OCTETS) == 0;
}

void digest_hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[16] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool digest_unhex(const char *digits, size_t len, uint8_t *out)
{
    for (size_t i = 0; i < len; i++) {
        const int high = digit_of(digits[2 * i]);
        const int low = digit_of(digits[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
