/*
 * update/judge.h - the gate, asked about a candidate.
 */
#ifndef CORDON_UPDATE_JUDGE_H
#define CORDON_UPDATE_JUDGE_H

#include "update/run.h"

/* For update_world.judge: the verdict, for machines and for people, is put into the result. */
update_judge_by update_judge;

/* NULL, or why a check cannot be overridden with this reason. */
const char *update_override_fault(const char *word, const char *reason);

#endif
