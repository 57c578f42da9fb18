/*
 * audit/output.h - where lines go: a file that is rotated, or a stream that somebody reads.
 *
 * Nothing here waits: what is not accepted now is the caller's to keep. One thread.
 */
#ifndef CORDON_AUDIT_OUTPUT_H
#define CORDON_AUDIT_OUTPUT_H

#include "audit/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit_output; /* opaque */

/* 0 or -errno; -ENXIO for a FIFO that nobody reads. A file on a full, read-only or failing disk
 * is no error: it is opened when it can be, and until then nothing is taken. */
int audit_output_open(const struct audit_writer_settings *settings,
                      struct audit_output **output);
void audit_output_close(struct audit_output *output); /* NULL is fine */

/*
 * Writes as much as is accepted of len octets, which end with a newline and continue where the
 * call before stopped. *used is the octets taken, also on failure. 0: all. -EAGAIN: nothing
 * more is accepted at the moment. Other -errno: -EPIPE if nobody will read it. now_us:
 * monotonic; once in a second the file is looked for where it should be.
 */
int audit_output_write(struct audit_output *output, const char *lines, size_t len,
                       uint64_t now_us, size_t *used);

/* What was written of a line whose rest will not come is taken back from a file; a stream gets
 * a newline before the next line. */
void audit_output_end_line(struct audit_output *output);

/* FILE.keep goes, FILE.1 becomes FILE.2 and so on, FILE becomes FILE.1. 0 or -errno. */
int audit_output_rotate(const char *path, unsigned keep);

/* For poll(2), when -EAGAIN was the answer. */
int audit_output_descriptor(const struct audit_output *output);

/* For messages: the path, or "standard output". */
const char *audit_output_name(const struct audit_output *output);

#endif
