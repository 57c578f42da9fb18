#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/signed.h"

#include <cordon/explain.h>
#include <cordon/policy.h>
#include <cordon/version.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4

struct fixture {
    char folder[64];
    struct trust_secret_key secret[2];
    char lines[2][64];
    const char *keys[2];
    struct cordon_list_use uses[2];
    struct cordon_policy_options options;
    struct cordon_policy *policy;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct trust_public_key key;

    assert_non_null(fixture);
    assert_int_equal(random_library_init(), 0);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/cordon-library-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    for (unsigned i = 0; i < 2; i++) {
        trust_key_generate(&fixture->secret[i], &key);
        signed_key_line(&key, fixture->lines[i]);
        fixture->keys[i] = fixture->lines[i];
    }
    signed_list_write_facts(
        fixture->folder, fixture->secret, 2, "alpha",
        "fact parent-designated\nentity Owner Ltd.\nauthority Authority\n"
        "instrument Instrument\ncitation 1 X 2\neffective 2020-01-02\npublished 2020-01-03\n"
        "state in-force\nchecked 2026-01-01\n"
        "fact none-found\nentity Test\nauthority Searched: all\nstate unverified\n"
        "checked 2026-01-02\n",
        "block prefix 10.9.0.0/16 category=test scope=cloud confidence=high trigger=client "
        "evidence=\"none\"\n" RULE("suffix cloud.example") RULE("exact only.example")
            RULE("below under.example")
                RULE("prefix 192.0.2.0/24") "pass suffix free.cloud.example category=test "
                                            "scope=cloud confidence=high "
                                            "evidence=\"none\"\n"
                                            "block suffix go.example category=test scope=cloud "
                                            "confidence=medium "
                                            "action=redirect:*.stop.example evidence=\"none\"\n"
                                            "block suffix told.example category=test scope=cdn "
                                            "confidence=low action=log "
                                            "evidence=\"none\"\n");
    signed_list_write(fixture->folder, fixture->secret, 2, "beta",
                      RULE("suffix cloud.example") RULE("suffix watched.example"));
    fixture->uses[0] =
        (struct cordon_list_use){"alpha", CORDON_MODE_ENFORCE, CORDON_ACTION_NXDOMAIN};
    fixture->uses[1] = (struct cordon_list_use){"beta", CORDON_MODE_LOG, CORDON_ACTION_DEFAULT};
    fixture->options = (struct cordon_policy_options){
        .size = sizeof(fixture->options),
        .list_directory = fixture->folder,
        .lists = fixture->uses,
        .list_count = 2,
        .keys = fixture->keys,
        .key_count = 2,
        .threshold = 2,
        .now_s = CREATED_S + DAY_S,
    };
    *state = fixture;
    return 0;
}

