/* wire/rdata: rdata that has the fields of its type, and no compressed name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/notation.h"
#include "wire/rdata.h"
#include "wire/type.h"

#include <stdlib.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static void rdata_is_whole_or_not(void **state)
{
    static const struct {
        uint16_t type;
        bool whole;
        const char *rdata;
    } cases[] = {
        {WIRE_A, true, "01020304"},
        {WIRE_A, false, "010203"},
        {WIRE_A, false, "0102030405"},
        {WIRE_A, false, ""},
        {WIRE_AAAA, true, "{16:05}"},
        {WIRE_AAAA, false, "{15:05}"},
        {WIRE_CNAME, true, "<www.Example>"},
        {WIRE_CNAME, true, "00"},
        {WIRE_CNAME, false, ""},
        {WIRE_CNAME, false, "<www.Example> 00"},
        {WIRE_CNAME, false, "03'www'"},
        {WIRE_CNAME, false, "c000"},
        {WIRE_MX, true, "000a <m>"},
        {WIRE_MX, false, "000a"},
        {WIRE_MX, false, "00 <m>"},
        /* a pointer to octets of the rdata itself is well formed, and compressed */
        {WIRE_SOA, true, "<a> <b> {20:05}"},
        {WIRE_SOA, false, "<a> 01'b' c000 {20:05}"},
        {WIRE_SOA, false, "<a> c000 {20:05}"},
        {WIRE_SOA, false, "<a> <b> {19:05}"},
        {WIRE_SOA, false, "<a> <b> {21:05}"},
        {WIRE_TXT, true, "01'a' 00 02'bc'"},
        {WIRE_TXT, false, ""},
        {WIRE_TXT, false, "02'a'"},
        {WIRE_TXT, false, "01'a' 01"},
        {WIRE_NAPTR, true, "00010002 01's' 00 01'r' 00"},
        {WIRE_NAPTR, false, "00010002 01's' 00 01'r'"},
        {WIRE_NAPTR, false, "00010002 01's' 05 01'r' 00"},
        {WIRE_SRV, true, "000100020003 <t>"},
        {WIRE_SRV, false, "000100020003"},
        {WIRE_HTTPS, true, "0001 00"},
        {WIRE_HTTPS, true, "0001 00 0001"},
        {WIRE_HTTPS, false, "0001"},
        /* nothing is known of it */
        {65280, true, ""},
        {65280, true, "c000"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        size_t len = 0;
        uint8_t *octets = notation(cases[i].rdata, &len); /* nothing may be read behind it */

        if (wire_rdata_is_whole(cases[i].type, octets, len) != cases[i].whole) {
            fail_msg("case %zu: %u %s", i, cases[i].type, cases[i].rdata);
        }
        free(octets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rdata_is_whole_or_not)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
