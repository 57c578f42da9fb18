/* Upstreams that are slow, silent, wrong or unreachable, as a client sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#define NAME    "www.example"
#define RECORDS NAME " 300 A 192.0.2.1"
#define ANSWER  "NOERROR rd ra | " RECORDS

static struct world *make_world(unsigned servers)
{
    struct world *world = world_create_with(servers, WORLD_REPLIES);

    world_serve(world, NAME, WIRE_A, NAME ". 300 IN A 192.0.2.1\n");
    return world;
}

struct row {
    unsigned manners[2]; /* of two servers */
    const char *words;
    uint64_t least_ms, most_ms; /* until the answer */
};

static const struct row rows[] = {
    {{0, 0}, ANSWER, 10, 10},
    /* fail-over within the deadline */
    {{SERVER_SILENT, 0}, ANSWER, 10, 1700},
    {{SERVER_UNREACHABLE, 0}, ANSWER, 10, 10},
    {{SERVER_SERVFAIL, 0}, ANSWER, 10, 40},
    {{SERVER_REFUSED, 0}, ANSWER, 10, 40},
    {{0, SERVER_SILENT}, ANSWER, 10, 1700},
    /* answers that are not ours are waited past */
    {{SERVER_WRONG_ID, SERVER_WRONG_ID}, ANSWER, 10, 10},
    {{SERVER_WRONG_NAME, SERVER_WRONG_NAME}, ANSWER, 10, 10},
    {{SERVER_STRANGE_IDS, 0}, ANSWER, 10, 1700},
    /* an upstream that loses the letter case is asked in lower case */
    {{SERVER_LOSES_CASE, SERVER_LOSES_CASE}, ANSWER, 10, 200},
    /* TC=1: over TCP */
    {{SERVER_TRUNCATES, SERVER_TRUNCATES}, ANSWER, 20, 40},
    /* AD from an upstream that nobody authenticated */
    {{SERVER_SETS_AD, SERVER_SETS_AD}, ANSWER, 10, 10},
    /* nobody helps */
    {{SERVER_SILENT, SERVER_SILENT},
     "SERVFAIL rd ra | EDE 22 no upstream answered in time",
     4000,
     4000},
    {{SERVER_STRANGE_IDS, SERVER_SILENT},
     "SERVFAIL rd ra | EDE 22 no upstream answered in time",
     4000,
     4000},
    {{SERVER_FLOODS, SERVER_FLOODS},
     "SERVFAIL rd ra | EDE 23 no answer of the upstreams matched its question",
     0,
     200},
    {{SERVER_UNREACHABLE, SERVER_UNREACHABLE},
     "SERVFAIL rd ra | EDE 22 the upstreams are unreachable",
     0,
     10},
    {{SERVER_SERVFAIL, SERVER_SERVFAIL},
     "SERVFAIL rd ra | EDE 0 the upstream answered SERVFAIL",
     10,
     100},
    {{SERVER_REFUSED, SERVER_REFUSED},
     "SERVFAIL rd ra | EDE 0 the upstream answered REFUSED",
     10,
     100},
};

static void each_kind_of_upstream_gives_its_answer_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world *world = make_world(2);
        const uint64_t start = world->now.mono_us;

        world->servers[0].manners = rows[i].manners[0];
        world->servers[1].manners = rows[i].manners[1];
        struct world_reply *reply = world_ask(world, NAME, WIRE_A);
        assert_string_equal(world_words(reply), rows[i].words);
        assert_true(reply->sent_us - start >= MILLISECONDS(rows[i].least_ms));
        assert_true(reply->sent_us - start <= MILLISECONDS(rows[i].most_ms));
        world_destroy(world);
    }
}

static void an_answer_that_comes_late_still_counts(void **state)
{
    struct world *world = make_world(2);

    (void)state;
    world->servers[0].delay_us = MILLISECONDS(2500);
    world->servers[1].delay_us = MILLISECONDS(2500);
    assert_string_equal(world_words(world_ask(world, NAME, WIRE_A)), ANSWER);
    world_destroy(world);
}

