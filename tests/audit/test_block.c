/* audit/row, audit/block: what is put into a block comes out of it, whatever it is; and octets
 * that are no block are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/block.h"
#include "audit/events_root.h"
#include "audit/filter.h"
#include "audit/rows.h"
#include "audit/tree.h"
#include "audit/varint.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

static int setup(void **state)
{
    (void)state;
    return random_library_init();
}

struct block {
    struct audit_builder *builder;
    struct audit_block *read;
    struct audit_header header;
    const uint8_t *body;
};

static void finish(struct block *block)
{
    assert_int_equal(audit_builder_finish(block->builder, &block->header, &block->body), 0);
    block->header.file = 1;
    assert_true(audit_body_is(&block->header, block->body));
    assert_int_equal(
        audit_block_open(block->read, &block->header, block->body, block->header.body_len), 0);
    assert_int_equal(audit_block_load(block->read, UINT64_MAX), 0);
}

static void check_tree(const struct block *block)
{
    uint8_t(*leaves)[DIGEST_OCTETS] = malloc(AUDIT_BLOCK_EVENTS_MAX * sizeof(*leaves));
    uint8_t root[DIGEST_OCTETS];

    assert_int_equal(audit_block_leaves(block->read, leaves), 0);
    events_root(leaves, block->header.events, root);
    assert_memory_equal(root, block->header.tree, sizeof(root));
    free(leaves);
}

static void random_events_are_read_back_equal(void **state)
{
    enum {
        ROUNDS = 12,
        MOST = 400
    };
    struct audit_row *rows = malloc(MOST * sizeof(*rows));
    struct row_store *stores = malloc(MOST * sizeof(*stores));
    struct random random;

    (void)state;
    chance_init(&random, 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint32_t count = round < 3 ? round + 1 : 1 + random_below(&random, MOST);
        struct block block = {audit_builder_create(AUDIT_DECISIONS, 1),
                              audit_block_create(),
                              {.number = 0},
                              NULL};

        for (uint32_t i = 0; i < count; i++) {
            random_row(&random, &stores[i],
                       random_u64(&random) >> (1 + random_below(&random, 60)), &rows[i]);
            assert_int_equal(audit_builder_add(block.builder, &rows[i]), 0);
        }
        finish(&block);
        for (uint32_t i = 0; i < count; i++) {
            struct audit_row got;

            audit_block_row(block.read, i, &got);
            assert_true(audit_row_equal(&got, &rows[i]));
        }
        check_tree(&block);
        audit_builder_destroy(block.builder);
        audit_block_destroy(block.read);
    }
    free(rows);
    free(stores);
}

static void a_builder_is_used_again_and_a_full_one_says_so(void **state)
{
    struct row_store *store = malloc(sizeof(*store));
    struct block block = {
        audit_builder_create(AUDIT_QUERIES, 1), audit_block_create(), {.number = 0}, NULL};
    struct audit_row row;

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < AUDIT_BLOCK_EVENTS_MAX; i++) {
            char name[32];

            snprintf(name, sizeof(name), "host%u.example", i % 1000);
            query_row(store, 1000000 + i, i % 300, name, &row);
            assert_int_equal(audit_builder_add(block.builder, &row), 0);
        }
        assert_int_equal(audit_builder_add(block.builder, &row), -ENOBUFS);
        finish(&block);
        assert_int_equal(block.header.events, AUDIT_BLOCK_EVENTS_MAX);
        assert_int_equal(block.header.first_us, 1000000);
        assert_int_equal(block.header.last_us, 1000000 + AUDIT_BLOCK_EVENTS_MAX - 1);
        assert_int_equal(audit_block_words(block.read, AUDIT_NAME), 1000);
        audit_builder_clear(block.builder);
        if (round == 1) { /* and what the blocks have needed was given back */
            audit_builder_shrink(block.builder);
        }
    }
    /* Texts are bounded, too. */
    uint32_t count = 0;
    int result = 0;
    for (; result == 0; count++) {
        uint8_t text[AUDIT_TEXT_MAX] = {0};

        memcpy(text, &count, sizeof(count));
        row.present = 0;
        audit_row_number(&row, AUDIT_TIME, 1);
        audit_row_octets(&row, AUDIT_REASON, text, sizeof(text));
        result = audit_builder_add(block.builder, &row);
    }
    assert_int_equal(result, -ENOBUFS);
    assert_true(count <= AUDIT_BLOCK_TEXT_MAX / AUDIT_TEXT_MAX + 1);
    finish(&block);
    audit_builder_destroy(block.builder);
    audit_block_destroy(block.read);
    free(store);
}

