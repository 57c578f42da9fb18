/* audit/block_read: what a stranger's block takes of memory, and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/block.h"
#include "audit/block_open.h"
#include "audit/limits.h"
#include "audit/varint.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define EVENTS    AUDIT_BLOCK_EVENTS_MAX
#define ZEROS     ((size_t)AUDIT_SECTION_MAX)
#define BODY_ROOM (4u << 20)
#define MIB       ((size_t)1 << 20)

/* A body that is made section by section; what is in them is zeros, packed. */
struct body {
    struct audit_header header;
    uint8_t *octets, *zeros, *data;
    size_t len, data_len;
    unsigned sections;
    uint8_t directory[4096];
};

static void begin(struct body *body)
{
    *body = (struct body){.header = {.stream = AUDIT_CHANGES, .file = 1, .events = EVENTS},
                          .octets = malloc(BODY_ROOM),
                          .zeros = calloc(1, ZEROS),
                          .data = malloc(BODY_ROOM)};
    assert_true(body->octets != NULL && body->zeros != NULL && body->data != NULL);
}

static void add_entry(struct body *body, unsigned id, unsigned encoding, size_t raw,
                      size_t stored)
{
    uint8_t *at = body->directory + body->len;

    at += audit_varint_put(at, id);
    *at++ = (uint8_t)encoding;
    at += audit_varint_put(at, raw);
    at += audit_varint_put(at, stored);
    body->len = (size_t)(at - body->directory);
    body->data_len += stored;
    body->sections++;
}

/* `first`, and zeros. */
static void add_packed(struct body *body, unsigned id, unsigned encoding, uint8_t first,
                       size_t raw)
{
    assert_true(raw <= ZEROS);
    body->zeros[0] = first;
    const size_t stored = ZSTD_compress(body->data + body->data_len, BODY_ROOM - body->data_len,
                                        body->zeros, raw, 1);
    body->zeros[0] = 0;
    assert_false(ZSTD_isError(stored));
    add_entry(body, id, encoding | AUDIT_PACKED, raw, stored);
}

/* All events have that time. */
static void add_time(struct body *body)
{
    body->data[body->data_len] = 1;
    add_entry(body, AUDIT_SECTION_COLUMN + 2 * AUDIT_TIME, AUDIT_CONSTANT, 1, 1);
}

/* Numbers of eight octets, and so many empty texts, or none: then it is a column of numbers. */
static void add_column(struct body *body, unsigned column, size_t texts)
{
    const unsigned id = AUDIT_SECTION_COLUMN + 2 * column;

    add_packed(body, id, AUDIT_PLANES, 8, 1 + (size_t)8 * EVENTS);
    if (texts > 0) {
        add_packed(body, id + 1, AUDIT_DICTIONARY, 0, texts);
    }
}

/* A dictionary of texts that are as long as they may be. */
static void add_long_texts(struct body *body, unsigned column, size_t octets)
{
    const size_t whole = 2 + AUDIT_TEXT_MAX;
    const unsigned id = AUDIT_SECTION_COLUMN + 2 * column;
    const size_t count = octets / whole;

    body->data[body->data_len] = 0;
    add_entry(body, id, AUDIT_CONSTANT, 1, 1);
    for (size_t i = 0; i < count; i++) {
        (void)audit_varint_put(body->zeros + i * whole, AUDIT_TEXT_MAX);
    }
    add_packed(body, id + 1, AUDIT_DICTIONARY, body->zeros[0], count * whole);
    memset(body->zeros, 0, ZEROS);
}

/* Opens what was added, and loads all of it. */
static int load(struct body *body, struct audit_block *block)
{
    uint8_t *at = body->octets;

    memset(body->data + body->data_len, 1, AUDIT_SALT_OCTETS);
    add_entry(body, AUDIT_SECTION_SALT, AUDIT_RAW, AUDIT_SALT_OCTETS, AUDIT_SALT_OCTETS);
    at += audit_varint_put(at, body->sections);
    memcpy(at, body->directory, body->len);
    at += body->len;
    memcpy(at, body->data, body->data_len);
    at += body->data_len;
    body->header.body_len = (uint32_t)(at - body->octets);
    const int result =
        audit_block_open(block, &body->header, body->octets, body->header.body_len);
    return result != 0 ? result : audit_block_load(block, UINT64_MAX);
}