static int set_up_open(void **state)
{
    char message[1024];

    (void)set_up(state);
    struct fixture *fixture = *state;
    if (cordon_policy_open(&fixture->options, &fixture->policy, message, sizeof(message)) !=
        0) {
        fail_msg("%s", message);
    }
    assert_string_equal(message, "");
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    cordon_policy_close(fixture->policy);
    signed_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static struct cordon_decision decide(const struct fixture *fixture, const char *text)
{
    struct cordon_decision decision = {.size = sizeof(decision)};
    struct cordon_name name;

    assert_int_equal(cordon_name_from_text(text, &name), 0);
    assert_int_equal(cordon_decide_name(fixture->policy, name.octets, name.len, &decision), 0);
    return decision;
}

static void names_are_decided_by_the_lists(void **state)
{
    static const struct {
        const char *name;
        const char *blocked; /* the rule, or NULL */
        int action;
        unsigned count; /* of matches */
    } rows[] = {
        {"cloud.example", "block suffix cloud.example", CORDON_ACTION_NXDOMAIN, 2},
        {"A.B.Cloud.Example.", "block suffix cloud.example", CORDON_ACTION_NXDOMAIN, 2},
        {"notcloud.example", NULL, 0, 0},   /* glued before */
        {"cloud.example.test", NULL, 0, 0}, /* glued behind */
        {"only.example", "block exact only.example", CORDON_ACTION_NXDOMAIN, 1},
        {"a.only.example", NULL, 0, 0},
        {"under.example", NULL, 0, 0},
        {"a.under.example", "block below under.example", CORDON_ACTION_NXDOMAIN, 1},
        {"free.cloud.example", NULL, 0, 1}, /* passed; the list in log mode would have */
        {"watched.example", NULL, 0, 1},    /* log mode */
        {"told.example", NULL, 0, 1},       /* action log */
        {"go.example", "block suffix go.example", CORDON_ACTION_REDIRECT, 1},
        {".", NULL, 0, 0},
    };
    const struct fixture *fixture = *state;
    char text[CORDON_NAME_TEXT_MAX + 32];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct cordon_decision decision = decide(fixture, rows[i].name);

        if (decision.blocked != (rows[i].blocked != NULL) || decision.count != rows[i].count) {
            fail_msg("%s: blocked %d, %u matches", rows[i].name, decision.blocked,
                     decision.count);
        }
        if (decision.blocked) {
            const struct cordon_match *match = &decision.matches[decision.block];

            (void)cordon_match_text(fixture->policy, match, text, sizeof(text));
            assert_string_equal(text, rows[i].blocked);
            assert_int_equal(match->action, rows[i].action);
            assert_int_equal(match->mode, CORDON_MODE_ENFORCE);
            assert_int_equal(match->trigger, CORDON_TRIGGER_QNAME);
        }
    }
}

static void a_match_names_list_rule_and_words(void **state)
{
    const struct fixture *fixture = *state;
    const struct cordon_decision decision = decide(fixture, "told.example");
    const struct cordon_match *match = &decision.matches[0];
    struct cordon_rule rule = {.size = sizeof(rule)};
    struct cordon_list_info list = {.size = sizeof(list)};
    char text[128];

    assert_int_equal(match->action, CORDON_ACTION_LOG);
    assert_string_equal(cordon_action_name(match->action), "log");
    assert_int_equal(cordon_match_rule(fixture->policy, match, &rule), 0);
    assert_string_equal(rule.kind, "block");
    assert_string_equal(rule.match, "suffix");
    assert_string_equal(rule.category, "test");
    assert_string_equal(rule.scope, "cdn");
    assert_string_equal(rule.confidence, "low");
    assert_int_equal(cordon_policy_list(fixture->policy, match->list, &list), 0);
    assert_string_equal(list.id, "alpha");
    assert_int_equal(list.serial, 2025112201);
    assert_int_equal(list.mode, CORDON_MODE_ENFORCE);
    assert_int_equal(list.keys, 2);
    assert_int_equal(list.freshness, CORDON_FRESH);
    assert_int_equal(cordon_policy_lists(fixture->policy), 2);
    assert_int_equal(cordon_policy_list(fixture->policy, 2, &list), -ERANGE);
    assert_int_equal(cordon_match_ede(fixture->policy, match, text, sizeof(text)), 21);
    assert_string_equal(text, "test alpha 2025112201");
    assert_int_equal(cordon_match_ede(fixture->policy, match, text, 5), 21); /* cut */
    assert_string_equal(text, "test");
}

static void a_redirect_has_its_target(void **state)
{
    const struct fixture *fixture = *state;
    const struct cordon_decision decision = decide(fixture, "a.go.example");
    struct cordon_name asked, target;
    char text[CORDON_NAME_TEXT_MAX];

    assert_int_equal(cordon_name_from_text("a.go.example", &asked), 0);
    assert_int_equal(cordon_match_redirect(fixture->policy, &decision.matches[decision.block],
                                           &asked, &target),
                     0);
    assert_int_equal(cordon_name_to_text(&target, text), strlen("a.go.example.stop.example"));
    assert_string_equal(text, "a.go.example.stop.example");
    const struct cordon_decision other = decide(fixture, "cloud.example");
    assert_int_equal(
        cordon_match_redirect(fixture->policy, &other.matches[other.block], &asked, &target),
        -ENOENT);
}

