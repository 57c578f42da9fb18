#include "setup/why.h"

#include "local/local.h"
#include "policy/views.h"
#include "policy/words.h"
#include "wire/type.h"

#include <string.h>

unsigned setup_why_view(const struct setup_snapshot *snapshot, const struct address *client,
                        const struct address *at)
{
    return policy_views_choose(snapshot->choice, client, at);
}

bool setup_why_view_named(const struct setup_snapshot *snapshot, const char *name,
                          unsigned *view)
{
    for (unsigned i = 0; i < snapshot->view_count; i++) {
        if (strcmp(snapshot->views[i].name, name) == 0) {
            *view = i;
            return true;
        }
    }
    return false;
}

/* What is known here, and the zone with servers of its own. */
static bool is_local(const struct setup_snapshot *snapshot, const struct wire_name *name,
                     uint16_t type, const struct query_zone **zone)
{
    const struct query_settings *settings = &snapshot->settings;
    struct local_answer local;

    *zone = query_settings_zone(settings, name);
    local_find(settings->local_names, settings->local_special,
               *zone != NULL ? (*zone)->name.labels : 0, name, type, &local);
    return local.kind != LOCAL_NOT;
}

bool setup_why_outside(const struct setup_snapshot *snapshot, const struct wire_name *name,
                       uint16_t type, uint16_t *context)
{
    const struct query_zone *zone;
    const bool local = is_local(snapshot, name, type, &zone);

    *context = zone != NULL ? zone->context : 0;
    return !local && (zone == NULL || !zone->exempt);
}

void setup_why_place(const struct setup_snapshot *snapshot, struct setup_why *why)
{
    const struct query_zone *zone;

    why->local = is_local(snapshot, &why->name, why->type, &zone);
    why->exempt = !why->local && zone != NULL && zone->exempt;
    why->context = zone != NULL ? zone->context : 0;
}

static bool add_server(const struct policy *policy, struct setup_why *why,
                       struct policy_outcome *outcome)
{
    policy_except_chain(policy, why->view, &why->name, outcome);
    why->blocked = policy_hits_add(&why->hits, outcome, &why->block);
    return why->blocked;
}

/* The last two triggers: names, then addresses. */
static void decide_servers(const struct policy *policy, struct setup_why *why)
{
    const struct policy_name_server_use use = policy_name_server_use(policy, why->view);
    struct policy_outcome outcome;

    for (size_t i = 0; use.names != POLICY_MODE_OFF && i < why->server_count; i++) {
        policy_decide_name(policy, why->view, POLICY_TRIGGER_NAMESERVER, why->servers[i].hop,
                           &why->servers[i].name, &outcome);
        if (add_server(policy, why, &outcome)) {
            return;
        }
    }
    for (size_t i = 0; use.addresses != POLICY_MODE_OFF && i < why->server_count; i++) {
        const struct setup_why_server *server = &why->servers[i];

        for (size_t k = 0; k < server->address_count; k++) {
            policy_decide_address(policy, why->view, POLICY_TRIGGER_NAMESERVER_ADDRESS,
                                  server->hop, &server->name, &server->addresses[k], &outcome);
            if (add_server(policy, why, &outcome)) {
                return;
            }
        }
    }
}

void setup_why_decide(const struct setup_snapshot *snapshot, struct setup_why *why)
{
    struct policy_outcome outcome;
    struct wire_message message;

    why->local = why->exempt = false;
    if (!why->is_address) {
        setup_why_place(snapshot, why);
    }
    policy_hits_start(&why->hits, false);
    why->chain.count = 0;
    why->blocked = why->passed = why->answer_seen = false;
    if (why->local || why->exempt) {
        return; /* policy is not asked */
    }
    if (why->is_address) {
        policy_decide_address(snapshot->policy, why->view, POLICY_TRIGGER_ADDRESS, 0,
                              &why->name, &why->address, &outcome);
        why->blocked = policy_hits_add(&why->hits, &outcome, &why->block);
        why->passed = outcome.enforced && !why->blocked;
        return;
    }
    policy_decide_client(snapshot->policy, why->view, &why->client, &outcome);
    why->blocked = policy_hits_add(&why->hits, &outcome, &why->block);
    why->passed = why->hits.passed;
    if (!why->blocked) {
        policy_decide_question(snapshot->policy, why->view, &why->name, &outcome);
        why->blocked = policy_hits_add(&why->hits, &outcome, &why->block);
        why->passed =
            why->passed || (outcome.enforced && !why->blocked && outcome.hit.exception == 0);
    }
    if (why->blocked || why->answer_len == 0 ||
        wire_message_open(why->answer, why->answer_len, &message) != WIRE_OK ||
        policy_chain_follow(&message, &why->chain) != POLICY_CHAIN_OK) {
        return;
    }
    why->answer_seen = true;
    why->blocked = policy_decide_answer(snapshot->policy, why->view, &message, &why->chain,
                                        &why->hits, &why->block);
    if (why->hits.passed || policy_excepts_chain(snapshot->policy, why->view, &why->name)) {
        why->server_count = 0; /* they are not looked at, as for a question */
        why->servers_unknown = false;
    }
    if (!why->blocked) {
        decide_servers(snapshot->policy, why);
    }
}

/* --- words --- */

