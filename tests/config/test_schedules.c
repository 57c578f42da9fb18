/* config/schedules and config/when: what is read of them, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "config/refusal.h"

#include <stdlib.h>

static const char all[] =
    "schedules:\n"
    "  work:\n    zone: Europe/Berlin\n    days: [mon-thu, sat]\n"
    "    hours: [\"08:00-12:30\", \"12:30-24:00\"]\n"
    "    dates: [2026-12-24, 2026-12-28..2027-01-03]\n    except: [2027-01-01]\n"
    "  night: {zone: UTC, days: [sat-mon], hours: [\"22:00-06:00\"]}\n"
    "  always: {zone: America/Argentina/ComodRivadavia}\n"
    "policy:\n  when:\n    - schedule: work\n      mode: log\n      default: deny\n"
    "      action: nxdomain\n"
    "      lists: {games: {mode: enforce, action: drop}, ads: off}\n"
    "    - {schedule: night, lists: {games: log}}\n"
    "views:\n"
    "  a: {clients: [10.0.0.0/8], when: []}\n"
    "  b: {clients: [172.16.0.0/12], when: [{schedule: always, mode: enforce}]}\n"
    "  c: {clients: [192.168.0.0/16]}\n";

static void schedules_have_what_they_say(void **state)
{
    struct config *config = read_config(all, 0);

    (void)state;
    assert_int_equal(config->schedule_count, 3);
    const struct config_schedule *work = &config->schedules[0];
    assert_string_equal(work->name, "work");
    assert_string_equal(work->zone, "Europe/Berlin");
    assert_int_equal(work->times.days, 0x2f);
    assert_int_equal(work->times.span_count, 2);
    assert_int_equal(work->times.spans[0].from, 480);
    assert_int_equal(work->times.spans[0].to, 750);
    assert_int_equal(work->times.spans[1].to, 1440);
    assert_int_equal(work->times.date_count, 2);
    assert_int_equal(work->times.dates[0].from, calendar_day(2026, 12, 24));
    assert_int_equal(work->times.dates[0].to, calendar_day(2026, 12, 24));
    assert_int_equal(work->times.dates[1].to, calendar_day(2027, 1, 3));
    assert_int_equal(work->times.but_count, 1);
    const struct config_schedule *night = &config->schedules[1];
    assert_int_equal(night->times.days, 0x61); /* over the end of the week */
    assert_int_equal(night->times.spans[0].from, 1320);
    assert_int_equal(night->times.spans[0].to, 360);
    const struct config_schedule *always = &config->schedules[2];
    assert_int_equal(always->times.days, SCHEDULE_EVERY_DAY);
    assert_int_equal(always->times.span_count + always->times.date_count, 0);

    assert_int_equal(config->when.count, 2);
    const struct config_when *first = &config->when.at[0];
    assert_string_equal(first->schedule, "work");
    assert_true(first->has_mode && first->log_only && first->has_default && first->deny);
    assert_string_equal(first->action, "nxdomain");
    assert_int_equal(first->list_count, 2);
    assert_string_equal(first->lists[0].action, "drop");
    assert_int_equal(first->lists[1].mode, CONFIG_MODE_OFF);
    assert_false(config->when.at[1].has_mode || config->when.at[1].has_action);
    assert_true(config->views[0].has_when && config->views[0].when.count == 0);
    assert_true(config->views[1].has_when && config->views[1].when.count == 1);
    assert_false(config->views[2].has_when);
    config_free(config);
}

static void what_is_printed_reads_back(void **state)
{
    struct config *config = read_config(all, 0);
    char *first = print_config(config);
    struct config *again = read_config(first, 0);
    char *second = print_config(again);

    (void)state;
    assert_string_equal(first, second);
    assert_memory_equal(&config->schedules[0].times, &again->schedules[0].times,
                        sizeof(struct schedule));
    assert_int_equal(again->when.count, 2);
    assert_int_equal(again->when.at[0].list_count, 2);
    assert_true(again->views[0].has_when && !again->views[2].has_when);
    free(first);
    free(second);
    config_free(config);
    config_free(again);
}

#define S(options) \
    "schedules: {s: {zone: UTC, " options "}}\npolicy: {when: [{schedule: s, mode: log}]}"
#define W(entry) "schedules: {work: {zone: UTC}}\npolicy: {when: [" entry "]}"

