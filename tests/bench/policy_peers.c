#include "bench/policy_peers.h"

#include "base/siphash.h"

#include <ldns/rbtree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef BENCH_HAVE_CDB
#include <cdb.h>
#endif

/* The key of the hashes: any will do. */
static const uint8_t key[SIPHASH_KEY_OCTETS] = "bench of names.";

static bool name_at(const struct names_source *source, uint64_t i, struct wire_name *name)
{
    char text[NAME_TEXT_MAX];

    return wire_name_from_text(text, names_at(source, i, text), name) == WIRE_TEXT_OK;
}

/* --- a hash set of strings: open addressing, half full, each suffix is looked for --- */

struct string_set {
    struct {
        uint64_t hash;
        uint8_t *name; /* length, octets; NULL: free */
    } * slots;
    size_t size;
};

static void string_set_free(void *peer)
{
    struct string_set *set = peer;

    for (size_t i = 0; set != NULL && i < set->size; i++) {
        free(set->slots[i].name);
    }
    if (set != NULL) {
        free(set->slots);
    }
    free(set);
}

static void *string_set_make(const struct names_source *source, uint64_t count)
{
    struct string_set *set = calloc(1, sizeof(*set));

    if (set == NULL) {
        return NULL;
    }
    set->size = 1024;
    while (set->size < 2 * count) {
        set->size *= 2;
    }
    set->slots = calloc(set->size, sizeof(set->slots[0]));
    for (uint64_t i = 0; set->slots != NULL && i < count; i++) {
        struct wire_name name;

        if (!name_at(source, i, &name)) {
            continue;
        }
        const uint64_t hash = siphash13(name.octets, name.len, key);
        size_t at = hash & (set->size - 1);
        while (set->slots[at].name != NULL) {
            at = (at + 1) & (set->size - 1);
        }
        set->slots[at].hash = hash;
        set->slots[at].name = malloc(1u + name.len);
        if (set->slots[at].name == NULL) {
            break;
        }
        set->slots[at].name[0] = name.len;
        memcpy(set->slots[at].name + 1, name.octets, name.len);
    }
    return set;
}

static unsigned string_set_find(void *peer, const struct wire_name *name)
{
    const struct string_set *set = peer;

    for (unsigned i = 0; i + 2 <= name->labels; i++) {
        const uint8_t *suffix = name->octets + name->at[i];
        const size_t len = name->len - name->at[i];
        const uint64_t hash = siphash13(suffix, len, key);

        for (size_t at = hash & (set->size - 1); set->slots[at].name != NULL;
             at = (at + 1) & (set->size - 1)) {
            if (set->slots[at].hash == hash && set->slots[at].name[0] == len &&
                memcmp(set->slots[at].name + 1, suffix, len) == 0) {
                return name->labels - i;
            }
        }
    }
    return 0;
}

/* --- ldns' red-black tree in canonical order, as servers keep zones and local data --- */

struct tree_node {
    ldns_rbnode_t node;
    const struct tree_node *above; /* the longest listed suffix of it */
    uint8_t labels, len;
    uint8_t name[]; /* labels from the right, each with its length */
};

struct tree {
    ldns_rbtree_t *tree;
};

/* A name as its labels from the right. */
static size_t turn(const struct wire_name *name, uint8_t out[WIRE_NAME_MAX])
{
    size_t len = 0;

    for (unsigned i = name->labels; i > 0; i--) {
        const uint8_t *label = name->octets + name->at[i - 1];

        memcpy(out + len, label, 1u + label[0]);
        len += 1u + label[0];
    }
    return len;
}

static int compare_turned(const void *a, const void *b)
{
    const struct tree_node *left = a;
    const struct tree_node *right = b;
    const size_t len = left->len < right->len ? left->len : right->len;
    const int order = memcmp(left->name, right->name, len);

    return order != 0 ? order : (int)left->len - (int)right->len;
}

static bool is_prefix(const struct tree_node *node, const uint8_t *turned, size_t len)
{
    return node->len <= len && memcmp(node->name, turned, node->len) == 0;
}

