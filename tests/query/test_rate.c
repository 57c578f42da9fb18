/* The allowance of each client: how much, whose, and what many clients do to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/limits.h"
#include "query/rate.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define START_US UINT64_C(5000000000)
#define RATE     100u
#define BURST    (RATE * (unsigned)QUERY_RATE_BURST_S)

static const uint8_t key[SIPHASH_KEY_OCTETS] = "sixteen octets..";

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
    return address;
}

/* How many of count questions at one moment are free. */
static unsigned ask(struct query_rate *rate, const char *from, bool proven, unsigned count,
                    uint64_t now_us)
{
    const struct address client = address_of(from);
    unsigned free = 0;

    for (unsigned i = 0; i < count; i++) {
        free += query_rate_take(rate, &client, proven, RATE, 0, now_us) == QUERY_RATE_FREE;
    }
    return free;
}

static void a_client_has_its_rate_and_a_burst(void **state)
{
    struct query_rate *rate = query_rate_create(key);

    (void)state;
    assert_non_null(rate);
    assert_int_equal(ask(rate, "192.0.2.1", false, 2 * BURST, START_US), BURST);
    /* From then on its rate, however often it asks. */
    unsigned free = 0;
    for (unsigned ms = 1; ms <= 10000; ms++) {
        free += ask(rate, "192.0.2.1", false, 3, START_US + ms * 1000u);
    }
    assert_in_range(free, 10 * RATE - 1, 10 * RATE + 1);
    /* After a pause of the burst's length the burst is there again, and no more. */
    assert_int_equal(ask(rate, "192.0.2.1", false, 2 * BURST, START_US + 100000000), BURST);
    /* At its rate it is never limited. */
    free = 0;
    for (unsigned i = 0; i < 10 * RATE; i++) {
        free += ask(rate, "192.0.2.2", false, 1, START_US + i * (1000000u / RATE));
    }
    assert_int_equal(free, 10 * RATE);
    query_rate_destroy(rate);
}

static void each_nth_question_too_many_is_told_so(void **state)
{
    const struct address client = address_of("192.0.2.1");

    (void)state;
    for (uint32_t slip = 0; slip <= 3; slip++) {
        struct query_rate *rate = query_rate_create(key);
        unsigned slipped = 0, silent = 0;

        assert_int_equal(ask(rate, "192.0.2.1", false, BURST, START_US), BURST);
        for (unsigned i = 0; i < 60; i++) {
            const enum query_rate_verdict verdict =
                query_rate_take(rate, &client, false, RATE, slip, START_US);
            slipped += verdict == QUERY_RATE_SLIP;
            silent += verdict == QUERY_RATE_SILENT;
        }
        assert_int_equal(slipped, slip == 0 ? 0 : 60 / slip);
        assert_int_equal(slipped + silent, 60);
        query_rate_destroy(rate);
    }
}

static void a_proven_address_has_an_allowance_of_its_own(void **state)
{
    struct query_rate *rate = query_rate_create(key);

    (void)state;
    /* Somebody forges its address; it is served all the same, and more than that. */
    assert_int_equal(ask(rate, "192.0.2.1", false, 2 * BURST, START_US), BURST);
    assert_int_equal(ask(rate, "192.0.2.1", true, 10 * BURST, START_US),
                     QUERY_RATE_PROVEN * BURST);
    assert_int_equal(ask(rate, "192.0.2.1", false, 10, START_US), 0);
    query_rate_destroy(rate);
}

static void an_ipv6_network_has_four_times_that_of_an_address(void **state)
{
    struct query_rate *rate = query_rate_create(key);
    unsigned free = 0;

    (void)state;
    for (unsigned i = 1; i <= 20; i++) {
        char from[64];
        snprintf(from, sizeof(from), "2001:db8:1:2::%x", i);
        free += ask(rate, from, false, BURST, START_US);
    }
    assert_int_equal(free, QUERY_RATE_NETWORK * BURST);
    /* The next network is another client; so are neighbours on a link, and IPv4. */
    assert_int_equal(ask(rate, "2001:db8:1:3::1", false, BURST, START_US), BURST);
    free = 0;
    for (unsigned i = 1; i <= 20; i++) {
        char from[64];
        snprintf(from, sizeof(from), "fe80::%x%%1", i);
        free += ask(rate, from, false, BURST, START_US);
        snprintf(from, sizeof(from), "192.0.2.%u", i);
        free += ask(rate, from, false, BURST, START_US);
    }
    assert_int_equal(free, 40 * BURST);
    query_rate_destroy(rate);
}

/* A table full of heavy clients: newcomers, however many, are never limited by it, nor is
 * anybody limited who keeps to the rate. */
static void many_clients_never_limit_another(void **state)
{
    struct query_rate *rate = query_rate_create(key);
    struct address client = address_of("10.0.0.0");
    unsigned limited = 0;

    (void)state;
    for (unsigned i = 0; i < 4 * QUERY_RATE_BUCKETS * QUERY_RATE_WAYS; i++) {
        client.octets[1] = (uint8_t)(i >> 16);
        client.octets[2] = (uint8_t)(i >> 8);
        client.octets[3] = (uint8_t)i;
        for (unsigned k = 0; k < 20; k++) {
            limited +=
                query_rate_take(rate, &client, false, RATE, 0, START_US) != QUERY_RATE_FREE;
        }
        if (i % 100 == 0) { /* one among them, at its rate */
            limited += ask(rate, "192.0.2.9", false, 1, START_US + i * 100u) != 1;
        }
    }
    assert_int_equal(limited, 0);
    query_rate_destroy(rate);
}

