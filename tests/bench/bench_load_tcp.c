/*
 * tests/bench/bench_load_tcp.c - keeps a TCP server saturated over connections that stay open,
 * with many questions on their way on each (RFC 7766), as bench_load_udp does over UDP.
 *
 * Questions are lines "NAME TYPE" on standard input, sent with RD and EDNS, in order, again
 * from the first after the last. A connection that the server closes is opened again, and what
 * was on its way there is lost. The result is one line:
 *
 *   answered=N lost=N seconds=S noerror=N servfail=N other=N closed=N
 *
 * Exit status 0: at least one answer came; 1: none, or a connection failed; 2: wrong usage.
 */
#include "base/address.h"
#include "base/clock.h"
#include "bench/load_questions.h"
#include "wire/name.h"
#include "wire/type.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER          12u
#define CONNECTIONS_MAX 64u
#define WINDOW_MAX      256u /* an id is a place's number and eight bits that change */
#define FRAME_MAX       (2u + HEADER + WIRE_NAME_MAX + 4u + 11u)
#define IN_MAX          131072u  /* more than the longest answer */
#define END_US          1000000u /* so long the last answers are waited for */

struct place {
    bool busy;
    uint8_t turn;
};

struct connection {
    int fd;
    unsigned free_count;
    struct place places[WINDOW_MAX];
    uint8_t free[WINDOW_MAX]; /* numbers of places */
    uint8_t out[WINDOW_MAX * FRAME_MAX];
    size_t out_at, out_len;
    uint8_t in[IN_MAX];
    size_t in_len;
};

struct load {
    struct load_questions questions;
    struct sockaddr_storage server;
    socklen_t server_len;
    unsigned count, window;
    uint64_t length_us;
    uint64_t answered, lost, noerror, servfail, closed;
    bool stopping; /* nothing more is sent */
    struct connection *connections;
};

static bool open_connection(const struct load *load, struct connection *connection)
{
    const int on = 1;

    connection->fd = socket(load->server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (const struct sockaddr *)&load->server, load->server_len) !=
            0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0) {
        fprintf(stderr, "bench_load_tcp: %s\n", strerror(errno));
        return false;
    }
    connection->out_at = connection->out_len = connection->in_len = 0;
    connection->free_count = load->window;
    for (unsigned i = 0; i < load->window; i++) {
        connection->free[i] = (uint8_t)i;
        connection->places[i].busy = false;
    }
    return true;
}

/* A question for each free place, once all that was to be sent is sent. */
static void write_questions(struct load *load, struct connection *connection)
{
    struct load_questions *questions = &load->questions;

    if (connection->out_at < connection->out_len || load->stopping) {
        return;
    }
    connection->out_at = connection->out_len = 0;
    while (connection->free_count > 0) {
        const size_t start = questions->starts[questions->next];
        const size_t len = questions->starts[questions->next + 1] - start;
        const uint8_t number = connection->free[--connection->free_count];
        struct place *place = &connection->places[number];
        uint8_t *frame = connection->out + connection->out_len;

        wire_put16(frame, (uint16_t)(HEADER + len));
        load_questions_header(frame + 2, ++place->turn, number);
        memcpy(frame + 2 + HEADER, questions->octets + start, len);
        connection->out_len += 2 + HEADER + len;
        place->busy = true;
        questions->next = (questions->next + 1) % questions->count;
    }
}

/* False: the connection is gone. */
static bool send_out(struct connection *connection)
{
    while (connection->out_at < connection->out_len) {
        const ssize_t n = send(connection->fd, connection->out + connection->out_at,
                               connection->out_len - connection->out_at, MSG_NOSIGNAL);

        if (n < 0) {
            return errno == EAGAIN;
        }
        connection->out_at += (size_t)n;
    }
    return true;
}

static void take(struct load *load, struct connection *connection, const uint8_t *msg,
                 size_t len)
{
    struct place *place = len >= HEADER ? &connection->places[msg[1]] : NULL;

    if (place == NULL || (msg[2] & 0x80) == 0 || !place->busy || place->turn != msg[0]) {
        return;
    }
    place->busy = false;
    connection->free[connection->free_count++] = msg[1];
    load->answered++;
    load->noerror += (msg[3] & 0x0f) == WIRE_NOERROR;
    load->servfail += (msg[3] & 0x0f) == WIRE_SERVFAIL;
}

