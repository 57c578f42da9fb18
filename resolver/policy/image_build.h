/*
 * policy/image_build.h - what the parts of the image compiler share. Internal to the room.
 *
 * Order of work: rows (what rules say), nodes (where they say it), sets and classes, numbers
 * and places of nodes, octets. Whatever is numbered while it is found is sorted by its content
 * before it is written, so that no order of input shows in the image.
 */
#ifndef CORDON_POLICY_IMAGE_BUILD_H
#define CORDON_POLICY_IMAGE_BUILD_H

#include "policy/image_format.h"
#include "policy/limits.h"

/* Numbers for distinct strings of octets, from 0 in the order of their coming. */
struct build_numbers {
    uint8_t key[SIPHASH_KEY_OCTETS];
    uint8_t *pool; /* the strings, one after the other */
    size_t pool_len, pool_room;
    size_t *starts; /* count + 1 of them */
    uint32_t count, room;
    uint32_t *table; /* number + 1; 0: free */
    size_t table_size;
};

#define BUILD_NONE UINT32_MAX

int build_numbers_init(struct build_numbers *numbers, const uint8_t key[SIPHASH_KEY_OCTETS]);
void build_numbers_deinit(struct build_numbers *numbers);
/* The number of these octets; BUILD_NONE if out of memory. */
uint32_t build_numbers_of(struct build_numbers *numbers, const void *octets, size_t len);
const uint8_t *build_numbers_at(const struct build_numbers *numbers, uint32_t number,
                                size_t *len);

/* What a rule says. Pointers make equal rows of one list equal octets; those of several lists
 * differ in the list. */
struct build_row {
    const char *category, *redirect;
    uint8_t list, kind, match, scope, confidence, action, flags, zero;
};

/* A name of the tree. */
struct build_node {
    uint64_t hash;
    const uint8_t *label; /* borrowed from a list */
    uint32_t parent;
    uint32_t children;
    uint32_t rules; /* the first of its rules + 1; 0: none */
    uint32_t below; /* number of its bitmap + 1; 0: nothing below */
    uint32_t id;    /* for interior nodes */
    uint32_t class;
};

/* Where a node goes: by its hash. */
struct build_place {
    uint64_t hash;
    uint32_t node;
};

/* Two bits a list: it has rules below that let through by their own word; rules that leave
 * their action to the operator, who may let through. */
#define BUILD_BELOW_OCTETS (2 * POLICY_LISTS_MAX / 8)

struct build_prefix {
    struct address_prefix prefix;
    uint32_t rule;
    uint32_t set;
    uint32_t above; /* number of the covering one + 1 */
    uint8_t subjects;
};

struct build_origin {
    uint64_t hash;
    uint32_t line;
    uint8_t list, match, kind, subject;
};

struct build {
    const struct policy_list *lists[POLICY_LISTS_MAX]; /* by id */
    size_t list_count;
    uint8_t inputs[32];
    uint8_t seed[SIPHASH_KEY_OCTETS];
    uint32_t attempt;
    struct report *report; /* whom to tell how far it is; NULL: nobody */

    /* Rules of all lists have numbers: those of the first list come first. */
    uint32_t rule_count;
    uint32_t *rule_rows; /* row of each rule */
    uint32_t *rule_next; /* the next rule of the same node + 1 */

    struct build_numbers rows; /* struct build_row */
    uint32_t *row_final;       /* number in the image */
    uint32_t *row_order;       /* its inverse; row_written of them */
    uint32_t row_written;
    uint32_t below_rows[POLICY_LISTS_MAX][2]; /* rows that stand for the bits of a bitmap */

    struct build_node *nodes; /* the root is node 0 */
    uint32_t node_count, node_room;
    uint64_t *table; /* by hash: see slot_of() in image_nodes.c */
    size_t table_size;
    uint32_t max_depth;
    uint8_t (*below)[BUILD_BELOW_OCTETS];
    uint32_t below_count, below_room;

    struct build_prefix *prefixes;
    size_t prefix_count;
    struct build_origin *origins;
    size_t origin_count;

    struct build_numbers sets; /* arrays of final row numbers */
    uint32_t *set_final, *set_order;
    struct build_numbers classes; /* three numbers of sets */
    uint32_t *class_final, *class_order;
    uint32_t *class_uses;
    uint32_t tags[IMAGE_TAGS]; /* the most frequent ones */
    size_t class_uses_room;
    uint32_t *class_alone; /* by row: that of a node with this rule and nothing below */

    uint32_t interior_count;
    uint64_t line_count;
    struct build_place *order; /* nodes in the order of lines and hashes */
};

/* Not an error: the seed is unlucky, another one will do. */
#define BUILD_RETRY 1

/* image_rows.c. Fills rows, rule_rows, prefixes. 0, CORDON_E_LIMIT, -ENOMEM. */
int build_rows(struct build *build);
struct build_row build_row_at(const struct build *build, uint32_t row);
/* image_nodes.c. The tree for the seed of this attempt, and places in the lines. */
int build_nodes(struct build *build);
int build_places(struct build *build);
/* image_sets.c. Sets and classes, for nodes and prefixes. */
int build_sets(struct build *build);
/* image_emit.c. Lays the sections out and writes them. */
int build_emit(struct build *build, struct policy_image **image);

/* Asks for large pages for memory that is not used yet and will be read here and there. */
void build_large_pages(void *memory, size_t len);

/* Tells whoever waits how far it is, in tenths. */
void build_tell(const struct build *build, unsigned tenths);

/* The permutation that sorts count items: order[i] is the number of the i-th. NULL: no memory.
 */
uint32_t *build_sort(uint32_t count, int (*compare)(const void *a, const void *b, void *arg),
                     void *arg);
/* The inverse of a permutation, or NULL. */
uint32_t *build_inverse(const uint32_t *order, uint32_t count);

/* A node's tag: its class in the image, and whether it has children. which: the place of the
 * tag in build->tags, or IMAGE_TAGS. */
uint32_t build_tag(const struct build *build, const struct build_node *node, unsigned *which);

/* Stored length of a node's record, and its slot's length code. */
size_t build_record_octets(const struct build *build, const struct build_node *node,
                           unsigned *code);

#endif
