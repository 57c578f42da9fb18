/*
 * config/tree.h - the strict subset of YAML as a tree: what stands where, nothing about what it
 * means.
 *
 * Mappings and sequences of plain or quoted scalars. Refused, each with its place: a second
 * document, directives, anchors, aliases, tags, merge keys, duplicate keys, block scalars,
 * keys that are no scalars, tabs, control characters, octets that are not UTF-8.
 */
#ifndef CORDON_CONFIG_TREE_H
#define CORDON_CONFIG_TREE_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_DEPTH_MAX \
    8u /* the schema needs 8: views, NAME, when, one of it, lists, ID, mode */
#define CONFIG_NODES_MAX 16384u /* more than all lists of the schema can hold together */
#define CONFIG_ITEMS_MAX 1024u  /* of one mapping or sequence; keys are compared pairwise */

enum config_node_kind {
    CONFIG_SCALAR,
    CONFIG_SEQUENCE,
    CONFIG_MAPPING
};

struct config_node {
    enum config_node_kind kind;
    bool bad;                /* a fault was reported here: nothing more is said about it, or
                            about the value of this key */
    bool quoted;             /* a scalar in quotes */
    size_t line, column;     /* from 1 */
    char *text;              /* of a scalar, else NULL; terminated, no zero octet inside */
    struct config_node *key; /* in a mapping: the scalar before the colon */
    struct config_node *first, *last; /* items of a mapping or sequence */
    struct config_node *next;         /* after this one */
    size_t count;                     /* of items */
};

/* NULL is fine. */
void config_tree_free(struct config_node *root);

/* Reads octets into a tree; *root is NULL for a file without content. What is wrong is in the
 * report, and what could be read all the same is in the tree. 0 or -ENOMEM. */
int config_tree_read(const char *text, size_t len, const char *file, struct report *report,
                     struct config_node **root);

/* True for the value of "key:" with nothing behind it. */
bool config_node_is_empty(const struct config_node *node);

#endif
