/* config/views.c - the section views: what some clients get, and what it takes for all. */
#include "config/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTION "views.NAME"

void config_free_views(struct config *config)
{
    for (size_t i = 0; i < config->view_count; i++) {
        free(config->views[i].lists);
        free(config->views[i].allow.at);
        config_free_when(&config->views[i].when);
    }
    free(config->views);
}

/* Options of the top. */

static enum config_read_result read_allow(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    return config_read_names(reader, row, node, CONFIG_ALLOW_MAX, "write default: allow",
                             &reader->config->allow);
}

static void print_allow(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_names(&config->allow, out);
}

const struct config_kind config_kind_allow = {"names", read_allow, print_allow};

/* Options of a view. They are printed all together. */

static enum config_read_result read_clients(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    struct config_view *view = reader->view;
    const enum config_read_result result = config_read_clients(
        reader, row, node, view->clients, CONFIG_VIEW_CLIENTS_MAX, &view->client_count);

    view->clients_place = config_place_of(node);
    if (result == CONFIG_READ_OK && view->client_count == 0) {
        return config_fault(reader, row, node,
                            "no network: nobody would be in the view; leave the line out for "
                            "whoever asks at listen");
    }
    return result;
}

static enum config_read_result add_listen(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *item)
{
    struct config_view *view = reader->view;
    struct address address;
    const enum config_read_result result =
        config_read_address(reader, row, item, true, &address);

    if (result != CONFIG_READ_OK) {
        return result;
    }
    for (size_t i = 0; i < view->listen_count; i++) {
        if (address_equal(&view->listen[i], &address)) {
            return config_fault(reader, row, item, "\"%.200s\" stands here twice: remove one",
                                item->text);
        }
    }
    view->listen_places[view->listen_count] = config_place_of(item);
    view->listen[view->listen_count++] = address;
    return CONFIG_READ_OK;
}

static enum config_read_result read_listen(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, CONFIG_VIEW_LISTEN_MAX,
                           "addresses of server.listen: [192.0.2.1@53]")) {
        return CONFIG_READ_REFUSED;
    }
    if (node->count == 0) {
        return config_fault(reader, row, node,
                            "no address: nobody would be in the view; leave the line out for "
                            "all");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_listen(reader, row, item));
    }
    return result;
}

static enum config_read_result read_use(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *node)
{
    struct config_view *view = reader->view;

    view->lists = calloc(CONFIG_LISTS_MAX, sizeof(*view->lists));
    if (view->lists == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    view->has_use = true;
    return config_read_lists(reader, row, node, view->lists, &view->list_count);
}

static enum config_read_result read_mode(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    int value = 0;
    const enum config_read_result result =
        config_read_word(reader, row, node, row->words, &value);

    reader->view->has_mode = true;
    reader->view->log_only = value != 0;
    return result;
}

static enum config_read_result read_action(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    reader->view->has_action = true;
    return config_read_action(reader, row, node, reader->view->action);
}

static enum config_read_result read_sinkhole(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node)
{
    reader->view->has_sinkhole = true;
    return config_read_sinkhole(reader, row, node, &reader->view->sinkhole4,
                                &reader->view->sinkhole6);
}

static enum config_read_result read_default(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    int value = 0;
    const enum config_read_result result =
        config_read_word(reader, row, node, row->words, &value);

    reader->view->has_default = true;
    reader->view->deny = value != 0;
    return result;
}

static enum config_read_result read_view_allow(struct config_reader *reader,
                                               const struct config_row *row,
                                               const struct config_node *node)
{
    reader->view->has_allow = true;
    return config_read_names(reader, row, node, CONFIG_ALLOW_MAX, "write default: allow",
                             &reader->view->allow);
}

static enum config_read_result read_view_word(struct config_reader *reader,
                                              const struct config_row *row,
                                              const struct config_node *node)
{
    struct config_view_word *word = (void *)((char *)reader->view + row->offset);
    int value = 0;
    const enum config_read_result result =
        config_read_word(reader, row, node, row->words, &value);

    word->has = true;
    word->value = (unsigned)value;
    return result;
}

const struct config_kind config_kind_view_word = {"word", read_view_word, NULL};
const struct config_kind config_kind_view_clients = {"prefixes and words", read_clients, NULL};
const struct config_kind config_kind_view_listen = {"addresses", read_listen, NULL};
const struct config_kind config_kind_view_use = {"lists and modes", read_use, NULL};
const struct config_kind config_kind_view_mode = {"word", read_mode, NULL};
const struct config_kind config_kind_view_action = {"action", read_action, NULL};
const struct config_kind config_kind_view_sinkhole = {"addresses", read_sinkhole, NULL};
const struct config_kind config_kind_view_default = {"word", read_default, NULL};
const struct config_kind config_kind_view_allow = {"names", read_view_allow, NULL};

/* The section. */

static int read_options(struct config_reader *reader, const struct config_node *node)
{
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        if (item->key->bad) {
            continue;
        }
        const size_t number = config_find_row(SECTION, item->key->text);
        if (strcmp(item->key->text, "lists") == 0) {
            config_fault_at(reader, "views", config_place_of(item->key),
                            "%s: the lists of a view stand below use: LIST: MODE",
                            reader->view->name);
            continue;
        }
        if (number == config_row_count) {
            config_unknown_option(reader, SECTION, item->key);
            continue;
        }
        const struct config_row *row = &config_rows[number];
        const enum config_read_result result = row->kind->read(reader, row, item);
        if (result == CONFIG_READ_NO_MEMORY) {
            return -ENOMEM;
        }
        reader->view->bad = reader->view->bad || result != CONFIG_READ_OK;
    }
    return 0;
}

