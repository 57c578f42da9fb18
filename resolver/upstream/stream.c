#include "upstream/stream.h"

#include "upstream/limits.h"
#include "wire/message.h"
#include "wire/option.h"
#include "wire/type.h"

enum upstream_frame upstream_frame_next(const uint8_t *octets, size_t used, size_t *at,
                                        size_t *message, size_t *len)
{
    if (used - *at < 2) {
        return UPSTREAM_FRAME_PART;
    }
    const size_t announced = wire_get16(octets + *at);
    if (announced < WIRE_HEADER_OCTETS) {
        return UPSTREAM_FRAME_BROKEN;
    }
    if (used - *at - 2 < announced) {
        return UPSTREAM_FRAME_PART;
    }
    *message = *at + 2;
    *len = announced;
    *at += 2 + announced;
    return UPSTREAM_FRAME_WHOLE;
}

int upstream_keepalive_ms(const uint8_t *octets, size_t len)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_option option;
    int found = -1;

    if (wire_message_open(octets, len, &message) != WIRE_OK) {
        return -1;
    }
    wire_cursor_start(&cursor, &message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        struct wire_options options = {octets + record.rdata, record.rdata_len, 0};
        while (record.section == WIRE_ADDITIONAL && record.type == WIRE_OPT &&
               wire_option_next(&options, &option) > 0) {
            if (option.code == WIRE_OPTION_KEEPALIVE && option.len == 2) {
                const unsigned ms = 100u * wire_get16(option.data);
                found = (int)(ms < UPSTREAM_TLS_IDLE_MAX_MS ? ms : UPSTREAM_TLS_IDLE_MAX_MS);
            }
        }
    }
    return found;
}
