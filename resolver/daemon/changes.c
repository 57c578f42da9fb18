#include "daemon/changes.h"

#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define PASSWD_MAX     65536u /* lines of /etc/passwd that are looked at */
#define PASSWD_LINE    4096u
#define REPLY_REST_MAX 128u /* octets of the fields that a reply gets at its end */

/* --- who --- */

/* The name as /etc/passwd has it. No name service is asked: it could take its time, and would
 * be one of the daemon's own clients. */
static void name_of_user(uint32_t uid, char out[OVERRIDES_ID_MAX + 1])
{
    char line[PASSWD_LINE];
    struct passwd entry;
    struct passwd *found = NULL;
    FILE *in = fopen("/etc/passwd", "re");

    out[0] = '\0';
    if (in == NULL) {
        return;
    }
    for (unsigned i = 0; i < PASSWD_MAX; i++) {
        if (fgetpwent_r(in, &entry, line, sizeof(line), &found) != 0) {
            break;
        }
        if (entry.pw_uid == uid && strlen(entry.pw_name) <= OVERRIDES_ID_MAX) {
            memcpy(out, entry.pw_name, strlen(entry.pw_name) + 1);
            break;
        }
    }
    (void)fclose(in);
}

void changes_identify(const struct control_client *client, struct override *out)
{
    const struct control_peer *peer = control_peer(client);

    out->uid = peer->uid;
    out->pid = peer->pid;
    name_of_user(peer->uid, out->user);
}

/* --- records --- */

