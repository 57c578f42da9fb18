/* config/local: names of the place, as they are read, printed and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/refusal.h"

#include <stdlib.h>

static void names_of_the_place_are_read_and_printed(void **state)
{
    static const char text[] = "local:\n"
                               "  special: off\n"
                               "  ttl: 5m\n"
                               "  records:\n"
                               "    printer.lan: 192.0.2.10\n"
                               "    \"Nas.lan.\": [192.0.2.11, \"2001:db8::11\"]\n"
                               "  hosts: [/etc/hosts, more hosts]\n"
                               "  zones: [/etc/home.zone, zones/arpa]\n"
                               "  rebinding-protection: on\n"
                               "  rebinding-allow: [Corp.example., x.org]\n";
    static const char want[] = "local:\n"
                               "  special: off\n"
                               "  records:\n"
                               "    printer.lan: [192.0.2.10]\n"
                               "    Nas.lan.: [192.0.2.11, \"2001:db8::11\"]\n"
                               "  hosts: [/etc/hosts, \"/etc/cordon/more hosts\"]\n"
                               "  zones: [/etc/home.zone, /etc/cordon/zones/arpa]\n"
                               "  ttl: 5m\n"
                               "  rebinding-protection: on\n"
                               "  rebinding-allow: [corp.example, x.org]\n";
    struct config *config = read_config(text, 0);

    (void)state;
    assert_false(config->local_special);
    assert_int_equal(config->local_ttl_s, 300);
    assert_int_equal(config->record_count, 3);
    assert_string_equal(config->records[2].name, "Nas.lan.");
    assert_int_equal(config->records[2].address.family, ADDRESS_V6);
    assert_int_equal(config->hosts_count, 2);
    assert_int_equal(config->zone_file_count, 2);
    assert_string_equal(config->zone_files[1], "/etc/cordon/zones/arpa");
    for (unsigned round = 0; round < 2; round++) { /* what is printed reads back the same */
        char *printed = print_config(config);

        assert_non_null(strstr(printed, want));
        config_free(config);
        config = read_config(printed, 0);
        free(printed);
    }
    config_free(config);
}

static void zones_with_servers_of_their_own_are_read_and_printed(void **state)
{
    static const char text[] = "upstreams:\n"
                               "  zones:\n"
                               "    Corp.example.: [192.0.2.1, \"[2001:db8::1]@5353\"]\n"
                               "    10.in-addr.arpa: {servers: [192.0.2.2], policy: exempt}\n"
                               "    lab.test: {policy: apply, servers: [192.0.2.3]}\n"
                               "    ad.test: {servers: [192.0.2.3], choose: ordered}\n"
                               "    x.test: {choose: fastest, servers: [192.0.2.3], policy: "
                               "exempt}\n";
    static const char want[] =
        "  zones:\n"
        "    corp.example: [192.0.2.1@53, \"2001:db8::1@5353\"]\n"
        "    10.in-addr.arpa: {servers: [192.0.2.2@53], policy: exempt}\n"
        "    lab.test: [192.0.2.3@53]\n"
        "    ad.test: {servers: [192.0.2.3@53], choose: ordered}\n"
        "    x.test: {servers: [192.0.2.3@53], choose: fastest, policy: exempt}\n";
    struct config *config = read_config(text, 0);

    (void)state;
    assert_int_equal(config->forward_count, 5);
    assert_int_equal(config->forward[0].count, 2);
    assert_int_equal(config->forward[0].servers[1].address.port, 5353);
    assert_false(config->forward[0].exempt);
    assert_true(config->forward[1].exempt);
    assert_false(config->forward[2].exempt);
    assert_false(config->forward[2].has_choose);
    assert_true(config->forward[3].has_choose);
    assert_int_equal(config->forward[3].choose, CONFIG_CHOOSE_ORDERED);
    for (unsigned round = 0; round < 2; round++) {
        char *printed = print_config(config);

        if (strstr(printed, want) == NULL) {
            fail_msg("%s", printed);
        }
        config_free(config);
        config = read_config(printed, 0);
        free(printed);
    }
    config_free(config);
}

