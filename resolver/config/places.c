/* config/places.c - options that hold addresses and prefixes. */
#include "config/schema.h"

#include <string.h>

#define DNS_PORT 53

struct access_word {
    const char *word;
    const char *prefixes[8]; /* NULL ends them */
};

/* RFC 1918, 3927, 4193 and 4291. The shared address space of RFC 6598 is not private: behind a
 * provider's translation it holds strangers, so it has a word of its own. */
static const struct access_word access_words[] = {
    {"loopback", {"127.0.0.0/8", "::1/128", NULL}},
    {"private",
     {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fe80::/10",
      "fc00::/7", NULL}},
    {"shared", {"100.64.0.0/10", NULL}},
};

static void print_address(const struct address *address, bool with_port, FILE *out)
{
    char text[ADDRESS_TEXT_MAX];

    address_format(address, with_port, text);
    config_print_scalar(text, out);
}

/* Says why a text is no address, for the mistakes that people make. */
static enum config_read_result address_fault(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node, bool with_port)
{
    const char *text = node->text;
    const char *at = strchr(text, '@');
    const char *colon = strchr(text, ':');
    struct address address;

    if (at != NULL && address_parse(text, (size_t)(at - text), 0, &address) == 0) {
        return config_fault(reader, row, node,
                            "\"%.200s\": the port \"%.200s\" is not from 1 to 65535", text,
                            at + 1);
    }
    if (colon != NULL && strchr(colon + 1, ':') == NULL &&
        address_parse(text, (size_t)(colon - text), 0, &address) == 0) {
        return config_fault(reader, row, node, "\"%.200s\": write the port behind @: %.*s@%s",
                            text, (int)(colon - text), text, colon + 1);
    }
    if (strchr(text, '/') != NULL) {
        return config_fault(reader, row, node,
                            "\"%.200s\" is a prefix: an address alone belongs here", text);
    }
    if (strchr(text, '%') != NULL) {
        return config_fault(
            reader, row, node,
            "\"%.200s\": a zone (%%NAME) is an interface of this machine and goes "
            "with fe80:: addresses only",
            text);
    }
    return config_fault(
        reader, row, node,
        "\"%.200s\" is neither an IPv4 nor an IPv6 address%s: names are not looked "
        "up here",
        text, with_port ? ", with @PORT or without" : "");
}

bool config_lacks_interface(const struct address *address)
{
    return address->family == ADDRESS_V6 && address->scope == 0 && address->octets[0] == 0xfe &&
           (address->octets[1] & 0xc0) == 0x80; /* fe80::/10 (RFC 4291, 2.5.6) */
}

enum config_read_result config_read_address(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node, bool with_port,
                                            struct address *out)
{
    if (!config_want_scalar(reader, row, node, "an address")) {
        return CONFIG_READ_REFUSED;
    }
    if (address_parse(node->text, strlen(node->text), with_port ? DNS_PORT : 0, out) != 0) {
        return address_fault(reader, row, node, with_port);
    }
    if (with_port && config_lacks_interface(out)) {
        return config_fault(reader, row, node, CONFIG_LACKS_INTERFACE, node->text);
    }
    if (!with_port && (out->port != 0 || strchr(node->text, '@') != NULL)) {
        return config_fault(reader, row, node, "\"%.200s\": no port belongs here", node->text);
    }
    address_unmap(out);
    return CONFIG_READ_OK;
}

static bool is_multicast(const struct address *address)
{
    return address->family == ADDRESS_V4
               ? address->octets[0] >= 224 && address->octets[0] <= 239
               : address->octets[0] == 0xff;
}

bool config_is_one_server(const struct address *address)
{
    return !address_is_any(address) && !is_multicast(address) &&
           (address->family != ADDRESS_V4 || address->octets[0] < 240);
}

/* Listen addresses. */

static enum config_read_result add_listen(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    struct config *config = reader->config;
    struct address address;
    const enum config_read_result result =
        config_read_address(reader, row, node, true, &address);

    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (is_multicast(&address)) {
        return config_fault(reader, row, node, "\"%.200s\" is a multicast address", node->text);
    }
    if (address.family == ADDRESS_V4 && memcmp(address.octets, "\xff\xff\xff\xff", 4) == 0) {
        return config_fault(reader, row, node, "\"%.200s\" is the broadcast address",
                            node->text);
    }
    for (size_t i = 0; i < config->listen_count; i++) {
        if (address_equal(&config->listen[i], &address)) {
            return config_fault(reader, row, node, "\"%.200s\" stands here twice: remove one",
                                node->text);
        }
    }
    reader->listen[config->listen_count] = config_place_of(node);
    config->listen[config->listen_count++] = address;
    return CONFIG_READ_OK;
}