static void log_change(enum audit_change_what what, const struct override *override,
                       const struct override *by, const char *reason)
{
    static const char *const words[] = {
        [AUDIT_PAUSE_BEGUN] = "is paused",
        [AUDIT_PAUSE_ENDED] = "is paused no more",
        [AUDIT_PAUSE_EXPIRED] = "is paused no more: the time is over",
        [AUDIT_EXCEPTION_ADDED] = "is an exception",
        [AUDIT_EXCEPTION_REMOVED] = "is an exception no more",
        [AUDIT_EXCEPTION_EXPIRED] = "is an exception no more: the time is over",
        [AUDIT_EXCEPTION_BEGUN] = "is an exception from now on",
        [AUDIT_EXCEPTION_ENDING] = "is an exception that ends soon",
        [AUDIT_EXCEPTION_RULE_GONE] = "is an exception for a rule that its list does not have",
    };
    const bool is_pause = override->kind == OVERRIDE_PAUSE;
    const struct policy_exception *exception = &override->exception;
    const bool is_licence = exception->ticket[0] == '\0';
    char name[POLICY_SUBJECT_MAX];
    char who[OVERRIDES_ID_MAX + 64] = "";
    char until[CLOCK_TEXT_MAX];

    if (!is_pause) {
        (void)policy_exception_subject(exception, name);
    }
    if (by != NULL) {
        snprintf(who, sizeof(who), ", by %s (uid %" PRIu32 ", process %" PRId32 ")",
                 by->user[0] != '\0' ? by->user : "a user without a name", by->uid, by->pid);
    }
    clock_format_s(override->until_s, until);
    const bool begins = what == AUDIT_PAUSE_BEGUN || what == AUDIT_EXCEPTION_ADDED ||
                        what == AUDIT_EXCEPTION_BEGUN || what == AUDIT_EXCEPTION_ENDING;
    log_write(LOG_LEVEL_WARNING, "%s%s %s%s%s%s%s%s%s%s", is_pause ? "list " : "",
              is_pause ? override->list : name, words[what], begins ? " until " : "",
              begins ? until : "", who,
              is_pause     ? ""
              : is_licence ? ", licence "
                           : ", ticket ",
              is_pause     ? ""
              : is_licence ? exception->licence
                           : exception->ticket,
              reason != NULL ? ": " : "", reason != NULL ? reason : "");
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

void changes_record(struct daemon *daemon, enum audit_change_what what,
                    const struct override *override, const struct override *by,
                    const char *reason)
{
    const bool is_pause = override->kind == OVERRIDE_PAUSE;
    const struct policy_exception *exception = &override->exception;
    char name[POLICY_SUBJECT_MAX];
    struct audit_change change = {
        .wall_us = clock_read().wall_us,
        .what = what,
        .by_daemon = by == NULL,
        .reason = reason,
        .subject = override->list,
        .until_s = override->until_s,
        .kept = !override->until_restart,
    };

    if (by != NULL) {
        change.uid = by->uid;
        change.user = by->user[0] != '\0' ? by->user : NULL;
        change.pid = by->pid;
    }
    if (!is_pause) {
        (void)policy_exception_subject(exception, name);
        change.subject = name;
        change.is_rule = exception->is_rule;
        change.scope = exception->chain ? "chain" : "own";
        change.match = exception->is_rule ? NULL : exception->exact ? "exact" : "suffix";
        change.view = or_null(override->view);
        change.id = exception->id;
        change.ticket = or_null(exception->ticket);
        change.licence = or_null(exception->licence);
        change.approver = or_null(exception->approver);
        change.file = override->file;
        change.from_s = override->from_s;
    }
    log_change(what, override, by, reason);
    if (!audit_change_put(daemon->changes.ring, &change)) {
        atomic_fetch_add_explicit(&daemon->changes.lost, 1, memory_order_relaxed);
    }
    if (daemon->writer != NULL) {
        audit_writer_wake(daemon->writer);
    }
}

/* --- making and publishing --- */

/* The number of a view, POLICY_ANY_VIEW for every view; false: there is none of that name. */
static bool find_view(const struct setup_snapshot *snapshot, const char *name, uint8_t *view)
{
    if (name[0] == '\0') {
        *view = POLICY_ANY_VIEW;
        return true;
    }
    for (unsigned i = 0; i < POLICY_VIEWS_MAX; i++) {
        const char *here = daemon_view_name(snapshot, i);

        if (here == NULL) {
            break;
        }
        if (strcmp(here, name) == 0) {
            *view = (uint8_t)i;
            return true;
        }
    }
    return false;
}

bool changes_has_effect(const struct setup_snapshot *snapshot, const struct override *override)
{
    uint8_t view;

    if (override->kind == OVERRIDE_EXCEPTION) {
        return find_view(snapshot, override->view, &view);
    }
    if (strcmp(override->list, "all") == 0) {
        return true;
    }
    for (size_t i = 0; i < snapshot->list_count; i++) {
        if (strcmp(snapshot->lists[i].id, override->list) == 0) {
            return true;
        }
    }
    return false;
}

const char *changes_state(const struct daemon *daemon, const struct override *override,
                          struct clock_now now)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    uint8_t view;

    if (override->over || override_is_over(override, now)) {
        return "over";
    }
    if (override->file == NULL && daemon->changes.files.required) {
        return "unsigned";
    }
    if (!override_has_begun(override, now)) {
        return "waiting";
    }
    if (!find_view(snapshot, override->view, &view)) {
        return "no-view";
    }
    if (override->exception.is_rule &&
        !policy_exception_has_rule(&override->exception, policy_image_of(snapshot->policy))) {
        return "rule-gone";
    }
    return "in-force";
}

/* Adds the exceptions of the set that count now. */
static size_t gather(const struct overrides *set, const struct setup_snapshot *from,
                     struct clock_now now, struct policy_exception *out, size_t count)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct override *override = set->at[i];

        if (override->kind == OVERRIDE_EXCEPTION && !override->over &&
            override_has_begun(override, now)) {
            out[count] = override->exception;
            count += find_view(from, override->view, &out[count].view) ? 1 : 0;
        }
    }
    return count;
}

