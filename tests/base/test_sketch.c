/* base/sketch against exact counts of the same keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/sketch.h"

#include "base/random.h"

#include <stdbool.h>
#include <string.h>

#define KEYS  3000u
#define SLOTS 64u
#define SETS  (SLOTS / SKETCH_WAYS)

static const uint8_t hash_key[16] = "a secret of ours";
static const uint8_t seed[RANDOM_SEED_OCTETS] = "sketch";

/* Key i is the number in a text, so that keys have several lengths. */
static size_t key_of(unsigned i, char key[16])
{
    size_t len = 0;

    do {
        key[len++] = (char)('0' + i % 10);
        i /= 10;
    } while (i > 0);
    return len;
}

static unsigned number_of(const struct sketch_entry *entry)
{
    const char *digits = entry->key;
    unsigned number = 0;

    for (size_t i = entry->len; i-- > 0;) {
        number = number * 10 + (unsigned)(digits[i] - '0');
    }
    return number;
}

static void add(struct sketch *sketch, unsigned i, uint64_t times)
{
    char key[16];
    const size_t len = key_of(i, key);

    sketch_add(sketch, key, len, sketch_hash(sketch, key, len), times);
}

static size_t set_of(const struct sketch *sketch, unsigned i)
{
    char key[16];

    return sketch_hash(sketch, key, key_of(i, key)) >> 32 & (SETS - 1);
}

static struct sketch *make(void)
{
    struct sketch *sketch = sketch_create(SLOTS, 16, hash_key);

    assert_non_null(sketch);
    return sketch;
}

/* What is promised: bounds of every key that is told, order, and that nothing that is frequent
 * is missing. */
static void check(const struct sketch *sketch, const uint64_t exact[KEYS])
{
    struct sketch_entry entries[SLOTS];
    uint64_t in_set[SETS] = {0};
    uint64_t total = 0;
    bool told[KEYS] = {false};
    const size_t count = sketch_top(sketch, entries, SLOTS);

    for (unsigned key = 0; key < KEYS; key++) {
        in_set[set_of(sketch, key)] += exact[key];
        total += exact[key];
    }
    assert_int_equal(sketch_total(sketch), total);
    for (size_t i = 0; i < count; i++) {
        const unsigned key = number_of(&entries[i]);

        assert_true(key < KEYS && !told[key]);
        assert_true(entries[i].error * SKETCH_WAYS <= in_set[set_of(sketch, key)]);
        told[key] = true;
        assert_true(entries[i].count >= exact[key]);
        assert_true(entries[i].error <= entries[i].count);
        assert_true(entries[i].count - entries[i].error <= exact[key]);
        assert_true(i == 0 || entries[i - 1].count >= entries[i].count);
    }
    for (unsigned key = 0; key < KEYS; key++) {
        assert_true(told[key] || exact[key] * SKETCH_WAYS <= in_set[set_of(sketch, key)]);
    }
}

static void few_keys_are_exact(void **state)
{
    struct sketch *sketch = make();
    struct sketch_entry entries[SLOTS];

    (void)state;
    assert_int_equal(sketch_top(sketch, entries, SLOTS), 0);
    add(sketch, 7, 3);
    add(sketch, 1234, 9);
    add(sketch, 7, 2);
    add(sketch, 8, 0); /* never: is not there */
    assert_int_equal(sketch_top(sketch, entries, SLOTS), 2);
    assert_int_equal(number_of(&entries[0]), 1234);
    assert_int_equal(entries[0].count, 9);
    assert_int_equal(entries[0].error, 0);
    assert_int_equal(number_of(&entries[1]), 7);
    assert_int_equal(entries[1].count, 5);
    assert_int_equal(sketch_top(sketch, entries, 1), 1);
    assert_int_equal(number_of(&entries[0]), 1234);
    assert_int_equal(sketch_top(sketch, entries, 0), 0);
    sketch_clear(sketch);
    assert_int_equal(sketch_total(sketch), 0);
    assert_int_equal(sketch_top(sketch, entries, SLOTS), 0);
    sketch_destroy(sketch);
}

static void keys_of_one_hash_are_told_apart(void **state)
{
    static const uint8_t zeros[4];
    struct sketch *sketch = make();
    struct sketch_entry entries[SLOTS];

    (void)state;
    for (size_t len = 0; len <= sizeof(zeros); len++) {
        sketch_add(sketch, zeros, len, 1, len + 1);
        sketch_add(sketch, zeros, len, 1, 10 * (len + 1));
    }
    sketch_add(sketch, "\0\0\0\1", 4, 1, 100);
    assert_int_equal(sketch_top(sketch, entries, SLOTS), 6);
    assert_int_equal(entries[0].count, 100);
    for (size_t i = 1; i < 6; i++) {
        assert_int_equal(entries[i].len, 5 - i);
        assert_int_equal(entries[i].count, 11 * (6 - i));
    }
    sketch_destroy(sketch);
}

/* Key 0 came five times, and was driven out by the ninth key of its set: the floor is not a
 * bit higher than it must be. */
static struct sketch *forgetful(void)
{
    struct sketch *sketch = make();
    struct sketch_entry entries[SLOTS];

    add(sketch, 0, 5);
    for (unsigned i = 1, found = 0; found < SKETCH_WAYS; i++) {
        if (set_of(sketch, i) == set_of(sketch, 0)) {
            add(sketch, i, 5);
            found++;
        }
    }
    const size_t count = sketch_top(sketch, entries, SLOTS);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(number_of(&entries[i]), 0);
    }
    return sketch;
}

