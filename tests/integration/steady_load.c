/*
 * tests/integration/steady_load.c - asks at a steady rate, whatever comes back when, checks
 * every answer, and says how long they took, phase by phase.
 *
 * usage: steady_load ADDRESS PORT RATE FILE <COMMANDS
 *
 * FILE has lines "KIND NAME ADDRESS [ADDRESS]": what the answer's first A record must be; KIND
 * is a word for the table, and if it is "miss" a new label is put in front each time. They are
 * asked in order, again from the first after the last. COMMANDS are lines "phase NAME", "rate
 * N" and "end"; a line that is none ends it, too. Each command is echoed once it holds.
 *
 * At the end, for each phase and kind, and for "all" kinds, a line of these: phase, kind, sent,
 * answered, lost (nothing in 5 s), wrong (other answers), and in microseconds the latencies
 * p50, p90, p99, p999 and the largest, from before it is sent until the kernel has the answer.
 * A last line "late N": the questions that this program itself sent more than 2 ms after their
 * time.
 */
#include "base/clock.h"
#include "wire/name.h"
#include "wire/type.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS    32u
#define IDS        4096u /* of a socket: as many may be on their way */
#define BATCH      64u
#define PHASES_MAX 64u
#define KINDS_MAX  8u
#define LOST_US    5000000u
#define LATE_US    2000u
#define FRESH      "miss"

struct question {
    struct wire_name name;
    uint32_t addresses[2]; /* as in the packet */
    uint8_t kind;
};

struct tally {
    uint64_t sent, lost, wrong;
    uint32_t *took_us;
    size_t count, room;
};

struct flight {
    uint64_t sent_us; /* wall clock; 0: free */
    uint32_t question;
    uint8_t phase;
};

struct client {
    int fd;
    uint32_t next; /* id */
    struct flight flights[IDS];
};

static struct load {
    struct question *questions;
    size_t count, next;
    char kinds[KINDS_MAX][16];
    unsigned kind_count, fresh;
    char phases[PHASES_MAX][32];
    unsigned phase_count;
    struct tally tallies[PHASES_MAX][KINDS_MAX];
    struct client clients[SOCKETS];
    uint64_t sent, late, on_the_way;
    double rate;
    uint64_t began_us, since; /* mono, and how many were sent since then */
    char run[9];
} load;

static void fail(const char *what)
{
    fprintf(stderr, "steady_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t wall_us(void)
{
    return clock_read().wall_us;
}

static unsigned kind_of(const char *word)
{
    unsigned kind = 0;

    while (kind < load.kind_count && strcmp(load.kinds[kind], word) != 0) {
        kind++;
    }
    if (kind == load.kind_count) {
        if (kind == KINDS_MAX) {
            errno = E2BIG;
            fail("too many kinds");
        }
        snprintf(load.kinds[load.kind_count++], sizeof(load.kinds[0]), "%s", word);
    }
    return kind;
}

static void read_questions(const char *path)
{
    FILE *in = fopen(path, "re");
    char kind[16], name[256], a[32], b[32];
    char line[512];
    size_t room = 0;

    if (in == NULL) {
        fail(path);
    }
    load.fresh = kind_of(FRESH);
    while (fgets(line, sizeof(line), in) != NULL) {
        const int words = sscanf(line, "%15s %255s %31s %31s", kind, name, a, b);

        if (load.count == room) {
            room = 2 * room + 1024;
            load.questions = realloc(load.questions, room * sizeof(*load.questions));
            if (load.questions == NULL) {
                fail("questions");
            }
        }
        struct question *q = &load.questions[load.count++];
        q->kind = (uint8_t)(words >= 3 ? kind_of(kind) : 0);
        if (words < 3 || wire_name_from_text(name, strlen(name), &q->name) != WIRE_TEXT_OK ||
            inet_pton(AF_INET, a, &q->addresses[0]) != 1 ||
            inet_pton(AF_INET, words == 4 ? b : a, &q->addresses[1]) != 1) {
            errno = EINVAL;
            fail(line);
        }
    }
    fclose(in);
    if (load.count == 0) {
        errno = ENODATA;
        fail(path);
    }
}

static void open_sockets(const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    const int yes = 1;
    const int room = 1 << 20;

    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
        fail(address);
    }
    for (unsigned i = 0; i < SOCKETS; i++) {
        const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof(yes)) != 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) != 0 ||
            connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
            fail("socket");
        }
        load.clients[i].fd = fd;
    }
}

static struct tally *tally_of(const struct flight *flight)
{
    return &load.tallies[flight->phase][load.questions[flight->question].kind];
}

static void count_lost(struct flight *flight)
{
    tally_of(flight)->lost++;
    flight->sent_us = 0;
    load.on_the_way--;
}

