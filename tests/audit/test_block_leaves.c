/* audit/block_leaves: leaves that are made column by column are those of each event alone, as a
 * proof shows it, whatever the columns look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/block.h"
#include "audit/block_open.h"
#include "audit/events_root.h"
#include "audit/rows.h"
#include "audit/tree.h"
#include "audit/varint.h"
#include "base/error.h"

#include <stdlib.h>

enum {
    MOST = 300,
    COLUMNS_MOST = 12 /* beside the time, so that no event can be too long */
};

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

/* The root of a block nothing of which is loaded is that of its leaves, and of its header. */
static void check_root(const struct audit_header *header, const uint8_t *body,
                       uint8_t (*leaves)[DIGEST_OCTETS])
{
    static uint8_t work[AUDIT_BLOCK_EVENTS_MAX][DIGEST_OCTETS];
    struct audit_block *block = audit_block_create();
    uint8_t expected[DIGEST_OCTETS];
    uint8_t root[DIGEST_OCTETS];

    memcpy(work, leaves, header->events * sizeof(*leaves));
    events_root(work, header->events, expected);
    assert_int_equal(audit_block_open(block, header, body, header->body_len), 0);
    for (unsigned turn = 0; turn < 2; turn++) { /* once more, of what is unpacked */
        memset(root, 0, sizeof(root));
        assert_int_equal(audit_block_root(block, root), 0);
        assert_memory_equal(root, expected, sizeof(root));
        assert_memory_equal(root, header->tree, sizeof(root));
    }
    audit_block_destroy(block);
}

/* Each leaf is that of the event's own opening. */
static void check_leaves(struct audit_builder *builder)
{
    struct audit_block *block = audit_block_create();
    struct audit_header header = {.number = 0};
    static uint8_t leaves[AUDIT_BLOCK_EVENTS_MAX][DIGEST_OCTETS];
    uint8_t form[AUDIT_EVENT_MAX];
    uint8_t salt[AUDIT_LEAF_SALT];
    uint8_t leaf[DIGEST_OCTETS];
    const uint8_t *body = NULL;
    struct audit_row row;
    size_t len = 0;

    assert_non_null(block);
    assert_int_equal(audit_builder_finish(builder, &header, &body), 0);
    header.file = 1;
    assert_int_equal(audit_block_open(block, &header, body, header.body_len), 0);
    memset(leaves, 0,
           sizeof(leaves)); /* of some columns there are numbers before, or of none */
    assert_int_equal(
        audit_block_load(block, header.events % 2 != 0 ? UINT64_C(0x5555555555) : 0), 0);
    assert_int_equal(audit_block_leaves(block, leaves), 0);
    check_root(&header, body, leaves);
    assert_int_equal(audit_block_load(block, UINT64_MAX), 0);
    for (uint32_t i = 0; i < header.events; i++) {
        assert_int_equal(audit_block_opening(block, i, salt, form, &len), 0);
        assert_true(audit_row_decode(form, len, &row));
        audit_leaf(salt, &row, leaf);
        assert_memory_equal(leaf, leaves[i], sizeof(leaf));
    }
    if (header.events < AUDIT_BLOCK_EVENTS_MAX) { /* nothing else */
        memset(leaf, 0, sizeof(leaf));
        assert_memory_equal(leaf, leaves[header.events], sizeof(leaf));
    }
    events_root(leaves, header.events, leaf); /* and those of the writer */
    assert_memory_equal(leaf, header.tree, sizeof(leaf));
    audit_builder_clear(builder);
    audit_block_destroy(block);
}

static uint64_t some_number(struct random *random, bool small)
{
    static const uint64_t edges[] = {0,   1,   126, 127, 128, 200,
                                     253, 254, 255, 256, 0,   UINT64_MAX >> 1};

    if (small) {
        return edges[random_below(random, 8)];
    }
    if (random_below(random, 2) == 0) {
        return edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];
    }
    /* One more octet begins at each seven bits. */
    return (UINT64_C(1) << 7 * random_below(random, 9)) - random_below(random, 2);
}

