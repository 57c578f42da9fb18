/*
 * Views: who gets what by network and listener; joins, cache and reloads across them; and what
 * `default: deny` keeps from everybody. Last, questions by chance in three views at once must
 * be answered as by three resolvers that have one view each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "local/names.h"
#include "scenarios/dense_zone.h"
#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define NAME         "www.shop.example"
#define EDGE         "edge.cloud.example"

/* Clients of the views below. */
#define KID  "127.0.1.9"
#define TILL "127.0.2.9"

static const struct world_list lists[] = {
    {.id = "cloud", .rules = "block suffix cloud.example\npass exact ok.cloud.example"},
    {.id = "ads", .rules = "block suffix ads.example", .legal = "Law 1"},
};

static const struct world_view views[] = {
    {.name = "default", .use = "ads"},
    {.name = "kids",
     .clients = "127.0.1.0/24",
     .use = "cloud ads=nxdomain",
     .sinkhole = "192.0.2.250"},
    {.name = "tills",
     .clients = "127.0.2.0/24",
     .use = "cloud",
     .deny = true,
     .allow = "shop.example pay.example",
     .action = POLICY_ACTION_NXDOMAIN},
    {.name = "port", .listen = "127.0.0.53@5354", .use = "cloud=log"},
};

static struct world *make_world(void)
{
    struct world *world = world_create();

    world_adopt_views(world, ITEMS(lists), lists, ITEMS(views), views);
    world_serve(world, NAME, WIRE_A,
                NAME ". 300 IN CNAME " EDGE ".\n" EDGE ". 300 IN A 192.0.2.1\n");
    world_serve(world, EDGE, WIRE_A, EDGE ". 300 IN A 192.0.2.1\n");
    world_serve(world, "plain.shop.example", WIRE_A,
                "plain.shop.example. 300 IN CNAME cdn.example.net.\n"
                "cdn.example.net. 300 IN A 192.0.2.2\n");
    world_serve(world, "cdn.example.net", WIRE_A, "cdn.example.net. 300 IN A 192.0.2.2\n");
    world_serve(world, "ads.example", WIRE_A, "ads.example. 300 IN A 192.0.2.3\n");
    world_serve(world, "ok.cloud.example", WIRE_A, "ok.cloud.example. 300 IN A 192.0.2.4\n");
    world->servers[0].delay_us = MILLISECONDS(300);
    return world;
}

static struct world_reply *send_from(struct world *world, const char *from, const char *name)
{
    return world_send(world, name, WIRE_A, (struct world_manner){.from = from});
}

static const char *ask_from(struct world *world, const char *from, const char *name)
{
    return world_words(
        world_ask_with(world, name, WIRE_A, (struct world_manner){.from = from}));
}

#define EDGE_RECORDS NAME " 300 CNAME " EDGE " | " EDGE " 300 A 192.0.2.1"

