/* gate: recorded questions decided anew, from logs as cordond writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/gates.h"

#include "audit/logs.h"
#include "gate/impact.h"

#define NOW_US  (PRESS_NOW_S * 1000000)
#define HOUR_US UINT64_C(3600000000)
#define EXAMPLE GATES_SAY("block suffix example.test")
#define CLOUD   GATES_SAY("block suffix cloud.example")

struct logs {
    struct maker maker;
    struct audit_folder folder;
    struct audit_files files;
    struct audit_log *log;
    struct row_store store;
};

static void logs_open(struct logs *logs)
{
    struct audit_log_opened opened;

    maker_init(&logs->maker, LOG_NAME);
    logs->maker.settings.sync = false;
    (void)mkdir("audit", 0700);
    assert_int_equal(audit_folder_open("audit", &logs->folder, &logs->files), 0);
    assert_int_equal(
        audit_log_open(&logs->files, &logs->maker.settings, NOW_US, 1, &logs->log, &opened), 0);
}

static void logs_close(struct logs *logs)
{
    assert_int_equal(audit_log_close(logs->log, NULL, NOW_US), 0);
    audit_folder_close(&logs->folder);
}

/* A question of client 10.0.A.B so long ago. */
static void ask(struct logs *logs, uint64_t ago_us, unsigned client, const char *name)
{
    struct audit_row row;

    query_row(&logs->store, NOW_US - ago_us, client, name, &row);
    assert_int_equal(audit_log_add(logs->log, AUDIT_QUERIES, &row, NOW_US), 0);
}

/* A match of a rule of a list, at the name asked for, or at what stands in words. */
struct match {
    const char *trigger, *chain, *matched, *address, *view;
};

static void match(struct logs *logs, unsigned client, const char *name, const struct match *how)
{
    uint8_t chain[512], address[AUDIT_ADDRESS_MAX];
    struct audit_row row;
    struct wire_name hop;
    struct address where;

    decision_row(&logs->store, NOW_US - HOUR_US, client, name, "other", &row);
    audit_row_text(&row, AUDIT_TRIGGER, how->trigger);
    if (how->view != NULL) {
        audit_row_text(&row, AUDIT_VIEW, how->view);
    }
    if (how->chain != NULL) {
        struct wire_name asked;

        assert_int_equal(wire_name_from_text(name, strlen(name), &asked), WIRE_TEXT_OK);
        assert_int_equal(wire_name_from_text(how->chain, strlen(how->chain), &hop),
                         WIRE_TEXT_OK);
        memcpy(chain, asked.octets, asked.len);
        memcpy(chain + asked.len, hop.octets, hop.len);
        audit_row_octets(&row, AUDIT_CHAIN, chain, (size_t)asked.len + hop.len);
    }
    if (how->matched != NULL) {
        assert_int_equal(wire_name_from_text(how->matched, strlen(how->matched), &hop),
                         WIRE_TEXT_OK);
        audit_row_octets(&row, AUDIT_MATCHED, hop.octets, hop.len);
    }
    if (how->address != NULL) {
        assert_int_equal(address_parse(how->address, strlen(how->address), 0, &where), 0);
        audit_row_octets(&row, AUDIT_MATCHED_ADDRESS, address,
                         audit_address_put(&where, false, address));
    }
    assert_int_equal(audit_log_add(logs->log, AUDIT_DECISIONS, &row, NOW_US), 0);
}

static void open_all(struct gates *gates, const char *rules)
{
    gates_open(gates);
    gates_publish(gates, "new", 6, "one", rules, NULL);
    gates->request.log = "audit";
}

