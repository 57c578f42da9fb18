/*
 * policy/words.h - the words for what decided, and on what ground: the same in the text of
 * Extended DNS Errors, in events, in what the daemon and the tool say, and in libcordon.
 *
 * Bounded, without allocation. Values are UTF-8, borrowed from the policy or static.
 */
#ifndef CORDON_POLICY_WORDS_H
#define CORDON_POLICY_WORDS_H

#include "base/text.h"
#include "policy/list.h"
#include "policy/policy.h"

/* hot. The text of the Extended DNS Error for an answer that this hit replaces; view_name: of
 * the view that decides. Returns its length; 0 if the image is damaged. */
size_t policy_words_ede(const struct policy *policy, const struct policy_hit *hit,
                        const char *view_name, char out[POLICY_EDE_MAX]);

/* The same for any rule of a list. */
size_t policy_words_ede_list(const struct policy_image_list *list, char out[POLICY_EDE_MAX]);

/* Whose word a hit is: "rule", "default-deny" or "client-deny". */
const char *policy_words_ground(enum policy_ground ground);

/* The name or address that was looked at. Returns the length. */
size_t policy_words_matched(const struct policy_hit *hit, char out[WIRE_NAME_TEXT_MAX]);

/* "matched", "hop" and "trigger" of a hit, into an open object. */
void policy_words_write_trigger(struct text *out, const struct policy_hit *hit);

/* What a list says of its provider, in the words of its strongest fact: "provider" to
 * "status_checked" as in docs/events.md; what it leaves out is null. Into an open object. */
void policy_words_write_basis(struct text *out, const struct policy_image_list *list);

/* "list" and "serial". */
void policy_words_write_list(struct text *out, const struct policy_image_list *list);

/* "rule", "category", "scope", "confidence". False if the hit has no such suffix or prefix. */
bool policy_words_write_rule(struct text *out, const struct policy_hit *hit,
                             const struct policy_row *row);

/* The same in two parts: "rule", which is of the name that was looked at; and the rest, which
 * is that of all rules of this row. */
bool policy_words_write_rule_alone(struct text *out, const struct policy_hit *hit,
                                   const struct policy_row *row);
void policy_words_write_row(struct text *out, const struct policy_row *row);

/* "exception", "ticket", "exception_id", "licence", "approver": null where it names none of it,
 * all of them where there is no exception. */
void policy_words_write_exception(struct text *out, const struct policy_exception *exception);

/* What a class of facts says and, no less, what it does not: "a company that owns the provider
 * is ...". "" for an unknown one. */
const char *policy_words_class(const char *class);

/*
 * A fact in one sentence that says no more than the fact does: whose status it is, and whether
 * it is a designation, a request, or a search that found nothing. provider: its name in words.
 * What does not fit is cut.
 */
#define POLICY_FACT_WORDS_MAX 2048u
void policy_words_fact(const struct policy_fact *fact, const char *provider,
                       char out[POLICY_FACT_WORDS_MAX]);

#endif
