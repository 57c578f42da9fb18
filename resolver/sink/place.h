/*
 * sink/place.h - where a sink's messages go: a file, or a socket in clear or with TLS.
 *
 * No thread and no loop: each call does what can be done now. Sockets never wait; files may, on
 * the thread of their sink. One thread.
 */
#ifndef CORDON_SINK_PLACE_H
#define CORDON_SINK_PLACE_H

#include "sink/sink.h"

#include "base/clock.h"

#include <sys/types.h>

struct audit_output;
struct sink_tape;
struct tls_session;

struct sink_place {
    const struct sink_settings *settings;
    int fd; /* of a socket; -1 */
    bool connected;
    struct tls_session *tls;   /* NULL: in clear, or not connected */
    struct audit_output *file; /* of lines */
    struct sink_tape *tape;    /* of frames */
    char error[TLS_ERROR_MAX]; /* of the newest failure that has words of its own; else "" */
};

/* settings: borrowed for good. */
void sink_place_init(struct sink_place *place, const struct sink_settings *settings);

/* Begins: 0: it takes messages; -EINPROGRESS: not yet; else -errno. */
int sink_place_open(struct sink_place *place, struct clock_now now);
/* Goes on after -EINPROGRESS, when poll(2) says so. As above. */
int sink_place_go_on(struct sink_place *place, struct clock_now now);
/* NULL-safe in all parts; may be opened again. A line that was begun in a file is taken back.
 */
void sink_place_close(struct sink_place *place);

/* Octets taken of len, more than 0; -EAGAIN: none for now; else -errno: it is of no use any
 * more. A place of datagrams or frames is given one message at a time, and takes it whole:
 * -EMSGSIZE: it is too large for it. */
ssize_t sink_place_write(struct sink_place *place, const uint8_t *octets, size_t len,
                         struct clock_now now);
/* True if all that was taken has been handed to the system. Tries to. */
bool sink_place_is_flushed(struct sink_place *place);

/* Octets read, more than 0; -EAGAIN: none for now; else -errno, -ECONNRESET: the other side has
 * ended it. Sockets alone. */
ssize_t sink_place_read(struct sink_place *place, uint8_t *out, size_t size);

bool sink_place_is_socket(const struct sink_settings *settings);
bool sink_place_is_datagram(const struct sink_settings *settings);
/* One message at a time: datagrams, and frames in a file. */
bool sink_place_takes_one(const struct sink_settings *settings);

/* For poll(2): -1: nothing to be waited for. wants_write: the caller has something to write. */
int sink_place_descriptor(const struct sink_place *place);
short sink_place_events(const struct sink_place *place, bool wants_write);

/* "tls://192.0.2.30@6514#siem.example". Returns the length. */
size_t sink_place_format(const struct sink_settings *settings, char *out, size_t size);

#endif
