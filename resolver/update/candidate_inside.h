/*
 * update/candidate_inside.h - what candidate.c and candidate_lists.c share: a candidate in the
 * making.
 */
#ifndef CORDON_UPDATE_CANDIDATE_INSIDE_H
#define CORDON_UPDATE_CANDIDATE_INSIDE_H

#include "update/candidate.h"

#define CANDIDATE_LIST ".list"

/* Steps return 0, or the answer that ends it, as a negative number. */
struct candidate {
    const struct update_request *request;
    struct report *report;
    struct update_offer *offer;
    struct trust_root *root; /* the newest so far */
    bool new_root;           /* which the set in force does not have */
    uint64_t began_s;        /* monotonic */
};

#define CANDIDATE_END(answer) (-(int)(answer)-1)
#define CANDIDATE_ANSWER(end) ((enum update_answer)(-(end)-1))

/* Each says why, and is the end of a step: this machine's fault; the source's. */
int candidate_fault(struct candidate *making, const char *path, int rc);
int candidate_bad(struct candidate *making, const char *name, const char *words);

bool candidate_ends_with(const char *name, const char *suffix);

/* One request. 0 and *got; an end where nothing can go on. */
int candidate_ask(struct candidate *making, struct update_wanted *wanted,
                  struct update_gotten *gotten, enum update_got *got);

/* Is there enough beside it? Says nothing. */
bool candidate_is_signed(const struct trust_keyring *keyring, const char *path);
/* As many as are needed, in the order of the keys. Too few: the one who verifies says so. */
int candidate_get_signatures(struct candidate *making, const char *name,
                             const struct trust_keyring *keyring);
/* FROM and the signatures beside it, as NAME of the candidate. 0 or -errno. */
int candidate_copy_signed(struct candidate *making, const char *from, const char *name);

/* candidate_lists.c */

bool candidate_wants(const struct update_request *request, const struct trust_entry *entry);
/* Has the set in force every list that is wanted? Their contents are the daemon's affair. */
bool candidate_has_all(const struct update_request *request,
                       const struct trust_catalogue *catalogue);
int candidate_get_lists(struct candidate *making, const struct trust_catalogue *catalogue);

#endif
