#include "policy/answer.h"

#include "base/invariant.h"

#include <string.h>

/* CNAME and DNAME records of one answer that are looked at: a hop has two at most, and a chain
 * POLICY_HOPS_MAX hops; the rest is room for records that are off the chain. */
#define ALIASES_MAX 64u

/* SVCB targets whose records in the additional section are looked at one by one. */
#define TARGETS_MAX 16u

/* Rounds over the additional section: each may find the next alias of a chain of SVCB records
 * (RFC 9460, 2.4.2 asks clients to limit those). */
#define TARGET_ROUNDS 4u

struct aliases {
    struct wire_record at[ALIASES_MAX];
    unsigned count;
};

static bool read_name(const struct wire_message *message, const struct wire_record *record,
                      bool owner, struct wire_name *out)
{
    return (owner ? wire_record_owner(message, record, out)
                  : wire_record_name(message, record, 0, out)) == WIRE_OK;
}

/* All of the message is walked, so that a fault anywhere is seen. */
static enum policy_chain_result collect(const struct wire_message *message,
                                        struct aliases *aliases)
{
    struct wire_cursor cursor;
    struct wire_record record;
    int more;

    aliases->count = 0;
    wire_cursor_start(&cursor, message);
    while ((more = wire_cursor_next(&cursor, &record)) == 1) {
        if (record.section == WIRE_ANSWER && record.class == message->class &&
            (record.type == WIRE_CNAME || record.type == WIRE_DNAME)) {
            if (aliases->count == ALIASES_MAX) {
                return POLICY_CHAIN_TOO_LONG;
            }
            aliases->at[aliases->count++] = record;
        }
    }
    return more == 0 ? POLICY_CHAIN_OK : POLICY_CHAIN_MALFORMED;
}

/* One step along the chain. */
struct hop {
    bool found;
    bool is_answer; /* by a DNAME of the name itself, which was asked for */
    struct wire_name to;
};

/* Takes the target of a hop. Two targets for one name (RFC 2181, 10.1) could show one to us
 * and the other to the client. */
static bool take_target(const struct wire_name *target, struct hop *hop)
{
    if (hop->found) {
        return wire_name_equal(target, &hop->to);
    }
    hop->to = *target;
    hop->found = true;
    return true;
}

/* The hop that follows name, if there is one. False if malformed. */
static bool next_hop(const struct wire_message *message, const struct aliases *aliases,
                     const struct wire_name *name, struct hop *hop)
{
    struct wire_name owner, target, joined;

    hop->found = hop->is_answer = false;
    for (unsigned i = 0; i < aliases->count; i++) {
        const struct wire_record *record = &aliases->at[i];

        if (!read_name(message, record, true, &owner) ||
            !read_name(message, record, false, &target)) {
            return false;
        }
        if (record->type == WIRE_CNAME) {
            if (wire_name_equal(&owner, name) && !take_target(&target, hop)) {
                return false;
            }
        } else if (wire_name_is_within(name, &owner) && name->labels > owner.labels) {
            /* RFC 6672, 2.2: a name that would be too long has no answer (YXDOMAIN). */
            if (!wire_name_join(name, name->labels - owner.labels, &target, &joined) ||
                !take_target(&joined, hop)) {
                return false;
            }
        } else if (message->type == WIRE_DNAME && wire_name_equal(&owner, name)) {
            hop->is_answer = true;
            if (!take_target(&target, hop)) {
                return false;
            }
        }
    }
    return true;
}

enum policy_chain_result policy_chain_follow(const struct wire_message *message,
                                             struct policy_chain *chain)
{
    /* Asked for itself, an alias is the answer and not followed further: a CNAME at the first
     * hop, a DNAME where CNAMEs have led to its owner (RFC 1034, 4.3.2). */
    const bool one_hop = message->type == WIRE_CNAME || message->type == WIRE_ANY;
    struct aliases aliases;
    struct hop hop;

    chain->count = 0;
    if (message->counts[0] != 1) {
        return POLICY_CHAIN_MALFORMED;
    }
    chain->names[0] = message->name;
    chain->count = 1;
    const enum policy_chain_result result = collect(message, &aliases);
    if (result != POLICY_CHAIN_OK) {
        return result;
    }
    for (;;) {
        if (!next_hop(message, &aliases, &chain->names[chain->count - 1], &hop)) {
            return POLICY_CHAIN_MALFORMED;
        }
        if (!hop.found) {
            return POLICY_CHAIN_OK;
        }
        if (chain->count == POLICY_HOPS_MAX + 1 || policy_chain_has(chain, &hop.to)) {
            return POLICY_CHAIN_TOO_LONG;
        }
        chain->names[chain->count++] = hop.to;
        if (one_hop || hop.is_answer) {
            return POLICY_CHAIN_OK;
        }
    }
}

