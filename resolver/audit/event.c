/*
 * audit/event.c - packing and unpacking of records.
 *
 * A record is a head of fixed size, then names: the asked one; those of the chain from its
 * start to the hit's hop; the name of the hit, unless it is one of these. A name is an octet
 * with its length and its octets in wire format; length 0 means "the asked name again", which
 * the start of a chain nearly always is. Records never leave the process, so the head is a
 * struct in native order; a reader checks all the same that what it finds can be one.
 */
#include "audit/event.h"

#include "base/invariant.h"
#include "base/same.h"

#include <stddef.h>
#include <string.h>

enum {
    FLAG_APPLIED = 1,
    FLAG_CACHED = 2,
    FLAG_EMBEDDED = 4, /* an IPv6 address matched by the IPv4 host that it leads to */
    FLAG_DEFAULT = 8,  /* the hit's ground is the view's default */
    FLAG_CLIENT = 16,  /* the hit's ground is the view's word about its clients */
    TRIAL_SHIFT = 5,   /* two bits: what has come of a trial */
    FLAGS_TRIAL = 3 << TRIAL_SHIFT,
    FLAG_STALE = 128, /* beside FLAG_CACHED */
    FLAGS_KNOWN = FLAG_APPLIED | FLAG_CACHED | FLAG_EMBEDDED | FLAG_DEFAULT | FLAG_CLIENT |
                  FLAGS_TRIAL | FLAG_STALE,
    HIT_NAME_OWN = 0xff /* name_at: the name of the hit follows the chain */
};

struct head {
    uint64_t generation; /* first: audit_event_generation reads nothing else */
    uint64_t wall_us;
    struct address client, upstream, hit_address;
    uint32_t latency_us;
    uint32_t set;
    uint16_t type;
    uint16_t exception;
    uint16_t row;
    uint8_t transport, view, rcode, flags;
    uint8_t list, labels, trigger, hop, mode, action, kind;
    uint8_t chain_count;
    uint8_t name_at; /* place in the chain of the hit's name, 0 being the asked one too */
};

_Static_assert(offsetof(struct head, generation) == 0, "audit_event_generation relies on it");
_Static_assert(sizeof(struct head) + (POLICY_HOPS_MAX + 3u) * (1 + WIRE_NAME_MAX) <=
                   AUDIT_RECORD_MAX,
               "AUDIT_RECORD_MAX is too small");

static bool same_name(const struct wire_name *a, const struct wire_name *b)
{
    return a->len == b->len && same_octets(a->octets, b->octets, a->len);
}

static size_t name_size(const struct wire_name *name, const struct wire_name *asked)
{
    return 1 + (same_name(name, asked) ? 0u : name->len);
}

/* asked NULL: the name is written whole. */
static uint8_t *put_name(uint8_t *at, const struct wire_name *name,
                         const struct wire_name *asked)
{
    const uint8_t len = asked != NULL && same_name(name, asked) ? 0 : name->len;

    *at++ = len;
    memcpy(at, name->octets, len);
    return at + len;
}

/* The names of the chain that belong to the hit: its start to the owner looked at. */
static uint8_t chain_count(const struct audit_decision *decision)
{
    const unsigned wanted = decision->hit->hop + 1u;

    if (decision->chain == NULL) {
        return 0;
    }
    invariant(decision->chain->count <= POLICY_HOPS_MAX + 1);
    return wanted < decision->chain->count ? (uint8_t)wanted : decision->chain->count;
}

/* Where the hit's name stands already, or HIT_NAME_OWN. */
static uint8_t find_hit_name(const struct audit_decision *decision, uint8_t count)
{
    const struct wire_name *name = &decision->hit->name;

    if (count > 0 && same_name(name, &decision->chain->names[count - 1])) {
        return (uint8_t)(count - 1);
    }
    if (count == 0 && same_name(name, decision->name)) {
        return 0;
    }
    return HIT_NAME_OWN;
}

