/*
 * policy/exceptions.h - names and rules that people have let through for a while.
 *
 * Part of a policy: immutable, built anew when one comes or goes. One for a name lets it
 * through whatever lists say; one for a rule has this very rule not count, while all others do.
 *
 * A look-up walks the labels of a name from the right and ends at the first that no exception
 * has; one for a rule is a probe of a hash table. Neither costs more where there are more of
 * them, and both are asked only about what would be blocked.
 */
#ifndef CORDON_POLICY_EXCEPTIONS_H
#define CORDON_POLICY_EXCEPTIONS_H

#include "policy/image.h"
#include "policy/limits.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_ANY_VIEW 0xffu /* of an exception: in every view */

struct policy_exception {
    bool is_rule;          /* about a rule of a list; else about a name */
    struct wire_name name; /* the rule's, too; no labels where that is about a prefix */
    bool exact;            /* of a name: it alone; else all below it, too */
    bool chain;   /* also all that the answer leads to, when it counts for the asked name */
    uint8_t view; /* or POLICY_ANY_VIEW */
    enum policy_match match;           /* of the rule, which is one that blocks */
    enum policy_subject about;         /* of the rule */
    struct address_prefix prefix;      /* of the rule, for POLICY_MATCH_PREFIX */
    char list[POLICY_LIST_ID_MAX + 1]; /* of the rule */
    char id[POLICY_EXCEPTION_ID_MAX + 1];
    char ticket[POLICY_TICKET_MAX + 1]; /* "": none; then there is a licence */
    char licence[POLICY_TICKET_MAX + 1];
    char approver[POLICY_APPROVER_MAX + 1]; /* "": nobody was named */
};

/* --- as people write them (policy/exception_text.c) --- */

/* Octets of the text of a subject, with its terminator. */
#define POLICY_SUBJECT_MAX (WIRE_NAME_TEXT_MAX + POLICY_LIST_ID_MAX + 32)

/* Reads a rule as its list has it, "LIST: block suffix NAME" or the same and "trigger=WORD",
 * into the fields for one. NULL, or in words what is wrong; the exception is then
 * indeterminate. */
const char *policy_exception_read_rule(const char *text, size_t len,
                                       struct policy_exception *out);

/* What it is about: "NAME" or "LIST: block suffix NAME". Returns the length. */
size_t policy_exception_subject(const struct policy_exception *exception,
                                char out[POLICY_SUBJECT_MAX]);

/* True if both are about the same, whatever their views. */
bool policy_exception_same_subject(const struct policy_exception *a,
                                   const struct policy_exception *b);

/* 1 to POLICY_EXCEPTION_ID_MAX of a-z, 0-9 and '-', the first no '-'. */
bool policy_exception_id_is_good(const char *text, size_t len);

/* --- in a policy --- */

struct policy_exceptions; /* opaque */

/* Copies them. image: where the rules are; NULL: those for rules count for nothing. 0;
 * CORDON_E_LIMIT for more than POLICY_EXCEPTIONS_ALL_MAX; -ENOMEM. */
int policy_exceptions_build(const struct policy_exception *list, size_t count,
                            const struct policy_image *image, struct policy_exceptions **out);
void policy_exceptions_free(struct policy_exceptions *exceptions); /* NULL is fine */

/* hot. The number, from 1, of the longest for a name that covers this one in the view; 0: none
 * does. chain: of those with chain scope. */
unsigned policy_exceptions_find(const struct policy_exceptions *exceptions, unsigned view,
                                const struct wire_name *name, bool chain);

/* A rule, as a look-up has it. */
struct policy_rule_key {
    uint8_t list; /* of the image */
    enum policy_match match;
    enum policy_subject about;
    uint8_t family, bits; /* of the prefix */
    uint8_t len;
    const uint8_t *what; /* the name in wire format, or the octets of the prefix */
};

/* hot. The number of one for this rule in the view, with chain scope if there is such a one; 0:
 * none. */
unsigned policy_exceptions_find_rule(const struct policy_exceptions *exceptions, unsigned view,
                                     const struct policy_rule_key *key);

/* Whether there are any for rules; whether any of these has chain scope. */
bool policy_exceptions_have_rules(const struct policy_exceptions *exceptions, bool chain);

/* hot. True if one of the view covers something below the name. */
bool policy_exceptions_below(const struct policy_exceptions *exceptions, unsigned view,
                             const struct wire_name *name);

/* NULL if there is none of that number. Borrowed. */
const struct policy_exception *policy_exceptions_at(const struct policy_exceptions *exceptions,
                                                    unsigned number);

/* True if the image has the rule of the exception. */
bool policy_exception_has_rule(const struct policy_exception *exception,
                               const struct policy_image *image);

#endif
