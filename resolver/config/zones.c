/* config/zones.c - zones with upstreams of their own. */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

static enum config_read_result add_server(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *item,
                                          struct config_zone *zone)
{
    struct endpoint endpoint;
    const enum config_read_result result = config_read_endpoint(reader, row, item, &endpoint);

    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (config_has_server(zone->servers, zone->count, &endpoint)) {
        return config_server_twice(reader, row, item, &endpoint);
    }
    zone->servers[zone->count++] = endpoint;
    return CONFIG_READ_OK;
}

static enum config_read_result read_servers(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            struct config_zone *zone)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, CONFIG_ZONE_SERVERS_MAX,
                           "servers: [192.0.2.53, \"[2001:db8::53]@5353\"]")) {
        return CONFIG_READ_REFUSED;
    }
    if (node->count == 0) {
        return config_fault(reader, row, node, "no server: nobody could be asked");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_server(reader, row, item, zone));
    }
    return result;
}

static enum config_read_result read_policy(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node,
                                           struct config_zone *zone)
{
    if (!config_want_scalar(reader, row, node, "apply or exempt")) {
        return CONFIG_READ_REFUSED;
    }
    zone->exempt = strcmp(node->text, "exempt") == 0;
    if (!zone->exempt && strcmp(node->text, "apply") != 0) {
        return config_fault(reader, row, node, "\"%.200s\" is not one of apply, exempt",
                            node->text);
    }
    return CONFIG_READ_OK;
}

static enum config_read_result read_choose(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node,
                                           struct config_zone *zone)
{
    int value = 0;
    const enum config_read_result result =
        config_read_word(reader, row, node, config_choose_words, &value);

    zone->has_choose = true;
    zone->choose = (enum config_choose)value;
    return result;
}

/* {servers: [...], choose: ordered, policy: exempt} */
static enum config_read_result read_options(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            struct config_zone *zone)
{
    enum config_read_result result = CONFIG_READ_OK;
    bool has_servers = false;

    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        if (item->key->bad) {
            result = config_worse(result, CONFIG_READ_REFUSED);
        } else if (strcmp(item->key->text, "servers") == 0) {
            has_servers = true;
            result = config_worse(result, read_servers(reader, row, item, zone));
        } else if (strcmp(item->key->text, "choose") == 0) {
            result = config_worse(result, read_choose(reader, row, item, zone));
        } else if (strcmp(item->key->text, "policy") == 0) {
            result = config_worse(result, read_policy(reader, row, item, zone));
        } else {
            result = config_worse(
                result, config_fault(reader, row, item->key,
                                     "\"%.200s\" is not known of a zone, only servers, "
                                     "choose and policy",
                                     item->key->text));
        }
    }
    if (!has_servers && result == CONFIG_READ_OK) {
        return config_fault(reader, row, node,
                            "the zone has no servers: add servers: [ADDRESS]");
    }
    return result;
}

static enum config_read_result add_zone(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *item)
{
    struct config *config = reader->config;
    struct config_zone *zone = &config->forward[config->forward_count];

    if (item->key->bad || item->bad) {
        return CONFIG_READ_REFUSED;
    }
    const char *text = item->key->text;
    const enum wire_text_result read = wire_name_from_text(text, strlen(text), &zone->name);
    if (read != WIRE_TEXT_OK || zone->name.labels == 0) {
        return config_fault(reader, row, item->key, "\"%.200s\" is no zone: %s", text,
                            read == WIRE_TEXT_OK ? "for all names there is upstreams.servers"
                                                 : wire_text_result_words(read));
    }
    for (size_t i = 0; i < config->forward_count; i++) {
        if (wire_name_equal(&config->forward[i].name, &zone->name)) {
            return config_fault(reader, row, item->key,
                                "\"%.200s\" stands here twice: remove one", text);
        }
    }
    zone->line = item->key->line;
    zone->column = item->key->column;
    const enum config_read_result result = item->kind == CONFIG_MAPPING
                                               ? read_options(reader, row, item, zone)
                                               : read_servers(reader, row, item, zone);
    config->forward_count += result == CONFIG_READ_OK;
    return result;
}

static enum config_read_result read_forward(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    struct config *config = reader->config;
    enum config_read_result result = CONFIG_READ_OK;

    if (node->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (node->kind != CONFIG_MAPPING) {
        return config_fault(reader, row, node,
                            "expected zones with their servers, a line each: corp.example: "
                            "[192.0.2.53]");
    }
    if (node->count > CONFIG_FORWARD_MAX) {
        return config_fault(reader, row, node, "%zu zones: %u are the most", node->count,
                            CONFIG_FORWARD_MAX);
    }
    config->forward = calloc(node->count + 1, sizeof(*config->forward));
    if (config->forward == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_zone(reader, row, item));
        memset(&config->forward[config->forward_count], 0, sizeof(*config->forward));
    }
    return result;
}

static void print_forward(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    if (config->forward_count == 0) {
        fputs(" {}", out);
    }
    for (size_t i = 0; i < config->forward_count; i++) {
        const struct config_zone *zone = &config->forward[i];
        char text[WIRE_NAME_TEXT_MAX];

        wire_name_to_text(&zone->name, text);
        fputs("\n    ", out);
        config_print_scalar(text, out);
        const bool long_form = zone->exempt || zone->has_choose;
        fputs(long_form ? ": {servers: [" : ": [", out);
        for (size_t j = 0; j < zone->count; j++) {
            fputs(j == 0 ? "" : ", ", out);
            config_print_endpoint(&zone->servers[j], out);
        }
        fputs("]", out);
        if (zone->has_choose) {
            fprintf(out, ", choose: %s", config_choose_words[zone->choose].word);
        }
        fputs(zone->exempt ? ", policy: exempt" : "", out);
        fputs(long_form ? "}" : "", out);
    }
}

const struct config_kind config_kind_forward = {"zones and servers", read_forward,
                                                print_forward};
