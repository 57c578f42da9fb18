/*
 * What an answer, or an error of its socket, means for the exchange.
 */
#include "base/invariant.h"
#include "upstream/exchange.h"
#include "upstream/verdict.h"
#include "upstream/watch.h"
#include "wire/message.h"

#include <errno.h>
#include <string.h>

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
        upstream_repeat(exchange, index, (struct upstream_manner){.plain_dns = !slot->edns});
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
    upstream_repeat(exchange, index, plain);
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
    upstream_repeat(exchange, index, same);
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
    if (upstream_is_waiting(exchange)) {
        upstream_schedule(exchange);
        return;
    }
    upstream_advance_or_finish(exchange);
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
    upstream_finish_with(exchange, slot, octets, len);
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
        upstream_repeat(exchange, index,
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
        upstream_repeat(exchange, index, plain_dns);
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
        upstream_repeat(exchange, index, same);
        return;
    }
    if (!upstream_note_error(exchange, index, same.tcp, error) ||
        upstream_is_waiting(exchange)) {
        upstream_schedule_or_finish(exchange);
        return;
    }
    upstream_advance_or_finish(exchange);
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