static void what_cannot_be_written_is_refused(void **state)
{
    struct audit_builder *builder = audit_builder_create(AUDIT_CHANGES, 1);
    uint8_t *text = calloc(1, AUDIT_TEXT_MAX + 1);
    struct audit_row row = {.present = 0};

    (void)state;
    audit_row_number(&row, AUDIT_TYPE, 1);
    assert_int_equal(audit_builder_add(builder, &row), -EINVAL); /* no time */
    audit_row_number(&row, AUDIT_TIME, UINT64_C(1) << 63);
    assert_int_equal(audit_builder_add(builder, &row), -EINVAL); /* too large a number */
    audit_row_number(&row, AUDIT_TIME, (UINT64_C(1) << 63) - 1);
    audit_row_octets(&row, AUDIT_REASON, text, AUDIT_TEXT_MAX + 1);
    assert_int_equal(audit_builder_add(builder, &row), -EINVAL); /* too long a text */
    for (unsigned i = 1; i <= AUDIT_COLUMN_LAST; i++) {
        if (audit_column_kind(i) == AUDIT_OCTETS) {
            audit_row_octets(&row, (enum audit_column)i, text, AUDIT_TEXT_MAX);
        }
    }
    assert_int_equal(audit_builder_add(builder, &row), -EINVAL); /* together too much */
    row.present = 0;
    audit_row_number(&row, AUDIT_TIME, 0);
    row.present |= UINT64_C(1) << 63;
    assert_int_equal(audit_builder_add(builder, &row), -EINVAL); /* no such column */
    assert_int_equal(audit_builder_count(builder), 0);
    audit_builder_destroy(builder);
    free(text);
}

static void the_canonical_form_has_one_spelling(void **state)
{
    struct row_store *store = malloc(sizeof(*store));
    uint8_t octets[AUDIT_EVENT_MAX];
    uint8_t again[AUDIT_EVENT_MAX];
    struct audit_row row;
    struct audit_row got;
    struct random random;

    (void)state;
    chance_init(&random, 2);
    for (unsigned i = 0; i < 200; i++) {
        random_row(&random, store, random_u64(&random) >> 1, &row);
        const size_t len = audit_row_encode(&row, octets);
        assert_true(audit_row_decode(octets, len, &got));
        assert_true(audit_row_equal(&row, &got));
        for (size_t j = 0; j < len; j++) {
            /* Whatever is taken for a row is written as it was read. */
            octets[j] = (uint8_t)(octets[j] ^ 1u << random_below(&random, 8));
            if (audit_row_decode(octets, len, &got)) {
                assert_int_equal(audit_row_encode(&got, again), len);
                assert_memory_equal(again, octets, len);
            }
        }
        assert_true(!audit_row_decode(octets, 0, &got));
    }
    free(store);
}

