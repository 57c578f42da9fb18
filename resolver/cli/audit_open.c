#include "cli/audit_open.h"

#include "base/error.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>

int cli_audit_folder_of(const char *command, const struct config *config,
                        char out[AUDIT_PATH_MAX])
{
    int len = 0;

    if (config->audit_directory != NULL) {
        len = snprintf(out, AUDIT_PATH_MAX, "%s", config->audit_directory);
    } else if (config->state_directory != NULL) {
        len = snprintf(out, AUDIT_PATH_MAX, "%s/audit", config->state_directory);
    }
    if (len <= 0 || len >= AUDIT_PATH_MAX) {
        return cli_usage(command, "name the folder of the log: the configuration has none");
    }
    return CLI_GO_ON;
}

int cli_audit_folder(const char *command, const char *config_path, const char *named,
                     char out[AUDIT_PATH_MAX])
{
    if (named != NULL) {
        return (size_t)snprintf(out, AUDIT_PATH_MAX, "%s", named) < AUDIT_PATH_MAX
                   ? CLI_GO_ON
                   : cli_usage(command, "the path of the folder is too long");
    }
    struct config *config = cli_config(config_path);
    if (config == NULL) {
        return CLI_REFUSED;
    }
    const int code = cli_audit_folder_of(command, config, out);
    config_free(config);
    return code;
}

int cli_audit_open(const char *folder, unsigned number, struct cli_audit_log *log)
{
    int rc = -ENOENT;

    log->number = number;
    if (number <= AUDIT_LOGS_MAX) {
        rc = audit_log_folder(folder, number, log->folder)
                 ? audit_folder_open(log->folder, &log->at, &log->files)
                 : (number > 1 ? -ENOENT : -ENAMETOOLONG);
    }
    return number > 1 && rc == -ENOTDIR ? -ENOENT : rc; /* a file of that name is no log */
}

void cli_audit_close(struct cli_audit_log *log)
{
    audit_folder_close(&log->at);
}

int cli_audit_failed(const char *command, const char *folder, int error)
{
    fprintf(stderr, "cordon %s: %s: %s\n", command, folder, cordon_strerror(error));
    return CLI_REFUSED;
}
