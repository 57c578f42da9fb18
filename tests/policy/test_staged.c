/*
 * policy: two versions of a list at a time. What a view with the older one decides is what a
 * policy decides that has the older one alone, whatever is on trial beside it; a twin with the
 * newer one decides as a policy with the newer one alone; and a trial says where they differ.
 *
 * CORDON_TEST_SEED=N repeats a run that failed, CORDON_TEST_ROUNDS=N makes a longer one.
 */
#include "policy/make.h"

#include "base/error.h"
#include "policy/answer.h"
#include "policy/explain.h"
#include "policy/views.h"

#include <errno.h>

#define OLDER 7u
#define NEWER 9u

static const char *const names[] = {
    "a.x", "b.x", "a.a.x", "b.a.x", "a.b.x", "a.a.a.x", "b.a.a.x", "a.y", "b.y", "a.a.y",
};
static const char *const addresses[] = {"10.1.1.1", "10.1.2.1", "10.2.0.1",
                                        "11.0.0.1", "fd00::1",  "64:ff9b::a01:101"};
static const char *const prefixes[] = {"10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "fd00::/16"};

static uint64_t next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t under(uint64_t *state, size_t count)
{
    return (size_t)(next(state) % count);
}

static struct policy_list *version_of(const char *id, uint32_t serial, const char *rules)
{
    struct policy_list *list = list_of(id, rules);

    list->serial = serial;
    return list;
}

/* Lines of rules; each at most once. */
static void random_rules(uint64_t *state, char *out, size_t size)
{
    static const char *const matches[] = {"suffix", "exact", "below"};
    static const char *const actions[] = {"", "", " action=nodata", " action=log"};
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < ITEMS(names); i++) {
        if (under(state, 3) == 0) {
            /* One after the other: the order of arguments is the compiler's. */
            const bool pass = under(state, 4) == 0;
            const char *match = matches[under(state, 3)];
            const char *action = pass ? "" : actions[under(state, ITEMS(actions))];
            const char *about = under(state, 6) == 0 ? " trigger=nameserver" : "";

            used += (size_t)snprintf(out + used, size - used, "%s %s %s%s%s;",
                                     pass ? "pass" : "block", match, names[i], action, about);
        }
    }
    for (size_t i = 0; i < ITEMS(prefixes); i++) {
        static const char *const about[] = {"", "", " trigger=client", " trigger=nameserver"};

        if (under(state, 4) == 0) {
            used += (size_t)snprintf(out + used, size - used, "block prefix %s%s;", prefixes[i],
                                     about[under(state, ITEMS(about))]);
        }
    }
    assert_true(used < size);
}

/* What the operator says of all: the same for all policies. */
struct words {
    struct policy_list_setting lists[2], then[2];
    struct policy_view_variant variant;
    struct policy_caps caps;
    struct wire_name allow;
    struct policy_view_setting view;
};

static enum policy_mode random_mode(uint64_t *state)
{
    return under(state, 4) == 0 ? (enum policy_mode)under(state, 3) : POLICY_MODE_ENFORCE;
}

static void random_words(uint64_t *state, struct words *words)
{
    const bool first = under(state, 2) == 0;

    for (size_t i = 0; i < 2; i++) {
        const char *id = (i == 0) == first ? "l" : "z";

        words->lists[i] =
            (struct policy_list_setting){id, random_mode(state), POLICY_ACTION_DEFAULT};
        words->then[i] =
            (struct policy_list_setting){id, random_mode(state), POLICY_ACTION_DEFAULT};
    }
    words->variant = (struct policy_view_variant){.log_only = under(state, 4) == 0,
                                                  .action = POLICY_ACTION_REFUSED,
                                                  .lists = words->then,
                                                  .list_count = 2};
    policy_caps_init(&words->caps);
    words->caps.scopes[POLICY_SCOPE_CLOUD] =
        under(state, 5) == 0 ? POLICY_MODE_LOG : POLICY_MODE_ENFORCE;
    words->allow = name_of(names[under(state, ITEMS(names))]);
    words->view = (struct policy_view_setting){
        .name = "default",
        .log_only = under(state, 6) == 0,
        .action = POLICY_ACTION_SINKHOLE,
        .lists = words->lists,
        .list_count = 2,
        .deny = under(state, 4) == 0,
        .allow = &words->allow,
        .allow_count = 1,
        .caps = &words->caps,
        .variants = &words->variant,
        .variant_count = 1,
        .targets = (enum policy_mode)under(state, 3),
        .name_servers = (enum policy_mode)under(state, 3),
    };
}

