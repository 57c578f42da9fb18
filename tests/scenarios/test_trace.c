/* Questions that are watched: which states they take, and that nobody else notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/trace.h"
#include "support/world.h"
#include "wire/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A trace, and when it was given back. */
struct watched {
    struct world *world;
    struct query_trace trace;
    unsigned done;
    char words[WORLD_WORDS];
};

static uint64_t clock_us(void *context)
{
    const struct watched *watched = context;

    return watched->world->now.mono_us;
}

static void done(void *context, struct query_trace *trace)
{
    struct watched *watched = context;

    assert_ptr_equal(trace, &watched->trace);
    watched->done++;
}

static struct watched *start_from(struct world *world, const char *name, uint16_t type,
                                  const char *from)
{
    uint8_t octets[512];
    struct wire_name parsed;
    struct watched *watched = calloc(1, sizeof(*watched));
    struct query *q = query_take(world->engine);

    assert_non_null(watched);
    assert_non_null(q);
    assert_int_equal(wire_name_from_text(name, strlen(name), &parsed), WIRE_TEXT_OK);
    const size_t len =
        wire_question_write(octets, sizeof(octets), 7, WIRE_FLAG_RD, parsed.octets, parsed.len,
                            type, WIRE_IN, 1232, false);
    assert_int_equal(address_parse(from, strlen(from), 40000, &query_client_of(q)->from), 0);
    watched->world = world;
    watched->trace.clock_us = clock_us;
    watched->trace.done = done;
    watched->trace.context = watched;
    watched->trace.view = -1;
    query_trace_run(world->engine, q, &watched->trace, octets, len);
    return watched;
}

static struct watched *start(struct world *world, const char *name, uint16_t type)
{
    return start_from(world, name, type, "127.0.0.1");
}

static struct watched *watch(struct world *world, const char *name, uint16_t type)
{
    struct watched *watched = start(world, name, type);

    for (unsigned i = 0; i < 100 && watched->done == 0; i++) {
        world_pass(world, MILLISECONDS(100));
    }
    assert_int_equal(watched->done, 1);
    assert_null(watched->trace.q);
    return watched;
}

/* "parse client local decide ...": the states, in order. */
static const char *states(struct watched *watched)
{
    size_t len = 0;

    watched->words[0] = '\0';
    for (size_t i = 0; i < watched->trace.count; i++) {
        const struct query_trace_line *line = &watched->trace.lines[i];

        if (line->step) {
            len += (size_t)snprintf(watched->words + len, sizeof(watched->words) - len, "%s%s",
                                    len > 0 ? " " : "", query_state_name(line->state));
        }
        assert_true(i == 0 || line->at_us >= watched->trace.lines[i - 1].at_us);
    }
    return watched->words;
}

/* A line has these words. */
static bool says(const struct watched *watched, const char *words)
{
    for (size_t i = 0; i < watched->trace.count; i++) {
        if (strstr(watched->trace.lines[i].words, words) != NULL) {
            return true;
        }
    }
    return false;
}

static void expect_said(struct world *world, const char *name, const char *words)
{
    struct watched *watched = watch(world, name, WIRE_A);

    if (!says(watched, words)) {
        fail_msg("%s: nothing says '%s'", name, words);
    }
    free(watched);
}

static unsigned rcode_of(const struct watched *watched, unsigned *answers)
{
    struct wire_message message;

    assert_true(watched->trace.answered);
    assert_int_equal(
        wire_message_open(watched->trace.answer, watched->trace.answer_len, &message), WIRE_OK);
    *answers = message.counts[1];
    return message.flags & WIRE_RCODE_MASK;
}

