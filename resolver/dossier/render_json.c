/* dossier/render_json.c - all of a report, for programs (docs/audit.md, "Reports"). */
#include "dossier/render.h"

#include <inttypes.h>

static void put(void *context, const char *character, size_t octets, uint32_t point,
                uint8_t octet)
{
    FILE *out = context;

    if (character == NULL) {
        /* Controls and hidden characters by their octets, as everywhere in a report. */
        fprintf(out, "\\\\x%02x", octet);
    } else if (point == '"' || point == '\\') {
        fprintf(out, "\\%c", (int)point);
    } else {
        fwrite(character, 1, octets, out);
    }
}

static void put_string(const char *text, size_t len, FILE *out)
{
    fputc('"', out);
    dossier_characters(text, len, put, out);
    fputc('"', out);
}

static void put_cell(const struct dossier_column *column, const struct dossier_cell *cell,
                     FILE *out)
{
    char plain[DOSSIER_PLAIN_MAX];

    fprintf(out, "\"%s\":", column->key);
    if (!cell->present) {
        fputs("null", out);
    } else if (column->kind == DOSSIER_TEXT) {
        put_string(cell->text, cell->number, out);
    } else {
        const bool quoted = column->kind == DOSSIER_TIME || column->kind == DOSSIER_STATUS;
        const size_t len = dossier_plain(column, cell, false, plain);

        fputs(quoted ? "\"" : "", out);
        fwrite(plain, 1, len, out);
        fputs(quoted ? "\"" : "", out);
    }
    if (column->bounded) {
        fprintf(out, ",\"%s_more\":%s", column->key, cell->more ? "true" : "false");
    }
}

static void put_table(const struct dossier_table *table, FILE *out)
{
    fprintf(out, "\"%s\":{\"title\":\"%s\",\"left_out\":%" PRIu64 ",\"rows\":[", table->key,
            table->title, table->left_out);
    for (size_t row = 0; row < dossier_rows(table); row++) {
        fputs(row > 0 ? ",\n{" : "\n{", out);
        for (size_t i = 0; i < table->column_count; i++) {
            fputs(i > 0 ? "," : "", out);
            put_cell(&table->columns[i], dossier_cell(table, row, i), out);
        }
        fputc('}', out);
    }
    fputs("]}", out);
}

void dossier_render_json(const struct dossier *dossier, FILE *out)
{
    fprintf(out, "{\"v\":%d,\"report\":\"%s\",\"facts\":[", DOSSIER_VERSION, dossier->key);
    for (size_t i = 0; i < dossier->fact_count; i++) {
        fprintf(out, "%s{\"key\":\"%s\",\"value\":", i > 0 ? "," : "", dossier->facts[i].key);
        put_string(dossier->facts[i].text, dossier->facts[i].len, out);
        fputc('}', out);
    }
    fputs("],\"notices\":[", out);
    for (size_t i = 0; i < dossier->notice_count; i++) {
        fputs(i > 0 ? "," : "", out);
        put_string(dossier->notices[i].text, dossier->notices[i].len, out);
    }
    fputs("],\n\"tables\":{", out);
    for (size_t i = 0; i < dossier->table_count; i++) {
        fputs(i > 0 ? ",\n" : "\n", out);
        put_table(&dossier->tables[i], out);
    }
    fputs("}}\n", out);
}
