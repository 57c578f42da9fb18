#include "base/clock.h"
#include "net/inside.h"
#include "wire/type.h"

#include <stdlib.h>
#include <string.h>

#define QUEUED_FIRST 4096u /* octets: most answers that must wait fit */

uint8_t *net_tcp_reserve(struct net *net, const struct query_client *client, size_t *size)
{
    const struct net_connection *c = net_connection_of(client->owner);

    if (c->doomed || c->closing) {
        return NULL;
    }
    *size = sizeof(net->answer) - 2;
    return net->answer + 2;
}

static void start_write(struct net_connection *c);

static void on_written(uv_write_t *write, int status)
{
    struct net_connection *c = net_connection_of(write->data);
    struct net *net = c->net;

    free(c->sending);
    c->sending = NULL;
    c->sending_len = 0;
    c->is_writing = false;
    c->idle_since_us = clock_read().mono_us;
    if (c->closing) {
        return;
    }
    if (status < 0) {
        net_connection_close(c);
        return;
    }
    net->turn(net->context);
    if (c->queued_len > 0) {
        start_write(c);
    }
    net_connection_work(c);
    net_flush(net);
}

/* Writes what is queued; what comes meanwhile is queued anew. */
static void start_write(struct net_connection *c)
{
    c->sending = c->queued;
    c->sending_len = c->queued_len;
    c->queued = NULL;
    c->queued_len = c->queued_size = 0;
    c->write.data = c;
    c->write_since_us = clock_read().mono_us;
    c->unwritten = c->sending_len;
    const uv_buf_t buffer = uv_buf_init((char *)c->sending, (unsigned)c->sending_len);
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buffer, 1, on_written) == 0) {
        c->is_writing = true;
    } else {
        net_connection_doom(c);
    }
}

/* Only for clients that do not read as fast as they ask: the rest go out at once. */
static bool queue(struct net_connection *c, const uint8_t *octets, size_t len)
{
    size_t size = c->queued_size;

    if (c->sending_len + c->queued_len + len > NET_TCP_QUEUE_MAX) {
        return false;
    }
    while (size < c->queued_len + len) {
        size = size == 0 ? QUEUED_FIRST : 2 * size;
    }
    if (size != c->queued_size) {
        uint8_t *grown = realloc(c->queued, size);
        if (grown == NULL) {
            return false;
        }
        c->queued = grown;
        c->queued_size = size;
    }
    memcpy(c->queued + c->queued_len, octets, len);
    c->queued_len += len;
    return true;
}

void net_tcp_send(struct net *net, const struct query_client *client, size_t len)
{
    struct net_connection *c = net_connection_of(client->owner);
    const size_t whole = 2 + len;
    size_t written = 0;

    if (c->doomed || c->closing) {
        return;
    }
    wire_put16(net->answer, (uint16_t)len);
    if (!c->is_writing && c->queued_len == 0) {
        const uv_buf_t buffer = uv_buf_init((char *)net->answer, (unsigned)whole);
        const int rc = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
        if (rc < 0 && rc != UV_EAGAIN) {
            net_connection_doom(c);
            return;
        }
        written = rc > 0 ? (size_t)rc : 0;
    }
    if (written == whole) {
        return;
    }
    if (!queue(c, net->answer + written, whole - written)) {
        net_connection_doom(c);
        return;
    }
    if (!c->is_writing) {
        start_write(c);
    }
}
