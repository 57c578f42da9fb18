/* dossier/render_html.c - a report as one page that needs nothing else. */
#include "dossier/render.h"

#include "base/digest.h"
#include "base/invariant.h"
#include "base/text.h"
#include "trust/note.h"

#include <inttypes.h>
#include <string.h>

static void put_character(void *context, const char *character, size_t octets, uint32_t point,
                          uint8_t octet)
{
    FILE *out = context;

    if (character == NULL) {
        fprintf(out, "\\x%02x", octet);
        return;
    }
    switch (point) {
    case '&':
        fputs("&amp;", out);
        break;
    case '<':
        fputs("&lt;", out);
        break;
    case '>':
        fputs("&gt;", out);
        break;
    case '"':
        fputs("&quot;", out);
        break;
    case '\'':
        fputs("&#39;", out);
        break;
    default:
        fwrite(character, 1, octets, out);
        break;
    }
}

void dossier_html_text(const char *text, size_t len, FILE *out)
{
    dossier_characters(text, len, put_character, out);
}

static void put_words(const char *words, FILE *out)
{
    dossier_html_text(words, strlen(words), out);
}

#define STYLE_MAX 16384u

/* The page's own style by its hash, and nothing else: not a picture, not a script. */
static void put_head(const struct dossier *dossier, FILE *out)
{
    uint8_t hash[DIGEST_OCTETS];
    char base64[4 * (DIGEST_OCTETS + 2) / 3 + 1];
    char style[STYLE_MAX];
    struct text text;

    text_init(&text, style, sizeof(style));
    for (size_t i = 0; dossier_style[i] != NULL; i++) {
        text_add(&text, dossier_style[i]);
    }
    invariant(!text.overflow);
    digest_sha256(style, text.len, hash);
    (void)trust_base64_encode(hash, sizeof(hash), base64, sizeof(base64));
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<meta name=\"referrer\" content=\"no-referrer\">\n"
            "<title>%s - cordon</title>\n<style>%s</style>\n</head>\n<body>\n",
            base64, dossier->title, style);
}

static void put_facts(const struct dossier *dossier, FILE *out)
{
    fputs("<dl class=\"facts\">\n", out);
    for (size_t i = 0; i < dossier->fact_count; i++) {
        fprintf(out, "<div><dt>%s</dt><dd>", dossier->facts[i].title);
        dossier_html_text(dossier->facts[i].text, dossier->facts[i].len, out);
        fputs("</dd></div>\n", out);
    }
    fputs("</dl>\n<nav aria-label=\"Parts of this report\"><ul>\n", out);
    for (size_t i = 0; i < dossier->table_count; i++) {
        fprintf(out, "<li><a href=\"#%s\">%s</a></li>\n", dossier->tables[i].key,
                dossier->tables[i].title);
    }
    fputs("</ul></nav>\n", out);
}

static void put_notices(const struct dossier *dossier, FILE *out)
{
    if (dossier->notice_count == 0) {
        return;
    }
    fputs("<section class=\"notices\" aria-labelledby=\"to-know\"><h2 id=\"to-know\">To "
          "know</h2>\n<ul>\n",
          out);
    for (size_t i = 0; i < dossier->notice_count; i++) {
        fputs("<li>", out);
        dossier_html_text(dossier->notices[i].text, dossier->notices[i].len, out);
        fputs("</li>\n", out);
    }
    fputs("</ul></section>\n", out);
}

/* --- sums of the first table that has kinds --- */

static void put_tiles(const struct dossier_table *table, unsigned first, unsigned count,
                      const char *title, FILE *out)
{
    const struct dossier_column plain = {.kind = DOSSIER_NUMBER};
    char class[8];
    char number[DOSSIER_PLAIN_MAX];
    bool some = false;

    for (unsigned i = 0; i < count; i++) {
        const size_t column = dossier_tone_column(table, first + i);
        struct dossier_cell cell = {.present = true};

        for (size_t row = 0; column != SIZE_MAX && row < dossier_rows(table); row++) {
            cell.number += dossier_cell(table, row, column)->number;
        }
        if (cell.number == 0) {
            continue;
        }
        if (!some) {
            fprintf(out, "<h2>%s</h2>\n<ul class=\"tiles\">\n", title);
        }
        some = true;
        (void)dossier_plain(&plain, &cell, true, number);
        fprintf(out, "<li class=\"%s\"><strong>%s</strong> <span>",
                dossier_tone_class(first + i, class), number);
        put_words(dossier_tone_words(first + i), out);
        fputs("</span></li>\n", out);
    }
    fputs(some ? "</ul>\n" : "", out);
}

