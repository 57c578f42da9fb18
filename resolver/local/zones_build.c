/* Building: each record is looked at as it comes, and aliases when all are there. */
#include "local/zones.h"

#include "base/invariant.h"
#include "local/names.h"
#include "local/zones_table.h"
#include "wire/type.h"

#include <stdlib.h>
#include <string.h>

#define TTL_MAX 604800u /* a week, as of any answer (RFC 8767, 4) */

#define NO_MEMORY "out of memory"

struct local_zones_builder {
    struct local_zones table;
};

/* Doubles an array. False if out of memory. */
static bool grow(void **array, size_t *room, size_t wanted, size_t size)
{
    size_t larger = *room == 0 ? 64 : *room;

    if (wanted <= *room) {
        return true;
    }
    while (larger < wanted) {
        larger *= 2;
    }
    void *moved = realloc(*array, larger * size);
    if (moved == NULL) {
        return false;
    }
    *array = moved;
    *room = larger;
    return true;
}

static void put_in_slot(struct local_zones *table, uint32_t index)
{
    const struct local_zones_node *node = &table->nodes[index];
    const size_t mask = table->slot_count - 1;
    size_t at = (size_t)siphash13(table->octets + node->name, node->len, table->key) & mask;

    while (table->slots[at] != LOCAL_ZONES_NONE) {
        at = (at + 1) & mask;
    }
    table->slots[at] = index;
}

static void fill_slots(struct local_zones *table)
{
    memset(table->slots, 0xff, table->slot_count * sizeof(table->slots[0]));
    for (size_t i = 0; i < table->node_count; i++) {
        put_in_slot(table, (uint32_t)i);
    }
}

/* NULL, or why not. */
static const char *add_octets(struct local_zones *table, const uint8_t *octets, size_t len,
                              uint32_t *at)
{
    if (len > LOCAL_ZONE_OCTETS_MAX - table->octet_count) {
        return "the records of all zones are more than 64 MiB";
    }
    if (!grow((void **)&table->octets, &table->octet_room, table->octet_count + len, 1)) {
        return NO_MEMORY;
    }
    *at = (uint32_t)table->octet_count;
    if (len > 0) {
        memcpy(table->octets + table->octet_count, octets, len);
    }
    table->octet_count += len;
    return NULL;
}

/* Makes the node of a name whose octets are in the table. NULL, or why not. */
static const char *make_node(struct local_zones *table, uint32_t at, size_t len, uint32_t zone)
{
    if (table->node_count == LOCAL_ZONE_NAMES_MAX) {
        return "more than 400000 names in all zones, with those in between";
    }
    if (!grow((void **)&table->nodes, &table->node_room, table->node_count + 1,
              sizeof(table->nodes[0]))) {
        return NO_MEMORY;
    }
    size_t room = table->slot_count;
    if (!grow((void **)&table->slots, &room, (table->node_count + 1) * 2,
              sizeof(table->slots[0]))) {
        return NO_MEMORY;
    }
    table->nodes[table->node_count++] = (struct local_zones_node){
        .name = at, .len = (uint32_t)len, .zone = zone, .first = LOCAL_ZONES_NONE};
    if (room != table->slot_count) {
        table->slot_count = room; /* 64, doubled: a power of two */
        fill_slots(table);
    } else {
        put_in_slot(table, (uint32_t)(table->node_count - 1));
    }
    return NULL;
}

/* The node of a name, made if it is not there, with all that are between it and the one with
 * so many labels less, whose octets are part of its own. NULL, or why not. */
static const char *make_nodes(struct local_zones *table, const struct wire_name *name,
                              unsigned between, uint32_t zone, uint32_t *node)
{
    const char *why = NULL;
    uint32_t at = 0;

    *node = local_zones_node_of(table, name->octets, name->len);
    if (*node != LOCAL_ZONES_NONE) {
        return NULL;
    }
    why = add_octets(table, name->octets, name->len, &at);
    for (unsigned label = between + 1; label-- > 0 && why == NULL;) {
        const size_t len = (size_t)name->len - name->at[label];

        if (local_zones_node_of(table, name->octets + name->at[label], len) ==
            LOCAL_ZONES_NONE) {
            why = make_node(table, at + name->at[label], len, zone);
        }
    }
    *node = (uint32_t)table->node_count - 1;
    return why;
}

/* True if the name has this record already. Else its last one (LOCAL_ZONES_NONE: it has none),
 * how many they are and how long. */
