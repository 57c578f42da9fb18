/* trust/minisign: the keys, open and locked, as the real minisign has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "trust/minisign.h"

#include "trust/workshop.h"

#include <endian.h>
#include <sodium.h>

static void reads_the_keys_that_minisign_makes(void **state)
{
    struct trust_secret_key secret;
    struct trust_public_key of_secret;
    struct trust_public_key again;
    char id[TRUST_KEY_ID_TEXT];
    size_t len = 0;

    (void)state;
    assert_int_equal(MINISIGN("", "-G", "-W", "-p", "a.pub", "-s", "a.key"), 0);
    const struct trust_public_key key = workshop_read_public_key("a.pub");
    char *text = workshop_read("a.pub", &len);
    trust_key_id_format(key.id, id);
    /* Its comment says the same id, but minisign prints no leading zeros. */
    assert_non_null(strstr(text, id + strspn(id, "0")));

    const char *line = strchr(text, '\n') + 1; /* the base64 line alone, as `-P` takes it */
    assert_int_equal(trust_public_key_parse(line, strlen(line), &again), 0);
    assert_memory_equal(&again, &key, sizeof(key));
    assert_int_equal(trust_public_key_parse(line, strlen(line) - 1, &again), 0);
    free(text);

    text = workshop_read("a.key", &len);
    assert_int_equal(trust_secret_key_parse(text, len, NULL, &secret), 0);
    trust_public_key_of(&secret, &of_secret);
    assert_memory_equal(&of_secret, &key, sizeof(key));
    assert_int_equal(trust_secret_key_parse(text, len, "not needed", &secret), 0);
    free(text);
}

static void minisign_signs_with_the_keys_that_we_make(void **state)
{
    const struct made made = workshop_make("x");
    char key[512];

    (void)state;
    workshop_write("list", list, LIST_LEN);
    workshop_write("a.key", key, trust_secret_key_format(&made.secret, NULL, key, sizeof(key)));
    assert_int_equal(MINISIGN("", "-S", "-s", "a.key", "-m", "list", "-x", "sig"), 0);
    const struct trust_signature signature = workshop_read_signature("sig");
    assert_int_equal(trust_verify(&made.key, &signature, LIST, LIST_LEN), 0);
}

static void keys_with_a_password_go_both_ways(void **state)
{
    const struct made made = workshop_make("x");
    struct trust_secret_key secret;
    struct trust_public_key of_secret;
    char key[512];
    size_t len = 0;

    (void)state;
    workshop_write("list", list, LIST_LEN);
    /* minisign's, read by us. */
    assert_int_equal(MINISIGN("horse\nhorse\n", "-G", "-p", "a.pub", "-s", "a.key"), 0);
    const struct trust_public_key theirs = workshop_read_public_key("a.pub");
    char *text = workshop_read("a.key", &len);
    assert_int_equal(trust_secret_key_parse(text, len, NULL, &secret), CORDON_E_PASSWORD);
    assert_int_equal(trust_secret_key_parse(text, len, "horse", &secret), 0);
    trust_public_key_of(&secret, &of_secret);
    assert_memory_equal(&of_secret, &theirs, sizeof(theirs));
    free(text);
    /* Ours, used by minisign. */
    workshop_write("b.key", key,
                   trust_secret_key_format(&made.secret, "battery", key, sizeof(key)));
    assert_int_equal(MINISIGN("battery\n", "-S", "-s", "b.key", "-m", "list", "-x", "sig"), 0);
    const struct trust_signature signature = workshop_read_signature("sig");
    assert_int_equal(trust_verify(&made.key, &signature, LIST, LIST_LEN), 0);
}

/* Refusals: public keys. */

static void public_key_line(const void *algorithm, const struct trust_public_key *key,
                            char out[57])
{
    uint8_t octets[42];

    memcpy(octets, algorithm, 2);
    memcpy(octets + 2, key->id, 8);
    memcpy(octets + 10, key->key, 32);
    sodium_bin2base64(out, 57, octets, sizeof(octets), sodium_base64_VARIANT_ORIGINAL);
}

static int parse_public_key(const char *text, size_t len)
{
    struct trust_public_key key;
    char *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, text, len);
    const int rc = trust_public_key_parse(exact, len, &key);
    free(exact);
    return rc;
}

