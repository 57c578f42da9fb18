/*
 * An engine alone, for the tests of query/: the io keeps what it is told, and the test says how
 * fetches end.
 */
#ifndef CORDON_TESTS_QUERY_BENCH_H
#define CORDON_TESTS_QUERY_BENCH_H

#include "policy/list.h"
#include "query/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BENCH_FETCHES 8

struct bench {
    struct query_engine *engine;
    struct cache *cache;
    struct ring *events;
    struct timers *timers;
    struct random random;
    struct policy *policy;
    struct query_settings settings;
    struct clock_now now;
    _Atomic uint64_t lost;
    struct query_fetch *fetches[BENCH_FETCHES]; /* in flight */
    unsigned asked, cancelled, sent, released;
    int ask_error;
    uint8_t out[WIRE_MESSAGE_MAX];
    size_t len;
};

static inline uint8_t *bench_reserve(void *context, struct query *q, size_t *size)
{
    struct bench *bench = context;

    (void)q;
    *size = sizeof(bench->out);
    return bench->out;
}

static inline void bench_send(void *context, struct query *q, size_t len)
{
    struct bench *bench = context;

    (void)q;
    bench->sent++;
    bench->len = len;
}

static inline void bench_release(void *context, struct query *q)
{
    struct bench *bench = context;

    (void)q;
    bench->released++;
}

static inline int bench_ask(void *context, struct query_fetch *fetch)
{
    struct bench *bench = context;

    if (bench->ask_error != 0) {
        return bench->ask_error;
    }
    bench->asked++;
    for (unsigned i = 0; i < BENCH_FETCHES; i++) {
        if (bench->fetches[i] == NULL) {
            bench->fetches[i] = fetch;
            return 0;
        }
    }
    abort();
}

/* Forgets a fetch; true if it was in flight. */
static inline bool bench_forget(struct bench *bench, const struct query_fetch *fetch)
{
    for (unsigned i = 0; i < BENCH_FETCHES; i++) {
        if (bench->fetches[i] == fetch) {
            bench->fetches[i] = NULL;
            return true;
        }
    }
    return false;
}

static inline void bench_cancel(void *context, struct query_fetch *fetch)
{
    struct bench *bench = context;

    if (!bench_forget(bench, fetch)) {
        abort();
    }
    bench->cancelled++;
}

static const struct query_io bench_io = {bench_reserve, bench_send, bench_release, bench_ask,
                                         bench_cancel};

/* rules: whole rule lines of the list format. */
static inline struct policy *bench_policy(const char *rules, uint64_t generation)
{
    const struct policy_list_setting setting = {.id = "t", .mode = POLICY_MODE_ENFORCE};
    const struct policy_view_setting view = {.name = "v",
                                             .action = POLICY_ACTION_SINKHOLE,
                                             .lists = &setting,
                                             .list_count = 1,
                                             .name_servers = POLICY_MODE_ENFORCE};
    char text[4096];
    struct policy_list *list = NULL;
    struct policy_image *image = NULL;
    struct policy *policy = NULL;
    struct report report;

    const int len =
        snprintf(text, sizeof(text),
                 "cordon-list 1\nid t\ntitle T\nprovider p P\nserial 1\n"
                 "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\nrules\n%send\n",
                 rules);
    report_init(&report);
    if (policy_list_parse(text, (size_t)len, "t", &report, &list) != 0 ||
        policy_image_build((const struct policy_list *const *)&list, 1, &image) != 0 ||
        policy_create(image, &view, 1, generation, &report, &policy) != 0) {
        report_print(&report, stderr);
        abort();
    }
    policy_list_free(list);
    report_deinit(&report);
    return policy;
}

static inline void bench_adopt(struct bench *bench, const char *rules)
{
    struct policy *old = bench->policy;

    bench->policy = bench_policy(rules, old != NULL ? policy_generation(old) + 1 : 1);
    query_engine_adopt(bench->engine, bench->policy, &bench->settings);
    policy_destroy(old);
}

static inline struct bench *bench_create(unsigned slots, unsigned timers)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "bench";
    struct bench *bench = calloc(1, sizeof(*bench));

    if (bench == NULL || random_library_init() != 0) {
        abort();
    }
    random_init_seed(&bench->random, seed);
    bench->cache = cache_create(CACHE_SIZE_MIN, seed);
    bench->events = ring_create(1u << 16);
    bench->timers = timers_create(timers);
    bench->now = (struct clock_now){1000000000, 1000000000};
    bench->settings =
        (struct query_settings){.deadline_ms = 4000,
                                .block_ttl_s = 10,
                                .sinkhole4 = {.family = ADDRESS_V4},
                                .sinkhole6 = {.family = ADDRESS_V6},
                                .access_count = 1,
                                .access[0] = {.family = ADDRESS_V4, .octets = {127}, .bits = 8},
                                .ede = true,
                                .block_ede = WIRE_EDE_NONE,
                                .udp_size = 1232,
                                .ttl_max_s = 86400,
                                .negative_ttl_max_s = 3600,
                                .failure_ttl_s = 5,
                                .have_upstreams = true};
    const struct query_engine_setup setup = {.io = &bench_io,
                                             .io_context = bench,
                                             .cache = bench->cache,
                                             .events = bench->events,
                                             .events_lost = &bench->lost,
                                             .timers = bench->timers,
                                             .random = &bench->random,
                                             .slots = slots};
    bench->engine = query_engine_create(&setup);
    query_engine_time(bench->engine, bench->now);
    bench_adopt(bench, "");
    return bench;
}

static inline void bench_destroy(struct bench *bench)
{
    query_engine_destroy(bench->engine);
    timers_destroy(bench->timers);
    cache_destroy(bench->cache);
    ring_destroy(bench->events);
    policy_destroy(bench->policy);
    free(bench);
}

/* A question for A over UDP with EDNS. */
static inline struct query *bench_question(struct bench *bench, const char *text, bool tcp)
{
    uint8_t octets[512];
    struct wire_name name;
    struct query *q = query_take(bench->engine);

    if (q == NULL || wire_name_from_text(text, strlen(text), &name) != WIRE_TEXT_OK) {
        abort();
    }
    const size_t len = wire_question_write(octets, sizeof(octets), 7, 0, name.octets, name.len,
                                           WIRE_A, WIRE_IN, 1232, false);
    query_client_of(q)->from = (struct address){.family = ADDRESS_V4, .octets = {127, 0, 0, 1}};
    query_client_of(q)->transport = tcp ? QUERY_TCP : QUERY_UDP;
    query_run(bench->engine, q, octets, len);
    return q;
}

static inline void bench_pass(struct bench *bench, uint64_t us)
{
    bench->now.mono_us += us;
    bench->now.wall_us += us;
    query_engine_time(bench->engine, bench->now);
    timers_run(bench->timers, bench->now.mono_us);
}

static inline void bench_done(struct bench *bench, unsigned index,
                              enum query_fetch_status status, const uint8_t *octets, size_t len)
{
    struct query_fetch *fetch = bench->fetches[index];
    const struct query_fetch_result result = {.status = status, .octets = octets, .len = len};

    bench->fetches[index] = NULL;
    query_fetch_done(bench->engine, fetch, &result);
}

/* Response code of the last answer, and its EDE code (WIRE_EDE_NONE: none). */
static inline int bench_rcode(const struct bench *bench, int *ede)
{
    struct wire_message message;

    if (wire_message_open(bench->out, bench->len, &message) != WIRE_OK) {
        abort();
    }
    return wire_message_rcode(&message, ede);
}

#endif
