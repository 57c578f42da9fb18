/* The successor's half: asking for sockets, saying "ready", taking connections. */
#include "daemon/takeover.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 1024u /* of the greeting, or of a refusal */
#define MESSAGE_FDS     256u  /* SCM_MAX_FD of the kernel is 253 */

void takeover_init(struct takeover *takeover)
{
    *takeover = (struct takeover){.channel = -1, .control = -1};
}

/* One message: the octets in kinds, as many descriptors in fds. Returns their number; 0: the
 * end; -errno. Closes what has no partner. */
static int receive(int channel, int flags, char kinds[MESSAGE_FDS], int fds[MESSAGE_FDS])
{
    union {
        size_t alignment; /* that of struct cmsghdr */
        uint8_t octets[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
    } control;
    struct iovec octets = {kinds, MESSAGE_FDS};
    struct msghdr message = {.msg_iov = &octets,
                             .msg_iovlen = 1,
                             .msg_control = control.octets,
                             .msg_controllen = sizeof(control.octets)};
    size_t count = 0;

    const ssize_t got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC | flags);
    if (got <= 0) {
        return got == 0 ? 0 : -errno;
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            const size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds + count, CMSG_DATA(c), here * sizeof(int));
            count += here;
        }
    }
    if (count == (size_t)got && (message.msg_flags & MSG_CTRUNC) == 0) {
        return (int)count;
    }
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
    return (message.msg_flags & MSG_CTRUNC) != 0 ? -EMFILE : -EPROTO;
}

/* Up to a newline, which is left out; the descriptors begin behind it. 0 or -errno. */
static int read_line(int channel, char line[LINE_MAX_OCTETS])
{
    for (size_t len = 0; len < LINE_MAX_OCTETS - 1; len++) {
        const ssize_t got = recv(channel, line + len, 1, 0);

        if (got < 0) {
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        }
        if (got == 0 || line[len] == '\n') {
            line[len] = '\0';
            return len == 0 ? -ECONNRESET : 0;
        }
    }
    return -EMSGSIZE;
}

static int connect_to(const char *path, int *channel)
{
    const struct timeval patience = {.tv_sec = DAEMON_TAKEOVER_ASK_MS / 1000};
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        const int error = errno;
        close(fd);
        return -error;
    }
    *channel = fd;
    return 0;
}

