#include "local/local.h"

static const uint8_t loopback4[] = {127, 0, 0, 1};
static const uint8_t loopback6[] = {[15] = 1};
static const uint8_t localhost[] = "\x09localhost"; /* and the root: the final zero */

/* The names of the two loopback addresses: PTR localhost. What stands between them and their
 * zone exists as well (RFC 8020, 2). */
static bool find_loopback_reverse(const struct wire_name *name, uint16_t type,
                                  struct local_answer *answer)
{
    struct address_prefix prefix;
    struct address loopback = {.family = ADDRESS_V4, .octets = {127, 0, 0, 1}};

    if (!local_reverse_prefix(name, &prefix)) {
        return false;
    }
    if (prefix.family == ADDRESS_V6) {
        loopback = (struct address){.family = ADDRESS_V6, .octets = {[15] = 1}};
    }
    const unsigned whole = 8u * (unsigned)address_octets(&loopback);
    const unsigned step = whole / (prefix.family == ADDRESS_V4 ? 4 : 32);
    if (prefix.bits != (name->labels - 2u) * step ||
        !address_prefix_covers(&prefix, &loopback)) {
        return false;
    }
    answer->kind = LOCAL_NODATA;
    if (type == WIRE_PTR && prefix.bits == whole) {
        answer->kind = LOCAL_DATA;
        answer->rdata = localhost;
        answer->rdata_len = sizeof(localhost);
        answer->count = 1;
    }
    return true;
}

/* A zone of RFC 6303: SOA and NS at its apex. The DS record is the parent's, which proves by
 * it that the zone is not signed (RFC 8375, 4): that question alone is asked elsewhere. */
static void find_in_zone(const struct wire_name *name, uint16_t type,
                         struct local_answer *answer)
{
    const bool at_apex = name->labels == answer->apex;

    if (at_apex && type == WIRE_DS) {
        answer->kind = LOCAL_NOT;
    } else if (at_apex && type == WIRE_SOA) {
        answer->kind = LOCAL_SOA;
    } else if (at_apex && type == WIRE_NS) {
        answer->kind = LOCAL_NS;
    } else if (!find_loopback_reverse(name, type, answer)) {
        answer->kind = at_apex ? LOCAL_NODATA : LOCAL_NXDOMAIN;
    }
}

static void find_localhost(uint16_t type, struct local_answer *answer)
{
    answer->kind = LOCAL_NODATA;
    if (type == WIRE_A || type == WIRE_AAAA) {
        answer->kind = LOCAL_DATA;
        answer->rdata = type == WIRE_A ? loopback4 : loopback6;
        answer->rdata_len = type == WIRE_A ? sizeof(loopback4) : sizeof(loopback6);
        answer->count = 1;
    }
}

static void find_special(enum local_special special, const struct wire_name *name,
                         uint16_t type, struct local_answer *answer)
{
    switch (special) {
    case LOCAL_SPECIAL_NOT:
        break;
    case LOCAL_SPECIAL_LOOPBACK:
        find_localhost(type, answer);
        break;
    case LOCAL_SPECIAL_NEVER:
        answer->kind = LOCAL_NXDOMAIN;
        break;
    case LOCAL_SPECIAL_EMPTY:
        answer->kind = LOCAL_NODATA;
        break;
    case LOCAL_SPECIAL_ZONE:
        find_in_zone(name, type, answer);
        break;
    }
}

/* What the operator says of the name comes before all but what is the zone's own at its apex.
 */
static void find_in_names(const struct local_names *names, enum local_special special,
                          const struct wire_name *name, uint16_t type,
                          struct local_answer *answer)
{
    struct local_records records;
    bool is_ours = false;

    if (!local_names_find(names, name, type, &records)) {
        if (answer->kind == LOCAL_NXDOMAIN && local_names_below(names, name)) {
            answer->kind = LOCAL_NODATA;
        }
    } else if (records.count > 0) {
        is_ours = true;
        answer->kind = LOCAL_DATA;
        answer->rdata = records.rdata;
        answer->rdata_len = records.len;
        answer->count = records.count;
    } else if (special == LOCAL_SPECIAL_NOT) {
        answer->kind = LOCAL_NODATA;
        answer->apex = name->labels;
    } else if (answer->kind == LOCAL_NXDOMAIN) {
        answer->kind = LOCAL_NODATA;
    }
    if (is_ours || answer->kind == LOCAL_NODATA || answer->kind == LOCAL_NXDOMAIN) {
        /* Here names come and go: none is missing for three hours. */
        answer->ttl_s = local_names_ttl_s(names);
    }
}

/* False: the name is in no zone of the operator's. The DS record of a zone that is special is
 * its parent's (see above), whoever says what is in it. */
static bool find_in_zones(const struct local_zones *zones, enum local_special special,
                          unsigned forwarded, const struct wire_name *name, uint16_t type,
                          struct local_answer *answer)
{
    local_zones_find(zones, name, type, &answer->found);
    if (answer->found.kind == LOCAL_ZONES_NOT || answer->found.apex <= forwarded) {
        return false;
    }
    answer->zones = zones;
    answer->kind = special == LOCAL_SPECIAL_ZONE && name->labels == answer->apex &&
                           answer->found.apex == answer->apex && type == WIRE_DS
                       ? LOCAL_NOT
                       : LOCAL_ZONE;
    return true;
}

/* hot */
void local_find(const struct local_names *names, bool special, unsigned forwarded,
                const struct wire_name *name, uint16_t type, struct local_answer *answer)
{
    enum local_special kind = LOCAL_SPECIAL_NOT;

    *answer = (struct local_answer){.kind = LOCAL_NOT, .ttl_s = LOCAL_SPECIAL_TTL_S};
    if (special && forwarded == 0) {
        kind = local_special_of(name, &answer->apex);
        find_special(kind, name, type, answer);
    }
    if (names == NULL || kind == LOCAL_SPECIAL_LOOPBACK || kind == LOCAL_SPECIAL_EMPTY) {
        return;
    }
    if (local_names_zones(names) == NULL ||
        !find_in_zones(local_names_zones(names), kind, forwarded, name, type, answer)) {
        find_in_names(names, kind, name, type, answer);
    }
}

bool local_is_nxdomain(const struct local_answer *answer)
{
    return answer->kind == LOCAL_NXDOMAIN ||
           (answer->kind == LOCAL_ZONE && answer->found.kind == LOCAL_ZONES_NXDOMAIN);
}
