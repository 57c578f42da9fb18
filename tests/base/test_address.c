/* base/address: what is read, what is written, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies to an allocation of the exact size, so that one octet too many is seen. */
static int parse(const char *text, size_t len, uint16_t default_port, struct address *out)
{
    char *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, text, len);
    const int rc = address_parse(exact, len, default_port, out);
    free(exact);
    return rc;
}

static void reads_addresses_and_writes_them_in_one_form(void **state)
{
    static const struct {
        const char *text;
        const char *alone;
        const char *with_port;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.1@53"},
        {"192.0.2.1@5353", "192.0.2.1", "192.0.2.1@5353"},
        {"255.255.255.255@65535", "255.255.255.255", "255.255.255.255@65535"},
        {"0.0.0.0@1", "0.0.0.0", "0.0.0.0@1"},
        {"2001:db8::1", "2001:db8::1", "2001:db8::1@53"},
        {"[2001:db8::1]", "2001:db8::1", "2001:db8::1@53"},
        {"[2001:db8::1]@853", "2001:db8::1", "2001:db8::1@853"},
        {"2001:db8::1@853", "2001:db8::1", "2001:db8::1@853"},
        /* RFC 5952: lower case, no leading zeros, the first longest run of zeros */
        {"2001:0DB8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1",
         "2001:db8::1:0:0:1@53"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1@53"},
        {"::", "::", "::@53"},
        {"::1@8053", "::1", "::1@8053"},
        {"fe80::1%lo", "fe80::1%lo", "fe80::1%lo@53"},
        {"[fe80::1%lo]@54", "fe80::1%lo", "fe80::1%lo@54"},
        {"fe80::1%1", "fe80::1%lo", "fe80::1%lo@53"}, /* by number: 1 is the loopback */
        {"fe80::1%4294967295", "fe80::1%4294967295", "fe80::1%4294967295@53"}, /* not there */
        {"fe80::1", "fe80::1", "fe80::1@53"}, /* without a zone, as a client may be recorded */
    };
    char out[ADDRESS_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address;
        struct address again;

        assert_int_equal(parse(rows[i].text, strlen(rows[i].text), 53, &address), 0);
        assert_int_equal(address_format(&address, false, out), strlen(rows[i].alone));
        assert_string_equal(out, rows[i].alone);
        assert_int_equal(address_format(&address, true, out), strlen(rows[i].with_port));
        assert_string_equal(out, rows[i].with_port);
        assert_int_equal(parse(out, strlen(out), 1, &again), 0);
        assert_true(address_equal(&address, &again));
    }
}

static void each_octet_of_an_ipv4_address_is_written_as_by_the_system(void **state)
{
    char have[ADDRESS_TEXT_MAX];
    char want[ADDRESS_TEXT_MAX];

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        const struct address address = {
            .family = ADDRESS_V4,
            .octets = {(uint8_t)i, (uint8_t)(i * 7), (uint8_t)(255 - i), (uint8_t)(i * 31)},
            .port = (uint16_t)(i * 257)};

        assert_non_null(inet_ntop(AF_INET, address.octets, want, sizeof(want)));
        assert_int_equal(address_format(&address, false, have), strlen(want));
        assert_string_equal(have, want);
        snprintf(want + strlen(want), 8, "@%u", (unsigned)address.port);
        assert_int_equal(address_format(&address, true, have), strlen(want));
        assert_string_equal(have, want);
    }
}

/* Each pattern of groups that are zero, small, or full, and IPv4 behind zeros. */
static void each_ipv6_address_is_written_as_by_the_system(void **state)
{
    static const uint16_t groups[4] = {0, 1, 0xffff, 0x20a};
    char have[ADDRESS_TEXT_MAX];
    char want[ADDRESS_TEXT_MAX];

    (void)state;
    for (unsigned pattern = 0; pattern < 1u << 16; pattern++) {
        struct address address = {.family = ADDRESS_V6};

        for (unsigned i = 0; i < 8; i++) {
            const uint16_t group = groups[pattern >> 2 * i & 3];

            address.octets[2 * i] = (uint8_t)(group >> 8);
            address.octets[2 * i + 1] = (uint8_t)group;
        }
        assert_non_null(inet_ntop(AF_INET6, address.octets, want, sizeof(want)));
        assert_int_equal(address_format(&address, false, have), strlen(want));
        assert_string_equal(have, want);
    }
}

