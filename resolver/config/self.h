/*
 * config/self.h - whether a question to an address would come back to us.
 */
#ifndef CORDON_CONFIG_SELF_H
#define CORDON_CONFIG_SELF_H

#include "base/address.h"

#include <stdbool.h>

/* True if a socket on listen takes what is sent to address: the same, or a wildcard and an
 * address of the loopback. Other addresses of the machine are not looked up: a file is checked
 * the same on every machine. */
bool config_is_self(const struct address *address, const struct address *listen);

#endif
