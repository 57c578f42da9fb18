#include "base/random.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(RANDOM_SEED_OCTETS == crypto_stream_chacha20_KEYBYTES, "the key is ChaCha20's");

int random_library_init(void)
{
    return sodium_init() < 0 ? -EIO : 0;
}

void random_init(struct random *random)
{
    randombytes_buf(random->key, sizeof(random->key));
    memset(random->block, 0, sizeof(random->block));
    random->used = sizeof(random->block);
}

void random_init_seed(struct random *random, const uint8_t seed[RANDOM_SEED_OCTETS])
{
    memcpy(random->key, seed, sizeof(random->key));
    memset(random->block, 0, sizeof(random->block));
    random->used = sizeof(random->block);
}

/* Two streams of the same key, told apart by their nonce: the block and the next key. */
static void refill(struct random *random)
{
    static const uint8_t for_block[crypto_stream_chacha20_NONCEBYTES] = {0};
    static const uint8_t for_key[crypto_stream_chacha20_NONCEBYTES] = {1};
    uint8_t next[RANDOM_SEED_OCTETS];

    crypto_stream_chacha20(random->block, sizeof(random->block), for_block, random->key);
    crypto_stream_chacha20(next, sizeof(next), for_key, random->key);
    memcpy(random->key, next, sizeof(next));
    sodium_memzero(next, sizeof(next));
    random->used = 0;
}

void random_fill(struct random *random, void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) {
        if (random->used >= sizeof(random->block)) {
            refill(random);
        }
        const size_t left = sizeof(random->block) - random->used;
        const size_t part = len < left ? len : left;
        memcpy(at, random->block + random->used, part);
        sodium_memzero(random->block + random->used, part);
        random->used += part;
        at += part;
        len -= part;
    }
}

uint16_t random_u16(struct random *random)
{
    uint16_t value = 0;

    random_fill(random, &value, sizeof(value));
    return value;
}

uint64_t random_u64(struct random *random)
{
    uint64_t value = 0;

    random_fill(random, &value, sizeof(value));
    return value;
}

uint32_t random_below(struct random *random, uint32_t bound)
{
    uint32_t value = 0;

    if (bound == 0) {
        return 0;
    }
    /* The first 2^32 mod bound values are drawn again, so that the rest divides evenly. */
    const uint32_t uneven = (0u - bound) % bound;
    do {
        random_fill(random, &value, sizeof(value));
    } while (value < uneven);
    return value % bound;
}

void random_stream(const uint8_t seed[RANDOM_SEED_OCTETS], uint32_t block, void *out,
                   size_t len)
{
    static const uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES] = {0};

    memset(out, 0, len);
    crypto_stream_chacha20_ietf_xor_ic(out, out, len, nonce, block, seed);
}

void random_system(void *out, size_t len)
{
    randombytes_buf(out, len);
}
