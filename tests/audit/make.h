/* Policies and decisions for the tests of audit/: from list text, by way of the real engine. */
#ifndef CORDON_TESTS_AUDIT_MAKE_H
#define CORDON_TESTS_AUDIT_MAKE_H

#include "audit/event.h"

#include <stdio.h>
#include <string.h>

static const char make_header[] = "cordon-list 1\n"
                                  "id example-cloud\n"
                                  "title Example Cloud\n"
                                  "provider example-cloud Example Cloud \"EC\"\n"
                                  "parent example-group Example Group\n"
                                  "serial 2026112201\n"
                                  "created 2026-11-22T00:00:00Z\n"
                                  "expires 2027-12-27T00:00:00Z\n";

static const char make_fact[] = "fact parent-designated\n"
                                "entity Example Group Co., Ltd.\n"
                                "authority Authority of Examples\n"
                                "instrument List of Examples\n"
                                "citation 1 Ex. Reg. 23\n"
                                "effective 2025-01-07\n"
                                "state in-force\n"
                                "checked 2026-11-01\n";

static inline struct wire_name make_name(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static inline struct address make_address(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
    return address;
}

/* facts: "" or make_fact; rules: without their common fields' end, a line each, complete. */
static inline struct policy *make_policy(const char *facts, const char *rules,
                                         uint64_t generation, bool log_only)
{
    static const struct policy_list_setting setting = {"example-cloud", POLICY_MODE_ENFORCE,
                                                       POLICY_ACTION_DEFAULT};
    struct policy_view_setting view = {.name = "default",
                                       .log_only = log_only,
                                       .action = POLICY_ACTION_SINKHOLE,
                                       .lists = &setting,
                                       .list_count = 1};
    struct policy_list *list = NULL;
    struct policy_image *image = NULL;
    struct policy *policy = NULL;
    struct report report;
    char text[8192];

    const int len =
        snprintf(text, sizeof(text), "%s%srules\n%send\n", make_header, facts, rules);
    assert_true(len > 0 && (size_t)len < sizeof(text));
    report_init(&report);
    if (policy_list_parse(text, (size_t)len, "test", &report, &list) != 0) {
        report_print(&report, stderr);
        fail_msg("the list is refused");
    }
    report_deinit(&report);
    assert_int_equal(policy_image_build((const struct policy_list *const *)&list, 1, &image),
                     0);
    assert_int_equal(policy_create(image, &view, 1, generation, NULL, &policy), 0);
    policy_list_free(list);
    return policy;
}

/* The hit of a name at a hop (0: the question), which must have one. */
static inline struct policy_hit make_hit(const struct policy *policy, const char *text,
                                         uint8_t hop, enum policy_trigger trigger)
{
    const struct wire_name name = make_name(text);
    struct policy_outcome outcome;

    policy_decide_name(policy, 0, trigger, hop, &name, &outcome);
    assert_true(outcome.enforced || outcome.logged);
    return outcome.enforced ? outcome.hit : outcome.log_hit;
}

#endif
