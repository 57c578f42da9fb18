/* Zones with upstreams of their own: nobody else is asked about their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define CORP    7 /* contexts */
#define LAB     8
#define REVERSE 9

/* Servers 0 and 1 are asked for everything, 2 about corp.example, 3 about lab.corp.example and
 * 10.in-addr.arpa. */
struct zones {
    struct world *world;
    struct query_zone zones[3];
};

static void adopt(struct zones *z, const char *rules)
{
    struct world *world = z->world;

    upstream_configure(world->upstream, &world->upstream_settings);
    world_adopt(world, {.id = "l", .rules = rules});
}

static void make(struct zones *z, bool exempt)
{
    static const struct {
        const char *name;
        uint16_t context;
        uint32_t servers;
    } made[] = {{"corp.example", CORP, 4},
                {"lab.corp.example", LAB, 8},
                {"10.in-addr.arpa", REVERSE, 8}};
    struct world *world = world_create_with(4, WORLD_REPLIES);

    *z = (struct zones){.world = world};
    world->upstream_settings.apart = 4 | 8;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(
            wire_name_from_text(made[i].name, strlen(made[i].name), &z->zones[i].name),
            WIRE_TEXT_OK);
        z->zones[i].context = made[i].context;
        z->zones[i].exempt = exempt;
        world->upstream_settings.groups[i] =
            (struct upstream_group){.context = made[i].context, .servers = made[i].servers};
    }
    world->upstream_settings.group_count = 3;
    world->settings.zones = z->zones;
    world->settings.zone_count = 3;
    adopt(z, "block suffix bad.corp.example");
    world_serve(world, "www.corp.example", WIRE_A, "www.corp.example. 60 IN A 10.0.0.1\n");
    world_serve(world, "x.lab.corp.example", WIRE_A, "x.lab.corp.example. 60 IN A 10.0.0.2\n");
    world_serve(world, "bad.corp.example", WIRE_A, "bad.corp.example. 60 IN A 10.0.0.3\n");
    world_serve(world, "hop.corp.example", WIRE_A,
                "hop.corp.example. 60 IN CNAME bad.corp.example.\n"
                "bad.corp.example. 60 IN A 10.0.0.3\n");
    world_serve(world, "www.example", WIRE_A, "www.example. 60 IN A 192.0.2.1\n");
    world_serve(world, "1.0.0.10.in-addr.arpa", WIRE_PTR,
                "1.0.0.10.in-addr.arpa. 60 IN PTR www.corp.example.\n");
}

/* How often each server was asked since the last time: "0 0 1 0". */
static const char *asked(struct zones *z, char out[64])
{
    out[0] = '\0';
    for (size_t i = 0; i < 4; i++) {
        const size_t used = strlen(out);

        snprintf(out + used, 64 - used, "%s%u", i > 0 ? " " : "", z->world->servers[i].asked);
        z->world->servers[i].asked = 0;
    }
    return out;
}

static void each_name_is_asked_of_its_own_servers(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        int server; /* -1: one of the first two */
    } cases[] = {
        {"www.corp.example", WIRE_A, 2},
        {"x.lab.corp.example", WIRE_A, 3}, /* the longest zone counts */
        {"lab.corp.example", WIRE_A, 3},
        {"corp.example", WIRE_A, 2},
        {"xcorp.example", WIRE_A, -1},
        {"example", WIRE_A, -1},
        {"www.example", WIRE_A, -1},
        {"1.0.0.10.in-addr.arpa", WIRE_PTR, 3}, /* not answered here as special */
    };
    struct zones z;

    (void)state;
    make(&z, false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned others = 0;

        world_ask(z.world, cases[i].name, cases[i].type);
        for (int s = 0; s < 4; s++) {
            const bool may = cases[i].server < 0 ? s < 2 : s == cases[i].server;
            others += may ? 0 : z.world->servers[s].asked;
        }
        assert_int_equal(others, 0);
        assert_true(world_asked(z.world, cases[i].name) >= 1);
        for (int s = 0; s < 4; s++) {
            z.world->servers[s].asked = 0;
        }
    }
    /* another private zone still is */
    assert_string_equal(world_records(world_ask(z.world, "1.1.168.192.in-addr.arpa", WIRE_PTR)),
                        "~168.192.in-addr.arpa 10800 SOA minimum 10800");
    world_destroy(z.world);
}

