/*
 * What rules mean in a view: of one, whether it counts and what it does; of those of a set, the
 * one that wins; and so the verdict of each set.
 */
#include "policy/policy_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum policy_before policy_row_before(const struct policy_view *view, const struct policy_row *a,
                                     const struct policy_row *b)
{
    static const uint8_t order[] = {[POLICY_MATCH_EXACT] = 0,
                                    [POLICY_MATCH_SUFFIX] = 1,
                                    [POLICY_MATCH_BELOW] = 2,
                                    [POLICY_MATCH_PREFIX] = 3};

    if (a->kind != b->kind) {
        return a->kind == POLICY_PASS ? POLICY_BEFORE_KIND : POLICY_BEFORE_NOT;
    }
    if (a->list != b->list) {
        return view->lists[a->list].rank < view->lists[b->list].rank ? POLICY_BEFORE_ORDER
                                                                     : POLICY_BEFORE_NOT;
    }
    return order[a->match] < order[b->match] ? POLICY_BEFORE_MATCH : POLICY_BEFORE_NOT;
}

/* Without what the view makes of it by category and scope. */
static enum policy_action own_action(const struct policy_view *view,
                                     const struct policy_row *row)
{
    if (row->kind == POLICY_PASS) {
        return POLICY_ACTION_PASS;
    }
    return row->action != POLICY_ACTION_DEFAULT
               ? row->action
               : (enum policy_action)view->lists[row->list].action;
}

bool policy_row_is_recorded(const struct policy_view *view, const struct policy_row *row,
                            enum policy_reason *reason)
{
    return !policy_lets_through(own_action(view, row)) &&
           policy_caps_record(&view->caps, row, reason);
}

enum policy_action policy_row_action(const struct policy_view *view,
                                     const struct policy_row *row)
{
    return policy_row_is_recorded(view, row, NULL) ? POLICY_ACTION_LOG : own_action(view, row);
}

bool policy_lets_through(enum policy_action action)
{
    return action == POLICY_ACTION_PASS || action == POLICY_ACTION_LOG;
}

bool policy_list_counts_twice(const struct policy_view *view, size_t list,
                              enum policy_subject subject)
{
    const struct policy_list_state *state = &view->lists[list];

    return state->paused || (state->mode == POLICY_MODE_ENFORCE &&
                             (view->caps_log || (subject == POLICY_SUBJECT_NAMESERVER &&
                                                 view->name_servers == POLICY_MODE_LOG)));
}

enum policy_mode policy_row_most(const struct policy_view *view, const struct policy_row *row,
                                 enum policy_reason *reason)
{
    const enum policy_mode most = policy_caps_of(&view->caps, row, reason);

    if (row->subject != POLICY_SUBJECT_NAMESERVER || view->name_servers >= most) {
        return most;
    }
    if (reason != NULL) {
        *reason = POLICY_REASON_NAME_SERVERS;
    }
    return (enum policy_mode)view->name_servers;
}

bool policy_row_counts(const struct policy_view *view, const struct policy_row *row,
                       enum policy_mode mode)
{
    const struct policy_list_state *state = &view->lists[row->list];
    const enum policy_mode most = policy_row_most(view, row, NULL);

    if (row->subject == POLICY_SUBJECT_NAMESERVER && view->name_servers == POLICY_MODE_OFF) {
        return mode == POLICY_MODE_OFF; /* not even what lets through is looked for */
    }
    if (policy_lets_through(policy_row_action(view, row))) {
        return state->mode == mode || (mode != POLICY_MODE_OFF &&
                                       policy_list_counts_twice(view, row->list, row->subject));
    }
    return (state->mode < most ? state->mode : most) == mode;
}

uint16_t policy_winner(const struct policy_image *image, const struct policy_view *view,
                       enum policy_subject subject, uint32_t set, enum policy_mode mode,
                       uint8_t *action)
{
    const size_t size = policy_image_set_size(image, set);
    struct policy_row best = {.list = 0};
    struct policy_row row;
    uint16_t best_index = POLICY_NO_ROW;

    for (size_t i = 0; i < size; i++) {
        if (policy_image_row(image, set, i, &row) && row.list < POLICY_LISTS_MAX &&
            row.subject == subject && policy_row_counts(view, &row, mode) &&
            (best_index == POLICY_NO_ROW ||
             policy_row_before(view, &row, &best) != POLICY_BEFORE_NOT)) {
            best = row;
            best_index = (uint16_t)i;
        }
    }
    *action = (uint8_t)(best_index == POLICY_NO_ROW ? POLICY_ACTION_PASS
                                                    : policy_row_action(view, &best));
    return best_index;
}

/* True if an enforced list has a word in the set. The view's one word takes none of them away:
 * it is about what would be; but a paused list has only those that let through, and caps take
 * away the others that they lower. */
