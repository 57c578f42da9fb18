/* The formats of sinks: what they say of an event, and what they do not make up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/rows.h"
#include "sink/event.h"
#include "sink/limits.h"

#include <stdlib.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define TIME_US      UINT64_C(1795373372664579)

static struct row_store store;
static uint8_t basis[1024];
static char out[SINK_MESSAGE_MAX];

static const struct sink_self self = {.host = "host.test",
                                      .pid = 7,
                                      .facility = 10,
                                      .enterprise = 32473,
                                      .most = SINK_SYSLOG_MAX};

/* A block of cdn.example by a list about its owner. */
static void decision(struct audit_row *row)
{
    const struct audit_basis ground = {.serial = 2026112201,
                                       .list = "cloud-a",
                                       .provider = "cloud-a",
                                       .provider_name = "Cloud A",
                                       .status_class = "parent-designated",
                                       .status_entity = "Owner \"A\" [Holding] Co."};

    query_row(&store, TIME_US, 5, "cdn.example", row);
    audit_row_text(row, AUDIT_EVENT, "decision");
    audit_row_number(row, AUDIT_CLIENT_PORT, 4711);
    audit_row_text(row, AUDIT_ACTION, "sinkhole");
    audit_row_text(row, AUDIT_MODE, "enforce");
    audit_row_number(row, AUDIT_APPLIED, 1);
    audit_row_octets(row, AUDIT_BASIS, basis, audit_basis_put(&ground, basis, sizeof(basis)));
    audit_row_text(row, AUDIT_RULE, "block suffix cdn.example");
    audit_row_text(row, AUDIT_CONFIDENCE, "medium");
    audit_row_text(row, AUDIT_TRIGGER, "qname");
    audit_row_octets(row, AUDIT_MATCHED, row->at[AUDIT_NAME].octets,
                     row->at[AUDIT_NAME].number);
}

static size_t write_as(sink_formatter *format, enum audit_stream stream,
                       const struct audit_row *row, const struct sink_self *who)
{
    const struct sink_event event = {
        .stream = stream, .id = "d17", .log = "log.test", .row = row};
    const size_t len = format(&event, who, out, sizeof(out) - 1);

    out[len] = '\0';
    return len;
}

static bool has(size_t len, const void *octets, size_t count)
{
    return memmem(out, len, octets, count) != NULL;
}

static void a_message_of_syslog_says_what_happened(void **state)
{
    struct audit_row row;

    (void)state;
    decision(&row);
    const size_t len = write_as(sink_syslog, AUDIT_DECISIONS, &row, &self);
    const char *want = "<85>1 2026-11-22T18:49:32.664579Z host.test cordond 7 decision "
                       "[cordon@32473 id=\"d17\" log=\"log.test\" client=\"10.0.0.5\" "
                       "name=\"cdn.example\" type=\"A\" rcode=\"NOERROR\" view=\"default\" "
                       "action=\"sinkhole\" mode=\"enforce\" applied=\"true\" "
                       "list=\"cloud-a\" provider=\"cloud-a\" "
                       "status_class=\"parent-designated\" "
                       "status_entity=\"Owner \\\"A\\\" [Holding\\] Co.\" "
                       "serial=\"2026112201\" rule=\"block suffix cdn.example\" "
                       "trigger=\"qname\" matched=\"cdn.example\"] {\"v\":1,";
    assert_memory_equal(out, want, strlen(want));
    assert_true(out[len - 1] == '}');
    assert_null(strchr(out, '\n'));
    struct sink_self owner = self;
    owner.enterprise = 4294967295;
    assert_int_equal(write_as(sink_syslog, AUDIT_DECISIONS, &row, &owner), len + 5);
    assert_non_null(strstr(out, " decision [cordon@4294967295 id="));
    /* Only recorded: of less weight. A gap: of more. */
    audit_row_number(&row, AUDIT_APPLIED, 0);
    (void)write_as(sink_syslog, AUDIT_DECISIONS, &row, &self);
    assert_memory_equal(out, "<86>1 ", 6);
    audit_row_text(&row, AUDIT_WHAT, "gap");
    (void)write_as(sink_syslog, AUDIT_CHANGES, &row, &self);
    assert_memory_equal(out, "<84>1 ", 6);
}

