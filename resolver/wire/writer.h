/*
 * wire/writer.h - writing messages into a caller's buffer, with name compression.
 *
 * Once something does not fit, `overflow` is set and nothing more is written; the caller
 * decides what a truncated message becomes. No allocation.
 */
#ifndef CORDON_WIRE_WRITER_H
#define CORDON_WIRE_WRITER_H

#include "wire/message.h"
#include "wire/name.h"
#include "wire/question.h"

#define WIRE_TARGETS_MAX                                                 \
    64 /* labels that later names may point at; others are written whole \
        */

struct wire_writer {
    uint8_t *octets;
    size_t size; /* of the buffer, at most WIRE_MESSAGE_MAX */
    size_t len;
    bool overflow;
    uint16_t counts[4];
    uint8_t target_count;
    uint16_t targets[WIRE_TARGETS_MAX]; /* offsets of labels already written */
    uint8_t
        target_octets[WIRE_TARGETS_MAX]; /* of the whole name that starts there, uncompressed */
};

/* Begins a message: room for the header, then the question section as given (raw_len 0: none):
 * an uncompressed name in any case, type, class. The header is written by wire_writer_end.
 * octets: borrowed until the last call; they must not overlap what is copied from. */
void wire_writer_begin(struct wire_writer *writer, uint8_t *octets, size_t size,
                       const uint8_t *raw_question, size_t raw_len);

/* Sections must come in order. rdata is taken as it is: it holds no compressed name. */
void wire_write_record(struct wire_writer *writer, enum wire_section section,
                       const struct wire_name *owner, uint16_t type, uint32_t ttl,
                       const uint8_t *rdata, size_t rdata_len);

/* The same for a TXT record of class CH with TTL 0 (RFC 4892): nobody is to keep it. */
void wire_write_chaos(struct wire_writer *writer, const struct wire_name *owner,
                      const uint8_t *rdata, size_t rdata_len);

/*
 * The same for a record of another message, in the case that it has there. Names inside the
 * rdata are read and written anew, whether their type allows compression or not: a pointer
 * would mean something else here. They are compressed again only for the common types of
 * RFC 1035 (RFC 3597, 4); unknown types are copied octet by octet.
 * -1 if the record's owner or rdata is malformed, the class is not IN or the type is OPT, which
 * is between neighbours (nothing is written).
 */
int wire_copy_record(struct wire_writer *writer, enum wire_section section,
                     const struct wire_message *message, const struct wire_record *record,
                     uint32_t ttl);

/* wire_write_record's owner and these names are lower case, as struct wire_name is.
 * CNAME owner -> target, and an SOA for negative answers with MINIMUM and TTL minimum_s. */
void wire_write_cname(struct wire_writer *writer, const struct wire_name *owner,
                      const struct wire_name *target, uint32_t ttl);
void wire_write_soa(struct wire_writer *writer, enum wire_section section,
                    const struct wire_name *owner, const struct wire_name *mname,
                    const struct wire_name *rname, uint32_t serial, uint32_t minimum_s);

/* What the OPT record of an answer carries. */
struct wire_opt {
    uint16_t udp_size;     /* ours: what we accept */
    bool dnssec_ok;        /* copied from the question (RFC 3225, 3) */
    unsigned rcode;        /* upper bits go into the record */
    int ede;               /* WIRE_EDE_NONE: none */
    const char *ede_text;  /* at most WIRE_EDE_TEXT_MAX octets are sent; NULL: none; UTF-8 */
    int keepalive_100ms;   /* below 0: none (RFC 7828) */
    const uint8_t *cookie; /* NULL: none */
    size_t cookie_len;
};
void wire_write_opt(struct wire_writer *writer, const struct wire_opt *opt);

/* Octets that wire_write_opt would need. */
size_t wire_opt_octets(const struct wire_opt *opt);

/* Writes the header. flags: QR, AA, TC, RD, RA, AD, CD and the lower 4 bits of the code.
 * Returns the length, or 0 after an overflow. */
size_t wire_writer_end(struct wire_writer *writer, uint16_t id, uint16_t flags);

/*
 * hot. An answer with one record of the asked name, of its type and class IN, and OPT unless
 * opt is NULL. The question has one (has_question). QR and RA are set; RD and CD are copied.
 * Returns the length, or 0 if it does not fit.
 */
size_t wire_answer_record(uint8_t *octets, size_t size, const struct wire_question *question,
                          uint32_t ttl, const uint8_t *rdata, size_t rdata_len,
                          const struct wire_opt *opt);

/*
 * An answer without records: the question echoed if there is one, OPT if the question had one
 * (opt NULL: a bare one). rcode counts, not opt->rcode. QR and RA are set; opcode, RD and CD
 * are copied from the question. Returns the length, or 0 if it does not fit (an answer without
 * question always fits in 12 octets + OPT).
 */
size_t wire_answer_error(uint8_t *octets, size_t size, const struct wire_question *question,
                         unsigned rcode, const struct wire_opt *opt);

/* Writes a question: id, RD and the given flags, name in the case of `raw_name` (wire format,
 * uncompressed), OPT with DO if asked for (udp_size 0: no OPT). Returns the length, 0 if it
 * does not fit. */
size_t wire_question_write(uint8_t *octets, size_t size, uint16_t id, uint16_t flags,
                           const uint8_t *raw_name, size_t raw_name_len, uint16_t type,
                           uint16_t class, uint16_t udp_size, bool dnssec_ok);

#endif
