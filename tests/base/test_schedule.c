/* base/schedule: when schedules hold, in real zones, over the changes of their clocks. */
#include "base/schedule.h"

#include "base/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define HOURS(a, b)                                                                    \
    {                                                                                  \
        (uint16_t)((a) / 100 * 60 + (a) % 100), (uint16_t)((b) / 100 * 60 + (b) % 100) \
    }

static struct zone *load(const char *name)
{
    struct zone *zone = NULL;

    assert_int_equal(zone_load("/usr/share/zoneinfo", name, &zone), 0);
    return zone;
}

/* "2026-03-29 01:30" of UTC. */
static int64_t moment_of(const char *text)
{
    unsigned year, month, day, hour, minute;

    assert_int_equal(sscanf(text, "%u-%u-%u %u:%u", &year, &month, &day, &hour, &minute), 5);
    return calendar_day(year, month, day) * CALENDAR_DAY_S + hour * 3600 + minute * 60;
}

static void text_of(int64_t moment, char out[64])
{
    const int64_t day = calendar_day_of(moment);
    const struct calendar_date date = calendar_date(day);
    const int64_t second = moment - day * CALENDAR_DAY_S;

    snprintf(out, 64, "%04lld-%02u-%02u %02lld:%02lld%s", (long long)date.year, date.month,
             date.day, (long long)second / 3600, (long long)second / 60 % 60,
             second % 60 != 0 ? "+" : "");
}

/* A schedule and, from a moment on, when it begins and ends, in UTC. */
struct row {
    const char *zone;
    struct schedule schedule;
    const char *from;
    bool holds; /* then */
    const char *changes[7];
};

