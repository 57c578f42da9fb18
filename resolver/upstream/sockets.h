/*
 * upstream/sockets.h - the inside of a worker's transport. Private to the room: transport.c
 * watches the sockets, transport_udp.c and transport_tcp.c own them, choice.c draws the socket
 * of a question over UDP, transport_tls.c is what connections over TLS do between socket and
 * messages.
 *
 * All sockets are in one epoll set of ours, which is a single handle of the loop: a question
 * costs no libuv handle, and closing needs no callback. An event names a socket by pool, slot
 * and generation, so that one that was closed (and perhaps opened anew) while earlier events
 * of the same batch were handled is recognised.
 */
#ifndef CORDON_UPSTREAM_SOCKETS_H
#define CORDON_UPSTREAM_SOCKETS_H

#include "base/pool.h"
#include "tls/session.h"
#include "upstream/transport.h"
#include "wire/type.h"

#include <sys/epoll.h>

enum upstream_socket_kind {
    UPSTREAM_SOCKET_UDP,
    UPSTREAM_SOCKET_TCP
};

/* What both kinds begin with. */
struct upstream_socket {
    uint32_t generation; /* of this use of the slot; 0: closed */
    int fd;
};

/*
 * Carries questions to one server: one, or where there are many several at a time, each at a
 * place of its own. A place is told by the id on the wire, which is unique on the socket. One
 * whose question was given up stays taken, since its answer may still come. An id that was
 * answered is remembered until its place is taken again: some networks bring an answer twice.
 *
 * Once anything else than the answer to one of its questions was heard on a socket, or it has
 * failed, one question at most stays on it: the others leave for sockets of their own.
 */
struct upstream_udp {
    struct upstream_socket socket;
    struct address server;
    uint64_t opened_ms;
    struct upstream_udp *next_gathering;
    uint32_t used;     /* places, a bit each */
    uint32_t unsent;   /* of these, those whose question leaves at the end of the turn */
    uint32_t answered; /* free places whose last question was answered, by ids[] */
    uint16_t at;       /* in the choice */
    uint8_t live;      /* places whose question waits for its answer */
    uint8_t questions; /* that it was ever given */
    uint8_t server_index;
    bool offered;   /* further questions may draw it */
    bool gathering; /* it is in the list of those with questions unsent */
    bool held;      /* somebody is going through its places */
    uint16_t ids[UPSTREAM_UDP_AT_ONCE_MAX];
    struct upstream_try *tries[UPSTREAM_UDP_AT_ONCE_MAX]; /* NULL: given up */
};

/* Sockets to one server that take further questions. */
struct upstream_udp_choice {
    unsigned count;
    struct upstream_udp *at[UPSTREAM_UDP_CHOICE_MAX];
    struct upstream_udp *burst; /* by which the questions of this turn leave; NULL: none yet */
};

/* Datagrams that the kernel takes or gives at a time. */
struct upstream_udp_batch {
    struct mmsghdr headers[UPSTREAM_UDP_AT_ONCE_MAX];
    struct iovec octets[UPSTREAM_UDP_AT_ONCE_MAX];
};

/* A question on a connection. */
struct upstream_rider {
    struct upstream_try *t; /* NULL: closed while its octets were half written */
    struct upstream_connection *connection;
    struct upstream_rider *next, *prev;
    uint16_t id; /* on the wire: unique on the connection */
    bool written;
    uint16_t len;      /* of frame[] */
    uint16_t sent;     /* octets of it */
    uint64_t since_ms; /* asked, and later: written */
    uint8_t frame[2 + UPSTREAM_QUESTION_MAX];
};

/* A server over TLS, with the trust it is measured by. */
struct upstream_peer {
    struct endpoint server;
    struct tls_trust *trust;    /* held; NULL: the place is free */
    struct tls_tickets tickets; /* for connections to come */
    unsigned sessions;          /* that use the tickets: as long the place is not given away */
    uint64_t again_ms;          /* no new connection before: the last one proved nothing */
    uint64_t used_ms;
};

struct upstream_connection {
    struct upstream_socket socket;
    struct endpoint server;
    struct upstream_connection *next, *prev;
    struct upstream_rider *first, *last; /* in the order in which they were asked */
    unsigned riders;
    unsigned carried;           /* questions that ever were on it */
    unsigned answered;          /* of these */
    struct upstream_peer *peer; /* over TLS, else NULL */
    struct tls_session *tls;    /* the same */
    bool connected;
    bool ready; /* for questions: connected, and over TLS the server has proved who it is */
    bool deaf;  /* a question on it waits in vain: no more are put on it */
    bool wants_write;
    unsigned idle_ms;  /* patience when nobody uses it */
    uint64_t since_ms; /* connecting or idle */
    uint64_t heard_ms; /* the latest whole answer to a question that waited; 0: none */
    size_t used;
    uint8_t in[2 + WIRE_MESSAGE_MAX];
};

