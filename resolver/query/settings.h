/*
 * query/settings.h - what the operator's configuration means for the life of a question.
 *
 * Part of a snapshot: immutable, borrowed by a worker until it adopts the next one.
 */
#ifndef CORDON_QUERY_SETTINGS_H
#define CORDON_QUERY_SETTINGS_H

#include "base/address.h"
#include "query/told.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_ACCESS_MAX    256u /* prefixes: more belong into a firewall */
#define QUERY_OPERATORS_MAX 64u  /* prefixes: there are few such networks */

#define QUERY_ZONES_MAX                                                  \
    64u /* a site's domains and reverse zones; looked through one by one \
         */

struct local_names;
struct policy_views;

/* The context of what is remembered of name servers alone: no zone has it, no client is
 * answered from it. */
#define QUERY_CONTEXT_LEARNED 0xffffu

/* Names at and below one have their own upstreams, and nobody else is asked about them. */
struct query_zone {
    struct wire_name name;
    uint16_t
        context; /* known to upstream/, never 0 or LEARNED; another one if the servers change */
    bool exempt; /* policy has no say about its names and their answers */
};

/* What a view has of its own, beside its place in the policy. */
struct query_view {
    const char *name;                    /* borrowed like these settings */
    struct address sinkhole4, sinkhole6; /* 0.0.0.0, :: */
};

struct query_settings {
    struct address_prefix access[QUERY_ACCESS_MAX]; /* clients that are answered */
    size_t access_count;
    uint32_t rate_per_s;  /* questions a second of one client (query/rate.h); 0: any number */
    uint32_t rate_slip;   /* of those too many, each such one is told so; 0: none */
    bool refuse_silently; /* others get nothing instead of REFUSED with EDE 18 */
    uint32_t deadline_ms; /* for one question, upstreams included: 4000 */
    uint32_t name_server_wait_ms; /* of these, for the name servers of a zone: 400 */
    uint32_t block_ttl_s;         /* TTL and SOA MINIMUM of blocked answers: 10 */
    struct address sinkhole4;     /* 0.0.0.0; of questions whose view is not in views */
    struct address sinkhole6;     /* :: */
    bool ede;                     /* send Extended DNS Errors */
    int block_ede;                /* code for blocks other than forged addresses; WIRE_EDE_NONE:
                                     15, or 16 where the list states a legal requirement */
    uint16_t udp_size;            /* largest answer over UDP, and what we advertise: 1232 */
    uint32_t ttl_min_s, ttl_max_s; /* of positive answers kept: 0 and 86400 */
    uint32_t negative_ttl_max_s;   /* RFC 2308, 5: 3600 */
    uint32_t failure_ttl_s;        /* RFC 9520: 1 to 30: 5 */
    uint32_t stale_max_s;          /* RFC 8767: past their time answers may be told; 0: never */
    uint32_t stale_wait_ms;        /* a client, before it is told one: 1800 */
    uint32_t stale_ttl_s;          /* TTL of such an answer: 30 */
    uint32_t stale_retry_s;        /* after a failure nobody is asked for so long: 30 */
    bool prefetch; /* popular answers are fetched anew before their time is over */
    bool rotate;   /* of several addresses any may come first */
    bool have_upstreams;
    const struct local_names *local_names; /* NULL: none; borrowed like these settings */
    const struct query_zone *zones;        /* borrowed like these settings */
    size_t zone_count;
    /* Answers that show addresses of the inside are replaced, but for names of zones and in
     * these. */
    bool rebinding_protection;
    const struct wire_name *rebinding_allow; /* borrowed like these settings */
    size_t rebinding_allow_count;
    const struct policy_views *choice; /* who belongs to which view; NULL: all to the first */
    const struct query_view *views;    /* by number; borrowed like these settings */
    size_t view_count;
    const struct query_told *told; /* to operators alone; NULL: nothing; borrowed like these */
    struct address_prefix operators[QUERY_OPERATORS_MAX];
    size_t operator_count;
    bool local_special; /* names of the registries are answered here: local/special.h */
};

/* Of settings that have zones. */
const struct query_zone *query_settings_find_zone(const struct query_settings *settings,
                                                  const struct wire_name *name);
bool query_settings_zone_exempt(const struct query_settings *settings, uint16_t context);

/* hot. The longest zone that the name is in; NULL: none. Most settings have no zones. */
static inline const struct query_zone *
query_settings_zone(const struct query_settings *settings, const struct wire_name *name)
{
    return settings->zone_count > 0 ? query_settings_find_zone(settings, name) : NULL;
}

/* hot. True if policy has no say about the zone of this context (0: no zone). */
static inline bool query_settings_exempt(const struct query_settings *settings,
                                         uint16_t context)
{
    return context != 0 && query_settings_zone_exempt(settings, context);
}

/* True if a client of this address is answered. */
bool query_settings_admit(const struct query_settings *settings, const struct address *client);
/* True if it is in a network of the operators. */
bool query_settings_is_operator(const struct query_settings *settings,
                                const struct address *client);

#endif
