#include "trust/catalogue.h"

#include "base/error.h"
#include "trust/lines.h"
#include "trust/signed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trust_catalogue_free(struct trust_catalogue *catalogue)
{
    if (catalogue != NULL) {
        free(catalogue->entries);
        free(catalogue);
    }
}

const struct trust_entry *trust_catalogue_find(const struct trust_catalogue *catalogue,
                                               const char *id)
{
    size_t from = 0;
    size_t to = catalogue->count;

    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        const int order = strcmp(catalogue->entries[middle].id, id);

        if (order == 0) {
            return &catalogue->entries[middle];
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

/* Takes the next field, up to a space or the end, off the front. */
static size_t next_field(const char **at, const char **field)
{
    const size_t len = strcspn(*at, " ");

    *field = *at;
    *at += len + ((*at)[len] == ' ' ? 1 : 0);
    return len;
}

/* A field "KEY=VALUE". */
static bool is_field(const char **at, const char *key, const char **value, size_t *len)
{
    const char *field = NULL;
    const size_t key_len = strlen(key);
    const size_t field_len = next_field(at, &field);

    if (field_len <= key_len || memcmp(field, key, key_len) != 0 || field[key_len] != '=') {
        return false;
    }
    *value = field + key_len + 1;
    *len = field_len - key_len - 1;
    return true;
}

/* "ID serial=N size=N blake2b=HEX [image=HEX]". */
static bool parse_entry(const char *text, struct trust_entry *entry)
{
    const char *at = text;
    const char *value = NULL;
    uint64_t serial = 0;
    size_t len = next_field(&at, &value);

    if (!lines_is_id(value, len)) {
        return false;
    }
    memcpy(entry->id, value, len);
    entry->id[len] = '\0';
    if (!is_field(&at, "serial", &value, &len) ||
        !lines_parse_number(value, len, UINT32_MAX, &serial) ||
        !is_field(&at, "size", &value, &len) ||
        !lines_parse_number(value, len, TRUST_LIST_OCTETS_MAX, &entry->size) ||
        !is_field(&at, "blake2b", &value, &len) ||
        !lines_parse_hex(value, len, entry->hash, sizeof(entry->hash))) {
        return false;
    }
    entry->serial = (uint32_t)serial;
    if (value[len] == '\0') {
        return true;
    }
    entry->has_image = true;
    return is_field(&at, "image", &value, &len) &&
           lines_parse_hex(value, len, entry->image, sizeof(entry->image)) &&
           value[len] == '\0';
}

static bool read_entry(struct lines *lines, struct trust_catalogue *catalogue)
{
    char value[TRUST_LINE_MAX];
    const struct lines at = *lines;
    struct trust_entry *entry = &catalogue->entries[catalogue->count];

    if (!lines_value(lines, "list", value, sizeof(value))) {
        return false;
    }
    const char *fault = NULL;
    if (!parse_entry(value, entry)) {
        fault = "the line is \"list ID serial=N size=N blake2b=128-DIGITS\", perhaps with "
                "\"image=128-DIGITS\"";
    } else if (catalogue->count > 0 && strcmp(entry[-1].id, entry->id) >= 0) {
        fault = "lists stand in ascending order, each once";
    }
    if (fault != NULL) {
        *lines = at;
        return lines_fault(lines, "%s", fault);
    }
    catalogue->count++;
    return true;
}

static bool read_catalogue(struct lines *lines, struct trust_catalogue *catalogue)
{
    if (!lines_first(lines, "cordon-catalogue") ||
        !lines_id(lines, "publisher", catalogue->publisher) ||
        !lines_number(lines, "serial", &catalogue->serial) ||
        !lines_time(lines, "created", &catalogue->created_s) ||
        !lines_time(lines, "expires", &catalogue->expires_s)) {
        return false;
    }
    if (catalogue->expires_s <= catalogue->created_s) {
        return lines_fault(lines, "it expires before it is created");
    }
    while (lines_is(lines, "list")) {
        if (catalogue->count == TRUST_CATALOGUE_LISTS_MAX) {
            return lines_fault(lines, "a catalogue names at most %u lists",
                               TRUST_CATALOGUE_LISTS_MAX);
        }
        if (!read_entry(lines, catalogue)) {
            return false;
        }
    }
    return lines_end(lines);
}

int trust_catalogue_parse(const char *text, size_t len, const char *file, struct report *report,
                          struct trust_catalogue **catalogue)
{
    struct lines lines;

    if (len > TRUST_CATALOGUE_OCTETS_MAX) {
        report_add(report, REPORT_ERROR, file, 0, 0, "a catalogue has at most %u octets",
                   TRUST_CATALOGUE_OCTETS_MAX);
        return CORDON_E_TOO_LARGE;
    }
    struct trust_catalogue *new = calloc(1, sizeof(*new));
    if (new != NULL) {
        new->entries = calloc(TRUST_CATALOGUE_LISTS_MAX, sizeof(new->entries[0]));
    }
    if (new == NULL || new->entries == NULL) {
        trust_catalogue_free(new);
        return -ENOMEM;
    }
    lines_open(&lines, text, len, file, report);
    if (!read_catalogue(&lines, new)) {
        trust_catalogue_free(new);
        return lines.rc;
    }
    trust_hash(text, len, new->hash);
    *catalogue = new;
    return 0;
}

int trust_catalogue_format(const struct trust_catalogue *catalogue, char **text, size_t *len)
{
    char *buffer = malloc(TRUST_CATALOGUE_OCTETS_MAX);
    struct text out;

    if (buffer == NULL) {
        return -ENOMEM;
    }
    text_init(&out, buffer, TRUST_CATALOGUE_OCTETS_MAX);
    text_printf(&out, "cordon-catalogue 1\npublisher %s\nserial %" PRIu32 "\n",
                catalogue->publisher, catalogue->serial);
    lines_put_time(&out, "created", catalogue->created_s);
    lines_put_time(&out, "expires", catalogue->expires_s);
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct trust_entry *entry = &catalogue->entries[i];

        text_printf(&out, "list %s serial=%" PRIu32 " size=%" PRIu64 " blake2b=", entry->id,
                    entry->serial, entry->size);
        lines_put_hex(&out, entry->hash, sizeof(entry->hash));
        if (entry->has_image) {
            text_add(&out, " image=");
            lines_put_hex(&out, entry->image, sizeof(entry->image));
        }
        text_add(&out, "\n");
    }
    text_add(&out, "end\n");
    if (out.overflow) {
        free(buffer);
        return -ENOMEM;
    }
    *text = buffer;
    *len = out.len;
    return 0;
}

int trust_catalogue_read(const char *path, const struct trust_root *root, struct report *report,
                         struct trust_catalogue **catalogue)
{
    struct trust_verdict verdict;
    struct trust_catalogue *new = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    int rc =
        signed_read(path, TRUST_CATALOGUE_OCTETS_MAX, "the catalogue", report, &text, &len);

    if (rc == 0) {
        rc = signed_verify(&root->list, path, text, len, report, &verdict);
    }
    if (rc == 0) {
        rc = trust_catalogue_parse((const char *)text, len, path, report, &new);
    }
    if (rc == 0 && new != NULL && strcmp(new->publisher, root->publisher) != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "the catalogue is of the publisher \"%s\", the root of \"%s\"",
                   new->publisher, root->publisher);
        rc = CORDON_E_REFUSED;
    }
    free(text);
    if (rc != 0) {
        trust_catalogue_free(new);
        return rc;
    }
    *catalogue = new;
    return 0;
}

int trust_entry_check(const struct trust_entry *entry, const char *path, const uint8_t *text,
                      size_t len, struct report *report)
{
    uint8_t hash[TRUST_HASH_OCTETS];

    trust_hash(text, len, hash);
    return trust_entry_check_hash(entry, path, hash, len, report);
}

int trust_entry_check_hash(const struct trust_entry *entry, const char *path,
                           const uint8_t hash[TRUST_HASH_OCTETS], size_t len,
                           struct report *report)
{
    if (len != entry->size) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "it has %zu octets, the catalogue says %" PRIu64
                   ": the two are of different days; fetch both again",
                   len, entry->size);
        return CORDON_E_REFUSED;
    }
    if (memcmp(hash, entry->hash, TRUST_HASH_OCTETS) != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "its hash is not the one that the catalogue names: the two are of different "
                   "days; fetch both again");
        return CORDON_E_REFUSED;
    }
    return 0;
}
