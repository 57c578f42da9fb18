/* config/sinks.c - where events go beside the log: lines, and sinks: a name, a form, a place.
 */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define KiB UINT64_C(1024)
#define MiB (1024 * KiB)
#define GiB (1024 * MiB)

#define QUEUE_STANDARD  (4 * MiB)
#define ROTATE_STANDARD (64 * MiB)
#define KEEP_STANDARD   5u
#define NEVER           "never" /* rotated: as events.rotate has it */
#define AUTHPRIV        10      /* RFC 5424, 6.2.1 */
/* Kept for documentation (RFC 5612): nobody's, so no claim to be somebody. */
#define ENTERPRISE_STANDARD 32473u

static const struct config_word format_words[] = {{"json", CONFIG_SINK_JSON},
                                                  {"ocsf", CONFIG_SINK_OCSF},
                                                  {"dnstap", CONFIG_SINK_DNSTAP},
                                                  {"syslog", CONFIG_SINK_SYSLOG},
                                                  {NULL, 0}};

static const struct config_word facility_words[] = {
    {"daemon", 3},  {"auth", 4},    {"authpriv", AUTHPRIV}, {"local0", 16},
    {"local1", 17}, {"local2", 18}, {"local3", 19},         {"local4", 20},
    {"local5", 21}, {"local6", 22}, {"local7", 23},         {NULL, 0}};

static const struct {
    const char *word;
    enum config_sink_place place;
} schemes[] = {{"file:", CONFIG_SINK_FILE},
               {"unix:", CONFIG_SINK_UNIX},
               {"udp://", CONFIG_SINK_UDP},
               {"tcp://", CONFIG_SINK_TCP},
               {"tls://", CONFIG_SINK_TLS}};

#define PLACES \
    "file:PATH, unix:PATH, udp://ADDRESS@PORT, tcp://ADDRESS@PORT or tls://ADDRESS@PORT#NAME"

/* unix:PATH: the system has room for so many octets. */
static enum config_read_result read_socket(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, const char *text,
                                           char **out)
{
    const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    const enum config_read_result result = config_take_path(reader, row, node, text, out);

    return result == CONFIG_READ_OK && strlen(*out) > max
               ? config_fault(reader, row, node,
                              "the path of a socket has at most %zu octets, this one %zu", max,
                              strlen(*out))
               : result;
}

/* ADDRESS@PORT, and of TLS #NAME behind it. */
static enum config_read_result read_server(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, const char *text,
                                           struct config_sink *sink)
{
    const char *mark = sink->place == CONFIG_SINK_TLS ? strchr(text, '#') : NULL;
    const size_t len = mark != NULL ? (size_t)(mark - text) : strlen(text);

    if (address_parse(text, len, 0, &sink->server.address) != 0 ||
        sink->server.address.port == 0) {
        return config_fault(
            reader, row, node,
            "\"%.200s\" is no ADDRESS@PORT: names are not looked up, since this "
            "is what looks up names",
            text);
    }
    if (config_lacks_interface(&sink->server.address)) {
        return config_fault(reader, row, node, CONFIG_LACKS_INTERFACE, text);
    }
    /* Datagrams may go to many. */
    if (address_is_any(&sink->server.address) ||
        (sink->place != CONFIG_SINK_UDP && !config_is_one_server(&sink->server.address))) {
        return config_fault(reader, row, node, "\"%.200s\" is not the address of one server",
                            text);
    }
    if (mark != NULL) {
        const char *words = endpoint_name_read(mark + 1, sink->server.name);

        if (words != NULL) {
            return config_fault(reader, row, node, "the server's name \"%.200s\" %s", mark + 1,
                                words);
        }
    }
    return CONFIG_READ_OK;
}

static enum config_read_result read_to(struct config_reader *reader,
                                       const struct config_row *row,
                                       const struct config_node *node, struct config_sink *sink)
{
    if (!config_want_scalar(reader, row, node, PLACES)) {
        return CONFIG_READ_REFUSED;
    }
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        const size_t len = strlen(schemes[i].word);

        if (strncmp(node->text, schemes[i].word, len) == 0) {
            const char *rest = node->text + len;

            sink->place = schemes[i].place;
            return sink->place == CONFIG_SINK_FILE
                       ? config_take_path(reader, row, node, rest, &sink->path)
                   : sink->place == CONFIG_SINK_UNIX
                       ? read_socket(reader, row, node, rest, &sink->path)
                       : read_server(reader, row, node, rest, sink);
        }
    }
    return config_fault(reader, row, node, "\"%.200s\" is no place: expected " PLACES,
                        node->text);
}

