/* wire/name_text: presentation format, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/name.h"
#include "wire/notation.h"

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define TEN "abcdefghij"
#define L63 TEN TEN TEN TEN TEN TEN "abc"

static void reads_presentation_format_or_says_why_not(void **state)
{
    static const struct {
        const char *text;
        enum wire_text_result result;
        const char *octets; /* in notation */
        const char *back;   /* how it is written; NULL: as read */
    } cases[] = {
        {"example.com", WIRE_TEXT_OK, "<example.com>", NULL},
        {"example.com.", WIRE_TEXT_OK, "<example.com>", "example.com"}, /* the final dot */
        {".", WIRE_TEXT_OK, "<>", NULL},                                /* the root */
        {"a", WIRE_TEXT_OK, "<a>", NULL},
        {"WWW.ExAmple", WIRE_TEXT_OK, "<www.example>", "www.example"}, /* lower-cased */
        {"_dmarc.x-1.example", WIRE_TEXT_OK, "<_dmarc.x-1.example>", NULL},
        {"*.example", WIRE_TEXT_OK, "<*.example>", NULL}, /* an asterisk is an octet here */
        {"a\\.b.c", WIRE_TEXT_OK, "03'a.b'01'c'00", NULL},
        {"a\\032b", WIRE_TEXT_OK, "03'a b'00", NULL},
        {"\\000\\255", WIRE_TEXT_OK, "0200ff00", NULL},
        {"\\065", WIRE_TEXT_OK, "<a>", "a"},    /* an escaped upper-case letter */
        {"\\a\\-", WIRE_TEXT_OK, "<a->", "a-"}, /* escapes that need not be */
        {"\\@\\\\\\\"\\$\\(\\)\\;", WIRE_TEXT_OK, "07'@\\\"$();'00", NULL},
        {"@$();\"", WIRE_TEXT_OK, "06'@$();\"'00", "\\@\\$\\(\\)\\;\\\""},
        {L63, WIRE_TEXT_OK, "3f'" L63 "'00", NULL}, /* the longest label */
        {L63 "." L63 "." L63 "." TEN TEN TEN TEN TEN TEN "z", WIRE_TEXT_OK,
         "3f'" L63 "'3f'" L63 "'3f'" L63 "'3d'" TEN TEN TEN TEN TEN TEN "z'00", NULL}, /* 255 */
        {"", WIRE_TEXT_EMPTY_LABEL, NULL, NULL}, /* nothing is not the root */
        {"..", WIRE_TEXT_EMPTY_LABEL, NULL, NULL},
        {".example", WIRE_TEXT_EMPTY_LABEL, NULL, NULL}, /* a leading dot */
        {"a..b", WIRE_TEXT_EMPTY_LABEL, NULL, NULL},     /* two in a row */
        {"a..", WIRE_TEXT_EMPTY_LABEL, NULL, NULL},      /* two at the end */
        {L63 "d", WIRE_TEXT_LONG_LABEL, NULL, NULL},     /* 64 */
        {"x." L63 "d.example", WIRE_TEXT_LONG_LABEL, NULL, NULL},
        {L63 "." L63 "." L63 "." TEN TEN TEN TEN TEN TEN "zz", WIRE_TEXT_LONG_NAME, NULL,
         NULL}, /* 256 */
        {L63 "." L63 "." L63 "." L63 ".", WIRE_TEXT_LONG_NAME, NULL, NULL},
        {"a\\", WIRE_TEXT_BAD_ESCAPE, NULL, NULL}, /* nothing follows */
        {"a\\1", WIRE_TEXT_BAD_ESCAPE, NULL, NULL},
        {"a\\12", WIRE_TEXT_BAD_ESCAPE, NULL, NULL}, /* two digits */
        {"a\\12x", WIRE_TEXT_BAD_ESCAPE, NULL, NULL},
        {"a\\256", WIRE_TEXT_BAD_ESCAPE, NULL, NULL}, /* over an octet */
        {"a\\999", WIRE_TEXT_BAD_ESCAPE, NULL, NULL},
        {"a\\\n", WIRE_TEXT_BAD_ESCAPE, NULL, NULL}, /* not printable */
        {"a\\\xc3", WIRE_TEXT_BAD_ESCAPE, NULL, NULL},
        {"b\xc3\xbc"
         ".example",
         WIRE_TEXT_BAD_OCTET, NULL, NULL},        /* UTF-8 */
        {"a b", WIRE_TEXT_BAD_OCTET, NULL, NULL}, /* a space separates */
        {"a\tb", WIRE_TEXT_BAD_OCTET, NULL, NULL},
        {"a\x7f", WIRE_TEXT_BAD_OCTET, NULL, NULL},
        {"example.com\n", WIRE_TEXT_BAD_OCTET, NULL, NULL}, /* a line end that was left on */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct wire_name name = {.len = 77};
        char back[WIRE_NAME_TEXT_MAX];
        size_t len;
        const enum wire_text_result result =
            wire_name_from_text(cases[i].text, strlen(cases[i].text), &name);

        if (result != cases[i].result) {
            fail_msg("case %zu \"%s\": %d", i, cases[i].text, (int)result);
        }
        if (result != WIRE_TEXT_OK) {
            assert_int_equal(name.len, 77); /* untouched */
            continue;
        }
        uint8_t *octets = notation(cases[i].octets, &len);

        if (name.len != len || memcmp(name.octets, octets, len) != 0) {
            fail_msg("case %zu \"%s\": other octets", i, cases[i].text);
        }
        assert_int_equal(name.at[name.labels], len - 1);
        const size_t back_len = wire_name_to_text(&name, back);

        assert_int_equal(back_len, strlen(back));
        assert_string_equal(back, cases[i].back != NULL ? cases[i].back : cases[i].text);
        free(octets);
    }
}

