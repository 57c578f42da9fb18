#include "policy/views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Conditions of one prefix stand together in the order of their listeners, "any" last. */
struct node {
    struct address_prefix prefix;
    uint32_t above; /* number + 1 of the next shorter prefix that covers this one; 0: none */
    uint32_t first, count; /* of places */
};

struct policy_views {
    size_t node_count, place_count;
    struct node *nodes;
    struct policy_view_place *places;
};

static int compare_numbers(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

/* Family 0 comes last. */
static int compare_listeners(const struct address *a, const struct address *b)
{
    int order =
        compare_numbers(b->family == ADDRESS_NONE ? 0 : 1, a->family == ADDRESS_NONE ? 0 : 1);

    order = order != 0 ? order : compare_numbers(a->family, b->family);
    order = order != 0 ? order : compare_numbers(a->port, b->port);
    order = order != 0 ? order : memcmp(a->octets, b->octets, sizeof(a->octets));
    return order != 0 ? order : compare_numbers(a->scope, b->scope);
}

static int compare_prefixes(const struct address_prefix *a, const struct address_prefix *b)
{
    int order = compare_numbers(a->family, b->family);

    order = order != 0 ? order : memcmp(a->octets, b->octets, sizeof(a->octets));
    return order != 0 ? order : compare_numbers(a->bits, b->bits);
}

static int compare_conditions(const struct policy_view_place *a,
                              const struct policy_view_place *b)
{
    const int order = compare_prefixes(&a->clients, &b->clients);

    return order != 0 ? order : compare_listeners(&a->listener, &b->listener);
}

static int compare_places(const void *a, const void *b)
{
    return compare_conditions(a, b);
}

static bool covers(const struct address_prefix *prefix, const struct address_prefix *other)
{
    struct address address = {.family = other->family};

    memcpy(address.octets, other->octets, sizeof(address.octets));
    return prefix->bits <= other->bits && address_prefix_covers(prefix, &address);
}

/* A prefix that covers another one comes before it, and so do all that lie in between. */
static void make_nodes(struct policy_views *views)
{
    for (size_t i = 0; i < views->place_count; i++) {
        const struct address_prefix *prefix = &views->places[i].clients;
        struct node *last = views->node_count > 0 ? &views->nodes[views->node_count - 1] : NULL;

        if (last != NULL && compare_prefixes(&last->prefix, prefix) == 0) {
            last->count++;
            continue;
        }
        uint32_t above = (uint32_t)views->node_count;
        while (above != 0 && !covers(&views->nodes[above - 1].prefix, prefix)) {
            above = views->nodes[above - 1].above;
        }
        views->nodes[views->node_count++] =
            (struct node){.prefix = *prefix, .above = above, .first = (uint32_t)i, .count = 1};
    }
}

int policy_views_build(const struct policy_view_place *places, size_t count,
                       struct policy_views **views)
{
    int rc = 0;

    *views = NULL;
    if (count == 0) {
        return 0;
    }
    struct policy_views *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->nodes = calloc(count, sizeof(made->nodes[0]));
    made->places = calloc(count, sizeof(made->places[0]));
    made->place_count = count;
    if (made->nodes == NULL || made->places == NULL) {
        rc = -ENOMEM;
        goto done;
    }
    memcpy(made->places, places, count * sizeof(places[0]));
    qsort(made->places, count, sizeof(made->places[0]), compare_places);
    for (size_t i = 1; i < count; i++) {
        if (compare_conditions(&made->places[i - 1], &made->places[i]) == 0) {
            rc = -EEXIST;
            goto done;
        }
    }
    make_nodes(made);
    *views = made;
    made = NULL;
done:
    policy_views_free(made);
    return rc;
}

void policy_views_free(struct policy_views *views)
{
    if (views != NULL) {
        free(views->nodes);
        free(views->places);
        free(views);
    }
}

/* The number + 1 of the last prefix of the client's family that does not lie behind it. */
static uint32_t find_node(const struct policy_views *views, const struct address *client)
{
    size_t low = 0, high = views->node_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct address_prefix *prefix = &views->nodes[middle].prefix;
        int order = compare_numbers(prefix->family, client->family);

        order =
            order != 0 ? order : memcmp(prefix->octets, client->octets, sizeof(client->octets));
        if (order <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (uint32_t)low;
}

/* The view of the node's condition on this very listener, or 0. */
static unsigned view_at(const struct policy_views *views, const struct node *node,
                        const struct address *listener)
{
    size_t low = node->first, high = node->first + node->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = compare_listeners(&views->places[middle].listener, listener);

        if (order == 0) {
            return views->places[middle].view;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 0;
}

/* What holds of one prefix: first of those that name a listener, else the one that does not. */
static unsigned choose_at(const struct policy_views *views, const struct node *node,
                          const struct address *local, const struct address *wildcard)
{
    static const struct address any = {.family = ADDRESS_NONE};
    const unsigned exact = view_at(views, node, local);
    const unsigned wide = view_at(views, node, wildcard);

    if (exact != 0 && (wide == 0 || exact < wide)) {
        return exact;
    }
    return wide != 0 ? wide : view_at(views, node, &any);
}

/* hot */
unsigned policy_views_choose(const struct policy_views *views, const struct address *client,
                             const struct address *local)
{
    const struct address wildcard = {.family = local->family, .port = local->port};
    struct address from = *client;

    if (views == NULL) {
        return 0;
    }
    address_unmap(&from);
    for (uint32_t number = find_node(views, &from); number != 0;
         number = views->nodes[number - 1].above) {
        const struct node *node = &views->nodes[number - 1];

        if (address_prefix_covers(&node->prefix, &from)) {
            const unsigned view = choose_at(views, node, local, &wildcard);

            if (view != 0) {
                return view;
            }
        }
    }
    return 0;
}
