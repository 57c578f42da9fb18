/*
 * daemon/activation.h - sockets that the service manager has opened (sd_listen_fds(3)).
 *
 * The configuration stays the truth: an address of server.listen for which a UDP and a TCP
 * socket were passed uses them, any other is opened by us. A socket that belongs to no address
 * of server.listen, or that has no partner, is refused: questions to it would never be
 * answered.
 */
#ifndef CORDON_DAEMON_ACTIVATION_H
#define CORDON_DAEMON_ACTIVATION_H

#include "net/net.h"

#include <stdio.h>

#define ACTIVATION_MAX (2u * NET_LISTEN_MAX)

struct activation_socket {
    int fd; /* -1: handed on */
    bool tcp;
    struct address address;
};

struct activation {
    struct activation_socket sockets[ACTIVATION_MAX];
    size_t count;
};

/* Takes over what $LISTEN_FDS names if $LISTEN_PID is us; both are removed from the
 * environment. 0, with count 0 if nothing was passed; -errno after a message on err: then
 * nothing is open. */
int activation_take(struct activation *activation, FILE *err);

/* Hands on the pair of an address. 0; -ENOENT: none was passed for it; else -errno after a
 * message. */
int activation_pair(struct activation *activation, const struct address *address,
                    struct net_sockets *sockets, FILE *err);

/* At the end: closes what nobody wanted. 0, or -EINVAL after a message for each. */
int activation_finish(struct activation *activation, FILE *err);

#endif
