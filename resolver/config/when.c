/* config/when.c - what is otherwise while a schedule holds. */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

static const struct config_word mode_words[] = {{"enforce", 0}, {"log", 1}, {NULL, 0}};
static const struct config_word default_words[] = {{"allow", 0}, {"deny", 1}, {NULL, 0}};

void config_free_when(struct config_whens *when)
{
    for (size_t i = 0; i < when->count; i++) {
        free(when->at[i].lists);
    }
    free(when->at);
}

static enum config_read_result read_lists(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node,
                                          struct config_when *when)
{
    const size_t room = node->count < CONFIG_LISTS_MAX ? node->count : CONFIG_LISTS_MAX;

    when->lists = calloc(room + 1, sizeof(*when->lists));
    return when->lists == NULL
               ? CONFIG_READ_NO_MEMORY
               : config_read_modes(reader, row, node, when->lists, &when->list_count);
}

static enum config_read_result read_schedule(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node,
                                             struct config_when *when)
{
    if (!config_want_scalar(reader, row, node, "the name of a schedule")) {
        return CONFIG_READ_REFUSED;
    }
    if (strlen(node->text) > CONFIG_VIEW_NAME_MAX) {
        return config_fault(reader, row, node, "there is no schedule \"%.200s\"", node->text);
    }
    snprintf(when->schedule, sizeof(when->schedule), "%s", node->text);
    when->place = config_place_of(node);
    return CONFIG_READ_OK;
}

static enum config_read_result read_one(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *item,
                                        struct config_when *when)
{
    static const char *const known[] = {"schedule", "mode", "action", "default", "lists"};
    const char *key = item->key->text;
    enum config_read_result result;
    int value = 0;

    if (item->key->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (strcmp(key, "schedule") == 0) {
        return read_schedule(reader, row, item, when);
    }
    if (strcmp(key, "mode") == 0) {
        result = config_read_word(reader, row, item, mode_words, &value);
        when->has_mode = true;
        when->log_only = value != 0;
        return result;
    }
    if (strcmp(key, "default") == 0) {
        result = config_read_word(reader, row, item, default_words, &value);
        when->has_default = true;
        when->deny = value != 0;
        return result;
    }
    if (strcmp(key, "action") == 0) {
        when->has_action = true;
        return config_read_action(reader, row, item, when->action);
    }
    if (strcmp(key, "lists") == 0) {
        return read_lists(reader, row, item, when);
    }
    const char *near = config_nearest(key, known, sizeof(known) / sizeof(known[0]));
    return config_fault(reader, row, item->key,
                        "\"%.200s\" is none of schedule, mode, action, default, lists%s%s%s",
                        key, near != NULL ? ": did you mean " : "", near != NULL ? near : "",
                        near != NULL ? "?" : "");
}

static enum config_read_result add_when(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *node,
                                        struct config_when *when)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (node->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (node->kind != CONFIG_MAPPING) {
        return config_fault(reader, row, node,
                            "expected a schedule and what it changes: {schedule: NAME, mode: "
                            "enforce}");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, read_one(reader, row, item, when));
    }
    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (when->schedule[0] == '\0') {
        return config_fault(reader, row, node, "when is it meant? Add schedule: NAME");
    }
    if (!when->has_mode && !when->has_action && !when->has_default && when->list_count == 0) {
        return config_fault(reader, row, node,
                            "%s changes nothing: add mode, action, default or lists",
                            when->schedule);
    }
    return result;
}

static enum config_read_result read_when(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    struct config_whens *whens =
        reader->view != NULL ? &reader->view->when : &reader->config->when;
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(
            reader, row, node, CONFIG_WHEN_MAX,
            "schedules and what they change: [{schedule: NAME, mode: enforce}]")) {
        return CONFIG_READ_REFUSED;
    }
    if (reader->view != NULL) {
        reader->view->has_when = true;
    }
    whens->at = calloc(node->count + 1, sizeof(*whens->at));
    if (whens->at == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_when(reader, row, item, &whens->at[whens->count++]));
    }
    return result;
}

