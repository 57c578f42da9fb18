/* local/rebinding: which addresses are of the inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "local/rebinding.h"

#include <string.h>

static void addresses_are_inside_or_outside(void **state)
{
    static const struct {
        const char *text;
        bool inside;
    } cases[] = {
        /* unspecified, private, shared, loopback, link-local: both ends, and the neighbours */
        {"0.0.0.0", true},
        {"0.255.255.255", true},
        {"1.0.0.0", false},
        {"9.255.255.255", false},
        {"10.0.0.0", true},
        {"10.255.255.255", true},
        {"11.0.0.0", false},
        {"100.63.255.255", false},
        {"100.64.0.0", true},
        {"100.127.255.255", true},
        {"100.128.0.0", false},
        {"126.255.255.255", false},
        {"127.0.0.1", true},
        {"127.255.255.255", true},
        {"128.0.0.0", false},
        {"169.253.255.255", false},
        {"169.254.169.254", true},
        {"169.255.0.0", false},
        {"172.15.255.255", false},
        {"172.16.0.0", true},
        {"172.31.255.255", true},
        {"172.32.0.0", false},
        {"192.167.255.255", false},
        {"192.168.0.0", true},
        {"192.168.255.255", true},
        {"192.169.0.0", false},
        {"192.0.2.1", false},
        {"255.255.255.255", false},
        {"::", true},
        {"::1", true},
        {"fc00::1", true},
        {"fdff::1", true},
        {"fbff::1", false},
        {"fe00::1", false},
        {"fe80::1", true},
        {"febf::1", true},
        {"fec0::1", true},
        {"ff02::1", false},
        {"2001:db8::1", false},
        /* IPv4 inside IPv6: mapped, compatible, translated */
        {"::ffff:192.168.1.1", true},
        {"::ffff:192.0.2.1", false},
        {"::ffff:0.0.0.0", true},
        {"::10.0.0.1", true},
        {"::192.0.2.1", false},
        {"64:ff9b::10.0.0.1", true},
        {"64:ff9b::192.0.2.1", false},
        {"64:ff9b:1::10.0.0.1", false}, /* another prefix: the address may stand elsewhere */
        {"::1:0:10.0.0.1", false},
        {"2002:a00:1::1", true}, /* 6to4 */
        {"2002:c000:201::1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;

        assert_int_equal(address_parse(cases[i].text, strlen(cases[i].text), 0, &address), 0);
        if (local_is_inside(&address) != cases[i].inside) {
            fail_msg("%s", cases[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_inside_or_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
