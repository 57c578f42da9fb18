/*
 * setup/fingerprint_lines.h - sets of lines, and values in them, for fingerprint*.c alone.
 */
#ifndef CORDON_SETUP_FINGERPRINT_LINES_H
#define CORDON_SETUP_FINGERPRINT_LINES_H

#include "setup/fingerprint.h"
#include "setup/limits.h"

#include <stdbool.h>
#include <stdio.h>

/* What a value becomes at most: itself, or a count and a hash. */
#define FINGERPRINT_VALUE_SIZE (SETUP_FINGERPRINT_VALUE_MAX + 1)

struct fingerprint_lines {
    FILE *out; /* whole lines are written to it */
    char *text;
    size_t len;
};

/* 0 or -ENOMEM. */
int fingerprint_open(struct fingerprint_lines *lines);

/*
 * Both end a set, whatever they return: 0 or -ENOMEM. What was written is sorted by octets,
 * each line once.
 *
 * The part of this name, which is the caller's. */
int fingerprint_part(struct fingerprint_lines *lines, const char *name,
                     struct setup_fingerprint_part *part);
/* One value: "-" for no line; the lines with commas between them; or "COUNT:HASH", of the lines
 * with their newlines, where that is too long or a line holds a comma or a blank. */
int fingerprint_value(struct fingerprint_lines *lines, char out[FINGERPRINT_VALUE_SIZE]);

/* A text as a value: a set of one. */
int fingerprint_word(const char *text, char out[FINGERPRINT_VALUE_SIZE]);

/* fingerprint_parts.c: writes the lines of a part. 0 or -ENOMEM. */
int fingerprint_write(enum setup_fingerprint_number part,
                      const struct setup_fingerprint_source *from, FILE *out);
void fingerprint_files(const struct setup_fingerprint_file *files, size_t count, FILE *out);

/* The pages of a part, once it has its lines: 0 or -ENOMEM. */
int fingerprint_pages(const char *name, struct setup_fingerprint_part *part);
void fingerprint_part_deinit(
    struct setup_fingerprint_part *part); /* one that is zero is fine */

/* The total and the page that says it. */
void fingerprint_total(struct setup_fingerprint *fingerprint);

#endif
