/* Identical questions in flight share a fetch; each keeps its own client, case and deadline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>

#define NAME    "www.example"
#define RECORDS NAME " 300 A 192.0.2.1"

static struct world *make_world(void)
{
    struct world *world = world_create();

    world_serve(world, NAME, WIRE_A, NAME ". 300 IN A 192.0.2.1\n");
    world_serve(world, NAME, WIRE_AAAA, NAME ". 300 IN AAAA 2001:db8::1\n");
    world->servers[0].delay_us = MILLISECONDS(300);
    return world;
}

static void one_packet_serves_all_that_wait(void **state)
{
    struct world *world = make_world();
    struct world_reply *replies[40];

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        replies[i] = world_send(world, NAME, WIRE_A,
                                (struct world_manner){.tcp = i % 3 == 0, .no_edns = i % 2});
        world_pass(world, MILLISECONDS(5));
    }
    assert_int_equal(world->asked_count, 1);
    assert_int_equal(query_engine_counters(world->engine)->joined, 39);
    world_pass(world, SECONDS(1));
    for (unsigned i = 0; i < 40; i++) {
        assert_string_equal(world_records(replies[i]), RECORDS);
        assert_int_equal(replies[i]->sent, 1);
    }
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

static void questions_that_differ_are_asked_apart(void **state)
{
    struct world *world = make_world();
    struct world_reply *replies[5];

    (void)state;
    replies[0] = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    replies[1] = world_send(world, NAME, WIRE_A, (struct world_manner){.dnssec_ok = true});
    replies[2] =
        world_send(world, NAME, WIRE_A, (struct world_manner){.checking_disabled = true});
    replies[3] =
        world_send(world, NAME, WIRE_A,
                   (struct world_manner){.dnssec_ok = true, .checking_disabled = true});
    replies[4] = world_send(world, NAME, WIRE_AAAA, (struct world_manner){0});
    assert_int_equal(world->asked_count, 5);
    world_pass(world, SECONDS(1));
    assert_string_equal(world_words(replies[0]), "NOERROR rd ra | " RECORDS);
    assert_string_equal(world_words(replies[1]), "NOERROR rd ra | " RECORDS " | do");
    assert_string_equal(world_words(replies[2]), "NOERROR rd ra cd | " RECORDS);
    assert_string_equal(world_words(replies[3]), "NOERROR rd ra cd | " RECORDS " | do");
    /* They are cached apart as well. */
    for (unsigned manner = 0; manner < 4; manner++) {
        world_ask_with(
            world, NAME, WIRE_A,
            (struct world_manner){.dnssec_ok = manner & 1, .checking_disabled = manner & 2});
    }
    assert_int_equal(world->asked_count, 5);
    world_destroy(world);
}

/* The question section of each answer is octet for octet the client's. */
static void each_answer_has_the_letter_case_of_its_question(void **state)
{
    struct world *world = make_world();
    uint8_t lower[] = "\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03www\x07"
                      "example\0\0\x01\0\x01";
    uint8_t upper[] = "\xab\xcd\x01\x00\0\x01\0\0\0\0\0\0\x03WWW\x07"
                      "EXAMPLE\0\0\x01\0\x01";

    (void)state;
    struct world_reply *a =
        world_send_octets(world, lower, sizeof(lower) - 1, (struct world_manner){0});
    struct world_reply *b =
        world_send_octets(world, upper, sizeof(upper) - 1, (struct world_manner){0});
    world_pass(world, SECONDS(1));
    assert_int_equal(world->asked_count, 1);
    assert_string_equal(world_words(a), "NOERROR rd ra | " RECORDS);
    assert_string_equal(world_words(b), "NOERROR rd ra | " RECORDS);
    assert_memory_equal(a->octets, lower, 2);
    assert_memory_equal(b->octets, upper, 2);
    assert_memory_equal(a->octets + 12, lower + 12, sizeof(lower) - 13);
    assert_memory_equal(b->octets + 12, upper + 12, sizeof(upper) - 13);
    world_destroy(world);
}

static void each_question_has_its_own_deadline(void **state)
{
    struct world *world = make_world();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    struct world_reply *first = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    world_pass(world, SECONDS(2));
    struct world_reply *second = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    const uint64_t start = world->now.mono_us;

    assert_int_equal(query_engine_counters(world->engine)->joined, 1);
    world_pass(world, SECONDS(2));
    assert_string_equal(world_words(first),
                        "SERVFAIL rd ra | EDE 22 no upstream answered in time");
    assert_int_equal(first->sent_us, start + SECONDS(2));
    assert_string_equal(world_words(second), "waiting");
    world_pass(world, SECONDS(2));
    assert_string_equal(world_words(second),
                        "SERVFAIL rd ra | EDE 22 no upstream answered in time");
    assert_int_equal(second->sent_us, start + SECONDS(4));
    world_destroy(world);
}

static void a_client_that_goes_away_takes_nobody_with_it(void **state)
{
    struct world *world = make_world();
    struct world_reply *replies[3];

    (void)state;
    world_adopt(world, {.id = "l", .mode = POLICY_MODE_LOG, .rules = "block suffix " NAME});
    for (unsigned i = 0; i < 3; i++) {
        replies[i] = world_send(world, NAME, WIRE_A, (struct world_manner){.tcp = true});
    }
    for (unsigned i = 0; i < 2; i++) {
        query_abandon(world->engine, replies[2 * i]->q);
        replies[2 * i]->in_use = false; /* no release: the connection is gone */
    }
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(replies[1]), RECORDS);
    assert_int_equal(replies[0]->sent + replies[2]->sent, 0);
    /* All three are on record. */
    world_events(world);
    assert_int_equal(world->event_count, 3);

    /* The last one that goes ends the fetch. */
    struct world_reply *alone =
        world_send(world, NAME, WIRE_AAAA, (struct world_manner){.tcp = true});
    assert_int_equal(world->packet_count, 1);
    query_abandon(world->engine, alone->q);
    alone->in_use = false;
    assert_int_equal(world->packet_count, 0);
    assert_int_equal(query_engine_in_use(world->engine), 0);
    world_destroy(world);
}

/* All but the last wait; what is taken then and not run is given back. */
static void a_full_engine_takes_no_more_and_recovers(void **state)
{
    struct world *world = world_create_with(1, 64);

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    for (unsigned i = 0; i < 63; i++) {
        char from[32];

        snprintf(from, sizeof(from), "127.0.1.%u", i);
        world_send(world, i % 2 ? "a.example" : "b.example", WIRE_A,
                   (struct world_manner){.from = from});
    }
    assert_int_equal(query_engine_in_use(world->engine), 63);
    struct query *q = query_take(world->engine);
    assert_non_null(q);
    assert_null(query_take(world->engine));
    assert_int_equal(query_engine_counters(world->engine)->no_slot, 1);
    query_abandon(world->engine, q);
    world_pass(world, SECONDS(5));
    assert_int_equal(query_engine_in_use(world->engine), 0);
    q = query_take(world->engine);
    assert_non_null(q);
    query_abandon(world->engine, q);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_packet_serves_all_that_wait),
        cmocka_unit_test(questions_that_differ_are_asked_apart),
        cmocka_unit_test(each_answer_has_the_letter_case_of_its_question),
        cmocka_unit_test(each_question_has_its_own_deadline),
        cmocka_unit_test(a_client_that_goes_away_takes_nobody_with_it),
        cmocka_unit_test(a_full_engine_takes_no_more_and_recovers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
