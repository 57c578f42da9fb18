/* Rules about the name servers of the zone that answered: what is asked to know them, how long
 * anybody waits for it, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/invariant.h"
#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define BY_NAME    "block suffix evil.test trigger=nameserver\n"
#define BY_ADDRESS "block prefix 198.51.100.0/24 trigger=nameserver\n"
#define WAIT_MS    400u

static const struct query_counters *counters(const struct world *world)
{
    return query_engine_counters(world->engine);
}

/* Of a name and type: packets about a name are of more than one type. */
static size_t asked_in_all(const struct world *world)
{
    return world->asked_count;
}

static void serve_shop(struct world *world)
{
    world_serve(world, "www.shop.example", WIRE_A, "www.shop.example. 300 IN A 192.0.2.10\n");
    world_serve(world, "api.shop.example", WIRE_A, "api.shop.example. 300 IN A 192.0.2.11\n");
    world_serve(world, "shop.example", WIRE_NS,
                "shop.example. 300 IN NS ns1.good.test.\nshop.example. 300 IN NS "
                "ns7.dns.evil.test.\n");
    world_serve(world, "www.fine.example", WIRE_A, "www.fine.example. 300 IN A 192.0.2.20\n");
    world_serve(world, "fine.example", WIRE_NS, "fine.example. 300 IN NS ns1.good.test.\n");
    world_serve(world, "www.slow.example", WIRE_A,
                "www.slow.example. 300 IN CNAME edge.cdn.silent.\n"
                "edge.cdn.silent. 300 IN A 192.0.2.30\n");
    world_serve(world, "slow.example", WIRE_NS, "slow.example. 300 IN NS ns1.good.test.\n");
    world_serve(world, "ns1.good.test", WIRE_A, "ns1.good.test. 300 IN A 198.51.100.7\n");
    world_serve(world, "ns1.good.test", WIRE_AAAA,
                "--\ngood.test. 300 IN SOA a.good.test. b.good.test. 1 2 3 4 60\n");
}

static struct world *make_world(const char *rules, enum policy_mode mode)
{
    struct world *world = world_create();

    serve_shop(world);
    world->servers[0].manners = SERVER_SILENT_ON_SOME;
    world_adopt(world, {.id = "l", .rules = rules, .mode = mode});
    return world;
}

static uint64_t took_us(struct world *world, const char *name, uint16_t type)
{
    const uint64_t began = world->now.mono_us;
    struct world_reply *reply = world_ask(world, name, type);

    assert_int_equal(reply->sent, 1);
    return reply->sent_us - began;
}

static void blocks_by_the_name_of_a_server(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    assert_string_equal(world_words(world_ask(world, "www.shop.example", WIRE_A)),
                        "NOERROR rd ra | www.shop.example 10 A 0.0.0.0 | EDE 4 prov-l l 7");
    assert_string_equal(world_events(world),
                        "applied enforce sinkhole nameserver ns7.dns.evil.test");
    assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_A)),
                        "www.fine.example 300 A 192.0.2.20");
    assert_string_equal(world_events(world), "");
    assert_int_equal(world_asked(world, "shop.example"), 1);
    assert_int_equal(world_asked(world, "fine.example"), 1);
    assert_int_equal(asked_in_all(world), 4);
    assert_int_equal(counters(world)->lessons, 2);
    assert_int_equal(counters(world)->servers_unknown, 0);
    assert_int_equal(counters(world)->blocked, 1);
    /* Both are known now: nobody waits. */
    assert_int_equal(took_us(world, "www.shop.example", WIRE_A), 0);
    assert_int_equal(took_us(world, "www.fine.example", WIRE_A), 0);
    assert_int_equal(asked_in_all(world), 4);
    world_destroy(world);
}

static void blocks_by_the_address_of_a_server(void **state)
{
    struct world *world = make_world(BY_ADDRESS, POLICY_MODE_ENFORCE);

    (void)state;
    assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_A)),
                        "www.fine.example 10 A 0.0.0.0");
    assert_string_equal(world_events(world),
                        "applied enforce sinkhole nameserver-address ns1.good.test");
    /* The name, NS of the zone, A and AAAA of its one server. */
    assert_int_equal(asked_in_all(world), 4);
    assert_int_equal(world_asked(world, "ns1.good.test"), 2);
    assert_int_equal(counters(world)->lessons, 3);
    /* Another zone with the same server: its addresses are known. */
    assert_string_equal(world_records(world_ask(world, "www.shop.example", WIRE_A)),
                        "www.shop.example 10 A 0.0.0.0");
    assert_int_equal(world_asked(world, "ns1.good.test"), 2);
    world_destroy(world);
}

/* A rule about answers is none about name servers, and a rule about name servers none about
 * answers; without one nothing is asked. */
static void nothing_is_asked_without_such_a_rule(void **state)
{
    struct world *world = make_world("block suffix evil.test\nblock prefix 198.51.100.0/24\n",
                                     POLICY_MODE_ENFORCE);

    (void)state;
    assert_string_equal(world_records(world_ask(world, "www.shop.example", WIRE_A)),
                        "www.shop.example 300 A 192.0.2.10");
    world_ask(world, "www.fine.example", WIRE_A);
    world_ask(world, "www.slow.example", WIRE_A);
    assert_int_equal(asked_in_all(world), 3);
    assert_int_equal(counters(world)->lessons, 0);
    /* Nor if the list, or the view, has it off. */
    world_adopt(world, {.id = "l", .rules = BY_NAME BY_ADDRESS, .off = true});
    world_ask(world, "api.shop.example", WIRE_A);
    const struct world_list list = {.id = "l", .rules = BY_NAME BY_ADDRESS};
    const struct world_view view = {.name = "default", .name_servers = "off"};
    world_adopt_views(world, 1, &list, 1, &view);
    world_pass(world, SECONDS(400));
    world_ask(world, "api.shop.example", WIRE_A);
    assert_int_equal(asked_in_all(world), 5);
    /* The rule is no rule about names asked for. */
    world_adopt(world, {.id = "l", .rules = BY_NAME});
    world_serve(world, "www.evil.test", WIRE_A, "www.evil.test. 300 IN A 192.0.2.10\n");
    world_serve(world, "evil.test", WIRE_NS, "evil.test. 300 IN NS ns1.good.test.\n");
    assert_string_equal(world_records(world_ask(world, "www.evil.test", WIRE_A)),
                        "www.evil.test 300 A 192.0.2.10");
    world_destroy(world);
}

