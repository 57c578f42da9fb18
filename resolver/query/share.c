#include "query/share.h"

#include "base/invariant.h"
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

struct key {
    uint8_t octets[16];
    uint32_t scope;
    uint8_t bits;
    uint8_t family;
    uint8_t unused[2];
};

_Static_assert(sizeof(struct key) == 24, "a key has no padding");

struct query_share {
    struct key key;
    unsigned count;
    uint32_t bucket;
    struct query_share *next; /* of the bucket */
};

struct query_shares {
    struct pool *pool;
    struct query_share **buckets;
    uint32_t mask;
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
};

struct query_shares *query_shares_create(unsigned places,
                                         const uint8_t hash_key[SIPHASH_KEY_OCTETS])
{
    struct query_shares *shares = calloc(1, sizeof(*shares));
    uint32_t buckets = 1;

    if (shares == NULL) {
        return NULL;
    }
    while (buckets < 2 * places) {
        buckets *= 2;
    }
    memcpy(shares->hash_key, hash_key, SIPHASH_KEY_OCTETS);
    shares->mask = buckets - 1;
    shares->pool = pool_create(sizeof(struct query_share), 2 * (size_t)places);
    shares->buckets = calloc(buckets, sizeof(struct query_share *));
    if (shares->pool == NULL || shares->buckets == NULL) {
        query_shares_destroy(shares);
        return NULL;
    }
    return shares;
}

void query_shares_destroy(struct query_shares *shares)
{
    if (shares != NULL) {
        pool_destroy(shares->pool);
        free(shares->buckets);
        free(shares);
    }
}

/* The entry of a key; a new one has count 0. */
static struct query_share *share_of(struct query_shares *shares, const struct key *key)
{
    const uint32_t bucket =
        (uint32_t)siphash13(key, sizeof(*key), shares->hash_key) & shares->mask;
    struct query_share *share = shares->buckets[bucket];

    while (share != NULL && memcmp(&share->key, key, sizeof(*key)) != 0) {
        share = share->next;
    }
    if (share == NULL) {
        share = pool_take(shares->pool);
        invariant(share != NULL); /* two for each place to wait */
        *share = (struct query_share){
            .key = *key, .bucket = bucket, .next = shares->buckets[bucket]};
        shares->buckets[bucket] = share;
    }
    return share;
}

static void free_if_idle(struct query_shares *shares, struct query_share *share)
{
    struct query_share **link = &shares->buckets[share->bucket];

    if (share->count > 0) {
        return;
    }
    while (*link != share) {
        link = &(*link)->next;
    }
    *link = share->next;
    pool_give_back(shares->pool, share);
}

bool query_share_take(struct query_shares *shares, const struct address *client,
                      unsigned most_address, unsigned most_network, struct query_held *held)
{
    const bool v6 = client->family == ADDRESS_V6;
    struct key key = {.scope = client->scope, .bits = v6 ? 128 : 32, .family = client->family};
    struct query_share *network = NULL;

    memcpy(key.octets, client->octets, sizeof(key.octets));
    struct query_share *address = share_of(shares, &key);
    if (v6 && client->scope == 0) { /* neighbours on a link share fe80::/64 */
        memset(key.octets + 8, 0, 8);
        key.bits = 64;
        network = share_of(shares, &key);
    }
    const bool taken =
        address->count < most_address && (network == NULL || network->count < most_network);
    if (taken) {
        address->count++;
        *held = (struct query_held){{address, network}};
    }
    if (network != NULL) {
        network->count += taken ? 1 : 0;
        free_if_idle(shares, network);
    }
    free_if_idle(shares, address);
    return taken;
}

void query_share_give_back(struct query_shares *shares, struct query_held *held)
{
    for (size_t i = 0; i < 2; i++) {
        if (held->of[i] != NULL) {
            held->of[i]->count--;
            free_if_idle(shares, held->of[i]);
            held->of[i] = NULL;
        }
    }
}
