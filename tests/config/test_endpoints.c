/* config/endpoints: servers over TLS, as they are written, printed and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIN_A "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define PIN_B "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static struct config *parse(const char *text, struct report *report)
{
    struct config *config = NULL;

    report_init(report);
    const int rc = config_parse(text, strlen(text), "t", "/", report, &config);
    if (rc != 0) {
        report_print(report, stderr);
    }
    assert_int_equal(rc, 0);
    return config;
}

static void servers_over_tls_are_read_and_print_as_they_read(void **state)
{
    static const char text[] =
        "upstreams:\n"
        "  servers:\n"
        "    - tls://192.0.2.1#DNS.Example.\n"
        "    - tls://192.0.2.1@8853#dns.example\n"
        "    - \"tls://[2001:db8::1]@853#dns.example\"\n"
        "    - {address: 192.0.2.2, tls: dns.example}\n"
        "    - {address: 192.0.2.3@443, tls: a.example, pins: [" PIN_A ", " PIN_B "]}\n"
        "    - address: \"2001:db8::2\"\n"
        "      pins: [" PIN_B "]\n"
        "  zones:\n"
        "    corp.example: [tls://192.0.2.9#dc.corp.example]\n"
        "    lab.test: {servers: [{address: 192.0.2.10, pins: [" PIN_A "]}], policy: exempt}\n";
    static const char want_servers[] =
        "  servers: [\"tls://192.0.2.1@853#dns.example\", "
        "\"tls://192.0.2.1@8853#dns.example\", "
        "\"tls://2001:db8::1@853#dns.example\", \"tls://192.0.2.2@853#dns.example\", "
        "{address: 192.0.2.3@443, tls: a.example, pins: [" PIN_A ", " PIN_B "]}, "
        "{address: \"2001:db8::2@853\", pins: [" PIN_B "]}]\n";
    static const char want_zones[] =
        "    corp.example: [\"tls://192.0.2.9@853#dc.corp.example\"]\n"
        "    lab.test: {servers: [{address: 192.0.2.10@853, pins: [" PIN_A
        "]}], policy: exempt}\n";
    struct report report;
    struct config *config = parse(text, &report);

    (void)state;
    assert_int_equal(report.warnings, 0);
    report_deinit(&report);
    assert_int_equal(config->upstream_count, 6);
    assert_int_equal(config->upstreams[0].transport, ENDPOINT_TLS);
    assert_string_equal(config->upstreams[0].name, "dns.example");
    assert_int_equal(config->upstreams[4].pin_count, 2);
    assert_int_equal(config->upstreams[5].name[0], '\0');
    for (unsigned round = 0; round < 2; round++) {
        char *printed = print_config(config);

        if (strstr(printed, want_servers) == NULL || strstr(printed, want_zones) == NULL) {
            fail_msg("%s", printed);
        }
        config_free(config);
        config = parse(printed, &report);
        report_deinit(&report);
        free(printed);
    }
    config_free(config);
}

static void clear_servers_beside_tls_are_warned_of(void **state)
{
    static const struct {
        const char *text;
        unsigned warnings;
    } rows[] = {
        {"upstreams: {servers: [tls://192.0.2.1#a.example, 192.0.2.2, 192.0.2.3]}", 2},
        {"upstreams: {servers: [tls://192.0.2.1#a.example, system]}", 1},
        {"upstreams: {servers: [tls://192.0.2.1#a.example]}", 0},
        {"upstreams: {servers: [192.0.2.2, system]}", 0},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct report report;
        struct config *config = parse(rows[i].text, &report);
        assert_int_equal(report.warnings, rows[i].warnings);
        report_deinit(&report);
        config_free(config);
    }
}

static void servers_over_tls_that_cannot_be_are_refused(void **state)
{
    static const struct refusal cases[] = {
        /* Nothing to know the server by: there is no opportunistic mode. */
        {"upstreams: {servers: [tls://192.0.2.1]}",
         "1:23: upstreams.servers: \"tls://192.0.2.1\": nothing says which server is the right "
         "one: write tls://192.0.2.1#NAME with the name in its certificate, or {address: ..., "
         "pins: [sha256/...]}"},
        {"upstreams: {servers: [{address: 192.0.2.1}]}",
         "1:23: upstreams.servers: nothing says which server is the right one: add tls: NAME "
         "or "
         "pins: [sha256/...], or write the address alone to ask in clear"},
        {"upstreams: {servers: [{address: 192.0.2.1, pins: []}]}",
         "1:50: upstreams.servers: no pin: leave pins out to go by the name alone"},
        {"upstreams: {servers: [{tls: dns.example}]}",
         "1:23: upstreams.servers: the server has no address: add address: ADDRESS"},
        {"upstreams: {servers: [{}]}",
         "1:23: upstreams.servers: the server has no address: add address: ADDRESS"},
        /* Names. */
        {"upstreams: {servers: [tls://192.0.2.1#]}",
         "1:23: upstreams.servers: the server's name \"\" is empty"},
        {"upstreams: {servers: [tls://192.0.2.1#192.0.2.1]}",
         "1:23: upstreams.servers: the server's name \"192.0.2.1\" is an address: write the "
         "name that stands in the server's certificate"},
        {"upstreams: {servers: [{address: 192.0.2.1, tls: \"*.example\"}]}",
         "1:49: upstreams.servers: the server's name \"*.example\" is no host name: letters, "
         "digits, hyphens and dots"},
        {"upstreams: {servers: [{address: 192.0.2.1, tls: [a.example]}]}",
         "1:49: upstreams.servers: expected the name in the server's certificate, but found a "
         "sequence [...]; an IPv6 address in brackets needs quotes"},
        {"upstreams: {servers: [{address: 192.0.2.1, tls: }]}",
         "1:49: upstreams.servers: expected the name in the server's certificate, but there is "
         "nothing: leave the line out for the default"},
        /* Addresses. */
        {"upstreams: {servers: [tls://dns.example#dns.example]}",
         "1:23: upstreams.servers: \"dns.example\" is neither an IPv4 nor an IPv6 address, "
         "with "
         "@PORT or without: names are not looked up here"},
        {"upstreams: {servers: [tls://192.0.2.1@0#dns.example]}",
         "1:23: upstreams.servers: \"192.0.2.1@0\": the port \"0\" is not from 1 to 65535"},
        {"upstreams: {servers: [tls://192.0.2.1:853#dns.example]}",
         "1:23: upstreams.servers: \"192.0.2.1:853\": write the port behind @: 192.0.2.1@853"},
        {"upstreams: {servers: [tls://0.0.0.0#dns.example]}",
         "1:23: upstreams.servers: \"0.0.0.0\" is not the address of one server"},
        {"upstreams: {servers: [tls://#dns.example]}",
         "1:23: upstreams.servers: \"\" is neither an IPv4 nor an IPv6 address, with @PORT or "
         "without: names are not looked up here"},
        {"upstreams: {servers: [TLS://192.0.2.1#dns.example]}",
         "1:23: upstreams.servers: \"TLS://192.0.2.1#dns.example\" is a prefix: an address "
         "alone belongs here"},
        /* Pins. */
        {"upstreams: {servers: [{address: 192.0.2.1, pins: [abc]}]}",
         "1:51: upstreams.servers: \"abc\" is no pin: expected sha256/ and 44 characters of "
         "base64, the SHA-256 of the certificate's public key"},
        {"upstreams: {servers: [{address: 192.0.2.1, pins: [" PIN_A ", " PIN_A "]}]}",
         "1:104: upstreams.servers: this pin stands here twice: remove one"},
        {"upstreams: {servers: [{address: 192.0.2.1, pins: " PIN_A "}]}",
         "1:50: upstreams.servers: expected pins: [sha256/...]"},
        {"upstreams: {servers: [{address: 192.0.2.1, pins: [a, b, c, d, e]}]}",
         "1:50: upstreams.servers: 5 entries: 4 are the most"},
        /* What is not known. */
        {"upstreams: {servers: [{address: 192.0.2.1, name: dns.example}]}",
         "1:44: upstreams.servers: \"name\" is not known of a server, only address, tls and "
         "pins"},
        /* One server, one way. */
        {"upstreams: {servers: [tls://192.0.2.1#a.example, tls://192.0.2.1@853#b.example]}",
         "1:50: upstreams.servers: \"tls://192.0.2.1@853#b.example\" stands here twice: remove "
         "one"},
        {"upstreams: {servers: [192.0.2.1@853, {address: 192.0.2.1, tls: a.example}]}",
         "1:38: upstreams.servers: 192.0.2.1@853 stands here twice: remove one"},
        {"upstreams: {zones: {a.test: [tls://192.0.2.1#a.example, tls://192.0.2.1#b.example]}}",
         "1:57: upstreams.zones: \"tls://192.0.2.1#b.example\" stands here twice: remove one"},
        {"upstreams: {servers: [tls://192.0.2.1#a.example], zones: {a.test: "
         "[tls://192.0.2.1#b.example]}}",
         "1:59: upstreams.zones: tls://192.0.2.1@853#b.example stands elsewhere with another "
         "name, other pins or in clear: one server is known in one way"},
        {"upstreams: {servers: [192.0.2.1@853], zones: {a.test: [tls://192.0.2.1#b.example]}}",
         "1:47: upstreams.zones: tls://192.0.2.1@853#b.example stands elsewhere with another "
         "name, other pins or in clear: one server is known in one way"},
        /* Ourselves. */
        {"server: {listen: [127.0.0.1@853]}\nupstreams: {servers: [tls://127.0.0.1#a.example]}",
         "2:23: upstreams.servers: 127.0.0.1@853 is this resolver itself (server.listen has "
         "127.0.0.1@853): name another server, or listen elsewhere"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_over_tls_are_read_and_print_as_they_read),
        cmocka_unit_test(clear_servers_beside_tls_are_warned_of),
        cmocka_unit_test(servers_over_tls_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
