/* Second part of the compiler: the tree of names, the numbers of its interior nodes, and the
 * places of all nodes in the lines. */
#include "policy/image_build.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

/* A slot of the table: half of the hash, then number of the node + 1; 0: free. The table is
 * searched and grown without a look at the nodes, which are far apart in memory. */
static uint64_t slot_of(uint64_t hash, uint32_t node)
{
    return (hash & ~UINT64_C(0xffffffff)) | (node + 1u);
}

static bool grow_table(struct build *build)
{
    const size_t size = 2 * build->table_size;
    uint64_t *table = calloc(size, sizeof(table[0]));

    if (table == NULL) {
        return false;
    }
    build_large_pages(table, size * sizeof(table[0]));
    for (size_t i = 0; i < build->table_size; i++) {
        size_t at = (build->table[i] >> 32) & (size - 1);

        while (build->table[i] != 0 && table[at] != 0) {
            at = (at + 1) & (size - 1);
        }
        if (build->table[i] != 0) {
            table[at] = build->table[i];
        }
    }
    free(build->table);
    build->table = table;
    build->table_size = size;
    return true;
}

static bool make_room(struct build *build)
{
    if (build->node_count == build->node_room) {
        const uint32_t room = build->node_room + build->node_room / 4 + 16;
        struct build_node *nodes = realloc(build->nodes, room * sizeof(nodes[0]));

        if (nodes == NULL) {
            return false;
        }
        build->nodes = nodes;
        build->node_room = room;
    }
    return 4 * (size_t)build->node_count < 3 * build->table_size || grow_table(build);
}

static int start_tree(struct build *build)
{
    size_t size = 1024;

    while (3 * size < 4 * (size_t)build->rule_count) {
        size *= 2;
    }
    build->table_size = size;
    build->table = calloc(size, sizeof(build->table[0]));
    build->node_room = build->rule_count + build->rule_count / 4 + 16;
    build->nodes = malloc(build->node_room * sizeof(build->nodes[0]));
    if (build->table == NULL || build->nodes == NULL) {
        return -ENOMEM;
    }
    build_large_pages(build->table, size * sizeof(build->table[0]));
    build_large_pages(build->nodes, build->node_room * sizeof(build->nodes[0]));
    build->nodes[0] = (struct build_node){.label = (const uint8_t *)""};
    build->node_count = 1;
    return 0;
}

/* Finds or adds the child of parent. Two names with one hash would need a tie-break in
 * every order: another seed is simpler. */
static int enter(struct build *build, uint64_t hash, const uint8_t *label, uint32_t *node)
{
    size_t at = (hash >> 32) & (build->table_size - 1);

    for (; build->table[at] != 0; at = (at + 1) & (build->table_size - 1)) {
        if (build->table[at] >> 32 != hash >> 32) {
            continue;
        }
        const uint32_t found = (uint32_t)build->table[at] - 1;
        const struct build_node *other = &build->nodes[found];

        if (other->hash == hash) {
            if (other->parent != *node || other->label[0] != label[0] ||
                memcmp(other->label + 1, label + 1, label[0]) != 0) {
                return BUILD_RETRY;
            }
            *node = found;
            return 0;
        }
    }
    if (build->node_count == IMAGE_VARINT_MAX) {
        return CORDON_E_LIMIT;
    }
    build->table[at] = slot_of(hash, build->node_count);
    build->nodes[*node].children++;
    build->nodes[build->node_count] =
        (struct build_node){.hash = hash, .label = label, .parent = *node};
    *node = build->node_count++;
    return make_room(build) ? 0 : -ENOMEM;
}

