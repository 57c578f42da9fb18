#include "upstream/forward.h"

#include "base/invariant.h"
#include "base/siphash.h"
#include "upstream/exchange.h"
#include "upstream/verdict.h"
#include "upstream/watch.h"
#include "wire/message.h"

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

static void finish_with(struct upstream_exchange *exchange, struct upstream_slot *slot,
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

static bool is_waiting(const struct upstream_exchange *exchange)
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

/* Sends the next try to whichever server is best, if one is left. */
static void advance(struct upstream_exchange *exchange)
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

static void schedule_or_finish(struct upstream_exchange *exchange)
{
    wait_for_busy(exchange);
    if (is_alive(exchange)) {
        upstream_schedule(exchange);
    } else {
        finish_without(exchange);
    }
}

static void advance_or_finish(struct upstream_exchange *exchange)
{
    advance(exchange);
    schedule_or_finish(exchange);
}

/* Asks the same server once more, in another manner; if that is not possible, the next one. */
static void repeat(struct upstream_exchange *exchange, size_t index,
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
            schedule_or_finish(exchange);
            return;
        }
    }
    advance_or_finish(exchange);
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
    if (is_waiting(exchange) || exchange->retry_us != 0) {
        upstream_hedge(exchange);
        upstream_schedule(exchange);
        return;
    }
    advance_or_finish(exchange);
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
    advance(exchange);
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

/* ---- what the io reports ---- */

static struct upstream_slot *slot_of(struct upstream_try *t)
{
    struct upstream_slot *slot = (struct upstream_slot *)(void *)t;

    invariant(t->exchange->magic == UPSTREAM_EXCHANGE_MAGIC && slot->open);
    return slot;
}

/* Right but for the letter case. Once may be a forger who has guessed id and port: the
 * question is asked anew while the first socket waits on. Twice, on two sockets, is the
 * server's own way. */
static void on_wrong_case(struct upstream_exchange *exchange, struct upstream_slot *slot)
{
    struct upstream *upstream = exchange->upstream;
    const size_t index = slot->t.server_index;
    struct upstream_server *server = &upstream->servers[index];
    const bool tcp = slot->t.tcp;

    if (slot->case_seen) {
        return;
    }
    slot->case_seen = true;
    if (!tcp && !server->case_lost && (exchange->case_wrong >> index & 1u) == 0) {
        exchange->case_wrong |= 1u << index;
        repeat(exchange, index, (struct upstream_manner){.plain_dns = !slot->edns});
        return;
    }
    upstream_server_lost_case(server, upstream->now.mono_us);
    const struct upstream_manner plain = {
        .tcp = tcp, .plain_case = true, .plain_dns = !slot->edns};
    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        struct upstream_slot *other = &exchange->slots[i];
        if (other->open && other->random_case && other->t.server_index == index) {
            upstream_slot_close(upstream, other);
        }
    }
    repeat(exchange, index, plain);
}

/* Counts a wrong answer. True if the socket has had its share and was closed: then the
 * question has been asked anew, or the exchange has ended. */
static bool on_wrong(struct upstream_exchange *exchange, struct upstream_slot *slot)
{
    const size_t index = slot->t.server_index;
    const struct upstream_manner same = {
        .tcp = slot->t.tcp, .plain_case = !slot->random_case, .plain_dns = !slot->edns};

    exchange->upstream->servers[index].wrong++;
    if (++slot->t.wrong < UPSTREAM_WRONG_MAX) {
        return false;
    }
    upstream_note_miss(exchange, slot);
    upstream_slot_close(exchange->upstream, slot);
    exchange->flooded = true;
    repeat(exchange, index, same);
    return true;
}

/* Keeps an answer that is no help, or its header and question if it is long. */
static void keep_rejected(struct upstream_exchange *exchange, const uint8_t *octets, size_t len)
{
    struct wire_message message;

    if (len > sizeof(exchange->rejected)) {
        if (wire_message_open(octets, len, &message) != WIRE_OK) {
            return;
        }
        len = message.body;
        memcpy(exchange->rejected, octets, len);
        memset(exchange->rejected + 6, 0, 6); /* ANCOUNT, NSCOUNT, ARCOUNT */
    } else {
        memcpy(exchange->rejected, octets, len);
    }
    exchange->rejected_len = (uint16_t)len;
}

/* A useless answer: this server is not asked again, the next one is. It is to blame if that one
 * helps. */
static void on_rejected(struct upstream_exchange *exchange, struct upstream_slot *slot,
                        enum upstream_reason reason)
{
    struct upstream *upstream = exchange->upstream;
    const size_t index = slot->t.server_index;
    struct upstream_server *server = &upstream->servers[index];

    server->failures++;
    upstream_condition_alive(server->condition, upstream_asked_us(&slot->t), upstream->now,
                             upstream_tells(upstream, slot));
    exchange->blame[index] = (uint8_t)reason;
    exchange->excluded |= 1u << index;
    exchange->answered = true;
    upstream_slot_close(upstream, slot);
    if (is_waiting(exchange)) {
        upstream_schedule(exchange);
        return;
    }
    advance_or_finish(exchange);
}

static void blame_others(struct upstream_exchange *exchange, size_t helper)
{
    struct upstream *upstream = exchange->upstream;

    for (size_t i = 0; i < upstream->count; i++) {
        if (exchange->blame[i] != UPSTREAM_REASON_NONE && i != helper &&
            upstream_condition_blamed(upstream->servers[i].condition, exchange->blame[i],
                                      upstream->now)) {
            upstream_probe_arm(upstream);
        }
    }
}

