/*
 * query/share.h - how many of a worker's waiting questions belong to one client.
 *
 * Counted exactly: each client that waits has an entry, made when its first question begins to
 * wait and given back with its last, so there are never more entries than places to wait. An
 * IPv6 client counts twice, as an address and as one of its /64. One thread.
 */
#ifndef CORDON_QUERY_SHARE_H
#define CORDON_QUERY_SHARE_H

#include "base/address.h"
#include "base/siphash.h"

#include <stdbool.h>
#include <stdint.h>

struct query_shares; /* opaque */
struct query_share;

/* What a question that waits has taken; all NULL: nothing. */
struct query_held {
    struct query_share *of[2]; /* of the address, and of the network or NULL */
};

/* places: that may be taken at a time. NULL if out of memory. */
struct query_shares *query_shares_create(unsigned places,
                                         const uint8_t hash_key[SIPHASH_KEY_OCTETS]);
void query_shares_destroy(struct query_shares *shares); /* NULL is fine */

/* One more question of this client waits. False if its address has most_address already, or its
 * network most_network: then nothing is taken. */
bool query_share_take(struct query_shares *shares, const struct address *client,
                      unsigned most_address, unsigned most_network, struct query_held *held);
void query_share_give_back(struct query_shares *shares, struct query_held *held);

#endif
