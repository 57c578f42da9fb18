/* config/local.c - options that hold names of the place. */
#include "config/schema.h"

#include "wire/name.h"

#include <stdlib.h>
#include <string.h>

/* The worse of two, so that one fault does not hide the next. */
/* Records. */

static enum config_read_result add_record(struct config_reader *reader,
                                          const struct config_row *row, const char *name,
                                          const struct config_node *node)
{
    struct config *config = reader->config;
    struct address address;
    const enum config_read_result result =
        config_read_address(reader, row, node, false, &address);

    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (address.scope != 0) {
        return config_fault(reader, row, node,
                            "\"%.200s\": a record cannot name an interface of this machine",
                            node->text);
    }
    if (config->record_count == CONFIG_RECORDS_MAX) {
        return config_fault(reader, row, node, "more than %u addresses: use local.hosts",
                            CONFIG_RECORDS_MAX);
    }
    if (config->records == NULL) {
        config->records = calloc(CONFIG_RECORDS_MAX, sizeof(*config->records));
    }
    char *copy = strdup(name);
    if (config->records == NULL || copy == NULL) {
        free(copy);
        return CONFIG_READ_NO_MEMORY;
    }
    config->records[config->record_count++] = (struct config_record){copy, address};
    return CONFIG_READ_OK;
}

static enum config_read_result add_name(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *item)
{
    enum config_read_result result = CONFIG_READ_OK;
    struct wire_name name;

    if (item->key->bad || item->bad) {
        return CONFIG_READ_REFUSED;
    }
    const char *text = item->key->text;
    const enum wire_text_result read = wire_name_from_text(text, strlen(text), &name);
    if (read != WIRE_TEXT_OK || name.labels == 0) {
        return config_fault(reader, row, item->key, "\"%.200s\" is no name: %s", text,
                            read == WIRE_TEXT_OK ? "the root" : wire_text_result_words(read));
    }
    if (item->kind != CONFIG_SEQUENCE) {
        return add_record(reader, row, text, item);
    }
    if (item->count == 0) {
        return config_fault(reader, row, item, "%.200s has no address", text);
    }
    for (const struct config_node *one = item->first; one != NULL; one = one->next) {
        result = config_worse(result, add_record(reader, row, text, one));
    }
    return result;
}

static enum config_read_result read_records(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (node->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (node->kind != CONFIG_MAPPING) {
        return config_fault(reader, row, node,
                            "expected names with their addresses, a line each: printer.lan: "
                            "192.0.2.10");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_name(reader, row, item));
    }
    return result;
}

static void print_records(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    if (config->record_count == 0) {
        fputs(" {}", out);
    }
    for (size_t i = 0; i < config->record_count; i++) {
        const struct config_record *record = &config->records[i];
        const bool first = i == 0 || strcmp(record->name, record[-1].name) != 0;
        const bool last =
            i + 1 == config->record_count || strcmp(record->name, record[1].name) != 0;
        char text[ADDRESS_TEXT_MAX];

        if (first) {
            fputs("\n    ", out);
            config_print_scalar(record->name, out);
        }
        fputs(first ? ": [" : ", ", out);
        address_format(&record->address, false, text);
        config_print_scalar(text, out);
        fputs(last ? "]" : "", out);
    }
}

const struct config_kind config_kind_records = {"names and addresses", read_records,
                                                print_records};

/* Hosts files. */

static enum config_read_result add_file(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *item, char **files,
                                        size_t *count)
{
    if (!config_want_scalar(reader, row, item, "a path")) {
        return CONFIG_READ_REFUSED;
    }
    const char *words = config_path_fault(item->text);
    if (words != NULL) {
        return config_fault(reader, row, item, "\"%.200s\" %s", item->text, words);
    }
    char *path = config_join_path(reader, item->text);
    if (path == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(files[i], path) == 0) {
            free(path);
            return config_fault(reader, row, item, "\"%.200s\" stands here twice: remove one",
                                item->text);
        }
    }
    files[(*count)++] = path;
    return CONFIG_READ_OK;
}

enum config_read_result config_read_files(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node, const char *example,
                                          size_t max, char **files, size_t *count)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, max, example)) {
        return CONFIG_READ_REFUSED;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_file(reader, row, item, files, count));
    }
    return result;
}

void config_print_files(char *const *files, size_t count, FILE *out)
{
    fputs(" [", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ", ", out);
        config_print_scalar(files[i], out);
    }
    fputs("]", out);
}

static enum config_read_result read_hosts(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    return config_read_files(reader, row, node, "paths: [/etc/hosts]", CONFIG_HOSTS_MAX,
                             reader->config->hosts, &reader->config->hosts_count);
}

static void print_hosts(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_files(config->hosts, config->hosts_count, out);
}

const struct config_kind config_kind_hosts = {"paths", read_hosts, print_hosts};

static enum config_read_result read_zone_files(struct config_reader *reader,
                                               const struct config_row *row,
                                               const struct config_node *node)
{
    return config_read_files(reader, row, node, "paths: [/etc/cordon/home.zone]",
                             CONFIG_ZONE_FILES_MAX, reader->config->zone_files,
                             &reader->config->zone_file_count);
}

static void print_zone_files(const struct config *config, const struct config_row *row,
                             FILE *out)
{
    (void)row;
    config_print_files(config->zone_files, config->zone_file_count, out);
}

const struct config_kind config_kind_zone_files = {"paths", read_zone_files, print_zone_files};

/* Zones. */

static enum config_read_result add_zone(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *item, const char *root,
                                        struct config_names *names)
{
    struct wire_name name;

    if (!config_want_scalar(reader, row, item, "a name")) {
        return CONFIG_READ_REFUSED;
    }
    const enum wire_text_result read =
        wire_name_from_text(item->text, strlen(item->text), &name);
    if (read != WIRE_TEXT_OK) {
        return config_fault(reader, row, item, "\"%.200s\" is no name: %s", item->text,
                            wire_text_result_words(read));
    }
    if (name.labels == 0) {
        return config_fault(reader, row, item, "the root is every name: %s", root);
    }
    if (strncmp(item->text, "*.", 2) == 0) {
        return config_fault(reader, row, item,
                            "\"%.200s\": write %.200s: all names below it are meant, too",
                            item->text, item->text + 2);
    }
    for (size_t i = 0; i < names->count; i++) {
        if (wire_name_equal(&names->at[i], &name)) {
            return config_fault(reader, row, item, "\"%.200s\" stands here twice: remove one",
                                item->text);
        }
    }
    names->at[names->count++] = name;
    return CONFIG_READ_OK;
}

enum config_read_result config_read_names(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node, size_t max,
                                          const char *root, struct config_names *names)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, max, "names: [corp.example]")) {
        return CONFIG_READ_REFUSED;
    }
    names->at = calloc(node->count + 1, sizeof(*names->at));
    if (names->at == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_zone(reader, row, item, root, names));
    }
    return result;
}

void config_print_names(const struct config_names *names, FILE *out)
{
    fputs(" [", out);
    for (size_t i = 0; i < names->count; i++) {
        char text[WIRE_NAME_TEXT_MAX];

        wire_name_to_text(&names->at[i], text);
        fputs(i == 0 ? "" : ", ", out);
        config_print_scalar(text, out);
    }
    fputs("]", out);
}

static enum config_read_result read_zones(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    return config_read_names(reader, row, node, CONFIG_ZONES_MAX,
                             "switch local.rebinding-protection off instead",
                             &reader->config->rebinding_allow);
}

static void print_zones(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_names(&config->rebinding_allow, out);
}

const struct config_kind config_kind_zones = {"zones", read_zones, print_zones};
