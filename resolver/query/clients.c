#include "query/clients.h"

#include "base/invariant.h"
#include "base/same.h"
#include "policy/views.h"
#include "query/settings.h"

#include <endian.h>
#include <string.h>

_Static_assert(offsetof(struct address, scope) == 16, "octets are two words");

/* hot. Neighbours in a network have different places. Not secret: who shares a place on purpose
 * gains nothing by it. */
static size_t place_of(const struct address *from)
{
    const uint64_t folded = same_load64(from->octets) ^ same_load64(from->octets + 8);
    const uint32_t number = be32toh((uint32_t)folded ^ (uint32_t)(folded >> 32));

    return (uint64_t)(number * UINT32_C(0x9e3779b1)) * QUERY_CLIENTS_KNOWN >> 32;
}

/* hot. Where both have the same port, or none says anything. */
static bool is_same(const struct address *a, const struct address *b)
{
    return ((same_load64(a->octets) ^ same_load64(b->octets)) |
            (same_load64(a->octets + 8) ^ same_load64(b->octets + 8)) |
            (uint64_t)(a->scope ^ b->scope) | (uint64_t)(a->family ^ b->family)) == 0;
}

static void learn(struct query_known_client *known, const struct query_settings *settings,
                  const struct query_tops *tops, const struct address *from,
                  const struct address *local)
{
    const unsigned view = policy_views_choose(settings->choice, from, local);

    invariant(view <= UINT8_MAX);
    known->from = *from;
    known->local = *local;
    known->view = (uint8_t)view;
    known->admitted = query_settings_admit(settings, from);
    known->hash = query_tops_hash(tops, from);
}

/* A debug build finds out anew what is known. */
static void check(const struct query_known_client *known, const struct query_settings *settings,
                  const struct query_tops *tops, const struct address *from,
                  const struct address *local)
{
#ifndef NDEBUG
    invariant(known->view == policy_views_choose(settings->choice, from, local));
    invariant(known->admitted == query_settings_admit(settings, from));
    invariant(known->hash == query_tops_hash(tops, from));
#else
    (void)known;
    (void)settings;
    (void)tops;
    (void)from;
    (void)local;
#endif
}

const struct query_known_client *query_clients_know(struct query_clients *clients,
                                                    const struct query_settings *settings,
                                                    struct query_tops *tops, uint64_t now_us,
                                                    const struct address *from,
                                                    const struct address *local)
{
    struct query_known_client *known = &clients->at[place_of(from)];

    if (from->family == ADDRESS_NONE || !is_same(&known->from, from) ||
        !is_same(&known->local, local) || known->local.port != local->port) {
        if (clients->counted == known) {
            query_clients_settle(clients, tops, now_us);
        }
        learn(known, settings, tops, from, local);
    }
    check(known, settings, tops, from, local);
    return known;
}

void query_clients_count(struct query_clients *clients, struct query_tops *tops,
                         uint64_t now_us, const struct query_known_client *known)
{
    if (clients->counted != known) {
        query_clients_settle(clients, tops, now_us);
        clients->counted = known;
    }
    clients->uncounted++;
}

void query_clients_count_blocked(struct query_clients *clients, struct query_tops *tops,
                                 uint64_t now_us, const struct address *client, uint64_t hash)
{
    if (clients->counted != NULL && clients->counted->hash == hash) {
        clients->uncounted_blocked++; /* as nearly always: of a question just counted */
    } else {
        query_tops_client(tops, now_us, client, hash, 0, 1);
    }
}

void query_clients_settle(struct query_clients *clients, struct query_tops *tops,
                          uint64_t now_us)
{
    const struct query_known_client *known = clients->counted;

    if (known != NULL) {
        query_tops_client(tops, now_us, &known->from, known->hash, clients->uncounted,
                          clients->uncounted_blocked);
        clients->counted = NULL;
        clients->uncounted = 0;
        clients->uncounted_blocked = 0;
    }
}

void query_clients_forget(struct query_clients *clients, struct query_tops *tops,
                          uint64_t now_us)
{
    query_clients_settle(clients, tops, now_us);
    memset(clients, 0, sizeof(*clients));
}