static void refuses_what_is_no_address(void **state)
{
    static const char *const rows[] = {
        "",
        "@53",
        "localhost",   /* names are not resolved */
        "192.0.2",     /* three parts */
        "192.0.2.1.1", /* five */
        "192.0.2.256", /* too large */
        "192.0.2.01",  /* a leading zero: octal to some readers */
        "0x7f.0.0.1",  /* other bases */
        "2130706433",  /* one number */
        " 192.0.2.1",  /* spaces */
        "192.0.2.1 ",
        "192.0.2.1:53", /* the port follows an @ */
        "192.0.2.1@",   /* no port */
        "192.0.2.1@0",  /* port 0 means none */
        "192.0.2.1@65536",
        "192.0.2.1@99999999999999999999",
        "192.0.2.1@053", /* a leading zero */
        "192.0.2.1@+53",
        "192.0.2.1@53@53",
        "192.0.2.1@dns",
        "192.0.2.1%lo", /* a zone is IPv6's */
        "[192.0.2.1]",  /* brackets too */
        "[2001:db8::1", /* one bracket */
        "2001:db8::1]",
        "[[2001:db8::1]]",
        "[2001:db8::1]:53",
        "[]",
        "[",
        "2001:db8::1::2", /* two runs */
        "2001:db8",
        "2001:db8:1:2:3:4:5:6:7",
        "2001:db8::12345",
        "2001:db8::g",
        "2001:db8::1%lo", /* not link-local */
        "::1%lo",
        "fe80::1%",  /* an empty zone */
        "fe80::1%0", /* interfaces count from 1 */
        "fe80::1%4294967296",
        "fe80::1%no-such-if0",
        "fe80::1%a-name-that-is-far-too-long",
        "fe80::1%lo%lo",
        "fe80::1/64", /* a prefix */
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = {.port = 7};
        assert_int_equal(parse(rows[i], strlen(rows[i]), 53, &address), CORDON_E_FORMAT);
        assert_int_equal(address.port, 7);
    }
    /* Zero octets inside do not end the text. */
    struct address address;
    assert_int_equal(parse("192.0.2.1\0x", 11, 53, &address), CORDON_E_FORMAT);
    assert_int_equal(parse("fe80::1%lo\0", 11, 53, &address), CORDON_E_FORMAT);
}

static void sockaddrs_go_there_and_back(void **state)
{
    static const char *const rows[] = {"192.0.2.1@53", "0.0.0.0@5300", "[2001:db8::1]@853",
                                       "fe80::1%lo@53"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sockaddr_storage storage;
        struct address address;
        struct address back;

        assert_int_equal(parse(rows[i], strlen(rows[i]), 0, &address), 0);
        const socklen_t len = address_to_sockaddr(&address, &storage);
        assert_int_equal(len, address.family == ADDRESS_V4 ? sizeof(struct sockaddr_in)
                                                           : sizeof(struct sockaddr_in6));
        assert_true(address_from_sockaddr((struct sockaddr *)&storage, &back));
        assert_true(address_equal(&address, &back));
    }
}

static void a_sockaddr_of_another_family_is_refused(void **state)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    struct address address = {.port = 7};

    (void)state;
    assert_false(address_from_sockaddr((struct sockaddr *)&storage, &address));
    storage.ss_family = AF_UNSPEC;
    assert_false(address_from_sockaddr((struct sockaddr *)&storage, &address));
    assert_int_equal(address.port, 7);
}

static void the_scope_of_a_global_address_is_dropped(void **state)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_scope_id = 3};
    struct address address;

    (void)state;
    inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
    assert_true(address_from_sockaddr((struct sockaddr *)&in6, &address));
    assert_int_equal(address.scope, 0);
    inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
    assert_true(address_from_sockaddr((struct sockaddr *)&in6, &address));
    assert_int_equal(address.scope, 3);
}

static struct address of(const char *text)
{
    struct address address = {.port = 0};

    assert_int_equal(parse(text, strlen(text), 0, &address), 0);
    return address;
}

static void kinds_of_addresses_are_known(void **state)
{
    static const struct {
        const char *text;
        bool loopback;
        bool any;
    } rows[] = {
        {"127.0.0.1", true, false},
        {"127.255.255.254", true, false}, /* all of 127/8 */
        {"126.255.255.255", false, false},
        {"128.0.0.1", false, false},
        {"0.0.0.0", false, true},
        {"::1", true, false},
        {"::", false, true},
        {"::2", false, false},
        {"::ffff:127.0.0.1", true, false}, /* mapped */
        {"::ffff:192.0.2.1", false, false},
        {"7f00::1", false, false}, /* begins with 127, but is no IPv4 address */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct address address = of(rows[i].text);
        assert_int_equal(address_is_loopback(&address), rows[i].loopback);
        assert_int_equal(address_is_any(&address), rows[i].any);
    }
}