/* The table of which the figures are the sums: the first that has kinds. */
static const struct dossier_table *figured(const struct dossier *dossier)
{
    size_t i = 0;

    while (i < dossier->table_count &&
           dossier_tone_column(&dossier->tables[i], DOSSIER_TONE_LEGAL) == SIZE_MAX) {
        i++;
    }
    return i < dossier->table_count ? &dossier->tables[i] : NULL;
}

static void put_figures(const struct dossier_table *table, FILE *out)
{
    if (dossier_rows(table) == 0) {
        return;
    }
    fputs("<section class=\"figures\" aria-label=\"Figures\">\n", out);
    put_tiles(table, DOSSIER_TONE_EFFECT, DOSSIER_EFFECTS, "Decisions, by what came of them",
              out);
    put_tiles(table, DOSSIER_TONE_LEGAL, DOSSIER_LEGALS,
              "The same, by what the list stated of the provider", out);
    fputs("</section>\n", out);
}

/* --- tables --- */

static void put_legend(const struct dossier_table *table, FILE *out)
{
    unsigned count = 0;
    const unsigned first = dossier_chart_tones(table, &count);
    char class[8];

    if (count == 0) {
        return;
    }
    fputs("<ul class=\"legend\">\n", out);
    for (unsigned i = 0; i < count; i++) {
        const size_t column = dossier_tone_column(table, first + i);

        if (column != SIZE_MAX && dossier_shows(table, column)) {
            fprintf(out, "<li><span class=\"sw %s\"></span>",
                    dossier_tone_class(first + i, class));
            put_words(dossier_tone_words(first + i), out);
            fputs("</li>\n", out);
        }
    }
    fputs("</ul>\n", out);
}

static bool has_bars(const struct dossier_table *table)
{
    return table->chart == DOSSIER_BARS_LEGAL || table->chart == DOSSIER_BARS_EFFECT;
}

static const char *class_of(const struct dossier_column *column)
{
    switch (column->kind) {
    case DOSSIER_NUMBER:
    case DOSSIER_SPAN:
        return "n";
    case DOSSIER_SERIAL:
    case DOSSIER_TIME:
    case DOSSIER_STATUS:
        return "d";
    case DOSSIER_TEXT:
        break;
    }
    return strcmp(column->key, "statement") == 0 || strcmp(column->key, "chain") == 0 ||
                   strcmp(column->key, "words") == 0
               ? "t w"
               : "t";
}

static void put_header(const struct dossier_table *table, const bool *shown, FILE *out)
{
    char class[8];

    fputs("<thead><tr>", out);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct dossier_column *column = &table->columns[i];

        if (!shown[i]) {
            continue;
        }
        fprintf(out, "<th scope=\"col\" class=\"%s\">", class_of(column));
        if (column->tone != DOSSIER_PLAIN) {
            fprintf(out, "<span class=\"sw %s\"></span>",
                    dossier_tone_class(column->tone, class));
        }
        fprintf(out, "%s</th>", column->title);
        if (i == 0 && has_bars(table)) {
            fputs("<th scope=\"col\" class=\"b\">share</th>", out);
        }
    }
    fputs("</tr></thead>\n<tbody>\n", out);
}

static void put_cell(const struct dossier_column *column, const struct dossier_cell *cell,
                     FILE *out)
{
    char plain[DOSSIER_PLAIN_MAX];
    char class[8];

    if (!cell->present) {
        fputs("<span class=\"z\">-</span>", out);
    } else if (column->kind == DOSSIER_TEXT) {
        const bool good = cell->number == 5 && memcmp(cell->text, "holds", 5) == 0;
        const bool bad = cell->number == 13 && memcmp(cell->text, "DOES NOT HOLD", 13) == 0;

        fputs(good ? "<span class=\"good\">" : bad ? "<span class=\"bad\">" : "", out);
        dossier_html_text(cell->text, cell->number, out);
        fputs(good || bad ? "</span>" : "", out);
    } else {
        const size_t len = dossier_plain(column, cell, true, plain);

        if (column->kind == DOSSIER_STATUS) {
            fprintf(out, "<span class=\"tag %s\">",
                    dossier_tone_class(DOSSIER_TONE_LEGAL + (unsigned)cell->number, class));
        }
        dossier_html_text(plain, len, out);
        fputs(column->kind == DOSSIER_STATUS ? "</span>" : "", out);
    }
}

