#include "upstream/server.h"

#include "base/log.h"
#include "base/siphash.h"

#include <string.h>

#define US_PER_MS UINT64_C(1000)

/* Servers this much slower than the fastest share its questions: a quarter, plus a little for
 * those on the same network. */
#define BAND_MIN_US 2000u

/* Round trips of a question on a new connection over TLS: TCP, TLS, the question. */
#define TRIPS_TO_OPEN 3u

static const uint8_t salt_key[SIPHASH_KEY_OCTETS] = "server's salt";

void upstream_server_init(struct upstream_server *server, const struct endpoint *endpoint,
                          struct upstream_condition *condition)
{
    char text[ENDPOINT_TEXT_MAX];

    memset(server, 0, sizeof(*server));
    server->endpoint = *endpoint;
    server->condition = condition;
    server->salt = siphash13(text, endpoint_format(endpoint, text), salt_key);
}

static uint64_t measured_us(const struct upstream_server *server)
{
    return atomic_load_explicit(&server->condition->measured_us, memory_order_relaxed);
}

/* What nearly all answers take; 0: not known. */
static uint64_t usual_us(const struct upstream_server *server, uint64_t now_us)
{
    uint32_t variation_us;
    const uint64_t rtt_us = upstream_condition_rtt(server->condition, &variation_us);

    return rtt_us != 0 && now_us < measured_us(server) + UPSTREAM_RTT_STALE_MS * US_PER_MS
               ? rtt_us + 4 * (uint64_t)variation_us
               : 0;
}

unsigned upstream_server_trips(const struct upstream_server *server, bool tcp, uint64_t now_us)
{
    if (server->endpoint.transport != ENDPOINT_TLS) {
        return tcp ? TRIPS_TO_OPEN : 1;
    }
    return server->open_us != 0 && now_us - server->open_us < UPSTREAM_TCP_IDLE_MS * US_PER_MS
               ? 1
               : TRIPS_TO_OPEN;
}

uint64_t upstream_server_wait_us(const struct upstream_server *server, unsigned doublings,
                                 uint64_t now_us)
{
    const uint64_t usual = usual_us(server, now_us);
    uint64_t wait = UPSTREAM_TRY_MS * US_PER_MS;

    if (usual != 0) {
        wait = usual < wait ? usual : wait;
    }
    wait *= upstream_server_trips(server, false, now_us);
    if (wait < UPSTREAM_TRY_MIN_MS * US_PER_MS) {
        wait = UPSTREAM_TRY_MIN_MS * US_PER_MS;
    }
    for (unsigned i = 0; i < doublings && wait < UPSTREAM_TRY_MAX_MS * US_PER_MS; i++) {
        wait *= 2;
    }
    return wait < UPSTREAM_TRY_MAX_MS * US_PER_MS ? wait : UPSTREAM_TRY_MAX_MS * US_PER_MS;
}

uint64_t upstream_server_late_us(const struct upstream_server *server, uint64_t now_us)
{
    const uint64_t wait = upstream_server_wait_us(server, 0, now_us);
    uint64_t late = usual_us(server, now_us);

    if (late == 0) {
        late = UPSTREAM_LATE_MS * US_PER_MS;
    }
    if (late < UPSTREAM_LATE_MIN_MS * US_PER_MS) {
        late = UPSTREAM_LATE_MIN_MS * US_PER_MS;
    }
    return late < wait ? late : wait;
}

static bool is_excluded(uint32_t excluded, size_t index)
{
    return (excluded >> index & 1u) != 0;
}

/* Rendezvous hashing: the server whose number for this name is the highest has it. If that one
 * is left out, the others keep theirs. The finalizer of SplitMix64. */