static bool is_there(const struct local_zones *table, const struct local_zones_node *node,
                     const struct local_zone_record *record, uint32_t *last, size_t *count,
                     size_t *octets)
{
    *last = LOCAL_ZONES_NONE;
    *count = *octets = 0;
    for (uint32_t at = node->first; at != LOCAL_ZONES_NONE; at = table->records[at].next) {
        const struct local_zones_entry *known = &table->records[at];

        if (known->type == record->type && known->len == record->rdata_len &&
            memcmp(table->octets + known->rdata, record->rdata, record->rdata_len) == 0) {
            return true;
        }
        *last = at;
        *count += 1;
        *octets += known->len;
    }
    return false;
}

static const char *put(struct local_zones *table, uint32_t index,
                       const struct local_zone_record *record)
{
    uint32_t last = LOCAL_ZONES_NONE;
    uint32_t at = 0;
    size_t count = 0;
    size_t octets = 0;

    if (is_there(table, &table->nodes[index], record, &last, &count, &octets)) {
        return NULL;
    }
    if (count == LOCAL_ZONE_NAME_RECORDS_MAX ||
        record->rdata_len > LOCAL_ZONE_NAME_OCTETS_MAX - octets) {
        return "more records of one name than an answer can hold: 256, and 48 KiB";
    }
    if (table->record_count == LOCAL_RECORDS_MAX) {
        return "more than 100000 records in all zones";
    }
    if (!grow((void **)&table->records, &table->record_room, table->record_count + 1,
              sizeof(table->records[0]))) {
        return NO_MEMORY;
    }
    const char *why = add_octets(table, record->rdata, record->rdata_len, &at);
    if (why != NULL) {
        return why;
    }
    if (last == LOCAL_ZONES_NONE) {
        table->nodes[index].first = (uint32_t)table->record_count;
    } else {
        table->records[last].next = (uint32_t)table->record_count;
    }
    table->records[table->record_count++] = (struct local_zones_entry){
        .rdata = at,
        .next = LOCAL_ZONES_NONE,
        .ttl_s = record->ttl_s > TTL_MAX ? TTL_MAX : record->ttl_s,
        .type = record->type,
        .len = (uint16_t)record->rdata_len,
    };
    return NULL;
}

/* Building. */

struct local_zones_builder *local_zones_builder_create(void)
{
    return calloc(1, sizeof(struct local_zones_builder));
}

static void deinit(struct local_zones *table)
{
    free(table->octets);
    free(table->nodes);
    free(table->records);
    free(table->slots);
}

void local_zones_builder_free(struct local_zones_builder *builder)
{
    if (builder != NULL) {
        deinit(&builder->table);
        free(builder);
    }
}

static void add_depth(struct local_zones *table, uint8_t labels)
{
    size_t at = 0;

    while (at < table->depth_count && table->depths[at] > labels) {
        at++;
    }
    if (at == table->depth_count || table->depths[at] != labels) {
        memmove(table->depths + at + 1, table->depths + at, table->depth_count - at);
        table->depths[at] = labels;
        table->depth_count++;
    }
}

const char *local_zones_begin(struct local_zones_builder *builder,
                              const struct local_zone_record *soa)
{
    struct local_zones *table = &builder->table;
    const struct wire_name *name = soa->name;
    uint32_t node = local_zones_node_of(table, name->octets, name->len);
    const char *why = NULL;

    invariant(soa->type == WIRE_SOA);
    if (name->labels == 0) {
        return "the root is every name: it is no zone of a place";
    }
    if (table->zone_count == LOCAL_ZONES_MAX) {
        return "more than 64 zones";
    }
    if (node != LOCAL_ZONES_NONE) {
        return table->nodes[node].is_apex
                   ? "this zone stands in another file already"
                   : "a zone around this one has names of it: name the inner zone first, "
                     "and keep its names out of the outer one";
    }
    why = local_name_fault(name);
    if (why == NULL) {
        why = make_nodes(table, name, 0, (uint32_t)table->zone_count, &node);
    }
    if (why != NULL) {
        return why;
    }
    table->nodes[node].is_apex = true;
    add_depth(table, name->labels);
    table->apex_labels[table->zone_count] = name->labels;
    table->apexes[table->zone_count++] = node;
    return put(table, node, soa);
}

static const char *type_fault(uint16_t type)
{
    switch (type) {
    case WIRE_DNAME:
        return "DNAME is not supported here";
    case WIRE_DS:
    case WIRE_RRSIG:
    case WIRE_NSEC:
    case WIRE_NSEC3:
    case WIRE_DNSKEY:
    case 51: /* NSEC3PARAM */
        return "signed zones are not served: leave out what DNSSEC has added";
    default:
        return NULL;
    }
}

