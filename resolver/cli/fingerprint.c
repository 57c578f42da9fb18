#include "cli/fingerprint.h"

#include "cli/ask.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_OCTETS 255u /* a character string */
#define FORMAT          "cordon-fingerprint 1"

static bool refuse(char fault[FINGERPRINT_FAULT_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(char fault[FINGERPRINT_FAULT_MAX], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fault, FINGERPRINT_FAULT_MAX, format, arguments);
    va_end(arguments);
    return false;
}

/* Printable ASCII: it goes to a terminal. */
static bool is_line(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) {
            return false;
        }
    }
    return len > 0 && len <= LINE_MAX_OCTETS;
}

static bool is_hash(const char *text)
{
    return strlen(text) == FINGERPRINT_HEX - 1 &&
           strspn(text, "0123456789abcdef") == FINGERPRINT_HEX - 1;
}

static bool is_name(const char *text)
{
    const size_t len = strlen(text);

    return len >= 1 && len <= FINGERPRINT_NAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz-") == len;
}

/* --- hashes --- */

static void add_line(struct digest *digest, const char *line)
{
    digest_add(digest, line, strlen(line));
    digest_add(digest, "\n", 1);
}

static bool ends_as(struct digest *digest, const char *hash)
{
    uint8_t octets[DIGEST_OCTETS];
    char hex[FINGERPRINT_HEX];

    digest_end(digest, octets, sizeof(octets));
    digest_hex(octets, sizeof(octets), hex);
    return strcmp(hex, hash) == 0;
}

static bool check_total(const struct fingerprint *fingerprint,
                        char fault[FINGERPRINT_FAULT_MAX])
{
    struct digest digest;

    digest_init(&digest, NULL, DIGEST_OCTETS);
    add_line(&digest, FORMAT);
    for (size_t i = 0; i < fingerprint->count; i++) {
        char line[FINGERPRINT_NAME_MAX + FINGERPRINT_HEX + 2];

        snprintf(line, sizeof(line), "%s %s", fingerprint->parts[i].name,
                 fingerprint->parts[i].hash);
        add_line(&digest, line);
    }
    return ends_as(&digest, fingerprint->total) ||
           refuse(fault, "its total is not that of its parts");
}

bool fingerprint_check_part(const struct fingerprint_part *part,
                            char fault[FINGERPRINT_FAULT_MAX])
{
    struct digest digest;
    char head[sizeof(FORMAT) + FINGERPRINT_NAME_MAX + 2];

    if (part->told > part->count) {
        return refuse(fault, "%s: more lines than it says to have", part->name);
    }
    if (part->lines == NULL || part->told < part->count) {
        return true; /* not all were told */
    }
    snprintf(head, sizeof(head), FORMAT " %s", part->name);
    digest_init(&digest, NULL, DIGEST_OCTETS);
    add_line(&digest, head);
    digest_add(&digest, part->lines, part->octets);
    return ends_as(&digest, part->hash) ||
           refuse(fault, "%s: its hash is not that of its lines", part->name);
}

/* --- parts --- */

static bool add_part(const char *name, const char *hash, struct fingerprint *out,
                     char fault[FINGERPRINT_FAULT_MAX])
{
    if (!is_name(name) || !is_hash(hash)) {
        return refuse(fault, "a part is not a word with a hash");
    }
    if (fingerprint_find(out, name) != NULL) {
        return refuse(fault, "it has the part %s twice", name);
    }
    if (out->count == FINGERPRINT_PARTS_MAX) {
        return refuse(fault, "it has more than %u parts", FINGERPRINT_PARTS_MAX);
    }
    struct fingerprint_part *part = &out->parts[out->count++];
    snprintf(part->name, sizeof(part->name), "%s", name);
    snprintf(part->hash, sizeof(part->hash), "%s", hash);
    return true;
}

static bool append(struct fingerprint_part *part, const char *line, size_t len,
                   char fault[FINGERPRINT_FAULT_MAX])
{
    if (part->octets + len + 1 > (size_t)FINGERPRINT_PAGES_MAX * FINGERPRINT_PAGE_MAX) {
        return refuse(fault, "%s: more than %u octets", part->name,
                      FINGERPRINT_PAGES_MAX * FINGERPRINT_PAGE_MAX);
    }
    memcpy(part->lines + part->octets, line, len);
    part->octets += len;
    part->lines[part->octets++] = '\n';
    part->lines[part->octets] = '\0';
    part->told++;
    return true;
}

