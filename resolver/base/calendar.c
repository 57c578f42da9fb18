#include "base/calendar.h"

/* Years are counted from March here, so that the day that leap years add is the last of one:
 * then the days before a month do not depend on the year. 400 years have 146,097 days. */
#define ERA_YEARS    400
#define ERA_DAYS     146097
#define DAYS_TO_1970 719468 /* from 0000-03-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

int64_t calendar_day(int64_t year, unsigned month, unsigned day)
{
    const int64_t from_march = month > 2 ? year : year - 1;
    const int64_t era = floor_div(from_march, ERA_YEARS);
    const int64_t of_era = from_march - era * ERA_YEARS;
    const int64_t months = month > 2 ? month - 3 : month + 9;
    const int64_t of_year = (153 * months + 2) / 5 + day - 1;

    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970;
}

int64_t calendar_day_of(int64_t moment)
{
    return floor_div(moment, CALENDAR_DAY_S);
}

struct calendar_date calendar_date(int64_t day)
{
    const int64_t since = day + DAYS_TO_1970;
    const int64_t era = floor_div(since, ERA_DAYS);
    const int64_t of_era = since - era * ERA_DAYS;
    const int64_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA_DAYS - 1)) / 365;
    const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t months = (5 * of_year + 2) / 153;
    const unsigned month = (unsigned)(months < 10 ? months + 3 : months - 9);

    return (struct calendar_date){
        .year = era * ERA_YEARS + year_of_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (unsigned)(of_year - (153 * months + 2) / 5) + 1,
    };
}

unsigned calendar_weekday(int64_t day)
{
    const int64_t of_week = (day + 3) % 7; /* 1970-01-01 was a Thursday */

    return (unsigned)(of_week < 0 ? of_week + 7 : of_week);
}

bool calendar_is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

unsigned calendar_days_in_month(int64_t year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && calendar_is_leap(year) ? 1u : 0u);
}
