/*
 * wire/message.h - a bounded view of a message that came from an upstream (or the cache).
 *
 * Nothing is copied and nothing allocated: the view borrows the octets. Every record is
 * checked when the cursor reaches it; the first fault ends the walk and is reported.
 */
#ifndef CORDON_WIRE_MESSAGE_H
#define CORDON_WIRE_MESSAGE_H

#include "base/address.h"
#include "wire/name.h"
#include "wire/type.h"

enum wire_section {
    WIRE_ANSWER = 1,
    WIRE_AUTHORITY = 2,
    WIRE_ADDITIONAL = 3
};

struct wire_message {
    const uint8_t *octets;
    size_t len;
    uint16_t id;
    uint16_t flags;
    uint16_t counts[4];    /* QD, AN, NS, AR */
    size_t body;           /* offset of the first record */
    struct wire_name name; /* of the question; valid if counts[0] is 1 */
    size_t name_at;        /* where the question's name starts */
    uint16_t type, class;
};

/* Reads header and question (QDCOUNT 0 or 1, else WIRE_BAD_COUNT; the name uncompressed).
 * Borrows octets until the view is no longer used. */
enum wire_result wire_message_open(const uint8_t *octets, size_t len, struct wire_message *out);

/* hot. The header alone of a message that wire_message_open has accepted before, and that is at
 * least as long as a header: *out has no question. */
void wire_message_header(const uint8_t *octets, size_t len, struct wire_message *out);

struct wire_record {
    size_t owner;  /* offset of the owner name */
    size_t ttl_at; /* offset of the TTL field */
    size_t rdata;  /* offset */
    uint32_t ttl;  /* values above 2^31 - 1 are read as 0 (RFC 2181, 8) */
    uint16_t type, class, rdata_len;
    enum wire_section section;
};

struct wire_cursor {
    const struct wire_message *message; /* borrowed */
    size_t at;
    unsigned section; /* 1 to 3 */
    unsigned left;    /* records left in the section */
};

void wire_cursor_start(struct wire_cursor *cursor, const struct wire_message *message);

/* 1: *out is the next record; 0: there are no more (octets after the last one are a fault);
 * -1: the message is malformed here. */
int wire_cursor_next(struct wire_cursor *cursor, struct wire_record *out);

/* The owner name, or the name that starts skip octets into the rdata (compressed or not), which
 * must end within the record. */
enum wire_result wire_record_owner(const struct wire_message *message,
                                   const struct wire_record *record, struct wire_name *out);
enum wire_result wire_record_name(const struct wire_message *message,
                                  const struct wire_record *record, size_t skip,
                                  struct wire_name *out);

/* The address of an A or AAAA record; false for a wrong length or type. port is 0. */
bool wire_record_address(const struct wire_message *message, const struct wire_record *record,
                         struct address *out);

/* The response code with the upper bits of the OPT record, if there is one (RFC 6891, 6.1.3).
 * ede: code of the first EDE option, or WIRE_EDE_NONE; may be NULL; untouched on failure.
 * -1 if the message is malformed anywhere, or has two OPT records or a misplaced one. */
int wire_message_rcode(const struct wire_message *message, int *ede);

/* SVCB and HTTPS (RFC 9460). */
struct wire_svcb {
    uint16_t priority;       /* 0: alias mode */
    struct wire_name target; /* "." stands for the owner (service mode) or nothing (alias) */
    const uint8_t *hints4;   /* ipv4hint: 4 octets each; borrowed */
    size_t hints4_count;
    const uint8_t *hints6;
    size_t hints6_count;
};

/* False if malformed (*out is indeterminate): keys not ascending, lengths that do not fit, a
 * hint list that is empty or not whole addresses. A compressed target is accepted (RFC 9460
 * forbids sending one). In alias mode parameters are checked but no hints given (RFC
 * 9460, 2.4.2). */
bool wire_record_svcb(const struct wire_message *message, const struct wire_record *record,
                      struct wire_svcb *out);

#endif
