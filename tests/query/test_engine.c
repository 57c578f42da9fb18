/* The engine where its surroundings fail: no slot, no timer, nobody to ask, nobody waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/bench.h"

#include <errno.h>

#define BLOCK "block suffix bad.example category=a scope=cloud confidence=high evidence=\"x\"\n"
#define TRUNCATE                                                                       \
    "block suffix bad.example category=a scope=cloud confidence=high action=truncate " \
    "evidence=\"x\"\n"

static const uint8_t servfail[] = "\0\0\x81\x82\0\x01\0\0\0\0\0\0\x03www\x07"
                                  "example\0\0\x01\0\x01";

#define NAMED_REDIRECT                                                 \
    "block suffix bad.example category=a scope=cloud confidence=high " \
    "action=redirect:garden.test evidence=\"x\"\n"
#define REDIRECT                                                       \
    "block suffix cdn.example category=a scope=cloud confidence=high " \
    "action=redirect:garden.test evidence=\"x\"\n"

/* www.example CNAME a.cdn.example, and its address; for one second. */
static const uint8_t alias[] = "\0\0\x81\x80\0\x01\0\x02\0\0\0\0\x03www\x07"
                               "example\0\0\x01\0\x01"
                               "\xc0\x0c\0\x05\0\x01\0\0\0\x01\0\x0f\x01"
                               "a\x03"
                               "cdn\x07"
                               "example\0"
                               "\xc0\x29\0\x01\0\x01\0\0\0\x01\0\x04\xc0\0\x02\x01";

static void what_cannot_be_asked_is_answered_at_once(void **state)
{
    const int errors[] = {-ENOBUFS, -EPERM, -ENETUNREACH, -ENOSPC, -EIO};
    struct bench *bench = bench_create(4, 16);
    int ede;

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        bench->ask_error = errors[i];
        bench_question(bench, "www.example", false);
        assert_int_equal(bench_rcode(bench, &ede), WIRE_SERVFAIL);
        assert_int_equal(ede, WIRE_EDE_NOT_READY);
        assert_int_equal(bench->sent, i + 1);
        assert_int_equal(bench->released, i + 1);
        assert_int_equal(query_engine_in_use(bench->engine), 0);
    }
    /* It was no failure of the upstreams: nothing is kept, the next one is asked. */
    bench->ask_error = 0;
    bench_question(bench, "www.example", false);
    assert_int_equal(bench->asked, 1);
    bench_done(bench, 0, QUERY_FETCH_TIMEOUT, NULL, 0);
    bench_destroy(bench);
}

static void without_a_timer_nothing_waits(void **state)
{
    struct bench *bench = bench_create(4, 1);
    int ede;

    (void)state;
    bench_question(bench, "a.example", false);
    assert_int_equal(bench->sent, 0);
    /* One of its own, and one that would join. */
    bench_question(bench, "b.example", false);
    assert_int_equal(bench_rcode(bench, &ede), WIRE_SERVFAIL);
    bench_question(bench, "a.example", false);
    assert_int_equal(bench->sent, 2);
    assert_int_equal(bench->asked, 1);
    bench_done(bench, 0, QUERY_FETCH_TIMEOUT, NULL, 0);
    assert_int_equal(bench->released, 3);
    bench_destroy(bench);
}

static void a_deadline_ends_the_fetch_of_the_last_who_waits(void **state)
{
    struct bench *bench = bench_create(4, 16);
    int ede;

    (void)state;
    bench_question(bench, "www.example", false);
    bench_pass(bench, 1000000);
    bench_question(bench, "www.example", false);
    assert_int_equal(bench->asked, 1);
    assert_int_equal(bench->fetches[0]->deadline_us, bench->now.mono_us + 4000000);
    bench_pass(bench, 2999999);
    assert_int_equal(bench->sent, 0);
    bench_pass(bench, 1);
    assert_int_equal(bench->sent, 1);
    assert_int_equal(bench->cancelled, 0);
    bench_pass(bench, 1000000);
    assert_int_equal(bench->sent, 2);
    assert_int_equal(bench->cancelled, 1);
    assert_int_equal(bench_rcode(bench, &ede), WIRE_SERVFAIL);
    assert_int_equal(ede, WIRE_EDE_NO_REACHABLE);
    /* Kept as a failure for failure_ttl_s. */
    bench_question(bench, "www.example", false);
    assert_int_equal(bench_rcode(bench, &ede), WIRE_SERVFAIL);
    assert_int_equal(ede, WIRE_EDE_CACHED_ERROR);
    assert_int_equal(bench->asked, 1);
    bench_pass(bench, 5000000);
    bench_question(bench, "www.example", false);
    assert_int_equal(bench->asked, 2);
    bench_done(bench, 0, QUERY_FETCH_ANSWER, servfail, sizeof(servfail) - 1);
    bench_destroy(bench);
}

static void a_fetch_may_leave_while_somebody_may_have_its_answer(void **state)
{
    struct bench *bench = bench_create(4, 16);

    (void)state;
    bench_adopt(bench, TRUNCATE);
    bench_question(bench, "www.bad.example", true);
    assert_int_equal(bench->asked, 1);
    assert_true(query_fetch_may_ask(bench->engine, bench->fetches[0]));
    /* The policy in force is asked, not the one of before. */
    struct policy *policy = bench_policy(BLOCK, 99);
    bench->engine->policy = policy;
    assert_false(query_fetch_may_ask(bench->engine, bench->fetches[0]));
    bench->engine->policy = bench->policy;
    policy_destroy(policy);
    bench_adopt(bench, BLOCK);
    assert_int_equal(bench->cancelled, 1);
    assert_null(bench->fetches[0]);
    assert_int_equal(bench->sent, 1);
    bench_destroy(bench);
}

