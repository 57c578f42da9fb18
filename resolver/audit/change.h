/*
 * audit/change.h - the record of what somebody changed while the daemon ran: who, what, why.
 *
 * Put by the main thread into a ring of its own. A record has the line of docs/events.md but
 * for its beginning, which has the number that the writer gives, and the row of the audit log:
 * no policy is needed to read it.
 */
#ifndef CORDON_AUDIT_CHANGE_H
#define CORDON_AUDIT_CHANGE_H

#include "audit/row.h"
#include "base/digest.h"
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
    AUDIT_EXCEPTION_EXPIRED,
    AUDIT_EXCEPTION_BEGUN,     /* it was there, and its time has come */
    AUDIT_EXCEPTION_ENDING,    /* its time will be over soon */
    AUDIT_EXCEPTION_RULE_GONE, /* its list does not have the rule any more */
    AUDIT_LIST_ROLLED_BACK,    /* an older version of it counts until it is released */
    AUDIT_LIST_RELEASED,
    AUDIT_LIST_HOLD_LOST, /* the older version cannot be had: the newest counts */
    AUDIT_STAGE_BEGUN,    /* a newer version is brought in, and at the first stage */
    AUDIT_STAGE_ADVANCED, /* at another one */
    AUDIT_STAGE_DONE,     /* it counts for all */
    AUDIT_STAGE_ENDED     /* it is not brought in any more */
};

struct audit_change {
    uint64_t wall_us;
    enum audit_change_what what;
    bool by_daemon; /* nobody asked for it: uid, user and pid mean nothing */
    uint32_t uid;
    const char *user; /* NULL: the system has no name for it */
    int32_t pid;
    const char *reason;  /* of this act; NULL: none was given */
    const char *subject; /* what it is about: a name, a rule, the id of a list, or "all" */
    bool is_rule;        /* of an exception: the subject is a rule */
    const char *scope;   /* of an exception: "own" or "chain"; NULL otherwise */
    const char *match;   /* of an exception: "suffix" or "exact"; NULL otherwise */
    const char *view;    /* NULL: every view */
    const char *id;      /* of an exception */
    const char *ticket;  /* NULL: none; so for all of these */
    const char *licence;
    const char *approver;
    const char *file; /* that the exception stands in; NULL: a command has added it */
    uint64_t from_s;  /* not before; 0: from the first */
    uint64_t until_s; /* when it ends or would have ended; 0: not by itself */
    uint32_t serial, serial_before; /* of a list: that counts now, and that did before; of a
                                       stage: the newer, and that which counts for all others */
    const char *stage; /* "log", "10% of clients", "views a, b"; NULL: there is none */
    bool kept;         /* over a restart */
};

/* Octets of a record: two texts of 512 octets and names, escaped. */
#define AUDIT_CHANGE_MAX 16384u
/* Octets of their ring: expiry of many at once is some hundred octets each. */
#define AUDIT_CHANGE_RING (2u << 20)

/* False if the ring is full: the caller counts. */
bool audit_change_put(struct ring *ring, const struct audit_change *change);

/* A file of exceptions: taken, or refused. */
struct audit_exceptions {
    uint64_t wall_us;
    const char *file;
    const char *reason; /* why it was refused; NULL: it was taken */
    const char *id;     /* of what is in force from it; NULL: nothing is */
    uint32_t serial;
    uint64_t created_s, expires_s;
    size_t count;           /* of its exceptions */
    const char (*keys)[17]; /* ids of those that have signed */
    size_t key_count;
};

/* So many keys are told. */
#define AUDIT_EXCEPTIONS_KEYS_MAX 32u

/* A view that another schedule makes what it is, or none any more. */
struct audit_schedule {
    uint64_t wall_us;
    const char *view;
    const char *was, *is; /* names of schedules; NULL: none */
    bool log_only, deny;  /* what the view says now */
    const char *action;
};

/* As audit_change_put. */
bool audit_schedule_put(struct ring *ring, const struct audit_schedule *schedule);
bool audit_exceptions_put(struct ring *ring, const struct audit_exceptions *exceptions);

/* How a list stands in time, when that has changed: "fresh", "stale", "dead", ... */
struct audit_list {
    uint64_t wall_us;
    const char *list, *state;
    const char *publisher; /* NULL: it counts by keys alone */
    uint32_t serial;
    uint64_t due_s;     /* the earliest expiry of list, catalogue and root */
    const char *policy; /* what holds if it is dead: "enforce", "refuse" or "pass" */
};

/* As audit_change_put. */
bool audit_list_put(struct ring *ring, const struct audit_list *list);

/* What happens to the memory of what was accepted, and to publishers (docs/trust.md). */
struct audit_trust {
    uint64_t wall_us;
    const char *what;      /* "memory-lost", "acknowledged" ... */
    const char *publisher; /* NULL: it is about the memory */
    const char *detail;    /* in words; NULL: none */
    uint64_t since_s;      /* 0: from now on */
    bool by_daemon;        /* as in struct audit_change, and so are these */
    uint32_t uid;
    const char *user;
    int32_t pid;
    const char *reason;
};

/* As audit_change_put. */
bool audit_trust_put(struct ring *ring, const struct audit_trust *trust);

/* What the audit log alone is told: the daemon's own doings (docs/audit-log.md, "Changes"). */
struct audit_note {
    uint64_t wall_us;
    const char *what; /* "start", "list-in-force", ... */
    bool by_daemon;   /* as in struct audit_change */
    uint32_t uid;
    const char *user;
    int32_t pid;
    const char *reason, *list, *publisher, *subject, *before, *file, *state,
        *version;                       /* NULL: it has none */
    const uint8_t *digest;              /* DIGEST_OCTETS; NULL: none */
    uint64_t serial, generation, count; /* 0: none */
};

/* As audit_change_put. */
bool audit_note_put(struct ring *ring, const struct audit_note *note);

/* False: it is for the audit log alone. */
bool audit_change_has_line(const void *record, size_t len);

/* The row of a record, borrowed from it. False: it has none. */
bool audit_change_row(const void *record, size_t len, struct audit_row *row);

/* The line of a record, with a newline. Returns its length; 0 if it did not fit. */
size_t audit_change_line(const void *record, size_t len, uint64_t sequence, char *out,
                         size_t size);

#endif
