/*
 * Exceptions in decisions: asked only about what would be blocked. One for a name lets through
 * whatever blocks it. One for a rule takes this rule away, and what is left decides.
 */
#include "policy/policy_state.h"

/* The rule of a match as exceptions know it: all versions of its list have it under the number
 * of the first. hit: of the same look-up. False: it has no such
 * suffix or prefix. */
static bool key_of(const struct policy *policy, const struct policy_hit *hit, uint8_t family,
                   unsigned labels, const struct policy_row *row, struct address_prefix *prefix,
                   struct policy_rule_key *key)
{
    *key = (struct policy_rule_key){
        .list = policy->first[row->list], .match = row->match, .about = row->subject};
    if (hit->family != ADDRESS_NONE) {
        struct address host = hit->address;

        if ((family != host.family && !address_embedded_v4(&hit->address, &host)) ||
            labels > 8 * address_octets(&host)) {
            return false;
        }
        address_prefix_of(&host, labels, prefix);
        key->family = prefix->family;
        key->bits = prefix->bits;
        key->what = prefix->octets;
        key->len = sizeof(prefix->octets);
        return true;
    }
    if (labels > hit->name.labels) {
        return false;
    }
    const uint8_t from = hit->name.at[hit->name.labels - labels];
    key->what = hit->name.octets + from;
    key->len = (uint8_t)(hit->name.len - from);
    return true;
}

static bool blocks(const struct policy_view *view, const struct policy_row *row)
{
    return row->kind == POLICY_BLOCK && !policy_lets_through(policy_row_action(view, row));
}

/* The number of the exception for this row, or 0. */
static unsigned exception_for(const struct policy *policy, unsigned view,
                              const struct policy_hit *hit, uint8_t family, unsigned labels,
                              const struct policy_row *row)
{
    struct address_prefix prefix;
    struct policy_rule_key key;

    return blocks(&policy->views[view], row) &&
                   key_of(policy, hit, family, labels, row, &prefix, &key)
               ? policy_exceptions_find_rule(policy->exceptions, policy->views[view].origin,
                                             &key)
               : 0;
}

unsigned policy_except_number(const struct policy *policy, unsigned view,
                              const struct policy_hit *hit, const struct policy_row *row)
{
    return policy->exceptions == NULL ||
                   !policy_exceptions_have_rules(policy->exceptions, false)
               ? 0
               : exception_for(policy, view, hit, hit->family, hit->labels, row);
}

/* What decides where excepted rules do not count: fills in *next. False: no other has a word.
 */
static bool decide_without(const struct policy *policy, unsigned view,
                           const struct policy_matches *matches, struct policy_hit *next)
{
    const enum policy_subject subject = policy_subject_of((enum policy_trigger)next->trigger);
    const struct policy_view *in = &policy->views[view];
    struct policy_row best, row;
    bool found = false;

    for (unsigned i = matches->count; i > 0 && !found; i--) {
        const struct policy_match_entry *match = &matches->at[i - 1];
        const size_t size = policy_image_set_size(policy->image, match->set);

        for (size_t j = 0; j < size; j++) {
            if (!policy_image_row(policy->image, match->set, j, &row) ||
                row.list >= POLICY_LISTS_MAX || row.subject != subject ||
                !policy_row_counts(in, &row, POLICY_MODE_ENFORCE) ||
                exception_for(policy, view, next, matches->family, match->labels, &row) != 0 ||
                (found && policy_row_before(in, &row, &best) == POLICY_BEFORE_NOT)) {
                continue;
            }
            found = true;
            best = row;
            next->set = match->set;
            next->row = (uint16_t)j;
            next->labels = match->labels;
        }
    }
    if (found) {
        next->list = best.list;
        next->kind = (uint8_t)best.kind;
        next->match = (uint8_t)best.match;
        next->action = (uint8_t)policy_row_action(in, &best);
        next->chain = best.ends_chain && best.kind == POLICY_PASS;
    }
    return found;
}

bool policy_except_rules(const struct policy *policy, unsigned view,
                         const struct policy_matches *matches, struct policy_outcome *out)
{
    struct policy_hit next;
    struct policy_row row;

    if (policy->exceptions == NULL ||
        !policy_exceptions_have_rules(policy->exceptions, false) ||
        !policy_outcome_blocks(out) || !policy_hit_row(policy, &out->hit, &row)) {
        return true;
    }
    const unsigned number =
        exception_for(policy, view, &out->hit, out->hit.family, out->hit.labels, &row);
    if (number == 0) {
        return true;
    }
    next = out->hit;
    const bool speaks = decide_without(policy, view, matches, &next);
    if (speaks && next.kind == POLICY_BLOCK &&
        !policy_lets_through((enum policy_action)next.action)) {
        out->hit = next; /* another rule blocks it as well */
    } else {
        out->hit.action = POLICY_ACTION_PASS;
        out->hit.exception = (uint16_t)number;
        out->hit.chain = speaks && next.chain;
    }
    return speaks;
}

void policy_except_name(const struct policy *policy, unsigned view,
                        const struct wire_name *name, bool chain, struct policy_outcome *out)
{
    if (policy->exceptions != NULL && policy_outcome_blocks(out)) {
        const unsigned number =
            policy_exceptions_find(policy->exceptions, policy->views[view].origin, name, chain);

        if (number != 0) {
            out->hit.action = POLICY_ACTION_PASS;
            out->hit.exception = (uint16_t)number;
        }
    }
}

/* hot */
void policy_except_chain(const struct policy *policy, unsigned view,
                         const struct wire_name *asked, struct policy_outcome *outcome)
{
    struct policy_outcome question;

    policy_except_name(policy, view, asked, true, outcome);
    outcome->tried = outcome->tried &&
                     (policy->exceptions == NULL ||
                      policy_exceptions_find(policy->exceptions, policy->views[view].origin,
                                             asked, true) == 0);
    if (policy->exceptions == NULL || !policy_exceptions_have_rules(policy->exceptions, true) ||
        !policy_outcome_blocks(outcome)) {
        return;
    }
    /* One for a rule counts for the name if it is what lets the name itself through. */
    policy_decide_question(policy, view, asked, &question);
    const struct policy_exception *exception =
        question.enforced ? policy_hit_exception(policy, &question.hit) : NULL;
    if (exception != NULL && exception->is_rule && exception->chain) {
        outcome->hit.action = POLICY_ACTION_PASS;
        outcome->hit.exception = question.hit.exception;
    }
}

bool policy_excepts_chain(const struct policy *policy, unsigned view,
                          const struct wire_name *asked)
{
    struct policy_outcome outcome = {.enforced = true,
                                     .hit = {.mode = POLICY_MODE_ENFORCE,
                                             .kind = POLICY_BLOCK,
                                             .action = POLICY_ACTION_SINKHOLE}};

    policy_except_chain(policy, view, asked, &outcome);
    return !policy_outcome_blocks(&outcome);
}

const struct policy_exception *policy_hit_exception(const struct policy *policy,
                                                    const struct policy_hit *hit)
{
    return policy_exceptions_at(policy->exceptions, hit->exception);
}
