/* What somebody changed: into the ring, and out of it as a line. */
#include "audit/change.h"
#include "audit/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit/same.h"

static struct audit_change an_exception(void)
{
    return (struct audit_change){.wall_us = 1795339800123456,
                                 .what = AUDIT_EXCEPTION_ADDED,
                                 .uid = 1000,
                                 .user = "alice",
                                 .pid = 4711,
                                 .reason = "the \"shop\" cannot pay",
                                 .subject = "pay.example",
                                 .scope = "chain",
                                 .match = "suffix",
                                 .view = "office",
                                 .id = "pay-2026",
                                 .ticket = "HD-1234",
                                 .licence = "GL 5B",
                                 .approver = "A. Person",
                                 .from_s = 1795339860,
                                 .until_s = 1795910400,
                                 .kept = true};
}

/* The audit log shows the same as this line of the record. */
static void assert_row(const void *record, size_t len, const char *line, unsigned sequence,
                       const char *id_of)
{
    struct audit_row row;

    assert_true(audit_change_row(record, len, &row));
    assert_same(&row, line, sequence, id_of);
}

static void assert_line(const struct audit_change *change, const char *expected)
{
    struct ring *ring = ring_create(AUDIT_CHANGE_RING);
    char line[AUDIT_LINE_MAX];
    size_t len = 0;

    assert_true(audit_change_put(ring, change));
    const void *record = ring_peek(ring, &len);
    assert_non_null(record);
    const size_t used = audit_change_line(record, len, 12, line, sizeof(line));
    assert_string_equal(line, expected);
    assert_int_equal(used, strlen(expected));
    assert_row(record, len, line, 12, "\"exception_id\":");
    assert_int_equal(audit_change_line(record, len, 12, line, used), 0); /* no room for 0 */
    assert_int_equal(audit_change_line(record, len, 12, line, 0), 0);
    ring_destroy(ring);
}

static void an_exception_has_every_field(void **state)
{
    const struct audit_change change = an_exception();

    (void)state;
    assert_line(&change,
                "{\"v\":1,\"event\":\"change\",\"seq\":12,"
                "\"time\":\"2026-11-22T09:30:00.123456Z\",\"what\":\"exception-added\","
                "\"by\":\"control\",\"uid\":1000,\"user\":\"alice\",\"pid\":4711,"
                "\"reason\":\"the \\\"shop\\\" cannot pay\",\"list\":null,"
                "\"name\":\"pay.example\",\"match\":\"suffix\",\"scope\":\"chain\","
                "\"view\":\"office\",\"ticket\":\"HD-1234\","
                "\"until\":\"2026-11-29T00:00:00Z\",\"kept\":true,"
                "\"rule\":null,\"id\":\"pay-2026\",\"licence\":\"GL 5B\","
                "\"approver\":\"A. Person\",\"from\":\"2026-11-22T09:31:00Z\","
                "\"file\":null}\n");
}

static void a_pause_that_expired_was_ended_by_the_daemon(void **state)
{
    const struct audit_change change = {.wall_us = 1795339800000000,
                                        .what = AUDIT_PAUSE_EXPIRED,
                                        .by_daemon = true,
                                        .subject = "all",
                                        .until_s = 1795339800};

    (void)state;
    assert_line(&change, "{\"v\":1,\"event\":\"change\",\"seq\":12,"
                         "\"time\":\"2026-11-22T09:30:00.000000Z\",\"what\":\"pause-expired\","
                         "\"by\":\"cordond\",\"uid\":null,\"user\":null,\"pid\":null,"
                         "\"reason\":null,\"list\":\"all\",\"name\":null,\"match\":null,"
                         "\"scope\":null,\"view\":null,\"ticket\":null,"
                         "\"until\":\"2026-11-22T09:30:00Z\",\"kept\":false,"
                         "\"rule\":null,\"id\":null,\"licence\":null,\"approver\":null,"
                         "\"from\":null,\"file\":null}\n");
}

