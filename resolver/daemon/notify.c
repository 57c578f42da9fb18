#include "daemon/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* False: there is no manager. */
static bool manager_address(struct sockaddr_un *address, socklen_t *size)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const size_t len = path == NULL ? 0 : strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len < 2 || len > sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@')) {
        return false;
    }
    memcpy(address->sun_path, path, len);
    if (path[0] == '@') {
        address->sun_path[0] = '\0'; /* the abstract name space of unix(7) */
    }
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

bool notify_is_managed(void)
{
    struct sockaddr_un address;
    socklen_t size;

    return manager_address(&address, &size);
}

/* At most NOTIFY_STORE_MAX descriptors. wait: with patience. */
static void send_state(const char *state, const int *fds, size_t count, bool wait)
{
    const struct timeval patience = {.tv_usec = (suseconds_t)NOTIFY_STORE_MS * 1000};
    union {
        size_t alignment; /* that of struct cmsghdr */
        uint8_t octets[CMSG_SPACE(NOTIFY_STORE_MAX * sizeof(int))];
    } control;
    struct iovec octets = {(void *)(uintptr_t)state, strlen(state)};
    struct sockaddr_un address;
    struct msghdr message = {.msg_name = &address, .msg_iov = &octets, .msg_iovlen = 1};

    if (!manager_address(&address, &message.msg_namelen)) {
        return;
    }
    if (count > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.octets;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    (void)sent;
    close(fd);
}

void notify_manager(const char *format, ...)
{
    char state[NOTIFY_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(state, sizeof(state), format, arguments);
    va_end(arguments);
    send_state(state, NULL, 0, false);
}

void notify_store(const int *fds, size_t count, const char *name, bool poll)
{
    char state[NOTIFY_MAX];

    snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s%s", name, poll ? "" : "\nFDPOLL=0");
    for (size_t at = 0; at < count; at += NOTIFY_STORE_MAX) {
        const size_t now = count - at < NOTIFY_STORE_MAX ? count - at : NOTIFY_STORE_MAX;

        send_state(state, fds + at, now, true);
    }
}

void notify_forget(const char *name)
{
    notify_manager("FDSTOREREMOVE=1\nFDNAME=%s", name);
}

/* A whole decimal number above 0, or 0. */
static uint64_t number_of(const char *text)
{
    char *end = NULL;

    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    return errno != 0 || *end != '\0' ? 0 : value;
}

uint64_t notify_watchdog_us(void)
{
    const char *pid = getenv("WATCHDOG_PID");

    if (pid != NULL && number_of(pid) != (uint64_t)getpid()) {
        return 0; /* meant for a parent of ours */
    }
    return number_of(getenv("WATCHDOG_USEC"));
}
