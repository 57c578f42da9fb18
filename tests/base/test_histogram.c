/* base/histogram against a sorted array of the same values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

#define VALUES 5000u

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void buckets_follow_each_other_without_a_gap(void **state)
{
    (void)state;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        const uint64_t upper = histogram_upper(i);

        assert_int_equal(histogram_bucket(upper), i);
        if (i + 1 < HISTOGRAM_BUCKETS) {
            assert_int_equal(histogram_bucket(upper + 1), i + 1);
        }
    }
    assert_int_equal(histogram_upper(HISTOGRAM_BUCKETS - 1), HISTOGRAM_VALUE_MAX);
}

static void a_bucket_is_at_most_an_eighth_as_wide_as_its_values(void **state)
{
    (void)state;
    for (size_t i = 1; i < HISTOGRAM_BUCKETS; i++) {
        const uint64_t least = histogram_upper(i - 1) + 1;

        assert_true((histogram_upper(i) - least) * 8 <= least);
    }
}

static void small_values_are_exact(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    for (uint64_t value = 0; value < 16; value++) {
        assert_int_equal(histogram_upper(histogram_bucket(value)), value);
        histogram_add(&histogram, value, value + 1);
    }
    for (uint64_t value = 0; value < 16; value++) {
        assert_int_equal(histogram_at_most(&histogram, value), (value + 1) * (value + 2) / 2);
    }
}

static void what_is_too_large_is_counted_all_the_same(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    histogram_add(&histogram, UINT64_MAX / 4, 1);
    histogram_add(&histogram, (uint64_t)HISTOGRAM_VALUE_MAX + 1, 2);
    assert_int_equal(histogram.count[HISTOGRAM_BUCKETS - 1], 3);
    assert_int_equal(histogram_total(&histogram), 3);
    assert_int_equal(histogram_quantile(&histogram, 1000), HISTOGRAM_VALUE_MAX);
}

static void an_empty_one_has_no_quantiles(void **state)
{
    const struct histogram histogram = {0};

    (void)state;
    assert_int_equal(histogram_total(&histogram), 0);
    assert_int_equal(histogram_quantile(&histogram, 0), 0);
    assert_int_equal(histogram_quantile(&histogram, 999), 0);
}

/* Values as latencies are: most small, some large, spread over many doublings. */
static uint64_t draw(struct random *random)
{
    return random_u64(random) >> (63 - random_below(random, 27));
}

static void quantiles_are_those_of_the_values_rounded_up_by_at_most_an_eighth(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "histogram";
    static const unsigned per_mille[] = {0, 1, 250, 500, 900, 950, 990, 999, 1000};
    static uint64_t values[VALUES];
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (unsigned round = 0; round < 50; round++) {
        const size_t count = 1 + random_below(&random, VALUES);
        struct histogram whole = {0};
        struct histogram parts[2] = {{{0}, 0}, {{0}, 0}};
        uint64_t sum = 0;

        for (size_t i = 0; i < count; i++) {
            values[i] = draw(&random);
            sum += values[i];
            histogram_add(&parts[i % 2], values[i], 1);
            histogram_add(&whole, values[i], 1);
        }
        histogram_merge(&parts[0], &parts[1]);
        assert_memory_equal(&parts[0], &whole, sizeof(whole));
        assert_int_equal(whole.sum, sum);
        assert_int_equal(histogram_total(&whole), count);
        qsort(values, count, sizeof(values[0]), by_value);
        for (size_t i = 0; i < sizeof(per_mille) / sizeof(per_mille[0]); i++) {
            size_t rank = (count * per_mille[i] + 999) / 1000;
            rank = rank > 0 ? rank : 1;
            const uint64_t exact = values[rank - 1];
            const uint64_t told = histogram_quantile(&whole, per_mille[i]);

            assert_true(told >= exact);
            assert_true((told - exact) * 8 <= exact);
        }
        /* Counts up to a border are exact. */
        for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket += 13) {
            const uint64_t border = histogram_upper(bucket);
            uint64_t exact = 0;

            for (size_t i = 0; i < count; i++) {
                exact += values[i] <= border ? 1 : 0;
            }
            assert_int_equal(histogram_at_most(&whole, border), exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_follow_each_other_without_a_gap),
        cmocka_unit_test(a_bucket_is_at_most_an_eighth_as_wide_as_its_values),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(what_is_too_large_is_counted_all_the_same),
        cmocka_unit_test(an_empty_one_has_no_quantiles),
        cmocka_unit_test(quantiles_are_those_of_the_values_rounded_up_by_at_most_an_eighth),
    };

    if (random_library_init() != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