static size_t some_length(struct random *random)
{
    static const size_t edges[] = {0,  1,  2,  29,  30,  31,  32,  33,  61, 62,
                                   63, 64, 65, 126, 127, 128, 129, 130, 200};

    return edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];
}

/* What a column is like in all events of a block. */
struct habit {
    bool same, small, sometimes;
    size_t len;
};

static void add_column(struct random *random, const struct habit *habit, unsigned column,
                       struct row_store *store, struct audit_row *row)
{
    const uint8_t kind = (uint8_t)random_below(random, 20);

    if (habit->sometimes && random_below(random, 3) == 0) {
        return;
    }
    if (audit_column_kind(column) == AUDIT_NUMBER) {
        audit_row_number(row, (enum audit_column)column,
                         habit->same ? habit->len : some_number(random, habit->small));
        return;
    }
    const size_t len = habit->same ? habit->len : some_length(random);
    memset(store->octets[column], habit->same ? 'x' : kind, len);
    audit_row_octets(row, (enum audit_column)column, store->octets[column], len);
}

static void leaves_are_those_of_each_event_alone(void **state)
{
    static const uint32_t counts[] = {1,  2,  3,  4,  5,   7,   8,   15,  16,  17,  63,
                                      64, 65, 96, 97, 127, 128, 129, 255, 256, 257, MOST};
    struct row_store *store = malloc(sizeof(*store));
    struct audit_builder *builder = audit_builder_create(AUDIT_CHANGES, 1);
    struct random random;
    struct audit_row row;

    (void)state;
    chance_init(&random, 5);
    for (unsigned round = 0; round < 220; round++) {
        const uint32_t count = counts[round % (sizeof(counts) / sizeof(counts[0]))];
        struct habit habits[AUDIT_COLUMN_END];
        uint64_t columns = 0;

        for (unsigned i = 0; i < COLUMNS_MOST; i++) {
            columns |= UINT64_C(1) << (2 + random_below(&random, AUDIT_COLUMN_LAST - 1));
        }
        for (unsigned i = 0; i < AUDIT_COLUMN_END; i++) {
            habits[i] = (struct habit){.same = random_below(&random, 3) == 0,
                                       .small = random_below(&random, 2) == 0,
                                       .sometimes = random_below(&random, 3) == 0,
                                       .len = some_length(&random)};
        }
        for (uint32_t i = 0; i < count; i++) {
            row.present = 0;
            audit_row_number(&row, AUDIT_TIME,
                             round % 4 == 0 ? some_number(&random, false) : 1000 + i);
            for (uint64_t rest = columns; rest != 0; rest &= rest - 1) {
                const unsigned column = (unsigned)__builtin_ctzll(rest);

                add_column(&random, &habits[column], column, store, &row);
            }
            assert_int_equal(audit_builder_add(builder, &row), 0);
        }
        check_leaves(builder);
    }
    audit_builder_destroy(builder);
    free(store);
}

/* Events that are long, but not too long, though one with all of the longest texts would be. */
static void long_events_are_hashed_too(void **state)
{
    static const enum audit_column texts[] = {AUDIT_REASON, AUDIT_SUBJECT, AUDIT_LIST,
                                              AUDIT_CHAIN,  AUDIT_FILE,    AUDIT_BEFORE};
    struct row_store *store = malloc(sizeof(*store));
    struct audit_builder *builder = audit_builder_create(AUDIT_CHANGES, 1);
    struct audit_row row;

    (void)state;
    for (unsigned most = 2; most <= 6; most++) {
        for (unsigned i = 0; i < 70; i++) {
            row.present = 0;
            audit_row_number(&row, AUDIT_TIME, 1 + i);
            for (unsigned j = 0; j < 3; j++) { /* three of those */
                const enum audit_column column = texts[(i + j) % most];

                memset(store->octets[column], (int)(i + j), AUDIT_TEXT_MAX);
                audit_row_octets(&row, column, store->octets[column], AUDIT_TEXT_MAX - i);
            }
            assert_int_equal(audit_builder_add(builder, &row), 0);
        }
        check_leaves(builder);
    }
    audit_builder_destroy(builder);
    free(store);
}

