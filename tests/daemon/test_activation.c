/* Sockets of the service manager: taken in a child, whose descriptors 3 and up are ours to
 * arrange; the child's exit status and its words come back. */
#include "daemon/activation.h"

#include "daemon/start.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

enum passed {
    END,
    UDP4,
    TCP4,
    TCP4_DEAF,
    UDP6_ANY_BOTH,
    UDP_OTHER,
    UNIX,
    FILE_
};

static int bound(int family, int type, const char *text, uint16_t port, bool deaf)
{
    struct address address;
    struct sockaddr_storage storage;
    const int one = 1;
    const int fd = socket(family, type, 0);

    if (address_parse(text, strlen(text), port, &address) != 0) {
        return -1;
    }
    const socklen_t len = address_to_sockaddr(&address, &storage);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)&storage, len) != 0 ||
        (type == SOCK_STREAM && !deaf && listen(fd, 5) != 0)) {
        return -1;
    }
    return fd;
}

static int make(enum passed what, uint16_t port)
{
    switch (what) {
    case UDP4:
        return bound(AF_INET, SOCK_DGRAM, "127.0.0.1", port, false);
    case TCP4:
        return bound(AF_INET, SOCK_STREAM, "127.0.0.1", port, false);
    case TCP4_DEAF:
        return bound(AF_INET, SOCK_STREAM, "127.0.0.1", port, true);
    case UDP6_ANY_BOTH:
        return bound(AF_INET6, SOCK_DGRAM, "::", port, false);
    case UDP_OTHER:
        return bound(AF_INET, SOCK_DGRAM, "127.0.0.2", port, false);
    case UNIX:
        return socket(AF_UNIX, SOCK_DGRAM, 0);
    case FILE_:
        return open("/dev/null", O_RDONLY);
    case END:
        break;
    }
    return -1;
}

/* A port that is free over both, as far as one can know. */
static uint16_t free_port(void)
{
    struct address address;
    struct net_sockets pair;

    assert_int_equal(address_parse("127.0.0.1", 9, 0, &address), 0);
    assert_int_equal(net_sockets_open(&address, true, &pair), 0);
    net_sockets_close(&pair);
    return address.port;
}

/* In the child: exit status 100 + rc on success with workers' pairs checked. */
static int child(const enum passed *what, uint16_t port, const char *pid)
{
    struct config config = {.listen_count = 1};
    struct activation activation = {0};
    struct start_sockets sockets;
    int fds[ACTIVATION_UNIT_MAX + 2];
    char text[32];
    int count = 0;

    for (; what[count] != END; count++) {
        fds[count] = make(what[count], port);
        if (fds[count] < 0) {
            return 90;
        }
        fds[count] = fcntl(fds[count], F_DUPFD, 100); /* out of the way */
    }
    for (int i = 0; i < count; i++) {
        if (dup2(fds[i], 3 + i) < 0) {
            return 91;
        }
        close(fds[i]);
    }
    snprintf(text, sizeof(text), "%d", count);
    setenv("LISTEN_FDS", text, 1);
    snprintf(text, sizeof(text), "%ld", (long)getpid());
    setenv("LISTEN_PID", pid != NULL ? pid : text, 1);
    if (address_parse("127.0.0.1", 9, port, &config.listen[0]) != 0) {
        return 92;
    }
    if (activation_take(&activation, stderr) != 0 ||
        start_sockets_open(&config, 2, &activation, &sockets) != 0) {
        return 1;
    }
    if (getenv("LISTEN_FDS") != NULL || getenv("LISTEN_PID") != NULL) {
        return 93;
    }
    const bool passed = sockets.passed[0];
    if (passed != sockets.kept || sockets.forget) {
        return 97;
    }
    /* Each worker has descriptors of its own; closing one leaves the other. */
    if (sockets.pairs[0].udp == sockets.pairs[1].udp ||
        sockets.pairs[0].tcp == sockets.pairs[1].tcp) {
        return 94;
    }
    for (int w = 0; w < 2; w++) {
        if ((fcntl(sockets.pairs[w].udp, F_GETFL) & O_NONBLOCK) == 0 ||
            (fcntl(sockets.pairs[w].tcp, F_GETFL) & O_NONBLOCK) == 0 ||
            (fcntl(sockets.pairs[w].udp, F_GETFD) & FD_CLOEXEC) == 0 ||
            (fcntl(sockets.pairs[w].tcp, F_GETFD) & FD_CLOEXEC) == 0) {
            return 95;
        }
        int info = 0;
        socklen_t len = sizeof(info);
        if (getsockopt(sockets.pairs[w].udp, IPPROTO_IP, IP_MTU_DISCOVER, &info, &len) != 0 ||
            info != IP_PMTUDISC_OMIT) {
            return 96;
        }
    }
    start_sockets_close(&sockets, 0);
    return passed ? 10 : 11;
}

