/*
 * audit/event_row.h - records of the rings as rows of the audit log (docs/audit-log.md).
 */
#ifndef CORDON_AUDIT_EVENT_ROW_H
#define CORDON_AUDIT_EVENT_ROW_H

#include "audit/event.h"
#include "audit/list_words.h"
#include "audit/row.h"
#include "policy/words.h"

/* The texts of a row that stand nowhere else. */
struct audit_event_words {
    uint8_t client[AUDIT_ADDRESS_MAX], upstream[AUDIT_ADDRESS_MAX], address[AUDIT_ADDRESS_MAX];
    uint8_t hashed[AUDIT_ADDRESS_MAX]; /* a name (privacy.h) */
    uint8_t basis[AUDIT_TEXT_MAX], chain[AUDIT_TEXT_MAX];
    struct wire_name redirect;
    char rule[POLICY_RULE_TEXT_MAX];
    char exception[POLICY_SUBJECT_MAX];
    char ede[POLICY_EDE_MAX];
};

/* The same for the audit log (docs/audit-log.md). The row borrows from words, lists, the event
 * and the policy. False where audit_event_json would give 0. */
bool audit_event_row(const struct audit_event *event, const struct policy *policy,
                     const char *view_name, struct audit_list_words *lists,
                     struct audit_event_words *words, struct audit_row *row);

/* Of that row what differs from event to event, beside the columns of a kit (event_kits.h).
 * rule: of the hit; NULL: it is that of none. False: as above. */
bool audit_event_row_own(const struct audit_event *event, const struct policy_row *rule,
                         struct audit_event_words *words, struct audit_row *row);

/* The row of a record of a question, whose generation audit_event_generation says; it borrows
 * from both. view_name as above: NULL is refused. False if the octets are no record. */
bool audit_question_row(const void *record, size_t len, const char *view_name,
                        struct audit_event_words *words, struct audit_row *row);
/* In two parts: the columns of its own (steady.h); and the others, which come of few numbers
 * and the name of the view. The first begins the row. */
struct audit_question_steady {
    uint8_t view, transport, rcode, cached; /* as in struct audit_question */
};
bool audit_question_own(const void *record, size_t len, struct audit_event_words *words,
                        struct audit_row *row, struct audit_question_steady *steady);
void audit_question_steady(const struct audit_question_steady *steady, const char *view_name,
                           struct audit_row *row);
/* Its name alone, in wire format, borrowed from the record; NULL: it is none. */
const uint8_t *audit_question_name(const void *record, size_t len, size_t *name_len);

#endif
