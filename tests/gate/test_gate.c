/* gate: signatures, ratchet, what loads, and sizes; overrides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/gates.h"

#include "trust/ratchet.h"

#define EXAMPLE GATES_SAY("block suffix example.test")

static void a_candidate_without_faults_passes(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE GATES_SAY("block suffix other.test"), NULL);
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_int_equal(gates.outcome->list_count, 1);
    assert_int_equal(gates.outcome->lists[0].added, 1);
    assert_int_equal(gates.outcome->lists[0].removed, 0);
    assert_int_equal(gates.outcome->lists[0].old_serial, 5);
    assert_int_equal(gates.outcome->lists[0].new_serial, 6);
    assert_true(gates.outcome->lists[0].enforced);
    assert_int_equal(access("state", F_OK), -1); /* nothing is written */
    gates_close(&gates);
}

static void what_is_not_signed_is_refused_and_not_looked_at(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    workshop_write("new/one.list", "garbage", 7);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_LOADS), GATE_SKIPPED);
    assert_int_equal(gates_of(&gates, GATE_SIZE), GATE_SKIPPED);
    gates_close(&gates);
}

static void a_list_of_another_catalogue_is_refused(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 7, "one", GATES_SAY("block suffix other.test"), NULL);
    gates_publish(&gates, "mixed", 6, "one", EXAMPLE, NULL);
    size_t len = 0;
    char *text = workshop_read("new/one.list", &len);
    workshop_write("mixed/one.list", text, len);
    press_sign(&gates.press, "mixed/one.list", "34");
    free(text);
    gates.request.candidate = "mixed";
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_REFUSE);
    gates_close(&gates);
}

/* What the ratchet has seen comes from loading it once, as whoever fetches does. */
static void remember(struct gates *gates, const char *folder)
{
    struct trust_ratchet *ratchet = NULL;
    struct trust_root *root = NULL;
    struct trust_catalogue *catalogue = NULL;
    char path[256];

    (void)mkdir("ratchet", 0700);
    assert_int_equal(trust_ratchet_read("ratchet/trust.ratchet", NULL, &ratchet), 0);
    snprintf(path, sizeof(path), "%s/1.root", folder);
    assert_int_equal(trust_root_newest(path, folder, &gates->press.report, &root), 0);
    snprintf(path, sizeof(path), "%s/catalogue", folder);
    assert_int_equal(trust_catalogue_read(path, root, &gates->press.report, &catalogue), 0);
    assert_int_equal(trust_ratchet_note(ratchet, root, catalogue, false), 0);
    assert_int_equal(trust_ratchet_write(ratchet, "ratchet/trust.ratchet", NULL), 0);
    trust_ratchet_free(ratchet);
    trust_catalogue_free(catalogue);
    free(root);
    gates->request.ratchet = "ratchet";
}

static void what_is_older_than_the_ratchet_is_refused(void **state)
{
    struct gates gates;
    size_t before_len = 0, after_len = 0;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "newer", 9, "one", EXAMPLE, NULL);
    remember(&gates, "newer");
    char *before = workshop_read("ratchet/trust.ratchet", &before_len);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_TRUST, "rollback"));
    gates.request.candidate = "newer";
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_publish(&gates, "newest", 10, "one", EXAMPLE, NULL);
    gates.request.candidate = "newest";
    assert_int_equal(gates_run(&gates), GATE_PASS);
    char *after = workshop_read("ratchet/trust.ratchet", &after_len);
    assert_int_equal(before_len, after_len); /* only looked at */
    assert_memory_equal(before, after, before_len);
    free(before);
    free(after);
    gates_close(&gates);
}

static void a_candidate_cannot_bring_its_own_root(void **state)
{
    struct gates gates;
    struct press other;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    press_open(&other); /* all of it is well signed by somebody else */
    const struct press own = gates.press;
    gates.press = other;
    press_root_write(&gates.press, press_root(&gates.press, 1), "new", "01");
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    gates.press = own;
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_TRUST, "is another than"));
    assert_int_equal(remove("new/1.root"), 0);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_TRUST, "is missing"));
    press_close(&other);
    gates_close(&gates);
}

