/*
 * upstream/stream.h - messages on a stream of octets (RFC 1035, 4.2.2), over TCP and TLS alike,
 * and what they say about the connection. Private to the room.
 *
 * Pure. The octets are a stranger's.
 */
#ifndef CORDON_UPSTREAM_STREAM_H
#define CORDON_UPSTREAM_STREAM_H

#include <stddef.h>
#include <stdint.h>

enum upstream_frame {
    UPSTREAM_FRAME_WHOLE,
    UPSTREAM_FRAME_PART,  /* the rest is still to come */
    UPSTREAM_FRAME_BROKEN /* too short for a message: where the next one begins is unknown */
};

/* Looks at the frame that begins at *at of the octets. WHOLE: *message is where its message
 * begins, of *len octets, and *at moves behind it; otherwise nothing changes. */
enum upstream_frame upstream_frame_next(const uint8_t *octets, size_t used, size_t *at,
                                        size_t *message, size_t *len);

/* How long the server keeps the connection when nobody uses it (RFC 7828, 3.3.2), milliseconds,
 * at most UPSTREAM_TLS_IDLE_MAX_MS; -1: the message does not say so. */
int upstream_keepalive_ms(const uint8_t *octets, size_t len);

#endif
