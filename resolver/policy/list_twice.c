/* Rules of one list that match the same: looked for when all are read, so that the table has
 * its size from the start and its slots can be asked for ahead. */
#include "policy/list_parser.h"

#include "base/siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rules whose slots are on their way from memory while earlier ones are looked at: else a long
 * list would be waited for more than it is read. A power of two. */
#define AHEAD 16u

/* A slot of the table: half of the hash, then number of the rule + 1; 0: free. The table is
 * searched without a look at the rules, which are far apart in memory. */
struct twice {
    uint64_t *table;
    size_t mask;
    uint64_t hashes[AHEAD]; /* of the next rules */
};

/* The octets by which a rule is the same as another: match and subject, then name or prefix. */
static uint64_t hash_of(const struct policy_list *list, const struct policy_list_rule *rule)
{
    uint8_t octets[WIRE_NAME_MAX + 1];

    octets[0] = (uint8_t)((unsigned)rule->match | (unsigned)rule->subject << 4);
    if (rule->match == POLICY_MATCH_PREFIX) {
        memcpy(octets + 1, &list->prefixes[rule->name], sizeof(list->prefixes[0]));
        return siphash13(octets, 1 + sizeof(list->prefixes[0]), list->digest);
    }
    memcpy(octets + 1, list->names + rule->name, rule->name_len);
    return siphash13(octets, 1u + rule->name_len, list->digest);
}

static bool is_same(const struct policy_list *list, const struct policy_list_rule *a,
                    const struct policy_list_rule *b)
{
    _Static_assert(sizeof(struct address_prefix) == 18, "a prefix has no padding");
    _Static_assert(sizeof(struct policy_list_rule) == 48, "20 million of them fit a GiB");
    if (a->match != b->match || a->subject != b->subject || a->name_len != b->name_len) {
        return false;
    }
    return a->match == POLICY_MATCH_PREFIX
               ? memcmp(&list->prefixes[a->name], &list->prefixes[b->name],
                        sizeof(list->prefixes[0])) == 0
               : memcmp(list->names + a->name, list->names + b->name, a->name_len) == 0;
}

static void report_twice(struct list_parser *parser, const struct policy_list_rule *first,
                         const struct policy_list_rule *again)
{
    parser->line.number = again->line;
    if (first->kind == again->kind) {
        list_fault(parser, 1, "the same rule stands in line %u: remove one", first->line);
    } else {
        list_fault(parser, 1,
                   "line %u says \"%s\" and this line \"%s\" for the same match: keep one",
                   first->line, policy_kind_name(first->kind), policy_kind_name(again->kind));
    }
}

static void enter(struct list_parser *parser, struct twice *twice, size_t number)
{
    const struct policy_list *list = parser->list;
    const struct policy_list_rule *rule = &list->rules[number];
    const uint64_t hash = twice->hashes[number & (AHEAD - 1)];
    size_t at = (hash >> 32) & twice->mask;

    for (; twice->table[at] != 0; at = (at + 1) & twice->mask) {
        if (twice->table[at] >> 32 == hash >> 32) {
            const struct policy_list_rule *other = &list->rules[(uint32_t)twice->table[at] - 1];

            if (is_same(list, other, rule)) {
                report_twice(parser, other, rule);
                return;
            }
        }
    }
    twice->table[at] = (hash & ~UINT64_C(0xffffffff)) | (number + 1);
}

void list_twice_check(struct list_parser *parser)
{
    const struct policy_list *list = parser->list;
    const size_t count = list->rule_count;
    struct twice twice;
    size_t size = AHEAD;

    if (parser->rc != 0) {
        return;
    }
    while (3 * size < 4 * count) {
        size *= 2;
    }
    twice.mask = size - 1;
    twice.table = calloc(size, sizeof(twice.table[0]));
    if (twice.table == NULL) {
        parser->rc = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < count + AHEAD; i++) {
        if (i >= AHEAD) {
            enter(parser, &twice, i - AHEAD);
        }
        if (i < count) {
            const uint64_t hash = hash_of(list, &list->rules[i]);

            twice.hashes[i & (AHEAD - 1)] = hash;
            __builtin_prefetch(&twice.table[(hash >> 32) & twice.mask], 1);
        }
    }
    free(twice.table);
}
