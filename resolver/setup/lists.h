/*
 * setup/lists.h - the lists of all views, loaded; and what is done where a publisher's folder
 * is broken.
 *
 * Of such a publisher all lists are those that were accepted last: the ratchet knows serial and
 * hash of each, and the state directory has kept the texts (STATE/lists/ID/SERIAL-*.list). A
 * text is taken if it has that very hash, and no other. A list that was not kept is left out
 * where it is not in force anyway: an alarm, and a block less, but no other publisher's loss.
 */
#ifndef CORDON_SETUP_LISTS_H
#define CORDON_SETUP_LISTS_H

#include "setup/trust.h"
#include "setup/views.h"

#define SETUP_KEPT_FOLDER "lists" /* in the state directory */

/* Loads them. Those that are left out go from the views as well. 0 and *loaded; or the first
 * code, with everything in the report. */
int setup_lists_load(const struct config *config, const struct setup_request *request,
                     struct report *report, struct setup_trust *trust,
                     struct setup_views *views, struct policy_loaded *loaded);

#endif
