/*
 * What a connection over TLS does between its socket and the messages on it (RFC 7858).
 *
 * Happy path: the connection is made, the handshake goes on with an earlier session or proves
 * who the server is, and from then on questions and answers pass as over TCP.
 * Failures: the server proves nothing, breaks TLS or takes too long -> every question on the
 * connection fails and the reason is told; if it has proved to be the wrong one, for a moment
 * no other connection to it is begun.
 * Nothing is ever sent in clear.
 */
#include "base/clock.h"
#include "base/invariant.h"
#include "upstream/sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define US_PER_S UINT64_C(1000000)

static uint64_t now_ms(const struct upstream_transport *transport)
{
    return uv_now(transport->loop);
}

/* ---- what is remembered of servers ---- */

static void forget(struct upstream_peer *peer)
{
    tls_tickets_clear(&peer->tickets);
    tls_trust_release(peer->trust);
    memset(peer, 0, sizeof(*peer));
}

void upstream_tls_forget_all(struct upstream_transport *transport)
{
    for (size_t i = 0; i < UPSTREAM_TLS_PEERS_MAX; i++) {
        forget(&transport->peers[i]);
    }
}

/* The try's server as its trust sees it; if need be in the place of the one that has not been
 * used for the longest time. There is a place: fewer connections than places are open. */
static struct upstream_peer *peer_of(struct upstream_transport *transport,
                                     const struct upstream_try *t)
{
    struct upstream_peer *oldest = NULL;

    for (size_t i = 0; i < UPSTREAM_TLS_PEERS_MAX; i++) {
        struct upstream_peer *peer = &transport->peers[i];
        if (peer->trust == t->trust && endpoint_equal(&peer->server, t->server)) {
            return peer;
        }
        if (peer->sessions == 0 && (oldest == NULL || peer->used_ms < oldest->used_ms)) {
            oldest = peer;
        }
    }
    invariant(oldest != NULL);
    forget(oldest);
    oldest->server = *t->server;
    oldest->trust = tls_trust_hold(t->trust);
    return oldest;
}

/* ---- beginning and ending ---- */

int upstream_tls_begin(struct upstream_transport *transport, struct upstream_connection *c,
                       const struct upstream_try *t)
{
    invariant(t->trust != NULL); /* settings with such a server have it */
    struct upstream_peer *peer = peer_of(transport, t);

    if (now_ms(transport) < peer->again_ms) {
        return -EKEYREJECTED;
    }
    c->tls = tls_session_create(t->trust, &c->server, &peer->tickets,
                                clock_read().wall_us / US_PER_S);
    if (c->tls == NULL) {
        return -ENOMEM;
    }
    c->peer = peer;
    peer->sessions++;
    peer->used_ms = now_ms(transport);
    return 0;
}

/* Sends what TLS has to say, as much as the socket takes. 0 or -errno. */
static int flush(struct upstream_connection *c)
{
    const uint8_t *octets;
    size_t len;

    while ((len = tls_session_out(c->tls, &octets)) > 0) {
        const ssize_t put = send(c->socket.fd, octets, len, MSG_NOSIGNAL);
        if (put >= 0) {
            tls_session_sent(c->tls, (size_t)put);
        } else if (errno != EINTR) {
            return errno == EAGAIN ? 0 : -errno;
        }
    }
    return 0;
}

void upstream_tls_end(struct upstream_transport *transport, struct upstream_connection *c)
{
    (void)transport;
    tls_session_close(c->tls);
    if (c->connected) {
        (void)flush(c); /* the farewell or the alert, if there is room for it */
    }
    tls_session_destroy(c->tls);
    c->tls = NULL;
    c->peer->sessions--;
    c->peer = NULL;
}

void upstream_tls_overdue(struct upstream_transport *transport, struct upstream_connection *c)
{
    upstream_tls_failed(transport->upstream, &c->server,
                        "no answer to the TLS handshake in time");
}

/* ---- going on ---- */

/* Watches for room to write if there is something to write. False if the connection has gone.
 */
