/*
 * base/digest_many.c - BLAKE2b-256 (RFC 7693) of several buffers at once.
 *
 * libsodium's BLAKE2b hashes one buffer, whose steps wait for each other. Here each of four or
 * eight lanes of a vector has a buffer of its own, and the steps are the same: of short buffers
 * it takes less than half the time where the processor has AVX2, a third where it has AVX-512.
 * Compared with libsodium's in tests/base/test_digest.c.
 */
#include "base/digest.h"

#include "base/invariant.h"
#include "base/little.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define LANES        4u
#define LANES_MAX    8u
#define BLOCK_OCTETS 128u
#define WORDS        16u
#define ROUNDS       12u

/* Lanes that must have something to do, or long buffers are hashed one by one; and so they are
 * where vectors are those of any processor, whose lanes save nothing. */
#define LANES_PAY 2u

/* The compiler makes of it what the processor has. */
typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

/* Buffers, one for each lane. */
struct bundle {
    const uint8_t *data[LANES_MAX];
    size_t len[LANES_MAX];
    size_t blocks; /* of each; if uneven, of the longest */
    bool uneven;   /* a lane whose buffer has ended waits for the others */
    uint8_t *out[LANES_MAX];
};

static const uint64_t begin[8] = {
    UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
    UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
    UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

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
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

/* The length of the digest, no key, no tree: the first word of the parameters. */
#define PARAMETERS UINT64_C(0x01010020)

#define TURN(word, bits) ((word) >> (bits) | (word) << (64 - (bits)))
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
    } while (false)

/* All rounds, of lanes however many: v is the state, words are the block's. */
#define STIR(v, words)                                                           \
    _Pragma("GCC unroll 12") for (unsigned round = 0; round < ROUNDS; round++)   \
    {                                                                            \
        const uint8_t *const at = order[round];                                  \
                                                                                 \
        MIX((v)[0], (v)[4], (v)[8], (v)[12], (words)[at[0]], (words)[at[1]]);    \
        MIX((v)[1], (v)[5], (v)[9], (v)[13], (words)[at[2]], (words)[at[3]]);    \
        MIX((v)[2], (v)[6], (v)[10], (v)[14], (words)[at[4]], (words)[at[5]]);   \
        MIX((v)[3], (v)[7], (v)[11], (v)[15], (words)[at[6]], (words)[at[7]]);   \
        MIX((v)[0], (v)[5], (v)[10], (v)[15], (words)[at[8]], (words)[at[9]]);   \
        MIX((v)[1], (v)[6], (v)[11], (v)[12], (words)[at[10]], (words)[at[11]]); \
        MIX((v)[2], (v)[7], (v)[8], (v)[13], (words)[at[12]], (words)[at[13]]);  \
        MIX((v)[3], (v)[4], (v)[9], (v)[14], (words)[at[14]], (words)[at[15]]);  \
    }

#define INLINED static inline __attribute__((always_inline))

/* Block `number` of each buffer, the last one filled up with zeros, a word of each side by
 * side. */
INLINED void load(const struct bundle *bundle, size_t number, lanes words[WORDS])
{
    uint8_t last[LANES][BLOCK_OCTETS];
    const uint8_t *at[LANES];

    for (unsigned lane = 0; lane < LANES; lane++) {
        const size_t from = number * BLOCK_OCTETS;
        const size_t left = bundle->len[lane] > from ? bundle->len[lane] - from : 0;

        at[lane] = bundle->data[lane] + (left != 0 ? from : 0);
        if (left < BLOCK_OCTETS) {
            memset(last[lane], 0, BLOCK_OCTETS);
            memcpy(last[lane], at[lane], left);
            at[lane] = last[lane];
        }
    }
    for (unsigned i = 0; i < WORDS; i++) {
        words[i] = (lanes){little_get64(at[0] + 8 * i), little_get64(at[1] + 8 * i),
                           little_get64(at[2] + 8 * i), little_get64(at[3] + 8 * i)};
    }
}

