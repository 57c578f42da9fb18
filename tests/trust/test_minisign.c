/* trust/minisign: signatures that the real minisign writes and takes, and what nobody may take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "trust/minisign.h"

#include "trust/workshop.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>

/* Parses from an allocation of the exact size, so that one octet too many is seen, and
 * verifies. */
static int check(const struct trust_public_key *key, const char *file, size_t len)
{
    struct trust_signature signature;
    char *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, file, len);
    int rc = trust_signature_parse(exact, len, &signature);
    free(exact);
    if (rc == 0) {
        rc = trust_verify(key, &signature, LIST, LIST_LEN);
    }
    return rc;
}

static void verifies_what_minisign_signs(void **state)
{
    static const struct {
        const char *form; /* -S: prehashed; -l: the legacy form */
        const char *comment;
        int prehashed;
    } rows[] = {
        {"-S", "serial 7", 1}, {"-Sl", "serial 7", 0}, {"-S", "tabs\tand \xc3\xa9", 1},
        {"-S", NULL, 1}, /* minisign's own comment: time, file, form, with tabs */
        {"-Sl", NULL, 0},
    };

    (void)state;
    workshop_write("list", list, LIST_LEN);
    assert_int_equal(MINISIGN("", "-G", "-W", "-p", "a.pub", "-s", "a.key"), 0);
    assert_int_equal(MINISIGN("", "-G", "-W", "-p", "b.pub", "-s", "b.key"), 0);
    const struct trust_public_key key = workshop_read_public_key("a.pub");
    const struct trust_public_key other = workshop_read_public_key("b.pub");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int rc =
            rows[i].comment != NULL
                ? MINISIGN("", rows[i].form, "-s", "a.key", "-m", "list", "-x", "sig", "-t",
                           rows[i].comment)
                : MINISIGN("", rows[i].form, "-s", "a.key", "-m", "list", "-x", "sig");
        assert_int_equal(rc, 0);
        const struct trust_signature signature = workshop_read_signature("sig");
        assert_int_equal(signature.prehashed, rows[i].prehashed);
        assert_memory_equal(signature.id, key.id, sizeof(key.id));
        if (rows[i].comment != NULL) {
            assert_string_equal(signature.trusted_comment, rows[i].comment);
        } else {
            assert_non_null(strstr(signature.trusted_comment, "timestamp:"));
        }
        assert_int_equal(trust_verify(&key, &signature, LIST, LIST_LEN), 0);
        assert_int_equal(trust_verify(&key, &signature, LIST, LIST_LEN - 1),
                         CORDON_E_SIGNATURE);
        assert_int_equal(trust_verify(&other, &signature, LIST, LIST_LEN), CORDON_E_UNTRUSTED);
    }
}

static void minisign_verifies_what_we_sign(void **state)
{
    static char longest[TRUST_COMMENT_MAX];
    const char *const comments[] = {"serial 7", "", "tab\there", longest};

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    workshop_write("list", list, LIST_LEN);
    for (size_t i = 0; i < sizeof(comments) / sizeof(comments[0]); i++) {
        const struct made made = workshop_make(comments[i]);
        char key[512];
        const size_t key_len = trust_public_key_format(&made.key, key, sizeof(key));

        assert_true(key_len > 0);
        workshop_write("a.pub", key, key_len);
        workshop_write("sig", made.file, made.len);
        assert_int_equal(check(&made.key, made.file, made.len), 0);
        assert_int_equal(MINISIGN("", "-V", "-m", "list", "-x", "sig", "-p", "a.pub"), 0);
        assert_int_equal(MINISIGN("", "-VH", "-m", "list", "-x", "sig", "-p", "a.pub"), 0);
    }
    workshop_write("list", list, LIST_LEN - 1); /* and it does see a difference */
    assert_int_not_equal(MINISIGN("", "-V", "-m", "list", "-x", "sig", "-p", "a.pub"), 0);
}

/* Where the part that is signed or checked begins: the untrusted comment's own text is covered
 * by nothing, its line's end is. */
static size_t covered_from(const char *file)
{
    return (size_t)(strchr(file, '\n') - file);
}

