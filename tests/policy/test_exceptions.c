/* policy/exceptions, and a policy with what people have changed for a while. */
#include "policy/make.h"

#include "base/error.h"
#include "policy/answer.h"

#define MAX_GIVEN 8

/* "NAME" or "LIST: block MATCH WHAT", with flags before it: "=" exact, "+" chain scope, "1:"
 * the view of that number. */
static struct policy_exception exception_of(const char *text)
{
    struct policy_exception exception = {.view = POLICY_ANY_VIEW, .ticket = "T"};

    for (;; text++) {
        if (*text == '=') {
            exception.exact = true;
        } else if (*text == '+') {
            exception.chain = true;
        } else if (text[0] >= '0' && text[0] <= '9' && text[1] == ':') {
            exception.view = (uint8_t)(text[0] - '0');
            text++;
        } else {
            break;
        }
    }
    if (strstr(text, ": ") != NULL) {
        assert_null(policy_exception_read_rule(text, strlen(text), &exception));
    } else {
        exception.name = name_of(text);
    }
    return exception;
}

static size_t exceptions_of(const char *const *texts, struct policy_exception *out)
{
    size_t count = 0;

    while (count < MAX_GIVEN && texts[count] != NULL) {
        out[count] = exception_of(texts[count]);
        count++;
    }
    return count;
}

