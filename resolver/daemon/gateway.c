#include "daemon/gateway.h"

#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"
#include "query/tops.h"

#include <inttypes.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* eth0 00000000 010200C0 0003 ...: destination and gateway are words in the order of this
 * machine. */
static bool line_v4(const char *line, struct address *out)
{
    unsigned destination = 0;
    unsigned gateway = 0;
    unsigned flags = 0;

    if (sscanf(line, "%*s %8x %8x %x", &destination, &gateway, &flags) != 3 ||
        destination != 0 || gateway == 0 || (flags & RTF_GATEWAY) == 0 ||
        (flags & RTF_UP) == 0) {
        return false;
    }
    *out = (struct address){.family = ADDRESS_V4};
    memcpy(out->octets, &gateway, 4);
    return true;
}

/* 32 digits and the length of the destination, the same of the source, 32 digits of the
 * gateway, metric, two counters, flags. */
static bool line_v6(const char *line, struct address *out)
{
    char destination[33];
    char gateway[33];
    unsigned length = 1;
    unsigned flags = 0;

    if (sscanf(line, "%32s %x %*s %*x %32s %*x %*x %*x %x", destination, &length, gateway,
               &flags) != 4 ||
        length != 0 || strlen(gateway) != 32 || strspn(gateway, "0") == 32 ||
        (flags & RTF_GATEWAY) == 0 || (flags & RTF_UP) == 0) {
        return false;
    }
    *out = (struct address){.family = ADDRESS_V6};
    for (size_t i = 0; i < 16; i++) {
        unsigned octet = 0;
        if (sscanf(gateway + i * 2, "%2x", &octet) != 1) {
            return false;
        }
        out->octets[i] = (uint8_t)octet;
    }
    return true;
}

bool gateway_line(const char *line, bool v6, struct address *out)
{
    return v6 ? line_v6(line, out) : line_v4(line, out);
}

static void read_table(struct gateway *gateway, const char *path, bool v6)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;

    while (file != NULL && gateway->count < GATEWAYS_MAX && getline(&line, &room, file) > 0) {
        gateway->count += gateway_line(line, v6, &gateway->addresses[gateway->count]) ? 1 : 0;
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
}

void gateway_read(struct gateway *gateway)
{
    gateway->count = 0;
    /* Not /proc/net, which a service with ProcSubset=pid does not see. */
    read_table(gateway, "/proc/self/net/route", false);
    read_table(gateway, "/proc/self/net/ipv6_route", true);
}

/* A link-local client has the interface in its address, the table of routes has not. */
static bool is_gateway(const struct gateway *gateway, const struct address *client)
{
    for (size_t i = 0; i < gateway->count; i++) {
        if (gateway->addresses[i].family == client->family &&
            memcmp(gateway->addresses[i].octets, client->octets, address_octets(client)) == 0) {
            return true;
        }
    }
    return false;
}

static void say(const struct gateway *gateway)
{
    char text[ADDRESS_TEXT_MAX];

    address_format(&gateway->client, false, text);
    log_write(
        LOG_LEVEL_WARNING,
        "all %" PRIu64 " questions so far come from %s, the gateway of this network: it "
        "hides the real clients, so access, views and limits for each client mean little, "
        "and events do not say who asked. In a container, use the host's network or an "
        "address of its own (macvlan), or switch off the engine's proxy (Docker: "
        "\"userland-proxy\": false); behind a router, let it name this resolver to its "
        "clients (DHCP) instead of asking itself. See docs/deploy.md, Container",
        gateway->questions, text);
}

/* Clients of the loopback are health checks and people at the machine: they say nothing. */
static void on_totals(struct daemon *daemon, void *context, const struct totals *totals)
{
    struct gateway *gateway = &daemon->gateway;
    struct query_top_entry top[DAEMON_GATEWAY_CLIENTS];
    bool others = false;
    bool found = false;

    (void)context;
    const size_t count = totals->tops == NULL
                             ? 0
                             : query_tops_read(totals->tops, QUERY_TOP_CLIENTS, false, top,
                                               DAEMON_GATEWAY_CLIENTS);
    for (size_t i = 0; i < count; i++) {
        if (is_gateway(gateway, &top[i].client)) {
            found = true;
            gateway->client = top[i].client;
            gateway->questions = top[i].count;
        } else if (!address_is_loopback(&top[i].client)) {
            others = true;
        }
    }
    if (others) { /* clients are seen: nothing to look for any more */
        gateway->hides = false;
        uv_timer_stop(&gateway->timer);
    } else if (found && gateway->questions >= DAEMON_GATEWAY_QUESTIONS && !gateway->hides) {
        gateway->hides = true;
        say(gateway);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    invariant(daemon->magic == DAEMON_MAGIC);
    (void)totals_ask_tops(daemon, on_totals, NULL); /* too many wait: the next time will do */
}

void gateway_init(struct daemon *daemon)
{
    uv_timer_init(&daemon->loop, &daemon->gateway.timer);
    daemon->gateway.timer.data = daemon;
}

void gateway_start(struct daemon *daemon)
{
    if (daemon->gateway.count > 0) {
        uv_timer_start(&daemon->gateway.timer, on_timer, DAEMON_GATEWAY_LOOK_MS,
                       DAEMON_GATEWAY_LOOK_MS);
    }
}

void gateway_close(struct daemon *daemon)
{
    uv_close((uv_handle_t *)&daemon->gateway.timer, NULL);
}

void gateway_write(const struct gateway *gateway, struct text *out)
{
    char text[ADDRESS_TEXT_MAX];

    if (!gateway->hides) {
        json_string(out, "gateway", NULL);
        return;
    }
    address_format(&gateway->client, false, text);
    json_object_begin(out, "gateway");
    json_string(out, "client", text);
    json_uint(out, "questions", gateway->questions);
    json_object_end(out);
}
