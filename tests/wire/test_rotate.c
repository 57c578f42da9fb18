/* wire/rotate: addresses change places within their RRset, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "wire/notation.h"
#include "wire/rotate.h"
#include "wire/writer.h"

#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))
#define RECORDS_MAX  12u

#define HEAD "1234 8180 0001 0000 0000 0000 <a.test> 0001 0001 |"
#define BODY (WIRE_HEADER_OCTETS + 8u + 4u)

static void finds_the_last_run(void **state)
{
    static const struct {
        const char *records;
        unsigned number;  /* of records */
        unsigned skipped; /* octets before the run */
        unsigned count;   /* 0: none */
        unsigned record_len;
    } cases[] = {
        {"", 0, 0, 0, 0},
        {"c00c 0001 0001 00000009 0004 01020301", 1, 0, 0, 0},
        {"c00c 0001 0001 00000009 0004 01020301 c00c 0001 0001 00000007 0004 01020302", 2, 0, 2,
         16},
        /* an alias before it */
        {"c00c 0005 0001 00000009 0004 01'b'c00e c024 0001 0001 00000009 0004 01020301"
         "c024 0001 0001 00000009 0004 01020302 c024 0001 0001 00000009 0004 01020303",
         4, 16, 3, 16},
        /* a signature behind it, one between, and one before */
        {"c00c 001c 0001 00000009 0010 {16:01} c00c 001c 0001 00000009 0010 {16:02}"
         "c00c 002e 0001 00000009 0004 001c0000",
         3, 0, 2, 28},
        {"c00c 0001 0001 00000009 0004 01020301 c00c 002e 0001 00000009 0004 00010000"
         "c00c 0001 0001 00000009 0004 01020302",
         3, 0, 0, 0},
        {"c00c 0001 0001 00000009 0004 01020301 c00c 0001 0001 00000009 0004 01020302"
         "c00c 002e 0001 00000009 0004 00010000 c00c 0001 0001 00000009 0004 01020303",
         4, 0, 2, 16},
        /* two sets: the last alone; sets of one record each */
        {"c00c 0001 0001 00000009 0004 01020301 c00c 0001 0001 00000009 0004 01020302"
         "c00e 0001 0001 00000009 0004 01020301 c00e 0001 0001 00000009 0004 01020302",
         4, 32, 2, 16},
        {"c00c 0001 0001 00000009 0004 01020301 c00c 001c 0001 00000009 0010 {16:02}", 2, 0, 0,
         0},
        {"c00c 0001 0001 00000009 0004 01020301 c00e 0001 0001 00000009 0004 01020302", 2, 0, 0,
         0},
        {"c00c 0001 0001 00000009 0004 01020301 c00c 0001 0003 00000009 0004 01020302", 2, 0, 0,
         0},
        /* of the same name, but not in the same octets */
        {"01'a'c00e 0001 0001 00000009 0004 01020301 c00c 0001 0001 00000009 0004 01020302", 2,
         0, 0, 0},
        {"<a.test> 0001 0001 00000009 0004 01020301 <a.test> 0001 0001 00000009 0004 01020302",
         2, 0, 2, 22},
        /* other types have no run, nor has what is no address */
        {"c00c 000f 0001 00000009 0004 0001c00c c00c 000f 0001 00000009 0004 0002c00c", 2, 0, 0,
         0},
        {"c00c 0001 0001 00000009 0003 010203 c00c 0001 0001 00000009 0003 010203", 2, 0, 0, 0},
        /* what is malformed, or says that there is more */
        {"c00c 0001 0001 00000009 0004 01020301 c00c 0001 0001 00000009 0004 010203", 2, 0, 0,
         0},
        {"c00c 0001 0001 00000009 0004 01020301 c00c 0001 0001 00000009 0004 01020302", 3, 0, 0,
         0},
        {"c00c 0001 0001 00000009 0004 01020301 c00c 0001 0001 00000009 00", 2, 0, 0, 0},
        {"c0", 1, 0, 0, 0},
        {"", 1, 0, 0, 0},
        {"05'a'", 1, 0, 0, 0},
        {"4100 0001 0001 00000009 0004 01020301 4100 0001 0001 00000009 0004 01020302", 2, 0, 0,
         0},
        /* The root's. */
        {"00 0001 0001 00000009 0004 01020301 00 0001 0001 00000009 0004 01020302", 2, 0, 2,
         15},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        char text[1024];
        size_t len;
        struct wire_run run = {0};

        snprintf(text, sizeof(text), "%s%s", HEAD, cases[i].records);
        uint8_t *octets = notation(text, &len);
        const bool found = wire_run_find(octets, len, BODY, cases[i].number, &run);
        if (found != (cases[i].count > 0) ||
            (found && (run.at != BODY + cases[i].skipped || run.count != cases[i].count ||
                       run.record_len != cases[i].record_len))) {
            fail_msg("case %zu: %u at %zu of %zu", i, run.count, run.at, run.record_len);
        }
        free(octets);
    }
}

/* --- against a model --- */

/* A record as the model has it. */
struct item {
    uint8_t owner;
    uint16_t type;
    uint32_t ttl;
    uint8_t rdata[16], rdata_len;
};

static const char *const owners[] = {"a.test", "b.test", "www.a.test"};

