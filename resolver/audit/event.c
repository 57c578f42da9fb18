/*
 * audit/event.c - packing and unpacking of records.
 *
 * A record is a head of fixed size; the addresses of upstream and hit, those that there are;
 * names: the asked one; those of the chain from its start to the hit's hop; the name of the
 * hit, unless it is one of these; then the octets of the client's address, and its port. So
 * that of a blocked question has some 82 octets: another processor fetches each line of them.
 * And so what one has as many others, whoever asked, is one piece (repeat.h). A name is an
 * octet with its length and its octets in wire format; length 0 means "the asked name again",
 * which the start of a chain nearly always is. Records never leave the process, so the head is
 * a struct in native order; a reader checks all the same that what it finds can be one.
 */
#include "audit/event.h"

#include "audit/varint.h"
#include "base/copy.h"
#include "base/invariant.h"
#include "base/same.h"

#include <stddef.h>
#include <string.h>

enum {
    HIT_NAME_OWN = 0xff /* name_at: the name of the hit follows the chain */
};

/* The first fields are those of struct audit_decision, and of struct policy_hit there are the
 * first octets: copied in one piece each. */
#define HIT_OCTETS offsetof(struct policy_hit, name)
struct head {
    uint64_t generation; /* first: audit_event_generation reads nothing else */
    uint64_t wall_us;
    uint32_t latency_us;
    uint16_t known;
    uint16_t type;
    uint8_t transport, view, rcode, cached, applied;
    uint8_t client, upstream, address; /* families: which addresses follow */
    uint8_t hit[HIT_OCTETS];
    uint8_t chain_count;
    uint8_t name_at; /* place in the chain of the hit's name, 0 being the asked one too */
};
/* Of it there are these; and from SAME on, up to the client's address, is what others have. */
#define HEAD_OCTETS (offsetof(struct head, name_at) + 1)
#define SAME        offsetof(struct head, type)

#define DECISION_OCTETS offsetof(struct head, client)
_Static_assert(offsetof(struct audit_decision, wall_us) == offsetof(struct head, wall_us) &&
                   offsetof(struct audit_decision, latency_us) ==
                       offsetof(struct head, latency_us) &&
                   offsetof(struct audit_decision, known) == offsetof(struct head, known) &&
                   offsetof(struct audit_decision, type) == offsetof(struct head, type) &&
                   offsetof(struct audit_decision, transport) ==
                       offsetof(struct head, transport) &&
                   offsetof(struct audit_decision, view) == offsetof(struct head, view) &&
                   offsetof(struct audit_decision, rcode) == offsetof(struct head, rcode) &&
                   offsetof(struct audit_decision, cached) == offsetof(struct head, cached) &&
                   offsetof(struct audit_decision, applied) + 1 == DECISION_OCTETS,
               "they have the same places");
_Static_assert(HIT_OCTETS == 20 && HEAD_OCTETS == 54, "no more than is of use");
_Static_assert(offsetof(struct head, generation) == 0, "audit_event_generation relies on it");
/* Octets that the client's address and a short name are copied with, however few they are:
 * faster than asking for it. What is behind is written over, or not committed. */
#define SHORT 32u
_Static_assert(sizeof(((struct wire_name *)NULL)->octets) >= SHORT, "a name has them");

/* Of a client's address there are the octets, and behind those of IPv6 the scope. */
#define V6_OCTETS   20u
#define PORT_OCTETS sizeof(uint16_t)
_Static_assert(offsetof(struct address, octets) == 0 && offsetof(struct address, scope) == 16,
               "they are one piece");

