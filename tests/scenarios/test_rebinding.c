/* Answers from outside that lead inside are replaced, where the operator wants that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct row {
    const char *name;
    uint16_t type;
    const char *served;
    const char *words; /* NULL: replaced */
};

static const struct row rows[] = {
    /* addresses of the inside, alone and beside others */
    {"a.evil.example", WIRE_A, "a.evil.example. 60 IN A 192.168.0.1\n", NULL},
    {"b.evil.example", WIRE_A,
     "b.evil.example. 60 IN A 192.0.2.1\nb.evil.example. 60 IN A 127.0.0.1\n", NULL},
    {"c.evil.example", WIRE_AAAA, "c.evil.example. 60 IN AAAA fd00::1\n", NULL},
    {"d.evil.example", WIRE_AAAA, "d.evil.example. 60 IN AAAA ::ffff:10.0.0.1\n", NULL},
    /* behind an alias, even one of a zone that is allowed: the asked name counts */
    {"e.evil.example", WIRE_A,
     "e.evil.example. 60 IN CNAME x.corp.example.\nx.corp.example. 60 IN A 10.0.0.1\n", NULL},
    /* hints of services, and the addresses beside them */
    {"f.evil.example", WIRE_HTTPS, "f.evil.example. 60 IN HTTPS 1 . ipv4hint=10.0.0.1\n", NULL},
    {"g.evil.example", WIRE_HTTPS, "g.evil.example. 60 IN HTTPS 1 . ipv6hint=fe80::1\n", NULL},
    {"h.evil.example", WIRE_SVCB, "h.evil.example. 60 IN SVCB 1 . ipv4hint=192.0.2.1,0.0.0.0\n",
     NULL},
    /* what is outside */
    {"a.good.example", WIRE_A, "a.good.example. 60 IN A 192.0.2.1\n",
     "NOERROR rd ra | a.good.example 60 A 192.0.2.1"},
    {"b.good.example", WIRE_AAAA, "b.good.example. 60 IN AAAA ::ffff:192.0.2.1\n",
     "NOERROR rd ra | b.good.example 60 AAAA ::ffff:192.0.2.1"},
    {"c.good.example", WIRE_TXT, "c.good.example. 60 IN TXT \"10.0.0.1\"\n",
     "NOERROR rd ra | c.good.example 60 TXT"},
    {"d.good.example", WIRE_A, "--\ngood.example. 60 IN SOA a.example. b.example. 1 2 3 4 60\n",
     "NOERROR rd ra | ~good.example 60 SOA minimum 60"},
    /* zones that the operator has named, and names that only look like it */
    {"corp.example", WIRE_A, "corp.example. 60 IN A 10.0.0.1\n",
     "NOERROR rd ra | corp.example 60 A 10.0.0.1"},
    {"x.corp.example", WIRE_A, "x.corp.example. 60 IN A 10.0.0.1\n",
     "NOERROR rd ra | x.corp.example 60 A 10.0.0.1"},
    {"xcorp.example", WIRE_A, "xcorp.example. 60 IN A 10.0.0.1\n", NULL},
};

static struct world *make_world(bool protect, struct wire_name *zone)
{
    struct world *world = world_create();

    assert_int_equal(wire_name_from_text("corp.example", 12, zone), WIRE_TEXT_OK);
    world->settings.rebinding_protection = protect;
    world->settings.rebinding_allow = zone;
    world->settings.rebinding_allow_count = 1;
    world_adopt_lists(world, 0, NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        world_serve(world, rows[i].name, rows[i].type, rows[i].served);
    }
    return world;
}

static void answers_that_lead_inside_are_replaced(void **state)
{
    struct wire_name zone;
    struct world *world = make_world(true, &zone);
    uint64_t replaced = 0;

    (void)state;
    for (unsigned round = 0; round < 2; round++) { /* from the cache too */
        for (size_t i = 0; i < COUNT(rows); i++) {
            const char *words = world_words(world_ask(world, rows[i].name, rows[i].type));
            char want[256];

            snprintf(want, sizeof(want),
                     "NOERROR rd ra | ~%s 10 SOA minimum 10 | EDE 15 rebinding: the answer "
                     "leads into a private network",
                     rows[i].name);
            replaced += rows[i].words == NULL;
            if (strcmp(words, rows[i].words != NULL ? rows[i].words : want) != 0) {
                fail_msg("%s: %s", rows[i].name, words);
            }
            assert_int_equal(world_asked(world, rows[i].name), 1);
        }
    }
    assert_int_equal(query_engine_counters(world->engine)->rebinding, replaced);
    assert_string_equal(world_events(world), "");
    world_destroy(world);
}

static void without_protection_they_pass(void **state)
{
    struct wire_name zone;
    struct world *world = make_world(false, &zone);

    (void)state;
    assert_string_equal(world_words(world_ask(world, "a.evil.example", WIRE_A)),
                        "NOERROR rd ra | a.evil.example 60 A 192.168.0.1");
    assert_int_equal(query_engine_counters(world->engine)->rebinding, 0);
    world_destroy(world);
}

/* The cache has the answer as it came: a reload needs no flush. */
static void a_reload_protects_from_what_is_in_the_cache(void **state)
{
    struct wire_name zone;
    struct world *world = make_world(false, &zone);

    (void)state;
    world_ask(world, "a.evil.example", WIRE_A);
    world->settings.rebinding_protection = true;
    world_adopt_lists(world, 0, NULL);
    assert_string_equal(world_records(world_ask(world, "a.evil.example", WIRE_A)),
                        "~a.evil.example 10 SOA minimum 10");
    assert_int_equal(world_asked(world, "a.evil.example"), 1);
    world_destroy(world);
}

/* Policy comes first; where it redirects inside, that is the operator's own word. */
static void what_policy_answers_is_not_looked_at(void **state)
{
    struct wire_name zone;
    struct world *world = make_world(true, &zone);

    (void)state;
    world_serve(world, "page.example", WIRE_A, "page.example. 60 IN A 10.0.0.9\n");
    world_adopt(world, {.id = "l",
                        .rules = "block suffix a.evil.example\n"
                                 "block suffix b.evil.example action=redirect:page.example"});
    assert_string_equal(world_records(world_ask(world, "a.evil.example", WIRE_A)),
                        "a.evil.example 10 A 0.0.0.0");
    assert_string_equal(world_records(world_ask(world, "b.evil.example", WIRE_A)),
                        "b.evil.example 10 CNAME page.example | page.example 60 A 10.0.0.9");
    assert_int_equal(query_engine_counters(world->engine)->rebinding, 0);
    world_destroy(world);
}

static void names_of_the_operator_may_lead_inside(void **state)
{
    struct wire_name zone;
    struct world *world = make_world(true, &zone);

    (void)state;
    assert_string_equal(world_words(world_ask(world, "localhost", WIRE_A)),
                        "NOERROR rd ra | localhost 10800 A 127.0.0.1");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_that_lead_inside_are_replaced),
        cmocka_unit_test(without_protection_they_pass),
        cmocka_unit_test(a_reload_protects_from_what_is_in_the_cache),
        cmocka_unit_test(what_policy_answers_is_not_looked_at),
        cmocka_unit_test(names_of_the_operator_may_lead_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
