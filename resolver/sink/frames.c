#include "sink/frames.h"

#include "sink/limits.h"

#include <stdbool.h>
#include <string.h>

#define FIELD_CONTENT_TYPE 1u
#define WORD               4u

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
    return at + WORD;
}

void frames_put_head(uint32_t len, uint8_t out[FRAMES_HEAD])
{
    (void)put32(out, len);
}

size_t frames_put_control(enum frames_control control, uint8_t out[FRAMES_CONTROL_MAX])
{
    const uint32_t type_len = sizeof(FRAMES_DNSTAP) - 1;
    const bool names = control == FRAMES_READY || control == FRAMES_START;
    uint8_t *at = put32(out, 0); /* no data frame is empty: what follows is a control frame */

    at = put32(at, names ? 3 * WORD + type_len : WORD);
    at = put32(at, control);
    if (names) {
        at = put32(at, FIELD_CONTENT_TYPE);
        at = put32(at, type_len);
        memcpy(at, FRAMES_DNSTAP, type_len);
        at += type_len;
    }
    return (size_t)(at - out);
}

_Static_assert(5 * WORD + sizeof(FRAMES_DNSTAP) <= FRAMES_CONTROL_MAX,
               "FRAMES_CONTROL_MAX is too small");

/* True if the fields name what travels, or nothing. */
static bool takes_ours(const uint8_t *at, size_t len)
{
    bool named = false;
    bool ours = false;

    while (len > 0) {
        if (len < 2 * WORD || get32(at) != FIELD_CONTENT_TYPE) {
            return false;
        }
        const uint32_t type_len = get32(at + WORD);
        if (type_len > len - 2 * WORD) {
            return false;
        }
        named = true;
        ours = ours || (type_len == sizeof(FRAMES_DNSTAP) - 1 &&
                        memcmp(at + 2 * WORD, FRAMES_DNSTAP, type_len) == 0);
        at += 2 * WORD + type_len;
        len -= 2 * WORD + type_len;
    }
    return !named || ours;
}

enum frames_read frames_read_control(const uint8_t *octets, size_t len,
                                     enum frames_control *control, size_t *used)
{
    if (len >= WORD && get32(octets) != 0) {
        return FRAMES_REFUSED; /* a data frame: readers send none */
    }
    if (len < 2 * WORD) {
        return FRAMES_MORE;
    }
    const uint32_t content = get32(octets + WORD);
    if (content < WORD || content > SINK_CONTROL_MAX) {
        return FRAMES_REFUSED;
    }
    if (len - 2 * WORD < content) {
        return FRAMES_MORE;
    }
    const uint32_t type = get32(octets + 2 * WORD);
    if ((type != FRAMES_ACCEPT && type != FRAMES_FINISH) ||
        (type == FRAMES_ACCEPT && !takes_ours(octets + 3 * WORD, content - WORD))) {
        return FRAMES_REFUSED;
    }
    *control = (enum frames_control)type;
    *used = 2 * WORD + content;
    return FRAMES_CONTROL;
}
