/* Third part of the compiler: which rules stand together. */
#include "policy/image_build.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

struct members {
    uint32_t rows[IMAGE_SET_MAX]; /* ascending */
    unsigned count;
};

/* Adds a row in its place, once. False if the set is full. */
static bool add_member(struct members *members, uint32_t row)
{
    unsigned at = members->count;

    while (at > 0 && members->rows[at - 1] > row) {
        at--;
    }
    if (at > 0 && members->rows[at - 1] == row) {
        return true;
    }
    if (members->count == IMAGE_SET_MAX) {
        return false;
    }
    memmove(members->rows + at + 1, members->rows + at,
            (members->count - at) * sizeof(members->rows[0]));
    members->rows[at] = row;
    members->count++;
    return true;
}

static int set_of(struct build *build, const struct members *members, uint32_t *set)
{
    *set = build_numbers_of(&build->sets, members->rows,
                            members->count * sizeof(members->rows[0]));
    return *set == BUILD_NONE ? -ENOMEM : 0;
}

/* The rows for a bitmap of lists with rules below. */
static int below_set(struct build *build, uint32_t below, uint32_t *set)
{
    struct members members = {.count = 0};

    for (size_t list = 0; below != 0 && list < build->list_count; list++) {
        for (unsigned k = 0; k < 2; k++) {
            const size_t bit = 2 * list + k;

            if ((build->below[below - 1][bit / 8] & 1u << bit % 8) != 0 &&
                !add_member(&members, build->row_final[build->below_rows[list][k]])) {
                return CORDON_E_LIMIT;
            }
        }
    }
    return set_of(build, &members, set);
}

static int class_of(struct build *build, const uint32_t sets[3], uint32_t *class)
{
    *class = build_numbers_of(&build->classes, sets, 3 * sizeof(sets[0]));
    if (*class == BUILD_NONE) {
        return -ENOMEM;
    }
    if (*class >= build->class_uses_room) {
        const size_t room = 2 * build->class_uses_room + 64;
        uint32_t *uses = realloc(build->class_uses, room * sizeof(uses[0]));

        if (uses == NULL) {
            return -ENOMEM;
        }
        memset(uses + build->class_uses_room, 0,
               (room - build->class_uses_room) * sizeof(uses[0]));
        build->class_uses = uses;
        build->class_uses_room = room;
    }
    build->class_uses[*class]++;
    return 0;
}

static int node_class(struct build *build, struct build_node *node)
{
    struct members self, below;
    uint32_t sets[3];

    self.count = below.count = 0;

    for (uint32_t rule = node->rules; rule != 0; rule = build->rule_next[rule - 1]) {
        const uint32_t provisional = build->rule_rows[rule - 1];
        const uint32_t row = build->row_final[provisional];
        const uint8_t match = build_row_at(build, provisional).match;

        if ((match != POLICY_MATCH_BELOW && !add_member(&self, row)) ||
            (match != POLICY_MATCH_EXACT && !add_member(&below, row))) {
            return CORDON_E_LIMIT;
        }
    }
    int rc = set_of(build, &self, &sets[0]);
    if (rc == 0) {
        rc = set_of(build, &below, &sets[1]);
    }
    if (rc == 0) {
        rc = below_set(build, node->below, &sets[2]);
    }
    return rc != 0 ? rc : class_of(build, sets, &node->class);
}

/* Most nodes have one rule and nothing below: their class is found by its row. */
static int class_of_node(struct build *build, struct build_node *node)
{
    const bool alone =
        node->rules != 0 && build->rule_next[node->rules - 1] == 0 && node->below == 0;
    uint32_t *known = alone ? &build->class_alone[build->rule_rows[node->rules - 1]] : NULL;

    if (known != NULL && *known != BUILD_NONE) {
        node->class = *known;
        build->class_uses[node->class]++;
        return 0;
    }
    const int rc = node_class(build, node);
    if (known != NULL && rc == 0) {
        *known = node->class;
    }
    return rc;
}