static void put_row(const struct dossier_table *table, size_t row, const bool *shown,
                    uint64_t greatest, FILE *out)
{
    fputs("<tr>", out);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct dossier_column *column = &table->columns[i];
        const struct dossier_cell *cell = dossier_cell(table, row, i);
        const bool zero = column->kind == DOSSIER_NUMBER && cell->present && cell->number == 0;

        if (!shown[i]) {
            continue;
        }
        fprintf(out, i == 0 ? "<th scope=\"row\" class=\"%s%s\">" : "<td class=\"%s%s\">",
                class_of(column), zero ? " z" : "");
        put_cell(column, cell, out);
        fputs(i == 0 ? "</th>" : "</td>", out);
        if (i == 0 && has_bars(table)) {
            fputs("<td class=\"b\">", out);
            dossier_render_bar(table, row, greatest, out);
            fputs("</td>", out);
        }
    }
    fputs("</tr>\n", out);
}

static void put_rows(const struct dossier_table *table, FILE *out)
{
    const size_t all = dossier_rows(table);
    const size_t rows = all < DOSSIER_ROWS_HTML ? all : DOSSIER_ROWS_HTML;
    const uint64_t greatest = has_bars(table) ? dossier_bars_greatest(table) : 0;
    bool shown[DOSSIER_COLUMNS_MAX];

    for (size_t i = 0; i < table->column_count; i++) {
        shown[i] = i == 0 || dossier_shows(table, i);
    }
    fprintf(out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"%s-title\">"
            "<table><caption>%s</caption>",
            table->key, table->title);
    put_header(table, shown, out);
    for (size_t row = 0; row < rows; row++) {
        put_row(table, row, shown, greatest, out);
    }
    fputs("</tbody></table></div>\n", out);
    if (all > rows) {
        fprintf(out,
                "<p class=\"more\">And %zu more: the same report as CSV (table %s) or JSON has "
                "them.</p>\n",
                all - rows, table->key);
    }
    if (table->left_out > 0) {
        fprintf(out,
                "<p class=\"more\">And %" PRIu64
                " that were counted, and not kept one by one.</p>\n",
                table->left_out);
    }
}

static void put_table(const struct dossier_table *table, FILE *out)
{
    const size_t rows = dossier_rows(table);

    fprintf(out, "<section class=\"part\" id=\"%s\"><h2 id=\"%s-title\">%s", table->key,
            table->key, table->title);
    if (rows > 0) {
        fprintf(out, " <small>%" PRIu64 " %s</small>", (uint64_t)rows + table->left_out,
                rows == 1 ? "row" : "rows");
    }
    fputs("</h2>\n<p class=\"words\">", out);
    put_words(table->words, out);
    fputs("</p>\n", out);
    if (rows == 0) {
        fputs("<p class=\"none\">None.</p></section>\n", out);
        return;
    }
    put_legend(table, out);
    if (!has_bars(table)) {
        dossier_render_columns(table, out);
    }
    put_rows(table, out);
    fputs("</section>\n", out);
}

void dossier_render_html(const struct dossier *dossier, FILE *out)
{
    put_head(dossier, out);
    fprintf(out,
            "<header><p class=\"mark\">cordon audit report</p>\n<h1>%s</h1>\n"
            "<p class=\"lead\">%s</p>\n",
            dossier->title, dossier->words);
    put_facts(dossier, out);
    fputs("</header>\n<main>\n", out);
    put_notices(dossier, out);
    for (size_t i = 0; i < dossier->table_count; i++) {
        if (&dossier->tables[i] == figured(dossier)) {
            put_figures(&dossier->tables[i], out);
        }
        put_table(&dossier->tables[i], out);
    }
    fputs("</main>\n<footer><p>All times are UTC. What a list states of a provider is what its "
          "authors found on the day named; it is no legal advice.</p></footer>\n</body>\n"
          "</html>\n",
          out);
}
