/* audit/event_kits, audit/block_again: questions by their kits, with names that were expected,
 * come to what they come to the general way. */
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
    return take_record(ring, out);
}

static const char *const view_names[] = {"default", "guests", "laboratory", "servers"};

/* As the writer takes it; behind it comes `next`, or what was never asked. */
static void ask_both_ways(struct scene *scene, const uint8_t *record, size_t len,
                          const uint8_t *next, size_t next_len, const struct policy *policy,
                          unsigned shift)
{
    struct audit_question_steady steady;
    struct audit_row row;
    size_t name_len = 0;

    assert_true(audit_question_own(record, len, &scene->words, &row, &steady));
    /* A view has another name after a reload, perhaps. */
    const char *const view = view_names[(steady.view + shift) % ITEMS(view_names)];
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
    struct policy *policies[] = {make_policy(make_fact, rules, 1, false),
                                 make_policy("", rules, 2, true)};
    struct scene *scene = open_scene(privacy);
    uint8_t record[2][AUDIT_QUESTION_MAX];
    size_t len[2];
    struct random random;

    chance_init(&random, 3);
    len[0] = pack_question(&random, views, record[0]);
    for (unsigned i = 0; i < count; i++) {
        const unsigned now = i % 2;

        len[!now] = pack_question(&random, views, record[!now]);
        /* Now and then it does not come: another is expected in its stead. */
        const bool comes = random_below(&random, 10) != 0;
        ask_both_ways(scene, record[now], len[now], record[comes ? !now : now],
                      len[comes ? !now : now], policies[i / 3000 % ITEMS(policies)], i / 1500);
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
        cmocka_unit_test(questions_by_kits_come_to_the_same),
        cmocka_unit_test(whatever_is_told_of_questions),
    };
    return cmocka_run_group_tests_name("audit/question_kits", tests, setup, NULL);
}
