/* libcordon: decisions, and their rules in words. Nothing here allocates. */
#include "library/policy.h"
#include "policy/answer.h"
#include "policy/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(CORDON_MATCHES_MAX >= POLICY_HITS_MAX, "every hit finds its place");
_Static_assert(CORDON_NAME_MAX == WIRE_NAME_MAX && CORDON_NAME_TEXT_MAX == WIRE_NAME_TEXT_MAX,
               "what is public has the sizes of the engine");

/* A name of the engine from one of a caller: exactly len octets, uncompressed. */
bool library_read_name(const uint8_t *octets, size_t len, struct wire_name *name)
{
    size_t at = 0;

    return octets != NULL && len <= WIRE_NAME_MAX &&
           wire_name_read(octets, len, &at, name) == WIRE_OK && at == len && name->len == len;
}

bool library_read_client(int family, const uint8_t *octets, struct address *client)
{
    *client = (struct address){.family = ADDRESS_NONE};
    if (family == 0) {
        return true;
    }
    if (octets == NULL || (family != 4 && family != 6)) {
        return false;
    }
    client->family = family == 4 ? ADDRESS_V4 : ADDRESS_V6;
    memcpy(client->octets, octets, address_octets(client));
    return true;
}

static void write_name(const struct wire_name *from, struct cordon_name *to)
{
    memcpy(to->octets, from->octets, from->len);
    to->len = from->len;
}

int cordon_name_from_text(const char *text, struct cordon_name *name)
{
    struct wire_name parsed;

    if (text == NULL || wire_name_from_text(text, strlen(text), &parsed) != WIRE_TEXT_OK) {
        return CORDON_E_FORMAT;
    }
    write_name(&parsed, name);
    return 0;
}

size_t cordon_name_to_text(const struct cordon_name *name, char out[CORDON_NAME_TEXT_MAX])
{
    struct wire_name parsed;

    if (!library_read_name(name->octets, name->len, &parsed)) {
        out[0] = '\0';
        return 0;
    }
    return wire_name_to_text(&parsed, out);
}

/* What is public keeps its numbers, and its order is that of its coming. */
static const uint8_t triggers[POLICY_TRIGGERS] = {
    [POLICY_TRIGGER_CLIENT] = CORDON_TRIGGER_CLIENT,
    [POLICY_TRIGGER_QNAME] = CORDON_TRIGGER_QNAME,
    [POLICY_TRIGGER_HOP] = CORDON_TRIGGER_HOP,
    [POLICY_TRIGGER_SVCB] = CORDON_TRIGGER_SVCB,
    [POLICY_TRIGGER_TARGET] = CORDON_TRIGGER_TARGET,
    [POLICY_TRIGGER_ADDRESS] = CORDON_TRIGGER_ADDRESS,
    [POLICY_TRIGGER_NAMESERVER] = CORDON_TRIGGER_NAMESERVER,
    [POLICY_TRIGGER_NAMESERVER_ADDRESS] = CORDON_TRIGGER_NAMESERVER_ADDRESS,
};

/* POLICY_TRIGGERS if there is none of that number. */
static unsigned trigger_of(int number)
{
    unsigned i = 0;

    while (i < POLICY_TRIGGERS && triggers[i] != number) {
        i++;
    }
    return i;
}

void library_write_match(const struct policy_hit *hit, struct cordon_match *match)
{
    match->list = hit->list;
    match->rule[0] = hit->set;
    match->rule[1] =
        (uint32_t)hit->row | (uint32_t)hit->kind << 16 | (uint32_t)hit->family << 24;
    match->trigger = triggers[hit->trigger];
    match->hop = hit->hop;
    match->mode = hit->mode;
    match->action = hit->action;
    match->labels = hit->labels;
    match->family = (uint8_t)(hit->address.family == ADDRESS_V4   ? 4
                              : hit->address.family == ADDRESS_V6 ? 6
                                                                  : 0);
    memcpy(match->address, hit->address.octets, sizeof(match->address));
    write_name(&hit->name, &match->name);
}

