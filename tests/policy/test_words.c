/* policy/words and policy/list_part: what is said of a rule, and of the law, and no more. */
#include "policy/make.h"

#include "base/error.h"
#include "policy/list_part.h"
#include "policy/words.h"

#include <errno.h>

static const struct policy_fact bare = {.entity = "Big Corp Ltd.",
                                        .authority = "Authority",
                                        .instrument = "Instrument",
                                        .citation = "1 X 2",
                                        .effective = "",
                                        .published = "",
                                        .state = "in-force",
                                        .checked = "2026-08-22",
                                        .effect = "",
                                        .note = ""};

static void a_fact_says_whose_status_it_is_and_no_more(void **state)
{
    static const struct {
        enum policy_class class;
        const char *words;
    } rows[] = {
        {POLICY_CLASS_DESIGNATED,
         "Big Corp Ltd. is designated by Authority, Instrument (1 X 2)"},
        {POLICY_CLASS_PARENT_DESIGNATED,
         "Big Corp Ltd., which owns Cloud, is designated by Authority, Instrument (1 X 2); the "
         "status is the owner's, not that of Cloud"},
        {POLICY_CLASS_LIST_MENTION, "Big Corp Ltd. is named on a list of another kind, which "
                                    "is no designation: Authority, "
                                    "Instrument (1 X 2)"},
        {POLICY_CLASS_NAMED_URGED,
         "action on Big Corp Ltd. is asked for, a request and no designation: Authority, "
         "Instrument (1 X 2)"},
        {POLICY_CLASS_NAMED_NO_DESIGNATION_FOUND,
         "No listing of Big Corp Ltd. found as of 2026-08-22. Authority, Instrument (1 X 2)"},
        {POLICY_CLASS_NONE_FOUND,
         "No listing of Big Corp Ltd. found as of 2026-08-22. Authority, Instrument (1 X 2)"},
        {POLICY_CLASS_CHANGED, "the status of Big Corp Ltd. has ended, or its owner has "
                               "changed: Authority, Instrument (1 X 2)"},
        {POLICY_CLASS_REMOVED, "the status of Big Corp Ltd. has ended, or its owner has "
                               "changed: Authority, Instrument (1 X 2)"},
    };
    char words[POLICY_FACT_WORDS_MAX];

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct policy_fact fact = bare;

        fact.class = rows[i].class;
        policy_words_fact(&fact, "Cloud", words);
        assert_string_equal(words, rows[i].words);
        /* each class has a meaning, and only what is designated is called so */
        assert_true(policy_words_class(policy_class_name(fact.class))[0] != '\0');
    }
    assert_string_equal(policy_words_class("frobnicated"), "");
    struct policy_fact fact = bare;
    fact.instrument = fact.citation = "";
    policy_words_fact(&fact, "Cloud", words);
    assert_string_equal(words, "Big Corp Ltd. is designated by Authority");
    /* what has ended, or is not sure, is not said to be */
    static const char *const states[][2] = {
        {"removed", "Big Corp Ltd. was designated, and is no longer, by Authority"},
        {"suspended", "Big Corp Ltd. was designated, which is suspended, by Authority"},
        {"contested", "Big Corp Ltd. is designated, which is contested, by Authority"},
        {"unverified", "Big Corp Ltd. is said, unverified, to be designated by Authority"},
    };
    for (size_t i = 0; i < ITEMS(states); i++) {
        fact.state = states[i][0];
        policy_words_fact(&fact, "Cloud", words);
        assert_string_equal(words, states[i][1]);
    }
}

static struct policy *policy_of(const char *id, const char *rules)
{
    const struct policy_list *lists[] = {list_of(id, rules)};
    const struct policy_list_setting settings[] = {
        {id, POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT}};
    const struct policy_view_setting view = {
        .name = "default", .lists = settings, .list_count = 1, .deny = true};
    struct policy *policy = NULL;

    assert_int_equal(policy_create(image_of(lists, 1), &view, 1, 1, NULL, &policy), 0);
    policy_list_free((struct policy_list *)lists[0]);
    return policy;
}

