/*
 * local/special.h - names that mean something to this machine or this place alone, and are
 * answered here, never asked for elsewhere.
 *
 * The registry of special-use names (RFC 6761: localhost, invalid; RFC 6762: local; RFC 7686:
 * onion), home.arpa (RFC 8375), resolver.arpa (RFC 9462), and the reverse zones of addresses
 * that are not global (RFC 6303, RFC 7793). `test` is left to resolvers by RFC 6761, 6.2, and
 * is forwarded: people test with it. Pure; any thread.
 */
#ifndef CORDON_LOCAL_SPECIAL_H
#define CORDON_LOCAL_SPECIAL_H

#include "base/address.h"
#include "wire/name.h"

enum local_special {
    LOCAL_SPECIAL_NOT,
    LOCAL_SPECIAL_LOOPBACK, /* localhost and below: exists, with the loopback addresses */
    LOCAL_SPECIAL_NEVER,    /* there is no such name */
    LOCAL_SPECIAL_EMPTY,    /* every name exists and has nothing */
    LOCAL_SPECIAL_ZONE      /* a zone with nothing but its SOA and NS record (RFC 6303, 3) */
};

/* What is special about the name. *apex: how many of its labels are the zone that says so,
 * which owns the SOA of a negative answer; untouched if it is not special. */
enum local_special local_special_of(const struct wire_name *name, uint8_t *apex);

/* The name of an address in in-addr.arpa or ip6.arpa. */
void local_reverse_name(const struct address *address, struct wire_name *name);

/* The addresses that a name in in-addr.arpa or ip6.arpa is about: as many labels as can be
 * read from the right. False for other names. */
bool local_reverse_prefix(const struct wire_name *name, struct address_prefix *prefix);

#endif
