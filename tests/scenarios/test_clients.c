/* Who asks, targets of MX, SRV, NS and PTR records, and passes that end a chain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define GUEST "127.0.8.1"
#define CAR   "127.0.7.9"

static const struct world_view views[] = {
    {.name = "default"},
    {.name = "guests",
     .clients = "127.0.8.0/24",
     .client = "block",
     .action = POLICY_ACTION_REFUSED},
    {.name = "counted", .clients = "127.0.6.0/24", .client = "log"},
    {.name = "trusted", .clients = "127.0.5.0/24", .client = "pass"},
    {.name = "listener", .listen = "127.0.0.54@53", .client = "block"},
};
static const struct world_list lists[] = {
    {.id = "c",
     .rules = "block prefix 127.0.7.0/24 action=nodata trigger=client\n"
              "pass prefix 127.0.7.7/32 trigger=client\n"
              "pass prefix 127.0.7.8/32 trigger=client ends=chain\n"
              "block prefix 127.0.5.0/24 trigger=client\n"
              "block suffix bad.example\n"},
};

static void serve(struct world *world)
{
    world_serve(world, "www.example", WIRE_A, "www.example. 300 IN A 192.0.2.1\n");
    world_serve(world, "bad.example", WIRE_A, "bad.example. 300 IN A 192.0.2.2\n");
    world_serve(world, "hop.example", WIRE_A,
                "hop.example. 300 IN CNAME bad.example.\n"
                "bad.example. 300 IN A 192.0.2.2\n");
}

static const char *ask_from(struct world *world, const char *from, const char *name)
{
    return world_words(
        world_ask_with(world, name, WIRE_A, (struct world_manner){.from = from}));
}

static void a_client_is_decided_before_its_question(void **state)
{
    static const struct {
        const char *from, *name, *words, *events;
    } rows[] = {
        {CAR, "www.example", "NOERROR rd ra | ~www.example 10 SOA",
         "applied enforce nodata client ."},
        {CAR, "bad.example", "NOERROR rd ra", "applied enforce nodata client ."},
        /* passed as a client, and asking for a blocked name all the same */
        {"127.0.7.7", "www.example", "NOERROR rd ra | www.example 300 A 192.0.2.1", ""},
        {"127.0.7.7", "bad.example", "NOERROR rd ra | bad.example 10 A 0.0.0.0",
         "applied enforce sinkhole qname bad.example"},
        /* passed for the whole chain */
        {"127.0.7.8", "bad.example", "NOERROR rd ra | bad.example 300 A 192.0.2.2", ""},
        {"127.0.7.8", "hop.example", "hop.example 300 CNAME bad.example", ""},
        {GUEST, "www.example", "REFUSED", "guests applied enforce refused clients ."},
        {"127.0.6.1", "www.example", "NOERROR rd ra | www.example 300 A 192.0.2.1",
         "counted logged log sinkhole clients ."},
        /* the view's word before the list's */
        {"127.0.5.1", "www.example", "NOERROR rd ra | www.example 300 A 192.0.2.1", ""},
        {"127.0.5.1", "bad.example", "bad.example 10 A 0.0.0.0",
         "trusted applied enforce sinkhole qname bad.example"},
    };
    struct world *world = world_create();

    (void)state;
    serve(world);
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(views), views);
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const char *words = ask_from(world, rows[i].from, rows[i].name);

        if (strstr(words, rows[i].words) == NULL) {
            fail_msg("row %zu: \"%s\"", i, words);
        }
        assert_string_equal(world_events(world), rows[i].events);
    }
    world_destroy(world);
}

/* No packet about anything that a blocked client asks, whatever the name. */
static void a_blocked_client_costs_no_packet(void **state)
{
    static const uint16_t types[] = {WIRE_A, WIRE_NS, WIRE_HTTPS, WIRE_ANY, WIRE_DS};
    struct world *world = world_create();

    (void)state;
    serve(world);
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(views), views);
    for (size_t i = 0; i < ITEMS(types); i++) {
        for (unsigned tcp = 0; tcp < 2; tcp++) {
            world_ask_with(world, "www.example", types[i],
                           (struct world_manner){.from = GUEST, .tcp = tcp != 0});
            world_ask_with(world, ".", types[i], (struct world_manner){.from = CAR});
        }
    }
    world_pass(world, SECONDS(30));
    assert_int_equal(world->asked_count, 0);
    assert_int_equal(query_engine_counters(world->engine)->blocked, 4 * ITEMS(types));
    world_destroy(world);
}