/* Equal prefixes become one, with the set of their rules; each learns which covers it. */
static int prefix_sets(struct build *build)
{
    struct build_prefix *prefixes = build->prefixes;
    size_t kept = 0;

    /* Kept as they were read for another attempt: sets are set anew, and merged ones are found
     * equal again, since rules of a merged prefix hang on its first rule. */
    for (size_t i = 0; i < build->prefix_count;) {
        struct members members = {.count = 0};
        uint8_t subjects = 0;
        size_t next = i;

        for (; next < build->prefix_count && memcmp(&prefixes[next].prefix, &prefixes[i].prefix,
                                                    sizeof(prefixes[i].prefix)) == 0;
             next++) {
            for (uint32_t rule = prefixes[next].rule + 1; rule != 0;
                 rule = build->rule_next[rule - 1]) {
                const uint32_t row = build->rule_rows[rule - 1];

                if (!add_member(&members, build->row_final[row])) {
                    return CORDON_E_LIMIT;
                }
                subjects |=
                    (uint8_t)(1u << (build_row_at(build, row).flags >> IMAGE_ROW_SUBJECT));
            }
            if (next > i) {
                uint32_t last = prefixes[i].rule;

                while (build->rule_next[last] != 0) {
                    last = build->rule_next[last] - 1;
                }
                build->rule_next[last] = prefixes[next].rule + 1;
            }
        }
        struct build_prefix merged = prefixes[i];
        merged.subjects = subjects;
        const int rc = set_of(build, &members, &merged.set);
        if (rc != 0) {
            return rc;
        }
        size_t above = kept;
        for (; above != 0; above = prefixes[above - 1].above) {
            struct address start = {.family = merged.prefix.family};

            memcpy(start.octets, merged.prefix.octets, sizeof(start.octets));
            if (address_prefix_covers(&prefixes[above - 1].prefix, &start)) {
                break;
            }
        }
        merged.above = (uint32_t)above;
        prefixes[kept++] = merged;
        i = next;
    }
    build->prefix_count = kept;
    return 0;
}

static int compare_sets(const void *a, const void *b, void *arg)
{
    const struct build *build = arg;
    const uint32_t *left = a;
    const uint32_t *right = b;
    size_t left_len = 0, right_len = 0;
    const uint8_t *x = build_numbers_at(&build->sets, *left, &left_len);
    const uint8_t *y = build_numbers_at(&build->sets, *right, &right_len);

    if (left_len != right_len) {
        return left_len < right_len ? -1 : 1;
    }
    for (size_t i = 0; i < left_len; i += sizeof(uint32_t)) {
        uint32_t row_x, row_y;

        memcpy(&row_x, x + i, sizeof(row_x));
        memcpy(&row_y, y + i, sizeof(row_y));
        if (row_x != row_y) {
            return row_x < row_y ? -1 : 1;
        }
    }
    return 0;
}

/* The class of no rules first, then by use (small numbers take fewer octets), then content. */
static int compare_classes(const void *a, const void *b, void *arg)
{
    const struct build *build = arg;
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    uint32_t x[3], y[3];
    size_t len = 0;

    if ((left == 0) != (right == 0)) {
        return left == 0 ? -1 : 1;
    }
    if (build->class_uses[left] != build->class_uses[right]) {
        return build->class_uses[left] > build->class_uses[right] ? -1 : 1;
    }
    memcpy(x, build_numbers_at(&build->classes, left, &len), sizeof(x));
    memcpy(y, build_numbers_at(&build->classes, right, &len), sizeof(y));
    for (unsigned i = 0; i < 3; i++) {
        if (x[i] != y[i]) {
            return build->set_final[x[i]] < build->set_final[y[i]] ? -1 : 1;
        }
    }
    return 0;
}

int build_sets(struct build *build)
{
    static const uint32_t nothing[3] = {0};
    const struct members none = {.count = 0};
    uint32_t zero = 0;

    if (build_numbers_init(&build->sets, build->seed) != 0 ||
        build_numbers_init(&build->classes, build->seed) != 0) {
        return -ENOMEM;
    }
    build->class_alone = malloc(((size_t)build->rows.count + 1) * sizeof(uint32_t));
    if (build->class_alone == NULL) {
        return -ENOMEM;
    }
    memset(build->class_alone, 0xff, build->rows.count * sizeof(uint32_t)); /* BUILD_NONE */
    int rc = set_of(build, &none, &zero);                                   /* set 0 */
    if (rc == 0) {
        rc = class_of(build, nothing, &zero); /* class 0 */
    }
    for (uint32_t i = 0; rc == 0 && i < build->node_count; i++) {
        rc = class_of_node(build, &build->nodes[i]);
    }
    if (rc == 0) {
        rc = prefix_sets(build);
    }
    if (rc != 0) {
        return rc;
    }
    build->set_order = build_sort(build->sets.count, compare_sets, build);
    build->set_final =
        build->set_order == NULL ? NULL : build_inverse(build->set_order, build->sets.count);
    if (build->set_final == NULL) {
        return -ENOMEM;
    }
    build->class_order = build_sort(build->classes.count, compare_classes, build);
    build->class_final = build->class_order == NULL
                             ? NULL
                             : build_inverse(build->class_order, build->classes.count);
    return build->class_final == NULL ? -ENOMEM : 0;
}
