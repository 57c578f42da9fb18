/* Who is answered, and what is said to questions that are not resolved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct octets_row {
    const char *octets;
    size_t len;
    const char *words;
};

#define ROW(octets, words)                \
    {                                     \
        octets, sizeof(octets) - 1, words \
    }
#define HEAD(flags, counts) "\x12\x34" flags counts
#define ONE                 "\0\x01\0\0\0\0\0\0"
#define ONE_OPT             "\0\x01\0\0\0\0\0\x01"
#define WWW       \
    "\x03www\x07" \
    "example\0"
#define OPT "\0\0\x29\x04\xd0\0\0\0\0\0\0"

static const struct octets_row octets_rows[] = {
    /* never answered: less than a header, or a response */
    ROW("", "nothing"),
    ROW("\x12\x34\x01", "nothing"),
    ROW(HEAD("\x81\0", ONE) WWW "\0\x01\0\x01", "nothing"),
    /* malformed (FORMERR): no question, two questions, a cut one, trailing octets, bad name */
    ROW(HEAD("\x01\0", "\0\0\0\0\0\0\0\0"), "FORMERR rd ra"),
    ROW(HEAD("\x01\0", "\0\x02\0\0\0\0\0\0") WWW "\0\x01\0\x01" WWW "\0\x01\0\x01",
        "FORMERR rd ra"),
    ROW(HEAD("\x01\0", ONE) WWW "\0\x01\0", "FORMERR rd ra"),
    ROW(HEAD("\x01\0", ONE) WWW "\0\x01\0\x01\0", "FORMERR rd ra"),
    ROW(HEAD("\x01\0", ONE) "\x80\0\0\x01\0\x01", "FORMERR rd ra"),
    ROW(HEAD("\x01\0", ONE) "\xc0\x0c\0\x01\0\x01", "FORMERR rd ra"),
    ROW(HEAD("\x01\0", "\0\x01\0\x01\0\0\0\0") WWW "\0\x01\0\x01" WWW
                                                   "\0\x01\0\x01\0\0\0\0\0\0",
        "FORMERR rd ra"),
    /* two OPT records */
    ROW(HEAD("\x01\0", "\0\x01\0\0\0\0\0\x02") WWW "\0\x01\0\x01" OPT OPT, "FORMERR rd ra"),
    /* opcodes: STATUS, NOTIFY, UPDATE */
    ROW(HEAD("\x11\0", ONE) WWW "\0\x01\0\x01", "NOTIMP rd ra"),
    ROW(HEAD("\x21\0", ONE) WWW "\0\x06\0\x01", "NOTIMP rd ra"),
    ROW(HEAD("\x29\0", ONE) WWW "\0\x06\0\x01", "NOTIMP rd ra"),
    /* classes: CHAOS, ANY */
    ROW(HEAD("\x01\0", ONE) "\x07version\x04"
                            "bind\0\0\x10\0\x03",
        "REFUSED rd ra"),
    ROW(HEAD("\x01\0", ONE) WWW "\0\x01\0\xff", "REFUSED rd ra"),
    /* AXFR and IXFR */
    ROW(HEAD("\x01\0", ONE) WWW "\0\xfc\0\x01", "REFUSED rd ra"),
    ROW(HEAD("\x01\0", ONE) WWW "\0\xfb\0\x01", "REFUSED rd ra"),
    /* EDNS version 1 */
    ROW(HEAD("\x01\0", ONE_OPT) WWW "\0\x01\0\x01"
                                    "\0\0\x29\x04\xd0\0\x01\0\0\0\0",
        "BADVERS rd ra"),
    /* well-formed, with an option that nobody knows */
    ROW(HEAD("\x01\0", ONE_OPT) WWW "\0\x01\0\x01"
                                    "\0\0\x29\x04\xd0\0\0\0\0\0\x06"
                                    "\xfd\xe9\0\x02hi",
        "NOERROR rd ra | www.example 60 A 192.0.2.1"),
};

