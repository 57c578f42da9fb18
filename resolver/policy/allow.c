/*
 * policy/allow.c - a sorted array of keys. A key is the name's labels in reverse order, each
 * behind its length, without the root: "example.com" is 3com7example. So a name is within
 * another if and only if the other's key is how its own begins; and since names within others
 * of the set are left out, only the greatest key that is not above the name's can be that.
 */
#include "policy/allow.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct key {
    uint8_t octets[WIRE_NAME_MAX];
    uint8_t len;
};

struct policy_allow {
    size_t count;
    struct key keys[];
};

static void make_key(const struct wire_name *name, struct key *key)
{
    key->len = 0;
    for (unsigned i = name->labels; i > 0; i--) {
        const uint8_t *label = name->octets + name->at[i - 1];

        memcpy(key->octets + key->len, label, label[0] + 1u);
        key->len = (uint8_t)(key->len + label[0] + 1u);
    }
}

static int compare(const struct key *a, const struct key *b)
{
    const int order = memcmp(a->octets, b->octets, a->len < b->len ? a->len : b->len);

    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare_keys(const void *a, const void *b)
{
    return compare(a, b);
}

/* True if key begins with start: both end between labels. */
static bool begins_with(const struct key *key, const struct key *start)
{
    return key->len >= start->len && memcmp(key->octets, start->octets, start->len) == 0;
}

int policy_allow_build(const struct wire_name *names, size_t count, struct policy_allow **allow)
{
    size_t kept = 0;

    *allow = NULL;
    if (count == 0) {
        return 0;
    }
    struct policy_allow *made = malloc(sizeof(*made) + count * sizeof(made->keys[0]));
    if (made == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        make_key(&names[i], &made->keys[i]);
    }
    qsort(made->keys, count, sizeof(made->keys[0]), compare_keys);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !begins_with(&made->keys[i], &made->keys[kept - 1])) {
            made->keys[kept++] = made->keys[i];
        }
    }
    made->count = kept;
    *allow = made;
    return 0;
}

void policy_allow_free(struct policy_allow *allow)
{
    free(allow);
}

/* The number of keys that are not greater. */
static size_t find(const struct policy_allow *allow, const struct key *key)
{
    size_t low = 0, high = allow->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (compare(&allow->keys[middle], key) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* hot */
bool policy_allow_covers(const struct policy_allow *allow, const struct wire_name *name)
{
    struct key key;

    if (allow == NULL) {
        return false;
    }
    make_key(name, &key);
    const size_t place = find(allow, &key);
    return place > 0 && begins_with(&key, &allow->keys[place - 1]);
}

bool policy_allow_below(const struct policy_allow *allow, const struct wire_name *name)
{
    struct key key;

    if (allow == NULL) {
        return false;
    }
    make_key(name, &key);
    const size_t place = find(allow, &key);
    return place < allow->count && begins_with(&allow->keys[place], &key);
}
