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
    struct start_sockets sockets;
    int fds[ACTIVATION_MAX + 2];
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
    if (start_sockets_open(&config, 2, &sockets) != 0) {
        return 1;
    }
    if (getenv("LISTEN_FDS") != NULL || getenv("LISTEN_PID") != NULL) {
        return 93;
    }
    const bool passed = sockets.passed[0];
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
        if (getsockopt(sockets.pairs[w].udp, IPPROTO_IP, IP_PKTINFO, &info, &len) != 0 ||
            info != 1) {
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
    struct activation activation;
    char pid[32];

    (void)state;
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "65", 1);
    FILE *null = fopen("/dev/null", "w");
    assert_non_null(null);
    assert_int_equal(activation_take(&activation, null), -E2BIG);
    assert_int_equal(activation.count, 0);
    fclose(null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passed_sockets_are_used_by_all_workers),
        cmocka_unit_test(without_any_they_are_opened_here),
        cmocka_unit_test(what_could_not_be_served_is_refused),
        cmocka_unit_test(more_than_can_be_listened_on_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
