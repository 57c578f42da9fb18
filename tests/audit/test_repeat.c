/* audit/repeat: records that repeat others come to what they come to the general way; and so do
 * questions, by their kits and with names that were expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/block_inside.h"
#include "audit/event_kits.h"
#include "audit/privacy.h"
#include "audit/repeat.h"
#include "audit/rows.h"
#include "audit/stencil.h"
#include "audit/vary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

/* Both ways of the same records, as the writer goes them. */
struct scene {
    struct audit_builder *plain, *builder;
    struct audit_event_kits *kits;
    struct audit_stencils *stencils;
    struct audit_repeats *repeats;
    struct audit_privacy *privacy;
    struct audit_event event;
    struct audit_event_words words, plain_words;
    char line[AUDIT_LINE_MAX], plain_line[AUDIT_LINE_MAX];
    unsigned repeated;
};

static struct audit_privacy *make_privacy(enum audit_client_form form)
{
    const struct audit_privacy_settings settings = {
        .client = {AUDIT_FORM_FULL, form, form, AUDIT_FORM_FULL},
        .prefix_v4 = 24,
        .prefix_v6 = 48,
        .keep_us = UINT64_C(86400000000)};

    return audit_privacy_create(&settings);
}

/* Blocks differ by their salts, and here by nothing else. */
static void begin_with_one_salt(struct scene *scene)
{
    struct audit_builder *builder = scene->builder;

    memcpy(builder->salt, scene->plain->salt, sizeof(builder->salt));
    audit_leaves_begin(builder->hashing, builder->salt, builder->leaves);
}

static struct scene *open_scene(enum audit_client_form form)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    scene->plain = audit_builder_create(AUDIT_DECISIONS, 1);
    scene->builder = audit_builder_create(AUDIT_DECISIONS, 1);
    scene->kits = audit_event_kits_create();
    scene->stencils = audit_stencils_create();
    scene->repeats = audit_repeats_create();
    scene->privacy = make_privacy(form);
    assert_true(scene->plain != NULL && scene->builder != NULL && scene->kits != NULL &&
                scene->stencils != NULL && scene->repeats != NULL && scene->privacy != NULL);
    begin_with_one_salt(scene);
    return scene;
}

/* Ends both blocks: they are the same, octet for octet. */
static void assert_same_blocks(struct scene *scene)
{
    struct audit_header plain = {.number = 0};
    struct audit_header header = {.number = 0};
    const uint8_t *want;
    const uint8_t *have;

    assert_int_equal(audit_builder_finish(scene->plain, &plain, &want), 0);
    assert_int_equal(audit_builder_finish(scene->builder, &header, &have), 0);
    assert_int_equal(header.events, plain.events);
    assert_true(header.first_us == plain.first_us && header.last_us == plain.last_us);
    assert_int_equal(header.body_len, plain.body_len);
    assert_memory_equal(have, want, plain.body_len);
    assert_memory_equal(header.tree, plain.tree, sizeof(plain.tree));
    audit_builder_clear(scene->plain);
    audit_builder_clear(scene->builder);
    begin_with_one_salt(scene);
}

static void close_scene(struct scene *scene)
{
    audit_builder_destroy(scene->plain);
    audit_builder_destroy(scene->builder);
    audit_event_kits_destroy(scene->kits);
    audit_stencils_destroy(scene->stencils);
    audit_repeats_destroy(scene->repeats);
    audit_privacy_destroy(scene->privacy);
    free(scene);
}

/* The record of an event, as a worker packs it. */
static size_t pack(const struct audit_event *event, uint8_t *out)
{
    struct ring *ring = ring_create(AUDIT_RING_MIN);
    const struct audit_decision decision = {.generation = event->generation,
                                            .wall_us = event->wall_us,
                                            .latency_us = event->latency_us,
                                            .type = event->type,
                                            .transport = event->transport,
                                            .view = event->view,
                                            .rcode = event->rcode,
                                            .cached = event->cached,
                                            .applied = event->applied,
                                            .client = event->client,
                                            .upstream = event->upstream,
                                            .name = &event->name,
                                            .hit = &event->hit,
                                            .chain =
                                                event->chain.count > 0 ? &event->chain : NULL};
    size_t len = 0;

    assert_true(audit_event_put(ring, &decision));
    const void *const record = ring_peek(ring, &len);
    assert_non_null(record);
    memcpy(out, record, len);
    ring_destroy(ring);
    return len;
}