struct upstream_transport {
    uv_loop_t *loop;
    struct random *random;
    struct upstream *upstream;
    void (*turn)(void *context);
    void *turn_context;
    uv_poll_t poll;
    uv_prepare_t prepare; /* what was gathered leaves before the loop waits */
    uv_timer_t timer;     /* patience with connections and sockets to choose from; runs while
                             there are any */
    unsigned handles;     /* of libuv, not yet closed */
    int epoll;
    bool closing;
    uint32_t generations; /* given out */
    unsigned sockets_max;
    unsigned connect_ms, tls_connect_ms, idle_ms, stall_ms;
    struct pool *udp;
    struct upstream_udp_choice choices[UPSTREAM_SERVERS_MAX];
    struct upstream_udp *gathering; /* sockets with questions unsent */
    struct upstream_try *reading; /* whose datagram is being handed over; NULL: it was closed */
    struct pool *connections;
    struct pool *riders;
    struct upstream_connection *first;
    struct upstream_peer peers[UPSTREAM_TLS_PEERS_MAX];
    struct upstream_udp_batch in, out;
    uint8_t scratch[UPSTREAM_UDP_READ_MAX * UPSTREAM_UDP_ANSWER_MAX]; /* what is read */
};

/* There is something to look after from time to time. */
void upstream_transport_look_after(struct upstream_transport *transport);

/* Opens a non-blocking socket in the slot and watches it for events. 0 or -errno. */
int upstream_socket_open(struct upstream_transport *transport, struct upstream_socket *s,
                         enum upstream_socket_kind kind, const struct address *server,
                         uint32_t events);
int upstream_socket_watch(struct upstream_transport *transport, struct upstream_socket *s,
                          enum upstream_socket_kind kind, uint32_t events);
/* Closes; the kernel forgets to watch it. */
void upstream_socket_close(struct upstream_socket *s);

int upstream_udp_send(void *context, struct upstream_try *t);
void upstream_udp_close(struct upstream_transport *transport, struct upstream_try *t);
void upstream_udp_ready(struct upstream_transport *transport, struct upstream_udp *udp);
/* Where datagrams are read to. */
void upstream_udp_prepare(struct upstream_transport *transport);
/* Sends what was gathered. */
void upstream_udp_flush(struct upstream_transport *transport);
/* Nothing more is sent: forgets what was gathered, and closes what nobody waits for. */
void upstream_udp_stop(struct upstream_transport *transport);
/* Closes the socket if nobody needs it any more. */
void upstream_udp_let_go(struct upstream_transport *transport, struct upstream_udp *udp);
/* The place of a question with this id; -1: none. */
int upstream_udp_place_of(const struct upstream_udp *udp, uint16_t id);

/* choice.c. Offers a new socket to further questions, if there is room for it. */
void upstream_choice_offer(struct upstream_transport *transport, struct upstream_udp *udp);
/* It gets no more of them. The socket may be closed afterwards. */
void upstream_choice_withdraw(struct upstream_transport *transport, struct upstream_udp *udp);
/* The socket for this question; NULL: a new one is to be opened. */
struct upstream_udp *upstream_choice_draw(struct upstream_transport *transport,
                                          const struct upstream_try *t);
/* Withdraws those that are too old. False if none is left. */
bool upstream_choice_look_after(struct upstream_transport *transport);
/* Closes one that carries nothing, to make room; false if there is none. */
bool upstream_choice_make_room(struct upstream_transport *transport);
void upstream_choice_withdraw_all(struct upstream_transport *transport);

int upstream_tcp_send(void *context, struct upstream_try *t);
void upstream_tcp_close(struct upstream_transport *transport, struct upstream_rider *rider);
void upstream_tcp_ready(struct upstream_transport *transport, struct upstream_connection *c,
                        uint32_t events);
/* Closes connections whose time is over. */
void upstream_tcp_look_after(struct upstream_transport *transport);
void upstream_tcp_close_all(struct upstream_transport *transport);

/* For transport_tls.c. Closes the socket and tells everybody on the connection. */
void upstream_tcp_fail(struct upstream_transport *transport, struct upstream_connection *c,
                       int error);
/* Hands over the whole messages in c->in. False if the connection has gone. */
bool upstream_tcp_take_answers(struct upstream_transport *transport,
                               struct upstream_connection *c);
/* Acknowledges what has come at once, if others wait for the server to go on. */
void upstream_tcp_acknowledge(const struct upstream_connection *c);
/* The question is on its way. */
void upstream_tcp_written(struct upstream_transport *transport, struct upstream_rider *rider);

/* Begins TLS on a connection that is being opened for the try. 0; -EKEYREJECTED: the server
 * has just failed to prove who it is; -ENOMEM. */
int upstream_tls_begin(struct upstream_transport *transport, struct upstream_connection *c,
                       const struct upstream_try *t);
/* The socket has octets, or takes some. False if the connection has gone. */
bool upstream_tls_readable(struct upstream_transport *transport, struct upstream_connection *c);
void upstream_tls_writable(struct upstream_transport *transport, struct upstream_connection *c);
/* No answer to the handshake in time. */
void upstream_tls_overdue(struct upstream_transport *transport, struct upstream_connection *c);
/* Says farewell and lets go of what TLS has; before the socket closes. */
void upstream_tls_end(struct upstream_transport *transport, struct upstream_connection *c);
void upstream_tls_forget_all(struct upstream_transport *transport);

#endif
