#include "audit/lines.h"

#include "trust/note.h"

#include <string.h>

bool audit_lines_next(struct audit_lines *lines, const char **line, size_t *len)
{
    const char *const newline = lines->left > 0 ? memchr(lines->at, '\n', lines->left) : NULL;

    if (newline == NULL) {
        return false;
    }
    *line = lines->at;
    *len = (size_t)(newline - lines->at);
    lines->left -= *len + 1;
    lines->at = newline + 1;
    return true;
}

bool audit_lines_number(const char *at, size_t len, uint64_t *out)
{
    uint64_t value = 0;

    if (len == 0 || len > 18 || (len > 1 && at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        value = 10 * value + (uint64_t)(at[i] - '0');
    }
    *out = value;
    return true;
}

bool audit_lines_digest(const char *at, size_t len, uint8_t out[DIGEST_OCTETS])
{
    size_t got = 0;

    return trust_base64_decode(at, len, out, DIGEST_OCTETS, &got) && got == DIGEST_OCTETS;
}

void audit_lines_put_digest(struct text *text, const uint8_t digest[DIGEST_OCTETS])
{
    char base64[2 * DIGEST_OCTETS];

    trust_base64_encode(digest, DIGEST_OCTETS, base64, sizeof(base64));
    text_printf(text, "%s\n", base64);
}
