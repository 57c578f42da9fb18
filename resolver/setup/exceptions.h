/*
 * setup/exceptions.h - the files of exceptions that the configuration names, as they were
 * found.
 */
#ifndef CORDON_SETUP_EXCEPTIONS_H
#define CORDON_SETUP_EXCEPTIONS_H

#include "config/config.h"
#include "policy/exception_load.h"
#include "trust/ratchet.h"

struct setup_exceptions {
    struct setup_exception_file {
        char *path;
        struct policy_exception_loaded loaded;
    } at[CONFIG_EXCEPTIONS_MAX];
    size_t count;
    bool required; /* only exceptions of signed files count */
};

/*
 * A file that is refused is an error in the report and no failure: what is in force from it
 * goes on. lists: the keys that sign lists, of which none may sign exceptions. 0;
 * CORDON_E_REFUSED for keys that cannot be used; -ENOMEM.
 */
int setup_exceptions_read(const struct config *config, const struct trust_keyring *lists,
                          uint64_t now_s, struct report *report, struct setup_exceptions **out);
/* What is older than what was accepted before is refused in the same way, and so is another
 * text under the same serial: of files that are signed. ratchet NULL: nothing is known. */
void setup_exceptions_compare(struct setup_exceptions *exceptions,
                              const struct trust_ratchet *ratchet, struct report *report);
/* Notes those files in the ratchet; changed is set if there is something new. What does not fit
 * is a warning. */
void setup_exceptions_note(const struct setup_exceptions *exceptions,
                           struct trust_ratchet *ratchet, struct report *report, bool *changed);
void setup_exceptions_free(struct setup_exceptions *exceptions); /* NULL is fine */

#endif
