#include "net/net.h"

#include "base/invariant.h"
#include "net/inside.h"

#include <errno.h>
#include <stdlib.h>

/* Questions may be answered in any callback of the loop: what is queued leaves before it waits
 * again, and right after the callbacks of sockets. */
static void on_prepare(uv_prepare_t *handle)
{
    net_flush(handle->data);
}

static void on_check(uv_check_t *handle)
{
    net_flush(handle->data);
}

static int start_flushing(struct net *net)
{
    int rc = uv_prepare_init(net->loop, &net->before_waiting);

    if (rc == 0) {
        net->handles++;
        net->before_waiting.data = net;
        rc = uv_check_init(net->loop, &net->after_waiting);
    }
    if (rc == 0) {
        net->handles++;
        net->after_waiting.data = net;
        rc = uv_idle_init(net->loop, &net->each_turn);
    }
    if (rc == 0) {
        net->handles++;
        net->each_turn.data = net;
        rc = uv_prepare_start(&net->before_waiting, on_prepare);
    }
    if (rc == 0) {
        rc = uv_check_start(&net->after_waiting, on_check);
    }
    if (rc == 0) {
        uv_unref((uv_handle_t *)&net->before_waiting);
        uv_unref((uv_handle_t *)&net->after_waiting);
    }
    return rc;
}

struct net *net_create(uv_loop_t *loop, struct query_engine *engine, struct timers *timers,
                       const struct net_sockets *sockets, size_t count,
                       const struct address *addresses, void (*turn)(void *), void *context)
{
    struct net *net = calloc(1, sizeof(*net));
    /* Those that are closing keep their slot for a moment longer. */
    struct pool *connections =
        pool_create(sizeof(struct net_connection), 2 * (size_t)NET_TCP_CONNECTIONS_MAX);

    invariant(count <= NET_LISTEN_MAX);
    if (net == NULL || connections == NULL) {
        for (size_t i = 0; i < count; i++) {
            struct net_sockets pair = sockets[i];
            net_sockets_close(&pair);
        }
        pool_destroy(connections);
        free(net);
        return NULL;
    }
    net->loop = loop;
    net->engine = engine;
    net->timers = timers;
    net->turn = turn;
    net->context = context;
    net->connections = connections;
    net->connections_max = NET_TCP_CONNECTIONS_MAX;
    net->count = count;
    net_udp_prepare(net);
    int failed = start_flushing(net);
    for (size_t i = 0; i < count; i++) {
        /* All are opened even after a failure, since closing is one path for all. */
        const int udp = net_udp_open(net, &net->udp[i], sockets[i].udp, &addresses[i]);
        const int tcp = net_tcp_open(net, &net->listeners[i], sockets[i].tcp);
        failed = failed != 0 ? failed : udp != 0 ? udp : tcp;
    }
    if (failed != 0) {
        net_close(net);
        return NULL;
    }
    return net;
}

void net_limit_tcp(struct net *net, unsigned connections)
{
    invariant(connections > 0 && connections <= NET_TCP_CONNECTIONS_MAX);
    net->connections_max = connections;
}

void net_free_if_closed(struct net *net)
{
    if (net->closing && net->handles == 0 && pool_in_use(net->connections) == 0) {
        pool_destroy(net->connections);
        free(net);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct net *net = handle->data;

    net->handles--;
    net_free_if_closed(net);
}

static void close_handle(uv_handle_t *handle)
{
    if (handle->data != NULL) {
        uv_close(handle, on_closed);
    }
}

void net_leave(struct net *net, void (*handed)(void *context, int fd), void *context)
{
    invariant(!net->leaving && !net->closing);
    net->leaving = true;
    net->handed = handed;
    net->handed_context = context;
    for (size_t i = 0; i < net->count; i++) {
        net_udp_stop_reading(&net->udp[i]);
    }
    net_udp_flush(net);
    net_tcp_leave(net);
}

void net_close(struct net *net)
{
    if (net == NULL || net->closing) {
        return;
    }
    net_udp_flush(net);
    net->closing = true;
    close_handle((uv_handle_t *)&net->before_waiting);
    close_handle((uv_handle_t *)&net->after_waiting);
    close_handle((uv_handle_t *)&net->each_turn);
    for (size_t i = 0; i < net->count; i++) {
        net_udp_close(&net->udp[i]);
    }
    net_tcp_close_all(net);
    net_free_if_closed(net); /* if no handle ever came to be */
}

uint8_t *net_reserve(void *context, struct query *q, size_t *size)
{
    struct net *net = context;
    const struct query_client *client = query_client_of(q);

    if (net->closing) {
        return NULL;
    }
    return client->transport == QUERY_TCP ? net_tcp_reserve(net, client, size)
                                          : net_udp_reserve(net, size);
}

void net_send(void *context, struct query *q, size_t len)
{
    struct net *net = context;
    const struct query_client *client = query_client_of(q);

    if (client->transport == QUERY_TCP) {
        net_tcp_send(net, client, len);
    } else {
        net_udp_send(net, client, len);
    }
}

void net_release(void *context, struct query *q)
{
    struct net *net = context;

    if (query_client_of(q)->transport == QUERY_TCP) {
        net_tcp_release(net, q);
    }
}

void net_flush(struct net *net)
{
    if (!net->closing) {
        net_tcp_wake(net);
        net_udp_flush(net);
    }
}

void net_count_drops(struct net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        net_udp_count_drops(&net->udp[i]);
    }
}

const struct net_counters *net_counters(const struct net *net)
{
    return &net->counters;
}
