/* Names of ours that come back. */
#include "query/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static void knows_the_names_of_this_round(void **state)
{
    struct query_loop loop = {0};
    struct wire_name name;

    (void)state;
    loop.tokens[0] = 1;
    loop.tokens[31] = UINT64_C(0xfedcba9876543210);
    query_loop_name(UINT64_C(0xfedcba9876543210), &name);
    assert_true(query_loop_is_ours(&loop, &name));
    assert_int_equal(loop.seen, UINT32_C(1) << 31);
    query_loop_name(1, &name);
    assert_true(query_loop_is_ours(&loop, &name));
    assert_int_equal(loop.seen, UINT32_C(1) << 31 | 1u);
}

static void leaves_all_others_alone(void **state)
{
    static const char *const rows[] = {
        ".",
        "cordon-loop-check.internal",
        "internal",
        "0000000000000002.cordon-loop-check.internal",   /* somebody else's, or an old one */
        "0000000000000000.cordon-loop-check.internal",   /* no token at all */
        "000000000000000g.cordon-loop-check.internal",   /* no digits */
        "00000000000000001.cordon-loop-check.internal",  /* longer */
        "000000000000001.cordon-loop-check.internal",    /* shorter */
        "0000000000000001.cordon-loop-check.internam",   /* another domain of that length */
        "x.0000000000001.cordon-loop-check.internal",    /* two labels of that length */
        "a.0000000000000001.cordon-loop-check.internal", /* below it */
        "0000000000000001.cordon-loop-check.internal.x",
    };
    struct query_loop loop = {0};

    (void)state;
    loop.tokens[3] = 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wire_name name = name_of(rows[i]);
        if (query_loop_is_ours(&loop, &name)) {
            fail_msg("%s is taken for ours", rows[i]);
        }
    }
    assert_int_equal(loop.seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_names_of_this_round),
        cmocka_unit_test(leaves_all_others_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
