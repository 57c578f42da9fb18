#include "upstream/transport.h"

#include "base/invariant.h"
#include "upstream/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* An event's name for a socket: generation, kind, slot. */
#define NAME_KIND_SHIFT       31
#define NAME_GENERATION_SHIFT 32
#define NAME_SLOT_MASK        0x7fffffffu

static struct pool *pool_of(const struct upstream_transport *transport,
                            enum upstream_socket_kind kind)
{
    return kind == UPSTREAM_SOCKET_TCP ? transport->connections : transport->udp;
}

static int control(struct upstream_transport *transport, const struct upstream_socket *s,
                   enum upstream_socket_kind kind, int operation, uint32_t events)
{
    const uint64_t slot = pool_index(pool_of(transport, kind), s);
    struct epoll_event event = {
        .events = events,
        .data.u64 = (uint64_t)s->generation << NAME_GENERATION_SHIFT |
                    (uint64_t)kind << NAME_KIND_SHIFT | slot,
    };

    return epoll_ctl(transport->epoll, operation, s->fd, &event) == 0 ? 0 : -errno;
}

int upstream_socket_open(struct upstream_transport *transport, struct upstream_socket *s,
                         enum upstream_socket_kind kind, const struct address *server,
                         uint32_t events)
{
    const int family = server->family == ADDRESS_V6 ? AF_INET6 : AF_INET;
    const int type = kind == UPSTREAM_SOCKET_TCP ? SOCK_STREAM : SOCK_DGRAM;

    /* The slot of this one counts already. */
    while (pool_in_use(transport->udp) + pool_in_use(transport->connections) >
           transport->sockets_max) {
        if (!upstream_choice_make_room(transport)) {
            return -EMFILE;
        }
    }
    s->fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 && (errno == EMFILE || errno == ENFILE) &&
        upstream_choice_make_room(transport)) {
        s->fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (s->fd < 0) {
        return -errno;
    }
    if (++transport->generations == 0) {
        transport->generations = 1; /* 0 stands for closed */
    }
    s->generation = transport->generations;
    const int rc = control(transport, s, kind, EPOLL_CTL_ADD, events);
    if (rc != 0) {
        upstream_socket_close(s);
    }
    return rc;
}

int upstream_socket_watch(struct upstream_transport *transport, struct upstream_socket *s,
                          enum upstream_socket_kind kind, uint32_t events)
{
    return control(transport, s, kind, EPOLL_CTL_MOD, events);
}

void upstream_socket_close(struct upstream_socket *s)
{
    close(s->fd);
    s->fd = -1;
    s->generation = 0;
}

static void dispatch(struct upstream_transport *transport, const struct epoll_event *event)
{
    const uint64_t name = event->data.u64;
    const enum upstream_socket_kind kind = name >> NAME_KIND_SHIFT & 1;
    struct upstream_socket *s = pool_slot(pool_of(transport, kind), name & NAME_SLOT_MASK);

    if (s->generation != (uint32_t)(name >> NAME_GENERATION_SHIFT)) {
        return; /* closed since */
    }
    if (kind == UPSTREAM_SOCKET_TCP) {
        upstream_tcp_ready(transport, (struct upstream_connection *)(void *)s, event->events);
    } else {
        upstream_udp_ready(transport, (struct upstream_udp *)(void *)s);
    }
}

