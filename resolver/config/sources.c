/* config/sources.c - where the updater fetches the lists of a publisher: URLs and folders. */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

enum config_source_kind config_source_kind(const char *source)
{
    if (strncmp(source, "https://", 8) == 0) {
        return CONFIG_SOURCE_HTTPS;
    }
    if (strncmp(source, "http://", 7) == 0) {
        return CONFIG_SOURCE_HTTP;
    }
    return strstr(source, "://") != NULL ? CONFIG_SOURCE_NONE : CONFIG_SOURCE_FOLDER;
}

/* HOST or [IPv6], and behind it :PORT. *at is then what follows. */
static const char *authority_fault(const char **at)
{
    static const char digits[] = "0123456789";
    const bool literal = **at == '[';
    const size_t len =
        literal
            ? strspn(*at + 1, "0123456789abcdefABCDEF:.")
            : strspn(*at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");

    if (len == 0 || len > 253 || (literal && (*at)[len + 1] != ']')) {
        return "has no host: write https://HOST/FOLDER";
    }
    *at += len + (literal ? 2 : 0);
    if (**at == ':') {
        const size_t port_len = strspn(*at + 1, digits);
        const unsigned long port = port_len <= 5 ? strtoul(*at + 1, NULL, 10) : 0;

        if (port == 0 || port > 65535) {
            return "has no port behind the colon that there is: 1 to 65535";
        }
        *at += 1 + port_len;
    }
    return **at == '\0' || **at == '/'
               ? NULL
               : "has something behind its host that is no folder: write https://HOST/FOLDER";
}

const char *config_source_fault(const char *source)
{
    const enum config_source_kind kind = config_source_kind(source);
    const char *at = source;

    if (kind == CONFIG_SOURCE_FOLDER) {
        return config_path_fault(source);
    }
    if (kind == CONFIG_SOURCE_NONE) {
        return "is no source: expected https://HOST/FOLDER, http://HOST/FOLDER or the path of "
               "a "
               "folder";
    }
    if (strlen(source) > CONFIG_SOURCE_OCTETS_MAX) {
        return "is longer than 1000 octets";
    }
    for (; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || strchr("?#\"<>\\^`{|}", *at) != NULL) {
            return "is the address of a folder: without blanks, ? and #, other characters as "
                   "%XX";
        }
    }
    at = strstr(source, "://") + 3;
    if (memchr(at, '@', strcspn(at, "/")) != NULL) {
        return "names a user: nothing that is fetched needs one; remove what stands before the "
               "@";
    }
    return authority_fault(&at);
}

static enum config_read_result add(struct config_reader *reader, const struct config_row *row,
                                   const struct config_node *item,
                                   struct config_sources *sources)
{
    if (!config_want_scalar(reader, row, item, "a URL or a path")) {
        return CONFIG_READ_REFUSED;
    }
    const char *fault = config_source_fault(item->text);
    if (fault != NULL) {
        return config_fault(reader, row, item, "\"%.200s\" %s", item->text, fault);
    }
    char *source = config_source_kind(item->text) == CONFIG_SOURCE_FOLDER
                       ? config_join_path(reader, item->text)
                       : strdup(item->text);
    if (source == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    for (size_t len = strlen(source); len > 1 && source[len - 1] == '/'; len--) {
        source[len - 1] = '\0';
    }
    for (size_t i = 0; i < sources->count; i++) {
        if (strcmp(sources->at[i], source) == 0) {
            free(source);
            return config_fault(reader, row, item, "\"%.200s\" stands here twice: remove one",
                                item->text);
        }
    }
    sources->at[sources->count++] = source;
    return CONFIG_READ_OK;
}

enum config_read_result config_read_sources(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            struct config_sources *sources)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, CONFIG_SOURCES_MAX,
                           "sources: [https://lists.example/cordon]")) {
        return CONFIG_READ_REFUSED;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add(reader, row, item, sources));
    }
    return result;
}

void config_print_sources(const struct config_sources *sources, FILE *out)
{
    fputs(" [", out);
    for (size_t i = 0; i < sources->count; i++) {
        fputs(i == 0 ? "" : ", ", out);
        config_print_scalar(sources->at[i], out);
    }
    fputs("]", out);
}

void config_free_sources(struct config_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->at[i]);
    }
    sources->count = 0;
}

static enum config_read_result read_sources(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    return config_read_sources(reader, row, node, &reader->config->update_sources);
}

static void print_sources(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    if (config->update_sources.count > 0) {
        config_print_sources(&config->update_sources, out);
    }
}

const struct config_kind config_kind_sources = {"URLs and paths", read_sources, print_sources};
