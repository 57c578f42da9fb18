/*
 * tests/bench/bench_bare_udp.c - the least that a UDP responder can do: the floor of the
 * benchmark of the whole server, and its upstream.
 *
 * One thread, one SO_REUSEPORT socket, recvmmsg and sendmmsg in batches of the server's size.
 * The answer is a fixed one behind the question's own id, flags RD and CD, and question:
 * 192.0.2.1 for type A, no data otherwise, and an OPT record for a question that has one.
 * Nothing is looked up, remembered or decided: what a resolver costs above this is its own.
 * A second thread answers over TCP, for forwarders that ask what came over TCP over TCP; it is
 * no floor of anything.
 *
 * Usage: bench_bare_udp ADDRESS@PORT     answers until a signal ends it. Exit status 1: it
 * cannot bind; 2: wrong usage.
 */
#include "base/address.h"
#include "net/limits.h"
#include "wire/name.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER       12u
#define QUESTION_MAX (WIRE_NAME_MAX + 4u)
/* What we read of a question: the rest of a longer one does not change the answer. */
#define READ_MAX 512u

/* The name of the question by a pointer, A, IN, TTL 3600, 192.0.2.1. */
static const uint8_t answer_a[] = {0xc0, HEADER, 0, 1, 0,   1, 0, 0,
                                   0x0e, 0x10,   0, 4, 192, 0, 2, 1};
/* The root, OPT, 1,232 octets, no flags, no options. */
static const uint8_t answer_opt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};

struct slot {
    struct sockaddr_storage peer;
    struct iovec octets;
    uint8_t buffer[READ_MAX + 32]; /* the answer is at most 27 octets longer */
};

struct batch {
    struct mmsghdr headers[NET_BATCH];
    struct slot slots[NET_BATCH];
};

/* The octets of the one question behind the header; 0 if there is none that we understand. */
static size_t question_length(const uint8_t *msg, size_t len)
{
    size_t at = HEADER;

    if (len < HEADER || (msg[2] & 0xf8) != 0 || msg[4] != 0 || msg[5] != 1) {
        return 0;
    }
    while (at < len && msg[at] != 0) {
        if (msg[at] > 63) {
            return 0;
        }
        at += 1u + msg[at];
    }
    at += 5;
    return at <= len && at - HEADER <= QUESTION_MAX ? at - HEADER : 0;
}

/* Turns the question in the buffer into its answer. Its length, or 0: none is sent. */
static size_t answer(uint8_t *msg, size_t len)
{
    const size_t question = question_length(msg, len);
    size_t at = HEADER + question;

    if (question == 0) {
        return 0;
    }
    const uint8_t *type = msg + at - 4;
    const bool is_a = type[0] == 0 && type[1] == 1;
    const bool has_opt = msg[10] != 0 || msg[11] != 0;
    msg[2] = 0x80 | (msg[2] & 0x01); /* QR, and RD as asked */
    msg[3] = 0x80 | (msg[3] & 0x10); /* RA, and CD as asked */
    memset(msg + 6, 0, 6);
    if (is_a) {
        msg[7] = 1;
        memcpy(msg + at, answer_a, sizeof(answer_a));
        at += sizeof(answer_a);
    }
    if (has_opt) {
        msg[11] = 1;
        memcpy(msg + at, answer_opt, sizeof(answer_opt));
        at += sizeof(answer_opt);
    }
    return at;
}

static void serve(int fd, struct batch *in)
{
    struct mmsghdr out[NET_BATCH];

    for (;;) {
        unsigned answers = 0;

        for (size_t i = 0; i < NET_BATCH; i++) {
            struct slot *slot = &in->slots[i];
            slot->octets = (struct iovec){slot->buffer, READ_MAX};
            in->headers[i].msg_hdr = (struct msghdr){.msg_name = &slot->peer,
                                                     .msg_namelen = sizeof(slot->peer),
                                                     .msg_iov = &slot->octets,
                                                     .msg_iovlen = 1};
        }
        const int count = recvmmsg(fd, in->headers, NET_BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++) {
            struct slot *slot = &in->slots[i];
            slot->octets.iov_len = answer(slot->buffer, in->headers[i].msg_len);
            if (slot->octets.iov_len > 0) {
                out[answers++] = in->headers[i];
            }
        }
        for (unsigned sent = 0; sent < answers;) {
            const int n = sendmmsg(fd, out + sent, answers - sent, 0);
            sent += n > 0 ? (unsigned)n : 1; /* an error belongs to the first: skip it */
        }
    }
}

