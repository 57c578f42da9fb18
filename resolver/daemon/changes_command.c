/*
 * daemon/changes_command.c - pauses and exceptions as commands of the control socket
 * (docs/control.md). Whoever may use the socket may change them; who it was is recorded.
 */
#include "base/error.h"
#include "daemon/changes.h"
#include "daemon/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Octets that are left free in a reply, for an entry and what follows. */
#define ENTRY_ROOM (4 * REQUEST_LINE_MAX)

static bool refuse_request(struct text *out, const struct request *request)
{
    return control_refuse(out, request_fault(request));
}

static bool refuse_file(struct daemon *daemon, struct text *out, int rc)
{
    return control_refuse_words(
        out,
        "nothing was changed, since it could not be kept: %s: %s. Mend that, or "
        "say --until-restart to do without",
        daemon->changes.path == NULL ? "there is no state.directory" : daemon->changes.path,
        changes_file_words(rc));
}

static const char *state_of(const struct daemon *daemon, const struct override *override)
{
    return changes_state(daemon, override, clock_read());
}

/* --- adding --- */

/* An exception that replaces another keeps its id; one without any gets one. False: its id is
 * that of another one, which is at *at. */
static bool name_it(const struct overrides *set, struct override *override, size_t *at)
{
    struct policy_exception *exception = &override->exception;
    const size_t same = overrides_find(set, override);

    if (exception->id[0] == '\0' && same < set->count) {
        memcpy(exception->id, set->at[same]->exception.id, sizeof(exception->id));
    }
    overrides_name(set, override);
    *at = overrides_find_id(set, exception->id);
    return *at == set->count || *at == same;
}

/* Puts it into force. Replies later, or refuses now. */
static bool add(struct daemon *daemon, struct override *override, struct control_client *client,
                struct text *out)
{
    const bool is_pause = override->kind == OVERRIDE_PAUSE;
    struct changes *changes = &daemon->changes;
    struct overrides wanted = {0};
    size_t taken = 0;

    if (!changes_may_wait(daemon)) {
        return control_refuse(out, "too many wait for a change already");
    }
    if (!is_pause && !name_it(&changes->set, override, &taken)) {
        char subject[POLICY_SUBJECT_MAX];

        (void)policy_exception_subject(&changes->set.at[taken]->exception, subject);
        return control_refuse_words(out,
                                    "the id %s is that of the exception for %s: choose another",
                                    override->exception.id, subject);
    }
    int rc = overrides_copy(&changes->set, &wanted);
    rc = rc != 0 ? rc : overrides_put(&wanted, override);
    if (rc == CORDON_E_LIMIT) {
        overrides_deinit(&wanted);
        return control_refuse_words(
            out,
            "there are %u exceptions already: remove some, or put names "
            "that stay into a list as pass rules",
            POLICY_EXCEPTIONS_MAX);
    }
    if (rc != 0) {
        overrides_deinit(&wanted);
        return control_refuse(out, cordon_strerror(rc));
    }
    const size_t at = overrides_find(&changes->set, override);
    const bool replaces = at < changes->set.count;
    const struct override before = replaces ? *changes->set.at[at] : *override;
    rc = changes_apply(daemon, &wanted, !override->until_restart);
    if (rc != 0) {
        return refuse_file(daemon, out, rc);
    }
    if (replaces) {
        changes_record(daemon, is_pause ? AUDIT_PAUSE_ENDED : AUDIT_EXCEPTION_REMOVED, &before,
                       override, NULL);
    }
    changes_record(daemon, is_pause ? AUDIT_PAUSE_BEGUN : AUDIT_EXCEPTION_ADDED, override,
                   override, override->reason);
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    json_bool(out, "replaced", replaces);
    json_array_begin(out, is_pause ? "pauses" : "exceptions");
    override_write(out, override, clock_read(), state_of(daemon, override));
    json_array_end(out);
    changes_wait(daemon, client, out);
    return false;
}