static int add_view(struct config_reader *reader, const struct config_node *item)
{
    const struct config_place place = config_place_of(item->key);
    struct config *config = reader->config;
    const char *name = item->key->text;

    if (item->key->bad || item->bad) {
        return 0;
    }
    if (!config_is_name(name, CONFIG_VIEW_NAME_MAX) || strcmp(name, "default") == 0) {
        config_fault_at(reader, "views", place, "\"%.200s\" is no name for a view: %s", name,
                        config_is_name(name, CONFIG_VIEW_NAME_MAX)
                            ? "so is called what stands in policy: and lists:"
                            : "1 to 24 of a-z 0-9 and -, not - first");
        return 0;
    }
    if (item->kind != CONFIG_MAPPING) {
        config_fault_at(reader, "views", config_place_of(item),
                        "%s: expected options below it, a line each: clients: [192.0.2.0/24]",
                        name);
        return 0;
    }
    reader->view = &config->views[config->view_count++];
    snprintf(reader->view->name, sizeof(reader->view->name), "%s", name);
    reader->view->place = place;
    const int rc = read_options(reader, item);
    reader->view = NULL;
    return rc;
}

int config_read_views(struct config_reader *reader, const struct config_node *node)
{
    int rc = 0;

    if (node->bad || config_node_is_empty(node)) {
        return 0;
    }
    if (node->kind != CONFIG_MAPPING) {
        config_fault_at(reader, "views", config_place_of(node),
                        "expected views, a line each: NAME: {clients: [192.0.2.0/24]}");
        return 0;
    }
    if (node->count > CONFIG_VIEWS_MAX) {
        config_fault_at(reader, "views", config_place_of(node), "%zu views: %u are the most",
                        node->count, CONFIG_VIEWS_MAX);
        return 0;
    }
    reader->config->views = calloc(node->count + 1, sizeof(*reader->config->views));
    if (reader->config->views == NULL) {
        return -ENOMEM;
    }
    for (const struct config_node *item = node->first; item != NULL && rc == 0;
         item = item->next) {
        rc = add_view(reader, item);
    }
    return rc;
}

static void print_view_word(const char *key, const struct config_word *words,
                            const struct config_view_word *word, FILE *out)
{
    while (words->word != NULL && words->value != (int)word->value) {
        words++;
    }
    fprintf(out, "    %s: %s\n", key, words->word);
}

static void print_caps(const struct config_caps *caps, FILE *out)
{
    if (caps->has_categories) {
        fputs("    categories:", out);
        config_print_categories(caps, out);
        fputc('\n', out);
    }
    if (caps->has_scopes) {
        fputs("    scopes:", out);
        config_print_scopes(caps, out);
        fputc('\n', out);
    }
    if (caps->has_confidence) {
        fputs("    confidence:", out);
        config_print_confidence(caps, out);
        fputc('\n', out);
    }
}

