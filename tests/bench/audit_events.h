/*
 * tests/bench/audit_events.h - questions as an office asks them, for the benchmarks of the
 * audit log: the same on every machine, as facts that a worker records, as records, or as rows.
 *
 * The mix: 100,000 names by Zipf's law (exponent 1), made of the domains of audit_names.txt and
 * of hosts as such domains have them; 2,000 clients, of whom the first ask most, one of eight
 * over IPv6; A, AAAA and HTTPS as 60, 25 and 15; 85 of 100 from the cache; 8 of 100 NXDOMAIN; 1
 * of 100 over TCP. One question of a hundred is for a host of one of four listed providers, six
 * of ten by its own name and four by an alias: these are decisions as well. A question each 50
 * microseconds on average.
 */
#ifndef CORDON_BENCH_AUDIT_EVENTS_H
#define CORDON_BENCH_AUDIT_EVENTS_H

#include "audit/event_row.h"
#include "policy/policy.h"

#define AUDIT_EVENTS_NAMES     100000u
#define AUDIT_EVENTS_CLIENTS   2000u
#define AUDIT_EVENTS_PROVIDERS 4u

struct audit_events; /* opaque */

/* path: audit_names.txt; NULL: that of the checkout which this was built from. seed: other
 * events. NULL, with a message on standard error, if the names or memory are not to be had. */
struct audit_events *audit_events_create(const char *path, uint8_t seed, uint64_t begin_us);
void audit_events_destroy(struct audit_events *events); /* NULL is fine */

/* What a worker hands over for one question. */
struct audit_made {
    struct address client, upstream; /* that the question points to */
    struct audit_question question;
    bool decided;
    struct audit_decision decision; /* if decided */
};

/* The next question; what it points to is borrowed until the end. */
void audit_events_next(struct audit_events *events, struct audit_made *made);

/* The policy that decides them, its only view "default", number 0; borrowed. */
const struct policy *audit_events_policy(const struct audit_events *events);

/* The rows of a question and, if it was decided, of its decision, as the writer makes them of a
 * worker's records. */
struct audit_made_rows {
    struct audit_row question, decision;
    struct audit_event_words words, decision_words; /* what the rows borrow from */
    struct audit_event event;
    uint64_t record[AUDIT_QUESTION_MAX / 8];
};
void audit_events_rows(struct audit_events *events, const struct audit_made *made,
                       struct audit_made_rows *rows);

/* Name number `rank` of AUDIT_EVENTS_NAMES, 0 being asked most; borrowed. */
const struct wire_name *audit_events_name(const struct audit_events *events, unsigned rank);
/* Client number `rank` of AUDIT_EVENTS_CLIENTS, 0 being the one that asks most. */
struct address audit_events_client(unsigned rank);
/* The word of provider number i of AUDIT_EVENTS_PROVIDERS, as in a list. */
const char *audit_events_provider(unsigned i);

#endif
