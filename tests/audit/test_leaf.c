/* audit/leaf: leaves that are hashed at once are those of each alone, each with a salt of its
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/events_root.h"
#include "audit/leaf.h"
#include "audit/rows.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST = 300
};

static const uint8_t of_block[AUDIT_SALT_OCTETS] = {1, 2, 3};

static void add_all(struct audit_leaves *leaves, uint8_t (*forms)[AUDIT_EVENT_MAX],
                    const size_t *lens, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        memcpy(audit_leaves_room(leaves), forms[i], lens[i]);
        audit_leaves_add(leaves, lens[i], NULL, 0);
    }
}

/* And the tree is that over them, however long they are. */
static void many_leaves_are_those_of_each_alone(void **state)
{
    static uint8_t forms[MOST][AUDIT_EVENT_MAX];
    static uint8_t out[MOST][DIGEST_OCTETS];
    static const uint8_t seed[RANDOM_SEED_OCTETS] = {9};
    struct audit_leaves *leaves = audit_leaves_create();
    size_t lens[MOST];
    uint8_t salt[AUDIT_LEAF_SALT];
    uint8_t alone[DIGEST_OCTETS];
    uint8_t root[DIGEST_OCTETS];
    struct random random;

    (void)state;
    assert_non_null(leaves);
    random_init_seed(&random, seed);
    random_fill(&random, forms, sizeof(forms));
    for (uint32_t round = 0; round < 60; round++) { /* the same memory for block after block */
        const uint32_t count = round < 40 ? round * 2 : random_below(&random, MOST + 1);

        memset(out, 0, sizeof(out));
        for (uint32_t i = 0; i < count; i++) {
            lens[i] = random_below(&random, 8) == 0 ? random_below(&random, AUDIT_EVENT_MAX + 1)
                                                    : 60 + random_below(&random, 100);
        }
        audit_leaves_begin(leaves, of_block, out);
        add_all(leaves, forms, lens, count);
        audit_leaves_end(leaves);
        for (uint32_t i = 0; i < count; i++) {
            audit_leaf_salt(of_block, i, salt);
            audit_leaf_of(salt, forms[i], lens[i], alone);
            assert_memory_equal(out[i], alone, sizeof(alone));
        }
        if (count > 0) {
            audit_leaves_begin(leaves, of_block, NULL);
            add_all(leaves, forms, lens, count);
            audit_leaves_root(leaves, root);
            events_root(out, count, alone);
            assert_memory_equal(root, alone, sizeof(root));
        }
    }
    audit_leaves_destroy(leaves);
}

/* Findings are hashed with those of others, too. */
static void leaves_of_rows_are_those_of_each_alone(void **state)
{
    struct audit_leaves *leaves = audit_leaves_create();
    struct row_store *store = malloc(sizeof(*store));
    static uint8_t out[MOST][DIGEST_OCTETS], want[MOST][DIGEST_OCTETS];
    unsigned found = 0;
    struct random random;

    (void)state;
    assert_true(leaves != NULL && store != NULL);
    chance_init(&random, 12);
    for (unsigned round = 0; round < 20; round++) {
        audit_leaves_begin(leaves, of_block, out);
        for (uint32_t i = 0; i < MOST; i++) {
            uint8_t salt[AUDIT_LEAF_SALT];
            struct audit_row row;

            random_row(&random, store, i, &row);
            if (i % 3 == 0) {
                row.present &= random_u64(&random) | 1u << AUDIT_TIME;
            }
            found += audit_row_has(&row, AUDIT_RULE) ? 1 : 0;
            audit_leaf_salt(of_block, i, salt);
            audit_leaf(salt, &row, want[i]);
            audit_leaves_add_row(leaves, &row);
        }
        audit_leaves_end(leaves);
        assert_memory_equal(out, want, sizeof(out));
    }
    assert_true(found > 1000 && found < 19 * MOST);
    audit_leaves_destroy(leaves);
    free(store);
}

/* docs/audit-log.md, "Blocks". */
static void a_leaf_is_that_of_the_specification(void **state)
{
    uint8_t stream[32u * AUDIT_LEAF_SALT];
    uint8_t octets[1 + AUDIT_LEAF_SALT + 5] = {0};
    uint8_t salt[AUDIT_LEAF_SALT];
    uint8_t leaf[DIGEST_OCTETS];
    uint8_t expected[DIGEST_OCTETS];

    (void)state;
    random_stream(of_block, 0, stream, sizeof(stream));
    for (uint32_t i = 0; i < 32; i++) {
        audit_leaf_salt(of_block, i, salt);
        assert_memory_equal(salt, stream + (size_t)i * AUDIT_LEAF_SALT, AUDIT_LEAF_SALT);
        for (uint32_t j = 0; j < i; j++) {
            assert_memory_not_equal(salt, stream + (size_t)j * AUDIT_LEAF_SALT,
                                    AUDIT_LEAF_SALT);
        }
    }
    memcpy(octets + 1, salt, sizeof(salt));
    memcpy(octets + 1 + sizeof(salt), "event", 5);
    digest_of(octets, sizeof(octets), NULL, expected);
    audit_leaf_of(salt, (const uint8_t *)"event", 5, leaf);
    assert_memory_equal(leaf, expected, sizeof(leaf));
}

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_leaves_are_those_of_each_alone),
        cmocka_unit_test(leaves_of_rows_are_those_of_each_alone),
        cmocka_unit_test(a_leaf_is_that_of_the_specification),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
