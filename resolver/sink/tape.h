/*
 * sink/tape.h - a file of Frame Streams: a stream of its own, from START to STOP, and never
 * appended to, since readers know one stream in a file.
 *
 * A file that is there when it is opened is moved away (FILE.1 ... FILE.keep), as at its size.
 * Calls wait for the disk: they are the sink's own thread's.
 */
#ifndef CORDON_SINK_TAPE_H
#define CORDON_SINK_TAPE_H

#include <stddef.h>
#include <stdint.h>

struct sink_tape; /* opaque */

/* path is borrowed until sink_tape_close(). 0 or -errno. */
int sink_tape_open(const char *path, uint64_t rotate_octets, unsigned keep,
                   struct sink_tape **tape);
/* Writes STOP, where that is possible. NULL is fine. */
void sink_tape_close(struct sink_tape *tape);

/* Writes one frame, head included, whole or not at all: 0 or -errno. now_us: monotonic; once in
 * a second it is looked whether the file is still where it should be. */
int sink_tape_write(struct sink_tape *tape, const uint8_t *frame, size_t len, uint64_t now_us);

#endif