_Static_assert(V6_OCTETS + PORT_OCTETS <= SHORT, "a client has them, too");
_Static_assert(sizeof(struct head) + 3 * sizeof(struct address) +
                       (POLICY_HOPS_MAX + 3u) * (1 + WIRE_NAME_MAX) + SHORT <=
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

static inline uint8_t *put_whole(uint8_t *at, const struct wire_name *name)
{
    *at++ = name->len;
    if (name->len <= SHORT) {
        memcpy(at, name->octets, SHORT);
    } else {
        copy_octets(at, name->octets, name->len);
    }
    return at + name->len;
}

static uint8_t *put_name(uint8_t *at, const struct wire_name *name,
                         const struct wire_name *asked)
{
    if (same_name(name, asked)) {
        *at++ = 0;
        return at;
    }
    return put_whole(at, name);
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
    if (count == 0 && (decision->known != 0 || same_name(name, decision->name))) {
        return 0; /* what is known of a name is of that very name */
    }
    return HIT_NAME_OWN;
}

/* Octets of an address of a client. */
static size_t family_octets(unsigned family)
{
    static const uint8_t octets[8] = {[ADDRESS_V4] = 4, [ADDRESS_V6] = V6_OCTETS};

    return family < sizeof(octets) ? octets[family] : 0;
}

/* Octets of all addresses, and the port. */
static size_t addresses_size(unsigned client, unsigned upstream, unsigned hit)
{
    return family_octets(client) + PORT_OCTETS +
           (upstream != ADDRESS_NONE ? sizeof(struct address) : 0) +
           (hit != ADDRESS_NONE ? sizeof(struct address) : 0);
}

static uint8_t *put_addresses(uint8_t *at, const struct audit_decision *decision)
{
    if (decision->upstream.family != ADDRESS_NONE) {
        memcpy(at, &decision->upstream, sizeof(decision->upstream));
        at += sizeof(decision->upstream);
    }
    if (decision->hit->address.family != ADDRESS_NONE) {
        memcpy(at, &decision->hit->address, sizeof(decision->hit->address));
        at += sizeof(decision->hit->address);
    }
    return at;
}

static inline uint8_t *put_client(uint8_t *at, const struct address *client)
{
    memcpy(at, client, V6_OCTETS);
    at += family_octets(client->family);
    memcpy(at, &client->port, PORT_OCTETS);
    return at + PORT_OCTETS;
}

/* hot. The head, but for name_at and chain_count. */
static inline void put_head(struct head *head, const struct audit_decision *decision)
{
    const struct policy_hit *hit = decision->hit;

    memcpy(head, decision, DECISION_OCTETS);
    head->client = decision->client.family;
    head->upstream = decision->upstream.family;
    head->address = hit->address.family;
    memcpy(head->hit, hit, HIT_OCTETS);
}

/* hot. Written where it is read: nothing is put together first. */
bool audit_event_put(struct ring *ring, const struct audit_decision *decision)
{
    const struct policy_hit *hit = decision->hit;
    const uint8_t count = chain_count(decision);
    const uint8_t name_at = find_hit_name(decision, count);
    size_t size = HEAD_OCTETS +
                  addresses_size(decision->client.family, decision->upstream.family,
                                 hit->address.family) +
                  1 + decision->name->len;

    for (uint8_t i = 0; i < count; i++) {
        size += name_size(&decision->chain->names[i], decision->name);
    }
    if (name_at == HIT_NAME_OWN) {
        size += name_size(&hit->name, decision->name);
    }
    uint8_t *const start = ring_reserve(ring, size + SHORT);
    if (start == NULL) {
        return false;
    }
    struct head *const head = (struct head *)(void *)start; /* where any number may be */
    put_head(head, decision);
    head->chain_count = count;
    head->name_at = name_at;
    uint8_t *at = put_addresses(start + HEAD_OCTETS, decision);
    at = put_whole(at, decision->name);
    for (uint8_t i = 0; i < count; i++) {
        at = put_name(at, &decision->chain->names[i], decision->name);
    }
    if (name_at == HIT_NAME_OWN) {
        at = put_name(at, &hit->name, decision->name);
    }
    at = put_client(at, &decision->client);
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
    (void)audit_octets_add(out->octets, octets, len);
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
        wire_name_copy(out, asked);
        return true;
    }
    if ((size_t)(end - *at) < len || !read_labels(*at, len, out)) {
        return false;
    }
    *at += len;
    return true;
}

static bool is_family(unsigned family)
{
    return family == ADDRESS_NONE || family == ADDRESS_V4 || family == ADDRESS_V6;
}

/* Whether the numbers of the head, and of the hit that it brings, are ones that the words of an
 * event exist for. */
static bool is_head(const struct head *head, const struct policy_hit *hit)
{
    return head->transport <= AUDIT_TCP && head->cached <= AUDIT_CACHED_STALE &&
           head->applied <= 1 && is_family(head->client) && is_family(head->upstream) &&
           is_family(head->address) && is_family(hit->family) &&
           hit->trigger < POLICY_TRIGGERS &&
           (hit->mode == POLICY_MODE_LOG || hit->mode == POLICY_MODE_ENFORCE) &&
           hit->trial < POLICY_TRIALS &&
           (hit->trial == POLICY_TRIAL_NONE || hit->mode == POLICY_MODE_LOG) &&
           hit->action > POLICY_ACTION_DEFAULT && hit->action <= POLICY_ACTION_LOG &&
           hit->kind <= POLICY_PASS && hit->ground <= POLICY_GROUND_CLIENT &&
           (hit->exception == 0 || hit->action == POLICY_ACTION_PASS) &&
           hit->hop <= POLICY_HOPS_MAX && head->chain_count <= POLICY_HOPS_MAX + 1;
}

/* One of this family, at *at. */
static void get_address(const uint8_t **at, unsigned family, struct address *out)
{
    memset(out, 0, sizeof(*out));
    if (family != ADDRESS_NONE) {
        memcpy(out, *at, sizeof(*out));
        *at += sizeof(*out);
        out->family = (uint8_t)family;
    }
}

