/*
 * The server half of the control socket.
 *
 * Happy path: accept -> check the peer -> read one line -> command -> write the document ->
 * close. Failures: a peer without the right, a line that is too long or unknown -> a document
 * that says so, and what the client has sent beyond it is read away, since a close would reset
 * the connection and the document with it; a client that is silent or does not read for
 * CONTROL_PATIENCE_MS -> closed; a client that goes away while its command is at work -> the
 * reply is thrown away.
 */
#include "admin/control.h"

#include "admin/listen.h"
#include "base/invariant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTROL_MAGIC        0x636f6e74u
#define CLIENT_MAGIC         0x636c6e74u
#define CONTROL_BACKLOG      16
#define CONTROL_GROUPS_MAX   1024 /* supplementary groups of a peer that are looked at */
#define CONTROL_OPEN_HANDLES 2    /* of a client: its pipe and its timer */

static const char greeting[] = "cordon/1 ";

struct control {
    uint32_t magic;
    uv_pipe_t listener;
    struct control_handler handler;
    struct control_client *clients; /* list */
    unsigned client_count;
    bool waiting; /* a connection waits for a place among the clients */
    bool closing;
    char *path;
    dev_t device; /* of the socket file, so that only our own is removed */
    ino_t inode;
};

struct control_client {
    uint32_t magic;
    struct control *control;
    struct control_client *next, *prev;
    struct control_peer peer;
    uv_pipe_t pipe;
    uv_timer_t patience;
    uv_write_t write;
    uv_shutdown_t shutdown;
    char *document; /* being written */
    size_t unsent;  /* when patience was last granted */
    unsigned open_handles;
    bool closing;
    bool draining; /* refused before its line had an end: what comes is thrown away */
    size_t len;
    char line[REQUEST_LINE_MAX];
};

static void accept_next(struct control *control);

static void control_free_if_done(struct control *control)
{
    if (control->closing && control->clients == NULL && control->listener.data == NULL) {
        free(control->path);
        control->magic = 0;
        free(control);
    }
}

static void on_client_handle_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    struct control *control = client->control;

    invariant(client->magic == CLIENT_MAGIC);
    if (--client->open_handles > 0) {
        return;
    }
    if (client->next != NULL) {
        client->next->prev = client->prev;
    }
    if (client->prev != NULL) {
        client->prev->next = client->next;
    } else {
        control->clients = client->next;
    }
    control->client_count--;
    client->magic = 0;
    free(client->document);
    free(client);
    if (control->waiting && !control->closing) {
        control->waiting = false;
        accept_next(control);
    }
    control_free_if_done(control);
}

static void client_close(struct control_client *client)
{
    if (client->closing) {
        return;
    }
    client->closing = true;
    uv_close((uv_handle_t *)&client->patience, on_client_handle_closed);
    uv_close((uv_handle_t *)&client->pipe, on_client_handle_closed);
}

static void on_patience(uv_timer_t *timer)
{
    struct control_client *client = timer->data;
    const size_t unsent = uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe);

    invariant(client->magic == CLIENT_MAGIC);
    if (unsent > 0 && unsent < client->unsent) { /* it does read, only slowly */
        client->unsent = unsent;
        uv_timer_start(timer, on_patience, CONTROL_PATIENCE_MS, 0);
        return;
    }
    client_close(client);
}

static void on_written(uv_write_t *write, int status)
{
    struct control_client *client = write->data;

    /* A client that went away loses its answer and nothing else. One that is drained is told
     * by the end of our half that this was all, and closed when its own half ends. */
    if (status != 0 || !client->draining ||
        uv_shutdown(&client->shutdown, (uv_stream_t *)&client->pipe, NULL) != 0) {
        client_close(client);
    }
}

void control_reply(struct control_client *client, const char *document, size_t len)
{
    invariant(client->magic == CLIENT_MAGIC && client->document == NULL);
    if (client->closing) {
        return;
    }
    client->document = malloc(len + 1);
    if (client->document == NULL) {
        client_close(client);
        return;
    }
    memcpy(client->document, document, len);
    client->document[len] = '\n';
    const uv_buf_t buffer = uv_buf_init(client->document, (unsigned)(len + 1));
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buffer, 1, on_written) != 0) {
        client_close(client);
        return;
    }
    client->unsent = uv_stream_get_write_queue_size((uv_stream_t *)&client->pipe);
    uv_timer_start(&client->patience, on_patience, CONTROL_PATIENCE_MS, 0);
}

