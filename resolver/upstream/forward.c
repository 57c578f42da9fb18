#include "upstream/forward.h"

#include "base/invariant.h"
#include "base/siphash.h"
#include "upstream/exchange.h"
#include "upstream/watch.h"

#include <errno.h>
#include <string.h>

/* The same in every worker and after a restart, so that a name stays with its server. */
static const uint8_t name_key[SIPHASH_KEY_OCTETS] = "names to server";

/* ---- the life of an exchange ---- */

static struct upstream_exchange *exchange_take(struct upstream *upstream,
                                               struct query_fetch *fetch)
{
    const size_t fetches = pool_in_use(upstream->exchanges) - upstream->watched;
    struct upstream_exchange *exchange =
        fetches < upstream->fetches_max ? pool_take(upstream->exchanges) : NULL;

    if (exchange == NULL) {
        return NULL;
    }
    /* The slots are written when used; the rest is small. */
    memset(exchange, 0, offsetof(struct upstream_exchange, rejected));
    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        exchange->slots[i].open = false;
    }
    exchange->magic = UPSTREAM_EXCHANGE_MAGIC;
    exchange->upstream = upstream;
    exchange->fetch = fetch;
    exchange->group = upstream_group_of(upstream, fetch->context);
    exchange->excluded = ~exchange->group->servers;
    if (exchange->group->choose == UPSTREAM_HASHED) {
        exchange->hash = siphash13(fetch->name.octets, fetch->name.len, name_key);
    }
    exchange->next = upstream->first;
    if (upstream->first != NULL) {
        upstream->first->prev = exchange;
    }
    upstream->first = exchange;
    fetch->upstream = exchange;
    return exchange;
}

void upstream_exchange_end(struct upstream_exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;

    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        upstream_slot_close(upstream, &exchange->slots[i]);
    }
    timers_disarm(upstream->timers, &exchange->timer);
    if (exchange->prev != NULL) {
        exchange->prev->next = exchange->next;
    } else {
        upstream->first = exchange->next;
    }
    if (exchange->next != NULL) {
        exchange->next->prev = exchange->prev;
    }
    if (exchange->fetch != NULL) {
        exchange->fetch->upstream = NULL;
    } else {
        upstream->watched--;
    }
    exchange->magic = 0;
    pool_give_back(upstream->exchanges, exchange);
}

/* No answer: says why. The exchange is gone afterwards, before the engine hears of it, since
 * the engine may ask the next question at once. */
static void finish_without(struct upstream_exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;
    struct query_fetch *fetch = exchange->fetch;
    uint8_t octets[UPSTREAM_REJECTED_MAX];
    struct query_fetch_result result = {.upstream = exchange->last};
    const bool late = upstream->now.mono_us >= fetch->deadline_us;

    if (exchange->rejected_len > 0) {
        memcpy(octets, exchange->rejected, exchange->rejected_len);
        result.status = QUERY_FETCH_REJECTED;
        result.octets = octets;
        result.len = exchange->rejected_len;
    } else if (exchange->answered) {
        result.status = QUERY_FETCH_REJECTED;
    } else if (exchange->lacking) {
        result.status = QUERY_FETCH_NO_DESCRIPTOR;
    } else if (exchange->waited || late) {
        result.status = QUERY_FETCH_TIMEOUT;
    } else {
        result.status = exchange->flooded    ? QUERY_FETCH_UNMATCHED
                        : exchange->unproved ? QUERY_FETCH_UNPROVED
                                             : QUERY_FETCH_UNREACHABLE;
    }
    upstream_exchange_end(exchange);
    query_fetch_done(upstream->engine, fetch, &result);
}

void upstream_finish_with(struct upstream_exchange *exchange, struct upstream_slot *slot,
                          const uint8_t *octets, size_t len)
{
    struct upstream *upstream = exchange->upstream;
    struct query_fetch *fetch = exchange->fetch;
    const size_t server = slot->t.server_index;
    const struct query_fetch_result result = {.status = QUERY_FETCH_ANSWER,
                                              .octets = octets,
                                              .len = len,
                                              .upstream =
                                                  upstream->servers[server].endpoint.address};

    upstream_exchange_leave(exchange, slot);
    query_fetch_done(upstream->engine, fetch, &result);
}