/* False if it has no name or trigger: then no decision of ours has made it. */
static bool read_match(const struct cordon_match *match, struct policy_hit *hit)
{
    const unsigned trigger = trigger_of(match->trigger);

    if (trigger == POLICY_TRIGGERS) {
        return false;
    }
    *hit = (struct policy_hit){
        .set = match->rule[0],
        .row = (uint16_t)match->rule[1],
        .kind = (uint8_t)(match->rule[1] >> 16),
        .family = (uint8_t)(match->rule[1] >> 24),
        .list = (uint8_t)match->list,
        .trigger = (uint8_t)trigger,
        .hop = match->hop,
        .mode = match->mode,
        .action = match->action,
        .labels = match->labels,
        .address.family = (uint8_t)(match->family == 4   ? ADDRESS_V4
                                    : match->family == 6 ? ADDRESS_V6
                                                         : ADDRESS_NONE),
    };
    memcpy(hit->address.octets, match->address, sizeof(match->address));
    return library_read_name(match->name.octets, match->name.len, &hit->name);
}

static void write_decision(const struct policy_hits *hits, bool blocked, uint8_t block,
                           struct cordon_decision *out)
{
    out->blocked = blocked;
    out->block = block;
    out->count = hits->count;
    out->more = hits->more;
    for (unsigned i = 0; i < hits->count; i++) {
        library_write_match(&hits->at[i], &out->matches[i]);
    }
}

/* The client, if there is one, then the name. */
static bool decide_asked(const struct cordon_policy *policy, const struct address *client,
                         const struct wire_name *name, struct policy_hits *hits, uint8_t *block)
{
    struct policy_outcome outcome;

    policy_hits_start(hits, false);
    if (client->family != ADDRESS_NONE) {
        return policy_decide_asked(policy->policy, LIBRARY_VIEW, client, name, NULL, hits,
                                   block);
    }
    policy_decide_question(policy->policy, LIBRARY_VIEW, name, &outcome);
    return policy_hits_add(hits, &outcome, block);
}

int cordon_decide_name_for(const struct cordon_policy *policy, int family,
                           const uint8_t *client, const uint8_t *name, size_t len,
                           struct cordon_decision *decision)
{
    struct policy_hits hits;
    struct address address;
    struct wire_name parsed;
    uint8_t block = 0;

    if (decision->size != sizeof(*decision)) {
        return -EINVAL;
    }
    if (!library_read_client(family, client, &address) ||
        !library_read_name(name, len, &parsed)) {
        return CORDON_E_FORMAT;
    }
    const bool blocked = decide_asked(policy, &address, &parsed, &hits, &block);
    write_decision(&hits, blocked, block, decision);
    return 0;
}

int cordon_decide_name(const struct cordon_policy *policy, const uint8_t *name, size_t len,
                       struct cordon_decision *decision)
{
    return cordon_decide_name_for(policy, 0, NULL, name, len, decision);
}

int cordon_decide_address(const struct cordon_policy *policy, int family, const uint8_t *octets,
                          struct cordon_decision *decision)
{
    static const struct wire_name root = {.octets = {0}, .len = 1};
    struct address address = {.family = family == 4 ? ADDRESS_V4 : ADDRESS_V6};
    struct policy_hits hits = {.count = 0};
    struct policy_outcome outcome;
    uint8_t block = 0;

    if (decision->size != sizeof(*decision)) {
        return -EINVAL;
    }
    if (octets == NULL || (family != 4 && family != 6)) {
        return CORDON_E_FORMAT;
    }
    memcpy(address.octets, octets, address_octets(&address));
    policy_decide_address(policy->policy, LIBRARY_VIEW, POLICY_TRIGGER_ADDRESS, 0, &root,
                          &address, &outcome);
    const bool blocked = policy_hits_add(&hits, &outcome, &block);
    write_decision(&hits, blocked, block, decision);
    return 0;
}