static enum config_read_result read_streams(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            struct config_sink *sink)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, 3, "streams: [decisions, queries, changes]")) {
        return CONFIG_READ_REFUSED;
    }
    sink->has_streams = true;
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        if (!config_want_scalar(reader, row, item, "a stream")) {
            result = CONFIG_READ_REFUSED;
            continue;
        }
        bool *stream = strcmp(item->text, "decisions") == 0 ? &sink->decisions
                       : strcmp(item->text, "queries") == 0 ? &sink->queries
                       : strcmp(item->text, "changes") == 0 ? &sink->changes
                                                            : NULL;
        if (stream == NULL || *stream) {
            result = config_worse(
                result, config_fault(reader, row, item,
                                     stream == NULL ? "\"%.200s\" is no stream: decisions, "
                                                      "queries or changes"
                                                    : "%.200s stands here twice",
                                     item->text));
        } else {
            *stream = true;
        }
    }
    if (result == CONFIG_READ_OK && node->count == 0) {
        result = config_fault(reader, row, node, "no stream: name one, or leave the sink out");
    }
    return result;
}

static enum config_read_result read_a_word(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node,
                                           const struct config_word *words, unsigned *out)
{
    int value = 0;
    const enum config_read_result result = config_read_word(reader, row, node, words, &value);

    if (result == CONFIG_READ_OK) {
        *out = (unsigned)value;
    }
    return result;
}

static enum config_read_result read_option(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *item, void *context)
{
    struct config_sink *sink = context;
    const char *key = item->key->text;

    if (strcmp(key, "format") == 0) {
        return read_a_word(reader, row, item, format_words, &sink->format);
    }
    if (strcmp(key, "to") == 0) {
        return read_to(reader, row, item, sink);
    }
    if (strcmp(key, "streams") == 0) {
        return read_streams(reader, row, item, sink);
    }
    if (strcmp(key, "queue") == 0) {
        return config_read_octets(reader, row, item, 128 * KiB, GiB, NULL, &sink->queue_octets);
    }
    if (strcmp(key, "pins") == 0) {
        return config_read_pins(reader, row, item, &sink->server);
    }
    if (strcmp(key, "ca") == 0) {
        return config_read_path(reader, row, item, &sink->ca);
    }
    sink->of_files = sink->of_files || strcmp(key, "rotate") == 0 || strcmp(key, "keep") == 0;
    sink->of_syslog =
        sink->of_syslog || strcmp(key, "facility") == 0 || strcmp(key, "enterprise") == 0;
    if (strcmp(key, "rotate") == 0) {
        return config_read_octets(reader, row, item, 64 * KiB, 1024 * GiB, NEVER,
                                  &sink->rotate_octets);
    }
    if (strcmp(key, "keep") == 0) {
        return config_read_number(reader, row, item, 1, 100, &sink->keep);
    }
    if (strcmp(key, "facility") == 0) {
        return read_a_word(reader, row, item, facility_words, &sink->facility);
    }
    if (strcmp(key, "enterprise") == 0) {
        return config_read_number(reader, row, item, 1, UINT32_MAX, &sink->enterprise);
    }
    return config_fault(reader, row, item->key,
                        "\"%.200s\" is not known of a sink, only format, to, streams, queue, "
                        "pins, ca, rotate, keep, facility and enterprise",
                        key);
}

/* The first sink that writes to this file; NULL: none does. */
static const struct config_sink *writer_of(const struct config *config, const char *path)
{
    for (size_t i = 0; i < config->sink_count; i++) {
        const struct config_sink *sink = &config->sinks[i];

        if (sink->place == CONFIG_SINK_FILE && sink->path != NULL &&
            strcmp(sink->path, path) == 0) {
            return sink;
        }
    }
    return NULL;
}