static bool speaks(const struct policy_image *image, const struct policy_view *view,
                   uint32_t set)
{
    const size_t size = policy_image_set_size(image, set);
    struct policy_row row;

    for (size_t i = 0; i < size; i++) {
        if (policy_image_row(image, set, i, &row) && row.list < POLICY_LISTS_MAX &&
            row.subject == POLICY_SUBJECT_ANSWER && view->lists[row.list].speaks &&
            (policy_lets_through(policy_row_action(view, &row)) ||
             (!view->lists[row.list].paused &&
              policy_row_most(view, &row, NULL) == POLICY_MODE_ENFORCE))) {
            return true;
        }
    }
    return false;
}

static void at_least(enum policy_mode *mode, enum policy_mode least)
{
    *mode = *mode < least ? least : *mode;
}

/* True if it decides about more than its own trigger: about the addresses of name servers. */
static bool ends_chain_by_name(const struct policy_view *view, const struct policy_row *row)
{
    return row->kind == POLICY_PASS && row->ends_chain && row->match != POLICY_MATCH_PREFIX &&
           policy_row_counts(view, row, POLICY_MODE_ENFORCE);
}

/* What the rules of a set need to know about name servers. One that lets through, without a
 * word about it, needs nothing of its own: without it all would be let through, too. True if
 * one says so for the addresses as well. */
static bool note_use(const struct policy *policy, uint32_t set, struct policy_view *view)
{
    bool ends_chain = false;
    const size_t size = policy_image_set_size(policy->image, set);
    struct policy_row row;

    for (size_t i = 0; i < size; i++) {
        if (!policy_image_row(policy->image, set, i, &row) || row.list >= POLICY_LISTS_MAX ||
            row.subject != POLICY_SUBJECT_NAMESERVER) {
            continue;
        }
        ends_chain = ends_chain || ends_chain_by_name(view, &row);
        if (row.kind != POLICY_BLOCK) {
            continue;
        }
        const enum policy_action action = policy_row_action(view, &row);
        enum policy_mode *mode =
            row.match == POLICY_MATCH_PREFIX ? &view->use.addresses : &view->use.names;
        if (action == POLICY_ACTION_PASS) {
            continue;
        }
        if (policy_row_counts(view, &row, POLICY_MODE_ENFORCE)) {
            at_least(mode, action == POLICY_ACTION_LOG ? POLICY_MODE_LOG : POLICY_MODE_ENFORCE);
        } else if (policy_row_counts(view, &row, POLICY_MODE_LOG)) {
            at_least(mode, POLICY_MODE_LOG);
        }
    }
    return ends_chain;
}

void policy_note_uses(const struct policy *policy, struct policy_view *view)
{
    bool ends_chain = false;

    view->use = (struct policy_name_server_use){POLICY_MODE_OFF, POLICY_MODE_OFF};
    for (uint32_t set = 0;
         view->verdicts[POLICY_SUBJECT_NAMESERVER] != NULL && set < policy->set_count; set++) {
        ends_chain = note_use(policy, set, view) || ends_chain;
    }
    if (ends_chain) { /* names come before addresses */
        at_least(&view->use.names, view->use.addresses);
    }
}

void policy_verdicts_free(struct policy_view *view)
{
    for (unsigned i = 0; i < POLICY_SUBJECTS && !view->borrowed; i++) {
        free(view->verdicts[i]);
        free(view->trials[i]);
        view->verdicts[i] = NULL;
        view->trials[i] = NULL;
    }
}

int policy_verdicts_make(const struct policy *policy, struct policy_view *view)
{
    memset(view->verdicts, 0, sizeof(view->verdicts));
    memset(view->trials, 0, sizeof(view->trials));
    view->borrowed = false;
    for (unsigned i = 0; i < POLICY_SUBJECTS; i++) {
        const enum policy_subject subject = (enum policy_subject)i;

        if (subject != POLICY_SUBJECT_ANSWER && (policy->subjects & 1u << i) == 0) {
            continue;
        }
        struct policy_verdict *verdicts = malloc(policy->set_count * sizeof(verdicts[0]));
        if (verdicts == NULL) {
            return -ENOMEM;
        }
        for (uint32_t set = 0; set < policy->set_count; set++) {
            struct policy_verdict *verdict = &verdicts[set];

            verdict->enforce = policy_winner(policy->image, view, subject, set,
                                             POLICY_MODE_ENFORCE, &verdict->enforce_action);
            verdict->log = policy_winner(policy->image, view, subject, set, POLICY_MODE_LOG,
                                         &verdict->log_action);
            verdict->speaks =
                subject == POLICY_SUBJECT_ANSWER && speaks(policy->image, view, set);
        }
        view->verdicts[i] = verdicts;
    }
    policy_note_uses(policy, view);
    return policy_trials_make(policy, view);
}