/* 0, -ENOMEM, CORDON_E_LIMIT. from: or its root. files: whose exceptions count. */
static int derive(struct daemon *daemon, const struct exceptions_files *files,
                  struct setup_snapshot *from, struct setup_snapshot **snapshot)
{
    const struct overrides *set = &daemon->changes.set;
    const struct clock_now now = clock_read();
    struct policy_exception *exceptions =
        calloc(set->count + files->set.count + 1, sizeof(exceptions[0]));
    const char **paused = calloc(set->count + 1, sizeof(paused[0]));
    struct policy_changes changes = {.paused = paused, .exceptions = exceptions};
    struct setup_snapshot *made = NULL;
    int rc = exceptions == NULL || paused == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < set->count; i++) {
        if (set->at[i]->kind == OVERRIDE_PAUSE) {
            paused[changes.paused_count++] = set->at[i]->list;
            changes.pause_all = changes.pause_all || strcmp(set->at[i]->list, "all") == 0;
        }
    }
    if (rc == 0 && !files->required) {
        changes.exception_count = gather(set, from, now, exceptions, 0);
    }
    const size_t commands = changes.exception_count;
    if (rc == 0) {
        changes.exception_count = gather(&files->set, from, now, exceptions, commands);
        rc = setup_snapshot_derive(from, &changes, now.wall_us / 1000000,
                                   changes_next_generation(daemon), &made);
    }
    if (rc == 0) {
        rc = changes_tell(files, &changes, commands, made);
    }
    if (rc == 0) {
        *snapshot = made;
    } else {
        setup_snapshot_free(made);
    }
    free(exceptions);
    free(paused);
    return rc;
}

uint64_t changes_next_generation(struct daemon *daemon)
{
    return ++daemon->changes.generation;
}

int changes_publish(struct daemon *daemon, struct setup_snapshot *root)
{
    struct changes *changes = &daemon->changes;
    struct exceptions_files found = {.count = 0};
    struct setup_snapshot *made = NULL;
    int rc = 0;

    if (!policy_slot_reclaim(daemon->slot)) {
        return -EBUSY;
    }
    if (root != NULL) {
        rc = exceptions_merge(&changes->files, root->exceptions, clock_read(), &found);
        if (rc != 0) {
            return rc;
        }
    }
    const struct exceptions_files *files = root != NULL ? &found : &changes->files;
    /* A root that is the newest is published as it is, if there is nothing to change in it. */
    if (root == NULL || changes->set.count > 0 || files->count > 0 ||
        policy_generation(root->policy) != changes->generation) {
        struct setup_snapshot *from = root != NULL ? root : policy_slot_current(daemon->slot);
        rc = derive(daemon, files, from, &made);
        if (rc != 0) {
            exceptions_deinit(&found);
            return rc;
        }
        if (root == NULL) { /* else it has read the servers itself */
            follow_apply(daemon, made);
        }
    }
    const struct setup_snapshot *before = daemon_snapshot(daemon);
    loops_apply(daemon, made != NULL ? made : root);
    rc = policy_slot_publish(daemon->slot, made != NULL ? made : root);
    if (rc != 0) {
        exceptions_deinit(&found);
        setup_snapshot_free(made);
        return rc;
    }
    if (root != NULL) {
        changes_take_files(daemon, made != NULL ? made : root, &found);
    }
    if (made != NULL) {
        setup_snapshot_free(root); /* what was made of it holds it */
    }
    scheduling_record(daemon, before, daemon_snapshot(daemon)); /* the slot still has both */
    changes_log_fingerprint(before, daemon_snapshot(daemon));
    recording_published(daemon, before, daemon_snapshot(daemon));
    saved_published(daemon);
    changes->dirty = false;
    follow_published(daemon, root != NULL);
    loops_published(daemon);
    for (size_t i = 0; i < changes->waiting_count; i++) {
        if (changes->waiting[i].number == 0) {
            changes->waiting[i].number = policy_slot_number(daemon->slot);
        }
    }
    for (unsigned i = 0; i < daemon->worker_count; i++) {
        worker_adopt(daemon->workers[i]);
    }
    audit_writer_wake(daemon->writer);
    reload_sweep(daemon);
    return 0;
}