/* The child's exit status; what it says is in said. */
static int run(const enum passed *what, const char *pid, char said[2048])
{
    const uint16_t port = free_port();
    int status = 0;
    int pipes[2];
    size_t len = 0;
    ssize_t got;

    assert_int_equal(pipe(pipes), 0);
    const pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        _exit(child(what, port, pid));
    }
    close(pipes[1]);
    while (len < 2047 && (got = read(pipes[0], said + len, 2047 - len)) > 0) {
        len += (size_t)got;
    }
    said[len] = '\0';
    close(pipes[0]);
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void passed_sockets_are_used_by_all_workers(void **state)
{
    char said[2048];

    (void)state;
    assert_int_equal(run((const enum passed[]){UDP4, TCP4, END}, NULL, said), 10);
    assert_int_equal(run((const enum passed[]){TCP4, UDP4, END}, NULL, said), 10);
    assert_non_null(strstr(said, "the service manager has passed sockets"));
}

static void without_any_they_are_opened_here(void **state)
{
    char said[2048];

    (void)state;
    assert_int_equal(run((const enum passed[]){END}, NULL, said), 11);
    /* For another process: those descriptors are not ours to touch. */
    assert_int_equal(run((const enum passed[]){UNIX, END}, "1", said), 11);
    assert_int_equal(run((const enum passed[]){FILE_, END}, "x", said), 11);
    assert_int_equal(run((const enum passed[]){FILE_, END}, "", said), 11);
}

static void what_could_not_be_served_is_refused(void **state)
{
    static const struct {
        enum passed what[4];
        const char *says;
    } cases[] = {
        {{UDP4, END}, "passes a UDP socket of 127.0.0.1"}, /* no partner */
        {{TCP4, END}, "but none for UDP"},                 /* no partner */
        {{UDP4, TCP4_DEAF, END}, "Accept=no"},             /* bound, not listening */
        {{UDP4, TCP4, UDP_OTHER, END}, "which server.listen does not name"}, /* a stranger */
        {{UDP6_ANY_BOTH, END}, "BindIPv6Only"},     /* mapped addresses */
        {{UNIX, END}, "no socket of IPv4 or IPv6"}, /* another family */
        {{UDP4, TCP4, FILE_, END}, "is no socket"}, /* a file */
    };
    char said[2048];

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        assert_int_equal(run(cases[i].what, NULL, said), 1);
        if (strstr(said, cases[i].says) == NULL) {
            fail_msg("case %zu says: %s", i, said);
        }
    }
}

static void more_than_can_be_listened_on_are_refused(void **state)
{
    struct activation activation = {0};
    char text[32];

    (void)state;
    snprintf(text, sizeof(text), "%ld", (long)getpid());
    setenv("LISTEN_PID", text, 1);
    snprintf(text, sizeof(text), "%u", ACTIVATION_MAX + 1);
    setenv("LISTEN_FDS", text, 1);
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    assert_int_equal(activation_take(&activation, null), -E2BIG);
    assert_int_equal(activation.count, 0);
    fclose(null);
}

/* ---- sockets of a life before ---- */

