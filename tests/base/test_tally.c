/* base/tally: keys that come once, and what comes above the bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/tally.h"

static int setup_all(void **state)
{
    (void)state;
    return random_library_init();
}

static void tells_keys_apart_up_to_its_bound(void **state)
{
    struct tally *tally = tally_create(1000);
    bool is_new = false, no_memory = false;
    size_t len = 0;

    (void)state;
    assert_int_equal(tally_add(tally, "a\0b", 3, &is_new, &no_memory), 0);
    assert_int_equal(tally_add(tally, "a\0c", 3, &is_new, &no_memory), 1);
    assert_int_equal(tally_add(tally, "a", 1, &is_new, &no_memory), 2);
    assert_int_equal(tally_add(tally, "", 0, &is_new, &no_memory), 3);
    assert_true(is_new);
    assert_int_equal(tally_add(tally, "a\0b", 3, &is_new, &no_memory), 0);
    assert_false(is_new);
    tally_destroy(tally);
    tally = tally_create(100);
    for (uint32_t i = 0; i < 200; i++) {
        const size_t number = tally_add(tally, &i, sizeof(i), &is_new, &no_memory);

        assert_int_equal(number, i < 100 ? i : TALLY_NONE);
        assert_int_equal(is_new, i < 100);
    }
    assert_int_equal(tally_add(tally, "", 0, &is_new, &no_memory), TALLY_NONE);
    assert_true(tally_is_full(tally));
    assert_false(no_memory);
    assert_int_equal(tally_count(tally), 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_memory_equal(tally_key(tally, i, &len), &i, sizeof(i));
        assert_int_equal(len, sizeof(i));
        assert_int_equal(tally_add(tally, &i, sizeof(i), &is_new, &no_memory), i);
    }
    tally_destroy(tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_keys_apart_up_to_its_bound),
    };

    return cmocka_run_group_tests(tests, setup_all, NULL);
}