static void each_client_gets_what_its_view_says(void **state)
{
    static const struct {
        const char *from, *local, *name, *words, *events;
    } cases[] = {
        {NULL, NULL, EDGE, "NOERROR rd ra | " EDGE " 300 A 192.0.2.1", ""},
        {KID, NULL, EDGE,
         "NOERROR rd ra | " EDGE " 10 A 192.0.2.250 | EDE 4 prov-cloud cloud 7",
         "kids applied enforce sinkhole qname " EDGE},
        {TILL, NULL, EDGE,
         "NXDOMAIN rd ra | ~cloud.example 10 SOA minimum 10 | EDE 15 prov-cloud cloud 7",
         "tills applied enforce nxdomain qname " EDGE},
        {NULL, "127.0.0.53@5354", EDGE, "NOERROR rd ra | " EDGE " 300 A 192.0.2.1",
         "port logged log sinkhole qname " EDGE},
        /* the prefix is longer than none, whatever the listener */
        {KID, "127.0.0.53@5354", EDGE,
         "NOERROR rd ra | " EDGE " 10 A 192.0.2.250 | EDE 4 prov-cloud cloud 7",
         "kids applied enforce sinkhole qname " EDGE},
        /* one list, two actions */
        {NULL, NULL, "ads.example",
         "NOERROR rd ra | ads.example 10 A 0.0.0.0 | EDE 4 prov-ads ads 7",
         "applied enforce sinkhole qname ads.example"},
        {KID, NULL, "ads.example",
         "NXDOMAIN rd ra | ~example 10 SOA minimum 10 | EDE 16 prov-ads ads 7",
         "kids applied enforce nxdomain qname ads.example"},
        /* a list that the view does not use */
        {NULL, "127.0.0.53@5354", "ads.example", "NOERROR rd ra | ads.example 300 A 192.0.2.3",
         ""},
        /* what a rule passes in each view that uses its list */
        {KID, NULL, "ok.cloud.example", "NOERROR rd ra | ok.cloud.example 300 A 192.0.2.4", ""},
        {TILL, NULL, "ok.cloud.example", "NOERROR rd ra | ok.cloud.example 300 A 192.0.2.4",
         ""},
    };

    (void)state;
    /* In either order, so that what one view has put into the cache is there for the next. */
    for (unsigned reverse = 0; reverse < 2; reverse++) {
        struct world *world = make_world();

        for (size_t i = 0; i < ITEMS(cases); i++) {
            const size_t n = reverse ? ITEMS(cases) - 1 - i : i;
            const struct world_manner manner = {.from = cases[n].from, .local = cases[n].local};

            world->now.mono_us += 1; /* TTLs are whole seconds: none passes */
            assert_string_equal(
                world_words(world_ask_with(world, cases[n].name, WIRE_A, manner)),
                cases[n].words);
            assert_string_equal(world_events(world), cases[n].events);
        }
        world_destroy(world);
    }
}

/* One packet serves two views; the hop is blocked in one of them. */
static void a_question_joined_from_two_views_is_answered_by_each(void **state)
{
    static const char *const orders[][3] = {
        {NULL, KID, TILL}, {KID, NULL, TILL}, {TILL, KID, NULL}, {KID, TILL, NULL}};

    (void)state;
    for (size_t i = 0; i < ITEMS(orders); i++) {
        struct world *world = make_world();
        struct world_reply *replies[3];

        for (size_t j = 0; j < 3; j++) {
            replies[j] = send_from(world, orders[i][j], NAME);
            world_pass(world, MILLISECONDS(10));
        }
        assert_int_equal(world->asked_count, 1);
        assert_int_equal(query_engine_counters(world->engine)->joined, 2);
        world_pass(world, SECONDS(1));
        for (size_t j = 0; j < 3; j++) {
            const char *words = world_words(replies[j]);
            const char *from = orders[i][j];

            assert_string_equal(
                words,
                from == NULL ? "NOERROR rd ra | " EDGE_RECORDS
                : strcmp(from, KID) == 0
                    ? "NOERROR rd ra | " NAME " 10 A 192.0.2.250 | EDE 4 prov-cloud cloud 7"
                    : "NXDOMAIN rd ra | ~shop.example 10 SOA minimum 10 | EDE 15 prov-cloud "
                      "cloud 7");
        }
        const char *events = world_events(world);
        assert_int_equal(world->event_count, 2);
        assert_non_null(strstr(events, "kids applied enforce sinkhole hop1 " EDGE));
        assert_non_null(strstr(events, "tills applied enforce nxdomain hop1 " EDGE));
        assert_int_equal(world->asked_count, 1);
        world_destroy(world);
    }
}

/* The name itself is blocked in one view: that one waits for nobody. */
static void whoever_is_blocked_by_name_does_not_join(void **state)
{
    struct world *world = make_world();

    (void)state;
    struct world_reply *open = send_from(world, NULL, EDGE);
    struct world_reply *kid = send_from(world, KID, EDGE);
    struct world_reply *till = send_from(world, TILL, "cdn.example.net");
    assert_string_equal(world_records(kid), EDGE " 10 A 192.0.2.250");
    assert_string_equal(world_words(till), "NXDOMAIN rd ra | ~example.net 10 SOA minimum 10 | "
                                           "EDE 15 default deny: no allowed name, view tills");
    assert_string_equal(world_words(open), "waiting");
    assert_int_equal(query_engine_counters(world->engine)->joined, 0);
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(open), EDGE " 300 A 192.0.2.1");
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