/* Sockets to come, and who gives them. 0 or -errno after a message. */
static int greet(struct takeover *takeover, unsigned *sockets, FILE *err)
{
    char ask[64];
    char line[LINE_MAX_OCTETS];
    unsigned protocol = 0;
    char version[64];

    const int len =
        snprintf(ask, sizeof(ask), "cordon/1 takeover {\"protocol\":%u}\n", TAKEOVER_PROTOCOL);
    int rc = send(takeover->channel, ask, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -EPIPE;
    rc = rc != 0 ? rc : read_line(takeover->channel, line);
    if (rc != 0) {
        fprintf(err,
                "error: the running cordond does not answer (%s): it goes on, this one ends\n",
                cordon_strerror(rc));
        return rc;
    }
    if (sscanf(line, "cordon-takeover %u %ld %u %63s", &protocol, &takeover->pid, sockets,
               version) != 4 ||
        protocol != TAKEOVER_PROTOCOL || *sockets > DAEMON_TAKEOVER_SOCKETS_MAX) {
        fprintf(err, "error: the running cordond does not hand over, and goes on: %s\n", line);
        return -EPROTO;
    }
    log_write(LOG_LEVEL_INFO, "process %ld (cordond %s) hands over to this one", takeover->pid,
              version);
    return 0;
}

static int take_sockets(struct takeover *takeover, unsigned sockets, struct activation *passed,
                        FILE *err)
{
    char kinds[MESSAGE_FDS];
    int fds[MESSAGE_FDS];
    int rc = 0;

    while (rc == 0 && sockets > 0) {
        const int count = receive(takeover->channel, 0, kinds, fds);
        if (count <= 0) {
            return count == 0 ? -ECONNRESET : count;
        }
        for (int i = 0; i < count; i++) {
            if (kinds[i] == 'c' && takeover->control < 0) {
                takeover->control = fds[i];
            } else if (rc == 0) {
                rc = activation_add(passed, fds[i], err);
            } else {
                close(fds[i]);
            }
        }
        sockets -= (unsigned)count < sockets ? (unsigned)count : sockets;
    }
    return rc;
}

int takeover_ask(struct takeover *takeover, const char *control_path, struct activation *passed,
                 FILE *err)
{
    unsigned sockets = 0;

    if (control_path == NULL) {
        fprintf(err, "error: --replace needs control.socket: over it the running cordond hands "
                     "over\n");
        return -EINVAL;
    }
    takeover->began_us = clock_read().mono_us;
    int rc = connect_to(control_path, &takeover->channel);
    if (rc == -ENOENT || rc == -ECONNREFUSED) {
        log_write(LOG_LEVEL_INFO, "no cordond answers on %s: there is nothing to take over",
                  control_path);
        return -ENOENT;
    }
    if (rc != 0) {
        fprintf(err, "error: the running cordond cannot be asked on %s: %s\n", control_path,
                cordon_strerror(rc));
        return rc;
    }
    rc = greet(takeover, &sockets, err);
    if (rc == 0) {
        rc = take_sockets(takeover, sockets, passed, err);
        if (rc != 0) {
            fprintf(err,
                    "error: the sockets of the running cordond did not come (%s): it goes on, "
                    "this one ends\n",
                    cordon_strerror(rc));
        }
    }
    if (rc != 0) {
        takeover_close(takeover);
    }
    return rc;
}

static void finish(struct daemon *daemon)
{
    struct takeover *takeover = &daemon->takeover;

    log_write(LOG_LEVEL_INFO,
              "process %ld has ended; it gave %u connections of clients, over %" PRIu64 " ms",
              takeover->pid, takeover->connections,
              (clock_read().mono_us - takeover->ready_us) / 1000);
    takeover_close(takeover);
    (void)claim_look(&daemon->claim);
    saved_load(daemon);
    /* What was changed there while this one was starting. */
    (void)reload_request(daemon, RELOAD_FILES, NULL);
}

static void on_channel(uv_poll_t *poll, int status, int events)
{
    struct daemon *daemon = poll->data;
    struct takeover *takeover = &daemon->takeover;
    char kinds[MESSAGE_FDS];
    int fds[MESSAGE_FDS] = {-1};

    (void)status;
    (void)events;
    invariant(daemon->magic == DAEMON_MAGIC);
    const int count = receive(takeover->channel, MSG_DONTWAIT, kinds, fds);
    if (count == -EAGAIN || count == -EINTR) {
        return;
    }
    if (count <= 0) {
        finish(daemon);
        return;
    }
    for (int i = 0; i < count; i++) {
        struct worker *worker = daemon->workers[takeover->next_worker++ % daemon->worker_count];
        takeover->connections += worker_give(worker, fds[i]);
    }
}

void takeover_ready(struct daemon *daemon)
{
    static const char ready[] = "ready\n";
    struct takeover *takeover = &daemon->takeover;

    if (takeover->channel < 0) {
        return;
    }
    takeover->ready_us = clock_read().mono_us;
    log_write(LOG_LEVEL_INFO, "took over from process %ld, after %" PRIu64 " ms", takeover->pid,
              (takeover->ready_us - takeover->began_us) / 1000);
    if (uv_poll_init(&daemon->loop, &takeover->poll, takeover->channel) == 0) {
        takeover->polling = true;
        takeover->poll.data = daemon;
        (void)uv_poll_start(&takeover->poll, UV_READABLE, on_channel);
    }
    claim_ready(&daemon->claim);
    /* If it is gone already, that is seen by the poll. */
    (void)send(takeover->channel, ready, sizeof(ready) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void takeover_close(struct takeover *takeover)
{
    if (takeover->polling) {
        takeover->polling = false;
        uv_close((uv_handle_t *)&takeover->poll, NULL);
    }
    if (takeover->channel >= 0) {
        close(takeover->channel);
        takeover->channel = -1;
    }
    if (takeover->control >= 0) {
        close(takeover->control);
        takeover->control = -1;
    }
}
