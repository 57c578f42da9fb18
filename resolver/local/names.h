/*
 * local/names.h - what the operator says of names: addresses, and by them the way back (PTR).
 *
 * A builder collects pairs of a name and an address; from them a table is made that does not
 * change any more and that any thread may read. Looking up allocates nothing.
 */
#ifndef CORDON_LOCAL_NAMES_H
#define CORDON_LOCAL_NAMES_H

#include "base/address.h"
#include "base/report.h"
#include "base/siphash.h"
#include "local/limits.h"
#include "wire/name.h"

struct local_builder;
struct local_names;

/* NULL if out of memory. */
struct local_builder *local_builder_create(void);
void local_builder_free(struct local_builder *builder); /* NULL is fine */

/*
 * The name has this address, and the address this name, unless another name came first, or the
 * address is 0.0.0.0, ::, 127.0.0.1 or ::1. Port and scope do not count. 0, -ENOMEM or
 * CORDON_E_TOO_LARGE (LOCAL_RECORDS_MAX are in). Twice the same counts once.
 */
int local_builder_add(struct local_builder *builder, const struct wire_name *name,
                      const struct address *address);

/* The way back alone. 0 or -ENOMEM. */
int local_builder_add_way_back(struct local_builder *builder, const struct wire_name *name,
                               const struct address *address);

/* Names in these zones (borrowed until the builder goes) are no longer taken. */
struct local_zones_builder;
void local_builder_keep_out(struct local_builder *builder,
                            const struct local_zones_builder *zones);

/* NULL, or why nothing can be said of this name, or why it cannot have this address, in
 * words. */
const char *local_name_fault(const struct wire_name *name);
const char *local_record_fault(const struct local_builder *builder,
                               const struct wire_name *name, const struct address *address);

/*
 * Adds what a file in the format of hosts(5) says. Lines and names that cannot be used are
 * reported as warnings with their place and left out. 0, -ENOMEM or CORDON_E_TOO_LARGE
 * (reported).
 */
int local_hosts_read(const char *text, size_t len, const char *file,
                     struct local_builder *builder, struct report *report);

/* ttl_s: of all answers from the table. key: by chance. The builder may go afterwards. Names
 * with more than LOCAL_ADDRESSES_MAX addresses of a family are reported. 0 or -ENOMEM. */
int local_names_build(const struct local_builder *builder, uint32_t ttl_s,
                      const uint8_t key[SIPHASH_KEY_OCTETS], struct report *report,
                      struct local_names **names);
void local_names_free(struct local_names *names); /* NULL is fine */

/* Zones beside the names: they come first. Taken over. NULL: none. */
struct local_zones;
void local_names_take_zones(struct local_names *names, struct local_zones *zones);
const struct local_zones *local_names_zones(const struct local_names *names);

size_t local_names_count(const struct local_names *names);
uint32_t local_names_ttl_s(const struct local_names *names);

/* Records of one type: count times len octets. */
struct local_records {
    const uint8_t *rdata;
    size_t len, count;
};

/* False: the name is not in the table. Else count 0: it has none of this type. */
bool local_names_find(const struct local_names *names, const struct wire_name *name,
                      uint16_t type, struct local_records *records);

/* True if a name below this one is in the table or a zone, so that this one exists (RFC 8020,
 * 2). */
bool local_names_below(const struct local_names *names, const struct wire_name *name);

#endif
