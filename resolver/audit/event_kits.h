/*
 * audit/event_kits.h - rows of decisions and questions, quickly: most columns are the same for
 * all events that one rule's row decides in one way, so they are put together once (kit.h).
 *
 * A kit is made of a row that audit_event_row() made, so a row has the same values whichever
 * way it comes; what has no kit is made that way every time: exceptions, redirects, addresses
 * that matched, the operator's own words. One thread. Kits are of one policy at a time.
 *
 * A question has one of the few columns that are not its own.
 */
#ifndef CORDON_AUDIT_EVENT_KITS_H
#define CORDON_AUDIT_EVENT_KITS_H

#include "audit/event_row.h"
#include "audit/kit.h"

struct audit_event_kits; /* opaque */

struct audit_event_kits *audit_event_kits_create(void);       /* NULL: no memory */
void audit_event_kits_destroy(struct audit_event_kits *kits); /* NULL is fine */

/* As audit_event_row(); *kit is that of the row, borrowed until the next call, or NULL. policy
 * is the one of the call before, or has another generation. */
bool audit_event_kits_event(struct audit_event_kits *kits, const struct audit_event *event,
                            const struct policy *policy, const char *view_name,
                            struct audit_list_words *lists, struct audit_event_words *words,
                            struct audit_row *row, const struct audit_kit **kit);

/* The kit of questions that are the same in this; NULL: no memory. Borrowed and policy as
 * above. */
const struct audit_kit *audit_event_kits_question(struct audit_event_kits *kits,
                                                  const struct audit_question_steady *steady,
                                                  const struct policy *policy,
                                                  const char *view_name);

#endif
