#include "wire/rdata.h"

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