static void one_question_for_a_zone_and_its_ttl(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    const size_t served = world->served_count;
    char name[64], record[128];

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "n%u.fine.example", i);
        snprintf(record, sizeof(record), "%s. 300 IN A 192.0.2.20\n", name);
        world->served_count = served;
        world_serve(world, name, WIRE_A, record);
        assert_int_equal(world_ask(world, name, WIRE_A)->sent, 1);
    }
    assert_int_equal(world_asked(world, "fine.example"), 1);
    assert_int_equal(asked_in_all(world), 1001);
    world_pass(world, SECONDS(300));
    world_ask(world, "www.fine.example", WIRE_A);
    assert_int_equal(world_asked(world, "fine.example"), 2);
    world_destroy(world);
}

/* All wait for one question; the waiting costs no more than one. */
static void those_who_come_at_once_share_the_question(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    struct world_reply *replies[40];
    char name[64], record[128];

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "n%u.shop.example", i);
        snprintf(record, sizeof(record), "%s. 300 IN A 192.0.2.20\n", name);
        world_serve(world, name, WIRE_A, record);
        replies[i] = world_send(world, name, WIRE_A, (struct world_manner){0});
    }
    world_pass(world, MILLISECONDS(100));
    for (unsigned i = 0; i < 40; i++) {
        snprintf(record, sizeof(record), "n%u.shop.example 10 A 0.0.0.0", i);
        assert_string_equal(world_records(replies[i]), record);
    }
    assert_int_equal(world_asked(world, "shop.example"), 1);
    world_destroy(world);
}

static void a_rule_that_records_costs_no_time(void **state)
{
    struct world *world = make_world(BY_NAME BY_ADDRESS, POLICY_MODE_LOG);
    struct world_reply *reply =
        world_send(world, "www.shop.example", WIRE_A, (struct world_manner){0});
    const uint64_t began = world->now.mono_us;

    (void)state;
    world_pass(world, MILLISECONDS(10));
    assert_int_equal(reply->sent, 1); /* the upstream's 10 ms, and nothing more */
    assert_int_equal(reply->sent_us - began, MILLISECONDS(10));
    assert_false(reply->in_use);
    assert_int_equal(query_engine_in_use(world->engine), 0);
    assert_string_equal(world_records(reply), "www.shop.example 300 A 192.0.2.10");
    assert_string_equal(world_events(world), "");
    assert_int_equal(world_asked(world, "shop.example"), 1); /* only now */
    world_pass(world, SECONDS(1));
    assert_string_equal(world_events(world),
                        "logged log sinkhole nameserver ns7.dns.evil.test; "
                        "logged log sinkhole nameserver-address ns1.good.test");
    assert_int_equal(world->last_event.latency_us, MILLISECONDS(10));
    assert_int_equal(counters(world)->blocked, 0);
    assert_int_equal(counters(world)->logged, 2);
    /* Known: the event comes with the answer. */
    assert_int_equal(took_us(world, "www.shop.example", WIRE_A), 0);
    assert_string_equal(world_events(world),
                        "logged log sinkhole nameserver ns7.dns.evil.test; "
                        "logged log sinkhole nameserver-address ns1.good.test");
    world_destroy(world);
}

/* The view's word caps what rules do. */
static void the_view_makes_rules_record(void **state)
{
    const struct world_list list = {.id = "l", .rules = BY_NAME};
    const struct world_view view = {.name = "default", .name_servers = "log"};
    struct world *world = make_world("", POLICY_MODE_ENFORCE);

    (void)state;
    world_adopt_views(world, 1, &list, 1, &view);
    assert_int_equal(took_us(world, "www.shop.example", WIRE_A), MILLISECONDS(10));
    world_pass(world, SECONDS(1));
    assert_int_equal(world->event_count, 0);
    world_events(world);
    assert_int_equal(world->event_count, 1);
    assert_false(world->last_event.applied);
    world_destroy(world);
}

static void waits_no_longer_than_the_bound(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    assert_int_equal(took_us(world, "www.slow.example", WIRE_A),
                     MILLISECONDS(10) + MILLISECONDS(WAIT_MS));
    assert_string_equal(world_records(world_ask(world, "www.slow.example", WIRE_A)),
                        "www.slow.example 300 CNAME edge.cdn.silent | "
                        "edge.cdn.silent 300 A 192.0.2.30");
    assert_int_equal(counters(world)->servers_unknown, 2);
    /* Nobody waits for what has kept others waiting: neither while it is tried nor after. */
    assert_int_equal(took_us(world, "www.slow.example", WIRE_A), 0);
    world_pass(world, SECONDS(4));
    const size_t asked = world_asked(world, "cdn.silent");
    assert_int_equal(took_us(world, "www.slow.example", WIRE_A), 0);
    assert_int_equal(world_asked(world, "cdn.silent"), asked);
    assert_int_equal(counters(world)->servers_unknown, 4);
    /* The failure is forgotten like any other (RFC 9520). */
    world_pass(world, SECONDS(6));
    assert_int_equal(took_us(world, "www.slow.example", WIRE_A), MILLISECONDS(WAIT_MS));
    world_destroy(world);
}

/* No time to wait is no reason not to ask: whoever comes later finds what is known. */
static void who_may_not_wait_still_learns(void **state)
{
    struct world *world = make_world("", POLICY_MODE_ENFORCE);

    (void)state;
    world->settings.name_server_wait_ms = 0;
    world_adopt(world, {.id = "l", .rules = BY_NAME BY_ADDRESS});
    for (unsigned i = 0; i < 3; i++) { /* the servers, and then their addresses */
        assert_int_equal(took_us(world, "www.fine.example", WIRE_A),
                         i == 0 ? MILLISECONDS(10) : 0);
        assert_string_equal(world_records(world_ask(world, "www.shop.example", WIRE_A)),
                            i == 0 ? "www.shop.example 300 A 192.0.2.10"
                                   : "www.shop.example 10 A 0.0.0.0");
        world_pass(world, SECONDS(1));
    }
    assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_A)),
                        "www.fine.example 10 A 0.0.0.0");
    assert_int_equal(world_asked(world, "fine.example"), 1);
    assert_int_equal(world_asked(world, "shop.example"), 1);
    world_destroy(world);
}

