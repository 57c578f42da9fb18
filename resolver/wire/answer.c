/*
 * Whole messages of a kind: answers without records, and questions.
 */
#include "wire/put.h"

#include <string.h>

size_t wire_answer_error(uint8_t *octets, size_t size, const struct wire_question *question,
                         unsigned rcode, const struct wire_opt *opt)
{
    const uint16_t kept = WIRE_OPCODE_MASK | WIRE_FLAG_RD | WIRE_FLAG_CD;
    const uint16_t flags = (uint16_t)(WIRE_FLAG_QR | WIRE_FLAG_RA | (question->flags & kept) |
                                      (rcode & WIRE_RCODE_MASK));
    struct wire_writer writer;

    wire_writer_begin(&writer, octets, size, question->raw,
                      question->has_question ? question->raw_len : 0);
    if (question->has_edns) {
        struct wire_opt ours = {.udp_size = WIRE_UDP_SIZE,
                                .dnssec_ok = question->dnssec_ok,
                                .ede = WIRE_EDE_NONE,
                                .keepalive_100ms = -1};
        if (opt != NULL) {
            ours = *opt;
        }
        ours.rcode = rcode;
        wire_write_opt(&writer, &ours);
    }
    return wire_writer_end(&writer, question->id, flags);
}

/* hot. The same octets as by wire_write_record(), without a look for what a name can point at:
 * the asked name stands right behind the header. */
size_t wire_answer_record(uint8_t *octets, size_t size, const struct wire_question *question,
                          uint32_t ttl, const uint8_t *rdata, size_t rdata_len,
                          const struct wire_opt *opt)
{
    const uint16_t flags =
        (uint16_t)(WIRE_FLAG_QR | WIRE_FLAG_RA |
                   (question->flags & (WIRE_OPCODE_MASK | WIRE_FLAG_RD | WIRE_FLAG_CD)));
    const size_t owner = WIRE_HEADER_OCTETS + (size_t)question->raw_len;
    const size_t fixed = owner + (question->name.labels > 0 ? 2 : 1);
    struct wire_writer writer;

    writer.octets = octets;
    writer.size = size < WIRE_MESSAGE_MAX ? size : WIRE_MESSAGE_MAX;
    writer.len = fixed + 10 + rdata_len; /* type, class, TTL, RDLENGTH */
    writer.overflow = false;
    if (writer.len > writer.size) {
        return 0;
    }
    memcpy(octets + WIRE_HEADER_OCTETS, question->raw, question->raw_len);
    octets[owner] = 0;
    if (question->name.labels > 0) {
        wire_put16(octets + owner, 0xc000u | WIRE_HEADER_OCTETS);
    }
    wire_put16(octets + fixed, question->type);
    wire_put16(octets + fixed + 2, WIRE_IN);
    wire_put32(octets + fixed + 4, ttl);
    wire_put16(octets + fixed + 8, (uint16_t)rdata_len);
    memcpy(octets + fixed + 10, rdata, rdata_len);
    writer.counts[0] = writer.counts[WIRE_ANSWER] = 1;
    writer.counts[WIRE_AUTHORITY] = writer.counts[WIRE_ADDITIONAL] = 0;
    if (opt != NULL) {
        wire_write_opt(&writer, opt);
    }
    return wire_writer_end(&writer, question->id, flags);
}

size_t wire_question_write(uint8_t *octets, size_t size, uint16_t id, uint16_t flags,
                           const uint8_t *raw_name, size_t raw_name_len, uint16_t type,
                           uint16_t class, uint16_t udp_size, bool dnssec_ok)
{
    uint8_t raw[WIRE_NAME_MAX + 4];
    struct wire_writer writer;

    if (raw_name_len == 0 || raw_name_len > WIRE_NAME_MAX) {
        return 0;
    }
    memcpy(raw, raw_name, raw_name_len);
    wire_put16(raw + raw_name_len, type);
    wire_put16(raw + raw_name_len + 2, class);
    wire_writer_begin(&writer, octets, size, raw, raw_name_len + 4);
    if (udp_size != 0) {
        const struct wire_opt opt = {.udp_size = udp_size,
                                     .dnssec_ok = dnssec_ok,
                                     .ede = WIRE_EDE_NONE,
                                     .keepalive_100ms = -1};
        wire_write_opt(&writer, &opt);
    }
    return wire_writer_end(&writer, id, (uint16_t)(flags | WIRE_FLAG_RD));
}
