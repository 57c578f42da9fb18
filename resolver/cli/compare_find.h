/*
 * cli/compare_find.h - where two fingerprints differ, in words.
 */
#ifndef CORDON_CLI_COMPARE_FIND_H
#define CORDON_CLI_COMPARE_FIND_H

#include "cli/fingerprint.h"

/* One of the two, and what it is called. */
struct compare_side {
    const char *name;
    const struct fingerprint *fingerprint;
};

/* Called for each difference, in the order of parts. subject: what differs ("list cloud-a",
 * "view default action"); a and b: what it is on each side, NULL where it is not; words: one
 * sentence without a full stop. All borrowed for the call, printable ASCII. */
typedef void compare_tell(void *context, const char *part, const char *subject, const char *a,
                          const char *b, const char *words);

/* The number of differences; 0: the same. Below 0: out of memory. */
int compare_find(const struct compare_side *a, const struct compare_side *b, compare_tell *tell,
                 void *context);

#endif
