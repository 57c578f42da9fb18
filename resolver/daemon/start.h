/*
 * daemon/start.h - what is done once, before the first question: folders, ports, rights.
 *
 * Every function says on standard error what went wrong and what to do.
 */
#ifndef CORDON_DAEMON_START_H
#define CORDON_DAEMON_START_H

#include "config/config.h"
#include "daemon/activation.h"
#include "net/net.h"

/* Ignores SIGPIPE, has SIGHUP wait, sets umask 027, raises the limit of descriptors, sets
 * no_new_privs. */
void start_process(void);
/* SIGHUP, which waits since then, may come: somebody handles it. */
void start_take_hangups(void);

/* Workers for the configured number: 0 means one per processor that we may run on. */
unsigned start_worker_count(unsigned configured);

/* Makes the folders of state, control socket and events where they are missing, owned by the
 * configured user if there is one and we are root. 0 or -errno. */
int start_folders(const struct config *config);

/* Removes what processes that were killed have left half written in state.directory. */
void start_remove_unfinished(const struct config *config);

/*
 * The listening sockets of all workers. Each worker has the same number of pairs, one for each
 * listen address, or more of them where an earlier life had more workers: none of its sockets
 * may be closed as long as the kernel queues questions to it.
 */
struct start_sockets {
    struct address listen[NET_LISTEN_MAX]; /* that were opened */
    size_t count;
    bool passed[NET_LISTEN_MAX]; /* by somebody else: see activation.h */
    unsigned workers;
    size_t slots;                        /* pairs of each worker */
    struct address slot[NET_LISTEN_MAX]; /* the address of each */
    struct net_sockets *pairs;           /* worker w, slot s: pairs[w * slots + s] */
    int *connections;                    /* of clients, of the life before */
    size_t connection_count;
    bool kept;   /* the manager keeps all of them: they came from its unit */
    bool forget; /* the manager stores some that are not used any more */
};

/*
 * Opens a pair of sockets of each address for each worker, or takes it from passed, which is
 * emptied: what passed has is shared out, and where there is less than one for each worker, a
 * further one is opened beside it or, where that cannot be, duplicated. An address of IPv6
 * loopback that this machine does not have is left out with a warning, if another one is left.
 * 0 or -errno: then nothing is open.
 */
int start_sockets_open(const struct config *config, unsigned workers, struct activation *passed,
                       struct start_sockets *sockets);
/* Closes the pairs of the workers from first on (those before have been taken over), the
 * connections that are left, and frees the memory. */
void start_sockets_close(struct start_sockets *sockets, unsigned first);

/* Writes what to do about a listen address that cannot be opened, several lines. For tests. */
void start_explain_port(FILE *out, const struct address *address, int error);

/* Becomes the configured user, for good. 0 or -errno, after a message. user NULL: nothing
 * happens. Who is not root stays who he is, with a line in the log; root that cannot is an
 * error, as the operator has asked for less. */
int start_drop_rights(const char *user);

#endif
