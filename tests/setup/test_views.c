/* setup/views: what views have from above, what they have of their own, who is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "setup/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config *read(const char *text)
{
    struct config *config = NULL;

    assert_int_equal(config_parse(text, strlen(text), "t", "/", NULL, &config), 0);
    return config;
}

static void a_view_has_from_above_what_it_does_not_say(void **state)
{
    struct config *config = read(
        "policy: {mode: log, action: nxdomain, default: deny, allow: [a.example], sinkhole: "
        "[192.0.2.1], client: log, targets: off, name-servers: log}\n"
        "lists: {use: {a: enforce, b: off, c: {mode: log, action: drop}}}\n"
        "views:\n"
        "  same: {clients: [10.0.0.0/8]}\n"
        "  own: {clients: [172.16.0.0/12], use: {b: enforce, a: off}, mode: enforce, action: "
        "\"redirect:*.w.example\", default: allow, allow: [], sinkhole: [192.0.2.2, \"::2\"], "
        "client: pass, "
        "targets: enforce}\n"
        "  part: {clients: [192.168.0.0/16], mode: enforce}\n");
    struct setup_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct policy_image *image = NULL;
    struct setup_views views;

    (void)state;
    assert_non_null(snapshot);
    snapshot->users = 1; /* as setup_snapshot_make() leaves it */
    assert_int_equal(setup_views_init(config, NULL, &views), 0);
    assert_int_equal(views.count, 4);
    for (size_t i = 0; i < 2; i++) {
        const struct policy_view_setting *view = &views.at[i];

        assert_string_equal(view->name, i == 0 ? "default" : "same");
        assert_true(view->log_only);
        assert_int_equal(view->action, POLICY_ACTION_NXDOMAIN);
        assert_true(view->deny);
        assert_int_equal(view->client, POLICY_CLIENT_LOG);
        assert_int_equal(view->targets, POLICY_MODE_OFF);
        assert_int_equal(view->name_servers, POLICY_MODE_LOG);
        assert_int_equal(view->allow_count, 1);
        assert_int_equal(view->list_count, 2); /* those that are off are not there */
        assert_string_equal(view->lists[0].id, "a");
        assert_int_equal(view->lists[0].mode, POLICY_MODE_ENFORCE);
        assert_int_equal(view->lists[0].action, POLICY_ACTION_DEFAULT);
        assert_string_equal(view->lists[1].id, "c");
        assert_int_equal(view->lists[1].mode, POLICY_MODE_LOG);
        assert_int_equal(view->lists[1].action, POLICY_ACTION_DROP);
    }
    const struct policy_view_setting *own = &views.at[2];
    assert_string_equal(own->name, "own");
    assert_false(own->log_only);
    assert_int_equal(own->action, POLICY_ACTION_REDIRECT);
    assert_true(own->redirect_prefixes);
    assert_int_equal(own->redirect.labels, 2);
    assert_false(own->deny);
    assert_int_equal(own->client, POLICY_CLIENT_PASS);
    assert_int_equal(own->targets, POLICY_MODE_ENFORCE);
    assert_int_equal(own->name_servers, POLICY_MODE_LOG);
    assert_int_equal(own->allow_count, 0);
    assert_int_equal(own->list_count, 1);
    assert_string_equal(own->lists[0].id, "b");
    assert_false(views.at[3].log_only);
    assert_int_equal(views.at[3].list_count, 2);
    assert_true(views.at[3].deny);
    /* each list is loaded once, whoever uses it */
    assert_int_equal(views.id_count, 3);
    assert_string_equal(views.ids[0], "a");
    assert_string_equal(views.ids[1], "c");
    assert_string_equal(views.ids[2], "b");
    /* What is handed on borrows nothing from the file. */
    const struct policy_view_setting bare[4] = {
        {.name = "x"}, {.name = "x"}, {.name = "x"}, {.name = "x"}};
    assert_int_equal(policy_image_build(NULL, 0, &image), 0);
    assert_int_equal(policy_create(image, bare, 4, 1, NULL, &snapshot->policy), 0);
    assert_int_equal(setup_views_fill(config, &views, snapshot), 0);
    setup_views_deinit(&views);
    config_free(config);
    assert_int_equal(snapshot->view_count, 4);
    assert_string_equal(snapshot->views[2].name, "own");
    assert_int_equal(snapshot->views[0].sinkhole4.octets[3], 1);
    assert_int_equal(snapshot->views[1].sinkhole4.octets[3], 1);
    assert_int_equal(snapshot->views[2].sinkhole4.octets[3], 2);
    assert_int_equal(snapshot->views[2].sinkhole6.octets[15], 2);
    assert_string_equal(snapshot->shown[2].action, "redirect:*.w.example");
    assert_true(snapshot->shown[1].log_only && snapshot->shown[1].deny);
    assert_int_equal(snapshot->shown[1].client_count, 1);
    assert_int_equal(snapshot->shown[1].allowed, 1);
    assert_false(setup_views_log_only(snapshot));
    setup_snapshot_free(snapshot);
}

