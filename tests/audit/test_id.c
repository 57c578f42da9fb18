/* audit/id: one event has one spelling, and nothing else is read as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/id.h"

#include <string.h>

static void what_is_printed_is_read(void **state)
{
    static const struct {
        struct audit_id id;
        const char *text;
    } rows[] = {
        {{1, AUDIT_DECISIONS, 0}, "d0"},
        {{1, AUDIT_QUERIES, 17}, "q17"},
        {{1, AUDIT_CHANGES, 10000000}, "c10000000"},
        {{2, AUDIT_DECISIONS, 17}, "2-d17"},
        {{1000, AUDIT_QUERIES, INT64_MAX}, "1000-q9223372036854775807"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[AUDIT_ID_TEXT_MAX];
        struct audit_id id;

        assert_int_equal(audit_id_format(&rows[i].id, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        assert_true(audit_id_parse(text, strlen(text), &id));
        assert_int_equal(id.log, rows[i].id.log);
        assert_int_equal(id.stream, rows[i].id.stream);
        assert_int_equal(id.event, rows[i].id.event);
    }
}

static void nothing_else_is_one(void **state)
{
    static const char *const rows[] = {
        "",
        "d",
        "17",
        "x17",
        "D17",                  /* capital */
        "d017",                 /* another spelling of d17 */
        "d00",                  /* of d0 */
        "d-1",                  /* below zero */
        "d+1",                  /* a sign */
        "d1 ",                  /* something behind it */
        " d1",                  /* something before it */
        "d1d2",                 /* two of them */
        "d0x10",                /* no decimal number */
        "d9223372036854775808", /* 2^63 */
        "d99999999999999999999999",
        "1-d17",    /* the first log is not named */
        "0-d17",    /* there is none */
        "02-d17",   /* another spelling of 2 */
        "1001-d17", /* more than there can be */
        "99999999999999999999-d1",
        "2-",     /* no event */
        "2-17",   /* no stream */
        "2d17",   /* no dash */
        "-d17",   /* no number */
        "2--d17", /* one dash too many */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct audit_id id = {7, AUDIT_CHANGES, 7};

        if (audit_id_parse(rows[i], strlen(rows[i]), &id)) {
            fail_msg("'%s' was read", rows[i]);
        }
        assert_int_equal(id.event, 7);
    }
    assert_false(audit_id_parse("d1\0", 3, &(struct audit_id){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read),
        cmocka_unit_test(nothing_else_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