static void print_view(const struct config_view *view, FILE *out)
{
    fprintf(out, "  %s:\n", view->name);
    if (view->client_count > 0) {
        fputs("    clients:", out);
        config_print_clients(view->clients, view->client_count, out);
        fputc('\n', out);
    }
    for (size_t i = 0; i < view->listen_count; i++) {
        char text[ADDRESS_TEXT_MAX];

        fputs(i == 0 ? "    listen: [" : ", ", out);
        address_format(&view->listen[i], true, text);
        config_print_scalar(text, out);
        fputs(i + 1 == view->listen_count ? "]\n" : "", out);
    }
    if (view->has_use) {
        fputs("    use:", out);
        config_print_lists(view->lists, view->list_count, 6, out);
        fputc('\n', out);
    }
    if (view->has_mode) {
        fprintf(out, "    mode: %s\n", view->log_only ? "log" : "enforce");
    }
    if (view->has_action) {
        fputs("    action: ", out);
        config_print_scalar(view->action, out);
        fputc('\n', out);
    }
    if (view->has_sinkhole) {
        fputs("    sinkhole:", out);
        config_print_sinkhole(&view->sinkhole4, &view->sinkhole6, out);
        fputc('\n', out);
    }
    if (view->has_default) {
        fprintf(out, "    default: %s\n", view->deny ? "deny" : "allow");
    }
    if (view->has_allow) {
        fputs("    allow:", out);
        config_print_names(&view->allow, out);
        fputc('\n', out);
    }
    if (view->client.has) {
        print_view_word("client", config_client_words, &view->client, out);
    }
    if (view->targets.has) {
        print_view_word("targets", config_mode_words, &view->targets, out);
    }
    if (view->name_servers.has) {
        print_view_word("name-servers", config_mode_words, &view->name_servers, out);
    }
    print_caps(&view->caps, out);
    if (view->has_when) {
        fputs("    when:", out);
        config_print_when(&view->when, 6, out);
        fputc('\n', out);
    }
}

void config_print_views(const struct config *config, FILE *out)
{
    if (config->view_count > 0) {
        fputs("views:\n", out);
    }
    for (size_t i = 0; i < config->view_count; i++) {
        print_view(&config->views[i], out);
    }
}

/* Checks over more than one option. */

