/*
 * Connections to upstreams, kept and shared by questions (RFC 7766, 6.2): TCP, and below
 * transport_tls.c also TLS.
 *
 * Happy path: a question takes a seat on a connection to its server, is written when the
 * socket takes it, and leaves with its answer; answers come in any order and are told apart by
 * an id that is unique on the connection.
 * Failures: connect takes too long or fails, the server closes or breaks the framing -> every
 * question on the connection fails, and the forwarder asks elsewhere; a connection on which a
 * question has waited in vain, whatever octets come, gets no further ones.
 */
#include "base/invariant.h"
#include "upstream/sockets.h"
#include "upstream/stream.h"
#include "wire/message.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static uint64_t now_ms(const struct upstream_transport *transport)
{
    return uv_now(transport->loop);
}

/* ---- seats ---- */

static struct upstream_rider *find_rider(const struct upstream_connection *c, uint16_t id)
{
    for (struct upstream_rider *rider = c->first; rider != NULL; rider = rider->next) {
        if (rider->id == id) {
            return rider;
        }
    }
    return NULL;
}

/* A question waits in vain if since it was written nothing was answered: octets are no answer,
 * as one now and then could come for ever. */
static bool waits_in_vain(const struct upstream_transport *transport,
                          const struct upstream_connection *c,
                          const struct upstream_rider *rider)
{
    const uint64_t since = rider->since_ms > c->heard_ms ? rider->since_ms : c->heard_ms;

    return c->ready && now_ms(transport) - since >= transport->stall_ms;
}

/* The id on the wire is drawn anew, since two fetches may have drawn the same. */
static void seat(struct upstream_transport *transport, struct upstream_connection *c,
                 struct upstream_rider *rider, struct upstream_try *t)
{
    memset(rider, 0, offsetof(struct upstream_rider, frame));
    rider->t = t;
    rider->connection = c;
    rider->since_ms = now_ms(transport);
    rider->id = random_u16(transport->random);
    while (find_rider(c, rider->id) != NULL) {
        rider->id++; /* at most UPSTREAM_TCP_PIPELINE_MAX are taken */
    }
    rider->len = (uint16_t)(2 + t->len);
    wire_put16(rider->frame, (uint16_t)t->len);
    memcpy(rider->frame + 2, t->octets, t->len);
    wire_put16(rider->frame + 2, rider->id);
    rider->prev = c->last;
    if (c->last != NULL) {
        c->last->next = rider;
    } else {
        c->first = rider;
    }
    c->last = rider;
    c->riders++;
    c->carried++;
}

static void unseat(struct upstream_transport *transport, struct upstream_rider *rider)
{
    struct upstream_connection *c = rider->connection;

    if (rider->prev != NULL) {
        rider->prev->next = rider->next;
    } else {
        c->first = rider->next;
    }
    if (rider->next != NULL) {
        rider->next->prev = rider->prev;
    } else {
        c->last = rider->prev;
    }
    if (--c->riders == 0) {
        c->since_ms = now_ms(transport);
    }
    pool_give_back(transport->riders, rider);
}

void upstream_tcp_close(struct upstream_transport *transport, struct upstream_rider *rider)
{
    struct upstream_connection *c = rider->connection;

    c->deaf = c->deaf || waits_in_vain(transport, c, rider);
    if (c->socket.generation != 0 && rider->sent > 0 && !rider->written) {
        rider->t = NULL; /* the rest must follow, or the next question's length is lost */
        return;
    }
    unseat(transport, rider);
}

/* ---- closing ---- */

/* Right after an answer, with questions still on it: it carries so many, and no more. Later it
 * may be a server that has been restarted. */
static void learn_what_it_carries(struct upstream_transport *transport,
                                  const struct upstream_connection *c, int error)
{
    if ((error == -ECONNRESET || error == -EPIPE) && c->answered > 0 &&
        c->answered < UPSTREAM_TCP_PIPELINE_MAX && c->first != NULL && !transport->closing &&
        now_ms(transport) - c->heard_ms <= UPSTREAM_TCP_CUT_SOON_MS) {
        upstream_tcp_carries(transport->upstream, &c->server, c->answered);
    }
}