/* Takes the lists over. */
static struct policy *make(struct policy_list **lists, size_t count,
                           const struct policy_view_setting *views, size_t view_count,
                           const struct policy_changes *changes, struct policy **base)
{
    struct policy_image *image = NULL;
    struct policy *derived = NULL;

    assert_int_equal(
        policy_image_build((const struct policy_list *const *)lists, count, &image), 0);
    for (size_t i = 0; i < count; i++) {
        policy_list_free(lists[i]);
    }
    assert_int_equal(policy_create(image, views, view_count, 1, NULL, base), 0);
    assert_int_equal(policy_derive(*base, changes, 2, &derived), 0);
    return derived;
}

/* The list of the other provider is of no interest where a version is looked at alone. */
static struct policy *make_plain(const char *rules, uint32_t serial, const char *other,
                                 const struct words *words,
                                 const struct policy_changes *changes, struct policy **base)
{
    struct policy_list *lists[] = {version_of("l", serial, rules), list_of("z", other)};
    struct policy_view_setting view = words->view;

    view.deny = view.deny && other[0] != '\0';
    return make(lists, 2, &view, 1, changes, base);
}

/* What a hit says, as text: numbers of lists and sets differ from image to image. */
static void add_hit(const struct policy *policy, const struct policy_hit *hit, char *out,
                    size_t size)
{
    char rule[POLICY_RULE_TEXT_MAX] = "-";
    struct policy_image_list list = {.id = "-"};
    struct policy_row row;

    if (policy_hit_row(policy, hit, &row)) {
        assert_true(policy_image_list_at(policy_image_of(policy), hit->list, &list));
        assert_true(policy_hit_rule(hit, &row, rule, sizeof(rule)) > 0);
    }
    const size_t used = strlen(out);
    assert_true((size_t)snprintf(out + used, size - used, "%s %u \"%s\" %s %s %u %u %u;",
                                 list.id, list.serial, rule,
                                 policy_action_name((enum policy_action)hit->action),
                                 policy_mode_name((enum policy_mode)hit->mode), hit->ground,
                                 hit->chain, hit->exception) < size - used);
}

static const char *say(const struct policy *policy, const struct policy_outcome *outcome,
                       char *out, size_t size)
{
    out[0] = '\0';
    if (outcome->enforced || outcome->denied) {
        add_hit(policy, &outcome->hit, out, size);
    }
    if (outcome->logged) {
        add_hit(policy, &outcome->log_hit, out, size);
    }
    return out;
}

/* Something to decide. */
struct asked {
    enum policy_trigger trigger;
    struct wire_name name, first;
    struct address address;
};

static void decide(const struct policy *policy, unsigned view, const struct asked *asked,
                   struct policy_outcome *out)
{
    if (asked->trigger == POLICY_TRIGGER_CLIENT) {
        policy_decide_client(policy, view, &asked->address, out);
    } else if (asked->trigger == POLICY_TRIGGER_QNAME) {
        policy_decide_question(policy, view, &asked->name, out);
    } else if (policy_trigger_is_address(asked->trigger)) {
        policy_decide_address(policy, view, asked->trigger, 0, &asked->name, &asked->address,
                              out);
    } else {
        policy_decide_name(policy, view, asked->trigger, 1, &asked->name, out);
    }
    if (asked->trigger > POLICY_TRIGGER_QNAME) {
        policy_except_chain(policy, view, &asked->first, out);
    }
}

struct count {
    unsigned same, trials[POLICY_TRIALS], blocked, differ;
};

static void compare(const struct policy *one, unsigned view, const struct policy *other,
                    const struct asked *asked, struct count *count)
{
    struct policy_outcome left, right;
    char a[3 * POLICY_RULE_TEXT_MAX], b[3 * POLICY_RULE_TEXT_MAX];

    decide(one, view, asked, &left);
    decide(other, 0, asked, &right);
    assert_string_equal(say(one, &left, a, sizeof(a)), say(other, &right, b, sizeof(b)));
    assert_int_equal(policy_outcome_blocks(&left), policy_outcome_blocks(&right));
    assert_int_equal(policy_passes_below(one, view, &asked->name),
                     policy_passes_below(other, 0, &asked->name));
    assert_false(right.tried);
    count->same++;
    count->blocked += policy_outcome_blocks(&left);
}

