/*
 * policy/policy: rules about clients and name servers, what the operator says about them, and
 * passes that end a chain. The truth table as a whole is compared with a model in
 * test_precedence.c.
 */
#include "policy/make.h"

#include "policy/answer.h"

/* Two enforced lists and one that only logs, in this order. */
struct given {
    const char *first, *second, *logs;
};

static struct policy *policy_of(const struct given *given, struct policy_view_setting view)
{
    const char *const rules[] = {given->first, given->second, given->logs};
    static const char *const ids[] = {"a", "b", "l"};
    struct policy_list_setting settings[3];
    struct policy_list *lists[3];
    struct policy *policy = NULL;
    size_t count = 0;

    for (size_t i = 0; i < 3; i++) {
        if (rules[i] != NULL) {
            lists[count] = list_of(ids[i], rules[i]);
            settings[count++] = (struct policy_list_setting){
                ids[i], i == 2 ? POLICY_MODE_LOG : POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT};
        }
    }
    struct policy_image *image = image_of((const struct policy_list *const *)lists, count);
    view.name = "default";
    view.lists = settings;
    view.list_count = count;
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), 0);
    for (size_t i = 0; i < count; i++) {
        policy_list_free(lists[i]);
    }
    return policy;
}

static void say(const struct policy *policy, const struct policy_outcome *out, char words[160])
{
    char rule[POLICY_RULE_TEXT_MAX];
    struct policy_row row;

    words[0] = '\0';
    for (unsigned i = 0; i < 2; i++) {
        const struct policy_hit *hit = i == 0 ? &out->hit : &out->log_hit;
        const size_t used = strlen(words);

        if (i == 0 ? !out->enforced && !out->denied : !out->logged) {
            continue;
        }
        rule[0] = '\0';
        if (policy_hit_row(policy, hit, &row)) {
            assert_true(policy_hit_rule(hit, &row, rule, sizeof(rule)) > 0);
        }
        snprintf(words + used, 160 - used, "%s%s %s%s%s", used > 0 ? "; " : "",
                 policy_mode_name((enum policy_mode)hit->mode),
                 policy_action_name((enum policy_action)hit->action),
                 rule[0] != '\0' ? " " : "", rule);
    }
}

static void decide(const struct policy *policy, enum policy_trigger trigger, const char *what,
                   struct policy_outcome *out)
{
    const bool is_address = policy_trigger_is_address(trigger);
    const struct wire_name name = name_of(is_address ? "owner.example" : what);

    if (!is_address) {
        policy_decide_name(policy, 0, trigger, 0, &name, out);
        return;
    }
    const struct address address = address_of(what);
    if (trigger == POLICY_TRIGGER_CLIENT) {
        policy_decide_client(policy, 0, &address, out);
    } else {
        policy_decide_address(policy, 0, trigger, 0, &name, &address, out);
    }
}

struct row {
    struct given lists;
    enum policy_trigger trigger;
    const char *what;
    const char *wanted; /* of say() */
};

#define C POLICY_TRIGGER_CLIENT
#define Q POLICY_TRIGGER_QNAME
#define A POLICY_TRIGGER_ADDRESS
#define N POLICY_TRIGGER_NAMESERVER
#define I POLICY_TRIGGER_NAMESERVER_ADDRESS

