/* Names are nodes of a hash table: every owner, and every name between it and its apex, so that
 * a name exists if and only if it is in the table (RFC 8020). */
#include "local/zones.h"

#include "base/invariant.h"
#include "local/names.h"
#include "wire/type.h"

#include <stdlib.h>
#include <string.h>

#define NONE     UINT32_MAX
#define TTL_MAX  604800u /* a week, as of any answer (RFC 8767, 4) */
#define SOA_REST 20u     /* octets behind the two names */

#define NO_MEMORY "out of memory"

struct node {
    uint32_t name; /* in octets */
    uint32_t len;
    uint32_t zone;
    uint32_t first; /* record, or NONE */
    bool is_apex;
};

struct record {
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
    struct node *nodes;
    size_t node_count, node_room;
    struct record *records;
    size_t record_count, record_room;
    uint32_t *slots; /* of nodes; a power of two, at most half full */
    size_t slot_count;
    uint32_t apexes[LOCAL_ZONES_MAX]; /* nodes */
    uint8_t apex_labels[LOCAL_ZONES_MAX];
    size_t zone_count;
};

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

static uint32_t find_node(const struct local_zones *table, const uint8_t *name, size_t len)
{
    if (table->slot_count == 0) {
        return NONE;
    }
    const size_t mask = table->slot_count - 1;
    for (size_t at = (size_t)siphash13(name, len, table->key) & mask;; at = (at + 1) & mask) {
        const uint32_t index = table->slots[at];
        if (index == NONE) {
            return NONE;
        }
        const struct node *node = &table->nodes[index];
        if (node->len == len && memcmp(table->octets + node->name, name, len) == 0) {
            return index;
        }
    }
}

