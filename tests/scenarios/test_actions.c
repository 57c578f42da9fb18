/* Each action, for each kind of question: what the client sees and what is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const rules = "block suffix sink.example\n"
                                 "block suffix nx.example action=nxdomain\n"
                                 "block suffix kept.example action=nxdomain\n"
                                 "pass suffix www.kept.example\n"
                                 "block suffix nodata.example action=nodata\n"
                                 "block suffix refused.example action=refused\n"
                                 "block suffix drop.example action=drop\n"
                                 "block suffix tc.example action=truncate\n"
                                 "block suffix log.example action=log\n"
                                 "pass suffix pass.sink.example\n";

#define TO_CLIENTS " | EDE 15 prov-l l 7"

struct row {
    const char *name;
    uint16_t type;
    struct world_manner manner;
    const char *words;
    const char *events;
};

#define SINK_EVENT "applied enforce sinkhole qname sink.example"

static const struct row rows[] = {
    /* sinkhole: addresses for the two types that have one */
    {"sink.example",
     WIRE_A,
     {0},
     "NOERROR rd ra | sink.example 10 A 0.0.0.0 | EDE 4 prov-l l 7",
     SINK_EVENT},
    {"sink.example",
     WIRE_AAAA,
     {0},
     "NOERROR rd ra | sink.example 10 AAAA :: | EDE 4 prov-l l 7",
     SINK_EVENT},
    /* every other type is NODATA */
    {"sink.example",
     WIRE_TXT,
     {0},
     "NOERROR rd ra | ~sink.example 10 SOA minimum 10" TO_CLIENTS,
     SINK_EVENT},
    {"sink.example",
     WIRE_HTTPS,
     {0},
     "NOERROR rd ra | ~sink.example 10 SOA minimum 10" TO_CLIENTS,
     SINK_EVENT},
    {"sink.example",
     WIRE_ANY,
     {0},
     "NOERROR rd ra | ~sink.example 10 SOA minimum 10" TO_CLIENTS,
     SINK_EVENT},
    {"sink.example",
     WIRE_DS,
     {.dnssec_ok = true},
     "NOERROR rd ra | ~sink.example 10 SOA minimum 10 | do" TO_CLIENTS,
     SINK_EVENT},
    {"sink.example",
     WIRE_CNAME,
     {0},
     "NOERROR rd ra | ~sink.example 10 SOA minimum 10" TO_CLIENTS,
     SINK_EVENT},
    {"sink.example",
     65280,
     {0},
     "NOERROR rd ra | ~sink.example 10 SOA minimum 10" TO_CLIENTS,
     SINK_EVENT},
    /* below the name; a block holds whatever DO and CD are, and without EDNS says no EDE */
    {"a.b.sink.example",
     WIRE_A,
     {.dnssec_ok = true},
     "NOERROR rd ra | a.b.sink.example 10 A 0.0.0.0 | do | EDE 4 prov-l l 7",
     "applied enforce sinkhole qname a.b.sink.example"},
    {"sink.example",
     WIRE_A,
     {.checking_disabled = true},
     "NOERROR rd ra cd | sink.example 10 A 0.0.0.0 | EDE 4 prov-l l 7",
     SINK_EVENT},
    {"sink.example",
     WIRE_A,
     {.dnssec_ok = true, .checking_disabled = true, .tcp = true},
     "NOERROR rd ra cd | sink.example 10 A 0.0.0.0 | do | EDE 4 prov-l l 7",
     SINK_EVENT},
    {"sink.example",
     WIRE_A,
     {.no_edns = true},
     "NOERROR rd ra | sink.example 10 A 0.0.0.0",
     SINK_EVENT},
    {"sink.example",
     WIRE_A,
     {.no_recursion = true},
     "NOERROR ra | sink.example 10 A 0.0.0.0 | EDE 4 prov-l l 7",
     SINK_EVENT},
    /* a longer pass rule */
    {"pass.sink.example", WIRE_A, {0}, "NOERROR rd ra | pass.sink.example 300 A 192.0.2.1", ""},

    /* nxdomain: the SOA is that of the parent */
    {"nx.example",
     WIRE_A,
     {0},
     "NXDOMAIN rd ra | ~example 10 SOA minimum 10" TO_CLIENTS,
     "applied enforce nxdomain qname nx.example"},
    {"a.nx.example",
     WIRE_TXT,
     {.no_edns = true},
     "NXDOMAIN rd ra | ~nx.example 10 SOA minimum 10",
     "applied enforce nxdomain qname a.nx.example"},
    /* nxdomain is NODATA above a pass rule, and nowhere else */
    {"kept.example",
     WIRE_A,
     {0},
     "NOERROR rd ra | ~kept.example 10 SOA minimum 10" TO_CLIENTS,
     "applied enforce nxdomain qname kept.example"},
    {"x.kept.example",
     WIRE_A,
     {0},
     "NXDOMAIN rd ra | ~kept.example 10 SOA minimum 10" TO_CLIENTS,
     "applied enforce nxdomain qname x.kept.example"},

    {"nodata.example",
     WIRE_A,
     {0},
     "NOERROR rd ra | ~nodata.example 10 SOA minimum 10" TO_CLIENTS,
     "applied enforce nodata qname nodata.example"},
    {"nodata.example",
     WIRE_AAAA,
     {.dnssec_ok = true, .tcp = true},
     "NOERROR rd ra | ~nodata.example 10 SOA minimum 10 | do" TO_CLIENTS,
     "applied enforce nodata qname nodata.example"},

    {"refused.example",
     WIRE_A,
     {0},
     "REFUSED rd ra" TO_CLIENTS,
     "applied enforce refused qname refused.example"},
    {"refused.example",
     WIRE_A,
     {.no_edns = true, .checking_disabled = true},
     "REFUSED rd ra cd",
     "applied enforce refused qname refused.example"},

    {"drop.example", WIRE_A, {0}, "nothing", "applied enforce drop qname drop.example"},
    {"drop.example",
     WIRE_A,
     {.tcp = true},
     "nothing",
     "applied enforce drop qname drop.example"},

    /* truncate: TC over UDP; over TCP the real answer, and the event says "not applied" */
    {"tc.example",
     WIRE_A,
     {0},
     "NOERROR tc rd ra" TO_CLIENTS,
     "applied enforce truncate qname tc.example"},
    {"tc.example",
     WIRE_TXT,
     {.no_edns = true},
     "NOERROR tc rd ra",
     "applied enforce truncate qname tc.example"},
    {"tc.example",
     WIRE_A,
     {.tcp = true},
     "NOERROR rd ra | tc.example 300 A 192.0.2.2",
     "logged enforce truncate qname tc.example"},

    /* log: the real answer and an event */
    {"log.example",
     WIRE_A,
     {0},
     "NOERROR rd ra | log.example 300 A 192.0.2.3",
     "logged enforce log qname log.example"},

    /* neighbours of a listed name */
    {"notsink.example", WIRE_A, {0}, "NOERROR rd ra | notsink.example 300 A 192.0.2.4", ""},
    {"sink.example.org", WIRE_A, {0}, "NOERROR rd ra | sink.example.org 300 A 192.0.2.5", ""},
};

