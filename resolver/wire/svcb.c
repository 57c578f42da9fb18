#include "wire/message.h"

#include "wire/limits.h"

#define KEY_IPV4HINT 4 /* RFC 9460, 14.3.2 */
#define KEY_IPV6HINT 6

/* A list of whole addresses of size octets each, at least one (RFC 9460, 7.3). */
static bool read_hints(const uint8_t *value, size_t len, size_t size, const uint8_t **hints,
                       size_t *count)
{
    if (len == 0 || len % size != 0) {
        return false;
    }
    *hints = value;
    *count = len / size;
    return true;
}

static bool read_params(const uint8_t *at, size_t left, struct wire_svcb *out)
{
    int last = -1;

    for (unsigned count = 0; left > 0; count++) {
        if (left < 4 || count >= WIRE_SVC_PARAMS_MAX) {
            return false;
        }
        const uint16_t key = wire_get16(at);
        const uint16_t len = wire_get16(at + 2);
        const uint8_t *value = at + 4;

        if (key <= last || len > left - 4) {
            return false;
        }
        if (key == KEY_IPV4HINT &&
            !read_hints(value, len, 4, &out->hints4, &out->hints4_count)) {
            return false;
        }
        if (key == KEY_IPV6HINT &&
            !read_hints(value, len, 16, &out->hints6, &out->hints6_count)) {
            return false;
        }
        last = key;
        at += 4u + len;
        left -= 4u + len;
    }
    return true;
}

bool wire_record_svcb(const struct wire_message *message, const struct wire_record *record,
                      struct wire_svcb *out)
{
    const size_t end = record->rdata + record->rdata_len;
    size_t at = record->rdata + 2;

    if (record->class != WIRE_IN || (record->type != WIRE_SVCB && record->type != WIRE_HTTPS) ||
        record->rdata_len < 3) {
        return false;
    }
    out->priority = wire_get16(message->octets + record->rdata);
    out->hints4 = out->hints6 = NULL;
    out->hints4_count = out->hints6_count = 0;
    if (wire_name_read(message->octets, end, &at, &out->target) != WIRE_OK ||
        !read_params(message->octets + at, end - at, out)) {
        return false;
    }
    if (out->priority == 0) {
        out->hints4 = out->hints6 = NULL;
        out->hints4_count = out->hints6_count = 0;
    }
    return true;
}
