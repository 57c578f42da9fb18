#include "base/invariant.h"
#include "upstream/exchange.h"
#include "upstream/sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(UPSTREAM_UDP_AT_ONCE_MAX == 32, "a bit of used and unsent for each place");
_Static_assert(UPSTREAM_UDP_QUESTIONS_MAX <= UINT8_MAX, "upstream_udp.questions");

static uint32_t bit(unsigned place)
{
    return UINT32_C(1) << place;
}

void upstream_udp_prepare(struct upstream_transport *transport)
{
    for (unsigned i = 0; i < UPSTREAM_UDP_AT_ONCE_MAX; i++) {
        transport->in.headers[i].msg_hdr =
            (struct msghdr){.msg_iov = &transport->in.octets[i], .msg_iovlen = 1};
        transport->out.headers[i].msg_hdr =
            (struct msghdr){.msg_iov = &transport->out.octets[i], .msg_iovlen = 1};
    }
    for (unsigned i = 0; i < UPSTREAM_UDP_READ_MAX; i++) {
        transport->in.octets[i] = (struct iovec){
            transport->scratch + i * (size_t)UPSTREAM_UDP_ANSWER_MAX, UPSTREAM_UDP_ANSWER_MAX};
    }
}

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

static int send_octets(const struct upstream_udp *udp, const struct upstream_try *t)
{
    const ssize_t sent = send(udp->socket.fd, t->octets, t->len, MSG_NOSIGNAL);

    if (sent < 0) {
        return -errno;
    }
    return (size_t)sent == t->len ? 0 : -EMSGSIZE;
}

static void close_udp(struct upstream_transport *transport, struct upstream_udp *udp)
{
    upstream_socket_close(&udp->socket);
    pool_give_back(transport->udp, udp);
}

void upstream_udp_let_go(struct upstream_transport *transport, struct upstream_udp *udp)
{
    if (udp->live == 0 && !udp->offered && !udp->gathering && !udp->held) {
        close_udp(transport, udp);
    }
}

/* ---- places ---- */

int upstream_udp_place_of(const struct upstream_udp *udp, uint16_t id)
{
    for (uint32_t left = udp->used; left != 0; left &= left - 1) {
        const int place = __builtin_ctz(left);

        if (udp->ids[place] == id) {
            return place;
        }
    }
    return -1;
}

/* Whether it is the id of a question that has its answer. */
static bool is_answered(const struct upstream_udp *udp, uint16_t id)
{
    for (uint32_t left = udp->answered; left != 0; left &= left - 1) {
        if (udp->ids[__builtin_ctz(left)] == id) {
            return true;
        }
    }
    return false;
}

static void seat(struct upstream_udp *udp, struct upstream_try *t, bool unsent)
{
    const uint32_t fresh = ~(udp->used | udp->answered);
    const unsigned place = (unsigned)__builtin_ctz(fresh != 0 ? fresh : ~udp->used);

    udp->answered &= ~bit(place);
    udp->ids[place] = t->id;
    udp->tries[place] = t;
    udp->used |= bit(place);
    udp->unsent |= unsent ? bit(place) : 0;
    udp->live++;
    udp->questions++;
    t->handle = udp;
    t->place = (uint8_t)place;
}

/* The question leaves its place, which is free unless its answer may still come. True if it
 * may.
 */
static bool unseat(struct upstream_udp *udp, unsigned place, bool answered)
{
    const bool may_come = !answered && (udp->unsent & bit(place)) == 0;

    udp->tries[place]->handle = NULL;
    udp->tries[place] = NULL;
    udp->live--;
    udp->unsent &= ~bit(place);
    udp->used &= may_come ? UINT32_MAX : ~bit(place);
    udp->answered |= answered ? bit(place) : 0;
    return may_come;
}

