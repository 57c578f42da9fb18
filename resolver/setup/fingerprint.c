#include "setup/fingerprint.h"

#include "base/text.h"
#include "setup/fingerprint_lines.h"
#include "setup/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *setup_fingerprint_name(enum setup_fingerprint_number part)
{
    static const char *const names[SETUP_FINGERPRINT_PARTS] = {
        [SETUP_FINGERPRINT_LISTS] = "lists",
        [SETUP_FINGERPRINT_VIEWS] = "views",
        [SETUP_FINGERPRINT_SCHEDULES] = "schedules",
        [SETUP_FINGERPRINT_ANSWERS] = "answers",
        [SETUP_FINGERPRINT_EXEMPT] = "exempt",
        [SETUP_FINGERPRINT_EXCEPTIONS] = "exceptions",
        [SETUP_FINGERPRINT_PAUSES] = "pauses",
        [SETUP_FINGERPRINT_HELD] = "held",
    };

    return names[part];
}

/* --- exceptions and pauses --- */

static int add_exception(const struct policy_exception *exception,
                         const struct setup_snapshot *snapshot, FILE *out)
{
    char subject[POLICY_SUBJECT_MAX];
    char value[FINGERPRINT_VALUE_SIZE];
    const char *view = exception->view < snapshot->view_count
                           ? snapshot->views[exception->view].name
                           : "*"; /* POLICY_ANY_VIEW */

    (void)policy_exception_subject(exception, subject);
    /* The last field of its line may have blanks. */
    int rc = 0;
    if (snprintf(value, sizeof(value), "%s", subject) >= (int)sizeof(value)) {
        rc = fingerprint_word(subject, value);
    }
    fprintf(out, "exception %s %s %s %s\n", view,
            exception->is_rule ? "rule"
            : exception->exact ? "exact"
                               : "suffix",
            exception->chain ? "chain" : "own", value);
    return rc;
}

static void add_pauses(const struct setup_fingerprint_changes *changes,
                       const struct setup_snapshot *snapshot, FILE *out)
{
    for (size_t i = 0; !changes->pause_all && i < changes->paused_count; i++) {
        for (size_t k = 0; k < snapshot->list_count; k++) {
            if (strcmp(snapshot->lists[k].id, changes->paused[i]) == 0) {
                fprintf(out, "pause %s\n", changes->paused[i]);
            }
        }
    }
    if (changes->pause_all) {
        fprintf(out, "pause *\n");
    }
}

/* --- the whole --- */

/* Makes a part of the fingerprint's own. */
static int make_part(struct setup_fingerprint *made, enum setup_fingerprint_number number,
                     int (*write)(const void *from, const struct setup_snapshot *snapshot,
                                  enum setup_fingerprint_number number, FILE *out),
                     const void *from, const struct setup_snapshot *snapshot)
{
    struct fingerprint_lines lines;

    if (fingerprint_open(&lines) != 0) {
        return -ENOMEM;
    }
    const int rc = write(from, snapshot, number, lines.out);
    const int ended =
        fingerprint_part(&lines, setup_fingerprint_name(number), &made->own[number]);
    made->parts[number] = &made->own[number];
    return rc != 0 ? rc : ended;
}

static int write_source(const void *from, const struct setup_snapshot *snapshot,
                        enum setup_fingerprint_number number, FILE *out)
{
    (void)snapshot;
    return fingerprint_write(number, from, out);
}

static int write_changes(const void *from, const struct setup_snapshot *snapshot,
                         enum setup_fingerprint_number number, FILE *out)
{
    const struct setup_fingerprint_changes *changes = from;
    int rc = 0;

    if (number == SETUP_FINGERPRINT_PAUSES) {
        add_pauses(changes, snapshot, out);
        return 0;
    }
    fingerprint_files(changes->files, changes->file_count, out);
    for (size_t i = 0; i < changes->exception_count && rc == 0; i++) {
        rc = add_exception(&changes->exceptions[i], snapshot, out);
    }
    return rc;
}

int setup_fingerprint_make(const struct setup_fingerprint_source *source,
                           struct setup_fingerprint **fingerprint)
{
    struct setup_fingerprint *made = calloc(1, sizeof(*made));
    int rc = made != NULL ? 0 : -ENOMEM;

    for (unsigned i = 0; i < SETUP_FINGERPRINT_PARTS && rc == 0; i++) {
        rc = make_part(made, (enum setup_fingerprint_number)i, write_source, source, NULL);
    }
    if (rc == 0) {
        fingerprint_total(made);
        *fingerprint = made;
    } else {
        setup_fingerprint_free(made);
    }
    return rc;
}

int setup_fingerprint_change(struct setup_snapshot *derived,
                             const struct setup_fingerprint_changes *changes)
{
    struct setup_fingerprint *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        return -ENOMEM;
    }
    memcpy(made->parts, derived->root->fingerprint->parts, sizeof(made->parts));
    int rc = make_part(made, SETUP_FINGERPRINT_EXCEPTIONS, write_changes, changes, derived);
    if (rc == 0) {
        rc = make_part(made, SETUP_FINGERPRINT_PAUSES, write_changes, changes, derived);
    }
    if (rc != 0) {
        setup_fingerprint_free(made);
        return rc;
    }
    fingerprint_total(made);
    derived->fingerprint = made;
    derived->settings.told = &made->told;
    return 0;
}

void setup_fingerprint_free(struct setup_fingerprint *fingerprint)
{
    for (size_t i = 0; fingerprint != NULL && i < SETUP_FINGERPRINT_PARTS; i++) {
        fingerprint_part_deinit(&fingerprint->own[i]);
    }
    free(fingerprint);
}

/* --- shown --- */

static void show_lines(struct text *out, const struct setup_fingerprint_part *part)
{
    json_uint(out, "count", part->count);
    json_array_begin(out, "lines");
    for (const char *at = part->lines; *at != '\0';) {
        const size_t len = strcspn(at, "\n");

        json_string_n(out, NULL, at, len);
        at += len + 1;
    }
    json_array_end(out);
}

void setup_fingerprint_show(struct text *out, const struct setup_fingerprint *fingerprint,
                            bool lines)
{
    json_object_begin(out, "fingerprint");
    json_uint(out, "format", SETUP_FINGERPRINT_FORMAT);
    json_octets(out, "total", fingerprint->total, sizeof(fingerprint->total));
    json_object_begin(out, "parts");
    for (size_t i = 0; i < SETUP_FINGERPRINT_PARTS; i++) {
        const struct setup_fingerprint_part *part = fingerprint->parts[i];

        json_object_begin(out, setup_fingerprint_name((enum setup_fingerprint_number)i));
        json_octets(out, "hash", part->hash, sizeof(part->hash));
        if (lines) {
            show_lines(out, part);
        }
        json_object_end(out);
    }
    json_object_end(out);
    json_object_end(out);
}
