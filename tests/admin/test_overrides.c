/* Pauses and exceptions: as commands, as lines of a file, and when they end. */
#include "admin/overrides.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_S        UINT64_C(1795339800) /* 2026-11-22T09:30:00Z */

static const struct clock_now now = {.mono_us = 5000000, .wall_us = NOW_S * 1000000 + 400000};

static struct clock_now at(int64_t wall_s, int64_t mono_s)
{
    return (struct clock_now){.mono_us = now.mono_us + (uint64_t)(mono_s * 1000000),
                              .wall_us = now.wall_us + (uint64_t)(wall_s * 1000000)};
}

/* Reads a command; its fault in words, "" if there is none. */
static bool read_command(const char *line, struct override *out, char fault[REQUEST_FAULT_MAX])
{
    char none[REQUEST_FAULT_MAX];
    struct request *request = request_read(line, strlen(line), none);

    assert_non_null(request);
    const bool ok = line[0] == 'p' ? override_read_pause(request, now, out)
                                   : override_read_exception(request, now, out);
    snprintf(fault, REQUEST_FAULT_MAX, "%s", request_fault(request));
    assert_int_equal(ok, fault[0] == '\0');
    request_free(request);
    return ok;
}

static struct override override_of(const char *line)
{
    char fault[REQUEST_FAULT_MAX];
    struct override override;

    if (!read_command(line, &override, fault)) {
        fail_msg("%s: %s", line, fault);
    }
    return override;
}

static void reads_a_pause(void **state)
{
    const struct override pause =
        override_of("p {\"list\":\"shop\",\"for_s\":600,\"reason\":\"it hurts\"}");

    (void)state;
    assert_int_equal(pause.kind, OVERRIDE_PAUSE);
    assert_string_equal(pause.list, "shop");
    assert_string_equal(pause.reason, "it hurts");
    assert_int_equal(pause.since_s, NOW_S);
    assert_int_equal(pause.until_s, NOW_S + 600);
    assert_int_equal(pause.last_us, now.mono_us + 600000000);
    assert_false(pause.until_restart);
}

static void reads_an_exception(void **state)
{
    char name[WIRE_NAME_TEXT_MAX];
    struct override exception = override_of(
        "e {\"name\":\"WWW.Shop.example.\",\"until\":\"2026-11-23\",\"ticket\":"
        "\"HD-1\",\"reason\":\"r\",\"scope\":\"chain\",\"match\":\"exact\",\"view\":"
        "\"office\",\"until_restart\":true}");

    (void)state;
    wire_name_to_text(&exception.exception.name, name);
    assert_string_equal(name, "www.shop.example");
    assert_true(exception.exception.exact && exception.exception.chain);
    assert_true(exception.until_restart);
    assert_string_equal(exception.view, "office");
    assert_string_equal(exception.exception.ticket, "HD-1");
    assert_int_equal(exception.until_s, NOW_S + 14 * 3600 + 1800);
    exception = override_of("e {\"name\":\"a.example\",\"for_s\":7,\"ticket\":\"T\",\"reason\":"
                            "\"r\",\"scope\":\"own\",\"match\":\"suffix\"}");
    assert_false(exception.exception.exact || exception.exception.chain ||
                 exception.until_restart);
    assert_string_equal(exception.view, "");
}

#define EXCEPTION "e {\"name\":\"a.example\",\"ticket\":\"T\",\"reason\":\"r\","

#define RULE "e {\"rule\":\"l: block suffix a.example\",\"ticket\":\"T\",\"reason\":\"r\","

