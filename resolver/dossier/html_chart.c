/* dossier/html_chart.c - charts as SVG: shapes alone, so that a page that is narrow, printed or
 * read aloud loses no number: all of them are in the table. */
#include "dossier/render.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>

/* Units of a chart: it is stretched to whatever place there is. */
#define HEIGHT 1000u
#define WIDTH  10u /* of a column */

unsigned dossier_chart_tones(const struct dossier_table *table, unsigned *count)
{
    switch (table->chart) {
    case DOSSIER_BARS_LEGAL:
    case DOSSIER_COLUMNS_LEGAL:
        *count = DOSSIER_LEGALS;
        return DOSSIER_TONE_LEGAL;
    case DOSSIER_BARS_EFFECT:
    case DOSSIER_COLUMNS_EFFECT:
        *count = DOSSIER_EFFECTS;
        return DOSSIER_TONE_EFFECT;
    case DOSSIER_NO_CHART:
        break;
    }
    *count = 0;
    return DOSSIER_PLAIN;
}

size_t dossier_tone_column(const struct dossier_table *table, unsigned tone)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].tone == tone) {
            return i;
        }
    }
    return SIZE_MAX;
}

const char *dossier_tone_class(unsigned tone, char out[8])
{
    const bool legal = tone < DOSSIER_TONE_EFFECT;

    snprintf(out, 8, "%c%u", legal ? 'l' : 'e',
             tone - (legal ? (unsigned)DOSSIER_TONE_LEGAL : (unsigned)DOSSIER_TONE_EFFECT));
    return out;
}

const char *dossier_tone_words(unsigned tone)
{
    return tone < DOSSIER_TONE_EFFECT
               ? dossier_legal_words((enum dossier_legal)(tone - DOSSIER_TONE_LEGAL))
               : dossier_effect_words((enum dossier_effect)(tone - DOSSIER_TONE_EFFECT));
}

static uint64_t value(const struct dossier_table *table, size_t row, unsigned tone)
{
    const size_t column = dossier_tone_column(table, tone);

    return column == SIZE_MAX ? 0 : dossier_cell(table, row, column)->number;
}

static uint64_t sum(const struct dossier_table *table, size_t row)
{
    unsigned count = 0;
    const unsigned first = dossier_chart_tones(table, &count);
    uint64_t all = 0;

    for (unsigned i = 0; i < count; i++) {
        all += value(table, row, first + i);
    }
    return all;
}

uint64_t dossier_bars_greatest(const struct dossier_table *table)
{
    uint64_t greatest = 0;

    for (size_t row = 0; row < dossier_rows(table); row++) {
        const uint64_t all = sum(table, row);

        greatest = all > greatest ? all : greatest;
    }
    return greatest;
}

/* A part of the whole in units, without overflow. */
static uint64_t part(uint64_t number, uint64_t whole, uint64_t units)
{
    return whole == 0 ? 0 : (uint64_t)((double)number / (double)whole * (double)units + 0.5);
}

void dossier_render_bar(const struct dossier_table *table, size_t row, uint64_t greatest,
                        FILE *out)
{
    unsigned count = 0;
    const unsigned first = dossier_chart_tones(table, &count);
    uint64_t before = 0;
    char class[8];

    fputs("<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
          "aria-hidden=\"true\" focusable=\"false\">",
          out);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t number = value(table, row, first + i);
        const uint64_t from = part(before, greatest, 1000);
        uint64_t to = part(before + number, greatest, 1000);

        if (number == 0) {
            continue;
        }
        to = to < from + 4 ? from + 4 : to; /* what is there is seen */
        fprintf(out,
                "<rect class=\"%s\" x=\"%" PRIu64 "\" y=\"0\" width=\"%" PRIu64
                "\" height=\"10\"/>",
                dossier_tone_class(first + i, class), from, to - from);
        before += number;
    }
    fputs("</svg>", out);
}