static void addresses_are_decided_by_their_prefixes(void **state)
{
    static const uint8_t inside[4] = {192, 0, 2, 9}, outside[4] = {192, 0, 3, 9};
    static const uint8_t translated[16] = {0, 0x64, 0xff, 0x9b, [12] = 192, 0, 2, 9};
    const struct fixture *fixture = *state;
    struct cordon_decision decision = {.size = sizeof(decision)};
    char text[128];

    assert_int_equal(cordon_decide_address(fixture->policy, 4, inside, &decision), 0);
    assert_int_equal(decision.blocked, 1);
    assert_int_equal(decision.matches[0].family, 4);
    assert_int_equal(decision.matches[0].trigger, CORDON_TRIGGER_ADDRESS);
    assert_int_equal(cordon_decide_address(fixture->policy, 6, translated, &decision), 0);
    assert_int_equal(decision.blocked, 1);
    (void)cordon_match_text(fixture->policy, &decision.matches[0], text, sizeof(text));
    assert_string_equal(text, "block prefix 192.0.2.0/24");
    assert_int_equal(cordon_decide_address(fixture->policy, 4, outside, &decision), 0);
    assert_int_equal(decision.blocked, 0);
    assert_int_equal(cordon_decide_address(fixture->policy, 5, inside, &decision),
                     CORDON_E_FORMAT);
    assert_int_equal(cordon_decide_address(fixture->policy, 4, NULL, &decision),
                     CORDON_E_FORMAT);
}

/* An answer to www.shop.example A: an alias to edge.cloud.example, which has 198.51.100.1. */
static const uint8_t answer[] = {
    0x12, 0x34, 0x81, 0x80, 0,   1,   0,    2,   0,   0,   0,   0, /* header */
    3,    'w',  'w',  'w',  4,   's', 'h',  'o', 'p', 7,   'e', 'x', 'a', 'm',  'p', 'l',
    'e',  0,    0,    1,    0,   1,   0xc0, 12,  0,   5,   0,   1,   0,   0,    0,   60,
    0,    13,   4,    'e',  'd', 'g', 'e',  5,   'c', 'l', 'o', 'u', 'd', 0xc0, 21, /* CNAME */
    0xc0, 46,   0,    1,    0,   1,   0,    0,   0,   60,  0,   4,   198, 51,   100, 1, /* A */
};

static void an_answer_is_decided_by_where_it_leads(void **state)
{
    const struct fixture *fixture = *state;
    struct cordon_decision decision = {.size = sizeof(decision)};
    char text[CORDON_NAME_TEXT_MAX];

    assert_int_equal(decide(fixture, "www.shop.example").blocked, 0);
    assert_int_equal(cordon_decide_message(fixture->policy, answer, sizeof(answer), &decision),
                     0);
    assert_int_equal(decision.blocked, 1);
    const struct cordon_match *match = &decision.matches[decision.block];
    assert_int_equal(match->trigger, CORDON_TRIGGER_HOP);
    assert_string_equal(cordon_trigger_name(match->trigger), "hop");
    assert_int_equal(match->hop, 1);
    (void)cordon_name_to_text(&match->name, text);
    assert_string_equal(text, "edge.cloud.example");
}