static void addresses_clients_and_bases_are_read_back(void **state)
{
    static const char *const texts[] = {"192.0.2.1@53", "2001:db8::1@853", "192.0.2.1"};
    const struct audit_basis basis = {
        .serial = 7, .list = "l", .provider = "", .status_checked = "2026-11-01"};
    struct audit_basis_view view;
    struct audit_client client;
    struct address address;
    struct address got;
    uint8_t octets[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(address_parse(texts[i], strlen(texts[i]), 0, &address), 0);
        address.scope = i == 2 ? 5 : 0;
        const size_t len = audit_address_put(&address, true, octets);
        assert_true(audit_address_get(octets, len, &got));
        assert_true(address_equal(&got, &address));
        assert_false(audit_address_get(octets, len - 1, &got));
        assert_false(audit_address_get(octets, 0, &got));
    }
    client =
        (struct audit_client){.kind = AUDIT_CLIENT_PSEUDONYM, .day = 20000, .pseudonym = {9}};
    struct audit_client other;
    size_t len = audit_client_put(&client, octets);
    assert_true(audit_client_get(octets, len, &other));
    assert_int_equal(other.day, 20000);
    assert_memory_equal(other.pseudonym, client.pseudonym, AUDIT_PSEUDONYM_OCTETS);
    assert_false(audit_client_get(octets, len - 1, &other));
    client = (struct audit_client){
        .kind = AUDIT_CLIENT_PREFIX,
        .prefix = {.family = ADDRESS_V4, .bits = 22, .octets = {192, 0, 4}}};
    len = audit_client_put(&client, octets);
    assert_int_equal(len, 6);
    assert_true(audit_client_get(octets, len, &other));
    assert_memory_equal(&other.prefix, &client.prefix, sizeof(client.prefix));
    octets[2] = 33;
    assert_false(audit_client_get(octets, len, &other));
    assert_true(audit_client_get(octets, 0, &other)); /* absent */

    len = audit_basis_put(&basis, octets, sizeof(octets));
    assert_true(audit_basis_get(octets, len, &view));
    assert_int_equal(view.serial, 7);
    assert_int_equal(view.word[AUDIT_BASIS_PROVIDER].number, 0);
    assert_non_null(view.word[AUDIT_BASIS_PROVIDER].octets); /* empty is not absent */
    assert_null(view.word[2].octets);
    assert_memory_equal(view.word[10].octets, "2026-11-01", 10);
    assert_int_equal(audit_basis_put(&basis, octets, len - 1), 0);
    assert_false(audit_basis_get(octets, len - 1, &view));
}

static void filters_never_miss_and_seldom_err(void **state)
{
    struct row_store *store = malloc(sizeof(*store));
    struct block block = {
        audit_builder_create(AUDIT_QUERIES, 1), audit_block_create(), {.number = 0}, NULL};
    struct audit_row row;
    struct wire_name name;
    uint8_t matched[WIRE_NAME_MAX];
    unsigned wrong = 0;
    uint64_t key = 0;

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        char text[64];

        snprintf(text, sizeof(text), "a.b.host%u.zone%u.example", i, i % 50);
        query_row(store, i, i, text, &row);
        /* What matched is the name, or has as many octets. */
        memcpy(matched, row.at[AUDIT_NAME].octets, row.at[AUDIT_NAME].number);
        matched[5] = i % 3 == 0 ? 'm' : 'h';
        audit_row_octets(&row, AUDIT_MATCHED, matched, row.at[AUDIT_NAME].number);
        assert_int_equal(audit_builder_add(block.builder, &row), 0);
    }
    finish(&block);
    for (unsigned i = 0; i < 2000; i++) {
        char text[64];

        snprintf(text, sizeof(text), "zone%u.example", i % 50);
        for (unsigned form = 0; form < 3; form++) {
            if (form > 0) {
                snprintf(text, sizeof(text),
                         form == 1 ? "host%u.zone%u.example" : "b.host%u.zone%u.example", i,
                         i % 50);
            }
            assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
            assert_true(audit_filter_suffix(&name, &key));
            assert_true(audit_block_may_have(block.read, AUDIT_SECTION_NAMES, key));
        }
        if (i % 3 == 0) {
            snprintf(text, sizeof(text), "most%u.zone%u.example", i, i % 50);
            assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
            assert_true(audit_filter_suffix(&name, &key));
            assert_true(audit_block_may_have(block.read, AUDIT_SECTION_NAMES, key));
        }
        snprintf(text, sizeof(text), "other%u.invalid", i);
        assert_int_equal(wire_name_from_text(text, strlen(text), &name), WIRE_TEXT_OK);
        assert_true(audit_filter_suffix(&name, &key));
        wrong += audit_block_may_have(block.read, AUDIT_SECTION_NAMES, key);
    }
    assert_true(wrong < 2000 / 10); /* 5.6 % are expected */
    assert_int_equal(wire_name_from_text("example", 7, &name), WIRE_TEXT_OK);
    assert_false(audit_filter_suffix(&name, &key));
    audit_builder_destroy(block.builder);
    audit_block_destroy(block.read);
    free(store);
}