static void a_message_of_syslog_is_bounded(void **state)
{
    struct sink_self udp = self;
    static char long_words[3000];
    struct audit_row row;

    (void)state;
    memset(long_words, 'x', sizeof(long_words) - 1);
    decision(&row);
    audit_row_text(&row, AUDIT_TICKET, long_words);
    udp.most = SINK_SYSLOG_UDP_MAX;
    assert_true(write_as(sink_syslog, AUDIT_DECISIONS, &row, &self) > SINK_SYSLOG_UDP_MAX);
    assert_non_null(strstr(out, "{\"v\":1,"));
    assert_true(write_as(sink_syslog, AUDIT_DECISIONS, &row, &udp) <= SINK_SYSLOG_UDP_MAX);
    assert_null(strstr(out, "{\"v\":1,"));
    assert_non_null(strstr(out, "matched=\"cdn.example\"]"));
    /* A value has its bound, and whole characters. */
    memcpy(long_words + SINK_SYSLOG_VALUE_MAX - 1, "\xc3\xa9", 2);
    audit_row_text(&row, AUDIT_RULE, long_words);
    (void)write_as(sink_syslog, AUDIT_DECISIONS, &row, &self);
    const char *rule = strstr(out, "rule=\"");
    assert_non_null(rule);
    assert_int_equal(strcspn(rule + 6, "\""), SINK_SYSLOG_VALUE_MAX - 1);
    /* What is no text is left out of it. */
    audit_row_octets(&row, AUDIT_RULE, (const uint8_t *)"a\xff\nb\x1b[31m", 9);
    (void)write_as(sink_syslog, AUDIT_DECISIONS, &row, &self);
    assert_non_null(strstr(out, "rule=\"ab[31m\""));
    /* There is not even room for all of the data: it ends in order. */
    for (size_t most = 130; most < 700; most += 7) {
        udp.most = most;
        const size_t len = write_as(sink_syslog, AUDIT_DECISIONS, &row, &udp);
        assert_true(len > 0 && len <= most && out[len - 1] == ']' && out[len - 2] == '"');
    }
}

static void dnstap_has_a_word_or_says_nothing(void **state)
{
    static const struct {
        const char *action;
        bool applied;
        const char *trigger;
        const char *policy; /* action and match, as octets of the message */
        size_t len;
    } cases[] = {
        {"sinkhole", true, "qname", "\x18\6\x20\1", 4},
        {"redirect", true, "client", "\x18\6\x20\2", 4},
        {"nxdomain", true, "address", "\x18\1\x20\3", 4},
        {"nodata", true, "nameserver", "\x18\2\x20\4", 4},
        {"drop", true, "nameserver-address", "\x18\4\x20\5", 4},
        {"truncate", true, "qname", "\x18\5\x20\1", 4},
        {"sinkhole", false, "qname", "\x18\3\x20\1", 4}, /* it was not altered */
        {"pass", false, "qname", "\x18\3\x20\1", 4},
        {"refused", true, "qname", "example\x20\1", 9}, /* no word */
        {"nxdomain", true, "hop", "\x18\1\x2a", 3},     /* neither */
        {"refused", true, "svcb", "example\x2a", 8},
    };
    struct audit_row row;

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        decision(&row);
        audit_row_text(&row, AUDIT_ACTION, cases[i].action);
        audit_row_number(&row, AUDIT_APPLIED, cases[i].applied);
        audit_row_text(&row, AUDIT_TRIGGER, cases[i].trigger);
        const size_t len = write_as(sink_dnstap, AUDIT_DECISIONS, &row, &self);

        if (!has(len, cases[i].policy, cases[i].len)) {
            fail_msg("case %zu", i);
        }
    }
    assert_int_equal(write_as(sink_dnstap, AUDIT_CHANGES, &row, &self), 0);
    assert_int_equal(write_as(sink_ocsf, AUDIT_CHANGES, &row, &self), 0);
}