static void answers_that_are_cut_or_spoiled_are_refused_or_decided(void **state)
{
    const struct fixture *fixture = *state;
    uint8_t octets[sizeof(answer)];

    for (size_t len = 0; len < sizeof(answer); len++) {
        struct cordon_decision decision = {.size = sizeof(decision), .count = 77};
        uint8_t *exact = malloc(len > 0 ? len : 1); /* so that no octet behind is read unseen */

        assert_non_null(exact);
        memcpy(exact, answer, len);
        assert_int_equal(cordon_decide_message(fixture->policy, exact, len, &decision),
                         CORDON_E_FORMAT);
        assert_int_equal(decision.count, 77); /* untouched */
        free(exact);
    }
    for (size_t at = 0; at < sizeof(answer); at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct cordon_decision decision = {.size = sizeof(decision)};

            memcpy(octets, answer, sizeof(answer));
            octets[at] ^= (uint8_t)(1u << bit);
            const int rc =
                cordon_decide_message(fixture->policy, octets, sizeof(octets), &decision);
            assert_true(rc == 0 || rc == CORDON_E_FORMAT);
        }
    }
}

static void what_is_no_name_is_refused(void **state)
{
    static const struct {
        uint8_t octets[8];
        size_t len;
    } rows[] = {
        {{0}, 0},                     /* nothing */
        {{1, 'a'}, 2},                /* no end */
        {{1, 'a', 0, 0}, 4},          /* something behind it */
        {{0xc0, 0}, 2},               /* a pointer */
        {{1, 'a', 0xc0, 0}, 4},       /* a pointer further on */
        {{64, 'a'}, 8},               /* a label of the reserved kind */
        {{7, 'a', 'b', 'c', 'd'}, 5}, /* a label that goes on behind the end */
    };
    const struct fixture *fixture = *state;
    struct cordon_decision decision = {.size = sizeof(decision), .count = 77};
    uint8_t longest[300] = {0};
    struct cordon_name name;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            cordon_decide_name(fixture->policy, rows[i].octets, rows[i].len, &decision),
            CORDON_E_FORMAT);
    }
    for (size_t at = 0; at < 256; at += 2) {
        longest[at] = 1;
        longest[at + 1] = 'a';
    }
    assert_int_equal(cordon_decide_name(fixture->policy, longest, 257, &decision),
                     CORDON_E_FORMAT);
    assert_int_equal(cordon_decide_name(fixture->policy, NULL, 3, &decision), CORDON_E_FORMAT);
    assert_int_equal(decision.count, 77);
    decision.size--;
    assert_int_equal(cordon_decide_name(fixture->policy, longest, 1, &decision), -EINVAL);
    assert_int_equal(cordon_name_from_text("a..b", &name), CORDON_E_FORMAT);
    assert_int_equal(cordon_name_from_text("", &name), CORDON_E_FORMAT);
    assert_int_equal(cordon_name_from_text("\xc3\xbc.example", &name), CORDON_E_FORMAT);
    assert_int_equal(cordon_name_from_text(NULL, &name), CORDON_E_FORMAT);
}

static void matches_of_nobody_are_refused(void **state)
{
    const struct fixture *fixture = *state;
    const struct cordon_decision decision = decide(fixture, "cloud.example");
    struct cordon_rule rule = {.size = sizeof(rule)};
    struct cordon_match rows[5];
    char text[64];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rows[i] = decision.matches[decision.block];
    }
    rows[0].rule[0] = UINT32_MAX; /* no such set */
    rows[1].rule[1] = 0xff;       /* no such row */
    rows[2].list += 256;          /* another list, the same once it is cut to an octet */
    rows[3].name.len = 0;
    rows[4].list = 99;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(cordon_match_rule(fixture->policy, &rows[i], &rule), -EINVAL);
        assert_int_equal(cordon_match_text(fixture->policy, &rows[i], text, sizeof(text)), 0);
    }
    rows[0] = decision.matches[decision.block];
    rows[0].labels = 200; /* more than the name has */
    assert_int_equal(cordon_match_text(fixture->policy, &rows[0], text, sizeof(text)), 0);
    rule.size = 1;
    assert_int_equal(
        cordon_match_rule(fixture->policy, &decision.matches[decision.block], &rule), -EINVAL);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct cordon_policy_options rows[9];
    struct cordon_list_use bad = {"alpha", 3, CORDON_ACTION_DEFAULT};
    struct cordon_list_use redirect = {"alpha", CORDON_MODE_ENFORCE, CORDON_ACTION_REDIRECT};
    struct cordon_policy *policy = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rows[i] = fixture->options;
    }
    rows[0].size = 0;
    rows[1].list_directory = NULL;
    rows[2].lists = NULL;
    rows[3].list_count = 0;
    rows[4].list_count = 129;
    rows[5].key_count = 0;
    rows[6].threshold = 0;
    rows[7].lists = &bad;
    rows[7].list_count = 1;
    rows[8].lists = &redirect;
    rows[8].list_count = 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(cordon_policy_open(&rows[i], &policy, NULL, 0), -EINVAL);
    }
    assert_int_equal(cordon_policy_open(NULL, &policy, NULL, 0), -EINVAL);
    assert_int_equal(cordon_policy_open(&fixture->options, NULL, NULL, 0), -EINVAL);
    assert_null(policy);
}

