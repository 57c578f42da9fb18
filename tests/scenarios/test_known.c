/*
 * What is known of an answer changes nothing: of two resolvers that are asked the same, one
 * finds out everything anew at each question, since its lists are loaded before each. Views,
 * lists, pauses, exceptions, schedules and settings are any.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/event_row.h"
#include "base/ring.h"
#include "support/world.h"

#include <stdio.h>
#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

enum {
    ROUNDS = 50,
    CHANGES = 3, /* in a round, without a new image */
    QUESTIONS = 40,
    LISTS = 3,
    RULES = 4 /* of a list */
};

static const char *const names[] = {"a.example", "x.a.example",    "b.example", "x.b.example",
                                    "c.example", "d.example",      "e.example", "alias.example",
                                    "single",    "inside.example", "x.example"};

static const char *const rules[] = {
    "block suffix a.example",
    "block exact b.example action=log",
    "pass suffix b.example",
    "block below b.example action=truncate",
    "block suffix c.example action=nxdomain",
    "block suffix t.test",
    "pass exact alias.example ends=chain",
    "block prefix 198.51.100.0/25",
    "block prefix 198.51.100.128/25 action=log",
    "block suffix mail.test",
    "block suffix svc.test",
    "block prefix 127.0.4.0/24 trigger=client",
    "block suffix unrelated.test",
};

static const char *const clients[] = {"127.0.9.1", "127.0.1.1", "127.0.2.1", "127.0.3.1",
                                      "127.0.4.1"};
static const char *const ids[LISTS] = {"m", "a", "z"};

/* A configuration, and what people have changed of it. */
struct given {
    char texts[LISTS][1024];
    struct world_list lists[LISTS];
    char use[ITEMS(clients)][64];
    struct world_view views[ITEMS(clients)];
    struct policy_list_setting other;
    struct policy_view_variant variant;
    uint8_t variants[ITEMS(clients)];
    struct policy_exception exception;
    struct policy_changes changes;
};

struct pair {
    struct world *plain, *anew;
};

static bool one_in(struct random *random, unsigned n)
{
    return random_below(random, n) == 0;
}

static void make_list(struct given *given, unsigned number, struct random *random)
{
    bool used[ITEMS(rules)] = {false};
    char *text = given->texts[number];
    size_t len = 0;

    for (unsigned i = 0; i < RULES; i++) {
        const unsigned rule = random_below(random, ITEMS(rules));

        if (!used[rule]) {
            len += (size_t)snprintf(text + len, sizeof(given->texts[number]) - len, "%s\n",
                                    rules[rule]);
        }
        used[rule] = true;
    }
    given->lists[number] = (struct world_list){
        .id = ids[number], .rules = text, .serial = 1 + random_below(random, 9)};
}

static void make_given(struct given *given, struct random *random)
{
    static const char *const words[] = {"", "", "=log", "=off", "=off", "=refused"};
    static const char *const nets[] = {NULL, "127.0.1.0/24", "127.0.2.0/24", "127.0.3.0/24",
                                       "127.0.4.0/24"};
    static const char *const view_names[] = {"default", "one", "two", "three", "four"};
    static const char *const mind[] = {NULL, NULL, "pass", "log", "block"};
    static const char *const targets[] = {NULL, "off", "enforce"};

    memset(given, 0, sizeof(*given));
    for (unsigned i = 0; i < LISTS; i++) {
        make_list(given, i, random);
    }
    given->other = (struct policy_list_setting){ids[random_below(random, LISTS)],
                                                POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT};
    given->variant = (struct policy_view_variant){
        .lists = &given->other, .list_count = 1, .deny = one_in(random, 3)};
    for (unsigned v = 0; v < ITEMS(clients); v++) {
        size_t len = 0;

        for (unsigned i = 0; i < LISTS; i++) {
            len += (size_t)snprintf(given->use[v] + len, sizeof(given->use[v]) - len, "%s%s%s",
                                    i > 0 ? " " : "", ids[i],
                                    words[random_below(random, ITEMS(words))]);
        }
        given->views[v] =
            (struct world_view){.name = view_names[v],
                                .clients = nets[v],
                                .use = given->use[v],
                                .allow = "b.example alias.example",
                                .deny = one_in(random, 4),
                                .log_only = one_in(random, 4),
                                .targets = targets[random_below(random, ITEMS(targets))],
                                .client = v == 3 ? mind[random_below(random, 5)] : NULL,
                                .variants = v < 2 ? &given->variant : NULL,
                                .variant_count = v < 2 ? 1 : 0};
    }
}