static void without_a_log_it_is_skipped(void **state)
{
    struct gates gates;

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    gates.request.log = NULL;
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_int_equal(gates_of(&gates, GATE_REPLAY), GATE_SKIPPED);
    assert_true(gates_say(&gates, GATE_REPLAY, "there is no audit log"));
    gates.request.log = "audit"; /* which is not there */
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_int_equal(gates_of(&gates, GATE_REPLAY), GATE_SKIPPED);
    assert_true(gates_say(&gates, GATE_REPLAY, "cannot be read"));
    assert_int_equal(mkdir("audit", 0700), 0);
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_int_equal(gates_of(&gates, GATE_REPLAY), GATE_SKIPPED);
    assert_true(gates_say(&gates, GATE_REPLAY, "nothing is recorded of the last 7 days"));
    gates_config("update: {gate: {replay: off}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_true(gates_say(&gates, GATE_REPLAY, "is off"));
    gates_close(&gates);
}

static void names_and_clients_newly_hit_are_told(void **state)
{
    struct gates gates;
    struct logs logs;

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    logs_open(&logs);
    for (unsigned i = 0; i < 10; i++) {
        ask(&logs, HOUR_US, 1 + i % 3, "api.cloud.example");
        ask(&logs, HOUR_US, 1, "www.harmless.example");
        ask(&logs, HOUR_US, 2, "a.example.test"); /* blocked as before */
    }
    ask(&logs, 2 * HOUR_US, 9, "img.cloud.example");
    ask(&logs, 8 * 24 * HOUR_US, 77, "old.cloud.example"); /* too long ago */
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_WARN);
    const struct gate_result *result = &gates.outcome->checks[GATE_REPLAY];
    assert_int_equal(result->verdict, GATE_WARN);
    assert_int_equal(result->found, 2);
    assert_string_equal(result->findings[0].what, "api.cloud.example");
    assert_int_equal(result->findings[0].questions, 10);
    assert_int_equal(result->findings[0].clients, 3);
    assert_string_equal(result->findings[0].rule, "block suffix cloud.example");
    assert_string_equal(result->findings[1].what, "img.cloud.example");
    assert_int_equal(result->findings[1].questions, 1);
    assert_true(gates_say(&gates, GATE_REPLAY,
                          "11 of 31 recorded questions since 2027-01-15T06:00:00Z are newly "
                          "blocked: 2 names, 4 clients"));
    gates_publish(&gates, "new", 7, "one", EXAMPLE GATES_SAY("block suffix x.example"), NULL);
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_int_equal(gates_of(&gates, GATE_REPLAY), GATE_PASS);
    gates_close(&gates);
}

