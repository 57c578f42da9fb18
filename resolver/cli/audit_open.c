#include "cli/audit_open.h"

#include "audit/frame.h"
#include "base/error.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Parts at the beginning of a log that are looked at for whose it is: some may be damaged. */
#define LOOKED_AT 16u

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

/* Whose log it is, by the first part of it that is whole. False: nothing says so. */
static bool find_id(const struct audit_files *files, uint8_t id[AUDIT_LOG_ID_OCTETS])
{
    struct audit_reader *reader = audit_reader_create(files, 1);
    struct audit_item item = {.kind = AUDIT_ITEM_END};
    bool found = false;

    for (unsigned i = 0; reader != NULL && i < LOOKED_AT && !found; i++) {
        if (audit_reader_next(reader, &item) != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        found = item.kind == AUDIT_ITEM_FILE || item.kind == AUDIT_ITEM_BLOCK ||
                item.kind == AUDIT_ITEM_REMOVED;
        if (found) {
            memcpy(id, item.kind == AUDIT_ITEM_FILE ? item.head.log : item.header.log,
                   AUDIT_LOG_ID_OCTETS);
        }
    }
    audit_reader_destroy(reader);
    return found;
}

void cli_audit_find_copies(const char *folder, unsigned newest, struct cli_audit_copies *copies)
{
    uint8_t ids[AUDIT_LOGS_MAX + 1][AUDIT_LOG_ID_OCTETS] = {{0}};
    bool known[AUDIT_LOGS_MAX + 1] = {false};
    struct cli_audit_log log;

    *copies = (struct cli_audit_copies){.count = newest};
    for (unsigned number = 1; newest > 1 && number <= newest; number++) {
        if (cli_audit_open(folder, number, &log) != 0) {
            continue;
        }
        known[number] = find_id(&log.files, ids[number]);
        cli_audit_close(&log);
        for (unsigned i = 1; known[number] && i < number; i++) {
            if (known[i] && copies->of[i] == 0 &&
                memcmp(ids[i], ids[number], AUDIT_LOG_ID_OCTETS) == 0) {
                copies->of[number] = (uint16_t)i;
            }
        }
    }
}

bool cli_audit_is_copy(const char *command, const char *folder,
                       const struct cli_audit_copies *copies, unsigned number)
{
    char path[AUDIT_PATH_MAX];
    char original[AUDIT_PATH_MAX];

    if (number > copies->count || copies->of[number] == 0) {
        return false;
    }
    if (audit_log_folder(folder, number, path) &&
        audit_log_folder(folder, copies->of[number], original)) {
        fprintf(
            stderr,
            "cordon %s: %s: this is a copy of the log in %s, which counts, and is left out. "
            "Take it away\n",
            command, path, original);
    }
    return true;
}

int cli_audit_failed(const char *command, const char *folder, int error)
{
    fprintf(stderr, "cordon %s: %s: %s\n", command, folder, cordon_strerror(error));
    return CLI_REFUSED;
}
