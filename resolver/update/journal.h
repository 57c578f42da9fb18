/*
 * update/journal.h - what every run did, a line of JSON each: DIRECTORY/journal.
 */
#ifndef CORDON_UPDATE_JOURNAL_H
#define CORDON_UPDATE_JOURNAL_H

#include "base/text.h"
#include "update/run.h"

/* Who runs this. */
struct update_actor {
    unsigned uid; /* who started it, before any rights were given up */
    char user[64];
};

/* The object of one publisher's run: an element, or below key. */
void update_result_write(struct text *out, const char *key,
                         const struct update_options *options, const struct update_actor *actor,
                         const struct update_result *result);

/*
 * Adds the run to the journal, on the disk when it returns. A journal that has grown too long
 * becomes journal.1 first; half a line at the end, of a run that was killed, ends there. 0 or
 * -errno.
 */
int update_journal_add(const char *directory, const struct update_options *options,
                       const struct update_actor *actor, const struct update_result *result);

/* The word of an operator about a loss (update/acknowledge.h). All borrowed. */
struct update_acknowledged {
    uint64_t time_s;
    const char *reason;
    const struct update_publisher *publishers;
    const uint32_t *serials; /* of each that is in force, and counts from now on; 0: none */
    size_t count;
    const struct report *report;
};
int update_journal_acknowledge(const char *directory, const struct update_actor *actor,
                               const struct update_acknowledged *what);

#endif
