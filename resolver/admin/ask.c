/* The client half of the control socket: blocking, without a loop, for the tool. */
#include "admin/control.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_STEP     65536u /* octets that the reply's memory grows by */
#define ASK_TRIES    5u     /* a daemon that is replaced resets a client once */
#define ASK_PAUSE_MS 50     /* between them */

/* One question's time. */
struct ask {
    const struct control_patience *patience;
    uint64_t began_us;
    bool noticed;
    bool unread; /* the other side has closed and not read our line: nothing was done */
};

static uint64_t passed_ms(const struct ask *ask)
{
    return (clock_read().mono_us - ask->began_us) / 1000;
}

/* Milliseconds until something is due: the notice, or the end; 0: it is over. Gives notice. */
static unsigned next_step(struct ask *ask)
{
    const struct control_patience *patience = ask->patience;
    const uint64_t passed = passed_ms(ask);
    const bool noticing = patience->notice_ms > 0 && !ask->noticed;

    if (passed >= patience->timeout_ms) {
        return 0;
    }
    if (noticing && passed >= patience->notice_ms) {
        ask->noticed = true;
        patience->notice();
    } else if (noticing && patience->notice_ms < patience->timeout_ms) {
        return patience->notice_ms - (unsigned)passed;
    }
    return patience->timeout_ms - (unsigned)passed;
}

/* Waits until the socket can be used. 0, -ETIMEDOUT, -errno. */
static int wait_for(int fd, short events, struct ask *ask)
{
    struct pollfd ready = {.fd = fd, .events = events};
    unsigned step_ms;

    while ((step_ms = next_step(ask)) > 0) {
        const int rc = poll(&ready, 1, (int)step_ms);
        if (rc > 0) {
            return 0;
        }
        if (rc < 0 && errno != EINTR) {
            return -errno;
        }
    }
    return -ETIMEDOUT;
}

/* connect() waits where the backlog is full: as long as the rest, and with notice. 0, -errno.
 */
static int connect_to(int fd, const struct sockaddr_un *address, struct ask *ask)
{
    unsigned step_ms;

    while ((step_ms = next_step(ask)) > 0) {
        const struct timeval most = {.tv_sec = step_ms / 1000,
                                     .tv_usec = (suseconds_t)(step_ms % 1000) * 1000};

        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) != 0) {
            return -errno;
        }
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
    }
    return -ETIMEDOUT;
}

static int send_all(int fd, const char *line, size_t len, struct ask *ask)
{
    while (len > 0) {
        const ssize_t sent = send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            line += sent;
            len -= (size_t)sent;
        } else if (errno == EAGAIN) {
            const int rc = wait_for(fd, POLLOUT, ask);
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
static int read_all(int fd, struct ask *ask, char **reply, size_t *len)
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
        const int rc = wait_for(fd, POLLIN, ask);
        if (rc != 0) {
            return rc;
        }
        ssize_t got = recv(fd, *reply + *len, room - *len - 1, MSG_DONTWAIT);
        if (got < 0 && errno == ECONNRESET && *len > 0) {
            got = 0; /* it has not read our line: it refuses whoever we are */
        }
        /* So the kernel tells of a close with octets left unread, and of no other close. */
        ask->unread = ask->unread || (got < 0 && errno == ECONNRESET);
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

/* Once. *reply is the caller's if the result is 0. */
static int ask_once(const struct sockaddr_un *address, const char *line, size_t line_len,
                    struct ask *ask, char **reply, size_t *len)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *document = NULL;
    size_t used = 0;

    ask->unread = false;
    if (fd < 0) {
        return -errno;
    }
    int rc = connect_to(fd, address, ask);
    if (rc == 0) {
        rc = send_all(fd, line, line_len, ask);
        ask->unread = rc == -EPIPE;
    }
    /* One that refuses us has said so and closed before it read anything. */
    if (rc == 0 || rc == -EPIPE) {
        rc = read_all(fd, ask, &document, &used);
    }
    if (rc == 0) {
        *reply = document;
        *len = used;
        document = NULL; /* it is the caller's now */
    }
    free(document);
    close(fd);
    return rc;
}

int control_ask(const char *path, const char *command, const struct control_patience *patience,
                char **reply, size_t *len)
{
    struct ask ask = {.patience = patience, .began_us = clock_read().mono_us};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char line[REQUEST_LINE_MAX];

    if (strlen(path) >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int line_len = snprintf(line, sizeof(line), "cordon/1 %s\n", command);
    if (line_len < 0 || (size_t)line_len >= sizeof(line)) {
        return -EMSGSIZE;
    }
    for (unsigned tries = 1;; tries++) {
        const int rc = ask_once(&address, line, (size_t)line_len, &ask, reply, len);

        /* One that hands over closes what it has not read: its successor is asked. */
        if (rc != -ECONNRESET || !ask.unread || tries == ASK_TRIES || next_step(&ask) == 0) {
            return rc;
        }
        (void)poll(NULL, 0, ASK_PAUSE_MS);
    }
}
