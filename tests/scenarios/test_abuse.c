/* What one client, or one zone, can take from others: every bound is hit here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

static const struct query_counters *counters(const struct world *world)
{
    return query_engine_counters(world->engine);
}

/* www.example, then hops aliases, then an address. */
static void serve_chain(struct world *world, unsigned hops)
{
    char records[2048] = "www.example. 60 IN CNAME c1.example.\n";

    for (unsigned i = 1; i < hops; i++) {
        sprintf(records + strlen(records), "c%u.example. 60 IN CNAME c%u.example.\n", i, i + 1);
    }
    sprintf(records + strlen(records), "c%u.example. 60 IN A 192.0.2.1\n", hops);
    world_serve(world, "www.example", WIRE_A, records);
}

static void eleven_aliases_are_followed_and_twelve_are_not(void **state)
{
    struct world *world = world_create();

    (void)state;
    serve_chain(world, 11);
    const char *words = world_words(world_ask(world, "www.example", WIRE_A));
    assert_non_null(strstr(words, "c11.example 60 A 192.0.2.1"));
    assert_int_equal(counters(world)->chains_too_long, 0);
    world_pass(world, SECONDS(61));

    serve_chain(world, 12);
    assert_string_equal(
        world_words(world_ask(world, "www.example", WIRE_A)),
        "SERVFAIL rd ra | EDE 24 the answer's chain of names is a loop or too long");
    assert_int_equal(counters(world)->chains_too_long, 1);
    world_destroy(world);
}

/* The servers cost as many packets as they can, and whenever they have, the policy changes: the
 * question is redirected anew, to a name that is not known. */
static void one_question_is_worth_forty_packets(void **state)
{
    struct world *world = world_create_with(4, 64);
    struct world_reply *reply;
    size_t before = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        world->servers[i].manners = SERVER_FLOODS;
    }
    world_adopt(world,
                {.id = "l", .rules = "block suffix bad.example action=redirect:t0.test"});
    reply = world_send(world, "bad.example", WIRE_A, (struct world_manner){0});
    for (unsigned i = 1; i <= 6 && reply->in_use; i++) {
        char rules[80];

        for (unsigned ms = 0; ms < 400 && reply->in_use && world->asked_count < before + 12;
             ms++) {
            world_pass(world, MILLISECONDS(1));
        }
        before = world->asked_count;
        snprintf(rules, sizeof(rules), "block suffix bad.example action=redirect:t%u.test", i);
        world_adopt(world, {.id = "l", .rules = rules});
        assert_true(world->asked_count <= QUERY_PACKETS_MAX);
    }
    world_pass(world, SECONDS(5));
    assert_int_equal(world->asked_count, QUERY_PACKETS_MAX);
    assert_int_equal(counters(world)->packets_exceeded, 1);
    /* Blocked stays blocked. */
    assert_string_equal(world_words(reply),
                        "NOERROR rd ra | bad.example 10 A 0.0.0.0 | EDE 4 prov-l l 7");
    world_destroy(world);
}

/* ---- cookies ---- */

