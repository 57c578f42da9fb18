/* wire/type: numbers and their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/type.h"

#include <stdio.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static void every_type_survives_the_way_to_text_and_back(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        char text[WIRE_TYPE_TEXT_MAX];
        uint16_t back = 0;
        const size_t len = wire_type_format((uint16_t)type, text);

        assert_int_equal(len, strlen(text));
        assert_true(wire_type_parse(text, len, &back));
        assert_int_equal(back, type);
    }
}

static void reads_types_or_refuses_them(void **state)
{
    static const struct {
        const char *text;
        int type; /* -1: refused */
    } cases[] = {
        {"A", 1},
        {"aaaa", 28},
        {"Https", 65},
        {"NSAP-PTR", 23},
        {"ANY", 255},
        {"CAA", 257},
        {"TYPE1", 1},
        {"type65280", 65280},
        {"TYPE65535", 65535},
        {"TYPE0", 0},
        {"TYPE65536", -1},
        {"TYPE99999", -1}, /* over 16 bits */
        {"TYPE", -1},
        {"TYPE-1", -1},
        {"TYPE 1", -1},
        {"TYPE1x", -1},
        {"TYPE000001", -1},
        {"TYPE18446744073709551617", -1},
        {"", -1},
        {"AA", -1},
        {"AAAAA", -1},
        {"1", -1},
        {"*", -1},
        {"A ", -1},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        uint16_t type = 4711;
        const bool ok = wire_type_parse(cases[i].text, strlen(cases[i].text), &type);

        if (ok != (cases[i].type >= 0) || type != (ok ? cases[i].type : 4711)) {
            fail_msg("case %zu \"%s\": %d, %u", i, cases[i].text, ok, type);
        }
    }
}

static void names_response_codes_and_extended_errors(void **state)
{
    char text[WIRE_TYPE_TEXT_MAX];

    (void)state;
    assert_int_equal(wire_rcode_format(3, text), 8);
    assert_string_equal(text, "NXDOMAIN");
    wire_rcode_format(16, text);
    assert_string_equal(text, "BADVERS");
    wire_rcode_format(12, text);
    assert_string_equal(text, "RCODE12");
    wire_rcode_format(4095, text);
    assert_string_equal(text, "RCODE4095");
    assert_int_equal(wire_rcode_format(4294967295u, text), 15); /* fits to the octet */

    assert_string_equal(wire_ede_name(WIRE_EDE_FORGED), "Forged Answer");
    assert_string_equal(wire_ede_name(WIRE_EDE_BLOCKED), "Blocked");
    assert_string_equal(wire_ede_name(WIRE_EDE_CENSORED), "Censored");
    assert_string_equal(wire_ede_name(WIRE_EDE_FILTERED), "Filtered");
    assert_string_equal(wire_ede_name(WIRE_EDE_PROHIBITED), "Prohibited");
    assert_string_equal(wire_ede_name(WIRE_EDE_NO_REACHABLE), "No Reachable Authority");
    assert_string_equal(wire_ede_name(WIRE_EDE_NETWORK_ERROR), "Network Error");
    assert_string_equal(wire_ede_name(WIRE_EDE_INVALID_DATA), "Invalid Data");
    assert_string_equal(wire_ede_name(WIRE_EDE_NONE), "Unassigned");
    assert_string_equal(wire_ede_name(65535), "Unassigned");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_survives_the_way_to_text_and_back),
        cmocka_unit_test(reads_types_or_refuses_them),
        cmocka_unit_test(names_response_codes_and_extended_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