/* Steady parts that are whole and that are not, alike in all events, in some, or in none. */
static void steady_parts_are_those_of_each_event(void **state)
{
    struct row_store *store = malloc(sizeof(*store));
    struct audit_builder *builder = audit_builder_create(AUDIT_CHANGES, 1);
    struct audit_row row;

    (void)state;
    for (size_t len = AUDIT_STEADY_WHOLE - 16; len < AUDIT_STEADY_WHOLE + 2; len++) {
        for (unsigned kinds = 1; kinds <= 81; kinds *= 3) {
            for (unsigned i = 0; i < 150; i++) {
                const unsigned kind = i * 7 % kinds;

                row.present = 0;
                audit_row_number(&row, AUDIT_TIME, 1 + i);
                for (unsigned j = 0; j < 3; j++) {
                    const enum audit_column column =
                        (enum audit_column[]){AUDIT_REASON, AUDIT_SUBJECT, AUDIT_BASIS}[j];

                    memset(store->octets[j], (int)(kind >> j), AUDIT_TEXT_MAX);
                    audit_row_octets(&row, column, store->octets[j],
                                     j == 0 ? len : kind % (j + 1));
                }
                audit_row_number(&row, AUDIT_GENERATION, 70000 + kind);
                if (kind % 2 == 1) {
                    audit_row_number(&row, AUDIT_HOP, 0);
                }
                assert_int_equal(audit_builder_add(builder, &row), 0);
            }
            check_leaves(builder);
        }
    }
    /* Numbers so far from each other that no table has a place for each. */
    for (unsigned i = 0; i < 150; i++) {
        row.present = 0;
        audit_row_number(&row, AUDIT_TIME, 1 + i);
        audit_row_octets(&row, AUDIT_REASON, store->octets[0], 60 + i % 3);
        audit_row_number(&row, AUDIT_GENERATION, UINT64_C(3) << i % 50);
        audit_row_number(&row, AUDIT_UID, i % 2 == 0 ? 0 : UINT64_MAX >> 1);
        assert_int_equal(audit_builder_add(builder, &row), 0);
    }
    check_leaves(builder);
    audit_builder_destroy(builder);
    free(store);
}

/* A body of one event with `texts` texts of `len` octets each, one of `last`, and a time. */
static size_t write_body(unsigned texts, size_t len, size_t last, uint8_t *body)
{
    uint8_t *at = body;

    at += audit_varint_put(at, 2 * (texts + 1) + 2);
    for (unsigned i = 0; i <= texts + 1; i++) { /* the time, then column 18 and so on */
        const unsigned columns[] = {AUDIT_TIME, AUDIT_EXCEPTION, AUDIT_TICKET, AUDIT_BASIS,
                                    AUDIT_RULE, AUDIT_CATEGORY,  AUDIT_SCOPE};
        const size_t octets = i == texts + 1 ? last : len;
        uint8_t varint[AUDIT_VARINT_MAX];
        const size_t raw = octets + audit_varint_put(varint, octets);

        at += audit_varint_put(at, AUDIT_SECTION_COLUMN + 2 * columns[i]);
        *at++ = AUDIT_CONSTANT;
        *at++ = 1;
        *at++ = 1;
        if (i > 0) {
            at += audit_varint_put(at, AUDIT_SECTION_COLUMN + 2 * columns[i] + 1);
            *at++ = AUDIT_DICTIONARY;
            at += audit_varint_put(at, raw);
            at += audit_varint_put(at, raw);
        }
    }
    at += audit_varint_put(at, AUDIT_SECTION_SALT);
    *at++ = AUDIT_RAW;
    *at++ = AUDIT_SALT_OCTETS;
    *at++ = AUDIT_SALT_OCTETS;
    for (unsigned i = 0; i <= texts + 1; i++) {
        const size_t octets = i == texts + 1 ? last : len;

        *at++ = 1;
        if (i > 0) {
            at += audit_varint_put(at, octets);
            memset(at, 'y', octets);
            at += octets;
        }
    }
    memset(at, 1, AUDIT_SALT_OCTETS);
    return (size_t)(at + AUDIT_SALT_OCTETS - body);
}