static const uint8_t client_part[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* The full cookie of the answer. */
static void cookie_of(const struct world_reply *reply, uint8_t out[QUERY_COOKIE_OCTETS])
{
    static const uint8_t head[] = {0, WIRE_OPTION_COOKIE, 0, QUERY_COOKIE_OCTETS};
    const uint8_t *at = memmem(reply->octets, reply->len, head, sizeof(head));

    assert_non_null(at);
    memcpy(out, at + sizeof(head), QUERY_COOKIE_OCTETS);
}

static void each_answer_to_a_cookie_has_one(void **state)
{
    struct world *world = world_create();
    struct world_manner manner = {.cookie = client_part, .cookie_len = sizeof(client_part)};
    uint8_t cookie[QUERY_COOKIE_OCTETS];
    static const char *const names[] = {"www.example", "bad.example", "localhost",
                                        "none.example"};

    (void)state;
    world_serve(world, "www.example", WIRE_A, "www.example. 60 IN A 192.0.2.1\n");
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        /* Of the client alone; then ours, twice: from the cache, and over TCP. */
        manner.cookie = client_part;
        manner.cookie_len = sizeof(client_part);
        manner.tcp = false;
        cookie_of(world_ask_with(world, names[i], WIRE_A, manner), cookie);
        assert_memory_equal(cookie, client_part, sizeof(client_part));
        manner.cookie = cookie;
        manner.cookie_len = sizeof(cookie);
        for (unsigned turn = 0; turn < 2; turn++) {
            uint8_t again[QUERY_COOKIE_OCTETS];

            manner.tcp = turn == 1;
            cookie_of(world_ask_with(world, names[i], WIRE_A, manner), again);
            assert_memory_equal(again, cookie, sizeof(cookie));
        }
    }
    assert_int_equal(counters(world)->cookies[QUERY_COOKIE_NEW], 4);
    assert_int_equal(counters(world)->cookies[QUERY_COOKIE_VALID], 8);
    /* Somebody else's is as good as none: the answer, and a good one. */
    cookie[20] ^= 1;
    manner.tcp = false;
    assert_string_equal(world_words(world_ask_with(world, "www.example", WIRE_A, manner)),
                        "NOERROR rd ra | www.example 60 A 192.0.2.1 | cookie");
    assert_int_equal(counters(world)->cookies[QUERY_COOKIE_INVALID], 1);
    /* Without one there is none. */
    assert_string_equal(world_words(world_ask(world, "www.example", WIRE_A)),
                        "NOERROR rd ra | www.example 60 A 192.0.2.1");
    world_destroy(world);
}

/* RFC 6891, 6.1.1: an OPT record belongs to one hop. */
static void a_cookie_stays_here(void **state)
{
    struct world *world = world_create();
    struct wire_question question;

    (void)state;
    world_serve(world, "www.example", WIRE_A, "www.example. 60 IN A 192.0.2.1\n");
    world_send(world, "www.example", WIRE_A,
               (struct world_manner){.cookie = client_part, .cookie_len = 8});
    const struct upstream_try *sent = world->packets[0].t;
    assert_int_equal(wire_question_read(sent->octets, sent->len, &question), WIRE_QUESTION_OK);
    assert_int_equal(question.cookie_len, 0);
    world_destroy(world);
}

/* RFC 7873, 5.4. */
static void a_cookie_can_be_had_without_a_question(void **state)
{
    static const uint8_t head[] = {0x12, 0x34, 1, 0,    0, 0,    0, 0, 0, 0, 0,
                                   1,    0,    0, 0x29, 4, 0xd0, 0, 0, 0, 0, 0};
    struct world *world = world_create();
    uint8_t octets[64];
    uint8_t cookie[QUERY_COOKIE_OCTETS];
    size_t len = 8;

    (void)state;
    memcpy(cookie, client_part, sizeof(client_part));
    for (unsigned turn = 0; turn < 4; turn++) {
        static const char *const words[] = {"NOERROR rd ra | cookie", "NOERROR rd ra | cookie",
                                            "BADCOOKIE rd ra | cookie",
                                            "NOERROR rd ra | cookie"};

        memcpy(octets, head, sizeof(head));
        octets[sizeof(head)] = (uint8_t)(4 + len);
        memcpy(octets + sizeof(head) + 1, (uint8_t[]){0, WIRE_OPTION_COOKIE, 0, (uint8_t)len},
               4);
        memcpy(octets + sizeof(head) + 5, cookie, len);
        struct world_reply *reply =
            world_send_octets(world, octets, sizeof(head) + 5 + len, (struct world_manner){0});
        assert_string_equal(world_words(reply), words[turn]);
        assert_int_equal(wire_get16(reply->octets + 4), 0); /* no question */
        cookie_of(reply, cookie);
        len = sizeof(cookie);
        cookie[12] ^= turn == 1 ? 1 : 0;
    }
    world_destroy(world);
}

/* ---- the rate ---- */

#define RATE  20u
#define BURST (RATE * (unsigned)QUERY_RATE_BURST_S)

static struct world *limited_world(uint32_t slip)
{
    struct world *world = world_create();

    world->settings.rate_per_s = RATE;
    world->settings.rate_slip = slip;
    assert_int_equal(address_prefix_parse("192.0.2.0/24", 12, &world->settings.access[0]), 0);
    world_serve(world, "www.example", WIRE_A, "www.example. 3600 IN A 192.0.2.1\n");
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    return world;
}

