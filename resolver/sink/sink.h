/*
 * sink/sink.h - where events are sent as they happen, beside the audit log: to log servers,
 * taps and files, in the forms that these read (docs/audit.md, "Sending").
 *
 *   writer's thread -> a queue for each sink (bounded) -> a thread for each -> file or socket
 *
 * The writer's thread packs an event once and copies it into the queues; it never waits. A
 * queue that is full loses the event, counts it, and the sink is told by a record of its own (a
 * gap) as soon as it takes something again. Everything else is done by the sink's own thread:
 * formatting, connecting, waiting. So one that is slow or dead costs nobody else anything but
 * its queue.
 *
 * Well: connected -> (greeting) -> events are sent as they come. Not: the connection fails or
 * ends -> it is tried again after 0.25 s, later up to 30 s, by chance a little more or less;
 * what was not taken whole is sent again from its beginning, so a reader can see an event
 * twice, by the same id.
 */
#ifndef CORDON_SINK_SINK_H
#define CORDON_SINK_SINK_H

#include "audit/taken.h"
#include "base/endpoint.h"
#include "sink/limits.h"
#include "tls/limits.h"

enum sink_format {
    SINK_JSON,   /* lines of docs/events.md */
    SINK_OCSF,   /* lines of the Open Cybersecurity Schema Framework */
    SINK_DNSTAP, /* Frame Streams of dnstap.proto */
    SINK_SYSLOG  /* RFC 5424 */
};

enum sink_way {
    SINK_FILE,
    SINK_UNIX, /* a stream; of syslog datagrams, as /dev/log takes them */
    SINK_UDP,
    SINK_TCP,
    SINK_TLS
};

struct sink_settings {
    const char *name;
    enum sink_format format;
    enum sink_way way;
    const char *path;       /* of a file or unix socket */
    struct endpoint server; /* of the others */
    const char *ca; /* of TLS: CA certificates, read for each connection; NULL: the system's */
    bool streams[AUDIT_STREAMS + 1];
    uint64_t queue_octets;  /* at least SINK_QUEUE_MIN; rounded up to a power of two */
    uint64_t rotate_octets; /* of a file; 0: never */
    unsigned keep;          /* rotated files */
    bool joins;             /* another process may write to the file still */
    unsigned facility;      /* of syslog */
    unsigned enterprise;    /* of syslog: in the name of the structured data */
};

struct sink_hub; /* opaque */

/* Makes queues and threads; settings are copied. host: the name of this machine, for formats
 * that tell it. What cannot be reached is no failure. 0 or -errno. */
int sink_hub_start(const struct sink_settings *settings, size_t count, const char *host,
                   struct sink_hub **hub);

/* Sends what waits, until it has made no progress for 2 s or 5 s are over; then ends the
 * threads, and says what is lost. Nobody calls sink_hub_take() any more. NULL is fine. */
void sink_hub_stop(struct sink_hub *hub);

/* The hub as those who take events know it; valid until it is stopped. */
struct audit_tap sink_hub_tap(struct sink_hub *hub);

enum sink_state {
    SINK_CONNECTING, /* not connected yet, or not any more; error says why */
    SINK_SENDING,
    SINK_STALLED /* connected, but nothing has been taken for 5 s though something waits */
};
const char *sink_state_word(enum sink_state state);    /* "connecting" */
const char *sink_format_word(enum sink_format format); /* "json" */

struct sink_stats {
    const char *name; /* borrowed from the hub */
    enum sink_format format;
    enum sink_state state;
    char to[256];              /* "tls://192.0.2.30@6514#siem.example" */
    char error[TLS_ERROR_MAX]; /* of the newest failure, if it does not work now; else "" */
    uint64_t sent;             /* events that were handed over */
    uint64_t connects;         /* connections that were made, or files opened */
    uint64_t dropped[AUDIT_STREAMS + 1];
    size_t queued, queue; /* octets in use, and that there are */
};
size_t sink_hub_count(const struct sink_hub *hub); /* NULL: 0 */
/* Any thread. i below the count. */
void sink_hub_stats(struct sink_hub *hub, size_t i, struct sink_stats *out);

#endif
