/*
 * local/zones_table.h - inside of local/zones: the table that is built and read.
 *
 * Names are nodes of a hash table: every owner, and every name between it and its apex, so that
 * a name exists if and only if it is in the table (RFC 8020).
 */
#ifndef CORDON_LOCAL_ZONES_TABLE_H
#define CORDON_LOCAL_ZONES_TABLE_H

#include "local/zones.h"

#define LOCAL_ZONES_NONE UINT32_MAX

struct local_zones_node {
    uint32_t name; /* in octets */
    uint32_t len;
    uint32_t zone;
    uint32_t first; /* record, or LOCAL_ZONES_NONE */
    bool is_apex;
};

struct local_zones_entry {
    uint32_t rdata; /* in octets */
    uint32_t next;
    uint32_t ttl_s;
    uint16_t type;
    uint16_t len;
};

/* The builder is the table without its key: it hashes by a fixed one, as nobody asks it. */
struct local_zones {
    uint8_t key[SIPHASH_KEY_OCTETS];
    uint8_t *octets;
    size_t octet_count, octet_room;
    struct local_zones_node *nodes;
    size_t node_count, node_room;
    struct local_zones_entry *records;
    size_t record_count, record_room;
    uint32_t *slots; /* of nodes; a power of two, at most half full */
    size_t slot_count;
    uint32_t apexes[LOCAL_ZONES_MAX]; /* nodes */
    uint8_t apex_labels[LOCAL_ZONES_MAX];
    /* Each number of labels that an apex has, the most first. */
    uint8_t depths[LOCAL_ZONES_MAX];
    size_t depth_count;
    size_t zone_count;
};

/* The node of a name in wire format, or LOCAL_ZONES_NONE. */
uint32_t local_zones_node_of(const struct local_zones *table, const uint8_t *name, size_t len);
/* The name of a node. */
bool local_zones_name_at(const struct local_zones *table, const struct local_zones_node *node,
                         struct wire_name *name);
/* The first record of a type from this one on, or LOCAL_ZONES_NONE. */
uint32_t local_zones_seek(const struct local_zones *table, uint32_t record, uint16_t type);

#endif
