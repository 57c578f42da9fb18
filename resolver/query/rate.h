/*
 * query/rate.h - how often each client may ask: a table that all workers share.
 *
 * A client is an address; an IPv6 client is at the same time one of its /64, whose addresses
 * one machine can use all. An address that is proven (TCP, or a valid server cookie) has an
 * allowance of its own, higher, so that whoever forges it takes nothing from its owner. The
 * kernel spreads a client's questions over the workers as it likes, so one table counts for all
 * of them.
 *
 * An allowance is a virtual clock (the generic cell rate algorithm): the time at which all
 * that was asked would be due at the allowed rate. Whoever keeps below it for a moment owes
 * nothing and needs no place in the table, so its size bounds only how many may be limited
 * at a time. A place that is needed is taken from whoever owes least, who is then forgiven: an
 * attacker with many addresses can make others be forgotten, never be limited. Places are
 * compared by the whole key, so a client never pays for another one's questions.
 *
 * A bucket of places has a lock that is held for some nanoseconds and waited for only as
 * long: whoever does not get it is not limited.
 */
#ifndef CORDON_QUERY_RATE_H
#define CORDON_QUERY_RATE_H

#include "base/address.h"
#include "base/siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct query_rate; /* opaque */

enum query_rate_verdict {
    QUERY_RATE_FREE,   /* within the allowance */
    QUERY_RATE_SILENT, /* above: not to be answered */
    QUERY_RATE_SLIP    /* above: to be told how to prove its address */
};

/* hash_key: random. NULL if out of memory. */
struct query_rate *query_rate_create(const uint8_t hash_key[SIPHASH_KEY_OCTETS]);
void query_rate_destroy(struct query_rate *rate); /* NULL is fine */

/* hot. One question of a client at now_us (monotonic). per_s: questions a second of an unproven
 * address, above 0; slip: each slip-th that is too many is not silent, 0: none. Any thread. */
enum query_rate_verdict query_rate_take(struct query_rate *rate, const struct address *client,
                                        bool proven, uint32_t per_s, uint32_t slip,
                                        uint64_t now_us);

/* Who was limited since the report before, and at all in the last minute. */
struct query_rate_report {
    unsigned limited;            /* clients (addresses and networks) within the last minute */
    uint64_t most;               /* questions too many of the worst since the last telling */
    struct address_prefix worst; /* family 0: nobody */
    bool worst_proven;
};

/* Looks through the table: for the main thread. tell: what was reported begins anew. */
void query_rate_read(struct query_rate *rate, uint64_t now_us, bool tell,
                     struct query_rate_report *report);

#endif
