/*
 * audit/stencil.h - lines of decisions, quickly: most of a line is the same for all events that
 * one rule's row decides in one way, so it is written once, and then filled in.
 *
 * A stencil is made of a line that audit_event_json() wrote, so a line is the same octet for
 * octet whichever way it comes; what has no stencil is written that way every time: names with
 * octets that are escaped, addresses that matched, exceptions, redirects, the operator's own
 * words. One thread. Stencils are of one policy at a time.
 */
#ifndef CORDON_AUDIT_STENCIL_H
#define CORDON_AUDIT_STENCIL_H

#include "audit/event.h"
#include "audit/repeat.h"

/* What differs: fields from the first to the last of each, with the commas before them. */
enum audit_hole {
    AUDIT_HOLE_HEAD,    /* "seq" to "client_port" */
    AUDIT_HOLE_NAME,    /* "name", "type" */
    AUDIT_HOLE_RULE,    /* "rule" */
    AUDIT_HOLE_MATCH,   /* "trigger" to "upstream" */
    AUDIT_HOLE_LATENCY, /* "latency_us" */
    AUDIT_HOLES
};

struct audit_holes {
    struct {
        size_t from, to; /* in the line */
    } at[AUDIT_HOLES];
};

/* json.c: audit_event_json(), and where its holes are if a rule decided. */
size_t audit_event_json_holes(const struct audit_event *event, const struct policy *policy,
                              const char *view_name, struct audit_list_words *lists,
                              uint64_t sequence, char *out, size_t size,
                              struct audit_holes *holes);

struct audit_stencils; /* opaque */

struct audit_stencils *audit_stencils_create(void);           /* NULL: no memory */
void audit_stencils_destroy(struct audit_stencils *stencils); /* NULL is fine */

/* As audit_event_json(). policy is the one of the call before, or has another generation. */
size_t audit_stencils_line(struct audit_stencils *stencils, const struct audit_event *event,
                           const struct policy *policy, const char *view_name,
                           struct audit_list_words *lists, uint64_t sequence, char *out,
                           size_t size);

/* That of the event, if it has one now; *id says which it is, as long as its id is this one. */
const struct audit_stencil *audit_stencils_of(struct audit_stencils *stencils,
                                              const struct audit_event *event,
                                              const struct policy *policy,
                                              const char *view_name, uint64_t *id);
/* Whether it can be filled in for a record with these parts that repeats another (repeat.h). */
bool audit_stencils_can(const struct audit_repeat *repeat,
                        const struct audit_event_parts *parts);
/* As audit_stencils_line(); there is room for AUDIT_LINE_MAX. */
size_t audit_stencils_again(struct audit_stencils *stencils, const struct audit_repeat *repeat,
                            const struct audit_event_parts *parts, uint64_t sequence,
                            char *out);

#endif