static void reads_all_that_an_exception_names(void **state)
{
    struct override exception = override_of(
        "e {\"rule\":\"shop: block suffix pay.example\",\"licence\":\"GL "
        "5B\",\"approver\":\"B. "
        "Lind\",\"reason\":\"r\",\"from\":\"2026-11-23\",\"until\":\"2026-12-01\",\"id\":"
        "\"gl-5b\",\"view\":\"office\"}");
    char subject[POLICY_SUBJECT_MAX];

    (void)state;
    (void)policy_exception_subject(&exception.exception, subject);
    assert_string_equal(subject, "shop: block suffix pay.example");
    assert_string_equal(exception.exception.licence, "GL 5B");
    assert_string_equal(exception.exception.ticket, "");
    assert_string_equal(exception.exception.approver, "B. Lind");
    assert_string_equal(exception.exception.id, "gl-5b");
    assert_false(override_has_begun(&exception, now));
    assert_false(override_has_begun(&exception, at(52199, 0)));
    assert_true(override_has_begun(&exception, at(52200, 0))); /* at the second */
    assert_true(override_is_over(&exception, at(743400, 0)));
    assert_false(override_is_over(&exception, at(743399, 0)));
    /* Its length counts from its beginning. */
    exception = override_of(EXCEPTION "\"from\":\"2026-11-23\",\"for_s\":60}");
    assert_int_equal(exception.until_s, exception.from_s + 60);
    /* A time that is gone by is no beginning. */
    exception = override_of(EXCEPTION "\"from\":\"2026-11-21\",\"for_s\":60}");
    assert_int_equal(exception.from_s, 0);
    assert_true(override_has_begun(&exception, now));
    assert_int_equal(exception.until_s, NOW_S + 60);
}

static void gives_ids_that_are_not_taken(void **state)
{
    struct override one = override_of(EXCEPTION "\"for_s\":7}");
    struct override other = override_of(EXCEPTION "\"for_s\":7,\"match\":\"exact\"}");
    struct override again = one, third = one;
    struct overrides set = {0};

    (void)state;
    overrides_name(&set, &one);
    overrides_name(&set, &again);
    assert_string_equal(one.exception.id, again.exception.id); /* the same for the same */
    assert_true(policy_exception_id_is_good(one.exception.id, strlen(one.exception.id)));
    assert_int_equal(overrides_put(&set, &one), 0);
    overrides_name(&set, &other);
    assert_string_not_equal(one.exception.id, other.exception.id);
    overrides_name(&set, &third); /* its own is taken */
    assert_string_not_equal(one.exception.id, third.exception.id);
    assert_int_equal(overrides_find_id(&set, one.exception.id), 0);
    assert_int_equal(overrides_find_id(&set, third.exception.id), 1);
    overrides_deinit(&set);
}

