#include "query/loop.h"

#include "base/invariant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DIGITS 16u

/* Behind the label of the token. */
static const uint8_t below[] = "\x11"
                               "cordon-loop-check"
                               "\x08"
                               "internal";

#define NAME_OCTETS (1 + DIGITS + sizeof(below)) /* sizeof counts the root's zero octet */

void query_loop_name(uint64_t token, struct wire_name *name)
{
    char text[64];

    snprintf(text, sizeof(text), "%016" PRIx64 ".cordon-loop-check.internal", token);
    const enum wire_text_result result = wire_name_from_text(text, strlen(text), name);
    invariant(result == WIRE_TEXT_OK && name->len == NAME_OCTETS);
}

/* Names are lower case. False if these are no digits. */
static bool read_token(const uint8_t *digits, uint64_t *token)
{
    *token = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        const uint8_t digit = digits[i];
        unsigned value = 0;

        if (digit >= '0' && digit <= '9') {
            value = digit - '0';
        } else if (digit >= 'a' && digit <= 'f') {
            value = digit - 'a' + 10u;
        } else {
            return false;
        }
        *token = *token << 4 | value;
    }
    return *token != 0;
}

bool query_loop_is_ours(struct query_loop *loop, const struct wire_name *name)
{
    uint64_t token = 0;

    if (name->len != NAME_OCTETS || name->octets[0] != DIGITS ||
        memcmp(name->octets + 1 + DIGITS, below, sizeof(below)) != 0 ||
        !read_token(name->octets + 1, &token)) {
        return false;
    }
    for (unsigned i = 0; i < QUERY_LOOP_TOKENS; i++) {
        if (atomic_load_explicit(&loop->tokens[i], memory_order_relaxed) == token) {
            atomic_fetch_or(&loop->seen, UINT32_C(1) << i);
            return true;
        }
    }
    return false;
}
