/*
 * daemon/activation.h - sockets that somebody else has opened: a socket unit of the service
 * manager (sd_listen_fds(3)), our own life before, out of the manager's store of descriptors
 * (notify.h), or a cordond that hands over to this one (takeover.h).
 *
 * The configuration stays the truth: an address of server.listen for which a UDP and a TCP
 * socket were passed uses them, any other is opened by us. A socket of a unit that belongs to
 * no address of server.listen, or that has no partner, is refused: questions to it would never
 * be answered. One of an earlier life that is not wanted any more is closed.
 */
#ifndef CORDON_DAEMON_ACTIVATION_H
#define CORDON_DAEMON_ACTIVATION_H

#include "daemon/limits.h"
#include "net/net.h"

#include <stdio.h>

/* What a process can have: both sockets of each address for each worker, and the connections
 * of clients. */
#define ACTIVATION_MAX \
    (DAEMON_WORKERS_MAX * 2u * NET_LISTEN_MAX + DAEMON_WORKERS_MAX * NET_TCP_CONNECTIONS_MAX)

/* Of a socket unit: more are a mistake. */
#define ACTIVATION_UNIT_MAX (2u * NET_LISTEN_MAX)

/* Names under which the manager stores descriptors for us. */
#define ACTIVATION_STORED_LISTEN "cordon.listen"
#define ACTIVATION_STORED_CLIENT "cordon.client"

enum activation_origin {
    ACTIVATION_UNIT,   /* the manager keeps them */
    ACTIVATION_STORED, /* the manager keeps them until it is told otherwise */
    ACTIVATION_HANDED  /* by a predecessor that still runs */
};

enum activation_kind {
    ACTIVATION_UDP,
    ACTIVATION_TCP,       /* it listens */
    ACTIVATION_CONNECTION /* of a client; never from a unit */
};

struct activation_socket {
    int fd; /* -1: handed on */
    enum activation_origin origin;
    enum activation_kind kind;
    struct address address; /* it is bound to */
};

struct activation {
    struct activation_socket *sockets; /* NULL: none */
    size_t count, room;
    unsigned unit, stored, handed; /* listening sockets by origin */
};

/* Takes over what $LISTEN_FDS names if $LISTEN_PID is us; both are removed from the
 * environment. 0, with count 0 if nothing was passed; -errno after a message on err: then
 * nothing is open. */
int activation_take(struct activation *activation, FILE *err);

/* One more, by a predecessor: taken over, also on failure. What is none of the three kinds is
 * closed after a line in the log. 0 or -ENOMEM. */
int activation_add(struct activation *activation, int fd, FILE *err);

/* Hands on a pair of an address; called again, the next one. 0; -ENOENT: none is left for it;
 * else -errno after a message. */
int activation_pair(struct activation *activation, const struct address *address,
                    struct net_sockets *sockets, enum activation_origin *origin, FILE *err);

/* Hands on a connection; -1: none is left. */
int activation_connection(struct activation *activation);

/* At the end: closes what nobody wanted. 0, or -EINVAL after a message for each of a unit.
 * *dropped: sockets of an earlier life that were closed. */
int activation_finish(struct activation *activation, unsigned *dropped, FILE *err);

#endif