static void public_keys_in_other_forms_are_refused(void **state)
{
    static const char *const forms[] = {
        "",
        "\n",
        "%s\n\n",
        "\n%s",
        "%s\r\n",
        "%s ",
        " %s",
        "%s=",
        "%s%s",
        "%s\n%s\n",
        "untrusted comment: x",
        "untrusted comment: x\n",
        "untrusted comment: x\n\n%s\n",
        "untrusted comment: x\r\n%s\n",
        "untrusted comment: x\n%s\r\n",
        "untrusted comment: x\n%s\n\n",
        "untrusted comment: x\n%s\nuntrusted comment: y\n",
        "untrusted comment: \x1b[2J\n%s\n",
        "trusted comment: x\n%s\n",
        "# x\n%s\n",
        "untrusted comment:\n%s\n",
    };
    const struct made made = workshop_make("x");
    char line[57];

    (void)state;
    public_key_line("Ed", &made.key, line);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char text[512];
        size_t len = 0;
        for (const char *at = forms[i]; *at != '\0'; at++) {
            if (at[0] == '%') {
                memcpy(text + len, line, 56);
                len += 56;
                at++;
            } else {
                text[len++] = *at;
            }
        }
        assert_int_equal(parse_public_key(text, len), CORDON_E_FORMAT);
    }
    for (size_t len = 0; len < 56; len++) {
        assert_int_equal(parse_public_key(line, len), CORDON_E_FORMAT);
    }
    assert_int_equal(parse_public_key(line, 56), 0);
    line[10] = '\0';
    assert_int_equal(parse_public_key(line, 56), CORDON_E_FORMAT);
}

static void public_keys_of_other_kinds_are_refused(void **state)
{
    static char large[TRUST_KEY_FILE_MAX + 1];
    struct made made = workshop_make("x");
    char line[57];

    (void)state;
    public_key_line("ED", &made.key, line);
    assert_int_equal(parse_public_key(line, 56), CORDON_E_VERSION);
    public_key_line("\0\0", &made.key, line);
    assert_int_equal(parse_public_key(line, 56), CORDON_E_VERSION);
    /* Points of small order verify forged signatures in careless libraries. */
    memset(made.key.key, 0, sizeof(made.key.key));
    public_key_line("Ed", &made.key, line);
    assert_int_equal(parse_public_key(line, 56), CORDON_E_FORMAT);
    made.key.key[0] = 1;
    public_key_line("Ed", &made.key, line);
    assert_int_equal(parse_public_key(line, 56), CORDON_E_FORMAT);
    /* No point at all. */
    memset(made.key.key, 0xff, sizeof(made.key.key));
    public_key_line("Ed", &made.key, line);
    assert_int_equal(parse_public_key(line, 56), CORDON_E_FORMAT);
    assert_int_equal(parse_public_key(large, sizeof(large)), CORDON_E_TOO_LARGE);
}

static void the_id_is_printed_as_minisign_prints_it(void **state)
{
    static const uint8_t id[TRUST_KEY_ID_OCTETS] = {0x59, 0x98, 0xad, 0x65,
                                                    0xb2, 0x6d, 0xed, 0x0a};
    char out[TRUST_KEY_ID_TEXT];

    (void)state;
    trust_key_id_format(id, out);
    assert_string_equal(out, "0AED6DB265AD9859");
}

/* Refusals: secret keys. */

#define SECRET_OCTETS 158

/* The cheapest cost, so that a test may try many passwords. */
#define CHEAP_OPS 32768
#define CHEAP_MEM (1 << 24)

static size_t secret_file(const uint8_t octets[SECRET_OCTETS], char out[512])
{
    char line[213];

    sodium_bin2base64(line, sizeof(line), octets, SECRET_OCTETS,
                      sodium_base64_VARIANT_ORIGINAL);
    return (size_t)snprintf(out, 512, "untrusted comment: a secret key\n%s\n", line);
}