static void reads_a_nul_as_an_octet_that_does_not_belong(void **state)
{
    struct wire_name name;

    (void)state;
    assert_int_equal(wire_name_from_text("a\0b", 3, &name), WIRE_TEXT_BAD_OCTET);
    assert_int_equal(wire_name_from_text("abc", 1, &name), WIRE_TEXT_OK); /* len counts */
    assert_int_equal(name.len, 3);
}

static void writes_the_worst_name_within_its_bound(void **state)
{
    struct wire_name name;
    char text[WIRE_NAME_TEXT_MAX];
    size_t len;
    size_t pos = 0;
    uint8_t *octets = notation("3f{63:ff}3f{63:ff}3f{63:ff}3d{61:ff}00", &len);

    (void)state;
    assert_int_equal(wire_name_read(octets, len, &pos, &name), WIRE_OK);
    assert_int_equal(wire_name_to_text(&name, text), 250 * 4 + 3);
    assert_true(strlen(text) < WIRE_NAME_TEXT_MAX);
    free(octets);
}

/* A name of `len` octets: labels of at most `most`. */
static struct wire_name name_of_octets(unsigned len, unsigned most)
{
    struct wire_name name = {.len = (uint8_t)len};
    unsigned at = 0;

    memset(name.octets, '"', sizeof(name.octets)); /* behind it stands what is not plain */
    while (at < len - 1) {
        const unsigned left = len - 2 - at;
        const unsigned label = left < most ? left : left == most + 1 ? most - 1 : most;

        name.at[name.labels++] = (uint8_t)at;
        name.octets[at] = (uint8_t)label;
        memset(name.octets + at + 1, 'a', label);
        at += 1 + label;
    }
    name.at[name.labels] = (uint8_t)at;
    name.octets[at] = 0;
    return name;
}

/* Letters, digits, '-' and '_' alone, at each place of a name; a label's length says nothing,
 * whichever octet it is. */
static void tells_plain_names(void **state)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

    (void)state;
    for (unsigned len = 3; len <= 80; len++) {
        for (unsigned most = 2; most <= WIRE_LABEL_MAX; most += 61) {
            struct wire_name name = name_of_octets(len, most);

            assert_true(wire_name_is_plain(&name));
            for (unsigned at = 0, label = 0; at < len - 1; at++) {
                if (label < name.labels && at == name.at[label]) {
                    label++;
                    continue;
                }
                for (unsigned octet = 0; octet < 256; octet++) {
                    name.octets[at] = (uint8_t)octet;
                    assert_int_equal(wire_name_is_plain(&name),
                                     octet != 0 && strchr(plain, (int)octet) != NULL);
                }
                name.octets[at] = 'z';
            }
        }
    }
    assert_false(wire_name_is_plain(&(struct wire_name){.len = 1})); /* the root is "." */
}

static void has_words_for_each_fault(void **state)
{
    (void)state;
    for (int result = WIRE_TEXT_OK; result <= WIRE_TEXT_BAD_OCTET; result++) {
        const char *words = wire_text_result_words((enum wire_text_result)result);

        assert_non_null(words);
        assert_string_not_equal(words, "an unknown fault");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_presentation_format_or_says_why_not),
        cmocka_unit_test(reads_a_nul_as_an_octet_that_does_not_belong),
        cmocka_unit_test(writes_the_worst_name_within_its_bound),
        cmocka_unit_test(tells_plain_names),
        cmocka_unit_test(has_words_for_each_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
