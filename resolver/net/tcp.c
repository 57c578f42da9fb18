/*
 * Questions over TCP: a length of two octets, then the message (RFC 7766).
 *
 * Happy path: accept, read, take each whole message as a question, write answers as they
 * come, close when the client has been idle for NET_TCP_IDLE_MS or has closed its half and
 * has all its answers.
 * Failures: too many connections -> the longest idle one makes room, else refused; a message
 * that does not come whole in time, or a client that does not read -> closed; too many
 * questions at once -> reading stops until answers have left. What a closed connection waited
 * for is abandoned.
 *
 * The engine calls send and release; neither may call back into it, so a connection that must
 * then be closed or can go on is put on the list of the awake and looked at by net_flush().
 */
#include "base/clock.h"
#include "base/invariant.h"
#include "net/inside.h"
#include "wire/type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTION_MAGIC 0x7463706eu
#define US_PER_MS        UINT64_C(1000)

static uint64_t now_us(void)
{
    return clock_read().mono_us;
}

struct net_connection *net_connection_of(void *data)
{
    struct net_connection *c = data;

    invariant(c->magic == CONNECTION_MAGIC);
    return c;
}

/* ---- closing ---- */

static void leave_awake(struct net_connection *c)
{
    struct net_connection **at = &c->net->awake;

    if (!c->is_awake) {
        return;
    }
    while (*at != c) {
        at = &(*at)->next_awake;
    }
    *at = c->next_awake;
    c->is_awake = false;
}

static void wake(struct net_connection *c)
{
    if (!c->is_awake && !c->closing) {
        c->is_awake = true;
        c->next_awake = c->net->awake;
        c->net->awake = c;
    }
}

void net_connection_doom(struct net_connection *c)
{
    c->doomed = true;
    wake(c);
}

static void accept_owed(struct net *net);

static void on_connection_closed(uv_handle_t *handle)
{
    struct net_connection *c = net_connection_of(handle->data);
    struct net *net = c->net;

    free(c->sending);
    free(c->queued);
    c->magic = 0;
    pool_give_back(net->connections, c);
    if (net->closing) {
        net_free_if_closed(net);
    } else {
        accept_owed(net);
    }
}

static void unlink_question(struct net_connection *c, struct query *q)
{
    struct query_client *client = query_client_of(q);
    struct query *next = client->link[0];
    struct query *prev = client->link[1];

    if (prev != NULL) {
        query_client_of(prev)->link[0] = next;
    } else {
        c->first = next;
    }
    if (next != NULL) {
        query_client_of(next)->link[1] = prev;
    }
    c->waiting--;
}

void net_connection_close(struct net_connection *c)
{
    struct net *net = c->net;

    if (c->closing) {
        return;
    }
    c->closing = true;
    timers_disarm(net->timers, &c->timer);
    leave_awake(c);
    while (c->first != NULL) {
        struct query *q = c->first;
        unlink_question(c, q);
        query_abandon(net->engine, q);
    }
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        net->first = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    net->counters.tcp_open--;
    uv_close((uv_handle_t *)&c->tcp, on_connection_closed);
}

/* ---- patience ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_idle(const struct net_connection *c)
{
    return c->waiting == 0 && c->used == 0 && !c->is_writing;
}

/* When the connection will have been slow or idle for too long. UINT64_MAX: it waits for us. */
static uint64_t patience_us(const struct net_connection *c)
{
    uint64_t end = UINT64_MAX;

    if (c->is_writing) {
        end = c->write_since_us + NET_TCP_WRITE_MS * US_PER_MS;
    }
    if (c->used > 0 && c->is_reading) {
        end = earlier(end, c->message_since_us + NET_TCP_MESSAGE_MS * US_PER_MS);
    }
    if (is_idle(c)) {
        end = c->idle_since_us + NET_TCP_IDLE_MS * US_PER_MS;
    }
    return end;
}

/* The timer keeps its place while the connection waits for us, so that arming cannot fail. */
static void arm(struct net_connection *c)
{
    uint64_t end = patience_us(c);

    if (end == UINT64_MAX) {
        end = now_us() + NET_TCP_IDLE_MS * US_PER_MS;
    }
    const int rc = timers_arm(c->net->timers, &c->timer, end);
    invariant(rc == 0);
}

static void on_timer(struct timer *timer, void *context)
{
    struct net_connection *c = net_connection_of(context);
    struct net_counters *counters = &c->net->counters;
    const uint64_t due = timer->at_us;
    const size_t unwritten = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);

    if (c->is_writing && unwritten < c->unwritten) {
        c->unwritten = unwritten; /* slow, but it reads */
        c->write_since_us = due;
    }
    if (patience_us(c) > due) {
        arm(c);
        return;
    }
    if (is_idle(c)) {
        counters->tcp_closed_idle++;
    } else {
        counters->tcp_closed_slow++;
    }
    net_connection_close(c);
}

/* ---- reading ---- */

static bool may_take(const struct net_connection *c)
{
    return !c->doomed && c->waiting < NET_TCP_PIPELINE_MAX &&
           c->sending_len + c->queued_len <= NET_TCP_QUEUE_MAX / 2;
}

