/* base/digest: BLAKE2b by its published values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

static void agrees_with_the_example_of_the_rfc(void **state)
{
    /* RFC 7693, appendix A: BLAKE2b-512 of "abc". */
    static const char expected[] =
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923";
    uint8_t out[64];
    char text[2 * sizeof(out) + 1];
    struct digest digest;

    (void)state;
    digest_init(&digest, NULL, sizeof(out));
    digest_add(&digest, "abc", 3);
    digest_end(&digest, out, sizeof(out));
    digest_hex(out, sizeof(out), text);
    assert_string_equal(text, expected);
}

static void nothing_has_a_digest_too(void **state)
{
    /* BLAKE2b-256 of no octets, as `b2sum -l 256 /dev/null` prints it. */
    static const char expected[] =
        "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
    uint8_t out[DIGEST_OCTETS];
    char text[2 * DIGEST_OCTETS + 1];

    (void)state;
    digest_of(NULL, 0, NULL, out);
    digest_hex(out, sizeof(out), text);
    assert_string_equal(text, expected);
}

/* Side by side, by each way that the processor has. */
static void many_digests_are_those_of_each_alone(void **state)
{
    enum {
        LONGEST = 700
    };
    static uint8_t data[DIGEST_MANY_MAX][LONGEST];
    static uint8_t out[DIGEST_MANY_MAX + 1][DIGEST_OCTETS];
    struct digest_buffer buffers[DIGEST_MANY_MAX];
    uint8_t alone[DIGEST_OCTETS];
    uint8_t seed[RANDOM_SEED_OCTETS] = {7};
    struct random random;
    unsigned ways = 0;

    (void)state;
    random_init_seed(&random, seed);
    random_fill(&random, data, sizeof(data));
    for (unsigned way = DIGEST_PLAIN; way <= DIGEST_AVX512; way++) {
        if (!digest_has_way((enum digest_way)way)) {
            continue;
        }
        ways++;
        for (unsigned round = 0; round < 400; round++) {
            const size_t count =
                round <= DIGEST_MANY_MAX ? round : random_below(&random, DIGEST_MANY_MAX + 1);

            for (size_t i = 0; i < count; i++) { /* borders of blocks are frequent */
                const size_t len = round < 200 ? 126 + random_below(&random, 5)
                                               : random_below(&random, LONGEST + 1);

                buffers[i] = (struct digest_buffer){data[i] + LONGEST - len, len, out[i]};
            }
            memset(out, 0, sizeof(out));
            digest_of_many_by((enum digest_way)way, buffers, count);
            for (size_t i = 0; i < count; i++) {
                digest_of(buffers[i].data, buffers[i].len, NULL, alone);
                assert_memory_equal(out[i], alone, sizeof(alone));
            }
            memset(alone, 0, sizeof(alone));
            assert_memory_equal(out[count], alone, sizeof(alone)); /* nothing else */
            memset(out, 0, sizeof(out));
            digest_of_uneven_by((enum digest_way)way, buffers, count);
            for (size_t i = 0; i < count; i++) {
                digest_of(buffers[i].data, buffers[i].len, NULL, alone);
                assert_memory_equal(out[i], alone, sizeof(alone));
            }
            memset(alone, 0, sizeof(alone));
            assert_memory_equal(out[count], alone, sizeof(alone));
        }
    }
    assert_true(ways > 0);
    for (size_t i = 0; i < 9; i++) { /* as whoever does not ask for one gets it; of nothing */
        buffers[i] = (struct digest_buffer){data[i], 0, out[i]};
    }
    digest_of_many(buffers, 9);
    digest_of(NULL, 0, NULL, alone);
    assert_memory_equal(out[8], alone, sizeof(alone));
    memset(out, 0, sizeof(out));
    digest_of_uneven(buffers, 9);
    assert_memory_equal(out[8], alone, sizeof(alone));
}

