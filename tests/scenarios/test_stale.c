/*
 * Answers past their time, for want of anything better (RFC 8767): when they are told, for how
 * long, and that policy has its say at the time of the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define FRESH "NOERROR rd ra | www.example.com 60 A 192.0.2.1"
#define STALE "NOERROR rd ra | www.example.com 30 A 192.0.2.1 | EDE 3 "

static const struct query_counters *counters(const struct world *world)
{
    return query_engine_counters(world->engine);
}

static void set(struct world *world)
{
    world->settings.stale_max_s = 86400;
    world->settings.stale_wait_ms = 1800;
    world->settings.stale_ttl_s = 30;
    world->settings.stale_retry_s = 30;
    world_adopt_lists(world, 0, NULL);
}

/* www.example.com has been asked for, and is past its time. */
static struct world *make_late(unsigned servers, unsigned manners)
{
    struct world *world = world_create_with(servers, WORLD_REPLIES);

    set(world);
    world_serve(world, "www.example.com", WIRE_A, "www.example.com. 60 IN A 192.0.2.1\n");
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)), FRESH);
    world_pass(world, SECONDS(60));
    for (unsigned i = 0; i < servers; i++) {
        world->servers[i].manners = manners;
    }
    return world;
}

static uint64_t took_us(struct world *world, const char *words)
{
    const uint64_t began = world->now.mono_us;
    struct world_reply *reply = world_ask(world, "www.example.com", WIRE_A);

    assert_string_equal(world_words(reply), words);
    return reply->sent_us - began;
}

/* The client's timer, the question that goes on meanwhile, and the timer after a failure. */
static void a_dead_upstream_is_waited_for_once_in_a_while(void **state)
{
    struct world *world = make_late(1, SERVER_SILENT);

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        const uint64_t began = world->now.mono_us;

        assert_int_equal(took_us(world, STALE), MILLISECONDS(1800));
        /* Who comes while the upstream is still asked need not wait as long. */
        assert_int_equal(took_us(world, STALE), 0);
        assert_true(world->packet_count == 0 && counters(world)->fetch_failures == round);
        world_pass(world, began + SECONDS(4) - world->now.mono_us);
        assert_int_equal(counters(world)->fetch_failures, round + 1);
        const size_t asked = world->asked_count;
        for (unsigned i = 0; i < 3; i++) {
            world_pass(world, SECONDS(9));
            assert_int_equal(took_us(world, STALE), 0);
        }
        assert_int_equal(world->asked_count, asked);
        world_pass(world, SECONDS(3));
    }
    assert_int_equal(counters(world)->stale, 10);
    assert_int_equal(counters(world)->answered[WIRE_NOERROR], 11);

    /* It is back. */
    world_pass(world, SECONDS(60));
    world->servers[0].manners = SERVER_PLAIN;
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)), FRESH);
    world_destroy(world);
}

/* Whatever is no answer is told of at once; NXDOMAIN and NODATA are answers. */
static void a_failure_is_not_waited_out(void **state)
{
    static const unsigned manners[] = {SERVER_SERVFAIL, SERVER_REFUSED, SERVER_UNREACHABLE,
                                       SERVER_GARBAGE};

    (void)state;
    for (size_t i = 0; i < ITEMS(manners); i++) {
        struct world *world = make_late(2, manners[i]);

        if (took_us(world, STALE) > MILLISECONDS(200)) {
            fail_msg("row %zu: the client was kept waiting", i);
        }
        const size_t asked = world->asked_count;
        world_pass(world, SECONDS(29));
        assert_int_equal(took_us(world, STALE), 0);
        assert_int_equal(world->asked_count, asked);
        world->servers[0].manners = world->servers[1].manners = SERVER_PLAIN;
        world_pass(world, SECONDS(60)); /* servers that were down are looked after */
        assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)), FRESH);
        assert_true(world->asked_count > asked);
        world_destroy(world);
    }
}

