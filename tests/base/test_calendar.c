/* base/calendar: days and dates, compared with a count by hand of 800 years. */
#include "base/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void knows_days_of_history(void **state)
{
    (void)state;
    assert_int_equal(calendar_day(1970, 1, 1), 0);
    assert_int_equal(calendar_day(1969, 12, 31), -1);
    assert_int_equal(calendar_day(2000, 2, 29), 11016);
    assert_int_equal(calendar_day(2026, 11, 22), 20779);
    assert_int_equal(calendar_weekday(0), 3);     /* a Thursday */
    assert_int_equal(calendar_weekday(-1), 2);    /* and a Wednesday before it */
    assert_int_equal(calendar_weekday(20779), 6); /* a Sunday */
    assert_false(calendar_is_leap(1900));
    assert_true(calendar_is_leap(2000));
    assert_false(calendar_is_leap(2100));
    assert_int_equal(calendar_days_in_month(2024, 2), 29);
    assert_int_equal(calendar_days_in_month(2025, 2), 28);
}

static void goes_through_every_day_of_eight_centuries(void **state)
{
    int64_t day = calendar_day(1600, 1, 1);

    (void)state;
    for (int64_t year = 1600; year < 2400; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned i = 1; i <= calendar_days_in_month(year, month); i++, day++) {
                const struct calendar_date date = calendar_date(day);

                assert_int_equal(calendar_day(year, month, i), day);
                assert_true(date.year == year && date.month == month && date.day == i);
                assert_int_equal(calendar_weekday(day + 1), (calendar_weekday(day) + 1) % 7);
            }
        }
    }
    assert_int_equal(day, calendar_day(2400, 1, 1));
}

static void counts_seconds_before_1970_downwards(void **state)
{
    (void)state;
    assert_int_equal(calendar_day_of(0), 0);
    assert_int_equal(calendar_day_of(86399), 0);
    assert_int_equal(calendar_day_of(86400), 1);
    assert_int_equal(calendar_day_of(-1), -1);
    assert_int_equal(calendar_day_of(-86400), -1);
    assert_int_equal(calendar_day_of(-86401), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_days_of_history),
        cmocka_unit_test(goes_through_every_day_of_eight_centuries),
        cmocka_unit_test(counts_seconds_before_1970_downwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