INLINED void compress(const struct bundle *bundle, size_t number, lanes sum[8])
{
    const size_t reached = (number + 1) * BLOCK_OCTETS;
    lanes count = {0};
    lanes last = {0};
    lanes going = {0};
    lanes words[WORDS] = {{0}};
    lanes v[16];

    load(bundle, number, words);
    for (unsigned lane = 0; lane < LANES; lane++) {
        const size_t len = bundle->len[lane];

        count[lane] = len <= reached ? len : reached;
        last[lane] = len <= reached ? UINT64_MAX : 0;
        going[lane] = number == 0 || len > number * BLOCK_OCTETS ? UINT64_MAX : 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        v[i] = sum[i];
        v[i + 8] = (lanes){begin[i], begin[i], begin[i], begin[i]};
    }
    v[12] ^= count;
    v[14] ^= last;
    STIR(v, words)
    for (unsigned i = 0; i < 8; i++) {
        sum[i] ^= (v[i] ^ v[i + 8]) & going;
    }
}

INLINED void hash(const struct bundle *bundle)
{
    lanes sum[8];

    for (unsigned i = 0; i < 8; i++) {
        sum[i] = (lanes){begin[i], begin[i], begin[i], begin[i]};
    }
    sum[0] ^= PARAMETERS;
    for (size_t number = 0; number < bundle->blocks; number++) {
        compress(bundle, number, sum);
    }
    for (unsigned lane = 0; lane < LANES; lane++) {
        for (unsigned i = 0; i < DIGEST_OCTETS / 8; i++) {
            little_put64(bundle->out[lane] + 8 * i, sum[i][lane]);
        }
    }
}

