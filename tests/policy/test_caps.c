/*
 * policy/caps: what categories, scopes and confidence leave of a rule, why, and that they never
 * block more; policy_derive() with variants: what schedules change.
 */
#include "policy/make.h"

#include <errno.h>

/* A list with all fields: "KIND MATCH WHAT CATEGORY SCOPE CONFIDENCE[ ACTION]", separated by
 * ';'. */
static struct policy_list *full_list(const char *id, const char *rules)
{
    char text[8192];
    size_t used =
        (size_t)snprintf(text, sizeof(text),
                         "cordon-list 1\nid %s\ntitle T\nprovider p The P\nserial 7\n"
                         "created 2026-01-02T03:04:05Z\nexpires 2027-02-06T03:04:05Z\n"
                         "rules\n",
                         id);
    struct policy_list *list = NULL;
    struct report report;

    while (*rules != '\0') {
        char kind[8], match[8], what[64], category[33], scope[16], confidence[16];
        char action[32] = "";
        const size_t len = strcspn(rules, ";");
        char rule[256];

        snprintf(rule, sizeof(rule), "%.*s", (int)len, rules);
        const int fields = sscanf(rule, "%7s %7s %63s %32s %15s %15s %31s", kind, match, what,
                                  category, scope, confidence, action);
        assert_true(fields >= 6);
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "%s %s %s category=%s scope=%s confidence=%s%s%s "
                                 "evidence=\"seen\"\n",
                                 kind, match, what, category, scope, confidence,
                                 fields > 6 ? " action=" : "", action);
        assert_true(used < sizeof(text));
        rules += len + (rules[len] == ';');
    }
    snprintf(text + used, sizeof(text) - used, "end\n");
    report_init(&report);
    const int rc = policy_list_parse(text, strlen(text), id, &report, &list);
    if (rc != 0) {
        report_print(&report, stderr);
    }
    assert_int_equal(rc, 0);
    report_deinit(&report);
    return list;
}

/* "category cdn log", "scope consumer off", "confidence medium high", separated by ';'. */
static void set_caps(const char *text, struct policy_caps *caps)
{
    policy_caps_init(caps);
    while (*text != '\0') {
        char what[16], first[33], second[16];
        const size_t len = strcspn(text, ";");
        char piece[80];

        snprintf(piece, sizeof(piece), "%.*s", (int)len, text);
        assert_int_equal(sscanf(piece, "%15s %32s %15s", what, first, second), 3);
        if (strcmp(what, "category") == 0) {
            struct policy_category_cap *cap = &caps->categories[caps->category_count++];

            snprintf(cap->word, sizeof(cap->word), "%s", first);
            assert_true(policy_mode_parse(second, strlen(second), &cap->mode));
        } else if (strcmp(what, "scope") == 0) {
            enum policy_scope scope;

            assert_true(policy_scope_parse(first, strlen(first), &scope));
            assert_true(policy_mode_parse(second, strlen(second), &caps->scopes[scope]));
        } else {
            assert_true(policy_confidence_parse(first, strlen(first), &caps->log));
            assert_true(policy_confidence_parse(second, strlen(second), &caps->apply));
        }
        text += len + (text[len] == ';');
    }
}

static struct policy *policy_of(const char *const rules[2], const char *const modes[2],
                                const struct policy_view_setting *like)
{
    static const char *const ids[] = {"a", "b"};
    struct policy_list *lists[2] = {NULL, NULL};
    struct policy_list_setting settings[2];
    struct policy_view_setting view = *like;
    struct policy *policy = NULL;
    size_t count = 0;

    for (; count < 2 && rules[count] != NULL; count++) {
        lists[count] = full_list(ids[count], rules[count]);
        settings[count] =
            (struct policy_list_setting){ids[count], POLICY_MODE_OFF, POLICY_ACTION_DEFAULT};
        assert_true(
            policy_mode_parse(modes[count], strlen(modes[count]), &settings[count].mode));
    }
    view.lists = settings;
    view.list_count = count;
    struct policy_image *image = image_of((const struct policy_list *const *)lists, count);
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), 0);
    for (size_t i = 0; i < count; i++) {
        policy_list_free(lists[i]);
    }
    return policy;
}

