/* config/schedules.c - the section schedules: times with names, by the clocks of places. */
#include "config/schema.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTION "schedules.NAME"
#define DAYS    7u
#define DAY_S   86400u
#define DATE    10u /* octets of 2026-11-22 */

static const char *const day_words[DAYS] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* --- options --- */

static enum config_read_result read_zone(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    struct config_schedule *schedule = reader->schedule;

    if (!config_want_scalar(reader, row, node, "the name of a time zone")) {
        return CONFIG_READ_REFUSED;
    }
    if (!zone_name_is_good(node->text)) {
        return config_fault(
            reader, row, node,
            "\"%.200s\" is no name of a time zone: one of the system's database, "
            "such as Europe/Berlin, or UTC",
            node->text);
    }
    snprintf(schedule->zone, sizeof(schedule->zone), "%s", node->text);
    schedule->zone_place = config_place_of(node);
    return CONFIG_READ_OK;
}

/* The number of the day that so many octets name, or DAYS. */
static unsigned find_day(const char *text, size_t len)
{
    unsigned i = 0;

    while (i < DAYS && (len != 3 || memcmp(text, day_words[i], 3) != 0)) {
        i++;
    }
    return i;
}

/* "mon", "mon-fri", and "sat-mon" over the end of the week. */
static bool read_day(const char *text, uint8_t *days)
{
    const size_t len = strcspn(text, "-");
    const unsigned first = find_day(text, len);
    const unsigned last =
        text[len] == '\0' ? first : find_day(text + len + 1, strlen(text + len + 1));

    if (first == DAYS || last == DAYS) {
        return false;
    }
    for (unsigned day = first;; day = (day + 1) % DAYS) {
        *days = (uint8_t)(*days | 1u << day);
        if (day == last) {
            return true;
        }
    }
}

static enum config_read_result read_days(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node)
{
    enum config_read_result result = CONFIG_READ_OK;
    uint8_t days = 0;

    if (!config_want_items(reader, row, node, DAYS, "days of the week: [mon-fri, sun]")) {
        return CONFIG_READ_REFUSED;
    }
    if (node->count == 0) {
        return config_fault(reader, row, node,
                            "no day: it would never hold; leave the line out for every day");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        if (!config_want_scalar(reader, row, item, "a day")) {
            result = CONFIG_READ_REFUSED;
        } else if (!read_day(item->text, &days)) {
            result =
                config_fault(reader, row, item,
                             "\"%.200s\" is no day: mon, tue, wed, thu, fri, sat, sun, or two "
                             "of them as mon-fri",
                             item->text);
        }
    }
    reader->schedule->times.days = days;
    return result;
}

static bool is_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

/* "08:30" as minutes, up to 24:00. */
static bool read_time(const char *text, uint16_t *minutes)
{
    for (size_t i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : !is_digit(text[i])) { /* ends at the text's end, too */
            return false;
        }
    }
    const unsigned hour = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
    const unsigned minute = (unsigned)(text[3] - '0') * 10 + (unsigned)(text[4] - '0');
    *minutes = (uint16_t)(hour * 60 + minute);
    return minute < 60 && *minutes <= SCHEDULE_DAY_MINUTES;
}

static uint16_t end_of(const struct schedule_span *span)
{
    return (uint16_t)(span->to + (span->to < span->from ? SCHEDULE_DAY_MINUTES : 0));
}

static enum config_read_result add_hours(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *item)
{
    struct schedule *times = &reader->schedule->times;
    struct schedule_span span;

    if (!config_want_scalar(reader, row, item, "hours")) {
        return CONFIG_READ_REFUSED;
    }
    if (strlen(item->text) != 11 || item->text[5] != '-' ||
        !read_time(item->text, &span.from) || !read_time(item->text + 6, &span.to) ||
        span.from == SCHEDULE_DAY_MINUTES) {
        return config_fault(reader, row, item,
                            "\"%.200s\" are no hours: two times from 00:00 to 24:00 as "
                            "\"08:00-12:30\", or \"22:00-06:00\" over midnight",
                            item->text);
    }
    if (span.from == span.to) {
        return config_fault(
            reader, row, item,
            "\"%.200s\" ends where it begins: for the whole day leave hours out", item->text);
    }
    for (size_t i = 0; i < times->span_count; i++) {
        const struct schedule_span *other = &times->spans[i];

        if (span.from < end_of(other) && other->from < end_of(&span)) {
            return config_fault(reader, row, item,
                                "\"%.200s\" overlaps %02u:%02u-%02u:%02u: write one of them",
                                item->text, other->from / 60u, other->from % 60u,
                                other->to / 60u, other->to % 60u);
        }
    }
    times->spans[times->span_count++] = span;
    return CONFIG_READ_OK;
}