/* Nobody new can get on meanwhile, and the slot is not used again before all have left. */
void upstream_tcp_fail(struct upstream_transport *transport, struct upstream_connection *c,
                       int error)
{
    learn_what_it_carries(transport, c, error);
    if (c->tls != NULL) {
        upstream_tls_end(transport, c);
    }
    upstream_socket_close(&c->socket);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        transport->first = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    for (struct upstream_rider *rider = c->first, *next; rider != NULL; rider = next) {
        next = rider->next;
        if (rider->t == NULL) {
            unseat(transport, rider);
        }
    }
    if (transport->closing) {
        return; /* the tries will be closed; slot and all go with the transport */
    }
    while (c->first != NULL) {
        struct upstream_rider *rider = c->first;
        rider->t->in_line = c->answered > 0;
        upstream_failed(transport->upstream, rider->t, error);
        invariant(c->first != rider); /* its try has been closed */
    }
    pool_give_back(transport->connections, c);
}

void upstream_tcp_close_all(struct upstream_transport *transport)
{
    while (transport->first != NULL) {
        upstream_tcp_fail(transport, transport->first, -ECANCELED);
    }
}

/* All have left it; what is half written need not be finished, as nothing more will follow. */
static bool is_left(const struct upstream_connection *c)
{
    const struct upstream_rider *rider = c->first;

    while (c->deaf && rider != NULL && rider->t == NULL) {
        rider = rider->next;
    }
    return rider == NULL;
}

static bool is_over(const struct upstream_transport *transport,
                    const struct upstream_connection *c)
{
    const uint64_t passed = now_ms(transport) - c->since_ms;

    if (!c->ready) {
        return passed >= (c->tls != NULL ? transport->tls_connect_ms : transport->connect_ms);
    }
    return is_left(c) && (c->deaf || passed >= c->idle_ms);
}

void upstream_tcp_look_after(struct upstream_transport *transport)
{
    struct upstream_connection *c = transport->first;

    while (c != NULL) {
        if (is_over(transport, c)) {
            if (c->tls != NULL && c->connected && !c->ready) {
                upstream_tls_overdue(transport, c);
            }
            upstream_tcp_fail(transport, c, -ETIMEDOUT);
            c = transport->first; /* the list may be another one now */
        } else {
            c = c->next;
        }
    }
}

/* ---- opening ---- */

/* NULL: there is none; *count: of those to this server. */
static struct upstream_connection *usable(const struct upstream_transport *transport,
                                          const struct upstream_try *t, unsigned *count)
{
    *count = 0;
    for (struct upstream_connection *c = transport->first; c != NULL; c = c->next) {
        if (!endpoint_equal(&c->server, t->server)) {
            continue;
        }
        ++*count;
        c->deaf = c->deaf || (c->first != NULL && waits_in_vain(transport, c, c->first)) ||
                  (c->tls != NULL && c->peer->trust != t->trust); /* other CA certificates */
        if (!c->deaf && c->riders < UPSTREAM_TCP_PIPELINE_MAX &&
            (t->carries == 0 || c->carried < t->carries)) {
            return c;
        }
    }
    return NULL;
}

/* Closes a connection that nobody uses at the moment. server NULL: whichever. */
static bool make_room(struct upstream_transport *transport, const struct endpoint *server)
{
    for (struct upstream_connection *c = transport->first; c != NULL; c = c->next) {
        if (is_left(c) && (server == NULL || endpoint_equal(&c->server, server))) {
            upstream_tcp_fail(transport, c, 0);
            return true;
        }
    }
    return false;
}

/* A free slot, if need be that of such a connection. */
static struct upstream_connection *take_slot(struct upstream_transport *transport)
{
    struct upstream_connection *slot = pool_take(transport->connections);

    if (slot == NULL && make_room(transport, NULL)) {
        slot = pool_take(transport->connections);
    }
    return slot;
}

