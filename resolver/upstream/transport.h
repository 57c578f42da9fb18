/*
 * upstream/transport.h - the upstream_io of a worker: UDP sockets and TCP connections on libuv.
 *
 * Each UDP try has a socket to itself, bound to a port from the worker's generator (1024 to
 * 65535) and connected, so that the kernel drops what comes from elsewhere and reports ICMP
 * errors. Under load a socket is drawn by chance from at least 64 that are open to the server,
 * and carries several questions at a time; what is sent in one turn of the loop leaves together
 * before the loop waits (sockets.h, docs/decisions/0014). TCP connections are kept for
 * UPSTREAM_TCP_IDLE_MS and carry several questions; so are those over TLS, which go on with an
 * earlier session when they are made anew.
 */
#ifndef CORDON_UPSTREAM_TRANSPORT_H
#define CORDON_UPSTREAM_TRANSPORT_H

#include "upstream/forward.h"

#include <uv.h>

struct upstream_transport; /* opaque */

extern const struct upstream_io upstream_transport_io;

/* NULL if out of memory. It is the io_context of upstream_create(); the upstream is told by
 * upstream_transport_attach() before the first question. */
struct upstream_transport *upstream_transport_create(uv_loop_t *loop, struct random *random);
void upstream_transport_attach(struct upstream_transport *transport, struct upstream *upstream);
/* Called before each batch of callbacks, to tell the time on. */
void upstream_transport_on_turn(struct upstream_transport *transport, void (*turn)(void *),
                                void *context);

/* Other patience than UPSTREAM_TCP_CONNECT_MS and UPSTREAM_TCP_IDLE_MS; the former bounds
 * UPSTREAM_TCP_STALL_MS too, and twice it UPSTREAM_TLS_CONNECT_MS. */
void upstream_transport_patience(struct upstream_transport *transport, unsigned connect_ms,
                                 unsigned idle_ms);

/* Bounds the sockets that are open at a time, UDP and TCP; beyond it is -EMFILE. Before: as
 * many as UPSTREAM_SOCKETS_MAX and UPSTREAM_TCP_CONNECTIONS_MAX allow. */
void upstream_transport_limit(struct upstream_transport *transport, unsigned sockets);

/* As upstream_trim(). */
void upstream_transport_trim(struct upstream_transport *transport);

/* Closes everything; the memory goes when the loop has run the close callbacks and the
 * upstream has closed its tries (upstream_destroy(), before or after). NULL is fine. */
void upstream_transport_close(struct upstream_transport *transport);

#endif
