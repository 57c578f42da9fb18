/* Looking up: as few steps as the zones need, however long the name is that is asked. */
#include "local/zones.h"

#include "base/invariant.h"
#include "local/zones_table.h"
#include "wire/type.h"

#include <string.h>

#define SOA_REST 20u /* octets behind the two names */

uint32_t local_zones_node_of(const struct local_zones *table, const uint8_t *name, size_t len)
{
    if (table->slot_count == 0) {
        return LOCAL_ZONES_NONE;
    }
    const size_t mask = table->slot_count - 1;
    for (size_t at = (size_t)siphash13(name, len, table->key) & mask;; at = (at + 1) & mask) {
        const uint32_t index = table->slots[at];
        if (index == LOCAL_ZONES_NONE) {
            return LOCAL_ZONES_NONE;
        }
        const struct local_zones_node *node = &table->nodes[index];
        if (node->len == len && memcmp(table->octets + node->name, name, len) == 0) {
            return index;
        }
    }
}

static const uint8_t *octets_of(const struct local_zones *table,
                                const struct local_zones_node *node)
{
    return table->octets + node->name;
}

bool local_zones_name_at(const struct local_zones *table, const struct local_zones_node *node,
                         struct wire_name *name)
{
    size_t pos = 0;

    return wire_name_read(octets_of(table, node), node->len, &pos, name) == WIRE_OK;
}

uint32_t local_zones_seek(const struct local_zones *table, uint32_t record, uint16_t type)
{
    while (record != LOCAL_ZONES_NONE && table->records[record].type != type) {
        record = table->records[record].next;
    }
    return record;
}

static void answer_from(const struct local_zones *zones, uint32_t index, uint16_t type,
                        struct local_zones_answer *answer)
{
    const struct local_zones_node *node = &zones->nodes[index];
    uint32_t record = local_zones_seek(zones, node->first, type);

    answer->kind = LOCAL_ZONES_DATA;
    answer->type = type;
    if (record == LOCAL_ZONES_NONE) {
        answer->kind = LOCAL_ZONES_ALIAS;
        answer->type = WIRE_CNAME;
        record = local_zones_seek(zones, node->first, WIRE_CNAME);
    }
    if (record == LOCAL_ZONES_NONE) {
        answer->kind = LOCAL_ZONES_NODATA;
        return;
    }
    answer->node = index;
    answer->ttl_s = zones->records[record].ttl_s;
    for (; record != LOCAL_ZONES_NONE;
         record = local_zones_seek(zones, zones->records[record].next, answer->type)) {
        const uint32_t ttl_s = zones->records[record].ttl_s;
        answer->ttl_s = ttl_s < answer->ttl_s ? ttl_s : answer->ttl_s;
    }
}

/* A node in the zone that the name is in: its apex, or one below it on the way to the name.
 * *label: where in the name it stands. As few looks as there are depths of apexes, whatever is
 * asked. */
static uint32_t find_start(const struct local_zones *zones, const struct wire_name *name,
                           unsigned *label)
{
    for (size_t i = 0; i < zones->depth_count; i++) {
        if (zones->depths[i] <= name->labels) {
            const unsigned at = (unsigned)(name->labels - zones->depths[i]);
            const uint32_t node = local_zones_node_of(zones, name->octets + name->at[at],
                                                      (size_t)name->len - name->at[at]);

            if (node != LOCAL_ZONES_NONE) {
                *label = at;
                return node;
            }
        }
    }
    return LOCAL_ZONES_NONE;
}

/* hot */
void local_zones_find(const struct local_zones *zones, const struct wire_name *name,
                      uint16_t type, struct local_zones_answer *answer)
{
    uint8_t wildcard[WIRE_NAME_MAX + 2];
    unsigned label = 0;
    uint32_t node = find_start(zones, name, &label);

    *answer = (struct local_zones_answer){.kind = LOCAL_ZONES_NOT};
    if (node == LOCAL_ZONES_NONE) {
        return;
    }
    answer->zone = zones->nodes[node].zone;
    answer->apex = zones->apex_labels[answer->zone];
    /* Down to the closest encloser: what is between it and the start exists. */
    for (; label > 0; label--) {
        const uint32_t next = local_zones_node_of(zones, name->octets + name->at[label - 1],
                                                  (size_t)name->len - name->at[label - 1]);
        if (next == LOCAL_ZONES_NONE) {
            break;
        }
        node = next;
    }
    if (label == 0) {
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
    const uint32_t source = local_zones_node_of(zones, wildcard, len + 2); /* RFC 4592, 3.3.1 */
    if (source != LOCAL_ZONES_NONE) {
        answer_from(zones, source, type, answer);
    }
}

bool local_zones_next(const struct local_zones *zones, const struct local_zones_answer *answer,
                      size_t *at, const uint8_t **rdata, size_t *len)
{
    const uint32_t from =
        *at == 0 ? zones->nodes[answer->node].first : zones->records[*at - 1].next;
    const uint32_t record = local_zones_seek(zones, from, answer->type);

    if (record == LOCAL_ZONES_NONE) {
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

        invariant(local_zones_name_at(zones, &zones->nodes[zones->apexes[i]], &apex));
        if (apex.labels > name->labels && wire_name_is_within(&apex, name)) {
            return true;
        }
    }
    return false;
}

void local_zones_soa(const struct local_zones *zones, uint32_t zone, struct wire_name *owner,
                     const uint8_t **rdata, size_t *len, uint32_t *ttl_s)
{
    const struct local_zones_node *apex = &zones->nodes[zones->apexes[zone]];
    const struct local_zones_entry *soa =
        &zones->records[local_zones_seek(zones, apex->first, WIRE_SOA)];

    invariant(local_zones_name_at(zones, apex, owner));
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

size_t local_zones_count(const struct local_zones *zones)
{
    return zones->zone_count;
}
