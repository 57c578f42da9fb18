/*
 * Two engines that are asked the same questions in two ways, and are to answer and record them
 * alike.
 */
#ifndef CORDON_TESTS_QUERY_SIDES_H
#define CORDON_TESTS_QUERY_SIDES_H

#include "policy/views.h"
#include "query/bench.h"

#define BATCH           8u /* questions */
#define SIDES_VIEWS_MAX 8u

/* One of the two that are compared. */
struct side {
    struct bench *bench;
    uint8_t answers[BATCH][WIRE_MESSAGE_MAX];
    size_t lens[BATCH];
    size_t room; /* that an answer has; 0: none */
    unsigned answered;
    struct query *slots[BATCH]; /* of the questions, in their order */
};

static inline unsigned side_index_of(const struct side *side, const struct query *q)
{
    unsigned i = 0;

    while (i < BATCH && side->slots[i] != q) {
        i++;
    }
    assert_true(i < BATCH);
    return i;
}

static inline uint8_t *side_reserve(void *context, struct query *q, size_t *size)
{
    struct side *side = context;

    *size = side->room;
    return side->room == 0 ? NULL : side->answers[side_index_of(side, q)];
}

static inline void side_send_answer(void *context, struct query *q, size_t len)
{
    struct side *side = context;

    side->lens[side_index_of(side, q)] = len;
    side->answered++;
}

static inline void side_release(void *context, struct query *q)
{
    struct side *side = context;

    side->slots[side_index_of(side, q)] = NULL;
}

/* Nobody can be asked: what is not at hand, and let through, fails at once. */
static inline int side_ask(void *context, struct query_fetch *fetch)
{
    (void)context;
    (void)fetch;
    return -1;
}

static inline void side_cancel(void *context, struct query_fetch *fetch)
{
    (void)context;
    (void)fetch;
    fail();
}

static const struct query_io sides_io = {side_reserve, side_send_answer, side_release, side_ask,
                                         side_cancel};

static inline void sides_open(struct side *side, unsigned slots, unsigned timers)
{
    memset(side, 0, sizeof(*side));
    side->room = 4096;
    side->bench = bench_create(slots, timers);
    side->bench->engine->io = &sides_io;
    side->bench->engine->io_context = side;
}

/* So many views, each of the client whose address ends so. */
static inline struct policy_views *sides_choose_by_last_octet(unsigned count)
{
    struct policy_view_place places[SIDES_VIEWS_MAX];
    struct policy_views *views = NULL;

    assert_true(count <= SIDES_VIEWS_MAX);
    for (unsigned i = 0; i < count; i++) {
        places[i] = (struct policy_view_place){
            .clients = {.octets = {127, 0, 0, (uint8_t)i}, .bits = 32, .family = ADDRESS_V4},
            .view = (uint8_t)i};
    }
    assert_int_equal(policy_views_build(places, count, NULL, &views), 0);
    return views;
}

/* Question i of a batch was read: those before it go near and on, each `ahead` behind. */
static inline void sides_step(struct query_engine *engine, struct query *const *batch, size_t i,
                              size_t ahead)
{
    if (i >= ahead) {
        query_expect(engine, batch[i - ahead]);
        query_go_near(engine, batch + i - ahead, 1);
    }
    if (i >= 2 * ahead) {
        query_go_on(engine, batch + i - 2 * ahead, 1);
    }
}

/* All were read. */
static inline void sides_end(struct query_engine *engine, struct query *const *batch,
                             size_t count, size_t ahead)
{
    const size_t near = count > ahead ? count - ahead : 0;
    const size_t done = count > 2 * ahead ? count - 2 * ahead : 0;

    for (size_t i = near; i < count; i++) {
        query_expect(engine, batch[i]);
    }
    query_go_near(engine, batch + near, count - near);
    query_go_on(engine, batch + done, count - done);
}

static inline void sides_expect_same_events(struct side *a, struct side *b)
{
    static struct audit_event one, two;
    size_t len, other_len;
    const void *event, *other;

    while ((event = ring_peek(a->bench->events, &len)) != NULL) {
        other = ring_peek(b->bench->events, &other_len);
        assert_non_null(other);
        assert_int_equal(len, other_len);
        assert_true(audit_event_get(event, len, &one) && audit_event_get(other, len, &two));
        assert_true(one.wall_us == two.wall_us && one.generation == two.generation);
        assert_true(one.latency_us == two.latency_us && one.type == two.type);
        assert_true(one.transport == two.transport && one.view == two.view);
        assert_true(one.rcode == two.rcode && one.applied == two.applied);
        assert_true(address_equal(&one.client, &two.client) && one.cached == two.cached);
        assert_true(wire_name_equal(&one.name, &two.name));
        assert_int_equal(one.chain.count, two.chain.count);
        assert_memory_equal(&one.hit, &two.hit, offsetof(struct policy_hit, name));
        assert_true(wire_name_equal(&one.hit.name, &two.hit.name));
        assert_memory_equal(&one.hit.address, &two.hit.address, sizeof(one.hit.address));
        ring_release(a->bench->events);
        ring_release(b->bench->events);
    }
    assert_null(ring_peek(b->bench->events, &other_len));
}

#endif