static void finds_the_longest_that_covers(void **state)
{
    static const struct {
        const char *given[MAX_GIVEN];
        unsigned view;
        const char *name;
        unsigned found; /* number of the one that counts */
        bool chain;     /* asked for chain scope */
        bool below;     /* is there something below the name? */
    } rows[] = {
        /* the name itself and all below it */
        {{"a.example"}, 0, "a.example", 1, false, true},
        {{"a.example"}, 0, "x.y.a.example", 1, false, false},
        /* not what is glued to it, above it, or has it in front */
        {{"a.example"}, 0, "ba.example", 0, false, false},
        {{"a.example"}, 0, "example", 0, false, true},
        {{"a.example"}, 0, "a.example.net", 0, false, false},
        {{"a.example"}, 0, "", 0, false, false},
        {{"a.example"}, 0, "b.example", 0, false, false},
        /* exact: the name alone */
        {{"=a.example"}, 0, "a.example", 1, false, false},
        {{"=a.example"}, 0, "x.a.example", 0, false, false},
        {{"=a.example"}, 0, "example", 0, false, true},
        /* the longest */
        {{"a.example", "x.a.example"}, 0, "y.x.a.example", 2, false, false},
        {{"x.a.example", "a.example"}, 0, "y.x.a.example", 1, false, false},
        {{"a.example", "=x.a.example"}, 0, "y.x.a.example", 1, false, false},
        /* views */
        {{"1:a.example"}, 0, "a.example", 0, false, false},
        {{"1:a.example"}, 1, "a.example", 1, false, true},
        {{"1:a.example"}, 0, "example", 0, false, false},
        {{"1:a.example"}, 1, "example", 0, false, true},
        {{"1:a.example", "2:a.example"}, 2, "a.example", 2, false, true},
        {{"a.example", "2:x.a.example"}, 1, "x.a.example", 1, false, false},
        /* chain scope */
        {{"a.example"}, 0, "a.example", 0, true, true},
        {{"+a.example"}, 0, "x.a.example", 1, true, false},
        {{"+a.example"}, 0, "x.a.example", 1, false, false},
        {{"+a.example", "x.a.example"}, 0, "x.a.example", 1, true, true},
        {{"+a.example", "x.a.example"}, 0, "x.a.example", 2, false, true},
        {{"+=a.example"}, 0, "x.a.example", 0, true, false},
        /* none at all */
        {{NULL}, 0, "a.example", 0, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct policy_exception given[MAX_GIVEN];
        struct policy_exceptions *exceptions = NULL;
        const struct wire_name name = name_of(rows[i].name);
        const size_t count = exceptions_of(rows[i].given, given);

        assert_int_equal(policy_exceptions_build(given, count, NULL, &exceptions), 0);
        const unsigned found =
            policy_exceptions_find(exceptions, rows[i].view, &name, rows[i].chain);
        if (found != rows[i].found) {
            fail_msg("row %zu: %u instead of %u", i, found, rows[i].found);
        }
        if (policy_exceptions_below(exceptions, rows[i].view, &name) != rows[i].below) {
            fail_msg("row %zu: below", i);
        }
        assert_true((policy_exceptions_at(exceptions, found) != NULL) == (found != 0));
        assert_null(policy_exceptions_at(exceptions, (unsigned)count + 1));
        policy_exceptions_free(exceptions);
    }
    assert_null(policy_exceptions_at(NULL, 1));
}

/* As many as there may be, against a walk through all of them. */
static void agrees_with_a_naive_model_at_the_limit(void **state)
{
    struct policy_exception *given = calloc(POLICY_EXCEPTIONS_ALL_MAX + 1, sizeof(*given));
    struct policy_exceptions *exceptions = NULL;
    uint32_t seed = 12345;

    (void)state;
    assert_non_null(given);
    for (size_t i = 0; i < POLICY_EXCEPTIONS_MAX; i++) {
        char text[64];

        seed = seed * 1103515245u + 12345u;
        snprintf(text, sizeof(text), "%s%sn%u.z%u.e%u", (seed >> 8 & 1) != 0 ? "=" : "",
                 (seed >> 9 & 1) != 0 ? "+" : "", seed >> 16 & 31, seed >> 21 & 63,
                 seed >> 27 & 7);
        given[i] = exception_of(text);
        given[i].view = (uint8_t)(seed >> 10 & 3);
    }
    assert_int_equal(
        policy_exceptions_build(given, POLICY_EXCEPTIONS_ALL_MAX + 1, NULL, &exceptions),
        CORDON_E_LIMIT);
    assert_int_equal(policy_exceptions_build(given, POLICY_EXCEPTIONS_MAX, NULL, &exceptions),
                     0);
    for (unsigned i = 0; i < 20000; i++) {
        char text[64];
        unsigned best = 0;

        seed = seed * 1103515245u + 12345u;
        snprintf(text, sizeof(text), "%sn%u.z%u.e%u", (seed >> 8 & 1) != 0 ? "w." : "",
                 seed >> 16 & 31, seed >> 21 & 63, seed >> 27 & 7);
        const struct wire_name name = name_of(text);
        const unsigned view = seed >> 10 & 3;
        const bool chain = (seed >> 12 & 1) != 0;
        for (unsigned j = 0; j < POLICY_EXCEPTIONS_MAX; j++) {
            const bool covers = given[j].exact ? wire_name_equal(&name, &given[j].name)
                                               : wire_name_is_within(&name, &given[j].name);

            if (covers && given[j].view == view && (given[j].chain || !chain)) {
                best = j + 1;
            }
        }
        const unsigned found = policy_exceptions_find(exceptions, view, &name, chain);
        assert_int_equal(found != 0, best != 0);
        if (found != 0) {
            const struct policy_exception *at = policy_exceptions_at(exceptions, found);

            assert_true(wire_name_equal(&at->name, &given[best - 1].name));
            assert_int_equal(at->view, view);
            assert_true(at->chain || !chain);
        }
    }
    policy_exceptions_free(exceptions);
    free(given);
}

/* --- a policy with changes --- */

struct list_given {
    const char *id;
    enum policy_mode mode;
    const char *rules;
};

static struct policy *policy_of_lists(const struct list_given *given, size_t count)
{
    struct policy_list *lists[4];
    struct policy_list_setting settings[4];
    struct policy_image *image = NULL;
    struct policy *policy = NULL;

    for (size_t i = 0; i < count; i++) {
        lists[i] = list_of(given[i].id, given[i].rules);
        settings[i] =
            (struct policy_list_setting){given[i].id, given[i].mode, POLICY_ACTION_DEFAULT};
    }
    assert_int_equal(
        policy_image_build((const struct policy_list *const *)lists, count, &image), 0);
    const struct policy_view_setting views[2] = {
        {.name = "default", .lists = settings, .list_count = count},
        {.name = "other", .lists = settings, .list_count = count, .log_only = true}};
    assert_int_equal(policy_create(image, views, 2, 1, NULL, &policy), 0);
    for (size_t i = 0; i < count; i++) {
        policy_list_free(lists[i]);
    }
    return policy;
}

/* "LIST ACTION" of the enforced hit, or "-"; then of the logged one. */
static const char *words_of(const struct policy *policy, unsigned view, const char *text,
                            char out[128])
{
    const struct wire_name name = name_of(text);
    struct policy_outcome outcome;
    struct policy_image_list list;
    size_t used = 0;

    policy_decide_name(policy, view, POLICY_TRIGGER_QNAME, 0, &name, &outcome);
    for (unsigned i = 0; i < 2; i++) {
        const struct policy_hit *hit = i == 0 ? &outcome.hit : &outcome.log_hit;

        if (!(i == 0 ? outcome.enforced : outcome.logged)) {
            used += (size_t)snprintf(out + used, 128 - used, "%s-", i > 0 ? " " : "");
            continue;
        }
        assert_true(policy_image_list_at(policy_image_of(policy), hit->list, &list));
        assert_int_equal(hit->mode, i == 0 ? POLICY_MODE_ENFORCE : POLICY_MODE_LOG);
        used += (size_t)snprintf(out + used, 128 - used, "%s%s:%s%s", i > 0 ? " " : "", list.id,
                                 policy_action_name((enum policy_action)hit->action),
                                 hit->exception != 0 ? "!" : "");
    }
    return out;
}

static void pauses_and_exceptions_change_what_is_decided(void **state)
{
    static const struct list_given lists[] = {
        {"a", POLICY_MODE_ENFORCE,
         "block suffix a.example;pass suffix ok.b.example;pass suffix ok.c.example;block "
         "suffix log.b.example action=log;block suffix both.example;block suffix "
         "deep.b.example;block exact two.example;block below two.example"},
        {"b", POLICY_MODE_ENFORCE,
         "block suffix b.example;block suffix both.example action=nodata"},
        {"c", POLICY_MODE_LOG, "block suffix c.example;block suffix both.example"},
    };
    static const struct {
        const char *paused[3];
        bool all;
        const char *excepted;
        const char *name;
        const char *expected; /* enforced, logged */
    } rows[] = {
        /* nothing changed */
        {{NULL}, false, NULL, "a.example", "a:sinkhole -"},
        {{NULL}, false, NULL, "both.example", "a:sinkhole c:sinkhole"},
        /* a paused list says what it would have done */
        {{"a"}, false, NULL, "x.a.example", "- a:sinkhole"},
        /* the others go on; of those in log mode the earlier list tells */
        {{"a"}, false, NULL, "both.example", "b:nodata a:sinkhole"},
        {{"a"}, false, NULL, "b.example", "b:sinkhole -"},
        /* what a paused list lets through stays through: no pause blocks more */
        {{NULL}, false, NULL, "ok.b.example", "a:pass -"},
        {{"a"}, false, NULL, "ok.b.example", "a:pass -"},
        {{"a"}, false, NULL, "log.b.example", "a:log -"},
        /* and does not count as would-have-been where another list logs */
        {{"a"}, false, NULL, "ok.c.example", "a:pass -"},
        {{NULL}, false, NULL, "ok.c.example", "a:pass c:sinkhole"},
        /* all, and lists that are not there */
        {{NULL}, true, NULL, "both.example", "- a:sinkhole"},
        {{NULL}, true, NULL, "b.example", "- b:sinkhole"},
        {{"none", "b"}, false, NULL, "b.example", "- b:sinkhole"},
        {{"none"}, false, NULL, "b.example", "b:sinkhole -"},
        /* pausing what is in log mode changes nothing */
        {{"c"}, false, NULL, "c.example", "- c:sinkhole"},
        /* an exception: a pass that is told, whatever is longer; log mode goes on */
        {{NULL}, false, "a.example", "a.example", "a:pass! -"},
        {{NULL}, false, "example", "x.a.example", "a:pass! -"},
        {{NULL}, false, "both.example", "both.example", "a:pass! c:sinkhole"},
        {{NULL}, false, "c.example", "c.example", "- c:sinkhole"},
        {{NULL}, false, "x.a.example", "a.example", "a:sinkhole -"},
        {{NULL}, false, "=a.example", "x.a.example", "a:sinkhole -"},
        /* where nothing would be blocked it is not used */
        {{NULL}, false, "ok.b.example", "ok.b.example", "a:pass -"},
        {{NULL}, false, "log.b.example", "log.b.example", "a:log -"},
        {{NULL}, false, "free.example", "free.example", "- -"},
        /* in another view only */
        {{NULL}, false, "1:a.example", "a.example", "a:sinkhole -"},
        /* both */
        {{"a"}, false, "both.example", "both.example", "b:pass! a:sinkhole"},
        /* a rule that does not count: what it alone blocked is let through */
        {{NULL}, false, "a: block suffix a.example", "a.example", "a:pass! -"},
        {{NULL}, false, "a: block suffix a.example", "x.y.a.example", "a:pass! -"},
        /* the same name in another list, or in log mode, goes on as it was */
        {{NULL}, false, "a: block suffix both.example", "both.example", "b:nodata c:sinkhole"},
        {{NULL},
         false,
         "b: block suffix both.example",
         "both.example",
         "a:sinkhole c:sinkhole"},
        {{NULL}, false, "c: block suffix c.example", "c.example", "- c:sinkhole"},
        /* a shorter rule then decides; a longer one never asked */
        {{NULL}, false, "a: block suffix deep.b.example", "x.deep.b.example", "b:sinkhole -"},
        {{NULL}, false, "b: block suffix b.example", "x.deep.b.example", "a:sinkhole -"},
        {{NULL}, false, "b: block suffix b.example", "ok.b.example", "a:pass -"},
        /* what is let through below a rule that counts no more is let through as before */
        {{NULL}, false, "b: block suffix b.example", "z.b.example", "b:pass! -"},
        /* the very rule: not one of another match, of another list, or of another name */
        {{NULL}, false, "a: block exact a.example", "a.example", "a:sinkhole -"},
        {{NULL}, false, "a: block below a.example", "x.a.example", "a:sinkhole -"},
        {{NULL}, false, "b: block suffix a.example", "a.example", "a:sinkhole -"},
        {{NULL}, false, "none: block suffix a.example", "a.example", "a:sinkhole -"},
        {{NULL}, false, "a: block suffix x.a.example", "x.a.example", "a:sinkhole -"},
        {{NULL}, false, "a: block suffix example.a", "a.example", "a:sinkhole -"},
        /* exact and below stand beside each other on one name */
        {{NULL}, false, "a: block exact two.example", "two.example", "a:pass! -"},
        {{NULL}, false, "a: block exact two.example", "x.two.example", "a:sinkhole -"},
        {{NULL}, false, "a: block below two.example", "two.example", "a:sinkhole -"},
        {{NULL}, false, "a: block below two.example", "x.two.example", "a:pass! -"},
        /* a rule that only logs blocks nothing, and goes on winning */
        {{NULL}, false, "a: block suffix log.b.example", "log.b.example", "a:log -"},
        /* in its view, and while the list is paused */
        {{NULL}, false, "1:a: block suffix a.example", "a.example", "a:sinkhole -"},
        {{NULL}, false, "0:a: block suffix a.example", "a.example", "a:pass! -"},
        {{"a"}, false, "a: block suffix a.example", "a.example", "- a:sinkhole"},
    };
    struct policy *base = policy_of_lists(lists, ITEMS(lists));
    char words[128];

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct policy_exception exception = {.view = 0};
        struct policy_changes changes = {.pause_all = rows[i].all, .paused = rows[i].paused};
        struct policy *policy = NULL;

        while (changes.paused_count < 3 && rows[i].paused[changes.paused_count] != NULL) {
            changes.paused_count++;
        }
        if (rows[i].excepted != NULL) {
            exception = exception_of(rows[i].excepted);
            changes.exceptions = &exception;
            changes.exception_count = 1;
        }
        assert_int_equal(policy_derive(base, &changes, 2, &policy), 0);
        assert_int_equal(policy_generation(policy), 2);
        words_of(policy, 0, rows[i].name, words);
        if (strcmp(words, rows[i].expected) != 0) {
            fail_msg("row %zu, %s: %s instead of %s", i, rows[i].name, words, rows[i].expected);
        }
        policy_destroy(policy);
    }
    assert_string_equal(words_of(base, 0, "a.example", words), "a:sinkhole -"); /* as before */
    policy_destroy(base);
}

