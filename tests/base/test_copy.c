/* Every length is copied as memcpy() does, and nothing beside it is read or written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/copy.h"

#include <stdlib.h>

#define LONGEST 300u

static void every_length_is_copied(void **state)
{
    (void)state;
    for (size_t len = 0; len <= LONGEST; len++) {
        uint8_t *from = malloc(len + 1), *to = malloc(len + 1);
        uint8_t *exact = malloc(len == 0 ? 1 : len); /* a sanitizer sees a step beyond */

        assert_true(from != NULL && to != NULL && exact != NULL);
        for (size_t i = 0; i < len; i++) {
            from[i] = (uint8_t)(i * 7 + len);
            exact[i] = from[i];
        }
        to[len] = 0xee;
        copy_octets(to, exact, len);
        assert_memory_equal(to, from, len);
        assert_int_equal(to[len], 0xee);
        copy_octets(exact, from, len);
        assert_memory_equal(exact, from, len);
        free(from);
        free(to);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_copied),
    };
    return cmocka_run_group_tests_name("base/copy", tests, NULL, NULL);
}
