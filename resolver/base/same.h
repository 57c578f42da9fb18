/*
 * base/same.h - whether octets are the same, where they are few and their number is not known
 * beforehand: in place, as a call of memcmp() costs more than the comparison.
 */
#ifndef CORDON_BASE_SAME_H
#define CORDON_BASE_SAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t same_load64(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint32_t same_load32(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* hot. Loads overlap rather than loop: of nothing else than the len octets. */
static inline bool same_octets(const void *one, const void *other, size_t len)
{
    const uint8_t *a = one, *b = other;

    if (len >= 8) {
        for (size_t i = 0; i < len - 8; i += 8) {
            if (same_load64(a + i) != same_load64(b + i)) {
                return false;
            }
        }
        return same_load64(a + len - 8) == same_load64(b + len - 8);
    }
    if (len >= 4) {
        return ((same_load32(a) ^ same_load32(b)) |
                (same_load32(a + len - 4) ^ same_load32(b + len - 4))) == 0;
    }
    return len == 0 || ((unsigned)(a[0] ^ b[0]) | (unsigned)(a[len / 2] ^ b[len / 2]) |
                        (unsigned)(a[len - 1] ^ b[len - 1])) == 0;
}

#endif