static void on_ready(uv_poll_t *poll, int status, int what)
{
    struct upstream_transport *transport = poll->data;
    struct epoll_event events[UPSTREAM_EVENTS_MAX];

    (void)what;
    if (status < 0) {
        return;
    }
    if (transport->turn != NULL) {
        transport->turn(transport->turn_context);
    }
    for (unsigned round = 0; round < UPSTREAM_ROUNDS_MAX && !transport->closing; round++) {
        const int count = epoll_wait(transport->epoll, events, UPSTREAM_EVENTS_MAX, 0);
        for (int i = 0; i < count && !transport->closing; i++) {
            dispatch(transport, &events[i]);
        }
        if (count < UPSTREAM_EVENTS_MAX) {
            break;
        }
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    upstream_udp_flush(prepare->data);
}

static void on_timer(uv_timer_t *timer)
{
    struct upstream_transport *transport = timer->data;

    if (transport->turn != NULL) {
        transport->turn(transport->turn_context);
    }
    upstream_tcp_look_after(transport);
    const bool any = upstream_choice_look_after(transport);
    if (transport->first == NULL && !any && !transport->closing) {
        (void)uv_timer_stop(timer);
    }
}

void upstream_transport_look_after(struct upstream_transport *transport)
{
    if (!uv_is_active((uv_handle_t *)&transport->timer)) {
        (void)uv_timer_start(&transport->timer, on_timer, UPSTREAM_LOOK_MS, UPSTREAM_LOOK_MS);
    }
}

static void destroy(struct upstream_transport *transport)
{
    if (transport->epoll >= 0) {
        close(transport->epoll);
    }
    pool_destroy(transport->udp);
    pool_destroy(transport->connections);
    pool_destroy(transport->riders);
    upstream_tls_forget_all(transport);
    free(transport);
}

struct upstream_transport *upstream_transport_create(uv_loop_t *loop, struct random *random)
{
    struct upstream_transport *transport = calloc(1, sizeof(*transport));

    if (transport == NULL) {
        return NULL;
    }
    transport->loop = loop;
    transport->random = random;
    upstream_transport_patience(transport, UPSTREAM_TCP_CONNECT_MS, UPSTREAM_TCP_IDLE_MS);
    transport->sockets_max = UPSTREAM_SOCKETS_MAX + UPSTREAM_TCP_CONNECTIONS_MAX;
    transport->udp = pool_create(sizeof(struct upstream_udp), UPSTREAM_SOCKETS_MAX);
    transport->connections =
        pool_create(sizeof(struct upstream_connection), UPSTREAM_TCP_CONNECTIONS_MAX);
    transport->riders =
        pool_create(sizeof(struct upstream_rider),
                    UPSTREAM_TCP_CONNECTIONS_MAX * (size_t)UPSTREAM_TCP_PIPELINE_MAX);
    transport->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (transport->udp == NULL || transport->connections == NULL || transport->riders == NULL ||
        transport->epoll < 0 || uv_poll_init(loop, &transport->poll, transport->epoll) != 0) {
        destroy(transport);
        return NULL;
    }
    int rc = uv_timer_init(loop, &transport->timer);
    invariant(rc == 0); /* none of these has a way to fail */
    rc = uv_prepare_init(loop, &transport->prepare);
    invariant(rc == 0);
    rc = uv_poll_start(&transport->poll, UV_READABLE, on_ready);
    invariant(rc == 0);
    rc = uv_prepare_start(&transport->prepare, on_prepare);
    invariant(rc == 0);
    transport->handles = 3;
    transport->poll.data = transport;
    transport->timer.data = transport;
    transport->prepare.data = transport;
    upstream_udp_prepare(transport);
    return transport;
}

void upstream_transport_attach(struct upstream_transport *transport, struct upstream *upstream)
{
    transport->upstream = upstream;
}

void upstream_transport_on_turn(struct upstream_transport *transport, void (*turn)(void *),
                                void *context)
{
    transport->turn = turn;
    transport->turn_context = context;
}

void upstream_transport_patience(struct upstream_transport *transport, unsigned connect_ms,
                                 unsigned idle_ms)
{
    transport->connect_ms = connect_ms;
    transport->tls_connect_ms =
        2 * connect_ms < UPSTREAM_TLS_CONNECT_MS ? 2 * connect_ms : UPSTREAM_TLS_CONNECT_MS;
    transport->idle_ms = idle_ms;
    transport->stall_ms =
        connect_ms < UPSTREAM_TCP_STALL_MS ? connect_ms : UPSTREAM_TCP_STALL_MS;
}

void upstream_transport_limit(struct upstream_transport *transport, unsigned sockets)
{
    transport->sockets_max = sockets;
}

void upstream_transport_trim(struct upstream_transport *transport)
{
    pool_trim(transport->udp);
    pool_trim(transport->connections);
    pool_trim(transport->riders);
}

static void free_if_closed(struct upstream_transport *transport)
{
    if (transport->closing && transport->handles == 0 && pool_in_use(transport->udp) == 0 &&
        pool_in_use(transport->riders) == 0) {
        destroy(transport);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct upstream_transport *transport = handle->data;

    transport->handles--;
    free_if_closed(transport);
}

void upstream_transport_close(struct upstream_transport *transport)
{
    if (transport == NULL || transport->closing) {
        return;
    }
    transport->closing = true;
    upstream_tcp_close_all(transport);
    upstream_udp_stop(transport);
    uv_close((uv_handle_t *)&transport->poll, on_closed);
    uv_close((uv_handle_t *)&transport->prepare, on_closed);
    uv_close((uv_handle_t *)&transport->timer, on_closed);
}

static void close_try(void *context, struct upstream_try *t)
{
    struct upstream_transport *transport = context;

    if (t->tcp) {
        upstream_tcp_close(transport, t->handle);
    } else {
        upstream_udp_close(transport, t);
    }
    t->handle = NULL;
    free_if_closed(transport);
}

const struct upstream_io upstream_transport_io = {
    .udp_send = upstream_udp_send,
    .tcp_send = upstream_tcp_send,
    .close = close_try,
};