/* The target of a redirect may not be blocked in any way, so truncation does not let it pass
 * over TCP, as it does for who asks for the name itself. */
static void a_redirect_may_not_ask_for_a_blocked_target(void **state)
{
#define TARGET(action)                                                               \
    "block suffix garden.test category=a scope=cloud confidence=high action=" action \
    " evidence=\"x\"\n"
    static const char *const blocks[] = {TARGET("sinkhole"), TARGET("drop"), TARGET("truncate"),
                                         TARGET("redirect:other.test")};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(blocks) / sizeof(blocks[0]); i++) {
        const bool tcp = i % 2 == 1;
        struct bench *bench = bench_create(4, 16);

        bench_adopt(bench, NAMED_REDIRECT);
        bench_question(bench, "www.bad.example", tcp);
        assert_int_equal(bench->asked, 1);
        assert_true(query_fetch_may_ask(bench->engine, bench->fetches[0]));
        struct policy *policy = bench_policy(blocks[i / 2], 99);
        bench->engine->policy = policy;
        assert_false(query_fetch_may_ask(bench->engine, bench->fetches[0]));
        bench->engine->policy = bench->policy;
        policy_destroy(policy);
        bench_destroy(bench);
    }
}

/* A fetch that nobody waits for has no reason to leave. */
static void a_fetch_without_questions_may_not_leave(void **state)
{
    struct bench *bench = bench_create(4, 16);
    struct query_fetch fetch = {.type = WIRE_A};

    (void)state;
    assert_int_equal(wire_name_from_text("www.example", 11, &fetch.name), WIRE_TEXT_OK);
    assert_false(query_fetch_may_ask(bench->engine, &fetch));
    bench_destroy(bench);
}

static void an_engine_that_ends_with_questions_frees_them(void **state)
{
    struct bench *bench = bench_create(4, 16);

    (void)state;
    bench_question(bench, "a.example", false);
    bench_question(bench, "b.example", true);
    assert_int_equal(query_engine_in_use(bench->engine), 2);
    bench_destroy(bench); /* the sanitizer would tell */
}

/* What the old policy found in the cache says nothing about how the new one ends. */
static void a_timeout_after_a_reload_is_no_cached_failure(void **state)
{
    struct bench *bench = bench_create(4, 16);
    int ede;

    (void)state;
    bench_question(bench, "www.example", false);
    bench_done(bench, 0, QUERY_FETCH_ANSWER, alias, sizeof(alias) - 1);
    assert_int_equal(bench_rcode(bench, &ede), WIRE_NOERROR);
    bench_adopt(bench, REDIRECT);
    bench_question(bench, "www.example", false); /* from the cache; its target is asked for */
    assert_int_equal(bench->asked, 2);
    assert_int_equal(bench->fetches[0]->name.labels, 2);
    bench_pass(bench, 2000000);
    bench_adopt(bench, "");
    assert_int_equal(bench->asked, 3);
    assert_int_equal(bench->cancelled, 1);
    bench_pass(bench, 2000000);
    assert_int_equal(bench_rcode(bench, &ede), WIRE_SERVFAIL);
    assert_int_equal(ede, WIRE_EDE_NO_REACHABLE);
    bench_destroy(bench);
}

static void counters_add_up(void **state)
{
    struct bench *bench = bench_create(4, 16);
    const struct query_counters *counters = query_engine_counters(bench->engine);
    uint64_t answered = 0;

    (void)state;
    bench_adopt(bench, BLOCK);
    bench_question(bench, "bad.example", false);
    bench_question(bench, "www.example", false);
    bench_question(bench, "www.example", false);
    bench_done(bench, 0, QUERY_FETCH_ANSWER, servfail, sizeof(servfail) - 1);
    bench_question(bench, "www.example", false);
    assert_int_equal(counters->questions, 4);
    assert_int_equal(counters->blocked, 1);
    assert_int_equal(counters->cache_misses, 2);
    assert_int_equal(counters->cache_hits, 1);
    assert_int_equal(counters->joined, 1);
    assert_int_equal(counters->fetches, 1);
    assert_int_equal(counters->fetch_failures, 1);
    assert_int_equal(counters->answered[WIRE_NOERROR], 1);
    assert_int_equal(counters->answered[WIRE_SERVFAIL], 3);
    for (size_t i = 0; i < 24; i++) {
        answered += counters->answered[i];
    }
    assert_int_equal(answered + counters->dropped, counters->questions);
    bench_destroy(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_asked_is_answered_at_once),
        cmocka_unit_test(without_a_timer_nothing_waits),
        cmocka_unit_test(a_deadline_ends_the_fetch_of_the_last_who_waits),
        cmocka_unit_test(a_fetch_may_leave_while_somebody_may_have_its_answer),
        cmocka_unit_test(a_redirect_may_not_ask_for_a_blocked_target),
        cmocka_unit_test(a_fetch_without_questions_may_not_leave),
        cmocka_unit_test(an_engine_that_ends_with_questions_frees_them),
        cmocka_unit_test(a_timeout_after_a_reload_is_no_cached_failure),
        cmocka_unit_test(counters_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
