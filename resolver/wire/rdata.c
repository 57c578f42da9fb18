#include "wire/rdata.h"

#include "wire/name.h"
#include "wire/type.h"

#define REST    WIRE_RDATA_REST
#define STRING  WIRE_RDATA_STRING
#define STRINGS WIRE_RDATA_STRINGS
#define NAME    WIRE_RDATA_NAME
#define PACKED  WIRE_RDATA_NAME_COMPRESSED

/* By type; a row that begins with 0 has no fields that we know. The signer of RRSIG, the next
 * name of NSEC and the target of SVCB must arrive uncompressed. They have rows all the same:
 * where a sender packs one against the rules, a pointer copied as it is would lead the client
 * to another name than the one that policy has looked at. */
static const uint8_t fields[][WIRE_RDATA_FIELDS] = {
    [WIRE_A] = {4},
    [WIRE_NS] = {PACKED},
    [3] = {NAME}, /* MD */
    [4] = {NAME}, /* MF */
    [WIRE_CNAME] = {PACKED},
    [WIRE_SOA] = {PACKED, PACKED, 20},
    [7] = {NAME},     /* MB */
    [8] = {NAME},     /* MG */
    [9] = {NAME},     /* MR */
    [11] = {5, REST}, /* WKS */
    [WIRE_PTR] = {PACKED},
    [WIRE_HINFO] = {STRING, STRING},
    [14] = {NAME, NAME}, /* MINFO */
    [WIRE_MX] = {2, PACKED},
    [WIRE_TXT] = {STRINGS},
    [17] = {NAME, NAME}, /* RP */
    [18] = {2, NAME},    /* AFSDB */
    [21] = {2, NAME},    /* RT */
    [WIRE_SIG] = {18, NAME, REST},
    [26] = {2, NAME, NAME}, /* PX */
    [WIRE_AAAA] = {16},
    [30] = {NAME, REST}, /* NXT */
    [WIRE_SRV] = {6, NAME},
    [WIRE_NAPTR] = {4, STRING, STRING, STRING, NAME},
    [36] = {2, NAME}, /* KX */
    [WIRE_DNAME] = {NAME},
    [WIRE_RRSIG] = {18, NAME, REST},
    [WIRE_NSEC] = {NAME, REST},
    [WIRE_SVCB] = {2, NAME, REST},
    [WIRE_HTTPS] = {2, NAME, REST},
};

static const uint8_t unknown[] = {REST, WIRE_RDATA_END};

const uint8_t *wire_rdata_fields(uint16_t type)
{
    if (type >= sizeof(fields) / sizeof(fields[0]) || fields[type][0] == WIRE_RDATA_END) {
        return unknown;
    }
    return fields[type];
}

/* Octets of the character-string at an octet, its length included; 0 if it does not fit. */
static size_t string_octets(const uint8_t *at, size_t left)
{
    return left > 0 && at[0] < left ? 1u + at[0] : 0;
}

size_t wire_rdata_octets(uint8_t field, const uint8_t *at, size_t left)
{
    size_t octets = 0;

    switch (field) {
    case WIRE_RDATA_STRING:
        return string_octets(at, left);
    case WIRE_RDATA_STRINGS:
        while (octets < left) {
            const size_t one = string_octets(at + octets, left - octets);
            if (one == 0) {
                return 0;
            }
            octets += one;
        }
        return octets;
    default:
        return field <= left ? field : 0;
    }
}

bool wire_rdata_is_whole(uint16_t type, const uint8_t *rdata, size_t len)
{
    size_t at = 0;

    for (const uint8_t *field = wire_rdata_fields(type); *field != WIRE_RDATA_END; field++) {
        size_t octets = 0;

        if (*field == WIRE_RDATA_NAME || *field == WIRE_RDATA_NAME_COMPRESSED) {
            struct wire_name name;
            const size_t start = at;

            if (wire_name_read(rdata, len, &at, &name) != WIRE_OK || at != start + name.len) {
                return false;
            }
            continue;
        }
        if (*field == WIRE_RDATA_REST) {
            return true;
        }
        octets = wire_rdata_octets(*field, rdata + at, len - at);
        if (octets == 0) {
            return false;
        }
        at += octets;
    }
    return at == len;
}