static void what_cannot_be_is_refused(void **state)
{
    static const struct refusal cases[] = {
        /* The section. */
        {"schedules: [a]", "1:12: schedules: expected schedules, a line each: NAME: {zone: "
                           "Europe/Berlin, hours: [\"20:00-06:00\"]}"},
        {"schedules: {Work: {zone: UTC}}",
         "1:13: schedules: \"Work\" is no name for a schedule: 1 to 24 of a-z 0-9 and -, not - "
         "first"},
        {"schedules: {s: UTC}",
         "1:16: schedules: s: expected options below it, a line each: zone: Europe/Berlin"},
        {S("zones: UTC"), "1:28: schedules.NAME: unknown option \"zones\": did you mean zone?"},
        /* Zones. */
        {"schedules: {s: {days: [mon]}}\npolicy: {when: [{schedule: s, mode: log}]}",
         "1:13: schedules: s: has no zone: whose clock is meant? Add zone: Europe/Berlin, or "
         "UTC"},
        {"schedules: {s: {zone: ../UTC}}\npolicy: {when: [{schedule: s, mode: log}]}",
         "1:23: schedules.NAME.zone: \"../UTC\" is no name of a time zone: one of the system's "
         "database, such as Europe/Berlin, or UTC"},
        {"schedules: {s: {zone: \"\"}}\npolicy: {when: [{schedule: s, mode: log}]}",
         "1:23: schedules.NAME.zone: \"\" is no name of a time zone: one of the system's "
         "database, such as Europe/Berlin, or UTC"},
        {"schedules: {s: {zone: [UTC]}}\npolicy: {when: [{schedule: s, mode: log}]}",
         "1:23: schedules.NAME.zone: expected the name of a time zone, but found a sequence "
         "[...]; an IPv6 address in brackets needs quotes"},
        /* Days. */
        {S("days: mon"),
         "1:34: schedules.NAME.days: expected days of the week: [mon-fri, sun]"},
        {S("days: []"),
         "1:34: schedules.NAME.days: no day: it would never hold; leave the line "
         "out for every day"},
        {S("days: [monday]"), "1:35: schedules.NAME.days: \"monday\" is no day: mon, tue, wed, "
                              "thu, fri, sat, sun, or two of them as mon-fri"},
        {S("days: [Mon]"), "1:35: schedules.NAME.days: \"Mon\" is no day: mon, tue, wed, thu, "
                           "fri, sat, sun, or two of them as mon-fri"},
        {S("days: [tue, mon-]"),
         "1:40: schedules.NAME.days: \"mon-\" is no day: mon, tue, wed, "
         "thu, fri, sat, sun, or two of them as mon-fri"},
        {S("days: [mon-tue-wed]"),
         "1:35: schedules.NAME.days: \"mon-tue-wed\" is no day: mon, tue, wed, thu, fri, sat, "
         "sun, or two of them as mon-fri"},
        {S("days: [mon, mon, mon, mon, mon, mon, mon, mon]"),
         "1:34: schedules.NAME.days: 8 entries: 7 are the most"},
        /* Hours. */
        {S("hours: \"08:00-12:00\""),
         "1:35: schedules.NAME.hours: expected hours in quotes: [\"08:00-12:30\", "
         "\"22:00-06:00\"]"},
        {S("hours: []"), "1:35: schedules.NAME.hours: no hours: it would never hold; leave the "
                         "line out for the whole day"},
#define NO_HOURS(text)                                                                       \
    {S("hours: [\"" text "\"]"),                                                             \
     "1:36: schedules.NAME.hours: \"" text "\" are no hours: two times from 00:00 to 24:00 " \
     "as \"08:00-12:30\", or \"22:00-06:00\" over midnight"}
        NO_HOURS("25:00-26:00"),
        NO_HOURS("24:00-06:00"),
        NO_HOURS("08:00-24:01"),
        NO_HOURS("08:60-09:00"),
        NO_HOURS("8:00-12:00"),
        NO_HOURS("08:00"),
        NO_HOURS("08:00-12:00 "),
        NO_HOURS("08.00-12.00"),
        NO_HOURS("08:00 12:00"),
        NO_HOURS("-8:00-12:00"),
        NO_HOURS(""),
        {S("hours: [\"08:00-08:00\"]"),
         "1:36: schedules.NAME.hours: \"08:00-08:00\" ends where it begins: for the whole day "
         "leave hours out"},
        {S("hours: [\"08:00-12:00\", \"11:59-13:00\"]"),
         "1:51: schedules.NAME.hours: \"11:59-13:00\" overlaps 08:00-12:00: write one of them"},
        {S("hours: [\"22:00-06:00\", \"23:00-24:00\"]"),
         "1:51: schedules.NAME.hours: \"23:00-24:00\" overlaps 22:00-06:00: write one of them"},
        {S("hours: [\"01:00-02:00\", \"03:00-04:00\", \"05:00-06:00\", \"07:00-08:00\", "
           "\"09:00-10:00\", \"11:00-12:00\", \"13:00-14:00\", \"15:00-16:00\", "
           "\"17:00-18:00\"]"),
         "1:35: schedules.NAME.hours: 9 entries: 8 are the most"},
    /* Dates. */
#define NO_DATE(text)                                                       \
    {S("dates: [\"" text "\"]"),                                            \
     "1:36: schedules.NAME.dates: \"" text "\" is no date: 2026-12-24, or " \
     "2026-12-28..2027-01-03 from the first to the last"}
        NO_DATE("2026-02-29"),
        NO_DATE("24.12.2026"),
        NO_DATE("2026-12-24T00:00:00Z"),
        NO_DATE("2026-12-24-2026-12-26"),
        NO_DATE("2026-12-24..2026-12-32"),
        NO_DATE("12-24"),
        {S("dates: [2026-12-24..2026-12-23]"),
         "1:36: schedules.NAME.dates: \"2026-12-24..2026-12-23\" ends before it begins"},
        {S("dates: []"), "1:35: schedules.NAME.dates: no date: it would never hold; leave the "
                         "line out for every date"},
        {S("except: [christmas]"),
         "1:37: schedules.NAME.except: \"christmas\" is no date: 2026-12-24, or "
         "2026-12-28..2027-01-03 from the first to the last"},
        /* When. */
        {W("work"), "2:17: policy.when: expected a schedule and what it changes: {schedule: "
                    "NAME, mode: enforce}"},
        {W("{schedule: wrok, mode: log}"),
         "2:28: policy.when: there is no schedule \"wrok\": did you mean work?"},
        {W("{schedule: holidays, mode: log}"),
         "2:28: policy.when: there is no schedule \"holidays\": add it to schedules:"},
        {W("{schedule: an-abcdefghijklmnopqrstuvwxyz, mode: log}"),
         "2:28: policy.when: there is no schedule \"an-abcdefghijklmnopqrstuvwxyz\""},
        {W("{mode: log}"), "2:17: policy.when: when is it meant? Add schedule: NAME"},
        {W("{schedule: work}"),
         "2:17: policy.when: work changes nothing: add mode, action, default or lists"},
        {W("{schedule: work, lists: {}}"),
         "2:17: policy.when: work changes nothing: add mode, action, default or lists"},
        {W("{schedule: work, mode: off}"),
         "2:40: policy.when: \"off\" is not one of enforce, log"},
        {W("{schedule: work, use: {a: log}}"),
         "2:34: policy.when: \"use\" is none of schedule, "
         "mode, action, default, lists"},
        {W("{schedule: work, lists: {a: on}}"),
         "2:45: policy.when: \"on\" is not one of enforce, log, off"},
        {W("{schedule: work, lists: [a]}"),
         "2:41: policy.when: expected lists with their modes, a line each: huawei-cloud: "
         "enforce"},
        {W("{schedule: work, action: log}"),
         "2:42: policy.when: \"log\" is not for here: to record and let through, write mode: "
         "log"},
        {W("{schedule: work, mode: log}, {schedule: work, mode: enforce}"),
         "2:57: policy.when: work stands here twice: the second would never count"},
        {"schedules: {work: {zone: UTC}}\npolicy: {when: {schedule: work, mode: log}}",
         "2:16: policy.when: expected schedules and what they change: [{schedule: NAME, mode: "
         "enforce}]"},
        {"schedules: {work: {zone: UTC}}\nviews: {v: {clients: [loopback], when: [{schedule: "
         "work, mode: log}, {schedule: play, mode: log}]}}",
         "2:81: views.v.when: there is no schedule \"play\": add it to schedules:"},
    };

    (void)state;
    check_among(cases, ITEMS(cases), true);
}

