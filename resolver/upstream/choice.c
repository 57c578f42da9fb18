/*
 * Which socket a question over UDP leaves by: one that is drawn by chance of those that take
 * further questions, or a new one where there are too few of them to be unpredictable.
 *
 * Questions of one turn of the loop leave by one socket, up to UPSTREAM_UDP_BURST_MAX of them,
 * before another is drawn: a system call for all, at both ends. That tells a forger nothing: to
 * him the port of each is one of all that there are.
 */
#include "base/invariant.h"
#include "upstream/sockets.h"

void upstream_choice_offer(struct upstream_transport *transport, struct upstream_udp *udp)
{
    struct upstream_udp_choice *choice = &transport->choices[udp->server_index];

    if (choice->count < UPSTREAM_UDP_CHOICE_MAX) {
        udp->offered = true;
        udp->at = (uint16_t)choice->count;
        choice->at[choice->count++] = udp;
        upstream_transport_look_after(transport);
    }
}

void upstream_choice_withdraw(struct upstream_transport *transport, struct upstream_udp *udp)
{
    struct upstream_udp_choice *choice = &transport->choices[udp->server_index];

    if (udp->offered) {
        struct upstream_udp *last = choice->at[--choice->count];

        invariant(choice->at[udp->at] == udp);
        choice->at[udp->at] = last;
        last->at = udp->at;
        udp->offered = false;
        if (choice->burst == udp) {
            choice->burst = NULL;
        }
    }
    upstream_udp_let_go(transport, udp);
}

static bool is_old(const struct upstream_transport *transport, const struct upstream_udp *udp)
{
    return uv_now(transport->loop) >= udp->opened_ms + UPSTREAM_UDP_KEPT_MS;
}

/* Another server may have got the number since. */
static bool leads_to(const struct upstream_udp *udp, const struct upstream_try *t)
{
    return address_equal(&udp->server, &t->server->address);
}

/* An id that waits for its answer on this socket already is no use on it. */
static bool has_place_for(const struct upstream_udp *udp, const struct upstream_try *t)
{
    return udp->used != UINT32_MAX && upstream_udp_place_of(udp, t->id) < 0;
}

struct upstream_udp *upstream_choice_draw(struct upstream_transport *transport,
                                          const struct upstream_try *t)
{
    struct upstream_udp_choice *choice = &transport->choices[t->server_index];
    struct upstream_udp *udp = choice->burst;

    if (udp != NULL && leads_to(udp, t) && has_place_for(udp, t) &&
        __builtin_popcount(udp->unsent) < (int)UPSTREAM_UDP_BURST_MAX) {
        return udp;
    }
    choice->burst = NULL;
    while (choice->count >= UPSTREAM_UDP_CHOICE_MIN) {
        udp = choice->at[random_below(transport->random, choice->count)];
        if (leads_to(udp, t) && !is_old(transport, udp)) {
            /* One that has no place is drawn for nothing: a new one adds to the choice. */
            choice->burst = has_place_for(udp, t) ? udp : NULL;
            return choice->burst;
        }
        upstream_choice_withdraw(transport, udp);
    }
    return NULL;
}

bool upstream_choice_look_after(struct upstream_transport *transport)
{
    bool any = false;

    for (unsigned i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        struct upstream_udp_choice *choice = &transport->choices[i];

        for (unsigned at = choice->count; at > 0; at--) {
            if (is_old(transport, choice->at[at - 1])) {
                upstream_choice_withdraw(transport, choice->at[at - 1]);
            }
        }
        any = any || choice->count > 0;
    }
    return any;
}

bool upstream_choice_make_room(struct upstream_transport *transport)
{
    for (unsigned i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        const struct upstream_udp_choice *choice = &transport->choices[i];

        for (unsigned at = choice->count; at > 0; at--) {
            struct upstream_udp *udp = choice->at[at - 1];

            if (udp->live == 0 && !udp->gathering && !udp->held) {
                upstream_choice_withdraw(transport, udp);
                return true;
            }
        }
    }
    return false;
}

void upstream_choice_withdraw_all(struct upstream_transport *transport)
{
    for (unsigned i = 0; i < UPSTREAM_SERVERS_MAX; i++) {
        const struct upstream_udp_choice *choice = &transport->choices[i];

        while (choice->count > 0) {
            upstream_choice_withdraw(transport, choice->at[choice->count - 1]);
        }
    }
}