/* The place of a name on the chain, or count. */
static unsigned chain_find(const struct policy_chain *chain, const struct wire_name *name)
{
    unsigned i = 0;

    while (i < chain->count && !wire_name_equal(&chain->names[i], name)) {
        i++;
    }
    return i;
}

bool policy_chain_has(const struct policy_chain *chain, const struct wire_name *name)
{
    return chain_find(chain, name) < chain->count;
}

/* True if both hits come from one rule of one list. Its set may be another one: a rule stands
 * in the set of its name and in that of all below it, with different neighbours. */
static bool same_rule(const struct policy_hit *a, const struct policy_hit *b)
{
    if (a->list != b->list || a->match != b->match || a->kind != b->kind ||
        a->labels != b->labels || a->ground != b->ground || a->trigger != b->trigger ||
        a->mode != b->mode || a->trial != b->trial) {
        return false;
    }
    if (a->ground == POLICY_GROUND_RULE &&
        policy_trigger_is_address((enum policy_trigger)a->trigger)) {
        struct address_prefix one, other;

        return policy_hit_prefix(a, &one) && policy_hit_prefix(b, &other) &&
               memcmp(&one, &other, sizeof(one)) == 0;
    }
    struct wire_name left, right;
    wire_name_suffix(&a->name, a->labels, &left);
    wire_name_suffix(&b->name, b->labels, &right);
    return wire_name_equal(&left, &right);
}

/* hot. As *to = *from, but of the name what is used of it. */
static void copy_hit(struct policy_hit *to, const struct policy_hit *from)
{
    memcpy(to, from, offsetof(struct policy_hit, name));
    wire_name_copy(&to->name, &from->name);
    to->address = from->address;
}

_Static_assert(offsetof(struct policy_hit, address) >
                       offsetof(struct policy_hit, name) + offsetof(struct wire_name, labels) &&
                   sizeof(struct policy_hit) ==
                       offsetof(struct policy_hit, address) + sizeof(struct address),
               "copy_hit() copies all of it");

/* Adds a hit unless the same rule is there for the same trigger. */
static void add_hit(struct policy_hits *hits, const struct policy_hit *hit, unsigned room)
{
    for (unsigned i = 0; i < hits->count; i++) {
        if (same_rule(&hits->at[i], hit)) {
            return;
        }
    }
    if (hits->count < room) {
        copy_hit(&hits->at[hits->count++], hit);
    } else {
        hits->more = true;
    }
}

void policy_hits_start(struct policy_hits *hits, bool truncate_passes)
{
    hits->count = 0;
    hits->more = hits->passed = false;
    hits->truncate_passes = truncate_passes;
}

/* True if a hit that does not block is an event all the same. */
static bool is_event(const struct policy_hit *hit)
{
    return hit->action == POLICY_ACTION_LOG || hit->exception != 0 ||
           (hit->mode == POLICY_MODE_LOG && hit->action != POLICY_ACTION_PASS);
}

bool policy_hits_add(struct policy_hits *hits, const struct policy_outcome *outcome,
                     uint8_t *block)
{
    const bool passes = hits->truncate_passes && (outcome->enforced || outcome->denied) &&
                        outcome->hit.action == POLICY_ACTION_TRUNCATE;

    /* The last place is kept for the block that ends the walk. */
    if (outcome->logged) {
        add_hit(hits, &outcome->log_hit, POLICY_HITS_MAX - 1);
    }
    if (hits->passed) {
        return false;
    }
    if (outcome->tried) {
        add_hit(hits, &outcome->trial_hit, POLICY_HITS_MAX - 1);
    }
    hits->passed =
        outcome->enforced && outcome->hit.chain && outcome->hit.mode == POLICY_MODE_ENFORCE;
    if (policy_outcome_blocks(outcome) && !passes) {
        invariant(hits->count < POLICY_HITS_MAX);
        *block = hits->count;
        copy_hit(&hits->at[hits->count++], &outcome->hit);
        return true;
    }
    if (outcome->denied || (outcome->enforced && (is_event(&outcome->hit) || passes))) {
        add_hit(hits, &outcome->hit, POLICY_HITS_MAX - 1);
    }
    return false;
}

bool policy_decide_asked(const struct policy *policy, unsigned view,
                         const struct address *client, const struct wire_name *name,
                         struct policy_image_aim *aim, struct policy_hits *hits, uint8_t *block)
{
    struct policy_outcome outcome;

    if (aim != NULL && policy_image_is_missed(aim) && policy_view_is_open(policy, view)) {
        return false; /* most names */
    }
    if (policy_view_minds_clients(policy, view)) {
        policy_decide_client(policy, view, client, &outcome);
        if (policy_hits_add(hits, &outcome, block)) {
            return true;
        }
    }
    if (aim != NULL) {
        policy_decide_aimed(policy, view, name, aim, &outcome);
    } else {
        policy_decide_question(policy, view, name, &outcome);
    }
    if (!outcome.enforced && !outcome.denied && !outcome.logged && !outcome.tried) {
        return false;
    }
    return policy_hits_add(hits, &outcome, block);
}

