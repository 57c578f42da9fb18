/*
 * config/config.c - from a file to a checked configuration.
 *
 * The tree is walked section by section; each option is read by the kind of its row. Options
 * that the file leaves out are read from the row's default in the same way. Last come the
 * checks that look at two options.
 */
#include "config/config.h"

#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"
#include "config/schema.h"
#include "config/self.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 32 /* candidates when a name is not known; more than options in a section */

/* What became of each option. */
enum option_state {
    OPTION_ABSENT,
    OPTION_READ,
    OPTION_BAD
};

#define ROWS_MAX 256

struct option {
    enum option_state state;
    struct config_place place;
};

/* Options of the default keys, below the folder of the lists. */
static const char *const shipped_keys[] = {"keys/list-a.pub", "keys/list-b.pub",
                                           "keys/list-c.pub"};

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->key_count; i++) {
        free(config->keys[i]);
    }
    config_free_exceptions(config);
    for (size_t i = 0; i < config->record_count; i++) {
        free(config->records[i].name);
    }
    for (size_t i = 0; i < config->hosts_count; i++) {
        free(config->hosts[i]);
    }
    for (size_t i = 0; i < config->zone_file_count; i++) {
        free(config->zone_files[i]);
    }
    free(config->records);
    free(config->rebinding_allow.at);
    free(config->allow.at);
    config_free_views(config);
    config_free_publishers(config);
    config_free_sinks(config);
    config_free_when(&config->when);
    free(config->schedules);
    free(config->forward);
    free(config->user);
    free(config->contact);
    free(config->resolv_conf);
    free(config->tls_ca);
    free(config->list_directory);
    free(config->root);
    config_free_stages(config);
    config_free_sources(&config->update_sources);
    free(config->update_directory);
    free(config->update_ca);
    free(config->gate.must_resolve.at);
    free(config->events_to);
    free(config->audit_directory);
    free(config->audit_origin);
    free(config->state_directory);
    free(config->control_socket);
    free(config->http_socket);
    free(config);
}

/* Section and option names. */

static void unknown_section(struct config_reader *reader, const struct config_node *key)
{
    const char *names[NAMES_MAX];
    const char *option;
    size_t count = 0;

    for (size_t i = 0; i < config_row_count; i++) {
        for (size_t s = 0; s < config_section_count; s++) {
            if (config_row_is_in(&config_rows[i], config_sections[s].name, &option) &&
                strcmp(option, key->text) == 0) {
                report_add(reader->report, REPORT_ERROR, reader->file, key->line, key->column,
                           "\"%.200s\" stands outside its section: write it below %s:",
                           key->text, config_sections[s].name);
                return;
            }
        }
    }
    for (size_t s = 0; s < config_section_count && count < NAMES_MAX; s++) {
        if (strchr(config_sections[s].name, '.') == NULL) {
            names[count++] = config_sections[s].name;
        }
    }
    const char *near = config_nearest(key->text, names, count);
    report_add(reader->report, REPORT_ERROR, reader->file, key->line, key->column,
               "unknown section \"%.200s\"%s%s%s", key->text,
               near != NULL ? ": did you mean " : "",
               near != NULL ? near : ": see cordon.yaml(5)", near != NULL ? "?" : "");
}

void config_unknown_option(struct config_reader *reader, const char *section,
                           const struct config_node *key)
{
    const char *names[NAMES_MAX];
    const char *option;
    char all[256] = "";
    size_t count = 0;

    for (size_t i = 0; i < config_row_count; i++) {
        if (config_row_is_in(&config_rows[i], section, &option) && count < NAMES_MAX) {
            const size_t used = strlen(all);
            snprintf(all + used, sizeof(all) - used, "%s%s", count > 0 ? ", " : "", option);
            names[count++] = option;
        }
    }
    const char *near = config_nearest(key->text, names, count);
    if (near != NULL) {
        report_add(reader->report, REPORT_ERROR, reader->file, key->line, key->column,
                   "%s: unknown option \"%.200s\": did you mean %s?", section, key->text, near);
    } else {
        report_add(reader->report, REPORT_ERROR, reader->file, key->line, key->column,
                   "%s: unknown option \"%.200s\"; there are %s", section, key->text, all);
    }
}

