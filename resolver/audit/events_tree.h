/*
 * audit/events_tree.h - the root of a block's tree (tree.h), while its leaves are made: each
 * goes to where the node above it is hashed, so that no level of the tree is ever in memory.
 */
#ifndef CORDON_AUDIT_EVENTS_TREE_H
#define CORDON_AUDIT_EVENTS_TREE_H

#include "audit/limits.h"
#include "audit/tree.h"

/* Leaves that have places at once, and are hashed to nodes side by side. */
#define AUDIT_EVENTS_AT_ONCE (8u * AUDIT_FAN)

/* The leaves, and above them a level for each AUDIT_FAN to the power of so many. */
#define AUDIT_EVENTS_LEVELS 6u
_Static_assert(AUDIT_BLOCK_EVENTS_MAX <=
                   AUDIT_FAN * AUDIT_FAN * AUDIT_FAN * AUDIT_FAN * AUDIT_FAN,
               "as many levels as the largest block has");

struct audit_events_level {
    uint32_t filled; /* of its places */
    uint8_t nodes[AUDIT_EVENTS_AT_ONCE / AUDIT_FAN][1 + AUDIT_FAN * DIGEST_OCTETS];
};

struct audit_events_tree {
    struct audit_events_level levels[AUDIT_EVENTS_LEVELS];
    bool grown[AUDIT_EVENTS_LEVELS]; /* nodes above it were made */
};

void audit_events_begin(struct audit_events_tree *tree);
/* Where the next leaf goes, `ahead` places behind the first that is free: fewer than
 * AUDIT_EVENTS_AT_ONCE less those that are filled. */
uint8_t *audit_events_place(struct audit_events_tree *tree, uint32_t ahead);
/* So many are there. Their number divides AUDIT_EVENTS_AT_ONCE, but for the last ones. */
void audit_events_add(struct audit_events_tree *tree, uint32_t count);
/* There is one leaf at least. */
void audit_events_end(struct audit_events_tree *tree, uint8_t root[DIGEST_OCTETS]);

#endif