static void without_upstreams_the_client_is_told(void **state)
{
    struct world *world = make_world(1);

    (void)state;
    world->settings.have_upstreams = false;
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    assert_string_equal(world_words(world_ask(world, NAME, WIRE_A)),
                        "SERVFAIL rd ra | EDE 22 no upstream is configured");
    assert_string_equal(world_words(world_ask_with(world, NAME, WIRE_A,
                                                   (struct world_manner){.no_edns = true})),
                        "SERVFAIL rd ra");
    /* What is blocked is answered all the same. */
    assert_string_equal(world_records(world_ask(world, "bad.example", WIRE_A)),
                        "bad.example 10 A 0.0.0.0");
    assert_int_equal(world->asked_count, 0);
    world_destroy(world);
}

/* RFC 9520: a failure is kept for a while, so that clients that insist do not make packets. */
static void a_failure_is_kept_for_its_time_and_then_tried_again(void **state)
{
    const struct {
        unsigned manners;
        const char *again;
    } kinds[] = {
        {SERVER_SILENT, "SERVFAIL rd ra | EDE 13 a moment ago: the upstreams are unreachable"},
        {SERVER_UNREACHABLE,
         "SERVFAIL rd ra | EDE 13 a moment ago: the upstreams are unreachable"},
        {SERVER_SERVFAIL,
         "SERVFAIL rd ra | EDE 13 a moment ago: the upstream reported a failure"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct world *world = make_world(1);

        world->servers[0].manners = kinds[i].manners;
        world_ask(world, NAME, WIRE_A);
        const size_t asked = world->asked_count;
        for (unsigned j = 0; j < 10; j++) {
            struct world_reply *reply = world_ask(world, NAME, WIRE_A);
            assert_string_equal(world_words(reply), kinds[i].again);
            world_pass(world, MILLISECONDS(400));
        }
        assert_int_equal(world->asked_count, asked);
        /* Another type is another question. */
        world->servers[0].manners = 0;
        world_serve(world, NAME, WIRE_AAAA, NAME ". 300 IN AAAA 2001:db8::1\n");
        world_pass(world, SECONDS(2));
        assert_string_equal(world_words(world_ask(world, NAME, WIRE_A)), ANSWER);
        world_destroy(world);
    }
}

static void a_deadline_of_the_operator_is_kept(void **state)
{
    struct world *world = make_world(2);

    (void)state;
    world->settings.deadline_ms = 1234;
    world_adopt_lists(world, 0, NULL);
    world->servers[0].manners = world->servers[1].manners = SERVER_SILENT;
    const uint64_t start = world->now.mono_us;
    struct world_reply *reply = world_ask(world, NAME, WIRE_A);
    assert_string_equal(world_words(reply),
                        "SERVFAIL rd ra | EDE 22 no upstream answered in time");
    assert_int_equal(reply->sent_us - start, MILLISECONDS(1234));
    world_destroy(world);
}

static void do_and_cd_are_passed_on(void **state)
{
    struct world *world = make_world(1);

    (void)state;
    world_serve(world, NAME, WIRE_A,
                NAME
                ". 300 IN A 192.0.2.1\n" NAME
                ". 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA\n");
    for (unsigned bits = 0; bits < 4; bits++) {
        world_ask_with(
            world, NAME, WIRE_AAAA,
            (struct world_manner){.dnssec_ok = bits & 1, .checking_disabled = bits & 2});
        assert_int_equal(world->servers[0].last_do, bits & 1);
        assert_int_equal((world->servers[0].last_flags & WIRE_FLAG_CD) != 0, bits >> 1);
    }
    /* A signature is shown to who asks with DO, and to nobody else. */
    assert_string_equal(world_words(world_ask_with(world, NAME, WIRE_A,
                                                   (struct world_manner){.dnssec_ok = true})),
                        "NOERROR rd ra | " RECORDS " | " NAME " 300 RRSIG A | do");
    assert_string_equal(world_words(world_ask(world, NAME, WIRE_A)), ANSWER);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_upstream_gives_its_answer_in_time),
        cmocka_unit_test(an_answer_that_comes_late_still_counts),
        cmocka_unit_test(without_upstreams_the_client_is_told),
        cmocka_unit_test(a_failure_is_kept_for_its_time_and_then_tried_again),
        cmocka_unit_test(a_deadline_of_the_operator_is_kept),
        cmocka_unit_test(do_and_cd_are_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