static struct policy *derive_of(const struct policy *base, const char *const *texts)
{
    struct policy_exception given[MAX_GIVEN];
    const struct policy_changes changes = {.exceptions = given,
                                           .exception_count = exceptions_of(texts, given)};
    struct policy *policy = NULL;

    assert_int_equal(policy_derive(base, &changes, 2, &policy), 0);
    return policy;
}

/* Each rule has its own, and all that block must be excepted before a name gets through. */
static void rules_are_excepted_one_by_one(void **state)
{
    static const struct list_given lists[] = {
        {"a", POLICY_MODE_ENFORCE, "block suffix x.example;block suffix a.x.example"},
        {"b", POLICY_MODE_ENFORCE, "block suffix x.example;block exact a.x.example"},
    };
    static const char *const all[] = {
        "a: block suffix x.example", "a: block suffix a.x.example", "b: block suffix x.example",
        "b: block exact a.x.example", NULL};
    static const char *const expected[] = {"a:sinkhole -", "b:sinkhole -", "b:sinkhole -",
                                           "a:pass! -"};
    struct policy *base = policy_of_lists(lists, ITEMS(lists));
    char words[128];

    (void)state;
    for (size_t count = 1; count <= 4; count++) {
        const char *texts[MAX_GIVEN] = {NULL};

        memcpy(texts, all, count * sizeof(texts[0]));
        struct policy *policy = derive_of(base, texts);
        words_of(policy, 0, "a.x.example", words);
        if (strcmp(words, expected[count - 1]) != 0) {
            fail_msg("%zu: %s", count, words);
        }
        policy_destroy(policy);
    }
    policy_destroy(base);
}

