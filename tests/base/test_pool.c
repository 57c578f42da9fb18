/* base/pool: every slot once, at its place, and no slot twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void every_slot_is_taken_once_and_none_is_left(void **state)
{
    enum {
        COUNT = 100
    };
    struct pool *pool = pool_create(100, COUNT);
    uint8_t *slots[COUNT];

    (void)state;
    assert_non_null(pool);
    assert_int_equal(pool_size(pool), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(pool_in_use(pool), i);
        slots[i] = pool_take(pool);
        assert_non_null(slots[i]);
        assert_int_equal((uintptr_t)slots[i] % 64, 0);
        memset(slots[i], (int)i, 100);
        assert_ptr_equal(pool_slot(pool, pool_index(pool, slots[i])), slots[i]);
    }
    assert_null(pool_take(pool));
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < 100; at++) { /* no slot has touched another */
            assert_int_equal(slots[i][at], i);
        }
        pool_give_back(pool, slots[i]);
    }
    assert_int_equal(pool_in_use(pool), 0);
    pool_destroy(pool);
}

/* Of sizes that are odd numbers of lines, and shifted ones. */
static void a_slot_has_its_number_whatever_its_size(void **state)
{
    enum {
        COUNT = 7
    };

    (void)state;
    for (size_t size = 1; size < 70 * 64; size += 61) {
        struct pool *pool = pool_create(size, COUNT);

        assert_non_null(pool);
        const size_t octets = (size_t)((char *)pool_slot(pool, 1) - (char *)pool_slot(pool, 0));
        assert_int_equal(octets, (size + 63) / 64 * 64);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(pool_index(pool, (char *)pool_slot(pool, 0) + i * octets), i);
        }
        pool_destroy(pool);
    }
}

static void the_slot_given_back_last_is_taken_first(void **state)
{
    struct pool *pool = pool_create(1, 3);

    (void)state;
    void *a = pool_take(pool);
    void *b = pool_take(pool);
    pool_give_back(pool, a);
    pool_give_back(pool, b);
    assert_ptr_equal(pool_take(pool), b);
    assert_ptr_equal(pool_take(pool), a);
    assert_non_null(pool_take(pool));
    assert_null(pool_take(pool));
    pool_destroy(pool);
}

static void an_idle_pool_costs_address_space_only(void **state)
{
    /* 4 GiB in slots of 4 KiB: touching them all would be noticed. */
    struct pool *pool = pool_create(4096, 1u << 20);
    unsigned long before = 0;
    unsigned long size = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    (void)state;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &before), 2);
    fclose(file);
    if (pool == NULL) {
        skip(); /* a machine that does not overcommit */
    }
    assert_true(before * 4096 < (1ul << 30));
    assert_non_null(pool_take(pool));
    pool_destroy(pool);
}

/* What is behind the last slot in use; the others stay, and all can be taken again, once. */
static void what_is_behind_the_last_slot_in_use_is_given_back(void **state)
{
    enum {
        COUNT = 64,
        OCTETS = 8192
    };
    struct pool *pool = pool_create(OCTETS, COUNT);
    uint8_t *slots[COUNT];

    (void)state;
    pool_trim(pool);
    for (size_t i = 0; i < COUNT; i++) {
        slots[i] = pool_take(pool);
        memset(slots[i], 1, OCTETS);
    }
    pool_trim(pool); /* all are in use */
    for (size_t i = 0; i < COUNT; i++) {
        if (i != 20) {
            pool_give_back(pool, slots[i]);
        }
    }
    pool_trim(pool);
    assert_int_equal(pool_in_use(pool), 1);
    assert_int_equal(slots[20][OCTETS - 1], 1);
    assert_int_equal(slots[COUNT - 2][0], 0);
    for (size_t i = 1; i < COUNT; i++) {
        assert_non_null(pool_take(pool)); /* a slot that was in use would be taken twice */
    }
    assert_null(pool_take(pool));
    for (size_t i = 0; i < COUNT; i++) {
        pool_give_back(pool, slots[i]);
    }
    pool_trim(pool);
    assert_int_equal(pool_in_use(pool), 0);
    pool_destroy(pool);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_null(pool_create(SIZE_MAX, 1));
    assert_null(pool_create(SIZE_MAX / 2, 3));
    assert_null(pool_create(1, SIZE_MAX));
    assert_null(pool_create(0, 1));
    assert_null(pool_create(1, 0));
    pool_destroy(NULL);
}

/* True if what is done to the pool in a child process aborts it. */
static int aborts(void (*act)(struct pool *pool))
{
    int status = 0;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct pool *pool = pool_create(64, 4);
        fclose(stderr);
        signal(SIGABRT, SIG_DFL);
        act(pool);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void twice(struct pool *pool)
{
    void *slot = pool_take(pool);

    pool_give_back(pool, slot);
    pool_give_back(pool, slot);
}

static void never_taken(struct pool *pool)
{
    pool_give_back(pool, pool_slot(pool, 2));
}

static void between_slots(struct pool *pool)
{
    pool_give_back(pool, (char *)pool_take(pool) + 1);
}

static void of_another_pool(struct pool *pool)
{
    struct pool *other = pool_create(64, 4);

    pool_give_back(pool, pool_take(other));
}

static void beyond_the_end(struct pool *pool)
{
    (void)pool_slot(pool, 4);
}

static void before_the_first(struct pool *pool)
{
    (void)pool_index(pool, (char *)pool_slot(pool, 0) - 64);
}

static void behind_the_last(struct pool *pool)
{
    (void)pool_index(pool, (char *)pool_slot(pool, 3) + 64);
}

/* Every place in which no slot of three lines begins. */
static void within_a_large_slot(struct pool *unused)
{
    struct pool *pool = pool_create(192, 1000);

    (void)unused;
    for (size_t at = 1; at < (size_t)192 * 1000; at += 1999) {
        const size_t offset = at % 192 == 0 ? at + 64 : at;
        const pid_t child = fork();
        int status = 0;

        if (child == 0) {
            (void)pool_index(pool, (char *)pool_slot(pool, 0) + offset);
            _exit(0);
        }
        waitpid(child, &status, 0);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) {
            _exit(0);
        }
    }
    abort();
}

static void mistakes_of_the_caller_end_the_program(void **state)
{
    (void)state;
    assert_true(aborts(twice));
    assert_true(aborts(never_taken));
    assert_true(aborts(between_slots));
    assert_true(aborts(of_another_pool));
    assert_true(aborts(beyond_the_end));
    assert_true(aborts(before_the_first));
    assert_true(aborts(behind_the_last));
    assert_true(aborts(within_a_large_slot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_is_taken_once_and_none_is_left),
        cmocka_unit_test(a_slot_has_its_number_whatever_its_size),
        cmocka_unit_test(the_slot_given_back_last_is_taken_first),
        cmocka_unit_test(an_idle_pool_costs_address_space_only),
        cmocka_unit_test(what_is_behind_the_last_slot_in_use_is_given_back),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
        cmocka_unit_test(mistakes_of_the_caller_end_the_program),
    };
    return cmocka_run_group_tests_name("base/pool", tests, NULL, NULL);
}
