/* local/names and local/hosts: what the operator says of names, found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "local/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t hash_key[SIPHASH_KEY_OCTETS] = {1, 2, 3};

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

/* What hosts text makes of it; *all: the report, "; " between. */
static struct local_names *read_hosts(const char *text, size_t len, char *all, size_t size)
{
    struct local_builder *builder = local_builder_create();
    struct local_names *names = NULL;
    struct report report;
    /* a copy without a zero octet behind it: nothing may be read there */
    char *copy = malloc(len > 0 ? len : 1);

    assert_non_null(builder);
    assert_non_null(copy);
    memcpy(copy, text, len);
    report_init(&report);
    assert_int_equal(local_hosts_read(copy, len, "hosts", builder, &report), 0);
    free(copy);
    assert_int_equal(local_names_build(builder, 60, hash_key, &report, &names), 0);
    assert_int_equal(report.errors, 0);
    all[0] = '\0';
    for (size_t i = 0; i < report.count; i++) {
        const size_t used = strlen(all);
        snprintf(all + used, size - used, "%s%s", i > 0 ? "; " : "", report.entries[i].text);
    }
    report_deinit(&report);
    local_builder_free(builder);
    return names;
}

/* "192.0.2.1 192.0.2.2", "" for none of the type, "-" if the name is not there. */
static const char *found(const struct local_names *names, const char *text, uint16_t type,
                         char words[1024])
{
    const struct wire_name name = name_of(text);
    struct local_records records;

    words[0] = '\0';
    if (!local_names_find(names, &name, type, &records)) {
        return "-";
    }
    for (size_t i = 0; i < records.count; i++) {
        const uint8_t *rdata = records.rdata + i * records.len;
        const size_t used = strlen(words);
        char one[WIRE_NAME_TEXT_MAX];

        if (type == WIRE_PTR) {
            struct wire_name target;
            size_t pos = 0;
            assert_int_equal(wire_name_read(rdata, records.len, &pos, &target), WIRE_OK);
            assert_int_equal(pos, records.len);
            wire_name_to_text(&target, one);
        } else {
            struct address address = {.family = type == WIRE_A ? ADDRESS_V4 : ADDRESS_V6};
            assert_int_equal(records.len, address_octets(&address));
            memcpy(address.octets, rdata, records.len);
            address_format(&address, false, one);
        }
        snprintf(words + used, 1024 - used, "%s%s", i > 0 ? " " : "", one);
    }
    return words;
}

static void a_hosts_file_is_read_as_every_system_reads_it(void **state)
{
    static const char text[] = "# a comment\n"
                               "\n"
                               "127.0.0.1\tlocalhost\r\n"
                               "::1 localhost ip6-localhost\n"
                               "  192.0.2.10   Printer.LAN printer  # alias\n"
                               "2001:db8::10 printer.lan.\n"
                               "192.0.2.11 printer.lan\n"
                               "192.0.2.10 other.lan\n"
                               "192.0.2.10 printer.lan\n"
                               "0.0.0.0 ads.example\n"
                               "10.0.0.1 a_b.lan\n"
                               "192.0.2.12 last.lan";
    static const struct {
        const char *name;
        uint16_t type;
        const char *words;
    } cases[] = {
        {"printer.lan", WIRE_A, "192.0.2.10 192.0.2.11"}, /* once each, as they came */
        {"printer.lan", WIRE_AAAA, "2001:db8::10"},
        {"printer", WIRE_A, "192.0.2.10"},
        {"printer", WIRE_AAAA, ""},
        {"printer.lan", WIRE_MX, ""},
        {"last.lan", WIRE_A, "192.0.2.12"}, /* without an end of line */
        {"a_b.lan", WIRE_A, "10.0.0.1"},
        {"ads.example", WIRE_A, "0.0.0.0"},
        {"lan", WIRE_A, "-"},
        {"x.printer.lan", WIRE_A, "-"},
        {"alias", WIRE_A, "-"}, /* of a comment */
        /* the way back leads to the first name */
        {"10.2.0.192.in-addr.arpa", WIRE_PTR, "printer.lan"},
        {"11.2.0.192.in-addr.arpa", WIRE_PTR, "printer.lan"},
        {"10.2.0.192.in-addr.arpa", WIRE_A, ""},
        {"0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", WIRE_PTR,
         "printer.lan"},
        /* except from addresses that many names share */
        {"1.0.0.127.in-addr.arpa", WIRE_PTR, "-"},
        {"0.0.0.0.in-addr.arpa", WIRE_PTR, "-"},
    };
    char words[1024];
    struct local_names *names = read_hosts(text, sizeof(text) - 1, words, sizeof(words));

    (void)state;
    assert_string_equal(words, "");
    for (size_t i = 0; i < ITEMS(cases); i++) {
        assert_string_equal(found(names, cases[i].name, cases[i].type, words), cases[i].words);
    }
    local_names_free(names);
}

