#include "query/memo.h"

#include "base/copy.h"
#include "base/invariant.h"
#include "base/pages.h"
#include "base/same.h"

_Static_assert(sizeof(struct query_memo_entry) == 128, "two lines");
_Static_assert(offsetof(struct query_memo_entry, name) <= 32, "a name of 32 is in the first");
_Static_assert(64 % sizeof(struct query_memo_set) == 0, "a set is in one line");
_Static_assert((QUERY_MEMO_SETS & (QUERY_MEMO_SETS - 1)) == 0, "a set is some bits of a hash");
_Static_assert(QUERY_MEMO_PLACES <= UINT16_MAX, "numbers have 16 bits, and one more");

struct query_memo *query_memo_create(query_memo_told *told, void *context)
{
    struct query_memo *memo = pages_take(sizeof(*memo)); /* of zeros */

    if (memo != NULL) {
        memo->told = told;
        memo->context = context;
    }
    return memo;
}

void query_memo_destroy(struct query_memo *memo)
{
    pages_release(memo, sizeof(*memo));
}

/* hot: nothing is to be told of most */
static void tell(struct query_memo *memo, struct query_memo_entry *entry)
{
    struct wire_name name;
    size_t at = 0;

    if (entry->count > 0) {
        invariant(wire_name_read(entry->name, entry->len, &at, &name) == WIRE_OK);
        memo->told(memo->context, &name, entry->count);
        entry->count = 0;
    }
}

void query_memo_settle(struct query_memo *memo)
{
    if (memo->counted) {
        memo->counted = false;
        for (uint32_t i = 0; i < memo->used; i++) {
            tell(memo, &memo->entries[i]);
        }
    }
}

void query_memo_clear(struct query_memo *memo)
{
    query_memo_settle(memo);
    if (memo->used > 0) {
        memset(memo->sets, 0, sizeof(memo->sets));
        memo->used = 0;
    }
}

void query_memo_trim(struct query_memo *memo)
{
    query_memo_told *const told = memo->told;
    void *const context = memo->context;

    query_memo_clear(memo);
    pages_give_back(memo, sizeof(*memo));
    memo->told = told;
    memo->context = context;
}

/* hot */
static bool is_of(const struct query_memo_entry *entry, const struct wire_name *name)
{
    return entry->len == name->len && same_octets(entry->name, name->octets, name->len);
}

/* hot. The place of the name, or NULL. */
static struct query_memo_entry *find(struct query_memo *memo, uint64_t hash, unsigned view,
                                     const struct wire_name *name)
{
    const struct query_memo_set *set = &memo->sets[query_memo_set_of(hash)];
    uint32_t ways = query_memo_ways(set->tags, query_memo_tag(hash));

    for (; ways != 0; ways &= ways - 1) {
        struct query_memo_entry *entry = &memo->entries[set->numbers[__builtin_ctz(ways)]];

        if (entry->view == view && is_of(entry, name)) {
            return entry;
        }
    }
    return NULL;
}

/* hot */
unsigned query_memo_find(struct query_memo *memo, uint64_t hash, unsigned view,
                         const struct wire_name *name, struct policy_hits *hits)
{
    struct query_memo_entry *entry = find(memo, hash, view, name);
    struct policy_hit *hit = &hits->at[0];

    if (entry == NULL) {
        return 0;
    }
    if (!entry->asked) {
        entry->asked = true; /* most are: the line stays as it is */
    }
    memcpy(hit, entry->hit, sizeof(entry->hit));
    wire_name_copy(&hit->name, name);
    hit->address = (struct address){.family = ADDRESS_NONE};
    hits->count = 1;
    return (unsigned)(entry - memo->entries) + 1;
}

/* hot */
bool query_memo_count(struct query_memo *memo, unsigned where, const struct wire_name *name)
{
    struct query_memo_entry *entry = &memo->entries[where - 1];

    if (where > memo->used || !is_of(entry, name) || entry->count == UINT32_MAX) {
        return false;
    }
    entry->count++;
    memo->counted = true;
    return true;
}

/* hot */
bool query_memo_has(struct query_memo *memo, uint64_t hash, unsigned view,
                    const struct wire_name *name)
{
    return find(memo, hash, view, name) != NULL;
}

/* Whether the next question about the name in this view is decided the same, whoever asks and
 * by whatever transport, and whether there is a place for it. */
static bool may_be_kept(const struct policy *policy, unsigned view,
                        const struct wire_name *name, const struct policy_hits *hits,
                        unsigned block)
{
    const struct policy_hit *hit = &hits->at[0];

    return hits->count == 1 && block == 0 && !hits->more && !hits->passed &&
           hit->trigger == POLICY_TRIGGER_QNAME && hit->action != POLICY_ACTION_TRUNCATE &&
           name->len <= QUERY_MEMO_NAME && !policy_view_minds_clients(policy, view);
}

/* hot. A free place; else, now and then, that of a name that nobody asked for meanwhile; else
 * there is none. */
static unsigned make_place(struct query_memo *memo, struct query_memo_set *set)
{
    const uint32_t free_ways = query_memo_ways(set->tags, 0);

    if (free_ways != 0) { /* there are as many entries as places */
        const unsigned way = (unsigned)__builtin_ctz(free_ways);

        set->numbers[way] = (uint16_t)memo->used++;
        return way;
    }
    if (++memo->wishes % QUERY_MEMO_PATIENCE != 0) {
        return QUERY_MEMO_WAYS;
    }
    const unsigned way = memo->wishes / QUERY_MEMO_PATIENCE % QUERY_MEMO_WAYS;
    struct query_memo_entry *entry = &memo->entries[set->numbers[way]];

    if (entry->asked) {
        entry->asked = false;
        return QUERY_MEMO_WAYS;
    }
    return way;
}

/* hot */
void query_memo_keep(struct query_memo *memo, uint64_t hash, const struct policy *policy,
                     unsigned view, const struct wire_name *name,
                     const struct policy_hits *hits, unsigned block)
{
    struct query_memo_set *set = &memo->sets[query_memo_set_of(hash)];

    if (!may_be_kept(policy, view, name, hits, block) ||
        find(memo, hash, view, name) != NULL) { /* a question of the same batch has */
        return;
    }
    const unsigned way = make_place(memo, set);
    if (way == QUERY_MEMO_WAYS) {
        return;
    }
    struct query_memo_entry *entry = &memo->entries[set->numbers[way]];
    tell(memo, entry);
    memcpy(entry->hit, &hits->at[0], sizeof(entry->hit));
    entry->view = (uint8_t)view;
    entry->len = name->len;
    entry->asked = false;
    copy_octets(entry->name, name->octets, name->len);
    set->tags[way] = query_memo_tag(hash);
}