static bool same_prefix(const struct address_prefix *a, const struct address_prefix *b)
{
    return a->family == b->family && a->bits == b->bits &&
           memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

static bool covers(const struct address_prefix *prefix, const struct address_prefix *other)
{
    struct address address = {.family = other->family};

    memcpy(address.octets, other->octets, sizeof(address.octets));
    return prefix->bits <= other->bits && address_prefix_covers(prefix, &address);
}

static void check_listen(struct config_reader *reader, const struct config_view *view)
{
    const struct config *config = reader->config;

    for (size_t i = 0; i < view->listen_count; i++) {
        const struct address *asked = &view->listen[i];
        char text[ADDRESS_TEXT_MAX];
        bool known = false;

        for (size_t j = 0; j < config->listen_count; j++) {
            const struct address *listen = &config->listen[j];

            known = known || address_equal(listen, asked) ||
                    (address_is_any(listen) && listen->family == asked->family &&
                     listen->port == asked->port);
        }
        if (!known) {
            address_format(asked, true, text);
            config_fault_at(
                reader, "views", view->listen_places[i],
                "%s: server.listen has no %s: nobody can ask there; name it there, too",
                view->name, text);
        }
    }
}

static void check_clients(struct config_reader *reader, const struct config_view *view)
{
    const struct config *config = reader->config;

    for (size_t i = 0; i < view->client_count; i++) {
        char text[ADDRESS_TEXT_MAX];
        bool known = false;

        for (size_t j = 0; j < config->access_count; j++) {
            known = known || covers(&config->access[j], &view->clients[i]);
        }
        if (!known) {
            address_prefix_format(&view->clients[i], text);
            report_add(reader->report, REPORT_WARNING, reader->file, view->clients_place.line,
                       view->clients_place.column,
                       "views: %s: no network of access.allow covers %s: who is outside of "
                       "them is not answered",
                       view->name, text);
        }
    }
}

/* A view without clients is for all of them. */
static const struct address_prefix everyone[] = {{.family = ADDRESS_V4},
                                                 {.family = ADDRESS_V6}};

static const struct address_prefix *shared_prefix(const struct config_view *a,
                                                  const struct config_view *b)
{
    const struct address_prefix *at = a->client_count > 0 ? a->clients : everyone;
    const struct address_prefix *other = b->client_count > 0 ? b->clients : everyone;
    const size_t at_count = a->client_count > 0 ? a->client_count : 2;
    const size_t other_count = b->client_count > 0 ? b->client_count : 2;

    for (size_t i = 0; i < at_count; i++) {
        for (size_t j = 0; j < other_count; j++) {
            if (same_prefix(&at[i], &other[j])) {
                return &at[i];
            }
        }
    }
    return NULL;
}

static bool share_listener(const struct config_view *a, const struct config_view *b)
{
    for (size_t i = 0; i < a->listen_count; i++) {
        for (size_t j = 0; j < b->listen_count; j++) {
            if (address_equal(&a->listen[i], &b->listen[j])) {
                return true;
            }
        }
    }
    return a->listen_count == 0 && b->listen_count == 0;
}

/* Where two views have one condition, the second could never be chosen by it. */
static void check_alike(struct config_reader *reader, const struct config_view *view)
{
    for (const struct config_view *other = reader->config->views; other != view; other++) {
        if (other->bad) {
            continue;
        }
        const struct address_prefix *prefix =
            share_listener(other, view) ? shared_prefix(other, view) : NULL;

        if (prefix != NULL) {
            char text[ADDRESS_TEXT_MAX];

            address_prefix_format(prefix, text);
            config_fault_at(
                reader, "views", view->place,
                "%s: %s has the same clients (%s) at the same listener: which of the two "
                "would count? Name them in one",
                view->name, other->name, text);
            return;
        }
    }
}

static void check_words(struct config_reader *reader, const struct config_view *view)
{
    const struct config *config = reader->config;
    const struct config_whens *when = view->has_when ? &view->when : &config->when;
    const bool deny =
        (view->has_default ? view->deny : config->deny) || config_when_denies(when);
    const char *action = view->has_action ? view->action : config->action;

    if (view->has_allow && view->allow.count > 0 && !deny) {
        report_add(
            reader->report, REPORT_WARNING, reader->file, view->place.line, view->place.column,
            "views: %s: allow is for default: deny alone, and says nothing here", view->name);
    }
    if (deny && strcmp(action, "truncate") == 0) {
        report_add(reader->report, REPORT_WARNING, reader->file, view->place.line,
                   view->place.column,
                   "views: %s: default: deny with the action truncate denies nothing over TCP",
                   view->name);
    }
}

void config_check_views(struct config_reader *reader, struct config_place allow,
                        struct config_place deny)
{
    const struct config *config = reader->config;

    const bool denies = config->deny || config_when_denies(&config->when);
    if (config->allow.count > 0 && !denies) {
        bool used = false;

        for (size_t i = 0; i < config->view_count; i++) {
            const struct config_view *view = &config->views[i];

            used = used || (((view->has_default && view->deny) ||
                             (view->has_when && config_when_denies(&view->when))) &&
                            !view->has_allow);
        }
        if (!used) {
            report_add(reader->report, REPORT_WARNING, reader->file, allow.line, allow.column,
                       "policy.allow is for default: deny alone, and says nothing here");
        }
    }
    if (config->deny && strcmp(config->action, "truncate") == 0) {
        report_add(reader->report, REPORT_WARNING, reader->file, deny.line, deny.column,
                   "policy.default: deny with the action truncate denies nothing over TCP");
    }
    for (size_t i = 0; i < config->view_count; i++) {
        const struct config_view *view = &config->views[i];

        if (view->bad) {
            continue;
        }
        if (view->client_count == 0 && view->listen_count == 0) {
            config_fault_at(
                reader, "views", view->place,
                "%s: names neither clients nor listen: what is for all stands in policy: and "
                "lists:",
                view->name);
            continue;
        }
        check_listen(reader, view);
        check_clients(reader, view);
        check_alike(reader, view);
        check_words(reader, view);
    }
}
