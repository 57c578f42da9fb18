/*
 * audit/event_row.c - an event as a row of the audit log (docs/audit-log.md).
 *
 * The same facts as in the line of JSON (json.c), in the forms that the log packs and searches:
 * names and addresses as octets, what a list says as one text.
 */
#include "audit/event_row.h"

#include <string.h>

static void add_word(struct audit_row *row, enum audit_column column, const char *words)
{
    if (words != NULL && words[0] != '\0') {
        audit_row_text(row, column, words);
    }
}

static void add_name(struct audit_row *row, enum audit_column column,
                     const struct wire_name *name)
{
    audit_row_octets(row, column, name->octets, name->len);
}

/* The port is that of the address: without one it would tell apart what is not to be. */
static void add_client(struct audit_row *row, const struct audit_event *event,
                       uint8_t out[AUDIT_ADDRESS_MAX])
{
    const size_t len = audit_client_put(&event->who, out);

    if (len > 0) {
        audit_row_octets(row, AUDIT_CLIENT, out, len);
    }
    if (event->client.family != ADDRESS_NONE || event->who.kind == AUDIT_CLIENT_ADDRESS) {
        audit_row_number(row, AUDIT_CLIENT_PORT, event->client.port);
    }
}

static void add_upstream(struct audit_row *row, const struct address *upstream,
                         uint8_t out[AUDIT_ADDRESS_MAX])
{
    if (upstream->family != ADDRESS_NONE) {
        audit_row_octets(row, AUDIT_UPSTREAM, out, audit_address_put(upstream, true, out));
    }
}

static void add_cached(struct audit_row *row, unsigned cached)
{
    audit_row_number(row, AUDIT_CACHED, cached != AUDIT_CACHED_NOT);
    if (cached == AUDIT_CACHED_STALE) {
        audit_row_number(row, AUDIT_STALE, 1);
    }
}

static void add_question(struct audit_row *row, const struct audit_event *event,
                         const char *view_name)
{
    audit_row_text(row, AUDIT_TRANSPORT, event->transport == AUDIT_TCP ? "tcp" : "udp");
    audit_row_text(row, AUDIT_VIEW, view_name);
    audit_row_number(row, AUDIT_RCODE, event->rcode);
    add_cached(row, event->cached);
    audit_row_number(row, AUDIT_GENERATION, event->generation);
}

/* What differs from question to question. */
static void add_question_own(struct audit_row *row, const struct audit_event *event,
                             struct audit_event_words *words)
{
    audit_row_number(row, AUDIT_TIME, event->wall_us);
    add_client(row, event, words->client);
    add_name(row, AUDIT_NAME, &event->name);
    audit_row_number(row, AUDIT_TYPE, event->type);
    audit_row_number(row, AUDIT_LATENCY, event->latency_us);
    add_upstream(row, &event->upstream, words->upstream);
}

static void add_action(struct audit_row *row, const struct audit_event *event,
                       const struct policy *policy, struct audit_event_words *words)
{
    const struct policy_hit *hit = &event->hit;

    audit_row_text(row, AUDIT_ACTION, policy_action_name((enum policy_action)hit->action));
    if (hit->action == POLICY_ACTION_REDIRECT &&
        policy_hit_redirect(policy, event->view, hit, &event->name, &words->redirect)) {
        add_name(row, AUDIT_REDIRECT, &words->redirect);
    }
    audit_row_text(row, AUDIT_MODE, policy_mode_name((enum policy_mode)hit->mode));
    audit_row_number(row, AUDIT_APPLIED, event->applied);
    audit_row_number(row, AUDIT_PAUSED, policy_hit_is_paused(policy, event->view, hit));
}

/* False if the policy has no such exception. */
static bool add_exception(struct audit_row *row, const struct audit_event *event,
                          const struct policy *policy, struct audit_event_words *words)
{
    const struct policy_exception *exception = policy_hit_exception(policy, &event->hit);

    if (exception == NULL) {
        return event->hit.exception == 0;
    }
    if (exception->is_rule) {
        audit_row_octets(row, AUDIT_SUBJECT, words->exception,
                         policy_exception_subject(exception, words->exception));
    } else {
        add_name(row, AUDIT_EXCEPTION, &exception->name);
    }
    add_word(row, AUDIT_ID, exception->id);
    add_word(row, AUDIT_TICKET, exception->ticket);
    add_word(row, AUDIT_LICENCE, exception->licence);
    add_word(row, AUDIT_APPROVER, exception->approver);
    return true;
}

/* False if the policy has no such list. */
static bool add_basis(struct audit_row *row, const struct policy *policy, size_t index,
                      struct audit_list_words *lists, struct audit_event_words *words)
{
    const struct audit_list_said *said = audit_list_words_of(lists, policy, index);
    struct policy_image_list list;

    if (said != NULL) {
        audit_row_octets(row, AUDIT_BASIS, said->basis, said->basis_len);
        return true;
    }
    if (!policy_image_list_at(policy_image_of(policy), index, &list)) {
        return false;
    }
    audit_row_octets(row, AUDIT_BASIS, words->basis, audit_list_basis(&list, words->basis));
    return true;
}