static struct world *make_world(void)
{
    struct world *world = world_create();

    world_adopt(world, {.id = "l", .rules = rules});
    world_serve(world, "pass.sink.example", WIRE_A, "pass.sink.example. 300 IN A 192.0.2.1\n");
    world_serve(world, "tc.example", WIRE_A, "tc.example. 300 IN A 192.0.2.2\n");
    world_serve(world, "log.example", WIRE_A, "log.example. 300 IN A 192.0.2.3\n");
    world_serve(world, "notsink.example", WIRE_A, "notsink.example. 300 IN A 192.0.2.4\n");
    world_serve(world, "sink.example.org", WIRE_A, "sink.example.org. 300 IN A 192.0.2.5\n");
    return world;
}

static void each_action_answers_each_kind_of_question(void **state)
{
    struct world *world = make_world();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct world_reply *reply = world_ask_with(world, row->name, row->type, row->manner);

        assert_string_equal(world_words(reply), row->words);
        assert_string_equal(world_events(world), row->events);
    }
    /* What is blocked by its name was never asked of anybody. */
    assert_int_equal(world_asked(world, "sink.example"), 0);
    assert_int_equal(world_asked(world, "refused.example"), 0);
    assert_int_equal(world_asked(world, "drop.example"), 0);
    assert_int_equal(world_asked(world, "tc.example"), 1); /* over TCP it is not blocked */
    world_destroy(world);
}

