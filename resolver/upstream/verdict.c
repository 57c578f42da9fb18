#include "upstream/verdict.h"

#include <string.h>

static bool is_plain_error(unsigned rcode)
{
    return rcode == WIRE_FORMERR || rcode == WIRE_SERVFAIL || rcode == WIRE_NOTIMP ||
           rcode == WIRE_REFUSED;
}

/* WRONG, WRONG_CASE, or USEFUL if header and question are those of an answer to ours. */
static enum upstream_verdict compare(const struct upstream_question *question,
                                     const struct wire_message *message)
{
    if (message->id != question->id || (message->flags & WIRE_FLAG_QR) == 0 ||
        (message->flags & WIRE_OPCODE_MASK) != 0) {
        return UPSTREAM_WRONG;
    }
    if (message->counts[0] == 0) {
        const bool error = is_plain_error(message->flags & WIRE_RCODE_MASK);
        return error && message->counts[1] == 0 && message->counts[2] == 0 ? UPSTREAM_USEFUL
                                                                           : UPSTREAM_WRONG;
    }
    if (message->type != question->type || message->class != WIRE_IN ||
        !wire_name_equal(&message->name, question->name)) {
        return UPSTREAM_WRONG;
    }
    if (question->exact_case && memcmp(message->octets + message->name_at, question->raw_name,
                                       message->name.len) != 0) {
        return UPSTREAM_WRONG_CASE;
    }
    return UPSTREAM_USEFUL;
}

static bool has_opt(const struct wire_message *message)
{
    struct wire_cursor cursor;
    struct wire_record record;

    wire_cursor_start(&cursor, message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        if (record.section == WIRE_ADDITIONAL && record.type == WIRE_OPT) {
            return true;
        }
    }
    return false;
}

enum upstream_verdict upstream_verdict(const struct upstream_question *question,
                                       const uint8_t *octets, size_t len)
{
    struct wire_message message;

    if (wire_message_open(octets, len, &message) != WIRE_OK) {
        return UPSTREAM_WRONG;
    }
    const enum upstream_verdict same = compare(question, &message);
    if (same != UPSTREAM_USEFUL) {
        return same;
    }
    const unsigned low = message.flags & WIRE_RCODE_MASK;
    if ((message.flags & WIRE_FLAG_TC) != 0 && (low == WIRE_NOERROR || low == WIRE_NXDOMAIN)) {
        /* May be cut anywhere, so it is not walked. TCP has no need to cut. */
        return question->tcp ? UPSTREAM_GARBAGE : UPSTREAM_TRUNCATED;
    }
    const int rcode = wire_message_rcode(&message, NULL); /* walks all of it */
    if (rcode < 0) {
        return UPSTREAM_GARBAGE;
    }
    if (rcode == WIRE_NOERROR || rcode == WIRE_NXDOMAIN) {
        return UPSTREAM_USEFUL;
    }
    if (question->edns && (rcode == WIRE_FORMERR || rcode == WIRE_NOTIMP) &&
        !has_opt(&message)) {
        return UPSTREAM_NO_EDNS; /* RFC 6891, 7: an implementer of EDNS would send OPT */
    }
    return UPSTREAM_REJECTED;
}
