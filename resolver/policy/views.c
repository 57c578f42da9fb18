#include "policy/views.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* An address as two numbers that sort like its octets. */
struct number {
    uint64_t high, low;
};

/* Conditions of one prefix stand together in the order of their listeners, "any" last. */
struct node {
    struct number prefix, mask;
    uint32_t above; /* number + 1 of the next shorter prefix that covers this one; 0: none */
    uint32_t first, count; /* of places */
    uint8_t family;
};

struct policy_views {
    size_t node_count, place_count;
    struct node *nodes;
    struct policy_view_place *places;
    struct policy_shares shares; /* count 0: none */
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

static struct number number_of(const uint8_t octets[16])
{
    struct number number;

    memcpy(&number, octets, sizeof(number));
    return (struct number){be64toh(number.high), be64toh(number.low)};
}

/* The first bits of a number are ones. */
static uint64_t mask_of(unsigned bits)
{
    return bits == 0 ? 0 : bits >= 64 ? UINT64_MAX : ~(UINT64_MAX >> bits);
}

static bool covers(const struct node *node, uint8_t family, struct number number)
{
    return node->family == family && (((node->prefix.high ^ number.high) & node->mask.high) |
                                      ((node->prefix.low ^ number.low) & node->mask.low)) == 0;
}

/* A prefix that covers another one comes before it, and so do all that lie in between. */
static void make_nodes(struct policy_views *views)
{
    for (size_t i = 0; i < views->place_count; i++) {
        const struct address_prefix *prefix = &views->places[i].clients;
        const struct number number = number_of(prefix->octets);

        if (i > 0 && compare_prefixes(&views->places[i - 1].clients, prefix) == 0) {
            views->nodes[views->node_count - 1].count++;
            continue;
        }
        /* Those before are not longer where their octets are the same. */
        uint32_t above = (uint32_t)views->node_count;
        while (above != 0 && !covers(&views->nodes[above - 1], prefix->family, number)) {
            above = views->nodes[above - 1].above;
        }
        views->nodes[views->node_count++] =
            (struct node){.prefix = number,
                          .mask = {mask_of(prefix->bits),
                                   mask_of(prefix->bits > 64 ? prefix->bits - 64u : 0)},
                          .above = above,
                          .first = (uint32_t)i,
                          .count = 1,
                          .family = prefix->family};
    }
}

int policy_views_build(const struct policy_view_place *places, size_t count,
                       const struct policy_shares *shares, struct policy_views **views)
{
    const bool shared = shares != NULL && shares->count > 0;
    int rc = 0;

    *views = NULL;
    if (count == 0 && !shared) {
        return 0;
    }
    struct policy_views *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->nodes = calloc(count + 1, sizeof(made->nodes[0])); /* not of nothing */
    made->places = calloc(count + 1, sizeof(made->places[0]));
    made->place_count = count;
    if (made->nodes == NULL || made->places == NULL) {
        rc = -ENOMEM;
        goto done;
    }
    if (shared) {
        made->shares = *shares;
    }
    for (size_t i = 0; i < count; i++) {
        made->places[i] = places[i];
    }
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

/* The number + 1 of the last prefix that does not lie behind the address. */
static uint32_t find_node(const struct policy_views *views, uint8_t family,
                          struct number number)
{
    size_t low = 0, high = views->node_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct node *node = &views->nodes[middle];
        const bool behind = node->family != family             ? node->family > family
                            : node->prefix.high != number.high ? node->prefix.high > number.high
                                                               : node->prefix.low > number.low;

        if (behind) {
            high = middle;
        } else {
            low = middle + 1;
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
    const struct policy_view_place *first = &views->places[node->first];

    if (first->listener.family == ADDRESS_NONE) {
        return first->view; /* it would be the last: there is no other */
    }
    const unsigned exact = view_at(views, node, local);
    const unsigned wide = view_at(views, node, wildcard);

    if (exact != 0 && (wide == 0 || exact < wide)) {
        return exact;
    }
    return wide != 0 ? wide : view_at(views, node, &any);
}

/* The view that the conditions give it. */
static unsigned find_view(const struct policy_views *views, const struct address *from,
                          const struct address *local)
{
    const struct address wildcard = {.family = local->family, .port = local->port};
    const struct number client_number = number_of(from->octets);
    uint32_t at = find_node(views, from->family, client_number);

    while (at != 0) {
        const struct node *node = &views->nodes[at - 1];

        if (covers(node, from->family, client_number)) {
            const unsigned view = choose_at(views, node, local, &wildcard);

            if (view != 0) {
                return view;
            }
        }
        at = node->above;
    }
    return 0;
}

/* Of an address that is not mapped. */
static unsigned share_of(const uint8_t key[SIPHASH_KEY_OCTETS], const struct address *from)
{
    const size_t octets = from->family == ADDRESS_V6 ? 8 : 4;

    return (unsigned)((siphash13(from->octets, octets, key) >> 32) * 1000 >> 32);
}

unsigned policy_share_of(const uint8_t key[SIPHASH_KEY_OCTETS], const struct address *client)
{
    struct address from = *client;

    address_unmap(&from);
    return share_of(key, &from);
}

/* The number of the view's twin for this client. Apart: without shares its registers cost
 * nothing. */
static __attribute__((noinline)) unsigned twin_of(const struct policy_views *views,
                                                  const struct address *from, unsigned view)
{
    const unsigned at = share_of(views->shares.key, from);
    unsigned twin = 0;

    while (twin < views->shares.count && at < views->shares.at[twin]) {
        twin++;
    }
    return twin * views->shares.views + view;
}

/* hot */
unsigned policy_views_choose(const struct policy_views *views, const struct address *client,
                             const struct address *local)
{
    struct address from = *client;

    if (views == NULL) {
        return 0;
    }
    address_unmap(&from);
    const unsigned view = find_view(views, &from, local);
    return views->shares.count == 0 ? view : twin_of(views, &from, view);
}
