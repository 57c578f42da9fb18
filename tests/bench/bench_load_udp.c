/*
 * tests/bench/bench_load_udp.c - keeps a UDP server saturated, so that what it costs per
 * question can be compared.
 *
 * The usual tools spend more time on a question than the server does: a fast server then sleeps
 * between small batches, and costs more per question than a slow one that always finds full
 * batches. This one holds a fixed number of questions in flight on each of several connected
 * sockets, with sendmmsg and recvmmsg, and sends the next as soon as an answer is back.
 *
 * Questions are lines "NAME TYPE" on standard input, sent with RD and EDNS, in order, again
 * from the first after the last. The result is one line:
 *
 *   answered=N lost=N seconds=S noerror=N servfail=N other=N
 *
 * Exit status 0: at least one answer came; 1: none, or a socket failed; 2: wrong usage.
 */
#include "base/address.h"
#include "base/clock.h"
#include "bench/load_questions.h"
#include "wire/type.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER      12u
#define SOCKETS_MAX 64u
#define WINDOW_MAX  256u /* an id is a slot's number and eight bits that change */
#define ANSWER_MAX  1500u
#define LOST_US     1000000u
#define SWEEP_US    100000u

struct slot {
    uint8_t header[HEADER];
    bool busy;
    uint8_t turn;
    uint64_t sent_us;
};

struct client {
    int fd;
    unsigned free_count;
    struct slot slots[WINDOW_MAX];
    uint8_t free[WINDOW_MAX]; /* numbers of slots */
};

struct load {
    struct load_questions questions;
    unsigned sockets, window;
    uint64_t length_us;
    bool once;
    bool stopping; /* nothing more is sent */
    uint64_t answered, lost, noerror, servfail;
    struct client *clients;
    struct mmsghdr headers[WINDOW_MAX];
    struct iovec vectors[WINDOW_MAX][2];
    uint8_t answers[WINDOW_MAX][ANSWER_MAX];
};

static void send_more(struct load *load, struct client *client, uint64_t now_us)
{
    struct load_questions *questions = &load->questions;
    unsigned count = 0;

    while (!load->stopping && count < client->free_count) {
        const size_t start = questions->starts[questions->next];
        const size_t end = questions->starts[questions->next + 1];
        const unsigned number = client->free[client->free_count - 1 - count];
        struct slot *slot = &client->slots[number];

        load_questions_header(slot->header, ++slot->turn, (uint8_t)number);
        load->vectors[count][0] = (struct iovec){slot->header, HEADER};
        load->vectors[count][1] = (struct iovec){questions->octets + start, end - start};
        load->headers[count].msg_hdr =
            (struct msghdr){.msg_iov = load->vectors[count], .msg_iovlen = 2};
        count++;
        if (++questions->next == questions->count) {
            questions->next = 0;
            load->stopping = load->once;
        }
    }
    for (unsigned sent = 0; sent < count;) {
        const int n = sendmmsg(client->fd, load->headers + sent, count - sent, 0);
        sent += n > 0 ? (unsigned)n : 1; /* what could not be sent is counted as lost */
    }
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = &client->slots[client->free[--client->free_count]];
        slot->busy = true;
        slot->sent_us = now_us;
    }
}

/* Returns how many answers came. */
static unsigned receive(struct load *load, struct client *client)
{
    unsigned good = 0;

    for (unsigned i = 0; i < load->window; i++) {
        load->vectors[i][0] = (struct iovec){load->answers[i], ANSWER_MAX};
        load->headers[i].msg_hdr =
            (struct msghdr){.msg_iov = load->vectors[i], .msg_iovlen = 1};
    }
    const int count = recvmmsg(client->fd, load->headers, load->window, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        const uint8_t *msg = load->answers[i];
        struct slot *slot = &client->slots[msg[1]];

        if (load->headers[i].msg_len < HEADER || (msg[2] & 0x80) == 0 || !slot->busy ||
            slot->turn != msg[0]) {
            continue;
        }
        slot->busy = false;
        client->free[client->free_count++] = msg[1];
        load->answered++;
        load->noerror += (msg[3] & 0x0f) == WIRE_NOERROR;
        load->servfail += (msg[3] & 0x0f) == WIRE_SERVFAIL;
        good++;
    }
    return good;
}