/* Sets a bit at the node and all above it; those above one that has it have it too. */
static int mark_below(struct build *build, uint32_t node, unsigned bit)
{
    for (;;) {
        struct build_node *at = &build->nodes[node];

        if (at->below == 0) {
            if (build->below_count == build->below_room) {
                const uint32_t room = 2 * build->below_room + 64;
                void *below = realloc(build->below, (size_t)room * BUILD_BELOW_OCTETS);

                if (below == NULL) {
                    return -ENOMEM;
                }
                build->below = below;
                build->below_room = room;
            }
            memset(build->below[build->below_count++], 0, BUILD_BELOW_OCTETS);
            at->below = build->below_count;
        }
        uint8_t *octet = &build->below[at->below - 1][bit / 8];
        if ((*octet & 1u << bit % 8) != 0 || node == 0) {
            *octet |= (uint8_t)(1u << bit % 8);
            return 0;
        }
        *octet |= (uint8_t)(1u << bit % 8);
        node = at->parent;
    }
}

/* What a rule at the node lets exist below the names above it. */
static int mark_rule(struct build *build, uint32_t node, size_t list,
                     const struct policy_list_rule *rule)
{
    const bool lets_through = rule->kind == POLICY_PASS || rule->action == POLICY_ACTION_PASS ||
                              rule->action == POLICY_ACTION_LOG;

    if (rule->subject != POLICY_SUBJECT_ANSWER ||
        (!lets_through && rule->action != POLICY_ACTION_DEFAULT)) {
        return 0;
    }
    const unsigned bit = 2 * (unsigned)list + (lets_through ? 0 : 1);
    return mark_below(
        build, rule->match == POLICY_MATCH_BELOW ? node : build->nodes[node].parent, bit);
}

/* A name on its way into the tree. Its hashes are known some names before they are looked for,
 * so that the slots of the table are on their way from memory meanwhile: else the compiler
 * would spend most of its time waiting for them. */
struct entering {
    const struct policy_list_rule *rule;
    const uint8_t *name;
    uint32_t number; /* of the rule */
    uint8_t list, labels;
    uint8_t starts[WIRE_LABELS_MAX];
    uint64_t hashes[WIRE_LABELS_MAX]; /* of the suffix that begins there */
};

#define ENTERING 16u /* names: their slots take longer to come than a few take to enter */

static int hash_name(const struct build *build, size_t list,
                     const struct policy_list_rule *rule, uint32_t number,
                     struct entering *entering)
{
    const uint8_t *name = build->lists[list]->names + rule->name;
    unsigned labels = 0;
    struct siphash state;

    for (unsigned at = 0; at < rule->name_len && name[at] != 0; at += 1u + name[at]) {
        entering->starts[labels++] = (uint8_t)at;
    }
    if (labels < 2) {
        return CORDON_E_FORMAT; /* the look-up takes it for granted; list text has none */
    }
    entering->rule = rule;
    entering->name = name;
    entering->number = number;
    entering->list = (uint8_t)list;
    entering->labels = (uint8_t)labels;
    siphash_init(&state, build->seed);
    for (unsigned i = labels; i > 0; i--) {
        siphash_add_label(&state, name + entering->starts[i - 1]);
        const uint64_t hash = siphash_read(&state);

        entering->hashes[i - 1] = hash;
        __builtin_prefetch(&build->table[(hash >> 32) & (build->table_size - 1)], 1);
    }
    return 0;
}

static int add_name(struct build *build, const struct entering *entering)
{
    const uint32_t number = entering->number;
    uint32_t node = 0;

    if (entering->labels > build->max_depth) {
        build->max_depth = entering->labels;
    }
    for (unsigned i = entering->labels; i > 0; i--) {
        const int rc = enter(build, entering->hashes[i - 1],
                             entering->name + entering->starts[i - 1], &node);
        if (rc != 0) {
            return rc;
        }
    }
    build->rule_next[number] = build->nodes[node].rules;
    build->nodes[node].rules = number + 1;
    if (build->origins != NULL) {
        build->origins[build->origin_count++] =
            (struct build_origin){.hash = build->nodes[node].hash,
                                  .line = entering->rule->line,
                                  .list = entering->list,
                                  .match = (uint8_t)entering->rule->match,
                                  .kind = (uint8_t)entering->rule->kind,
                                  .subject = (uint8_t)entering->rule->subject};
    }
    return mark_rule(build, node, entering->list, entering->rule);
}