/* Nobody waits any more, and the answer is kept for the next. */
static void a_slow_upstream_fills_the_cache_all_the_same(void **state)
{
    struct world *world = make_late(1, SERVER_PLAIN);

    (void)state;
    world->servers[0].delay_us = MILLISECONDS(2500);
    assert_int_equal(took_us(world, STALE), MILLISECONDS(1800));
    world_pass(world, MILLISECONDS(800));
    const size_t asked = world->asked_count;
    assert_int_equal(took_us(world, FRESH), 0);
    assert_int_equal(world->asked_count, asked);
    assert_int_equal(counters(world)->fetch_failures, 0);
    world_destroy(world);
}

static void one_that_answers_in_time_is_waited_for(void **state)
{
    struct world *world = make_late(1, SERVER_PLAIN);

    (void)state;
    world->servers[0].delay_us = MILLISECONDS(300);
    assert_int_equal(took_us(world, FRESH), MILLISECONDS(300));
    assert_int_equal(counters(world)->stale, 0);
    world_destroy(world);
}

static void the_time_of_stale_answers_ends(void **state)
{
    struct world *world = make_late(1, SERVER_SERVFAIL);

    (void)state;
    world_pass(world, SECONDS(86400) - MILLISECONDS(200));
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)), STALE);
    world_pass(world, MILLISECONDS(300));
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                        "SERVFAIL rd ra | EDE 0 the upstream answered SERVFAIL");
    world_destroy(world);
}

/* Off, as it is unless the operator says otherwise, it changes nothing; and switched on, it
 * holds for what is there already. */
static void it_is_off_unless_configured(void **state)
{
    struct world *world = make_late(1, SERVER_SERVFAIL);

    (void)state;
    world->settings.stale_max_s = 0;
    world_adopt_lists(world, 0, NULL);
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                        "SERVFAIL rd ra | EDE 0 the upstream answered SERVFAIL");
    set(world);
    /* The failure has taken its place. */
    assert_string_equal(
        world_words(world_ask(world, "www.example.com", WIRE_A)),
        "SERVFAIL rd ra | EDE 13 a moment ago: the upstream reported a failure");
    world_destroy(world);
}

/* A name, an alias, an address: what is blocked by now is blocked. */
static void what_is_blocked_meanwhile_is_blocked(void **state)
{
    static const struct {
        const char *rule, *words, *event;
    } rows[] = {
        {"block suffix example.com",
         "NOERROR rd ra | www.example.com 10 A 0.0.0.0 | EDE 4 prov-l "
         "l 7",
         "applied enforce sinkhole qname www.example.com"},
        {"block suffix cdn.test",
         "NOERROR rd ra | www.example.com 10 A 0.0.0.0 | EDE 4 prov-l l 7",
         "applied enforce sinkhole hop1 e.cdn.test"},
        {"block prefix 198.51.100.0/24",
         "NOERROR rd ra | www.example.com 10 A 0.0.0.0 | EDE 4 prov-l l 7", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const struct world_list list = {.id = "l", .rules = rows[i].rule};
        struct world *world = world_create();

        set(world);
        world_serve(world, "www.example.com", WIRE_A,
                    "www.example.com. 60 IN CNAME e.cdn.test.\n"
                    "e.cdn.test. 60 IN A 198.51.100.7\n");
        world_ask(world, "www.example.com", WIRE_A);
        world_pass(world, SECONDS(60));
        world->servers[0].manners = SERVER_SILENT;
        assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                            "NOERROR rd ra | www.example.com 30 CNAME e.cdn.test | "
                            "e.cdn.test 30 A 198.51.100.7 | EDE 3 ");
        assert_string_equal(world_events(world), "");
        world_adopt_lists(world, 1, &list);
        const uint64_t stale = counters(world)->stale;
        assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                            rows[i].words);
        assert_int_equal(counters(world)->stale, stale);
        const char *events = world_events(world);
        if (rows[i].event != NULL && strcmp(events, rows[i].event) != 0) {
            fail_msg("%s", events);
        }
        assert_string_not_equal(events, "");
        assert_int_equal(world->last_event.cached, /* nothing was looked at yet: by its name */
                         i == 0 ? AUDIT_CACHED_NOT : AUDIT_CACHED_STALE);
        world_destroy(world);
    }
}

