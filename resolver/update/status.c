/* update/status.c - what is in force, what is kept, how sources do, what runs did. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "update/journal.h"
#include "update/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOCUMENT_OCTETS (1u << 20)
#define SHOWN_VERSIONS  100u

/* Of one publisher. */
struct shown {
    struct update_place place;
    struct update_memory memory;
    char version[UPDATE_VERSION_MAX];
    char versions[SHOWN_VERSIONS][UPDATE_VERSION_MAX];
    size_t version_count;
    struct trust_catalogue *catalogue; /* NULL: none is in force */
    enum trust_state state;
};

static void look(const struct config *config, const struct update_publisher *publisher,
                 uint64_t now_s, struct shown *shown)
{
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t len = 0;

    memset(shown, 0, sizeof(*shown));
    if (!update_place_name(config->update_directory, publisher->name, &shown->place)) {
        return;
    }
    update_place_in_force(&shown->place, shown->version);
    shown->version_count = update_place_list(&shown->place, shown->versions, SHOWN_VERSIONS);
    if (shown->version_count > SHOWN_VERSIONS) {
        shown->version_count = SHOWN_VERSIONS;
    }
    if (update_path(path, "%s/sources.json", shown->place.base)) {
        update_memory_read(path, publisher->sources, &shown->memory);
    }
    if (update_path(path, "%s/catalogue", shown->place.current) &&
        file_read(path, TRUST_CATALOGUE_OCTETS_MAX, &text, &len) == 0) {
        (void)trust_catalogue_parse((const char *)text, len, path, NULL, &shown->catalogue);
        free(text);
    }
    if (shown->catalogue != NULL) {
        shown->state = trust_state_at(shown->catalogue->expires_s, UINT64_MAX,
                                      shown->catalogue->created_s, now_s);
    }
}

static void write_time(struct text *out, const char *key, uint64_t at_s)
{
    char text[CLOCK_TEXT_MAX];

    clock_format_s(at_s, text);
    json_string(out, key, at_s == 0 ? NULL : text);
}