/* The general way, with neither kit nor stencil: what is wanted. Its line's length. */
static size_t go_plainly(struct scene *scene, const uint8_t *record, size_t len,
                         const struct policy *policy, const char *view, unsigned number)
{
    struct audit_row row;

    assert_true(audit_event_get(record, len, &scene->event));
    audit_privacy_event(scene->privacy, &scene->event);
    assert_true(audit_event_row(&scene->event, policy, view, NULL, &scene->plain_words, &row));
    assert_int_equal(audit_builder_add(scene->plain, &row), 0);
    return audit_event_json(&scene->event, policy, view, NULL, number, scene->plain_line,
                            sizeof(scene->plain_line));
}

/* By what it repeats: the length of its line; 0: it repeats none. */
static size_t go_again(struct scene *scene, const uint8_t *record, size_t len, unsigned number)
{
    struct audit_event_parts parts;
    struct audit_row row;

    if (!audit_event_split(record, len, &parts)) {
        return 0;
    }
    struct audit_repeat *const repeat = audit_repeats_find(scene->repeats, &parts);
    if (repeat == NULL || repeat->kit->id != repeat->kit_id) {
        return 0;
    }
    audit_privacy_parts(scene->privacy, &parts);
    if (!audit_stencils_can(repeat, &parts)) {
        return 0;
    }
    audit_repeat_row(repeat, &parts, scene->words.client, &row);
    const int result =
        audit_builder_add_again(scene->builder, &row, repeat->kit, &repeat->numbers);
    if (result != 0) {
        assert_int_equal(result, -EAGAIN);
        return 0;
    }
    scene->repeated++;
    return audit_stencils_again(scene->stencils, repeat, &parts, number, scene->line);
}

/* By kits and stencils, and kept for those that repeat it. */
static size_t go_first(struct scene *scene, const uint8_t *record, size_t len,
                       const struct policy *policy, const char *view, unsigned number)
{
    const struct audit_kit *kit = NULL;
    struct audit_event_parts parts;
    struct audit_row row;

    assert_true(audit_event_get(record, len, &scene->event));
    audit_privacy_event(scene->privacy, &scene->event);
    assert_true(audit_event_kits_event(scene->kits, &scene->event, policy, view, NULL,
                                       &scene->words, &row, &kit));
    assert_int_equal(audit_builder_add_kit(scene->builder, &row, kit), 0);
    const size_t line = audit_stencils_line(scene->stencils, &scene->event, policy, view, NULL,
                                            number, scene->line, sizeof(scene->line));
    if (kit != NULL && audit_event_split(record, len, &parts)) {
        struct audit_repeat *const repeat =
            audit_repeats_keep(scene->repeats, &parts, &scene->event, &row, kit);

        if (repeat != NULL) {
            repeat->stencil = audit_stencils_of(scene->stencils, &scene->event, policy, view,
                                                &repeat->stencil_id);
        }
    }
    return line;
}

static void go_both_ways(struct scene *scene, const uint8_t *record, size_t len,
                         const struct policy *policy, const char *view, unsigned number)
{
    const size_t want = go_plainly(scene, record, len, policy, view, number);
    size_t have = go_again(scene, record, len, number);

    if (have == 0) {
        have = go_first(scene, record, len, policy, view, number);
    }
    assert_true(want > 0);
    assert_int_equal(have, want);
    assert_memory_equal(scene->line, scene->plain_line, want + 1);
}