static void prefix_rules_are_excepted(void **state)
{
    static const struct list_given lists[] = {
        {"a", POLICY_MODE_ENFORCE,
         "block prefix 198.51.0.0/16;block prefix 198.51.100.0/24;block prefix 2001:db8::/32"},
    };
    static const struct {
        const char *text, *address;
        unsigned exception, bits;
    } rows[] = {
        {"a: block prefix 198.51.100.0/24", "198.51.7.7", 0, 16},
        {"a: block prefix 198.51.100.0/24", "198.51.100.7", 0, 16}, /* the wider one blocks */
        {"a: block prefix 198.51.0.0/16", "198.51.7.7", 1, 16},
        {"a: block prefix 198.51.0.0/16", "198.51.100.7", 0, 24},
        {"a: block prefix 198.51.0.0/16", "64:ff9b::198.51.7.7", 1, 16},
        {"a: block prefix 2001:db8::/32", "2001:db8::1", 1, 32},
        {"a: block prefix 2001:db8::/33", "2001:db8::1", 0, 32},
        {"1:a: block prefix 2001:db8::/32", "2001:db8::1", 0, 32},
    };
    struct policy *base = policy_of_lists(lists, ITEMS(lists));
    const struct wire_name owner = name_of("o.example");

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const char *const texts[] = {rows[i].text, NULL};
        struct policy *policy = derive_of(base, texts);
        struct policy_outcome outcome;
        struct address address;

        assert_int_equal(address_parse(rows[i].address, strlen(rows[i].address), 0, &address),
                         0);
        policy_decide_address(policy, 0, POLICY_TRIGGER_ADDRESS, 0, &owner, &address, &outcome);
        assert_true(outcome.enforced);
        if (outcome.hit.exception != rows[i].exception || outcome.hit.labels != rows[i].bits ||
            policy_outcome_blocks(&outcome) != (rows[i].exception == 0)) {
            fail_msg("row %zu: exception %u, /%u", i, outcome.hit.exception,
                     outcome.hit.labels);
        }
        policy_destroy(policy);
    }
    policy_destroy(base);
}

