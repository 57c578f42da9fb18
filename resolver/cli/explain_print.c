/* What cordon explain says: in words, and as one JSON document. */
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "cli/list.h"
#include "trust/load.h"
#include "wire/type.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 3 /* addresses of a local name: the rest is in the configuration */

/* The suffix or prefix at which a set of rules stands. */
static void place_of(const struct explain *ex, unsigned labels, char out[WIRE_NAME_TEXT_MAX])
{
    if (ex->is_address) {
        struct address host = ex->address;
        struct address_prefix prefix;

        if (ex->matches.family != host.family) {
            (void)address_embedded_v4(&ex->address, &host);
        }
        address_prefix_of(&host, labels, &prefix);
        address_prefix_format(&prefix, out);
    } else {
        struct wire_name suffix;

        wire_name_suffix(&ex->name, labels, &suffix);
        wire_name_to_text(&suffix, out);
    }
}

static bool is_hit(const struct policy_hit *hit, const struct policy_match_entry *entry,
                   size_t row)
{
    return hit->set == entry->set && hit->row == row && hit->labels == entry->labels;
}

/* Why a rule won or lost, in words. */
static const char *reason(const struct explain *ex, const struct policy_match_entry *entry,
                          size_t index, const struct policy_row *row)
{
    const struct policy *policy = ex->snapshot->policy;
    const enum policy_mode mode = policy_list_mode(policy, ex->view, row->list);
    const struct policy_outcome *out = &ex->outcome;

    if (mode == POLICY_MODE_OFF) {
        return "not used: its list is off";
    }
    if (mode == POLICY_MODE_ENFORCE) {
        if (!out->enforced) {
            return "not used";
        }
        if (is_hit(&out->hit, entry, index)) {
            return "WINS: the longest match of the enforced lists";
        }
        if (entry->labels < out->hit.labels) {
            return "loses: a longer match decides";
        }
        return row->kind == POLICY_BLOCK && out->hit.kind == POLICY_PASS
                   ? "loses: at equal length a pass goes before a block"
                   : "loses: at equal length an earlier rule or list decides";
    }
    if (out->logged && is_hit(&out->log_hit, entry, index)) {
        return "LOGGED: its list is in log mode; an event is recorded, the answer is not "
               "changed";
    }
    return "no event: in log mode, and another rule of the lists in log mode decides";
}

static const char *verdict(const struct explain *ex)
{
    if (ex->local.kind != LOCAL_NOT) {
        return "known here and answered before policy (local)";
    }
    if (ex->zone != NULL && ex->zone->exempt) {
        return "asked of its zone's own servers, exempt from policy (upstreams.zones)";
    }
    if (ex->outcome.denied) {
        return policy_outcome_blocks(&ex->outcome)
                   ? "denied by default"
                   : "let through, with an event: denied by default, but for mode log";
    }
    if (policy_outcome_blocks(&ex->outcome)) {
        return "blocked";
    }
    if (ex->outcome.enforced && ex->outcome.hit.action == POLICY_ACTION_LOG) {
        return "let through, with an event";
    }
    if (ex->outcome.enforced) {
        return "passed";
    }
    if (!ex->is_address &&
        policy_view_default(ex->snapshot->policy, ex->view) != POLICY_MODE_OFF) {
        return ex->outcome.logged ? "allowed by the operator, with an event"
                                  : "allowed by the operator";
    }
    return ex->outcome.logged ? "let through, with an event" : "not listed";
}

/* " 192.0.2.1", or a name; nothing for other types. */
static bool add_rdata(struct text *text, uint16_t type, const uint8_t *rdata, size_t len)
{
    struct address address = {.family = type == WIRE_A ? ADDRESS_V4 : ADDRESS_V6};
    char words[WIRE_NAME_TEXT_MAX];
    struct wire_name name;
    size_t pos = 0;

    if (type == WIRE_A || type == WIRE_AAAA) {
        memcpy(address.octets, rdata, address_octets(&address));
        address_format(&address, false, words);
    } else if ((type == WIRE_PTR || type == WIRE_CNAME || type == WIRE_NS) &&
               wire_name_read(rdata, len, &pos, &name) == WIRE_OK) {
        wire_name_to_text(&name, words);
    } else {
        return false;
    }
    text_printf(text, "%s%.60s", text->len > 0 ? " " : "", words);
    return true;
}