static void words_of(const struct policy *policy, bool there, const struct policy_hit *hit,
                     char out[64])
{
    struct policy_image_list list;

    snprintf(out, 64, "-");
    if (there && hit->ground != POLICY_GROUND_RULE) {
        snprintf(out, 64, "default");
    } else if (there) {
        assert_true(policy_image_list_at(policy_image_of(policy), hit->list, &list));
        snprintf(out, 64, "%s %s %u", list.id,
                 policy_action_name((enum policy_action)hit->action), hit->labels);
    }
}

static const struct {
    const char *rules[2];
    const char *modes[2];
    const char *caps;
    bool deny;
    const char *name, *enforced, *logged;
} table[] = {
    /* --- each kind of cap --- */
    {{"block suffix a.example cdn cloud high"},
     {"enforce"},
     "",
     false,
     "a.example",
     "a sinkhole 2",
     "-"},
    {{"block suffix a.example cdn cloud high"},
     {"enforce"},
     "category cdn log",
     false,
     "a.example",
     "a log 2",
     "-"},
    {{"block suffix a.example cdn cloud high"},
     {"enforce"},
     "category cdn off",
     false,
     "a.example",
     "-",
     "-"},
    {{"block suffix a.example cdn cloud high"},
     {"enforce"},
     "category cdn enforce",
     false,
     "a.example",
     "a sinkhole 2",
     "-"},
    /* another category, and one that only begins alike */
    {{"block suffix a.example cdn cloud high"},
     {"enforce"},
     "category cd off",
     false,
     "a.example",
     "a sinkhole 2",
     "-"},
    {{"block suffix a.example cdn cloud high"},
     {"enforce"},
     "category cdn-x off",
     false,
     "a.example",
     "a sinkhole 2",
     "-"},
    {{"block suffix a.example cdn consumer high"},
     {"enforce"},
     "scope consumer log",
     false,
     "a.example",
     "a log 2",
     "-"},
    {{"block suffix a.example cdn consumer high"},
     {"enforce"},
     "scope cloud off",
     false,
     "a.example",
     "a sinkhole 2",
     "-"},
    {{"block suffix a.example cdn cloud low"},
     {"enforce"},
     "confidence low medium",
     false,
     "a.example",
     "-",
     "a sinkhole 2"},
    {{"block suffix a.example cdn cloud low"},
     {"enforce"},
     "confidence medium medium",
     false,
     "a.example",
     "-",
     "-"},
    {{"block suffix a.example cdn cloud medium"},
     {"enforce"},
     "confidence low medium",
     false,
     "a.example",
     "a sinkhole 2",
     "-"},
    /* the lowest of them counts */
    {{"block suffix a.example cdn consumer low"},
     {"enforce"},
     "category cdn log;scope consumer off;confidence low medium",
     false,
     "a.example",
     "-",
     "-"},
    /* and the mode of the list: a cap raises nothing */
    {{"block suffix a.example cdn cloud high"},
     {"log"},
     "category cdn enforce",
     false,
     "a.example",
     "-",
     "a sinkhole 2"},
    {{"block suffix a.example cdn cloud high"},
     {"off"},
     "category cdn log",
     false,
     "a.example",
     "-",
     "-"},
    {{"block suffix a.example cdn cloud high"},
     {"log"},
     "category cdn off",
     false,
     "a.example",
     "-",
     "-"},
    {{"block prefix 192.0.2.0/24 cdn cloud high"},
     {"enforce"},
     "category cdn log",
     false,
     "@192.0.2.1",
     "a log 24",
     "-"},

    /* --- beside other rules --- */
    /* what is recorded instead of blocked is not blocked by a shorter one either */
    {{"block suffix a.example mail cloud high;block suffix x.a.example cdn cloud high nodata"},
     {"enforce"},
     "category cdn log",
     false,
     "x.a.example",
     "a log 3",
     "-"},
    {{"block suffix a.example mail cloud high;block suffix x.a.example cdn consumer high "
      "nodata"},
     {"enforce"},
     "scope consumer log",
     false,
     "x.a.example",
     "a log 3",
     "-"},
    /* but by a longer one */
    {{"block suffix a.example cdn cloud high;block suffix x.a.example mail cloud high nodata"},
     {"enforce"},
     "category cdn log",
     false,
     "x.a.example",
     "a nodata 3",
     "-"},
    /* what has no word, or not enough confidence, leaves it to the shorter one */
    {{"block suffix a.example mail cloud high;block suffix x.a.example cdn cloud high nodata"},
     {"enforce"},
     "category cdn off",
     false,
     "x.a.example",
     "a sinkhole 2",
     "-"},
    {{"block suffix a.example mail cloud high;block suffix x.a.example mail cloud low nodata"},
     {"enforce"},
     "confidence low medium",
     false,
     "x.a.example",
     "a sinkhole 2",
     "a nodata 3"},
    {{"block suffix a.example mail cloud high;block suffix x.a.example cdn cloud low nodata"},
     {"enforce"},
     "category cdn log;confidence medium medium",
     false,
     "x.a.example",
     "a sinkhole 2",
     "-"},
    /* at equal length the order of lists decides, as between all that block */
    {{"block suffix a.example cdn cloud high", "block suffix a.example mail cloud high nodata"},
     {"enforce", "enforce"},
     "category cdn log",
     false,
     "a.example",
     "a log 2",
     "-"},
    {{"block suffix a.example mail cloud high nodata", "block suffix a.example cdn cloud high"},
     {"enforce", "enforce"},
     "category cdn log",
     false,
     "a.example",
     "a nodata 2",
     "-"},
    /* a list in log mode has its own word */
    {{"block suffix a.example cdn cloud high",
      "block suffix x.a.example mail cloud high nodata"},
     {"enforce", "log"},
     "category cdn log",
     false,
     "x.a.example",
     "a log 2",
     "b nodata 3"},

    /* --- what lets through keeps its word --- */
    {{"block suffix a.example mail cloud high;pass suffix x.a.example cdn cloud low"},
     {"enforce"},
     "category cdn off",
     false,
     "x.a.example",
     "a pass 3",
     "-"},
    {{"block suffix a.example mail cloud high;pass suffix x.a.example cdn cloud low"},
     {"enforce"},
     "category cdn log",
     false,
     "x.a.example",
     "a pass 3",
     "-"},
    {{"block suffix a.example mail cloud high;pass suffix x.a.example cdn cloud low"},
     {"enforce"},
     "confidence high high",
     false,
     "x.a.example",
     "a pass 3",
     "-"},
    {{"block suffix a.example mail cloud high;pass suffix x.a.example cdn consumer low"},
     {"enforce"},
     "scope consumer off",
     false,
     "x.a.example",
     "a pass 3",
     "-"},
    /* also by its action, with its event where it was */
    {{"block suffix a.example mail cloud high;block suffix x.a.example cdn cloud low log"},
     {"enforce"},
     "category cdn off",
     false,
     "x.a.example",
     "a log 3",
     "-"},
    {{"block suffix a.example mail cloud high;block suffix x.a.example cdn cloud low pass"},
     {"enforce"},
     "category cdn log",
     false,
     "x.a.example",
     "a pass 3",
     "-"},
    /* and beats what is lowered beside it: it would not be blocked */
    {{"block suffix a.example cdn cloud high;pass suffix x.a.example mail cloud high"},
     {"enforce"},
     "category cdn log",
     false,
     "x.a.example",
     "a pass 3",
     "-"},
    {{"block suffix a.example cdn cloud high;block suffix x.a.example mail cloud high log"},
     {"enforce"},
     "category cdn log",
     false,
     "x.a.example",
     "a log 3",
     "-"},
    {{"block suffix a.example cdn cloud high;pass suffix x.a.example mail cloud high"},
     {"enforce"},
     "category cdn log",
     false,
     "y.a.example",
     "a log 2",
     "-"},

    /* --- where the view denies --- */
    /* what a rule blocked is denied, when it speaks no more: no more than before */
    {{"block suffix a.example cdn cloud low nodata"},
     {"enforce"},
     "confidence low medium",
     true,
     "a.example",
     "default",
     "a nodata 2"},
    /* what is recorded is spoken of */
    {{"block suffix a.example cdn cloud high nodata"},
     {"enforce"},
     "category cdn log",
     true,
     "a.example",
     "a log 2",
     "-"},
    {{"block suffix a.example cdn cloud high nodata"},
     {"enforce"},
     "category cdn off",
     true,
     "a.example",
     "default",
     "-"},
    /* what it let through goes on */
    {{"pass suffix a.example cdn cloud high"},
     {"enforce"},
     "category cdn off",
     true,
     "a.example",
     "a pass 2",
     "-"},
    {{"block suffix a.example cdn cloud high log"},
     {"enforce"},
     "category cdn off",
     true,
     "a.example",
     "a log 2",
     "-"},
};

