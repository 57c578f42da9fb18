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

/* One worker's servers, with conditions of their own. */
struct fixture {
    struct upstream_conditions *conditions;
    struct upstream_server servers[4];
    size_t count;
};

static void make(struct fixture *fixture, size_t count)
{
    fixture->conditions = upstream_conditions_create();
    assert_non_null(fixture->conditions);
    fixture->count = count;
    for (size_t i = 0; i < count; i++) {
        struct endpoint endpoint = somewhere;

        endpoint.address.octets[3] = (uint8_t)(i + 1);
        upstream_server_init(&fixture->servers[i], &endpoint,
                             upstream_condition_take(fixture->conditions, &endpoint));
    }
}

static void unmake(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        upstream_condition_give_back(fixture->conditions, fixture->servers[i].condition);
    }
    upstream_conditions_destroy(fixture->conditions);
}

static void waits_as_long_as_answers_have_taken(void **state)
{
    static const struct {
        uint32_t srtt_ms, rttvar_ms;
        unsigned asked;
        unsigned wait_ms, late_ms;
    } cases[] = {
        {0, 0, 0, 800, 200},     /* not measured: the first number */
        {0, 0, 1, 1600, 200},    /* doubled for the second time */
        {0, 0, 2, 2000, 200},    /* up to a limit */
        {0, 0, 200, 2000, 200},  /* however often */
        {1, 0, 0, 150, 10},      /* a fast one: never below the second number */
        {100, 25, 0, 200, 200},  /* srtt + 4 rttvar */
        {20, 2, 0, 150, 28},     /* late is before it is over */
        {100, 25, 1, 400, 200},  /* doubled */
        {100, 25, 3, 1600, 200}, /* and again */
        {500, 200, 0, 800, 800}, /* a slow one: not above the first number */
        {60000, 30000, 0, 800, 800},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct fixture fixture;

        make(&fixture, 1);
        const struct upstream_server *server = &fixture.servers[0];
        if (cases[i].srtt_ms != 0) {
            upstream_condition_set_rtt(server->condition, cases[i].srtt_ms * 1000,
                                       cases[i].rttvar_ms * 1000, 1);
        }
        assert_int_equal(upstream_server_wait_us(server, cases[i].asked, 2),
                         cases[i].wait_ms * MS);
        assert_int_equal(upstream_server_late_us(server, 2), cases[i].late_ms * MS);
        /* What was measured too long ago does not count. */
        const uint64_t later = 1 + UPSTREAM_RTT_STALE_MS * MS;
        if (cases[i].asked == 0) {
            assert_int_equal(upstream_server_wait_us(server, 0, later), 800 * MS);
        }
        assert_int_equal(upstream_server_late_us(server, later), 200 * MS);
        unmake(&fixture);
    }
}

/* TCP, TLS and the question take three round trips where nothing is open. */
static void a_server_over_tls_is_given_time_to_open(void **state)
{
    struct endpoint secret = somewhere;
    struct upstream_condition condition = {.users = 1};
    struct upstream_server server;

    (void)state;
    secret.transport = ENDPOINT_TLS;
    upstream_server_init(&server, &secret, &condition);
    assert_int_equal(upstream_server_wait_us(&server, 0, 2), UPSTREAM_TRY_MAX_MS * MS);
    upstream_condition_set_rtt(&condition, 100000, 25000, 1);
    assert_int_equal(upstream_server_wait_us(&server, 0, 2), 3 * 200 * MS);
    server.open_us = 1000000;
    assert_int_equal(upstream_server_wait_us(&server, 0, 1000001), 200 * MS);
    assert_int_equal(upstream_server_trips(&server, true, 1000001), 1);
    assert_int_equal(upstream_server_wait_us(&server, 0, 1000000 + UPSTREAM_TCP_IDLE_MS * MS),
                     3 * 200 * MS);
    upstream_server_init(&server, &somewhere, &condition);
    assert_int_equal(upstream_server_trips(&server, false, 2), 1);
    assert_int_equal(upstream_server_trips(&server, true, 2), 3); /* TCP in clear, anew */
}