static void hash_plain(const struct bundle *bundle)
{
    hash(bundle);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void hash_avx2(const struct bundle *bundle)
{
    hash(bundle);
}

/* Twice the registers and a rotation; and eight lanes, for which blocks are read without
 * copying the last ones. They take longer than four: those are for what is left over. */
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl")))

typedef uint64_t wide __attribute__((vector_size(8 * LANES_MAX)));

#define AS_WIDE(from) ((wide)(from))

/* Eight rows of eight words each become eight columns. */
WIDE INLINED void turn_over(const __m512i in[8], wide out[8])
{
    __m512i twos[8];
    __m512i fours[8];

    for (unsigned i = 0; i < 8; i += 2) { /* words of neighbours side by side */
        twos[i] = _mm512_unpacklo_epi64(in[i], in[i + 1]);
        twos[i + 1] = _mm512_unpackhi_epi64(in[i], in[i + 1]);
    }
    for (unsigned i = 0; i < 8; i += 4) {
        for (unsigned j = i; j < i + 2; j++) { /* of words 0 and 4, 2 and 6; 1 and 5, 3 and 7 */
            fours[j] = _mm512_shuffle_i64x2(twos[j], twos[j + 2], 0x88);
            fours[j + 2] = _mm512_shuffle_i64x2(twos[j], twos[j + 2], 0xdd);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        out[i] = AS_WIDE(_mm512_shuffle_i64x2(fours[i], fours[i + 4], 0x88));
        out[i + 4] = AS_WIDE(_mm512_shuffle_i64x2(fours[i], fours[i + 4], 0xdd));
    }
}

/* Half of block `number` of each buffer, zeros where it has ended: 64 octets from `from`. */
WIDE INLINED void load_wide(const struct bundle *bundle, size_t from, wide words[8])
{
    __m512i rows[LANES_MAX];

    for (unsigned lane = 0; lane < LANES_MAX; lane++) {
        const size_t len = bundle->len[lane];
        const size_t left = len > from ? len - from : 0;
        const __mmask64 mask = left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;

        /* What the mask leaves out is not read. */
        rows[lane] = _mm512_maskz_loadu_epi8(mask, bundle->data[lane] + (left != 0 ? from : 0));
    }
    turn_over(rows, words);
}

WIDE INLINED void compress_wide(const struct bundle *bundle, size_t number, bool uneven,
                                wide sum[8])
{
    const uint64_t octets = (number + 1) * BLOCK_OCTETS;
    const __m512i reached = _mm512_set1_epi64((long long)octets);
    const __m512i before = _mm512_set1_epi64((long long)(octets - BLOCK_OCTETS));
    const __m512i lens = _mm512_loadu_si512(bundle->len);
    const __mmask8 going =
        number == 0 ? UINT8_MAX : _mm512_cmp_epu64_mask(lens, before, _MM_CMPINT_NLE);
    wide words[WORDS];
    wide v[16];

    load_wide(bundle, number * BLOCK_OCTETS, words);
    load_wide(bundle, number * BLOCK_OCTETS + 64, words + 8);
    for (unsigned i = 0; i < 8; i++) {
        v[i] = sum[i];
        v[i + 8] = AS_WIDE(_mm512_set1_epi64((long long)begin[i]));
    }
    v[12] ^= AS_WIDE(_mm512_min_epu64(lens, reached));
    v[14] ^= AS_WIDE(
        _mm512_maskz_set1_epi64(_mm512_cmp_epu64_mask(lens, reached, _MM_CMPINT_LE), -1));
    STIR(v, words)
    for (unsigned i = 0; i < 8; i++) {
        const wide after = sum[i] ^ v[i] ^ v[i + 8];

        sum[i] = uneven ? AS_WIDE(_mm512_mask_mov_epi64((__m512i)sum[i], going, (__m512i)after))
                        : after;
    }
}

WIDE static void hash_avx512(const struct bundle *bundle)
{
    hash(bundle);
}

WIDE INLINED void hash_eight(const struct bundle *bundle, bool uneven)
{
    __m512i rows[8];
    wide columns[8];
    wide sum[8];

    for (unsigned i = 0; i < 8; i++) {
        sum[i] = AS_WIDE(_mm512_set1_epi64((long long)begin[i]));
    }
    sum[0] ^= PARAMETERS;
    for (size_t number = 0; number < bundle->blocks; number++) {
        compress_wide(bundle, number, uneven, sum);
    }
    for (unsigned i = 0; i < 8; i++) {
        rows[i] = (__m512i)sum[i];
    }
    turn_over(rows, columns);
    for (unsigned lane = 0; lane < LANES_MAX; lane++) { /* half of what there would be */
        _mm256_storeu_si256((__m256i_u *)bundle->out[lane],
                            _mm512_castsi512_si256((__m512i)columns[lane]));
    }
}

WIDE static void hash_wide(const struct bundle *bundle)
{
    if (bundle->uneven) {
        hash_eight(bundle, true);
    } else {
        hash_eight(bundle, false);
    }
}
#endif

bool digest_has_way(enum digest_way way)
{
#ifdef __x86_64__
    if (way == DIGEST_AVX512) {
        return __builtin_cpu_supports("avx512f") != 0 &&
               __builtin_cpu_supports("avx512bw") != 0 &&
               __builtin_cpu_supports("avx512vl") != 0;
    }
    return way == DIGEST_PLAIN || __builtin_cpu_supports("avx2") != 0;
#else
    return way == DIGEST_PLAIN;
#endif
}

static void hash_bundle(const struct bundle *bundle, enum digest_way way, unsigned lanes_used)
{
#ifdef __x86_64__
    if (way == DIGEST_AVX512 && lanes_used > LANES) {
        hash_wide(bundle);
        return;
    }
    if (way == DIGEST_AVX512) {
        hash_avx512(bundle);
        return;
    }
    if (way == DIGEST_AVX2) {
        hash_avx2(bundle);
        return;
    }
#endif
    (void)way;
    (void)lanes_used;
    hash_plain(bundle);
}

static size_t blocks_of(size_t len)
{
    return len == 0 ? 1 : (len + BLOCK_OCTETS - 1) / BLOCK_OCTETS;
}

/* The next buffers of as many blocks as the first that is not done. Returns how many. */
static unsigned gather(const struct digest_buffer *buffers, uint64_t left, unsigned lanes_most,
                       struct bundle *out, uint64_t *taken)
{
    unsigned count = 0;

    *taken = 0;
    for (; left != 0 && count < lanes_most; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        const size_t blocks = blocks_of(buffers[i].len);

        if (count == 0) {
            out->blocks = blocks;
        } else if (blocks != out->blocks) {
            continue;
        }
        out->data[count] = buffers[i].data;
        out->len[count] = buffers[i].len;
        out->out[count] = buffers[i].out;
        *taken |= UINT64_C(1) << i;
        count++;
    }
    return count;
}

static enum digest_way best_way(void)
{
    return digest_has_way(DIGEST_AVX512) ? DIGEST_AVX512
           : digest_has_way(DIGEST_AVX2) ? DIGEST_AVX2
                                         : DIGEST_PLAIN;
}

/* Lanes that have nothing of their own do what the first does. */
static void fill(struct bundle *bundle, unsigned from, unsigned to, uint8_t *nowhere)
{
    for (unsigned lane = from; lane < to; lane++) {
        bundle->data[lane] = bundle->data[0];
        bundle->len[lane] = bundle->len[0];
        bundle->out[lane] = nowhere;
    }
}

void digest_of_many(const struct digest_buffer *buffers, size_t count)
{
    digest_of_many_by(best_way(), buffers, count);
}

void digest_of_many_by(enum digest_way way, const struct digest_buffer *buffers, size_t count)
{
    uint8_t nowhere[DIGEST_OCTETS];
    struct bundle bundle = {.uneven = false};
    uint64_t taken = 0;
    const unsigned most = way == DIGEST_AVX512 ? LANES_MAX : LANES;

    invariant(count <= DIGEST_MANY_MAX);
    for (uint64_t left = count == 0 ? 0 : UINT64_MAX >> (64 - count); left != 0;
         left &= ~taken) {
        const unsigned lanes_used = gather(buffers, left, most, &bundle, &taken);

        if (lanes_used == 1) { /* lanes for nothing cost more */
            digest_of(bundle.data[0], bundle.len[0], NULL, bundle.out[0]);
            continue;
        }
        fill(&bundle, lanes_used, most, nowhere);
        hash_bundle(&bundle, way, lanes_used);
    }
}

void digest_of_uneven(const struct digest_buffer *buffers, size_t count)
{
    digest_of_uneven_by(best_way(), buffers, count);
}

void digest_of_uneven_by(enum digest_way way, const struct digest_buffer *buffers, size_t count)
{
    uint8_t nowhere[DIGEST_OCTETS];
    const unsigned most = way == DIGEST_AVX512 ? LANES_MAX : LANES;
    struct bundle bundle = {.uneven = true};
    unsigned lanes_used = 0;
    size_t all = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t blocks = blocks_of(buffers[i].len);

        bundle.data[lanes_used] = buffers[i].data;
        bundle.len[lanes_used] = buffers[i].len;
        bundle.out[lanes_used] = buffers[i].out;
        bundle.blocks = blocks > bundle.blocks ? blocks : bundle.blocks;
        all += blocks;
        lanes_used++;
        if (lanes_used < most && i + 1 < count) {
            continue;
        }
        if (way != DIGEST_PLAIN && all >= LANES_PAY * bundle.blocks) {
            fill(&bundle, lanes_used, most, nowhere);
            hash_bundle(&bundle, way, lanes_used);
        } else {
            for (unsigned lane = 0; lane < lanes_used; lane++) {
                digest_of(bundle.data[lane], bundle.len[lane], NULL, bundle.out[lane]);
            }
        }
        bundle.blocks = 0;
        lanes_used = 0;
        all = 0;
    }
}