static void a_root_that_nobody_pinned_is_refused(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    assert_int_equal(mkdir("empty", 0700), 0);
    gates.request.in_force = "empty";
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_TRUST, "nobody here has pinned it"));
    gates_config("trust: {root: old/1.root}\n"); /* pinned outside: the first update of all */
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_PASS);
    assert_int_equal(gates_of(&gates, GATE_LOADS), GATE_WARN);
    assert_int_equal(gates_of(&gates, GATE_SIZE), GATE_SKIPPED);
    gates_close(&gates);
}

/* What the operator names may lie in the folder that changes. */
static void keys_of_the_folder_cannot_be_swapped(void **state)
{
    struct gates gates;
    char text[512], path[64];

    (void)state;
    gates_open(&gates);
    for (unsigned i = 3; i < 6; i++) {
        const size_t len = trust_public_key_format(&gates.press.key[i], text, sizeof(text));

        for (unsigned k = 0; k < 2; k++) {
            const char *folder = k == 0 ? "old" : "new";

            (void)mkdir(folder, 0700);
            snprintf(path, sizeof(path), "%s/%u.pub", folder, i);
            workshop_write(path, text, len);
        }
    }
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    gates_config("trust: {keys: [old/3.pub, old/4.pub, old/5.pub]}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    const size_t len = trust_public_key_format(&gates.press.key[6], text, sizeof(text));
    workshop_write("new/5.pub", text, len);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_TRUST, "is another than"));
    gates_close(&gates);
}

static void a_list_in_use_that_is_gone_is_refused(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_config("lists: {directory: old, use: {one: enforce, two: log}}\n");
    gates_publish(&gates, "old", 5, "one", EXAMPLE, "two", EXAMPLE, NULL);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_WITHDRAWN), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_LOADS), GATE_PASS); /* the rest of it does */
    assert_string_equal(gates.outcome->checks[GATE_WITHDRAWN].findings[0].what, "two");
    gates_config("lists: {directory: old, use: {one: enforce}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_close(&gates);
}

static void a_list_that_only_the_candidate_has_is_taken(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_config("lists: {directory: old, use: {one: enforce, two: enforce}}\n");
    gates_publish(&gates, "new", 6, "one", EXAMPLE, "two", GATES_SAY("block suffix two.test"),
                  NULL);
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_false(gates.outcome->lists[1].is_old);
    assert_true(gates.outcome->lists[1].is_new);
    gates_close(&gates);
}

static void a_signed_text_that_is_no_list_does_not_load(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", "block suffix not a name\n", NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_PASS);
    assert_int_equal(gates_of(&gates, GATE_LOADS), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_SIZE), GATE_SKIPPED);
    gates_close(&gates);
}

static void what_is_in_force_may_be_damaged(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    workshop_write("old/one.list", "damaged", 7);
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_true(gates_say(&gates, GATE_LOADS, "compared with nothing"));
    gates_close(&gates);
}

static void growth_beyond_the_limit_is_refused(void **state)
{
    struct gates gates;
    static char old[64 * 1024], more[64 * 1024], both[128 * 1024];

    (void)state;
    gates_open(&gates);
    gates_rules(old, sizeof(old), "a", 200);
    gates_publish(&gates, "old", 5, "one", old, NULL);
    gates_rules(more, sizeof(more), "b", 100); /* half of them, and that is allowed */
    snprintf(both, sizeof(both), "%s%s", old, more);
    gates_publish(&gates, "new", 6, "one", both, NULL);
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_rules(more, sizeof(more), "b", 101);
    snprintf(both, sizeof(both), "%s%s", old, more);
    gates_publish(&gates, "new", 7, "one", both, NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_SIZE), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_SIZE, "101 of 200 rules come or change, 50% may"));
    assert_string_equal(gates.outcome->checks[GATE_SIZE].findings[0].what, "one");
    assert_string_equal(gates.outcome->checks[GATE_SIZE].findings[1].what, "all");
    gates_config("lists: {directory: old, use: {one: log}}\n"); /* it blocks nothing */
    assert_int_equal(gates_run(&gates), GATE_WARN);
    gates_config("update: {gate: {growth: 60%}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_config("update: {gate: {growth: any}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_close(&gates);
}

static void shrinking_and_swapping_beyond_the_limit_are_refused(void **state)
{
    struct gates gates;
    static char old[64 * 1024], new[64 * 1024];

    (void)state;
    gates_open(&gates);
    gates_rules(old, sizeof(old), "a", 200);
    gates_publish(&gates, "old", 5, "one", old, NULL);
    gates_rules(new, sizeof(new), "a", 139);
    gates_publish(&gates, "new", 6, "one", new, NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_SIZE, "61 of 200 rules go or change, 30% may"));
    gates_rules(new, sizeof(new), "b", 200); /* as many as before, and all others */
    gates_publish(&gates, "new", 7, "one", new, NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates.outcome->lists[0].added, 200);
    assert_int_equal(gates.outcome->lists[0].removed, 200);
    gates_close(&gates);
}

