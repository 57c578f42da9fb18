/*
 * audit/list_words.h - what a list says of itself and its provider, put together once for all
 * of its events: as a row has it, and as a line of JSON has it.
 *
 * Of one policy at a time: those of another generation are made anew. One thread.
 */
#ifndef CORDON_AUDIT_LIST_WORDS_H
#define CORDON_AUDIT_LIST_WORDS_H

#include "audit/limits.h"
#include "policy/policy.h"

/* As the column `basis` has it (audit_basis_put). What a list says is within the limits of
 * lists, which are below those of a text; one that is not is recorded without a ground rather
 * than not at all. Returns the length. */
size_t audit_list_basis(const struct policy_image_list *list, uint8_t out[AUDIT_TEXT_MAX]);

struct audit_list_said {
    const uint8_t *basis; /* audit_list_basis() */
    size_t basis_len;
    const char *fields; /* of a line: "provider" to "serial", without a comma before them */
    size_t fields_len;
};

struct audit_list_words; /* opaque */

struct audit_list_words *audit_list_words_create(void);        /* NULL: no memory */
void audit_list_words_destroy(struct audit_list_words *words); /* NULL is fine */

/* Of list `index` of the policy's image; borrowed until it is asked with another policy. NULL:
 * there is no such list, no memory, or words is NULL: then the caller puts it together. */
const struct audit_list_said *audit_list_words_of(struct audit_list_words *words,
                                                  const struct policy *policy, size_t index);

#endif