static const struct row table[] = {
    /* --- plain days --- */
    {"UTC",
     {.days = 0x1f, .spans = {HOURS(800, 1600)}, .span_count = 1},
     "2026-11-20 07:59", /* a Friday */
     false,
     {"2026-11-20 08:00", "2026-11-20 16:00", "2026-11-23 08:00", "2026-11-23 16:00"}},
    /* the whole day */
    {"Europe/Berlin",
     {.days = 0x60},
     "2026-11-20 12:00",
     false,
     {"2026-11-20 23:00", "2026-11-22 23:00", "2026-11-27 23:00"}},
    /* spans that touch are one, and 24:00 is midnight */
    {"UTC",
     {.days = 0x7f, .spans = {HOURS(1800, 2000), HOURS(2000, 2400)}, .span_count = 2},
     "2026-11-20 17:00",
     false,
     {"2026-11-20 18:00", "2026-11-21 00:00", "2026-11-21 18:00"}},
    /* over midnight: the hours after it are those of the day before */
    {"UTC",
     {.days = 0x10, .spans = {HOURS(2200, 600)}, .span_count = 1},
     "2026-11-20 03:00", /* Friday, but not Thursday's night */
     false,
     {"2026-11-20 22:00", "2026-11-21 06:00", "2026-11-27 22:00"}},
    {"UTC",
     {.days = 0x10, .spans = {HOURS(2200, 600)}, .span_count = 1},
     "2026-11-21 03:00",
     true,
     {"2026-11-21 06:00", "2026-11-27 22:00"}},

    /* --- Berlin: 2026-03-29 02:00 is 03:00; 2026-10-25 03:00 is 02:00 once more --- */
    /* an hour that does not exist does not come */
    {"Europe/Berlin",
     {.days = 0x7f, .spans = {HOURS(230, 300)}, .span_count = 1},
     "2026-03-28 01:00",
     false,
     {"2026-03-28 01:30", "2026-03-28 02:00", "2026-03-30 00:30", "2026-03-30 01:00"}},
    /* what begins in it begins with the clock that comes after it */
    {"Europe/Berlin",
     {.days = 0x7f, .spans = {HOURS(230, 400)}, .span_count = 1},
     "2026-03-28 12:00",
     false,
     {"2026-03-29 01:00", "2026-03-29 02:00", "2026-03-30 00:30"}},
    /* what ends in it ends there */
    {"Europe/Berlin",
     {.days = 0x7f, .spans = {HOURS(100, 230)}, .span_count = 1},
     "2026-03-28 12:00",
     false,
     {"2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 23:00"}},
    /* a repeated hour comes twice */
    {"Europe/Berlin",
     {.days = 0x7f, .spans = {HOURS(230, 300)}, .span_count = 1},
     "2026-10-24 12:00",
     false,
     {"2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30", "2026-10-25 02:00",
      "2026-10-26 01:30"}},
    /* what lies around it has an hour more */
    {"Europe/Berlin",
     {.days = 0x7f, .spans = {HOURS(2200, 600)}, .span_count = 1},
     "2026-10-24 12:00",
     false,
     {"2026-10-24 20:00", "2026-10-25 05:00", "2026-10-25 21:00"}},
    /* or less */
    {"Europe/Berlin",
     {.days = 0x7f, .spans = {HOURS(2200, 600)}, .span_count = 1},
     "2026-03-28 12:00",
     false,
     {"2026-03-28 21:00", "2026-03-29 04:00", "2026-03-29 20:00"}},
    /* a Sunday of 23 hours, and one of 25 */
    {"Europe/Berlin",
     {.days = 0x40},
     "2026-03-28 12:00",
     false,
     {"2026-03-28 23:00", "2026-03-29 22:00"}},
    {"Europe/Berlin",
     {.days = 0x40},
     "2026-10-24 12:00",
     false,
     {"2026-10-24 22:00", "2026-10-25 23:00"}},

    /* --- New York: 2026-03-08 02:00 is 03:00; 2026-11-01 02:00 is 01:00 once more --- */
    {"America/New_York",
     {.days = 0x7f, .spans = {HOURS(130, 145)}, .span_count = 1},
     "2026-10-31 12:00",
     false,
     {"2026-11-01 05:30", "2026-11-01 05:45", "2026-11-01 06:30", "2026-11-01 06:45",
      "2026-11-02 06:30"}},
    {"America/New_York",
     {.days = 0x7f, .spans = {HOURS(200, 300)}, .span_count = 1},
     "2026-03-07 12:00",
     false,
     {"2026-03-09 06:00", "2026-03-09 07:00"}},

    /* --- Lord Howe: half an hour; 2026-10-04 02:00 is 02:30; 2026-04-05 02:00 is 01:30 --- */
    {"Australia/Lord_Howe",
     {.days = 0x7f, .spans = {HOURS(200, 230)}, .span_count = 1},
     "2026-10-03 00:00",
     false,
     {"2026-10-04 15:00", "2026-10-04 15:30"}},
    {"Australia/Lord_Howe",
     {.days = 0x7f, .spans = {HOURS(130, 200)}, .span_count = 1},
     "2026-04-04 00:00",
     false,
     /* 01:30 to 02:00 at +11, and again at +10:30: without a gap between them */
     {"2026-04-04 14:30", "2026-04-04 15:30", "2026-04-05 15:00"}},

    /* --- Casablanca: an hour less in Ramadan, 2026-02-15 03:00 to 2026-03-22 02:00 --- */
    {"Africa/Casablanca",
     {.days = 0x7f, .spans = {HOURS(1900, 2000)}, .span_count = 1},
     "2026-02-14 12:00",
     false,
     {"2026-02-14 18:00", "2026-02-14 19:00", "2026-02-15 19:00", "2026-02-15 20:00"}},
    {"Africa/Casablanca",
     {.days = 0x40, .spans = {HOURS(200, 300)}, .span_count = 1},
     "2026-02-14 12:00",
     false,
     {"2026-02-15 01:00", "2026-02-15 03:00"}}, /* twice, one behind the other */

    /* --- Apia: there was no 2011-12-30, a Friday --- */
    {"Pacific/Apia",
     {.days = 0x10, .spans = {HOURS(800, 1600)}, .span_count = 1},
     "2011-12-29 20:00", /* Thursday 10:00 there */
     false,
     {"2012-01-05 18:00", "2012-01-06 02:00"}},
    /* by what the calendar shows the night to Saturday is Friday's */
    {"Pacific/Apia",
     {.days = 0x10, .spans = {HOURS(2200, 600)}, .span_count = 1},
     "2011-12-29 20:00",
     false,
     {"2011-12-30 10:00", "2011-12-30 16:00"}},
    /* a date that is no date there */
    {"Pacific/Apia",
     {.days = 0x7f, .dates = {{15338, 15338}}, .date_count = 1},
     "2011-12-20 00:00",
     false,
     {NULL}},

    /* --- dates --- */
    {"UTC",
     {.days = 0x7f, .dates = {{20811, 20812}}, .date_count = 1}, /* 2026-12-24 and 25 */
     "2026-11-22 00:00",
     false,
     {"2026-12-24 00:00", "2026-12-26 00:00", NULL}},
    /* and days: both must hold */
    {"UTC",
     {.days = 0x10, .dates = {{20811, 20812}}, .date_count = 1},
     "2026-11-22 00:00",
     false,
     {"2026-12-25 00:00", "2026-12-26 00:00", NULL}},
    /* but: not on these, nor in the night that begins on them */
    {"UTC",
     {.days = 0x7f,
      .spans = {HOURS(2200, 100)},
      .span_count = 1,
      .but = {{20811, 20811}},
      .but_count = 1},
     "2026-12-23 12:00",
     false,
     {"2026-12-23 22:00", "2026-12-24 01:00", "2026-12-25 22:00"}},
    /* always, and never */
    {"Europe/Berlin", {.days = 0x7f}, "2026-11-22 00:00", true, {NULL}},
    {"Europe/Berlin", {.days = 0}, "2026-11-22 00:00", false, {NULL}},
};

