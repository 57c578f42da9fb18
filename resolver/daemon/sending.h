/*
 * daemon/sending.h - sinks of this daemon (sink/sink.h): made by its configuration, shown, and
 * what they lose recorded.
 */
#ifndef CORDON_DAEMON_SENDING_H
#define CORDON_DAEMON_SENDING_H

#include "base/clock.h"
#include "base/text.h"
#include "sink/sink.h"

struct daemon;

struct sending {
    struct sink_hub *hub;       /* NULL: nothing is sent */
    uint64_t told[SINK_MAX];    /* events lost, of each, that a record speaks of */
    uint64_t told_us[SINK_MAX]; /* when; monotonic */
};

/* Before the writer of events. 0 or -errno. */
int sending_open(struct daemon *daemon);
/* The writer has ended. */
void sending_close(struct daemon *daemon);

/* For the writer and the recorder; nobody is told if there is no sink. */
struct audit_tap sending_tap(const struct daemon *daemon);

/* Every few seconds, and at the end: what was lost becomes a record of the audit log
 * (`sink-lost`).
 */
void sending_look(struct daemon *daemon, struct clock_now now, bool at_end);

/* "sinks": array of the status document; families of the metrics. */
void sending_write(struct daemon *daemon, struct text *out);

#endif