/* Enters the names of all rules, in the order of their numbers. */
static int add_names(struct build *build, struct entering ring[ENTERING])
{
    const uint32_t tell = build->rule_count / 5 + 1;
    uint32_t number = 0;
    size_t hashed = 0, added = 0;
    int rc = 0;

    for (size_t i = 0; i < build->list_count; i++) {
        for (size_t k = 0; rc == 0 && k < build->lists[i]->rule_count; k++, number++) {
            const struct policy_list_rule *rule = &build->lists[i]->rules[k];

            if (rule->match != POLICY_MATCH_PREFIX) {
                rc = hash_name(build, i, rule, number, &ring[hashed++ % ENTERING]);
            }
            if (rc == 0 && hashed - added == ENTERING) {
                rc = add_name(build, &ring[added++ % ENTERING]);
            }
            if (number % tell == 0) {
                build_tell(build, number / tell);
            }
        }
    }
    while (rc == 0 && added < hashed) {
        rc = add_name(build, &ring[added++ % ENTERING]);
    }
    return rc;
}

int build_nodes(struct build *build)
{
    struct entering *ring = malloc(ENTERING * sizeof(ring[0]));
    int rc = ring == NULL ? -ENOMEM : start_tree(build);

    if (rc == 0 && build->rule_count <= IMAGE_ORIGINS_MAX) {
        build->origins = malloc(((size_t)build->rule_count + 1) * sizeof(build->origins[0]));
        rc = build->origins == NULL ? -ENOMEM : 0;
    }
    if (rc == 0) {
        rc = add_names(build, ring);
    }
    free(ring);
    /* The tree is complete: names are not looked for any more. */
    free(build->table);
    build->table = NULL;
    return rc;
}

struct interior {
    uint64_t hash;
    uint32_t children, node;
};

static int compare_interior(const void *a, const void *b)
{
    const struct interior *left = a;
    const struct interior *right = b;

    if (left->children != right->children) {
        return left->children > right->children ? -1 : 1;
    }
    return left->hash < right->hash ? -1 : left->hash > right->hash;
}

/* Numbers for the nodes that have children: the more children, the fewer octets. The root is
 * number 0. */
static int number_interior(struct build *build)
{
    size_t count = 0;

    for (uint32_t i = 1; i < build->node_count; i++) {
        count += build->nodes[i].children > 0;
    }
    struct interior *items = malloc((count + 1) * sizeof(items[0]));
    if (items == NULL) {
        return -ENOMEM;
    }
    count = 0;
    for (uint32_t i = 1; i < build->node_count; i++) {
        if (build->nodes[i].children > 0) {
            items[count++] =
                (struct interior){build->nodes[i].hash, build->nodes[i].children, i};
        }
    }
    if (count > IMAGE_VARINT_MAX >> IMAGE_TAG_BITS) {
        free(items);
        return CORDON_E_LIMIT;
    }
    qsort(items, count, sizeof(items[0]), compare_interior);
    for (size_t i = 0; i < count; i++) {
        build->nodes[items[i].node].id = (uint32_t)i + 1;
    }
    build->interior_count = (uint32_t)count;
    free(items);
    return 0;
}

/* Finds the tags that most nodes have: those that need no octets of their own. */
static int choose_tags(struct build *build)
{
    const uint32_t count = 2 * build->classes.count;
    uint32_t *uses = calloc((size_t)count + 1, sizeof(uses[0]));

    if (uses == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 1; i < build->node_count; i++) {
        const struct build_node *node = &build->nodes[i];

        uses[build->class_final[node->class] << 1 | (node->children > 0)]++;
    }
    for (unsigned i = 0; i < IMAGE_TAGS; i++) {
        uint32_t best = count; /* uses[count] is 0 */

        for (uint32_t tag = 0; tag < count; tag++) {
            best = uses[tag] > uses[best] ? tag : best;
        }
        build->tags[i] = best == count ? IMAGE_TAG_NONE : best;
        uses[best] = 0;
    }
    free(uses);
    return 0;
}