static const struct row table[] = {
    /* each subject has its own rules: none speaks for another */
    {{"block prefix 192.0.2.0/24", NULL, NULL}, C, "192.0.2.1", ""},
    {{"block prefix 192.0.2.0/24", NULL, NULL}, I, "192.0.2.1", ""},
    {{"block prefix 192.0.2.0/24", NULL, NULL},
     A,
     "192.0.2.1",
     "enforce sinkhole block prefix 192.0.2.0/24"},
    {{"block prefix 192.0.2.0/24 trigger=client", NULL, NULL},
     C,
     "192.0.2.1",
     "enforce sinkhole block prefix 192.0.2.0/24 trigger=client"},
    {{"block prefix 192.0.2.0/24 trigger=client", NULL, NULL}, A, "192.0.2.1", ""},
    {{"block prefix 192.0.2.0/24 trigger=client", NULL, NULL}, I, "192.0.2.1", ""},
    {{"block prefix 192.0.2.0/24 trigger=nameserver", NULL, NULL}, C, "192.0.2.1", ""},
    {{"block prefix 192.0.2.0/24 trigger=nameserver", NULL, NULL}, A, "192.0.2.1", ""},
    {{"block prefix 192.0.2.0/24 action=drop trigger=nameserver", NULL, NULL},
     I,
     "192.0.2.1",
     "enforce drop block prefix 192.0.2.0/24 trigger=nameserver"},
    {{"block suffix ns.example trigger=nameserver", NULL, NULL}, Q, "a.ns.example", ""},
    {{"block suffix ns.example trigger=nameserver", NULL, NULL},
     N,
     "a.ns.example",
     "enforce sinkhole block suffix ns.example trigger=nameserver"},
    {{"block suffix ns.example", NULL, NULL}, N, "a.ns.example", ""},
    /* a longer rule about something else hides nothing */
    {{"block suffix example.net;pass exact www.example.net trigger=nameserver", NULL, NULL},
     Q,
     "www.example.net",
     "enforce sinkhole block suffix example.net"},
    {{"block prefix 192.0.2.0/24;pass prefix 192.0.2.1/32 trigger=client", NULL, NULL},
     A,
     "192.0.2.1",
     "enforce sinkhole block prefix 192.0.2.0/24"},
    /* also where an IPv6 address is looked up as the IPv4 host that it leads to */
    {{"block prefix 192.0.2.0/24;pass prefix 64:ff9b::/96 trigger=client", NULL, NULL},
     A,
     "64:ff9b::c000:201",
     "enforce sinkhole block prefix 192.0.2.0/24"},
    {{"block prefix 192.0.2.0/24 trigger=nameserver", NULL, NULL},
     I,
     "64:ff9b::c000:201",
     "enforce sinkhole block prefix 192.0.2.0/24 trigger=nameserver"},
    /* a client is who it says it is */
    {{"block prefix 192.0.2.0/24 trigger=client", NULL, NULL}, C, "2002:c000:201::1", ""},
    {{"block prefix 192.0.2.0/24 trigger=client", NULL, NULL}, C, "64:ff9b::c000:201", ""},
    /* within a subject: longest match, pass over block, order of lists, modes */
    {{"block prefix 192.0.2.0/24 trigger=client", "pass prefix 192.0.2.1/32 trigger=client",
      NULL},
     C,
     "192.0.2.1",
     "enforce pass pass prefix 192.0.2.1/32 trigger=client"},
    {{"block suffix ns.example trigger=nameserver", "pass suffix ns.example trigger=nameserver",
      NULL},
     N,
     "ns.example",
     "enforce pass pass suffix ns.example trigger=nameserver"},
    {{"block prefix 192.0.2.0/24 action=drop trigger=client",
      "block prefix 192.0.2.0/24 action=refused trigger=client",
      "block prefix 192.0.2.1/32 trigger=client"},
     C,
     "192.0.2.1",
     "enforce drop block prefix 192.0.2.0/24 trigger=client; "
     "log sinkhole block prefix 192.0.2.1/32 trigger=client"},
    /* all three about one prefix */
    {{"block prefix 192.0.2.0/24 action=drop;"
      "block prefix 192.0.2.0/24 action=refused trigger=client;"
      "block prefix 192.0.2.0/24 action=nodata trigger=nameserver",
      NULL, NULL},
     C,
     "192.0.2.1",
     "enforce refused block prefix 192.0.2.0/24 trigger=client"},
};

static void a_rule_speaks_of_its_own_subject_alone(void **state)
{
    char words[160];

    (void)state;
    for (size_t i = 0; i < ITEMS(table); i++) {
        struct policy *policy = policy_of(
            &table[i].lists, (struct policy_view_setting){.name_servers = POLICY_MODE_ENFORCE});
        struct policy_outcome out;

        decide(policy, table[i].trigger, table[i].what, &out);
        say(policy, &out, words);
        if (strcmp(words, table[i].wanted) != 0) {
            fail_msg("case %zu: \"%s\", not \"%s\"", i, words, table[i].wanted);
        }
        policy_destroy(policy);
    }
}