/* A secret key file, built by hand, with a password if it is not NULL. */
static size_t build_secret(const struct made *made, const char *password,
                           uint8_t octets[SECRET_OCTETS], char out[512])
{
    const uint64_t ops = htole64(CHEAP_OPS);
    const uint64_t mem = htole64(CHEAP_MEM);
    uint8_t stream[104];
    crypto_generichash_state sum;

    memset(octets, 0, SECRET_OCTETS);
    memcpy(octets, password != NULL ? "EdScB2" : "Ed\0\0B2", 6);
    octets[6] = 77; /* salt */
    memcpy(octets + 38, &ops, 8);
    memcpy(octets + 46, &mem, 8);
    memcpy(octets + 54, made->secret.id, 8);
    memcpy(octets + 62, made->secret.secret, 64);
    crypto_generichash_init(&sum, NULL, 0, 32);
    crypto_generichash_update(&sum, octets, 2);
    crypto_generichash_update(&sum, octets + 54, 72);
    crypto_generichash_final(&sum, octets + 126, 32);
    if (password != NULL) {
        assert_int_equal(crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), password,
                                                            strlen(password), octets + 6,
                                                            CHEAP_OPS, CHEAP_MEM),
                         0);
        for (size_t i = 0; i < sizeof(stream); i++) {
            octets[54 + i] ^= stream[i];
        }
    }
    return secret_file(octets, out);
}

static void the_right_password_opens_and_no_other(void **state)
{
    static const struct {
        const char *password;
        int rc;
    } rows[] = {
        {"horse", 0},
        {NULL, CORDON_E_PASSWORD},
        {"", CORDON_E_PASSWORD},
        {"hors", CORDON_E_PASSWORD},
        {"horse ", CORDON_E_PASSWORD},
        {"Horse", CORDON_E_PASSWORD},
        {"horse\n", CORDON_E_PASSWORD},
    };
    const struct made made = workshop_make("x");
    uint8_t octets[SECRET_OCTETS];
    char file[512];
    const size_t len = build_secret(&made, "horse", octets, file);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct trust_secret_key secret = {.id = {7}};
        const struct trust_secret_key untouched = secret;
        assert_int_equal(trust_secret_key_parse(file, len, rows[i].password, &secret),
                         rows[i].rc);
        assert_memory_equal(&secret, rows[i].rc == 0 ? &made.secret : &untouched,
                            sizeof(secret));
    }
}

static void a_damaged_locked_key_does_not_open(void **state)
{
    const struct made made = workshop_make("x");
    uint8_t octets[SECRET_OCTETS];
    char file[512];

    (void)state;
    build_secret(&made, "horse", octets, file);
    for (size_t at = 0; at < SECRET_OCTETS; at++) {
        struct trust_secret_key secret;
        if (at >= 38 && at < 54) {
            continue; /* the cost has a test of its own */
        }
        octets[at] ^= (uint8_t)(1u << at % 8);
        const size_t len = secret_file(octets, file);
        assert_int_equal(trust_secret_key_parse(file, len, "horse", &secret),
                         at < 6 ? CORDON_E_VERSION : CORDON_E_PASSWORD);
        octets[at] ^= (uint8_t)(1u << at % 8);
    }
}

static void a_damaged_open_key_is_seen_too(void **state)
{
    const struct made made = workshop_make("x");
    struct trust_secret_key secret;
    uint8_t octets[SECRET_OCTETS];
    char file[512];
    size_t len = build_secret(&made, NULL, octets, file);

    (void)state;
    assert_int_equal(trust_secret_key_parse(file, len, NULL, &secret), 0);
    for (size_t at = 54; at < SECRET_OCTETS; at++) {
        octets[at] ^= (uint8_t)(1u << at % 8);
        len = secret_file(octets, file);
        assert_int_equal(trust_secret_key_parse(file, len, NULL, &secret), CORDON_E_CORRUPT);
        octets[at] ^= (uint8_t)(1u << at % 8);
    }
    /* minisign leaves the checksum empty: then at least the halves must agree. */
    memset(octets + 126, 0, 32);
    len = secret_file(octets, file);
    assert_int_equal(trust_secret_key_parse(file, len, NULL, &secret), 0);
    for (size_t at = 62; at < 126; at++) {
        octets[at] ^= (uint8_t)(1u << at % 8);
        len = secret_file(octets, file);
        assert_int_equal(trust_secret_key_parse(file, len, NULL, &secret), CORDON_E_CORRUPT);
        octets[at] ^= (uint8_t)(1u << at % 8);
    }
}