static void give_up_old(struct load *load, uint64_t now_us)
{
    for (unsigned i = 0; i < load->sockets; i++) {
        struct client *client = &load->clients[i];
        for (unsigned j = 0; j < load->window; j++) {
            struct slot *slot = &client->slots[j];
            if (slot->busy && now_us - slot->sent_us > LOST_US) {
                slot->busy = false;
                client->free[client->free_count++] = (uint8_t)j;
                load->lost++;
            }
        }
    }
}

static unsigned in_flight(const struct load *load)
{
    unsigned count = 0;

    for (unsigned i = 0; i < load->sockets; i++) {
        count += load->window - load->clients[i].free_count;
    }
    return count;
}

/* Returns how long it took. */
static uint64_t run(struct load *load)
{
    struct pollfd polls[SOCKETS_MAX];
    const uint64_t began_us = clock_read().mono_us;
    uint64_t swept_us = began_us;
    uint64_t now_us = began_us;

    for (unsigned i = 0; i < load->sockets; i++) {
        polls[i] = (struct pollfd){.fd = load->clients[i].fd, .events = POLLIN};
    }
    while (!load->stopping || in_flight(load) > 0) {
        unsigned came = 0;

        now_us = clock_read().mono_us;
        load->stopping = load->stopping || now_us - began_us >= load->length_us;
        for (unsigned i = 0; i < load->sockets; i++) {
            came += receive(load, &load->clients[i]);
            send_more(load, &load->clients[i], now_us);
        }
        if (now_us - swept_us > SWEEP_US) {
            give_up_old(load, now_us);
            swept_us = now_us;
        }
        if (came == 0) {
            (void)poll(polls, load->sockets, 10);
        }
    }
    return now_us - began_us;
}

static bool open_clients(struct load *load, const struct address *server)
{
    struct sockaddr_storage at;
    const socklen_t len = address_to_sockaddr(server, &at);

    for (unsigned i = 0; i < load->sockets; i++) {
        struct client *client = &load->clients[i];
        client->fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&at, len) != 0) {
            fprintf(stderr, "bench_load_udp: %s\n", strerror(errno));
            return false;
        }
        client->free_count = load->window;
        for (unsigned j = 0; j < load->window; j++) {
            client->free[j] = (uint8_t)j;
        }
    }
    return true;
}

static int usage(void)
{
    fputs("usage: bench_load_udp [--sockets N] [--window N] [--seconds N] [--once] "
          "ADDRESS@PORT <QUESTIONS\n"
          "  --sockets N  sockets, 1 to 64 (8)\n"
          "  --window N   questions in flight on each, 1 to 256 (64)\n"
          "  --seconds N  how long at most (2)\n"
          "  --once       end after the last question\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"sockets", required_argument, NULL, 's'},
                                            {"window", required_argument, NULL, 'w'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {"once", no_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    struct load *load = calloc(1, sizeof(*load));
    struct address server;
    int option;

    if (load == NULL) {
        fputs("bench_load_udp: out of memory\n", stderr);
        return 1;
    }
    load->sockets = 8;
    load->window = 64;
    load->length_us = 2000000;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's') {
            load->sockets = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'w') {
            load->window = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 't') {
            load->length_us = strtoul(optarg, NULL, 10) * 1000000;
        } else if (option == 'o') {
            load->once = true;
        } else {
            return usage();
        }
    }
    if (argc - optind != 1 || load->sockets - 1 >= SOCKETS_MAX ||
        load->window - 1 >= WINDOW_MAX || load->length_us == 0 ||
        address_parse(argv[optind], strlen(argv[optind]), 53, &server) != 0) {
        return usage();
    }
    load->clients = calloc(load->sockets, sizeof(*load->clients));
    if (load->clients == NULL || !load_questions_read(stdin, &load->questions) ||
        !open_clients(load, &server)) {
        return 1;
    }
    const uint64_t took_us = run(load);
    printf("answered=%llu lost=%llu seconds=%.3f noerror=%llu servfail=%llu other=%llu\n",
           (unsigned long long)load->answered, (unsigned long long)load->lost,
           (double)took_us / 1e6, (unsigned long long)load->noerror,
           (unsigned long long)load->servfail,
           (unsigned long long)(load->answered - load->noerror - load->servfail));
    for (unsigned i = 0; i < load->sockets; i++) {
        close(load->clients[i].fd);
    }
    const bool any = load->answered > 0;
    free(load->clients);
    load_questions_free(&load->questions);
    free(load);
    return any ? 0 : 1;
}
