/*
 * policy/policy: the truth table of precedence, and what must hold for any rules: a list in log
 * mode changes no answer.
 */
#include "policy/make.h"

#include <errno.h>

#define LISTS 3

/* A list of a case: its id is "a", "b" or "c" by its place in the operator's order. */
struct given {
    const char *mode; /* "enforce", "log", "off"; NULL: no such list */
    const char *rules;
    const char *action; /* of the operator for this list; NULL: none */
};

struct row {
    struct given lists[LISTS];
    const char *question; /* a name; or "@ADDRESS" */
    const char *enforced; /* "LIST KIND MATCH ACTION LABELS" or "-" */
    const char *logged;
};

static const struct row table[] = {
    /* --- what a rule matches --- */
    /* a suffix rule: the name itself */
    {{{"enforce", "block suffix a.example", NULL}},
     "a.example",
     "a block suffix sinkhole 2",
     "-"},
    /* and all below it */
    {{{"enforce", "block suffix a.example", NULL}},
     "x.y.a.example",
     "a block suffix sinkhole 2",
     "-"},
    /* not what is glued to it, above it, or has it in front */
    {{{"enforce", "block suffix a.example", NULL}}, "nota.example", "-", "-"},
    {{{"enforce", "block suffix a.example", NULL}}, "example", "-", "-"},
    {{{"enforce", "block suffix a.example", NULL}}, "a.example.net", "-", "-"},
    {{{"enforce", "block suffix a.example", NULL}}, "", "-", "-"},
    /* exact: the name alone */
    {{{"enforce", "block exact a.example", NULL}},
     "a.example",
     "a block exact sinkhole 2",
     "-"},
    {{{"enforce", "block exact a.example", NULL}}, "x.a.example", "-", "-"},
    /* below: all but the name */
    {{{"enforce", "block below a.example", NULL}}, "a.example", "-", "-"},
    {{{"enforce", "block below a.example", NULL}},
     "x.a.example",
     "a block below sinkhole 2",
     "-"},

    /* --- longest match --- */
    {{{"enforce", "block suffix a.example;block suffix x.a.example action=nodata", NULL}},
     "y.x.a.example",
     "a block suffix nodata 3",
     "-"},
    /* a longer block wins over a shorter pass */
    {{{"enforce", "pass suffix a.example;block suffix x.a.example", NULL}},
     "x.a.example",
     "a block suffix sinkhole 3",
     "-"},
    /* a longer pass wins over a shorter block */
    {{{"enforce", "block suffix a.example;pass suffix x.a.example", NULL}},
     "x.a.example",
     "a pass suffix pass 3",
     "-"},
    /* also when the longer one is in the list that comes last */
    {{{"enforce", "block suffix a.example", NULL}, {"enforce", "pass exact x.a.example", NULL}},
     "x.a.example",
     "b pass exact pass 3",
     "-"},
    /* beside the passed name the shorter block still holds */
    {{{"enforce", "block suffix a.example", NULL}, {"enforce", "pass exact x.a.example", NULL}},
     "y.a.example",
     "a block suffix sinkhole 2",
     "-"},
    /* exact at the name does not reach below, so the shorter suffix does */
    {{{"enforce", "block suffix a.example;pass exact x.a.example", NULL}},
     "y.x.a.example",
     "a block suffix sinkhole 2",
     "-"},
    /* below reaches below, and the name itself falls to the shorter suffix */
    {{{"enforce", "block suffix a.example;pass below x.a.example", NULL}},
     "y.x.a.example",
     "a pass below pass 3",
     "-"},
    {{{"enforce", "block suffix a.example;pass below x.a.example", NULL}},
     "x.a.example",
     "a block suffix sinkhole 2",
     "-"},

    /* --- equal length: pass over block --- */
    {{{"enforce", "block suffix a.example", NULL}, {"enforce", "pass suffix a.example", NULL}},
     "x.a.example",
     "b pass suffix pass 2",
     "-"},
    /* whatever the match: pass suffix over block exact */
    {{{"enforce", "block exact a.example;pass suffix a.example", NULL}},
     "a.example",
     "a pass suffix pass 2",
     "-"},
    {{{"enforce", "block exact a.example", NULL}, {"enforce", "pass suffix a.example", NULL}},
     "a.example",
     "b pass suffix pass 2",
     "-"},
    /* a block rule with action pass is a block rule: the order of lists decides */
    {{{"enforce", "block suffix a.example", NULL},
      {"enforce", "block suffix a.example action=pass", NULL}},
     "a.example",
     "a block suffix sinkhole 2",
     "-"},
    {{{"enforce", "block suffix a.example action=pass", NULL},
      {"enforce", "block suffix a.example", NULL}},
     "a.example",
     "a block suffix pass 2",
     "-"},

    /* --- then the order of lists --- */
    {{{"enforce", "block suffix a.example action=nodata", NULL},
      {"enforce", "block suffix a.example action=refused", NULL}},
     "a.example",
     "a block suffix nodata 2",
     "-"},
    /* before the match: suffix of the first over exact of the second */
    {{{"enforce", "block suffix a.example", NULL},
      {"enforce", "block exact a.example action=refused", NULL}},
     "a.example",
     "a block suffix sinkhole 2",
     "-"},

    /* --- then, in one list, exact over suffix over below --- */
    {{{"enforce", "block suffix a.example;block exact a.example action=refused", NULL}},
     "a.example",
     "a block exact refused 2",
     "-"},
    {{{"enforce", "block below a.example action=refused;block suffix a.example", NULL}},
     "x.a.example",
     "a block suffix sinkhole 2",
     "-"},

    /* --- actions --- */
    /* the rule's own word */
    {{{"enforce", "block suffix a.example action=drop", "nodata"}},
     "a.example",
     "a block suffix drop 2",
     "-"},
    /* else the operator's for the list */
    {{{"enforce", "block suffix a.example", "nodata"}},
     "a.example",
     "a block suffix nodata 2",
     "-"},
    /* action log wins like any longest match, and lets through */
    {{{"enforce", "block suffix a.example;block suffix x.a.example action=log", NULL}},
     "x.a.example",
     "a block suffix log 3",
     "-"},
    /* over another enforced list, too */
    {{{"enforce", "block suffix a.example", NULL},
      {"enforce", "block suffix x.a.example action=log", NULL}},
     "x.a.example",
     "b block suffix log 3",
     "-"},
    /* the operator's action pass does the same */
    {{{"enforce", "block suffix a.example", NULL},
      {"enforce", "block suffix x.a.example", "pass"}},
     "x.a.example",
     "b block suffix pass 3",
     "-"},
    /* a pass rule is never touched by the operator's action */
    {{{"enforce", "pass suffix a.example", "drop"}}, "a.example", "a pass suffix pass 2", "-"},
    {{{"enforce", "block suffix a.example action=redirect:walled.example", NULL}},
     "a.example",
     "a block suffix redirect 2",
     "-"},

    /* --- modes --- */
    {{{"off", "block suffix a.example", NULL}}, "a.example", "-", "-"},
    {{{"log", "block suffix a.example", NULL}}, "a.example", "-", "a block suffix sinkhole 2"},
    /* a pass rule in log mode lets nothing through */
    {{{"enforce", "block suffix a.example", NULL}, {"log", "pass exact x.a.example", NULL}},
     "x.a.example",
     "a block suffix sinkhole 2",
     "-"},
    /* a longer block in log mode does not hide the shorter enforced one */
    {{{"enforce", "block suffix a.example", NULL}, {"log", "block suffix x.a.example", NULL}},
     "x.a.example",
     "a block suffix sinkhole 2",
     "b block suffix sinkhole 3"},
    /* nor does it touch an enforced pass */
    {{{"enforce", "pass suffix a.example", NULL}, {"log", "block suffix x.a.example", NULL}},
     "x.a.example",
     "a pass suffix pass 2",
     "b block suffix sinkhole 3"},
    /* an enforced pass does not hide what a list in log mode would have done */
    {{{"enforce", "pass exact x.a.example", NULL}, {"log", "block suffix a.example", NULL}},
     "x.a.example",
     "a pass exact pass 3",
     "b block suffix sinkhole 2"},
    /* lists in log mode are decided among themselves: a longer pass there, no event */
    {{{"log", "block suffix a.example", NULL}, {"log", "pass suffix x.a.example", NULL}},
     "x.a.example",
     "-",
     "-"},
    /* pass over block at equal length */
    {{{"log", "block suffix a.example", NULL}, {"log", "pass suffix a.example", NULL}},
     "a.example",
     "-",
     "-"},
    /* order of lists */
    {{{"log", "block suffix a.example action=drop", NULL},
      {"log", "block suffix a.example action=nodata", NULL}},
     "a.example",
     "-",
     "a block suffix drop 2"},
    /* a longer block in log mode over a shorter pass in log mode */
    {{{"log", "pass suffix a.example", NULL}, {"log", "block suffix x.a.example", NULL}},
     "x.a.example",
     "-",
     "b block suffix sinkhole 3"},
    /* action log in log mode is an event; action pass is none */
    {{{"log", "block suffix a.example action=log", NULL}},
     "a.example",
     "-",
     "a block suffix log 2"},
    {{{"log", "block suffix a.example action=pass", NULL}}, "a.example", "-", "-"},
    /* a list that is off hides nothing in either group */
    {{{"off", "pass suffix x.a.example", NULL},
      {"enforce", "block suffix a.example", NULL},
      {"log", "block suffix a.example", NULL}},
     "x.a.example",
     "b block suffix sinkhole 2",
     "c block suffix sinkhole 2"},

    /* --- addresses: the same, longest prefix first --- */
    {{{"enforce", "block prefix 192.0.2.0/24", NULL}},
     "@192.0.2.1",
     "a block prefix sinkhole 24",
     "-"},
    {{{"enforce", "block prefix 192.0.2.0/24", NULL}}, "@192.0.3.1", "-", "-"},
    {{{"enforce", "block prefix 192.0.2.0/24;pass prefix 192.0.2.128/25", NULL}},
     "@192.0.2.200",
     "a pass prefix pass 25",
     "-"},
    {{{"enforce", "block prefix 192.0.2.0/24", NULL},
      {"enforce", "pass prefix 192.0.2.0/24", NULL}},
     "@192.0.2.200",
     "b pass prefix pass 24",
     "-"},
    {{{"enforce", "block prefix 192.0.2.0/24", NULL},
      {"log", "block prefix 192.0.2.7/32", NULL}},
     "@192.0.2.7",
     "a block prefix sinkhole 24",
     "b block prefix sinkhole 32"},
    {{{"enforce", "block prefix 2001:db8::/32;pass prefix 2001:db8:1::/48", NULL}},
     "@2001:db8:2::1",
     "a block prefix sinkhole 32",
     "-"},
    /* an IPv4-mapped address is that IPv4 address */
    {{{"enforce", "block prefix 192.0.2.0/24", NULL}},
     "@::ffff:192.0.2.1",
     "a block prefix sinkhole 24",
     "-"},
    /* so are those that a translator or 6to4 makes of it */
    {{{"enforce", "block prefix 192.0.2.0/24", NULL}},
     "@64:ff9b::192.0.2.1",
     "a block prefix sinkhole 24",
     "-"},
    {{{"enforce", "block prefix 192.0.2.0/24", NULL}},
     "@2002:c000:201::1",
     "a block prefix sinkhole 24",
     "-"},
    {{{"enforce", "block prefix 192.0.2.0/24", NULL}}, "@64:ff9b::192.0.3.1", "-", "-"},
    /* another prefix: the IPv4 address may stand elsewhere */
    {{{"enforce", "block prefix 192.0.2.0/24", NULL}}, "@64:ff9b:1::192.0.2.1", "-", "-"},
    /* what is said of the IPv6 address itself comes first */
    {{{"enforce", "block prefix 192.0.2.0/24;pass prefix 64:ff9b::/96", NULL}},
     "@64:ff9b::192.0.2.1",
     "a pass prefix pass 96",
     "-"},
    /* names and prefixes know nothing of each other */
    {{{"enforce", "block prefix 192.0.2.0/24", NULL}}, "2.0.192.example", "-", "-"},
};

