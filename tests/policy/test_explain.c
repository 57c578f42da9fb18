/*
 * policy/explain: each rule that matches has the fate that a naive reading of the truth table
 * gives it, and the one that wins is what decides.
 */
#include "policy/make.h"

#include "policy/explain.h"
#include "wire/writer.h"

#define LISTS      4
#define RULES_MAX  24
#define POLICIES   400
#define QUESTIONS  60
#define EXCEPTIONS 2

/* A rule as the test knows it, beside what the engine makes of its text. */
struct rule {
    unsigned list;
    enum policy_kind kind;
    enum policy_match match;
    enum policy_action action; /* DEFAULT: none named */
    char what[40];
};

struct world {
    struct rule rules[LISTS * RULES_MAX];
    size_t count;
    enum policy_mode modes[LISTS]; /* of the operator */
    bool paused[LISTS];
    unsigned rank[LISTS]; /* place in the order */
    struct policy *base, *policy;
    struct policy_exception exceptions[EXCEPTIONS];
    const struct rule *excepted[EXCEPTIONS]; /* the rule that it is for; NULL: a name */
    size_t exception_count;
};

static const char *const ids[LISTS] = {"a", "b", "c", "d"};

static void random_name(uint64_t *state, unsigned most, char out[40])
{
    static const char *const labels[] = {"x", "y", "z"};
    const unsigned count = 2 + (unsigned)random_under(state, most - 1);

    out[0] = '\0';
    for (unsigned i = 0; i + 1 < count; i++) {
        strcat(out, labels[random_under(state, ITEMS(labels))]);
        strcat(out, ".");
    }
    strcat(out, "test");
}

static void random_list(struct world *world, uint64_t *state, unsigned list, char *text,
                        size_t size)
{
    static const char *const actions[] = {"", " action=nodata", " action=pass", " action=log"};
    static const enum policy_action meant[] = {POLICY_ACTION_DEFAULT, POLICY_ACTION_NODATA,
                                               POLICY_ACTION_PASS, POLICY_ACTION_LOG};
    const size_t first = world->count;
    const size_t wanted = random_under(state, RULES_MAX);
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < wanted; i++) {
        struct rule *rule = &world->rules[world->count];
        const size_t action = random_under(state, ITEMS(actions));
        bool is_there = false;

        rule->list = list;
        rule->kind = random_under(state, 3) == 0 ? POLICY_PASS : POLICY_BLOCK;
        rule->match = (enum policy_match)random_under(state, 4);
        rule->action = rule->kind == POLICY_PASS ? POLICY_ACTION_DEFAULT : meant[action];
        if (rule->match == POLICY_MATCH_PREFIX) {
            snprintf(rule->what, sizeof(rule->what), "192.0.%u.0/%u",
                     (unsigned)random_under(state, 2) * 2, random_under(state, 2) ? 24u : 22u);
            if (strstr(rule->what, "/22") != NULL) {
                strcpy(rule->what, "192.0.0.0/22");
            }
        } else {
            random_name(state, 4, rule->what);
        }
        for (size_t k = first; k < world->count; k++) {
            is_there = is_there || (world->rules[k].match == rule->match &&
                                    strcmp(world->rules[k].what, rule->what) == 0);
        }
        if (is_there) {
            continue; /* a list says one thing once */
        }
        world->count++;
        used += (size_t)snprintf(text + used, size - used, "%s%s %s %s%s", used > 0 ? ";" : "",
                                 policy_kind_name(rule->kind), policy_match_name(rule->match),
                                 rule->what, rule->kind == POLICY_PASS ? "" : actions[action]);
        assert_true(used < size);
    }
}

/* One for a rule that blocks; of another kind it is about nothing. */
static void except_rule(struct world *world, size_t number, const struct rule *rule)
{
    struct policy_exception *out = &world->exceptions[number];
    char text[100];

    snprintf(text, sizeof(text), "%s: block %s %s", ids[rule->list],
             policy_match_name(rule->match), rule->what);
    assert_null(policy_exception_read_rule(text, strlen(text), out));
    out->view = POLICY_ANY_VIEW;
    world->excepted[number] = rule;
}