/* A view by listener: whoever asks there. */
static void a_listener_is_a_client_s_place(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve(world);
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(views), views);
    assert_non_null(strstr(ask_from(world, "127.0.0.99", "www.example"), "A 192.0.2.1"));
    assert_string_equal(world_events(world), "");
    struct world_reply *reply =
        world_ask_with(world, "www.example", WIRE_A,
                       (struct world_manner){.from = "127.0.0.99", .local = "127.0.0.54@53"});
    assert_non_null(strstr(world_words(reply), "A 0.0.0.0"));
    assert_string_equal(world_events(world), "listener applied enforce sinkhole clients .");
    world_destroy(world);
}

static void a_reload_that_blocks_the_client_ends_what_waits(void **state)
{
    struct world_view changed[ITEMS(views)];
    struct world *world = world_create();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(views), views);
    struct world_reply *reply =
        world_send(world, "slow.example", WIRE_A, (struct world_manner){.from = "127.0.6.1"});
    world_pass(world, MILLISECONDS(100));
    world_events(world);
    const size_t packets = world->asked_count;
    memcpy(changed, views, sizeof(views));
    changed[2].client = "block";
    world_adopt_views(world, ITEMS(lists), lists, ITEMS(changed), changed);
    assert_non_null(strstr(world_words(reply), "A 0.0.0.0"));
    assert_string_equal(world_events(world), "counted applied enforce sinkhole clients .");
    world_pass(world, SECONDS(60));
    assert_int_equal(world->asked_count, packets);
    world_destroy(world);
}

/* --- targets --- */

static const struct world_list target_lists[] = {
    {.id = "t", .rules = "block suffix mail.example\npass exact ok.mail.example\n"}};

static void serve_targets(struct world *world)
{
    world_serve(world, "mx.example", WIRE_MX,
                "mx.example. 300 IN MX 10 fine.example.\n"
                "mx.example. 300 IN MX 20 in.mail.example.\n");
    world_serve(world, "null.example", WIRE_MX, "null.example. 300 IN MX 0 .\n");
    world_serve(world, "okmx.example", WIRE_MX, "okmx.example. 300 IN MX 0 ok.mail.example.\n");
    world_serve(world, "_sip._tcp.example", WIRE_SRV,
                "_sip._tcp.example. 300 IN SRV 0 5 5060 sip.mail.example.\n");
    world_serve(world, "ns.example", WIRE_NS, "ns.example. 300 IN NS a.mail.example.\n");
    world_serve(world, "8.8.8.8.in-addr.arpa", WIRE_PTR,
                "8.8.8.8.in-addr.arpa. 300 IN PTR host.mail.example.\n");
    world_serve(world, "alias.example", WIRE_MX,
                "alias.example. 300 IN CNAME behind.example.\n"
                "behind.example. 300 IN MX 5 in.mail.example.\n");
}

static void targets_are_recorded_or_blocked_as_the_view_says(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        const char *hit; /* "MATCHED", and where; NULL: none */
    } rows[] = {
        {"mx.example", WIRE_MX, "target in.mail.example"},
        {"null.example", WIRE_MX, NULL},
        {"okmx.example", WIRE_MX, NULL},
        {"_sip._tcp.example", WIRE_SRV, "target sip.mail.example"},
        {"ns.example", WIRE_NS, "target a.mail.example"},
        {"8.8.8.8.in-addr.arpa", WIRE_PTR, "target host.mail.example"},
        {"alias.example", WIRE_MX, "target1 in.mail.example"},
    };
    static const char *const modes[] = {"off", "log", "enforce"};

    (void)state;
    for (size_t mode = 0; mode < ITEMS(modes); mode++) {
        const struct world_view view = {.name = "default", .targets = modes[mode]};
        struct world *world = world_create();

        serve_targets(world);
        world_adopt_views(world, 1, target_lists, 1, &view);
        for (size_t i = 0; i < 2 * ITEMS(rows); i++) { /* again from the cache */
            const size_t row = i % ITEMS(rows);
            struct world_reply *reply = world_ask(world, rows[row].name, rows[row].type);
            char wanted[128] = "";
            const bool blocked = mode == 2 && rows[row].hit != NULL;

            if (mode > 0 && rows[row].hit != NULL) {
                snprintf(wanted, sizeof(wanted), "%s sinkhole %s",
                         mode == 1 ? "logged log" : "applied enforce", rows[row].hit);
            }
            assert_string_equal(world_events(world), wanted);
            assert_int_equal(strstr(world_words(reply), "300") == NULL, blocked);
        }
        world_destroy(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_decided_before_its_question),
        cmocka_unit_test(a_blocked_client_costs_no_packet),
        cmocka_unit_test(a_listener_is_a_client_s_place),
        cmocka_unit_test(a_reload_that_blocks_the_client_ends_what_waits),
        cmocka_unit_test(targets_are_recorded_or_blocked_as_the_view_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
