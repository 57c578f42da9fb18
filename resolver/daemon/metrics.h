/*
 * daemon/metrics.h - the page /metrics: the text format of Prometheus, version 0.0.4.
 *
 * The numbers are those of the control socket's status. Labels have few values: response code,
 * list, upstream, worker, and words of ours; never a name that was asked, never a client.
 */
#ifndef CORDON_DAEMON_METRICS_H
#define CORDON_DAEMON_METRICS_H

#include "base/text.h"
#include "daemon/totals.h"

struct daemon;

void metrics_write(const struct daemon *daemon, const struct totals *totals, struct text *out);

#endif