static void each_malformed_question_has_its_answer(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "www.example", WIRE_A, "www.example. 60 IN A 192.0.2.1\n");
    for (size_t i = 0; i < 2 * COUNT(octets_rows); i++) {
        const struct octets_row *row = &octets_rows[i / 2];
        struct world_reply *reply =
            world_send_octets(world, (const uint8_t *)row->octets, row->len,
                              (struct world_manner){.tcp = i % 2 == 1});

        world_pass(world, SECONDS(1));
        assert_string_equal(world_words(reply), row->words);
        if (reply->sent > 0) {
            assert_memory_equal(reply->octets, "\x12\x34", 2);
        }
    }
    assert_int_equal(world->asked_count, 1);
    world_destroy(world);
}

/* No octets of a client end the program or stay without an end. */
static void cut_questions_are_answered_or_dropped(void **state)
{
    struct world *world = world_create();
    const uint8_t whole[] = HEAD("\x01\0", ONE_OPT) WWW "\0\x01\0\x01" OPT;

    (void)state;
    for (size_t len = 0; len < sizeof(whole); len++) {
        for (size_t at = 0; at < len; at += 3) {
            uint8_t octets[sizeof(whole)];

            memcpy(octets, whole, sizeof(whole));
            octets[at] ^= (uint8_t)(0x80 >> len % 8);
            world_send_octets(world, octets, len, (struct world_manner){0});
            world_pass(world, SECONDS(5));
        }
    }
    assert_int_equal(query_engine_in_use(world->engine), 0);
    world_destroy(world);
}

static void only_clients_of_the_access_networks_are_answered(void **state)
{
    const struct {
        const char *from;
        bool allowed;
    } clients[] = {
        {"127.0.0.1", true},    {"127.255.255.255", true},
        {"::1", true},          {"126.255.255.255", false},
        {"128.0.0.1", false},   {"10.0.0.1", false},
        {"::2", false},         {"::", false},
        {"2001:db8::1", false}, {"198.51.100.7", false},
    };

    (void)state;
    for (unsigned silent = 0; silent < 2; silent++) {
        struct world *world = world_create();

        world->settings.refuse_silently = silent != 0;
        world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
        world_serve(world, "www.example", WIRE_A, "www.example. 60 IN A 192.0.2.1\n");
        for (size_t i = 0; i < COUNT(clients); i++) {
            const struct world_manner manner = {.from = clients[i].from};
            const char *refused =
                silent ? "nothing"
                       : "REFUSED rd ra | EDE 18 this client is not in an access network";

            assert_string_equal(
                world_words(world_ask_with(world, "www.example", WIRE_A, manner)),
                clients[i].allowed ? "NOERROR rd ra | www.example 60 A 192.0.2.1" : refused);
            /* A stranger does not even learn what is blocked, or malformed. */
            if (!clients[i].allowed) {
                assert_string_equal(
                    world_words(world_ask_with(world, "bad.example", WIRE_A, manner)), refused);
                struct world_reply *reply = world_send_octets(
                    world, (const uint8_t *)HEAD("\x01\0", "\0\0\0\0\0\0\0\0"), 12, manner);
                assert_string_equal(world_words(reply), silent ? "nothing" : "REFUSED rd ra");
            }
        }
        assert_string_equal(world_events(world), "");
        assert_int_equal(world->asked_count, 1);
        world_destroy(world);
    }
}

static void any_is_answered_without_asking(void **state)
{
    struct world *world = world_create();

    (void)state;
    assert_string_equal(world_words(world_ask(world, "www.example", WIRE_ANY)),
                        "NOERROR rd ra | www.example 300 HINFO RFC8482");
    assert_int_equal(world->asked_count, 0);
    world_destroy(world);
}

static void without_rd_only_what_is_at_hand_is_told(void **state)
{
    struct world *world = world_create();
    const struct world_manner manner = {.no_recursion = true};

    (void)state;
    world_serve(world, "www.example", WIRE_A, "www.example. 60 IN A 192.0.2.1\n");
    assert_string_equal(world_words(world_ask_with(world, "www.example", WIRE_A, manner)),
                        "REFUSED ra | EDE 0 recursion was not asked for");
    assert_int_equal(world->asked_count, 0);
    world_ask(world, "www.example", WIRE_A);
    assert_string_equal(world_words(world_ask_with(world, "www.example", WIRE_A, manner)),
                        "NOERROR ra | www.example 60 A 192.0.2.1");
    world_destroy(world);
}

