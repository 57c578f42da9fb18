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
 *
 * While newer versions of lists count for a share of the clients, each view has twins, and who
 * belongs to one is decided by a keyed hash of the client's address: nobody outside can tell or
 * choose, and who is in a share is in every larger one, too. Without a share there is no hash.
 */
#ifndef CORDON_POLICY_VIEWS_H
#define CORDON_POLICY_VIEWS_H

#include "base/address.h"
#include "base/siphash.h"
#include "policy/limits.h"

#include <stddef.h>
#include <stdint.h>

/* One condition of a view. */
struct policy_view_place {
    struct address_prefix clients; /* 0 bits: all of its family */
    struct address listener;       /* asked; family 0: any. 0.0.0.0 or ::, with its port: any of
                                      the family at that port. */
    uint8_t view;                  /* its number: in the order of the file */
};

/* Shares of the clients of every view. */
struct policy_shares {
    uint8_t key[SIPHASH_KEY_OCTETS];
    uint16_t at[POLICY_SHARES_MAX]; /* per mille, the largest first, each of them once */
    uint8_t count;
    uint8_t views; /* without twins: twin t (from 1) of view v has number t * views + v */
};

struct policy_views; /* opaque, immutable */

/* Copies the places, and the shares (NULL: there is none). *views is NULL for neither. 0;
 * -EEXIST if two have the same clients and listener; -ENOMEM. */
int policy_views_build(const struct policy_view_place *places, size_t count,
                       const struct policy_shares *shares, struct policy_views **views);
void policy_views_free(struct policy_views *views); /* NULL is fine */

/* Where the client stands, per mille: below 1000. IPv6 by its first 64 bits: a host has as many
 * addresses there as it likes. */
unsigned policy_share_of(const uint8_t key[SIPHASH_KEY_OCTETS], const struct address *client);

/* hot. The number of the client's view, or of its twin t where t of the shares have the client
 * (as many as are larger than where it stands). NULL: 0. local: address and port that were
 * asked. */
unsigned policy_views_choose(const struct policy_views *views, const struct address *client,
                             const struct address *local);

#endif