/* A zone without name servers, or whose question fails, is let through and asked once. */
static void what_cannot_be_known_is_let_through(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    world_serve(world, "www.broken.example", WIRE_A,
                "www.broken.example. 300 IN A 192.0.2.40\n");
    world_serve_rcode(world, "broken.example", WIRE_NS, WIRE_SERVFAIL, "");
    world_serve(world, "www.empty.example", WIRE_A, "www.empty.example. 300 IN A 192.0.2.41\n");
    world_serve(world, "empty.example", WIRE_NS,
                "--\nempty.example. 300 IN SOA a.test. b.test. 1 2 3 4 60\n");
    assert_string_equal(world_records(world_ask(world, "www.broken.example", WIRE_A)),
                        "www.broken.example 300 A 192.0.2.40");
    assert_string_equal(world_records(world_ask(world, "www.empty.example", WIRE_A)),
                        "www.empty.example 300 A 192.0.2.41");
    assert_int_equal(counters(world)->servers_unknown, 2);
    const size_t asked = asked_in_all(world);
    assert_int_equal(took_us(world, "www.broken.example", WIRE_A), 0);
    assert_int_equal(took_us(world, "www.empty.example", WIRE_A), 0);
    assert_int_equal(asked_in_all(world), asked);
    world_destroy(world);
}

/* 200 questions at once and 100 a second: then zones are let through, counted. */
static void the_budget_bounds_what_is_asked(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    const size_t served = world->served_count;
    const uint64_t began = world->now.mono_us;
    char name[64], record[128];

    (void)state;
    world->servers[0].delay_us = 1;
    for (unsigned i = 0; i < 400; i++) {
        world->served_count = served;
        snprintf(name, sizeof(name), "www.z%u.example", i);
        snprintf(record, sizeof(record), "%s. 300 IN A 192.0.2.20\n", name);
        world_serve(world, name, WIRE_A, record);
        snprintf(record, sizeof(record), "z%u.example. 300 IN NS ns.evil.test.\n", i);
        world_serve(world, name + 4, WIRE_NS, record);
        world_ask(world, name, WIRE_A);
    }
    const uint64_t most =
        QUERY_LESSONS_BURST + QUERY_LESSONS_PER_S * (world->now.mono_us - began) / SECONDS(1);
    assert_true(most < 300);
    assert_true(counters(world)->lessons >= QUERY_LESSONS_BURST);
    assert_true(counters(world)->lessons <= most);
    assert_int_equal(counters(world)->lessons + counters(world)->lessons_refused, 400);
    assert_int_equal(counters(world)->servers_unknown, counters(world)->lessons_refused);
    assert_int_equal(counters(world)->blocked, counters(world)->lessons);
    world_destroy(world);
}

/* Questions about name servers leave the places to those of clients. */
static void few_are_asked_at_the_same_time(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_LOG);
    char name[64], record[128];

    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "www.z%u.silent", i);
        snprintf(record, sizeof(record),
                 "www.z%u.example. 300 IN CNAME www.z%u.silent.\n"
                 "www.z%u.silent. 300 IN A 192.0.2.1\n",
                 i, i, i);
        snprintf(name, sizeof(name), "www.z%u.example", i);
        world_serve(world, name, WIRE_A, record);
        world_ask(world, name, WIRE_A);
    }
    assert_true(counters(world)->lessons <= WORLD_REPLIES / QUERY_LESSONS_PART + 30);
    assert_true(counters(world)->lessons_refused > 0);
    world_destroy(world);
}

/* Events are worth a bounded place, apart from that of questions. */
static void events_that_wait_are_bounded(void **state)
{
    struct world *world = world_create_with(1, 8);
    char record[128];

    (void)state;
    world->servers[0].manners = SERVER_SILENT_ON_SOME;
    world_adopt(world, {.id = "l", .rules = BY_NAME, .mode = POLICY_MODE_LOG});
    serve_shop(world);
    world_serve(world, "slow.example", WIRE_A, "slow.example. 300 IN A 192.0.2.1\n");
    world_ask(world, "slow.example", WIRE_A);
    world_pass(world, SECONDS(1));
    assert_int_equal(counters(world)->servers_unknown, 0);
    for (unsigned i = 0; i < 20; i++) {
        char name[64];

        snprintf(name, sizeof(name), "n%u.slow.example", i);
        snprintf(record, sizeof(record),
                 "%s. 300 IN CNAME e.cdn.silent.\n"
                 "e.cdn.silent. 300 IN A 192.0.2.1\n",
                 name);
        world_serve(world, name, WIRE_A, record);
        assert_int_equal(world_ask(world, name, WIRE_A)->sent, 1);
        assert_int_equal(query_engine_in_use(world->engine), 0);
    }
    /* Eight wait; the others are counted at once. */
    assert_int_equal(counters(world)->servers_unknown, 12);
    world_pass(world, SECONDS(10));
    assert_int_equal(counters(world)->servers_unknown, 20);
    world_destroy(world);
}

/* Who waits for name servers has a place like all who wait: one client cannot have them all. */
static void a_client_waits_in_its_share_of_the_places(void **state)
{
    struct world *world = world_create_with(1, 64);
    struct world_reply *replies[48];
    unsigned waiting = 0;

    (void)state;
    world->servers[0].manners = SERVER_SILENT_ON_SOME;
    serve_shop(world);
    world_ask(world, "www.slow.example", WIRE_A); /* without a rule: its answer is known */
    world_adopt(world, {.id = "l", .rules = BY_NAME});
    for (unsigned i = 0; i < 48; i++) {
        replies[i] = world_send(world, "www.slow.example", WIRE_A, (struct world_manner){0});
        waiting += replies[i]->in_use ? 1 : 0;
    }
    assert_int_equal(waiting, 64 / QUERY_FREE_PART);
    struct world_reply *other = world_send(world, "www.slow.example", WIRE_A,
                                           (struct world_manner){.from = "127.0.0.9"});
    assert_true(other->in_use);
    assert_int_equal(counters(world)->share_refused, 0); /* they have an answer */
    assert_int_equal(counters(world)->servers_unknown, 48 - waiting);
    world_pass(world, SECONDS(1));
    assert_int_equal(other->sent, 1);
    for (unsigned i = 0; i < 48; i++) {
        assert_int_equal(replies[i]->sent, 1);
    }
    world_destroy(world);
}

