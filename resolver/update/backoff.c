#include "update/backoff.h"

#include "base/backoff.h"

/* 0 to bound, both included; bounds beyond 32 bits do not come up. */
static uint64_t chance(struct random *random, uint64_t bound)
{
    return random_below(random, bound >= UINT32_MAX ? UINT32_MAX : (uint32_t)bound + 1);
}

uint64_t update_backoff(unsigned failures, uint64_t first, uint64_t most, struct random *random)
{
    return backoff_wait(failures, first, most, random);
}

uint64_t update_regular(uint64_t every, struct random *random)
{
    return every - every / 10 + chance(random, every / 5);
}