static uint64_t weight_of(uint64_t hash, uint64_t salt)
{
    uint64_t x = hash ^ salt;

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Smaller is asked sooner: least asked first, then those that answer, then by policy. */
enum standing {
    STANDING_WELL,
    STANDING_SUSPECT,
    STANDING_DOWN
};

struct rank {
    uint8_t asked;
    enum standing standing;
    uint64_t heard_us; /* of one that is down */
    uint64_t cost;
};

static struct rank rank_of(const struct upstream_server *servers, size_t index,
                           const struct upstream_wish *wish, uint64_t now_us)
{
    const struct upstream_server *server = &servers[index];
    const struct upstream_condition *condition = server->condition;
    struct rank rank = {wish->asked[index], STANDING_WELL, 0, 0};

    if (upstream_condition_is_down(condition)) {
        rank.standing = STANDING_DOWN;
        rank.heard_us = atomic_load_explicit(&condition->heard_us, memory_order_relaxed);
    } else if (upstream_condition_is_suspect(condition, now_us)) {
        rank.standing = STANDING_SUSPECT;
    }
    switch (wish->group->choose) {
    case UPSTREAM_FASTEST: /* one that is not measured is, by and by, in other ways */
        rank.cost = upstream_condition_cost(condition);
        break;
    case UPSTREAM_ORDERED:
        rank.cost = wish->group->place[index];
        break;
    case UPSTREAM_HASHED:
        rank.cost = ~weight_of(wish->hash, server->salt);
        break;
    }
    return rank;
}

/* But for the cost. */
static int compare(struct rank a, struct rank b)
{
    if (a.asked != b.asked) {
        return a.asked < b.asked ? -1 : 1;
    }
    if (a.standing != b.standing) {
        return a.standing < b.standing ? -1 : 1;
    }
    if (a.heard_us != b.heard_us) {
        return a.heard_us > b.heard_us ? -1 : 1;
    }
    return 0;
}

/* Chance decides between those that are about as fast as the best one. */
static int choose_near(const struct upstream_server *servers, size_t count,
                       const struct upstream_wish *wish, struct rank best,
                       struct random *random, uint64_t now_us)
{
    const uint64_t limit = best.cost + best.cost / 4 + BAND_MIN_US;
    uint8_t near[UPSTREAM_SERVERS_MAX];
    uint32_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_excluded(wish->excluded, i)) {
            const struct rank rank = rank_of(servers, i, wish, now_us);
            if (compare(rank, best) == 0 && rank.cost <= limit) {
                near[found++] = (uint8_t)i;
            }
        }
    }
    return found == 0 ? -1 : near[random_below(random, found)];
}

int upstream_server_choose(const struct upstream_server *servers, size_t count,
                           const struct upstream_wish *wish, struct random *random,
                           uint64_t now_us)
{
    const uint32_t all = count < 32 ? (UINT32_C(1) << count) - 1 : UINT32_MAX;
    const uint32_t left = all & ~wish->excluded;
    struct rank best = {UINT8_MAX, STANDING_DOWN, 0, UINT64_MAX};
    int found = -1;

    if ((left & (left - 1)) == 0) { /* nothing to compare */
        return left != 0 ? __builtin_ctz(left) : -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_excluded(wish->excluded, i)) {
            const struct rank rank = rank_of(servers, i, wish, now_us);
            const int order = found < 0 ? -1 : compare(rank, best);
            if (order < 0 || (order == 0 && rank.cost < best.cost)) {
                best = rank;
                found = (int)i;
            }
        }
    }
    if (found < 0 || wish->group->choose != UPSTREAM_FASTEST) {
        return found;
    }
    /* Another worker may have changed all of them since. */
    const int near = choose_near(servers, count, wish, best, random, now_us);
    return near < 0 ? found : near;
}

bool upstream_server_is_well(const struct upstream_server *server, uint64_t now_us)
{
    return !upstream_condition_is_down(server->condition) &&
           !upstream_condition_is_suspect(server->condition, now_us);
}

int upstream_server_least_known(const struct upstream_server *servers, size_t count,
                                uint32_t excluded, uint64_t now_us, bool *never)
{
    int found = -1;
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < count; i++) {
        const uint64_t when = measured_us(&servers[i]);
        if (!is_excluded(excluded, i) && upstream_server_is_well(&servers[i], now_us) &&
            when < least) {
            least = when;
            found = (int)i;
        }
    }
    *never = least == 0;
    return found;
}

/* True once per period for a lost ability, always for one that is there. */
static bool try_again(bool lost, uint64_t *again_us, uint64_t now_us)
{
    if (!lost) {
        return true;
    }
    if (now_us < *again_us) {
        return false;
    }
    *again_us = now_us + UPSTREAM_RELEARN_MS * US_PER_MS;
    return true;
}

bool upstream_server_case(struct upstream_server *server, uint64_t now_us)
{
    return try_again(server->case_lost, &server->case_again_us, now_us);
}

bool upstream_server_edns(struct upstream_server *server, uint64_t now_us)
{
    return try_again(server->edns_lost, &server->edns_again_us, now_us);
}

void upstream_server_lost_case(struct upstream_server *server, uint64_t now_us)
{
    server->case_lost = true;
    server->case_again_us = now_us + UPSTREAM_RELEARN_MS * US_PER_MS;
    if (!server->case_told) {
        char text[ENDPOINT_TEXT_MAX];

        endpoint_format(&server->endpoint, text);
        server->case_told = true;
        log_write(LOG_LEVEL_WARNING,
                  "upstream %s does not keep the letter case of questions: it is asked in "
                  "lower case from now on, which is weaker against forged answers",
                  text);
    }
}

void upstream_server_lost_edns(struct upstream_server *server, uint64_t now_us)
{
    server->edns_lost = true;
    server->edns_again_us = now_us + UPSTREAM_RELEARN_MS * US_PER_MS;
}
