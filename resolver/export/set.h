/*
 * export/set.h - the rules of several lists as one: what each name and prefix comes to.
 *
 * All lists are taken as enforced, in the order in which they are given; precedence is that of
 * policy/policy.h (longest match, pass over block, order of lists). Cold: allocates.
 */
#ifndef CORDON_EXPORT_SET_H
#define CORDON_EXPORT_SET_H

#include "policy/list.h"
#include "trust/keyring.h"

/* A list whose signatures hold. Both are borrowed until the set is destroyed. */
struct export_source {
    const struct policy_list *list;
    const struct trust_verdict *verdict; /* which keys signed */
};

enum export_verdict {
    EXPORT_NONE, /* nothing speaks */
    EXPORT_PASS,
    EXPORT_LOG, /* let through, and recorded */
    EXPORT_BLOCK
};

/* The rule that decides; NULL: none does. */
struct export_word {
    const struct policy_list_rule *rule;
    uint32_t list; /* index of the source */
};

/*
 * A name that a rule has, or one between such a name and a block or a pass with `ends=chain`
 * above it (no rule of its own). key is the name with its labels from the right, each followed
 * by a zero octet: a name above another is the beginning of it, and memcmp puts it first.
 */
struct export_node {
    const uint8_t *key;
    uint8_t key_len;
    bool own_at, own_below; /* a rule of this name decides, not one above */
    /* A rule of this name lets through; one of match below does; whether it wins or not. */
    bool has_pass, has_pass_below;
    struct export_word at, below; /* what decides the name; any name below it */
};

/* A prefix that a rule has. Sorted: one that covers others comes before them. */
struct export_prefix {
    struct address_prefix prefix;
    struct export_word word;
};

struct export_set {
    enum policy_subject subject; /* what its names and prefixes are about */
    /* Of a set about answers: those about clients and name servers; NULL: no rule is. */
    struct export_set *parts[POLICY_SUBJECTS];
    const struct export_source *sources;
    size_t source_count;
    enum policy_action action; /* of rules that name none */
    struct export_node *nodes; /* by key */
    size_t node_count;
    struct export_prefix *prefixes;
    size_t prefix_count;
    uint32_t *next_hole; /* per node, and one more: the first from there on that lets through */
    uint8_t *keys;
};

/* 0 and *set is the caller's; -ENOMEM; CORDON_E_LIMIT for more than POLICY_LISTS_MAX lists or
 * 4 GiB rules. action is one of a block that needs no target. */
int export_set_create(const struct export_source *sources, size_t count,
                      enum policy_action action, struct export_set **set);
void export_set_destroy(struct export_set *set); /* NULL is fine */

enum export_verdict export_word_verdict(const struct export_word *word);

/* A pass that lets through all that comes after its trigger, too (`ends=chain`). */
bool export_word_ends_chain(const struct export_word *word);

/* What a block answers with; never DEFAULT. Only for EXPORT_BLOCK. */
enum policy_action export_word_action(const struct export_set *set,
                                      const struct export_word *word);

/* True if a key of this length begins the key of another, longer one. */
bool export_key_covers(const uint8_t *above, size_t above_len, const uint8_t *key, size_t len);

/* True if a name below this one is let through by a rule; index: the first node that is not
 * before the name. NXDOMAIN would deny it (RFC 8020). */
bool export_lets_through_below(const struct export_set *set, size_t index, const uint8_t *key,
                               size_t key_len);

/* The key of a name in wire format that has no octet 0 in a label. Returns its length. */
uint8_t export_key_of(const uint8_t *wire, uint8_t key[WIRE_NAME_MAX]);
/* As memcmp. */
int export_key_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* The name, without the final dot. */
void export_key_text(const uint8_t *key, size_t len, char out[WIRE_NAME_TEXT_MAX]);

/* Labels of the key. */
unsigned export_key_labels(const uint8_t *key, size_t len);

/*
 * What a writer holds for names above the one it is at: the nodes are visited in order, so the
 * names above form a stack.
 */
struct export_above {
    struct {
        const uint8_t *key;
        uint8_t key_len;
        int state; /* the writer's own */
    } at[WIRE_LABELS_MAX + 1];
    unsigned count;
};

/* Leaves the names that are not above the node, and gives the state of the nearest one that
 * is, or `none`. */
int export_above_of(struct export_above *above, const struct export_node *node, int none);
/* The node is above what follows, with this state. */
void export_above_enter(struct export_above *above, const struct export_node *node, int state);

#endif