static void random_world(struct world *world, uint64_t *state)
{
    struct policy_list *lists[LISTS];
    struct policy_list_setting settings[LISTS];
    const char *paused[LISTS];
    struct policy_changes changes = {.paused = paused};
    char text[RULES_MAX * 64];
    unsigned order[LISTS] = {0, 1, 2, 3};

    world->count = 0;
    for (unsigned i = 0; i < LISTS; i++) {
        random_list(world, state, i, text, sizeof(text));
        lists[i] = list_of(ids[i], text);
        world->modes[i] = (enum policy_mode)random_under(state, 3);
        world->paused[i] =
            world->modes[i] == POLICY_MODE_ENFORCE && random_under(state, 4) == 0;
        if (world->paused[i]) {
            paused[changes.paused_count++] = ids[i];
        }
        const size_t other = random_under(state, i + 1);
        const unsigned swap = order[other];
        order[other] = order[i];
        order[i] = swap;
    }
    for (unsigned i = 0; i < LISTS; i++) {
        world->rank[order[i]] = i;
        settings[i] = (struct policy_list_setting){ids[order[i]], world->modes[order[i]],
                                                   POLICY_ACTION_DEFAULT};
    }
    const struct policy_view_setting view = {
        .name = "default", .lists = settings, .list_count = LISTS};
    struct policy_image *image = image_of((const struct policy_list *const *)lists, LISTS);
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &world->base), 0);
    world->exception_count = random_under(state, EXCEPTIONS + 1);
    for (size_t i = 0; i < world->exception_count; i++) {
        char name[40];

        random_name(state, 3, name);
        memset(&world->exceptions[i], 0, sizeof(world->exceptions[i]));
        world->excepted[i] = NULL;
        if (world->count > 0 && random_under(state, 2) == 0) {
            except_rule(world, i, &world->rules[random_under(state, world->count)]);
            continue;
        }
        world->exceptions[i].name = name_of(name);
        world->exceptions[i].exact = random_under(state, 2) == 0;
        world->exceptions[i].view = POLICY_ANY_VIEW;
    }
    changes.exceptions = world->exceptions;
    changes.exception_count = world->exception_count;
    assert_int_equal(policy_derive(world->base, &changes, 2, &world->policy), 0);
    for (unsigned i = 0; i < LISTS; i++) {
        policy_list_free(lists[i]);
    }
}

/* --- the naive reading --- */

/* Labels or bits of the rule if it matches; 0: it does not. */
static unsigned match_of(const struct rule *rule, const char *asked)
{
    const bool is_address = asked[0] >= '0' && asked[0] <= '9';
    const size_t len = strlen(rule->what);
    const size_t asked_len = strlen(asked);

    if ((rule->match == POLICY_MATCH_PREFIX) != is_address) {
        return 0;
    }
    if (is_address) { /* 192.0.X.Y and 192.0.X.0/24 or 192.0.0.0/22 */
        const bool wide = strstr(rule->what, "/22") != NULL;

        return wide ? 22 : strncmp(rule->what, asked, strlen("192.0.0.")) == 0 ? 24 : 0;
    }
    const bool same = strcmp(rule->what, asked) == 0;
    const bool below = asked_len > len && strcmp(asked + asked_len - len, rule->what) == 0 &&
                       asked[asked_len - len - 1] == '.';
    if (!(rule->match == POLICY_MATCH_EXACT    ? same
          : rule->match == POLICY_MATCH_SUFFIX ? same || below
                                               : below)) {
        return 0;
    }
    unsigned labels = 1;
    for (const char *at = rule->what; *at != '\0'; at++) {
        labels += *at == '.';
    }
    return labels;
}

static bool lets_through(const struct rule *rule)
{
    return rule->kind == POLICY_PASS || rule->action == POLICY_ACTION_PASS ||
           rule->action == POLICY_ACTION_LOG;
}

static bool is_enforced(const struct world *world, const struct rule *rule)
{
    return world->modes[rule->list] == POLICY_MODE_ENFORCE &&
           (!world->paused[rule->list] || lets_through(rule));
}

static bool is_logged(const struct world *world, const struct rule *rule)
{
    return world->modes[rule->list] == POLICY_MODE_LOG || world->paused[rule->list];
}

/* Why b loses to a; WINS if it does not. */
static enum policy_fate loss(const struct world *world, const char *asked, const struct rule *a,
                             const struct rule *b)
{
    static const int narrow[] = {[POLICY_MATCH_EXACT] = 0,
                                 [POLICY_MATCH_SUFFIX] = 1,
                                 [POLICY_MATCH_BELOW] = 2,
                                 [POLICY_MATCH_PREFIX] = 3};
    const unsigned left = match_of(a, asked);
    const unsigned right = match_of(b, asked);

    if (left != right) {
        return left > right ? POLICY_FATE_LONGER : POLICY_FATE_WINS;
    }
    if (a->kind != b->kind) {
        return a->kind == POLICY_PASS ? POLICY_FATE_PASS : POLICY_FATE_WINS;
    }
    if (a->list != b->list) {
        return world->rank[a->list] < world->rank[b->list] ? POLICY_FATE_ORDER
                                                           : POLICY_FATE_WINS;
    }
    return narrow[a->match] < narrow[b->match] ? POLICY_FATE_NARROWER : POLICY_FATE_WINS;
}

