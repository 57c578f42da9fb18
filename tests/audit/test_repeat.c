/* audit/repeat: records that repeat others come to what they come to the general way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/both_ways.h"
#include "audit/rows.h"
#include "audit/vary.h"

#include <errno.h>
#include <stdio.h>

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

/* Of clients this is told. */
static struct scene *open_with(enum audit_client_form form)
{
    const struct audit_privacy_settings settings = {
        .client = {AUDIT_FORM_FULL, form, form, AUDIT_FORM_FULL},
        .prefix_v4 = 24,
        .prefix_v6 = 48,
        .keep_us = UINT64_C(86400000000)};

    return open_scene(&settings);
}

/* The record of an event, as a worker packs it that has few numbers for many names: guesses are
 * wrong more often than right. */
static size_t pack(const struct audit_event *event, uint8_t *out)
{
    struct ring *ring = ring_create(AUDIT_RING_MIN);
    const struct audit_decision decision = {.generation = event->generation,
                                            .wall_us = event->wall_us,
                                            .latency_us = event->latency_us,
                                            .known = (uint16_t)(event->name.len % 4),
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

    assert_true(audit_event_put(ring, &decision));
    return take_record(ring, out);
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
    struct audit_repeat *const repeat = audit_repeats_find(scene->repeats, 0, &parts);
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
    struct scene *scene = open_with(form);
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
    struct scene *scene = open_with(AUDIT_FORM_FULL);
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
    struct scene *scene = open_with(AUDIT_FORM_FULL);
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
        assert_null(audit_repeats_find(scene->repeats, 0, &parts));
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
    struct scene *scene = open_with(AUDIT_FORM_FULL);
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
            audit_repeats_find(scene->repeats, 0, &parts) != NULL) {
            free_octets++;
            assert_true(audit_event_get(record, len, &scene->event));
        }
        record[i] ^= 1;
    }
    assert_int_equal(free_octets, 8 + 4 + 2 + 4 + 2); /* time, latency, known, address, port */
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut > 0 ? cut : 1); /* an octet too far is seen by ASan */

        assert_non_null(exact);
        memcpy(exact, record, cut);
        assert_false(audit_event_split(exact, cut, &parts) &&
                     audit_repeats_find(scene->repeats, 0, &parts) != NULL);
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
    struct scene *scene = open_with(AUDIT_FORM_FULL);
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
    assert_non_null(audit_repeats_find(scene->repeats, 0, &parts));
    assert_int_equal(go_again(scene, record, len, 3), 0);
    go_both_ways(scene, record, len, policy, "default", 4);
    go_both_ways(scene, record, len, policy, "default", 5);
    assert_same_blocks(scene);
    audit_repeats_rest(scene->repeats, UINT64_C(10000000)); /* asked for often enough */
    assert_non_null(audit_repeats_find(scene->repeats, 0, &parts));
    audit_repeats_rest(scene->repeats, UINT64_C(14000000)); /* too early to say */
    assert_non_null(audit_repeats_find(scene->repeats, 0, &parts));
    audit_repeats_rest(scene->repeats, UINT64_C(15000000));
    assert_null(audit_repeats_find(scene->repeats, 0, &parts));
    go_both_ways(scene, record, len, policy, "default", 6);
    assert_non_null(audit_repeats_find(scene->repeats, 0, &parts));
    close_scene(scene);
    policy_destroy(policy);
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
    };
    return cmocka_run_group_tests_name("audit/repeat", tests, setup, NULL);
}