static void lines_that_cannot_be_used_are_named_and_left_out(void **state)
{
    static const struct {
        const char *line, *report;
    } cases[] = {
        {"printer 192.0.2.1", "hosts:1: left out: \"printer\": the line does not begin with an "
                              "IP address"},
        {"192.0.2.1@53 a.lan", "hosts:1: left out: \"192.0.2.1@53\": the line does not begin "
                               "with an IP address"},
        {"[2001:db8::1] a.lan", "hosts:1: left out: \"[2001:db8::1]\": the line does not begin "
                                "with an IP address"},
        {"192.0.2.0/24 a.lan", "hosts:1: left out: \"192.0.2.0/24\": the line does not begin "
                               "with an IP address"},
        {"fe80::1%lo a.lan", "hosts:1: left out: \"fe80::1%lo\": an address record cannot name "
                             "an interface of this machine"},
        {"fe80::1%nosuch0 a.lan", "hosts:1: left out: \"fe80::1%nosuch0\": an address record "
                                  "cannot name an interface of this machine"},
        {"192.0.2.1", "hosts:1: left out: \"192.0.2.1\": no name follows the address"},
        {"192.0.2.1 # a.lan", "hosts:1: left out: \"192.0.2.1\": no name follows the address"},
        {"\n192.0.2.1 a..lan", "hosts:2: left out: \"a..lan\": an empty label (a leading dot, "
                               "two dots in a row, or no name at all)"},
        {"192.0.2.1 .", "hosts:1: left out: \".\": the root has no address"},
        {"192.0.2.1 localhost", "hosts:1: left out: \"localhost\": names in localhost are this "
                                "machine's alone (RFC 6761): programs trust that"},
        {"192.0.2.1 x.onion", "hosts:1: left out: \"x.onion\": names in invalid and onion "
                              "never exist (RFC 6761, RFC 7686)"},
        {"192.0.2.1 x.invalid", "hosts:1: left out: \"x.invalid\": names in invalid and onion "
                                "never exist (RFC 6761, RFC 7686)"},
        {"192.0.2.1 _dns.resolver.arpa",
         "hosts:1: left out: \"_dns.resolver.arpa\": names in resolver.arpa are for the "
         "discovery of resolvers (RFC 9462)"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        char report[2048];
        struct local_names *names =
            read_hosts(cases[i].line, strlen(cases[i].line), report, sizeof(report));

        assert_string_equal(report, cases[i].report);
        assert_int_equal(local_names_count(names), 0);
        local_names_free(names);
    }
}

static void names_of_the_place_may_be_in_local_and_home_arpa(void **state)
{
    static const char text[] = "192.0.2.1 nas.local nas.home.arpa a.lan\n127.0.0.2 x.localhost";
    char words[1024];
    struct local_names *names = read_hosts(text, sizeof(text) - 1, words, sizeof(words));

    (void)state;
    assert_string_equal(words, "");
    assert_string_equal(found(names, "nas.local", WIRE_A, words), "192.0.2.1");
    assert_string_equal(found(names, "nas.home.arpa", WIRE_A, words), "192.0.2.1");
    local_names_free(names);
}

static void what_is_below_a_name_makes_it_exist(void **state)
{
    static const char text[] = "192.0.2.1 x.b.lan b.lanx\n192.0.2.2 a-b.lan";
    static const struct {
        const char *name;
        bool below;
    } cases[] = {
        {"lan", true},
        {"b.lan", true},
        {"x.b.lan", false},
        {"a-b.lan", false},
        {"a.lan", false},
        {"lanx", true},
        {"la", false},
        {"zzz", false},
        {"a.b.lan", false},
        {"2.0.192.in-addr.arpa", true},
        {"3.0.192.in-addr.arpa", false},
        {"arpa", true},
        {".", true},
    };
    char words[1024];
    struct local_names *names = read_hosts(text, sizeof(text) - 1, words, sizeof(words));

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct wire_name name = name_of(cases[i].name);

        if (local_names_below(names, &name) != cases[i].below) {
            fail_msg("%s", cases[i].name);
        }
    }
    local_names_free(names);
}

