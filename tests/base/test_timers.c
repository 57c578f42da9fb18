/* base/timers: in order, once each, and always to an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/timers.h"

#include "base/random.h"

#include <errno.h>
#include <stdlib.h>

#define MANY 300

struct owner {
    struct timer timer;
    struct timers *timers;
    struct owner *other; /* disarmed or armed when this one fires */
    uint64_t again_us;   /* armed again for then; 0: not */
    unsigned fired;
    uint64_t *last_us;
};

static void count(struct timer *timer, void *context)
{
    struct owner *owner = context;

    assert_ptr_equal(timer, &owner->timer);
    assert_int_equal(timer->index, 0); /* no longer armed when it fires */
    owner->fired++;
    if (owner->last_us != NULL) {
        assert_true(timer->at_us >= *owner->last_us);
        *owner->last_us = timer->at_us;
    }
}

static void init(struct owner *owner, struct timers *timers,
                 void (*fire)(struct timer *timer, void *context))
{
    *owner = (struct owner){.timers = timers};
    owner->timer.fire = fire;
    owner->timer.context = owner;
}

static void timers_fire_in_order_of_time(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = {5};
    struct timers *timers = timers_create(MANY);
    struct owner owners[MANY];
    struct random random;
    uint64_t last_us = 0;
    uint64_t next_us = 0;

    (void)state;
    random_init_seed(&random, seed);
    assert_false(timers_next(timers, &next_us));
    for (size_t i = 0; i < MANY; i++) {
        init(&owners[i], timers, count);
        owners[i].last_us = &last_us;
        assert_int_equal(timers_arm(timers, &owners[i].timer, random_below(&random, 1000)), 0);
    }
    /* Half of them for another time, a fifth not at all. */
    for (size_t i = 0; i < MANY; i++) {
        if (i % 2 == 0) {
            assert_int_equal(timers_arm(timers, &owners[i].timer, random_below(&random, 1000)),
                             0);
        }
        if (i % 5 == 0) {
            timers_disarm(timers, &owners[i].timer);
            timers_disarm(timers, &owners[i].timer);
        }
    }
    size_t fired = 0;
    for (uint64_t now = 0; timers_next(timers, &next_us); now += 37) {
        const size_t part = timers_run(timers, now);
        assert_int_equal(part > 0, next_us <= now);
        assert_true(part == 0 || last_us <= now);
        fired += part;
    }
    assert_int_equal(fired, MANY - MANY / 5);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(owners[i].fired, i % 5 == 0 ? 0 : 1);
    }
    timers_destroy(timers);
}

static void a_timer_fires_at_its_time_and_not_before(void **state)
{
    struct timers *timers = timers_create(1);
    struct owner owner;
    uint64_t next_us = 0;

    (void)state;
    init(&owner, timers, count);
    timers_arm(timers, &owner.timer, 100);
    assert_int_equal(timers_run(timers, 99), 0);
    assert_true(timers_next(timers, &next_us));
    assert_int_equal(next_us, 100);
    assert_int_equal(timers_run(timers, 100), 1);
    assert_int_equal(timers_run(timers, 100), 0);
    timers_destroy(timers);
}

static void a_full_heap_refuses_but_lets_armed_ones_move(void **state)
{
    struct timers *timers = timers_create(2);
    struct owner owners[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        init(&owners[i], timers, count);
    }
    assert_int_equal(timers_arm(timers, &owners[0].timer, 1), 0);
    assert_int_equal(timers_arm(timers, &owners[1].timer, 2), 0);
    assert_int_equal(timers_arm(timers, &owners[2].timer, 3), -ENOSPC);
    assert_int_equal(owners[2].timer.index, 0);
    assert_int_equal(timers_arm(timers, &owners[0].timer, 5), 0);
    timers_disarm(timers, &owners[1].timer);
    assert_int_equal(timers_arm(timers, &owners[2].timer, 3), 0);
    assert_int_equal(timers_run(timers, 4), 1);
    assert_int_equal(owners[2].fired, 1);
    timers_destroy(timers);
}

static void fire_again(struct timer *timer, void *context)
{
    struct owner *owner = context;

    owner->fired++;
    assert_int_equal(timers_arm(owner->timers, timer, owner->again_us), 0);
}

