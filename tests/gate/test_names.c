/* gate: public suffixes, names that must resolve, addresses of the operator's own: newly
 * blocked by a rule that comes, or by one that goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/gates.h"

#include "gate/suffix.h"

#define EXAMPLE GATES_SAY("block suffix example.test")
#define MUST    "update: {gate: {must-resolve: [mail.corp.example]}}\n"
#define NOTHING "no such file"

static void publish(struct gates *gates, const char *folder, uint32_t serial, const char *rules)
{
    gates_publish(gates, folder, serial, "one", rules, NULL);
}

static void a_registrys_suffix_is_refused(void **state)
{
    static const char *const bad[] = {
        GATES_SAY("block suffix co.uk"),         /* the suffix */
        GATES_SAY("block exact co.uk"),          /* alone */
        GATES_SAY("block below co.uk"),          /* and what is below it */
        GATES_SAY("block suffix kobe.jp"),       /* *.kobe.jp */
        GATES_SAY("block below kawasaki.jp"),    /* *.kawasaki.jp */
        GATES_SAY("block suffix xn--55qx5d.cn"), /* as an A-label */
        GATES_SAY("block suffix co.uk") GATES_SAY("pass exact co.uk"),
        GATES_ABOUT("block suffix co.uk", "nameserver"),
    };
    struct gates gates;

    (void)state;
    gates_open(&gates);
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char rules[1024];

        snprintf(rules, sizeof(rules), "%s%s", EXAMPLE, bad[i]);
        publish(&gates, "new", 6 + i, rules);
        if (gates_run(&gates) != GATE_REFUSE ||
            gates_of(&gates, GATE_PUBLIC_SUFFIX) != GATE_REFUSE) {
            gate_print(gates.outcome, stderr);
            fail_msg("taken: %s", bad[i]);
        }
    }
    gates_override(&gates, GATE_PUBLIC_SUFFIX, "this registry serves nobody else");
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_true(gates.outcome->checks[GATE_PUBLIC_SUFFIX].overridden);
    gates_close(&gates);
}

static void names_below_a_suffix_are_no_suffix(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    publish(&gates, "new", 6,
            EXAMPLE GATES_SAY("block suffix example.co.uk")
                GATES_SAY("block suffix a.b.kobe.jp") GATES_SAY("block suffix city.kobe.jp")
                    GATES_SAY("pass suffix co.uk"));
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_int_equal(gates_of(&gates, GATE_PUBLIC_SUFFIX), GATE_PASS);
    gates_close(&gates);
}

static void a_private_suffix_is_a_warning_unless_it_was_there(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    publish(&gates, "new", 6, EXAMPLE GATES_SAY("block suffix github.io"));
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_int_equal(gates_of(&gates, GATE_PUBLIC_SUFFIX), GATE_WARN);
    assert_string_equal(gates.outcome->checks[GATE_PUBLIC_SUFFIX].findings[0].what,
                        "github.io");
    assert_string_equal(gates.outcome->checks[GATE_PUBLIC_SUFFIX].findings[0].list, "one");
    publish(&gates, "old", 5, EXAMPLE GATES_SAY("block suffix github.io"));
    assert_int_equal(gates_run(&gates), GATE_PASS);
    /* *.vultrobjects.com are suffixes, and the name itself is none. */
    publish(&gates, "new", 7, EXAMPLE GATES_SAY("block suffix vultrobjects.com"));
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_true(gates_say(&gates, GATE_PUBLIC_SUFFIX, "*.vultrobjects.com"));
    gates_close(&gates);
}

/* Suffixes below the name of a rule are in the text alone. */
static void a_rule_above_a_suffix_is_found_in_the_list_as_text(void **state)
{
    static const char text[] = "// ===BEGIN ICANN DOMAINS===\nno\nNes.Akershus.no  // a town\n"
                               "// ===END ICANN DOMAINS===\n// ===BEGIN PRIVATE DOMAINS===\n"
                               "*.shop.example\n!www.shop.example\n\xc3\xa5.example\n";
    struct gates gates;

    (void)state;
    gates_open(&gates);
    workshop_write("suffixes", text, sizeof(text) - 1);
    gates.request.suffixes = "suffixes";
    publish(&gates, "new", 6, EXAMPLE GATES_SAY("block suffix akershus.no"));
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_PUBLIC_SUFFIX, "nes.akershus.no"));
    publish(&gates, "new", 7, EXAMPLE GATES_SAY("block suffix shop.example"));
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_true(gates_say(&gates, GATE_PUBLIC_SUFFIX, "*.shop.example"));
    gates.request.suffixes = NOTHING;
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_true(gates_say(&gates, GATE_PUBLIC_SUFFIX, "is not on this machine"));
    gates_close(&gates);
}

