/* config/lists.c - options that say which lists count, and whose keys sign them. */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

#define KEY_TEXT_OCTETS 56 /* a minisign public key: 42 octets in base64 */
#define LIST_ID_MAX     64

static const char *const mode_words[] = {
    [CONFIG_MODE_OFF] = "off", [CONFIG_MODE_LOG] = "log", [CONFIG_MODE_ENFORCE] = "enforce"};

#define MODES (sizeof(mode_words) / sizeof(mode_words[0]))

static enum config_read_result read_mode(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node,
                                         struct config_list *list)
{
    if (!config_want_scalar(reader, row, node, "a mode")) {
        return CONFIG_READ_REFUSED;
    }
    for (size_t i = 0; i < MODES; i++) {
        if (strcmp(node->text, mode_words[i]) == 0) {
            list->mode = (enum config_mode)i;
            return CONFIG_READ_OK;
        }
    }
    const char *near = config_nearest(node->text, mode_words, MODES);
    return config_fault(reader, row, node, "\"%.200s\" is not one of enforce, log, off%s%s%s",
                        node->text, near != NULL ? ": did you mean " : "",
                        near != NULL ? near : "", near != NULL ? "?" : "");
}

/* stages: off, of a list of lists.use. */
static enum config_read_result read_no_stages(struct config_reader *reader,
                                              const struct config_row *row,
                                              const struct config_node *node,
                                              struct config_list *list)
{
    if (!config_want_scalar(reader, row, node, "off")) {
        return CONFIG_READ_REFUSED;
    }
    if (strcmp(node->text, "off") != 0 || strcmp(row->name, "lists.use") != 0) {
        return config_fault(reader, row, node,
                            "expected stages: off, in lists.use alone: newer versions of this "
                            "list count at once for all");
    }
    list->no_stages = true;
    return CONFIG_READ_OK;
}

/* {mode: enforce, action: nxdomain} */
static enum config_read_result read_list_options(struct config_reader *reader,
                                                 const struct config_row *row,
                                                 const struct config_node *node,
                                                 struct config_list *list)
{
    static const char *const known[] = {"mode", "action", "stages"};
    enum config_read_result result = CONFIG_READ_OK;
    bool has_mode = false;

    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        enum config_read_result one = CONFIG_READ_REFUSED; /* as reported, if it is bad */

        if (!item->key->bad && strcmp(item->key->text, "mode") == 0) {
            has_mode = true;
            one = read_mode(reader, row, item, list);
        } else if (!item->key->bad && strcmp(item->key->text, "action") == 0) {
            one = config_read_action(reader, row, item, list->action);
        } else if (!item->key->bad && strcmp(item->key->text, "stages") == 0) {
            one = read_no_stages(reader, row, item, list);
        } else if (!item->key->bad) {
            const char *near = config_nearest(item->key->text, known, 3);
            one = config_fault(
                reader, row, item->key,
                "\"%.200s\" is not known of a list, only mode, action and stages%s%s%s",
                item->key->text, near != NULL ? ": did you mean " : "",
                near != NULL ? near : "", near != NULL ? "?" : "");
        }
        result = config_worse(result, one);
    }
    if (!has_mode && result == CONFIG_READ_OK) {
        return config_fault(reader, row, node, "%s has no mode: add mode: enforce, log or off",
                            list->id);
    }
    return result;
}

static enum config_read_result add_list(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *item,
                                        struct config_list *lists, size_t *count)
{
    struct config_list *list = &lists[*count];

    if (item->key->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (!config_is_name(item->key->text, LIST_ID_MAX)) {
        return config_fault(
            reader, row, item->key,
            "\"%.200s\" is not the id of a list: 1 to 64 of a-z 0-9 and -, not - "
            "first; the file ID.list without its ending",
            item->key->text);
    }
    *list = (struct config_list){.mode = CONFIG_MODE_OFF, .place = config_place_of(item->key)};
    snprintf(list->id, sizeof(list->id), "%s", item->key->text);
    const enum config_read_result result = item->kind == CONFIG_MAPPING && !item->bad
                                               ? read_list_options(reader, row, item, list)
                                               : read_mode(reader, row, item, list);
    if (result == CONFIG_READ_OK) {
        (*count)++;
    }
    return result;
}

enum config_read_result config_read_modes(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node,
                                          struct config_list *lists, size_t *count)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (node->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (node->kind != CONFIG_MAPPING) {
        return config_fault(reader, row, node,
                            "expected lists with their modes, a line each: huawei-cloud: "
                            "enforce");
    }
    if (node->count > CONFIG_LISTS_MAX) {
        return config_fault(reader, row, node, "%zu lists: %u are the most", node->count,
                            CONFIG_LISTS_MAX);
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_list(reader, row, item, lists, count));
    }
    return result;
}

