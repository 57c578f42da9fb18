/*
 * base/report.h - what is wrong with an input: a bounded list of "place: message".
 *
 * A parser reports every fault that it finds, each with file, line and column or offset, what
 * is wrong and what to do. Not for the hot path: it allocates.
 */
#ifndef CORDON_BASE_REPORT_H
#define CORDON_BASE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_ENTRIES_MAX 64   /* more are counted, not kept: a reader fixes the first */
#define REPORT_TEXT_MAX    1024 /* octets of one message, its place included */

enum report_kind {
    REPORT_ERROR,
    REPORT_WARNING,
    REPORT_NOTE
};

struct report_entry {
    enum report_kind kind;
    char *text; /* "FILE:LINE:COLUMN: message" */
};

struct report {
    struct report_entry entries[REPORT_ENTRIES_MAX];
    size_t count;    /* kept */
    size_t errors;   /* all errors, kept or not */
    size_t warnings; /* all warnings */

    /* For somebody who waits for a long job: told now and then how far it is. stage is what is
     * done, as in "reading the lists"; done and all are of one unit. NULL: nobody waits. */
    void (*progress)(void *context, const char *stage, uint64_t done, uint64_t all);
    void *progress_context;
};

void report_init(struct report *report);
void report_deinit(struct report *report);

/*
 * Adds one entry. line 0: no line is printed; column 0: no column. Octets of the message that
 * are not printable are escaped, since messages quote untrusted input. Out of memory: counted
 * only. report NULL: nothing happens.
 */
void report_add(struct report *report, enum report_kind kind, const char *file, size_t line,
                size_t column, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Adds all that is in the other one, which keeps it. */
void report_take(struct report *report, const struct report *from);

/* Tells whoever waits, if anybody does. report NULL: nobody. */
void report_progress(const struct report *report, const char *stage, uint64_t done,
                     uint64_t all);

/* Prints "error: ..." lines, and how many were left out. */
void report_print(const struct report *report, FILE *out);

#endif