static void lists_that_do_not_verify_are_refused_with_the_reason(void **state)
{
    struct fixture *fixture = *state;
    struct cordon_policy *policy = NULL;
    char message[1024];

    signed_list_write(fixture->folder, fixture->secret, 1, "gamma", RULE("suffix a.example"));
    fixture->uses[0].id = "gamma";
    assert_int_equal(cordon_policy_open(&fixture->options, &policy, message, sizeof(message)),
                     CORDON_E_THRESHOLD);
    assert_non_null(strstr(message, "gamma.list"));
    assert_null(policy);
    char small[12];
    assert_int_equal(cordon_policy_open(&fixture->options, &policy, small, sizeof(small)),
                     CORDON_E_THRESHOLD);
    assert_non_null(memchr(small, '\0', sizeof(small)));

    fixture->uses[0].id = "nowhere";
    assert_int_equal(cordon_policy_open(&fixture->options, &policy, message, sizeof(message)),
                     -ENOENT);
    fixture->uses[0].id = "beta"; /* twice */
    assert_true(cordon_policy_open(&fixture->options, &policy, message, sizeof(message)) < 0);
    fixture->uses[0].id = "alpha";
    fixture->keys[0] = "no key at all";
    assert_int_equal(cordon_policy_open(&fixture->options, &policy, message, sizeof(message)),
                     CORDON_E_REFUSED);
    assert_null(policy);
}

static void an_old_list_stays_in_force_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct cordon_list_info list = {.size = sizeof(list)};
    char message[1024];

    fixture->options.now_s = CREATED_S + 500 * DAY_S;
    assert_int_equal(
        cordon_policy_open(&fixture->options, &fixture->policy, message, sizeof(message)), 0);
    assert_non_null(strstr(message, "warning: "));
    assert_int_equal(cordon_policy_list(fixture->policy, 0, &list), 0);
    assert_int_equal(list.freshness, CORDON_STALE);
    assert_int_equal(decide(fixture, "cloud.example").blocked, 1);
    list.size = 8;
    assert_int_equal(cordon_policy_list(fixture->policy, 0, &list), -EINVAL);
}

static void *decide_often(void *context)
{
    const struct fixture *fixture = context;

    for (unsigned i = 0; i < 2000; i++) {
        struct cordon_decision decision = {.size = sizeof(decision)};

        if (decide(fixture, "a.cloud.example").blocked != 1 ||
            decide(fixture, "cloud.test").blocked != 0 ||
            cordon_decide_message(fixture->policy, answer, sizeof(answer), &decision) != 0 ||
            decision.blocked != 1) {
            return context;
        }
    }
    return NULL;
}

static void threads_decide_at_once(void **state)
{
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, decide_often, *state), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

/* --- why --- */

struct told {
    const struct cordon_policy *policy;
    char words[2048];
    int stop_after; /* 0: never */
};

