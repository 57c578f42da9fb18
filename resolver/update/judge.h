/*
 * update/judge.h - the gate, asked about a candidate.
 */
#ifndef CORDON_UPDATE_JUDGE_H
#define CORDON_UPDATE_JUDGE_H

#include "update/run.h"

enum update_judgement {
    UPDATE_JUDGED_GOOD,
    UPDATE_JUDGED_BAD,
    UPDATE_JUDGED_NOT /* it could not be judged: a fault of ours, reported */
};

/* The verdict, for machines and for people, is put into the result. has_set: there is one in
 * force to compare with. */
enum update_judgement update_judge(const struct update_options *options,
                                   const struct update_publisher *publisher,
                                   const struct update_place *place, bool has_set,
                                   const struct update_store *store, uint64_t now_s,
                                   struct update_result *result);

/* NULL, or why a check cannot be overridden with this reason. */
const char *update_override_fault(const char *word, const char *reason);

#endif