/* ---- going on ---- */

bool upstream_is_waiting(const struct upstream_exchange *exchange)
{
    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        if (exchange->slots[i].open && !exchange->slots[i].overdue) {
            return true;
        }
    }
    return false;
}

static bool is_open(const struct upstream_exchange *exchange)
{
    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        if (exchange->slots[i].open) {
            return true;
        }
    }
    return false;
}

/* Something may still come of it. */
static bool is_alive(const struct upstream_exchange *exchange)
{
    return is_open(exchange) || exchange->retry_us != 0;
}

/* The timer is armed already or its place has just become free, so this cannot fail. */
void upstream_schedule(struct upstream_exchange *exchange)
{
    uint64_t at = exchange->fetch != NULL ? exchange->fetch->deadline_us : UINT64_MAX;

    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        const struct upstream_slot *slot = &exchange->slots[i];
        if (slot->open && !slot->overdue) {
            const uint64_t due_us = slot->late ? slot->overdue_us : slot->late_us;
            at = due_us < at ? due_us : at;
        }
    }
    if (exchange->retry_us != 0 && exchange->retry_us < at) {
        at = exchange->retry_us;
    }
    if (exchange->over) {
        at = exchange->upstream->now.mono_us;
    }
    const int rc = timers_arm(exchange->upstream->timers, &exchange->timer, at);
    invariant(rc == 0);
}

/* Servers that are not to be tried: of no use for this question, or asked often enough. They
 * may still be asked in another manner, for what they have answered. */
static uint32_t spent(const struct upstream_exchange *exchange)
{
    uint32_t bits = exchange->excluded | exchange->busy;

    for (size_t i = 0; i < exchange->upstream->count; i++) {
        bits |= exchange->asked[i] >= UPSTREAM_ASKED_MAX ? 1u << i : 0;
    }
    return bits;
}

/* Sends the next try to whichever server is best, if one is left. allowed: that it may be asked
 * is known. */
static void advance(struct upstream_exchange *exchange, bool allowed)
{
    struct upstream *upstream = exchange->upstream;
    const uint64_t now_us = upstream->now.mono_us;

    exchange->retry_us = 0;
    while (exchange->started < UPSTREAM_TRIES_MAX && now_us < exchange->fetch->deadline_us) {
        const struct upstream_wish wish = {.group = exchange->group,
                                           .asked = exchange->asked,
                                           .excluded = spent(exchange),
                                           .hash = exchange->hash};
        const int index = upstream_server_choose(upstream->servers, upstream->count, &wish,
                                                 upstream->random, now_us);
        if (index < 0) {
            break;
        }
        const struct upstream_manner manner = {
            .allowed = allowed,
            .wait_us = upstream_server_wait_us(&upstream->servers[index],
                                               2u * exchange->asked[index], now_us)};
        const int rc = upstream_slot_send(exchange, (size_t)index, manner);
        exchange->started += rc == 0; /* with errors it ends as well: each excludes a server */
        if (rc == 0 || !upstream_note_error(exchange, (size_t)index, false, rc)) {
            break;
        }
    }
}

/* Nobody else is left than servers whose connections are all in use: one will be free. */
static void wait_for_busy(struct upstream_exchange *exchange)
{
    if (exchange->busy != 0 && !is_alive(exchange)) {
        exchange->waited = true;
        exchange->retry_us =
            exchange->upstream->now.mono_us + UPSTREAM_TRY_MIN_MS * UPSTREAM_US_PER_MS;
    }
}

void upstream_schedule_or_finish(struct upstream_exchange *exchange)
{
    wait_for_busy(exchange);
    if (is_alive(exchange)) {
        upstream_schedule(exchange);
    } else {
        finish_without(exchange);
    }
}

void upstream_advance_or_finish(struct upstream_exchange *exchange)
{
    advance(exchange, false);
    upstream_schedule_or_finish(exchange);
}

