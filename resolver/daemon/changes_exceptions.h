/*
 * daemon/changes_exceptions.h - exceptions of files, beside those of commands.
 *
 * A file that is good takes the place of what was in force from it; one that is refused takes
 * nothing away: what was in force from it goes on, each exception until its own end. The
 * configuration alone takes away: a file that is not named any more.
 */
#ifndef CORDON_DAEMON_CHANGES_EXCEPTIONS_H
#define CORDON_DAEMON_CHANGES_EXCEPTIONS_H

#include "admin/overrides.h"
#include "setup/exceptions.h"

/* A file, and what is in force from it. */
struct exceptions_file {
    char *path;
    char fault[REPORT_TEXT_MAX]; /* why what is there now was refused; "": it was not */
    bool known;                  /* something was taken: the rest is about that */
    bool fresh;                  /* it was taken just now, and is new */
    char id[POLICY_LIST_ID_MAX + 1];
    uint32_t serial;
    uint64_t created_s, expires_s;
    uint8_t digest[32];
    size_t count; /* of exceptions, those that are over included */
    char keys[TRUST_KEYS_MAX][TRUST_KEY_ID_TEXT];
    size_t key_count;
};

struct exceptions_files {
    struct overrides set; /* in the order of the files */
    struct exceptions_file at[CONFIG_EXCEPTIONS_MAX];
    size_t count;
    bool required; /* only exceptions of files count */
};

/* What is in force after these files were found, if that was before. 0 or -ENOMEM; *out is then
 * empty. */
int exceptions_merge(const struct exceptions_files *before,
                     const struct setup_exceptions *found, struct clock_now now,
                     struct exceptions_files *out);
void exceptions_deinit(struct exceptions_files *files); /* one that is zero is empty */

#endif
