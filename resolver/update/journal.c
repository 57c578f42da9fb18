#include "update/journal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who may read it: it can name clients (replay). */
#define JOURNAL_MODE 0640

static void write_time(struct text *out, const char *key, uint64_t at_s)
{
    char text[CLOCK_TEXT_MAX];

    clock_format_s(at_s, text);
    json_string(out, key, at_s == 0 ? NULL : text);
}

static void write_set(struct text *out, const char *key, const char *version, uint32_t serial,
                      uint32_t root)
{
    json_object_begin(out, key);
    json_string(out, "version", version[0] == '\0' ? NULL : version);
    json_uint(out, "catalogue", serial);
    json_uint(out, "root", root);
    json_object_end(out);
}

static void write_changes(struct text *out, const struct update_result *result)
{
    json_array_begin(out, "lists");
    for (size_t i = 0; i < result->change_count; i++) {
        json_object_begin(out, NULL);
        json_string(out, "list", result->changes[i].id);
        json_uint(out, "from", result->changes[i].from);
        json_uint(out, "to", result->changes[i].to);
        json_object_end(out);
    }
    json_array_end(out);
}

static void write_messages(struct text *out, const struct report *report)
{
    static const char *const words[] = {
        [REPORT_ERROR] = "error", [REPORT_WARNING] = "warning", [REPORT_NOTE] = "note"};

    json_array_begin(out, "messages");
    for (size_t i = 0; i < report->count; i++) {
        json_object_begin(out, NULL);
        json_string(out, "kind", words[report->entries[i].kind]);
        json_string(out, "text", report->entries[i].text);
        json_object_end(out);
    }
    json_array_end(out);
}

static void write_overrides(struct text *out, const struct update_options *options)
{
    json_array_begin(out, "overrides");
    for (size_t i = 0; i < options->override_count; i++) {
        json_string(out, NULL, options->overrides[i]);
    }
    json_array_end(out);
    json_string(out, "reason", options->reason);
}

void update_result_write(struct text *out, const char *key,
                         const struct update_options *options, const struct update_actor *actor,
                         const struct update_result *result)
{
    json_object_begin(out, key);
    json_uint(out, "v", 1);
    json_string(out, "kind", "update");
    write_time(out, "time", result->began_s);
    write_time(out, "ended", result->ended_s);
    json_string(out, "publisher", result->publisher);
    json_string(out, "outcome", update_outcome_word(result->outcome));
    json_bool(out, "dry_run", options->dry_run);
    json_string(out, "source", result->source[0] == '\0' ? NULL : result->source);
    write_set(out, "from", result->from, result->from_serial, result->from_root);
    write_set(out, "to", result->to, result->to_serial, result->to_root);
    write_time(out, "expires", result->expires_s);
    write_changes(out, result);
    json_uint(out, "requests", result->requests);
    json_uint(out, "octets", result->octets);
    json_uint(out, "uid", actor->uid);
    json_string(out, "user", actor->user[0] == '\0' ? NULL : actor->user);
    write_overrides(out, options);
    write_messages(out, &result->report);
    if (result->verdict != NULL) {
        text_add(out, ",\"gate\":");
        text_add(out, result->verdict);
    }
    json_object_end(out);
}

/* Where the next line begins: behind what a run that was killed may have left. */
static int end_line(int fd)
{
    const off_t end = lseek(fd, 0, SEEK_END);
    char last = '\n';

    if (end < 0) {
        return -errno;
    }
    if (end > 0 && pread(fd, &last, 1, end - 1) != 1) {
        return -EIO;
    }
    return last == '\n' ? 0 : file_write_to(fd, "\n", 1);
}

static int append(const char *directory, const char *line, size_t len)
{
    char path[PATH_MAX], before[PATH_MAX];
    struct stat status;

    if (!update_path(path, "%s/" UPDATE_JOURNAL_FILE, directory) ||
        !update_path(before, "%s/" UPDATE_JOURNAL_FILE ".1", directory)) {
        return -ENAMETOOLONG;
    }
    if (stat(path, &status) == 0 && status.st_size > UPDATE_JOURNAL_OCTETS_MAX) {
        (void)rename(path, before);
    }
    const int fd = file_open_regular(AT_FDCWD, path, O_RDWR | O_APPEND | O_CREAT, JOURNAL_MODE);
    if (fd < 0) {
        return fd;
    }
    int rc = end_line(fd);
    rc = rc == 0 ? file_write_to(fd, line, len) : rc;
    if (rc == 0 && fsync(fd) != 0) {
        rc = -errno;
    }
    close(fd);
    return rc;
}

int update_journal_add(const char *directory, const struct update_options *options,
                       const struct update_actor *actor, const struct update_result *result)
{
    char *buffer = malloc(UPDATE_LINE_MAX);
    struct update_result shorter = *result;
    struct text out;

    if (buffer == NULL) {
        return -ENOMEM;
    }
    text_init(&out, buffer, UPDATE_LINE_MAX);
    update_result_write(&out, NULL, options, actor, result);
    if (out.overflow) { /* what is in the way goes: the verdict, then what it says of each list
                         */
        shorter.verdict = NULL;
        shorter.change_count = 0;
        text_init(&out, buffer, UPDATE_LINE_MAX);
        update_result_write(&out, NULL, options, actor, &shorter);
    }
    text_add(&out, "\n");
    const int rc = out.overflow ? -ENOSPC : append(directory, out.at, out.len);
    free(buffer);
    return rc;
}

int update_journal_acknowledge(const char *directory, const struct update_actor *actor,
                               const struct update_acknowledged *what)
{
    char *buffer = malloc(UPDATE_LINE_MAX);
    struct text out;

    if (buffer == NULL) {
        return -ENOMEM;
    }
    text_init(&out, buffer, UPDATE_LINE_MAX);
    json_object_begin(&out, NULL);
    json_uint(&out, "v", 1);
    json_string(&out, "kind", "acknowledge");
    write_time(&out, "time", what->time_s);
    json_uint(&out, "uid", actor->uid);
    json_string(&out, "user", actor->user[0] == '\0' ? NULL : actor->user);
    json_string(&out, "reason", what->reason);
    json_array_begin(&out, "publishers");
    for (size_t i = 0; i < what->count; i++) {
        json_object_begin(&out, NULL);
        json_string(&out, "publisher", what->publishers[i].name);
        json_uint(&out, "catalogue", what->serials[i]);
        json_object_end(&out);
    }
    json_array_end(&out);
    write_messages(&out, what->report);
    json_object_end(&out);
    text_add(&out, "\n");
    const int rc = out.overflow ? -ENOSPC : append(directory, out.at, out.len);
    free(buffer);
    return rc;
}
