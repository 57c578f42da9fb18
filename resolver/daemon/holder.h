/*
 * daemon/holder.h - who holds a port that we want: for the message at the start.
 */
#ifndef CORDON_DAEMON_HOLDER_H
#define CORDON_DAEMON_HOLDER_H

#include "base/address.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct holder {
    uint64_t inode; /* of the socket */
    uid_t uid;      /* of the socket's owner */
    bool tcp;
    pid_t pid;              /* 0: a process of another user, which we may not look into */
    char name[64];          /* of the process; "" if pid is 0 */
    struct address address; /* that it is bound to: may be a wildcard */
};

/* Looks through /proc/self/net for a socket that collides with the address, and through /proc
 * for its process. False if there is none. */
bool holder_find(const struct address *address, struct holder *holder);
bool holder_find_tcp(const struct address *address, struct holder *holder); /* TCP alone */

/* For tests: one line of /proc/net/{udp,tcp}{,6}. False if it is not a socket bound to
 * something that collides with the address. */
bool holder_line(const char *line, bool tcp, const struct address *wanted,
                 struct holder *holder);

#endif
