#include "audit/tree.h"

#include "base/invariant.h"

#include <string.h>

static void join(const uint8_t left[DIGEST_OCTETS], const uint8_t right[DIGEST_OCTETS],
                 uint8_t out[DIGEST_OCTETS])
{
    uint8_t data[1 + 2 * DIGEST_OCTETS];

    data[0] = 1;
    memcpy(data + 1, left, DIGEST_OCTETS);
    memcpy(data + 1 + DIGEST_OCTETS, right, DIGEST_OCTETS);
    digest_sha256(data, sizeof(data), out);
}

void audit_tree_leaf(const void *data, size_t len, uint8_t out[DIGEST_OCTETS])
{
    uint8_t prefixed[1 + AUDIT_LEAF_MAX];

    invariant(len <= AUDIT_LEAF_MAX);
    prefixed[0] = 0;
    memcpy(prefixed + 1, data, len);
    digest_sha256(prefixed, 1 + len, out);
}

unsigned audit_tree_count(const struct audit_tree *tree)
{
    return (unsigned)__builtin_popcountll(tree->size);
}

void audit_tree_add(struct audit_tree *tree, const uint8_t leaf[DIGEST_OCTETS])
{
    unsigned count = audit_tree_count(tree);
    uint8_t sum[DIGEST_OCTETS];

    memcpy(sum, leaf, sizeof(sum));
    for (uint64_t size = tree->size; (size & 1) != 0; size >>= 1) {
        join(tree->at[--count], sum, sum);
    }
    memcpy(tree->at[count], sum, sizeof(sum));
    tree->size++;
}

void audit_tree_root(const struct audit_tree *tree, uint8_t out[DIGEST_OCTETS])
{
    unsigned count = audit_tree_count(tree);
    uint8_t sum[DIGEST_OCTETS];

    if (count == 0) {
        digest_sha256("", 0, out);
        return;
    }
    memcpy(sum, tree->at[--count], sizeof(sum));
    while (count > 0) {
        join(tree->at[--count], sum, sum);
    }
    memcpy(out, sum, sizeof(sum));
}

/* The largest power of two below size, which is above 1. */
static uint64_t split(uint64_t size)
{
    return UINT64_C(1) << (63 - __builtin_clzll(size - 1));
}

static void add_range(struct audit_path *path, uint64_t first, uint64_t end)
{
    path->range[path->count].first = first;
    path->range[path->count].end = end;
    path->count++;
}

/* Ranges were found from the root down; a path begins at the leaf. */
static void turn_ranges(struct audit_path *path)
{
    for (unsigned i = 0; i < path->count / 2; i++) {
        const unsigned j = path->count - 1 - i;
        const uint64_t first = path->range[i].first;
        const uint64_t end = path->range[i].end;

        path->range[i] = path->range[j];
        path->range[j].first = first;
        path->range[j].end = end;
    }
}

void audit_path_begin_inclusion(struct audit_path *path, uint64_t leaf, uint64_t size)
{
    uint64_t first = 0;
    uint64_t end = size;

    invariant(leaf < size && size >> 63 == 0);
    memset(path, 0, sizeof(*path));
    path->size = size;
    while (end - first > 1) {
        const uint64_t middle = first + split(end - first);

        if (leaf < middle) {
            add_range(path, middle, end);
            end = middle;
        } else {
            add_range(path, first, middle);
            first = middle;
        }
    }
    turn_ranges(path);
}

void audit_path_begin_consistency(struct audit_path *path, uint64_t old, uint64_t size)
{
    uint64_t first = 0;
    uint64_t end = size;
    bool whole = true; /* the subtree is the old tree itself, whose root is known */

    invariant(old > 0 && old <= size && size >> 63 == 0);
    memset(path, 0, sizeof(*path));
    path->size = size;
    while (old != end) {
        const uint64_t middle = first + split(end - first);

        if (old <= middle) {
            add_range(path, middle, end);
            end = middle;
        } else {
            add_range(path, first, middle);
            first = middle;
            whole = false;
        }
    }
    if (!whole) {
        add_range(path, first, end);
    }
    turn_ranges(path);
}

void audit_path_add(struct audit_path *path, const uint8_t leaf[DIGEST_OCTETS])
{
    invariant(path->next < path->size);
    for (unsigned i = 0; i < path->count; i++) {
        if (path->next < path->range[i].first || path->next >= path->range[i].end) {
            continue;
        }
        if (path->next == path->range[i].first) {
            path->tree.size = 0;
        }
        audit_tree_add(&path->tree, leaf);
        if (path->next + 1 == path->range[i].end) {
            audit_tree_root(&path->tree, path->at[i]);
        }
        break;
    }
    path->next++;
}