/* What goes together. */
static enum config_read_result check(struct config_reader *reader, const struct config_row *row,
                                     const struct config_node *node, struct config_sink *sink)
{
    const bool is_dns = sink->format == CONFIG_SINK_OCSF || sink->format == CONFIG_SINK_DNSTAP;

    if (sink->place == CONFIG_SINK_NOWHERE) {
        return config_fault(reader, row, node, "%s needs to: %s", sink->name, PLACES);
    }
    if (sink->place == CONFIG_SINK_UDP && sink->format != CONFIG_SINK_SYSLOG) {
        return config_fault(reader, row, node,
                            "%s: only syslog goes over UDP, where nobody knows what arrives",
                            sink->name);
    }
    if (sink->place == CONFIG_SINK_TLS && sink->server.name[0] == '\0' &&
        sink->server.pin_count == 0) {
        return config_fault(reader, row, node,
                            "%s: nothing says which server is the right one: add #NAME behind "
                            "the port, or pins: [sha256/...]",
                            sink->name);
    }
    if (sink->place != CONFIG_SINK_TLS && (sink->ca != NULL || sink->server.pin_count > 0)) {
        return config_fault(reader, row, node, "%s: ca and pins are for tls:// alone",
                            sink->name);
    }
    if (sink->place != CONFIG_SINK_FILE && sink->of_files) {
        return config_fault(reader, row, node, "%s: rotate and keep are for file: alone",
                            sink->name);
    }
    if (sink->format != CONFIG_SINK_SYSLOG && sink->of_syslog) {
        return config_fault(reader, row, node,
                            "%s: facility and enterprise are for format: syslog alone",
                            sink->name);
    }
    const struct config_sink *first =
        sink->place == CONFIG_SINK_FILE ? writer_of(reader->config, sink->path) : sink;
    if (first != sink) {
        return config_fault(reader, row, node,
                            "%s: %s writes to this file already: each needs one of its own",
                            sink->name, first->name);
    }
    if (is_dns && sink->has_streams && sink->changes) {
        return config_fault(reader, row, node,
                            "%s: dnstap and ocsf tell of questions alone: changes need json or "
                            "syslog",
                            sink->name);
    }
    if (!sink->has_streams) {
        sink->decisions = true;
        sink->changes = !is_dns;
    }
    return CONFIG_READ_OK;
}

static enum config_read_result add_sink(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *item, void *context)
{
    struct config *config = context;
    struct config_sink *sink = &config->sinks[config->sink_count];

    if (!config_is_name(item->key->text, CONFIG_SINK_NAME_MAX) ||
        item->kind != CONFIG_MAPPING) {
        return config_fault(reader, row, item->key,
                            "expected a name (1 to %u of a-z 0-9 and -, not - first), and "
                            "behind it {format: json, to: PLACE}",
                            CONFIG_SINK_NAME_MAX);
    }
    config->sink_count++; /* from here on it is freed with the others */
    memcpy(sink->name, item->key->text, strlen(item->key->text) + 1);
    sink->queue_octets = QUEUE_STANDARD;
    sink->rotate_octets = ROTATE_STANDARD;
    sink->keep = KEEP_STANDARD;
    sink->facility = AUTHPRIV;
    sink->enterprise = ENTERPRISE_STANDARD;
    const enum config_read_result result =
        config_read_each(reader, row, item, read_option, sink);
    return result != CONFIG_READ_OK ? result : check(reader, row, item->key, sink);
}

