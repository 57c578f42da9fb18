#include "setup/explain.h"

#include "base/clock.h"
#include "base/digest.h"
#include "policy/explain.h"
#include "policy/words.h"
#include "setup/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct writing {
    struct text *out;
    const struct setup_snapshot *snapshot;
    const struct setup_why *why;
    uint64_t time_s;
    bool asked_time;                /* as in struct setup_asked */
    unsigned triggers;              /* written */
    unsigned left_out;              /* triggers */
    bool matched[POLICY_LISTS_MAX]; /* lists with a rule that matches */
};

/* --- a rule --- */

static void write_rule(struct writing *writing, const struct policy_finding *found)
{
    const struct policy *policy = writing->snapshot->policy;
    const struct policy_image *image = policy_image_of(policy);
    struct text *out = writing->out;
    struct policy_image_list list;
    struct wire_name suffix;
    uint32_t line = 0;

    if (!policy_image_list_at(image, found->row.list, &list)) {
        return;
    }
    writing->matched[found->row.list] = true;
    if (found->hit.address.family == ADDRESS_NONE &&
        found->hit.labels <= found->hit.name.labels) {
        wire_name_suffix(&found->hit.name, found->hit.labels, &suffix);
        line = policy_image_line(image, found->row.list, &suffix, found->row.match,
                                 found->row.kind, found->row.subject);
    }
    json_object_begin(out, NULL);
    json_string(out, "fate", policy_fate_name(found->fate));
    json_string(out, "words", policy_finding_words(found));
    json_string(out, "counts", policy_mode_name(found->counts));
    json_string(out, "reason", policy_reason_name(found->reason));
    (void)policy_words_write_rule(out, &found->hit, &found->row);
    policy_words_write_list(out, &list);
    json_uint(out, "line", line);
    json_uint(out, "labels", found->hit.labels);
    json_string(out, "mode", policy_mode_name((enum policy_mode)found->hit.mode));
    json_bool(out, "paused", found->paused);
    json_string(out, "action", policy_action_name((enum policy_action)found->hit.action));
    json_bool(out, "action_of_rule", found->row.action != POLICY_ACTION_DEFAULT);
    policy_words_write_exception(out, policy_hit_exception(policy, &found->hit));
    policy_words_write_basis(out, &list);
    json_object_end(out);
}

/* --- a trigger --- */

/* What the trigger came to: a word, and a sentence for people. */
static void write_result(struct writing *writing, const struct policy_explained *explained)
{
    static const struct {
        const char *word, *words;
    } results[] = {
        {"not-asked", "not asked any more: an earlier trigger has ended the question"},
        {"blocks", "ends the question: the answer is replaced"},
        {"excepted", "would be blocked: an exception lets it through"},
        {"denied-recorded", "would be denied by the operator: there is an event, the answer "
                            "stands"},
        {"passes", "let through by a rule"},
        {"recorded", "there is an event, and the answer stands"},
        {"nothing", "no rule has a word here"},
        {"chain-passed", "let through: an earlier trigger lets the rest of the chain through"},
        {"passes-chain", "let through by a rule, with the rest of the chain"},
    };
    const struct policy_outcome *outcome = &explained->outcome;
    size_t result = 6;

    if (explained->not_asked) {
        result = 0;
    } else if (explained->passed) {
        result = outcome->logged ? 5 : 7;
    } else if (policy_outcome_blocks(outcome)) {
        result = 1;
    } else if ((outcome->enforced || outcome->denied) && outcome->hit.exception != 0) {
        result = 2;
    } else if (outcome->denied) {
        result = 3;
    } else if (outcome->logged ||
               (outcome->enforced && outcome->hit.action != POLICY_ACTION_PASS)) {
        result = 5;
    } else if (outcome->enforced) {
        result = policy_outcome_passes_chain(outcome) ? 8 : 4;
    }
    json_string(writing->out, "result", results[result].word);
    json_string(writing->out, "words", results[result].words);
}