/* Asks as often; says how many got the whole answer, and what the last one got. */
static unsigned ask_often(struct world *world, const char *name, struct world_manner manner,
                          unsigned count, const char **last)
{
    unsigned answered = 0;

    for (unsigned i = 0; i < count; i++) {
        struct world_reply *reply = world_send(world, name, WIRE_A, manner);
        world_pass(world, reply->in_use ? MILLISECONDS(50) : 0);
        *last = world_words(reply);
        answered += strncmp(*last, "NOERROR rd ra | ", 16) == 0;
    }
    return answered;
}

static void a_client_over_its_rate_is_limited_alone(void **state)
{
    struct world *world = limited_world(2);
    const char *last;

    (void)state;
    /* Blocked ones count, and so do those of a stranger. */
    assert_in_range(ask_often(world, "bad.example", (struct world_manner){.from = "192.0.2.9"},
                              2 * BURST, &last),
                    BURST, BURST + 3);
    assert_string_equal(last, "NOERROR tc rd ra");
    assert_in_range(counters(world)->rate_limited, BURST - 3, BURST);
    assert_int_equal(counters(world)->rate_slipped, counters(world)->rate_limited / 2);
    assert_int_equal(counters(world)->answered[WIRE_REFUSED], 0);
    ask_often(world, "www.example", (struct world_manner){.from = "198.51.100.1"}, 2 * BURST,
              &last);
    assert_string_equal(last, "NOERROR tc rd ra");
    assert_in_range(counters(world)->answered[WIRE_REFUSED], BURST, BURST + 3);
    /* Others, and loopback for ever. */
    assert_int_equal(ask_often(world, "www.example", (struct world_manner){.from = "192.0.2.8"},
                               BURST / 2, &last),
                     BURST / 2);
    assert_int_equal(address_prefix_parse("127.0.0.0/8", 11, &world->settings.access[0]), 0);
    assert_int_equal(
        ask_often(world, "www.example", (struct world_manner){0}, 5 * BURST, &last), 5 * BURST);
    world_destroy(world);
}

/* The two ways on: TCP after TC=1, and the cookie of BADCOOKIE. */
static void a_limited_client_proves_its_address_and_is_served(void **state)
{
    struct world *world = limited_world(1);
    struct world_manner manner = {.from = "192.0.2.9"};
    uint8_t cookie[QUERY_COOKIE_OCTETS];
    const char *last;

    (void)state;
    ask_often(world, "www.example", manner, 2 * BURST, &last);
    assert_string_equal(last, "NOERROR tc rd ra");
    manner.tcp = true;
    assert_string_equal(world_words(world_ask_with(world, "www.example", WIRE_A, manner)),
                        "NOERROR rd ra | www.example 3600 A 192.0.2.1");
    manner.tcp = false;
    manner.cookie = client_part;
    manner.cookie_len = sizeof(client_part);
    struct world_reply *reply = world_ask_with(world, "www.example", WIRE_A, manner);
    assert_string_equal(world_words(reply), "BADCOOKIE rd ra | cookie");
    cookie_of(reply, cookie);
    manner.cookie = cookie;
    manner.cookie_len = sizeof(cookie);
    /* Proven: more than before, and not without end. TCP is the same allowance. */
    const unsigned more = ask_often(world, "www.example", manner, 10 * BURST, &last);
    assert_in_range(more, QUERY_RATE_PROVEN * BURST - 1, QUERY_RATE_PROVEN * BURST + 9);
    assert_string_equal(last, "NOERROR tc rd ra | cookie");
    manner.tcp = true;
    assert_string_equal(
        world_words(world_ask_with(world, "www.example", WIRE_A, manner)),
        "REFUSED rd ra | EDE 0 this client asks too often (access.rate) | cookie");
    world_destroy(world);
}