enum {
    PLAIN_OLDER,
    PLAIN_NEWER,
    ALONE_OLDER,
    ALONE_NEWER,
    PLAINS
};

/* The view on trial against what each version would do without any other list. */
static void compare_trial(const struct policy *staged, struct policy *const *plain,
                          const struct asked *asked, struct count *count)
{
    struct policy_outcome outcome, older, newer;
    struct policy_image_list list;

    decide(staged, 0, asked, &outcome);
    decide(plain[ALONE_OLDER], 0, asked, &older);
    decide(plain[ALONE_NEWER], 0, asked, &newer);
    const bool by_older = policy_outcome_blocks(&older);
    const bool by_newer = policy_outcome_blocks(&newer);
    assert_int_equal(outcome.tried, by_older || by_newer);
    count->differ += by_older != by_newer;
    if (!outcome.tried) {
        return;
    }
    const struct policy_hit *hit = &outcome.trial_hit;
    assert_int_equal(hit->trial, !by_newer   ? POLICY_TRIAL_HELD
                                 : !by_older ? POLICY_TRIAL_NEWER
                                             : POLICY_TRIAL_BOTH);
    assert_int_equal(hit->mode, POLICY_MODE_LOG);
    assert_true(policy_image_list_at(policy_image_of(staged), hit->list, &list));
    assert_string_equal(list.id, "l");
    assert_int_equal(list.serial, by_newer ? NEWER : OLDER);
    assert_int_equal(hit->action, by_newer ? newer.hit.action : older.hit.action);
    assert_int_equal(hit->labels, by_newer ? newer.hit.labels : older.hit.labels);
    count->trials[hit->trial]++;
}

static void random_changes(uint64_t *state, struct policy_exception *exception,
                           struct policy_changes *changes, const char *const *paused,
                           uint8_t *variants)
{
    memset(exception, 0, sizeof(*exception));
    exception->view = under(state, 2) == 0 ? 0 : POLICY_ANY_VIEW;
    exception->name = name_of(names[under(state, ITEMS(names))]);
    exception->exact = under(state, 2) == 0;
    exception->chain = under(state, 2) == 0;
    memcpy(exception->ticket, "T", 2);
    *variants = (uint8_t)under(state, 2);
    *changes = (struct policy_changes){.pause_all = under(state, 8) == 0,
                                       .paused = paused,
                                       .paused_count = under(state, 5) == 0 ? 1 : 0,
                                       .exceptions = exception,
                                       .exception_count = under(state, 2),
                                       .variants = variants};
}

static void random_asked(uint64_t *state, struct asked *asked)
{
    static const enum policy_trigger triggers[] = {
        POLICY_TRIGGER_CLIENT,     POLICY_TRIGGER_QNAME,
        POLICY_TRIGGER_QNAME,      POLICY_TRIGGER_HOP,
        POLICY_TRIGGER_TARGET,     POLICY_TRIGGER_ADDRESS,
        POLICY_TRIGGER_NAMESERVER, POLICY_TRIGGER_NAMESERVER_ADDRESS};

    *asked = (struct asked){.trigger = triggers[under(state, ITEMS(triggers))],
                            .name = name_of(names[under(state, ITEMS(names))]),
                            .first = name_of(names[under(state, ITEMS(names))]),
                            .address = address_of(addresses[under(state, ITEMS(addresses))])};
}