static void a_reload_decides_anew_who_waits(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    struct world_reply *reply =
        world_send(world, "www.shop.example", WIRE_A, (struct world_manner){0});

    (void)state;
    world_pass(world, MILLISECONDS(12));
    assert_int_equal(reply->sent, 0);
    /* The same rule: it waits on for the same question. */
    world_adopt(world, {.id = "l", .rules = BY_NAME, .serial = 8});
    assert_int_equal(reply->sent, 0);
    world_pass(world, MILLISECONDS(10));
    assert_string_equal(world_words(reply),
                        "NOERROR rd ra | www.shop.example 10 A 0.0.0.0 | EDE 4 prov-l l 8");
    assert_int_equal(world_asked(world, "shop.example"), 1);
    /* None any more: answered at once, and what was asked is forgotten. */
    reply = world_send(world, "www.fine.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(12));
    assert_int_equal(reply->sent, 0);
    world_adopt(world, {.id = "l", .rules = "block suffix other.example"});
    assert_int_equal(reply->sent, 1);
    assert_int_equal(world->packet_count, 0);
    world_events(world);
    /* Blocked by its name now. */
    world_adopt(world, {.id = "l", .rules = BY_NAME});
    reply = world_send(world, "www.slow.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(50));
    assert_int_equal(reply->sent, 0);
    world_adopt(world, {.id = "l", .rules = "block suffix slow.example"});
    assert_string_equal(world_records(reply), "www.slow.example 10 A 0.0.0.0");
    assert_int_equal(counters(world)->steps_exceeded, 0);
    world_destroy(world);
}

/* However often it comes: the time to wait is that of the question. */
static void a_reload_gives_no_more_time(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    struct world_reply *reply =
        world_send(world, "www.slow.example", WIRE_A, (struct world_manner){0});
    const uint64_t began = world->now.mono_us;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        world_pass(world, MILLISECONDS(100));
        world_adopt(world, {.id = "l", .rules = BY_NAME});
    }
    assert_int_equal(reply->sent, 1);
    assert_true(reply->sent_us - began <= MILLISECONDS(10 + WAIT_MS));
    world_destroy(world);
}

/* What was sent was decided by the policy before: another one has no event about it. */
static void a_reload_drops_events_that_wait(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_LOG);

    (void)state;
    world_ask(world, "www.shop.example", WIRE_A);
    world_adopt(world, {.id = "l", .rules = BY_NAME, .mode = POLICY_MODE_LOG});
    world_pass(world, SECONDS(1));
    assert_string_equal(world_events(world), "");
    assert_int_equal(counters(world)->servers_unknown, 1);
    world_destroy(world);
}

static void a_client_that_leaves_leaves_nothing_behind(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    struct world_reply *reply =
        world_send(world, "www.shop.example", WIRE_A, (struct world_manner){.tcp = true});

    (void)state;
    world_pass(world, MILLISECONDS(15));
    assert_int_equal(reply->sent, 0);
    query_abandon(world->engine, reply->q);
    reply->in_use = false;
    assert_int_equal(query_engine_in_use(world->engine), 0);
    world_pass(world, MILLISECONDS(10));
    /* What it had asked for is there for the next. */
    assert_int_equal(took_us(world, "www.shop.example", WIRE_A), 0);
    assert_int_equal(world_asked(world, "shop.example"), 1);
    world_destroy(world);
}

static void views_that_share_an_answer_decide_apart(void **state)
{
    const struct world_list list = {.id = "l", .rules = BY_NAME};
    const struct world_view views[] = {
        {.name = "default", .name_servers = "off"},
        {.name = "strict", .clients = "127.0.2.0/24"},
        {.name = "seen", .clients = "127.0.3.0/24", .name_servers = "log"}};
    struct world *world = make_world("", POLICY_MODE_ENFORCE);

    (void)state;
    world_adopt_views(world, 1, &list, 3, views);
    struct world_reply *open =
        world_send(world, "www.shop.example", WIRE_A, (struct world_manner){0});
    struct world_reply *strict = world_send(world, "www.shop.example", WIRE_A,
                                            (struct world_manner){.from = "127.0.2.1"});
    struct world_reply *seen = world_send(world, "www.shop.example", WIRE_A,
                                          (struct world_manner){.from = "127.0.3.1"});
    world_pass(world, MILLISECONDS(10));
    assert_int_equal(open->sent, 1);
    assert_int_equal(strict->sent, 0);
    assert_int_equal(seen->sent, 1);
    world_pass(world, MILLISECONDS(10));
    assert_string_equal(world_records(open), "www.shop.example 300 A 192.0.2.10");
    assert_string_equal(world_records(strict), "www.shop.example 10 A 0.0.0.0");
    assert_string_equal(world_records(seen), "www.shop.example 300 A 192.0.2.10");
    const char *events = world_events(world);
    assert_non_null(
        strstr(events, "strict applied enforce sinkhole nameserver ns7.dns.evil.test"));
    assert_non_null(strstr(events, "seen logged"));
    assert_int_equal(world->event_count, 2);
    assert_int_equal(asked_in_all(world), 2);
    world_destroy(world);
}