static enum policy_mode mode_of(const char *word)
{
    enum policy_mode mode = POLICY_MODE_OFF;

    assert_true(policy_mode_parse(word, strlen(word), &mode));
    return mode;
}

static enum policy_action action_of(const char *word)
{
    enum policy_action action = POLICY_ACTION_DEFAULT;

    if (word != NULL) {
        assert_true(policy_action_parse(word, strlen(word), &action));
    }
    return action;
}

static struct policy *policy_of(const struct given *given, size_t count,
                                const struct policy_view_setting *like)
{
    static const char *const ids[LISTS] = {"a", "b", "c"};
    struct policy_list *lists[LISTS] = {NULL};
    struct policy_list_setting settings[LISTS];
    struct policy_view_setting view = *like;
    struct policy *policy = NULL;
    size_t used = 0;

    for (; used < count && given[used].mode != NULL; used++) {
        lists[used] = list_of(ids[used], given[used].rules);
        settings[used] = (struct policy_list_setting){ids[used], mode_of(given[used].mode),
                                                      action_of(given[used].action)};
    }
    view.lists = settings;
    view.list_count = used;
    struct policy_image *image = image_of((const struct policy_list *const *)lists, used);
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), 0);
    for (size_t i = 0; i < used; i++) {
        policy_list_free(lists[i]);
    }
    return policy;
}

