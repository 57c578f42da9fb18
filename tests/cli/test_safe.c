/* What strangers make, before it reaches a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/safe.h"

#include <string.h>

static void no_octet_can_drive_a_terminal(void **state)
{
    char out[64];

    (void)state;
    for (unsigned octet = 1; octet < 256; octet++) {
        const char text[] = {'a', (char)octet, 'b', '\0'};

        cli_safe(text, out, sizeof(out));
        for (const char *at = out; *at != '\0'; at++) {
            assert_true(*at >= 0x20 && *at < 0x7f);
        }
        assert_int_equal(out[0], 'a');
        assert_int_equal(out[strlen(out) - 1], 'b');
    }
    assert_string_equal(cli_safe("\x1b[2J", out, sizeof(out)), "\\x1b[2J");
    assert_string_equal(cli_safe("a\xc2\x9b"
                                 "31m",
                                 out, sizeof(out)),
                        "a\\xc2\\x9b31m");
    assert_string_equal(cli_safe("a\r\nb\a", out, sizeof(out)), "a\\x0d\\x0ab\\x07");
}

static void what_is_cut_is_cut_between_two(void **state)
{
    char out[8];

    (void)state;
    assert_string_equal(cli_safe("1234567890", out, sizeof(out)), "1234567");
    assert_string_equal(cli_safe("12345\x1b[2J", out, sizeof(out)), "12345");
    assert_string_equal(cli_safe("abc", out, 1), "");
}

static void times_are_short(void **state)
{
    static const struct {
        uint64_t us;
        const char *words;
    } rows[] = {{0, "0 us"},        {999, "999 us"},      {1000, "1.0 ms"},  {12345, "12.3 ms"},
                {123456, "123 ms"}, {4000000, "4000 ms"}, {12000000, "12 s"}};
    char out[24];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(cli_micros(rows[i].us, out), rows[i].words);
    }
    assert_non_null(cli_micros(UINT64_MAX, out));
}

static void digits_are_octets_or_nothing(void **state)
{
    uint8_t out[4] = {0};

    (void)state;
    assert_int_equal(cli_octets("00ff7a", out, sizeof(out)), 3);
    assert_memory_equal(out, "\x00\xff\x7a", 3);
    assert_int_equal(cli_octets("", out, sizeof(out)), 0);
    assert_int_equal(cli_octets("0", out, sizeof(out)), 0);
    assert_int_equal(cli_octets("0g", out, sizeof(out)), 0);
    assert_int_equal(cli_octets("FF", out, sizeof(out)), 0);
    assert_int_equal(cli_octets("0011223344", out, sizeof(out)), 0);
}

static void what_is_left_is_rounded_up(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *words;
    } rows[] = {{0, "1 s"},       {89, "90 s"},     {119, "2 min"},     {120, "3 min"},
                {3598, "60 min"}, {3599, "60 min"}, {3600, "61 min"},   {7190, "2 h"},
                {7200, "3 h"},    {86395, "24 h"},  {172700, "2 days"}, {2591990, "30 days"}};
    char out[32];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(cli_left(rows[i].seconds, out), rows[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_octet_can_drive_a_terminal),
        cmocka_unit_test(what_is_cut_is_cut_between_two),
        cmocka_unit_test(times_are_short),
        cmocka_unit_test(what_is_left_is_rounded_up),
        cmocka_unit_test(digits_are_octets_or_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