static void decide(const struct policy *policy, const char *question,
                   struct policy_outcome *out)
{
    if (question[0] == '@') {
        const struct wire_name owner = name_of("owner.example");
        const struct address address = address_of(question + 1);

        policy_decide_address(policy, 0, POLICY_TRIGGER_ADDRESS, 2, &owner, &address, out);
        return;
    }
    const struct wire_name name = name_of(question);
    policy_decide_question(policy, 0, &name, out);
}

static void caps_leave_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS(table); i++) {
        struct policy_caps caps;
        struct policy_outcome outcome;
        char enforced[64], logged[64];

        set_caps(table[i].caps, &caps);
        const struct policy_view_setting view = {
            .name = "v", .deny = table[i].deny, .caps = &caps};
        struct policy *policy = policy_of(table[i].rules, table[i].modes, &view);
        decide(policy, table[i].name, &outcome);
        words_of(policy, outcome.enforced || outcome.denied, &outcome.hit, enforced);
        words_of(policy, outcome.logged, &outcome.log_hit, logged);
        if (strcmp(enforced, table[i].enforced) != 0 || strcmp(logged, table[i].logged) != 0) {
            fail_msg("case %zu \"%s\" with \"%s\": enforced \"%s\", logged \"%s\"", i,
                     table[i].rules[0], table[i].caps, enforced, logged);
        }
        policy_destroy(policy);
    }
}