static void a_view_caps_what_is_done_about_name_servers(void **state)
{
    static const struct {
        struct given lists;
        enum policy_mode cap;
        const char *wanted;
        enum policy_mode names, addresses;
    } cases[] = {
        {{"block suffix ns.example trigger=nameserver", NULL, NULL},
         POLICY_MODE_ENFORCE,
         "enforce sinkhole block suffix ns.example trigger=nameserver",
         POLICY_MODE_ENFORCE,
         POLICY_MODE_OFF},
        {{"block suffix ns.example trigger=nameserver", NULL, NULL},
         POLICY_MODE_LOG,
         "log sinkhole block suffix ns.example trigger=nameserver",
         POLICY_MODE_LOG,
         POLICY_MODE_OFF},
        {{"block suffix ns.example trigger=nameserver", NULL,
          "block suffix ns.example trigger=nameserver"},
         POLICY_MODE_OFF,
         "",
         POLICY_MODE_OFF,
         POLICY_MODE_OFF},
        {{NULL, NULL, "block suffix ns.example trigger=nameserver"},
         POLICY_MODE_ENFORCE,
         "log sinkhole block suffix ns.example trigger=nameserver",
         POLICY_MODE_LOG,
         POLICY_MODE_OFF},
        /* a pass needs no look at anything, nor does a rule that only says so */
        {{"pass suffix ns.example trigger=nameserver", NULL, NULL},
         POLICY_MODE_ENFORCE,
         "enforce pass pass suffix ns.example trigger=nameserver",
         POLICY_MODE_OFF,
         POLICY_MODE_OFF},
        {{"block suffix ns.example action=pass trigger=nameserver", NULL, NULL},
         POLICY_MODE_ENFORCE,
         "enforce pass block suffix ns.example trigger=nameserver",
         POLICY_MODE_OFF,
         POLICY_MODE_OFF},
        {{"block suffix ns.example action=log trigger=nameserver", NULL, NULL},
         POLICY_MODE_ENFORCE,
         "enforce log block suffix ns.example trigger=nameserver",
         POLICY_MODE_LOG,
         POLICY_MODE_OFF},
        /* off is off, also for what lets through */
        {{"block suffix ns.example action=log trigger=nameserver", NULL, NULL},
         POLICY_MODE_OFF,
         "",
         POLICY_MODE_OFF,
         POLICY_MODE_OFF},
        {{"block prefix 192.0.2.0/24 trigger=nameserver;block prefix 192.0.2.0/24", NULL,
          "block suffix ns.example trigger=nameserver"},
         POLICY_MODE_ENFORCE,
         "log sinkhole block suffix ns.example trigger=nameserver",
         POLICY_MODE_LOG,
         POLICY_MODE_ENFORCE},
        /* rules about what is asked and who asks need no name server */
        {{"block suffix ns.example;block prefix 192.0.2.0/24 trigger=client", NULL, NULL},
         POLICY_MODE_ENFORCE,
         "",
         POLICY_MODE_OFF,
         POLICY_MODE_OFF},
    };
    char words[160];

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct policy *policy = policy_of(
            &cases[i].lists, (struct policy_view_setting){.name_servers = cases[i].cap});
        const struct policy_name_server_use use = policy_name_server_use(policy, 0);
        struct policy_outcome out;

        decide(policy, N, "a.ns.example", &out);
        say(policy, &out, words);
        if (strcmp(words, cases[i].wanted) != 0 || use.names != cases[i].names ||
            use.addresses != cases[i].addresses) {
            fail_msg("case %zu: \"%s\", names %d, addresses %d", i, words, (int)use.names,
                     (int)use.addresses);
        }
        policy_destroy(policy);
    }
}

