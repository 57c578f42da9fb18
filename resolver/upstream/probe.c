/*
 * Probes: servers that are down or in doubt are asked questions of our own, so that no client
 * waits for one and no client's name is told.
 *
 * Happy path: a server goes down -> the timer of the worker that found out is armed; after the
 * pause one worker claims the probe and asks for the root's NS (of a server that only zones
 * have: the SOA of its zone); an answer that would have served a client is a good sign, and
 * UPSTREAM_UP_AFTER of them bring the server up.
 * Failures: no answer within UPSTREAM_PROBE_MS, or one that is no help -> the pause doubles.
 */
#include "base/invariant.h"
#include "upstream/exchange.h"
#include "upstream/verdict.h"
#include "wire/writer.h"

#include <string.h>

/* What a server is asked: what everybody may know. */
static void choose_question(const struct upstream *upstream, size_t index,
                            struct upstream_probe *probe)
{
    const struct upstream_group *of = NULL;

    for (size_t i = upstream->group_count; i-- > 0;) {
        if ((upstream->groups[i].servers >> index & 1u) != 0) {
            of = &upstream->groups[i];
        }
    }
    if (of != NULL && of->context != 0 && of->zone.len > 0) {
        probe->name = of->zone;
        probe->type = WIRE_SOA;
    } else {
        (void)wire_name_from_text(".", 1, &probe->name);
        probe->type = WIRE_NS;
    }
}

static void close_probe(struct upstream *upstream, struct upstream_probe *probe)
{
    if (probe->open) {
        probe->open = false;
        upstream->io->close(upstream->io_context, &probe->t);
        probe->t.handle = NULL;
    }
}

static void end_probe(struct upstream *upstream, struct upstream_probe *probe, bool good)
{
    struct upstream_condition *condition = upstream->servers[probe->t.server_index].condition;

    close_probe(upstream, probe);
    upstream_condition_probed(condition, good, upstream_asked_us(&probe->t), upstream->now);
    upstream_probe_arm(upstream);
}

/* Sends the question that has been chosen. */
static void ask(struct upstream *upstream, size_t index, bool tcp)
{
    struct upstream_server *server = &upstream->servers[index];
    struct upstream_probe *probe = &upstream->probes[index];

    probe->t = (struct upstream_try){
        .server = &server->endpoint,
        .trust = upstream->trust,
        .carries = upstream_server_carries(server, upstream->now.mono_us),
        .octets = probe->octets,
        .id = random_u16(upstream->random),
        .tcp = tcp,
        .sent_us = upstream->now.mono_us,
        .server_index = (uint8_t)index,
    };
    probe->t.len =
        wire_question_write(probe->octets, sizeof(probe->octets), probe->t.id, WIRE_FLAG_RD,
                            probe->name.octets, probe->name.len, probe->type, WIRE_IN,
                            server->edns_lost ? 0 : upstream->udp_size, false);
    invariant(probe->t.len > 0);
    if (server->endpoint.transport == ENDPOINT_TLS && !server->edns_lost) {
        probe->t.len = upstream_hide_length(probe->octets, probe->t.len);
    }
    const int rc = tcp ? upstream->io->tcp_send(upstream->io_context, &probe->t)
                       : upstream->io->udp_send(upstream->io_context, &probe->t);
    if (rc == 0) {
        probe->open = true;
    } else {
        upstream_condition_probed(server->condition, false, probe->t.sent_us, upstream->now);
    }
}

static void send_probe(struct upstream *upstream, size_t index)
{
    const struct upstream_server *server = &upstream->servers[index];
    struct upstream_probe *probe = &upstream->probes[index];
    struct upstream_server_status status;

    upstream_condition_status(server->condition, &status);
    probe->reason = status.health == UPSTREAM_DOWN ? status.reason : UPSTREAM_REASON_SILENT;
    probe->until_us = upstream->now.mono_us +
                      (status.health == UPSTREAM_DOWN
                           ? UPSTREAM_PROBE_MS * UPSTREAM_US_PER_MS
                           : upstream_server_wait_us(server, 0, upstream->now.mono_us));
    choose_question(upstream, index, probe);
    ask(upstream, index,
        server->endpoint.transport == ENDPOINT_TLS ||
            probe->reason == UPSTREAM_REASON_TRUNCATED);
}