static void words_of(const struct policy *policy, bool there, const struct policy_hit *hit,
                     char out[64])
{
    struct policy_row row;
    struct policy_image_list list;

    snprintf(out, 64, "-");
    if (there) {
        assert_true(policy_hit_row(policy, hit, &row));
        assert_true(policy_image_list_at(policy_image_of(policy), row.list, &list));
        assert_int_equal(hit->list, row.list);
        assert_int_equal(hit->kind, row.kind);
        snprintf(out, 64, "%s %s %s %s %u", list.id, policy_kind_name(row.kind),
                 policy_match_name(row.match), policy_action_name(hit->action), hit->labels);
    }
}

static void decide_in(const struct policy *policy, unsigned view, const char *question,
                      struct policy_outcome *out)
{
    if (question[0] == '@') {
        const struct wire_name owner = name_of("owner.example");
        const struct address address = address_of(question + 1);

        policy_decide_address(policy, view, POLICY_TRIGGER_ADDRESS, 2, &owner, &address, out);
        return;
    }
    const struct wire_name name = name_of(question);
    policy_decide_question(policy, view, &name, out);
}

static void decide(const struct policy *policy, const char *question,
                   struct policy_outcome *out)
{
    decide_in(policy, 0, question, out);
}

static void precedence_is_as_the_truth_table_says(void **state)
{
    const struct policy_view_setting plain = {.name = "default"};

    (void)state;
    for (size_t i = 0; i < ITEMS(table); i++) {
        struct policy *policy = policy_of(table[i].lists, LISTS, &plain);
        struct policy_outcome outcome;
        char enforced[64], logged[64];

        decide(policy, table[i].question, &outcome);
        words_of(policy, outcome.enforced, &outcome.hit, enforced);
        words_of(policy, outcome.logged, &outcome.log_hit, logged);
        if (strcmp(enforced, table[i].enforced) != 0 || strcmp(logged, table[i].logged) != 0) {
            fail_msg("case %zu \"%s\" of \"%s\": enforced \"%s\", logged \"%s\"", i,
                     table[i].question, table[i].lists[0].rules, enforced, logged);
        }
        policy_destroy(policy);
    }
}

static void one_word_puts_every_enforced_list_into_log_mode(void **state)
{
    const struct policy_view_setting quiet = {.name = "default", .log_only = true};
    const struct given lists[LISTS] = {
        {"enforce", "block suffix a.example", NULL},
        {"log", "block suffix x.a.example", NULL},
        {"off", "block suffix off.example", NULL},
    };
    struct policy *policy = policy_of(lists, LISTS, &quiet);
    struct policy_outcome outcome;

    (void)state;
    assert_int_equal(policy_list_mode(policy, 0, 0), POLICY_MODE_LOG);
    assert_int_equal(policy_list_mode(policy, 0, 1), POLICY_MODE_LOG);
    assert_int_equal(policy_list_mode(policy, 0, 2), POLICY_MODE_OFF);
    assert_int_equal(policy_list_mode(policy, 0, 999), POLICY_MODE_OFF);
    decide(policy, "y.a.example", &outcome);
    assert_false(policy_outcome_blocks(&outcome));
    assert_true(!outcome.enforced && outcome.logged);
    assert_int_equal(outcome.log_hit.mode, POLICY_MODE_LOG);
    assert_int_equal(outcome.log_hit.action, POLICY_ACTION_SINKHOLE);
    decide(policy, "off.example", &outcome);
    assert_true(!outcome.enforced && !outcome.logged);
    policy_destroy(policy);
}