static enum config_read_result read_listen(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, CONFIG_LISTEN_MAX,
                           "addresses: [127.0.0.1@53, \"[::1]@53\"]")) {
        return CONFIG_READ_REFUSED;
    }
    if (node->count == 0) {
        return config_fault(reader, row, node,
                            "no address: nobody could ask; leave the line out for the default");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_listen(reader, row, item));
    }
    return result;
}

static void print_listen(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    for (size_t i = 0; i < config->listen_count; i++) {
        fputs(i == 0 ? " [" : ", ", out);
        print_address(&config->listen[i], true, out);
    }
    fputs("]", out);
}

const struct config_kind config_kind_listen = {"addresses", read_listen, print_listen};

/* Clients. */

/* Prefixes as they are collected. */
struct prefixes {
    struct address_prefix *at;
    size_t max, count;
};

static bool add_prefix(struct prefixes *prefixes, const struct address_prefix *prefix)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        const struct address_prefix *known = &prefixes->at[i];
        if (known->family == prefix->family && known->bits == prefix->bits &&
            memcmp(known->octets, prefix->octets, sizeof(known->octets)) == 0) {
            return true; /* once is enough */
        }
    }
    if (prefixes->count == prefixes->max) {
        return false;
    }
    prefixes->at[prefixes->count++] = *prefix;
    return true;
}

static enum config_read_result too_many(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *node, size_t max)
{
    return config_fault(reader, row, node,
                        "more than %zu prefixes: use larger ones, or a firewall", max);
}

static bool read_prefix(const char *text, struct address_prefix *out)
{
    if (address_prefix_parse(text, strlen(text), out) != 0) {
        return false;
    }
    address_prefix_unmap(out);
    return true;
}

static enum config_read_result add_clients(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node,
                                           struct prefixes *prefixes)
{
    struct address_prefix prefix;

    if (!config_want_scalar(reader, row, node, "a prefix or a word")) {
        return CONFIG_READ_REFUSED;
    }
    for (size_t i = 0; i < sizeof(access_words) / sizeof(access_words[0]); i++) {
        const char *const *text = access_words[i].prefixes;

        if (strcmp(node->text, access_words[i].word) != 0) {
            continue;
        }
        for (; *text != NULL; text++) {
            if (address_prefix_parse(*text, strlen(*text), &prefix) != 0 ||
                !add_prefix(prefixes, &prefix)) {
                return too_many(reader, row, node, prefixes->max);
            }
        }
        return CONFIG_READ_OK;
    }
    if (!read_prefix(node->text, &prefix)) {
        return config_fault(reader, row, node,
                            "\"%.200s\" is no prefix (192.0.2.0/24, 2001:db8::/32; the bits "
                            "behind the length are zero) and none of loopback, private, shared",
                            node->text);
    }
    return add_prefix(prefixes, &prefix) ? CONFIG_READ_OK
                                         : too_many(reader, row, node, prefixes->max);
}

enum config_read_result config_read_clients(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            struct address_prefix *out, size_t max,
                                            size_t *count)
{
    enum config_read_result result = CONFIG_READ_OK;
    struct prefixes prefixes = {out, max, 0};

    if (!config_want_items(reader, row, node, max,
                           "prefixes and words: [loopback, private, 192.0.2.0/24]")) {
        return CONFIG_READ_REFUSED;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_clients(reader, row, item, &prefixes));
    }
    *count = prefixes.count;
    return result;
}

void config_print_clients(const struct address_prefix *prefixes, size_t count, FILE *out)
{
    char text[ADDRESS_TEXT_MAX];

    fputs(" [", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ", ", out);
        address_prefix_format(&prefixes[i], text);
        config_print_scalar(text, out);
    }
    fputs("]", out);
}

static enum config_read_result read_access(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    struct config *config = reader->config;
    const enum config_read_result result = config_read_clients(
        reader, row, node, config->access, CONFIG_ACCESS_MAX, &config->access_count);

    if (result != CONFIG_READ_OK) {
        return result;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        struct address_prefix prefix;

        if (read_prefix(item->text, &prefix) && prefix.bits == 0) {
            report_add(reader->report, REPORT_WARNING, reader->file, item->line, item->column,
                       "%s: %s answers the whole Internet, which is used to attack others: "
                       "name your own networks",
                       row->name, item->text);
        }
    }
    if (node->count == 0) {
        report_add(reader->report, REPORT_WARNING, reader->file, node->line, node->column,
                   "%s: empty: no client will be answered", row->name);
    }
    return result;
}

static void print_access(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_clients(config->access, config->access_count, out);
}

const struct config_kind config_kind_access = {"prefixes and words", read_access, print_access};