static void on_useful(struct upstream_exchange *exchange, struct upstream_slot *slot,
                      const uint8_t *octets, size_t len)
{
    struct upstream *upstream = exchange->upstream;
    const size_t index = slot->t.server_index;
    struct upstream_server *server = &upstream->servers[index];
    const uint64_t now_us = upstream->now.mono_us;

    server->answers++;
    upstream->counters.hedges_won += slot->hedge;
    upstream_condition_good(server->condition, upstream_asked_us(&slot->t), upstream->now,
                            upstream_tells(upstream, slot));
    blame_others(exchange, index);
    if (slot->edns) {
        server->edns_lost = false;
    } else if ((exchange->no_edns >> index & 1u) != 0) {
        upstream_server_lost_edns(server, now_us); /* without it works, with it did not */
    }
    if (slot->random_case && server->case_lost &&
        memcmp(slot->octets + WIRE_HEADER_OCTETS, exchange->fetch->name.octets,
               exchange->fetch->name.len) != 0) {
        server->case_lost = false; /* capitals came back */
    }
    finish_with(exchange, slot, octets, len);
}

static void receive(struct upstream *upstream, struct upstream_try *t, const uint8_t *octets,
                    size_t len)
{
    struct upstream_slot *slot = slot_of(t);
    struct upstream_exchange *exchange = t->exchange;
    const size_t index = t->server_index;
    const struct upstream_question question = {
        .name = &exchange->fetch->name,
        .raw_name = slot->octets + WIRE_HEADER_OCTETS,
        .id = t->id,
        .type = exchange->fetch->type,
        .exact_case = slot->random_case,
        .edns = slot->edns,
        .tcp = t->tcp,
    };
    const struct upstream_manner plain_dns = {
        .tcp = t->tcp, .plain_case = !slot->random_case, .plain_dns = true};

    const enum upstream_verdict verdict = upstream_verdict(&question, octets, len);

    upstream_watch_verdict(exchange, slot, verdict, octets, len);
    switch (verdict) {
    case UPSTREAM_WRONG:
        on_wrong(exchange, slot);
        break;
    case UPSTREAM_WRONG_CASE:
        if (!on_wrong(exchange, slot)) {
            on_wrong_case(exchange, slot);
        }
        break;
    case UPSTREAM_TRUNCATED:
        upstream_condition_alive(upstream->servers[index].condition, t->sent_us, upstream->now,
                                 true);
        exchange->truncated |= 1u << index;
        exchange->waited = true;
        upstream_slot_close(upstream, slot);
        repeat(exchange, index,
               (struct upstream_manner){.tcp = true,
                                        .plain_case = !question.exact_case,
                                        .plain_dns = !question.edns});
        break;
    case UPSTREAM_USEFUL:
        on_useful(exchange, slot, octets, len);
        break;
    case UPSTREAM_NO_EDNS:
        exchange->no_edns |= 1u << index;
        exchange->answered = true;
        upstream_slot_close(upstream, slot);
        repeat(exchange, index, plain_dns);
        break;
    case UPSTREAM_REJECTED:
        keep_rejected(exchange, octets, len);
        on_rejected(exchange, slot, UPSTREAM_REASON_USELESS);
        break;
    case UPSTREAM_GARBAGE:
        on_rejected(exchange, slot,
                    t->tcp && (exchange->truncated >> index & 1u) != 0
                        ? UPSTREAM_REASON_TRUNCATED
                        : UPSTREAM_REASON_GARBAGE);
        break;
    }
}

void upstream_received(struct upstream *upstream, struct upstream_try *t, const uint8_t *octets,
                       size_t len)
{
    if (t->exchange == NULL) {
        upstream_probe_received(upstream, t, octets, len);
    } else if (t->exchange->fetch == NULL) {
        upstream_watched_received(t->exchange, slot_of(t), octets, len);
    } else {
        receive(upstream, t, octets, len);
    }
}

static void fail(struct upstream *upstream, struct upstream_try *t, int error)
{
    struct upstream_slot *slot = slot_of(t);
    struct upstream_exchange *exchange = t->exchange;
    const size_t index = t->server_index;
    const bool reset =
        t->tcp && (error == -ECONNRESET || error == -ECONNABORTED || error == -EPIPE);
    const struct upstream_manner same = {
        .tcp = t->tcp, .plain_case = !slot->random_case, .plain_dns = !slot->edns};

    const bool in_line = t->in_line;

    upstream_watch_failed(exchange, slot, error);
    upstream_slot_close(upstream, slot);
    if (reset && (in_line || (exchange->reset_seen >> index & 1u) == 0)) {
        /* A kept connection may have been closed by the server in the same moment
         * (RFC 7766, 6.2.4): once more, over a new one. And again, within the bound of repeats,
         * while each of them has an answer for somebody. */
        exchange->reset_seen |= 1u << index;
        repeat(exchange, index, same);
        return;
    }
    if (!upstream_note_error(exchange, index, same.tcp, error) || is_waiting(exchange)) {
        schedule_or_finish(exchange);
        return;
    }
    advance_or_finish(exchange);
}

void upstream_failed(struct upstream *upstream, struct upstream_try *t, int error)
{
    if (t->exchange == NULL) {
        upstream_probe_failed(upstream, t);
    } else if (t->exchange->fetch == NULL) {
        upstream_watched_failed(t->exchange, slot_of(t));
    } else {
        fail(upstream, t, error);
    }
}
