/* base/report: bounded, escaped, complete in its counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/report.h"

#include <stdlib.h>
#include <string.h>

static void a_message_names_its_place(void **state)
{
    static const struct {
        const char *file;
        size_t line;
        size_t column;
        const char *text;
    } rows[] = {
        {"a.list", 3, 14, "a.list:3:14: no such action 7"},
        {"a.list", 3, 0, "a.list:3: no such action 7"},
        {"a.list", 0, 0, "a.list: no such action 7"},
        {"a.list", 0, 5, "a.list: no such action 7"}, /* a column of no line */
        {NULL, 3, 14, "no such action 7"},
    };
    struct report report;

    (void)state;
    report_init(&report);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        report_add(&report, REPORT_ERROR, rows[i].file, rows[i].line, rows[i].column,
                   "no such %s %d", "action", 7);
        assert_string_equal(report.entries[i].text, rows[i].text);
    }
    report_deinit(&report);
}

static void octets_that_are_not_printable_are_escaped(void **state)
{
    struct report report;

    (void)state;
    report_init(&report);
    report_add(&report, REPORT_ERROR, "a\x1b[2J\n", 1, 0, "bad name '%s'",
               "x\r\n\x7f\xc3\xa9y");
    assert_string_equal(report.entries[0].text,
                        "a\\x1b[2J\\x0a:1: bad name 'x\\x0d\\x0a\\x7f\\xc3\\xa9y'");
    report_deinit(&report);
}

static void a_long_message_is_cut_at_a_whole_character(void **state)
{
    char many[4 * REPORT_TEXT_MAX];
    struct report report;

    (void)state;
    memset(many, '\n', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    report_init(&report);
    for (size_t pad = 0; pad < 8; pad++) {
        report_add(&report, REPORT_ERROR, "f", 0, 0, "%.*s%s", (int)pad, "aaaaaaaa", many);
        const size_t len = strlen(report.entries[pad].text);
        assert_in_range(len, REPORT_TEXT_MAX - 5, REPORT_TEXT_MAX - 1);
        assert_string_equal(report.entries[pad].text + len - 4, "\\x0a");
    }
    report_add(&report, REPORT_ERROR, many, 1, 1, "the file's name takes all the room");
    assert_true(strlen(report.entries[8].text) < REPORT_TEXT_MAX);
    report_deinit(&report);
}

static void entries_beyond_the_bound_are_counted_only(void **state)
{
    char *printed = NULL;
    size_t len = 0;
    struct report report;

    (void)state;
    report_init(&report);
    for (size_t i = 0; i < REPORT_ENTRIES_MAX + 10; i++) {
        report_add(&report, REPORT_ERROR, "f", i + 1, 0, "wrong");
        report_add(&report, REPORT_WARNING, "f", i + 1, 0, "doubtful");
    }
    assert_int_equal(report.count, REPORT_ENTRIES_MAX);
    assert_int_equal(report.errors, REPORT_ENTRIES_MAX + 10);
    assert_int_equal(report.warnings, REPORT_ENTRIES_MAX + 10);

    FILE *out = open_memstream(&printed, &len);
    assert_non_null(out);
    report_print(&report, out);
    fclose(out);
    assert_non_null(strstr(printed, "error: f:1: wrong\nwarning: f:1: doubtful\n"));
    assert_non_null(strstr(printed, "note: left out: 42 more errors, 42 more warnings\n"));
    free(printed);
    report_deinit(&report);
}

static void notes_count_as_neither(void **state)
{
    char *printed = NULL;
    size_t len = 0;
    struct report report;

    (void)state;
    report_init(&report);
    report_add(&report, REPORT_NOTE, NULL, 0, 0, "for your information");
    assert_int_equal(report.count, 1);
    assert_int_equal(report.errors + report.warnings, 0);
    FILE *out = open_memstream(&printed, &len);
    assert_non_null(out);
    report_print(&report, out);
    fclose(out);
    assert_string_equal(printed, "note: for your information\n");
    free(printed);
    report_deinit(&report);
}

static void no_report_is_wanted_and_none_is_made(void **state)
{
    (void)state;
    report_add(NULL, REPORT_ERROR, "f", 1, 1, "unseen %d", 1);
}

static void a_report_is_empty_again_after_deinit(void **state)
{
    struct report report;

    (void)state;
    report_init(&report);
    report_add(&report, REPORT_ERROR, "f", 1, 1, "once");
    report_deinit(&report);
    assert_int_equal(report.count + report.errors, 0);
    report_deinit(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_names_its_place),
        cmocka_unit_test(octets_that_are_not_printable_are_escaped),
        cmocka_unit_test(a_long_message_is_cut_at_a_whole_character),
        cmocka_unit_test(entries_beyond_the_bound_are_counted_only),
        cmocka_unit_test(notes_count_as_neither),
        cmocka_unit_test(no_report_is_wanted_and_none_is_made),
        cmocka_unit_test(a_report_is_empty_again_after_deinit),
    };
    return cmocka_run_group_tests_name("base/report", tests, NULL, NULL);
}