/* hot. The head, but for name_at and chain_count. */
static void put_head(struct head *head, const struct audit_decision *decision)
{
    const struct policy_hit *hit = decision->hit;

    head->generation = decision->generation;
    head->wall_us = decision->wall_us;
    head->client = decision->client;
    head->upstream = decision->upstream;
    head->hit_address = hit->address;
    head->latency_us = decision->latency_us;
    head->set = hit->set;
    head->type = decision->type;
    head->exception = hit->exception;
    head->row = hit->row;
    head->transport = decision->transport;
    head->view = decision->view;
    head->rcode = decision->rcode;
    head->flags = (uint8_t)((decision->applied ? FLAG_APPLIED : 0) |
                            (decision->cached != AUDIT_CACHED_NOT ? FLAG_CACHED : 0) |
                            (decision->cached == AUDIT_CACHED_STALE ? FLAG_STALE : 0) |
                            (hit->family != hit->address.family ? FLAG_EMBEDDED : 0) |
                            (hit->ground == POLICY_GROUND_DEFAULT ? FLAG_DEFAULT : 0) |
                            (hit->ground == POLICY_GROUND_CLIENT ? FLAG_CLIENT : 0) |
                            hit->trial << TRIAL_SHIFT);
    head->list = hit->list;
    head->labels = hit->labels;
    head->trigger = hit->trigger;
    head->hop = hit->hop;
    head->mode = hit->mode;
    head->action = hit->action;
    head->kind = hit->kind;
}

/* hot. Written where it is read: nothing is put together first. */
bool audit_event_put(struct ring *ring, const struct audit_decision *decision)
{
    const struct policy_hit *hit = decision->hit;
    const uint8_t count = chain_count(decision);
    const uint8_t name_at = find_hit_name(decision, count);
    size_t size = sizeof(struct head) + 1 + decision->name->len;

    for (uint8_t i = 0; i < count; i++) {
        size += name_size(&decision->chain->names[i], decision->name);
    }
    if (name_at == HIT_NAME_OWN) {
        size += name_size(&hit->name, decision->name);
    }
    uint8_t *const start = ring_reserve(ring, size);
    if (start == NULL) {
        return false;
    }
    struct head *const head = (struct head *)(void *)start; /* where any number may be */
    put_head(head, decision);
    head->chain_count = count;
    head->name_at = name_at;
    uint8_t *at = put_name(start + sizeof(*head), decision->name, NULL);
    for (uint8_t i = 0; i < count; i++) {
        at = put_name(at, &decision->chain->names[i], decision->name);
    }
    if (name_at == HIT_NAME_OWN) {
        at = put_name(at, &hit->name, decision->name);
    }
    invariant((size_t)(at - start) == size);
    ring_commit(ring, size);
    return true;
}

/* A name without compression that fills its len octets exactly. */
static bool read_labels(const uint8_t *octets, uint8_t len, struct wire_name *out)
{
    unsigned at = 0;
    unsigned labels = 0;

    while (at < len && octets[at] != 0) {
        if (octets[at] > WIRE_LABEL_MAX || labels == WIRE_LABELS_MAX) {
            return false;
        }
        out->at[labels++] = (uint8_t)at;
        at += 1u + octets[at];
    }
    if (at + 1 != len) {
        return false;
    }
    memcpy(out->octets, octets, len);
    out->at[labels] = (uint8_t)at;
    out->len = len;
    out->labels = (uint8_t)labels;
    return true;
}

/* Reads at *at, which stays within end. */
static bool get_name(const uint8_t **at, const uint8_t *end, const struct wire_name *asked,
                     struct wire_name *out)
{
    if (*at == end) {
        return false;
    }
    const uint8_t len = *(*at)++;
    if (len == 0) {
        if (asked == NULL) {
            return false;
        }
        *out = *asked;
        return true;
    }
    if ((size_t)(end - *at) < len || !read_labels(*at, len, out)) {
        return false;
    }
    *at += len;
    return true;
}

static bool is_family(const struct address *address)
{
    return address->family == ADDRESS_NONE || address->family == ADDRESS_V4 ||
           address->family == ADDRESS_V6;
}

