/*
 * Reads arbitrary octets as a question. Whatever the result: the fields are within their
 * bounds, nothing of the last reading shows, and an answer can be written that fits the
 * question and that our own reader of answers accepts.
 */
#include "require.h"

#include "wire/question.h"
#include "wire/writer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(const struct wire_question *question, enum wire_question_result result)
{
    require(question->udp_size >= WIRE_UDP_CLASSIC);
    require(question->cookie_len == 0 || question->cookie_len == 8 ||
            (question->cookie_len >= 16 && question->cookie_len <= WIRE_COOKIE_MAX));
    if (!question->has_edns) {
        require(!question->dnssec_ok && question->cookie_len == 0 && !question->has_padding);
        require(!question->has_keepalive && question->udp_size == WIRE_UDP_CLASSIC);
        require(result != WIRE_QUESTION_BADVERS);
    }
    if (result == WIRE_QUESTION_OK) {
        require(question->has_question && question->class == WIRE_IN);
        require((question->flags & (WIRE_FLAG_QR | WIRE_OPCODE_MASK)) == 0);
    }
    if (result == WIRE_QUESTION_CHAOS) {
        require(question->has_question && question->class == WIRE_CH);
        require((question->flags & (WIRE_FLAG_QR | WIRE_OPCODE_MASK)) == 0);
    }
    if (result == WIRE_QUESTION_COOKIE) {
        require(!question->has_question && question->cookie_len > 0);
        require((question->flags & (WIRE_FLAG_QR | WIRE_OPCODE_MASK)) == 0);
    }
    if (question->has_question) {
        struct wire_name name;
        size_t pos = 0;

        require(wire_name_read(question->raw, question->raw_len, &pos, &name) == WIRE_OK);
        require(pos + 4 == question->raw_len && wire_name_equal(&name, &question->name));
        require(wire_get16(question->raw + pos) == question->type);
        require(wire_get16(question->raw + pos + 2) == question->class);
    } else {
        require(question->raw_len == 0 && question->name.len == 0);
    }
}

static void check_answer(const struct wire_question *question)
{
    static const struct wire_opt opt = {.udp_size = WIRE_UDP_SIZE,
                                        .ede = WIRE_EDE_BLOCKED,
                                        .ede_text = "blocked",
                                        .keepalive_100ms = 100};
    uint8_t octets[WIRE_UDP_CLASSIC];
    struct wire_message message;
    int ede = 0;
    const size_t len = wire_answer_error(octets, sizeof(octets), question, WIRE_BADVERS, &opt);

    require(len >= WIRE_HEADER_OCTETS);
    require(wire_message_open(octets, len, &message) == WIRE_OK);
    require(message.id == question->id &&
            message.counts[0] == (question->has_question ? 1 : 0));
    require(!question->has_question || wire_name_equal(&message.name, &question->name));
    require(wire_message_rcode(&message, &ede) == (question->has_edns ? WIRE_BADVERS : 0));
    require(ede == (question->has_edns ? WIRE_EDE_BLOCKED : WIRE_EDE_NONE));
    require(wire_answer_error(octets, len - 1, question, WIRE_BADVERS, &opt) == 0);
}

/* What we ask upstream for a question that we accept is one that we would accept. */
static void check_forwarded(const struct wire_question *question)
{
    uint8_t octets[WIRE_UDP_CLASSIC];
    struct wire_question again;
    const size_t len = wire_question_write(octets, sizeof(octets), 7, 0, question->raw,
                                           question->raw_len - 4u, question->type,
                                           question->class, WIRE_UDP_SIZE, question->dnssec_ok);

    require(len > 0 && wire_question_read(octets, len, &again) == WIRE_QUESTION_OK);
    require(again.raw_len == question->raw_len);
    require(memcmp(again.raw, question->raw, again.raw_len) == 0);
    require(again.has_edns && again.dnssec_ok == question->dnssec_ok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_question question;
    struct wire_question again;

    memset(&question, 0x00, sizeof(question));
    memset(&again, 0xff, sizeof(again));
    const enum wire_question_result result = wire_question_read(data, size, &question);

    require(wire_question_read(data, size, &again) == result);
    require(again.raw_len == question.raw_len && again.cookie_len == question.cookie_len);
    require(memcmp(again.raw, question.raw, again.raw_len) == 0);
    require(memcmp(again.cookie, question.cookie, again.cookie_len) == 0);
    check_fields(&question, result);
    if (result == WIRE_QUESTION_DROP) {
        require(size < WIRE_HEADER_OCTETS || (data[2] & 0x80) != 0);
        return 0;
    }
    check_answer(&question);
    if (result == WIRE_QUESTION_OK) {
        check_forwarded(&question);
    }
    return 0;
}