static void refuses_what_is_wrong(void **state)
{
    static const struct {
        const char *line, *words;
    } rows[] = {
        {"p {\"for_s\":1,\"reason\":\"r\"}", "list: this field is required"},
        {"p {\"list\":\"l\",\"reason\":\"r\"}", "for_s: say how long"},
        {"p {\"list\":\"l\",\"for_s\":1}", "reason: this field is required"},
        {"p {\"list\":\"l\",\"for_s\":0,\"reason\":\"r\"}", "for_s: expected a whole number"},
        {"p {\"list\":\"l\",\"for_s\":86401,\"reason\":\"r\"}", "limit of 24 hours"},
        {"p {\"list\":\"l\",\"for_s\":4294967296,\"reason\":\"r\"}", "for_s: expected"},
        {"p {\"list\":\"l\",\"for_s\":1,\"reason\":\"r\",\"view\":\"v\"}", "no field \"view\""},
        {"p {\"list\":\"l\",\"for_s\":1,\"reason\":\"a\\nb\"}", "control characters"},
        {"p {\"list\":\"l\",\"for_s\":1,\"reason\":\"a\xc2\x9b\"}", "control characters"},
        {"p {\"list\":\"l\",\"for_s\":1,\"reason\":\"a\xe2\x80\xae\"}",
         "reason: characters that"},
        {"p {\"list\":\"l\",\"for_s\":1,\"reason\":\"a\\u202eb\"}", "reason: characters that"},
        {"p {\"list\":\"l\",\"for_s\":1,\"reason\":\"a\\u2028b\"}", "reason: characters that"},
        {"p {\"list\":\"l\\u200b\",\"for_s\":1,\"reason\":\"r\"}", "list: characters that"},
        {"e {\"name\":\"a\\u2066.example\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "name: characters that"},
        {"e "
         "{\"name\":\"a.example\",\"ticket\":\"T\\udb40\\udc41\",\"reason\":\"r\",\"for_s\":1}",
         "ticket: characters that"},
        {EXCEPTION "\"for_s\":1,\"view\":\"\\ufeffv\"}", "view: characters that"},
        {"e {\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}", "name: this field is required"},
        {"e {\"name\":\"a..b\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "name: no domain"},
        {"e {\"name\":\"com\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}", "two labels"},
        {"e {\"name\":\".\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}", "two labels"},
        {"e {\"name\":\"192.0.2.1/24\",\"reason\":\"r\",\"for_s\":1}", "ticket: this field"},
        {"e {\"name\":\"203.0.113.5\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "name: an address is no name"},
        {"e {\"name\":\"203.0.113.5.\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "name: an address is no name"},
        {"e {\"name\":\"203.0.113.0/24\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "name: an address is no name"},
        {"e {\"name\":\"2001:db8::1\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "name: an address is no name"},
        {"e {\"name\":\"*.bad.example\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "name: leave the \"*.\" away"},
        {"e {\"name\":\"\\\\042.bad.example\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "name: leave the \"*.\" away"},
        {EXCEPTION "\"for_s\":31622401}", "limit of 366 days"},
        {EXCEPTION "\"until\":\"2036-01-01\"}", "limit of 366 days"},
        {EXCEPTION "\"until\":\"2026-11-22T09:30:00Z\"}", "over already"},
        {EXCEPTION "\"until\":\"1970-01-01\"}", "over already"},
        {EXCEPTION "\"until\":\"tomorrow\"}", "until: expected YYYY"},
        {EXCEPTION "\"until\":\"2026-11-31\"}", "until: expected YYYY"},
        {EXCEPTION "\"until\":\"2026-11-23\",\"for_s\":1}", "say until when"},
        {EXCEPTION "\"scope\":\"all\",\"for_s\":1}", "scope: expected own or chain"},
        {EXCEPTION "\"match\":\"prefix\",\"for_s\":1}", "match: expected suffix or exact"},
        {EXCEPTION "\"view\":\"\",\"for_s\":1}", "view: expected 1 to"},
        {EXCEPTION "\"uid\":0,\"for_s\":1}", "no field \"uid\""}, /* the kernel says who */
        {EXCEPTION "\"for_s\":1,\"since\":\"2020-01-01\"}", "no field \"since\""},
        {"e {\"name\":\"a.example\",\"for_s\":1,\"reason\":\"r\"}", "ticket: this field"},
        {"e {\"name\":\"a.example\",\"for_s\":1,\"ticket\":\"T\"}", "reason: this field"},
        {EXCEPTION "\"x\":1}", "say until when"},
        {EXCEPTION "\"for_s\":1,\"rule\":\"l: block suffix a.example\"}",
         "rule: a rule has its name"},
        {RULE "\"for_s\":1,\"match\":\"exact\"}", "rule: a rule has its name"},
        {"e {\"rule\":\"l: pass suffix a.example\",\"ticket\":\"T\",\"reason\":\"r\","
         "\"for_s\":1}",
         "rule: a pass rule blocks nothing"},
        {"e {\"rule\":\"a.example\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":1}",
         "rule: expected \"LIST: block suffix NAME\""},
        {RULE "\"for_s\":1,\"licence\":\"\"}", "licence: expected 1 to"},
        {RULE "\"for_s\":1,\"approver\":\"a\\u202eb\"}", "approver: characters that"},
        {EXCEPTION "\"for_s\":1,\"id\":\"A\"}", "id: at most 32"},
        {EXCEPTION "\"for_s\":1,\"id\":\"-a\"}", "id: at most 32"},
        {EXCEPTION "\"for_s\":1,\"id\":\"a b\"}", "id: at most 32"},
        {EXCEPTION "\"for_s\":1,\"id\":\"123456789012345678901234567890123\"}",
         "id: expected 1 to 32"},
        {EXCEPTION "\"for_s\":1,\"from\":\"soon\"}", "from: expected YYYY"},
        {EXCEPTION "\"until\":\"2026-12-01\",\"from\":\"2026-12-01\"}",
         "until: this is not after the beginning"},
        {EXCEPTION "\"until\":\"2026-12-01\",\"from\":\"2026-12-02\"}",
         "until: this is not after the beginning"},
        {EXCEPTION "\"for_s\":31622400,\"from\":\"2026-11-23\"}", "limit of 366 days"},
        {EXCEPTION "\"for_s\":1,\"from\":\"2028-01-01\"}", "limit of 366 days"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        char fault[REQUEST_FAULT_MAX];
        struct override override;

        assert_false(read_command(rows[i].line, &override, fault));
        if (strstr(fault, rows[i].words) == NULL) {
            fail_msg("%s: %s", rows[i].line, fault);
        }
    }
}

/* Each text as long as it may be, and one octet longer. */
static void texts_have_their_bounds(void **state)
{
    static const struct {
        const char *before, *after;
        size_t most;
    } rows[] = {
        {"p {\"for_s\":1,\"list\":\"l\",\"reason\":\"", "\"}", OVERRIDES_REASON_MAX},
        {"p {\"for_s\":1,\"reason\":\"r\",\"list\":\"", "\"}", OVERRIDES_ID_MAX},
        {EXCEPTION "\"for_s\":1,\"view\":\"", "\"}", OVERRIDES_ID_MAX},
        {"e {\"name\":\"a.example\",\"ticket\":\"T\",\"for_s\":1,\"reason\":\"", "\"}",
         OVERRIDES_REASON_MAX},
        {"e {\"name\":\"a.example\",\"reason\":\"r\",\"for_s\":1,\"ticket\":\"", "\"}",
         POLICY_TICKET_MAX},
        {"e {\"name\":\"a.example\",\"reason\":\"r\",\"for_s\":1,\"licence\":\"", "\"}",
         POLICY_TICKET_MAX},
        {EXCEPTION "\"for_s\":1,\"approver\":\"", "\"}", POLICY_APPROVER_MAX},
        {EXCEPTION "\"for_s\":1,\"id\":\"", "\"}", POLICY_EXCEPTION_ID_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        for (size_t more = 0; more < 2; more++) {
            char line[REQUEST_LINE_MAX];
            char words[OVERRIDES_REASON_MAX + 2] = "";
            char fault[REQUEST_FAULT_MAX];
            struct override override;

            memset(words, 'x', rows[i].most + more);
            snprintf(line, sizeof(line), "%s%s%s", rows[i].before, words, rows[i].after);
            if (read_command(line, &override, fault) != (more == 0)) {
                fail_msg("%zu octets: %s", rows[i].most + more, line);
            }
        }
    }
}

static void one_is_the_same_by_name_match_and_view(void **state)
{
    static const struct {
        const char *line;
        bool same;
    } rows[] = {
        {EXCEPTION "\"for_s\":9,\"scope\":\"chain\"}", true},
        {EXCEPTION "\"for_s\":9,\"match\":\"exact\"}", false},
        {EXCEPTION "\"for_s\":9,\"view\":\"office\"}", false},
        {"e {\"name\":\"b.example\",\"ticket\":\"T\",\"reason\":\"r\",\"for_s\":9}", false},
        {"p {\"list\":\"a.example\",\"for_s\":600,\"reason\":\"r\"}", false},
        {RULE "\"for_s\":9}", false},
    };
    const struct override one = override_of(EXCEPTION "\"for_s\":7}");

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const struct override other = override_of(rows[i].line);

        assert_int_equal(override_is_same(&one, &other), rows[i].same);
        assert_int_equal(override_is_same(&other, &one), rows[i].same);
    }
}

static void ends_by_either_clock(void **state)
{
    const struct override pause =
        override_of("p {\"list\":\"l\",\"for_s\":600,\"reason\":\"r\"}");

    (void)state;
    assert_false(override_is_over(&pause, at(0, 0)));
    assert_false(override_is_over(&pause, at(599, 599)));
    assert_true(override_is_over(&pause, at(600, 600)));
    assert_true(override_is_over(&pause, at(86400, 1)));    /* set forward */
    assert_false(override_is_over(&pause, at(-86400, 10))); /* set back: not yet */
    assert_true(override_is_over(&pause, at(-86400, 600))); /* but no longer than asked */
}

/* --- the file --- */

static struct overrides parse_at(const char *text, struct clock_now when, const char *faults)
{
    struct overrides set = {0};
    struct report report;
    char words[2048] = "";

    report_init(&report);
    assert_int_equal(overrides_parse(text, strlen(text), "f", when, &report, &set), 0);
    for (size_t i = 0; i < report.count; i++) {
        snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s",
                 i > 0 ? "; " : "", report.entries[i].text);
    }
    assert_string_equal(words, faults);
    report_deinit(&report);
    return set;
}

#define HEAD  "{\"kind\":\"overrides\",\"version\":1}\n"
#define TIMES "\"since\":\"2026-11-22T09:20:00Z\",\"until\":\"2026-11-22T09:40:00Z\""
#define PAUSE(list)                                                     \
    "{\"kind\":\"pause\",\"list\":\"" list "\",\"reason\":\"r\"," TIMES \
    ",\"uid\":7,\"pid\":8}\n"
#define LET(name)                                                                            \
    "{\"kind\":\"exception\",\"name\":\"" name "\",\"ticket\":\"T\",\"reason\":\"r\"," TIMES \
    "}\n"

static void what_is_printed_reads_back(void **state)
{
    static const char *const lines[] = {
        "p {\"list\":\"shop\",\"for_s\":600,\"reason\":\"it \\\"hurts\\\"\"}",
        "e "
        "{\"name\":\"a\\\\.b.example\",\"for_s\":7,\"ticket\":\"T\\\\\",\"reason\":\"\u00e4\"}",
        "e {\"name\":\"a.example\",\"until\":\"2026-12-01\",\"ticket\":\"T\",\"reason\":\"r\","
        "\"scope\":\"chain\",\"match\":\"exact\",\"view\":\"office\"}",
        RULE "\"for_s\":60,\"from\":\"2026-12-01\",\"licence\":\"L\",\"approver\":\"A\","
             "\"id\":\"i\"}",
        "e {\"rule\":\"l: block prefix 2001:db8::/32\",\"licence\":\"L\",\"reason\":\"r\","
        "\"for_s\":60,\"scope\":\"chain\"}",
        "p {\"list\":\"all\",\"for_s\":9,\"reason\":\"r\",\"until_restart\":true}",
    };
    struct overrides set = {0};
    size_t len = 0, again_len = 0;

    (void)state;
    for (size_t i = 0; i < ITEMS(lines); i++) {
        struct override override = override_of(lines[i]);

        if (override.kind == OVERRIDE_EXCEPTION) {
            overrides_name(&set, &override);
        }
        override.uid = 4294967295u;
        override.pid = 2147483647;
        snprintf(override.user, sizeof(override.user), "%s", i == 0 ? "alice" : "");
        assert_int_equal(overrides_put(&set, &override), 0);
    }
    char *text = overrides_print(&set, &len);
    assert_non_null(text);
    struct overrides again = parse_at(text, now, "");
    assert_int_equal(again.count, 5); /* what is until the restart is not kept */
    for (size_t i = 0; i < again.count; i++) {
        assert_true(override_is_same(again.at[i], set.at[i]));
        assert_int_equal(again.at[i]->until_s, set.at[i]->until_s);
        assert_int_equal(again.at[i]->uid, 4294967295u);
        assert_string_equal(again.at[i]->reason, set.at[i]->reason);
        assert_string_equal(again.at[i]->user, set.at[i]->user);
        assert_int_equal(again.at[i]->from_s, set.at[i]->from_s);
        assert_string_equal(again.at[i]->exception.id, set.at[i]->exception.id);
        assert_string_equal(again.at[i]->exception.ticket, set.at[i]->exception.ticket);
        assert_string_equal(again.at[i]->exception.licence, set.at[i]->exception.licence);
        assert_string_equal(again.at[i]->exception.approver, set.at[i]->exception.approver);
    }
    char *second = overrides_print(&again, &again_len);
    assert_string_equal(text, second);
    free(text);
    free(second);
    overrides_deinit(&set);
    overrides_deinit(&again);
}

static void a_bad_line_costs_no_other(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *faults;
    } rows[] = {
        {"", 0, ""},
        {"\n# words\n\n" HEAD PAUSE("a") "\n" LET("a.example"), 2, ""},
        {PAUSE("a"), 1, ""}, /* without a head */
        {HEAD "{\"kind\":\"pause\",\"list\":\"a\",\"reason\":\"r\"," TIMES "}", 1, ""},
        {HEAD "nonsense\n" PAUSE("a"), 1,
         "f:2: it is no JSON object: {\"FIELD\": VALUE, ...}: this line is left "
         "out"},
        {HEAD "{\"kind\":\"pau\n" PAUSE("a"), 1,
         "f:2: it is no JSON object: column 12: premature end of input near "
         "'\"pau': this line is left out"},
        {"{\"kind\":\"overrides\",\"version\":2}\n" PAUSE("a"), 1,
         "f:1: version: this cordond knows version 1: this line is left out"},
        {"{\"kind\":\"overrides\"}\n", 0,
         "f:1: version: this cordond knows version 1: this line is left out"},
        {"{\"kind\":\"overrides\",\"version\":1,\"x\":1}\n", 0,
         "f:1: there is no field \"x\" here: this line is left out"},
        {"{\"list\":\"a\"}\n", 0, "f:1: kind: this field is required: this line is left out"},
        {"{\"kind\":\"rule\"}\n", 0,
         "f:1: kind: expected pause or exception: this line is left out"},
        {PAUSE("a") PAUSE("a"), 1,
         "f:2: an earlier line is about the same: this line is left out"},
        {LET("a.example") LET("com") LET("b.example"), 2,
         "f:2: name: too much would be let through: name at least two labels, or pause a list: "
         "this line is left out"},
        {"{\"kind\":\"exception\",\"id\":\"i\",\"name\":\"a.example\",\"ticket\":\"T\","
         "\"reason\":\"r\"," TIMES
         "}\n{\"kind\":\"exception\",\"id\":\"i\",\"name\":\"b.example\",\"ticket\":\"T\","
         "\"reason\":\"r\"," TIMES "}\n",
         1, "f:2: an earlier line has the id i: this line is left out"},
        {"{\"kind\":\"exception\",\"name\":\"a.example\",\"ticket\":\"T\",\"reason\":"
         "\"r\",\"from\":\"2026-11-22T09:40:00Z\"," TIMES "}\n",
         0, "f:1: from: not before until: this line is left out"},
        {"{\"kind\":\"exception\",\"rule\":\"l\",\"ticket\":\"T\",\"reason\":"
         "\"r\"," TIMES "}\n",
         0,
         "f:1: rule: expected \"LIST: block suffix NAME\", with the id of the list and its "
         "rule: "
         "this line is left out"},
        {"{\"kind\":\"pause\",\"list\":\"a\",\"reason\":\"r\"}\n", 0,
         "f:1: since: this field is required: this line is left out"},
        {"{\"kind\":\"pause\",\"list\":\"a\",\"reason\":\"r\",\"since\":\"2026-11-22\","
         "\"until\":"
         "\"2026-11-22\"}\n",
         0, "f:1: until: not after since, or longer than allowed: this line is left out"},
        {"{\"kind\":\"pause\",\"list\":\"a\",\"reason\":\"r\",\"since\":\"2026-11-22\","
         "\"until\":"
         "\"2026-11-24\"}\n",
         0, "f:1: until: not after since, or longer than allowed: this line is left out"},
        {"{\"kind\":\"pause\",\"list\":\"a\",\"reason\":\"r\",\"since\":\"now\",\"until\":"
         "\"2026-11-24\"}\n",
         0, "f:1: since: expected YYYY-MM-DDTHH:MM:SSZ: this line is left out"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct overrides set = parse_at(rows[i].text, now, rows[i].faults);

        assert_int_equal(set.count, rows[i].count);
        overrides_deinit(&set);
    }
}

static void a_restart_makes_none_longer(void **state)
{
    static const struct {
        int64_t wall_s; /* of the restart, against 09:30 */
        int64_t left_s; /* of the twenty minutes from 09:20 */
    } rows[] = {
        {0, 600},     {599, 1},     {600, 0},       {6000, 0}, /* over: it is told, then gone */
        {-600, 1200}, {-601, 1200}, {-86400, 1200},            /* set back before it began */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct clock_now start = at(rows[i].wall_s, 0);
        start.wall_us -= 400000;
        struct overrides set = parse_at(PAUSE("a"), start, "");

        assert_int_equal(set.count, 1);
        assert_int_equal(set.at[0]->last_us,
                         start.mono_us + (uint64_t)rows[i].left_s * 1000000);
        assert_int_equal(override_is_over(set.at[0], start), rows[i].left_s == 0);
        overrides_deinit(&set);
    }
}

static void keeps_to_its_limits(void **state)
{
    struct overrides set = {0}, copy = {0};
    struct override exception =
        override_of("e {\"name\":\"a.example\",\"for_s\":7,\"ticket\":\"T\",\"reason\":\"r\"}");
    const struct override pause =
        override_of("p {\"list\":\"shop\",\"for_s\":600,\"reason\":\"r\"}");

    (void)state;
    for (unsigned i = 0; i < POLICY_EXCEPTIONS_MAX; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%u.example", i);
        assert_int_equal(wire_name_from_text(name, strlen(name), &exception.exception.name),
                         WIRE_TEXT_OK);
        assert_int_equal(overrides_put(&set, &exception), 0);
    }
    assert_int_equal(overrides_put(&set, &exception), 0); /* in place of itself */
    assert_int_equal(set.count, POLICY_EXCEPTIONS_MAX);
    assert_int_equal(wire_name_from_text("x.example", 9, &exception.exception.name),
                     WIRE_TEXT_OK);
    assert_int_equal(overrides_put(&set, &exception), CORDON_E_LIMIT);
    assert_int_equal(overrides_put(&set, &pause), 0); /* pauses have their own */
    assert_int_equal(overrides_copy(&set, &copy), 0);
    assert_int_equal(copy.count, set.count);
    overrides_remove(&copy, overrides_find(&copy, &pause));
    assert_int_equal(overrides_find(&copy, &pause), copy.count);
    assert_int_equal(overrides_find(&set, &pause), set.count - 1);
    overrides_deinit(&set);
    overrides_deinit(&copy);
}

/* All texts as long as they may be, and of characters that are escaped. */
static void the_longest_line_reads_back(void **state)
{
    struct override exception = {.kind = OVERRIDE_EXCEPTION,
                                 .since_s = NOW_S,
                                 .until_s = NOW_S + 5,
                                 .uid = UINT32_MAX,
                                 .pid = INT32_MAX};
    struct overrides set = {0};
    size_t len = 0;
    char name[WIRE_NAME_TEXT_MAX];
    size_t used = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) { /* 247 octets, each written as \200 */
        for (unsigned j = 0; j < (i < 3 ? 63u : 58u); j++) {
            used += (size_t)snprintf(name + used, sizeof(name) - used, "\\200");
        }
        used += (size_t)snprintf(name + used, sizeof(name) - used, ".");
    }
    assert_int_equal(wire_name_from_text(name, used, &exception.exception.name), WIRE_TEXT_OK);
    memset(exception.reason, '"', OVERRIDES_REASON_MAX);
    memset(exception.user, '"', OVERRIDES_ID_MAX);
    memset(exception.view, '"', OVERRIDES_ID_MAX);
    memset(exception.exception.ticket, '\\', POLICY_TICKET_MAX);
    memset(exception.exception.licence, '\\', POLICY_TICKET_MAX);
    memset(exception.exception.approver, '"', POLICY_APPROVER_MAX);
    memset(exception.exception.id, 'i', POLICY_EXCEPTION_ID_MAX);
    memset(exception.exception.list, 'l', POLICY_LIST_ID_MAX);
    exception.exception.is_rule = true;
    exception.from_s = NOW_S + 1;
    assert_int_equal(overrides_put(&set, &exception), 0);
    char *text = overrides_print(&set, &len);
    assert_non_null(text);
    struct overrides again = parse_at(text, now, "");
    assert_int_equal(again.count, 1);
    assert_true(override_is_same(again.at[0], set.at[0]));
    free(text);
    overrides_deinit(&set);
    overrides_deinit(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_pause),
        cmocka_unit_test(reads_an_exception),
        cmocka_unit_test(reads_all_that_an_exception_names),
        cmocka_unit_test(gives_ids_that_are_not_taken),
        cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(texts_have_their_bounds),
        cmocka_unit_test(one_is_the_same_by_name_match_and_view),
        cmocka_unit_test(ends_by_either_clock),
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(a_bad_line_costs_no_other),
        cmocka_unit_test(a_restart_makes_none_longer),
        cmocka_unit_test(keeps_to_its_limits),
        cmocka_unit_test(the_longest_line_reads_back),
    };

    request_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
