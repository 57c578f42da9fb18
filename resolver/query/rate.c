#include "query/rate.h"

#include "query/limits.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)
#define MINUTE_S  60u

/* Whose allowance: compared octet by octet, so nothing in it is left unset. */
struct key {
    uint8_t octets[16];
    uint32_t scope;
    uint8_t bits;
    uint8_t family; /* 0: nobody's place */
    uint8_t proven;
    uint8_t unused;
};

struct place {
    struct key key;
    uint64_t due_ns;    /* when all that was asked is paid for; below now: nothing is owed */
    uint32_t limited;   /* questions too many since it is this client's */
    uint32_t told;      /* of these, at the last telling */
    uint32_t limited_s; /* when the last one was, monotonic; 0: never */
};

struct bucket {
    _Alignas(64) atomic_flag lock;
    struct place places[QUERY_RATE_WAYS];
};

struct query_rate {
    uint8_t hash_key[SIPHASH_KEY_OCTETS];
    struct bucket *buckets;
};

_Static_assert(sizeof(struct key) == 24, "a key has no padding");
_Static_assert((QUERY_RATE_BUCKETS & (QUERY_RATE_BUCKETS - 1)) == 0, "a power of two");

struct query_rate *query_rate_create(const uint8_t hash_key[SIPHASH_KEY_OCTETS])
{
    const size_t size = QUERY_RATE_BUCKETS * sizeof(struct bucket);
    struct query_rate *rate = calloc(1, sizeof(*rate));

    if (rate == NULL) {
        return NULL;
    }
    memcpy(rate->hash_key, hash_key, SIPHASH_KEY_OCTETS);
    rate->buckets = aligned_alloc(_Alignof(struct bucket), size);
    if (rate->buckets == NULL) {
        free(rate);
        return NULL;
    }
    memset(rate->buckets, 0, size);
    for (size_t i = 0; i < QUERY_RATE_BUCKETS; i++) {
        atomic_flag_clear(&rate->buckets[i].lock);
    }
    return rate;
}

void query_rate_destroy(struct query_rate *rate)
{
    if (rate != NULL) {
        free(rate->buckets);
        free(rate);
    }
}

/* False if the lock is not to be had: its holder sleeps, or the whole machine asks at once. */
static bool lock(struct bucket *bucket)
{
    for (unsigned i = 0; i < QUERY_RATE_SPINS; i++) {
        if (!atomic_flag_test_and_set_explicit(&bucket->lock, memory_order_acquire)) {
            return true;
        }
    }
    return false;
}

static void unlock(struct bucket *bucket)
{
    atomic_flag_clear_explicit(&bucket->lock, memory_order_release);
}

/* The client's place, else that of whoever owes least. */
static struct place *place_for(struct bucket *bucket, const struct key *key)
{
    struct place *least = &bucket->places[0];

    for (size_t i = 0; i < QUERY_RATE_WAYS; i++) {
        struct place *place = &bucket->places[i];

        if (memcmp(&place->key, key, sizeof(*key)) == 0) {
            return place;
        }
        if (place->due_ns < least->due_ns) {
            least = place;
        }
    }
    *least = (struct place){.key = *key};
    return least;
}

static uint32_t seconds_of(uint64_t ns)
{
    return (uint32_t)(ns / NS_PER_S) + 1; /* 0 is never */
}

/* One question of one key. */
static enum query_rate_verdict take(struct query_rate *rate, const struct key *key,
                                    uint64_t per_s, uint32_t slip, uint64_t now_ns)
{
    const uint64_t hash = siphash13(key, sizeof(*key), rate->hash_key);
    struct bucket *bucket = &rate->buckets[hash & (QUERY_RATE_BUCKETS - 1)];
    const uint64_t interval_ns = NS_PER_S / per_s;
    enum query_rate_verdict verdict = QUERY_RATE_FREE;

    if (!lock(bucket)) {
        return QUERY_RATE_FREE;
    }
    struct place *place = place_for(bucket, key);
    const uint64_t due_ns = (place->due_ns > now_ns ? place->due_ns : now_ns) + interval_ns;
    if (due_ns - now_ns <= QUERY_RATE_BURST_S * NS_PER_S) {
        place->due_ns = due_ns;
    } else {
        place->limited++;
        place->limited_s = seconds_of(now_ns);
        verdict = slip != 0 && place->limited % slip == 0 ? QUERY_RATE_SLIP : QUERY_RATE_SILENT;
    }
    unlock(bucket);
    return verdict;
}

enum query_rate_verdict query_rate_take(struct query_rate *rate, const struct address *client,
                                        bool proven, uint32_t per_s, uint32_t slip,
                                        uint64_t now_us)
{
    const uint64_t now_ns = now_us * NS_PER_US;
    const uint64_t own = (uint64_t)per_s * (proven ? QUERY_RATE_PROVEN : 1);
    struct key key = {.scope = client->scope,
                      .bits = client->family == ADDRESS_V4 ? 32 : 128,
                      .family = client->family,
                      .proven = proven ? 1 : 0};

    memcpy(key.octets, client->octets, sizeof(key.octets));
    const enum query_rate_verdict verdict = take(rate, &key, own, slip, now_ns);
    /* Neighbours on a link share fe80::/64, and are no network of one client. */
    if (verdict != QUERY_RATE_FREE || client->family != ADDRESS_V6 || client->scope != 0) {
        return verdict;
    }
    memset(key.octets + 8, 0, 8);
    key.bits = 64;
    return take(rate, &key, own * QUERY_RATE_NETWORK, slip, now_ns);
}

static void read_place(struct place *place, uint32_t now_s, bool tell,
                       struct query_rate_report *report)
{
    const uint32_t more = place->limited - place->told;

    if (place->limited_s == 0) {
        return;
    }
    /* Another thread's clock may be a moment ahead of ours. */
    report->limited += place->limited_s + MINUTE_S >= now_s ? 1 : 0;
    if (more > report->most) {
        report->most = more;
        report->worst =
            (struct address_prefix){.bits = place->key.bits, .family = place->key.family};
        memcpy(report->worst.octets, place->key.octets, sizeof(report->worst.octets));
        report->worst_proven = place->key.proven != 0;
    }
    if (tell) {
        place->told = place->limited;
    }
}

void query_rate_read(struct query_rate *rate, uint64_t now_us, bool tell,
                     struct query_rate_report *report)
{
    const uint32_t now_s = seconds_of(now_us * NS_PER_US);

    memset(report, 0, sizeof(*report));
    for (size_t i = 0; i < QUERY_RATE_BUCKETS; i++) {
        struct bucket *bucket = &rate->buckets[i];

        if (lock(bucket)) {
            for (size_t k = 0; k < QUERY_RATE_WAYS; k++) {
                read_place(&bucket->places[k], now_s, tell, report);
            }
            unlock(bucket);
        }
    }
}
