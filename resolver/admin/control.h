/*
 * admin/control.h - the control socket: one line in, one document out.
 *
 * A unix stream socket in a folder of its own, mode 0660; the peer must be root, the daemon's
 * user or in the socket's group (SO_PEERCRED). The client sends "cordon/1 COMMAND\n" or
 * "cordon/1 COMMAND {JSON object of arguments}\n" (at most 4,096 octets) and reads one JSON
 * document until the end. Runs on the housekeeping loop, never on a worker.
 */
#ifndef CORDON_ADMIN_CONTROL_H
#define CORDON_ADMIN_CONTROL_H

#include "admin/request.h"
#include "base/text.h"

#include <sys/types.h>
#include <uv.h>

struct control;        /* opaque */
struct control_client; /* one request; opaque */

/* Who asks, by the word of the kernel when it connected. */
struct control_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

struct control_handler {
    /* Writes the reply document now, or keeps `client` and calls control_reply() later.
     * True: replied into out. The request is borrowed for the call. */
    bool (*command)(void *context, struct request *request, struct control_client *client,
                    struct text *out);
    void *context;
};

/* Removes a stale socket file (one that nobody answers on), binds, listens. 0 or -errno:
 * -EADDRINUSE if another daemon answers there. */
int control_open(uv_loop_t *loop, const char *path, const struct control_handler *handler,
                 struct control **control);
void control_reply(struct control_client *client, const char *document, size_t len);
/* Valid as long as the client waits for its reply. */
const struct control_peer *control_peer(const struct control_client *client);
/* Writes {"ok":false,"error":words}; true, for a handler to return. */
bool control_refuse(struct text *out, const char *words);
/* The same; words of more than 2 KiB are cut. */
bool control_refuse_words(struct text *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void control_close(struct control *control);

/* For a successor that answers on the same socket. */
/* The descriptor that listens: borrowed until control_close(). */
int control_descriptor(const struct control *control);
/* Listens on a descriptor that is bound to path and listens already: taken over, also on
 * failure. 0 or -errno. */
int control_adopt(uv_loop_t *loop, const char *path, int fd,
                  const struct control_handler *handler, struct control **control);
/* The socket file is the successor's: control_close() leaves it. */
void control_disown(struct control *control);
/* Gives the connection of a client to the caller, as a descriptor without waiting; there is no
 * reply, and the client is gone. -errno: it waits for its reply as before. */
int control_take(struct control_client *client);

/* How long control_ask() waits, from its beginning, for all of the reply. */
struct control_patience {
    unsigned timeout_ms;
    unsigned notice_ms;   /* after this long notice() is called, once; 0: never */
    void (*notice)(void); /* for somebody at a terminal, who wonders */
};

/* For the tool: sends the command ("COMMAND" or "COMMAND {...}"), reads the reply into memory
 * that the caller frees. Asks anew, a few times, when the other side has closed and read
 * nothing of it, as a daemon does that is replaced: what was asked for is done once at most. 0,
 * -errno
 * (-ENOENT, -ECONNREFUSED: no daemon there; -ETIMEDOUT; -EACCES). Blocking. */
int control_ask(const char *path, const char *command, const struct control_patience *patience,
                char **reply, size_t *len);

#endif
