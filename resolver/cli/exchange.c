#include "cli/exchange.h"

#include "base/clock.h"
#include "base/random.h"
#include "wire/message.h"
#include "wire/writer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool wait_for(int fd, short events, uint64_t until_us)
{
    for (;;) {
        const uint64_t now_us = clock_read().mono_us;
        struct pollfd at = {.fd = fd, .events = events};

        if (now_us >= until_us) {
            return false;
        }
        const int got = poll(&at, 1, (int)((until_us - now_us) / 1000 + 1));
        if (got > 0) {
            return true;
        }
        if (got < 0 && errno != EINTR) {
            return false;
        }
    }
}

static int transfer(int fd, uint8_t *octets, size_t len, bool out, uint64_t until_us)
{
    size_t done = 0;

    while (done < len) {
        if (!wait_for(fd, out ? POLLOUT : POLLIN, until_us)) {
            return -ETIMEDOUT;
        }
        const ssize_t moved = out ? send(fd, octets + done, len - done, MSG_NOSIGNAL)
                                  : recv(fd, octets + done, len - done, 0);
        if (moved == 0) {
            return -ECONNRESET;
        }
        if (moved < 0 && errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
        done += moved > 0 ? (size_t)moved : 0;
    }
    return 0;
}

/* True if the message answers this question: id, QR, and the question itself. */
static bool answers(const uint8_t *octets, size_t len, uint16_t id,
                    const struct cli_exchange *ask)
{
    struct wire_message message;

    if (wire_message_open(octets, len, &message) != WIRE_OK || message.id != id ||
        (message.flags & WIRE_FLAG_QR) == 0) {
        return false;
    }
    return message.counts[0] == 0 ||
           (message.type == ask->type && message.class == ask->class &&
            wire_name_equal(&message.name, &ask->name));
}

static int receive(int fd, const struct cli_exchange *ask, uint16_t id, uint8_t *octets,
                   size_t *len, uint64_t until_us)
{
    uint8_t prefix[2];

    if (ask->tcp) {
        int rc = transfer(fd, prefix, 2, false, until_us);
        if (rc == 0) {
            *len = wire_get16(prefix);
            rc = transfer(fd, octets, *len, false, until_us);
        }
        return rc != 0 ? rc : answers(octets, *len, id, ask) ? 0 : -EBADMSG;
    }
    while (wait_for(fd, POLLIN, until_us)) {
        const ssize_t got = recv(fd, octets, WIRE_MESSAGE_MAX, 0);

        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
        if (got > 0 && answers(octets, (size_t)got, id, ask)) {
            *len = (size_t)got;
            return 0;
        }
    }
    return -ETIMEDOUT;
}

int cli_exchange(const struct cli_exchange *ask, uint8_t *octets, size_t *len)
{
    struct sockaddr_storage to;
    const socklen_t to_len = address_to_sockaddr(&ask->server, &to);
    const uint64_t until_us = clock_read().mono_us + (uint64_t)ask->timeout_ms * 1000;
    const int kind = (ask->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    uint8_t question[2 + 512];
    uint16_t id;

    random_system(&id, sizeof(id));
    const size_t q_len = wire_question_write(
        question + 2, sizeof(question) - 2, id, WIRE_FLAG_RD, ask->name.octets, ask->name.len,
        ask->type, ask->class, ask->edns ? 1232 : 0, ask->dnssec);
    if (q_len == 0) {
        return -EMSGSIZE;
    }
    wire_put16(question, (uint16_t)q_len);
    const int fd = socket(to.ss_family, kind, 0);
    if (fd < 0) {
        return -errno;
    }
    int rc = connect(fd, (const struct sockaddr *)&to, to_len) != 0 && errno != EINPROGRESS
                 ? -errno
                 : 0;
    if (rc == 0) {
        rc = ask->tcp ? transfer(fd, question, q_len + 2, true, until_us)
                      : transfer(fd, question + 2, q_len, true, until_us);
    }
    if (rc == 0) {
        rc = receive(fd, ask, id, octets, len, until_us);
    }
    close(fd);
    return rc;
}
