/* Names of the place: what is answered here, and never leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "local/local.h"
#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DATA(records)  "NOERROR rd ra | " records
#define NODATA(zone)   "NOERROR rd ra | ~" zone " 10800 SOA minimum 10800"
#define NXDOMAIN(zone) "NXDOMAIN rd ra | ~" zone " 10800 SOA minimum 10800"
#define ZERO16         "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
#define V6_LOOPBACK    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." ZERO16 "ip6.arpa"
#define V6_UNSPECIFIED ZERO16 ZERO16 "ip6.arpa"

struct row {
    const char *name;
    uint16_t type;
    const char *words;
};

static void check(struct world *world, const struct row *row, struct world_manner manner)
{
    const char *words = world_words(world_ask_with(world, row->name, row->type, manner));

    if (strcmp(words, row->words) != 0) {
        fail_msg("%s %u: \"%s\", not \"%s\"", row->name, row->type, words, row->words);
    }
}

static void special_names_are_answered_here(void **state)
{
    static const struct row rows[] = {
        /* RFC 6761, 6.3: addresses, and immediate negative answers for all else */
        {"localhost", WIRE_A, DATA("localhost 10800 A 127.0.0.1")},
        {"localhost", WIRE_AAAA, DATA("localhost 10800 AAAA ::1")},
        {"localhost", WIRE_MX, NODATA("localhost")},
        {"localhost", WIRE_DS, NODATA("localhost")},
        {"localhost", WIRE_ANY, DATA("localhost 300 HINFO RFC8482")},
        {"app.localhost", WIRE_A, DATA("app.localhost 10800 A 127.0.0.1")},
        /* the way back; what stands between exists (RFC 8020, 2) */
        {"1.0.0.127.in-addr.arpa", WIRE_PTR,
         DATA("1.0.0.127.in-addr.arpa 10800 PTR localhost")},
        {"1.0.0.127.in-addr.arpa", WIRE_A, NODATA("127.in-addr.arpa")},
        {"0.0.127.in-addr.arpa", WIRE_PTR, NODATA("127.in-addr.arpa")},
        {"2.0.0.127.in-addr.arpa", WIRE_PTR, NXDOMAIN("127.in-addr.arpa")},
        {"x.1.0.0.127.in-addr.arpa", WIRE_PTR, NXDOMAIN("127.in-addr.arpa")},
        {V6_LOOPBACK, WIRE_PTR, DATA(V6_LOOPBACK " 10800 PTR localhost")},
        {V6_LOOPBACK, WIRE_SOA, DATA(V6_LOOPBACK " 10800 SOA minimum 10800")},
        {V6_UNSPECIFIED, WIRE_PTR, NODATA(V6_UNSPECIFIED)},
        /* RFC 6761, 6.4; RFC 7686, 2; RFC 6762, 22.1: for all types, the name itself too */
        {"invalid", WIRE_A, NXDOMAIN(".")},
        {"x.invalid", WIRE_A, NXDOMAIN(".")},
        {"x.invalid", WIRE_ANY, NXDOMAIN(".")},
        {"x.onion", WIRE_AAAA, NXDOMAIN(".")},
        {"printer.local", WIRE_A, NXDOMAIN(".")},
        /* RFC 8375, 4: as RFC 6303, 3, with the zone's own SOA and NS */
        {"home.arpa", WIRE_SOA, DATA("home.arpa 10800 SOA minimum 10800")},
        {"home.arpa", WIRE_NS, DATA("home.arpa 10800 NS home.arpa")},
        {"home.arpa", WIRE_A, NODATA("home.arpa")},
        {"nas.home.arpa", WIRE_A, NXDOMAIN("home.arpa")},
        {"nas.home.arpa", WIRE_SOA, NXDOMAIN("home.arpa")},
        {"nas.home.arpa", WIRE_DS, NXDOMAIN("home.arpa")},
        /* RFC 9462, 6.4: no encrypted resolver is to be found here */
        {"resolver.arpa", WIRE_SOA, NODATA("resolver.arpa")},
        {"_dns.resolver.arpa", WIRE_SVCB, NODATA("resolver.arpa")},
        /* RFC 6303, 4 */
        {"1.1.168.192.in-addr.arpa", WIRE_PTR, NXDOMAIN("168.192.in-addr.arpa")},
        {"168.192.in-addr.arpa", WIRE_NS,
         DATA("168.192.in-addr.arpa 10800 NS "
              "168.192.in-addr.arpa")},
        {"d.f.ip6.arpa", WIRE_PTR, NODATA("d.f.ip6.arpa")},
        {"9.d.f.ip6.arpa", WIRE_PTR, NXDOMAIN("d.f.ip6.arpa")},
    };
    struct world *world = world_create();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        check(world, &rows[i], (struct world_manner){0});
        check(world, &rows[i], (struct world_manner){.tcp = true});
        check(world, &rows[i], (struct world_manner){.no_edns = true});
    }
    assert_int_equal(world->asked_count, 0);
    assert_int_equal(query_engine_counters(world->engine)->local, 3 * COUNT(rows));
    assert_int_equal(query_engine_counters(world->engine)->cache_misses, 0);
    world_destroy(world);
}

