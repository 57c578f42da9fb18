/* upstream/server: how long is waited, when a server is down, and who is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "upstream/server.h"

#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define MS UINT64_C(1000)

static const struct endpoint somewhere = {
    .address = {.octets = {192, 0, 2, 1}, .port = 53, .family = ADDRESS_V4}};

static void waits_as_long_as_answers_have_taken(void **state)
{
    static const struct {
        uint32_t srtt_ms, rttvar_ms;
        unsigned asked;
        unsigned wait_ms;
    } cases[] = {
        {0, 0, 0, 800},     /* not measured: the first number */
        {0, 0, 1, 1600},    /* doubled for the second time */
        {0, 0, 2, 2000},    /* up to a limit */
        {0, 0, 200, 2000},  /* however often */
        {1, 0, 0, 150},     /* a fast one: never below the second number */
        {100, 25, 0, 200},  /* srtt + 4 rttvar */
        {100, 25, 1, 400},  /* doubled */
        {100, 25, 3, 1600}, /* and again */
        {500, 200, 0, 800}, /* a slow one: not above the first number */
        {60000, 30000, 0, 800},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct upstream_server server;

        upstream_server_init(&server, &somewhere);
        server.srtt_us = cases[i].srtt_ms * 1000;
        server.rttvar_us = cases[i].rttvar_ms * 1000;
        server.measured_us = 1;
        assert_int_equal(upstream_server_wait_us(&server, cases[i].asked, 2),
                         cases[i].wait_ms * MS);
        /* What was measured too long ago does not count. */
        if (cases[i].asked == 0) {
            const uint64_t later = 1 + UPSTREAM_RTT_STALE_MS * MS;
            assert_int_equal(upstream_server_wait_us(&server, 0, later), 800 * MS);
        }
    }
}

static void the_round_trip_time_is_smoothed(void **state)
{
    struct upstream_server server;

    (void)state;
    upstream_server_init(&server, &somewhere);
    upstream_server_heard(&server, 0, 80 * MS, false); /* over TCP: tells nothing */
    assert_int_equal(server.srtt_us, 0);
    upstream_server_heard(&server, 100 * MS, 180 * MS, true);
    assert_int_equal(server.srtt_us, 80000);
    assert_int_equal(server.rttvar_us, 40000);
    upstream_server_heard(&server, 200 * MS, 360 * MS, true);
    assert_int_equal(server.srtt_us, 90000);
    assert_int_equal(server.rttvar_us, 50000);
    for (unsigned i = 0; i < 100; i++) { /* answered within the clock's step */
        upstream_server_heard(&server, 400 * MS, 400 * MS, true);
    }
    assert_in_range(server.srtt_us, 1, 100); /* measured, though it is next to nothing */
}

static void only_misses_in_a_row_count(void **state)
{
    struct upstream_server server;

    (void)state;
    upstream_server_init(&server, &somewhere);
    upstream_server_missed(&server, 1, 10);
    upstream_server_missed(&server, 2, 11);
    upstream_server_heard(&server, 3, 12, true);
    upstream_server_missed(&server, 13, 20);
    upstream_server_missed(&server, 14, 21);
    assert_false(server.down);

    /* A question sent before the last answer came: the server was alive after it. */
    upstream_server_heard(&server, 15, 30, true);
    for (uint64_t sent = 16; sent < 30; sent++) {
        upstream_server_missed(&server, sent, 31);
    }
    assert_false(server.down);
    for (uint64_t i = 0; i < UPSTREAM_DOWN_AFTER; i++) {
        assert_false(server.down);
        upstream_server_missed(&server, 32 + i, 40);
    }
    assert_true(server.down);
    assert_int_equal(server.probe_us, 40 + UPSTREAM_PAUSE_MIN_MS * MS);
    upstream_server_heard(&server, 32, 50, true); /* a late one */
    assert_false(server.down);
}