static enum config_read_result read_operators(struct config_reader *reader,
                                              const struct config_row *row,
                                              const struct config_node *node)
{
    struct config *config = reader->config;

    return config_read_clients(reader, row, node, config->operators, CONFIG_OPERATORS_MAX,
                               &config->operator_count);
}

static void print_operators(const struct config *config, const struct config_row *row,
                            FILE *out)
{
    (void)row;
    config_print_clients(config->operators, config->operator_count, out);
}

const struct config_kind config_kind_operators = {"prefixes and words", read_operators,
                                                  print_operators};

/* Upstreams. */

enum config_read_result config_read_server(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, struct address *out)
{
    const enum config_read_result result = config_read_address(reader, row, node, true, out);

    if (result == CONFIG_READ_OK && !config_is_one_server(out)) {
        return config_fault(reader, row, node, "\"%.200s\" is not the address of one server",
                            node->text);
    }
    return result;
}

static enum config_read_result add_upstream(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    struct config *config = reader->config;
    struct endpoint endpoint;

    if (node->kind == CONFIG_SCALAR && !node->bad && strcmp(node->text, "system") == 0) {
        if (config->upstreams_from_system) {
            return config_fault(reader, row, node, "\"system\" stands here twice: remove one");
        }
        config->upstreams_from_system = true;
        return CONFIG_READ_OK;
    }
    const enum config_read_result result = config_read_endpoint(reader, row, node, &endpoint);
    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (config_has_server(config->upstreams, config->upstream_count, &endpoint)) {
        return config_server_twice(reader, row, node, &endpoint);
    }
    reader->upstreams[config->upstream_count] = config_place_of(node);
    config->upstreams[config->upstream_count++] = endpoint;
    return CONFIG_READ_OK;
}

static enum config_read_result read_upstreams(struct config_reader *reader,
                                              const struct config_row *row,
                                              const struct config_node *node)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, CONFIG_UPSTREAM_MAX,
                           "servers: [192.0.2.53, \"[2001:db8::53]@5353\"] or [system]")) {
        return CONFIG_READ_REFUSED;
    }
    if (node->count == 0) {
        return config_fault(reader, row, node,
                            "no server: write [system] for those of the machine");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_upstream(reader, row, item));
    }
    return result;
}

static void print_upstreams(const struct config *config, const struct config_row *row,
                            FILE *out)
{
    (void)row;
    fputs(config->upstreams_from_system ? " [system" : " [", out);
    for (size_t i = 0; i < config->upstream_count; i++) {
        fputs(i > 0 || config->upstreams_from_system ? ", " : "", out);
        config_print_endpoint(&config->upstreams[i], out);
    }
    fputs("]", out);
}

const struct config_kind config_kind_upstreams = {"addresses or system", read_upstreams,
                                                  print_upstreams};

/* Sinkhole. */

enum config_read_result config_read_sinkhole(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node, struct address *v4,
                                             struct address *v6)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, 2,
                           "one IPv4 and one IPv6 address: "
                           "[0.0.0.0, \"::\"]")) {
        return CONFIG_READ_REFUSED;
    }
    if (node->count == 0) {
        return config_fault(reader, row, node,
                            "no address: leave the line out for 0.0.0.0 and ::");
    }
    /* Only one of the two may be given: the other stays unspecified. */
    *v4 = (struct address){.family = ADDRESS_V4};
    *v6 = (struct address){.family = ADDRESS_V6};
    unsigned families = 0;
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        struct address address;
        const enum config_read_result one =
            config_read_address(reader, row, item, false, &address);

        result = config_worse(result, one);
        if (one != CONFIG_READ_OK) {
            continue;
        }
        if ((families >> address.family & 1u) != 0) {
            result = config_worse(result,
                                  config_fault(reader, row, item,
                                               "two addresses of one family: answers have one "
                                               "IPv4 and one IPv6 address"));
        }
        families |= 1u << address.family;
        *(address.family == ADDRESS_V4 ? v4 : v6) = address;
    }
    return result;
}

static enum config_read_result read_sinkhole(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node)
{
    return config_read_sinkhole(reader, row, node, &reader->config->sinkhole4,
                                &reader->config->sinkhole6);
}

void config_print_sinkhole(const struct address *v4, const struct address *v6, FILE *out)
{
    fputs(" [", out);
    print_address(v4, false, out);
    fputs(", ", out);
    print_address(v6, false, out);
    fputs("]", out);
}

static void print_sinkhole(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    config_print_sinkhole(&config->sinkhole4, &config->sinkhole6, out);
}

const struct config_kind config_kind_sinkhole = {"addresses", read_sinkhole, print_sinkhole};
