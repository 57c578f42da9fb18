#include "upstream/server.h"

#include "base/log.h"
#include "base/siphash.h"

#include <string.h>

#define US_PER_MS UINT64_C(1000)

/* Servers this much slower than the fastest share its questions: a quarter, plus a little for
 * those on the same network. */
#define BAND_MIN_US 2000u

static const uint8_t salt_key[SIPHASH_KEY_OCTETS] = "server's salt";

void upstream_server_init(struct upstream_server *server, const struct endpoint *endpoint)
{
    char text[ENDPOINT_TEXT_MAX];

    memset(server, 0, sizeof(*server));
    server->endpoint = *endpoint;
    server->salt = siphash13(text, endpoint_format(endpoint, text), salt_key);
    server->pause_ms = UPSTREAM_PAUSE_MIN_MS;
}

static void measure_rtt(struct upstream_server *server, uint64_t sent_us, uint64_t now_us)
{
    const uint64_t passed = now_us > sent_us ? now_us - sent_us : 1;
    const uint32_t rtt = passed < 60000000u ? (uint32_t)passed : 60000000u;

    if (server->srtt_us == 0) {
        server->srtt_us = rtt;
        server->rttvar_us = rtt / 2;
    } else {
        const uint32_t off =
            rtt > server->srtt_us ? rtt - server->srtt_us : server->srtt_us - rtt;
        server->rttvar_us = server->rttvar_us - server->rttvar_us / 4 + off / 4;
        server->srtt_us = server->srtt_us - server->srtt_us / 8 + rtt / 8;
    }
    if (server->srtt_us == 0) {
        server->srtt_us = 1; /* 0 means not measured */
    }
    server->measured_us = now_us;
}

void upstream_server_heard(struct upstream_server *server, uint64_t sent_us, uint64_t now_us,
                           bool measure)
{
    server->misses = 0;
    server->rejects = 0;
    server->down = false;
    server->pause_ms = UPSTREAM_PAUSE_MIN_MS;
    server->heard_us = now_us > 0 ? now_us : 1;
    if (measure) {
        measure_rtt(server, sent_us, now_us);
    }
}

static void mark_down(struct upstream_server *server, uint64_t now_us)
{
    if (!server->down) {
        server->down = true;
        server->pause_ms = UPSTREAM_PAUSE_MIN_MS;
        server->probe_us = now_us + server->pause_ms * US_PER_MS;
    }
}

void upstream_server_rejected(struct upstream_server *server, uint64_t sent_us, uint64_t now_us,
                              bool measure)
{
    server->misses = 0;
    server->heard_us = now_us > 0 ? now_us : 1;
    if (measure) {
        measure_rtt(server, sent_us, now_us);
    }
    if (server->rejects < UPSTREAM_REJECTS_MAX) {
        server->rejects++;
    }
    if (server->rejects >= UPSTREAM_REJECTS_MAX) {
        mark_down(server, now_us);
    }
}

void upstream_server_missed(struct upstream_server *server, uint64_t sent_us, uint64_t now_us)
{
    if (server->heard_us > sent_us) {
        return;
    }
    if (server->misses < UPSTREAM_DOWN_AFTER) {
        server->misses++;
    }
    if (server->misses >= UPSTREAM_DOWN_AFTER) {
        mark_down(server, now_us);
    }
}

/* A fast server's time that is still believed; 0: not known. */
static uint32_t known_rtt_us(const struct upstream_server *server, uint64_t now_us)
{
    return now_us < server->measured_us + UPSTREAM_RTT_STALE_MS * US_PER_MS ? server->srtt_us
                                                                            : 0;
}

uint64_t upstream_server_wait_us(const struct upstream_server *server, unsigned doublings,
                                 uint64_t now_us)
{
    uint64_t wait = UPSTREAM_TRY_MS * US_PER_MS;

    if (known_rtt_us(server, now_us) != 0) {
        const uint64_t rto = server->srtt_us + 4 * (uint64_t)server->rttvar_us;
        wait = rto < wait ? rto : wait;
    }
    if (wait < UPSTREAM_TRY_MIN_MS * US_PER_MS) {
        wait = UPSTREAM_TRY_MIN_MS * US_PER_MS;
    }
    for (unsigned i = 0; i < doublings && wait < UPSTREAM_TRY_MAX_MS * US_PER_MS; i++) {
        wait *= 2;
    }
    return wait < UPSTREAM_TRY_MAX_MS * US_PER_MS ? wait : UPSTREAM_TRY_MAX_MS * US_PER_MS;
}

static bool is_excluded(uint32_t excluded, size_t index)
{
    return (excluded >> index & 1u) != 0;
}

/* A server that is down and due for a look, for a question that has gone nowhere yet and has
 * somewhere else to go. -1: none. */
static int choose_probe(struct upstream_server *servers, size_t count,
                        const struct upstream_wish *wish, uint64_t now_us)
{
    int found = -1;
    bool other = false;

    for (size_t i = 0; i < count; i++) {
        if (wish->asked[i] != 0) {
            return -1;
        }
        if (is_excluded(wish->excluded, i)) {
            continue;
        }
        other |= !servers[i].down;
        if (servers[i].down && now_us >= servers[i].probe_us && found < 0) {
            found = (int)i;
        }
    }
    if (found < 0 || !other) {
        return -1;
    }
    struct upstream_server *server = &servers[found];
    server->pause_ms *= 2;
    if (server->pause_ms > UPSTREAM_PAUSE_MAX_MS) {
        server->pause_ms = UPSTREAM_PAUSE_MAX_MS;
    }
    server->probe_us = now_us + server->pause_ms * US_PER_MS;
    return found;
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
struct rank {
    uint8_t asked;
    bool down;
    uint64_t cost;
};

static struct rank rank_of(const struct upstream_server *servers, size_t index,
                           const struct upstream_wish *wish, uint64_t now_us)
{
    const struct upstream_server *server = &servers[index];
    struct rank rank = {wish->asked[index], server->down, 0};

    switch (wish->group->choose) {
    case UPSTREAM_FASTEST: /* what is not measured counts as fast, so that it is measured */
        rank.cost = known_rtt_us(server, now_us);
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
    return (int)a.down - (int)b.down;
}

/* Chance decides between those that are about as fast as the best one. An unmeasured server is
 * asked alone until it is measured. */
static int choose_near(const struct upstream_server *servers, size_t count,
                       const struct upstream_wish *wish, struct rank best,
                       struct random *random, uint64_t now_us)
{
    const uint64_t limit = best.cost == 0 ? 0 : best.cost + best.cost / 4 + BAND_MIN_US;
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
    return near[random_below(random, found)];
}

int upstream_server_choose(struct upstream_server *servers, size_t count,
                           const struct upstream_wish *wish, struct random *random,
                           uint64_t now_us, bool *probe)
{
    struct rank best = {UINT8_MAX, true, UINT64_MAX};
    int found = -1;
    const int looked_after = choose_probe(servers, count, wish, now_us);

    *probe = looked_after >= 0;
    if (looked_after >= 0) {
        return looked_after;
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
    return found < 0 || wish->group->choose != UPSTREAM_FASTEST
               ? found
               : choose_near(servers, count, wish, best, random, now_us);
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
