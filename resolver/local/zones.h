/*
 * local/zones.h - zones that the operator has written down whole (RFC 1035, 5).
 *
 * Nothing about a name in such a zone is asked elsewhere: what the zone does not have does not
 * exist. Wildcards are those of RFC 4592. There are no delegations, no DNAME and no signatures
 * in them, and an alias leads to a name of a zone here, so that every answer is whole. A
 * builder collects records; from them a table is made that does not change any more and that
 * any thread may read. Looking up allocates nothing.
 */
#ifndef CORDON_LOCAL_ZONES_H
#define CORDON_LOCAL_ZONES_H

#include "base/siphash.h"
#include "local/limits.h"
#include "wire/name.h"

struct local_zones_builder;
struct local_zones;

/* A record. name and rdata are borrowed for the call; names in rdata are uncompressed. */
struct local_zone_record {
    const struct wire_name *name;
    uint16_t type;
    uint32_t ttl_s;
    const uint8_t *rdata;
    size_t rdata_len;
};

/* NULL if out of memory. */
struct local_zones_builder *local_zones_builder_create(void);
void local_zones_builder_free(struct local_zones_builder *builder); /* NULL is fine */

/* Opens a zone by its SOA record: those that follow belong to it. NULL; or why it cannot be, in
 * words: "out of memory" among them. */
const char *local_zones_begin(struct local_zones_builder *builder,
                              const struct local_zone_record *soa);
/* Adds a record to it. NULL, or why it cannot be. The same record twice counts once. */
const char *local_zones_add(struct local_zones_builder *builder,
                            const struct local_zone_record *record);

/* True if the name is in a zone so far. */
bool local_zones_cover(const struct local_zones_builder *builder, const struct wire_name *name);

/* Which names in a zone others are asked about all the same. is: NULL for none; apex: labels of
 * the name's zone here. */
struct local_zones_elsewhere {
    bool (*is)(const void *context, const struct wire_name *name, uint8_t apex);
    const void *context;
};

/* Checks what only the whole shows: false, then text is a name whose records cannot stand, and
 * *why says why. */
bool local_zones_check(const struct local_zones_builder *builder,
                       const struct local_zones_elsewhere *elsewhere,
                       char text[WIRE_NAME_TEXT_MAX], const char **why);

/* Takes over the builder, also on failure. key: by chance. NULL if out of memory. */
struct local_zones *local_zones_build(struct local_zones_builder *builder,
                                      const uint8_t key[SIPHASH_KEY_OCTETS]);
void local_zones_free(struct local_zones *zones); /* NULL is fine */

enum local_zones_found {
    LOCAL_ZONES_NOT,    /* in no zone here */
    LOCAL_ZONES_DATA,   /* records of the asked type */
    LOCAL_ZONES_ALIAS,  /* the name has a CNAME record instead */
    LOCAL_ZONES_NODATA, /* the name exists, without this type */
    LOCAL_ZONES_NXDOMAIN
};

struct local_zones_answer {
    enum local_zones_found kind;
    uint32_t node;  /* DATA, ALIAS: for local_zones_next */
    uint16_t type;  /* of these records */
    uint32_t ttl_s; /* the smallest of the records (RFC 2181, 5.2) */
    uint32_t zone;  /* whose SOA an answer without records has; not of NOT */
    uint8_t apex;   /* labels of that zone's name */
};

void local_zones_find(const struct local_zones *zones, const struct wire_name *name,
                      uint16_t type, struct local_zones_answer *answer);

/* The records of an answer, one after the other; *at is 0 before the first, and the table's own
 * then. False: no more. */
bool local_zones_next(const struct local_zones *zones, const struct local_zones_answer *answer,
                      size_t *at, const uint8_t **rdata, size_t *len);

/* Owner and record of a zone's SOA, and the TTL of a negative answer (RFC 2308, 3). */
void local_zones_soa(const struct local_zones *zones, uint32_t zone, struct wire_name *owner,
                     const uint8_t **rdata, size_t *len, uint32_t *ttl_s);

/* True if a zone is below this name, so that the name exists (RFC 8020, 2). */
bool local_zones_below(const struct local_zones *zones, const struct wire_name *name);

size_t local_zones_count(const struct local_zones *zones);

#endif