static const char *const words[] = {"off", "log", "enforce"};

/* Whatever the caps: a name that is let through without them is let through with them. */
static void caps_never_block_more(void **state)
{
    static const char *const matches[] = {"suffix", "exact", "below"};
    static const char *const names[] = {"a.example", "x.a.example", "y.a.example",
                                        "z.x.a.example", "b.example"};
    static const char *const categories[] = {"cdn", "mail", "iot"};
    static const char *const scopes[] = {"cloud", "consumer"};
    static const char *const degrees[] = {"low", "medium", "high"};
    static const char *const actions[] = {"", "", " log", " pass", " nodata"};
    uint64_t random = 41;
    unsigned fewer = 0;

    (void)state;
    for (unsigned round = 0; round < 1500; round++) {
        char rules[2][1024] = {"", ""};
        char text[256];
        struct policy_caps caps, none;
        const bool deny = random_under(&random, 4) == 0;
        const char *const modes[2] = {words[random_under(&random, 3)],
                                      words[1 + random_under(&random, 2)]};

        for (size_t list = 0; list < 2; list++) {
            for (size_t i = 0; i < 5; i++) { /* one rule a name: no contradictions */
                const size_t used = strlen(rules[list]);
                const bool passes = random_under(&random, 3) == 0;

                snprintf(rules[list] + used, sizeof(rules[list]) - used,
                         "%s%s %s %s %s %s %s%s", i > 0 ? ";" : "", passes ? "pass" : "block",
                         matches[random_under(&random, 3)], names[i],
                         categories[random_under(&random, 3)], scopes[random_under(&random, 2)],
                         degrees[random_under(&random, 3)],
                         passes ? "" : actions[random_under(&random, ITEMS(actions))]);
            }
        }
        const size_t log = random_under(&random, 3);
        snprintf(text, sizeof(text), "category %s %s;scope %s %s;confidence %s %s",
                 categories[random_under(&random, 3)], words[random_under(&random, 3)],
                 scopes[random_under(&random, 2)], words[random_under(&random, 3)],
                 degrees[log], degrees[log + random_under(&random, 3 - log)]);
        set_caps(text, &caps);
        set_caps("", &none);
        const char *const given[2] = {rules[0], rules[1]};
        const struct policy_view_setting capped = {.name = "v", .deny = deny, .caps = &caps};
        const struct policy_view_setting plain = {.name = "v", .deny = deny, .caps = &none};
        struct policy *with = policy_of(given, modes, &capped);
        struct policy *without = policy_of(given, modes, &plain);
        for (size_t i = 0; i < ITEMS(names); i++) {
            struct policy_outcome a, b;

            decide(with, names[i], &a);
            decide(without, names[i], &b);
            if (policy_outcome_blocks(&a) && !policy_outcome_blocks(&b)) {
                fail_msg("round %u: %s is blocked by \"%s\" and \"%s\" only with \"%s\"", round,
                         names[i], rules[0], rules[1], text);
            }
            fewer += policy_outcome_blocks(&b) && !policy_outcome_blocks(&a);
        }
        policy_destroy(with);
        policy_destroy(without);
    }
    assert_true(fewer > 300);
}