/* A question that has left and waits; NULL: there is none. */
static struct upstream_try *first_sent(const struct upstream_udp *udp)
{
    for (uint32_t left = udp->used & ~udp->unsent; left != 0; left &= left - 1) {
        struct upstream_try *t = udp->tries[__builtin_ctz(left)];

        if (t != NULL) {
            return t;
        }
    }
    return NULL;
}

/* ---- sending ---- */

/* offered: the socket takes further questions. */
static int send_on_new(struct upstream_transport *transport, struct upstream_try *t,
                       bool offered)
{
    struct upstream_udp *udp = pool_take(transport->udp);

    if (udp == NULL) {
        return -ENOBUFS;
    }
    memset(udp, 0, offsetof(struct upstream_udp, ids));
    udp->server = t->server->address;
    udp->server_index = t->server_index;
    udp->opened_ms = uv_now(transport->loop);
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
    seat(udp, t, false);
    if (offered) {
        upstream_choice_offer(transport, udp);
    }
    return 0;
}

int upstream_udp_send(void *context, struct upstream_try *t)
{
    struct upstream_transport *transport = context;

    if (transport->closing) {
        return -ECANCELED;
    }
    struct upstream_udp *udp = upstream_choice_draw(transport, t);
    if (udp == NULL) {
        return send_on_new(transport, t, true);
    }
    seat(udp, t, true);
    if (!udp->gathering) {
        udp->gathering = true;
        udp->next_gathering = transport->gathering;
        transport->gathering = udp;
    }
    if (udp->questions == UPSTREAM_UDP_QUESTIONS_MAX) {
        upstream_choice_withdraw(transport, udp);
    }
    return 0;
}

/* All questions but one go on by sockets of their own. udp is held by the caller. */
static void part(struct upstream_transport *transport, struct upstream_udp *udp,
                 const struct upstream_try *keep)
{
    upstream_choice_withdraw(transport, udp);
    for (unsigned place = 0; place < UPSTREAM_UDP_AT_ONCE_MAX; place++) {
        struct upstream_try *t = (udp->used & bit(place)) != 0 ? udp->tries[place] : NULL;

        if (t == NULL || t == keep) {
            continue;
        }
        (void)unseat(udp, place, false);
        const int rc = send_on_new(transport, t, false);
        if (rc != 0) {
            upstream_failed(transport->upstream, t, rc); /* may close any of the others */
        }
    }
}

/* The path has failed for one of the questions that have left: it is told, and the others find
 * out by sockets of their own. udp is held by the caller. */
static void fail_one(struct upstream_transport *transport, struct upstream_udp *udp, int error)
{
    part(transport, udp, first_sent(udp));
    struct upstream_try *t = first_sent(udp);
    if (t != NULL) {
        upstream_failed(transport->upstream, t, error);
    }
}

/* 0, or why the rest of what was gathered cannot leave by this socket. */
static int send_gathered(struct upstream_transport *transport, struct upstream_udp *udp)
{
    unsigned places[UPSTREAM_UDP_AT_ONCE_MAX] = {0};
    unsigned count = 0, done = 0;

    for (uint32_t left = udp->unsent; left != 0; left &= left - 1) {
        const unsigned place = (unsigned)__builtin_ctz(left);
        const struct upstream_try *t = udp->tries[place];

        transport->out.octets[count] = (struct iovec){(void *)(uintptr_t)t->octets, t->len};
        places[count++] = place;
    }
    while (done < count) {
        const int sent =
            sendmmsg(udp->socket.fd, transport->out.headers + done, count - done, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return sent < 0 ? -errno : -EAGAIN;
        }
        for (int i = 0; i < sent; i++) {
            udp->unsent &= ~bit(places[done++]);
        }
    }
    return 0;
}

