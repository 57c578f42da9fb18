/*
 * local/local.h - the answers that this place gives by itself, before policy and cache.
 *
 * Pure: a name and a type go in, what to answer comes out; query/local.c writes it. What the
 * operator has said of a name comes before what the name means by itself (local/special.h).
 */
#ifndef CORDON_LOCAL_LOCAL_H
#define CORDON_LOCAL_LOCAL_H

#include "local/names.h"
#include "local/special.h"
#include "local/zones.h"
#include "wire/type.h"

/* TTL of what the registries say, and TTL and MINIMUM of its SOA (RFC 6303, 3). */
#define LOCAL_SPECIAL_TTL_S 10800u

enum local_kind {
    LOCAL_NOT,    /* not known here: policy and upstreams decide */
    LOCAL_DATA,   /* count records of the asked type */
    LOCAL_SOA,    /* the zone's own SOA record */
    LOCAL_NS,     /* the zone's own NS record: itself (RFC 6303, 3) */
    LOCAL_NODATA, /* the name is there, but not this type */
    LOCAL_NXDOMAIN,
    LOCAL_ZONE /* the name is in one of zones; what is there is found (local/zones.h) */
};

struct local_answer {
    enum local_kind kind;
    uint8_t apex;   /* labels of the asked name that own the SOA */
    uint32_t ttl_s; /* of all records */
    /* LOCAL_ZONE: borrowed from what was asked. */
    const struct local_zones *zones;
    struct local_zones_answer found;
    /* LOCAL_DATA: count times rdata_len octets, borrowed from what was asked. */
    const uint8_t *rdata;
    size_t rdata_len, count;
};

/*
 * What is answered to a question about name. names: NULL if the operator says nothing; special:
 * names of the registries are ours. forwarded: labels of the zone with upstreams of its own
 * that the name is in, or 0: nothing is special about a name there, and it comes before a zone
 * of names that is around it.
 */
void local_find(const struct local_names *names, bool special, unsigned forwarded,
                const struct wire_name *name, uint16_t type, struct local_answer *answer);

/* True if the answer says that there is no such name. */
bool local_is_nxdomain(const struct local_answer *answer);

#endif
