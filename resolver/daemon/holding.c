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

static const struct policy_loaded_list *find_list(const struct setup_snapshot *snapshot,
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
    const struct policy_loaded_list *list = find_list(snapshot, holding->command.list);
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
        const struct policy_loaded_list *list = find_list(snapshot, hold->list);
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
            find_list(daemon_snapshot(daemon), holding->command.list);

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
            find_list(daemon_snapshot(daemon), command->list);
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

/* --- commands --- */

static bool refuse_words(struct text *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse_words(struct text *out, const char *format, ...)
{
    char words[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments); /* rather cut than lost */
    va_end(arguments);
    return control_refuse(out, words);
}

/* Has the next reload take it over. Replies later, or refuses now. */
static bool ask(struct daemon *daemon, struct control_client *client, struct text *out)
{
    struct holding *holding = &daemon->holding;
    struct override by = {0};

    changes_identify(client, &by);
    holding->command.since_s = clock_read().wall_us / 1000000;
    holding->command.uid = by.uid;
    holding->command.pid = by.pid;
    memcpy(holding->command.user, by.user, sizeof(holding->command.user));
    if (!holding->is_release && holds_put(&holding->wanted, &holding->command) != 0) {
        return control_refuse(out, "more lists than can be held are held");
    }
    holding->client = client;
    holding->step = HOLDING_ASKED;
    if (!reload_request(daemon, RELOAD_HOLDING, NULL)) {
        holding->step = HOLDING_IDLE;
        return control_refuse(out, "the daemon is stopping");
    }
    return false;
}

/* The list and the reason; what stands in the way now. False after a refusal. */
static bool take_command(struct daemon *daemon, struct request *request, uint64_t *serial,
                         struct text *out)
{
    struct holding *holding = &daemon->holding;
    const char *list = request_text(request, "list", OVERRIDES_ID_MAX, true);
    const char *reason = request_text(request, "reason", OVERRIDES_REASON_MAX, true);

    if (serial != NULL && !request_number(request, "serial", 0, UINT32_MAX, serial)) {
        request_refuse(request, "serial", "say to which serial");
    }
    if (!request_end(request)) {
        (void)control_refuse(out, request_fault(request));
        return false;
    }
    if (holding->step != HOLDING_IDLE) {
        (void)control_refuse(out, "another list is being rolled back or released: try again");
        return false;
    }
    if (holding->path == NULL) {
        (void)control_refuse(out, "there is no state.directory, hence no kept version");
        return false;
    }
    holding->wanted = holding->set;
    holding->command = (struct hold){.serial = 0};
    memcpy(holding->command.list, list, strlen(list) + 1);
    memcpy(holding->command.reason, reason, strlen(reason) + 1);
    return true;
}

/* "3, 4 and so on": what can be put back. */
static void name_versions(const struct policy_kept_version *versions, size_t count,
                          struct text *words)
{
    for (size_t i = 0; i < count; i++) {
        text_printf(words, "%s%" PRIu32, i > 0 ? ", " : "", versions[i].serial);
    }
    text_add(words, count == 0 ? "none" : "");
}

/* The version of that serial, read whole. False after a refusal. */
static bool find_version(struct daemon *daemon, uint32_t serial, struct text *out)
{
    struct holding *holding = &daemon->holding;
    struct hold *hold = &holding->command;
    struct policy_kept_version *versions = calloc(POLICY_VERSIONS_MAX, sizeof(versions[0]));
    char known[1024];
    char path[PATH_MAX];
    char hex[2 * DIGEST_OCTETS + 1];
    struct text words;
    size_t count = 0;
    size_t at = 0;

    int rc = versions == NULL
                 ? -ENOMEM
                 : policy_versions_find(holding->folder, hold->list, versions, &count);
    while (rc == 0 && at < count && versions[at].serial != serial) {
        at++;
    }
    if (rc != 0 || at == count) {
        text_init(&words, known, sizeof(known));
        name_versions(versions, count, &words);
        free(versions);
        return rc != 0 ? !refuse_words(out, "%s: %s", holding->folder, cordon_strerror(rc))
                       : !refuse_words(out,
                                       "serial %" PRIu32
                                       " of %s is not kept: it was never in force "
                                       "here, or is older than the last %" PRIu32
                                       " that were (lists.keep). Kept are: %s",
                                       serial, hold->list, daemon->config->lists_keep, known);
    }
    snprintf(path, sizeof(path), "%s/%s/%" PRIu32 "-%s.list", holding->folder, hold->list,
             serial, versions[at].hash);
    hold->serial = serial;
    rc = policy_version_hash(path, hold->hash);
    digest_hex(hold->hash, DIGEST_OCTETS, hex);
    if (rc == 0 && strncmp(hex, versions[at].hash, POLICY_VERSION_HASH) != 0) {
        rc = CORDON_E_CORRUPT;
    }
    free(versions);
    return rc == 0 ||
           !refuse_words(out, "%s: %s: nothing was changed", path,
                         rc == CORDON_E_CORRUPT ? "it is damaged, its hash is another"
                                                : cordon_strerror(rc));
}

bool holding_rollback_command(struct daemon *daemon, struct request *request,
                              struct control_client *client, struct text *out)
{
    struct holding *holding = &daemon->holding;
    uint64_t serial = 0;

    if (!take_command(daemon, request, &serial, out)) {
        return true;
    }
    const struct policy_loaded_list *list =
        find_list(daemon_snapshot(daemon), holding->command.list);
    if (list == NULL) {
        return refuse_words(out, "no list %s is in use: `cordon lists` shows which are",
                            holding->command.list);
    }
    if (!find_version(daemon, (uint32_t)serial, out)) {
        return true;
    }
    holding->is_release = false;
    holding->command.from = list->serial;
    return ask(daemon, client, out);
}

bool holding_release_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out)
{
    struct holding *holding = &daemon->holding;

    if (!take_command(daemon, request, NULL, out)) {
        return true;
    }
    const size_t at = holds_find(&holding->set, holding->command.list);
    if (at == holding->set.count) {
        return refuse_words(out, "list %s is not held: `cordon lists` shows which are",
                            holding->command.list);
    }
    const struct hold *hold = &holding->set.at[at];
    const struct policy_loaded_list *list = find_list(daemon_snapshot(daemon), hold->list);
    holding->command.serial = hold->serial;
    memcpy(holding->command.hash, hold->hash, sizeof(hold->hash));
    holding->command.from = list != NULL ? list->serial : hold->serial;
    holding->is_release = true;
    holds_remove(&holding->wanted, at);
    return ask(daemon, client, out);
}

/* --- documents --- */

static void write_kept(struct text *out, const struct daemon *daemon)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    struct policy_kept_version *versions = calloc(POLICY_VERSIONS_MAX, sizeof(versions[0]));
    char when[CLOCK_TEXT_MAX];

    json_array_begin(out, "kept");
    for (size_t i = 0; versions != NULL && i < snapshot->list_count; i++) {
        size_t count = 0;

        (void)policy_versions_find(daemon->holding.folder, snapshot->lists[i].id, versions,
                                   &count);
        for (size_t v = 0; v < count; v++) {
            clock_format_s(versions[v].last_s, when);
            json_object_begin(out, NULL);
            json_string(out, "list", snapshot->lists[i].id);
            json_uint(out, "serial", versions[v].serial);
            json_string(out, "hash", versions[v].hash);
            json_uint(out, "octets", versions[v].octets);
            json_string(out, "last", when);
            json_object_end(out);
        }
    }
    json_array_end(out);
    free(versions);
}

