/* audit/event_kits, audit/kit: rows by kits, and blocks of them, are what they are without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/both_ways.h"
#include "audit/rows.h"
#include "audit/vary.h"

#include <errno.h>
#include <stdlib.h>

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

static struct scene *open_plain(void)
{
    const struct audit_privacy_settings full = {.keep_us = UINT64_C(86400000000)};

    return open_scene(&full);
}

static void a_row_and_its_block_are_the_same_by_a_kit(void **state)
{
    struct policy *policies[] = {make_policy(make_fact, rules, 1, false),
                                 make_policy("", rules, 2, true),
                                 make_policy("", rules, 3, false)};
    struct audit_event_kits *kits = audit_event_kits_create();
    struct audit_list_words *lists = audit_list_words_create();
    static struct audit_event_words want_words;
    static struct audit_event_words have_words;
    static struct audit_event event;
    struct audit_row want;
    struct audit_row have;
    struct scene *scene = open_plain();
    unsigned with = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        const struct policy *policy = policies[i / 50 % ITEMS(policies)];
        const char *const view = i % 20 < 10 ? "default" : "other";
        const struct audit_kit *kit = NULL;

        vary(&event, policy, i);
        event.wall_us %= UINT64_C(1) << 62;
        event.generation = i % 31 == 0 ? 77 : policy_generation(policy);
        assert_true(audit_event_row(&event, policy, view, NULL, &want_words, &want));
        assert_true(audit_event_kits_event(kits, &event, policy, view, lists, &have_words,
                                           &have, &kit));
        assert_true(audit_row_equal(&have, &want));
        with += kit != NULL ? 1 : 0;
        assert_int_equal(audit_builder_add(scene->plain, &want), 0);
        assert_int_equal(audit_builder_add_kit(scene->builder, &have, kit), 0);
        if (i % 3000 == 2999) {
            assert_same_blocks(scene); /* the kits go on in the next one */
        }
    }
    assert_same_blocks(scene);
    assert_in_range(with, 10000, 19000);
    close_scene(scene);
    audit_list_words_destroy(lists);
    audit_event_kits_destroy(kits);
    for (size_t i = 0; i < ITEMS(policies); i++) {
        policy_destroy(policies[i]);
    }
}

static void what_has_no_row_has_none_by_a_kit(void **state)
{
    struct policy *policy = make_policy(make_fact, rules, 1, false);
    struct audit_event_kits *kits = audit_event_kits_create();
    static struct audit_event_words words;
    static struct audit_event event;
    const struct audit_kit *kit = NULL;
    struct audit_row row;

    (void)state;
    vary(&event, policy, 1);
    for (unsigned round = 0; round < 2; round++) { /* without a kit, and with one */
        const uint8_t labels = event.hit.labels;

        event.hit.labels = 99;
        assert_false(
            audit_event_kits_event(kits, &event, policy, "default", NULL, &words, &row, &kit));
        event.hit.labels = labels;
        event.view = 9;
        assert_false(
            audit_event_kits_event(kits, &event, policy, "default", NULL, &words, &row, &kit));
        event.view = 0;
        assert_false(
            audit_event_kits_event(kits, &event, policy, NULL, NULL, &words, &row, &kit));
        assert_true(
            audit_event_kits_event(kits, &event, policy, "default", NULL, &words, &row, &kit));
        assert_non_null(kit);
    }
    audit_event_kits_destroy(kits);
    policy_destroy(policy);
}

/* Words that follow from a name are those of its kit, its labels and its match. */
static void what_follows_from_a_name_is_that_of_the_event(void **state)
{
    static const char text[] = "block suffix cloud.example" RULE_END EVIDENCE;
    static const char *const names[] = {"a.b.cloud.example", "oss.cloud.example"};
    struct policy *policy = make_policy(make_fact, text, 1, false);
    struct audit_event_kits *kits = audit_event_kits_create();
    static struct audit_event_words words;
    static struct audit_event event;
    struct audit_row row;
    struct random random;
    struct scene *scene = open_plain();
    uint64_t seen = 0;

    (void)state;
    chance_init(&random, 3);
    for (unsigned i = 0; i < 4000; i++) {
        const char *const name = names[random_below(&random, ITEMS(names))];
        const struct audit_kit *kit = NULL;

        event = event_on(name, &(struct policy_hit){0});
        event.hit = make_hit(policy, name, 0, POLICY_TRIGGER_QNAME);
        event.hit.labels = (uint8_t)(1 + random_below(&random, 3));
        if (random_below(&random, 3) == 0) {
            event.hit.name = make_name(names[random_below(&random, ITEMS(names))]);
        }
        assert_true(
            audit_event_kits_event(kits, &event, policy, "default", NULL, &words, &row, &kit));
        assert_non_null(kit);
        seen |= UINT64_C(1) << row.follows;
        assert_int_equal(audit_builder_add(scene->plain, &row), 0);
        assert_int_equal(audit_builder_add_kit(scene->builder, &row, kit), 0);
        if (i % 500 == 499) {
            assert_same_blocks(scene); /* words have other numbers in the next one */
        }
    }
    assert_true(seen == 0x1d); /* 0, 2, 3, 4 */
    close_scene(scene);
    audit_event_kits_destroy(kits);
    policy_destroy(policy);
}

/* Any columns, of any values: more kits than a block remembers, and rows without. */
static void any_columns_can_be_a_kit(void **state)
{
    enum {
        KITS = 150,
        EVENTS = 6000
    };
    struct audit_kit *kits = calloc(KITS, sizeof(*kits));
    struct row_store *store = malloc(sizeof(*store));
    struct random random;
    struct audit_row row;
    struct scene *scene = open_plain();

    (void)state;
    chance_init(&random, 7);
    for (unsigned i = 0; i < KITS; i++) {
        random_row(&random, store, 1, &row);
        assert_true(audit_kit_make(&kits[i], i + 1, &row,
                                   row.present & random_u64(&random) & ~UINT64_C(2)));
    }
    for (unsigned i = 0; i < EVENTS; i++) {
        const struct audit_kit *kit = &kits[random_below(&random, i < EVENTS / 2 ? 3 : KITS)];
        struct audit_row steady;

        random_row(&random, store, random_u64(&random) >> 2, &row);
        audit_kit_begin(kit, &steady);
        for (uint64_t rest = kit->columns; rest != 0; rest &= rest - 1) {
            const unsigned column = (unsigned)__builtin_ctzll(rest);

            row.at[column] = steady.at[column];
        }
        row.present |= steady.present;
        row.follows = 0;
        const int result = audit_builder_add(scene->plain, &row);
        assert_true(result == 0 || result == -EINVAL); /* too long together */
        assert_int_equal(audit_builder_add_kit(scene->builder, &row, i % 5 == 0 ? NULL : kit),
                         result);
        if (i % 1000 == 999) {
            assert_same_blocks(scene);
        }
    }
    for (unsigned i = 0; i < KITS; i++) {
        audit_kit_deinit(&kits[i]);
    }
    close_scene(scene);
    free(store);
    free(kits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_and_its_block_are_the_same_by_a_kit),
        cmocka_unit_test(what_has_no_row_has_none_by_a_kit),
        cmocka_unit_test(what_follows_from_a_name_is_that_of_the_event),
        cmocka_unit_test(any_columns_can_be_a_kit),
    };
    return cmocka_run_group_tests_name("audit/event_kits", tests, setup, NULL);
}