static int leaves_of(size_t last)
{
    uint8_t *body = malloc(5 * AUDIT_TEXT_MAX);
    struct audit_block *block = audit_block_create();
    struct audit_header header = {.stream = AUDIT_CHANGES, .file = 1, .events = 1};
    uint8_t leaves[1][DIGEST_OCTETS];
    uint8_t form[AUDIT_EVENT_MAX];
    uint8_t salt[AUDIT_LEAF_SALT];
    size_t form_len = 0;

    header.body_len = (uint32_t)write_body(3, AUDIT_TEXT_MAX, last, body);
    assert_int_equal(audit_block_open(block, &header, body, header.body_len), 0);
    const int result = audit_block_leaves(block, leaves);
    assert_int_equal(audit_block_load(block, UINT64_MAX), 0);
    assert_int_equal(audit_block_opening(block, 0, salt, form, &form_len), result);
    audit_block_destroy(block);
    free(body);
    return result;
}

static void an_event_that_is_too_long_is_refused(void **state)
{
    /* Each column is counted with what its number and its length can need. */
    const size_t left = AUDIT_EVENT_MAX - 5 * (2 + AUDIT_VARINT_MAX) - 3 * AUDIT_TEXT_MAX;

    (void)state;
    assert_int_equal(leaves_of(0), 0);
    assert_int_equal(leaves_of(left), 0);
    assert_int_equal(leaves_of(left + 1), CORDON_E_CORRUPT);
    assert_int_equal(leaves_of(AUDIT_TEXT_MAX), CORDON_E_CORRUPT);
}

/* What loading says to a column that has these numbers of three events, in planes; to be one of
 * two texts, if it is one of texts. */
static int load_of(enum audit_column column, const uint64_t numbers[3])
{
    const bool is_time = column == AUDIT_TIME;
    const bool is_text = audit_column_kind(column) == AUDIT_OCTETS;
    struct audit_block *block = audit_block_create();
    struct audit_header header = {.stream = AUDIT_CHANGES, .file = 1, .events = 3};
    uint8_t body[256];
    uint8_t *at = body;

    at += audit_varint_put(at, 2u + (is_time ? 0 : 1) + (is_text ? 1 : 0));
    if (!is_time) {
        at += audit_varint_put(at, AUDIT_SECTION_COLUMN + 2 * AUDIT_TIME);
        memcpy(at, (const uint8_t[]){AUDIT_CONSTANT, 1, 1}, 3);
        at += 3;
    }
    at += audit_varint_put(at, AUDIT_SECTION_COLUMN + 2 * column);
    memcpy(at, (const uint8_t[]){AUDIT_PLANES, 25, 25}, 3);
    at += 3;
    if (is_text) {
        at += audit_varint_put(at, AUDIT_SECTION_COLUMN + 2 * column + 1);
        memcpy(at, (const uint8_t[]){AUDIT_DICTIONARY, 4, 4}, 3);
        at += 3;
    }
    at += audit_varint_put(at, AUDIT_SECTION_SALT);
    memcpy(at, (const uint8_t[]){AUDIT_RAW, AUDIT_SALT_OCTETS, AUDIT_SALT_OCTETS}, 3);
    at += 3;
    if (!is_time) {
        *at++ = 1;
    }
    *at++ = 8;
    for (unsigned plane = 0; plane < 8; plane++) {
        for (unsigned i = 0; i < 3; i++) {
            *at++ = (uint8_t)(numbers[i] >> 8 * plane);
        }
    }
    if (is_text) {
        memcpy(at, "\001a\001b", 4);
        at += 4;
    }
    memset(at, 1, AUDIT_SALT_OCTETS);
    at += AUDIT_SALT_OCTETS;
    header.body_len = (uint32_t)(at - body);
    assert_int_equal(audit_block_open(block, &header, body, header.body_len), 0);
    uint8_t leaves[3][DIGEST_OCTETS];
    const int result = audit_block_leaves(block, leaves);
    assert_int_equal(audit_block_load(block, UINT64_MAX), result);
    assert_int_equal(audit_block_leaves(block, leaves), result);
    audit_block_destroy(block);
    return result;
}