void config_print_when(const struct config_whens *when, unsigned indent, FILE *out)
{
    if (when->count == 0) {
        fputs(" []", out);
    }
    for (size_t i = 0; i < when->count; i++) {
        const struct config_when *one = &when->at[i];
        const int more = (int)indent + 2;

        fprintf(out, "\n%*s- schedule: %s", (int)indent, "", one->schedule);
        if (one->has_mode) {
            fprintf(out, "\n%*smode: %s", more, "", one->log_only ? "log" : "enforce");
        }
        if (one->has_action) {
            fprintf(out, "\n%*saction: ", more, "");
            config_print_scalar(one->action, out);
        }
        if (one->has_default) {
            fprintf(out, "\n%*sdefault: %s", more, "", one->deny ? "deny" : "allow");
        }
        if (one->list_count > 0) {
            fprintf(out, "\n%*slists:", more, "");
            config_print_lists(one->lists, one->list_count, indent + 4, out);
        }
    }
}

static void print_when(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_when(&config->when, 4, out);
}

const struct config_kind config_kind_when = {"schedules and changes", read_when, print_when};

bool config_when_denies(const struct config_whens *when)
{
    for (size_t i = 0; i < when->count; i++) {
        if (when->at[i].has_default && when->at[i].deny) {
            return true;
        }
    }
    return false;
}

/* The number of a schedule, or their count. */
static size_t find(const struct config *config, const char *name)
{
    size_t i = 0;

    while (i < config->schedule_count && strcmp(config->schedules[i].name, name) != 0) {
        i++;
    }
    return i;
}

static void check_one(struct config_reader *reader, const struct config_whens *when,
                      const char *option, bool *used)
{
    const struct config *config = reader->config;
    const char *names[CONFIG_SCHEDULES_MAX];

    for (size_t i = 0; i < config->schedule_count; i++) {
        names[i] = config->schedules[i].name;
    }
    for (size_t i = 0; i < when->count; i++) {
        const struct config_when *one = &when->at[i];
        const size_t number = find(config, one->schedule);
        size_t first = 0;

        if (one->schedule[0] == '\0') {
            continue; /* reported */
        }
        while (strcmp(when->at[first].schedule, one->schedule) != 0) {
            first++;
        }
        if (number == config->schedule_count) {
            const char *near = config_nearest(one->schedule, names, config->schedule_count);

            report_add(reader->report, REPORT_ERROR, reader->file, one->place.line,
                       one->place.column, "%s: there is no schedule \"%s\"%s%s%s", option,
                       one->schedule, near != NULL ? ": did you mean " : "",
                       near != NULL ? near : ": add it to schedules:", near != NULL ? "?" : "");
            continue;
        }
        used[number] = true;
        if (first < i) {
            report_add(reader->report, REPORT_ERROR, reader->file, one->place.line,
                       one->place.column,
                       "%s: %s stands here twice: the second would never count", option,
                       one->schedule);
        }
    }
}

void config_check_when(struct config_reader *reader)
{
    const struct config *config = reader->config;
    bool used[CONFIG_SCHEDULES_MAX] = {false};

    check_one(reader, &config->when, "policy.when", used);
    for (size_t i = 0; i < config->view_count; i++) {
        char option[CONFIG_VIEW_NAME_MAX + 16];

        snprintf(option, sizeof(option), "views.%s.when", config->views[i].name);
        check_one(reader, &config->views[i].when, option, used);
    }
    for (size_t i = 0; i < config->schedule_count; i++) {
        const struct config_schedule *schedule = &config->schedules[i];

        if (!used[i]) {
            report_add(reader->report, REPORT_WARNING, reader->file, schedule->place.line,
                       schedule->place.column,
                       "schedules: %s is in no when: it changes nothing", schedule->name);
        }
    }
}
