#include "base/invariant.h"
#include "upstream/exchange.h"

#include <stdlib.h>
#include <string.h>

struct upstream *upstream_create(const struct upstream_io *io, void *io_context,
                                 struct query_engine *engine, struct timers *timers,
                                 struct random *random, struct upstream_conditions *conditions,
                                 unsigned exchanges)
{
    struct upstream *upstream = calloc(1, sizeof(*upstream));

    if (upstream == NULL) {
        return NULL;
    }
    upstream->exchanges =
        pool_create(sizeof(struct upstream_exchange), exchanges + UPSTREAM_WATCHED_MAX);
    if (upstream->exchanges == NULL) {
        free(upstream);
        return NULL;
    }
    upstream->fetches_max = exchanges;
    upstream->io = io;
    upstream->io_context = io_context;
    upstream->engine = engine;
    upstream->timers = timers;
    upstream->random = random;
    upstream->conditions = conditions;
    return upstream;
}

void upstream_destroy(struct upstream *upstream)
{
    if (upstream == NULL) {
        return;
    }
    while (upstream->first != NULL) {
        upstream_exchange_end(upstream->first);
    }
    upstream_probe_close_all(upstream);
    for (size_t i = 0; i < upstream->count; i++) {
        upstream_condition_give_back(upstream->conditions, upstream->servers[i].condition);
    }
    pool_destroy(upstream->exchanges);
    tls_trust_release(upstream->trust);
    free(upstream);
}

void upstream_trim(struct upstream *upstream)
{
    pool_trim(upstream->exchanges);
}

void upstream_time(struct upstream *upstream, struct clock_now now)
{
    upstream->now = now;
}

/* Where each old server is now; -1: gone. */
struct moves {
    int to[UPSTREAM_SERVERS_MAX];
};

static uint32_t move_bits(const struct moves *moves, uint32_t bits)
{
    uint32_t moved = 0;

    for (size_t i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        if ((bits >> i & 1u) != 0 && moves->to[i] >= 0) {
            moved |= 1u << moves->to[i];
        }
    }
    return moved;
}

const struct upstream_group *upstream_group_of(const struct upstream *upstream,
                                               uint16_t context)
{
    static const struct upstream_group nobody = {.servers = 0};

    for (size_t i = 0; i < upstream->group_count; i++) {
        if (upstream->groups[i].context == context) {
            return &upstream->groups[i];
        }
    }
    return &nobody;
}

/* Closes the tries at servers that are gone and renumbers the rest. The timer asks elsewhere,
 * in its own time: nothing is sent from here, before the engine may have adopted its policy. */
static void move_exchange(struct upstream_exchange *exchange, const struct moves *moves)
{
    struct upstream *upstream = exchange->upstream;
    uint8_t asked[UPSTREAM_SERVERS_MAX] = {0};
    uint8_t blame[UPSTREAM_SERVERS_MAX] = {0};
    bool lost = false;

    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        struct upstream_slot *slot = &exchange->slots[i];
        if (!slot->open) {
            continue;
        }
        const int to = moves->to[slot->t.server_index];
        if (to < 0) {
            upstream_slot_close(upstream, slot);
            lost = true;
        } else {
            slot->t.server_index = (uint8_t)to;
            slot->t.server = &upstream->servers[to].endpoint;
        }
    }
    for (size_t i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        if (moves->to[i] >= 0) {
            asked[moves->to[i]] = exchange->asked[i];
            blame[moves->to[i]] = exchange->blame[i];
        }
    }
    memcpy(exchange->asked, asked, sizeof(asked));
    memcpy(exchange->blame, blame, sizeof(blame));
    exchange->group = upstream_group_of(upstream, exchange->fetch->context);
    exchange->excluded = move_bits(moves, exchange->excluded) | ~exchange->group->servers;
    exchange->case_wrong = move_bits(moves, exchange->case_wrong);
    exchange->no_edns = move_bits(moves, exchange->no_edns);
    exchange->truncated = move_bits(moves, exchange->truncated);
    exchange->reset_seen = move_bits(moves, exchange->reset_seen);
    if (lost) {
        const int rc = timers_arm(upstream->timers, &exchange->timer, upstream->now.mono_us);
        invariant(rc == 0); /* it is armed already */
    }
}

