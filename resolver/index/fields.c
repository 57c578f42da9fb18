/* index/fields.c - which columns of events an index has, and how: tables and views follow. */
#include "index/inside.h"

const char *const index_tables[INDEX_TABLES] = {
    [0] = "words",
    [INDEX_CLIENT - INDEX_WORD] = "clients",
    [INDEX_NAME - INDEX_WORD] = "names",
    [INDEX_RULE - INDEX_WORD] = "rules",
    [INDEX_BASIS - INDEX_WORD] = "bases",
};

/* In the order of docs/events.md, and by its words. */
static const struct index_field of_decisions[] = {
    {AUDIT_EVENT, INDEX_WORD, "event", false},
    {AUDIT_CLIENT, INDEX_CLIENT, "client", true},
    {AUDIT_CLIENT_PORT, INDEX_NUMBER, "client_port", false},
    {AUDIT_TRANSPORT, INDEX_WORD, "transport", false},
    {AUDIT_VIEW, INDEX_WORD, "view", false},
    {AUDIT_NAME, INDEX_NAME, "name", true},
    {AUDIT_TYPE, INDEX_WORD, "type", false},
    {AUDIT_ACTION, INDEX_WORD, "action", false},
    {AUDIT_REDIRECT, INDEX_WORD, "redirect", false},
    {AUDIT_MODE, INDEX_WORD, "mode", false},
    {AUDIT_APPLIED, INDEX_NUMBER, "applied", false},
    {AUDIT_PAUSED, INDEX_NUMBER, "paused", false},
    {AUDIT_SUBJECT, INDEX_WORD, "exception_rule", true},
    {AUDIT_EXCEPTION, INDEX_WORD, "exception_name", true},
    {AUDIT_TICKET, INDEX_WORD, "ticket", false},
    {AUDIT_ID, INDEX_WORD, "exception_id", false},
    {AUDIT_LICENCE, INDEX_WORD, "licence", false},
    {AUDIT_APPROVER, INDEX_WORD, "approver", false},
    {AUDIT_BASIS, INDEX_BASIS, "basis", true},
    {AUDIT_STATE, INDEX_WORD, "stage", false},
    {AUDIT_RULE, INDEX_RULE, "rule", true},
    {AUDIT_CATEGORY, INDEX_WORD, "category", false},
    {AUDIT_SCOPE, INDEX_WORD, "scope", false},
    {AUDIT_CONFIDENCE, INDEX_WORD, "confidence", false},
    {AUDIT_TRIGGER, INDEX_WORD, "trigger", false},
    {AUDIT_MATCHED, INDEX_NAME, "matched_name", true},
    {AUDIT_MATCHED_ADDRESS, INDEX_WORD, "matched_address", true},
    {AUDIT_HOP, INDEX_NUMBER, "hop", false},
    {AUDIT_CHAIN, INDEX_WORD, "chain", false},
    {AUDIT_UPSTREAM, INDEX_WORD, "upstream", false},
    {AUDIT_CACHED, INDEX_NUMBER, "cached", false},
    {AUDIT_STALE, INDEX_FLAG, "stale", false},
    {AUDIT_RCODE, INDEX_WORD, "rcode", false},
    {AUDIT_LATENCY, INDEX_NUMBER, "latency_us", false},
    {AUDIT_EDE, INDEX_WORD, "ede", false},
};

static const struct index_field of_queries[] = {
    {AUDIT_EVENT, INDEX_WORD, "event", false},
    {AUDIT_CLIENT, INDEX_CLIENT, "client", true},
    {AUDIT_CLIENT_PORT, INDEX_NUMBER, "client_port", false},
    {AUDIT_TRANSPORT, INDEX_WORD, "transport", false},
    {AUDIT_VIEW, INDEX_WORD, "view", false},
    {AUDIT_NAME, INDEX_NAME, "name", true},
    {AUDIT_TYPE, INDEX_WORD, "type", false},
    {AUDIT_UPSTREAM, INDEX_WORD, "upstream", false},
    {AUDIT_CACHED, INDEX_NUMBER, "cached", false},
    {AUDIT_STALE, INDEX_FLAG, "stale", false},
    {AUDIT_RCODE, INDEX_WORD, "rcode", false},
    {AUDIT_LATENCY, INDEX_NUMBER, "latency_us", false},
};

