#include "base/clock.h"

#include "base/error.h"
#include "base/invariant.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define US_PER_S      UINT64_C(1000000)
#define S_PER_DAY     UINT64_C(86400)
#define YEAR_MIN      1970
#define YEAR_MAX      9999
#define WALL_S_MAX    UINT64_C(253402300799) /* 9999-12-31T23:59:59Z: RFC 3339 ends there */
#define DATE_OCTETS   10                     /* "2026-11-22" */
#define MOMENT_OCTETS 20                     /* "2026-11-22T09:30:00Z" */

struct date {
    unsigned year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};

static uint64_t read_us(clockid_t id)
{
    struct timespec at;

    invariant(clock_gettime(id, &at) == 0);
    return (uint64_t)at.tv_sec * US_PER_S + (uint64_t)at.tv_nsec / 1000;
}

struct clock_now clock_read(void)
{
    return (struct clock_now){
        .mono_us = read_us(CLOCK_MONOTONIC),
        .wall_us = read_us(CLOCK_REALTIME),
    };
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

/* Days from 1970-01-01 to the first of January of a year. */
static uint64_t days_before_year(unsigned year)
{
    const uint64_t past = year - 1;

    /* 477 leap days lie before 1970. */
    return UINT64_C(365) * (year - YEAR_MIN) + past / 4 - past / 100 + past / 400 - 477;
}

static struct date date_of_days(uint64_t days)
{
    /* A year is never shorter than 365 days, so this guess is too late by a few years at most
     * (5.5 at the end of the range) and never too early. */
    struct date date = {.year = YEAR_MIN + (unsigned)(days / 365), .month = 1};

    while (days_before_year(date.year) > days) {
        date.year--;
    }
    days -= days_before_year(date.year);
    while (days >= days_in_month(date.year, date.month)) {
        days -= days_in_month(date.year, date.month);
        date.month++;
    }
    date.day = (unsigned)days + 1;
    return date;
}

/* So many digits and what follows them. Returns its end. Each event has a time, and printf
 * takes several times as long. */
static char *put(char *at, unsigned digits, unsigned value, char then)
{
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    at[digits] = then;
    return at + digits + 1;
}

/* "2026-11-22T09:30:00" and what follows. Returns its end. */
static char *put_second(char *at, uint64_t wall_s, char then)
{
    const struct date date = date_of_days(wall_s / S_PER_DAY);
    const unsigned second = (unsigned)(wall_s % S_PER_DAY);

    at = put(at, 4, date.year, '-');
    at = put(at, 2, date.month, '-');
    at = put(at, 2, date.day, 'T');
    at = put(at, 2, second / 3600, ':');
    at = put(at, 2, second / 60 % 60, ':');
    return put(at, 2, second % 60, then);
}

_Static_assert(MOMENT_OCTETS + 7 < CLOCK_TEXT_MAX, "a moment with its fraction has room");

size_t clock_format(uint64_t wall_us, char out[CLOCK_TEXT_MAX])
{
    if (wall_us / US_PER_S > WALL_S_MAX) {
        wall_us = WALL_S_MAX * US_PER_S + (US_PER_S - 1);
    }
    char *const fraction = put_second(out, wall_us / US_PER_S, '.');
    char *const end = put(fraction, 6, (unsigned)(wall_us % US_PER_S), 'Z');

    *end = '\0';
    return (size_t)(end - out);
}

size_t clock_format_s(uint64_t wall_s, char out[CLOCK_TEXT_MAX])
{
    char *const end = put_second(out, wall_s > WALL_S_MAX ? WALL_S_MAX : wall_s, 'Z');

    *end = '\0';
    return (size_t)(end - out);
}

/* Reads exactly count digits. False if one of them is none. */
static bool read_digits(const char *text, size_t count, unsigned *value)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        sum = sum * 10 + (unsigned)(text[i] - '0');
    }
    *value = sum;
    return true;
}

/* A leap second (":60") is refused: seconds since 1970 have no place for it. */
static bool read_time(const char *text, uint64_t *seconds)
{
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;

    if (text[0] != 'T' || !read_digits(text + 1, 2, &hour) || text[3] != ':' ||
        !read_digits(text + 4, 2, &minute) || text[6] != ':' ||
        !read_digits(text + 7, 2, &second) || text[9] != 'Z') {
        return false;
    }
    *seconds = hour * UINT64_C(3600) + minute * UINT64_C(60) + second;
    return hour < 24 && minute < 60 && second < 60;
}

int clock_parse(const char *text, size_t len, uint64_t *wall_s)
{
    struct date date = {0, 0, 0};
    uint64_t seconds = 0;

    if ((len != DATE_OCTETS && len != MOMENT_OCTETS) || !read_digits(text, 4, &date.year) ||
        text[4] != '-' || !read_digits(text + 5, 2, &date.month) || text[7] != '-' ||
        !read_digits(text + 8, 2, &date.day)) {
        return CORDON_E_FORMAT;
    }
    if (date.year < YEAR_MIN || date.year > YEAR_MAX || date.month < 1 || date.month > 12 ||
        date.day < 1 || date.day > days_in_month(date.year, date.month)) {
        return CORDON_E_FORMAT;
    }
    if (len == MOMENT_OCTETS && !read_time(text + DATE_OCTETS, &seconds)) {
        return CORDON_E_FORMAT;
    }
    uint64_t days = days_before_year(date.year) + date.day - 1;
    for (unsigned month = 1; month < date.month; month++) {
        days += days_in_month(date.year, month);
    }
    *wall_s = days * S_PER_DAY + seconds;
    return 0;
}
