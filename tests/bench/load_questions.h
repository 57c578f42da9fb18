/*
 * tests/bench/load_questions.h - the questions that a load tool asks: read once, encoded once.
 */
#ifndef CORDON_BENCH_LOAD_QUESTIONS_H
#define CORDON_BENCH_LOAD_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct load_questions {
    uint8_t *octets; /* each: name, type, class, OPT; what follows a header */
    size_t len, room;
    size_t *starts; /* count + 1 of them */
    size_t count, starts_room;
    size_t next; /* the caller's */
};

/* Lines "NAME TYPE". False, and a line on standard error, if one is something else, if there is
 * none, or if memory ends. */
bool load_questions_read(FILE *in, struct load_questions *questions);
void load_questions_free(struct load_questions *questions);

/* Writes the header of a question with RD and an OPT record: 12 octets. Answers are told apart
 * by the two octets of the id. */
void load_questions_header(uint8_t *header, uint8_t high, uint8_t low);

#endif