static void take(struct net_connection *c, const uint8_t *message, size_t len)
{
    struct net *net = c->net;
    struct query *q = query_take(net->engine);

    if (q == NULL) {
        return; /* counted by the engine; the client asks again */
    }
    struct query_client *client = query_client_of(q);
    *client = (struct query_client){
        .from = c->from,
        .local = c->local,
        .transport = QUERY_TCP,
        .owner = c,
        .keepalive_100ms = NET_TCP_IDLE_MS / 100,
    };
    client->link[0] = c->first;
    if (c->first != NULL) {
        query_client_of(c->first)->link[1] = q;
    }
    c->first = q;
    c->waiting++;
    net->counters.tcp_questions++;
    query_run(net->engine, q, message, len);
}

/* Takes the whole messages that have come, as far as the limits go. */
static void take_messages(struct net_connection *c)
{
    size_t at = 0;

    c->is_working = true;
    while (may_take(c) && c->used - at >= 2) {
        const size_t len = wire_get16(c->in + at);

        if (len < WIRE_HEADER_OCTETS || len > NET_TCP_MESSAGE_MAX) {
            c->net->counters.tcp_malformed++;
            c->doomed = true;
            break;
        }
        if (c->used - at - 2 < len) {
            break;
        }
        take(c, c->in + at + 2, len);
        at += 2 + len;
    }
    c->is_working = false;
    if (at > 0) {
        memmove(c->in, c->in + at, c->used - at);
        c->used -= at;
        c->idle_since_us = c->message_since_us = now_us();
    }
}

/* Octets that a message which has begun lacks: what a connection that is to be handed on may
 * still read. The length is looked at by take_messages(). */
static size_t missing(const struct net_connection *c)
{
    const size_t whole = c->used < 2 ? 2 : 2 + (size_t)wire_get16(c->in);

    return c->used > 0 && whole > c->used ? whole - c->used : 0;
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct net_connection *c = net_connection_of(handle->data);
    const size_t room = c->net->leaving ? missing(c) : sizeof(c->in) - c->used;

    (void)suggested;
    *buffer = uv_buf_init((char *)c->in + c->used, (unsigned)room);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer);

/* A descriptor of its own for the successor; closing ours is then no end for the client. */
static void hand_on(struct net_connection *c)
{
    struct net *net = c->net;
    uv_os_fd_t fd = -1;
    int copy = -1;

    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0) {
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    net_connection_close(c);
    if (copy >= 0) { /* else it is closed: the client connects anew */
        net->handed(net->handed_context, copy);
    }
}

/* Reads on, or not; closes what is finished; says by when the next thing must happen. */
static void settle(struct net_connection *c)
{
    const bool finished = c->at_end && c->waiting == 0 && !c->is_writing && c->queued_len == 0;

    if (c->doomed || finished) {
        net_connection_close(c);
        return;
    }
    const bool at_boundary =
        c->used == 0 && c->waiting == 0 && !c->is_writing && c->queued_len == 0;
    if (c->net->leaving && at_boundary) {
        hand_on(c);
        return;
    }
    const bool read = may_take(c) && !c->at_end && (!c->net->leaving || missing(c) > 0);
    if (read != c->is_reading) {
        if (read) {
            c->message_since_us = now_us();
            if (uv_read_start((uv_stream_t *)&c->tcp, on_allocate, on_read) != 0) {
                net_connection_close(c);
                return;
            }
        } else {
            (void)uv_read_stop((uv_stream_t *)&c->tcp);
        }
        c->is_reading = read;
    }
    arm(c);
}

void net_connection_work(struct net_connection *c)
{
    take_messages(c);
    settle(c);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct net_connection *c = net_connection_of(stream->data);
    struct net *net = c->net;

    (void)buffer;
    if (count == 0) {
        return; /* nothing there after all */
    }
    net->turn(net->context);
    if (count > 0) {
        if (c->used == 0) {
            c->message_since_us = now_us();
        }
        c->used += (size_t)count;
        net_connection_work(c);
    } else if (count == UV_EOF) {
        c->at_end = true; /* its half; the answers still go out */
        settle(c);
    } else {
        net_connection_close(c);
    }
    net_flush(net);
}

void net_tcp_release(struct net *net, struct query *q)
{
    struct net_connection *c = net_connection_of(query_client_of(q)->owner);

    (void)net;
    unlink_question(c, q);
    if (!c->is_working) {
        c->idle_since_us = now_us();
        wake(c);
    }
}

void net_tcp_wake(struct net *net)
{
    while (net->awake != NULL) {
        struct net_connection *c = net->awake;
        leave_awake(c);
        net_connection_work(c);
    }
}

/* ---- accepting ---- */

/* RFC 9210, 4.2: the connection that has been idle for longest makes room. */
static void make_room(struct net *net)
{
    struct net_connection *longest = NULL;

    for (struct net_connection *c = net->first; c != NULL; c = c->next) {
        if (is_idle(c) && (longest == NULL || c->idle_since_us < longest->idle_since_us)) {
            longest = c;
        }
    }
    if (longest != NULL) {
        net->counters.tcp_closed_idle++;
        net_connection_close(longest);
    }
}

