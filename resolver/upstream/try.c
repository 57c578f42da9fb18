#include "base/invariant.h"
#include "base/log.h"
#include "upstream/exchange.h"
#include "upstream/watch.h"
#include "wire/writer.h"

#include <errno.h>
#include <string.h>

void upstream_slot_close(struct upstream *upstream, struct upstream_slot *slot)
{
    if (slot->open) {
        slot->open = false;
        upstream->io->close(upstream->io_context, &slot->t);
        slot->t.handle = NULL;
    }
}

/* A free slot; else the oldest overdue one, whose late answer is the least likely; else NULL.
 */
static struct upstream_slot *slot_for(struct upstream_exchange *exchange)
{
    struct upstream_slot *oldest = NULL;

    for (size_t i = 0; i < UPSTREAM_TRIES_MAX; i++) {
        struct upstream_slot *slot = &exchange->slots[i];
        if (!slot->open) {
            return slot;
        }
        if (slot->overdue && (oldest == NULL || slot->t.sent_us < oldest->t.sent_us)) {
            oldest = slot;
        }
    }
    if (oldest != NULL) {
        upstream_slot_close(exchange->upstream, oldest);
    }
    return oldest;
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Of eight octets, those that are small letters become capitals where the bit says so. */
static uint64_t capitals(uint64_t eight, uint8_t bits)
{
    const uint64_t low = eight & EACH(0x7f);
    const uint64_t from_a = low + EACH(0x80 - 'a');      /* the top bit: 'a' or above */
    const uint64_t above_z = low + EACH(0x80 - 'z' - 1); /* above 'z' */
    const uint64_t letters = from_a & ~above_z & ~eight & EACH(0x80);
    /* Bit i alone in octet i, and from there to the top of it. */
    const uint64_t chosen = (EACH(bits) & UINT64_C(0x8040201008040201)) + EACH(0x7f);

    return eight ^ ((letters & chosen) >> 2); /* 0x80 becomes 0x20 */
}

/* Random bits decide the case of each letter (draft-vixie-dnsext-dns0x20). A length octet is
 * at most 63, so it is no letter. There is room behind the name. */
static void randomise_case(struct random *random, uint8_t name[WIRE_NAME_MAX + 8], size_t len)
{
    uint8_t bits[(WIRE_NAME_MAX + 7) / 8];

    random_fill(random, bits, (len + 7) / 8);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t eight;

        memcpy(&eight, name + i, sizeof(eight));
        eight = capitals(eight, bits[i / 8]);
        memcpy(name + i, &eight, sizeof(eight));
    }
}

static void write_question(struct upstream_exchange *exchange, struct upstream_slot *slot)
{
    struct upstream *upstream = exchange->upstream;
    const struct query_fetch *fetch = exchange->fetch;
    uint8_t raw[WIRE_NAME_MAX + 8];

    memcpy(raw, fetch->name.octets, fetch->name.len);
    memset(raw + fetch->name.len, 0, 8);
    if (slot->random_case) {
        randomise_case(upstream->random, raw, fetch->name.len);
    }
    slot->t.id = random_u16(upstream->random);
    slot->t.len = wire_question_write(
        slot->octets, sizeof(slot->octets), slot->t.id,
        (uint16_t)(WIRE_FLAG_RD | (fetch->checking_disabled ? WIRE_FLAG_CD : 0)), raw,
        fetch->name.len, fetch->type, WIRE_IN, slot->edns ? upstream->udp_size : 0,
        fetch->dnssec_ok);
    invariant(slot->t.len > 0);
    if (slot->edns && slot->t.server->transport == ENDPOINT_TLS) {
        slot->t.len = upstream_hide_length(slot->octets, slot->t.len);
    }
    slot->t.octets = slot->octets;
}

int upstream_slot_send(struct upstream_exchange *exchange, size_t index,
                       struct upstream_manner manner)
{
    struct upstream *upstream = exchange->upstream;
    struct upstream_server *server = &upstream->servers[index];

    if (!manner.allowed && !query_fetch_may_ask(upstream->engine, exchange->fetch)) {
        return -ECANCELED;
    }
    struct upstream_slot *slot = slot_for(exchange);
    if (slot == NULL) {
        return -ENOBUFS;
    }
    const bool tls = server->endpoint.transport == ENDPOINT_TLS;
    manner.tcp = manner.tcp || tls; /* never in clear, never over UDP */
    memset(slot, 0, offsetof(struct upstream_slot, octets));
    slot->random_case = !manner.plain_case && !tls &&
                        upstream->letter_case == UPSTREAM_CASE_RANDOM &&
                        upstream_server_case(server, upstream->now.mono_us);
    slot->edns = !manner.plain_dns && (exchange->no_edns >> index & 1u) == 0 &&
                 upstream_server_edns(server, upstream->now.mono_us);
    slot->t.server = &server->endpoint;
    slot->t.trust = upstream->trust;
    slot->t.carries = upstream_server_carries(server, upstream->now.mono_us);
    slot->t.exchange = exchange;
    slot->t.server_index = (uint8_t)index;
    slot->t.tcp = manner.tcp;
    slot->t.sent_us = upstream->now.mono_us;
    slot->second = manner.second;
    slot->hedge = manner.hedge;
    slot->late_us =
        slot->t.sent_us + upstream_server_trips(server, manner.tcp, slot->t.sent_us) *
                              upstream_server_late_us(server, slot->t.sent_us);
    slot->overdue_us = slot->t.sent_us + manner.wait_us;
    if (slot->late_us > slot->overdue_us) {
        slot->late_us = slot->overdue_us;
    }
    write_question(exchange, slot);
    exchange->last = server->endpoint.address;