/* What a zone has: "192.0.2.1, TTL 60 s, zone home.lan". An alias is not followed. */
static void zone_answer_of(const struct local_answer *answer, uint16_t type, struct text *text)
{
    const struct local_zones_answer *found = &answer->found;
    const uint8_t *rdata = NULL;
    char words[WIRE_NAME_TEXT_MAX];
    struct wire_name owner;
    uint32_t ttl_s = found->ttl_s;
    uint32_t soa_ttl_s = 0;
    size_t count = 0;
    size_t shown = 0;
    size_t len = 0;
    size_t at = 0;

    switch (found->kind) {
    case LOCAL_ZONES_DATA:
    case LOCAL_ZONES_ALIAS:
        text_add(text, found->type == WIRE_CNAME ? "alias of" : "");
        while (local_zones_next(answer->zones, found, &at, &rdata, &len)) {
            if (count < SHOWN_MAX && add_rdata(text, found->type, rdata, len)) {
                shown++;
            }
            count++;
        }
        if (shown == 0) {
            wire_type_format(type, words);
            text_printf(text, "%zu %s record%s", count, words, count == 1 ? "" : "s");
        } else if (shown < count) {
            text_add(text, " ...");
        }
        break;
    case LOCAL_ZONES_NOT:
    case LOCAL_ZONES_NODATA:
        text_add(text, "no data of this type");
        break;
    case LOCAL_ZONES_NXDOMAIN:
        text_add(text, "no such name");
        break;
    }
    local_zones_soa(answer->zones, found->zone, &owner, &rdata, &len, &soa_ttl_s);
    if (count == 0) {
        ttl_s = soa_ttl_s;
    }
    wire_name_to_text(&owner, words);
    text_printf(text, ", TTL %" PRIu32 " s, by the zone %.100s of local.zones", ttl_s, words);
}

static void local_answer_of(const struct local_answer *answer, uint16_t type, char *out,
                            size_t size)
{
    struct text text;

    text_init(&text, out, size);
    switch (answer->kind) {
    case LOCAL_NOT:
        return;
    case LOCAL_DATA:
        for (size_t i = 0; i < answer->count && i < SHOWN_MAX; i++) {
            add_rdata(&text, type, answer->rdata + i * answer->rdata_len, answer->rdata_len);
        }
        text_add(&text, answer->count > SHOWN_MAX ? " ..." : "");
        break;
    case LOCAL_SOA:
    case LOCAL_NS:
        text_add(&text, "the record of an empty zone");
        break;
    case LOCAL_ZONE:
        zone_answer_of(answer, type, &text);
        return;
    case LOCAL_NODATA:
        text_add(&text, "no data of this type");
        break;
    case LOCAL_NXDOMAIN:
        text_add(&text, "no such name");
        break;
    }
    text_printf(&text, ", TTL %" PRIu32 " s", answer->ttl_s);
}

/* What the client would get. */
static void answer_of(const struct explain *ex, char *out, size_t size)
{
    const struct query_settings *settings = &ex->snapshot->settings;
    const struct query_view *view = &ex->snapshot->views[ex->view];
    const enum policy_action action = ex->outcome.hit.action;
    char text[ADDRESS_TEXT_MAX];

    out[0] = '\0';
    if (ex->local.kind != LOCAL_NOT) {
        local_answer_of(&ex->local, ex->type, out, size);
        return;
    }
    if (!policy_outcome_blocks(&ex->outcome)) {
        return;
    }
    if (action == POLICY_ACTION_SINKHOLE &&
        (ex->type == WIRE_A || ex->type == WIRE_AAAA || ex->is_address)) {
        address_format(ex->type == WIRE_AAAA ? &view->sinkhole6 : &view->sinkhole4, false,
                       text);
        snprintf(out, size, "sinkhole: %s, TTL %" PRIu32 " s", text, settings->block_ttl_s);
    } else if (action == POLICY_ACTION_SINKHOLE) {
        snprintf(out, size, "sinkhole: no data of this type, TTL %" PRIu32 " s",
                 settings->block_ttl_s);
    } else {
        snprintf(out, size, "%s", policy_action_name(action));
    }
}