/* RFC 9162, 2.1.3.2. */
bool audit_tree_includes(const uint8_t leaf[DIGEST_OCTETS], uint64_t index, uint64_t size,
                         const uint8_t path[][DIGEST_OCTETS], unsigned count,
                         const uint8_t root[DIGEST_OCTETS])
{
    uint8_t sum[DIGEST_OCTETS];

    if (index >= size) {
        return false;
    }
    uint64_t last = size - 1;
    memcpy(sum, leaf, sizeof(sum));
    for (unsigned i = 0; i < count; i++) {
        if (last == 0) {
            return false;
        }
        if ((index & 1) != 0 || index == last) {
            join(path[i], sum, sum);
            while ((index & 1) == 0 && index != 0) {
                index >>= 1;
                last >>= 1;
            }
        } else {
            join(sum, path[i], sum);
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0 && digest_equal(sum, root);
}

/* RFC 9162, 2.1.4.2. */
bool audit_tree_extends(uint64_t old, const uint8_t old_root[DIGEST_OCTETS], uint64_t size,
                        const uint8_t root[DIGEST_OCTETS], const uint8_t path[][DIGEST_OCTETS],
                        unsigned count)
{
    uint8_t first[DIGEST_OCTETS];
    uint8_t second[DIGEST_OCTETS];
    unsigned used = 0;

    if (old == 0 || old >= size) {
        digest_sha256("", 0, first);
        return count == 0 && (old == 0 ? digest_equal(old_root, first)
                                       : old == size && digest_equal(old_root, root));
    }
    uint64_t index = old - 1;
    uint64_t last = size - 1;
    while ((index & 1) != 0) {
        index >>= 1;
        last >>= 1;
    }
    if (index == 0) { /* the old tree is a whole subtree: its root begins the path */
        memcpy(first, old_root, sizeof(first));
    } else if (count == 0) {
        return false;
    } else {
        memcpy(first, path[used++], sizeof(first));
    }
    memcpy(second, first, sizeof(second));
    for (; used < count; used++) {
        if (last == 0) {
            return false;
        }
        if ((index & 1) != 0 || index == last) {
            join(path[used], first, first);
            join(path[used], second, second);
            while ((index & 1) == 0 && index != 0) {
                index >>= 1;
                last >>= 1;
            }
        } else {
            join(second, path[used], second);
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0 && digest_equal(first, old_root) && digest_equal(second, root);
}

static void node(const uint8_t (*children)[DIGEST_OCTETS], size_t count,
                 uint8_t out[DIGEST_OCTETS])
{
    uint8_t data[1 + AUDIT_FAN * DIGEST_OCTETS];

    data[0] = 1;
    memcpy(data + 1, children, count * DIGEST_OCTETS);
    digest_of(data, 1 + count * DIGEST_OCTETS, NULL, out);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One level up, in place, some nodes at once. Returns how many are left. */
static size_t lift(uint8_t (*leaves)[DIGEST_OCTETS], size_t count)
{
    enum {
        AT_ONCE = 8
    };
    uint8_t data[AT_ONCE][1 + AUDIT_FAN * DIGEST_OCTETS];
    struct digest_buffer buffers[AT_ONCE];
    size_t nodes = 0;

    for (size_t at = 0; at < count;) {
        size_t waiting = 0;

        for (; waiting < AT_ONCE && at < count; at += AUDIT_FAN, waiting++) {
            const size_t octets = least(AUDIT_FAN, count - at) * DIGEST_OCTETS;

            data[waiting][0] = 1;
            memcpy(data[waiting] + 1, leaves[at], octets);
            buffers[waiting] =
                (struct digest_buffer){data[waiting], 1 + octets, leaves[nodes + waiting]};
        }
        digest_of_many(buffers, waiting);
        nodes += waiting;
    }
    return nodes;
}

size_t audit_events_path(uint8_t (*leaves)[DIGEST_OCTETS], size_t count, size_t index,
                         uint8_t (*path)[DIGEST_OCTETS])
{
    size_t used = 0;

    invariant(index < count);
    while (count > 1) {
        const size_t first = index - index % AUDIT_FAN;
        const size_t end = first + least(AUDIT_FAN, count - first);

        for (size_t i = first; i < end; i++) {
            if (i != index) {
                invariant(used < AUDIT_EVENTS_PATH_MAX);
                memcpy(path[used++], leaves[i], DIGEST_OCTETS);
            }
        }
        count = lift(leaves, count);
        index /= AUDIT_FAN;
    }
    return used;
}

bool audit_events_include(const uint8_t leaf[DIGEST_OCTETS], size_t index, size_t count,
                          const uint8_t path[][DIGEST_OCTETS], size_t path_count,
                          const uint8_t root[DIGEST_OCTETS])
{
    uint8_t children[AUDIT_FAN][DIGEST_OCTETS];
    uint8_t sum[DIGEST_OCTETS];
    size_t used = 0;

    if (index >= count) {
        return false;
    }
    memcpy(sum, leaf, sizeof(sum));
    while (count > 1) {
        const size_t first = index - index % AUDIT_FAN;
        const size_t end = first + least(AUDIT_FAN, count - first);

        for (size_t i = first; i < end; i++) {
            if (i == index) {
                memcpy(children[i - first], sum, sizeof(sum));
            } else if (used == path_count) {
                return false;
            } else {
                memcpy(children[i - first], path[used++], sizeof(sum));
            }
        }
        node((const uint8_t(*)[DIGEST_OCTETS])children, end - first, sum);
        count = (count + AUDIT_FAN - 1) / AUDIT_FAN;
        index /= AUDIT_FAN;
    }
    return used == path_count && digest_equal(sum, root);
}
