#include "policy/image_build.h"

#include "base/digest.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Seeds tried before giving up. A chain is too long or two hashes are equal about once in a
 * billion builds. */
#define ATTEMPTS_MAX 16u

static void numbers_reset(struct build_numbers *numbers)
{
    free(numbers->pool);
    free(numbers->starts);
    free(numbers->table);
}

int build_numbers_init(struct build_numbers *numbers, const uint8_t key[SIPHASH_KEY_OCTETS])
{
    *numbers = (struct build_numbers){.room = 64, .table_size = 256, .pool_room = 1024};
    memcpy(numbers->key, key, sizeof(numbers->key));
    numbers->pool = malloc(numbers->pool_room);
    numbers->starts = calloc(numbers->room + 1, sizeof(numbers->starts[0]));
    numbers->table = calloc(numbers->table_size, sizeof(numbers->table[0]));
    return numbers->pool == NULL || numbers->starts == NULL || numbers->table == NULL ? -ENOMEM
                                                                                      : 0;
}

void build_numbers_deinit(struct build_numbers *numbers)
{
    numbers_reset(numbers);
    *numbers = (struct build_numbers){.count = 0};
}

const uint8_t *build_numbers_at(const struct build_numbers *numbers, uint32_t number,
                                size_t *len)
{
    const size_t start = numbers->starts[number];

    *len = numbers->starts[number + 1] - start;
    return numbers->pool + start;
}

static size_t numbers_slot(const struct build_numbers *numbers, const uint32_t *table,
                           size_t size, const void *octets, size_t len)
{
    size_t at = siphash13(octets, len, numbers->key) & (size - 1);

    while (table[at] != 0) {
        size_t other_len = 0;
        const uint8_t *other = build_numbers_at(numbers, table[at] - 1, &other_len);

        if (other_len == len && (len == 0 || memcmp(other, octets, len) == 0)) {
            break;
        }
        at = (at + 1) & (size - 1);
    }
    return at;
}

static bool numbers_grow(struct build_numbers *numbers, size_t len)
{
    if (numbers->count == numbers->room) {
        const uint32_t room = 2 * numbers->room;
        size_t *starts = realloc(numbers->starts, ((size_t)room + 1) * sizeof(starts[0]));

        if (starts == NULL) {
            return false;
        }
        numbers->starts = starts;
        numbers->room = room;
    }
    if (numbers->pool_room - numbers->pool_len < len) {
        const size_t room = 2 * numbers->pool_room + len;
        uint8_t *pool = realloc(numbers->pool, room);

        if (pool == NULL) {
            return false;
        }
        numbers->pool = pool;
        numbers->pool_room = room;
    }
    if (2 * ((size_t)numbers->count + 1) > numbers->table_size) {
        const size_t size = 2 * numbers->table_size;
        uint32_t *table = calloc(size, sizeof(table[0]));

        if (table == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < numbers->count; i++) {
            size_t item_len = 0;
            const uint8_t *item = build_numbers_at(numbers, i, &item_len);

            table[numbers_slot(numbers, table, size, item, item_len)] = i + 1;
        }
        free(numbers->table);
        numbers->table = table;
        numbers->table_size = size;
    }
    return true;
}

uint32_t build_numbers_of(struct build_numbers *numbers, const void *octets, size_t len)
{
    size_t slot = numbers_slot(numbers, numbers->table, numbers->table_size, octets, len);

    if (numbers->table[slot] != 0) {
        return numbers->table[slot] - 1;
    }
    if (numbers->count == BUILD_NONE - 1 || !numbers_grow(numbers, len)) {
        return BUILD_NONE;
    }
    slot = numbers_slot(numbers, numbers->table, numbers->table_size, octets, len);
    if (len > 0) {
        memcpy(numbers->pool + numbers->pool_len, octets, len);
    }
    numbers->pool_len += len;
    numbers->starts[++numbers->count] = numbers->pool_len;
    numbers->table[slot] = numbers->count;
    return numbers->count - 1;
}

uint32_t *build_sort(uint32_t count, int (*compare)(const void *a, const void *b, void *arg),
                     void *arg)
{
    uint32_t *order = malloc(((size_t)count + 1) * sizeof(order[0]));

    if (order != NULL) {
        for (uint32_t i = 0; i < count; i++) {
            order[i] = i;
        }
        qsort_r(order, count, sizeof(order[0]), compare, arg);
    }
    return order;
}

uint32_t *build_inverse(const uint32_t *order, uint32_t count)
{
    uint32_t *inverse = malloc(((size_t)count + 1) * sizeof(inverse[0]));

    for (uint32_t i = 0; inverse != NULL && i < count; i++) {
        inverse[order[i]] = i;
    }
    return inverse;
}

/* By id, then, of versions of one list, by what they are. */
static int compare_inputs(const struct policy_list *a, const struct policy_list *b)
{
    const int order = strcmp(a->id, b->id);

    return order != 0 ? order : memcmp(a->digest, b->digest, sizeof(a->digest));
}