static void rules_that_turn_round_are_counted(void **state)
{
    struct gates gates;
    static char old[64 * 1024], new[64 * 1024];
    size_t used = 0;

    (void)state;
    gates_open(&gates);
    gates_config("update: {gate: {small: 0}}\n");
    for (unsigned i = 0; i < 20; i++) {
        used += (size_t)snprintf(old + used, sizeof(old) - used,
                                 GATES_SAY("pass suffix a%u.test"), i);
    }
    gates_publish(&gates, "old", 5, "one", old, NULL);
    gates_rules(new, sizeof(new), "a", 20);
    gates_publish(&gates, "new", 6, "one", new, NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates.outcome->lists[0].added, 20);
    gates_close(&gates);
}

static void a_small_list_may_change_by_a_few_rules(void **state)
{
    struct gates gates;
    static char rules[64 * 1024];

    (void)state;
    gates_open(&gates);
    gates_rules(rules, sizeof(rules), "b", 50); /* of 1 */
    gates_publish(&gates, "new", 6, "one", rules, NULL);
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_rules(rules, sizeof(rules), "b", 51);
    gates_publish(&gates, "new", 7, "one", rules, NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    gates_config("update: {gate: {small: 51}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_close(&gates);
}

/* The text is that of OLD, with WORD everywhere else. */
static void say_otherwise(char *text, const char *old, const char *word, const char *other)
{
    size_t used = 0;

    for (const char *at = old; *at != '\0';) {
        const bool here = strncmp(at, word, strlen(word)) == 0;

        used += (size_t)sprintf(text + used, "%.*s", here ? 64 : 1, here ? other : at);
        at += here ? strlen(word) : 1;
    }
}

/* Rules that have done nothing so far, and are said to be sure of themselves now. */
static void what_a_view_goes_by_is_a_change_of_the_rule(void **state)
{
    struct gates gates;
    static char old[64 * 1024], low[64 * 1024], other[64 * 1024];

    (void)state;
    gates_open(&gates);
    gates_rules(old, sizeof(old), "a", 200);
    say_otherwise(low, old, "confidence=high", "confidence=low");
    say_otherwise(other, old, "category=test", "category=telemetry");
    gates_publish(&gates, "old", 5, "one", low, NULL);
    gates_publish(&gates, "new", 6, "one", old, NULL);
    assert_int_equal(gates_run(&gates), GATE_PASS); /* nobody goes by it */
    gates_config("policy: {confidence: {log: low, apply: medium}}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_SIZE, "200 of 200 rules come or change, 50% may"));
    gates_config("views: {guests: {clients: [203.0.113.0/24], confidence: {apply: high}}}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    gates_publish(&gates, "old", 7, "one", other, NULL);
    gates_publish(&gates, "new", 8, "one", old, NULL);
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_config("policy: {categories: {telemetry: log}}\n");
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    gates_config("policy: {categories: {dns: log}, scopes: {cdn: off}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_close(&gates);
}

static void slow_growth_is_measured_from_the_oldest_kept_version(void **state)
{
    struct gates gates;
    static char rules[256 * 1024];

    (void)state;
    gates_open(&gates);
    gates_config("update: {gate: {growth: 100%, drift: 150%}}\n");
    gates_rules(rules, sizeof(rules), "a", 100);
    gates_publish(&gates, "old", 3, "one", rules, NULL);
    gates_publish(&gates, "oldest", 3, "one", rules, NULL);
    gates_rules(rules, sizeof(rules), "a", 190);
    gates_publish(&gates, "old", 4, "one", rules, NULL);
    gates_rules(rules, sizeof(rules), "a", 260); /* some more than before */
    gates_publish(&gates, "new", 5, "one", rules, NULL);
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates.request.oldest = "oldest";
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_true(gates_say(&gates, GATE_SIZE, "160 of 100 rules have come"));
    gates_config("update: {gate: {growth: 100%, drift: any}}\n");
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates.request.oldest = "no such folder";
    assert_int_equal(gates_run(&gates), GATE_PASS);
    gates_close(&gates);
}

static void an_override_is_recorded_and_counts(void **state)
{
    struct gates gates;
    static char rules[64 * 1024], document[GATE_DOCUMENT_MAX];
    struct text text;

    (void)state;
    gates_open(&gates);
    gates_rules(rules, sizeof(rules), "b", 100);
    gates_publish(&gates, "new", 6, "one", rules, NULL);
    gates_override(&gates, GATE_SIZE, "a new region, ticket 17");
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_int_equal(gates_of(&gates, GATE_SIZE), GATE_REFUSE);
    assert_true(gates.outcome->checks[GATE_SIZE].overridden);
    assert_string_equal(gates.outcome->checks[GATE_SIZE].reason, "a new region, ticket 17");
    text_init(&text, document, sizeof(document));
    gate_write(&text, NULL, gates.outcome);
    assert_false(text.overflow);
    assert_non_null(strstr(document, "\"override\":{\"reason\":\"a new region, ticket "
                                     "17\",\"counts\":true}"));
    gates_publish(&gates, "new", 7, "one", EXAMPLE, NULL); /* which needs none */
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_false(gates.outcome->checks[GATE_SIZE].overridden);
    gates_close(&gates);
}

static void an_override_needs_a_reason_and_a_check_that_bears_it(void **state)
{
    struct gates gates;
    char longest[GATE_REASON_MAX + 2];
    enum gate_check check;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    static const char *const bad[] = {"", "   ", "two\nlines", "\x1b[2J", "\xff", "a\xc2\x85"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        gates_override(&gates, GATE_SIZE, bad[i]);
        assert_int_equal(gates_try(&gates), -EINVAL);
    }
    gates_override(&gates, GATE_SIZE, NULL);
    assert_int_equal(gates_try(&gates), -EINVAL);
    gates_override(&gates, GATE_SIZE, longest);
    assert_int_equal(gates_try(&gates), -EINVAL);
    longest[GATE_REASON_MAX] = '\0';
    assert_int_equal(gates_run(&gates), GATE_PASS);
    static const enum gate_check never[] = {GATE_TRUST, GATE_LOADS, GATE_WITHDRAWN};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        gates_override(&gates, never[i], "I say so");
        assert_int_equal(gates_try(&gates), -EINVAL);
        assert_null(gates.outcome);
    }
    gates.request.overrides[0] = (struct gate_override){GATE_SIZE, "once"};
    gates.request.overrides[1] = (struct gate_override){GATE_SIZE, "twice"};
    gates.request.override_count = 2;
    assert_int_equal(gates_try(&gates), -EINVAL);
    assert_true(gate_check_parse("size", &check));
    assert_int_equal(check, GATE_SIZE);
    assert_false(gate_check_parse("sizes", &check));
    assert_false(gate_check_parse("", &check));
    gates_close(&gates);
}

static void a_publisher_that_is_not_there_is_refused(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    gates.request.publisher = "nobody";
    assert_int_equal(gates_try(&gates), -EINVAL);
    gates.request.publisher = NULL;
    gates.request.config = "absent.yaml";
    assert_int_equal(gates_try(&gates), -ENOENT);
    gates_close(&gates);
}

static void the_candidate_of_a_foreign_publisher_is_looked_at(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "theirs", 5, "their", EXAMPLE, NULL);
    gates_publish(&gates, "new", 6, "their", GATES_SAY("block suffix a.example.test"), NULL);
    assert_int_equal(mkdir("keys", 0700), 0);
    for (unsigned i = 3; i < 5; i++) { /* the operator's own lists need no root */
        char text[512], path[64];
        const size_t len = trust_public_key_format(&gates.press.key[i], text, sizeof(text));
        snprintf(path, sizeof(path), "keys/%u.pub", i);
        workshop_write(path, text, len);
    }
    gates_config("lists: {directory: old, use: {one: enforce, their: enforce}}\n"
                 "trust:\n  keys: [keys/3.pub, keys/4.pub]\n  publishers:\n    press:\n"
                 "      {directory: theirs, root: old/1.root, lists: [their], providers: "
                 "[test], names: [example.test]}\n");
    gates.request.publisher = "press";
    assert_int_equal(gates_run(&gates), GATE_PASS);
    assert_int_equal(gates.outcome->list_count, 2);
    assert_int_equal(gates.outcome->lists[0].added, 0);
    assert_int_equal(gates.outcome->lists[1].added, 1);
    gates_publish(&gates, "new", 7, "their", GATES_SAY("block suffix beyond.test"), NULL);
    assert_int_equal(gates_run(&gates), GATE_REFUSE); /* out of its scope */
    assert_int_equal(gates_of(&gates, GATE_LOADS), GATE_REFUSE);
    /* What is wrong with them is not the concern of whoever else has something new. */
    gates_publish(&gates, "new", 6, "one", EXAMPLE GATES_SAY("block suffix b.test"), NULL);
    workshop_write("theirs/catalogue", "damaged", 7);
    gates.request.publisher = NULL;
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_WARN);
    assert_int_equal(gates.outcome->lists[0].added, 1);
    gates.request.publisher = "press"; /* but theirs does not count */
    gates.request.candidate = "theirs";
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_REFUSE);
    gates_close(&gates);
}

/* Files that whoever runs the gate may not read, and exceptions that are refused. */
static void what_is_not_about_the_candidate_refuses_nothing(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    workshop_write("exceptions.txt", "damaged", 7);
    gates_config("exceptions: {files: [exceptions.txt]}\n"
                 "local: {zones: [absent.zone], hosts: [absent.hosts]}\n");
    assert_int_equal(gates_run(&gates), GATE_WARN);
    assert_int_equal(gates_of(&gates, GATE_LOADS), GATE_WARN);
    gates_close(&gates);
}

static void a_damaged_ratchet_is_refused(void **state)
{
    struct gates gates;

    (void)state;
    gates_open(&gates);
    gates_publish(&gates, "new", 6, "one", EXAMPLE, NULL);
    assert_int_equal(mkdir("ratchet", 0700), 0);
    workshop_write("ratchet/trust.ratchet", "damaged", 7);
    gates.request.ratchet = "ratchet";
    assert_int_equal(gates_run(&gates), GATE_REFUSE);
    assert_int_equal(gates_of(&gates, GATE_TRUST), GATE_REFUSE);
    assert_int_equal(access("ratchet/trust.ratchet", F_OK), 0); /* where it was */
    gates_close(&gates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKSHOP_TEST(a_candidate_without_faults_passes),
        WORKSHOP_TEST(what_is_not_signed_is_refused_and_not_looked_at),
        WORKSHOP_TEST(a_list_of_another_catalogue_is_refused),
        WORKSHOP_TEST(what_is_older_than_the_ratchet_is_refused),
        WORKSHOP_TEST(a_candidate_cannot_bring_its_own_root),
        WORKSHOP_TEST(a_root_that_nobody_pinned_is_refused),
        WORKSHOP_TEST(keys_of_the_folder_cannot_be_swapped),
        WORKSHOP_TEST(a_list_in_use_that_is_gone_is_refused),
        WORKSHOP_TEST(a_list_that_only_the_candidate_has_is_taken),
        WORKSHOP_TEST(a_signed_text_that_is_no_list_does_not_load),
        WORKSHOP_TEST(what_is_in_force_may_be_damaged),
        WORKSHOP_TEST(growth_beyond_the_limit_is_refused),
        WORKSHOP_TEST(shrinking_and_swapping_beyond_the_limit_are_refused),
        WORKSHOP_TEST(rules_that_turn_round_are_counted),
        WORKSHOP_TEST(a_small_list_may_change_by_a_few_rules),
        WORKSHOP_TEST(what_a_view_goes_by_is_a_change_of_the_rule),
        WORKSHOP_TEST(slow_growth_is_measured_from_the_oldest_kept_version),
        WORKSHOP_TEST(an_override_is_recorded_and_counts),
        WORKSHOP_TEST(an_override_needs_a_reason_and_a_check_that_bears_it),
        WORKSHOP_TEST(a_publisher_that_is_not_there_is_refused),
        WORKSHOP_TEST(the_candidate_of_a_foreign_publisher_is_looked_at),
        WORKSHOP_TEST(what_is_not_about_the_candidate_refuses_nothing),
        WORKSHOP_TEST(a_damaged_ratchet_is_refused),
    };

    return cmocka_run_group_tests(tests, gates_library, NULL);
}
