/* config/stages.c - how newer versions of lists are brought in: step by step. */
#include "config/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_S 60u
#define DAY_S    86400u
#define MILLE    1000u

#define SHAPE \
    "stages: [{for: 1d, mode: log}, {for: 1d, share: 10%}, {for: 12h, views: [pilot]}]"

/* "10%", "0.5%": in per mille, more than nothing and less than all. */
static enum config_read_result read_share(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node, uint16_t *share)
{
    unsigned whole = 0;
    unsigned tenth = 0;
    size_t at = 0;

    if (!config_want_scalar(reader, row, node, "a share (10%)")) {
        return CONFIG_READ_REFUSED;
    }
    const char *text = node->text;
    const size_t digits = strspn(text, "0123456789");
    for (; at < digits && digits <= 2; at++) {
        whole = 10 * whole + (unsigned)(text[at] - '0');
    }
    if (text[at] == '.' && at > 0 && text[at + 1] >= '0' && text[at + 1] <= '9') {
        tenth = (unsigned)(text[at + 1] - '0');
        at += 2;
    }
    if (at == 0 || (text[at] != '\0' && strcmp(text + at, "%") != 0) ||
        10 * whole + tenth == 0) {
        return config_fault(reader, row, node,
                            "\"%.200s\" is not a share of the clients: from 0.1%% to 99.9%%",
                            text);
    }
    *share = (uint16_t)(10 * whole + tenth);
    return CONFIG_READ_OK;
}

static enum config_read_result read_views(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node,
                                          struct config_stage *stage)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, CONFIG_VIEWS_MAX + 1, "views: [pilot]")) {
        return CONFIG_READ_REFUSED;
    }
    stage->views = calloc(node->count + 1, sizeof(stage->views[0]));
    if (stage->views == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        if (!config_want_scalar(reader, row, item, "the name of a view")) {
            result = CONFIG_READ_REFUSED;
        } else if (strlen(item->text) > CONFIG_VIEW_NAME_MAX) {
            result = config_fault(reader, row, item, "there is no view %.200s", item->text);
        } else {
            memcpy(stage->views[stage->view_count++], item->text, strlen(item->text) + 1);
        }
    }
    if (result == CONFIG_READ_OK && stage->view_count == 0) {
        result = config_fault(reader, row, node, "no view: name one, or leave the stage out");
    }
    return result;
}

/* mode: log is the only mode: a stage that enforces says for whom. */
static enum config_read_result read_mode(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    if (!config_want_scalar(reader, row, node, "log")) {
        return CONFIG_READ_REFUSED;
    }
    return strcmp(node->text, "log") == 0
               ? CONFIG_READ_OK
               : config_fault(reader, row, node,
                              "\"%.200s\" is not log: a stage records (mode: log), or says "
                              "for whom the newer version counts (share or views)",
                              node->text);
}

static enum config_read_result read_stage(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node,
                                          struct config_stage *stage)
{
    enum config_read_result result = CONFIG_READ_OK;
    unsigned ways = 0;

    if (node->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (node->kind != CONFIG_MAPPING) {
        return config_fault(reader, row, node, "expected %s", SHAPE);
    }
    stage->place = config_place_of(node);
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        const char *key = item->key->text;

        if (item->key->bad) {
            result = CONFIG_READ_REFUSED;
        } else if (strcmp(key, "for") == 0) {
            result = config_worse(result, config_read_time(reader, row, item, MINUTE_S,
                                                           90 * DAY_S, &stage->for_s));
        } else if (strcmp(key, "mode") == 0) {
            ways++;
            result = config_worse(result, read_mode(reader, row, item));
        } else if (strcmp(key, "share") == 0) {
            ways++;
            result = config_worse(result, read_share(reader, row, item, &stage->share));
        } else if (strcmp(key, "views") == 0) {
            ways++;
            result = config_worse(result, read_views(reader, row, item, stage));
        } else {
            result = config_worse(result,
                                  config_fault(reader, row, item->key,
                                               "\"%.200s\" is not known of a stage, only for, "
                                               "mode, share and views",
                                               key));
        }
    }
    if (result == CONFIG_READ_OK && (stage->for_s == 0 || ways != 1)) {
        result =
            config_fault(reader, row, node,
                         "a stage has its time (for: 1d) and one of mode: log, share: 10%% "
                         "and views: [pilot]");
    }
    return result;
}

static enum config_read_result read_stages(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    enum config_read_result result = CONFIG_READ_OK;
    struct config *config = reader->config;

    if (!node->bad && node->kind == CONFIG_SCALAR && strcmp(node->text, "none") == 0) {
        return CONFIG_READ_OK;
    }
    if (!config_want_items(reader, row, node, CONFIG_STAGES_MAX, SHAPE)) {
        return CONFIG_READ_REFUSED;
    }
    reader->stages_bad = true;
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(
            result, read_stage(reader, row, item, &config->stages[config->stage_count++]));
    }
    reader->stages_bad = result != CONFIG_READ_OK;
    return result;
}