/* The zone itself as MNAME, nobody.invalid as RNAME, serial 1 (RFC 6303, 3). */
static void the_soa_is_that_of_an_empty_zone(void **state)
{
    static const uint8_t want[] = "\xc0\x10\x06nobody\x07invalid\0\0\0\0\x01";
    struct world *world = world_create();
    const struct world_reply *reply =
        world_ask_with(world, "nas.home.arpa", WIRE_A, (struct world_manner){.no_edns = true});

    (void)state;
    assert_true(reply->len > 20 + sizeof(want) - 1);
    assert_memory_equal(reply->octets + reply->len - 16 - (sizeof(want) - 1), want,
                        sizeof(want) - 1);
    world_destroy(world);
}

/* Proof that a zone is not signed is the parent's (RFC 8375, 4), which everybody has. */
static void the_ds_record_of_a_local_zone_is_asked_for(void **state)
{
    static const char *const zones[] = {"home.arpa", "10.in-addr.arpa", "d.f.ip6.arpa"};
    struct world *world = world_create();

    (void)state;
    for (size_t i = 0; i < COUNT(zones); i++) {
        world_serve(world, zones[i], WIRE_DS,
                    "--\narpa. 900 IN SOA a.example. b.example. 1 2 3 4 60\n");
        world_ask_with(world, zones[i], WIRE_DS, (struct world_manner){.dnssec_ok = true});
        assert_int_equal(world_asked(world, zones[i]), 1);
    }
    world_destroy(world);
}

static void without_rd_local_names_are_told_all_the_same(void **state)
{
    static const struct row row = {"localhost", WIRE_A,
                                   "NOERROR ra | localhost 10800 A 127.0.0.1"};
    struct world *world = world_create();

    (void)state;
    check(world, &row, (struct world_manner){.no_recursion = true});
    world_destroy(world);
}

static void strangers_learn_no_local_name(void **state)
{
    struct world *world = world_create();
    struct world_reply *reply = world_ask_with(world, "localhost", WIRE_A,
                                               (struct world_manner){.from = "198.51.100.7"});

    (void)state;
    assert_string_equal(world_words(reply), "REFUSED rd ra | EDE 18 this client is not in an "
                                            "access network");
    world_destroy(world);
}

/* Local answers come before policy: such a name never leaves, so nothing is to be kept back. */
static void policy_has_nothing_to_say_about_local_names(void **state)
{
    static const struct row row = {"app.localhost", WIRE_A,
                                   DATA("app.localhost 10800 A 127.0.0.1")};
    struct world *world = world_create();

    (void)state;
    world_adopt(world, {.id = "l", .rules = "block suffix app.localhost"});
    check(world, &row, (struct world_manner){0});
    assert_string_equal(world_events(world), "");
    world_destroy(world);
}

static void switched_off_special_names_are_forwarded(void **state)
{
    static const struct row rows[] = {
        {"nas.home.arpa", WIRE_A, DATA("nas.home.arpa 60 A 10.0.0.1")},
        {"localhost", WIRE_A, DATA("localhost 60 A 127.0.0.9")},
    };
    struct world *world = world_create();

    (void)state;
    world->settings.local_special = false;
    world_adopt_lists(world, 0, NULL);
    world_serve(world, "nas.home.arpa", WIRE_A, "nas.home.arpa. 60 IN A 10.0.0.1\n");
    world_serve(world, "localhost", WIRE_A, "localhost. 60 IN A 127.0.0.9\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        check(world, &rows[i], (struct world_manner){0});
    }
    assert_int_equal(world->asked_count, 2);
    assert_int_equal(query_engine_counters(world->engine)->local, 0);
    world_destroy(world);
}