static void why_a_rule_does_not_count_is_told(void **state)
{
    static const struct {
        const char *rule, *mode, *caps;
        bool log_only, paused;
        const char *expected;
    } cases[] = {
        {"block suffix a.example cdn cloud high", "enforce", "", false, false, "enforce none"},
        {"block suffix a.example cdn cloud high", "off", "", false, false, "off list"},
        {"block suffix a.example cdn cloud high", "log", "", false, false, "log list"},
        {"block suffix a.example cdn cloud high", "enforce", "", true, false, "log view"},
        {"block suffix a.example cdn cloud high", "log", "", true, false, "log list"},
        {"block suffix a.example cdn cloud high", "enforce", "", false, true, "log pause"},
        {"block suffix a.example cdn cloud high", "enforce", "category cdn log", false, false,
         "log category"},
        {"block suffix a.example cdn consumer high", "enforce", "scope consumer off", false,
         false, "off scope"},
        {"block suffix a.example cdn cloud low", "enforce", "confidence low high", false, false,
         "log confidence"},
        /* the lowest says why, and of two that are alike the list */
        {"block suffix a.example cdn consumer low", "enforce",
         "category cdn log;scope consumer off", false, false, "off scope"},
        {"block suffix a.example cdn cloud high", "log", "category cdn log", false, false,
         "log list"},
        {"block suffix a.example cdn cloud high", "log", "category cdn off", false, false,
         "off category"},
        /* what lets through */
        {"pass suffix a.example cdn cloud low", "enforce", "category cdn off", false, false,
         "enforce none"},
        {"pass suffix a.example cdn cloud low", "enforce", "", false, true, "enforce none"},
        {"pass suffix a.example cdn cloud low", "log", "", false, false, "log list"},
        {"block suffix a.example cdn cloud low log", "enforce", "category cdn off", false,
         false, "enforce none"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct policy_changes changes = {.pause_all = cases[i].paused};
        const char *const rules[2] = {cases[i].rule, NULL};
        const char *const modes[2] = {cases[i].mode, NULL};
        const struct wire_name name = name_of("a.example");
        struct policy_matches matches;
        struct policy *derived = NULL;
        struct policy_caps caps;
        struct policy_row row;
        char text[64];

        set_caps(cases[i].caps, &caps);
        const struct policy_view_setting view = {
            .name = "v", .log_only = cases[i].log_only, .caps = &caps};
        struct policy *policy = policy_of(rules, modes, &view);
        assert_int_equal(policy_derive(policy, &changes, 2, &derived), 0);
        policy_image_find_name(policy_image_of(policy), &name, &matches);
        assert_int_equal(matches.count, 1);
        assert_true(policy_image_row(policy_image_of(policy), matches.at[0].set, 0, &row));
        const struct policy_standing standing = policy_row_standing(derived, 0, &row);
        snprintf(text, sizeof(text), "%s %s", policy_mode_name(standing.mode),
                 policy_reason_name(standing.reason));
        if (strcmp(text, cases[i].expected) != 0) {
            fail_msg("case %zu: %s, expected %s", i, text, cases[i].expected);
        }
        policy_destroy(derived);
        policy_destroy(policy);
    }
}

/* --- variants --- */

static const struct policy_list_setting day[] = {
    {"a", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT},
    {"b", POLICY_MODE_LOG, POLICY_ACTION_DEFAULT},
};
static const struct policy_list_setting night[] = {
    {"b", POLICY_MODE_ENFORCE, POLICY_ACTION_NODATA},
    {"a", POLICY_MODE_OFF, POLICY_ACTION_DEFAULT},
};
static const struct policy_view_variant variants[] = {
    {.lists = night, .list_count = 2, .action = POLICY_ACTION_NXDOMAIN, .deny = true},
    {.lists = day, .list_count = 2, .log_only = true},
};

static struct policy *policy_of_variants(unsigned variant)
{
    struct policy_list *lists[2] = {
        list_of("a", "block suffix a.example;pass suffix p.a.example"),
        list_of("b", "block suffix b.example")};
    const struct policy_view_setting view = {.name = "v",
                                             .lists = day,
                                             .list_count = 2,
                                             .variants = variants,
                                             .variant_count = 2,
                                             .variant = variant};
    struct policy_image *image = image_of((const struct policy_list *const *)lists, 2);
    struct policy *policy = NULL;

    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), 0);
    policy_list_free(lists[0]);
    policy_list_free(lists[1]);
    return policy;
}