static void one_name_has_32_addresses_at_most(void **state)
{
    struct local_builder *builder = local_builder_create();
    const struct wire_name name = name_of("many.lan");
    struct local_records records;
    struct local_names *names;
    struct report report;

    (void)state;
    report_init(&report);
    for (uint8_t i = 1; i <= LOCAL_ADDRESSES_MAX + 1; i++) {
        const struct address v4 = {.octets = {192, 0, 2, i}, .family = ADDRESS_V4};
        const struct address v6 = {.octets = {0x20, 1, 0xd, 0xb8, [15] = i},
                                   .family = ADDRESS_V6};

        assert_int_equal(local_builder_add(builder, &name, &v4), 0);
        if (i <= LOCAL_ADDRESSES_MAX) {
            assert_int_equal(local_builder_add(builder, &name, &v6), 0);
        }
    }
    assert_int_equal(local_names_build(builder, 60, hash_key, &report, &names), 0);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.entries[0].text, "local: many.lan has more than 32 addresses of "
                                                "one kind: the first are answered");
    assert_true(local_names_find(names, &name, WIRE_A, &records));
    assert_int_equal(records.count, 32);
    assert_int_equal(records.rdata[31 * 4 + 3], 32);
    assert_true(local_names_find(names, &name, WIRE_AAAA, &records));
    assert_int_equal(records.count, 32);
    report_deinit(&report);
    local_names_free(names);
    local_builder_free(builder);
}

/* 100,000 names, each found with its own address, and no other. */
static void a_full_table_finds_each_name_and_no_other(void **state)
{
    struct local_builder *builder = local_builder_create();
    struct local_names *names;
    struct local_records records;
    char text[64];

    (void)state;
    for (unsigned i = 0; i < LOCAL_RECORDS_MAX; i++) {
        const struct address address = {
            .octets = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
            .family = ADDRESS_V4};

        snprintf(text, sizeof(text), "host-%u.site-%u.lan", i, i % 100);
        const struct wire_name name = name_of(text);
        assert_int_equal(local_builder_add(builder, &name, &address), 0);
    }
    const struct wire_name more = name_of("one-more.lan");
    const struct address address = {.octets = {192, 0, 2, 1}, .family = ADDRESS_V4};
    assert_int_equal(local_builder_add(builder, &more, &address), CORDON_E_TOO_LARGE);
    assert_int_equal(local_names_build(builder, 60, hash_key, NULL, &names), 0);
    local_builder_free(builder);
    assert_int_equal(local_names_count(names), 2 * LOCAL_RECORDS_MAX);
    assert_false(local_names_find(names, &more, WIRE_A, &records));
    for (unsigned i = 0; i < LOCAL_RECORDS_MAX; i++) {
        const uint8_t want[] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        struct wire_name name;

        snprintf(text, sizeof(text), "host-%u.site-%u.lan", i, i % 100);
        name = name_of(text);
        assert_true(local_names_find(names, &name, WIRE_A, &records));
        assert_int_equal(records.count, 1);
        assert_memory_equal(records.rdata, want, 4);
        snprintf(text, sizeof(text), "host-%u.site-%u.lan", i, (i + 1) % 100);
        name = name_of(text);
        assert_false(local_names_find(names, &name, WIRE_A, &records));
    }
    local_names_free(names);
}

static void a_file_with_more_names_is_refused(void **state)
{
    struct local_builder *builder = local_builder_create();
    const size_t size = (size_t)(LOCAL_RECORDS_MAX + 1) * 32;
    char *text = malloc(size);
    struct report report;
    size_t used = 0;

    (void)state;
    assert_non_null(text);
    for (unsigned i = 0; i <= LOCAL_RECORDS_MAX; i++) {
        used += (size_t)snprintf(text + used, size - used, "0.0.0.0 a%u.example\n", i);
    }
    report_init(&report);
    assert_int_equal(local_hosts_read(text, used, "hosts", builder, &report),
                     CORDON_E_TOO_LARGE);
    assert_string_equal(report.entries[0].text,
                        "hosts:100001: more than 100000 names: what is to be blocked belongs "
                        "into a list");
    report_deinit(&report);
    free(text);
    local_builder_free(builder);
}

/* Octets of any kind are read or refused, never more than there are. */
static void no_octets_of_a_file_do_harm(void **state)
{
    static const char alphabet[] = "1.:a \n\t#%@[\0\xff\x80/";
    uint32_t seed = 7;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        char text[64];
        char words[16384];
        const size_t len = i % sizeof(text);

        for (size_t at = 0; at < len; at++) {
            seed = seed * 1664525u + 1013904223u;
            text[at] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        }
        local_names_free(read_hosts(text, len, words, sizeof(words)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hosts_file_is_read_as_every_system_reads_it),
        cmocka_unit_test(lines_that_cannot_be_used_are_named_and_left_out),
        cmocka_unit_test(names_of_the_place_may_be_in_local_and_home_arpa),
        cmocka_unit_test(what_is_below_a_name_makes_it_exist),
        cmocka_unit_test(one_name_has_32_addresses_at_most),
        cmocka_unit_test(a_full_table_finds_each_name_and_no_other),
        cmocka_unit_test(a_file_with_more_names_is_refused),
        cmocka_unit_test(no_octets_of_a_file_do_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