static bool watch(struct upstream_transport *transport, struct upstream_connection *c)
{
    const uint8_t *octets;
    bool wants = tls_session_out(c->tls, &octets) > 0;

    for (const struct upstream_rider *rider = c->first; c->ready && !wants && rider != NULL;
         rider = rider->next) {
        wants = !rider->written;
    }
    if (wants == c->wants_write) {
        return true;
    }
    const int rc = upstream_socket_watch(transport, &c->socket, UPSTREAM_SOCKET_TCP,
                                         wants ? EPOLLIN | EPOLLOUT : EPOLLIN);
    if (rc != 0) {
        upstream_tcp_fail(transport, c, rc);
        return false;
    }
    c->wants_write = wants;
    return true;
}

/* The session has come to an end. Always false: so has the connection. */
static bool end(struct upstream_transport *transport, struct upstream_connection *c)
{
    if (tls_session_state(c->tls) == TLS_FAILED) {
        c->peer->again_ms = now_ms(transport) + UPSTREAM_TLS_PAUSE_MS;
        const int error = c->ready ? -EPROTO : -EKEYREJECTED;
        upstream_tls_failed(transport->upstream, &c->server, tls_session_error(c->tls));
        upstream_tcp_fail(transport, c, error);
    } else {
        upstream_tcp_fail(transport, c, -ECONNRESET);
    }
    return false;
}

/* After octets have come: the handshake, then answers. */
static bool go_on(struct upstream_transport *transport, struct upstream_connection *c)
{
    size_t got;

    if (!c->ready && tls_session_state(c->tls) == TLS_OPEN) {
        c->ready = true;
        c->since_ms = now_ms(transport);
        upstream_tls_opened(transport->upstream, &c->server, tls_session_is_resumed(c->tls));
    }
    while ((got = tls_session_read(c->tls, c->in + c->used, sizeof(c->in) - c->used)) > 0) {
        c->used += got;
        if (!upstream_tcp_take_answers(transport, c)) {
            return false;
        }
    }
    const enum tls_state state = tls_session_state(c->tls);
    if (state == TLS_FAILED || state == TLS_CLOSED) {
        return end(transport, c);
    }
    return watch(transport, c);
}

bool upstream_tls_readable(struct upstream_transport *transport, struct upstream_connection *c)
{
    uint8_t *octets = transport->scratch;
    upstream_tcp_acknowledge(c);
    const ssize_t got = recv(c->socket.fd, octets, TLS_FEED_MAX, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    if (got <= 0) {
        const int error = got == 0 ? -ECONNRESET : -errno;
        if (tls_session_cut(c->tls) == TLS_FAILED) { /* as when it is being restarted */
            upstream_tls_failed(transport->upstream, &c->server, tls_session_error(c->tls));
            upstream_tcp_fail(transport, c, -ECONNABORTED);
        } else {
            upstream_tcp_fail(transport, c, error);
        }
        return false;
    }
    tls_session_feed(c->tls, octets, (size_t)got);
    return go_on(transport, c);
}

/* Questions become octets of TLS as long as there is room for them. 0 or -EPROTO. */
static int write_questions(struct upstream_transport *transport, struct upstream_connection *c)
{
    for (struct upstream_rider *rider = c->first, *next; rider != NULL; rider = next) {
        next = rider->next;
        if (rider->written) {
            continue;
        }
        const int rc = tls_session_write(c->tls, rider->frame, rider->len);
        if (rc != 0) {
            return rc == -EAGAIN ? 0 : rc;
        }
        rider->sent = rider->len;
        upstream_tcp_written(transport, rider);
    }
    return 0;
}

void upstream_tls_writable(struct upstream_transport *transport, struct upstream_connection *c)
{
    int rc = c->ready ? write_questions(transport, c) : 0;

    if (rc == 0) {
        rc = flush(c);
    }
    if (rc == -EPROTO && tls_session_state(c->tls) == TLS_FAILED) {
        (void)end(transport, c);
    } else if (rc != 0) {
        upstream_tcp_fail(transport, c, rc);
    } else {
        (void)watch(transport, c);
    }
}