/* What becomes of a.example, b.example and c.example: each an action, "-", or "(ACTION)" for
 * the record alone. */
static void expect(const struct policy *policy, const char *expected)
{
    static const char *const names[] = {"a.example", "b.example", "c.example"};
    char text[128] = "";

    for (size_t i = 0; i < 3; i++) {
        struct policy_outcome outcome;
        const size_t used = strlen(text);

        decide(policy, names[i], &outcome);
        if (policy_outcome_blocks(&outcome)) {
            snprintf(text + used, sizeof(text) - used, " %s",
                     policy_action_name((enum policy_action)outcome.hit.action));
        } else if (outcome.logged || outcome.denied) {
            snprintf(text + used, sizeof(text) - used, " (%s)",
                     policy_action_name((enum policy_action)(
                         outcome.logged ? outcome.log_hit.action : outcome.hit.action)));
        } else {
            snprintf(text + used, sizeof(text) - used, " -");
        }
    }
    assert_string_equal(text + 1, expected);
}

static const char *const by_variant[] = {"sinkhole (sinkhole) -", "nxdomain nodata nxdomain",
                                         "(sinkhole) (sinkhole) -"};

static void a_variant_changes_modes_actions_and_the_default(void **state)
{
    (void)state;
    for (uint8_t from = 0; from < 3; from++) {
        struct policy *policy = policy_of_variants(from);

        expect(policy, by_variant[from]);
        assert_int_equal(policy_view_variant(policy, 0), from);
        assert_true(policy_list_is_ever_enforced(policy, 0, 0)); /* by day */
        assert_true(policy_list_is_ever_enforced(policy, 0, 1)); /* by night */
        assert_false(policy_list_is_ever_enforced(policy, 0, 2));
        for (uint8_t to = 0; to < 3; to++) {
            const struct policy_changes changes = {.variants = &to};
            struct policy *derived = NULL;

            assert_int_equal(policy_derive(policy, &changes, 2, &derived), 0);
            expect(derived, by_variant[to]);
            assert_int_equal(policy_view_variant(derived, 0), to);
            policy_destroy(derived);
        }
        expect(policy, by_variant[from]);
        policy_destroy(policy);
    }
}

