/*
 * Popular names are fetched anew before their time is over: once, by nobody's question, and
 * never where policy has something against it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define NAME "www.example.com"

static const struct query_counters *counters(const struct world *world)
{
    return query_engine_counters(world->engine);
}

static void set(struct world *world)
{
    world->settings.prefetch = true;
    world_adopt_lists(world, 0, NULL);
}

static struct world *make(uint32_t ttl_s)
{
    struct world *world = world_create();
    char record[64];

    snprintf(record, sizeof(record), NAME ". %u IN A 192.0.2.1\n", ttl_s);
    world_serve(world, NAME, WIRE_A, record);
    set(world);
    world_ask(world, NAME, WIRE_A);
    return world;
}

/* Lets it become so many seconds old, and asks. */
static void ask_at(struct world *world, uint64_t age_s, uint32_t ttl_s)
{
    const uint64_t at_us = WORLD_START_US + SECONDS(age_s) + MILLISECONDS(10);
    char words[64];

    world_pass(world, at_us - world->now.mono_us);
    struct world_reply *reply = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    snprintf(words, sizeof(words), NAME " %u A 192.0.2.1", ttl_s);
    assert_string_equal(world_records(reply), words); /* nobody waits */
}

static void a_popular_name_is_fetched_in_its_last_tenth_once(void **state)
{
    struct world *world = make(100);

    (void)state;
    ask_at(world, 50, 50);
    ask_at(world, 89, 11);
    assert_int_equal(counters(world)->prefetches, 0);
    ask_at(world, 91, 9);
    ask_at(world, 91, 9);
    assert_int_equal(counters(world)->prefetches, 1);
    assert_int_equal(world->asked_count, 2);
    world_pass(world, MILLISECONDS(10));
    ask_at(world, 92, 100); /* it began anew a moment ago */
    ask_at(world, 150, 42);
    assert_int_equal(world->asked_count, 2);
    assert_int_equal(counters(world)->fetches, 2);
    assert_int_equal(counters(world)->questions, 7);
    assert_int_equal(counters(world)->cache_misses, 1);
    assert_string_equal(world_events(world), "");
    world_destroy(world);
}

/* Asked for once, and once more at its end: who knows whether it ever will be again. */
static void an_unpopular_name_is_not(void **state)
{
    struct world *world = make(100);

    (void)state;
    ask_at(world, 95, 5);
    assert_int_equal(counters(world)->prefetches, 0);
    world_destroy(world);
}

/* Without RD only what is at hand is told, and nobody is asked (RFC 1034, 4.3.1): whoever looks
 * what the cache has changes nothing. One that may ask does it a moment later. */
static void a_question_without_rd_asks_nobody(void **state)
{
    const struct world_manner looks = {.no_recursion = true};
    struct world *world = make(100);

    (void)state;
    ask_at(world, 50, 50);
    world_pass(world, SECONDS(45));
    for (unsigned i = 0; i < 3; i++) {
        struct world_reply *reply = world_ask_with(world, NAME, WIRE_A, looks);
        assert_string_equal(world_records(reply), NAME " 5 A 192.0.2.1");
    }
    assert_int_equal(counters(world)->prefetches, 0);
    assert_int_equal(world->asked_count, 1);
    ask_at(world, 95, 5);
    assert_int_equal(counters(world)->prefetches, 1);
    world_destroy(world);
}

static void it_can_be_switched_off(void **state)
{
    struct world *world = make(100);

    (void)state;
    world->settings.prefetch = false;
    ask_at(world, 50, 50);
    ask_at(world, 95, 5);
    assert_int_equal(counters(world)->prefetches, 0);
    world_destroy(world);
}

static void a_short_life_is_not_worth_it(void **state)
{
    struct world *shorter = make(QUERY_PREFETCH_LIFE_MIN_S - 1);
    struct world *world = make(QUERY_PREFETCH_LIFE_MIN_S);

    (void)state;
    ask_at(shorter, 1, 8);
    ask_at(shorter, 8, 1);
    assert_int_equal(counters(shorter)->prefetches, 0);
    ask_at(world, 1, 9);
    ask_at(world, 9, 1);
    assert_int_equal(counters(world)->prefetches, 1);
    world_destroy(shorter);
    world_destroy(world);
}

/* It is tried once. The answer holds to its end, and then the client waits as ever. */
static void one_that_fails_is_not_tried_again(void **state)
{
    struct world *world = make(100);

    (void)state;
    ask_at(world, 50, 50);
    world->servers[0].manners = SERVER_SERVFAIL;
    for (unsigned age = 91; age < 100; age++) {
        ask_at(world, age, 100 - age);
    }
    assert_int_equal(counters(world)->prefetches, 1);
    assert_int_equal(counters(world)->fetches, 2);
    world_pass(world, SECONDS(2));
    world->servers[0].manners = SERVER_PLAIN;
    assert_string_equal(world_records(world_ask(world, NAME, WIRE_A)), NAME " 100 A 192.0.2.1");
    world_destroy(world);
}

