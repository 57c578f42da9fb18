/* base/text: bounded, terminated, and JSON that any reader takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void pieces_add_up(void **state)
{
    char buffer[64];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    assert_string_equal(buffer, "");
    text_add(&text, "a ");
    text_add_octets(&text, "list-and-more", 4);
    text_printf(&text, " of %d", 7);
    assert_string_equal(buffer, "a list of 7");
    assert_int_equal(text.len, strlen(buffer));
    assert_false(text.overflow);
}

static void numbers_are_decimal(void **state)
{
    static const uint64_t numbers[] = {0, 9, 10, 4294967295u, 10000000000u, UINT64_MAX};
    char buffer[32], want[32];
    struct text text;

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        text_init(&text, buffer, sizeof(buffer));
        text_add_uint(&text, numbers[i]);
        snprintf(want, sizeof(want), "%" PRIu64, numbers[i]);
        assert_string_equal(buffer, want);
        text_init(&text, buffer, strlen(want)); /* the terminator does not fit */
        text_add_uint(&text, numbers[i]);
        assert_true(text.overflow);
        assert_string_equal(buffer, "");
    }
}

static void what_does_not_fit_is_not_added_at_all(void **state)
{
    (void)state;
    for (size_t size = 1; size < 10; size++) {
        char buffer[16];
        struct text text;

        memset(buffer, '#', sizeof(buffer));
        text_init(&text, buffer, size);
        text_add(&text, "abcd");
        text_printf(&text, "%s", "efg");
        assert_string_equal(buffer, size <= 4 ? "" : size <= 7 ? "abcd" : "abcdefg");
        assert_int_equal(text.len, strlen(buffer));
        assert_int_equal(text.overflow, size <= 7);
        text_add(&text, "h"); /* after an overflow nothing more, even if it would fit */
        assert_int_equal(strchr(buffer, 'h') != NULL, size > 8);
        for (size_t i = size; i < sizeof(buffer); i++) {
            assert_int_equal(buffer[i], '#');
        }
    }
}

static void an_empty_piece_fits_always_but_not_after_an_overflow(void **state)
{
    char buffer[4];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    text_add(&text, "abc");
    text_add(&text, "");
    text_add_octets(&text, NULL, 0);
    assert_false(text.overflow);
    text_add(&text, "d");
    assert_true(text.overflow);
    assert_string_equal(buffer, "abc");
}

static void printable_text_is_escaped_and_cut_between_characters(void **state)
{
    char buffer[10];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    text_add_printable(&text, "a\0b~", 4);
    assert_string_equal(buffer, "a\\x00b~");
    text_add_printable(&text, "c\x1b", 2);
    assert_string_equal(buffer, "a\\x00b~c");
    assert_true(text.overflow);
}

static void json_places_its_commas(void **state)
{
    char buffer[512];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    json_object_begin(&text, NULL);
    json_string(&text, "name", "example");
    json_uint(&text, "rules", UINT64_MAX);
    json_int(&text, "offset", INT64_MIN);
    json_bool(&text, "on", true);
    json_bool(&text, "off", false);
    json_string(&text, "none", NULL);
    json_array_begin(&text, "chain");
    json_string(&text, NULL, "a");
    json_uint(&text, NULL, 1);
    json_array_begin(&text, NULL);
    json_array_end(&text);
    json_object_begin(&text, NULL);
    json_object_end(&text);
    json_bool(&text, NULL, true);
    json_array_end(&text);
    json_object_begin(&text, "inner");
    json_uint(&text, "x", 0);
    json_object_end(&text);
    json_string(&text, "last", "");
    json_object_end(&text);
    text_add(&text, "\n");
    json_object_begin(&text, NULL); /* the next line begins without a comma */
    json_object_end(&text);
    assert_string_equal(buffer, "{\"name\":\"example\",\"rules\":18446744073709551615,"
                                "\"offset\":-9223372036854775808,\"on\":true,\"off\":false,"
                                "\"none\":null,\"chain\":[\"a\",1,[],{},true],"
                                "\"inner\":{\"x\":0},\"last\":\"\"}\n{}");
}

