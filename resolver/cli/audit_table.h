/*
 * cli/audit_table.h - events of the audit log for people and spreadsheets: a table that fits
 * the terminal, and CSV (RFC 4180).
 */
#ifndef CORDON_CLI_AUDIT_TABLE_H
#define CORDON_CLI_AUDIT_TABLE_H

#include "audit/shown.h"

#include <stdio.h>

struct cli_audit_table {
    unsigned width; /* of the terminal; 0: none, and nothing is cut */
    bool begun;
};

/* By what standard output is. */
void cli_audit_table_init(struct cli_audit_table *table);
/* One line, and before the first the heads of the columns. */
void cli_audit_table_row(struct cli_audit_table *table, const struct audit_row *row,
                         const struct audit_id *id, FILE *out);

/* A text for a table: appended in so many columns, cut at its left or right ("~") and filled.
 */
enum cli_audit_cut {
    CLI_CUT_NOT,
    CLI_CUT_LEFT, /* of names, whose end says most */
    CLI_CUT_RIGHT
};
void cli_audit_cell(struct text *line, const char *octets, size_t len, unsigned width,
                    enum cli_audit_cut cut);

/* The names of the columns, and an event in one line. What a spreadsheet would take for a
 * formula has a ' in front. */
void cli_audit_csv_head(FILE *out);
void cli_audit_csv_row(const struct audit_row *row, const struct audit_id *id, FILE *out);
/* One cell, with what it needs of quotes. */
void cli_audit_csv_cell(const char *octets, size_t len, FILE *out);

#endif
