/* Server cookies: the examples of RFC 9018, what is believed, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "query/cookie.h"
#include "query/limits.h"
#include "wire/type.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY_US       (UINT64_C(86400) * 1000000)
#define NOON_US      (20000 * DAY_US + DAY_US / 2)

static void from_hex(const char *text, uint8_t *out, size_t len)
{
    assert_int_equal(strlen(text), 2 * len);
    for (size_t i = 0; i < len; i++) {
        unsigned octet;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &octet), 1);
        out[i] = (uint8_t)octet;
    }
}

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
    return address;
}

/* Appendix A: cookies that were given out, each with the secret of its time. */
static void makes_the_cookies_of_rfc_9018(void **state)
{
    static const struct {
        const char *secret, *client, *cookie;
        uint32_t time_s;
        bool reserved; /* its reserved octets are set: believed, never made */
    } rows[] = {
        {"e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985, false},
        {"e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
         "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", 1559734385, false},
        {"e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203",
         "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559727985, true},
        {"e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203",
         "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", 1559734700, false},
        {"dd3bdf9344b678b185a6f5cb60fca715", "2001:db8:220:1:59de:d0f4:8769:82b8",
         "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741817, false},
        {"445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8",
         "22681ab97d52c298010000005cf7c609a6bb79d16625507a", 1559741961, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t secret[QUERY_COOKIE_SECRET_OCTETS];
        uint8_t expected[QUERY_COOKIE_OCTETS];
        uint8_t made[QUERY_COOKIE_OCTETS];
        struct address client = address_of(rows[i].client);

        from_hex(rows[i].secret, secret, sizeof(secret));
        from_hex(rows[i].cookie, expected, sizeof(expected));
        assert_int_equal(wire_get32(expected + 12), rows[i].time_s);
        assert_true(query_cookie_is_of(secret, &client, expected));
        query_cookie_make(secret, &client, expected, rows[i].time_s, made);
        assert_int_equal(memcmp(made, expected, sizeof(made)) == 0, !rows[i].reserved);

        /* Any bit of cookie or address, and the secret of another time, make it another. */
        for (size_t bit = 0; bit < 8 * sizeof(expected); bit++) {
            memcpy(made, expected, sizeof(made));
            made[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(query_cookie_is_of(secret, &client, made));
        }
        client.octets[3] ^= 1;
        assert_false(query_cookie_is_of(secret, &client, expected));
        client.octets[3] ^= 1;
        secret[15] ^= 0x80;
        assert_false(query_cookie_is_of(secret, &client, expected));
    }
}

struct keeper {
    struct query_cookies cookies;
    struct address client;
    uint8_t answer[QUERY_COOKIE_OCTETS];
};

static void make_keeper(struct keeper *keeper)
{
    static const uint8_t key[QUERY_COOKIE_KEY_OCTETS] = "a key that tests may know.......";

    assert_int_equal(random_library_init(), 0);
    query_cookies_init(&keeper->cookies, key);
    keeper->client = address_of("192.0.2.7");
}

static enum query_cookie_verdict check(struct keeper *keeper, const uint8_t *octets, size_t len,
                                       uint64_t wall_us)
{
    memset(keeper->answer, 0xee, sizeof(keeper->answer));
    return query_cookies_check(&keeper->cookies, &keeper->client, octets, len, wall_us,
                               keeper->answer);
}

static void a_cookie_is_believed_for_an_hour_and_renewed_after_half(void **state)
{
    static const struct {
        int64_t age_s;
        enum query_cookie_verdict verdict;
        bool same;
    } rows[] = {{0, QUERY_COOKIE_VALID, true},        {1800, QUERY_COOKIE_VALID, true},
                {1801, QUERY_COOKIE_VALID, false},    {3600, QUERY_COOKIE_VALID, false},
                {3601, QUERY_COOKIE_INVALID, false},  {7200, QUERY_COOKIE_INVALID, false},
                {-1, QUERY_COOKIE_VALID, true},       {-300, QUERY_COOKIE_VALID, true},
                {-301, QUERY_COOKIE_INVALID, false},  {-40000, QUERY_COOKIE_INVALID, false},
                {864000, QUERY_COOKIE_INVALID, false}};
    struct keeper keeper;
    uint8_t given[QUERY_COOKIE_OCTETS];

    (void)state;
    make_keeper(&keeper);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(check(&keeper, (const uint8_t *)"clientpt", 8, NOON_US),
                         QUERY_COOKIE_NEW);
        memcpy(given, keeper.answer, sizeof(given));
        assert_memory_equal(given, "clientpt\1\0\0", 12);
        const uint64_t later_us = NOON_US + (uint64_t)(rows[i].age_s * 1000000);
        assert_int_equal(check(&keeper, given, sizeof(given), later_us), rows[i].verdict);
        assert_int_equal(memcmp(given, keeper.answer, sizeof(given)) == 0, rows[i].same);
        /* Whatever came, what goes is good. */
        memcpy(given, keeper.answer, sizeof(given));
        assert_int_equal(check(&keeper, given, sizeof(given), later_us), QUERY_COOKIE_VALID);
    }
}

/* The clock of a 32-bit second ends in 2106; cookies do not. */
static void time_goes_on_over_its_end(void **state)
{
    const uint64_t before_us = (UINT64_C(0x100000000) - 10) * 1000000;
    struct keeper keeper;
    uint8_t given[QUERY_COOKIE_OCTETS];

    (void)state;
    make_keeper(&keeper);
    check(&keeper, (const uint8_t *)"clientpt", 8, before_us);
    memcpy(given, keeper.answer, sizeof(given));
    assert_int_equal(check(&keeper, given, sizeof(given), before_us + 20000000),
                     QUERY_COOKIE_VALID);
}

/* RFC 9018, 5: through midnight with the secret of the day before; two days later never. */
static void a_secret_is_rolled_over_and_the_one_before_still_counts(void **state)
{
    const uint64_t before_us = 20001 * DAY_US - 60000000; /* a minute to midnight */
    struct keeper keeper, other;
    uint8_t given[QUERY_COOKIE_OCTETS];

    (void)state;
    make_keeper(&keeper);
    make_keeper(&other);
    check(&keeper, (const uint8_t *)"clientpt", 8, before_us);
    memcpy(given, keeper.answer, sizeof(given));
    assert_int_equal(check(&keeper, given, sizeof(given), before_us + 120000000),
                     QUERY_COOKIE_VALID);
    /* Renewed at once, with the new one; another worker agrees. */
    assert_memory_not_equal(keeper.answer, given, sizeof(given));
    memcpy(given, keeper.answer, sizeof(given));
    assert_int_equal(check(&other, given, sizeof(given), before_us + 120000000),
                     QUERY_COOKIE_VALID);
    assert_memory_not_equal(keeper.cookies.secrets[0], keeper.cookies.secrets[1], 16);

    /* Its time is forged to be of today: the secret of two days ago says no. */
    struct keeper old;
    uint8_t forged[QUERY_COOKIE_OCTETS];
    make_keeper(&old);
    check(&old, (const uint8_t *)"clientpt", 8, NOON_US);
    query_cookie_make(old.cookies.secrets[0], &old.client, (const uint8_t *)"clientpt",
                      (uint32_t)((NOON_US + 2 * DAY_US) / 1000000), forged);
    assert_int_equal(check(&keeper, forged, sizeof(forged), NOON_US + 2 * DAY_US),
                     QUERY_COOKIE_INVALID);
    query_cookie_make(old.cookies.secrets[0], &old.client, (const uint8_t *)"clientpt",
                      (uint32_t)((NOON_US + DAY_US) / 1000000), forged);
    assert_int_equal(check(&keeper, forged, sizeof(forged), NOON_US + DAY_US),
                     QUERY_COOKIE_VALID);
}

static void cookies_of_others_are_as_good_as_none(void **state)
{
    struct keeper keeper, stranger;
    uint8_t given[40] = {0};

    (void)state;
    make_keeper(&keeper);
    make_keeper(&stranger);
    check(&keeper, (const uint8_t *)"clientpt", 8, NOON_US);
    memcpy(given, keeper.answer, QUERY_COOKIE_OCTETS);
    for (size_t len = 16; len <= 40; len++) { /* other lengths than ours */
        assert_int_equal(check(&keeper, given, len, NOON_US), len == QUERY_COOKIE_OCTETS
                                                                  ? QUERY_COOKIE_VALID
                                                                  : QUERY_COOKIE_INVALID);
        assert_memory_equal(keeper.answer, given, QUERY_COOKIE_OCTETS);
    }
    given[8] = 2; /* another version */
    assert_int_equal(check(&keeper, given, QUERY_COOKIE_OCTETS, NOON_US), QUERY_COOKIE_INVALID);
    given[8] = 1;
    stranger.client = address_of("192.0.2.8"); /* taken along by somebody else */
    assert_int_equal(check(&stranger, given, QUERY_COOKIE_OCTETS, NOON_US),
                     QUERY_COOKIE_INVALID);
    stranger.client = keeper.client;
    stranger.cookies.key[0] ^= 1; /* of a daemon that ran before */
    stranger.cookies.made = false;
    assert_int_equal(check(&stranger, given, QUERY_COOKIE_OCTETS, NOON_US),
                     QUERY_COOKIE_INVALID);
    /* The port is no part of it. */
    keeper.client.port = 4711;
    assert_int_equal(check(&keeper, given, QUERY_COOKIE_OCTETS, NOON_US), QUERY_COOKIE_VALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_cookies_of_rfc_9018),
        cmocka_unit_test(a_cookie_is_believed_for_an_hour_and_renewed_after_half),
        cmocka_unit_test(time_goes_on_over_its_end),
        cmocka_unit_test(a_secret_is_rolled_over_and_the_one_before_still_counts),
        cmocka_unit_test(cookies_of_others_are_as_good_as_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