static void a_comma_inside_a_string_is_no_border(void **state)
{
    char buffer[64];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    json_array_begin(&text, NULL);
    json_string(&text, NULL, "[");
    json_string(&text, NULL, ",");
    json_string(&text, NULL, "{");
    json_array_end(&text);
    assert_string_equal(buffer, "[\"[\",\",\",\"{\"]");
}

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static void strings_are_escaped_and_always_utf8(void **state)
{
    static const struct {
        const char *value;
        const char *json;
    } rows[] = {
        {"plain", "plain"},
        {"a\"b\\c", "a\\\"b\\\\c"},
        {"\b\f\n\r\t", "\\u0008\\u000c\\n\\r\\t"},
        {"\x01\x1f\x7f", "\\u0001\\u001f\\u007f"},
        {"/", "/"},
        {"\xc3\xa9", "\xc3\xa9"},                                 /* two octets */
        {"\xe9\x98\xbf\xe9\x87\x8c", "\xe9\x98\xbf\xe9\x87\x8c"}, /* three */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},                 /* four */
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\\u0080\\u009f\xc2\xa0"}, /* C1 controls, and the next */
        {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80", "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, /* the last code point */
        {"\x80", BAD},                            /* a continuation alone */
        {"\xbf\x41", BAD "A"},
        {"\xc0\x80", BAD BAD},         /* overlong zero */
        {"\xc1\xbf", BAD BAD},         /* overlong */
        {"\xe0\x9f\xbf", BAD BAD BAD}, /* overlong */
        {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},
        {"\xed\xa0\x80", BAD BAD BAD},         /* a surrogate */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", BAD BAD BAD BAD},
        {"\xfe\xff", BAD BAD},
        {"\xc3", BAD}, /* cut */
        {"\xe9\x98", BAD BAD},
        {"\xf0\x9f\x98", BAD BAD BAD},
        {"\xc3\"", BAD "\\\""}, /* a cut sequence swallows no quote */
        {"\xe9\x98\"", BAD BAD "\\\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char buffer[64];
        char expected[64];
        struct text text;
        struct text wanted;

        text_init(&wanted, expected, sizeof(expected));
        text_add(&wanted, "\"");
        text_add(&wanted, rows[i].json);
        text_add(&wanted, "\"");
        text_init(&text, buffer, sizeof(buffer));
        json_string(&text, NULL, rows[i].value);
        assert_string_equal(buffer, expected);
    }
}

/* Octets are looked at eight at a time: each of them, at each place. */
static void each_octet_is_seen_wherever_it_stands(void **state)
{
    enum {
        LEN = 24
    };

    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        const bool is_plain = octet >= 0x20 && octet < 0x7f && octet != '"' && octet != '\\';
        char alone[16];
        struct text one;

        text_init(&one, alone, sizeof(alone));
        json_string_n(&one, NULL, (const char[]){(char)octet}, 1);
        assert_int_equal(one.len == 3 && alone[1] == (char)octet, is_plain);
        for (size_t place = 0; place < LEN; place++) {
            char string[LEN];
            char have[64];
            char want[64];
            struct text text;

            memset(string, 'a', sizeof(string));
            string[place] = (char)octet;
            text_init(&text, have, sizeof(have));
            json_string_n(&text, NULL, string, sizeof(string));
            snprintf(want, sizeof(want), "\"%.*s%.*s%.*s\"", (int)place,
                     "aaaaaaaaaaaaaaaaaaaaaaaa", (int)one.len - 2, alone + 1,
                     (int)(LEN - 1 - place), "aaaaaaaaaaaaaaaaaaaaaaaa");
            assert_string_equal(have, want);
        }
    }
}

static void a_counted_string_may_hold_zeros_and_is_not_read_beyond(void **state)
{
    char buffer[64];
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    json_string_n(&text, "k", "a\0b\xe9\x98\xbf", 5); /* cut inside the last character */
    assert_string_equal(buffer, "\"k\":\"a\\u0000b" BAD BAD "\"");
}

static void json_that_does_not_fit_says_so_at_every_size(void **state)
{
    char buffer[64];

    (void)state;
    for (size_t size = 1; size < sizeof(buffer); size++) {
        struct text text;

        text_init(&text, buffer, size);
        json_object_begin(&text, NULL);
        json_string(&text, "name", "\x01\xff\"");
        json_uint(&text, "n", 123);
        json_bool(&text, "b", false);
        json_object_end(&text);
        const char *whole = "{\"name\":\"\\u0001" BAD "\\\"\",\"n\":123,\"b\":false}";
        assert_int_equal(text.overflow, strlen(whole) >= size);
        assert_memory_equal(buffer, whole, text.len);
        assert_int_equal(buffer[text.len], '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_add_up),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(what_does_not_fit_is_not_added_at_all),
        cmocka_unit_test(an_empty_piece_fits_always_but_not_after_an_overflow),
        cmocka_unit_test(printable_text_is_escaped_and_cut_between_characters),
        cmocka_unit_test(json_places_its_commas),
        cmocka_unit_test(a_comma_inside_a_string_is_no_border),
        cmocka_unit_test(strings_are_escaped_and_always_utf8),
        cmocka_unit_test(each_octet_is_seen_wherever_it_stands),
        cmocka_unit_test(a_counted_string_may_hold_zeros_and_is_not_read_beyond),
        cmocka_unit_test(json_that_does_not_fit_says_so_at_every_size),
    };
    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
