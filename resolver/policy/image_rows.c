/* First part of the compiler: what rules say, as rows, and the rules on prefixes. */
#include "policy/image_build.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

struct build_row build_row_at(const struct build *build, uint32_t row)
{
    struct build_row out;
    size_t len = 0;

    memcpy(&out, build_numbers_at(&build->rows, row, &len), sizeof(out));
    return out;
}

static int compare_strings(const char *a, const char *b)
{
    return a == b ? 0 : a == NULL ? -1 : b == NULL ? 1 : strcmp(a, b);
}

static int compare_content(const struct build_row *a, const struct build_row *b)
{
    const uint8_t left[] = {a->list,       a->kind,   a->match, a->scope,
                            a->confidence, a->action, a->flags};
    const uint8_t right[] = {b->list,       b->kind,   b->match, b->scope,
                             b->confidence, b->action, b->flags};
    int order = memcmp(left, right, sizeof(left));

    if (order == 0) {
        order = compare_strings(a->category, b->category);
    }
    return order != 0 ? order : compare_strings(a->redirect, b->redirect);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
    const uint32_t *left = a;
    const uint32_t *right = b;
    const struct build_row x = build_row_at(arg, *left);
    const struct build_row y = build_row_at(arg, *right);

    return compare_content(&x, &y);
}

/* Row numbers become those of the image: in the order of content, equal content once. */
static int number_rows(struct build *build)
{
    const uint32_t count = build->rows.count;

    build->row_order = build_sort(count, compare_rows, build);
    build->row_final = malloc(((size_t)count + 1) * sizeof(build->row_final[0]));
    if (build->row_order == NULL || build->row_final == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct build_row row = build_row_at(build, build->row_order[i]);
        bool same = false;

        if (build->row_written > 0) {
            const struct build_row last =
                build_row_at(build, build->row_order[build->row_written - 1]);
            same = compare_content(&last, &row) == 0;
        }
        const uint32_t provisional = build->row_order[i];
        if (!same) {
            build->row_order[build->row_written++] = provisional;
        }
        build->row_final[provisional] = build->row_written - 1;
    }
    return 0;
}

static int compare_prefixes(const void *a, const void *b)
{
    const struct build_prefix *left = a;
    const struct build_prefix *right = b;

    if (left->prefix.family != right->prefix.family) {
        return left->prefix.family < right->prefix.family ? -1 : 1;
    }
    const int order = memcmp(left->prefix.octets, right->prefix.octets, 16);
    if (order != 0) {
        return order;
    }
    return left->prefix.bits < right->prefix.bits ? -1 : left->prefix.bits > right->prefix.bits;
}

/* Rows that stand for "has rules below": see BUILD_BELOW_OCTETS. */
static int add_below_rows(struct build *build)
{
    for (size_t i = 0; i < build->list_count; i++) {
        const struct build_row rows[2] = {
            {.category = "",
             .list = (uint8_t)i,
             .kind = POLICY_PASS,
             .action = POLICY_ACTION_PASS},
            {.category = "",
             .list = (uint8_t)i,
             .kind = POLICY_BLOCK,
             .action = POLICY_ACTION_DEFAULT},
        };
        for (size_t k = 0; k < 2; k++) {
            build->below_rows[i][k] = build_numbers_of(&build->rows, &rows[k], sizeof(rows[k]));
            if (build->below_rows[i][k] == BUILD_NONE) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

static int add_rule(struct build *build, size_t list, const struct policy_list_rule *rule,
                    uint32_t number)
{
    const struct build_row row = {
        .category = rule->category,
        .redirect = rule->redirect,
        .list = (uint8_t)list,
        .kind = (uint8_t)rule->kind,
        .match = (uint8_t)rule->match,
        .scope = (uint8_t)rule->scope,
        .confidence = (uint8_t)rule->confidence,
        .action = (uint8_t)rule->action,
        .flags = (uint8_t)((rule->redirect_prefixes ? IMAGE_ROW_PREFIXES : 0) |
                           (rule->ends_chain ? IMAGE_ROW_ENDS : 0) |
                           (unsigned)rule->subject << IMAGE_ROW_SUBJECT),
    };

    build->rule_rows[number] = build_numbers_of(&build->rows, &row, sizeof(row));
    if (build->rule_rows[number] == BUILD_NONE) {
        return -ENOMEM;
    }
    if (rule->match == POLICY_MATCH_PREFIX) {
        build->prefixes[build->prefix_count++] = (struct build_prefix){
            .prefix = build->lists[list]->prefixes[rule->name], .rule = number};
    }
    return 0;
}

int build_rows(struct build *build)
{
    size_t prefix_count = 0;
    uint32_t number = 0;

    _Static_assert(sizeof(struct build_row) == 2 * sizeof(char *) + 8, "a row has no padding");
    if (build_numbers_init(&build->rows, build->inputs) != 0 || add_below_rows(build) != 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < build->list_count; i++) {
        for (size_t k = 0; k < build->lists[i]->rule_count; k++) {
            prefix_count += build->lists[i]->rules[k].match == POLICY_MATCH_PREFIX;
        }
    }
    build->rule_rows = malloc(((size_t)build->rule_count + 1) * sizeof(build->rule_rows[0]));
    build->rule_next = calloc((size_t)build->rule_count + 1, sizeof(build->rule_next[0]));
    build->prefixes = malloc((prefix_count + 1) * sizeof(build->prefixes[0]));
    if (build->rule_rows == NULL || build->rule_next == NULL || build->prefixes == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < build->list_count; i++) {
        for (size_t k = 0; k < build->lists[i]->rule_count; k++) {
            const int rc = add_rule(build, i, &build->lists[i]->rules[k], number++);
            if (rc != 0) {
                return rc;
            }
        }
    }
    qsort(build->prefixes, build->prefix_count, sizeof(build->prefixes[0]), compare_prefixes);
    return number_rows(build);
}