/* The list's modes in all views: whether it is loaded, and whether it blocks anywhere, now or
 * by a schedule. */
static void look_at_list(const struct setup_snapshot *snapshot, const char *id, bool *loaded,
                         bool *blocks)
{
    const struct policy_image *image = policy_image_of(snapshot->policy);
    const size_t count = policy_image_lists(image);
    struct policy_image_list list;

    *loaded = *blocks = false;
    for (size_t i = 0; i < count; i++) {
        if (!policy_image_list_at(image, i, &list) || strcmp(list.id, id) != 0) {
            continue;
        }
        *loaded = true;
        for (unsigned v = 0; v < POLICY_VIEWS_MAX; v++) {
            if (daemon_view_name(snapshot, v) == NULL) {
                break;
            }
            *blocks = *blocks || policy_list_is_ever_enforced(snapshot->policy, v, i);
        }
    }
}

bool changes_pause_command(struct daemon *daemon, struct request *request,
                           struct control_client *client, struct text *out)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    struct override override;
    bool loaded = true, blocks = true;

    if (!override_read_pause(request, clock_read(), &override)) {
        return refuse_request(out, request);
    }
    if (strcmp(override.list, "all") != 0) {
        look_at_list(snapshot, override.list, &loaded, &blocks);
    }
    if (!loaded) {
        return control_refuse_words(
            out, "no list \"%s\" is loaded: `cordon lists` shows those that are",
            override.list);
    }
    if (!blocks) {
        return control_refuse_words(out, "the list %s blocks nothing: it is in mode log",
                                    override.list);
    }
    changes_identify(client, &override);
    return add(daemon, &override, client, out);
}

bool changes_exception_add_command(struct daemon *daemon, struct request *request,
                                   struct control_client *client, struct text *out)
{
    struct override override;

    if (!override_read_exception(request, clock_read(), &override)) {
        return refuse_request(out, request);
    }
    if (daemon->changes.files.required) {
        return control_refuse(out, "only exceptions in signed files count here "
                                   "(exceptions.signed: required): have it written into one of "
                                   "exceptions.files and signed, then `cordon reload`");
    }
    if (!changes_has_effect(daemon_snapshot(daemon), &override)) {
        return control_refuse_words(out, "there is no view \"%s\"", override.view);
    }
    if (override.exception.is_rule &&
        !policy_exception_has_rule(&override.exception,
                                   policy_image_of(daemon_snapshot(daemon)->policy))) {
        return control_refuse_words(
            out,
            "the list %s has no such rule, or is not loaded: write the rule as "
            "events and `cordon why` show it",
            override.exception.list);
    }
    changes_identify(client, &override);
    return add(daemon, &override, client, out);
}

/* --- removing --- */

/* What a removal is about. */
struct removal {
    bool pauses;
    char list[OVERRIDES_ID_MAX + 1];
    struct policy_exception what; /* a name, or a rule */
    const char *id;               /* NULL: by what it is about */
    const char *view;             /* NULL: whatever it is for */
    const char *reason;
    bool until_restart;
};

static bool is_meant(const struct removal *removal, const struct override *override)
{
    if (removal->pauses) {
        return override->kind == OVERRIDE_PAUSE && strcmp(override->list, removal->list) == 0;
    }
    if (override->kind != OVERRIDE_EXCEPTION) {
        return false;
    }
    if (removal->id != NULL) {
        return strcmp(override->exception.id, removal->id) == 0;
    }
    const struct policy_exception *exception = &override->exception;
    return (removal->what.is_rule
                ? policy_exception_same_subject(exception, &removal->what)
                : !exception->is_rule &&
                      wire_name_equal(&exception->name, &removal->what.name)) &&
           (removal->view == NULL || strcmp(override->view, removal->view) == 0);
}

