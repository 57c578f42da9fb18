/* config/caps.c - options that say how much rules may do, by what the lists say of them. */
#include "config/schema.h"

#include <string.h>

const char *const config_scope_words[CONFIG_SCOPES] = {"cloud", "cdn", "nameserver",
                                                       "corporate", "consumer"};
static const char *const confidence_words[] = {"low", "medium", "high"};

#define CONFIDENCES (sizeof(confidence_words) / sizeof(confidence_words[0]))

static const struct config_word mode_words[] = {{"off", CONFIG_MODE_OFF},
                                                {"log", CONFIG_MODE_LOG},
                                                {"enforce", CONFIG_MODE_ENFORCE},
                                                {NULL, 0}};
static const struct config_word degrees[] = {{"low", 0}, {"medium", 1}, {"high", 2}, {NULL, 0}};

/* The view that is read now, or what is for all others. */
static struct config_caps *caps_of(struct config_reader *reader)
{
    return reader->view != NULL ? &reader->view->caps : &reader->config->caps;
}

static bool want_mapping(struct config_reader *reader, const struct config_row *row,
                         const struct config_node *node, size_t max, const char *example)
{
    if (node->bad) {
        return false;
    }
    if (node->kind != CONFIG_MAPPING) {
        config_fault(reader, row, node, "expected %s", example);
        return false;
    }
    if (node->count > max) {
        config_fault(reader, row, node, "%zu entries: %zu are the most", node->count, max);
        return false;
    }
    return true;
}

static bool is_category(const char *text)
{
    const size_t len = strlen(text);

    return len >= 1 && len <= CONFIG_CATEGORY_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static enum config_read_result read_categories(struct config_reader *reader,
                                               const struct config_row *row,
                                               const struct config_node *node)
{
    struct config_caps *caps = caps_of(reader);
    enum config_read_result result = CONFIG_READ_OK;
    int mode = 0;

    if (!want_mapping(reader, row, node, CONFIG_CATEGORIES_MAX,
                      "categories with modes: {package-mirror: log, public-dns: off}")) {
        return CONFIG_READ_REFUSED;
    }
    caps->has_categories = true;
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        enum config_read_result one = CONFIG_READ_REFUSED;

        if (!item->key->bad && !is_category(item->key->text)) {
            config_fault(reader, row, item->key,
                         "\"%.200s\" is no word for a category: 1 to %u of a-z 0-9 and -",
                         item->key->text, CONFIG_CATEGORY_MAX);
        } else if (!item->key->bad) {
            one = config_read_word(reader, row, item, mode_words, &mode);
        }
        if (one == CONFIG_READ_OK) {
            struct config_category *category = &caps->categories[caps->category_count++];

            snprintf(category->word, sizeof(category->word), "%s", item->key->text);
            category->mode = (enum config_mode)mode;
        }
        result = config_worse(result, one);
    }
    return result;
}

static size_t find_word(const char *const *words, size_t count, const char *text)
{
    size_t i = 0;

    while (i < count && strcmp(words[i], text) != 0) {
        i++;
    }
    return i;
}

static enum config_read_result unknown_key(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *key, const char *all,
                                           const char *const *words, size_t count)
{
    const char *near = config_nearest(key->text, words, count);

    return config_fault(reader, row, key, "\"%.200s\" is not one of %s%s%s%s", key->text, all,
                        near != NULL ? ": did you mean " : "", near != NULL ? near : "",
                        near != NULL ? "?" : "");
}

