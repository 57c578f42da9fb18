/* The operator's word: no answer rather than one that is not recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

static const struct world_list blocks = {.id = "b", .rules = "block suffix bad.example"};

/* Fills a ring to the last octet that records of this size find. */
static void fill(struct ring *ring, size_t len)
{
    while (ring_reserve(ring, len) != NULL) {
        ring_commit(ring, len);
    }
}

static unsigned empty(struct ring *ring)
{
    unsigned count = 0;
    size_t len = 0;

    while (ring_peek(ring, &len) != NULL) {
        ring_release(ring);
        count++;
    }
    return count;
}

static unsigned rcode_of(struct world *world, const char *name)
{
    return wire_get16(world_ask(world, name, WIRE_A)->octets + 2) & WIRE_RCODE_MASK;
}

static void a_decision_without_room_is_a_servfail_and_other_questions_go_on(void **state)
{
    struct world *world = world_create_recording();

    (void)state;
    world_adopt_lists(world, 1, &blocks);
    world_serve(world, "good.example", WIRE_A, "good.example. 300 IN A 192.0.2.1\n");
    assert_int_equal(rcode_of(world, "www.bad.example"), WIRE_NOERROR);
    assert_int_equal(empty(world->events), 1);
    fill(world->events, 512);
    assert_int_equal(rcode_of(world, "www.bad.example"), WIRE_SERVFAIL);
    assert_int_equal(rcode_of(world, "good.example"), WIRE_NOERROR);
    assert_int_equal(world->events_refused, 1);
    assert_int_equal(world->events_lost, 0);
    assert_int_equal(query_engine_counters(world->engine)->unrecorded, 1);
    assert_int_equal(query_engine_counters(world->engine)->blocked, 1);
    empty(world->events);
    assert_int_equal(rcode_of(world, "www.bad.example"), WIRE_NOERROR);
    assert_int_equal(empty(world->events), 1);
    world_destroy(world);
}

static void questions_have_a_ring_of_their_own(void **state)
{
    struct world *world = world_create_recording();
    unsigned asked = 0;

    (void)state;
    world_adopt_lists(world, 1, &blocks);
    world_serve(world, "good.example", WIRE_A, "good.example. 300 IN A 192.0.2.1\n");
    while (rcode_of(world, "good.example") == WIRE_NOERROR) {
        asked++;
        assert_true(asked < 2000);
    }
    assert_true(asked > 100);
    assert_int_equal(world->questions_refused, 1);
    assert_int_equal(world->questions_lost, 0);
    assert_int_equal(rcode_of(world, "www.bad.example"), WIRE_SERVFAIL);
    assert_int_equal(empty(world->events), 0); /* what was not answered was not decided */
    assert_int_equal(empty(world->questions), asked);
    assert_int_equal(rcode_of(world, "good.example"), WIRE_NOERROR);
    assert_int_equal(empty(world->questions), 1);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_without_room_is_a_servfail_and_other_questions_go_on),
        cmocka_unit_test(questions_have_a_ring_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
