/*
 * Questions that are read together, in the steps of a worker's batch, are answered octet by
 * octet as those that come alone: with the same events and counters, whatever they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/sides.h"

#define NAMES   24u
#define BATCHES 3000u

#define RULE(name, action) \
    "block suffix " name " category=a scope=cloud confidence=high" action " evidence=\"x\"\n"

static const char *const policies[] = {
    RULE("bad.example", ""),
    RULE("bad.example", " action=nxdomain") RULE("n7.ok.example", ""),
    "",
    RULE("ok.example", " action=truncate") RULE("cdn.bad.example", ""),
};

static struct wire_name name_of(const char *text)
{
    struct wire_name name;

    assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
    return name;
}

static void name_at(unsigned i, char text[64])
{
    static const char *const others[] = {
        "bad.example", "a.b.bad.example", "localhost", "1.0.0.127.in-addr.arpa",
        "x.invalid",   "example",         "."};

    if (i < sizeof(others) / sizeof(others[0])) {
        snprintf(text, 64, "%s", others[i]);
    } else {
        snprintf(text, 64, "n%u.ok.example", i);
    }
}

/* Answers in the cache for most names, some of them by an alias to a listed one. */
static void fill(struct side *side)
{
    static const uint8_t address[] = {192, 0, 2, 7};

    for (unsigned i = 0; i < NAMES; i++) {
        uint8_t octets[512], raw[WIRE_NAME_MAX + 4];
        struct wire_writer writer;
        char text[64];

        name_at(i, text);
        const struct wire_name name = name_of(text);
        const struct wire_name alias = name_of("cdn.bad.example");
        const struct cache_key key = {.name = &name, .type = WIRE_A};
        memcpy(raw, name.octets, name.len);
        memcpy(raw + name.len, (const uint8_t[]){0, WIRE_A, 0, WIRE_IN}, 4);
        wire_writer_begin(&writer, octets, sizeof(octets), raw, name.len + 4u);
        if (i % 4 == 3) {
            wire_write_cname(&writer, &name, &alias, 300);
        }
        wire_write_record(&writer, WIRE_ANSWER, i % 4 == 3 ? &alias : &name, WIRE_A, 300,
                          address, sizeof(address));
        const struct cache_entry entry = {
            .kind = CACHE_ANSWER,
            .ttl_s = 300,
            .ede = WIRE_EDE_NONE,
            .len = wire_writer_end(&writer, 0, WIRE_FLAG_QR | WIRE_FLAG_RA)};
        if (i % 5 != 4) {
            cache_put(side->bench->cache, &key, side->bench->now.mono_us, octets, &entry);
        }
    }
}

static void open_side(struct side *side)
{
    sides_open(side, 64, 256);
    side->bench->settings.local_special = true;
    query_cookies_init(&side->bench->engine->cookies,
                       (const uint8_t[QUERY_COOKIE_KEY_OCTETS]){1});
    fill(side);
}

/* A question, mostly a good one; its client. */
static size_t random_question(struct random *random, uint8_t octets[512],
                              struct query_client *client)
{
    static const uint16_t types[] = {WIRE_A, WIRE_A, WIRE_A, WIRE_AAAA, WIRE_ANY, WIRE_TXT};
    char text[64];

    name_at(random_below(random, NAMES), text);
    struct wire_name name = name_of(text);
    for (uint8_t i = 0; i < name.labels; i++) { /* in any case */
        for (uint8_t at = 1; at <= name.octets[name.at[i]]; at++) {
            uint8_t *octet = &name.octets[name.at[i] + at];
            *octet ^= *octet >= 'a' && *octet <= 'z' && random_below(random, 2) != 0 ? 0x20 : 0;
        }
    }
    size_t len = wire_question_write(
        octets, 512, random_u16(random), random_below(random, 4) == 0 ? WIRE_FLAG_CD : 0,
        name.octets, name.len, types[random_below(random, 6)], WIRE_IN,
        random_below(random, 4) == 0 ? 0 : 1232, random_below(random, 4) == 0);
    if (random_below(random, 4) == 0) {
        octets[2] &= 0xfe; /* RD */
    }
    if (random_below(random, 8) == 0) { /* damaged */
        octets[random_below(random, (uint32_t)len)] ^= (uint8_t)(1u << random_below(random, 8));
    }
    if (random_below(random, 32) == 0) {
        len = random_below(random, (uint32_t)len);
    }
    client->from = (struct address){.family = ADDRESS_V4,
                                    .octets = {random_below(random, 16) == 0 ? 10 : 127, 0, 0,
                                               (uint8_t)random_below(random, 8)}};
    client->transport = random_below(random, 8) == 0 ? QUERY_TCP : QUERY_UDP;
    return len;
}

static void run_side(struct side *side, bool together, size_t count, uint8_t (*octets)[512],
                     const size_t *lens, const struct query_client *clients)
{
    struct query_engine *engine = side->bench->engine;
    struct query *batch[BATCH];
    const size_t ahead = count % 4; /* so many take the first steps before one takes the last */

    memset(side->lens, 0, sizeof(side->lens));
    for (size_t i = 0; i < count; i++) {
        struct query *q = query_take(engine);

        side->slots[i] = batch[i] = q;
        query_client_of(q)->from = clients[i].from;
        query_client_of(q)->transport = clients[i].transport;
        if (together) {
            query_read(engine, q, octets[i], lens[i]);
            sides_step(engine, batch, i, ahead);
        } else {
            query_run(engine, q, octets[i], lens[i]);
        }
    }
    if (together) {
        sides_end(engine, batch, count, ahead);
    }
    assert_int_equal(query_engine_in_use(engine), 0);
}

static void a_batch_is_answered_as_its_questions_alone(void **state)
{
    static struct side alone, together;
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "batches";
    const size_t policy_count = sizeof(policies) / sizeof(policies[0]);
    uint8_t octets[BATCH][512];
    struct query_client clients[BATCH];
    size_t lens[BATCH];
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    open_side(&alone);
    open_side(&together);
    for (unsigned round = 0; round < BATCHES; round++) {
        const size_t count = 1 + random_below(&random, BATCH);

        if (round % 100 == 0) {
            bench_adopt(alone.bench, policies[round / 100 % policy_count]);
            bench_adopt(together.bench, policies[round / 100 % policy_count]);
        }
        for (size_t i = 0; i < count; i++) {
            lens[i] = random_question(&random, octets[i], &clients[i]);
        }
        run_side(&alone, false, count, octets, lens, clients);
        run_side(&together, true, count, octets, lens, clients);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(alone.lens[i], together.lens[i]);
            assert_memory_equal(alone.answers[i], together.answers[i], alone.lens[i]);
        }
        sides_expect_same_events(&alone, &together);
        bench_pass(alone.bench, 10000);
        bench_pass(together.bench, 10000);
    }
    const struct query_counters *one = query_engine_counters(alone.bench->engine);
    assert_memory_equal(one, query_engine_counters(together.bench->engine), sizeof(*one));
    /* All ways were gone. */
    assert_true(one->cache_hits > 1000 && one->cache_misses > 100 && one->blocked > 100);
    assert_true(one->local > 100 && one->dropped > 10 && one->refused_clients > 100);
    assert_true(alone.answered == together.answered && alone.answered > BATCHES);
    bench_destroy(alone.bench);
    bench_destroy(together.bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_answered_as_its_questions_alone),
    };
    return cmocka_run_group_tests_name("query/batch", tests, NULL, NULL);
}
