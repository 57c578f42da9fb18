/* config/common.c - what the kinds of values share. */
#include "config/schema.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 32 /* octets of a word that is compared; longer ones are no typo of ours */

struct config_place config_place_of(const struct config_node *node)
{
    return (struct config_place){node->line, node->column};
}

__attribute__((format(printf, 4, 0))) static void
add_fault(const struct config_reader *reader, const char *name, struct config_place place,
          const char *format, va_list arguments)
{
    char message[REPORT_TEXT_MAX];
    const int len = vsnprintf(message, sizeof(message), format, arguments);

    report_add(reader->report, REPORT_ERROR, reader->file, place.line, place.column, "%s: %s",
               name, len < 0 ? "cannot be read" : message);
}

enum config_read_result config_fault(struct config_reader *reader, const struct config_row *row,
                                     const struct config_node *node, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_fault(reader, row->name, config_place_of(node), format, arguments);
    va_end(arguments);
    return CONFIG_READ_REFUSED;
}

void config_fault_at(const struct config_reader *reader, const char *section,
                     struct config_place place, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_fault(reader, section, place, format, arguments);
    va_end(arguments);
}

bool config_want_scalar(struct config_reader *reader, const struct config_row *row,
                        const struct config_node *node, const char *what)
{
    if (node->bad) {
        return false;
    }
    if (node->kind == CONFIG_SEQUENCE) {
        config_fault(
            reader, row, node,
            "expected %s, but found a sequence [...]; an IPv6 address in brackets needs "
            "quotes",
            what);
        return false;
    }
    if (node->kind == CONFIG_MAPPING) {
        config_fault(reader, row, node, "expected %s, but found NAME: VALUE below it", what);
        return false;
    }
    if (config_node_is_empty(node)) {
        config_fault(reader, row, node,
                     "expected %s, but there is nothing: leave the line out for the default",
                     what);
        return false;
    }
    return true;
}

bool config_want_items(struct config_reader *reader, const struct config_row *row,
                       const struct config_node *node, size_t max, const char *what)
{
    if (node->bad) {
        return false;
    }
    if (node->kind != CONFIG_SEQUENCE) {
        config_fault(reader, row, node, "expected %s", what);
        return false;
    }
    if (node->count > max) {
        config_fault(reader, row, node, "%zu entries: %zu are the most", node->count, max);
        return false;
    }
    return true;
}

enum config_read_result config_read_each(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, config_read_item *read,
                                         void *context)
{
    enum config_read_result result = CONFIG_READ_OK;

    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        const bool bad = item->bad || (item->key != NULL && item->key->bad);

        result =
            config_worse(result, bad ? CONFIG_READ_REFUSED : read(reader, row, item, context));
    }
    return result;
}

bool config_is_name(const char *text, size_t max)
{
    const size_t len = strlen(text);

    return len >= 1 && len <= max && text[0] != '-' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

enum config_read_result config_take_path(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, const char *text,
                                         char **out)
{
    const char *fault = config_path_fault(text);

    if (fault != NULL) {
        return config_fault(reader, row, node, "\"%.200s\" %s", text, fault);
    }
    free(*out);
    *out = config_join_path(reader, text);
    return *out == NULL ? CONFIG_READ_NO_MEMORY : CONFIG_READ_OK;
}

enum config_read_result config_read_path(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, char **out)
{
    return config_want_scalar(reader, row, node, "a path")
               ? config_take_path(reader, row, node, node->text, out)
               : CONFIG_READ_REFUSED;
}

const char *config_path_fault(const char *text)
{
    if (text[0] == '\0') {
        return "is no path";
    }
    if (strlen(text) >= PATH_MAX / 2) {
        return "is too long for a path"; /* the folder goes before it */
    }
    if (text[0] == '~') {
        return "begins with ~, which only a shell knows: write the whole path";
    }
    return NULL;
}

char *config_join_path(const struct config_reader *reader, const char *path)
{
    if (path[0] == '/') {
        return strdup(path);
    }
    const size_t len = strlen(reader->folder);
    const size_t size = len + 1 + strlen(path) + 1;
    char *whole = malloc(size);

    if (whole != NULL) {
        const bool slash = len > 0 && reader->folder[len - 1] == '/';
        snprintf(whole, size, "%s%s%s", reader->folder, slash ? "" : "/", path);
    }
    return whole;
}

/* Insertions, deletions and changes of one letter that make b of a (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    const size_t a_len = strlen(a);
    const size_t b_len = strlen(b);
    size_t row[WORD_MAX + 1];

    if (a_len > WORD_MAX || b_len > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            const size_t add = row[j - 1] + 1;
            diagonal = row[j];
            const size_t drop = diagonal + 1;
            row[j] = change < add ? change : add;
            row[j] = row[j] < drop ? row[j] : drop;
        }
    }
    return row[b_len];
}

const char *config_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 1; /* one slip for each three letters, and one */

    for (size_t i = 0; i < count; i++) {
        const size_t far = distance(word, candidates[i]);
        if (far <= best && far < strlen(candidates[i])) {
            if (nearest == NULL || far < best) {
                nearest = candidates[i];
            }
            best = far;
        }
    }
    return nearest;
}

/* A plain scalar needs no quotes if nobody could take it for anything but a text. */
static bool is_plain(const char *text)
{
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./@_+=-";

    return text[0] != '\0' && strchr("@-=", text[0]) == NULL && text[0] != '.' &&
           strspn(text, safe) == strlen(text);
}

void config_print_scalar(const char *text, FILE *out)
{
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}
