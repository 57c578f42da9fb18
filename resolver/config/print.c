/* config/print.c - what the table of options says, to people: the configuration as it was
 * understood, the manual's table, the example file, what only a restart changes. */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

#define COMMENT_COLUMNS 92

/* A value as text, "" if it is not set: the caller frees. NULL if out of memory. */
static char *print_value(const struct config *config, const struct config_row *row)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL) {
        return NULL;
    }
    row->kind->print(config, row, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static bool is_set(const struct config *config, const struct config_row *row)
{
    char *value = print_value(config, row);
    const bool set = value == NULL || value[0] != '\0';

    free(value);
    return set;
}

/* The head of a section, "update:"; of one inside of another, "  gate:". Returns the blanks
 * before its options. */
static const char *print_head(const struct config_section *section, FILE *out)
{
    const char *inner = strchr(section->name, '.');

    if (inner == NULL) {
        fprintf(out, "%s:\n", section->name);
        return "  ";
    }
    fprintf(out, "  %s:\n", inner + 1);
    return "    ";
}

void config_print(const struct config *config, FILE *out)
{
    for (size_t s = 0; s < config_section_count; s++) {
        const char *indent = NULL;

        if (config_sections[s].print != NULL) {
            config_sections[s].print(config, out);
            continue;
        }
        for (size_t i = 0; i < config_row_count; i++) {
            const struct config_row *row = &config_rows[i];
            const char *option;

            if (!config_row_is_in(row, config_sections[s].name, &option) ||
                !is_set(config, row)) {
                continue;
            }
            if (indent == NULL) {
                indent = print_head(&config_sections[s], out);
            }
            fprintf(out, "%s%s:", indent, option);
            row->kind->print(config, row, out);
            fputc('\n', out);
        }
    }
}

void config_report_restart(const struct config *old, const struct config *new, const char *file,
                           struct report *report)
{
    for (size_t i = 0; i < config_row_count; i++) {
        const struct config_row *row = &config_rows[i];

        if (row->reloadable) {
            continue;
        }
        char *before = print_value(old, row);
        char *after = print_value(new, row);
        if (before != NULL && after != NULL && strcmp(before, after) != 0) {
            report_add(report, REPORT_WARNING, file, 0, 0,
                       "%s: changed, but only a restart makes it so: still%s", row->name,
                       before[0] == '\0'              ? " not set"
                       : strchr(before, '\n') != NULL ? " as it was"
                                                      : before);
        }
        free(before);
        free(after);
    }
}

/* Words behind "# ", broken before COMMENT_COLUMNS. */
static void print_comment(const char *text, const char *indent, FILE *out)
{
    size_t column = 0;

    while (*text != '\0') {
        const size_t word = strcspn(text, " ");
        if (column > 0 && column + 1 + word > COMMENT_COLUMNS) {
            fputc('\n', out);
            column = 0;
        }
        if (column == 0) {
            fprintf(out, "%s#", indent);
            column = strlen(indent) + 1;
        }
        fprintf(out, " %.*s", (int)word, text);
        column += 1 + word;
        text += word + (text[word] == ' ' ? 1 : 0);
    }
    fputc('\n', out);
}

static void print_commented(const char *option, const char *text, const char *indent, FILE *out)
{
    fprintf(out, "%s# %s:%s", indent, option, text[0] == '\n' ? "" : " ");
    for (; *text != '\0'; text++) {
        fputc(*text, out);
        if (*text == '\n') {
            fprintf(out, "%s#", indent);
        }
    }
    fputc('\n', out);
}

/* A section that is only shown: all of it behind "# ". */
static void print_block(const char *name, const char *text, FILE *out)
{
    fprintf(out, "# %s:", name);
    for (; *text != '\0'; text++) {
        fputc(*text, out);
        fputs(*text == '\n' ? "# " : "", out);
    }
    fputc('\n', out);
}

void config_print_example(FILE *out)
{
    fputs(
        "# The configuration of cordond(8): every option with its default. What is left out "
        "keeps it.\n"
        "# The manual is cordon.yaml(5); `cordon check FILE` says what is wrong with a file.\n",
        out);
    for (size_t s = 0; s < config_section_count; s++) {
        const bool inner = strchr(config_sections[s].name, '.') != NULL;

        fputc('\n', out);
        print_comment(config_sections[s].manual, inner ? "  " : "", out);
        if (config_sections[s].example != NULL) {
            print_block(config_sections[s].name, config_sections[s].example, out);
            continue;
        }
        const char *indent = print_head(&config_sections[s], out);
        for (size_t i = 0; i < config_row_count; i++) {
            const struct config_row *row = &config_rows[i];
            const char *option;

            if (!config_row_is_in(row, config_sections[s].name, &option)) {
                continue;
            }
            print_comment(row->manual, indent, out);
            if (row->standard == NULL) {
                print_commented(option, row->example, indent, out);
            } else {
                fprintf(out, "%s%s:%s%s\n", indent, option, row->standard[0] == '\n' ? "" : " ",
                        row->standard);
            }
        }
    }
}

/* Text of ours in scdoc(5): what it would take for markup is escaped. */
static void print_scdoc(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (strchr("*_\\#[]|.~", *text) != NULL) {
            fputc('\\', out);
        }
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

/* A default of several lines is printed on one. */
static void print_default(const char *text, FILE *out)
{
    char line[256];
    size_t used = 0;

    for (text += strspn(text, "\n "); *text != '\0' && used + 2 < sizeof(line); text++) {
        if (*text == '\n') {
            line[used++] = ',';
            line[used++] = ' ';
            text += strspn(text + 1, " ");
        } else {
            line[used++] = *text;
        }
    }
    line[used] = '\0';
    print_scdoc(line, out);
}

static void print_limits(const struct config_row *row, FILE *out)
{
    char *low = NULL;
    char *high = NULL;
    struct config *least = calloc(1, sizeof(*least));
    struct config *most = calloc(1, sizeof(*most));

    /* The limits are printed as values are, by the kind of the row. */
    if (least != NULL && most != NULL) {
        if (row->kind == &config_kind_size) {
            memcpy((char *)least + row->offset, &row->min, sizeof(row->min));
            memcpy((char *)most + row->offset, &row->max, sizeof(row->max));
        } else if (row->kind == &config_kind_count16) {
            const uint16_t values[] = {(uint16_t)row->min, (uint16_t)row->max};
            memcpy((char *)least + row->offset, &values[0], sizeof(values[0]));
            memcpy((char *)most + row->offset, &values[1], sizeof(values[1]));
        } else {
            const uint32_t values[] = {(uint32_t)row->min, (uint32_t)row->max};
            memcpy((char *)least + row->offset, &values[0], sizeof(values[0]));
            memcpy((char *)most + row->offset, &values[1], sizeof(values[1]));
        }
        low = print_value(least, row);
        high = print_value(most, row);
    }
    if (low != NULL && high != NULL) {
        fprintf(out, " From%s to%s", low, high);
        fprintf(out, "%s%s.", row->zero != NULL ? ", or " : "",
                row->zero != NULL ? row->zero : "");
    }
    free(low);
    free(high);
    free(least);
    free(most);
}

static void print_row(const struct config_row *row, FILE *out)
{
    fputc('*', out);
    print_scdoc(row->name, out);
    fputs("* (", out);
    if (row->words != NULL) {
        for (const struct config_word *word = row->words; word->word != NULL; word++) {
            fprintf(out, "%s%s", word == row->words ? "" : ", ", word->word);
        }
    } else {
        fputs(row->kind->title, out);
    }
    fputs(")\n\t", out);
    print_scdoc(row->manual, out);
    if (row->max > 0) {
        print_limits(row, out);
    }
    if (row->standard != NULL) {
        fputs(" Default: ", out);
        print_default(row->standard, out);
        fputs("\\.", out);
    }
    if (!row->reloadable) {
        fputs(" A change needs a restart\\.", out);
    }
    fputs("\n\n", out);
}

void config_print_manual(FILE *out)
{
    for (size_t s = 0; s < config_section_count; s++) {
        const char *option;

        fprintf(out, "## %s\n\n", config_sections[s].name);
        print_scdoc(config_sections[s].manual, out);
        fputs("\n\n", out);
        for (size_t i = 0; i < config_row_count; i++) {
            if (config_row_is_in(&config_rows[i], config_sections[s].name, &option)) {
                print_row(&config_rows[i], out);
            }
        }
    }
}