static void holds_and_changes_when_the_wall_clock_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct row *row = &table[i];
        struct zone *zone = load(row->zone);
        int64_t at = moment_of(row->from);
        bool holds = row->holds;

        assert_int_equal(schedule_holds(&row->schedule, zone, at), holds);
        for (size_t j = 0; j < 7 && (j == 0 || row->changes[j] != NULL); j++) {
            char text[64] = "never";
            int64_t next;

            const bool changes = schedule_next(&row->schedule, zone, at, &next);
            if (changes) {
                text_of(next, text);
                holds = !holds;
                assert_int_equal(schedule_holds(&row->schedule, zone, next), holds);
                assert_int_equal(schedule_holds(&row->schedule, zone, next - 1), !holds);
            } else {
                assert_true(next >= at + SCHEDULE_HORIZON_S);
            }
            if (strcmp(text, row->changes[j] == NULL ? "never" : row->changes[j]) != 0) {
                fail_msg("row %zu (%s, from %s): %s, expected %s", i, row->zone, row->from,
                         text, row->changes[j] == NULL ? "never" : row->changes[j]);
            }
            at = next;
        }
        zone_free(zone);
    }
}

/* A naive one: asks at each minute. */
static void finds_each_change_that_minutes_show(void **state)
{
    static const char *const zones[] = {"Europe/Berlin", "America/New_York",
                                        "Australia/Lord_Howe", "Africa/Casablanca", "UTC"};
    static const struct schedule schedules[] = {
        {.days = 0x7f, .spans = {HOURS(130, 215)}, .span_count = 1},
        {.days = 0x55, .spans = {HOURS(2330, 10), HOURS(159, 200)}, .span_count = 2},
        {.days = 0x60},
        {.days = 0x3f, .spans = {HOURS(300, 200)}, .span_count = 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        struct zone *zone = load(zones[i]);

        for (size_t j = 0; j < sizeof(schedules) / sizeof(schedules[0]); j++) {
            const int64_t from = moment_of("2026-01-01 00:00");
            const int64_t to = moment_of("2027-01-01 00:00");
            bool before = schedule_holds(&schedules[j], zone, from);
            int64_t next = from;

            (void)schedule_next(&schedules[j], zone, from, &next);
            for (int64_t at = from; at < to; at += 60) {
                const bool now = schedule_holds(&schedules[j], zone, at);

                assert_int_equal(now != before, at == next && at != from);
                if (at == next) {
                    (void)schedule_next(&schedules[j], zone, at, &next);
                }
                before = now;
            }
        }
        zone_free(zone);
    }
}

/* A naive one that has the clock from libc, and the rule from the words of the manual. */
static bool holds_by_libc(const struct schedule *schedule, int64_t moment)
{
    const time_t at = (time_t)moment;
    struct tm shown;

    assert_non_null(localtime_r(&at, &shown));
    const int minute = 60 * shown.tm_hour + shown.tm_min;
    const bool today = (schedule->days >> ((shown.tm_wday + 6) % 7) & 1) != 0;
    const bool yesterday = (schedule->days >> ((shown.tm_wday + 5) % 7) & 1) != 0;
    const struct schedule_span span = schedule->spans[0];

    if (schedule->span_count == 0) {
        return today;
    }
    return span.from < span.to
               ? today && minute >= span.from && minute < span.to
               : (today && minute >= span.from) || (yesterday && minute < span.to);
}

/* Each minute of the two days around. */
static void compare_around(const struct zone *zone, const char *name, int64_t turn)
{
    static const struct schedule schedules[] = {
        {.days = 0x7f, .spans = {HOURS(100, 300)}, .span_count = 1},
        {.days = 0x40, .spans = {HOURS(230, 245)}, .span_count = 1},
        {.days = 0x60, .spans = {HOURS(2350, 30)}, .span_count = 1},
        {.days = 0x20, .spans = {HOURS(1800, 200)}, .span_count = 1},
        {.days = 0x40},
    };
    const int64_t from = turn - turn % 60 - CALENDAR_DAY_S;

    for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
        const struct schedule *schedule = &schedules[i];
        bool before = holds_by_libc(schedule, from);
        int64_t next = 0;

        (void)schedule_next(schedule, zone, from, &next);
        for (int64_t at = from; at < from + 2 * CALENDAR_DAY_S; at += 60) {
            const bool now = holds_by_libc(schedule, at);

            if (schedule_holds(schedule, zone, at) != now || (now != before) != (at == next)) {
                fail_msg("%s, schedule %zu, at %lld: %d by libc", name, i, (long long)at, now);
            }
            if (at == next) {
                (void)schedule_next(schedule, zone, at, &next);
            }
            before = now;
        }
    }
}

