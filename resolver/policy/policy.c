#include "policy/policy.h"

#include "base/invariant.h"
#include "base/text.h"
#include "policy/policy_state.h"

uint64_t policy_generation(const struct policy *policy)
{
    return policy->generation;
}

uint64_t policy_root_generation(const struct policy *policy)
{
    return policy->root_generation;
}

const struct policy_image *policy_image_of(const struct policy *policy)
{
    return policy->image;
}

const struct policy_list *policy_list_head_of(const struct policy *policy, size_t list)
{
    return list < POLICY_LISTS_MAX ? policy->heads[list] : NULL;
}

enum policy_mode policy_list_mode(const struct policy *policy, unsigned view, size_t list)
{
    invariant(view < policy->view_count);
    return list < POLICY_LISTS_MAX ? (enum policy_mode)policy->views[view].lists[list].mode
                                   : POLICY_MODE_OFF;
}

bool policy_list_is_paused(const struct policy *policy, unsigned view, size_t list)
{
    invariant(view < policy->view_count);
    return list < POLICY_LISTS_MAX && policy->views[view].lists[list].paused;
}

unsigned policy_view_count(const struct policy *policy)
{
    return (unsigned)policy->view_count;
}

enum policy_mode policy_view_default(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return (enum policy_mode)policy->views[view].by_default;
}

bool policy_view_is_paused(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return policy->views[view].paused;
}

bool policy_view_allows(const struct policy *policy, unsigned view,
                        const struct wire_name *name)
{
    invariant(view < policy->view_count);
    return policy_allow_covers(policy->views[view].allow, name);
}

bool policy_list_is_ever_enforced(const struct policy *policy, unsigned view, size_t list)
{
    invariant(view < policy->view_count);
    const struct policy_view *in = &policy->views[view];
    bool any = list < POLICY_LISTS_MAX &&
               (in->lists[list].mode == POLICY_MODE_ENFORCE || in->lists[list].paused);

    for (unsigned i = 0; in->words != NULL && i <= in->variant_count; i++) {
        any = any ||
              (list < POLICY_LISTS_MAX && in->words[i].lists[list].mode == POLICY_MODE_ENFORCE);
    }
    return any;
}

unsigned policy_view_origin(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return policy->views[view].origin;
}

bool policy_has_trial(const struct policy *policy)
{
    for (size_t i = 0; i < policy->view_count; i++) {
        if (policy->views[i].tries) {
            return true;
        }
    }
    return false;
}

enum policy_version policy_list_version(const struct policy *policy, size_t list)
{
    return list < POLICY_LISTS_MAX ? (enum policy_version)policy->versions[list]
                                   : POLICY_VERSION_ONLY;
}

unsigned policy_view_variant(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return policy->views[view].variant;
}

enum policy_mode policy_view_targets(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return (enum policy_mode)policy->views[view].targets;
}

enum policy_client policy_view_client(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return (enum policy_client)policy->views[view].client;
}

bool policy_view_client_is_paused(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return policy->views[view].client_paused;
}

struct policy_name_server_use policy_name_server_use(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    return policy->views[view].use;
}

bool policy_fill_hit(const struct policy *policy, const struct policy_trigger_at *at,
                     const struct policy_match_entry *match, uint16_t index,
                     enum policy_mode mode, uint8_t action, struct policy_hit *hit)
{
    struct policy_row row;

    if (!policy_image_row(policy->image, match->set, index, &row)) {
        return false;
    }
    /* All fields, but of the name what is used of it. */
    hit->set = match->set;
    hit->row = index;
    hit->list = row.list;
    hit->labels = match->labels;
    hit->trigger = (uint8_t)at->trigger;
    hit->hop = at->hop;
    hit->mode = (uint8_t)mode;
    hit->action = action;
    hit->kind = (uint8_t)row.kind;
    hit->ground = POLICY_GROUND_RULE;
    hit->match = (uint8_t)row.match;
    hit->trial = POLICY_TRIAL_NONE;
    hit->chain = row.ends_chain && row.kind == POLICY_PASS;
    hit->family = ADDRESS_NONE;
    hit->exception = 0;
    if (at->name != NULL) {
        wire_name_copy(&hit->name, at->name);
    } else {
        hit->name = (struct wire_name){.len = 1}; /* the root */
    }
    if (at->address != NULL) {
        hit->address = *at->address;
        hit->family = at->family;
    } else {
        hit->address = (struct address){.family = ADDRESS_NONE};
    }
    return true;
}

/* Longest match first: the first set with a verdict decides. Enforced lists and those in log
 * mode are two such searches that know nothing of each other. */
