/*
 * audit/varint.h - whole numbers in as few octets as they need: seven bits an octet, the lowest
 * first, the top bit says that more follow (LEB128).
 */
#ifndef CORDON_AUDIT_VARINT_H
#define CORDON_AUDIT_VARINT_H

#include "base/little.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define AUDIT_VARINT_MAX 10 /* octets of the largest */

/* out has room for AUDIT_VARINT_MAX. Returns the octets written. */
static inline size_t audit_varint_put(uint8_t *out, uint64_t value)
{
    size_t len = 0;

    while (value >= 0x80) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (uint8_t)value;
    return len;
}

/* The same behind what is there; small ones, as most are, at once. Returns its end. */
static inline uint8_t *audit_varint_add(uint8_t *at, uint64_t value)
{
    if (value < 0x80) {
        *at = (uint8_t)value;
        return at + 1;
    }
    return at + audit_varint_put(at, value);
}

/* Reads at *at, which stays within end. False if the octets end first, the number has more than
 * 64 bits, or was not written in the shortest way: one number has one spelling. */
static inline bool audit_varint_get(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    uint64_t sum = 0;

    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        const uint8_t octet = *(*at)++;

        if (shift == 63 && octet > 1) {
            return false;
        }
        sum |= (uint64_t)(octet & 0x7f) << shift;
        if (octet < 0x80) {
            *value = sum;
            return octet != 0 || shift == 0;
        }
    }
    return false;
}

/* Octets behind what is there, without a call where they are few, as most are. Returns their
 * end. */
static inline uint8_t *audit_octets_add(uint8_t *at, const uint8_t *octets, size_t len)
{
    if (len > 32) {
        memcpy(at, octets, len);
    } else if (len > 16) {
        memcpy(at, octets, 16);
        memcpy(at + len - 16, octets + len - 16, 16);
    } else if (len >= 8) {
        little_put64(at, little_get64(octets));
        little_put64(at + len - 8, little_get64(octets + len - 8));
    } else if (len >= 4) {
        little_put32(at, little_get32(octets));
        little_put32(at + len - 4, little_get32(octets + len - 4));
    } else {
        for (size_t i = 0; i < len; i++) {
            at[i] = octets[i];
        }
    }
    return at + len;
}

/* Whether they are the same; likewise. */
static inline bool audit_octets_are(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len > 32) {
        return memcmp(a, b, len) == 0;
    }
    if (len > 16) {
        return ((little_get64(a) ^ little_get64(b)) |
                (little_get64(a + 8) ^ little_get64(b + 8)) |
                (little_get64(a + len - 16) ^ little_get64(b + len - 16)) |
                (little_get64(a + len - 8) ^ little_get64(b + len - 8))) == 0;
    }
    if (len >= 8) {
        return little_get64(a) == little_get64(b) &&
               little_get64(a + len - 8) == little_get64(b + len - 8);
    }
    if (len >= 4) {
        return little_get32(a) == little_get32(b) &&
               little_get32(a + len - 4) == little_get32(b + len - 4);
    }
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

#endif