static void write_one(struct text *out, const struct update_publisher *publisher,
                      const struct shown *shown, uint64_t now_s)
{
    json_object_begin(out, NULL);
    json_string(out, "publisher", publisher->name);
    json_string(out, "current", shown->place.current);
    json_string(out, "version", shown->version[0] == '\0' ? NULL : shown->version);
    json_uint(out, "catalogue", shown->catalogue == NULL ? 0 : shown->catalogue->serial);
    write_time(out, "created", shown->catalogue == NULL ? 0 : shown->catalogue->created_s);
    write_time(out, "expires", shown->catalogue == NULL ? 0 : shown->catalogue->expires_s);
    json_string(out, "state", shown->catalogue == NULL ? NULL : trust_state_word(shown->state));
    json_array_begin(out, "versions");
    for (size_t i = 0; i < shown->version_count; i++) {
        json_string(out, NULL, shown->versions[i]);
    }
    json_array_end(out);
    json_array_begin(out, "sources");
    for (size_t i = 0; i < publisher->sources->count; i++) {
        const struct update_known *known = &shown->memory.at[i];

        json_object_begin(out, NULL);
        json_string(out, "source", publisher->sources->at[i]);
        write_time(out, "tried", known->tried_s);
        write_time(out, "answered", known->answered_s);
        json_uint(out, "failures", known->failures);
        write_time(out, "last_until", known->last_until_s > now_s ? known->last_until_s : 0);
        json_string(out, "why", known->why[0] == '\0' ? NULL : known->why);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

static void print_one(const struct update_publisher *publisher, const struct shown *shown,
                      uint64_t now_s)
{
    char text[CLOCK_TEXT_MAX], span[32];

    printf("%s\n", publisher->name);
    if (shown->catalogue == NULL) {
        printf("  in force   nothing in %s\n", shown->place.current);
    } else {
        clock_format_s(shown->catalogue->expires_s, text);
        printf("  in force   catalogue %" PRIu32 ", %zu lists, %s, until %s\n",
               shown->catalogue->serial, shown->catalogue->count,
               trust_state_word(shown->state), text);
        printf("  folder     %s%s%s\n", shown->place.current,
               shown->version[0] == '\0' ? "" : " -> versions/", shown->version);
    }
    printf("  kept       %zu version%s\n", shown->version_count,
           shown->version_count == 1 ? "" : "s");
    for (size_t i = 0; i < publisher->sources->count; i++) {
        const struct update_known *known = &shown->memory.at[i];

        printf("  source     %s: ", publisher->sources->at[i]);
        if (known->tried_s == 0) {
            printf("not asked yet\n");
        } else if (known->failures == 0) {
            printf("answered %s ago\n",
                   cli_span(now_s > known->answered_s ? now_s - known->answered_s : 0, span));
        } else {
            printf("failed %u time%s, last %s ago: %s\n", known->failures,
                   known->failures == 1 ? "" : "s",
                   cli_span(now_s > known->tried_s ? now_s - known->tried_s : 0, span),
                   known->why);
        }
    }
}

/* Is what was accepted before there? "whole", "lost", or NULL where this user may not look. */
static const char *look_at_ratchet(const struct config *config, struct report *report)
{
    struct trust_ratchet *ratchet = NULL;
    char path[PATH_MAX];

    if (!update_path(path, "%s/" TRUST_RATCHET_FILE, config->update_directory) ||
        (access(path, R_OK) != 0 && errno == EACCES)) {
        return NULL;
    }
    if (trust_ratchet_read(path, NULL, &ratchet) == 0) {
        trust_ratchet_free(ratchet);
        return "whole";
    }
    report_add(report, REPORT_ERROR, path, 0, 0,
               "what was accepted before cannot be read, and nothing new is taken: restore it "
               "from a copy, or `cordon update acknowledge` (cordon-update(8))");
    return "lost";
}

int update_show_status(const struct update_options *options, bool json)
{
    struct update_publisher *publishers =
        calloc(CONFIG_PUBLISHERS_MAX + 1, sizeof(*publishers));
    struct shown *shown = calloc(1, sizeof(*shown));
    char *buffer = malloc(DOCUMENT_OCTETS);
    const uint64_t now_s = clock_read().wall_us / 1000000;
    bool attention = false;
    struct report report;
    struct text out;
    size_t count = 0;

    report_init(&report);
    if (publishers == NULL || shown == NULL || buffer == NULL) {
        report_add(&report, REPORT_ERROR, "status", 0, 0, "%s", cordon_strerror(-ENOMEM));
    } else {
        count = update_publishers(options, &report, publishers);
        text_init(&out, buffer, DOCUMENT_OCTETS);
        json_object_begin(&out, NULL);
        json_uint(&out, "v", 1);
        write_time(&out, "time", now_s);
        json_string(&out, "directory", options->config->update_directory);
        json_string(&out, "ratchet", look_at_ratchet(options->config, &report));
        json_array_begin(&out, "publishers");
        for (size_t i = 0; i < count; i++) {
            look(options->config, &publishers[i], now_s, shown);
            write_one(&out, &publishers[i], shown, now_s);
            if (!json) {
                print_one(&publishers[i], shown, now_s);
            }
            attention |= shown->catalogue == NULL || shown->state != TRUST_FRESH;
            trust_catalogue_free(shown->catalogue);
        }
        json_array_end(&out);
        json_object_end(&out);
        if (json) {
            puts(out.at);
        } else if (count == 0) {
            puts("no publisher has sources: update.sources names them (cordon.yaml(5))");
        }
    }
    report_print(&report, stderr);
    const int code = report.errors > 0 || attention ? CLI_REFUSED : CLI_OK;
    report_deinit(&report);
    free(publishers);
    free(shown);
    free(buffer);
    return code;
}