/* The rule let the name through, and with chain scope all that it leads to. */
static void chain_scope_of_a_rule(void **state)
{
    static const struct list_given lists[] = {
        {"a", POLICY_MODE_ENFORCE, "block suffix shop.example;block suffix edge.example"},
    };
    static const char *const chained[] = {"+a: block suffix shop.example", NULL};
    static const char *const own[] = {"a: block suffix shop.example", NULL};
    struct policy *base = policy_of_lists(lists, ITEMS(lists));
    const struct wire_name asked = name_of("www.shop.example");
    const struct wire_name other = name_of("other.example");
    const struct wire_name hop = name_of("e.edge.example");
    struct policy_outcome outcome;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct policy *policy = derive_of(base, i == 0 ? chained : own);

        policy_decide_name(policy, 0, POLICY_TRIGGER_HOP, 1, &hop, &outcome);
        assert_true(policy_outcome_blocks(&outcome));
        policy_except_chain(policy, 0, &other, &outcome);
        assert_true(policy_outcome_blocks(&outcome));
        policy_except_chain(policy, 0, &asked, &outcome);
        assert_int_equal(policy_outcome_blocks(&outcome), i == 1);
        policy_destroy(policy);
    }
    policy_destroy(base);
}

/* Without the rule nothing speaks of the name: the operator's default does. */
static void a_view_that_denies_goes_on_denying(void **state)
{
    struct policy_list *list = list_of("a", "block suffix a.example");
    const struct policy_list_setting setting = {"a", POLICY_MODE_ENFORCE,
                                                POLICY_ACTION_DEFAULT};
    const struct policy_view_setting view = {
        .name = "default", .lists = &setting, .list_count = 1, .deny = true};
    static const char *const rule[] = {"a: block suffix a.example", NULL};
    static const char *const name[] = {"a.example", NULL};
    const struct wire_name asked = name_of("a.example");
    struct policy_image *image = NULL;
    struct policy_outcome outcome;
    struct policy *base = NULL;

    (void)state;
    assert_int_equal(policy_image_build((const struct policy_list *const *)&list, 1, &image),
                     0);
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &base), 0);
    struct policy *policy = derive_of(base, rule);
    policy_decide_question(policy, 0, &asked, &outcome);
    assert_true(policy_outcome_blocks(&outcome) && outcome.denied && !outcome.enforced);
    assert_int_equal(outcome.hit.ground, POLICY_GROUND_DEFAULT);
    assert_int_equal(outcome.hit.exception, 0);
    policy_destroy(policy);
    policy = derive_of(base, name);
    policy_decide_question(policy, 0, &asked, &outcome);
    assert_false(policy_outcome_blocks(&outcome));
    assert_int_equal(outcome.hit.exception, 1);
    policy_destroy(policy);
    policy_destroy(base);
    policy_list_free(list);
}