/* Events of all kinds, each kind many times, by one policy after the other. */
static void check(enum audit_client_form form, unsigned count, unsigned least)
{
    struct policy *policies[] = {make_policy(make_fact, rules, 1, false),
                                 make_policy("", rules, 2, true),
                                 make_policy("", rules, 3, false)};
    static struct audit_event event;
    struct scene *scene = open_scene(form);
    uint8_t record[AUDIT_RECORD_MAX];
    struct random random;

    chance_init(&random, 5);
    for (unsigned i = 0; i < count; i++) {
        const struct policy *policy = policies[i / 2000 % ITEMS(policies)];
        const char *const view = i / 1000 % 2 == 0 ? "default" : "other";

        if (i % 1000 == 0) {
            audit_repeats_forget(scene->repeats); /* another policy, or the view's name */
        }
        vary(&event, policy, i / 1000 * 60 + random_below(&random, 60));
        event.generation = policy_generation(policy);
        if (event.hit.mode != POLICY_MODE_LOG) {
            event.hit.trial = POLICY_TRIAL_NONE; /* others are no records */
        }
        event.wall_us = UINT64_C(1795339800123456) + random_u64(&random) % 90000000000;
        event.latency_us = (uint32_t)random_u64(&random) >> random_below(&random, 32);
        event.client.port = (uint16_t)random_u64(&random);
        if (event.client.family == ADDRESS_V4 && random_below(&random, 2) == 0) {
            event.client.octets[3] = (uint8_t)random_u64(&random);
        }
        go_both_ways(scene, record, pack(&event, record), policy, view, i);
        if (random_below(&random, 700) == 0) {
            assert_same_blocks(scene);
        }
    }
    assert_same_blocks(scene);
    assert_in_range(scene->repeated, least, count - 1);
    close_scene(scene);
    for (size_t i = 0; i < ITEMS(policies); i++) {
        policy_destroy(policies[i]);
    }
}

static void records_that_repeat_others_come_to_the_same(void **state)
{
    (void)state;
    check(AUDIT_FORM_FULL, 30000, 8000);
}

static void whatever_is_told_of_clients(void **state)
{
    (void)state;
    check(AUDIT_FORM_PREFIX, 6000, 1500);
    check(AUDIT_FORM_PSEUDONYM, 6000, 1500);
    check(AUDIT_FORM_ABSENT, 6000, 1500);
}

/* A column that all events of a block had so far, and the next has not. */
static void one_without_a_client_is_among_others(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, false);
    static struct audit_event event;
    struct scene *scene = open_scene(AUDIT_FORM_FULL);
    uint8_t record[AUDIT_RECORD_MAX];

    (void)state;
    const struct policy_hit hit =
        make_hit(policy, "oss.cloud.example", 0, POLICY_TRIGGER_QNAME);
    for (unsigned i = 0; i < 60; i++) {
        event = event_on("oss.cloud.example", &hit);
        event.wall_us += i;
        if (i % 10 == i / 10) {
            memset(&event.client, 0, sizeof(event.client));
        }
        go_both_ways(scene, record, pack(&event, record), policy, "default", i);
        if (i % 10 == 9) {
            assert_same_blocks(scene);
        }
    }
    assert_in_range(scene->repeated, 40, 59);
    close_scene(scene);
    policy_destroy(policy);
}

