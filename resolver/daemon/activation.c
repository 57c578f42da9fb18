#include "daemon/activation.h"

#include "base/error.h"

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
    passed->tcp = type == SOCK_STREAM;
    if (type != SOCK_STREAM && type != SOCK_DGRAM) {
        return "is neither UDP nor TCP";
    }
    if (passed->tcp && option_of(passed->fd, SOL_SOCKET, SO_ACCEPTCONN) != 1) {
        return "does not listen: Accept=no is needed in the socket unit";
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
    activation->count = 0;
}

int activation_take(struct activation *activation, FILE *err)
{
    const unsigned long pid = number_of(getenv("LISTEN_PID"));
    const unsigned long count = number_of(getenv("LISTEN_FDS"));

    activation->count = 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (pid != (unsigned long)getpid() || count == 0) {
        return 0;
    }
    if (count > ACTIVATION_MAX) {
        fprintf(err, "error: the service manager passes %lu sockets: at most %u are used\n",
                count, ACTIVATION_MAX);
        return -E2BIG;
    }
    for (unsigned long i = 0; i < count; i++) {
        struct activation_socket *passed = &activation->sockets[activation->count++];
        passed->fd = FIRST_FD + (int)i;
        const char *fault = look_at(passed);
        if (fault != NULL) {
            fprintf(err, "error: descriptor %d that the service manager passes %s\n",
                    passed->fd, fault);
            close_all(activation);
            return -EINVAL;
        }
    }
    return 0;
}

static struct activation_socket *find(struct activation *activation,
                                      const struct address *address, bool tcp)
{
    for (size_t i = 0; i < activation->count; i++) {
        struct activation_socket *passed = &activation->sockets[i];
        if (passed->fd >= 0 && passed->tcp == tcp && address_equal(&passed->address, address)) {
            return passed;
        }
    }
    return NULL;
}

int activation_pair(struct activation *activation, const struct address *address,
                    struct net_sockets *sockets, FILE *err)
{
    struct activation_socket *udp = find(activation, address, false);
    struct activation_socket *tcp = find(activation, address, true);
    char text[ADDRESS_TEXT_MAX];

    if (udp == NULL && tcp == NULL) {
        return -ENOENT;
    }
    address_format(address, true, text);
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
        fprintf(err, "error: the sockets of %s that the service manager passes: %s\n", text,
                cordon_strerror(rc));
        return rc;
    }
    udp->fd = -1;
    tcp->fd = -1;
    *sockets = pair;
    return 0;
}

int activation_finish(struct activation *activation, FILE *err)
{
    int rc = 0;

    for (size_t i = 0; i < activation->count; i++) {
        const struct activation_socket *passed = &activation->sockets[i];
        char text[ADDRESS_TEXT_MAX];

        if (passed->fd < 0) {
            continue;
        }
        address_format(&passed->address, true, text);
        fprintf(err,
                "error: the service manager passes a %s socket of %s, which server.listen does "
                "not name:\n       add it there, or take it out of the socket unit\n",
                passed->tcp ? "TCP" : "UDP", text);
        rc = -EINVAL;
    }
    close_all(activation);
    return rc;
}