static void flip_every_bit(const struct trust_public_key *key, const char *file, size_t len)
{
    char copy[TRUST_SIGNATURE_FILE_MAX];

    assert_int_equal(check(key, file, len), 0);
    memcpy(copy, file, len);
    for (size_t at = covered_from(file); at < len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            copy[at] = (char)((unsigned char)file[at] ^ 1u << bit);
            if (check(key, copy, len) == 0) {
                fail_msg("bit %u of octet %zu may be flipped", bit, at);
            }
        }
        copy[at] = file[at];
    }
}

static void no_bit_of_a_signature_file_may_flip(void **state)
{
    const struct made made = workshop_make("serial 7");

    (void)state;
    flip_every_bit(&made.key, made.file, made.len);
}

static void no_bit_of_a_file_by_minisign_may_flip(void **state)
{
    static const char *const forms[] = {"-S", "-Sl"};

    (void)state;
    workshop_write("list", list, LIST_LEN);
    assert_int_equal(MINISIGN("", "-G", "-W", "-p", "a.pub", "-s", "a.key"), 0);
    const struct trust_public_key key = workshop_read_public_key("a.pub");
    for (size_t i = 0; i < 2; i++) {
        size_t len = 0;
        assert_int_equal(
            MINISIGN("", forms[i], "-s", "a.key", "-m", "list", "-x", "sig", "-t", "7"), 0);
        char *file = workshop_read("sig", &len);
        flip_every_bit(&key, file, len);
        free(file);
    }
}

static void the_untrusted_comment_changes_nothing_but_must_be_one(void **state)
{
    struct made made = workshop_make("serial 7");
    const size_t end = covered_from(made.file);
    const size_t begin = strlen("untrusted comment: ");

    (void)state;
    for (size_t at = 0; at < end; at++) {
        const char before = made.file[at];
        made.file[at] = '#';
        assert_int_equal(check(&made.key, made.file, made.len),
                         at < begin ? CORDON_E_FORMAT : 0);
        made.file[at] = '\x1b'; /* it may be shown to somebody */
        assert_int_equal(check(&made.key, made.file, made.len), CORDON_E_FORMAT);
        made.file[at] = before;
    }
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    const struct made made = workshop_make("serial 7");

    (void)state;
    for (size_t len = 0; len < made.len - 1; len++) {
        assert_int_equal(check(&made.key, made.file, len), CORDON_E_FORMAT);
    }
    /* Editors drop the last newline; it says nothing. */
    assert_int_equal(check(&made.key, made.file, made.len - 1), 0);
}

static void nothing_may_follow(void **state)
{
    const struct made made = workshop_make("serial 7");

    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        char longer[TRUST_SIGNATURE_FILE_MAX];
        memcpy(longer, made.file, made.len);
        longer[made.len] = (char)octet;
        assert_int_equal(check(&made.key, longer, made.len + 1), CORDON_E_FORMAT);
        longer[made.len - 1] = (char)octet; /* in place of the newline */
        assert_int_equal(check(&made.key, longer, made.len),
                         octet == '\n' ? 0 : CORDON_E_FORMAT);
    }
}

static void lines_that_are_missing_doubled_or_swapped_are_refused(void **state)
{
    static const char *const orders[] = {
        "",       "1",     "12",    "123",   "234",   "134",   "124",   "2134",
        "1243",   "3412",  "1432",  "11234", "1223",  "1233",  "12334", "12344",
        "123412", "1 234", "12 34", "123 4", " 1234", "1234 ",
    };
    const struct made made = workshop_make("serial 7");
    const char *lines[5] = {NULL, made.file, NULL, NULL, NULL};

    (void)state;
    for (size_t i = 2; i <= 4; i++) {
        lines[i] = strchr(lines[i - 1], '\n') + 1;
    }
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        char file[TRUST_SIGNATURE_FILE_MAX];
        size_t len = 0;
        for (const char *at = orders[i]; *at != '\0'; at++) {
            const char *line = *at == ' ' ? "\n" : lines[*at - '0'];
            const size_t line_len = (size_t)(strchr(line, '\n') - line) + 1;
            memcpy(file + len, line, line_len);
            len += line_len;
        }
        assert_int_equal(check(&made.key, file, len), CORDON_E_FORMAT);
    }
}