static void one_round(uint64_t *state, struct count *count)
{
    static const char *const paused[] = {"l"};
    const struct policy_version_setting held = {"l", OLDER, 0}, on_trial = {"l", OLDER, NEWER},
                                        newer = {"l", NEWER, 0};
    char rules[3][2048];
    struct words words;
    struct policy_exception exception;
    struct policy_changes changes;
    struct policy *bases[PLAINS + 1], *plain[PLAINS];
    uint8_t variant;

    for (size_t i = 0; i < 3; i++) {
        random_rules(state, rules[i], sizeof(rules[i]));
    }
    random_words(state, &words);
    random_changes(state, &exception, &changes, paused, &variant);
    plain[PLAIN_OLDER] =
        make_plain(rules[0], OLDER, rules[2], &words, &changes, &bases[PLAIN_OLDER]);
    plain[PLAIN_NEWER] =
        make_plain(rules[1], NEWER, rules[2], &words, &changes, &bases[PLAIN_NEWER]);
    plain[ALONE_OLDER] = make_plain(rules[0], OLDER, "", &words, &changes, &bases[ALONE_OLDER]);
    plain[ALONE_NEWER] = make_plain(rules[1], NEWER, "", &words, &changes, &bases[ALONE_NEWER]);

    struct policy_list *lists[] = {version_of("l", NEWER, rules[1]), list_of("z", rules[2]),
                                   version_of("l", OLDER, rules[0])};
    struct policy_view_setting views[3] = {words.view, words.view, words.view};
    views[0].versions = &on_trial;
    views[1].versions = &held;
    views[2].versions = &newer;
    views[0].version_count = views[1].version_count = views[2].version_count = 1;
    views[1].twin_of = views[2].twin_of = 1; /* exceptions of view 0 are theirs */
    struct policy *staged = make(lists, 3, views, 3, &changes, &bases[PLAINS]);
    assert_int_equal(policy_view_origin(staged, 2), 0);
    for (unsigned i = 0; i < 60; i++) {
        struct asked asked;

        random_asked(state, &asked);
        compare(staged, 0, plain[PLAIN_OLDER], &asked, count);
        compare(staged, 1, plain[PLAIN_OLDER], &asked, count);
        compare(staged, 2, plain[PLAIN_NEWER], &asked, count);
        compare_trial(staged, plain, &asked, count);
    }
    policy_destroy(staged);
    for (size_t i = 0; i < PLAINS; i++) {
        policy_destroy(plain[i]);
    }
    for (size_t i = 0; i <= PLAINS; i++) {
        policy_destroy(bases[i]);
    }
}

static void each_view_decides_as_a_policy_with_its_version_alone(void **state)
{
    const char *seed = getenv("CORDON_TEST_SEED");
    const char *rounds = getenv("CORDON_TEST_ROUNDS");
    uint64_t chance = seed != NULL ? strtoull(seed, NULL, 10) : 20261122;
    const unsigned long wanted = rounds != NULL ? strtoul(rounds, NULL, 10) : 500;
    struct count count = {.same = 0};

    (void)state;
    for (unsigned long i = 0; i < wanted; i++) {
        one_round(&chance, &count);
    }
    /* The comparison has seen what it is about. */
    assert_true(count.blocked > count.same / 20 && count.differ > 500);
    for (unsigned i = POLICY_TRIAL_BOTH; i < POLICY_TRIALS; i++) {
        assert_true(count.trials[i] > 100);
    }
}

/* --- one by one --- */

static struct policy *two_versions(struct policy_view_setting *views, size_t count)
{
    struct policy_list *lists[] = {
        version_of("l", OLDER, "block suffix gone.example;block suffix both.example"),
        version_of("l", NEWER, "block suffix new.example;block suffix both.example")};
    struct policy_image *image = NULL;
    struct policy *policy = NULL;

    assert_int_equal(policy_image_build((const struct policy_list *const *)lists, 2, &image),
                     0);
    policy_list_free(lists[0]);
    policy_list_free(lists[1]);
    assert_int_equal(policy_create(image, views, count, 1, NULL, &policy), 0);
    return policy;
}

static const struct policy_list_setting enforced[] = {
    {"l", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT}};

static void a_trial_makes_hits_that_change_nothing(void **state)
{
    static const struct {
        const char *name;
        enum policy_trial trial;
        uint32_t serial;
        bool blocked;
        uint8_t hits;
    } rows[] = {
        {"gone.example", POLICY_TRIAL_HELD, OLDER, true, 2},
        {"both.example", POLICY_TRIAL_BOTH, NEWER, true, 2},
        {"new.example", POLICY_TRIAL_NEWER, NEWER, false, 1},
        {"free.example", POLICY_TRIAL_NONE, 0, false, 0},
    };
    const struct policy_version_setting versions[] = {{"l", OLDER, NEWER}};
    struct policy_view_setting view = {.name = "default",
                                       .lists = enforced,
                                       .list_count = 1,
                                       .versions = versions,
                                       .version_count = 1};
    const struct address client = address_of("192.0.2.1");
    struct policy *policy = two_versions(&view, 1);

    (void)state;
    assert_true(policy_has_trial(policy));
    assert_int_equal(policy_list_version(policy, 0), POLICY_VERSION_HELD);
    assert_int_equal(policy_list_version(policy, 1), POLICY_VERSION_NEWER);
    assert_int_equal(policy_list_mode(policy, 0, 0), POLICY_MODE_ENFORCE);
    assert_int_equal(policy_list_mode(policy, 0, 1), POLICY_MODE_OFF);
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const struct wire_name name = name_of(rows[i].name);
        struct policy_hits hits;
        struct policy_image_list list;
        uint8_t block = 0;

        policy_hits_start(&hits, false);
        assert_int_equal(policy_decide_asked(policy, 0, &client, &name, NULL, &hits, &block),
                         rows[i].blocked);
        assert_int_equal(hits.count, rows[i].hits);
        if (rows[i].trial != POLICY_TRIAL_NONE) {
            assert_int_equal(hits.at[0].trial, rows[i].trial);
            assert_true(policy_image_list_at(policy_image_of(policy), hits.at[0].list, &list));
            assert_int_equal(list.serial, rows[i].serial);
        }
        if (rows[i].blocked) {
            assert_int_equal(block, 1);
            assert_int_equal(hits.at[1].trial, POLICY_TRIAL_NONE);
            assert_true(policy_image_list_at(policy_image_of(policy), hits.at[1].list, &list));
            assert_int_equal(list.serial, OLDER);
        }
    }
    policy_destroy(policy);
}

