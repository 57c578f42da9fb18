/*
 * An io that sends nothing and a clock that stands still, for the tests of upstream/: every
 * message that the forwarder sends is kept, and the test says what comes back. It also stands
 * in for the engine.
 */
#ifndef CORDON_TESTS_UPSTREAM_SCRIPT_H
#define CORDON_TESTS_UPSTREAM_SCRIPT_H

#include "upstream/exchange.h"
#include "upstream/forward.h"
#include "wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_PACKETS_MAX 512
#define SCRIPT_FIRST_US    UINT64_C(1000000000)

struct script_packet {
    struct upstream_try *t; /* NULL once closed */
    unsigned server;
    bool tcp;
    size_t len;
    uint8_t octets[UPSTREAM_QUESTION_MAX];
};

struct script {
    struct upstream *upstream;
    struct upstream_conditions *conditions;
    struct timers *timers;
    struct random random;
    struct clock_now now;
    struct script_packet packets[SCRIPT_PACKETS_MAX]; /* the last ones, if more were sent */
    size_t sent;                                      /* ever */
    size_t open;                                      /* tries */
    size_t probes;                                    /* of those sent */
    int udp_error[UPSTREAM_SERVERS_MAX];              /* 0: sends */
    int tcp_error[UPSTREAM_SERVERS_MAX];
    bool may_not_ask;
    bool no_probes; /* they cannot be sent */
    size_t done;    /* calls of query_fetch_done */
    struct query_fetch_result result;
    uint8_t result_octets[65535];
    struct query_fetch *ask_next; /* asked from within query_fetch_done */
    void (*on_done)(struct script *script, struct query_fetch *fetch,
                    const struct query_fetch_result *result); /* NULL: nothing more */
};

static inline int script_send(struct script *script, struct upstream_try *t, bool tcp)
{
    /* The servers are told apart by their last octet. */
    const unsigned server = t->server->address.octets[3] - 1u;
    const int error = tcp ? script->tcp_error[server] : script->udp_error[server];
    size_t place = script->sent % SCRIPT_PACKETS_MAX;

    if (error != 0) {
        return error;
    }
    if (t->exchange == NULL && script->no_probes) {
        return -ENETUNREACH;
    }
    while (script->packets[place].t != NULL) {
        place = (place + 1) % SCRIPT_PACKETS_MAX; /* one of the first is open still */
    }
    struct script_packet *packet = &script->packets[place];
    if (t->len > sizeof(packet->octets) || t->tcp != tcp ||
        (script->may_not_ask && t->exchange != NULL)) {
        abort();
    }
    *packet = (struct script_packet){t, server, tcp, t->len, {0}};
    memcpy(packet->octets, t->octets, t->len);
    t->handle = packet;
    script->sent++;
    script->probes += t->exchange == NULL;
    script->open++;
    return 0;
}

static inline int script_udp_send(void *context, struct upstream_try *t)
{
    return script_send(context, t, false);
}

static inline int script_tcp_send(void *context, struct upstream_try *t)
{
    return script_send(context, t, true);
}

static inline void script_close(void *context, struct upstream_try *t)
{
    struct script *script = context;
    struct script_packet *packet = t->handle;

    if (packet == NULL || packet->t != t) {
        abort(); /* closed twice, or never opened */
    }
    packet->t = NULL;
    script->open--;
}

static const struct upstream_io script_io = {script_udp_send, script_tcp_send, script_close};

/* The functions of the engine that the forwarder calls. */
void query_fetch_done(struct query_engine *engine, struct query_fetch *fetch,
                      const struct query_fetch_result *result)
{
    struct script *script = (struct script *)(void *)engine;

    script->done++;
    script->result = *result;
    if (result->octets != NULL) {
        memcpy(script->result_octets, result->octets, result->len);
    }
    if (fetch->upstream != NULL) {
        abort(); /* the fetch is the engine's again */
    }
    if (script->on_done != NULL) {
        script->on_done(script, fetch, result);
    }
    if (script->ask_next != NULL) {
        struct query_fetch *next = script->ask_next;
        script->ask_next = NULL;
        if (upstream_ask(script->upstream, next) != 0) {
            abort();
        }
    }
}

bool query_fetch_may_ask(const struct query_engine *engine, const struct query_fetch *fetch)
{
    (void)fetch;
    return !((const struct script *)(const void *)engine)->may_not_ask;
}

/* Nobody watches. */
void query_fetch_note(const struct query_fetch *fetch, const char *format, ...)
{
    (void)fetch;
    (void)format;
}

static inline struct upstream_settings script_settings(unsigned servers)
{
    struct upstream_settings settings = {.count = servers,
                                         .choose = UPSTREAM_ORDERED,
                                         .letter_case = UPSTREAM_CASE_RANDOM,
                                         .udp_size = 1232};

    for (unsigned i = 0; i < servers; i++) {
        settings.servers[i].address = (struct address){
            .octets = {192, 0, 2, (uint8_t)(i + 1)}, .port = 53, .family = ADDRESS_V4};
    }
    return settings;
}

static inline void script_init(struct script *script, unsigned servers, uint8_t seed)
{
    const uint8_t octets[RANDOM_SEED_OCTETS] = {seed, 0x5c};
    const struct upstream_settings settings = script_settings(servers);

    memset(script, 0, offsetof(struct script, result_octets));
    script->ask_next = NULL;
    script->on_done = NULL;
    random_init_seed(&script->random, octets);
    script->now = (struct clock_now){SCRIPT_FIRST_US, SCRIPT_FIRST_US};
    script->timers = timers_create(128);
    script->conditions = upstream_conditions_create();
    script->upstream =
        upstream_create(&script_io, script, (struct query_engine *)(void *)script,
                        script->timers, &script->random, script->conditions, 16);
    upstream_time(script->upstream, script->now);
    upstream_configure(script->upstream, &settings);
}

static inline void script_deinit(struct script *script)
{
    upstream_destroy(script->upstream);
    upstream_conditions_destroy(script->conditions);
    timers_destroy(script->timers);
}

/* Lets time pass, firing what is due on the way at its own moment. */
static inline void script_pass(struct script *script, uint64_t us)
{
    const uint64_t end = script->now.mono_us + us;
    uint64_t at;

    while (timers_next(script->timers, &at) && at <= end) {
        script->now.mono_us = at > script->now.mono_us ? at : script->now.mono_us;
        upstream_time(script->upstream, script->now);
        timers_run(script->timers, script->now.mono_us);
    }
    script->now.mono_us = end;
    upstream_time(script->upstream, script->now);
}

/* Measured round-trip times that order the servers as they are numbered: 20, 40, 80 ms ... */
static inline void script_order_servers(struct script *script)
{
    for (size_t i = 0; i < script->upstream->count; i++) {
        upstream_condition_set_rtt(script->upstream->servers[i].condition, 20000u << i, 1000,
                                   script->now.mono_us);
    }
}

static inline struct query_fetch script_fetch(const struct script *script, const char *name,
                                              uint16_t type)
{
    struct query_fetch fetch = {.type = type, .deadline_us = script->now.mono_us + 4000000};

    if (wire_name_from_text(name, strlen(name), &fetch.name) != WIRE_TEXT_OK) {
        abort();
    }
    return fetch;
}

#endif