/* Nothing is asked about what is decided already. */
static void no_packet_about_what_is_decided(void **state)
{
    struct world *world = make_world("", POLICY_MODE_ENFORCE);
    struct policy_exception exception = {.view = POLICY_ANY_VIEW, .chain = true};
    const struct policy_changes changes = {.exceptions = &exception, .exception_count = 1};

    (void)state;
    world_adopt(world, {.id = "l",
                        .rules = BY_NAME
                        "block suffix bad.example\n"
                        "block exact apex.example\npass suffix free.example ends=chain\n"
                        "block prefix 192.0.2.77/32\n"});
    world_ask(world, "www.bad.example", WIRE_A);
    assert_int_equal(asked_in_all(world), 0);
    world_serve(world, "www.hit.example", WIRE_A, "www.hit.example. 300 IN A 192.0.2.77\n");
    world_ask(world, "www.hit.example", WIRE_A);
    assert_int_equal(asked_in_all(world), 1);
    world_ask_with(world, "www.fine.example", WIRE_A,
                   (struct world_manner){.no_recursion = true});
    world_ask(world, "www.fine.example", WIRE_ANY);
    world_ask(world, "localhost", WIRE_A);
    assert_int_equal(asked_in_all(world), 1);
    /* A pass that ends the chain has let it through. */
    world_serve(world, "www.free.example", WIRE_A, "www.free.example. 300 IN A 192.0.2.6\n");
    world_serve(world, "free.example", WIRE_NS, "free.example. 300 IN NS ns.evil.test.\n");
    assert_string_equal(world_records(world_ask(world, "www.free.example", WIRE_A)),
                        "www.free.example 300 A 192.0.2.6");
    assert_int_equal(world_asked(world, "free.example"), 0);
    assert_int_equal(asked_in_all(world), 2);
    /* The zone's own name is blocked: not even its name servers are asked for. */
    world_serve(world, "www.apex.example", WIRE_A, "www.apex.example. 300 IN A 192.0.2.5\n");
    assert_string_equal(world_records(world_ask(world, "www.apex.example", WIRE_A)),
                        "www.apex.example 300 A 192.0.2.5");
    assert_int_equal(asked_in_all(world), 3);
    assert_int_equal(world_asked(world, "apex.example"), 0);
    assert_int_equal(counters(world)->servers_unknown, 1);
    /* In the cache, but without RD nothing is learned. */
    world_ask_with(world, "www.apex.example", WIRE_A,
                   (struct world_manner){.no_recursion = true});
    /* An exception with chain scope has let it through. */
    invariant(wire_name_from_text("shop.example", 12, &exception.name) == WIRE_TEXT_OK);
    snprintf(exception.ticket, sizeof(exception.ticket), "T-1");
    world_change(world, &changes);
    assert_string_equal(world_records(world_ask(world, "www.shop.example", WIRE_A)),
                        "www.shop.example 300 A 192.0.2.10");
    assert_int_equal(world_asked(world, "shop.example"), 0);
    world_destroy(world);
}

/* A zone with a TTL of 0 is asked for once in a while, not with each question. */
static void a_ttl_of_zero_does_not_double_the_questions(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    world_serve(world, "www.zero.example", WIRE_A, "www.zero.example. 300 IN A 192.0.2.9\n");
    world_serve(world, "zero.example", WIRE_NS, "zero.example. 0 IN NS ns.evil.test.\n");
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(world_records(world_ask(world, "www.zero.example", WIRE_A)),
                            "www.zero.example 10 A 0.0.0.0");
    }
    assert_int_equal(world_asked(world, "zero.example"), 1);
    /* A client that asks for them itself is told nothing old. */
    world_ask(world, "zero.example", WIRE_NS);
    world_pass(world, SECONDS(QUERY_LEARNED_TTL_MIN_S));
    assert_string_equal(world_records(world_ask(world, "www.zero.example", WIRE_A)),
                        "www.zero.example 10 A 0.0.0.0");
    assert_int_equal(world_asked(world, "zero.example"), 3);
    world_destroy(world);
}

/* What an answer shows of its zone is believed. */
static void an_answer_that_shows_its_zone(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    world_serve(world, "www.deep.shop.example", WIRE_AAAA,
                "--\ndeep.shop.example. 300 IN SOA a.test. b.test. 1 2 3 4 60\n");
    world_serve(world, "deep.shop.example", WIRE_NS,
                "deep.shop.example. 300 IN NS ns1.good.test.\n");
    assert_string_equal(world_records(world_ask(world, "www.deep.shop.example", WIRE_AAAA)),
                        "~deep.shop.example 60 SOA minimum 60");
    assert_int_equal(world_asked(world, "deep.shop.example"), 1);
    assert_int_equal(world_asked(world, "shop.example"), 0);
    /* A registrable domain that is no zone of its own: it is in the one above. */
    world_serve(world, "www.flat.example", WIRE_A, "www.flat.example. 300 IN A 192.0.2.9\n");
    world_serve(world, "flat.example", WIRE_NS,
                "--\nexample. 300 IN SOA a.test. b.test. 1 2 3 4 60\n");
    world_serve(world, "example", WIRE_NS, "example. 300 IN NS ns.evil.test.\n");
    assert_string_equal(world_records(world_ask(world, "www.flat.example", WIRE_A)),
                        "www.flat.example 10 A 0.0.0.0");
    world_destroy(world);
}

/* DS belongs to the zone above; NS of the zone is the answer itself. */
static void questions_about_the_zone_itself(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    world_serve(world, "shop.co.uk", WIRE_DS,
                "shop.co.uk. 300 IN DS 1 8 2 "
                "0000000000000000000000000000000000000000000000000000000000000000\n");
    world_serve(world, "co.uk", WIRE_NS, "co.uk. 300 IN NS ns1.good.test.\n");
    assert_int_equal(world_ask(world, "shop.co.uk", WIRE_DS)->sent, 1);
    assert_int_equal(world_asked(world, "co.uk"), 1);
    assert_string_equal(world_records(world_ask(world, "shop.example", WIRE_NS)),
                        "~shop.example 10 SOA minimum 10");
    assert_int_equal(world_asked(world, "shop.example"), 1);
    assert_string_equal(world_records(world_ask(world, "fine.example", WIRE_NS)),
                        "fine.example 300 NS ns1.good.test");
    assert_int_equal(world_asked(world, "fine.example"), 1);
    world_destroy(world);
}

