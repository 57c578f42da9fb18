#include "daemon/holding.h"

#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"
#include "policy/versions.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MODE 0600

/* --- the file --- */

/* What could not be read is kept beside the file before it is written. */
static int save(struct holding *holding, const struct holds *holds)
{
    struct stat status;
    char beside[PATH_MAX];
    size_t len = 0;
    int rc = 0;

    if (holding->path == NULL) {
        return -ENOENT;
    }
    if (lstat(holding->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return CORDON_E_REFUSED;
    }
    if (holding->set_aside) {
        rc = file_find_damaged(holding->path, DAEMON_DAMAGED_MAX, beside, sizeof(beside));
        rc = rc == 0 && rename(holding->path, beside) != 0 && errno != ENOENT ? -errno : rc;
        holding->set_aside = rc != 0;
    }
    char *text = rc == 0 ? holds_print(holds, &len) : NULL;
    if (rc == 0) {
        rc = text == NULL ? -ENOMEM : file_write_atomic(holding->path, text, len, FILE_MODE);
    }
    free(text);
    return rc;
}

static void load(struct holding *holding)
{
    struct report *damage = &holding->damage;
    char beside[PATH_MAX];
    uint8_t *text = NULL;
    bool has_it = false;
    size_t len = 0;
    int rc = file_read(holding->path, HOLDS_FILE_MAX, &text, &len);

    if (rc == -ENOENT) {
        return;
    }
    if (rc != 0) {
        report_add(damage, REPORT_ERROR, holding->path, 0, 0,
                   "cannot be read, so no list is held: %s", changes_file_words(rc));
        holding->set_aside = true;
    } else {
        holds_parse((const char *)text, len, holding->path, damage, &holding->set);
    }
    if (rc == 0 && damage->errors > 0) {
        rc = file_find_damaged_as(holding->path, DAEMON_DAMAGED_MAX, text, len, beside,
                                  sizeof(beside), &has_it);
        rc = rc == 0 && !has_it ? file_write_atomic(beside, text, len, FILE_MODE) : rc;
        holding->set_aside = rc != 0;
        report_add(damage, REPORT_ERROR, holding->path, 0, 0,
                   "has lines that cannot be read: what they hold is not held; it %s%s",
                   rc == 0 ? "is kept as " : "cannot be kept aside: ",
                   rc == 0 ? beside : cordon_strerror(rc));
    }
    for (size_t i = 0; i < damage->count; i++) {
        log_write(LOG_LEVEL_ERROR, "%s", damage->entries[i].text);
    }
    free(text);
}

int holding_open(struct daemon *daemon)
{
    struct holding *holding = &daemon->holding;
    const char *state = daemon->config->state_directory;

    report_init(&holding->damage);
    if (state == NULL) {
        return 0;
    }
    if (asprintf(&holding->path, "%s/" HOLDS_FILE, state) < 0) {
        holding->path = NULL;
        return -ENOMEM;
    }
    if (asprintf(&holding->folder, "%s/" POLICY_VERSIONS_FOLDER, state) < 0) {
        holding->folder = NULL;
        return -ENOMEM;
    }
    load(holding);
    return 0;
}

static void forget_used(struct holding *holding)
{
    for (size_t i = 0; i < holding->used.count; i++) {
        free(holding->paths[i]);
        holding->paths[i] = NULL;
    }
    holding->used = (struct setup_held_set){.at = holding->held};
}

void holding_deinit(struct daemon *daemon)
{
    struct holding *holding = &daemon->holding;

    forget_used(holding);
    report_deinit(&holding->damage);
    free(holding->path);
    free(holding->folder);
}

/* --- a reload --- */

static struct policy_version_of version_of(const struct holding *holding,
                                           const struct hold *hold)
{
    return (struct policy_version_of){.folder = holding->folder,
                                      .id = hold->list,
                                      .serial = hold->serial,
                                      .hash = hold->hash};
}

const struct setup_held_set *holding_begin(struct daemon *daemon)
{
    struct holding *holding = &daemon->holding;

    forget_used(holding);
    if (holding->step == HOLDING_ASKED) {
        holding->step = HOLDING_PREPARING;
    }
    const struct holds *holds =
        holding->step == HOLDING_PREPARING ? &holding->wanted : &holding->set;
    for (size_t i = 0; i < holds->count; i++) {
        const struct hold *hold = &holds->at[i];
        const struct policy_version_of version = version_of(holding, hold);
        const size_t at = holding->used.count;
        char path[PATH_MAX];

        if (!policy_version_path(&version, path, sizeof(path)) ||
            (holding->paths[at] = strdup(path)) == NULL) {
            log_write(LOG_LEVEL_ERROR, "list %s cannot be held: out of memory", hold->list);
            continue; /* as one whose version cannot be had */
        }
        holding->held[at] = (struct setup_held){
            .version = {.path = holding->paths[at], .serial = hold->serial},
            .newer = SETUP_NEWER_WAITS,
        };
        memcpy(holding->held[at].id, hold->list, sizeof(holding->held[at].id));
        memcpy(holding->held[at].version.hash, hold->hash, DIGEST_OCTETS);
        holding->used.count++;
    }
    return &holding->used;
}

const struct policy_loaded_list *holding_find_list(const struct setup_snapshot *snapshot,
                                                   const char *id)
{
    for (size_t i = 0; i < snapshot->list_count; i++) {
        if (strcmp(snapshot->lists[i].id, id) == 0) {
            return &snapshot->lists[i];
        }
    }
    return NULL;
}

int holding_ready(struct daemon *daemon, const struct setup_snapshot *snapshot,
                  struct report *report)
{
    struct holding *holding = &daemon->holding;

    if (holding->step != HOLDING_PREPARING) {
        return 0;
    }
    const struct policy_loaded_list *list = holding_find_list(snapshot, holding->command.list);
    if (!holding->is_release && (list == NULL || !list->held)) {
        report_add(report, REPORT_ERROR, holding->path, 0, 0,
                   list == NULL ? "list %s is not in use any more"
                                : "that version of %s cannot be had, as the warnings say: "
                                  "nothing was changed",
                   holding->command.list);
        return CORDON_E_REFUSED;
    }
    const int rc = save(holding, &holding->wanted);
    if (rc != 0) {
        report_add(report, REPORT_ERROR, holding->path, 0, 0,
                   "the decision cannot be written down, so nothing was changed: %s",
                   changes_file_words(rc));
    }
    return rc;
}

/* --- records --- */

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void record(struct daemon *daemon, enum audit_change_what what, const struct hold *hold,
                   uint32_t serial, uint32_t before, bool by_daemon, const char *reason)
{
    const struct audit_change change = {
        .wall_us = clock_read().wall_us,
        .what = what,
        .by_daemon = by_daemon,
        .uid = hold->uid,
        .user = or_null(hold->user),
        .pid = hold->pid,
        .reason = reason,
        .subject = hold->list,
        .kept = true,
        .serial = serial,
        .serial_before = before,
    };

    if (!audit_change_put(daemon->changes.ring, &change)) {
        atomic_fetch_add_explicit(&daemon->changes.lost, 1, memory_order_relaxed);
    }
    if (daemon->writer != NULL) {
        audit_writer_wake(daemon->writer);
    }
}

/* Lists that are to be held and cannot: said once, until that changes. */
static void look_for_lost(struct daemon *daemon)
{
    struct holding *holding = &daemon->holding;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    for (size_t i = 0; i < holding->set.count; i++) {
        const struct hold *hold = &holding->set.at[i];
        const struct policy_loaded_list *list = holding_find_list(snapshot, hold->list);
        const bool lost = list != NULL && !list->held;

        if (lost && !holding->lost[i]) {
            log_write(LOG_LEVEL_ERROR,
                      "list %s is to be held at serial %" PRIu32
                      ", which cannot be had: serial %" PRIu32 " is in force",
                      hold->list, hold->serial, list->serial);
            record(daemon, AUDIT_LIST_HOLD_LOST, hold, list->serial, hold->serial, true,
                   "the held version is gone, damaged, or not signed by keys that count");
        }
        holding->lost[i] = lost;
    }
}

size_t holding_lost(const struct daemon *daemon)
{
    size_t count = 0;

    for (size_t i = 0; i < daemon->holding.set.count; i++) {
        count += daemon->holding.lost[i] ? 1 : 0;
    }
    return count;
}

/* What is in force now was in force here: it is kept under its name, and history has it. */
static void note_set(struct daemon *daemon, const struct history_cause *cause)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const struct config *config = daemon->config;

    const size_t count = snapshot->list_count + snapshot->newer_count;
    for (size_t i = 0; daemon->holding.folder != NULL && i < count; i++) {
        const struct policy_version_of version = {.folder = daemon->holding.folder,
                                                  .id = snapshot->lists[i].id,
                                                  .serial = snapshot->lists[i].serial,
                                                  .hash = snapshot->lists[i].hash};

        if (config->lists_keep > 0) {
            policy_version_settle(&version, config->lists_keep);
        }
    }
    const int rc = history_add(config->state_directory, snapshot, cause, clock_read().wall_us);
    if (rc != 0) {
        log_write(LOG_LEVEL_WARNING,
                  "%s/" HISTORY_FILE " cannot be written (%s): `cordon list history` and "
                  "`cordon explain --at` will not know of this set",
                  config->state_directory, cordon_strerror(rc));
    }
    look_for_lost(daemon);
}

