/*
 * tests/bench/policy_names.h - any number of different names, the same on every machine: those
 * of a file, then variations of them; or made-up ones.
 */
#ifndef CORDON_BENCH_POLICY_NAMES_H
#define CORDON_BENCH_POLICY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_TEXT_MAX 260

struct names_source {
    uint8_t *text; /* of the file; NULL: names are made up */
    size_t *lines; /* where its names begin */
    size_t count;
};

/* path NULL: made-up names. Lines that are no name with two labels are left out. False if the
 * file cannot be read. */
bool names_open(struct names_source *source, const char *path);
void names_close(struct names_source *source);

/* Name number i, different from those of all other numbers, with a terminator. Returns its
 * length. */
size_t names_at(const struct names_source *source, uint64_t i, char out[NAME_TEXT_MAX]);

/* A number that looks random, the same for the same i. */
uint64_t names_mix(uint64_t i);

#endif
