/*
 * cli/audit.h - cordon audit: what its verbs share. The table of verbs is in audit.c.
 */
#ifndef CORDON_CLI_AUDIT_H
#define CORDON_CLI_AUDIT_H

#include "audit/recorder.h"
#include "audit/verify.h"
#include "base/text.h"
#include "cli/cli.h"

#include <stdio.h>

int cli_audit_check(int argc, char **argv);
int cli_audit_cosign(int argc, char **argv);
int cli_audit_forget(int argc, char **argv);
int cli_audit_impact(int argc, char **argv);
int cli_audit_index(int argc, char **argv);
int cli_audit_key(int argc, char **argv);
int cli_audit_prove(int argc, char **argv);
int cli_audit_report(int argc, char **argv);
int cli_audit_search(int argc, char **argv);
int cli_audit_top(int argc, char **argv);
int cli_audit_verify(int argc, char **argv);
int cli_audit_why(int argc, char **argv);
int cli_audit_witness(int argc, char **argv);

/* audit_removed.c: what verify says of removals, for people and as fields of its document. */
void cli_audit_print_removed(FILE *out, const struct audit_verdict *verdict);
void cli_audit_write_removed(struct text *out, const struct audit_verdict *verdict);

/* Where a log lies: the folder that was named, or that of the configuration (config NULL: the
 * default one), copied into folder; and the key to verify it by: named, a file or the key
 * itself, or what lies in the state directory of the configuration. named_folder and named_key
 * may be NULL. CLI_GO_ON, else the exit code after a message. */
struct cli_audit_place {
    char folder[AUDIT_PATH_MAX];
    struct trust_note_key key;
    bool own_key; /* nobody has named it: it comes from where the log may come from, too */
};
int cli_audit_place(const char *command, const char *config, const char *named_folder,
                    const char *named_key, struct cli_audit_place *out);

/* The file of the secret key of the log, where the daemon has it. False: the configuration says
 * no place. */
bool cli_audit_key_file(const struct config *config, char out[AUDIT_PATH_MAX]);

/* What a verification has found, in words. folder: what the log is called there. */
void cli_audit_print_verdict(const char *folder, const struct trust_note_key *key, bool own_key,
                             const struct audit_verdict *verdict, FILE *out);

/* That verify a log beside the one that reads it. */
unsigned cli_audit_threads(void);

#endif
