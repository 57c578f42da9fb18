/*
 * policy/image_lanes.h - what is done with the 30 slots of a line at once. Internal to the
 * room.
 *
 * A line is 32 lanes of 16 bits, of which the first two are its base. Each function is written
 * twice: plainly, for any processor, and for those with SSE2, where most look-ups spend their
 * time. A test compares the two.
 */
#ifndef CORDON_POLICY_IMAGE_LANES_H
#define CORDON_POLICY_IMAGE_LANES_H

#include "policy/image_format.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define IMAGE_LANES      UINT64_C(0x0001000100010001) /* four lanes in a word */
#define IMAGE_WORDS      8u                           /* words in a line */
#define IMAGE_FIRST_LANE 2u /* lanes 0 and 1 of word 0 hold the base */

static inline uint64_t image_line_word(const uint8_t *line, unsigned word)
{
    const uint64_t value = little_get64(line + (size_t)8 * word);

    return word == 0 ? value & ~UINT64_C(0xffffffff) : value;
}

/* A bit for each lane whose fingerprint is that of the hash. Free slots are zero and no
 * fingerprint is, so they never match; nor do the lanes of the base. */
static inline uint32_t image_lanes_plain(const uint8_t *line, uint64_t hash)
{
    const uint64_t low = UINT64_C(0x7fff) * IMAGE_LANES;
    const uint64_t pattern = image_fingerprint(hash) * IMAGE_LANES;
    uint32_t lanes = 0;

    for (unsigned word = 0; word < IMAGE_WORDS; word++) {
        const uint64_t differ =
            (image_line_word(line, word) ^ pattern) & UINT64_C(0xffc0) * IMAGE_LANES;
        const uint64_t equal = ~(((differ & low) + low) | differ) >> 15 & IMAGE_LANES;

        lanes |= (uint32_t)(equal | equal >> 15 | equal >> 30 | equal >> 45) % 16 << 4 * word;
    }
    return lanes;
}

/* Octets of the records before that of a lane, which is IMAGE_FIRST_LANE to 31. */
static inline size_t image_octets_before_plain(const uint8_t *line, unsigned lane)
{
    uint64_t codes = 0, longs = 0;

    for (unsigned word = 0; word <= lane / 4; word++) {
        uint64_t value = image_line_word(line, word);

        if (word == lane / 4) {
            value &= (UINT64_C(1) << 16 * (lane % 4)) - 1;
        }
        value &= IMAGE_CODE_LONG * IMAGE_LANES;
        codes += value; /* at most 8 * 63 in a lane */
        longs += (value + IMAGE_LANES) >> IMAGE_CODE_BITS & IMAGE_LANES;
    }
    const size_t code_sum = (codes * IMAGE_LANES) >> 48;
    const size_t long_count = (longs * IMAGE_LANES) >> 48;
    return code_sum + IMAGE_RECORD_MIN * (lane - IMAGE_FIRST_LANE) +
           long_count * (IMAGE_RECORD_LONG - IMAGE_RECORD_MIN - IMAGE_CODE_LONG);
}

#ifdef __SSE2__
static inline uint32_t image_lanes(const uint8_t *line, uint64_t hash)
{
    const __m128i mask = _mm_set1_epi16((short)~IMAGE_CODE_LONG);
    const __m128i wanted = _mm_set1_epi16((short)image_fingerprint(hash));
    const __m128i *at = (const __m128i *)(const void *)line;
    __m128i equal[4];

    for (unsigned i = 0; i < 4; i++) {
        equal[i] = _mm_cmpeq_epi16(_mm_and_si128(_mm_loadu_si128(at + i), mask), wanted);
    }
    const uint32_t low = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(equal[0], equal[1]));
    const uint32_t high = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(equal[2], equal[3]));
    return (low | high << 16) & ~UINT32_C(3);
}

/* The sum of 16 octets, twice: of its halves. */
static inline size_t image_sum_halves(__m128i sums)
{
    return (unsigned)_mm_cvtsi128_si32(sums) + (unsigned)_mm_extract_epi16(sums, 4);
}

static inline size_t image_octets_before(const uint8_t *line, unsigned lane)
{
    const __m128i code = _mm_set1_epi16((short)IMAGE_CODE_LONG), zero = _mm_setzero_si128(),
                  is_long = _mm_set1_epi8((char)IMAGE_CODE_LONG),
                  end = _mm_set1_epi8((char)lane),
                  no_base = _mm_setr_epi32(0, -1, -1, -1), /* the lanes of the base */
        low_numbers = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                  high_numbers = _mm_setr_epi8(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
                                               28, 29, 30, 31);
    const __m128i *at = (const __m128i *)(const void *)line;
    /* An octet for each lane: its code, at most 63. */
    const __m128i low =
        _mm_packus_epi16(_mm_and_si128(_mm_and_si128(_mm_loadu_si128(at), code), no_base),
                         _mm_and_si128(_mm_loadu_si128(at + 1), code));
    const __m128i high = _mm_packus_epi16(_mm_and_si128(_mm_loadu_si128(at + 2), code),
                                          _mm_and_si128(_mm_loadu_si128(at + 3), code));
    const __m128i low_codes = _mm_and_si128(low, _mm_cmpgt_epi8(end, low_numbers));
    const __m128i high_codes = _mm_and_si128(high, _mm_cmpgt_epi8(end, high_numbers));
    const __m128i longs = _mm_sub_epi8(zero, _mm_add_epi8(_mm_cmpeq_epi8(low_codes, is_long),
                                                          _mm_cmpeq_epi8(high_codes, is_long)));
    const size_t code_sum =
        image_sum_halves(_mm_sad_epu8(_mm_add_epi8(low_codes, high_codes), zero));

    return code_sum + IMAGE_RECORD_MIN * (lane - IMAGE_FIRST_LANE) +
           image_sum_halves(_mm_sad_epu8(longs, zero)) *
               (IMAGE_RECORD_LONG - IMAGE_RECORD_MIN - IMAGE_CODE_LONG);
}
#else
static inline uint32_t image_lanes(const uint8_t *line, uint64_t hash)
{
    return image_lanes_plain(line, hash);
}

static inline size_t image_octets_before(const uint8_t *line, unsigned lane)
{
    return image_octets_before_plain(line, lane);
}
#endif

#endif
