/*
 * admin/control.h - the control socket: one line in, one document out.
 *
 * A unix stream socket in a folder of its own, mode 0660; the peer must be root, the daemon's
 * user or in the socket's group (SO_PEERCRED). The client sends "cordon/1 COMMAND\n" (at most
 * 4,096 octets) and reads one JSON document until the end. Runs on the housekeeping loop, never
 * on a worker.
 */
#ifndef CORDON_ADMIN_CONTROL_H
#define CORDON_ADMIN_CONTROL_H

#include "base/text.h"

#include <uv.h>

#define CONTROL_LINE_MAX    4096u
#define CONTROL_REPLY_MAX   (4u << 20)
#define CONTROL_CLIENTS_MAX 16u   /* at once; more wait in the backlog */
#define CONTROL_PATIENCE_MS 5000u /* for a client that sends or reads nothing */

struct control;        /* opaque */
struct control_client; /* one request; opaque */

struct control_handler {
    /* Writes the reply document now, or keeps `client` and calls control_reply() later.
     * True: replied into out. */
    bool (*command)(void *context, const char *command, struct control_client *client,
                    struct text *out);
    void *context;
};

/* Removes a stale socket file (one that nobody answers on), binds, listens. 0 or -errno:
 * -EADDRINUSE if another daemon answers there. */
int control_open(uv_loop_t *loop, const char *path, const struct control_handler *handler,
                 struct control **control);
void control_reply(struct control_client *client, const char *document, size_t len);
void control_close(struct control *control);

/* For the tool: sends the command, reads the reply into memory that the caller frees. 0, -errno
 * (-ENOENT, -ECONNREFUSED: no daemon there; -ETIMEDOUT; -EACCES). Blocking. */
int control_ask(const char *path, const char *command, unsigned timeout_ms, char **reply,
                size_t *len);

#endif
