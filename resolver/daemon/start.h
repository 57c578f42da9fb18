/*
 * daemon/start.h - what is done once, before the first question: folders, ports, rights.
 *
 * Every function says on standard error what went wrong and what to do.
 */
#ifndef CORDON_DAEMON_START_H
#define CORDON_DAEMON_START_H

#include "config/config.h"
#include "net/net.h"

/* Ignores SIGPIPE, sets umask 027, raises the limit of descriptors, sets no_new_privs. */
void start_process(void);

/* Workers for the configured number: 0 means one per processor that we may run on. */
unsigned start_worker_count(unsigned configured);

/* Makes the folders of state, control socket and events where they are missing, owned by the
 * configured user if there is one and we are root. 0 or -errno. */
int start_folders(const struct config *config);

struct start_sockets {
    struct address listen[NET_LISTEN_MAX]; /* that were opened */
    size_t count;
    bool passed[NET_LISTEN_MAX]; /* by the service manager: workers share one pair */
    unsigned workers;
    struct net_sockets *pairs; /* worker w, address a: pairs[w * count + a] */
};

/*
 * Opens a pair of sockets of each address for each worker, or takes it from the service manager
 * (activation.h): then each worker has duplicates of the same pair. An address of IPv6 loopback
 * that this machine does not have is left out with a warning, if another one is left. 0 or
 * -errno: then nothing is open.
 */
int start_sockets_open(const struct config *config, unsigned workers,
                       struct start_sockets *sockets);
/* Closes the pairs of the workers from first on (those before have been taken over) and frees
 * the memory. */
void start_sockets_close(struct start_sockets *sockets, unsigned first);

/* Writes what to do about a listen address that cannot be opened, several lines. For tests. */
void start_explain_port(FILE *out, const struct address *address, int error);

/* Becomes the configured user, for good. 0 or -errno. user NULL: nothing happens. */
int start_drop_rights(const char *user);

#endif
