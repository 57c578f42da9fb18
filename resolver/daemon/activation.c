#include "daemon/activation.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3 /* sd_listen_fds(3) */

static unsigned long number_of(const char *text)
{
    char *end = NULL;

    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    return errno != 0 || *end != '\0' ? 0 : value;
}

static int option_of(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof(value);

    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -errno;
}

/* What is wrong with it, or NULL. */
static const char *look_at(struct activation_socket *passed)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    const int type = option_of(passed->fd, SOL_SOCKET, SO_TYPE);

    if (type < 0) {
        return "is no socket";
    }
    if (getsockname(passed->fd, (struct sockaddr *)&storage, &len) != 0 ||
        !address_from_sockaddr((const struct sockaddr *)&storage, &passed->address)) {
        return "is no socket of IPv4 or IPv6";
    }
    if (type != SOCK_STREAM && type != SOCK_DGRAM) {
        return "is neither UDP nor TCP";
    }
    passed->kind = type == SOCK_DGRAM ? ACTIVATION_UDP : ACTIVATION_TCP;
    if (type == SOCK_STREAM && option_of(passed->fd, SOL_SOCKET, SO_ACCEPTCONN) != 1) {
        if (passed->origin == ACTIVATION_UNIT) {
            return "does not listen: Accept=no is needed in the socket unit";
        }
        passed->kind = ACTIVATION_CONNECTION; /* whether it still is one: net_adopt() */
        return NULL;
    }
    /* With mapped addresses the networks of access.allow would not be what they seem. */
    if (passed->address.family == ADDRESS_V6 &&
        option_of(passed->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0 &&
        address_is_any(&passed->address)) {
        return "is for IPv4 too: BindIPv6Only=ipv6-only is needed in the socket unit";
    }
    return NULL;
}

static void close_all(struct activation *activation)
{
    for (size_t i = 0; i < activation->count; i++) {
        if (activation->sockets[i].fd >= 0) {
            close(activation->sockets[i].fd);
        }
    }
    free(activation->sockets);
    *activation = (struct activation){0};
}

static int add(struct activation *activation, int fd, enum activation_origin origin, FILE *err)
{
    struct activation_socket passed = {.fd = fd, .origin = origin};
    const char *fault = look_at(&passed);

    if (fault != NULL) {
        close(fd);
        if (origin != ACTIVATION_UNIT) {
            log_write(LOG_LEVEL_WARNING, "a descriptor of the life before %s: closed", fault);
            return 0; /* no reason not to serve with the others */
        }
        fprintf(err, "error: descriptor %d that the service manager passes %s\n", fd, fault);
        return -EINVAL;
    }
    if (activation->count == activation->room) {
        const size_t room = activation->room == 0 ? 64 : 2 * activation->room;
        struct activation_socket *grown =
            room > 2 * (size_t)ACTIVATION_MAX
                ? NULL
                : realloc(activation->sockets, room * sizeof(*grown));
        if (grown == NULL) {
            close(fd);
            return -ENOMEM;
        }
        activation->sockets = grown;
        activation->room = room;
    }
    activation->sockets[activation->count++] = passed;
    if (passed.kind != ACTIVATION_CONNECTION) {
        activation->unit += origin == ACTIVATION_UNIT;
        activation->stored += origin == ACTIVATION_STORED;
        activation->handed += origin == ACTIVATION_HANDED;
    }
    return 0;
}

int activation_add(struct activation *activation, int fd, FILE *err)
{
    return add(activation, fd, ACTIVATION_HANDED, err);
}

/* The next name of "a:b:c", without moving behind the end; "" if there is none. */
static size_t next_name(const char **names, const char **name)
{
    const size_t len = strcspn(*names, ":");

    *name = *names;
    *names += len + ((*names)[len] == ':' ? 1 : 0);
    return len;
}