/* Room for so many octets more. */
static bool make_room(struct fingerprint_part *part, size_t more,
                      char fault[FINGERPRINT_FAULT_MAX])
{
    char *lines = realloc(part->lines, part->octets + more + 1);

    if (lines == NULL) {
        return refuse(fault, "out of memory");
    }
    part->lines = lines;
    part->lines[part->octets] = '\0';
    return true;
}

/* --- pages --- */

/* The next character string, as text; false: there is none, or it is no line. */
static bool next_string(const uint8_t *rdata, size_t len, size_t *at,
                        char out[LINE_MAX_OCTETS + 1])
{
    if (*at >= len || (size_t)rdata[*at] > len - *at - 1) {
        return false;
    }
    const size_t octets = rdata[*at];
    memcpy(out, rdata + *at + 1, octets);
    out[octets] = '\0';
    *at += octets + 1;
    return is_line(out, octets);
}

bool fingerprint_read_first(const uint8_t *rdata, size_t len, struct fingerprint *out,
                            char fault[FINGERPRINT_FAULT_MAX])
{
    char text[LINE_MAX_OCTETS + 1];
    size_t at = 0;

    if (len > FINGERPRINT_PAGE_MAX || !next_string(rdata, len, &at, text) ||
        strncmp(text, "cordon-fingerprint ", 19) != 0) {
        return refuse(fault, "the answer is no fingerprint");
    }
    if (strncmp(text, FORMAT " ", sizeof(FORMAT)) != 0) {
        return refuse(fault, "its fingerprint has another format than 1: compare it with a "
                             "cordon of its version");
    }
    if (!is_hash(text + sizeof(FORMAT))) {
        return refuse(fault, "its total is no hash");
    }
    memcpy(out->total, text + sizeof(FORMAT), sizeof(out->total)); /* with its zero octet */
    while (at < len) {
        char *blank;

        if (!next_string(rdata, len, &at, text) || (blank = strchr(text, ' ')) == NULL) {
            return refuse(fault, "a part is not a word with a hash");
        }
        *blank = '\0';
        if (!add_part(text, blank + 1, out, fault)) {
            return false;
        }
    }
    return check_total(out, fault);
}

/* A decimal number and what stands behind it; false: there is none up to most. */
static bool read_number(const char **text, size_t most, char behind, size_t *out)
{
    size_t number = 0;
    size_t digits = 0;

    for (; **text >= '0' && **text <= '9' && digits < 8; (*text)++, digits++) {
        number = 10 * number + (size_t)(**text - '0');
    }
    if (digits == 0 || number > most || **text != behind) {
        return false;
    }
    *text += behind != '\0' ? 1 : 0;
    *out = number;
    return true;
}

/* "cordon-fingerprint 1 PART HASH PAGE/PAGES LINES" */
static bool read_head(const char *text, unsigned page, struct fingerprint_part *part,
                      char fault[FINGERPRINT_FAULT_MAX])
{
    char wanted[sizeof(FORMAT) + FINGERPRINT_NAME_MAX + FINGERPRINT_HEX + 4];
    size_t number = 0;
    size_t pages = 0;
    size_t count = 0;

    const int len = snprintf(wanted, sizeof(wanted), FORMAT " %s ", part->name);
    if (strncmp(text, wanted, (size_t)len) != 0) {
        return refuse(fault, "%s: a page of something else", part->name);
    }
    if (strncmp(text + len, part->hash, FINGERPRINT_HEX - 1) != 0 ||
        text[(size_t)len + FINGERPRINT_HEX - 1] != ' ') {
        return refuse(fault, "%s: it has changed meanwhile", part->name);
    }
    text += (size_t)len + FINGERPRINT_HEX;
    if (!read_number(&text, FINGERPRINT_PAGES_MAX, '/', &number) ||
        !read_number(&text, FINGERPRINT_PAGES_MAX, ' ', &pages) ||
        !read_number(&text, FINGERPRINT_LINES_MAX, '\0', &count) || number != page ||
        number > pages || (page > 1 && (pages != part->pages || count != part->count))) {
        return refuse(fault, "%s: its pages are not in order", part->name);
    }
    part->pages = (unsigned)pages;
    part->count = count;
    return true;
}

