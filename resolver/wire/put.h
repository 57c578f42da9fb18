/*
 * wire/put.h - the parts from which the writer's functions are made; for this folder only.
 *
 * A record is wire_put_fixed, its rdata, wire_put_done; or wire_put_back to drop it.
 */
#ifndef CORDON_WIRE_PUT_H
#define CORDON_WIRE_PUT_H

#include "wire/writer.h"

/* What to return to if a record does not come to its end. */
struct wire_mark {
    size_t len;
    uint8_t target_count;
};

/* Owner, type, class, TTL and an empty RDLENGTH. */
struct wire_mark wire_put_fixed(struct wire_writer *writer, enum wire_section section,
                                const struct wire_name *owner, uint16_t type, uint16_t class,
                                uint32_t ttl);

void wire_put_octets(struct wire_writer *writer, const uint8_t *octets, size_t len);

/* compress: may be a pointer, in part or whole, and later names may point at it. The case is
 * written as it is in name. */
void wire_put_name(struct wire_writer *writer, const struct wire_name *name, bool compress);

/* Fills in RDLENGTH and counts the record; after an overflow takes all of it back. rdata: the
 * length at which the rdata began. */
void wire_put_done(struct wire_writer *writer, enum wire_section section, struct wire_mark mark,
                   size_t rdata);

void wire_put_back(struct wire_writer *writer, struct wire_mark mark);

#endif
