/* What the system grants, read from trees like those of the kernel, and what the cache does. */
#include "daemon/memory.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          ((size_t)1 << 20)

struct tree {
    char root[64];
};

static int make(void **state)
{
    struct tree *tree = calloc(1, sizeof(*tree));

    assert_non_null(tree);
    strcpy(tree->root, "/tmp/cordon-memory-XXXXXX");
    assert_non_null(mkdtemp(tree->root));
    *state = tree;
    return 0;
}

static int remove_tree(void **state)
{
    struct tree *tree = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", tree->root);
    const int rc = system(command);
    free(tree);
    return rc;
}

static void put(const struct tree *tree, const char *path, const char *text)
{
    char whole[512];

    snprintf(whole, sizeof(whole), "%s%s", tree->root, path);
    char *slash = strrchr(whole, '/');
    *slash = '\0';
    for (char *at = whole + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)file_make_folder(whole, 0755);
        *at = '/';
    }
    (void)file_make_folder(whole, 0755);
    *slash = '/';
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void the_tightest_group_counts_version_2(void **state)
{
    const struct tree *tree = *state;
    struct memory memory;

    put(tree, "/proc/self/cgroup", "0::/system.slice/cordond.service\n");
    put(tree, "/sys/fs/cgroup/system.slice/cordond.service/memory.max", "max\n");
    put(tree, "/sys/fs/cgroup/system.slice/cordond.service/memory.high", "max\n");
    put(tree, "/sys/fs/cgroup/system.slice/cordond.service/memory.current", "100\n");
    put(tree, "/sys/fs/cgroup/system.slice/memory.max", "104857600\n");
    put(tree, "/sys/fs/cgroup/system.slice/memory.high", "max\n");
    put(tree, "/sys/fs/cgroup/system.slice/memory.current", "90000000\n");
    put(tree, "/sys/fs/cgroup/system.slice/memory.stat",
        "anon 5\ninactive_file 20000000\nactive_file 10000000\nx_inactive_file 7\n");
    memory_open(&memory, tree->root);
    assert_int_equal(memory.limit, 104857600);
    assert_true(memory_look(&memory));
    assert_int_equal(memory.used, 60000000);
    /* The limit may change while we run. */
    put(tree, "/sys/fs/cgroup/system.slice/memory.high", "70000000\n");
    put(tree, "/sys/fs/cgroup/system.slice/memory.current", "65000000\n");
    assert_true(memory_look(&memory));
    assert_int_equal(memory.limit, 70000000);
    assert_int_equal(memory.used, 35000000);
    put(tree, "/sys/fs/cgroup/system.slice/memory.high", "max\n");
    put(tree, "/sys/fs/cgroup/system.slice/memory.max", "max\n");
    assert_false(memory_look(&memory));
    memory_close(&memory);
}

