/*
 * dossier/rows.h - tables made of rows of the log, one for each span. For the files of this
 * room.
 */
#ifndef CORDON_DOSSIER_ROWS_H
#define CORDON_DOSSIER_ROWS_H

#include "dossier/reports.h"

/* How a column of the log becomes one of a table. */
enum dossier_row_kind {
    DOSSIER_ROW_TEXT,
    DOSSIER_ROW_NUMBER,
    DOSSIER_ROW_SERIAL,
    DOSSIER_ROW_SECONDS, /* since 1970 */
    DOSSIER_ROW_MICROS,
    DOSSIER_ROW_HEX,
    DOSSIER_ROW_STREAM,
    DOSSIER_ROW_FLAG
};
struct dossier_row_column {
    unsigned column; /* enum audit_column; 0: the end */
    enum dossier_row_kind kind;
    const char *key, *title;
    bool sparse;
};

void dossier_row_columns(struct dossier *dossier, const struct dossier_row_column *columns);
void dossier_row_cells(struct dossier *dossier, const struct dossier_row_column *columns,
                       const struct audit_row *row);

/* Columns "from", "to", "ended", and their cells: an end after the times of the report is
 * none. */
void dossier_span_columns(struct dossier *dossier);
void dossier_span_cells(const struct dossier_making *making, const struct dossier_span *span);
/* Whether any of it is within the times of the report. */
bool dossier_span_counts(const struct dossier_making *making, const struct dossier_span *span);

/* A table of all spans of a kind within these times: the columns of their rows, then the above.
 * moments: they have no end, and one column "time". */
void dossier_span_table(struct dossier_making *making, enum dossier_span_kind kind,
                        bool moments, const struct dossier_row_column *columns, const char *key,
                        const char *title, const char *words);

#endif
