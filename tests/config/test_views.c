/* config/views: what is read of views, what is refused, and what is only odd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/refusal.h"

#include <stdlib.h>

#define REDIRECT "name one of the two in both places, or put the clients into two views"
#define LISTEN   "server: {listen: [127.0.0.1@53, 192.0.2.1@53, 0.0.0.0@5300, \"[::]@5300\"]}\n"

static struct config *parse(const char *text, struct report *report)
{
    struct config *config = NULL;

    report_init(report);
    const int rc = config_parse(text, strlen(text), "t", "/etc/cordon", report, &config);
    if (rc != 0) {
        report_print(report, stderr);
    }
    assert_int_equal(rc, 0);
    return config;
}

static void assert_prefix(const struct address_prefix *prefix, const char *want)
{
    char text[ADDRESS_TEXT_MAX];

    address_prefix_format(prefix, text);
    assert_string_equal(text, want);
}

static void a_view_has_what_it_says(void **state)
{
    struct report report;
    struct config *config =
        parse(LISTEN "policy: {default: deny, allow: [corp.example]}\n"
                     "views:\n"
                     "  kids-2:\n"
                     "    clients: [10.1.0.0/16, loopback, 192.168.1.7]\n"
                     "    listen: [192.0.2.1, 10.0.0.1@5300, \"[2001:db8::1]@5300\"]\n"
                     "    use: {b: log, a: {mode: enforce, action: nxdomain}}\n"
                     "    mode: log\n"
                     "    action: redirect:*.wall.example\n"
                     "    sinkhole: [192.0.2.9]\n"
                     "    default: allow\n"
                     "    client: block\n"
                     "    targets: enforce\n"
                     "    allow: [a.example, B.example.]\n"
                     "  rest:\n"
                     "    listen: [127.0.0.1@53]\n",
              &report);

    (void)state;
    assert_true(config->deny);
    assert_int_equal(config->allow.count, 1);
    assert_int_equal(config->view_count, 2);
    const struct config_view *view = &config->views[0];
    assert_string_equal(view->name, "kids-2");
    assert_int_equal(view->client_count, 4);
    assert_prefix(&view->clients[0], "10.1.0.0/16");
    assert_prefix(&view->clients[1], "127.0.0.0/8");
    assert_prefix(&view->clients[2], "::1/128");
    assert_prefix(&view->clients[3], "192.168.1.7/32");
    assert_int_equal(view->listen_count, 3);
    assert_int_equal(view->listen[0].port, 53);
    assert_int_equal(view->listen[2].port, 5300);
    assert_true(view->has_use && view->has_mode && view->has_action && view->has_sinkhole &&
                view->has_default && view->has_allow);
    assert_int_equal(view->list_count, 2);
    assert_string_equal(view->lists[0].id, "b");
    assert_int_equal(view->lists[0].mode, CONFIG_MODE_LOG);
    assert_string_equal(view->lists[1].action, "nxdomain");
    assert_true(view->log_only);
    assert_true(view->client.has && view->targets.has && !view->name_servers.has);
    assert_int_equal(view->client.value, CONFIG_CLIENT_BLOCK);
    assert_int_equal(view->targets.value, CONFIG_MODE_ENFORCE);
    assert_int_equal(config->client, CONFIG_CLIENT_DECIDE);
    assert_int_equal(config->targets, CONFIG_MODE_LOG);
    assert_int_equal(config->name_servers, CONFIG_MODE_ENFORCE);
    assert_string_equal(view->action, "redirect:*.wall.example");
    assert_int_equal(view->sinkhole4.octets[3], 9);
    assert_int_equal(view->sinkhole6.family, ADDRESS_V6);
    assert_false(view->deny);
    assert_int_equal(view->allow.count, 2);
    view = &config->views[1];
    assert_string_equal(view->name, "rest");
    assert_int_equal(view->client_count, 0);
    assert_false(view->has_use || view->has_mode || view->has_action || view->has_sinkhole ||
                 view->has_default || view->has_allow);
    config_free(config);
    report_deinit(&report);
}

static void no_views_are_fine(void **state)
{
    static const char *const texts[] = {"", "views:\n", "views: {}\n"};

    (void)state;
    for (size_t i = 0; i < ITEMS(texts); i++) {
        struct report report;
        struct config *config = parse(texts[i], &report);

        assert_int_equal(config->view_count, 0);
        assert_false(config->deny);
        assert_int_equal(report.count, 0);
        config_free(config);
        report_deinit(&report);
    }
}

#define IN(options) "views: {v: {clients: [loopback], " options "}}"

static void options_that_cannot_be_are_refused(void **state)
{
    static const struct refusal cases[] = {
        /* The section. */
        {"views: [a]", "1:8: views: expected views, a line each: NAME: {clients: "
                       "[192.0.2.0/24]}"},
        {"views: kids",
         "1:8: views: expected views, a line each: NAME: {clients: [192.0.2.0/24]}"},
        {"views: {kids: [10.0.0.0/8]}",
         "1:15: views: kids: expected options below it, a line each: clients: [192.0.2.0/24]"},
        {"views: {kids: }",
         "1:15: views: kids: expected options below it, a line each: clients: [192.0.2.0/24]"},
        /* Names. */
        {"views: {Kids: {clients: [loopback]}}",
         "1:9: views: \"Kids\" is no name for a view: 1 to 24 of a-z 0-9 and -, not - first"},
        {"views: {-k: {clients: [loopback]}}",
         "1:9: views: \"-k\" is no name for a view: 1 to 24 of a-z 0-9 and -, not - first"},
        {"views: {\"\": {clients: [loopback]}}",
         "1:9: views: \"\" is no name for a view: 1 to 24 of a-z 0-9 and -, not - first"},
        {"views: {a.b: {clients: [loopback]}}",
         "1:9: views: \"a.b\" is no name for a view: 1 to 24 of a-z 0-9 and -, not - first"},
        {"views: {abcdefghijklmnopqrstuvwxy: {clients: [loopback]}}",
         "1:9: views: \"abcdefghijklmnopqrstuvwxy\" is no name for a view: 1 to 24 of a-z 0-9 "
         "and -, not - first"},
        {"views: {default: {clients: [loopback]}}",
         "1:9: views: \"default\" is no name for a view: so is called what stands in policy: "
         "and lists:"},
        {"views:\n  a: {clients: [loopback]}\n  a: {clients: [private]}",
         "3:3: \"a\" stands here twice, first on line 2: keep one of them"},
        /* Options. */
        {IN("lists: {a: log}"),
         "1:34: views: v: the lists of a view stand below use: LIST: MODE"},
        {IN("zebra: 1"), "1:34: views.NAME: unknown option \"zebra\"; there are "
                         "clients, listen, use, mode, action, sinkhole, default, allow, "
                         "client, targets, name-servers, categories, scopes, confidence, "
                         "when"},
        {IN("client: deny"),
         "1:42: views.NAME.client: \"deny\" is not one of decide, pass, log, block"},
        {IN("targets: on"), "1:43: views.NAME.targets: \"on\" is not one of off, log, enforce"},
        {IN("name-servers: [log]"),
         "1:48: views.NAME.name-servers: expected a word, but found a "
         "sequence [...]; an IPv6 address in brackets needs quotes"},
        {"policy: {client: refuse}",
         "1:18: policy.client: \"refuse\" is not one of decide, pass, log, block"},
        {IN("moed: log"), "1:34: views.NAME: unknown option \"moed\": did you mean mode?"},
        {IN("mode: off"), "1:40: views.NAME.mode: \"off\" is not one of enforce, log"},
        {IN("mode: [log]"),
         "1:40: views.NAME.mode: expected a word, but found a sequence [...]; an IPv6 address "
         "in brackets needs quotes"},
        {IN("default: block"), "1:43: views.NAME.default: \"block\" is not one of allow, deny"},
        {IN("default: dney"),
         "1:43: views.NAME.default: \"dney\" is not one of allow, deny: did you mean deny?"},
        {IN("action: log"), "1:42: views.NAME.action: \"log\" is not for here: to record and "
                            "let through, write mode: log"},
        {IN("use: [a]"), "1:39: views.NAME.use: expected lists with their modes, a line each: "
                         "huawei-cloud: enforce"},
        {IN("use: {a: on}"), "1:43: views.NAME.use: \"on\" is not one of enforce, log, off"},
        {IN("use: {A: log}"),
         "1:40: views.NAME.use: \"A\" is not the id of a list: 1 to 64 of a-z 0-9 and -, not - "
         "first; the file ID.list without its ending"},
        {IN("sinkhole: []"),
         "1:44: views.NAME.sinkhole: no address: leave the line out for 0.0.0.0 and ::"},
        {IN("sinkhole: [1.1.1.1, 2.2.2.2]"),
         "1:54: views.NAME.sinkhole: two addresses of one family: answers have one IPv4 and "
         "one IPv6 address"},
        {IN("default: deny, allow: [\"*.corp.example\"]"),
         "1:57: views.NAME.allow: \"*.corp.example\": write corp.example: all names below it "
         "are meant, too"},
        {IN("default: deny, allow: [.]"),
         "1:57: views.NAME.allow: the root is every name: write default: allow"},
        {IN("default: deny, allow: [a..b]"),
         "1:57: views.NAME.allow: \"a..b\" is no name: an empty label (a leading dot, two "
         "dots in a row, or no name at all)"},
        {IN("default: deny, allow: [a.b, A.B.]"),
         "1:62: views.NAME.allow: \"A.B.\" stands here twice: remove one"},
        {IN("default: deny, allow: a.b"),
         "1:56: views.NAME.allow: expected names: [corp.example]"},
        {"policy: {default: deny, allow: [.]}",
         "1:33: policy.allow: the root is every name: write default: allow"},
        {"policy: {default: no}", "1:19: policy.default: \"no\" is not one of allow, deny"},
        /* Clients. */
        {"views: {v: {clients: []}}",
         "1:22: views.NAME.clients: no network: nobody would be in the view; leave the line "
         "out for whoever asks at listen"},
        {"views: {v: {clients: 10.0.0.0/8}}",
         "1:22: views.NAME.clients: expected prefixes and words: [loopback, private, "
         "192.0.2.0/24]"},
        {"views: {v: {clients: [10.0.0.1/8]}}",
         "1:23: views.NAME.clients: \"10.0.0.1/8\" is no prefix (192.0.2.0/24, 2001:db8::/32; "
         "the bits behind the length are zero) and none of loopback, private, shared"},
        {"views: {v: {clients: [guests]}}",
         "1:23: views.NAME.clients: \"guests\" is no prefix (192.0.2.0/24, 2001:db8::/32; the "
         "bits behind the length are zero) and none of loopback, private, shared"},
        /* Listeners. */
        {"views: {v: {listen: []}}", "1:21: views.NAME.listen: no address: nobody would be in "
                                     "the view; leave the line out for all"},
        {LISTEN "views: {v: {listen: [192.0.2.2@53]}}",
         "2:22: views: v: server.listen has no 192.0.2.2@53: nobody can ask there; name it "
         "there, too"},
        {LISTEN "views: {v: {listen: [192.0.2.1@54]}}",
         "2:22: views: v: server.listen has no 192.0.2.1@54: nobody can ask there; name it "
         "there, too"},
        /* a wildcard is of one family and one port, and not covered by a single address */
        {LISTEN "views: {v: {listen: [0.0.0.0@53]}}",
         "2:22: views: v: server.listen has no 0.0.0.0@53: nobody can ask there; name it "
         "there, too"},
        {LISTEN "views: {v: {listen: [192.0.2.1@53, 192.0.2.1]}}",
         "2:36: views.NAME.listen: \"192.0.2.1\" stands here twice: remove one"},
        {LISTEN "views: {v: {listen: [lan0]}}",
         "2:22: views.NAME.listen: \"lan0\" is neither an IPv4 nor an IPv6 address, with @PORT "
         "or without: names are not looked up here"},
        /* Conditions. */
        {"views: {v: {mode: log}}", "1:9: views: v: names neither clients nor listen: what is "
                                    "for all stands in policy: and lists:"},
        {"views:\n  a: {clients: [loopback]}\n  b: {clients: [10.0.0.0/8, 127.0.0.0/8]}",
         "3:3: views: b: a has the same clients (127.0.0.0/8) at the same listener: which of "
         "the two would count? Name them in one"},
        {LISTEN "views:\n  a: {listen: [127.0.0.1]}\n  b: {listen: [192.0.2.1@53, 127.0.0.1]}",
         "4:3: views: b: a has the same clients (0.0.0.0/0) at the same listener: which of the "
         "two would count? Name them in one"},
        {LISTEN "access: {allow: [0.0.0.0/0]}\nviews:\n  a: {listen: [127.0.0.1]}\n"
                "  b: {listen: [127.0.0.1], clients: [0.0.0.0/0]}",
         "5:3: views: b: a has the same clients (0.0.0.0/0) at the same listener: which of the "
         "two would count? Name them in one"},
        /* Redirects: one name for a view, at any time. */
        {"lists: {use: {a: {mode: log, action: \"redirect:x.example\"},\n"
         "  b: {mode: log, action: \"redirect:y.example\"}}}",
         "2:3: view default redirects to y.example here and to x.example on line 1: " REDIRECT},
        {"lists: {use: {a: {mode: log, action: \"redirect:x.example\"}}}\n"
         "views: {v: {clients: [loopback], action: \"redirect:y.example\"}}",
         "1:15: view v redirects to x.example here and to y.example on line 2: " REDIRECT},
        {"policy: {action: \"redirect:x.example\"}\n"
         "lists: {use: {a: {mode: log, action: \"redirect:*.x.example\"}}}",
         "2:15: view default redirects to *.x.example here and to x.example on line "
         "1: " REDIRECT},
        {"schedules: {s: {zone: UTC}}\npolicy: {action: \"redirect:x.example\"}\n"
         "views: {v: {clients: [loopback], when: [\n"
         "  {schedule: s, lists: {a: {mode: log, action: \"redirect:y.example\"}}}]}}",
         "4:25: view v redirects to y.example here and to x.example on line 2: " REDIRECT},
    };

    (void)state;
    check_among(cases, ITEMS(cases), true);
}