static enum config_read_result read_hours(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, SCHEDULE_SPANS_MAX,
                           "hours in quotes: [\"08:00-12:30\", \"22:00-06:00\"]")) {
        return CONFIG_READ_REFUSED;
    }
    if (node->count == 0) {
        return config_fault(
            reader, row, node,
            "no hours: it would never hold; leave the line out for the whole day");
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        result = config_worse(result, add_hours(reader, row, item));
    }
    return result;
}

static bool read_date(const char *text, int64_t *day)
{
    uint64_t wall_s;

    if (clock_parse(text, DATE, &wall_s) != 0) {
        return false;
    }
    *day = (int64_t)(wall_s / DAY_S);
    return true;
}

static enum config_read_result read_date_list(struct config_reader *reader,
                                              const struct config_row *row,
                                              const struct config_node *node,
                                              struct schedule_dates *dates, size_t *count)
{
    enum config_read_result result = CONFIG_READ_OK;

    if (!config_want_items(reader, row, node, SCHEDULE_DATES_MAX,
                           "dates: [2026-12-24, 2026-12-28..2027-01-03]")) {
        return CONFIG_READ_REFUSED;
    }
    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        struct schedule_dates range;

        if (!config_want_scalar(reader, row, item, "a date")) {
            result = CONFIG_READ_REFUSED;
            continue;
        }
        const size_t len = strlen(item->text);
        const bool two = len == 2 * DATE + 2 && memcmp(item->text + DATE, "..", 2) == 0;
        if ((len != DATE && !two) || !read_date(item->text, &range.from) ||
            !read_date(item->text + (two ? DATE + 2 : 0), &range.to)) {
            result =
                config_fault(reader, row, item,
                             "\"%.200s\" is no date: 2026-12-24, or 2026-12-28..2027-01-03 "
                             "from the first to the last",
                             item->text);
        } else if (range.to < range.from) {
            result =
                config_fault(reader, row, item, "\"%.200s\" ends before it begins", item->text);
        } else {
            dates[(*count)++] = range;
        }
    }
    return result;
}

static enum config_read_result read_dates(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node)
{
    struct schedule *times = &reader->schedule->times;
    const enum config_read_result result =
        read_date_list(reader, row, node, times->dates, &times->date_count);

    if (result == CONFIG_READ_OK && times->date_count == 0) {
        return config_fault(reader, row, node,
                            "no date: it would never hold; leave the line out for every date");
    }
    return result;
}

static enum config_read_result read_except(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node)
{
    struct schedule *times = &reader->schedule->times;

    return read_date_list(reader, row, node, times->but, &times->but_count);
}

const struct config_kind config_kind_schedule_zone = {"name", read_zone, NULL};
const struct config_kind config_kind_schedule_days = {"days", read_days, NULL};
const struct config_kind config_kind_schedule_hours = {"hours", read_hours, NULL};
const struct config_kind config_kind_schedule_dates = {"dates", read_dates, NULL};
const struct config_kind config_kind_schedule_except = {"dates", read_except, NULL};

/* --- the section --- */

static int read_options(struct config_reader *reader, const struct config_node *node)
{
    bool zone = false;

    for (const struct config_node *item = node->first; item != NULL; item = item->next) {
        if (item->key->bad) {
            continue;
        }
        const size_t number = config_find_row(SECTION, item->key->text);
        if (number == config_row_count) {
            config_unknown_option(reader, SECTION, item->key);
            continue;
        }
        zone = zone || strcmp(item->key->text, "zone") == 0;
        const struct config_row *row = &config_rows[number];
        if (row->kind->read(reader, row, item) == CONFIG_READ_NO_MEMORY) {
            return -ENOMEM;
        }
    }
    if (!zone) {
        config_fault_at(
            reader, "schedules", reader->schedule->place,
            "%s: has no zone: whose clock is meant? Add zone: Europe/Berlin, or UTC",
            reader->schedule->name);
    }
    return 0;
}