static void only_a_block_that_answers_replaces_the_answer(void **state)
{
    static const struct {
        const char *rules;
        bool blocks;
    } cases[] = {
        {"block suffix a.example", true},
        {"block suffix a.example action=nxdomain", true},
        {"block suffix a.example action=nodata", true},
        {"block suffix a.example action=refused", true},
        {"block suffix a.example action=drop", true},
        {"block suffix a.example action=truncate", true},
        {"block suffix a.example action=redirect:b.example", true},
        {"block suffix a.example action=pass", false},
        {"block suffix a.example action=log", false},
        {"pass suffix a.example", false},
    };
    const struct policy_view_setting plain = {.name = "default"};

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct given list = {"enforce", cases[i].rules, NULL};
        struct policy *policy = policy_of(&list, 1, &plain);
        struct policy_outcome outcome;

        decide(policy, "a.example", &outcome);
        assert_true(outcome.enforced);
        assert_int_equal(policy_outcome_blocks(&outcome), cases[i].blocks);
        policy_destroy(policy);
    }
}

static void a_hit_says_what_was_looked_at(void **state)
{
    const struct policy_view_setting plain = {.name = "default",
                                              .action = POLICY_ACTION_NXDOMAIN};
    const struct given list = {"enforce", "block suffix a.example;block prefix 192.0.2.0/24",
                               NULL};
    struct policy *policy = policy_of(&list, 1, &plain);
    const struct wire_name name = name_of("X.a.example");
    const struct address address = address_of("192.0.2.9");
    struct policy_outcome outcome;

    (void)state;
    policy_decide_name(policy, 0, POLICY_TRIGGER_HOP, 3, &name, &outcome);
    assert_int_equal(outcome.hit.trigger, POLICY_TRIGGER_HOP);
    assert_int_equal(outcome.hit.hop, 3);
    assert_int_equal(outcome.hit.mode, POLICY_MODE_ENFORCE);
    assert_int_equal(outcome.hit.action, POLICY_ACTION_NXDOMAIN); /* the view's */
    assert_true(wire_name_equal(&outcome.hit.name, &name));
    assert_int_equal(outcome.hit.address.family, ADDRESS_NONE);
    policy_decide_address(policy, 0, POLICY_TRIGGER_ADDRESS, 1, &name, &address, &outcome);
    assert_int_equal(outcome.hit.trigger, POLICY_TRIGGER_ADDRESS);
    assert_int_equal(outcome.hit.labels, 24);
    assert_true(address_same_host(&outcome.hit.address, &address));
    assert_true(wire_name_equal(&outcome.hit.name, &name));
    policy_destroy(policy);
}

