#include "base/invariant.h"
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

static int send_octets(const struct upstream_udp *udp, const struct upstream_try *t)
{
    const ssize_t sent = send(udp->socket.fd, t->octets, t->len, MSG_NOSIGNAL);

    if (sent < 0) {
        return -errno;
    }
    return (size_t)sent == t->len ? 0 : -EMSGSIZE;
}

static int connect_from_random_port(struct upstream_transport *transport,
                                    const struct upstream_udp *udp)
{
    struct sockaddr_storage storage;
    const socklen_t len = address_to_sockaddr(&udp->server, &storage);
    const int rc = bind_random_port(transport, udp->socket.fd, udp->server.family);

    if (rc != 0) {
        return rc;
    }
    return connect(udp->socket.fd, (const struct sockaddr *)&storage, len) == 0 ? 0 : -errno;
}

static void close_udp(struct upstream_transport *transport, struct upstream_udp *udp)
{
    upstream_socket_close(&udp->socket);
    pool_give_back(transport->udp, udp);
}

/* ---- sockets that wait for another question ---- */

static struct upstream_udp *take_waiting_at(struct upstream_udp_waiting *waiting, unsigned at)
{
    struct upstream_udp *udp = waiting->at[at];

    waiting->at[at] = waiting->at[--waiting->count];
    return udp;
}

/* It does not wait any more. */
static void leave_waiting(struct upstream_transport *transport, const struct upstream_udp *udp)
{
    struct upstream_udp_waiting *waiting = &transport->udp_waiting[udp->server_index];
    unsigned at = 0;

    while (waiting->at[at] != udp) {
        at++;
        invariant(at < waiting->count);
    }
    take_waiting_at(waiting, at);
}

static bool is_old(const struct upstream_transport *transport, const struct upstream_udp *udp)
{
    return uv_now(transport->loop) - udp->opened_ms >= UPSTREAM_UDP_KEPT_MS;
}

/* One of those that wait, drawn by chance; NULL: a new one is to be opened. */
static struct upstream_udp *take_waiting(struct upstream_transport *transport,
                                         const struct upstream_try *t)
{
    struct upstream_udp_waiting *waiting = &transport->udp_waiting[t->server_index];

    while (waiting->count >= UPSTREAM_UDP_WAITING_MIN) {
        struct upstream_udp *udp =
            take_waiting_at(waiting, random_below(transport->random, waiting->count));

        /* Another server may have got the number since. */
        if (address_equal(&udp->server, &t->server->address) && !is_old(transport, udp)) {
            return udp;
        }
        close_udp(transport, udp);
    }
    return NULL;
}

bool upstream_udp_look_after(struct upstream_transport *transport)
{
    bool any = false;

    for (unsigned i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        struct upstream_udp_waiting *waiting = &transport->udp_waiting[i];

        for (unsigned at = waiting->count; at > 0; at--) {
            if (is_old(transport, waiting->at[at - 1])) {
                close_udp(transport, take_waiting_at(waiting, at - 1));
            }
        }
        any = any || waiting->count > 0;
    }
    return any;
}

bool upstream_udp_make_room(struct upstream_transport *transport)
{
    for (unsigned i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        struct upstream_udp_waiting *waiting = &transport->udp_waiting[i];

        if (waiting->count > 0) {
            close_udp(transport, take_waiting_at(waiting, waiting->count - 1));
            return true;
        }
    }
    return false;
}

void upstream_udp_close_waiting(struct upstream_transport *transport)
{
    while (upstream_udp_make_room(transport)) {
    }
}

/* ---- questions ---- */

static void carry(struct upstream_udp *udp, struct upstream_try *t)
{
    udp->t = t;
    udp->questions++;
    udp->heard = 0;
    udp->reading = false;
    t->handle = udp;
}

static int send_on_new(struct upstream_transport *transport, struct upstream_try *t)
{
    struct upstream_udp *udp = pool_take(transport->udp);

    if (udp == NULL) {
        return -ENOBUFS;
    }
    *udp = (struct upstream_udp){.server = t->server->address,
                                 .server_index = t->server_index,
                                 .opened_ms = uv_now(transport->loop)};
    int rc = upstream_socket_open(transport, &udp->socket, UPSTREAM_SOCKET_UDP, &udp->server,
                                  EPOLLIN);
    if (rc != 0) {
        pool_give_back(transport->udp, udp);
        return rc;
    }
    rc = connect_from_random_port(transport, udp);
    if (rc == 0) {
        rc = send_octets(udp, t);
    }
    if (rc != 0) {
        close_udp(transport, udp);
        return rc;
    }
    carry(udp, t);
    return 0;
}

int upstream_udp_send(void *context, struct upstream_try *t)
{
    struct upstream_transport *transport = context;

    if (transport->closing) {
        return -ECANCELED;
    }
    struct upstream_udp *udp = take_waiting(transport, t);
    if (udp != NULL) {
        if (send_octets(udp, t) == 0) {
            carry(udp, t);
            return 0;
        }
        close_udp(transport, udp); /* whatever it was, a new one will tell */
    }
    return send_on_new(transport, t);
}

/* Whether it may carry another question: the first datagram was the answer, so that nobody else
 * knows the port and nothing late is on its way to it. */
static bool may_wait(const struct upstream_transport *transport, const struct upstream_udp *udp)
{
    return udp->reading && udp->heard == 1 && udp->questions < UPSTREAM_UDP_QUESTIONS_MAX &&
           !is_old(transport, udp) && !transport->closing &&
           transport->udp_waiting[udp->server_index].count < UPSTREAM_UDP_WAITING_MAX;
}

void upstream_udp_close(struct upstream_transport *transport, struct upstream_udp *udp)
{
    if (!may_wait(transport, udp)) {
        close_udp(transport, udp);
        return;
    }
    struct upstream_udp_waiting *waiting = &transport->udp_waiting[udp->server_index];

    udp->t = NULL;
    waiting->at[waiting->count++] = udp;
    upstream_transport_look_after(transport);
}

void upstream_udp_ready(struct upstream_transport *transport, struct upstream_udp *udp)
{
    const uint32_t generation = udp->socket.generation;
    const unsigned questions = udp->questions;

    for (unsigned i = 0; i < UPSTREAM_READS_MAX; i++) {
        const ssize_t len =
            recv(udp->socket.fd, transport->datagram, sizeof(transport->datagram), 0);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 && errno == EAGAIN) {
            return;
        }
        if (udp->t == NULL) { /* somebody else has found the port, or the path fails */
            leave_waiting(transport, udp);
            close_udp(transport, udp);
            return;
        }
        if (len < 0) {
            upstream_failed(transport->upstream, udp->t, -errno); /* ICMP */
            return;
        }
        if (udp->heard < 2) {
            udp->heard++;
        }
        udp->reading = true;
        upstream_received(transport->upstream, udp->t, transport->datagram, (size_t)len);
        if (udp->socket.generation != generation || udp->questions != questions ||
            udp->t == NULL) {
            return; /* the try has been closed */
        }
        udp->reading = false;
    }
}
