#include "policy/exception_load.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

/* Whether the signatures beside are enough. */
static int verify(const char *path, const struct trust_keyring *keyring, bool required,
                  const uint8_t *text, size_t len, struct report *report,
                  struct trust_verdict *verdict)
{
    size_t count = 0;

    if (keyring == NULL) {
        return 0;
    }
    if (!required) {
        const int rc = trust_signatures_beside(path, &count);

        if (rc != 0) {
            report_add(report, REPORT_ERROR, path, 0, 0,
                       "its folder cannot be searched for signatures: %s", cordon_strerror(rc));
            return rc;
        }
        if (count == 0) {
            return 0;
        }
    }
    return trust_verify_beside(keyring, path, text, len, report, verdict);
}

/* A file says until when it may be taken: an old one that is put back says what was true once.
 */
static int look_at_time(const char *path, const struct policy_exception_file *file,
                        uint64_t now_s, struct report *report)
{
    char when[CLOCK_TEXT_MAX];

    if (now_s == 0) {
        return 0;
    }
    if (now_s >= file->expires_s) {
        clock_format_s(file->expires_s, when);
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "this file is over since %s: have a new one made and signed", when);
        return CORDON_E_REFUSED;
    }
    if (now_s < file->created_s) {
        clock_format_s(file->created_s, when);
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "this file was made at %s, which is later than now: is the clock right?",
                   when);
    }
    for (size_t i = 0; i < file->count; i++) {
        if (now_s >= file->entries[i].until_s) {
            report_add(report, REPORT_WARNING, path, file->entries[i].line, 0,
                       "the exception %s is over: it counts no more, remove it",
                       file->entries[i].exception.id);
        }
    }
    return 0;
}

static int load(const char *path, const struct trust_keyring *keyring, bool required,
                uint64_t now_s, struct report *report, struct policy_exception_loaded *out)
{
    uint8_t *text = NULL;
    size_t len = 0;

    int rc = file_read(path, POLICY_EXCEPTION_FILE_OCTETS_MAX, &text, &len);
    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "this file cannot be read: %s",
                   cordon_strerror(rc));
        return rc;
    }
    rc = verify(path, keyring, required, text, len, report, &out->verdict);
    if (rc == 0) {
        rc = policy_exception_file_parse((const char *)text, len, path, report, &out->file);
    }
    free(text);
    if (rc == 0) {
        rc = look_at_time(path, out->file, now_s, report);
    }
    if (rc != 0) {
        policy_exception_file_free(out->file);
        out->file = NULL;
    }
    return rc;
}

int policy_exception_load(const char *path, const struct trust_keyring *keyring, bool required,
                          uint64_t now_s, struct report *report,
                          struct policy_exception_loaded *out)
{
    struct report own;

    *out = (struct policy_exception_loaded){.file = NULL};
    report_init(&own);
    const int rc = load(path, keyring, required, now_s, &own, out);
    for (size_t i = 0; i < own.count; i++) {
        const struct report_entry *entry = &own.entries[i];

        report_add(report, entry->kind, NULL, 0, 0, "%s", entry->text);
        if (entry->kind == REPORT_ERROR && out->fault[0] == '\0') {
            snprintf(out->fault, sizeof(out->fault), "%s", entry->text);
        }
    }
    if (rc != 0 && out->fault[0] == '\0') {
        snprintf(out->fault, sizeof(out->fault), "%s: %s", path, cordon_strerror(rc));
    }
    report_deinit(&own);
    return rc;
}
