/* What somebody changed: into the ring, and out of it as a line. */
#include "audit/change.h"
#include "audit/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
                                 .ticket = "HD-1234",
                                 .until_s = 1795910400,
                                 .kept = true};
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
                "\"until\":\"2026-11-29T00:00:00Z\",\"kept\":true}\n");
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
                         "\"until\":\"2026-11-22T09:30:00Z\",\"kept\":false}\n");
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
    assert_in_range(taken, 8, 14);
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
        cmocka_unit_test(a_pause_that_expired_was_ended_by_the_daemon),
        cmocka_unit_test(a_full_ring_refuses_and_takes_again),
        cmocka_unit_test(texts_as_long_as_they_may_be_fit),
    };

    return cmocka_run_group_tests_name("audit/change", tests, NULL, NULL);
}