enum config_read_result config_read_lists(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node,
                                          struct config_list *lists, size_t *count)
{
    const enum config_read_result result = config_read_modes(reader, row, node, lists, count);
    bool any = false;

    for (size_t i = 0; i < *count; i++) {
        any = any || lists[i].mode != CONFIG_MODE_OFF;
    }
    if (!any && result == CONFIG_READ_OK) {
        report_add(reader->report, REPORT_WARNING, reader->file, node->line, node->column,
                   "%s: every list is off: no list will block or record anything", row->name);
    }
    return result;
}

static enum config_read_result read_use(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *node)
{
    return config_read_lists(reader, row, node, reader->config->lists,
                             &reader->config->list_count);
}

void config_print_lists(const struct config_list *lists, size_t count, unsigned indent,
                        FILE *out)
{
    if (count == 0) {
        fputs(" {}", out);
    }
    for (size_t i = 0; i < count; i++) {
        const struct config_list *list = &lists[i];

        fprintf(out, "\n%*s", (int)indent, "");
        config_print_scalar(list->id, out);
        if (list->action[0] == '\0' && !list->no_stages) {
            fprintf(out, ": %s", mode_words[list->mode]);
            continue;
        }
        fprintf(out, ": {mode: %s", mode_words[list->mode]);
        if (list->action[0] != '\0') {
            fputs(", action: ", out);
            config_print_scalar(list->action, out);
        }
        fputs(list->no_stages ? ", stages: off}" : "}", out);
    }
}

static void print_use(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_lists(config->lists, config->list_count, 4, out);
}

const struct config_kind config_kind_use = {"lists and modes", read_use, print_use};

/* A key itself, not the path of a file that holds one. */
static bool is_key_text(const char *text)
{
    static const char base64[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

    return strlen(text) == KEY_TEXT_OCTETS && strncmp(text, "RW", 2) == 0 &&
           strspn(text, base64) == KEY_TEXT_OCTETS;
}

static enum config_read_result add_key(struct config_reader *reader,
                                       const struct config_row *row,
                                       const struct config_node *item, char **keys,
                                       size_t *count)
{
    if (!config_want_scalar(reader, row, item, "a key")) {
        return CONFIG_READ_REFUSED;
    }
    const bool is_key = is_key_text(item->text);
    const char *words = is_key ? NULL : config_path_fault(item->text);
    if (words != NULL) {
        return config_fault(reader, row, item, "\"%.200s\" %s", item->text, words);
    }
    char *text = is_key ? strdup(item->text) : config_join_path(reader, item->text);
    if (text == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(keys[i], text) == 0) {
            free(text);
            return config_fault(reader, row, item,
                                "\"%.200s\" stands here twice: a key counts once", item->text);
        }
    }
    keys[(*count)++] = text;
    return CONFIG_READ_OK;
}

enum config_read_result config_read_keys(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, char **keys,
                                         size_t *count)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, CONFIG_KEYS_MAX,
                           "keys: [PATH.pub, or the RW... line of one]")) {
        return CONFIG_READ_REFUSED;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_key(reader, row, item, keys, count));
    }
    return result;
}

static enum config_read_result read_keys(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    if (!node->bad && node->kind == CONFIG_SEQUENCE && node->count == 0) {
        return config_fault(reader, row, node,
                            "no key: no list could be trusted; leave the line out for the "
                            "shipped keys");
    }
    return config_read_keys(reader, row, node, reader->config->keys,
                            &reader->config->key_count);
}

void config_print_keys(char *const *keys, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        fputs("\n    - ", out);
        config_print_scalar(keys[i], out);
    }
}

static void print_keys(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_keys(config->keys, config->keys_given ? config->key_count : 0, out);
}

const struct config_kind config_kind_keys = {"paths or keys", read_keys, print_keys};
