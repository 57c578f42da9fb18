/* audit/json: lines as docs/events.md has them, octet for octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/change.h"
#include "audit/event_row.h"
#include "audit/make.h"
#include "audit/same.h"
#include "audit/stencil.h"
#include "audit/vary.h"

#include <stdlib.h>

/* What stands between the action and the rule on every line of this list. */
#define UNCHANGED                                                                            \
    "\"paused\":false,\"exception\":null,\"ticket\":null,\"exception_id\":null,\"licence\":" \
    "null,\"approver\":null,"
#define LIST                                                                                \
    "\"provider\":\"example-cloud\",\"provider_name\":\"Example Cloud \\\"EC\\\"\","        \
    "\"parent_name\":\"Example Group\",\"status_class\":\"parent-designated\","             \
    "\"status_entity\":\"Example Group Co., Ltd.\","                                        \
    "\"status_authority\":\"Authority of Examples\",\"status_citation\":\"1 Ex. Reg. 23\"," \
    "\"status_effective\":\"2025-01-07\",\"status_state\":\"in-force\","                    \
    "\"status_checked\":\"2026-11-01\",\"list\":\"example-cloud\",\"serial\":2026112201,"   \
    "\"stage\":null,"
#define WORDS "\"category\":\"object-storage\",\"scope\":\"cloud\",\"confidence\":\"high\","

static void assert_line(const struct audit_event *event, const struct policy *policy,
                        const char *want)
{
    char have[AUDIT_LINE_MAX];
    const size_t len = audit_event_json(event, policy, "default", NULL, 7, have, sizeof(have));

    assert_int_equal(len, strlen(have));
    assert_string_equal(have, want);

    static struct audit_event_words words;
    struct audit_row row;
    assert_true(audit_event_row(event, policy, "default", NULL, &words, &row));
    assert_same(&row, want, 7, "\"id\":");

    /* The same where what the list says is kept, the first time and after. */
    struct audit_list_words *lists = audit_list_words_create();
    assert_non_null(lists);
    for (unsigned i = 0; i < 2; i++) {
        memset(have, 0, sizeof(have));
        assert_int_equal(
            audit_event_json(event, policy, "default", lists, 7, have, sizeof(have)), len);
        assert_string_equal(have, want);
        assert_true(audit_event_row(event, policy, "default", lists, &words, &row));
        assert_same(&row, want, 7, "\"id\":");
    }
    audit_list_words_destroy(lists);

    /* By a stencil: made, and filled in. */
    struct audit_stencils *stencils = audit_stencils_create();
    assert_non_null(stencils);
    for (unsigned i = 0; i < 2; i++) {
        memset(have, 0xff, sizeof(have));
        assert_int_equal(audit_stencils_line(stencils, event, policy, "default", NULL, 7, have,
                                             sizeof(have)),
                         len);
        assert_string_equal(have, want);
    }
    audit_stencils_destroy(stencils);
}

/* Lists are numbered by image: what is kept of one policy says nothing about the next. */
static void what_is_kept_of_a_list_is_that_of_the_policy(void **state)
{
    struct policy *policies[] = {make_policy("", rules, 1, false),
                                 make_policy(make_fact, rules, 2, false)};
    struct audit_list_words *lists = audit_list_words_create();

    (void)state;
    assert_non_null(lists);
    for (unsigned i = 0; i < 4; i++) {
        const struct policy *policy = policies[i % 2];
        const struct policy_hit hit =
            make_hit(policy, "oss.cloud.example", 0, POLICY_TRIGGER_QNAME);
        const struct audit_event event = event_on("oss.cloud.example", &hit);
        char have[AUDIT_LINE_MAX];
        char want[AUDIT_LINE_MAX];
        const size_t len =
            audit_event_json(&event, policy, "default", NULL, 7, want, sizeof(want));

        assert_true(len > 0);
        assert_int_equal(
            audit_event_json(&event, policy, "default", lists, 7, have, sizeof(have)), len);
        assert_string_equal(have, want);
        assert_int_equal(strstr(have, "parent-designated") != NULL, i % 2 == 1);
    }
    assert_null(audit_list_words_of(lists, policies[0], 1)); /* it has one list */
    assert_null(audit_list_words_of(lists, policies[0], SIZE_MAX));
    assert_null(audit_list_words_of(NULL, policies[0], 0));
    audit_list_words_destroy(lists);
    policy_destroy(policies[0]);
    policy_destroy(policies[1]);
}