static void a_schedule_that_is_not_used_is_a_warning(void **state)
{
    (void)state;
    config_free(read_config("schedules: {s: {zone: UTC}}", 1));
    /* but one that a view uses is */
    config_free(
        read_config("schedules: {s: {zone: UTC}}\nviews: {v: {clients: [loopback], when: "
                    "[{schedule: s, mode: log}]}}",
                    0));
}

static void hours_may_touch(void **state)
{
    (void)state;
    config_free(
        read_config(S("hours: [\"08:00-12:00\", \"12:00-13:00\", \"22:00-08:00\"]"), 0));
}

static void more_than_the_limits_are_refused(void **state)
{
    static const struct {
        const char *before, *each, *after;
        unsigned most;
        const char *fault;
    } cases[] = {
        {"schedules: {", "s%u: {zone: UTC}, ", "}", CONFIG_SCHEDULES_MAX,
         "65 schedules: 64 are the most"},
        {"schedules: {s: {zone: UTC, except: [", "2026-01-01, ", "]}}", SCHEDULE_DATES_MAX,
         "65 entries: 64 are the most"},
        {"policy: {when: [", "{schedule: s%u, mode: log}, ", "]}", CONFIG_WHEN_MAX,
         "17 entries: 16 are the most"},
    };
    char text[8192];

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct config *config = NULL;
        struct report report;
        size_t used = (size_t)snprintf(text, sizeof(text), "%s", cases[i].before);

        for (unsigned j = 0; j <= cases[i].most; j++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            used += (size_t)snprintf(text + used, sizeof(text) - used, cases[i].each, j);
#pragma GCC diagnostic pop
        }
        snprintf(text + used, sizeof(text) - used, "%s", cases[i].after);
        report_init(&report);
        assert_int_equal(config_parse(text, strlen(text), "t", "/", &report, &config),
                         CORDON_E_REFUSED);
        if (report.errors != 1 || strstr(report.entries[0].text, cases[i].fault) == NULL) {
            report_print(&report, stderr);
            fail_msg("case %zu", i);
        }
        report_deinit(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_have_what_they_say),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_schedule_that_is_not_used_is_a_warning),
        cmocka_unit_test(hours_may_touch),
        cmocka_unit_test(more_than_the_limits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
