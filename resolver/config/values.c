/* config/values.c - options whose value is a word or a text. */
#include "config/schema.h"

#include "base/invariant.h"
#include "wire/name.h"
#include "wire/type.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define USER_MAX  32 /* useradd(8) */
#define WORDS_MAX 16 /* that one option has */

/* Words. */

enum config_read_result config_read_word(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node,
                                         const struct config_word *words, int *value)
{
    const char *candidates[WORDS_MAX];
    char all[128] = "";
    size_t count = 0;

    if (!config_want_scalar(reader, row, node, "a word")) {
        return CONFIG_READ_REFUSED;
    }
    for (const struct config_word *word = words; word->word != NULL; word++) {
        if (strcmp(node->text, word->word) == 0) {
            *value = word->value;
            return CONFIG_READ_OK;
        }
        const size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", count > 0 ? ", " : "", word->word);
        invariant(count < WORDS_MAX);
        candidates[count++] = word->word;
    }
    const char *near = config_nearest(node->text, candidates, count);
    if (near != NULL) {
        return config_fault(reader, row, node, "\"%.200s\" is not one of %s: did you mean %s?",
                            node->text, all, near);
    }
    return config_fault(reader, row, node, "\"%.200s\" is not one of %s", node->text, all);
}

static void print_word(const struct config_row *row, int value, FILE *out)
{
    for (const struct config_word *word = row->words; word->word != NULL; word++) {
        if (word->value == value) {
            fprintf(out, " %s", word->word);
            return;
        }
    }
}

static enum config_read_result read_choice(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    int value = 0;
    const enum config_read_result result =
        config_read_word(reader, row, node, row->words, &value);

    if (result == CONFIG_READ_OK) {
        *(bool *)config_member(reader->config, row) = value != 0;
    }
    return result;
}

static void print_choice(const struct config *config, const struct config_row *row, FILE *out)
{
    print_word(row, *(const bool *)config_member_of(config, row) ? 1 : 0, out);
}

const struct config_kind config_kind_choice = {"word", read_choice, print_choice};

static enum config_read_result read_one_word(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node)
{
    int value = 0;
    const enum config_read_result result =
        config_read_word(reader, row, node, row->words, &value);

    if (result == CONFIG_READ_OK) {
        *(unsigned *)config_member(reader->config, row) = (unsigned)value;
    }
    return result;
}

static void print_one_word(const struct config *config, const struct config_row *row, FILE *out)
{
    print_word(row, (int)*(const unsigned *)config_member_of(config, row), out);
}

const struct config_kind config_kind_word = {"word", read_one_word, print_one_word};

/* "off" has no code of its own; -2 is no EDE and not "auto". */
#define EDE_OFF (WIRE_EDE_NONE - 1)

static enum config_read_result read_ede(struct config_reader *reader,
                                        const struct config_row *row,
                                        const struct config_node *node)
{
    int value = 0;
    const enum config_read_result result =
        config_read_word(reader, row, node, row->words, &value);

    if (result == CONFIG_READ_OK) {
        reader->config->ede = value != EDE_OFF;
        reader->config->block_ede = value == EDE_OFF ? WIRE_EDE_NONE : value;
    }
    return result;
}

static void print_ede(const struct config *config, const struct config_row *row, FILE *out)
{
    print_word(row, config->ede ? config->block_ede : EDE_OFF, out);
}

const struct config_kind config_kind_ede = {"word", read_ede, print_ede};

/* Texts. */

static enum config_read_result keep(struct config_reader *reader, const struct config_row *row,
                                    char *text)
{
    char **place = config_member(reader->config, row);

    if (text == NULL) {
        return CONFIG_READ_NO_MEMORY;
    }
    free(*place);
    *place = text;
    return CONFIG_READ_OK;
}

static void print_text(const struct config *config, const struct config_row *row, FILE *out)
{
    const char *text = *(char *const *)config_member_of(config, row);

    if (text != NULL) {
        fputc(' ', out);
        config_print_scalar(text, out);
    }
}

static enum config_read_result read_user(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (!config_want_scalar(reader, row, node, "a user's name")) {
        return CONFIG_READ_REFUSED;
    }
    const size_t len = strlen(node->text);
    if (len > USER_MAX || strspn(node->text, allowed) != len ||
        strchr("0123456789.-", node->text[0]) != NULL) {
        return config_fault(
            reader, row, node,
            "\"%.200s\" is not a user's name: letters, digits, . _ - and no more "
            "than %d of them, a letter or _ first",
            node->text, USER_MAX);
    }
    return keep(reader, row, strdup(node->text));
}

const struct config_kind config_kind_user = {"user", read_user, print_text};

static enum config_read_result read_words(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    if (!config_want_scalar(reader, row, node, "a line of text")) {
        return CONFIG_READ_REFUSED;
    }
    const size_t len = strlen(node->text); /* free of control characters: tree.c */
    if (len == 0 || len > CONFIG_CONTACT_MAX) {
        return config_fault(reader, row, node, "expected 1 to %u octets of text, not %zu",
                            CONFIG_CONTACT_MAX, len);
    }
    return keep(reader, row, strdup(node->text));
}

