/*
 * audit/tree.h - hash trees: the one over all blocks (RFC 6962, 2.1: SHA-256, binary) and the
 * one over the events of a block (BLAKE2b-256, sixteen children: cheap enough for each event).
 */
#ifndef CORDON_AUDIT_TREE_H
#define CORDON_AUDIT_TREE_H

#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_TREE_LEVELS 64 /* of a tree of 2^63 leaves, and the digests of a path in it */

/* What is needed to go on adding leaves: the digest of each whole subtree, largest first, one
 * for each bit of the size that is set. Starts as zero octets. */
struct audit_tree {
    uint64_t size;
    uint8_t at[AUDIT_TREE_LEVELS][DIGEST_OCTETS];
};

/* SHA-256(0x00 || data); len is at most AUDIT_LEAF_MAX. */
#define AUDIT_LEAF_MAX 512u
void audit_tree_leaf(const void *data, size_t len, uint8_t out[DIGEST_OCTETS]);
void audit_tree_add(struct audit_tree *tree, const uint8_t leaf[DIGEST_OCTETS]);
/* Digests that tree->at holds. */
unsigned audit_tree_count(const struct audit_tree *tree);
void audit_tree_root(const struct audit_tree *tree, uint8_t out[DIGEST_OCTETS]);

/*
 * Makes a path (RFC 6962, 2.1.1 and 2.1.2) while all leaves go by, in constant memory: begin,
 * then every leaf from 0 to size - 1, then the digests are in at[0 .. count - 1], in the order
 * of the RFC.
 */
struct audit_path {
    uint64_t next, size;
    unsigned count;
    struct {
        uint64_t first, end; /* of the leaves below this digest */
    } range[AUDIT_TREE_LEVELS];
    struct audit_tree tree; /* of the range that the next leaf lies in */
    uint8_t at[AUDIT_TREE_LEVELS][DIGEST_OCTETS];
};
/* leaf < size < 2^63. */
void audit_path_begin_inclusion(struct audit_path *path, uint64_t leaf, uint64_t size);
/* 0 < old <= size < 2^63; none is needed (count 0) if they are equal. */
void audit_path_begin_consistency(struct audit_path *path, uint64_t old, uint64_t size);
void audit_path_add(struct audit_path *path, const uint8_t leaf[DIGEST_OCTETS]);

/* Whether the path leads from the leaf to the root. */
bool audit_tree_includes(const uint8_t leaf[DIGEST_OCTETS], uint64_t index, uint64_t size,
                         const uint8_t path[][DIGEST_OCTETS], unsigned count,
                         const uint8_t root[DIGEST_OCTETS]);
/* Whether the tree of root `root` and `size` leaves has grown out of that of `old` leaves. An
 * empty one is what every tree grows out of. */
bool audit_tree_extends(uint64_t old, const uint8_t old_root[DIGEST_OCTETS], uint64_t size,
                        const uint8_t root[DIGEST_OCTETS], const uint8_t path[][DIGEST_OCTETS],
                        unsigned count);

/*
 * The tree of a block, over leaves of leaf.h. A node is BLAKE2b-256(0x01 || children), at most
 * AUDIT_FAN of them, cut from the left; again, until one is left. One leaf is the root itself.
 */
#define AUDIT_FAN 16u
/* The digests beside the way from leaf `index` of count, lowest level first, from the left.
 * Overwrites leaves. path has AUDIT_EVENTS_PATH_MAX places; returns how many were used. */
#define AUDIT_EVENTS_PATH_MAX 75u /* five levels of fifteen: 1,048,576 leaves */
size_t audit_events_path(uint8_t (*leaves)[DIGEST_OCTETS], size_t count, size_t index,
                         uint8_t (*path)[DIGEST_OCTETS]);
bool audit_events_include(const uint8_t leaf[DIGEST_OCTETS], size_t index, size_t count,
                          const uint8_t path[][DIGEST_OCTETS], size_t path_count,
                          const uint8_t root[DIGEST_OCTETS]);

#endif
