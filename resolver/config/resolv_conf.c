/* config/resolv_conf.c - the servers that the machine itself asks (resolv.conf(5)). */
#include "config/config.h"

#include "base/error.h"
#include "base/file.h"
#include "config/self.h"

#include <stdlib.h>
#include <string.h>

#define RESOLV_CONF_OCTETS_MAX (64u << 10) /* a real one has a few lines */
#define RESOLV_CONF_PORT       53

struct servers {
    const char *path;
    const struct address *listen;
    size_t listen_count;
    struct address *out;
    size_t max;
    size_t count;
    struct report *report;
};

/* The next word of a line, without blanks; len 0 at its end. */
static const char *next_word(const char *at, const char *end, size_t *len)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) {
        at++;
    }
    const char *word = at;
    while (at < end && *at != ' ' && *at != '\t' && *at != '\r') {
        at++;
    }
    *len = (size_t)(at - word);
    return word;
}

static void add_server(struct servers *servers, const char *word, size_t len, size_t line)
{
    struct address address;

    /* "@PORT" is ours, not of resolv.conf(5). */
    if (memchr(word, '@', len) != NULL ||
        address_parse(word, len, RESOLV_CONF_PORT, &address) != 0) {
        report_add(servers->report, REPORT_WARNING, servers->path, line, 0,
                   "nameserver %.*s: not an address: left out", (int)len, word);
        return;
    }
    address_unmap(&address);
    for (size_t i = 0; i < servers->listen_count; i++) {
        if (config_is_self(&address, &servers->listen[i])) {
            report_add(servers->report, REPORT_WARNING, servers->path, line, 0,
                       "nameserver %.*s: is this resolver itself: left out", (int)len, word);
            return;
        }
    }
    for (size_t i = 0; i < servers->count; i++) {
        if (address_equal(&servers->out[i], &address)) {
            return;
        }
    }
    if (servers->count == servers->max) {
        report_add(servers->report, REPORT_WARNING, servers->path, line, 0,
                   "nameserver %.*s: more than %zu servers: left out", (int)len, word,
                   servers->max);
        return;
    }
    servers->out[servers->count++] = address;
}

static void read_line(struct servers *servers, const char *at, const char *end, size_t line)
{
    size_t len = 0;
    const char *word = next_word(at, end, &len);

    /* The comment signs are '#' and ';'; a keyword begins the line. */
    if (len != strlen("nameserver") || memcmp(word, "nameserver", len) != 0) {
        return;
    }
    word = next_word(word + len, end, &len);
    if (len == 0) {
        report_add(servers->report, REPORT_WARNING, servers->path, line, 0,
                   "nameserver without an address: left out");
        return;
    }
    add_server(servers, word, len > 255 ? 255 : len, line);
}

int config_read_resolv_conf(const char *path, const struct address *listen, size_t listen_count,
                            struct address *out, size_t max, struct report *report)
{
    struct servers servers = {.path = path,
                              .listen = listen,
                              .listen_count = listen_count,
                              .out = out,
                              .max = max,
                              .report = report};
    uint8_t *text = NULL;
    size_t len = 0;
    size_t line = 0;

    const int rc = file_read(path, RESOLV_CONF_OCTETS_MAX, &text, &len);
    if (rc != 0) {
        report_add(report, REPORT_WARNING, path, 0, 0, "cannot be read: %s",
                   cordon_strerror(rc));
        return rc;
    }
    const char *at = (const char *)text;
    const char *const end = at + len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        read_line(&servers, at, stop, ++line);
        at = stop < end ? stop + 1 : end;
    }
    free(text);
    return (int)servers.count;
}