static void reply(struct change_waiter *waiter, bool in_force, uint64_t now_us)
{
    char *document = realloc(waiter->document, waiter->len + REPLY_REST_MAX);
    struct text text;

    if (document == NULL) {
        static const char failed[] = "{\"ok\":false,\"error\":\"out of memory\"}";
        control_reply(waiter->client, failed, sizeof(failed) - 1);
        free(waiter->document);
        return;
    }
    text =
        (struct text){.at = document, .size = waiter->len + REPLY_REST_MAX, .len = waiter->len};
    json_bool(&text, "in_force", in_force);
    json_uint(&text, "milliseconds", (now_us - waiter->began_us) / 1000);
    json_object_end(&text);
    control_reply(waiter->client, text.at, text.len);
    free(document);
}

/* Publishes what is new, and tells those whose change every worker has taken. */
static void on_step(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    struct changes *changes = &daemon->changes;
    const uint64_t now_us = clock_read().mono_us;
    size_t left = 0;

    if (changes->dirty) {
        (void)changes_publish(daemon, NULL); /* -EBUSY, -ENOMEM: tried again */
    }
    for (size_t i = 0; i < changes->waiting_count; i++) {
        struct change_waiter *waiter = &changes->waiting[i];
        const bool in_force =
            waiter->number != 0 &&
            policy_slot_adopted(daemon->slot, daemon->worker_count, waiter->number);

        if (in_force || now_us >= waiter->began_us + DAEMON_PUBLISH_MOST_MS * 1000ull) {
            reply(waiter, in_force, now_us);
        } else {
            changes->waiting[left++] = *waiter;
        }
    }
    changes->waiting_count = left;
    if (left == 0 && !changes->dirty) {
        uv_timer_stop(timer);
    }
}

void changes_publish_soon(struct daemon *daemon)
{
    daemon->changes.dirty = true;
    uv_timer_start(&daemon->changes.step, on_step, 0, DAEMON_PUBLISH_STEP_MS);
}

int changes_apply(struct daemon *daemon, struct overrides *set, bool keep)
{
    struct changes *changes = &daemon->changes;
    const int rc = changes_file_save(changes, set);

    if (rc != 0 && keep) {
        overrides_deinit(set);
        return rc;
    }
    if (rc == 0) { /* the file has no such lines any more */
        report_deinit(&changes->damage);
        report_init(&changes->damage);
    }
    changes->unsaved = rc != 0;
    overrides_deinit(&changes->set);
    changes->set = *set;
    *set = (struct overrides){0};
    changes_publish_soon(daemon);
    return 0;
}

bool changes_may_wait(const struct daemon *daemon)
{
    return daemon->changes.waiting_count < DAEMON_WAITING_MAX;
}

void changes_wait(struct daemon *daemon, struct control_client *client, const struct text *out)
{
    struct changes *changes = &daemon->changes;

    invariant(changes_may_wait(daemon));
    struct change_waiter *waiter = &changes->waiting[changes->waiting_count++];
    *waiter = (struct change_waiter){
        .client = client,
        .document = malloc(out->len + 1),
        .len = out->len,
        .began_us = clock_read().mono_us,
    };
    if (waiter->document == NULL) {
        waiter->len = 0;
    } else {
        memcpy(waiter->document, out->at, out->len + 1);
    }
    uv_timer_start(&changes->step, on_step, 0, DAEMON_PUBLISH_STEP_MS);
}

/* --- time --- */

/* What is over must go from the file as well, or a clock that is set back and a restart would
 * bring it back to life. */