static void other_spellings_of_the_same_file_are_refused(void **state)
{
    static const struct {
        const char *from;
        const char *to;
    } rows[] = {
        {"\n", "\r\n"},                 /* the first line's end */
        {"\ntrusted", "\r\ntrusted"},   /* the signature's */
        {"serial 7\n", "serial 7\r\n"}, /* the trusted comment's */
        {"\ntrusted comment: ", "\nTrusted comment: "},
        {"\ntrusted comment: ", "\ntrusted comment:"},
        {"\ntrusted comment: ", "\n trusted comment: "},
        {"\ntrusted comment: ", "\nuntrusted comment: "},
        {"untrusted comment: ", "\xef\xbb\xbfuntrusted comment: "}, /* a byte order mark */
        {"untrusted comment: ", "trusted comment: "},
        {"\ntrusted", " \ntrusted"}, /* a space behind the base64 */
        {"\ntrusted", "=\ntrusted"}, /* more padding */
        {"=\ntrusted", "\ntrusted"}, /* less */
        {"=\ntrusted", "A\ntrusted"},
        {"\nRU", "\n RU"}, /* a space before */
        {"\nRU", "\nR\nU"},
        {"\nRU", "\nRURU"},
        {"==\n", "\n"},
        {"==\n", "=\n"},
        {"==\n", "===\n"},
    };
    const struct made made = workshop_make("serial 7");
    char file[2 * TRUST_SIGNATURE_FILE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t len =
            workshop_replaced(made.file, made.len, rows[i].from, rows[i].to, file);
        assert_int_equal(check(&made.key, file, len), CORDON_E_FORMAT);
    }
}

static void base64_that_is_not_canonical_is_refused(void **state)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct made made = workshop_make("serial 7");
    char *pad = strstr(made.file, "=\ntrusted");
    unsigned accepted = 0;

    (void)state;
    assert_non_null(pad);
    /* The last digit before the padding has two bits that mean nothing: they must be 0. */
    for (size_t i = 0; i < 64; i++) {
        pad[-1] = digits[i];
        accepted += check(&made.key, made.file, made.len) == 0 ? 1 : 0;
    }
    assert_int_equal(accepted, 1);
    pad[-1] = '-'; /* digits of the alphabet for addresses on the web */
    assert_int_equal(check(&made.key, made.file, made.len), CORDON_E_FORMAT);
}

static void overlong_lines_and_files_are_refused(void **state)
{
    static char filler[TRUST_SIGNATURE_FILE_MAX];
    const struct made made = workshop_make("serial 7");
    struct trust_signature signature;
    char file[2 * TRUST_SIGNATURE_FILE_MAX];

    (void)state;
    memset(filler, 'x', TRUST_COMMENT_MAX);
    size_t len = workshop_replaced(made.file, made.len, "serial 7", filler, file);
    assert_int_equal(check(&made.key, file, len), CORDON_E_FORMAT);
    len = workshop_replaced(made.file, made.len, "signature by", filler, file);
    assert_int_equal(check(&made.key, file, len), CORDON_E_FORMAT);

    memset(filler, 'x', sizeof(filler) - 1);
    len = workshop_replaced(made.file, made.len, "signature by", filler, file);
    assert_true(len > TRUST_SIGNATURE_FILE_MAX);
    assert_int_equal(check(&made.key, file, len), CORDON_E_TOO_LARGE);
    /* The longest comment that is allowed is read whole. */
    filler[TRUST_COMMENT_MAX - 1] = '\0';
    len = workshop_replaced(made.file, made.len, "serial 7", filler, file);
    assert_int_equal(trust_signature_parse(file, len, &signature), 0);
    assert_string_equal(signature.trusted_comment, filler);
}

static void control_characters_in_comments_are_refused(void **state)
{
    struct made made = workshop_make("serial 7");
    char *comment = strstr(made.file, "serial 7");

    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        if (octet < 0x20 || octet == 0x7f) {
            *comment = (char)octet;
            assert_int_equal(check(&made.key, made.file, made.len),
                             octet == '\t' ? CORDON_E_SIGNATURE : CORDON_E_FORMAT);
        }
    }
}

