/*
 * daemon/metrics_inside.h - how a family of the page /metrics is written, and the parts of the
 * page: a file each.
 */
#ifndef CORDON_DAEMON_METRICS_INSIDE_H
#define CORDON_DAEMON_METRICS_INSIDE_H

#include "daemon/metrics.h"

#include <stdint.h>

enum metrics_kind {
    METRICS_COUNTER,
    METRICS_GAUGE,
    METRICS_HISTOGRAM
};

/* The head of a family, before its lines. help: no backslash, no newline. */
void metrics_family(struct text *out, const char *name, enum metrics_kind kind,
                    const char *help);

/* A family of one line. */
void metrics_single(struct text *out, const char *name, enum metrics_kind kind,
                    const char *help, uint64_t value);

/* A line of a family. Label values are words, ids and addresses: nothing to escape. */
void metrics_line(struct text *out, const char *name, const char *label, const char *of,
                  uint64_t value);

/* Questions, their answers and how long these took; sockets of clients; the cache. */
void metrics_write_questions(struct text *out, const struct totals *totals);

/* The lines of events, the audit log and the sinks. */
void metrics_write_events(struct text *out, const struct daemon *daemon,
                          const struct totals *totals);

/* Each upstream, and second questions. */
void metrics_write_upstreams(struct text *out, const struct daemon *daemon,
                             const struct totals *totals);

/* Lists: what is loaded, what is held, what newer versions are brought in by stages. */
void metrics_write_lists(struct text *out, const struct daemon *daemon,
                         const struct totals *totals);

#endif