static void a_blocked_question_has_every_field(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, false);
    const struct policy_hit hit =
        make_hit(policy, "oss.cloud.example", 0, POLICY_TRIGGER_QNAME);
    const struct audit_event event = event_on("oss.cloud.example", &hit);

    (void)state;
    assert_line(&event, policy,
                "{\"v\":1,\"event\":\"decision\",\"seq\":7,"
                "\"time\":\"2026-11-22T09:30:00.123456Z\",\"client\":\"192.0.2.77\","
                "\"client_port\":40001,\"transport\":\"udp\",\"view\":\"default\","
                "\"name\":\"oss.cloud.example\",\"type\":\"A\",\"action\":\"sinkhole\","
                "\"redirect\":null,\"mode\":\"enforce\",\"applied\":true," UNCHANGED LIST
                "\"rule\":\"block suffix cloud.example\"," WORDS
                "\"trigger\":\"qname\",\"matched\":\"oss.cloud.example\",\"hop\":0,"
                "\"chain\":[],\"upstream\":null,\"cached\":false,\"stale\":false,"
                "\"rcode\":\"NOERROR\","
                "\"latency_us\":345,\"ede\":\"example-cloud example-cloud 2026112201\"}\n");
    policy_destroy(policy);
}

static void a_hop_in_log_mode_shows_its_chain_and_upstream(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, true);
    const struct policy_hit hit = make_hit(policy, "a.edge.example", 2, POLICY_TRIGGER_HOP);
    struct audit_event event = event_on("www.shop.example", &hit);

    (void)state;
    event.client = make_address("2001:db8::7@53999");
    event.who.address = make_address("2001:db8::7");
    event.type = 65;
    event.transport = AUDIT_TCP;
    event.applied = false;
    event.cached = AUDIT_CACHED_STALE;
    event.rcode = 3;
    event.upstream = make_address("2001:db8::53@53");
    event.chain.count = 3;
    event.chain.names[0] = event.name;
    event.chain.names[1] = make_name("shop.cdn.example");
    event.chain.names[2] = make_name("a.edge.example");
    assert_line(&event, policy,
                "{\"v\":1,\"event\":\"decision\",\"seq\":7,"
                "\"time\":\"2026-11-22T09:30:00.123456Z\",\"client\":\"2001:db8::7\","
                "\"client_port\":53999,\"transport\":\"tcp\",\"view\":\"default\","
                "\"name\":\"www.shop.example\",\"type\":\"HTTPS\",\"action\":\"nxdomain\","
                "\"redirect\":null,\"mode\":\"log\",\"applied\":false," UNCHANGED LIST
                "\"rule\":\"block below edge.example\"," WORDS
                "\"trigger\":\"hop\",\"matched\":\"a.edge.example\",\"hop\":2,"
                "\"chain\":[\"www.shop.example\",\"shop.cdn.example\",\"a.edge.example\"],"
                "\"upstream\":\"2001:db8::53@53\",\"cached\":true,\"stale\":true,"
                "\"rcode\":\"NXDOMAIN\","
                "\"latency_us\":345,\"ede\":\"example-cloud example-cloud 2026112201\"}\n");
    policy_destroy(policy);
}

static void assert_holds(const struct audit_event *event, const struct policy *policy,
                         const char *part)
{
    char line[AUDIT_LINE_MAX];

    assert_true(audit_event_json(event, policy, "default", NULL, 1, line, sizeof(line)) > 0);
    if (strstr(line, part) == NULL) {
        fail_msg("no %s in %s", part, line);
    }
}

