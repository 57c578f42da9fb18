/*
 * update/backoff.h - how long to wait: longer each time, and never all at the same moment.
 */
#ifndef CORDON_UPDATE_BACKOFF_H
#define CORDON_UPDATE_BACKOFF_H

#include "base/random.h"

#include <stdint.h>

/*
 * The wait after so many failures in a row (from 1 on): first, doubled for each further one, at
 * most `most`; of it one half for sure, the other by chance, so that a thousand resolvers that
 * lost a mirror together do not come back together. Units are the caller's.
 */
uint64_t update_backoff(unsigned failures, uint64_t first, uint64_t most,
                        struct random *random);

/* The time until the next regular look: every, give or take a tenth. */
uint64_t update_regular(uint64_t every, struct random *random);

#endif
