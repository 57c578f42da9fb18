/*
 * wire/question.h - a client's question: one bounded pass over the datagram, no allocation.
 */
#ifndef CORDON_WIRE_QUESTION_H
#define CORDON_WIRE_QUESTION_H

#include "wire/name.h"
#include "wire/type.h"

#include <stdbool.h>

#define WIRE_COOKIE_MAX 40 /* 8 octets of the client's, 8 to 32 of the server's (RFC 7873) */

/* What to do with the datagram. For every value but OK, DROP, COOKIE and CHAOS an answer with
 * that response code is written by wire_answer_error(), which needs no more than `has_question`
 * says. */
enum wire_question_result {
    WIRE_QUESTION_OK = 0,
    WIRE_QUESTION_DROP,    /* shorter than a header, or a response (QR=1): never answered */
    WIRE_QUESTION_COOKIE,  /* no question but a COOKIE option: asks for a cookie (RFC 7873, 5.4)
                            */
    WIRE_QUESTION_FORMERR, /* QDCOUNT not 1 (RFC 9619), AN/NSCOUNT set, bad name, trailing
                              octets, two OPT records (RFC 6891, 6.1.1), OPT not at the root,
                              malformed options */
    WIRE_QUESTION_NOTIMP,  /* an opcode other than QUERY; MAILA, MAILB */
    WIRE_QUESTION_REFUSED, /* a class other than IN and CH; TKEY, TSIG, OPT as type */
    WIRE_QUESTION_CHAOS,   /* class CH: for who has something to tell; REFUSED for all others */
    WIRE_QUESTION_BADVERS  /* EDNS version above 0 (RFC 6891, 6.1.3) */
};

struct wire_question {
    struct wire_name name; /* lower case; the client's case is in `raw` */
    uint16_t id;
    uint16_t flags; /* as received */
    uint16_t type;
    uint16_t class;
    bool has_question; /* name, type, class and raw are usable, whatever the result */
    bool has_edns;     /* an OPT record was read: the answer gets one too */
    bool dnssec_ok;    /* DO (RFC 3225) */
    bool has_keepalive;
    bool has_padding;
    uint16_t udp_size;  /* what the client advertises; 512 without EDNS, and never below */
    uint16_t raw_len;   /* of raw */
    uint8_t cookie_len; /* 0: none sent; else 8, or 16 to 40 */
    /* No more of these than their lengths say is written. */
    uint8_t cookie[WIRE_COOKIE_MAX];
    /* The question section as received: name in the client's case, type, class. */
    uint8_t raw[WIRE_NAME_MAX + 4];
};

/*
 * hot. Reads the datagram (or TCP message) of len octets. *out is always written.
 * A compression pointer inside the question's name is refused (FORMERR): nothing stands before
 * it that it could point at. Additional records other than OPT are skipped, bounded; a TSIG or
 * SIG(0) record is ignored.
 */
enum wire_question_result wire_question_read(const uint8_t *msg, size_t len,
                                             struct wire_question *out);

#endif