static void knows_which_rules_there_are(void **state)
{
    static const struct list_given lists[] = {
        {"a", POLICY_MODE_ENFORCE,
         "block suffix s.example;block exact e.example;block below b.example;pass suffix "
         "p.example;block prefix 198.51.100.0/24"},
        {"off", POLICY_MODE_OFF, "block suffix s.example"},
    };
    static const struct {
        const char *rule;
        bool there;
    } rows[] = {
        {"a: block suffix s.example", true},        {"a: block exact s.example", false},
        {"a: block below s.example", false},        {"a: block exact e.example", true},
        {"a: block suffix e.example", false},       {"a: block below b.example", true},
        {"a: block suffix b.example", false},       {"a: block suffix p.example", false},
        {"a: block suffix x.s.example", false},     {"b: block suffix s.example", false},
        {"off: block suffix s.example", true},      {"a: block prefix 198.51.100.0/24", true},
        {"a: block prefix 198.51.100.0/25", false}, {"a: block prefix 198.51.0.0/16", false},
    };
    struct policy *base = policy_of_lists(lists, ITEMS(lists));

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const struct policy_exception exception = exception_of(rows[i].rule);

        if (policy_exception_has_rule(&exception, policy_image_of(base)) != rows[i].there) {
            fail_msg("%s", rows[i].rule);
        }
    }
    policy_destroy(base);
}