/* Large ones on two threads. */
static void both_digests_are_those_of_each_alone(void **state)
{
    static const size_t lengths[] = {0, 1, 1000, (1 << 20) - 1, 1 << 20, 3000001};
    uint8_t *data = calloc(1, 3000001);
    uint8_t wide[2][DIGEST_WIDE_OCTETS];
    uint8_t out[2][DIGEST_OCTETS];
    struct digest digest;

    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < 3000001; i++) {
        data[i] = (uint8_t)(i * 31 + i / 251);
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        digest_init(&digest, NULL, DIGEST_WIDE_OCTETS);
        digest_add(&digest, data, lengths[i]);
        digest_end(&digest, wide[0], DIGEST_WIDE_OCTETS);
        digest_of(data, lengths[i], NULL, out[0]);
        digest_of_both(data, lengths[i], wide[1], out[1]);
        assert_memory_equal(wide[0], wide[1], DIGEST_WIDE_OCTETS);
        assert_memory_equal(out[0], out[1], DIGEST_OCTETS);
    }
    free(data);
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
    uint8_t data[1000];
    uint8_t key[DIGEST_KEY_OCTETS] = {9};
    uint8_t whole[DIGEST_OCTETS];
    uint8_t pieces[DIGEST_OCTETS];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7);
    }
    for (size_t step = 1; step < 300; step += 13) {
        struct digest digest;
        digest_init(&digest, key, DIGEST_OCTETS);
        for (size_t at = 0; at < sizeof(data); at += step) {
            const size_t left = sizeof(data) - at;
            digest_add(&digest, data + at, step < left ? step : left);
            digest_add(&digest, NULL, 0);
        }
        digest_end(&digest, pieces, sizeof(pieces));
        digest_of(data, sizeof(data), key, whole);
        assert_true(digest_equal(whole, pieces));
    }
}

static void the_key_counts(void **state)
{
    const uint8_t keys[2][DIGEST_KEY_OCTETS] = {{1}, {2}};
    uint8_t open[DIGEST_OCTETS];
    uint8_t first[DIGEST_OCTETS];
    uint8_t second[DIGEST_OCTETS];

    (void)state;
    digest_of("abc", 3, NULL, open);
    digest_of("abc", 3, keys[0], first);
    digest_of("abc", 3, keys[1], second);
    assert_false(digest_equal(open, first));
    assert_false(digest_equal(first, second));
}

static void a_difference_in_any_octet_is_seen(void **state)
{
    uint8_t a[DIGEST_OCTETS] = {0};
    uint8_t b[DIGEST_OCTETS] = {0};

    (void)state;
    assert_true(digest_equal(a, b));
    for (size_t i = 0; i < sizeof(a); i++) {
        b[i] ^= 0x10;
        assert_false(digest_equal(a, b));
        b[i] = 0;
    }
}

static void hexadecimal_is_lower_case_and_terminated(void **state)
{
    static const uint8_t data[] = {0x00, 0x0f, 0xa5, 0xff};
    char text[9] = "xxxxxxxx";

    (void)state;
    digest_hex(data, sizeof(data), text);
    assert_string_equal(text, "000fa5ff");
    digest_hex(data, 0, text);
    assert_string_equal(text, "");
}

static void hexadecimal_is_read_as_it_is_written_and_not_otherwise(void **state)
{
    static const uint8_t data[] = {0x00, 0x0f, 0xa5, 0xff};
    static const char *const rows[] = {"000fa5fg", "000fa5f/", "000fa5f:",  "000fa5f`",
                                       "000fA5ff", "000fa5 f", "000fa5\0f", "0x0fa5ff"};
    uint8_t out[sizeof(data)];

    (void)state;
    assert_true(digest_unhex("000fa5ff", sizeof(out), out));
    assert_memory_equal(out, data, sizeof(data));
    assert_true(digest_unhex("", 0, out));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(digest_unhex(rows[i], sizeof(out), out));
    }
}

static int library(void **state)
{
    (void)state;
    return random_library_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_example_of_the_rfc),
        cmocka_unit_test(nothing_has_a_digest_too),
        cmocka_unit_test(many_digests_are_those_of_each_alone),
        cmocka_unit_test(both_digests_are_those_of_each_alone),
        cmocka_unit_test(pieces_give_the_digest_of_the_whole),
        cmocka_unit_test(the_key_counts),
        cmocka_unit_test(a_difference_in_any_octet_is_seen),
        cmocka_unit_test(hexadecimal_is_lower_case_and_terminated),
        cmocka_unit_test(hexadecimal_is_read_as_it_is_written_and_not_otherwise),
    };
    return cmocka_run_group_tests_name("base/digest", tests, library, NULL);
}