static void numbers_that_there_cannot_be_are_refused(void **state)
{
    static const uint64_t top = UINT64_C(1) << 63;
    static const struct {
        enum audit_column column;
        uint64_t numbers[3];
        int result;
    } rows[] = {
        {AUDIT_TIME, {1, top, 5}, 0},
        {AUDIT_TIME, {1, 0, 5}, CORDON_E_CORRUPT},
        {AUDIT_TIME, {1, top + 1, 5}, CORDON_E_CORRUPT},
        {AUDIT_TIME, {1, UINT64_MAX, 5}, CORDON_E_CORRUPT},
        {AUDIT_TYPE, {0, top, 0}, 0},
        {AUDIT_TYPE, {0, 256, 0}, 0},
        {AUDIT_TYPE, {0, 255, 0}, 0},
        {AUDIT_TYPE, {0, 0, 0}, 0},
        {AUDIT_TYPE, {top, top + 1, 0}, CORDON_E_CORRUPT},
        {AUDIT_TYPE, {0, 0, UINT64_MAX}, CORDON_E_CORRUPT},
        {AUDIT_NAME, {0, 1, 2}, 0},
        {AUDIT_NAME, {0, 3, 2}, CORDON_E_CORRUPT},
        {AUDIT_NAME, {top, 1, 2}, CORDON_E_CORRUPT},
        {AUDIT_NAME, {top + 1, 1, 2}, CORDON_E_CORRUPT},
        {AUDIT_NAME, {1, 2, top + 2}, CORDON_E_CORRUPT},
        {AUDIT_NAME, {1, 2, top + 3}, CORDON_E_CORRUPT},
        {AUDIT_NAME, {1, 2, UINT64_MAX}, CORDON_E_CORRUPT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(load_of(rows[i].column, rows[i].numbers), rows[i].result);
    }
}

/* A block of two events: their times, and a column of numbers with this first octet of its
 * planes. Returns the length. */
static size_t put_small_body(uint8_t *body, uint8_t width)
{
    uint8_t *at = body;

    *at++ = 3;
    memcpy(at, (const uint8_t[]){AUDIT_SECTION_COLUMN + 2 * AUDIT_TIME, AUDIT_CONSTANT, 1, 1},
           4);
    at += 4;
    memcpy(at, (const uint8_t[]){AUDIT_SECTION_COLUMN + 2 * AUDIT_TYPE, AUDIT_PLANES, 3, 3}, 4);
    at += 4;
    at += audit_varint_put(at, AUDIT_SECTION_SALT);
    memcpy(at, (const uint8_t[]){AUDIT_RAW, AUDIT_SALT_OCTETS, AUDIT_SALT_OCTETS}, 3);
    at += 3;
    memcpy(at, (const uint8_t[]){1, width, 5, 6}, 4);
    at += 4;
    memset(at, 1, AUDIT_SALT_OCTETS);
    return (size_t)(at - body) + AUDIT_SALT_OCTETS;
}

/* Each of 262,144 events is asked for alone: a column that cannot be unpacked is not unpacked
 * as often. Whoever opens the block again has it looked at again. */
static void what_is_damaged_is_found_once(void **state)
{
    struct audit_block *block = audit_block_create();
    struct audit_header header = {.stream = AUDIT_CHANGES, .file = 1, .events = 2};
    const uint64_t bit = UINT64_C(1) << AUDIT_TYPE;
    uint8_t body[128];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        header.body_len = (uint32_t)put_small_body(body, 0);
        assert_int_equal(audit_block_open(block, &header, body, header.body_len), 0);
        assert_int_equal(i == 0 ? audit_block_load(block, bit) : audit_block_unpack(block, bit),
                         CORDON_E_CORRUPT);
        (void)put_small_body(body, 1);
        assert_int_equal(audit_block_load(block, bit), CORDON_E_CORRUPT);
        assert_int_equal(audit_block_unpack(block, bit), CORDON_E_CORRUPT);
        assert_int_equal(audit_block_open(block, &header, body, header.body_len), 0);
        assert_int_equal(audit_block_load(block, UINT64_MAX), 0);
        assert_int_equal(audit_block_index(block, AUDIT_TYPE, 1), 6);
    }
    audit_block_destroy(block);
}

