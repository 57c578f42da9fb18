/*
 * net/limits.h - bounds of what clients may hold, and why.
 */
#ifndef CORDON_NET_LIMITS_H
#define CORDON_NET_LIMITS_H

#define NET_LISTEN_MAX 32u /* addresses */

/* Datagrams per recvmmsg and sendmmsg: a syscall is 1/32 of a question, the buffers are
 * 128 KiB a worker. */
#define NET_BATCH 32u

/* Octets: the largest question that we read, and answer that we send, over UDP. */
#define NET_DATAGRAM_MAX 4096u

/* Batches read before the loop turns to TCP, upstreams and timers again. */
#define NET_BATCHES_PER_TURN 4u

/* Socket buffers: 2,000 questions outstanding at about 1 KiB of kernel memory each. */
#define NET_RECEIVE_BUFFER (4u << 20)

/* Connections per worker, per worker and client address, and per worker and /64 of IPv6 clients
 * (RFC 9210, 4.2: limit them and close idle ones). A stub has one or two, an office behind one
 * address some; sixteen addresses are needed to take all. */
#define NET_TCP_CONNECTIONS_MAX 512u
#define NET_TCP_PER_CLIENT_MAX  32u
#define NET_TCP_PER_NETWORK_MAX 128u

/* Questions unanswered on one connection; then reading stops. */
#define NET_TCP_PIPELINE_MAX 64u

/* Octets of one question over TCP: the same as over UDP. A longer one can only be padding, and
 * the connection that announces it is closed. */
#define NET_TCP_MESSAGE_MAX NET_DATAGRAM_MAX

#define NET_TCP_IDLE_MS    10000u /* RFC 9210, 5.1: seconds; announced by keepalive */
#define NET_TCP_MESSAGE_MS 5000u  /* from the first octet of a message to its last */
#define NET_TCP_WRITE_MS   5000u  /* for a client that does not read */

/* Octets unsent on one connection: four answers of the largest size. At half of it no more
 * questions are taken. */
#define NET_TCP_QUEUE_MAX (256u << 10)

#define NET_TCP_BACKLOG 256

/* Ports tried when the caller leaves the choice to us: the kernel picks one for UDP that must
 * be free for TCP too. */
#define NET_PORT_ATTEMPTS 16

#endif
