/*
 * The builder keeps a row per record; the table is made by sorting them.
 *
 * A name's key is its labels from right to left, so that in the order of octets all names below
 * another one follow it. The table is that order, and a hash table of places in it.
 */
#include "local/names.h"

#include "base/error.h"
#include "base/invariant.h"
#include "local/special.h"
#include "local/zones.h"
#include "wire/type.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX     (WIRE_NAME_MAX - 1) /* all labels, without the root's octet */
#define ITEMS_FIRST 64u
#define ARENA_FIRST 4096u

struct item {
    uint32_t at; /* of the key, and behind it the rdata, in the arena */
    uint32_t order;
    uint16_t type;
    uint8_t key_len;
    uint8_t rdata_len;
};

struct local_builder {
    struct item *items;
    size_t count, room;
    uint8_t *arena;
    size_t used, size;
    size_t records;                          /* that were asked for, without the ways back */
    const struct local_zones_builder *zones; /* whose names are theirs alone; NULL: none */
};

struct local_name {
    uint32_t key_at;
    uint32_t rdata_at; /* IPv4, then IPv6 addresses, then the name of the way back */
    uint8_t key_len;
    uint8_t v4_count, v6_count;
    uint8_t ptr_len;
};

struct local_names {
    uint32_t ttl_s;
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
    struct local_name *names; /* in the order of their keys */
    size_t count;
    uint8_t *octets;
    uint32_t *slots; /* index + 1 into names; 0: free */
    uint32_t mask;
    struct local_zones *zones; /* NULL: none */
};

/* Labels from right to left. Returns the length. */
static uint8_t key_of(const struct wire_name *name, uint8_t key[KEY_MAX])
{
    uint8_t len = 0;

    for (unsigned i = name->labels; i-- > 0;) {
        const uint8_t *label = name->octets + name->at[i];

        memcpy(key + len, label, label[0] + 1u);
        len = (uint8_t)(len + label[0] + 1u);
    }
    return len;
}

struct local_builder *local_builder_create(void)
{
    return calloc(1, sizeof(struct local_builder));
}

void local_builder_free(struct local_builder *builder)
{
    if (builder != NULL) {
        free(builder->items);
        free(builder->arena);
        free(builder);
    }
}

/* Room for one more item with so many octets. */
static int make_room(struct local_builder *builder, size_t octets)
{
    if (builder->count == builder->room) {
        const size_t room = builder->room == 0 ? ITEMS_FIRST : 2 * builder->room;
        struct item *items = realloc(builder->items, room * sizeof(*items));

        if (items == NULL) {
            return -ENOMEM;
        }
        builder->items = items;
        builder->room = room;
    }
    if (octets > builder->size - builder->used) {
        const size_t size = builder->size == 0 ? ARENA_FIRST : 2 * builder->size;
        uint8_t *arena = realloc(builder->arena, size);

        if (arena == NULL) {
            return -ENOMEM;
        }
        builder->arena = arena;
        builder->size = size;
    }
    return 0;
}

static int add_item(struct local_builder *builder, const struct wire_name *name, uint16_t type,
                    const uint8_t *rdata, size_t rdata_len)
{
    uint8_t key[KEY_MAX];
    const uint8_t key_len = key_of(name, key);
    const int rc = make_room(builder, key_len + rdata_len);

    if (rc != 0) {
        return rc;
    }
    builder->items[builder->count] = (struct item){.at = (uint32_t)builder->used,
                                                   .order = (uint32_t)builder->count,
                                                   .type = type,
                                                   .key_len = key_len,
                                                   .rdata_len = (uint8_t)rdata_len};
    memcpy(builder->arena + builder->used, key, key_len);
    memcpy(builder->arena + builder->used + key_len, rdata, rdata_len);
    builder->used += key_len + rdata_len;
    builder->count++;
    return 0;
}

/* Many names of a hosts file may have these; none is the address's own. */
static bool has_no_way_back(const struct address *address)
{
    static const uint8_t loopback4[4] = {127, 0, 0, 1};
    static const uint8_t loopback6[16] = {[15] = 1};

    return address_is_any(address) ||
           memcmp(address->octets, address->family == ADDRESS_V4 ? loopback4 : loopback6,
                  address_octets(address)) == 0;
}

int local_builder_add(struct local_builder *builder, const struct wire_name *name,
                      const struct address *address)
{
    invariant(name->labels > 0);
    if (builder->records == LOCAL_RECORDS_MAX) {
        return CORDON_E_TOO_LARGE;
    }
    const size_t count = builder->count;
    int rc = add_item(builder, name, address->family == ADDRESS_V4 ? WIRE_A : WIRE_AAAA,
                      address->octets, address_octets(address));
    if (rc == 0) {
        rc = local_builder_add_way_back(builder, name, address);
    }
    if (rc != 0) {
        builder->count = count; /* both or none */
    }
    builder->records += rc == 0;
    return rc;
}

