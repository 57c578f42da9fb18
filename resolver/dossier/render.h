/*
 * dossier/render.h - a report for a terminal, a spreadsheet, a program, a browser.
 *
 * Every text of the report may be a stranger's: each form escapes what would be more than text
 * in it. Nothing depends on locale, clock or machine: the same report gives the same octets.
 */
#ifndef CORDON_DOSSIER_RENDER_H
#define CORDON_DOSSIER_RENDER_H

#include "dossier/table.h"

#include <stdio.h>

/* Of JSON: a reader refuses a number that it does not know. */
#define DOSSIER_VERSION 1

/* For people at a terminal: columns and rows that say little are left out, and that is said. */
void dossier_render_text(const struct dossier *dossier, FILE *out);

/* One table, all rows and columns, RFC 4180. A text that a spreadsheet would take for a formula
 * has an apostrophe before it; so has what follows a semicolon, where some begin another cell.
 */
void dossier_render_csv(const struct dossier_table *table, FILE *out);
bool dossier_is_formula(const char *text, size_t len);

/* All of it. Times are RFC 3339, absent cells null. */
void dossier_render_json(const struct dossier *dossier, FILE *out);

/* One page that needs nothing else: no script, no resource; a policy (CSP) that forbids both.
 */
void dossier_render_html(const struct dossier *dossier, FILE *out);

/* --- for the files of this room --- */

/* What a cell says, into memory that holds DOSSIER_PLAIN_MAX octets for anything but a text;
 * returns the length. people: thousands are set apart, spans in words. */
#define DOSSIER_PLAIN_MAX 64u
size_t dossier_plain(const struct dossier_column *column, const struct dossier_cell *cell,
                     bool people, char out[DOSSIER_PLAIN_MAX]);

/* Calls put() for each character of a text that may be shown, and with a NULL character for
 * each octet that may not: controls, what is invisible or turns the direction of writing,
 * octets that are no UTF-8. */
void dossier_characters(const char *text, size_t len,
                        void (*put)(void *context, const char *character, size_t octets,
                                    uint32_t point, uint8_t octet),
                        void *context);

/* The chart over time of a table, as SVG, with what it says for those who do not see it. */
void dossier_render_columns(const struct dossier_table *table, FILE *out);
/* The bar of a row, as a part of the greatest. */
void dossier_render_bar(const struct dossier_table *table, size_t row, uint64_t greatest,
                        FILE *out);
uint64_t dossier_bars_greatest(const struct dossier_table *table);
/* The tones that the chart of a table is of: the first, and how many; 0: it has none. */
unsigned dossier_chart_tones(const struct dossier_table *table, unsigned *count);
/* The column of a tone; SIZE_MAX: there is none. */
size_t dossier_tone_column(const struct dossier_table *table, unsigned tone);
/* "l2", "e0": the class of a tone in the page. */
const char *dossier_tone_class(unsigned tone, char out[8]);
const char *dossier_tone_words(unsigned tone);
void dossier_html_text(const char *text, size_t len, FILE *out);
extern const char *const dossier_style[]; /* in pieces, up to NULL */

#endif
