/*
 * base/copy.h - copies of few octets whose number is not known beforehand: in place, as a call
 * of memcpy() costs more than the copy, and the instruction that a compiler makes of one with a
 * bound ("rep movs") takes its time to begin.
 */
#ifndef CORDON_BASE_COPY_H
#define CORDON_BASE_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* hot. As memcpy(). Pieces overlap rather than loop: nothing else than the len octets is read
 * or written. */
static inline void copy_octets(void *to, const void *from, size_t len)
{
    uint8_t *const into = to;
    const uint8_t *const out_of = from;

    if (len > 16) {
        for (size_t i = 0; i < len - 16; i += 16) {
            memcpy(into + i, out_of + i, 16);
        }
        memcpy(into + len - 16, out_of + len - 16, 16);
    } else if (len >= 8) {
        memcpy(into, out_of, 8);
        memcpy(into + len - 8, out_of + len - 8, 8);
    } else if (len >= 4) {
        memcpy(into, out_of, 4);
        memcpy(into + len - 4, out_of + len - 4, 4);
    } else {
        for (size_t i = 0; i < len; i++) {
            into[i] = out_of[i];
        }
    }
}

#endif
