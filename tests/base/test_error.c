/* base/error: each code has its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static void every_code_of_ours_has_a_text_of_its_own(void **state)
{
    static const struct {
        int code;
        const char *text;
    } codes[] = {
#define CODE(name, value, text) {name, text},
        CORDON_ERRORS(CODE)
#undef CODE
    };
    const size_t count = sizeof(codes) / sizeof(codes[0]);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(codes[i].code < -2000);
        assert_string_equal(cordon_strerror(codes[i].code), codes[i].text);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(codes[i].code, codes[j].code);
            assert_string_not_equal(codes[i].text, codes[j].text);
        }
    }
}

static void errno_values_keep_the_text_of_the_system(void **state)
{
    char expected[128];

    (void)state;
    strncpy(expected, strerror(ENOENT), sizeof(expected) - 1);
    expected[sizeof(expected) - 1] = '\0';
    assert_string_equal(cordon_strerror(-ENOENT), expected);
}

static void a_number_that_is_no_code_gets_a_text_too(void **state)
{
    static const int codes[] = {1, ENOENT, -4096, -1999 * 1000, INT_MIN, INT_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_string_equal(cordon_strerror(codes[i]), "an unknown error");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_ours_has_a_text_of_its_own),
        cmocka_unit_test(errno_values_keep_the_text_of_the_system),
        cmocka_unit_test(a_number_that_is_no_code_gets_a_text_too),
    };
    return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