static void a_schedule_has_a_line_of_its_own(void **state)
{
    const struct audit_schedule schedule = {.wall_us = 1795339800000000,
                                            .view = "kids",
                                            .is = "night",
                                            .deny = true,
                                            .action = "nxdomain"};
    struct ring *ring = ring_create(AUDIT_CHANGE_RING);
    char line[AUDIT_LINE_MAX];
    size_t len = 0;

    (void)state;
    assert_true(audit_schedule_put(ring, &schedule));
    const void *record = ring_peek(ring, &len);
    assert_true(audit_change_line(record, len, 3, line, sizeof(line)) > 0);
    assert_string_equal(line, "{\"v\":1,\"event\":\"schedule\",\"seq\":3,"
                              "\"time\":\"2026-11-22T09:30:00.000000Z\",\"view\":\"kids\","
                              "\"schedule\":\"night\",\"before\":null,\"mode\":\"enforce\","
                              "\"action\":\"nxdomain\",\"default\":\"deny\"}\n");
    assert_row(record, len, line, 3, "");
    ring_destroy(ring);
}

static void the_memory_of_what_was_accepted_has_a_line_of_its_own(void **state)
{
    const struct audit_trust trust = {.wall_us = 1795339800000000,
                                      .what = "acknowledged",
                                      .detail = "memory-lost",
                                      .since_s = 1795339700,
                                      .uid = 1000,
                                      .user = "alice",
                                      .pid = 7,
                                      .reason = "compared"};
    struct ring *ring = ring_create(AUDIT_CHANGE_RING);
    char line[AUDIT_LINE_MAX];
    size_t len = 0;

    (void)state;
    assert_true(audit_trust_put(ring, &trust));
    const void *record = ring_peek(ring, &len);
    assert_true(audit_change_line(record, len, 3, line, sizeof(line)) > 0);
    assert_string_equal(line, "{\"v\":1,\"event\":\"trust\",\"seq\":3,"
                              "\"time\":\"2026-11-22T09:30:00.000000Z\","
                              "\"what\":\"acknowledged\",\"publisher\":null,"
                              "\"detail\":\"memory-lost\",\"since\":\"2026-11-22T09:28:20Z\","
                              "\"by\":\"control\",\"uid\":1000,\"user\":\"alice\",\"pid\":7,"
                              "\"reason\":\"compared\"}\n");
    assert_row(record, len, line, 3, "");
    ring_destroy(ring);
}

static void one_for_a_rule_has_no_name(void **state)
{
    struct audit_change change = an_exception();
    struct ring *ring = ring_create(AUDIT_CHANGE_RING);
    char line[AUDIT_LINE_MAX];
    size_t len = 0;

    (void)state;
    change.what = AUDIT_EXCEPTION_RULE_GONE;
    change.by_daemon = true;
    change.is_rule = true;
    change.subject = "l: block suffix pay.example";
    change.match = NULL;
    change.file = "/etc/cordon/x.exceptions";
    assert_true(audit_change_put(ring, &change));
    const void *record = ring_peek(ring, &len);
    assert_true(audit_change_line(record, len, 1, line, sizeof(line)) > 0);
    assert_non_null(strstr(line, "\"what\":\"exception-rule-gone\",\"by\":\"cordond\""));
    assert_non_null(strstr(line, "\"name\":null,\"match\":null"));
    assert_non_null(strstr(line, "\"rule\":\"l: block suffix pay.example\""));
    assert_non_null(strstr(line, "\"file\":\"/etc/cordon/x.exceptions\""));
    ring_destroy(ring);
}

static void a_rollback_says_which_versions(void **state)
{
    const struct audit_change change = {.wall_us = 1795339800000000,
                                        .what = AUDIT_LIST_ROLLED_BACK,
                                        .uid = 1000,
                                        .user = "alice",
                                        .pid = 4711,
                                        .reason = "it blocks the bank",
                                        .subject = "shop",
                                        .kept = true,
                                        .serial = 3,
                                        .serial_before = 5};

    (void)state;
    assert_line(&change,
                "{\"v\":1,\"event\":\"change\",\"seq\":12,"
                "\"time\":\"2026-11-22T09:30:00.000000Z\",\"what\":\"list-rolled-back\","
                "\"by\":\"control\",\"uid\":1000,\"user\":\"alice\",\"pid\":4711,"
                "\"reason\":\"it blocks the bank\",\"list\":\"shop\",\"name\":null,"
                "\"match\":null,\"scope\":null,\"view\":null,\"ticket\":null,\"until\":null,"
                "\"kept\":true,\"rule\":null,\"id\":null,\"licence\":null,\"approver\":null,"
                "\"from\":null,\"file\":null,\"serial\":3,\"serial_before\":5}\n");
}

