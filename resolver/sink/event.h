/*
 * sink/event.h - an event as the formats get it, and the formats: functions from an event to
 * octets, without sockets, clocks and memory of their own.
 */
#ifndef CORDON_SINK_EVENT_H
#define CORDON_SINK_EVENT_H

#include "audit/row.h"
#include "base/text.h"

#define SINK_ID_MAX     80u
#define SINK_HOST_MAX   256u
#define SINK_ORIGIN_MAX 256u

struct sink_event {
    enum audit_stream stream;
    const char *id;  /* "d17"; with log and time nobody else's */
    const char *log; /* its origin; NULL: no log has this event */
    const struct audit_row *row;
};

/* Who sends. */
struct sink_self {
    char host[SINK_HOST_MAX];
    long pid;
    unsigned facility;   /* of syslog */
    unsigned enterprise; /* number in the name of its structured data */
    size_t most;         /* octets of a syslog message */
};

/* Each writes one message and returns its length; 0: it does not fit, or the format has no word
 * for such an event. out has SINK_MESSAGE_MAX octets. */
typedef size_t sink_formatter(const struct sink_event *event, const struct sink_self *self,
                              char *out, size_t size);

sink_formatter sink_json;   /* a line, with its newline */
sink_formatter sink_ocsf;   /* the same */
sink_formatter sink_dnstap; /* a Dnstap of dnstap.proto */
sink_formatter sink_syslog; /* without framing or newline */

#endif
