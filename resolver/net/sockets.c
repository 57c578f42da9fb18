#include "net/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* Binds, and reads back which port it became. Closes the socket on failure. */
static int bind_to(int fd, struct address *address)
{
    struct sockaddr_storage storage;
    socklen_t len = address_to_sockaddr(address, &storage);

    if (bind(fd, (const struct sockaddr *)&storage, len) != 0) {
        return -errno;
    }
    len = sizeof(storage);
    if (getsockname(fd, (struct sockaddr *)&storage, &len) != 0) {
        return -errno;
    }
    struct address bound;
    if (!address_from_sockaddr((const struct sockaddr *)&storage, &bound)) {
        return -EAFNOSUPPORT;
    }
    address->port = bound.port;
    return 0;
}

static int open_socket(const struct address *address, int type, int *fd)
{
    const int family = address->family == ADDRESS_V6 ? AF_INET6 : AF_INET;
    const int opened = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (opened < 0) {
        return -errno;
    }
    /* IPv4 has a socket of its own: no mapped addresses. */
    const int rc = family == AF_INET6 ? set(opened, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
    if (rc != 0) {
        close(opened);
        return rc;
    }
    *fd = opened;
    return 0;
}

bool net_is_wide(const struct address *address)
{
    return address_is_any(address) ||
           (address->family == ADDRESS_V4 ? (address->octets[0] & 0xf0) == 0xe0
                                          : address->octets[0] == 0xff);
}

/* Whether a socket that may send to everybody, or one that may not, takes it as its peer. 0 or
 * -errno. */
static int try_peer(const struct address *address, int to_everybody)
{
    struct sockaddr_storage storage;
    const socklen_t len = address_to_sockaddr(address, &storage);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? -errno : set(fd, SOL_SOCKET, SO_BROADCAST, to_everybody);

    if (rc == 0 && connect(fd, (const struct sockaddr *)&storage, len) != 0) {
        rc = -errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

bool net_is_broadcast(const struct address *address)
{
    return address->family == ADDRESS_V4 && !net_is_wide(address) &&
           try_peer(address, 0) == -EACCES && try_peer(address, 1) == 0;
}

/* What an answer needs: the address asked on the way in, where it is not the socket's own; and
 * no path MTU that a stranger can lower by forged ICMP (RFC 9715, 3.1): the size limit of
 * answers keeps them whole. */
static int prepare_udp(int fd, const struct address *address)
{
    const int wide = net_is_wide(address) ? 1 : 0;
    int rc = 0;

    if (net_is_broadcast(address)) { /* the kernel does not tell such questions apart here */
        rc = -EADDRNOTAVAIL;
    } else if (address->family == ADDRESS_V6) {
        rc = set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, wide);
        if (set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) != 0) {
            (void)set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
        }
    } else {
        rc = set(fd, IPPROTO_IP, IP_PKTINFO, wide);
        if (set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) != 0) {
            (void)set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
        }
    }
    /* Beyond the system's limit where we have the right to; else as much as there is. */
    if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, (int)NET_RECEIVE_BUFFER) != 0) {
        (void)set(fd, SOL_SOCKET, SO_RCVBUF, (int)NET_RECEIVE_BUFFER);
    }
    return rc;
}

static int open_udp(struct address *address, bool share, int *fd)
{
    int opened = -1;
    int rc = open_socket(address, SOCK_DGRAM, &opened);

    if (rc != 0) {
        return rc;
    }
    if (share) {
        rc = set(opened, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (rc == 0) {
        rc = prepare_udp(opened, address);
    }
    if (rc == 0) {
        rc = bind_to(opened, address);
    }
    if (rc != 0) {
        close(opened);
        return rc;
    }
    *fd = opened;
    return 0;
}

/* SO_REUSEADDR: connections in TIME_WAIT after a restart do not hold the port; a listener
 * does. */
static int open_tcp(struct address *address, bool share, int *fd)
{
    int opened = -1;
    int rc = open_socket(address, SOCK_STREAM, &opened);

    if (rc != 0) {
        return rc;
    }
    rc = set(opened, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0 && share) {
        rc = set(opened, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (rc == 0) {
        rc = bind_to(opened, address);
    }
    if (rc == 0 && share && listen(opened, NET_TCP_BACKLOG) != 0) {
        rc = -errno;
    }
    if (rc != 0) {
        close(opened);
        return rc;
    }
    *fd = opened;
    return 0;
}

static int open_pair(struct address *address, bool share, struct net_sockets *sockets)
{
    struct net_sockets opened = {-1, -1};
    int rc = open_udp(address, share, &opened.udp);

    if (rc == 0) {
        rc = open_tcp(address, share, &opened.tcp);
    }
    if (rc != 0) {
        net_sockets_close(&opened);
        return rc;
    }
    *sockets = opened;
    return 0;
}

int net_sockets_open(struct address *address, bool exclusive, struct net_sockets *sockets)
{
    const unsigned attempts = address->port == 0 ? NET_PORT_ATTEMPTS : 1;
    int rc = -EADDRINUSE;

    for (unsigned i = 0; i < attempts && rc == -EADDRINUSE; i++) {
        struct address at = *address;
        struct net_sockets opened = {-1, -1};

        rc = 0;
        if (exclusive) {
            /* Sockets that share nothing bind only if nobody at all holds the port; those
             * that share would join another program's, and each get half of the questions. */
            rc = open_pair(&at, false, &opened);
            if (rc == 0) {
                net_sockets_close(&opened);
            }
        }
        if (rc == 0) {
            rc = open_pair(&at, true, &opened);
        }
        if (rc == 0) {
            *address = at;
            *sockets = opened;
        }
    }
    return rc;
}

static int set_flags(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
                   fcntl(fd, F_SETFD, FD_CLOEXEC) != 0
               ? -errno
               : 0;
}

int net_sockets_adopt(const struct address *address, const struct net_sockets *sockets)
{
    int rc = set_flags(sockets->udp);

    rc = rc != 0 ? rc : set_flags(sockets->tcp);
    return rc != 0 ? rc : prepare_udp(sockets->udp, address);
}

void net_sockets_steer(const struct net_sockets *sockets, int processor)
{
    (void)set(sockets->udp, SOL_SOCKET, SO_INCOMING_CPU, processor);
}

void net_sockets_close(struct net_sockets *sockets)
{
    if (sockets->udp >= 0) {
        close(sockets->udp);
    }
    if (sockets->tcp >= 0) {
        close(sockets->tcp);
    }
    *sockets = (struct net_sockets){-1, -1};
}