static int start_connecting(struct upstream_connection *c)
{
    const int one = 1;
    struct sockaddr_storage storage;
    const socklen_t len = address_to_sockaddr(&c->server.address, &storage);

    (void)setsockopt(c->socket.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c->socket.fd, (const struct sockaddr *)&storage, len) != 0 &&
        errno != EINPROGRESS) {
        return -errno;
    }
    return 0;
}

static void give_up(struct upstream_transport *transport, struct upstream_connection *c)
{
    if (c->tls != NULL) {
        upstream_tls_end(transport, c);
    }
    if (c->socket.generation != 0) {
        upstream_socket_close(&c->socket);
    }
    pool_give_back(transport->connections, c);
}

static int open_connection(struct upstream_transport *transport, const struct upstream_try *t,
                           struct upstream_connection **out)
{
    struct upstream_connection *c = take_slot(transport);

    if (c == NULL) {
        return -ENOBUFS;
    }
    memset(c, 0, offsetof(struct upstream_connection, in));
    c->server = *t->server;
    c->since_ms = now_ms(transport);
    c->idle_ms = transport->idle_ms;
    c->wants_write = true;
    int rc = 0;
    if (c->server.transport == ENDPOINT_TLS) {
        rc = upstream_tls_begin(transport, c, t);
    }
    if (rc == 0) {
        rc = upstream_socket_open(transport, &c->socket, UPSTREAM_SOCKET_TCP,
                                  &c->server.address, EPOLLIN | EPOLLOUT);
    }
    if (rc == 0) {
        rc = start_connecting(c);
    }
    if (rc != 0) {
        give_up(transport, c);
        return rc;
    }
    c->next = transport->first;
    if (transport->first != NULL) {
        transport->first->prev = c;
    }
    transport->first = c;
    upstream_transport_look_after(transport);
    *out = c;
    return 0;
}

/* Written when the socket next takes it, never from here: a failure would have to be told to
 * others from within the forwarder. */
int upstream_tcp_send(void *context, struct upstream_try *t)
{
    struct upstream_transport *transport = context;
    unsigned count = 0;
    int rc = 0;

    invariant(t->len <= UPSTREAM_QUESTION_MAX);
    if (transport->closing) {
        return -ECANCELED;
    }
    struct upstream_rider *rider = pool_take(transport->riders);
    if (rider == NULL) {
        return -ENOBUFS;
    }
    struct upstream_connection *c = usable(transport, t, &count);
    if (c == NULL && count >= UPSTREAM_TCP_PER_SERVER_MAX && !make_room(transport, t->server)) {
        rc = -EBUSY;
    } else if (c == NULL) {
        rc = open_connection(transport, t, &c);
    } else if (c->ready && !c->wants_write) {
        rc = upstream_socket_watch(transport, &c->socket, UPSTREAM_SOCKET_TCP,
                                   EPOLLIN | EPOLLOUT);
        c->wants_write = rc == 0;
    }
    if (rc != 0) {
        pool_give_back(transport->riders, rider);
        return rc;
    }
    seat(transport, c, rider, t);
    t->handle = rider;
    return 0;
}

/* ---- when the socket is ready; each returns false if the connection has gone ---- */

static bool finish_connecting(struct upstream_transport *transport,
                              struct upstream_connection *c, uint32_t events)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) {
        return true;
    }
    if (getsockopt(c->socket.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error != 0) {
        upstream_tcp_fail(transport, c, -error);
        return false;
    }
    c->connected = true;
    if (c->tls == NULL) { /* else TLS is next, and the time for both is running */
        c->ready = true;
        c->since_ms = now_ms(transport);
    }
    return true;
}

/* The answer is a stranger's still: whatever is wrong with it, the forwarder finds out. We ask
 * over TLS alone how long the connection is kept. */
static void hear(struct upstream_transport *transport, struct upstream_connection *c,
                 const uint8_t *octets, size_t len)
{
    const int ms = c->tls != NULL ? upstream_keepalive_ms(octets, len) : -1;

    c->heard_ms = now_ms(transport);
    c->answered++;
    if (ms >= 0) {
        c->idle_ms = (unsigned)ms;
    }
}

bool upstream_tcp_take_answers(struct upstream_transport *transport,
                               struct upstream_connection *c)
{
    const uint32_t generation = c->socket.generation;
    enum upstream_frame frame;
    size_t at = 0;
    size_t message;
    size_t len;

