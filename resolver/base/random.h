/*
 * base/random.h - the only door to chance.
 *
 * A struct random is a buffered cryptographic generator (ChaCha20 of libsodium, keyed from
 * the system, key replaced at each refill so that earlier output cannot be recovered): ids and
 * ports of questions cost no system call. One per thread. Tests make one from a fixed seed.
 */
#ifndef CORDON_BASE_RANDOM_H
#define CORDON_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define RANDOM_SEED_OCTETS 32

struct random {
    uint8_t key[RANDOM_SEED_OCTETS];
    uint8_t block[1024];
    size_t used; /* octets of block already given out (and wiped) */
};

/* Must be called once before any other function that uses libsodium. 0 or -EIO. */
int random_library_init(void);

/* Keyed by the operating system. */
void random_init(struct random *random);

/* The same seed gives the same sequence: for tests. */
void random_init_seed(struct random *random, const uint8_t seed[RANDOM_SEED_OCTETS]);

void random_fill(struct random *random, void *out, size_t len);
uint16_t random_u16(struct random *random);
uint64_t random_u64(struct random *random);

/* Uniform in 0 to bound - 1, without modulo bias; bound 0 gives 0. */
uint32_t random_below(struct random *random, uint32_t bound);

/* `len` octets of the stream that ChaCha20 (RFC 8439, nonce of zeros) makes of the seed, from
 * its block `block` of 64 octets on: chance that who has the seed can make again, anywhere in
 * it. */
#define RANDOM_STREAM_BLOCK 64
void random_stream(const uint8_t seed[RANDOM_SEED_OCTETS], uint32_t block, void *out,
                   size_t len);

/* Straight from the operating system, for keys. */
void random_system(void *out, size_t len);

#endif
