/* A new policy while questions wait: none is lost, none sees a mix of old and new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <string.h>

static const struct world_list nothing = {.id = "n", .rules = "block suffix unrelated.test"};

static void serve(struct world *world)
{
    world_serve(world, "www.example", WIRE_A,
                "www.example. 300 IN CNAME a.cdn.example.\n"
                "a.cdn.example. 300 IN A 192.0.2.1\n");
    world_serve(world, "other.example", WIRE_A, "other.example. 300 IN A 192.0.2.2\n");
    world_serve(world, "garden.test", WIRE_A, "garden.test. 300 IN A 192.0.2.80\n");
    world->servers[0].delay_us = MILLISECONDS(300);
}

static void a_question_that_stays_allowed_keeps_its_fetch(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve(world);
    struct world_reply *reply =
        world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    for (unsigned i = 0; i < 100; i++) { /* more reloads than a question may take steps */
        world_pass(world, MILLISECONDS(1));
        world_adopt_lists(world, 1, &nothing);
    }
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(reply), "www.example 300 CNAME a.cdn.example | "
                                              "a.cdn.example 300 A 192.0.2.1");
    assert_int_equal(world->asked_count, 1);
    assert_int_equal(query_engine_counters(world->engine)->reruns, 100);
    assert_int_equal(query_engine_counters(world->engine)->steps_exceeded, 0);
    world_destroy(world);
}

/* By name and by hop, only the policy in force when the answer is written counts. */
static void the_answer_is_by_the_policy_at_its_end(void **state)
{
    struct world *world = world_create();
    const struct world_list hop = {.id = "h", .rules = "block suffix cdn.example"};
    const struct world_list logs[] = {
        {.id = "o", .mode = POLICY_MODE_LOG, .rules = "block suffix www.example"},
        {.id = "p", .mode = POLICY_MODE_LOG, .rules = "block suffix cdn.example"},
    };

    (void)state;
    serve(world);
    /* Asked under a log list; answered under a list that blocks the hop: the event of the old
     * policy is not told. */
    world_adopt_lists(world, 2, logs);
    struct world_reply *reply =
        world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    world_adopt_lists(world, 1, &hop);
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(reply), "www.example 10 A 0.0.0.0");
    assert_string_equal(world_events(world), "applied enforce sinkhole hop1 a.cdn.example");

    /* Asked under the hop list; answered under none. */
    cache_flush(world->cache);
    reply = world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    world_adopt_lists(world, 1, &nothing);
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(reply), "www.example 300 CNAME a.cdn.example | "
                                              "a.cdn.example 300 A 192.0.2.1");
    assert_string_equal(world_events(world), "");
    world_destroy(world);
}

static void joined_questions_are_decided_one_by_one(void **state)
{
    struct world *world = world_create();
    const struct world_list tc = {.id = "t",
                                  .rules = "block suffix www.example action=truncate"};
    struct world_reply *replies[6];

    (void)state;
    serve(world);
    for (unsigned i = 0; i < 6; i++) {
        replies[i] =
            world_send(world, "www.example", WIRE_A, (struct world_manner){.tcp = i % 2 == 1});
    }
    assert_int_equal(world->asked_count, 1);
    world_pass(world, MILLISECONDS(100));
    world_adopt_lists(world, 1, &tc);
    for (unsigned i = 0; i < 6; i++) {
        assert_string_equal(world_words(replies[i]),
                            i % 2 == 1 ? "waiting" : "NOERROR tc rd ra | EDE 15 prov-t t 7");
    }
    world_pass(world, SECONDS(1));
    for (unsigned i = 1; i < 6; i += 2) {
        assert_string_equal(world_records(replies[i]), "www.example 300 CNAME a.cdn.example | "
                                                       "a.cdn.example 300 A 192.0.2.1");
    }
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

static void a_redirect_under_way_is_decided_anew(void **state)
{
    struct world *world = world_create();
    const struct world_list redirect = {
        .id = "r", .rules = "block suffix www.example action=redirect:garden.test"};

    (void)state;
    serve(world);
    /* Redirected before and after: the fetch of the target goes on. */
    world_adopt_lists(world, 1, &redirect);
    struct world_reply *reply =
        world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    world_adopt_lists(world, 1, &redirect);
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(reply),
                        "www.example 10 CNAME garden.test | garden.test 300 A 192.0.2.80");
    assert_int_equal(world_asked(world, "garden.test"), 1);
    world_events(world);

    /* Allowed afterwards: the name itself is asked for, the target no more. */
    cache_flush(world->cache);
    reply = world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    world_adopt_lists(world, 1, &nothing);
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(reply), "www.example 300 CNAME a.cdn.example | "
                                              "a.cdn.example 300 A 192.0.2.1");
    assert_string_equal(world_events(world), "");

    /* Redirected afterwards. */
    cache_flush(world->cache);
    reply = world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    world_adopt_lists(world, 1, &redirect);
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(reply),
                        "www.example 10 CNAME garden.test | garden.test 300 A 192.0.2.80");
    world_destroy(world);
}