int local_builder_add_way_back(struct local_builder *builder, const struct wire_name *name,
                               const struct address *address)
{
    struct wire_name reverse;

    if (has_no_way_back(address)) {
        return 0;
    }
    local_reverse_name(address, &reverse);
    return add_item(builder, &reverse, WIRE_PTR, name->octets, name->len);
}

void local_builder_keep_out(struct local_builder *builder,
                            const struct local_zones_builder *zones)
{
    builder->zones = zones;
}

const char *local_name_fault(const struct wire_name *name)
{
    uint8_t apex;

    switch (local_special_of(name, &apex)) {
    case LOCAL_SPECIAL_LOOPBACK:
        return "names in localhost are this machine's alone (RFC 6761): programs trust that";
    case LOCAL_SPECIAL_EMPTY:
        return "names in resolver.arpa are for the discovery of resolvers (RFC 9462)";
    case LOCAL_SPECIAL_NEVER: {
        static const uint8_t label[] = "\x05local";
        const uint8_t *last = name->octets + name->at[name->labels - 1];

        /* multicast DNS shares `local` with what many networks call their own */
        return memcmp(last, label, sizeof(label)) == 0
                   ? NULL
                   : "names in invalid and onion never exist (RFC 6761, RFC 7686)";
    }
    case LOCAL_SPECIAL_NOT:
    case LOCAL_SPECIAL_ZONE:
        break;
    }
    return NULL;
}

const char *local_record_fault(const struct local_builder *builder,
                               const struct wire_name *name, const struct address *address)
{
    uint8_t apex;

    if (name->labels == 0) {
        return "the root has no address";
    }
    if (builder->zones != NULL && local_zones_cover(builder->zones, name)) {
        return "the name is in a zone of local.zones, where all of its names stand";
    }
    if (address_is_loopback(address) &&
        local_special_of(name, &apex) == LOCAL_SPECIAL_LOOPBACK) {
        return NULL;
    }
    return local_name_fault(name);
}

/* Making the table. */

static int compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    const int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* By key, type, and as they came. */
static int compare_items(const void *one, const void *other, void *arena)
{
    const struct item *a = one;
    const struct item *b = other;
    const uint8_t *octets = arena;
    const int order = compare_keys(octets + a->at, a->key_len, octets + b->at, b->key_len);

    if (order != 0) {
        return order;
    }
    if (a->type != b->type) {
        const uint16_t before[] = {WIRE_A, WIRE_AAAA, WIRE_PTR};
        for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
            if (a->type == before[i] || b->type == before[i]) {
                return a->type == before[i] ? -1 : 1;
            }
        }
    }
    return (a->order > b->order) - (a->order < b->order);
}

/* A name as text, from its key. */
static void text_of_key(const uint8_t *key, size_t len, char text[WIRE_NAME_TEXT_MAX])
{
    uint8_t octets[WIRE_NAME_MAX];
    struct wire_name name;
    size_t at = len;
    size_t pos = 0;

    octets[len] = 0;
    for (size_t i = 0; i < len; i += key[i] + 1u) {
        at -= key[i] + 1u;
        memcpy(octets + at, key + i, key[i] + 1u);
    }
    if (wire_name_read(octets, len + 1, &pos, &name) == WIRE_OK) {
        wire_name_to_text(&name, text);
    } else {
        text[0] = '\0';
    }
}

/* What is being written. */
struct making {
    const struct local_builder *builder;
    struct local_names *names;
    struct report *report;
    size_t used;
};

/* Copies the rdata of an item behind that of the name so far; false if it is there already. */
static bool copy_rdata(struct making *making, const struct item *item, uint8_t count)
{
    const uint8_t *rdata = making->builder->arena + item->at + item->key_len;
    uint8_t *octets = making->names->octets;

    for (unsigned i = 1; i <= count; i++) {
        if (memcmp(octets + making->used - i * item->rdata_len, rdata, item->rdata_len) == 0) {
            return false;
        }
    }
    memcpy(octets + making->used, rdata, item->rdata_len);
    making->used += item->rdata_len;
    return true;
}

static void tell_too_many(struct making *making, const struct item *item)
{
    char text[WIRE_NAME_TEXT_MAX];

    text_of_key(making->builder->arena + item->at, item->key_len, text);
    report_add(making->report, REPORT_WARNING, "local", 0, 0,
               "%.300s has more than %u addresses of one kind: the first are answered", text,
               LOCAL_ADDRESSES_MAX);
}

/* Adds an item to the last name. */
static void add_to_name(struct making *making, const struct item *item)
{
    struct local_name *name = &making->names->names[making->names->count - 1];
    uint8_t *count = item->type == WIRE_A ? &name->v4_count : &name->v6_count;

    if (item->type == WIRE_PTR) {
        if (name->ptr_len == 0) { /* the first name that an address was given */
            copy_rdata(making, item, 0);
            name->ptr_len = item->rdata_len;
        }
    } else if (*count == LOCAL_ADDRESSES_MAX) {
        tell_too_many(making, item);
    } else {
        *count = (uint8_t)(*count + copy_rdata(making, item, *count));
    }
}

