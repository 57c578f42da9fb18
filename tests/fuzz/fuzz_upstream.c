/*
 * Lets arbitrary octets, errors and pauses meet the forwarder, whose sockets are a script.
 * The promises: nothing crashes; every fetch that is not cancelled ends, once, by its deadline
 * or soon after; an answer is only taken that repeats the id, question and letter case of a
 * question that is in flight for this fetch; the number of messages for one fetch is bounded;
 * nothing is sent for a fetch while the policy forbids it (the script aborts); no try stays
 * open.
 */
#include "../upstream/script.h"
#include "base/log.h"
#include "require.h"

#include <errno.h>
#include <stdarg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FETCHES     3
#define STEPS_MAX   300
#define MESSAGE_MAX 700

/* What the forwarder tells the operator is not looked at here. */
void log_write(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t take(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

struct world {
    struct script script; /* first: the engine's functions see it alone */
    struct query_fetch fetches[FETCHES];
    bool in_flight[FETCHES];
    size_t asked; /* fetches started */
    /* What is being handed over. */
    struct script_packet about;
    const struct query_fetch *about_fetch;
    const uint8_t *octets;
    size_t len;
};

static bool has_capital(const uint8_t *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] >= 'A' && name[i] <= 'Z') {
            return true;
        }
    }
    return false;
}

static void check_answer(const struct world *world, const struct query_fetch *fetch,
                         const struct query_fetch_result *result)
{
    const struct script_packet *asked = &world->about;
    const size_t name_len = fetch->name.len;

    require(world->octets != NULL && world->about_fetch == fetch);
    require(result->octets == world->octets && result->len == world->len);
    require(result->len >= 12 + name_len + 4);
    require(memcmp(result->octets, asked->octets, 2) == 0);
    const uint16_t flags = wire_get16(result->octets + 2);
    require((flags & WIRE_FLAG_QR) != 0 && (flags & WIRE_FLAG_TC) == 0);
    require((flags & WIRE_OPCODE_MASK) == 0);
    require((flags & WIRE_RCODE_MASK) == WIRE_NOERROR ||
            (flags & WIRE_RCODE_MASK) == WIRE_NXDOMAIN);
    require(wire_get16(result->octets + 4) == 1);
    for (size_t i = 0; i < name_len; i++) {
        const uint8_t got = result->octets[12 + i];
        const uint8_t lower = got >= 'A' && got <= 'Z' ? (uint8_t)(got + 32) : got;
        require(lower == fetch->name.octets[i]);
    }
    if (has_capital(asked->octets + 12, name_len)) {
        require(memcmp(result->octets + 12, asked->octets + 12, name_len) == 0);
    }
    require(memcmp(result->octets + 12 + name_len, asked->octets + 12 + name_len, 4) == 0);
    require(result->upstream.octets[3] == asked->server + 1);
}

static void on_done(struct script *script, struct query_fetch *fetch,
                    const struct query_fetch_result *result)
{
    struct world *world = (struct world *)(void *)script;
    const size_t index = (size_t)(fetch - world->fetches);

    require(index < FETCHES && world->in_flight[index]);
    world->in_flight[index] = false;
    switch (result->status) {
    case QUERY_FETCH_ANSWER:
        check_answer(world, fetch, result);
        break;
    case QUERY_FETCH_REJECTED:
        require(result->len <= UPSTREAM_REJECTED_MAX);
        require(result->len == 0 || result->len >= 12);
        break;
    case QUERY_FETCH_TIMEOUT:
    case QUERY_FETCH_UNREACHABLE:
    case QUERY_FETCH_UNPROVED:
    case QUERY_FETCH_UNMATCHED:
    case QUERY_FETCH_NO_DESCRIPTOR:
        require(result->len == 0);
        break;
    }
}

/* One of the tries that are open, or NULL. */
static struct script_packet *pick(struct world *world, uint8_t which)
{
    for (size_t i = 0; i < SCRIPT_PACKETS_MAX; i++) {
        struct script_packet *packet = &world->script.packets[(which + i) % SCRIPT_PACKETS_MAX];
        if (packet->t != NULL) {
            return packet;
        }
    }
    return NULL;
}

static void hand_over(struct world *world, struct script_packet *packet, const uint8_t *octets,
                      size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);

    require(exact != NULL);
    memcpy(exact, octets, len);
    world->about = *packet;
    /* NULL: a probe, or watched only; then nobody may be told. */
    world->about_fetch = packet->t->exchange != NULL ? packet->t->exchange->fetch : NULL;
    world->octets = exact;
    world->len = len;
    upstream_received(world->script.upstream, packet->t, exact, len);
    world->octets = NULL;
    free(exact);
}

/* Octets of the input's own. */
static void give_octets(struct world *world, struct input *input)
{
    struct script_packet *packet = pick(world, take(input));
    size_t len = (size_t)take(input) * 2;

    if (packet == NULL) {
        return;
    }
    len = len < input->left ? len : input->left;
    hand_over(world, packet, input->at, len);
    input->at += len;
    input->left -= len;
}

