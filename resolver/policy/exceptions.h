/*
 * policy/exceptions.h - names that people have let through for a while, whatever lists say.
 *
 * Part of a policy: immutable, built anew when one comes or goes. A look-up walks the labels of
 * a name from the right and ends at the first that no exception has: its cost does not grow
 * with their number, and it is asked only about what would be blocked.
 */
#ifndef CORDON_POLICY_EXCEPTIONS_H
#define CORDON_POLICY_EXCEPTIONS_H

#include "policy/limits.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_ANY_VIEW 0xffu /* of an exception: in every view */

struct policy_exception {
    struct wire_name name;
    bool exact;   /* the name alone; else all below it, too */
    bool chain;   /* also all that its answer leads to, when a name that it covers is asked */
    uint8_t view; /* or POLICY_ANY_VIEW */
    char ticket[POLICY_TICKET_MAX + 1];
};

struct policy_exceptions; /* opaque */

/* Copies them. 0; CORDON_E_LIMIT for more than POLICY_EXCEPTIONS_MAX; -ENOMEM. */
int policy_exceptions_build(const struct policy_exception *list, size_t count,
                            struct policy_exceptions **out);
void policy_exceptions_free(struct policy_exceptions *exceptions); /* NULL is fine */

/* hot. The number, from 1, of the longest that covers the name in the view; 0: none does.
 * chain: of those with chain scope. */
unsigned policy_exceptions_find(const struct policy_exceptions *exceptions, unsigned view,
                                const struct wire_name *name, bool chain);

/* hot. True if one of the view covers something below the name. */
bool policy_exceptions_below(const struct policy_exceptions *exceptions, unsigned view,
                             const struct wire_name *name);

/* NULL if there is none of that number. Borrowed. */
const struct policy_exception *policy_exceptions_at(const struct policy_exceptions *exceptions,
                                                    unsigned number);

#endif