/* Whoever owes most stays when others are forgotten: few addresses do not free an attacker. */
static void the_heaviest_is_forgotten_last(void **state)
{
    struct query_rate *rate = query_rate_create(key);
    struct address client = address_of("10.0.0.0");

    (void)state;
    assert_int_equal(ask(rate, "192.0.2.1", false, 2 * BURST, START_US), BURST);
    for (unsigned i = 0; i < 16 * QUERY_RATE_BUCKETS * QUERY_RATE_WAYS; i++) {
        client.octets[1] = (uint8_t)(i >> 16);
        client.octets[2] = (uint8_t)(i >> 8);
        client.octets[3] = (uint8_t)i;
        assert_int_equal(query_rate_take(rate, &client, false, RATE, 0, START_US),
                         QUERY_RATE_FREE);
    }
    assert_int_equal(ask(rate, "192.0.2.1", false, 10, START_US), 0);
    query_rate_destroy(rate);
}

static void the_report_names_the_worst(void **state)
{
    struct query_rate *rate = query_rate_create(key);
    struct query_rate_report report;
    char text[ADDRESS_TEXT_MAX];

    (void)state;
    query_rate_read(rate, START_US, true, &report);
    assert_int_equal(report.limited, 0);
    assert_int_equal(report.worst.family, ADDRESS_NONE);
    ask(rate, "192.0.2.1", false, BURST + 7, START_US);
    ask(rate, "192.0.2.2", true, QUERY_RATE_PROVEN * BURST + 9, START_US);
    ask(rate, "192.0.2.3", false, BURST, START_US); /* not limited */
    for (unsigned turn = 0; turn < 2; turn++) {
        query_rate_read(rate, START_US, turn == 1, &report);
        address_prefix_format(&report.worst, text);
        assert_int_equal(report.limited, 2);
        assert_int_equal(report.most, 9);
        assert_string_equal(text, "192.0.2.2/32");
        assert_true(report.worst_proven);
    }
    query_rate_read(rate, START_US + 59000000, true, &report); /* told */
    assert_int_equal(report.limited, 2);
    assert_int_equal(report.most, 0);
    ask(rate, "192.0.2.1", false, 2 * BURST + 3, START_US + 59000000);
    query_rate_read(rate, START_US + 119000000, true, &report);
    assert_int_equal(report.limited, 1);
    assert_int_equal(report.most, BURST + 3);
    query_rate_read(rate, START_US + 190000000, true, &report);
    assert_int_equal(report.limited, 0);
    query_rate_destroy(rate);
}

struct asker {
    struct query_rate *rate;
    pthread_t thread;
    unsigned free;
};

/* Who asks has read the clock after who looks: no reason to take it for an hour-old one. */
static void who_was_limited_a_moment_ahead_is_in_the_report(void **state)
{
    struct query_rate *rate = query_rate_create(key);
    struct query_rate_report report;

    (void)state;
    ask(rate, "192.0.2.1", false, BURST + 7, START_US + 1999999);
    query_rate_read(rate, START_US + 999999, true, &report);
    assert_int_equal(report.limited, 1);
    assert_int_equal(report.most, 7);
    query_rate_read(rate, START_US + 61000000, true, &report);
    assert_int_equal(report.limited, 1);
    query_rate_read(rate, START_US + 62000000, true, &report);
    assert_int_equal(report.limited, 0);
    query_rate_destroy(rate);
}

static void *ask_in_a_thread(void *context)
{
    const struct address client = address_of("192.0.2.1");
    struct asker *asker = context;

    for (unsigned i = 0; i < BURST; i++) {
        asker->free +=
            query_rate_take(asker->rate, &client, false, RATE, 2, START_US) == QUERY_RATE_FREE;
    }
    return NULL;
}

/* How many questions of one client four workers let through together. */
static unsigned ask_in_threads(void)
{
    struct query_rate *rate = query_rate_create(key);
    struct asker askers[4];
    unsigned free = 0;

    for (unsigned i = 0; i < 4; i++) {
        askers[i] = (struct asker){.rate = rate};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_in_a_thread, &askers[i]),
                         0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(askers[i].thread, NULL);
        free += askers[i].free;
    }
    query_rate_destroy(rate);
    return free;
}

/* Several workers count one client as one. A lock that is not to be had lets a question
 * through: as long as its holder has no processor, the others are free. That is not so each
 * time; where they did not count together it would be. */
static void workers_count_together(void **state)
{
    unsigned free = 4 * BURST;

    (void)state;
    for (unsigned turn = 0; turn < 50 && free > 2 * BURST; turn++) {
        free = ask_in_threads();
        assert_true(free >= BURST);
    }
    assert_in_range(free, BURST, 2 * BURST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_its_rate_and_a_burst),
        cmocka_unit_test(each_nth_question_too_many_is_told_so),
        cmocka_unit_test(a_proven_address_has_an_allowance_of_its_own),
        cmocka_unit_test(an_ipv6_network_has_four_times_that_of_an_address),
        cmocka_unit_test(many_clients_never_limit_another),
        cmocka_unit_test(the_heaviest_is_forgotten_last),
        cmocka_unit_test(the_report_names_the_worst),
        cmocka_unit_test(who_was_limited_a_moment_ahead_is_in_the_report),
        cmocka_unit_test(workers_count_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
