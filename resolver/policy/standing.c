/* policy/standing.c - how far a rule counts in a view, and why no further: for whoever
 * explains.
 */
#include "base/invariant.h"
#include "policy/policy_state.h"

/* Why the list is not enforced in the view. */
static enum policy_reason reason_of_list(const struct policy_view *view, size_t list)
{
    const struct policy_list_state *state = &view->lists[list];

    if (state->mode == POLICY_MODE_ENFORCE) {
        return POLICY_REASON_NONE;
    }
    if (state->replaced) {
        return POLICY_REASON_STAGE;
    }
    if (state->paused) {
        return POLICY_REASON_PAUSE;
    }
    if (view->variant > 0 && view->words[0].lists[list].mode != state->mode) {
        return POLICY_REASON_SCHEDULE;
    }
    return state->speaks ? POLICY_REASON_VIEW : POLICY_REASON_LIST;
}

struct policy_standing policy_row_standing(const struct policy *policy, unsigned view,
                                           const struct policy_row *row)
{
    struct policy_standing standing = {POLICY_MODE_OFF, POLICY_REASON_LIST};
    enum policy_reason reason;

    invariant(view < policy->view_count);
    if (row->list >= POLICY_LISTS_MAX) {
        return standing;
    }
    const struct policy_view *in = &policy->views[view];
    standing.mode = (enum policy_mode)in->lists[row->list].mode;
    standing.reason = reason_of_list(in, row->list);
    if (policy_lets_through(policy_row_action(in, row))) {
        if (in->lists[row->list].paused) { /* it goes on letting through */
            standing = (struct policy_standing){POLICY_MODE_ENFORCE, POLICY_REASON_NONE};
        }
        if (row->subject == POLICY_SUBJECT_NAMESERVER && in->name_servers == POLICY_MODE_OFF &&
            standing.mode != POLICY_MODE_OFF) {
            return (struct policy_standing){POLICY_MODE_OFF, POLICY_REASON_NAME_SERVERS};
        }
        if (standing.reason == POLICY_REASON_NONE &&
            policy_row_is_recorded(in, row, &standing.reason)) {
            standing.mode = POLICY_MODE_LOG;
        }
        return standing;
    }
    const enum policy_mode most = policy_row_most(in, row, &reason);
    return most < standing.mode ? (struct policy_standing){most, reason} : standing;
}
