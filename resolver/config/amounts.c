/* config/amounts.c - options whose value is a number: counts, shares, sizes, times. */
#include "config/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *word;
    uint64_t factor;
};

/* Largest first, for printing. */
static const struct unit sizes[] = {
    {"TiB", UINT64_C(1) << 40},
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"B", 1},
    {NULL, 0},
};
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};

static const struct unit shares[] = {{"%", 1}, {NULL, 0}};

/* Decimal digits at the start of text: their number, 0 if the value is over UINT64_MAX. */
static size_t read_digits(const char *text, uint64_t *value)
{
    size_t used = 0;

    *value = 0;
    for (; text[used] >= '0' && text[used] <= '9'; used++) {
        const uint64_t digit = (uint64_t)(text[used] - '0');
        if (*value > (UINT64_MAX - digit) / 10) {
            return 0;
        }
        *value = *value * 10 + digit;
    }
    return used;
}

/* "64MiB". units NULL: a number alone. */
static bool read_amount(const char *text, const struct unit *units, uint64_t *value)
{
    const size_t digits = read_digits(text, value);

    if (digits == 0) {
        return false;
    }
    if (units == NULL) {
        return text[digits] == '\0';
    }
    if (*value == 0 && text[digits] == '\0') {
        return true; /* nothing is nothing in every unit */
    }
    for (; units->word != NULL; units++) {
        if (strcmp(text + digits, units->word) == 0) {
            if (*value > UINT64_MAX / units->factor) {
                return false;
            }
            *value *= units->factor;
            return true;
        }
    }
    return false;
}

/* In the largest unit that leaves no rest. */
static void format_amount(uint64_t value, const struct unit *units, char out[32])
{
    if (units == NULL) {
        snprintf(out, 32, "%" PRIu64, value);
        return;
    }
    while (units->factor > 1 && (value == 0 || value % units->factor != 0)) {
        units++;
    }
    snprintf(out, 32, "%" PRIu64 "%s", value / units->factor, units->word);
}

static enum config_read_result read_number(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node,
                                           const struct unit *units, const char *what,
                                           uint64_t scale, uint64_t *out)
{
    char low[32];
    char high[32];
    uint64_t value = 0;

    if (!config_want_scalar(reader, row, node, what)) {
        return CONFIG_READ_REFUSED;
    }
    if (row->zero != NULL && strcmp(node->text, row->zero) == 0) {
        *out = 0;
        return CONFIG_READ_OK;
    }
    if (!read_amount(node->text, units, &value)) {
        return config_fault(reader, row, node, "\"%.200s\" is not %s%s%s", node->text, what,
                            row->zero != NULL ? " or " : "",
                            row->zero != NULL ? row->zero : "");
    }
    format_amount(row->min * scale, units, low);
    format_amount(row->max * scale, units, high);
    if (value < row->min * scale || value > row->max * scale) {
        return config_fault(reader, row, node, "%s is out of range: from %s to %s%s%s",
                            node->text, low, high, row->zero != NULL ? ", or " : "",
                            row->zero != NULL ? row->zero : "");
    }
    if (value % scale != 0) {
        return config_fault(reader, row, node, "%s is not a whole number of seconds",
                            node->text);
    }
    *out = value / scale;
    return CONFIG_READ_OK;
}

static void print_number(const struct config_row *row, uint64_t value, const struct unit *units,
                         FILE *out)
{
    char text[32];

    format_amount(value, units, text);
    fprintf(out, " %s", value == 0 && row->zero != NULL ? row->zero : text);
}

/* Counts. */

static enum config_read_result read_count(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    uint64_t value = 0;
    const enum config_read_result result =
        read_number(reader, row, node, NULL, "a whole number", 1, &value);

    if (result == CONFIG_READ_OK) {
        *(unsigned *)config_member(reader->config, row) = (unsigned)value;
    }
    return result;
}

static void print_count(const struct config *config, const struct config_row *row, FILE *out)
{
    print_number(row, *(const unsigned *)config_member_of(config, row), NULL, out);
}

const struct config_kind config_kind_count = {"number", read_count, print_count};

static enum config_read_result read_count16(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    uint64_t value = 0;
    const enum config_read_result result =
        read_number(reader, row, node, NULL, "a whole number", 1, &value);

    if (result == CONFIG_READ_OK) {
        *(uint16_t *)config_member(reader->config, row) = (uint16_t)value;
    }
    return result;
}

static void print_count16(const struct config *config, const struct config_row *row, FILE *out)
{
    print_number(row, *(const uint16_t *)config_member_of(config, row), NULL, out);
}