/* An exception is for this rule, which blocks. */
static bool is_rule_excepted(const struct world *world, const struct rule *rule)
{
    for (size_t i = 0; i < world->exception_count; i++) {
        if (world->excepted[i] == rule && !lets_through(rule)) {
            return true;
        }
    }
    return false;
}

/* without: rules that an exception takes away do not count. */
static const struct rule *best_of(const struct world *world, const char *asked, bool enforced,
                                  bool without)
{
    const struct rule *best = NULL;

    for (size_t i = 0; i < world->count; i++) {
        const struct rule *rule = &world->rules[i];
        const bool is_in = enforced ? is_enforced(world, rule) : is_logged(world, rule);

        if (match_of(rule, asked) > 0 && is_in && !(without && is_rule_excepted(world, rule)) &&
            (best == NULL || loss(world, asked, best, rule) == POLICY_FATE_WINS)) {
            best = rule;
        }
    }
    return best;
}

static bool is_excepted(const struct world *world, const char *asked)
{
    if (asked[0] >= '0' && asked[0] <= '9') {
        return false;
    }
    const struct wire_name name = name_of(asked);
    for (size_t i = 0; i < world->exception_count; i++) {
        const struct policy_exception *one = &world->exceptions[i];

        if (one->is_rule) {
            continue;
        }
        if (one->exact ? wire_name_equal(&name, &one->name)
                       : wire_name_is_within(&name, &one->name)) {
            return true;
        }
    }
    return false;
}

static enum policy_fate naive_fate(const struct world *world, const char *asked,
                                   const struct rule *rule)
{
    const bool enforced = is_enforced(world, rule);

    if (!enforced && !is_logged(world, rule)) {
        return POLICY_FATE_OFF;
    }
    const struct rule *winner = best_of(world, asked, enforced, false);
    if (!enforced) {
        return winner != rule ? loss(world, asked, winner, rule)
               : rule->kind == POLICY_PASS || rule->action == POLICY_ACTION_PASS
                   ? POLICY_FATE_SILENT
                   : POLICY_FATE_RECORDED;
    }
    if (is_rule_excepted(world, winner)) {
        /* What is left decides, if it blocks; else the exception is what lets through. */
        const struct rule *next = best_of(world, asked, true, true);

        winner = next != NULL && !lets_through(next) ? next : winner;
    }
    if (winner == rule) {
        return !lets_through(rule) &&
                       (is_rule_excepted(world, rule) || is_excepted(world, asked))
                   ? POLICY_FATE_EXCEPTION
                   : POLICY_FATE_WINS;
    }
    return is_rule_excepted(world, rule) ? POLICY_FATE_EXCEPTED
                                         : loss(world, asked, winner, rule);
}

/* The rule that a finding names, by its text. */
static const struct rule *rule_of(const struct world *world,
                                  const struct policy_finding *finding)
{
    char text[POLICY_RULE_TEXT_MAX];
    char mine[POLICY_RULE_TEXT_MAX];

    assert_true(policy_hit_rule(&finding->hit, &finding->row, text, sizeof(text)) > 0);
    for (size_t i = 0; i < world->count; i++) {
        const struct rule *rule = &world->rules[i];

        snprintf(mine, sizeof(mine), "%s %s %s", policy_kind_name(rule->kind),
                 policy_match_name(rule->match), rule->what);
        if (rule->list == finding->row.list && strcmp(text, mine) == 0) {
            return rule;
        }
    }
    fail_msg("no list has the rule %s", text);
    return NULL;
}

static bool same_hit(const struct policy_hit *a, const struct policy_hit *b)
{
    return a->set == b->set && a->row == b->row && a->labels == b->labels &&
           a->list == b->list && a->trigger == b->trigger;
}

