/* query/accept: upstream octets that are not an answer to the question, or are malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/bench.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define QUESTION  \
    "\x03www\x07" \
    "example\0\0\x01\0\x01"
#define ADDRESS "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"

struct row {
    const char *octets;
    size_t len;
    int ede; /* WIRE_EDE_NONE: accepted */
    uint32_t ttl_s;
};

#define ROW(octets, ede, ttl)                \
    {                                        \
        octets, sizeof(octets) - 1, ede, ttl \
    }
#define BAD(octets) ROW(octets, WIRE_EDE_INVALID_DATA, 5)

static const struct row rows[] = {
    /* accepted: an address, with and without an OPT behind it */
    ROW("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION ADDRESS, WIRE_EDE_NONE, 60),
    ROW("\0\0\x81\x80\0\x01\0\x01\0\0\0\x01" QUESTION ADDRESS "\0\0\x29\x04\xd0\0\0\0\0\0\0",
        WIRE_EDE_NONE, 60),
    /* accepted, but not kept: a TTL above 2^31 - 1 counts as 0 (RFC 2181, 8) */
    ROW("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION
        "\xc0\x0c\0\x01\0\x01\x80\0\0\x3c\0\x04\xc0\0\x02\x01",
        WIRE_EDE_NONE, 0),
    /* nothing, half a header, no question, two */
    BAD(""),
    BAD("\0\0\x81\x80\0\x01\0\x01\0\0\0"),
    BAD("\0\0\x81\x80\0\0\0\x01\0\0\0\0"
        "\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
    BAD("\0\0\x81\x80\0\x02\0\0\0\0\0\0" QUESTION QUESTION),
    /* another name, type or class; a question, not an answer; another opcode; TC */
    BAD("\0\0\x81\x80\0\x01\0\0\0\0\0\0"
        "\x03wwx\x07"
        "example\0\0\x01\0\x01"),
    BAD("\0\0\x81\x80\0\x01\0\0\0\0\0\0"
        "\x03www\x07"
        "example\0\0\x02\0\x01"),
    BAD("\0\0\x81\x80\0\x01\0\0\0\0\0\0"
        "\x03www\x07"
        "example\0\0\x01\0\x03"),
    BAD("\0\0\x01\x80\0\x01\0\x01\0\0\0\0" QUESTION ADDRESS),
    BAD("\0\0\xa1\x80\0\x01\0\x01\0\0\0\0" QUESTION ADDRESS),
    BAD("\0\0\x83\x80\0\x01\0\x01\0\0\0\0" QUESTION ADDRESS),
    /* fewer records than it says, octets behind the last, a record cut short */
    BAD("\0\0\x81\x80\0\x01\0\x02\0\0\0\0" QUESTION ADDRESS),
    BAD("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION ADDRESS "x"),
    BAD("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0"),
    /* pointers forward and to themselves */
    BAD("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION
        "\xc0\x1d\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
    BAD("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION
        "\xc0\xff\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
    /* a CNAME whose target runs over its rdata, or is followed by more */
    BAD("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION "\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x03\x07"
        "ab"),
    BAD("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION "\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x05\x01"
        "a\0xx"),
    /* an address of three octets */
    BAD("\0\0\x81\x80\0\x01\0\x01\0\0\0\0" QUESTION
        "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x03\xc0\0\x02"),
    /* an SOA that is too short is none: the answer is passed on, not kept */
    ROW("\0\0\x81\x83\0\x01\0\0\0\x01\0\0" QUESTION "\xc0\x10\0\x06\0\x01\0\0\0\x3c\0\x02\0\0",
        WIRE_EDE_NONE, 0),
    /* an SOA whose names fill what should be numbers */
    BAD("\0\0\x81\x83\0\x01\0\0\0\x01\0\0" QUESTION "\xc0\x10\0\x06\0\x01\0\0\0\x3c\0\x17"
        "\x01"
        "a\0\x01"
        "b\0"
        "12345678901234567"),
    /* other response codes, with and without a reason */
    ROW("\0\0\x81\x82\0\x01\0\0\0\0\0\0" QUESTION, WIRE_EDE_OTHER, 5),
    ROW("\0\0\x81\x85\0\x01\0\0\0\0\0\0" QUESTION, WIRE_EDE_OTHER, 5),
    ROW("\0\0\x81\x82\0\x01\0\0\0\0\0\x01" QUESTION
        "\0\0\x29\x04\xd0\0\0\0\0\0\x06\0\x0f\0\x02\0\x06",
        6, 5),
    /* a reason beyond what is assigned */
    ROW("\0\0\x81\x82\0\x01\0\0\0\0\0\x01" QUESTION
        "\0\0\x29\x04\xd0\0\0\0\0\0\x06\0\x0f\0\x02\xff\xff",
        WIRE_EDE_OTHER, 5),
    /* BADVERS: the upper bits of the code are in the OPT record */
    ROW("\0\0\x81\x80\0\x01\0\0\0\0\0\x01" QUESTION "\0\0\x29\x04\xd0\x01\0\0\0\0\0",
        WIRE_EDE_OTHER, 5),
};

static struct query_fetch fetch_of(const char *text)
{
    struct query_fetch fetch = {.type = WIRE_A};

    assert_int_equal(wire_name_from_text(text, strlen(text), &fetch.name), WIRE_TEXT_OK);
    return fetch;
}

static void accept_row(struct bench *bench, const struct query_fetch *fetch,
                       const struct row *row)
{
    /* On the heap at its exact size, so that the sanitizer sees one octet too many. */
    uint8_t *exact = malloc(row->len > 0 ? row->len : 1);
    struct query_answer answer;

    memcpy(exact, row->octets, row->len);
    const struct query_fetch_result result = {
        .status = QUERY_FETCH_ANSWER, .octets = exact, .len = row->len};
    query_accept(bench->engine, fetch, &result, &answer);
    assert_int_equal(answer.ede, row->ede);
    assert_int_equal(answer.ttl_s, row->ttl_s);
    assert_int_equal(answer.kind, row->ede == WIRE_EDE_NONE ? CACHE_ANSWER : CACHE_FAILURE);
    assert_true(row->ede == WIRE_EDE_NONE || answer.why != NULL);
    free(exact);
}

static void each_kind_of_octets_is_accepted_or_has_its_reason(void **state)
{
    struct bench *bench = bench_create(4, 16);
    const struct query_fetch fetch = fetch_of("www.example");

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        accept_row(bench, &fetch, &rows[i]);
    }
    bench_destroy(bench);
}

/* What was accepted is accepted again and comes out the same: our own form is stable. */
static void accepting_twice_gives_the_same_octets(void **state)
{
    struct bench *bench = bench_create(4, 16);
    const struct query_fetch fetch = fetch_of("www.example");
    uint8_t first[512];
    struct query_answer answer;

    (void)state;
    struct query_fetch_result result = {.status = QUERY_FETCH_ANSWER,
                                        .octets = (const uint8_t *)rows[1].octets,
                                        .len = rows[1].len};
    query_accept(bench->engine, &fetch, &result, &answer);
    const size_t len = answer.len;
    memcpy(first, answer.octets, len);
    result.octets = first;
    result.len = len;
    query_accept(bench->engine, &fetch, &result, &answer);
    assert_int_equal(answer.len, len);
    assert_memory_equal(answer.octets, first, len);
    assert_int_equal(wire_get16(first + 10), 0); /* the OPT is gone */
    assert_int_equal(first[3] & 0x20, 0);
    bench_destroy(bench);
}

/* As many records as fit into a message, all off the chain but the last. */
static void a_message_full_of_records_is_walked_within_its_bound(void **state)
{
    struct bench *bench = bench_create(4, 16);
    const struct query_fetch fetch = fetch_of("www.example");
    const size_t head = 12 + sizeof(QUESTION) - 1;
    uint8_t *octets = calloc(1, WIRE_MESSAGE_MAX);
    const size_t count = (WIRE_MESSAGE_MAX - head - 16) / 11;
    struct query_answer answer;
    size_t at = head;

    (void)state;
    octets[2] = 0x81;
    wire_put16(octets + 4, 1);
    memcpy(octets + 12, QUESTION, sizeof(QUESTION) - 1);
    for (size_t i = 0; i < count; i++, at += 11) { /* the root's: type 1, no rdata */
        octets[at + 2] = 1;
        octets[at + 4] = 1;
    }
    memcpy(octets + at, ADDRESS, 16);
    wire_put16(octets + 6, (uint16_t)(count + 1));
    const struct query_fetch_result result = {
        .status = QUERY_FETCH_ANSWER, .octets = octets, .len = at + 16};
    query_accept(bench->engine, &fetch, &result, &answer);
    assert_int_equal(answer.kind, CACHE_ANSWER);
    assert_int_equal(answer.len, head + 16);
    free(octets);
    bench_destroy(bench);
}

static void a_fetch_without_an_answer_says_what_happened(void **state)
{
    struct bench *bench = bench_create(4, 16);
    const struct query_fetch fetch = fetch_of("www.example");
    const struct {
        enum query_fetch_status status;
        const char *octets;
        size_t len;
        int ede;
    } cases[] = {
        {QUERY_FETCH_TIMEOUT, NULL, 0, WIRE_EDE_NO_REACHABLE},
        {QUERY_FETCH_UNREACHABLE, NULL, 0, WIRE_EDE_NO_REACHABLE},
        {QUERY_FETCH_UNPROVED, NULL, 0, WIRE_EDE_NO_REACHABLE},
        {QUERY_FETCH_REJECTED, NULL, 0, WIRE_EDE_NETWORK_ERROR},
        /* the rejected answer's own reason; octets that are none; NOERROR that was no use */
        {QUERY_FETCH_REJECTED, rows[COUNT(rows) - 3].octets, rows[COUNT(rows) - 3].len, 6},
        {QUERY_FETCH_REJECTED, "xx", 2, WIRE_EDE_NETWORK_ERROR},
        {QUERY_FETCH_REJECTED, rows[0].octets, rows[0].len, WIRE_EDE_NETWORK_ERROR},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct query_fetch_result result = {.status = cases[i].status,
                                                  .octets = (const uint8_t *)cases[i].octets,
                                                  .len = cases[i].len};
        struct query_answer answer;

        query_accept(bench->engine, &fetch, &result, &answer);
        assert_int_equal(answer.kind, CACHE_FAILURE);
        assert_int_equal(answer.ede, cases[i].ede);
        assert_int_equal(answer.ttl_s, 5);
    }
    bench_destroy(bench);
}

/* RFC 9460, 2.2: what is malformed is of no use to a client that is strict, and one that is not
 * would find addresses in it that nobody has judged. */
static void a_malformed_service_binding_is_a_failure(void **state)
{
#define HTTPS                                     \
    "\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x07" \
    "example\0\0\x41\0\x01\xc0\x0c\0\x41\0\x01\0\0\0\x3c\0"
#define HINT4 "\0\x04\0\x04\xc6\x33\x64\x07"
#define HINT6 "\0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
    static const struct row bindings[] = {
        /* none, one and both hints, in order; an alias; a parameter that nobody knows */
        ROW(HTTPS "\x03\0\x01\0", WIRE_EDE_NONE, 60),
        ROW(HTTPS "\x0b\0\x01\0" HINT4, WIRE_EDE_NONE, 60),
        ROW(HTTPS "\x1f\0\x01\0" HINT4 HINT6, WIRE_EDE_NONE, 60),
        ROW(HTTPS "\x05\0\0\x01z\0", WIRE_EDE_NONE, 60),
        ROW(HTTPS "\x09\0\x01\0\xff\0\0\x02hi", WIRE_EDE_NONE, 60),
        /* one key twice; keys out of order */
        BAD(HTTPS "\x13\0\x01\0" HINT4 HINT4),
        BAD(HTTPS "\x1f\0\x01\0" HINT6 HINT4),
        /* no octet, half an address, a value over the end, a parameter cut short */
        BAD(HTTPS "\x07\0\x01\0\0\x04\0\0"),
        BAD(HTTPS "\x09\0\x01\0\0\x04\0\x02\xc6\x33"),
        BAD(HTTPS "\x0b\0\x01\0\0\x04\0\x05\xc6\x33\x64\x07"),
        BAD(HTTPS "\x06\0\x01\0\0\x04\0"),
        /* no target, half a priority, nothing */
        BAD(HTTPS "\x02\0\x01"),
        BAD(HTTPS "\x01\0"),
        BAD(HTTPS "\0"),
    };
    struct bench *bench = bench_create(4, 16);
    struct query_fetch fetch = fetch_of("www.example");

    (void)state;
    fetch.type = WIRE_HTTPS;
    for (size_t i = 0; i < COUNT(bindings); i++) {
        accept_row(bench, &fetch, &bindings[i]);
    }
    bench_destroy(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_octets_is_accepted_or_has_its_reason),
        cmocka_unit_test(accepting_twice_gives_the_same_octets),
        cmocka_unit_test(a_message_full_of_records_is_walked_within_its_bound),
        cmocka_unit_test(a_malformed_service_binding_is_a_failure),
        cmocka_unit_test(a_fetch_without_an_answer_says_what_happened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