static void put_in_slot(struct local_zones *table, uint32_t index)
{
    const struct node *node = &table->nodes[index];
    const size_t mask = table->slot_count - 1;
    size_t at = (size_t)siphash13(table->octets + node->name, node->len, table->key) & mask;

    while (table->slots[at] != NONE) {
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
    table->nodes[table->node_count++] =
        (struct node){.name = at, .len = (uint32_t)len, .zone = zone, .first = NONE};
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

    *node = find_node(table, name->octets, name->len);
    if (*node != NONE) {
        return NULL;
    }
    why = add_octets(table, name->octets, name->len, &at);
    for (unsigned label = between + 1; label-- > 0 && why == NULL;) {
        const size_t len = (size_t)name->len - name->at[label];

        if (find_node(table, name->octets + name->at[label], len) == NONE) {
            why = make_node(table, at + name->at[label], len, zone);
        }
    }
    *node = (uint32_t)table->node_count - 1;
    return why;
}

static const uint8_t *octets_of(const struct local_zones *table, const struct node *node)
{
    return table->octets + node->name;
}

static bool name_at(const struct local_zones *table, const struct node *node,
                    struct wire_name *name)
{
    size_t pos = 0;

    return wire_name_read(octets_of(table, node), node->len, &pos, name) == WIRE_OK;
}

/* The first record of a type from this one on, or NONE. */
static uint32_t seek(const struct local_zones *table, uint32_t record, uint16_t type)
{
    while (record != NONE && table->records[record].type != type) {
        record = table->records[record].next;
    }
    return record;
}

/* True if the name has this record already. Else its last one (NONE: it has none), how many
 * they are and how long. */
static bool is_there(const struct local_zones *table, const struct node *node,
                     const struct local_zone_record *record, uint32_t *last, size_t *count,
                     size_t *octets)
{
    *last = NONE;
    *count = *octets = 0;
    for (uint32_t at = node->first; at != NONE; at = table->records[at].next) {
        const struct record *known = &table->records[at];

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
    uint32_t last = NONE;
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
    if (last == NONE) {
        table->nodes[index].first = (uint32_t)table->record_count;
    } else {
        table->records[last].next = (uint32_t)table->record_count;
    }
    table->records[table->record_count++] = (struct record){
        .rdata = at,
        .next = NONE,
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

const char *local_zones_begin(struct local_zones_builder *builder,
                              const struct local_zone_record *soa)
{
    struct local_zones *table = &builder->table;
    const struct wire_name *name = soa->name;
    uint32_t node = find_node(table, name->octets, name->len);
    const char *why = NULL;

    invariant(soa->type == WIRE_SOA);
    if (name->labels == 0) {
        return "the root is every name: it is no zone of a place";
    }
    if (table->zone_count == LOCAL_ZONES_MAX) {
        return "more than 64 zones";
    }
    if (node != NONE) {
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
        const uint32_t index =
            find_node(table, name->octets + name->at[top], (size_t)name->len - name->at[top]);
        if (index != NONE && table->nodes[index].is_apex) {
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
    uint32_t node = NONE;
    why = make_nodes(table, name, top, zone, &node); /* and what is in between exists */
    return why == NULL ? put(table, node, record) : why;
}

static bool read_target(const struct local_zones *table, const struct record *record,
                        struct wire_name *target)
{
    size_t pos = 0;

    return wire_name_read(table->octets + record->rdata, record->len, &pos, target) ==
               WIRE_OK &&
           pos == record->len;
}

/* From a name's alias to what it stands for. */
static const char *alias_fault(const struct local_zones *table, const struct node *node,
                               uint32_t alias, const struct local_zones_elsewhere *elsewhere)
{
    struct local_zones_answer found = {.kind = LOCAL_ZONES_ALIAS};

    if (table->records[node->first].next != NONE) {
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
            alias = seek(table, table->nodes[found.node].first, WIRE_CNAME);
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
        const struct node *node = &table->nodes[i];
        const uint32_t alias = seek(table, node->first, WIRE_CNAME);
        struct wire_name name;

        *why = alias == NONE ? NULL : alias_fault(table, node, alias, elsewhere);
        if (*why != NULL && name_at(table, node, &name)) {
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

size_t local_zones_count(const struct local_zones *zones)
{
    return zones->zone_count;
}

/* Looking up. */

static void answer_from(const struct local_zones *zones, uint32_t index, uint16_t type,
                        struct local_zones_answer *answer)
{
    const struct node *node = &zones->nodes[index];
    uint32_t record = seek(zones, node->first, type);

    answer->kind = LOCAL_ZONES_DATA;
    answer->type = type;
    if (record == NONE) {
        answer->kind = LOCAL_ZONES_ALIAS;
        answer->type = WIRE_CNAME;
        record = seek(zones, node->first, WIRE_CNAME);
    }
    if (record == NONE) {
        answer->kind = LOCAL_ZONES_NODATA;
        return;
    }
    answer->node = index;
    answer->ttl_s = zones->records[record].ttl_s;
    for (; record != NONE; record = seek(zones, zones->records[record].next, answer->type)) {
        const uint32_t ttl_s = zones->records[record].ttl_s;
        answer->ttl_s = ttl_s < answer->ttl_s ? ttl_s : answer->ttl_s;
    }
}

void local_zones_find(const struct local_zones *zones, const struct wire_name *name,
                      uint16_t type, struct local_zones_answer *answer)
{
    uint8_t wildcard[WIRE_NAME_MAX + 2];
    uint32_t node = NONE;
    unsigned label = 0;

    *answer = (struct local_zones_answer){.kind = LOCAL_ZONES_NOT};
    /* The closest encloser: the longest part of the name that exists. */
    for (; label < name->labels && node == NONE; label++) {
        node = find_node(zones, name->octets + name->at[label],
                         (size_t)name->len - name->at[label]);
    }
    if (node == NONE) {
        return;
    }
    answer->zone = zones->nodes[node].zone;
    answer->apex = zones->apex_labels[answer->zone];
    if (label == 1) {
        answer_from(zones, node, type, answer);
        return;
    }
    answer->kind = LOCAL_ZONES_NXDOMAIN;
    const size_t len = zones->nodes[node].len;
    if (len + 2 > WIRE_NAME_MAX) {
        return;
    }
    wildcard[0] = 1;
    wildcard[1] = '*';
    memcpy(wildcard + 2, octets_of(zones, &zones->nodes[node]), len);
    const uint32_t source = find_node(zones, wildcard, len + 2); /* RFC 4592, 3.3.1 */
    if (source != NONE) {
        answer_from(zones, source, type, answer);
    }
}

bool local_zones_next(const struct local_zones *zones, const struct local_zones_answer *answer,
                      size_t *at, const uint8_t **rdata, size_t *len)
{
    const uint32_t from =
        *at == 0 ? zones->nodes[answer->node].first : zones->records[*at - 1].next;
    const uint32_t record = seek(zones, from, answer->type);

    if (record == NONE) {
        return false;
    }
    *at = (size_t)record + 1;
    *rdata = zones->octets + zones->records[record].rdata;
    *len = zones->records[record].len;
    return true;
}

bool local_zones_below(const struct local_zones *zones, const struct wire_name *name)
{
    for (size_t i = 0; i < zones->zone_count; i++) {
        struct wire_name apex;

        invariant(name_at(zones, &zones->nodes[zones->apexes[i]], &apex));
        if (apex.labels > name->labels && wire_name_is_within(&apex, name)) {
            return true;
        }
    }
    return false;
}

void local_zones_soa(const struct local_zones *zones, uint32_t zone, struct wire_name *owner,
                     const uint8_t **rdata, size_t *len, uint32_t *ttl_s)
{
    const struct node *apex = &zones->nodes[zones->apexes[zone]];
    const struct record *soa = &zones->records[seek(zones, apex->first, WIRE_SOA)];

    invariant(name_at(zones, apex, owner));
    *rdata = zones->octets + soa->rdata;
    *len = soa->len;
    *ttl_s = soa->ttl_s;
    if (soa->len >= SOA_REST) {
        const uint8_t *m = *rdata + soa->len - 4;
        const uint32_t minimum =
            (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | (uint32_t)m[3];
        *ttl_s = minimum < *ttl_s ? minimum : *ttl_s;
    }
}