/* The client, whose octets are at at. */
static void get_client(const struct head *head, const uint8_t *at, struct audit_event *out)
{
    const size_t octets = family_octets(head->client);

    out->client = (struct address){.family = head->client};
    memcpy(&out->client, at, octets);
    memcpy(&out->client.port, at + octets, PORT_OCTETS);
    memset(&out->who, 0, sizeof(out->who));
    if (head->client != ADDRESS_NONE) {
        out->who.kind = AUDIT_CLIENT_ADDRESS;
        out->who.address = out->client;
        out->who.address.port = 0;
    }
}

/* All but the addresses and the hit. */
static void copy_head(const struct head *head, struct audit_event *out)
{
    out->wall_us = head->wall_us;
    out->generation = head->generation;
    out->latency_us = head->latency_us;
    out->type = head->type;
    out->transport = head->transport;
    out->view = head->view;
    out->rcode = head->rcode;
    out->cached = head->cached;
    out->applied = head->applied != 0;
    out->chain.count = head->chain_count;
}

bool audit_event_get(const void *record, size_t len, struct audit_event *out)
{
    const uint8_t *at = record;
    struct head head;

    if (len < HEAD_OCTETS) {
        return false;
    }
    const uint8_t *end = at + len;
    memcpy(&head, at, HEAD_OCTETS);
    at += HEAD_OCTETS;
    memcpy(&out->hit, head.hit, sizeof(head.hit));
    out->hit.chain = false; /* passes are no events */
    if (!is_head(&head, &out->hit) ||
        (size_t)(end - at) < addresses_size(head.client, head.upstream, head.address)) {
        return false;
    }
    copy_head(&head, out);
    end -= family_octets(head.client) + PORT_OCTETS;
    get_client(&head, end, out);
    get_address(&at, head.upstream, &out->upstream);
    get_address(&at, head.address, &out->hit.address);
    if (!get_name(&at, end, NULL, &out->name)) {
        return false;
    }
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
        wire_name_copy(&out->hit.name, &out->chain.names[head.name_at]);
    } else if (head.name_at == 0) {
        wire_name_copy(&out->hit.name, &out->name);
    } else {
        return false;
    }
    return at == end;
}

/* A name that is known is asked for in some types: those that clients ask for side by side, A,
 * AAAA and HTTPS, have numbers of their own. */
#define GUESSES_PER_NAME 4u

uint32_t audit_event_guess(const void *record, size_t len)
{
    const uint8_t *const octets = record;
    uint16_t known;
    uint16_t type;

    if (len < HEAD_OCTETS) {
        return 0;
    }
    memcpy(&known, octets + offsetof(struct head, known), sizeof(known));
    memcpy(&type, octets + offsetof(struct head, type), sizeof(type));
    if (known == 0) {
        return 0;
    }
    return (known * GUESSES_PER_NAME + (type + type / 32u) % GUESSES_PER_NAME) % AUDIT_GUESSES;
}

/* hot. Where it stays: to copy at once what was written in parts, a processor waits. */
static inline void get_sender(struct address *to, unsigned family, const uint8_t *at)
{
    *to = (struct address){.family = (uint8_t)family};
    if (family == ADDRESS_V4) {
        memcpy(to->octets, at, 4);
    } else if (family == ADDRESS_V6) {
        memcpy(to, at, V6_OCTETS);
    }
}

bool audit_event_split(const void *record, size_t len, struct audit_event_parts *out)
{
    const uint8_t *const octets = record;

    if (len < HEAD_OCTETS) {
        return false;
    }
    const unsigned family = octets[offsetof(struct head, client)];
    const size_t client = family_octets(family);
    if (len <= HEAD_OCTETS + client + PORT_OCTETS || !is_family(family) ||
        octets[offsetof(struct head, upstream)] != ADDRESS_NONE ||
        octets[offsetof(struct head, address)] != ADDRESS_NONE ||
        octets[offsetof(struct head, chain_count)] != 0 ||
        octets[offsetof(struct head, name_at)] != 0) {
        return false;
    }
    const uint8_t *const end = octets + len - client - PORT_OCTETS;
    memcpy(&out->wall_us, octets + offsetof(struct head, wall_us), sizeof(out->wall_us));
    memcpy(&out->latency_us, octets + offsetof(struct head, latency_us),
           sizeof(out->latency_us));
    out->same = octets + SAME;
    out->same_len = (size_t)(end - out->same);
    out->guess = audit_event_guess(record, len);
    get_sender(&out->client, family, end);
    memcpy(&out->client.port, end + client, PORT_OCTETS);
    out->who.kind = client > 0 ? AUDIT_CLIENT_ADDRESS : AUDIT_CLIENT_NONE;
    get_sender(&out->who.address, family, end);
    return true;
}
_Static_assert(HEAD_OCTETS - SAME == AUDIT_SAME_HEAD, "then comes the name");

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

    if (len >= HEAD_OCTETS) {
        memcpy(&wall_us, octets + offsetof(struct head, wall_us), sizeof(wall_us));
        memcpy(&latency_us, octets + offsetof(struct head, latency_us), sizeof(latency_us));
    }
    return wall_us + latency_us;
}