/* A block whose sections say that they have so much once unpacked; none is. */
static int open_with(uint32_t events, uint32_t planes, uint32_t words, uint32_t others)
{
    struct audit_block *block = audit_block_create();
    struct audit_header header = {.stream = AUDIT_CHANGES, .file = 1, .events = events};
    const struct {
        unsigned id, encoding;
        uint32_t raw, stored;
    } sections[] = {
        {AUDIT_SECTION_COLUMN + 2 * AUDIT_TIME, AUDIT_CONSTANT, 1, 1},
        {AUDIT_SECTION_COLUMN + 2 * AUDIT_NAME, AUDIT_CONSTANT, 1, 1},
        {AUDIT_SECTION_COLUMN + 2 * AUDIT_NAME + 1, AUDIT_DICTIONARY | AUDIT_PACKED, words, 1},
        {AUDIT_SECTION_COLUMN + 2 * AUDIT_TYPE, AUDIT_PLANES | AUDIT_PACKED, planes, 1},
        {AUDIT_SECTION_COLUMN + 2 * AUDIT_RULE, AUDIT_CONSTANT, 1, 1},
        {AUDIT_SECTION_COLUMN + 2 * AUDIT_RULE + 1, AUDIT_DICTIONARY | AUDIT_PACKED, others, 1},
        {AUDIT_SECTION_SALT, AUDIT_RAW, AUDIT_SALT_OCTETS, AUDIT_SALT_OCTETS},
    };
    const size_t count = sizeof(sections) / sizeof(sections[0]);
    uint8_t body[256] = {0};
    uint8_t *at = body;

    at += audit_varint_put(at, count);
    for (size_t i = 0; i < count; i++) {
        at += audit_varint_put(at, sections[i].id);
        *at++ = (uint8_t)sections[i].encoding;
        at += audit_varint_put(at, sections[i].raw);
        at += audit_varint_put(at, sections[i].stored);
        header.body_len += sections[i].stored;
    }
    header.body_len += (uint32_t)(at - body);
    const int result = audit_block_open(block, &header, body, header.body_len);
    audit_block_destroy(block);
    return result;
}

/* A few octets that say that they unpack to a gigabyte are not unpacked. */
static void what_would_take_too_much_memory_is_refused(void **state)
{
    const uint32_t most = AUDIT_SECTION_MAX;

    (void)state;
    assert_int_equal(open_with(1, 9, most, 1), CORDON_E_CORRUPT);
    assert_int_equal(open_with(1, 9, most - 1, 1), 0);
    assert_int_equal(open_with(1, 9, most / 2 + 1, most / 2), CORDON_E_CORRUPT);
    assert_int_equal(open_with(1, 10, 1, 1), CORDON_E_CORRUPT);
    assert_int_equal(open_with(AUDIT_BLOCK_EVENTS_MAX, 8 * AUDIT_BLOCK_EVENTS_MAX + 1, 1, 1),
                     0);
    assert_int_equal(open_with(AUDIT_BLOCK_EVENTS_MAX, 8 * AUDIT_BLOCK_EVENTS_MAX + 2, 1, 1),
                     CORDON_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_are_those_of_each_event_alone),
        cmocka_unit_test(long_events_are_hashed_too),
        cmocka_unit_test(steady_parts_are_those_of_each_event),
        cmocka_unit_test(an_event_that_is_too_long_is_refused),
        cmocka_unit_test(numbers_that_there_cannot_be_are_refused),
        cmocka_unit_test(what_is_damaged_is_found_once),
        cmocka_unit_test(what_would_take_too_much_memory_is_refused),
    };
    return cmocka_run_group_tests_name("audit/block_leaves", tests, setup, NULL);
}
