/*
 * config/zone_text.h - files in the master format of zones (RFC 1035, 5), read by ldns.
 *
 * For files of the operator alone: ldns is not let near octets of the network. $ORIGIN and $TTL
 * are understood, other directives refused, and so are what ldns would misread: quotes and
 * parentheses that are not closed, records without a TTL where none was stated before, and
 * numbers that do not fit their place, of which it would take the low bits.
 */
#ifndef CORDON_CONFIG_ZONE_TEXT_H
#define CORDON_CONFIG_ZONE_TEXT_H

#include "base/report.h"
#include "wire/name.h"

struct config_zone_record {
    struct wire_name name;
    uint16_t type;
    uint32_t ttl_s;
    const uint8_t *rdata; /* names in it are uncompressed; borrowed for the call */
    size_t rdata_len;
};

/*
 * Gives each record to take, which returns NULL, or why it cannot stand, in words. len octets
 * of text; file is for messages. 0; -ENOMEM; CORDON_E_REFUSED with every fault (the first
 * CONFIG_ZONE_FAULTS_MAX) in the report as file:line.
 */
int config_zone_read(const char *text, size_t len, const char *file, struct report *report,
                     const char *(*take)(void *context,
                                         const struct config_zone_record *record),
                     void *context);

#define CONFIG_ZONE_FAULTS_MAX 16u

#endif