static bool is_name(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

static int take(struct activation *activation, unsigned long count, const char *names,
                FILE *err)
{
    for (unsigned long i = 0; i < count; i++) {
        const char *name;
        const size_t len = next_name(&names, &name);
        const bool is_stored = is_name(name, len, ACTIVATION_STORED_LISTEN) ||
                               is_name(name, len, ACTIVATION_STORED_CLIENT);
        const int rc = add(activation, FIRST_FD + (int)i,
                           is_stored ? ACTIVATION_STORED : ACTIVATION_UNIT, err);
        if (rc != 0) {
            close_all(activation);
            return rc;
        }
        if (activation->unit > ACTIVATION_UNIT_MAX) {
            fprintf(err, "error: a socket unit passes more than %u sockets\n",
                    ACTIVATION_UNIT_MAX);
            close_all(activation);
            return -E2BIG;
        }
    }
    return 0;
}

int activation_take(struct activation *activation, FILE *err)
{
    const unsigned long pid = number_of(getenv("LISTEN_PID"));
    const unsigned long count = number_of(getenv("LISTEN_FDS"));
    const char *named = getenv("LISTEN_FDNAMES");
    char *names = strdup(named == NULL ? "" : named);
    int rc = 0;

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (names == NULL) {
        return -ENOMEM;
    }
    if (pid == (unsigned long)getpid() && count > ACTIVATION_MAX) {
        fprintf(err, "error: the service manager passes %lu sockets: at most %u are used\n",
                count, ACTIVATION_MAX);
        rc = -E2BIG;
    } else if (pid == (unsigned long)getpid()) {
        rc = take(activation, count, names, err);
    }
    free(names);
    return rc;
}

static struct activation_socket *find(struct activation *activation,
                                      const struct address *address, enum activation_kind kind)
{
    for (size_t i = 0; i < activation->count; i++) {
        struct activation_socket *passed = &activation->sockets[i];
        if (passed->fd >= 0 && passed->kind == kind &&
            address_equal(&passed->address, address)) {
            return passed;
        }
    }
    return NULL;
}

int activation_pair(struct activation *activation, const struct address *address,
                    struct net_sockets *sockets, enum activation_origin *origin, FILE *err)
{
    struct activation_socket *udp = find(activation, address, ACTIVATION_UDP);
    struct activation_socket *tcp = find(activation, address, ACTIVATION_TCP);
    const struct activation_socket *any = udp != NULL ? udp : tcp;
    char text[ADDRESS_TEXT_MAX];

    if (any == NULL) {
        return -ENOENT;
    }
    address_format(address, true, text);
    if ((udp == NULL || tcp == NULL) && any->origin != ACTIVATION_UNIT) {
        return -ENOENT; /* its partner found no room in the store */
    }
    if (udp == NULL || tcp == NULL) {
        fprintf(err,
                "error: the service manager passes a %s socket of %s, but none for %s: the "
                "socket unit\n       needs both ListenDatagram and ListenStream\n",
                udp == NULL ? "TCP" : "UDP", text, udp == NULL ? "UDP" : "TCP");
        return -EINVAL;
    }
    const struct net_sockets pair = {.udp = udp->fd, .tcp = tcp->fd};
    const int rc = net_sockets_adopt(address, &pair);
    if (rc != 0) {
        fprintf(err, "error: the sockets of %s that were passed: %s\n", text,
                net_is_broadcast(address) ? "it is a broadcast address" : cordon_strerror(rc));
        return rc;
    }
    *origin = any->origin;
    udp->fd = -1;
    tcp->fd = -1;
    *sockets = pair;
    return 0;
}

int activation_connection(struct activation *activation)
{
    for (size_t i = 0; i < activation->count; i++) {
        struct activation_socket *passed = &activation->sockets[i];
        if (passed->fd >= 0 && passed->kind == ACTIVATION_CONNECTION) {
            const int fd = passed->fd;
            passed->fd = -1;
            return fd;
        }
    }
    return -1;
}

int activation_finish(struct activation *activation, unsigned *dropped, FILE *err)
{
    int rc = 0;

    *dropped = 0;
    for (size_t i = 0; i < activation->count; i++) {
        const struct activation_socket *passed = &activation->sockets[i];
        char text[ADDRESS_TEXT_MAX];

        if (passed->fd < 0 || passed->kind == ACTIVATION_CONNECTION) {
            continue;
        }
        address_format(&passed->address, true, text);
        if (passed->origin != ACTIVATION_UNIT) {
            ++*dropped;
            log_write(LOG_LEVEL_INFO, "the %s socket of %s is not used any more: closed",
                      passed->kind == ACTIVATION_TCP ? "TCP" : "UDP", text);
            continue;
        }
        fprintf(err,
                "error: the service manager passes a %s socket of %s, which server.listen does "
                "not name:\n       add it there, or take it out of the socket unit\n",
                passed->kind == ACTIVATION_TCP ? "TCP" : "UDP", text);
        rc = -EINVAL;
    }
    close_all(activation);
    return rc;
}