/* Nobody has asked: no counter of clients' questions, no event, no latency, no list of most. */
static void expect_no_trace_of_it(struct world *world)
{
    const struct query_counters *counters = query_engine_counters(world->engine);
    struct query_top_entry entry;

    assert_int_equal(counters->questions, 0);
    assert_int_equal(counters->refused_clients, 0);
    assert_int_equal(counters->blocked, 0);
    assert_int_equal(counters->logged, 0);
    for (size_t i = 0; i < sizeof(counters->answered) / sizeof(counters->answered[0]); i++) {
        assert_int_equal(counters->answered[i], 0);
    }
    assert_string_equal(world_events(world), "");
    world_pass(world, 1000);
    for (size_t i = 0; i < QUERY_PATHS; i++) {
        assert_int_equal(histogram_total(&query_engine_latency(world->engine)->by[i]), 0);
    }
    for (unsigned i = 0; i < QUERY_TOPS; i++) {
        assert_int_equal(query_tops_read(query_engine_tops(world->engine), (enum query_top)i,
                                         false, &entry, 1),
                         0);
    }
    assert_int_equal(query_engine_in_use(world->engine), 0);
}

#define FORWARDED \
    "parse client local decide lookup join ask accept store recheck send record free"
#define CACHED  "parse client local decide lookup recheck send record free"
#define BLOCKED "parse client local decide send record free"

static void a_forwarded_name_takes_every_state(void **state)
{
    struct world *world = world_create();
    unsigned answers = 0;

    (void)state;
    world_serve(world, "www.example.com", WIRE_A, "www.example.com. 300 IN A 192.0.2.1\n");
    world_serve(world, "alias.example.com", WIRE_A,
                "alias.example.com. 300 IN CNAME b.example.\nb.example. 300 IN A 192.0.2.1\n");
    struct watched *watched = watch(world, "www.example.com", WIRE_A);
    assert_string_equal(states(watched), FORWARDED);
    assert_true(says(watched, "www.example.com A, EDNS"));
    assert_true(says(watched, "asks 192.0.2.1@53 over UDP"));
    assert_true(says(watched, "192.0.2.1@53 answers after 10000 us: NOERROR"));
    assert_true(says(watched, "kept for 300 s"));
    assert_true(says(watched, "nothing is said against it"));
    assert_int_equal(rcode_of(watched, &answers), WIRE_NOERROR);
    assert_int_equal(answers, 1);
    assert_int_equal(watched->trace.took_us, 10000);
    assert_false(watched->trace.cached || watched->trace.blocked);
    assert_int_equal(world_asked(world, "www.example.com"), 1);
    expect_no_trace_of_it(world);
    free(watched);

    for (unsigned i = 0; i < 3; i++) { /* also when nothing is left to be found out of it */
        watched = watch(world, "www.example.com", WIRE_A);
        assert_string_equal(states(watched), CACHED);
        assert_true(says(watched, "in the cache: an answer"));
        assert_true(says(watched, "the answer may be shown (1 name on its way)"));
        assert_true(watched->trace.cached);
        assert_int_equal(rcode_of(watched, &answers), WIRE_NOERROR);
        assert_int_equal(answers, 1);
        assert_int_equal(world_asked(world, "www.example.com"), 1);
        free(watched);
        free(watch(world, "alias.example.com", WIRE_A)); /* has two on its way */
    }
    world_destroy(world);
}

static void a_blocked_name_never_leaves(void **state)
{
    struct world *world = world_create();
    unsigned answers = 0;

    (void)state;
    world_serve(world, "x.bad.example", WIRE_A, "x.bad.example. 300 IN A 192.0.2.1\n");
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    struct watched *watched = watch(world, "x.bad.example", WIRE_A);
    assert_string_equal(states(watched), BLOCKED);
    assert_true(says(watched, "blocks: block suffix bad.example (list l of"));
    assert_true(watched->trace.blocked);
    assert_int_equal(rcode_of(watched, &answers), WIRE_NOERROR);
    assert_int_equal(answers, 1);
    assert_int_equal(world_asked(world, "x.bad.example"), 0);
    assert_int_equal(world->asked_count, 0);
    expect_no_trace_of_it(world);
    free(watched);
    world_destroy(world);
}

static void an_alias_of_a_blocked_name_is_seen(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "www.example.com", WIRE_A,
                "www.example.com. 300 IN CNAME cdn.bad.example.\n"
                "cdn.bad.example. 300 IN A 192.0.2.1\n");
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    struct watched *watched = watch(world, "www.example.com", WIRE_A);
    assert_string_equal(states(watched), FORWARDED);
    assert_true(says(watched, "the answer is replaced"));
    assert_true(says(watched, "behind an alias"));
    assert_true(watched->trace.blocked);
    assert_int_equal(world_asked(world, "cdn.bad.example"), 0);
    expect_no_trace_of_it(world);
    free(watched);
    world_destroy(world);
}