bool holding_history_command(struct daemon *daemon, struct request *request,
                             struct control_client *client, struct text *out)
{
    uint64_t from = 0;
    uint64_t next = 0;

    (void)client;
    (void)request_number(request, "from", 0, UINT32_MAX, &from);
    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    if (daemon->holding.folder == NULL) {
        return control_refuse(out, "there is no state.directory, hence no history");
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    if (from == 0) {
        write_kept(out, daemon);
    }
    json_array_begin(out, "lines");
    const int rc = history_write(out, daemon->config->state_directory, from, &next);
    json_array_end(out);
    if (rc != 0) {
        json_string(out, "fault", cordon_strerror(rc));
    }
    if (next > 0) {
        json_uint(out, "next", next);
    }
    json_object_end(out);
    return true;
}

void holding_write(struct text *out, const struct daemon *daemon)
{
    const struct holding *holding = &daemon->holding;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);

    json_array_begin(out, "held");
    for (size_t i = 0; i < holding->set.count; i++) {
        const struct hold *hold = &holding->set.at[i];
        const struct policy_loaded_list *list = find_list(snapshot, hold->list);

        json_object_begin(out, NULL);
        hold_write(out, hold);
        json_string(out, "state", list == NULL ? "unused" : list->held ? "held" : "lost");
        json_uint(out, "in_force", list != NULL ? list->serial : 0);
        json_uint(out, "newer", list != NULL ? list->newer_serial : 0);
        json_object_end(out);
    }
    json_array_end(out);
    json_array_begin(out, "held_damage");
    for (size_t i = 0; i < holding->damage.count; i++) {
        json_string(out, NULL, holding->damage.entries[i].text);
    }
    json_array_end(out);
}
