/*
 * daemon/changes_file.c - the file of pauses and exceptions: read once, written anew at each
 * change.
 *
 * What could not be read is somebody's word all the same: it is kept beside the file, under a
 * name that nothing else has, before the file is written.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/changes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MODE  0600
#define BESIDE_MAX 4096u /* octets of a path */

/* CORDON_E_REFUSED: of changes_file_save(); the others: of file_read(). */
static bool is_other(int rc)
{
    return rc == CORDON_E_REFUSED || rc == CORDON_E_NO_FILE || rc == -EISDIR;
}

const char *changes_file_words(int rc)
{
    return is_other(rc) ? "it is no regular file" : cordon_strerror(rc);
}

/* A copy of what has lines that could not be read. */
static void keep_damaged(struct changes *changes, const uint8_t *text, size_t len)
{
    char beside[BESIDE_MAX];
    bool has_it = false;

    for (size_t i = 0; i < changes->damage.count; i++) {
        log_write(LOG_LEVEL_ERROR, "%s", changes->damage.entries[i].text);
    }
    int rc = file_find_damaged_as(changes->path, DAEMON_DAMAGED_MAX, text, len, beside,
                                  sizeof(beside), &has_it);
    if (rc == 0 && !has_it) {
        rc = file_write_atomic(beside, text, len, FILE_MODE);
    }
    changes->set_aside = rc != 0;
    log_write(
        LOG_LEVEL_ERROR,
        "%s has lines that cannot be read: all others are in force; %s%s. What those lines "
        "were about is not in force: say it again with `cordon pause` or `cordon exception "
        "add`",
        changes->path, rc == 0 ? "it is kept as " : "it cannot be kept aside: ",
        rc == 0 ? beside : cordon_strerror(rc));
}

int changes_file_load(struct changes *changes, struct clock_now now)
{
    uint8_t *text = NULL;
    size_t len = 0;

    int rc = changes->path == NULL ? -ENOENT
                                   : file_read(changes->path, OVERRIDES_FILE_MAX, &text, &len);
    if (rc == -ENOENT) {
        return 0;
    }
    if (rc != 0) {
        static const char words[] = "cannot be read, so no pause and no exception is in force";

        changes->set_aside = true;
        report_add(&changes->damage, REPORT_ERROR, changes->path, 0, 0, "%s: %s", words,
                   changes_file_words(rc));
        log_write(LOG_LEVEL_ERROR, "%s: %s: %s. %s", changes->path, words,
                  changes_file_words(rc),
                  is_other(rc) ? "Take it away: until then no change can be kept"
                               : "Mend that and start again; the next change would keep it "
                                 "aside and begin another");
        return 0;
    }
    rc = overrides_parse((const char *)text, len, changes->path, now, &changes->damage,
                         &changes->set);
    if (changes->damage.errors > 0) {
        keep_damaged(changes, text, len);
    }
    free(text);
    return rc;
}

/* Writes the file after what could not be read was moved away; if that fails, it is moved
 * back. */
static int write_beside(struct changes *changes, const char *text, size_t len)
{
    char beside[BESIDE_MAX];
    int rc = file_find_damaged(changes->path, DAEMON_DAMAGED_MAX, beside, sizeof(beside));
    if (rc == 0 && rename(changes->path, beside) != 0) {
        rc = -errno;
    }
    const bool moved = rc == 0;
    if (!moved && rc != -ENOENT) { /* -ENOENT: somebody has taken it away */
        return rc;
    }
    rc = file_write_atomic(changes->path, text, len, FILE_MODE);
    if (rc != 0 && moved) {
        (void)rename(beside, changes->path);
    }
    if (rc == 0) {
        changes->set_aside = false;
        log_write(LOG_LEVEL_WARNING, "%s could not be read, and is written anew: %s%s",
                  changes->path, moved ? "it is kept as " : "it is there no more",
                  moved ? beside : "");
    }
    return rc;
}

int changes_file_save(struct changes *changes, const struct overrides *set)
{
    struct stat status;
    size_t len = 0;

    if (changes->path == NULL) {
        return -ENOENT;
    }
    /* A pipe, a device or a link is somebody's doing, and not ours to replace. */
    if (lstat(changes->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return CORDON_E_REFUSED;
    }
    char *text = overrides_print(set, &len);
    if (text == NULL) {
        return -ENOMEM;
    }
    const int rc = changes->set_aside ? write_beside(changes, text, len)
                                      : file_write_atomic(changes->path, text, len, FILE_MODE);
    free(text);
    return rc;
}
