/* Lists that are held: as lines of a file, and as a set. */
#include "admin/holds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LINE                                                                                  \
    "{\"kind\":\"rollback\",\"list\":\"shop\",\"serial\":5,\"hash\":\"" HASH "\",\"from\":7," \
    "\"since\":\"2026-11-22T09:30:00Z\",\"uid\":1000,\"user\":\"alice\",\"pid\":4711,"        \
    "\"reason\":\"it blocks the \\\"bank\\\"\"}\n"

static struct holds set;
static struct report report;

static void parse(const char *text)
{
    memset(&set, 0, sizeof(set));
    report_deinit(&report);
    report_init(&report);
    holds_parse(text, strlen(text), "held.jsonl", &report, &set);
}

static void a_line_has_every_field_and_reads_back(void **state)
{
    size_t len = 0;

    (void)state;
    parse("# somebody\n\n{\"kind\":\"holds\",\"version\":1}\n" LINE);
    assert_int_equal(report.count, 0);
    assert_int_equal(set.count, 1);
    const struct hold *hold = &set.at[0];
    assert_string_equal(hold->list, "shop");
    assert_int_equal(hold->serial, 5);
    assert_int_equal(hold->hash[1], 0x11);
    assert_int_equal(hold->hash[31], 0xff);
    assert_int_equal(hold->from, 7);
    assert_int_equal(hold->since_s, UINT64_C(1795339800));
    assert_int_equal(hold->uid, 1000);
    assert_string_equal(hold->user, "alice");
    assert_int_equal(hold->pid, 4711);
    assert_string_equal(hold->reason, "it blocks the \"bank\"");
    char *text = holds_print(&set, &len);
    assert_non_null(strstr(text, "{\"kind\":\"holds\",\"version\":1}\n" LINE));
    assert_int_equal(strlen(text), len);
    free(text);
}

static void what_is_wrong_costs_its_line_alone(void **state)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"{", "left out"},
        {"[]", "left out"},
        {"{\"kind\":\"pause\"}", "expected rollback"},
        {"{\"kind\":\"holds\",\"version\":2}", "knows version 1"},
        {"{\"kind\":\"rollback\"}", "list"},
        {"{\"kind\":\"rollback\",\"list\":\"../etc\",\"serial\":5,\"hash\":\"" HASH
         "\",\"since\":\"2026-11-22\",\"reason\":\"x\"}",
         "no id of a list"},
        {"{\"kind\":\"rollback\",\"list\":\"-a\",\"serial\":5,\"hash\":\"" HASH
         "\",\"since\":\"2026-11-22\",\"reason\":\"x\"}",
         "no id of a list"},
        {"{\"kind\":\"rollback\",\"list\":\"a\",\"hash\":\"" HASH
         "\",\"since\":\"2026-11-22\",\"reason\":\"x\"}",
         "serial: is missing"},
        {"{\"kind\":\"rollback\",\"list\":\"a\",\"serial\":4294967296,\"hash\":\"" HASH
         "\",\"since\":\"2026-11-22\",\"reason\":\"x\"}",
         "serial"},
        {"{\"kind\":\"rollback\",\"list\":\"a\",\"serial\":5,\"hash\":\"00\","
         "\"since\":\"2026-11-22\",\"reason\":\"x\"}",
         "64 digits"},
        {"{\"kind\":\"rollback\",\"list\":\"a\",\"serial\":5,\"hash\":\"X" HASH
         "\",\"since\":\"2026-11-22\",\"reason\":\"x\"}",
         "hash"},
        {"{\"kind\":\"rollback\",\"list\":\"a\",\"serial\":5,\"hash\":\"" HASH
         "\",\"since\":\"never\",\"reason\":\"x\"}",
         "no time"},
        {"{\"kind\":\"rollback\",\"list\":\"a\",\"serial\":5,\"hash\":\"" HASH
         "\",\"since\":\"2026-11-22\"}",
         "reason"},
        {"{\"kind\":\"rollback\",\"list\":\"a\",\"serial\":5,\"hash\":\"" HASH
         "\",\"since\":\"2026-11-22\",\"reason\":\"x\",\"more\":1}",
         "more"},
        {"{\"kind\":\"rollback\",\"list\":\"shop\",\"serial\":6,\"hash\":\"" HASH
         "\",\"since\":\"2026-11-22\",\"reason\":\"x\"}",
         "the same list"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[2048];

        snprintf(text, sizeof(text), "%s%s\n", LINE, cases[i].line);
        parse(text);
        if (report.errors != 1 || strstr(report.entries[0].text, cases[i].words) == NULL ||
            strstr(report.entries[0].text, "held.jsonl:2") == NULL || set.count != 1 ||
            set.at[0].serial != 5) {
            fail_msg("%s: %s", cases[i].line,
                     report.count > 0 ? report.entries[0].text : "taken");
        }
    }
    parse(LINE "{\"kind\":\"rollback\",\"list\":\"oth"); /* cut off */
    assert_int_equal(report.errors, 1);
    assert_int_equal(set.count, 1);
}

static void there_is_one_of_each_list(void **state)
{
    struct hold hold = {.serial = 1, .reason = "x"};

    (void)state;
    memset(&set, 0, sizeof(set));
    for (unsigned i = 0; i < POLICY_LISTS_MAX; i++) {
        snprintf(hold.list, sizeof(hold.list), "list-%u", i);
        assert_int_equal(holds_put(&set, &hold), 0);
    }
    snprintf(hold.list, sizeof(hold.list), "list-%u", 5u);
    hold.serial = 2;
    assert_int_equal(holds_put(&set, &hold), 0); /* in its place */
    assert_int_equal(set.count, POLICY_LISTS_MAX);
    assert_int_equal(set.at[5].serial, 2);
    snprintf(hold.list, sizeof(hold.list), "one-more");
    assert_int_equal(holds_put(&set, &hold), CORDON_E_LIMIT);
    holds_remove(&set, 5);
    assert_int_equal(set.count, POLICY_LISTS_MAX - 1);
    assert_int_equal(holds_find(&set, "list-5"), set.count);
    assert_int_equal(holds_find(&set, "list-6"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_every_field_and_reads_back),
        cmocka_unit_test(what_is_wrong_costs_its_line_alone),
        cmocka_unit_test(there_is_one_of_each_list),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    report_deinit(&report);
    return failed;
}