static void print_row(const struct explain *ex, const struct policy_match_entry *entry,
                      size_t index)
{
    const struct policy_image *image = policy_image_of(ex->snapshot->policy);
    struct policy_row row;
    struct policy_image_list list;
    char place[WIRE_NAME_TEXT_MAX];

    if (!policy_image_row(image, entry->set, index, &row) ||
        !policy_image_list_at(image, row.list, &list)) {
        return;
    }
    place_of(ex, entry->labels, place);
    printf("\n  %s %s %s%s%s\n", policy_kind_name(row.kind), policy_match_name(row.match),
           place, row.action != POLICY_ACTION_DEFAULT ? " action=" : "",
           row.action != POLICY_ACTION_DEFAULT ? policy_action_name(row.action) : "");
    printf("    %s\n", reason(ex, entry, index, &row));
    printf("    list %s serial %" PRIu32 " (mode %s), category %s, scope %s, confidence %s\n",
           list.id, list.serial,
           policy_mode_name(policy_list_mode(ex->snapshot->policy, ex->view, row.list)),
           row.category, policy_scope_name(row.scope), policy_confidence_name(row.confidence));
}

/* Why the winning rule is on the list: its evidence and note, with the line to read. */
static void print_evidence(const struct explain *ex, const struct policy_hit *hit,
                           const struct policy_list *list)
{
    struct policy_row row;
    char place[WIRE_NAME_TEXT_MAX];
    char what[WIRE_NAME_TEXT_MAX];

    if (!policy_hit_row(ex->snapshot->policy, hit, &row)) {
        return;
    }
    place_of(ex, hit->labels, place);
    for (size_t i = 0; i < list->rule_count; i++) {
        const struct policy_list_rule *rule = &list->rules[i];

        if (rule->kind != row.kind || rule->match != row.match) {
            continue;
        }
        cli_rule_what(list, rule, what);
        if (strcmp(what, place) == 0) {
            printf("\n  Evidence of the rule (line %" PRIu32 " of the list): %s\n", rule->line,
                   rule->evidence);
            if (rule->note[0] != '\0') {
                printf("  %s\n", rule->note);
            }
            return;
        }
    }
}

/* The list's text has what the image leaves out: every fact, and the rule's evidence. */
static void print_basis(const struct explain *ex, const struct policy_hit *hit)
{
    const struct config *config = ex->snapshot->config;
    struct policy_image_list entry;
    struct trust_keyring keyring;
    struct trust_verdict signers;
    struct policy_list *list = NULL;
    struct report report;
    char path[4096];

    if (!policy_image_list_at(policy_image_of(ex->snapshot->policy), hit->list, &entry)) {
        return;
    }
    report_init(&report);
    if ((size_t)snprintf(path, sizeof(path), "%s/%s.list", config->list_directory, entry.id) <
            sizeof(path) &&
        trust_keyring_load((const char *const *)config->keys, config->key_count,
                           config->threshold, &report, &keyring) == 0 &&
        policy_load_list(path, &keyring, &report, &list, &signers) == 0) {
        printf("\nWhat list %s says of %s%s%s\n", list->id, list->provider_name,
               list->parent_name[0] != '\0' ? ", owned by " : "", list->parent_name);
        printf("  %s\n", list->legal_requirement[0] != '\0'
                             ? list->legal_requirement
                             : "No law that the list names requires this block: it is the "
                               "operator's choice.");
        cli_print_facts(list);
        print_evidence(ex, hit, list);
    }
    report_print(&report, stderr);
    report_deinit(&report);
    policy_list_free(list);
}

/* What is in force beside the lists. */
static void print_default(const struct explain *ex)
{
    const char *name = ex->snapshot->views[ex->view].name;

    if (ex->outcome.denied) {
        printf("default: deny in view %s: neither a rule nor the operator (allow) lets this "
               "name through.\nNo list says anything about it.\n",
               name);
    } else if (!ex->is_address && !ex->outcome.enforced && ex->local.kind == LOCAL_NOT &&
               (ex->zone == NULL || !ex->zone->exempt) &&
               policy_view_default(ex->snapshot->policy, ex->view) != POLICY_MODE_OFF) {
        printf("default: deny in view %s lets it through, since it is, or is below, a name of "
               "allow.\n",
               name);
    }
}