/* A pause of what a variant enforces, and of nothing that it does not. */
static void pauses_and_variants_combine(void **state)
{
    static const char *const paused_a[] = {
        "(sinkhole) (sinkhole) -", "nxdomain nodata nxdomain", "(sinkhole) (sinkhole) -"};
    static const char *const paused_all[] = {
        "(sinkhole) (sinkhole) -", "(nxdomain) (nodata) (nxdomain)", "(sinkhole) (sinkhole) -"};
    static const char *const ids[] = {"a"};
    struct policy *policy = policy_of_variants(0);

    (void)state;
    for (uint8_t to = 0; to < 3; to++) {
        const struct policy_changes one = {.variants = &to, .paused = ids, .paused_count = 1};
        const struct policy_changes all = {.variants = &to, .pause_all = true};
        struct policy *derived = NULL;

        assert_int_equal(policy_derive(policy, &one, 2, &derived), 0);
        expect(derived, paused_a[to]);
        assert_int_equal(policy_list_is_paused(derived, 0, 0), to == 0);
        policy_destroy(derived);
        assert_int_equal(policy_derive(policy, &all, 3, &derived), 0);
        expect(derived, paused_all[to]);
        policy_destroy(derived);
    }
    policy_destroy(policy);
}

static void why_names_the_schedule(void **state)
{
    static const char *const expected[] = {"enforce none", "off schedule", "log schedule"};
    const struct wire_name name = name_of("a.example");
    struct policy *policy = policy_of_variants(0);
    struct policy_matches matches;
    struct policy_row row;

    (void)state;
    policy_image_find_name(policy_image_of(policy), &name, &matches);
    assert_true(policy_image_row(policy_image_of(policy), matches.at[0].set, 0, &row));
    for (uint8_t to = 0; to < 3; to++) {
        const struct policy_changes changes = {.variants = &to};
        struct policy *derived = NULL;
        char text[64];

        assert_int_equal(policy_derive(policy, &changes, 2, &derived), 0);
        const struct policy_standing standing = policy_row_standing(derived, 0, &row);
        snprintf(text, sizeof(text), "%s %s", policy_mode_name(standing.mode),
                 policy_reason_name(standing.reason));
        assert_string_equal(text, expected[to]);
        policy_destroy(derived);
    }
    policy_destroy(policy);
}

static void variants_that_cannot_be_are_refused(void **state)
{
    static const struct policy_list_setting unknown[] = {
        {"zebra", POLICY_MODE_LOG, POLICY_ACTION_DEFAULT}};
    static const struct policy_view_variant bad[] = {{.lists = unknown, .list_count = 1}};
    struct policy_view_variant many[POLICY_VARIANTS_MAX + 1];
    struct policy_image *image = NULL;
    struct policy *policy = NULL;
    struct report report;

    (void)state;
    memset(many, 0, sizeof(many));
    assert_int_equal(policy_image_build(NULL, 0, &image), 0);
    struct policy_view_setting view = {
        .name = "v", .variants = many, .variant_count = POLICY_VARIANTS_MAX + 1};
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), -EINVAL);
    view.variant_count = POLICY_VARIANTS_MAX;
    view.variant = POLICY_VARIANTS_MAX + 1;
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), -EINVAL);
    view = (struct policy_view_setting){.name = "v", .variants = bad, .variant_count = 1};
    report_init(&report);
    assert_int_equal(policy_create(image, &view, 1, 1, &report, &policy), -ENOENT);
    assert_int_equal(report.errors, 1);
    report_deinit(&report);
    view = (struct policy_view_setting){.name = "v", .variants = many, .variant_count = 1};
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), 0);
    policy_destroy(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caps_leave_what_the_table_says),
        cmocka_unit_test(caps_never_block_more),
        cmocka_unit_test(why_a_rule_does_not_count_is_told),
        cmocka_unit_test(a_variant_changes_modes_actions_and_the_default),
        cmocka_unit_test(pauses_and_variants_combine),
        cmocka_unit_test(why_names_the_schedule),
        cmocka_unit_test(variants_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