/* False: the connection is gone. *came: there was something. */
static bool receive(struct load *load, struct connection *connection, bool *came)
{
    const ssize_t n = recv(connection->fd, connection->in + connection->in_len,
                           IN_MAX - connection->in_len, 0);
    size_t at = 0;

    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    *came = true;
    connection->in_len += (size_t)n;
    while (connection->in_len - at >= 2) {
        const size_t len = (size_t)connection->in[at] << 8 | connection->in[at + 1];

        if (connection->in_len - at < 2 + len) {
            break;
        }
        take(load, connection, connection->in + at + 2, len);
        at += 2 + len;
    }
    connection->in_len -= at;
    memmove(connection->in, connection->in + at, connection->in_len);
    return true;
}

static unsigned in_flight(const struct load *load)
{
    unsigned count = 0;

    for (unsigned i = 0; i < load->count; i++) {
        count += load->window - load->connections[i].free_count;
    }
    return count;
}

static bool open_again(struct load *load, struct connection *connection)
{
    load->closed++;
    load->lost += load->window - connection->free_count;
    close(connection->fd);
    return open_connection(load, connection);
}

/* Returns how long it took; 0: a connection could not be opened again. */
static uint64_t run(struct load *load)
{
    struct pollfd polls[CONNECTIONS_MAX];
    const uint64_t began_us = clock_read().mono_us;
    const uint64_t end_us = began_us + load->length_us;
    uint64_t now_us = began_us;

    while (!load->stopping || (in_flight(load) > 0 && now_us < end_us + END_US)) {
        bool came = false;

        now_us = clock_read().mono_us;
        load->stopping = load->stopping || now_us >= end_us;
        for (unsigned i = 0; i < load->count; i++) {
            struct connection *connection = &load->connections[i];
            bool open = receive(load, connection, &came);

            if (open) {
                write_questions(load, connection);
                open = send_out(connection);
            }
            if (!open && !open_again(load, connection)) {
                return 0;
            }
            const bool full = connection->out_at < connection->out_len;
            polls[i] = (struct pollfd){.fd = connection->fd,
                                       .events = (short)(full ? POLLIN | POLLOUT : POLLIN)};
        }
        if (!came) {
            (void)poll(polls, load->count, 10);
        }
    }
    load->lost += in_flight(load);
    return now_us - began_us;
}

static int usage(void)
{
    fputs("usage: bench_load_tcp [--connections N] [--window N] [--seconds N] ADDRESS@PORT "
          "<QUESTIONS\n"
          "  --connections N  connections, 1 to 64 (16)\n"
          "  --window N       questions in flight on each, 1 to 256 (50)\n"
          "  --seconds N      how long (2)\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"connections", required_argument, NULL, 'c'},
                                            {"window", required_argument, NULL, 'w'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {NULL, 0, NULL, 0}};
    struct load load = {.count = 16, .window = 50, .length_us = 2000000};
    struct address server;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'c') {
            load.count = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'w') {
            load.window = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 't') {
            load.length_us = strtoul(optarg, NULL, 10) * 1000000;
        } else {
            return usage();
        }
    }
    if (argc - optind != 1 || load.count - 1 >= CONNECTIONS_MAX ||
        load.window - 1 >= WINDOW_MAX || load.length_us == 0 ||
        address_parse(argv[optind], strlen(argv[optind]), 53, &server) != 0) {
        return usage();
    }
    load.server_len = address_to_sockaddr(&server, &load.server);
    load.connections = calloc(load.count, sizeof(*load.connections));
    if (load.connections == NULL || !load_questions_read(stdin, &load.questions)) {
        return 1;
    }
    for (unsigned i = 0; i < load.count; i++) {
        if (!open_connection(&load, &load.connections[i])) {
            return 1;
        }
    }
    const uint64_t took_us = run(&load);
    printf("answered=%llu lost=%llu seconds=%.3f noerror=%llu servfail=%llu other=%llu "
           "closed=%llu\n",
           (unsigned long long)load.answered, (unsigned long long)load.lost,
           (double)took_us / 1e6, (unsigned long long)load.noerror,
           (unsigned long long)load.servfail,
           (unsigned long long)(load.answered - load.noerror - load.servfail),
           (unsigned long long)load.closed);
    for (unsigned i = 0; i < load.count; i++) {
        close(load.connections[i].fd);
    }
    free(load.connections);
    load_questions_free(&load.questions);
    return load.answered > 0 && took_us > 0 ? 0 : 1;
}
