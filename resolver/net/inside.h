/*
 * net/inside.h - the inside of a worker's client side. Private to the room: net.c makes and
 * closes, udp.c, tcp.c (reading, patience, closing) and tcp_write.c do the work.
 */
#ifndef CORDON_NET_INSIDE_H
#define CORDON_NET_INSIDE_H

#include "base/pool.h"
#include "net/net.h"

#include <sys/socket.h>

/* One datagram on its way in or out. */
struct net_datagram {
    struct sockaddr_storage peer;
    struct iovec octets;
    union {
        size_t alignment; /* that of struct cmsghdr */
        uint8_t octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
};

struct net_batch {
    struct mmsghdr headers[NET_BATCH];
    struct net_datagram datagrams[NET_BATCH];
    /* Not a power of two apart: their beginnings would crowd one place of the processor's
     * cache. */
    uint8_t buffers[NET_BATCH][NET_DATAGRAM_MAX + 64];
};

struct net_udp {
    uv_poll_t poll;
    struct net *net;
    struct address local;
    bool wide; /* see net_is_wide() */
    bool busy; /* read in each turn of the loop, which does not watch it */
    int fd;
    uint32_t kernel_drops; /* as last told by SO_MEMINFO */
};

struct net_listener {
    uv_tcp_t tcp;
    struct net *net;
    bool owed; /* a connection waits for a slot */
};

struct net_connection {
    uint32_t magic;
    uv_tcp_t tcp;
    struct net *net;
    struct timer timer; /* armed from accept to close */
    struct net_connection *next, *prev;
    struct net_connection *next_awake;
    struct address from, local;
    struct query *first; /* of its questions, by query_client.link */
    unsigned waiting;    /* questions without an answer yet */
    bool is_awake;       /* in net->awake */
    bool is_working;     /* in the loop that takes questions */
    bool is_reading;
    bool is_writing;
    bool at_end; /* the client has sent all that it will */
    bool doomed; /* to be closed outside of the engine */
    bool closing;
    uint64_t idle_since_us, message_since_us, write_since_us;
    size_t unwritten; /* at write_since_us */
    uint8_t *queued;  /* answers behind the write in progress */
    size_t queued_len, queued_size;
    uint8_t *sending; /* the write in progress */
    size_t sending_len;
    uv_write_t write;
    size_t used; /* octets of in[] */
    uint8_t in[2 + NET_TCP_MESSAGE_MAX];
};

struct net {
    uv_loop_t *loop;
    struct query_engine *engine;
    struct timers *timers;
    void (*turn)(void *context);
    void *context;
    bool closing;
    bool leaving; /* see net_leave(), as for the next two */
    void (*handed)(void *context, int fd);
    void *handed_context;
    unsigned handles; /* of libuv, not yet closed; connections not counted */
    size_t count;     /* listen addresses */
    struct net_udp udp[NET_LISTEN_MAX];
    struct net_listener listeners[NET_LISTEN_MAX];
    uv_prepare_t before_waiting;
    uv_check_t after_waiting;
    uv_idle_t each_turn;      /* runs while a socket is busy */
    unsigned busy;            /* sockets */
    unsigned connections_max; /* open at a time */
    struct pool *connections;
    struct net_connection *first; /* of the open ones */
    struct net_connection *awake; /* to be looked at outside of the engine */
    struct net_counters counters;
    size_t out_count;
    size_t out_used; /* octets of out.buffers: at most out_count datagrams */
    int out_fd[NET_BATCH];
    size_t in_used; /* headers of in that the kernel has written to */
    struct net_batch in, out;
    uint8_t answer[2 + 65535]; /* over TCP, with its length in front */
};

/* Free once everything has closed. */
void net_free_if_closed(struct net *net);

/* True if a socket of this address is asked by several, so that each datagram must tell by
 * which, and each answer where it leaves from. */
bool net_is_wide(const struct address *address);

/* Once, before the first is opened. */
void net_udp_prepare(struct net *net);
int net_udp_open(struct net *net, struct net_udp *udp, int fd, const struct address *local);
void net_udp_count_drops(struct net_udp *udp);
void net_udp_stop_reading(struct net_udp *udp);
void net_udp_close(struct net_udp *udp);
uint8_t *net_udp_reserve(struct net *net, size_t *size);
void net_udp_send(struct net *net, const struct query_client *client, size_t len);
void net_udp_flush(struct net *net);

/* The connection behind a handle's or a question's pointer. */
struct net_connection *net_connection_of(void *data);
/* Takes what has come, closes what is finished. Not from within the engine. */
void net_connection_work(struct net_connection *c);
void net_connection_close(struct net_connection *c);
/* To be closed, once the engine has returned. */
void net_connection_doom(struct net_connection *c);

int net_tcp_open(struct net *net, struct net_listener *listener, int fd);
void net_tcp_close_all(struct net *net);
/* Closes the listeners, and looks at every connection: those that may go are handed on. */
void net_tcp_leave(struct net *net);
uint8_t *net_tcp_reserve(struct net *net, const struct query_client *client, size_t *size);
void net_tcp_send(struct net *net, const struct query_client *client, size_t len);
void net_tcp_release(struct net *net, struct query *q);
void net_tcp_wake(struct net *net);

#endif
