/* The client half of the control socket: blocking, without a loop, for the tool. */
#include "admin/control.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_STEP 65536u /* octets that the reply's memory grows by */

/* Waits until the socket can be used. 0, -ETIMEDOUT, -errno. */
static int wait_for(int fd, short events, uint64_t deadline_us)
{
    struct pollfd ready = {.fd = fd, .events = events};

    for (;;) {
        const uint64_t now_us = clock_read().mono_us;
        const uint64_t left_ms = now_us < deadline_us ? (deadline_us - now_us + 999) / 1000 : 0;
        const int rc = poll(&ready, 1, (int)left_ms);
        if (rc > 0) {
            return 0;
        }
        if (rc == 0) {
            return -ETIMEDOUT;
        }
        if (errno != EINTR) {
            return -errno;
        }
    }
}

static int send_all(int fd, const char *line, size_t len, uint64_t deadline_us)
{
    while (len > 0) {
        const ssize_t sent = send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            line += sent;
            len -= (size_t)sent;
        } else if (errno == EAGAIN) {
            const int rc = wait_for(fd, POLLOUT, deadline_us);
            if (rc != 0) {
                return rc;
            }
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* Reads to the end of the stream. *reply is set in any case and freed by the caller. */
static int read_all(int fd, uint64_t deadline_us, char **reply, size_t *len)
{
    size_t room = 0;

    for (;;) {
        if (room - *len < ASK_STEP / 2) {
            char *larger = realloc(*reply, room + ASK_STEP);
            if (larger == NULL) {
                return -ENOMEM;
            }
            *reply = larger;
            room += ASK_STEP;
        }
        const int rc = wait_for(fd, POLLIN, deadline_us);
        if (rc != 0) {
            return rc;
        }
        ssize_t got = recv(fd, *reply + *len, room - *len - 1, MSG_DONTWAIT);
        if (got < 0 && errno == ECONNRESET && *len > 0) {
            got = 0; /* it has not read our line: it refuses whoever we are */
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
        if (got == 0) {
            (*reply)[*len] = '\0';
            return *len > 0 ? 0 : -ECONNRESET;
        }
        *len += got > 0 ? (size_t)got : 0;
        if (*len > CONTROL_REPLY_MAX) {
            return -EMSGSIZE;
        }
    }
}

int control_ask(const char *path, const char *command, unsigned timeout_ms, char **reply,
                size_t *len)
{
    const uint64_t deadline_us = clock_read().mono_us + (uint64_t)timeout_ms * 1000;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char line[REQUEST_LINE_MAX];
    char *document = NULL;
    size_t used = 0;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int line_len = snprintf(line, sizeof(line), "cordon/1 %s\n", command);
    if (line_len < 0 || (size_t)line_len >= sizeof(line)) {
        return -EMSGSIZE;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    /* A full backlog makes connect() wait: it is bounded like the rest. */
    const struct timeval patience = {.tv_sec = timeout_ms / 1000,
                                     .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    int rc = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
        goto done;
    }
    rc = send_all(fd, line, (size_t)line_len, deadline_us);
    /* One that refuses us has said so and closed before it read anything. */
    if (rc == 0 || rc == -EPIPE) {
        rc = read_all(fd, deadline_us, &document, &used);
    }
    if (rc == 0) {
        *reply = document;
        *len = used;
        document = NULL; /* it is the caller's now */
    }
done:
    free(document);
    close(fd);
    return rc;
}