static struct item any_item(struct random *random, const struct item *before)
{
    static const struct {
        uint16_t type;
        uint8_t len;
    } sorts[] = {{WIRE_A, 4}, {WIRE_AAAA, 16}, {WIRE_RRSIG, 16}, {WIRE_TXT, 4}};
    struct item item = {.ttl = random_below(random, 3) + 1};

    if (before != NULL && random_below(random, 5) != 0) { /* of the same RRset */
        item.owner = before->owner;
        item.type = before->type;
        item.rdata_len = before->rdata_len;
    } else {
        const unsigned sort = random_below(random, ITEMS(sorts));

        item.owner = (uint8_t)random_below(random, ITEMS(owners));
        item.type = sorts[sort].type;
        item.rdata_len = sorts[sort].len;
    }
    random_fill(random, item.rdata, item.rdata_len);
    if (item.type == WIRE_TXT) {
        item.rdata[0] = (uint8_t)(item.rdata_len - 1);
    }
    return item;
}

static size_t write_items(const struct item *items, size_t count, uint8_t octets[1024])
{
    static const uint8_t raw[] = "\1A\4tesT\0\0\1\0"; /* and the last octet, 1 */
    uint8_t question[12];
    struct wire_writer writer;

    memcpy(question, raw, sizeof(question));
    question[11] = 1;
    wire_writer_begin(&writer, octets, 1024, question, sizeof(question));
    for (size_t i = 0; i < count; i++) {
        struct wire_name owner;
        const char *text = owners[items[i].owner];

        assert_int_equal(wire_name_from_text(text, strlen(text), &owner), WIRE_TEXT_OK);
        wire_write_record(&writer, WIRE_ANSWER, &owner, items[i].type, items[i].ttl,
                          items[i].rdata, items[i].rdata_len);
    }
    return wire_writer_end(&writer, 0x1234, WIRE_FLAG_QR);
}

static bool is_same_set(const struct item *a, const struct item *b)
{
    return a->owner == b->owner && a->type == b->type &&
           (a->type == WIRE_A || a->type == WIRE_AAAA);
}

/* The first record of an owner may have it whole, where those behind it have a pointer. */
static bool is_whole(const struct item *items, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (items[i].owner == items[at].owner) {
            return false;
        }
    }
    return items[at].owner != 0; /* that of the question */
}

/* Of the last run: *from, and how many; below 2: there is none. */
static size_t model_run(const struct item *items, size_t count, size_t *from)
{
    for (size_t end = count; end > 1; end--) {
        size_t begin = end - 1;

        while (begin > 0 && is_same_set(&items[begin - 1], &items[end - 1]) &&
               !is_whole(items, begin - 1)) {
            begin--;
        }
        if (end - begin > 1 && !is_whole(items, end - 1)) {
            *from = begin;
            return end - begin;
        }
    }
    return 0;
}

static void turns_as_a_model_does(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "rotate";
    struct random random;
    unsigned turned = 0;

    (void)state;
    random_init_seed(&random, seed);
    for (unsigned round = 0; round < 50000; round++) {
        struct item items[RECORDS_MAX], wanted[RECORDS_MAX];
        uint8_t octets[1024], expected[1024];
        struct wire_run run;
        size_t from = 0;
        const size_t count = random_below(&random, RECORDS_MAX + 1);

        for (size_t i = 0; i < count; i++) {
            items[i] = wanted[i] = any_item(&random, i > 0 ? &items[i - 1] : NULL);
        }
        const size_t len = write_items(items, count, octets);
        const size_t of = model_run(items, count, &from);
        assert_int_equal(wire_run_find(octets, len, BODY, (unsigned)count, &run), of >= 2);
        if (of < 2) {
            continue;
        }
        assert_int_equal(run.count, of);
        const unsigned first = random_below(&random, run.count);
        for (size_t i = 0; i < of; i++) {
            wanted[from + i] = items[from + (i + first) % of];
        }
        wire_run_turn(octets, &run, first);
        /* To write them in that order makes the same octets: pointers are right. */
        assert_int_equal(write_items(wanted, count, expected), len);
        assert_memory_equal(octets, expected, len);
        turned += first > 0 ? 1 : 0;
    }
    assert_true(turned > 5000);
}

/* Whatever stands there: what is found lies within, and can be turned. */
static void bears_any_octets(void **state)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "any octets";
    struct random random;

    (void)state;
    random_init_seed(&random, seed);
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t octets[96];
        struct wire_run run;
        const size_t len = 12 + random_below(&random, sizeof(octets) - 11);

        random_fill(&random, octets, len);
        for (size_t at = 12; at + 16 <= len && random_below(&random, 8) != 0; at += 16) {
            memcpy(octets + at, "\xc0\x0c\0\1\0\1\0\0\0\1\0\4", 12);
        }
        if (wire_run_find(octets, len, 12, random_below(&random, 9), &run)) {
            assert_true(run.at >= 12 && run.count >= 2);
            assert_true(run.at + run.count * run.record_len <= len);
            wire_run_turn(octets, &run, random_below(&random, run.count));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_last_run),
        cmocka_unit_test(turns_as_a_model_does),
        cmocka_unit_test(bears_any_octets),
    };

    if (random_library_init() != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
