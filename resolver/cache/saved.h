/*
 * cache/saved.h - the cache as octets, to outlive a restart.
 *
 * Format 1, numbers big-endian: the 16 octets "cordon-cache 1\n\0"; the time of writing,
 * seconds since 1970 (8 octets); 32 octets that say what the answers mean; then for each answer
 * an octet 1, flags (1: DO, 2: CD, 4: asked for again), type (2), context (2), seconds that it
 * still holds (4), octets of the name (1) and of the message (2), name, message; then an octet
 * 0, the number of answers (8), and BLAKE2b-256 of all that stands before it. Failures are not
 * kept.
 *
 * A reader trusts nothing of it: the octets may come from anybody who could write the file.
 */
#ifndef CORDON_CACHE_SAVED_H
#define CORDON_CACHE_SAVED_H

#include "base/clock.h"
#include "base/digest.h"
#include "cache/cache.h"

struct cache_saving {
    struct clock_now now;
    const uint8_t *meaning; /* DIGEST_OCTETS, borrowed for the call: of who was asked */
    uint64_t octets_max;    /* of the file: what does not fit is left out */
    uint64_t since_us; /* by the clock of now.mono_us: what was stored before is left out */
    /* 0 or a negative error, which ends it. */
    int (*write)(void *context, const void *octets, size_t len);
    void *context;
};

struct cache_saved {
    uint64_t answers, octets;
};

/* Writes what holds, in pieces; as cache_show(), it holds locks for moments only and takes 64
 * KiB of stack. Stale answers are left out. 0, or what write returned. */
int cache_save(struct cache *cache, const struct cache_saving *saving,
               struct cache_saved *saved);

enum cache_load_result {
    CACHE_LOAD_OK,
    CACHE_LOAD_FOREIGN, /* not of this kind */
    CACHE_LOAD_NEWER,   /* of another format than this one */
    CACHE_LOAD_OTHER,   /* others were asked then */
    CACHE_LOAD_CLOCK,   /* written later than now: nobody knows how old the answers are */
    CACHE_LOAD_DAMAGED  /* cut, changed, or never written by cache_save() */
};

struct cache_loading {
    struct clock_now now;
    const uint8_t *meaning; /* DIGEST_OCTETS, borrowed for the call */
    uint32_t ttl_max_s;     /* none is kept longer, and no TTL is above it */
    /* Once cache_forgets() says something else, nothing more is stored: what somebody had
     * forgotten since does not come back. */
    uint32_t forgets;
};

struct cache_loaded {
    /* passed: time has, or there was no room, or something fresher, or it was forgotten */
    uint64_t stored, passed;
    uint64_t age_s; /* since it was written */
};

/* Looks at all of it first: of what is refused nothing is stored. What is stored is as old as
 * it is, and takes the place of nothing that is there. *loaded is written on CACHE_LOAD_OK, its
 * age_s whenever the time could be read. Any thread; takes 64 KiB of stack. */
enum cache_load_result cache_load(struct cache *cache, const uint8_t *octets, size_t len,
                                  const struct cache_loading *loading,
                                  struct cache_loaded *loaded);

/* Why, in words that follow a name: "is not a file of the cache". */
const char *cache_load_words(enum cache_load_result result);

#endif
