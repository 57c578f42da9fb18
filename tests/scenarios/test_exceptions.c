/* Exceptions and pauses while questions come: what gets through, what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <string.h>

#define SINKHOLE "www.shop.example 10 A 0.0.0.0"
#define REAL                                         \
    "www.shop.example 300 CNAME shop.cdn.example | " \
    "shop.cdn.example 300 CNAME e.edge.example | "   \
    "e.edge.example 300 A 198.51.100.7"

static struct policy_exception exception_on(const char *name, const char *ticket, bool chain)
{
    struct policy_exception exception = {.chain = chain, .view = POLICY_ANY_VIEW};

    assert_int_equal(wire_name_from_text(name, strlen(name), &exception.name), WIRE_TEXT_OK);
    snprintf(exception.ticket, sizeof(exception.ticket), "%s", ticket);
    return exception;
}

static void except(struct world *world, const char *name, const char *ticket, bool chain)
{
    const struct policy_exception exception = exception_on(name, ticket, chain);
    const struct policy_changes changes = {.exceptions = &exception, .exception_count = 1};

    world_change(world, &changes);
}

static struct world *shop_world(void)
{
    struct world *world = world_create();

    world_serve(world, "www.shop.example", WIRE_A,
                "www.shop.example. 300 IN CNAME shop.cdn.example.\n"
                "shop.cdn.example. 300 IN CNAME e.edge.example.\n"
                "e.edge.example. 300 IN A 198.51.100.7\n");
    world_serve(world, "free.example", WIRE_A, "free.example. 300 IN A 203.0.113.1\n");
    return world;
}

static const char *shop(struct world *world)
{
    return world_records(world_ask(world, "www.shop.example", WIRE_A));
}

static void a_name_is_let_through_from_the_next_question_on(void **state)
{
    struct world *world = shop_world();

    (void)state;
    world_adopt(world, {.id = "l", .rules = "block suffix shop.example"});
    assert_string_equal(shop(world), SINKHOLE);
    assert_string_equal(world_events(world), "applied enforce sinkhole qname www.shop.example");
    assert_int_equal(world->asked_count, 0);

    except(world, "shop.example", "HD-1", false);
    assert_string_equal(shop(world), REAL);
    assert_string_equal(world_events(world),
                        "logged enforce pass qname www.shop.example by HD-1");
    assert_string_equal(shop(world), REAL); /* from the cache, too */
    assert_string_equal(world_events(world),
                        "logged enforce pass qname www.shop.example by HD-1");
    assert_int_equal(query_engine_counters(world->engine)->excepted, 2);
    assert_int_equal(query_engine_counters(world->engine)->logged, 0);

    world_change(world, &(struct policy_changes){0});
    assert_string_equal(shop(world), SINKHOLE); /* what the cache has is of no use */
    world_destroy(world);
}

static void an_exception_ends_its_own_trigger_only(void **state)
{
    struct world *world = shop_world();

    (void)state;
    world_adopt(world, {.id = "l",
                        .rules = "block suffix shop.example\n"
                                 "block suffix edge.example"});
    except(world, "www.shop.example", "HD-1", false);
    assert_string_equal(shop(world), SINKHOLE);
    assert_string_equal(world_events(world),
                        "logged enforce pass qname www.shop.example by HD-1; "
                        "applied enforce sinkhole hop2 e.edge.example");
    world_destroy(world);
}

static void an_exception_for_a_hop_lets_that_hop_through(void **state)
{
    struct world *world = shop_world();

    (void)state;
    world_adopt(world, {.id = "l", .rules = "block suffix edge.example"});
    except(world, "edge.example", "HD-2", false);
    assert_string_equal(shop(world), REAL);
    assert_string_equal(world_events(world), "logged enforce pass hop2 e.edge.example by HD-2");

    /* Another hop on the way stays blocked. */
    world_adopt(world, {.id = "l",
                        .rules = "block suffix cdn.example\n"
                                 "block suffix edge.example"});
    except(world, "edge.example", "HD-2", false);
    assert_string_equal(shop(world), SINKHOLE);
    assert_string_equal(world_events(world), "applied enforce sinkhole hop1 shop.cdn.example");
    world_destroy(world);
}

static void chain_scope_lets_through_all_that_the_answer_leads_to(void **state)
{
    struct world *world = shop_world();

    (void)state;
    world_adopt(world, {.id = "l",
                        .rules = "block suffix cdn.example\n"
                                 "block suffix edge.example\n"
                                 "block prefix 198.51.100.0/24"});
    except(world, "shop.example", "HD-3", true);
    assert_string_equal(shop(world), REAL);
    assert_string_equal(world_events(world),
                        "logged enforce pass hop1 shop.cdn.example by HD-3; "
                        "logged enforce pass hop2 e.edge.example by HD-3; "
                        "logged enforce pass address2 e.edge.example by HD-3");

    /* The same hop of another name is none of its business. */
    world_serve(world, "www.other.example", WIRE_A,
                "www.other.example. 300 IN CNAME shop.cdn.example.\n"
                "shop.cdn.example. 300 IN A 203.0.113.9\n");
    assert_string_equal(world_records(world_ask(world, "www.other.example", WIRE_A)),
                        "www.other.example 10 A 0.0.0.0");
    /* Nor is the hop when it is asked for itself. */
    assert_string_equal(world_records(world_ask(world, "shop.cdn.example", WIRE_A)),
                        "shop.cdn.example 10 A 0.0.0.0");
    world_destroy(world);
}

