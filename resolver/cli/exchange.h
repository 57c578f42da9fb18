/*
 * cli/exchange.h - one question to one server, and its answer.
 */
#ifndef CORDON_CLI_EXCHANGE_H
#define CORDON_CLI_EXCHANGE_H

#include "base/address.h"
#include "wire/name.h"

struct cli_exchange {
    struct address server;
    struct wire_name name;
    uint16_t type, class;
    bool tcp, edns, dnssec;
    unsigned timeout_ms;
};

/* Puts a message that answers this very question into octets, which has room for
 * WIRE_MESSAGE_MAX; over UDP anything else is waited past. 0 or -errno: nobody answers, or over
 * TCP something else came. */
int cli_exchange(const struct cli_exchange *ask, uint8_t *octets, size_t *len);

#endif