static void put_column(const struct dossier_table *table, size_t row, uint64_t place,
                       uint64_t greatest, FILE *out)
{
    unsigned count = 0;
    const unsigned first = dossier_chart_tones(table, &count);
    uint64_t before = 0;
    char class[8];

    for (unsigned i = 0; i < count; i++) {
        const uint64_t number = value(table, row, first + i);
        const uint64_t from = part(before, greatest, HEIGHT);
        const uint64_t to = part(before + number, greatest, HEIGHT);
        const uint64_t high = to < from + 6 ? 6 : to - from;

        if (number > 0) {
            fprintf(out,
                    "<rect class=\"%s\" x=\"%" PRIu64 "\" y=\"%" PRIu64
                    "\" width=\"%u\" height=\"%" PRIu64 "\"/>",
                    dossier_tone_class(first + i, class), place * WIDTH + 1,
                    HEIGHT - (from + high < HEIGHT ? from + high : HEIGHT), WIDTH - 2, high);
            before += number;
        }
    }
}

static void put_moment(uint64_t time_us, FILE *out)
{
    char text[CLOCK_TEXT_MAX];

    clock_format_s(time_us / 1000000, text);
    fprintf(out, "<time datetime=\"%s\">%.10s%s%.5s</time>", text, text,
            time_us % UINT64_C(86400000000) != 0 ? " " : "",
            time_us % UINT64_C(86400000000) != 0 ? text + 11 : "");
}

static void put_shapes(const struct dossier_table *table, uint64_t begin, size_t places,
                       uint64_t greatest, FILE *out)
{
    const size_t rows = dossier_rows(table);

    fprintf(out,
            "<svg class=\"columns\" viewBox=\"0 0 %zu %u\" preserveAspectRatio=\"none\" "
            "role=\"img\" aria-label=\"%s: %zu spans of time, at most %" PRIu64
            " decisions in one; the numbers are in the table below\">",
            places * WIDTH, HEIGHT, table->title, places, greatest);
    for (unsigned i = 0; i <= 2; i++) {
        fprintf(out, "<line class=\"grid\" x1=\"0\" x2=\"%zu\" y1=\"%u\" y2=\"%u\"/>",
                places * WIDTH, i * HEIGHT / 2, i * HEIGHT / 2);
    }
    for (size_t row = 0; row < rows; row++) {
        const uint64_t at = (dossier_cell(table, row, 0)->number - begin) / table->step_us;

        if (at < places) {
            put_column(table, row, at, greatest, out);
        }
    }
    fputs("</svg>", out);
}

void dossier_render_columns(const struct dossier_table *table, FILE *out)
{
    const size_t rows = dossier_rows(table);
    const uint64_t greatest = dossier_bars_greatest(table);

    if (rows == 0 || greatest == 0 || table->step_us == 0) {
        return;
    }
    const uint64_t begin = dossier_cell(table, 0, 0)->number;
    const uint64_t last = dossier_cell(table, rows - 1, 0)->number;
    uint64_t places = (last - begin) / table->step_us + 1;
    places = places > DOSSIER_BUCKETS_MAX ? DOSSIER_BUCKETS_MAX : places;
    /* One column alone would be a wall. */
    const size_t wide = places < 12 ? 12 : (size_t)places;

    fprintf(out,
            "<figure><div class=\"plot\"><p class=\"most\" aria-hidden=\"true\">%" PRIu64
            "</p>",
            greatest);
    put_shapes(table, begin, wide, greatest, out);
    fputs("</div><figcaption class=\"axis\">", out);
    put_moment(begin, out);
    if (wide == places && places > 2) {
        put_moment(begin + places / 2 * table->step_us, out);
        put_moment(last, out);
    }
    fprintf(out, "</figcaption><p class=\"step\">A column is %" PRIu64 " %s.</p></figure>",
            table->step_us % UINT64_C(86400000000) == 0 ? table->step_us / UINT64_C(86400000000)
                                                        : table->step_us / UINT64_C(3600000000),
            table->step_us == UINT64_C(86400000000)       ? "day"
            : table->step_us % UINT64_C(86400000000) == 0 ? "days"
            : table->step_us == UINT64_C(3600000000)      ? "hour"
                                                          : "hours");
}
