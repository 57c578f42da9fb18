/*
 * daemon/changes_time.c - what time and files do to pauses and exceptions: they begin and end,
 * and it is told before they end, when a file is taken or refused, and when a rule is gone.
 */
#include "base/log.h"
#include "daemon/changes.h"
#include "daemon/state.h"

#include <string.h>

/* What is over of the commands' is shown for a while. */
static void remember(struct changes *changes, const struct override *override)
{
    if (changes->ended.count == DAEMON_ENDED_MAX) {
        overrides_remove(&changes->ended, 0);
    }
    if (overrides_append(&changes->ended, override) == 0) {
        changes->ended.at[changes->ended.count - 1]->over = true;
    }
}

/* Tells, once, that an exception ends soon. One that lasts no longer than the time of the
 * warning is for whoever has just begun it. */
static void warn(struct daemon *daemon, struct override *override, struct clock_now now)
{
    const uint64_t warn_s = daemon->config->exception_warn_s;
    const uint64_t begin_s = override->from_s != 0 ? override->from_s : override->since_s;

    if (warn_s != 0 && !override->warned && override->until_s - begin_s > warn_s &&
        now.wall_us / 1000000 + warn_s >= override->until_s) {
        override->warned = true;
        changes_record(daemon, AUDIT_EXCEPTION_ENDING, override, NULL, NULL);
    }
}

/* Looks at one. True if what is in force changes by it. */
static bool look_at(struct daemon *daemon, struct override *override, struct clock_now now)
{
    const bool is_pause = override->kind == OVERRIDE_PAUSE;

    if (override->over) {
        return false;
    }
    if (override_is_over(override, now)) {
        override->over = true;
        changes_record(daemon, is_pause ? AUDIT_PAUSE_EXPIRED : AUDIT_EXCEPTION_EXPIRED,
                       override, NULL, NULL);
        return true;
    }
    if (is_pause) {
        return false;
    }
    warn(daemon, override, now);
    if (override->begun || !override_has_begun(override, now)) {
        return false;
    }
    override->begun = true;
    if (override->from_s != 0) {
        changes_record(daemon, AUDIT_EXCEPTION_BEGUN, override, NULL, NULL);
    }
    return override->from_s != 0;
}

bool changes_look(struct daemon *daemon, struct clock_now now)
{
    struct changes *changes = &daemon->changes;
    bool any = false;

    for (size_t i = changes->set.count; i-- > 0;) {
        struct override *override = changes->set.at[i];

        any = look_at(daemon, override, now) || any;
        if (override->over) {
            if (override->kind == OVERRIDE_EXCEPTION) {
                remember(changes, override);
            }
            overrides_remove(&changes->set, i);
            changes->unsaved = true; /* the file has it still */
            changes->next_save_us = 0;
        }
    }
    for (size_t i = 0; i < changes->files.set.count; i++) {
        any = look_at(daemon, changes->files.set.at[i], now) || any;
    }
    return any;
}

/* Tells of rules that their lists do not have any more. */
static void look_at_rules(struct daemon *daemon, const struct setup_snapshot *snapshot,
                          const struct overrides *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct override *override = set->at[i];

        if (override->kind == OVERRIDE_EXCEPTION && override->exception.is_rule &&
            !override->over) {
            const bool gone = !policy_exception_has_rule(&override->exception,
                                                         policy_image_of(snapshot->policy));

            if (gone && !override->rule_gone) {
                changes_record(daemon, AUDIT_EXCEPTION_RULE_GONE, override, NULL, NULL);
            }
            override->rule_gone = gone;
        }
    }
}

static void tell(struct daemon *daemon, const struct exceptions_file *file)
{
    const struct audit_exceptions event = {
        .wall_us = clock_read().wall_us,
        .file = file->path,
        .reason = file->fault[0] != '\0' ? file->fault : NULL,
        .id = file->known ? file->id : NULL,
        .serial = file->serial,
        .created_s = file->created_s,
        .expires_s = file->expires_s,
        .count = file->count,
        .keys = file->keys,
        .key_count = file->key_count,
    };

    if (file->fault[0] != '\0') {
        log_write(LOG_LEVEL_ERROR, "this file of exceptions was refused, %s: %s",
                  file->known ? "and what was in force from it goes on"
                              : "and nothing is in force from it",
                  file->fault);
    } else {
        log_write(LOG_LEVEL_INFO, "%s: %zu exceptions, serial %u, signed by %zu", file->path,
                  file->count, (unsigned)file->serial, file->key_count);
    }
    if (!audit_exceptions_put(daemon->changes.ring, &event)) {
        atomic_fetch_add_explicit(&daemon->changes.lost, 1, memory_order_relaxed);
    }
    if (daemon->writer != NULL) {
        audit_writer_wake(daemon->writer);
    }
}

void changes_take_files(struct daemon *daemon, const struct setup_snapshot *snapshot,
                        struct exceptions_files *files)
{
    struct changes *changes = &daemon->changes;

    for (size_t i = 0; i < files->count; i++) {
        if (files->at[i].fresh || files->at[i].fault[0] != '\0') {
            tell(daemon, &files->at[i]);
        }
    }
    exceptions_deinit(&changes->files);
    changes->files = *files;
    *files = (struct exceptions_files){.count = 0};
    look_at_rules(daemon, snapshot, &changes->set);
    look_at_rules(daemon, snapshot, &changes->files.set);
}

const struct override *changes_at(const struct changes *changes, size_t number)
{
    const struct overrides *const sets[] = {&changes->set, &changes->files.set,
                                            &changes->ended};

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (number < sets[i]->count) {
            return sets[i]->at[number];
        }
        number -= sets[i]->count;
    }
    return NULL;
}

struct changes_counts changes_count(const struct daemon *daemon, struct clock_now now)
{
    const struct changes *changes = &daemon->changes;
    struct changes_counts counts = {.in_force = 0};
    const struct override *override = changes_at(changes, 0);

    for (size_t i = 0; override != NULL; override = changes_at(changes, ++i)) {
        if (override->kind != OVERRIDE_EXCEPTION) {
            continue;
        }
        const char *state = changes_state(daemon, override, now);
        const bool in_force = strcmp(state, "in-force") == 0;

        counts.in_force += in_force ? 1 : 0;
        counts.ending += in_force && override->warned ? 1 : 0;
        counts.waiting += strcmp(state, "waiting") == 0 ? 1 : 0;
        counts.over += strcmp(state, "over") == 0 ? 1 : 0;
        counts.rule_gone += strcmp(state, "rule-gone") == 0 ? 1 : 0;
        counts.without_effect +=
            strcmp(state, "unsigned") == 0 || strcmp(state, "no-view") == 0 ? 1 : 0;
    }
    for (size_t i = 0; i < changes->files.count; i++) {
        const struct exceptions_file *file = &changes->files.at[i];

        counts.refused += file->fault[0] != '\0' ? 1 : 0;
    }
    return counts;
}