static bool read_addresses(struct net_connection *c)
{
    struct sockaddr_storage storage;
    int len = sizeof(storage);

    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&storage, &len) != 0 ||
        !address_from_sockaddr((const struct sockaddr *)&storage, &c->from)) {
        return false;
    }
    len = sizeof(storage);
    return uv_tcp_getsockname(&c->tcp, (struct sockaddr *)&storage, &len) == 0 &&
           address_from_sockaddr((const struct sockaddr *)&storage, &c->local);
}

/* The /64 of IPv6 clients, whose addresses one machine can use all. */
static bool is_same_network(const struct address *a, const struct address *b)
{
    return a->family == ADDRESS_V6 && b->family == ADDRESS_V6 && a->scope == b->scope &&
           a->scope == 0 && memcmp(a->octets, b->octets, 8) == 0;
}

static bool admit(struct net_connection *c)
{
    struct net *net = c->net;
    unsigned same = 0;
    unsigned near = 0;

    if (!read_addresses(c)) {
        return false;
    }
    for (const struct net_connection *other = net->first; other != NULL; other = other->next) {
        same += address_same_host(&other->from, &c->from);
        near += is_same_network(&other->from, &c->from);
    }
    if (same >= NET_TCP_PER_CLIENT_MAX || near >= NET_TCP_PER_NETWORK_MAX) {
        net->counters.tcp_refused_client++;
        return false;
    }
    if (net->counters.tcp_open >= net->connections_max) {
        make_room(net);
    }
    c->timer.fire = on_timer;
    c->timer.context = c;
    c->idle_since_us = now_us();
    return net->counters.tcp_open < net->connections_max &&
           timers_arm(net->timers, &c->timer, patience_us(c)) == 0;
}

/* A place for a connection, its handle open and without a socket. NULL: there is none. */
static struct net_connection *make_connection(struct net *net)
{
    struct net_connection *c = pool_take(net->connections);

    if (c == NULL) {
        return NULL;
    }
    memset(c, 0, offsetof(struct net_connection, in));
    c->magic = CONNECTION_MAGIC;
    c->net = net;
    (void)uv_tcp_init(net->loop, &c->tcp); /* opens nothing: it cannot fail */
    c->tcp.data = c;
    return c;
}

/* The socket is there; rc is how that went. */
static void begin(struct net_connection *c, int rc)
{
    struct net *net = c->net;

    if (rc != 0 || !admit(c)) {
        net->counters.tcp_refused++;
        c->closing = true;
        uv_close((uv_handle_t *)&c->tcp, on_connection_closed);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    c->next = net->first;
    if (net->first != NULL) {
        net->first->prev = c;
    }
    net->first = c;
    net->counters.tcp_accepted++;
    net->counters.tcp_open++;
    settle(c);
}

static void accept_one(struct net_listener *listener)
{
    struct net_connection *c = make_connection(listener->net);

    if (c == NULL) {
        listener->owed = true; /* until one of those that are closing has closed */
        return;
    }
    begin(c, uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&c->tcp));
}

void net_adopt(struct net *net, int fd)
{
    struct net_connection *c = net->closing || net->leaving ? NULL : make_connection(net);

    if (c == NULL) {
        net->counters.tcp_refused++;
        close(fd);
        return;
    }
    const int rc = uv_tcp_open(&c->tcp, fd);
    if (rc != 0) {
        close(fd);
    }
    begin(c, rc);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct net_listener *listener = server->data;

    if (status < 0) {
        listener->net->counters.tcp_refused++; /* out of descriptors, or gone already */
        return;
    }
    accept_one(listener);
}

static void accept_owed(struct net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        if (net->listeners[i].owed && !net->leaving) {
            net->listeners[i].owed = false;
            accept_one(&net->listeners[i]);
        }
    }
}

int net_tcp_open(struct net *net, struct net_listener *listener, int fd)
{
    int rc = uv_tcp_init(net->loop, &listener->tcp);

    if (rc != 0) {
        close(fd);
        return rc;
    }
    net->handles++;
    listener->net = net;
    listener->tcp.data = listener;
    rc = uv_tcp_open(&listener->tcp, fd);
    if (rc != 0) {
        close(fd);
        return rc;
    }
    return uv_listen((uv_stream_t *)&listener->tcp, NET_TCP_BACKLOG, on_connection);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct net_listener *listener = handle->data;

    listener->net->handles--;
    net_free_if_closed(listener->net);
}

static void close_listeners(struct net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        uv_handle_t *handle = (uv_handle_t *)&net->listeners[i].tcp;

        if (net->listeners[i].net != NULL && !uv_is_closing(handle)) {
            uv_close(handle, on_listener_closed);
        }
    }
}

void net_tcp_leave(struct net *net)
{
    struct net_connection *next;

    close_listeners(net);
    for (struct net_connection *c = net->first; c != NULL; c = next) {
        next = c->next;
        net_connection_work(c);
    }
}

void net_tcp_close_all(struct net *net)
{
    close_listeners(net);
    while (net->first != NULL) {
        net_connection_close(net->first);
    }
}
