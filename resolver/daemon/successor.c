/* The predecessor's half: giving sockets, waiting for "ready", giving connections. */
#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/notify.h"
#include "daemon/state.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_FDS 128u

void successor_init(struct successor *successor)
{
    *successor = (struct successor){.channel = -1};
}

/* At most MESSAGE_FDS of one kind. 0 or -errno. */
static int send_descriptors(int channel, char kind, const int *fds, size_t count)
{
    union {
        size_t alignment; /* that of struct cmsghdr */
        uint8_t octets[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
    } control = {0};
    char kinds[MESSAGE_FDS];
    struct iovec octets = {kinds, count};
    struct msghdr message = {.msg_iov = &octets,
                             .msg_iovlen = 1,
                             .msg_control = control.octets,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);

    memset(kinds, kind, sizeof(kinds));
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    const ssize_t sent = sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == (ssize_t)count ? 0 : sent < 0 ? -errno : -EIO;
}

static int send_sockets(const struct daemon *daemon, int channel)
{
    const int control = control_descriptor(daemon->control);
    char line[128];

    const int len =
        snprintf(line, sizeof(line), "cordon-takeover %u %ld %zu %s\n", TAKEOVER_PROTOCOL,
                 (long)getpid(), daemon->socket_count + 1, CORDON_VERSION);
    int rc = send(channel, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len ? 0 : -EPIPE;
    rc = rc != 0 ? rc : send_descriptors(channel, 'c', &control, 1);
    for (size_t at = 0; rc == 0 && at < daemon->socket_count; at += MESSAGE_FDS) {
        const size_t left = daemon->socket_count - at;

        rc = send_descriptors(channel, 's', daemon->sockets + at,
                              left < MESSAGE_FDS ? left : MESSAGE_FDS);
    }
    return rc;
}

static void give_up(struct successor *successor)
{
    log_write(LOG_LEVEL_WARNING,
              "process %ld ended before it took over: this one goes on as before",
              (long)successor->pid);
    successor_close(successor);
    successor_deinit(successor);
}

static void on_channel(uv_poll_t *poll, int status, int events)
{
    struct daemon *daemon = poll->data;
    struct successor *successor = &daemon->successor;
    char word[16];

    (void)events;
    invariant(daemon->magic == DAEMON_MAGIC);
    const ssize_t got =
        status < 0 ? 0 : recv(successor->channel, word, sizeof(word), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got != 6 || memcmp(word, "ready\n", 6) != 0) {
        give_up(successor);
        return;
    }
    log_write(LOG_LEVEL_INFO,
              "process %ld has taken over: this one answers what it has read, and ends",
              (long)successor->pid);
    successor->is_ready = true;
    daemon->recording.stop = "another process has taken over";
    daemon->stopping = true;
    control_disown(daemon->control);
    uv_stop(&daemon->loop);
}

static const char *fault(const struct daemon *daemon, const struct control_peer *peer,
                         uint64_t protocol)
{
    if (peer->uid != 0 && peer->uid != geteuid()) {
        return "only root and the daemon's user may take over";
    }
    if (protocol != TAKEOVER_PROTOCOL) {
        return "cordond " CORDON_VERSION " hands over by protocol 1 alone: stop it first, then "
               "start the other";
    }
    if (notify_is_managed()) {
        return "a service manager runs this process and would start it anew: restart it there "
               "(systemctl restart cordond), where the sockets are kept too";
    }
    if (daemon->successor.channel >= 0 || daemon->successor.polling) {
        return "another process is about to take over";
    }
    return NULL;
}

bool successor_command(struct daemon *daemon, struct request *request,
                       struct control_client *client, struct text *out)
{
    struct successor *successor = &daemon->successor;
    const struct control_peer *peer = control_peer(client);
    uint64_t protocol = 0;

    (void)request_number(request, "protocol", 1, UINT32_MAX, &protocol);
    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    const char *why = fault(daemon, peer, protocol);
    if (why != NULL) {
        log_write(LOG_LEVEL_WARNING, "process %ld may not take over: %s", (long)peer->pid, why);
        return control_refuse(out, why);
    }
    staging_note(daemon); /* it reads what is there now */
    const pid_t pid = peer->pid;
    const int channel = control_take(client);
    if (channel < 0) {
        return control_refuse(out, cordon_strerror(channel));
    }
    int rc = send_sockets(daemon, channel);
    rc = rc != 0 ? rc : uv_poll_init(&daemon->loop, &successor->poll, channel);
    if (rc != 0) {
        log_write(LOG_LEVEL_ERROR,
                  "the sockets cannot be handed to process %ld (%s): this one goes on",
                  (long)pid, cordon_strerror(rc));
        close(channel);
        return false; /* the client is gone */
    }
    log_write(LOG_LEVEL_INFO, "process %ld is about to take over", (long)pid);
    successor->channel = channel;
    successor->pid = pid;
    successor->poll.data = daemon;
    successor->polling = true;
    (void)uv_poll_start(&successor->poll, UV_READABLE, on_channel);
    return false;
}

void successor_give(void *context, int fd)
{
    const struct successor *successor = context;
    struct pollfd room = {.fd = successor->channel, .events = POLLOUT};

    if (send_descriptors(successor->channel, 'k', &fd, 1) == -EAGAIN &&
        poll(&room, 1, DAEMON_GIVE_MS) > 0) {
        (void)send_descriptors(successor->channel, 'k', &fd, 1);
    }
    close(fd); /* if it did not go, the client connects anew */
}

static void on_closed(uv_handle_t *handle)
{
    struct daemon *daemon = handle->data;

    daemon->successor.polling = false; /* another one may come */
}

void successor_close(struct successor *successor)
{
    if (successor->polling && !uv_is_closing((uv_handle_t *)&successor->poll)) {
        uv_close((uv_handle_t *)&successor->poll, on_closed);
    }
}

void successor_deinit(struct successor *successor)
{
    if (successor->channel >= 0) {
        close(successor->channel);
        successor->channel = -1;
    }
}