void holding_started(struct daemon *daemon)
{
    const struct history_cause cause = {.word = "start"};

    for (size_t i = 0; i < daemon->holding.set.count; i++) {
        const struct hold *hold = &daemon->holding.set.at[i];

        log_write(LOG_LEVEL_WARNING,
                  "list %s is held at serial %" PRIu32 " (`cordon list release`): %s",
                  hold->list, hold->serial, hold->reason);
    }
    note_set(daemon, &cause);
}

/* --- the end of a command --- */

/* What stood in the way of a command: what was said of the command itself (holding_ready), for
 * a folder that is broken is an error, too, and no hindrance; else the first error. */
static const char *find_error(const struct holding *holding, const struct report *report)
{
    const char *first = NULL;

    for (size_t i = 0; i < report->count; i++) {
        const struct report_entry *entry = &report->entries[i];

        if (entry->kind == REPORT_ERROR &&
            strncmp(entry->text, holding->path, strlen(holding->path)) == 0) {
            return entry->text;
        }
        first = first == NULL && entry->kind == REPORT_ERROR ? entry->text : first;
    }
    return first != NULL ? first : "the reload failed: see `cordon status`";
}

static void reply(struct daemon *daemon, bool good, const struct report *report)
{
    struct holding *holding = &daemon->holding;
    char memory[8 * REQUEST_LINE_MAX];
    struct text out;

    text_init(&out, memory, sizeof(memory));
    if (good) {
        const struct policy_loaded_list *list =
            holding_find_list(daemon_snapshot(daemon), holding->command.list);

        json_object_begin(&out, NULL);
        json_bool(&out, "ok", true);
        json_object_begin(&out, holding->is_release ? "released" : "held");
        hold_write(&out, &holding->command);
        json_object_end(&out);
        json_uint(&out, "in_force", list != NULL ? list->serial : 0);
        json_uint(&out, "newer", list != NULL ? list->newer_serial : 0);
        json_uint(&out, "generation", policy_generation(daemon_snapshot(daemon)->policy));
        json_object_end(&out);
    } else {
        (void)control_refuse(&out, find_error(holding, report));
    }
    control_reply(holding->client, out.at, out.len);
    holding->client = NULL;
}