static enum config_read_result read_sinks(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    struct config *config = reader->config;

    if (node->bad) {
        return CONFIG_READ_REFUSED;
    }
    if (node->kind != CONFIG_MAPPING || node->count > CONFIG_SINKS_MAX) {
        return config_fault(reader, row, node,
                            "expected at most %u sinks, a line each: NAME: {format: json, to: "
                            "PLACE}",
                            CONFIG_SINKS_MAX);
    }
    config->sinks = calloc(node->count + 1, sizeof(*config->sinks));
    if (config->sinks == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    return config_read_each(reader, row, node, add_sink, config);
}

static const char *word_of(const struct config_word *words, unsigned value)
{
    while (words->word != NULL && words->value != (int)value) {
        words++;
    }
    return words->word != NULL ? words->word : "";
}

static void print_to(const struct config_sink *sink, FILE *out)
{
    char text[ADDRESS_TEXT_MAX] = "";
    char *whole = NULL;
    size_t i = 0;

    while (schemes[i].place != sink->place) {
        i++;
    }
    if (sink->path == NULL) {
        address_format(&sink->server.address, true, text);
    }
    if (asprintf(&whole, "%s%s%s%s", schemes[i].word, sink->path != NULL ? sink->path : text,
                 sink->server.name[0] != '\0' ? "#" : "", sink->server.name) >= 0) {
        config_print_scalar(whole, out);
        free(whole);
    }
}

static void print_sink(const struct config_sink *sink, FILE *out)
{
    fputs("\n    ", out);
    config_print_scalar(sink->name, out);
    fprintf(out, ":\n      format: %s\n      to: ", word_of(format_words, sink->format));
    print_to(sink, out);
    fprintf(out, "\n      streams: [%s%s%s%s%s]", sink->decisions ? "decisions" : "",
            sink->decisions && (sink->queries || sink->changes) ? ", " : "",
            sink->queries ? "queries" : "", sink->queries && sink->changes ? ", " : "",
            sink->changes ? "changes" : "");
    fputs("\n      queue: ", out);
    config_print_octets(sink->queue_octets, out);
    if (sink->server.pin_count > 0) {
        fputs("\n      ", out);
        config_print_pins(&sink->server, out);
    }
    if (sink->ca != NULL) {
        fputs("\n      ca: ", out);
        config_print_scalar(sink->ca, out);
    }
    if (sink->place == CONFIG_SINK_FILE) {
        fputs("\n      rotate: ", out);
        if (sink->rotate_octets == 0) {
            fputs(NEVER, out);
        } else {
            config_print_octets(sink->rotate_octets, out);
        }
        fprintf(out, "\n      keep: %u", sink->keep);
    }
    if (sink->format == CONFIG_SINK_SYSLOG) {
        fprintf(out, "\n      facility: %s\n      enterprise: %u",
                word_of(facility_words, sink->facility), sink->enterprise);
    }
}

static void print_sinks(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    for (size_t i = 0; i < config->sink_count; i++) {
        print_sink(&config->sinks[i], out);
    }
}

void config_free_sinks(struct config *config)
{
    for (size_t i = 0; i < config->sink_count; i++) {
        free(config->sinks[i].path);
        free(config->sinks[i].ca);
    }
    free(config->sinks);
}

const struct config_kind config_kind_sinks = {"sinks", read_sinks, print_sinks};

const char *config_events_file(const struct config *config)
{
    return config->events_to != NULL && strcmp(config->events_to, CONFIG_EVENTS_STDOUT) != 0 &&
                   config_has_events(config)
               ? config->events_to
               : NULL;
}

bool config_has_events(const struct config *config)
{
    return config->events_to == NULL || strcmp(config->events_to, CONFIG_EVENTS_NONE) != 0;
}

void config_check_events(struct config_reader *reader, struct config_place publish,
                         struct config_place to)
{
    const struct config *config = reader->config;
    const char *file = config_events_file(config);
    const struct config_sink *other = file != NULL ? writer_of(config, file) : NULL;

    if (other != NULL) {
        report_add(reader->report, REPORT_ERROR, reader->file, to.line, to.column,
                   "events.to: the sink %s writes to this file as well: each needs one of its "
                   "own",
                   other->name);
    }
    if (config_has_events(config)) {
        return;
    }
    if (config->audit_publish == CONFIG_PUBLISH_EVENTS ||
        config->audit_publish == CONFIG_PUBLISH_BOTH) {
        report_add(reader->report, REPORT_ERROR, reader->file, publish.line, publish.column,
                   "audit.publish: events.to is none, so that no checkpoint can be told there: "
                   "name a file, or publish to syslog alone");
    }
    if (!config->audit_decisions && config->sink_count == 0) {
        report_add(reader->report, REPORT_WARNING, reader->file, to.line, to.column,
                   "events.to: none, and audit.decisions is off: what is blocked is recorded "
                   "nowhere");
    }
}
