/*
 * sink/frames.h - Frame Streams: how dnstap travels (fstrm's protocol), as octets alone.
 *
 * In a file: START, frames, STOP. Over a socket the sender asks first: READY, the reader
 * ACCEPTs; at the end the sender says STOP and the reader FINISH.
 */
#ifndef CORDON_SINK_FRAMES_H
#define CORDON_SINK_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define FRAMES_HEAD 4u /* octets before the content of a frame: its length */

/* What travels. */
#define FRAMES_DNSTAP "protobuf:dnstap.Dnstap"

enum frames_control {
    FRAMES_ACCEPT = 1,
    FRAMES_START = 2,
    FRAMES_STOP = 3,
    FRAMES_READY = 4,
    FRAMES_FINISH = 5
};

/* Octets of the largest frame of these that is written. */
#define FRAMES_CONTROL_MAX 64u

/* A control frame; READY and START name what travels. Returns the length. */
size_t frames_put_control(enum frames_control control, uint8_t out[FRAMES_CONTROL_MAX]);
void frames_put_head(uint32_t len, uint8_t out[FRAMES_HEAD]);

enum frames_read {
    FRAMES_MORE,    /* not whole yet */
    FRAMES_CONTROL, /* *control and *used say which, and how many octets it had */
    FRAMES_REFUSED  /* no frame that a reader sends, or one that takes something else */
};

/* Reads the control frame that octets begin with, which a stranger has sent. An ACCEPT must
 * name what travels, or nothing at all. */
enum frames_read frames_read_control(const uint8_t *octets, size_t len,
                                     enum frames_control *control, size_t *used);

#endif
