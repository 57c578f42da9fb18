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

#endif
