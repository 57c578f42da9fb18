#include "daemon/changes_exceptions.h"

#include "base/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void exceptions_deinit(struct exceptions_files *files)
{
    overrides_deinit(&files->set);
    for (size_t i = 0; i < files->count; i++) {
        free(files->at[i].path);
    }
    *files = (struct exceptions_files){.count = 0};
}

static const struct exceptions_file *find_file(const struct exceptions_files *files,
                                               const char *path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->at[i].path, path) == 0) {
            return &files->at[i];
        }
    }
    return NULL;
}

/* The exception of the file that was in force under this id. */
static const struct override *find_before(const struct exceptions_files *before,
                                          const char *path, const char *id)
{
    for (size_t i = 0; i < before->set.count; i++) {
        const struct override *override = before->set.at[i];

        if (strcmp(override->exception.id, id) == 0 && strcmp(override->file, path) == 0) {
            return override;
        }
    }
    return NULL;
}

/* The same exception goes on: what was told of it, and its end by the clock that cannot be set.
 */
static void go_on(const struct override *before, struct override *now)
{
    if (before->until_s == now->until_s && before->last_us < now->last_us) {
        now->last_us = before->last_us;
    }
    if (before->until_s == now->until_s) {
        now->warned = before->warned;
        now->over = before->over;
    }
    now->begun = before->begun || now->begun;
    now->rule_gone = before->rule_gone;
}

static struct override make(const struct policy_exception_entry *entry,
                            const struct policy_exception_file *file, struct clock_now now)
{
    struct override made = {.kind = OVERRIDE_EXCEPTION,
                            .since_s = file->created_s < entry->until_s ? file->created_s
                                                                        : entry->from_s,
                            .from_s = entry->from_s,
                            .until_s = entry->until_s,
                            .exception = entry->exception};

    snprintf(made.view, sizeof(made.view), "%s", entry->view);
    snprintf(made.reason, sizeof(made.reason), "%s", entry->reason);
    override_set_last(&made, now);
    made.begun = override_has_begun(&made, now);
    made.over = override_is_over(&made, now);
    return made;
}

static int take(const struct exceptions_files *before, const struct setup_exception_file *found,
                struct clock_now now, struct exceptions_files *out,
                struct exceptions_file *file)
{
    const struct policy_exception_file *from = found->loaded.file;
    const struct exceptions_file *old = find_file(before, file->path);
    int rc = 0;

    file->known = true;
    file->fresh = old == NULL || !old->known || !digest_equal(old->digest, from->digest) ||
                  old->fault[0] != '\0';
    memcpy(file->id, from->id, sizeof(file->id));
    file->serial = from->serial;
    file->created_s = from->created_s;
    file->expires_s = from->expires_s;
    memcpy(file->digest, from->digest, sizeof(file->digest));
    file->count = from->count;
    file->key_count = found->loaded.verdict.count;
    for (size_t i = 0; i < file->key_count; i++) {
        trust_key_id_format(found->loaded.verdict.ids[i], file->keys[i]);
    }
    for (size_t i = 0; i < from->count && rc == 0; i++) {
        struct override one = make(&from->entries[i], from, now);
        const struct override *same = find_before(before, file->path, one.exception.id);

        one.file = file->path;
        if (same != NULL) {
            go_on(same, &one);
        }
        rc = overrides_append(&out->set, &one);
    }
    return rc;
}

/* What was in force goes on, and the fault is told. */
static int keep(const struct exceptions_files *before, const char *fault,
                struct exceptions_files *out, struct exceptions_file *file)
{
    const struct exceptions_file *old = find_file(before, file->path);
    char *path = file->path;
    int rc = 0;

    if (old != NULL) {
        *file = *old;
        file->path = path;
        file->fresh = false;
    }
    snprintf(file->fault, sizeof(file->fault), "%s", fault);
    for (size_t i = 0; i < before->set.count && rc == 0; i++) {
        if (strcmp(before->set.at[i]->file, path) == 0) {
            rc = overrides_append(&out->set, before->set.at[i]);
            if (rc == 0) {
                out->set.at[out->set.count - 1]->file = path;
            }
        }
    }
    return rc;
}

/* What is wrong with a file that is good by itself; "": nothing. */
static void compare(const struct exceptions_files *before,
                    const struct setup_exception_file *found, size_t count,
                    char fault[REPORT_TEXT_MAX])
{
    const struct policy_exception_file *from = found->loaded.file;
    const struct exceptions_file *old = find_file(before, found->path);
    const bool same_id = old != NULL && old->known && strcmp(old->id, from->id) == 0;

    fault[0] = '\0';
    if (same_id && from->serial < old->serial) {
        snprintf(fault, REPORT_TEXT_MAX,
                 "%.500s: its serial, %" PRIu32 ", is lower than that in force, %" PRIu32
                 ": an older file was put back",
                 found->path, from->serial, old->serial);
    } else if (same_id && from->serial == old->serial &&
               !digest_equal(old->digest, from->digest)) {
        snprintf(fault, REPORT_TEXT_MAX,
                 "%.500s: it has changed, and has the serial %" PRIu32
                 " still: give it a higher one",
                 found->path, from->serial);
    } else if (count + from->count > POLICY_EXCEPTIONS_MAX) {
        snprintf(fault, REPORT_TEXT_MAX,
                 "%.500s: there would be more than %u exceptions in all files", found->path,
                 POLICY_EXCEPTIONS_MAX);
    }
}

int exceptions_merge(const struct exceptions_files *before,
                     const struct setup_exceptions *found, struct clock_now now,
                     struct exceptions_files *out)
{
    char fault[REPORT_TEXT_MAX];
    int rc = 0;

    *out = (struct exceptions_files){.required = found->required};
    for (size_t i = 0; i < found->count && rc == 0; i++) {
        const struct setup_exception_file *here = &found->at[i];
        struct exceptions_file *file = &out->at[i];

        file->path = strdup(here->path);
        if (file->path == NULL) {
            rc = -ENOMEM;
            break;
        }
        out->count++;
        if (here->loaded.file == NULL) {
            rc = keep(before, here->loaded.fault, out, file);
            continue;
        }
        compare(before, here, out->set.count, fault);
        rc = fault[0] != '\0' ? keep(before, fault, out, file)
                              : take(before, here, now, out, file);
    }
    if (rc != 0) {
        exceptions_deinit(out);
    }
    return rc;
}
