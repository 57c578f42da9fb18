#include "export/set.h"

#include "base/error.h"
#include "policy/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A rule on its way into the order of names. */
struct entry {
    const uint8_t *key;
    const struct policy_list_rule *rule;
    uint32_t list;
    uint8_t key_len;
};

enum export_verdict export_word_verdict(const struct export_word *word)
{
    if (word->rule == NULL) {
        return EXPORT_NONE;
    }
    if (word->rule->kind == POLICY_PASS || word->rule->action == POLICY_ACTION_PASS) {
        return EXPORT_PASS;
    }
    return word->rule->action == POLICY_ACTION_LOG ? EXPORT_LOG : EXPORT_BLOCK;
}

bool export_word_ends_chain(const struct export_word *word)
{
    return word->rule != NULL && word->rule->kind == POLICY_PASS && word->rule->ends_chain;
}

enum policy_action export_word_action(const struct export_set *set,
                                      const struct export_word *word)
{
    return word->rule->action == POLICY_ACTION_DEFAULT ? set->action : word->rule->action;
}

bool export_key_covers(const uint8_t *above, size_t above_len, const uint8_t *key, size_t len)
{
    return len > above_len && memcmp(above, key, above_len) == 0;
}

void export_key_text(const uint8_t *key, size_t len, char out[WIRE_NAME_TEXT_MAX])
{
    size_t used = 0;
    size_t end = len; /* of the label, its zero octet included */

    while (end > 0) {
        size_t start = end - 1;

        while (start > 0 && key[start - 1] != 0) {
            start--;
        }
        if (used > 0) {
            out[used++] = '.';
        }
        memcpy(out + used, key + start, end - 1 - start);
        used += end - 1 - start;
        end = start;
    }
    out[used] = '\0';
}

unsigned export_key_labels(const uint8_t *key, size_t len)
{
    unsigned labels = 0;

    for (size_t i = 0; i < len; i++) {
        labels += key[i] == 0;
    }
    return labels;
}

uint8_t export_key_of(const uint8_t *wire, uint8_t key[WIRE_NAME_MAX])
{
    uint8_t starts[WIRE_LABELS_MAX];
    unsigned labels = 0;
    uint8_t used = 0;

    for (uint8_t at = 0; wire[at] != 0; at = (uint8_t)(at + 1 + wire[at])) {
        starts[labels++] = at;
    }
    while (labels > 0) {
        const uint8_t *label = wire + starts[--labels];

        memcpy(key + used, label + 1, label[0]);
        used = (uint8_t)(used + label[0]);
        key[used++] = 0;
    }
    return used;
}

int export_key_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    const int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    const int order = export_key_compare(a->key, a->key_len, b->key, b->key_len);

    if (order != 0) {
        return order;
    }
    if (a->list != b->list) {
        return a->list < b->list ? -1 : 1;
    }
    return (a->rule->line > b->rule->line) - (a->rule->line < b->rule->line);
}

/* The precedence of policy/policy.h among rules of one length. */
static bool wins(const struct export_word *a, const struct export_word *b)
{
    static const uint8_t order[] = {[POLICY_MATCH_EXACT] = 0,
                                    [POLICY_MATCH_SUFFIX] = 1,
                                    [POLICY_MATCH_BELOW] = 2,
                                    [POLICY_MATCH_PREFIX] = 3};

    if (b->rule == NULL) {
        return true;
    }
    if (a->rule->kind != b->rule->kind) {
        return a->rule->kind == POLICY_PASS;
    }
    if (a->list != b->list) {
        return a->list < b->list;
    }
    return order[a->rule->match] < order[b->rule->match];
}

static bool lets_through(const struct export_word *word)
{
    const enum export_verdict verdict = export_word_verdict(word);

    return verdict == EXPORT_PASS || verdict == EXPORT_LOG;
}

/* One node from the entries of one name: what its own rules say. */
static void decide_own(const struct entry *entries, size_t count, struct export_node *node)
{
    for (size_t i = 0; i < count; i++) {
        const struct export_word word = {entries[i].rule, entries[i].list};

        node->has_pass = node->has_pass || lets_through(&word);
        node->has_pass_below = node->has_pass_below ||
                               (word.rule->match == POLICY_MATCH_BELOW && lets_through(&word));
        if (word.rule->match != POLICY_MATCH_BELOW && wins(&word, &node->at)) {
            node->at = word;
        }
        if (word.rule->match != POLICY_MATCH_EXACT && wins(&word, &node->below)) {
            node->below = word;
        }
    }
    node->own_at = node->at.rule != NULL;
    node->own_below = node->below.rule != NULL;
}

static bool grow(struct export_set *set, size_t *room)
{
    if (set->node_count < *room) {
        return true;
    }
    struct export_node *more = realloc(set->nodes, 2 * *room * sizeof(set->nodes[0]));

    if (more == NULL) {
        return false;
    }
    set->nodes = more;
    *room *= 2;
    return true;
}

