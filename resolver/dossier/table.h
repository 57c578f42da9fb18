/*
 * dossier/table.h - a report as data: facts, notices and tables. Who gathers fills it, who
 * renders reads it, and neither knows the other.
 *
 * Texts of cells are octets as they were recorded: strangers have made some of them, and each
 * renderer escapes. Out of memory is remembered (dossier_failed), so that only the end asks.
 */
#ifndef CORDON_DOSSIER_TABLE_H
#define CORDON_DOSSIER_TABLE_H

#include "dossier/legal.h"
#include "dossier/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dossier_kind {
    DOSSIER_TEXT,
    DOSSIER_NUMBER, /* of things that are counted */
    DOSSIER_SERIAL, /* that names something: no separators */
    DOSSIER_TIME,   /* microseconds since 1970 */
    DOSSIER_SPAN,   /* microseconds */
    DOSSIER_STATUS  /* a number: enum dossier_legal */
};

/* What a column of numbers is about: its colour in a chart. */
enum dossier_tone {
    DOSSIER_PLAIN,
    DOSSIER_TONE_LEGAL = 16,  /* plus enum dossier_legal */
    DOSSIER_TONE_EFFECT = 32, /* plus enum dossier_effect */
};

struct dossier_column {
    const char *key, *title; /* literals: a word for machines, and one for people */
    enum dossier_kind kind;
    unsigned tone;
    bool sparse;  /* people are not shown it where no row has it, or all have 0 */
    bool machine; /* people are not shown it at all: another column says it in words */
    bool bounded; /* its numbers may be "at least": machines get KEY_more beside it */
};

struct dossier_cell {
    const char *text;
    uint64_t number; /* or the length of the text */
    bool present, more;
};

enum dossier_chart {
    DOSSIER_NO_CHART,
    DOSSIER_BARS_LEGAL,    /* a bar for each row, by legal kind */
    DOSSIER_BARS_EFFECT,   /* by what came of it */
    DOSSIER_COLUMNS_LEGAL, /* rows are moments: a column for each, by legal kind */
    DOSSIER_COLUMNS_EFFECT
};

struct dossier_table {
    const char *key, *title, *words; /* literals; words: what it says, in a sentence or two */
    struct dossier_column columns[DOSSIER_COLUMNS_MAX];
    size_t column_count;
    struct dossier_cell *cells; /* row by row */
    size_t cell_count, cell_room;
    enum dossier_chart chart;
    uint64_t step_us;  /* of a chart over time: a column's width */
    uint64_t left_out; /* rows that it should have */
};

struct dossier_fact {
    const char *key, *title; /* literals */
    const char *text;
    size_t len;
};

struct dossier_chunk;
struct dossier {
    const char *key, *title, *words; /* literals */
    struct dossier_fact facts[DOSSIER_FACTS_MAX];
    size_t fact_count;
    struct dossier_fact notices[DOSSIER_NOTICES_MAX]; /* what a reader must know; no key */
    size_t notice_count;
    struct dossier_table tables[DOSSIER_TABLES_MAX]; /* the first is the main one */
    size_t table_count;
    struct dossier_chunk *chunks;
    bool failed;
};

/* NULL: no memory. */
struct dossier *dossier_create(const char *key, const char *title, const char *words);
void dossier_destroy(struct dossier *dossier); /* NULL is fine */
static inline bool dossier_failed(const struct dossier *dossier)
{
    return dossier->failed;
}

void dossier_fact(struct dossier *dossier, const char *key, const char *title,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void dossier_notice(struct dossier *dossier, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last table is the one that columns and rows are added to. */
struct dossier_table *dossier_table(struct dossier *dossier, const char *key, const char *title,
                                    const char *words);
struct dossier_column *dossier_column(struct dossier *dossier, const char *key,
                                      const char *title, enum dossier_kind kind);
/* Cells in the order of the columns, row after row. Texts are copied. */
void dossier_text(struct dossier *dossier, const void *octets, size_t len);
void dossier_string(struct dossier *dossier, const char *text); /* NULL or "": absent */
void dossier_number(struct dossier *dossier, uint64_t number);
void dossier_at_least(struct dossier *dossier, uint64_t number, bool more);
void dossier_absent(struct dossier *dossier);

/* A copy that lives as long as the report. NULL: no memory, which is remembered. */
const char *dossier_keep(struct dossier *dossier, const void *octets, size_t len);

size_t dossier_rows(const struct dossier_table *table);
const struct dossier_cell *dossier_cell(const struct dossier_table *table, size_t row,
                                        size_t column);
/* Whether people are shown the column. */
bool dossier_shows(const struct dossier_table *table, size_t column);
/* NULL: there is none of that key. */
const struct dossier_table *dossier_find(const struct dossier *dossier, const char *key);

#endif
