#include "admin/overrides.h"

#include "admin/kept.h"
#include "base/digest.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char file_comment[] =
    "# What people changed for a while (cordon pause, cordon exception). cordond writes this\n"
    "# file anew at each change: edit it only while it does not run.\n";

void overrides_deinit(struct overrides *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->at[i]);
    }
    free(set->at);
    *set = (struct overrides){0};
}

bool override_is_same(const struct override *a, const struct override *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == OVERRIDE_PAUSE) {
        return strcmp(a->list, b->list) == 0;
    }
    return strcmp(a->view, b->view) == 0 &&
           policy_exception_same_subject(&a->exception, &b->exception);
}

size_t overrides_find(const struct overrides *set, const struct override *wanted)
{
    size_t at = 0;

    while (at < set->count && !override_is_same(set->at[at], wanted)) {
        at++;
    }
    return at;
}

size_t overrides_find_id(const struct overrides *set, const char *id)
{
    size_t at = 0;

    while (at < set->count && (set->at[at]->kind != OVERRIDE_EXCEPTION ||
                               strcmp(set->at[at]->exception.id, id) != 0)) {
        at++;
    }
    return at;
}

void overrides_name(const struct overrides *set, struct override *override)
{
    struct policy_exception *exception = &override->exception;
    char what[POLICY_SUBJECT_MAX + OVERRIDES_ID_MAX + 64];
    char hex[2 * DIGEST_OCTETS + 1];
    uint8_t digest[DIGEST_OCTETS];
    char subject[POLICY_SUBJECT_MAX];

    (void)policy_exception_subject(exception, subject);
    for (unsigned i = 0; exception->id[0] == '\0'; i++) {
        const int len =
            snprintf(what, sizeof(what), "%u %u %" PRIu64 " %s %s", i,
                     exception->exact ? 1u : 0u, override->since_s, override->view, subject);

        digest_of(what, (size_t)len, NULL, digest);
        digest_hex(digest, sizeof(digest), hex);
        snprintf(exception->id, sizeof(exception->id), "x-%.8s", hex);
        if (overrides_find_id(set, exception->id) < set->count) {
            exception->id[0] = '\0';
        }
    }
}

void overrides_remove(struct overrides *set, size_t at)
{
    free(set->at[at]);
    memmove(&set->at[at], &set->at[at + 1], (set->count - at - 1) * sizeof(set->at[0]));
    set->count--;
}

static size_t count_of(const struct overrides *set, enum override_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        count += set->at[i]->kind == kind ? 1 : 0;
    }
    return count;
}

static int grow(struct overrides *set)
{
    if (set->count < set->room) {
        return 0;
    }
    const size_t room = set->room == 0 ? 16 : 2 * set->room;
    struct override **larger = realloc(set->at, room * sizeof(larger[0]));
    if (larger == NULL) {
        return -ENOMEM;
    }
    set->at = larger;
    set->room = room;
    return 0;
}

int overrides_put(struct overrides *set, const struct override *override)
{
    const size_t most =
        override->kind == OVERRIDE_PAUSE ? OVERRIDES_PAUSES_MAX : POLICY_EXCEPTIONS_MAX;
    const size_t at = overrides_find(set, override);

    if (at == set->count && count_of(set, override->kind) >= most) {
        return CORDON_E_LIMIT;
    }
    const int rc = overrides_append(set, override);
    if (rc == 0 && at < set->count - 1) {
        overrides_remove(set, at);
    }
    return rc;
}

int overrides_append(struct overrides *set, const struct override *override)
{
    struct override *copy = malloc(sizeof(*copy));

    if (copy == NULL || grow(set) != 0) {
        free(copy);
        return -ENOMEM;
    }
    *copy = *override;
    set->at[set->count++] = copy;
    return 0;
}

