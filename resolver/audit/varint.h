/*
 * audit/varint.h - whole numbers in as few octets as they need: seven bits an octet, the lowest
 * first, the top bit says that more follow (LEB128). Numbers of fixed size are little-endian.
 */
#ifndef CORDON_AUDIT_VARINT_H
#define CORDON_AUDIT_VARINT_H

#include <endian.h>
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

static inline void audit_put16(uint8_t *out, uint16_t value)
{
    value = htole16(value);
    memcpy(out, &value, sizeof(value));
}

static inline void audit_put32(uint8_t *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, sizeof(value));
}

static inline void audit_put64(uint8_t *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof(value));
}

static inline uint16_t audit_get16(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return le16toh(value);
}

static inline uint32_t audit_get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return le32toh(value);
}

static inline uint64_t audit_get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

#endif