static bool write_trigger(void *context, const struct policy_explained *explained)
{
    struct writing *writing = context;
    const struct policy *policy = writing->snapshot->policy;
    struct policy_explained_at at;
    struct policy_finding found;
    unsigned rules = 0;
    const struct policy_hit hit = {.trigger = explained->trigger,
                                   .hop = explained->hop,
                                   .name = explained->name,
                                   .address = explained->address};

    if (writing->triggers == SETUP_EXPLAIN_TRIGGERS_MAX) {
        writing->left_out++;
        return true;
    }
    writing->triggers++;
    json_object_begin(writing->out, NULL);
    policy_words_write_trigger(writing->out, &hit);
    write_result(writing, explained);
    json_bool(writing->out, "denied_by_default",
              explained->outcome.denied && !explained->not_asked);
    json_string(writing->out, "ground",
                policy_words_ground((enum policy_ground)(explained->outcome.denied
                                                             ? explained->outcome.hit.ground
                                                             : POLICY_GROUND_RULE)));
    policy_words_write_exception(writing->out,
                                 (explained->outcome.enforced || explained->outcome.denied) &&
                                         !explained->not_asked
                                     ? policy_hit_exception(policy, &explained->outcome.hit)
                                     : NULL);
    json_array_begin(writing->out, "rules");
    policy_explained_start(&at);
    while (policy_explained_next(policy, explained, &at, &found)) {
        if (rules++ < SETUP_EXPLAIN_RULES_MAX) {
            write_rule(writing, &found);
        }
    }
    json_array_end(writing->out);
    json_uint(writing->out, "rules_left_out",
              rules > SETUP_EXPLAIN_RULES_MAX ? rules - SETUP_EXPLAIN_RULES_MAX : 0);
    json_object_end(writing->out);
    return true;
}

/* Those of the zones that have answered: all names, then all addresses. */
static void write_servers(struct writing *writing, struct policy_explained_so_far *so_far)
{
    const struct setup_why *why = writing->why;
    const struct policy *policy = writing->snapshot->policy;
    const struct policy_name_server_use use = policy_name_server_use(policy, why->view);
    struct policy_explained explained;

    for (size_t i = 0; use.names != POLICY_MODE_OFF && i < why->server_count; i++) {
        policy_explain_name(policy, why->view, POLICY_TRIGGER_NAMESERVER, why->servers[i].hop,
                            &why->servers[i].name, &why->name, &explained);
        policy_explained_follow(&explained, so_far);
        write_trigger(writing, &explained);
    }
    for (size_t i = 0; use.addresses != POLICY_MODE_OFF && i < why->server_count; i++) {
        const struct setup_why_server *server = &why->servers[i];

        for (size_t k = 0; k < server->address_count; k++) {
            policy_explain_address(policy, why->view, POLICY_TRIGGER_NAMESERVER_ADDRESS,
                                   server->hop, &server->name, &server->addresses[k],
                                   &why->name, &explained);
            policy_explained_follow(&explained, so_far);
            write_trigger(writing, &explained);
        }
    }
}

static void write_triggers(struct writing *writing)
{
    const struct setup_why *why = writing->why;
    const struct policy *policy = writing->snapshot->policy;
    struct policy_explained explained;
    struct policy_chain chain;
    struct wire_message message;
    struct policy_explained_so_far so_far = {.ended = false};

    json_array_begin(writing->out, "triggers");
    if (why->is_address) {
        policy_explain_address(policy, why->view, POLICY_TRIGGER_ADDRESS, 0, &why->name,
                               &why->address, NULL, &explained);
        write_trigger(writing, &explained);
    } else if (!why->local && !why->exempt) {
        const enum policy_client word = policy_view_client(policy, why->view);

        if (why->client_known || word == POLICY_CLIENT_LOG || word == POLICY_CLIENT_BLOCK) {
            policy_explain_client(policy, why->view, &why->client, &explained);
            policy_explained_follow(&explained, &so_far);
            write_trigger(writing, &explained);
        }
        policy_explain_question(policy, why->view, &why->name, &explained);
        policy_explained_follow(&explained, &so_far);
        write_trigger(writing, &explained);
        /* Also where the name is blocked by itself: what it would have led to. */
        if (why->answer_len > 0 &&
            wire_message_open(why->answer, why->answer_len, &message) == WIRE_OK &&
            policy_chain_follow(&message, &chain) == POLICY_CHAIN_OK) {
            policy_explain_answer(policy, why->view, &message, &chain, &so_far, write_trigger,
                                  writing);
            write_servers(writing, &so_far);
        }
    }
    json_array_end(writing->out);
    json_uint(writing->out, "triggers_left_out", writing->left_out);
}

/* --- a list --- */

static void write_word(struct text *out, const char *key, const char *words)
{
    json_string(out, key, words == NULL || words[0] == '\0' ? NULL : words);
}

static void write_fact(struct text *out, const struct policy_fact *fact, const char *provider)
{
    char words[POLICY_FACT_WORDS_MAX];

    policy_words_fact(fact, provider, words);
    json_object_begin(out, NULL);
    json_string(out, "class", policy_class_name(fact->class));
    json_string(out, "words", words);
    write_word(out, "entity", fact->entity);
    write_word(out, "authority", fact->authority);
    write_word(out, "instrument", fact->instrument);
    write_word(out, "citation", fact->citation);
    write_word(out, "effective", fact->effective);
    write_word(out, "published", fact->published);
    write_word(out, "state", fact->state);
    write_word(out, "checked", fact->checked);
    write_word(out, "effect", fact->effect);
    write_word(out, "note", fact->note);
    json_object_end(out);
}

