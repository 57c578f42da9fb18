/* trust/ratchet_text.c - the text of a ratchet: read and written in one spelling. */
#include "base/error.h"
#include "trust/lines.h"
#include "trust/ratchet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Octets of a line that has a hash, and of what stands around the lines. */
#define LINE_OCTETS  232u
#define FRAME_OCTETS 4096u

/* "KEY NUMBER HASH". */
static bool read_numbered(struct lines *lines, const char *key, uint32_t *number,
                          uint8_t hash[TRUST_HASH_OCTETS])
{
    char value[TRUST_LINE_MAX];
    uint64_t parsed = 0;

    if (!lines_value(lines, key, value, sizeof(value))) {
        return false;
    }
    const size_t len = strcspn(value, " ");
    if (value[len] != ' ' || !lines_parse_number(value, len, UINT32_MAX, &parsed) ||
        !lines_parse_hex(value + len + 1, strlen(value + len + 1), hash, TRUST_HASH_OCTETS)) {
        return lines_fault(lines, "the line before is \"%s NUMBER 128-DIGITS\"", key);
    }
    *number = (uint32_t)parsed;
    return true;
}

/* "KEY ID NUMBER HASH", the next of lists that ascend. */
static bool read_list(struct lines *lines, const char *key, struct trust_mark_list *all,
                      size_t *count, size_t most)
{
    char value[TRUST_LINE_MAX];
    uint64_t serial = 0;

    if (*count == most) {
        return lines_fault(lines, "there are more than %zu lines \"%s\"", most, key);
    }
    struct trust_mark_list *list = &all[*count];
    if (!lines_value(lines, key, value, sizeof(value))) {
        return false;
    }
    const size_t id_len = strcspn(value, " ");
    const char *number = value + id_len + (value[id_len] == ' ' ? 1 : 0);
    const size_t number_len = strcspn(number, " ");
    const char *hash = number + number_len + (number[number_len] == ' ' ? 1 : 0);
    if (!lines_is_id(value, id_len) ||
        !lines_parse_number(number, number_len, UINT32_MAX, &serial) ||
        !lines_parse_hex(hash, strlen(hash), list->hash, TRUST_HASH_OCTETS)) {
        return lines_fault(lines, "the line before is \"%s ID SERIAL 128-DIGITS\"", key);
    }
    memcpy(list->id, value, id_len);
    list->id[id_len] = '\0';
    list->serial = (uint32_t)serial;
    if (*count > 0 && strcmp(list[-1].id, list->id) >= 0) {
        return lines_fault(lines, "lines \"%s\" stand in ascending order, each once", key);
    }
    ++*count;
    return true;
}

static bool read_mark(struct lines *lines, struct trust_ratchet *ratchet)
{
    struct trust_mark *mark = &ratchet->marks[ratchet->count];

    if (ratchet->count == TRUST_PUBLISHERS_MAX) {
        return lines_fault(lines, "there are more than %u publishers", TRUST_PUBLISHERS_MAX);
    }
    mark->lists = calloc(TRUST_MARKS_MAX, sizeof(mark->lists[0]));
    if (mark->lists == NULL) {
        lines->rc = -ENOMEM;
        return false;
    }
    ratchet->count++; /* from here on it is freed with the others */
    if (!lines_id(lines, "publisher", mark->publisher) ||
        !read_numbered(lines, "root", &mark->root_version, mark->root_hash) ||
        !read_numbered(lines, "catalogue", &mark->serial, mark->hash)) {
        return false;
    }
    if (ratchet->count > 1 && strcmp(mark[-1].publisher, mark->publisher) >= 0) {
        return lines_fault(lines, "publishers stand in ascending order, each once");
    }
    while (lines_is(lines, "key")) {
        struct trust_public_key key;

        if (!lines_key(lines, "key", &key)) {
            return false;
        }
        if (trust_keyring_add(&mark->keys, &key) != 0) {
            return lines_fault(lines, "a key stands here twice, or there are too many");
        }
    }
    mark->keys.threshold = 1; /* whose keys they were is all that is asked */
    while (lines_is(lines, "list")) {
        if (!read_list(lines, "list", mark->lists, &mark->count, TRUST_MARKS_MAX)) {
            return false;
        }
    }
    return lines->rc == 0;
}

/* A time that may be missing, and is not 0. */
static bool read_alarm(struct lines *lines, const char *key, uint64_t *at_s)
{
    if (!lines_is(lines, key)) {
        return true;
    }
    return lines_time(lines, key, at_s) &&
           (*at_s != 0 || lines_fault(lines, "the line before says that nothing happened"));
}