/* It waits when the lists change: no further packet leaves, and nobody waits any longer. */
static void what_is_blocked_while_it_waits_is_blocked(void **state)
{
    static const struct world_list list = {.id = "l", .rules = "block suffix example.com"};
    struct world *world = make_late(2, SERVER_SILENT);
    struct world_reply *reply =
        world_send(world, "www.example.com", WIRE_A, (struct world_manner){0});

    (void)state;
    world_pass(world, MILLISECONDS(100));
    const size_t asked = world->asked_count;
    world_adopt_lists(world, 1, &list);
    assert_string_equal(world_words(reply),
                        "NOERROR rd ra | www.example.com 10 A 0.0.0.0 | EDE 4 prov-l l 7");
    world_pass(world, SECONDS(10));
    assert_int_equal(world->asked_count, asked);
    world_destroy(world);
}

/* The question that goes on behind a stale answer ends with the policy that let it go on. */
static void a_reload_ends_what_goes_on(void **state)
{
    static const struct world_list list = {.id = "l", .rules = "block suffix example.com"};
    struct world *world = make_late(4, SERVER_SILENT);

    (void)state;
    assert_int_equal(took_us(world, STALE), MILLISECONDS(1800));
    const size_t asked = world->asked_count;
    world_adopt_lists(world, 1, &list);
    world_pass(world, SECONDS(10));
    assert_int_equal(world->asked_count, asked);
    world_destroy(world);
}

/* Clients that ask for signatures have entries of their own. */
static void signatures_are_told_to_who_asks_for_them(void **state)
{
    static const char records[] =
        "www.example.com. 60 IN A 192.0.2.1\n"
        "www.example.com. 60 IN RRSIG A 13 3 60 20300101000000 20200101000000 1 example.com. "
        "AAAA\n";
    const struct world_manner dnssec = {.dnssec_ok = true};
    struct world *world = world_create();

    (void)state;
    set(world);
    world_serve(world, "www.example.com", WIRE_A, records);
    world_ask(world, "www.example.com", WIRE_A);
    world_ask_with(world, "www.example.com", WIRE_A, dnssec);
    world_pass(world, SECONDS(100));
    world->servers[0].manners = SERVER_SERVFAIL;
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)), STALE);
        assert_string_equal(
            world_words(world_ask_with(world, "www.example.com", WIRE_A, dnssec)),
            "NOERROR rd ra | www.example.com 30 A 192.0.2.1 | www.example.com 30 RRSIG A | do "
            "| "
            "EDE 3 ");
    }
    world_destroy(world);
}

/* Who sets CD (RFC 4035, 3.2.2) takes what no upstream has validated; what came without it has
 * been through whatever they validate, and does as well. */