/* Rewrites the octets of the signature line. */
static void edit_signature(struct made *made, size_t at, const void *octets, size_t len)
{
    uint8_t binary[74];
    char line[101];
    char *start = strchr(made->file, '\n') + 1;
    size_t got = 0;

    assert_int_equal(sodium_base642bin(binary, sizeof(binary), start, 100, NULL, &got, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    memcpy(binary + at, octets, len);
    sodium_bin2base64(line, sizeof(line), binary, sizeof(binary),
                      sodium_base64_VARIANT_ORIGINAL);
    memcpy(start, line, 100);
}

static void other_algorithms_are_not_guessed_at(void **state)
{
    static const char *const algorithms[] = {"ed", "eD", "EE", "E\0", "\0\0", "Sc", "RS"};

    (void)state;
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        struct made made = workshop_make("serial 7");
        edit_signature(&made, 0, algorithms[i], 2);
        assert_int_equal(check(&made.key, made.file, made.len), CORDON_E_VERSION);
    }
    /* A prehashed signature is not taken for a legacy one. */
    struct made made = workshop_make("serial 7");
    edit_signature(&made, 0, "Ed", 2);
    assert_int_equal(check(&made.key, made.file, made.len), CORDON_E_SIGNATURE);
}

static void a_key_verifies_its_own_signatures_only(void **state)
{
    struct made a = workshop_make("serial 7");
    struct made b = workshop_make("serial 7");

    (void)state;
    assert_int_equal(check(&b.key, a.file, a.len), CORDON_E_UNTRUSTED);
    /* With the id of b written over it, it is still not b's. */
    edit_signature(&a, 2, b.key.id, sizeof(b.key.id));
    assert_int_equal(check(&b.key, a.file, a.len), CORDON_E_SIGNATURE);
    assert_int_equal(check(&a.key, a.file, a.len), CORDON_E_UNTRUSTED);
    /* Neither is it under the id of a, with the key of b. */
    struct trust_public_key mixed = b.key;
    memcpy(mixed.id, a.key.id, sizeof(mixed.id));
    const struct made again = workshop_make("serial 7");
    assert_int_equal(check(&mixed, again.file, again.len), CORDON_E_UNTRUSTED);
}

static void a_trusted_comment_belongs_to_its_signature(void **state)
{
    struct trust_secret_key secret;
    struct trust_public_key key;
    struct trust_signature old;
    struct trust_signature new;
    char file[TRUST_SIGNATURE_FILE_MAX];
    size_t len = 0;

    (void)state;
    trust_key_generate(&secret, &key);
    assert_int_equal(trust_sign(&secret, LIST, LIST_LEN, "serial 7", file, sizeof(file), &len),
                     0);
    assert_int_equal(trust_signature_parse(file, len, &old), 0);
    assert_int_equal(
        trust_sign(&secret, LIST, LIST_LEN - 1, "serial 8", file, sizeof(file), &len), 0);
    assert_int_equal(trust_signature_parse(file, len, &new), 0);

    struct trust_signature mixed = old; /* the new comment on the old list */
    memcpy(mixed.trusted_comment, new.trusted_comment, sizeof(mixed.trusted_comment));
    assert_int_equal(trust_verify(&key, &mixed, LIST, LIST_LEN), CORDON_E_SIGNATURE);
    memcpy(mixed.global_signature, new.global_signature, sizeof(mixed.global_signature));
    assert_int_equal(trust_verify(&key, &mixed, LIST, LIST_LEN), CORDON_E_SIGNATURE);
    mixed = old;
    mixed.trusted_comment[strlen(mixed.trusted_comment) - 1] = '\0';
    assert_int_equal(trust_verify(&key, &mixed, LIST, LIST_LEN), CORDON_E_SIGNATURE);
    /* A global signature that is right does not make the signature right. */
    assert_int_equal(trust_verify(&key, &new, LIST, LIST_LEN), CORDON_E_SIGNATURE);
    assert_int_equal(trust_verify(&key, &old, LIST, LIST_LEN), 0);
}

static void no_bit_of_the_data_may_flip_and_no_length_change(void **state)
{
    const struct made made = workshop_make("serial 7");
    struct trust_signature signature;
    uint8_t copy[LIST_LEN + 1];

    (void)state;
    assert_int_equal(trust_signature_parse(made.file, made.len, &signature), 0);
    memcpy(copy, list, sizeof(copy));
    for (size_t bit = 0; bit < LIST_LEN * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(trust_verify(&made.key, &signature, copy, LIST_LEN),
                         CORDON_E_SIGNATURE);
        copy[bit / 8] = LIST[bit / 8];
    }
    for (size_t len = 0; len <= LIST_LEN + 1; len++) {
        assert_int_equal(trust_verify(&made.key, &signature, copy, len),
                         len == LIST_LEN ? 0 : CORDON_E_SIGNATURE);
    }
}

static void data_of_any_size_is_signed(void **state)
{
    static uint8_t data[(1 << 20) + 1];
    static const size_t sizes[] = {0, 1, 127, 128, 129, 1 << 20};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct made made = workshop_make("x");
        struct trust_signature signature;
        assert_int_equal(trust_sign(&made.secret, data, sizes[i], "x", made.file,
                                    sizeof(made.file), &made.len),
                         0);
        assert_int_equal(trust_signature_parse(made.file, made.len, &signature), 0);
        assert_int_equal(trust_verify(&made.key, &signature, data, sizes[i]), 0);
        assert_int_not_equal(trust_verify(&made.key, &signature, data, sizes[i] ^ 1), 0);
    }
}