static void what_the_log_hides_no_format_shows(void **state)
{
    static const uint8_t address[] = {10, 0, 0, 5};
    static sink_formatter *const all[] = {sink_json, sink_ocsf, sink_syslog, sink_dnstap};
    struct audit_client client = {.kind = AUDIT_CLIENT_PREFIX};
    uint8_t octets[AUDIT_ADDRESS_MAX];
    struct audit_row row;

    (void)state;
    decision(&row);
    size_t len = write_as(sink_dnstap, AUDIT_DECISIONS, &row, &self);
    assert_true(has(len, address, sizeof(address)));
    assert_int_equal(address_prefix_parse("10.0.0.0/24", 11, &client.prefix), 0);
    audit_row_octets(&row, AUDIT_CLIENT, octets, audit_client_put(&client, octets));
    row.present &= ~(UINT64_C(1) << AUDIT_CLIENT_PORT);
    for (size_t i = 0; i < ITEMS(all); i++) {
        len = write_as(all[i], AUDIT_DECISIONS, &row, &self);
        assert_true(len > 0);
        assert_false(has(len, "10.0.0.5", 8));
        assert_false(has(len, address, sizeof(address)));
        assert_true(has(len, "10.0.0.0/24", 11));
    }
    /* Type and transport, and then the time: no family, no address, no port. */
    len = write_as(sink_dnstap, AUDIT_DECISIONS, &row, &self);
    assert_true(has(len, "\x08\5\x18\1\x40", 5));
    (void)write_as(sink_ocsf, AUDIT_DECISIONS, &row, &self);
    assert_non_null(strstr(out, "\"src_endpoint\":{\"name\":\"10.0.0.0/24\"}"));
}

static void ocsf_tells_what_was_denied_from_what_was_not(void **state)
{
    static const struct {
        const char *action, *mode;
        bool applied, exception;
        const char *want;
    } cases[] = {
        {"sinkhole", "enforce", true, false,
         "\"action_id\":2,\"action\":\"Denied\",\"disposition_id\":2,\"disposition\":"
         "\"Blocked\","
         "\"is_alert\":true"},
        {"drop", "enforce", true, false,
         "\"action_id\":2,\"action\":\"Denied\",\"disposition_id\":6,\"disposition\":"
         "\"Dropped\","
         "\"is_alert\":true"},
        {"truncate", "enforce", true, false,
         "\"action_id\":1,\"action\":\"Allowed\",\"disposition_id\":7,\"disposition\":\"Custom "
         "Action\",\"is_alert\":false"},
        {"sinkhole", "log", false, false,
         "\"action_id\":1,\"action\":\"Allowed\",\"disposition_id\":17,\"disposition\":"
         "\"Logged\","
         "\"is_alert\":false"},
        {"pass", "enforce", false, true,
         "\"action_id\":1,\"action\":\"Allowed\",\"disposition_id\":1,\"disposition\":"
         "\"Allowed\","
         "\"is_alert\":false"},
    };
    struct audit_row row;

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        decision(&row);
        audit_row_text(&row, AUDIT_ACTION, cases[i].action);
        audit_row_text(&row, AUDIT_MODE, cases[i].mode);
        audit_row_number(&row, AUDIT_APPLIED, cases[i].applied);
        if (cases[i].exception) {
            audit_row_text(&row, AUDIT_ID, "x-1");
        }
        (void)write_as(sink_ocsf, AUDIT_DECISIONS, &row, &self);
        if (strstr(out, cases[i].want) == NULL) {
            fail_msg("case %zu: %s", i, out);
        }
        /* What a list says of the owner stays its word, in its own place alone. */
        const char *class = strstr(out, "parent-designated");
        assert_non_null(class);
        assert_true(class > strstr(out, "\"unmapped\":{"));
        assert_null(strstr(class + 1, "parent-designated"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_of_syslog_says_what_happened),
        cmocka_unit_test(a_message_of_syslog_is_bounded),
        cmocka_unit_test(dnstap_has_a_word_or_says_nothing),
        cmocka_unit_test(what_the_log_hides_no_format_shows),
        cmocka_unit_test(ocsf_tells_what_was_denied_from_what_was_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
