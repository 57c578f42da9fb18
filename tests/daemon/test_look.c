/* How a clock that was set is told from time that has passed. */
#include "daemon/look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND       UINT64_C(1000000)
#define YEAR         (UINT64_C(31536000) * SECOND)

static void only_what_the_two_clocks_do_not_share_is_a_jump(void **state)
{
    static const struct {
        uint64_t wall_before, mono_before, wall_now, mono_now;
        int64_t jump_s;
    } cases[] = {
        {50 * YEAR, 7 * SECOND, 50 * YEAR + 5 * SECOND, 12 * SECOND, 0},    /* as it should */
        {50 * YEAR, 7 * SECOND, 50 * YEAR + 65 * SECOND, 72 * SECOND, 0},   /* stood still */
        {50 * YEAR, 7 * SECOND, 50 * YEAR + 65 * SECOND, 12 * SECOND, 60},  /* set forward */
        {50 * YEAR, 7 * SECOND, 50 * YEAR - 65 * SECOND, 12 * SECOND, -70}, /* back */
        {50 * YEAR, 7 * SECOND, 0, 12 * SECOND, -1576800005},               /* to 1970 */
        {0, 7 * SECOND, 50 * YEAR, 12 * SECOND, 1576799995},                /* from 1970 */
        {50 * YEAR, 7 * SECOND, 50 * YEAR + 5 * SECOND + 999999, 12 * SECOND, 0},
        {50 * YEAR, 7 * SECOND, 8000 * YEAR, 12 * SECOND, INT64_C(250711199995)}, /* far */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct clock_now before = {.mono_us = cases[i].mono_before,
                                         .wall_us = cases[i].wall_before};
        const struct clock_now now = {.mono_us = cases[i].mono_now,
                                      .wall_us = cases[i].wall_now};

        assert_int_equal(look_jump_s(&before, &now), cases[i].jump_s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_two_clocks_do_not_share_is_a_jump),
    };
    return cmocka_run_group_tests_name("daemon/look", tests, NULL, NULL);
}