static void each_zone_of_a_chain_counts(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    world_serve(world, "www.fine.example", WIRE_A,
                "www.fine.example. 300 IN CNAME x.shop.example.\n"
                "x.shop.example. 300 IN A 192.0.2.2\n");
    assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_A)),
                        "www.fine.example 10 A 0.0.0.0");
    assert_string_equal(world_events(world),
                        "applied enforce sinkhole nameserver1 ns7.dns.evil.test");
    assert_int_equal(asked_in_all(world), 3);
    /* Asked for the alias alone, its target's zone has not answered. */
    world_serve(world, "www.fine.example", WIRE_CNAME,
                "www.fine.example. 300 IN CNAME x.shop.example.\n");
    assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_CNAME)),
                        "www.fine.example 300 CNAME x.shop.example");
    world_destroy(world);
}

/* One question is worth twelve about name servers, whatever their owners say. */
static void one_question_is_worth_twelve_about_servers(void **state)
{
    struct world *world = make_world(BY_ADDRESS, POLICY_MODE_ENFORCE);
    char records[2048] = "";
    size_t used = 0;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        used += (size_t)snprintf(records + used, sizeof(records) - used,
                                 "n.z%u.example. 300 IN CNAME n.z%u.example.\n", i, i + 1);
    }
    snprintf(records + used, sizeof(records) - used, "n.z6.example. 300 IN A 192.0.2.1\n");
    world_serve(world, "n.z0.example", WIRE_A, records);
    for (unsigned i = 0; i < 7; i++) {
        char zone[32];

        used = 0;
        snprintf(zone, sizeof(zone), "z%u.example", i);
        for (unsigned j = 0; j < 20; j++) {
            used += (size_t)snprintf(records + used, sizeof(records) - used,
                                     "%s. 300 IN NS s%u.victim%u.example.\n", zone, j, i);
        }
        world_serve(world, zone, WIRE_NS, records);
    }
    assert_int_equal(world_ask(world, "n.z0.example", WIRE_A)->sent, 1);
    assert_int_equal(counters(world)->lessons, QUERY_LESSONS_PER_QUERY_MAX);
    assert_int_equal(counters(world)->servers_unknown, 1);
    world_destroy(world);
}

/* A zone that has more is judged by the first of them. */
static void sixteen_servers_of_a_zone_are_judged(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    char records[2048];

    (void)state;
    for (unsigned count = QUERY_HOSTS_MAX; count <= QUERY_HOSTS_MAX + 1; count++) {
        size_t used = 0;

        for (unsigned j = 0; j < count; j++) {
            used += (size_t)snprintf(records + used, sizeof(records) - used,
                                     "fine.example. 60 IN NS s%u.%s.test.\n", j,
                                     j + 1 < count ? "good" : "evil");
        }
        world_serve(world, "fine.example", WIRE_NS, records);
        assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_A)),
                            count == QUERY_HOSTS_MAX ? "www.fine.example 10 A 0.0.0.0"
                                                     : "www.fine.example 300 A 192.0.2.20");
        world_pass(world, SECONDS(301));
    }
    world_destroy(world);
}

/* However many servers there are, and however silent. */
static void a_question_about_servers_is_worth_four_packets(void **state)
{
    struct world *world = world_create_with(4, 64);
    uint64_t packets;

    (void)state;
    serve_shop(world);
    for (unsigned i = 0; i < 4; i++) {
        world->servers[i].manners = SERVER_SILENT_ON_SOME;
    }
    world_adopt(world, {.id = "l", .rules = BY_NAME});
    assert_int_equal(world_ask(world, "www.slow.example", WIRE_A)->sent, 1);
    world_pass(world, SECONDS(5));
    packets = world_asked(world, "cdn.silent");
    assert_true(packets == QUERY_LESSON_PACKETS_MAX);
    world_destroy(world);
}

/* At most eight for the addresses of a zone's servers. */
static void a_zone_is_worth_eight_questions_about_addresses(void **state)
{
    struct world *world = make_world(BY_ADDRESS, POLICY_MODE_ENFORCE);
    char records[2048] = "";
    size_t used = 0;

    (void)state;
    for (unsigned j = 0; j < 20; j++) {
        used += (size_t)snprintf(records + used, sizeof(records) - used,
                                 "fine.example. 300 IN NS s%u.victim.example.\n", j);
    }
    world_serve(world, "fine.example", WIRE_NS, records);
    assert_int_equal(world_ask(world, "www.fine.example", WIRE_A)->sent, 1);
    assert_int_equal(counters(world)->lessons, 1 + 2 * QUERY_HOST_ADDRESSES_OF);
    world_destroy(world);
}

/* An answer that may not be kept is asked for again: late, but right. */
static void an_answer_that_may_not_be_kept(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    world_serve(world, "now.fine.example", WIRE_A, "now.fine.example. 0 IN A 192.0.2.3\n");
    world_serve(world, "now.shop.example", WIRE_A, "now.shop.example. 0 IN A 192.0.2.3\n");
    assert_string_equal(world_records(world_ask(world, "now.fine.example", WIRE_A)),
                        "now.fine.example 0 A 192.0.2.3");
    assert_string_equal(world_records(world_ask(world, "now.shop.example", WIRE_A)),
                        "now.shop.example 10 A 0.0.0.0");
    world_destroy(world);
}

/* A client that asks for signatures: neither DO nor CD is in the question about servers. */
static void the_question_about_servers_is_plain(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    const struct world_manner manner = {.dnssec_ok = true, .checking_disabled = true};

    (void)state;
    world_ask_with(world, "www.shop.example", WIRE_A, manner);
    assert_int_equal(asked_in_all(world), 2);
    assert_false(world->servers[0].last_do);
    assert_int_equal(world->servers[0].last_flags & WIRE_FLAG_CD, 0);
    world_destroy(world);
}

