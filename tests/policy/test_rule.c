/* policy/rule: each word is read back to what it came from, and nothing else is a word. */
#include "policy/make.h"

#include "policy/rule.h"

static void every_word_reads_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        enum policy_kind kind;
        const char *word = policy_kind_name((enum policy_kind)i);
        assert_true(policy_kind_parse(word, strlen(word), &kind) && kind == i);
    }
    for (unsigned i = 0; i < 4; i++) {
        enum policy_match match;
        const char *word = policy_match_name((enum policy_match)i);
        assert_true(policy_match_parse(word, strlen(word), &match) && match == i);
    }
    for (unsigned i = 0; i < 5; i++) {
        enum policy_scope scope;
        const char *word = policy_scope_name((enum policy_scope)i);
        assert_true(policy_scope_parse(word, strlen(word), &scope) && scope == i);
    }
    for (unsigned i = 0; i < POLICY_TRIGGERS; i++) {
        assert_non_null(policy_trigger_name((enum policy_trigger)i));
    }
    for (unsigned i = 0; i < 4; i++) {
        enum policy_client client;
        const char *word = policy_client_name((enum policy_client)i);
        assert_true(policy_client_parse(word, strlen(word), &client) && client == i);
    }
    for (unsigned i = 1; i < POLICY_SUBJECTS; i++) {
        enum policy_subject subject;
        const char *word = policy_subject_name((enum policy_subject)i);
        assert_true(policy_subject_parse(word, strlen(word), &subject) && subject == i);
    }
    for (unsigned i = 0; i < 3; i++) {
        enum policy_confidence confidence;
        enum policy_mode mode;
        const char *word = policy_confidence_name((enum policy_confidence)i);
        assert_true(policy_confidence_parse(word, strlen(word), &confidence) &&
                    confidence == i);
        word = policy_mode_name((enum policy_mode)i);
        assert_true(policy_mode_parse(word, strlen(word), &mode) && mode == i);
    }
    for (unsigned i = 1; i < 10; i++) {
        enum policy_action action;
        const char *word = policy_action_name((enum policy_action)i);
        assert_true(policy_action_parse(word, strlen(word), &action) && action == i);
    }
}

static void words_are_whole_and_in_lower_case(void **state)
{
    static const char *const cases[] = {
        "",          /* no octets */
        "Block",     /* capitals */
        "bloc",      /* too short */
        "blocks",    /* too long */
        "default",   /* not for people to write */
        "sinkhole ", /* a space behind */
        "none",      /* of another program */
        "answer",    /* what a rule is about that says nothing */
    };
    enum policy_kind kind = POLICY_PASS;
    enum policy_match match = POLICY_MATCH_BELOW;
    enum policy_action action = POLICY_ACTION_DROP;
    enum policy_mode mode = POLICY_MODE_LOG;
    enum policy_client client = POLICY_CLIENT_LOG;
    enum policy_subject subject = POLICY_SUBJECT_CLIENT;
    enum policy_scope scope = POLICY_SCOPE_CDN;
    enum policy_confidence confidence = POLICY_CONFIDENCE_LOW;

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const size_t len = strlen(cases[i]);

        assert_false(policy_kind_parse(cases[i], len, &kind));
        assert_false(policy_match_parse(cases[i], len, &match));
        assert_false(policy_action_parse(cases[i], len, &action));
        assert_false(policy_mode_parse(cases[i], len, &mode));
        assert_false(policy_client_parse(cases[i], len, &client));
        assert_false(policy_subject_parse(cases[i], len, &subject));
        assert_false(policy_scope_parse(cases[i], len, &scope));
        assert_false(policy_confidence_parse(cases[i], len, &confidence));
    }
    assert_int_equal(kind, POLICY_PASS);
    assert_int_equal(action, POLICY_ACTION_DROP);
}

static void values_outside_have_no_word(void **state)
{
    (void)state;
    assert_null(policy_kind_name((enum policy_kind)2));
    assert_null(policy_match_name((enum policy_match)4));
    assert_null(policy_scope_name((enum policy_scope)5));
    assert_null(policy_confidence_name((enum policy_confidence)3));
    assert_null(policy_action_name((enum policy_action)10));
    assert_null(policy_mode_name((enum policy_mode)3));
    assert_null(policy_trigger_name((enum policy_trigger)POLICY_TRIGGERS));
    assert_null(policy_client_name((enum policy_client)4));
    assert_null(policy_subject_name(POLICY_SUBJECT_ANSWER));
    assert_null(policy_subject_name((enum policy_subject)POLICY_SUBJECTS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_reads_back),
        cmocka_unit_test(words_are_whole_and_in_lower_case),
        cmocka_unit_test(values_outside_have_no_word),
    };
    return cmocka_run_group_tests_name("policy/rule", tests, NULL, NULL);
}
