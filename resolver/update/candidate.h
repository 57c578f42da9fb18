/*
 * update/candidate.h - what a source has, put together in a folder of ours and verified whole.
 *
 * The order is that of trust: the roots that follow the pinned one, the catalogue, and only if
 * both may follow what was accepted before, the lists that it names. What the version in force
 * has already is taken from there.
 */
#ifndef CORDON_UPDATE_CANDIDATE_H
#define CORDON_UPDATE_CANDIDATE_H

#include "trust/publisher.h"
#include "update/fetch.h"
#include "update/memory.h"
#include "update/store.h"

typedef enum update_got update_get(void *context, const struct update_wanted *wanted,
                                   struct update_gotten *gotten);

/* What is asked for. All borrowed. */
struct update_request {
    const char *source;
    const char *pinned;    /* the root of trust that the installation has */
    const char *publisher; /* whose it must be; NULL: whoever's the root is */
    const struct update_place *place;
    const char *in_force; /* folder of the set in force; NULL: there is none */
    const struct trust_ratchet *ratchet;
    uint64_t now_s;
    uint64_t octets_max;                                /* of all lists together */
    bool (*wants)(const void *context, const char *id); /* NULL: every list */
    const void *wants_context;
    const struct update_known *known; /* of the source */
    update_get *get;
    void *get_context;
    uint64_t (*mono_s)(void *context); /* of get_context; NULL: however long it takes */
    uint64_t source_s;                 /* all files together may take so long, and the last */
};

enum update_answer {
    UPDATE_ANSWER_NEW,         /* the candidate is whole, verified, and not what is in force */
    UPDATE_ANSWER_SAME,        /* the source has what is in force */
    UPDATE_ANSWER_UNREACHABLE, /* or it stopped halfway; another one may do better */
    UPDATE_ANSWER_BAD,         /* what it has is refused: the report says why */
    UPDATE_ANSWER_FAULT        /* ours: the report says why */
};

struct update_offer {
    struct trust_publisher *publisher; /* of the candidate, the caller's; only with ..._NEW */
    char etag[UPDATE_VALIDATOR_MAX], modified[UPDATE_VALIDATOR_MAX];
    uint8_t hash[TRUST_HASH_OCTETS]; /* of the catalogue, if has_hash */
    bool has_hash;                   /* NEW and SAME: the three may be remembered */
    uint64_t retry_after_s;
    char why[UPDATE_WHY_MAX]; /* UNREACHABLE */
    bool slow;                /* UNREACHABLE since it took too long: it is not asked again */
    unsigned requests;        /* files that were asked for */
    uint64_t octets;          /* that came */
};

/* Blocks. *offer is filled in any case. */
enum update_answer update_candidate(const struct update_request *request, struct report *report,
                                    struct update_offer *offer);

/* All that the catalogue names, and that is wanted, once more: sizes, hashes, signatures. 0 or
 * the first code, reported. */
int update_candidate_verify(const struct update_request *request,
                            const struct trust_publisher *publisher, struct report *report);

#endif
