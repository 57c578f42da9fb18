/* cache/saved_inside.h - the lengths of format 1 (saved.h). Private to the room. */
#ifndef CORDON_CACHE_SAVED_INSIDE_H
#define CORDON_CACHE_SAVED_INSIDE_H

#include "cache/saved.h"

#define SAVED_KIND         "cordon-cache "
#define SAVED_KIND_OCTETS  13u
#define SAVED_MAGIC        "cordon-cache 1\n" /* and its terminator */
#define SAVED_MAGIC_OCTETS 16u
#define SAVED_HEAD_OCTETS  (SAVED_MAGIC_OCTETS + 8u + DIGEST_OCTETS)
#define SAVED_ROW_OCTETS   13u /* before the name */
#define SAVED_TAIL_OCTETS  (1u + 8u + DIGEST_OCTETS)

enum saved_flag {
    SAVED_DNSSEC_OK = 1,
    SAVED_CHECKING_DISABLED = 2,
    SAVED_PROVEN = 4,
    SAVED_FLAGS = 7
};

_Static_assert(sizeof(SAVED_MAGIC) == SAVED_MAGIC_OCTETS, "as the format says");

#endif