static void take_groups(struct upstream *upstream, const struct upstream_settings *settings)
{
    const uint32_t all = upstream->count < 32 ? (1u << upstream->count) - 1 : UINT32_MAX;

    upstream->groups[0] = (struct upstream_group){
        .context = 0, .choose = settings->choose, .servers = all & ~settings->apart};
    for (size_t i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        upstream->groups[0].place[i] = (uint8_t)i;
    }
    upstream->group_count = 1;
    for (size_t i = 0; i < settings->group_count && i < UPSTREAM_GROUPS_MAX; i++) {
        struct upstream_group *group = &upstream->groups[upstream->group_count++];
        *group = settings->groups[i];
        group->servers &= all;
    }
}

/* Equal trust stays the same, so that connections and sessions made with it are still good. */
static void take_trust(struct upstream *upstream, struct tls_trust *trust)
{
    if (!tls_trust_equal(upstream->trust, trust)) {
        tls_trust_release(upstream->trust);
        upstream->trust = trust != NULL ? tls_trust_hold(trust) : NULL;
    }
}

/* What is known about a server that stays does too. */
static void take_servers(struct upstream *upstream, const struct upstream_settings *settings,
                         struct moves *moves)
{
    struct upstream_server old[UPSTREAM_SERVERS_MAX];
    const size_t old_count = upstream->count;
    const size_t count =
        settings->count < UPSTREAM_SERVERS_MAX ? settings->count : UPSTREAM_SERVERS_MAX;

    memcpy(old, upstream->servers, sizeof(old));
    for (size_t i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        moves->to[i] = -1;
    }
    for (size_t i = 0; i < count; i++) {
        const struct endpoint *endpoint = &settings->servers[i];
        size_t j = 0;
        while (j < old_count &&
               (moves->to[j] >= 0 || !endpoint_equal(&old[j].endpoint, endpoint))) {
            j++;
        }
        if (j < old_count) {
            upstream->servers[i] = old[j];
            moves->to[j] = (int)i;
        } else {
            upstream_server_init(&upstream->servers[i], endpoint,
                                 upstream_condition_take(upstream->conditions, endpoint));
        }
    }
    upstream->count = count;
    for (size_t j = 0; j < old_count; j++) {
        if (moves->to[j] < 0) {
            upstream_condition_give_back(upstream->conditions, old[j].condition);
        }
    }
}

void upstream_configure(struct upstream *upstream, const struct upstream_settings *settings)
{
    struct moves moves;

    upstream_probe_close_all(upstream);
    for (struct upstream_exchange *e = upstream->first, *next; e != NULL; e = next) {
        next = e->next;
        if (e->fetch == NULL) {
            upstream_exchange_end(e); /* what it would have told is not needed */
        }
    }
    take_servers(upstream, settings, &moves);
    take_groups(upstream, settings);
    upstream->hedge_permille = 10 * settings->hedge_percent;
    take_trust(upstream, settings->trust);
    upstream->letter_case = settings->letter_case;
    upstream->udp_size = settings->udp_size;
    for (struct upstream_exchange *e = upstream->first; e != NULL; e = e->next) {
        move_exchange(e, &moves);
    }
    upstream_probe_arm(upstream);
}

const struct upstream_counters *upstream_counters(const struct upstream *upstream)
{
    return &upstream->counters;
}

uint64_t upstream_lacks(const struct upstream *upstream)
{
    return upstream->lacks;
}

size_t upstream_status(const struct upstream *upstream,
                       struct upstream_server_status out[UPSTREAM_SERVERS_MAX])
{
    for (size_t i = 0; i < upstream->count; i++) {
        const struct upstream_server *server = &upstream->servers[i];
        out[i] = (struct upstream_server_status){
            .endpoint = server->endpoint,
            .questions = server->questions,
            .answers = server->answers,
            .timeouts = server->timeouts,
            .wrong = server->wrong,
            .failures = server->failures,
            .tcp = server->tcp,
            .late = server->late,
            .seconds = server->seconds,
            .case_lost = server->case_lost,
            .tls = server->tls,
        };
        upstream_condition_status(server->condition, &out[i]);
    }
    return upstream->count;
}