    while ((frame = upstream_frame_next(c->in, c->used, &at, &message, &len)) ==
           UPSTREAM_FRAME_WHOLE) {
        uint8_t *octets = c->in + message;
        const struct upstream_rider *rider = find_rider(c, wire_get16(octets));
        if (rider != NULL && rider->written && rider->t != NULL) {
            hear(transport, c, octets, len);
            wire_put16(octets, rider->t->id);
            upstream_received(transport->upstream, rider->t, octets, len);
            if (c->socket.generation != generation) {
                return false;
            }
        } /* else an answer that nobody waits for any more */
    }
    if (frame == UPSTREAM_FRAME_BROKEN) {
        upstream_tcp_fail(transport, c, -EPROTO);
        return false;
    }
    memmove(c->in, c->in + at, c->used - at);
    c->used -= at;
    return true;
}

/* A server that gathers small segments (Nagle's algorithm) keeps an answer back until what it
 * has sent before, tickets or another answer, is acknowledged, and the kernel puts that off for
 * 40 ms. A wish that holds for a few segments. */
void upstream_tcp_acknowledge(const struct upstream_connection *c)
{
    const int one = 1;

    if (c->riders > 1 || c->heard_ms == 0) {
        (void)setsockopt(c->socket.fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
    }
}

static bool read_answers(struct upstream_transport *transport, struct upstream_connection *c)
{
    upstream_tcp_acknowledge(c);
    const ssize_t got = recv(c->socket.fd, c->in + c->used, sizeof(c->in) - c->used, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (got <= 0) {
        upstream_tcp_fail(transport, c, got == 0 ? -ECONNRESET : -errno);
        return false;
    }
    c->used += (size_t)got;
    return upstream_tcp_take_answers(transport, c);
}

void upstream_tcp_written(struct upstream_transport *transport, struct upstream_rider *rider)
{
    rider->written = true;
    rider->since_ms = now_ms(transport);
    if (rider->t != NULL) {
        upstream_written(transport->upstream, rider->t);
    } else {
        unseat(transport, rider);
    }
}

/* True if all of it has been taken; *error: why not, 0 if the socket is full. */
static bool write_question(const struct upstream_connection *c, struct upstream_rider *rider,
                           int *error)
{
    *error = 0;
    while (rider->sent < rider->len) {
        const ssize_t put = send(c->socket.fd, rider->frame + rider->sent,
                                 (size_t)(rider->len - rider->sent), MSG_NOSIGNAL);
        if (put >= 0) {
            rider->sent = (uint16_t)(rider->sent + put);
        } else if (errno != EINTR) {
            *error = errno == EAGAIN ? 0 : -errno;
            return false;
        }
    }
    return true;
}

static void write_questions(struct upstream_transport *transport, struct upstream_connection *c)
{
    int error = 0;

    for (struct upstream_rider *rider = c->first, *next; rider != NULL; rider = next) {
        next = rider->next;
        if (rider->written) {
            continue;
        }
        if (!write_question(c, rider, &error)) {
            if (error != 0) {
                upstream_tcp_fail(transport, c, error);
            }
            return;
        }
        upstream_tcp_written(transport, rider);
    }
    error = upstream_socket_watch(transport, &c->socket, UPSTREAM_SOCKET_TCP, EPOLLIN);
    if (error != 0) {
        upstream_tcp_fail(transport, c, error);
        return;
    }
    c->wants_write = false;
}

void upstream_tcp_ready(struct upstream_transport *transport, struct upstream_connection *c,
                        uint32_t events)
{
    if (!c->connected && !finish_connecting(transport, c, events)) {
        return;
    }
    if (!c->connected) {
        return;
    }
    const bool secret = c->tls != NULL;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 &&
        !(secret ? upstream_tls_readable(transport, c) : read_answers(transport, c))) {
        return;
    }
    if (c->wants_write && (events & EPOLLOUT) != 0) {
        if (secret) {
            upstream_tls_writable(transport, c);
        } else {
            write_questions(transport, c);
        }
    }
}