static void no_address_is_no_kind_of_address(void **state)
{
    const struct address none = {.family = ADDRESS_NONE};
    char out[ADDRESS_TEXT_MAX];

    (void)state;
    assert_false(address_is_any(&none));
    assert_false(address_is_loopback(&none));
    assert_int_equal(address_format(&none, false, out), 4);
    assert_string_equal(out, "none");
}

static void mapped_addresses_become_ipv4(void **state)
{
    struct address address = of("[::ffff:192.0.2.1]@53");
    struct address plain = of("192.0.2.1@53");
    struct address other = of("2001:db8::ffff:c000:201");

    (void)state;
    assert_false(address_equal(&address, &plain));
    address_unmap(&address);
    assert_true(address_equal(&address, &plain));
    address_unmap(&address);
    assert_true(address_equal(&address, &plain));
    const struct address before = other;
    address_unmap(&other);
    assert_true(address_equal(&other, &before));
}

static void a_client_is_named_without_a_port_and_unmapped(void **state)
{
    static const struct {
        const char *text, *plain; /* NULL: refused */
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::ffff:c000:201", "192.0.2.1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"192.0.2.1@53", NULL},
        {"[::1]@53", NULL},
        {"192.0.2.0/24", NULL},
        {"here", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[ADDRESS_TEXT_MAX];
        struct address address = {.family = ADDRESS_NONE};
        const int rc = address_parse_client(rows[i].text, strlen(rows[i].text), &address);

        address_format(&address, false, text);
        assert_int_equal(rc, rows[i].plain != NULL ? 0 : CORDON_E_FORMAT);
        assert_string_equal(text, rows[i].plain != NULL ? rows[i].plain : "none");
    }
}

static void the_ipv4_host_behind_an_ipv6_address_is_found(void **state)
{
    static const struct {
        const char *text;
        const char *host; /* NULL: none */
    } rows[] = {
        {"[::ffff:192.0.2.1]@53", "192.0.2.1@53"},   /* mapped */
        {"[::192.0.2.1]@53", "192.0.2.1@53"},        /* compatible */
        {"[64:ff9b::c000:201]@53", "192.0.2.1@53"},  /* NAT64 */
        {"[2002:c000:201:7::8]@53", "192.0.2.1@53"}, /* 6to4 */
        {"[64:ff9b:1::c000:201]@53", NULL},          /* a network's own prefix */
        {"[64:ff9b::1:c000:201]@53", NULL},          /* not in the first 96 bits */
        {"[2003:c000:201::]@53", NULL},
        {"[::1:ffff:192.0.2.1]@53", NULL},
        {"[2001:db8::192.0.2.1]@53", NULL},
        {"192.0.2.1@53", NULL}, /* is one itself */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct address address = of(rows[i].text);
        struct address host = {.family = ADDRESS_NONE};

        assert_int_equal(address_embedded_v4(&address, &host), rows[i].host != NULL);
        if (rows[i].host != NULL) {
            const struct address expected = of(rows[i].host);
            assert_true(address_equal(&host, &expected));
        } else {
            assert_int_equal(host.family, ADDRESS_NONE);
        }
    }
}

static void equality_looks_at_each_part(void **state)
{
    const struct address a = of("192.0.2.1@53");
    const struct address port = of("192.0.2.1@54");
    const struct address host = of("192.0.2.2@53");
    const struct address family = of("c000:201::@53"); /* the same octets */
    const struct address zone1 = of("fe80::1%1@53");
    const struct address zone2 = of("fe80::1%2@53");

    (void)state;
    assert_true(address_equal(&a, &a));
    assert_false(address_equal(&a, &port));
    assert_true(address_same_host(&a, &port));
    assert_false(address_same_host(&a, &host));
    assert_false(address_same_host(&a, &family));
    assert_false(address_same_host(&zone1, &zone2));
    assert_int_equal(address_octets(&a), 4);
    assert_int_equal(address_octets(&family), 16);
}

static void prefixes_cover_what_lies_inside(void **state)
{
    static const struct {
        const char *prefix;
        const char *address;
        bool covered;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.0", true},
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.0/24", "192.0.1.255", false},
        {"192.0.2.128/25", "192.0.2.128", true}, /* a border inside an octet */
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.4/31", "192.0.2.5", true},
        {"192.0.2.4/31", "192.0.2.6", false},
        {"10.0.0.0/9", "10.127.255.255", true},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"192.0.2.1", "192.0.2.1", true}, /* bare: the whole length */
        {"192.0.2.1", "192.0.2.2", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "2001:db8::1", false}, /* families stay apart */
        {"::/0", "2001:db8::1", true},
        {"::/0", "192.0.2.1", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::1/128", "2001:db8::1", true},
        {"2001:db8::1/128", "2001:db8::", false},
        {"fe80::/10", "fe80::1%lo", true}, /* whatever the zone */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct address address = of(rows[i].address);
        struct address_prefix prefix;

        assert_int_equal(address_prefix_parse(rows[i].prefix, strlen(rows[i].prefix), &prefix),
                         0);
        assert_int_equal(address_prefix_covers(&prefix, &address), rows[i].covered);
    }
}