static void what_came_without_cd_does_for_who_sets_it(void **state)
{
    static const char *const words =
        "NOERROR rd ra cd | www.example.com 30 A 192.0.2.1 | EDE 3 ";
    const struct world_manner cd = {.checking_disabled = true};
    const struct world_manner dnssec = {.checking_disabled = true, .dnssec_ok = true};
    const struct world_manner at_hand = {.checking_disabled = true, .no_recursion = true};
    struct world *world = make_late(1, SERVER_SERVFAIL);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, cd)),
                            words);
    }
    const size_t asked = world->asked_count;
    world_pass(world, SECONDS(29)); /* one failure, not one for each time it would be kept */
    assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, cd)),
                        words);
    assert_int_equal(world->asked_count, asked);
    world_pass(world, SECONDS(2));
    assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, cd)),
                        words);
    assert_int_equal(world->asked_count, asked + 1);
    /* Without RD nobody is asked, so nothing has failed. */
    assert_string_equal(
        world_words(world_ask_with(world, "www.example.com", WIRE_A, at_hand)),
        "SERVFAIL ra cd | EDE 13 a moment ago: the upstream reported a failure");
    /* It has no signatures, which who sets DO has asked for. */
    assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, dnssec)),
                        "SERVFAIL rd ra cd | do | EDE 0 the upstream answered SERVFAIL");

    /* It is back, and has its own word for each. */
    world_pass(world, SECONDS(60));
    world->servers[0].manners = SERVER_PLAIN;
    world_serve(world, "www.example.com", WIRE_A, "www.example.com. 60 IN A 192.0.2.2\n");
    assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, cd)),
                        "NOERROR rd ra cd | www.example.com 60 A 192.0.2.2");
    world_pass(world, SECONDS(61));
    world->servers[0].manners = SERVER_SERVFAIL;
    assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, cd)),
                        "NOERROR rd ra cd | www.example.com 30 A 192.0.2.2 | EDE 3 ");
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)), STALE);
    world_destroy(world);
}

/* Silence keeps them waiting for no longer than others. */
static void who_sets_cd_waits_no_longer(void **state)
{
    const struct world_manner cd = {.checking_disabled = true};
    struct world *world = make_late(1, SERVER_SILENT);
    const uint64_t began = world->now.mono_us;

    (void)state;
    struct world_reply *reply = world_ask_with(world, "www.example.com", WIRE_A, cd);
    assert_string_equal(world_words(reply),
                        "NOERROR rd ra cd | www.example.com 30 A 192.0.2.1 | EDE 3 ");
    assert_int_equal(reply->sent_us - began, MILLISECONDS(1800));
    world_pass(world, SECONDS(20)); /* it has failed */
    const size_t asked = world->asked_count;
    const uint64_t again = world->now.mono_us;
    reply = world_ask_with(world, "www.example.com", WIRE_A, cd);
    assert_int_equal(reply->sent_us - again, 0);
    assert_int_equal(world->asked_count, asked);
    /* Nothing is said of questions without CD by that. */
    assert_int_equal(took_us(world, STALE), MILLISECONDS(1800));
    world_destroy(world);
}

/* One that holds is told as it is. */
static void what_came_without_cd_may_hold_yet(void **state)
{
    const struct world_manner cd = {.checking_disabled = true};
    struct world *world = make_late(1, SERVER_PLAIN);

    (void)state;
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)), FRESH);
    world_pass(world, SECONDS(20));
    world->servers[0].manners = SERVER_SERVFAIL;
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, cd)),
                            "NOERROR rd ra cd | www.example.com 40 A 192.0.2.1");
    }
    assert_int_equal(counters(world)->stale, 0);
    world->settings.stale_max_s = 0; /* off */
    world_adopt_lists(world, 0, NULL);
    world_pass(world, SECONDS(31));
    assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, cd)),
                        "SERVFAIL rd ra cd | EDE 0 the upstream answered SERVFAIL");
    world_destroy(world);
}

/* What came for CD may be what a validating upstream would have withheld. */
static void what_came_for_cd_is_for_nobody_else(void **state)
{
    const struct world_manner cd = {.checking_disabled = true};
    struct world *world = world_create();

    (void)state;
    set(world);
    world_serve(world, "www.example.com", WIRE_A, "www.example.com. 60 IN A 192.0.2.1\n");
    world_ask_with(world, "www.example.com", WIRE_A, cd);
    world->servers[0].manners = SERVER_SERVFAIL;
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                            "SERVFAIL rd ra | EDE 0 the upstream answered SERVFAIL");
        world_pass(world, SECONDS(70));
    }
    world_destroy(world);
}