/* Whatever fails: the servers of everything are not asked about a zone, nor the other way. */
static void nobody_else_is_asked_when_a_zones_servers_fail(void **state)
{
    static const unsigned manners[] = {SERVER_SILENT,    SERVER_SERVFAIL,    SERVER_REFUSED,
                                       SERVER_TRUNCATES, SERVER_UNREACHABLE, SERVER_STRANGE_IDS,
                                       SERVER_LOSES_CASE};

    (void)state;
    for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
        struct zones z;

        make(&z, false);
        z.world->servers[2].manners = manners[i];
        world_ask(z.world, "www.corp.example", WIRE_A);
        assert_int_equal(z.world->servers[0].asked + z.world->servers[1].asked +
                             z.world->servers[3].asked,
                         0);
        world_destroy(z.world);
        make(&z, false);
        z.world->servers[0].manners = z.world->servers[1].manners = manners[i];
        world_ask(z.world, "www.example", WIRE_A);
        assert_int_equal(z.world->servers[2].asked + z.world->servers[3].asked, 0);
        world_destroy(z.world);
    }
}

static void a_zone_without_servers_is_servfail(void **state)
{
    struct zones z;
    char counts[64];

    (void)state;
    make(&z, false);
    z.world->upstream_settings.groups[0].servers = 0;
    adopt(&z, "block suffix bad.corp.example");
    assert_string_equal(world_words(world_ask(z.world, "www.corp.example", WIRE_A)),
                        "SERVFAIL rd ra | EDE 14 no upstream can be asked now");
    assert_string_equal(asked(&z, counts), "0 0 0 0");
    world_destroy(z.world);
}

static void zones_have_servers_where_nothing_else_has(void **state)
{
    struct zones z;
    char counts[64];

    (void)state;
    make(&z, false);
    z.world->settings.have_upstreams = false;
    z.world->upstream_settings.apart = 15;
    adopt(&z, "block suffix bad.corp.example");
    assert_string_equal(world_words(world_ask(z.world, "www.corp.example", WIRE_A)),
                        "NOERROR rd ra | www.corp.example 60 A 10.0.0.1");
    assert_string_equal(asked(&z, counts), "0 0 1 0");
    assert_string_equal(world_words(world_ask(z.world, "www.example", WIRE_A)),
                        "SERVFAIL rd ra | EDE 22 no upstream is configured");
    world_destroy(z.world);
}

static void policy_applies_in_a_zone_or_does_not(void **state)
{
    struct zones z;

    (void)state;
    make(&z, false);
    assert_string_equal(world_records(world_ask(z.world, "bad.corp.example", WIRE_A)),
                        "bad.corp.example 10 A 0.0.0.0");
    assert_string_equal(world_records(world_ask(z.world, "hop.corp.example", WIRE_A)),
                        "hop.corp.example 10 A 0.0.0.0");
    assert_string_equal(world_events(z.world),
                        "applied enforce sinkhole qname bad.corp.example; "
                        "applied enforce sinkhole hop1 bad.corp.example");
    world_destroy(z.world);
    make(&z, true);
    assert_string_equal(world_records(world_ask(z.world, "bad.corp.example", WIRE_A)),
                        "bad.corp.example 60 A 10.0.0.3");
    assert_string_equal(world_records(world_ask(z.world, "hop.corp.example", WIRE_A)),
                        "hop.corp.example 60 CNAME bad.corp.example | bad.corp.example 60 A "
                        "10.0.0.3");
    assert_string_equal(world_events(z.world), "");
    world_destroy(z.world);
}

