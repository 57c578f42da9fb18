/* cache/limits.h - numbers of the cache, each with its reason. */
#ifndef CORDON_CACHE_LIMITS_H
#define CORDON_CACHE_LIMITS_H

/* Entries on trial hold this part of a shard before one of them goes rather than a proven one:
 * long enough to be asked for again, and little for those that are not. */
#define CACHE_TRIAL_PART 10u

/* Entries that are asked for and so stay, before one goes all the same: some microseconds with
 * the lock held, however large the shard. */
#define CACHE_SPARED_MAX 64u

/* Blocks that each store into a full shard looks at for entries past their time: a round of the
 * shard takes about as many stores as it has entries, two or three blocks each. */
#define CACHE_SWEEP_BLOCKS 8u

/* Blocks that are looked at, or freed, with the lock held, when all entries are walked over:
 * some microseconds, about as long as storing a large answer takes. */
#define CACHE_STEP_BLOCKS 256u

#endif