static void reads_and_writes_subjects(void **state)
{
    static const struct {
        const char *text, *fault; /* NULL: it is written as it was read */
    } rows[] = {
        {"huawei-cloud: block suffix obs.example.com", NULL},
        {"l: block exact a.example", NULL},
        {"l: block below a.example", NULL},
        {"l: block prefix 198.51.100.0/24", NULL},
        {"l: block prefix 2001:db8::/32", NULL},
        {"", "LIST: block"},
        {":", "LIST: block"},
        {"l:", "LIST: block"},
        {"l: ", "as it has it"},
        {"l:block suffix a.example", "LIST: block"},
        {"L: block suffix a.example", "LIST: block"},
        {"-l: block suffix a.example", "LIST: block"},
        {"l1234567890123456789012345678901234567890123456789012345678901234: block suffix "
         "a.example",
         "LIST: block"},
        {"a.example", "LIST: block"},
        {"l: pass suffix a.example", "a pass rule"},
        {"l: deny suffix a.example", "as it has it"},
        {"l: block", "expected suffix"},
        {"l: block ", "expected suffix"},
        {"l: block all a.example", "expected suffix"},
        {"l: block suffix", "an empty label"},
        {"l: block suffix com", "at least two labels"},
        {"l: block suffix a..example", "label"},
        {"l: block suffix a.example category=x", "leave away"},
        {"l: block suffix a.example ", "leave away"},
        {"l: block prefix 198.51.100.0", "no address prefix"},
        {"l: block prefix 198.51.100.1/24", "no address prefix"},
        {"l: block prefix a.example", "no address prefix"},
        {"l: block suffix 198.51.100.0/24 x", "leave away"},
    };
    char written[POLICY_SUBJECT_MAX];

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        struct policy_exception exception = {.id = "x"};
        const char *fault =
            policy_exception_read_rule(rows[i].text, strlen(rows[i].text), &exception);

        if (rows[i].fault != NULL) {
            if (fault == NULL || strstr(fault, rows[i].fault) == NULL) {
                fail_msg("%s: %s", rows[i].text, fault == NULL ? "accepted" : fault);
            }
            continue;
        }
        assert_null(fault);
        assert_int_equal(policy_exception_subject(&exception, written), strlen(rows[i].text));
        assert_string_equal(written, rows[i].text);
    }
    assert_true(policy_exception_id_is_good("ofac-2026-1", 11));
    assert_false(policy_exception_id_is_good("-a", 2));
    assert_false(policy_exception_id_is_good("", 0));
    assert_false(policy_exception_id_is_good("A", 1));
    assert_false(policy_exception_id_is_good("a b", 3));
    assert_false(policy_exception_id_is_good("123456789012345678901234567890123", 33));
}

static void a_pause_is_told_from_log_mode(void **state)
{
    static const struct list_given lists[] = {
        {"a", POLICY_MODE_ENFORCE, "block suffix a.example"},
        {"c", POLICY_MODE_LOG, "block suffix c.example"},
    };
    const struct policy_changes changes = {.pause_all = true};
    struct policy *base = policy_of_lists(lists, ITEMS(lists));
    struct policy *policy = NULL;

    (void)state;
    assert_int_equal(policy_derive(base, &changes, 2, &policy), 0);
    assert_int_equal(policy_list_mode(policy, 0, 0), POLICY_MODE_LOG);
    assert_true(policy_list_is_paused(policy, 0, 0));
    assert_false(policy_list_is_paused(policy, 0, 1)); /* in log mode anyway */
    assert_false(policy_list_is_paused(policy, 1, 0)); /* the view only logs */
    assert_false(policy_list_is_paused(policy, 0, POLICY_LISTS_MAX));
    assert_int_equal(policy_list_mode(base, 0, 0), POLICY_MODE_ENFORCE);
    assert_false(policy_list_is_paused(base, 0, 0));
    policy_destroy(policy);
    policy_destroy(base);
}

