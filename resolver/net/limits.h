/*
 * net/limits.h - bounds of what clients may hold, and why.
 */
#ifndef CORDON_NET_LIMITS_H
#define CORDON_NET_LIMITS_H

#define NET_LISTEN_MAX 32u /* addresses */

/* Datagrams per recvmmsg and sendmmsg: a syscall is 1/32 of a question, the buffers are
 * 128 KiB a worker. */
#define NET_BATCH 32u
#define NET_DATAGRAM_MAX \
    4096u /* octets: the largest question that we read and answer over UDP */

/* Batches read before the loop turns to TCP, upstreams and timers again. */
#define NET_BATCHES_PER_TURN 4u

/* Socket buffers: 2,000 questions outstanding at about 1 KiB of kernel memory each. */
#define NET_RECEIVE_BUFFER (4u << 20)

#define NET_TCP_CONNECTIONS_MAX 512u /* per worker (RFC 9210, 4.2: limit and close idle ones) \
                                      */
#define NET_TCP_PER_CLIENT_MAX 32u   /* per worker and client address */
#define NET_TCP_PIPELINE_MAX \
    64u /* questions unanswered on one connection; then reading stops */
#define NET_TCP_IDLE_MS    10000u       /* RFC 9210, 5.1: seconds; announced by keepalive */
#define NET_TCP_MESSAGE_MS 5000u        /* from the first octet of a message to its last */
#define NET_TCP_WRITE_MS   5000u        /* for a client that does not read */
#define NET_TCP_QUEUE_MAX  (256u << 10) /* octets unsent on one connection */
#define NET_TCP_BACKLOG    256

#endif