static void comments_that_could_not_be_read_back_are_not_signed(void **state)
{
    static char too_long[TRUST_COMMENT_MAX + 1];
    const char *const comments[] = {"two\nlines", "\n",   "carriage\rreturn",
                                    "\x1b[2J",    "\x7f", too_long};
    struct made made = workshop_make("x");

    (void)state;
    memset(too_long, 'x', TRUST_COMMENT_MAX);
    for (size_t i = 0; i < sizeof(comments) / sizeof(comments[0]); i++) {
        size_t len = 7;
        assert_int_equal(trust_sign(&made.secret, LIST, LIST_LEN, comments[i], made.file,
                                    sizeof(made.file), &len),
                         CORDON_E_FORMAT);
        assert_int_equal(len, 7);
    }
}

static void what_does_not_fit_is_not_written(void **state)
{
    const struct made made = workshop_make("serial 7");
    char key[512];
    const size_t public_len = trust_public_key_format(&made.key, key, sizeof(key));
    const size_t secret_len = trust_secret_key_format(&made.secret, NULL, key, sizeof(key));

    (void)state;
    assert_true(public_len > 0 && secret_len > 0 && secret_len < sizeof(key));
    for (size_t size = 0; size < 512; size++) {
        char *out = malloc(size + 1);
        size_t len = 0;

        assert_non_null(out);
        assert_int_equal(trust_public_key_format(&made.key, out, size),
                         size > public_len ? public_len : 0);
        assert_int_equal(trust_secret_key_format(&made.secret, NULL, out, size),
                         size > secret_len ? secret_len : 0);
        assert_int_equal(trust_sign(&made.secret, LIST, LIST_LEN, "serial 7", out, size, &len),
                         size > made.len ? 0 : -ENOSPC);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(verifies_what_minisign_signs),
        WORKSHOP_TEST(minisign_verifies_what_we_sign),
        cmocka_unit_test(no_bit_of_a_signature_file_may_flip),
        WORKSHOP_TEST(no_bit_of_a_file_by_minisign_may_flip),
        cmocka_unit_test(the_untrusted_comment_changes_nothing_but_must_be_one),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(nothing_may_follow),
        cmocka_unit_test(lines_that_are_missing_doubled_or_swapped_are_refused),
        cmocka_unit_test(other_spellings_of_the_same_file_are_refused),
        cmocka_unit_test(base64_that_is_not_canonical_is_refused),
        cmocka_unit_test(overlong_lines_and_files_are_refused),
        cmocka_unit_test(control_characters_in_comments_are_refused),
        cmocka_unit_test(other_algorithms_are_not_guessed_at),
        cmocka_unit_test(a_key_verifies_its_own_signatures_only),
        cmocka_unit_test(a_trusted_comment_belongs_to_its_signature),
        cmocka_unit_test(no_bit_of_the_data_may_flip_and_no_length_change),
        cmocka_unit_test(data_of_any_size_is_signed),
        cmocka_unit_test(comments_that_could_not_be_read_back_are_not_signed),
        cmocka_unit_test(what_does_not_fit_is_not_written),
    };
    return cmocka_run_group_tests_name("trust/minisign", tests, workshop_library, NULL);
}