static void a_redirect_goes_where_rule_or_view_says(void **state)
{
    static const struct {
        const char *rules, *view; /* view: the operator's target, NULL: none */
        bool view_prefixes;
        const char *asked, *target; /* target NULL: none */
    } cases[] = {
        {"block suffix a.example action=redirect:walled.example", NULL, false, "x.a.example",
         "walled.example"},
        {"block suffix a.example action=redirect:*.walled.example", NULL, false, "x.a.example",
         "x.a.example.walled.example"},
        /* the rule's own target is not the operator's */
        {"block suffix a.example action=redirect:walled.example", "mine.example", true,
         "a.example", "walled.example"},
        {"block suffix a.example", "mine.example", false, "a.example", "mine.example"},
        {"block suffix a.example", "mine.example", true, "a.example", "a.example.mine.example"},
        /* an action without a target */
        {"block suffix a.example", NULL, false, "a.example", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct policy_view_setting view = {.name = "default", .action = POLICY_ACTION_REDIRECT};
        const struct given list = {"enforce", cases[i].rules, NULL};
        const struct wire_name asked = name_of(cases[i].asked);
        struct policy_outcome outcome;
        struct wire_name target;

        view.redirect = name_of(cases[i].view == NULL ? "" : cases[i].view);
        view.redirect_prefixes = cases[i].view_prefixes;
        struct policy *policy = policy_of(&list, 1, &view);
        decide(policy, cases[i].asked, &outcome);
        const bool found = policy_hit_redirect(policy, 0, &outcome.hit, &asked, &target);
        if (found != (cases[i].target != NULL)) {
            fail_msg("case %zu: found %d", i, found);
        }
        if (found) {
            const struct wire_name wanted = name_of(cases[i].target);
            assert_true(wire_name_equal(&target, &wanted));
        }
        policy_destroy(policy);
    }
}

static void a_redirect_that_would_be_too_long_is_none(void **state)
{
    const struct policy_view_setting plain = {.name = "default"};
    const struct given list = {"enforce",
                               "block suffix a.example action=redirect:*.walled.example", NULL};
    struct policy *policy = policy_of(&list, 1, &plain);
    struct policy_outcome outcome;
    struct wire_name target, asked;
    char text[256] = "";

    (void)state;
    for (int i = 0; i < 115; i++) {
        strcat(text, "x.");
    }
    strcat(text, "a.example");
    asked = name_of(text);
    decide(policy, text, &outcome);
    assert_true(outcome.enforced);
    assert_false(policy_hit_redirect(policy, 0, &outcome.hit, &asked, &target));
    outcome.hit.action = POLICY_ACTION_SINKHOLE; /* no redirect at all */
    assert_false(policy_hit_redirect(policy, 0, &outcome.hit, &asked, &target));
    policy_destroy(policy);
}

static void a_name_with_something_let_through_below_it_exists(void **state)
{
    static const struct {
        struct given lists[LISTS];
        const char *name;
        bool passes;
    } cases[] = {
        {{{"enforce", "block suffix a.example;pass suffix y.x.a.example", NULL}},
         "a.example",
         true},
        {{{"enforce", "block suffix a.example;pass suffix y.x.a.example", NULL}},
         "x.a.example",
         true},
        {{{"enforce", "block suffix a.example;pass suffix y.x.a.example", NULL}},
         "example",
         true},
        {{{"enforce", "block suffix a.example;pass suffix y.x.a.example", NULL}}, "", true},
        /* beside it, not above */
        {{{"enforce", "block suffix a.example;pass suffix y.x.a.example", NULL}},
         "z.a.example",
         false},
        /* the name itself is not below itself */
        {{{"enforce", "block suffix a.example;pass suffix x.a.example", NULL}},
         "x.a.example",
         false},
        /* but a `below` rule is below its name */
        {{{"enforce", "block suffix a.example;pass below x.a.example", NULL}},
         "x.a.example",
         true},
        /* below the passed name nothing is listed */
        {{{"enforce", "block suffix a.example;pass suffix x.a.example", NULL}},
         "q.x.a.example",
         false},
        /* a list in log mode or off changes no answer */
        {{{"enforce", "block suffix a.example", NULL},
          {"log", "pass suffix x.a.example", NULL}},
         "a.example",
         false},
        {{{"enforce", "block suffix a.example", NULL},
          {"off", "pass suffix x.a.example", NULL}},
         "a.example",
         false},
        /* action log and action pass let through as well */
        {{{"enforce", "block suffix a.example;block exact x.a.example action=log", NULL}},
         "a.example",
         true},
        {{{"enforce", "block suffix a.example;block exact x.a.example action=pass", NULL}},
         "a.example",
         true},
        /* by the operator's word for the list, too */
        {{{"enforce", "block suffix a.example", NULL},
          {"enforce", "block exact x.a.example", "log"}},
         "a.example",
         true},
        /* a rule with a word of its own is not touched by that */
        {{{"enforce", "block suffix a.example", NULL},
          {"enforce", "block exact x.a.example action=drop", "log"}},
         "a.example",
         false},
        {{{"enforce", "block suffix a.example;block suffix x.a.example", NULL}},
         "a.example",
         false},
    };
    const struct policy_view_setting plain = {.name = "default"};

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct policy *policy = policy_of(cases[i].lists, LISTS, &plain);
        const struct wire_name name = name_of(cases[i].name);

        if (policy_passes_below(policy, 0, &name) != cases[i].passes) {
            fail_msg("case %zu \"%s\"", i, cases[i].name);
        }
        policy_destroy(policy);
    }
}

static void views_decide_apart(void **state)
{
    struct policy_list *list = list_of("a", "block suffix a.example");
    const struct policy_list *const lists[] = {list};
    const struct policy_list_setting on = {"a", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT};
    const struct policy_list_setting off = {"a", POLICY_MODE_OFF, POLICY_ACTION_DEFAULT};
    const struct policy_view_setting views[] = {
        {.name = "first", .lists = &on, .list_count = 1},
        {.name = "second", .lists = &off, .list_count = 1},
        {.name = "third"}, /* names no list: all are off */
    };
    const struct wire_name name = name_of("a.example");
    struct policy_outcome outcome;
    struct policy *policy = NULL;

    (void)state;
    assert_int_equal(policy_create(image_of(lists, 1), views, 3, 42, NULL, &policy), 0);
    assert_int_equal(policy_generation(policy), 42);
    for (unsigned view = 0; view < 3; view++) {
        policy_decide_name(policy, view, POLICY_TRIGGER_QNAME, 0, &name, &outcome);
        assert_int_equal(outcome.enforced, view == 0);
        assert_false(outcome.logged);
    }
    policy_destroy(policy);
    policy_list_free(list);
}

/* --- what nothing speaks of --- */

struct denial {
    const char *lists[2]; /* rules of a and b; NULL: none */
    enum policy_mode modes[2];
    bool log_only;
    const char *question;
    const char *words; /* "denied", "denied log", "blocked", "passed", "-"; then " logged" */
};

#define ENFORCE POLICY_MODE_ENFORCE
#define LOG     POLICY_MODE_LOG
#define OFF     POLICY_MODE_OFF

