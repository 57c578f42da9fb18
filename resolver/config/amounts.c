/* config/amounts.c - options whose value is a number: counts, shares, sizes, times. */
#include "config/schema.h"

#include "base/invariant.h"

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

/* How a number is written, and how it is kept. */
enum amount_kind {
    COUNT,
    COUNT16,
    PERCENT,
    SIZE,
    SECONDS,
    MILLISECONDS,
    AMOUNTS
};

static const struct amount {
    const struct config_kind *kind;
    const struct unit *units; /* NULL: a number alone */
    const char *what;
    uint64_t scale; /* how many of the smallest unit make one of what is kept */
    size_t octets;  /* of the member of struct config */
} amounts[AMOUNTS] = {
    [COUNT] = {&config_kind_count, NULL, "a whole number", 1, sizeof(unsigned)},
    [COUNT16] = {&config_kind_count16, NULL, "a whole number", 1, sizeof(uint16_t)},
    [PERCENT] = {&config_kind_percent, shares, "a share (5%)", 1, sizeof(unsigned)},
    [SIZE] = {&config_kind_size, sizes, "a size with its unit (64MiB: B KiB MiB GiB)", 1,
              sizeof(uint64_t)},
    [SECONDS] = {&config_kind_seconds, durations, "a time with its unit (10s: ms s m h d)",
                 1000, sizeof(uint32_t)},
    [MILLISECONDS] = {&config_kind_milliseconds, durations,
                      "a time with its unit (10s: ms s m h d)", 1, sizeof(uint32_t)},
};

_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "counts are kept as 32 bits");

/* Of an option that is a number and nothing else. */
static const struct amount *amount_of(const struct config_row *row)
{
    unsigned i = 0;

    while (amounts[i].kind != row->kind) {
        invariant(++i < AMOUNTS);
    }
    return &amounts[i];
}

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
                                           const struct amount *amount, uint64_t *out)
{
    const uint64_t scale = amount->scale;
    char low[32];
    char high[32];
    uint64_t value = 0;

    if (!config_want_scalar(reader, row, node, amount->what)) {
        return CONFIG_READ_REFUSED;
    }
    if (row->zero != NULL && strcmp(node->text, row->zero) == 0) {
        *out = 0;
        return CONFIG_READ_OK;
    }
    if (!read_amount(node->text, amount->units, &value)) {
        return config_fault(reader, row, node, "\"%.200s\" is not %s%s%s", node->text,
                            amount->what, row->zero != NULL ? " or " : "",
                            row->zero != NULL ? row->zero : "");
    }
    format_amount(row->min * scale, amount->units, low);
    format_amount(row->max * scale, amount->units, high);
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

/* The options of a number each: what is read is kept in as many octets as the member has; the
 * row's bounds say that it fits. */

static enum config_read_result read_member(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    const struct amount *amount = amount_of(row);
    void *member = config_member(reader->config, row);
    uint64_t value = 0;
    const enum config_read_result result = read_number(reader, row, node, amount, &value);

    if (result != CONFIG_READ_OK) {
        return result;
    }
    if (amount->octets == sizeof(uint16_t)) {
        *(uint16_t *)member = (uint16_t)value;
    } else if (amount->octets == sizeof(uint32_t)) {
        *(uint32_t *)member = (uint32_t)value;
    } else {
        *(uint64_t *)member = value;
    }
    return result;
}

static void print_member(const struct config *config, const struct config_row *row, FILE *out)
{
    const struct amount *amount = amount_of(row);
    const void *member = config_member_of(config, row);
    const uint64_t value = amount->octets == sizeof(uint16_t)   ? *(const uint16_t *)member
                           : amount->octets == sizeof(uint32_t) ? *(const uint32_t *)member
                                                                : *(const uint64_t *)member;

    if (value == 0 && amount->units == durations && row->zero == NULL) {
        fputs(" 0s", out);
    } else {
        print_number(row, value * amount->scale, amount->units, out);
    }
}

const struct config_kind config_kind_count = {"number", read_member, print_member};
const struct config_kind config_kind_count16 = {"number", read_member, print_member};
const struct config_kind config_kind_percent = {"share", read_member, print_member};
const struct config_kind config_kind_size = {"size", read_member, print_member};
const struct config_kind config_kind_seconds = {"time", read_member, print_member};
const struct config_kind config_kind_milliseconds = {"time", read_member, print_member};

/* The same inside of another option's value: with bounds of its own. */

static enum config_read_result read_bounded(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node, uint64_t min,
                                            uint64_t max, const char *zero,
                                            const struct amount *amount, uint64_t *out)
{
    struct config_row inner = *row;

    inner.min = min;
    inner.max = max;
    inner.zero = zero;
    return read_number(reader, &inner, node, amount, out);
}

enum config_read_result config_read_octets(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, uint64_t min,
                                           uint64_t max, const char *zero, uint64_t *out)
{
    return read_bounded(reader, row, node, min, max, zero, &amounts[SIZE], out);
}

void config_print_octets(uint64_t octets, FILE *out)
{
    char text[32];

    format_amount(octets, sizes, text);
    fputs(text, out);
}

/* The same into 32 bits, which max fits into. */
static enum config_read_result read_narrow(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, uint64_t min,
                                           uint64_t max, const struct amount *amount,
                                           uint32_t *out)
{
    uint64_t value = 0;
    const enum config_read_result result =
        read_bounded(reader, row, node, min, max, NULL, amount, &value);

    if (result == CONFIG_READ_OK) {
        *out = (uint32_t)value;
    }
    return result;
}

enum config_read_result config_read_number(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, uint64_t min,
                                           uint64_t max, unsigned *out)
{
    return read_narrow(reader, row, node, min, max, &amounts[COUNT], out);
}

enum config_read_result config_read_time(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, uint64_t min_s,
                                         uint64_t max_s, uint32_t *out)
{
    return read_narrow(reader, row, node, min_s, max_s, &amounts[SECONDS], out);
}

void config_print_time(uint32_t seconds, FILE *out)
{
    const struct config_row none = {.zero = NULL};

    print_number(&none, seconds * 1000ull, durations, out);
}