static int tell(void *context, const struct cordon_finding *finding)
{
    struct told *told = context;
    const size_t used = strlen(told->words);
    char rule[CORDON_NAME_TEXT_MAX + 48];
    struct cordon_list_info list = {.size = sizeof(list)};

    assert_int_equal(finding->size, sizeof(*finding));
    assert_string_equal(finding->fate_name, cordon_fate_name(finding->fate));
    assert_true(strlen(finding->words) > 10);
    (void)cordon_match_text(told->policy, &finding->match, rule, sizeof(rule));
    assert_int_equal(cordon_policy_list(told->policy, finding->match.list, &list), 0);
    snprintf(told->words + used, sizeof(told->words) - used, "%s %s of %s: %s; ",
             cordon_trigger_name(finding->match.trigger), rule, list.id, finding->fate_name);
    return --told->stop_after == 0 ? 7 : 0;
}

static void assert_explained(const struct fixture *fixture, int family, const uint8_t *client,
                             const char *text, const char *expected)
{
    struct told told = {.policy = fixture->policy, .words = ""};
    struct cordon_name name;

    assert_int_equal(cordon_name_from_text(text, &name), 0);
    assert_int_equal(cordon_explain_name(fixture->policy, family, client, name.octets, name.len,
                                         tell, &told),
                     0);
    assert_string_equal(told.words, expected);
}

static void every_rule_is_explained(void **state)
{
    static const uint8_t inside[] = {192, 0, 2, 9};
    static const uint8_t client[] = {10, 9, 8, 7};
    static const uint8_t elsewhere[] = {10, 0, 0, 7};
    const struct fixture *fixture = *state;
    struct told told = {.policy = fixture->policy, .words = ""};

    assert_explained(fixture, 0, NULL, "nothing.example", "");
    assert_explained(fixture, 0, NULL, "x.free.cloud.example",
                     "qname pass suffix free.cloud.example of alpha: wins; "
                     "qname block suffix cloud.example of alpha: longer-match; "
                     "qname block suffix cloud.example of beta: recorded; ");
    assert_explained(fixture, 4, elsewhere, "only.example",
                     "qname block exact only.example of alpha: wins; ");
    /* a client's rule comes first, and ends it */
    assert_explained(fixture, 4, client, "only.example",
                     "client block prefix 10.9.0.0/16 trigger=client of alpha: wins; "
                     "qname block exact only.example of alpha: not-asked; ");
    /* an address, and an answer */
    assert_int_equal(cordon_explain_address(fixture->policy, 4, inside, tell, &told), 0);
    assert_string_equal(told.words, "address block prefix 192.0.2.0/24 of alpha: wins; ");
    told.words[0] = '\0';
    assert_int_equal(
        cordon_explain_message(fixture->policy, 0, NULL, answer, sizeof(answer), tell, &told),
        0);
    assert_string_equal(told.words, "hop block suffix cloud.example of alpha: wins; "
                                    "hop block suffix cloud.example of beta: recorded; ");
    /* whoever tells may end it */
    told.words[0] = '\0';
    told.stop_after = 1;
    assert_int_equal(
        cordon_explain_message(fixture->policy, 0, NULL, answer, sizeof(answer), tell, &told),
        7);
    assert_string_equal(told.words, "hop block suffix cloud.example of alpha: wins; ");
}

static void clients_are_decided_first(void **state)
{
    static const uint8_t client[] = {10, 9, 8, 7};
    static const uint8_t elsewhere[] = {10, 0, 0, 7};
    const struct fixture *fixture = *state;
    struct cordon_decision decision = {.size = sizeof(decision)};
    struct cordon_name name;

    assert_int_equal(cordon_name_from_text("free.example", &name), 0);
    assert_int_equal(
        cordon_decide_name_for(fixture->policy, 4, client, name.octets, name.len, &decision),
        0);
    assert_int_equal(decision.blocked, 1);
    assert_int_equal(decision.matches[0].trigger, CORDON_TRIGGER_CLIENT);
    assert_int_equal(
        cordon_decide_name_for(fixture->policy, 4, elsewhere, name.octets, name.len, &decision),
        0);
    assert_int_equal(decision.blocked, 0);
    assert_int_equal(cordon_decide_message_for(fixture->policy, 4, client, answer,
                                               sizeof(answer), &decision),
                     0);
    assert_int_equal(decision.matches[decision.block].trigger, CORDON_TRIGGER_CLIENT);
    assert_int_equal(cordon_decide_message_for(fixture->policy, 4, elsewhere, answer,
                                               sizeof(answer), &decision),
                     0);
    assert_int_equal(decision.matches[decision.block].trigger, CORDON_TRIGGER_HOP);
    /* no client of that family, or none at all where one is named */
    assert_int_equal(
        cordon_decide_name_for(fixture->policy, 5, client, name.octets, name.len, &decision),
        CORDON_E_FORMAT);
    assert_int_equal(
        cordon_decide_name_for(fixture->policy, 6, NULL, name.octets, name.len, &decision),
        CORDON_E_FORMAT);
}