/* In all of them ok.example is allowed, and the default is to deny. */
static const struct denial denials[] = {
    {{"block suffix a.example"}, {ENFORCE}, false, "b.example", "denied"},
    {{"block suffix a.example"}, {ENFORCE}, false, "", "denied"},
    {{"block suffix a.example"}, {ENFORCE}, false, "a.example", "blocked"},
    {{"block suffix a.example;pass exact x.a.example"},
     {ENFORCE},
     false,
     "x.a.example",
     "passed"},
    {{"pass suffix p.example"}, {ENFORCE}, false, "www.p.example", "passed"},
    {{"pass suffix p.example"}, {ENFORCE}, false, "p.example.net", "denied"},
    /* a rule that only records speaks, too */
    {{"block suffix a.example action=log"}, {ENFORCE}, false, "a.example", "passed"},
    /* allowed by the operator, but for what a list blocks */
    {{"block suffix a.example"}, {ENFORCE}, false, "ok.example", "-"},
    {{"block suffix a.example"}, {ENFORCE}, false, "www.ok.example", "-"},
    {{"block suffix bad.ok.example"}, {ENFORCE}, false, "x.bad.ok.example", "blocked"},
    {{"block suffix a.example"}, {ENFORCE}, false, "notok.example", "denied"},
    {{"block suffix a.example"}, {ENFORCE}, false, "example", "denied"},
    /* a list in log mode, or one that is off, says nothing, its pass rules included */
    {{"pass suffix p.example"}, {LOG}, false, "p.example", "denied"},
    {{"block suffix p.example"}, {LOG}, false, "p.example", "denied logged"},
    {{"block suffix p.example"}, {LOG}, false, "ok.example", "-"},
    {{"block suffix ok.example"}, {LOG}, false, "ok.example", "- logged"},
    {{"pass suffix p.example"}, {OFF}, false, "p.example", "denied"},
    {{"pass suffix p.example", "block suffix www.p.example"},
     {ENFORCE, LOG},
     false,
     "www.p.example",
     "passed logged"},
    /* the view in log mode: what would be denied if it were not */
    {{"block suffix a.example"}, {ENFORCE}, true, "b.example", "denied log"},
    {{"block suffix a.example"}, {ENFORCE}, true, "a.example", "- logged"},
    {{"pass suffix p.example"}, {ENFORCE}, true, "p.example", "-"},
    {{"block suffix a.example"}, {ENFORCE}, true, "ok.example", "-"},
    {{"pass suffix p.example"}, {LOG}, true, "p.example", "denied log"},
    {{"block suffix p.example"}, {LOG}, true, "p.example", "denied log logged"},
};

static void what_nothing_speaks_of_is_denied(void **state)
{
    const struct wire_name allowed = name_of("ok.example");

    (void)state;
    for (size_t i = 0; i < ITEMS(denials); i++) {
        const struct denial *row = &denials[i];
        static const char *const ids[] = {"a", "b"};
        struct policy_list *lists[2];
        struct policy_list_setting settings[2];
        size_t count = 0;
        struct policy_outcome out;
        struct policy *policy = NULL;
        char words[64];

        for (; count < 2 && row->lists[count] != NULL; count++) {
            lists[count] = list_of(ids[count], row->lists[count]);
            settings[count] = (struct policy_list_setting){ids[count], row->modes[count],
                                                           POLICY_ACTION_DEFAULT};
        }
        const struct policy_view_setting views[] = {
            {.name = "first", .lists = settings, .list_count = count},
            {.name = "second",
             .action = POLICY_ACTION_NXDOMAIN,
             .lists = settings,
             .list_count = count,
             .log_only = row->log_only,
             .deny = true,
             .allow = &allowed,
             .allow_count = 1}};
        assert_int_equal(
            policy_create(image_of((const struct policy_list *const *)lists, count), views, 2,
                          1, NULL, &policy),
            0);
        const struct wire_name name = name_of(row->question);
        policy_decide_question(policy, 1, &name, &out);
        snprintf(words, sizeof(words), "%s%s",
                 out.denied      ? (out.hit.mode == POLICY_MODE_LOG ? "denied log" : "denied")
                 : !out.enforced ? "-"
                 : policy_outcome_blocks(&out) ? "blocked"
                                               : "passed",
                 out.logged ? " logged" : "");
        if (strcmp(words, row->words) != 0) {
            fail_msg("row %zu, %s: %s, not %s", i, row->question, words, row->words);
        }
        assert_int_equal(policy_outcome_blocks(&out),
                         strcmp(row->words, "blocked") == 0 ||
                                 strncmp(row->words, "denied", 6) == 0
                             ? !row->log_only
                             : false);
        if (out.denied) {
            struct policy_row unused;

            assert_false(out.enforced);
            assert_int_equal(out.hit.ground, POLICY_GROUND_DEFAULT);
            assert_int_equal(out.hit.list, POLICY_LIST_NONE);
            assert_int_equal(out.hit.action, POLICY_ACTION_NXDOMAIN);
            assert_true(wire_name_equal(&out.hit.name, &name));
            assert_false(policy_hit_row(policy, &out.hit, &unused));
        }
        /* The other view has no such word, and rules alone have none either. */
        policy_decide_question(policy, 0, &name, &out);
        assert_false(out.denied);
        policy_decide_name(policy, 1, POLICY_TRIGGER_HOP, 1, &name, &out);
        assert_false(out.denied);
        policy_destroy(policy);
        while (count > 0) {
            policy_list_free(lists[--count]);
        }
    }
}

static void a_denied_name_redirects_where_the_view_says(void **state)
{
    const struct policy_view_setting view = {.name = "v",
                                             .action = POLICY_ACTION_REDIRECT,
                                             .redirect = name_of("wall.example"),
                                             .redirect_prefixes = true,
                                             .deny = true};
    const struct wire_name name = name_of("www.example.net");
    const struct wire_name wanted = name_of("www.example.net.wall.example");
    struct policy_outcome out;
    struct wire_name target;
    struct policy *policy = NULL;

    (void)state;
    assert_int_equal(policy_create(image_of(NULL, 0), &view, 1, 1, NULL, &policy), 0);
    policy_decide_question(policy, 0, &name, &out);
    assert_true(policy_outcome_blocks(&out));
    assert_true(policy_hit_redirect(policy, 0, &out.hit, &name, &target));
    assert_true(wire_name_equal(&target, &wanted));
    policy_destroy(policy);
}

