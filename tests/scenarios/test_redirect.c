/* The action `redirect`: a CNAME to the operator's name, and what that resolves to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const rules = "block suffix bad.example action=redirect:garden.test\n"
                                 "block suffix pre.example action=redirect:*.garden.test\n"
                                 "block suffix self.example action=redirect:x.self.example\n"
                                 "block suffix loop.example action=redirect:loop.test\n"
                                 "block suffix none.example action=redirect:none.test\n"
                                 "block suffix fail.example action=redirect:fail.test\n"
                                 "block suffix chain.example action=redirect:chain.test\n"
                                 "block suffix mirror.example action=redirect:mirror.test\n"
                                 "block suffix big.example action=redirect:big.test\n"
                                 "block suffix tc.example action=redirect:tc.test\n"
                                 "block exact tc.test action=truncate\n"
                                 "block suffix gone.example action=redirect:gone.test\n"
                                 "block exact gone.test action=drop\n";

static struct world *make_world(void)
{
    struct world *world = world_create();

    world_serve(world, "garden.test", WIRE_A, "garden.test. 300 IN A 192.0.2.80\n");
    world_serve(world, "garden.test", WIRE_TXT,
                "--\ntest. 300 IN SOA a.test. b.test. 1 2 3 4 60\n");
    world_serve(world, "www.pre.example.garden.test", WIRE_A,
                "www.pre.example.garden.test. 300 IN A 192.0.2.81\n");
    world_serve(world, "loop.test", WIRE_A,
                "loop.test. 300 IN CNAME www.loop.example.\n"
                "www.loop.example. 300 IN A 192.0.2.82\n");
    world_serve_rcode(world, "none.test", WIRE_A, WIRE_NXDOMAIN,
                      "--\ntest. 300 IN SOA a.test. b.test. 1 2 3 4 60\n");
    world_serve_rcode(world, "fail.test", WIRE_A, WIRE_SERVFAIL, "");
    world_serve(world, "chain.test", WIRE_A,
                "chain.test. 300 IN CNAME end.test.\nend.test. 200 IN A 192.0.2.83\n");
    world_serve(world, "www.example", WIRE_A,
                "www.example. 300 IN CNAME edge.bad.example.\n"
                "edge.bad.example. 300 IN A 192.0.2.66\n");
    world_serve(world, "mirror.test", WIRE_CNAME,
                "mirror.test. 300 IN CNAME x.mirror.example.\n");
    world_serve(world, "mirror.test", WIRE_A,
                "mirror.test. 300 IN CNAME x.mirror.example.\n"
                "x.mirror.example. 300 IN A 192.0.2.84\n");
    world_adopt(world, {.id = "l", .rules = rules});
    return world;
}

struct row {
    const char *name;
    uint16_t type;
    struct world_manner manner;
    const char *words;
};

#define EDE " | EDE 4 prov-l l 7"

static const struct row rows[] = {
    {"www.bad.example",
     WIRE_A,
     {0},
     "NOERROR rd ra | www.bad.example 10 CNAME garden.test | garden.test 300 A 192.0.2.80" EDE},
    /* no signatures and no AD, whatever is asked */
    {"www.bad.example",
     WIRE_A,
     {.dnssec_ok = true, .checking_disabled = true},
     "NOERROR rd ra cd | www.bad.example 10 CNAME garden.test | garden.test 300 A 192.0.2.80 "
     "| do" EDE},
    /* a type that the target does not have */
    {"www.bad.example",
     WIRE_TXT,
     {0},
     "NOERROR rd ra | www.bad.example 10 CNAME garden.test | ~test 60 SOA minimum 60" EDE},
    /* types that the CNAME itself answers */
    {"www.bad.example",
     WIRE_CNAME,
     {0},
     "NOERROR rd ra | www.bad.example 10 CNAME garden.test" EDE},
    {"www.bad.example",
     WIRE_ANY,
     {0},
     "NOERROR rd ra | www.bad.example 10 CNAME garden.test" EDE},
    /* the asked name is put before the target */
    {"www.pre.example",
     WIRE_A,
     {0},
     "NOERROR rd ra | www.pre.example 10 CNAME www.pre.example.garden.test | "
     "www.pre.example.garden.test 300 A 192.0.2.81" EDE},
    /* at a hop: the whole answer is replaced at the asked name */
    {"www.example",
     WIRE_A,
     {0},
     "NOERROR rd ra | www.example 10 CNAME garden.test | garden.test 300 A 192.0.2.80" EDE},
    /* a target that has a chain of its own */
    {"chain.example",
     WIRE_A,
     {.no_edns = true},
     "NOERROR rd ra | chain.example 10 CNAME chain.test | chain.test 300 CNAME end.test | "
     "end.test 200 A 192.0.2.83"},
    /* a target that does not exist: the client is told so */
    {"none.example",
     WIRE_A,
     {0},
     "NXDOMAIN rd ra | none.example 10 CNAME none.test | ~test 60 SOA minimum 60" EDE},
    /* ends in the sinkhole: the target is blocked itself, leads back, or has no answer */
    {"self.example", WIRE_A, {0}, "NOERROR rd ra | self.example 10 A 0.0.0.0" EDE},
    {"www.loop.example", WIRE_A, {0}, "NOERROR rd ra | www.loop.example 10 A 0.0.0.0" EDE},
    {"mirror.test", WIRE_A, {0}, "NOERROR rd ra | mirror.test 10 A 0.0.0.0" EDE},
    {"mirror.test",
     WIRE_CNAME,
     {0},
     "NOERROR rd ra | ~mirror.test 10 SOA minimum 10 | EDE 15 prov-l l 7"},
    {"fail.example", WIRE_A, {0}, "NOERROR rd ra | fail.example 10 A 0.0.0.0" EDE},
    {"fail.example",
     WIRE_MX,
     {0},
     "NOERROR rd ra | ~fail.example 10 SOA minimum 10 | EDE 15 prov-l l 7"},
};