/* An exception for a rule is for the rule in whichever version it stands. */
static void an_exception_for_a_rule_is_for_all_versions(void **state)
{
    const struct policy_version_setting held[] = {{"l", OLDER, 0}}, newer[] = {{"l", NEWER, 0}};
    struct policy_view_setting views[] = {{.name = "default",
                                           .lists = enforced,
                                           .list_count = 1,
                                           .versions = held,
                                           .version_count = 1},
                                          {.name = "default",
                                           .lists = enforced,
                                           .list_count = 1,
                                           .versions = newer,
                                           .version_count = 1,
                                           .twin_of = 1}};
    struct policy *base = two_versions(views, 2);
    static const char *const rules[] = {"l: block suffix gone.example",
                                        "l: block suffix both.example",
                                        "l: block suffix new.example"};

    (void)state;
    for (size_t i = 0; i < ITEMS(rules); i++) {
        struct policy_exception exception = {.view = 0};
        const struct policy_changes changes = {.exceptions = &exception, .exception_count = 1};
        struct policy *policy = NULL;
        struct policy_outcome outcome;

        assert_null(policy_exception_read_rule(rules[i], strlen(rules[i]), &exception));
        assert_true(policy_exception_has_rule(&exception, policy_image_of(base)));
        assert_int_equal(policy_derive(base, &changes, 2, &policy), 0);
        const struct wire_name name = name_of(rules[i] + strlen("l: block suffix "));
        for (unsigned view = 0; view < 2; view++) {
            policy_decide_question(policy, view, &name, &outcome);
            assert_false(policy_outcome_blocks(&outcome));
            assert_int_equal(outcome.enforced, i == 1 || (view == 0) == (i == 0));
        }
        policy_destroy(policy);
    }
    policy_destroy(base);
}

static void an_explanation_says_that_another_version_counts(void **state)
{
    const struct policy_version_setting versions[] = {{"l", OLDER, NEWER}};
    struct policy_view_setting view = {.name = "default",
                                       .lists = enforced,
                                       .list_count = 1,
                                       .versions = versions,
                                       .version_count = 1};
    struct policy *policy = two_versions(&view, 1);
    const struct wire_name name = name_of("new.example");
    struct policy_explained explained;
    struct policy_explained_at at;
    struct policy_finding found;

    (void)state;
    policy_explain_question(policy, 0, &name, &explained);
    policy_explained_start(&at);
    assert_true(policy_explained_next(policy, &explained, &at, &found));
    assert_int_equal(found.fate, POLICY_FATE_OFF);
    assert_int_equal(found.reason, POLICY_REASON_STAGE);
    assert_string_equal(policy_reason_name(found.reason), "stage");
    assert_true(explained.outcome.tried);
    policy_destroy(policy);
}

static void what_does_not_fit_is_refused(void **state)
{
    struct policy_list *lists[] = {version_of("l", OLDER, "block suffix a.example"),
                                   version_of("l", OLDER, "block suffix b.example")};
    struct policy_image *image = NULL;
    struct policy_view_setting view = {
        .name = "default", .lists = enforced, .list_count = 1, .twin_of = 1};
    struct policy *policy = NULL;

    (void)state;
    assert_int_equal(policy_image_build((const struct policy_list *const *)lists, 2, &image),
                     -EEXIST); /* of one serial there is one version */
    assert_int_equal(policy_image_build((const struct policy_list *const *)lists, 1, &image),
                     0);
    /* a view is no twin of itself, nor of one that comes after it */
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), -EINVAL);
    const struct policy_version_setting versions[] = {{"l", NEWER, 0}};
    view.twin_of = 0;
    view.versions = versions;
    view.version_count = 1;
    struct report report;
    report_init(&report);
    assert_int_equal(policy_create(image, &view, 1, 1, &report, &policy), -ENOENT);
    report_deinit(&report);
    policy_image_free(image);
    policy_list_free(lists[0]);
    policy_list_free(lists[1]);
}

