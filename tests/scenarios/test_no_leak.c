/* No packet about a name that is blocked by its own name leaves, whenever the block comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#define NAME "www.bad.example"

static const struct world_list block = {.id = "l", .rules = "block suffix bad.example"};
static const struct world_list block_drop = {.id = "l",
                                             .rules = "block suffix bad.example action=drop"};

static void serve(struct world *world)
{
    world_serve(world, NAME, WIRE_A, NAME ". 30 IN A 192.0.2.1\n");
    world_serve(world, NAME, WIRE_AAAA, NAME ". 30 IN AAAA 2001:db8::1\n");
}

static void a_blocked_name_is_never_asked_for_by_any_type(void **state)
{
    struct world *world = world_create();
    const uint16_t types[] = {WIRE_A,   WIRE_AAAA, WIRE_NS,    WIRE_CNAME, WIRE_SOA, WIRE_MX,
                              WIRE_TXT, WIRE_SRV,  WIRE_HTTPS, WIRE_DS,    WIRE_ANY, 65280};

    (void)state;
    serve(world);
    world_adopt_lists(world, 1, &block);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (unsigned manner = 0; manner < 16; manner++) {
            world_ask_with(world, NAME, types[i],
                           (struct world_manner){.tcp = manner & 1,
                                                 .dnssec_ok = manner & 2,
                                                 .checking_disabled = manner & 4,
                                                 .no_recursion = manner & 8});
        }
    }
    world_pass(world, SECONDS(60));
    assert_int_equal(world->asked_count, 0);
    world_destroy(world);
}

static void a_block_that_comes_while_the_entry_is_hot_ends_all_packets(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve(world);
    assert_string_equal(world_records(world_ask(world, NAME, WIRE_A)), NAME " 30 A 192.0.2.1");
    assert_int_equal(world_asked(world, NAME), 1);
    world_adopt_lists(world, 1, &block);
    /* Warm, at the end of its time, and past it. */
    for (unsigned i = 0; i < 70; i++) {
        assert_string_equal(world_records(world_ask(world, NAME, WIRE_A)),
                            NAME " 10 A 0.0.0.0");
        world_ask(world, NAME, WIRE_AAAA);
        world_pass(world, SECONDS(1));
    }
    assert_int_equal(world_asked(world, NAME), 1);
    world_destroy(world);
}

static void a_block_that_comes_while_the_fetch_is_in_flight_answers_at_once(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve(world);
    world->servers[0].delay_us = MILLISECONDS(300);
    struct world_reply *reply = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    assert_string_equal(world_words(reply), "waiting");
    world_adopt_lists(world, 1, &block);
    assert_string_equal(world_records(reply), NAME " 10 A 0.0.0.0");
    assert_string_equal(world_events(world), "applied enforce sinkhole qname " NAME);
    assert_int_equal(world->packet_count, 0); /* the socket is closed */
    world_pass(world, SECONDS(10));
    assert_int_equal(world_asked(world, NAME), 1);
    assert_int_equal(reply->sent, 1);
    world_destroy(world);
}

static void a_retry_that_is_due_after_the_block_is_not_sent(void **state)
{
    struct world *world = world_create_with(2, 16);

    (void)state;
    serve(world);
    world->servers[0].manners = SERVER_SILENT;
    world->servers[1].manners = SERVER_SILENT;
    struct world_reply *reply = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(900));
    const size_t before = world_asked(world, NAME);
    assert_true(before >= 2); /* it was tried again already */
    assert_string_equal(world_words(reply), "waiting");
    world_adopt_lists(world, 1, &block_drop);
    assert_string_equal(world_words(reply), "nothing");
    world_pass(world, SECONDS(20));
    assert_int_equal(world_asked(world, NAME), before);
    world_destroy(world);
}

