/*
 * One upstream of three goes wrong, and clients hardly notice: from the fourth second on, 99 of
 * 100 wait no longer than 1.5 times what they did before. On a virtual clock, so to the
 * microsecond; integration/test_upstream_faults.sh shows it with real servers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES     100u
#define STEP_MS   10u /* a question each */
#define GRACE_S   3u
#define SECONDS_S 30u
#define COUNT     (SECONDS_S * 1000 / STEP_MS)
#define PENDING   64u

struct fault {
    const char *what;
    unsigned manners;
    uint64_t delay_us;
    unsigned flap_s; /* so long by turns with and without the manners */
    enum upstream_reason reason;
};

static const struct fault faults[] = {
    {"silent", SERVER_SILENT, 0, 0, UPSTREAM_REASON_SILENT},
    {"5 s slow", 0, 5000000, 0, UPSTREAM_REASON_SILENT},
    {"unreachable", SERVER_UNREACHABLE, 0, 0, UPSTREAM_REASON_UNREACHABLE},
    {"other ids", SERVER_STRANGE_IDS, 0, 0, UPSTREAM_REASON_WRONG},
    {"a flood of other ids", SERVER_FLOODS, 0, 0, UPSTREAM_REASON_WRONG},
    {"malformed", SERVER_GARBAGE, 0, 0, UPSTREAM_REASON_GARBAGE},
    {"truncated for ever", SERVER_TC_ALWAYS, 0, 0, UPSTREAM_REASON_TRUNCATED},
    {"fails", SERVER_SERVFAIL, 0, 0, UPSTREAM_REASON_USELESS},
    {"refuses", SERVER_REFUSED, 0, 0, UPSTREAM_REASON_USELESS},
    {"flaps each second", SERVER_SILENT, 0, 1, UPSTREAM_REASON_NONE},
    {"flaps each 2 s", SERVER_SILENT, 0, 2, UPSTREAM_REASON_NONE},
    {"flaps each 5 s", SERVER_SILENT, 0, 5, UPSTREAM_REASON_NONE},
    {"flaps each 10 s", SERVER_SILENT, 0, 10, UPSTREAM_REASON_NONE},
};

static struct world *make(enum upstream_choose choose)
{
    struct world *world = world_create_with(3, WORLD_REPLIES);

    for (unsigned i = 0; i < NAMES; i++) {
        char name[32];
        char records[64];

        snprintf(name, sizeof(name), "n%u.example", i);
        snprintf(records, sizeof(records), "%s. 0 IN A 192.0.2.1\n", name); /* never kept */
        world_serve(world, name, WIRE_A, records);
    }
    world->upstream_settings.choose = choose;
    world->upstream_settings.hedge_percent = 5;
    upstream_configure(world->upstream, &world->upstream_settings);
    return world;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

struct asked {
    struct world_reply *reply;
    uint64_t at_us;
    bool counts;
};

struct waits {
    struct asked pending[PENDING];
    size_t pending_count;
    uint64_t us[COUNT];
    size_t count;
};

static void collect(struct waits *waits)
{
    size_t kept = 0;

    for (size_t i = 0; i < waits->pending_count; i++) {
        struct asked *asked = &waits->pending[i];
        if (asked->reply->in_use) {
            waits->pending[kept++] = *asked;
        } else {
            assert_non_null(strstr(world_words(asked->reply), "A 192.0.2.1"));
            if (asked->counts) {
                waits->us[waits->count++] = asked->reply->sent_us - asked->at_us;
            }
        }
    }
    waits->pending_count = kept;
}

/* The 99th percentile of what clients wait, microseconds. */
static uint64_t p99(struct world *world, const struct fault *fault)
{
    struct waits *waits = calloc(1, sizeof(*waits));
    const uint64_t start_us = world->now.mono_us;

    assert_non_null(waits);
    for (unsigned i = 0; i < COUNT; i++) {
        const uint64_t passed_s = (world->now.mono_us - start_us) / 1000000;
        char name[32];

        if (fault != NULL) {
            const bool on = fault->flap_s == 0 || passed_s / fault->flap_s % 2 == 0;
            world->servers[0].manners = on ? fault->manners : 0;
            world->servers[0].delay_us = fault->delay_us;
        }
        snprintf(name, sizeof(name), "n%u.example", i % NAMES);
        assert_true(waits->pending_count < PENDING);
        waits->pending[waits->pending_count++] =
            (struct asked){world_send(world, name, WIRE_A, (struct world_manner){0}),
                           world->now.mono_us, passed_s >= GRACE_S};
        for (unsigned ms = 0; ms < STEP_MS; ms++) { /* before its place is used anew */
            world_pass(world, MILLISECONDS(1));
            collect(waits);
        }
    }
    world_pass(world, SECONDS(5));
    collect(waits);
    assert_int_equal(waits->pending_count, 0);
    qsort(waits->us, waits->count, sizeof(waits->us[0]), by_size);
    const uint64_t found = waits->us[waits->count * 99 / 100];
    free(waits);
    return found;
}

static void clients_hardly_notice(enum upstream_choose choose, const char *word)
{
    struct world *world = make(choose);
    const uint64_t healthy = p99(world, NULL);

    world_destroy(world);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct upstream_server_status status[UPSTREAM_SERVERS_MAX];

        world = make(choose);
        for (unsigned n = 0; n < 3; n++) { /* all was well before */
            world_pass(world, MILLISECONDS(100));
            world_ask(world, "n1.example", WIRE_A);
        }
        const uint64_t with = p99(world, &faults[i]);
        print_message("  %-8s %-24s %5.1f ms (all well: %.1f)\n", word, faults[i].what,
                      (double)with / 1000, (double)healthy / 1000);
        assert_true(2 * with <= 3 * healthy);
        upstream_status(world->upstream, status);
        if (faults[i].reason != UPSTREAM_REASON_NONE) {
            assert_int_equal(status[0].health, UPSTREAM_DOWN);
            assert_int_equal(status[0].reason, faults[i].reason);
            assert_true(status[0].probes > 0 && status[0].probes_good == 0);
        }
        assert_int_equal(status[1].downs + status[2].downs, 0);
        world_destroy(world);
    }
}