static void end(struct body *body)
{
    free(body->octets);
    free(body->zeros);
    free(body->data);
}

/* So many columns, each with so many texts. */
static int load_columns(struct audit_block *block, unsigned columns, size_t texts)
{
    struct body body;

    begin(&body);
    add_time(&body);
    for (unsigned i = 0, column = AUDIT_TIME + 1; i < columns; column++) {
        if (audit_column_kind(column) != AUDIT_NUMBER) {
            add_column(&body, column, texts);
            i++;
        }
    }
    const int result = load(&body, block);
    end(&body);
    return result;
}

/* A few kilobytes that say four million texts of nothing. */
static void texts_are_bounded(void **state)
{
    struct audit_block *block = audit_block_create();
    const unsigned most = AUDIT_WORDS_MAX / EVENTS;

    (void)state;
    assert_non_null(block);
    assert_int_equal(load_columns(block, most, EVENTS), 0);
    assert_true(audit_block_memory(block) < 80 * MIB); /* of numbers, texts and their places */
    assert_int_equal(load_columns(block, 1, EVENTS + 1), CORDON_E_CORRUPT);
    assert_int_equal(load_columns(block, most + 1, EVENTS), CORDON_E_CORRUPT);
    assert_int_equal(load_columns(block, most + 1, EVENTS / 2),
                     0); /* another block's are not counted */
    assert_int_equal(load_columns(block, 48, AUDIT_SECTION_MAX / 48), CORDON_E_CORRUPT);
    assert_true(audit_block_memory(block) < 256 * MIB);
    audit_block_destroy(block);
}

/* After a small block. */
static void little_is_kept(struct audit_block *block)
{
    struct body body;

    begin(&body);
    add_time(&body);
    body.header.events = 2;
    assert_int_equal(load(&body, block), 0);
    assert_true(audit_block_memory(block) < MIB);
    end(&body);
}

/* Blocks that need much, each for another column: it is freed before the next one is read. */
static void what_large_blocks_needed_is_freed(void **state)
{
    static const unsigned columns[] = {AUDIT_NAME, AUDIT_RULE, AUDIT_MATCHED, AUDIT_CHAIN,
                                       AUDIT_REASON};
    struct audit_block *block = audit_block_create();
    struct body body;

    (void)state;
    assert_non_null(block);
    for (unsigned round = 0; round < sizeof(columns) / sizeof(columns[0]); round++) {
        begin(&body);
        add_time(&body);
        add_long_texts(&body, columns[round], AUDIT_SECTION_MAX - MIB);
        assert_int_equal(load(&body, block), 0);
        assert_true(audit_block_memory(block) <= AUDIT_KEPT_MAX + 17 * MIB);
        end(&body);
    }
    assert_true(audit_block_memory(block) > AUDIT_KEPT_MAX);
    little_is_kept(block);

    /* The same of numbers and of many texts. */
    assert_int_equal(load_columns(block, 40, AUDIT_WORDS_MAX / 40), 0);
    assert_true(audit_block_memory(block) > AUDIT_KEPT_MAX);
    little_is_kept(block);
    audit_block_destroy(block);
}

/* Or every block would take its memory anew. */
static void what_an_ordinary_block_needs_is_kept(void **state)
{
    struct audit_block *block = audit_block_create();

    (void)state;
    assert_non_null(block);
    assert_int_equal(load_columns(block, 12, EVENTS / 2), 0);
    const size_t kept = audit_block_memory(block);
    /* Of numbers, and of places for texts. */
    assert_true(kept > (size_t)12 * (2 + 2) * MIB && kept <= AUDIT_KEPT_MAX);
    assert_int_equal(load_columns(block, 1, 100), 0);
    assert_int_equal(audit_block_memory(block), kept);
    audit_block_destroy(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_bounded),
        cmocka_unit_test(what_large_blocks_needed_is_freed),
        cmocka_unit_test(what_an_ordinary_block_needs_is_kept),
    };

    return cmocka_run_group_tests_name("audit/block_memory", tests, NULL, NULL);
}