/* --- who is in a share --- */

static struct address client_of(unsigned number, bool is_v6)
{
    struct address address = {.family = is_v6 ? ADDRESS_V6 : ADDRESS_V4};
    const size_t at = is_v6 ? 4 : 0;

    address.octets[0] = is_v6 ? 0xfd : 10;
    address.octets[at + 1] = (uint8_t)(number >> 16);
    address.octets[at + 2] = (uint8_t)(number >> 8);
    address.octets[at + 3] = (uint8_t)number;
    return address;
}

static void a_share_grows_and_loses_nobody(void **state)
{
    static const uint16_t shares[] = {1, 10, 100, 300, 500, 999};
    const struct address local = address_of("192.0.2.53");
    struct policy_shares some = {.key = "0123456789abcde", .views = 3, .count = 1};
    struct policy_shares all = {.key = "0123456789abcde", .views = 3};

    (void)state;
    for (size_t i = ITEMS(shares); i > 0; i--) {
        all.at[all.count++] = shares[i - 1];
    }
    for (unsigned family = 0; family < 2; family++) {
        unsigned inside[ITEMS(shares)] = {0};

        for (unsigned c = 0; c < 20000; c++) {
            const struct address client = client_of(c, family == 1);
            const unsigned at = policy_share_of(some.key, &client);
            struct policy_views *views = NULL;
            bool before = false;
            bool edge = false; /* it stands at the very end of a share */

            assert_true(at < 1000);
            for (size_t i = 0; i < ITEMS(shares); i++) {
                const bool now = at < shares[i];

                assert_true(now || !before); /* once in, always in */
                before = now;
                edge = edge || at == shares[i];
                inside[i] += now;
            }
            if (c % 100 != 0 && !edge) {
                continue;
            }
            for (size_t i = 0; i < ITEMS(shares); i++) {
                some.at[0] = shares[i];
                assert_int_equal(policy_views_build(NULL, 0, &some, &views), 0);
                assert_int_equal(policy_views_choose(views, &client, &local),
                                 at < shares[i] ? 3 : 0);
                policy_views_free(views);
            }
            unsigned twin = 0;
            for (size_t i = 0; i < ITEMS(shares); i++) {
                twin += at < shares[i];
            }
            assert_int_equal(policy_views_build(NULL, 0, &all, &views), 0);
            assert_int_equal(policy_views_choose(views, &client, &local), 3 * twin);
            policy_views_free(views);
        }
        for (size_t i = 0; i < ITEMS(shares); i++) { /* within five standard deviations */
            const double wanted = 20.0 * shares[i];
            const double off = inside[i] - wanted;

            assert_true(off * off <= 25 * wanted + 25);
        }
    }
}

static void a_host_has_one_place_whatever_its_address(void **state)
{
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", true},
        {"192.0.2.7", "::ffff:192.0.2.7", true}, /* as a dual-stack socket has it */
        {"192.0.2.7", "192.0.2.8", false},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
    };
    const uint8_t key[SIPHASH_KEY_OCTETS] = "fedcba987654321", other[SIPHASH_KEY_OCTETS] = "0";
    unsigned moved = 0;

    (void)state;
    for (size_t i = 0; i < ITEMS(rows); i++) {
        const struct address a = address_of(rows[i].one), b = address_of(rows[i].other);

        assert_int_equal(policy_share_of(key, &a) == policy_share_of(key, &b), rows[i].same);
        moved += policy_share_of(key, &a) != policy_share_of(other, &a);
    }
    assert_true(moved > 0); /* it is the key that decides */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_view_decides_as_a_policy_with_its_version_alone),
        cmocka_unit_test(a_trial_makes_hits_that_change_nothing),
        cmocka_unit_test(an_exception_for_a_rule_is_for_all_versions),
        cmocka_unit_test(an_explanation_says_that_another_version_counts),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_share_grows_and_loses_nobody),
        cmocka_unit_test(a_host_has_one_place_whatever_its_address),
    };
    return cmocka_run_group_tests_name("policy/staged", tests, NULL, NULL);
}