static void a_block_that_was_changed_is_refused_or_is_another(void **state)
{
    struct row_store *store = malloc(sizeof(*store));
    struct block block = {
        audit_builder_create(AUDIT_DECISIONS, 1), audit_block_create(), {.number = 0}, NULL};
    struct audit_row row;
    unsigned refused = 0;

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        char text[32];

        snprintf(text, sizeof(text), "host%u.cloud.example", i % 40);
        decision_row(store, 1000 + i, i % 9, text, i % 2 == 0 ? "one" : "two", &row);
        assert_int_equal(audit_builder_add(block.builder, &row), 0);
    }
    finish(&block);
    uint8_t *body = malloc(block.header.body_len);
    for (uint32_t i = 0; i < block.header.body_len; i++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            memcpy(body, block.body, block.header.body_len);
            body[i] = (uint8_t)(body[i] ^ 1u << bit);
            assert_false(audit_body_is(&block.header, body));
            if (audit_block_open(block.read, &block.header, body, block.header.body_len) != 0 ||
                audit_block_load(block.read, UINT64_MAX) != 0) {
                refused++;
                continue;
            }
            for (uint32_t j = 0; j < block.header.events; j++) {
                audit_block_row(block.read, j, &row);
            }
        }
    }
    assert_true(refused > 0);
    /* Cut anywhere. */
    for (uint32_t have = 0; have < block.header.body_len; have += 7) {
        struct audit_header header = block.header;
        uint8_t *part = malloc(have + 1);

        memcpy(part, block.body, have);
        const int result = audit_block_open(block.read, &header, part, have);
        assert_true(result == 0 || result == -EAGAIN);
        if (result == 0) {
            const bool reaches = have >= audit_block_reach(block.read, UINT64_MAX);
            uint8_t leaves[300][DIGEST_OCTETS];

            assert_int_equal(audit_block_load(block.read, UINT64_MAX), reaches ? 0 : -EAGAIN);
            assert_int_equal(audit_block_leaves(block.read, leaves), -EAGAIN); /* no salt */
        }
        header.body_len = have;
        assert_int_equal(audit_block_open(block.read, &header, part, have), CORDON_E_CORRUPT);
        free(part);
    }
    free(body);
    audit_builder_destroy(block.builder);
    audit_block_destroy(block.read);
    free(store);
}

/* Where the salt is: its entry in the directory, and its octets. */
struct salt {
    size_t entry, entry_end, at, len;
};

static struct salt find_salt(const struct block *block)
{
    const uint8_t *at = block->body;
    const uint8_t *const end = at + block->header.body_len;
    struct salt salt = {0};
    uint64_t count = 0;
    uint64_t id = 0;
    uint64_t len = 0;

    assert_true(audit_varint_get(&at, end, &count));
    for (; count > 0; count--) {
        salt.entry = (size_t)(at - block->body);
        assert_true(audit_varint_get(&at, end, &id));
        at++;
        assert_true(audit_varint_get(&at, end, &len) && audit_varint_get(&at, end, &len));
    }
    assert_int_equal(id, AUDIT_SECTION_SALT);
    salt.entry_end = (size_t)(at - block->body);
    salt.at = block->header.body_len - (size_t)len;
    salt.len = (size_t)len;
    return salt;
}

/* Builds a block of some events, the first of this name. */
static void make_block(struct block *block, const char *name, unsigned events)
{
    static struct row_store store;
    struct audit_row row;

    for (unsigned i = 0; i < events; i++) {
        query_row(&store, 1000 + i, 3, i == 0 ? name : "host.example", &row);
        assert_int_equal(audit_builder_add(block->builder, &row), 0);
    }
    finish(block);
}