static void make_changes(struct given *given, struct random *random)
{
    struct policy_changes *changes = &given->changes;
    struct policy_exception *exception = &given->exception;
    const char *name = names[random_below(random, ITEMS(names))];

    *changes = (struct policy_changes){.pause_all = one_in(random, 6),
                                       .paused = &ids[random_below(random, LISTS)],
                                       .paused_count = random_below(random, 2),
                                       .exceptions = exception,
                                       .exception_count = one_in(random, 4) ? 0 : 1,
                                       .variants = given->variants};
    given->variants[0] = (uint8_t)random_below(random, 2);
    given->variants[1] = (uint8_t)random_below(random, 2);
    *exception = (struct policy_exception){
        .chain = one_in(random, 2),
        .exact = one_in(random, 2),
        .view =
            one_in(random, 2) ? POLICY_ANY_VIEW : (uint8_t)random_below(random, ITEMS(clients)),
        .ticket = "HD-1"};
    assert_int_equal(wire_name_from_text(name, strlen(name), &exception->name), WIRE_TEXT_OK);
}

static void adopt(struct world *world, struct given *given)
{
    world_adopt_views(world, LISTS, given->lists, ITEMS(clients), given->views);
    world_change(world, &given->changes);
}

static void serve(struct world *world)
{
    char text[256];

    for (unsigned i = 0; i < ITEMS(names); i++) {
        const char *name = names[i];
        const unsigned ttl_s = i % 3 == 0 ? 40 : 300;

        snprintf(text, sizeof(text), "%s. %u IN A 198.51.100.%u\n", name, ttl_s, i * 43 % 256);
        world_serve(world, name, WIRE_A, text);
        snprintf(text, sizeof(text), "%s. %u IN HTTPS 1 %s ipv4hint=198.51.100.%u\n", name,
                 ttl_s, i % 2 == 0 ? "svc.test." : ".", i * 71 % 256);
        world_serve(world, name, WIRE_HTTPS, text);
        snprintf(text, sizeof(text), "%s. %u IN MX 5 %s.test.\n", name, ttl_s,
                 i % 2 == 0 ? "mail" : "other");
        world_serve(world, name, WIRE_MX, text);
        world_serve(world, name, WIRE_AAAA,
                    "--\nexample. 300 IN SOA ns.test. root.test. 1 2 3 4 60\n");
    }
    world_serve(world, "alias.example", WIRE_A,
                "alias.example. 300 IN CNAME t.test.\nt.test. 300 IN A 203.0.113.1\n");
    world_serve(world, "x.example", WIRE_A,
                "x.example. 300 IN CNAME b.example.\nb.example. 300 IN A 203.0.113.2\n");
    world_serve(world, "inside.example", WIRE_A, "inside.example. 300 IN A 10.0.0.7\n");
}

/* The record of a question, as the stream of queries has it. */
static void take_question(struct world *world, struct audit_question_steady *steady)
{
    struct audit_event_words words;
    struct audit_row row;
    size_t len = 0;
    const void *record = ring_peek(world->questions, &len);

    assert_non_null(record);
    assert_true(audit_question_own(record, len, &words, &row, steady));
    ring_release(world->questions);
    assert_null(ring_peek(world->questions, &len));
}