static void chain_scope_covers_service_targets_and_hints(void **state)
{
    struct world *world = world_create();
    static const char records[] =
        "shop.example. 300 IN HTTPS 1 svc.edge.example. ipv4hint=198.51.100.9\n";

    (void)state;
    world_serve(world, "shop.example", WIRE_HTTPS, records);
    world_adopt(world, {.id = "l",
                        .rules = "block suffix edge.example\n"
                                 "block prefix 198.51.100.0/24"});
    except(world, "shop.example", "HD-4", false);
    assert_non_null(
        strstr(world_words(world_ask(world, "shop.example", WIRE_HTTPS)), "~shop.example"));
    assert_string_equal(world_events(world), "applied enforce sinkhole svcb svc.edge.example");
    except(world, "shop.example", "HD-4", true);
    assert_null(
        strstr(world_words(world_ask(world, "shop.example", WIRE_HTTPS)), "~shop.example"));
    assert_string_equal(world_events(world),
                        "logged enforce pass svcb svc.edge.example by HD-4; "
                        "logged enforce pass address shop.example by HD-4");
    /* Without chain scope, one for the target lets the target through, not the address. */
    except(world, "edge.example", "HD-5", false);
    assert_non_null(
        strstr(world_words(world_ask(world, "shop.example", WIRE_HTTPS)), "~shop.example"));
    assert_string_equal(world_events(world),
                        "logged enforce pass svcb svc.edge.example by HD-5; "
                        "applied enforce sinkhole address shop.example");
    world_destroy(world);
}

static void lists_in_log_mode_tell_as_before(void **state)
{
    struct world *world = shop_world();

    (void)state;
    world_adopt(world, {.id = "l", .rules = "block suffix shop.example"},
                {.id = "m", .mode = POLICY_MODE_LOG, .rules = "block suffix shop.example"});
    except(world, "shop.example", "HD-6", true);
    assert_string_equal(shop(world), REAL);
    assert_string_equal(world_events(world),
                        "logged log sinkhole qname www.shop.example; "
                        "logged enforce pass qname www.shop.example by HD-6");
    world_destroy(world);
}

/* Two clients wait for one fetch; the exception comes while they do, and ends while another
 * waits: each is answered by what is in force at its end. */
static void changes_reach_questions_that_wait(void **state)
{
    struct world *world = shop_world();
    struct world_reply *replies[3];

    (void)state;
    world->servers[0].delay_us = MILLISECONDS(300);
    world_adopt(world, {.id = "l", .rules = "block suffix edge.example"});
    replies[0] = world_send(world, "www.shop.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    except(world, "shop.example", "HD-7", true);
    replies[1] =
        world_send(world, "www.shop.example", WIRE_A, (struct world_manner){.tcp = true});
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(replies[0]), REAL);
    assert_string_equal(world_records(replies[1]), REAL);
    assert_int_equal(world->asked_count, 1);
    assert_string_equal(world_events(world), "logged enforce pass hop2 e.edge.example by HD-7; "
                                             "logged enforce pass hop2 e.edge.example by HD-7");

    cache_flush(world->cache);
    replies[2] = world_send(world, "www.shop.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    world_change(world, &(struct policy_changes){0});
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(replies[2]), SINKHOLE);
    assert_string_equal(world_events(world), "applied enforce sinkhole hop2 e.edge.example");
    world_destroy(world);
}

