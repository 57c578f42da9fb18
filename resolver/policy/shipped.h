/*
 * policy/shipped.h - images that a publisher ships beside its lists, so that nobody has to
 * compile them. Cold.
 *
 * ID.image holds the list ID alone. Its hash is in the catalogue that names the list, so the
 * same keys have signed for both. It counts where the list is the only one in use, comes with a
 * catalogue, and may speak of everything: a scope is held against rules, which are read from
 * the text. The text is verified all the same, by signatures and catalogue, before its image is
 * looked for, or, where it is large, once the image counts (policy/attested.h); and the image
 * must say that it was made of just this text.
 */
#ifndef CORDON_POLICY_SHIPPED_H
#define CORDON_POLICY_SHIPPED_H

#include "policy/load.h"

/* The entry of the publisher's catalogue that names an image of this list which may count;
 * NULL: none does. */
const struct trust_entry *policy_shipped_entry(const struct policy_load_source *source,
                                               const char *id);

/* The image that is named there, if it is of this list alone, in this version, and says of
 * which text; whether that is the list's is not looked at. NULL: whatever is wrong. */
struct policy_image *policy_shipped_open(const struct policy_load_source *source,
                                         const struct trust_entry *entry);

/* list: id and digest of the verified text. NULL if there is none; one that is not what the
 * catalogue names, not of this text, or of another version of the format is a warning, and the
 * list is to be compiled. */
struct policy_image *policy_shipped_find(const struct policy_load_source *source,
                                         const struct policy_list *list, struct report *report);

/* Warns if the image that was compiled of the list is not the one that the catalogue names.
 * Needs no file. */
void policy_shipped_compare(const struct policy_load_source *source,
                            const struct policy_list *list, const struct policy_image *compiled,
                            struct report *report);

#endif