static void a_suffix_that_is_no_longer_let_through_is_refused(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    publish(&gates, "old", 5,
            GATES_SAY("block suffix co.uk") GATES_SAY("pass exact co.uk")
                GATES_SAY("pass below co.uk"));
    publish(&gates, "new", 6, GATES_SAY("block suffix co.uk"));
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_PUBLIC_SUFFIX, "was let through by"));
    gates_close(&gates);
}

static void the_text_of_suffixes_may_be_anything(void **state)
{
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {
        {"", 0},
        {"\n\n\r\n", 0},
        {"//", 0},
        {"com", 1},
        {"com\r\nco.uk\t// x\ncom", 2},
        {"// ===BEGIN PRIVATE DOMAINS===\nCOM\n// ===BEGIN ICANN DOMAINS===\ncom\n", 1},
        {" com\n", 0},
        {"a\0b\n", 0},
        {"!x.ck\n*.ck\n", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gate_suffixes suffixes = {.at = NULL};
        const size_t len = i == 7 ? 4 : strlen(cases[i].text);

        assert_int_equal(gate_suffixes_parse(&suffixes, cases[i].text, len), 0);
        gate_suffixes_sort(&suffixes);
        assert_int_equal(suffixes.count, cases[i].count);
        if (i == 5) { /* what any section of a registry has is a registry's */
            assert_true(suffixes.at[0].registry);
        }
        gate_suffixes_free(&suffixes);
    }
}

static void suffixes_beyond_the_limit_are_left_out(void **state)
{
    struct gate_suffixes suffixes = {.at = NULL};
    char text[16];

    (void)state;
    for (unsigned i = 0; i < GATE_SUFFIXES_MAX + 10; i++) {
        snprintf(text, sizeof(text), "a%u", i);
        assert_int_equal(gate_suffixes_add(&suffixes, text, strlen(text), true), 0);
    }
    assert_int_equal(suffixes.count, GATE_SUFFIXES_MAX);
    gate_suffixes_free(&suffixes);
}

static void a_name_that_must_resolve_is_refused(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    publish(&gates, "new", 6, EXAMPLE GATES_SAY("block suffix corp.example"));
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_int_equal(gates_of(&gates, GATE_MUST_RESOLVE), GATE_SKIPPED);
    gates_config(MUST);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_MUST_RESOLVE), GATE_REFUSE);
    const struct gate_finding *finding = &gates.outcome->checks[GATE_MUST_RESOLVE].findings[0];
    assert_string_equal(finding->what, "mail.corp.example");
    assert_string_equal(finding->rule, "block suffix corp.example");
    assert_string_equal(finding->list, "one");
    assert_string_equal(finding->view, "default");
    gates_override(&gates, GATE_MUST_RESOLVE, "the mail server moves tonight");
    assert_int_equal(gates_run(&gates), GATE_WARN);
    gates.request.override_count = 0;
    gates_config(MUST "policy: {mode: log}\n"); /* nothing is blocked */
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_config(MUST);
    publish(&gates, "old", 5, EXAMPLE GATES_SAY("block suffix corp.example"));
    assert_int_equal(gates_run(&gates), GATE_PASS); /* it was blocked before */
    gates_close(&gates);
}

static void a_pass_that_goes_blocks(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_config(MUST);
    publish(&gates, "old", 5,
            GATES_SAY("block suffix corp.example") GATES_SAY("pass exact mail.corp.example"));
    publish(&gates, "new", 6, GATES_SAY("block suffix corp.example"));
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_MUST_RESOLVE,
                          "was let through by pass exact mail.corp.example of one 5"));
    gates_config(MUST "policy: {default: deny}\n"); /* where a pass is what lets through */
    publish(&gates, "old", 5, EXAMPLE GATES_SAY("pass suffix corp.example"));
    publish(&gates, "new", 7, EXAMPLE);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_MUST_RESOLVE, "default-deny"));
    gates_close(&gates);
}