static void the_repeat_over_tcp_is_not_sent_after_the_block(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve(world);
    world->servers[0].manners = SERVER_TRUNCATES;
    struct world_reply *reply = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    world_adopt_lists(world, 1, &block);
    world_pass(world, SECONDS(5));
    assert_string_equal(world_records(reply), NAME " 10 A 0.0.0.0");
    assert_int_equal(world->servers[0].asked_tcp, 0);
    assert_int_equal(world_asked(world, NAME), 1);
    world_destroy(world);
}

static void the_next_attempt_after_a_failure_is_not_sent(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->servers[0].manners = SERVER_SERVFAIL;
    world_ask(world, NAME, WIRE_A);
    const size_t before = world_asked(world, NAME);
    world_adopt_lists(world, 1, &block);
    for (unsigned i = 0; i < 20; i++) { /* past the time that the failure is kept */
        world_ask(world, NAME, WIRE_A);
        world_pass(world, SECONDS(1));
    }
    assert_int_equal(world_asked(world, NAME), before);
    world_destroy(world);
}

/* `truncate` lets TCP through by design; the same name over UDP stays at home. */
static void a_fetch_for_tcp_does_not_carry_udp_questions_past_truncate(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve(world);
    world->servers[0].delay_us = MILLISECONDS(300);
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example action=truncate"});
    world_ask(world, NAME, WIRE_AAAA);
    assert_int_equal(world->asked_count, 0);
    struct world_reply *tcp =
        world_send(world, NAME, WIRE_A, (struct world_manner){.tcp = true});
    struct world_reply *udp = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    assert_string_equal(world_words(udp), "NOERROR tc rd ra | EDE 15 prov-l l 7");
    /* Turned into a plain block, the TCP question ends as well. */
    world_adopt_lists(world, 1, &block);
    assert_string_equal(world_records(tcp), NAME " 10 A 0.0.0.0");
    world_pass(world, SECONDS(5));
    assert_int_equal(world_asked(world, NAME), 1);
    world_destroy(world);
}

/* The list is asked when a packet is about to leave, not only when a question comes. */
static void a_redirect_does_not_ask_for_a_blocked_target(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "garden.example", WIRE_A, "garden.example. 30 IN A 192.0.2.9\n");
    world->servers[0].delay_us = MILLISECONDS(300);
    const struct world_list redirect = {
        .id = "r", .rules = "block suffix bad.example action=redirect:garden.example"};
    const struct world_list target = {.id = "t", .rules = "block exact garden.example"};
    const struct world_list both[] = {redirect, target};

    world_adopt_lists(world, 2, both);
    assert_string_equal(world_records(world_ask(world, NAME, WIRE_A)), NAME " 10 A 0.0.0.0");
    assert_int_equal(world->asked_count, 0);
    /* The target is blocked while it is asked for. */
    world_adopt_lists(world, 1, &redirect);
    struct world_reply *reply = world_send(world, NAME, WIRE_A, (struct world_manner){0});
    assert_int_equal(world_asked(world, "garden.example"), 1);
    world_adopt_lists(world, 2, both);
    assert_string_equal(world_records(reply), NAME " 10 A 0.0.0.0");
    world_pass(world, SECONDS(5));
    assert_int_equal(world_asked(world, "garden.example"), 1);
    assert_int_equal(world_asked(world, NAME), 0);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocked_name_is_never_asked_for_by_any_type),
        cmocka_unit_test(a_block_that_comes_while_the_entry_is_hot_ends_all_packets),
        cmocka_unit_test(a_block_that_comes_while_the_fetch_is_in_flight_answers_at_once),
        cmocka_unit_test(a_retry_that_is_due_after_the_block_is_not_sent),
        cmocka_unit_test(the_repeat_over_tcp_is_not_sent_after_the_block),
        cmocka_unit_test(the_next_attempt_after_a_failure_is_not_sent),
        cmocka_unit_test(a_fetch_for_tcp_does_not_carry_udp_questions_past_truncate),
        cmocka_unit_test(a_redirect_does_not_ask_for_a_blocked_target),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