/* Standing: 'u' up, 's' suspect, 'd' down. */
static void stand(struct upstream_server *server, char how, uint64_t heard_us)
{
    atomic_store(&server->condition->down, how == 'd');
    atomic_store(&server->condition->suspect_us, how == 's' ? UINT64_MAX : 0);
    atomic_store(&server->condition->heard_us, heard_us);
}

static void chooses_by_a_table(void **state)
{
    static const struct {
        const char *how;
        uint8_t asked[4];
        uint32_t excluded;
        int expected;
        uint64_t heard[4];
    } cases[] = {
        {"uuu", {0, 0, 0}, 0, 0, {0}},       /* the fastest */
        {"duu", {0, 0, 0}, 0, 1, {0}},       /* that is up */
        {"suu", {0, 0, 0}, 0, 1, {0}},       /* and not suspect */
        {"dsd", {0, 0, 0}, 0, 1, {0}},       /* which is better than down */
        {"ddd", {0, 0, 0}, 0, 0, {0}},       /* none is: the fastest all the same */
        {"ddd", {0, 0, 0}, 0, 2, {7, 7, 9}}, /* or the one that was heard last */
        {"uuu", {0, 0, 0}, 0, 0, {7, 7, 9}}, /* which counts for these alone */
        {"uuu", {1, 0, 0}, 0, 1, {0}},       /* not asked yet before asked */
        {"uud", {1, 1, 0}, 0, 2, {0}},       /* even one that is down */
        {"uud", {1, 1, 1}, 0, 0, {0}},       /* the round begins again */
        {"uuu", {0, 0, 0}, 1, 1, {0}},       /* excluded */
        {"udd", {0, 0, 0}, 1, 1, {0}},       /* all that are up are excluded */
        {"uuu", {3, 2, 1}, 4, 1, {0}},       /* excluded, though asked least */
        {"uuu", {0, 0, 0}, 7, -1, {0}},      /* nobody is left */
        {"", {0}, 0, -1, {0}},               /* nobody is there */
    };
    const struct upstream_group group = {.servers = 7};
    const uint8_t seed[RANDOM_SEED_OCTETS] = {2};
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const size_t count = strlen(cases[i].how);
        const struct upstream_wish wish = {
            .group = &group, .asked = cases[i].asked, .excluded = cases[i].excluded};
        struct fixture fixture;

        make(&fixture, count);
        for (size_t j = 0; j < count; j++) {
            upstream_condition_set_rtt(fixture.servers[j].condition, 10000u << j, 0, 1);
            stand(&fixture.servers[j], cases[i].how[j], cases[i].heard[j]);
        }
        const int got = upstream_server_choose(fixture.servers, count, &wish, &random, 2);
        if (got != cases[i].expected) {
            fail_msg("case %zu: server %d", i, got);
        }
        unmake(&fixture);
    }
}

/* Three servers, the later the faster, all up. */
static void make_three(struct fixture *fixture)
{
    make(fixture, 3);
    for (size_t i = 0; i < 3; i++) {
        upstream_condition_set_rtt(fixture->servers[i].condition, 40000u >> i, 0, 1);
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
        struct fixture fixture;

        memcpy(group.place, cases[i].place, 3);
        make_three(&fixture);
        for (size_t j = 0; j < 3; j++) {
            stand(&fixture.servers[j], (cases[i].down >> j & 1) != 0 ? 'd' : 'u', 0);
        }
        assert_int_equal(upstream_server_choose(fixture.servers, 3, &wish, &random, 2),
                         cases[i].expected);
        unmake(&fixture);
    }
}

