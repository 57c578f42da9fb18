/* dossier/render_csv.c - one table for a spreadsheet (RFC 4180). */
#include "dossier/render.h"

#include <string.h>

/* Where a comma is for decimals, spreadsheets begin a cell behind each semicolon, quoted or
 * not: what follows is looked at as if it were one. */
struct writing {
    FILE *out;
    const char *text;
    size_t len, done;
};

static void put(void *context, const char *character, size_t octets, uint32_t point,
                uint8_t octet)
{
    struct writing *writing = context;
    FILE *out = writing->out;

    writing->done += character == NULL ? 1 : octets;
    if (character == NULL) {
        fprintf(out, "\\x%02x", octet);
    } else if (point == '"') {
        fputs("\"\"", out);
    } else {
        fwrite(character, 1, octets, out);
    }
    if (point == ';' && character != NULL &&
        dossier_is_formula(writing->text + writing->done, writing->len - writing->done)) {
        fputc('\'', out);
    }
}

/* Spreadsheets take what begins so for a formula, some after spaces, some in full width. An
 * apostrophe before it makes it text, and is seen: no text is ever something else. */
bool dossier_is_formula(const char *text, size_t len)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};
    size_t at = 0;

    while (at < len &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) {
        at++;
    }
    if (at < len && strchr("=+-@|%", text[at]) != NULL && text[at] != '\0') {
        return true;
    }
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        if (len - at >= 3 && memcmp(text + at, wide[i], 3) == 0) {
            return true;
        }
    }
    return len > 0 && (text[0] == '\t' || text[0] == '\r' || text[0] == '\n');
}

static void put_cell(const struct dossier_column *column, const struct dossier_cell *cell,
                     FILE *out)
{
    char plain[DOSSIER_PLAIN_MAX];

    if (!cell->present) {
        return;
    }
    if (column->kind != DOSSIER_TEXT) {
        fwrite(plain, 1, dossier_plain(column, cell, false, plain), out);
        return;
    }
    struct writing writing = {out, cell->text, cell->number, 0};

    fputs(dossier_is_formula(cell->text, cell->number) ? "\"'" : "\"", out);
    dossier_characters(cell->text, cell->number, put, &writing);
    fputc('"', out);
}

void dossier_render_csv(const struct dossier_table *table, FILE *out)
{
    for (size_t i = 0; i < table->column_count; i++) {
        fprintf(out, "%s%s", i > 0 ? "," : "", table->columns[i].key);
        if (table->columns[i].bounded) {
            fprintf(out, ",%s_more", table->columns[i].key);
        }
    }
    fputs("\r\n", out);
    for (size_t row = 0; row < dossier_rows(table); row++) {
        for (size_t i = 0; i < table->column_count; i++) {
            const struct dossier_cell *cell = dossier_cell(table, row, i);

            fputs(i > 0 ? "," : "", out);
            put_cell(&table->columns[i], cell, out);
            if (table->columns[i].bounded) {
                fputs(cell->more ? ",true" : ",false", out);
            }
        }
        fputs("\r\n", out);
    }
}
