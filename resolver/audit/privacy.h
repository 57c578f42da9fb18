/*
 * audit/privacy.h - how much of clients and names leaves the writer's thread.
 *
 * Whatever leaves it (rows of the log, lines, sinks) has passed here first: what the operator
 * does not want kept is then in no struct any more. Nothing of this is on the way of an answer.
 *
 * One thread, the writer's.
 */
#ifndef CORDON_AUDIT_PRIVACY_H
#define CORDON_AUDIT_PRIVACY_H

#include "audit/event_row.h"
#include "audit/keyring.h"
#include "base/clock.h"

enum audit_client_form {
    AUDIT_FORM_FULL,
    AUDIT_FORM_PREFIX,
    AUDIT_FORM_PSEUDONYM,
    AUDIT_FORM_ABSENT
};

struct audit_privacy_settings {
    enum audit_client_form client[AUDIT_STREAMS + 1]; /* by stream; lines are decisions */
    unsigned prefix_v4, prefix_v6;                    /* bits */
    bool hash_names;    /* of the stream of queries: every question, matched or not */
    const char *folder; /* of the keys; copied; NULL: they are in memory alone */
    uint64_t keep_us;   /* a key outlasts its day by so much */
    const struct audit_keyring_disk *disk; /* NULL: the real one */
};

struct audit_privacy; /* opaque */

/* NULL: out of memory. */
struct audit_privacy *audit_privacy_create(const struct audit_privacy_settings *settings);
/* Wipes the keys in memory; those of the folder stay. NULL is fine. */
void audit_privacy_destroy(struct audit_privacy *privacy);

/* A client as it may be recorded in a stream; wall_us: when it asked. privacy NULL: in full. */
void audit_privacy_client(struct audit_privacy *privacy, enum audit_stream stream,
                          const struct address *from, uint64_t wall_us,
                          struct audit_client *out);

/* An event of decisions: event->who is what may be told; unless it is the whole address,
 * event->client is then none, and the address that a rule about clients matched is the rule's
 * own. privacy NULL: nothing is changed. */
void audit_privacy_event(struct audit_privacy *privacy, struct audit_event *event);

/* The same of parts of a record, which have no address that matched. */
void audit_privacy_parts(struct audit_privacy *privacy, struct audit_event_parts *parts);

/* The row of a question, likewise; it borrows from words. */
void audit_privacy_question(struct audit_privacy *privacy, struct audit_event_words *words,
                            struct audit_row *row);

/* Many times a second is fine: keys that could not be written are tried again. True: keys are
 * over, those of *found, days before *before; they are to be recorded, then forgotten. What the
 * disk has to do for it is done aside, here and below. */
bool audit_privacy_tick(struct audit_privacy *privacy, struct clock_now now, uint32_t *before,
                        struct audit_days *found);

/* Nothing is being done aside; waits for it so long at most. */
bool audit_privacy_wait(struct audit_privacy *privacy, unsigned ms);

/* The keys of days before this one that have a file. False: not known yet, ask again. */
bool audit_privacy_keys(struct audit_privacy *privacy, uint32_t before,
                        struct audit_days *found);
/* Destroys the keys of days before this one: in memory at once, then their files. False: these
 * are there still, ask again. *result: 0 or -errno; *gone in either case. */
bool audit_privacy_forget(struct audit_privacy *privacy, uint32_t before, int *result,
                          struct audit_days *gone);

#endif
