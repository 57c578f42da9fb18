/* setup/zones: which servers are asked about which zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "setup/zones.h"

#include <stdio.h>
#include <string.h>

struct made {
    struct upstream_settings upstreams;
    struct query_zone zones[QUERY_ZONES_MAX];
    size_t count;
    char fault[512];
};

static int make(const char *text, struct made *made)
{
    struct config *config = NULL;
    struct report report;

    memset(made, 0, sizeof(*made));
    report_init(&report);
    assert_int_equal(config_parse(text, strlen(text), "t", "/", NULL, &config), 0);
    for (size_t i = 0; i < config->upstream_count; i++) {
        made->upstreams.servers[made->upstreams.count++] = config->upstreams[i];
    }
    const int rc = setup_zones(config, &report, &made->upstreams, made->zones, &made->count);
    if (report.count > 0) {
        snprintf(made->fault, sizeof(made->fault), "%s", report.entries[0].text);
    }
    report_deinit(&report);
    config_free(config);
    return rc;
}

static void servers_of_zones_stand_apart(void **state)
{
    struct made made;

    (void)state;
    assert_int_equal(make("upstreams: {servers: [192.0.2.1, 192.0.2.2], zones: {"
                          "a.test: [192.0.2.3], b.test: {choose: ordered, servers: [192.0.2.3, "
                          "192.0.2.2, 192.0.2.4]}}, choose: hashed}",
                          &made),
                     0);
    assert_int_equal(made.upstreams.count, 4);
    assert_int_equal(made.upstreams.apart, 4 | 8);
    assert_int_equal(made.upstreams.group_count, 2);
    assert_int_equal(made.upstreams.groups[0].servers, 4);
    assert_int_equal(made.upstreams.groups[1].servers, 2 | 4 | 8); /* one is everybody's too */
    assert_int_equal(made.upstreams.groups[0].choose, UPSTREAM_HASHED);
    assert_int_equal(made.upstreams.groups[1].choose, UPSTREAM_ORDERED);
    assert_int_equal(made.upstreams.groups[1].place[1], 1); /* as the zone has them */
    assert_int_equal(made.upstreams.groups[1].place[2], 0);
    assert_int_equal(made.count, 2);
    assert_int_equal(made.zones[0].context, made.upstreams.groups[0].context);
    assert_int_equal(made.zones[1].context, made.upstreams.groups[1].context);
    assert_string_equal(made.fault, "");
}

static void a_context_follows_from_name_and_servers(void **state)
{
    static const char *const texts[] = {
        "upstreams: {zones: {a.test: [192.0.2.3]}}",
        "upstreams: {zones: {a.test: [192.0.2.4]}}",
        "upstreams: {zones: {a.test: [192.0.2.3@5353]}}",
        "upstreams: {zones: {b.test: [192.0.2.3]}}",
        "upstreams: {zones: {a.test: [192.0.2.3, 192.0.2.4]}}",
    };
    uint16_t contexts[5];
    struct made made;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(make(texts[i], &made), 0);
        contexts[i] = made.zones[0].context;
        assert_true(contexts[i] != 0);
        for (size_t j = 0; j < i; j++) {
            assert_true(contexts[i] != contexts[j]);
        }
    }
    /* other zones and the policy change nothing of it */
    assert_int_equal(make("upstreams: {zones: {x.test: [192.0.2.9], a.test: {policy: exempt, "
                          "servers: [192.0.2.3]}}}",
                          &made),
                     0);
    assert_int_equal(made.zones[1].context, contexts[0]);
    assert_true(made.zones[1].exempt);
}

static void all_zones_have_contexts_of_their_own(void **state)
{
    char text[4096] = "upstreams: {zones: {";
    struct made made;

    (void)state;
    for (unsigned i = 0; i < CONFIG_FORWARD_MAX; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%sz%u.test: [192.0.2.1]", i > 0 ? ", " : "",
                 i);
    }
    strcat(text, "}}");
    assert_int_equal(make(text, &made), 0);
    assert_int_equal(made.count, CONFIG_FORWARD_MAX);
    assert_int_equal(made.upstreams.count, 1);
    for (size_t i = 0; i < made.count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(made.zones[i].context != made.zones[j].context);
        }
    }
}

static void zones_that_nobody_can_answer_are_refused(void **state)
{
    static const char *const names[] = {"localhost", "x.localhost", "invalid", "onion",
                                        "resolver.arpa"};
    static const char *const fine[] = {"local", "corp.local", "home.arpa", "10.in-addr.arpa"};
    struct made made;
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(text, sizeof(text), "upstreams: {zones: {%s: [192.0.2.1]}}", names[i]);
        assert_int_equal(make(text, &made), CORDON_E_REFUSED);
        assert_non_null(strstr(made.fault, "is of special use: nobody can be asked about it"));
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        snprintf(text, sizeof(text), "upstreams: {zones: {%s: [192.0.2.1]}}", fine[i]);
        assert_int_equal(make(text, &made), 0);
    }
}

static void there_are_32_servers_in_all(void **state)
{
    char text[4096] = "upstreams: {zones: {";
    struct made made;

    (void)state;
    for (unsigned i = 0; i < UPSTREAM_SERVERS_MAX + 1; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%sz%u.test: [192.0.2.%u]",
                 i > 0 ? ", " : "", i, i + 1);
    }
    strcat(text, "}}");
    assert_int_equal(make(text, &made), CORDON_E_REFUSED);
    assert_non_null(strstr(made.fault, "z32.test: more than 32 servers in all"));
}

static void another_port_of_this_machine_is_another_program(void **state)
{
    struct made made;

    (void)state;
    assert_int_equal(make("server: {listen: [0.0.0.0@5300]}\n"
                          "upstreams: {zones: {a.test: [127.0.0.1@5301, 192.0.2.1]}}",
                          &made),
                     0);
    assert_int_equal(made.upstreams.count, 2);
    assert_string_equal(made.fault, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_of_zones_stand_apart),
        cmocka_unit_test(a_context_follows_from_name_and_servers),
        cmocka_unit_test(all_zones_have_contexts_of_their_own),
        cmocka_unit_test(zones_that_nobody_can_answer_are_refused),
        cmocka_unit_test(there_are_32_servers_in_all),
        cmocka_unit_test(another_port_of_this_machine_is_another_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
