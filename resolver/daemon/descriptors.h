/*
 * daemon/descriptors.h - how the open files that the system grants are shared out.
 *
 * Clients over TCP can take as many descriptors as they are given; sockets to upstreams, of
 * which each question needs one, must not go short because of that. So both are bounded at the
 * start, by what RLIMIT_NOFILE leaves.
 */
#ifndef CORDON_DAEMON_DESCRIPTORS_H
#define CORDON_DAEMON_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct descriptors {
    uint64_t limit;            /* open files, of the whole process */
    uint64_t least;            /* with fewer there is no start */
    uint64_t all;              /* with so many nothing is reduced */
    unsigned tcp_clients;      /* connections of clients, per worker */
    unsigned upstream_sockets; /* UDP and TCP, per worker */
    bool reduced;
};

/* Shares out limit among the workers, which listen on so many addresses each. False: it is
 * below least; limit, least and all are filled in. */
bool descriptors_share(uint64_t limit, unsigned workers, size_t addresses,
                       struct descriptors *out);

/* The same with the limit that is in force, and says on standard error if anything is reduced
 * or if this is too little. 0; -EMFILE: too little. */
int descriptors_plan(unsigned workers, size_t addresses, struct descriptors *out);

#endif