#define CONNECTIONS_MAX 256u
#define STREAM_MAX      65536u

struct connection {
    uint8_t in[STREAM_MAX];
    size_t len;
};

struct streams {
    struct pollfd polls[1 + CONNECTIONS_MAX]; /* the first one listens */
    struct connection *connections[CONNECTIONS_MAX];
    nfds_t count;
};

/* Answers all whole questions that have come. False: the connection is over. */
static bool serve_stream(int fd, struct connection *connection)
{
    const ssize_t n =
        recv(fd, connection->in + connection->len, STREAM_MAX - connection->len, 0);
    size_t at = 0;

    if (n <= 0) {
        return false;
    }
    connection->len += (size_t)n;
    while (connection->len - at >= 2) {
        const uint8_t *frame = connection->in + at;
        const size_t len = (size_t)frame[0] << 8 | frame[1];
        uint8_t out[2 + READ_MAX + 32];

        if (len > READ_MAX) {
            return false;
        }
        if (connection->len - at < 2 + len) {
            break;
        }
        memcpy(out + 2, frame + 2, len);
        const size_t answered = answer(out + 2, len);
        out[0] = (uint8_t)(answered >> 8);
        out[1] = (uint8_t)answered;
        if (answered == 0 ||
            send(fd, out, 2 + answered, MSG_NOSIGNAL) != (ssize_t)(2 + answered)) {
            return false;
        }
        at += 2 + len;
    }
    connection->len -= at;
    memmove(connection->in, connection->in + at, connection->len);
    return true;
}

static void accept_one(struct streams *streams)
{
    const int fd = accept4(streams->polls[0].fd, NULL, NULL, SOCK_CLOEXEC);
    struct connection *connection =
        streams->count < CONNECTIONS_MAX ? calloc(1, sizeof(*connection)) : NULL;

    if (fd < 0 || connection == NULL) {
        free(connection);
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    streams->connections[streams->count++] = connection;
    streams->polls[streams->count] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void *serve_tcp(void *argument)
{
    struct streams *streams = argument;

    for (;;) {
        (void)poll(streams->polls, 1 + streams->count, -1);
        for (nfds_t i = streams->count; i > 0; i--) {
            struct pollfd *entry = &streams->polls[i];

            if (entry->revents != 0 && !serve_stream(entry->fd, streams->connections[i - 1])) {
                close(entry->fd);
                free(streams->connections[i - 1]);
                *entry = streams->polls[streams->count];
                streams->connections[i - 1] = streams->connections[--streams->count];
            }
        }
        if (streams->polls[0].revents != 0) {
            accept_one(streams);
        }
    }
    return NULL;
}

static bool start_tcp(const struct sockaddr *at, socklen_t len)
{
    struct streams *streams = calloc(1, sizeof(*streams));
    const int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    pthread_t thread;

    if (streams == NULL || fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, at, len) != 0 || listen(fd, 64) != 0) {
        return false;
    }
    streams->polls[0] = (struct pollfd){.fd = fd, .events = POLLIN};
    return pthread_create(&thread, NULL, serve_tcp, streams) == 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_storage at;
    struct address address;
    const int on = 1;
    const int room = (int)NET_RECEIVE_BUFFER;

    if (argc != 2 || address_parse(argv[1], strlen(argv[1]), 0, &address) != 0 ||
        address.port == 0) {
        fputs("usage: bench_bare_udp ADDRESS@PORT\n", stderr);
        return 2;
    }
    const socklen_t len = address_to_sockaddr(&address, &at);
    const int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)&at, len) != 0 ||
        !start_tcp((const struct sockaddr *)&at, len)) {
        fprintf(stderr, "bench_bare_udp: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    /* As large as the server's; where that needs a right that we lack, as large as allowed. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    }
    struct batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL) {
        fputs("bench_bare_udp: out of memory\n", stderr);
        return 1;
    }
    serve(fd, batch);
}
