/* config/publishers.c - publishers of lists beside that of lists.directory, and of what each
 * may speak. */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

#define ID_MAX 64u

/* A sequence of ids, each once. */
static enum config_read_result read_ids(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *node, size_t max,
                                        char (*ids)[65], size_t *count)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, max, "ids: [one, two]")) {
        return CONFIG_READ_REFUSED;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        if (!config_want_scalar(reader, row, item, "an id")) {
            result = config_worse(result, CONFIG_READ_REFUSED);
        } else if (!config_is_name(item->text, ID_MAX)) {
            result = config_worse(result,
                                  config_fault(reader, row, item,
                                               "\"%.200s\" is no id: 1 to 64 of a-z 0-9 and -, "
                                               "not - first",
                                               item->text));
        } else {
            memcpy(ids[(*count)++], item->text, strlen(item->text) + 1);
        }
    }
    return result;
}

static enum config_read_result read_option(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *item, void *context)
{
    struct config_publisher *publisher = context;
    const char *key = item->key->text;

    if (strcmp(key, "directory") == 0) {
        return config_read_path(reader, row, item, &publisher->directory);
    }
    if (strcmp(key, "root") == 0) {
        return config_read_path(reader, row, item, &publisher->root);
    }
    if (strcmp(key, "lists") == 0) {
        return read_ids(reader, row, item, CONFIG_PUBLISHER_LISTS_MAX, publisher->lists,
                        &publisher->list_count);
    }
    if (strcmp(key, "providers") == 0) {
        return read_ids(reader, row, item, CONFIG_PUBLISHER_SCOPE_MAX, publisher->providers,
                        &publisher->provider_count);
    }
    if (strcmp(key, "names") == 0) {
        return config_read_names(reader, row, item, CONFIG_PUBLISHER_SCOPE_MAX,
                                 "name the zones that it may speak of", &publisher->names);
    }
    if (strcmp(key, "prefixes") == 0) {
        return config_read_clients(reader, row, item, publisher->prefixes,
                                   CONFIG_PUBLISHER_SCOPE_MAX, &publisher->prefix_count);
    }
    if (strcmp(key, "sources") == 0) {
        return config_read_sources(reader, row, item, &publisher->sources);
    }
    return config_fault(reader, row, item->key,
                        "\"%.200s\" is not known of a publisher, only directory, root, lists, "
                        "providers, names, prefixes and sources",
                        key);
}

/* Each list has one publisher. */
static enum config_read_result check_lists(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node,
                                           const struct config_publisher *publisher)
{
    for (size_t i = 0; i < publisher->list_count; i++) {
        size_t found = 0;

        for (const struct config_publisher *other = reader->config->publishers;
             other <= publisher; other++) {
            for (size_t k = 0; k < other->list_count; k++) {
                found += strcmp(other->lists[k], publisher->lists[i]) == 0;
            }
        }
        if (found > 1) {
            return config_fault(reader, row, node,
                                "the list %s is named twice: each has one publisher",
                                publisher->lists[i]);
        }
    }
    return CONFIG_READ_OK;
}

static enum config_read_result add_publisher(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *item, void *context)
{
    struct config *config = context;
    struct config_publisher *publisher = &config->publishers[config->publisher_count];

    if (!config_is_name(item->key->text, ID_MAX) || item->kind != CONFIG_MAPPING) {
        return config_fault(reader, row, item->key,
                            "expected the id of a publisher, as its root names it, and behind "
                            "it {directory: PATH, root: PATH, lists: [...], providers: [...], "
                            "names: [...]}");
    }
    config->publisher_count++; /* from here on it is freed with the others */
    memcpy(publisher->name, item->key->text, strlen(item->key->text) + 1);
    const enum config_read_result result =
        config_read_each(reader, row, item, read_option, publisher);
    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (publisher->directory == NULL || publisher->root == NULL || publisher->list_count == 0) {
        return config_fault(reader, row, item->key,
                            "%s needs directory, root (the one that you pin) and lists",
                            publisher->name);
    }
    if (publisher->provider_count == 0 ||
        (publisher->names.count == 0 && publisher->prefix_count == 0)) {
        return config_fault(reader, row, item->key,
                            "%s has no scope: say of which providers, and of which names or "
                            "prefixes, its lists may speak",
                            publisher->name);
    }
    return check_lists(reader, row, item->key, publisher);
}

static enum config_read_result read_publishers(struct config_reader *reader,
                                               const struct config_row *row,
                                               const struct config_node *node)
{
    struct config *config = reader->config;

    if (node->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (node->kind != CONFIG_MAPPING || node->count > CONFIG_PUBLISHERS_MAX) {
        return config_fault(reader, row, node,
                            "expected at most %u publishers, a line each: ID: {...}",
                            CONFIG_PUBLISHERS_MAX);
    }
    config->publishers = calloc(node->count + 1, sizeof(*config->publishers));
    if (config->publishers == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    return config_read_each(reader, row, node, add_publisher, config);
}

static void print_ids(const char *name, char (*ids)[65], size_t count, FILE *out)
{
    fprintf(out, "\n      %s: [", name);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ", " : "", out);
        config_print_scalar(ids[i], out);
    }
    fputs("]", out);
}

static void print_publishers(const struct config *config, const struct config_row *row,
                             FILE *out)
{
    (void)row;
    for (size_t i = 0; i < config->publisher_count; i++) {
        struct config_publisher *publisher = &config->publishers[i];

        fputs("\n    ", out);
        config_print_scalar(publisher->name, out);
        fputs(":\n      directory: ", out);
        config_print_scalar(publisher->directory, out);
        fputs("\n      root: ", out);
        config_print_scalar(publisher->root, out);
        print_ids("lists", publisher->lists, publisher->list_count, out);
        print_ids("providers", publisher->providers, publisher->provider_count, out);
        if (publisher->names.count > 0) {
            fputs("\n      names:", out);
            config_print_names(&publisher->names, out);
        }
        if (publisher->prefix_count > 0) {
            fputs("\n      prefixes:", out);
            config_print_clients(publisher->prefixes, publisher->prefix_count, out);
        }
        if (publisher->sources.count > 0) {
            fputs("\n      sources:", out);
            config_print_sources(&publisher->sources, out);
        }
    }
}

void config_free_publishers(struct config *config)
{
    for (size_t i = 0; i < config->publisher_count; i++) {
        free(config->publishers[i].directory);
        free(config->publishers[i].root);
        free(config->publishers[i].names.at);
        config_free_sources(&config->publishers[i].sources);
    }
    free(config->publishers);
}

const struct config_kind config_kind_publishers = {"publishers", read_publishers,
                                                   print_publishers};
