#include "daemon/staging.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "daemon/state.h"
#include "policy/versions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MODE    0600
#define KEY_FILE     "stages.key"
#define AGAIN_US     60000000ull /* after a reload that failed */
#define VERSION_PATH 4096u

/* Time in force that a kill -9, or a power failure, may cost a stage: it is that much longer
 * then. A write each five minutes, and only while something is brought in, wears no disk out.
 */
#define WRITE_EVERY_S 300u

/* --- files --- */

static void load(struct staging *staging)
{
    struct report report;
    uint8_t *text = NULL;
    size_t len = 0;
    const int rc = file_read(staging->path, SETUP_STAGES_OCTETS_MAX, &text, &len);

    if (rc == -ENOENT) {
        return; /* a first start */
    }
    report_init(&report);
    if (rc == 0) {
        setup_stages_parse((const char *)text, len, staging->path, &report, &staging->stages);
    } else {
        report_add(
            &report, REPORT_WARNING, staging->path, 0, 0,
            "cannot be read (%s): what was in force is not known, and lists come without "
            "stages this time",
            cordon_strerror(rc));
    }
    for (size_t i = 0; i < report.count; i++) {
        log_write(LOG_LEVEL_WARNING, "%s", report.entries[i].text);
    }
    report_deinit(&report);
    free(text);
}

static void save(struct daemon *daemon)
{
    struct staging *staging = &daemon->staging;
    char *text = malloc(SETUP_STAGES_OCTETS_MAX);

    if (staging->path == NULL) {
        free(text);
        return;
    }
    const int rc =
        text == NULL ? -ENOMEM
                     : file_write_atomic(staging->path, text,
                                         setup_stages_print(&staging->stages, text), FILE_MODE);
    free(text);
    staging->unsaved = rc != 0;
    if (rc != 0 && !staging->unsaved_said) {
        log_write(LOG_LEVEL_WARNING,
                  "%s cannot be written (%s): a restart goes on with the stages that it has",
                  staging->path, cordon_strerror(rc));
    }
    staging->unsaved_said = rc != 0;
    staging->unwritten_s = 0;
}

/* The time since it was counted last is spent in the stages that are in force. */
static void count_time(struct daemon *daemon, uint64_t now_us)
{
    struct staging *staging = &daemon->staging;
    const uint64_t passed_s = (now_us - staging->counted_us) / 1000000;

    staging->counted_us += passed_s * 1000000;
    if (passed_s > 0 &&
        setup_stages_spend(&staging->stages, daemon_snapshot(daemon), passed_s)) {
        staging->unwritten_s += passed_s;
    }
}

/* The key that says who is in a share: made once, so that it is the same clients next time. One
 * that cannot be kept is good until the restart. */
static void need_key(struct daemon *daemon)
{
    struct staging *staging = &daemon->staging;
    char path[VERSION_PATH];
    uint8_t *octets = NULL;
    size_t len = 0;

    if (staging->has_key || snprintf(path, sizeof(path), "%s/" KEY_FILE,
                                     daemon->config->state_directory) >= (int)sizeof(path)) {
        return;
    }
    int rc = file_read(path, sizeof(staging->key), &octets, &len);
    if (rc == 0 && len == sizeof(staging->key)) {
        memcpy(staging->key, octets, sizeof(staging->key));
    } else {
        if (rc != -ENOENT) {
            log_write(LOG_LEVEL_WARNING,
                      "%s cannot be used (%s): a new key is made, and other clients will be in "
                      "a share",
                      path, rc != 0 ? cordon_strerror(rc) : "its length is wrong");
        }
        random_system(staging->key, sizeof(staging->key));
        rc = file_write_atomic(path, staging->key, sizeof(staging->key), FILE_MODE);
        if (rc != 0) {
            log_write(LOG_LEVEL_WARNING,
                      "%s cannot be written (%s): after a restart other clients will be in a "
                      "share",
                      path, cordon_strerror(rc));
        }
    }
    staging->has_key = true;
    free(octets);
}

int staging_open(struct daemon *daemon)
{
    struct staging *staging = &daemon->staging;
    const char *state = daemon->config->state_directory;

    if (state == NULL) {
        return 0;
    }
    if (asprintf(&staging->path, "%s/" SETUP_STAGES_FILE, state) < 0) {
        staging->path = NULL;
        return -ENOMEM;
    }
    if (asprintf(&staging->folder, "%s/" POLICY_VERSIONS_FOLDER, state) < 0) {
        staging->folder = NULL;
        return -ENOMEM;
    }
    load(staging);
    return 0;
}

