/*
 * audit/id.h - how an event of the audit log is called: "d17" is event 17 (from 0) of the
 * stream of decisions, "q17" of queries, "c17" of changes; "2-d17" that of the second log of
 * the folder (docs/audit-log.md, "As cordond writes it").
 */
#ifndef CORDON_AUDIT_ID_H
#define CORDON_AUDIT_ID_H

#include "audit/row.h"

struct audit_id {
    unsigned log; /* of the folder, from 1 */
    enum audit_stream stream;
    uint64_t event; /* number in its stream, from 0; below 2^63 */
};

#define AUDIT_ID_TEXT_MAX 28 /* "1000-d" and 19 digits, and a terminator */

/* One event has one spelling: no leading zeros, lower case, "1-" is not written. False and *out
 * untouched if it is none. len octets are read. */
bool audit_id_parse(const char *text, size_t len, struct audit_id *out);
/* Returns the length. */
size_t audit_id_format(const struct audit_id *id, char out[AUDIT_ID_TEXT_MAX]);

#endif
