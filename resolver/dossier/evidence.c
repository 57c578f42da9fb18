/* dossier/evidence.c - what an auditor asks first. */
#include "dossier/rows.h"

#include <errno.h>
#include <stdlib.h>

static const struct dossier_row_column lists[] = {
    {AUDIT_LIST, DOSSIER_ROW_TEXT, "list", "list", false},
    {AUDIT_SERIAL, DOSSIER_ROW_SERIAL, "serial", "serial", false},
    {AUDIT_DIGEST, DOSSIER_ROW_HEX, "digest", "BLAKE2b-256 of its text", false},
    {AUDIT_SUBJECT, DOSSIER_ROW_TEXT, "keys", "signed by", true},
    {AUDIT_PUBLISHER, DOSSIER_ROW_TEXT, "publisher", "publisher", true},
    {AUDIT_VERSION, DOSSIER_ROW_TEXT, "version", "counts by", true},
    {AUDIT_BEFORE, DOSSIER_ROW_TEXT, "before", "serial before", true},
    {0, DOSSIER_ROW_TEXT, NULL, NULL, false},
};

static const struct dossier_row_column gaps[] = {
    {AUDIT_WHAT, DOSSIER_ROW_TEXT, "what", "what", false},
    {AUDIT_STREAM, DOSSIER_ROW_STREAM, "stream", "stream", false},
    {AUDIT_COUNT, DOSSIER_ROW_NUMBER, "count", "events", false},
    {AUDIT_CAUSE, DOSSIER_ROW_TEXT, "cause", "cause", false},
    {AUDIT_ERROR, DOSSIER_ROW_SERIAL, "error", "error", true},
    {AUDIT_FROM, DOSSIER_ROW_SERIAL, "first", "first time or block", true},
    {AUDIT_TO, DOSSIER_ROW_SERIAL, "last", "last time or block", true},
    {AUDIT_REASON, DOSSIER_ROW_TEXT, "reason", "reason", true},
    {AUDIT_BY, DOSSIER_ROW_TEXT, "by", "by", true},
    {AUDIT_USER, DOSSIER_ROW_TEXT, "user", "user", true},
    {0, DOSSIER_ROW_TEXT, NULL, NULL, false},
};

static const struct dossier_row_column notes[] = {
    {AUDIT_WHAT, DOSSIER_ROW_TEXT, "what", "what", false},
    {AUDIT_BY, DOSSIER_ROW_TEXT, "by", "by", true},
    {AUDIT_USER, DOSSIER_ROW_TEXT, "user", "user", true},
    {AUDIT_UID, DOSSIER_ROW_SERIAL, "uid", "uid", true},
    {AUDIT_REASON, DOSSIER_ROW_TEXT, "reason", "reason", true},
    {AUDIT_LIST, DOSSIER_ROW_TEXT, "list", "list", true},
    {AUDIT_SERIAL, DOSSIER_ROW_SERIAL, "serial", "serial", true},
    {AUDIT_SUBJECT, DOSSIER_ROW_TEXT, "subject", "about", true},
    {AUDIT_BEFORE, DOSSIER_ROW_TEXT, "before", "before", true},
    {AUDIT_RULE, DOSSIER_ROW_TEXT, "rule", "rule", true},
    {AUDIT_ID, DOSSIER_ROW_TEXT, "id", "exception", true},
    {AUDIT_TICKET, DOSSIER_ROW_TEXT, "ticket", "ticket", true},
    {AUDIT_APPROVER, DOSSIER_ROW_TEXT, "approver", "approver", true},
    {AUDIT_VIEW, DOSSIER_ROW_TEXT, "view", "view", true},
    {AUDIT_STATE, DOSSIER_ROW_TEXT, "state", "state", true},
    {AUDIT_PUBLISHER, DOSSIER_ROW_TEXT, "publisher", "publisher", true},
    {AUDIT_DIGEST, DOSSIER_ROW_HEX, "digest", "digest", true},
    {AUDIT_FILE, DOSSIER_ROW_TEXT, "file", "file", true},
    {AUDIT_VERSION, DOSSIER_ROW_TEXT, "version", "version", true},
    {AUDIT_UNTIL, DOSSIER_ROW_SECONDS, "until", "until", true},
    {0, DOSSIER_ROW_TEXT, NULL, NULL, false},
};