/* More than are kept: the oldest go, and none is taken for another. */
static void there_are_so_many_and_no_more(void **state)
{
    static const char text[] = "block suffix cloud.example" RULE_END EVIDENCE;
    struct policy *policy = make_policy(make_fact, text, 1, false);
    const struct policy_hit hit = make_hit(policy, "cloud.example", 0, POLICY_TRIGGER_QNAME);
    static struct audit_event event;
    struct scene *scene = open_scene(AUDIT_FORM_FULL);
    uint8_t record[AUDIT_RECORD_MAX];
    struct random random;

    (void)state;
    chance_init(&random, 9);
    for (unsigned i = 0; i < 60000; i++) {
        const unsigned number = random_below(&random, i % 2 == 0 ? 2 * AUDIT_REPEATS : 500);
        char name[64];

        snprintf(name, sizeof(name), "%s%u.cloud.example", number % 3 == 0 ? "x.y" : "n",
                 number);
        event = event_on(name, &hit);
        event.hit.name = event.name;
        event.hit.labels = (uint8_t)(1 + number % event.name.labels);
        event.wall_us += i;
        go_both_ways(scene, record, pack(&event, record), policy, "default", i);
        if (i % 20000 == 19999) {
            assert_same_blocks(scene);
        }
    }
    assert_in_range(scene->repeated, 29000, 55000);
    /* Others of the same length, so many that hashes of some are those of what is kept. */
    event.name = make_name("m12345.cloud.example");
    event.hit.name = event.name;
    const size_t len = pack(&event, record);
    char *const digits = memchr(record, 'm', len);
    assert_non_null(digits);
    for (unsigned i = 0; i < 400000; i++) {
        struct audit_event_parts parts;

        for (unsigned at = 1, rest = i; at <= 5; at++, rest /= 16) {
            digits[at] = (char)('a' + rest % 16);
        }
        assert_true(audit_event_split(record, len, &parts));
        assert_null(audit_repeats_find(scene->repeats, &parts));
    }
    close_scene(scene);
    policy_destroy(policy);
}

/* A record with any octet changed is not taken for the one that it was, but where its time,
 * latency and client are. Nor is one that ends too early. */
static void damage_repeats_nothing(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, false);
    static struct audit_event event;
    struct scene *scene = open_scene(AUDIT_FORM_FULL);
    struct audit_event_parts parts;
    uint8_t record[AUDIT_RECORD_MAX];
    unsigned free_octets = 0;

    (void)state;
    const struct policy_hit hit =
        make_hit(policy, "oss.cloud.example", 0, POLICY_TRIGGER_QNAME);
    event = event_on("oss.cloud.example", &hit);
    const size_t len = pack(&event, record);
    go_both_ways(scene, record, len, policy, "default", 1);
    go_both_ways(scene, record, len, policy, "default", 2);
    assert_int_equal(scene->repeated, 1);
    for (size_t i = sizeof(uint64_t); i < len; i++) { /* the generation is looked at before */
        record[i] ^= 1;
        if (audit_event_split(record, len, &parts) &&
            audit_repeats_find(scene->repeats, &parts) != NULL) {
            free_octets++;
            assert_true(audit_event_get(record, len, &scene->event));
        }
        record[i] ^= 1;
    }
    assert_int_equal(free_octets, 8 + 4 + 4 + 2); /* time, latency, address, port */
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut > 0 ? cut : 1); /* an octet too far is seen by ASan */

        assert_non_null(exact);
        memcpy(exact, record, cut);
        assert_false(audit_event_split(exact, cut, &parts) &&
                     audit_repeats_find(scene->repeats, &parts) != NULL);
        free(exact);
    }
    close_scene(scene);
    policy_destroy(policy);
}

/* Whose kit or stencil has gone repeats nothing; and all go when few are asked for. */
static void what_has_gone_is_not_used(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, false);
    static struct audit_event event;
    struct scene *scene = open_scene(AUDIT_FORM_FULL);
    struct audit_event_parts parts;
    uint8_t record[AUDIT_RECORD_MAX];

    (void)state;
    const struct policy_hit hit =
        make_hit(policy, "oss.cloud.example", 0, POLICY_TRIGGER_QNAME);
    event = event_on("oss.cloud.example", &hit);
    const size_t len = pack(&event, record);
    go_both_ways(scene, record, len, policy, "default", 1);
    for (unsigned i = 0; i < 2000; i++) { /* more than there are places for */
        event.rcode = (uint8_t)(i % 200);
        event.transport = (uint8_t)(i / 200 % 2);
        event.cached = (uint8_t)(i / 400 % 3);
        event.hit.trial = POLICY_TRIAL_NONE;
        event.applied = i / 1200 % 2 == 0;
        uint8_t other[AUDIT_RECORD_MAX];
        go_both_ways(scene, other, pack(&event, other), policy, "default", i);
    }
    assert_true(audit_event_split(record, len, &parts));
    assert_non_null(audit_repeats_find(scene->repeats, &parts));
    assert_int_equal(go_again(scene, record, len, 3), 0);
    go_both_ways(scene, record, len, policy, "default", 4);
    go_both_ways(scene, record, len, policy, "default", 5);
    assert_same_blocks(scene);
    audit_repeats_rest(scene->repeats, UINT64_C(10000000)); /* asked for often enough */
    assert_non_null(audit_repeats_find(scene->repeats, &parts));
    audit_repeats_rest(scene->repeats, UINT64_C(14000000)); /* too early to say */
    assert_non_null(audit_repeats_find(scene->repeats, &parts));
    audit_repeats_rest(scene->repeats, UINT64_C(15000000));
    assert_null(audit_repeats_find(scene->repeats, &parts));
    go_both_ways(scene, record, len, policy, "default", 6);
    assert_non_null(audit_repeats_find(scene->repeats, &parts));
    close_scene(scene);
    policy_destroy(policy);
}