static void caps_come_from_above_one_by_one(void **state)
{
    struct config *config = read(
        "policy: {categories: {cdn: log}, scopes: {consumer: off}, confidence: {apply: high}}\n"
        "views:\n"
        "  same: {clients: [10.0.0.0/8]}\n"
        "  part: {clients: [172.16.0.0/12], categories: {mail: off}, confidence: {}}\n"
        "  none: {clients: [192.168.0.0/16], scopes: {}}\n");
    struct setup_views views;

    (void)state;
    assert_int_equal(setup_views_init(config, NULL, &views), 0);
    for (size_t i = 0; i < 4; i++) {
        const struct policy_caps *caps = views.at[i].caps;

        assert_non_null(caps);
        assert_int_equal(caps->category_count, 1);
        assert_string_equal(caps->categories[0].word, i == 2 ? "mail" : "cdn");
        assert_int_equal(caps->categories[0].mode, i == 2 ? POLICY_MODE_OFF : POLICY_MODE_LOG);
        assert_int_equal(caps->scopes[POLICY_SCOPE_CONSUMER],
                         i == 3 ? POLICY_MODE_ENFORCE : POLICY_MODE_OFF);
        assert_int_equal(caps->scopes[POLICY_SCOPE_CLOUD], POLICY_MODE_ENFORCE);
        assert_int_equal(caps->log, POLICY_CONFIDENCE_LOW);
        assert_int_equal(caps->apply, i == 2 ? POLICY_CONFIDENCE_LOW : POLICY_CONFIDENCE_HIGH);
    }
    setup_views_deinit(&views);
    config_free(config);
}

static void without_views_there_is_the_default(void **state)
{
    struct config *config = read("policy: {mode: log}\nlists: {use: {a: enforce}}");
    struct policy_views *choice = NULL;
    struct setup_views views;

    (void)state;
    assert_int_equal(setup_views_init(config, NULL, &views), 0);
    assert_int_equal(views.count, 1);
    assert_string_equal(views.at[0].name, "default");
    assert_int_equal(setup_views_choice(config, NULL, &choice), 0);
    assert_null(choice);
    setup_views_deinit(&views);
    config_free(config);
}

static void who_is_in_a_view_follows_from_the_file(void **state)
{
    static const struct {
        const char *client, *local;
        unsigned view;
    } cases[] = {
        {"10.1.2.3", "127.0.0.1@53", 1},
        {"10.1.2.3", "127.0.0.1@54", 1},
        {"10.200.0.1", "127.0.0.1@53", 2},
        {"10.200.0.1", "127.0.0.1@54", 0},
        {"fd00::1", "[::1]@53", 1},
        {"192.168.1.1", "127.0.0.1@54", 0},
        {"192.168.1.1", "192.0.2.7@5300", 3},
        {"2001:db8::1", "[2001:db8::53]@5300", 3},
        {"2001:db8::1", "[2001:db8::53]@53", 0},
    };
    struct config *config =
        read("server: {listen: [127.0.0.1@53, 127.0.0.1@54, 0.0.0.0@5300, \"[::]@5300\"]}\n"
             "views:\n"
             "  net: {clients: [10.1.0.0/16, \"fd00::/8\"]}\n"
             "  both: {clients: [10.0.0.0/8], listen: [127.0.0.1]}\n"
             "  port: {listen: [0.0.0.0@5300, \"[::]@5300\"]}\n");
    struct policy_views *choice = NULL;

    (void)state;
    assert_int_equal(setup_views_choice(config, NULL, &choice), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address client, local;

        assert_int_equal(address_parse(cases[i].client, strlen(cases[i].client), 0, &client),
                         0);
        assert_int_equal(address_parse(cases[i].local, strlen(cases[i].local), 53, &local), 0);
        const unsigned view = policy_views_choose(choice, &client, &local);
        if (view != cases[i].view) {
            fail_msg("%s at %s: %u", cases[i].client, cases[i].local, view);
        }
    }
    policy_views_free(choice);
    config_free(config);
}

static void each_view_redirects_to_a_name_of_its_own(void **state)
{
    struct config *config =
        read("lists: {use: {a: {mode: log, action: \"redirect:x.example\"}}}\n"
             "views: {v: {clients: [loopback], use: {a: {mode: log, action: "
             "\"redirect:y.example\"}}}}");
    struct setup_views views;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(setup_views_init(config, &report, &views), 0);
    assert_int_equal(views.at[0].redirect.octets[1], 'x');
    assert_int_equal(views.at[1].redirect.octets[1], 'y');
    setup_views_deinit(&views);
    report_deinit(&report);
    config_free(config);
}

