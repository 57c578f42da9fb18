#include "dossier/rows.h"

#include "base/digest.h"

#include <string.h>

void dossier_row_columns(struct dossier *dossier, const struct dossier_row_column *columns)
{
    static const enum dossier_kind kinds[] = {
        [DOSSIER_ROW_TEXT] = DOSSIER_TEXT,     [DOSSIER_ROW_NUMBER] = DOSSIER_NUMBER,
        [DOSSIER_ROW_SERIAL] = DOSSIER_SERIAL, [DOSSIER_ROW_SECONDS] = DOSSIER_TIME,
        [DOSSIER_ROW_MICROS] = DOSSIER_TIME,   [DOSSIER_ROW_HEX] = DOSSIER_TEXT,
        [DOSSIER_ROW_STREAM] = DOSSIER_TEXT,   [DOSSIER_ROW_FLAG] = DOSSIER_TEXT};

    for (; columns->column != 0; columns++) {
        dossier_column(dossier, columns->key, columns->title, kinds[columns->kind])->sparse =
            columns->sparse;
    }
}

static void number_cell(struct dossier *dossier, enum dossier_row_kind kind, uint64_t number)
{
    switch (kind) {
    case DOSSIER_ROW_SECONDS:
        dossier_number(dossier, number < UINT64_MAX / 1000000 ? number * 1000000 : number);
        break;
    case DOSSIER_ROW_STREAM:
        dossier_string(dossier,
                       number <= AUDIT_STREAMS ? audit_stream_word((unsigned)number) : NULL);
        break;
    case DOSSIER_ROW_FLAG:
        dossier_string(dossier, number != 0 ? "yes" : "no");
        break;
    case DOSSIER_ROW_TEXT:
    case DOSSIER_ROW_NUMBER:
    case DOSSIER_ROW_SERIAL:
    case DOSSIER_ROW_MICROS:
    case DOSSIER_ROW_HEX:
        dossier_number(dossier, number);
        break;
    }
}

void dossier_row_cells(struct dossier *dossier, const struct dossier_row_column *columns,
                       const struct audit_row *row)
{
    for (; columns->column != 0; columns++) {
        const struct audit_value *value = &row->at[columns->column];
        const bool is_text =
            columns->kind == DOSSIER_ROW_TEXT || columns->kind == DOSSIER_ROW_HEX;

        if (!audit_row_has(row, columns->column) || is_text != (value->octets != NULL)) {
            dossier_absent(dossier);
        } else if (columns->kind == DOSSIER_ROW_HEX) {
            char hex[2 * AUDIT_TEXT_MAX + 1];

            digest_hex(value->octets, value->number, hex);
            dossier_text(dossier, hex, 2 * value->number);
        } else if (is_text) {
            dossier_text(dossier, value->octets, value->number);
        } else {
            number_cell(dossier, columns->kind, value->number);
        }
    }
}

void dossier_span_columns(struct dossier *dossier)
{
    dossier_column(dossier, "from", "from", DOSSIER_TIME);
    dossier_column(dossier, "to", "to", DOSSIER_TIME);
    dossier_column(dossier, "ended", "ended", DOSSIER_TEXT);
}

bool dossier_span_counts(const struct dossier_making *making, const struct dossier_span *span)
{
    return span->from_us <= making->to_us &&
           (span->to_us == 0 || span->to_us >= making->from_us);
}

void dossier_span_cells(const struct dossier_making *making, const struct dossier_span *span)
{
    dossier_number(making->dossier, span->from_us);
    if (span->to_us == 0 || span->to_us > making->to_us) {
        dossier_absent(making->dossier);
        dossier_string(making->dossier, "goes on");
    } else {
        dossier_number(making->dossier, span->to_us);
        dossier_string(making->dossier, span->ended);
    }
}

void dossier_span_table(struct dossier_making *making, enum dossier_span_kind kind,
                        bool moments, const struct dossier_row_column *columns, const char *key,
                        const char *title, const char *words)
{
    const struct dossier_history *history = &making->history;
    struct dossier *dossier = making->dossier;

    dossier_table(dossier, key, title, words)->left_out = history->left_out[kind];
    if (moments) {
        dossier_column(dossier, "time", "time", DOSSIER_TIME);
    }
    dossier_row_columns(dossier, columns);
    if (!moments) {
        dossier_span_columns(dossier);
    }
    for (size_t i = 0; i < history->counts[kind]; i++) {
        const struct dossier_span *span = &history->spans[kind][i];
        struct audit_row row;

        if (!dossier_span_row(span, &row) || !dossier_span_counts(making, span) ||
            (moments && span->from_us < making->from_us)) {
            continue;
        }
        if (moments) {
            dossier_number(dossier, span->from_us);
        }
        dossier_row_cells(dossier, columns, &row);
        if (!moments) {
            dossier_span_cells(making, span);
        }
    }
}