static void a_list_that_only_records_is_told(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "x.bad.example", WIRE_A, "x.bad.example. 300 IN A 192.0.2.1\n");
    world_adopt(world,
                {.id = "l", .rules = "block suffix bad.example", .mode = POLICY_MODE_LOG});
    struct watched *watched = watch(world, "x.bad.example", WIRE_A);
    assert_string_equal(states(watched), FORWARDED);
    assert_true(says(watched, "would block, but its list only records"));
    expect_no_trace_of_it(world);
    free(watched);
    world_destroy(world);
}

static void a_stranger_is_not_let_in(void **state)
{
    struct world *world = world_create();
    unsigned answers = 0;

    (void)state;
    struct watched *watched = start_from(world, "www.example.com", WIRE_A, "192.0.2.77");
    assert_int_equal(watched->done, 1);
    assert_string_equal(states(watched), "parse client send record free");
    assert_true(says(watched, "not let in: REFUSED"));
    assert_int_equal(rcode_of(watched, &answers), WIRE_REFUSED);
    expect_no_trace_of_it(world);
    free(watched);

    world->settings.refuse_silently = true;
    world_adopt_lists(world, 0, NULL);
    watched = start_from(world, "www.example.com", WIRE_A, "192.0.2.77");
    assert_int_equal(watched->done, 1);
    assert_string_equal(states(watched), "parse client free");
    assert_false(watched->trace.answered);
    free(watched);
    world_destroy(world);
}

static void a_name_of_the_place_is_known_here(void **state)
{
    struct world *world = world_create();

    (void)state;
    struct watched *watched = watch(world, "localhost", WIRE_A);
    assert_string_equal(states(watched), "parse client local send record free");
    assert_true(says(watched, "known here: NOERROR"));
    free(watched);
    world_destroy(world);
}

static void it_waits_with_clients_that_ask_the_same(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "www.example.com", WIRE_A, "www.example.com. 300 IN A 192.0.2.1\n");
    struct world_reply *reply =
        world_send(world, "www.example.com", WIRE_A, (struct world_manner){0});
    struct watched *joined = start(world, "www.example.com", WIRE_A);
    assert_string_equal(states(joined), "parse client local decide lookup join");
    assert_true(says(joined, "waits with others"));
    world_pass(world, MILLISECONDS(20));
    assert_int_equal(joined->done, 1);
    assert_int_equal(reply->sent, 1);
    assert_int_equal(world_asked(world, "www.example.com"), 1);
    assert_true(says(joined, "192.0.2.1@53 answers after 10000 us"));
    assert_true(joined->trace.answered);
    assert_int_equal(query_engine_counters(world->engine)->questions, 1);
    assert_int_equal(query_engine_counters(world->engine)->answered[WIRE_NOERROR], 1);
    free(joined);

    /* And the other way round: a client that joins is answered, the trace is not lost. */
    world_serve(world, "b.example.com", WIRE_A, "b.example.com. 300 IN A 192.0.2.1\n");
    struct watched *first = start(world, "b.example.com", WIRE_A);
    reply = world_send(world, "b.example.com", WIRE_A, (struct world_manner){0});
    world_pass(world, MILLISECONDS(20));
    assert_int_equal(first->done, 1);
    assert_string_equal(world_records(reply), "b.example.com 300 A 192.0.2.1");
    free(first);
    world_destroy(world);
}

static void silent_and_bad_upstreams_are_told(void **state)
{
    struct world *world = world_create_with(2, WORLD_REPLIES);

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    world->servers[1].manners = SERVER_SERVFAIL;
    struct watched *watched = watch(world, "www.example.com", WIRE_A);
    assert_true(says(watched, "192.0.2.2@53 answers after 10000 us: SERVFAIL"));
    assert_true(says(watched, "of no help"));
    assert_true(says(watched, "192.0.2.1@53 has not answered in time"));
    free(watched);

    world->servers[1].manners = SERVER_UNREACHABLE;
    watched = watch(world, "other.example.com", WIRE_A);
    assert_true(says(watched, "cannot ask 192.0.2.2@53 over UDP: "));
    free(watched);
    world_destroy(world);
}

