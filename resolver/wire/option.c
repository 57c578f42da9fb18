#include "wire/option.h"

#include "wire/limits.h"
#include "wire/type.h"

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