static void with_the_fastest_first(void **state)
{
    (void)state;
    clients_hardly_notice(UPSTREAM_FASTEST, "fastest");
}

static void in_the_operators_order(void **state)
{
    (void)state;
    clients_hardly_notice(UPSTREAM_ORDERED, "ordered");
}

static void by_hash(void **state)
{
    (void)state;
    clients_hardly_notice(UPSTREAM_HASHED, "hashed");
}

/* All of them fail at once: questions go out all the same, and the first good answer counts. */
static void when_all_fail_and_one_comes_back_it_is_found_at_once(void **state)
{
    struct world *world = make(UPSTREAM_ORDERED);

    (void)state;
    world_ask(world, "n1.example", WIRE_A);
    for (unsigned i = 0; i < 3; i++) {
        world->servers[i].manners = SERVER_SILENT;
    }
    for (unsigned i = 0; i < 20; i++) {
        char name[32];

        snprintf(name, sizeof(name), "n%u.example", i + 10);
        const unsigned before =
            world->servers[0].asked + world->servers[1].asked + world->servers[2].asked;
        world_ask(world, name, WIRE_A);
        assert_true(world->servers[0].asked + world->servers[1].asked +
                        world->servers[2].asked >
                    before);
    }
    world->servers[2].manners = 0; /* the last in the order */
    assert_string_equal(world_records(world_ask(world, "n50.example", WIRE_A)),
                        "n50.example 0 A 192.0.2.1");
    const uint64_t asked_us = world->now.mono_us;
    struct world_reply *reply = world_ask(world, "n51.example", WIRE_A);
    assert_string_equal(world_records(reply), "n51.example 0 A 192.0.2.1");
    assert_int_equal(reply->sent_us - asked_us, 10000); /* it was heard last */
    world_destroy(world);
}

/* A client asks for names to which the servers have nothing to say, as they may: they are well
 * for everybody else. Then one of them really goes, and that is found all the same. */
static void silence_to_some_names_is_no_fault(void **state)
{
    static const unsigned others_ms[] = {50, 400, 1000}; /* a question of others each */
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];

    (void)state;
    for (size_t k = 0; k < sizeof(others_ms) / sizeof(others_ms[0]); k++) {
        struct world *world = make(k == 0 ? UPSTREAM_FASTEST : UPSTREAM_ORDERED);

        for (unsigned i = 0; i < 3; i++) {
            world->servers[i].manners = SERVER_SILENT_ON_SOME;
        }
        for (unsigned ms = 0; ms < 20000; ms += 50) {
            char name[32];

            snprintf(name, sizeof(name), "n%u.silent", ms);
            (void)world_send(world, name, WIRE_A, (struct world_manner){0});
            if (ms % others_ms[k] == 0) {
                snprintf(name, sizeof(name), "n%u.example", ms / 50 % NAMES);
                assert_non_null(
                    strstr(world_words(world_ask(world, name, WIRE_A)), "A 192.0.2.1"));
            }
            world_pass(world, MILLISECONDS(50));
            upstream_status(world->upstream, status);
            for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(status[i].downs, 0);
            }
        }
        world->servers[0].manners = SERVER_SILENT;
        for (unsigned ms = 0; ms < 10000; ms += 100) {
            char name[32];

            snprintf(name, sizeof(name), "n%u.silent", 100000 + ms);
            (void)world_send(world, name, WIRE_A, (struct world_manner){0});
            snprintf(name, sizeof(name), "n%u.example", ms / 100 % NAMES);
            world_ask(world, name, WIRE_A);
            world_pass(world, MILLISECONDS(50));
        }
        upstream_status(world->upstream, status);
        assert_int_equal(status[0].health, UPSTREAM_DOWN);
        assert_int_equal(status[0].reason, UPSTREAM_REASON_SILENT);
        assert_int_equal(status[1].downs + status[2].downs, 0);
        world_destroy(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_fastest_first),
        cmocka_unit_test(in_the_operators_order),
        cmocka_unit_test(by_hash),
        cmocka_unit_test(silence_to_some_names_is_no_fault),
        cmocka_unit_test(when_all_fail_and_one_comes_back_it_is_found_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