/* A zone with upstreams of its own is asked for there, or not at all if it is exempt. */
static void zones_with_upstreams_of_their_own(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);
    struct query_zone zone = {.context = 7, .exempt = true};

    (void)state;
    invariant(wire_name_from_text("shop.example", 12, &zone.name) == WIRE_TEXT_OK);
    world->settings.zones = &zone;
    world->settings.zone_count = 1;
    world->upstream_settings.groups[0] = (struct upstream_group){.context = 7, .servers = 1};
    world->upstream_settings.group_count = 1;
    upstream_configure(world->upstream, &world->upstream_settings);
    world_adopt(world, {.id = "l", .rules = BY_NAME});
    assert_string_equal(world_records(world_ask(world, "www.shop.example", WIRE_A)),
                        "www.shop.example 300 A 192.0.2.10");
    assert_int_equal(world_asked(world, "shop.example"), 0);
    zone.exempt = false;
    world_adopt(world, {.id = "l", .rules = BY_NAME});
    assert_string_equal(world_records(world_ask(world, "www.shop.example", WIRE_A)),
                        "www.shop.example 10 A 0.0.0.0");
    assert_int_equal(world_asked(world, "shop.example"), 1);
    /* Nor is a server asked for whose own zone policy has no say about. */
    invariant(wire_name_from_text("good.test", 9, &zone.name) == WIRE_TEXT_OK);
    zone.exempt = true;
    world_adopt(world, {.id = "l", .rules = BY_ADDRESS});
    assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_A)),
                        "www.fine.example 300 A 192.0.2.20");
    assert_int_equal(world_asked(world, "fine.example"), 1);
    assert_int_equal(world_asked(world, "ns1.good.test"), 0);
    world_destroy(world);
}

/* A pass of a server that ends the chain stands where its zone stands in the chain, whatever is
 * known already: what comes before it may block, what comes after is not asked for. */
static void a_pass_that_ends_the_chain_has_its_place(void **state)
{
    struct world *world =
        make_world(BY_NAME BY_ADDRESS "pass suffix fair.test trigger=nameserver ends=chain\n",
                   POLICY_MODE_ENFORCE);

    (void)state;
    world_serve(world, "www.fair.example", WIRE_A, "www.fair.example. 300 IN A 192.0.2.2\n");
    world_serve(world, "fair.example", WIRE_NS, "fair.example. 300 IN NS ns.fair.test.\n");
    world_serve(world, "to.late.example", WIRE_A,
                "to.late.example. 300 IN CNAME x.fair.example.\n"
                "x.fair.example. 300 IN A 192.0.2.2\n");
    world_serve(world, "late.example", WIRE_NS, "late.example. 300 IN NS ns.evil.test.\n");
    world_serve(world, "to.fair.example", WIRE_A,
                "to.fair.example. 300 IN CNAME x.last.example.\n"
                "x.last.example. 300 IN A 192.0.2.2\n");
    assert_string_equal(world_records(world_ask(world, "www.fair.example", WIRE_A)),
                        "www.fair.example 300 A 192.0.2.2");
    assert_int_equal(asked_in_all(world), 2); /* addresses come after the names */
    assert_string_equal(world_records(world_ask(world, "to.late.example", WIRE_A)),
                        "to.late.example 10 A 0.0.0.0");
    assert_string_equal(world_events(world),
                        "applied enforce sinkhole nameserver ns.evil.test");
    assert_string_equal(world_records(world_ask(world, "to.fair.example", WIRE_A)),
                        "to.fair.example 300 CNAME x.last.example | "
                        "x.last.example 300 A 192.0.2.2");
    assert_int_equal(world_asked(world, "last.example"), 0);
    assert_int_equal(counters(world)->servers_unknown, 0);
    world_destroy(world);
}

/* By the name of a server, before its address is looked at: no rule needs to block a name. */
static void a_pass_that_ends_the_chain_comes_before_addresses(void **state)
{
    struct world *world = make_world("", POLICY_MODE_ENFORCE);

    (void)state;
    world_adopt(world,
                {.id = "l",
                 .rules = BY_ADDRESS "pass suffix good.test trigger=nameserver ends=chain\n"});
    assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_A)),
                        "www.fine.example 300 A 192.0.2.20");
    assert_int_equal(asked_in_all(world), 2);
    world_adopt(world,
                {.id = "l", .rules = BY_ADDRESS "pass suffix good.test trigger=nameserver\n"});
    assert_string_equal(world_records(world_ask(world, "www.fine.example", WIRE_A)),
                        "www.fine.example 10 A 0.0.0.0");
    /* Alone it has nothing to let through. */
    world_adopt(world,
                {.id = "l", .rules = "pass suffix good.test trigger=nameserver ends=chain\n"});
    world_ask(world, "www.shop.example", WIRE_A);
    assert_int_equal(world_asked(world, "shop.example"), 0);
    world_destroy(world);
}

/* What was found in an answer that is asked for again belongs to that answer. */
static void an_answer_that_changes_while_it_waits(void **state)
{
    struct world *world = make_world("", POLICY_MODE_ENFORCE);
    const size_t served = world->served_count;

    (void)state;
    world_adopt(world, {.id = "l", .rules = BY_NAME},
                {.id = "m", .rules = "block suffix track.test\n", .mode = POLICY_MODE_LOG});
    world_serve(world, "turn.fine.example", WIRE_A,
                "turn.fine.example. 0 IN CNAME a.track.test.\n"
                "a.track.test. 0 IN A 192.0.2.2\n");
    world_serve(world, "track.test", WIRE_NS, "track.test. 300 IN NS ns1.good.test.\n");
    struct world_reply *reply =
        world_send(world, "turn.fine.example", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(12));
    assert_int_equal(reply->sent, 0);
    world->served_count = served;
    world_serve(world, "track.test", WIRE_NS, "track.test. 300 IN NS ns1.good.test.\n");
    world_serve(world, "turn.fine.example", WIRE_A, "turn.fine.example. 0 IN A 192.0.2.3\n");
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(reply), "turn.fine.example 0 A 192.0.2.3");
    assert_string_equal(world_events(world), "");
    world_destroy(world);
}