/* RFC 8020: what an exception lets through below a blocked name exists. */
static void an_exception_below_keeps_the_name_above_in_being(void **state)
{
    static const struct list_given lists[] = {
        {"a", POLICY_MODE_ENFORCE, "block suffix a.example"}};
    const struct policy_exception exceptions[] = {exception_of("=x.y.a.example"),
                                                  exception_of("1:z.a.example")};
    const struct policy_changes changes = {.exceptions = exceptions, .exception_count = 2};
    const struct wire_name names[] = {name_of("a.example"), name_of("y.a.example"),
                                      name_of("x.y.a.example"), name_of("b.a.example")};
    struct policy *base = policy_of_lists(lists, ITEMS(lists));
    struct policy *policy = NULL;

    (void)state;
    assert_int_equal(policy_derive(base, &changes, 2, &policy), 0);
    assert_true(policy_passes_below(policy, 0, &names[0]));
    assert_true(policy_passes_below(policy, 0, &names[1]));
    assert_false(policy_passes_below(policy, 0, &names[2]));
    assert_false(policy_passes_below(policy, 0, &names[3]));
    assert_false(policy_passes_below(base, 0, &names[0]));
    policy_destroy(policy);
    policy_destroy(base);
}

static void chain_scope_is_asked_for_by_the_asked_name(void **state)
{
    static const struct list_given lists[] = {
        {"a", POLICY_MODE_ENFORCE, "block suffix cdn.example;block prefix 192.0.2.0/24"}};
    const struct policy_exception exceptions[] = {exception_of("+shop.example"),
                                                  exception_of("own.example")};
    const struct policy_changes changes = {.exceptions = exceptions, .exception_count = 2};
    const struct wire_name shop = name_of("www.shop.example");
    const struct wire_name own = name_of("own.example");
    const struct wire_name hop = name_of("e.cdn.example");
    const struct address address = address_of("192.0.2.1");
    struct policy *base = policy_of_lists(lists, ITEMS(lists));
    struct policy *policy = NULL;
    struct policy_outcome outcome;

    (void)state;
    assert_int_equal(policy_derive(base, &changes, 2, &policy), 0);
    policy_decide_name(policy, 0, POLICY_TRIGGER_HOP, 1, &hop, &outcome);
    policy_except_chain(policy, 0, &own, &outcome);
    assert_true(policy_outcome_blocks(&outcome)); /* its own trigger only */
    policy_except_chain(policy, 0, &shop, &outcome);
    assert_false(policy_outcome_blocks(&outcome));
    assert_int_equal(outcome.hit.exception, 1);
    assert_true(wire_name_equal(&policy_hit_exception(policy, &outcome.hit)->name,
                                &exceptions[0].name));
    policy_decide_address(policy, 0, POLICY_TRIGGER_ADDRESS, 1, &hop, &address, &outcome);
    assert_true(policy_outcome_blocks(&outcome));
    policy_except_chain(policy, 0, &shop, &outcome);
    assert_false(policy_outcome_blocks(&outcome));
    policy_destroy(policy);
    policy_destroy(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_longest_that_covers),
        cmocka_unit_test(agrees_with_a_naive_model_at_the_limit),
        cmocka_unit_test(pauses_and_exceptions_change_what_is_decided),
        cmocka_unit_test(a_pause_is_told_from_log_mode),
        cmocka_unit_test(an_exception_below_keeps_the_name_above_in_being),
        cmocka_unit_test(chain_scope_is_asked_for_by_the_asked_name),
        cmocka_unit_test(rules_are_excepted_one_by_one),
        cmocka_unit_test(prefix_rules_are_excepted),
        cmocka_unit_test(chain_scope_of_a_rule),
        cmocka_unit_test(a_view_that_denies_goes_on_denying),
        cmocka_unit_test(knows_which_rules_there_are),
        cmocka_unit_test(reads_and_writes_subjects),
    };

    return cmocka_run_group_tests_name("policy/exceptions", tests, NULL, NULL);
}
