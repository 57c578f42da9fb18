/*
 * audit/publish.h - checkpoints of the audit log for others to keep: as a line, and to syslog.
 */
#ifndef CORDON_AUDIT_PUBLISH_H
#define CORDON_AUDIT_PUBLISH_H

#include <stddef.h>
#include <stdint.h>

/* The line of docs/events.md, with its newline. Returns its length; 0 if it did not fit. */
size_t audit_checkpoint_line(const char *note, uint64_t wall_us, uint64_t sequence, char *out,
                             size_t size);

/* The socket of the syslog of this machine. */
#define AUDIT_SYSLOG "/dev/log"

/* Sends the same line, as one message (facility authpriv, severity notice), without waiting:
 * 0, or -errno where nobody takes it. path: AUDIT_SYSLOG. */
int audit_checkpoint_syslog(const char *path, const char *note, uint64_t wall_us);

#endif