static void decide(const struct policy *policy, unsigned number,
                   const struct policy_matches *matches,
                   const struct policy_trigger_at *trigger, struct policy_outcome *out)
{
    const struct policy_view *view = &policy->views[number];
    const struct policy_verdict *verdicts = view->verdicts[policy_subject_of(trigger->trigger)];
    bool log_open = true;

    if (verdicts == NULL) {
        return;
    }
    for (unsigned i = matches->count; i > 0; i--) {
        const struct policy_match_entry *match = &matches->at[i - 1];
        const struct policy_verdict verdict = verdicts[match->set];

        if (!out->enforced && verdict.enforce != POLICY_NO_ROW) {
            out->enforced =
                policy_fill_hit(policy, trigger, match, verdict.enforce, POLICY_MODE_ENFORCE,
                                verdict.enforce_action, &out->hit);
        }
        if (log_open && verdict.log != POLICY_NO_ROW) {
            log_open = false;
            /* What lets through in a list that is only partly in log mode counts among the
             * enforced ones, with its event. */
            out->logged = policy_fill_hit(policy, trigger, match, verdict.log, POLICY_MODE_LOG,
                                          verdict.log_action, &out->log_hit) &&
                          out->log_hit.action != POLICY_ACTION_PASS &&
                          !(policy_list_counts_twice(view, out->log_hit.list,
                                                     policy_subject_of(trigger->trigger)) &&
                            policy_lets_through(out->log_hit.action));
        }
    }
    if (view->tries) {
        policy_try(policy, number, matches, trigger, out);
    }
}

/* True if the view's default is to deny, in whatever mode, and nothing speaks of the name.
 * ruled: rules that no exception takes away may speak of it. */
static bool is_denied(const struct policy_view *view, const struct policy_matches *matches,
                      bool ruled, const struct wire_name *name)
{
    if (view->by_default == POLICY_MODE_OFF) {
        return false;
    }
    for (unsigned i = 0; ruled && i < matches->count; i++) {
        if (view->verdicts[POLICY_SUBJECT_ANSWER][matches->at[i].set].speaks) {
            return false;
        }
    }
    return !policy_allow_covers(view->allow, name);
}

/* Nothing yet. */
static void start(struct policy_outcome *out)
{
    out->enforced = out->denied = out->logged = out->tried = false;
}

/* hot */
bool policy_view_minds_clients(const struct policy *policy, unsigned view)
{
    invariant(view < policy->view_count);
    const struct policy_view *in = &policy->views[view];

    return in->client == POLICY_CLIENT_DECIDE ? in->verdicts[POLICY_SUBJECT_CLIENT] != NULL
                                              : in->client != POLICY_CLIENT_PASS;
}

/* hot */
bool policy_view_is_open(const struct policy *policy, unsigned view)
{
    return !policy_view_minds_clients(policy, view) &&
           policy->views[view].by_default == POLICY_MODE_OFF;
}

/* hot */
void policy_decide_client(const struct policy *policy, unsigned view,
                          const struct address *address, struct policy_outcome *out)
{
    struct policy_trigger_at what = {POLICY_TRIGGER_CLIENT, 0, NULL, address, ADDRESS_NONE};
    struct policy_matches matches;

    invariant(view < policy->view_count);
    const struct policy_view *in = &policy->views[view];
    start(out);
    switch ((enum policy_client)in->client) {
    case POLICY_CLIENT_PASS:
        return;
    case POLICY_CLIENT_LOG:
    case POLICY_CLIENT_BLOCK:
        out->denied = true;
        out->hit = (struct policy_hit){
            .list = POLICY_LIST_NONE,
            .trigger = POLICY_TRIGGER_CLIENT,
            .mode = in->client == POLICY_CLIENT_BLOCK ? POLICY_MODE_ENFORCE : POLICY_MODE_LOG,
            .action = in->action,
            .kind = POLICY_BLOCK,
            .ground = POLICY_GROUND_CLIENT,
            .family = address->family,
            .name = {.len = 1},
            .address = *address,
        };
        return;
    case POLICY_CLIENT_DECIDE:
        break;
    }
    if (in->verdicts[POLICY_SUBJECT_CLIENT] != NULL) {
        policy_image_find_address(policy->image, POLICY_SUBJECT_CLIENT, address, &matches);
        what.family = matches.family;
        decide(policy, view, &matches, &what, out);
        (void)policy_except_rules(policy, view, &matches, out);
    }
}

