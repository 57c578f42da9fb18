/*
 * audit/json.c - an event as one line of JSON. The fields are described in docs/events.md.
 *
 * Every line has every field, null where it does not apply: columns stay columns. What the
 * record has as numbers becomes words by way of the policy that decided.
 */
#include "audit/event.h"
#include "audit/list_words.h"
#include "audit/shown.h"
#include "audit/stencil.h"

#include "base/clock.h"
#include "base/text.h"
#include "policy/words.h"
#include "wire/type.h"

#include <string.h>

/* Where a part of the line begins and ends that differs between events of one kind: stencil.c.
 */
static void open_hole(const struct text *text, struct audit_holes *holes, enum audit_hole hole)
{
    if (holes != NULL) {
        holes->at[hole].from = text->len;
    }
}

static void close_hole(const struct text *text, struct audit_holes *holes, enum audit_hole hole)
{
    if (holes != NULL) {
        holes->at[hole].to = text->len;
    }
}

static void add_name(struct text *text, const char *key, const struct wire_name *name)
{
    char words[WIRE_NAME_TEXT_MAX];
    const size_t len = wire_name_to_text(name, words);

    json_string_n(text, key, words, len);
}

static void add_address(struct text *text, const char *key, const struct address *address,
                        bool with_port)
{
    char words[ADDRESS_TEXT_MAX];

    if (address->family == ADDRESS_NONE) {
        json_string(text, key, NULL);
    } else {
        json_string_n(text, key, words, address_format(address, with_port, words));
    }
}

static void add_question(struct text *text, const struct audit_event *event,
                         const char *view_name, struct audit_holes *holes)
{
    char type[WIRE_TYPE_TEXT_MAX];
    uint8_t octets[AUDIT_ADDRESS_MAX];
    char who[AUDIT_CLIENT_TEXT_MAX];
    const struct audit_value client = {octets, audit_client_put(&event->who, octets)};

    json_string(text, "client", audit_client_format(&client, who) > 0 ? who : NULL);
    if (event->who.kind == AUDIT_CLIENT_ADDRESS) {
        json_uint(text, "client_port", event->client.port);
    } else {
        json_string(text, "client_port", NULL);
    }
    close_hole(text, holes, AUDIT_HOLE_HEAD);
    json_string(text, "transport", event->transport == AUDIT_TCP ? "tcp" : "udp");
    json_string(text, "view", view_name);
    open_hole(text, holes, AUDIT_HOLE_NAME);
    add_name(text, "name", &event->name);
    json_string_n(text, "type", type, wire_type_format(event->type, type));
    close_hole(text, holes, AUDIT_HOLE_NAME);
}

static void add_redirect(struct text *text, const struct audit_event *event,
                         const struct policy *policy)
{
    struct wire_name target;

    if (event->hit.action == POLICY_ACTION_REDIRECT &&
        policy_hit_redirect(policy, event->view, &event->hit, &event->name, &target)) {
        add_name(text, "redirect", &target);
    } else {
        json_string(text, "redirect", NULL);
    }
}

/* What people changed for a while, as far as it counts here. False if the policy has no such
 * exception. */
static bool add_changes(struct text *text, const struct audit_event *event,
                        const struct policy *policy)
{
    const struct policy_hit *hit = &event->hit;
    const struct policy_exception *exception = policy_hit_exception(policy, hit);

    json_bool(text, "paused", policy_hit_is_paused(policy, event->view, hit));
    policy_words_write_exception(text, exception);
    return exception != NULL || hit->exception == 0;
}

static void add_match(struct text *text, const struct audit_event *event)
{
    const struct policy_hit *hit = &event->hit;

    policy_words_write_trigger(text, hit);
    json_array_begin(text, "chain");
    for (uint8_t i = 0; i < event->chain.count; i++) {
        add_name(text, NULL, &event->chain.names[i]);
    }
    json_array_end(text);
}

static void begin(struct text *text, const struct audit_event *event, const char *kind,
                  const char *view_name, uint64_t sequence, struct audit_holes *holes)
{
    char time[CLOCK_TEXT_MAX];

    json_object_begin(text, NULL);
    json_uint(text, "v", AUDIT_SCHEMA_VERSION);
    json_string(text, "event", kind);
    open_hole(text, holes, AUDIT_HOLE_HEAD);
    json_uint(text, "seq", sequence);
    json_string_n(text, "time", time, clock_format(event->wall_us, time));
    add_question(text, event, view_name, holes);
}

static void add_action(struct text *text, const struct audit_event *event,
                       const struct policy *policy)
{
    json_string(text, "action", policy_action_name((enum policy_action)event->hit.action));
    add_redirect(text, event, policy);
    json_string(text, "mode", policy_mode_name((enum policy_mode)event->hit.mode));
    json_bool(text, "applied", event->applied);
}

