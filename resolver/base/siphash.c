#include "base/siphash.h"

#include <endian.h>
#include <string.h>

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return le64toh(word);
}

static uint64_t load32(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return le32toh(word);
}

/* The last len (0 to 7) octets as a little-endian word. Loads overlap rather than loop: labels
 * are short, and this is most of the work. */
static uint64_t load_tail(const uint8_t *at, size_t len)
{
    if (len >= 4) {
        return load32(at) | load32(at + len - 4) << 8 * (len - 4);
    }
    if (len > 0) {
        return at[0] | (uint64_t)at[len / 2] << 8 * (len / 2) |
               (uint64_t)at[len - 1] << 8 * (len - 1);
    }
    return 0;
}

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline __attribute__((always_inline)) void mix(struct siphash *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static inline __attribute__((always_inline)) void add_word(struct siphash *s, uint64_t word,
                                                           unsigned rounds)
{
    s->v3 ^= word;
    mix(s, rounds);
    s->v0 ^= word;
}

/* By value: what is read may be the state, for all that the compiler knows, and would have it
 * written after each word. */
static inline __attribute__((always_inline)) struct siphash
add_octets(struct siphash s, const uint8_t *data, size_t len, unsigned rounds)
{
    const size_t whole = len & ~(size_t)7;

    for (size_t at = 0; at < whole; at += 8) {
        add_word(&s, load64(data + at), rounds);
    }
    add_word(&s, load_tail(data + whole, len - whole) | (uint64_t)len << 56, rounds);
    return s;
}

static inline __attribute__((always_inline)) uint64_t finish(struct siphash s, unsigned rounds)
{
    s.v2 ^= 0xff;
    mix(&s, rounds);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

void siphash_init(struct siphash *state, const uint8_t key[SIPHASH_KEY_OCTETS])
{
    const uint64_t k0 = load64(key);
    const uint64_t k1 = load64(key + 8);

    /* The constants spell "somepseudorandomlygeneratedbytes" (SipHash, section 2). */
    state->v0 = k0 ^ UINT64_C(0x736f6d6570736575);
    state->v1 = k1 ^ UINT64_C(0x646f72616e646f6d);
    state->v2 = k0 ^ UINT64_C(0x6c7967656e657261);
    state->v3 = k1 ^ UINT64_C(0x7465646279746573);
}

void siphash_add_label(struct siphash *state, const uint8_t *label)
{
    *state = add_octets(*state, label + 1, label[0], 1);
}

uint64_t siphash_read(const struct siphash *state)
{
    return finish(*state, 3);
}

uint64_t siphash13(const void *data, size_t len, const uint8_t key[SIPHASH_KEY_OCTETS])
{
    struct siphash state;

    siphash_init(&state, key);
    return finish(add_octets(state, data, len, 1), 3);
}

uint64_t siphash24(const void *data, size_t len, const uint8_t key[SIPHASH_KEY_OCTETS])
{
    struct siphash state;

    siphash_init(&state, key);
    return finish(add_octets(state, data, len, 2), 4);
}