/* Whoever comes when the time is over waits for it. */
static void who_comes_later_joins(void **state)
{
    struct world *world = make(20);

    (void)state;
    ask_at(world, 10, 10);
    world->servers[0].delay_us = MILLISECONDS(1500);
    ask_at(world, 19, 1);
    world_pass(world, MILLISECONDS(1200));
    const uint64_t fetches = counters(world)->fetches;
    const uint64_t began = world->now.mono_us;
    struct world_reply *reply = world_ask(world, NAME, WIRE_A);
    assert_string_equal(world_records(reply), NAME " 20 A 192.0.2.1");
    assert_int_equal(reply->sent_us - began, MILLISECONDS(300));
    assert_int_equal(counters(world)->fetches, fetches);
    assert_int_equal(counters(world)->joined, 1);
    world_destroy(world);
}

static void one_is_worth_four_packets(void **state)
{
    struct world *world = world_create_with(4, WORLD_REPLIES);

    (void)state;
    world_serve(world, NAME, WIRE_A, NAME ". 100 IN A 192.0.2.1\n");
    set(world);
    world_ask(world, NAME, WIRE_A);
    ask_at(world, 50, 50);
    for (unsigned i = 0; i < 4; i++) {
        world->servers[i].manners = SERVER_SILENT;
    }
    ask_at(world, 91, 9);
    world_pass(world, SECONDS(5));
    assert_int_equal(world->asked_count, 1 + QUERY_PREFETCH_PACKETS_MAX);
    assert_int_equal(counters(world)->fetch_failures, 1);
    world_destroy(world);
}

static void few_are_asked_at_the_same_time(void **state)
{
    struct world *world = world_create_with(1, 64);
    char name[32], record[64];

    (void)state;
    set(world);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 20; i++) {
            snprintf(name, sizeof(name), "n%u.example.com", i);
            snprintf(record, sizeof(record), "%s. 100 IN A 192.0.2.1\n", name);
            world_serve(world, name, WIRE_A, record);
            world_ask(world, name, WIRE_A);
        }
        world_pass(world, round == 1 ? SECONDS(91) : 0);
        world->servers[0].manners = round == 1 ? SERVER_SILENT : SERVER_PLAIN;
    }
    assert_int_equal(counters(world)->prefetches, 64 / QUERY_PREFETCH_PART);
    assert_int_equal(counters(world)->prefetches_refused, 20 - 64 / QUERY_PREFETCH_PART);
    /* None is asked for again, once there is room. */
    world_pass(world, SECONDS(5));
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "n%u.example.com", i);
        world_ask(world, name, WIRE_A);
    }
    assert_int_equal(counters(world)->prefetches, 64 / QUERY_PREFETCH_PART);
    world_destroy(world);
}

/* Blocked by its name, it is not looked up; by what its answer leads to, it is replaced: nobody
 * is asked about either on behalf of nobody. */
static void what_is_blocked_is_not_asked_for(void **state)
{
    static const char *const rules[] = {"block suffix example.com",
                                        "block prefix 192.0.2.0/24"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct world_list list = {.id = "l", .rules = rules[i]};
        struct world *world = make(100);

        ask_at(world, 50, 50);
        world_adopt_lists(world, 1, &list);
        world_pass(world, SECONDS(45));
        for (unsigned j = 0; j < 3; j++) {
            assert_string_equal(world_records(world_ask(world, NAME, WIRE_A)),
                                NAME " 10 A 0.0.0.0");
        }
        assert_int_equal(counters(world)->prefetches, 0);
        assert_int_equal(world->asked_count, 1);
        world_destroy(world);
    }
}

/* It is on its way when the lists change: no further packet leaves. */
static void a_reload_ends_it(void **state)
{
    static const struct world_list list = {.id = "l", .rules = "block suffix example.com"};
    struct world *world = make(100);

    (void)state;
    ask_at(world, 50, 50);
    world->servers[0].manners = SERVER_SILENT;
    ask_at(world, 91, 9);
    assert_int_equal(world->asked_count, 2);
    world_adopt_lists(world, 1, &list);
    world_pass(world, SECONDS(10));
    assert_int_equal(world->asked_count, 2);
    world_destroy(world);
}

/* It is no client's question: what records every question does not record it. */
static void it_is_in_no_event(void **state)
{
    struct world *world = world_create_recording();
    unsigned recorded = 0;
    size_t len = 0;

    (void)state;
    world_serve(world, NAME, WIRE_A, NAME ". 100 IN A 192.0.2.1\n");
    set(world);
    world_ask(world, NAME, WIRE_A);
    ask_at(world, 50, 50);
    ask_at(world, 91, 9);
    world_pass(world, SECONDS(1));
    assert_int_equal(counters(world)->prefetches, 1);
    while (ring_peek(world->questions, &len) != NULL) {
        ring_release(world->questions);
        recorded++;
    }
    assert_int_equal(recorded, 3);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_popular_name_is_fetched_in_its_last_tenth_once),
        cmocka_unit_test(an_unpopular_name_is_not),
        cmocka_unit_test(a_question_without_rd_asks_nobody),
        cmocka_unit_test(it_can_be_switched_off),
        cmocka_unit_test(a_short_life_is_not_worth_it),
        cmocka_unit_test(one_that_fails_is_not_tried_again),
        cmocka_unit_test(who_comes_later_joins),
        cmocka_unit_test(one_is_worth_four_packets),
        cmocka_unit_test(few_are_asked_at_the_same_time),
        cmocka_unit_test(what_is_blocked_is_not_asked_for),
        cmocka_unit_test(a_reload_ends_it),
        cmocka_unit_test(it_is_in_no_event),
    };

    return cmocka_run_group_tests_name("scenarios/prefetch", tests, NULL, NULL);
}