/* Bit by bit. */
static bool covers(const struct address_prefix *prefix, const struct address *address)
{
    for (unsigned i = 0; i < prefix->bits; i++) {
        if (((prefix->octets[i / 8] ^ address->octets[i / 8]) & 0x80 >> i % 8) != 0) {
            return false;
        }
    }
    return prefix->family == address->family;
}

static void a_prefix_of_each_length_covers_what_has_its_bits(void **state)
{
    struct address address = {.family = ADDRESS_V6};
    struct address_prefix prefix;

    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        address.octets[i] = (uint8_t)(0x5a + 37 * i);
    }
    for (unsigned bits = 0; bits <= 128; bits++) {
        address_prefix_of(&address, bits, &prefix);
        for (unsigned flip = 0; flip <= 128; flip++) { /* 128: none */
            struct address other = address;

            if (flip < 128) {
                other.octets[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
            }
            assert_int_equal(address_prefix_covers(&prefix, &other), covers(&prefix, &other));
            assert_int_equal(address_prefix_covers(&prefix, &other), flip >= bits);
        }
    }
    address.family = ADDRESS_V4;
    assert_false(address_prefix_covers(&prefix, &address));
}

static void prefixes_are_written_with_their_length(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.0/24"},     {"192.0.2.1", "192.0.2.1/32"},
        {"2001:DB8:0::/32", "2001:db8::/32"}, {"::1", "::1/128"},
        {"0.0.0.0/0", "0.0.0.0/0"},
    };
    char out[ADDRESS_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address_prefix prefix;
        assert_int_equal(address_prefix_parse(rows[i].text, strlen(rows[i].text), &prefix), 0);
        assert_int_equal(address_prefix_format(&prefix, out), strlen(rows[i].written));
        assert_string_equal(out, rows[i].written);
    }
}

static void refuses_what_is_no_prefix(void **state)
{
    static const char *const rows[] = {
        "",
        "/",
        "/24",
        "192.0.2.0/",
        "192.0.2.0/33",  /* too long */
        "192.0.2.0/024", /* a leading zero */
        "192.0.2.0/-1",
        "192.0.2.0/24/24",
        "192.0.2.0/24 ",
        "192.0.2.0/255.255.255.0", /* a mask */
        "192.0.2.1/24",            /* host bits */
        "192.0.2.0/22",            /* host bits in the third octet */
        "192.0.2.1/0",
        "192.0.2.128/24", /* the highest host bit */
        "192.0.2/24",     /* short forms */
        "10/8",
        "2001:db8::1/64",     /* host bits, far away */
        "2001:db8:8000::/32", /* and just behind the border */
        "2001:db8::/129",
        "2001:db8::/4294967328", /* 32 once it is cut to 32 bits */
        "[2001:db8::]/32",
        "fe80::%lo/64",
        "192.0.2.0@53",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address_prefix prefix = {.bits = 99};
        assert_int_equal(address_prefix_parse(rows[i], strlen(rows[i]), &prefix),
                         CORDON_E_FORMAT);
        assert_int_equal(prefix.bits, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_addresses_and_writes_them_in_one_form),
        cmocka_unit_test(each_octet_of_an_ipv4_address_is_written_as_by_the_system),
        cmocka_unit_test(each_ipv6_address_is_written_as_by_the_system),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(sockaddrs_go_there_and_back),
        cmocka_unit_test(a_sockaddr_of_another_family_is_refused),
        cmocka_unit_test(the_scope_of_a_global_address_is_dropped),
        cmocka_unit_test(kinds_of_addresses_are_known),
        cmocka_unit_test(no_address_is_no_kind_of_address),
        cmocka_unit_test(mapped_addresses_become_ipv4),
        cmocka_unit_test(a_client_is_named_without_a_port_and_unmapped),
        cmocka_unit_test(the_ipv4_host_behind_an_ipv6_address_is_found),
        cmocka_unit_test(equality_looks_at_each_part),
        cmocka_unit_test(prefixes_cover_what_lies_inside),
        cmocka_unit_test(a_prefix_of_each_length_covers_what_has_its_bits),
        cmocka_unit_test(prefixes_are_written_with_their_length),
        cmocka_unit_test(refuses_what_is_no_prefix),
    };
    return cmocka_run_group_tests_name("base/address", tests, NULL, NULL);
}
