/* config/http.c - where the HTTP socket is, and who may reach it. */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static enum config_read_result read_socket(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    const char *words = config_path_fault(node->text);

    if (words != NULL) {
        return config_fault(reader, row, node, "\"%.200s\" %s", node->text, words);
    }
    if (strlen(node->text) > max) {
        return config_fault(reader, row, node,
                            "the path of a socket has at most %zu octets, this one %zu", max,
                            strlen(node->text));
    }
    reader->config->http_socket = strdup(node->text);
    return reader->config->http_socket == NULL ? CONFIG_READ_NO_MEMORY : CONFIG_READ_OK;
}

static enum config_read_result read_http(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    struct address address;

    if (!config_want_scalar(reader, row, node, "off, ADDRESS@PORT or the path of a socket")) {
        return CONFIG_READ_REFUSED;
    }
    free(reader->config->http_socket);
    reader->config->http_socket = NULL;
    reader->config->http_address = (struct address){0};
    reader->http = config_place_of(node);
    if (strcmp(node->text, "off") == 0) {
        return CONFIG_READ_OK;
    }
    if (node->text[0] == '/') {
        return read_socket(reader, row, node);
    }
    if (strchr(node->text, '/') != NULL) {
        return config_fault(reader, row, node, "\"%.200s\": the path of a socket begins with /",
                            node->text);
    }
    const enum config_read_result result =
        config_read_address(reader, row, node, true, &address);
    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (strchr(node->text, '@') == NULL) {
        return config_fault(reader, row, node, "\"%.200s\": write the port behind @: %.*s@9153",
                            node->text, 100, node->text);
    }
    reader->config->http_address = address;
    return CONFIG_READ_OK;
}

static void print_http(const struct config *config, const struct config_row *row, FILE *out)
{
    char text[ADDRESS_TEXT_MAX];

    (void)row;
    fputc(' ', out);
    if (config->http_socket != NULL) {
        config_print_scalar(config->http_socket, out);
    } else if (config->http_address.family != ADDRESS_NONE) {
        address_format(&config->http_address, true, text);
        config_print_scalar(text, out);
    } else {
        fputs("off", out);
    }
}

const struct config_kind config_kind_http = {"off, address or path", read_http, print_http};

void config_check_http(struct config_reader *reader)
{
    const struct config *config = reader->config;
    char text[ADDRESS_TEXT_MAX];

    if (config->http_address.family == ADDRESS_NONE) {
        return;
    }
    address_format(&config->http_address, true, text);
    if (!address_is_loopback(&config->http_address) && !config->http_network) {
        report_add(reader->report, REPORT_ERROR, reader->file, reader->http.line,
                   reader->http.column,
                   "http.listen: %s is not an address of the loopback, and whoever reaches it "
                   "can read the counters: write http.reach: network if that is meant",
                   text);
    }
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct address *listen = &config->listen[i];
        if (listen->port == config->http_address.port &&
            listen->family == config->http_address.family &&
            (address_same_host(listen, &config->http_address) || address_is_any(listen) ||
             address_is_any(&config->http_address))) {
            report_add(reader->report, REPORT_ERROR, reader->file, reader->http.line,
                       reader->http.column,
                       "http.listen: questions are taken on %s (server.listen): use another "
                       "port",
                       text);
            return;
        }
    }
}
