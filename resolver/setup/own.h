/*
 * setup/own.h - the addresses of this machine, so that no upstream is cordond itself.
 */
#ifndef CORDON_SETUP_OWN_H
#define CORDON_SETUP_OWN_H

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>

/* Interfaces of a busy host with containers have some hundred; more are not looked at. */
#define SETUP_OWN_MAX 1024u

/* Fills out with the addresses of the interfaces (ports 0); their number, 0 if the system does
 * not say. */
size_t setup_own_addresses(struct address *out, size_t max);

/* True if a question to server would come back to one of the listen addresses: by a wildcard
 * (0.0.0.0 or ::) on the server's port and one of the machine's own addresses. The direct
 * cases are config/'s. */
bool setup_is_own(const struct address *server, const struct address *listen,
                  size_t listen_count, const struct address *own, size_t own_count);

#endif