static void keepalive_is_announced_over_tcp_to_who_asks(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "www.example", WIRE_A, "www.example. 60 IN A 192.0.2.1\n");
    assert_string_equal(
        world_words(world_ask_with(world, "www.example", WIRE_A,
                                   (struct world_manner){.tcp = true, .keepalive = true})),
        "NOERROR rd ra | www.example 60 A 192.0.2.1 | keepalive 100");
    assert_string_equal(world_words(world_ask_with(world, "www.example", WIRE_A,
                                                   (struct world_manner){.tcp = true})),
                        "NOERROR rd ra | www.example 60 A 192.0.2.1");
    assert_string_equal(world_words(world_ask_with(world, "www.example", WIRE_A,
                                                   (struct world_manner){.keepalive = true})),
                        "NOERROR rd ra | www.example 60 A 192.0.2.1");
    world_destroy(world);
}

/* The longest name there is, and the root. */
static void names_at_the_limits_are_resolved_and_blocked(void **state)
{
    struct world *world = world_create();
    char longest[256] = "";

    (void)state;
    for (unsigned i = 0; i < 123; i++) {
        strcat(longest, "a.");
    }
    strcat(longest, "example");
    world_adopt(world, {.id = "l", .rules = "block suffix b.example action=nxdomain"});
    world_serve(world, longest, WIRE_A, "--\nexample. 60 IN SOA a. b. 1 2 3 4 60\n");
    world_serve(world, ".", WIRE_NS, ". 60 IN NS a.test.\n");
    assert_string_equal(world_words(world_ask(world, longest, WIRE_A)),
                        "NOERROR rd ra | ~example 60 SOA minimum 60");
    longest[244] = 'b';
    struct world_reply *reply = world_ask(world, longest, WIRE_A);
    assert_non_null(strstr(world_words(reply), ".a.b.example 10 SOA minimum 10"));
    assert_int_equal(reply->octets[3] & 0x0f, WIRE_NXDOMAIN);
    assert_string_equal(world_words(world_ask(world, ".", WIRE_NS)),
                        "NOERROR rd ra | . 60 NS a.test");
    world_destroy(world);
}

static void a_connection_that_is_gone_costs_nothing_but_the_event(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    world_serve(world, "www.example", WIRE_A, "www.example. 60 IN A 192.0.2.1\n");
    world->no_room = true;
    assert_string_equal(world_words(world_ask(world, "bad.example", WIRE_A)), "nothing");
    assert_string_equal(world_events(world), "applied enforce sinkhole qname bad.example");
    assert_string_equal(world_words(world_ask(world, "bad.example", WIRE_TXT)), "nothing");
    assert_string_equal(world_words(world_ask(world, "www.example", WIRE_A)), "nothing");
    assert_string_equal(world_words(world_ask(world, "gone.example", WIRE_A)), "nothing");
    assert_string_equal(world_words(world_ask(world, "www.example", WIRE_ANY)), "nothing");
    world_destroy(world);
}

static void events_that_find_no_room_are_counted(void **state)
{
    struct world *world = world_create();
    unsigned asked;
    unsigned kept;

    (void)state;
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    for (asked = 0; asked < 100000 && world->events_lost < 100; asked++) {
        assert_string_equal(world_records(world_ask(world, "bad.example", WIRE_A)),
                            "bad.example 10 A 0.0.0.0");
    }
    assert_int_equal(world->events_lost, 100);
    for (kept = 0;; kept++) {
        size_t len;

        if (ring_peek(world->events, &len) == NULL) {
            break;
        }
        ring_release(world->events);
    }
    assert_int_equal(kept + world->events_lost, asked);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_malformed_question_has_its_answer),
        cmocka_unit_test(cut_questions_are_answered_or_dropped),
        cmocka_unit_test(only_clients_of_the_access_networks_are_answered),
        cmocka_unit_test(any_is_answered_without_asking),
        cmocka_unit_test(without_rd_only_what_is_at_hand_is_told),
        cmocka_unit_test(keepalive_is_announced_over_tcp_to_who_asks),
        cmocka_unit_test(names_at_the_limits_are_resolved_and_blocked),
        cmocka_unit_test(a_connection_that_is_gone_costs_nothing_but_the_event),
        cmocka_unit_test(events_that_find_no_room_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