const char *local_zones_add(struct local_zones_builder *builder,
                            const struct local_zone_record *record)
{
    struct local_zones *table = &builder->table;
    const struct wire_name *name = record->name;
    const uint32_t zone = (uint32_t)table->zone_count - 1;
    const char *why = type_fault(record->type);
    unsigned top = 0;

    invariant(table->zone_count > 0);
    if (why == NULL) {
        why = local_name_fault(name);
    }
    if (why != NULL) {
        return why;
    }
    /* Up to the apex: the first zone that is met is the name's own. */
    while (top < name->labels) {
        const uint32_t index = local_zones_node_of(table, name->octets + name->at[top],
                                                   (size_t)name->len - name->at[top]);
        if (index != LOCAL_ZONES_NONE && table->nodes[index].is_apex) {
            if (table->nodes[index].zone != zone) {
                return "the name is in another zone";
            }
            break;
        }
        top++;
    }
    if (top == name->labels) {
        return "the name is outside of the zone";
    }
    if (record->type == WIRE_SOA) {
        return "a second SOA record: a zone has one, at its top";
    }
    if (record->type == WIRE_NS && top > 0) {
        return "a delegation: use upstreams.zones for a zone of other servers";
    }
    uint32_t node = LOCAL_ZONES_NONE;
    why = make_nodes(table, name, top, zone, &node); /* and what is in between exists */
    return why == NULL ? put(table, node, record) : why;
}

static bool read_target(const struct local_zones *table, const struct local_zones_entry *record,
                        struct wire_name *target)
{
    size_t pos = 0;

    return wire_name_read(table->octets + record->rdata, record->len, &pos, target) ==
               WIRE_OK &&
           pos == record->len;
}

/* From a name's alias to what it stands for. */
static const char *alias_fault(const struct local_zones *table,
                               const struct local_zones_node *node, uint32_t alias,
                               const struct local_zones_elsewhere *elsewhere)
{
    struct local_zones_answer found = {.kind = LOCAL_ZONES_ALIAS};

    if (table->records[node->first].next != LOCAL_ZONES_NONE) {
        return "an alias (CNAME) has no other records beside it";
    }
    for (unsigned hop = 0; found.kind == LOCAL_ZONES_ALIAS; hop++) {
        struct wire_name target;

        if (hop == LOCAL_ZONE_ALIASES_MAX) {
            return "aliases (CNAME) in a circle, or more than 11 one behind the other";
        }
        if (!read_target(table, &table->records[alias], &target)) {
            return "an alias without a name";
        }
        local_zones_find(table, &target, WIRE_A, &found);
        if (found.kind == LOCAL_ZONES_NOT ||
            (elsewhere->is != NULL && elsewhere->is(elsewhere->context, &target, found.apex))) {
            return "an alias (CNAME) leads out of the zones that are here, where it cannot be "
                   "followed: name a name of a zone here";
        }
        if (found.kind == LOCAL_ZONES_ALIAS) {
            alias = local_zones_seek(table, table->nodes[found.node].first, WIRE_CNAME);
        }
    }
    return NULL;
}

bool local_zones_check(const struct local_zones_builder *builder,
                       const struct local_zones_elsewhere *elsewhere,
                       char text[WIRE_NAME_TEXT_MAX], const char **why)
{
    const struct local_zones *table = &builder->table;

    for (size_t i = 0; i < table->node_count; i++) {
        const struct local_zones_node *node = &table->nodes[i];
        const uint32_t alias = local_zones_seek(table, node->first, WIRE_CNAME);
        struct wire_name name;

        *why = alias == LOCAL_ZONES_NONE ? NULL : alias_fault(table, node, alias, elsewhere);
        if (*why != NULL && local_zones_name_at(table, node, &name)) {
            wire_name_to_text(&name, text);
            return false;
        }
    }
    return true;
}

struct local_zones *local_zones_build(struct local_zones_builder *builder,
                                      const uint8_t key[SIPHASH_KEY_OCTETS])
{
    struct local_zones *zones = malloc(sizeof(*zones));

    if (zones == NULL) {
        local_zones_builder_free(builder);
        return NULL;
    }
    *zones = builder->table;
    free(builder);
    memcpy(zones->key, key, sizeof(zones->key));
    if (zones->slot_count > 0) {
        fill_slots(zones);
    }
    return zones;
}

void local_zones_free(struct local_zones *zones)
{
    if (zones != NULL) {
        deinit(zones);
        free(zones);
    }
}

bool local_zones_cover(const struct local_zones_builder *builder, const struct wire_name *name)
{
    struct local_zones_answer answer;

    local_zones_find(&builder->table, name, WIRE_A, &answer);
    return answer.kind != LOCAL_ZONES_NOT;
}