void explain_print_words(const struct explain *ex, const char *client, bool client_allowed)
{
    char type[WIRE_TYPE_TEXT_MAX];
    char answer[256];

    wire_type_format(ex->type, type);
    answer_of(ex, answer, sizeof(answer));
    printf("%s %s: %s%s%s\n", ex->subject, ex->is_address ? "in an answer" : type, verdict(ex),
           answer[0] != '\0' ? ", " : "", answer);
    if (client != NULL) {
        printf("Client %s: %s\n", client,
               client_allowed ? "may ask"
                              : "is in no network of access.allow, and is not answered at all");
    }
    if (ex->snapshot->view_count > 1) {
        printf("View %s%s\n", ex->snapshot->views[ex->view].name,
               client == NULL && ex->view == 0 ? " (--client or --view shows what others get)"
                                               : "");
    }
    print_default(ex);
    for (size_t i = ex->matches.count; i-- > 0;) {
        const struct policy_match_entry *entry = &ex->matches.at[i];
        const size_t rows =
            policy_image_set_size(policy_image_of(ex->snapshot->policy), entry->set);

        for (size_t row = 0; row < rows; row++) {
            print_row(ex, entry, row);
        }
    }
    if (ex->matches.count == 0 && ex->local.kind == LOCAL_NOT &&
        (ex->zone == NULL || !ex->zone->exempt)) {
        printf("No rule of the lists that are in use matches it.\n");
    }
    if (ex->outcome.enforced) {
        print_basis(ex, &ex->outcome.hit);
    }
    if (ex->outcome.logged &&
        (!ex->outcome.enforced || ex->outcome.log_hit.list != ex->outcome.hit.list)) {
        print_basis(ex, &ex->outcome.log_hit);
    }
}

static void json_row(struct text *out, const struct explain *ex,
                     const struct policy_match_entry *entry, size_t index)
{
    const struct policy_image *image = policy_image_of(ex->snapshot->policy);
    struct policy_row row;
    struct policy_image_list list;
    char place[WIRE_NAME_TEXT_MAX];

    if (!policy_image_row(image, entry->set, index, &row) ||
        !policy_image_list_at(image, row.list, &list)) {
        return;
    }
    place_of(ex, entry->labels, place);
    json_object_begin(out, NULL);
    json_string(out, "kind", policy_kind_name(row.kind));
    json_string(out, "match", policy_match_name(row.match));
    json_string(out, "what", place);
    json_string(out, "list", list.id);
    json_uint(out, "serial", list.serial);
    json_string(out, "mode",
                policy_mode_name(policy_list_mode(ex->snapshot->policy, ex->view, row.list)));
    json_string(out, "category", row.category);
    json_string(out, "scope", policy_scope_name(row.scope));
    json_string(out, "confidence", policy_confidence_name(row.confidence));
    json_string(out, "provider", list.provider);
    json_string(out, "status_class", list.status_class);
    json_string(out, "status_entity", list.status_entity);
    json_string(out, "status_authority", list.status_authority);
    json_string(out, "status_citation", list.status_citation);
    json_string(out, "status_checked", list.status_checked);
    json_string(out, "action",
                row.action != POLICY_ACTION_DEFAULT ? policy_action_name(row.action) : NULL);
    json_string(out, "reason", reason(ex, entry, index, &row));
    json_object_end(out);
}

void explain_print_json(const struct explain *ex, const char *client, bool client_allowed)
{
    const size_t size = 1u << 20;
    char *buffer = malloc(size);
    struct text out;
    char type[WIRE_TYPE_TEXT_MAX];
    char answer[256];

    if (buffer == NULL) {
        return;
    }
    wire_type_format(ex->type, type);
    answer_of(ex, answer, sizeof(answer));
    text_init(&out, buffer, size);
    json_object_begin(&out, NULL);
    json_string(&out, "name", ex->subject);
    json_string(&out, "type", type);
    json_string(&out, "view", ex->snapshot->views[ex->view].name);
    json_bool(&out, "denied_by_default", ex->outcome.denied);
    json_bool(&out, "blocked", policy_outcome_blocks(&ex->outcome));
    json_string(&out, "verdict", verdict(ex));
    json_string(&out, "answer", answer[0] != '\0' ? answer : NULL);
    if (client != NULL) {
        json_string(&out, "client", client);
        json_bool(&out, "client_allowed", client_allowed);
    }
    json_array_begin(&out, "rules");
    for (size_t i = ex->matches.count; i-- > 0;) {
        const struct policy_match_entry *entry = &ex->matches.at[i];
        const size_t rows =
            policy_image_set_size(policy_image_of(ex->snapshot->policy), entry->set);

        for (size_t row = 0; row < rows; row++) {
            json_row(&out, ex, entry, row);
        }
    }
    json_array_end(&out);
    json_object_end(&out);
    printf("%s\n", buffer);
    free(buffer);
}