static void the_tightest_group_counts_version_1(void **state)
{
    const struct tree *tree = *state;
    struct memory memory;

    put(tree, "/proc/self/cgroup",
        "5:cpu,cpuacct:/other\n4:hugetlb,memory:/a/b\n1:name=systemd:/c\n0::/d\n");
    put(tree, "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "50000000\n");
    put(tree, "/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "40000000\n");
    put(tree, "/sys/fs/cgroup/memory/a/b/memory.stat",
        "inactive_file 1\nactive_file 1\ntotal_inactive_file 5000000\ntotal_active_file 0\n");
    put(tree, "/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
    put(tree, "/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "1\n");
    memory_open(&memory, tree->root);
    assert_true(memory_look(&memory));
    assert_int_equal(memory.limit, 50000000);
    assert_int_equal(memory.used, 35000000);
    memory_close(&memory);
}

/* A container shows its own group as the root, under a path of the machine's. */
static void a_path_that_is_not_in_view_ends_at_what_is(void **state)
{
    const struct tree *tree = *state;
    struct memory memory;

    put(tree, "/proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    put(tree, "/sys/fs/cgroup/memory.max", "33554432\n");
    put(tree, "/sys/fs/cgroup/memory.current", "1000\n");
    memory_open(&memory, tree->root);
    assert_true(memory_look(&memory));
    assert_int_equal(memory.limit, 33554432);
    assert_int_equal(memory.used, 1000); /* without memory.stat: all of it */
    memory_close(&memory);
}

static void what_is_missing_or_nonsense_is_no_limit(void **state)
{
    const struct tree *tree = *state;
    static const char *const groups[] = {
        "",           "nonsense\n",         "0:\n",
        "::\n",       "0::/../../../etc\n", "0::/none\n",
        "4:memory\n", "4:memory:/none\n",   "0::/odd\n",
    };
    struct memory memory;

    memory_open(&memory, tree->root);
    assert_false(memory_look(&memory));
    memory_close(&memory);
    put(tree, "/sys/fs/cgroup/odd/memory.max", "x12\n");
    put(tree, "/sys/fs/cgroup/odd/memory.current", "99999999999999999999999\n");
    for (size_t i = 0; i < ITEMS(groups); i++) {
        put(tree, "/proc/self/cgroup", groups[i]);
        memory_open(&memory, tree->root);
        assert_false(memory_look(&memory));
        assert_true(memory.limit == MEMORY_NO_LIMIT);
        memory_close(&memory);
    }
}

static void the_cache_takes_half_of_what_there_is_at_most(void **state)
{
    struct memory memory = {.limit = 100 * MIB};

    (void)state;
    assert_int_equal(memory_cache_size(&memory, 10 * MIB), 10 * MIB);
    assert_int_equal(memory_cache_size(&memory, 50 * MIB), 50 * MIB);
    assert_int_equal(memory_cache_size(&memory, 51 * MIB), 50 * MIB);
    assert_int_equal(memory_cache_size(&memory, (size_t)1 << 40), 50 * MIB);
    memory.limit = 10; /* whoever sets that */
    assert_int_equal(memory_cache_size(&memory, 64 * MIB), CACHE_SIZE_MIN);
    assert_int_equal(memory_cache_size(&memory, CACHE_SIZE_MIN), CACHE_SIZE_MIN);
}

static void rings_take_an_eighth_of_what_there_is_at_most(void **state)
{
    static const struct {
        size_t limit;
        unsigned rings;
        size_t each;
    } cases[] = {
        {512 * MIB, 2, 32 * MIB}, /* more is of no use */
        {511 * MIB, 2, 16 * MIB}, {512 * MIB, 3, 16 * MIB}, {96 * MIB, 1, 8 * MIB},
        {96 * MIB, 2, 4 * MIB},   {10, 1, 4 * MIB}, /* less is too little */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct memory memory = {.limit = cases[i].limit};

        assert_int_equal(memory_ring_size(&memory, cases[i].rings), cases[i].each);
    }
}

static void it_halves_when_memory_is_short_and_grows_slowly_when_it_is_not(void **state)
{
    static const struct {
        uint64_t used, limit;
        size_t now, full, next;
    } cases[] = {
        {50, 100, 64, 64, 64}, /* all is well */
        {89, 100, 64, 64, 64}, /* not yet */
        {91, 100, 64, 64, 32}, /* short */
        {95, 100, 32, 64, 16}, /* still */
        {100, 100, 1, 64, 1},  /* it has given all it can */
        {80, 100, 16, 64, 16}, /* neither */
        {76, 100, 16, 64, 16}, /* neither */
        {74, 100, 16, 64, 20}, /* better */
        {74, 100, 62, 64, 64}, /* whole again */
        {0, 0, 16, 64, 16},    /* a limit of nothing, of which nothing is used */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        assert_int_equal(memory_step(cases[i].used * MIB, cases[i].limit * MIB,
                                     cases[i].now * MIB, cases[i].full * MIB),
                         cases[i].next * MIB);
    }
    assert_int_equal(memory_step(0, MEMORY_NO_LIMIT, 16 * MIB, 64 * MIB), 20 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_tightest_group_counts_version_2, make, remove_tree),
        cmocka_unit_test_setup_teardown(the_tightest_group_counts_version_1, make, remove_tree),
        cmocka_unit_test_setup_teardown(a_path_that_is_not_in_view_ends_at_what_is, make,
                                        remove_tree),
        cmocka_unit_test_setup_teardown(what_is_missing_or_nonsense_is_no_limit, make,
                                        remove_tree),
        cmocka_unit_test(the_cache_takes_half_of_what_there_is_at_most),
        cmocka_unit_test(rings_take_an_eighth_of_what_there_is_at_most),
        cmocka_unit_test(it_halves_when_memory_is_short_and_grows_slowly_when_it_is_not),
    };
    return cmocka_run_group_tests_name("daemon/memory", tests, NULL, NULL);
}