/* What a walk over one answer needs. */
struct walk {
    const struct wire_message *message;
    const struct policy_chain *chain;
    policy_see *see;
    void *context;

    struct wire_name targets[TARGETS_MAX];
    uint8_t target_hops[TARGETS_MAX]; /* of the owner of each */
    unsigned target_count;
    bool any_target; /* there were more: every additional record counts */
    bool has_others; /* targets of other records */
};

static bool see_name(struct walk *walk, enum policy_trigger trigger, unsigned hop,
                     const struct wire_name *name)
{
    const struct policy_seen seen = {trigger, (uint8_t)hop, name, NULL};

    return walk->see(walk->context, &seen);
}

static bool see_address(struct walk *walk, unsigned hop, const struct wire_name *owner,
                        const struct address *address)
{
    const struct policy_seen seen = {POLICY_TRIGGER_ADDRESS, (uint8_t)hop, owner, address};

    return walk->see(walk->context, &seen);
}

/* True if the record counts; *owner and *hop are then set: it is owned by a name of the chain,
 * or stands in the additional section and is owned by an SVCB target. */
static bool counts(const struct walk *walk, const struct wire_record *record,
                   struct wire_name *owner, unsigned *hop)
{
    if (record->section == WIRE_AUTHORITY || record->class != walk->message->class ||
        !read_name(walk->message, record, true, owner)) {
        return false;
    }
    *hop = chain_find(walk->chain, owner);
    if (*hop < walk->chain->count) {
        return true;
    }
    if (record->section != WIRE_ADDITIONAL) {
        return false;
    }
    for (unsigned i = 0; i < walk->target_count; i++) {
        if (wire_name_equal(&walk->targets[i], owner)) {
            *hop = walk->target_hops[i];
            return true;
        }
    }
    *hop = walk->chain->count - 1u;
    return walk->any_target;
}

static bool is_svcb(const struct wire_record *record)
{
    return record->type == WIRE_SVCB || record->type == WIRE_HTTPS;
}

/* The record's target; false if it has none of its own. A record that is malformed elsewhere
 * still shows its target to a client that is less strict. */
static bool svcb_target(const struct wire_message *message, const struct wire_record *record,
                        struct wire_name *out)
{
    return wire_record_name(message, record, 2, out) == WIRE_OK && out->labels > 0;
}

/* Octets before the name that such a record leads to; -1 for other types. */
static int other_offset(uint16_t type)
{
    switch (type) {
    case WIRE_NS:
    case WIRE_PTR:
        return 0; /* RFC 1035, 3.3.11 and 3.3.12 */
    case WIRE_MX:
        return 2; /* preference: RFC 1035, 3.3.9 */
    case WIRE_SRV:
        return 6; /* priority, weight, port: RFC 2782 */
    default:
        return -1;
    }
}

/* Targets of MX, SRV, NS and PTR records of the answer. The root is none ("no service", RFC
 * 2782; "null MX", RFC 7505). */
static bool walk_others(struct walk *walk)
{
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name owner, target;
    unsigned hop = 0;

    wire_cursor_start(&cursor, walk->message);
    while (wire_cursor_next(&cursor, &record) == 1) {
        const int offset = record.section == WIRE_ANSWER ? other_offset(record.type) : -1;

        if (offset >= 0 && counts(walk, &record, &owner, &hop) &&
            wire_record_name(walk->message, &record, (size_t)offset, &target) == WIRE_OK &&
            target.labels > 0 && see_name(walk, POLICY_TRIGGER_TARGET, hop, &target)) {
            return true;
        }
    }
    return false;
}

static void remember_target(struct walk *walk, const struct wire_name *target, unsigned hop)
{
    for (unsigned i = 0; i < walk->target_count; i++) {
        if (wire_name_equal(&walk->targets[i], target)) {
            return;
        }
    }
    if (walk->target_count == TARGETS_MAX) {
        walk->any_target = true;
        return;
    }
    walk->targets[walk->target_count] = *target;
    walk->target_hops[walk->target_count++] = (uint8_t)hop;
}

/* One round over the targets. A target that was decided before gives the same hit again,
 * which is kept once. */
static bool walk_targets(struct walk *walk)
{
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name owner, target;
    unsigned hop = 0;

    wire_cursor_start(&cursor, walk->message);
    while (wire_cursor_next(&cursor, &record) == 1) {
        walk->has_others |= record.section == WIRE_ANSWER && other_offset(record.type) >= 0;
        if (is_svcb(&record) && counts(walk, &record, &owner, &hop) &&
            svcb_target(walk->message, &record, &target)) {
            remember_target(walk, &target, hop);
            if (see_name(walk, POLICY_TRIGGER_SVCB, hop, &target)) {
                return true;
            }
        }
    }
    return false;
}