static const struct dossier_row_column outage_of[] = {
    {AUDIT_LIST, DOSSIER_ROW_TEXT, "list", "list", false},
    {AUDIT_SERIAL, DOSSIER_ROW_SERIAL, "serial", "serial", true},
    {AUDIT_DUE, DOSSIER_ROW_SECONDS, "due", "was due", true},
    {AUDIT_DEAD, DOSSIER_ROW_TEXT, "dead", "what held for a dead list", true},
    {AUDIT_USER, DOSSIER_ROW_TEXT, "user", "user", true},
    {AUDIT_REASON, DOSSIER_ROW_TEXT, "reason", "reason", true},
    {0, DOSSIER_ROW_TEXT, NULL, NULL, false},
};

static void finding_cells(struct dossier *dossier, const struct audit_finding *finding)
{
    dossier_string(dossier, finding->fault == AUDIT_SOUND ? "holds" : "DOES NOT HOLD");
    dossier_string(dossier,
                   finding->fault == AUDIT_SOUND ? NULL : audit_fault_word(finding->fault));
    dossier_string(dossier, finding->fault == AUDIT_SOUND ? NULL : finding->text);
}

static void tell_verdicts(struct dossier_making *making)
{
    struct dossier *dossier = making->dossier;

    dossier_table(dossier, "verdicts", "Does the record hold?",
                  "Integrity: what is there is what was written, in its order. Completeness: "
                  "nothing is missing. Verified from the files and the public key alone.");
    dossier_column(dossier, "log", "log", DOSSIER_TEXT);
    dossier_column(dossier, "integrity", "integrity", DOSSIER_TEXT);
    dossier_column(dossier, "integrity_fault", "fault", DOSSIER_TEXT)->sparse = true;
    dossier_column(dossier, "integrity_words", "in words", DOSSIER_TEXT)->sparse = true;
    dossier_column(dossier, "completeness", "completeness", DOSSIER_TEXT);
    dossier_column(dossier, "completeness_fault", "fault", DOSSIER_TEXT)->sparse = true;
    dossier_column(dossier, "completeness_words", "in words", DOSSIER_TEXT)->sparse = true;
    dossier_column(dossier, "files", "files", DOSSIER_NUMBER);
    dossier_column(dossier, "blocks", "blocks", DOSSIER_NUMBER);
    dossier_column(dossier, "signed_blocks", "signed", DOSSIER_NUMBER);
    dossier_column(dossier, "checkpoints", "checkpoints", DOSSIER_NUMBER);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        dossier_column(dossier, audit_stream_word(stream), audit_stream_word(stream),
                       DOSSIER_NUMBER);
    }
    dossier_column(dossier, "gap_events", "lost, as recorded", DOSSIER_NUMBER);
    dossier_column(dossier, "removed_blocks", "removed blocks", DOSSIER_NUMBER);
    dossier_column(dossier, "unended", "runs without an end", DOSSIER_NUMBER);
    for (size_t i = 0; i < making->request->source_count; i++) {
        const struct audit_verdict *verdict = &making->verdicts[i];

        dossier_string(dossier, making->request->sources[i].key.name);
        finding_cells(dossier, &verdict->integrity);
        finding_cells(dossier, &verdict->completeness);
        dossier_number(dossier, verdict->files);
        dossier_number(dossier, verdict->blocks);
        dossier_number(dossier, verdict->signed_blocks);
        dossier_number(dossier, verdict->checkpoints);
        for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
            dossier_number(dossier, verdict->events[stream]);
        }
        dossier_number(dossier, verdict->gap_events);
        dossier_number(dossier, verdict->removed);
        dossier_number(dossier, verdict->unended);
    }
}