static void a_timer_that_arms_itself_for_now_does_not_hang_the_loop(void **state)
{
    struct timers *timers = timers_create(2);
    struct owner owners[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        init(&owners[i], timers, fire_again);
        owners[i].again_us = 10;
        timers_arm(timers, &owners[i].timer, 10);
    }
    assert_int_equal(timers_run(timers, 10), 2);
    assert_int_equal(owners[0].fired + owners[1].fired, 2);
    owners[0].again_us = 20;
    owners[1].again_us = 20;
    while (timers_run(timers, 10) > 0) {
    }
    assert_int_equal(timers_run(timers, 19), 0);
    assert_int_equal(timers_run(timers, 20), 2);
    timers_destroy(timers);
}

static void fire_and_disarm(struct timer *timer, void *context)
{
    struct owner *owner = context;

    count(timer, context);
    timers_disarm(owner->timers, &owner->other->timer);
}

static void a_timer_may_disarm_one_that_is_due(void **state)
{
    struct timers *timers = timers_create(2);
    struct owner owners[2];

    (void)state;
    init(&owners[0], timers, fire_and_disarm);
    init(&owners[1], timers, count);
    owners[0].other = &owners[1];
    timers_arm(timers, &owners[0].timer, 1);
    timers_arm(timers, &owners[1].timer, 2);
    assert_int_equal(timers_run(timers, 10), 1);
    assert_int_equal(owners[1].fired, 0);
    timers_destroy(timers);
}

static void fire_and_free(struct timer *timer, void *context)
{
    (void)timer;
    free(context);
}

static void an_owner_may_free_its_timer_when_it_fires(void **state)
{
    struct timers *timers = timers_create(4);

    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        struct owner *owner = malloc(sizeof(*owner));
        assert_non_null(owner);
        init(owner, timers, fire_and_free);
        timers_arm(timers, &owner->timer, 4 - i);
    }
    assert_int_equal(timers_run(timers, 10), 4);
    timers_destroy(timers);
}

static void the_earliest_is_right_after_every_step(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = {6};
    struct timers *timers = timers_create(64);
    struct owner owners[64];
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (size_t i = 0; i < 64; i++) {
        init(&owners[i], timers, count);
    }
    for (int step = 0; step < 20000; step++) {
        struct owner *owner = &owners[random_below(&random, 64)];
        if (random_below(&random, 3) == 0) {
            timers_disarm(timers, &owner->timer);
        } else {
            assert_int_equal(timers_arm(timers, &owner->timer, random_below(&random, 50)), 0);
        }
        uint64_t expected = UINT64_MAX;
        uint64_t next_us = UINT64_MAX;
        for (size_t i = 0; i < 64; i++) {
            if (owners[i].timer.index != 0 && owners[i].timer.at_us < expected) {
                expected = owners[i].timer.at_us;
            }
        }
        assert_int_equal(timers_next(timers, &next_us), expected != UINT64_MAX);
        assert_int_equal(next_us, expected);
    }
    timers_destroy(timers);
}

static void order_survives_any_disarming(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = {7};
    struct timers *timers = timers_create(64);
    struct owner owners[64];
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (int round = 0; round < 2000; round++) {
        uint64_t last_us = 0;
        for (size_t i = 0; i < 64; i++) {
            init(&owners[i], timers, count);
            owners[i].last_us = &last_us;
            timers_arm(timers, &owners[i].timer, random_below(&random, 1000));
        }
        /* The last of the heap moves to the gap, and may belong above it. */
        for (int i = 0; i < 32; i++) {
            timers_disarm(timers, &owners[random_below(&random, 64)].timer);
        }
        assert_true(timers_run(timers, 1000) >= 32);
    }
    timers_destroy(timers);
}

static void no_timers_and_too_many_timers(void **state)
{
    struct timers *timers = timers_create(0);
    struct owner owner;

    (void)state;
    init(&owner, timers, count);
    assert_int_equal(timers_arm(timers, &owner.timer, 1), -ENOSPC);
    assert_int_equal(timers_run(timers, UINT64_MAX), 0);
    timers_destroy(timers);
    assert_null(timers_create(SIZE_MAX));
    assert_null(timers_create(SIZE_MAX / 8));
    timers_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_time),
        cmocka_unit_test(a_timer_fires_at_its_time_and_not_before),
        cmocka_unit_test(a_full_heap_refuses_but_lets_armed_ones_move),
        cmocka_unit_test(a_timer_that_arms_itself_for_now_does_not_hang_the_loop),
        cmocka_unit_test(a_timer_may_disarm_one_that_is_due),
        cmocka_unit_test(an_owner_may_free_its_timer_when_it_fires),
        cmocka_unit_test(the_earliest_is_right_after_every_step),
        cmocka_unit_test(order_survives_any_disarming),
        cmocka_unit_test(no_timers_and_too_many_timers),
    };
    return cmocka_run_group_tests_name("base/timers", tests, NULL, NULL);
}
