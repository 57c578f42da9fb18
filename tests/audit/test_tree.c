/* audit/tree: the tree of RFC 6962 against the definition, and that of a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/events_root.h"
#include "audit/events_tree.h"
#include "base/little.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

#define MOST 70u

static uint8_t leaves[MOST][DIGEST_OCTETS];

static int setup(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < MOST; i++) {
        audit_tree_leaf(&i, 1, leaves[i]);
    }
    return random_library_init();
}

/* RFC 6962, 2.1, word by word. */
static void defined(const uint8_t (*at)[DIGEST_OCTETS], size_t count,
                    uint8_t out[DIGEST_OCTETS])
{
    uint8_t data[1 + 2 * DIGEST_OCTETS] = {1};
    size_t k = 1;

    if (count == 0) {
        digest_sha256("", 0, out);
        return;
    }
    if (count == 1) {
        memcpy(out, at[0], DIGEST_OCTETS);
        return;
    }
    while (2 * k < count) {
        k *= 2;
    }
    defined(at, k, data + 1);
    defined(at + k, count - k, data + 1 + DIGEST_OCTETS);
    digest_sha256(data, sizeof(data), out);
}

static void roots_are_those_of_the_definition(void **state)
{
    struct audit_tree tree = {.size = 0};
    uint8_t root[DIGEST_OCTETS];
    uint8_t wanted[DIGEST_OCTETS];
    char hex[2 * DIGEST_OCTETS + 1];

    (void)state;
    for (size_t size = 0; size < MOST; size++) {
        audit_tree_root(&tree, root);
        defined((const uint8_t(*)[DIGEST_OCTETS])leaves, size, wanted);
        assert_memory_equal(root, wanted, sizeof(root));
        audit_tree_add(&tree, leaves[size]);
    }
    /* Of no leaves: the digest of nothing; of one empty leaf: as in the tests of others. */
    tree.size = 0;
    audit_tree_root(&tree, root);
    digest_hex(root, sizeof(root), hex);
    assert_string_equal(hex,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    audit_tree_leaf("", 0, root);
    digest_hex(root, sizeof(root), hex);
    assert_string_equal(hex,
                        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

static void every_leaf_has_a_path_that_proves_it_alone(void **state)
{
    struct audit_path path;
    uint8_t root[DIGEST_OCTETS];

    (void)state;
    for (unsigned size = 1; size < MOST; size++) {
        defined((const uint8_t(*)[DIGEST_OCTETS])leaves, size, root);
        for (unsigned leaf = 0; leaf < size; leaf++) {
            const uint8_t(*at)[DIGEST_OCTETS] = (const uint8_t(*)[DIGEST_OCTETS])path.at;

            audit_path_begin_inclusion(&path, leaf, size);
            for (unsigned i = 0; i < size; i++) {
                audit_path_add(&path, leaves[i]);
            }
            assert_true(audit_tree_includes(leaves[leaf], leaf, size, at, path.count, root));
            /* Another leaf, place, root; a path too short or too long. */
            assert_false(audit_tree_includes(leaves[(leaf + 1) % MOST], leaf, size, at,
                                             path.count, root));
            assert_false(
                audit_tree_includes(leaves[leaf], leaf + 1, size, at, path.count, root));
            assert_false(
                audit_tree_includes(leaves[leaf], leaf, size, at, path.count, leaves[69]));
            assert_false(audit_tree_includes(leaves[leaf], size, size, at, path.count, root));
            assert_false(
                audit_tree_includes(leaves[leaf], leaf, size, at, path.count + 1, root));
            if (path.count > 0) {
                assert_false(
                    audit_tree_includes(leaves[leaf], leaf, size, at, path.count - 1, root));
                path.at[path.count / 2][0] ^= 1;
                assert_false(
                    audit_tree_includes(leaves[leaf], leaf, size, at, path.count, root));
            }
        }
    }
}

static void a_tree_proves_what_it_has_grown_out_of(void **state)
{
    struct audit_path path;
    uint8_t root[DIGEST_OCTETS];
    uint8_t before[DIGEST_OCTETS];

    (void)state;
    for (unsigned size = 1; size < MOST; size++) {
        defined((const uint8_t(*)[DIGEST_OCTETS])leaves, size, root);
        for (unsigned old = 1; old <= size; old++) {
            const uint8_t(*at)[DIGEST_OCTETS] = (const uint8_t(*)[DIGEST_OCTETS])path.at;

            defined((const uint8_t(*)[DIGEST_OCTETS])leaves, old, before);
            audit_path_begin_consistency(&path, old, size);
            for (unsigned i = 0; i < size; i++) {
                audit_path_add(&path, leaves[i]);
            }
            assert_true(audit_tree_extends(old, before, size, root, at, path.count));
            assert_false(audit_tree_extends(old, leaves[69], size, root, at, path.count));
            assert_false(audit_tree_extends(old, before, size, leaves[69], at, path.count));
            assert_false(audit_tree_extends(size + 1, before, size, root, at, path.count));
            if (path.count > 0) {
                assert_false(audit_tree_extends(old, before, size, root, at, path.count - 1));
                path.at[0][3] ^= 1;
                assert_false(audit_tree_extends(old, before, size, root, at, path.count));
            }
        }
    }
    digest_sha256("", 0, before);
    assert_true(audit_tree_extends(0, before, 3, root, NULL, 0));
}

static void each_event_of_a_block_has_a_path(void **state)
{
    static const size_t sizes[] = {1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 300, 4097};
    static uint8_t work[4097][DIGEST_OCTETS];
    uint8_t path[AUDIT_EVENTS_PATH_MAX][DIGEST_OCTETS];
    uint8_t root[DIGEST_OCTETS];
    uint8_t leaf[DIGEST_OCTETS];

    (void)state;
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        const size_t size = sizes[k];

        for (size_t index = 0; index < size; index += 1 + size / 50) {
            for (size_t i = 0; i < size; i++) {
                digest_of(&i, sizeof(i), NULL, work[i]);
            }
            memcpy(leaf, work[index], sizeof(leaf));
            events_root(work, size, root);
            for (size_t i = 0; i < size; i++) {
                digest_of(&i, sizeof(i), NULL, work[i]);
            }
            const size_t count = audit_events_path(work, size, index, path);
            const uint8_t(*at)[DIGEST_OCTETS] = (const uint8_t(*)[DIGEST_OCTETS])path;
            assert_true(audit_events_include(leaf, index, size, at, count, root));
            assert_false(audit_events_include(root, index, size, at, count, root) && size > 1);
            assert_false(audit_events_include(leaf, size, size, at, count, root));
            if (count > 0) {
                assert_false(audit_events_include(leaf, index, size, at, count - 1, root));
                path[count - 1][0] ^= 1;
                assert_false(audit_events_include(leaf, index, size, at, count, root));
            }
        }
    }
}

/* As it is made of leaves that come some at a time. */
static void the_root_is_that_of_leaves_that_come_one_by_one(void **state)
{
    static const size_t counts[] = {1,   2,   15,  16,  17,   127,  128,  129,  255,   256,
                                    257, 271, 272, 273, 2047, 2048, 2049, 4096, 65536, 65537};
    static const uint32_t steps[] = {1, 4, 16, 64, 128};
    struct audit_events_tree *tree = malloc(sizeof(*tree));
    uint8_t(*work)[DIGEST_OCTETS] = malloc(AUDIT_BLOCK_EVENTS_MAX * sizeof(*work));
    uint8_t expected[DIGEST_OCTETS];
    uint8_t root[DIGEST_OCTETS];

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (size_t j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
            audit_events_begin(tree);
            for (size_t done = 0; done < counts[i]; done += steps[j]) {
                const size_t left = counts[i] - done;
                const uint32_t count = left < steps[j] ? (uint32_t)left : steps[j];

                for (uint32_t k = 0; k < count; k++) {
                    memset(work[done + k], (int)(done + k), DIGEST_OCTETS);
                    little_put32(work[done + k], (uint32_t)(done + k));
                    memcpy(audit_events_place(tree, k), work[done + k], DIGEST_OCTETS);
                }
                audit_events_add(tree, count);
            }
            audit_events_end(tree, root);
            events_root(work, counts[i], expected);
            assert_memory_equal(root, expected, sizeof(root));
        }
    }
    free(work);
    free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_definition),
        cmocka_unit_test(every_leaf_has_a_path_that_proves_it_alone),
        cmocka_unit_test(a_tree_proves_what_it_has_grown_out_of),
        cmocka_unit_test(each_event_of_a_block_has_a_path),
        cmocka_unit_test(the_root_is_that_of_leaves_that_come_one_by_one),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
