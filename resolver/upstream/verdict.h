/*
 * upstream/verdict.h - what octets from an upstream are, measured against the question that
 * was sent. Private to the room.
 *
 * Pure. The octets are a stranger's: anybody who guesses the port may have sent them.
 */
#ifndef CORDON_UPSTREAM_VERDICT_H
#define CORDON_UPSTREAM_VERDICT_H

#include "wire/message.h"

enum upstream_verdict {
    UPSTREAM_WRONG,      /* not an answer to this question: wait on */
    UPSTREAM_WRONG_CASE, /* but for the letter case it would be one */
    UPSTREAM_TRUNCATED,  /* TC=1: ask over TCP */
    UPSTREAM_USEFUL,     /* NOERROR or NXDOMAIN, well-formed to the last octet */
    UPSTREAM_NO_EDNS,    /* FORMERR or NOTIMP without OPT to a question that had one */
    UPSTREAM_REJECTED,   /* another response code */
    UPSTREAM_GARBAGE     /* an answer to this question whose records are malformed */
};

/* The question as it was sent. */
struct upstream_question {
    const struct wire_name *name; /* lower case */
    const uint8_t *raw_name;      /* as sent, name->len octets; borrowed */
    uint16_t id, type;
    bool exact_case; /* the answer must repeat raw_name bit by bit */
    bool edns;
    bool tcp;
};

/*
 * Errors (FORMERR, SERVFAIL, NOTIMP, REFUSED) are also taken without a question section, as
 * some servers send them; all else must repeat the question, uncompressed.
 */
enum upstream_verdict upstream_verdict(const struct upstream_question *question,
                                       const uint8_t *octets, size_t len);

#endif