/* They are few, and of many kinds: words as they are, and the whole in the column `json`. */
static const struct index_field of_changes[] = {
    {AUDIT_EVENT, INDEX_TEXT, "event", false},
    {AUDIT_WHAT, INDEX_TEXT, "what", false},
    {AUDIT_BY, INDEX_TEXT, "by", false},
    {AUDIT_UID, INDEX_NUMBER, "uid", false},
    {AUDIT_USER, INDEX_TEXT, "user", false},
    {AUDIT_PID, INDEX_NUMBER, "pid", false},
    {AUDIT_REASON, INDEX_TEXT, "reason", false},
    {AUDIT_LIST, INDEX_TEXT, "list", false},
    {AUDIT_SERIAL, INDEX_NUMBER, "serial", false},
    {AUDIT_PUBLISHER, INDEX_TEXT, "publisher", false},
    {AUDIT_VIEW, INDEX_TEXT, "view", false},
    {AUDIT_SUBJECT, INDEX_TEXT, "subject", false},
    {AUDIT_BEFORE, INDEX_TEXT, "before", false},
    {AUDIT_MATCH, INDEX_TEXT, "match", false},
    {AUDIT_SCOPE, INDEX_TEXT, "scope", false},
    {AUDIT_RULE, INDEX_TEXT, "rule", false},
    {AUDIT_ID, INDEX_TEXT, "exception_id", false},
    {AUDIT_TICKET, INDEX_TEXT, "ticket", false},
    {AUDIT_LICENCE, INDEX_TEXT, "licence", false},
    {AUDIT_APPROVER, INDEX_TEXT, "approver", false},
    {AUDIT_UNTIL, INDEX_TEXT, "until", false},
    {AUDIT_KEPT, INDEX_NUMBER, "kept", false},
    {AUDIT_FILE, INDEX_TEXT, "file", false},
    {AUDIT_STATE, INDEX_TEXT, "state", false},
    {AUDIT_MODE, INDEX_TEXT, "mode", false},
    {AUDIT_ACTION, INDEX_TEXT, "action", false},
    {AUDIT_DUE, INDEX_TEXT, "due", false},
    {AUDIT_DEAD, INDEX_TEXT, "dead", false},
    {AUDIT_VERSION, INDEX_TEXT, "version", false},
    {AUDIT_DIGEST, INDEX_TEXT, "digest", false},
    {AUDIT_GENERATION, INDEX_NUMBER, "generation", false},
    {AUDIT_STREAM, INDEX_TEXT, "stream", false},
    {AUDIT_COUNT, INDEX_NUMBER, "count", false},
    {AUDIT_CAUSE, INDEX_TEXT, "cause", false},
    {AUDIT_ERROR, INDEX_NUMBER, "error", false},
    {AUDIT_FROM, INDEX_TEXT, "from", false},
    {AUDIT_TO, INDEX_TEXT, "to", false},
};

#define FIELDS(table) table, sizeof(table) / sizeof((table)[0])

/* What does not apply is row 0 of its table, which has NULL everywhere: joins that leave
 * nothing out let SQLite begin with the table that narrows it down most. */
const struct index_stream index_streams[AUDIT_STREAMS + 1] = {
    [AUDIT_DECISIONS] =
        {"decision_rows", "decisions", 'd', FIELDS(of_decisions),
         " JOIN clients AS c ON c.id = r.client JOIN names AS n ON n.id = r.name"
         " JOIN names AS m ON m.id = r.matched_name JOIN rules AS u ON u.id = r.rule"
         " JOIN bases AS b ON b.id = r.basis",
         ", c.client, n.name, n.name_key, u.rule, b.provider, b.provider_name, b.parent_name,"
         " b.status_class, b.status_entity, b.status_authority, b.status_citation,"
         " b.status_effective, b.status_state, b.status_checked, b.list, b.serial,"
         " coalesce((SELECT word FROM words WHERE id = r.exception_rule),"
         " (SELECT word FROM words WHERE id = r.exception_name)) AS exception,"
         " coalesce((SELECT word FROM words WHERE id = r.matched_address), m.name) AS matched,"
         " m.name_key AS matched_key"},
    [AUDIT_QUERIES] = {"query_rows", "queries", 'q', FIELDS(of_queries),
                       " JOIN clients AS c ON c.id = r.client JOIN names AS n ON n.id = r.name",
                       ", c.client, n.name, n.name_key"},
    [AUDIT_CHANGES] = {"change_rows", "changes", 'c', FIELDS(of_changes), "", ", r.json"},
};
