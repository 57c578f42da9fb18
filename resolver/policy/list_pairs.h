/*
 * policy/list_pairs.h - two versions of a list side by side: rules for the same, in pairs.
 *
 * Rules are told apart by what they are about and match (subject, kind of match, and name or
 * prefix): a list has one rule for each.
 */
#ifndef CORDON_POLICY_LIST_PAIRS_H
#define CORDON_POLICY_LIST_PAIRS_H

#include "policy/list.h"

struct policy_list_pairs {
    struct policy_list_side {
        const struct policy_list *list;        /* NULL: it has no rules */
        const struct policy_list_rule **rules; /* sorted */
        size_t at, count;
    } old, new;
};

/* The lists are borrowed; either may be NULL. 0 or -ENOMEM; to be followed by
 * policy_list_pairs_deinit, whatever it returns. */
int policy_list_pairs_init(struct policy_list_pairs *pairs, const struct policy_list *old,
                           const struct policy_list *new);
void policy_list_pairs_deinit(struct policy_list_pairs *pairs);

/* From the first one on. */
void policy_list_pairs_rewind(struct policy_list_pairs *pairs);

/* The next pair, either of which may be NULL, not both. False: no more. */
bool policy_list_pairs_next(struct policy_list_pairs *pairs,
                            const struct policy_list_rule **old,
                            const struct policy_list_rule **new);

#endif