static void an_address_names_its_prefix(void **state)
{
    struct policy *policy = make_policy("", rules, 1, false);
    const struct wire_name owner = make_name("www.shop.example");
    struct address address = make_address("203.0.113.9");
    struct policy_outcome outcome;

    (void)state;
    policy_decide_address(policy, 0, POLICY_TRIGGER_ADDRESS, 1, &owner, &address, &outcome);
    assert_true(outcome.enforced);
    struct audit_event event = event_on("www.shop.example", &outcome.hit);
    assert_holds(&event, policy,
                 "\"rule\":\"block prefix 203.0.112.0/23\"," WORDS
                 "\"trigger\":\"address\",\"matched\":\"203.0.113.9\",\"hop\":1,");

    address = make_address("2001:db8:ffff::9");
    policy_decide_address(policy, 0, POLICY_TRIGGER_ADDRESS, 0, &owner, &address, &outcome);
    assert_true(outcome.enforced);
    event = event_on("www.shop.example", &outcome.hit);
    assert_holds(&event, policy, "\"rule\":\"block prefix 2001:db8:8000::/33\",");
    assert_holds(&event, policy, "\"matched\":\"2001:db8:ffff::9\",");

    /* IPv6 on the way, an IPv4 host at the end: the list's prefix, and the answer's address */
    address = make_address("64:ff9b::203.0.113.9");
    policy_decide_address(policy, 0, POLICY_TRIGGER_ADDRESS, 0, &owner, &address, &outcome);
    assert_true(outcome.enforced);
    event = event_on("www.shop.example", &outcome.hit);
    assert_holds(&event, policy, "\"rule\":\"block prefix 203.0.112.0/23\",");
    assert_holds(&event, policy, "\"matched\":\"64:ff9b::cb00:7109\",");
    policy_destroy(policy);
}

static void a_redirect_names_its_target(void **state)
{
    struct policy *policy = make_policy("", rules, 1, false);
    const struct policy_hit hit = make_hit(policy, "go.example", 0, POLICY_TRIGGER_QNAME);
    const struct audit_event event = event_on("go.example", &hit);

    (void)state;
    assert_holds(&event, policy,
                 "\"action\":\"redirect\",\"redirect\":\"go.example.blocked.test\",");
    assert_holds(&event, policy, "\"rule\":\"block exact go.example\",");
    policy_destroy(policy);
}

static void a_list_without_facts_says_null(void **state)
{
    struct policy *policy = make_policy("", rules, 1, false);
    const struct policy_hit hit = make_hit(policy, "cloud.example", 0, POLICY_TRIGGER_QNAME);
    const struct audit_event event = event_on("cloud.example", &hit);

    (void)state;
    assert_holds(&event, policy,
                 "\"status_class\":null,\"status_entity\":null,\"status_authority\":null,"
                 "\"status_citation\":null,\"status_effective\":null,\"status_state\":null,"
                 "\"status_checked\":null,");
    policy_destroy(policy);
}

static void strange_names_stay_one_line_of_ascii(void **state)
{
    struct policy *policy = make_policy("", rules, 1, false);
    const char name[] = "a\\010b\\\"\\000\\255.cloud.example";
    const struct policy_hit hit = make_hit(policy, name, 0, POLICY_TRIGGER_QNAME);
    const struct audit_event event = event_on(name, &hit);
    char line[AUDIT_LINE_MAX];

    (void)state;
    const size_t len = audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line));
    assert_true(len > 0 && strchr(line, '\n') == line + len - 1);
    for (size_t i = 0; i + 1 < len; i++) {
        assert_in_range(line[i], 0x20, 0x7e);
    }
    /* The escapes of names (RFC 4343), each backslash escaped once more by JSON. */
    assert_holds(&event, policy, "\"name\":\"a\\\\010b\\\\\\\"\\\\000\\\\255.cloud.example\"");
    policy_destroy(policy);
}

static void a_line_is_the_same_by_a_stencil(void **state)
{
    struct policy *policies[] = {make_policy(make_fact, rules, 1, false),
                                 make_policy("", rules, 2, true)};
    struct audit_stencils *stencils = audit_stencils_create();
    struct audit_list_words *lists = audit_list_words_create();
    char have[AUDIT_LINE_MAX];
    char want[AUDIT_LINE_MAX];
    static struct audit_event event;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        const struct policy *policy = policies[i / 50 % 2];
        const char *const view = i % 1000 < 500 ? "default" : "other";

        vary(&event, policy, i);
        const size_t len = audit_event_json(&event, policy, view, NULL, i, want, sizeof(want));
        assert_true(len > 0);
        memset(have, 0xff, len + 1);
        assert_int_equal(
            audit_stencils_line(stencils, &event, policy, view, lists, i, have, sizeof(have)),
            len);
        assert_string_equal(have, want);
    }
    /* What has no line has none by a stencil either, and too little room is none. */
    event.hit.labels = 99;
    assert_int_equal(audit_stencils_line(stencils, &event, policies[1], "other", lists, 1, have,
                                         sizeof(have)),
                     0);
    vary(&event, policies[1], 1);
    assert_int_equal(
        audit_stencils_line(stencils, &event, policies[1], NULL, lists, 1, have, sizeof(have)),
        0);
    assert_int_equal(
        audit_stencils_line(stencils, &event, policies[1], "other", lists, 1, have, 100), 0);
    event.view = 9;
    assert_int_equal(audit_stencils_line(stencils, &event, policies[1], "other", lists, 1, have,
                                         sizeof(have)),
                     0);
    audit_list_words_destroy(lists);
    audit_stencils_destroy(stencils);
    policy_destroy(policies[0]);
    policy_destroy(policies[1]);
}