const struct config_kind config_kind_words = {"text", read_words, print_text};

/* The name of a log, and of its key (c2sp.org/signed-note). */
static enum config_read_result read_origin(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    if (!config_want_scalar(reader, row, node, "the name of a log")) {
        return CONFIG_READ_REFUSED;
    }
    const size_t len = strlen(node->text);
    bool good = len > 0 && len <= CONFIG_ORIGIN_MAX;

    for (size_t i = 0; i < len; i++) {
        good = good && node->text[i] > ' ' && node->text[i] < 0x7f && node->text[i] != '+';
    }
    if (!good) {
        return config_fault(reader, row, node,
                            "\"%.200s\" is not the name of a log: 1 to %u characters of ASCII, "
                            "no space and no +, as resolver-1.example.net/audit",
                            node->text, CONFIG_ORIGIN_MAX);
    }
    return keep(reader, row, strdup(node->text));
}

const struct config_kind config_kind_origin = {"text", read_origin, print_text};

static enum config_read_result read_path(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    return config_read_path(reader, row, node, config_member(reader->config, row));
}

const struct config_kind config_kind_path = {"path", read_path, print_text};

static enum config_read_result read_socket(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    const enum config_read_result result = read_path(reader, row, node);
    const char *const *path = (const char *const *)config_member(reader->config, row);
    const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

    if (result == CONFIG_READ_OK && strlen(*path) > max) {
        return config_fault(reader, row, node,
                            "the path of a socket has at most %zu octets, this one %zu", max,
                            strlen(*path));
    }
    return result;
}

const struct config_kind config_kind_socket = {"path", read_socket, print_text};

static enum config_read_result read_output(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    static const char *const words[] = {CONFIG_EVENTS_STDOUT, CONFIG_EVENTS_NONE};

    for (size_t i = 0; i < 2 && node->kind == CONFIG_SCALAR; i++) {
        if (strcmp(node->text, words[i]) == 0) {
            return keep(reader, row, strdup(words[i]));
        }
    }
    return read_path(reader, row, node);
}

const struct config_kind config_kind_output = {"stdout, none or a path", read_output,
                                               print_text};

/* Actions. */

const char *config_action_fault(const char *text, char *note, size_t note_size)
{
    static const char *const words[] = {"sinkhole", "nxdomain", "nodata",  "refused",
                                        "drop",     "truncate", "redirect"};
    static const size_t count = sizeof(words) / sizeof(words[0]) - 1; /* all but redirect */
    static const char redirect[] = "redirect:";

    if (strlen(text) >= sizeof(((struct config *)NULL)->action)) {
        return "is too long for an action";
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return NULL;
        }
    }
    if (strncmp(text, redirect, strlen(redirect)) == 0) {
        const char *target = text + strlen(redirect);
        struct wire_name name;

        target += strncmp(target, "*.", 2) == 0 ? 2 : 0;
        const enum wire_text_result result = wire_name_from_text(target, strlen(target), &name);
        if (result == WIRE_TEXT_OK && name.labels > 0) {
            return NULL;
        }
        snprintf(note, note_size, "redirects to no usable name (%s)",
                 result == WIRE_TEXT_OK ? "the root" : wire_text_result_words(result));
        return note;
    }
    if (strcmp(text, "log") == 0) {
        return "is not for here: to record and let through, write mode: log";
    }
    if (strcmp(text, "pass") == 0) {
        return "is not for here: to let a list's names through, write mode: off for it";
    }
    if (strcmp(text, "redirect") == 0) {
        return "needs its target: redirect:NAME, or redirect:*.NAME to put the asked name "
               "before it";
    }
    const char *near = config_nearest(text, words, count + 1);
    snprintf(note, note_size,
             "is not an action: sinkhole, nxdomain, nodata, refused, drop, truncate or "
             "redirect:NAME%s%s%s",
             near != NULL ? "; did you mean " : "", near != NULL ? near : "",
             near != NULL ? "?" : "");
    return note;
}

enum config_read_result config_read_action(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node,
                                           char out[CONFIG_ACTION_MAX])
{
    char note[256];

    if (!config_want_scalar(reader, row, node, "an action")) {
        return CONFIG_READ_REFUSED;
    }
    const char *words = config_action_fault(node->text, note, sizeof(note));
    if (words != NULL) {
        return config_fault(reader, row, node, "\"%.200s\" %s", node->text, words);
    }
    snprintf(out, CONFIG_ACTION_MAX, "%s", node->text);
    return CONFIG_READ_OK;
}

static enum config_read_result read_action(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    return config_read_action(reader, row, node, reader->config->action);
}

static void print_action(const struct config *config, const struct config_row *row, FILE *out)
{
    (void)row;
    fputc(' ', out);
    config_print_scalar(config->action, out);
}

const struct config_kind config_kind_action = {"action", read_action, print_action};