/* The law behind it: all that the list says. */
static void write_law(struct writing *writing, const struct policy_image_list *list,
                      size_t index)
{
    const struct policy_list *head = policy_list_head_of(writing->snapshot->policy, index);
    struct text *out = writing->out;

    policy_words_write_basis(out, list);
    write_word(out, "legal_requirement", list->legal_requirement);
    /* An image alone has the strongest fact, and not the others. */
    json_bool(out, "facts_known", head != NULL);
    json_array_begin(out, "facts");
    for (size_t i = 0; head != NULL && i < head->fact_count; i++) {
        write_fact(out, &head->facts[i], list->provider_name);
    }
    json_array_end(out);
}

static void write_times(struct writing *writing, const struct policy_image_list *list)
{
    static const char *const words[] = {[POLICY_FRESH] = "fresh",
                                        [POLICY_STALE] = "stale",
                                        [POLICY_CLOCK_UNTRUSTED] = "clock-untrusted"};
    char time[CLOCK_TEXT_MAX];

    json_string_n(writing->out, "created", time, clock_format_s(list->created_s, time));
    json_string_n(writing->out, "expires", time, clock_format_s(list->expires_s, time));
    const enum policy_freshness freshness =
        policy_freshness_at(list->created_s, list->expires_s, writing->time_s);
    json_string(writing->out, "freshness",
                freshness == POLICY_CLOCK_UNTRUSTED && writing->asked_time ? "not-made"
                                                                           : words[freshness]);
}

static void write_list(struct writing *writing, const struct policy_image_list *list,
                       size_t index)
{
    const struct setup_snapshot *snapshot = writing->snapshot;
    struct text *out = writing->out;
    char hex[2 * DIGEST_OCTETS + 1];
    char key[TRUST_KEY_ID_TEXT];

    digest_hex(list->digest, DIGEST_OCTETS, hex);
    json_object_begin(out, NULL);
    policy_words_write_list(out, list);
    write_word(out, "title", list->title);
    json_string(
        out, "mode",
        policy_mode_name(policy_list_mode(snapshot->policy, writing->why->view, index)));
    json_bool(out, "paused",
              policy_list_is_paused(snapshot->policy, writing->why->view, index));
    json_uint(out, "rules", list->rules);
    write_times(writing, list);
    json_string(out, "blake2b256", hex);
    json_array_begin(out, "keys");
    for (size_t i = 0; i < snapshot->list_count; i++) {
        for (size_t k = 0; strcmp(snapshot->lists[i].id, list->id) == 0 &&
                           k < snapshot->lists[i].verdict.count;
             k++) {
            trust_key_id_format(snapshot->lists[i].verdict.ids[k], key);
            json_string(out, NULL, key);
        }
    }
    json_array_end(out);
    json_bool(out, "matched", writing->matched[index]);
    if (writing->matched[index]) {
        write_law(writing, list, index);
    }
    json_object_end(out);
}

static void write_lists(struct writing *writing)
{
    const struct policy_image *image = policy_image_of(writing->snapshot->policy);
    struct policy_image_list list;

    json_array_begin(writing->out, "lists");
    for (size_t i = 0; i < POLICY_LISTS_MAX && policy_image_list_at(image, i, &list); i++) {
        write_list(writing, &list, i);
    }
    json_array_end(writing->out);
}

/* --- the whole --- */

static void write_asked(struct writing *writing, const struct setup_asked *asked)
{
    struct text *out = writing->out;
    char time[CLOCK_TEXT_MAX];

    json_object_begin(out, "asked");
    json_string(out, "of", asked->of);
    json_string(out, "path", asked->path);
    json_string_n(out, "time", time, clock_format_s(asked->time_s, time));
    json_uint(out, "generation", policy_generation(writing->snapshot->policy));
    json_bool(out, "verified", asked->verified);
    json_bool(out, "changes_known", asked->changes);
    json_uint(out, "file_exceptions", asked->exceptions);
    json_string(out, "version", CORDON_VERSION);
    json_object_end(out);
}

/* True if a hit is the operator's default, or an exception from it. */
static bool is_denial(const struct setup_why *why)
{
    return why->hits.count > 0 &&
           why->hits.at[why->blocked ? why->block : 0].ground == POLICY_GROUND_DEFAULT;
}

