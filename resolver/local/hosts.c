/* Files in the format of hosts(5): an address and its names on each line, # begins a comment.
 */
#include "base/error.h"
#include "local/names.h"

#include <string.h>

struct hosts {
    struct local_builder *builder;
    struct report *report;
    const char *file;
    size_t line;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next word before end, or NULL; *len is its length, *at moves behind it. */
static const char *next_word(const char **at, const char *end, size_t *len)
{
    while (*at < end && is_space(**at)) {
        (*at)++;
    }
    const char *word = *at;
    while (*at < end && !is_space(**at)) {
        (*at)++;
    }
    *len = (size_t)(*at - word);
    return *len > 0 ? word : NULL;
}

static void refuse(const struct hosts *hosts, const char *word, size_t len, const char *why)
{
    report_add(hosts->report, REPORT_WARNING, hosts->file, hosts->line, 0,
               "left out: \"%.*s\": %s", (int)(len < 200 ? len : 200), word, why);
}

static int add_name(const struct hosts *hosts, const char *word, size_t len,
                    const struct address *address)
{
    struct wire_name name;
    const enum wire_text_result result = wire_name_from_text(word, len, &name);
    const char *why = result == WIRE_TEXT_OK
                          ? local_record_fault(hosts->builder, &name, address)
                          : wire_text_result_words(result);

    if (why != NULL) {
        refuse(hosts, word, len, why);
        return 0;
    }
    const int rc = local_builder_add(hosts->builder, &name, address);
    if (rc == CORDON_E_TOO_LARGE) {
        report_add(hosts->report, REPORT_ERROR, hosts->file, hosts->line, 0,
                   "more than %u names: what is to be blocked belongs into a list",
                   LOCAL_RECORDS_MAX);
    }
    return rc;
}

static int read_line(const struct hosts *hosts, const char *at, const char *end)
{
    struct address address;
    size_t len;
    int rc = 0;
    const char *word = next_word(&at, end, &len);

    if (word == NULL) {
        return 0;
    }
    if (address_parse(word, len, 0, &address) != 0 || address.port != 0 ||
        memchr(word, '[', len) != NULL) {
        refuse(hosts, word, len,
               memchr(word, '%', len) != NULL
                   ? "an address record cannot name an interface of this machine"
                   : "the line does not begin with an IP address");
        return 0;
    }
    if (address.scope != 0) {
        refuse(hosts, word, len, "an address record cannot name an interface of this machine");
        return 0;
    }
    const size_t address_len = len;
    const char *name = next_word(&at, end, &len);
    if (name == NULL) {
        refuse(hosts, word, address_len, "no name follows the address");
        return 0;
    }
    for (; name != NULL && rc == 0; name = next_word(&at, end, &len)) {
        rc = add_name(hosts, name, len, &address);
    }
    return rc;
}

int local_hosts_read(const char *text, size_t len, const char *file,
                     struct local_builder *builder, struct report *report)
{
    struct hosts hosts = {builder, report, file, 0};
    const char *end = text + len;
    int rc = 0;

    while (text < end && rc == 0) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline != NULL ? newline : end;
        const char *comment = memchr(text, '#', (size_t)(line_end - text));

        hosts.line++;
        rc = read_line(&hosts, text, comment != NULL ? comment : line_end);
        text = line_end + (newline != NULL ? 1 : 0);
    }
    return rc;
}