/* hot */
void policy_decide_question(const struct policy *policy, unsigned view,
                            const struct wire_name *name, struct policy_outcome *out)
{
    struct policy_image_aim aim;

    policy_image_take_aim(policy->image, name, &aim);
    policy_decide_aimed(policy, view, name, &aim, out);
}

/* hot */
void policy_decide_aimed(const struct policy *policy, unsigned view,
                         const struct wire_name *name, struct policy_image_aim *aim,
                         struct policy_outcome *out)
{
    const struct policy_trigger_at what = {POLICY_TRIGGER_QNAME, 0, name, NULL, ADDRESS_NONE};
    struct policy_matches matches;

    invariant(view < policy->view_count);
    const struct policy_view *in = &policy->views[view];
    start(out);
    policy_image_find_aimed(policy->image, name, aim, &matches);
    if (matches.count == 0 && in->by_default == POLICY_MODE_OFF) {
        return; /* nobody speaks of it: most names */
    }
    decide(policy, view, &matches, &what, out);
    const bool ruled = policy_except_rules(policy, view, &matches, out);
    out->denied = is_denied(in, &matches, ruled, name);
    if (out->denied) {
        out->enforced = false;
        out->hit = (struct policy_hit){
            .list = POLICY_LIST_NONE,
            .trigger = POLICY_TRIGGER_QNAME,
            .mode = in->by_default,
            .action = in->action,
            .kind = POLICY_BLOCK,
            .ground = POLICY_GROUND_DEFAULT,
            .name = *name,
        };
    }
    policy_except_name(policy, view, name, false, out);
}

/* hot */
void policy_decide_name(const struct policy *policy, unsigned view, enum policy_trigger trigger,
                        uint8_t hop, const struct wire_name *name, struct policy_outcome *out)
{
    const struct policy_trigger_at what = {trigger, hop, name, NULL, ADDRESS_NONE};
    struct policy_matches matches;

    invariant(view < policy->view_count && !policy_trigger_is_address(trigger));
    const struct policy_view *in = &policy->views[view];
    start(out);
    if (in->verdicts[policy_subject_of(trigger)] == NULL ||
        (trigger == POLICY_TRIGGER_TARGET && in->targets == POLICY_MODE_OFF)) {
        return;
    }
    policy_image_find_name(policy->image, name, &matches);
    decide(policy, view, &matches, &what, out);
    if (trigger == POLICY_TRIGGER_TARGET && in->targets == POLICY_MODE_LOG &&
        policy_outcome_blocks(out)) {
        out->hit.mode = POLICY_MODE_LOG;
    }
    (void)policy_except_rules(policy, view, &matches, out);
    policy_except_name(policy, view, name, false, out);
}

/* hot */
void policy_decide_address(const struct policy *policy, unsigned view,
                           enum policy_trigger trigger, uint8_t hop,
                           const struct wire_name *owner, const struct address *address,
                           struct policy_outcome *out)
{
    const enum policy_subject subject = policy_subject_of(trigger);
    struct policy_trigger_at what = {trigger, hop, owner, address, ADDRESS_NONE};
    struct policy_matches matches;

    invariant(view < policy->view_count && policy_trigger_is_address(trigger));
    start(out);
    if (policy->views[view].verdicts[subject] != NULL) {
        policy_image_find_address(policy->image, subject, address, &matches);
        what.family = matches.family;
        decide(policy, view, &matches, &what, out);
        (void)policy_except_rules(policy, view, &matches, out);
    }
}

bool policy_outcome_blocks(const struct policy_outcome *outcome)
{
    return (outcome->enforced || outcome->denied) && outcome->hit.mode == POLICY_MODE_ENFORCE &&
           outcome->hit.kind == POLICY_BLOCK && !policy_lets_through(outcome->hit.action);
}

bool policy_hit_is_paused(const struct policy *policy, unsigned view,
                          const struct policy_hit *hit)
{
    if (hit->mode != POLICY_MODE_LOG) {
        return false;
    }
    switch ((enum policy_ground)hit->ground) {
    case POLICY_GROUND_DEFAULT:
        return policy_view_is_paused(policy, view);
    case POLICY_GROUND_CLIENT:
        return policy_view_client_is_paused(policy, view);
    case POLICY_GROUND_RULE:
        break;
    }
    return policy_list_is_paused(policy, view, hit->list);
}

/* hot */
const struct policy_said *policy_hit_said(const struct policy *policy,
                                          const struct policy_hit *hit)
{
    return hit->ground == POLICY_GROUND_RULE && hit->list < policy->said_count
               ? &policy->said[hit->list]
               : NULL;
}

