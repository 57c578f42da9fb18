/*
 * tests/bench/policy_peers.h - what others keep names in, filled with the same names: to be
 * asked for the longest suffix of a name that is listed.
 */
#ifndef CORDON_BENCH_POLICY_PEERS_H
#define CORDON_BENCH_POLICY_PEERS_H

#include "bench/policy_names.h"
#include "wire/name.h"

struct peer {
    const char *name, *what;
    /* Fills it with names 0 to count - 1. NULL: no memory, no library. */
    void *(*make)(const struct names_source *source, uint64_t count);
    /* Labels of the longest listed suffix, 0 if none. */
    unsigned (*find)(void *peer, const struct wire_name *name);
    void (*free)(void *peer);
    size_t (*octets)(void *peer); /* NULL: what it has allocated */
};

/* Ends with one whose name is NULL. */
const struct peer *peers_all(void);

#endif
