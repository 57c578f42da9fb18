/* Policy on what an answer would show: hops, DNAMEs, SVCB targets, hints and addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const rules = "block suffix bad.example\n"
                                 "block exact nx.target.example action=nxdomain\n"
                                 "block exact tc.target.example action=truncate\n"
                                 "block exact log.target.example action=log\n"
                                 "pass suffix good.bad.example\n"
                                 "block prefix 198.51.100.0/24\n"
                                 "pass prefix 198.51.100.128/25\n"
                                 "block prefix 2001:db8:bad::/48 action=refused\n";

static void serve_all(struct world *world)
{
    /* A chain of two hops whose second is blocked. */
    world_serve(world, "www.example", WIRE_A,
                "www.example. 300 IN CNAME a.cdn.example.\n"
                "a.cdn.example. 300 IN CNAME edge.bad.example.\n"
                "edge.bad.example. 300 IN A 192.0.2.66\n");
    /* The first of two is blocked: the second is not shown. */
    world_serve(world, "two.example", WIRE_A,
                "two.example. 300 IN CNAME bad.example.\n"
                "bad.example. 300 IN CNAME nx.target.example.\n"
                "nx.target.example. 300 IN A 192.0.2.66\n");
    /* The records in another order. */
    world_serve(world, "order.example", WIRE_A,
                "edge.bad.example. 300 IN A 192.0.2.66\n"
                "b.cdn.example. 300 IN CNAME edge.bad.example.\n"
                "order.example. 300 IN CNAME b.cdn.example.\n");
    /* By way of a DNAME, with and without the CNAME that it implies. */
    world_serve(world, "x.dname.example", WIRE_A,
                "dname.example. 300 IN DNAME bad.example.\n"
                "x.dname.example. 300 IN CNAME x.bad.example.\n"
                "x.bad.example. 300 IN A 192.0.2.66\n");
    world_serve(world, "y.dname.example", WIRE_A,
                "dname.example. 300 IN DNAME bad.example.\n"
                "y.bad.example. 300 IN A 192.0.2.66\n");
    world_serve(world, "nx.example", WIRE_A,
                "nx.example. 300 IN CNAME nx.target.example.\n"
                "nx.target.example. 300 IN A 192.0.2.66\n");
    world_serve(world, "logged.example", WIRE_A,
                "logged.example. 300 IN CNAME log.target.example.\n"
                "log.target.example. 300 IN A 192.0.2.7\n");
    world_serve(world, "passed.example", WIRE_A,
                "passed.example. 300 IN CNAME good.bad.example.\n"
                "good.bad.example. 300 IN A 192.0.2.7\n");
    /* Truncate at a hop: over TCP what is behind it counts. */
    world_serve(world, "tc.example", WIRE_A,
                "tc.example. 300 IN CNAME tc.target.example.\n"
                "tc.target.example. 300 IN A 192.0.2.7\n");
    world_serve(world, "tc2.example", WIRE_A,
                "tc2.example. 300 IN CNAME tc.target.example.\n"
                "tc.target.example. 300 IN CNAME late.bad.example.\n"
                "late.bad.example. 300 IN A 192.0.2.7\n");
    world_serve(world, "tc3.example", WIRE_A,
                "tc3.example. 300 IN CNAME tc.target.example.\n"
                "tc.target.example. 300 IN A 198.51.100.1\n");
    /* The CNAME itself, asked for by its type. */
    world_serve(world, "www.example", WIRE_CNAME, "www.example. 300 IN CNAME a.cdn.example.\n");
    world_serve(world, "direct.example", WIRE_CNAME,
                "direct.example. 300 IN CNAME edge.bad.example.\n");
    /* A chain that ends with nothing still shows the target. */
    world_serve_rcode(world, "end.example", WIRE_A, WIRE_NXDOMAIN,
                      "end.example. 300 IN CNAME gone.bad.example.\n--\n"
                      "example. 300 IN SOA a.example. b.example. 1 2 3 4 60\n");
    /* SVCB and HTTPS targets, alias and service mode. */
    world_serve(world, "alias.example", WIRE_HTTPS,
                "alias.example. 300 IN HTTPS 0 svc.bad.example.\n");
    world_serve(world, "service.example", WIRE_HTTPS,
                "service.example. 300 IN HTTPS 1 . alpn=h2\n"
                "service.example. 300 IN HTTPS 2 svc.bad.example. alpn=h2\n");
    world_serve(world, "own.example", WIRE_HTTPS,
                "own.example. 300 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1\n");
    world_serve(world, "_dns.example", WIRE_SVCB,
                "_dns.example. 300 IN SVCB 1 svc.bad.example.\n");
    /* Addresses in hints and in records. */
    world_serve(world, "hint4.example", WIRE_HTTPS,
                "hint4.example. 300 IN HTTPS 1 . ipv4hint=192.0.2.1,198.51.100.1\n");
    world_serve(world, "hint6.example", WIRE_HTTPS,
                "hint6.example. 300 IN HTTPS 1 . ipv6hint=2001:db8:bad::1\n");
    world_serve(world, "address.example", WIRE_A,
                "address.example. 300 IN A 192.0.2.1\n"
                "address.example. 300 IN A 198.51.100.7\n");
    world_serve(world, "address.example", WIRE_AAAA,
                "address.example. 300 IN AAAA 2001:db8:bad::7\n");
    world_serve(world, "letin.example", WIRE_A, "letin.example. 300 IN A 198.51.100.200\n");
    world_serve(world, "behind.example", WIRE_A,
                "behind.example. 300 IN CNAME c.cdn.example.\n"
                "c.cdn.example. 300 IN A 198.51.100.7\n");
    /* Not on the chain: neither shown nor a reason to block. */
    world_serve(world, "junk.example", WIRE_A,
                "junk.example. 300 IN A 192.0.2.1\n"
                "other.example. 300 IN A 198.51.100.7\n"
                "other.example. 300 IN CNAME edge.bad.example.\n");
}