static void forget_used(struct staging *staging)
{
    for (size_t i = 0; i < staging->path_count; i++) {
        free(staging->paths[i]);
    }
    staging->path_count = 0;
    staging->used = (struct setup_held_set){.at = staging->held};
}

void staging_note(struct daemon *daemon)
{
    struct staging *staging = &daemon->staging;

    if (staging->counted_us > 0 && daemon->successor.channel < 0) {
        count_time(daemon, clock_read().mono_us);
        if (staging->unwritten_s > 0) {
            save(daemon);
        }
    }
}

void staging_deinit(struct daemon *daemon)
{
    forget_used(&daemon->staging);
    free(daemon->staging.path);
    free(daemon->staging.folder);
}

/* --- a reload --- */

/* Whether a command has asked for what becomes of this version. */
static bool is_by_person(const struct staging *staging, const char *id, uint32_t newer)
{
    return staging->asked == STAGING_PREPARING && staging->newer == newer &&
           strcmp(staging->list, id) == 0;
}

/* The stage that the newer version of a list is to be at. */
static unsigned wanted_stage(const struct daemon *daemon, const struct setup_stages_of *of)
{
    const struct staging *staging = &daemon->staging;

    if (is_by_person(staging, of->id, of->newer)) {
        return staging->stage;
    }
    return of->stage + (setup_stages_left_s(of, daemon->config) == 0 ? 1 : 0);
}

static void hold(struct staging *staging, const struct setup_stages_of *of, unsigned stage)
{
    const struct policy_version_of version = {
        .folder = staging->folder, .id = of->id, .serial = of->serial, .hash = of->hash};
    struct setup_held *held = &staging->held[staging->used.count];
    char path[VERSION_PATH];
    char *copy = NULL;

    if (!policy_version_path(&version, path, sizeof(path)) || (copy = strdup(path)) == NULL) {
        log_write(LOG_LEVEL_ERROR, "list %s: out of memory for its stages", of->id);
        return; /* as one whose version cannot be had */
    }
    staging->paths[staging->path_count++] = copy;
    *held = (struct setup_held){.version = {.path = copy, .serial = of->serial},
                                .newer = SETUP_NEWER_STAGED,
                                .newer_serial = of->newer,
                                .stage = stage};
    memcpy(held->id, of->id, sizeof(held->id));
    memcpy(held->version.hash, of->hash, DIGEST_OCTETS);
    staging->used.count++;
}

const struct setup_held_set *staging_begin(struct daemon *daemon,
                                           const struct setup_held_set *held)
{
    struct staging *staging = &daemon->staging;

    forget_used(staging);
    staging->outcome = STAGING_NO_COMMAND;
    if (staging->counted_us > 0) {
        count_time(daemon, clock_read().mono_us);
    }
    if (staging->asked == STAGING_ASKED) {
        staging->asked = STAGING_PREPARING;
    }
    for (size_t i = 0; held != NULL && i < held->count; i++) {
        staging->held[staging->used.count++] = held->at[i];
    }
    if (staging->path == NULL) {
        return &staging->used;
    }
    for (size_t i = 0; i < staging->stages.count; i++) {
        const struct setup_stages_of *of = &staging->stages.at[i];
        const unsigned stage = wanted_stage(daemon, of);
        /* After the last stage nothing is held. */
        const bool last = of->newer != 0 && !of->away && stage >= daemon->config->stage_count;

        if (!last && setup_held_find(held, of->id) == NULL &&
            staging->used.count < STAGING_HELD_MAX) {
            hold(staging, of, stage);
        }
    }
    need_key(daemon);
    staging->used.key = staging->has_key ? staging->key : NULL;
    return &staging->used;
}

/* --- what has become of it --- */