const struct control_peer *control_peer(const struct control_client *client)
{
    invariant(client->magic == CLIENT_MAGIC);
    return &client->peer;
}

bool control_refuse(struct text *out, const char *words)
{
    json_object_begin(out, NULL);
    json_bool(out, "ok", false);
    json_string(out, "error", words);
    json_object_end(out);
    return true;
}

bool control_refuse_words(struct text *out, const char *format, ...)
{
    char words[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments); /* rather cut than lost */
    va_end(arguments);
    return control_refuse(out, words);
}

static void reply_error(struct control_client *client, const char *message)
{
    char buffer[6 * REQUEST_FAULT_MAX + 64]; /* each octet escaped */
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    control_refuse(&text, message);
    control_reply(client, text.at, text.len);
}

/* Refuses while more of the line may come. No longer than the patience with any client: what
 * it goes on sending then is its own loss. */
static void refuse_early(struct control_client *client, const char *message)
{
    client->draining = true;
    client->len = 0;
    reply_error(client, message);
}

/* Hands the finished line to the handler. */
static void run_command(struct control_client *client)
{
    const struct control_handler *handler = &client->control->handler;
    const size_t prefix = sizeof(greeting) - 1;
    char fault[REQUEST_FAULT_MAX];
    struct text out;

    uv_read_stop((uv_stream_t *)&client->pipe);
    uv_timer_stop(&client->patience); /* a command takes the time that it takes */
    if (strncmp(client->line, greeting, prefix) != 0) {
        reply_error(client, "expected a line \"cordon/1 COMMAND\"");
        return;
    }
    const char *line = client->line + prefix;
    struct request *request = request_read(line, strlen(line), fault);
    if (request == NULL) {
        reply_error(client, fault);
        return;
    }
    char *memory = malloc(CONTROL_REPLY_MAX); /* touched only as far as it is written */
    if (memory == NULL) {
        request_free(request);
        reply_error(client, "out of memory");
        return;
    }
    text_init(&out, memory, CONTROL_REPLY_MAX);
    if (handler->command(handler->context, request, client, &out)) {
        if (out.overflow) {
            reply_error(client, "the reply is larger than the limit");
        } else {
            control_reply(client, out.at, out.len);
        }
    }
    request_free(request);
    free(memory);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct control_client *client = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(client->line + client->len,
                          (unsigned)(sizeof(client->line) - 1 - client->len));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct control_client *client = stream->data;

    (void)buffer;
    invariant(client->magic == CLIENT_MAGIC);
    if (got == UV_ENOBUFS) { /* the line fills the buffer and has no end */
        refuse_early(client, "the line is longer than 4096 octets");
        return;
    }
    if (got < 0) {
        client_close(client);
        return;
    }
    if (client->draining) {
        return;
    }
    client->len += (size_t)got;
    client->line[client->len] = '\0';
    char *end = memchr(client->line, '\n', client->len);
    if (end == NULL) {
        return;
    }
    *end = '\0';
    if (strlen(client->line) != (size_t)(end - client->line)) {
        refuse_early(client, "the line has a zero octet");
        return;
    }
    run_command(client);
}

/* The kernel has already asked for write permission on the socket file; this also holds where
 * somebody has loosened the mode of the file. */
static bool peer_may(const struct control *control, int fd, struct control_peer *who)
{
    struct ucred peer;
    struct stat status;
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return false;
    }
    *who = (struct control_peer){.uid = peer.uid, .gid = peer.gid, .pid = peer.pid};
    if (peer.uid == 0 || peer.uid == geteuid()) {
        return true;
    }
    if (stat(control->path, &status) != 0) {
        return false;
    }
    if (peer.gid == status.st_gid) {
        return true;
    }
    gid_t groups[CONTROL_GROUPS_MAX];
    len = sizeof(groups);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0) {
        return false;
    }
    for (size_t i = 0; i < len / sizeof(gid_t); i++) {
        if (groups[i] == status.st_gid) {
            return true;
        }
    }
    return false;
}