static void the_longest_line_fits(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, false);
    struct policy_hit hit =
        make_hit(policy, "cloud.example", POLICY_HOPS_MAX, POLICY_TRIGGER_HOP);
    struct wire_name worst = {.labels = 6};
    char *line = malloc(AUDIT_LINE_MAX);
    uint8_t wire[WIRE_NAME_MAX];
    size_t used = 0;

    (void)state;
    /* Labels of octets that need four characters each, above the listed suffix. */
    static const uint8_t lengths[] = {63, 63, 63, 47};
    for (size_t i = 0; i < 4; i++) {
        wire[used++] = lengths[i];
        memset(wire + used, 0, lengths[i]);
        used += lengths[i];
    }
    memcpy(wire + used, "\5cloud\7example", 15);
    used += 15;
    size_t at = 0;
    assert_int_equal(used, 255);
    assert_int_equal(wire_name_read(wire, used, &at, &worst), WIRE_OK);
    hit.name = worst;
    struct audit_event event = event_on("cloud.example", &hit);
    event.name = worst;
    event.chain.count = POLICY_HOPS_MAX + 1;
    for (size_t i = 0; i <= POLICY_HOPS_MAX; i++) {
        event.chain.names[i] = worst;
    }
    assert_non_null(line);
    const size_t len =
        audit_event_json(&event, policy, "default", NULL, 1, line, AUDIT_LINE_MAX);
    assert_true(len > (size_t)(POLICY_HOPS_MAX + 3) * 236 * 5 && len < AUDIT_LINE_MAX);
    assert_int_equal(line[len - 1], '\n');
    /* One octet less than it needs, terminator included: nothing. */
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, len), 0);
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, len + 1), len);
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, 0), 0);
    free(line);
    policy_destroy(policy);
}

static void hits_that_no_rule_explains_have_no_line(void **state)
{
    struct policy *policy = make_policy("", rules, 1, false);
    const struct policy_hit good = make_hit(policy, "cloud.example", 0, POLICY_TRIGGER_QNAME);
    struct audit_event event = event_on("cloud.example", &good);
    char line[AUDIT_LINE_MAX];

    (void)state;
    assert_true(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)) > 0);
    event.hit.set = 1000000; /* no such set */
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)),
                     0);
    event.hit = good;
    event.hit.row = 200; /* no such row of the set */
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)),
                     0);
    event.hit = good;
    event.hit.labels = 3; /* more than the name has */
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)),
                     0);
    event.hit = good;
    event.hit.kind = POLICY_PASS; /* another rule than the one of that row */
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)),
                     0);
    event.hit = good;
    event.hit.trigger = POLICY_TRIGGER_ADDRESS; /* without an address */
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)),
                     0);
    event.hit.address = make_address("192.0.2.1");
    assert_int_equal(audit_event_json(&event, policy, NULL, NULL, 1, line, sizeof(line)), 0);
    event.hit.labels = 33; /* bits that IPv4 does not have */
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)),
                     0);
    policy_destroy(policy);
}

/* Reads a file of docs/ whole. */
static char *read_page(const char *path)
{
    char *text = malloc(65536);
    FILE *in = fopen(path, "r");

    assert_non_null(text);
    assert_non_null(in);
    text[fread(text, 1, 65535, in)] = '\0';
    fclose(in);
    return text;
}

