/*
 * cli/audit_report.h - cordon audit report: what its files share.
 */
#ifndef CORDON_CLI_AUDIT_REPORT_H
#define CORDON_CLI_AUDIT_REPORT_H

#include "cli/audit_open.h"
#include "dossier/reports.h"

/* The command line. */
struct audit_report_options {
    const char *config, *folder, *key, *sign, *password_fd; /* NULL: not said */
    const char *provider, *since, *until, *from, *to, *format, *table, *output;
    bool no_signature;
    enum dossier_report report;
    uint64_t from_us, to_us; /* 0: not said */
};

/* Format, table and times: CLI_GO_ON, else the exit code after a message. */
int audit_report_check(const char *command, struct audit_report_options *options);

/* All logs of the folder, open. */
struct audit_report_logs {
    struct cli_audit_log **at;
    struct dossier_source *sources; /* as many: their files; keys are the caller's to fill in */
    size_t count;
};
int audit_report_open(const char *folder, struct audit_report_logs *logs);
void audit_report_close(struct audit_report_logs *logs);

/* Renders a report in the format that was asked for and writes it where it shall go. */
int audit_report_give(const struct audit_report_options *options,
                      const struct dossier *dossier);

/* The report for auditors, alone or as a pack of files. The exit code. */
int audit_report_evidence(const struct audit_report_options *options);

#endif