struct row {
    const char *name;
    uint16_t type;
    struct world_manner manner;
    const char *records;
    const char *events;
};

static const struct row rows[] = {
    {"www.example",
     WIRE_A,
     {0},
     "www.example 10 A 0.0.0.0",
     "applied enforce sinkhole hop2 edge.bad.example"},
    {"www.example",
     WIRE_A,
     {.dnssec_ok = true},
     "www.example 10 A 0.0.0.0",
     "applied enforce sinkhole hop2 edge.bad.example"},
    {"www.example",
     WIRE_A,
     {.checking_disabled = true, .tcp = true},
     "www.example 10 A 0.0.0.0",
     "applied enforce sinkhole hop2 edge.bad.example"},
    {"two.example",
     WIRE_A,
     {0},
     "two.example 10 A 0.0.0.0",
     "applied enforce sinkhole hop1 bad.example"},
    {"order.example",
     WIRE_A,
     {0},
     "order.example 10 A 0.0.0.0",
     "applied enforce sinkhole hop2 edge.bad.example"},
    {"x.dname.example",
     WIRE_A,
     {0},
     "x.dname.example 10 A 0.0.0.0",
     "applied enforce sinkhole hop1 x.bad.example"},
    {"y.dname.example",
     WIRE_A,
     {0},
     "y.dname.example 10 A 0.0.0.0",
     "applied enforce sinkhole hop1 y.bad.example"},
    {"nx.example",
     WIRE_A,
     {0},
     "~example 10 SOA minimum 10",
     "applied enforce nxdomain hop1 nx.target.example"},
    {"logged.example",
     WIRE_A,
     {0},
     "logged.example 300 CNAME log.target.example | log.target.example 300 A 192.0.2.7",
     "logged enforce log hop1 log.target.example"},
    {"passed.example",
     WIRE_A,
     {0},
     "passed.example 300 CNAME good.bad.example | good.bad.example 300 A 192.0.2.7",
     ""},
    {"tc.example", WIRE_A, {0}, "", "applied enforce truncate hop1 tc.target.example"},
    {"tc.example",
     WIRE_A,
     {.tcp = true},
     "tc.example 300 CNAME tc.target.example | tc.target.example 300 A 192.0.2.7",
     "logged enforce truncate hop1 tc.target.example"},
    {"tc2.example",
     WIRE_A,
     {.tcp = true},
     "tc2.example 10 A 0.0.0.0",
     "logged enforce truncate hop1 tc.target.example; "
     "applied enforce sinkhole hop2 late.bad.example"},
    {"tc3.example",
     WIRE_A,
     {.tcp = true},
     "tc3.example 10 A 0.0.0.0",
     "logged enforce truncate hop1 tc.target.example; "
     "applied enforce sinkhole address1 tc.target.example"},
    {"www.example", WIRE_CNAME, {0}, "www.example 300 CNAME a.cdn.example", ""},
    {"direct.example",
     WIRE_CNAME,
     {0},
     "~direct.example 10 SOA minimum 10",
     "applied enforce sinkhole hop1 edge.bad.example"},
    {"end.example",
     WIRE_A,
     {0},
     "end.example 10 A 0.0.0.0",
     "applied enforce sinkhole hop1 gone.bad.example"},
    {"alias.example",
     WIRE_HTTPS,
     {0},
     "~alias.example 10 SOA minimum 10",
     "applied enforce sinkhole svcb svc.bad.example"},
    {"service.example",
     WIRE_HTTPS,
     {0},
     "~service.example 10 SOA minimum 10",
     "applied enforce sinkhole svcb svc.bad.example"},
    {"own.example", WIRE_HTTPS, {0}, "own.example 300 HTTPS 1 .", ""},
    {"_dns.example",
     WIRE_SVCB,
     {0},
     "~_dns.example 10 SOA minimum 10",
     "applied enforce sinkhole svcb svc.bad.example"},
    {"hint4.example",
     WIRE_HTTPS,
     {0},
     "~hint4.example 10 SOA minimum 10",
     "applied enforce sinkhole address hint4.example"},
    {"hint6.example", WIRE_HTTPS, {0}, "", "applied enforce refused address hint6.example"},
    {"address.example",
     WIRE_A,
     {0},
     "address.example 10 A 0.0.0.0",
     "applied enforce sinkhole address address.example"},
    {"address.example", WIRE_AAAA, {0}, "", "applied enforce refused address address.example"},
    {"letin.example", WIRE_A, {0}, "letin.example 300 A 198.51.100.200", ""},
    {"behind.example",
     WIRE_A,
     {0},
     "behind.example 10 A 0.0.0.0",
     "applied enforce sinkhole address1 c.cdn.example"},
    {"junk.example", WIRE_A, {0}, "junk.example 300 A 192.0.2.1", ""},
};

