#include "policy/scope.h"

#include "base/error.h"

#include <string.h>

/* So many rules are told: whoever reads ten knows. */
#define TOLD_MAX 10u

/* A wire name as the scope has names: lower case, no final dot. */
static void name_text(const struct policy_list *list, const struct policy_list_rule *rule,
                      char out[TRUST_NAME_MAX + 3])
{
    const uint8_t *at = list->names + rule->name;
    size_t used = 0;

    for (size_t i = 0; i < rule->name_len && at[i] != 0; i += at[i] + 1u) {
        if (used > 0) {
            out[used++] = '.';
        }
        memcpy(out + used, at + i + 1, at[i]);
        used += at[i];
    }
    out[used] = '\0';
}

static bool is_within(const struct policy_list *list, const struct policy_list_rule *rule,
                      const struct trust_scope *scope)
{
    char name[TRUST_NAME_MAX + 3];

    if (rule->subject != POLICY_SUBJECT_ANSWER) {
        return scope->all_names && (rule->name_len > 0 || scope->all_prefixes);
    }
    if (rule->ends_chain) { /* whatever the answer leads to is let through, too */
        return scope->all_names && scope->all_prefixes;
    }
    if (rule->name_len == 0) {
        return trust_scope_has_prefix(scope, &list->prefixes[rule->name]);
    }
    if (scope->all_names) {
        return true;
    }
    name_text(list, rule, name);
    return trust_scope_has_name(scope, name);
}

int policy_list_scope_check(const struct policy_list *list, const struct trust_scope *scope,
                            const char *file, struct report *report)
{
    size_t outside = 0;

    if (!trust_scope_has_provider(scope, list->provider)) {
        report_add(report, REPORT_ERROR, file, 0, 0,
                   "it is about the provider \"%s\", of whom its publisher may not speak: the "
                   "whole list is refused",
                   list->provider);
        return CORDON_E_REFUSED;
    }
    for (size_t i = 0; i < list->rule_count; i++) {
        if (!is_within(list, &list->rules[i], scope)) {
            if (++outside <= TOLD_MAX) {
                report_add(report, REPORT_ERROR, file, list->rules[i].line, 0,
                           "the rule is outside of what its publisher may speak of: the whole "
                           "list is refused");
            }
        }
    }
    return outside == 0 ? 0 : CORDON_E_REFUSED;
}