int overrides_copy(const struct overrides *set, struct overrides *out)
{
    *out = (struct overrides){0};
    for (size_t i = 0; i < set->count; i++) {
        struct override *copy = malloc(sizeof(*copy));

        if (copy == NULL || grow(out) != 0) {
            free(copy);
            overrides_deinit(out);
            return -ENOMEM;
        }
        *copy = *set->at[i];
        out->at[out->count++] = copy;
    }
    return 0;
}

bool override_is_over(const struct override *override, struct clock_now now)
{
    return now.wall_us / 1000000 >= override->until_s || now.mono_us >= override->last_us;
}

bool override_has_begun(const struct override *override, struct clock_now now)
{
    return now.wall_us / 1000000 >= override->from_s;
}

/* A wall clock before the beginning was set back: then
 * the whole time begins again, and no more than that. */
void override_set_last(struct override *override, struct clock_now now)
{
    const uint64_t now_s = now.wall_us / 1000000;
    const uint64_t whole_s = override->until_s - override->since_s;
    uint64_t left_s = override->until_s > now_s ? override->until_s - now_s : 0;

    left_s = left_s < whole_s ? left_s : whole_s;
    override->last_us = now.mono_us + left_s * 1000000;
}

/* --- writing --- */

static void write_what(struct text *out, const struct override *override)
{
    char words[POLICY_SUBJECT_MAX];

    if (override->kind == OVERRIDE_PAUSE) {
        json_string(out, "list", override->list);
        return;
    }
    const struct policy_exception *exception = &override->exception;
    if (exception->id[0] != '\0') {
        json_string(out, "id", exception->id);
    }
    json_string_n(out, exception->is_rule ? "rule" : "name", words,
                  policy_exception_subject(exception, words));
    if (!exception->is_rule) {
        json_string(out, "match", exception->exact ? "exact" : "suffix");
    }
    json_string(out, "scope", exception->chain ? "chain" : "own");
    if (override->view[0] != '\0') {
        json_string(out, "view", override->view);
    }
    if (exception->ticket[0] != '\0') {
        json_string(out, "ticket", exception->ticket);
    }
    if (exception->licence[0] != '\0') {
        json_string(out, "licence", exception->licence);
    }
    if (exception->approver[0] != '\0') {
        json_string(out, "approver", exception->approver);
    }
}

static void write_rest(struct text *out, const struct override *override)
{
    char when[CLOCK_TEXT_MAX];

    json_string(out, "reason", override->reason);
    clock_format_s(override->since_s, when);
    json_string(out, "since", when);
    if (override->from_s != 0) {
        clock_format_s(override->from_s, when);
        json_string(out, "from", when);
    }
    clock_format_s(override->until_s, when);
    json_string(out, "until", when);
    if (override->file != NULL) {
        return; /* its file says who, as far as anybody does */
    }
    kept_write_who(out, override->uid, override->pid, override->user);
}

char *overrides_print(const struct overrides *set, size_t *len)
{
    struct text out;

    if (!kept_begin(&out, file_comment, "overrides", OVERRIDES_FILE_VERSION, set->count)) {
        return NULL;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct override *override = set->at[i];

        if (!override->until_restart) {
            kept_begin_one(&out, override->kind == OVERRIDE_PAUSE ? "pause" : "exception");
            write_what(&out, override);
            write_rest(&out, override);
            kept_end_one(&out);
        }
    }
    return kept_end(&out, len);
}

void override_write(struct text *out, const struct override *override, struct clock_now now,
                    const char *state)
{
    const uint64_t now_s = now.wall_us / 1000000;
    const uint64_t wall_s = override->until_s > now_s ? override->until_s - now_s : 0;
    const uint64_t mono_s =
        override->last_us > now.mono_us ? (override->last_us - now.mono_us) / 1000000 : 0;

    json_object_begin(out, NULL);
    write_what(out, override);
    write_rest(out, override);
    json_uint(out, "left_s", wall_s < mono_s ? wall_s : mono_s);
    json_bool(out, "kept", !override->until_restart);
    if (override->kind == OVERRIDE_EXCEPTION) {
        json_string(out, "state", state);
        json_string(out, "file", override->file);
    }
    json_object_end(out);
}
