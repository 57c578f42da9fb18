/*
 * audit/taken.h - events as they are taken, for those who send them elsewhere.
 *
 * Told on the writer's thread, which must not wait. An event of the audit log is told when the
 * log gives it its number: that number, the log's origin and the event's time are its id
 * everywhere (the time too, since a log that was killed gives numbers again that no disk has
 * seen). One that the log does not have (there is none, it is full, it could not be opened for
 * long) is told all the same.
 */
#ifndef CORDON_AUDIT_TAKEN_H
#define CORDON_AUDIT_TAKEN_H

#include "audit/row.h"

struct audit_taken {
    enum audit_stream stream;
    unsigned log;       /* which log of its folder has it, from 1; 0: none has */
    const char *origin; /* of the folder's first log; NULL where log is 0 */
    uint64_t number;    /* of the event in its stream there */
    const struct audit_row *row;
};

struct audit_tap {
    /* NULL: nobody wants to know. *taken is borrowed for the call. */
    void (*taken)(void *context, const struct audit_taken *taken);
    void (*round)(void *context); /* there may have been some */
    void *context;
    bool streams[AUDIT_STREAMS + 1]; /* that are wanted */
};

/* Tells of one that no log has. */
static inline void audit_tap_tell(const struct audit_tap *tap, enum audit_stream stream,
                                  const struct audit_row *row)
{
    if (tap->taken != NULL && tap->streams[stream]) {
        tap->taken(tap->context, &(struct audit_taken){.stream = stream, .row = row});
    }
}

#endif