static void the_client_is_led_to_the_operators_name(void **state)
{
    struct world *world = make_world();

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(rows); i++) { /* the second time from the cache */
        const struct row *row = &rows[i % COUNT(rows)];
        struct world_reply *reply = world_ask_with(world, row->name, row->type, row->manner);

        assert_string_equal(world_words(reply), row->words);
    }
    assert_int_equal(world_asked(world, "www.bad.example"), 0);
    assert_int_equal(world_asked(world, "self.example"), 0);
    assert_int_equal(world_asked(world, "x.self.example"), 0);
    world_destroy(world);
}

/* Over TCP `truncate` lets through who asks for the name, but no redirect to it, whether
 * somebody waits for it or not; `drop` lets nobody through. */
static void a_target_that_is_truncated_or_dropped_is_blocked(void **state)
{
    struct world *world = make_world();
    struct world_reply *waiting = NULL;

    (void)state;
    world_serve(world, "tc.test", WIRE_A, "tc.test. 300 IN A 192.0.2.85\n");
    world_serve(world, "gone.test", WIRE_A, "gone.test. 300 IN A 192.0.2.86\n");
    for (unsigned i = 0; i < 4; i++) {
        const struct world_manner manner = {.tcp = i & 1};

        if (i == 2) {
            waiting = world_send(world, "tc.test", WIRE_A, (struct world_manner){.tcp = true});
            world_send(world, "gone.test", WIRE_A, (struct world_manner){.tcp = true});
        }
        assert_string_equal(world_words(world_send(world, "tc.example", WIRE_A, manner)),
                            "NOERROR rd ra | tc.example 10 A 0.0.0.0" EDE);
        assert_string_equal(world_words(world_send(world, "gone.example", WIRE_A, manner)),
                            "NOERROR rd ra | gone.example 10 A 0.0.0.0" EDE);
        assert_int_equal(world->asked_count, i < 2 ? 0 : 1);
    }
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(waiting), "tc.test 300 A 192.0.2.85");
    assert_int_equal(world_asked(world, "tc.test"), 1);
    assert_int_equal(world_asked(world, "gone.test"), 0);
    world_destroy(world);
}

