/* config/endpoints.c - servers that are asked: where, in clear or over TLS, known by what. */
#include "config/schema.h"

#include <string.h>

#define TLS_PORT 853 /* RFC 7858, 3.1 */

static const char tls_scheme[] = "tls://";

/* An address whose port, if it has none, is that of DNS over TLS. */
static enum config_read_result read_tls_address(struct config_reader *reader,
                                                const struct config_row *row,
                                                const struct config_node *node,
                                                struct address *out)
{
    const enum config_read_result result = config_read_server(reader, row, node, out);

    if (result == CONFIG_READ_OK && strchr(node->text, '@') == NULL) {
        out->port = TLS_PORT;
    }
    return result;
}

static enum config_read_result name_fault(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node, const char *name,
                                          const char *words)
{
    return config_fault(reader, row, node, "the server's name \"%.200s\" %s", name, words);
}

/* tls://ADDRESS[@PORT]#NAME */
static enum config_read_result read_tls_text(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node,
                                             struct endpoint *out)
{
    char text[ADDRESS_TEXT_MAX];
    const char *from = node->text + sizeof(tls_scheme) - 1;
    const char *mark = strchr(from, '#');
    struct config_node address = *node;

    if (mark == NULL) {
        return config_fault(reader, row, node,
                            "\"%.200s\": nothing says which server is the right one: write "
                            "%.200s#NAME with the name in its certificate, or {address: ..., "
                            "pins: [sha256/...]}",
                            node->text, node->text);
    }
    if ((size_t)(mark - from) >= sizeof(text)) {
        return config_fault(reader, row, node, "\"%.200s\" is too long for an address", from);
    }
    memcpy(text, from, (size_t)(mark - from));
    text[mark - from] = '\0';
    address.text = text;
    address.quoted = true; /* "" is a text, too */
    enum config_read_result result = read_tls_address(reader, row, &address, &out->address);
    const char *words = endpoint_name_read(mark + 1, out->name);
    if (words != NULL) {
        result = config_worse(result, name_fault(reader, row, node, mark + 1, words));
    }
    return result;
}

static enum config_read_result read_name(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, struct endpoint *out)
{
    if (!config_want_scalar(reader, row, node, "the name in the server's certificate")) {
        return CONFIG_READ_REFUSED;
    }
    const char *words = endpoint_name_read(node->text, out->name);
    return words == NULL ? CONFIG_READ_OK : name_fault(reader, row, node, node->text, words);
}

static enum config_read_result add_pin(struct config_reader *reader,
                                       const struct config_row *row,
                                       const struct config_node *node, struct endpoint *out)
{
    uint8_t pin[ENDPOINT_PIN_OCTETS];

    if (!config_want_scalar(reader, row, node, "a pin")) {
        return CONFIG_READ_REFUSED;
    }
    if (!endpoint_pin_read(node->text, pin)) {
        return config_fault(reader, row, node,
                            "\"%.200s\" is no pin: expected sha256/ and 44 characters of "
                            "base64, the SHA-256 of the certificate's public key",
                            node->text);
    }
    for (size_t i = 0; i < out->pin_count; i++) {
        if (memcmp(out->pins[i], pin, sizeof(pin)) == 0) {
            return config_fault(reader, row, node, "this pin stands here twice: remove one");
        }
    }
    memcpy(out->pins[out->pin_count++], pin, sizeof(pin));
    return CONFIG_READ_OK;
}

enum config_read_result config_read_pins(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, struct endpoint *out)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, ENDPOINT_PINS_MAX, "pins: [sha256/...]")) {
        return CONFIG_READ_REFUSED;
    }
    if (node->count == 0) {
        return config_fault(reader, row, node,
                            "no pin: leave pins out to go by the name alone");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_pin(reader, row, item, out));
    }
    return result;
}

/* {address: ..., tls: NAME, pins: [...]}; result: what was found before. */
static enum config_read_result read_map_item(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *item,
                                             struct endpoint *out)
{
    const char *key = item->key->text;

    if (item->key->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (strcmp(key, "address") == 0) {
        return read_tls_address(reader, row, item, &out->address);
    }
    if (strcmp(key, "tls") == 0) {
        return read_name(reader, row, item, out);
    }
    if (strcmp(key, "pins") == 0) {
        return config_read_pins(reader, row, item, out);
    }
    return config_fault(reader, row, item->key,
                        "\"%.200s\" is not known of a server, only address, tls and pins", key);
}

static enum config_read_result read_map(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *node, struct endpoint *out)
{
    enum config_read_result result = CONFIG_READ_OK;

    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, read_map_item(reader, row, item, out));
    }
    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (out->address.family == ADDRESS_NONE) {
        return config_fault(reader, row, node,
                            "the server has no address: add address: ADDRESS");
    }
    if (out->name[0] == '\0' && out->pin_count == 0) {
        return config_fault(
            reader, row, node,
            "nothing says which server is the right one: add tls: NAME or pins: "
            "[sha256/...], or write the address alone to ask in clear");
    }
    return CONFIG_READ_OK;
}

enum config_read_result config_read_endpoint(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node,
                                             struct endpoint *out)
{
    memset(out, 0, sizeof(*out));
    if (node->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (node->kind == CONFIG_MAPPING) {
        out->transport = ENDPOINT_TLS;
        return read_map(reader, row, node, out);
    }
    if (node->kind == CONFIG_SCALAR &&
        strncmp(node->text, tls_scheme, sizeof(tls_scheme) - 1) == 0) {
        out->transport = ENDPOINT_TLS;
        return read_tls_text(reader, row, node, out);
    }
    out->transport = ENDPOINT_DO53;
    return config_read_server(reader, row, node, &out->address);
}

bool config_has_server(const struct endpoint *servers, size_t count,
                       const struct endpoint *endpoint)
{
    for (size_t i = 0; i < count; i++) {
        if (address_equal(&servers[i].address, &endpoint->address)) {
            return true;
        }
    }
    return false;
}

enum config_read_result config_server_twice(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            const struct endpoint *endpoint)
{
    char text[ADDRESS_TEXT_MAX];

    if (node->kind == CONFIG_SCALAR) {
        return config_fault(reader, row, node, "\"%.200s\" stands here twice: remove one",
                            node->text);
    }
    address_format(&endpoint->address, true, text);
    return config_fault(reader, row, node, "%s stands here twice: remove one", text);
}

void config_print_pins(const struct endpoint *endpoint, FILE *out)
{
    char pin[ENDPOINT_PIN_TEXT];

    fputs("pins: [", out);
    for (size_t i = 0; i < endpoint->pin_count; i++) {
        endpoint_pin_format(endpoint->pins[i], pin);
        fputs(i > 0 ? ", " : "", out);
        config_print_scalar(pin, out);
    }
    fputs("]", out);
}

void config_print_endpoint(const struct endpoint *endpoint, FILE *out)
{
    char text[ENDPOINT_TEXT_MAX];

    if (endpoint->pin_count == 0) {
        endpoint_format(endpoint, text);
        config_print_scalar(text, out);
        return;
    }
    address_format(&endpoint->address, true, text);
    fputs("{address: ", out);
    config_print_scalar(text, out);
    if (endpoint->name[0] != '\0') {
        fputs(", tls: ", out);
        config_print_scalar(endpoint->name, out);
    }
    fputs(", ", out);
    config_print_pins(endpoint, out);
    fputs("}", out);
}