static void with_no_slip_nothing_comes_and_off_is_off(void **state)
{
    struct world *world = limited_world(0);
    struct world_manner manner = {.from = "192.0.2.9"};
    const char *last;

    (void)state;
    ask_often(world, "www.example", manner, 2 * BURST, &last);
    assert_string_equal(last, "nothing");
    assert_int_equal(counters(world)->rate_slipped, 0);
    world->settings.rate_per_s = 0;
    assert_int_equal(ask_often(world, "www.example", manner, 2 * BURST, &last), 2 * BURST);
    world_destroy(world);
}

/* A question that waits is decided anew by a reload, but was asked once. */
static void a_reload_does_not_count_a_question_twice(void **state)
{
    struct world *world = limited_world(1);
    struct world_reply *replies[BURST / 2];

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    for (unsigned i = 0; i < BURST / 2; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example", i);
        replies[i] =
            world_send(world, name, WIRE_A, (struct world_manner){.from = "192.0.2.9"});
    }
    for (unsigned turn = 0; turn < 3; turn++) {
        world_adopt(world, {.id = "l", .rules = "block suffix other.example"});
    }
    for (unsigned i = 0; i < BURST / 2; i++) {
        assert_string_equal(world_words(replies[i]), "waiting");
    }
    assert_int_equal(counters(world)->rate_limited, 0);
    world_destroy(world);
}

/* ---- shares of the places to wait ---- */

#define SLOTS 64u

/* Asks for count names that nobody answers; returns how many wait. */
static unsigned wait_often(struct world *world, const char *from, const char *label,
                           unsigned count, struct world_reply **last)
{
    unsigned waiting = 0;

    for (unsigned i = 0; i < count; i++) {
        char name[64];

        snprintf(name, sizeof(name), "%s%u.dead.example", label, i);
        *last = world_send(world, name, WIRE_A, (struct world_manner){.from = from});
        waiting += (*last)->in_use ? 1 : 0;
    }
    return waiting;
}

#define TOO_MANY "SERVFAIL rd ra | EDE 14 too many questions of this client wait"

static void a_client_that_floods_leaves_others_their_places(void **state)
{
    struct world *world = world_create_with(1, SLOTS);
    struct world_manner flooder = {.from = "127.0.0.66"};
    struct world_reply *last;

    (void)state;
    world_serve(world, "www.example", WIRE_A, "www.example. 3600 IN A 192.0.2.1\n");
    world_serve(world, "new.example", WIRE_A, "new.example. 3600 IN A 192.0.2.2\n");
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    world_ask(world, "www.example", WIRE_A);
    world->servers[0].manners = SERVER_SILENT;
    assert_int_equal(wait_often(world, flooder.from, "a", SLOTS - 4, &last), SLOTS / 2);
    assert_string_equal(world_words(last), TOO_MANY);
    assert_int_equal(counters(world)->share_refused, SLOTS / 2 - 4);
    /* Also where it would only join. */
    assert_string_equal(world_words(world_send(world, "a0.dead.example", WIRE_A, flooder)),
                        TOO_MANY);
    /* It still has what is known. */
    assert_string_equal(world_words(world_send(world, "www.example", WIRE_A, flooder)),
                        "NOERROR rd ra | www.example 3600 A 192.0.2.1");
    assert_string_equal(world_words(world_send(world, "bad.example", WIRE_A, flooder)),
                        "NOERROR rd ra | bad.example 10 A 0.0.0.0 | EDE 4 prov-l l 7");
    /* Another one is served, and has its own share. */
    world->servers[0].manners = SERVER_PLAIN;
    assert_string_equal(world_words(world_ask_with(world, "new.example", WIRE_A,
                                                   (struct world_manner){.from = "127.0.0.7"})),
                        "NOERROR rd ra | new.example 3600 A 192.0.2.2");
    world_pass(world, SECONDS(10));
    assert_int_equal(query_engine_in_use(world->engine), 0);
    assert_int_equal(counters(world)->no_slot, 0);

    /* All is given back: the same once more, with others' shares. */
    world->servers[0].manners = SERVER_SILENT;
    assert_int_equal(wait_often(world, flooder.from, "b", SLOTS / 2 + 5, &last), SLOTS / 2);
    assert_int_equal(wait_often(world, "127.0.0.7", "c", SLOTS / 4, &last), SLOTS / 8);
    assert_string_equal(world_words(last), TOO_MANY);
    world_destroy(world);
}