static bool remove_meant(struct daemon *daemon, const struct removal *removal,
                         struct control_client *client, struct text *out)
{
    struct changes *changes = &daemon->changes;
    struct overrides wanted = {0}, gone = {0};
    struct override by = {0};

    if (!changes_may_wait(daemon)) {
        return control_refuse(out, "too many wait for a change already");
    }
    int rc = overrides_copy(&changes->set, &wanted);
    for (size_t i = wanted.count; rc == 0 && i-- > 0;) {
        if (is_meant(removal, wanted.at[i])) {
            rc = overrides_put(&gone, wanted.at[i]);
            overrides_remove(&wanted, i);
        }
    }
    if (rc == 0 && gone.count == 0) {
        rc = -ENOENT;
    }
    if (rc != 0) {
        overrides_deinit(&wanted);
        overrides_deinit(&gone);
        return control_refuse(out, rc != -ENOENT ? cordon_strerror(rc)
                                   : removal->pauses
                                       ? "that is not paused: `cordon pause list` "
                                         "shows what is"
                                       : "there is no such exception: `cordon "
                                         "exception list` shows all");
    }
    rc = changes_apply(daemon, &wanted, !removal->until_restart);
    if (rc != 0) {
        overrides_deinit(&gone);
        return refuse_file(daemon, out, rc);
    }
    changes_identify(client, &by);
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    json_array_begin(out, removal->pauses ? "pauses" : "exceptions");
    for (size_t i = 0; i < gone.count; i++) {
        changes_record(daemon, removal->pauses ? AUDIT_PAUSE_ENDED : AUDIT_EXCEPTION_REMOVED,
                       gone.at[i], &by, removal->reason);
        override_write(out, gone.at[i], clock_read(), "over");
    }
    json_array_end(out);
    overrides_deinit(&gone);
    changes_wait(daemon, client, out);
    return false;
}

bool changes_pause_end_command(struct daemon *daemon, struct request *request,
                               struct control_client *client, struct text *out)
{
    struct removal removal = {.pauses = true};
    const char *list = request_text(request, "list", OVERRIDES_ID_MAX, true);

    removal.reason = request_text(request, "reason", OVERRIDES_REASON_MAX, false);
    removal.until_restart = request_flag(request, "until_restart");
    if (!request_end(request)) {
        return refuse_request(out, request);
    }
    memcpy(removal.list, list, strlen(list) + 1);
    return remove_meant(daemon, &removal, client, out);
}

bool changes_exception_remove_command(struct daemon *daemon, struct request *request,
                                      struct control_client *client, struct text *out)
{
    struct removal removal = {0};
    const char *name = request_text(request, "name", WIRE_NAME_TEXT_MAX - 1, false);
    const char *rule = request_text(request, "rule", POLICY_SUBJECT_MAX - 1, false);
    const char *fault = NULL;

    removal.id = request_text(request, "id", POLICY_EXCEPTION_ID_MAX, false);
    if ((name != NULL) + (rule != NULL) + (removal.id != NULL) != 1) {
        request_refuse(request, "name",
                       "say which: by \"name\", \"rule\" or \"id\", one of them");
    } else if (name != NULL) {
        (void)override_read_name(request, name, &removal.what.name);
    } else if (rule != NULL) {
        fault = policy_exception_read_rule(rule, strlen(rule), &removal.what);
    }
    if (fault != NULL) {
        request_refuse(request, "rule", "%s", fault);
    }
    removal.view = request_text(request, "view", OVERRIDES_ID_MAX, false);
    removal.reason = request_text(request, "reason", OVERRIDES_REASON_MAX, false);
    removal.until_restart = request_flag(request, "until_restart");
    if (!request_end(request)) {
        return refuse_request(out, request);
    }
    return remove_meant(daemon, &removal, client, out);
}

/* --- showing --- */