static void what_one_view_cached_is_blocked_in_another(void **state)
{
    struct world *world = make_world();

    (void)state;
    assert_string_equal(ask_from(world, NULL, NAME), "NOERROR rd ra | " EDGE_RECORDS);
    assert_string_equal(ask_from(world, NULL, "cdn.example.net"),
                        "NOERROR rd ra | cdn.example.net 300 A 192.0.2.2");
    const size_t packets = world->asked_count;
    assert_string_equal(world_events(world), "");
    ask_from(world, KID, NAME);
    assert_string_equal(world_events(world), "kids applied enforce sinkhole hop1 " EDGE);
    assert_true(world->last_event.cached);
    assert_int_equal(world->last_event.view, 1);
    /* default deny looks at the name alone, and so not into the cache */
    ask_from(world, TILL, "cdn.example.net");
    assert_string_equal(world_events(world),
                        "tills applied enforce nxdomain default cdn.example.net");
    assert_false(world->last_event.cached);
    /* and the first view still has it */
    assert_string_equal(ask_from(world, NULL, NAME), "NOERROR rd ra | " EDGE_RECORDS);
    assert_int_equal(world->asked_count, packets);
    world_destroy(world);
}

/* While one who waits may have the name, packets go on; then no longer. */
static void a_fetch_lives_as_long_as_one_view_may_have_it(void **state)
{
    struct world_view changed[ITEMS(views)];
    struct world *world = make_world();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    memcpy(changed, views, sizeof(views));
    changed[1].use = "";
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(changed), changed);
    struct world_reply *open = send_from(world, NULL, EDGE);
    struct world_reply *kid = send_from(world, KID, EDGE);
    assert_int_equal(query_engine_counters(world->engine)->joined, 1);
    world_pass(world, MILLISECONDS(100));
    const size_t first = world->asked_count;

    /* The kids' view blocks again: it is answered, and the other one goes on. */
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(views), views);
    assert_string_equal(world_records(kid), EDGE " 10 A 192.0.2.250");
    assert_string_equal(world_words(open), "waiting");
    world_pass(world, SECONDS(2));
    const size_t second = world->asked_count;
    assert_true(second > first);

    /* Now the first view blocks it, too: nothing more leaves. */
    changed[0].use = "cloud";
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(changed), changed);
    assert_string_equal(world_records(open), EDGE " 10 A 0.0.0.0");
    world_pass(world, SECONDS(20));
    assert_int_equal(world->asked_count, second);
    world_destroy(world);
}

/* A client may be in another view after a reload. */
static void a_reload_chooses_the_view_anew(void **state)
{
    struct world_view changed[ITEMS(views)];
    struct world *world = make_world();

    (void)state;
    memcpy(changed, views, sizeof(views));
    struct world_reply *reply = send_from(world, "127.0.9.9", EDGE);
    struct world_reply *hop = send_from(world, "127.0.9.9", NAME);
    world_pass(world, MILLISECONDS(100));
    assert_string_equal(world_words(reply), "waiting");
    changed[1].clients = "127.0.9.0/24";
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(changed), changed);
    assert_string_equal(world_records(reply), EDGE " 10 A 192.0.2.250");
    assert_string_equal(world_words(hop), "waiting");
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(hop), NAME " 10 A 192.0.2.250");
    assert_string_equal(world_events(world), "kids applied enforce sinkhole qname " EDGE
                                             "; kids applied enforce sinkhole hop1 " EDGE);
    /* and who was in that view is in the first one now */
    assert_string_equal(ask_from(world, KID, EDGE), "NOERROR rd ra | " EDGE " 300 A 192.0.2.1");
    world_destroy(world);
}

/* --- default: deny --- */