/* A question that waits for an upstream is answered at once, and no further packet leaves. */
static void a_reload_that_makes_a_name_local_ends_its_fetch(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    world->settings.local_special = false;
    world_adopt(world, {.id = "l", .rules = "block suffix home.arpa", .mode = POLICY_MODE_LOG});
    struct world_reply *reply =
        world_send(world, "nas.home.arpa", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(100));
    assert_true(reply->in_use);
    const size_t asked = world->asked_count;

    world->settings.local_special = true;
    world_adopt(world, {.id = "l", .rules = "block suffix home.arpa", .mode = POLICY_MODE_LOG});
    assert_false(reply->in_use);
    assert_string_equal(world_words(reply), NXDOMAIN("home.arpa"));
    assert_string_equal(world_events(world), "");
    world_pass(world, SECONDS(10));
    assert_int_equal(world->asked_count, asked);
    world_destroy(world);
}

static void a_redirect_to_a_local_name_asks_nobody(void **state)
{
    static const struct row rows[] = {
        {"bad.example", WIRE_A,
         DATA("bad.example 10 CNAME page.localhost | page.localhost 10800 A 127.0.0.1 | "
              "EDE 4 prov-l l 7")},
        {"bad.example", WIRE_TXT,
         DATA("bad.example 10 CNAME page.localhost | ~localhost 10800 SOA minimum 10800 | "
              "EDE 4 prov-l l 7")},
        {"bad.example", WIRE_CNAME,
         DATA("bad.example 10 CNAME page.localhost | EDE 4 prov-l l 7")},
    };
    struct world *world = world_create();

    (void)state;
    world_adopt(
        world, {.id = "l", .rules = "block suffix bad.example action=redirect:page.localhost"});
    for (size_t i = 0; i < COUNT(rows); i++) {
        check(world, &rows[i], (struct world_manner){0});
    }
    assert_int_equal(world->asked_count, 0);
    world_destroy(world);
}

/* Lets the engine adopt what hosts text says; the caller frees it after the world. */
static struct local_names *adopt_hosts(struct world *world, const char *text, uint32_t ttl_s)
{
    static const uint8_t key[SIPHASH_KEY_OCTETS] = {9};
    struct local_builder *builder = local_builder_create();
    struct local_names *names = NULL;

    assert_non_null(builder);
    assert_int_equal(local_hosts_read(text, strlen(text), "hosts", builder, NULL), 0);
    assert_int_equal(local_names_build(builder, ttl_s, key, NULL, &names), 0);
    local_builder_free(builder);
    world->settings.local_names = names;
    world_adopt(world, {.id = "l", .rules = "block suffix nas.lan.example"});
    return names;
}

#define SHORT(rcode, zone) rcode " rd ra | ~" zone " 60 SOA minimum 60"