static struct control_client *client_create(struct control *control)
{
    struct control_client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        return NULL;
    }
    client->magic = CLIENT_MAGIC;
    client->control = control;
    client->open_handles = CONTROL_OPEN_HANDLES;
    uv_pipe_init(control->listener.loop, &client->pipe, 0);
    uv_timer_init(control->listener.loop, &client->patience);
    client->pipe.data = client;
    client->patience.data = client;
    client->next = control->clients;
    if (client->next != NULL) {
        client->next->prev = client;
    }
    control->clients = client;
    control->client_count++;
    return client;
}

static void accept_next(struct control *control)
{
    uv_os_fd_t fd = -1;

    if (control->client_count >= CONTROL_CLIENTS_MAX) {
        control->waiting = true; /* libuv does not accept more until this one is taken */
        return;
    }
    struct control_client *client = client_create(control);
    if (client == NULL) {
        control->waiting = true; /* tried again when a client leaves */
        return;
    }
    if (uv_accept((uv_stream_t *)&control->listener, (uv_stream_t *)&client->pipe) != 0 ||
        uv_fileno((uv_handle_t *)&client->pipe, &fd) != 0) {
        client_close(client);
        return;
    }
    uv_timer_start(&client->patience, on_patience, CONTROL_PATIENCE_MS, 0);
    if (uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) != 0) {
        client_close(client);
        return;
    }
    if (!peer_may(control, fd, &client->peer)) {
        refuse_early(client, "only root, the daemon's user and the socket's group may ask");
    }
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct control *control = stream->data;

    invariant(control->magic == CONTROL_MAGIC);
    if (status == 0) {
        accept_next(control);
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct control *control = handle->data;

    handle->data = NULL;
    control_free_if_done(control);
}

/* Gives the descriptor to libuv and listens. On failure the descriptor is closed. */
static int listen_on(uv_loop_t *loop, struct control *control, int fd)
{
    struct stat status;

    if (stat(control->path, &status) == 0) {
        control->device = status.st_dev;
        control->inode = status.st_ino;
    }
    uv_pipe_init(loop, &control->listener, 0);
    control->listener.data = control;
    int rc = uv_pipe_open(&control->listener, fd);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    rc = uv_listen((uv_stream_t *)&control->listener, CONTROL_BACKLOG, on_connection);
    return rc;
}

/* Listens on a bound socket, which is taken over. */
static int make_control(uv_loop_t *loop, const char *path, int fd,
                        const struct control_handler *handler, struct control **out)
{
    struct control *control = calloc(1, sizeof(*control));
    char *copy = strdup(path);

    if (control == NULL || copy == NULL) {
        free(control);
        free(copy);
        close(fd);
        return -ENOMEM;
    }
    control->magic = CONTROL_MAGIC;
    control->handler = *handler;
    control->path = copy;
    const int rc = listen_on(loop, control, fd);
    if (rc != 0) {
        control_close(control);
        return rc;
    }
    *out = control;
    return 0;
}

int control_open(uv_loop_t *loop, const char *path, const struct control_handler *handler,
                 struct control **out)
{
    int fd = -1;
    const int rc = listen_unix(path, false, &fd);

    return rc != 0 ? rc : make_control(loop, path, fd, handler, out);
}

int control_adopt(uv_loop_t *loop, const char *path, int fd,
                  const struct control_handler *handler, struct control **out)
{
    return make_control(loop, path, fd, handler, out);
}

int control_descriptor(const struct control *control)
{
    uv_os_fd_t fd = -1;

    return uv_fileno((const uv_handle_t *)&control->listener, &fd) == 0 ? fd : -EBADF;
}

void control_disown(struct control *control)
{
    control->device = 0;
    control->inode = 0;
}

int control_take(struct control_client *client)
{
    uv_os_fd_t fd = -1;

    invariant(client->magic == CLIENT_MAGIC);
    if (client->closing || uv_fileno((uv_handle_t *)&client->pipe, &fd) != 0) {
        return -EBADF;
    }
    const int taken = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (taken < 0) {
        return -errno;
    }
    client_close(client);
    return taken;
}

void control_close(struct control *control)
{
    struct stat status;

    if (control == NULL || control->closing) {
        return;
    }
    invariant(control->magic == CONTROL_MAGIC);
    control->closing = true;
    if (lstat(control->path, &status) == 0 && status.st_dev == control->device &&
        status.st_ino == control->inode) {
        unlink(control->path);
    }
    for (struct control_client *client = control->clients; client != NULL;
         client = client->next) {
        client_close(client);
    }
    uv_close((uv_handle_t *)&control->listener, on_listener_closed);
}
