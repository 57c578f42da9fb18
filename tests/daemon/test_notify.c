/* What the service manager hears, and what it says about the watchdog. */
#include "daemon/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* A manager that listens on an abstract name of this process's own. */
static int manager(char name[64])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    snprintf(name, 64, "@cordon-test-notify-%ld", (long)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    return fd;
}

static void what_is_said_arrives_whole(void **state)
{
    char name[64];
    char heard[NOTIFY_MAX] = "";
    const int fd = manager(name);

    (void)state;
    setenv("NOTIFY_SOCKET", name, 1);
    notify_manager("READY=1\nSTATUS=generation %d", 7);
    assert_int_equal(recv(fd, heard, sizeof(heard) - 1, 0), 27);
    assert_string_equal(heard, "READY=1\nSTATUS=generation 7");
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

static void a_long_message_is_cut(void **state)
{
    char name[64];
    char heard[2 * NOTIFY_MAX];
    char text[2 * NOTIFY_MAX];
    const int fd = manager(name);

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    notify_manager("STATUS=%s", text);
    assert_int_equal(recv(fd, heard, sizeof(heard), 0), NOTIFY_MAX - 1);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

/* Descriptors that one message brought; their octets are in said. */
static size_t receive(int fd, char *said, size_t room)
{
    union {
        size_t alignment;
        uint8_t octets[CMSG_SPACE(256 * sizeof(int))];
    } control;
    struct iovec octets = {said, room - 1};
    struct msghdr message = {.msg_iov = &octets,
                             .msg_iovlen = 1,
                             .msg_control = control.octets,
                             .msg_controllen = sizeof(control.octets)};
    const ssize_t got = recvmsg(fd, &message, 0);
    const struct cmsghdr *c = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
    int fds[256];

    said[got < 0 ? 0 : got] = '\0';
    if (c == NULL) {
        return 0;
    }
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(c), count * sizeof(int));
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
    return count;
}

static void descriptors_are_stored_in_messages_that_the_kernel_takes(void **state)
{
    int fds[NOTIFY_STORE_MAX + 3];
    char heard[NOTIFY_MAX];
    char name[64];
    const int fd = manager(name);

    (void)state;
    for (size_t i = 0; i < ITEMS(fds); i++) {
        fds[i] = fd;
    }
    setenv("NOTIFY_SOCKET", name, 1);
    assert_true(notify_is_managed());
    notify_store(fds, ITEMS(fds), "cordon.listen", false);
    assert_int_equal(receive(fd, heard, sizeof(heard)), NOTIFY_STORE_MAX);
    assert_string_equal(heard, "FDSTORE=1\nFDNAME=cordon.listen\nFDPOLL=0");
    assert_int_equal(receive(fd, heard, sizeof(heard)), 3);
    notify_store(fds, 1, "cordon.client", true);
    assert_int_equal(receive(fd, heard, sizeof(heard)), 1);
    assert_string_equal(heard, "FDSTORE=1\nFDNAME=cordon.client");
    notify_store(fds, 0, "cordon.listen", true); /* nothing to say */
    notify_forget("cordon.client");
    assert_int_equal(receive(fd, heard, sizeof(heard)), 0);
    assert_string_equal(heard, "FDSTOREREMOVE=1\nFDNAME=cordon.client");
    unsetenv("NOTIFY_SOCKET");
    assert_false(notify_is_managed());
    notify_store(fds, 1, "cordon.client", true); /* nobody is there */
    close(fd);
}

static void a_manager_that_is_not_there_is_no_fault(void **state)
{
    static const char *const paths[] = {
        "",                       /* empty */
        "/",                      /* a folder */
        "/nonexistent/cordon",    /* missing */
        "relative",               /* neither a path nor abstract */
        "@",                      /* a name without a name */
        "@cordon-test-no-such-1", /* nobody listens */
    };
    char longer[256];

    (void)state;
    for (size_t i = 0; i < ITEMS(paths); i++) {
        setenv("NOTIFY_SOCKET", paths[i], 1);
        notify_manager("READY=1");
    }
    memset(longer, 'a', sizeof(longer) - 1);
    longer[0] = '/';
    longer[sizeof(longer) - 1] = '\0'; /* longer than an address can be */
    setenv("NOTIFY_SOCKET", longer, 1);
    notify_manager("READY=1");
    unsetenv("NOTIFY_SOCKET");
}

static void the_watchdog_is_what_the_manager_says(void **state)
{
    char self[32];
    const struct {
        const char *pid, *usec;
        uint64_t want;
    } cases[] = {
        {NULL, "30000000", 30000000},            /* for whoever reads it */
        {self, "30000000", 30000000},            /* for us */
        {"1", "30000000", 0},                    /* for another process */
        {"x", "30000000", 0},                    /* for nobody */
        {NULL, NULL, 0},                         /* none */
        {self, NULL, 0},                         /* none */
        {self, "", 0},                           /* empty */
        {self, "0", 0},                          /* none */
        {self, "-1", 0},                         /* no number */
        {self, " 5", 0},                         /* no number */
        {self, "30s", 0},                        /* a unit is not foreseen */
        {self, "99999999999999999999999999", 0}, /* over 64 bits */
    };

    (void)state;
    snprintf(self, sizeof(self), "%ld", (long)getpid());
    for (size_t i = 0; i < ITEMS(cases); i++) {
        unsetenv("WATCHDOG_PID");
        unsetenv("WATCHDOG_USEC");
        if (cases[i].pid != NULL) {
            setenv("WATCHDOG_PID", cases[i].pid, 1);
        }
        if (cases[i].usec != NULL) {
            setenv("WATCHDOG_USEC", cases[i].usec, 1);
        }
        assert_int_equal(notify_watchdog_us(), cases[i].want);
    }
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_arrives_whole),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(descriptors_are_stored_in_messages_that_the_kernel_takes),
        cmocka_unit_test(a_manager_that_is_not_there_is_no_fault),
        cmocka_unit_test(the_watchdog_is_what_the_manager_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