/* Opens so many pairs of one address, as that many workers have had. */
static uint16_t open_pairs(int (*pairs)[2], unsigned count)
{
    struct address address;

    assert_int_equal(address_parse("127.0.0.1", 9, 0, &address), 0);
    for (unsigned i = 0; i < count; i++) {
        struct net_sockets pair;

        assert_int_equal(net_sockets_open(&address, i == 0, &pair), 0);
        pairs[i][0] = pair.udp;
        pairs[i][1] = pair.tcp;
    }
    return address.port;
}

static uint64_t cookie(int fd)
{
    uint64_t value = 0;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &value, &len), 0);
    return value; /* of the socket: the same for all duplicates */
}

/* How many of the workers' sockets, UDP or TCP, are this one. */
static unsigned readers(const struct start_sockets *sockets, uint64_t wanted)
{
    unsigned count = 0;

    for (size_t i = 0; i < sockets->workers * sockets->slots; i++) {
        count += cookie(sockets->pairs[i].udp) == wanted;
        count += cookie(sockets->pairs[i].tcp) == wanted;
    }
    return count;
}

static void every_socket_of_the_life_before_has_a_reader(void **state)
{
    static const struct {
        unsigned before, now;
        size_t slots;
    } cases[] = {
        {1, 1, 1},   {2, 2, 1},   {1, 3, 1}, {2, 5, 1}, /* as many or more workers */
        {3, 1, 3},   {4, 2, 2},   {3, 2, 2}, {7, 3, 3}, /* fewer: they read from several */
        {32, 1, 32}, {33, 2, 17},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct config config = {.listen_count = 1};
        struct activation activation = {0};
        struct start_sockets sockets;
        uint64_t cookies[40][2];
        int pairs[40][2];

        const uint16_t port = open_pairs(pairs, cases[i].before);
        assert_int_equal(address_parse("127.0.0.1", 9, port, &config.listen[0]), 0);
        for (unsigned j = 0; j < cases[i].before; j++) {
            cookies[j][0] = cookie(pairs[j][0]);
            cookies[j][1] = cookie(pairs[j][1]);
            assert_int_equal(activation_add(&activation, pairs[j][0], stderr), 0);
            assert_int_equal(activation_add(&activation, pairs[j][1], stderr), 0);
        }
        assert_int_equal(start_sockets_open(&config, cases[i].now, &activation, &sockets), 0);
        assert_int_equal(sockets.slots, cases[i].slots);
        assert_int_equal(sockets.count, 1);
        assert_true(sockets.passed[0]);
        assert_false(sockets.kept);
        assert_false(sockets.forget);
        for (unsigned j = 0; j < cases[i].before; j++) {
            assert_true(readers(&sockets, cookies[j][0]) >= 1);
            assert_true(readers(&sockets, cookies[j][1]) >= 1);
        }
        for (size_t s = 0; s < sockets.slots; s++) {
            assert_true(address_equal(&sockets.slot[s], &config.listen[0]));
        }
        start_sockets_close(&sockets, 0);
    }
}

static int processor_of(int fd)
{
    int value = -2;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &value, &len), 0);
    return value;
}

/* New ones, and those of a life before that was told otherwise. */
static void each_worker_gets_what_its_processor_receives_if_told_to(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        struct config config = {.listen_count = 1};
        struct activation activation = {0};
        struct start_sockets before;
        struct start_sockets now;

        assert_int_equal(address_parse("127.0.0.1", 9, free_port(), &config.listen[0]), 0);
        config.steer = told == 1;
        assert_int_equal(start_sockets_open(&config, 3, &activation, &before), 0);
        for (int w = 0; w < 3; w++) {
            assert_int_equal(processor_of(before.pairs[w].udp), told == 1 ? w : -1);
            assert_int_equal(activation_add(&activation, dup(before.pairs[w].udp), stderr), 0);
            assert_int_equal(activation_add(&activation, dup(before.pairs[w].tcp), stderr), 0);
        }
        config.steer = told == 0;
        assert_int_equal(start_sockets_open(&config, 3, &activation, &now), 0);
        for (int w = 0; w < 3; w++) {
            assert_int_equal(processor_of(now.pairs[w].udp), told == 0 ? w : -1);
        }
        start_sockets_close(&now, 0);
        start_sockets_close(&before, 0);
    }
}

