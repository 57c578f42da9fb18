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