static bool is_paused(const struct setup_snapshot *snapshot, const struct setup_why *why,
                      const struct policy_hit *hit)
{
    return policy_hit_is_paused(snapshot->policy, why->view, hit);
}

enum setup_why_verdict setup_why_verdict(const struct setup_snapshot *snapshot,
                                         const struct setup_why *why)
{
    bool paused = false;

    if (why->local) {
        return SETUP_WHY_LOCAL;
    }
    if (why->exempt) {
        return SETUP_WHY_EXEMPT;
    }
    if (why->blocked) {
        return SETUP_WHY_BLOCKED;
    }
    for (unsigned i = 0; i < why->hits.count; i++) {
        if (why->hits.at[i].exception != 0) {
            return SETUP_WHY_EXCEPTION;
        }
        paused = paused || is_paused(snapshot, why, &why->hits.at[i]);
    }
    if (paused) {
        return SETUP_WHY_PAUSED;
    }
    if (why->hits.count > 0) {
        return SETUP_WHY_RECORDED;
    }
    return why->passed ? SETUP_WHY_PASSED : SETUP_WHY_FREE;
}

static void write_name(struct text *out, const char *key, const struct wire_name *name)
{
    char words[WIRE_NAME_TEXT_MAX];

    json_string_n(out, key, words, wire_name_to_text(name, words));
}

static void write_fact(struct text *out, const char *key, const char *words)
{
    json_string(out, key, words == NULL || words[0] == '\0' ? NULL : words);
}

/* The list that has spoken: what it says of the provider, and what it is about. */
static void write_list(struct text *out, const struct setup_snapshot *snapshot,
                       const struct policy_hit *hit)
{
    const struct policy_image *image = policy_image_of(snapshot->policy);
    struct policy_image_list list;
    struct policy_row row;

    if (!policy_hit_row(snapshot->policy, hit, &row) ||
        !policy_image_list_at(image, row.list, &list)) {
        return; /* `default: deny` has neither */
    }
    (void)policy_words_write_rule(out, hit, &row);
    policy_words_write_list(out, &list);
    write_fact(out, "title", list.title);
    policy_words_write_basis(out, &list);
    write_fact(out, "legal_requirement", list.legal_requirement);
}

static void write_hit(struct text *out, const struct setup_snapshot *snapshot,
                      const struct setup_why *why, unsigned index)
{
    const struct policy_hit *hit = &why->hits.at[index];
    const struct policy_exception *exception = policy_hit_exception(snapshot->policy, hit);
    char ede[POLICY_EDE_MAX];

    json_object_begin(out, NULL);
    json_bool(out, "applied", why->blocked && index == why->block);
    json_string(out, "ground", policy_words_ground((enum policy_ground)hit->ground));
    policy_words_write_trigger(out, hit);
    json_string(out, "mode", policy_mode_name((enum policy_mode)hit->mode));
    json_string(out, "action", policy_action_name((enum policy_action)hit->action));
    json_bool(out, "paused", is_paused(snapshot, why, hit));
    json_string_n(
        out, "ede", ede,
        policy_words_ede(snapshot->policy, hit, snapshot->views[why->view].name, ede));
    if (exception != NULL) {
        policy_words_write_exception(out, exception);
    }
    write_list(out, snapshot, hit);
    json_object_end(out);
}

void setup_why_write(struct text *out, const struct setup_snapshot *snapshot,
                     const struct setup_why *why)
{
    static const char *const verdicts[] = {
        [SETUP_WHY_LOCAL] = "local",     [SETUP_WHY_EXEMPT] = "exempt",
        [SETUP_WHY_BLOCKED] = "blocked", [SETUP_WHY_EXCEPTION] = "exception",
        [SETUP_WHY_PAUSED] = "paused",   [SETUP_WHY_RECORDED] = "recorded",
        [SETUP_WHY_PASSED] = "passed",   [SETUP_WHY_FREE] = "free",
    };
    char type[WIRE_TYPE_TEXT_MAX];

    if (why->is_address) {
        char words[ADDRESS_TEXT_MAX];

        json_string_n(out, "name", words, address_format(&why->address, false, words));
    } else {
        write_name(out, "name", &why->name);
    }
    json_bool(out, "is_address", why->is_address);
    json_string_n(out, "type", type, wire_type_format(why->type, type));
    json_string(out, "view", snapshot->views[why->view].name);
    if (why->client_known) {
        json_bool(out, "client_allowed", why->client_allowed);
    }
    json_string(out, "verdict", verdicts[setup_why_verdict(snapshot, why)]);
    /* Whether what the name leads to was looked at: nothing does where it is not asked for. */
    json_bool(out, "answer_known",
              why->is_address || why->local || why->exempt || why->answer_seen ||
                  (why->blocked && why->hits.at[why->block].hop == 0 &&
                   why->hits.at[why->block].trigger <= POLICY_TRIGGER_QNAME));
    json_bool(out, "answer_stale", why->answer_seen && why->answer_stale);
    json_bool(out, "servers_known", !why->servers_unknown || why->blocked);
    json_array_begin(out, "chain");
    for (unsigned i = 0; i < why->chain.count; i++) {
        write_name(out, NULL, &why->chain.names[i]);
    }
    json_array_end(out);
    json_array_begin(out, "hits");
    for (unsigned i = 0; i < why->hits.count; i++) {
        write_hit(out, snapshot, why, i);
    }
    json_array_end(out);
}