/* Each key of the line, with what a page has before and behind it. */
static void assert_keys(const char *line, const char *page, const char *before,
                        const char *behind, unsigned expected)
{
    unsigned keys = 0;

    for (const char *at = line; (at = strstr(at, "\":")) != NULL; at += 2) {
        const char *start = at;
        char wanted[80];

        while (start[-1] != '"') {
            start--;
        }
        snprintf(wanted, sizeof(wanted), "%s%.*s%s", before, (int)(at - start), start, behind);
        if (strstr(page, wanted) == NULL) {
            fail_msg("%s is not in the page", wanted);
        }
        keys++;
    }
    assert_int_equal(keys, expected);
}

/* A policy of these rules with a pause or an exception, and what it says of a name. */
static void assert_changed(const struct policy_changes *changes, const char *name,
                           const char *part)
{
    struct policy *base = make_policy(make_fact, rules, 1, false);
    struct policy *policy = NULL;

    assert_int_equal(policy_derive(base, changes, 2, &policy), 0);
    const struct policy_hit hit = make_hit(policy, name, 0, POLICY_TRIGGER_QNAME);
    struct audit_event event = event_on(name, &hit);
    event.applied = false;
    assert_holds(&event, policy, part);
    policy_destroy(policy);
    policy_destroy(base);
}

static void what_people_changed_is_in_the_line(void **state)
{
    const char *const ids[] = {"other", "example-cloud"};
    const struct policy_exception exception = {.name = make_name("cloud.example"),
                                               .view = POLICY_ANY_VIEW,
                                               .ticket = "HD-\"7\"",
                                               .id = "x-1",
                                               .licence = "GL 1"};

    (void)state;
    assert_changed(&(struct policy_changes){.pause_all = true}, "a.cloud.example",
                   "\"mode\":\"log\",\"applied\":false,\"paused\":true,\"exception\":null,"
                   "\"ticket\":null,");
    assert_changed(&(struct policy_changes){.paused = ids, .paused_count = 2},
                   "a.cloud.example", "\"paused\":true,");
    assert_changed(&(struct policy_changes){.paused = ids, .paused_count = 1},
                   "a.cloud.example",
                   "\"mode\":\"enforce\",\"applied\":false,\"paused\":false,");
    assert_changed(
        &(struct policy_changes){.exceptions = &exception, .exception_count = 1},
        "a.cloud.example",
        "\"action\":\"pass\",\"redirect\":null,\"mode\":\"enforce\",\"applied\":false,"
        "\"paused\":false,\"exception\":\"cloud.example\",\"ticket\":\"HD-\\\"7\\\"\","
        "\"exception_id\":\"x-1\",\"licence\":\"GL 1\",\"approver\":null,");
}

static void an_exception_that_the_policy_does_not_have_has_no_line(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, false);
    struct policy_hit hit = make_hit(policy, "cloud.example", 0, POLICY_TRIGGER_QNAME);
    char line[AUDIT_LINE_MAX];

    (void)state;
    hit.exception = 1;
    const struct audit_event event = event_on("cloud.example", &hit);
    assert_int_equal(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)),
                     0);
    policy_destroy(policy);
}

/* A policy of two views without lists; both deny. */
static struct policy *denying_policy(bool log_only)
{
    const struct wire_name wall = make_name("wall.example");
    const struct policy_view_setting views[] = {
        {.name = "default", .deny = true, .log_only = log_only},
        {.name = "tills", .deny = true, .action = POLICY_ACTION_REDIRECT, .redirect = wall}};
    struct policy_image *image = NULL;
    struct policy *policy = NULL;

    assert_int_equal(policy_image_build(NULL, 0, &image), 0);
    assert_int_equal(policy_create(image, views, 2, 1, NULL, &policy), 0);
    return policy;
}