static void the_text_of_an_error_is_short_and_ends_with_the_serial(void **state)
{
    struct policy *policy = policy_of("short", "block suffix a.test");
    struct policy_outcome outcome;
    char ede[POLICY_EDE_MAX];
    const struct wire_name name = name_of("x.a.test");
    const struct wire_name other = name_of("free.test");

    (void)state;
    policy_decide_question(policy, 0, &name, &outcome);
    assert_int_equal(policy_words_ede(policy, &outcome.hit, "default", ede), 18);
    assert_string_equal(ede, "prov-short short 7");
    assert_string_equal(policy_words_ground((enum policy_ground)outcome.hit.ground), "rule");
    /* the operator's own word names no list */
    policy_decide_question(policy, 0, &other, &outcome);
    assert_true(outcome.denied);
    policy_words_ede(policy, &outcome.hit, "a-view-with-a-name-of-24", ede);
    assert_string_equal(ede, "default deny: no allowed name, view a-view-with-a-name-of-24");
    assert_string_equal(policy_words_ground((enum policy_ground)outcome.hit.ground),
                        "default-deny");
    policy_destroy(policy);
    /* words that are too long are cut, and the serial is whole */
    policy = policy_of("a-list-with-a-very-long-identifier", "block suffix a.test");
    policy_decide_question(policy, 0, &name, &outcome);
    policy_words_ede(policy, &outcome.hit, "default", ede);
    assert_string_equal(ede, "prov-a-list-with-a-very- a-list-with-a-very-long- 7");
    policy_destroy(policy);
}

static void a_head_is_read_without_the_rules(void **state)
{
    char *text = list_text("one", "block suffix a.test;pass exact b.a.test;block below c.test");
    struct policy_list *part = NULL;

    (void)state;
    assert_int_equal(policy_list_head(text, strlen(text), &part), 0);
    assert_string_equal(part->id, "one");
    assert_int_equal(part->serial, 7);
    assert_int_equal(part->rule_count, 0);
    policy_list_free(part);
    /* one rule, with its evidence and the line of the whole text */
    assert_int_equal(policy_list_rule(text, strlen(text), "pass exact b.a.test", &part), 0);
    assert_int_equal(part->rule_count, 1);
    assert_int_equal(part->rules[0].kind, POLICY_PASS);
    assert_string_equal(part->rules[0].evidence, "seen");
    assert_int_equal(part->rules[0].line, 10);
    policy_list_free(part);
    part = NULL;
    /* a beginning of a rule is another rule */
    assert_int_equal(policy_list_rule(text, strlen(text), "block suffix a.tes", &part),
                     -ENOENT);
    assert_int_equal(policy_list_rule(text, strlen(text), "block suffix b.a.test", &part),
                     -ENOENT);
    /* a text that was cut in its header, or is none */
    assert_int_equal(policy_list_head(text, 60, &part), CORDON_E_REFUSED);
    assert_int_equal(policy_list_head("", 0, &part), CORDON_E_REFUSED);
    assert_int_equal(policy_list_head("x\nrules\n", 8, &part), CORDON_E_REFUSED);
    assert_int_equal(policy_list_rule("x", 1, "block suffix a.test", &part), CORDON_E_REFUSED);
    assert_null(part);
    free(text);
}

static void a_policy_keeps_what_its_lists_say(void **state)
{
    struct policy *policy = policy_of("one", "block suffix a.test");
    const struct policy_changes changes = {.pause_all = true};
    struct policy *derived = NULL;
    struct policy_list *heads[] = {list_of("other", ""), NULL, list_of("one", ""),
                                   list_of("one", "")};

    (void)state;
    assert_null(policy_list_head_of(policy, 0));
    policy_take_heads(policy, heads, ITEMS(heads));
    assert_string_equal(policy_list_head_of(policy, 0)->id, "one");
    assert_null(policy_list_head_of(policy, 1));
    assert_null(policy_list_head_of(policy, POLICY_LISTS_MAX));
    assert_int_equal(policy_derive(policy, &changes, 2, &derived), 0);
    assert_ptr_equal(policy_list_head_of(derived, 0), policy_list_head_of(policy, 0));
    policy_destroy(derived);
    policy_destroy(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fact_says_whose_status_it_is_and_no_more),
        cmocka_unit_test(the_text_of_an_error_is_short_and_ends_with_the_serial),
        cmocka_unit_test(a_head_is_read_without_the_rules),
        cmocka_unit_test(a_policy_keeps_what_its_lists_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