static void ask_both(struct pair *pair, struct given *given, struct random *random)
{
    static const uint16_t types[] = {WIRE_A,     WIRE_A,  WIRE_A,    WIRE_HTTPS,
                                     WIRE_HTTPS, WIRE_MX, WIRE_AAAA, WIRE_ANY};
    const struct world_manner manner = {.from = clients[random_below(random, ITEMS(clients))],
                                        .tcp = one_in(random, 4),
                                        .no_edns = one_in(random, 4),
                                        .no_recursion = one_in(random, 8),
                                        .dnssec_ok = one_in(random, 8),
                                        .checking_disabled = one_in(random, 8)};
    const char *name = names[random_below(random, ITEMS(names))];
    const uint16_t type = types[random_below(random, ITEMS(types))];
    struct world *worlds[2] = {pair->plain, pair->anew};
    char words[2][WORLD_WORDS], events[2][WORLD_WORDS];
    struct audit_question_steady told[2];

    adopt(pair->anew, given);
    for (unsigned i = 0; i < 2; i++) {
        struct world_reply *reply = world_send(worlds[i], name, type, manner);

        world_pass(worlds[i], MILLISECONDS(500));
        snprintf(words[i], sizeof(words[i]), "%s", world_words(reply));
        snprintf(events[i], sizeof(events[i]), "%s", world_events(worlds[i]));
        take_question(worlds[i], &told[i]);
    }
    assert_string_equal(words[0], words[1]);
    assert_string_equal(events[0], events[1]);
    assert_memory_equal(&told[0], &told[1], sizeof(told[0]));
    assert_int_equal(pair->plain->asked_count, pair->anew->asked_count);
}

/* What may change without another image: pauses and the like, the settings, the time. */
static void change_both(struct pair *pair, struct given *given, struct random *random)
{
    const bool protect = one_in(random, 2);
    const uint64_t us = one_in(random, 3) ? SECONDS(37) : SECONDS(1);

    make_changes(given, random);
    pair->plain->settings.rebinding_protection = protect;
    pair->anew->settings.rebinding_protection = protect;
    world_change(pair->plain, &given->changes);
    adopt(pair->anew, given);
    world_pass(pair->plain, us);
    world_pass(pair->anew, us);
}

static void what_is_known_changes_nothing(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "known";
    struct pair pair = {.plain = world_create_recording(), .anew = world_create_recording()};
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    pair.plain->settings.prefetch = pair.anew->settings.prefetch = true;
    serve(pair.plain);
    serve(pair.anew);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct given given;

        make_given(&given, &random);
        make_changes(&given, &random);
        adopt(pair.plain, &given);
        for (unsigned i = 0; i < CHANGES; i++) {
            change_both(&pair, &given, &random);
            for (unsigned j = 0; j < QUESTIONS; j++) {
                ask_both(&pair, &given, &random);
            }
        }
    }
    const struct query_counters *one = query_engine_counters(pair.plain->engine);
    const struct query_counters *other = query_engine_counters(pair.anew->engine);
    print_message("%llu hits, %llu blocked, %llu logged, %llu excepted, %llu inside, "
                  "%llu prefetched\n",
                  (unsigned long long)one->cache_hits, (unsigned long long)one->blocked,
                  (unsigned long long)one->logged, (unsigned long long)one->excepted,
                  (unsigned long long)one->rebinding, (unsigned long long)one->prefetches);
    assert_memory_equal(one, other, sizeof(*one));
    assert_true(one->cache_hits > 1000 && one->blocked > 1000 && one->logged > 500);
    assert_true(one->excepted > 20 && one->rebinding > 10 && one->prefetches > 10);
    world_destroy(pair.plain);
    world_destroy(pair.anew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_changes_nothing),
    };

    return cmocka_run_group_tests_name("scenarios/known", tests, NULL, NULL);
}