void upstream_udp_flush(struct upstream_transport *transport)
{
    while (transport->gathering != NULL) {
        struct upstream_udp *udp = transport->gathering;
        struct upstream_udp_choice *choice = &transport->choices[udp->server_index];

        transport->gathering = udp->next_gathering;
        udp->gathering = false;
        udp->held = true;
        choice->burst = choice->burst == udp ? NULL : choice->burst;
        const int rc = send_gathered(transport, udp);
        if (rc != 0 && upstream_is_of_server(rc) && first_sent(udp) != NULL) {
            fail_one(transport, udp, rc); /* what came of an earlier question */
        } else if (rc != 0) {
            part(transport, udp, first_sent(udp)); /* whatever it was, a new one will tell */
        }
        udp->held = false;
        upstream_udp_let_go(transport, udp);
    }
}

void upstream_udp_stop(struct upstream_transport *transport)
{
    while (transport->gathering != NULL) {
        struct upstream_udp *udp = transport->gathering;

        transport->gathering = udp->next_gathering;
        udp->gathering = false;
        upstream_udp_let_go(transport, udp);
    }
    upstream_choice_withdraw_all(transport);
}

void upstream_udp_close(struct upstream_transport *transport, struct upstream_try *t)
{
    struct upstream_udp *udp = t->handle;
    const bool answered = transport->reading == t;

    if (udp == NULL) {
        return; /* it could not leave */
    }
    invariant(udp->tries[t->place] == t);
    if (answered) {
        transport->reading = NULL;
    }
    if (unseat(udp, t->place, answered)) {
        upstream_choice_withdraw(transport, udp);
    } else {
        upstream_udp_let_go(transport, udp);
    }
}

/* ---- what arrives ---- */

/* Something else than an answer: somebody may know the port. One question at most stays, and
 * what has been said counts as said to that one. */
static void hear_stranger(struct upstream_transport *transport, struct upstream_udp *udp,
                          const uint8_t *octets, size_t len)
{
    part(transport, udp, first_sent(udp));
    struct upstream_try *t = first_sent(udp);
    if (t != NULL) {
        upstream_received(transport->upstream, t, octets, len);
    }
}

/* udp is held by the caller. */
static void hear(struct upstream_transport *transport, struct upstream_udp *udp,
                 const uint8_t *octets, size_t len)
{
    const int place = len >= 2 ? upstream_udp_place_of(udp, wire_get16(octets)) : -1;

    if (place < 0 && len >= 2 && is_answered(udp, wire_get16(octets))) {
        return; /* the same once more */
    }
    if (place < 0 || (udp->unsent & bit((unsigned)place)) != 0) {
        hear_stranger(transport, udp, octets, len);
        return;
    }
    struct upstream_try *t = udp->tries[place];
    if (t == NULL) { /* the late answer to a question that was given up */
        udp->used &= ~bit((unsigned)place);
        return;
    }
    transport->reading = t;
    upstream_received(transport->upstream, t, octets, len);
    if (transport->reading == t) { /* the right id, and not the answer */
        transport->reading = NULL;
        part(transport, udp, t);
    }
}

/* Reads what is there, as far as there are questions for it. False: that is all for now. */
static bool read_batch(struct upstream_transport *transport, struct upstream_udp *udp)
{
    unsigned most = udp->live > 1 ? udp->live : 1;

    if (most > UPSTREAM_UDP_READ_MAX) {
        most = UPSTREAM_UDP_READ_MAX;
    }
    const int count = recvmmsg(udp->socket.fd, transport->in.headers, most, MSG_DONTWAIT, NULL);
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR) { /* ICMP */
            fail_one(transport, udp, -errno);
        }
        return false;
    }
    for (int i = 0; i < count && (udp->live > 0 || udp->offered); i++) {
        hear(transport, udp, transport->in.octets[i].iov_base,
             transport->in.headers[i].msg_len);
    }
    return (unsigned)count == most && (udp->live > 0 || udp->offered);
}

void upstream_udp_ready(struct upstream_transport *transport, struct upstream_udp *udp)
{
    udp->held = true;
    for (unsigned i = 0; i < UPSTREAM_READS_MAX && read_batch(transport, udp); i++) {
        if (udp->live == 0) {
            break;
        }
    }
    udp->held = false;
    upstream_udp_let_go(transport, udp);
}