static const struct config_section *find_section(const char *name)
{
    for (size_t i = 0; i < config_section_count; i++) {
        if (strchr(name, '.') == NULL && strcmp(config_sections[i].name, name) == 0) {
            return &config_sections[i];
        }
    }
    return NULL;
}

size_t config_find_row(const char *section, const char *name)
{
    const char *option;

    for (size_t i = 0; i < config_row_count; i++) {
        if (config_row_is_in(&config_rows[i], section, &option) && strcmp(option, name) == 0) {
            return i;
        }
    }
    return config_row_count;
}

/* Reading. */

static int read_option(struct config_reader *reader, size_t row, const struct config_node *node,
                       struct option *options)
{
    options[row].place = config_place_of(node);
    options[row].state = OPTION_BAD;
    switch (config_rows[row].kind->read(reader, &config_rows[row], node)) {
    case CONFIG_READ_OK:
        options[row].state = OPTION_READ;
        return 0;
    case CONFIG_READ_REFUSED:
        return 0;
    case CONFIG_READ_NO_MEMORY:
        return -ENOMEM;
    }
    return 0;
}

/* The section inside of a section: "gate" of "update". */
static const struct config_section *find_inner(const char *section, const char *name)
{
    const size_t len = strlen(section);

    for (size_t i = 0; i < config_section_count; i++) {
        const char *inner = config_sections[i].name;

        if (strncmp(inner, section, len) == 0 && inner[len] == '.' &&
            strcmp(inner + len + 1, name) == 0) {
            return &config_sections[i];
        }
    }
    return NULL;
}

static int read_section(struct config_reader *reader, const char *section,
                        const struct config_node *node, struct option *options)
{
    int rc = 0;

    if (node->bad || config_node_is_empty(node)) {
        return 0; /* "server:" alone: all of it by default */
    }
    if (node->kind != CONFIG_MAPPING) {
        report_add(reader->report, REPORT_ERROR, reader->file, node->line, node->column,
                   "%s: expected options below it, a line each: NAME: VALUE", section);
        return 0;
    }
    for (const struct config_node *item = node->first; item != NULL && rc == 0;
         item = item->next) {
        if (item->key->bad) {
            continue;
        }
        const size_t row = config_find_row(section, item->key->text);
        const struct config_section *inner = find_inner(section, item->key->text);
        if (inner != NULL) {
            rc = read_section(reader, inner->name, item, options);
        } else if (row == config_row_count) {
            config_unknown_option(reader, section, item->key);
        } else {
            rc = read_option(reader, row, item, options);
        }
    }
    return rc;
}

static int read_root(struct config_reader *reader, const struct config_node *root,
                     struct option *options)
{
    int rc = 0;

    if (root == NULL || root->bad || config_node_is_empty(root)) {
        return 0;
    }
    if (root->kind != CONFIG_MAPPING) {
        report_add(reader->report, REPORT_ERROR, reader->file, root->line, root->column,
                   "expected sections, a line each: server:, access:, lists: and so on");
        return 0;
    }
    for (const struct config_node *item = root->first; item != NULL && rc == 0;
         item = item->next) {
        if (item->key->bad) {
            continue;
        }
        const struct config_section *section = find_section(item->key->text);
        if (section == NULL) {
            unknown_section(reader, item->key);
        } else if (section->read != NULL) {
            rc = section->read(reader, item);
        } else {
            rc = read_section(reader, section->name, item, options);
        }
    }
    return rc;
}

/* Defaults. */

static int read_standard(struct config_reader *reader, size_t row, struct option *options)
{
    const char *text = config_rows[row].standard;
    struct config_reader own = *reader;
    struct config_node *node = NULL;

    own.file = config_rows[row].name;
    int rc = config_tree_read(text, strlen(text), own.file, NULL, &node);
    if (rc != 0) {
        return rc;
    }
    invariant(node != NULL);
    rc = read_option(&own, row, node, options);
    invariant(rc != 0 || options[row].state == OPTION_READ);
    config_tree_free(node);
    options[row].place = (struct config_place){0, 0};
    return rc;
}