/* Adds a node, and what the nearest name above says where its own rules say nothing. */
static void add_below(struct export_set *set, struct export_above *above,
                      struct export_node node)
{
    const int parent = export_above_of(above, &node, -1);

    if (parent >= 0 && !node.own_at) {
        node.at = set->nodes[parent].below;
    }
    if (parent >= 0 && !node.own_below) {
        node.below = set->nodes[parent].below;
    }
    set->nodes[set->node_count] = node;
    export_above_enter(above, &node, (int)set->node_count);
    set->node_count++;
}

/* The names between a node and the one above it, where a block covers them, or a pass that has
 * to be said everywhere. */
static int fill_in(struct export_set *set, struct export_above *above,
                   const struct export_node *node, size_t *room)
{
    const int parent = export_above_of(above, node, -1);

    if (parent < 0 || (export_word_verdict(&set->nodes[parent].below) != EXPORT_BLOCK &&
                       !export_word_ends_chain(&set->nodes[parent].below))) {
        return 0;
    }
    for (size_t i = set->nodes[parent].key_len + 1u; i < node->key_len; i++) {
        if (node->key[i - 1] == 0) {
            if (set->node_count >= INT32_MAX || !grow(set, room)) {
                return -ENOMEM;
            }
            add_below(set, above,
                      (struct export_node){.key = node->key, .key_len = (uint8_t)i});
        }
    }
    return 0;
}

/* From the nodes that rules have, to all, each with what the names above say. */
static int inherit(struct export_set *set)
{
    struct export_above above = {.count = 0};
    struct export_node *own = set->nodes;
    const size_t count = set->node_count;
    size_t room = count + 16;
    int rc = 0;

    set->nodes = malloc(room * sizeof(set->nodes[0]));
    set->node_count = 0;
    if (set->nodes == NULL) {
        free(own);
        return -ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = fill_in(set, &above, &own[i], &room);
        if (rc == 0 && !grow(set, &room)) {
            rc = -ENOMEM;
        }
        if (rc == 0) {
            add_below(set, &above, own[i]);
        }
    }
    free(own);
    return rc;
}

static int find_holes(struct export_set *set)
{
    set->next_hole = calloc(set->node_count + 1, sizeof(set->next_hole[0]));
    if (set->next_hole == NULL) {
        return -ENOMEM;
    }
    set->next_hole[set->node_count] = (uint32_t)set->node_count;
    for (size_t i = set->node_count; i > 0; i--) {
        set->next_hole[i - 1] =
            set->nodes[i - 1].has_pass ? (uint32_t)(i - 1) : set->next_hole[i];
    }
    return 0;
}

bool export_lets_through_below(const struct export_set *set, size_t index, const uint8_t *key,
                               size_t key_len)
{
    /* The name itself is one of the nodes, or not. */
    if (index < set->node_count && set->nodes[index].key_len == key_len &&
        memcmp(set->nodes[index].key, key, key_len) == 0) {
        if (set->nodes[index].has_pass_below) {
            return true;
        }
        index++;
    }
    const size_t hole = set->next_hole[index];
    return hole < set->node_count &&
           export_key_covers(key, key_len, set->nodes[hole].key, set->nodes[hole].key_len);
}

static int compare_prefixes(const void *left, const void *right)
{
    const struct export_prefix *a = left, *b = right;

    if (a->prefix.family != b->prefix.family) {
        return a->prefix.family < b->prefix.family ? -1 : 1;
    }
    const int order = memcmp(a->prefix.octets, b->prefix.octets, sizeof(a->prefix.octets));
    if (order != 0) {
        return order;
    }
    if (a->prefix.bits != b->prefix.bits) {
        return a->prefix.bits < b->prefix.bits ? -1 : 1;
    }
    return (a->word.list > b->word.list) - (a->word.list < b->word.list);
}

static bool same_prefix(const struct export_prefix *a, const struct export_prefix *b)
{
    return a->prefix.family == b->prefix.family && a->prefix.bits == b->prefix.bits &&
           memcmp(a->prefix.octets, b->prefix.octets, sizeof(a->prefix.octets)) == 0;
}

static void merge_prefixes(struct export_set *set)
{
    size_t kept = 0;

    if (set->prefix_count > 0) {
        qsort(set->prefixes, set->prefix_count, sizeof(set->prefixes[0]), compare_prefixes);
    }
    for (size_t i = 0; i < set->prefix_count; i++) {
        struct export_prefix *last = kept > 0 ? &set->prefixes[kept - 1] : NULL;

        if (last == NULL || !same_prefix(last, &set->prefixes[i])) {
            set->prefixes[kept++] = set->prefixes[i];
        } else if (wins(&set->prefixes[i].word, &last->word)) {
            last->word = set->prefixes[i].word;
        }
    }
    set->prefix_count = kept;
}