bool policy_hit_row(const struct policy *policy, const struct policy_hit *hit,
                    struct policy_row *out)
{
    return hit->ground == POLICY_GROUND_RULE &&
           policy_image_row(policy->image, hit->set, hit->row, out);
}

bool policy_hit_prefix(const struct policy_hit *hit, struct address_prefix *out)
{
    struct address host = hit->address;

    if (!policy_trigger_is_address((enum policy_trigger)hit->trigger) ||
        hit->ground != POLICY_GROUND_RULE || hit->address.family == ADDRESS_NONE ||
        (hit->family != hit->address.family && !address_embedded_v4(&hit->address, &host)) ||
        hit->labels > 8 * address_octets(&host)) {
        return false;
    }
    address_prefix_of(&host, hit->labels, out);
    return true;
}

/* What a rule is about, in text. False: the hit has no such rule. */
static bool subject_text(const struct policy_hit *hit, char out[WIRE_NAME_TEXT_MAX],
                         size_t *len)
{
    struct address_prefix prefix;
    struct wire_name suffix;

    if (policy_trigger_is_address((enum policy_trigger)hit->trigger)) {
        if (!policy_hit_prefix(hit, &prefix)) {
            return false;
        }
        *len = address_prefix_format(&prefix, out);
        return true;
    }
    if (hit->labels > hit->name.labels) {
        return false;
    }
    if (hit->labels > 0 && wire_name_is_plain(&hit->name)) { /* as most are: nothing is moved */
        *len = wire_name_plain_text(&hit->name, hit->labels, out);
        return true;
    }
    wire_name_suffix(&hit->name, hit->labels, &suffix);
    *len = wire_name_to_text(&suffix, out);
    return true;
}

size_t policy_hit_rule(const struct policy_hit *hit, const struct policy_row *row, char *out,
                       size_t size)
{
    const char *subject = policy_subject_name(row->subject);
    char what[WIRE_NAME_TEXT_MAX];
    struct text text;
    size_t len = 0;

    if (!subject_text(hit, what, &len) || size == 0) {
        return 0;
    }
    text_init(&text, out, size); /* each event has its rule: printf takes five times as long */
    text_add(&text, policy_kind_name(row->kind));
    text_add(&text, " ");
    text_add(&text, policy_match_name(row->match));
    text_add(&text, " ");
    text_add_octets(&text, what, len);
    if (subject != NULL) {
        text_add(&text, " trigger=");
        text_add(&text, subject);
    }
    return text.overflow ? 0 : text.len;
}

bool policy_hit_redirect(const struct policy *policy, unsigned view,
                         const struct policy_hit *hit, const struct wire_name *asked,
                         struct wire_name *out)
{
    struct policy_row row = {.redirect = NULL};
    struct wire_name target;
    size_t pos = 0;
    bool prefixes;

    invariant(view < policy->view_count);
    if (hit->action != POLICY_ACTION_REDIRECT ||
        (hit->ground == POLICY_GROUND_RULE && !policy_hit_row(policy, hit, &row))) {
        return false;
    }
    if (row.redirect != NULL) {
        if (wire_name_read(row.redirect, row.redirect_len, &pos, &target) != WIRE_OK ||
            pos != row.redirect_len) {
            return false;
        }
        prefixes = row.redirect_prefixes;
    } else {
        if (policy->views[view].redirect.labels == 0) {
            return false; /* the operator gave no target */
        }
        target = policy->views[view].redirect;
        prefixes = policy->views[view].redirect_prefixes;
    }
    if (prefixes) {
        return wire_name_join(asked, asked->labels, &target, out);
    }
    *out = target;
    return true;
}

bool policy_passes_below(const struct policy *policy, unsigned view,
                         const struct wire_name *name)
{
    struct policy_matches matches;
    struct policy_row row;

    invariant(view < policy->view_count);
    if (policy->exceptions != NULL &&
        policy_exceptions_below(policy->exceptions, policy->views[view].origin, name)) {
        return true;
    }
    const struct policy_view *in = &policy->views[view];
    if (in->by_default == POLICY_MODE_ENFORCE && policy_allow_below(in->allow, name)) {
        return true;
    }
    policy_image_find_name(policy->image, name, &matches);
    const size_t size = policy_image_set_size(policy->image, matches.pass_below);
    for (size_t i = 0; i < size; i++) {
        if (policy_image_row(policy->image, matches.pass_below, i, &row) &&
            row.list < POLICY_LISTS_MAX && policy_row_counts(in, &row, POLICY_MODE_ENFORCE) &&
            policy_lets_through(policy_row_action(in, &row))) {
            return true;
        }
    }
    return false;
}
