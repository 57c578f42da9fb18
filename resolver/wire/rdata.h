/*
 * wire/rdata.h - where the names stand inside the rdata of each type that has any.
 */
#ifndef CORDON_WIRE_RDATA_H
#define CORDON_WIRE_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_RDATA_FIELDS 6

/* A field of rdata: one of these, or a number of octets below 0x80. */
enum wire_rdata_field {
    WIRE_RDATA_END = 0,        /* the rdata ends here */
    WIRE_RDATA_REST = 0x80,    /* any number of octets, to the end */
    WIRE_RDATA_STRING,         /* a character-string (RFC 1035, 3.3) */
    WIRE_RDATA_STRINGS,        /* one or more of them, to the end */
    WIRE_RDATA_NAME,           /* a name that may arrive compressed but must not leave so */
    WIRE_RDATA_NAME_COMPRESSED /* a name of RFC 1035: may be compressed (RFC 3597, 4) */
};

/* The fields of a type in class IN, ended by WIRE_RDATA_END. */
const uint8_t *wire_rdata_fields(uint16_t type);

/* Octets of a field other than a name or WIRE_RDATA_REST that starts at an octet; 0 if it does
 * not fit into what is left. */
size_t wire_rdata_octets(uint8_t field, const uint8_t *at, size_t left);

/* True if rdata has the fields of its type, without an octet more, and its names are
 * uncompressed: as wire_write_record() takes it. */
bool wire_rdata_is_whole(uint16_t type, const uint8_t *rdata, size_t len);

#endif
