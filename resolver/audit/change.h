/*
 * audit/change.h - the record of what somebody changed while the daemon ran: who, what, why.
 *
 * Put by the main thread into a ring of its own. A record is the line of docs/events.md but for
 * its beginning, which has the number that the writer gives: no policy is needed to read it.
 */
#ifndef CORDON_AUDIT_CHANGE_H
#define CORDON_AUDIT_CHANGE_H

#include "base/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum audit_change_what {
    AUDIT_PAUSE_BEGUN,
    AUDIT_PAUSE_ENDED,
    AUDIT_PAUSE_EXPIRED,
    AUDIT_EXCEPTION_ADDED,
    AUDIT_EXCEPTION_REMOVED,
    AUDIT_EXCEPTION_EXPIRED
};

struct audit_change {
    uint64_t wall_us;
    enum audit_change_what what;
    bool by_daemon; /* nobody asked for it: uid, user and pid mean nothing */
    uint32_t uid;
    const char *user; /* NULL: the system has no name for it */
    int32_t pid;
    const char *reason;  /* of this act; NULL: none was given */
    const char *subject; /* what it is about: a name, the id of a list, or "all" */
    const char *scope;   /* of an exception: "own" or "chain"; NULL otherwise */
    const char *match;   /* of an exception: "suffix" or "exact"; NULL otherwise */
    const char *view;    /* NULL: every view */
    const char *ticket;  /* NULL: none */
    uint64_t until_s;    /* when it ends or would have ended */
    bool kept;           /* over a restart */
};

/* Octets of a record: two texts of 512 octets and names, escaped. */
#define AUDIT_CHANGE_MAX 16384u
/* Octets of their ring: expiry of many at once is some hundred octets each. */
#define AUDIT_CHANGE_RING (2u << 20)

/* False if the ring is full: the caller counts. */
bool audit_change_put(struct ring *ring, const struct audit_change *change);

/* The line of a record, with a newline. Returns its length; 0 if it did not fit. */
size_t audit_change_line(const void *record, size_t len, uint64_t sequence, char *out,
                         size_t size);

#endif
