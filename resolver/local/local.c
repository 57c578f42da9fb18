#include "local/local.h"

static const uint8_t loopback4[] = {127, 0, 0, 1};
static const uint8_t loopback6[] = {[15] = 1};
static const uint8_t localhost[] = "\x09localhost"; /* and the root: the final zero */

/* The names of the two loopback addresses: PTR localhost. What stands between them and their
 * zone exists as well (RFC 8020, 2). */
static bool find_loopback_reverse(const struct wire_name *name, uint16_t type,
                                  struct local_answer *answer)
{
    static const struct address loopbacks[] = {{.octets = {127, 0, 0, 1}, .family = ADDRESS_V4},
                                               {.octets = {[15] = 1}, .family = ADDRESS_V6}};

    for (size_t i = 0; i < sizeof(loopbacks) / sizeof(loopbacks[0]); i++) {
        struct wire_name whole;

        local_reverse_name(&loopbacks[i], &whole);
        if (!wire_name_is_within(&whole, name)) {
            continue;
        }
        answer->kind = LOCAL_NODATA;
        if (type == WIRE_PTR && whole.labels == name->labels) {
            answer->kind = LOCAL_DATA;
            answer->rdata = localhost;
            answer->rdata_len = sizeof(localhost);
            answer->count = 1;
        }
        return true;
    }
    return false;
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

void local_find(bool special, const struct wire_name *name, uint16_t type,
                struct local_answer *answer)
{
    *answer = (struct local_answer){.kind = LOCAL_NOT, .ttl_s = LOCAL_SPECIAL_TTL_S};
    if (!special) {
        return;
    }
    switch (local_special_of(name, &answer->apex)) {
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