void upstream_repeat(struct upstream_exchange *exchange, size_t index,
                     struct upstream_manner manner)
{
    struct upstream *upstream = exchange->upstream;

    if (exchange->repeats < UPSTREAM_REPEATS_MAX && (exchange->excluded >> index & 1u) == 0 &&
        upstream->now.mono_us < exchange->fetch->deadline_us) {
        exchange->repeats++;
        manner.wait_us = manner.tcp ? UPSTREAM_TCP_CONNECT_MS * UPSTREAM_US_PER_MS
                                    : upstream_server_wait_us(&upstream->servers[index], 0,
                                                              upstream->now.mono_us);
        const int rc = upstream_slot_send(exchange, index, manner);
        if (rc == 0) {
            upstream_schedule(exchange);
            return;
        }
        if (!upstream_note_error(exchange, index, manner.tcp, rc)) {
            upstream_schedule_or_finish(exchange);
            return;
        }
    }
    upstream_advance_or_finish(exchange);
}

/* ---- what the timer does ---- */

static void note_overdue(struct upstream_exchange *exchange, uint64_t now_us)
{
    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        struct upstream_slot *slot = &exchange->slots[i];
        if (slot->open && !slot->overdue && slot->overdue_us <= now_us) {
            slot->overdue = true;
            upstream_watch_overdue(exchange, slot);
            exchange->waited = true;
            exchange->upstream->servers[slot->t.server_index].timeouts++;
            upstream_note_miss(exchange, slot);
        }
    }
}

static void on_timer(struct timer *timer, void *context)
{
    struct upstream_exchange *exchange = context;
    struct upstream *upstream = exchange->upstream;
    const uint64_t now_us = upstream->now.mono_us;

    (void)timer;
    invariant(exchange->magic == UPSTREAM_EXCHANGE_MAGIC);
    if (exchange->fetch == NULL) {
        upstream_watched_timer(exchange);
        return;
    }
    upstream_schedule(
        exchange); /* first of all, so that nobody else takes its place in the heap */
    if (exchange->over) {
        finish_without(exchange);
        return;
    }
    note_overdue(exchange, now_us);
    exchange->busy = 0;
    if (exchange->retry_us <= now_us) {
        exchange->retry_us = 0;
    }
    if (now_us >= exchange->fetch->deadline_us) {
        finish_without(exchange);
        return;
    }
    if (upstream_is_waiting(exchange) || exchange->retry_us != 0) {
        upstream_hedge(exchange);
        upstream_schedule(exchange);
        return;
    }
    upstream_advance_or_finish(exchange);
}

int upstream_ask(struct upstream *upstream, struct query_fetch *fetch)
{
    if (upstream_group_of(upstream, fetch->context)->servers == 0) {
        return -ENETUNREACH;
    }
    if (!query_fetch_may_ask(upstream->engine, fetch)) {
        return -EPERM;
    }
    struct upstream_exchange *exchange = exchange_take(upstream, fetch);
    if (exchange == NULL) {
        return -ENOBUFS;
    }
    exchange->timer.fire = on_timer;
    exchange->timer.context = exchange;
    const int rc = timers_arm(upstream->timers, &exchange->timer, fetch->deadline_us);
    if (rc != 0) {
        upstream_exchange_end(exchange);
        return rc;
    }
    upstream->hedge_credit += upstream->hedge_permille;
    if (upstream->hedge_credit > 1000 * UPSTREAM_HEDGE_BURST) {
        upstream->hedge_credit = 1000 * UPSTREAM_HEDGE_BURST;
    }
    advance(exchange, true);
    upstream_explore(exchange);
    wait_for_busy(exchange);
    exchange->over = !is_alive(exchange);
    upstream_schedule(exchange);
    return 0;
}

void upstream_cancel(struct upstream *upstream, struct query_fetch *fetch)
{
    struct upstream_exchange *exchange = fetch->upstream;

    if (exchange != NULL) {
        invariant(exchange->magic == UPSTREAM_EXCHANGE_MAGIC && exchange->upstream == upstream);
        upstream_exchange_end(exchange);
    }
}