/* Prefixes overlap, and listeners do: then there is a longer one, or a first one. */
static void conditions_may_overlap(void **state)
{
    static const char *const texts[] = {
        "views:\n  a: {clients: [10.0.0.0/8]}\n  b: {clients: [10.1.0.0/16]}",
        LISTEN "views:\n  a: {clients: [10.0.0.0/8]}\n  b: {clients: [10.0.0.0/8], listen: "
               "[127.0.0.1]}",
        LISTEN "views:\n  a: {listen: [0.0.0.0@5300]}\n  b: {listen: [192.0.2.7@5300]}",
        LISTEN "views:\n  a: {listen: [127.0.0.1]}\n  b: {listen: [192.0.2.1]}",
        /* Each redirects to its own; letter case and a last dot make no other name. */
        "views:\n  a: {clients: [10.0.0.0/8], action: \"redirect:x.example\", use: {l: {mode: "
        "log, "
        "action: \"redirect:X.example.\"}}}\n  b: {clients: [10.1.0.0/16], action: "
        "\"redirect:y.example\"}",
        LISTEN "views:\n  a: {listen: [0.0.0.0@5300]}\n  b: {listen: [\"[::]@5300\"]}",
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(texts); i++) {
        struct report report;
        struct config *config = parse(texts[i], &report);

        assert_int_equal(config->view_count, 2);
        assert_int_equal(report.count, 0);
        config_free(config);
        report_deinit(&report);
    }
}