static void a_name_above_an_allowed_one_exists(void **state)
{
    const struct wire_name allowed = name_of("a.b.example");
    const struct policy_view_setting views[] = {
        {.name = "v", .deny = true, .allow = &allowed, .allow_count = 1},
        {.name = "w", .allow = &allowed, .allow_count = 1}}; /* where allow says nothing */
    const struct wire_name above = name_of("example");
    const struct wire_name beside = name_of("x.example");
    struct policy *policy = NULL;

    (void)state;
    assert_int_equal(policy_create(image_of(NULL, 0), views, 2, 1, NULL, &policy), 0);
    assert_true(policy_passes_below(policy, 0, &above));
    assert_false(policy_passes_below(policy, 0, &beside));
    assert_false(policy_passes_below(policy, 1, &above));
    policy_destroy(policy);
}

static void settings_that_name_no_loaded_list_are_refused(void **state)
{
    struct policy_list *list = list_of("a", "block suffix a.example");
    const struct policy_list *const lists[] = {list};
    struct policy_image *image = image_of(lists, 1);
    const struct policy_list_setting missing[] = {
        {"a", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT},
        {"alibabba", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT},
        {"tencnet", POLICY_MODE_LOG, POLICY_ACTION_DEFAULT},
    };
    const struct policy_list_setting twice[] = {
        {"a", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT},
        {"a", POLICY_MODE_LOG, POLICY_ACTION_DEFAULT},
    };
    const struct policy_view_setting bad = {
        .name = "default", .lists = missing, .list_count = ITEMS(missing)};
    const struct policy_view_setting doubled = {
        .name = "default", .lists = twice, .list_count = ITEMS(twice)};
    struct policy *policy = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(policy_create(image, &bad, 1, 1, &report, &policy), -ENOENT);
    assert_int_equal(report.errors, 2);
    assert_non_null(strstr(report.entries[0].text, "alibabba"));
    assert_non_null(strstr(report.entries[1].text, "tencnet"));
    assert_int_equal(policy_create(image, &doubled, 1, 1, &report, &policy), -EEXIST);
    assert_int_equal(policy_create(image, &bad, 0, 1, &report, &policy), -EINVAL);
    assert_int_equal(policy_create(image, &bad, POLICY_VIEWS_MAX + 1, 1, &report, &policy),
                     -EINVAL);
    assert_null(policy);
    report_deinit(&report);
    policy_image_free(image); /* still the caller's */
    policy_list_free(list);
    policy_destroy(NULL);
}

/* --- properties over random rules --- */

static const char *const labels[] = {"a", "b", "c", "dd"};

static void random_name(uint64_t *state, size_t most, char out[64])
{
    const size_t count = random_under(state, most) + 1;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(out, labels[random_under(state, ITEMS(labels))]);
        strcat(out, ".");
    }
    strcat(out, random_under(state, 2) == 0 ? "x.test" : "y.test");
}

/* Rules without the same MATCH and WHAT twice. */
static void random_rules(uint64_t *state, char *out, size_t size)
{
    static const char *const kinds[] = {"block", "block", "pass"};
    static const char *const matches[] = {"suffix", "suffix", "exact", "below"};
    static const char *const actions[] = {
        "", "", " action=log", " action=pass", " action=nxdomain", " action=drop"};
    const size_t count = random_under(state, 12) + 1;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char name[64], what[80], line[120], ended[128];
        const char *kind = kinds[random_under(state, ITEMS(kinds))];

        if (random_under(state, 8) == 0) {
            snprintf(what, sizeof(what), "prefix 10.%zu.0.0/%d", random_under(state, 4) * 64,
                     random_under(state, 2) == 0 ? 10 : 16);
        } else {
            random_name(state, 3, name);
            snprintf(what, sizeof(what), "%s %s", matches[random_under(state, ITEMS(matches))],
                     name);
        }
        snprintf(line, sizeof(line), "%s %s", kind, what);
        /* "suffix a.x.test" must not stand there already, followed by ';' or ' '. */
        snprintf(ended, sizeof(ended), "%s;", what);
        if (strstr(out, ended) != NULL) {
            continue;
        }
        ended[strlen(ended) - 1] = ' ';
        if (strstr(out, ended) != NULL) {
            continue;
        }
        assert_true(strlen(out) + sizeof(line) + 20 < size);
        strcat(out, line);
        if (strcmp(kind, "block") == 0) {
            strcat(out, actions[random_under(state, ITEMS(actions))]);
        }
        strcat(out, ";");
    }
    out[strlen(out) - 1] = '\0';
}

/* All that an answer depends on, in one view. */
static void same_answer(const struct policy *one, const struct policy *two, unsigned view,
                        const char *question)
{
    struct policy_outcome x, y;
    struct policy_row row_x, row_y;
    struct policy_image_list list_x, list_y;

    decide_in(one, view, question, &x);
    decide_in(two, view, question, &y);
    assert_int_equal(x.enforced, y.enforced);
    assert_int_equal(x.denied, y.denied);
    assert_int_equal(policy_outcome_blocks(&x), policy_outcome_blocks(&y));
    if (x.denied) {
        assert_int_equal(x.hit.action, y.hit.action);
        assert_int_equal(x.hit.mode, y.hit.mode);
    }
    if (x.enforced) {
        assert_int_equal(x.hit.action, y.hit.action);
        assert_int_equal(x.hit.kind, y.hit.kind);
        assert_int_equal(x.hit.labels, y.hit.labels);
        assert_true(policy_hit_row(one, &x.hit, &row_x) && policy_hit_row(two, &y.hit, &row_y));
        assert_int_equal(row_x.match, row_y.match);
        assert_true(policy_image_list_at(policy_image_of(one), row_x.list, &list_x));
        assert_true(policy_image_list_at(policy_image_of(two), row_y.list, &list_y));
        assert_string_equal(list_x.id, list_y.id);
    }
    if (question[0] != '@') {
        const struct wire_name name = name_of(question);
        assert_int_equal(policy_passes_below(one, view, &name),
                         policy_passes_below(two, view, &name));
    }
}

