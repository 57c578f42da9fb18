/*
 * net/net.h - the client side of a worker: UDP and TCP sockets on its libuv loop.
 *
 * UDP sockets are opened by us (SO_REUSEPORT) and driven by uv_poll with recvmmsg and sendmmsg;
 * a wildcard bind (with IP_PKTINFO) answers from the address that was asked. TCP is uv_tcp:
 * several questions per connection, answered in any order (RFC 7766, RFC 9210).
 */
#ifndef CORDON_NET_NET_H
#define CORDON_NET_NET_H

#include "base/address.h"
#include "base/timers.h"
#include "net/limits.h"
#include "query/query.h"

#include <uv.h>

struct net; /* opaque */

/* Sockets of one listen address, opened by the main thread for every worker before rights are
 * dropped: one UDP socket and one TCP listener each. */
struct net_sockets {
    int udp;
    int tcp;
};

/* True if packets to this address go to everybody on a link of this machine, so that nobody can
 * answer from it. Asks the kernel; nothing is sent. */
bool net_is_broadcast(const struct address *address);

/*
 * Opens the pair for a worker, with SO_REUSEPORT. 0, or -errno (-EADDRINUSE, -EACCES,
 * -EADDRNOTAVAIL, also for a broadcast address): then nothing is open. address->port may be 0
 * in tests: *address is updated. The first pair of an address is opened with exclusive = true:
 * it fails if somebody else, even a second cordond, holds the port.
 */
int net_sockets_open(struct address *address, bool exclusive, struct net_sockets *sockets);
/* Prepares a pair that somebody else has opened and bound, for this very address. 0 or -errno.
 * Several workers may read from duplicates of one pair. */
int net_sockets_adopt(const struct address *address, const struct net_sockets *sockets);
/* Of the sockets that share an address, this one gets what the processor of that number has
 * received; -1: what chance gives it. Where the kernel cannot, nothing changes. */
void net_sockets_steer(const struct net_sockets *sockets, int processor);
void net_sockets_close(struct net_sockets *sockets);

struct net_counters {
    uint64_t udp_received, udp_sent, udp_send_failed, udp_kernel_drops;
    uint64_t udp_ignored; /* not taken: cut by the kernel, sent to a multicast or broadcast
                             address, or from port 0, where no answer can go */
    uint64_t tcp_accepted, tcp_refused, tcp_closed_idle, tcp_closed_slow, tcp_questions;
    uint64_t tcp_refused_client; /* of those refused: its client has enough */
    uint64_t tcp_malformed;      /* closed for a message of impossible length */
    unsigned tcp_open;
};

/* Takes over the sockets, also on failure. turn is called once before each batch of work, so
 * that the worker tells the time to the engine. timers needs room for NET_TCP_CONNECTIONS_MAX.
 * NULL if out of memory, or if the loop does not take a socket. */
struct net *net_create(uv_loop_t *loop, struct query_engine *engine, struct timers *timers,
                       const struct net_sockets *sockets, size_t count,
                       const struct address *addresses, void (*turn)(void *), void *context);

/* The reserve, send and release of query_io; their context is the struct net. */
uint8_t *net_reserve(void *context, struct query *q, size_t *size);
void net_send(void *context, struct query *q, size_t len);
void net_release(void *context, struct query *q);

/* Sends what net_send has queued for UDP, and goes on with connections that have waited. The
 * worker may call it at the end of a callback in which questions have been answered (upstream
 * answers, timers, adoption); the loop does so in any case before and after it waits. Never
 * from within the engine. */
void net_flush(struct net *net);

/*
 * For a successor that reads from the same sockets: stops reading and accepting, so that what
 * the kernel has queued is the successor's, and goes on answering what was read. A connection
 * that owes nothing and is owed nothing, at the end of a message, is given to handed() as a
 * descriptor, which the callee owns, on this thread, perhaps from within this very call; the
 * others follow as they come to that point. Not from within the engine. Once.
 */
void net_leave(struct net *net, void (*handed)(void *context, int fd), void *context);
/* Takes over a connection that another one's net_leave() has given. Closed if there is no place
 * for it. Not from within the engine. */
void net_adopt(struct net *net, int fd);

/* Stops accepting and reading, abandons what TCP clients wait for, closes; memory goes after
 * the close callbacks. The engine must not be run afterwards. NULL is fine. */
void net_close(struct net *net);

/* Fewer connections at a time than NET_TCP_CONNECTIONS_MAX, from 1. */
void net_limit_tcp(struct net *net, unsigned connections);

/* Asks the kernel what it has dropped since, for udp_kernel_drops: a system call for each
 * listen address. */
void net_count_drops(struct net *net);
const struct net_counters *net_counters(const struct net *net);

#endif
