/* config/tree: the YAML that is refused before anybody asks what it means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/refusal.h"

static void what_of_yaml_we_do_not_take_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {"policy: &a {mode: log}",
         "1:9: anchors (&NAME) are not allowed: write the value out where it is needed"},
        {"policy: {mode: &a log}",
         "1:16: anchors (&NAME) are not allowed: write the value out where it is needed"},
        {"server: {listen: &a [127.0.0.1]}",
         "1:18: anchors (&NAME) are not allowed: write the value out where it is needed"},
        {"policy: *a", "1:9: aliases (*NAME) are not allowed: write the value out; a text that "
                       "starts with * needs quotes"},
        {"policy: {*a : log}", "1:10: aliases (*NAME) are not allowed: write the value out; a "
                               "text that starts with * needs quotes"},
        {"policy: !!map {mode: log}",
         "1:9: tags (!NAME) are not allowed: what a value is follows from its option"},
        {"cache: {size: !!str 1GiB}",
         "1:15: tags (!NAME) are not allowed: what a value is follows from its option"},
        {"cache: {size: ! 1GiB}",
         "1:15: tags (!NAME) are not allowed: what a value is follows from its option"},
        {"server:\n  <<: {workers: 1}",
         "2:3: merge keys (<<) are not allowed: write the options out"},
        {"policy:\n  action: |\n    drop\n",
         "2:11: block text (| or >) is not allowed: write the value on one line"},
        {"policy:\n  action: >-\n    drop\n",
         "2:11: block text (| or >) is not allowed: write the value on one line"},
        {"policy: {mode: log}\n---\npolicy: {mode: log}\n",
         "2:1: a second document (---) begins: the configuration is one document"},
        {"%YAML 1.1\n---\npolicy: {mode: log}\n",
         "1:1: directives (%NAME) are not allowed: leave them out"},
        {"%TAG ! tag:x,2000:\n---\npolicy: {mode: log}\n",
         "1:1: directives (%NAME) are not allowed: leave them out"},
        {"? [a, b]\n: c\n", "1:3: a mapping or sequence cannot be a key: write NAME: VALUE"},
        {"policy: {{mode: log}: log}",
         "1:10: a mapping or sequence cannot be a key: write NAME: VALUE"},
        {"policy: {action: \"drop\\0\"}",
         "1:18: the value has a control character in it, which no option takes"},
        {"policy: {action: \"\\x1b[2J\"}",
         "1:18: the value has a control character in it, which no option takes"},
        {"lists: {directory: \"a\\u2028b\"}",
         "1:20: the value has a control character in it, which no option takes"},
        {"lists: {directory: \"a\\Nb\"}",
         "1:20: the value has a control character in it, which no option takes"},
        {"lists: {directory: \"a\\nb\"}",
         "1:20: the value has a control character in it, which no option takes"},
        {"policy: [[[[[[[[[[1]]]]]]]]]]", "1:16: nested too deep: no option is this deep"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void text_that_is_not_well_formed_is_refused(void **state)
{
    static const struct refusal cases[] = {
        /* The quote never ends. */
        {"server:\n  user: \"cordon\n",
         "3:1: not well-formed YAML: while scanning a quoted scalar, found unexpected end of "
         "stream: look at the indentation, brackets and quotes here and on the line before"},
        /* Indentation that fits nothing. */
        {"server:\n    workers: 1\n  user: a\n",
         "3:3: not well-formed YAML: while parsing a block mapping, did not find expected key: "
         "look at the indentation, brackets and quotes here and on the line before"},
        /* Cut where the mode of the list was still to come: that is not said to lack. */
        {"lists: {use: {a: {action: drop",
         "2:1: not well-formed YAML: while parsing a flow mapping, did not find expected ',' "
         "or "
         "'}': look at the indentation, brackets and quotes here and on the line before"},
        /* A reserved sign. */
        {"policy: @log\n",
         "1:9: not well-formed YAML: while scanning for the next token, found character that "
         "cannot start any token: look at the indentation, brackets and quotes here and on the "
         "line before"},
        {"policy:\n\tmode: log\n", "2:1: a tab: use spaces, since tabs are of any width"},
        {"policy: {mode:\tlog}\n", "1:15: a tab: use spaces, since tabs are of any width"},
        {"policy:\r  mode: log\n", "1:8: a carriage return inside a line: end lines with LF"},
        {"# caf\xe9\n", "1:6: an octet that is not UTF-8: save the file as UTF-8"},
        {"# \xc0\x80\n", "1:3: an octet that is not UTF-8: save the file as UTF-8"},
        {"# \xed\xa0\x80\n", "1:3: an octet that is not UTF-8: save the file as UTF-8"},
        {"# \xf4\x90\x80\x80\n", "1:3: an octet that is not UTF-8: save the file as UTF-8"},
        {"# \xe2\x82", "1:3: an octet that is not UTF-8: save the file as UTF-8"},
        {"# \xc3\xbc \x07\n", "1:5: a control character: remove it"},
        {"# \x7f\n", "1:3: a control character: remove it"},
        {"# hidden \xc2\x85policy: {mode: log}\n", "1:10: a control character: remove it"},
        {"# \xe2\x80\xa8policy: {mode: log}\n",
         "1:3: a Unicode line separator: end lines with LF"},
        {"\xef\xbb\xbfpolicy: {mode: log}\n",
         "1:1: a byte order mark: save the file as UTF-8 without it"},
        {"# \xef\xbf\xbe\n", "1:3: a code point that is no character: remove it"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void a_nul_octet_is_refused(void **state)
{
    static const char text[] = "policy: {mode: log}\n# \0\nserver: {workers: x}";
    struct config *config = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(config_parse(text, sizeof(text) - 1, "t", "/", &report, &config),
                     CORDON_E_REFUSED);
    assert_int_equal(report.errors, 1);
    assert_string_equal(report.entries[0].text,
                        "t:2:3: a NUL octet: this is not a text file, or it is damaged");
    report_deinit(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_of_yaml_we_do_not_take_is_refused),
        cmocka_unit_test(text_that_is_not_well_formed_is_refused),
        cmocka_unit_test(a_nul_octet_is_refused),
    };
    return cmocka_run_group_tests_name("config/tree", tests, NULL, NULL);
}