/* By its own name: blocked at once, whatever is on its way; and nothing more is asked. */
static void an_exception_that_ends_blocks_what_waits(void **state)
{
    struct world *world = shop_world();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    world_adopt(world, {.id = "l", .rules = "block suffix shop.example"});
    except(world, "shop.example", "HD-8", false);
    struct world_reply *reply =
        world_send(world, "www.shop.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(10));
    const size_t asked = world_asked(world, "www.shop.example");
    assert_int_equal(asked, 1);
    world_change(world, &(struct policy_changes){0});
    assert_string_equal(world_records(reply), SINKHOLE);
    world_pass(world, SECONDS(5));
    assert_int_equal(world_asked(world, "www.shop.example"), asked);
    world_destroy(world);
}

static void a_pause_tells_what_would_have_been(void **state)
{
    static const char *const ids[] = {"l"};
    struct world *world = shop_world();

    (void)state;
    world_adopt(world,
                {.id = "l", .rules = "block suffix edge.example\nblock suffix shop.example"},
                {.id = "m", .rules = "block suffix free.example"});
    world_change(world, &(struct policy_changes){.paused = ids, .paused_count = 1});
    assert_string_equal(shop(world), REAL);
    assert_string_equal(world_events(world), "logged log sinkhole qname www.shop.example; "
                                             "logged log sinkhole hop2 e.edge.example");
    assert_true(policy_list_is_paused(world->policy, 0, world->last_event.hit.list));
    assert_string_equal(world_records(world_ask(world, "free.example", WIRE_A)),
                        "free.example 10 A 0.0.0.0"); /* the other list goes on */
    world_events(world);

    world_change(world, &(struct policy_changes){.pause_all = true});
    assert_string_equal(world_records(world_ask(world, "free.example", WIRE_A)),
                        "free.example 300 A 203.0.113.1");
    assert_string_equal(world_events(world), "logged log sinkhole qname free.example");

    world_change(world, &(struct policy_changes){0});
    assert_string_equal(shop(world), SINKHOLE);
    world_destroy(world);
}

/* The answer to a blocked name above an exception must not deny what is below (RFC 8020). */
static void nxdomain_spares_an_exception_below(void **state)
{
    struct world *world = shop_world();

    (void)state;
    world_adopt(world, {.id = "l", .rules = "block suffix shop.example action=nxdomain"});
    assert_non_null(strstr(world_words(world_ask(world, "shop.example", WIRE_A)), "NXDOMAIN"));
    except(world, "www.shop.example", "HD-9", false);
    assert_non_null(strstr(world_words(world_ask(world, "shop.example", WIRE_A)), "NOERROR"));
    assert_string_equal(shop(world), REAL);
    world_destroy(world);
}

/* The target of a redirect is looked up by its own name: an exception for it counts. */
static void an_exception_for_a_redirect_target_counts(void **state)
{
    struct world *world = shop_world();

    (void)state;
    world_serve(world, "garden.test", WIRE_A, "garden.test. 300 IN A 203.0.113.80\n");
    world_adopt(world, {.id = "l",
                        .rules = "block suffix shop.example action=redirect:garden.test\n"
                                 "block suffix garden.test"});
    assert_string_equal(shop(world), SINKHOLE);
    except(world, "garden.test", "HD-10", false);
    assert_string_equal(shop(world), "www.shop.example 10 CNAME garden.test | "
                                     "garden.test 300 A 203.0.113.80");
    world_destroy(world);
}

/* Two views wait for one fetch; the exception is for one of them. And what a view denies by
 * default is let through as well, by the asked name. */
static void an_exception_counts_in_its_view(void **state)
{
    static const struct world_list list = {.id = "l", .rules = "block suffix edge.example"};
    static const struct world_view views[] = {
        {.name = "default", .use = "l"},
        {.name = "kids", .clients = "127.0.1.0/24", .use = "l"},
        {.name = "tills", .clients = "127.0.2.0/24", .use = "l", .deny = true},
    };
    const struct world_manner kid = {.from = "127.0.1.9"};
    const struct world_manner till = {.from = "127.0.2.9"};
    struct world *world = shop_world();
    struct policy_exception exceptions[2] = {exception_on("shop.example", "HD-11", true),
                                             exception_on("free.example", "HD-12", false)};
    const struct policy_changes changes = {.exceptions = exceptions, .exception_count = 2};

    (void)state;
    exceptions[0].view = 1;
    world->servers[0].delay_us = MILLISECONDS(100);
    world_adopt_views(world, 1, &list, 3, views);
    struct world_reply *of_kid = world_send(world, "www.shop.example", WIRE_A, kid);
    struct world_reply *of_other =
        world_send(world, "www.shop.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(10));
    world_change(world, &changes);
    world_pass(world, SECONDS(1));
    assert_int_equal(world->asked_count, 1);
    assert_string_equal(world_records(of_kid), REAL);
    assert_string_equal(world_records(of_other), SINKHOLE);

    assert_string_equal(world_records(world_ask_with(world, "www.shop.example", WIRE_A, till)),
                        SINKHOLE); /* the exception is for another view */
    assert_string_equal(world_records(world_ask_with(world, "free.example", WIRE_A, till)),
                        "free.example 300 A 203.0.113.1");
    world_events(world);
    cache_flush(world->cache);
    world_change(world, &(struct policy_changes){.pause_all = true});
    assert_string_equal(world_records(world_ask_with(world, "www.shop.example", WIRE_A, till)),
                        REAL);
    world_change(world, &(struct policy_changes){0});
    assert_string_equal(world_records(world_ask_with(world, "free.example", WIRE_A, till)),
                        "free.example 10 A 0.0.0.0");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_let_through_from_the_next_question_on),
        cmocka_unit_test(an_exception_ends_its_own_trigger_only),
        cmocka_unit_test(an_exception_for_a_hop_lets_that_hop_through),
        cmocka_unit_test(chain_scope_lets_through_all_that_the_answer_leads_to),
        cmocka_unit_test(chain_scope_covers_service_targets_and_hints),
        cmocka_unit_test(lists_in_log_mode_tell_as_before),
        cmocka_unit_test(changes_reach_questions_that_wait),
        cmocka_unit_test(an_exception_that_ends_blocks_what_waits),
        cmocka_unit_test(a_pause_tells_what_would_have_been),
        cmocka_unit_test(nxdomain_spares_an_exception_below),
        cmocka_unit_test(an_exception_for_a_redirect_target_counts),
        cmocka_unit_test(an_exception_counts_in_its_view),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