/* Policy has its say about it, as about any other. */
static void what_came_without_cd_is_judged(void **state)
{
    const struct world_manner cd = {.checking_disabled = true};
    struct world *world = make_late(1, SERVER_SERVFAIL);

    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* the second is known not to be any rule's business */
        assert_string_equal(world_words(world_ask_with(world, "www.example.com", WIRE_A, cd)),
                            "NOERROR rd ra cd | www.example.com 30 A 192.0.2.1 | EDE 3 ");
    }
    world_adopt(world, {.id = "l", .rules = "block prefix 192.0.2.0/24"});
    const char *blocked = world_words(world_ask_with(world, "www.example.com", WIRE_A, cd));
    if (strstr(blocked, "192.0.2.1") != NULL || counters(world)->blocked != 1) {
        fail_msg("it is told: %s", blocked);
    }
    world_destroy(world);
}

static void absence_is_told_as_well(void **state)
{
    static const char soa[] =
        "--\nexample.com. 60 IN SOA a.example.com. b.example.com. 1 2 3 4 "
        "60\n";
    struct world *world = world_create();

    (void)state;
    set(world);
    world_serve_rcode(world, "gone.example.com", WIRE_A, WIRE_NXDOMAIN, soa);
    world_serve(world, "empty.example.com", WIRE_A, soa);
    world_ask(world, "gone.example.com", WIRE_A);
    world_ask(world, "empty.example.com", WIRE_A);
    world_pass(world, SECONDS(61));
    world->servers[0].manners = SERVER_REFUSED;
    assert_string_equal(world_words(world_ask(world, "gone.example.com", WIRE_A)),
                        "NXDOMAIN rd ra | ~example.com 30 SOA minimum 60 | EDE 19 ");
    assert_string_equal(world_words(world_ask(world, "empty.example.com", WIRE_A)),
                        "NOERROR rd ra | ~example.com 30 SOA minimum 60 | EDE 3 ");
    world_destroy(world);
}

/* An upstream that says that the name is no more, or does not want it kept, is believed: the
 * answer before is over. */
static void a_newer_answer_counts(void **state)
{
    struct world *world = make_late(1, SERVER_PLAIN);

    (void)state;
    world_serve_rcode(world, "www.example.com", WIRE_A, WIRE_NXDOMAIN,
                      "--\nexample.com. 5 IN SOA a.example.com. b.example.com. 1 2 3 4 5\n");
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                        "NXDOMAIN rd ra | ~example.com 5 SOA minimum 5");
    world_pass(world, SECONDS(6));
    world->servers[0].manners = SERVER_SERVFAIL;
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                        "NXDOMAIN rd ra | ~example.com 30 SOA minimum 5 | EDE 19 ");
    world_pass(world, SECONDS(60));
    world->servers[0].manners = SERVER_PLAIN;
    world_serve(world, "www.example.com", WIRE_A, "www.example.com. 0 IN A 192.0.2.1\n");
    world_ask(world, "www.example.com", WIRE_A);
    world->servers[0].manners = SERVER_SERVFAIL;
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                        "SERVFAIL rd ra | EDE 0 the upstream answered SERVFAIL");
    world_destroy(world);
}

/* Without EDNS there is no place to say so; without RD nobody is asked, so nothing has failed
 * (RFC 8767, 5). */
static void the_client_says_how_it_is_told(void **state)
{
    const struct world_manner plain = {.no_edns = true};
    const struct world_manner at_hand = {.no_recursion = true};
    struct world *world = make_late(1, SERVER_SERVFAIL);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(
            world_words(world_ask_with(world, "www.example.com", WIRE_A, at_hand)),
            "REFUSED ra | EDE 0 recursion was not asked for");
        assert_string_equal(
            world_words(world_ask_with(world, "www.example.com", WIRE_A, plain)),
            "NOERROR rd ra | www.example.com 30 A 192.0.2.1");
    }
    world->settings.ede = false;
    assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                        "NOERROR rd ra | www.example.com 30 A 192.0.2.1");
    world_destroy(world);
}