static void explanations_of_nothing_are_refused(void **state)
{
    static const uint8_t client[] = {10, 9, 8, 7};
    static const uint8_t name[] = {1, 'a', 0};
    const struct fixture *fixture = *state;
    const struct cordon_policy *policy = fixture->policy;
    struct told told = {.policy = policy, .words = ""};

    assert_int_equal(cordon_explain_name(policy, 0, NULL, name, 3, NULL, NULL), -EINVAL);
    assert_int_equal(cordon_explain_name(policy, 0, NULL, name, 2, tell, &told),
                     CORDON_E_FORMAT);
    assert_int_equal(cordon_explain_name(policy, 0, NULL, NULL, 0, tell, &told),
                     CORDON_E_FORMAT);
    assert_int_equal(cordon_explain_name(policy, 7, client, name, 3, tell, &told),
                     CORDON_E_FORMAT);
    assert_int_equal(cordon_explain_address(policy, 0, client, tell, &told), CORDON_E_FORMAT);
    assert_int_equal(cordon_explain_address(policy, 4, NULL, tell, &told), CORDON_E_FORMAT);
    assert_int_equal(cordon_explain_address(policy, 4, client, NULL, NULL), -EINVAL);
    assert_int_equal(
        cordon_explain_message(policy, 0, NULL, answer, sizeof(answer), NULL, NULL), -EINVAL);
    for (size_t len = 0; len < sizeof(answer); len++) {
        assert_int_equal(cordon_explain_message(policy, 0, NULL, answer, len, tell, &told),
                         CORDON_E_FORMAT);
    }
    assert_string_equal(told.words, "");
    assert_null(cordon_fate_name(0));
    assert_null(cordon_fate_name(-1));
    assert_null(cordon_fate_name(99));
    assert_string_equal(cordon_fate_name(CORDON_FATE_NOT_ASKED), "not-asked");
}

static void the_legal_basis_is_there_in_full(void **state)
{
    const struct fixture *fixture = *state;
    struct cordon_fact fact = {.size = sizeof(fact)};
    char words[512];

    assert_int_equal(cordon_list_facts(fixture->policy, 0), 2);
    assert_int_equal(cordon_list_facts(fixture->policy, 1), 0);
    assert_int_equal(cordon_list_facts(fixture->policy, 99), 0);
    assert_int_equal(cordon_list_fact(fixture->policy, 0, 0, &fact), 0);
    assert_string_equal(fact.fact_class, "parent-designated");
    assert_string_equal(fact.entity, "Owner Ltd.");
    assert_string_equal(fact.state, "in-force");
    assert_string_equal(fact.note, "");
    assert_int_equal(cordon_list_fact(fixture->policy, 0, 2, &fact), -ERANGE);
    assert_int_equal(cordon_list_fact(fixture->policy, 1, 0, &fact), -ERANGE);
    fact.size = 1;
    assert_int_equal(cordon_list_fact(fixture->policy, 0, 0, &fact), -EINVAL);
    const size_t len = cordon_list_fact_text(fixture->policy, 0, 0, words, sizeof(words));
    assert_int_equal(len, strlen(words));
    assert_string_equal(words,
                        "Owner Ltd., which owns Test, is designated by Authority, "
                        "Instrument (1 X 2); the status is the owner's, not that of Test");
    assert_int_equal(cordon_list_fact_text(fixture->policy, 0, 1, words, 10), 56);
    assert_string_equal(words, "No listin");
    assert_int_equal(cordon_list_fact_text(fixture->policy, 0, 2, words, sizeof(words)), 0);
}