static void a_file_may_not_choose_any_cost(void **state)
{
    static const struct {
        uint64_t ops;
        uint64_t mem;
    } rows[] = {
        {33554433, 1073741824}, /* one more than minisign's own */
        {33554432, 1073741825},
        {UINT64_MAX, CHEAP_MEM},
        {CHEAP_OPS, UINT64_MAX},
        {UINT64_MAX, UINT64_MAX},
        {UINT64_C(1) << 32, UINT64_C(1) << 40},
    };
    const struct made made = workshop_make("x");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct trust_secret_key secret;
        uint8_t octets[SECRET_OCTETS];
        char file[512];
        build_secret(&made, "horse", octets, file);
        const uint64_t ops = htole64(rows[i].ops);
        const uint64_t mem = htole64(rows[i].mem);
        memcpy(octets + 38, &ops, 8);
        memcpy(octets + 46, &mem, 8);
        const size_t len = secret_file(octets, file);
        assert_int_equal(trust_secret_key_parse(file, len, "horse", &secret), CORDON_E_LIMIT);
    }
}

static void secret_keys_in_other_forms_are_refused(void **state)
{
    static char large[TRUST_KEY_FILE_MAX + 1];
    const struct made made = workshop_make("x");
    struct trust_secret_key secret;
    char file[512];
    char other[2 * TRUST_SIGNATURE_FILE_MAX];
    const size_t len = trust_secret_key_format(&made.secret, NULL, file, sizeof(file));

    (void)state;
    for (size_t cut = 0; cut < len - 1; cut++) {
        assert_int_equal(trust_secret_key_parse(file, cut, NULL, &secret), CORDON_E_FORMAT);
    }
    assert_int_equal(trust_secret_key_parse(file, len - 1, NULL, &secret), 0);
    const char *line = strchr(file, '\n') + 1; /* the base64 line alone */
    assert_int_equal(trust_secret_key_parse(line, strlen(line), NULL, &secret),
                     CORDON_E_FORMAT);
    size_t other_len = workshop_replaced(file, len, "\n", "\r\n", other);
    assert_int_equal(trust_secret_key_parse(other, other_len, NULL, &secret), CORDON_E_FORMAT);
    other_len = workshop_replaced(file, len, "=\n", "=\n\n", other);
    assert_int_equal(trust_secret_key_parse(other, other_len, NULL, &secret), CORDON_E_FORMAT);
    assert_int_equal(trust_secret_key_parse(large, sizeof(large), NULL, &secret),
                     CORDON_E_TOO_LARGE);
}

static void generated_keys_differ_and_wiped_keys_are_gone(void **state)
{
    static const struct trust_secret_key none;
    struct made a = workshop_make("x");
    struct made b = workshop_make("x");

    (void)state;
    assert_memory_not_equal(a.secret.id, b.secret.id, sizeof(a.secret.id));
    assert_memory_not_equal(a.secret.secret, b.secret.secret, sizeof(a.secret.secret));
    trust_secret_key_wipe(&a.secret);
    assert_memory_equal(&a.secret, &none, sizeof(none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(reads_the_keys_that_minisign_makes),
        WORKSHOP_TEST(minisign_signs_with_the_keys_that_we_make),
        WORKSHOP_TEST(keys_with_a_password_go_both_ways),
        cmocka_unit_test(public_keys_in_other_forms_are_refused),
        cmocka_unit_test(public_keys_of_other_kinds_are_refused),
        cmocka_unit_test(the_id_is_printed_as_minisign_prints_it),
        cmocka_unit_test(the_right_password_opens_and_no_other),
        cmocka_unit_test(a_damaged_locked_key_does_not_open),
        cmocka_unit_test(a_damaged_open_key_is_seen_too),
        cmocka_unit_test(a_file_may_not_choose_any_cost),
        cmocka_unit_test(secret_keys_in_other_forms_are_refused),
        cmocka_unit_test(generated_keys_differ_and_wiped_keys_are_gone),
    };
    return cmocka_run_group_tests_name("trust/minisign keys", tests, workshop_library, NULL);
}