/* The question turned into an answer, with records of the input's own and octets changed. */
static void give_answer(struct world *world, struct input *input)
{
    static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4};
    struct script_packet *packet = pick(world, take(input));
    uint8_t octets[MESSAGE_MAX];
    struct wire_message message;

    if (packet == NULL) {
        return;
    }
    require(wire_message_open(packet->octets, packet->len, &message) == WIRE_OK);
    size_t len = message.body;
    memcpy(octets, packet->octets, len);
    const struct query_fetch *fetch =
        packet->t->exchange != NULL ? packet->t->exchange->fetch : NULL;
    const uint8_t flags = take(input);
    wire_put16(octets + 2, (uint16_t)(WIRE_FLAG_QR | (flags & 15) |
                                      ((flags & 0x40) != 0 ? WIRE_FLAG_TC : 0)));
    wire_put16(octets + 10, 0);
    if ((flags & 0x20) != 0 && fetch != NULL) { /* in lower case */
        memcpy(octets + 12, fetch->name.octets, fetch->name.len);
    }
    const unsigned records = take(input) % 24;
    wire_put16(octets + 6, (uint16_t)records);
    for (unsigned i = 0; i < records; i++) {
        memcpy(octets + len, record, sizeof(record));
        len += sizeof(record);
    }
    for (unsigned changes = take(input) % 4; changes > 0; changes--) {
        const size_t where = ((size_t)take(input) << 8 | take(input)) % len;
        octets[where] ^= take(input);
    }
    const uint8_t cut = take(input);
    len -= cut < 16 ? 0 : (cut - 16u) % len;
    hand_over(world, packet, octets, len);
}

static const int errors[] = {
    -ECONNREFUSED, -ENETUNREACH, -EMFILE,  -ETIMEDOUT,    -ECONNRESET,
    -EPIPE,        -EPROTO,      -ENOBUFS, -EPERM,        0,
    -EADDRINUSE,   -EMSGSIZE,    -EBUSY,   -ECONNABORTED, -EKEYREJECTED};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static void fail(struct world *world, struct input *input)
{
    struct script_packet *packet = pick(world, take(input));
    const int error = errors[take(input) % ERRORS];

    if (packet != NULL && error != 0) {
        upstream_failed(world->script.upstream, packet->t, error);
    }
}

static void ask_or_cancel(struct world *world, struct input *input)
{
    static const char *const names[] = {"www.example.test", "1.2.3", "."};
    const size_t i = take(input) % FETCHES;

    if (world->in_flight[i]) {
        upstream_cancel(world->script.upstream, &world->fetches[i]);
        world->in_flight[i] = false;
        return;
    }
    const uint8_t how = take(input);
    world->fetches[i] = script_fetch(&world->script, names[i], how & 1 ? WIRE_A : WIRE_HTTPS);
    world->fetches[i].dnssec_ok = (how & 2) != 0;
    world->fetches[i].checking_disabled = (how & 4) != 0;
    world->in_flight[i] = upstream_ask(world->script.upstream, &world->fetches[i]) == 0;
    world->asked += world->in_flight[i];
}

static void configure(struct world *world, struct input *input)
{
    const uint8_t how = take(input);
    struct upstream_settings settings = script_settings(how % 5);

    if ((how & 0x40) != 0) { /* in another order */
        const struct endpoint first = settings.servers[0];
        settings.servers[0] = settings.servers[3];
        settings.servers[3] = first;
        if (settings.count > 0 && settings.count < 4) {
            settings.servers[0].address.octets[3] = 4;
        }
    }
    settings.choose = (enum upstream_choose)(how / 5 % 3);
    settings.hedge_percent = (how & 0x80) != 0 ? 25 : 0;
    settings.letter_case = (how & 0x20) != 0 ? UPSTREAM_CASE_PLAIN : UPSTREAM_CASE_RANDOM;
    upstream_configure(world->script.upstream, &settings);
}

static void step(struct world *world, struct input *input)
{
    struct script *script = &world->script;

    switch (take(input) % 8) {
    case 0:
        ask_or_cancel(world, input);
        break;
    case 1:
    case 2:
        give_answer(world, input);
        break;
    case 3:
        give_octets(world, input);
        break;
    case 4:
        fail(world, input);
        break;
    case 5:
        script_pass(script, (uint64_t)take(input) * take(input) * 100);
        break;
    case 6:
        configure(world, input);
        break;
    default: {
        const uint8_t how = take(input);
        if (how < 128) {
            script->may_not_ask = how < 32;
        } else if (how < 192) {
            script->udp_error[how % 4] = errors[take(input) % ERRORS];
        } else {
            script->tcp_error[how % 4] = errors[take(input) % ERRORS];
        }
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct input input = {data, size};

    memset(&world, 0, sizeof(world));
    script_init(&world.script, 1 + take(&input) % 4, take(&input));
    world.script.on_done = on_done;
    for (unsigned steps = 0; input.left > 0 && steps < STEPS_MAX; steps++) {
        step(&world, &input);
    }
    const uint64_t patience = 4000000 + 1;
    script_pass(&world.script, patience);
    for (size_t i = 0; i < FETCHES; i++) {
        require(!world.in_flight[i]);
    }
    require(world.script.sent - world.script.probes <=
            world.asked * (UPSTREAM_TRIES_MAX + UPSTREAM_REPEATS_MAX));
    script_deinit(&world.script);
    require(world.script.open == 0);
    return 0;
}