/* Of a failure that is for as long as nobody is asked again: less or more where an answer past
 * its time can be told meanwhile. */
static void how_long_it_is_kept_is_told(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->settings.failure_ttl_s = 5;
    world->settings.stale_max_s = 86400;
    world->settings.stale_wait_ms = 1800;
    world->settings.stale_ttl_s = 30;
    world->settings.stale_retry_s = 20;
    world_adopt_lists(world, 0, NULL);
    world_serve(world, "www.example.com", WIRE_A, "www.example.com. 60 IN A 192.0.2.1\n");
    world_serve(world, "once.example.com", WIRE_A, "once.example.com. 0 IN A 192.0.2.1\n");
    expect_said(world, "www.example.com", "kept for 60 s");
    expect_said(world, "once.example.com", "not kept");
    world_pass(world, SECONDS(60));
    world->servers[0].manners = SERVER_SERVFAIL;
    expect_said(world, "www.example.com", "kept for 20 s");
    expect_said(world, "other.example.com", "kept for 5 s");
    const size_t asked = world->asked_count;
    world_pass(world, SECONDS(19));
    expect_said(world, "www.example.com", "told from the cache, past its time");
    assert_int_equal(world->asked_count, asked);
    world_pass(world, SECONDS(1));
    expect_said(world, "www.example.com", "kept for 20 s");
    world_destroy(world);
}

static void a_flood_fills_no_more_than_the_lines(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->servers[0].manners = SERVER_FLOODS;
    struct watched *watched = watch(world, "www.example.com", WIRE_A);
    assert_true(says(watched, "not an answer to this question"));
    assert_true(watched->trace.count <= QUERY_TRACE_LINES);
    assert_true(watched->trace.answered);
    free(watched);
    world_destroy(world);
}

static void a_reload_under_it_decides_it_anew(void **state)
{
    struct world *world = world_create();

    (void)state;
    world_serve(world, "x.bad.example", WIRE_A, "x.bad.example. 300 IN A 192.0.2.1\n");
    struct watched *watched = start(world, "x.bad.example", WIRE_A);
    assert_int_equal(watched->done, 0);
    world_adopt(world, {.id = "l", .rules = "block suffix bad.example"});
    assert_int_equal(watched->done, 1);
    assert_true(watched->trace.blocked);
    assert_int_equal(watched->trace.generation, world->generation);
    assert_string_equal(states(watched), "parse client local decide lookup join ask "
                                         "client local decide send record free");
    free(watched);
    world_destroy(world);
}

static void one_that_is_given_up_comes_back(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->servers[0].manners = SERVER_SILENT;
    struct watched *watched = start(world, "www.example.com", WIRE_A);
    assert_int_equal(watched->done, 0);
    query_abandon(world->engine, watched->trace.q);
    assert_int_equal(watched->done, 1);
    assert_false(watched->trace.answered);
    expect_no_trace_of_it(world);
    free(watched);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forwarded_name_takes_every_state),
        cmocka_unit_test(a_blocked_name_never_leaves),
        cmocka_unit_test(an_alias_of_a_blocked_name_is_seen),
        cmocka_unit_test(a_list_that_only_records_is_told),
        cmocka_unit_test(a_stranger_is_not_let_in),
        cmocka_unit_test(a_name_of_the_place_is_known_here),
        cmocka_unit_test(it_waits_with_clients_that_ask_the_same),
        cmocka_unit_test(silent_and_bad_upstreams_are_told),
        cmocka_unit_test(how_long_it_is_kept_is_told),
        cmocka_unit_test(a_flood_fills_no_more_than_the_lines),
        cmocka_unit_test(a_reload_under_it_decides_it_anew),
        cmocka_unit_test(one_that_is_given_up_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
