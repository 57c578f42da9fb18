/* Characters: where they end, and which are not seen. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static void reads_what_is_well_formed_and_nothing_else(void **state)
{
    static const struct {
        const char *octets;
        size_t used; /* 0: refused */
        uint32_t point;
    } rows[] = {
        {"a", 1, 'a'},
        {"\xc2\x80", 2, 0x80},
        {"\xe2\x80\xae", 3, 0x202e},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\x80", 0, 0},             /* goes on from nothing */
        {"\xc0\x80", 0, 0},         /* overlong */
        {"\xe0\x9f\xbf", 0, 0},     /* overlong */
        {"\xed\xa0\x80", 0, 0},     /* half of a pair */
        {"\xf4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
        {"\xe2\x80", 0, 0},         /* cut */
        {"\xe2\x80z", 0, 0},
        {"\xff", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        uint32_t point = 0;
        const size_t used =
            utf8_point((const uint8_t *)rows[i].octets, strlen(rows[i].octets), &point);

        assert_int_equal(used, rows[i].used);
        if (used > 0) {
            assert_int_equal(point, rows[i].point);
        }
    }
}

static void knows_what_is_not_seen(void **state)
{
    static const uint32_t hidden[] = {0xad,   0x61c,  0x180e, 0x200b, 0x200f,  0x2028, 0x202e,
                                      0x2060, 0x2066, 0xfeff, 0xfff9, 0xe0000, 0xe0041};
    static const uint32_t seen[] = {' ',    'a',    0xa0,   0xae,   0xe4,   0x4e2d,
                                    0x2010, 0x2027, 0x202f, 0xfffc, 0xfffd, 0x1f600};

    (void)state;
    for (size_t i = 0; i < ITEMS(hidden); i++) {
        assert_true(utf8_is_hidden(hidden[i]));
    }
    for (size_t i = 0; i < ITEMS(seen); i++) {
        assert_false(utf8_is_hidden(seen[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_well_formed_and_nothing_else),
        cmocka_unit_test(knows_what_is_not_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