/* All before the publishers. Version 1 had the time alone. */
static bool read_head(struct lines *lines, struct trust_ratchet *ratchet)
{
    uint32_t version = 0;
    bool good = lines_version(lines, "cordon-ratchet", 2, &version);

    good = good && (version == 1 || lines_number(lines, "written", &ratchet->written)) &&
           lines_time(lines, "seen", &ratchet->seen_s);
    if (version == 1 || !good) {
        return good;
    }
    good = read_alarm(lines, "lost", &ratchet->alarm.lost_s) &&
           read_alarm(lines, "unwritten", &ratchet->alarm.unwritten_s);
    while (good && lines_is(lines, "exceptions")) {
        good = read_list(lines, "exceptions", ratchet->files, &ratchet->file_count,
                         TRUST_FILES_MAX);
    }
    return good;
}

/* The last line but one is a hash of all octets before it. */
static bool read_check(struct lines *lines, const char *text)
{
    char value[TRUST_LINE_MAX];
    uint8_t named[TRUST_HASH_OCTETS];
    uint8_t found[TRUST_HASH_OCTETS];

    if (!lines_is(lines, "check")) {
        return lines_fault(lines, "a line \"check HASH\" is expected here");
    }
    trust_hash(text, (size_t)(lines->at - text), found);
    if (!lines_value(lines, "check", value, sizeof(value))) {
        return false;
    }
    if (!lines_parse_hex(value, strlen(value), named, sizeof(named)) ||
        memcmp(named, found, sizeof(found)) != 0) {
        return lines_fault(lines, "the file is not what was written: its check differs");
    }
    return true;
}

int trust_ratchet_parse(const char *text, size_t len, const char *file, struct report *report,
                        struct trust_ratchet **ratchet)
{
    struct lines lines;
    struct trust_ratchet *new = trust_ratchet_new();

    if (new == NULL) {
        return -ENOMEM;
    }
    lines_open(&lines, text, len, file, report);
    bool good = read_head(&lines, new);
    while (good && lines_is(&lines, "publisher")) {
        good = read_mark(&lines, new);
    }
    if (!good || !read_check(&lines, text) || !lines_end(&lines)) {
        trust_ratchet_free(new);
        return lines.rc == CORDON_E_REFUSED ? CORDON_E_CORRUPT : lines.rc;
    }
    trust_hash(text, len, new->was);
    *ratchet = new;
    return 0;
}

static void put_numbered(struct text *text, const char *key, uint32_t number,
                         const uint8_t hash[TRUST_HASH_OCTETS])
{
    text_printf(text, "%s %" PRIu32 " ", key, number);
    lines_put_hex(text, hash, TRUST_HASH_OCTETS);
    text_add(text, "\n");
}

static void put_list(struct text *text, const char *key, const struct trust_mark_list *list)
{
    text_printf(text, "%s %s %" PRIu32 " ", key, list->id, list->serial);
    lines_put_hex(text, list->hash, TRUST_HASH_OCTETS);
    text_add(text, "\n");
}

static void put_alarm(struct text *text, const char *key, uint64_t at_s)
{
    if (at_s != 0) {
        lines_put_time(text, key, at_s);
    }
}

int trust_ratchet_format(const struct trust_ratchet *ratchet, char **text, size_t *len)
{
    size_t size = FRAME_OCTETS + ratchet->file_count * LINE_OCTETS;
    uint8_t hash[TRUST_HASH_OCTETS];
    struct text out;

    for (size_t i = 0; i < ratchet->count; i++) {
        size += FRAME_OCTETS + ratchet->marks[i].count * LINE_OCTETS;
    }
    char *buffer = malloc(size);
    if (buffer == NULL) {
        return -ENOMEM;
    }
    text_init(&out, buffer, size);
    text_printf(&out, "cordon-ratchet 2\nwritten %" PRIu32 "\n", ratchet->written);
    lines_put_time(&out, "seen", ratchet->seen_s);
    put_alarm(&out, "lost", ratchet->alarm.lost_s);
    put_alarm(&out, "unwritten", ratchet->alarm.unwritten_s);
    for (size_t i = 0; i < ratchet->file_count; i++) {
        put_list(&out, "exceptions", &ratchet->files[i]);
    }
    for (size_t i = 0; i < ratchet->count; i++) {
        const struct trust_mark *mark = &ratchet->marks[i];

        text_printf(&out, "publisher %s\n", mark->publisher);
        put_numbered(&out, "root", mark->root_version, mark->root_hash);
        put_numbered(&out, "catalogue", mark->serial, mark->hash);
        for (size_t k = 0; k < mark->keys.count; k++) {
            lines_put_key(&out, "key", &mark->keys.keys[k]);
        }
        for (size_t k = 0; k < mark->count; k++) {
            put_list(&out, "list", &mark->lists[k]);
        }
    }
    trust_hash(out.at, out.len, hash);
    text_add(&out, "check ");
    lines_put_hex(&out, hash, sizeof(hash));
    text_add(&out, "\nend\n");
    if (out.overflow) {
        free(buffer);
        return -ENOMEM;
    }
    *text = buffer;
    *len = out.len;
    return 0;
}
