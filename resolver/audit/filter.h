/*
 * audit/filter.h - small Bloom filters of a block, which say "not here" without unpacking it.
 *
 * A key is SipHash-1-3 with a key of zero octets: nothing is secret, and others must be able to
 * compute it; 0 becomes 1. Of a filter of m bits, bits (low + i * high) mod m for i = 0 to 3
 * are set, low and high being the halves of the key, high made odd; bit n is bit n mod 8 of
 * octet n / 8.
 */
#ifndef CORDON_AUDIT_FILTER_H
#define CORDON_AUDIT_FILTER_H

#include "base/address.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_FILTER_BITS_PER_KEY 6u /* one of 18 blocks is opened in vain */

void audit_filter_add(uint8_t *filter, size_t octets, uint64_t key);
bool audit_filter_has(const uint8_t *filter, size_t octets, uint64_t key);

/* Suffixes of two and three labels are in the filter of names: enough to find one longer, and a
 * top-level domain is everywhere. False if the name is too short to have a key. */
bool audit_filter_suffix(const struct wire_name *suffix, uint64_t *key);
/* The keys of a name; returns how many (0 to 2). */
unsigned audit_filter_name(const struct wire_name *name, uint64_t keys[2]);

/* A client as it is recorded, whole. */
uint64_t audit_filter_octets(const uint8_t *octets, size_t len);
/* An address also has keys of its networks: IPv4 /16 and /24, IPv6 /48 and /64. A prefix is
 * looked for by the longest of these that it lies in; false if it is wider than all. */
unsigned audit_filter_networks(const struct address *address, uint64_t keys[2]);
bool audit_filter_prefix(const struct address_prefix *prefix, uint64_t *key);

#endif
