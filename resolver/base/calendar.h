/*
 * base/calendar.h - days and dates of the Gregorian calendar, counted backwards before it was.
 *
 * A day is a number: days since 1970-01-01, negative before. Pure arithmetic, any thread.
 */
#ifndef CORDON_BASE_CALENDAR_H
#define CORDON_BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define CALENDAR_DAY_S INT64_C(86400)

struct calendar_date {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};

/* The day of a date that is one; |year| below 2^40. */
int64_t calendar_day(int64_t year, unsigned month, unsigned day);
/* The day that a moment is in, seconds since 1970-01-01. */
int64_t calendar_day_of(int64_t moment);
/* The date of a day; |day| below 2^48. */
struct calendar_date calendar_date(int64_t day);
/* 0: Monday ... 6: Sunday. */
unsigned calendar_weekday(int64_t day);
bool calendar_is_leap(int64_t year);
/* month from 1 to 12. */
unsigned calendar_days_in_month(int64_t year, unsigned month);

#endif
