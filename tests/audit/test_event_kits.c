/* audit/event_kits, audit/kit: rows by kits, and blocks of them, are what they are without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/block_inside.h"
#include "audit/event_kits.h"
#include "audit/rows.h"
#include "audit/vary.h"

#include <errno.h>
#include <stdlib.h>

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

/* The same events, by the one way and the other. */
struct pair {
    struct audit_builder *plain, *by_kits;
};

/* Blocks differ by their salts, and here by nothing else. */
static void begin_with_one_salt(struct pair *pair)
{
    struct audit_builder *builder = pair->by_kits;

    memcpy(builder->salt, pair->plain->salt, sizeof(builder->salt));
    audit_leaves_begin(builder->hashing, builder->salt, NULL);
}

static void open_pair(struct pair *pair)
{
    pair->plain = audit_builder_create(AUDIT_DECISIONS, 1);
    pair->by_kits = audit_builder_create(AUDIT_DECISIONS, 1);
    assert_true(pair->plain != NULL && pair->by_kits != NULL);
    begin_with_one_salt(pair);
}

static void close_pair(struct pair *pair)
{
    audit_builder_destroy(pair->plain);
    audit_builder_destroy(pair->by_kits);
}

/* Ends both blocks: they are the same, octet for octet. */
static void assert_same_blocks(struct pair *pair)
{
    struct audit_header plain = {.number = 0};
    struct audit_header by_kits = {.number = 0};
    const uint8_t *want;
    const uint8_t *have;

    assert_int_equal(audit_builder_finish(pair->plain, &plain, &want), 0);
    assert_int_equal(audit_builder_finish(pair->by_kits, &by_kits, &have), 0);
    assert_int_equal(by_kits.events, plain.events);
    assert_int_equal(by_kits.body_len, plain.body_len);
    assert_memory_equal(have, want, plain.body_len);
    assert_memory_equal(by_kits.tree, plain.tree, sizeof(plain.tree));
    assert_memory_equal(by_kits.body, plain.body, sizeof(plain.body));
    audit_builder_clear(pair->plain);
    audit_builder_clear(pair->by_kits);
    begin_with_one_salt(pair);
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
    struct pair pair;
    unsigned with = 0;

    (void)state;
    open_pair(&pair);
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
        assert_int_equal(audit_builder_add(pair.plain, &want), 0);
        assert_int_equal(audit_builder_add_kit(pair.by_kits, &have, kit), 0);
        if (i % 3000 == 2999) {
            assert_same_blocks(&pair); /* the kits go on in the next one */
        }
    }
    assert_same_blocks(&pair);
    assert_in_range(with, 10000, 19000);
    close_pair(&pair);
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
    struct pair pair;
    uint64_t seen = 0;

    (void)state;
    chance_init(&random, 3);
    open_pair(&pair);
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
        assert_int_equal(audit_builder_add(pair.plain, &row), 0);
        assert_int_equal(audit_builder_add_kit(pair.by_kits, &row, kit), 0);
        if (i % 500 == 499) {
            assert_same_blocks(&pair); /* words have other numbers in the next one */
        }
    }
    assert_true(seen == 0x1d); /* 0, 2, 3, 4 */
    close_pair(&pair);
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
    struct pair pair;

    (void)state;
    chance_init(&random, 7);
    open_pair(&pair);
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
        const int result = audit_builder_add(pair.plain, &row);
        assert_true(result == 0 || result == -EINVAL); /* too long together */
        assert_int_equal(audit_builder_add_kit(pair.by_kits, &row, i % 5 == 0 ? NULL : kit),
                         result);
        if (i % 1000 == 999) {
            assert_same_blocks(&pair);
        }
    }
    for (unsigned i = 0; i < KITS; i++) {
        audit_kit_deinit(&kits[i]);
    }
    close_pair(&pair);
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