static size_t end(struct text *text, const struct audit_event *event,
                  const struct policy *policy, const char *view_name, struct audit_holes *holes)
{
    char ede[POLICY_EDE_MAX];
    const size_t ede_len = policy_words_ede(policy, &event->hit, view_name, ede);
    char rcode[WIRE_TYPE_TEXT_MAX];

    add_address(text, "upstream", &event->upstream, true);
    close_hole(text, holes, AUDIT_HOLE_MATCH);
    json_bool(text, "cached", event->cached != AUDIT_CACHED_NOT);
    json_bool(text, "stale", event->cached == AUDIT_CACHED_STALE);
    json_string_n(text, "rcode", rcode, wire_rcode_format(event->rcode, rcode));
    open_hole(text, holes, AUDIT_HOLE_LATENCY);
    json_uint(text, "latency_us", event->latency_us);
    close_hole(text, holes, AUDIT_HOLE_LATENCY);
    json_string_n(text, "ede", ede, ede_len);
    json_object_end(text);
    text_add(text, "\n");
    return text->overflow ? 0 : text->len;
}

const char *audit_event_stage(const struct policy_hit *hit, const struct policy *policy)
{
    static const char *const trials[] = {[POLICY_TRIAL_BOTH] = "trial-both",
                                         [POLICY_TRIAL_NEWER] = "trial-newer",
                                         [POLICY_TRIAL_HELD] = "trial-held"};
    static const char *const versions[] = {
        [POLICY_VERSION_HELD] = "held", [POLICY_VERSION_NEWER] = "newer"};

    return hit->trial != POLICY_TRIAL_NONE ? trials[hit->trial]
                                           : versions[policy_list_version(policy, hit->list)];
}

/* What the list says. False if the policy has no such list. */
static bool add_list(struct text *text, const struct policy *policy, size_t index,
                     struct audit_list_words *lists)
{
    const struct audit_list_said *said = audit_list_words_of(lists, policy, index);
    struct policy_image_list list;

    if (said != NULL) {
        text_add_octets(text, ",", 1);
        text_add_octets(text, said->fields, said->fields_len);
        return true;
    }
    if (!policy_image_list_at(policy_image_of(policy), index, &list)) {
        return false;
    }
    policy_words_write_basis(text, &list);
    policy_words_write_list(text, &list);
    return true;
}

/* A rule of a list. */
static size_t write_decision(struct text *text, const struct audit_event *event,
                             const struct policy *policy, const char *view_name,
                             struct audit_list_words *lists, uint64_t sequence,
                             struct audit_holes *holes)
{
    const struct policy_hit *hit = &event->hit;
    struct policy_row row;

    if (!policy_hit_row(policy, hit, &row) || row.kind != hit->kind) {
        return 0;
    }
    begin(text, event, "decision", view_name, sequence, holes);
    add_action(text, event, policy);
    const bool known =
        add_changes(text, event, policy) && add_list(text, policy, row.list, lists);
    json_string(text, "stage", audit_event_stage(hit, policy));
    open_hole(text, holes, AUDIT_HOLE_RULE);
    if (!known || !policy_words_write_rule_alone(text, hit, &row)) {
        return 0;
    }
    close_hole(text, holes, AUDIT_HOLE_RULE);
    policy_words_write_row(text, &row);
    open_hole(text, holes, AUDIT_HOLE_MATCH);
    add_match(text, event);
    return end(text, event, policy, view_name, holes);
}

/* The operator's `default: deny` or `client:`: no list has spoken, and no field could be taken
 * for one's. */
static size_t write_word(struct text *text, const struct audit_event *event,
                         const struct policy *policy, const char *view_name, uint64_t sequence)
{
    begin(text, event,
          event->hit.ground == POLICY_GROUND_CLIENT ? "client-deny" : "default-deny", view_name,
          sequence, NULL);
    add_action(text, event, policy);
    return add_changes(text, event, policy) ? end(text, event, policy, view_name, NULL) : 0;
}

size_t audit_event_json_holes(const struct audit_event *event, const struct policy *policy,
                              const char *view_name, struct audit_list_words *lists,
                              uint64_t sequence, char *out, size_t size,
                              struct audit_holes *holes)
{
    struct text text;

    if (size == 0 || view_name == NULL || event->view >= policy_view_count(policy)) {
        return 0;
    }
    text_init(&text, out, size);
    return event->hit.ground == POLICY_GROUND_RULE
               ? write_decision(&text, event, policy, view_name, lists, sequence, holes)
               : write_word(&text, event, policy, view_name, sequence);
}

size_t audit_event_json(const struct audit_event *event, const struct policy *policy,
                        const char *view_name, struct audit_list_words *lists,
                        uint64_t sequence, char *out, size_t size)
{
    return audit_event_json_holes(event, policy, view_name, lists, sequence, out, size, NULL);
}

size_t audit_lost_json(uint64_t wall_us, uint64_t ring, uint64_t output, uint64_t sequence,
                       char *out, size_t size)
{
    struct text text;
    char time[CLOCK_TEXT_MAX];

    if (size == 0) {
        return 0;
    }
    text_init(&text, out, size);
    json_object_begin(&text, NULL);
    json_uint(&text, "v", AUDIT_SCHEMA_VERSION);
    json_string(&text, "event", "lost");
    json_uint(&text, "seq", sequence);
    json_string_n(&text, "time", time, clock_format(wall_us, time));
    json_uint(&text, "count", ring + output);
    json_uint(&text, "ring", ring);
    json_uint(&text, "output", output);
    json_object_end(&text);
    text_add(&text, "\n");
    return text.overflow ? 0 : text.len;
}
