/* Commands and their arguments: what is taken, and what is refused with which words. */
#include "admin/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct request *read_line(const char *line)
{
    char fault[REQUEST_FAULT_MAX] = "";
    struct request *request = request_read(line, strlen(line), fault);

    if (request == NULL) {
        print_error("%s: %s\n", line, fault);
    }
    assert_non_null(request);
    return request;
}

static void reads_a_command_without_arguments(void **state)
{
    static const char *const lines[] = {"status", "a", "cache-flush", "a1"};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct request *request = read_line(lines[i]);

        assert_string_equal(request_command(request), lines[i]);
        assert_null(request_text(request, "name", 10, false));
        assert_false(request_flag(request, "all"));
        assert_true(request_end(request));
        assert_string_equal(request_fault(request), "");
        request_free(request);
    }
}

static void reads_every_kind_of_argument(void **state)
{
    struct request *request =
        read_line("do {\"name\":\"a\\u00e4\\\"b\",\"count\":42,\"on\":true,\"off\":false}");
    uint64_t count = 7, absent = 7;

    (void)state;
    assert_string_equal(request_command(request), "do");
    assert_string_equal(request_text(request, "name", 10, true), "a\xc3\xa4\"b");
    assert_true(request_number(request, "count", 42, 42, &count));
    assert_int_equal(count, 42);
    assert_false(request_number(request, "absent", 0, 1, &absent));
    assert_int_equal(absent, 7);
    assert_true(request_flag(request, "on"));
    assert_false(request_flag(request, "off"));
    assert_true(request_end(request));
    request_free(request);
}

static void refuses_what_is_no_request(void **state)
{
    static const struct {
        const char *line;
        const char *words; /* part of the fault */
    } rows[] = {
        {"", "expected COMMAND"},                                  /* nothing */
        {" status", "expected COMMAND"},                           /* a space before */
        {"Status", "expected COMMAND"},                            /* upper case */
        {"1a", "expected COMMAND"},                                /* begins with a digit */
        {"-a", "expected COMMAND"},                                /* or a dash */
        {"sta\ttus", "expected COMMAND"},                          /* a tab */
        {"status\r", "expected COMMAND"},                          /* a line end of others */
        {"status{}", "expected COMMAND"},                          /* no space between */
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "expected COMMAND"}, /* 33 letters */
        {"status ", "no JSON object"},                             /* a space behind */
        {"status  {}", "no JSON object"},                          /* two spaces */
        {"status []", "no JSON object"},                           /* an array */
        {"status 1", "no JSON object"},                            /* a number */
        {"status {", "no JSON object"},                            /* cut */
        {"status {}}", "no JSON object"},                          /* something behind */
        {"status {} {}", "no JSON object"},                        /* two */
        {"status {\"a\":1,\"a\":1}", "duplicate"},                 /* twice */
        {"status {\"a\":1,}", "no JSON object"},                   /* a comma too many */
        {"status {a:1}", "no JSON object"},                        /* no quotes */
        {"status {'a':1}", "no JSON object"},                      /* other quotes */
        {"status {\"a\":\"\\u0000\"}", "no JSON object"},          /* a zero octet */
        {"status {\"\\u0000\":1}", "no JSON object"},              /* in a key */
        {"status {\"a\":\"\xff\"}", "no JSON object"},             /* no UTF-8 */
        {"status {\"a\":\"\xc0\x80\"}", "no JSON object"},         /* an overlong zero */
        {"status {\"a\":\"\\ud800\"}", "no JSON object"},          /* half a surrogate pair */
        {"status {\"a\":99999999999999999999}", "no JSON object"}, /* over 64 bits */
        {"status {\"a\":1 /* x */}", "no JSON object"},            /* a comment */
        {"status {\"a\":NaN}", "no JSON object"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char fault[REQUEST_FAULT_MAX] = "";

        assert_null(request_read(rows[i].line, strlen(rows[i].line), fault));
        if (strstr(fault, rows[i].words) == NULL) {
            fail_msg("%s: %s", rows[i].line, fault);
        }
    }
}

