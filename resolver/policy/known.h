/*
 * policy/known.h - lists whose texts need not be read before they are in force, since they were
 * read and verified here before. Cold.
 *
 * Who may say what is blocked signs the hash of a text; an image that was compiled here says by
 * another hash of which texts. Which of the one goes with which of the other is remembered,
 * under a key that only the daemon's user has (kept.h). So the signatures that lie beside a
 * list now, by the keys that count now, are verified over the hash that it had; the catalogue,
 * where there is one, must name that hash; and the kept image of just these texts stands for
 * them. What is left for later is whether the file is the text that was signed:
 * policy/reread.h.
 *
 * That counts where the text is large enough to be waited for
 * (policy_load_request.late_octets), not held at another version, and of a publisher that may
 * speak of everything: a scope is held against rules, which are read from the text.
 */
#ifndef CORDON_POLICY_KNOWN_H
#define CORDON_POLICY_KNOWN_H

#include "policy/arrival.h"
#include "policy/kept.h"

/* What is remembered, if it may be made use of; else count is 0. */
void known_find(const struct policy_load_request *request, struct policy_kept_texts *texts);

/* True: the list of that number of the request has arrived, `unread`; its kept image is still
 * to be found. False: nothing was touched or said, and its text is to be read. */
bool known_arrive(const struct policy_load_request *request,
                  const struct policy_kept_texts *texts, size_t number, struct report *report,
                  struct arrival *arrival, struct policy_loaded_list *loaded);

/* Remembers what was read and verified, once it has been compiled, or a kept image was found.
 */
void known_note(const struct policy_load_request *request, const struct policy_loaded *made);

#endif
