/* The root of a block's tree as docs/audit-log.md defines it, node by node. */
#ifndef CORDON_TESTS_AUDIT_EVENTS_ROOT_H
#define CORDON_TESTS_AUDIT_EVENTS_ROOT_H

#include "base/digest.h"

#include <string.h>

/* leaves (count > 0 of them) is overwritten. */
static inline void events_root(uint8_t (*leaves)[DIGEST_OCTETS], size_t count,
                               uint8_t root[DIGEST_OCTETS])
{
    while (count > 1) {
        size_t nodes = 0;

        for (size_t at = 0; at < count; at += 16) {
            const size_t children = count - at < 16 ? count - at : 16;
            uint8_t data[1 + 16 * DIGEST_OCTETS] = {1};

            memcpy(data + 1, leaves[at], children * DIGEST_OCTETS);
            digest_of(data, 1 + children * DIGEST_OCTETS, NULL, leaves[nodes++]);
        }
        count = nodes;
    }
    memcpy(root, leaves[0], DIGEST_OCTETS);
}

#endif
