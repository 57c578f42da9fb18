/*
 * cli/top_view.h - two documents of `top` (docs/control.md), compared, and put on a screen.
 *
 * Pure: documents in, numbers and text out. What the documents say is not trusted: the text has
 * no octet outside printable ASCII but newlines.
 */
#ifndef CORDON_CLI_TOP_VIEW_H
#define CORDON_CLI_TOP_VIEW_H

#include "base/histogram.h"
#include "cli/ask.h"

enum top_path {
    TOP_ALL,
    TOP_HIT,
    TOP_MISS,
    TOP_BLOCKED,
    TOP_OTHER,
    TOP_PATHS
};

struct top_model {
    bool since_start; /* there was nothing to compare with: all since the daemon's start */
    double seconds;   /* between the two */
    uint64_t questions, blocked, logged, hits, misses; /* in that time */
    struct histogram latency[TOP_PATHS];               /* the same */
};

/* before: NULL, or of an earlier moment; of another process it does not count. */
void top_compare(const json_t *before, const json_t *now, struct top_model *out);

/* The figures as a document, for programs; `now` becomes part of it. NULL if out of memory. */
json_t *top_figures(const struct top_model *model, json_t *now);

/* At most rows lines of at most columns characters each, and at most as many as fit into size
 * octets with a terminator. before as above; trouble: in words, or NULL. */
void top_render(const struct top_model *model, const json_t *before, const json_t *now,
                const char *trouble, unsigned columns, unsigned rows, char *out, size_t size);

#endif