/* All rules as entries, and as prefixes. */
static size_t collect(struct export_set *set, struct entry *entries)
{
    size_t count = 0;
    size_t used = 0;

    for (uint32_t l = 0; l < set->source_count; l++) {
        const struct policy_list *list = set->sources[l].list;

        for (size_t i = 0; i < list->rule_count; i++) {
            const struct policy_list_rule *rule = &list->rules[i];

            if (rule->subject != set->subject) {
                continue;
            }
            switch (rule->match) { /* a kind of rule that is new must not become a name */
            case POLICY_MATCH_PREFIX:
                set->prefixes[set->prefix_count++] =
                    (struct export_prefix){list->prefixes[rule->name], {rule, l}};
                continue;
            case POLICY_MATCH_SUFFIX:
            case POLICY_MATCH_EXACT:
            case POLICY_MATCH_BELOW:
                break;
            }
            struct entry *entry = &entries[count++];
            entry->key = set->keys + used;
            entry->key_len = export_key_of(list->names + rule->name, set->keys + used);
            entry->rule = rule;
            entry->list = l;
            used += entry->key_len;
        }
    }
    return count;
}

static void make_nodes(struct export_set *set, struct entry *entries, size_t count)
{
    if (count > 0) {
        qsort(entries, count, sizeof(entries[0]), compare_entries);
    }
    for (size_t i = 0; i < count;) {
        struct export_node *node = &set->nodes[set->node_count++];
        size_t end = i + 1;

        while (end < count && export_key_compare(entries[i].key, entries[i].key_len,
                                                 entries[end].key, entries[end].key_len) == 0) {
            end++;
        }
        node->key = entries[i].key;
        node->key_len = entries[i].key_len;
        decide_own(entries + i, end - i, node);
        i = end;
    }
}

static int create(const struct export_source *sources, size_t count, enum policy_action action,
                  enum policy_subject subject, struct export_set **set)
{
    size_t rules = 0, octets = 0;

    for (size_t i = 0; i < count; i++) {
        rules += sources[i].list->rule_count;
        octets += sources[i].list->names_len;
    }
    if (count > POLICY_LISTS_MAX || rules >= INT32_MAX) {
        return CORDON_E_LIMIT;
    }
    struct export_set *made = calloc(1, sizeof(*made));
    struct entry *entries = calloc(rules + 1, sizeof(entries[0]));
    if (made != NULL) {
        made->sources = sources;
        made->source_count = count;
        made->action = action;
        made->subject = subject;
        made->nodes = calloc(rules + 1, sizeof(made->nodes[0]));
        made->prefixes = calloc(rules + 1, sizeof(made->prefixes[0]));
        made->keys = malloc(octets + 1);
    }
    if (made == NULL || entries == NULL || made->nodes == NULL || made->prefixes == NULL ||
        made->keys == NULL) {
        export_set_destroy(made);
        free(entries);
        return -ENOMEM;
    }
    make_nodes(made, entries, collect(made, entries));
    merge_prefixes(made);
    free(entries);
    int rc = inherit(made);
    rc = rc == 0 ? find_holes(made) : rc;
    if (rc == 0) {
        *set = made;
    } else {
        export_set_destroy(made);
    }
    return rc;
}

static bool speaks_of(const struct export_source *sources, size_t count,
                      enum policy_subject subject)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sources[i].list->rule_count; k++) {
            if (sources[i].list->rules[k].subject == subject) {
                return true;
            }
        }
    }
    return false;
}

int export_set_create(const struct export_source *sources, size_t count,
                      enum policy_action action, struct export_set **set)
{
    struct export_set *made = NULL;
    int rc = create(sources, count, action, POLICY_SUBJECT_ANSWER, &made);

    for (unsigned i = POLICY_SUBJECT_ANSWER + 1; rc == 0 && i < POLICY_SUBJECTS; i++) {
        const enum policy_subject subject = (enum policy_subject)i;

        if (speaks_of(sources, count, subject)) {
            rc = create(sources, count, action, subject, &made->parts[i]);
        }
    }
    if (rc == 0) {
        *set = made;
    } else {
        export_set_destroy(made);
    }
    return rc;
}

void export_set_destroy(struct export_set *set)
{
    if (set != NULL) {
        for (unsigned i = 0; i < POLICY_SUBJECTS; i++) {
            export_set_destroy(set->parts[i]);
        }
        free(set->nodes);
        free(set->prefixes);
        free(set->next_hole);
        free(set->keys);
        free(set);
    }
}

int export_above_of(struct export_above *above, const struct export_node *node, int none)
{
    while (above->count > 0 &&
           !export_key_covers(above->at[above->count - 1].key,
                              above->at[above->count - 1].key_len, node->key, node->key_len)) {
        above->count--;
    }
    return above->count > 0 ? above->at[above->count - 1].state : none;
}

void export_above_enter(struct export_above *above, const struct export_node *node, int state)
{
    above->at[above->count].key = node->key;
    above->at[above->count].key_len = node->key_len;
    above->at[above->count].state = state;
    above->count++;
}
