#include "policy/list_pairs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* By what they are about and match, then by name or prefix. */
static int compare(const struct policy_list *list_a, const struct policy_list_rule *a,
                   const struct policy_list *list_b, const struct policy_list_rule *b)
{
    if (a->subject != b->subject) {
        return a->subject < b->subject ? -1 : 1;
    }
    if (a->match != b->match) {
        return a->match < b->match ? -1 : 1;
    }
    if (a->match == POLICY_MATCH_PREFIX) {
        const struct address_prefix *left = &list_a->prefixes[a->name];
        const struct address_prefix *right = &list_b->prefixes[b->name];

        if (left->family != right->family) {
            return left->family < right->family ? -1 : 1;
        }
        const int octets = memcmp(left->octets, right->octets, sizeof(left->octets));
        return octets != 0 ? octets : (int)left->bits - (int)right->bits;
    }
    if (a->name_len != b->name_len) {
        return (int)a->name_len - (int)b->name_len;
    }
    return memcmp(list_a->names + a->name, list_b->names + b->name, a->name_len);
}

static int compare_within(const void *a, const void *b, void *list)
{
    return compare(list, *(const struct policy_list_rule *const *)a, list,
                   *(const struct policy_list_rule *const *)b);
}

static bool side_init(struct policy_list_side *side, const struct policy_list *list)
{
    side->list = list;
    side->count = list != NULL ? list->rule_count : 0;
    side->rules = calloc(side->count + 1, sizeof(side->rules[0]));
    if (side->rules == NULL) {
        return false;
    }
    for (size_t i = 0; i < side->count; i++) {
        side->rules[i] = &list->rules[i];
    }
    qsort_r(side->rules, side->count, sizeof(side->rules[0]), compare_within,
            (void *)(uintptr_t)list);
    return true;
}

int policy_list_pairs_init(struct policy_list_pairs *pairs, const struct policy_list *old,
                           const struct policy_list *new)
{
    memset(pairs, 0, sizeof(*pairs));
    return side_init(&pairs->old, old) && side_init(&pairs->new, new) ? 0 : -ENOMEM;
}

void policy_list_pairs_deinit(struct policy_list_pairs *pairs)
{
    free(pairs->old.rules);
    free(pairs->new.rules);
    memset(pairs, 0, sizeof(*pairs));
}

void policy_list_pairs_rewind(struct policy_list_pairs *pairs)
{
    pairs->old.at = pairs->new.at = 0;
}

bool policy_list_pairs_next(struct policy_list_pairs *pairs,
                            const struct policy_list_rule **old,
                            const struct policy_list_rule **new)
{
    struct policy_list_side *left = &pairs->old, *right = &pairs->new;

    *old = left->at < left->count ? left->rules[left->at] : NULL;
    *new = right->at < right->count ? right->rules[right->at] : NULL;
    if (*old != NULL && *new != NULL) {
        const int order = compare(left->list, *old, right->list, *new);

        *new = order < 0 ? NULL : *new;
        *old = order > 0 ? NULL : *old;
    }
    left->at += *old != NULL;
    right->at += *new != NULL;
    return *old != NULL || *new != NULL;
}