static void a_pause_only_logs_and_asks_no_more_of_name_servers(void **state)
{
    static const struct given given = {
        "block suffix ns.example trigger=nameserver;block prefix 192.0.2.0/24 trigger=client",
        NULL, NULL};
    struct policy *policy =
        policy_of(&given, (struct policy_view_setting){.name_servers = POLICY_MODE_ENFORCE});
    struct policy_outcome out;
    struct policy *paused = NULL;
    char words[160];

    (void)state;
    assert_int_equal(
        policy_derive(policy, &(struct policy_changes){.pause_all = true}, 2, &paused), 0);
    assert_int_equal(policy_name_server_use(paused, 0).names, POLICY_MODE_LOG);
    assert_int_equal(policy_name_server_use(policy, 0).names, POLICY_MODE_ENFORCE);
    decide(paused, N, "ns.example", &out);
    say(paused, &out, words);
    assert_string_equal(words, "log sinkhole block suffix ns.example trigger=nameserver");
    decide(paused, C, "192.0.2.1", &out);
    say(paused, &out, words);
    assert_string_equal(words, "log sinkhole block prefix 192.0.2.0/24 trigger=client");
    assert_true(policy_hit_is_paused(paused, 0, &out.log_hit));
    policy_destroy(paused);
    policy_destroy(policy);
}

static void the_operator_s_word_about_clients_goes_before_rules(void **state)
{
    static const struct given given = {"block prefix 192.0.2.0/24 action=drop trigger=client",
                                       NULL, NULL};
    static const struct {
        enum policy_client client;
        bool log_only, pause;
        const char *wanted; /* for a client that the list has, and for another */
        const char *other;
    } cases[] = {
        {POLICY_CLIENT_DECIDE, false, false,
         "enforce drop block prefix 192.0.2.0/24 trigger=client", ""},
        {POLICY_CLIENT_PASS, false, false, "", ""},
        {POLICY_CLIENT_LOG, false, false, "log nodata", "log nodata"},
        {POLICY_CLIENT_BLOCK, false, false, "enforce nodata", "enforce nodata"},
        {POLICY_CLIENT_BLOCK, true, false, "log nodata", "log nodata"},
        {POLICY_CLIENT_BLOCK, false, true, "log nodata", "log nodata"},
        {POLICY_CLIENT_LOG, false, true, "log nodata", "log nodata"},
    };
    char words[160];

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct policy *policy =
            policy_of(&given, (struct policy_view_setting){.client = cases[i].client,
                                                           .log_only = cases[i].log_only,
                                                           .action = POLICY_ACTION_NODATA});
        struct policy *paused = NULL;
        struct policy_outcome out;

        if (cases[i].pause) {
            assert_int_equal(
                policy_derive(policy, &(struct policy_changes){.pause_all = true}, 2, &paused),
                0);
        }
        const struct policy *used = cases[i].pause ? paused : policy;
        decide(used, C, "192.0.2.1", &out);
        say(used, &out, words);
        assert_string_equal(words, cases[i].wanted);
        assert_int_equal(policy_outcome_blocks(&out), strncmp(words, "enforce", 7) == 0);
        decide(used, C, "198.51.100.1", &out);
        say(used, &out, words);
        assert_string_equal(words, cases[i].other);
        if (out.denied) {
            assert_int_equal(out.hit.ground, POLICY_GROUND_CLIENT);
            assert_int_equal(policy_hit_is_paused(used, 0, &out.hit),
                             cases[i].pause && cases[i].client == POLICY_CLIENT_BLOCK);
        }
        policy_destroy(paused);
        policy_destroy(policy);
    }
}

static void a_view_caps_what_is_done_about_targets(void **state)
{
    static const struct given given = {"block suffix mail.example;pass suffix ok.mail.example",
                                       NULL, "block suffix mail.example action=drop"};
    static const char *const wanted[] = {
        [POLICY_MODE_OFF] = "",
        [POLICY_MODE_LOG] = "log sinkhole block suffix mail.example; "
                            "log drop block suffix mail.example",
        [POLICY_MODE_ENFORCE] = "enforce sinkhole block suffix mail.example; "
                                "log drop block suffix mail.example",
    };
    char words[160];

    (void)state;
    for (unsigned cap = POLICY_MODE_OFF; cap <= POLICY_MODE_ENFORCE; cap++) {
        struct policy *policy =
            policy_of(&given, (struct policy_view_setting){.targets = (enum policy_mode)cap});
        struct policy_outcome out;

        assert_int_equal(policy_view_targets(policy, 0), cap);
        decide(policy, POLICY_TRIGGER_TARGET, "mx.mail.example", &out);
        say(policy, &out, words);
        assert_string_equal(words, wanted[cap]);
        assert_int_equal(policy_outcome_blocks(&out), cap == POLICY_MODE_ENFORCE);
        /* asked for itself, the name is what it is */
        decide(policy, Q, "mx.mail.example", &out);
        assert_true(policy_outcome_blocks(&out));
        policy_destroy(policy);
    }
}