/* AddressSanitizer's own way of telling; other builds have none. */
extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *,
                                                                       size_t),
                                                     void (*on_free)(const volatile void *))
    __attribute__((weak));

static _Atomic uint64_t allocations;

static void on_malloc(const volatile void *at, size_t size)
{
    (void)at;
    (void)size;
    atomic_fetch_add(&allocations, 1);
}

static void on_free(const volatile void *at)
{
    (void)at;
}

static int count_rules(void *context, const struct cordon_finding *finding)
{
    (void)finding;
    ++*(unsigned *)context;
    return 0;
}

static void decisions_allocate_nothing(void **state)
{
    unsigned rules = 0;
    char text[CORDON_NAME_TEXT_MAX + 32];
    const struct fixture *fixture = *state;

    if (__sanitizer_install_malloc_and_free_hooks == NULL ||
        __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) == 0) {
        skip();
    }
    free(malloc(1));
    assert_true(atomic_load(&allocations) > 0); /* the hook works */
    const uint64_t before = atomic_load(&allocations);
    assert_null(decide_often(*state));
    const struct cordon_decision decision = decide(fixture, "a.cloud.example");
    (void)cordon_match_text(fixture->policy, &decision.matches[0], text, sizeof(text));
    (void)cordon_match_ede(fixture->policy, &decision.matches[0], text, sizeof(text));
    (void)cordon_list_fact_text(fixture->policy, 0, 0, text, sizeof(text));
    assert_int_equal(cordon_explain_message(fixture->policy, 0, NULL, answer, sizeof(answer),
                                            count_rules, &rules),
                     0);
    assert_int_equal(rules, 2);
    assert_int_equal(atomic_load(&allocations), before);
}

static void versions_and_words_are_there(void **state)
{
    (void)state;
    assert_string_equal(cordon_version(), CORDON_VERSION); /* of the project */
    assert_string_equal(cordon_strerror(CORDON_E_THRESHOLD),
                        "fewer distinct trusted keys have signed than are needed");
    assert_null(cordon_action_name(CORDON_ACTION_DEFAULT));
    assert_null(cordon_action_name(-1));
    assert_null(cordon_action_name(99));
    assert_null(cordon_trigger_name(0));
    assert_null(cordon_trigger_name(99));
    assert_null(cordon_mode_name(3));
    assert_string_equal(cordon_mode_name(CORDON_MODE_OFF), "off");
    cordon_policy_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_decided_by_the_lists, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(a_match_names_list_rule_and_words, set_up_open,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_redirect_has_its_target, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(addresses_are_decided_by_their_prefixes, set_up_open,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_answer_is_decided_by_where_it_leads, set_up_open,
                                        tear_down),
        cmocka_unit_test_setup_teardown(answers_that_are_cut_or_spoiled_are_refused_or_decided,
                                        set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_name_is_refused, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(matches_of_nobody_are_refused, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(options_that_make_no_sense_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lists_that_do_not_verify_are_refused_with_the_reason,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_list_stays_in_force_and_says_so, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_rule_is_explained, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(clients_are_decided_first, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(explanations_of_nothing_are_refused, set_up_open,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_legal_basis_is_there_in_full, set_up_open,
                                        tear_down),
        cmocka_unit_test_setup_teardown(threads_decide_at_once, set_up_open, tear_down),
        cmocka_unit_test_setup_teardown(decisions_allocate_nothing, set_up_open, tear_down),
        cmocka_unit_test(versions_and_words_are_there),
    };
    return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
