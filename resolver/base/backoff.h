/*
 * base/backoff.h - how long to wait before another try: longer each time, and never all at the
 * same moment.
 */
#ifndef CORDON_BASE_BACKOFF_H
#define CORDON_BASE_BACKOFF_H

#include "base/random.h"

#include <stdint.h>

/*
 * The wait after so many failures in a row (from 1 on): first, doubled for each further one, at
 * most `most`; of it one half for sure, the other by chance, so that a thousand of us that lost
 * a server together do not come back together. Units are the caller's.
 */
uint64_t backoff_wait(unsigned failures, uint64_t first, uint64_t most, struct random *random);

#endif