static void what_is_odd_but_allowed_is_a_warning(void **state)
{
    static const struct refusal cases[] = {
        {"views: {v: {clients: [192.0.2.0/24]}}",
         "1:22: views: v: no network of access.allow covers 192.0.2.0/24: who is outside of "
         "them is not answered"},
        {"access: {allow: [10.1.0.0/16]}\nviews: {v: {clients: [10.1.2.0/24, 10.0.0.0/8]}}",
         "2:22: views: v: no network of access.allow covers 10.0.0.0/8: who is outside of them "
         "is not answered"},
        {IN("allow: [a.example]"),
         "1:9: views: v: allow is for default: deny alone, and says nothing here"},
        {IN("default: deny, action: truncate"),
         "1:9: views: v: default: deny with the action truncate denies nothing over TCP"},
        {IN("use: {a: off}"),
         "1:39: views.NAME.use: every list is off: no list will block or record anything"},
        {"policy: {allow: [a.example]}",
         "1:17: policy.allow is for default: deny alone, and says nothing here"},
        {"policy: {default: deny, action: truncate}",
         "1:19: policy.default: deny with the action truncate denies nothing over TCP"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct report report;
        struct config *config = parse(cases[i].text, &report);

        assert_int_equal(report.count, 1);
        assert_int_equal(report.entries[0].kind, REPORT_WARNING);
        assert_string_equal(report.entries[0].text + 2, cases[i].fault);
        config_free(config);
        report_deinit(&report);
    }
    /* policy.allow is of use where a view denies and has no allow of its own */
    struct report report;
    struct config *config =
        parse("policy: {allow: [a.example]}\n" IN("default: deny"), &report);
    assert_int_equal(report.count, 0);
    config_free(config);
    report_deinit(&report);
}

static void more_than_the_limits_are_refused(void **state)
{
    static const struct {
        const char *before, *each, *after;
        unsigned most;
        const char *fault;
    } cases[] = {
        {"views: {", "v%u: {clients: [10.%u.0.0/16]}, ", "}", 63, "64 views: 63 are the most"},
        {"views: {v: {clients: [", "10.%u.%u.0/24, ", "]}}", 64, "65 entries: 64 are the most"},
        {"server: {listen: [0.0.0.0@53]}\nviews: {v: {listen: [", "10.0.%u.%u@53, ", "]}}", 8,
         "9 entries: 8 are the most"},
        {"policy: {default: deny, allow: [", "n%u.%u.example, ", "]}", 1000,
         "1000 are the most"},
    };
    const size_t size = 1 << 17;
    char *text = malloc(size);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        for (unsigned more = 0; more < 2; more++) {
            struct config *config = NULL;
            struct report report;
            size_t used = (size_t)snprintf(text, size, "%s", cases[i].before);
            bool found = false;

            for (unsigned n = 0; n < cases[i].most + more; n++) {
                char item[64];
                /* The formats are the table's own. */
                const char *each = cases[i].each;
                size_t at = 0;
                for (; *each != '\0'; each++) {
                    if (each[0] == '%') {
                        at += (size_t)snprintf(item + at, sizeof(item) - at, "%u", n % 250);
                        if (n >= 250) {
                            at += (size_t)snprintf(item + at, sizeof(item) - at, "%s",
                                                   n < 500    ? "a"
                                                   : n < 750  ? "b"
                                                   : n < 1000 ? "c"
                                                              : "d");
                        }
                        each++;
                    } else {
                        item[at++] = *each;
                    }
                }
                item[at] = '\0';
                used += (size_t)snprintf(text + used, size - used, "%s", item);
            }
            snprintf(text + used, size - used, "%s", cases[i].after);
            report_init(&report);
            const int rc = config_parse(text, strlen(text), "t", "/", &report, &config);
            for (size_t j = 0; j < report.count; j++) {
                found = found || strstr(report.entries[j].text, cases[i].fault) != NULL;
            }
            if (rc != (more == 0 ? 0 : CORDON_E_REFUSED) || found != (more == 1)) {
                report_print(&report, stderr);
                fail_msg("case %zu, %u more: %d", i, more, rc);
            }
            config_free(config);
            report_deinit(&report);
        }
    }
    /* words count as what they stand for: private is six, loopback two */
    struct refusal words = {"views: {v: {clients: [private, loopback, 11.0.0.0/8]}}", NULL};
    struct report report;
    struct config *config = parse(words.text, &report);
    assert_int_equal(config->views[0].client_count, 9);
    config_free(config);
    report_deinit(&report);
    free(text);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    static const char text[] =
        LISTEN "policy: {default: deny, allow: [corp.example, \"a\\\\032b.example\"]}\n"
               "views:\n"
               "  kids:\n"
               "    clients: [10.1.0.0/16, loopback]\n"
               "    listen: [192.0.2.1, \"[2001:db8::1]@5300\"]\n"
               "    use: {b: log, a: {mode: enforce, action: \"redirect:*.w.example\"}}\n"
               "    mode: log\n"
               "    action: nxdomain\n"
               "    sinkhole: [192.0.2.9, \"::1\"]\n"
               "    default: allow\n"
               "    allow: []\n"
               "  empty-use: {clients: [\"fd00::/8\"], use: {}}\n"
               "  deny: {listen: [127.0.0.1], default: deny, allow: [a.example]}\n";
    char *printed[2] = {NULL, NULL};
    const char *from = text;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct report report;
        struct config *config = parse(from, &report);
        size_t len = 0;
        FILE *out = open_memstream(&printed[i], &len);

        assert_non_null(out);
        config_print(config, out);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(config->view_count, 3);
        assert_int_equal(config->views[0].has_allow, true);
        from = printed[i];
        config_free(config);
        report_deinit(&report);
    }
    assert_string_equal(printed[0], printed[1]);
    assert_non_null(strstr(printed[0], "views:\n  kids:\n    clients: [10.1.0.0/16"));
    free(printed[0]);
    free(printed[1]);
}

