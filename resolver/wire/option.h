/*
 * wire/option.h - walking the options of an OPT record (RFC 6891, 6.1.2).
 */
#ifndef CORDON_WIRE_OPTION_H
#define CORDON_WIRE_OPTION_H

#include <stddef.h>
#include <stdint.h>

struct wire_options {
    const uint8_t *at; /* borrowed */
    size_t left;       /* octets */
    unsigned count;    /* options seen */
};

struct wire_option {
    uint16_t code;
    uint16_t len;
    const uint8_t *data; /* borrowed */
};

/* 1: *out is the next option; 0: there are no more; -1: an option that does not fit into the
 * record, or more than WIRE_OPTIONS_MAX of them. Start with {rdata, rdata_len, 0}. */
int wire_option_next(struct wire_options *options, struct wire_option *out);

/* An OPT record without options. */
#define WIRE_OPT_BARE_OCTETS 11u

/* Adds an option to the OPT record at opt, which must be the last of a message of len octets.
 * data NULL: zeros. Returns the new length, 0 if size does not suffice. */
size_t wire_option_add(uint8_t *octets, size_t size, size_t len, size_t opt, uint16_t code,
                       const uint8_t *data, size_t data_len);

/* The same with as much padding (RFC 7830) as makes the message a multiple of block. */
size_t wire_option_pad(uint8_t *octets, size_t size, size_t len, size_t opt, size_t block);

#endif
