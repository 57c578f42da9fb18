/*
 * Second questions: to another server while a first is waited for.
 *
 * Why: the first is late (a hedge: a bounded share of all questions), or another server of
 * `fastest` is to be measured without a client waiting for it. The first useful answer ends the
 * fetch. The other try is watched until its own server's time is over, since how that server
 * did is the point of one and the price of the other: a dead server whose questions are all
 * answered by second ones would never be found out.
 */
#include "upstream/exchange.h"
#include "wire/message.h"

#define HEDGE_COST 1000u /* thousandths */

/* Servers of which nothing more is to be expected, or that have the question already. */
static uint32_t asked_or_spent(const struct upstream_exchange *exchange)
{
    uint32_t bits = exchange->excluded | exchange->busy;

    for (size_t i = 0; i < exchange->upstream->count; i++) {
        bits |= exchange->asked[i] > 0 ? 1u << i : 0;
    }
    return bits;
}

static bool send_second(struct upstream_exchange *exchange, size_t index, bool hedge)
{
    const struct upstream *upstream = exchange->upstream;
    const struct upstream_manner manner = {
        .second = true,
        .hedge = hedge,
        .wait_us =
            upstream_server_wait_us(&upstream->servers[index], 0, upstream->now.mono_us)};

    if (exchange->started >= UPSTREAM_TRIES_MAX) {
        return false;
    }
    const int rc = upstream_slot_send(exchange, index, manner);
    if (rc != 0 && upstream_is_of_server(rc)) {
        (void)upstream_note_error(exchange, index, false, rc);
    } /* else a lack of our own; the first question is on its way all the same */
    exchange->started += rc == 0;
    return rc == 0;
}

void upstream_explore(struct upstream_exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;
    const struct upstream_group *group = exchange->group;
    bool never = false;

    if (group->choose != UPSTREAM_FASTEST || (group->servers & (group->servers - 1)) == 0 ||
        exchange->started != 1) {
        return;
    }
    const uint32_t chance = random_below(upstream->random, UPSTREAM_EXPLORE_EVERY);
    if (chance >= UPSTREAM_EXPLORE_EVERY / UPSTREAM_EXPLORE_NEW_EVERY) {
        return;
    }
    const int index =
        upstream_server_least_known(upstream->servers, upstream->count,
                                    asked_or_spent(exchange), upstream->now.mono_us, &never);
    if (index >= 0 && (never || chance == 0)) {
        upstream->counters.explored += send_second(exchange, (size_t)index, false);
    }
}

/* True if a first question is late for the first time. */
static bool note_late(struct upstream_exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;
    const uint64_t now_us = upstream->now.mono_us;
    bool found = false;

    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        struct upstream_slot *slot = &exchange->slots[i];
        if (slot->open && !slot->late && slot->late_us <= now_us) {
            struct upstream_server *server = &upstream->servers[slot->t.server_index];
            slot->late = true;
            server->late++;
            upstream_condition_late(server->condition, slot->t.sent_us, now_us);
            found = found || !slot->overdue;
        }
    }
    return found;
}

void upstream_hedge(struct upstream_exchange *exchange)
{
    struct upstream *upstream = exchange->upstream;
    const uint64_t now_us = upstream->now.mono_us;

    if (!note_late(exchange) || exchange->hedged || upstream->hedge_permille == 0) {
        return;
    }
    const struct upstream_wish wish = {.group = exchange->group,
                                       .asked = exchange->asked,
                                       .excluded = asked_or_spent(exchange),
                                       .hash = exchange->hash};
    const int index = upstream_server_choose(upstream->servers, upstream->count, &wish,
                                             upstream->random, now_us);
    if (index < 0 || !upstream_server_is_well(&upstream->servers[index], now_us)) {
        return;
    }
    exchange->hedged = true;
    if (upstream->hedge_credit < HEDGE_COST) {
        upstream->counters.hedges_denied++;
    } else if (send_second(exchange, (size_t)index, true)) {
        upstream->hedge_credit -= HEDGE_COST;
        upstream->counters.hedges++;
    }
}

/* ---- tries that nobody waits for ---- */

static bool is_worth_watching(const struct upstream_slot *slot, size_t winner)
{
    return slot->open && !slot->overdue && slot->t.server_index != winner;
}

void upstream_exchange_leave(struct upstream_exchange *exchange, struct upstream_slot *slot)
{
    struct upstream *upstream = exchange->upstream;
    const size_t winner = slot->t.server_index;
    bool worth = false;

    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        if (is_worth_watching(&exchange->slots[i], winner)) {
            worth = true;
        } else {
            upstream_slot_close(upstream, &exchange->slots[i]);
        }
    }
    if (!worth || upstream->watched >= UPSTREAM_WATCHED_MAX) {
        upstream_exchange_end(exchange);
        return;
    }
    exchange->fetch->upstream = NULL;
    exchange->fetch = NULL;
    exchange->retry_us = 0;
    exchange->over = false;
    upstream->watched++;
    upstream_schedule(exchange);
}

static void end_if_done(struct upstream_exchange *exchange)
{
    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        if (exchange->slots[i].open) {
            upstream_schedule(exchange);
            return;
        }
    }
    upstream_exchange_end(exchange);
}

void upstream_watched_received(struct upstream_exchange *exchange, struct upstream_slot *slot,
                               const uint8_t *octets, size_t len)
{
    struct upstream *upstream = exchange->upstream;
    struct upstream_server *server = &upstream->servers[slot->t.server_index];

    /* The question is gone; id, port and address must do to say that it lives. */
    if (len >= WIRE_HEADER_OCTETS && wire_get16(octets) == slot->t.id &&
        (wire_get16(octets + 2) & WIRE_FLAG_QR) != 0) {
        server->answers++;
        upstream_condition_alive(server->condition, slot->t.sent_us, upstream->now,
                                 upstream_tells(upstream, slot));
    } else {
        server->wrong++;
        if (++slot->t.wrong < UPSTREAM_WRONG_MAX) {
            return;
        }
        upstream_note_miss(exchange, slot);
    }
    upstream_slot_close(upstream, slot);
    end_if_done(exchange);
}

void upstream_watched_failed(struct upstream_exchange *exchange, struct upstream_slot *slot)
{
    exchange->upstream->servers[slot->t.server_index].failures++;
    upstream_slot_close(exchange->upstream, slot);
    upstream_note_miss(exchange, slot);
    end_if_done(exchange);
}

void upstream_watched_timer(struct upstream_exchange *exchange)
{
    const uint64_t now_us = exchange->upstream->now.mono_us;

    (void)note_late(exchange);
    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        struct upstream_slot *slot = &exchange->slots[i];
        if (slot->open && slot->overdue_us <= now_us) {
            exchange->upstream->servers[slot->t.server_index].timeouts++;
            upstream_note_miss(exchange, slot);
            upstream_slot_close(exchange->upstream, slot);
        }
    }
    end_if_done(exchange);
}