static bool walk_hints(struct walk *walk, const struct wire_record *record,
                       const struct wire_name *owner, unsigned hop)
{
    struct wire_svcb svcb;

    if (!wire_record_svcb(walk->message, record, &svcb)) {
        return false;
    }
    for (size_t i = 0; i < svcb.hints4_count; i++) {
        struct address address = {.family = ADDRESS_V4};

        memcpy(address.octets, svcb.hints4 + 4 * i, 4);
        if (see_address(walk, hop, owner, &address)) {
            return true;
        }
    }
    for (size_t i = 0; i < svcb.hints6_count; i++) {
        struct address address = {.family = ADDRESS_V6};

        memcpy(address.octets, svcb.hints6 + 16 * i, 16);
        if (see_address(walk, hop, owner, &address)) {
            return true;
        }
    }
    return false;
}

static bool walk_addresses(struct walk *walk)
{
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name owner;
    struct address address;
    unsigned hop = 0;

    wire_cursor_start(&cursor, walk->message);
    while (wire_cursor_next(&cursor, &record) == 1) {
        const bool plain = record.type == WIRE_A || record.type == WIRE_AAAA;

        if ((!plain && !is_svcb(&record)) || !counts(walk, &record, &owner, &hop)) {
            continue;
        }
        if (!plain) {
            if (walk_hints(walk, &record, &owner, hop)) {
                return true;
            }
        } else if (wire_record_address(walk->message, &record, &address) &&
                   see_address(walk, hop, &owner, &address)) {
            return true;
        }
    }
    return false;
}

bool policy_answer_walk(const struct wire_message *message, const struct policy_chain *chain,
                        policy_see *see, void *context)
{
    struct walk walk;

    walk.message = message;
    walk.chain = chain;
    walk.see = see;
    walk.context = context;
    walk.target_count = 0;
    walk.any_target = walk.has_others = false;
    for (unsigned hop = 1; hop < chain->count; hop++) {
        if (see_name(&walk, POLICY_TRIGGER_HOP, hop, &chain->names[hop])) {
            return true;
        }
    }
    for (unsigned round = 0; round < TARGET_ROUNDS; round++) {
        const unsigned before = walk.target_count;

        if (walk_targets(&walk)) {
            return true;
        }
        if (walk.target_count == before) {
            break;
        }
    }
    if (walk.has_others && walk_others(&walk)) {
        return true;
    }
    return walk_addresses(&walk);
}

/* Where the decision on one answer stands. */
struct decision {
    const struct policy *policy;
    unsigned view;
    const struct wire_name *asked;
    bool no_addresses; /* no list has a prefix */
    struct policy_hits *hits;
    uint8_t *block;
    bool blocked;
};

static bool decide_seen(void *context, const struct policy_seen *seen)
{
    struct decision *decision = context;
    struct policy_outcome outcome;

    if (seen->address == NULL) {
        policy_decide_name(decision->policy, decision->view, seen->trigger, seen->hop,
                           seen->name, &outcome);
    } else if (decision->no_addresses) {
        return true; /* they are last */
    } else {
        policy_decide_address(decision->policy, decision->view, seen->trigger, seen->hop,
                              seen->name, seen->address, &outcome);
    }
    policy_except_chain(decision->policy, decision->view, decision->asked, &outcome);
    decision->blocked = policy_hits_add(decision->hits, &outcome, decision->block);
    return decision->blocked;
}

bool policy_decide_answer(const struct policy *policy, unsigned view,
                          const struct wire_message *message, const struct policy_chain *chain,
                          struct policy_hits *hits, uint8_t *block)
{
    struct decision decision = {policy, view, &chain->names[0], false, hits, block, false};
    struct policy_image_stats stats;

    policy_image_stats(policy_image_of(policy), &stats);
    decision.no_addresses = stats.prefixes == 0;
    policy_answer_walk(message, chain, decide_seen, &decision);
    return decision.blocked;
}

static bool see_rule(void *context, const struct policy_seen *seen)
{
    const struct policy_image *image = context;
    struct policy_matches matches;

    if (seen->address == NULL) {
        policy_image_find_name(image, seen->name, &matches);
    } else {
        policy_image_find_address(image, POLICY_SUBJECT_ANSWER, seen->address, &matches);
    }
    return matches.count > 0;
}

bool policy_answer_is_untouched(const struct policy_image *image,
                                const struct wire_message *message,
                                const struct policy_chain *chain)
{
    /* The walk hands its context on as it got it. */
    return !policy_answer_walk(message, chain, see_rule, (void *)(uintptr_t)image);
}