static void log_done(const struct holding *holding, uint32_t in_force)
{
    const struct hold *hold = &holding->command;

    log_write(LOG_LEVEL_WARNING,
              "list %s %s serial %" PRIu32 ", by %s (uid %" PRIu32 ", process %" PRId32 "): %s",
              hold->list, holding->is_release ? "is held no more, now" : "is rolled back to",
              in_force, hold->user[0] != '\0' ? hold->user : "a user without a name", hold->uid,
              hold->pid, hold->reason);
}

void holding_end(struct daemon *daemon, bool good, const char *cause,
                 const struct report *report)
{
    struct holding *holding = &daemon->holding;
    const bool ours = holding->step == HOLDING_PREPARING;
    struct history_cause why = {.word = cause};

    if (ours && good) {
        const struct hold *command = &holding->command;
        const struct policy_loaded_list *list =
            holding_find_list(daemon_snapshot(daemon), command->list);
        const uint32_t in_force = list != NULL ? list->serial : 0;

        holding->set = holding->wanted;
        memset(holding->lost, 0, sizeof(holding->lost));
        report_deinit(&holding->damage); /* the file is new */
        report_init(&holding->damage);
        why = (struct history_cause){.word = holding->is_release ? "release" : "rollback",
                                     .list = command->list,
                                     .reason = command->reason,
                                     .by_person = true,
                                     .uid = command->uid,
                                     .user = or_null(command->user),
                                     .pid = command->pid};
        log_done(holding, in_force);
        record(daemon, holding->is_release ? AUDIT_LIST_RELEASED : AUDIT_LIST_ROLLED_BACK,
               command, in_force, command->from, false, command->reason);
    } else if (ours && save(holding, &holding->set) != 0) {
        log_write(LOG_LEVEL_ERROR,
                  "%s has what was not put in force, and cannot be written: `cordon list "
                  "release %s` before the next start",
                  holding->path, holding->command.list);
    }
    if (good) {
        note_set(daemon, &why);
    }
    if (ours) {
        holding->step = HOLDING_IDLE;
        if (holding->client != NULL) {
            reply(daemon, good, report);
        }
    }
}