static void the_event_has_the_chain_of_the_answer_that_was_replaced(void **state)
{
    struct world *world = make_world();

    (void)state;
    world_ask(world, "www.example", WIRE_A); /* world_events checks the chain */
    assert_string_equal(world_events(world), "applied enforce redirect hop1 edge.bad.example");
    world_ask(world, "fail.example", WIRE_A);
    assert_string_equal(world_events(world), "applied enforce redirect qname fail.example");
    world_destroy(world);
}

/* Signatures would not cover what is put before, so none are asked for. */
static void the_target_is_asked_for_without_do_and_cd(void **state)
{
    struct world *world = make_world();

    (void)state;
    world_ask_with(world, "www.bad.example", WIRE_A,
                   (struct world_manner){.dnssec_ok = true, .checking_disabled = true});
    assert_false(world->servers[0].last_do);
    assert_int_equal(world->servers[0].last_flags & WIRE_FLAG_CD, 0);
    world_destroy(world);
}

static void without_recursion_only_a_target_at_hand_is_told(void **state)
{
    struct world *world = make_world();
    const struct world_manner manner = {.no_recursion = true};

    (void)state;
    assert_string_equal(world_records(world_ask_with(world, "a.bad.example", WIRE_A, manner)),
                        "a.bad.example 10 A 0.0.0.0");
    assert_int_equal(world->asked_count, 0);
    world_ask(world, "a.bad.example", WIRE_A);
    assert_string_equal(world_records(world_ask_with(world, "a.bad.example", WIRE_A, manner)),
                        "a.bad.example 10 CNAME garden.test | garden.test 300 A 192.0.2.80");
    world_destroy(world);
}

static void a_target_that_is_not_answered_in_time_ends_in_the_sinkhole(void **state)
{
    struct world *world = make_world();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    assert_string_equal(world_words(world_ask(world, "www.bad.example", WIRE_A)),
                        "NOERROR rd ra | www.bad.example 10 A 0.0.0.0" EDE);
    world->servers[0].manners = SERVER_UNREACHABLE;
    assert_string_equal(world_words(world_ask(world, "www.bad.example", WIRE_AAAA)),
                        "NOERROR rd ra | www.bad.example 10 AAAA ::" EDE);
    world_destroy(world);
}

static void a_target_that_does_not_fit_is_truncated(void **state)
{
    struct world *world = make_world();
    char records[8192] = "";

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        const size_t used = strlen(records);

        snprintf(records + used, sizeof(records) - used, "big.test. 60 IN A 192.0.2.%u\n", i);
    }
    world_serve(world, "big.test", WIRE_A, records);
    assert_string_equal(world_words(world_ask_with(world, "big.example", WIRE_A,
                                                   (struct world_manner){.no_edns = true})),
                        "NOERROR tc rd ra");
    struct world_reply *reply = world_ask_with(
        world, "big.example", WIRE_A, (struct world_manner){.tcp = true, .no_edns = true});
    assert_non_null(strstr(world_records(reply), "big.test 60 A 192.0.2.39"));
    world_destroy(world);
}

/* Of the target much may be known, since it is asked for by itself, too. */
static void a_known_answer_of_the_target_stands_behind_the_alias(void **state)
{
    struct world *world = make_world();

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(world_words(world_ask(world, "garden.test", WIRE_A)),
                            "NOERROR rd ra | garden.test 300 A 192.0.2.80");
        assert_string_equal(world_words(world_ask(world, "www.bad.example", WIRE_A)),
                            "NOERROR rd ra | www.bad.example 10 CNAME garden.test | "
                            "garden.test 300 A 192.0.2.80" EDE);
    }
    assert_int_equal(world_asked(world, "garden.test"), 1);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_led_to_the_operators_name),
        cmocka_unit_test(a_target_that_is_truncated_or_dropped_is_blocked),
        cmocka_unit_test(the_event_has_the_chain_of_the_answer_that_was_replaced),
        cmocka_unit_test(the_target_is_asked_for_without_do_and_cd),
        cmocka_unit_test(without_recursion_only_a_target_at_hand_is_told),
        cmocka_unit_test(a_target_that_is_not_answered_in_time_ends_in_the_sinkhole),
        cmocka_unit_test(a_target_that_does_not_fit_is_truncated),
        cmocka_unit_test(a_known_answer_of_the_target_stands_behind_the_alias),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
