/*
 * sink/limits.h - bounds of what is sent elsewhere, and why.
 */
#ifndef CORDON_SINK_LIMITS_H
#define CORDON_SINK_LIMITS_H

/* Each has a thread, a queue and a buffer: a log server, a tap and a file are three. */
#define SINK_MAX 8u

/* Octets of a queue, at least: the largest event must be a quarter of it at most (base/ring.h).
 */
#define SINK_QUEUE_MIN (128u << 10)

/* Octets of one message: the line of an event (65,536 at the most) and what a format puts
 * around it. */
#define SINK_MESSAGE_MAX (72u << 10)

/* Octets that are formatted and not sent yet, and messages among them: enough for large writes,
 * little enough that what is formatted is soon sent. */
#define SINK_BUFFER_OCTETS   (4u * SINK_MESSAGE_MAX)
#define SINK_BUFFER_MESSAGES 1024u

/* Octets given to TLS at a time: a record (RFC 8446, 5.1) and a quarter of what it lets wait.
 */
#define SINK_TLS_CHUNK (16u << 10)

/* Octets of a syslog message: over UDP what every receiver should take (RFC 5426, 3.2), else
 * (RFC 5425, 4.3.1) what receivers should take. What is longer goes without its line of JSON.
 */
#define SINK_SYSLOG_UDP_MAX 2048u
#define SINK_SYSLOG_MAX     8192u

/* Octets of one value of the structured data: a name has some 60. */
#define SINK_SYSLOG_VALUE_MAX 256u

/* Octets of a control frame (Frame Streams): those that there are have 42. */
#define SINK_CONTROL_MAX 512u

/* Octets that a reader may send back before they are looked at; nobody has reason to send any.
 */
#define SINK_READ_OCTETS 4096u

#endif