/* False if the policy has no such rule. */
static bool add_rule(struct audit_row *row, const struct audit_event *event,
                     const struct policy *policy, struct audit_list_words *lists,
                     struct audit_event_words *words, struct policy_row *rule)
{
    const struct policy_hit *hit = &event->hit;

    if (!policy_hit_row(policy, hit, rule) || rule->kind != hit->kind ||
        !add_basis(row, policy, rule->list, lists, words)) {
        return false;
    }
    audit_row_text(row, AUDIT_STATE, audit_event_stage(hit, policy));
    add_word(row, AUDIT_CATEGORY, rule->category);
    audit_row_text(row, AUDIT_SCOPE, policy_scope_name(rule->scope));
    audit_row_text(row, AUDIT_CONFIDENCE, policy_confidence_name(rule->confidence));
    return true;
}

static void add_match(struct audit_row *row, const struct audit_event *event)
{
    const struct policy_hit *hit = &event->hit;

    audit_row_text(row, AUDIT_TRIGGER, policy_trigger_name((enum policy_trigger)hit->trigger));
    audit_row_number(row, AUDIT_HOP, hit->hop);
}

static void add_match_own(struct audit_row *row, const struct audit_event *event,
                          struct audit_event_words *words)
{
    const struct policy_hit *hit = &event->hit;
    size_t len = 0;

    add_name(row, AUDIT_MATCHED, &hit->name);
    if (hit->address.family != ADDRESS_NONE) {
        audit_row_octets(row, AUDIT_MATCHED_ADDRESS, words->address,
                         audit_address_put(&hit->address, false, words->address));
    }
    for (uint8_t i = 0; i < event->chain.count; i++) {
        const struct wire_name *name = &event->chain.names[i];

        memcpy(words->chain + len, name->octets, name->len);
        len += name->len;
    }
    if (len > 0) {
        audit_row_octets(row, AUDIT_CHAIN, words->chain, len);
    }
}

_Static_assert((POLICY_HOPS_MAX + 1u) * WIRE_NAME_MAX <= AUDIT_TEXT_MAX,
               "a chain is longer than a text");

bool audit_event_row_own(const struct audit_event *event, const struct policy_row *rule,
                         struct audit_event_words *words, struct audit_row *row)
{
    add_question_own(row, event, words);
    if (rule == NULL) {
        return true;
    }
    const size_t len = policy_hit_rule(&event->hit, rule, words->rule, sizeof(words->rule));
    audit_row_octets(row, AUDIT_RULE, words->rule, len);
    add_match_own(row, event, words);
    return len > 0;
}

bool audit_event_row(const struct audit_event *event, const struct policy *policy,
                     const char *view_name, struct audit_list_words *lists,
                     struct audit_event_words *words, struct audit_row *row)
{
    const bool is_rule = event->hit.ground == POLICY_GROUND_RULE;
    struct policy_row rule;

    if (view_name == NULL || event->view >= policy_view_count(policy)) {
        return false;
    }
    row->present = 0;
    audit_row_text(row, AUDIT_EVENT,
                   is_rule ? "decision"
                           : policy_words_ground((enum policy_ground)event->hit.ground));
    add_question(row, event, view_name);
    add_action(row, event, policy, words);
    if (!add_exception(row, event, policy, words)) {
        return false;
    }
    if (is_rule) {
        if (!add_rule(row, event, policy, lists, words, &rule)) {
            return false;
        }
        add_match(row, event);
    }
    audit_row_octets(row, AUDIT_EDE, words->ede,
                     policy_words_ede(policy, &event->hit, view_name, words->ede));
    return audit_event_row_own(event, is_rule ? &rule : NULL, words, row);
}

/*
 * Questions. Every one makes a record, so it is small: a head, the octets of the addresses that
 * there are, the name. Records never leave the process.
 */

struct question_head {
    uint64_t generation; /* first, as in the record of an event */
    uint64_t wall_us;
    uint32_t latency_us; /* from here to `cached` in the order of struct audit_question: */
    uint16_t type;       /* copied in one piece */
    uint8_t view, rcode, transport, cached;
    uint8_t client, upstream; /* families */
    uint16_t upstream_port;
    uint32_t client_scope, upstream_scope;
    uint8_t name_len;
};

_Static_assert(sizeof(struct question_head) + 2 * 16 + WIRE_NAME_MAX <= AUDIT_QUESTION_MAX,
               "AUDIT_QUESTION_MAX is too small");

static size_t family_octets(unsigned family)
{
    static const uint8_t octets[8] = {[ADDRESS_V4] = 4, [ADDRESS_V6] = 16};

    return family < sizeof(octets) ? octets[family] : 0;
}

/* Octets that a short name is copied with, whatever its length: faster than asking for it. What
 * is behind the name is not committed. */
