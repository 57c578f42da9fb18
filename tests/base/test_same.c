/* base/same against memcmp(), at the edge of what may be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/same.h"

#include <stdlib.h>

#define LEN_MAX 260u

/* Each length, and each octet of it that may differ; the memory ends with the octets, so that a
 * sanitizer sees a load beyond them. */
static void it_says_what_memcmp_says(void **state)
{
    (void)state;
    for (size_t len = 0; len <= LEN_MAX; len++) {
        uint8_t *a = malloc(len + (len == 0)), *b = malloc(len + (len == 0));

        assert_non_null(a);
        assert_non_null(b);
        for (size_t i = 0; i < len; i++) {
            a[i] = b[i] = (uint8_t)(i * 7 + len);
        }
        assert_true(same_octets(a, b, len));
        for (size_t i = 0; i < len; i++) {
            b[i] ^= (uint8_t)(1u << i % 8);
            assert_false(same_octets(a, b, len));
            b[i] = a[i];
        }
        free(a);
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_says_what_memcmp_says)};

    return cmocka_run_group_tests_name("base/same", tests, NULL, NULL);
}