static void the_operators_addresses_take_the_place_of_zero(void **state)
{
    struct world *world = world_create();

    (void)state;
    memcpy(world->settings.sinkhole4.octets, (const uint8_t[]){127, 0, 0, 9}, 4);
    world->settings.sinkhole6.octets[15] = 1;
    world->settings.block_ttl_s = 33;
    world_adopt(world, {.id = "l", .rules = rules});
    assert_string_equal(world_records(world_ask(world, "sink.example", WIRE_A)),
                        "sink.example 33 A 127.0.0.9");
    assert_string_equal(world_records(world_ask(world, "sink.example", WIRE_AAAA)),
                        "sink.example 33 AAAA ::1");
    assert_string_equal(world_records(world_ask(world, "sink.example", WIRE_MX)),
                        "~sink.example 33 SOA minimum 33");
    /* Without an address of a family its type is NODATA. */
    world->settings.sinkhole6.family = ADDRESS_NONE;
    world_adopt(world, {.id = "l", .rules = rules});
    assert_string_equal(world_records(world_ask(world, "sink.example", WIRE_AAAA)),
                        "~sink.example 33 SOA minimum 33");
    world_destroy(world);
}

struct ede_row {
    const char *legal;
    int block_ede;
    bool off;
    const char *forged, *other;
};

static const struct ede_row ede_rows[] = {
    /* a forged address is 4, other blocks 15 */
    {NULL, WIRE_EDE_NONE, false, " | EDE 4 prov-l l 7", " | EDE 15 prov-l l 7"},
    /* the list names a law: 16 */
    {"The Act, section 5", WIRE_EDE_NONE, false, " | EDE 4 prov-l l 7", " | EDE 16 prov-l l 7"},
    /* by configuration 17, whatever the list says */
    {NULL, WIRE_EDE_FILTERED, false, " | EDE 4 prov-l l 7", " | EDE 17 prov-l l 7"},
    {"The Act", WIRE_EDE_FILTERED, false, " | EDE 4 prov-l l 7", " | EDE 17 prov-l l 7"},
    /* switched off */
    {"The Act", WIRE_EDE_FILTERED, true, "", ""},
};

static void the_code_says_why_it_is_blocked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ede_rows); i++) {
        struct world *world = world_create();
        char expected[256];

        world->settings.block_ede = ede_rows[i].block_ede;
        world->settings.ede = !ede_rows[i].off;
        world_adopt(world, {.id = "l", .rules = rules, .legal = ede_rows[i].legal});
        snprintf(expected, sizeof(expected), "NOERROR rd ra | sink.example 10 A 0.0.0.0%s",
                 ede_rows[i].forged);
        assert_string_equal(world_words(world_ask(world, "sink.example", WIRE_A)), expected);
        snprintf(expected, sizeof(expected), "REFUSED rd ra%s", ede_rows[i].other);
        assert_string_equal(world_words(world_ask(world, "refused.example", WIRE_A)), expected);
        world_destroy(world);
    }
}

static void a_long_provider_leaves_room_for_the_serial(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_adopt(world, {.id = "a-list-with-a-name-that-is-rather-long",
                        .serial = 4294967295,
                        .rules = "block suffix refused.example action=refused"});
    assert_string_equal(
        world_words(world_ask(world, "refused.example", WIRE_A)),
        "REFUSED rd ra | EDE 15 prov-a-list-with-a-name- a-list-with-a-name-that- 4294967295");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_action_answers_each_kind_of_question),
        cmocka_unit_test(the_operators_addresses_take_the_place_of_zero),
        cmocka_unit_test(the_code_says_why_it_is_blocked),
        cmocka_unit_test(a_long_provider_leaves_room_for_the_serial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