static void useless_answers_are_not_silence(void **state)
{
    struct upstream_server server;

    (void)state;
    upstream_server_init(&server, &somewhere);
    upstream_server_missed(&server, 1, 10);
    upstream_server_missed(&server, 2, 11);
    upstream_server_rejected(&server, 3, 12, true);
    upstream_server_missed(&server, 13, 14);
    assert_false(server.down);
    for (unsigned i = 0; i < UPSTREAM_REJECTS_MAX - 1; i++) {
        assert_false(server.down);
        upstream_server_rejected(&server, 20, 21, true);
    }
    assert_true(server.down);
    upstream_server_heard(&server, 22, 23, true);
    assert_false(server.down);
    upstream_server_rejected(&server, 24, 25, true);
    assert_false(server.down);
}

static void the_pause_between_probes_grows_to_a_limit(void **state)
{
    const uint8_t seed[RANDOM_SEED_OCTETS] = {1};
    const uint8_t asked[UPSTREAM_SERVERS_MAX] = {0};
    struct upstream_server servers[2];
    struct random random;
    uint64_t now = 1000000;
    uint64_t pause = UPSTREAM_PAUSE_MIN_MS;
    const struct upstream_group group = {.servers = 3};
    const struct upstream_wish wish = {.group = &group, .asked = asked};
    bool probe = false;

    (void)state;
    random_init_seed(&random, seed);
    upstream_server_init(&servers[0], &somewhere);
    upstream_server_init(&servers[1], &somewhere);
    upstream_server_heard(&servers[1], now - 10, now, true);
    for (unsigned i = 0; i < UPSTREAM_DOWN_AFTER; i++) {
        upstream_server_missed(&servers[0], now, now);
    }
    for (unsigned i = 0; i < 12; i++) {
        now += pause * MS - 1;
        assert_int_equal(upstream_server_choose(servers, 2, &wish, &random, now, &probe), 1);
        assert_false(probe);
        now += 1;
        assert_int_equal(upstream_server_choose(servers, 2, &wish, &random, now, &probe), 0);
        assert_true(probe);
        /* One question only. */
        assert_int_equal(upstream_server_choose(servers, 2, &wish, &random, now, &probe), 1);
        pause = 2 * pause < UPSTREAM_PAUSE_MAX_MS ? 2 * pause : UPSTREAM_PAUSE_MAX_MS;
    }
    assert_int_equal(pause, UPSTREAM_PAUSE_MAX_MS);
}

static void chooses_by_a_table(void **state)
{
    static const struct {
        const char *down; /* 'd': down, 'u': up, per server */
        uint8_t asked[4];
        uint32_t excluded;
        int expected;
    } cases[] = {
        {"uuu", {0, 0, 0}, 0, 0},  /* the fastest */
        {"duu", {0, 0, 0}, 0, 1},  /* that is up */
        {"ddd", {0, 0, 0}, 0, 0},  /* none is: the fastest all the same */
        {"uuu", {1, 0, 0}, 0, 1},  /* not asked yet before asked */
        {"uud", {1, 1, 0}, 0, 2},  /* even one that is down */
        {"uud", {1, 1, 1}, 0, 0},  /* the round begins again */
        {"uuu", {0, 0, 0}, 1, 1},  /* excluded */
        {"udd", {0, 0, 0}, 1, 1},  /* all that are up are excluded */
        {"uuu", {3, 2, 1}, 4, 1},  /* excluded, though asked least */
        {"uuu", {0, 0, 0}, 7, -1}, /* nobody is left */
        {"", {0}, 0, -1},          /* nobody is there */
    };
    const uint8_t seed[RANDOM_SEED_OCTETS] = {2};
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct upstream_server servers[4];
        const size_t count = strlen(cases[i].down);
        const struct upstream_group group = {.servers = 7};
        const struct upstream_wish wish = {
            .group = &group, .asked = cases[i].asked, .excluded = cases[i].excluded};
        bool probe = true;

        for (size_t j = 0; j < count; j++) {
            upstream_server_init(&servers[j], &somewhere);
            servers[j].srtt_us = 10000u << j;
            servers[j].measured_us = 1;
            servers[j].down = cases[i].down[j] == 'd';
            servers[j].probe_us = UINT64_MAX;
        }
        const int got = upstream_server_choose(servers, count, &wish, &random, 2, &probe);
        if (got != cases[i].expected || probe) {
            fail_msg("case %zu: server %d, probe %d", i, got, probe);
        }
    }
}

