/* base/random: reproducible from a seed, even, and never the same twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

#include <stdbool.h>
#include <string.h>

static const uint8_t seed[RANDOM_SEED_OCTETS] = {1, 2, 3};

static void the_same_seed_gives_the_same_sequence(void **state)
{
    struct random a;
    struct random b;

    (void)state;
    random_init_seed(&a, seed);
    random_init_seed(&b, seed);
    for (int i = 0; i < 5000; i++) { /* over many refills */
        assert_int_equal(random_u64(&a), random_u64(&b));
    }
}

static void pieces_of_any_size_are_one_stream(void **state)
{
    static uint8_t whole[10000];
    static uint8_t pieces[10000];
    struct random a;
    struct random b;
    size_t at = 0;

    (void)state;
    random_init_seed(&a, seed);
    random_init_seed(&b, seed);
    random_fill(&a, whole, sizeof(whole));
    for (size_t part = 0; at < sizeof(pieces); part = (part + 7) % 1500) {
        const size_t left = sizeof(pieces) - at;
        const size_t now = part < left ? part : left;
        random_fill(&b, pieces + at, now);
        at += now;
    }
    assert_memory_equal(whole, pieces, sizeof(whole));
}

static void other_seeds_and_the_system_give_other_sequences(void **state)
{
    static const uint8_t other[RANDOM_SEED_OCTETS] = {1, 2, 4};
    struct random generators[4];
    uint64_t values[4];

    (void)state;
    random_init_seed(&generators[0], seed);
    random_init_seed(&generators[1], other);
    random_init(&generators[2]);
    random_init(&generators[3]);
    for (size_t i = 0; i < 4; i++) {
        values[i] = random_u64(&generators[i]);
        for (size_t j = 0; j < i; j++) {
            assert_true(values[i] != values[j]);
        }
    }
}

static void what_was_given_out_is_wiped_and_the_key_replaced(void **state)
{
    static const uint8_t zeros[sizeof((struct random){.used = 0}.block)] = {0};
    uint8_t out[100];
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    random_fill(&random, out, sizeof(out));
    assert_int_equal(random.used, sizeof(out));
    assert_memory_equal(random.block, zeros, sizeof(out));
    assert_memory_not_equal(random.key, seed, sizeof(seed));
    /* The next key is not part of what is given out. */
    for (size_t at = 0; at + sizeof(random.key) <= sizeof(random.block); at++) {
        assert_memory_not_equal(random.block + at, random.key, sizeof(random.key));
    }
}

static void every_value_below_the_bound_comes_equally_often(void **state)
{
    enum {
        BOUND = 10,
        DRAWS = 100000
    };
    unsigned seen[BOUND] = {0};
    struct random random;
    double chi = 0;

    (void)state;
    random_init_seed(&random, seed);
    for (int i = 0; i < DRAWS; i++) {
        const uint32_t value = random_below(&random, BOUND);
        assert_true(value < BOUND);
        seen[value]++;
    }
    for (int i = 0; i < BOUND; i++) {
        const double off = seen[i] - (double)DRAWS / BOUND;
        chi += off * off / ((double)DRAWS / BOUND);
    }
    assert_true(chi < 27.9); /* 9 degrees of freedom, 0.1 % */
}

static void a_bound_that_does_not_divide_has_no_bias(void **state)
{
    /* Of 2^32 values, modulo 3 * 2^30 would give the lowest third twice as often. */
    const uint32_t bound = UINT32_C(3) << 30;
    unsigned low = 0;
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (int i = 0; i < 30000; i++) {
        low += random_below(&random, bound) < bound / 3 ? 1 : 0;
    }
    assert_in_range(low, 9600, 10400);
}

static void the_smallest_bounds_give_zero(void **state)
{
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    assert_int_equal(random_below(&random, 0), 0);
    assert_int_equal(random_below(&random, 1), 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(random_below(&random, UINT32_MAX) < UINT32_MAX);
    }
}

static void all_sixteen_bits_of_an_id_are_used(void **state)
{
    uint16_t ones = 0;
    uint16_t zeros = 0;
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (int i = 0; i < 200; i++) {
        const uint16_t value = random_u16(&random);
        ones |= value;
        zeros |= (uint16_t)~value;
    }
    assert_int_equal(ones, UINT16_MAX);
    assert_int_equal(zeros, UINT16_MAX);
}

static void the_system_fills_all_that_was_asked_for(void **state)
{
    uint8_t a[64] = {0};
    uint8_t b[64] = {0};

    (void)state;
    random_system(a, sizeof(a));
    random_system(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 32, b + 32, 32);
}

/* RFC 8439, A.1, test vectors 1 and 2: key and nonce of zeros. */
static void a_stream_is_that_of_the_rfc_from_any_block_on(void **state)
{
    static const uint8_t zeros[RANDOM_SEED_OCTETS] = {0};
    static const uint8_t first[] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90};
    static const uint8_t second[] = {0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a};
    uint8_t out[2 * RANDOM_STREAM_BLOCK];
    uint8_t part[8];

    (void)state;
    random_stream(zeros, 0, out, sizeof(out));
    assert_memory_equal(out, first, sizeof(first));
    assert_memory_equal(out + RANDOM_STREAM_BLOCK, second, sizeof(second));
    random_stream(zeros, 1, part, sizeof(part));
    assert_memory_equal(part, second, sizeof(second));
}

static int library(void **state)
{
    (void)state;
    return random_library_init() == 0 && random_library_init() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_sequence),
        cmocka_unit_test(pieces_of_any_size_are_one_stream),
        cmocka_unit_test(other_seeds_and_the_system_give_other_sequences),
        cmocka_unit_test(what_was_given_out_is_wiped_and_the_key_replaced),
        cmocka_unit_test(every_value_below_the_bound_comes_equally_often),
        cmocka_unit_test(a_bound_that_does_not_divide_has_no_bias),
        cmocka_unit_test(the_smallest_bounds_give_zero),
        cmocka_unit_test(all_sixteen_bits_of_an_id_are_used),
        cmocka_unit_test(a_stream_is_that_of_the_rfc_from_any_block_on),
        cmocka_unit_test(the_system_fills_all_that_was_asked_for),
    };
    return cmocka_run_group_tests_name("base/random", tests, library, NULL);
}