static void no_packet_about_a_denied_name_leaves(void **state)
{
    static const char *const names[] = {"cdn.example.net", "example.net",     "net", ".",
                                        "xshop.example",   "shop.example.net"};
    const uint16_t types[] = {WIRE_A,   WIRE_AAAA, WIRE_NS,    WIRE_CNAME,
                              WIRE_TXT, WIRE_DS,   WIRE_HTTPS, WIRE_ANY};
    struct world *world = make_world();

    (void)state;
    for (size_t i = 0; i < ITEMS(names); i++) {
        for (size_t t = 0; t < ITEMS(types); t++) {
            for (unsigned manner = 0; manner < 8; manner++) {
                world_ask_with(world, names[i], types[t],
                               (struct world_manner){.from = TILL,
                                                     .tcp = manner & 1,
                                                     .dnssec_ok = manner & 2,
                                                     .no_recursion = manner & 4});
                world_events(world);
                assert_int_equal(world->last_event.hit.ground, POLICY_GROUND_DEFAULT);
                assert_true(world->last_event.applied);
            }
        }
    }
    world_pass(world, SECONDS(60));
    assert_int_equal(world->asked_count, 0);
    assert_int_equal(query_engine_counters(world->engine)->denied,
                     ITEMS(names) * ITEMS(types) * 8);
    assert_int_equal(query_engine_counters(world->engine)->denied,
                     query_engine_counters(world->engine)->blocked);
    world_destroy(world);
}

/* A reload makes a name that is being asked for a denied one: as if a rule had come. */
static void a_denial_that_comes_while_the_fetch_is_in_flight_ends_it(void **state)
{
    struct world_view changed[ITEMS(views)];
    struct world *world = make_world();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    memcpy(changed, views, sizeof(views));
    changed[0].deny = true;
    struct world_reply *reply = send_from(world, NULL, "cdn.example.net");
    world_pass(world, MILLISECONDS(100));
    const size_t packets = world->asked_count;
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(changed), changed);
    assert_string_equal(world_words(reply),
                        "NOERROR rd ra | cdn.example.net 10 A 0.0.0.0 | EDE 4 default deny: no "
                        "allowed name, view default");
    assert_string_equal(world_events(world),
                        "applied enforce sinkhole default cdn.example.net");
    world_pass(world, SECONDS(20));
    assert_int_equal(world->asked_count, packets);
    world_destroy(world);
}

/* Where an allowed name leads is for the rules. */
static void the_hops_of_an_allowed_name_are_not_denied(void **state)
{
    struct world *world = make_world();

    (void)state;
    world_serve(world, "svc.shop.example", WIRE_HTTPS,
                "svc.shop.example. 60 IN HTTPS 1 pool.example.org. ipv4hint=198.51.100.1\n");
    world_serve(world, "bad.shop.example", WIRE_HTTPS,
                "bad.shop.example. 60 IN HTTPS 1 pool.cloud.example.\n");
    /* a CNAME to a name that nothing speaks of */
    assert_string_equal(ask_from(world, TILL, "plain.shop.example"),
                        "NOERROR rd ra | plain.shop.example 300 CNAME cdn.example.net | "
                        "cdn.example.net 300 A 192.0.2.2");
    assert_string_equal(world_events(world), "");
    /* but that name itself, asked for by the client, is denied */
    assert_string_equal(
        ask_from(world, TILL, "cdn.example.net"),
        "NXDOMAIN rd ra | ~example.net 10 SOA minimum 10 | EDE 15 default deny: "
        "no allowed name, view tills");
    assert_string_equal(world_events(world),
                        "tills applied enforce nxdomain default cdn.example.net");
    /* a CNAME to a name that a list blocks */
    assert_string_equal(ask_from(world, TILL, NAME),
                        "NXDOMAIN rd ra | ~shop.example 10 SOA minimum 10 | EDE 15 prov-cloud "
                        "cloud 7");
    assert_string_equal(world_events(world), "tills applied enforce nxdomain hop1 " EDGE);
    /* and the same for targets of HTTPS */
    world_ask_with(world, "svc.shop.example", WIRE_HTTPS, (struct world_manner){.from = TILL});
    assert_string_equal(world_events(world), "");
    world_ask_with(world, "bad.shop.example", WIRE_HTTPS, (struct world_manner){.from = TILL});
    assert_string_equal(world_events(world),
                        "tills applied enforce nxdomain svcb pool.cloud.example");
    world_destroy(world);
}