/* --- questions --- */

static struct wire_name make_question_name(struct random *random)
{
    static const char *const heads[] = {
        "n", "a-name-of-more-than-one-label.n", "",
        "a.name.of.more.octets.than.are.expected.is.looked.for.when.it.comes.n"};
    const unsigned number = random_below(random, random_below(random, 4) == 0 ? 5000 : 20);
    char text[256];

    if (random_below(random, 40) == 0) {
        return make_name(".");
    }
    snprintf(text, sizeof(text), "%s%u%s", heads[random_below(random, ITEMS(heads))], number,
             random_below(random, 2) == 0 ? ".example" : "");
    return make_name(text);
}

/* The record of a question of any kind. Most are answered from the cache. */
static size_t pack_question(struct random *random, unsigned views, uint8_t *out)
{
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};
    struct ring *ring = ring_create(AUDIT_RING_MIN);
    struct address client = {.family = ADDRESS_V4, .octets = {10, 0, 0}, .port = 4711};
    struct address upstream = {.family = ADDRESS_NONE};
    const struct wire_name name = make_question_name(random);
    size_t len = 0;

    client.octets[3] = (uint8_t)random_below(random, 300);
    if (random_below(random, 8) == 0) {
        client = (struct address){.family = ADDRESS_V6, .scope = random_below(random, 2)};
        memcpy(client.octets, v6, sizeof(v6));
    } else if (random_below(random, 60) == 0) {
        client.family = ADDRESS_NONE;
    }
    if (random_below(random, 5) == 0) {
        upstream = (struct address){.family = ADDRESS_V4, .octets = {192, 0, 2}, .port = 53};
        upstream.octets[3] = (uint8_t)random_below(random, 2);
    }
    const struct audit_question question = {
        .generation = 1,
        .wall_us = UINT64_C(1795339800123456) + random_u64(random) % 1000000,
        .latency_us = (uint32_t)random_u64(random) >> random_below(random, 32),
        .type = (uint16_t)(random_below(random, 3) == 0 ? random_u64(random) : 1),
        .view = (uint8_t)random_below(random, views),
        .rcode = (uint8_t)(random_below(random, 6) == 0 ? random_below(random, 24) : 0),
        .transport = random_below(random, 9) == 0 ? AUDIT_TCP : AUDIT_UDP,
        .cached = (uint8_t)random_below(random, 3),
        .client = &client,
        .upstream = &upstream,
        .name = &name,
    };
    assert_true(audit_question_put(ring, &question));
    const void *const record = ring_peek(ring, &len);
    assert_non_null(record);
    memcpy(out, record, len);
    ring_destroy(ring);
    return len;
}

