/*
 * dossier/reports.h - the reports: each reads the log and gives its data.
 */
#ifndef CORDON_DOSSIER_REPORTS_H
#define CORDON_DOSSIER_REPORTS_H

#include "audit/verify.h"
#include "dossier/history.h"

enum dossier_report {
    DOSSIER_EXPOSURE,   /* who depends on which provider, through what, since when, how much */
    DOSSIER_BLOCKS,     /* what was blocked, for whom, by what */
    DOSSIER_EXCEPTIONS, /* what exceptions let through, by whose word */
    DOSSIER_EVIDENCE,   /* what an auditor asks first */
    DOSSIER_REPORTS
};
/* "exposure"; false: there is no such report. */
bool dossier_report_parse(const char *word, enum dossier_report *out);

/* 0 and *out, which is the caller's; -errno; -ENOMEM. verdicts: as many as the sources, for
 * EVIDENCE alone. */
int dossier_make(enum dossier_report report, const struct dossier_request *request,
                 const struct audit_verdict *verdicts, struct dossier **out);

/* --- for the files of this room --- */

struct dossier_making {
    const struct dossier_request *request;
    const struct audit_verdict *verdicts;
    struct dossier_outline outline;
    struct dossier_history history;
    struct dossier_counts counts;
    struct dossier *dossier;
    uint64_t from_us, to_us;
};
/* Counts by shapes, in one pass, and adds their tables in this order. 0; -errno; -ENOMEM. */
#define DOSSIER_SHAPES_MAX 10u
int dossier_shapes(struct dossier_making *making, const struct dossier_shape *const *shapes,
                   size_t count);
int dossier_exceptions_fill(struct dossier_making *making);
int dossier_evidence_fill(struct dossier_making *making);
/* Exceptions on record, with how often each was used: behind the table of dossier_used. */
int dossier_exceptions_table(struct dossier_making *making);
extern const struct dossier_shape *const dossier_used;
extern const struct dossier_shape dossier_totals, dossier_providers, dossier_bases,
    dossier_effect_days;

#endif