static void what_stays_of_a_block_says_nothing_of_its_events(void **state)
{
    static const char *const names[] = {"shop.example", "shop.example", "clinic.example",
                                        "a-much-longer-name-than-these.illness.example"};
    uint8_t kept[4][AUDIT_HEADER_OCTETS];
    struct block block = {
        audit_builder_create(AUDIT_QUERIES, 1), audit_block_create(), {.number = 0}, NULL};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        memset(&block.header, 0, sizeof(block.header));
        make_block(&block, names[i], 1);
        check_tree(&block);
        assert_int_equal(block.header.body_len % AUDIT_BODY_UNIT, 0);
        audit_header_put(&block.header, kept[i]);
        for (unsigned j = 0; j < i;
             j++) { /* the same event, too, has other digests each time */
            assert_memory_not_equal(kept[j] + 128, kept[i] + 128, DIGEST_OCTETS);
            assert_memory_not_equal(kept[j] + 160, kept[i] + 160, DIGEST_OCTETS);
        }
        /* But for the digests the headers are equal, whatever was asked. */
        assert_memory_equal(kept[0], kept[i], 128);
        assert_memory_equal(kept[0] + 192, kept[i] + 192, AUDIT_HEADER_OCTETS - 192);
        audit_builder_clear(block.builder);
    }
    audit_builder_destroy(block.builder);
    audit_block_destroy(block.read);
}

/* A body in which the salt's section has `len` octets, or is not there (SIZE_MAX). */
static int open_with_salt(const struct block *block, const struct salt *salt, size_t len)
{
    struct audit_header header = block->header;
    uint8_t *body = calloc(1, header.body_len + (size_t)2 * AUDIT_BODY_UNIT);
    const bool is_there = len != SIZE_MAX;
    size_t at = salt->entry;
    int result = 0;

    memcpy(body, block->body, salt->entry);
    body[0] = (uint8_t)(body[0] - (is_there ? 0 : 1)); /* sections: below 128 */
    if (is_there) {
        at += audit_varint_put(body + at, AUDIT_SECTION_SALT);
        body[at++] = AUDIT_RAW;
        at += audit_varint_put(body + at, len);
        at += audit_varint_put(body + at, len);
    }
    memcpy(body + at, block->body + salt->entry_end, salt->at - salt->entry_end);
    at += salt->at - salt->entry_end;
    if (is_there) {
        memcpy(body + at, block->body + salt->at, len < salt->len ? len : salt->len);
        at += len;
    }
    header.body_len = (uint32_t)at;
    result = audit_block_open(block->read, &header, body, at);
    if (result == 0) {
        uint8_t leaves[40][DIGEST_OCTETS];

        assert_int_equal(audit_block_load(block->read, UINT64_MAX), 0);
        result = audit_block_leaves(block->read, leaves);
    }
    free(body);
    return result;
}

