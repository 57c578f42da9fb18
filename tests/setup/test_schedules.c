/* setup/schedules: what a view says at a moment, made of a configuration and the zones of this
 * machine, through policies that are derived as the daemon does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "setup/schedules.h"
#include "setup/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config *read(const char *text)
{
    struct config *config = NULL;

    assert_int_equal(config_parse(text, strlen(text), "t", "/", NULL, &config), 0);
    return config;
}

static uint64_t at(const char *text)
{
    uint64_t wall_s = 0;

    assert_int_equal(clock_parse(text, strlen(text), &wall_s), 0);
    return wall_s;
}

static void the_first_that_holds_counts(void **state)
{
    static const struct {
        const char *moment;
        uint8_t variants[4]; /* default, own, none, same */
        const char *until;
    } cases[] = {
        /* a Wednesday */
        {"2026-11-25T06:59:59Z", {0, 0, 0, 0}, "2026-11-25T07:00:00Z"},
        {"2026-11-25T07:00:00Z", {1, 0, 0, 1}, "2026-11-25T16:00:00Z"},
        {"2026-11-25T16:00:00Z", {0, 0, 0, 0}, "2026-11-26T07:00:00Z"},
        /* a Saturday: both at 08:00 in Berlin */
        {"2026-11-28T07:00:00Z", {1, 2, 0, 1}, "2026-11-28T16:00:00Z"},
        {"2026-11-28T16:00:00Z", {2, 2, 0, 2}, "2026-11-28T23:00:00Z"},
        {"2026-11-28T23:00:00Z", {0, 0, 0, 0}, "2026-11-29T07:00:00Z"},
    };
    struct config *config =
        read("schedules:\n"
             "  work: {zone: Europe/Berlin, hours: [\"08:00-17:00\"]}\n"
             "  saturday: {zone: Europe/Berlin, days: [sat]}\n"
             "  never: {zone: UTC, dates: [1999-01-01]}\n"
             "policy: {when: [{schedule: work, mode: log}, {schedule: saturday, mode: log}]}\n"
             "views:\n"
             "  own: {clients: [10.0.0.0/8], when: [{schedule: never, mode: log}, {schedule: "
             "saturday, mode: log}]}\n"
             "  none: {clients: [172.16.0.0/12], when: []}\n"
             "  same: {clients: [192.168.0.0/16]}\n");
    struct setup_schedules *schedules = NULL;
    struct setup_moment moment;

    (void)state;
    assert_int_equal(setup_schedules_make(config, NULL, &schedules), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char until[CLOCK_TEXT_MAX];

        setup_schedules_at(schedules, at(cases[i].moment), &moment);
        assert_memory_equal(moment.variants, cases[i].variants, 4);
        clock_format_s(moment.until_s, until);
        assert_string_equal(until, cases[i].until);
        assert_int_equal(moment.from_s, at(cases[i].moment));
    }
    assert_int_equal(setup_schedules_next(schedules, 2, at("2026-11-25")), 0);
    assert_int_equal(setup_schedules_next(schedules, 1, at("2026-11-25")),
                     at("2026-11-27T23:00:00Z"));
    setup_schedules_free(schedules);
    config_free(config);
    setup_schedules_at(NULL, 5, &moment);
    assert_true(moment.variants[0] == 0 && moment.until_s == UINT64_MAX);
}

static void a_zone_that_is_not_there_is_named_with_what_to_do(void **state)
{
    struct config *config = read(
        "schedules:\n  a: {zone: Europe/Berlim}\n  b: {zone: Nowhere}\n  c: {zone: UTC}\n"
        "policy: {when: [{schedule: a, mode: log}, {schedule: b, mode: log}, {schedule: c, "
        "mode: log}]}");
    struct setup_schedules *schedules = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(setup_schedules_make(config, &report, &schedules), CORDON_E_REFUSED);
    assert_null(schedules);
    assert_int_equal(report.errors, 2);
    assert_string_equal(
        report.entries[0].text,
        "schedules.a.zone: there is no time zone Europe/Berlim "
        "(/usr/share/zoneinfo/Europe/Berlim: No such file or directory): correct "
        "the name (they are as Europe/Berlin), or install the package tzdata");
    assert_non_null(strstr(report.entries[1].text, "schedules.b.zone: "));
    report_deinit(&report);
    config_free(config);
}

static void a_line_of_when_leaves_what_it_does_not_name(void **state)
{
    struct config *config = read(
        "schedules: {s: {zone: UTC}, t: {zone: UTC}}\n"
        "policy: {mode: log, action: nxdomain, default: deny}\n"
        "lists: {use: {a: enforce, b: {mode: log, action: drop}, c: off}}\n"
        "views:\n"
        "  v: {clients: [10.0.0.0/8], when: [{schedule: s, lists: {b: enforce, d: enforce, c: "
        "off, a: off}}, {schedule: t, mode: enforce, action: nodata, default: allow}]}\n");
    struct setup_views views;

    (void)state;
    assert_int_equal(setup_views_init(config, NULL, &views), 0);
    const struct policy_view_setting *view = &views.at[1];
    assert_int_equal(views.at[0].variant_count, 0);
    assert_int_equal(view->variant_count, 2);
    const struct policy_view_variant *s = &view->variants[0];
    assert_true(s->log_only && s->deny && s->action == POLICY_ACTION_NXDOMAIN);
    assert_int_equal(s->list_count, 3);
    assert_string_equal(s->lists[0].id, "a");
    assert_int_equal(s->lists[0].mode, POLICY_MODE_OFF);
    assert_string_equal(s->lists[1].id, "b");
    assert_int_equal(s->lists[1].mode, POLICY_MODE_ENFORCE);
    assert_int_equal(s->lists[1].action, POLICY_ACTION_DROP); /* as it was */
    assert_string_equal(s->lists[2].id, "d");
    const struct policy_view_variant *t = &view->variants[1];
    assert_true(!t->log_only && !t->deny && t->action == POLICY_ACTION_NODATA);
    assert_int_equal(t->list_count, 2);
    assert_int_equal(t->lists[1].mode, POLICY_MODE_LOG);
    /* what is enforced at some time is loaded, what is off in all of them is not */
    assert_int_equal(views.id_count, 3);
    assert_string_equal(views.ids[2], "d");
    setup_views_deinit(&views);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_holds_counts),
        cmocka_unit_test(a_zone_that_is_not_there_is_named_with_what_to_do),
        cmocka_unit_test(a_line_of_when_leaves_what_it_does_not_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