/* What the example file shows of views behind "#" is a configuration. */
static void the_example_of_views_is_one(void **state)
{
    char *example = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&example, &len);
    struct report report;

    (void)state;
    assert_non_null(out);
    config_print_example(out);
    assert_int_equal(fclose(out), 0);
    char *at = strstr(example, "# views:\n");
    assert_non_null(at);
    char *end = strstr(at, "\n\n");
    assert_non_null(end);
    *end = '\0';
    char text[4096] = "server: {listen: [192.168.1.2@53]}\n";
    for (char *line = strtok(at, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(strncmp(line, "# ", 2) == 0);
        strcat(text, line + 2);
        strcat(text, "\n");
    }
    struct config *config = parse(text, &report);
    assert_int_equal(report.count, 0);
    assert_int_equal(config->view_count, 2);
    assert_true(config->views[1].deny);
    config_free(config);
    report_deinit(&report);
    free(example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_has_what_it_says),
        cmocka_unit_test(no_views_are_fine),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(conditions_may_overlap),
        cmocka_unit_test(what_is_odd_but_allowed_is_a_warning),
        cmocka_unit_test(more_than_the_limits_are_refused),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(the_example_of_views_is_one),
    };
    return cmocka_run_group_tests_name("config/views", tests, NULL, NULL);
}
