/*
 * cli/audit_open.h - the audit log of a command: the folder that was named or that of the
 * configuration, and the logs in it, one after the other (where one was damaged, cordond has
 * begun another: docs/audit-log.md).
 */
#ifndef CORDON_CLI_AUDIT_OPEN_H
#define CORDON_CLI_AUDIT_OPEN_H

#include "audit/files.h"
#include "audit/recorder.h"
#include "config/config.h"

/* The folder: named (--log DIR), or by the configuration (NULL: the default one), copied into
 * out. CLI_GO_ON, else the exit code after a message. */
int cli_audit_folder(const char *command, const char *config, const char *named,
                     char out[AUDIT_PATH_MAX]);

/* The same by a configuration that was read. */
int cli_audit_folder_of(const char *command, const struct config *config,
                        char out[AUDIT_PATH_MAX]);

/* One log of a folder, open for reading. */
struct cli_audit_log {
    unsigned number; /* from 1 */
    char folder[AUDIT_PATH_MAX];
    struct audit_folder at;
    struct audit_files files; /* borrows from this struct, which stays where it is */
};

/* Opens log `number` of the folder. 0; -ENOENT: there is none (also of number 1: there the
 * caller says so); -errno. */
int cli_audit_open(const char *folder, unsigned number, struct cli_audit_log *log);
void cli_audit_close(struct cli_audit_log *log);

/* The logs of a folder that are copies of one before them: its first file, or what begins it,
 * is of the same log. */
struct cli_audit_copies {
    unsigned count;                  /* of logs that were looked at */
    uint16_t of[AUDIT_LOGS_MAX + 1]; /* by the number of the log; 0: it is none */
};
void cli_audit_find_copies(const char *folder, unsigned newest,
                           struct cli_audit_copies *copies);
/* Whether log `number` is one, after a message: what it has counts once. */
bool cli_audit_is_copy(const char *command, const char *folder,
                       const struct cli_audit_copies *copies, unsigned number);

/* Says what opening or reading has failed by. Returns CLI_REFUSED. */
int cli_audit_failed(const char *command, const char *folder, int error);

#endif