/* Whether the numbers of the head are ones that the words of an event exist for. */
static bool is_head(const struct head *head)
{
    return (head->flags & ~FLAGS_KNOWN) == 0 && head->transport <= AUDIT_TCP &&
           is_family(&head->client) && is_family(&head->upstream) &&
           is_family(&head->hit_address) && head->trigger < POLICY_TRIGGERS &&
           (head->mode == POLICY_MODE_LOG || head->mode == POLICY_MODE_ENFORCE) &&
           ((head->flags & FLAGS_TRIAL) == 0 || head->mode == POLICY_MODE_LOG) &&
           head->action > POLICY_ACTION_DEFAULT && head->action <= POLICY_ACTION_LOG &&
           head->kind <= POLICY_PASS &&
           (head->flags & (FLAG_DEFAULT | FLAG_CLIENT)) != (FLAG_DEFAULT | FLAG_CLIENT) &&
           (head->exception == 0 || head->action == POLICY_ACTION_PASS) &&
           head->hop <= POLICY_HOPS_MAX && head->chain_count <= POLICY_HOPS_MAX + 1;
}

static void copy_head(const struct head *head, struct audit_event *out)
{
    out->wall_us = head->wall_us;
    out->generation = head->generation;
    out->latency_us = head->latency_us;
    out->client = head->client;
    memset(&out->who, 0, sizeof(out->who));
    if (head->client.family != ADDRESS_NONE) {
        out->who.kind = AUDIT_CLIENT_ADDRESS;
        out->who.address = head->client;
        out->who.address.port = 0;
    }
    out->upstream = head->upstream;
    out->type = head->type;
    out->transport = head->transport;
    out->view = head->view;
    out->rcode = head->rcode;
    out->applied = (head->flags & FLAG_APPLIED) != 0;
    out->cached = (head->flags & FLAG_CACHED) == 0  ? AUDIT_CACHED_NOT
                  : (head->flags & FLAG_STALE) != 0 ? AUDIT_CACHED_STALE
                                                    : AUDIT_CACHED_FRESH;
    out->hit.set = head->set;
    out->hit.row = head->row;
    out->hit.list = head->list;
    out->hit.labels = head->labels;
    out->hit.trigger = head->trigger;
    out->hit.hop = head->hop;
    out->hit.mode = head->mode;
    out->hit.action = head->action;
    out->hit.kind = head->kind;
    out->hit.exception = head->exception;
    out->hit.ground = (head->flags & FLAG_DEFAULT) != 0  ? POLICY_GROUND_DEFAULT
                      : (head->flags & FLAG_CLIENT) != 0 ? POLICY_GROUND_CLIENT
                                                         : POLICY_GROUND_RULE;
    out->hit.trial = (uint8_t)(head->flags >> TRIAL_SHIFT & 3);
    out->hit.chain = false; /* passes are no events */
    out->hit.address = head->hit_address;
    out->hit.family =
        (head->flags & FLAG_EMBEDDED) != 0 ? ADDRESS_V4 : head->hit_address.family;
    out->chain.count = head->chain_count;
}

bool audit_event_get(const void *record, size_t len, struct audit_event *out)
{
    const uint8_t *at = record;
    struct head head;

    if (len < sizeof(head)) {
        return false;
    }
    const uint8_t *const end = at + len;
    memcpy(&head, at, sizeof(head));
    at += sizeof(head);
    if (!is_head(&head) || !get_name(&at, end, NULL, &out->name)) {
        return false;
    }
    copy_head(&head, out);
    for (uint8_t i = 0; i < head.chain_count; i++) {
        if (!get_name(&at, end, &out->name, &out->chain.names[i])) {
            return false;
        }
    }
    if (head.name_at == HIT_NAME_OWN) {
        if (!get_name(&at, end, &out->name, &out->hit.name)) {
            return false;
        }
    } else if (head.name_at < head.chain_count) {
        out->hit.name = out->chain.names[head.name_at];
    } else if (head.name_at == 0) {
        out->hit.name = out->name;
    } else {
        return false;
    }
    return at == end;
}

uint64_t audit_event_generation(const void *record, size_t len)
{
    uint64_t generation = 0;

    if (len >= sizeof(generation)) {
        memcpy(&generation, record, sizeof(generation));
    }
    return generation;
}

uint64_t audit_event_answered(const void *record, size_t len)
{
    const uint8_t *const octets = record;
    uint64_t wall_us = 0;
    uint32_t latency_us = 0;

    if (len >= sizeof(struct head)) {
        memcpy(&wall_us, octets + offsetof(struct head, wall_us), sizeof(wall_us));
        memcpy(&latency_us, octets + offsetof(struct head, latency_us), sizeof(latency_us));
    }
    return wall_us + latency_us;
}