static void refuses_arguments_of_the_wrong_kind_or_size(void **state)
{
    static const struct {
        const char *line;
        const char *fault;
    } rows[] = {
        {"do {}", "name: this field is required"},
        {"do {\"name\":1}", "name: expected a string"},
        {"do {\"name\":null}", "name: expected a string"},
        {"do {\"name\":[\"a\"]}", "name: expected a string"},
        {"do {\"name\":{}}", "name: expected a string"},
        {"do {\"name\":\"\"}", "name: expected 1 to 5 octets, not 0"},
        {"do {\"name\":\"abcdef\"}", "name: expected 1 to 5 octets, not 6"},
        {"do {\"name\":\"a\\n\"}", "name: control characters are not allowed"},
        {"do {\"name\":\"a\\u007f\"}", "name: control characters are not allowed"},
        {"do {\"name\":\"a\\u0085\"}", "name: control characters are not allowed"},
        {"do {\"name\":\"a\",\"count\":\"5\"}",
         "count: expected a whole number from 5 to 100"}, /* a word */
        {"do {\"name\":\"a\",\"count\":5.0}", "count: expected a whole number from 5 to 100"},
        {"do {\"name\":\"a\",\"count\":5e1}", "count: expected a whole number from 5 to 100"},
        {"do {\"name\":\"a\",\"count\":-5}", "count: expected a whole number from 5 to 100"},
        {"do {\"name\":\"a\",\"count\":4}", "count: expected a whole number from 5 to 100"},
        {"do {\"name\":\"a\",\"count\":101}", "count: expected a whole number from 5 to 100"},
        {"do {\"name\":\"a\",\"count\":true}", "count: expected a whole number from 5 to 100"},
        {"do {\"name\":\"a\",\"on\":1}", "on: expected true or false"},
        {"do {\"name\":\"a\",\"on\":\"true\"}", "on: expected true or false"},
        {"do {\"name\":\"a\",\"on\":null}", "on: expected true or false"},
        {"do {\"name\":\"a\",\"nam\":1}", "there is no field \"nam\" here"},
        {"do {\"name\":\"a\",\"Name\":\"a\"}", "there is no field \"Name\" here"},
        {"do {\"name\":\"a\",\"\":1}", "there is no field \"\" here"},
        {"do {\"name\":\"a\",\"\\u001b[2J\":1}", "there is no field \"?[2J\" here"},
        /* the first fault counts */
        {"do {\"name\":7,\"count\":1,\"x\":2}", "name: expected a string"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request *request = read_line(rows[i].line);
        uint64_t count = 0;

        request_text(request, "name", 5, true);
        request_number(request, "count", 5, 100, &count);
        request_flag(request, "on");
        assert_int_equal(count, 0);
        assert_false(request_end(request));
        assert_string_equal(request_fault(request), rows[i].fault);
        request_free(request);
    }
}

static void keeps_the_fault_that_a_handler_finds(void **state)
{
    struct request *request = read_line("do {\"name\":\"a\"}");
    char longer[2 * REQUEST_FAULT_MAX];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    request_text(request, "name", 5, true);
    request_refuse(request, "name", "%s is not known %s", "a", longer); /* cut, not lost */
    request_refuse(request, NULL, "another");
    assert_false(request_end(request));
    assert_memory_equal(request_fault(request), "name: a is not known xxx", 24);
    assert_int_equal(strlen(request_fault(request)), REQUEST_FAULT_MAX - 1);
    request_free(request);
}

static void refuses_a_line_over_the_limit(void **state)
{
    char line[REQUEST_LINE_MAX + 1];
    char fault[REQUEST_FAULT_MAX] = "";

    (void)state;
    memset(line, ' ', sizeof(line));
    memcpy(line, "do {", 4);
    line[sizeof(line) - 1] = '}';
    assert_null(request_read(line, sizeof(line), fault));
    assert_non_null(strstr(fault, "longer than 4096"));
    assert_null(request_read_object(line + 3, sizeof(line), fault));
    line[sizeof(line) - 2] = '}';
    struct request *request = request_read(line, sizeof(line) - 1, fault);
    assert_non_null(request);
    request_free(request);
}

/* Nesting as deep as a line can hold is refused or read, and never a fall. */
static void survives_deep_nesting(void **state)
{
    char line[REQUEST_LINE_MAX];
    char fault[REQUEST_FAULT_MAX] = "";

    (void)state;
    memset(line, '[', sizeof(line));
    memcpy(line, "do {\"a\":", 8);
    struct request *request = request_read(line, sizeof(line), fault);
    assert_null(request);
    assert_non_null(strstr(fault, "no JSON object"));
}

static void reads_an_object_alone(void **state)
{
    char fault[REQUEST_FAULT_MAX] = "";
    struct request *request = request_read_object("{\"a\":\"b\"}", 9, fault);

    (void)state;
    assert_non_null(request);
    assert_string_equal(request_command(request), "");
    assert_string_equal(request_text(request, "a", 1, true), "b");
    assert_true(request_end(request));
    request_free(request);
    assert_null(request_read_object("", 0, fault));
    assert_null(request_read_object("do {}", 5, fault));
    assert_null(request_read_object(" {}", 3, fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_command_without_arguments),
        cmocka_unit_test(reads_every_kind_of_argument),
        cmocka_unit_test(refuses_what_is_no_request),
        cmocka_unit_test(refuses_arguments_of_the_wrong_kind_or_size),
        cmocka_unit_test(keeps_the_fault_that_a_handler_finds),
        cmocka_unit_test(refuses_a_line_over_the_limit),
        cmocka_unit_test(survives_deep_nesting),
        cmocka_unit_test(reads_an_object_alone),
    };

    request_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