static void each_trigger_replaces_the_whole_answer(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve_all(world);
    world_adopt(world, {.id = "l", .rules = rules});
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct world_reply *reply = world_ask_with(world, row->name, row->type, row->manner);

        assert_string_equal(world_records(reply), row->records);
        assert_string_equal(world_events(world), row->events);
    }
    /* The same from the cache: not one more packet. */
    const size_t asked = world->asked_count;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct world_reply *reply = world_ask_with(world, row->name, row->type, row->manner);

        assert_string_equal(world_records(reply), row->records);
        assert_string_equal(world_events(world), row->events);
    }
    assert_int_equal(world->asked_count, asked);
    world_destroy(world);
}

/* The cache has the answer before policy, so a new policy needs no flush. */
static void a_change_of_policy_holds_for_what_is_cached(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve_all(world);
    assert_string_equal(world_records(world_ask(world, "www.example", WIRE_A)),
                        "www.example 300 CNAME a.cdn.example | a.cdn.example 300 CNAME "
                        "edge.bad.example | edge.bad.example 300 A 192.0.2.66");
    assert_string_equal(world_records(world_ask(world, "address.example", WIRE_A)),
                        "address.example 300 A 192.0.2.1 | address.example 300 A 198.51.100.7");
    const size_t asked = world->asked_count;

    world_adopt(world, {.id = "l", .rules = rules});
    assert_string_equal(world_records(world_ask(world, "www.example", WIRE_A)),
                        "www.example 10 A 0.0.0.0");
    assert_string_equal(world_records(world_ask(world, "address.example", WIRE_A)),
                        "address.example 10 A 0.0.0.0");
    /* Off again: the answer is there as it was, older. */
    world_pass(world, SECONDS(100));
    world_adopt(world, {.id = "l", .rules = rules, .off = true});
    assert_string_equal(world_records(world_ask(world, "www.example", WIRE_A)),
                        "www.example 200 CNAME a.cdn.example | a.cdn.example 200 CNAME "
                        "edge.bad.example | edge.bad.example 200 A 192.0.2.66");
    assert_int_equal(world->asked_count, asked);
    world_destroy(world);
}

