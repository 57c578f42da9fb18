/* upstream/secure.c - what the forwarder keeps about servers that are reached over TLS. */
#include "base/invariant.h"
#include "base/log.h"
#include "base/text.h"
#include "upstream/exchange.h"
#include "wire/option.h"

#include <string.h>

uint64_t upstream_asked_us(const struct upstream_try *t)
{
    return t->written_us != 0 ? t->written_us : t->sent_us;
}

/* And the server may say how long it keeps the connection (RFC 7828, 3.2.1). */
size_t upstream_hide_length(uint8_t octets[UPSTREAM_QUESTION_MAX], size_t len)
{
    const size_t opt = len - WIRE_OPT_BARE_OCTETS;

    len = wire_option_add(octets, UPSTREAM_QUESTION_MAX, len, opt, WIRE_OPTION_KEEPALIVE, NULL,
                          0);
    len = wire_option_pad(octets, UPSTREAM_QUESTION_MAX, len, opt, UPSTREAM_PADDING_BLOCK);
    invariant(len > 0);
    return len;
}

/* NULL: a reload has taken it away. */
static struct upstream_server *server_at(struct upstream *upstream,
                                         const struct endpoint *endpoint)
{
    for (size_t i = 0; i < upstream->count; i++) {
        if (endpoint_equal(&upstream->servers[i].endpoint, endpoint)) {
            return &upstream->servers[i];
        }
    }
    return NULL;
}

void upstream_written(struct upstream *upstream, struct upstream_try *t)
{
    t->written_us = upstream->now.mono_us;
    upstream->servers[t->server_index].open_us = upstream->now.mono_us;
}

void upstream_tcp_carries(struct upstream *upstream, const struct endpoint *endpoint,
                          unsigned answered)
{
    struct upstream_server *server = server_at(upstream, endpoint);

    if (server != NULL) {
        server->carries = answered;
        server->carries_until_us =
            upstream->now.mono_us + UPSTREAM_TCP_CARRIES_MS * UPSTREAM_US_PER_MS;
    }
}

void upstream_tls_opened(struct upstream *upstream, const struct endpoint *endpoint,
                         bool resumed)
{
    struct upstream_server *server = server_at(upstream, endpoint);
    char text[ENDPOINT_TEXT_MAX];

    if (server == NULL) {
        return;
    }
    server->tls.handshakes += !resumed;
    server->tls.resumed += resumed;
    if (server->tls.error[0] != '\0') {
        endpoint_format(endpoint, text);
        server->tls.error[0] = '\0';
        log_write(LOG_LEVEL_INFO, "upstream %s: TLS works again", text);
    }
}

void upstream_tls_failed(struct upstream *upstream, const struct endpoint *endpoint,
                         const char *why)
{
    struct upstream_server *server = server_at(upstream, endpoint);
    struct text error;
    char text[ENDPOINT_TEXT_MAX];

    if (server == NULL) {
        return;
    }
    server->tls.failures++;
    text_init(&error, server->tls.error, sizeof(server->tls.error));
    text_add_printable(&error, why, strlen(why));
    if (upstream_condition_may_tell(server->condition, upstream->now.mono_us)) {
        endpoint_format(endpoint, text);
        log_write(LOG_LEVEL_WARNING, "upstream %s is not asked, and never in clear: %s", text,
                  server->tls.error);
    }
}