/* A question in flight goes to the new servers of its name, and to no old one any more. */
static void a_reload_moves_a_question_to_its_new_servers(void **state)
{
    struct zones z;
    char counts[64];

    (void)state;
    make(&z, false);
    z.world->servers[2].manners = SERVER_SILENT;
    struct world_reply *reply =
        world_send(z.world, "www.corp.example", WIRE_A, (struct world_manner){0});
    world_pass(z.world, MILLISECONDS(50));
    assert_string_equal(asked(&z, counts), "0 0 1 0");
    z.zones[0].context = 20; /* as other servers make it */
    z.world->upstream_settings.groups[0] = (struct upstream_group){.context = 20, .servers = 8};
    adopt(&z, "block suffix bad.corp.example");
    world_pass(z.world, SECONDS(3));
    assert_string_equal(world_words(reply), "NOERROR rd ra | www.corp.example 60 A 10.0.0.1");
    assert_string_equal(asked(&z, counts), "0 0 0 1");
    world_destroy(z.world);
}

/* The question waits for everybody's servers when its name becomes a zone's, and back. */
static void answers_of_other_servers_are_not_mixed(void **state)
{
    struct zones z;
    char counts[64];

    (void)state;
    make(&z, false);
    world_ask(z.world, "www.corp.example", WIRE_A);
    assert_string_equal(asked(&z, counts), "0 0 1 0");
    world_ask(z.world, "www.corp.example", WIRE_A); /* from the cache */
    assert_string_equal(asked(&z, counts), "0 0 0 0");
    z.world->settings.zone_count = 0;
    z.world->servers[1].manners = SERVER_UNREACHABLE;
    adopt(&z, "block suffix bad.corp.example");
    world_serve(z.world, "www.corp.example", WIRE_A, "www.corp.example. 60 IN A 192.0.2.9\n");
    assert_string_equal(world_records(world_ask(z.world, "www.corp.example", WIRE_A)),
                        "www.corp.example 60 A 192.0.2.9");
    z.world->settings.zone_count = 3;
    adopt(&z, "block suffix bad.corp.example");
    assert_string_equal(world_records(world_ask(z.world, "www.corp.example", WIRE_A)),
                        "www.corp.example 60 A 10.0.0.1");
    world_destroy(z.world);
}

static void names_of_zones_may_lead_inside(void **state)
{
    struct zones z;

    (void)state;
    make(&z, false);
    z.world->settings.rebinding_protection = true;
    adopt(&z, "block suffix bad.corp.example");
    assert_string_equal(world_records(world_ask(z.world, "www.corp.example", WIRE_A)),
                        "www.corp.example 60 A 10.0.0.1");
    world_destroy(z.world);
}

static void a_redirect_into_a_zone_asks_its_servers(void **state)
{
    struct zones z;
    char counts[64];

    (void)state;
    make(&z, false);
    adopt(&z, "block suffix evil.example action=redirect:www.corp.example");
    assert_string_equal(
        world_records(world_ask(z.world, "evil.example", WIRE_A)),
        "evil.example 10 CNAME www.corp.example | www.corp.example 60 A 10.0.0.1");
    assert_string_equal(asked(&z, counts), "0 0 1 0");
    world_destroy(z.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_asked_of_its_own_servers),
        cmocka_unit_test(nobody_else_is_asked_when_a_zones_servers_fail),
        cmocka_unit_test(a_zone_without_servers_is_servfail),
        cmocka_unit_test(zones_have_servers_where_nothing_else_has),
        cmocka_unit_test(policy_applies_in_a_zone_or_does_not),
        cmocka_unit_test(a_reload_moves_a_question_to_its_new_servers),
        cmocka_unit_test(answers_of_other_servers_are_not_mixed),
        cmocka_unit_test(names_of_zones_may_lead_inside),
        cmocka_unit_test(a_redirect_into_a_zone_asks_its_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