static void *tree_make(const struct names_source *source, uint64_t count)
{
    ldns_rbtree_t *tree = ldns_rbtree_create(compare_turned);

    for (uint64_t i = 0; tree != NULL && i < count; i++) {
        struct wire_name name;
        uint8_t turned[WIRE_NAME_MAX];

        if (!name_at(source, i, &name)) {
            continue;
        }
        const size_t len = turn(&name, turned);
        struct tree_node *node = calloc(1, sizeof(*node) + len);
        if (node == NULL) {
            break;
        }
        memcpy(node->name, turned, len);
        node->len = (uint8_t)len;
        node->labels = name.labels;
        node->node.key = node;
        if (ldns_rbtree_insert(tree, &node->node) == NULL) {
            free(node);
        }
    }
    /* In this order, what is above a node comes before it. */
    const struct tree_node *above = NULL;
    for (ldns_rbnode_t *at = ldns_rbtree_first(tree); at != LDNS_RBTREE_NULL;
         at = ldns_rbtree_next(at)) {
        struct tree_node *node = (struct tree_node *)(void *)at;

        while (above != NULL && !is_prefix(above, node->name, node->len)) {
            above = above->above;
        }
        node->above = above;
        above = node;
    }
    return tree;
}

static void free_node(ldns_rbnode_t *node, void *unused)
{
    (void)unused;
    free(node);
}

static void tree_free(void *peer)
{
    ldns_traverse_postorder(peer, free_node, NULL);
    free(peer);
}

static unsigned tree_find(void *peer, const struct wire_name *name)
{
    union {
        struct tree_node node;
        uint8_t octets[sizeof(struct tree_node) + WIRE_NAME_MAX];
    } wanted;
    ldns_rbnode_t *found = NULL;

    wanted.node.len = (uint8_t)turn(name, wanted.node.name);
    ldns_rbtree_find_less_equal(peer, &wanted.node, &found);
    const struct tree_node *node = (const struct tree_node *)(void *)found;
    while (node != NULL && !is_prefix(node, wanted.node.name, wanted.node.len)) {
        node = node->above;
    }
    return node == NULL ? 0 : node->labels;
}

/* --- a constant data base (cdb), as dnsdist asks one for each suffix --- */

#ifdef BENCH_HAVE_CDB
static void *cdb_make_names(const struct names_source *source, uint64_t count)
{
    char path[] = "/tmp/cordon-bench-XXXXXX";
    const int fd = mkstemp(path);
    struct cdb *cdb = calloc(1, sizeof(*cdb));
    struct cdb_make make;

    if (fd < 0 || cdb == NULL || cdb_make_start(&make, fd) != 0) {
        return NULL;
    }
    unlink(path);
    for (uint64_t i = 0; i < count; i++) {
        struct wire_name name;

        if (name_at(source, i, &name)) {
            cdb_make_add(&make, name.octets, name.len, "", 1);
        }
    }
    if (cdb_make_finish(&make) != 0 || cdb_init(cdb, fd) != 0) {
        free(cdb);
        return NULL;
    }
    close(fd); /* it stays mapped */
    return cdb;
}

static unsigned cdb_find_name(void *peer, const struct wire_name *name)
{
    for (unsigned i = 0; i + 2 <= name->labels; i++) {
        if (cdb_find(peer, name->octets + name->at[i], (unsigned)(name->len - name->at[i])) >
            0) {
            return name->labels - i;
        }
    }
    return 0;
}

static size_t cdb_octets(void *peer)
{
    return ((struct cdb *)peer)->cdb_fsize;
}

static void cdb_free_names(void *peer)
{
    cdb_free(peer);
    free(peer);
}
#endif

const struct peer *peers_all(void)
{
    static const struct peer all[] = {
        {"hash set", "strings by SipHash, half full, each suffix looked for", string_set_make,
         string_set_find, string_set_free, NULL},
        {"rbtree", "ldns' red-black tree in canonical order", tree_make, tree_find, tree_free,
         NULL},
#ifdef BENCH_HAVE_CDB
        {"cdb", "tinycdb, each suffix looked for, as dnsdist does", cdb_make_names,
         cdb_find_name, cdb_free_names, cdb_octets},
#endif
        {NULL, NULL, NULL, NULL, NULL, NULL},
    };

    return all;
}