static void save_again(struct changes *changes)
{
    const int rc = changes_file_save(changes, &changes->set);

    changes->unsaved = rc != 0;
    if (rc != 0 && !changes->unsaved_said) {
        log_write(LOG_LEVEL_WARNING,
                  "%s cannot be written (%s): it still has what is over; tried again",
                  changes->path == NULL ? "the file of changes" : changes->path,
                  changes_file_words(rc));
    }
    changes->unsaved_said = rc != 0;
}

static void on_tick(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    struct changes *changes = &daemon->changes;

    const struct clock_now now = clock_read();

    invariant(daemon->magic == DAEMON_MAGIC);
    if (changes_look(daemon, now)) {
        changes_publish_soon(daemon);
    }
    if (scheduling_is_due(daemon, now)) {
        changes_publish_soon(daemon);
    }
    staging_look(daemon, now);
    /* While a successor starts the file is what it has read, and from "ready" on it is its
     * own. */
    if (changes->unsaved && now.mono_us >= changes->next_save_us &&
        daemon->successor.channel < 0) {
        save_again(changes);
        changes->next_save_us = now.mono_us + DAEMON_SAVE_AGAIN_MS * 1000ull;
    }
}

/* --- life --- */

int changes_open(struct daemon *daemon, struct setup_snapshot *root,
                 struct setup_snapshot **snapshot)
{
    struct changes *changes = &daemon->changes;
    const char *folder = daemon->config->state_directory;

    report_init(&changes->damage);
    changes->generation = policy_generation(root->policy);
    changes->ring = ring_create(AUDIT_CHANGE_RING);
    if (changes->ring == NULL ||
        (folder != NULL && asprintf(&changes->path, "%s/overrides.jsonl", folder) < 0)) {
        changes->path = NULL;
        return -ENOMEM;
    }
    int rc = changes_file_load(changes, clock_read());
    if (rc != 0) {
        return rc;
    }
    (void)changes_look(daemon, clock_read());
    struct exceptions_files found = {.count = 0};
    rc = exceptions_merge(&changes->files, root->exceptions, clock_read(), &found);
    if (rc != 0) {
        return rc;
    }
    struct setup_snapshot *made = root;
    if (changes->set.count + found.count > 0) {
        rc = derive(daemon, &found, root, &made);
    }
    if (rc != 0) {
        exceptions_deinit(&found);
        return rc;
    }
    if (changes->set.count > 0) {
        log_write(LOG_LEVEL_INFO,
                  "%zu pauses and exceptions from before are in force: `cordon pause list`, "
                  "`cordon exception list`",
                  changes->set.count);
    }
    if (made != root) {
        setup_snapshot_free(root); /* what was made of it holds it */
    }
    changes_take_files(daemon, made, &found);
    *snapshot = made;
    return 0;
}

void changes_start(struct daemon *daemon)
{
    struct changes *changes = &daemon->changes;

    uv_timer_init(&daemon->loop, &changes->tick);
    uv_timer_init(&daemon->loop, &changes->step);
    changes->tick.data = daemon;
    changes->step.data = daemon;
    changes->open = true;
    uv_timer_start(&changes->tick, on_tick, DAEMON_EXPIRY_MS, DAEMON_EXPIRY_MS);
}

void changes_stop(struct daemon *daemon)
{
    struct changes *changes = &daemon->changes;

    if (changes->open) {
        uv_close((uv_handle_t *)&changes->tick, NULL);
        uv_close((uv_handle_t *)&changes->step, NULL);
        changes->open = false;
    }
    for (size_t i = 0; i < changes->waiting_count; i++) {
        free(changes->waiting[i].document); /* the control socket closes its clients */
    }
    changes->waiting_count = 0;
}

void changes_deinit(struct daemon *daemon)
{
    struct changes *changes = &daemon->changes;

    overrides_deinit(&changes->set);
    overrides_deinit(&changes->ended);
    exceptions_deinit(&changes->files);
    report_deinit(&changes->damage);
    ring_destroy(changes->ring);
    free(changes->path);
}