static void find_zero(const struct sketch *sketch, uint64_t exact)
{
    struct sketch_entry entries[SLOTS];
    const size_t count = sketch_top(sketch, entries, SLOTS);
    size_t i = 0;

    while (i < count && number_of(&entries[i]) != 0) {
        i++;
    }
    assert_true(i < count);
    assert_true(entries[i].count >= exact);
    assert_true(entries[i].count - entries[i].error <= exact);
}

static void what_one_has_forgotten_counts_in_the_merged(void **state)
{
    struct sketch *one = make();
    struct sketch *other = forgetful();
    struct sketch *third = make();

    (void)state;
    add(one, 0, 1000);
    add(third, 0, 1000);
    sketch_merge(one, other); /* into the one that knows it */
    find_zero(one, 1005);
    sketch_merge(other, third); /* into the one that has forgotten it */
    find_zero(other, 1005);
    sketch_destroy(one);
    sketch_destroy(other);
    sketch_destroy(third);
}

static void what_a_merge_drops_is_below_the_floor(void **state)
{
    struct sketch *one = make();
    struct sketch *other = make();
    struct sketch *third = make();

    (void)state;
    add(other, 0, 3);
    add(third, 0, 1000);
    for (unsigned i = 1, found = 0; found < SKETCH_WAYS; i++) { /* a full set, never over */
        if (set_of(one, i) == set_of(one, 0)) {
            add(one, i, 5);
            found++;
        }
    }
    sketch_merge(one, other); /* it is rarer than all that are there */
    sketch_merge(third, one);
    find_zero(third, 1003);
    sketch_destroy(one);
    sketch_destroy(other);
    sketch_destroy(third);
}

static void what_both_have_forgotten_is_below_the_floor(void **state)
{
    struct sketch *one = forgetful();
    struct sketch *other = forgetful();
    struct sketch *empty = make();

    (void)state;
    sketch_merge(empty, other);
    add(empty, 0, 1000);
    find_zero(empty, 1005);
    sketch_merge(one, other);
    sketch_clear(empty);
    add(empty, 0, 1000);
    sketch_merge(empty, one);
    find_zero(empty, 1010);
    sketch_destroy(one);
    sketch_destroy(other);
    sketch_destroy(empty);
}

static void a_flood_of_strangers_drives_no_frequent_key_out(void **state)
{
    struct sketch *sketch = make();
    struct sketch_entry first;
    uint64_t exact[KEYS] = {0};

    (void)state;
    for (unsigned i = 0; i < 20 * KEYS; i++) {
        add(sketch, i % KEYS, 1);
        exact[i % KEYS]++;
        if (i % 20 == 0) {
            add(sketch, 42, 1);
            exact[42]++;
        }
    }
    check(sketch, exact);
    assert_int_equal(sketch_top(sketch, &first, 1), 1);
    assert_int_equal(number_of(&first), 42);
    sketch_destroy(sketch);
}

/* Skewed as names and clients are: each draw halves the range with even odds. */
static unsigned draw(struct random *random)
{
    unsigned range = KEYS;

    while (range > 1 && random_below(random, 3) != 0) {
        range = range * 3 / 4;
    }
    return random_below(random, range);
}

static void bounds_hold_for_random_streams_and_for_what_is_merged(void **state)
{
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (unsigned round = 0; round < 40; round++) {
        struct sketch *parts[3] = {make(), make(), make()};
        struct sketch *merged = make();
        static uint64_t exact[3][KEYS];
        static uint64_t all[KEYS];
        const unsigned additions = random_below(&random, 20000);

        memset(exact, 0, sizeof(exact));
        memset(all, 0, sizeof(all));
        for (unsigned i = 0; i < additions; i++) {
            const unsigned part = random_below(&random, 2 + round % 2);
            const unsigned key = draw(&random);
            const uint64_t times = 1 + random_below(&random, 3);

            add(parts[part], key, times);
            exact[part][key] += times;
            all[key] += times;
        }
        for (unsigned part = 0; part < 3; part++) {
            check(parts[part], exact[part]);
        }
        sketch_copy(merged, parts[0]);
        sketch_merge(merged, parts[1]);
        sketch_merge(merged, parts[2]);
        check(merged, all);
        check(parts[1], exact[1]); /* left as it was */
        for (unsigned part = 0; part < 3; part++) {
            sketch_destroy(parts[part]);
        }
        sketch_destroy(merged);
    }
}

static void one_that_was_merged_goes_on_counting(void **state)
{
    struct random random;
    struct sketch *one = make();
    struct sketch *other = make();
    static uint64_t exact[KEYS];

    (void)state;
    random_init_seed(&random, seed);
    memset(exact, 0, sizeof(exact));
    for (unsigned i = 0; i < 9000; i++) {
        const unsigned key = draw(&random);

        add(i % 3 == 0 ? other : one, key, 1);
        exact[key]++;
        if (i == 4500) {
            sketch_merge(one, other);
            sketch_clear(other);
        }
    }
    sketch_merge(one, other);
    check(one, exact);
    sketch_destroy(one);
    sketch_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_keys_are_exact),
        cmocka_unit_test(keys_of_one_hash_are_told_apart),
        cmocka_unit_test(what_one_has_forgotten_counts_in_the_merged),
        cmocka_unit_test(what_a_merge_drops_is_below_the_floor),
        cmocka_unit_test(what_both_have_forgotten_is_below_the_floor),
        cmocka_unit_test(a_flood_of_strangers_drives_no_frequent_key_out),
        cmocka_unit_test(bounds_hold_for_random_streams_and_for_what_is_merged),
        cmocka_unit_test(one_that_was_merged_goes_on_counting),
    };

    if (random_library_init() != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