bool changes_list_command(struct daemon *daemon, struct request *request,
                          struct control_client *client, struct text *out)
{
    static const char *const keys[] = {
        [OVERRIDE_PAUSE] = "pauses", [OVERRIDE_EXCEPTION] = "exceptions"};
    const struct changes *changes = &daemon->changes;
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const struct clock_now now = clock_read();
    uint64_t from = 0;
    size_t next = 0;

    (void)client;
    (void)request_number(request, "from", 0, 2 * OVERRIDES_ALL_MAX, &from);
    if (!request_end(request)) {
        return refuse_request(out, request);
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    for (unsigned kind = OVERRIDE_PAUSE; kind <= OVERRIDE_EXCEPTION; kind++) {
        /* Pauses are on the first page, all of them. */
        const bool none = kind == OVERRIDE_PAUSE && from > 0;
        const struct override *override = none ? NULL : changes_at(changes, from);

        json_array_begin(out, keys[kind]);
        for (size_t i = from; override != NULL && next == 0;
             override = changes_at(changes, ++i)) {
            if (out->size - out->len < ENTRY_ROOM) {
                next = i; /* exceptions are by far the more: pauses always fit */
            } else if (override->kind == (enum override_kind)kind) {
                override_write(out, override, now, changes_state(daemon, override, now));
                if (!changes_has_effect(snapshot, override)) {
                    out->at[--out->len] = '\0'; /* the brace, for one field more */
                    json_bool(out, "dormant", true);
                    json_object_end(out);
                }
            }
        }
        json_array_end(out);
    }
    if (next > 0) {
        json_uint(out, "next", next);
    }
    json_object_end(out);
    return true;
}

static void write_files(struct text *out, const struct exceptions_files *files)
{
    const uint64_t now_s = clock_read().wall_us / 1000000;
    char when[CLOCK_TEXT_MAX];

    json_bool(out, "signed_required", files->required);
    json_array_begin(out, "exception_files");
    for (size_t i = 0; i < files->count; i++) {
        const struct exceptions_file *file = &files->at[i];

        json_object_begin(out, NULL);
        json_string(out, "file", file->path);
        json_string(out, "refused", file->fault[0] != '\0' ? file->fault : NULL);
        json_string(out, "id", file->known ? file->id : NULL);
        json_uint(out, "serial", file->serial);
        clock_format_s(file->created_s, when);
        json_string(out, "created", file->known ? when : NULL);
        clock_format_s(file->expires_s, when);
        json_string(out, "expires", file->known ? when : NULL);
        json_bool(out, "over", file->known && now_s >= file->expires_s);
        json_uint(out, "exceptions", file->count);
        json_array_begin(out, "keys");
        for (size_t k = 0; k < file->key_count; k++) {
            json_string(out, NULL, file->keys[k]);
        }
        json_array_end(out);
        json_object_end(out);
    }
    json_array_end(out);
}

void changes_write(struct text *out, const struct daemon *daemon)
{
    const struct changes *changes = &daemon->changes;
    const struct changes_counts counts = changes_count(daemon, clock_read());
    size_t pauses = 0;

    for (size_t i = 0; i < changes->set.count; i++) {
        pauses += changes->set.at[i]->kind == OVERRIDE_PAUSE ? 1 : 0;
    }
    json_object_begin(out, "changes");
    json_uint(out, "pauses", pauses);
    json_uint(out, "exceptions", counts.in_force);
    json_uint(out, "exceptions_waiting", counts.waiting);
    json_uint(out, "exceptions_ending", counts.ending);
    json_uint(out, "exceptions_over", counts.over);
    json_uint(out, "exceptions_rule_gone", counts.rule_gone);
    json_uint(out, "exceptions_without_effect", counts.without_effect);
    write_files(out, &changes->files);
    json_string(out, "file", changes->path);
    json_bool(out, "unsaved", changes->unsaved);
    json_array_begin(out, "damage");
    for (size_t i = 0; i < changes->damage.count; i++) {
        json_string(out, NULL, changes->damage.entries[i].text);
    }
    json_array_end(out);
    json_object_end(out);
}
