/* The latency of answers: which path they took, and that a batch is counted when it has left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/bench.h"

#define BLOCK "block suffix bad.example category=a scope=cloud confidence=high evidence=\"x\"\n"

/* www.example A 192.0.2.1, for a minute. */
static const uint8_t address[] = "\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x07"
                                 "example\0\0\x01\0\x01"
                                 "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";

/* Answers that are counted: in all on this path, and how many of them as value. */
static void expect(const struct bench *bench, enum query_path path, uint64_t total,
                   uint64_t value, uint64_t with_value)
{
    const struct histogram *histogram = &query_engine_latency(bench->engine)->by[path];

    assert_int_equal(histogram_total(histogram), total);
    assert_int_equal(histogram->count[histogram_bucket(value)], with_value);
}

static void every_answer_is_counted_once_by_its_path(void **state)
{
    struct bench *bench = bench_create(8, 16);

    (void)state;
    bench_adopt(bench, BLOCK);
    bench_question(bench, "www.example", false);
    bench_question(bench, "www.example", false); /* joins */
    bench_pass(bench, 3000);
    bench_done(bench, 0, QUERY_FETCH_ANSWER, address, sizeof(address) - 1);
    assert_int_equal(bench->sent, 2);
    expect(bench, QUERY_PATH_MISS, 2, 3000, 2);

    bench_question(bench, "www.example", false);
    bench_question(bench, "a.bad.example", false);
    bench_question(bench, "b.bad.example", false);
    struct query *stranger = query_take(bench->engine);
    query_client_of(stranger)->from =
        (struct address){.family = ADDRESS_V4, .octets = {192, 0, 2, 9}};
    query_run(bench->engine, stranger, address, 0); /* dropped: no answer */
    assert_int_equal(bench->sent, 5);
    assert_true(query_engine_is_untimed(bench->engine));
    expect(bench, QUERY_PATH_HIT, 0, 0, 0);
    bench_pass(bench, 40);
    assert_false(query_engine_is_untimed(bench->engine));
    expect(bench, QUERY_PATH_HIT, 1, 40, 1);
    expect(bench, QUERY_PATH_BLOCKED, 2, 40, 2);
    expect(bench, QUERY_PATH_OTHER, 0, 0, 0);
    bench_pass(bench, 1000000);
    expect(bench, QUERY_PATH_HIT, 1, 40, 1);

    bench_destroy(bench);
}

static void a_refusal_is_on_no_path_of_an_answer(void **state)
{
    uint8_t octets[512];
    struct bench *bench = bench_create(8, 16);
    struct query *q = query_take(bench->engine);
    struct wire_name name;

    (void)state;
    assert_int_equal(wire_name_from_text("www.example", 11, &name), WIRE_TEXT_OK);
    const size_t len = wire_question_write(octets, sizeof(octets), 7, 0, name.octets, name.len,
                                           WIRE_A, WIRE_IN, 0, false);
    query_client_of(q)->from = (struct address){.family = ADDRESS_V4, .octets = {192, 0, 2, 9}};
    query_run(bench->engine, q, octets, len);
    assert_int_equal(bench->sent, 1);
    bench_pass(bench, 7);
    expect(bench, QUERY_PATH_OTHER, 1, 7, 1);
    bench_destroy(bench);
}

static void a_clock_that_is_told_twice_counts_nothing_twice(void **state)
{
    struct bench *bench = bench_create(8, 16);

    (void)state;
    bench_adopt(bench, BLOCK);
    bench_question(bench, "bad.example", false);
    bench_pass(bench, 0);
    expect(bench, QUERY_PATH_BLOCKED, 1, 0, 1);
    bench_pass(bench, 0);
    expect(bench, QUERY_PATH_BLOCKED, 1, 0, 1);
    bench_destroy(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_counted_once_by_its_path),
        cmocka_unit_test(a_refusal_is_on_no_path_of_an_answer),
        cmocka_unit_test(a_clock_that_is_told_twice_counts_nothing_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
