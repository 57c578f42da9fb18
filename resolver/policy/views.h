/*
 * policy/views.h - which view a client belongs to: by its network and the address it asked.
 *
 * Of the conditions that hold, the one with the longest client prefix counts, then one that
 * names a listener, then the view that was named first. None: view 0.
 *
 * The prefixes are sorted, and each knows the next shorter one that covers it: a choice is a
 * binary search (12 comparisons for 4,096 prefixes), then one step for each prefix that covers
 * the client (as deep as the operator nested them), with at most three binary searches over the
 * listeners there. No allocation. tests/bench/bench_views.c measures it.
 */
#ifndef CORDON_POLICY_VIEWS_H
#define CORDON_POLICY_VIEWS_H

#include "base/address.h"

#include <stddef.h>
#include <stdint.h>

/* One condition of a view. */
struct policy_view_place {
    struct address_prefix clients; /* 0 bits: all of its family */
    struct address listener;       /* asked; family 0: any. 0.0.0.0 or ::, with its port: any of
                                      the family at that port. */
    uint8_t view;                  /* its number: in the order of the file */
};

struct policy_views; /* opaque, immutable */

/* Copies the places. *views is NULL for none. 0; -EEXIST if two have the same clients and
 * listener; -ENOMEM. */
int policy_views_build(const struct policy_view_place *places, size_t count,
                       struct policy_views **views);
void policy_views_free(struct policy_views *views); /* NULL is fine */

/* hot. The view's number. NULL: 0. local: address and port that were asked. */
unsigned policy_views_choose(const struct policy_views *views, const struct address *client,
                             const struct address *local);

#endif