static void what_is_not_wanted_any_more_is_closed_and_no_reason_to_fail(void **state)
{
    struct config config = {.listen_count = 1};
    struct activation activation = {0};
    struct start_sockets sockets;
    int ends[2];
    int pairs[2][2];

    (void)state;
    open_pairs(pairs, 1); /* of another port than the configured one */
    assert_int_equal(address_parse("127.0.0.1", 9, free_port(), &config.listen[0]), 0);
    const int udp = fcntl(pairs[0][0], F_DUPFD_CLOEXEC, 3);
    assert_int_equal(activation_add(&activation, pairs[0][0], stderr), 0);
    assert_int_equal(activation_add(&activation, pairs[0][1], stderr), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(activation_add(&activation, ends[0], stderr), 0); /* none of ours */
    assert_int_equal(activation.count, 2);
    close(ends[1]);
    assert_int_equal(start_sockets_open(&config, 1, &activation, &sockets), 0);
    assert_false(sockets.passed[0]);
    assert_true(sockets.forget);
    start_sockets_close(&sockets, 0);
    close(udp);
}

static void a_socket_without_its_partner_is_opened_anew(void **state)
{
    struct config config = {.listen_count = 1};
    struct activation activation = {0};
    struct start_sockets sockets;
    int pairs[2][2];

    (void)state;
    const uint16_t port = open_pairs(pairs, 2);
    assert_int_equal(address_parse("127.0.0.1", 9, port, &config.listen[0]), 0);
    close(pairs[1][1]);
    assert_int_equal(activation_add(&activation, pairs[0][0], stderr), 0);
    assert_int_equal(activation_add(&activation, pairs[1][0], stderr), 0);
    assert_int_equal(activation_add(&activation, pairs[0][1], stderr), 0);
    assert_int_equal(start_sockets_open(&config, 2, &activation, &sockets), 0);
    assert_true(sockets.passed[0]);
    assert_true(sockets.forget);
    start_sockets_close(&sockets, 0);
}

static void connections_are_kept_for_the_workers(void **state)
{
    struct config config = {.listen_count = 1};
    struct activation activation = {0};
    struct start_sockets sockets;
    struct sockaddr_storage to;
    struct address address;
    int pairs[1][2];

    (void)state;
    const uint16_t port = open_pairs(pairs, 1);
    assert_int_equal(address_parse("127.0.0.1", 9, port, &address), 0);
    const socklen_t len = address_to_sockaddr(&address, &to);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, len), 0);
    const int accepted = accept(pairs[0][1], NULL, NULL);
    assert_true(accepted >= 0);
    config.listen[0] = address;
    assert_int_equal(activation_add(&activation, accepted, stderr), 0);
    assert_int_equal(activation_add(&activation, pairs[0][0], stderr), 0);
    assert_int_equal(activation_add(&activation, pairs[0][1], stderr), 0);
    assert_int_equal(start_sockets_open(&config, 1, &activation, &sockets), 0);
    assert_int_equal(sockets.connection_count, 1);
    assert_int_equal(sockets.connections[0], accepted);
    start_sockets_close(&sockets, 0);
    char octet;
    assert_int_equal(recv(client, &octet, 1, MSG_DONTWAIT), 0); /* closed with the rest */
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passed_sockets_are_used_by_all_workers),
        cmocka_unit_test(without_any_they_are_opened_here),
        cmocka_unit_test(what_could_not_be_served_is_refused),
        cmocka_unit_test(more_than_can_be_listened_on_are_refused),
        cmocka_unit_test(every_socket_of_the_life_before_has_a_reader),
        cmocka_unit_test(each_worker_gets_what_its_processor_receives_if_told_to),
        cmocka_unit_test(what_is_not_wanted_any_more_is_closed_and_no_reason_to_fail),
        cmocka_unit_test(a_socket_without_its_partner_is_opened_anew),
        cmocka_unit_test(connections_are_kept_for_the_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