static int add_shipped_keys(struct config *config)
{
    for (size_t i = 0; i < sizeof(shipped_keys) / sizeof(shipped_keys[0]); i++) {
        const size_t size = strlen(config->list_directory) + 1 + strlen(shipped_keys[i]) + 1;
        char *path = malloc(size);

        if (path == NULL) {
            return -ENOMEM;
        }
        snprintf(path, size, "%s/%s", config->list_directory, shipped_keys[i]);
        config->keys[config->key_count++] = path;
    }
    return 0;
}

static int add_standards(struct config_reader *reader, struct option *options)
{
    int rc = 0;

    for (size_t i = 0; i < config_row_count && rc == 0; i++) {
        if (options[i].state == OPTION_ABSENT && config_rows[i].standard != NULL) {
            rc = read_standard(reader, i, options);
        }
    }
    reader->config->keys_given =
        options[config_find_row("trust", "keys")].state != OPTION_ABSENT;
    if (rc == 0 && !reader->config->keys_given &&
        options[config_find_row("lists", "directory")].state == OPTION_READ) {
        rc = add_shipped_keys(reader->config);
    }
    return rc;
}

/* Checks over two options. */

static void check_upstreams(struct config_reader *reader)
{
    const struct config *config = reader->config;

    for (size_t i = 0; i < config->upstream_count; i++) {
        for (size_t j = 0; j < config->listen_count; j++) {
            if (config_is_self(&config->upstreams[i].address, &config->listen[j])) {
                char own[ADDRESS_TEXT_MAX];
                char other[ADDRESS_TEXT_MAX];
                address_format(&config->upstreams[i].address, true, other);
                address_format(&config->listen[j], true, own);
                report_add(reader->report, REPORT_ERROR, reader->file,
                           reader->upstreams[i].line, reader->upstreams[i].column,
                           "upstreams.servers: %s is this resolver itself (server.listen has "
                           "%s): name another server, or listen elsewhere",
                           other, own);
            }
        }
    }
}

/* Whoever stops the way to the servers over TLS would read what the others are asked. */
static void check_mixture(struct config_reader *reader)
{
    const struct config *config = reader->config;
    size_t tls = 0;

    for (size_t i = 0; i < config->upstream_count; i++) {
        tls += config->upstreams[i].transport == ENDPOINT_TLS;
    }
    for (size_t i = 0; tls > 0 && i < config->upstream_count; i++) {
        if (config->upstreams[i].transport != ENDPOINT_TLS) {
            report_add(reader->report, REPORT_WARNING, reader->file, reader->upstreams[i].line,
                       reader->upstreams[i].column,
                       "upstreams.servers: this server is asked in clear, the others over TLS: "
                       "questions that go to it can be read on the way");
        }
    }
    if (tls > 0 && config->upstreams_from_system) {
        report_add(reader->report, REPORT_WARNING, reader->file, 0, 0,
                   "upstreams.servers: those of the system are asked in clear, others over "
                   "TLS: questions that go to them can be read on the way");
    }
}

/* A server that stands elsewhere too, known by something else; false: there is none. */
static bool is_named_otherwise(const struct config *config, const struct endpoint *server)
{
    bool other = false;

    for (size_t i = 0; i < config->upstream_count; i++) {
        other = other || (address_equal(&config->upstreams[i].address, &server->address) &&
                          !endpoint_equal(&config->upstreams[i], server));
    }
    for (size_t i = 0; i < config->forward_count; i++) {
        const struct config_zone *zone = &config->forward[i];
        for (size_t j = 0; j < zone->count; j++) {
            other = other || (address_equal(&zone->servers[j].address, &server->address) &&
                              !endpoint_equal(&zone->servers[j], server));
        }
    }
    return other;
}