static void on_timer(struct timer *timer, void *context)
{
    struct upstream *upstream = context;
    const uint64_t now_us = upstream->now.mono_us;

    (void)timer;
    for (size_t i = 0; i < upstream->count; i++) {
        struct upstream_probe *probe = &upstream->probes[i];
        if (probe->open && probe->until_us <= now_us) {
            end_probe(upstream, probe, false);
        }
        if (!probe->open && upstream_condition_claim(upstream->servers[i].condition, now_us)) {
            send_probe(upstream, i);
        }
    }
    upstream_probe_arm(upstream);
}

void upstream_probe_arm(struct upstream *upstream)
{
    uint64_t at = UINT64_MAX;

    for (size_t i = 0; i < upstream->count; i++) {
        const struct upstream_condition *condition = upstream->servers[i].condition;
        uint64_t due_us = UINT64_MAX;
        if (upstream->probes[i].open) {
            due_us = upstream->probes[i].until_us;
        } else if (upstream_condition_is_down(condition) ||
                   upstream_condition_is_doubted(condition)) {
            due_us = atomic_load_explicit(&condition->probe_us, memory_order_relaxed);
        }
        at = due_us < at ? due_us : at;
    }
    if (at == UINT64_MAX) {
        timers_disarm(upstream->timers, &upstream->probe_timer);
        return;
    }
    upstream->probe_timer.fire = on_timer;
    upstream->probe_timer.context = upstream;
    if (upstream->probe_timer.index == 0 || upstream->probe_timer.at_us != at) {
        /* Without room there is no probe for now: the next one that finds it down tries. */
        (void)timers_arm(upstream->timers, &upstream->probe_timer, at);
    }
}

void upstream_probe_close_all(struct upstream *upstream)
{
    timers_disarm(upstream->timers, &upstream->probe_timer);
    for (size_t i = 0; i < upstream->count; i++) {
        close_probe(upstream, &upstream->probes[i]);
    }
}

static bool is_servfail(const uint8_t *octets)
{
    return (wire_get16(octets + 2) & WIRE_RCODE_MASK) == WIRE_SERVFAIL;
}

/* For a server that did not answer, every answer of its own is a good sign, but that it fails
 * itself; for one that answered uselessly only a useful one is. */
void upstream_probe_received(struct upstream *upstream, struct upstream_try *t,
                             const uint8_t *octets, size_t len)
{
    struct upstream_probe *probe = &upstream->probes[t->server_index];
    const struct upstream_question question = {
        .name = &probe->name,
        .raw_name = probe->octets + WIRE_HEADER_OCTETS,
        .id = t->id,
        .type = probe->type,
        .edns = !upstream->servers[t->server_index].edns_lost,
        .tcp = t->tcp,
    };
    const bool answers_do = probe->reason != UPSTREAM_REASON_USELESS;

    invariant(probe->open && &probe->t == t);
    switch (upstream_verdict(&question, octets, len)) {
    case UPSTREAM_WRONG:
    case UPSTREAM_WRONG_CASE:
        upstream->servers[t->server_index].wrong++;
        if (++t->wrong >= UPSTREAM_WRONG_MAX) {
            end_probe(upstream, probe, false);
        }
        break;
    case UPSTREAM_USEFUL:
        end_probe(upstream, probe, true);
        break;
    case UPSTREAM_REJECTED:
        end_probe(upstream, probe, answers_do && !is_servfail(octets));
        break;
    case UPSTREAM_NO_EDNS:
        end_probe(upstream, probe, answers_do);
        break;
    case UPSTREAM_TRUNCATED: /* nobody needs to cut so short an answer */
        close_probe(upstream, probe);
        ask(upstream, t->server_index, true);
        upstream_probe_arm(upstream);
        break;
    case UPSTREAM_GARBAGE:
        end_probe(upstream, probe, false);
        break;
    }
}

void upstream_probe_failed(struct upstream *upstream, struct upstream_try *t)
{
    end_probe(upstream, &upstream->probes[t->server_index], false);
}