static void a_failure_is_never_stale(void **state)
{
    struct world *world = world_create();

    (void)state;
    set(world);
    world->servers[0].manners = SERVER_SERVFAIL;
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
                            "SERVFAIL rd ra | EDE 0 the upstream answered SERVFAIL");
        world_pass(world, SECONDS(10));
    }
    assert_int_equal(counters(world)->stale, 0);
    world_destroy(world);
}

/* A page of many names at a time that all upstreams are silent. */
static void questions_that_nobody_waits_for_are_bounded(void **state)
{
    struct world *world = world_create_with(1, 64);
    struct world_reply *replies[24];
    char name[32], record[64], from[32];

    (void)state;
    set(world);
    for (unsigned i = 0; i < ITEMS(replies); i++) {
        snprintf(name, sizeof(name), "n%u.example.com", i);
        snprintf(record, sizeof(record), "%s. 60 IN A 192.0.2.1\n", name);
        world_serve(world, name, WIRE_A, record);
        world_ask(world, name, WIRE_A);
    }
    world_pass(world, SECONDS(61));
    world->servers[0].manners = SERVER_SILENT;
    for (unsigned i = 0; i < ITEMS(replies); i++) {
        snprintf(name, sizeof(name), "n%u.example.com", i);
        snprintf(from, sizeof(from), "127.0.0.%u", i + 1);
        replies[i] = world_send(world, name, WIRE_A, (struct world_manner){.from = from});
    }
    world_pass(world, MILLISECONDS(1800));
    for (unsigned i = 0; i < ITEMS(replies); i++) {
        assert_int_equal(replies[i]->sent, 1);
    }
    assert_int_equal(counters(world)->stale, ITEMS(replies));
    /* What does not go on is a failure now. */
    assert_int_equal(counters(world)->fetch_failures, ITEMS(replies) - 64 / QUERY_STALE_PART);
    world_pass(world, MILLISECONDS(2200));
    assert_int_equal(counters(world)->fetch_failures, ITEMS(replies));
    const size_t asked = world->asked_count;
    for (unsigned i = 0; i < ITEMS(replies); i++) {
        snprintf(name, sizeof(name), "n%u.example.com", i);
        assert_string_not_equal(world_records(world_ask(world, name, WIRE_A)), "");
    }
    assert_int_equal(world->asked_count, asked);
    world_destroy(world);
}

/* Where a client may not wait, or nobody can be asked, it need not. */
static void who_may_not_wait_is_told_at_once(void **state)
{
    struct world *world = make_late(1, SERVER_SILENT);

    (void)state;
    world->settings.have_upstreams = false;
    assert_int_equal(took_us(world, STALE), 0);
    world_destroy(world);
}

/* A longer wait than that for an upstream is that. */
static void the_deadline_comes_first(void **state)
{
    struct world *world = make_late(1, SERVER_SILENT);

    (void)state;
    world->settings.stale_wait_ms = 30000;
    assert_int_equal(took_us(world, STALE), SECONDS(4));
    assert_int_equal(counters(world)->fetch_failures, 1);
    assert_int_equal(took_us(world, STALE), 0);
    world_destroy(world);
}

/* It may go while it is waited for: then the upstream is, to the end. */
static void what_is_forgotten_meanwhile_is_not_told(void **state)
{
    struct world *world = make_late(1, SERVER_SILENT);
    struct world_reply *reply =
        world_send(world, "www.example.com", WIRE_A, (struct world_manner){0});

    (void)state;
    assert_int_equal(cache_flush(world->cache), 1);
    world_pass(world, MILLISECONDS(3999));
    assert_string_equal(world_words(reply), "waiting");
    world_pass(world, MILLISECONDS(1));
    assert_string_equal(world_words(reply),
                        "SERVFAIL rd ra | EDE 22 no upstream answered in time");
    world_destroy(world);
}

/* What was known of name servers decides, past its time like the answer: an outage lifts no
 * block. */