uint32_t build_tag(const struct build *build, const struct build_node *node, unsigned *which)
{
    const uint32_t tag = build->class_final[node->class] << 1 | (node->children > 0);

    *which = 0;
    while (*which < IMAGE_TAGS && build->tags[*which] != tag) {
        (*which)++;
    }
    return tag;
}

size_t build_record_octets(const struct build *build, const struct build_node *node,
                           unsigned *code)
{
    unsigned which = 0;
    const uint32_t tag = build_tag(build, node, &which);
    const size_t len = image_varint_octets(build->nodes[node->parent].id << IMAGE_TAG_BITS) +
                       (which == IMAGE_TAGS ? image_varint_octets(tag) : 0) +
                       (node->children > 0 ? image_varint_octets(node->id) : 0) +
                       node->label[0];

    if (len - IMAGE_RECORD_MIN < IMAGE_CODE_LONG) {
        *code = (unsigned)(len - IMAGE_RECORD_MIN);
        return len;
    }
    *code = IMAGE_CODE_LONG;
    return IMAGE_RECORD_LONG;
}

/* Sorts nodes by line, then hash: counts first, then a short insertion sort in each line. The
 * hashes go along, so that nobody has to look for them at the nodes. */
static int order_nodes(struct build *build)
{
    const size_t lines = (size_t)build->line_count;
    uint32_t *ends = calloc(lines + 1, sizeof(ends[0]));

    build->order = malloc(build->node_count * sizeof(build->order[0]));
    if (ends == NULL || build->order == NULL) {
        free(ends);
        return -ENOMEM;
    }
    build_large_pages(build->order, build->node_count * sizeof(build->order[0]));
    for (uint32_t i = 1; i < build->node_count; i++) {
        ends[image_line_of(build->nodes[i].hash, lines) + 1]++;
    }
    for (size_t i = 0; i < lines; i++) {
        ends[i + 1] += ends[i];
    }
    /* ends[line] is the line's first place now, and its end once it is filled. */
    for (uint32_t i = 1; i < build->node_count; i++) {
        const uint64_t hash = build->nodes[i].hash;

        build->order[ends[image_line_of(hash, lines)]++] = (struct build_place){hash, i};
    }
    for (size_t i = 0; i < lines; i++) {
        const uint32_t first = i == 0 ? 0 : ends[i - 1];

        for (uint32_t k = first + 1; k < ends[i]; k++) {
            const struct build_place place = build->order[k];
            uint32_t to = k;

            for (; to > first && build->order[to - 1].hash > place.hash; to--) {
                build->order[to] = build->order[to - 1];
            }
            build->order[to] = place;
        }
    }
    free(ends);
    return 0;
}

int build_places(struct build *build)
{
    const uint32_t count = build->node_count - 1;
    uint64_t line = 0;
    unsigned used = 0;

    build->line_count = count == 0 ? 1 : (count + IMAGE_LINE_FILL - 1) / IMAGE_LINE_FILL;
    int rc = number_interior(build);
    if (rc == 0) {
        rc = choose_tags(build);
    }
    if (rc == 0) {
        rc = order_nodes(build);
    }
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        const uint64_t home = image_line_of(build->order[i].hash, build->line_count);

        if (line < home) {
            line = home;
            used = 0;
        }
        if (used == IMAGE_LINE_SLOTS) {
            line++;
            used = 0;
        }
        if (line - home >= IMAGE_CHAIN_MAX) {
            rc = BUILD_RETRY;
        }
        used++;
    }
    return rc;
}
