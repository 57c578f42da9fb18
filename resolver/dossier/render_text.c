/* dossier/render_text.c - a report in a terminal. */
#include "dossier/render.h"

#include <inttypes.h>
#include <string.h>

/* A cell as it is shown: cut, and so wide. */
struct shown {
    char text[DOSSIER_CELL_TEXT * 4 + 16];
    size_t len, width;
    bool cut;
};

/* Columns of a terminal that a character takes; East Asian wide ones take two (UAX 11). */
static size_t width_of(uint32_t point)
{
    return (point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0xa4cf) ||
                   (point >= 0xac00 && point <= 0xd7a3) ||
                   (point >= 0xf900 && point <= 0xfaff) ||
                   (point >= 0xfe30 && point <= 0xfe6f) ||
                   (point >= 0xff00 && point <= 0xff60) ||
                   (point >= 0x1f300 && point <= 0x1faff) ||
                   (point >= 0x20000 && point <= 0x3fffd)
               ? 2
               : 1;
}

static void show_character(void *context, const char *character, size_t octets, uint32_t point,
                           uint8_t octet)
{
    struct shown *shown = context;
    char escaped[5];
    const char *text = character;
    size_t width = character != NULL ? width_of(point) : 4;

    if (character == NULL) {
        octets = (size_t)snprintf(escaped, sizeof(escaped), "\\x%02x", octet);
        text = escaped;
    }
    if (shown->width + width > DOSSIER_CELL_TEXT) {
        shown->cut = true;
    }
    if (!shown->cut) {
        memcpy(shown->text + shown->len, text, octets);
        shown->len += octets;
        shown->width += width;
    }
}

static void show(const struct dossier_column *column, const struct dossier_cell *cell,
                 struct shown *out)
{
    memset(out, 0, sizeof(*out));
    if (!cell->present) {
        out->text[0] = '-';
        out->len = out->width = 1;
    } else if (column->kind == DOSSIER_TEXT) {
        dossier_characters(cell->text, cell->number, show_character, out);
        if (out->cut) {
            memcpy(out->text + out->len, "...", 3);
            out->len += 3;
            out->width += 3;
        }
    } else {
        out->len = out->width = dossier_plain(column, cell, true, out->text);
    }
}

static void spaces(size_t count, FILE *out)
{
    fprintf(out, "%*s", (int)count, "");
}

static bool is_right(const struct dossier_column *column)
{
    return column->kind == DOSSIER_NUMBER || column->kind == DOSSIER_SPAN;
}

static void print_row(const struct dossier_table *table, size_t row, const size_t *widths,
                      FILE *out)
{
    size_t behind = 0; /* spaces that are due before the next cell */

    for (size_t i = 0; i < table->column_count; i++) {
        struct shown shown;

        if (widths[i] == 0) {
            continue;
        }
        show(&table->columns[i], dossier_cell(table, row, i), &shown);
        const size_t pad = widths[i] - shown.width;
        const bool right = is_right(&table->columns[i]);
        spaces(behind + 2 + (right ? pad : 0), out);
        fwrite(shown.text, 1, shown.len, out);
        behind = right ? 0 : pad;
    }
    fputc('\n', out);
}

static void print_table(const struct dossier_table *table, FILE *out)
{
    const size_t all = dossier_rows(table);
    const size_t rows = all < DOSSIER_ROWS_TEXT ? all : DOSSIER_ROWS_TEXT;
    size_t widths[DOSSIER_COLUMNS_MAX] = {0};
    size_t behind = 0;

    fprintf(out, "\n%s\n", table->title);
    if (all == 0) {
        fputs("  none\n", out);
        return;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        if (!dossier_shows(table, i)) {
            continue;
        }
        widths[i] = strlen(table->columns[i].title);
        for (size_t row = 0; row < rows; row++) {
            struct shown shown;

            show(&table->columns[i], dossier_cell(table, row, i), &shown);
            widths[i] = shown.width > widths[i] ? shown.width : widths[i];
        }
    }
    for (size_t i = 0; i < table->column_count; i++) {
        const size_t pad = widths[i] - (widths[i] > 0 ? strlen(table->columns[i].title) : 0);
        const bool right = is_right(&table->columns[i]);

        if (widths[i] > 0) {
            spaces(behind + 2 + (right ? pad : 0), out);
            fputs(table->columns[i].title, out);
            behind = right ? 0 : pad;
        }
    }
    fputc('\n', out);
    for (size_t row = 0; row < rows; row++) {
        print_row(table, row, widths, out);
    }
    if (all > rows) {
        fprintf(out, "  and %zu more: --format csv --table %s has them\n", all - rows,
                table->key);
    }
    if (table->left_out > 0) {
        fprintf(out, "  and %" PRIu64 " that were counted, and not kept one by one\n",
                table->left_out);
    }
}

/* Facts and notices: sentences of ours, with names of others in them. */
static void print_character(void *context, const char *character, size_t octets, uint32_t point,
                            uint8_t octet)
{
    (void)point;
    if (character == NULL) {
        fprintf(context, "\\x%02x", octet);
    } else {
        fwrite(character, 1, octets, context);
    }
}

static void print_words(const char *text, size_t len, FILE *out)
{
    dossier_characters(text, len, print_character, out);
    fputc('\n', out);
}

void dossier_render_text(const struct dossier *dossier, FILE *out)
{
    fprintf(out, "%s\n", dossier->title);
    for (size_t i = 0; i < dossier->fact_count; i++) {
        fprintf(out, "  %-16s ", dossier->facts[i].title);
        print_words(dossier->facts[i].text, dossier->facts[i].len, out);
    }
    for (size_t i = 0; i < dossier->notice_count; i++) {
        fputs(i == 0 ? "\nTo know\n  " : "  ", out);
        print_words(dossier->notices[i].text, dossier->notices[i].len, out);
    }
    for (size_t i = 0; i < dossier->table_count; i++) {
        print_table(&dossier->tables[i], out);
    }
}
