/* update/history.c - the journal for people. */
#include "base/file.h"
#include "cli/cli.h"
#include "update/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* base/text.h has a json_string() of its own, which the linker takes before the library's: this
 * file only reads, and this name does not compile. */
#include <jansson.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static json_int_t catalogue_of(const json_t *run, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(run, key), "catalogue"));
}

static void print_run(const json_t *run)
{
    const json_int_t to = catalogue_of(run, "to");
    const char *reason = text_of(run, "reason");
    size_t at = 0;
    json_t *message = NULL;

    printf("%s  %s  %s%s", text_of(run, "time"), text_of(run, "publisher"),
           text_of(run, "outcome"),
           json_is_true(json_object_get(run, "dry_run")) ? " (dry run)" : "");
    if (to != 0) {
        printf("  catalogue %lld -> %lld", (long long)catalogue_of(run, "from"), (long long)to);
    } else {
        printf("  catalogue %lld", (long long)catalogue_of(run, "from"));
    }
    printf("  %s", text_of(run, "source"));
    if (text_of(run, "user")[0] != '\0') {
        printf("  by %s", text_of(run, "user"));
    }
    printf("\n");
    if (reason[0] != '\0') {
        printf("    overridden:");
        json_array_foreach(json_object_get(run, "overrides"), at, message)
        {
            printf(" %s", json_string_value(message));
        }
        printf(": %s\n", reason);
    }
    json_array_foreach(json_object_get(run, "messages"), at, message)
    {
        printf("    %s: %s\n", text_of(message, "kind"), text_of(message, "text"));
    }
}

/* The word of an operator about a loss. */
static void print_acknowledged(const json_t *word)
{
    size_t at = 0;
    json_t *one = NULL;

    printf("%s  acknowledged: what was accepted before was lost", text_of(word, "time"));
    if (text_of(word, "user")[0] != '\0') {
        printf("  by %s", text_of(word, "user"));
    }
    printf("\n    reason: %s\n", text_of(word, "reason"));
    json_array_foreach(json_object_get(word, "publishers"), at, one)
    {
        printf("    %s: from catalogue %lld on\n", text_of(one, "publisher"),
               (long long)json_integer_value(json_object_get(one, "catalogue")));
    }
}

/* Of one publisher's history it is a part, too. */
static bool is_word(const json_t *line)
{
    return strcmp(text_of(line, "kind"), "acknowledge") == 0;
}

/* One line of the journal; what is none, as of a run that was killed, is passed by. */
static void show_line(const char *line, size_t len, const char *publisher, bool json)
{
    json_t *run = json_loadb(line, len, 0, NULL);

    if (json_is_object(run) && (publisher == NULL || is_word(run) ||
                                strcmp(publisher, text_of(run, "publisher")) == 0)) {
        if (json) {
            printf("%.*s\n", (int)len, line);
        } else if (is_word(run)) {
            print_acknowledged(run);
        } else {
            print_run(run);
        }
    }
    json_decref(run);
}

/* Where the last so many lines begin. */
static const char *last_lines(const char *text, size_t len, unsigned count)
{
    const char *at = text + len;

    while (at > text) {
        if (at[-1] == '\n' && at < text + len && count-- == 1) {
            break;
        }
        at--;
    }
    return at;
}

int update_show_history(const struct update_options *options, unsigned count, bool json)
{
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = update_path(path, "%s/" UPDATE_JOURNAL_FILE, options->config->update_directory)
                 ? file_read(path, UPDATE_JOURNAL_OCTETS_MAX + UPDATE_LINE_MAX, &text, &len)
                 : -ENAMETOOLONG;

    if (rc == -ENOENT) {
        return CLI_OK;
    }
    if (rc != 0) {
        fprintf(stderr, "cordon update: %s: %s\n", path, strerror(rc > -2000 ? -rc : EIO));
        return CLI_REFUSED;
    }
    const char *at = last_lines((const char *)text, len, count);
    const char *end = (const char *)text + len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        stop = stop == NULL ? end : stop;
        show_line(at, (size_t)(stop - at), options->publisher, json);
        at = stop + 1;
    }
    free(text);
    return CLI_OK;
}