static void tell_outage_totals(struct dossier *dossier, const struct dossier_outage *outages,
                               size_t count)
{
    dossier_table(dossier, "outage_totals", "Time without a valid policy",
                  "How long, together; where several lists were out of date at the same time, "
                  "that time counts once.");
    dossier_column(dossier, "kind", "kind", DOSSIER_TEXT);
    dossier_column(dossier, "words", "what it means", DOSSIER_TEXT);
    dossier_column(dossier, "duration", "time", DOSSIER_SPAN);
    dossier_column(dossier, "minutes", "minutes begun", DOSSIER_NUMBER);
    for (unsigned i = 0; i < DOSSIER_OUTAGES; i++) {
        const enum dossier_outage_kind kind = (enum dossier_outage_kind)i;
        const uint64_t total = dossier_outage_total(outages, count, kind);

        dossier_string(dossier, dossier_outage_key(kind));
        dossier_string(dossier, dossier_outage_words(kind));
        dossier_number(dossier, total);
        dossier_number(dossier, (total + 59999999) / 60000000);
    }
}

static int tell_outages(struct dossier_making *making)
{
    static const struct audit_row nothing = {.present = 0};
    struct dossier *dossier = making->dossier;
    struct dossier_outage *outages = NULL;
    size_t count = 0;
    const int rc = dossier_outages(&making->outline, &making->history, making->from_us,
                                   making->to_us, &outages, &count);

    if (rc != 0) {
        return rc;
    }
    tell_outage_totals(dossier, outages, count);
    dossier_table(dossier, "outages", "Each of these times",
                  "Within the times of this report.");
    dossier_column(dossier, "kind", "kind", DOSSIER_TEXT);
    dossier_row_columns(dossier, outage_of);
    dossier_column(dossier, "from", "from", DOSSIER_TIME);
    dossier_column(dossier, "to", "to", DOSSIER_TIME);
    dossier_column(dossier, "duration", "time", DOSSIER_SPAN);
    for (size_t i = 0; i < count; i++) {
        const struct dossier_outage *outage = &outages[i];
        struct audit_row row;

        dossier_string(dossier, dossier_outage_key(outage->kind));
        dossier_row_cells(
            dossier, outage_of,
            outage->span != NULL && dossier_span_row(outage->span, &row) ? &row : &nothing);
        dossier_number(dossier, outage->from_us);
        dossier_number(dossier, outage->to_us);
        dossier_number(dossier, outage->to_us - outage->from_us);
    }
    free(outages);
    return 0;
}

int dossier_evidence_fill(struct dossier_making *making)
{
    const struct dossier_shape *const shapes[] = {&dossier_totals, &dossier_effect_days,
                                                  &dossier_providers, &dossier_bases,
                                                  dossier_used};

    tell_verdicts(making);
    int rc = tell_outages(making);
    if (rc != 0) {
        return rc;
    }
    dossier_span_table(making, DOSSIER_SPAN_LIST, false, lists, "lists", "Lists in force",
                       "Which version of which list decided, from when to when, and whose keys "
                       "had signed it.");
    rc = dossier_shapes(making, shapes, sizeof(shapes) / sizeof(shapes[0]));
    rc = rc == 0 ? dossier_exceptions_table(making) : rc;
    dossier_span_table(making, DOSSIER_SPAN_GAP, true, gaps, "gaps", "What is missing",
                       "What the log itself says is not in it: events that were lost, with the "
                       "cause, and bodies of blocks that were removed.");
    dossier_span_table(making, DOSSIER_SPAN_NOTE, true, notes, "changes", "What was changed",
                       "Starts and stops, configuration, keys, pauses, exceptions and all else "
                       "that people and the daemon itself changed.");
    return rc;
}
