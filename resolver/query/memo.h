/*
 * query/memo.h - names of which a worker knows already that they are blocked, and by what.
 *
 * What is decided of a name that a client asks is the same for every question about it in the
 * same view, for as long as the same policy is in force: neither the clock nor chance has a
 * word in it, and pauses, exceptions and schedules come and go with a policy of their own. So
 * it is kept here, and who asks for the name again is told without a look at the lists. Kept is
 * one kind alone, of most blocked questions: one hit, which blocks whatever the transport, in a
 * view that has no word about clients. All else is decided every time.
 *
 * A name is found by its hash, which is computed for the cache anyway, and is compared octet by
 * octet, with its view. First looked at is an array of 16 bits for each place: names that are
 * not here, as nearly all that are let through, cost one comparison of one set. Who takes over
 * a policy or settings forgets all (query_memo_clear()). Another name takes the place of one
 * only once in a while, and never of one that was asked for since it was looked at last: a
 * flood of names below a blocked suffix pushes little out, and costs little more than without a
 * memo.
 *
 * How often one of them was asked for is counted beside it, for whoever counts names
 * (query/tops.h), and told to him when it is forgotten, or has to be known.
 *
 * One thread. What is kept lies one behind the other, so that there is as much memory as is
 * used.
 */
#ifndef CORDON_QUERY_MEMO_H
#define CORDON_QUERY_MEMO_H

#include "policy/policy.h"
#include "query/limits.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define QUERY_MEMO_WAYS 16u /* of a set: as many as one line of the cache has */

/* What is kept of a name. Of a short one it is in one line of the processor's cache. */
struct query_memo_entry {
    uint8_t hit[offsetof(struct policy_hit, name)]; /* the first octets of the hit */
    uint32_t count;                                 /* of query_memo_count(), not yet told */
    uint8_t view;
    uint8_t len;                   /* of the name */
    bool asked;                    /* since it was looked at by who needs a place */
    uint8_t name[QUERY_MEMO_NAME]; /* in wire format, lower case */
};

#define QUERY_MEMO_PLACES (QUERY_MEMO_SETS * QUERY_MEMO_WAYS)

struct query_memo_set {
    uint16_t tags[QUERY_MEMO_WAYS];    /* 0: nothing is there */
    uint16_t numbers[QUERY_MEMO_WAYS]; /* of the entry */
};

/* Who counts names: the name, in lower case, is borrowed for the call. A name comes once for
 * each view. */
typedef void query_memo_told(void *context, const struct wire_name *name, uint64_t times);

struct query_memo {
    query_memo_told *told;
    void *context;
    struct query_memo_entry entries[QUERY_MEMO_PLACES]; /* the first `used` of them */
    struct query_memo_set sets[QUERY_MEMO_SETS];
    uint32_t used;
    uint32_t wishes; /* for a place in a full set */
    bool counted;    /* something, since it was told */
};

/* context: of told, which is called from below. NULL if out of memory. */
struct query_memo *query_memo_create(query_memo_told *told, void *context);
void query_memo_destroy(struct query_memo *memo); /* NULL is fine */

/* Everything is forgotten; trim: and its memory goes back to the system. */
void query_memo_clear(struct query_memo *memo);
void query_memo_trim(struct query_memo *memo);

/* hot. Sets the hit of what is known of this name in the view, and is all that there is to say.
 * Returns where it is kept, for query_memo_count(); 0: nothing is known. */
unsigned query_memo_find(struct query_memo *memo, uint64_t hash, unsigned view,
                         const struct wire_name *name, struct policy_hits *hits);

/* hot. One more question about this name, found there by query_memo_find(). False: another has
 * its place since, or there is no room in the count. */
bool query_memo_count(struct query_memo *memo, unsigned where, const struct wire_name *name);
/* Tells what was counted since the last time. */
void query_memo_settle(struct query_memo *memo);

/* hot. Whether anything is. */
bool query_memo_has(struct query_memo *memo, uint64_t hash, unsigned view,
                    const struct wire_name *name);

/* hot. What was decided of the name is kept if it may be: blocked by hits->at[block]. */
void query_memo_keep(struct query_memo *memo, uint64_t hash, const struct policy *policy,
                     unsigned view, const struct wire_name *name,
                     const struct policy_hits *hits, unsigned block);

static inline size_t query_memo_set_of(uint64_t hash)
{
    return (size_t)(hash >> 32) % QUERY_MEMO_SETS;
}

/* Never 0. */
static inline uint16_t query_memo_tag(uint64_t hash)
{
    const uint16_t tag = (uint16_t)hash;

    return tag != 0 ? tag : 1;
}

/* hot. A bit for each place of the set that has the tag. */
static inline uint32_t query_memo_ways(const uint16_t tags[QUERY_MEMO_WAYS], uint16_t tag)
{
#ifdef __SSE2__
    const __m128i *const at = (const __m128i *)(const void *)tags;
    const __m128i wanted = _mm_set1_epi16((short)tag);
    const __m128i first = _mm_cmpeq_epi16(_mm_loadu_si128(at), wanted);
    const __m128i second = _mm_cmpeq_epi16(_mm_loadu_si128(at + 1), wanted);

    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, second));
#else
    uint32_t ways = 0;

    for (unsigned way = 0; way < QUERY_MEMO_WAYS; way++) {
        ways |= (tags[way] == tag ? 1u : 0) << way;
    }
    return ways;
#endif
}

/* hot. What query_memo_expect() looks at begins to come. */
static inline void query_memo_approach(const struct query_memo *memo, uint64_t hash)
{
    __builtin_prefetch(&memo->sets[query_memo_set_of(hash)]);
}

/* hot. False: nothing is known of a name of this hash. Else what may be known begins to come.
 */
static inline bool query_memo_expect(const struct query_memo *memo, uint64_t hash)
{
    const struct query_memo_set *set = &memo->sets[query_memo_set_of(hash)];
    const uint32_t ways = query_memo_ways(set->tags, query_memo_tag(hash));

    if (ways == 0) {
        return false;
    }
    __builtin_prefetch(&memo->entries[set->numbers[__builtin_ctz(ways)]]);
    return true;
}

#endif