int cordon_decide_message_for(const struct cordon_policy *policy, int family,
                              const uint8_t *client, const uint8_t *octets, size_t len,
                              struct cordon_decision *decision)
{
    struct policy_hits hits;
    struct policy_chain chain;
    struct wire_message message;
    struct address address;
    uint8_t block = 0;

    if (decision->size != sizeof(*decision)) {
        return -EINVAL;
    }
    if (octets == NULL || !library_read_client(family, client, &address) ||
        wire_message_open(octets, len, &message) != WIRE_OK || message.counts[0] != 1) {
        return CORDON_E_FORMAT;
    }
    bool blocked = decide_asked(policy, &address, &message.name, &hits, &block);
    if (!blocked) {
        if (policy_chain_follow(&message, &chain) != POLICY_CHAIN_OK) {
            return CORDON_E_FORMAT;
        }
        blocked =
            policy_decide_answer(policy->policy, LIBRARY_VIEW, &message, &chain, &hits, &block);
    }
    write_decision(&hits, blocked, block, decision);
    return 0;
}

int cordon_decide_message(const struct cordon_policy *policy, const uint8_t *octets, size_t len,
                          struct cordon_decision *decision)
{
    return cordon_decide_message_for(policy, 0, NULL, octets, len, decision);
}

/* The row of a match; false if it is none of this policy's. */
static bool row_of(const struct cordon_policy *policy, const struct cordon_match *match,
                   struct policy_hit *hit, struct policy_row *row)
{
    return read_match(match, hit) && policy_hit_row(policy->policy, hit, row) &&
           row->list == match->list;
}

int cordon_match_rule(const struct cordon_policy *policy, const struct cordon_match *match,
                      struct cordon_rule *rule)
{
    struct policy_hit hit;
    struct policy_row row;

    if (rule->size != sizeof(*rule) || !row_of(policy, match, &hit, &row)) {
        return -EINVAL;
    }
    rule->kind = policy_kind_name(row.kind);
    rule->match = policy_match_name(row.match);
    rule->category = row.category;
    rule->scope = policy_scope_name(row.scope);
    rule->confidence = policy_confidence_name(row.confidence);
    return 0;
}

size_t cordon_match_text(const struct cordon_policy *policy, const struct cordon_match *match,
                         char *out, size_t size)
{
    char words[POLICY_RULE_TEXT_MAX];
    struct policy_hit hit;
    struct policy_row row;

    words[0] = '\0';
    if (row_of(policy, match, &hit, &row)) {
        (void)policy_hit_rule(&hit, &row, words, sizeof(words));
    }
    return (size_t)snprintf(out, size, "%s", words);
}

size_t cordon_match_ede(const struct cordon_policy *policy, const struct cordon_match *match,
                        char *out, size_t size)
{
    char words[POLICY_EDE_MAX];
    struct policy_hit hit;
    struct policy_row row;

    words[0] = '\0';
    if (row_of(policy, match, &hit, &row)) {
        policy_words_ede(policy->policy, &hit, "default", words);
    }
    return (size_t)snprintf(out, size, "%s", words);
}

int cordon_match_redirect(const struct cordon_policy *policy, const struct cordon_match *match,
                          const struct cordon_name *asked, struct cordon_name *target)
{
    struct policy_hit hit;
    struct policy_row row;
    struct wire_name name, led;

    if (!row_of(policy, match, &hit, &row) ||
        !library_read_name(asked->octets, asked->len, &name) ||
        !policy_hit_redirect(policy->policy, LIBRARY_VIEW, &hit, &name, &led)) {
        return -ENOENT;
    }
    write_name(&led, target);
    return 0;
}

const char *cordon_action_name(int action)
{
    return action <= CORDON_ACTION_DEFAULT ? NULL
                                           : policy_action_name((enum policy_action)action);
}

const char *cordon_trigger_name(int trigger)
{
    return policy_trigger_name((enum policy_trigger)trigger_of(trigger));
}

const char *cordon_mode_name(int mode)
{
    return mode < CORDON_MODE_OFF ? NULL : policy_mode_name((enum policy_mode)mode);
}