static void the_addresses_of_one_ipv6_network_share(void **state)
{
    struct world *world = world_create_with(1, SLOTS);
    struct world_reply *last;
    char from[40];

    (void)state;
    assert_int_equal(address_prefix_parse("2001:db8::/32", 13, &world->settings.access[0]), 0);
    world->servers[0].manners = SERVER_SILENT;
    for (unsigned i = 0; i < SLOTS / 2; i++) {
        snprintf(from, sizeof(from), "2001:db8::%x", i + 1);
        assert_int_equal(wait_often(world, from, from + 10, 1, &last), 1);
    }
    assert_int_equal(wait_often(world, "2001:db8::ffff", "x", 1, &last), 0);
    assert_string_equal(world_words(last), TOO_MANY);
    /* Another network: of each address an eighth, of all a quarter. */
    assert_int_equal(wait_often(world, "2001:db8:0:1::1", "y", 9, &last), SLOTS / 8);
    assert_int_equal(wait_often(world, "2001:db8:0:1::2", "z", 9, &last), SLOTS / 8);
    assert_int_equal(wait_often(world, "2001:db8:0:1::3", "v", 1, &last), 0);
    world_destroy(world);
}

/* Whoever need not wait is answered even when all places are taken. */
static void the_last_slots_are_not_waited_in(void **state)
{
    struct world *world = world_create_with(1, SLOTS);
    struct world_reply *last;
    unsigned waiting = 0;
    char from[40];

    (void)state;
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    world->servers[0].manners = SERVER_SILENT;
    for (unsigned i = 0; i < SLOTS - 4; i++) {
        snprintf(from, sizeof(from), "127.0.1.%u", i + 1);
        waiting += wait_often(world, from, from + 6, 1, &last);
    }
    assert_int_equal(waiting, SLOTS - 4);
    for (unsigned i = 0; i < 4; i++) {
        waiting += wait_often(world, "127.0.2.1", i % 2 ? "o" : "p", 1 + i / 2, &last);
    }
    assert_int_equal(waiting, SLOTS - 1);
    assert_string_equal(world_words(last), "SERVFAIL rd ra | EDE 14 too many questions wait");
    assert_true(counters(world)->waits_refused > 0);
    world_destroy(world);
}

/* ---- answers ---- */

/* Answers of every length around each bound, to clients that advertise this and that. */
static void no_answer_over_udp_is_above_what_was_advertised_and_configured(void **state)
{
    static const uint16_t advertised[] = {1, 511, 512, 513, 1231, 1232, 1233, 4096, 65535};
    static const uint16_t configured[] = {512, 1232, 4096};
    static const unsigned counts[] = {1, 9, 10, 11, 12, 25, 26, 27, 28, 29, 30, 95, 100, 150};
    struct world *world = world_create();
    unsigned whole = 0, cut = 0;

    (void)state;
    for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
        static char records[16384];
        char name[32];

        snprintf(name, sizeof(name), "n%u.example", counts[n]);
        records[0] = '\0';
        for (unsigned i = 0; i < counts[n]; i++) {
            sprintf(records + strlen(records), "%s. 60 IN TXT \"%u 0123456789012345678\"\n",
                    name, 1000 + i);
        }
        world_serve(world, name, WIRE_TXT, records);
        for (size_t a = 0; a < sizeof(advertised) / sizeof(advertised[0]); a++) {
            for (size_t c = 0; c < 3 * sizeof(configured) / sizeof(configured[0]); c++) {
                struct world_manner manner = {.udp_size = advertised[a],
                                              .no_edns = c % 9 >= 6,
                                              .cookie = c >= 3 ? client_part : NULL,
                                              .cookie_len = c >= 3 ? 8 : 0};
                uint16_t limit = manner.no_edns ? 512 : advertised[a];

                world->settings.udp_size = configured[c % 3];
                limit = limit < configured[c % 3] ? limit : configured[c % 3];
                limit = limit < 512 ? 512 : limit;
                const struct world_reply *reply = world_ask_with(world, name, WIRE_TXT, manner);
                assert_in_range(reply->len, 12, limit);
                const bool tc = (wire_get16(reply->octets + 2) & WIRE_FLAG_TC) != 0;
                assert_int_equal(wire_get16(reply->octets + 6), tc ? 0 : counts[n]);
                whole += !tc;
                cut += tc;
            }
        }
    }
    assert_true(whole > 200 && cut > 200);
    world_destroy(world);
}

