/* base/siphash: the rounds by libsodium's SipHash-2-4, the labels by their borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void fill_key(uint8_t key[SIPHASH_KEY_OCTETS])
{
    for (uint8_t i = 0; i < SIPHASH_KEY_OCTETS; i++) {
        key[i] = i;
    }
}

static void agrees_with_the_published_vector(void **state)
{
    /* SipHash: a fast short-input PRF, appendix A: key 00..0f, message 00..0e. */
    uint8_t key[SIPHASH_KEY_OCTETS];
    uint8_t message[15];

    (void)state;
    fill_key(key);
    for (uint8_t i = 0; i < sizeof(message); i++) {
        message[i] = i;
    }
    assert_true(siphash24(message, sizeof(message), key) == UINT64_C(0xa129ca6149be45e5));
}

static void agrees_with_libsodium_at_every_length(void **state)
{
    uint8_t key[SIPHASH_KEY_OCTETS];
    uint8_t message[300];

    (void)state;
    fill_key(key);
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t len = 0; len <= sizeof(message); len++) {
        /* An allocation of the exact size, so that a load beyond it is seen. */
        uint8_t *exact = malloc(len > 0 ? len : 1);
        uint8_t expected[crypto_shorthash_siphash24_BYTES];
        uint64_t word = 0;

        assert_non_null(exact);
        memcpy(exact, message, len);
        crypto_shorthash_siphash24(expected, exact, len, key);
        for (size_t i = 8; i-- > 0;) {
            word = word << 8 | expected[i];
        }
        assert_true(siphash24(exact, len, key) == word);
        free(exact);
    }
}

/* SipHash-1-3, written for comparison from the paper, octet by octet. */
static uint64_t plain13(const uint8_t *data, size_t len, const uint8_t key[SIPHASH_KEY_OCTETS])
{
    struct siphash s;

    siphash_init(&s, key);
    for (size_t at = 0; at <= len; at += 8) {
        uint64_t word = 0;
        for (size_t i = 0; i < 8 && at + i < len; i++) {
            word |= (uint64_t)data[at + i] << 8 * i;
        }
        if (at + 8 > len) {
            word |= (uint64_t)len << 56;
        }
        s.v3 ^= word;
        s.v0 += s.v1;
        s.v1 = (s.v1 << 13 | s.v1 >> 51) ^ s.v0;
        s.v0 = s.v0 << 32 | s.v0 >> 32;
        s.v2 += s.v3;
        s.v3 = (s.v3 << 16 | s.v3 >> 48) ^ s.v2;
        s.v0 += s.v3;
        s.v3 = (s.v3 << 21 | s.v3 >> 43) ^ s.v0;
        s.v2 += s.v1;
        s.v1 = (s.v1 << 17 | s.v1 >> 47) ^ s.v2;
        s.v2 = s.v2 << 32 | s.v2 >> 32;
        s.v0 ^= word;
    }
    return siphash_read(&s);
}

static void the_short_form_runs_one_and_three_rounds(void **state)
{
    uint8_t key[SIPHASH_KEY_OCTETS];
    uint8_t message[64];

    (void)state;
    fill_key(key);
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)(200 - i);
    }
    for (size_t len = 0; len <= sizeof(message); len++) {
        assert_true(siphash13(message, len, key) == plain13(message, len, key));
        assert_true(siphash13(message, len, key) != siphash24(message, len, key));
    }
}

static uint64_t hash_labels(const char *labels)
{
    uint8_t key[SIPHASH_KEY_OCTETS];
    struct siphash s;

    fill_key(key);
    siphash_init(&s, key);
    for (const uint8_t *at = (const uint8_t *)labels; *at != 0; at += *at + 1) {
        siphash_add_label(&s, at);
    }
    return siphash_read(&s);
}

static void a_single_label_hashes_as_its_octets(void **state)
{
    uint8_t key[SIPHASH_KEY_OCTETS];
    uint8_t label[64];

    (void)state;
    fill_key(key);
    for (uint8_t len = 0; len <= 63; len++) {
        struct siphash s;
        label[0] = len;
        memset(label + 1, 'a' + len % 26, len);
        siphash_init(&s, key);
        siphash_add_label(&s, label);
        assert_true(siphash_read(&s) == siphash13(label + 1, len, key));
    }
}

static void the_borders_of_labels_count(void **state)
{
    static const char *const names[] = {
        "\3com\7example",    "\7example\3com", /* the order */
        "\12comexample",                       /* no border */
        "\4come\6xample",                      /* another border */
        "\3com\7example\1a", "\3com",          "\10comexamp\2le", "\11comexampl\1e", "",
    };
    const size_t count = sizeof(names) / sizeof(names[0]);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(hash_labels(names[i]) != hash_labels(names[j]));
        }
    }
}

static void reading_does_not_end_the_hash(void **state)
{
    uint8_t key[SIPHASH_KEY_OCTETS];
    struct siphash s;

    (void)state;
    fill_key(key);
    siphash_init(&s, key);
    siphash_add_label(&s, (const uint8_t *)"\3com");
    assert_true(siphash_read(&s) == hash_labels("\3com"));
    siphash_add_label(&s, (const uint8_t *)"\7example");
    assert_true(siphash_read(&s) == hash_labels("\3com\7example"));
}

static void the_key_counts(void **state)
{
    uint8_t key[SIPHASH_KEY_OCTETS];

    (void)state;
    fill_key(key);
    const uint64_t first = siphash13("abc", 3, key);
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] ^= 1;
        assert_true(siphash13("abc", 3, key) != first);
        key[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_published_vector),
        cmocka_unit_test(agrees_with_libsodium_at_every_length),
        cmocka_unit_test(the_short_form_runs_one_and_three_rounds),
        cmocka_unit_test(a_single_label_hashes_as_its_octets),
        cmocka_unit_test(the_borders_of_labels_count),
        cmocka_unit_test(reading_does_not_end_the_hash),
        cmocka_unit_test(the_key_counts),
    };
    return sodium_init() < 0 ? 1
                             : cmocka_run_group_tests_name("base/siphash", tests, NULL, NULL);
}