static void hashed_gives_each_server_its_names_and_moves_no_others(void **state)
{
    const struct upstream_group group = {.choose = UPSTREAM_HASHED, .servers = 7};
    const uint8_t asked[UPSTREAM_SERVERS_MAX] = {0};
    const uint8_t seed[RANDOM_SEED_OCTETS] = {4};
    unsigned count[3] = {0};
    unsigned to[3] = {0};
    struct fixture fixture;
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    make_three(&fixture);
    struct upstream_server *servers = fixture.servers;
    for (unsigned i = 0; i < 9000; i++) {
        const struct upstream_wish wish = {
            .group = &group, .asked = asked, .hash = random_u64(&random)};

        stand(&servers[1], 'u', 0);
        const int first = upstream_server_choose(servers, 3, &wish, &random, 2);
        assert_int_equal(upstream_server_choose(servers, 3, &wish, &random, 2), first);
        count[first]++;
        stand(&servers[1], 'd', 0);
        const int then = upstream_server_choose(servers, 3, &wish, &random, 2);
        assert_int_not_equal(then, 1);
        assert_true(first == 1 || then == first);
        to[then] += first == 1;
    }
    for (size_t i = 0; i < 3; i++) { /* four standard deviations */
        assert_in_range(count[i], 3000 - 180, 3000 + 180);
    }
    assert_in_range(to[0], count[1] / 2 - 110, count[1] / 2 + 110);
    unmake(&fixture);
}

/* Whatever has happened to the servers, one is chosen while one is left. */
static void never_chooses_none_while_one_is_left(void **state)
{
    const uint8_t seed[RANDOM_SEED_OCTETS] = {5};
    struct clock_now now = {1000000, 1};
    struct fixture fixture;
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    make(&fixture, 4);
    for (unsigned i = 0; i < 200000; i++) {
        struct upstream_condition *condition =
            fixture.servers[random_below(&random, 4)].condition;
        const uint64_t sent_us = now.mono_us - random_below(&random, 3000000) % now.mono_us;
        uint8_t asked[UPSTREAM_SERVERS_MAX] = {0};
        struct upstream_group group = {
            .servers = 15, .choose = (enum upstream_choose)random_below(&random, 3)};
        const struct upstream_wish wish = {.group = &group,
                                           .asked = asked,
                                           .excluded = random_below(&random, 16) | ~15u,
                                           .hash = random_u64(&random)};

        switch (random_below(&random, 12)) {
        case 0:
            upstream_condition_good(condition, sent_us, now, true);
            break;
        case 1:
            upstream_condition_alive(condition, sent_us, now, random_below(&random, 2) == 0);
            break;
        case 2:
        case 3:
            upstream_condition_blamed(
                condition,
                (enum upstream_reason)(1 + random_below(&random, UPSTREAM_REASONS - 1)), now);
            break;
        case 4:
        case 5:
            upstream_condition_late(condition, sent_us, now.mono_us);
            break;
        case 6:
            if (upstream_condition_claim(condition, now.mono_us)) {
                upstream_condition_probed(condition, random_below(&random, 2) == 0, sent_us,
                                          now);
            }
            break;
        default:
            upstream_condition_missed(condition, sent_us, UPSTREAM_REASON_SILENT, now);
            break;
        }
        now.mono_us += random_below(&random, 500000);
        for (size_t j = 0; j < 4; j++) {
            asked[j] = (uint8_t)random_below(&random, 4);
            group.place[j] = (uint8_t)random_below(&random, 4);
        }
        const int chosen =
            upstream_server_choose(fixture.servers, 4, &wish, &random, now.mono_us);
        if (wish.excluded == UINT32_MAX) {
            assert_int_equal(chosen, -1);
        } else {
            assert_in_range(chosen, 0, 3);
            assert_int_equal(wish.excluded >> chosen & 1u, 0);
        }
    }
    unmake(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_as_long_as_answers_have_taken),
        cmocka_unit_test(a_server_over_tls_is_given_time_to_open),
        cmocka_unit_test(chooses_by_a_table),
        cmocka_unit_test(never_chooses_none_while_one_is_left),
        cmocka_unit_test(ordered_is_the_operators_order_and_not_the_time),
        cmocka_unit_test(hashed_gives_each_server_its_names_and_moves_no_others),
    };
    return cmocka_run_group_tests_name("upstream/server", tests, NULL, NULL);
}