/* Three servers, the later the faster, all up. */
static void make_three(struct upstream_server servers[3])
{
    for (size_t i = 0; i < 3; i++) {
        struct endpoint endpoint = somewhere;

        endpoint.address.octets[3] = (uint8_t)(i + 1);
        upstream_server_init(&servers[i], &endpoint);
        servers[i].srtt_us = 40000u >> i;
        servers[i].measured_us = 1;
        servers[i].probe_us = UINT64_MAX;
    }
}

static void ordered_is_the_operators_order_and_not_the_time(void **state)
{
    static const struct {
        uint8_t place[3];
        unsigned down; /* a bit each */
        int expected;
    } cases[] = {
        {{0, 1, 2}, 0, 0}, {{0, 1, 2}, 1, 1}, {{0, 1, 2}, 3, 2}, {{0, 1, 2}, 6, 0},
        {{2, 1, 0}, 0, 2}, {{2, 1, 0}, 4, 1}, {{2, 1, 0}, 7, 2}, {{1, 0, 2}, 0, 1},
    };
    const uint8_t asked[UPSTREAM_SERVERS_MAX] = {0};
    const uint8_t seed[RANDOM_SEED_OCTETS] = {3};
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct upstream_group group = {.choose = UPSTREAM_ORDERED, .servers = 7};
        const struct upstream_wish wish = {.group = &group, .asked = asked};
        struct upstream_server servers[3];
        bool probe;

        memcpy(group.place, cases[i].place, 3);
        make_three(servers);
        for (size_t j = 0; j < 3; j++) {
            servers[j].down = (cases[i].down >> j & 1) != 0;
        }
        assert_int_equal(upstream_server_choose(servers, 3, &wish, &random, 2, &probe),
                         cases[i].expected);
    }
}

static void hashed_gives_each_server_its_names_and_moves_no_others(void **state)
{
    const struct upstream_group group = {.choose = UPSTREAM_HASHED, .servers = 7};
    const uint8_t asked[UPSTREAM_SERVERS_MAX] = {0};
    const uint8_t seed[RANDOM_SEED_OCTETS] = {4};
    unsigned count[3] = {0};
    unsigned to[3] = {0};
    struct upstream_server servers[3];
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    make_three(servers);
    for (unsigned i = 0; i < 9000; i++) {
        const struct upstream_wish wish = {
            .group = &group, .asked = asked, .hash = random_u64(&random)};
        bool probe;

        servers[1].down = false;
        const int first = upstream_server_choose(servers, 3, &wish, &random, 2, &probe);
        assert_int_equal(upstream_server_choose(servers, 3, &wish, &random, 2, &probe), first);
        count[first]++;
        servers[1].down = true;
        const int then = upstream_server_choose(servers, 3, &wish, &random, 2, &probe);
        assert_int_not_equal(then, 1);
        assert_true(first == 1 || then == first);
        to[then] += first == 1;
    }
    for (size_t i = 0; i < 3; i++) { /* four standard deviations */
        assert_in_range(count[i], 3000 - 180, 3000 + 180);
    }
    assert_in_range(to[0], count[1] / 2 - 110, count[1] / 2 + 110);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_as_long_as_answers_have_taken),
        cmocka_unit_test(the_round_trip_time_is_smoothed),
        cmocka_unit_test(only_misses_in_a_row_count),
        cmocka_unit_test(useless_answers_are_not_silence),
        cmocka_unit_test(the_pause_between_probes_grows_to_a_limit),
        cmocka_unit_test(chooses_by_a_table),
        cmocka_unit_test(ordered_is_the_operators_order_and_not_the_time),
        cmocka_unit_test(hashed_gives_each_server_its_names_and_moves_no_others),
    };
    return cmocka_run_group_tests_name("upstream/server", tests, NULL, NULL);
}