static void every_view_and_every_schedule_counts(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    publish(&gates, "new", 6, EXAMPLE GATES_SAY("block suffix corp.example"));
    gates_config(MUST "policy: {mode: log}\n"
                      "views: {strict: {clients: [10.9.0.0/16], mode: enforce}}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_string_equal(gates.outcome->checks[GATE_MUST_RESOLVE].findings[0].view, "strict");
    gates_config(MUST "policy: {mode: log, when: [{schedule: night, mode: enforce}]}\n"
                      "schedules: {night: {zone: UTC, hours: ['03:00-03:01']}}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_string_equal(gates.outcome->checks[GATE_MUST_RESOLVE].findings[0].view, "default");
    assert_string_equal(gates.outcome->checks[GATE_MUST_RESOLVE].findings[0].schedule, "night");
    gates_config(MUST "policy: {mode: log, when: [{schedule: night, action: nxdomain}]}\n"
                      "schedules: {night: {zone: UTC, hours: ['03:00-03:01']}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_close(&gates);
}

static void names_that_policy_does_not_decide_resolve(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    publish(&gates, "new", 6, EXAMPLE GATES_SAY("block suffix corp.example"));
    gates_config(MUST "local: {records: {mail.corp.example: 192.0.2.7}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_close(&gates);
}

/* What lets a name through for a while says nothing of what comes after. */
static void an_exception_hides_nothing(void **state)
{
    struct gates gates;
    static const char exceptions[] =
        "cordon-exceptions 1\nid board\nserial 1\ncreated 2027-01-10T00:00:00Z\n"
        "expires 2027-06-01T00:00:00Z\n\nexception x\nname mail.corp.example\nticket T-1\n"
        "approver B. Lind\nuntil 2027-02-01T00:00:00Z\nreason a test\nend\n";

    (void)state;
    gates_open(&gates);
    workshop_write("exceptions.txt", exceptions, sizeof(exceptions) - 1);
    gates_config(MUST "exceptions: {files: [exceptions.txt]}\n");
    publish(&gates, "new", 6, EXAMPLE GATES_SAY("block suffix corp.example"));
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    gates_close(&gates);
}

/* An exception for a rule ends with the rule. */
static void a_rule_that_takes_an_exceptions_rules_place_blocks(void **state)
{
    struct gates gates;
    static const char exceptions[] =
        "cordon-exceptions 1\nid board\nserial 1\ncreated 2027-01-10T00:00:00Z\n"
        "expires 2027-06-01T00:00:00Z\n\nexception x\nrule one: block suffix corp.example\n"
        "ticket T-1\napprover B. Lind\nuntil 2027-02-01T00:00:00Z\nreason a test\nend\n";

    (void)state;
    gates_open(&gates);
    workshop_write("exceptions.txt", exceptions, sizeof(exceptions) - 1);
    publish(&gates, "old", 5, EXAMPLE GATES_SAY("block suffix corp.example"));
    publish(&gates, "new", 6, EXAMPLE GATES_SAY("block suffix mail.corp.example"));
    gates_config(MUST); /* without it the name is blocked before and after */
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_config(MUST "exceptions: {files: [exceptions.txt]}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    gates_close(&gates);
}

static void hosts_of_sources_must_resolve(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_config("update: {sources: ['https://192.0.2.1/x', 'https://[2001:db8::1]/', mirror, "
                 "'https://Lists.Vendor.Example:8443/cordon']}\n");
    publish(&gates, "new", 6, EXAMPLE GATES_SAY("block suffix corp.example"));
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_true(gates_say(&gates, GATE_MUST_RESOLVE, "0 of 1 names"));
    publish(&gates, "new", 7, EXAMPLE GATES_SAY("block suffix vendor.example"));
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_MUST_RESOLVE, "lists are fetched from there"));
    gates_close(&gates);
}

/* What is said of which range. */
static void own_addresses_are_not_to_be_covered(void **state)
{
    static const struct {
        const char *rules, *what;
    } cases[] = {
        {GATES_SAY("block prefix 10.1.0.0/16"), "10.1.0.0"},
        {GATES_SAY("block prefix 192.168.0.0/16"), "192.168.0.0"},
        {GATES_SAY("block prefix 192.0.2.0/24"), "192.0.2.53"},      /* an upstream */
        {GATES_SAY("block prefix 198.51.100.0/24"), "198.51.100.7"}, /* a listener */
        {GATES_SAY("block prefix 127.0.0.0/8"), "127.0.0.0"},
        {GATES_SAY("block prefix fe80::/16"), "fe80::"},
        {GATES_SAY("block prefix fd00::/16"), "fd00::"},
        {GATES_SAY("block prefix 203.0.113.128/25"), "203.0.113.128"}, /* of a view */
        /* What lets through at both ends, and in the middle, hides nothing. */
        {GATES_SAY("block prefix 10.0.0.0/8") GATES_SAY("pass prefix 10.0.0.0/9")
             GATES_SAY("pass prefix 10.128.0.0/10"),
         "10.192.0.0"},
        {GATES_SAY("block prefix 10.0.0.0/8") GATES_SAY("pass prefix 10.128.0.0/9")
             GATES_SAY("pass prefix 10.0.0.0/10"),
         "10.64.0.0"},
        {GATES_ABOUT("block prefix 203.0.113.0/24", "client"), "203.0.113.0"},
        {GATES_ABOUT("block prefix 10.0.0.0/24", "nameserver"), "10.0.0.0"},
    };
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_config("server: {listen: [198.51.100.7]}\n"
                 "views: {guests: {clients: [203.0.113.0/24]}}\n");
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char rules[1024];

        snprintf(rules, sizeof(rules), "%s%s", EXAMPLE, cases[i].rules);
        publish(&gates, "new", 6 + i, rules);
        if (gates_run(&gates) != GATE_REFUSE ||
            gates_of(&gates, GATE_OWN_ADDRESSES) != GATE_REFUSE ||
            !gates_say(&gates, GATE_OWN_ADDRESSES, cases[i].what)) {
            gate_print(gates.outcome, stderr);
            fail_msg("%s", cases[i].rules);
        }
    }
    gates_override(&gates, GATE_OWN_ADDRESSES, "these networks were given back");
    assert_int_equal(gates_run(&gates), GATE_WARN);
    gates_close(&gates);
}

static void addresses_of_others_are_none_of_them(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_config("access: {allow: [0.0.0.0/0, '::/0']}\n"); /* the world is nobody's own */
    publish(&gates, "new", 6,
            EXAMPLE GATES_SAY("block prefix 203.0.113.0/24") GATES_SAY("pass prefix 10.0.0.0/8")
                GATES_SAY("block prefix 2001:db8:5::/48"));
    assert_int_equal(gates_run(&gates), GATE_PASS);
    publish(&gates, "old", 5, EXAMPLE GATES_SAY("block prefix 10.0.0.0/24"));
    publish(&gates, "new", 7, EXAMPLE GATES_SAY("block prefix 10.0.0.0/24"));
    assert_int_equal(gates_run(&gates), GATE_PASS); /* as before */
    publish(&gates, "new", 8, EXAMPLE GATES_SAY("block prefix 10.0.0.0/23"));
    assert_int_equal(gates_run(&gates), GATE_REFUSE); /* wider */
    assert_true(gates_say(&gates, GATE_OWN_ADDRESSES, "10.0.1.0"));
    gates_close(&gates);
}

static void more_rules_about_own_addresses_than_are_looked_at_are_refused(void **state)
{
    struct gates gates;
    const size_t size = 8u << 20;
    char *rules = malloc(size);
    size_t used = 0;

    (void)state;
    assert_non_null(rules);
    gates_open(&gates);
    gates_config("update: {gate: {growth: any}}\n");
    for (unsigned i = 0; i < GATE_POINTS_MAX / 2 + 1; i++) {
        used +=
            (size_t)snprintf(rules + used, size - used, GATES_SAY("pass prefix 10.%u.%u.%u/32"),
                             i >> 15, i >> 7 & 255, i << 1 & 255);
        assert_true(used < size);
    }
    publish(&gates, "new", 6, rules);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_OWN_ADDRESSES, "more rules are about own addresses"));
    free(rules);
    gates_close(&gates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(a_registrys_suffix_is_refused),
        WORKSHOP_TEST(names_below_a_suffix_are_no_suffix),
        WORKSHOP_TEST(a_private_suffix_is_a_warning_unless_it_was_there),
        WORKSHOP_TEST(a_rule_above_a_suffix_is_found_in_the_list_as_text),
        WORKSHOP_TEST(a_suffix_that_is_no_longer_let_through_is_refused),
        WORKSHOP_TEST(the_text_of_suffixes_may_be_anything),
        WORKSHOP_TEST(suffixes_beyond_the_limit_are_left_out),
        WORKSHOP_TEST(a_name_that_must_resolve_is_refused),
        WORKSHOP_TEST(a_pass_that_goes_blocks),
        WORKSHOP_TEST(every_view_and_every_schedule_counts),
        WORKSHOP_TEST(names_that_policy_does_not_decide_resolve),
        WORKSHOP_TEST(an_exception_hides_nothing),
        WORKSHOP_TEST(a_rule_that_takes_an_exceptions_rules_place_blocks),
        WORKSHOP_TEST(hosts_of_sources_must_resolve),
        WORKSHOP_TEST(own_addresses_are_not_to_be_covered),
        WORKSHOP_TEST(addresses_of_others_are_none_of_them),
        WORKSHOP_TEST(more_rules_about_own_addresses_than_are_looked_at_are_refused),
    };

    return cmocka_run_group_tests(tests, gates_library, NULL);
}