    const int rc = manner.tcp ? upstream->io->tcp_send(upstream->io_context, &slot->t)
                              : upstream->io->udp_send(upstream->io_context, &slot->t);
    if (rc == 0) {
        slot->open = true;
        exchange->asked[index]++;
        exchange->fetch->packets++;
        server->questions++;
        server->tcp += manner.tcp;
        server->seconds += manner.second;
    }
    upstream_watch_sent(exchange, slot, manner.wait_us, rc);
    return rc;
}

bool upstream_tells(const struct upstream *upstream, const struct upstream_slot *slot)
{
    return !slot->t.tcp ||
           upstream->servers[slot->t.server_index].endpoint.transport == ENDPOINT_TLS;
}

void upstream_note_miss(struct upstream_exchange *exchange, const struct upstream_slot *slot)
{
    struct upstream *upstream = exchange->upstream;
    const size_t index = slot->t.server_index;
    struct upstream_condition *condition = upstream->servers[index].condition;
    bool down = false;

    if (upstream_tells(upstream, slot)) {
        const enum upstream_reason reason =
            slot->t.wrong > 0 ? UPSTREAM_REASON_WRONG : UPSTREAM_REASON_SILENT;
        down = upstream_condition_missed(condition, slot->t.sent_us, reason, upstream->now);
        upstream_condition_failed(condition, slot->t.sent_us, reason, 0);
    } else if ((exchange->truncated >> index & 1u) != 0) {
        if (exchange->fetch == NULL) { /* another server has helped */
            down =
                upstream_condition_blamed(condition, UPSTREAM_REASON_TRUNCATED, upstream->now);
        } else {
            exchange->blame[index] = UPSTREAM_REASON_TRUNCATED;
        }
    }
    if (down) {
        upstream_probe_arm(upstream);
    }
}

/* It may be over soon; if not, the question ends while somebody still waits for the reason. */
static void note_lack(struct upstream_exchange *exchange, int error)
{
    struct upstream *upstream = exchange->upstream;
    const uint64_t now_us = upstream->now.mono_us;
    const uint64_t pause_us = UPSTREAM_TRY_MIN_MS * UPSTREAM_US_PER_MS;

    exchange->lacking = true;
    exchange->retry_us =
        now_us + 2 * pause_us < exchange->fetch->deadline_us ? now_us + pause_us : 0;
    upstream->lacks++;
    if (upstream->lack_told_us == 0 ||
        now_us - upstream->lack_told_us >= UPSTREAM_LACK_TELL_MS * UPSTREAM_US_PER_MS) {
        upstream->lack_told_us = now_us;
        log_write(LOG_LEVEL_WARNING,
                  "out of file descriptors (%s): questions to upstreams wait and then fail. "
                  "Raise the limit: LimitNOFILE= in the unit, ulimit -n in the shell",
                  error == -ENFILE ? "the whole machine" : "this process");
    }
}

/* Lacks of this machine, which say nothing about the server. */
static bool is_our_own(int error)
{
    return error == -ENOBUFS || error == -ENOMEM || error == -EAGAIN || error == -EADDRINUSE ||
           error == -ENOSPC || error == -EINTR;
}

bool upstream_is_of_server(int error)
{
    return error != -ECANCELED && error != -EBUSY && error != -EMFILE && error != -ENFILE &&
           !is_our_own(error);
}

bool upstream_note_error(struct upstream_exchange *exchange, size_t index, bool tcp, int error)
{
    struct upstream *upstream = exchange->upstream;
    struct upstream_server *server = &upstream->servers[index];

    if (error == -ECANCELED) { /* of upstream_slot_send: the policy has changed */
        exchange->waited = true;
        return false;
    }
    if (error == -EMFILE || error == -ENFILE) {
        note_lack(exchange, error);
        return false;
    }
    if (is_our_own(error)) {
        exchange->waited = true;
        exchange->retry_us = upstream->now.mono_us + UPSTREAM_TRY_MIN_MS * UPSTREAM_US_PER_MS;
        return false;
    }
    if (error == -EBUSY) {
        exchange->busy |= 1u << index;
        return true;
    }
    const bool unproved = error == -EKEYREJECTED || error == -ECONNABORTED;
    const enum upstream_reason reason =
        unproved ? UPSTREAM_REASON_UNPROVED : UPSTREAM_REASON_UNREACHABLE;
    const bool tells = !tcp || server->endpoint.transport == ENDPOINT_TLS;
    exchange->excluded |= 1u << index;
    exchange->unproved = exchange->unproved || unproved;
    server->failures++;
    if (error == -ETIMEDOUT) {
        server->timeouts++;
        exchange->waited = true;
    }
    if (tells) {
        upstream_condition_failed(server->condition, upstream->now.mono_us, reason, error);
        if (upstream_condition_missed(server->condition, upstream->now.mono_us, reason,
                                      upstream->now)) {
            upstream_probe_arm(upstream);
        }
    }
    if (!tells && (exchange->truncated >> index & 1u) != 0) {
        exchange->blame[index] = UPSTREAM_REASON_TRUNCATED;
    }
    return true;
}
