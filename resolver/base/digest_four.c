/*
 * base/digest_four.c - BLAKE2b (RFC 7693) of four buffers, one in each lane of a vector.
 *
 * A step of BLAKE2b waits for the one before it, so a processor does little at a time on one
 * buffer: with four it takes not twice as long as with one. The lanes go block by block; one
 * whose buffer has ended keeps what it has come to. Where the processor has no vectors of four
 * words, libsodium hashes one after the other (docs/decisions/0015).
 */
#include "base/digest.h"

#include "base/little.h"

#include <string.h>

#if defined(__x86_64__)

#define LANES  DIGEST_FOUR
#define BLOCK  128u
#define ROUNDS 12u
#define WORDS  16u

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

struct four {
    lanes state[8];
    lanes counted; /* octets, with those of the block at hand */
    lanes last;    /* all bits, where that block is the last */
    lanes active;  /* all bits, where there is one */
    lanes words[WORDS];
};

static const uint64_t start[8] = {UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b),
                                  UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
                                  UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
                                  UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179)};

/* Which words a round takes, and in which order; the last two are the first two again. */
static const uint8_t order[ROUNDS][WORDS] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

#define INLINE static inline __attribute__((always_inline))

#define TURN(x, by) ((x) >> (by) | (x) << (64 - (by)))

/* By reference, since vectors as arguments have no calling convention of all processors. */
#define MIX(a, b, c, d, x, y)      \
    do {                           \
        (a) += (b) + (x);          \
        (d) = TURN((d) ^ (a), 32); \
        (c) += (d);                \
        (b) = TURN((b) ^ (c), 24); \
        (a) += (b) + (y);          \
        (d) = TURN((d) ^ (a), 16); \
        (c) += (d);                \
        (b) = TURN((b) ^ (c), 63); \
    } while (0)

INLINE void compress(struct four *four)
{
    const lanes *const m = four->words;
    lanes v[16];

#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++) {
        v[i] = four->state[i];
        v[i + 8] = (lanes){start[i], start[i], start[i], start[i]};
    }
    v[12] ^= four->counted;
    v[14] ^= four->last;
#pragma GCC unroll 12
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint8_t *const at = order[round];

        MIX(v[0], v[4], v[8], v[12], m[at[0]], m[at[1]]);
        MIX(v[1], v[5], v[9], v[13], m[at[2]], m[at[3]]);
        MIX(v[2], v[6], v[10], v[14], m[at[4]], m[at[5]]);
        MIX(v[3], v[7], v[11], v[15], m[at[6]], m[at[7]]);
        MIX(v[0], v[5], v[10], v[15], m[at[8]], m[at[9]]);
        MIX(v[1], v[6], v[11], v[12], m[at[10]], m[at[11]]);
        MIX(v[2], v[7], v[8], v[13], m[at[12]], m[at[13]]);
        MIX(v[3], v[4], v[9], v[14], m[at[14]], m[at[15]]);
    }
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++) {
        four->state[i] ^= (v[i] ^ v[i + 8]) & four->active;
    }
}

/* Block number `number` of each. False: there is none any more. */
INLINE bool load(struct four *four, const uint8_t *const data[LANES], const size_t len[LANES],
                 size_t number)
{
    uint8_t rest[LANES][BLOCK];
    const uint8_t *from[LANES];
    const size_t before = number * BLOCK;
    bool any = false;

    for (unsigned lane = 0; lane < LANES; lane++) {
        const bool active = len[lane] > before || number == 0;
        const size_t left = active ? len[lane] - before : 0;

        from[lane] = rest[lane];
        if (left >= BLOCK) {
            from[lane] = data[lane] + before;
        } else {
            memset(rest[lane], 0, BLOCK);
            if (left > 0) {
                memcpy(rest[lane], data[lane] + before, left);
            }
        }
        four->active[lane] = active ? UINT64_MAX : 0;
        four->last[lane] = left <= BLOCK ? UINT64_MAX : 0;
        four->counted[lane] = left <= BLOCK ? len[lane] : before + BLOCK;
        any = any || active;
    }
    for (unsigned i = 0; any && i < WORDS; i++) {
        four->words[i] =
            (lanes){little_get64(from[0] + 8u * i), little_get64(from[1] + 8u * i),
                    little_get64(from[2] + 8u * i), little_get64(from[3] + 8u * i)};
    }
    return any;
}

INLINE void digest(const uint8_t *const data[LANES], const size_t len[LANES],
                   uint8_t out[LANES][DIGEST_OCTETS])
{
    struct four four;

    for (unsigned i = 0; i < 8; i++) {
        four.state[i] = (lanes){start[i], start[i], start[i], start[i]};
    }
    four.state[0] ^= 0x01010000u ^ DIGEST_OCTETS; /* no key, one level */
    for (size_t number = 0; load(&four, data, len, number); number++) {
        compress(&four);
    }
    for (unsigned lane = 0; lane < LANES; lane++) {
        for (unsigned i = 0; i < DIGEST_OCTETS / 8; i++) {
            little_put64(out[lane] + 8u * i, four.state[i][lane]);
        }
    }
}

__attribute__((target("avx2"))) static void digest_avx2(const uint8_t *const data[LANES],
                                                        const size_t len[LANES],
                                                        uint8_t out[LANES][DIGEST_OCTETS])
{
    digest(data, len, out);
}

__attribute__((target("avx512vl"))) static void digest_avx512(const uint8_t *const data[LANES],
                                                              const size_t len[LANES],
                                                              uint8_t out[LANES][DIGEST_OCTETS])
{
    digest(data, len, out);
}

#endif

void digest_of_four(const uint8_t *const data[DIGEST_FOUR], const size_t len[DIGEST_FOUR],
                    uint8_t out[DIGEST_FOUR][DIGEST_OCTETS])
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vl")) {
        digest_avx512(data, len, out);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        digest_avx2(data, len, out);
        return;
    }
#endif
    for (unsigned lane = 0; lane < DIGEST_FOUR; lane++) {
        digest_of(data[lane], len[lane], NULL, out[lane]);
    }
}