static enum config_read_result read_scopes(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    struct config_caps *caps = caps_of(reader);
    enum config_read_result result = CONFIG_READ_OK;
    int mode = 0;

    if (!want_mapping(reader, row, node, CONFIG_SCOPES,
                      "scopes with modes: {consumer: log, cdn: off}")) {
        return CONFIG_READ_REFUSED;
    }
    caps->has_scopes = true;
    memset(caps->scopes, CONFIG_MODE_ENFORCE, sizeof(caps->scopes));
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        enum config_read_result one = CONFIG_READ_REFUSED;

        if (!item->key->bad) {
            const size_t scope = find_word(config_scope_words, CONFIG_SCOPES, item->key->text);

            one = scope == CONFIG_SCOPES
                      ? unknown_key(reader, row, item->key,
                                    "cloud, cdn, nameserver, corporate, consumer",
                                    config_scope_words, CONFIG_SCOPES)
                      : config_read_word(reader, row, item, mode_words, &mode);
            if (one == CONFIG_READ_OK) {
                caps->scopes[scope] = (uint8_t)mode;
            }
        }
        result = config_worse(result, one);
    }
    return result;
}

/* {log: low, apply: medium}; apply is at least log. */
static enum config_read_result read_confidence(struct config_reader *reader,
                                               const struct config_row *row,
                                               const struct config_node *node)
{
    static const char *const keys[] = {"log", "apply"};
    struct config_caps *caps = caps_of(reader);
    enum config_read_result result = CONFIG_READ_OK;
    int least[2] = {0, -1};

    if (!want_mapping(reader, row, node, 2, "{log: low, apply: medium}")) {
        return CONFIG_READ_REFUSED;
    }
    caps->has_confidence = true;
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        enum config_read_result one = CONFIG_READ_REFUSED;

        if (!item->key->bad) {
            const size_t key = find_word(keys, 2, item->key->text);

            one = key == 2 ? unknown_key(reader, row, item->key, "log, apply", keys, 2)
                           : config_read_word(reader, row, item, degrees, &least[key]);
        }
        result = config_worse(result, one);
    }
    if (result == CONFIG_READ_OK && least[1] >= 0 && least[1] < least[0]) {
        return config_fault(reader, row, node,
                            "apply: %s is below log: %s: what is blocked is recorded, too; "
                            "raise apply or lower log",
                            confidence_words[least[1]], confidence_words[least[0]]);
    }
    caps->log = (uint8_t)least[0];
    caps->apply = (uint8_t)(least[1] < 0 ? least[0] : least[1]);
    return result;
}

void config_print_categories(const struct config_caps *caps, FILE *out)
{
    fputs(" {", out);
    for (size_t i = 0; i < caps->category_count; i++) {
        fputs(i > 0 ? ", " : "", out);
        config_print_scalar(caps->categories[i].word, out);
        fprintf(out, ": %s", mode_words[caps->categories[i].mode].word);
    }
    fputs("}", out);
}

void config_print_scopes(const struct config_caps *caps, FILE *out)
{
    const char *comma = "";

    fputs(" {", out);
    for (size_t i = 0; i < CONFIG_SCOPES; i++) {
        if (caps->scopes[i] != CONFIG_MODE_ENFORCE) {
            fprintf(out, "%s%s: %s", comma, config_scope_words[i],
                    mode_words[caps->scopes[i]].word);
            comma = ", ";
        }
    }
    fputs("}", out);
}

void config_print_confidence(const struct config_caps *caps, FILE *out)
{
    fprintf(out, " {log: %s, apply: %s}", confidence_words[caps->log],
            confidence_words[caps->apply]);
}

static void print_categories(const struct config *config, const struct config_row *row,
                             FILE *out)
{
    (void)row;
    config_print_categories(&config->caps, out);
}

static void print_scopes(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_scopes(&config->caps, out);
}

static void print_confidence(const struct config *config, const struct config_row *row,
                             FILE *out)
{
    (void)row;
    config_print_confidence(&config->caps, out);
}

const struct config_kind config_kind_categories = {"categories and modes", read_categories,
                                                   print_categories};
const struct config_kind config_kind_scopes = {"scopes and modes", read_scopes, print_scopes};
const struct config_kind config_kind_confidence = {"log and apply", read_confidence,
                                                   print_confidence};