static void print_stages(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    if (config->stage_count == 0) {
        fputs(" none", out);
    }
    for (size_t i = 0; i < config->stage_count; i++) {
        const struct config_stage *stage = &config->stages[i];

        fputs("\n    - {for:", out);
        config_print_time(stage->for_s, out);
        if (stage->share != 0 && stage->share % 10 != 0) {
            fprintf(out, ", share: %u.%u%%", stage->share / 10u, stage->share % 10u);
        } else if (stage->share != 0) {
            fprintf(out, ", share: %u%%", stage->share / 10u);
        } else if (stage->view_count == 0) {
            fputs(", mode: log", out);
        }
        for (size_t k = 0; k < stage->view_count; k++) {
            fputs(k == 0 ? ", views: [" : ", ", out);
            config_print_scalar(stage->views[k], out);
        }
        fputs(stage->view_count > 0 ? "]}" : "}", out);
    }
}

const struct config_kind config_kind_stages = {"stages", read_stages, print_stages};

void config_free_stages(struct config *config)
{
    for (size_t i = 0; i < config->stage_count; i++) {
        free(config->stages[i].views);
    }
}

/* --- what they are together --- */

static bool has_view(const struct config *config, const char *name)
{
    bool found = strcmp(name, "default") == 0;

    for (size_t i = 0; i < config->view_count && !found; i++) {
        found = strcmp(config->views[i].name, name) == 0;
    }
    return found;
}

/* Each view is there, and has the newer version from one stage on. */
static void check_views(const struct config_reader *reader, size_t number)
{
    const struct config *config = reader->config;
    const struct config_stage *stage = &config->stages[number];

    for (size_t i = 0; i < stage->view_count; i++) {
        bool twice = false;

        if (!has_view(config, stage->views[i])) {
            config_fault_at(reader, "lists.stages", stage->place, "there is no view %s",
                            stage->views[i]);
        }
        for (size_t k = 0; k <= number; k++) {
            const size_t end = k == number ? i : config->stages[k].view_count;

            for (size_t v = 0; v < end; v++) {
                twice = twice || strcmp(config->stages[k].views[v], stage->views[i]) == 0;
            }
        }
        if (twice) {
            config_fault_at(reader, "lists.stages", stage->place,
                            "view %s has the newer version already: name it once",
                            stage->views[i]);
        }
    }
}

void config_check_stages(struct config_reader *reader)
{
    const struct config *config = reader->config;
    unsigned shares = 0;
    uint16_t largest = 0;
    bool counts = false;

    if (config->stage_count == 0 || reader->stages_bad) {
        return;
    }
    const struct config_stage *first = &config->stages[0];
    for (size_t i = 0; i < config->stage_count; i++) {
        const struct config_stage *stage = &config->stages[i];

        if (stage->share == 0 && stage->view_count == 0 && counts) {
            config_fault_at(reader, "lists.stages", stage->place,
                            "mode: log comes before stages with share or views");
        }
        counts = counts || stage->share > 0 || stage->view_count > 0;
        if (stage->share > 0 && stage->share <= largest) {
            config_fault_at(reader, "lists.stages", stage->place,
                            "the share is no larger than the one before: shares rise");
        }
        shares += stage->share > 0;
        largest = stage->share > largest ? stage->share : largest;
        check_views(reader, i);
    }
    const size_t views = (config->view_count + 1) * (shares + 1u);
    if (views > CONFIG_VIEWS_MAX + 1) {
        config_fault_at(
            reader, "lists.stages", first->place,
            "with default there are %zu views, and each is needed once more for each of %u "
            "shares: %zu, and %u are the most. Take out shares (stages by views need no more), "
            "or views",
            config->view_count + 1, shares, views, CONFIG_VIEWS_MAX + 1);
    }
    if (config->list_count > CONFIG_LISTS_MAX / 2) {
        config_fault_at(
            reader, "lists.stages", first->place,
            "%zu lists in lists.use: with stages %u are the most, since each may be there in "
            "two versions",
            config->list_count, CONFIG_LISTS_MAX / 2);
    }
    if (config->lists_keep == 0) {
        config_fault_at(
            reader, "lists.stages", first->place,
            "stages need lists.keep: the version in force counts on while a newer one comes");
    }
    if (config->state_directory == NULL) {
        config_fault_at(reader, "lists.stages", first->place,
                        "stages need state.directory: what is in force is kept there");
    }
}
