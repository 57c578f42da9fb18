/*
 * admin/listen.h - listening sockets for operators and their programs.
 */
#ifndef CORDON_ADMIN_LISTEN_H
#define CORDON_ADMIN_LISTEN_H

#include "base/address.h"

#include <stdbool.h>

/* A unix stream socket, mode 0660 from its first moment, bound and not yet listening; a socket
 * file that nobody answers on is removed first. replace: one that somebody answers on is, too;
 * he keeps his socket, without the name. 0 and a descriptor that is the caller's; -errno:
 * -EADDRINUSE if somebody answers there, -ENOTSOCK if another kind of file is in the way. */
int listen_unix(const char *path, bool replace, int *fd);

/* A TCP socket, bound and listening. share: beside a process of the same user that has opened
 * it by this function too, and will end soon; else -EADDRINUSE if anybody has it. 0 or -errno.
 */
int listen_tcp(const struct address *address, bool share, int *fd);

#endif
