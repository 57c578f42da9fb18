/*
 * policy/trial.c - a newer version of a list beside the one that counts: what each of them
 * would do by itself, where they differ, and where both would block. No answer changes by it.
 *
 * Only what blocks is compared: what changes no answer makes no hit. Exceptions let through
 * here as they do there, so that what nobody would notice is not told either.
 */
#include "policy/policy_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The view with the lists on trial alone, all enforced, or with those that they would replace.
 * False: nothing is on trial. */
static bool keep_side(const struct policy *policy, const struct policy_view *view, bool newer,
                      struct policy_view *out)
{
    bool any = false;

    *out = *view;
    for (size_t i = 0; i < POLICY_LISTS_MAX; i++) {
        bool here = view->lists[i].trial;

        for (size_t k = 0; !newer && k < POLICY_LISTS_MAX; k++) {
            here = here || (k != i && view->lists[k].trial &&
                            view->lists[i].mode == POLICY_MODE_ENFORCE &&
                            policy->first[k] == policy->first[i]);
        }
        here = here && view->lists[i].trial == newer;
        out->lists[i].mode = here ? POLICY_MODE_ENFORCE : POLICY_MODE_OFF;
        out->lists[i].paused = false;
        any = any || here;
    }
    return any;
}

/* What only the versions on trial ask about name servers is for events alone. */
static void note_uses(const struct policy *policy, struct policy_view *newer,
                      struct policy_view *view)
{
    policy_note_uses(policy, newer);
    if (view->use.names == POLICY_MODE_OFF && newer->use.names != POLICY_MODE_OFF) {
        view->use.names = POLICY_MODE_LOG;
    }
    if (view->use.addresses == POLICY_MODE_OFF && newer->use.addresses != POLICY_MODE_OFF) {
        view->use.addresses = POLICY_MODE_LOG;
    }
}

int policy_trials_make(const struct policy *policy, struct policy_view *view)
{
    struct policy_view newer, held;

    view->tries = keep_side(policy, view, true, &newer);
    if (!view->tries) {
        return 0;
    }
    (void)keep_side(policy, view, false, &held);
    for (unsigned i = 0; i < POLICY_SUBJECTS; i++) {
        if (view->verdicts[i] == NULL) {
            continue;
        }
        struct policy_trial_verdict *trials = malloc(policy->set_count * sizeof(trials[0]));
        if (trials == NULL) {
            return -ENOMEM;
        }
        for (uint32_t set = 0; set < policy->set_count; set++) {
            struct policy_trial_verdict *trial = &trials[set];

            trial->newer = policy_winner(policy->image, &newer, (enum policy_subject)i, set,
                                         POLICY_MODE_ENFORCE, &trial->newer_action);
            trial->held = policy_winner(policy->image, &held, (enum policy_subject)i, set,
                                        POLICY_MODE_ENFORCE, &trial->held_action);
        }
        view->trials[i] = trials;
    }
    note_uses(policy, &newer, view);
    return 0;
}

/* True if nothing that people have let through keeps the hit from blocking. */
static bool stands(const struct policy *policy, unsigned view,
                   const struct policy_matches *matches, const struct policy_hit *hit)
{
    struct policy_outcome outcome = {.enforced = true, .hit = *hit};

    if (policy->exceptions == NULL) {
        return true;
    }
    (void)policy_except_rules(policy, view, matches, &outcome);
    if (hit->address.family == ADDRESS_NONE) {
        policy_except_name(policy, view, &hit->name, false, &outcome);
    }
    return outcome.hit.exception == 0 && outcome.hit.list == hit->list;
}

/* True if the longest match of this side blocks. */
static bool blocks(const struct policy *policy, unsigned view,
                   const struct policy_matches *matches, const struct policy_trigger_at *at,
                   bool newer, struct policy_hit *hit)
{
    const struct policy_trial_verdict *trials =
        policy->views[view].trials[policy_subject_of(at->trigger)];

    for (unsigned i = matches->count; i > 0; i--) {
        const struct policy_match_entry *match = &matches->at[i - 1];
        const struct policy_trial_verdict *trial = &trials[match->set];
        const uint16_t row = newer ? trial->newer : trial->held;
        const uint8_t action = newer ? trial->newer_action : trial->held_action;

        if (row != POLICY_NO_ROW) {
            return !policy_lets_through((enum policy_action)action) &&
                   policy_fill_hit(policy, at, match, row, POLICY_MODE_ENFORCE, action, hit) &&
                   hit->kind == POLICY_BLOCK && stands(policy, view, matches, hit);
        }
    }
    return false;
}

/* hot where something is on trial */
void policy_try(const struct policy *policy, unsigned view,
                const struct policy_matches *matches, const struct policy_trigger_at *at,
                struct policy_outcome *out)
{
    const struct policy_view *in = &policy->views[view];
    struct policy_hit held;

    if (in->trials[policy_subject_of(at->trigger)] == NULL ||
        (at->trigger == POLICY_TRIGGER_TARGET && in->targets != POLICY_MODE_ENFORCE)) {
        return; /* no rule, or none that could block */
    }
    const bool by_newer = blocks(policy, view, matches, at, true, &out->trial_hit);
    const bool by_held = blocks(policy, view, matches, at, false, &held);
    out->tried = by_newer || by_held;
    if (!out->tried) {
        return;
    }
    if (!by_newer) {
        out->trial_hit = held;
    }
    out->trial_hit.mode = POLICY_MODE_LOG;
    out->trial_hit.trial = (uint8_t)(!by_newer  ? POLICY_TRIAL_HELD
                                     : !by_held ? POLICY_TRIAL_NEWER
                                                : POLICY_TRIAL_BOTH);
}