bool fingerprint_read_page(const uint8_t *rdata, size_t len, unsigned page,
                           struct fingerprint_part *part, char fault[FINGERPRINT_FAULT_MAX])
{
    char text[LINE_MAX_OCTETS + 1];
    size_t at = 0;

    if (len > FINGERPRINT_PAGE_MAX || !next_string(rdata, len, &at, text)) {
        return refuse(fault, "%s: the answer is no page of a fingerprint", part->name);
    }
    if (!read_head(text, page, part, fault) || !make_room(part, len, fault)) {
        return false;
    }
    while (at < len) {
        if (!next_string(rdata, len, &at, text)) {
            return refuse(fault, "%s: a line is cut, empty or not of printable ASCII",
                          part->name);
        }
        if (!append(part, text, strlen(text), fault)) {
            return false;
        }
    }
    return true;
}

/* --- documents --- */

static bool read_lines(const json_t *from, struct fingerprint_part *part,
                       char fault[FINGERPRINT_FAULT_MAX])
{
    const json_t *lines = json_object_get(from, "lines");

    if (lines == NULL) {
        return true; /* not told */
    }
    part->count = cli_number_of(from, "count");
    if (!json_is_array(lines) || part->count > FINGERPRINT_LINES_MAX ||
        !make_room(part, 0, fault)) {
        return refuse(fault, "%s: its lines cannot be read", part->name);
    }
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *line = json_string_value(json_array_get(lines, i));

        if (line == NULL || !is_line(line, strlen(line))) {
            return refuse(fault, "%s: a line is empty, too long, or not of printable ASCII",
                          part->name);
        }
        if (!make_room(part, strlen(line) + 1, fault) ||
            !append(part, line, strlen(line), fault)) {
            return false;
        }
    }
    return fingerprint_check_part(part, fault);
}

static bool read_parts(const json_t *from, struct fingerprint *out,
                       char fault[FINGERPRINT_FAULT_MAX])
{
    const json_t *parts = json_object_get(from, "parts");
    const char *total = cli_string_of(from, "total");

    if (cli_number_of(from, "format") != 1) {
        return refuse(fault, "it has no fingerprint of format 1");
    }
    if (!is_hash(total) || !json_is_object(parts)) {
        return refuse(fault, "its fingerprint lacks its total, or its parts");
    }
    snprintf(out->total, sizeof(out->total), "%s", total);
    for (void *at = json_object_iter((json_t *)parts); at != NULL;
         at = json_object_iter_next((json_t *)parts, at)) {
        const json_t *part = json_object_iter_value(at);

        if (!add_part(json_object_iter_key(at), cli_string_of(part, "hash"), out, fault) ||
            !read_lines(part, &out->parts[out->count - 1], fault)) {
            return false;
        }
    }
    return check_total(out, fault);
}

bool fingerprint_read_json(const char *text, size_t len, struct fingerprint *out,
                           char fault[FINGERPRINT_FAULT_MAX])
{
    json_t *document = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

    if (document == NULL) {
        return refuse(fault, "it is no JSON");
    }
    const bool good = read_parts(json_object_get(document, "fingerprint"), out, fault);
    json_decref(document);
    return good;
}

/* --- the whole --- */

void fingerprint_deinit(struct fingerprint *fingerprint)
{
    for (size_t i = 0; i < fingerprint->count; i++) {
        free(fingerprint->parts[i].lines);
    }
    *fingerprint = (struct fingerprint){.count = 0};
}

const struct fingerprint_part *fingerprint_find(const struct fingerprint *fingerprint,
                                                const char *name)
{
    for (size_t i = 0; i < fingerprint->count; i++) {
        if (strcmp(fingerprint->parts[i].name, name) == 0) {
            return &fingerprint->parts[i];
        }
    }
    return NULL;
}