static void what_is_answered_here_is_not_denied(void **state)
{
    struct world *world = make_world();
    struct query_zone zones[2] = {{.context = 5, .exempt = true}, {.context = 6}};
    struct local_builder *builder = local_builder_create();
    const uint8_t key[SIPHASH_KEY_OCTETS] = {0};
    struct local_names *names = NULL;
    struct wire_name printer;
    struct address address;

    (void)state;
    wire_name_from_text("printer.office.lan", 18, &printer);
    assert_int_equal(address_parse("10.0.0.9", 8, 0, &address), 0);
    assert_int_equal(local_builder_add(builder, &printer, &address), 0);
    assert_int_equal(local_names_build(builder, 60, key, NULL, &names), 0);
    wire_name_from_text("corp.inner.lab", 14, &zones[0].name);
    wire_name_from_text("applied.lab", 11, &zones[1].name);
    world->settings.local_names = names;
    world->settings.zones = zones;
    world->settings.zone_count = 2;
    world->upstream_settings.groups[0] = (struct upstream_group){.context = 5, .servers = 1};
    world->upstream_settings.groups[1] = (struct upstream_group){.context = 6, .servers = 1};
    world->upstream_settings.group_count = 2;
    upstream_configure(world->upstream, &world->upstream_settings);
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(views), views);
    world_serve(world, "a.corp.inner.lab", WIRE_A, "a.corp.inner.lab. 60 IN A 192.0.2.7\n");

    assert_string_equal(ask_from(world, TILL, "printer.office.lan"),
                        "NOERROR rd ra | printer.office.lan 60 A 10.0.0.9");
    assert_string_equal(ask_from(world, TILL, "localhost"),
                        "NOERROR rd ra | localhost 10800 A 127.0.0.1");
    assert_string_equal(ask_from(world, TILL, "x.invalid"),
                        "NXDOMAIN rd ra | ~. 60 SOA minimum 60");
    assert_string_equal(ask_from(world, TILL, "a.corp.inner.lab"),
                        "NOERROR rd ra | a.corp.inner.lab 60 A 192.0.2.7");
    assert_string_equal(world_events(world), "");
    /* a zone that policy applies to is denied like any other name */
    ask_from(world, TILL, "a.applied.lab");
    assert_string_equal(world_events(world), "tills applied enforce nxdomain default "
                                             "a.applied.lab");
    assert_int_equal(world->asked_count, 1);
    /* Names above all these exist, though nothing of theirs is shown; and so does every top
     * level domain, below which anything may be. */
    static const char *const above[] = {"lan",       "office.lan", "lab",
                                        "inner.lab", "example",    "com"};
    for (size_t i = 0; i < ITEMS(above); i++) {
        char want[160];

        snprintf(
            want, sizeof(want),
            "NOERROR rd ra | ~%s 10 SOA minimum 10 | EDE 15 default deny: no allowed name, "
            "view tills",
            above[i]);
        assert_string_equal(ask_from(world, TILL, above[i]), want);
    }
    world->settings.local_names = NULL;
    world->settings.zone_count = 0;
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(views), views);
    local_names_free(names);
    local_builder_free(builder);
    world_destroy(world);
}

static void names_above_those_that_are_let_through_exist(void **state)
{
    static const struct world_view deny[] = {{.name = "default",
                                              .deny = true,
                                              .use = "cloud",
                                              .allow = "a.b.c.example",
                                              .action = POLICY_ACTION_NXDOMAIN}};
    static const struct {
        const char *name, *start;
    } cases[] = {
        {"c.example", "NOERROR rd ra | ~c.example 10 SOA"},
        {"b.c.example", "NOERROR rd ra | ~b.c.example 10 SOA"},
        {"x.c.example", "NXDOMAIN rd ra | ~c.example 10 SOA"},
        /* ok.cloud.example is passed by a rule */
        {"cloud.example", "NOERROR rd ra | ~cloud.example 10 SOA"},
        {"x.cloud.example", "NXDOMAIN rd ra | ~cloud.example 10 SOA"},
        {".", "NOERROR rd ra | ~. 10 SOA"},
    };
    struct world *world = make_world();

    (void)state;
    world_adopt_views(world, ITEMS(lists), lists, 1, deny);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const char *words = ask_from(world, NULL, cases[i].name);

        if (strncmp(words, cases[i].start, strlen(cases[i].start)) != 0) {
            fail_msg("%s: %s", cases[i].name, words);
        }
    }
    assert_int_equal(world->asked_count, 0);
    world_destroy(world);
}