/* The octets of a question; returns how many. */
static size_t write_question(uint8_t *out, uint32_t id, const struct question *q)
{
    static const uint8_t opt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
    const uint8_t header[] = {(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    uint8_t *at = out;

    memcpy(at, header, sizeof(header));
    at += sizeof(header);
    if (q->kind == load.fresh) {
        const int len = snprintf((char *)at + 1, 64, "n%" PRIu64 "-%s", load.sent, load.run);
        *at = (uint8_t)len;
        at += 1 + len;
    }
    memcpy(at, q->name.octets, q->name.len);
    at += q->name.len;
    memcpy(at, (const uint8_t[]){0, 1, 0, 1}, 4);
    memcpy(at + 4, opt, sizeof(opt));
    return (size_t)(at - out) + 4 + sizeof(opt);
}

static void ask(void)
{
    struct client *client = &load.clients[load.sent % SOCKETS];
    const uint32_t id = client->next++ % IDS;
    struct flight *flight = &client->flights[id];
    const struct question *q = &load.questions[load.next];
    uint8_t packet[512];

    if (flight->sent_us != 0) {
        count_lost(flight);
    }
    const size_t len = write_question(packet, id, q);
    *flight = (struct flight){wall_us(), (uint32_t)load.next, (uint8_t)(load.phase_count - 1)};
    load.on_the_way++;
    load.sent++;
    load.next = (load.next + 1) % load.count;
    tally_of(flight)->sent++;
    if (send(client->fd, packet, len, 0) != (ssize_t)len && errno != ECONNREFUSED) {
        fail("send");
    }
}

/* Is it NOERROR, and its first record the A that is wanted? */
static bool is_right(const uint8_t *packet, size_t len, const struct question *q)
{
    size_t at = 12;

    if (len < 12 || (packet[3] & 15) != 0 || (packet[2] & 0x82) != 0x80 || packet[7] == 0) {
        return false;
    }
    while (at < len && packet[at] != 0) {
        at += 1u + packet[at];
    }
    at += 5;
    if (at < len && (packet[at] & 0xc0) != 0xc0) {
        return false; /* our names are always pointers there */
    }
    at += 2;
    if (at + 14 > len || packet[at + 1] != 1 || packet[at + 9] != 4) {
        return false;
    }
    return memcmp(packet + at + 10, &q->addresses[0], 4) == 0 ||
           memcmp(packet + at + 10, &q->addresses[1], 4) == 0;
}

static void keep_time(struct tally *tally, uint64_t us)
{
    if (tally->count == tally->room) {
        tally->room = 2 * tally->room + 65536;
        tally->took_us = realloc(tally->took_us, tally->room * sizeof(tally->took_us[0]));
        if (tally->took_us == NULL) {
            fail("latencies");
        }
    }
    tally->took_us[tally->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static uint64_t arrival_us(struct msghdr *header)
{
    for (struct cmsghdr *note = CMSG_FIRSTHDR(header); note != NULL;
         note = CMSG_NXTHDR(header, note)) {
        if (note->cmsg_level == SOL_SOCKET && note->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec at;

            memcpy(&at, CMSG_DATA(note), sizeof(at));
            return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
        }
    }
    return wall_us();
}

static void take_one(struct client *client, const uint8_t *packet, size_t len, uint64_t now_us)
{
    const uint32_t id = len < 2 ? IDS : (uint32_t)packet[0] << 8 | packet[1];
    struct flight *flight = id < IDS ? &client->flights[id] : NULL;

    if (flight == NULL || flight->sent_us == 0) {
        return; /* of one that is counted as lost */
    }
    struct tally *tally = tally_of(flight);
    if (!is_right(packet, len, &load.questions[flight->question])) {
        tally->wrong++;
    }
    keep_time(tally, now_us > flight->sent_us ? now_us - flight->sent_us : 0);
    flight->sent_us = 0;
    load.on_the_way--;
}

static void take(struct client *client)
{
    static uint8_t packets[BATCH][1500], notes[BATCH][128];
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    int count;

    do {
        for (unsigned i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){packets[i], sizeof(packets[i])};
            headers[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = notes[i],
                                                 .msg_controllen = sizeof(notes[i])};
        }
        count = recvmmsg(client->fd, headers, BATCH, 0, NULL);
        for (int i = 0; i < count; i++) {
            take_one(client, packets[i], headers[i].msg_len, arrival_us(&headers[i].msg_hdr));
        }
    } while (count == (int)BATCH);
}

static void start_rate(double rate)
{
    load.rate = rate;
    load.began_us = clock_read().mono_us;
    load.since = 0;
}

/* False: it is to end. */
static bool obey(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "phase ", 6) == 0 && load.phase_count < PHASES_MAX) {
        snprintf(load.phases[load.phase_count++], sizeof(load.phases[0]), "%.31s", line + 6);
    } else if (strncmp(line, "rate ", 5) == 0 && atof(line + 5) > 0) {
        start_rate(atof(line + 5));
    } else {
        return false;
    }
    printf("%s\n", line);
    fflush(stdout);
    return true;
}

/* Asks what is due, and waits for answers, a command, or the next. */
static void turn(struct pollfd polls[SOCKETS + 1], bool asking)
{
    const uint64_t now_us = clock_read().mono_us;
    struct timespec wait = {.tv_nsec = 10000000};

    if (asking) {
        const uint64_t due = (uint64_t)((double)(now_us - load.began_us) * load.rate / 1e6);

        for (unsigned i = 0; load.since < due && i < BATCH; i++) { /* answers in between */
            const double at_us = (double)load.since * 1e6 / load.rate;

            load.late += (double)(clock_read().mono_us - load.began_us) - at_us > LATE_US;
            load.since++;
            ask();
        }
        const double next_us = (double)(load.since + 1) * 1e6 / load.rate;
        const double left_us = next_us - (double)(clock_read().mono_us - load.began_us);
        wait.tv_nsec = left_us <= 0 ? 0 : left_us > 10000 ? 10000000 : (long)(left_us * 1000);
    }
    if (ppoll(polls, SOCKETS + 1, &wait, NULL) > 0) {
        for (unsigned i = 0; i < SOCKETS; i++) {
            if (polls[i].revents != 0) {
                take(&load.clients[i]);
            }
        }
    }
}

static int ascending(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static uint32_t share(const struct tally *tally, double part)
{
    return tally->count == 0 ? 0 : tally->took_us[(size_t)((double)(tally->count - 1) * part)];
}

static void print(const char *phase, const char *kind, struct tally *tally)
{
    if (tally->sent > 0) {
        if (tally->count > 0) {
            qsort(tally->took_us, tally->count, sizeof(tally->took_us[0]), ascending);
        }
        printf("%s %s %" PRIu64 " %zu %" PRIu64 " %" PRIu64 " %u %u %u %u %u\n", phase, kind,
               tally->sent, tally->count, tally->lost, tally->wrong, share(tally, 0.5),
               share(tally, 0.9), share(tally, 0.99), share(tally, 0.999), share(tally, 1));
    }
}

static void print_all(void)
{
    for (unsigned phase = 0; phase < load.phase_count; phase++) {
        struct tally all = {0};

        for (unsigned kind = 0; kind < load.kind_count; kind++) {
            struct tally *tally = &load.tallies[phase][kind];

            print(load.phases[phase], load.kinds[kind], tally);
            all.sent += tally->sent;
            all.lost += tally->lost;
            all.wrong += tally->wrong;
            for (size_t i = 0; i < tally->count; i++) {
                keep_time(&all, tally->took_us[i]);
            }
            free(tally->took_us);
        }
        print(load.phases[phase], "all", &all);
        free(all.took_us);
    }
    printf("late %" PRIu64 "\n", load.late);
}

int main(int argc, char **argv)
{
    struct pollfd polls[SOCKETS + 1];
    char line[64];
    bool asking = true;

    if (argc != 5 || atof(argv[3]) <= 0) {
        fputs("usage: steady_load ADDRESS PORT RATE FILE <COMMANDS\n", stderr);
        return 2;
    }
    read_questions(argv[4]);
    open_sockets(argv[1], argv[2]);
    snprintf(load.run, sizeof(load.run), "%x", (unsigned)(wall_us() / 1000));
    for (unsigned i = 0; i < SOCKETS; i++) {
        polls[i] = (struct pollfd){.fd = load.clients[i].fd, .events = POLLIN};
    }
    polls[SOCKETS] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    prctl(PR_SET_TIMERSLACK, 1);
    setvbuf(stdin, NULL, _IONBF, 0); /* one line at a time: no line waits unseen */
    snprintf(load.phases[load.phase_count++], sizeof(load.phases[0]), "start");
    start_rate(atof(argv[3]));
    while (asking) {
        turn(polls, true);
        if (polls[SOCKETS].revents != 0) {
            asking = fgets(line, sizeof(line), stdin) != NULL && obey(line);
        }
    }
    polls[SOCKETS].fd = -1;
    for (const uint64_t end_us = clock_read().mono_us + LOST_US;
         load.on_the_way > 0 && clock_read().mono_us < end_us;) {
        turn(polls, false);
    }
    for (unsigned i = 0; i < SOCKETS; i++) {
        for (unsigned id = 0; id < IDS; id++) {
            if (load.clients[i].flights[id].sent_us != 0) {
                count_lost(&load.clients[i].flights[id]);
            }
        }
        close(load.clients[i].fd);
    }
    print_all();
    free(load.questions);
    return 0;
}