/* Nothing in the line could be taken for the word of a list. */
static void a_denial_by_default_names_no_list(void **state)
{
    struct policy *policy = denying_policy(false);
    const struct wire_name name = make_name("www.example.net");
    static const char *const words[] = {"provider", "list",   "serial", "rule",   "status",
                                        "category", "parent", "scope",  "trigger"};
    struct policy_outcome out;
    char line[AUDIT_LINE_MAX];

    (void)state;
    policy_decide_question(policy, 0, &name, &out);
    assert_true(out.denied);
    struct audit_event event = event_on("www.example.net", &out.hit);
    assert_line(&event, policy,
                "{\"v\":1,\"event\":\"default-deny\",\"seq\":7,"
                "\"time\":\"2026-11-22T09:30:00.123456Z\",\"client\":\"192.0.2.77\","
                "\"client_port\":40001,\"transport\":\"udp\",\"view\":\"default\","
                "\"name\":\"www.example.net\",\"type\":\"A\",\"action\":\"sinkhole\","
                "\"redirect\":null,\"mode\":\"enforce\",\"applied\":true,\"paused\":false,"
                "\"exception\":null,\"ticket\":null,\"exception_id\":null,\"licence\":null,"
                "\"approver\":null,\"upstream\":null,\"cached\":false,\"stale\":false,"
                "\"rcode\":\"NOERROR\",\"latency_us\":345,\"ede\":\"default deny: no allowed "
                "name, view default\"}\n");
    assert_true(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)) > 0);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char key[32];

        snprintf(key, sizeof(key), "\"%s", words[i]);
        assert_null(strstr(line, key));
    }
    /* another view redirects; a third one there is not */
    policy_decide_question(policy, 1, &name, &out);
    event = event_on("www.example.net", &out.hit);
    event.view = 1;
    assert_holds(&event, policy, "\"action\":\"redirect\",\"redirect\":\"wall.example\"");
    event.view = 2;
    assert_int_equal(audit_event_json(&event, policy, "x", NULL, 1, line, sizeof(line)), 0);
    policy_destroy(policy);
}

/* Nor is what the operator says of clients. */
static void a_denied_client_is_the_operator_s_word(void **state)
{
    const struct policy_view_setting view = {
        .name = "default", .client = POLICY_CLIENT_BLOCK, .action = POLICY_ACTION_REFUSED};
    const struct address client = {.octets = {192, 0, 2, 77}, .family = ADDRESS_V4};
    struct policy_image *image = NULL;
    struct policy *policy = NULL, *paused = NULL;
    struct policy_outcome out;
    char line[AUDIT_LINE_MAX];

    (void)state;
    assert_int_equal(policy_image_build(NULL, 0, &image), 0);
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), 0);
    policy_decide_client(policy, 0, &client, &out);
    struct audit_event event = event_on("www.example.net", &out.hit);
    assert_line(&event, policy,
                "{\"v\":1,\"event\":\"client-deny\",\"seq\":7,"
                "\"time\":\"2026-11-22T09:30:00.123456Z\",\"client\":\"192.0.2.77\","
                "\"client_port\":40001,\"transport\":\"udp\",\"view\":\"default\","
                "\"name\":\"www.example.net\",\"type\":\"A\",\"action\":\"refused\","
                "\"redirect\":null,\"mode\":\"enforce\",\"applied\":true,\"paused\":false,"
                "\"exception\":null,\"ticket\":null,\"exception_id\":null,\"licence\":null,"
                "\"approver\":null,\"upstream\":null,\"cached\":false,\"stale\":false,"
                "\"rcode\":\"NOERROR\",\"latency_us\":345,\"ede\":\"client denied, "
                "view default\"}\n");
    const struct policy_changes pause = {.pause_all = true};
    assert_int_equal(policy_derive(policy, &pause, 2, &paused), 0);
    policy_decide_client(paused, 0, &client, &out);
    event = event_on("www.example.net", &out.hit);
    event.applied = false;
    assert_true(audit_event_json(&event, paused, "default", NULL, 1, line, sizeof(line)) > 0);
    assert_non_null(strstr(line, "\"mode\":\"log\",\"applied\":false,\"paused\":true,"));
    policy_destroy(paused);
    policy_destroy(policy);
}

static void a_denial_in_log_mode_or_under_a_pause_says_so(void **state)
{
    struct policy *policy = denying_policy(true);
    const struct wire_name name = make_name("www.example.net");
    const struct policy_changes pause = {.pause_all = true};
    struct policy *paused = NULL;
    struct policy_outcome out;

    (void)state;
    policy_decide_question(policy, 0, &name, &out);
    struct audit_event event = event_on("www.example.net", &out.hit);
    event.applied = false;
    assert_holds(&event, policy, "\"mode\":\"log\",\"applied\":false,\"paused\":false,");
    assert_int_equal(policy_derive(policy, &pause, 2, &paused), 0);
    policy_decide_question(paused, 1, &name, &out);
    event = event_on("www.example.net", &out.hit);
    event.view = 1;
    event.applied = false;
    assert_holds(&event, paused, "\"mode\":\"log\",\"applied\":false,\"paused\":true,");
    policy_destroy(paused);
    policy_destroy(policy);
}

