/*
 * base/siphash.h - SipHash-1-3 that can be continued and read at any label.
 *
 * The state is four words. siphash_add_label mixes in one DNS label: its octets in
 * little-endian words, the last one padded with zeros and with the length in its top octet.
 * So label borders count: read from the end, the words can be cut into labels in one way
 * only. siphash_read finishes a copy, so a name's hashes of all suffixes cost one pass from
 * the right. Not the byte-stream SipHash of libsodium, which cannot be continued.
 */
#ifndef CORDON_BASE_SIPHASH_H
#define CORDON_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_OCTETS 16

struct siphash {
    uint64_t v0, v1, v2, v3;
};

void siphash_init(struct siphash *state, const uint8_t key[SIPHASH_KEY_OCTETS]);

/* label points at the length octet (0 to 63) and is followed by that many octets. */
void siphash_add_label(struct siphash *state, const uint8_t *label);

uint64_t siphash_read(const struct siphash *state);

/* Plain SipHash-1-3 and -2-4 over octets, for hash tables keyed against strangers; the second
 * is checked against the published vectors, which proves the shared rounds. */
uint64_t siphash13(const void *data, size_t len, const uint8_t key[SIPHASH_KEY_OCTETS]);
uint64_t siphash24(const void *data, size_t len, const uint8_t key[SIPHASH_KEY_OCTETS]);

#endif