static void zones_that_cannot_be_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"upstreams: {zones: [corp.example]}",
         "1:20: upstreams.zones: expected zones with their servers, a line each: corp.example: "
         "[192.0.2.53]"},
        {"upstreams: {zones: {.: [192.0.2.1]}}",
         "1:21: upstreams.zones: \".\" is no zone: for all names there is upstreams.servers"},
        {"upstreams: {zones: {a.test: [192.0.2.1], A.Test.: [192.0.2.1]}}",
         "1:42: upstreams.zones: \"A.Test.\" stands here twice: remove one"},
        {"upstreams: {zones: {a.test: []}}",
         "1:29: upstreams.zones: no server: nobody could be asked"},
        {"upstreams: {zones: {a.test: [system]}}",
         "1:30: upstreams.zones: \"system\" is neither an IPv4 nor an IPv6 address, with @PORT "
         "or without: names are not looked up here"},
        {"upstreams: {zones: {a.test: [0.0.0.0]}}",
         "1:30: upstreams.zones: \"0.0.0.0\" is not the address of one server"},
        {"upstreams: {zones: {a.test: [192.0.2.1, 192.0.2.1@53]}}",
         "1:41: upstreams.zones: \"192.0.2.1@53\" stands here twice: remove one"},
        {"upstreams: {zones: {a.test: {policy: exempt}}}",
         "1:29: upstreams.zones: the zone has no servers: add servers: [ADDRESS]"},
        {"upstreams: {zones: {a.test: {servers: [192.0.2.1], policy: none}}}",
         "1:60: upstreams.zones: \"none\" is not one of apply, exempt"},
        {"upstreams: {zones: {a.test: {servers: [192.0.2.1], polcy: exempt}}}",
         "1:52: upstreams.zones: \"polcy\" is not known of a zone, only servers, choose and "
         "policy"},
        {"upstreams: {zones: {a.test: {servers: [192.0.2.1], choose: hashd}}}",
         "1:60: upstreams.zones: \"hashd\" is not one of fastest, ordered, hashed: did you "
         "mean "
         "hashed?"},
        {"upstreams: {zones: {a.test: {servers: [192.0.2.1], choose: [hashed]}}}",
         "1:60: upstreams.zones: expected a word, but found a sequence [...]; an IPv6 address "
         "in brackets needs quotes"},
        {"upstreams: {zones: {a.test: [127.0.0.1@5300]}}",
         "1:21: upstreams.zones: 127.0.0.1@5300 is this resolver itself: name another server"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void nothing_is_said_of_names_by_default(void **state)
{
    struct config *config = read_config("", 0);

    (void)state;
    assert_true(config->local_special);
    assert_int_equal(config->local_ttl_s, 60);
    assert_int_equal(config->record_count, 0);
    assert_int_equal(config->hosts_count, 0);
    assert_int_equal(config->zone_file_count, 0);
    assert_false(config->rebinding_protection);
    assert_int_equal(config->rebinding_allow.count, 0);
    config_free(config);
}

static void records_that_cannot_be_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"local: {special: maybe}", "1:18: local.special: \"maybe\" is not one of off, on"},
        {"local: {ttl: 2d}", "1:14: local.ttl: 2d is out of range: from 0ms to 1d"},
        {"local: {records: [a.lan]}",
         "1:18: local.records: expected names with their addresses, a line each: printer.lan: "
         "192.0.2.10"},
        {"local: {records: {a..lan: 192.0.2.1}}", "1:19: local.records: \"a..lan\" is no name: "
                                                  "an empty label (a leading dot, two dots in "
                                                  "a row, or no name at all)"},
        {"local: {records: {.: 192.0.2.1}}", "1:19: local.records: \".\" is no name: the root"},
        {"local: {records: {a.lan: []}}", "1:26: local.records: a.lan has no address"},
        {"local: {records: {a.lan: b.lan}}",
         "1:26: local.records: \"b.lan\" is neither an IPv4 nor an IPv6 address: names are not "
         "looked up here"},
        {"local: {records: {a.lan: 192.0.2.1@53}}",
         "1:26: local.records: \"192.0.2.1@53\": no port belongs here"},
        {"local: {records: {a.lan: [192.0.2.1, 192.0.2.0/24]}}",
         "1:38: local.records: \"192.0.2.0/24\" is a prefix: an address alone belongs here"},
        {"local: {records: {a.lan: fe80::1%lo}}",
         "1:26: local.records: \"fe80::1%lo\": a record cannot name an interface of this "
         "machine"},
        {"local: {records: {a.lan: {b: c}}}",
         "1:26: local.records: expected an address, but found NAME: VALUE below it"},
        {"local: {rebinding-allow: [.]}",
         "1:27: local.rebinding-allow: the root is every name: switch "
         "local.rebinding-protection off instead"},
        {"local: {rebinding-allow: [a.b, A.B.]}",
         "1:32: local.rebinding-allow: \"A.B.\" stands here twice: remove one"},
        {"local: {rebinding-allow: [a..b]}",
         "1:27: local.rebinding-allow: \"a..b\" is no name: an empty label (a leading dot, two "
         "dots in a row, or no name at all)"},
        {"local: {rebinding-allow: corp.example}",
         "1:26: local.rebinding-allow: expected names: [corp.example]"},
        {"local: {hosts: /etc/hosts}", "1:16: local.hosts: expected paths: [/etc/hosts]"},
        {"local: {hosts: [h, /etc/cordon/h]}",
         "1:20: local.hosts: \"/etc/cordon/h\" stands here twice: remove one"},
        {"local: {hosts: [~/hosts]}",
         "1:17: local.hosts: \"~/hosts\" begins with ~, which only a shell knows: write the "
         "whole path"},
        {"local: {hosts: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
         "1:16: local.hosts: 17 entries: 16 are the most"},
        {"local: {zones: /etc/home.zone}",
         "1:16: local.zones: expected paths: [/etc/cordon/home.zone]"},
        {"local: {zones: {home.lan: home.zone}}",
         "1:16: local.zones: expected paths: [/etc/cordon/home.zone]"},
        {"local: {zones: [z, ./z, /etc/cordon/z]}",
         "1:25: local.zones: \"/etc/cordon/z\" stands here twice: remove one"},
        {"local: {zones: [~/z]}",
         "1:17: local.zones: \"~/z\" begins with ~, which only a shell knows: write the whole "
         "path"},
        {"local: {zones: [[z]]}", "1:17: local.zones: expected a path, but found a sequence "
                                  "[...]; an IPv6 address in brackets needs quotes"},
        {"local: {zones: "
         "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,"
         "31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,"
         "59,60,61,62,63,64]}",
         "1:16: local.zones: 65 entries: 64 are the most"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_the_place_are_read_and_printed),
        cmocka_unit_test(nothing_is_said_of_names_by_default),
        cmocka_unit_test(records_that_cannot_be_are_refused),
        cmocka_unit_test(zones_with_servers_of_their_own_are_read_and_printed),
        cmocka_unit_test(zones_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