static void a_salt_that_is_changed_cut_or_missing_is_seen(void **state)
{
    struct block block = {
        audit_builder_create(AUDIT_QUERIES, 1), audit_block_create(), {.number = 0}, NULL};
    uint8_t leaves[40][DIGEST_OCTETS];
    uint8_t root[DIGEST_OCTETS];

    (void)state;
    make_block(&block, "first.example", 40);
    const struct salt salt = find_salt(&block);
    const uint32_t len = block.header.body_len;
    uint8_t *body = malloc(len);
    assert_true(salt.len >= AUDIT_SALT_OCTETS && block.body[0] < 0x80);
    for (size_t i = salt.at; i < len; i++) {
        memcpy(body, block.body, len);
        body[i] ^= 4;
        assert_int_equal(audit_block_open(block.read, &block.header, body, len), 0);
        assert_int_equal(audit_block_load(block.read, UINT64_MAX), 0);
        const int result = audit_block_leaves(block.read, leaves);
        if (i >= salt.at + AUDIT_SALT_OCTETS) {
            assert_int_equal(result, CORDON_E_CORRUPT); /* nothing can be hidden there */
            continue;
        }
        assert_int_equal(result, 0);
        events_root(leaves, 40, root);
        assert_memory_not_equal(root, block.header.tree, sizeof(root));
    }
    memcpy(body, block.body, len);
    memset(body + salt.at, 0, AUDIT_SALT_OCTETS);
    assert_int_equal(audit_block_open(block.read, &block.header, body, len), 0);
    assert_int_equal(audit_block_load(block.read, UINT64_MAX), 0);
    assert_int_equal(audit_block_leaves(block.read, leaves), CORDON_E_CORRUPT);
    free(body);
    assert_int_equal(open_with_salt(&block, &salt, AUDIT_SALT_OCTETS), 0);
    assert_int_equal(open_with_salt(&block, &salt, salt.len), 0);
    assert_int_equal(open_with_salt(&block, &salt, AUDIT_SALT_OCTETS - 1), CORDON_E_CORRUPT);
    assert_int_equal(open_with_salt(&block, &salt, 0), CORDON_E_CORRUPT);
    assert_int_equal(open_with_salt(&block, &salt, SIZE_MAX), CORDON_E_CORRUPT);
    audit_builder_destroy(block.builder);
    audit_block_destroy(block.read);
}

static void a_header_has_one_spelling(void **state)
{
    struct audit_header header = {.stream = AUDIT_QUERIES,
                                  .number = 5,
                                  .events = 3,
                                  .first_us = 1,
                                  .last_us = 2,
                                  .file = 1};
    uint8_t octets[AUDIT_HEADER_OCTETS];
    uint8_t again[AUDIT_HEADER_OCTETS];
    struct audit_header got;
    unsigned refused = 0;

    (void)state;
    audit_header_put(&header, octets);
    assert_true(audit_header_get(octets, &got));
    for (size_t i = 0; i < 8 * AUDIT_HEADER_OCTETS; i++) {
        octets[i / 8] = (uint8_t)(octets[i / 8] ^ 1u << i % 8);
        if (audit_header_get(octets, &got)) {
            audit_header_put(&got, again);
            assert_memory_equal(again, octets, sizeof(again));
        } else {
            refused++;
        }
        octets[i / 8] = (uint8_t)(octets[i / 8] ^ 1u << i % 8);
    }
    assert_true(refused > 8 * 70); /* what is to be zero, and the magic number */
}

static void a_varint_has_one_spelling(void **state)
{
    static const struct {
        uint8_t octets[12];
        size_t len;
        bool good;
    } rows[] = {
        {{0}, 1, true},
        {{0x7f}, 1, true},
        {{0x80, 1}, 2, true},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 10, true},
        {{0x80}, 1, false},    /* ends first */
        {{0x80, 0}, 2, false}, /* longer than needed */
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}, 10, false}, /* 65 bits */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, 11, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint8_t *at = rows[i].octets;
        uint8_t again[AUDIT_VARINT_MAX];
        uint64_t value = 0;

        assert_int_equal(audit_varint_get(&at, rows[i].octets + rows[i].len, &value),
                         rows[i].good);
        if (rows[i].good) {
            assert_int_equal(audit_varint_put(again, value), rows[i].len);
            assert_memory_equal(again, rows[i].octets, rows[i].len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_events_are_read_back_equal),
        cmocka_unit_test(a_builder_is_used_again_and_a_full_one_says_so),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(the_canonical_form_has_one_spelling),
        cmocka_unit_test(addresses_clients_and_bases_are_read_back),
        cmocka_unit_test(filters_never_miss_and_seldom_err),
        cmocka_unit_test(a_block_that_was_changed_is_refused_or_is_another),
        cmocka_unit_test(what_stays_of_a_block_says_nothing_of_its_events),
        cmocka_unit_test(a_salt_that_is_changed_cut_or_missing_is_seen),
        cmocka_unit_test(a_header_has_one_spelling),
        cmocka_unit_test(a_varint_has_one_spelling),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
