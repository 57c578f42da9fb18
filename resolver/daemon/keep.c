/*
 * Sockets that outlive this process: the manager stores them for the next one.
 *
 * The listening ones from the start, so that a crash loses no question that the kernel has
 * queued; connections of clients at the end, when nothing is owed on them. Those of a socket
 * unit are the manager's anyway.
 */
#include "daemon/notify.h"
#include "daemon/start.h"
#include "daemon/state.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int keep_note(struct daemon *daemon, struct start_sockets *sockets)
{
    const size_t pairs = sockets->workers * sockets->slots;

    daemon->sockets = malloc(2 * pairs * sizeof(*daemon->sockets));
    if (daemon->sockets == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < pairs; i++) {
        daemon->sockets[daemon->socket_count++] = sockets->pairs[i].udp;
        daemon->sockets[daemon->socket_count++] = sockets->pairs[i].tcp;
    }
    daemon->sockets_kept = sockets->kept;
    daemon->sockets_forget = sockets->forget;
    daemon->connections = sockets->connections;
    daemon->connection_count = sockets->connection_count;
    sockets->connections = NULL;
    sockets->connection_count = 0;
    return 0;
}

void keep_started(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->connection_count; i++) {
        (void)worker_give(daemon->workers[i % daemon->worker_count], daemon->connections[i]);
    }
    daemon->connection_count = 0;
    if (!notify_is_managed()) {
        return;
    }
    notify_forget(ACTIVATION_STORED_CLIENT);
    if (daemon->sockets_forget) {
        notify_forget(ACTIVATION_STORED_LISTEN);
    }
    if (!daemon->sockets_kept) {
        notify_store(daemon->sockets, daemon->socket_count, ACTIVATION_STORED_LISTEN, false);
    }
}

static void store(void *context, int fd)
{
    (void)context;
    notify_store(&fd, 1, ACTIVATION_STORED_CLIENT, true);
    close(fd);
}

bool keep_leave(struct daemon *daemon, struct worker_leave *leave)
{
    if (daemon->successor.is_ready) {
        *leave = (struct worker_leave){successor_give, &daemon->successor, DAEMON_LEAVE_MS};
        return true;
    }
    *leave = (struct worker_leave){store, NULL, DAEMON_DRAIN_MS};
    return notify_is_managed() || daemon->sockets_kept;
}

void keep_deinit(struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->connection_count; i++) {
        close(daemon->connections[i]);
    }
    free(daemon->connections);
    free(daemon->sockets);
}