static void name_servers_are_judged_by_what_was_known(void **state)
{
    static const struct world_list list = {
        .id = "l", .rules = "block suffix evil.test trigger=nameserver"};
    struct world *world = world_create();

    (void)state;
    set(world);
    world_serve(world, "www.shop.example", WIRE_A, "www.shop.example. 60 IN A 192.0.2.10\n");
    world_serve(world, "shop.example", WIRE_NS, "shop.example. 60 IN NS ns.evil.test.\n");
    world_adopt_lists(world, 1, &list);
    assert_string_equal(world_words(world_ask(world, "www.shop.example", WIRE_A)),
                        "NOERROR rd ra | www.shop.example 10 A 0.0.0.0 | EDE 4 prov-l l 7");
    world_pass(world, SECONDS(100));
    world->servers[0].manners = SERVER_SILENT;
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(world_words(world_ask(world, "www.shop.example", WIRE_A)),
                            "NOERROR rd ra | www.shop.example 10 A 0.0.0.0 | EDE 4 prov-l l 7");
        world_pass(world, SECONDS(3));
    }
    assert_int_equal(counters(world)->servers_unknown, 0);
    world_destroy(world);
}

/* A redirect's target is a name like any other. */
static void the_target_of_a_redirect_may_be_stale(void **state)
{
    static const struct world_list list = {
        .id = "l", .rules = "block suffix bad.example action=redirect:page.example"};
    struct world *world = world_create();

    (void)state;
    set(world);
    world_serve(world, "page.example", WIRE_A, "page.example. 60 IN A 192.0.2.80\n");
    world_adopt_lists(world, 1, &list);
    assert_string_equal(world_records(world_ask(world, "bad.example", WIRE_A)),
                        "bad.example 10 CNAME page.example | page.example 60 A 192.0.2.80");
    world_pass(world, SECONDS(61));
    world->servers[0].manners = SERVER_SERVFAIL;
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(world_records(world_ask(world, "bad.example", WIRE_A)),
                            "bad.example 10 CNAME page.example | page.example 30 A 192.0.2.80");
    }
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_upstream_is_waited_for_once_in_a_while),
        cmocka_unit_test(a_failure_is_not_waited_out),
        cmocka_unit_test(a_slow_upstream_fills_the_cache_all_the_same),
        cmocka_unit_test(one_that_answers_in_time_is_waited_for),
        cmocka_unit_test(the_time_of_stale_answers_ends),
        cmocka_unit_test(it_is_off_unless_configured),
        cmocka_unit_test(what_is_blocked_meanwhile_is_blocked),
        cmocka_unit_test(what_is_blocked_while_it_waits_is_blocked),
        cmocka_unit_test(a_reload_ends_what_goes_on),
        cmocka_unit_test(signatures_are_told_to_who_asks_for_them),
        cmocka_unit_test(what_came_without_cd_does_for_who_sets_it),
        cmocka_unit_test(who_sets_cd_waits_no_longer),
        cmocka_unit_test(what_came_without_cd_may_hold_yet),
        cmocka_unit_test(what_came_for_cd_is_for_nobody_else),
        cmocka_unit_test(what_came_without_cd_is_judged),
        cmocka_unit_test(absence_is_told_as_well),
        cmocka_unit_test(a_newer_answer_counts),
        cmocka_unit_test(the_client_says_how_it_is_told),
        cmocka_unit_test(a_failure_is_never_stale),
        cmocka_unit_test(questions_that_nobody_waits_for_are_bounded),
        cmocka_unit_test(who_may_not_wait_is_told_at_once),
        cmocka_unit_test(the_deadline_comes_first),
        cmocka_unit_test(what_is_forgotten_meanwhile_is_not_told),
        cmocka_unit_test(name_servers_are_judged_by_what_was_known),
        cmocka_unit_test(the_target_of_a_redirect_may_be_stale),
    };

    return cmocka_run_group_tests_name("scenarios/stale", tests, NULL, NULL);
}