/* A name server's rules let no name exist, and nothing below a name. */
static void rules_about_name_servers_are_not_below_names(void **state)
{
    static const struct given given = {
        "block suffix a.example action=nxdomain;pass exact ns.a.example trigger=nameserver",
        NULL, NULL};
    struct policy *policy =
        policy_of(&given, (struct policy_view_setting){.name_servers = POLICY_MODE_ENFORCE});
    const struct wire_name name = name_of("a.example");

    (void)state;
    assert_false(policy_passes_below(policy, 0, &name));
    policy_destroy(policy);
}

static void what_denies_by_default_hears_no_rule_about_something_else(void **state)
{
    static const struct given given = {"pass suffix a.example trigger=nameserver", NULL, NULL};
    struct policy *policy =
        policy_of(&given, (struct policy_view_setting){.deny = true,
                                                       .name_servers = POLICY_MODE_ENFORCE});
    const struct wire_name name = name_of("a.example");
    struct policy_outcome out;

    (void)state;
    policy_decide_question(policy, 0, &name, &out);
    assert_true(out.denied && policy_outcome_blocks(&out));
    policy_destroy(policy);
}

/* --- ends=chain --- */

static void a_pass_for_the_chain_leaves_only_events(void **state)
{
    static const struct {
        struct given lists;
        bool blocked;
        unsigned count;
    } cases[] = {
        /* a pass ends its own trigger: the name is decided all the same */
        {{"pass prefix 192.0.2.0/24 trigger=client;block suffix a.example", NULL, NULL},
         true,
         1},
        {{"pass prefix 192.0.2.0/24 trigger=client ends=chain;block suffix a.example", NULL,
          NULL},
         false,
         0},
        /* lists in log mode go on to say what they would do */
        {{"pass prefix 192.0.2.0/24 trigger=client ends=chain;block suffix a.example", NULL,
          "block suffix a.example"},
         false,
         1},
        /* in a list that only logs it lets nothing through */
        {{"block suffix a.example", NULL, "pass prefix 192.0.2.0/24 trigger=client ends=chain"},
         true,
         1},
        /* a longer block is what counts of the clients' rules */
        {{"pass prefix 192.0.2.0/24 trigger=client ends=chain;"
          "block prefix 192.0.2.1/32 trigger=client",
          NULL, NULL},
         true,
         1},
    };
    const struct wire_name name = name_of("www.a.example");
    const struct address client = address_of("192.0.2.1");

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct policy *policy = policy_of(&cases[i].lists, (struct policy_view_setting){0});
        struct policy_hits hits;
        uint8_t block = 0;

        policy_hits_start(&hits, false);
        const bool blocked =
            policy_decide_asked(policy, 0, &client, &name, NULL, &hits, &block);
        if (blocked != cases[i].blocked || hits.count != cases[i].count) {
            fail_msg("case %zu: blocked %d, %u hits", i, blocked, hits.count);
        }
        policy_destroy(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_speaks_of_its_own_subject_alone),
        cmocka_unit_test(a_view_caps_what_is_done_about_name_servers),
        cmocka_unit_test(a_pause_only_logs_and_asks_no_more_of_name_servers),
        cmocka_unit_test(the_operator_s_word_about_clients_goes_before_rules),
        cmocka_unit_test(a_view_caps_what_is_done_about_targets),
        cmocka_unit_test(rules_about_name_servers_are_not_below_names),
        cmocka_unit_test(what_denies_by_default_hears_no_rule_about_something_else),
        cmocka_unit_test(a_pass_for_the_chain_leaves_only_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