static void in_log_mode_nothing_is_denied_and_all_is_recorded(void **state)
{
    struct world_view quiet[ITEMS(views)];
    struct world *world = make_world();

    (void)state;
    memcpy(quiet, views, sizeof(views));
    quiet[2].log_only = true;
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(quiet), quiet);
    assert_string_equal(ask_from(world, TILL, "cdn.example.net"),
                        "NOERROR rd ra | cdn.example.net 300 A 192.0.2.2");
    assert_string_equal(world_events(world),
                        "tills logged log nxdomain default cdn.example.net");
    assert_string_equal(ask_from(world, TILL, NAME), "NOERROR rd ra | " EDGE_RECORDS);
    assert_string_equal(world_events(world), "tills logged log nxdomain hop1 " EDGE);
    ask_from(world, TILL, "ok.cloud.example");
    ask_from(world, TILL, "www.pay.example");
    assert_string_equal(world_events(world), "");
    world_destroy(world);
}

/* People let a name through, in one view or in all; and pause what blocks. */
static void exceptions_and_pauses_are_about_denials_too(void **state)
{
    struct world *world = make_world();
    struct policy_exception exception = {.view = 1, .ticket = "T-1"};
    struct policy_changes changes = {.exceptions = &exception, .exception_count = 1};

    (void)state;
    wire_name_from_text("cdn.example.net", 15, &exception.name);
    world_change(world, &changes); /* in another view: says nothing here */
    ask_from(world, TILL, "cdn.example.net");
    assert_string_equal(world_events(world),
                        "tills applied enforce nxdomain default cdn.example.net");
    assert_int_equal(world->asked_count, 0);
    exception.view = 2;
    world_change(world, &changes);
    assert_string_equal(ask_from(world, TILL, "cdn.example.net"),
                        "NOERROR rd ra | cdn.example.net 300 A 192.0.2.2");
    assert_string_equal(world_events(world),
                        "tills logged enforce pass default cdn.example.net by T-1");
    /* names above it exist; others are denied as before */
    assert_string_equal(ask_from(world, TILL, "example.net"),
                        "NOERROR rd ra | ~example.net 10 SOA minimum 10 | EDE 15 default deny: "
                        "no allowed name, view tills");
    ask_from(world, TILL, "x.example.net");
    world_events(world);
    assert_true(world->last_event.applied);

    /* A pause of the list: what it alone blocked is denied like any other name; what it blocked
     * of the allowed names is shown; what it passes stays passed. */
    const char *const paused[] = {"cloud"};
    changes = (struct policy_changes){.paused = paused, .paused_count = 1};
    world_change(world, &changes);
    ask_from(world, TILL, EDGE);
    assert_string_equal(world_events(world), "tills logged log nxdomain qname " EDGE
                                             "; tills applied enforce nxdomain default " EDGE);
    assert_string_equal(ask_from(world, TILL, NAME), "NOERROR rd ra | " EDGE_RECORDS);
    assert_string_equal(world_events(world), "tills logged log nxdomain hop1 " EDGE);
    ask_from(world, TILL, "ok.cloud.example");
    assert_string_equal(world_events(world), "");

    /* A pause of all: nothing is denied, either. */
    changes = (struct policy_changes){.pause_all = true};
    world_change(world, &changes);
    assert_string_equal(ask_from(world, TILL, "cdn.example.net"),
                        "NOERROR rd ra | cdn.example.net 300 A 192.0.2.2");
    assert_string_equal(world_events(world),
                        "tills logged log nxdomain default cdn.example.net");
    assert_true(policy_view_is_paused(world->policy, 2));
    assert_false(policy_view_is_paused(world->policy, 1));

    /* And it ends. */
    changes = (struct policy_changes){.pause_all = false};
    world_change(world, &changes);
    ask_from(world, TILL, "cdn.example.net");
    assert_string_equal(world_events(world),
                        "tills applied enforce nxdomain default cdn.example.net");
    world_destroy(world);
}