static void record(struct daemon *daemon, const struct setup_stages_change *change)
{
    static const enum audit_change_what whats[] = {[SETUP_STAGES_BEGUN] = AUDIT_STAGE_BEGUN,
                                                   [SETUP_STAGES_ADVANCED] =
                                                       AUDIT_STAGE_ADVANCED,
                                                   [SETUP_STAGES_DONE] = AUDIT_STAGE_DONE,
                                                   [SETUP_STAGES_ENDED] = AUDIT_STAGE_ENDED};
    static const char *const words[] = {[SETUP_STAGES_BEGUN] = "is brought in by stages: first",
                                        [SETUP_STAGES_ADVANCED] =
                                            "is brought in by stages: now",
                                        [SETUP_STAGES_DONE] = "counts for all",
                                        [SETUP_STAGES_ENDED] = "is not brought in any more"};
    struct staging *staging = &daemon->staging;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const char *id = change->after.id;
    const struct setup_staged *staged = setup_staged_find(snapshot, id);
    const uint32_t newer =
        change->after.newer != 0 ? change->after.newer : change->before.newer;
    const bool by_person = is_by_person(staging, id, newer);
    char stage[SETUP_STAGE_WORDS_MAX] = "";

    if (staged != NULL) {
        setup_staged_words(snapshot, staged, stage);
    }
    const struct audit_change event = {
        .wall_us = clock_read().wall_us,
        .what = whats[change->what],
        .by_daemon = !by_person,
        .uid = staging->by.uid,
        .user = staging->by.user[0] != '\0' ? staging->by.user : NULL,
        .pid = staging->by.pid,
        .reason = by_person ? staging->by.reason : NULL,
        .subject = id,
        .kept = true,
        .serial = newer,
        .serial_before =
            change->after.serial == newer ? change->before.serial : change->after.serial,
        .stage = stage[0] != '\0' ? stage : NULL,
    };
    log_write(LOG_LEVEL_INFO, "list %s: serial %" PRIu32 " %s%s%s%s%s", id, newer,
              words[change->what], stage[0] != '\0' ? " " : "", stage,
              by_person ? ", asked: " : "", by_person ? staging->by.reason : "");
    if (!audit_change_put(daemon->changes.ring, &event)) {
        atomic_fetch_add_explicit(&daemon->changes.lost, 1, memory_order_relaxed);
    }
    if (daemon->writer != NULL) {
        audit_writer_wake(daemon->writer);
    }
}

/* What has become of the command that the reload was for. */
static enum staging_outcome outcome_of(const struct daemon *daemon)
{
    const struct staging *staging = &daemon->staging;
    const struct setup_stages_of *of = setup_stages_find(&staging->stages, staging->list);

    return of == NULL || of->away                                       ? STAGING_NOT_IN_USE
           : of->newer == 0 && of->serial == staging->newer             ? STAGING_FOR_ALL
           : of->newer == staging->newer && of->stage == staging->stage ? STAGING_NEXT
           : holds_find(&daemon->holding.set, staging->list) < daemon->holding.set.count
               ? STAGING_ROLLED_BACK
               : STAGING_REPLACED;
}

void staging_end(struct daemon *daemon, bool good)
{
    struct staging *staging = &daemon->staging;
    const struct clock_now now = clock_read();
    struct setup_stages_change *changes = NULL;

    if (good) {
        changes = calloc(SETUP_STAGES_LISTS_MAX, sizeof(changes[0]));
    }
    if (changes != NULL) {
        const struct setup_stages before = staging->stages;
        const size_t count = setup_stages_take(&staging->stages, daemon_snapshot(daemon),
                                               now.wall_us / 1000000, changes);

        for (size_t i = 0; i < count; i++) {
            record(daemon, &changes[i]);
        }
        if (staging->unsaved || !setup_stages_equal(&before, &staging->stages)) {
            save(daemon);
        }
    } else {
        staging->next_try_us = now.mono_us + AGAIN_US;
    }
    free(changes);
    staging->counted_us = now.mono_us; /* what was made meanwhile begins now */
    if (staging->asked == STAGING_PREPARING) {
        staging->asked = STAGING_NOT_ASKED;
        staging->outcome = good ? outcome_of(daemon) : STAGING_NO_COMMAND;
    }
}

void staging_look(struct daemon *daemon, struct clock_now now)
{
    struct staging *staging = &daemon->staging;

    if (daemon->successor.channel >= 0 || daemon->reload.phase != RELOAD_IDLE) {
        return;
    }
    count_time(daemon, now.mono_us);
    if (staging->unwritten_s >= WRITE_EVERY_S) {
        save(daemon);
    }
    if (now.mono_us >= staging->next_try_us &&
        setup_stages_next_s(&staging->stages, daemon->config) == 0) {
        staging->next_try_us = now.mono_us + AGAIN_US;
        (void)reload_request(daemon, RELOAD_STAGES, NULL);
    }
}