/* The order of triggers decides which hit is named, not the strength of its action. */
static void the_first_trigger_in_order_decides(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "first.example", WIRE_A,
                "first.example. 300 IN CNAME hop.example.\n"
                "hop.example. 300 IN A 198.51.100.7\n");
    world_adopt(world, {.id = "a", .rules = "block prefix 198.51.100.0/24 action=refused"},
                {.id = "b", .rules = "block exact hop.example action=nodata"});
    assert_string_equal(world_words(world_ask(world, "first.example", WIRE_A)),
                        "NOERROR rd ra | ~first.example 10 SOA minimum 10 | EDE 15 prov-b b 7");
    world_adopt(world, {.id = "a", .rules = "block prefix 198.51.100.0/24 action=refused"},
                {.id = "b", .rules = "block exact hop.example action=nodata"},
                {.id = "c", .rules = "block suffix first.example action=nxdomain"});
    assert_string_equal(world_words(world_ask(world, "first.example", WIRE_A)),
                        "NXDOMAIN rd ra | ~example 10 SOA minimum 10 | EDE 15 prov-c c 7");
    /* A pass for the name lets the name through, not what it leads to. */
    world_adopt(world, {.id = "a", .rules = "block prefix 198.51.100.0/24 action=refused"},
                {.id = "c", .rules = "pass suffix first.example"});
    assert_string_equal(world_words(world_ask(world, "first.example", WIRE_A)),
                        "REFUSED rd ra | EDE 15 prov-a a 7");
    world_destroy(world);
}

static void lists_in_log_mode_are_recorded_beside_the_block(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve_all(world);
    world_adopt(world, {.id = "e", .rules = "block suffix bad.example"},
                {.id = "m",
                 .mode = POLICY_MODE_LOG,
                 .rules = "block exact www.example action=drop\nblock suffix cdn.example\n"
                          "block prefix 192.0.2.0/24"});
    assert_string_equal(world_records(world_ask(world, "www.example", WIRE_A)),
                        "www.example 10 A 0.0.0.0");
    assert_string_equal(world_events(world), "logged log drop qname www.example; "
                                             "logged log sinkhole hop1 a.cdn.example; "
                                             "applied enforce sinkhole hop2 edge.bad.example");
    world_destroy(world);
}

/* An event says who answered, how long it took, and whether the answer was at hand. */
static void the_event_has_upstream_latency_and_client(void **state)
{
    struct world *world = world_create();
    const struct audit_event *event = &world->last_event;

    (void)state;
    serve_all(world);
    world_adopt(world, {.id = "l", .rules = rules});
    const uint64_t start_us = world->now.wall_us;
    world_ask_with(world, "two.example", WIRE_A, (struct world_manner){.tcp = true});
    world_events(world);
    assert_true(address_equal(&event->upstream, &world->servers[0].address));
    assert_false(event->cached);
    assert_int_equal(event->latency_us, 10000);
    assert_int_equal(event->wall_us, start_us);
    assert_int_equal(event->transport, AUDIT_TCP);
    assert_int_equal(event->generation, world->generation);
    assert_int_equal(event->client.port, 40000);
    assert_int_equal(event->rcode, WIRE_NOERROR);
    world_ask(world, "two.example", WIRE_A);
    world_events(world);
    assert_int_equal(event->upstream.family, ADDRESS_NONE);
    assert_true(event->cached);
    assert_int_equal(event->latency_us, 0);
    assert_int_equal(event->transport, AUDIT_UDP);
    world_ask(world, "nx.example", WIRE_A);
    world_events(world);
    assert_int_equal(event->rcode, WIRE_NXDOMAIN);
    world_destroy(world);
}

/* A client that is less strict than we are would find the listed addresses. */
static void hints_in_a_malformed_record_reach_nobody(void **state)
{
    static const char *const served[] = {
        /* one key twice: a listed address, then one that is not */
        "\\# 19 00010000040004c633640700040004c0000201",
        /* keys out of order: IPv6, then IPv4, both listed */
        "\\# 31 0001000006001020010db80bad0000000000000000000100040004c6336407",
    };
    static const uint16_t types[] = {WIRE_HTTPS, WIRE_SVCB};

    (void)state;
    for (size_t i = 0; i < COUNT(served) * COUNT(types); i++) {
        const uint16_t type = types[i % COUNT(types)];
        struct world *world = world_create();
        char record[256];

        snprintf(record, sizeof(record), "odd.example. 300 IN TYPE%u %s\n", type,
                 served[i / COUNT(types)]);
        world_adopt(world, {.id = "l", .rules = rules});
        world_serve(world, "odd.example", type, record);
        assert_string_equal(world_words(world_ask(world, "odd.example", type)),
                            "SERVFAIL rd ra | EDE 24 the upstream's answer is malformed");
        world_destroy(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trigger_replaces_the_whole_answer),
        cmocka_unit_test(a_change_of_policy_holds_for_what_is_cached),
        cmocka_unit_test(the_first_trigger_in_order_decides),
        cmocka_unit_test(the_event_has_upstream_latency_and_client),
        cmocka_unit_test(lists_in_log_mode_are_recorded_beside_the_block),
        cmocka_unit_test(hints_in_a_malformed_record_reach_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
