/*
 * policy/allow.h - names that `default: deny` lets through: each of them, and all below it.
 *
 * Immutable. A look-up is one binary search over whole names, whatever their depth.
 */
#ifndef CORDON_POLICY_ALLOW_H
#define CORDON_POLICY_ALLOW_H

#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>

struct policy_allow; /* opaque */

/* Copies the names (lower case; the root is every name). *allow is NULL for none. 0 or -ENOMEM.
 */
int policy_allow_build(const struct wire_name *names, size_t count,
                       struct policy_allow **allow);
void policy_allow_free(struct policy_allow *allow); /* NULL is fine */

/* hot. True if the name is one of them, or below one. NULL: no. */
bool policy_allow_covers(const struct policy_allow *allow, const struct wire_name *name);

/* True if one of them is below the name, so that the name exists. Only for a name that is not
 * covered itself. */
bool policy_allow_below(const struct policy_allow *allow, const struct wire_name *name);

#endif