static void names_of_the_operator_are_answered_here(void **state)
{
    static const char hosts[] = "10.0.0.5 nas.lan.example files.lan.example\n"
                                "2001:db8::5 nas.lan.example\n"
                                "10.0.0.6 nas.lan.example\n"
                                "10.0.0.7 a.b.home.arpa\n"
                                "10.0.0.8 home.arpa\n"
                                "10.0.0.9 printer.local\n"
                                "198.51.100.1 public.example\n"
                                "127.0.0.1 localhost\n";
    static const struct row rows[] = {
        {"nas.lan.example", WIRE_A,
         DATA("nas.lan.example 60 A 10.0.0.5 | nas.lan.example 60 A 10.0.0.6")},
        {"nas.lan.example", WIRE_AAAA, DATA("nas.lan.example 60 AAAA 2001:db8::5")},
        {"nas.lan.example", WIRE_MX, SHORT("NOERROR", "nas.lan.example")},
        {"nas.lan.example", WIRE_HTTPS, SHORT("NOERROR", "nas.lan.example")},
        {"nas.lan.example", WIRE_ANY, DATA("nas.lan.example 300 HINFO RFC8482")},
        {"files.lan.example", WIRE_AAAA, SHORT("NOERROR", "files.lan.example")},
        /* the way back, in zones of RFC 6303 and elsewhere */
        {"5.0.0.10.in-addr.arpa", WIRE_PTR,
         DATA("5.0.0.10.in-addr.arpa 60 PTR nas.lan.example")},
        {"5.0.0.10.in-addr.arpa", WIRE_TXT, SHORT("NOERROR", "10.in-addr.arpa")},
        {"4.0.0.10.in-addr.arpa", WIRE_PTR, SHORT("NXDOMAIN", "10.in-addr.arpa")},
        {"1.100.51.198.in-addr.arpa", WIRE_PTR,
         DATA("1.100.51.198.in-addr.arpa 60 PTR public.example")},
        /* what stands between a zone and its names exists (RFC 8020, 2) */
        {"0.0.10.in-addr.arpa", WIRE_PTR, SHORT("NOERROR", "10.in-addr.arpa")},
        {"b.home.arpa", WIRE_A, SHORT("NOERROR", "home.arpa")},
        {"a.b.home.arpa", WIRE_A, DATA("a.b.home.arpa 60 A 10.0.0.7")},
        {"c.home.arpa", WIRE_A, SHORT("NXDOMAIN", "home.arpa")},
        /* at the apex of a zone its own records stay */
        {"home.arpa", WIRE_A, DATA("home.arpa 60 A 10.0.0.8")},
        {"home.arpa", WIRE_SOA, DATA("home.arpa 10800 SOA minimum 10800")},
        {"home.arpa", WIRE_NS, DATA("home.arpa 10800 NS home.arpa")},
        {"home.arpa", WIRE_AAAA, SHORT("NOERROR", "home.arpa")},
        {"printer.local", WIRE_A, DATA("printer.local 60 A 10.0.0.9")},
        {"printer.local", WIRE_AAAA, SHORT("NOERROR", ".")},
        {"local", WIRE_A, SHORT("NOERROR", ".")},
        {"other.local", WIRE_A, SHORT("NXDOMAIN", ".")},
        /* localhost is as always, whatever a file says */
        {"localhost", WIRE_AAAA, DATA("localhost 10800 AAAA ::1")},
        {"1.0.0.127.in-addr.arpa", WIRE_PTR,
         DATA("1.0.0.127.in-addr.arpa 10800 PTR localhost")},
    };
    struct world *world = world_create();
    struct local_names *names = adopt_hosts(world, hosts, 60);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        check(world, &rows[i], (struct world_manner){0});
        check(world, &rows[i], (struct world_manner){.tcp = true});
    }
    assert_int_equal(world->asked_count, 0);
    assert_string_equal(world_events(world), "");
    world_destroy(world);
    local_names_free(names);
}

static void names_beside_those_of_the_operator_are_asked_for(void **state)
{
    static const char *const others[] = {"lan.example", "x.nas.lan.example", "xnas.lan.example",
                                         "1.1.0.8.in-addr.arpa"};
    struct world *world = world_create();
    struct local_names *names = adopt_hosts(world, "8.0.0.1 nas.lan.example", 60);

    (void)state;
    world_adopt_lists(world, 0, NULL);
    for (size_t i = 0; i < COUNT(others); i++) {
        world_ask(world, others[i], WIRE_A);
        assert_int_equal(world_asked(world, others[i]), 1);
    }
    world_destroy(world);
    local_names_free(names);
}

/* More addresses than a datagram holds: again over TCP, like any answer. */
static void a_local_answer_that_does_not_fit_is_truncated(void **state)
{
    char hosts[2048] = "";
    struct world *world = world_create();

    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        const size_t used = strlen(hosts);
        snprintf(hosts + used, sizeof(hosts) - used, "10.0.0.%u many.example\n", i);
    }
    struct local_names *names = adopt_hosts(world, hosts, 60);
    struct world_reply *reply =
        world_ask_with(world, "many.example", WIRE_A, (struct world_manner){.no_edns = true});
    assert_string_equal(world_words(reply), "NOERROR tc rd ra");
    reply = world_ask_with(world, "many.example", WIRE_A, (struct world_manner){.tcp = true});
    assert_int_equal(wire_get16(reply->octets + 6), 32);
    world_destroy(world);
    local_names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_names_are_answered_here),
        cmocka_unit_test(the_soa_is_that_of_an_empty_zone),
        cmocka_unit_test(the_ds_record_of_a_local_zone_is_asked_for),
        cmocka_unit_test(without_rd_local_names_are_told_all_the_same),
        cmocka_unit_test(strangers_learn_no_local_name),
        cmocka_unit_test(policy_has_nothing_to_say_about_local_names),
        cmocka_unit_test(switched_off_special_names_are_forwarded),
        cmocka_unit_test(a_reload_that_makes_a_name_local_ends_its_fetch),
        cmocka_unit_test(a_redirect_to_a_local_name_asks_nobody),
        cmocka_unit_test(names_of_the_operator_are_answered_here),
        cmocka_unit_test(names_beside_those_of_the_operator_are_asked_for),
        cmocka_unit_test(a_local_answer_that_does_not_fit_is_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