#define VIEWS 4

/* A view of the first two lists, with a default, a mode and allowed names by chance; both
 * policies of a round have the same ones. */
struct chosen_view {
    bool uses[2], deny, log_only;
    struct wire_name allow[2];
    size_t allow_count;
    size_t place; /* of the third list */
    enum policy_mode third;
};

static void random_view(uint64_t *seed, struct chosen_view *view)
{
    static const enum policy_mode third[] = {POLICY_MODE_LOG, POLICY_MODE_LOG, POLICY_MODE_OFF};
    char name[64];

    *view = (struct chosen_view){.uses = {random_under(seed, 4) > 0, random_under(seed, 4) > 0},
                                 .deny = random_under(seed, 2) == 0,
                                 .log_only = random_under(seed, 4) == 0,
                                 .allow_count = random_under(seed, 3),
                                 .place = random_under(seed, 3),
                                 .third = third[random_under(seed, ITEMS(third))]};
    for (size_t i = 0; i < 2; i++) {
        random_name(seed, 3, name);
        view->allow[i] = name_of(name);
    }
}

/* Several views of one image: the first two lists enforced where the view uses them, and a
 * third one in log mode in some of them, or in none. The order in which the operator names them
 * puts the third first, in the middle or last. */
static struct policy *random_policy(struct policy_list **lists, bool with_third,
                                    const struct chosen_view *chosen)
{
    struct policy_list_setting settings[VIEWS][3];
    struct policy_view_setting views[VIEWS];
    struct policy *policy = NULL;

    for (size_t v = 0; v < VIEWS; v++) {
        const struct chosen_view *view = &chosen[v];
        size_t count = 0, used = 0;

        for (size_t i = 0; i < 3; i++) {
            if (i == view->place) {
                if (with_third) {
                    settings[v][count++] = (struct policy_list_setting){
                        lists[2]->id, view->third, POLICY_ACTION_DEFAULT};
                }
            } else {
                if (view->uses[used]) {
                    settings[v][count++] = (struct policy_list_setting){
                        lists[used]->id, POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT};
                }
                used++;
            }
        }
        views[v] = (struct policy_view_setting){.name = "view",
                                                .lists = settings[v],
                                                .list_count = count,
                                                .deny = view->deny,
                                                .log_only = view->log_only,
                                                .allow = view->allow,
                                                .allow_count = view->allow_count};
    }
    assert_int_equal(
        policy_create(image_of((const struct policy_list *const *)lists, with_third ? 3 : 2),
                      views, VIEWS, 1, NULL, &policy),
        0);
    return policy;
}

static void a_list_in_log_mode_changes_no_answer_in_any_view(void **state)
{
    uint64_t seed = 0x5eed;
    unsigned decided = 0, denied = 0, enforced = 0;

    (void)state;
    for (unsigned round = 0; round < 150; round++) {
        /* Ids in any order: numbers of lists in the image differ from the operator's order. */
        static const char *const ids[] = {"k", "z", "b", "q", "a"};
        struct chosen_view chosen[VIEWS];
        struct policy_list *lists[3];
        char rules[2048];

        for (unsigned i = 0; i < 3; i++) {
            random_rules(&seed, rules, sizeof(rules));
            lists[i] = list_of(ids[i + round % 3], rules);
        }
        for (size_t v = 0; v < VIEWS; v++) {
            random_view(&seed, &chosen[v]);
        }
        struct policy *without = random_policy(lists, false, chosen);
        struct policy *with = random_policy(lists, true, chosen);
        for (unsigned i = 0; i < 60; i++) {
            const unsigned view = i % VIEWS;
            struct policy_outcome out;
            char question[64];

            random_name(&seed, 4, question);
            same_answer(without, with, view, question);
            decide_in(with, view, question, &out);
            denied += out.denied;
            enforced += out.enforced;
            snprintf(question, sizeof(question), "@10.%zu.%zu.1", random_under(&seed, 256),
                     random_under(&seed, 4));
            same_answer(without, with, view, question);
            decided++;
        }
        for (unsigned view = 0; view < VIEWS; view++) {
            same_answer(without, with, view, "x.test");
            same_answer(without, with, view, "test");
            same_answer(without, with, view, "");
        }
        policy_destroy(without);
        policy_destroy(with);
        for (unsigned i = 0; i < 3; i++) {
            policy_list_free(lists[i]);
        }
    }
    assert_int_equal(decided, 9000);
    assert_true(denied > 1000 && enforced > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence_is_as_the_truth_table_says),
        cmocka_unit_test(one_word_puts_every_enforced_list_into_log_mode),
        cmocka_unit_test(only_a_block_that_answers_replaces_the_answer),
        cmocka_unit_test(a_hit_says_what_was_looked_at),
        cmocka_unit_test(a_redirect_goes_where_rule_or_view_says),
        cmocka_unit_test(a_redirect_that_would_be_too_long_is_none),
        cmocka_unit_test(a_name_with_something_let_through_below_it_exists),
        cmocka_unit_test(views_decide_apart),
        cmocka_unit_test(what_nothing_speaks_of_is_denied),
        cmocka_unit_test(a_denied_name_redirects_where_the_view_says),
        cmocka_unit_test(a_name_above_an_allowed_one_exists),
        cmocka_unit_test(settings_that_name_no_loaded_list_are_refused),
        cmocka_unit_test(a_list_in_log_mode_changes_no_answer_in_any_view),
    };
    return cmocka_run_group_tests_name("policy/policy", tests, NULL, NULL);
}