/* As the writer takes it; behind it comes `next`, or what was never asked. */
static void ask_both_ways(struct scene *scene, const uint8_t *record, size_t len,
                          const uint8_t *next, size_t next_len, const struct policy *policy,
                          const char *view)
{
    struct audit_question_steady steady;
    struct audit_row row;
    size_t name_len = 0;

    assert_true(audit_question_row(record, len, view, &scene->plain_words, &row));
    audit_privacy_question(scene->privacy, &scene->plain_words, &row);
    assert_int_equal(audit_builder_add(scene->plain, &row), 0);

    const uint8_t *const name = audit_question_name(next, next_len, &name_len);
    assert_non_null(name);
    audit_builder_expect(scene->builder, name, name_len);
    assert_true(audit_question_own(record, len, &scene->words, &row, &steady));
    audit_privacy_question(scene->privacy, &scene->words, &row);
    const struct audit_kit *const kit =
        audit_event_kits_question(scene->kits, &steady, policy, view);
    assert_non_null(kit);
    const int result = audit_builder_add_again(scene->builder, &row, kit, NULL);
    if (result != 0) {
        assert_int_equal(result, -EAGAIN);
        audit_question_steady(&steady, view, &row);
        assert_int_equal(audit_builder_add_kit(scene->builder, &row, kit), 0);
    }
    scene->repeated += result == 0;
}

/* Questions of one block are of so many views at most; some have more kits than a block knows.
 */
static void check_questions(const struct audit_privacy_settings *privacy, unsigned count,
                            unsigned views, unsigned least)
{
    static const char *const names[] = {"default", "guests", "laboratory", "servers"};
    struct policy *policies[] = {make_policy(make_fact, rules, 1, false),
                                 make_policy("", rules, 2, true)};
    struct scene *scene = open_scene(AUDIT_FORM_FULL);
    uint8_t record[2][AUDIT_QUESTION_MAX];
    size_t len[2];
    struct random random;

    audit_privacy_destroy(scene->privacy);
    scene->privacy = audit_privacy_create(privacy);
    assert_non_null(scene->privacy);
    chance_init(&random, 3);
    len[0] = pack_question(&random, views, record[0]);
    for (unsigned i = 0; i < count; i++) {
        const unsigned now = i % 2;
        const unsigned view = audit_question_view(record[now], len[now]);

        len[!now] = pack_question(&random, views, record[!now]);
        /* Now and then it does not come: another is expected in its stead. */
        const bool comes = random_below(&random, 10) != 0;
        ask_both_ways(scene, record[now], len[now], record[comes ? !now : now],
                      len[comes ? !now : now], policies[i / 3000 % ITEMS(policies)],
                      names[(view + i / 1500) % ITEMS(names)]);
        if (random_below(&random, 900) == 0) {
            assert_same_blocks(scene);
        }
    }
    assert_same_blocks(scene);
    assert_in_range(scene->repeated, least, count - 1);
    close_scene(scene);
    for (size_t i = 0; i < ITEMS(policies); i++) {
        policy_destroy(policies[i]);
    }
}

static void questions_by_kits_come_to_the_same(void **state)
{
    const struct audit_privacy_settings full = {.keep_us = UINT64_C(86400000000)};

    (void)state;
    check_questions(&full, 30000, 1, 24000);
    check_questions(&full, 20000, 4, 8000);
}

static void whatever_is_told_of_questions(void **state)
{
    static const enum audit_client_form forms[] = {AUDIT_FORM_PREFIX, AUDIT_FORM_PSEUDONYM,
                                                   AUDIT_FORM_ABSENT};

    (void)state;
    for (size_t i = 0; i < ITEMS(forms); i++) {
        const struct audit_privacy_settings settings = {
            .client = {AUDIT_FORM_FULL, AUDIT_FORM_FULL, forms[i], AUDIT_FORM_FULL},
            .prefix_v4 = 24,
            .prefix_v6 = 48,
            .hash_names = i > 0,
            .keep_us = UINT64_C(86400000000)};

        check_questions(&settings, 6000, 2, 3000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_repeat_others_come_to_the_same),
        cmocka_unit_test(whatever_is_told_of_clients),
        cmocka_unit_test(one_without_a_client_is_among_others),
        cmocka_unit_test(there_are_so_many_and_no_more),
        cmocka_unit_test(damage_repeats_nothing),
        cmocka_unit_test(what_has_gone_is_not_used),
        cmocka_unit_test(questions_by_kits_come_to_the_same),
        cmocka_unit_test(whatever_is_told_of_questions),
    };
    return cmocka_run_group_tests_name("audit/repeat", tests, setup, NULL);
}