static void more_than_the_limits_are_refused(void **state)
{
    struct gates gates;
    struct logs logs;
    char name[64];

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    logs_open(&logs);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "host%u.cloud.example", i);
        ask(&logs, HOUR_US, i, name);
    }
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_WARN); /* 20 are borne */
    gates_config("update: {gate: {replay-names: 19}}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_REPLAY), GATE_REFUSE);
    gates_config("update: {gate: {replay-clients: 19}}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    gates_override(&gates, GATE_REPLAY, "they were told last week");
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_true(gates.outcome->checks[GATE_REPLAY].overridden);
    gates.request.override_count = 0;
    assert_int_equal(mkdir("state", 0700), 0);
    assert_int_equal(rename("audit", "state/audit"), 0); /* where it is looked for */
    gates.request.log = NULL;
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(rename("state/audit", "elsewhere"), 0); /* or where it is said to be */
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_config("update: {gate: {replay-clients: 19}}\naudit: {directory: elsewhere}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    gates_config("update: {gate: {replay-names: any, replay-clients: any}}\naudit: {directory: "
                 "elsewhere}\n");
    assert_int_equal(gates_run(&gates), GATE_WARN);
    gates_config("update: {gate: {replay-names: 1}}\npolicy: {mode: log}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS); /* nothing is blocked */
    gates_close(&gates);
}

static void a_pass_that_goes_is_seen_in_what_was_asked(void **state)
{
    struct gates gates;
    struct logs logs;

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    gates_publish(&gates, "old", 5, "one",
                  EXAMPLE CLOUD GATES_SAY("pass exact login.cloud.example"), NULL);
    logs_open(&logs);
    ask(&logs, HOUR_US, 1, "login.cloud.example");
    ask(&logs, HOUR_US, 1, "other.cloud.example");
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_int_equal(gates.outcome->checks[GATE_REPLAY].found, 1);
    assert_true(gates_say(&gates, GATE_REPLAY, "was let through by pass exact"));
    gates_close(&gates);
}

static void questions_count_in_their_view_and_by_the_schedule_of_their_time(void **state)
{
    struct gates gates;
    struct logs logs;
    struct audit_row row;

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    gates_config("policy: {mode: log, when: [{schedule: morning, mode: enforce}]}\n"
                 "schedules: {morning: {zone: UTC, hours: ['05:00-06:30']}}\n"
                 "views: {strict: {clients: [10.0.0.7/32], mode: enforce, when: []}}\n");
    logs_open(&logs);
    ask(&logs, HOUR_US, 1, "a.cloud.example");     /* 07:00: recorded, no more */
    ask(&logs, 2 * HOUR_US, 1, "b.cloud.example"); /* 06:00: blocked */
    query_row(&logs.store, NOW_US - HOUR_US, 1, "c.cloud.example", &row);
    audit_row_text(&row, AUDIT_VIEW, "strict");
    assert_int_equal(audit_log_add(logs.log, AUDIT_QUERIES, &row, NOW_US), 0);
    query_row(&logs.store, NOW_US - HOUR_US, 7, "d.cloud.example", &row);
    audit_row_text(&row, AUDIT_VIEW, "gone"); /* by its address it is in strict now */
    assert_int_equal(audit_log_add(logs.log, AUDIT_QUERIES, &row, NOW_US), 0);
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_WARN);
    const struct gate_result *result = &gates.outcome->checks[GATE_REPLAY];
    assert_int_equal(result->found, 3);
    assert_string_equal(result->findings[0].what, "b.cloud.example");
    assert_string_equal(result->findings[0].schedule, "morning");
    assert_string_equal(result->findings[1].what, "c.cloud.example");
    assert_string_equal(result->findings[1].view, "strict");
    assert_string_equal(result->findings[2].view, "strict");
    gates_close(&gates);
}

static void what_answers_led_to_is_seen_where_a_rule_matched(void **state)
{
    static const struct {
        const char *rules;
        struct match how;
    } cases[] = {
        {GATES_SAY("block suffix edge.example"),
         {.trigger = "hop", .chain = "x.edge.example", .matched = "x.edge.example"}},
        {GATES_SAY("block suffix edge.example"),
         {.trigger = "svcb", .matched = "x.edge.example"}},
        {GATES_SAY("block suffix edge.example"), /* on the way, and not what had matched */
         {.trigger = "address",
          .chain = "x.edge.example",
          .matched = "x.other.example",
          .address = "198.51.100.9"}},
        {GATES_SAY("block prefix 198.51.100.0/24"),
         {.trigger = "address", .matched = "x.edge.example", .address = "198.51.100.9"}},
        {GATES_ABOUT("block suffix edge.example", "nameserver"),
         {.trigger = "nameserver", .matched = "ns.edge.example"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gates gates;
        struct logs logs;
        char rules[1024];

        snprintf(rules, sizeof(rules), "%s%s", EXAMPLE, cases[i].rules);
        open_all(&gates, rules);
        logs_open(&logs);
        match(&logs, 3, "shop.example", &cases[i].how);
        match(&logs, 4, "other.example", &(struct match){.trigger = "qname"});
        logs_close(&logs);
        if (gates_run(&gates) != GATE_WARN || gates.outcome->checks[GATE_REPLAY].found != 1) {
            gate_print(gates.outcome, stderr);
            fail_msg("case %zu", i);
        }
        assert_string_equal(gates.outcome->checks[GATE_REPLAY].findings[0].what,
                            "shop.example");
        assert_true(gates_say(&gates, GATE_REPLAY, "1 of 2 recorded matches of rules"));
        assert_true(gates_say(&gates, GATE_REPLAY, "by way of"));
        gates_close(&gates);
        workshop_remove_below("audit");
        workshop_remove_below("old");
        workshop_remove_below("new");
    }
}

static void a_question_in_both_streams_counts_once(void **state)
{
    struct gates gates;
    struct logs logs;

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    logs_open(&logs);
    ask(&logs, HOUR_US, 1, "a.cloud.example");
    match(&logs, 1, "a.cloud.example", &(struct match){.trigger = "qname"});
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_int_equal(gates.outcome->checks[GATE_REPLAY].findings[0].questions, 1);
    assert_true(gates_say(&gates, GATE_REPLAY, "1 of 1 recorded questions"));
    gates_close(&gates);
}

static void a_client_that_a_rule_is_about_is_seen(void **state)
{
    struct gates gates;
    struct logs logs;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one",
                  EXAMPLE GATES_ABOUT("block prefix 10.0.0.9/32", "client"), NULL);
    gates.request.log = "audit";
    logs_open(&logs);
    ask(&logs, HOUR_US, 9, "a.harmless.example");
    ask(&logs, HOUR_US, 8, "b.harmless.example");
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_REFUSE); /* by its own addresses */
    assert_int_equal(gates_of(&gates, GATE_REPLAY), GATE_WARN);
    assert_string_equal(gates.outcome->checks[GATE_REPLAY].findings[0].what,
                        "a.harmless.example");
    gates_close(&gates);
}

/* The gate knows the time to a second. */
static void a_question_of_this_very_second_counts(void **state)
{
    struct gates gates;
    struct logs logs;

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    logs_open(&logs);
    ask(&logs, UINT64_C(0) - 900000, 1, "a.cloud.example");
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_true(gates_say(&gates, GATE_REPLAY, "1 of 1 recorded questions"));
    gates_close(&gates);
}

static void what_nobody_can_decide_is_counted(void **state)
{
    struct gates gates;
    struct logs logs;
    struct audit_row row;
    static const uint8_t bad[] = {3, 'a', 'b'};

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    logs_open(&logs);
    ask(&logs, HOUR_US, 1, "a.cloud.example");
    query_row(&logs.store, NOW_US - HOUR_US, 1, "b.cloud.example", &row);
    audit_row_octets(&row, AUDIT_NAME, bad, sizeof(bad));
    assert_int_equal(audit_log_add(logs.log, AUDIT_QUERIES, &row, NOW_US), 0);
    row.present = 0;
    audit_row_number(&row, AUDIT_TIME, NOW_US - HOUR_US);
    assert_int_equal(audit_log_add(logs.log, AUDIT_QUERIES, &row, NOW_US), 0);
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_true(gates_say(&gates, GATE_REPLAY, "1 of 1 recorded questions"));
    gates_close(&gates);
}

/* Any octets of a file may be others. */
static void a_damaged_log_is_read_as_far_as_it_goes(void **state)
{
    struct gates gates;
    struct logs logs;
    struct random random;

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    logs_open(&logs);
    for (unsigned i = 0; i < 2000; i++) {
        ask(&logs, HOUR_US, i % 50, i % 2 != 0 ? "a.cloud.example" : "b.harmless.example");
    }
    logs_close(&logs);
    chance_init(&random, 7);
    size_t len = 0;
    char *text = workshop_read("audit/0000000001.cordon", &len);
    for (unsigned round = 0; round < 60; round++) {
        const uint32_t at = random_below(&random, (uint32_t)len);
        const char before = text[at];

        text[at] ^= (char)(1 + random_below(&random, 255));
        workshop_write("audit/0000000001.cordon", text, len - random_below(&random, 3));
        text[at] = before;
        /* What was recorded, or nothing: damage never looks like other names or clients. */
        const bool refused = gates_run(&gates) == GATE_REFUSE;
        assert_true(!refused || gates_say(&gates, GATE_REPLAY, "1000 of 2000"));
        assert_true(!refused || gates_say(&gates, GATE_REPLAY, "1 names, 25 clients"));
    }
    free(text);
    gates_close(&gates);
}

static void memory_is_bounded(void **state)
{
    struct gates gates;
    struct logs logs;
    char name[64];

    (void)state;
    open_all(&gates, EXAMPLE CLOUD);
    logs_open(&logs);
    for (unsigned i = 0; i < GATE_REPLAY_NAMES_MAX + 10; i++) {
        snprintf(name, sizeof(name), "host%u.cloud.example", i);
        ask(&logs, HOUR_US, i % 4, name);
    }
    ask(&logs, HOUR_US, 1, "host3.cloud.example");
    logs_close(&logs);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    const struct gate_result *result = &gates.outcome->checks[GATE_REPLAY];
    assert_int_equal(result->found, GATE_REPLAY_NAMES_MAX);
    assert_int_equal(result->count, GATE_FINDINGS_MAX);
    assert_string_equal(result->findings[0].what, "host3.cloud.example");
    assert_true(gates_say(&gates, GATE_REPLAY, "more than 16384 names, 4 clients"));
    gates_close(&gates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(without_a_log_it_is_skipped),
        WORKSHOP_TEST(names_and_clients_newly_hit_are_told),
        WORKSHOP_TEST(more_than_the_limits_are_refused),
        WORKSHOP_TEST(a_pass_that_goes_is_seen_in_what_was_asked),
        WORKSHOP_TEST(questions_count_in_their_view_and_by_the_schedule_of_their_time),
        WORKSHOP_TEST(what_answers_led_to_is_seen_where_a_rule_matched),
        WORKSHOP_TEST(a_question_in_both_streams_counts_once),
        WORKSHOP_TEST(a_client_that_a_rule_is_about_is_seen),
        WORKSHOP_TEST(a_question_of_this_very_second_counts),
        WORKSHOP_TEST(what_nobody_can_decide_is_counted),
        WORKSHOP_TEST(a_damaged_log_is_read_as_far_as_it_goes),
        WORKSHOP_TEST(memory_is_bounded),
    };

    return cmocka_run_group_tests(tests, gates_library, NULL);
}