/* What the old policy found in the cache says nothing about how the new one ends. */
static void a_redirect_that_ends_is_no_cached_failure(void **state)
{
    struct world *world = world_create();
    const struct world_list redirect = {
        .id = "r", .rules = "block suffix cdn.example action=redirect:garden.test"};

    (void)state;
    world_serve(world, "www.example", WIRE_A,
                "www.example. 1 IN CNAME a.cdn.example.\na.cdn.example. 1 IN A 192.0.2.1\n");
    world_ask(world, "www.example", WIRE_A);
    world->servers[0].manners = SERVER_SILENT;
    world_adopt_lists(world, 1, &redirect);
    struct world_reply *reply =
        world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    assert_int_equal(world_asked(world, "garden.test"), 1);
    world_pass(world, SECONDS(2));
    world_adopt_lists(world, 1, &nothing);
    world_pass(world, SECONDS(2));
    assert_string_equal(world_words(reply),
                        "SERVFAIL rd ra | EDE 22 no upstream answered in time");
    world_destroy(world);
}

static void clients_that_lose_their_access_are_refused(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve(world);
    struct world_reply *kept =
        world_send(world, "www.example", WIRE_A, (struct world_manner){.from = "::1"});
    struct world_reply *lost =
        world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    world->settings.access[0] = world->settings.access[1];
    world->settings.access_count = 1;
    world_adopt_lists(world, 1, &nothing);
    assert_string_equal(world_words(lost),
                        "REFUSED rd ra | EDE 18 this client is not in an access network");
    assert_string_equal(world_words(kept), "waiting");
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(kept), "www.example 300 CNAME a.cdn.example | "
                                             "a.cdn.example 300 A 192.0.2.1");
    world_destroy(world);
}

/* Nothing that the old policy found is told of them: it would be told by the new one's rules.
 */
static void whoever_is_refused_after_a_reload_has_no_event(void **state)
{
    const struct world_list lists[] = {
        {.id = "o", .mode = POLICY_MODE_LOG, .rules = "block suffix www.example"},
        {.id = "r", .rules = "block suffix other.example action=redirect:garden.test"},
    };
    struct world *world = world_create();

    (void)state;
    serve(world);
    world_adopt_lists(world, 2, lists);
    struct world_reply *logged =
        world_send(world, "www.example", WIRE_A, (struct world_manner){0});
    struct world_reply *redirected =
        world_send(world, "other.example", WIRE_A, (struct world_manner){0});
    assert_string_equal(world_words(redirected), "waiting");
    world->settings.access[0] = world->settings.access[1];
    world->settings.access_count = 1;
    world_adopt_lists(world, 1, &nothing);
    assert_string_equal(world_words(logged),
                        "REFUSED rd ra | EDE 18 this client is not in an access network");
    assert_string_equal(world_words(redirected), world_words(logged));
    assert_string_equal(world_events(world), "");
    assert_int_equal(query_engine_counters(world->engine)->blocked, 0);
    world_destroy(world);
}

/* Each reload changes the verdict of the name; questions come all the time, from the cache and
 * not. Every one is answered, by one of the two policies and never by half of each. */
static void a_hundred_reloads_lose_no_question(void **state)
{
    struct world *world = world_create();
    const struct world_list block = {.id = "b",
                                     .rules = "block suffix cdn.example\n"
                                              "block suffix www.example action=nodata"};
    unsigned answers[3] = {0};
    struct world_reply *replies[1000];

    (void)state;
    serve(world);
    world->servers[0].delay_us = MILLISECONDS(7);
    world->settings.ttl_max_s = 0; /* nothing is kept: each asks the upstream */
    for (unsigned i = 0; i < 1000; i++) {
        replies[i] = world_send(world, "www.example", WIRE_A, (struct world_manner){0});
        world_pass(world, MILLISECONDS(1));
        if (i % 10 == 5) {
            world_adopt_lists(world, 1, i % 20 == 5 ? &block : &nothing);
        }
        if (i >= 20) { /* its place is used anew after 64 */
            const char *records = world_records(replies[i - 20]);

            answers[0] += strcmp(records, "~www.example 10 SOA minimum 10") == 0;
            answers[1] += strcmp(records, "www.example 0 CNAME a.cdn.example | "
                                          "a.cdn.example 0 A 192.0.2.1") == 0;
            answers[2]++;
        }
    }
    assert_int_equal(answers[2], 980);
    assert_int_equal(answers[0] + answers[1], 980);
    assert_true(answers[0] > 300 && answers[1] > 300);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_that_stays_allowed_keeps_its_fetch),
        cmocka_unit_test(the_answer_is_by_the_policy_at_its_end),
        cmocka_unit_test(joined_questions_are_decided_one_by_one),
        cmocka_unit_test(a_redirect_under_way_is_decided_anew),
        cmocka_unit_test(a_redirect_that_ends_is_no_cached_failure),
        cmocka_unit_test(clients_that_lose_their_access_are_refused),
        cmocka_unit_test(whoever_is_refused_after_a_reload_has_no_event),
        cmocka_unit_test(a_hundred_reloads_lose_no_question),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
