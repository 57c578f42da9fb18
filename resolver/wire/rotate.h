/*
 * wire/rotate.h - another address first.
 *
 * The records of an RRset have no order (RFC 2181, 5; RFC 4034, 6.3 has one of its own for
 * signatures), but many programs take the first address. A run is what may be turned where it
 * stands: addresses that follow each other, of which the octets differ in TTL and rdata alone.
 * So nothing moves that a pointer leads to, and no record leaves its RRset.
 */
#ifndef CORDON_WIRE_ROTATE_H
#define CORDON_WIRE_ROTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_run {
    size_t at; /* of the first record */
    size_t record_len;
    unsigned count; /* at least 2 */
};

/* The last run among so many records, which start at body. Octets are those of a message, or
 * its beginning. False: there is none, or a record is malformed. */
bool wire_run_find(const uint8_t *octets, size_t len, size_t body, unsigned records,
                   struct wire_run *run);

/* The record with this number, below count, comes first; those before it, last. */
void wire_run_turn(uint8_t *octets, const struct wire_run *run, unsigned first);

#endif