void policy_image_inputs(const struct policy_list *const *lists, size_t count, uint8_t out[32])
{
    const uint8_t version[4] = {IMAGE_MAJOR, 0, IMAGE_MINOR, 0};
    const struct policy_list *last = NULL;
    struct digest digest;

    digest_init(&digest, NULL, 32);
    digest_add(&digest, "cordon policy image inputs", 27);
    digest_add(&digest, version, sizeof(version));
    for (;;) {
        const struct policy_list *next = NULL;

        for (size_t i = 0; i < count; i++) {
            if ((last == NULL || compare_inputs(lists[i], last) > 0) &&
                (next == NULL || compare_inputs(lists[i], next) < 0)) {
                next = lists[i];
            }
        }
        if (next == NULL) {
            break;
        }
        digest_add(&digest, next->id, strlen(next->id) + 1);
        digest_add(&digest, next->digest, sizeof(next->digest));
        last = next;
    }
    digest_end(&digest, out, 32);
}

/* Of x86-64, and of aarch64 with pages of 4 KiB. Elsewhere the advice is for other pages. */
#define LARGE_PAGE ((uintptr_t)2 << 20)

void build_large_pages(void *memory, size_t len)
{
    const uintptr_t from = ((uintptr_t)memory + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
    const uintptr_t to = ((uintptr_t)memory + len) & ~(LARGE_PAGE - 1);

    if (memory != NULL && to > from) {
        madvise((void *)from, to - from, MADV_HUGEPAGE); /* without them it is only slower */
    }
}

static void choose_seed(struct build *build, uint32_t attempt)
{
    uint8_t number[4];
    struct digest digest;

    build->attempt = attempt;
    little_put32(number, attempt);
    digest_init(&digest, NULL, sizeof(build->seed));
    digest_add(&digest, "cordon policy image seed", 25);
    digest_add(&digest, build->inputs, sizeof(build->inputs));
    digest_add(&digest, number, sizeof(number));
    digest_end(&digest, build->seed, sizeof(build->seed));
}

/* What depends on the seed. */
static void drop_attempt(struct build *build)
{
    free(build->nodes);
    free(build->table);
    free(build->below);
    free(build->origins);
    free(build->set_final);
    free(build->set_order);
    free(build->class_final);
    free(build->class_order);
    free(build->class_uses);
    free(build->class_alone);
    free(build->order);
    build_numbers_deinit(&build->sets);
    build_numbers_deinit(&build->classes);
    build->nodes = NULL;
    build->table = NULL;
    build->below = NULL;
    build->origins = NULL;
    build->set_final = build->set_order = NULL;
    build->class_final = build->class_order = build->class_uses = NULL;
    build->class_alone = NULL;
    build->order = NULL;
    build->node_count = build->node_room = build->below_count = build->below_room = 0;
    build->table_size = build->origin_count = build->class_uses_room = 0;
    build->interior_count = build->max_depth = 0;
}

void build_tell(const struct build *build, unsigned tenths)
{
    report_progress(build->report, "compiling", tenths, 10);
}

static int try_seed(struct build *build, struct policy_image **image)
{
    int rc = build_nodes(build); /* about half of the time */

    if (rc == 0) {
        build_tell(build, 5);
        rc = build_sets(build);
    }
    if (rc == 0) {
        build_tell(build, 6);
        rc = build_places(build);
    }
    if (rc == 0) {
        build_tell(build, 8);
        rc = build_emit(build, image);
    }
    return rc;
}

static int compare_lists(const void *a, const void *b)
{
    const struct policy_list *const *left = a;
    const struct policy_list *const *right = b;

    const int order = strcmp((*left)->id, (*right)->id);

    return order != 0
               ? order
               : ((*left)->serial > (*right)->serial) - ((*left)->serial < (*right)->serial);
}

static int take_lists(struct build *build, const struct policy_list *const *lists, size_t count)
{
    uint64_t rules = 0;

    if (count > POLICY_LISTS_MAX) {
        return CORDON_E_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        build->lists[i] = lists[i];
        rules += lists[i]->rule_count;
    }
    /* Numbers of rules + 1 and of nodes + 1 fit 32 bits; so does what a rule's labels add. */
    if (rules > IMAGE_VARINT_MAX) {
        return CORDON_E_LIMIT;
    }
    build->rule_count = (uint32_t)rules;
    build->list_count = count;
    qsort(build->lists, count, sizeof(build->lists[0]), compare_lists);
    for (size_t i = 1; i < count; i++) {
        if (compare_lists(&build->lists[i - 1], &build->lists[i]) == 0) {
            return -EEXIST;
        }
    }
    policy_image_inputs(lists, count, build->inputs);
    return 0;
}

int policy_image_build(const struct policy_list *const *lists, size_t count,
                       struct policy_image **image)
{
    return policy_image_build_told(lists, count, NULL, image);
}

int policy_image_build_told(const struct policy_list *const *lists, size_t count,
                            struct report *report, struct policy_image **image)
{
    struct build *build = calloc(1, sizeof(*build));

    if (build == NULL) {
        return -ENOMEM;
    }
    build->report = report;
    int rc = take_lists(build, lists, count);
    if (rc == 0) {
        rc = build_rows(build);
    }
    if (rc == 0) {
        rc = BUILD_RETRY;
    }
    for (uint32_t attempt = 0; rc == BUILD_RETRY && attempt < ATTEMPTS_MAX; attempt++) {
        choose_seed(build, attempt);
        rc = try_seed(build, image);
        drop_attempt(build);
    }
    build_numbers_deinit(&build->rows);
    free(build->rule_rows);
    free(build->rule_next);
    free(build->row_final);
    free(build->row_order);
    free(build->prefixes);
    free(build);
    return rc == BUILD_RETRY ? CORDON_E_LIMIT : rc;
}
