/* daemon/changes_told.c - what people change, in the fingerprint of the policy. */
#include "base/log.h"
#include "daemon/changes.h"

int changes_tell(const struct exceptions_files *files, const struct policy_changes *changes,
                 size_t commands, struct setup_snapshot *derived)
{
    struct setup_fingerprint_file told[CONFIG_EXCEPTIONS_MAX];
    struct setup_fingerprint_changes what = {.files = told,
                                             .exceptions = changes->exceptions,
                                             .exception_count = commands,
                                             .pause_all = changes->pause_all,
                                             .paused = changes->paused,
                                             .paused_count = changes->paused_count};

    for (size_t i = 0; i < files->count; i++) {
        const struct exceptions_file *file = &files->at[i];

        if (file->known) { /* else it was never good */
            told[what.file_count++] =
                (struct setup_fingerprint_file){file->id, file->serial, file->digest};
        }
    }
    return setup_fingerprint_change(derived, &what);
}

void changes_log_fingerprint(const struct setup_snapshot *before,
                             const struct setup_snapshot *now)
{
    char total[SETUP_FINGERPRINT_TEXT];

    if (!digest_equal(before->fingerprint->total, now->fingerprint->total)) {
        digest_hex(now->fingerprint->total, DIGEST_OCTETS, total);
        log_write(LOG_LEVEL_INFO, "what decides has changed: its fingerprint is %s", total);
    }
}
