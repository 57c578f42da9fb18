/*
 * daemon/gateway.h - do all questions come from the gateway? Then the real clients are hidden.
 *
 * A container whose port is published, and a router that forwards for its house, show every
 * client as one address: the default gateway of this network. Access, views, limits for each
 * client and the events then mean little. The gateways are read at the start, before rights are
 * dropped; who asks most is looked at now and then until somebody else has asked. Main thread.
 */
#ifndef CORDON_DAEMON_GATEWAY_H
#define CORDON_DAEMON_GATEWAY_H

#include "base/address.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define GATEWAYS_MAX 4u /* default routes of a machine: one or two */

struct daemon;

struct gateway {
    struct address addresses[GATEWAYS_MAX];
    size_t count;
    uv_timer_t timer;
    bool hides; /* all questions came from the client */
    struct address client;
    uint64_t questions; /* of it */
};

/* A line of /proc/net/route, or with v6 of /proc/net/ipv6_route. False if it is not a default
 * route over a gateway. */
bool gateway_line(const char *line, bool v6, struct address *out);

/* Reads the tables of this network. */
void gateway_read(struct gateway *gateway);

/* The handle, in the daemon's loop. Without a gateway nothing is ever looked at. */
void gateway_init(struct daemon *daemon);
void gateway_start(struct daemon *daemon);
void gateway_close(struct daemon *daemon);

/* The member "gateway" of the status document: null, or who hides the clients. */
void gateway_write(const struct gateway *gateway, struct text *out);

#endif
