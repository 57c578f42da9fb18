/*
 * base/log.h - lines for the operator, on standard error.
 *
 * One line per call: "LEVEL: message", prefixed with <N> (sd-daemon(3)) when standard error is
 * the journal. Not for the hot path, and never for policy events, which have their own stream.
 * Octets that are not printable are escaped; a message longer than 1023 octets is cut.
 */
#ifndef CORDON_BASE_LOG_H
#define CORDON_BASE_LOG_H

enum log_level {
    LOG_LEVEL_ERROR,   /* something the operator must act on */
    LOG_LEVEL_WARNING, /* it goes on, but worse than intended */
    LOG_LEVEL_INFO     /* start, stop, reload */
};

/* Any thread; a line is written with one write(2), never partly mixed with another. A blocked
 * or full standard error loses the line: answers matter more. */
void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