/* Each action does with a denied name what it does with a blocked one. */
static void a_view_denies_by_its_action(void **state)
{
    static const struct {
        enum policy_action action;
        bool tcp;
        const char *words;
    } cases[] = {
        {POLICY_ACTION_SINKHOLE, false,
         "NOERROR rd ra | cdn.example.net 10 A 0.0.0.0 | EDE 4 default deny: no allowed name, "
         "view default"},
        {POLICY_ACTION_NODATA, false,
         "NOERROR rd ra | ~cdn.example.net 10 SOA minimum 10 | EDE 15 default deny: no allowed "
         "name, view default"},
        {POLICY_ACTION_REFUSED, false,
         "REFUSED rd ra | EDE 15 default deny: no allowed name, view default"},
        {POLICY_ACTION_DROP, false, "nothing"},
        {POLICY_ACTION_TRUNCATE, false,
         "NOERROR tc rd ra | EDE 15 default deny: no allowed name, view default"},
        /* as the configuration warns */
        {POLICY_ACTION_TRUNCATE, true, "NOERROR rd ra | cdn.example.net 300 A 192.0.2.2"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct world_view view = {
            .name = "default", .deny = true, .action = cases[i].action};
        struct world *world = make_world();

        world_adopt_views(world, ITEMS(lists), lists, 1, &view);
        assert_string_equal(
            world_words(world_ask_with(world, "cdn.example.net", WIRE_A,
                                       (struct world_manner){.tcp = cases[i].tcp})),
            cases[i].words);
        world_events(world);
        assert_int_equal(world->event_count, 1);
        assert_int_equal(world->asked_count, cases[i].tcp ? 1 : 0);
        world_destroy(world);
    }
}

/* A target is the operator's word, or that of a signed list: no default denies it. */
static void the_target_of_a_redirect_is_not_denied(void **state)
{
    static const struct world_list wall[] = {
        {.id = "w",
         .rules = "block suffix bad.example action=redirect:wall.example\n"
                  "block suffix worse.example action=redirect:x.bad.example"}};
    const struct world_view view = {.name = "default", .deny = true};
    struct world *world = make_world();

    (void)state;
    world_serve(world, "wall.example", WIRE_A, "wall.example. 300 IN A 192.0.2.80\n");
    world_adopt_views(world, 1, wall, 1, &view);
    struct world_reply *reply = send_from(world, NULL, "www.bad.example");
    struct world_reply *denied = send_from(world, NULL, "wall.example");
    assert_string_equal(world_records(denied), "wall.example 10 A 0.0.0.0");
    world_pass(world, SECONDS(1));
    assert_string_equal(world_records(reply), "www.bad.example 10 CNAME wall.example | "
                                              "wall.example 300 A 192.0.2.80");
    assert_int_equal(world->asked_count, 1);
    /* one that a rule blocks is */
    assert_string_equal(world_records(world_ask(world, "worse.example", WIRE_A)),
                        "worse.example 10 A 0.0.0.0");
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

/* --- three views at once, and three resolvers --- */

enum {
    ROUNDS = 60,
    TURNS = 25,
    VIEWS = 3,
    LISTS = 3
};

/* Rules, none of which stands twice, and views of them. */
struct given {
    char rules[LISTS][1024];
    struct world_list lists[LISTS];
    char use[VIEWS][64], allow[VIEWS][128];
    struct world_view views[VIEWS];
};

static void make_given(struct given *given, const struct zone *zone, struct random *random)
{
    static const char *const ids[LISTS] = {"m", "a", "z"};
    static const char *const words[] = {"%s ", "%s ", "%s=log ", "%s=off ", "%s=nxdomain "};
    static const char *const clients[VIEWS] = {NULL, "127.0.1.0/24", "127.0.2.0/24"};
    static const char *const view_names[VIEWS] = {"default", "one", "two"};

    memset(given, 0, sizeof(*given));
    for (unsigned i = 0; i < LISTS; i++) {
        bool used[NAMES] = {false};
        size_t len = 0;

        for (unsigned j = 0; j < 5; j++) {
            const unsigned name = random_below(random, NAMES);

            if (!used[name]) {
                len += (size_t)snprintf(
                    given->rules[i] + len, sizeof(given->rules[i]) - len, "%s suffix %s\n",
                    random_below(random, 3) == 0 ? "pass" : "block", zone->names[name]);
            }
            used[name] = true;
        }
        given->lists[i] = (struct world_list){.id = ids[i], .rules = given->rules[i]};
    }
    for (unsigned v = 0; v < VIEWS; v++) {
        size_t len = 0;

        for (unsigned i = 0; i < LISTS; i++) {
            const char *word = words[random_below(random, ITEMS(words))];
            char item[32];

            snprintf(item, sizeof(item), "%s%s ", ids[i], word + 2);
            item[strlen(item) - 1] = '\0';
            len +=
                (size_t)snprintf(given->use[v] + len, sizeof(given->use[v]) - len, "%s", item);
        }
        snprintf(given->allow[v], sizeof(given->allow[v]), "%s %s",
                 zone->names[random_below(random, NAMES)],
                 zone->names[random_below(random, NAMES)]);
        given->views[v] = (struct world_view){.name = view_names[v],
                                              .clients = clients[v],
                                              .use = given->use[v],
                                              .allow = given->allow[v],
                                              .deny = random_below(random, 3) == 0,
                                              .log_only = random_below(random, 4) == 0};
    }
}

static void three_views_at_once_answer_as_three_resolvers(void **state)
{
    static const char *const from[VIEWS] = {"127.0.0.9", "127.0.1.9", "127.0.2.9"};
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "three views";
    unsigned shared = 0, differ = 0;
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct world *all = world_create();
        struct world *apart[VIEWS];
        struct given given;
        struct zone zone;

        make_zone(&zone, &random);
        make_given(&given, &zone, &random);
        serve_zone(all, &zone);
        world_adopt_views(all, LISTS, given.lists, VIEWS, given.views);
        for (unsigned v = 0; v < VIEWS; v++) {
            apart[v] = world_create();
            serve_zone(apart[v], &zone);
            world_adopt_views(apart[v], LISTS, given.lists, 1, &given.views[v]);
        }
        for (unsigned turn = 0; turn < TURNS; turn++) {
            const char *name = zone.names[random_below(&random, NAMES)];
            struct world_reply *replies[VIEWS];
            const unsigned first = random_below(&random, VIEWS);
            char words[VIEWS][WORLD_WORDS];
            size_t wanted = 0;

            for (unsigned i = 0; i < VIEWS; i++) { /* all wait at once, if they wait */
                const unsigned v = (first + i) % VIEWS;
                replies[v] = send_from(all, from[v], name);
            }
            world_pass(all, SECONDS(61)); /* and nothing stays in the cache */
            for (unsigned v = 0; v < VIEWS; v++) {
                const char *text = world_records(replies[v]);
                struct world_reply *reply = send_from(apart[v], from[v], name);

                snprintf(words[v], sizeof(words[v]), "%s", text);
                world_pass(apart[v], SECONDS(61));
                assert_string_equal(words[v], world_records(reply));
                wanted += world_asked(apart[v], name);
                differ += v > 0 && strcmp(words[v], words[0]) != 0;
            }
            /* One packet where any of the three would have sent one, else none. */
            assert_true((world_asked(all, name) > 0) == (wanted > 0));
            shared += wanted > world_asked(all, name);
        }
        world_destroy(all);
        for (unsigned v = 0; v < VIEWS; v++) {
            world_destroy(apart[v]);
        }
    }
    assert_true(shared > 200 && differ > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_client_gets_what_its_view_says),
        cmocka_unit_test(a_question_joined_from_two_views_is_answered_by_each),
        cmocka_unit_test(whoever_is_blocked_by_name_does_not_join),
        cmocka_unit_test(what_one_view_cached_is_blocked_in_another),
        cmocka_unit_test(a_fetch_lives_as_long_as_one_view_may_have_it),
        cmocka_unit_test(a_reload_chooses_the_view_anew),
        cmocka_unit_test(no_packet_about_a_denied_name_leaves),
        cmocka_unit_test(a_denial_that_comes_while_the_fetch_is_in_flight_ends_it),
        cmocka_unit_test(the_hops_of_an_allowed_name_are_not_denied),
        cmocka_unit_test(what_is_answered_here_is_not_denied),
        cmocka_unit_test(names_above_those_that_are_let_through_exist),
        cmocka_unit_test(in_log_mode_nothing_is_denied_and_all_is_recorded),
        cmocka_unit_test(exceptions_and_pauses_are_about_denials_too),
        cmocka_unit_test(a_view_denies_by_its_action),
        cmocka_unit_test(the_target_of_a_redirect_is_not_denied),
        cmocka_unit_test(three_views_at_once_answer_as_three_resolvers),
    };
    return cmocka_run_group_tests_name("scenarios/views", tests, NULL, NULL);
}