static int add_schedule(struct config_reader *reader, const struct config_node *item)
{
    const struct config_place place = config_place_of(item->key);
    struct config *config = reader->config;
    const char *name = item->key->text;

    if (item->key->bad || item->bad) {
        return 0;
    }
    if (!config_is_name(name, CONFIG_VIEW_NAME_MAX)) {
        config_fault_at(
            reader, "schedules", place,
            "\"%.200s\" is no name for a schedule: 1 to 24 of a-z 0-9 and -, not - first",
            name);
        return 0;
    }
    if (item->kind != CONFIG_MAPPING) {
        config_fault_at(reader, "schedules", config_place_of(item),
                        "%s: expected options below it, a line each: zone: Europe/Berlin",
                        name);
        return 0;
    }
    reader->schedule = &config->schedules[config->schedule_count++];
    snprintf(reader->schedule->name, sizeof(reader->schedule->name), "%s", name);
    reader->schedule->place = place;
    reader->schedule->times.days = SCHEDULE_EVERY_DAY;
    const int rc = read_options(reader, item);
    reader->schedule = NULL;
    return rc;
}

int config_read_schedules(struct config_reader *reader, const struct config_node *node)
{
    int rc = 0;

    if (node->bad || config_node_is_empty(node)) {
        return 0;
    }
    if (node->kind != CONFIG_MAPPING) {
        config_fault_at(reader, "schedules", config_place_of(node),
                        "expected schedules, a line each: NAME: {zone: Europe/Berlin, hours: "
                        "[\"20:00-06:00\"]}");
        return 0;
    }
    if (node->count > CONFIG_SCHEDULES_MAX) {
        config_fault_at(reader, "schedules", config_place_of(node),
                        "%zu schedules: %u are the most", node->count, CONFIG_SCHEDULES_MAX);
        return 0;
    }
    reader->config->schedules = calloc(node->count + 1, sizeof(*reader->config->schedules));
    if (reader->config->schedules == NULL) {
        return -ENOMEM;
    }
    for (const struct config_node *item = node->first; item != NULL && rc == 0;
         item = item->next) {
        rc = add_schedule(reader, item);
    }
    return rc;
}

static void print_dates(const char *option, const struct schedule_dates *dates, size_t count,
                        FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        char from[CLOCK_TEXT_MAX];
        char to[CLOCK_TEXT_MAX];

        clock_format_s((uint64_t)dates[i].from * DAY_S, from);
        clock_format_s((uint64_t)dates[i].to * DAY_S, to);
        if (i == 0) {
            fprintf(out, "    %s: [", option);
        }
        fprintf(out, "%s%.10s", i > 0 ? ", " : "", from);
        if (dates[i].to != dates[i].from) {
            fprintf(out, "..%.10s", to);
        }
    }
    fputs(count > 0 ? "]\n" : "", out);
}

static void print_schedule(const struct config_schedule *schedule, FILE *out)
{
    const struct schedule *times = &schedule->times;
    const char *before = "    days: [";

    fprintf(out, "  %s:\n    zone: ", schedule->name);
    config_print_scalar(schedule->zone, out);
    fputc('\n', out);
    for (unsigned i = 0; i < DAYS && times->days != SCHEDULE_EVERY_DAY; i++) {
        if ((times->days >> i & 1) != 0) {
            fprintf(out, "%s%s", before, day_words[i]);
            before = ", ";
        }
    }
    fputs(times->days != SCHEDULE_EVERY_DAY ? "]\n" : "", out);
    for (size_t i = 0; i < times->span_count; i++) {
        const struct schedule_span *span = &times->spans[i];

        fprintf(out, "%s\"%02u:%02u-%02u:%02u\"", i == 0 ? "    hours: [" : ", ",
                span->from / 60u, span->from % 60u, span->to / 60u, span->to % 60u);
    }
    fputs(times->span_count > 0 ? "]\n" : "", out);
    print_dates("dates", times->dates, times->date_count, out);
    print_dates("except", times->but, times->but_count, out);
}

void config_print_schedules(const struct config *config, FILE *out)
{
    if (config->schedule_count > 0) {
        fputs("schedules:\n", out);
    }
    for (size_t i = 0; i < config->schedule_count; i++) {
        print_schedule(&config->schedules[i], out);
    }
}
