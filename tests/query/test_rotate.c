/*
 * Which of several addresses comes first, where the operator has it rotated: each of them, from
 * the cache, fresh and of this place; of the rest of the answer nothing is changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/bench.h"
#include "wire/notation.h"

#define ADDRESSES 4u
#define ASKED     200u

/* An alias, its signature, the addresses with a TTL each, and their signature. */
static size_t write_answer(uint8_t *octets, size_t size, uint16_t type, unsigned count,
                           bool signatures)
{
    static const uint8_t raw[] = "\1a\4test\0\0\1\0\1";
    static const char *const texts[] = {"a.test", "b.test", "test"};
    uint8_t question[sizeof(raw) - 1], rdata[16] = {192, 0, 2, 0};
    uint8_t signature[24] = {0, 5, 13, 2}; /* covered; the signer is the root */
    struct wire_name names[3];
    struct wire_writer writer;

    memcpy(question, raw, sizeof(question));
    wire_put16(question + 8, type);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(wire_name_from_text(texts[i], strlen(texts[i]), &names[i]),
                         WIRE_TEXT_OK);
    }
    wire_writer_begin(&writer, octets, size, question, sizeof(question));
    wire_write_cname(&writer, &names[0], &names[1], 500);
    if (signatures) {
        wire_write_record(&writer, WIRE_ANSWER, &names[0], WIRE_RRSIG, 500, signature,
                          sizeof(signature));
    }
    for (unsigned i = 0; i < count; i++) {
        rdata[3] = (uint8_t)(i + 1);
        wire_write_record(&writer, WIRE_ANSWER, &names[1], type, 300 + i, rdata,
                          type == WIRE_A ? 4 : 16);
    }
    if (signatures) {
        wire_put16(signature, type);
        wire_write_record(&writer, WIRE_ANSWER, &names[1], WIRE_RRSIG, 300, signature,
                          sizeof(signature));
    }
    return wire_writer_end(&writer, 0, WIRE_FLAG_QR | WIRE_FLAG_RA);
}

static void put(struct bench *bench, uint16_t type, unsigned count, bool dnssec_ok)
{
    uint8_t octets[1024];
    struct wire_name name;
    const struct cache_key key = {.name = &name, .type = type, .dnssec_ok = dnssec_ok};
    const struct cache_entry entry = {
        .kind = CACHE_ANSWER,
        .ttl_s = 300,
        .ede = WIRE_EDE_NONE,
        .len = write_answer(octets, sizeof(octets), type, count, dnssec_ok)};

    assert_int_equal(wire_name_from_text("a.test", 6, &name), WIRE_TEXT_OK);
    cache_put(bench->cache, &key, bench->now.mono_us, octets, &entry);
}

struct manner {
    uint16_t type;
    bool dnssec_ok, edns, tcp;
};

/* The answer's octets are the bench's. */
static void ask(struct bench *bench, const struct manner *how)
{
    uint8_t octets[512];
    struct wire_name name;
    struct query *q = query_take(bench->engine);

    assert_int_equal(wire_name_from_text("a.test", 6, &name), WIRE_TEXT_OK);
    const size_t len =
        wire_question_write(octets, sizeof(octets), 7, WIRE_FLAG_RD, name.octets, name.len,
                            how->type, WIRE_IN, how->edns ? 1232 : 0, how->dnssec_ok);
    query_client_of(q)->from = (struct address){.family = ADDRESS_V4, .octets = {127, 0, 0, 1}};
    query_client_of(q)->transport = how->tcp ? QUERY_TCP : QUERY_UDP;
    query_run(bench->engine, q, octets, len);
    assert_true(bench->len > 0);
}

/* The number of the address that comes first, if the answer is the plain one but for the order
 * of its addresses. */
static unsigned first_of(const struct bench *bench, const uint8_t *plain, size_t len,
                         const struct manner *how)
{
    const size_t record_len = how->type == WIRE_A ? 16 : 28;
    const size_t at = 24 + 16 + (how->dnssec_ok ? 12 + 24 : 0);
    const uint8_t *found = bench->out + at;
    const unsigned first = found[12 + 3] - 1u;

    assert_int_equal(bench->len, len);
    assert_memory_equal(bench->out, plain, at);
    assert_true(first < ADDRESSES);
    for (unsigned i = 0; i < ADDRESSES; i++) {
        assert_memory_equal(found + i * record_len,
                            plain + at + (first + i) % ADDRESSES * record_len, record_len);
    }
    assert_memory_equal(found + ADDRESSES * record_len, plain + at + ADDRESSES * record_len,
                        len - at - ADDRESSES * record_len);
    return first;
}

static void each_comes_first(void **state)
{
    static const struct manner manners[] = {
        {WIRE_A, false, true, false},   {WIRE_A, true, true, false},
        {WIRE_A, false, false, false},  {WIRE_A, false, true, true},
        {WIRE_AAAA, true, true, false}, {WIRE_AAAA, false, false, true}};
    struct bench *bench = bench_create(8, 16);

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        put(bench, i % 2 != 0 ? WIRE_AAAA : WIRE_A, ADDRESSES, i / 2 != 0);
    }
    for (size_t m = 0; m < sizeof(manners) / sizeof(manners[0]); m++) {
        const struct manner *how = &manners[m];
        unsigned seen[ADDRESSES] = {0};
        uint8_t plain[1232];

        bench_pass(bench, 7000000); /* the TTLs count down, each from its own */
        bench->settings.rotate = false;
        bench_adopt(bench, "");
        ask(bench, how);
        const size_t len = bench->len;
        memcpy(plain, bench->out, len);
        for (unsigned i = 0; i < 20; i++) { /* off: as it is kept, each time */
            ask(bench, how);
            assert_int_equal(bench->len, len);
            assert_memory_equal(bench->out, plain, len);
        }
        bench->settings.rotate = true;
        bench_adopt(bench, "");
        for (unsigned i = 0; i < ASKED; i++) {
            ask(bench, how);
            seen[first_of(bench, plain, len, how)]++;
        }
        for (unsigned i = 0; i < ADDRESSES; i++) {
            assert_true(seen[i] > ASKED / ADDRESSES / 2);
        }
    }
    bench_destroy(bench);
}

/* What is too large is cut as ever: none of it is told. */
static void what_is_truncated_has_no_records(void **state)
{
    const struct manner how = {WIRE_AAAA, false, false, false};
    struct bench *bench = bench_create(8, 16);
    struct wire_message message;

    (void)state;
    put(bench, WIRE_AAAA, 20, false); /* more than 512 octets */
    bench->settings.rotate = true;
    bench_adopt(bench, "");
    ask(bench, &how);
    assert_int_equal(wire_message_open(bench->out, bench->len, &message), WIRE_OK);
    assert_true((message.flags & WIRE_FLAG_TC) != 0 && message.counts[WIRE_ANSWER] == 0);
    bench_destroy(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_comes_first),
        cmocka_unit_test(what_is_truncated_has_no_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
