/*
 * setup/answer.h - what a client gets, in a few words: what is known here, or what stands in
 * place of a blocked answer.
 */
#ifndef CORDON_SETUP_ANSWER_H
#define CORDON_SETUP_ANSWER_H

#include "setup/why.h"

#define SETUP_ANSWER_MAX 256u

/* "sinkhole: 0.0.0.0, TTL 10 s", "192.0.2.1, TTL 60 s"; "" where the real answer stands. why is
 * decided. What does not fit is cut. */
void setup_answer_words(const struct setup_snapshot *snapshot, const struct setup_why *why,
                        char *out, size_t size);

#endif
