/* local/special: which names are special, and where their zones begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "local/local.h"

#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

#define ZEROS7  "0.0.0.0.0.0.0."
#define ZEROS31 ZEROS7 ZEROS7 ZEROS7 ZEROS7 "0.0.0."

static void each_name_is_special_or_not(void **state)
{
    static const struct {
        const char *name;
        enum local_special special;
        const char *apex;
    } cases[] = {
        /* RFC 6761, 6.3: the name itself and all below, but not what only ends like it */
        {"localhost", LOCAL_SPECIAL_LOOPBACK, "localhost"},
        {"a.B.LocalHost", LOCAL_SPECIAL_LOOPBACK, "localhost"},
        {"notlocalhost", LOCAL_SPECIAL_NOT, NULL},
        {"localhost.example", LOCAL_SPECIAL_NOT, NULL},
        /* RFC 6761, 6.4; RFC 6762, 22.1; RFC 7686, 2 */
        {"invalid", LOCAL_SPECIAL_NEVER, "."},
        {"x.invalid", LOCAL_SPECIAL_NEVER, "."},
        {"printer.local", LOCAL_SPECIAL_NEVER, "."},
        {"x.onion", LOCAL_SPECIAL_NEVER, "."},
        {"onion.example", LOCAL_SPECIAL_NOT, NULL},
        {"locals", LOCAL_SPECIAL_NOT, NULL},
        {"loca", LOCAL_SPECIAL_NOT, NULL},
        /* the root, test (forwarded), example, arpa alone */
        {".", LOCAL_SPECIAL_NOT, NULL},
        {"test", LOCAL_SPECIAL_NOT, NULL},
        {"www.example.com", LOCAL_SPECIAL_NOT, NULL},
        {"arpa", LOCAL_SPECIAL_NOT, NULL},
        {"in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"ipv4only.arpa", LOCAL_SPECIAL_NOT, NULL}, /* RFC 8880, 7.1: asked for like others */
        {"home", LOCAL_SPECIAL_NOT, NULL},
        {"home.arpa.example", LOCAL_SPECIAL_NOT, NULL},
        /* RFC 8375 and RFC 9462 */
        {"home.arpa", LOCAL_SPECIAL_ZONE, "home.arpa"},
        {"nas.home.arpa", LOCAL_SPECIAL_ZONE, "home.arpa"},
        {"xhome.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"resolver.arpa", LOCAL_SPECIAL_EMPTY, "resolver.arpa"},
        {"_dns.resolver.arpa", LOCAL_SPECIAL_EMPTY, "resolver.arpa"},
        /* RFC 6303, 4.2: private addresses, and their neighbours */
        {"10.in-addr.arpa", LOCAL_SPECIAL_ZONE, "10.in-addr.arpa"},
        {"4.3.2.10.in-addr.arpa", LOCAL_SPECIAL_ZONE, "10.in-addr.arpa"},
        {"lb._dns-sd._udp.0.2.0.10.in-addr.arpa", LOCAL_SPECIAL_ZONE, "10.in-addr.arpa"},
        {"x.10.in-addr.arpa", LOCAL_SPECIAL_ZONE, "10.in-addr.arpa"},
        {"5.4.3.2.10.in-addr.arpa", LOCAL_SPECIAL_ZONE, "10.in-addr.arpa"},
        {"9.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"11.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"010.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL}, /* not how an address is written */
        {"266.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL}, /* 10 in eight bits */
        {"0010.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"172.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"15.172.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"16.172.in-addr.arpa", LOCAL_SPECIAL_ZONE, "16.172.in-addr.arpa"},
        {"1.2.31.172.in-addr.arpa", LOCAL_SPECIAL_ZONE, "31.172.in-addr.arpa"},
        {"32.172.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"192.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"168.192.in-addr.arpa", LOCAL_SPECIAL_ZONE, "168.192.in-addr.arpa"},
        {"1.0.168.192.in-addr.arpa", LOCAL_SPECIAL_ZONE, "168.192.in-addr.arpa"},
        {"1.0.169.192.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        /* RFC 6303, 4.3: this network, loopback, link-local, documentation, broadcast */
        {"0.in-addr.arpa", LOCAL_SPECIAL_ZONE, "0.in-addr.arpa"},
        {"1.0.0.127.in-addr.arpa", LOCAL_SPECIAL_ZONE, "127.in-addr.arpa"},
        {"9.9.254.169.in-addr.arpa", LOCAL_SPECIAL_ZONE, "254.169.in-addr.arpa"},
        {"1.2.0.192.in-addr.arpa", LOCAL_SPECIAL_ZONE, "2.0.192.in-addr.arpa"},
        {"0.192.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"1.100.51.198.in-addr.arpa", LOCAL_SPECIAL_ZONE, "100.51.198.in-addr.arpa"},
        {"1.113.0.203.in-addr.arpa", LOCAL_SPECIAL_ZONE, "113.0.203.in-addr.arpa"},
        {"255.255.255.255.in-addr.arpa", LOCAL_SPECIAL_ZONE, "255.255.255.255.in-addr.arpa"},
        {"254.255.255.255.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        /* RFC 7793: shared address space */
        {"1.1.64.100.in-addr.arpa", LOCAL_SPECIAL_ZONE, "64.100.in-addr.arpa"},
        {"127.100.in-addr.arpa", LOCAL_SPECIAL_ZONE, "127.100.in-addr.arpa"},
        {"63.100.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"128.100.in-addr.arpa", LOCAL_SPECIAL_NOT, NULL},
        /* RFC 6303, 4.4 to 4.7 */
        {"0." ZEROS31 "ip6.arpa", LOCAL_SPECIAL_ZONE, "0." ZEROS31 "ip6.arpa"},
        {"1." ZEROS31 "ip6.arpa", LOCAL_SPECIAL_ZONE, "1." ZEROS31 "ip6.arpa"},
        {"2." ZEROS31 "ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
        {ZEROS31 "ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"d.f.ip6.arpa", LOCAL_SPECIAL_ZONE, "d.f.ip6.arpa"},
        {"1.0.D.F.ip6.arpa", LOCAL_SPECIAL_ZONE, "d.f.ip6.arpa"},
        {"c.f.ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"e.f.ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"8.e.f.ip6.arpa", LOCAL_SPECIAL_ZONE, "8.e.f.ip6.arpa"},
        {"0.b.e.f.ip6.arpa", LOCAL_SPECIAL_ZONE, "b.e.f.ip6.arpa"},
        {"7.e.f.ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"c.e.f.ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"8.b.d.0.1.0.0.2.ip6.arpa", LOCAL_SPECIAL_ZONE, "8.b.d.0.1.0.0.2.ip6.arpa"},
        {"b.d.0.1.0.0.2.ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
        {"g.d.f.ip6.arpa", LOCAL_SPECIAL_ZONE, "d.f.ip6.arpa"},
        {"0d.f.ip6.arpa", LOCAL_SPECIAL_NOT, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct wire_name name = name_of(cases[i].name);
        uint8_t apex = 99;
        const enum local_special special = local_special_of(&name, &apex);

        if (special != cases[i].special) {
            fail_msg("%s: %d", cases[i].name, special);
        }
        if (cases[i].apex == NULL) {
            assert_int_equal(apex, 99);
        } else {
            const struct wire_name want = name_of(cases[i].apex);
            struct wire_name have;

            assert_true(apex <= name.labels);
            wire_name_suffix(&name, apex, &have);
            assert_true(wire_name_equal(&have, &want));
        }
    }
}

static void an_address_and_its_name_belong_together(void **state)
{
    static const struct {
        const char *address, *name;
    } cases[] = {
        {"192.0.2.10", "10.2.0.192.in-addr.arpa"},
        {"0.0.0.0", "0.0.0.0.in-addr.arpa"},
        {"255.255.255.255", "255.255.255.255.in-addr.arpa"},
        {"2001:db8::10",
         "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
        {"fedc:ba98:7654:3210:123:4567:89ab:cdef",
         "f.e.d.c.b.a.9.8.7.6.5.4.3.2.1.0.0.1.2.3.4.5.6.7.8.9.a.b.c.d.e.f.ip6.arpa"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct wire_name want = name_of(cases[i].name);
        struct address_prefix prefix;
        struct address address;
        struct wire_name name;

        assert_int_equal(address_parse(cases[i].address, strlen(cases[i].address), 0, &address),
                         0);
        local_reverse_name(&address, &name);
        assert_true(wire_name_equal(&name, &want));
        assert_true(local_reverse_prefix(&name, &prefix));
        assert_int_equal(prefix.family, address.family);
        assert_int_equal(prefix.bits, 8 * address_octets(&address));
        assert_memory_equal(prefix.octets, address.octets, sizeof(address.octets));
    }
}

/* Every private address, octet by octet, against the zones as RFC 6303 lists them. */
static void no_private_address_is_asked_about(void **state)
{
    static const char *const prefixes[] = {"10.0.0.0/8",  "172.16.0.0/12",  "192.168.0.0/16",
                                           "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
                                           "0.0.0.0/8"};

    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        const struct address address = {.octets = {(uint8_t)(i >> 8), (uint8_t)i, 3, 4},
                                        .family = ADDRESS_V4};
        struct wire_name name;
        bool inside = false;
        uint8_t apex;

        for (size_t p = 0; p < ITEMS(prefixes); p++) {
            struct address_prefix prefix;

            assert_int_equal(address_prefix_parse(prefixes[p], strlen(prefixes[p]), &prefix),
                             0);
            inside = inside || address_prefix_covers(&prefix, &address);
        }
        local_reverse_name(&address, &name);
        assert_int_equal(local_special_of(&name, &apex) == LOCAL_SPECIAL_ZONE, inside);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_special_or_not),
        cmocka_unit_test(an_address_and_its_name_belong_together),
        cmocka_unit_test(no_private_address_is_asked_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