/* Zones whose clocks change by an hour, by half of one, by three, at midnight, twice around
 * Ramadan, and that took days away. */
static void minutes_around_each_turn_are_as_libc_shows_them(void **state)
{
    static const char *const zones[] = {
        "Europe/Berlin",       "Europe/Dublin",    "America/New_York",  "America/St_Johns",
        "America/Havana",      "America/Santiago", "Africa/Casablanca", "Africa/Cairo",
        "Asia/Beirut",         "Asia/Gaza",        "Asia/Tehran",       "Pacific/Apia",
        "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Auckland",  "Pacific/Chatham",
        "Antarctica/Troll",    "Africa/El_Aaiun",
    };
    size_t turns = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        struct zone *zone = load(zones[i]);
        const int64_t to = moment_of("2031-01-01 00:00");
        int64_t at = moment_of("2010-01-01 00:00");

        setenv("TZ", zones[i], 1);
        tzset();
        while (zone_next(zone, at, &at) && at < to) {
            compare_around(zone, zones[i], at);
            turns++;
        }
        zone_free(zone);
    }
    unsetenv("TZ");
    tzset();
    assert_true(turns > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_and_changes_when_the_wall_clock_says_so),
        cmocka_unit_test(finds_each_change_that_minutes_show),
        cmocka_unit_test(minutes_around_each_turn_are_as_libc_shows_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