/* The mode of a list among these; OFF: it is not there. */
static enum policy_mode mode_of(const struct policy_list_setting *lists, size_t count,
                                const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(lists[i].id, id) == 0) {
            return lists[i].mode;
        }
    }
    return POLICY_MODE_OFF;
}

/* A dead list, by the operator's word: in views that enforce it, or that do while a schedule
 * holds, and nowhere else. */
static void a_dead_list_counts_nowhere_whatever_the_hour(void **state)
{
    struct config *config = read(
        "schedules: {s: {zone: UTC}}\n"
        "policy: {when: [{schedule: s, mode: log}]}\n"
        "lists: {use: {a: enforce, b: enforce}}\n"
        "views:\n"
        "  at-times: {clients: [10.0.0.0/8], use: {b: enforce}, when: [{schedule: s, lists: "
        "{a: enforce}}]}\n"
        "  never: {clients: [172.16.0.0/12], use: {a: log, b: enforce}, when: []}\n");

    (void)state;
    for (unsigned refuse = 0; refuse < 2; refuse++) {
        struct setup_views views;
        struct report report;

        report_init(&report);
        assert_int_equal(setup_views_init(config, NULL, &views), 0);
        assert_int_equal(views.at[1].variant_count, 1);
        setup_views_bury(&views, "a", refuse == 1, refuse == 0, &report);
        assert_int_equal(report.warnings, 2); /* a line for each view that is concerned */
        for (size_t i = 0; i < 2; i++) {
            const struct policy_view_setting *view = &views.at[i];
            const struct policy_view_variant *variant = &view->variants[0];
            const enum policy_mode wanted = refuse == 1 ? POLICY_MODE_ENFORCE : POLICY_MODE_LOG;

            assert_int_equal(mode_of(variant->lists, variant->list_count, "a"), wanted);
            assert_int_equal(mode_of(view->lists, view->list_count, "a"),
                             i == 0 ? wanted : POLICY_MODE_OFF);
            assert_int_equal(view->deny, refuse == 1);
            assert_int_equal(variant->deny, refuse == 1);
            assert_int_equal(variant->log_only, refuse == 0 && i == 0);
            assert_int_equal(view->action == POLICY_ACTION_REFUSED, refuse == 1);
            assert_int_equal(variant->action == POLICY_ACTION_REFUSED, refuse == 1);
        }
        assert_int_equal(mode_of(views.at[0].lists, views.at[0].list_count, "b"),
                         POLICY_MODE_ENFORCE);
        assert_false(views.at[2].deny);
        assert_int_equal(mode_of(views.at[2].lists, views.at[2].list_count, "a"),
                         POLICY_MODE_LOG);
        report_deinit(&report);
        setup_views_deinit(&views);
    }
    config_free(config);
}

static void too_many_lists_in_all_views_are_refused(void **state)
{
    const size_t size = 1u << 16;
    char *text = malloc(size);

    (void)state;
    assert_non_null(text);
    for (unsigned more = 0; more < 2; more++) {
        size_t used = (size_t)snprintf(text, size, "lists: {use: {");
        struct setup_views views;
        struct report report;

        for (unsigned i = 0; i < 100; i++) {
            used += (size_t)snprintf(text + used, size - used, "a%u: log, ", i);
        }
        used += (size_t)snprintf(text + used, size - used,
                                 "}}\nviews: {v: {clients: [loopback], use: {a0: log, ");
        for (unsigned i = 0; i < 28 + more; i++) {
            used += (size_t)snprintf(text + used, size - used, "b%u: log, ", i);
        }
        snprintf(text + used, size - used, "}}}");
        struct config *config = read(text);
        report_init(&report);
        assert_int_equal(setup_views_init(config, &report, &views),
                         more == 0 ? 0 : CORDON_E_REFUSED);
        assert_int_equal(report.count, more);
        setup_views_deinit(&views);
        report_deinit(&report);
        config_free(config);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_has_from_above_what_it_does_not_say),
        cmocka_unit_test(caps_come_from_above_one_by_one),
        cmocka_unit_test(without_views_there_is_the_default),
        cmocka_unit_test(who_is_in_a_view_follows_from_the_file),
        cmocka_unit_test(each_view_redirects_to_a_name_of_its_own),
        cmocka_unit_test(a_dead_list_counts_nowhere_whatever_the_hour),
        cmocka_unit_test(too_many_lists_in_all_views_are_refused),
    };
    return cmocka_run_group_tests_name("setup/views", tests, NULL, NULL);
}
