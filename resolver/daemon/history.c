#include "daemon/history.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "daemon/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Left free behind the strings, for what closes the document. */
#define REST_OCTETS 1024u

static bool image_list(const struct policy_image *image, const struct policy_loaded_list *list,
                       size_t *index)
{
    struct policy_image_list known;

    for (size_t i = 0; policy_image_list_at(image, i, &known); i++) {
        if (strcmp(known.id, list->id) == 0 && known.serial == list->serial) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* The mode in the first view, and in those that have another. */
static void write_modes(struct text *out, const struct setup_snapshot *snapshot, size_t index,
                        bool by_view)
{
    const enum policy_mode mode = policy_list_mode(snapshot->policy, 0, index);
    bool any = false;

    json_string(out, "mode", policy_mode_name(mode));
    for (size_t v = 1; by_view && v < snapshot->view_count; v++) {
        const enum policy_mode here = policy_list_mode(snapshot->policy, (unsigned)v, index);

        if (here != mode) {
            if (!any) {
                json_object_begin(out, "views");
            }
            json_string(out, snapshot->shown[v].name, policy_mode_name(here));
            any = true;
        }
    }
    if (any) {
        json_object_end(out);
    }
}

static void write_line(struct text *out, const struct setup_snapshot *snapshot,
                       const struct history_cause *cause, uint64_t wall_us, bool by_view)
{
    const struct policy_image *image = policy_image_of(snapshot->policy);
    char when[CLOCK_TEXT_MAX];
    size_t index = 0;

    clock_format(wall_us, when);
    json_object_begin(out, NULL);
    json_uint(out, "v", HISTORY_VERSION);
    json_string(out, "time", when);
    json_uint(out, "generation", policy_generation(snapshot->policy));
    json_string(out, "cause", cause->word);
    json_string(out, "list", cause->list);
    json_string(out, "reason", cause->reason);
    if (cause->by_person) {
        json_uint(out, "uid", cause->uid);
        json_string(out, "user", cause->user);
        json_int(out, "pid", cause->pid);
    }
    json_string(out, "version", CORDON_VERSION);
    setup_fingerprint_show(out, snapshot->fingerprint, false);
    json_array_begin(out, "lists");
    for (size_t i = 0; i < snapshot->list_count + snapshot->newer_count; i++) {
        const struct policy_loaded_list *list = &snapshot->lists[i];

        json_object_begin(out, NULL);
        json_string(out, "id", list->id);
        json_uint(out, "serial", list->serial);
        json_octets(out, "hash", list->hash, sizeof(list->hash));
        if (list->publisher[0] != '\0') {
            json_string(out, "publisher", list->publisher);
            json_uint(out, "catalogue", list->catalogue_serial);
        }
        if (image_list(image, list, &index)) {
            write_modes(out, snapshot, index, by_view);
        }
        if (list->held) {
            json_bool(out, "held", true);
        }
        if (i >= snapshot->list_count) {
            json_bool(out, "beside", true); /* the newer one of a staged roll-out */
        }
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
    text_add(out, "\n");
}

void history_format(struct text *out, const struct setup_snapshot *snapshot,
                    const struct history_cause *cause, uint64_t wall_us)
{
    const size_t begin = out->len;

    write_line(out, snapshot, cause, wall_us, true);
    if (out->overflow) {
        out->len = begin;
        out->at[begin] = '\0';
        out->overflow = false;
        write_line(out, snapshot, cause, wall_us, false);
    }
}

/* --- the files --- */

static bool paths_of(const char *state, char now[PATH_MAX], char before[PATH_MAX])
{
    return snprintf(now, PATH_MAX, "%s/" HISTORY_FILE, state) < PATH_MAX &&
           snprintf(before, PATH_MAX, "%s/" HISTORY_BEFORE, state) < PATH_MAX;
}

/* A line that a crash has cut off is ended before the next one begins. */
static int end_last_line(int fd, const struct stat *status)
{
    char last = '\n';

    if (status->st_size > 0 && pread(fd, &last, 1, status->st_size - 1) != 1) {
        return -errno;
    }
    return last == '\n' ? 0 : file_write_to(fd, "\n", 1);
}

static int append(const char *path, const char *before, const char *line, size_t len)
{
    struct stat status;

    if (lstat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode)) {
            return CORDON_E_NO_FILE; /* somebody's doing, and not ours to write to */
        }
        if ((uint64_t)status.st_size + len > DAEMON_HISTORY_OCTETS &&
            rename(path, before) != 0) {
            return -errno;
        }
    }
    const int fd = file_open_regular(AT_FDCWD, path, O_RDWR | O_APPEND | O_CREAT, 0600);
    if (fd < 0) {
        return fd;
    }
    int rc = fstat(fd, &status) != 0 ? -errno : end_last_line(fd, &status);
    rc = rc == 0 ? file_write_to(fd, line, len) : rc;
    rc = rc == 0 && fdatasync(fd) != 0 ? -errno : rc;
    close(fd);
    return rc;
}

int history_add(const char *state, const struct setup_snapshot *snapshot,
                const struct history_cause *cause, uint64_t wall_us)
{
    char now[PATH_MAX];
    char before[PATH_MAX];
    struct text out;

    if (state == NULL) {
        return 0;
    }
    if (!paths_of(state, now, before)) {
        return -ENAMETOOLONG;
    }
    char *line = malloc(DAEMON_HISTORY_LINE_MAX);
    if (line == NULL) {
        return -ENOMEM;
    }
    text_init(&out, line, DAEMON_HISTORY_LINE_MAX);
    history_format(&out, snapshot, cause, wall_us);
    const int rc = out.overflow ? CORDON_E_TOO_LARGE : append(now, before, out.at, out.len);
    free(line);
    return rc;
}

/* Lines of one file into the array. False: there is no room for more. */
static bool write_lines(struct text *out, const char *text, size_t len, uint64_t from,
                        uint64_t *number)
{
    for (const char *at = text, *const end = text + len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const size_t line = (size_t)((newline == NULL ? end : newline) - at);

        if (line > 0 && *number >= from && line <= DAEMON_HISTORY_LINE_MAX) {
            const struct text saved = *out;

            if (out->size - out->len > REST_OCTETS) {
                json_string_n(out, NULL, at, line);
            }
            if (out->overflow || out->size - out->len <= REST_OCTETS) {
                *out = saved;
                out->at[out->len] = '\0';
                return false;
            }
        }
        *number += line > 0 ? 1 : 0;
        at += line + 1;
    }
    return true;
}

int history_write(struct text *out, const char *state, uint64_t from, uint64_t *next)
{
    char paths[2][PATH_MAX];
    uint64_t number = 1;
    bool more = true;
    int rc = 0;

    *next = 0;
    if (!paths_of(state, paths[1], paths[0])) {
        return -ENAMETOOLONG;
    }
    for (size_t i = 0; rc == 0 && more && i < 2; i++) {
        uint8_t *text = NULL;
        size_t len = 0;

        rc = file_read(paths[i], DAEMON_HISTORY_OCTETS, &text, &len);
        if (rc == 0) {
            more = write_lines(out, (const char *)text, len, from, &number);
        }
        rc = rc == -ENOENT ? 0 : rc;
        free(text);
    }
    *next = more ? 0 : number;
    return rc;
}
