/*
 * query/origin.h - the zones that an answer comes from, as far as one who forwards can know.
 *
 * Upstreams do not say where a zone begins. What an answer shows is believed: the owner of the
 * SOA of a negative one, and who signed a record, where the client asked for signatures. Else
 * the zone is taken to be the registrable domain: the label before the public suffix (the part
 * of the Public Suffix List that registries rule over), as the library has it that this program
 * runs with. A zone that is cut below that and not shown is taken for the one above it.
 */
#ifndef CORDON_QUERY_ORIGIN_H
#define CORDON_QUERY_ORIGIN_H

#include "policy/answer.h"
#include "query/limits.h"
#include "query/settings.h"
#include "wire/message.h"

struct query_origin {
    struct wire_name zone; /* lower case */
    uint8_t hop; /* the first name of the chain that it answered for; 0: the asked one */
};

struct query_origins {
    struct query_origin at[QUERY_ORIGINS_MAX];
    uint8_t count;
    bool more; /* there were others: they are not looked at */
};

/* The registrable domain of a name: one label more than its public suffix; the name itself if
 * it has no more labels than that. Allocates nothing. */
void query_origin_registrable(const struct wire_name *name, struct wire_name *out);

/*
 * The zones that answered for the names of the chain, in its order, each once. A zone with
 * upstreams of its own is never left upwards, and not downwards either for want of a sign,
 * unless it is a public suffix; one that policy has no say about counts as none. DS records
 * belong to the zone above their owner (RFC 4035, 2.4). The target of an alias that was asked
 * for by its type has not answered.
 */
void query_origins_find(const struct query_settings *settings,
                        const struct wire_message *message, const struct policy_chain *chain,
                        struct query_origins *out);

/* The owner of the first SOA of the authority section that name is in; false: there is none. */
bool query_origin_soa(const struct wire_message *message, const struct wire_name *name,
                      struct wire_name *out);

#endif
