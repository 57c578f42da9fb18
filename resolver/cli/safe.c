#include "cli/safe.h"

#include "base/digest.h"
#include "base/text.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

const char *cli_safe(const char *text, char *out, size_t size)
{
    struct text safe;

    text_init(&safe, out, size);
    text_add_printable(&safe, text, strlen(text));
    return out;
}

void cli_safe_words(struct text *out, const char *octets, size_t len)
{
    const uint8_t *at = (const uint8_t *)octets;

    for (size_t used = 0; len > 0 && !out->overflow; at += used, len -= used) {
        uint32_t point = 0;

        used = utf8_point(at, len, &point);
        if (used == 0) {
            used = 1;
            text_printf(out, "\\x%02x", (unsigned)*at);
        } else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || utf8_is_hidden(point)) {
            text_printf(out, "\\u%04x", (unsigned)point);
        } else {
            text_add_octets(out, (const char *)at, used);
        }
    }
}

const char *cli_micros(uint64_t us, char out[24])
{
    if (us < 1000) {
        snprintf(out, 24, "%llu us", (unsigned long long)us);
    } else if (us < 100000) {
        snprintf(out, 24, "%.1f ms", (double)us / 1e3);
    } else if (us < 10000000) {
        snprintf(out, 24, "%.0f ms", (double)us / 1e3);
    } else {
        snprintf(out, 24, "%.0f s", (double)us / 1e6);
    }
    return out;
}

size_t cli_octets(const char *digits, uint8_t *out, size_t size)
{
    const size_t len = strlen(digits) / 2;

    return strlen(digits) % 2 == 0 && len <= size && digest_unhex(digits, len, out) ? len : 0;
}