static void check_zones(struct config_reader *reader)
{
    const struct config *config = reader->config;

    for (size_t i = 0; i < config->forward_count; i++) {
        const struct config_zone *zone = &config->forward[i];

        for (size_t j = 0; j < zone->count * config->listen_count; j++) {
            const struct address *server = &zone->servers[j / config->listen_count].address;
            char text[ADDRESS_TEXT_MAX];

            if (config_is_self(server, &config->listen[j % config->listen_count])) {
                address_format(server, true, text);
                report_add(reader->report, REPORT_ERROR, reader->file, zone->line, zone->column,
                           "upstreams.zones: %s is this resolver itself: name another server",
                           text);
            }
        }
        for (size_t j = 0; j < zone->count; j++) {
            char text[ENDPOINT_TEXT_MAX];

            if (is_named_otherwise(config, &zone->servers[j])) {
                endpoint_format(&zone->servers[j], text);
                report_add(reader->report, REPORT_ERROR, reader->file, zone->line, zone->column,
                           "upstreams.zones: %s stands elsewhere with another name, other pins "
                           "or in clear: one server is known in one way",
                           text);
            }
        }
    }
}

static void check_threshold(struct config_reader *reader, const struct option *threshold,
                            const struct option *keys)
{
    const struct config *config = reader->config;
    const struct config_place place =
        threshold->place.line > 0 ? threshold->place : keys->place;

    if (config->threshold > config->key_count) {
        report_add(reader->report, REPORT_ERROR, reader->file, place.line, place.column,
                   "trust.threshold: %u signatures are asked for, but there %s %zu key%s: no "
                   "list could ever be accepted; add keys or lower it",
                   config->threshold, config->key_count == 1 ? "is" : "are", config->key_count,
                   config->key_count == 1 ? "" : "s");
    } else if (config->threshold == 1 && threshold->place.line > 0) {
        report_add(reader->report, REPORT_WARNING, reader->file, place.line, place.column,
                   "trust.threshold: 1: whoever steals one key can change the lists");
    }
}

static void check_ttls(struct config_reader *reader, const struct option *low,
                       const struct option *high)
{
    const struct config_place place = low->place.line > 0 ? low->place : high->place;

    if (reader->config->ttl_min_s > reader->config->ttl_max_s) {
        report_add(reader->report, REPORT_ERROR, reader->file, place.line, place.column,
                   "cache.ttl-min: %us is more than cache.ttl-max, %us",
                   (unsigned)reader->config->ttl_min_s, (unsigned)reader->config->ttl_max_s);
    }
}

static void check_pairs(struct config_reader *reader, const struct option *options)
{
    const struct option *events = &options[config_find_row("events", "to")];
    const struct option *publish = &options[config_find_row("audit", "publish")];
    const struct option *listen = &options[config_find_row("server", "listen")];
    const struct option *access = &options[config_find_row("access", "allow")];
    const struct option *servers = &options[config_find_row("upstreams", "servers")];
    const struct option *threshold = &options[config_find_row("trust", "threshold")];
    const struct option *keys = &options[config_find_row("trust", "keys")];
    const struct option *low = &options[config_find_row("cache", "ttl-min")];
    const struct option *high = &options[config_find_row("cache", "ttl-max")];
    const struct option *http = &options[config_find_row("http", "listen")];
    const struct option *reach = &options[config_find_row("http", "reach")];

    if (listen->state != OPTION_BAD && servers->state != OPTION_BAD) {
        check_upstreams(reader);
        check_mixture(reader);
        check_zones(reader);
    }
    if (listen->state != OPTION_BAD && access->state != OPTION_BAD) {
        config_check_views(reader, options[config_find_row("policy", "allow")].place,
                           options[config_find_row("policy", "default")].place);
    }
    config_check_redirects(reader, options[config_find_row("policy", "action")].place);
    config_check_when(reader);
    config_check_stages(reader);
    if (threshold->state != OPTION_BAD && keys->state != OPTION_BAD &&
        reader->config->key_count > 0) {
        check_threshold(reader, threshold, keys);
    }
    config_check_exceptions(
        reader, options[config_find_row("exceptions", "signed")].place,
        options[config_find_row("exceptions", "keys")].state == OPTION_BAD ||
            options[config_find_row("exceptions", "files")].state == OPTION_BAD ||
            options[config_find_row("exceptions", "threshold")].state == OPTION_BAD ||
            keys->state == OPTION_BAD);
    if (reader->config->keys_given && reader->config->root != NULL) {
        report_add(reader->report, REPORT_ERROR, reader->file, keys->place.line,
                   keys->place.column,
                   "trust.keys and trust.root: a root names the keys itself; leave one of the "
                   "two out");
    }
    if (low->state != OPTION_BAD && high->state != OPTION_BAD) {
        check_ttls(reader, low, high);
    }
    if (http->state != OPTION_BAD && reach->state != OPTION_BAD &&
        listen->state != OPTION_BAD) {
        config_check_http(reader);
    }
    if (events->state != OPTION_BAD && publish->state != OPTION_BAD) {
        config_check_events(reader, publish->place, events->place);
    }
}