#define SHORT_NAME 32u
_Static_assert(sizeof(((struct wire_name *)NULL)->octets) >= SHORT_NAME, "a name has them");
_Static_assert(SHORT_NAME <= WIRE_NAME_MAX, "and the longest record has room for them");

/* hot. Room for the longest is asked for: the length is known once it is written. */
bool audit_question_put(struct ring *ring, const struct audit_question *question)
{
    const struct address *const client = question->client;
    const struct address *const upstream = question->upstream;
    const struct wire_name *const name = question->name;
    uint8_t *const start = ring_reserve(ring, AUDIT_QUESTION_MAX);

    if (start == NULL) {
        return false;
    }
    /* Records begin where any number may. */
    *(struct question_head *)(void *)start = (struct question_head){
        .generation = question->generation,
        .wall_us = question->wall_us,
        .latency_us = question->latency_us,
        .type = question->type,
        .view = question->view,
        .rcode = question->rcode,
        .transport = question->transport,
        .cached = question->cached,
        .client = client->family,
        .upstream = upstream->family,
        .upstream_port = upstream->port,
        .client_scope = client->scope,
        .upstream_scope = upstream->scope,
        .name_len = name->len,
    };
    /* Each of a length that is known here; what follows overwrites what is too much. */
    uint8_t *at = start + sizeof(struct question_head);
    memcpy(at, client->octets, 16);
    at += family_octets(client->family);
    memcpy(at, upstream->octets, 16);
    at += family_octets(upstream->family);
    if (name->len <= SHORT_NAME) {
        memcpy(at, name->octets, SHORT_NAME);
    } else {
        memcpy(at, name->octets, name->len);
    }
    ring_commit(ring, (size_t)(at - start) + name->len);
    return true;
}

uint64_t audit_question_answered(const void *record, size_t len)
{
    struct question_head head;

    if (len < sizeof(head)) {
        return 0;
    }
    memcpy(&head, record, sizeof(head));
    return head.wall_us + head.latency_us;
}

const uint8_t *audit_question_name(const void *record, size_t len, size_t *name_len)
{
    struct question_head head;

    if (len < sizeof(head)) {
        return NULL;
    }
    memcpy(&head, record, sizeof(head));
    if (head.name_len == 0 || head.name_len > len - sizeof(head)) {
        return NULL;
    }
    *name_len = head.name_len;
    return (const uint8_t *)record + (len - head.name_len);
}

static size_t put_address(unsigned family, const uint8_t *octets, uint16_t port, uint32_t scope,
                          uint8_t out[AUDIT_ADDRESS_MAX])
{
    struct address address = {.port = port, .scope = scope, .family = (uint8_t)family};

    memcpy(address.octets, octets, family_octets(family));
    return audit_address_put(&address, port != 0, out);
}

bool audit_question_own(const void *record, size_t len, struct audit_event_words *words,
                        struct audit_row *row, struct audit_question_steady *steady)
{
    const uint8_t *at = record;
    struct question_head head;

    if (len < sizeof(head)) {
        return false;
    }
    memcpy(&head, at, sizeof(head));
    const size_t client = family_octets(head.client);
    const size_t upstream = family_octets(head.upstream);
    at += sizeof(head);
    if (len != sizeof(head) + client + upstream + head.name_len || head.name_len == 0 ||
        (client == 0) != (head.client == ADDRESS_NONE) ||
        (upstream == 0) != (head.upstream == ADDRESS_NONE)) {
        return false;
    }
    row->present = 0;
    row->follows = 0;
    audit_row_number(row, AUDIT_TIME, head.wall_us);
    if (client > 0) {
        audit_row_octets(row, AUDIT_CLIENT, words->client,
                         put_address(head.client, at, 0, head.client_scope, words->client));
    }
    audit_row_octets(row, AUDIT_NAME, at + client + upstream, head.name_len);
    audit_row_number(row, AUDIT_TYPE, head.type);
    audit_row_number(row, AUDIT_LATENCY, head.latency_us);
    if (upstream > 0) {
        audit_row_octets(row, AUDIT_UPSTREAM, words->upstream,
                         put_address(head.upstream, at + client, head.upstream_port,
                                     head.upstream_scope, words->upstream));
    }
    *steady =
        (struct audit_question_steady){head.view, head.transport, head.rcode, head.cached};
    return true;
}

void audit_question_steady(const struct audit_question_steady *steady, const char *view_name,
                           struct audit_row *row)
{
    audit_row_text(row, AUDIT_EVENT, "query");
    audit_row_text(row, AUDIT_TRANSPORT, steady->transport == AUDIT_TCP ? "tcp" : "udp");
    audit_row_text(row, AUDIT_VIEW, view_name);
    audit_row_number(row, AUDIT_RCODE, steady->rcode);
    add_cached(row, steady->cached);
}

bool audit_question_row(const void *record, size_t len, const char *view_name,
                        struct audit_event_words *words, struct audit_row *row)
{
    struct audit_question_steady steady;

    if (view_name == NULL || !audit_question_own(record, len, words, row, &steady)) {
        return false;
    }
    audit_question_steady(&steady, view_name, row);
    return true;
}