/* Two servers that answer each other's answers would never end. */
static void a_response_is_never_answered(void **state)
{
    struct world *world = world_create();
    uint8_t octets[] = {0x12, 0x34, 0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};

    (void)state;
    for (unsigned flags = 0x8000; flags <= 0xffff; flags += 0x0101) {
        for (unsigned tcp = 0; tcp < 2; tcp++) {
            wire_put16(octets + 2, (uint16_t)flags);
            struct world_reply *reply = world_send_octets(
                world, octets, sizeof(octets), (struct world_manner){.tcp = tcp != 0});
            assert_false(reply->in_use);
            assert_int_equal(reply->sent, 0);
        }
    }
    assert_int_equal(world->asked_count, 0);
    world_destroy(world);
}

/* A question whose redirect leads elsewhere with each reload is asked for eight names at most.
 */
static void a_question_may_change_its_mind_seven_times(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    world_adopt(world,
                {.id = "l", .rules = "block suffix bad.example action=redirect:t0.test"});
    struct world_reply *reply =
        world_send(world, "bad.example", WIRE_A, (struct world_manner){0});
    for (unsigned i = 1; i <= 8; i++) {
        char rules[80];

        assert_int_equal(world->asked_count, i);
        assert_true(reply->in_use);
        snprintf(rules, sizeof(rules), "block suffix bad.example action=redirect:t%u.test", i);
        world_adopt(world, {.id = "l", .rules = rules});
    }
    assert_int_equal(world->asked_count, QUERY_FETCHES_PER_QUERY_MAX);
    assert_string_equal(world_words(reply),
                        "NOERROR rd ra | bad.example 10 A 0.0.0.0 | EDE 4 prov-l l 7");
    world_destroy(world);
}

/* Servers that say nothing, and one that answers with nothing but wrong ids. */
static void tries_and_repeats_of_one_question_are_bounded(void **state)
{
    struct world *silent = world_create_with(4, SLOTS);
    struct world *flooding = world_create_with(1, SLOTS);

    (void)state;
    silent->settings.deadline_ms = 30000;
    for (unsigned i = 0; i < 4; i++) {
        silent->servers[i].manners = SERVER_SILENT;
    }
    world_send(silent, "www.example", WIRE_A, (struct world_manner){0});
    world_pass(silent, SECONDS(40));
    assert_int_equal(world_asked(silent, "www.example"), UPSTREAM_TRIES_MAX);
    world_destroy(silent);

    flooding->servers[0].manners = SERVER_FLOODS;
    world_send(flooding, "www.example", WIRE_A, (struct world_manner){0});
    world_pass(flooding, SECONDS(5));
    assert_int_equal(world_asked(flooding, "www.example"), 1 + UPSTREAM_REPEATS_MAX);
    world_destroy(flooding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eleven_aliases_are_followed_and_twelve_are_not),
        cmocka_unit_test(one_question_is_worth_forty_packets),
        cmocka_unit_test(each_answer_to_a_cookie_has_one),
        cmocka_unit_test(a_cookie_stays_here),
        cmocka_unit_test(a_cookie_can_be_had_without_a_question),
        cmocka_unit_test(a_client_over_its_rate_is_limited_alone),
        cmocka_unit_test(a_limited_client_proves_its_address_and_is_served),
        cmocka_unit_test(with_no_slip_nothing_comes_and_off_is_off),
        cmocka_unit_test(a_reload_does_not_count_a_question_twice),
        cmocka_unit_test(a_client_that_floods_leaves_others_their_places),
        cmocka_unit_test(the_addresses_of_one_ipv6_network_share),
        cmocka_unit_test(the_last_slots_are_not_waited_in),
        cmocka_unit_test(no_answer_over_udp_is_above_what_was_advertised_and_configured),
        cmocka_unit_test(a_response_is_never_answered),
        cmocka_unit_test(a_question_may_change_its_mind_seven_times),
        cmocka_unit_test(tries_and_repeats_of_one_question_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