int config_parse(const char *text, size_t len, const char *file, const char *folder,
                 struct report *report, struct config **config)
{
    struct option options[ROWS_MAX] = {0};
    struct config_reader reader = {.report = report, .file = file, .folder = folder};
    struct config_node *root = NULL;
    struct report counted; /* the caller may pass none, but we must know */

    invariant(config_row_count <= ROWS_MAX);
    if (len > CONFIG_OCTETS_MAX) {
        report_add(report, REPORT_ERROR, file, 0, 0,
                   "larger than 1 MiB: this is no configuration");
        return CORDON_E_TOO_LARGE;
    }
    report_init(&counted);
    if (report == NULL) {
        reader.report = &counted;
    }
    const size_t before = reader.report->errors;
    reader.config = calloc(1, sizeof(*reader.config));
    int rc = reader.config == NULL ? -ENOMEM : 0;
    if (rc == 0) {
        rc = config_tree_read(text, len, file, reader.report, &root);
    }
    if (rc == 0) {
        rc = read_root(&reader, root, options);
    }
    if (rc == 0) {
        rc = add_standards(&reader, options);
    }
    if (rc == 0) {
        check_pairs(&reader, options);
        rc = reader.report->errors > before ? CORDON_E_REFUSED : 0;
    }
    if (rc == 0) {
        *config = reader.config;
        reader.config = NULL;
    }
    config_tree_free(root);
    config_free(reader.config);
    report_deinit(&counted);
    return rc;
}

/* The absolute path of the folder that holds the file; NULL and errno. */
static char *folder_of(const char *path)
{
    char *copy = strdup(path);

    if (copy == NULL) {
        return NULL;
    }
    char *slash = strrchr(copy, '/');
    if (slash != NULL) {
        slash[slash == copy ? 1 : 0] = '\0';
    }
    char *folder = realpath(slash != NULL ? copy : ".", NULL);
    const int error = errno;
    free(copy);
    errno = error;
    return folder;
}

int config_read(const char *path, struct report *report, struct config **config)
{
    uint8_t *text = NULL;
    size_t len = 0;

    if (path == NULL) {
        return config_parse("", 0, "(defaults)", "/", report, config);
    }
    int rc = file_read(path, CONFIG_OCTETS_MAX, &text, &len);
    if (rc == CORDON_E_TOO_LARGE) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "larger than 1 MiB: this is no configuration");
        return rc;
    }
    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "cannot be read: %s", cordon_strerror(rc));
        return rc;
    }
    char *folder = folder_of(path);
    if (folder == NULL) {
        rc = -errno;
        report_add(report, REPORT_ERROR, path, 0, 0, "its folder cannot be found: %s",
                   cordon_strerror(rc));
    } else {
        rc = config_parse((const char *)text, len, path, folder, report, config);
    }
    free(folder);
    free(text);
    return rc;
}