static void add_names(struct making *making, const struct item *items)
{
    struct local_names *names = making->names;
    const uint8_t *arena = making->builder->arena;

    for (size_t i = 0; i < making->builder->count; i++) {
        const struct item *item = &items[i];

        if (i == 0 || compare_keys(arena + item->at, item->key_len, arena + items[i - 1].at,
                                   items[i - 1].key_len) != 0) {
            struct local_name *name = &names->names[names->count++];

            *name =
                (struct local_name){.key_at = (uint32_t)making->used, .key_len = item->key_len};
            memcpy(names->octets + making->used, arena + item->at, item->key_len);
            making->used += item->key_len;
            name->rdata_at = (uint32_t)making->used;
        }
        add_to_name(making, item);
    }
}

static uint32_t slot_of(const struct local_names *names, const uint8_t *key, size_t len)
{
    return (uint32_t)siphash13(key, len, names->hash_key) & names->mask;
}

static void fill_slots(struct local_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct local_name *name = &names->names[i];
        uint32_t slot = slot_of(names, names->octets + name->key_at, name->key_len);

        while (names->slots[slot] != 0) {
            slot = (slot + 1) & names->mask;
        }
        names->slots[slot] = (uint32_t)i + 1;
    }
}

int local_names_build(const struct local_builder *builder, uint32_t ttl_s,
                      const uint8_t key[SIPHASH_KEY_OCTETS], struct report *report,
                      struct local_names **names)
{
    struct local_names *new = calloc(1, sizeof(*new));
    struct item *items = calloc(builder->count + 1, sizeof(*items));
    uint32_t slots = 2;
    int rc = -ENOMEM;

    while (slots < 2 * builder->count) {
        slots *= 2;
    }
    if (new == NULL || items == NULL) {
        goto done;
    }
    new->ttl_s = ttl_s;
    new->mask = slots - 1;
    memcpy(new->hash_key, key, sizeof(new->hash_key));
    new->names = calloc(builder->count + 1, sizeof(*new->names));
    new->octets = malloc(builder->used + 1);
    new->slots = calloc(slots, sizeof(*new->slots));
    if (new->names == NULL || new->octets == NULL || new->slots == NULL) {
        goto done;
    }
    if (builder->count > 0) {
        struct making making = {.builder = builder, .names = new, .report = report};

        memcpy(items, builder->items, builder->count * sizeof(*items));
        qsort_r(items, builder->count, sizeof(*items), compare_items, builder->arena);
        add_names(&making, items);
        fill_slots(new);
    }
    *names = new;
    new = NULL;
    rc = 0;
done:
    free(items);
    local_names_free(new);
    return rc;
}

void local_names_free(struct local_names *names)
{
    if (names != NULL) {
        free(names->names);
        free(names->octets);
        free(names->slots);
        local_zones_free(names->zones);
        free(names);
    }
}

size_t local_names_count(const struct local_names *names)
{
    return names->count;
}

uint32_t local_names_ttl_s(const struct local_names *names)
{
    return names->ttl_s;
}

/* Looking up. */

/* hot */
bool local_names_find(const struct local_names *names, const struct wire_name *name,
                      uint16_t type, struct local_records *records)
{
    uint8_t key[KEY_MAX];
    const uint8_t len = key_of(name, key);

    for (uint32_t slot = slot_of(names, key, len); names->slots[slot] != 0;
         slot = (slot + 1) & names->mask) {
        const struct local_name *found = &names->names[names->slots[slot] - 1];
        const uint8_t *rdata = names->octets + found->rdata_at;

        if (found->key_len != len || memcmp(names->octets + found->key_at, key, len) != 0) {
            continue;
        }
        *records = (struct local_records){.count = 0};
        if (type == WIRE_A) {
            *records = (struct local_records){rdata, 4, found->v4_count};
        } else if (type == WIRE_AAAA) {
            *records =
                (struct local_records){rdata + 4u * found->v4_count, 16, found->v6_count};
        } else if (type == WIRE_PTR && found->ptr_len > 0) {
            rdata += 4u * found->v4_count + 16u * found->v6_count;
            *records = (struct local_records){rdata, found->ptr_len, 1};
        }
        return true;
    }
    return false;
}

bool local_names_below(const struct local_names *names, const struct wire_name *name)
{
    uint8_t key[KEY_MAX];
    const uint8_t len = key_of(name, key);
    size_t low = 0;
    size_t high = names->count;

    while (low < high) { /* the first one behind this name */
        const size_t middle = low + (high - low) / 2;
        const struct local_name *at = &names->names[middle];

        if (compare_keys(names->octets + at->key_at, at->key_len, key, len) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < names->count && names->names[low].key_len > len &&
        memcmp(names->octets + names->names[low].key_at, key, len) == 0) {
        return true;
    }
    return names->zones != NULL && local_zones_below(names->zones, name);
}

void local_names_take_zones(struct local_names *names, struct local_zones *zones)
{
    names->zones = zones;
}

const struct local_zones *local_names_zones(const struct local_names *names)
{
    return names->zones;
}
