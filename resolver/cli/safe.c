#include "cli/safe.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

const char *cli_safe(const char *text, char *out, size_t size)
{
    struct text safe;

    text_init(&safe, out, size);
    text_add_printable(&safe, text, strlen(text));
    return out;
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

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t cli_octets(const char *digits, uint8_t *out, size_t size)
{
    const size_t len = strlen(digits) / 2;

    if (strlen(digits) % 2 != 0 || len > size) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        const int high = digit_of(digits[2 * i]);
        const int low = digit_of(digits[2 * i + 1]);

        if (high < 0 || low < 0) {
            return 0;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return len;
}