static void a_file_of_exceptions_has_a_line_of_its_own(void **state)
{
    static const char keys[2][17] = {"0123456789ABCDEF", "FEDCBA9876543210"};
    struct audit_exceptions file = {.wall_us = 1795339800000000,
                                    .file = "/etc/x",
                                    .id = "board",
                                    .serial = 7,
                                    .created_s = 1795339800,
                                    .expires_s = 1795910400,
                                    .count = 3,
                                    .keys = keys,
                                    .key_count = 2};
    struct ring *ring = ring_create(AUDIT_CHANGE_RING);
    char line[AUDIT_LINE_MAX];
    size_t len = 0;

    (void)state;
    assert_true(audit_exceptions_put(ring, &file));
    const void *record = ring_peek(ring, &len);
    assert_true(audit_change_line(record, len, 4, line, sizeof(line)) > 0);
    assert_string_equal(
        line, "{\"v\":1,\"event\":\"exceptions\",\"seq\":4,"
              "\"time\":\"2026-11-22T09:30:00.000000Z\",\"what\":\"taken\",\"file\":\"/etc/x\","
              "\"reason\":null,\"id\":\"board\",\"serial\":7,"
              "\"created\":\"2026-11-22T09:30:00Z\",\"expires\":\"2026-11-29T00:00:00Z\","
              "\"exceptions\":3,\"keys\":[\"0123456789ABCDEF\",\"FEDCBA9876543210\"]}\n");
    assert_row(record, len, line, 4, "\"file_id\":");
    ring_release(ring);
    file = (struct audit_exceptions){
        .wall_us = 1795339800000000, .file = "/etc/x", .reason = "/etc/x:3:1: \"what\""};
    assert_true(audit_exceptions_put(ring, &file));
    record = ring_peek(ring, &len);
    assert_true(audit_change_line(record, len, 5, line, sizeof(line)) > 0);
    assert_string_equal(line, "{\"v\":1,\"event\":\"exceptions\",\"seq\":5,"
                              "\"time\":\"2026-11-22T09:30:00.000000Z\",\"what\":\"refused\","
                              "\"file\":\"/etc/x\",\"reason\":\"/etc/x:3:1: \\\"what\\\"\","
                              "\"id\":null,\"serial\":null,\"created\":null,\"expires\":null,"
                              "\"exceptions\":0,\"keys\":[]}\n");
    assert_row(record, len, line, 5, "\"file_id\":");
    assert_int_equal(audit_change_line(record, 0, 5, line, sizeof(line)), 0);
    ring_destroy(ring);
}

static void a_full_ring_refuses_and_takes_again(void **state)
{
    const struct audit_change change = an_exception();
    struct ring *ring = ring_create(4096);
    unsigned taken = 0;
    size_t len = 0;

    (void)state;
    while (audit_change_put(ring, &change)) {
        taken++;
    }
    assert_in_range(taken, 6, 14);
    assert_non_null(ring_peek(ring, &len));
    ring_release(ring);
    assert_true(audit_change_put(ring, &change));
    ring_destroy(ring);
}

static void texts_as_long_as_they_may_be_fit(void **state)
{
    struct audit_change change = an_exception();
    char reason[513], ticket[129], view[65], name[1025];
    struct ring *ring = ring_create(AUDIT_CHANGE_RING);

    (void)state;
    memset(reason, '"', sizeof(reason) - 1);
    memset(ticket, '\\', sizeof(ticket) - 1);
    memset(view, '"', sizeof(view) - 1);
    memset(name, '\\', sizeof(name) - 1);
    reason[512] = ticket[128] = view[64] = name[1024] = '\0';
    change.reason = reason;
    change.ticket = ticket;
    change.view = view;
    change.subject = name;
    assert_true(audit_change_put(ring, &change));
    ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exception_has_every_field),
        cmocka_unit_test(a_rollback_says_which_versions),
        cmocka_unit_test(a_pause_that_expired_was_ended_by_the_daemon),
        cmocka_unit_test(a_schedule_has_a_line_of_its_own),
        cmocka_unit_test(the_memory_of_what_was_accepted_has_a_line_of_its_own),
        cmocka_unit_test(one_for_a_rule_has_no_name),
        cmocka_unit_test(a_file_of_exceptions_has_a_line_of_its_own),
        cmocka_unit_test(a_full_ring_refuses_and_takes_again),
        cmocka_unit_test(texts_as_long_as_they_may_be_fit),
    };

    return cmocka_run_group_tests_name("audit/change", tests, NULL, NULL);
}
