#include "base/backoff.h"

uint64_t backoff_wait(unsigned failures, uint64_t first, uint64_t most, struct random *random)
{
    uint64_t wait = first;

    for (unsigned i = 1; i < failures && wait < most; i++) {
        wait *= 2;
    }
    wait = wait < most ? wait : most;
    /* Bounds beyond 32 bits do not come up. */
    const uint32_t bound = wait / 2 >= UINT32_MAX ? UINT32_MAX : (uint32_t)(wait / 2) + 1;
    return wait - wait / 2 + random_below(random, bound);
}
