#include "wire/option.h"

#include "wire/limits.h"
#include "wire/type.h"

#include <string.h>

#define OPTION_HEAD_OCTETS 4u /* code and length */
#define OPT_LENGTH_AT      9u /* RDLENGTH in a record whose owner is the root */

int wire_option_next(struct wire_options *options, struct wire_option *out)
{
    if (options->left == 0) {
        return 0;
    }
    if (options->left < 4 || options->count >= WIRE_OPTIONS_MAX) {
        return -1;
    }
    const uint16_t len = wire_get16(options->at + 2);

    if (len > options->left - 4) {
        return -1;
    }
    out->code = wire_get16(options->at);
    out->len = len;
    out->data = options->at + 4;
    options->at += 4u + len;
    options->left -= 4u + len;
    options->count++;
    return 1;
}

size_t wire_option_add(uint8_t *octets, size_t size, size_t len, size_t opt, uint16_t code,
                       const uint8_t *data, size_t data_len)
{
    const size_t rdata = opt + WIRE_OPT_BARE_OCTETS;
    const size_t more = OPTION_HEAD_OCTETS + data_len;

    if (len < rdata || len > size || data_len > UINT16_MAX || more > size - len ||
        len + more - rdata > UINT16_MAX) {
        return 0;
    }
    wire_put16(octets + len, code);
    wire_put16(octets + len + 2, (uint16_t)data_len);
    if (data != NULL) {
        memcpy(octets + len + OPTION_HEAD_OCTETS, data, data_len);
    } else {
        memset(octets + len + OPTION_HEAD_OCTETS, 0, data_len);
    }
    wire_put16(octets + opt + OPT_LENGTH_AT, (uint16_t)(len + more - rdata));
    return len + more;
}

size_t wire_option_pad(uint8_t *octets, size_t size, size_t len, size_t opt, size_t block)
{
    const size_t over = (len + OPTION_HEAD_OCTETS) % block;

    return wire_option_add(octets, size, len, opt, WIRE_OPTION_PADDING, NULL,
                           over == 0 ? 0 : block - over);
}
