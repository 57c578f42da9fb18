/* cli/audit_filter: what people say of the events they look for, and what is none of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/audit_filter.h"
#include "cli/cli.h"

#include <string.h>

#define NOW UINT64_C(1795339800000000) /* 2026-11-22T09:30:00Z */

static void moments_are_dates_times_and_spans(void **state)
{
    static const struct {
        const char *text;
        bool is_end;
        uint64_t us;
    } rows[] = {
        {"2026-11-22", false, UINT64_C(1795305600000000)},
        {"2026-11-22", true, UINT64_C(1795391999999999)}, /* its last microsecond */
        {"2026-11-22T09:30:00Z", false, NOW},
        {"2026-11-22T09:30:00Z", true, NOW - 1},
        {"2026-11-22T09:30:00.123456Z", false, NOW + 123456}, /* as events say it */
        {"2026-11-22T09:30:00.5Z", false, NOW + 500000},
        {"2026-11-22T10:30:00+01:00", false, NOW},
        {"1h", false, NOW - UINT64_C(3600000000)},
        {"7d", true, NOW - UINT64_C(604800000000)},
        {"1w", false, NOW - UINT64_C(604800000000)},
        {"99999999d", false, 0}, /* before the beginning of time */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t us = 1;

        if (!cli_audit_moment(rows[i].text, NOW, rows[i].is_end, &us) || us != rows[i].us) {
            fail_msg("'%s' is %llu", rows[i].text, (unsigned long long)us);
        }
    }
}

static void nothing_else_is_a_moment(void **state)
{
    static const char *const rows[] = {
        "",
        "yesterday",
        "2026",
        "2026-13-01",
        "2026-11-22 09:30",
        "2026-11-22T09:30:00",
        "1x",
        "h",
        "0s",
        "-1h",
        "1h30m",
        "2026-11-22T09:30:00.Z",
        "1.5h",
        "2026-11-22T25:00:00Z",
        "2026-11-22T09:30:00.1234567Z",
        "2026-11-22.5",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t us = 7;

        if (cli_audit_moment(rows[i], NOW, false, &us)) {
            fail_msg("'%s' was taken", rows[i]);
        }
    }
}

/* Each option by itself, with words that are none of it. */
static void what_is_no_filter_is_refused(void **state)
{
    static const struct {
        size_t option; /* its place in the struct */
        const char *word;
    } rows[] = {
#define OF(option) offsetof(struct cli_audit_filter, option)
        {OF(since), "soon"},
        {OF(until), "later"},
        {OF(client), "nobody"},
        {OF(client), "192.0.2.1/24"}, /* host bits */
        {OF(client), "192.0.2.0/33"},
        {OF(client), "192.0.2.1@53"},
        {OF(client), "k:2026-11-22:12"},
        {OF(client), "k:2026-11-22:0123456789abcdef0123456789abcdeX"},
        {OF(client), "k:2026-99-22:0123456789abcdef0123456789abcdef"},
        {OF(client), ""},
        {OF(name), "a..b"},
        {OF(name), ""},
        {OF(suffix), ".a"},
        {OF(type), "NO-TYPE"},
        {OF(type), "TYPE65536"},
        {OF(rcode), "NO-RCODE"},
        {OF(rcode), ""},
        {OF(class), "guilty"},
        {OF(class), "Designated"},
        {OF(action), "block"},
        {OF(action), ""},
        {OF(mode), "off"},
        {OF(trigger), "name"},
        {OF(stream), "decision"},
        {OF(stream), "decisions,"},
        {OF(stream), ",queries"},
        {OF(stream), ""},
        {OF(stream), "all,queries"},
        {OF(view), ""},
        {OF(provider), ""},
        {OF(authority), ""},
        {OF(list), ""},
        {OF(rule), ""},
        {OF(exception), ""},
        {OF(what), ""},
        {OF(user), ""},
#undef OF
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cli_audit_filter filter = {.config = NULL};

        memcpy((char *)&filter + rows[i].option, &rows[i].word, sizeof(rows[i].word));
        if (cli_audit_filter_read("audit search", &filter, NOW) != CLI_USAGE) {
            fail_msg("row %zu, '%s', was taken", i, rows[i].word);
        }
    }
    struct cli_audit_filter filter = {.since = "2026-11-22", .until = "2026-11-20"};
    assert_int_equal(cli_audit_filter_read("audit search", &filter, NOW), CLI_USAGE);
}

static void all_of_them_together_are_a_query(void **state)
{
    struct cli_audit_filter filter = {.since = "1h",
                                      .until = "1m",
                                      .client = "192.0.2.0/24",
                                      .name = "WWW.Example.",
                                      .suffix = "example",
                                      .type = "https",
                                      .rcode = "nxdomain",
                                      .view = "office",
                                      .provider = "cloud",
                                      .class = "parent-designated",
                                      .authority = "Office",
                                      .list = "cloud-list",
                                      .rule = "example",
                                      .action = "nxdomain",
                                      .mode = "log",
                                      .trigger = "hop",
                                      .exception = "x-1",
                                      .what = "pause-begun",
                                      .user = "alice",
                                      .stream = "changes,decisions"};
    const struct audit_query *query = &filter.query;

    (void)state;
    assert_int_equal(cli_audit_filter_read("audit search", &filter, NOW), CLI_GO_ON);
    assert_int_equal(query->from_us, NOW - UINT64_C(3600000000));
    assert_int_equal(query->to_us, NOW - 60000000);
    assert_int_equal(query->client->kind, AUDIT_CLIENT_PREFIX);
    assert_int_equal(query->name->labels, 2);
    assert_int_equal(query->name->octets[1], 'w'); /* in lower case */
    assert_int_equal(query->suffix->labels, 1);
    assert_int_equal(query->number_count, 2);
    assert_int_equal(query->word_count, 7);
    assert_int_equal(query->streams, 1u << AUDIT_DECISIONS | 1u << AUDIT_CHANGES);
    assert_string_equal(query->status_class, "parent-designated");

    struct cli_audit_filter none = {.config = NULL};
    assert_int_equal(cli_audit_filter_read("audit search", &none, NOW), CLI_GO_ON);
    assert_int_equal(none.query.streams, 1u << AUDIT_DECISIONS);
    struct cli_audit_filter change = {.what = "gap"};
    assert_int_equal(cli_audit_filter_read("audit search", &change, NOW), CLI_GO_ON);
    assert_int_equal(change.query.streams, 1u << AUDIT_CHANGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_dates_times_and_spans),
        cmocka_unit_test(nothing_else_is_a_moment),
        cmocka_unit_test(what_is_no_filter_is_refused),
        cmocka_unit_test(all_of_them_together_are_a_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