static void check(const struct world *world, const char *asked)
{
    struct policy_explained explained;
    struct policy_explained_at at;
    struct policy_finding finding;
    struct policy_outcome outcome;
    size_t matching = 0;
    size_t found = 0;
    bool won = false;
    bool recorded = false;

    if (asked[0] >= '0' && asked[0] <= '9') {
        const struct wire_name owner = name_of("");
        const struct address address = address_of(asked);

        policy_decide_address(world->policy, 0, POLICY_TRIGGER_ADDRESS, 0, &owner, &address,
                              &outcome);
        policy_explain_address(world->policy, 0, POLICY_TRIGGER_ADDRESS, 0, &owner, &address,
                               NULL, &explained);
    } else {
        const struct wire_name name = name_of(asked);

        policy_decide_question(world->policy, 0, &name, &outcome);
        policy_explain_question(world->policy, 0, &name, &explained);
    }
    for (size_t i = 0; i < world->count; i++) {
        matching += match_of(&world->rules[i], asked) > 0;
    }
    policy_explained_start(&at);
    while (policy_explained_next(world->policy, &explained, &at, &finding)) {
        const struct rule *rule = rule_of(world, &finding);
        const bool wins =
            finding.fate == POLICY_FATE_WINS || finding.fate == POLICY_FATE_EXCEPTION;

        found++;
        assert_true(match_of(rule, asked) > 0);
        assert_int_equal(finding.fate, naive_fate(world, asked, rule));
        assert_int_equal(finding.paused, world->paused[rule->list]);
        if (wins) {
            assert_true(outcome.enforced && !won && same_hit(&outcome.hit, &finding.hit));
            assert_int_equal(outcome.hit.exception != 0, finding.fate == POLICY_FATE_EXCEPTION);
            won = true;
        }
        if (finding.fate == POLICY_FATE_RECORDED) {
            assert_true(outcome.logged && !recorded &&
                        same_hit(&outcome.log_hit, &finding.hit));
            recorded = true;
        }
    }
    assert_int_equal(found, matching);
    assert_int_equal(won, outcome.enforced);
    assert_int_equal(recorded, outcome.logged);
}

static void every_rule_has_the_fate_that_the_table_gives_it(void **state)
{
    uint64_t seed = 0x5eed0001;
    static struct world world;

    (void)state;
    for (unsigned i = 0; i < POLICIES; i++) {
        random_world(&world, &seed);
        for (unsigned j = 0; j < QUESTIONS; j++) {
            char asked[40];

            if (random_under(&seed, 4) == 0) {
                snprintf(asked, sizeof(asked), "192.0.%u.%u", (unsigned)random_under(&seed, 4),
                         1 + (unsigned)random_under(&seed, 200));
            } else {
                random_name(&seed, 5, asked);
            }
            check(&world, asked);
        }
        policy_destroy(world.policy);
        policy_destroy(world.base);
    }
}

/* --- an answer --- */

struct answer {
    uint8_t octets[1024];
    struct wire_message view;
};

static void put_alias(struct wire_writer *writer, const char *owner, const char *target)
{
    const struct wire_name from = name_of(owner);
    const struct wire_name to = name_of(target);

    wire_write_record(writer, WIRE_ANSWER, &from, WIRE_CNAME, 60, to.octets, to.len);
}

/* www.test -> a.test -> b.test -> 192.0.2.1 */
static void make_answer(struct answer *out)
{
    static const uint8_t address[] = {192, 0, 2, 1};
    const struct wire_name asked = name_of("www.test");
    const struct wire_name last = name_of("b.test");
    struct wire_writer writer;
    uint8_t question[WIRE_NAME_MAX + 4];

    memcpy(question, asked.octets, asked.len);
    wire_put16(question + asked.len, WIRE_A);
    wire_put16(question + asked.len + 2, WIRE_IN);
    wire_writer_begin(&writer, out->octets, sizeof(out->octets), question, asked.len + 4u);
    put_alias(&writer, "www.test", "a.test");
    put_alias(&writer, "a.test", "b.test");
    wire_write_record(&writer, WIRE_ANSWER, &last, WIRE_A, 60, address, sizeof(address));
    const size_t len = wire_writer_end(&writer, 1, WIRE_FLAG_QR);
    assert_int_equal(wire_message_open(out->octets, len, &out->view), WIRE_OK);
}

struct told {
    const struct policy *policy;
    char words[1024];
};

