/*
 * policy/scope.h - does a list speak only of what its publisher may speak of?
 */
#ifndef CORDON_POLICY_SCOPE_H
#define CORDON_POLICY_SCOPE_H

#include "base/report.h"
#include "policy/list.h"
#include "trust/root.h"

/*
 * 0 if the provider is in the scope and every rule is about names or addresses in it; else
 * CORDON_E_REFUSED, the first faults reported with their lines. Rules about clients and about
 * name servers, and passes with ends=chain, decide over names that they do not name: they need
 * a scope of all names.
 */
int policy_list_scope_check(const struct policy_list *list, const struct trust_scope *scope,
                            const char *file, struct report *report);

#endif