static void every_field_is_in_the_schema_and_on_the_page(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, false);
    const struct policy_hit hit = make_hit(policy, "cloud.example", 0, POLICY_TRIGGER_QNAME);
    const struct audit_event event = event_on("cloud.example", &hit);
    char *schema = read_page(CORDON_TEST_ROOT "/docs/events.schema.json");
    char *page = read_page(CORDON_TEST_ROOT "/docs/events.md");
    char line[AUDIT_LINE_MAX];

    (void)state;
    assert_true(audit_event_json(&event, policy, "default", NULL, 1, line, sizeof(line)) > 0);
    assert_keys(line, schema, "        \"", "\": {", 47);
    assert_keys(line, page, "`", "`", 47);
    struct audit_event denied = event;
    denied.hit = (struct policy_hit){.list = POLICY_LIST_NONE,
                                     .mode = POLICY_MODE_ENFORCE,
                                     .action = POLICY_ACTION_SINKHOLE,
                                     .ground = POLICY_GROUND_DEFAULT,
                                     .name = event.name};
    assert_true(audit_event_json(&denied, policy, "default", NULL, 1, line, sizeof(line)) > 0);
    assert_keys(line, schema, "        \"", "\": {", 26);
    assert_keys(line, page, "`", "`", 26);
    assert_true(audit_lost_json(0, 1, 1, 1, line, sizeof(line)) > 0);
    assert_keys(line, schema, "        \"", "\": {", 7);
    assert_keys(line, page, "`", "`", 7);
    struct ring *ring = ring_create(AUDIT_CHANGE_RING);
    const struct audit_change change = {.subject = "all"};
    size_t len = 0;
    assert_true(audit_change_put(ring, &change));
    const void *record = ring_peek(ring, &len);
    assert_true(audit_change_line(record, len, 1, line, sizeof(line)) > 0);
    assert_keys(line, schema, "        \"", "\": {", 24);
    assert_keys(line, page, "`", "`", 24);
    ring_destroy(ring);
    free(schema);
    free(page);
    policy_destroy(policy);
}

static void a_gap_has_a_line_of_its_own(void **state)
{
    char line[256];

    (void)state;
    const size_t len = audit_lost_json(1795339800123456, 40, 2, 8, line, sizeof(line));
    assert_string_equal(line, "{\"v\":1,\"event\":\"lost\",\"seq\":8,"
                              "\"time\":\"2026-11-22T09:30:00.123456Z\",\"count\":42,"
                              "\"ring\":40,\"output\":2}\n");
    assert_int_equal(len, strlen(line));
    assert_int_equal(audit_lost_json(1795339800123456, 40, 2, 8, line, len), 0);
    assert_int_equal(audit_lost_json(1795339800123456, 40, 2, 8, line, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_of_a_list_is_that_of_the_policy),
        cmocka_unit_test(a_blocked_question_has_every_field),
        cmocka_unit_test(a_hop_in_log_mode_shows_its_chain_and_upstream),
        cmocka_unit_test(an_address_names_its_prefix),
        cmocka_unit_test(a_redirect_names_its_target),
        cmocka_unit_test(a_list_without_facts_says_null),
        cmocka_unit_test(strange_names_stay_one_line_of_ascii),
        cmocka_unit_test(a_line_is_the_same_by_a_stencil),
        cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(hits_that_no_rule_explains_have_no_line),
        cmocka_unit_test(what_people_changed_is_in_the_line),
        cmocka_unit_test(an_exception_that_the_policy_does_not_have_has_no_line),
        cmocka_unit_test(a_denial_by_default_names_no_list),
        cmocka_unit_test(a_denied_client_is_the_operator_s_word),
        cmocka_unit_test(a_denial_in_log_mode_or_under_a_pause_says_so),
        cmocka_unit_test(every_field_is_in_the_schema_and_on_the_page),
        cmocka_unit_test(a_gap_has_a_line_of_its_own),
    };
    return cmocka_run_group_tests_name("audit/json", tests, NULL, NULL);
}