/* What becomes of it, for people. */
static const char *words_of(const struct setup_snapshot *snapshot, const struct setup_why *why)
{
    const bool closed =
        !why->is_address && policy_view_default(snapshot->policy, why->view) != POLICY_MODE_OFF;

    switch (setup_why_verdict(snapshot, why)) {
    case SETUP_WHY_LOCAL:
        return "known here and answered before policy (local)";
    case SETUP_WHY_EXEMPT:
        return "asked of its zone's own servers, exempt from policy (upstreams.zones)";
    case SETUP_WHY_BLOCKED:
        return is_denial(why) ? "denied by default" : "blocked";
    case SETUP_WHY_EXCEPTION:
        return "let through by an exception";
    case SETUP_WHY_PAUSED:
        return "let through, with an event: what would block it is paused";
    case SETUP_WHY_RECORDED:
        return is_denial(why)
                   ? "let through, with an event: denied by default, but for mode log"
               : closed && !why->passed ? "allowed by the operator, with an event"
                                        : "let through, with an event";
    case SETUP_WHY_PASSED:
        return "passed";
    case SETUP_WHY_FREE:
        break;
    }
    return closed ? "allowed by the operator" : "not listed";
}

void setup_explain_write(struct text *out, const struct setup_snapshot *snapshot,
                         const struct setup_why *why, const struct setup_asked *asked)
{
    struct writing writing = {.out = out,
                              .snapshot = snapshot,
                              .why = why,
                              .time_s = asked->time_s,
                              .asked_time = asked->asked_time};
    char answer[SETUP_ANSWER_MAX];

    json_uint(out, "v", SETUP_EXPLAIN_VERSION);
    write_asked(&writing, asked);
    setup_why_write(out, snapshot, why);
    json_string(out, "words", words_of(snapshot, why));
    setup_answer_words(snapshot, why, answer, sizeof(answer));
    write_word(out, "answer", answer);
    json_bool(out, "blocked", why->blocked);
    json_bool(out, "default_deny",
              policy_view_default(snapshot->policy, why->view) != POLICY_MODE_OFF);
    json_uint(out, "views", snapshot->view_count);
    const unsigned variant = policy_view_variant(snapshot->policy, why->view);
    const struct setup_view *shown =
        &snapshot->shown[policy_view_origin(snapshot->policy, why->view)];
    json_string(out, "schedule",
                variant > 0 && variant <= shown->when_count ? shown->schedules[variant - 1]
                                                            : NULL);
    write_triggers(&writing);
    write_lists(&writing);
}

/* --- lists without a configuration --- */

int setup_lists_snapshot(struct policy_image *image, const char *const *ids, size_t count,
                         struct policy_list *const *heads,
                         const struct policy_loaded_list *lists,
                         struct setup_snapshot **snapshot)
{
    struct policy_list_setting settings[POLICY_LISTS_MAX];
    const struct policy_view_setting view = {.name = "default",
                                             .action = POLICY_ACTION_SINKHOLE,
                                             .lists = settings,
                                             .list_count = count};
    struct setup_snapshot *new = calloc(1, sizeof(*new));
    struct config *config = NULL;
    int rc = new == NULL ? -ENOMEM : count > POLICY_LISTS_MAX ? -EINVAL : 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        settings[i] =
            (struct policy_list_setting){ids[i], POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT};
    }
    rc = rc == 0 ? config_read(NULL, NULL, &config) : rc;
    rc = rc == 0 ? policy_create(image, &view, 1, 1, NULL, &new->policy) : rc;
    if (rc == 0) {
        new->shown = calloc(1, sizeof(new->shown[0]));
        rc = new->shown == NULL ? -ENOMEM : 0;
    }
    if (rc != 0) {
        config_free(config);
        free(new);
        return rc;
    }
    policy_take_heads(new->policy, heads, count);
    new->config = config;
    new->users = 1;
    new->view_count = 1;
    memcpy(new->shown[0].name, "default", sizeof("default"));
    new->views[0] = (struct query_view){"default", config->sinkhole4, config->sinkhole6};
    new->settings.views = new->views;
    new->settings.view_count = 1;
    new->settings.block_ttl_s = config->block_ttl_s;
    new->settings.sinkhole4 = config->sinkhole4;
    new->settings.sinkhole6 = config->sinkhole6;
    new->settings.ede = config->ede;
    new->settings.block_ede = config->block_ede;
    if (lists != NULL) {
        memcpy(new->lists, lists, count * sizeof(lists[0]));
        new->list_count = count;
    }
    *snapshot = new;
    return 0;
}
