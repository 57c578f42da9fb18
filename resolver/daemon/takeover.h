/*
 * daemon/takeover.h - a new cordond takes the place of one that runs, and no question is lost.
 *
 * The sockets themselves change hands, so nothing that the kernel has queued for them is ever
 * dropped. Over a connection to the control socket of the one that runs (the predecessor):
 *
 *   successor    cordon/1 takeover {"protocol":1}
 *   predecessor  "cordon-takeover 1 PID SOCKETS VERSION\n", then messages of one octet for each
 *                descriptor with the descriptors beside them (SCM_RIGHTS): the control socket,
 *                then the listening sockets
 *   both serve from the same sockets; the successor verifies its lists, starts its workers
 *   successor    "ready\n"
 *   predecessor  reads nothing more, answers what it has read, gives each connection of a
 * client away when nothing is owed on it (messages as above), ends with status 0
 *
 * Until "ready" nothing has changed: whatever becomes of the successor, the predecessor goes
 * on. From "ready" on the successor serves, whatever becomes of the predecessor.
 */
#ifndef CORDON_DAEMON_TAKEOVER_H
#define CORDON_DAEMON_TAKEOVER_H

#include "admin/control.h"
#include "daemon/activation.h"

#define TAKEOVER_PROTOCOL 1u

struct daemon;

/* ---- the successor ---- */

struct takeover {
    int channel; /* to the predecessor; -1: there is none */
    int control; /* its control socket, which listens; -1: taken over by somebody */
    long pid;    /* of the predecessor */
    uint64_t began_us;
    uint64_t ready_us;
    unsigned connections; /* of clients, that it gave */
    unsigned next_worker; /* gets the next one */
    uv_poll_t poll;
    bool polling;
};

void takeover_init(struct takeover *takeover);

/* Asks whoever answers on the control socket for its sockets. 0: they are in passed; -ENOENT:
 * nobody answers there, so that there is nothing to take over; else -errno after a message on
 * err. Blocks for at most DAEMON_TAKEOVER_ASK_MS. */
int takeover_ask(struct takeover *takeover, const char *control_path, struct activation *passed,
                 FILE *err);

/* The workers run: tells the predecessor, and takes what it still gives. Nothing happens
 * without one. */
void takeover_ready(struct daemon *daemon);

/* Gives it up, at any time: the predecessor, if it is not told that we are ready, goes on. */
void takeover_close(struct takeover *takeover);

/* ---- the predecessor ---- */

struct successor {
    int channel; /* -1: there is none */
    pid_t pid;
    uv_poll_t poll;
    bool polling; /* until the handle has closed */
    bool is_ready;
};

void successor_init(struct successor *successor);

/* The command of the control socket; its arguments have not been read. As control_handler. */
bool successor_command(struct daemon *daemon, struct request *request,
                       struct control_client *client, struct text *out);

/* Gives a connection of a client away; owns it from then on. Any thread; context is the struct
 * successor. */
void successor_give(void *context, int fd);

/* The loop is about to end: stops looking at the channel, which stays open. */
void successor_close(struct successor *successor);
/* The workers have ended. */
void successor_deinit(struct successor *successor);

#endif
