/* What one client, or one zone, can take from others: every bound is hit here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

static const struct query_counters *counters(const struct world *world)
{
    return query_engine_counters(world->engine);
}

/* www.example, then hops aliases, then an address. */
static void serve_chain(struct world *world, unsigned hops)
{
    char records[2048] = "www.example. 60 IN CNAME c1.example.\n";

    for (unsigned i = 1; i < hops; i++) {
        sprintf(records + strlen(records), "c%u.example. 60 IN CNAME c%u.example.\n", i, i + 1);
    }
    sprintf(records + strlen(records), "c%u.example. 60 IN A 192.0.2.1\n", hops);
    world_serve(world, "www.example", WIRE_A, records);
}

static void eleven_aliases_are_followed_and_twelve_are_not(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve_chain(world, 11);
    const char *words = world_words(world_ask(world, "www.example", WIRE_A));
    assert_non_null(strstr(words, "c11.example 60 A 192.0.2.1"));
    assert_int_equal(counters(world)->chains_too_long, 0);
    world_pass(world, SECONDS(61));

    serve_chain(world, 12);
    assert_string_equal(
        world_words(world_ask(world, "www.example", WIRE_A)),
        "SERVFAIL rd ra | EDE 24 the answer's chain of names is a loop or too long");
    assert_int_equal(counters(world)->chains_too_long, 1);
    world_destroy(world);
}

/* The servers cost as many packets as they can, and whenever they have, the policy changes: the
 * question is redirected anew, to a name that is not known. */
static void one_question_is_worth_forty_packets(void **state)
{
    struct world *world = world_create_with(4, 64);
    struct world_reply *reply;
    size_t before = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        world->servers[i].manners = SERVER_FLOODS;
    }
    world_adopt(world,
                {.id = "l", .rules = "block suffix bad.example action=redirect:t0.test"});
    reply = world_send(world, "bad.example", WIRE_A, (struct world_manner){0});
    for (unsigned i = 1; i <= 6 && reply->in_use; i++) {
        char rules[80];

        for (unsigned ms = 0; ms < 400 && reply->in_use && world->asked_count < before + 12;
             ms++) {
            world_pass(world, MILLISECONDS(1));
        }
        before = world->asked_count;
        snprintf(rules, sizeof(rules), "block suffix bad.example action=redirect:t%u.test", i);
        world_adopt(world, {.id = "l", .rules = rules});
        assert_true(world->asked_count <= QUERY_PACKETS_MAX);
    }
    world_pass(world, SECONDS(5));
    assert_int_equal(world->asked_count, QUERY_PACKETS_MAX);
    assert_int_equal(counters(world)->packets_exceeded, 1);
    /* Blocked stays blocked. */
    assert_string_equal(world_words(reply),
                        "NOERROR rd ra | bad.example 10 A 0.0.0.0 | EDE 4 prov-l l 7");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eleven_aliases_are_followed_and_twelve_are_not),
        cmocka_unit_test(one_question_is_worth_forty_packets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
