#include "cli/history.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Octets of one file of it: the daemon begins another before that. */
#define HISTORY_OCTETS_MAX ((size_t)8 << 20)

static bool is_hash(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Ids become names of files. */
static bool is_id(const char *id)
{
    const size_t len = strlen(id);

    return len >= 1 && len <= 64 && id[0] != '-' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* Has it all that is promised of a set? */
static bool is_set(const json_t *set)
{
    const json_t *lists = json_object_get(set, "lists");
    const char *time = cli_string_of(set, "time");
    uint64_t wall_s = 0;

    if (cli_number_of(set, "v") != 1 || strlen(time) < 19 ||
        cli_string_of(set, "cause")[0] == '\0' || !json_is_array(lists)) {
        return false;
    }
    /* Without its fraction. */
    char seconds[CLOCK_TEXT_MAX];
    snprintf(seconds, sizeof(seconds), "%.19sZ", time);
    if (clock_parse(seconds, strlen(seconds), &wall_s) != 0) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);
        const json_t *serial = json_object_get(list, "serial");

        if (!is_id(cli_string_of(list, "id")) || !is_hash(cli_string_of(list, "hash")) ||
            !json_is_integer(serial) || json_integer_value(serial) < 0 ||
            json_integer_value(serial) > UINT32_MAX) {
            return false;
        }
    }
    return true;
}

int cli_history_parse(const char *text, size_t len, struct cli_history *history)
{
    if (history->sets == NULL) {
        history->sets = json_array();
    }
    for (const char *at = text, *const end = text + len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const size_t line = (size_t)((newline == NULL ? end : newline) - at);
        json_t *set = line > 0 ? json_loadb(at, line, JSON_REJECT_DUPLICATES, NULL) : NULL;

        if (set != NULL && is_set(set)) {
            if (json_array_append(history->sets, set) != 0) {
                json_decref(set);
                return -ENOMEM;
            }
        } else {
            history->damaged += line > 0 ? 1 : 0;
        }
        json_decref(set);
        at += line + 1;
    }
    return history->sets == NULL ? -ENOMEM : 0;
}

int cli_history_read(const char *state, struct cli_history *history)
{
    static const char *const names[] = {"history.jsonl.1", "history.jsonl"};
    char path[PATH_MAX];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < 2; i++) {
        uint8_t *text = NULL;
        size_t len = 0;

        if ((size_t)snprintf(path, sizeof(path), "%s/%s", state, names[i]) >= sizeof(path)) {
            return -ENAMETOOLONG;
        }
        rc = file_read(path, HISTORY_OCTETS_MAX, &text, &len);
        if (rc == 0) {
            rc = cli_history_parse((const char *)text, len, history);
        } else if (rc == -ENOENT) {
            rc = cli_history_parse("", 0, history);
        }
        free(text);
    }
    return rc;
}

void cli_history_free(struct cli_history *history)
{
    json_decref(history->sets);
    *history = (struct cli_history){.sets = NULL};
}

/* Seconds, of what is_set() has looked at. */
static uint64_t time_of(const json_t *set)
{
    char seconds[CLOCK_TEXT_MAX];
    uint64_t wall_s = 0;

    snprintf(seconds, sizeof(seconds), "%.19sZ", cli_string_of(set, "time"));
    (void)clock_parse(seconds, strlen(seconds), &wall_s);
    return wall_s;
}

const json_t *cli_history_at(const struct cli_history *history, uint64_t wall_s,
                             const json_t **next)
{
    const json_t *found = NULL;

    *next = NULL;
    /* In the order in which they were written: a clock that was set back is no reason to take
     * an earlier one for a later. */
    for (size_t i = 0; i < json_array_size(history->sets); i++) {
        const json_t *set = json_array_get(history->sets, i);

        if (time_of(set) <= wall_s) {
            found = set;
            *next = json_array_get(history->sets, i + 1);
        }
    }
    return found;
}

const json_t *cli_history_list(const json_t *set, const char *id)
{
    const json_t *lists = json_object_get(set, "lists");

    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);

        if (strcmp(cli_string_of(list, "id"), id) == 0) {
            return list;
        }
    }
    return NULL;
}
