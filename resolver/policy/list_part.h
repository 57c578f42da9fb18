/*
 * policy/list_part.h - parts of a list's text, read without the rest: what a list says of its
 * provider and of the law, and one rule with its evidence.
 *
 * For texts that were verified and read whole before: a list of millions of rules is not parsed
 * again for a line of it. The parts are read by the parser of whole lists.
 */
#ifndef CORDON_POLICY_LIST_PART_H
#define CORDON_POLICY_LIST_PART_H

#include "policy/list.h"

/*
 * Header and facts: a list without rules; its digest is that of the part, unless the caller
 * puts another there. 0 and *head is the caller's; CORDON_E_REFUSED for a text that has no
 * rules or a faulty header; CORDON_E_VERSION; -ENOMEM.
 */
int policy_list_head(const char *text, size_t len, struct policy_list **head);

/*
 * The same with the one rule that is this, "block suffix example.com" or "block suffix
 * example.com trigger=nameserver", in whatever case: rules[0], its line that of the whole text.
 * -ENOENT: there is no such line.
 */
int policy_list_rule(const char *text, size_t len, const char *rule, struct policy_list **part);

#endif