static bool tell(void *context, const struct policy_explained *explained)
{
    struct told *told = context;
    struct policy_explained_at at;
    struct policy_finding finding;
    size_t used = strlen(told->words);

    used += (size_t)snprintf(
        told->words + used, sizeof(told->words) - used,
        "%s %u:", policy_trigger_name((enum policy_trigger)explained->trigger), explained->hop);
    policy_explained_start(&at);
    while (policy_explained_next(told->policy, explained, &at, &finding)) {
        used += (size_t)snprintf(told->words + used, sizeof(told->words) - used, " %s %s",
                                 ids[finding.row.list], policy_fate_name(finding.fate));
    }
    snprintf(told->words + used, sizeof(told->words) - used, ";");
    return true;
}

static void expect_answer(const char *a, const char *b, const char *exception, bool ended,
                          const char *expected)
{
    const struct policy_list *lists[] = {list_of("a", a), list_of("b", b)};
    const struct policy_list_setting settings[] = {
        {"a", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT},
        {"b", POLICY_MODE_LOG, POLICY_ACTION_DEFAULT}};
    const struct policy_view_setting view = {
        .name = "default", .lists = settings, .list_count = 2};
    struct policy_exception one = {.chain = true, .view = POLICY_ANY_VIEW};
    const struct policy_changes changes = {.exceptions = &one,
                                           .exception_count = exception != NULL ? 1 : 0};
    struct policy *base = NULL;
    struct policy *policy = NULL;
    struct policy_chain chain;
    struct policy_hits hits = {.count = 0};
    struct answer answer;
    struct told told = {.words = ""};
    struct policy_explained_so_far so_far = {.ended = ended};
    uint8_t block = 0;

    if (exception != NULL) {
        one.name = name_of(exception);
    }
    assert_int_equal(policy_create(image_of(lists, 2), &view, 1, 1, NULL, &base), 0);
    assert_int_equal(policy_derive(base, &changes, 2, &policy), 0);
    make_answer(&answer);
    assert_int_equal(policy_chain_follow(&answer.view, &chain), POLICY_CHAIN_OK);
    told.policy = policy;
    policy_explain_answer(policy, 0, &answer.view, &chain, &so_far, tell, &told);
    assert_string_equal(told.words, expected);
    /* and it is the same that decides, unless that was done before */
    assert_true(ended || policy_decide_answer(policy, 0, &answer.view, &chain, &hits, &block) ==
                             (strstr(expected, "a wins") != NULL));
    policy_destroy(policy);
    policy_destroy(base);
    policy_list_free((struct policy_list *)lists[0]);
    policy_list_free((struct policy_list *)lists[1]);
}

static void an_answer_is_told_trigger_by_trigger(void **state)
{
    (void)state;
    /* nothing matches: all that was looked at is told all the same */
    expect_answer("block suffix z.test", "block suffix z.test", NULL, false,
                  "hop 1:;hop 2:;address 2:;");
    /* the first hop ends it; what would have come is told as not asked */
    expect_answer("block suffix a.test;block prefix 192.0.2.0/24", "block suffix b.test", NULL,
                  false, "hop 1: a wins;hop 2: b not-asked;address 2: a not-asked;");
    /* a list in log mode ends nothing */
    expect_answer("block suffix b.test", "block suffix a.test", NULL, false,
                  "hop 1: b recorded;hop 2: a wins;address 2:;");
    /* an exception of the asked name with chain scope */
    expect_answer("block suffix a.test;block prefix 192.0.2.0/24", "block suffix z.test",
                  "www.test", false, "hop 1: a exception;hop 2:;address 2: a exception;");
    /* the asked name has ended it before */
    expect_answer("block suffix z.test;block suffix b.test", "block suffix z.test", NULL, true,
                  "hop 1:;hop 2: a not-asked;address 2:;");
}

static void each_fate_has_words(void **state)
{
    struct policy_finding finding = {.paused = false};

    (void)state;
    for (unsigned i = 0; i < POLICY_FATES; i++) {
        assert_true(strlen(policy_fate_name((enum policy_fate)i)) > 2);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(policy_fate_name((enum policy_fate)i),
                                    policy_fate_name((enum policy_fate)k));
        }
        for (unsigned reason = 0; policy_reason_name((enum policy_reason)reason) != NULL;
             reason++) {
            finding.fate = (enum policy_fate)i;
            finding.reason = (enum policy_reason)reason;
            assert_true(strlen(policy_finding_words(&finding)) > 10);
        }
    }
    assert_null(policy_fate_name(POLICY_FATES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_has_the_fate_that_the_table_gives_it),
        cmocka_unit_test(an_answer_is_told_trigger_by_trigger),
        cmocka_unit_test(each_fate_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