const struct config_kind config_kind_count16 = {"number", read_count16, print_count16};

/* Shares. */

static enum config_read_result read_percent(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    uint64_t value = 0;
    const enum config_read_result result =
        read_number(reader, row, node, shares, "a share (5%)", 1, &value);

    if (result == CONFIG_READ_OK) {
        *(unsigned *)config_member(reader->config, row) = (unsigned)value;
    }
    return result;
}

static void print_percent(const struct config *config, const struct config_row *row, FILE *out)
{
    print_number(row, *(const unsigned *)config_member_of(config, row), shares, out);
}

const struct config_kind config_kind_percent = {"share", read_percent, print_percent};

/* Sizes. */

static enum config_read_result read_size(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    return read_number(reader, row, node, sizes, "a size with its unit (64MiB: B KiB MiB GiB)",
                       1, config_member(reader->config, row));
}

static void print_size(const struct config *config, const struct config_row *row, FILE *out)
{
    print_number(row, *(const uint64_t *)config_member_of(config, row), sizes, out);
}

const struct config_kind config_kind_size = {"size", read_size, print_size};

/* The row of an option inside of another's value: its own bounds. */
static struct config_row bounded(const struct config_row *row, uint64_t min, uint64_t max)
{
    struct config_row inner = *row;

    inner.min = min;
    inner.max = max;
    inner.zero = NULL;
    return inner;
}

enum config_read_result config_read_octets(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, uint64_t min,
                                           uint64_t max, uint64_t *out)
{
    const struct config_row inner = bounded(row, min, max);

    return read_number(reader, &inner, node, sizes,
                       "a size with its unit (64MiB: B KiB MiB GiB)", 1, out);
}

void config_print_octets(uint64_t octets, FILE *out)
{
    char text[32];

    format_amount(octets, sizes, text);
    fputs(text, out);
}

enum config_read_result config_read_number(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, uint64_t min,
                                           uint64_t max, unsigned *out)
{
    const struct config_row inner = bounded(row, min, max);
    uint64_t value = 0;
    const enum config_read_result result =
        read_number(reader, &inner, node, NULL, "a whole number", 1, &value);

    if (result == CONFIG_READ_OK) {
        *out = (unsigned)value;
    }
    return result;
}

/* Durations. */

static enum config_read_result read_duration(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node, uint64_t scale)
{
    uint64_t value = 0;
    const enum config_read_result result = read_number(
        reader, row, node, durations, "a time with its unit (10s: ms s m h d)", scale, &value);

    if (result == CONFIG_READ_OK) {
        *(uint32_t *)config_member(reader->config, row) = (uint32_t)value;
    }
    return result;
}

static enum config_read_result read_seconds(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node)
{
    return read_duration(reader, row, node, 1000);
}

static enum config_read_result read_milliseconds(struct config_reader *reader,
                                                 const struct config_row *row,
                                                 const struct config_node *node)
{
    return read_duration(reader, row, node, 1);
}

enum config_read_result config_read_time(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, uint64_t min_s,
                                         uint64_t max_s, uint32_t *out)
{
    struct config_row bounds = *row;
    uint64_t value = 0;

    bounds.min = min_s;
    bounds.max = max_s;
    bounds.zero = NULL;
    const enum config_read_result result =
        read_number(reader, &bounds, node, durations, "a time with its unit (10s: ms s m h d)",
                    1000, &value);
    if (result == CONFIG_READ_OK) {
        *out = (uint32_t)value;
    }
    return result;
}

void config_print_time(uint32_t seconds, FILE *out)
{
    const struct config_row none = {.zero = NULL};

    print_number(&none, seconds * 1000ull, durations, out);
}

static void print_duration(const struct config *config, const struct config_row *row,
                           uint64_t scale, FILE *out)
{
    const uint64_t value = *(const uint32_t *)config_member_of(config, row) * scale;

    if (value == 0) {
        fprintf(out, " %s", row->zero != NULL ? row->zero : "0s");
    } else {
        print_number(row, value, durations, out);
    }
}

static void print_seconds(const struct config *config, const struct config_row *row, FILE *out)
{
    print_duration(config, row, 1000, out);
}

static void print_milliseconds(const struct config *config, const struct config_row *row,
                               FILE *out)
{
    print_duration(config, row, 1, out);
}

const struct config_kind config_kind_seconds = {"time", read_seconds, print_seconds};
const struct config_kind config_kind_milliseconds = {"time", read_milliseconds,
                                                     print_milliseconds};
