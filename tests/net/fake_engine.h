/*
 * A worker without a resolver, for the tests of net/: a real loop and real sockets, and an
 * engine that answers at once, later, hugely or not at all, as the first octet of the name
 * tells it to.
 */
#ifndef CORDON_TESTS_NET_FAKE_ENGINE_H
#define CORDON_TESTS_NET_FAKE_ENGINE_H

#include "base/clock.h"
#include "net/inside.h"
#include "wire/type.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAKE_SLOTS 4096

struct query {
    struct query_client client;
    struct query *next_held;
    bool in_use;
    bool expected, near;
    size_t len;
    uint8_t message[NET_DATAGRAM_MAX];
};

struct fake {
    uv_loop_t loop;
    uv_async_t wake; /* keeps the loop alive, as that of a worker does */
    struct timers *timers;
    struct net *net;
    struct address at; /* with the port that was found */
    struct query *slots;
    size_t slots_left;
    struct query *held; /* not yet answered, the newest first */
    size_t held_count;
    size_t run, abandoned, released, no_room, turns;
    struct query_client last; /* that asked */
};

static inline void fake_answer_now(struct fake *fake, struct query *q)
{
    size_t size = 0;
    size_t len = q->len;
    uint8_t *room = net_reserve(fake->net, q, &size);

    if (room == NULL) {
        fake->no_room++;
    } else {
        if (size < 512) {
            abort();
        }
        memcpy(room, q->message, q->len);
        if (q->len >= 12) {
            room[2] |= 0x80;
        }
        if (q->len > 13 && q->message[13] == 'b') {
            len = size; /* big: all that there is room for */
            memset(room + q->len, 0x5a, len - q->len);
        }
        net_send(fake->net, q, len);
    }
    net_release(fake->net, q);
    fake->released++;
    q->in_use = false;
    fake->slots_left++;
}

/* Answers the held question with this id. */
static inline void fake_answer(struct fake *fake, uint16_t id)
{
    struct query **at = &fake->held;

    while (*at != NULL && wire_get16((*at)->message) != id) {
        at = &(*at)->next_held;
    }
    if (*at == NULL) {
        abort();
    }
    struct query *q = *at;
    *at = q->next_held;
    fake->held_count--;
    fake_answer_now(fake, q);
}

static inline bool fake_holds(const struct fake *fake, uint16_t id)
{
    for (const struct query *q = fake->held; q != NULL; q = q->next_held) {
        if (wire_get16(q->message) == id) {
            return true;
        }
    }
    return false;
}

/* ---- the functions of the engine that net/ calls ---- */

struct query *query_take(struct query_engine *engine)
{
    struct fake *fake = (struct fake *)(void *)engine;

    for (size_t i = 0; fake->slots_left > 0 && i < FAKE_SLOTS; i++) {
        if (!fake->slots[i].in_use) {
            fake->slots[i].in_use = true;
            fake->slots[i].expected = fake->slots[i].near = false;
            fake->slots_left--;
            return &fake->slots[i];
        }
    }
    return NULL;
}

struct query_client *query_client_of(struct query *q)
{
    return &q->client;
}

void query_run(struct query_engine *engine, struct query *q, const uint8_t *msg, size_t len)
{
    struct fake *fake = (struct fake *)(void *)engine;
    const char kind = len > 13 ? (char)msg[13] : 'd';

    fake->run++;
    fake->last = q->client;
    q->len = len;
    memmove(q->message, msg, len);
    switch (kind) {
    case 'w': /* wait */
        q->next_held = fake->held;
        fake->held = q;
        fake->held_count++;
        break;
    case 'd': /* drop */
        net_release(fake->net, q);
        fake->released++;
        q->in_use = false;
        fake->slots_left++;
        break;
    default:
        fake_answer_now(fake, q);
    }
}

void query_read(struct query_engine *engine, struct query *q, const uint8_t *msg, size_t len)
{
    (void)engine;
    q->len = len;
    memcpy(q->message, msg, len);
}

void query_expect(struct query_engine *engine, struct query *q)
{
    (void)engine;
    assert_false(q->expected || q->near);
    q->expected = true;
}

void query_go_near(struct query_engine *engine, struct query *const *batch, size_t count)
{
    (void)engine;
    for (size_t i = 0; i < count; i++) {
        assert_true(batch[i]->expected && !batch[i]->near);
        batch[i]->near = true;
    }
}

void query_go_on(struct query_engine *engine, struct query *const *batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(batch[i]->near);
        query_run(engine, batch[i], batch[i]->message, batch[i]->len);
    }
}

void query_abandon(struct query_engine *engine, struct query *q)
{
    struct fake *fake = (struct fake *)(void *)engine;
    struct query **at = &fake->held;

    while (*at != q) {
        at = &(*at)->next_held; /* must be among them */
    }
    *at = q->next_held;
    fake->held_count--;
    fake->abandoned++;
    q->in_use = false;
    fake->slots_left++;
}

static inline void fake_turn(void *context)
{
    ((struct fake *)context)->turns++;
}

/* ---- a worker of it ---- */

static inline void fake_init(struct fake *fake, const char *address)
{
    struct net_sockets sockets;

    memset(fake, 0, sizeof(*fake));
    fake->slots = calloc(FAKE_SLOTS, sizeof(*fake->slots));
    fake->slots_left = FAKE_SLOTS;
    fake->timers = timers_create(NET_TCP_CONNECTIONS_MAX);
    if (fake->slots == NULL || fake->timers == NULL || uv_loop_init(&fake->loop) != 0 ||
        uv_async_init(&fake->loop, &fake->wake, NULL) != 0 ||
        address_parse(address, strlen(address), 0, &fake->at) != 0 ||
        net_sockets_open(&fake->at, true, &sockets) != 0) {
        abort();
    }
    fake->net = net_create(&fake->loop, (struct query_engine *)(void *)fake, fake->timers,
                           &sockets, 1, &fake->at, fake_turn, fake);
    if (fake->net == NULL) {
        abort();
    }
}

static inline void fake_deinit(struct fake *fake)
{
    net_close(fake->net);
    uv_close((uv_handle_t *)&fake->wake, NULL);
    uv_run(&fake->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&fake->loop) != 0) {
        abort();
    }
    timers_destroy(fake->timers);
    free(fake->slots);
}

/* Turns the loop until nothing has happened for a moment; loopback needs no longer. */
static inline void fake_settle(struct fake *fake)
{
    for (unsigned idle = 0; idle < 3; idle++) {
        struct pollfd ready = {uv_backend_fd(&fake->loop), POLLIN, 0};
        if (uv_backend_timeout(&fake->loop) == 0 || poll(&ready, 1, 2) > 0) {
            idle = 0;
        }
        uv_run(&fake->loop, UV_RUN_NOWAIT);
    }
}

/* Lets the timers believe that so much time has passed. */
static inline void fake_pass(struct fake *fake, unsigned ms)
{
    timers_run(fake->timers, clock_read().mono_us + ms * UINT64_C(1000));
    fake_settle(fake);
}

/* A question for "<kind>x.", 20 octets. */
static inline size_t fake_question(uint8_t *out, uint16_t id, char kind)
{
    static const uint8_t rest[] = {1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, '?', 'x', 0, 0, 1, 0, 1};

    wire_put16(out, id);
    memcpy(out + 2, rest, sizeof(rest));
    out[13] = (uint8_t)kind;
    return 2 + sizeof(rest);
}

#endif
