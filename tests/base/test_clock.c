/* base/clock: dates by the real calendar, read strictly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void reads_dates_and_moments(void **state)
{
    static const struct {
        const char *text;
        uint64_t wall_s;
    } rows[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:01Z", 1},
        {"1972-02-29", 68169600},            /* the first leap day in range */
        {"2000-02-29T12:00:00Z", 951825600}, /* 400 divides the year: leap */
        {"2026-11-22T09:30:00Z", 1795339800},
        {"2038-01-19T03:14:08Z", 2147483648}, /* beyond 31 bits */
        {"2100-03-01", 4107542400},           /* 2100 is no leap year */
        {"2106-02-07T06:28:16Z", 4294967296}, /* beyond 32 bits */
        {"9999-12-31T23:59:59Z", 253402300799},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t wall_s = 7;
        assert_int_equal(clock_parse(rows[i].text, strlen(rows[i].text), &wall_s), 0);
        assert_int_equal(wall_s, rows[i].wall_s);
    }
}

static void refuses_what_is_no_date_of_the_calendar(void **state)
{
    static const char *const rows[] = {
        "",
        "2026",
        "2026-11",
        "2026-11-2",   /* one digit */
        "2026-11-022", /* three */
        "2026-11-22 ", /* something behind */
        " 2026-11-22", /* or before */
        "2026/11/22",  /* other separators */
        "20261122",    /* the basic form of ISO 8601 */
        "+026-11-22",  /* a sign is no digit */
        "2026-1a-22",
        "1969-12-31", /* before the epoch */
        "0000-01-01",
        "2026-00-01", /* months are 1 to 12 */
        "2026-13-01",
        "2026-11-00", /* days from 1 */
        "2026-11-31", /* November has 30 */
        "2026-04-31",
        "2026-12-32",
        "2026-02-29",           /* no leap year */
        "2100-02-29",           /* 100 divides, 400 does not */
        "2024-02-30",           /* a leap year, but not that leap */
        "2026-11-22T",          /* a half moment */
        "2026-11-22T09:30:00",  /* no zone */
        "2026-11-22T09:30Z",    /* no seconds */
        "2026-11-22t09:30:00z", /* lower case */
        "2026-11-22 09:30:00Z", /* a space for the T */
        "2026-11-22T24:00:00Z", /* hours end at 23 */
        "2026-11-22T09:60:00Z",
        "2026-11-22T23:59:60Z", /* a leap second has no place */
        "2026-11-22T09-30-00Z",
        "2026-11-22T09:30:00+",
        "2026-11-22T09:30:00+00:00", /* only Z */
        "2026-11-22T09:30:00.1Z",    /* no fractions */
        "2026-11-22T09:30:00ZZ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t wall_s = 7;
        assert_int_equal(clock_parse(rows[i], strlen(rows[i]), &wall_s), CORDON_E_FORMAT);
        assert_int_equal(wall_s, 7);
    }
    /* A zero octet ends nothing: the length counts. */
    uint64_t wall_s = 7;
    assert_int_equal(clock_parse("2026-11-2\0", 10, &wall_s), CORDON_E_FORMAT);
}

static void each_day_agrees_with_the_system_and_reads_back(void **state)
{
    (void)state;
    for (uint64_t day = 0; day < 2932897; day += day < 60000 ? 1 : 7) {
        const uint64_t wall_s = day * 86400 + day % 86400;
        const time_t at = (time_t)wall_s;
        char expected[64];
        char text[CLOCK_TEXT_MAX];
        struct tm tm;
        uint64_t back = 0;

        assert_non_null(gmtime_r(&at, &tm));
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
        assert_int_equal(clock_format_s(wall_s, text), strlen(expected));
        assert_string_equal(text, expected);
        assert_int_equal(clock_parse(text, strlen(text), &back), 0);
        assert_int_equal(back, wall_s);
    }
}

static void microseconds_are_written_with_all_their_digits(void **state)
{
    static const struct {
        uint64_t wall_us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {1795339800123456, "2026-11-22T09:30:00.123456Z"},
        {1795339800999999, "2026-11-22T09:30:00.999999Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
        {253402300800000000, "9999-12-31T23:59:59.999999Z"}, /* RFC 3339 ends there */
        {UINT64_MAX, "9999-12-31T23:59:59.999999Z"},
    };
    char text[CLOCK_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(clock_format(rows[i].wall_us, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
    clock_format_s(UINT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    struct clock_now last = clock_read();

    (void)state;
    assert_true(last.wall_us > UINT64_C(1700000000) * 1000000);
    for (int i = 0; i < 1000; i++) {
        const struct clock_now now = clock_read();
        assert_true(now.mono_us >= last.mono_us);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_dates_and_moments),
        cmocka_unit_test(refuses_what_is_no_date_of_the_calendar),
        cmocka_unit_test(each_day_agrees_with_the_system_and_reads_back),
        cmocka_unit_test(microseconds_are_written_with_all_their_digits),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
