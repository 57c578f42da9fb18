#include "upstream/sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Any local address, a port of our choosing: the kernel's own choice is predictable to some
 * degree and comes from a smaller range (RFC 5452, 9.2). */
static int bind_random_port(struct upstream_transport *transport, int fd, uint8_t family)
{
    struct address any = {.family = family};
    struct sockaddr_storage storage;

    for (unsigned i = 0; i < UPSTREAM_PORT_ATTEMPTS; i++) {
        const uint32_t above = random_below(transport->random, 65536 - UPSTREAM_PORT_MIN);
        any.port = (uint16_t)(UPSTREAM_PORT_MIN + above);
        const socklen_t len = address_to_sockaddr(&any, &storage);
        if (bind(fd, (const struct sockaddr *)&storage, len) == 0) {
            return 0;
        }
        if (errno != EADDRINUSE && errno != EACCES) {
            return -errno;
        }
    }
    return -EADDRINUSE;
}

static int send_question(struct upstream_transport *transport, struct upstream_udp *udp,
                         const struct upstream_try *t)
{
    struct sockaddr_storage storage;
    const socklen_t len = address_to_sockaddr(&t->server->address, &storage);
    const int rc = bind_random_port(transport, udp->socket.fd, t->server->address.family);

    if (rc != 0) {
        return rc;
    }
    if (connect(udp->socket.fd, (const struct sockaddr *)&storage, len) != 0) {
        return -errno;
    }
    const ssize_t sent = send(udp->socket.fd, t->octets, t->len, MSG_NOSIGNAL);
    if (sent < 0) {
        return -errno;
    }
    return (size_t)sent == t->len ? 0 : -EMSGSIZE;
}

int upstream_udp_send(void *context, struct upstream_try *t)
{
    struct upstream_transport *transport = context;

    if (transport->closing) {
        return -ECANCELED;
    }
    struct upstream_udp *udp = pool_take(transport->udp);
    if (udp == NULL) {
        return -ENOBUFS;
    }
    memset(udp, 0, sizeof(*udp));
    int rc = upstream_socket_open(transport, &udp->socket, UPSTREAM_SOCKET_UDP,
                                  &t->server->address, EPOLLIN);
    if (rc == 0) {
        rc = send_question(transport, udp, t);
        if (rc != 0) {
            upstream_socket_close(&udp->socket);
        }
    }
    if (rc != 0) {
        pool_give_back(transport->udp, udp);
        return rc;
    }
    udp->t = t;
    t->handle = udp;
    return 0;
}

void upstream_udp_close(struct upstream_transport *transport, struct upstream_udp *udp)
{
    upstream_socket_close(&udp->socket);
    pool_give_back(transport->udp, udp);
}

void upstream_udp_ready(struct upstream_transport *transport, struct upstream_udp *udp)
{
    const uint32_t generation = udp->socket.generation;

    for (unsigned i = 0; i < UPSTREAM_READS_MAX; i++) {
        const ssize_t len =
            recv(udp->socket.fd, transport->datagram, sizeof(transport->datagram), 0);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0) {
            if (errno != EAGAIN) {
                upstream_failed(transport->upstream, udp->t, -errno); /* ICMP */
            }
            return;
        }
        upstream_received(transport->upstream, udp->t, transport->datagram, (size_t)len);
        if (udp->socket.generation != generation) {
            return; /* the try has been closed */
        }
    }
}