/* Whether they were for its answer or, after that, for an event. */
static void one_question_is_worth_twelve_in_both_modes(void **state)
{
    struct world *world = make_world("", POLICY_MODE_ENFORCE);
    char zone[32], records[2048] = "";
    size_t used = 0;

    (void)state;
    world_adopt(world, {.id = "l", .rules = BY_NAME},
                {.id = "m", .rules = BY_ADDRESS, .mode = POLICY_MODE_LOG});
    for (unsigned i = 0; i < 6; i++) {
        used += (size_t)snprintf(records + used, sizeof(records) - used,
                                 "n.z%u.example. 300 IN CNAME n.z%u.example.\n", i, i + 1);
    }
    snprintf(records + used, sizeof(records) - used, "n.z6.example. 300 IN A 192.0.2.1\n");
    world_serve(world, "n.z0.example", WIRE_A, records);
    for (unsigned i = 0; i < 7; i++) {
        snprintf(zone, sizeof(zone), "z%u.example", i);
        snprintf(records, sizeof(records),
                 "%s. 300 IN NS a.victim%u.example.\n%s. 300 IN NS b.victim%u.example.\n", zone,
                 i, zone, i);
        world_serve(world, zone, WIRE_NS, records);
    }
    assert_int_equal(world_ask(world, "n.z0.example", WIRE_A)->sent, 1);
    world_pass(world, SECONDS(5));
    assert_int_equal(counters(world)->lessons, QUERY_LESSONS_PER_QUERY_MAX);
    world_destroy(world);
}

/* A name that is an alias is no zone: the servers of what it leads to are not its own. */
static void an_alias_has_no_name_servers(void **state)
{
    struct world *world = make_world(BY_NAME, POLICY_MODE_ENFORCE);

    (void)state;
    world_serve(world, "api.app.example", WIRE_A, "api.app.example. 300 IN A 192.0.2.2\n");
    world_serve(world, "app.example", WIRE_NS,
                "app.example. 300 IN CNAME shop.example.\n"
                "shop.example. 300 IN NS ns7.dns.evil.test.\n");
    assert_string_equal(world_records(world_ask(world, "api.app.example", WIRE_A)),
                        "api.app.example 300 A 192.0.2.2");
    assert_int_equal(counters(world)->servers_unknown, 1);
    world_destroy(world);
}

/* An operator's zone of one label, as houses have them, is one zone; one of a registry is not.
 */
static void a_zone_of_the_operator_is_asked_about_once(void **state)
{
    struct world *world = make_world("", POLICY_MODE_ENFORCE);
    struct query_zone zone = {.context = 7};
    char name[64], record[128];

    (void)state;
    world->settings.zones = &zone;
    world->settings.zone_count = 1;
    world->upstream_settings.groups[0] = (struct upstream_group){.context = 7, .servers = 1};
    world->upstream_settings.group_count = 1;
    upstream_configure(world->upstream, &world->upstream_settings);
    for (unsigned round = 0; round < 2; round++) {
        const char *top = round == 0 ? "lan" : "com";

        invariant(wire_name_from_text(top, 3, &zone.name) == WIRE_TEXT_OK);
        world_adopt(world, {.id = "l", .rules = BY_NAME});
        snprintf(record, sizeof(record), "%s. 300 IN NS ns.evil.test.\n", top);
        world_serve(world, top, WIRE_NS, record);
        for (unsigned i = 0; i < 3; i++) {
            snprintf(name, sizeof(name), "a.host%u.%s", i, top);
            snprintf(record, sizeof(record), "%s. 300 IN A 192.0.2.2\n", name);
            world_serve(world, name, WIRE_A, record);
            snprintf(record, sizeof(record), "%s. 300 IN NS ns1.good.test.\n", name + 2);
            world_serve(world, name + 2, WIRE_NS, record);
            snprintf(record, sizeof(record),
                     round == 0 ? "%s 10 A 0.0.0.0" : "%s 300 A 192.0.2.2", name);
            assert_string_equal(world_records(world_ask(world, name, WIRE_A)), record);
            assert_int_equal(world_asked(world, name + 2), round);
        }
        assert_int_equal(world_asked(world, top), 1 - round);
    }
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_by_the_name_of_a_server),
        cmocka_unit_test(blocks_by_the_address_of_a_server),
        cmocka_unit_test(nothing_is_asked_without_such_a_rule),
        cmocka_unit_test(one_question_for_a_zone_and_its_ttl),
        cmocka_unit_test(those_who_come_at_once_share_the_question),
        cmocka_unit_test(a_rule_that_records_costs_no_time),
        cmocka_unit_test(the_view_makes_rules_record),
        cmocka_unit_test(waits_no_longer_than_the_bound),
        cmocka_unit_test(who_may_not_wait_still_learns),
        cmocka_unit_test(what_cannot_be_known_is_let_through),
        cmocka_unit_test(the_budget_bounds_what_is_asked),
        cmocka_unit_test(few_are_asked_at_the_same_time),
        cmocka_unit_test(events_that_wait_are_bounded),
        cmocka_unit_test(a_client_waits_in_its_share_of_the_places),
        cmocka_unit_test(a_reload_decides_anew_who_waits),
        cmocka_unit_test(a_reload_gives_no_more_time),
        cmocka_unit_test(a_reload_drops_events_that_wait),
        cmocka_unit_test(a_client_that_leaves_leaves_nothing_behind),
        cmocka_unit_test(views_that_share_an_answer_decide_apart),
        cmocka_unit_test(no_packet_about_what_is_decided),
        cmocka_unit_test(a_ttl_of_zero_does_not_double_the_questions),
        cmocka_unit_test(an_answer_that_shows_its_zone),
        cmocka_unit_test(questions_about_the_zone_itself),
        cmocka_unit_test(each_zone_of_a_chain_counts),
        cmocka_unit_test(one_question_is_worth_twelve_about_servers),
        cmocka_unit_test(sixteen_servers_of_a_zone_are_judged),
        cmocka_unit_test(a_question_about_servers_is_worth_four_packets),
        cmocka_unit_test(a_zone_is_worth_eight_questions_about_addresses),
        cmocka_unit_test(an_answer_that_may_not_be_kept),
        cmocka_unit_test(the_question_about_servers_is_plain),
        cmocka_unit_test(zones_with_upstreams_of_their_own),
        cmocka_unit_test(a_pass_that_ends_the_chain_has_its_place),
        cmocka_unit_test(a_pass_that_ends_the_chain_comes_before_addresses),
        cmocka_unit_test(an_answer_that_changes_while_it_waits),
        cmocka_unit_test(one_question_is_worth_twelve_in_both_modes),
        cmocka_unit_test(an_alias_has_no_name_servers),
        cmocka_unit_test(a_zone_of_the_operator_is_asked_about_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
